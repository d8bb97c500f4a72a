//! A small report, word for word; what is asked wrongly.

use std::path::Path;
use std::time::Duration;

use control::score::Verdict;
use historian::{Batch, Entry, Event, EventKind, PointInfo, Settings, Store};
use serde_json::json;
use telemetry::{Origin, Reason, ReasonKind, Reasons, Unit, Value};

use super::*;

const SITE: &str = include_str!("../../../rtd/src/core/tests/site.toml");
const DRIVE: &str = "drive = [{ device = \"bess\", control = \"704\", revert_s = 60 }]";
const ID: &str = "bess.mw.setpoint";

/// A site whose battery is scored in steps of a minute and windows of five.
fn site(folder: &Path, score: &str) -> Site {
    for file in ["rtd.pem", "rtd.key", "ca.pem"] {
        std::fs::write(folder.join(file), "").unwrap();
    }
    assert!(SITE.contains(DRIVE));
    let text = SITE.replacen(DRIVE, &format!("{DRIVE}\n{score}"), 1);
    let path = folder.join("site.toml");
    std::fs::write(&path, format!("{text}\n[history]\npath = \"history.db\"\n")).unwrap();
    Site::read(&path).unwrap()
}

const SCORE: &str = "score = { step_ms = 60000, window_s = 300, delay_max_steps = 2, accuracy_below = 0.8 }";

fn date() -> Date {
    "2026-11-25".parse().unwrap()
}

/// What a start of the device wrote.
struct Start {
    store: Store,
    batch: Batch,
    sequence: u64,
    midnight: u64,
}

impl Start {
    fn at(site: &Site, minute: u64) -> Self {
        let (_, from, _) = span(Some(date()), &TimeZone::UTC, Wall::from_millis(0)).unwrap();
        let settings = Settings {
            path: site.history.as_ref().unwrap().path.clone(),
            retention: Duration::from_secs(86_400 * 4_000),
            octets_max: 1 << 30,
        };
        let midnight = from.as_millis();
        let store = Store::open(settings, Wall::from_millis(midnight + minute * 60_000)).unwrap();
        Self { store, batch: Batch::default(), sequence: 0, midnight }
    }

    fn wall(&self, minute: u64) -> Wall {
        Wall::from_millis(self.midnight + minute * 60_000)
    }

    fn entry(&mut self, id: &str, minute: u64, value: f64, reasons: Reasons) {
        self.sequence += 1;
        let (origin, time) = (Origin { boot: self.store.boot(), sequence: self.sequence }, self.wall(minute));
        let unit = if id.starts_with("bess.mw.setpoint.") { Unit::Count } else { Unit::Megawatt };
        let info = PointInfo { id: id.into(), kind: "analog_input", unit: Some(unit) };
        let entry = Entry { origin, time, source_time: None, value: Some(Value::Analog(value)), reasons };
        self.batch.entries.push((info, entry));
    }

    fn good(&mut self, id: &str, minute: u64, value: f64) {
        self.entry(id, minute, value, Reasons::none());
    }

    /// The mark of the step that ends at a minute.
    fn mark(&mut self, minute: u64, sign: f64) {
        let number = f64::from(u32::try_from((minute - 1) % 5).unwrap()) + 1.0;
        self.good("bess.mw.setpoint.score", minute, sign * number);
    }

    fn event(&mut self, kind: EventKind, minute: u64, detail: serde_json::Value) {
        let (boot, time) = (self.store.boot(), self.wall(minute));
        self.batch.events.push(Event { boot, time, kind, subject: ID.to_owned(), detail });
    }

    fn end(mut self) {
        let wall = self.wall(60);
        self.store.commit(&self.batch, wall).unwrap();
    }
}

