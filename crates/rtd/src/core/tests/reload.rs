//! Another site while masters read, values come and set points are in force.

use ieee1815::master::Outcome;
use ieee1815::{Classes, CommandStatus, Flags, OperateMode, PointType};
use site::Site;
use telemetry::{Now, PointId, Value};

use super::world::{BESS, EMS, METER, OBSERVER, World, site, site_but, site_with};
use crate::core::{Action, FieldWrite, Input, MasterIx, Operate, Record};

const DIRECT: OperateMode = OperateMode::Direct;
const STATUS: PointType = PointType::AnalogOutputStatus;

/// All good, both masters there, all read.
fn running(site: &Site) -> World {
    let mut world = World::with_site(site);
    world.all_good();
    world.connect(EMS);
    world.connect(OBSERVER);
    for master in [EMS, OBSERVER] {
        world.read(master, Classes::ALL);
    }
    world
}

fn authority(world: &World) -> Vec<Option<String>> {
    let of = |record: &Record| match record {
        Record::Authority { master, .. } => Some(master.as_ref().map(ToString::to_string)),
        _ => None,
    };
    world.records.iter().filter_map(of).collect()
}

#[test]
fn what_did_not_change_goes_on_and_what_is_new_was_never_read() {
    let (old, new) = (
        site(),
        site_with("[[analog]]\nid = 'spare'\nindex = 70\nunit = 'MW'\nmax_units = 1.0\nmax_counts = 100\n"),
    );
    let mut world = running(&old);
    world.watts(METER, 6e6);
    world.records.clear();
    let before = world.core.points(Now::virtual_millis(world.now_ms));
    world.reconfigure(&old, &new);
    let points: Vec<&str> = world
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Point(point) => Some(point.id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(points, ["spare"], "nothing else is told");
    assert!(world.is_up(EMS) && world.is_up(OBSERVER) && world.core.is_up(MasterIx::new(OBSERVER)));
    // The event that waited is still there, and the age of the sample counts on.
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, 1), (12_000.0, Flags::ONLINE));
    world.read(EMS, Classes::ALL);
    assert_eq!(world.analog(EMS, 70), (0.0, Flags::RESTART));
    let after = world.core.points(Now::virtual_millis(world.now_ms));
    let story = |told: &serde_json::Value| told["points"][0].clone();
    assert_eq!(story(&before), story(&after));
    assert_eq!(world.restarts, 2, "only the two of the start");
    world.pass(5_001);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, 1), (12_000.0, Flags::COMM_LOST));
}

#[test]
fn numbers_of_samples_go_on() {
    let (old, new) = (site(), site_with("[[digital]]\nid = 'spare'\nindex = 70\n"));
    let mut world = running(&old);
    world.reconfigure(&old, &new);
    world.watts(METER, 1e6);
    world.reconfigure(&new, &old);
    world.watts(METER, 2e6);
    let mut origins: Vec<_> = world
        .records
        .iter()
        .filter_map(|record| match record {
            Record::Point(point) => Some(point.origin),
            _ => None,
        })
        .collect();
    let told = origins.len();
    assert!(origins.is_sorted());
    origins.dedup();
    assert_eq!(origins.len(), told);
}

#[test]
fn a_point_of_another_source_was_never_read_until_it_is() {
    let (old, new) = (site(), site_but(&[("127.0.0.1:2", "127.0.0.1:9")]));
    let mut world = running(&old);
    world.reconfigure(&old, &new);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, 2).1, Flags::RESTART);
    assert_eq!(world.analog(EMS, 40).1, Flags::RESTART, "the feedback follows its source");
    assert_eq!(world.analog(EMS, 1), (18_000.0, Flags::ONLINE));
    world.watts(BESS, 1.5e6);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, 2), (9_000.0, Flags::ONLINE));
}

#[test]
fn another_age_limit_and_another_range_judge_what_is_there() {
    let (old, new) = (site(), site_but(&[("range = [-20.0, 20.0]", "range = [-20.0, 8.0]")]));
    let mut world = running(&old);
    world.reconfigure(&old, &new);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, 1), (18_000.0, Flags::NONE), "9 MW are out of the range now");
    let soon = site_but(&[("age_max_ms = 5000\nrange", "age_max_ms = 1000\nrange")]);
    let mut world = running(&old);
    world.pass(2_000);
    world.reconfigure(&old, &soon);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, 1), (18_000.0, Flags::COMM_LOST));
}

