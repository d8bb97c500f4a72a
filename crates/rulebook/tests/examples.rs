//! The examples and their wrong twins, each with exactly the report that stands beside it. `OPENRTD_BLESS=1` writes
//! the reports anew; read the diff.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use config::Source;
use rulebook::Profile;
use rulebook::certificates::Certificates;
use rulebook::judge::{Judgement, Previous, Report, judge};
use rulebook::profile::Day;
use site::{Purpose, Site};

const NAMES: [&str; 6] =
    ["solar-20mw", "wind-50mw", "storage-100mw", "hybrid-150-75mw", "conventional-agc", "der-aggregate"];
const BASE: &str = "caiso-direct-telemetry";
const PRR_1679: &str = "caiso-direct-telemetry-prr1679";
const AS_OF: &str = "2026-11-25";
const DEMAND: &str = "crates/rulebook/tests/data/reliability-demand.toml";

/// Reports name files as they were asked for: from the root of the repository, as somebody at a terminal does.
fn at_root() {
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).unwrap();
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn profile(id: &str) -> Profile {
    Profile::load(id).unwrap_or_else(|problems| panic!("{problems}"))
}

fn example(name: &str) -> String {
    format!("examples/{name}/site.toml")
}

fn wrong(name: &str) -> String {
    example(&format!("{name}-wrong"))
}

fn read(file: &str, profile: &Profile, as_of: Day, purpose: Purpose) -> Result<(Source, Site), String> {
    let source = Source::read(Path::new(file)).map_err(|problems| problems.to_string())?;
    let head = site::head(&source).map_err(|problems| problems.to_string())?;
    assert_eq!(head.profile.as_deref(), Some(BASE), "{file}");
    let defaults = profile.defaults(&head.kinds(), as_of);
    let site = Site::read_with(&source, &defaults, purpose).map_err(|problems| problems.to_string())?;
    Ok((source, site))
}

fn check(file: &str, id: &str, as_of: &str, previous: Option<&str>) -> (Report, Profile) {
    at_root();
    let (profile, as_of) = (profile(id), day(as_of));
    let taken =
        |file: &str| read(file, &profile, as_of, Purpose::Check).unwrap_or_else(|why| panic!("{why}"));
    let (source, site) = taken(file);
    let previous = previous.map(|file| Previous::of_site(&taken(file).1));
    let admitted = site.masters.iter().flat_map(|master| master.admit.clone()).collect();
    let report = judge(&Judgement {
        site: &site,
        places: &source.places(),
        certificates: &Certificates::read(&site.tls.admitting(admitted)),
        profile: &profile,
        as_of,
        previous: previous.as_ref(),
    });
    (report, profile)
}

fn rules(report: &Report) -> BTreeSet<&str> {
    report.findings.iter().map(|one| one.rule.as_str()).collect()
}

/// Holds a text against the file that it must be.
fn golden(file: &str, text: &str) {
    let text = format!("{}\n", text.trim_end());
    if std::env::var_os("OPENRTD_BLESS").is_some() {
        fs::write(file, &text).unwrap();
    }
    let held = fs::read_to_string(file).unwrap_or_default();
    assert!(held == text, "{file} is not what came out; OPENRTD_BLESS=1 writes it anew. Came out:\n{text}");
}

#[test]
fn an_example_is_clean_strictly() {
    for name in NAMES {
        let (report, profile) = check(&example(name), BASE, AS_OF, None);
        golden(
            &format!("examples/{name}/check.txt"),
            &rulebook::report::text(&report, &profile, false, false),
        );
        assert_eq!(rules(&report), BTreeSet::new(), "{name}");
        let summary = report.summary(true);
        assert!(!summary.failed && summary.rules > 60, "{name}: {summary:?}");
    }
}

#[test]
fn a_wrong_twin_gives_its_findings() {
    for name in NAMES {
        let (report, profile) = check(&wrong(name), BASE, AS_OF, None);
        golden(
            &format!("examples/{name}-wrong/check.txt"),
            &rulebook::report::text(&report, &profile, false, false),
        );
        assert!(report.summary(false).failed, "{name}");
        let mistakes = fs::read_to_string(wrong(name)).unwrap().matches("\n# WRONG: ").count();
        assert!(mistakes >= 12, "{name}: {mistakes} mistakes are marked");
        assert!(report.findings.len() >= mistakes, "{name}: {mistakes} mistakes");
    }
}

