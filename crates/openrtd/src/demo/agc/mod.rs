//! Regulation in the demo: a set point every 4 s, what became of each, and the score so far.
//!
//! Everything here is what the ISO has: its own commands, their statuses, and points that came over DNP3.

pub(super) mod signal;

use std::collections::BTreeMap;

use control::score::{self, Score};
use serde::Serialize;

use self::signal::{STEP_S, Signal};
use super::story::Point;

/// The set point of the example, as the ISO commands it (g41) and reads it back (g40).
const POINT: &str = super::setpoints::POINT;
/// What is in force.
const FEEDBACK: &str = "bess.mw.feedback";
/// What the battery does.
pub(super) const ACTUAL: &str = "bess.mw";
const CLAMP: &str = "bess.mw.clamp";
const OWNER: &str = "bess.mw.owner";
const CHARGE: &str = "bess.soc.mwh";

/// Our own floor, no market's: the battery follows within a second or two, and its step is 4 s.
const ACCURACY_FLOOR: f64 = 0.8;
/// Fewer steps than this are not held against the floor: a minute, in which one late reading is no tenth.
const STEPS_JUDGED: usize = 15;
/// A run shorter than this is not expected to have one, in seconds.
const SECONDS_JUDGED: u64 = 40;
/// A response is looked for up to so many steps late.
const DELAY_MAX: usize = 5;
/// Steps that the score looks back on: a day.
const STEPS_MAX: usize = 21_600;
/// Statuses by which the plant says that it does not want to be commanded now: a drill at the desk. No fault.
const PLANTS_WILL: [&str; 4] = ["LOCAL", "DOWNSTREAM_LOCAL", "AUTOMATION_INHIBIT", "BLOCKED"];

/// Codes on the wire, as site.toml says them.
const OWNERS: [&str; 4] = ["local", "iso", "schedule", "fallback"];
const CLAMPS: [&str; 7] = ["none", "hard", "energy", "soft", "ramp", "deadband", "source"];
/// Clamps that are limits: what cannot be done is not done badly. Ramp and deadband are the unit's own doing.
const LIMITS: [&str; 4] = ["hard", "energy", "soft", "source"];

/// What was asked for last.
struct Open {
    value: f64,
    /// The ISO's command was taken; `None` until it is answered.
    taken: Option<bool>,
}

/// The run so far.
pub(super) struct Agc {
    signal: Signal,
    pub(super) sent: u64,
    accepted: u64,
    refused: BTreeMap<String, u64>,
    open: Option<Open>,
    steps: Vec<score::Step>,
    /// Which of them have a score: a command was taken, as the one before, and the output was known at the end.
    known: Vec<bool>,
    score: Option<Score>,
    owner: Option<&'static str>,
    /// The command of the step before was taken.
    owned: bool,
}

impl Agc {
    pub(super) fn new(signal: Signal) -> Self {
        Self {
            signal,
            sent: 0,
            accepted: 0,
            refused: BTreeMap::new(),
            open: None,
            steps: Vec::new(),
            known: Vec::new(),
            score: None,
            owner: None,
            owned: false,
        }
    }

    /// Ends a step with what the ISO has of the battery now, and begins the next: what to ask for.
    pub(super) fn step(&mut self, iso: &BTreeMap<String, Point>) -> f64 {
        if let Some(open) = self.open.take() {
            self.close(&open, iso);
        }
        let value = self.signal.at(self.sent);
        self.sent += 1;
        self.open = Some(Open { value, taken: None });
        value
    }

    fn close(&mut self, open: &Open, iso: &BTreeMap<String, Point>) {
        let taken = open.taken == Some(true);
        // A take-over begins with what the battery did, on purpose: not what was asked for.
        let taken_over = !std::mem::replace(&mut self.owned, taken);
        let done = good(iso, ACTUAL).filter(|_| taken && !taken_over);
        let clamped = clamp(iso).is_some_and(|clamp| LIMITS.contains(&clamp));
        // A step without a score stays in its place, so that the others keep their distance.
        let clamped = clamped || done.is_none();
        self.steps.push(score::Step { asked: open.value, done: done.unwrap_or(open.value), clamped });
        self.known.push(done.is_some());
        if self.steps.len() > STEPS_MAX {
            self.steps.remove(0);
            self.known.remove(0);
        }
        self.score = Some(score::score(&self.steps, DELAY_MAX));
    }

    /// What the ISO's command came to; a line where it was not taken.
    pub(super) fn answered(&mut self, answer: Result<String, String>) -> Option<String> {
        let status = answer.unwrap_or_else(|error| error);
        let taken = status == "SUCCESS";
        if let Some(open) = &mut self.open {
            open.taken = Some(taken);
        }
        if taken {
            self.accepted += 1;
            return None;
        }
        let line = format!("set point refused: {status}");
        *self.refused.entry(status).or_default() += 1;
        Some(line)
    }

