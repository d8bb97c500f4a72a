//! A device's life over a virtual clock: a dead link, a restart and a stuck heartbeat, and what each leaves behind.

use super::*;
use config::Source;
use ieee1815::PointType::{AnalogInput, AnalogOutputStatus, BinaryInput};

const EMS: &str = include_str!("../../tests/support/one_device.toml");

/// A fleet of one device, its clock and what it recorded.
struct Rig {
    fleet: Fleet,
    millis: u64,
    beat: f64,
}

impl Rig {
    fn new() -> Self {
        let config = Config::from_source(&Source::from_text("ems.toml", EMS)).unwrap();
        Self { fleet: Fleet::new(&config), millis: 0, beat: 0.0 }
    }

    /// A rig that came up and got its first integrity poll.
    fn started() -> Self {
        let mut rig = Self::new();
        rig.fleet.link_up(0, "rtd.example", rig.now());
        rig.integrity();
        rig.fleet.scan_answered(0, rig.now());
        let _ = rig.fleet.take_records();
        rig
    }

    fn now(&self) -> Now {
        Now::virtual_millis(self.millis)
    }

    fn later(&mut self, millis: u64) {
        self.millis += millis;
    }

    fn report(&mut self, kind: PointType, index: u16, value: f64, flags: Flags) {
        let value = match kind {
            BinaryInput => ieee1815::Value::Binary(value != 0.0),
            _ => ieee1815::Value::Analog(value),
        };
        let measured = Measured { value, flags: Some(flags), time: None };
        self.fleet.reported(0, kind, index, &measured, self.now());
    }

    fn heartbeat(&mut self) {
        self.beat += 1.0;
        self.report(AnalogInput, 50, self.beat, Flags::ONLINE);
    }

    fn integrity(&mut self) {
        self.report(AnalogInput, 1, 2_000.0, Flags::ONLINE);
        self.report(BinaryInput, 1, 1.0, Flags::ONLINE | Flags::STATE);
        self.report(AnalogOutputStatus, 1, 0.0, Flags::ONLINE);
        self.heartbeat();
    }

    /// One scan that is answered at once by what `answer` reports.
    fn scan(&mut self, answer: impl FnOnce(&mut Self)) -> Option<ScanKind> {
        self.later(4_000);
        let kind = self.fleet.scan_due(0, self.now());
        answer(self);
        self.fleet.scan_answered(0, self.now());
        kind
    }

    fn point(&self, id: &str) -> PointView {
        self.fleet.points(self.now()).into_iter().find(|view| view.point.as_str() == id).unwrap()
    }

    fn reasons(&self, id: &str) -> Vec<ReasonKind> {
        self.point(id).standing.reasons.iter().map(|reason| reason.kind).collect()
    }

    fn status(&self) -> DeviceView {
        self.fleet.status(self.now()).remove(0)
    }

    fn json(&mut self) -> Vec<serde_json::Value> {
        self.fleet.take_records().iter().map(|record| serde_json::to_value(record).unwrap()).collect()
    }
}

#[test]
fn before_anything_nothing_is_good() {
    let rig = Rig::new();
    assert_eq!(rig.reasons("poi.mw"), [ReasonKind::NeverRead, ReasonKind::LinkDown]);
    let view = rig.point("poi.mw");
    assert_eq!((view.standing.value, view.age_ms, view.time), (None, None, None));
    assert_eq!(rig.status().points_good, 0);
}

#[test]
fn counts_become_units_and_the_record_says_both() {
    let mut rig = Rig::new();
    rig.fleet.link_up(0, "rtd.example", rig.now());
    rig.integrity();
    rig.fleet.scan_answered(0, rig.now());
    let records = rig.json();
    assert_eq!(records[0]["event"], "link");
    assert_eq!(
        serde_json::to_string(&records[1]).unwrap(),
        r#"{"event":"point","time":"1970-01-01T00:00:00.000Z","device":"rtd","id":"poi.mw","type":"analog_input","index":1,"value":1.0,"unit":"MW","quality":"good","reasons":[],"flags":["ONLINE"],"counts":2000}"#
    );
    let scan = records.last().unwrap();
    assert_eq!(
        (&scan["event"], &scan["kind"], &scan["points"]),
        (&"scan".into(), &"integrity".into(), &4.into())
    );
    assert_eq!((rig.status().points, rig.status().points_good, rig.status().scans), (4, 4, 1));
}

#[test]
fn an_event_scan_refreshes_only_what_it_carries() {
    let mut rig = Rig::started();
    assert_eq!(rig.scan(Rig::heartbeat), Some(ScanKind::Events));
    assert_eq!(rig.point("beat").age_ms, Some(0));
    assert_eq!(rig.point("poi.mw").age_ms, Some(4_000));
    let _ = rig.scan(Rig::heartbeat);
    let _ = rig.scan(Rig::heartbeat);
    assert_eq!(rig.scan(Rig::integrity), Some(ScanKind::Integrity));
    assert_eq!(rig.point("poi.mw").age_ms, Some(0));
    assert_eq!(rig.scan(Rig::heartbeat), Some(ScanKind::Events));
}

