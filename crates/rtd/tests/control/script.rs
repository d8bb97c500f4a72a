//! What happens in a case: a list of steps, made of one number and nothing else, so that every case can be run again.

use crate::proof::Dice;
use crate::sites::{DEVICES, METER, PLC, Rules, TWISTS, UNITS};

/// A state that a device tells, or cannot tell.
pub(crate) type Told = Option<bool>;

/// How the devices take what they are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// At once, and well.
    Prompt,
    /// Each write is refused.
    Refused,
    /// Nothing is answered.
    Silent,
}

/// What is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weird {
    Nan,
    Infinite,
    MinusInfinite,
    Huge,
}

/// What the operator or somebody else at the plant wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Take,
    GiveBack,
    Local,
    Schedule,
    Inhibit { seconds: u64 },
    Release,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// Time passes; the plant follows and is read each second.
    Time {
        millis: u64,
    },
    /// A set point, in counts.
    SetPoint {
        master: usize,
        counts: i32,
        width: usize,
        select: bool,
    },
    /// The last one again.
    Again {
        master: usize,
    },
    /// The last octets again: their answer was lost.
    Retry {
        master: usize,
    },
    NoNumber {
        master: usize,
        what: Weird,
        select: bool,
    },
    OutOfRange {
        master: usize,
        counts: i32,
    },
    Pulse {
        master: usize,
        raise: bool,
        count: u8,
        latch: bool,
    },
    NoSuchControl {
        master: usize,
        index: u16,
    },
    Connect {
        master: usize,
    },
    Disconnect {
        master: usize,
    },
    /// What this master sends comes so much later.
    Delay {
        master: usize,
        millis: u64,
    },
    /// The next that is sent to this master is lost.
    Lose {
        master: usize,
    },
    Read {
        master: usize,
        all: bool,
    },
    Remote(Told),
    Breaker(Told),
    UnitsRemote(Told),
    Hard {
        low: Option<i32>,
        high: Option<i32>,
    },
    Soft {
        low: Option<i32>,
        high: Option<i32>,
    },
    Charge(Option<i32>),
    Schedule(Option<i32>),
    /// What may be charged from makes this.
    Source(Option<i32>),
    Dead {
        device: usize,
        at_once: bool,
    },
    /// A device is there again; one that may act by itself does this since, in hundredths of a megawatt.
    Alive {
        device: usize,
        at: Option<i32>,
    },
    /// What the plant does is not known, or is again.
    Blind(bool),
    Answers(Answers),
    /// Answers that were owed come.
    Answered {
        good: bool,
    },
    Follows {
        unit: usize,
        follows: bool,
    },
    /// A unit goes somewhere by itself, in hundredths of a megawatt, and that is read now or later.
    Drift {
        unit: usize,
        at: i32,
        read: bool,
    },
    Order(Order),
    Reload {
        to: usize,
    },
    Restart {
        told: bool,
    },
    Clock {
        millis: i64,
    },
    /// The grid's frequency, in mHz off the nominal one.
    Frequency(Option<i32>),
    /// The primary response is in service.
    Enable(Told),
    /// A unit of which nothing is heard makes nothing any more.
    Falls {
        unit: usize,
    },
    /// The auxiliary load, in hundredths of a megawatt.
    Load(Option<i32>),
}

/// Names of the kinds, in the order of [`Step::kind`].
pub(crate) const KINDS: [&str; 41] = [
    "time",
    "set_points",
    "set_points_again",
    "retries_of_the_same_octets",
    "no_numbers",
    "set_points_out_of_range",
    "pulses",
    "unknown_controls",
    "connects",
    "disconnects",
    "delays",
    "answers_lost",
    "reads",
    "switches_remote_or_local",
    "breaker_changes",
    "units_remote_or_local",
    "hard_limits",
    "soft_limits",
    "charges",
    "schedules",
    "devices_dead",
    "devices_back",
    "actual_unknown_or_known",
    "devices_refuse_or_are_silent",
    "late_answers_of_devices",
    "units_that_follow_or_not",
    "units_that_drift",
    "operator_takes",
    "operator_gives_back",
    "operator_local",
    "operator_schedule",
    "inhibits",
    "releases",
    "reloads",
    "restarts",
    "clock_steps",
    "sources_of_charge",
    "frequencies",
    "responses_in_service_or_not",
    "auxiliary_loads",
    "silent_units_that_fall",
];

