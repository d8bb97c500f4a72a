//! What the long property proofs have in common: cases that are made of a number, run, made shorter where they fail,
//! counted, and gone on with after an end.

pub(crate) mod world;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Cases that are done in one go.
const CHUNK: u64 = 1_000;

/// A small generator of numbers that look random; the same ones for the same seed, on every machine.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0xD1B5_4A32_D192_ED03)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// 0 to `end` - 1.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// `least` to `most`.
    pub(crate) fn within(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// True so often in a hundred.
    pub(crate) fn percent(&mut self, often: u64) -> bool {
        self.below(100) < often
    }

    pub(crate) fn index(&mut self, end: usize) -> usize {
        usize::try_from(self.below(end as u64)).unwrap()
    }
}

/// What happened how often.
pub(crate) trait Tally: Default + Send {
    /// Each with its name; `cases` among them.
    fn fields(&mut self) -> Vec<(&'static str, &mut u64)>;

    /// Events of the scripts, all kinds together.
    fn events(&self) -> u64;

    fn add(&mut self, mut other: Self) {
        for ((_, sum), (_, more)) in self.fields().into_iter().zip(other.fields()) {
            *sum += *more;
        }
    }
}

/// A property that is held against courses of events.
pub(crate) trait Property: Sync {
    type Step: Copy + Debug;
    type Counts: Tally;
    /// Its item of `scripts/proof.sh`; in capitals, what its settings in the environment begin with.
    const NAME: &'static str;

    /// The steps of a case.
    fn steps(&self, case: u64) -> Vec<Self::Step>;

    /// Runs steps; the first thing that is wrong, and at which step.
    fn run(&self, case: u64, steps: &[Self::Step]) -> (Self::Counts, Option<(usize, String)>);
}

/// Leaves out every step without which it is still wrong.
fn shrunk<P: Property>(property: &P, case: u64, mut steps: Vec<P::Step>) -> (Vec<P::Step>, String) {
    let mut words = String::new();
    loop {
        let before = steps.len();
        let mut at = steps.len();
        while at > 0 {
            at -= 1;
            let mut fewer = steps.clone();
            fewer.remove(at);
            if let (_, Some((last, wrong))) = property.run(case, &fewer) {
                fewer.truncate(last + 1);
                (steps, words) = (fewer, wrong);
                at = at.min(steps.len());
            }
        }
        if steps.len() == before {
            if let (_, Some((_, wrong))) = property.run(case, &steps) {
                words = wrong;
            }
            return (steps, words);
        }
    }
}

/// Runs one case; panics with the shortest course of events that shows what is wrong.
fn check<P: Property>(property: &P, case: u64) -> P::Counts {
    let (counts, wrong) = property.run(case, &property.steps(case));
    if let Some((_, wrong)) = wrong {
        let (steps, fewest) = shrunk(property, case, property.steps(case));
        let told: String = steps.iter().map(|step| format!("  {step:?}\n")).collect();
        panic!("case {case}: {wrong}\nin the fewest steps:\n{told}{fewest}");
    }
    counts
}

/// A setting: `NAME_WHAT`.
fn setting<P: Property>(what: &str) -> Option<String> {
    std::env::var(format!("{}_{what}", P::NAME.to_uppercase())).ok()
}

fn number<P: Property>(what: &str) -> Option<u64> {
    setting::<P>(what)?.parse().ok()
}

/// Some cases (`NAME_CASES`, from `NAME_FIRST`), one after the other; how many, and what happened.
pub(crate) fn some<P: Property>(property: &P, cases: u64) -> (u64, P::Counts) {
    let (first, cases) = (number::<P>("FIRST").unwrap_or(0), number::<P>("CASES").unwrap_or(cases));
    let mut counts = P::Counts::default();
    for case in first..first + cases {
        counts.add(check(property, case));
    }
    (cases, counts)
}

/// `NAME_CASES` (a million) cases on all cores; keeps what it has done in `NAME_STATE`, so that it can go on later,
/// and writes `OPENRTD_PROOF`. Each kind of thing must have happened often enough.
pub(crate) fn prove<P: Property>(property: &P) {
    let cases = number::<P>("CASES").unwrap_or(1_000_000);
    let state = setting::<P>("STATE");
    let (begin, mut counts) = state.as_deref().map_or_else(Default::default, resume::<P::Counts>);
    let next = AtomicU64::new(begin);
    // A case that fails ends all others: what was found is told at once.
    let failed = AtomicBool::new(false);
    let started = std::time::Instant::now();
    let done = Mutex::new((begin, BTreeMap::new()));
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
                        let mut chunk = P::Counts::default();
                        (from..to).for_each(|case| chunk.add(check(property, case)));
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
                            keep(path, to, &mut **sum);
                        }
                        if to % (20 * CHUNK) == 0 {
                            let seconds = started.elapsed().as_secs_f64();
                            eprintln!("{}: {to} of {cases} cases, {seconds:.0} s", P::NAME);
                        }
                    }
                }
            });
        }
    });
    let seconds = started.elapsed().as_secs_f64();
    let events = counts.events();
    let mut result = serde_json::Map::new();
    for (name, count) in counts.fields() {
        assert!(cases < 50_000 || *count >= 1_000, "{name} only {count} times");
        result.insert(name.to_owned(), (*count).into());
    }
    assert!(events >= 50 * cases);
    result.insert("events".to_owned(), events.into());
    result.insert("seeds".to_owned(), format!("the case's number, 0 to {}", cases - 1).into());
    result.insert("violations".to_owned(), 0.into());
    if begin == 0 {
        result.insert("workers".to_owned(), workers.into());
        result.insert("seconds".to_owned(), seconds.into());
    }
    let json = serde_json::Value::Object(result).to_string();
    println!("{json}");
    if let Ok(path) = std::env::var("OPENRTD_PROOF") {
        std::fs::write(path, json).unwrap();
    }
}

/// What a run that was ended has done: the next case, and the counts up to it.
fn resume<T: Tally>(path: &str) -> (u64, T) {
    let mut counts = T::default();
    let Ok(text) = std::fs::read_to_string(path) else { return (0, counts) };
    let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
    for (name, count) in counts.fields() {
        *count = kept[name].as_u64().unwrap();
    }
    (kept["next"].as_u64().unwrap(), counts)
}

fn keep<T: Tally>(path: &str, next: u64, counts: &mut T) {
    let mut kept = serde_json::Map::new();
    kept.insert("next".to_owned(), next.into());
    for (name, count) in counts.fields() {
        kept.insert(name.to_owned(), (*count).into());
    }
    let new = format!("{path}.new");
    std::fs::write(&new, serde_json::Value::Object(kept).to_string()).unwrap();
    std::fs::rename(new, path).unwrap();
}
