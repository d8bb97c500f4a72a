//! What the reader of profiles and overlays takes, and what it refuses and how it tells so.

mod overlays;
mod refusals;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use config::Source;

use super::{Profile, shipped};

/// A profile with one entry of each table, all of it right.
const PROFILE: &str = include_str!("tests/small.toml");

#[test]
fn shipped_profiles_read_and_name_themselves() {
    for (id, _) in shipped() {
        let profile = Profile::load(id).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(profile.head.id, id);
        assert!(profile.entries().all(|entry| !entry.sources.is_empty()));
    }
}

#[test]
fn the_small_profile_is_right() {
    let profile = small();
    assert_eq!(profile.entries().count(), 8);
    assert!(profile.overlay.is_none());
}

fn small() -> Profile {
    Profile::from_source(&Source::from_text("p.toml", PROFILE))
        .unwrap_or_else(|problems| panic!("{problems}"))
}

/// The small profile with `from` replaced by `to`.
fn changed(from: &str, to: &str) -> String {
    assert_eq!(PROFILE.matches(from).count(), 1, "{from}");
    PROFILE.replacen(from, to, 1)
}

fn refusal(text: &str) -> String {
    match Profile::from_source(&Source::from_text("p.toml", text)) {
        Ok(_) => "taken".to_owned(),
        Err(problems) => problems.to_string(),
    }
}

/// Compares what is told of each case with a golden file; `OPENRTD_BLESS=1` rewrites it.
fn golden<const N: usize>(name: &str, refuse: fn(&str) -> String, cases: [(&str, String); N]) {
    let mut told = String::new();
    for (case, text) in cases {
        let refusal = refuse(&text);
        assert_ne!(refusal, "taken", "{case}");
        writeln!(told, "{case}\n    {}\n", refusal.replace('\n', "\n    ")).unwrap();
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/profile/tests").join(name);
    if std::env::var_os("OPENRTD_BLESS").is_some() {
        fs::write(&file, told).unwrap();
        return;
    }
    let known = fs::read_to_string(&file).unwrap();
    for (known, told) in known.split("\n\n").zip(told.split("\n\n")) {
        assert_eq!(known, told, "OPENRTD_BLESS=1 rewrites {name}");
    }
    assert_eq!(known.len(), told.len(), "{name}");
}
