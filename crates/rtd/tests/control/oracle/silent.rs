//! What units of a dispatch count for of which nothing is heard: what they confirmed last, until the meter says
//! otherwise three times in a row.

use std::collections::VecDeque;

use super::{Band, NEAR, Oracle, Owner, STEP_MS, Up};
use crate::sites::{FOLLOWS, MW, TRIM, UNITS};

/// A plant is on its way for so long.
const WALKS_MS: u64 = FOLLOWS.1;
/// So many readings in a row.
const READINGS: u8 = 3;
/// By then it must have been judged, whatever the meter was off before.
const LONGEST: u8 = 20;

/// A unit of which nothing is heard.
#[derive(Clone, Copy, Debug)]
struct Quiet {
    /// What it confirmed last, and whether nobody else had it since.
    lost: (f64, bool),
    part: f64,
    /// It is only guessed that it does that.
    guess: bool,
    /// The meter was asked since; it was asked at all, and what it counts for is not followed here any more.
    asked: bool,
    vague: bool,
    since: u64,
    /// It counts for its part; else for nothing.
    counts: bool,
    /// So many readings in a row have said the other thing for certain, and may have said it.
    against: u8,
    maybe: u8,
    /// It may have been judged: which it counts for is seen of what the others are told, or not yet.
    open: bool,
}

impl Quiet {
    fn guessed(&mut self) {
        self.part = if self.counts { self.part } else { 0.0 };
        self.vague |= self.asked || self.open;
        (self.guess, self.asked, self.counts) = (true, false, true);
    }
}

/// The units of which nothing is heard, and what was in force lately.
#[derive(Clone, Debug)]
pub(super) struct Silent {
    quiet: Vec<Option<Quiet>>,
    /// What that is of each is not known here.
    pub(super) hazy: Vec<bool>,
    /// What each has confirmed last; nothing, where it was given back since.
    pub(super) kept: Vec<Option<f64>>,
    /// Nobody else had it since.
    pub(super) sure: Vec<bool>,
    /// By how much what each was asked and has not confirmed is something else.
    pub(super) asked: Vec<f64>,
    /// So many readings at which the meter was asked what the guesses are wrong by.
    looks: u8,
    lately: VecDeque<(u64, Band)>,
    looked: u64,
    deaf_until: u64,
    /// It is deaf until then for certain: not where one came back that may do what it counted for.
    surely_until: u64,
    /// So far it is not known what they count for, where several things fit.
    pub(super) blur: f64,
    /// One is heard of again of which it never was seen what it counted for: the output may have been another.
    unseen: bool,
}

impl Silent {
    pub(super) fn new(units: usize) -> Self {
        let (quiet, kept, sure) = (vec![None; units], vec![None; units], vec![false; units]);
        let asked = vec![0.0; units];
        let lately = VecDeque::new();
        let (deaf_until, surely_until, blur) = (0, 0, 0.0);
        Self {
            quiet,
            hazy: vec![false; units],
            kept,
            sure,
            asked,
            looks: 0,
            lately,
            looked: 0,
            deaf_until,
            surely_until,
            blur,
            unseen: false,
        }
    }

    /// What the meter has said of them.
    pub(super) fn forget(&mut self) {
        let mut fresh = Self::new(self.kept.len());
        for (at, quiet) in self.quiet.iter().enumerate() {
            fresh.kept[at] = self.kept[at];
            if let Some(quiet) = quiet {
                let part = if quiet.counts { quiet.part } else { 0.0 };
                fresh.kept[at] = self.kept[at].or((part != 0.0).then_some(part)).map(|_| part);
                fresh.hazy[at] = quiet.vague || quiet.asked || quiet.open;
            }
        }
        *self = fresh;
    }

    fn no_evidence(&mut self) {
        self.quiet.iter_mut().flatten().for_each(|quiet| (quiet.against, quiet.maybe) = (0, 0));
    }

    fn disturbed(&mut self, now: u64) {
        self.maybe_disturbed(now);
        self.surely_until = self.deaf_until;
        self.looks = 0;
        self.no_evidence();
    }

    /// Whether the others got other parts is not followed here.
    fn maybe_disturbed(&mut self, now: u64) {
        self.deaf_until = self.deaf_until.max(now + WALKS_MS);
        self.quiet.iter_mut().flatten().for_each(|quiet| quiet.against = 0);
    }

    /// It is only guessed what one of them does.
    pub(super) fn guesses(&self) -> bool {
        self.quiet.iter().flatten().any(|quiet| quiet.guess)
    }

