//! `docs/site.md` against the reader of site files: it tells every key, and none that is not read. Which keys there
//! are is asked of the reader itself, by giving it one that it does not know. `OPENRTD_BLESS=1` writes the lists of
//! units and roles anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use config::Source;
use rulebook::{Profile, Tag};
use site::Site;
use telemetry::{ResourceKind, Unit};

/// Sections of the reference, and a file in which the reader must ask for that section's keys.
const SECTIONS: &[(&str, &str)] = &[
    ("The tables", "nothing = 1"),
    ("[site]", "[site]\nnothing = 1"),
    ("[resource]", "[resource]\nnothing = 1"),
    ("[[component]]", "[[component]]\nnothing = 1"),
    ("[[station]]", "[[station]]\nnothing = 1"),
    ("[outstation]", "[outstation]\nnothing = 1"),
    ("[tls]", "[tls]\nnothing = 1"),
    ("[[master]]", "[[master]]\nnothing = 1"),
    ("[[device]]", "[[device]]\nnothing = 1"),
    ("serial", "[[device]]\nserial = { nothing = 1 }"),
    ("Every point", "[[setpoint]]\nfeedback = { nothing = 1 }"),
    ("[[analog]]", "[[analog]]\nnothing = 1"),
    ("[[digital]]", "[[digital]]\nnothing = 1"),
    ("derive", "[[analog]]\nderive = { nothing = 1 }"),
    ("flat", "[[analog]]\nflat = { nothing = 1 }"),
    ("gate", "[[analog]]\nflat = { gate = [{ nothing = 1 }] }"),
    ("cross", "[[analog]]\ncross = { nothing = 1 }"),
    ("source", "[[analog]]\nsource = { nothing = 1 }"),
    ("[heartbeat]", "[heartbeat]\nnothing = 1"),
    ("[connection]", "[connection]\nnothing = 1"),
    ("[[setpoint]]", "[[setpoint]]\nnothing = 1"),
    ("drive", "[[setpoint]]\ndrive = [{ nothing = 1 }]"),
    ("enable", "[[setpoint]]\ndrive = [{ enable = { nothing = 1 } }]"),
    ("commands_max", "[[setpoint]]\ncommands_max = { nothing = 1 }"),
    ("limits_hard", "[[setpoint]]\nlimits_hard = { nothing = 1 }"),
    ("energy", "[[setpoint]]\nenergy = { nothing = 1 }"),
    ("trim", "[[setpoint]]\ntrim = { nothing = 1 }"),
    ("primary", "[[setpoint]]\nprimary = { nothing = 1 }"),
    ("served", "[[setpoint]]\nprimary = { served = { nothing = 1 } }"),
    ("pulse", "[[setpoint]]\npulse = { nothing = 1 }"),
    ("score", "[[setpoint]]\nscore = { nothing = 1 }"),
    ("[history]", "[history]\nnothing = 1"),
    ("[[publish]]", "[[publish]]\nnothing = 1"),
    ("tls of [[publish]]", "[[publish]]\ntls = { nothing = 1 }"),
    ("[metrics]", "[metrics]\nnothing = 1"),
    ("[clock]", "[clock]\nnothing = 1"),
    ("[capture]", "[capture]\nnothing = 1"),
];

/// Sections of points: what they have in common stands once.
const POINTS: [&str; 5] = ["[[analog]]", "[[digital]]", "[heartbeat]", "[connection]", "[[setpoint]]"];

fn file() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/site.md")
}

/// The keys that the reader knows where it is given one that it does not.
fn read_keys(text: &str) -> BTreeSet<String> {
    let told = Site::from_source(&Source::from_text("site.toml", text)).unwrap_err().to_string();
    let (_, known) =
        told.split_once("unknown field `nothing`, expected ").unwrap_or_else(|| panic!("{told}"));
    known.lines().next().unwrap().split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The keys of each section's tables.
fn told_keys(text: &str) -> BTreeMap<&str, BTreeSet<String>> {
    let mut told: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut section = "";
    for line in text.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        } else if let Some((key, _)) = line.strip_prefix("| `").and_then(|rest| rest.split_once('`')) {
            let new = told.entry(section).or_default().insert(key.to_owned());
            assert!(new, "{section}: `{key}` stands twice");
        }
    }
    told
}

#[test]
fn every_key_is_told_and_none_that_is_not_read() {
    let text = fs::read_to_string(file()).unwrap();
    let told = told_keys(&text);
    let common = told.get("Every point").cloned().unwrap_or_default();
    assert!(common.len() > 5, "{common:?}");
    for &(section, asking) in SECTIONS {
        let mut own = told.get(section).cloned().unwrap_or_default();
        if POINTS.contains(&section) {
            own.extend(common.iter().cloned());
        }
        assert_eq!(own, read_keys(asking), "docs/site.md, section {section}");
    }
}

#[test]
fn settings_that_it_names_exist() {
    let profile = Profile::load("caiso-direct-telemetry").unwrap();
    let text = fs::read_to_string(file()).unwrap();
    let mut named = 0;
    for cell in text.lines().filter_map(|line| line.split_once("profile: ")).map(|(_, rest)| rest) {
        for word in cell.split([' ', ',', '|', '(', ')', ';']).filter(|word| word.contains('.')) {
            assert!(profile.entry(word).is_some(), "docs/site.md names {word}");
            named += 1;
        }
    }
    assert!(named >= 12, "{named}");
}

/// Every unit, those of a dimension together.
fn units() -> String {
    let mut dimensions: Vec<(String, Vec<String>)> = Vec::new();
    for unit in Unit::ALL {
        let dimension = format!("{:?}", unit.dimension());
        match dimensions.last_mut() {
            Some((last, units)) if *last == dimension => units.push(format!("`{unit}`")),
            _ => dimensions.push((dimension, vec![format!("`{unit}`")])),
        }
    }
    dimensions.into_iter().map(|(_, units)| units.join(", ")).collect::<Vec<_>>().join("; ") + ".\n"
}

/// The roles of each kind; those that are only recalled are marked.
fn roles() -> String {
    let profile = Profile::load("caiso-direct-telemetry").unwrap();
    let mut table = "| kind | roles |\n|---|---|\n".to_owned();
    for kind in ResourceKind::ALL {
        let mut roles: BTreeMap<&str, bool> = BTreeMap::new();
        for point in profile.points.iter().filter(|point| point.kinds.contains(kind)) {
            let sure = matches!(point.entry.tag, Tag::Verified | Tag::Inferred);
            *roles.entry(&point.role).or_default() |= sure;
        }
        let roles: Vec<_> =
            roles.iter().map(|(role, sure)| format!("`{role}`{}", if *sure { "" } else { "?" })).collect();
        writeln!(table, "| `{kind}` | {} |", roles.join(", ")).unwrap();
    }
    table
}

#[test]
fn units_and_roles_are_those_that_there_are() {
    let text = fs::read_to_string(file()).unwrap();
    let mut wanted = text.clone();
    for (name, list) in [("units", units()), ("roles", roles())] {
        let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
        let start = wanted.find(&open).unwrap() + open.len();
        let end = wanted.find(&close).unwrap();
        wanted.replace_range(start..end, &list);
    }
    if std::env::var_os("OPENRTD_BLESS").is_some() && wanted != text {
        fs::write(file(), &wanted).unwrap();
    }
    let held = fs::read_to_string(file()).unwrap();
    assert!(held == wanted, "docs/site.md has other units or roles; OPENRTD_BLESS=1 writes them anew");
}
