use super::*;

const ISO: MasterIx = MasterIx::new(0);
const OTHER: MasterIx = MasterIx::new(1);
const READY: Permissives =
    Permissives { remote: Permit::Given, connected: Permit::Given, devices: Permit::Given, inhibited: false };
const OK: Result<(), String> = Ok(());

fn bess(revert_s: u16) -> SetPoint {
    SetPoint::new(SetPointSpec {
        id: "bess.mw.setpoint".into(),
        scale: Scale::Counts { max_units: 4.0, max_counts: 4_000.0 },
        limits: (-4.0, 4.0),
        hold: Duration::from_secs(30),
        drives: vec![DriveSpec {
            device: DeviceIx::new(0),
            name: "bess".into(),
            kind: DriveKind::SunSpec704 { watts_per_unit: 1e6 },
            revert_s,
        }],
    })
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
    let mut point = bess(60);
    let judge = |point: &SetPoint, master, right, wire, permissives| {
        point.judge(master, right, wire, permissives).unwrap_err()
    };
    assert_eq!(judge(&point, ISO, false, 0.0, READY), CommandStatus::NotAuthorized);
    for wire in [4_001.0, -4_001.0, f64::NAN, f64::INFINITY] {
        assert_eq!(judge(&point, ISO, true, wire, READY), CommandStatus::OutOfRange, "{wire}");
    }
    let local = Permissives { remote: Permit::Withheld, ..READY };
    assert_eq!(judge(&point, ISO, true, 0.0, local), CommandStatus::Local);
    let tripped = Permissives { connected: Permit::Withheld, ..READY };
    assert_eq!(judge(&point, ISO, true, 0.0, tripped), CommandStatus::Blocked);
    for unseen in [
        Permissives { remote: Permit::Unknown, ..READY },
        Permissives { connected: Permit::Unknown, ..READY },
        Permissives { devices: Permit::Withheld, ..READY },
        Permissives { devices: Permit::Unknown, ..READY },
    ] {
        assert_eq!(judge(&point, ISO, true, 0.0, unseen), CommandStatus::DownstreamFail);
    }
    point.accept(ISO, 1.0, None);
    assert_eq!(judge(&point, OTHER, true, 0.0, READY), CommandStatus::BlockedOtherMaster);
    assert_eq!(point.judge(ISO, true, 2_500.0, READY), Ok(2.5), "the owner may go on");
}

#[test]
fn judging_changes_nothing() {
    let mut point = bess(60);
    assert_eq!(point.judge(ISO, true, 1_000.0, READY), Ok(1.0));
    assert_eq!(point.authority(), Authority::Local);
    assert!(point.writes(seconds(0), &mut 0).is_empty());
    assert_eq!(point.due(), None);
}

#[test]
fn a_limit_that_counts_cannot_say_exactly_is_still_the_limit() {
    let mut point = bess(60);
    point.spec.scale = Scale::Counts { max_units: 4.1, max_counts: 300.0 };
    point.spec.limits = (-4.0, 4.0);
    let (full, _) = point.spec.scale.to_wire(4.0);
    assert!(point.spec.scale.to_units(full) > 4.0, "else this proves nothing");
    assert_eq!(point.judge(ISO, true, full, READY), Ok(4.0));
    assert_eq!(point.judge(ISO, true, full + 1.0, READY), Err(CommandStatus::OutOfRange));
}

#[test]
fn a_change_is_written_once_and_refreshed_before_half_the_reversion_time() {
    let (mut point, mut request) = (bess(60), 7);
    point.accept(ISO, 2.5, Some(0.1));
    let writes = point.writes(seconds(0), &mut request);
    assert_eq!((watts(&writes), writes[0].request), (vec![2_500_000.0], 7));
    assert_eq!(point.in_force(), Some(0.1), "until the device confirms");
    assert!(point.writes(seconds(1), &mut request).is_empty(), "not asked twice while unanswered");
    point.written(DeviceIx::new(0), 7, &OK);
    assert_eq!(point.in_force(), Some(2.5));
    assert!(point.writes(seconds(2), &mut request).is_empty());
    let due = point.due().unwrap();
    assert!(due < seconds(30), "{due:?}");
    assert_eq!(watts(&point.writes(due, &mut request)), [2_500_000.0]);
}

#[test]
fn without_a_reversion_timer_nothing_is_refreshed() {
    let (mut point, mut request) = (bess(0), 0);
    point.accept(ISO, 2.5, None);
    point.writes(seconds(0), &mut request);
    point.written(DeviceIx::new(0), 0, &OK);
    assert_eq!(point.due(), None);
}

#[test]
fn the_newest_of_several_changes_is_written_when_the_device_has_answered() {
    let (mut point, mut request) = (bess(60), 0);
    for value in [1.0, 2.0, 3.0] {
        point.accept(ISO, value, None);
        let writes = point.writes(seconds(0), &mut request);
        assert_eq!(writes.len(), usize::from(value == 1.0));
    }
    point.written(DeviceIx::new(0), 0, &OK);
    assert_eq!(point.in_force(), Some(1.0), "the device does what it confirmed, whatever was accepted since");
    assert_eq!(watts(&point.writes(seconds(1), &mut request)), [3_000_000.0]);
    point.written(DeviceIx::new(0), 1, &OK);
    assert_eq!(point.in_force(), Some(3.0));
}

