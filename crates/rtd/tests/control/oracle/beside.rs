//! What the devices make beside the set point: the primary response to the grid's frequency, and the auxiliary load.

use super::{Band, Bounds, Oracle, Owner, STEP_MS};
use crate::sites::{PRIMARY, Primary, SWITCHGEAR};

/// What the response does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// It stands still.
    Rests,
    /// It comes or goes by the ramp, to the same end since then.
    Moves(u64),
    /// It is what the frequency asks for, at once.
    Follows,
}

/// What is made beside the set point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Beside {
    /// Where the response is; one number, where that is known.
    response: Band,
    phase: Phase,
    /// Where it goes.
    wanted: f64,
    /// The auxiliary load of the last time at which it was good.
    aux: Option<f64>,
    /// So far all that is beside has moved at once since the output was seen last.
    shift: Band,
    /// So much of what it moved limits may have cut off, and it is not there yet.
    cut: f64,
}

/// What is beside, as the output is judged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shift {
    /// How much there is.
    pub(super) now: Band,
    /// How far it may have moved since the output was seen last.
    pub(super) by: Band,
    /// So much of it limits may hide, or have hidden.
    pub(super) hidden: f64,
}

impl Beside {
    pub(super) const fn new() -> Self {
        let none = Band(0.0, 0.0);
        Self { response: none, phase: Phase::Rests, wanted: 0.0, aux: None, shift: none, cut: 0.0 }
    }

    /// The auxiliary load, where it is known while a reading is waited for: nothing was told of it yet.
    pub(super) fn known(&mut self, aux: Option<f64>) {
        self.aux = aux.or(self.aux);
    }

    /// What moved at an `edge` may have been cut off there.
    pub(super) fn cut_off(&mut self, edge: bool, by: Band) {
        self.cut = if edge { self.cut.max(by.size()) } else { 0.0 };
    }
}

/// What a frequency asks for.
fn response(hz: f64) -> f64 {
    let Primary { droop, deadband, capacity, most } = PRIMARY;
    let off = hz - 60.0;
    let beyond = off.abs() - deadband;
    if beyond <= 1e-9 {
        return 0.0;
    }
    let size = (beyond / (droop * 60.0) * capacity).min(most);
    if off > 0.0 { -size } else { size }
}

impl Oracle {
    fn hz(&self) -> Option<f64> {
        let enabled = self.of(SWITCHGEAR, self.said.enable) == Some(true);
        self.of(SWITCHGEAR, self.said.hz).filter(|_| enabled)
    }

    /// The auxiliary load, where it is good.
    pub(super) fn aux_good(&self) -> Option<f64> {
        self.of(SWITCHGEAR, self.said.aux)
    }

    /// The auxiliary load that the devices make.
    pub(super) fn aux(&self) -> f64 {
        self.beside.aux.filter(|_| self.rules.aux).unwrap_or(0.0)
    }

    /// Where a set point would begin, from what the plant does: the response goes on beside it. `None`: not known
    /// exactly.
    pub(super) fn without(&self, actual: f64) -> Option<f64> {
        let response = self.response()?;
        if response == 0.0 {
            return Some(actual);
        }
        Some(self.bounds().map_or(actual - response, |bounds| bounds.held(actual - response)))
    }

    pub(super) fn response(&self) -> Option<f64> {
        let Band(low, high) = self.beside.response;
        (low == high).then_some(low)
    }

    /// Set point and response together begin with what the plant does; that of the set point, where it is known.
    pub(super) fn begin_beside(&mut self, actual: f64) -> Option<f64> {
        let output = self.without(actual);
        (self.beside.shift, self.beside.phase, self.beside.cut) = (Band(0.0, 0.0), Phase::Rests, 0.0);
        if let Some(output) = output {
            let response = (actual - output).clamp(-PRIMARY.most, PRIMARY.most);
            self.beside.response = Band(response, response);
        } else if let Some(bounds) = self.bounds() {
            // What lies beyond a limit belongs to the response, whatever it is.
            let Band(low, high) = self.beside.response;
            let of =
                |response: f64| (actual - bounds.held(actual - response)).clamp(-PRIMARY.most, PRIMARY.most);
            self.beside.response = Band(of(low).min(low), of(high).max(high));
        }
        output
    }

    /// The output was seen.
    pub(super) fn seen_beside(&mut self) {
        self.beside.shift = Band(0.0, 0.0);
    }

