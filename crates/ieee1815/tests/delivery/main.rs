//! The delivery promise, over any sequence of updates, polls, losses, confirms, reconnects and time:
//! each event at least once and in order where no overflow is told, never again once its confirm was received, and
//! a fragment that is sent again with the same sequence number is not delivered twice.
//!
//! Everything passes through encoded DNP3. `PROPTEST_CASES` says how many cases; the ignored test `proof` runs all
//! properties with that many in all and writes what happened how often.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;
mod watch;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use ieee1815::Classes;
use ieee1815::channel::Broadcast;
use ieee1815::master::{Objects, Request, Which};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use support::ms;
use world::{Weather, World};

/// Events that a case has at least.
const EVENTS_MIN: usize = 50;

#[derive(Default)]
struct Count(AtomicU64);

impl Count {
    fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn add_if(&self, condition: bool) {
        if condition {
            self.add();
        }
    }
}

/// What happened how often, over all cases.
#[derive(Default)]
struct Counts {
    kinds: [Count; 13],
    cases: Count,
    polls: Count,
    broadcasts: Count,
    connects: Count,
    lost: Count,
    garbled: Count,
    doubled: Count,
    unsolicited: Count,
    confirms: Count,
    confirms_lost: Count,
    confirms_late: Count,
    sent_again: Count,
    delivered: Count,
    delivered_again: Count,
    overflows: Count,
}

impl Counts {
    fn all(&self) -> Vec<(String, u64)> {
        let named = [
            ("cases", &self.cases),
            ("polls", &self.polls),
            ("broadcasts", &self.broadcasts),
            ("connects", &self.connects),
            ("fragments_lost", &self.lost),
            ("fragments_garbled", &self.garbled),
            ("fragments_doubled", &self.doubled),
            ("unsolicited_sent", &self.unsolicited),
            ("confirms_received", &self.confirms),
            ("confirms_lost", &self.confirms_lost),
            ("confirms_late", &self.confirms_late),
            ("fragments_sent_again", &self.sent_again),
            ("events_delivered", &self.delivered),
            ("events_delivered_again", &self.delivered_again),
            ("sessions_with_overflow", &self.overflows),
        ];
        let named = named.into_iter().map(|(name, count)| (name.to_owned(), count));
        let kinds =
            self.kinds.iter().enumerate().map(|(kind, count)| (format!("events_of_kind_{kind}"), count));
        named.chain(kinds).map(|(name, count)| (name, count.0.load(Ordering::Relaxed))).collect()
    }
}

/// What is fixed in a case.
#[derive(Debug, Clone)]
struct Plan {
    seed: u64,
    masters: u16,
    /// Bit by bit, for each master.
    unsolicited: u8,
    /// Of a point only the latest waits.
    latest: bool,
    events_max: usize,
    fragment: usize,
    loss: u64,
    garble: u64,
    double: u64,
    chop: bool,
    delay_ms: u64,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    /// Changes of points of a kind.
    Update {
        kind: usize,
        index: u16,
        count: usize,
    },
    /// A poll by a master: all, events, one class, or a few events of one.
    Poll {
        master: usize,
        what: u8,
    },
    /// A broadcast by a master, after which the next answer has to be confirmed.
    Broadcast(usize),
    Time(u64),
    Connect(usize),
    Disconnect(usize),
    /// The link is well, or as bad as it gets, from now on.
    Weather(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (0_usize..13, 0_u16..3, 1_usize..4).prop_map(|(kind, index, count)| Step::Update { kind, index, count }),
        4 => (0_usize..2, 0_u8..7).prop_map(|(master, what)| Step::Poll { master, what }),
        1 => (0_usize..2).prop_map(Step::Broadcast),
        4 => (0_u64..1500).prop_map(Step::Time),
        1 => (1500_u64..70_000).prop_map(Step::Time),
        1 => (0_usize..2).prop_map(Step::Connect),
        1 => (0_usize..2).prop_map(Step::Disconnect),
        1 => any::<bool>().prop_map(Step::Weather),
    ]
}

fn plan(masters: u16, unsolicited: impl Strategy<Value = u8>) -> impl Strategy<Value = Plan> {
    let sizes = (prop_oneof![4 => Just(5000_usize), 1 => 5_usize..40], 0_usize..800);
    let link =
        (0_u64..400, 0_u64..200, 0_u64..200, any::<bool>(), prop_oneof![3 => 0_u64..400, 1 => 0_u64..7000]);
    let steps = prop::collection::vec(step(), 30..90);
    (any::<u64>(), unsolicited, sizes, link, steps).prop_map(
        move |(seed, unsolicited, (events_max, fragment), (loss, garble, double, chop, delay_ms), steps)| {
            Plan {
                seed,
                masters,
                unsolicited,
                latest: false,
                events_max,
                fragment,
                loss,
                garble,
                double,
                chop,
                delay_ms,
                steps,
            }
        },
    )
}