#[test]
fn a_rescale_purges_what_waited_and_tells_the_value_anew() {
    let (old, new) = (site(), site_but(&[("max_units = 15.0", "max_units = 30.0")]));
    let mut world = running(&old);
    world.watts(METER, 6e6);
    world.reconfigure(&old, &new);
    world.read(EMS, Classes::EVENTS);
    assert_eq!(world.analog(EMS, 1), (6_000.0, Flags::ONLINE), "6 MW of 30, and never 12,000 counts again");
    // Another index: there, and nowhere else.
    let moved =
        site_but(&[("max_units = 15.0", "max_units = 30.0"), ("power\"\nindex = 1", "power\"\nindex = 5")]);
    world.watts(METER, 7e6);
    world.reconfigure(&new, &moved);
    world.seen[EMS].clear();
    world.read(EMS, Classes::ALL);
    assert_eq!(world.analog(EMS, 5), (7_000.0, Flags::ONLINE));
    assert!(!world.seen[EMS].contains_key(&(PointType::AnalogInput, 1)));
}

#[test]
fn a_point_under_another_name_keeps_its_sample() {
    let new = site_but(&[("id = \"poi.mw\"", "id = \"meter.mw\"")]);
    let mut world = running(&site());
    world.records.clear();
    world.reconfigure(&site(), &new);
    let told = |record: &Record| matches!(record, Record::Point(point) if point.id.as_str() == "meter.mw" && point.value == Some(Value::Analog(9.0)));
    assert!(world.records.iter().any(told), "{:?}", world.records);
    world.read(EMS, Classes::ALL);
    assert_eq!(world.analog(EMS, 1), (18_000.0, Flags::ONLINE));
}

#[test]
fn a_set_point_of_the_same_definition_keeps_its_authority() {
    let new = site_but(&[("name = \"Battery set point\"", "name = \"Battery\"")]);
    let old = site();
    let mut world = running(&old);
    assert_eq!(world.set(EMS, DIRECT, 12_000.0), Outcome::Status(CommandStatus::Success));
    assert_eq!(world.confirm_writes(), 1);
    world.reconfigure(&old, &new);
    assert_eq!(world.writes, [], "nothing is said again");
    world.read(EMS, Classes::ALL);
    assert_eq!(world.of(EMS, STATUS, 1), (12_000.0, Flags::ONLINE));
    assert_eq!(world.analog(EMS, 40), (12_000.0, Flags::ONLINE));
    assert_eq!(authority(&world), [Some("ems".to_owned())]);
    // It is refreshed as before.
    world.pass(24_000);
    assert_eq!(world.writes.len(), 1);
}

#[test]
fn a_set_point_of_another_definition_goes_back_to_the_plant_and_is_never_replayed() {
    let limits = ("limits = [-4.0, 4.0]", "limits = [-3.0, 3.0]");
    let disable = ("limits = [-4.0, 4.0]", "limits = [-3.0, 3.0]\nhandover = \"disable\"");
    for (change, released) in [(limits, vec![]), (disable, vec![FieldWrite::Release704])] {
        goes_back(&site_but(&[change]), &released);
    }
}

fn goes_back(new: &Site, released: &[FieldWrite]) {
    let old = site();
    let mut world = running(&old);
    world.set(EMS, DIRECT, 12_000.0);
    world.confirm_writes();
    world.reconfigure(&old, new);
    let writes: Vec<FieldWrite> = world.writes.iter().map(|(_, write)| *write).collect();
    world.confirm_writes();
    assert_eq!(writes, released, "its device keeps what it was told, or is handed back");
    assert_eq!(authority(&world), [Some("ems".to_owned()), None]);
    world.read(EMS, Classes::ALL);
    assert_eq!(world.of(EMS, STATUS, 1).0, 6_000.0, "it follows what the plant does");
    for _ in 0..10 {
        world.all_good();
        world.pass(4_000);
    }
    assert_eq!(world.writes, []);
    // Back to the old file: still with the plant.
    world.reconfigure(new, &old);
    world.pass(4_000);
    assert_eq!(world.writes, []);
    world.all_good();
    assert_eq!(world.set(EMS, DIRECT, 9_000.0), Outcome::Status(CommandStatus::Success));
}

#[test]
fn a_device_that_another_definition_gives_back_and_that_refuses_is_asked_again() {
    let (old, new) =
        (site(), site_but(&[("limits = [-4.0, 4.0]", "limits = [-3.0, 3.0]\nhandover = \"disable\"")]));
    let mut world = running(&old);
    world.set(EMS, DIRECT, 12_000.0);
    world.confirm_writes();
    world.reconfigure(&old, &new);
    for again in 0..3 {
        let writes: Vec<FieldWrite> = world.writes.iter().map(|(_, write)| *write).collect();
        assert_eq!(writes, [FieldWrite::Release704], "{again}");
        world.refuse_writes();
        world.pass(2_000);
    }
    world.confirm_writes();
    world.pass(60_000);
    assert_eq!(world.writes, []);
}

