//! The sites of the proof: what differs between them, as text for the device and as plain numbers for the oracle.

use site::Site;

/// Counts of a megawatt.
pub(crate) const MW: f64 = 6_000.0;
/// Counts say no more of the set point: what is beyond is not good.
pub(crate) const FULL: f64 = 5.0;
/// What a master may ask for.
pub(crate) const ASKED: f64 = 4.0;
/// The owner's session may be away for so long.
pub(crate) const HOLD_MS: u64 = 5_000;
/// Devices, in the order of the site.
pub(crate) const METER: usize = 0;
pub(crate) const SWITCHGEAR: usize = 1;
pub(crate) const PLC: usize = 2;
pub(crate) const UNITS: usize = 3;
pub(crate) const DEVICES: usize = 6;
/// A battery's charge: lowest and highest to be used, and for how long what is left must last, in hours.
pub(crate) const CHARGE: (f64, f64) = (1.0, 9.0);
pub(crate) const HORIZON_H: f64 = 1.0 / 60.0;
/// The correction: the share of the difference a second, and the most.
pub(crate) const TRIM: (f64, f64) = (0.01, 0.3);
/// How near the plant has to come, and within how many milliseconds.
pub(crate) const FOLLOWS: (f64, u64) = (0.75, 6_000);
/// The primary response of the sites that have one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Primary {
    /// A share of 60 Hz.
    pub(crate) droop: f64,
    pub(crate) deadband: f64,
    pub(crate) capacity: f64,
    pub(crate) most: f64,
}

pub(crate) const PRIMARY: Primary = Primary { droop: 0.05, deadband: 0.036, capacity: 10.0, most: 0.5 };
/// A pulse, in megawatts.
pub(crate) const PULSE: f64 = 0.25;

/// What becomes of the output when the ISO is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    Hold,
    Schedule,
    Release,
}

/// How the devices are told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Drives {
    /// One battery in watts.
    Battery,
    /// One plant that is only limited, in per cent of 5 MW.
    Limited,
    /// Two batteries with fixed shares.
    Shares,
    /// Three units that make up for each other, by this method.
    Dispatch(&'static str),
}

/// What each unit of a dispatch can do.
pub(crate) const CAN: [(f64, f64); 3] = [(-2.0, 2.0), (-1.0, 1.5), (-1.5, 1.0)];
/// The shares of [`Drives::Shares`].
pub(crate) const SHARES: [f64; 2] = [0.625, 0.375];
/// The rating behind [`Drives::Limited`].
pub(crate) const RATED: f64 = 5.0;

/// What is fixed about a set point, for the oracle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) drives: Drives,
    /// Megawatts a second; `None`: at once.
    pub(crate) up: Option<f64>,
    pub(crate) down: Option<f64>,
    pub(crate) deadband: f64,
    pub(crate) loss: Loss,
    pub(crate) silence_ms: Option<u64>,
    /// So many commands within so many milliseconds.
    pub(crate) commands_max: Option<(u32, u64)>,
    pub(crate) hard: bool,
    pub(crate) soft: bool,
    pub(crate) energy: bool,
    /// Nothing is charged with more than a source makes.
    pub(crate) source: bool,
    pub(crate) units_remote: bool,
    pub(crate) trim: bool,
    /// The frequency moves it, too.
    pub(crate) primary: bool,
    /// The devices make an auxiliary load beside it.
    pub(crate) aux: bool,
    /// The devices get their own control back at every return to local.
    pub(crate) disables: bool,
    pub(crate) revert_s: u16,
    /// The right of each master.
    pub(crate) rights: [bool; 2],
}

impl Rules {
    /// Devices that carry it out.
    pub(crate) fn drives(&self) -> usize {
        match self.drives {
            Drives::Battery | Drives::Limited => 1,
            Drives::Shares => 2,
            Drives::Dispatch(_) => 3,
        }
    }

    pub(crate) fn is_dispatch(&self) -> bool {
        matches!(self.drives, Drives::Dispatch(_))
    }
}

const PLAIN: Rules = Rules {
    drives: Drives::Battery,
    up: Some(0.1),
    down: Some(0.1),
    deadband: 0.0,
    loss: Loss::Release,
    silence_ms: None,
    commands_max: None,
    hard: true,
    soft: true,
    energy: true,
    source: false,
    units_remote: true,
    trim: false,
    primary: false,
    aux: false,
    disables: false,
    revert_s: 60,
    rights: [true, true],
};

