use super::*;
use crate::limits::Band;
use proptest::prelude::*;
use std::collections::BTreeSet;

const A: Master = Master(0);
const B: Master = Master(1);

const SPEC: Spec = Spec {
    asked: (-50.0, 50.0),
    slack: 0.01,
    rules: Rules { up: 1.0, down: 2.0, deadband: 0.0 },
    hold: Duration::from_secs(30),
    silence: Some(Duration::from_secs(60)),
    loss: Loss::Hold,
    commands_max: Some((5, Duration::from_secs(10))),
    step: Duration::from_secs(1),
};

fn seen(actual: f64) -> Seen {
    Seen {
        actual: Some(actual),
        read: Mono::from_micros(u64::MAX),
        remote: Permit::Given,
        connected: Permit::Given,
        devices: Permit::Given,
        device_remote: Permit::Given,
        inhibited: false,
        bounds: Some(Bounds { hard: Band::new(-60.0, 60.0), soft: Band::new(-50.0, 50.0), ..Bounds::NONE }),
        schedule: None,
    }
}

fn seconds(seconds: u64) -> Mono {
    Mono::from_millis(seconds * 1_000)
}

/// A machine that `A` owns, at 10, asking for 10.
fn owned(spec: Spec) -> Machine {
    let mut machine = Machine::new(spec, seconds(0));
    let value = machine.judge(A, true, 10.0, &seen(10.0), seconds(0)).unwrap();
    machine.accept(A, value, None, &seen(10.0), seconds(0)).unwrap();
    machine.advance(&seen(10.0), seconds(0));
    machine
}

#[test]
fn the_first_command_starts_from_what_the_plant_does() {
    let mut machine = Machine::new(SPEC, seconds(0));
    assert_eq!(machine.held(&seen(12.0)), Some(12.0));
    assert_eq!(machine.advance(&seen(12.0), seconds(100)).output, None, "nobody drives");
    machine.accept(A, 20.0, None, &seen(12.0), seconds(100));
    assert_eq!(machine.held(&seen(12.0)), Some(20.0));
    assert_eq!(machine.advance(&seen(12.0), seconds(100)).output, Some(12.0), "nothing jumps");
    let turn = machine.advance(&seen(12.0), seconds(103));
    assert_eq!((turn.output, turn.clamp), (Some(15.0), Some(Clamp::Ramp)));
    let turn = machine.advance(&seen(19.0), seconds(120));
    assert_eq!((turn.output, turn.clamp), (Some(20.0), None));
}

#[test]
fn every_refusal_in_its_order() {
    let machine = owned(SPEC);
    let fine = seen(10.0);
    let now = seconds(1);
    let judge = |master, may, value, seen: Seen| machine.judge(master, may, value, &seen, now).unwrap_err();
    assert_eq!(judge(A, false, f64::NAN, fine), Refusal::NoRight);
    assert_eq!(judge(A, true, f64::NAN, fine), Refusal::OutOfRange);
    assert_eq!(judge(A, true, 50.02, fine), Refusal::OutOfRange);
    assert_eq!(judge(B, true, 1.0, fine), Refusal::OtherOwner);
    assert_eq!(judge(A, true, 1.0, Seen { inhibited: true, ..fine }), Refusal::Inhibited);
    assert_eq!(judge(A, true, 1.0, Seen { remote: Permit::Withheld, ..fine }), Refusal::Local);
    assert_eq!(judge(A, true, 1.0, Seen { device_remote: Permit::Withheld, ..fine }), Refusal::DeviceLocal);
    assert_eq!(judge(A, true, 1.0, Seen { connected: Permit::Withheld, ..fine }), Refusal::Interlock);
    for unknown in [
        Seen { remote: Permit::Unknown, ..fine },
        Seen { connected: Permit::Unknown, ..fine },
        Seen { devices: Permit::Unknown, ..fine },
        Seen { devices: Permit::Withheld, ..fine },
    ] {
        assert_eq!(judge(A, true, 1.0, unknown), Refusal::Downstream);
    }
    assert_eq!(judge(A, true, 1.0, Seen { actual: None, ..fine }), Refusal::NoFeedback);
    assert_eq!(judge(A, true, 1.0, Seen { bounds: None, ..fine }), Refusal::NoLimits);
    assert_eq!(machine.judge(A, true, 50.005, &fine, now), Ok(50.0));
}