/// Four windows: followed, held back by a limit and not the ISO's, not known and away, cut by a restart. Then a fifth
/// that is followed badly.
fn record(site: &Site) {
    let mut start = Start::at(site, 0);
    start.good("bess.mw.setpoint.owner", 0, 1.0);
    start.good("bess.mw.setpoint.clamp", 0, 0.0);
    start.event(EventKind::Authority, 0, json!({ "owner": "iso", "why": "an accepted command" }));
    for (at, (asked, done)) in
        [(2.0, 2.0), (4.0, 3.0), (-1.0, -1.0), (-1.0, -1.0), (2.0, 2.0)].into_iter().enumerate()
    {
        let minute = u64::try_from(at).unwrap();
        start.good(ID, minute, asked);
        start.good("bess.mw", minute, done);
        start.event(EventKind::Command, minute, json!({ "status": "SUCCESS", "value": asked }));
        start.mark(minute + 1, 1.0);
    }
    start.good("bess.mw.setpoint.clamp", 5, 2.0);
    start.good(ID, 5, 4.0);
    start.mark(6, 1.0);
    start.good("bess.mw.setpoint.clamp", 6, 4.0);
    start.good("bess.mw", 6, 4.0);
    start.mark(7, 1.0);
    start.mark(8, 1.0);
    start.good("bess.mw.setpoint.owner", 8, 0.0);
    start.event(
        EventKind::Authority,
        8,
        json!({ "owner": "local", "why": "the plant was switched to local <&>" }),
    );
    start.event(EventKind::Command, 8, json!({ "status": "LOCAL", "value": 1.0 }));
    start.mark(9, 1.0);
    start.mark(10, 1.0);
    start.good("bess.mw.setpoint.owner", 10, 1.0);
    start.mark(11, 1.0);
    start.mark(12, -1.0);
    start.entry("bess.mw", 12, 4.0, Reasons::of(Reason::new(ReasonKind::Stale, "bess")));
    start.mark(13, 1.0);
    start.good("bess.mw", 13, 4.0);
    start.mark(14, 1.0);
    start.mark(15, 1.0);
    start.mark(16, 1.0);
    start.end();
    let mut start = Start::at(site, 18);
    for (id, value) in
        [(ID, 4.0), ("bess.mw", 4.0), ("bess.mw.setpoint.owner", 1.0), ("bess.mw.setpoint.clamp", 0.0)]
    {
        start.good(id, 18, value);
    }
    for minute in 19..=25 {
        if minute == 21 {
            start.good("bess.mw", 20, 1.0);
        }
        start.mark(minute, 1.0);
    }
    start.end();
}

fn report<'a>(site: &'a Site, zone: &'a TimeZone) -> Report<'a> {
    let (date, from, to) = span(Some(date()), zone, Wall::from_millis(0)).unwrap();
    let reader = Reader::open(&site.history.as_ref().unwrap().path).unwrap();
    let day = day(&reader, &site.setpoints[0], (from, to), to).unwrap();
    Report { site, setpoint: &site.setpoints[0], date, zone, day }
}

fn golden(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/score").join(name);
    if std::env::var_os("OPENRTD_BLESS").is_some() {
        std::fs::write(&file, text).unwrap();
    }
    let held = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(held == text, "{name} differs; OPENRTD_BLESS=1 writes it anew:\n{text}");
}

#[test]
fn a_small_report_word_for_word() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path(), SCORE);
    record(&site);
    let zone = TimeZone::UTC;
    let report = report(&site, &zone);
    let windows: Vec<_> = report.day.windows.iter().map(|window| &window.scored).collect();
    let verdicts: Vec<_> = windows.iter().filter_map(|one| one.verdict).collect();
    let (good, incomplete) = (Verdict::Good, Verdict::Incomplete);
    assert_eq!(verdicts, [good, good, incomplete, incomplete, Verdict::Below]);
    // Off by 1 of 2 + 4 + 1 + 1 + 2.
    assert_eq!((windows[0].score.accuracy, windows[0].score.mileage), (Some(1.0 - 1.0 / 10.0), 10.0));
    // 2 of 4 at the limit, which only the second figure has: 1 - 2/12.
    assert_eq!((windows[1].score.accuracy, windows[1].score.clamped), (Some(1.0), 1));
    assert_eq!(windows[1].score.accuracy_all, Some(1.0 - 2.0 / 12.0));
    assert_eq!((windows[1].left_out.not_iso, windows[1].score.mileage), (2, 2.0));
    assert_eq!((windows[2].left_out.away, windows[2].left_out.unknown), (1, 1));
    assert_eq!((windows[3].left_out.restart, report.day.restarts), (2, 1));
    assert_eq!(windows[4].score.accuracy, Some(1.0 - 15.0 / 20.0));
    assert_eq!(report.day.unrecorded, 288 - 5);
    // Of the complete windows: off 1 + 0 + 15 of 10 + 8 + 20.
    assert_eq!(report.day.totals.accuracy, Some(1.0 - 16.0 / 38.0));
    golden("golden.txt", &told::told(&report));
    let page = page::page(&report);
    golden("golden.html", &page);
    assert!(
        !page.contains("<script") && !page.contains("src=") && !page.contains("://"),
        "nothing from elsewhere"
    );
    assert!(page.contains("switched to local &lt;&amp;&gt;"), "what peers sent is text");
    assert_eq!(page.matches("role=\"img\"").count(), 2);
}

