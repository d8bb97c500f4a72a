//! Nothing that is only recalled is told as the ISO's word: not by `check`, `rules`, `explain` or a worksheet, in no
//! form, and not by the documents or the program's own text.
//!
//! Wherever an output names such an entry, by its id or its title, the same record (a line with the lines indented
//! under it, a JSON object, a table row) carries its tag or the word 'unconfirmed', and nowhere does it say that the
//! ISO requires it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rulebook::Profile;
use rulebook::explain::{Answer, explain};
use rulebook::profile::{DEFAULT, shipped};
use serde_json::Value;
use telemetry::ResourceKind;

/// A shorter title is the name of a thing ('Ramp rate'), which anybody may say.
const TITLE_MIN: usize = 24;
/// What nobody may say of such an entry.
const CLAIMS: [&str; 6] = ["required by", "requires", "must", "shall", "mandatory", "obliged"];

struct Recalled {
    id: String,
    title: String,
}

/// What is only recalled in a profile.
struct Doubtful(Vec<Recalled>);

/// Everything that was named, and everything named without its mark.
#[derive(Default)]
struct Seen {
    named: BTreeSet<String>,
    wrong: Vec<String>,
}

impl Doubtful {
    fn of(profile: &Profile) -> Self {
        let sure: Vec<_> = profile.entries().filter(|one| one.certainty().is_citable()).collect();
        let list = profile.entries().filter(|one| !one.certainty().is_citable()).map(|one| Recalled {
            id: one.id.clone(),
            // A title that a sure entry has too tells nothing.
            title: match sure.iter().any(|sure| sure.title.contains(&one.title)) {
                true => String::new(),
                false => one.title.clone(),
            },
        });
        Self(list.collect())
    }

    fn named_in(&self, text: &str) -> Vec<&str> {
        let by_id = |id: &str| {
            text.match_indices(id).any(|(at, _)| {
                let part = |letter: char| letter.is_ascii_alphanumeric() || letter == '.' || letter == '-';
                let before = text[..at].chars().next_back();
                let mut after = text[at + id.len()..].chars();
                let next = after.next();
                // An id at the end of a sentence is one.
                let full_stop = next == Some('.') && !after.next().is_some_and(char::is_alphanumeric);
                !before.is_some_and(part) && (full_stop || !next.is_some_and(part))
            })
        };
        let by_title = |title: &str| title.chars().count() >= TITLE_MIN && text.contains(title);
        self.0
            .iter()
            .filter(|one| by_id(&one.id) || by_title(&one.title))
            .map(|one| one.id.as_str())
            .collect()
    }

    /// Holds one record against the rule; `marks` is where its mark may stand.
    fn record(&self, whence: &str, text: &str, marks: &str, seen: &mut Seen) {
        let named = self.named_in(text);
        if named.is_empty() {
            return;
        }
        let low = marks.to_lowercase();
        if !low.contains("recalled") && !low.contains("unconfirmed") {
            seen.wrong.push(format!("{whence}: names {named:?} without a mark: {text}"));
        }
        let said = text.to_lowercase();
        let words: Vec<_> = said.split(|letter: char| !letter.is_alphanumeric() && letter != ' ').collect();
        for claim in CLAIMS {
            let claimed = words.iter().any(|part| format!(" {part} ").contains(&format!(" {claim} ")));
            if claimed {
                seen.wrong.push(format!("{whence}: says `{claim}` of {named:?}: {text}"));
            }
        }
        seen.named.extend(named.into_iter().map(str::to_owned));
    }

    /// Text for people: a line and what is indented under it.
    fn text(&self, whence: &str, text: &str, seen: &mut Seen) {
        let lines: Vec<_> = text.lines().collect();
        let indent = |line: &str| line.len() - line.trim_start().len();
        for (at, line) in lines.iter().enumerate() {
            let under = lines.iter().skip(at + 1).take_while(|next| indent(next) > indent(line));
            let record: Vec<_> = std::iter::once(line).chain(under).copied().collect();
            self.record(whence, line, &record.join("\n"), seen);
        }
    }

