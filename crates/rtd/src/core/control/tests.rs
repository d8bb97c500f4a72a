use control::limits::{Bounds, Rules};
use control::{Band, Loss};

use super::drive::ANSWER_MAX;
use super::*;
use crate::core::field::FieldWrite;

const ISO: MasterIx = MasterIx::new(0);
const OTHER: MasterIx = MasterIx::new(1);
const BESS: DeviceIx = DeviceIx::new(0);
const READY: Seen = Seen {
    actual: Some(0.0),
    read: Mono::from_micros(u64::MAX),
    remote: Permit::Given,
    connected: Permit::Given,
    devices: Permit::Given,
    device_remote: Permit::Given,
    inhibited: false,
    bounds: Some(Bounds::NONE),
    schedule: None,
};
const OK: Result<(), String> = Ok(());

fn drive(device: usize, revert_s: u16) -> DriveSpec {
    DriveSpec {
        device: DeviceIx::new(device),
        name: "bess".into(),
        kind: DriveKind::SunSpec704 { watts_per_unit: 1e6 },
        revert_s,
        least: 0.0,
        priority: 0,
        free: false,
    }
}

fn spec(revert_s: u16) -> SetPointSpec {
    let scale = Scale::Counts { max_units: 4.0, max_counts: 4_000.0 };
    SetPointSpec {
        id: "bess.mw.setpoint".into(),
        scale,
        machine: Spec {
            asked: (-4.0, 4.0),
            slack: scale.half_step(),
            rules: Rules { up: f64::INFINITY, down: f64::INFINITY, deadband: 0.0 },
            hold: Duration::from_secs(30),
            silence: None,
            loss: Loss::Release,
            commands_max: None,
            step: STEP,
        },
        drives: vec![drive(0, revert_s)],
        method: None,
        trim: None,
        primary: None,
        aux: false,
        follows: None,
        disables: false,
        pulses: None,
    }
}

/// A set point without its table: what is seen of the plant is set by hand.
struct Bench {
    point: SetPoint,
    plant: Plant,
    request: u64,
    /// When it was looked at last.
    now: Mono,
}

impl Bench {
    fn of(spec: SetPointSpec) -> Self {
        let plant = Plant {
            read: Mono::ZERO,
            seen: READY,
            answer: vec![true; spec.drives.len()],
            units: Vec::new(),
            meter: None,
            units_now: None,
            aux: None,
            hz: None,
            answers: false,
        };
        Self { point: SetPoint::new(spec, Mono::ZERO), plant, request: 0, now: Mono::ZERO }
    }

    fn new(revert_s: u16) -> Self {
        Self::of(spec(revert_s))
    }

    fn accept(&mut self, value: f64, actual: f64, now: u64) {
        self.plant.seen.actual = Some(actual);
        self.point.accept(ISO, value, None, &self.plant, seconds(now));
    }

    fn settle(&mut self, now: Mono) -> Settled {
        self.now = now;
        self.point.settle(&self.plant, now, &mut self.request)
    }

    fn writes(&mut self, now: u64) -> Vec<Write> {
        self.settle(seconds(now)).writes
    }

    fn written(&mut self, request: u64, result: &Result<(), String>) {
        self.point.written(BESS, request, result, self.now);
    }

    fn judge(&self, master: MasterIx, right: bool, wire: f64, seen: &Seen) -> Result<f64, CommandStatus> {
        let value = self.point.spec.scale.to_units(wire);
        self.point.judge(master, right, value, seen, seconds(0))
    }
}

fn seconds(seconds: u64) -> Mono {
    Mono::from_millis(seconds * 1_000)
}

fn watts(writes: &[Write]) -> Vec<f64> {
    let one = |write: &Write| match write.write {
        FieldWrite::SunSpec704 { watts, .. } => watts,
        other => panic!("{other:?}"),
    };
    writes.iter().map(one).collect()
}

