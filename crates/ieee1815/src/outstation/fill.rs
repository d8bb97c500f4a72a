//! The fragments that answer a READ, and those that are sent unasked.
//!
//! Each fragment is made when it is sent, from what the points are then; a long answer never carries what was true
//! when it was begun.

use alloc::vec::Vec;

use super::events::{Carrier, Events, class_set};
use super::points::{Point, Points, number};
use super::read::{Item, Series, Which};
use crate::objects::{
    self, Attribute, AttributeValue, Entry, Form, TimeForm, to_f32, write_measured, write_time,
};
use crate::{Flags, Iin, Measured, Time, Value};

/// Octets of a header with 16-bit range or count.
const HEADER_OCTETS: usize = 7;
/// Octets of a common time of occurrence with its header.
const COMMON_TIME_OCTETS: usize = 10;

/// A fragment that is being filled, and from what.
pub(super) struct Fill<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) max: usize,
    pub(super) points: &'a Points,
    pub(super) events: &'a mut Events,
    pub(super) attributes: &'a [Attribute],
    /// What the device takes for the time.
    pub(super) time: Option<u64>,
    /// Whether that time was set and is kept.
    pub(super) synchronized: bool,
    pub(super) indications: Iin,
    /// When it is filled.
    pub(super) now: Time,
    /// What the fragment is.
    pub(super) carrier: Carrier,
}

/// A header that is being filled.
struct Run {
    group: u8,
    variation: u8,
    /// Where its count or stop is.
    patch: usize,
    count: u16,
    /// Index that would continue it.
    next: Option<u16>,
}

impl Run {
    fn put(&self, out: &mut [u8], value: u16) {
        if let Some(place) = out.get_mut(self.patch..).and_then(|rest| rest.first_chunk_mut::<2>()) {
            *place = value.to_le_bytes();
        }
    }
}