#[test]
fn repeats_change_nothing_and_floods_are_refused() {
    let mut machine = owned(SPEC);
    for second in 1..5 {
        let value = f64::from(u32::try_from(second).unwrap());
        let value = machine.judge(A, true, value, &seen(10.0), seconds(second)).unwrap();
        machine.accept(A, value, None, &seen(10.0), seconds(second));
    }
    let now = seconds(5);
    assert_eq!(machine.judge(A, true, 9.0, &seen(10.0), now), Err(Refusal::TooMany));
    assert_eq!(machine.judge(A, true, 4.0, &seen(10.0), now), Ok(4.0), "the same again is no flood");
    assert_eq!(machine.accept(A, 4.0, None, &seen(10.0), now), None);
    assert_eq!(machine.judge(A, true, 9.0, &seen(10.0), seconds(10)), Ok(9.0));
}

#[test]
fn a_lost_link_and_silence_follow_the_policy_without_a_bump() {
    let scheduled = Seen { schedule: Some(0.0), ..seen(10.0) };
    let alone = seen(10.0);
    for (loss, seen, to, at_once, later) in [
        (Loss::Hold, scheduled, Owner::Fallback, Some(10.0), Some(10.0)),
        (Loss::Schedule, scheduled, Owner::Schedule, Some(10.0), Some(4.0)),
        (Loss::Schedule, alone, Owner::Fallback, Some(10.0), Some(10.0)),
        (Loss::Release, scheduled, Owner::Local, None, None),
    ] {
        for (cut, cause, end) in [(true, Cause::LinkLost, 35), (false, Cause::Silence, 60)] {
            let mut machine = owned(Spec { loss, ..SPEC });
            if cut {
                machine.session(A, false, seconds(5));
                assert_eq!(machine.due(), Some(seconds(35)));
            }
            assert_eq!(machine.advance(&seen, seconds(end - 1)).transfer, None);
            let turn = machine.advance(&seen, seconds(end));
            assert_eq!(turn.transfer, Some(Transfer { from: Owner::Iso(A), to, cause }));
            assert_eq!(turn.output, at_once);
            assert_eq!(machine.advance(&seen, seconds(end + 3)).output, later);
        }
    }
}

#[test]
fn a_link_that_is_back_in_time_keeps_the_owner() {
    let mut machine = owned(SPEC);
    machine.session(A, false, seconds(5));
    machine.session(A, true, seconds(34));
    assert_eq!(machine.advance(&seen(10.0), seconds(36)).transfer, None);
    assert_eq!(machine.owner(), Owner::Iso(A));
}

#[test]
fn two_masters_never_both_own_and_the_second_starts_from_the_plant() {
    let mut machine = owned(SPEC);
    assert_eq!(machine.judge(B, true, 1.0, &seen(10.0), seconds(1)), Err(Refusal::OtherOwner));
    machine.session(A, false, seconds(2));
    let value = machine.judge(B, true, 1.0, &seen(9.5), seconds(3)).unwrap();
    let transfer = machine.accept(B, value, None, &seen(9.5), seconds(3)).unwrap();
    assert_eq!((transfer.from, transfer.to), (Owner::Iso(A), Owner::Iso(B)));
    assert_eq!(machine.advance(&seen(9.5), seconds(3)).output, Some(9.5));
    machine.session(A, true, seconds(4));
    assert_eq!(machine.judge(A, true, 1.0, &seen(9.5), seconds(4)), Err(Refusal::OtherOwner));
}

#[test]
fn the_operator_takes_it_and_gives_it_back() {
    let mut machine = owned(SPEC);
    assert_eq!(machine.take(&seen(10.0), seconds(1)).unwrap().cause, Cause::Taken);
    assert_eq!(machine.advance(&seen(10.0), seconds(1)).output, None);
    assert_eq!(machine.judge(A, true, 1.0, &seen(10.0), seconds(2)), Err(Refusal::Local));
    assert_eq!(machine.take(&seen(10.0), seconds(2)), None);
    machine.give_back();
    assert_eq!(machine.judge(A, true, 1.0, &seen(10.0), seconds(3)), Ok(1.0));
}

#[test]
fn limits_that_are_not_known_hold_the_output_where_it_is() {
    let mut machine = owned(SPEC);
    machine.accept(A, 40.0, None, &seen(10.0), seconds(0));
    machine.advance(&seen(10.0), seconds(5));
    let blind = Seen { bounds: None, ..seen(15.0) };
    assert_eq!(machine.advance(&blind, seconds(9)).output, Some(15.0));
    assert_eq!(machine.advance(&seen(15.0), seconds(10)).output, Some(16.0), "no leap for the time lost");
}