fn poll(world: &mut World<'_>, counts: &Counts, master: usize, what: u8) {
    let request = match what {
        0 => Request::Read(Classes::ALL),
        1..=3 => Request::Read([Classes::ONE, Classes::TWO, Classes::THREE][usize::from(what) - 1]),
        4 => Request::ReadObjects(vec![Objects { group: 60, variation: 3, which: Which::Count(3) }]),
        _ => Request::Read(Classes::EVENTS),
    };
    let now = world.now;
    // Refused when too many are open: as good as a poll left out.
    counts.polls.add_if(world.ends[master].master.request(request, now).is_ok());
}

fn check(plan: &Plan, counts: &Counts) {
    counts.cases.add();
    let mut world = World::new(plan, counts);
    let Plan { loss, garble, double, chop, delay_ms, .. } = *plan;
    let bad = Weather { loss, garble, double, chop, delay_ms };
    world.weather = bad;
    let some = |master: usize| master % usize::from(plan.masters);
    for step in &plan.steps {
        match *step {
            Step::Update { kind, index, count } => (0..count).for_each(|_| world.update(kind, index)),
            Step::Poll { master, what } => poll(&mut world, counts, some(master), what),
            Step::Broadcast(master) => {
                let request = Box::new(Request::WriteTime(1));
                let request = Request::Broadcast { how: Broadcast::Confirm, request };
                let now = world.now;
                counts.broadcasts.add_if(world.ends[some(master)].master.request(request, now).is_ok());
            }
            Step::Time(time) => world.run(ms(time)),
            Step::Connect(master) => world.connect(some(master)),
            Step::Disconnect(master) => world.disconnect(some(master)),
            Step::Weather(is_bad) => world.weather = if is_bad { bad } else { Weather::default() },
        }
        for number in 0..world.ends.len() {
            if world.ends[number].master.is_silent() {
                world.connect(number);
            }
        }
    }
    while world.made.len() < EVENTS_MIN {
        world.update(world.made.len(), 1);
        world.run(ms(10));
    }
    for number in 0..world.ends.len() {
        // All is well at last.
        world.weather = Weather::default();
        world.connect(number);
        world.run(ms(500));
        for _ in 0..10 {
            poll(&mut world, counts, number, 5);
            world.run(ms(500));
        }
        assert_eq!(world.outstation.events_waiting(number), 0, "all is delivered and confirmed");
        let lost = world.outstation.counters(number).events_lost;
        let end = &world.ends[number];
        let missing = world.wanted().filter(|key| !end.delivered.contains(key)).count() as u64;
        if lost == 0 {
            assert_eq!(missing, 0, "events are lost");
            assert!(!end.overflow_told, "nothing was lost");
        } else {
            assert!(missing <= lost, "{missing} events are missing, {lost} lost");
            assert!(end.overflow_told, "a loss is told");
            counts.overflows.add();
        }
    }
}

fn run(cases: u32, plans: &impl Strategy<Value = Plan>, counts: &Counts) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(plans, |plan| {
        check(&plan, counts);
        Ok(())
    });
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

/// `PROPTEST_CASES`, or few enough for every change.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200)
}

fn polled() -> impl Strategy<Value = Plan> {
    plan(1, Just(0))
}

fn unsolicited() -> impl Strategy<Value = Plan> {
    plan(1, Just(1))
}

fn two_masters() -> impl Strategy<Value = Plan> {
    plan(2, 0_u8..4)
}

fn latest() -> impl Strategy<Value = Plan> {
    plan(2, 0_u8..4).prop_map(|plan| Plan { latest: true, ..plan })
}

#[test]
fn polled_events_are_delivered() {
    run(cases(), &polled(), &Counts::default());
}

#[test]
fn unsolicited_events_are_delivered() {
    run(cases(), &unsolicited(), &Counts::default());
}

#[test]
fn each_of_two_masters_gets_its_events() {
    run(cases(), &two_masters(), &Counts::default());
}

#[test]
fn where_only_the_latest_waits_it_is_delivered() {
    run(cases(), &latest(), &Counts::default());
}

#[test]
#[ignore = "long: `make proof ITEM=delivery`"]
fn proof() {
    let (counts, cases) = (Counts::default(), cases());
    std::thread::scope(|scope| {
        scope.spawn(|| run(cases.div_ceil(4), &polled(), &counts));
        scope.spawn(|| run(cases.div_ceil(4), &unsolicited(), &counts));
        scope.spawn(|| run(cases.div_ceil(4), &two_masters(), &counts));
        scope.spawn(|| run(cases.div_ceil(4), &latest(), &counts));
    });
    let all = counts.all();
    for (name, count) in &all {
        assert!(cases < 10_000 || *count >= 1000, "{name} only {count} times");
    }
    let fields: Vec<String> = all.iter().map(|(name, count)| format!("\"{name}\": {count}")).collect();
    let json = format!("{{{}}}", fields.join(", "));
    println!("{json}");
    if let Ok(path) = std::env::var("OPENRTD_PROOF") {
        std::fs::write(path, json).unwrap();
    }
}
