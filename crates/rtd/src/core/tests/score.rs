//! The score live, out of the history, and by hand: three ways to one figure.

use std::collections::BTreeMap;
use std::time::Duration;

use control::score::{Scored, Verdict};
use historian::Reader;
use site::Site;
use telemetry::{Now, PointId, Quality, Value, Wall};
use tokio::sync::mpsc;

use super::control::{Plant, controlled};
use super::primary;
use super::world::EMS;
use crate::core::{PointRecord, Record};
use crate::history::History;
use crate::score::{Day, day};

const STEP: u64 = 4;
/// Ten steps a window.
const WINDOW: u64 = 40;
const KEYS: &str =
    "score = { window_s = 40, delay_max_steps = 2, accuracy_below = 0.9 }\nfollows_within = 1.0";

fn scored(folder: &std::path::Path, keys: &str, more: &[(&str, &str)]) -> Site {
    let mut replaced = vec![("follows_within = 1.0", keys)];
    // A ramp of its own: 60 MW a minute.
    replaced.push(("ramp_up_per_min = 6.0", "ramp_up_per_min = 60.0"));
    replaced.extend(more);
    let mut site = controlled(&replaced);
    // A deadband that the history would otherwise leave changes out by.
    for analog in &mut site.analogs {
        analog.deadband = 0.5;
    }
    keep(&mut site, folder);
    site
}

fn keep(site: &mut Site, folder: &std::path::Path) {
    site.history = Some(site::History {
        path: folder.join("history.db"),
        retention: Duration::from_secs(86_400 * 400),
        octets_max: 1 << 30,
    });
}

/// The history of what a world told, in a start of its own.
struct Kept {
    history: History,
    told: usize,
}

impl Kept {
    fn begin(site: &Site, now: Now) -> Self {
        let history = History::open(site, now, mpsc::channel(8).0).unwrap().unwrap();
        Self { history, told: 0 }
    }

    /// Takes what was told since. The world counts its own starts: here each has the number of the store.
    fn take(&mut self, plant: &Plant) {
        let boot = self.history.boot();
        for (nth, record) in plant.world.records[self.told..].iter().enumerate() {
            // Faster than any device: what waits must not be too much.
            if nth % 1_000 == 999 {
                self.history.flush();
            }
            let now = plant.world.now();
            match record {
                Record::Point(point) => {
                    let mut point: PointRecord = (**point).clone();
                    point.origin.boot = boot;
                    self.history.record(&Record::Point(Box::new(point)), now);
                }
                record => self.history.record(record, time_of(record).unwrap_or(now)),
            }
        }
        self.history.flush();
        self.told = plant.world.records.len();
    }

    async fn end(self) {
        self.history.finish().await;
    }
}

fn time_of(record: &Record) -> Option<Now> {
    match record {
        Record::Authority { time, .. } | Record::Command { time, .. } => {
            Some(Now { wall: *time, ..Now::virtual_millis(time.as_millis()) })
        }
        _ => None,
    }
}

fn wall(seconds: u64) -> Wall {
    Wall::from_millis(seconds * 1_000)
}

fn report(site: &Site, from: u64, to: u64, until: u64) -> Day {
    let reader = Reader::open(&site.history.as_ref().unwrap().path).unwrap();
    day(&reader, &site.setpoints[0], (wall(from), wall(to)), wall(until)).unwrap()
}

fn live(plant: &Plant) -> serde_json::Value {
    plant.world.core.status(plant.world.now())["setpoints"][0]["score"].clone()
}

/// The signal, in megawatts, of a second.
fn signal(second: u64) -> f64 {
    let at = f64::from(u32::try_from(second / STEP).unwrap());
    (at * 0.9).sin() * 2.0 + (at * 0.23).cos()
}

/// One second of regulation that is followed within the step.
fn second(plant: &mut Plant, at: u64) {
    regulate(plant, at, 0);
}

/// One second of regulation: the set point every 4 s, so many seconds after the step began.
fn regulate(plant: &mut Plant, second: u64, after: u64) {
    if second % STEP == after {
        plant.set(EMS, signal(second));
    }
    plant.pass(1);
}

/// What a point was at each second, from the records alone: `(time, good value)` in order.
fn course(plant: &Plant, id: &str) -> Vec<(u64, Option<f64>)> {
    let of = |record: &Record| match record {
        Record::Point(point) if point.id.as_str() == id => {
            let good = (point.quality == Quality::Good).then_some(point.value).flatten();
            Some((point.time.as_millis(), good.map(Value::as_f64)))
        }
        _ => None,
    };
    plant.world.records.iter().filter_map(of).collect()
}