#[test]
fn every_refusal_has_its_own_status() {
    let mut bench = Bench::new(60);
    let status =
        |bench: &Bench, master, right, wire, seen: Seen| bench.judge(master, right, wire, &seen).unwrap_err();
    assert_eq!(status(&bench, ISO, false, 0.0, READY), CommandStatus::NotAuthorized);
    for wire in [4_001.0, -4_001.0, f64::NAN, f64::INFINITY] {
        assert_eq!(status(&bench, ISO, true, wire, READY), CommandStatus::OutOfRange, "{wire}");
    }
    for (seen, wanted) in [
        (Seen { remote: Permit::Withheld, ..READY }, CommandStatus::Local),
        (Seen { connected: Permit::Withheld, ..READY }, CommandStatus::Blocked),
        (Seen { device_remote: Permit::Withheld, ..READY }, CommandStatus::DownstreamLocal),
        (Seen { inhibited: true, ..READY }, CommandStatus::AutomationInhibit),
        (Seen { remote: Permit::Unknown, ..READY }, CommandStatus::DownstreamFail),
        (Seen { connected: Permit::Unknown, ..READY }, CommandStatus::DownstreamFail),
        (Seen { devices: Permit::Withheld, ..READY }, CommandStatus::DownstreamFail),
        (Seen { devices: Permit::Unknown, ..READY }, CommandStatus::DownstreamFail),
        (Seen { actual: None, ..READY }, CommandStatus::DownstreamFail),
        (Seen { bounds: None, ..READY }, CommandStatus::DownstreamFail),
    ] {
        assert_eq!(status(&bench, ISO, true, 0.0, seen), wanted, "{seen:?}");
    }
    bench.accept(1.0, 0.0, 0);
    assert_eq!(status(&bench, OTHER, true, 0.0, READY), CommandStatus::BlockedOtherMaster);
    assert_eq!(bench.judge(ISO, true, 2_500.0, &READY), Ok(2.5), "the owner may go on");
}

#[test]
fn judging_changes_nothing() {
    let mut bench = Bench::new(60);
    assert_eq!(bench.judge(ISO, true, 1_000.0, &READY), Ok(1.0));
    assert_eq!(bench.point.owner(), Owner::Local);
    assert!(bench.writes(0).is_empty());
    assert_eq!(bench.point.due(), None);
}

#[test]
fn a_limit_that_counts_cannot_say_exactly_is_still_the_limit() {
    let scale = Scale::Counts { max_units: 4.1, max_counts: 300.0 };
    let machine = Spec { slack: scale.half_step(), ..spec(60).machine };
    let bench = Bench::of(SetPointSpec { scale, machine, ..spec(60) });
    let (full, _) = scale.to_wire(4.0);
    assert!(scale.to_units(full) > 4.0, "else this proves nothing");
    assert_eq!(bench.judge(ISO, true, full, &READY), Ok(4.0));
    assert_eq!(bench.judge(ISO, true, full + 1.0, &READY), Err(CommandStatus::OutOfRange));
}

#[test]
fn a_change_is_written_once_and_refreshed_before_half_the_reversion_time() {
    let mut bench = Bench::new(60);
    bench.request = 7;
    bench.accept(2.5, 0.1, 0);
    let writes = bench.writes(0);
    assert_eq!((watts(&writes), writes[0].request), (vec![2_500_000.0], 7));
    assert_eq!(bench.point.in_force(), Some(0.1), "until the device confirms");
    assert!(bench.writes(1).is_empty(), "not asked twice while unanswered");
    bench.written(7, &OK);
    assert_eq!(bench.point.in_force(), Some(2.5));
    assert!(bench.writes(2).is_empty());
    let due = bench.point.due().unwrap();
    assert!(due < seconds(30), "{due:?}");
    assert_eq!(watts(&bench.settle(due).writes), [2_500_000.0]);
}

#[test]
fn without_a_reversion_timer_nothing_is_refreshed() {
    let mut bench = Bench::new(0);
    bench.accept(2.5, 0.0, 0);
    bench.writes(0);
    bench.written(0, &OK);
    assert_eq!(bench.point.due(), None);
}