    /// JSON: each object that names such an entry in a string of its own.
    fn json(&self, whence: &str, value: &Value, seen: &mut Seen) {
        match value {
            Value::Array(list) => list.iter().for_each(|one| self.json(whence, one, seen)),
            Value::Object(fields) => {
                let mut own = String::new();
                for (key, field) in fields {
                    own.push_str(key);
                    own.push('\n');
                    collect(field, &mut own);
                }
                let mut marks = own.clone();
                nested(value, &mut marks);
                self.record(whence, &own, &marks, seen);
                fields.values().for_each(|field| self.json(whence, field, seen));
            }
            _ => {}
        }
    }

    /// HTML: each row of a table; nothing outside of tables names such an entry.
    fn html(&self, whence: &str, page: &str, seen: &mut Seen) {
        let text = |html: &str| {
            let html = html.replace("<br>", "\n").replace("</td>", "\n");
            let plain: String =
                html.split('<').map(|part| part.split_once('>').map_or(part, |(_, rest)| rest)).collect();
            plain.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        };
        let mut parts = page.split("<tr");
        let outside = parts.next().unwrap();
        self.record(whence, &text(outside), "", seen);
        for part in parts {
            let (row, outside) = part.split_once("</tr>").unwrap();
            let row = text(&format!("<tr{row}"));
            self.record(whence, &row, &row, seen);
            let heading = outside.split("<tr").next().unwrap();
            self.record(whence, &text(heading), "", seen);
        }
    }
}

/// Strings of a value, those of objects in it left out.
fn collect(value: &Value, own: &mut String) {
    match value {
        Value::String(text) => {
            own.push_str(text);
            own.push('\n');
        }
        Value::Array(list) => list.iter().for_each(|one| collect(one, own)),
        _ => {}
    }
}

/// Strings of the objects in an object; what it holds lists of are other records, which do not mark this one.
fn nested(value: &Value, marks: &mut String) {
    for field in
        value.as_object().into_iter().flat_map(|fields| fields.values()).filter(|field| field.is_object())
    {
        field.as_object().unwrap().values().for_each(|one| collect(one, marks));
        nested(field, marks);
    }
}

fn clean(seen: &Seen) {
    assert!(seen.wrong.is_empty(), "{} records:\n{}", seen.wrong.len(), seen.wrong.join("\n\n"));
}

fn openrtd(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_openrtd"))
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 1)), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// A large resource of a kind with nothing served: whatever its lists ask for is missing.
fn bare(kind: ResourceKind) -> String {
    format!(
        r#"[site]
name = "Bare {kind}"
resource = "{kind}"
socket = "run/rtd.sock"
[resource]
capacity_mw = 100.0
services = ["regulation", "spinning", "non-spinning"]
[[component]]
id = "sun"
kind = "solar-pv"
capacity_mw = 60.0
[[component]]
id = "air"
kind = "wind"
capacity_mw = 60.0
[[component]]
id = "store"
kind = "storage"
capacity_mw = 60.0
[[station]]
id = "met"
component = "sun"
[[station]]
id = "mast"
kind = "tower"
component = "air"
[outstation]
listen = "127.0.0.1:20000"
address = 10
[tls]
certificate = "rtd.pem"
key = "rtd.key"
trust_anchors = ["ca.pem"]
[[master]]
name = "iso"
address = 1
admit = ["name:ems.example"]
control = true
[[device]]
id = "meter"
protocol = "modbus"
address = "127.0.0.1:502"
poll_ms = 10000
[heartbeat]
id = "heartbeat"
name = "Heartbeat"
index = 1
period_ms = 60000
wrap = 10
"#
    )
}