#[test]
fn an_owner_without_right_or_place_loses_its_authority() {
    let observer = "[[master]]\nname = \"observer\"\naddress = 2\nadmit = [\"name:observer.example\"]\ncontrol = false\n";
    let ems = "[[master]]\nname = \"ems\"\naddress = 1\nadmit = [\"name:ems.example\"]\ncontrol = true\n";
    for replaced in [vec![(ems, "")], vec![("control = true", "control = false")]] {
        let new = site_but(&replaced);
        let mut world = running(&site());
        world.set(EMS, DIRECT, 12_000.0);
        world.confirm_writes();
        world.reconfigure(&site(), &new);
        assert_eq!(authority(&world), [Some("ems".to_owned()), None], "{replaced:?}");
        assert_eq!(world.writes, [], "its device keeps what it was told");
        let down = |record: &Record| matches!(record, Record::Session { state: "down", .. });
        assert_eq!(world.records.iter().any(down), replaced[0].0 == ems);
    }
    // Its place in the file changes, nothing else does.
    let new = site_but(&[(ems, ""), (observer, &format!("{observer}{ems}"))]);
    let mut world = running(&site());
    world.set(EMS, DIRECT, 12_000.0);
    world.confirm_writes();
    world.core.reconfigure(&site(), &new, Now::virtual_millis(world.now_ms)).unwrap();
    let status = world.core.status(Now::virtual_millis(world.now_ms));
    assert_eq!(status["setpoints"][0]["owner"], "ems", "{status}");
    assert_eq!(status["sessions"][1]["master"], "ems");
    assert_eq!(status["sessions"][1]["up"], true);
}

#[test]
fn a_master_of_another_address_has_to_come_again() {
    let new = site_but(&[("address = 2", "address = 7")]);
    let mut world = running(&site());
    world.reconfigure(&site(), &new);
    assert!(world.is_up(EMS) && !world.is_up(OBSERVER));
}

#[test]
fn the_heartbeat_neither_stops_nor_jumps() {
    let (old, new) = (site(), site_with("[[digital]]\nid = 'spare'\nindex = 70\n"));
    let mut world = running(&old);
    let mut counts = Vec::new();
    for round in 0..8 {
        world.all_good();
        world.pass(4_000);
        for master in [EMS, OBSERVER] {
            world.read(master, Classes::ALL);
        }
        counts.push(world.analog(EMS, 9).0);
        if round % 2 == 0 { world.reconfigure(&old, &new) } else { world.reconfigure(&new, &old) }
    }
    let steps: Vec<f64> = counts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(steps.iter().all(|step| (*step - 1.0).abs() < f64::EPSILON), "{counts:?}");
}

#[test]
fn what_was_done_by_hand_holds_as_long_as_the_point_is_there() {
    let (old, new) = (site(), site_but(&[("127.0.0.1:1", "127.0.0.1:9")]));
    let mut world = running(&old);
    let lasts = std::time::Duration::from_secs(3_600);
    let force = |id: &str| Operate {
        point: PointId::from(id),
        action: Action::Force { value: Value::Analog(3.0), lasts },
        who: "ann".into(),
        why: "test".into(),
    };
    world.input(Input::Operate(force("poi.mw")));
    world.reconfigure(&old, &new);
    world.read(EMS, Classes::ALL);
    assert_eq!(world.analog(EMS, 1), (6_000.0, Flags::ONLINE | Flags::LOCAL_FORCED));
    world.records.clear();
    let gone = site_but(&[
        ("127.0.0.1:1", "127.0.0.1:9"),
        ("id = \"poi.mw\"\nname = \"POI active power\"\nindex = 1", "id = \"other.mw\"\nindex = 60"),
    ]);
    world.reconfigure(&new, &gone);
    let released = |record: &Record| matches!(record, Record::Hand { state: "released", point, .. } if point.as_str() == "poi.mw");
    assert!(world.records.iter().any(released), "{:?}", world.records);
}

#[test]
fn what_checks_and_derived_points_remember_goes_on() {
    let more = "[[analog]]\nid = 'energy'\nindex = 60\nunit = 'MWh'\nmax_units = 100.0\nmax_counts = 10000\nderive = { op = 'integrate', of = ['poi.mw'] }\n";
    let (old, new) = (site_with(more), site_with(&format!("{more}[[digital]]\nid = 'spare'\nindex = 70\n")));
    let mut world = running(&old);
    let (mut sites, mut energies) = ([&old, &new].into_iter().cycle(), Vec::new());
    for _ in 0..20 {
        world.pass(4_500);
        world.watts(METER, 9e6);
        let (from, to) = (sites.next().unwrap(), sites.next().unwrap());
        world.reconfigure(from, to);
        sites.next();
        world.reconfigure(to, from);
        sites.next();
        world.read(EMS, Classes::ALL);
        energies.push(world.analog(EMS, 60).0);
    }
    assert!(energies.is_sorted(), "{energies:?}");
    // 9 MW for 20 times 4.5 s, in hundredths.
    assert!((energies[19] - 22.5).abs() < 1.0, "{energies:?}");
}
