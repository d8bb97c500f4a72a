//! Points made inside: the heartbeat, and states made of other states.
//!
//! A computed point is as good as what it is made of: its reasons name the input that is not good, and carry that
//! input's own reasons, so that its flags show a lost source as a lost source.

use std::time::Duration;

use telemetry::{Mono, Reason, ReasonKind, Reasons, Value};

use super::points::{PointIx, Row, Table};

/// A counter that proves to the ISO that this device works, not merely that it answers.
///
/// It advances when a whole cycle is complete: a device's report was judged (a failed poll counts: it was judged,
/// and the points say so) and a master's read was answered, both since it last advanced, and its period is over.
/// While no master is connected there is nothing to serve and that half counts as done, so that a master finds a
/// counter that moves. It never advances from the time alone: without reports, or with a master that is connected
/// and gets no answers, it stands still.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    pub(crate) point: PointIx,
    period: Duration,
    /// Counts 0 to `wrap` - 1.
    wrap: u32,
    count: Option<u32>,
    /// The earliest time of the next advance.
    next: Mono,
    judged: bool,
    served: bool,
}

impl Heartbeat {
    pub(crate) fn new(point: PointIx, period: Duration, wrap: u32, now: Mono) -> Self {
        Self { point, period, wrap: wrap.max(1), count: None, next: now, judged: false, served: false }
    }

    /// A report was judged.
    pub(crate) fn judged(&mut self) {
        self.judged = true;
    }

    /// A read was answered.
    pub(crate) fn served(&mut self) {
        self.served = true;
    }

    fn complete(&self, masters_connected: bool) -> bool {
        self.judged && (self.served || !masters_connected)
    }

    /// When it advances next; `None` while the cycle is not complete.
    pub(crate) fn due(&self, masters_connected: bool) -> Option<Mono> {
        self.complete(masters_connected).then_some(self.next)
    }

    /// The new count, where it advances now.
    pub(crate) fn advance(&mut self, masters_connected: bool, now: Mono) -> Option<u32> {
        if !self.complete(masters_connected) || now < self.next {
            return None;
        }
        let count = self.count.map_or(0, |count| (count + 1) % self.wrap);
        (self.count, self.judged, self.served) = (Some(count), false, false);
        // On the beat where it kept up, so that it does not drift; from now on where it fell behind.
        let beat = self.next.plus(self.period);
        self.next = if beat > now { beat } else { now.plus(self.period) };
        Some(count)
    }
}

/// The unit's connection: all of some states.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) point: PointIx,
    pub(crate) inputs: Vec<PointIx>,
}

impl Connected {
    /// True when all inputs are true. An input that is Good and false decides, whatever the others are; otherwise
    /// the result is as good as the inputs.
    pub(crate) fn evaluate(&self, table: &Table) -> (Option<Value>, Reasons) {
        let rows: Vec<&Row> = self.inputs.iter().filter_map(|input| table.row(*input)).collect();
        if rows.iter().any(|row| row.good_state() == Some(false)) {
            return (Some(Value::Binary(false)), Reasons::none());
        }
        let states: Option<Vec<bool>> =
            rows.iter().map(|row| row.sample.value.and_then(Value::as_bool)).collect();
        let value = states.map(|states| Value::Binary(states.into_iter().all(|state| state)));
        (value, rows.into_iter().flat_map(inherited).collect())
    }
}