#[test]
fn checks_tell_it_apart_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let mut sites: Vec<(String, PathBuf)> = Vec::new();
    for kind in ResourceKind::ALL {
        let file = folder.path().join(format!("{kind}.toml"));
        fs::write(&file, bare(*kind)).unwrap();
        sites.push((DEFAULT.to_owned(), file));
    }
    let init = folder.path().join("site");
    openrtd(&["init", init.to_str().unwrap()]);
    for (id, _) in shipped() {
        sites.push((id.to_owned(), init.join("site.toml")));
    }
    files(&root().join("examples"), "toml", &mut |file| {
        if file.file_name().is_some_and(|name| name == "site.toml") {
            sites.push((DEFAULT.to_owned(), file.to_owned()));
        }
    });
    let mut seen = Seen::default();
    for (id, file) in &sites {
        let doubtful = Doubtful::of(&Profile::load(id).unwrap());
        let file = file.to_str().unwrap();
        let run = |more: &[&str]| {
            openrtd(&[&["check", file, "--profile", id, "--as-of", "2026-11-25"], more].concat())
        };
        doubtful.text(&format!("text of {file}"), &run(&["--verbose"]), &mut seen);
        doubtful.text(&format!("strict text of {file}"), &run(&["--strict"]), &mut seen);
        doubtful.html(&format!("html of {file}"), &run(&["--format", "html"]), &mut seen);
        for form in ["json", "sarif"] {
            let value = serde_json::from_str(&run(&["--format", form])).unwrap();
            doubtful.json(&format!("{form} of {file}"), &value, &mut seen);
        }
    }
    clean(&seen);
    assert!(seen.named.len() >= 55, "these sites show too little to prove anything: {}", seen.named.len());
}

#[test]
fn lists_explanations_and_worksheets_tell_it_apart() {
    let folder = tempfile::tempdir().unwrap();
    for (id, _) in shipped() {
        let profile = Profile::load(id).unwrap();
        let doubtful = Doubtful::of(&profile);
        let all: BTreeSet<_> = doubtful.0.iter().map(|one| one.id.clone()).collect();
        let told = |what: &str, seen: &Seen| {
            clean(seen);
            assert_eq!(seen.named, all, "{what} of {id}");
        };
        let mut seen = Seen::default();
        doubtful.text("rules", &openrtd(&["rules", "--profile", id]), &mut seen);
        clean(&seen);
        doubtful.text(
            "rules",
            &openrtd(&["rules", "--all", "--profile", id, "--as-of", "2026-11-25"]),
            &mut seen,
        );
        told("rules --all", &seen);
        let mut seen = Seen::default();
        let json = openrtd(&["rules", "--all", "--json", "--profile", id, "--as-of", "2026-11-25"]);
        doubtful.json("rules --json", &serde_json::from_str(&json).unwrap(), &mut seen);
        told("rules --all --json", &seen);

        let mut seen = Seen::default();
        let mut words: BTreeSet<String> = profile.entries().map(|one| one.id.clone()).collect();
        words.extend(profile.entries().map(|one| one.section.clone()));
        words.extend(profile.points.iter().map(|one| one.role.clone()));
        words.extend(profile.sources.keys().cloned());
        words.extend(ResourceKind::ALL.iter().map(ToString::to_string));
        words.extend(rulebook::Tag::ALL.iter().map(ToString::to_string));
        for word in &words {
            let Answer::Found(found) = explain(word, &profile, None) else { panic!("{word}") };
            for one in found {
                doubtful.text(&format!("explain {word}"), &one.text(), &mut seen);
                doubtful.json(&format!("explain {word}"), &serde_json::to_value(one).unwrap(), &mut seen);
            }
        }
        doubtful.text("explain", &openrtd(&["explain", "point.", "--profile", id]), &mut seen);
        let json = openrtd(&["explain", "point.", "--profile", id, "--json"]);
        doubtful.json("explain --json", &serde_json::from_str(&json).unwrap(), &mut seen);
        told("explain", &seen);

        for form in ["xlsx", "csv"] {
            let mut seen = Seen::default();
            let file = folder.path().join(format!("{id}.{form}"));
            openrtd(&[
                "rules",
                "worksheet",
                file.to_str().unwrap(),
                "--profile",
                id,
                "--as-of",
                "2026-11-25",
            ]);
            for sheet in grid::read(&file, &grid::Limits::default()).unwrap().grids {
                for row in &sheet.rows {
                    let text: Vec<_> = row.iter().map(|cell| cell.text().into_owned()).collect();
                    doubtful.record(form, &text.join("\n"), &text.join("\n"), &mut seen);
                }
            }
            told("worksheet", &seen);
        }
    }
}

