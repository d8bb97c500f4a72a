//! Never good and stale: over any course of events no master receives a value as good that is not.
//!
//! A case is a plant of six devices, two masters and 50 events or more, drawn from its number. Everything passes
//! through encoded DNP3 to a master's decode. An oracle, which knows the script and not the core, says for each
//! object received whether it may be good, untimed at the moment it is sent, with a time at that time; and after each
//! poll that came through, that a master sees as good all that is.
//!
//! `HONEST_CASES` says how many cases (`HONEST_FIRST` which is the first); the ignored test `proof` does as many on
//! all cores, keeps what it has done in `HONEST_STATE` so that it can go on later, and writes `OPENRTD_PROOF`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking"
)]

mod counts;
mod made;
mod oracle;
#[path = "../proof/mod.rs"]
mod proof;
mod readings;
mod script;
mod world;

use counts::Counts;
use oracle::Oracle;
use proof::{Dice, Property, Tally as _, prove, some};
use script::{Step, script};
use site::Site;
use world::World;

/// What differs between the sites: event variations of analogs, floats and digitals, and the size of the buffers.
const SITES: [[&str; 4]; 4] =
    [["2", "5", "1", "1000"], ["4", "7", "2", "1000"], ["1", "5", "1", "8"], ["3", "7", "3", "40"]];

fn sites() -> Vec<(Site, Oracle)> {
    let folder = tempfile::tempdir().unwrap();
    for file in ["rtd.pem", "rtd.key", "ca.pem"] {
        std::fs::write(folder.path().join(file), "").unwrap();
    }
    let one = |names: &[&str; 4]| {
        let marks = ["%EVENT%", "%FLOAT%", "%BINARY%", "%EVENTS%"];
        let text = marks
            .iter()
            .zip(names)
            .fold(include_str!("plant.toml").to_owned(), |text, (mark, value)| text.replace(mark, value));
        let path = folder.path().join("site.toml");
        std::fs::write(&path, text).unwrap();
        let site = Site::read(&path).unwrap_or_else(|errors| panic!("{errors}"));
        let oracle = Oracle::new(&site);
        (site, oracle)
    };
    SITES.iter().map(one).collect()
}

struct Honest(Vec<(Site, Oracle)>);

impl Property for Honest {
    type Step = Step;
    type Counts = Counts;
    const NAME: &'static str = "honest";

    fn steps(&self, case: u64) -> Vec<Step> {
        script(&mut Dice::new(case))
    }

    fn run(&self, case: u64, steps: &[Step]) -> (Counts, Option<(usize, String)>) {
        let (site, oracle) = &self.0[usize::try_from(case).unwrap() % self.0.len()];
        let mut world = World::new(site, oracle);
        for (at, step) in steps.iter().enumerate() {
            world.step(*step);
            if let Some(wrong) = world.wrong.take() {
                return (world.counts, Some((at, wrong)));
            }
        }
        world.close();
        world.counts.cases = 1;
        let wrong = world.wrong.take().map(|wrong| (steps.len(), wrong));
        (world.counts, wrong)
    }
}

#[test]
fn no_object_is_good_that_must_not_be() {
    let (cases, mut counts) = some(&Honest(sites()), 3_000);
    assert!(counts.events() >= 50 * counts.cases);
    if cases >= 3_000 {
        for (name, count) in counts.fields() {
            assert!(*count >= 100, "{name} only {count} times");
        }
    }
}

#[test]
#[ignore = "long: `make proof ITEM=honest`"]
fn proof() {
    prove(&Honest(sites()));
}
