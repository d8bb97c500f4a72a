//! Control over any course of events: one owner, no bump at any hand-over, limits kept in their order, nothing that was
//! commanded before ever said again, nothing good that no device has confirmed.
//!
//! A case is a plant, two masters and 50 events or more, drawn from its number. Everything that masters say and are
//! told passes through encoded DNP3. An oracle, which knows the script and the rules of `docs/control.md` and not the
//! core, says after each single input who owns the set point, what a master has to be answered, where the output may be
//! and what may be said to be in force.
//!
//! `CONTROL_CASES` says how many cases (`CONTROL_FIRST` which is the first); the ignored test `proof` does as many on
//! all cores, keeps what it has done in `CONTROL_STATE` so that it can go on later, and writes `OPENRTD_PROOF`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::float_cmp,
    reason = "a test fails by panicking; what is told again is the same to the last bit"
)]

mod counts;
mod oracle;
#[path = "../proof/mod.rs"]
mod proof;
mod script;
mod sites;
mod wire;
mod world;

use counts::Counts;
use proof::{Dice, Property, Tally as _, prove, some};
use script::{Step, script};
use sites::{Kind, kinds};
use world::World;

struct Control(Vec<Kind>);

impl Control {
    fn kind(&self, case: u64) -> &Kind {
        &self.0[usize::try_from(case).unwrap() % self.0.len()]
    }
}

impl Property for Control {
    type Step = Step;
    type Counts = Counts;
    const NAME: &'static str = "control";

    fn steps(&self, case: u64) -> Vec<Step> {
        script(&mut Dice::new(case), &self.kind(case).sites[0].1)
    }

    fn run(&self, case: u64, steps: &[Step]) -> (Counts, Option<(usize, String)>) {
        let mut world = World::new(self.kind(case));
        for (at, step) in steps.iter().enumerate() {
            world.step(*step);
            if let Some(wrong) = world.oracle.wrong.take() {
                return (world.oracle.counts, Some((at, wrong)));
            }
        }
        world.close();
        world.oracle.counts.cases = 1;
        let wrong = world.oracle.wrong.take().map(|wrong| (steps.len(), wrong));
        (world.oracle.counts, wrong)
    }
}

#[test]
fn every_promise_is_kept() {
    let (cases, mut counts) = some(&Control(kinds()), 1_500);
    assert!(counts.events() >= 50 * counts.cases);
    if cases >= 1_500 {
        for (name, count) in counts.fields() {
            assert!(*count >= 1, "{name} never happened");
        }
    }
}

#[test]
#[ignore = "long: `make proof ITEM=control`"]
fn proof() {
    prove(&Control(kinds()));
}