impl Fill<'_> {
    /// Writes objects until the fragment is full or all is sent. True when there are events among them.
    pub(super) fn series(&mut self, series: &mut Series) -> bool {
        let mut any_events = false;
        while let Some(item) = series.0.front_mut() {
            let over = match item {
                Item::Events { of, variation, left } => self.events(*of, *variation, left, &mut any_events),
                Item::Statics { next, end, variation, class_0 } => {
                    self.statics(next, *end, *variation, *class_0)
                }
                Item::Deadbands { next, end, entry } => self.deadbands(next, *end, entry),
                Item::Attributes { variation, next } => self.attributes(*variation, next),
                Item::Time => match self.time {
                    Some(time) => self.small(&[50, 1, 0x07, 1], |out| write_time(out, time)),
                    // A device without a clock does not say 1970.
                    None => true,
                },
                Item::Indications { first, last } => {
                    let wide =
                        u16::MAX.wrapping_shr(u32::from(15_u8.saturating_sub(last.saturating_sub(*first))));
                    let bits = self.indications.bits().wrapping_shr(u32::from(*first)) & wide;
                    let header = [80, 1, 0x00, *first, *last];
                    let octets = if last.saturating_sub(*first) < 8 { 1 } else { 2 };
                    self.small(&header, |out| out.extend(bits.to_le_bytes().into_iter().take(octets)))
                }
            };
            if !over {
                return any_events;
            }
            series.0.pop_front();
        }
        any_events
    }

    fn has_room(&self, octets: usize) -> bool {
        self.out.len().saturating_add(octets) <= self.max
    }

    fn small(&mut self, header: &[u8], body: impl FnOnce(&mut Vec<u8>)) -> bool {
        let room = self.has_room(16);
        if room {
            self.out.extend_from_slice(header);
            body(self.out);
        }
        room
    }

    /// Writes events. True when all was written.
    pub(super) fn events(
        &mut self,
        of: Which,
        variation: Option<Entry>,
        left: &mut u32,
        any: &mut bool,
    ) -> bool {
        let mut run: Option<Run> = None;
        let mut common_time: Option<u64> = None;
        let mut from = 0;
        while *left > 0 {
            let wanted = |class: u8, at: usize| match of {
                Which::Classes(classes) => classes.contains(class_set(class)),
                Which::Point(point) => self.points.row(at).is_some_and(|row| row.point.key.0 == point),
            };
            let next = self.events.unsent(from).find(|(_, event)| wanted(event.class, event.at));
            let Some((place, event)) = next else { return true };
            from = place.saturating_add(1);
            let Some(row) = self.points.row(event.at) else { continue };
            let Some(entry) = row.event_entry(variation) else {
                self.events.discard(place);
                from = place;
                continue;
            };
            // A time that nobody told is not 1970.
            let untold = event.queued.map_or_else(|| row.measured().time, |queued| queued.time).is_none();
            let entry = if untold { entry.untimed() } else { entry };
            // Without its time an old value would pass for a new one: history leaves with time or not at all.
            let latest_only = event.queued.is_some() && !entry.has_time() && !row.rest.history;
            if latest_only && self.events.is_superseded(place) {
                self.events.note_superseded(place, self.carrier);
                continue;
            }
            let queued = event.queued.filter(|_| !latest_only);
            let measured = queued.unwrap_or_else(|| row.measured());
            if !self
                .has_room(HEADER_OCTETS.saturating_add(COMMON_TIME_OCTETS).saturating_add(entry.octets_max()))
            {
                return false;
            }
            let time = measured.time.unwrap_or_default();
            let mut after = common_time.and_then(|common| u16::try_from(time.checked_sub(common)?).ok());
            if entry.time == TimeForm::Relative && after.is_none() {
                self.out.extend_from_slice(&[51, if self.synchronized { 1 } else { 2 }, 0x07, 1]);
                write_time(self.out, time);
                (common_time, after, run) = (Some(time), Some(0), None);
            }
            let same = (entry.group(), entry.variation());
            match run.as_mut().filter(|run| (run.group, run.variation) == same && run.count < u16::MAX) {
                Some(run) => {
                    run.count = run.count.saturating_add(1);
                    run.put(self.out, run.count);
                }
                None => {
                    self.out.extend_from_slice(&[same.0, same.1, 0x28, 1, 0]);
                    let patch = self.out.len().saturating_sub(2);
                    run = Some(Run { group: same.0, variation: same.1, patch, count: 1, next: None });
                }
            }
            self.out.extend_from_slice(&row.point.key.1.to_le_bytes());
            if matches!(entry.form, Form::Text(_)) {
                self.out.extend_from_slice(&row.rest.octets);
            } else {
                write_measured(self.out, &entry, &measured);
            }
            if entry.time == TimeForm::Relative {
                self.out.extend_from_slice(&after.unwrap_or_default().to_le_bytes());
            }
            let flags = measured.flags.unwrap_or(row.point.flags);
            self.events.note_sent(place, self.carrier, number(measured.value), flags, self.now);
            *left = left.saturating_sub(1);
            *any = true;
        }
        true
    }

    /// True when all was written; `next` is where to go on.
    fn statics(&mut self, next: &mut usize, end: usize, variation: Option<Entry>, class_0: bool) -> bool {
        let points = self.points;
        while *next < end {
            let Some(row) = points.row(*next) else { return true };
            let entry = row.static_entry(variation).filter(|_| row.point.class_0 || !class_0);
            let Some(entry) = entry else {
                *next = next.saturating_add(1);
                continue;
            };
            let room = self.max.saturating_sub(self.out.len()).saturating_sub(HEADER_OCTETS);
            let most = entry.count_in(room);
            if most == 0 {
                return false;
            }
            let rows = points.rows().get(*next..end).unwrap_or_default();
            let run = rows.get(..self.run(rows, &entry, variation, class_0, most)).unwrap_or_default();
            let (Some(first), Some(last)) = (run.first(), run.last()) else { return true };
            let ([f0, f1], [l0, l1]) = (first.key.1.to_le_bytes(), last.key.1.to_le_bytes());
            self.out.extend_from_slice(&[entry.group(), entry.variation(), 0x01, f0, f1, l0, l1]);
            match entry.form {
                Form::Text(_) => self.out.extend_from_slice(&row.rest.octets),
                _ => write_run(self.out, &entry, run, &|at| {
                    points.row(next.saturating_add(at)).and_then(|row| row.measured().time)
                }),
            }
            self.events.note_statics(*next, run, self.now);
            *next = next.saturating_add(run.len());
        }
        true
    }

    /// How many points from the first on go under one header: next to each other, in one variation.
    fn run(
        &self,
        rows: &[Point],
        entry: &Entry,
        variation: Option<Entry>,
        class_0: bool,
        most: usize,
    ) -> usize {
        if matches!(entry.form, Form::Text(_)) {
            return 1;
        }
        let Some(head) = rows.first() else { return 0 };
        let (of, first) = head.key;
        // A variation with flags that is wanted as such is every such point's, whatever its flags are.
        let own = variation.map_or_else(|| head.leaves_as(entry), |wanted| wanted == *entry);
        let plain = entry.has_flags() && own;
        let alike = |point: &Point| match plain {
            true => variation.is_some() || point.leaves_as(entry),
            false => point.static_entry(variation).is_some_and(|other| other == *entry),
        };
        let rows = rows.iter().zip(u32::from(first)..).take(most);
        let run = rows.take_while(|(point, index)| {
            point.key.0 == of
                && u32::from(point.key.1) == *index
                && (point.class_0 || !class_0)
                && alike(point)
        });
        run.count()
    }

    fn deadbands(&mut self, next: &mut usize, end: usize, entry: &Entry) -> bool {
        let mut run: Option<Run> = None;
        let rows = self.points.rows().get(*next..end).unwrap_or_default();
        for (at, point) in (*next..end).zip(rows) {
            if !self.has_room(HEADER_OCTETS.saturating_add(entry.octets_max())) {
                *next = at;
                return false;
            }
            let index = point.key.1;
            let Some(row) = self.points.row(at) else { continue };
            match run.as_mut().filter(|run| run.next == Some(index)) {
                Some(run) => {
                    run.put(self.out, index);
                    run.next = index.checked_add(1);
                }
                None => {
                    let [low, high] = index.to_le_bytes();
                    self.out.extend_from_slice(&[34, entry.variation(), 0x01, low, high, low, high]);
                    let (patch, next) = (self.out.len().saturating_sub(2), index.checked_add(1));
                    run = Some(Run { group: 34, variation: entry.variation(), patch, count: 1, next });
                }
            }
            objects::write_number(self.out, entry.form, self.events.deadband(at, row));
        }
        true
    }

    /// True when all was written; `next` is where to go on.
    fn attributes(&mut self, variation: u8, next: &mut usize) -> bool {
        const ALL: u8 = 254;
        const LIST: u8 = 255;
        let attributes = self.attributes;
        if variation == LIST {
            let list = attributes.iter().map(|attribute| (attribute.variation, false)).collect();
            return self.attribute(LIST, &AttributeValue::List(list));
        }
        for attribute in attributes.get(*next..).unwrap_or_default() {
            let wanted = variation == ALL || variation == attribute.variation;
            if wanted && !self.attribute(attribute.variation, &attribute.value) {
                return false;
            }
            *next = next.saturating_add(1);
        }
        true
    }

    fn attribute(&mut self, variation: u8, value: &AttributeValue) -> bool {
        let before = self.out.len();
        self.out.extend_from_slice(&[0, variation, 0x00, 0, 0]);
        value.write(self.out);
        let fits = self.out.len() <= self.max;
        if !fits {
            self.out.truncate(before);
        }
        fits
    }
}