#[test]
fn it_steps_once_a_second_and_never_for_time_in_which_it_rested() {
    let mut machine = owned(SPEC);
    machine.advance(&seen(10.0), seconds(0));
    assert_eq!(machine.due(), Some(seconds(60)), "at rest, only silence is waited for");
    machine.accept(A, 12.5, None, &seen(10.0), seconds(50));
    assert_eq!(machine.advance(&seen(10.0), seconds(50)).output, Some(10.0));
    assert_eq!(machine.due(), Some(seconds(51)));
    let soon = Mono::from_millis(50_400);
    assert_eq!(machine.advance(&seen(10.0), soon).output, Some(10.0), "not at every input");
    for (second, output) in [(51, 11.0), (52, 12.0), (53, 12.5)] {
        assert_eq!(machine.advance(&seen(10.0), seconds(second)).output, Some(output));
    }
    assert!(!machine.is_moving());
    // A soft limit that is lifted after an hour lets it go on from where it is.
    let tight = Bounds { soft: Band::new(-11.0, 11.0), ..Bounds::NONE };
    let tight = Seen { bounds: Some(tight), ..seen(10.0) };
    let mut machine = owned(Spec { silence: None, ..SPEC });
    machine.accept(A, 20.0, None, &tight, seconds(0));
    machine.advance(&tight, seconds(3));
    assert_eq!((machine.output(), machine.is_moving()), (Some(11.0), false));
    assert_eq!(machine.advance(&seen(10.0), seconds(3_600)).output, Some(11.0));
    assert_eq!(machine.advance(&seen(10.0), seconds(3_601)).output, Some(12.0));
    // A hard limit does not wait for a second.
    let hard = Bounds { hard: Band::new(-5.0, 5.0), ..Bounds::NONE };
    let hard = Seen { bounds: Some(hard), ..seen(10.0) };
    assert_eq!(machine.advance(&hard, Mono::from_millis(3_601_100)).output, Some(5.0));
}

#[test]
fn devices_that_were_away_are_taken_up_where_they_are() {
    let mut machine = owned(SPEC);
    machine.accept(A, 40.0, None, &seen(10.0), seconds(0));
    assert_eq!(machine.advance(&seen(10.0), seconds(5)).output, Some(15.0));
    let away = [
        Seen { devices: Permit::Withheld, actual: None, ..seen(0.0) },
        // In its own local it is moved by who is there.
        Seen { device_remote: Permit::Withheld, ..seen(15.0) },
    ];
    for (from, away) in [(30, away[0]), (50, away[1])] {
        assert_eq!(machine.advance(&away, seconds(from)).output, None, "nobody follows: nothing is told");
        assert_eq!((machine.waits(), machine.due()), (true, Some(seconds(60))), "silence alone goes on");
        // They can be told again, and what they do then is not known yet; they fell back to 2 by themselves.
        let before = Seen { read: seconds(from), ..seen(15.0) };
        assert_eq!(machine.advance(&before, seconds(from + 1)).output, None, "read before they were there");
        assert_eq!(machine.advance(&Seen { actual: None, ..seen(0.0) }, seconds(from + 2)).output, None);
        let then = Seen { read: seconds(from + 1), ..seen(2.0) };
        let turn = machine.advance(&then, seconds(from + 3));
        assert_eq!((turn.output, turn.begins), (Some(2.0), true));
        assert_eq!(machine.advance(&then, seconds(from + 4)).output, Some(3.0));
        assert!(!machine.waits() && machine.held(&seen(3.0)) == Some(40.0));
    }
}

#[test]
fn a_change_of_hands_does_not_tell_where_devices_stand_that_were_away() {
    let mut machine = owned(Spec { loss: Loss::Hold, ..SPEC });
    machine.accept(A, 40.0, None, &seen(10.0), seconds(0));
    let away = Seen { devices: Permit::Withheld, actual: None, ..seen(0.0) };
    machine.advance(&away, seconds(1));
    machine.session(A, false, seconds(2));
    // They are there again, and nobody knows yet what they do.
    let blind = Seen { actual: None, ..seen(0.0) };
    assert_eq!(
        machine.advance(&blind, seconds(32)).transfer.map(|transfer| transfer.to),
        Some(Owner::Fallback)
    );
    assert!(machine.waits());
    for second in [33, 43] {
        assert_eq!(
            machine.advance(&seen(2.0), seconds(second)).output,
            Some(2.0),
            "where they are, for good"
        );
    }
}

