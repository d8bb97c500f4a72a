//! Where the output may be: by the ramp, within its bounds, and on its way to what is asked for.

use super::{ALL, Band, Bounds, NEAR, Oracle, STEP_MS, Up, Way};
use crate::sites::{Drives, METER, TRIM, UNITS};

impl Oracle {
    /// For so long it may have moved since it was last seen.
    pub(super) fn passed(&self) -> u64 {
        let passed = self.now - self.moved;
        if self.loose { passed } else { passed.min(STEP_MS) }
    }

    /// So far it may have gone since, up and down.
    pub(super) fn reach(&self) -> (f64, f64) {
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a test")]
        let seconds = self.passed() as f64 / 1_000.0;
        let most = |rate: Option<f64>| rate.map_or(f64::INFINITY, |rate| rate * seconds);
        (most(self.rules.up), most(self.rules.down))
    }

    pub(super) fn judge_output(&mut self, waits: bool, devices: bool) {
        let Some(before) = self.at else { return self.fail("driven from nowhere".to_owned()) };
        let bounds = self.bounds();
        let Some(total) = self.total() else {
            // Nothing has to be told while it is not known where the devices stand.
            self.loose = true;
            if devices && !self.astray && !waits && self.unread.is_none() {
                self.fail("a device is told nothing".to_owned());
            }
            self.way = None;
            return;
        };
        // Nor is one that does not answer told what a limit takes back.
        let away =
            !self.rules.is_dispatch() && (0..self.units.len()).any(|at| self.up[UNITS + at] != Up::Yes);
        if waits || away || (self.astray && devices) {
            (self.loose, self.way) = (true, None);
            return;
        }
        self.counts.outputs += 1;
        self.counts.first_outputs += u64::from(self.handle.anew);
        let trims = if self.rules.trim { 1.0 } else { 0.0 };
        // Within a second (two, where it was between two looks) the correction moves by so much.
        let meter = self.of(METER, self.said.poi).unwrap_or(total);
        let corrected = trims * (TRIM.0 * 2.0 * ((total - meter).abs() + TRIM.1) + 1e-3);
        let most = trims * TRIM.1;
        let Some(bounds) = bounds.filter(|_| devices) else {
            // It stays where it is, a limit apart.
            let known = bounds.unwrap_or(Bounds { hard: ALL, energy: ALL, source: ALL, soft: ALL, can: ALL });
            let from = known.hold(before);
            let goal = known.goal(before);
            let (up, down) = self.reach();
            let to = Band(from.min(goal).max(from - down), from.max(goal).min(from + up));
            let slack = match (self.loose, from == before && !self.edge && !known.is_edge(before, most)) {
                (true, _) => f64::INFINITY,
                (false, true) => corrected,
                (false, false) => most,
            };
            self.edge = known.is_edge(total, most);
            let dispatched = self.rules.is_dispatch() || self.rules.drives == Drives::Limited;
            if !to.has(total, slack + NEAR) && !dispatched {
                self.fail(format!("{before} became {total} while it had to stay"));
            }
            if !self.loose && !dispatched {
                if (total - before).abs() > NEAR {
                    self.at = Some(total);
                    self.moved = if self.rules.trim { self.moved } else { self.now };
                }
            } else {
                self.loose = true;
            }
            self.way = None;
            return;
        };
        let bands = [bounds.hard, bounds.energy, bounds.source, bounds.can];
        let inside = bands.iter().all(|band| band.has(total, NEAR));
        // A charge that is used up and a hard limit that forbids to stand still: the hard one wins.
        let other = bounds.source.hold(bounds.energy.hold(bounds.hard.hold(bounds.can.hold(total))));
        let crossed = bounds.hold(total) != other;
        if !inside && !crossed {
            self.fail(format!("{total} lies outside of {bounds:?}"));
        }
        let from = bounds.hold(before);
        let passed = self.passed();
        let (up, down) = self.reach();
        // What a limit takes back it takes from the output, and the correction comes on top, as far as it may.
        let edge = self.edge || bounds.is_edge(before, most);
        let corrected = if from == before && !edge { corrected } else { corrected.max(most) };
        self.edge = bounds.is_edge(total, most);
        let moved = total - from;
        if moved > up + corrected + NEAR || moved < -down - corrected - NEAR {
            let first = if self.handle.anew { "the first output after a hand-over: " } else { "" };
            self.fail(format!("{first}{before} ({from} within its bounds) became {total} in {passed} ms"));
        }
        let goal = self.target.map(|target| bounds.goal(target));
        if let Some(goal) = goal {
            let (low, high) = (from.min(goal) - most, from.max(goal) + most);
            let unseen = self.loose && passed > 0;
            if !unseen && !(low - NEAR..=high + NEAR).contains(&total) {
                self.fail(format!("{from} became {total} on the way to {goal}"));
            }
        }
        // What the units cannot do together is not seen of the output.
        let short = self.rules.is_dispatch() || self.rules.drives == Drives::Limited;
        let short = short
            && ((total - bounds.can.0).abs() <= NEAR + most || (total - bounds.can.1).abs() <= NEAR + most);
        self.judge_way(goal.filter(|_| !short), bounds, total, most);
        if short {
            // What holds the output at once holds it all the same.
            self.at = Some(bounds.held(before));
            self.loose = true;
        } else if (total - before).abs() > NEAR {
            // Beside the correction, or after devices were waited for, it is not seen when the output moved last.
            if !self.rules.trim {
                self.moved = if self.loose { self.now.saturating_sub(STEP_MS) } else { self.now };
            }
            (self.at, self.loose) = (Some(total), false);
        } else {
            self.loose = false;
        }
    }

    /// It comes nearer to its goal, by its ramp.
    pub(super) fn judge_way(&mut self, goal: Option<f64>, bounds: Bounds, total: f64, most: f64) {
        let Some(goal) = goal else {
            self.way = None;
            return;
        };
        let way = self.way.filter(|way| way.goal == goal && way.bounds == bounds);
        let way = way.unwrap_or(Way { goal, bounds, since: self.now, from: total });
        self.way = Some(way);
        let rate = if goal > way.from { self.rules.up } else { self.rules.down };
        let left = (total - goal).abs();
        let slack = NEAR + most + self.rules.deadband;
        let passed = self.now - way.since;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a test")]
        let may = match rate {
            None => 0.0,
            Some(rate) => {
                let gone = rate * passed.saturating_sub(STEP_MS) as f64 / 1_000.0;
                ((way.from - goal).abs() - gone).max(0.0)
            }
        };
        self.counts.progress += 1;
        if left > may + slack {
            let Way { from, .. } = way;
            self.fail(format!("{total} after {passed} ms on the way from {from} to {goal}"));
        }
    }
}