/// Each kind of plant that there is here.
const KINDS: [Rules; 12] = [
    Rules { silence_ms: Some(8_000), commands_max: Some((6, 5_000)), ..PLAIN },
    Rules {
        up: None,
        down: None,
        deadband: 0.05,
        loss: Loss::Hold,
        disables: true,
        revert_s: 0,
        soft: false,
        ..PLAIN
    },
    Rules {
        up: Some(0.2),
        down: Some(0.5),
        loss: Loss::Schedule,
        silence_ms: Some(7_000),
        trim: true,
        ..PLAIN
    },
    Rules {
        drives: Drives::Dispatch("capability"),
        up: Some(0.25),
        down: Some(0.25),
        loss: Loss::Hold,
        silence_ms: Some(9_000),
        energy: false,
        revert_s: 0,
        ..PLAIN
    },
    Rules {
        drives: Drives::Dispatch("priority"),
        up: Some(0.5),
        down: Some(0.3),
        loss: Loss::Schedule,
        trim: true,
        disables: true,
        commands_max: Some((8, 6_000)),
        ..PLAIN
    },
    Rules {
        drives: Drives::Shares,
        up: Some(0.2),
        down: Some(0.2),
        deadband: 0.1,
        silence_ms: Some(10_000),
        units_remote: false,
        ..PLAIN
    },
    Rules {
        drives: Drives::Limited,
        up: Some(0.3),
        down: Some(0.3),
        loss: Loss::Hold,
        energy: false,
        ..PLAIN
    },
    Rules { up: None, down: None, loss: Loss::Schedule, hard: false, soft: false, revert_s: 0, ..PLAIN },
    Rules { up: Some(0.4), down: Some(0.4), source: true, silence_ms: Some(6_000), ..PLAIN },
    Rules {
        up: Some(0.2),
        down: Some(0.3),
        loss: Loss::Schedule,
        silence_ms: Some(9_000),
        primary: true,
        revert_s: 0,
        ..PLAIN
    },
    Rules { up: Some(0.3), down: Some(0.2), loss: Loss::Hold, aux: true, soft: false, ..PLAIN },
    Rules { up: None, down: None, loss: Loss::Schedule, energy: false, aux: true, primary: true, ..PLAIN },
];

/// What a site is after a change of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Twist {
    /// As it was written.
    Same,
    /// The set point has another name: it goes on as it was.
    Named,
    /// Another ramp: it is another set point.
    Slower,
    /// The observer has no right to control any more.
    Observed,
}

pub(crate) const TWISTS: [Twist; 4] = [Twist::Same, Twist::Named, Twist::Slower, Twist::Observed];

impl Twist {
    /// Whether a set point of this and one of the other are defined alike.
    pub(crate) fn is_like(self, other: Self) -> bool {
        (self == Self::Slower) == (other == Self::Slower)
    }
}

/// A kind of plant: its site files and what is fixed in each.
pub(crate) struct Kind {
    pub(crate) sites: Vec<(Site, Rules)>,
}

fn points() -> String {
    let analog = |device: &str, at: usize, id: &str, unit: &str| {
        format!(
            "\n[[analog]]\nid = \"{id}\"\nunit = \"{unit}\"\nsign = \"+\"\nmax_units = 100.0\nmax_counts = 30000\n\
             age_max_ms = 86400000\nsource = {{ device = \"{device}\", register = {}, type = \"f64\", unit = \"{unit}\" }}\n",
            at * 4
        )
    };
    let meter = [("units.mw", "MW"), ("poi.mw", "MW")];
    let plc = [
        ("hard.low", "MW"),
        ("hard.high", "MW"),
        ("soft.low", "MW"),
        ("soft.high", "MW"),
        ("soc", "MWh"),
        ("sched", "MW"),
        ("sun", "MW"),
    ];
    let mut text = String::new();
    // Behind the registers of its states.
    let switchgear = [("hz", "Hz"), ("aux", "MW")];
    for (device, first, points) in
        [("meter", 0, &meter[..]), ("plc", 0, &plc[..]), ("switchgear", 2, &switchgear[..])]
    {
        for (at, (id, unit)) in points.iter().enumerate() {
            text += &analog(device, first + at, id, unit);
        }
    }
    text
}

fn drive(rules: &Rules) -> String {
    let revert = if rules.revert_s > 0 { format!(", revert_s = {}", rules.revert_s) } else { String::new() };
    let one = |at: usize| {
        let more = match rules.drives {
            Drives::Battery => "control = \"704\"".to_owned(),
            Drives::Limited => format!("control = \"123\", rated_mw = {RATED:?}"),
            Drives::Shares => format!("control = \"704\", share = {:?}", SHARES[at]),
            Drives::Dispatch(_) => {
                let (low, high) = CAN[at];
                format!("control = \"704\", low = {low:?}, high = {high:?}, priority = {at}")
            }
        };
        format!("{{ device = \"u{}\", {more}{revert} }}", at + 1)
    };
    (0..rules.drives()).map(one).collect::<Vec<_>>().join(", ")
}

