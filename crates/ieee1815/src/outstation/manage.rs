//! What a master arranges: writes, freezes, classes, restarts.

use super::Restart;
use super::read::ITEMS_MAX;
use super::session::{Context, Request, Session, not_understood};
use crate::functions::{COLD_RESTART, FREEZE, FREEZE_CLEAR, FREEZE_CLEAR_NO_ACK};
use crate::objects::{Direction, ObjectHeader, Range, parse_headers, static_type};
use crate::{Iin, Measured, PointType, Value};

impl Session {
    pub(super) fn write(&mut self, request: &Request<'_>, context: &mut Context<'_>) {
        let mut iin = if request.objects.is_empty() { Iin::PARAMETER_ERROR } else { Iin::NONE };
        for header in parse_headers(request.objects, Direction::Request) {
            iin = iin
                | match header {
                    Ok(header) => self.write_object(&header, context),
                    Err(error) => not_understood(error),
                };
        }
        self.answer(request, iin, context);
    }

    /// An answer without objects.
    fn answer(&mut self, request: &Request<'_>, iin: Iin, context: &mut Context<'_>) {
        if iin == Iin::NONE {
            self.respond(request, iin, &[], context);
        } else {
            self.refuse(request, iin, context);
        }
    }

    fn write_object(&mut self, header: &ObjectHeader<'_>, context: &mut Context<'_>) -> Iin {
        match (header.group, header.variation, header.range) {
            // The restart bit can only be cleared.
            (80, 1, Range::StartStop(7, 7)) if header.bits().all(|(_, bit)| !bit) => {
                self.restart = false;
                Iin::NONE
            }
            (50, 1 | 3, Range::Count(1)) => {
                let recorded =
                    if header.variation == 3 { self.time_recorded.take() } else { Some(context.now) };
                let taken = header.time().zip(recorded).is_some_and(|(millis, then)| {
                    let since = context.now.saturating_sub(then).as_millis();
                    let since = u64::try_from(since).unwrap_or(u64::MAX);
                    context.app.write_time(context.session, millis.saturating_add(since))
                });
                if taken { Iin::NONE } else { Iin::PARAMETER_ERROR }
            }
            (34, 1..=3, Range::StartStop(..) | Range::Indexed(_)) => {
                let mut iin = Iin::NONE;
                for (index, band) in header.numbers() {
                    let at = u16::try_from(index)
                        .ok()
                        .and_then(|index| context.points.find((PointType::AnalogInput, index)));
                    match at {
                        Some(at) if band >= 0.0 => self.events.set_deadband(at, band),
                        _ => iin = Iin::PARAMETER_ERROR,
                    }
                }
                iin
            }
            (110, 1.., Range::StartStop(..) | Range::Indexed(_)) => {
                let mut iin = Iin::NONE;
                for (index, octets) in header.strings() {
                    let taken = u16::try_from(index)
                        .is_ok_and(|index| context.app.write_octets(context.session, index, octets));
                    if !taken {
                        iin = Iin::PARAMETER_ERROR;
                    }
                }
                iin
            }
            (0 | 34 | 50 | 80 | 110, ..) => Iin::PARAMETER_ERROR,
            _ => Iin::OBJECT_UNKNOWN,
        }
    }

    pub(super) fn freeze(&mut self, request: &Request<'_>, context: &mut Context<'_>) {
        let clear = matches!(request.function, FREEZE_CLEAR | FREEZE_CLEAR_NO_ACK);
        let answered = matches!(request.function, FREEZE | FREEZE_CLEAR);
        let mut iin = if request.objects.is_empty() { Iin::PARAMETER_ERROR } else { Iin::NONE };
        for (number, header) in parse_headers(request.objects, Direction::Naming).enumerate() {
            let header = match header {
                Ok(header) if number < ITEMS_MAX => header,
                Ok(_) => {
                    iin = iin | Iin::PARAMETER_ERROR;
                    break;
                }
                Err(error) => {
                    iin = iin | not_understood(error);
                    break;
                }
            };
            let of = match (header.group, header.variation) {
                (20, 0 | 1 | 2 | 5 | 6) => PointType::Counter,
                (30, 0..=6) if !clear => PointType::AnalogInput,
                _ => {
                    iin = iin | Iin::OBJECT_UNKNOWN;
                    continue;
                }
            };
            let all = for_each_index(&header, of, context, &mut |at, context| {
                self.freeze_point(at, clear, context);
            });
            iin = if all { iin } else { iin | Iin::PARAMETER_ERROR };
        }
        if answered {
            self.answer(request, iin, context);
        } else if iin != Iin::NONE {
            super::session::count(&mut self.counters.bad_objects);
        }
    }