#[test]
fn twins_break_most_of_what_the_examples_keep() {
    let kept: Vec<_> = NAMES.iter().map(|name| check(&example(name), BASE, AS_OF, None).0).collect();
    let kept: BTreeSet<_> = kept.iter().flat_map(|report| report.judged.keys()).collect();
    let broken: Vec<_> = NAMES.iter().map(|name| check(&wrong(name), BASE, AS_OF, None).0).collect();
    let broken: BTreeSet<_> = broken.iter().flat_map(rules).collect();
    assert!(broken.len() >= 115 && kept.len() >= 165, "{} of {} rules", broken.len(), kept.len());
}

#[test]
fn a_renumbered_point_is_found_against_the_site_before() {
    let name = "conventional-agc";
    let found = |previous: Option<&str>| {
        let (report, _) = check(&wrong(name), BASE, AS_OF, previous);
        let of_index = |rule: &str| {
            report.findings.iter().filter(|one| one.rule == rule).map(|one| one.subject.clone()).collect()
        };
        let found: [Vec<String>; 2] = [of_index("index.kept"), of_index("index.scale-kept-analog")];
        found
    };
    assert_eq!(found(None), [Vec::<String>::new(), Vec::new()]);
    let [moved, rescaled] = found(Some(&example(name)));
    assert_eq!(moved, ["analog `bus.kv`"]);
    assert_eq!(rescaled, ["analog `unit.mvar-gross`", "analog `reg.high`"]);
    let (report, _) = check(&example(name), BASE, AS_OF, Some(&example(name)));
    assert_eq!(rules(&report), BTreeSet::new());
}

/// Rules found on the eve and on the day.
fn around(file: &str, eve: &str, day: &str) -> [BTreeSet<String>; 2] {
    [eve, day].map(|as_of| {
        let (report, _) = check(file, BASE, as_of, None);
        rules(&report).into_iter().map(str::to_owned).collect()
    })
}

fn set(rules: &[&str]) -> BTreeSet<String> {
    rules.iter().map(|&rule| rule.to_owned()).collect()
}

#[test]
fn sha_1_ends_on_2017_05_07() {
    let [eve, day] = around(&wrong("solar-20mw"), "2017-05-06", "2017-05-07");
    assert_eq!(&day - &eve, set(&["tls.signature-hash"]));
    assert_eq!(&eve - &day, set(&[]));
    let [eve, day] = around(&wrong("storage-100mw"), "2017-05-06", "2017-05-07");
    assert_eq!(&day - &eve, set(&["tls.key-size"]));
}

#[test]
fn tls_1_0_ends_on_2022_06_30() {
    let [eve, day] = around(&wrong("wind-50mw"), "2022-06-29", "2022-06-30");
    assert_eq!(&day - &eve, set(&["tls.version"]));
    assert_eq!(&eve - &day, set(&[]));
}

#[test]
fn the_old_chain_ends_in_november_2024() {
    let [eve, day] = around(&wrong("der-aggregate"), "2024-11-30", "2024-12-01");
    assert_eq!(&day - &eve, set(&["tls.certificate-chain"]));
    let [eve, day] = around(&wrong("hybrid-150-75mw"), "2024-11-30", "2024-12-01");
    assert_eq!(&day - &eve, set(&["tls.anchor-chain"]));
}

#[test]
fn reliability_demand_is_exempt_from_2014_03_21() {
    let [eve, day] = around(DEMAND, "2014-03-20", "2014-03-21");
    assert_eq!(&eve - &day, set(&["point.load-mw"]));
    assert_eq!(day, set(&[]));
}

#[test]
fn the_edition_of_prr_1679_finds_more_on_the_storage_site() {
    let file = example("storage-100mw");
    let (base, _) = check(&file, BASE, AS_OF, None);
    let (edition, _) = check(&file, PRR_1679, AS_OF, None);
    assert_eq!(rules(&base), BTreeSet::new());
    assert_eq!(rules(&edition), BTreeSet::from(["storage.min-limit-range"]));
}

#[test]
fn an_example_lacks_nothing_but_its_key_to_run() {
    at_root();
    for name in NAMES {
        let problems = read(&example(name), &profile(BASE), day(AS_OF), Purpose::Run).unwrap_err();
        let lines: Vec<_> = problems.lines().collect();
        assert!(
            matches!(lines.as_slice(), [line] if line.contains("tls.key")),
            "{name}: nothing but the key's file may be missing:\n{problems}"
        );
    }
}
