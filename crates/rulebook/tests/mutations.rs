//! Whatever a site file or a profile has become by a slip of the hand, reading it and judging it ends: with an error
//! at a place, or with a report. Mutated examples, many of which still read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use config::Source;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use rulebook::certificates::Certificates;
use rulebook::judge::{Judgement, Previous, Report, judge};
use rulebook::profile::{Day, shipped};
use rulebook::{Profile, report};
use site::{Purpose, Site};

/// Words that mean something somewhere, so that a mutation lands in the checks and not in the syntax.
const WORDS: &[&str] = &[
    "0",
    "-1",
    "1",
    "2",
    "3",
    "65535",
    "32767",
    "32768",
    "1e300",
    "-0.0",
    "nan",
    "inf",
    "0.5",
    "\"\"",
    "\"MW\"",
    "\"%\"",
    "\"MWh\"",
    "\"kW\"",
    "\"mw\"",
    "\"soc\"",
    "\"hsl\"",
    "\"pv\"",
    "\"storage\"",
    "\"hybrid\"",
    "\"1.0\"",
    "true",
    "false",
    "[]",
    "[0.0, 1.0]",
    "[1.0, 0.0]",
    "\"counts\"",
    "\"engineering\"",
    "\"turbine\"",
    "\"weim\"",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn examples() -> Vec<(PathBuf, String)> {
    let mut found: Vec<_> = std::fs::read_dir(root().join("examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("site.toml"))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    assert!(found.len() >= 12, "{found:?}");
    found.into_iter().map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// One slip: a line lost, doubled, swapped with its neighbour, or a value that is another.
#[derive(Clone, Debug)]
enum Slip {
    Lose(prop::sample::Index),
    Double(prop::sample::Index),
    Swap(prop::sample::Index),
    Value(prop::sample::Index, prop::sample::Index),
    Octet(prop::sample::Index, char),
}

fn slip() -> impl Strategy<Value = Slip> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        1 => at().prop_map(Slip::Lose),
        1 => at().prop_map(Slip::Double),
        1 => at().prop_map(Slip::Swap),
        4 => (at(), at()).prop_map(|(line, word)| Slip::Value(line, word)),
        1 => (at(), any::<char>()).prop_map(|(line, letter)| Slip::Octet(line, letter)),
    ]
}

fn slipped(text: &str, slips: &[Slip]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for slip in slips {
        if lines.len() < 2 {
            break;
        }
        let count = lines.len();
        match slip {
            Slip::Lose(at) => drop(lines.remove(at.index(count))),
            Slip::Double(at) => lines.insert(at.index(count), lines[at.index(count)].clone()),
            Slip::Swap(at) => lines.swap(at.index(count - 1), at.index(count - 1) + 1),
            Slip::Value(at, word) => {
                let line = &mut lines[at.index(count)];
                if let Some((key, _)) = line.clone().split_once('=') {
                    *line = format!("{key}= {}", WORDS[word.index(WORDS.len())]);
                }
            }
            Slip::Octet(at, letter) => {
                let line = &mut lines[at.index(count)];
                let middle = line.char_indices().nth(line.chars().count() / 2).map_or(0, |(at, _)| at);
                line.insert(middle, *letter);
            }
        }
    }
    lines.join("\n")
}

/// The report, where the text still reads; told in every form.
fn judged(file: &Path, text: &str, profile: &Profile, day: Day) -> Option<Report> {
    let source = Source::from_text(file, text);
    let head = site::head(&source).ok()?;
    let site = Site::read_with(&source, &profile.defaults(&head.kinds(), day), Purpose::Check).ok()?;
    let previous = Previous::of_site(&site);
    let report = judge(&Judgement {
        site: &site,
        places: &source.places(),
        certificates: &Certificates::read(&site.tls),
        profile,
        as_of: day,
        previous: Some(&previous),
    });
    let told = [
        report::text(&report, profile, true, true),
        report::html(&report, profile, true),
        report::json(&report, profile, true).to_string(),
        report::sarif(&report, profile, true).to_string(),
    ];
    assert!(told.iter().all(|text| !text.is_empty()));
    for finding in &report.findings {
        assert!(finding.line >= 1 && finding.column >= 1, "{finding:?}");
        assert!(finding.line <= text.lines().count().max(1), "beyond the file: {finding:?}");
        assert!(!finding.found.is_empty() && !finding.required.is_empty(), "{finding:?}");
        assert!(finding.rule != "index.kept", "a site held against itself was not renumbered: {finding:?}");
    }
    Some(report)
}

#[test]
fn slips_in_a_site_end_in_an_error_or_a_report() {
    let examples = examples();
    let profiles: Vec<_> = shipped().map(|(id, _)| Profile::load(id).unwrap()).collect();
    let day: Day = "2026-11-25".parse().unwrap();
    let (mut read, mut all, mut found) = (0_u32, 0_u32, 0_usize);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let slips =
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), prop::collection::vec(slip(), 1..4));
    for _ in 0..400 {
        let (example, profile, slips) = slips.new_tree(&mut runner).unwrap().current();
        let (file, text) = &examples[example.index(examples.len())];
        let profile = &profiles[profile.index(profiles.len())];
        all += 1;
        if let Some(report) = judged(file, &slipped(text, &slips), profile, day) {
            read += 1;
            found += report.findings.len();
        }
    }
    // The test of the test: most of what is read must reach the judge, and be found wanting.
    assert!(read > all / 5 && read < all, "{read} of {all} still read");
    assert!(found > 600, "{found}");
}

#[test]
fn slips_in_a_profile_end_in_an_error_or_a_profile() {
    let texts: Vec<_> = shipped().collect();
    let day: Day = "2026-11-25".parse().unwrap();
    let example = &examples()[0];
    let (mut read, mut all) = (0_u32, 0_u32);
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let slips = (any::<prop::sample::Index>(), prop::collection::vec(slip(), 1..3));
    for _ in 0..60 {
        let (which, slips) = slips.new_tree(&mut runner).unwrap().current();
        let (id, text) = texts[which.index(texts.len())];
        all += 1;
        // A file of one's own must not go by the name of a shipped one.
        let own = text.replace(&format!("id = \"{id}\""), "id = \"own\"");
        let source = Source::from_text("own.toml", slipped(&own, &slips));
        match Profile::from_source(&source) {
            Ok(profile) => {
                read += 1;
                assert!(
                    profile.entries().all(|entry| !entry.sources.is_empty()),
                    "an entry without a source"
                );
                judged(&example.0, &example.1, &profile, day);
            }
            Err(problems) => {
                assert!(problems.iter().all(|problem| !problem.message.is_empty()), "{problems}");
            }
        }
    }
    assert!(read > 0 && read < all, "{read} of {all} still read");
}