/// Appends the objects of points that go under one header. The form is looked at once, not once for a point.
fn write_run(out: &mut Vec<u8>, entry: &Entry, run: &[Point], time: &dyn Fn(usize) -> Option<u64>) {
    out.reserve(entry.octets_max().saturating_mul(run.len()));
    match entry.form {
        Form::Packed => {
            for points in run.chunks(8) {
                let bit =
                    |octet: u8, point: &Point| octet >> 1 | u8::from(point.value == Value::Binary(true)) << 7;
                let missing = 8_u32.saturating_sub(u32::try_from(points.len()).unwrap_or(8));
                out.push(points.iter().fold(0, bit).wrapping_shr(missing));
            }
        }
        Form::PackedPair => {
            for points in run.chunks(4) {
                let pair = |octet: u8, point: &Point| {
                    let bits = if let Value::DoubleBit(state) = point.value { state.bits() } else { 0 };
                    octet >> 2 | bits << 6
                };
                let missing =
                    8_u32.saturating_sub(u32::try_from(points.len()).unwrap_or(4).saturating_mul(2));
                out.push(points.iter().fold(0, pair).wrapping_shr(missing));
            }
        }
        Form::State => {
            out.extend(run.iter().map(|point| {
                let state = if point.value == Value::Binary(true) { Flags::STATE } else { Flags::NONE };
                (point.flags | state).bits()
            }));
        }
        Form::F32 if entry.has_flags() && !entry.has_time() => {
            const OBJECT: usize = 5;
            let start = out.len();
            out.resize(start.saturating_add(run.len().saturating_mul(OBJECT)), 0);
            let (places, _) = out.get_mut(start..).unwrap_or_default().as_chunks_mut::<OBJECT>();
            for (place, point) in places.iter_mut().zip(run) {
                let (value, fits) = to_f32(point.number());
                let flags = if fits { point.flags } else { point.flags | Flags::OVER_RANGE };
                let [a, b, c, d] = value.to_le_bytes();
                *place = [flags.bits(), a, b, c, d];
            }
        }
        _ => {
            for (at, point) in run.iter().enumerate() {
                let time = if entry.has_time() { time(at) } else { None };
                write_measured(out, entry, &Measured { value: point.value, flags: Some(point.flags), time });
            }
        }
    }
}
