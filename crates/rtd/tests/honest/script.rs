//! What happens in a case: a list of steps, made of one number and nothing else, so that every case can be run again.

use crate::proof::Dice;

/// How a poll that was answered looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Every reading is there and as it should be.
    Good,
    /// One here and there is not.
    Mixed,
    /// None is.
    Bad,
}

/// When a report comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// At once.
    Now,
    /// It was read so long ago, and waited.
    Waited(u64),
    /// It is so much older than the last one that was taken of its device.
    Late(u64),
}

/// How a poll fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    TimedOut,
    Unreachable,
    Protocol,
    Exception,
}

/// What a master reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    All,
    Events,
    One,
    Two,
    Zero,
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Answered {
        device: usize,
        answer: Answer,
        when: When,
        seed: u64,
    },
    Failed {
        device: usize,
        fault: Fault,
        when: When,
    },
    Connect {
        master: usize,
    },
    Disconnect {
        master: usize,
    },
    Read {
        master: usize,
        what: What,
    },
    /// The master's next write but `after` is lost, or the outstation's.
    Lose {
        master: usize,
        after: u8,
        upwards: bool,
    },
    Command {
        master: usize,
        seed: u64,
    },
    /// The writes to devices that wait are answered.
    Written {
        good: bool,
    },
    Force {
        point: u64,
        seed: u64,
        seconds: u64,
    },
    Inhibit {
        point: u64,
        seconds: u64,
    },
    Release {
        point: u64,
    },
    /// The wall clock is moved.
    Wall {
        millis: i64,
    },
    Trust {
        seed: u64,
    },
    Time {
        millis: u64,
    },
    /// The device itself is started anew.
    Restart,
}

/// Names of the kinds, in the order of [`Step::kind`].
pub(crate) const KINDS: [&str; 31] = [
    "polls_answered",
    "polls_mixed",
    "polls_without_any_good",
    "reports_waited",
    "reports_late",
    "timed_out",
    "unreachable",
    "protocol_errors",
    "exceptions",
    "failures_late",
    "connects",
    "disconnects",
    "integrity_polls",
    "event_polls",
    "class_1_polls",
    "class_2_polls",
    "class_0_polls",
    "requests_or_confirms_lost",
    "responses_lost",
    "commands",
    "writes_confirmed",
    "writes_refused",
    "forces",
    "inhibits",
    "releases",
    "wall_steps_forward",
    "wall_steps_back",
    "trust_changes",
    "time_short",
    "time_long",
    "restarts",
];

impl Step {
    /// Its place in [`KINDS`].
    pub(crate) fn kind(self) -> usize {
        match self {
            Self::Answered { when: When::Waited(_), .. } => 3,
            Self::Answered { when: When::Late(_), .. } => 4,
            Self::Answered { answer, .. } => answer as usize,
            Self::Failed { when: When::Late(_), .. } => 9,
            Self::Failed { fault, .. } => 5 + fault as usize,
            Self::Connect { .. } => 10,
            Self::Disconnect { .. } => 11,
            Self::Read { what, .. } => 12 + what as usize,
            Self::Lose { upwards, .. } => 18 - usize::from(upwards),
            Self::Command { .. } => 19,
            Self::Written { good } => 21 - usize::from(good),
            Self::Force { .. } => 22,
            Self::Inhibit { .. } => 23,
            Self::Release { .. } => 24,
            Self::Wall { millis } => 25 + usize::from(millis < 0),
            Self::Trust { .. } => 27,
            Self::Time { millis } => 28 + usize::from(millis >= 3_000),
            Self::Restart => 30,
        }
    }
}

/// Devices of every site here, and masters.
pub(crate) const DEVICES: usize = 6;
pub(crate) const MASTERS: usize = 2;

/// The steps of a case: 50 to 90.
pub(crate) fn script(dice: &mut Dice) -> Vec<Step> {
    let mut steps = Vec::with_capacity(100);
    // Some begin with everything well.
    if dice.percent(80) {
        for device in 0..DEVICES {
            steps.push(Step::Answered { device, answer: Answer::Good, when: When::Now, seed: dice.next() });
        }
        steps.push(Step::Connect { master: 0 });
    }
    let length = dice.within(50, 90);
    // A part of the cases is about one device, so that more happens to the same points.
    let favourite = dice.index(DEVICES);
    let faithful = dice.percent(50);
    let inverted = dice.percent(50);
    for _ in 0..length {
        let device = if faithful && dice.percent(60) { favourite } else { dice.index(DEVICES) };
        steps.push(step(dice, device, inverted));
    }
    steps
}

fn step(dice: &mut Dice, device: usize, inverted: bool) -> Step {
    let master = usize::from(dice.percent(25));
    let point = dice.next();
    match dice.below(100) {
        0..30 => {
            let answer = match dice.below(10) {
                0..6 => Answer::Good,
                6..9 => Answer::Mixed,
                _ => Answer::Bad,
            };
            let when = match dice.below(20) {
                0..17 => When::Now,
                17 => When::Waited(dice.within(1, 12_000)),
                _ => When::Late(dice.within(1, 9_000)),
            };
            Step::Answered { device, answer, when, seed: dice.next() }
        }
        30..39 => {
            let fault = match dice.below(8) {
                0..3 => Fault::TimedOut,
                3..6 => Fault::Unreachable,
                6 => Fault::Protocol,
                _ => Fault::Exception,
            };
            let when = if dice.percent(10) { When::Late(dice.within(1, 9_000)) } else { When::Now };
            Step::Failed { device, fault, when }
        }
        39..43 => Step::Connect { master },
        43..45 => Step::Disconnect { master },
        45..63 => {
            let what = match dice.below(18) {
                0..4 => What::All,
                4..14 => What::Events,
                14 => What::One,
                15 => What::Two,
                _ => What::Zero,
            };
            Step::Read { master, what }
        }
        63..66 => Step::Lose { master, after: u8::from(dice.percent(60)), upwards: dice.percent(60) },
        66..68 => Step::Command { master: usize::from(dice.percent(10)), seed: dice.next() },
        68..70 => Step::Written { good: dice.percent(75) },
        70..73 => Step::Force { point, seed: dice.next(), seconds: dice.within(1, 30) },
        73..75 => Step::Inhibit { point, seconds: dice.within(1, 30) },
        75..78 => Step::Release { point },
        78..80 => {
            // There and back: first one way, then the other, as often as not.
            let forward = dice.percent(50) != inverted;
            let millis = if dice.percent(80) { 3_600_000 } else { 7_000 };
            Step::Wall { millis: if forward { millis } else { -millis } }
        }
        80 => Step::Trust { seed: dice.next() },
        81..96 => Step::Time { millis: dice.within(1, 2_500) },
        96..99 => Step::Time { millis: dice.within(3_000, 20_000) },
        _ => {
            if dice.percent(25) {
                Step::Restart
            } else {
                Step::Time { millis: dice.within(20_000, 70_000) }
            }
        }
    }
}