/// The reasons that a point made of `input` inherits. Saturation is left out: it is the input's counts that do not
/// fit the wire, not its value.
pub(crate) fn inherited(input: &Row) -> Vec<Reason> {
    let mut reasons: Vec<Reason> =
        input.sample.reasons.iter().filter(|reason| reason.kind != ReasonKind::Saturated).cloned().collect();
    if !reasons.is_empty() {
        reasons.push(Reason::new(ReasonKind::Input, input.spec.id.shared()));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::points::{PointSpec, Source};
    use ieee1815::PointType;
    use telemetry::{Now, Quality};

    fn heartbeat() -> Heartbeat {
        let table = states(&["rtd.heartbeat"]);
        Heartbeat::new(table.find("rtd.heartbeat").unwrap(), Duration::from_secs(4), 3, Mono::ZERO)
    }

    fn states(ids: &[&str]) -> Table {
        let spec = |id: &&str| PointSpec {
            id: (*id).into(),
            name: "".into(),
            point: PointType::BinaryInput,
            index: None,
            unit: None,
            scale: None,
            full_scale: "".into(),
            source: Source::Made,
        };
        Table::new(ids.iter().map(spec).collect(), Vec::new(), 1)
    }

    fn seconds(seconds: u64) -> Mono {
        Mono::from_millis(seconds * 1_000)
    }

    #[test]
    fn advances_only_after_acquire_judge_and_serve_and_its_period() {
        let mut beat = heartbeat();
        assert_eq!(beat.advance(true, seconds(0)), None);
        beat.judged();
        assert_eq!(beat.advance(true, seconds(1)), None, "nothing was served");
        beat.served();
        assert_eq!(beat.advance(true, seconds(2)), Some(0));
        beat.served();
        assert_eq!((beat.due(true), beat.advance(true, seconds(9))), (None, None), "nothing was judged");
        beat.judged();
        assert_eq!(beat.advance(true, seconds(9)), Some(1));
        beat.judged();
        beat.served();
        assert_eq!((beat.due(true), beat.advance(true, seconds(12))), (Some(seconds(13)), None));
        assert_eq!(beat.advance(true, seconds(13)), Some(2));
    }

    #[test]
    fn with_nobody_connected_there_is_nothing_to_serve() {
        let mut beat = heartbeat();
        let mut counts = Vec::new();
        for second in 0..16 {
            beat.judged();
            counts.extend(beat.advance(false, seconds(second)));
        }
        assert_eq!(counts, [0, 1, 2, 0], "every 4 s, wrapping at 3");
    }

    fn connection(
        breaker: Option<(bool, Reasons)>,
        disconnector: (bool, Reasons),
    ) -> (Option<Value>, Reasons) {
        let mut table = states(&["breaker", "disconnector", "connected"]);
        let at = |id: &str| table.find(id).unwrap();
        let all = Connected { point: at("connected"), inputs: vec![at("breaker"), at("disconnector")] };
        let (first, second) = (all.inputs[0], all.inputs[1]);
        if let Some((state, reasons)) = breaker {
            table.make(first, Some(Value::Binary(state)), reasons, Now::virtual_millis(1));
        }
        table.make(second, Some(Value::Binary(disconnector.0)), disconnector.1, Now::virtual_millis(1));
        all.evaluate(&table)
    }

    #[test]
    fn connected_when_all_are_true_and_good() {
        let good = Reasons::none;
        assert_eq!(connection(Some((true, good())), (true, good())), (Some(Value::Binary(true)), good()));
        assert_eq!(connection(Some((true, good())), (false, good())), (Some(Value::Binary(false)), good()));
    }

    #[test]
    fn a_lost_input_is_named_and_its_reason_passed_on() {
        let dead = Reasons::of(Reason::new(ReasonKind::SourceDead, "switch"));
        let (value, reasons) = connection(Some((true, dead.clone())), (true, Reasons::none()));
        assert_eq!(value, Some(Value::Binary(true)), "the last value is kept");
        assert_eq!(reasons.quality(), Quality::Bad);
        let texts: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["source does not answer: switch", "an input is not good: breaker"]);
        let (value, reasons) = connection(Some((true, dead)), (false, Reasons::none()));
        assert_eq!((value, reasons), (Some(Value::Binary(false)), Reasons::none()), "one good false decides");
    }

    #[test]
    fn an_input_never_read_leaves_no_value() {
        let (value, reasons) = connection(None, (true, Reasons::none()));
        assert!(value.is_none() && reasons.has(ReasonKind::NeverRead) && reasons.has(ReasonKind::Input));
    }
}