#[test]
fn a_point_reported_for_too_long_not_is_stale_and_keeps_its_value() {
    let mut rig = Rig::started();
    rig.later(20_000);
    assert!(rig.reasons("poi.mw").is_empty());
    rig.later(1);
    assert_eq!(rig.reasons("poi.mw"), [ReasonKind::Stale]);
    assert_eq!(rig.point("poi.mw").standing.value, Some(Value::Analog(1.0)));
    let _ = rig.fleet.scan_due(0, rig.now());
    assert_eq!(rig.json()[0]["reasons"][0], "older than its age limit: rtd");
}

#[test]
fn a_dead_link_marks_every_point_until_it_is_reported_again() {
    let mut rig = Rig::started();
    rig.fleet.link_down(0, "the peer closed the connection", rig.now());
    for id in ["poi.mw", "beat", "breaker", "bess.mw.setpoint"] {
        assert_eq!(rig.reasons(id), [ReasonKind::LinkDown]);
    }
    assert_eq!((rig.status().link, rig.status().restarts), ("down", 0));
    assert_eq!(rig.json().len(), 5, "the link and four points");
    rig.fleet.link_down(0, "cannot connect", rig.now());
    rig.fleet.link_down(0, "cannot connect", rig.now());
    assert_eq!(rig.json().len(), 1, "an attempt that fails as before is no news");
    rig.fleet.link_up(0, "rtd.example", rig.now());
    assert_eq!(rig.reasons("poi.mw"), [ReasonKind::LinkDown], "an old value is not good because TCP is up");
    rig.report(AnalogInput, 1, 10.0, Flags::ONLINE);
    assert!(rig.reasons("poi.mw").is_empty());
    assert_eq!(rig.reasons("breaker"), [ReasonKind::LinkDown]);
}

#[test]
fn a_restarted_device_is_believed_point_by_point() {
    let mut rig = Rig::started();
    rig.fleet.restarted(0, rig.now());
    assert_eq!(rig.json()[0]["event"], "restart");
    assert_eq!(rig.reasons("poi.mw"), [ReasonKind::RemoteRestart]);
    rig.report(AnalogInput, 1, 0.0, Flags::RESTART);
    assert_eq!(rig.point("poi.mw").standing.flags, ["RESTART"]);
    assert_eq!(rig.point("poi.mw").standing.quality, Quality::Bad);
    rig.report(AnalogInput, 1, 5.0, Flags::ONLINE);
    assert!(rig.reasons("poi.mw").is_empty());
    assert_eq!(
        (rig.status().restarts, rig.status().link, rig.status().heartbeat_stuck),
        (1, "up", Some(false))
    );
}

#[test]
fn a_restart_told_by_the_first_response_of_a_session_leaves_that_response_believed() {
    let mut rig = Rig::started();
    rig.fleet.link_down(0, "killed", rig.now());
    rig.fleet.link_up(0, "rtd.example", rig.now());
    rig.report(AnalogInput, 1, 0.0, Flags::RESTART);
    rig.report(BinaryInput, 1, 1.0, Flags::ONLINE);
    let _ = rig.fleet.take_records();
    rig.fleet.restarted(0, rig.now());
    assert_eq!(rig.json().len(), 3, "the restart, and the two points that the response left out");
    assert_eq!(rig.reasons("poi.mw"), [ReasonKind::RemoteRestart], "its own flag");
    assert!(rig.reasons("breaker").is_empty());
    assert_eq!(rig.reasons("bess.mw.setpoint"), [ReasonKind::RemoteRestart, ReasonKind::LinkDown]);
}

#[test]
fn a_heartbeat_that_stands_still_for_three_scans_is_stuck() {
    let mut rig = Rig::started();
    for _ in 0..2 {
        let _ = rig.scan(|rig| rig.report(AnalogInput, 1, 2_000.0, Flags::ONLINE));
        assert_eq!(rig.status().heartbeat_stuck, Some(false));
    }
    let _ = rig.scan(|_| ());
    assert_eq!(rig.status().heartbeat_stuck, Some(true));
    assert_eq!(rig.reasons("poi.mw"), [ReasonKind::HeartbeatStuck]);
    assert_eq!(rig.point("poi.mw").standing.quality, Quality::Questionable);
    assert_eq!((rig.status().link, rig.status().restarts, rig.status().scans_missed), ("up", 0, 0));
    let beats = |rig: &mut Rig| rig.json().into_iter().filter(|r| r["event"] == "heartbeat").count();
    assert_eq!(beats(&mut rig), 1);
    let _ = rig.scan(Rig::heartbeat);
    assert!(rig.reasons("poi.mw").is_empty());
    assert_eq!(beats(&mut rig), 1);
}

