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
mod readings;
mod script;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use counts::Counts;
use oracle::Oracle;
use script::{Dice, Step, script};
use site::Site;
use world::World;

/// What differs between the sites: event variations of analogs, floats and digitals, and the size of the buffers.
const SITES: [[&str; 4]; 4] =
    [["2", "5", "1", "1000"], ["4", "7", "2", "1000"], ["1", "5", "1", "8"], ["3", "7", "3", "40"]];

/// Cases that are done in one go.
const CHUNK: u64 = 1_000;

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

/// Runs steps; the first thing that is wrong, and at which step.
fn run(sites: &[(Site, Oracle)], case: u64, steps: &[Step]) -> (Counts, Option<(usize, String)>) {
    let (site, oracle) = &sites[usize::try_from(case).unwrap() % sites.len()];
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

fn steps(case: u64) -> Vec<Step> {
    script(&mut Dice::new(case))
}

/// Leaves out every step without which it is still wrong.
fn shrunk(sites: &[(Site, Oracle)], case: u64, mut steps: Vec<Step>) -> (Vec<Step>, String) {
    let mut words = String::new();
    loop {
        let before = steps.len();
        let mut at = steps.len();
        while at > 0 {
            at -= 1;
            let mut fewer = steps.clone();
            fewer.remove(at);
            if let (_, Some((last, wrong))) = run(sites, case, &fewer) {
                fewer.truncate(last + 1);
                (steps, words) = (fewer, wrong);
                at = at.min(steps.len());
            }
        }
        if steps.len() == before {
            if let (_, Some((_, wrong))) = run(sites, case, &steps) {
                words = wrong;
            }
            return (steps, words);
        }
    }
}

/// Runs one case; panics with the shortest course of events that shows what is wrong.
fn check(sites: &[(Site, Oracle)], case: u64) -> Counts {
    let (counts, wrong) = run(sites, case, &steps(case));
    if let Some((_, wrong)) = wrong {
        let (steps, fewest) = shrunk(sites, case, steps(case));
        let told: String = steps.iter().map(|step| format!("  {step:?}\n")).collect();
        panic!("case {case}: {wrong}\nin the fewest steps:\n{told}{fewest}");
    }
    counts
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_object_is_good_that_must_not_be() {
    let sites = sites();
    let (first, cases) = (number("HONEST_FIRST").unwrap_or(0), number("HONEST_CASES").unwrap_or(3_000));
    let mut counts = Counts::default();
    for case in first..first + cases {
        counts.add(check(&sites, case));
    }
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
    let sites = sites();
    let cases = number("HONEST_CASES").unwrap_or(1_000_000);
    let state = std::env::var("HONEST_STATE").ok();
    let (begin, mut counts) = state.as_deref().map_or_else(Default::default, resume);
    let next = AtomicU64::new(begin);
    // A case that fails ends all others: what was found is told at once.
    let failed = AtomicBool::new(false);
    let started = std::time::Instant::now();
    let done = Mutex::new((begin, std::collections::BTreeMap::new()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let sum = Mutex::new(&mut counts);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let from = next.fetch_add(CHUNK, Ordering::Relaxed);
                    if from >= cases {
                        return;
                    }
                    let to = (from + CHUNK).min(cases);
                    let chunk = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        let mut chunk = Counts::default();
                        (from..to).for_each(|case| chunk.add(check(&sites, case)));
                        chunk
                    }));
                    let chunk = chunk.unwrap_or_else(|panic| {
                        failed.store(true, Ordering::Relaxed);
                        std::panic::resume_unwind(panic)
                    });
                    let mut done = done.lock().unwrap();
                    done.1.insert(from, (to, chunk));
                    // Only what has no gap before it is kept.
                    while let Some((to, chunk)) = {
                        let at = done.0;
                        done.1.remove(&at)
                    } {
                        done.0 = to;
                        let mut sum = sum.lock().unwrap();
                        sum.add(chunk);
                        if let Some(path) = &state {
                            keep(path, to, &mut sum);
                        }
                        if to % (20 * CHUNK) == 0 {
                            eprintln!(
                                "honest: {to} of {cases} cases, {:.0} s",
                                started.elapsed().as_secs_f64()
                            );
                        }
                    }
                }
            });
        }
    });
    assert!(counts.events() >= 50 * counts.cases);
    for (name, count) in counts.fields() {
        assert!(cases < 50_000 || *count >= 1_000, "{name} only {count} times");
    }
    let events = counts.events();
    let mut result = serde_json::Map::new();
    for (name, count) in counts.fields() {
        result.insert(name.to_owned(), (*count).into());
    }
    result.insert("events".to_owned(), events.into());
    result.insert("seeds".to_owned(), format!("the case's number, 0 to {}", cases - 1).into());
    result.insert("violations".to_owned(), 0.into());
    let json = serde_json::Value::Object(result).to_string();
    println!("{json}");
    if let Ok(path) = std::env::var("OPENRTD_PROOF") {
        std::fs::write(path, json).unwrap();
    }
}

/// What a run that was ended has done: the next case, and the counts up to it.
fn resume(path: &str) -> (u64, Counts) {
    let mut counts = Counts::default();
    let Ok(text) = std::fs::read_to_string(path) else { return (0, counts) };
    let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (name, count) in counts.fields() {
        *count = kept[name].as_u64().unwrap();
    }
    (kept["next"].as_u64().unwrap(), counts)
}

fn keep(path: &str, next: u64, counts: &mut Counts) {
    let mut kept = serde_json::Map::new();
    kept.insert("next".to_owned(), next.into());
    for (name, count) in counts.fields() {
        kept.insert(name.to_owned(), (*count).into());
    }
    let new = format!("{path}.new");
    std::fs::write(&new, serde_json::Value::Object(kept).to_string()).unwrap();
    std::fs::rename(new, path).unwrap();
}