    /// A line where the owner is another than a moment ago.
    pub(super) fn watch(&mut self, iso: &BTreeMap<String, Point>) -> Option<String> {
        let owner = word(iso, OWNER, &OWNERS)?;
        let before = self.owner.replace(owner)?;
        let does = good(iso, ACTUAL)?;
        (before != owner).then(|| format!("owner {before} -> {owner}, the battery does {does:.3} MW"))
    }

    /// What is asked for now.
    pub(super) fn asked(&self) -> Option<f64> {
        self.open.as_ref().map(|open| open.value)
    }

    /// How it stands.
    pub(super) fn view(&self, iso: &BTreeMap<String, Point>) -> View {
        View {
            owner: word(iso, OWNER, &OWNERS),
            asked: self.asked(),
            held: good(iso, POINT),
            in_force: good(iso, FEEDBACK),
            actual: good(iso, ACTUAL),
            clamp: clamp(iso),
            soc_mwh: good(iso, CHARGE),
            sent: self.sent,
            refused: self.refused.values().sum(),
            mileage: self.score.map(|score| score.mileage),
            accuracy: self.score.and_then(|score| score.accuracy),
            delay_s: self.score.and_then(|score| seconds(score.delay_steps)),
        }
    }

    /// What the summary tells.
    pub(super) fn tally(&self) -> Tally {
        let of = |pick: fn(Score) -> f64| self.score.map_or(0.0, pick);
        let clamped = self.score.map_or(0, |score| score.clamped);
        let unscored = self.known.iter().filter(|known| !**known).count();
        Tally {
            signal: self.signal.name.clone(),
            most_mw: self.signal.most(),
            step_s: STEP_S,
            sent: self.sent,
            accepted: self.accepted,
            refused: self.refused.clone(),
            steps: self.steps.len(),
            clamped: clamped.saturating_sub(unscored),
            unscored,
            mileage: of(|score| score.mileage),
            response_mileage: of(|score| score.response_mileage),
            accuracy: self.score.and_then(|score| score.accuracy),
            accuracy_floor: ACCURACY_FLOOR,
            delay_s: self.score.and_then(|score| seconds(score.delay_steps)),
            precision: self.score.and_then(|score| score.precision),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few steps")]
fn seconds(steps: Option<usize>) -> Option<f64> {
    steps.map(|steps| steps as f64 * STEP_S)
}

fn good(iso: &BTreeMap<String, Point>, id: &str) -> Option<f64> {
    iso.get(id).filter(|point| point.good).and_then(|point| point.value)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a code; what is none has no word"
)]
fn word(iso: &BTreeMap<String, Point>, id: &str, words: &[&'static str]) -> Option<&'static str> {
    let code = good(iso, id).filter(|code| *code >= 0.0)?;
    words.get(code as usize).copied()
}

fn clamp(iso: &BTreeMap<String, Point>) -> Option<&'static str> {
    word(iso, CLAMP, &CLAMPS)
}

/// How it stands, for the screen, for plain lines and for JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct View {
    pub(super) owner: Option<&'static str>,
    pub(super) asked: Option<f64>,
    pub(super) held: Option<f64>,
    pub(super) in_force: Option<f64>,
    pub(super) actual: Option<f64>,
    pub(super) clamp: Option<&'static str>,
    pub(super) soc_mwh: Option<f64>,
    pub(super) sent: u64,
    pub(super) refused: u64,
    pub(super) mileage: Option<f64>,
    pub(super) accuracy: Option<f64>,
    pub(super) delay_s: Option<f64>,
}

/// The part of the summary.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Tally {
    pub(super) signal: String,
    pub(super) most_mw: f64,
    pub(super) step_s: f64,
    pub(super) sent: u64,
    pub(super) accepted: u64,
    /// By DNP3 command status, or by why there is none.
    pub(super) refused: BTreeMap<String, u64>,
    pub(super) steps: usize,
    pub(super) clamped: usize,
    pub(super) unscored: usize,
    pub(super) mileage: f64,
    pub(super) response_mileage: f64,
    pub(super) accuracy: Option<f64>,
    pub(super) accuracy_floor: f64,
    pub(super) delay_s: Option<f64>,
    pub(super) precision: Option<f64>,
}

impl Tally {
    /// What is not fine about it. `asked` is for how many seconds it was to run.
    pub(super) fn problems(&self, asked: Option<u64>) -> Vec<String> {
        let mut problems = Vec::new();
        for (status, times) in &self.refused {
            if !PLANTS_WILL.contains(&status.as_str()) {
                problems.push(format!("set point refused {times} times: {status}"));
            }
        }
        let scored = self.steps.saturating_sub(self.clamped).saturating_sub(self.unscored);
        match self.accuracy {
            Some(accuracy) if scored >= STEPS_JUDGED && accuracy < self.accuracy_floor => {
                problems.push(format!("accuracy {accuracy:.3}, and {} is the least", self.accuracy_floor));
            }
            _ if asked.is_some_and(|asked| asked >= SECONDS_JUDGED) && self.accepted == 0 => {
                problems.push("no set point was taken".to_owned());
            }
            _ => {}
        }
        problems
    }