/// What held just before a moment.
fn held(course: &[(u64, Option<f64>)], millis: u64) -> Option<f64> {
    course.iter().rev().find(|(time, _)| *time < millis).and_then(|(_, value)| *value)
}

/// Accuracy, accuracy with clamped steps, and mileage of a window, from the records and the definitions: all sums
/// over a table of steps, none of the code of the score.
fn by_hand(plant: &Plant, from: u64) -> (Option<f64>, Option<f64>, f64) {
    let id = "bess.mw.setpoint";
    let (asked, done) = (course(plant, id), course(plant, "bess.mw"));
    let (owner, clamp) = (course(plant, "bess.owner"), course(plant, "bess.clamp"));
    let table: BTreeMap<u64, (f64, f64, bool)> = (0..=WINDOW / STEP)
        .filter_map(|step| {
            let millis = (from + step * STEP) * 1_000;
            let is_up = plant.world.records.iter().rev().find_map(|record| match record {
                Record::Session { time, state, master, .. }
                    if master.as_deref() == Some("ems") && time.as_millis() < millis =>
                {
                    Some(*state == "up")
                }
                _ => None,
            });
            let is_iso = held(&owner, millis) == Some(1.0) && is_up == Some(true);
            let limited = [1.0, 2.0, 3.0, 6.0].contains(&held(&clamp, millis)?);
            is_iso.then_some((step, (held(&asked, millis)?, held(&done, millis)?, limited)))
        })
        .collect();
    let sums = |all: bool| {
        let rows = table.range(1..).map(|(_, row)| row).filter(|(.., limited)| all || !limited);
        let (off, size) = rows.fold((0.0, 0.0), |(off, size), (asked, done, _)| {
            (off + (asked - done).abs(), size + asked.abs())
        });
        (size > 0.0).then(|| f64::max(0.0, 1.0 - off / size))
    };
    let moves = table.iter().filter_map(|(step, row)| {
        let before = table.get(&step.checked_sub(1)?)?;
        Some((row.0 - before.0).abs())
    });
    (sums(false), sums(true), moves.sum())
}

fn is_near(one: Option<f64>, other: Option<f64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-9,
        (one, other) => one == other,
    }
}

fn same_as_by_hand(plant: &Plant, window: &Scored) {
    let (accuracy, all, mileage) = by_hand(plant, window.from.as_millis() / 1_000);
    assert!(is_near(window.score.accuracy, accuracy), "{window:?} {accuracy:?}");
    assert!(is_near(window.score.accuracy_all, all), "{window:?} {all:?}");
    assert!((window.score.mileage - mileage).abs() < 1e-9, "{window:?} {mileage}");
}

#[tokio::test]
async fn live_is_what_the_history_says_and_what_the_definitions_say() {
    let folder = tempfile::tempdir().unwrap();
    let site = scored(folder.path(), KEYS, &[]);
    let mut plant = Plant::with(&site);
    let mut kept = Kept::begin(&site, plant.world.now());
    let mut live_windows = Vec::new();
    for at in 0..400 {
        match at {
            // A limit holds it; the master is away; the plant has it; a value is not known.
            100 => plant.plc.hard.1 = 0.5,
            135 => plant.plc.hard.1 = 4.0,
            170 => plant.world.disconnect(EMS),
            190 => plant.world.connect(EMS),
            215 => plant.remote = false,
            235 => plant.remote = true,
            255 => plant.dead = true,
            263 => plant.dead = false,
            _ => {}
        }
        if (170..190).contains(&at) || (215..236).contains(&at) {
            plant.pass(1);
        } else {
            // At first in time, then so late that the step is over before it is followed.
            regulate(&mut plant, at, if at < 80 { 0 } else { 3 });
        }
        let last = live(&plant)["last"].clone();
        if !last.is_null() && live_windows.last() != Some(&last) {
            live_windows.push(last);
        }
    }
    kept.take(&plant);
    kept.end().await;
    let day = report(&site, 0, 400, 400);
    assert_eq!(day.windows.len(), 10);
    let told: Vec<serde_json::Value> =
        day.windows.iter().map(|window| serde_json::to_value(window.scored).unwrap()).collect();
    assert_eq!(told, live_windows, "live and history");
    assert_eq!(serde_json::to_value(&day.totals).unwrap(), live(&plant)["since_start"]);
    day.windows.iter().for_each(|window| same_as_by_hand(&plant, &window.scored));
    let windows: Vec<&Scored> = day.windows.iter().map(|window| &window.scored).collect();
    let sum = |of: fn(&Scored) -> usize| windows.iter().map(|window| of(window)).sum::<usize>();
    assert!(sum(|one| one.score.clamped) > 3 && sum(|one| one.left_out.away) >= 4);
    assert!(sum(|one| one.left_out.not_iso) >= 5 && sum(|one| one.left_out.unknown) >= 2);
    assert_eq!(sum(|one| one.left_out.missing + one.left_out.restart + one.left_out.repeated), 0);
    let bad = windows.iter().find(|one| one.left_out.unknown > 0).unwrap();
    assert_eq!(bad.verdict, Some(Verdict::Incomplete), "what is not known is never good");
    assert_eq!((day.unrecorded, day.restarts, day.losses), (0, 0, 0));
    assert!(day.commands["SUCCESS"] > 50 && day.hands.len() >= 3, "{:?} {:?}", day.commands, day.hands);
    assert!(live(&plant)["open"].is_null() && live(&plant)["confirmed"] == false);
}