impl Step {
    /// Its place in [`KINDS`].
    pub(crate) fn kind(self) -> usize {
        match self {
            Self::Time { .. } => 0,
            Self::SetPoint { .. } => 1,
            Self::Again { .. } => 2,
            Self::Retry { .. } => 3,
            Self::NoNumber { .. } => 4,
            Self::OutOfRange { .. } => 5,
            Self::Pulse { .. } => 6,
            Self::NoSuchControl { .. } => 7,
            Self::Connect { .. } => 8,
            Self::Disconnect { .. } => 9,
            Self::Delay { .. } => 10,
            Self::Lose { .. } => 11,
            Self::Read { .. } => 12,
            Self::Remote(_) => 13,
            Self::Breaker(_) => 14,
            Self::UnitsRemote(_) => 15,
            Self::Hard { .. } => 16,
            Self::Soft { .. } => 17,
            Self::Charge(_) => 18,
            Self::Schedule(_) => 19,
            Self::Dead { .. } => 20,
            Self::Alive { .. } => 21,
            Self::Blind(_) => 22,
            Self::Answers(_) => 23,
            Self::Answered { .. } => 24,
            Self::Follows { .. } => 25,
            Self::Drift { .. } => 26,
            Self::Order(Order::Take) => 27,
            Self::Order(Order::GiveBack) => 28,
            Self::Order(Order::Local) => 29,
            Self::Order(Order::Schedule) => 30,
            Self::Order(Order::Inhibit { .. }) => 31,
            Self::Order(Order::Release) => 32,
            Self::Reload { .. } => 33,
            Self::Restart { .. } => 34,
            Self::Clock { .. } => 35,
            Self::Source(_) => 36,
            Self::Frequency(_) => 37,
            Self::Enable(_) => 38,
            Self::Load(_) => 39,
            Self::Falls { .. } => 40,
        }
    }
}

/// What a case is like.
struct Temper {
    /// So often in a hundred a condition is as it has to be.
    calm: u64,
    /// Devices refuse, are silent or do not follow.
    rough: bool,
    /// Links delay and lose.
    lossy: bool,
    units: usize,
    primary: bool,
    aux: bool,
}

/// The steps of a case: 50 to 75, and more where a story is at its end.
pub(crate) fn script(dice: &mut Dice, rules: &Rules) -> Vec<Step> {
    let length = dice.within(50, 75);
    let units = rules.drives();
    let temper = Temper {
        calm: dice.within(55, 92),
        rough: dice.percent(35),
        lossy: dice.percent(40),
        units,
        primary: rules.primary,
        aux: rules.aux,
    };
    let mut steps = Vec::with_capacity(80);
    // Most begin with everything well.
    if dice.percent(90) {
        steps.extend((0..UNITS + units).map(|device| Step::Alive { device, at: None }));
        steps.push(Step::Connect { master: usize::from(dice.percent(15)) });
    }
    while steps.len() < usize::try_from(length).unwrap() {
        steps.push(step(dice, &temper));
    }
    if units == 3 && dice.percent(5) {
        stops(dice, &mut steps);
    }
    steps
}

/// Everything is well, a master has the plant at rest, and a unit stops of which nothing is heard any more: what happens
/// by chance too seldom.
fn stops(dice: &mut Dice, steps: &mut Vec<Step>) {
    let unit = dice.index(3);
    let told = Some(true);
    steps.extend([Step::Answers(Answers::Prompt), Step::Answered { good: true }]);
    steps.extend([Step::Blind(false), Step::Remote(told), Step::Breaker(told), Step::UnitsRemote(told)]);
    steps.extend([Step::Order(Order::Release), Step::Order(Order::GiveBack)]);
    let (low, high) = (Some(-400), Some(400));
    steps.extend([Step::Hard { low, high }, Step::Soft { low, high }, Step::Charge(Some(500))]);
    steps.extend((0..3).map(|unit| Step::Follows { unit, follows: true }));
    steps.extend((0..UNITS + 3).map(|device| Step::Alive { device, at: None }));
    let second = Step::Time { millis: 1_000 };
    steps.extend([Step::Connect { master: 0 }, second]);
    steps.push(Step::SetPoint { master: 0, counts: hundredths(dice, 300) * 60, width: 0, select: false });
    steps.extend((0..25).map(|_| second));
    steps.extend([Step::Dead { device: UNITS + unit, at_once: true }, second, Step::Falls { unit }]);
    steps.extend((0..45).map(|_| second));
}

fn hundredths(dice: &mut Dice, most: u64) -> i32 {
    let range = i64::try_from(most).unwrap();
    i32::try_from(i64::try_from(dice.below(2 * most + 1)).unwrap() - range).unwrap()
}

fn state(dice: &mut Dice, temper: &Temper) -> Told {
    if dice.percent(temper.calm) { Some(true) } else { Some(false).filter(|_| dice.percent(75)) }
}

fn band(dice: &mut Dice, most: u64) -> (Option<i32>, Option<i32>) {
    // Limits that cross leave nothing.
    let edge = |dice: &mut Dice, sign: i32| {
        if dice.percent(4) {
            return None;
        }
        let at = sign * i32::try_from(dice.below(most)).unwrap();
        Some(if dice.percent(6) { -at } else { at })
    };
    let low = edge(dice, -1);
    (low, edge(dice, 1))
}