fn keys(rules: &Rules) -> String {
    let mut keys = vec![
        format!("drive = [{}]", drive(rules)),
        "schedule = \"sched\"".to_owned(),
        format!("follows_within = {:?}\nfollows_s = {}", FOLLOWS.0, FOLLOWS.1 / 1_000),
        format!("raise = 5\nlower = 6\npulse = {{ each = {PULSE:?} }}"),
        format!("deadband = {:?}", rules.deadband),
    ];
    if let Drives::Dispatch(method) = rules.drives {
        keys.push(format!("dispatch = \"{method}\""));
    }
    let loss = match rules.loss {
        Loss::Hold => "hold",
        Loss::Schedule => "schedule",
        Loss::Release => "release",
    };
    keys.push(format!("on_loss = \"{loss}\""));
    let mut per_min = |key: &str, rate: Option<f64>| {
        keys.extend(rate.map(|rate| format!("{key} = {:?}", rate * 60.0)));
    };
    per_min("ramp_up_per_min", rules.up);
    per_min("ramp_down_per_min", rules.down);
    keys.extend(rules.silence_ms.map(|silence| format!("silence_ms = {silence}")));
    keys.extend(rules.commands_max.map(|(count, within)| {
        format!("commands_max = {{ count = {count}, within_s = {} }}", within / 1_000)
    }));
    let energy =
        format!("energy = {{ charge = \"soc\", lowest = {:?}, highest = {:?} }}", CHARGE.0, CHARGE.1);
    let trim = format!(
        "trim = {{ meter = \"poi.mw\", units = \"units.mw\", gain = {:?}, most = {:?} }}",
        TRIM.0, TRIM.1
    );
    let Primary { droop, deadband, capacity, most } = PRIMARY;
    let primary = format!(
        "primary = {{ frequency = \"hz\", enable = \"enable\", droop_pct = {:?}, deadband_hz = {deadband:?}, \
         capacity = {capacity:?}, most = {most:?} }}",
        droop * 100.0
    );
    for (there, key) in [
        (rules.hard, "limits_hard = { low = \"hard.low\", high = \"hard.high\" }"),
        (rules.soft, "limits_soft = { low = \"soft.low\", high = \"soft.high\" }"),
        (rules.energy, &energy),
        (rules.units_remote, "device_remote = [\"units.remote\"]"),
        (rules.source, "charge_within = \"sun\""),
        (rules.trim, &trim),
        (rules.primary, &primary),
        (rules.aux, "aux = \"aux\""),
        (rules.disables, "handover = \"disable\""),
    ] {
        if there {
            keys.push(key.to_owned());
        }
    }
    keys.join("\n") + "\n"
}

fn twisted(mut rules: Rules, twist: Twist) -> Rules {
    match twist {
        Twist::Same | Twist::Named => {}
        Twist::Slower => (rules.up, rules.down) = (Some(0.05), Some(0.05)),
        Twist::Observed => rules.rights[1] = false,
    }
    rules
}

pub(crate) fn kinds() -> Vec<Kind> {
    let folder = tempfile::tempdir().unwrap();
    for file in ["rtd.pem", "rtd.key", "ca.pem"] {
        std::fs::write(folder.path().join(file), "").unwrap();
    }
    let path = folder.path().join("site.toml");
    let site = |rules: &Rules, twist: Twist| {
        let mut text = format!("{}{}{}", include_str!("site.toml"), keys(rules), points());
        if twist == Twist::Named {
            text = text.replace("name = \"Set point\"", "name = \"Another name\"");
        }
        if !rules.rights[1] {
            text = text.replace("control = true # the observer's", "control = false # the observer's");
        }
        if !rules.trim && !rules.aux {
            // Where nothing corrects, what the units do is what is looked at.
            text = text.replace("actual = \"poi.mw\"", "actual = \"units.mw\"");
        }
        std::fs::write(&path, text).unwrap();
        Site::read(&path).unwrap_or_else(|errors| panic!("{errors}"))
    };
    let kind = |rules: &Rules| {
        let one = |twist: &Twist| {
            let rules = twisted(*rules, *twist);
            (site(&rules, *twist), rules)
        };
        Kind { sites: TWISTS.iter().map(one).collect() }
    };
    KINDS.iter().map(kind).collect()
}