#[test]
fn whoever_takes_it_over_begins_with_the_next_reading() {
    let read = |second, actual| Seen { read: seconds(second), ..seen(actual) };
    let mut machine = Machine::new(SPEC, seconds(0));
    machine.accept(A, 20.0, None, &read(9, 12.0), seconds(10));
    assert_eq!((machine.advance(&read(9, 12.0), seconds(11)).output, machine.waits()), (None, true));
    assert_eq!(machine.advance(&read(12, 3.0), seconds(12)).output, Some(3.0), "it fell back meanwhile");
    assert_eq!(machine.advance(&read(12, 3.0), seconds(14)).output, Some(5.0));
    // Another master does; whoever only goes on does not.
    machine.session(A, false, seconds(14));
    machine.accept(B, 20.0, None, &read(14, 4.5), seconds(15));
    assert_eq!(machine.advance(&read(14, 4.5), seconds(15)).output, None);
    assert_eq!(machine.advance(&read(16, 4.8), seconds(16)).output, Some(4.8));
    machine.session(B, false, seconds(16));
    let turn = machine.advance(&read(16, 4.8), seconds(46));
    assert_eq!((turn.output, machine.owner()), (Some(4.8), Owner::Fallback));
    // The schedule goes on from there as well, and begins anew after the plant had it.
    let scheduled = |second| Seen { schedule: Some(0.0), ..read(second, 1.0) };
    machine.schedule(&scheduled(16), seconds(47)).unwrap();
    assert_eq!(machine.advance(&scheduled(16), seconds(47)).output, Some(4.8));
    machine.local(&scheduled(16), seconds(48));
    machine.schedule(&scheduled(16), seconds(48)).unwrap();
    assert_eq!(machine.advance(&scheduled(16), seconds(49)).output, None);
    assert_eq!(machine.advance(&scheduled(50), seconds(50)).output, Some(1.0));
}

#[test]
fn pulses_are_worth_so_much_more_than_what_is_read() {
    let read = |second, actual| Seen { read: seconds(second), ..seen(actual) };
    let mut machine = Machine::new(SPEC, seconds(0));
    machine.accept(A, 12.5, Some(0.5), &read(9, 12.0), seconds(10));
    machine.accept(A, 13.0, Some(0.5), &read(9, 12.0), seconds(10));
    machine.advance(&read(11, 3.0), seconds(11));
    assert_eq!(machine.target(), Some(4.0));
    machine.accept(A, 4.5, Some(0.5), &read(11, 3.0), seconds(11));
    assert_eq!(machine.target(), Some(4.5), "then from where it is");
    // What a set point asks for is asked for whatever is read.
    machine.session(A, false, seconds(12));
    machine.accept(B, 3.5, Some(0.5), &read(11, 3.0), seconds(12));
    machine.accept(B, 7.0, None, &read(11, 3.0), seconds(12));
    machine.accept(B, 7.5, Some(0.5), &read(11, 3.0), seconds(12));
    machine.advance(&read(13, 1.0), seconds(13));
    assert_eq!(machine.target(), Some(7.5));
}

#[derive(Clone, Debug)]
enum Event {
    Devices(u8),
    Pass(u64),
    Command {
        second: bool,
        value: f64,
    },
    Session {
        second: bool,
        up: bool,
    },
    Remote(u8),
    Breaker(u8),
    Inhibit(bool),
    Take(bool),
    Schedule(Option<f64>),
    PutSchedule,
    Actual(bool),
    /// The plant moves by itself, where nobody moves it.
    Moves(f64),
    /// It is read.
    Read,
    Energy {
        low: f64,
        high: f64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..20_u64).prop_map(Event::Pass),
        4 => (any::<bool>(), prop_oneof![9 => -70.0..70.0_f64, 1 => Just(f64::NAN)])
            .prop_map(|(second, value)| Event::Command { second, value }),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(second, up)| Event::Session { second, up }),
        1 => (0..3_u8).prop_map(Event::Remote),
        1 => (0..3_u8).prop_map(Event::Breaker),
        1 => any::<bool>().prop_map(Event::Inhibit),
        1 => any::<bool>().prop_map(Event::Take),
        1 => prop::option::of(-40.0..40.0_f64).prop_map(Event::Schedule),
        1 => Just(Event::PutSchedule),
        1 => any::<bool>().prop_map(Event::Actual),
        1 => (0..3_u8).prop_map(Event::Devices),
        1 => (-40.0..40.0_f64).prop_map(Event::Moves),
        3 => Just(Event::Read),
        1 => (-60.0..0.0_f64, 0.0..60.0_f64).prop_map(|(low, high)| Event::Energy { low, high }),
    ]
}

