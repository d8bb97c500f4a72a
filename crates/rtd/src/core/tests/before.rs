//! Devices that were told something before this start: the device was killed, say, and gave nothing back.

use ieee1815::master::Outcome;
use ieee1815::{CommandStatus, OperateMode};
use site::{ReadingIx, Site};

use super::world::{BESS, EMS, METER, SWITCHGEAR, World, site, site_but};
use crate::core::{FieldOutcome, FieldWrite, Input, Reading};

const POINT: &str = "bess.mw.setpoint";

fn handing(handover: &str) -> Site {
    let limits = "limits = [-4.0, 4.0]";
    site_but(&[(limits, &format!("{limits}\nhandover = \"{handover}\""))])
}

/// It starts, and knows what was told before; nothing was read yet.
fn begun(site: &Site) -> World {
    let mut world = World::with_site(site);
    let told = [(POINT, "bess"), (POINT, "nothing"), ("nobody", "bess")];
    let told = told.map(|(point, device)| (point.into(), device.into()));
    world.input(Input::ToldBefore(told.to_vec()));
    world
}

/// The plant tells everything every second.
fn pass(world: &mut World, seconds: u64, closed: bool, remote: bool) {
    for _ in 0..seconds {
        world.pass(1_000);
        world.watts(METER, 9e6);
        world.watts(BESS, 1e6);
        world.switches(closed, remote);
    }
}

fn writes(world: &World) -> Vec<FieldWrite> {
    world.writes.iter().map(|(_, write)| *write).collect()
}

fn holding(world: &World) -> Vec<(String, String)> {
    world.core.holding().map(|(point, device)| (point.to_string(), device.to_string())).collect()
}

fn held(point: &str) -> Vec<(String, String)> {
    vec![(point.to_owned(), "bess".to_owned())]
}

#[test]
fn what_keeps_is_given_back_where_the_breaker_opens() {
    let mut world = begun(&handing("keep"));
    assert_eq!(holding(&world), held(POINT));
    pass(&mut world, 30, true, true);
    pass(&mut world, 3, true, false);
    pass(&mut world, 3, true, true);
    pass(&mut world, 3, false, false);
    assert_eq!(writes(&world), [], "with its switch in local the plant has it");
    pass(&mut world, 1, false, true);
    assert_eq!(writes(&world), [FieldWrite::Release704]);
    assert_eq!(holding(&world), held(POINT), "until it says that it is");
    world.confirm_writes();
    assert_eq!(holding(&world), []);
    pass(&mut world, 30, false, true);
    pass(&mut world, 30, true, true);
    assert_eq!(writes(&world), []);
}

#[test]
fn an_open_breaker_is_no_reason_before_the_switch_was_read() {
    let mut world = begun(&handing("keep"));
    world.watts(BESS, 1e6);
    world.poll(SWITCHGEAR, FieldOutcome::Readings(vec![(ReadingIx::new(0), Reading::State(false))]));
    assert_eq!(writes(&world), [], "it may be in local");
    world.switches(false, true);
    assert_eq!(writes(&world), [FieldWrite::Release704]);
}

#[test]
fn what_disables_is_given_back_once_it_answers_and_the_plant_is_in_remote() {
    let mut world = begun(&handing("disable"));
    world.switches(true, true);
    assert_eq!(writes(&world), [], "it does not answer yet");
    for again in 0..3 {
        pass(&mut world, 1, true, true);
        assert_eq!(writes(&world), [FieldWrite::Release704], "{again}");
        world.refuse_writes();
        world.pass(1_000);
    }
    pass(&mut world, 1, true, true);
    world.confirm_writes();
    assert_eq!(holding(&world), []);
    pass(&mut world, 60, true, true);
    assert_eq!(writes(&world), [], "once");
}

