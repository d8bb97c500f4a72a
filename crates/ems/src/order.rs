//! What a device says of itself comes before the points that it says it of.
//!
//! A master tells a fragment's points first and what its header said of the device (a restart) behind them. For who
//! reads a journal that is the wrong way round: the first points of a restarted device would stand before the line
//! that says why they start anew.

use std::time::Instant;

use ieee1815::master::MasterEvent;
use ieee1815_tokio::DriverEvent;

/// Puts the events of one session in order.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// Points of the fragment received at the instant; nothing is known yet of what its header said.
    held: Vec<DriverEvent>,
    received: Option<Instant>,
}

impl Order {
    /// Takes the next event and hands on what can be told by now. A response ends with an event that is no point, so
    /// no point is held longer than its response takes.
    pub(crate) fn take(&mut self, event: DriverEvent, mut tell: impl FnMut(DriverEvent)) {
        let DriverEvent::Master { event: told, received, .. } = &event else {
            self.release(&mut tell);
            tell(event);
            return;
        };
        if self.received.replace(*received) != Some(*received) {
            // Another fragment's points: what follows was said later than they were.
            self.release(&mut tell);
        }
        match told {
            MasterEvent::Point { .. } => self.held.push(event),
            MasterEvent::Restart => {
                tell(event);
                self.release(&mut tell);
            }
            _ => {
                self.release(&mut tell);
                tell(event);
            }
        }
    }

    fn release(&mut self, tell: &mut impl FnMut(DriverEvent)) {
        self.held.drain(..).for_each(tell);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ieee1815::{Flags, Iin, Measured, PointType, Value};

    use super::*;

    fn master(event: MasterEvent, received: Instant) -> DriverEvent {
        DriverEvent::Master { event, received, wall_ms: 0 }
    }

    fn point(index: u16, received: Instant) -> DriverEvent {
        let measured = Measured { value: Value::Binary(true), flags: Some(Flags::ONLINE), time: None };
        let point = PointType::BinaryInput;
        master(MasterEvent::Point { point, index, measured, event: false, response: 1 }, received)
    }

    fn response(received: Instant) -> DriverEvent {
        master(MasterEvent::Response { iin: Iin::NONE, id: None, response: 1, unsolicited: false }, received)
    }

    fn ordered(events: &[DriverEvent]) -> Vec<DriverEvent> {
        let (mut order, mut told) = (Order::default(), Vec::new());
        for event in events {
            order.take(event.clone(), |event| told.push(event));
        }
        told
    }

    #[test]
    fn a_restart_comes_before_the_points_of_its_fragment_and_behind_those_before() {
        let now = Instant::now();
        let later = now + Duration::from_millis(20);
        let restart = master(MasterEvent::Restart, later);
        let told =
            ordered(&[point(1, now), point(2, later), point(3, later), restart.clone(), response(later)]);
        assert_eq!(told, [point(1, now), restart, point(2, later), point(3, later), response(later)]);
    }

    #[test]
    fn nothing_is_lost_or_turned_where_nothing_was_restarted() {
        let now = Instant::now();
        let down = DriverEvent::Down { why: "gone".to_owned() };
        let events = [point(1, now), point(2, now), response(now), point(3, now), down];
        assert_eq!(ordered(&events), events);
    }

    #[test]
    fn a_point_is_held_no_longer_than_its_fragment_s_successor_takes() {
        let now = Instant::now();
        let mut order = Order::default();
        let mut told = Vec::new();
        order.take(point(1, now), |event| told.push(event));
        assert!(told.is_empty());
        order.take(point(2, now + Duration::from_millis(1)), |event| told.push(event));
        assert_eq!(told, [point(1, now)]);
    }
}
