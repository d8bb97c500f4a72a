//! Each rule of the shipped profiles with a passing and a failing example, and the message that it must give word for
//! word. `OPENRTD_BLESS=1` writes the messages anew; read the diff.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::string_slice,
    reason = "a test fails by panicking, and tells its counts"
)]

mod case;
mod pki;
mod site;

use std::collections::{BTreeMap, BTreeSet};

use rulebook::profile::{Rule, shipped};
use rulebook::{Profile, Tag};

use self::case::Cases;
use self::site::{BASES, Variant};

fn profile(id: &str) -> Profile {
    Profile::load(id).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Whether nobody may cite what has this tag.
const fn recalled(tag: Tag) -> bool {
    matches!(tag, Tag::Recalled | Tag::RecalledWeak)
}

/// Rules that need a case: all, but of an extending profile only those that it adds or replaces.
fn rules_of(id: &str) -> Vec<Rule> {
    let own = profile(id).rules;
    if id != "caiso-direct-telemetry-prr1679" {
        return own;
    }
    let extended = profile("caiso-direct-telemetry").rules;
    let same = |one: &Rule, other: &Rule| one.entry == other.entry && one.require == other.require;
    own.into_iter().filter(|rule| !extended.iter().any(|known| same(known, rule))).collect()
}

#[test]
fn nothing_is_found_in_the_bases() {
    let folder = tempfile::tempdir().unwrap();
    pki::write(&folder.path().join("pki"));
    for base in BASES {
        let report = Variant::of(base.name).check(folder.path(), &profile(base.profile), None);
        let report = report.unwrap_or_else(|why| panic!("{}: {why}", base.name));
        let found: Vec<_> = report
            .findings
            .iter()
            .map(|one| {
                format!("{}: {}: found {}; required {}", one.rule, one.subject, one.found, one.required)
            })
            .collect();
        assert!(found.is_empty(), "{}:\n{}", base.name, found.join("\n"));
    }
}

#[test]
fn every_rule_passes_and_fails_as_it_must() {
    let folder = tempfile::tempdir().unwrap();
    pki::write(&folder.path().join("pki"));
    let bless = std::env::var_os("OPENRTD_BLESS").is_some();
    let profiles: BTreeMap<_, _> = shipped().map(|(id, _)| (id, profile(id))).collect();
    let mut wrong = Vec::new();
    let mut covered = BTreeSet::new();
    for cases in Cases::all() {
        let mut lines = Vec::new();
        for case in &cases.cases {
            let shown = case.run(folder.path(), &profiles[case.profile()]);
            covered.insert((case.profile().to_owned(), case.rule.clone()));
            for why in shown.wrong {
                let file = cases.file.file_name().unwrap_or_default().display();
                wrong.push(format!("{file}: {} ({}): {why}", case.rule, case.profile()));
            }
            for one in shown.findings.iter().filter(|one| one.citable == recalled(one.tag)) {
                wrong.push(format!("{}: citable {} although {}", one.rule, one.citable, one.tag));
            }
            lines.push(shown.lines);
        }
        if bless {
            cases.bless(&lines);
        }
    }
    for (id, _) in shipped() {
        let rules = rules_of(id);
        let (mut sections, mut tags) = (BTreeMap::new(), BTreeMap::new());
        for rule in &rules {
            let entry = &rule.entry;
            if !covered.contains(&(id.to_owned(), entry.id.clone())) {
                wrong.push(format!("{}: {id} has no case", entry.id));
            }
            *sections.entry(entry.section.as_str()).or_insert(0) += 1;
            *tags.entry(entry.tag.text()).or_insert(0) += 1;
        }
        println!("{id}: {} rules with both examples; {sections:?}; {tags:?}", rules.len());
    }
    assert!(wrong.is_empty(), "{} things wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_entry_has_a_source() {
    for (id, _) in shipped() {
        let profile = profile(id);
        let without: Vec<_> = profile
            .entries()
            .filter(|entry| {
                entry.sources.is_empty()
                    || entry.sources.iter().any(|source| !profile.sources.contains_key(source))
            })
            .map(|entry| entry.id.as_str())
            .collect();
        assert!(without.is_empty(), "{id}: entries without a source: {without:?}");
        println!("{id}: {} entries, {} without a source", profile.entries().count(), without.len());
    }
}