#[test]
fn the_newest_of_several_changes_is_written_when_the_device_has_answered() {
    let mut bench = Bench::new(60);
    for value in [1.0, 2.0, 3.0] {
        bench.accept(value, 0.0, 0);
        assert_eq!(bench.writes(0).len(), usize::from(value == 1.0));
    }
    bench.written(0, &OK);
    assert_eq!(bench.point.in_force(), Some(1.0), "what is confirmed, and not what was last accepted");
    assert_eq!(watts(&bench.writes(1)), [3_000_000.0]);
    assert_eq!(bench.point.in_force(), Some(1.0));
    bench.written(1, &OK);
    assert_eq!(bench.point.in_force(), Some(3.0));
}

#[test]
fn a_refused_write_is_told_and_tried_again() {
    let mut bench = Bench::new(60);
    bench.accept(2.5, 0.0, 0);
    bench.writes(0);
    bench.written(0, &Err("illegal data value".to_owned()));
    let failures: Vec<_> = bench.point.failures().map(|(drive, why)| (drive.name.to_string(), why)).collect();
    assert_eq!(failures, [("bess".to_owned(), "illegal data value")]);
    for second in 0..2 {
        bench.plant.seen.read = seconds(second);
        assert!(bench.writes(second).is_empty());
    }
    assert_eq!(bench.point.in_force(), None, "what the plant does, and not what was asked for");
    bench.plant.seen.read = seconds(2);
    assert_eq!(bench.writes(2).len(), 1);
    assert_eq!((bench.point.in_force(), bench.point.failures().count()), (Some(0.0), 1));
    bench.written(0, &OK);
    assert_eq!(bench.point.failures().count(), 1, "an answer to the old request says nothing of the new one");
    bench.written(1, &OK);
    assert_eq!((bench.point.failures().count(), bench.point.in_force()), (0, Some(2.5)));
}

#[test]
fn a_write_that_is_never_answered_is_asked_for_again() {
    let mut bench = Bench::new(0);
    bench.accept(2.5, 0.0, 0);
    bench.writes(0);
    let due = bench.point.due().unwrap();
    assert_eq!(due, Mono::ZERO.plus(ANSWER_MAX));
    assert_eq!(bench.settle(due).writes.len(), 1);
}

#[test]
fn a_device_that_comes_back_is_told_again() {
    let mut bench = Bench::new(0);
    bench.accept(2.5, 0.0, 0);
    bench.writes(0);
    bench.written(0, &OK);
    bench.point.device_up(BESS);
    assert_eq!(watts(&bench.writes(9)), [2_500_000.0]);
    assert_eq!(bench.point.in_force(), None, "what it confirmed before counts for nothing");
    bench.written(1, &OK);
    assert_eq!(bench.point.in_force(), Some(2.5));
}

#[test]
fn a_device_that_was_away_is_given_back_though_it_was_not_told_again() {
    let mut bench = Bench::new(0);
    bench.accept(2.5, 0.0, 0);
    bench.writes(0);
    bench.written(0, &OK);
    bench.plant.seen.devices = Permit::Withheld;
    bench.writes(5);
    // It is there again, nobody knows yet what it does, and the unit trips.
    bench.point.device_up(BESS);
    (bench.plant.seen.devices, bench.plant.seen.actual) = (Permit::Given, None);
    assert!(bench.writes(9).is_empty());
    bench.plant.seen.connected = Permit::Withheld;
    assert_eq!(bench.writes(10)[0].write, FieldWrite::Release704, "it may hold what it was told before");
    assert!(bench.writes(11).is_empty());
}

#[test]
fn a_limit_that_is_not_known_any_more_lets_nothing_beyond() {
    let mut spec = spec(0);
    spec.trim = Some(trim::Rules { gain: 0.1, most: 0.5 });
    let mut bench = Bench::of(spec);
    bench.plant.units_now = Some(0.4);
    bench.accept(3.0, 0.0, 0);
    let hard = Bounds { hard: Band::new(-2.0, 2.0), ..Bounds::NONE };
    bench.plant.seen.bounds = Some(hard);
    assert_eq!(watts(&bench.writes(0)), [2_000_000.0], "with the correction no more than the limit");
    bench.written(0, &OK);
    bench.plant.seen.bounds = None;
    assert!(bench.writes(1).is_empty(), "nor when the limit is not known");
}