fn step(dice: &mut Dice, temper: &Temper) -> Step {
    if temper.primary && dice.percent(12) {
        return match dice.below(20) {
            0..2 => Step::Enable(state(dice, temper)),
            2..4 => Step::Frequency(None),
            // Within the dead band, beyond it, and where there is no more of it.
            4..10 => Step::Frequency(Some(hundredths(dice, 60))),
            _ => Step::Frequency(Some(hundredths(dice, 300))),
        };
    }
    if temper.units == 3 && dice.percent(4) {
        return Step::Falls { unit: dice.index(3) };
    }
    if temper.aux && dice.percent(8) {
        let load = i32::try_from(dice.below(100)).unwrap();
        return Step::Load(Some(load).filter(|_| dice.percent(80)));
    }
    let master = usize::from(dice.percent(30));
    match dice.below(200) {
        0..46 => {
            let millis = match dice.below(20) {
                0..5 => dice.within(1, 1_000),
                5..15 => 1_000,
                15..18 => dice.within(1_000, 3_000),
                18 => dice.within(3_000, 7_000),
                _ => dice.within(5_000, 12_000),
            };
            Step::Time { millis }
        }
        46..80 => Step::SetPoint {
            master,
            counts: hundredths(dice, 400) * 60,
            width: dice.index(4),
            select: dice.percent(40),
        },
        80..84 => Step::Again { master },
        84..88 => Step::Retry { master },
        88..91 => {
            let what = [Weird::Nan, Weird::Infinite, Weird::MinusInfinite, Weird::Huge][dice.index(4)];
            Step::NoNumber { master, what, select: dice.percent(40) }
        }
        91..93 => {
            let counts = 24_001 + i32::try_from(dice.below(6_000)).unwrap();
            Step::OutOfRange { master, counts: if dice.percent(50) { counts } else { -counts } }
        }
        93..98 => {
            let count = u8::try_from(dice.within(1, 4)).unwrap();
            Step::Pulse { master, raise: dice.percent(50), count, latch: dice.percent(30) }
        }
        98 => Step::NoSuchControl { master, index: u16::try_from(dice.within(2, 9)).unwrap() },
        99..105 => Step::Connect { master },
        105..108 => Step::Disconnect { master },
        108..110 if temper.lossy => Step::Delay { master, millis: dice.within(1, 6_000) },
        110..112 if temper.lossy => Step::Lose { master },
        108..122 => Step::Read { master: usize::from(dice.percent(70)), all: dice.percent(15) },
        122..126 => Step::Remote(state(dice, temper)),
        126..130 => Step::Breaker(state(dice, temper)),
        130..132 => Step::UnitsRemote(state(dice, temper)),
        132..138 => {
            let (low, high) = band(dice, 420);
            Step::Hard { low, high }
        }
        138..144 => {
            let (low, high) = band(dice, 400);
            Step::Soft { low, high }
        }
        144..150 => {
            let charge = if dice.percent(60) {
                500 + hundredths(dice, 380)
            } else {
                // Near an edge it holds back.
                [100, 900][dice.index(2)] + hundredths(dice, 8)
            };
            Step::Charge(Some(charge).filter(|_| dice.percent(95)))
        }
        150 => Step::Source(Some(i32::try_from(dice.below(300)).unwrap() - 20).filter(|_| dice.percent(90))),
        151..156 => {
            let often = temper.calm;
            Step::Schedule(Some(hundredths(dice, 400)).filter(|_| dice.percent(often)))
        }
        156..161 => {
            let device = if dice.percent(60) { UNITS + dice.index(temper.units) } else { dice.index(UNITS) };
            Step::Dead { device, at_once: dice.percent(80) }
        }
        161..169 => {
            let device = if dice.percent(60) { UNITS + dice.index(temper.units) } else { dice.index(UNITS) };
            let at = Some(hundredths(dice, 100)).filter(|_| dice.percent(40));
            Step::Alive { device, at }
        }
        169..171 => Step::Blind(dice.percent(40)),
        171..174 if temper.rough => {
            let answers = [Answers::Prompt, Answers::Prompt, Answers::Refused, Answers::Silent];
            Step::Answers(answers[dice.index(4)])
        }
        174..177 if temper.rough => Step::Answered { good: dice.percent(70) },
        177..179 if temper.rough => {
            Step::Follows { unit: dice.index(temper.units), follows: dice.percent(60) }
        }
        171..179 => {
            let device = [METER, PLC, METER, PLC, 1, UNITS][dice.index(6)];
            Step::Alive { device, at: None }
        }
        179..182 => {
            Step::Drift { unit: dice.index(temper.units), at: hundredths(dice, 200), read: dice.percent(50) }
        }
        182..193 => Step::Order(match dice.below(13) {
            0..2 => Order::Take,
            2..5 => Order::GiveBack,
            5..7 => Order::Local,
            7..11 => Order::Schedule,
            11 => Order::Inhibit { seconds: dice.within(1, 20) },
            _ => Order::Release,
        }),
        193..197 => Step::Reload { to: dice.index(TWISTS.len()) },
        197 => Step::Restart { told: dice.percent(80) },
        _ => {
            let millis = i64::try_from(dice.within(1, 3_600_000)).unwrap();
            Step::Clock { millis: if dice.percent(50) { millis } else { -millis } }
        }
    }
}

/// Every device is a place of the site.
const _: () = assert!(UNITS + 3 == DEVICES);