#[test]
fn a_day_of_which_nothing_is_recorded_has_no_report() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path(), SCORE);
    record(&site);
    let file = folder.path().join("site.toml");
    let of = |day: &str| {
        let (point, zone, day) = (None, TimeZone::UTC, Some(day.parse().unwrap()));
        score(&Score { site: file.clone(), point, day, zone, html: None, json: true })
    };
    of("2026-11-25").unwrap();
    for day in ["2026-11-24", "2025-01-01"] {
        match of(day) {
            Err(Failure::Input(text)) => assert!(text.contains(day) && text.contains("nothing of"), "{text}"),
            other => panic!("{day}: {other:?}"),
        }
    }
}

#[test]
fn what_was_recorded_with_another_step_is_no_step_of_this_score() {
    let folder = tempfile::tempdir().unwrap();
    record(&site(folder.path(), SCORE));
    let other = site(folder.path(), "score = { step_ms = 60000, window_s = 600 }");
    let zone = TimeZone::UTC;
    let report = report(&other, &zone);
    // The second half of each ten minutes was numbered 1 to 5 again.
    for window in &report.day.windows {
        let of = &window.scored.left_out;
        assert!(of.missing + of.restart >= 5, "{window:?}");
    }
    assert!(report.day.windows.iter().all(|window| window.scored.verdict == Some(Verdict::Incomplete)));
}

#[test]
fn what_the_history_lost_is_never_good() {
    let folder = tempfile::tempdir().unwrap();
    let site = site(folder.path(), SCORE);
    record(&site);
    let mut start = Start::at(&site, 30);
    let (boot, time) = (start.store.boot(), start.wall(6));
    let detail = json!({ "what": "samples or events were lost", "lost": 3 });
    start.batch.events.push(Event { boot, time, kind: EventKind::History, subject: String::new(), detail });
    start.end();
    let zone = TimeZone::UTC;
    let report = report(&site, &zone);
    let (first, second) = (&report.day.windows[0], &report.day.windows[1]);
    assert!(first.lost && second.lost && report.day.losses == 1);
    assert!([first, second].iter().all(|window| window.scored.verdict == Some(Verdict::Incomplete)));
    assert!(second.scored.left_out.unknown > 0, "what held then is not known before it changes again");
}

#[test]
fn what_is_asked_wrongly_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let none = site(folder.path(), "");
    assert!(wanted(&none, None).unwrap_err().contains("scores no set point"));
    let one = site(folder.path(), SCORE);
    assert_eq!(wanted(&one, None).unwrap().point.id.as_str(), ID);
    assert!(wanted(&one, Some("poi.mw")).unwrap_err().contains("scored: bess.mw.setpoint"));
    assert!(zone("Mars/Olympus").unwrap_err().contains("is no time zone"));
    Start::at(&one, 0).end();
    let reader = Reader::open(&one.history.as_ref().unwrap().path).unwrap();
    let (_, from, to) = span(Some(date()), &TimeZone::UTC, Wall::from_millis(0)).unwrap();
    let told = day(&reader, &one.setpoints[0], (from, to), to).unwrap_err().to_string();
    assert!(told.contains("has not run with `score` yet"), "{told}");
}