#[test]
fn what_a_device_cannot_be_told_is_not_in_force() {
    let mut spec = spec(0);
    spec.drives[0].kind = DriveKind::SunSpec123 { percent_per_unit: 50.0 };
    let mut bench = Bench::of(spec);
    for (request, (value, does)) in [(3.0, 2.0), (-1.0, 0.0), (1.5, 1.5)].into_iter().enumerate() {
        let request = u64::try_from(request).unwrap();
        bench.accept(value, 0.0, request);
        assert_eq!(bench.writes(request).len(), 1);
        bench.written(request, &OK);
        assert_eq!((bench.point.in_force(), bench.point.short()), (Some(does), value - does), "{value}");
        assert_eq!(bench.point.clamp(), (value != does).then_some(Clamp::Hard));
    }
}

#[test]
fn a_lost_session_holds_and_then_the_plant_has_it() {
    for disables in [false, true] {
        lost_session(Bench::of(SetPointSpec { disables, ..spec(60) }));
    }
}

fn lost_session(mut bench: Bench) {
    bench.accept(2.5, 2.5, 0);
    bench.writes(0);
    bench.point.session(ISO, false, seconds(10));
    bench.point.session(OTHER, true, seconds(11));
    assert!(bench.settle(seconds(39)).transfer.is_none());
    bench.point.session(ISO, true, seconds(39));
    assert!(bench.settle(seconds(99)).transfer.is_none(), "it came back in time");
    assert_eq!(bench.judge(OTHER, true, 0.0, &READY), Err(CommandStatus::BlockedOtherMaster));
    bench.point.session(ISO, false, seconds(100));
    assert_eq!(bench.judge(OTHER, true, 0.0, &READY), Ok(0.0), "the ISO's other centre need not wait");
    let settled = bench.settle(seconds(130));
    assert_eq!(settled.transfer.map(|transfer| transfer.cause), Some(Cause::LinkLost));
    let written: Vec<FieldWrite> = settled.writes.iter().map(|write| write.write).collect();
    let released = [FieldWrite::Release704];
    assert_eq!(written, released[..usize::from(bench.point.spec.disables)], "what it does it keeps");
    let left = (bench.point.owner(), bench.point.accepted(), bench.point.in_force());
    assert_eq!(left, (Owner::Local, None, None));
    settled.writes.iter().for_each(|write| bench.written(write.request, &OK));
    assert_eq!(bench.point.kept().count(), 0);
    assert!(bench.writes(200).is_empty(), "the timer is refreshed only while owned");
}

#[test]
fn a_device_that_does_not_take_its_own_control_back_is_asked_until_it_does() {
    let given_back = || {
        let mut bench = Bench::new(0);
        bench.accept(2.5, 0.0, 0);
        bench.writes(0);
        bench.written(0, &OK);
        bench.plant.seen.connected = Permit::Withheld;
        assert_eq!(bench.settle(seconds(1)).writes[0].write, FieldWrite::Release704);
        bench
    };
    let refused = || {
        let mut bench = given_back();
        bench.written(1, &Err("illegal data value".to_owned()));
        assert_eq!(bench.point.kept().count(), 1);
        bench
    };
    let mut bench = refused();
    assert!(bench.writes(2).is_empty());
    assert_eq!(bench.point.due(), Some(seconds(3)));
    assert_eq!(bench.writes(3)[0].write, FieldWrite::Release704);
    bench.written(1, &OK);
    assert_eq!(
        bench.point.due(),
        Some(Mono::ZERO.plus(ANSWER_MAX + Duration::from_secs(3))),
        "of the last one"
    );
    assert_eq!(bench.writes(18)[0].request, 3, "it did not answer");
    bench.written(3, &OK);
    assert_eq!((bench.point.kept().count(), bench.point.due()), (0, None));
    assert!(bench.writes(99).is_empty());

    let mut bench = refused();
    bench.plant.seen.remote = Permit::Withheld;
    assert!(bench.writes(9).is_empty(), "whoever is at the plant has it");
    assert_eq!(bench.point.kept().count(), 0);

    let mut bench = refused();
    bench.plant.seen.connected = Permit::Given;
    bench.accept(1.0, 0.0, 2);
    assert_eq!(watts(&bench.writes(9)), [1_000_000.0], "a master has it");
    bench.written(2, &OK);
    assert_eq!(bench.point.kept().count(), 0);
}