#[test]
fn a_refused_write_is_told_and_tried_again() {
    let (mut point, mut request) = (bess(60), 0);
    point.accept(ISO, 2.5, Some(0.0));
    point.writes(seconds(0), &mut request);
    point.written(DeviceIx::new(0), 0, &Err("illegal data value".to_owned()));
    let failures: Vec<_> = point.failures().map(|(drive, why)| (drive.name.to_string(), why)).collect();
    assert_eq!(failures, [("bess".to_owned(), "illegal data value")]);
    assert_eq!(point.in_force(), Some(0.0));
    assert!(point.writes(seconds(1), &mut request).is_empty());
    assert_eq!(point.writes(seconds(2), &mut request).len(), 1);
    point.written(DeviceIx::new(0), 0, &OK);
    assert_eq!(point.failures().count(), 1, "an answer to the old request says nothing of the new one");
    point.written(DeviceIx::new(0), 1, &OK);
    assert_eq!((point.failures().count(), point.in_force()), (0, Some(2.5)));
}

#[test]
fn a_write_that_is_never_answered_is_asked_for_again() {
    let (mut point, mut request) = (bess(0), 0);
    point.accept(ISO, 2.5, None);
    point.writes(seconds(0), &mut request);
    let due = point.due().unwrap();
    assert_eq!(due, Mono::ZERO.plus(ANSWER_MAX));
    assert_eq!(point.writes(due, &mut request).len(), 1);
}

#[test]
fn a_device_that_comes_back_is_told_again() {
    let (mut point, mut request) = (bess(0), 0);
    point.accept(ISO, 2.5, None);
    point.writes(seconds(0), &mut request);
    point.written(DeviceIx::new(0), 0, &OK);
    point.device_up(DeviceIx::new(0));
    assert_eq!(watts(&point.writes(seconds(9), &mut request)), [2_500_000.0]);
}

#[test]
fn a_lost_session_holds_and_then_gives_the_device_back() {
    let (mut point, mut request) = (bess(60), 0);
    point.accept(ISO, 2.5, None);
    point.writes(seconds(0), &mut request);
    point.session(ISO, false, seconds(10));
    point.session(OTHER, true, seconds(11));
    assert!(point.release(seconds(39), READY, &mut request).is_none());
    point.session(ISO, true, seconds(39));
    assert!(point.release(seconds(99), READY, &mut request).is_none(), "it came back in time");
    point.session(ISO, false, seconds(100));
    assert_eq!(point.judge(OTHER, true, 0.0, READY), Err(CommandStatus::BlockedOtherMaster), "held");
    let (why, writes) = point.release(seconds(130), READY, &mut request).unwrap();
    assert_eq!((why, writes[0].write), (Released::SessionLost, FieldWrite::Release704));
    assert_eq!((point.authority(), point.accepted(), point.in_force()), (Authority::Local, None, None));
    assert!(point.writes(seconds(200), &mut request).is_empty(), "the timer is refreshed only while owned");
    assert_eq!(point.judge(OTHER, true, 0.0, READY), Ok(0.0));
}

#[test]
fn going_local_ends_authority_and_leaves_the_devices_to_the_operator() {
    let (mut point, mut request) = (bess(60), 0);
    point.accept(ISO, 2.5, None);
    point.writes(seconds(0), &mut request);
    let unseen = Permissives { remote: Permit::Unknown, ..READY };
    assert!(point.release(seconds(1), unseen, &mut request).is_none(), "not known is not local");
    let local = Permissives { remote: Permit::Withheld, ..READY };
    assert_eq!(point.release(seconds(1), local, &mut request), Some((Released::Local, Vec::new())));
    assert_eq!(point.due(), None);
}

#[test]
fn an_open_breaker_ends_authority() {
    let (mut point, mut request) = (bess(60), 0);
    point.accept(ISO, 2.5, None);
    point.writes(seconds(0), &mut request);
    let tripped = Permissives { connected: Permit::Withheld, ..READY };
    let (why, writes) = point.release(seconds(1), tripped, &mut request).unwrap();
    assert_eq!((why, writes.len()), (Released::Disconnected, 1));
    assert!(point.release(seconds(2), tripped, &mut request).is_none(), "once");
}

#[test]
fn a_share_of_a_limit_stays_between_nothing_and_all() {
    let drive = DriveSpec {
        device: DeviceIx::new(0),
        name: "inv1".into(),
        kind: DriveKind::SunSpec123 { percent_per_unit: 10.0 },
        revert_s: 30,
    };
    for (value, expected) in [(-1.0, 0.0), (7.5, 75.0), (11.0, 100.0)] {
        assert_eq!(drive.write(value), FieldWrite::SunSpec123 { percent: expected, revert_s: 30 });
    }
}