#[test]
fn a_dead_link_is_no_stuck_heartbeat() {
    let mut rig = Rig::started();
    rig.fleet.link_down(0, "gone", rig.now());
    for _ in 0..10 {
        rig.later(4_000);
        assert_eq!(rig.fleet.scan_due(0, rig.now()), None);
    }
    assert_eq!(rig.status().heartbeat_stuck, Some(false));
    assert_eq!((rig.status().scans, rig.status().scans_missed), (10, 9), "the last may still be answered");
}

#[test]
fn a_scan_not_answered_before_the_next_is_missed_once() {
    let mut rig = Rig::started();
    rig.later(4_000);
    assert_eq!(rig.fleet.scan_due(0, rig.now()), Some(ScanKind::Events));
    rig.later(3_000);
    rig.fleet.scan_failed(0);
    rig.later(1_000);
    assert_eq!(
        rig.fleet.scan_due(0, rig.now()),
        Some(ScanKind::Events),
        "asked again on the beat, not before"
    );
    let missed = rig.json().into_iter().find(|record| record["event"] == "scan").unwrap();
    assert_eq!((&missed["missed"], &missed["duration_ms"]), (&true.into(), &4_000.into()));
    rig.later(10);
    rig.fleet.scan_answered(0, rig.now());
    assert_eq!((rig.status().scans, rig.status().scans_missed), (3, 1));
}

#[test]
fn a_late_answer_answers_the_beat_it_falls_into() {
    let mut rig = Rig::started();
    rig.later(4_000);
    assert!(rig.fleet.scan_due(0, rig.now()).is_some());
    rig.later(4_000);
    assert_eq!(rig.fleet.scan_due(0, rig.now()), None, "one question at a time");
    rig.fleet.scan_answered(0, rig.now());
    rig.later(4_000);
    assert!(rig.fleet.scan_due(0, rig.now()).is_some());
    assert_eq!((rig.status().scans, rig.status().scans_missed), (3, 1));
}

#[test]
fn no_number_is_no_good_value_and_is_told_once() {
    let mut rig = Rig::started();
    rig.report(AnalogInput, 1, f64::NAN, Flags::ONLINE);
    rig.report(AnalogInput, 1, f64::NAN, Flags::ONLINE);
    assert_eq!(rig.reasons("poi.mw"), [ReasonKind::NotANumber]);
    assert_eq!(rig.json().len(), 1);
}

#[test]
fn what_the_data_base_rules_out_is_no_good_value() {
    let mut rig = Rig::started();
    for wire in [1e30, 2_147_483_647.0, -2_147_483_648.0] {
        rig.report(AnalogInput, 1, wire, Flags::ONLINE);
        assert_eq!(rig.reasons("poi.mw"), [ReasonKind::Implausible], "{wire}");
        assert_eq!(rig.point("poi.mw").standing.quality, Quality::Bad);
        rig.report(AnalogInput, 1, 30_000.0, Flags::ONLINE);
        assert!(rig.reasons("poi.mw").is_empty());
    }
    rig.report(AnalogOutputStatus, 1, 40_000.0, Flags::ONLINE);
    assert_eq!(rig.reasons("bess.mw.setpoint"), [ReasonKind::Implausible]);
}

#[test]
fn zero_has_no_sign() {
    let mut rig = Rig::started();
    rig.report(AnalogInput, 1, -0.0, Flags::ONLINE);
    let Some(Value::Analog(value)) = rig.point("poi.mw").standing.value else { panic!() };
    assert!(value == 0.0 && value.is_sign_positive());
}

#[test]
fn what_nobody_configured_is_dropped() {
    let mut rig = Rig::started();
    rig.report(AnalogInput, 999, 1.0, Flags::ONLINE);
    assert!(rig.json().is_empty());
}

#[test]
fn set_points_are_counted_and_told() {
    let mut rig = Rig::started();
    rig.fleet.setpoint_sent(0, 3, -2.5, "sbo", "SUCCESS".to_owned(), rig.now());
    rig.fleet.setpoint_sent(0, 3, 3.5, "direct", "NOT_AUTHORIZED".to_owned(), rig.now());
    assert_eq!((rig.status().setpoints_sent, rig.status().setpoints_accepted), (2, 1));
    let told = rig.json();
    assert_eq!(
        serde_json::to_string(&told[1]).unwrap(),
        r#"{"event":"setpoint","time":"1970-01-01T00:00:00.000Z","device":"rtd","id":"bess.mw.setpoint","value":3.5,"mode":"direct","status":"NOT_AUTHORIZED"}"#
    );
}