fn permit(number: u8) -> Permit {
    [Permit::Given, Permit::Withheld, Permit::Unknown][usize::from(number.min(2))]
}

/// Runs events over a plant that follows its output at once; every rule is checked after each. The edges taken.
fn run(events: &[Event], loss: Loss) -> Result<BTreeSet<(&'static str, Cause, &'static str)>, TestCaseError> {
    let mut machine = Machine::new(Spec { loss, ..SPEC }, seconds(0));
    let (mut now, mut plant, mut edges) = (0, 0.0, BTreeSet::new());
    let mut state = Seen { read: seconds(0), ..seen(0.0) };
    let mut good = true;
    for (at, event) in events.iter().enumerate() {
        // Nothing happens at once with anything else.
        let beats = u64::try_from(at).unwrap();
        let mut at = Mono::from_millis(now * 1_000 + beats);
        let before = machine.owner();
        let mut transfers = Vec::new();
        match event {
            Event::Pass(more) => {
                now += more;
                at = Mono::from_millis(now * 1_000 + beats);
            }
            Event::Command { second, value } => {
                let master = if *second { B } else { A };
                if let Ok(value) = machine.judge(master, true, *value, &state, at) {
                    prop_assert!(value.is_finite() && (-50.0..=50.0).contains(&value));
                    transfers.extend(machine.accept(master, value, None, &state, at));
                    prop_assert_eq!(machine.owner(), Owner::Iso(master));
                    prop_assert_eq!(machine.held(&state), Some(value));
                } else {
                    prop_assert_eq!(machine.owner(), before, "a refused command changes nothing");
                }
            }
            Event::Session { second, up } => machine.session(if *second { B } else { A }, *up, at),
            Event::Remote(number) => state.remote = permit(*number),
            Event::Breaker(number) => state.connected = permit(*number),
            Event::Inhibit(on) => state.inhibited = *on,
            Event::Take(true) => transfers.extend(machine.take(&state, at)),
            Event::Take(false) => machine.give_back(),
            Event::Schedule(value) => state.schedule = *value,
            Event::PutSchedule => {
                transfers.extend(machine.schedule(&state, at).ok().flatten());
            }
            Event::Actual(is) => good = *is,
            Event::Moves(to) if machine.waits() || machine.output().is_none() => plant = *to,
            Event::Moves(_) => {}
            Event::Read => (state.actual, state.read) = (Some(plant), at),
            Event::Devices(number) => state.devices = permit(*number),
            Event::Energy { low, high } => {
                if let Some(bounds) = &mut state.bounds {
                    bounds.energy = Band::new(*low, *high);
                }
            }
        }
        if !good {
            state.actual = None;
        }
        let passed = if let Event::Pass(more) = event { *more } else { 0 };
        let turn = machine.advance(&state, at);
        transfers.extend(turn.transfer);
        for transfer in &transfers {
            edges.insert((transfer.from.kind(), transfer.cause, transfer.to.kind()));
        }
        let driven = machine.owner() != Owner::Local;
        prop_assert_eq!(machine.output().is_some(), driven, "driven where somebody owns");
        prop_assert_eq!(turn.output.is_some(), driven && !machine.waits());
        let told = state.devices == Permit::Given && state.device_remote != Permit::Withheld;
        prop_assert!(told || turn.output.is_none(), "nothing is told to who is not there");
        if state.remote == Permit::Withheld || state.connected == Permit::Withheld || state.inhibited {
            prop_assert_eq!(machine.owner(), Owner::Local, "the plant's switch always wins");
        }
        if let Some(output) = turn.output {
            let bounds = state.bounds.unwrap();
            prop_assert!(bounds.hard.contains(output) && bounds.energy.contains(output), "{output}");
            // What limits take back at once apart, it moves by its ramp from where the plant is.
            #[expect(clippy::cast_precision_loss, reason = "seconds of a test")]
            let most = SPEC.rules.down * passed as f64 + 0.5;
            let from = bounds.energy.hold(plant);
            prop_assert!((output - from).abs() <= most, "{plant} to {output} in {passed} s");
            plant = output;
        }
    }
    Ok(edges)
}