#[test]
fn going_local_ends_authority_and_leaves_the_devices_to_the_operator() {
    for disables in [false, true] {
        let mut bench = Bench::of(SetPointSpec { disables, ..spec(60) });
        bench.accept(2.5, 0.0, 0);
        bench.writes(0);
        bench.plant.seen.remote = Permit::Unknown;
        assert!(bench.settle(seconds(1)).transfer.is_none(), "not known is not local");
        bench.plant.seen.remote = Permit::Withheld;
        let settled = bench.settle(seconds(1));
        assert_eq!(settled.transfer.map(|transfer| transfer.cause), Some(Cause::Local));
        assert_eq!(settled.writes.len(), usize::from(disables), "the site says which");
        assert_eq!(bench.point.due(), None);
    }
}

#[test]
fn an_open_breaker_ends_authority() {
    let mut bench = Bench::new(60);
    bench.accept(2.5, 0.0, 0);
    bench.writes(0);
    bench.plant.seen.connected = Permit::Withheld;
    let settled = bench.settle(seconds(1));
    assert_eq!(settled.transfer.map(|transfer| transfer.cause), Some(Cause::Tripped));
    assert_eq!(settled.writes.len(), 1);
    assert!(bench.settle(seconds(2)).transfer.is_none(), "once");
}

#[test]
fn a_share_of_a_limit_stays_between_nothing_and_all() {
    let drive = DriveSpec { kind: DriveKind::SunSpec123 { percent_per_unit: 10.0 }, ..drive(0, 30) };
    for (value, expected) in [(-1.0, 0.0), (7.5, 75.0), (11.0, 100.0)] {
        assert_eq!(drive.write(value), FieldWrite::SunSpec123 { percent: expected, revert_s: 30 });
    }
}

fn unit(available: bool) -> Able {
    let can = Band { low: -1.0, high: 1.0 };
    let unit = control::dispatch::Unit {
        available,
        can,
        least: 0.0,
        stored: None,
        room: None,
        priority: 0,
        free: false,
    };
    Able { unit, off: false, power: None, held: Held { low: Clamp::Hard, high: Clamp::Hard } }
}

#[test]
fn a_lost_unit_is_made_up_for_at_once_and_what_is_missing_is_not_in_force() {
    let drives = (0..4).map(|device| drive(device, 0)).collect();
    let mut bench = Bench::of(SetPointSpec { drives, method: Some(Method::Capability), ..spec(0) });
    bench.plant.units = vec![unit(true); 4];
    let answer = |bench: &mut Bench, writes: &[Write]| {
        writes.iter().for_each(|write| bench.point.written(write.device, write.request, &OK, bench.now));
    };
    bench.accept(2.0, 2.0, 0);
    let writes = bench.writes(0);
    assert_eq!(watts(&writes), [500_000.0; 4]);
    answer(&mut bench, &writes);
    (bench.plant.units[1].unit.available, bench.plant.units[1].off) = (false, true);
    let writes = bench.writes(1);
    let told: f64 = watts(&writes).iter().sum();
    assert_eq!(writes.len(), 3);
    assert!((told - 2e6).abs() < 1.0, "{writes:?}");
    answer(&mut bench, &writes);
    assert_eq!((bench.point.in_force(), bench.point.short()), (Some(2.0), 0.0));
    bench.accept(4.0, 2.0, 2);
    let writes = bench.writes(2);
    answer(&mut bench, &writes);
    assert_eq!((bench.point.in_force(), bench.point.short()), (Some(3.0), 1.0));
    // It is back: it is told what it counts for, and its part once it has taken that.
    (bench.plant.units[1].unit.available, bench.plant.units[1].off) = (true, false);
    for part in [0.0, 1e6] {
        let writes = bench.writes(3);
        let devices: Vec<usize> = writes.iter().map(|write| write.device.get()).collect();
        assert_eq!((devices, watts(&writes)), (vec![1], vec![part]), "the others are full");
        answer(&mut bench, &writes);
    }
    assert_eq!((bench.point.in_force(), bench.point.short()), (Some(4.0), 0.0));
}