    /// The meter was asked: what they count for since is not followed here, nor whether it still is a guess.
    pub(super) fn measured(&self) -> bool {
        self.quiet.iter().flatten().any(|quiet| quiet.guess && quiet.asked)
    }

    /// What they count for, or did until now, is not followed here. Beside a correction at the meter it is not to be seen
    /// what one counts for of which the meter may have spoken.
    pub(super) fn is_vague(&mut self, corrected: bool) -> bool {
        std::mem::take(&mut self.unseen)
            || (corrected && self.quiet.iter().flatten().any(|quiet| quiet.open))
            || self.quiet.iter().flatten().any(|quiet| quiet.guess && (quiet.asked || quiet.vague))
    }

    /// Somebody else may move them.
    pub(super) fn doubt(&mut self) {
        self.sure.fill(false);
    }

    /// Whether this is what one of them may count for: its part, or nothing once the meter may have said so.
    pub(super) fn may_count(&self, at: usize, told: f64) -> bool {
        let may = |quiet: Quiet| {
            quiet.vague || quiet.asked || (told - quiet.part).abs() <= NEAR || told.abs() <= NEAR
        };
        self.quiet[at].is_some_and(may)
    }

    fn counted(&self) -> f64 {
        self.quiet.iter().flatten().filter(|quiet| quiet.counts).map(|quiet| quiet.part).sum()
    }
}

impl Oracle {
    /// Whether a unit answers and takes what it is told.
    pub(super) fn takes(&self, at: usize) -> bool {
        self.up[UNITS + at] == Up::Yes && !self.units[at].refuses
    }

    /// What those count for of which nothing is heard.
    pub(super) fn counted(&self) -> f64 {
        if self.rules.is_dispatch() { self.silent.counted() } else { 0.0 }
    }

    /// Looks at the meter.
    pub(super) fn listen(&mut self) {
        if !self.rules.is_dispatch() {
            return;
        }
        for at in 0..self.units.len() {
            let (part, takes) = (self.silent.kept[at].unwrap_or(0.0), self.takes(at));
            let quiet = &mut self.silent.quiet[at];
            if takes {
                if let Some(quiet) = quiet.take() {
                    // What the correction made of it lately is taken back.
                    self.silent.unseen |= quiet.open || quiet.guess || quiet.vague || self.rules.trim;
                    self.silent.maybe_disturbed(self.now);
                }
                continue;
            }
            if self.up[UNITS + at] != Up::Yes && self.silent.asked[at] >= 1.0 / MW {
                // What it was asked may have reached it.
                self.silent.sure[at] = false;
            }
            let sure = self.silent.sure[at];
            match quiet {
                Some(quiet) if quiet.lost == (part, sure) => continue,
                Some(quiet) if quiet.lost == (part, true) => quiet.lost = (part, false),
                quiet => {
                    self.silent.unseen |= self.rules.trim;
                    let (lost, guess, since) = ((part, sure), !sure, self.now);
                    *quiet = Some(Quiet {
                        lost,
                        part,
                        guess,
                        asked: false,
                        vague: self.silent.hazy[at],
                        since,
                        counts: true,
                        against: 0,
                        maybe: 0,
                        open: false,
                    });
                }
            }
            if !sure {
                if let Some(quiet) = &mut self.silent.quiet[at] {
                    quiet.guessed();
                }
                self.silent.disturbed(self.now);
            }
        }
        if self.handle.anew {
            self.shrink();
        }
        if self.owner == Owner::Local {
            self.silent.lately.clear();
            self.silent.quiet.iter_mut().flatten().for_each(Quiet::guessed);
            return self.silent.no_evidence();
        }
        if self.unread.is_some() {
            return;
        }
        let guesses = self.silent.guesses() && !self.silent.measured();
        if guesses && (self.began.is_some() || self.handle.anew) {
            self.silent.disturbed(self.now);
        }
        let force = self.in_force();
        if force.is_empty() {
            // Where it is so for no longer than this the core may not have looked.
            return self.silent.quiet.iter_mut().flatten().for_each(|quiet| quiet.against = 0);
        }
        // The output of the one that is furthest behind; where nothing was told since, it may be a later one.
        let band = match self.is_of_before() && !force.iter().any(|force| force.is_nan()) {
            true => Band(
                force.iter().copied().fold(f64::INFINITY, f64::min),
                force.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            ),
            false => Band(force[0], force[0]),
        };
        let (now, silent) = (self.now, &mut self.silent);
        if silent.lately.back().is_none_or(|(_, last)| *last != band && !(last.0.is_nan() && band.0.is_nan()))
        {
            silent.lately.push_back((now, band));
        }
        while silent.lately.get(1).is_some_and(|(ended, _)| ended + WALKS_MS < now) {
            silent.lately.pop_front();
        }
        let Some(actual) = self.actual() else { return self.silent.no_evidence() };
        if self.read <= self.silent.looked {
            return;
        }
        self.silent.looked = self.read;
        // When exactly the last of the others took what it was told is not seen here.
        let early = if self.silent.guesses() { 2 * STEP_MS } else { 0 };
        if now + early < self.silent.surely_until {
            return;
        }
        if self.silent.guesses() {
            self.silent.looks = self.silent.looks.saturating_add(1);
            if self.silent.looks >= READINGS {
                self.silent.quiet.iter_mut().flatten().for_each(|quiet| quiet.asked = quiet.guess);
            }
            return;
        }
        self.hold_against(actual);
    }