#[test]
fn what_the_plant_had_in_local_after_the_start_is_given_back_by_a_breaker_alone() {
    let mut world = begun(&handing("disable"));
    world.switches(true, false);
    pass(&mut world, 5, true, false);
    pass(&mut world, 30, true, true);
    assert_eq!((writes(&world), holding(&world)), (vec![], held(POINT)), "the plant has driven it since");
    pass(&mut world, 1, false, true);
    assert_eq!(writes(&world), [FieldWrite::Release704]);
    world.confirm_writes();
    assert_eq!(holding(&world), []);
}

#[test]
fn a_release_that_the_switch_to_local_overtakes_still_counts() {
    for takes in [true, false] {
        let mut world = World::with_site(&handing("disable"));
        world.all_good();
        world.connect(EMS);
        world.set(EMS, OperateMode::Direct, 12_000.0);
        world.confirm_writes();
        pass(&mut world, 20, true, false);
        assert_eq!(writes(&world), [FieldWrite::Release704], "once");
        match takes {
            true => world.confirm_writes(),
            false => world.refuse_writes(),
        };
        assert_eq!(holding(&world), if takes { vec![] } else { held(POINT) });
        pass(&mut world, 20, true, false);
        pass(&mut world, 20, true, true);
        assert_eq!(writes(&world), [], "{takes}: the plant has it");
        assert!(!world.core.alarms().to_string().contains("\"kept\""));
        pass(&mut world, 1, false, true);
        assert_eq!(writes(&world), if takes { vec![] } else { vec![FieldWrite::Release704] }, "{takes}");
    }
}

#[test]
fn nobody_knows_of_a_device_that_holds_nothing() {
    for handover in ["keep", "disable"] {
        let mut world = World::with_site(&handing(handover));
        pass(&mut world, 5, true, true);
        pass(&mut world, 5, false, true);
        assert_eq!((writes(&world), holding(&world)), (vec![], vec![]), "{handover}");
    }
}

#[test]
fn whoever_takes_it_over_has_it_as_ever() {
    let mut world = begun(&handing("keep"));
    world.all_good();
    world.connect(EMS);
    let set = world.set(EMS, OperateMode::Direct, 12_000.0);
    assert_eq!(set, Outcome::Status(CommandStatus::Success));
    world.confirm_writes();
    assert_eq!(holding(&world), held(POINT));
    pass(&mut world, 1, false, true);
    assert_eq!(writes(&world), [FieldWrite::Release704]);
}

#[test]
fn whoever_takes_it_over_while_a_release_is_on_its_way_begins_after_it() {
    let mut world = begun(&handing("disable"));
    world.connect(EMS);
    pass(&mut world, 2, true, true);
    assert_eq!(writes(&world), [FieldWrite::Release704]);
    let set = world.set(EMS, OperateMode::Direct, 12_000.0);
    assert_eq!(set, Outcome::Status(CommandStatus::Success));
    // What was read before it took its own control back is not where it stands.
    pass(&mut world, 5, true, true);
    assert_eq!(writes(&world), [FieldWrite::Release704]);
    world.confirm_writes();
    pass(&mut world, 1, true, true);
    assert_eq!(writes(&world), []);
    pass(&mut world, 3, true, true);
    assert!(matches!(writes(&world)[..], [FieldWrite::SunSpec704 { .. }, ..]), "{:?}", writes(&world));
}

#[test]
fn what_is_written_is_known_to_be_held_in_the_same_moment() {
    let mut world = World::with_site(&site());
    world.all_good();
    world.connect(EMS);
    assert_eq!(holding(&world), []);
    world.set(EMS, OperateMode::Direct, 12_000.0);
    assert_eq!((writes(&world).len(), holding(&world)), (1, held(POINT)));
}

#[test]
fn another_name_of_the_set_point_takes_it_along() {
    let (old, new) = (site(), site_but(&[("id = \"bess.mw.setpoint\"", "id = \"bess.sp\"")]));
    let mut world = begun(&old);
    world.reconfigure(&old, &new);
    assert_eq!(holding(&world), held("bess.sp"));
    pass(&mut world, 1, false, true);
    assert_eq!(writes(&world), [FieldWrite::Release704]);
}