/// Two units of 5 MW that were told -2 MW each; of the first nothing is heard from then on.
fn one_is_silent(limits: Band) -> Bench {
    let drives = vec![drive(0, 0), drive(1, 0)];
    let mut bench = Bench::of(SetPointSpec { drives, method: Some(Method::Capability), ..spec(0) });
    let mut unit = unit(true);
    unit.unit.can = Band { low: -5.0, high: 5.0 };
    bench.plant.units = vec![unit; 2];
    bench.plant.seen.bounds = Some(Bounds { hard: limits, ..Bounds::NONE });
    bench.accept(-4.0, -4.0, 0);
    let writes = bench.writes(0);
    assert_eq!(watts(&writes), [-2e6; 2]);
    writes.iter().for_each(|write| bench.point.written(write.device, write.request, &OK, bench.now));
    bench.plant.units[0].unit.available = false;
    bench
}

#[test]
fn what_a_silent_unit_counts_for_gives_the_others_no_more_than_the_whole_may() {
    // Without a hard limit it is what may be asked for.
    for limits in [Band { low: -4.0, high: 4.0 }, Band::ALL] {
        let mut bench = one_is_silent(limits);
        assert_eq!((watts(&bench.writes(1)), bench.point.silent().count()), (vec![], 1));
        bench.accept(4.0, -4.0, 2);
        // It charges with 2, or it does nothing any more: then 6 would be too much.
        let writes = bench.writes(2);
        assert_eq!(watts(&writes), [4e6]);
        bench.point.written(writes[0].device, writes[0].request, &OK, bench.now);
        assert_eq!((bench.point.in_force(), bench.point.short()), (Some(2.0), 2.0));
        assert_eq!(bench.point.clamp(), Some(Clamp::Hard));
        bench.accept(-4.0, 2.0, 3);
        assert_eq!(watts(&bench.writes(3)), [-2e6]);
    }
}

#[test]
fn what_others_confirmed_of_an_output_that_counted_on_a_lost_unit_is_not_in_force() {
    let drives = vec![drive(0, 0), drive(1, 0)];
    let mut bench = Bench::of(SetPointSpec { drives, method: Some(Method::Priority), ..spec(0) });
    let mut unit = unit(true);
    unit.unit.can = Band { low: -5.0, high: 5.0 };
    bench.plant.units = vec![unit; 2];
    bench.plant.units[1].unit.priority = 1;
    let answer = |bench: &mut Bench, writes: &[Write]| {
        writes.iter().for_each(|write| bench.point.written(write.device, write.request, &OK, bench.now));
    };
    bench.accept(1.0, 1.0, 0);
    let writes = bench.writes(0);
    assert_eq!(watts(&writes), [1e6, 0.0]);
    answer(&mut bench, &writes);
    // The second has nothing to do with the change, the first never answers it, and is lost.
    bench.accept(-1.0, 1.0, 1);
    assert_eq!(watts(&bench.writes(1)), [-1e6]);
    bench.plant.units[0].unit.available = false;
    let writes = bench.writes(2);
    assert_eq!(watts(&writes), [-2e6], "the first does what it confirmed");
    assert_eq!(bench.point.in_force(), Some(1.0));
    answer(&mut bench, &writes);
    assert_eq!(bench.point.in_force(), Some(-1.0));
}

#[test]
fn what_the_others_do_already_stays_where_a_limit_counts_for_them_alone() {
    // One that charges from the other: alone it would be beyond what the whole may.
    let mut bench = one_is_silent(Band { low: -4.0, high: 4.0 });
    bench.plant.seen.bounds = Some(Bounds { hard: Band { low: -4.0, high: -3.0 }, ..Bounds::NONE });
    assert_eq!((watts(&bench.writes(1)), bench.point.short()), (vec![], 0.0), "nothing moves");
    bench.accept(-3.0, -4.0, 2);
    assert_eq!((watts(&bench.writes(2)), bench.point.short()), (vec![], 1.0), "and no further away");
}