    /// For people.
    pub(super) fn lines(&self) -> Vec<String> {
        let refused: Vec<String> =
            self.refused.iter().map(|(status, times)| format!("{status} {times}")).collect();
        let refused = if refused.is_empty() { "none".to_owned() } else { refused.join(", ") };
        let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), |share| format!("{share:.3}"));
        vec![
            format!("set points     {} sent, {} accepted, refused: {refused}", self.sent, self.accepted),
            format!(
                "regulation     {} steps of {} s, {} held back by a limit, {} without a score",
                self.steps, self.step_s, self.clamped, self.unscored
            ),
            format!(
                "score          accuracy {} (least {}), precision {}, delay {} s, mileage {:.3} MW asked for, {:.3} MW done",
                share(self.accuracy),
                self.accuracy_floor,
                share(self.precision),
                self.delay_s.map_or_else(|| "-".to_owned(), |delay| delay.to_string()),
                self.mileage,
                self.response_mileage
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(actual: f64, owner: f64, clamp: f64) -> BTreeMap<String, Point> {
        let point = |value| Point { value: Some(value), good: true, quality: "good".to_owned(), time: 0 };
        [(ACTUAL, actual), (OWNER, owner), (CLAMP, clamp), (CHARGE, 8.0)]
            .map(|(id, value)| (id.to_owned(), point(value)))
            .into()
    }

    fn accepted() -> Result<String, String> {
        Ok("SUCCESS".to_owned())
    }

    /// A run in which the battery does the share `does` of what is asked for.
    fn run(does: f64, clamp: f64) -> Tally {
        let mut agc = Agc::new(Signal::own(3.0));
        let mut asked = agc.step(&iso(0.0, 0.0, 0.0));
        for _ in 0..50 {
            assert_eq!(agc.answered(accepted()), None);
            asked = agc.step(&iso(asked * does, 1.0, clamp));
        }
        agc.tally()
    }

    #[test]
    fn one_that_follows_has_a_full_score_and_one_that_does_not_is_told() {
        let tally = run(1.0, 0.0);
        assert_eq!((tally.steps, tally.sent, tally.accepted, tally.clamped), (50, 51, 50, 0));
        assert_eq!(tally.unscored, 1, "the take-over");
        assert_eq!(
            (tally.accuracy, tally.delay_s, tally.mileage),
            (Some(1.0), Some(0.0), tally.response_mileage)
        );
        assert_eq!(tally.problems(Some(300)), Vec::<String>::new());
        let told = run(0.5, 4.0).problems(None);
        assert_eq!(told, ["accuracy 0.500, and 0.8 is the least"], "a ramp is no excuse");
    }

    #[test]
    fn what_a_limit_holds_back_is_left_out() {
        let tally = run(0.5, 2.0);
        assert_eq!((tally.clamped, tally.unscored, tally.accuracy), (49, 1, None));
        assert_eq!(tally.problems(Some(300)), Vec::<String>::new());
    }

    #[test]
    fn a_refusal_is_counted_by_status_and_the_plants_own_will_is_no_problem() {
        let mut agc = Agc::new(Signal::own(3.0));
        for status in ["LOCAL", "LOCAL", "TOO_MANY_OPS"] {
            agc.step(&iso(0.0, 0.0, 0.0));
            assert_eq!(agc.answered(Ok(status.to_owned())), Some(format!("set point refused: {status}")));
        }
        agc.step(&iso(0.0, 0.0, 0.0));
        let tally = agc.tally();
        assert_eq!(serde_json::to_string(&tally.refused).unwrap(), r#"{"LOCAL":2,"TOO_MANY_OPS":1}"#);
        assert_eq!((tally.steps, tally.unscored, tally.clamped, tally.accuracy), (3, 3, 0, None));
        assert_eq!(
            tally.problems(Some(60)),
            ["set point refused 1 times: TOO_MANY_OPS", "no set point was taken"]
        );
    }

    #[test]
    fn a_change_of_hands_is_told_with_what_the_battery_does() {
        let mut agc = Agc::new(Signal::own(3.0));
        assert_eq!(agc.watch(&iso(1.0, 0.0, 0.0)), None);
        assert_eq!(
            agc.watch(&iso(1.25, 1.0, 4.0)).as_deref(),
            Some("owner local -> iso, the battery does 1.250 MW")
        );
        assert_eq!(agc.watch(&iso(1.25, 1.0, 0.0)), None);
        let view = agc.view(&iso(1.25, 1.0, 4.0));
        assert_eq!((view.owner, view.clamp, view.actual), (Some("iso"), Some("ramp"), Some(1.25)));
        assert_eq!(agc.view(&iso(1.25, 9.0, -1.0)).owner, None, "a code that nobody knows has no word");
    }
}
