//! The primary frequency response of a set point: a part of what the devices are told that nobody commanded.
//!
//! The machine knows nothing of it: it sees the plant without it, so that a hand-over in the midst of a response
//! starts from what is left, and both together from what the plant does.

use control::Seen;
use control::limits::Bounds;
use control::primary::{Primary, Rules};
use telemetry::Mono;

use super::{Plant, STEP, SetPoint};

/// The response, and what there is to be told of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Response {
    primary: Option<Primary>,
    at: Mono,
    /// It is to answer a frequency that is not known.
    blind: bool,
    /// What it could still add; `None` where that is not known.
    headroom: Option<f64>,
}

impl Response {
    pub(super) fn new(rules: Option<Rules>, now: Mono) -> Self {
        Self { primary: rules.map(Primary::new), at: now, blind: false, headroom: None }
    }

    pub(super) fn now(&self) -> f64 {
        self.primary.map_or(0.0, |primary| primary.now())
    }

    /// What is seen of the plant, without what the response adds to it. What is left lies where a set point may be:
    /// the machine would go there at once.
    pub(super) fn without(&self, seen: &Seen) -> Seen {
        Seen { actual: seen.actual.map(|actual| self.rest(actual, seen.bounds)), ..*seen }
    }

    fn rest(&self, actual: f64, bounds: Option<Bounds>) -> f64 {
        let response = self.now();
        if response == 0.0 {
            return actual;
        }
        bounds.unwrap_or(Bounds::NONE).hold(actual - response)
    }

    /// The machine has begun from what was seen [without](Self::without) it: with it, that is what the plant does.
    pub(super) fn begin(&mut self, seen: &Seen) {
        let rest = self.without(seen).actual;
        if let (Some(primary), Some(actual), Some(rest)) = (&mut self.primary, seen.actual, rest) {
            primary.begin(actual - rest);
        }
    }

    /// Nobody here drives.
    pub(super) fn reset(&mut self) {
        if let Some(primary) = &mut self.primary {
            primary.reset();
        }
    }

    /// Lets time pass. `free` tells that somebody here drives, and that the devices are there.
    pub(super) fn advance(&mut self, plant: &Plant, free: bool, now: Mono) {
        let Some(primary) = &mut self.primary else { return };
        self.blind = free && plant.answers && plant.hz.is_none();
        // With a limit that nobody knows everything stays where it is.
        if !free || plant.seen.bounds.is_none() {
            primary.hold();
            self.at = now;
            return;
        }
        let by = now.since(self.at);
        let hz = plant.hz.filter(|_| plant.answers);
        // On its way it moves with the machine's beat, and not with every reading that comes.
        if primary.is_moving() && by < STEP {
            return;
        }
        primary.advance(hz, by);
        self.at = now;
    }

    /// Whether it comes or goes by the ramp.
    pub(super) fn is_moving(&self) -> bool {
        self.primary.is_some_and(|primary| primary.is_moving())
    }

    /// When it moves next by itself.
    pub(super) fn due(&self) -> Option<Mono> {
        self.is_moving().then(|| self.at.plus(STEP))
    }
}

impl SetPoint {
    /// Where a set point would begin, from what the plant does: the response goes on beside it.
    pub(crate) fn begins(&self, actual: f64, bounds: Option<Bounds>) -> f64 {
        self.response.rest(actual, bounds)
    }

    /// What the response adds to what the devices do: not what limits, or what they can do, leave of it undone.
    pub(crate) fn responds(&self) -> f64 {
        let response = self.response.now();
        response - self.short().clamp(response.min(0.0), response.max(0.0))
    }

    /// Whether a change of the frequency is answered.
    pub(crate) fn answers(&self) -> bool {
        self.machine.output().is_some() && self.response.primary.is_some_and(|primary| primary.follows())
    }

    /// Whether there is a response that should answer a frequency that is not known.
    pub(crate) fn is_blind(&self) -> bool {
        self.response.blind
    }

    /// What the response could still add, where that is known.
    pub(crate) fn headroom(&self) -> Option<f64> {
        self.response.headroom
    }

    /// Works the headroom out. `output` is the machine's, while somebody here drives.
    pub(super) fn spare(&mut self, output: Option<f64>, plant: &Plant) {
        let Some(Rules { capacity, most, .. }) = self.spec.primary else { return };
        let now = output.map(|output| output + self.response.now() - self.short());
        let upper = plant.seen.bounds.map(|bounds| {
            let units = plant.units.iter().filter(|able| able.unit.available);
            let units: f64 = units.map(|able| able.unit.can.high).sum();
            let units = self.spec.method.map_or(f64::INFINITY, |_| units - self.aux - self.trimmed);
            bounds.hold(f64::INFINITY).min(capacity).min(units)
        });
        let left = most - self.responds();
        self.response.headroom =
            upper.zip(now.or(plant.seen.actual)).map(|(upper, now)| (upper - now).min(left).max(0.0));
    }
}