#[test]
fn the_correction_brings_the_meter_there_and_stops_where_something_else_holds() {
    let rules = trim::Rules { gain: 0.1, most: 0.5 };
    let mut bench = Bench::of(SetPointSpec { trim: Some(rules), ..spec(0) });
    let meter = |value: f64, read: u64| Some(trim::Meter { value, read: seconds(read) });
    bench.plant.meter = meter(2.0, 0);
    bench.plant.units_now = Some(2.2);
    bench.accept(2.0, 2.0, 0);
    // The units do 2.2, the meter sees 2.0 of it.
    let mut units = 2.2;
    for second in 0..200 {
        for write in bench.writes(second) {
            if second == 0 {
                assert!((watts(&[write])[0] - 2.2e6).abs() < 1.0, "nothing moves at the hand-over");
            }
            units = watts(&[write])[0] / 1e6;
            bench.point.written(write.device, write.request, &OK, bench.now);
        }
        bench.plant.meter = meter(units - 0.3, second);
    }
    assert!((units - 2.3).abs() < 0.002, "{units}");
    assert_eq!(bench.point.in_force(), Some(2.0), "the correction is not the set point");
    bench.plant.meter = None;
    let before = bench.point.trimmed();
    bench.writes(300);
    assert_eq!(bench.point.trimmed(), before, "a meter that is not good moves nothing");
}

#[test]
fn a_device_that_does_not_follow_is_seen() {
    let follows = Some((0.5, Duration::from_secs(30)));
    let mut bench = Bench::of(SetPointSpec { follows, ..spec(0) });
    bench.accept(2.0, 0.0, 0);
    bench.writes(0);
    bench.written(0, &OK);
    bench.writes(1);
    assert_eq!(bench.point.due(), Some(seconds(31)));
    bench.plant.seen.actual = Some(1.8);
    bench.writes(20);
    bench.plant.seen.actual = Some(0.0);
    bench.writes(21);
    bench.writes(50);
    assert!(!bench.point.strays(), "it was near for a moment");
    bench.writes(51);
    assert!(bench.point.strays());
    bench.plant.seen.actual = Some(2.1);
    bench.writes(52);
    assert!(!bench.point.strays());
}

#[test]
fn nothing_calls_for_time_that_has_passed_while_a_reading_is_waited_for() {
    let mut bench = Bench::new(60);
    bench.plant.seen.read = Mono::ZERO;
    bench.accept(2.5, 0.0, 1);
    bench.plant.seen.actual = None;
    for now in [2, 74, 75, 76] {
        assert!(bench.writes(now).is_empty(), "a device may have fallen back since it was read");
        let due = bench.point.due();
        assert!(due.is_none_or(|due| due > seconds(now)), "{due:?} at {now} s");
    }
    (bench.plant.seen.actual, bench.plant.seen.read) = (Some(1.0), seconds(77));
    assert_eq!(watts(&bench.writes(77)), [2_500_000.0], "it is known, and there is no ramp");
}

#[test]
fn while_one_of_fixed_shares_refuses_the_others_stay() {
    let half = DriveKind::SunSpec704 { watts_per_unit: 0.5e6 };
    let drives = (0..2).map(|device| DriveSpec { kind: half, ..drive(device, 0) }).collect();
    let mut bench = Bench::of(SetPointSpec { drives, ..spec(0) });
    let no = Err("illegal data value".to_owned());
    bench.accept(3.0, 3.0, 0);
    let writes = bench.writes(0);
    assert_eq!(watts(&writes), [1.5e6; 2]);
    let mut does = [0.0; 2];
    let answer = |bench: &mut Bench, writes: &[Write], refuses: bool, does: &mut [f64; 2]| {
        for write in writes {
            let at = write.device.get();
            let result = if at == 1 && refuses { &no } else { &OK };
            if result.is_ok() {
                does[at] = watts(&[*write])[0] / 1e6;
            }
            bench.point.written(write.device, write.request, result, bench.now);
        }
    };
    answer(&mut bench, &writes, false, &mut does);
    // One trips, and takes nothing any more.
    does[1] = 0.0;
    bench.accept(3.2, 1.5, 1);
    let writes = bench.writes(1);
    answer(&mut bench, &writes, true, &mut does);
    let stays = does[0];
    for second in 2..40 {
        bench.plant.seen.actual = Some(does[0] + does[1]);
        let writes = bench.writes(second);
        let again = writes.iter().filter(|write| write.device.get() == 0);
        assert!(watts(&again.copied().collect::<Vec<_>>()).iter().all(|watts| *watts == stays * 1e6));
        answer(&mut bench, &writes, true, &mut does);
        let due = bench.point.due();
        assert!(due.is_none_or(|due| due > seconds(second)), "{due:?} at {second} s");
    }
    assert_eq!(does, [stays, 0.0]);
    for second in 40..44 {
        bench.plant.seen.actual = Some(does[0] + does[1]);
        let writes = bench.writes(second);
        answer(&mut bench, &writes, false, &mut does);
    }
    assert_eq!(does, [1.6; 2], "it takes it again: both do their share, and there is no ramp");
}