    /// What becomes of it now.
    pub(super) fn move_beside(&mut self) {
        if self.rules.aux
            && let Some(aux) = self.aux_good()
        {
            let by = aux - self.aux();
            self.beside.aux = Some(aux);
            self.beside.shift = self.beside.shift.plus(Band(by, by));
        }
        if !self.rules.primary {
            return;
        }
        let hz = self.hz();
        let wanted = hz.map_or(0.0, response);
        let was = std::mem::replace(&mut self.beside.wanted, wanted);
        if self.owner == Owner::Local {
            (self.beside.response, self.beside.phase) = (Band(0.0, 0.0), Phase::Rests);
            return;
        }
        if self.unread.is_some() || self.bounds().is_none() {
            self.beside.phase = Phase::Rests;
            return;
        }
        let Band(low, high) = self.beside.response;
        let is = low == wanted && high == wanted;
        match self.beside.phase {
            Phase::Follows if hz.is_some() => {
                let by = wanted - low;
                self.beside.response = Band(wanted, wanted);
                self.beside.shift = self.beside.shift.plus(Band(by, by));
                self.counts.responses += u64::from(by != 0.0);
            }
            Phase::Follows if is => self.beside.phase = Phase::Rests,
            Phase::Moves(since) if was == wanted => {
                let (up, down) = self.rates();
                let left = (wanted - low).max(0.0) / up + (high - wanted).max(0.0) / down;
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
                if self.now >= since + (left * 1_000.0) as u64 + 2 * STEP_MS {
                    if self.loose {
                        self.beside.shift = self.beside.shift.plus(Band(wanted - high, wanted - low));
                    }
                    self.beside.response = Band(wanted, wanted);
                    self.beside.phase = if hz.is_some() { Phase::Follows } else { Phase::Rests };
                    self.counts.responses_by_ramp += 1;
                }
            }
            Phase::Rests if is && hz.is_some() => self.beside.phase = Phase::Follows,
            Phase::Rests if is => {}
            phase => {
                if hz.is_some()
                    && let Phase::Moves(_) = phase
                {
                    // It may have been there already, and has gone on at once.
                    let by = wanted - was;
                    self.beside.shift = self.beside.shift.plus(Band(by.min(0.0), by.max(0.0)));
                }
                // What it may have gone meanwhile, unseen, it went to where it was to go then.
                let gone = self.moves(was);
                self.beside.shift = self.beside.shift.plus(gone);
                self.beside.response = Band(low.min(wanted), high.max(wanted));
                self.beside.phase = Phase::Moves(self.now);
            }
        }
    }

    /// How fast it comes and goes.
    fn rates(&self) -> (f64, f64) {
        let alone = PRIMARY.most / 60.0;
        (self.rules.up.unwrap_or(alone), self.rules.down.unwrap_or(alone))
    }

    /// How far the response may have gone since the output was seen last, on its way there.
    fn moves(&self, wanted: f64) -> Band {
        let (up, down) = self.rates();
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a test")]
        let seconds = self.passed().max(STEP_MS) as f64 / 1_000.0;
        let Band(low, high) = self.beside.response;
        match self.beside.phase {
            Phase::Moves(_) => Band(
                if wanted < high { -down * seconds } else { 0.0 },
                if wanted > low { up * seconds } else { 0.0 },
            ),
            Phase::Rests | Phase::Follows => Band(0.0, 0.0),
        }
    }

    /// What is beside, as the output is judged.
    pub(super) fn shifted(&self) -> Shift {
        let (aux, Band(low, high)) = (self.aux(), self.beside.response);
        let (now, by) = (Band(low + aux, high + aux), self.beside.shift.plus(self.moves(self.beside.wanted)));
        Shift { now, by, hidden: now.size() + by.size() + self.beside.cut }
    }

    /// Where a set point stands whose output was last seen there; `None`: not known exactly.
    pub(super) fn alone(&self, at: f64) -> Option<f64> {
        let Shift { now, by, .. } = self.shifted();
        let none = Band(0.0, 0.0);
        if now == none && by == none {
            return Some(at);
        }
        (now.0 == now.1 && by == none && !self.edge).then_some(at - now.0)
    }

    /// What a set point would begin with, about.
    pub(super) fn about(&self, actual: f64) -> f64 {
        let Band(low, high) = self.beside.response;
        self.without(actual).unwrap_or(actual - (low + high) / 2.0)
    }

    /// Where the output goes, with what is beside it.
    pub(super) fn goal(&self, target: f64, bounds: &Bounds, beside: Band) -> Band {
        let goal = bounds.goal(target);
        Band(bounds.hold(goal + beside.0), bounds.hold(goal + beside.1))
    }
}