proptest! {
    #[test]
    fn one_owner_no_bump_and_precedence(
        events in prop::collection::vec(event(), 50..120),
        loss in prop_oneof![Just(Loss::Hold), Just(Loss::Schedule), Just(Loss::Release)],
    ) {
        for edge in run(&events, loss)? {
            prop_assert!(EDGES.contains(&edge), "{edge:?} is in no table");
        }
    }
}

#[test]
fn every_edge_of_the_table_is_taken() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::{Config, TestRunner};
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let mut taken = BTreeSet::new();
    let events = prop::collection::vec(event(), 100..200);
    for round in 0..3_000 {
        if EDGES.iter().all(|edge| taken.contains(edge)) {
            break;
        }
        let loss = [Loss::Hold, Loss::Schedule, Loss::Release][round % 3];
        taken.extend(run(&events.new_tree(&mut runner).unwrap().current(), loss).unwrap());
    }
    let missing: Vec<_> = EDGES.iter().filter(|edge| !taken.contains(*edge)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// The state graph of the docs, made from the table that the machine's runs are held against.
fn graph() -> String {
    let mut graph = String::from("stateDiagram-v2\n    [*] --> local\n");
    let mut ways: std::collections::BTreeMap<(&str, &str), Vec<String>> = std::collections::BTreeMap::new();
    for (from, cause, to) in EDGES {
        let cause = format!("{cause:?}");
        let words = cause.char_indices().fold(String::new(), |mut words, (at, letter)| {
            if at > 0 && letter.is_uppercase() {
                words.push('-');
            }
            words.push(letter.to_ascii_lowercase());
            words
        });
        ways.entry((from, to)).or_default().push(words);
    }
    for ((from, to), causes) in ways {
        graph.push_str(&format!("    {from} --> {to}: {}\n", causes.join(", ")));
    }
    graph
}

/// `OPENRTD_BLESS=1` writes it anew.
#[test]
fn the_graph_of_the_docs_is_the_machines() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/control.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.split_once("```mermaid\n").unwrap();
    let (told, after) = rest.split_once("```\n").unwrap();
    if std::env::var_os("OPENRTD_BLESS").is_some() {
        std::fs::write(&file, format!("{before}```mermaid\n{}```\n{after}", graph())).unwrap();
        return;
    }
    assert_eq!(told, graph(), "docs/control.md; OPENRTD_BLESS=1 writes it");
}

#[test]
fn the_schedule_is_held_within_what_may_be_asked_for() {
    let mut machine = Machine::new(Spec { rules: Rules { up: 100.0, ..SPEC.rules }, ..SPEC }, seconds(0));
    let far = Seen { schedule: Some(80.0), bounds: Some(Bounds::NONE), ..seen(10.0) };
    machine.schedule(&far, seconds(0)).unwrap();
    machine.advance(&far, seconds(0));
    assert_eq!(machine.advance(&far, seconds(10)).output, Some(50.0));
}

#[test]
fn a_deadband_holds_where_the_output_rests_and_stops_no_way_short() {
    let spec = Spec { rules: Rules { up: 1.0, down: 1.0, deadband: 0.5 }, commands_max: None, ..SPEC };
    let mut machine = owned(spec);
    let mut asked = |target: f64, since: u64, until: u64| {
        machine.accept(A, target, None, &seen(10.0), seconds(since));
        for now in since..=until {
            machine.advance(&seen(10.0), seconds(now));
        }
        (machine.output(), machine.clamp())
    };
    assert_eq!(asked(12.7, 0, 5), (Some(12.7), None), "not short of it");
    assert_eq!(asked(13.1, 5, 8), (Some(12.7), Some(Clamp::Deadband)), "it rests there");
    assert_eq!(asked(14.7, 8, 9), (Some(13.7), Some(Clamp::Ramp)));
    assert_eq!(asked(14.0, 9, 10), (Some(14.0), None), "another goal on the way is no other way");
    assert_eq!(asked(20.0, 10, 12), (Some(16.0), Some(Clamp::Ramp)));
    // Another owner begins anew.
    machine.session(A, false, seconds(12));
    machine.accept(B, 16.4, None, &seen(16.0), seconds(12));
    let turn = machine.advance(&seen(16.0), seconds(13));
    assert_eq!((turn.output, turn.clamp), (Some(16.0), Some(Clamp::Deadband)));
}