    /// Somebody begins: of what is only guessed there is no more than its share of what the plant does.
    fn shrink(&mut self) {
        let Some(made) = self.base() else { return };
        let (mut known, mut open) = (0.0, 0.0);
        for (quiet, kept) in self.silent.quiet.iter().zip(&self.silent.kept) {
            match quiet {
                Some(quiet) if !quiet.guess => known += if quiet.counts { quiet.part } else { 0.0 },
                Some(quiet) => open += quiet.part,
                None => open += kept.unwrap_or(0.0),
            }
        }
        let share = (made - known) / open;
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 1.0 };
        let guesses = self.silent.quiet.iter_mut().flatten().filter(|quiet| quiet.guess);
        guesses.for_each(|quiet| quiet.part *= share);
    }

    /// A reading of the meter is held against what was in force lately.
    fn hold_against(&mut self, actual: f64) {
        let (read, now, silent) = (self.read, self.now, &mut self.silent);
        let more_than = |walks: u64| {
            let ends = silent.lately.iter().skip(1).map(|(began, _)| *began).chain([now]);
            let lately = silent.lately.iter().zip(ends).filter(|(_, end)| end + walks >= now);
            let (low, high) = lately
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), ((_, band), _)| {
                    (low.min(band.0), high.max(band.1))
                });
            actual - actual.max(low).min(high)
        };
        // When something was in force last is seen to a reading or so.
        let (more, at_most) = (more_than(WALKS_MS), more_than(WALKS_MS - 1_500));
        let wide = silent.lately.iter().map(|(_, band)| band.1 - band.0).fold(0.0, f64::max);
        let slack = NEAR + wide + if self.rules.trim { TRIM.1 } else { 0.0 };
        let says_of = |quiet: &Quiet, more: f64| {
            let other = if quiet.counts { -quiet.part } else { quiet.part };
            (more - other).abs() - more.abs()
        };
        let says = |quiet: &Quiet| says_of(quiet, more);
        let asked = |quiet: &Quiet| quiet.part.abs() >= 1.0 / MW && read > quiet.since;
        let of = silent.quiet.iter().flatten().filter(|quiet| asked(quiet));
        let of: Vec<f64> = of.map(|quiet| says(quiet).min(says_of(quiet, at_most))).collect();
        let blurred = silent.lately.iter().any(|(_, band)| band.0.is_nan());
        let nobody = !blurred && of.iter().all(|says| *says > 2.0 * slack);
        for quiet in silent.quiet.iter_mut().flatten() {
            if !asked(quiet) || nobody {
                (quiet.against, quiet.maybe) = (0, 0);
                continue;
            }
            // Of several it is those together that fit best: any of them may be meant.
            let sure = now >= silent.deaf_until && !blurred && of.len() == 1 && says(quiet) < -2.0 * slack;
            quiet.against = if sure { quiet.against.saturating_add(1) } else { 0 };
            quiet.maybe = quiet.maybe.saturating_add(1);
            quiet.open |= quiet.maybe >= READINGS;
        }
        let told: Vec<usize> = (0..silent.quiet.len())
            .filter(|at| silent.quiet[*at].is_some_and(|quiet| quiet.against >= LONGEST))
            .collect();
        self.turn(&told);
    }

    /// Units count for the other thing from now on.
    fn turn(&mut self, units: &[usize]) {
        for at in units {
            if let Some(quiet) = &mut self.silent.quiet[*at] {
                quiet.counts = !quiet.counts;
            }
        }
        if !units.is_empty() {
            self.silent.disturbed(self.now);
        }
    }

    /// What of those that the meter may have spoken of may count for the other thing, together, and what that comes to.
    fn open(&self) -> Vec<(Vec<usize>, f64)> {
        let open: Vec<usize> = (0..self.silent.quiet.len())
            .filter(|at| self.silent.quiet[*at].is_some_and(|quiet| quiet.open && quiet.part != 0.0))
            .collect();
        let picks = (0..1_usize << open.len()).map(|pick| {
            let turned: Vec<usize> =
                open.iter().enumerate().filter(|(bit, _)| pick >> bit & 1 == 1).map(|(_, at)| *at).collect();
            let by = turned
                .iter()
                .filter_map(|at| self.silent.quiet[*at])
                .map(|quiet| if quiet.counts { -quiet.part } else { quiet.part })
                .sum();
            (turned, by)
        });
        picks.collect()
    }

    /// So much lies between what silent units may count for.
    pub(super) fn open_parts(&self) -> f64 {
        let open = self.silent.quiet.iter().flatten().filter(|quiet| quiet.open && self.rules.is_dispatch());
        open.map(|quiet| quiet.part.abs()).sum()
    }

    /// What the others were told shows which of them count for the other thing. Where several fit it is known no better
    /// than to what lies between them.
    pub(super) fn guess(&mut self, told: f64, before: f64, reach: (f64, f64)) {
        let picks = self.open();
        if picks.len() == 1 {
            self.silent.blur = 0.0;
            return;
        }
        // What the ramp allows goes to where it has to go, and not beside it; and never beyond what holds at once, or
        // what they can do.
        let (bounds, target) = (self.bounds(), self.target.filter(|_| !self.rough));
        let off = |by: f64| {
            let held = |value: f64| match bounds {
                Some(bounds) => Band(bounds.can.0 + by, bounds.can.1 + by).hold(bounds.held(value)),
                None => value,
            };
            let (total, from) = (told + self.counted() + by, held(before));
            if bounds.is_some_and(|bounds| self.others_end(total, self.counted() + by, &bounds, 0.0)) {
                return 0.0;
            }
            // Without its limits it stays.
            let goal = target.zip(bounds).map_or(from, |(target, bounds)| held(bounds.soft.hold(target)));
            let moved = total - from;
            let off = (moved - reach.0).max(-reach.1 - moved);
            let beside = (total - goal.max(from)).max(goal.min(from) - total);
            off.max(beside).max((held(total) - total).abs()).max(0.0)
        };
        let offs: Vec<f64> = picks.iter().map(|(_, by)| off(*by)).collect();
        let least = offs.iter().copied().fold(f64::INFINITY, f64::min);
        // Where the output was not seen lately it shows nothing.
        let near = if self.loose { f64::INFINITY } else { least.max(self.silent.blur) + NEAR };
        let fit = picks.into_iter().zip(offs).filter(|(_, off)| *off <= near).map(|(pick, _)| pick);
        self.choose(&fit.collect::<Vec<_>>());
    }

    /// Each of these fits.
    fn choose(&mut self, fit: &[(Vec<usize>, f64)]) -> bool {
        let by = || fit.iter().map(|(_, by)| *by);
        let spread = by().fold(f64::NEG_INFINITY, f64::max) - by().fold(f64::INFINITY, f64::min);
        self.silent.blur = self.silent.blur.max(spread);
        let Some((turned, _)) = fit.iter().min_by_key(|(turned, _)| turned.len()) else { return false };
        let stops = turned.iter().filter_map(|at| self.silent.quiet[*at]).filter(|quiet| quiet.counts);
        // What the others are told shows it: that is what counts.
        self.counts.silent_turned += stops.count() as u64;
        self.turn(turned);
        !turned.is_empty()
    }

    /// Whether one of these totals is told: where the others can do no more that alone shows what they count for.
    pub(super) fn is_told(&mut self, totals: &[f64], told: f64, near: f64) -> bool {
        let (open, blur) = (self.open().into_iter(), self.silent.blur);
        let fits =
            |by: f64| totals.iter().any(|total| total.is_nan() || (total + by - told).abs() <= near + blur);
        let fit: Vec<_> = open.filter(|(_, by)| fits(*by)).collect();
        if fit.is_empty() {
            return false;
        }
        if self.rules.trim {
            // Beside the correction it shows nothing.
            return true;
        }
        // Where nothing has to count for the other thing nothing is shown.
        if fit.iter().all(|(turned, _)| !turned.is_empty()) && self.choose(&fit) {
            // The output was another all the time; that is as near as it is seen.
            (self.at, self.moved, self.loose) = (Some(told), self.now.saturating_sub(STEP_MS), true);
            (self.way, self.edge) = (None, true);
            self.lag(0.0, told);
            self.note_total(false);
        }
        true
    }
}