/// What was seen of two windows in which the frequency moves and the battery answers: the last window live, the day out
/// of the history, without the records of the points that end in `without`.
async fn answered(more: &[(&str, &str)], without: &str) -> (serde_json::Value, Day) {
    let folder = tempfile::tempdir().unwrap();
    let mut replaced =
        vec![("follows_within = 1.0", KEYS), ("ramp_up_per_min = 6.0", "ramp_up_per_min = 60.0")];
    replaced.extend(more);
    let mut site = primary::site(&replaced);
    keep(&mut site, folder.path());
    let mut bench = primary::Bench::with(&site);
    let mut kept = Kept::begin(&site, bench.plant.world.now());
    for at in 0..85_u64 {
        if at % STEP == 0 {
            // Nothing, 0.5 or 1 MW either way.
            bench.hz = Some([60.0, 59.814, 59.664, 60.0, 60.336][usize::try_from(at / STEP % 5).unwrap()]);
            bench.set(if at % (2 * STEP) == 0 { 2.0 } else { -1.0 });
        }
        bench.pass(1);
    }
    let last = live(&bench.plant)["last"].clone();
    let is_kept = |record: &Record| match record {
        Record::Point(point) => without.is_empty() || !point.id.as_str().ends_with(without),
        _ => true,
    };
    bench.plant.world.records.retain(is_kept);
    kept.take(&bench.plant);
    kept.end().await;
    (last, report(&site, 0, 400, 85))
}

#[tokio::test]
async fn a_primary_response_is_no_error_live_and_in_the_report() {
    let served = ", response = { id = \"fr.response\", index = 54 }";
    for more in [&[][..], &[(served, "")]] {
        let (last, day) = answered(more, "").await;
        let window = &day.windows[1].scored;
        assert_eq!(last, serde_json::to_value(window).unwrap(), "{more:?}");
        assert_eq!(window.verdict, Some(Verdict::Good), "{window:?}");
        assert!(window.score.accuracy > Some(0.99), "{window:?}");
        assert!((window.score.mileage - 30.0).abs() < 1e-9, "the response is no mileage: {window:?}");
        assert_eq!((day.primary, day.response_missing), (true, 0));
    }
    // What was not recorded cannot be taken out: it is an error there, and that is told.
    let (_, day) = answered(&[], "fr.response").await;
    let window = &day.windows[1].scored;
    assert_eq!((window.verdict, window.left_out.unknown), (Some(Verdict::Below), 0), "{window:?}");
    assert!(day.response_missing >= 20, "{}", day.response_missing);
}