/// Two units of 10 each, dispatched, with a ramp of 1 a second.
fn two_units(deadband: f64) -> Bench {
    let drives = vec![drive(0, 0), drive(1, 0)];
    let machine =
        Spec { asked: (-20.0, 20.0), rules: Rules { up: 1.0, down: 1.0, deadband }, ..spec(0).machine };
    let mut bench = Bench::of(SetPointSpec { drives, method: Some(Method::Capability), machine, ..spec(0) });
    let mut able = unit(true);
    able.unit.can = Band { low: -10.0, high: 10.0 };
    bench.plant.units = vec![able; 2];
    bench
}

#[test]
fn what_rests_within_the_dead_band_comes_back_to_where_it_rested() {
    let mut bench = two_units(0.5);
    let mut does = [0.0; 2];
    let run = |bench: &mut Bench, times: std::ops::Range<u64>, does: &mut [f64; 2]| {
        for second in times {
            bench.plant.seen.actual = Some(does.iter().sum());
            for write in bench.writes(second) {
                does[write.device.get()] = watts(&[write])[0] / 1e6;
                bench.point.written(write.device, write.request, &OK, bench.now);
            }
        }
        does.iter().sum::<f64>()
    };
    bench.accept(10.3, 0.0, 0);
    assert!((run(&mut bench, 0..40, &mut does) - 10.3).abs() < 1e-6);
    bench.plant.units.iter_mut().for_each(|able| able.unit.can.high = 4.0);
    assert_eq!(run(&mut bench, 40..50, &mut does), 8.0);
    bench.accept(10.0, 8.0, 50);
    run(&mut bench, 50..55, &mut does);
    bench.plant.units.iter_mut().for_each(|able| able.unit.can.high = 10.0);
    assert!((run(&mut bench, 55..70, &mut does) - 10.3).abs() < 1e-6, "{does:?}");
    assert_eq!((bench.point.short(), bench.point.clamp()), (0.0, Some(Clamp::Deadband)));
}

#[test]
fn the_output_rests_while_one_of_fixed_shares_has_not_answered_after_a_refusal() {
    let half = DriveKind::SunSpec704 { watts_per_unit: 0.5e6 };
    let drives = (0..2).map(|device| DriveSpec { kind: half, ..drive(device, 0) }).collect();
    let machine = Spec { rules: Rules { up: 0.1, down: 0.1, deadband: 0.0 }, ..spec(0).machine };
    let mut bench = Bench::of(SetPointSpec { drives, machine, ..spec(0) });
    let no = Err("illegal data value".to_owned());
    bench.accept(3.0, 2.0, 0);
    let (mut does, mut open) = ([1.0; 2], None);
    for second in 0..60 {
        bench.plant.seen.actual = Some(does.iter().sum());
        if second == 20
            && let Some(write) = open.take()
        {
            does[1] = watts(&[write])[0] / 1e6;
            bench.point.written(write.device, write.request, &OK, bench.now);
        }
        for write in bench.writes(second) {
            let at = write.device.get();
            match (at, second) {
                (1, 4) => bench.point.written(write.device, write.request, &no, bench.now),
                (1, 5..20) => open = Some(write),
                _ => {
                    let before = std::mem::replace(&mut does[at], watts(&[write])[0] / 1e6);
                    assert!((does[at] - before).abs() < 0.11, "{second}: {before} to {}", does[at]);
                    bench.point.written(write.device, write.request, &OK, bench.now);
                }
            }
        }
    }
    assert_eq!(does, [1.5; 2]);
}