    /// Freezes a point where a frozen one of its index is configured, and clears it.
    fn freeze_point(&mut self, at: usize, clear: bool, context: &mut Context<'_>) {
        let Some(row) = context.points.row(at) else { return };
        let (of, index) = row.point.key;
        let frozen =
            if of == PointType::Counter { PointType::FrozenCounter } else { PointType::FrozenAnalogInput };
        let measured = row.measured();
        if let Some(frozen) = context.points.find((frozen, index)) {
            self.update(frozen, Measured { time: context.app.time(), ..measured }, context);
        }
        if clear {
            context.app.cleared(index);
            let time = context.app.time().or(measured.time);
            self.update(at, Measured { value: Value::Counter(0), time, ..measured }, context);
        }
    }

    /// Takes a value that came about here, for this master and the others.
    pub(super) fn update(&mut self, at: usize, measured: Measured, context: &mut Context<'_>) {
        let Some(row) = context.points.set(at, measured) else { return };
        self.events.update(at, row);
        for other in context.others.iter_mut().flat_map(|others| others.iter_mut()) {
            other.events.update(at, row);
        }
    }

    pub(super) fn assign_class(&mut self, request: &Request<'_>, context: &mut Context<'_>) {
        let mut class = None;
        let mut iin = if request.objects.is_empty() { Iin::PARAMETER_ERROR } else { Iin::NONE };
        for (number, header) in parse_headers(request.objects, Direction::Naming).enumerate() {
            let header = match header {
                Ok(header) if number < ITEMS_MAX => header,
                Ok(_) => {
                    iin = iin | Iin::PARAMETER_ERROR;
                    break;
                }
                Err(error) => {
                    iin = iin | not_understood(error);
                    break;
                }
            };
            if header.group == 60 {
                class = match (header.variation, header.range) {
                    (1..=4, Range::All) => Some(header.variation.wrapping_sub(1)),
                    _ => None,
                };
                if class.is_none() {
                    iin = iin | Iin::PARAMETER_ERROR;
                }
                continue;
            }
            let point = static_type(header.group).or(match header.group {
                12 => Some(PointType::BinaryOutputCommand),
                41 => Some(PointType::AnalogOutputCommand),
                _ => None,
            });
            let (Some(point), 0) = (point, header.variation) else {
                iin = iin | Iin::OBJECT_UNKNOWN;
                continue;
            };
            let Some(class) = class else {
                iin = iin | Iin::PARAMETER_ERROR;
                continue;
            };
            let events = &mut self.events;
            let all = for_each_index(&header, point, context, &mut |at, _| events.assign(at, class));
            iin = if all { iin } else { iin | Iin::PARAMETER_ERROR };
        }
        self.answer(request, iin, context);
    }

    pub(super) fn restart(&mut self, request: &Request<'_>, context: &mut Context<'_>) {
        if !request.objects.is_empty() {
            return self.refuse(request, Iin::PARAMETER_ERROR, context);
        }
        let kind = if request.function == COLD_RESTART { Restart::Cold } else { Restart::Warm };
        let Some(delay) = context.app.restart(context.session, kind) else {
            super::session::count(&mut self.counters.unknown_function);
            return self.respond(request, Iin::NO_FUNC_CODE_SUPPORT, &[], context);
        };
        let (variation, number) = match u16::try_from(delay.as_millis()) {
            Ok(millis) => (2, millis),
            // Rounded up: the master must not come too early.
            Err(_) => {
                let seconds = delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0));
                (1, u16::try_from(seconds).unwrap_or(u16::MAX))
            }
        };
        let [low, high] = number.to_le_bytes();
        self.respond(request, Iin::NONE, &[52, variation, 0x07, 1, low, high], context);
    }
}

/// Calls `act` with the row of each point that a header names; false where one does not exist.
fn for_each_index(
    header: &ObjectHeader<'_>,
    point: PointType,
    context: &mut Context<'_>,
    act: &mut dyn FnMut(usize, &mut Context<'_>),
) -> bool {
    let (span, whole) = match header.range {
        Range::All => (context.points.span(point, 0, u16::MAX), true),
        Range::StartStop(start, stop) => {
            let (Ok(first), last) = (u16::try_from(start), u16::try_from(stop).unwrap_or(u16::MAX)) else {
                return false;
            };
            let span = context.points.span(point, first, last);
            let wanted = u64::from(stop).abs_diff(u64::from(start)).saturating_add(1);
            let whole = span.len() as u64 == wanted;
            (span, whole)
        }
        Range::Indexed(_) => {
            let mut all = true;
            for index in header.indexes() {
                match u16::try_from(index).ok().and_then(|index| context.points.find((point, index))) {
                    Some(at) => act(at, context),
                    None => all = false,
                }
            }
            return all;
        }
        Range::Count(_) => return false,
    };
    for at in span {
        act(at, context);
    }
    whole
}
