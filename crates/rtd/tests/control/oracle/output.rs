//! Where the output may be: by the ramp, within its bounds, and on its way to what is asked for.

use super::beside::Shift;
use super::{Band, Behind, Bounds, NEAR, Oracle, STEP_MS, Way};
use crate::sites::{ASKED, Drives, METER, TRIM};

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
        let rate = |rate: Option<f64>| rate.filter(|_| !self.lost);
        let most = |of: Option<f64>| rate(of).map_or(f64::INFINITY, |rate| rate * seconds);
        (most(self.rules.up), most(self.rules.down))
    }

    pub(super) fn judge_output(&mut self, waits: bool) {
        let Some(before) = self.at else { return self.fail("driven from nowhere".to_owned()) };
        if self.handle.anew {
            self.behind = None;
        }
        if self.silent.is_vague(self.rules.trim) {
            // It counts for what the meter was off: as near as it is seen, and anything from there on.
            (self.at, self.loose, self.edge, self.lost) = (self.total().or(self.at), true, true, true);
            self.way = None;
            self.lag(0.0, self.total().unwrap_or(before));
            return;
        }
        if let Some(total) = self.total().filter(|_| self.rules.is_dispatch() && !waits) {
            self.guess(total - self.counted(), before, self.reach());
        }
        let bounds = self.bounds();
        if self.one_refuses() {
            // It rests, within its bounds; of what the one would do and the others do no output is seen.
            self.at = Some(bounds.map_or(before, |bounds| bounds.held(before)));
            (self.loose, self.edge, self.way) = (true, true, None);
            return;
        }
        let Some(total) = self.total() else {
            // Nothing has to be told while it is not known where the devices stand, or none of them takes anything.
            self.loose = true;
            let takes = !self.rules.is_dispatch() || self.there().any(|at| self.takes(at));
            if !waits && takes && self.unread.is_none() {
                self.fail("a device is told nothing".to_owned());
            }
            if !takes {
                self.lag(0.0, self.counted());
            }
            self.way = None;
            return;
        };
        if waits {
            // What a limit takes back it takes from the output, told or not.
            if let Some(held) = bounds.map(|bounds| bounds.held(before)).filter(|held| *held != before) {
                (self.at, self.edge) = (Some(held), true);
            }
            (self.loose, self.way) = (true, None);
            return;
        }
        self.counts.outputs += 1;
        self.counts.silent_counted += u64::from(self.counted() != 0.0);
        self.counts.first_outputs += u64::from(self.handle.anew);
        let trims = if self.rules.trim { 1.0 } else { 0.0 };
        // Within a second (two, where it was between two looks) the correction moves by so much.
        let meter = self.of(METER, self.said.poi).unwrap_or(total);
        let corrected = trims * (TRIM.0 * 2.0 * ((total - meter).abs() + TRIM.1) + 1e-3);
        let blur = self.silent.blur;
        let (corrected, most) = (corrected + blur, trims * TRIM.1 + blur);
        let Some(bounds) = bounds else {
            // It stays where it is, with all that is beside it; what was cut off of that comes after.
            let slack = if self.loose { f64::INFINITY } else { 0.0 };
            let dispatched = self.rules.is_dispatch() || self.rules.drives == Drives::Limited;
            // What is beside it comes back by the ramp, too.
            let by = self.shifted().by;
            self.edge |= by != Band(0.0, 0.0);
            self.beside.cut_off(self.edge, by);
            if (total - before).abs() > slack + NEAR && !dispatched {
                self.fail(format!("{before} became {total} while it had to stay"));
            }
            if !self.loose && !dispatched {
                if (total - before).abs() > NEAR {
                    self.at = Some(total);
                    self.moved = if self.rules.trim { self.moved } else { self.now };
                }
            } else {
                self.loose = true;
                // What was known last of what they may do in all holds them.
                self.lag(0.0, total);
            }
            self.way = None;
            return;
        };
        if self.rules.is_dispatch() && self.others_end(total, self.counted(), &bounds, most) {
            // What those that are heard of do not do is no way of the output.
            self.lag(0.0, total);
            if let Some(behind) = &mut self.behind {
                behind.since = self.now;
            }
            (self.at, self.loose, self.edge, self.way) = (Some(bounds.held(before)), true, true, None);
            return;
        }
        let bands = [bounds.hard, bounds.energy, bounds.source, bounds.can];
        let inside = bands.iter().all(|band| band.has(total, NEAR + blur));
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
        let Shift { now, by, hidden } = self.shifted();
        let edge = self.edge || bounds.is_edge(before, most + hidden);
        let free = from == before && !edge;
        let corrected = if free { corrected } else { corrected.max(most + hidden) };
        let by = if free { by } else { Band(by.0.min(0.0), by.1.max(0.0)) };
        let (all_hidden, hidden) = (hidden, if free { 0.0 } else { hidden });
        // What was cut off of what is beside it comes back by the ramp. It is all there once the output has had the time
        // to be where it goes, too.
        let goal = self.target.filter(|_| !self.rough).map(|target| self.goal(target, &bounds, now));
        let there = goal.is_some_and(|goal| goal.0 == goal.1 && goal.has(total, NEAR + most));
        let there = there && self.way.is_some_and(|way| self.is_long_ago(&way, now, most + hidden));
        let cut = self.edge && hidden + most > 0.0 && !there;
        self.edge = cut || bounds.is_edge(total, most + now.size());
        self.beside.cut_off(self.edge, by);
        let hides = if free && !self.edge { 0.0 } else { all_hidden };
        let moved = total - from;
        if let Some(behind) = self.behind {
            self.judge_lag(behind, total, &bounds, corrected);
        } else if moved > up + corrected + by.1 + NEAR || moved < -down - corrected + by.0 - NEAR {
            let first = if self.handle.anew { "the first output after a hand-over: " } else { "" };
            self.fail(format!("{first}{before} ({from} within its bounds) became {total} in {passed} ms"));
        }
        if let Some(goal) = goal {
            let low = (from + by.0).min(goal.0) - most - hidden;
            let high = (from + by.1).max(goal.1) + most + hidden;
            // Without a ramp it takes no time.
            let unseen = self.loose && (passed > 0 || up.max(down).is_infinite());
            let unseen = unseen || self.behind.is_some();
            if !unseen && !(low - NEAR..=high + NEAR).contains(&total) {
                self.fail(format!("{from} became {total} on the way to {goal:?}"));
            }
        }
        // While the response is on its way it is not known where both together go.
        let goal = goal.filter(|_| now.0 == now.1).map(|goal| goal.0);
        self.seen_beside();
        // What the units cannot do together is not seen of the output.
        let short = self.rules.is_dispatch() || self.rules.drives == Drives::Limited;
        let short = short
            && ((total - bounds.can.0).abs() <= NEAR + most || (total - bounds.can.1).abs() <= NEAR + most);
        let edge_of = |edge: f64| (total - edge).abs() <= NEAR + most;
        if short && self.rules.is_dispatch() {
            let sign = f64::from(edge_of(bounds.can.1)) - f64::from(edge_of(bounds.can.0));
            self.lag(sign, total);
        } else if let Some(behind) = self.behind {
            self.lag(behind.sign, total);
            let rests = self.behind.is_some_and(|behind| behind.since + 2 * STEP_MS <= self.now);
            if rests && goal.is_some_and(edge_of) {
                self.behind = None;
            }
        }
        // What is missing comes back, wherever the output goes meanwhile.
        let apart =
            self.behind.is_some_and(|behind| goal.is_none_or(|goal| (goal - total) * behind.sign <= NEAR));
        let way = goal.filter(|_| !short && !apart);
        let way = way.map(|goal| Way {
            goal,
            target: self.target,
            bounds,
            since: self.now,
            from: total,
            beside: now.0,
            hidden: hides,
        });
        self.judge_way(way, total, most);
        if short || self.behind.is_some() {
            // What holds the output at once holds it all the same.
            self.at = Some(bounds.held(before));
            (self.loose, self.edge) = (true, self.edge || edge);
        } else if (total - before).abs() > NEAR {
            // Beside the correction, or after devices were waited for, it is not seen when the output moved last.
            if !self.rules.trim {
                self.moved = if self.loose || blur > 0.0 || self.rules.primary || self.rules.aux {
                    self.now.saturating_sub(STEP_MS)
                } else {
                    self.now
                };
            }
            (self.at, self.loose, self.lost) = (Some(total), false, false);
        } else {
            (self.loose, self.lost) = (false, false);
        }
    }

    /// What the units were told may be behind the output.
    pub(super) fn lag(&mut self, sign: f64, total: f64) {
        let now = self.now;
        let since = self.behind.filter(|behind| behind.total == total).map_or(now, |behind| behind.since);
        self.behind = Some(Behind { sign, total, seen: now, since }).filter(|_| self.rules.is_dispatch());
    }

    /// What was missing comes back by the ramp, and goes no further than to the output.
    fn judge_lag(&mut self, behind: Behind, total: f64, bounds: &Bounds, corrected: f64) {
        let Some(before) = self.at else { return };
        let (from, last) = (bounds.hold(before), bounds.hold(behind.total));
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a test")]
        let seconds = (self.now - behind.seen).max(STEP_MS) as f64 / 1_000.0;
        let most = |rate: Option<f64>| rate.map_or(f64::INFINITY, |rate| rate * seconds);
        let (up, down) = self.reach();
        let (low, high) = ((from - down).min(last), (from + up).max(last));
        // Where it is not seen what silent units count for it is not seen how far it came.
        let blurred = self.open_parts() > 0.0 || self.silent.blur > 0.0;
        let (low, high) = match behind.sign {
            _ if blurred => (low, high),
            sign if sign > 0.0 => (low, high.min(last + most(self.rules.up))),
            sign if sign < 0.0 => (low.max(last - most(self.rules.down)), high),
            _ => (low, high),
        };
        self.counts.behind += u64::from(behind.sign != 0.0);
        if total > high + corrected + NEAR || total < low - corrected - NEAR {
            let Behind { sign, total: was, .. } = behind;
            self.fail(format!(
                "{was} (missing {sign}), of {before}, became {total} and not within {low} to {high}"
            ));
        }
    }

    /// Whether those that are heard of do all that the whole may, or that anybody may ask for: no more, whatever the
    /// others count for.
    pub(super) fn others_end(&self, total: f64, counted: f64, bounds: &Bounds, most: f64) -> bool {
        let others = total - counted;
        let edge = |most: f64| bounds.held(most);
        let (low, high) = (edge(f64::NEG_INFINITY).max(-ASKED), edge(f64::INFINITY).min(ASKED));
        let beyond = others <= low + NEAR + most || others >= high - NEAR - most;
        counted != 0.0 && beyond
    }

    /// Whether the same was asked for long enough that the output has gone so far since.
    fn is_long_ago(&self, way: &Way, beside: Band, far: f64) -> bool {
        let rate = self.rules.up.unwrap_or(f64::INFINITY).min(self.rules.down.unwrap_or(f64::INFINITY));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds of a test")]
        let takes = (far / rate * 1_000.0) as u64 + 2 * STEP_MS;
        way.target == self.target && way.beside == beside.0 && way.since + takes <= self.now
    }

    /// It comes nearer to its goal, by its ramp.
    pub(super) fn judge_way(&mut self, way: Option<Way>, total: f64, most: f64) {
        let Some(new) = way else {
            self.way = None;
            return;
        };
        let is_same = |way: &Way| {
            (way.goal, way.target, way.bounds, way.beside) == (new.goal, new.target, new.bounds, new.beside)
        };
        let way = self.way.filter(is_same).unwrap_or(new);
        self.way = Some(way);
        let goal = way.goal;
        let rate = if goal > way.from { self.rules.up } else { self.rules.down };
        let left = (total - goal).abs();
        // What rests acts upon no smaller difference; a way once begun is gone to its end.
        let small = (way.from - goal).abs() <= self.rules.deadband + NEAR;
        let slack = NEAR + most + self.open_parts() + if small { self.rules.deadband } else { 0.0 };
        let passed = self.now - way.since;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a test")]
        let may = match rate {
            // On the beat that it is moved by, where a limit was not known before.
            None if passed <= STEP_MS => f64::INFINITY,
            None => 0.0,
            Some(rate) => {
                let gone = rate * passed.saturating_sub(STEP_MS) as f64 / 1_000.0;
                ((way.from - goal).abs() + way.hidden - gone).max(0.0)
            }
        };
        self.counts.progress += 1;
        if left > may + slack {
            let Way { from, .. } = way;
            self.fail(format!("{total} after {passed} ms on the way from {from} to {goal}"));
        }
    }
}
