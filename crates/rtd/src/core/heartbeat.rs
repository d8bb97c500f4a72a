//! The heartbeat: the one point that is made of nothing but the work of this program.

use std::time::Duration;

use telemetry::Mono;

use super::points::PointIx;

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

    /// Goes on as another did: a reload is no reason to miss a beat, nor to beat too soon.
    pub(crate) fn carry(&mut self, old: &Self, now: Mono) {
        self.count = old.count.map(|count| count % self.wrap);
        self.next = old.next.min(now.plus(self.period));
        (self.judged, self.served) = (old.judged, old.served);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn heartbeat() -> Heartbeat {
        Heartbeat::new(PointIx(0), Duration::from_secs(4), 3, Mono::ZERO)
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
}
