//! A plant, the device and the ISO's side, with a battery that goes by a ramp; and what its journal says about how it
//! was moved. All is measured at the plant: what it was told, and its power.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::battery::{Battery, Told};
use crate::support::{Folder, Program, all, at, is_good, latest};

pub(crate) const POINT: &str = "bess.mw.setpoint";
/// MW a second.
pub(crate) const RAMP: f64 = 0.5;
/// What the battery tells of its power is so coarse, MW: nobody can start nearer to it.
pub(crate) const RESOLUTION: f64 = 0.001;
/// Between a step of ours and its arrival at the plant lies a driver with three writes, and other programs that run: two
/// steps may come nearer to each other than they were made.
pub(crate) const LATE_MS: i64 = 2_000;
/// Times are told in whole milliseconds, by two programs whose clocks drift apart a little.
const APART_MS: i64 = 10;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Numbers that look random and are the same each time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// From 0 to below 1.
    pub(crate) fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 33).unwrap()) / f64::from(1_u32 << 31)
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.share() * (high - low)
    }

    pub(crate) fn pause(&mut self, longest: Duration) {
        std::thread::sleep(longest.mul_f64(self.share()));
    }
}

/// A site whose battery goes by [`RAMP`]; `revert_s`: it falls back by itself.
pub(crate) fn folder(revert_s: Option<u16>, keys: &str) -> Folder {
    let folder = Folder::quick();
    folder.plain_setpoint();
    let drive = r#"drive = [{ device = "bess", control = "704", revert_s = 60 }]"#;
    let revert = revert_s.map_or_else(String::new, |seconds| format!(", revert_s = {seconds}"));
    let per_minute = RAMP * 60.0;
    let text = format!(
        "drive = [{{ device = \"bess\", control = \"704\"{revert} }}]\nramp_up_per_min = {per_minute:.1}\n{keys}"
    );
    folder.change("site.toml", drive, &text);
    folder
}

/// The three programs.
pub(crate) struct Rig {
    pub(crate) folder: Folder,
    pub(crate) plant: Program,
    pub(crate) rtd: Program,
    pub(crate) iso: Program,
    pub(crate) battery: Battery,
}

impl Rig {
    pub(crate) fn start(folder: Folder) -> Self {
        let plant = Program::start(&folder, "plant", "plant.toml");
        let battery = Battery::of(&plant);
        let rtd = Program::start(&folder, "run", "site.toml");
        let iso = Program::start(&folder, "ems", "ems.toml");
        iso.wait("to have every point Good", |records| all(records, &folder.points(), is_good));
        Self { folder, plant, rtd, iso, battery }
    }

    /// The ISO asks for this, again until the device takes it: when it did.
    pub(crate) fn command(&self, mw: f64) -> i64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let socket = self.folder.site.join("run/ems.sock");
        let request = json!({"do": "setpoint", "point": POINT, "value": mw, "mode": "sbo"});
        let deadline = Instant::now() + PATIENCE;
        loop {
            let before = self.rtd.mark();
            let answer = runtime.block_on(localsocket::ask(&socket, &request));
            if answer.as_ref().is_ok_and(|answer| answer["status"] == "SUCCESS") {
                let taken = |one: &&Value| one["event"] == "command" && one["mode"] == "sbo";
                return self.rtd.wait("to tell of the command", |records| {
                    Some(at(records[before..].iter().find(taken)?, "time"))
                });
            }
            assert!(Instant::now() < deadline, "{mw} MW was not taken: {answer:?}\n{}", self.rtd.errors());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the battery does now, MW.
    pub(crate) fn power(&self) -> f64 {
        self.plant.wait("to tell its power", |records| Some(Battery::did(records).last()?.1))
    }

    /// When the device told that somebody else has the set point since `since`; the owner.
    pub(crate) fn owner_after(&self, since: i64) -> (i64, String) {
        self.rtd.wait("to lose its master", |records| {
            let lost = |one: &&Value| {
                one["event"] == "authority" && one["owner"] != "iso" && at(one, "time") >= since
            };
            let one = records.iter().find(lost)?;
            assert_eq!(one["cause"], "link-lost", "{one}");
            Some((at(one, "time"), one["owner"].as_str()?.to_owned()))
        })
    }

    /// Waits until the ISO is there again.
    pub(crate) fn until_scanned(&self, since: usize) {
        self.iso.wait("to scan again", |records| {
            let scan = |one: &Value| one["event"] == "scan" && one["missed"] == false;
            records.get(since..)?.iter().any(scan).then_some(())
        });
        self.iso.wait("to have the battery Good", |records| {
            latest(records).get("bess.mw").filter(|one| is_good(one)).map(drop)
        });
    }
}

/// What the plant's journal says of the battery.
pub(crate) struct Seen {
    /// What it was told.
    pub(crate) told: Vec<(i64, Told)>,
    /// Its power, MW.
    pub(crate) did: Vec<(i64, f64)>,
}

impl Seen {
    pub(crate) fn of(rig: &Rig) -> Self {
        let records = rig.plant.records();
        Self { told: rig.battery.told(&records), did: Battery::did(&records) }
    }

    /// Its power at a time, MW.
    pub(crate) fn power(&self, time: i64) -> f64 {
        let past = self.did.iter().take_while(|(at, _)| *at <= time);
        past.last().or(self.did.first()).unwrap().1
    }

    /// What it was told from one time until before another.
    pub(crate) fn between(&self, from: i64, until: i64) -> impl Iterator<Item = (i64, Told)> {
        self.told.iter().copied().filter(move |(at, _)| *at >= from && *at < until)
    }

    /// The powers it was told.
    pub(crate) fn powers(&self, from: i64, until: i64) -> Vec<(i64, f64)> {
        let power = |(at, told)| if let Told::Power(power) = told { Some((at, power)) } else { None };
        self.between(from, until).filter_map(power).collect()
    }

    /// The largest and the smallest power in a time, MW.
    pub(crate) fn range(&self, from: i64, until: i64) -> (f64, f64) {
        let within = self.did.iter().filter(|(at, _)| (from..until).contains(at)).map(|(_, power)| *power);
        within
            .chain([self.power(from)])
            .fold((f64::MAX, f64::MIN), |(low, high), one| (low.min(one), high.max(one)))
    }
}

/// How the plant was moved by what it was told from an owner's first write on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Moved {
    /// The first write beside what the plant did then.
    pub(crate) first: f64,
    /// The largest step of what it was told.
    pub(crate) step: f64,
    /// By how much it went further than the ramp allows: since the command, to the millisecond, and from one step to the
    /// next, which may come late.
    pub(crate) beyond: f64,
    pub(crate) writes: usize,
}

/// Follows the writes of one owner, who began at `since`.
pub(crate) fn moved(seen: &Seen, since: i64, until: i64) -> Moved {
    let powers = seen.powers(since - APART_MS, until);
    let mut moved = Moved { writes: powers.len(), ..Moved::default() };
    let Some((first_at, first)) = powers.first().copied() else { return moved };
    moved.first = (first - seen.power(first_at)).abs();
    for pair in powers.windows(2) {
        let [(before, from), (after, to)] = [pair[0], pair[1]];
        let step = (to - from).abs();
        let allowed = RAMP * milliseconds(after - before + LATE_MS) / 1_000.0;
        let whole = RAMP * milliseconds(after - since + APART_MS) / 1_000.0;
        moved.step = moved.step.max(step);
        moved.beyond = moved.beyond.max(step - allowed).max((to - first).abs() - whole);
    }
    moved
}

pub(crate) fn milliseconds(time: i64) -> f64 {
    f64::from(i32::try_from(time).unwrap())
}
