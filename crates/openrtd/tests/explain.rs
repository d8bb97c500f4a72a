//! `openrtd explain`: every kind of thing that can be asked about, word for word. `OPENRTD_BLESS=1` writes the golden
//! file anew.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/confirm")
}

fn explain(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_openrtd"))
        .arg("explain")
        .args(words)
        .args(["--profile", "profile.toml", "--as-of", "2026-11-25"])
        .current_dir(data())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn everything_that_can_be_asked_about() {
    let asked: &[(&str, &[&str])] = &[
        ("a setting", &["quality.age-max"]),
        ("a threshold", &["scope.storage"]),
        ("an entry of the point lists", &["point.remote"]),
        ("a paper", &["paper.site-information"]),
        ("a step", &["step.point-to-point"]),
        ("a rule that compares with another entry", &["age.limit"]),
        ("a rule that compares with a version", &["tls.version"]),
        ("an id, whatever its case", &["POINT.SOC"]),
        ("the beginning of one id", &["units"]),
        ("the beginning of several ids", &["point."]),
        ("a role", &["soc"]),
        ("a section", &["scope"]),
        ("a source", &["b"]),
        ("a tag", &["recalled-weak"]),
        ("a kind of resource", &["storage"]),
        ("a quality", &["questionable"]),
        ("a reason", &["stale"]),
        ("a reason in words", &["never read since start"]),
        ("a flag", &["comm_lost"]),
        ("a flag that is always sent", &["ONLINE"]),
        ("a flag that is never sent", &["REFERENCE_ERR"]),
        ("a point of a site", &["poi.mw", "--site", "site.toml"]),
        ("a rule as JSON", &["age.limit", "--json"]),
        ("several as JSON", &["point.", "--json"]),
    ];
    let mut told = String::new();
    for (what, words) in asked {
        let output = explain(words);
        assert_eq!(output.status.code(), Some(0), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let _ = writeln!(told, "== {what}: {}\n{text}", words.join(" "));
    }
    for words in [
        &["pont.soc"][..],
        &["poi.mw"],
        &["quality.age-mx"],
        &["xyzzy"],
        &["poi.mv", "--site", "site.toml"],
        &[""],
    ] {
        let output = explain(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(output.stdout.is_empty());
        let _ =
            writeln!(told, "== unknown: {}\n{}", words.join(" "), String::from_utf8(output.stderr).unwrap());
    }
    let file = data().join("explained.txt");
    if std::env::var_os("OPENRTD_BLESS").is_some() {
        fs::write(&file, &told).unwrap();
    }
    let held = fs::read_to_string(&file).unwrap_or_default();
    assert!(held == told, "explained.txt is not what is told now; OPENRTD_BLESS=1 writes it anew:\n{told}");
}
