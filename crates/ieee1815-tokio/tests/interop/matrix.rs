//! The matrix of all rows: docs/interop.md as the proof's JSON says it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::peer::skip;
use crate::row::FEATURES;

const HEAD: &str = "# Interoperability

Written by `make proof ITEM=interop` from proof/interop.json; do not edit.

Every cell is a check over real sockets against a program that others wrote, all octets recorded and what our side sent
judged by tshark: no malformed frame, no bad CRC, no unknown object. **yes**: passed. A number: not offered by the peer,
for the reason below. **FAILED**: just that.

Our side is the example `outstation` (all types), the example `dut` (the database of the recorded certification runs) or
a `MasterDriver`. Peers: yadnp3 3.2.1.4 (a fork of opendnp3), py1815 0.3.0, dnp3py 0.6.0 (no TLS).

Both ends' clocks are one, and a time that is written has to be within 2 s of it; yadnp3's bindings give its master no
clock, so it writes the delay alone, and that is what is looked for.
";

/// Rows as `about`, in a stable order.
fn sorted(mut rows: Vec<Value>) -> Vec<Value> {
    let key = |row: &Value| {
        ["role", "peer", "ours", "transport"].map(|key| row[key].as_str().unwrap_or_default().to_owned())
    };
    rows.sort_by_key(key);
    rows
}

fn cell(row: &Value, feature: &str, reasons: &mut Vec<String>) -> String {
    let cell = &row["cells"][feature];
    if cell["passed"] == true {
        return "yes".to_owned();
    }
    let Some(reason) = cell["not_offered"].as_str() else {
        return if cell.is_null() { String::new() } else { "**FAILED**".to_owned() };
    };
    let peer = row["peer"].as_str().unwrap_or_default();
    let reason = if reason.starts_with("our ") { reason.to_owned() } else { format!("{peer}: {reason}") };
    let at = reasons.iter().position(|known| *known == reason).unwrap_or_else(|| {
        reasons.push(reason);
        reasons.len() - 1
    });
    (at + 1).to_string()
}

fn table(out: &mut String, title: &str, rows: &[&Value], features: &[&str], reasons: &mut Vec<String>) {
    writeln!(out, "\n## {title}\n").unwrap();
    let head = |row: &&Value| {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        format!("{}, {}, {}", text("peer"), text("transport"), text("ours"))
    };
    let heads: Vec<_> = rows.iter().map(head).collect();
    writeln!(out, "| feature | {} |", heads.join(" | ")).unwrap();
    writeln!(out, "|---|{}", "---|".repeat(rows.len())).unwrap();
    for feature in features {
        let cells: Vec<_> = rows.iter().map(|row| cell(row, feature, reasons)).collect();
        writeln!(out, "| {feature} | {} |", cells.join(" | ")).unwrap();
    }
    let frames: Vec<_> = rows.iter().map(|row| row["frames_judged"].to_string()).collect();
    writeln!(out, "| frames of ours judged | {} |", frames.join(" | ")).unwrap();
}

/// The page of a result.
fn page(result: &Value) -> String {
    let all = result["rows"].as_array().unwrap();
    let of = |role: &str| all.iter().filter(|row| row["role"] == role).collect::<Vec<_>>();
    let (mut out, mut reasons) = (HEAD.to_owned(), Vec::new());
    for (role, title) in
        [("master", "Their masters, our outstation"), ("outstation", "Our master, their outstations")]
    {
        table(&mut out, title, &of(role), &FEATURES, &mut reasons);
    }
    let breakers = of("rule breaker");
    let broken: Vec<&str> = breakers
        .first()
        .and_then(|row| row["cells"].as_object())
        .map(|cells| cells.keys().map(String::as_str).collect())
        .unwrap_or_default();
    table(&mut out, "A master that breaks a rule, our outstation", &breakers, &broken, &mut reasons);
    writeln!(out, "\n## Not offered\n").unwrap();
    for (at, reason) in reasons.iter().enumerate() {
        writeln!(out, "{}. {reason}", at + 1).unwrap();
    }
    out
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Gathers the rows of a run in `OPENRTD_INTEROP` into `OPENRTD_PROOF`, and writes the page.
#[test]
#[ignore = "the end of `make proof ITEM=interop`"]
fn gather() {
    let folder = std::env::var_os("OPENRTD_INTEROP").unwrap();
    let read = |entry: std::io::Result<fs::DirEntry>| {
        serde_json::from_str(&fs::read_to_string(entry.unwrap().path()).unwrap()).unwrap()
    };
    let rows = sorted(fs::read_dir(folder).unwrap().map(read).collect());
    let count = |kind: &str| {
        let cells = rows.iter().flat_map(|row| row["cells"].as_object().unwrap().values());
        cells.filter(|cell| !cell[kind].is_null()).count()
    };
    let frames: u64 = rows.iter().filter_map(|row| row["frames_judged"].as_u64()).sum();
    let result = json!({
        "rows_of_19": rows.len(), "passed": count("passed"), "not_offered": count("not_offered"),
        "failed": count("failed"), "frames_judged": frames, "rows": rows,
    });
    fs::write(std::env::var_os("OPENRTD_PROOF").unwrap(), result.to_string()).unwrap();
    fs::write(root().join("docs/interop.md"), page(&result)).unwrap();
}

/// The page is the proof's, and the proof has all rows and no failure.
#[test]
fn the_page_says_what_the_proof_does() {
    let Ok(proof) = fs::read_to_string(root().join("proof/interop.json")) else {
        return skip("proof/interop.json: make proof ITEM=interop");
    };
    let proof: Value = serde_json::from_str(&proof).unwrap();
    assert_eq!(proof["result"]["failed"], 0);
    assert_eq!(proof["result"]["rows_of_19"], 19);
    assert_eq!(fs::read_to_string(root().join("docs/interop.md")).unwrap(), page(&proof["result"]));
}