#[tokio::test]
async fn a_restart_and_a_device_that_was_off_are_told_and_never_good() {
    let folder = tempfile::tempdir().unwrap();
    let site = scored(folder.path(), KEYS, &[]);
    let mut plant = Plant::with(&site);
    let mut kept = Kept::begin(&site, plant.world.now());
    (0..100).for_each(|at| second(&mut plant, at));
    kept.take(&plant);
    kept.end().await;
    // Off for 26 s, and again for two whole windows.
    let before = plant;
    let mut plant = Plant::after(&site, 126);
    let mut kept = Kept::begin(&site, plant.world.now());
    (126..165).for_each(|at| second(&mut plant, at));
    kept.take(&plant);
    kept.end().await;
    let day = report(&site, 0, 400, 300);
    let told: Vec<(u64, Option<Verdict>, usize, usize)> = day
        .windows
        .iter()
        .map(|window| {
            let one = &window.scored;
            (one.from.as_millis() / 1_000, one.verdict, one.left_out.restart, one.left_out.missing)
        })
        .collect();
    assert_eq!(told[1], (40, Some(Verdict::Good), 0, 0));
    // 80 to 120: up to 100 it was seen. After 120 the first step that was seen to its end began at 124.
    assert_eq!(told[2], (80, Some(Verdict::Incomplete), 5, 0));
    assert_eq!(told[3], (120, Some(Verdict::Incomplete), 1, 0));
    assert_eq!(told[4].0, 160);
    assert_eq!((told[4].1, told.len()), (Some(Verdict::Incomplete), 5));
    assert_eq!((day.restarts, day.unrecorded), (1, 2), "200 to 280 has no record");
    same_as_by_hand(&before, &day.windows[1].scored);
}

#[tokio::test]
async fn a_reload_goes_on_and_another_step_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let site = scored(folder.path(), KEYS, &[]);
    let mut plant = Plant::with(&site);
    (0..60).for_each(|at| second(&mut plant, at));
    let before = live(&plant);
    let same = scored(folder.path(), KEYS, &[("name = \"Battery set point\"", "name = \"other\"")]);
    plant.world.reconfigure(&site, &same);
    assert_eq!(live(&plant), before);
    (60..80).for_each(|at| second(&mut plant, at));
    assert_eq!(live(&plant)["last"]["verdict"], "good");
    assert_eq!(live(&plant)["last"]["missing"], 0);
    let other = scored(folder.path(), &KEYS.replace("window_s = 40", "window_s = 20"), &[]);
    plant.world.reconfigure(&same, &other);
    assert_eq!(
        (&live(&plant)["last"], live(&plant)["window_s"].as_u64()),
        (&serde_json::Value::Null, Some(20))
    );
    assert_eq!(plant.transfers().last().map(|(owner, _)| *owner), Some("iso"), "control went on");
}

#[test]
fn a_window_that_was_followed_badly_raises_an_alarm_and_a_good_one_clears_it() {
    let folder = tempfile::tempdir().unwrap();
    let site = scored(folder.path(), KEYS, &[]);
    let mut plant = Plant::with(&site);
    let alarm = |plant: &Plant| plant.world.core.alarms().to_string().contains("\"score\"");
    (0..45).for_each(|at| second(&mut plant, at));
    assert!(!alarm(&plant));
    plant.follows = false;
    (45..125).for_each(|at| second(&mut plant, at));
    assert!(alarm(&plant));
    plant.follows = true;
    (125..205).for_each(|at| second(&mut plant, at));
    assert!(!alarm(&plant));
}

#[test]
fn a_clock_that_is_set_is_never_a_good_window() {
    let folder = tempfile::tempdir().unwrap();
    let site = scored(folder.path(), KEYS, &[]);
    let mut plant = Plant::with(&site);
    (0..50).for_each(|at| second(&mut plant, at));
    plant.world.wall_ahead_ms = 3_600_000;
    (50..60).for_each(|at| second(&mut plant, at));
    assert_eq!(live(&plant)["last"]["verdict"], "incomplete");
    plant.world.wall_ahead_ms = 0;
    (60..81).for_each(|at| second(&mut plant, at));
    assert_eq!(live(&plant)["last"]["verdict"], "incomplete");
}

#[test]
fn the_mark_of_a_step_cannot_be_forced() {
    let folder = tempfile::tempdir().unwrap();
    let site = scored(folder.path(), KEYS, &[]);
    let plant = Plant::with(&site);
    let point = PointId::from("bess.mw.setpoint.score");
    let value = Value::Analog(1.0);
    let lasts = Duration::from_secs(9);
    for action in [crate::core::Action::Force { value, lasts }, crate::core::Action::Inhibit { lasts }] {
        let (point, who, why) = (point.clone(), "ann".into(), "test".into());
        let operate = crate::core::Operate { point, action, who, why };
        assert!(
            plant.world.core.may_operate(&operate).unwrap_err().contains("proves that this device looked")
        );
    }
}