#[test]
fn documents_and_the_programs_own_text_do_not_say_it() {
    let mut seen = Seen::default();
    let mut read = 0;
    let doubtful: Vec<_> = shipped().map(|(id, _)| Doubtful::of(&Profile::load(id).unwrap())).collect();
    let mut scan = |file: &Path| {
        read += 1;
        let text = fs::read_to_string(file).unwrap();
        for paragraph in text.split("\n\n") {
            let paragraph = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
            for profile in &doubtful {
                let titles = Doubtful(
                    profile
                        .0
                        .iter()
                        .filter(|one| {
                            one.title.chars().count() >= TITLE_MIN && paragraph.contains(&one.title)
                        })
                        .map(|one| Recalled { id: one.id.clone(), title: one.title.clone() })
                        .collect(),
                );
                titles.record(&file.display().to_string(), &paragraph, &paragraph, &mut seen);
            }
        }
    };
    let root = root();
    for name in ["README.md", "CHANGELOG.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        scan(&root.join(name));
    }
    for folder in ["docs", "examples"] {
        files(&root.join(folder), "md", &mut scan);
    }
    let crates = fs::read_dir(root.join("crates")).unwrap();
    for one in crates {
        files(&one.unwrap().path().join("src"), "rs", &mut scan);
    }
    clean(&seen);
    assert!(read > 100, "only {read} files were read");
}

/// Files of a folder and of those in it.
fn files(folder: &Path, extension: &str, with: &mut dyn FnMut(&Path)) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            files(&path, extension, with);
        } else if path.extension().is_some_and(|own| own == extension) {
            with(&path);
        }
    }
}

#[test]
fn the_scan_finds_what_it_is_to_find() {
    let doubtful = Doubtful(vec![Recalled {
        id: "scan.period".to_owned(),
        title: "The ISO scans each device every four seconds".to_owned(),
    }]);
    let wrongs = |scan: &dyn Fn(&mut Seen)| {
        let mut seen = Seen::default();
        scan(&mut seen);
        seen.wrong.len()
    };
    let text = |text: &str| wrongs(&|seen| doubtful.text("", text, seen));
    assert_eq!(text("warning: scan.period: four\n  source S1\n"), 1);
    assert_eq!(text("by scan.period.\n"), 1);
    assert_eq!(text("The ISO scans each device every four seconds\n[recalled]\n"), 1);
    assert_eq!(text("scan.period is required by the ISO [recalled]\n"), 1);
    assert_eq!(text("scan.period [recalled]: the device must\n"), 1);
    assert_eq!(text("scan.period: four\n  [recalled S1]\nscan.period-ms and my.scan.period\n"), 0);
    let json = |text: &str| wrongs(&|seen| doubtful.json("", &serde_json::from_str(text).unwrap(), seen));
    assert_eq!(json(r#"{"rule": "scan.period", "others": [{"tag": "recalled"}]}"#), 1);
    assert_eq!(json(r#"{"judged": {"scan.period": 4}}"#), 1);
    assert_eq!(json(r#"{"by": ["scan.period"]}"#), 1);
    assert_eq!(json(r#"{"id": "scan.period", "properties": {"tag": "recalled"}}"#), 0);
    let html = |text: &str| wrongs(&|seen| doubtful.html("", text, seen));
    assert_eq!(html("<p>scan.period</p><tr><td>recalled</td></tr>"), 1);
    assert_eq!(html("<table><tr><td>scan.period</td></tr><tr><td>recalled</td></tr></table>"), 1);
    assert_eq!(html("<table><tr><td><code>scan.period</code><td>unconfirmed</td></tr></table>"), 0);
}
