//! Point sheets at the command line: what is written, what is refused, how it ends.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

struct Folder {
    folder: tempfile::TempDir,
    site: String,
}

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = openrtd(&["init", folder.path().join("site").to_str().unwrap()]);
        assert_eq!(made.status.code(), Some(0), "{}", errors(&made));
        let site = folder.path().join("site/site.toml").to_str().unwrap().to_owned();
        Self { folder, site }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    fn site_text(&self) -> String {
        fs::read_to_string(&self.site).unwrap()
    }
}

fn openrtd(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openrtd"));
    command.args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn points(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = openrtd(&[&["points"], arguments].concat());
    (output.status.code(), String::from_utf8(output.stdout.clone()).unwrap(), errors(&output))
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn workbook() -> String {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../pointsheet/tests/data/points.xlsx");
    data.to_str().unwrap().to_owned()
}

const AI: &str = "Description,Point Name,Units,Max Units,Max Counts,DNP Index\n";

#[test]
fn what_is_exported_imports_without_a_change() {
    let folder = Folder::new();
    let before = folder.site_text();
    let (xlsx, csv) = (folder.path("points.xlsx"), folder.path("tables"));
    let (code, told, error) = points(&["export", &folder.site, &xlsx]);
    assert_eq!(code, Some(0), "{error}");
    assert!(told.contains("points.xlsx: ") && told.contains(" analog inputs, 1 analog outputs"), "{told}");
    assert_eq!(points(&["export", &folder.site, &csv]).0, Some(0));
    assert!(Path::new(&csv).join("ai.csv").is_file());
    for sheet in [&xlsx, &csv] {
        let (code, told, error) = points(&["diff", &folder.site, sheet]);
        assert_eq!((code, told.as_str()), (Some(0), "0 differences, 0 of them incompatible\n"), "{error}");
        let (code, told, error) = points(&["import", sheet, &folder.site]);
        assert_eq!(code, Some(0), "{error}");
        assert!(told.contains("0 values changed (0 points renumbered), 0 points new"), "{told}");
        assert_eq!(folder.site_text(), before);
    }
}

#[test]
fn the_workbook_is_imported_once_and_a_dry_run_writes_nothing() {
    let folder = Folder::new();
    let before = folder.site_text();
    let (code, told, error) = points(&["import", &workbook(), &folder.site, "--dry-run", "--unserve"]);
    assert_eq!(code, Some(0), "{told}{error}");
    assert!(
        told.contains("new, index 4, without a source") && told.ends_with("; nothing written\n"),
        "{told}"
    );
    assert!(
        error.contains("warning: ") && error.contains("sheet Revision history: has no table of points"),
        "{error}"
    );
    assert_eq!(folder.site_text(), before);
    assert_eq!(points(&["import", &workbook(), &folder.site, "--unserve"]).0, Some(0));
    let after = folder.site_text();
    assert!(after.contains("sheet_name = \"IRG999.T1_HS_KV\""));
    let (code, told, error) = points(&["diff", &workbook(), &folder.site]);
    // The sheet's set point is none that the site has: that is told as removed.
    assert!(matches!(code, Some(0 | 1)), "{error}");
    assert!(!told.contains("renumbered") && !told.contains("rescaled"), "{told}");
}

#[test]
fn a_file_that_would_not_read_is_not_written() {
    let folder = Folder::new();
    let before = folder.site_text();
    // The index belongs to a point that the sheet does not have.
    let exported = folder.path("tables");
    points(&["export", &folder.site, &exported]);
    let taken = fs::read_to_string(Path::new(&exported).join("ai.csv")).unwrap();
    let index = taken.lines().nth(1).unwrap().rsplit(',').next().unwrap().to_owned();
    let sheet = folder.write("ai.csv", &format!("{AI}Other,OTHER,MW,1,1,{index}\n"));
    let (code, _, error) = points(&["import", &sheet, &folder.site]);
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("is already the analog index of") && error.contains("--unserve"), "{error}");
    assert_eq!(folder.site_text(), before);
    assert_eq!(points(&["import", &sheet, &folder.site, "--unserve"]).0, Some(0));
    assert_ne!(folder.site_text(), before);
    let beside = fs::read_dir(Path::new(&folder.site).parent().unwrap()).unwrap();
    assert!(beside.flatten().all(|entry| !entry.file_name().to_string_lossy().contains(".new")));
}

#[test]
fn wrong_input_ends_with_2_and_names_its_place() {
    let folder = Folder::new();
    let sheet = folder.write("ai.csv", &format!("{AI}Net,NET,MW,x,1,1.5\n"));
    let (code, _, error) = points(&["import", &sheet, &folder.site]);
    assert_eq!(code, Some(2));
    assert!(
        error.contains("ai.csv, row 2, column D: ") && error.contains("ai.csv, row 2, column F: "),
        "{error}"
    );
    let (code, _, error) = points(&["import", &folder.site, &sheet]);
    assert_eq!(code, Some(2));
    assert!(error.contains("the last file is the site file"), "{error}");
    assert_eq!(points(&["import", &folder.path("none.xlsx"), &folder.site]).0, Some(2));
    assert_eq!(points(&["diff", &sheet, &sheet]).0, Some(2));
    assert_eq!(points(&["export", &folder.site, &folder.path("points.pdf")]).0, Some(2));
    assert_eq!(points(&["export", &folder.site, &folder.path("none/points.xlsx")]).0, Some(1));
}

#[test]
fn differences_end_with_1_where_they_mislead() {
    let folder = Folder::new();
    let old = folder.write("old/ai.csv", &format!("{AI}Net,NET,MW,300,30000,1\n"));
    let named = folder.write("named/ai.csv", &format!("{AI}Net MW,NET,MW,300,30000,1\nNew,NEW,MW,1,1,2\n"));
    let moved = folder.write("moved/ai.csv", &format!("{AI}Net,NET,MW,150,30000,7\n"));
    let (code, told, _) = points(&["diff", &old, &named]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("analog input `NEW`: added, index 2\n"), "{told}");
    let (code, told, error) = points(&["diff", &old, &moved]);
    assert_eq!((code, error.as_str()), (Some(1), ""));
    assert!(told.starts_with("incompatible: analog input `NET`: renumbered, index 1 -> 7\n"), "{told}");
    let (code, told, _) = points(&["diff", &old, &moved, "--json"]);
    assert_eq!(code, Some(1));
    let lines: Vec<serde_json::Value> =
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["change"], "renumbered");
    assert_eq!((&lines[0]["old"]["index"], &lines[0]["new"]["index"]), (&1.into(), &7.into()));
    assert_eq!(lines[1]["change"], "rescaled");
    assert_eq!(lines[2]["incompatible"], 2);
}

#[test]
fn an_offset_that_moves_every_point_is_a_difference() {
    let folder = Folder::new();
    let text = folder.site_text();
    let moved = Path::new(&folder.site).with_file_name("moved.toml");
    fs::write(&moved, text.replacen("\nlisten = ", "\nindex_offset = 4\nlisten = ", 1)).unwrap();
    let (code, told, error) = points(&["diff", &folder.site, moved.to_str().unwrap()]);
    assert_eq!(code, Some(1), "{told}{error}");
    assert_eq!(
        told,
        "incompatible: outstation.index_offset 0 -> 4: every point has another index on the wire\n\
         1 differences, 1 of them incompatible\n"
    );
    let (code, told, _) = points(&["diff", moved.to_str().unwrap(), &folder.site, "--json"]);
    assert_eq!(code, Some(1));
    let line: serde_json::Value = serde_json::from_str(told.lines().next().unwrap()).unwrap();
    assert_eq!((&line["change"], &line["new"]["index_offset"]), (&"offset".into(), &0.into()));
}

#[test]
fn export_overwrites_only_what_it_may() {
    let folder = Folder::new();
    for (out, made) in [("points.xlsx", "points.xlsx"), ("tables", "tables/di.csv")] {
        let (out, made) = (folder.path(out), folder.write(made, "the ISO's own"));
        let (code, _, error) = points(&["export", &folder.site, &out]);
        assert_eq!(code, Some(2));
        assert_eq!(error.trim_end(), format!("error: {made}: is there already; --force overwrites it"));
        assert_eq!(fs::read_to_string(&made).unwrap(), "the ISO's own");
        assert_eq!(points(&["export", &folder.site, &out, "--force"]).0, Some(0));
        assert_ne!(fs::read(&made).unwrap(), b"the ISO's own");
    }
}

#[test]
fn what_a_file_hides_never_reaches_a_terminal() {
    let folder = Folder::new();
    let text = folder.site_text();
    let start = text.find("\nname = \"").unwrap() + "\nname = \"".len();
    for (escape, code) in [("\\u001b[2J", "001B"), ("a\\r\\nclean: 0 errors", "000D"), ("\\u202e", "202E")] {
        fs::write(&folder.site, format!("{}{escape}{}", &text[..start], &text[start..])).unwrap();
        for command in ["check", "papers", "run"] {
            let out = folder.path("papers");
            let more: &[&str] = if command == "papers" { &["--out", &out] } else { &[] };
            let output = openrtd(&[&[command, folder.site.as_str()], more].concat());
            let told = errors(&output);
            assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{told}");
            assert!(told.contains("name: `") && told.contains(&format!("U+{code}")), "{told}");
            assert_eq!(told.trim_end().lines().count(), 1, "{told}");
            assert!(!told.contains(['\u{1b}', '\u{202e}', '\r']), "{told}");
        }
    }
}

#[test]
fn devices_and_pipes_are_no_files_of_ours() {
    for command in ["check", "run", "ems"] {
        let output = openrtd(&[command, "/dev/zero"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            errors(&output).contains("/dev/zero: is not read: it is no regular file"),
            "{}",
            errors(&output)
        );
    }
}

#[test]
fn points_that_a_profile_does_not_serve_are_told() {
    let folder = Folder::new();
    let named = folder.site_text().replacen("caiso-direct-telemetry", "ieso-real-time-data", 1);
    fs::write(&folder.site, named).unwrap();
    let sheet = folder.write("ai.csv", &format!("{AI}New,NEW,MW,10,1000,77\n"));
    let (code, told, error) = points(&["import", &sheet, &folder.site]);
    assert_eq!(code, Some(0), "{error}");
    assert!(told.contains("analog `new`: new, index 77"), "{told}");
    assert!(
        error.contains("are not served, since the site's profile") && error.contains(", new,"),
        "{error}"
    );
    // That profile sends engineering values, the sheet's scale is in counts.
    assert!(folder.site_text().contains("max_counts = 1000\nwire = \"counts\"\n"));
}

#[test]
fn a_sheet_is_what_the_site_served_before() {
    let folder = Folder::new();
    let sheet = folder.path("points.xlsx");
    points(&["export", &folder.site, &sheet]);
    let check = |sheet: &str| {
        let output = openrtd(&["check", &folder.site, "--previous", sheet, "--format", "json"]);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}", errors(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let moved = |told: &str| told.contains("as before");
    assert!(!moved(&check(&sheet)));
    let tables = folder.path("tables");
    points(&["export", &folder.site, &tables]);
    let inputs = Path::new(&tables).join("ai.csv");
    let text = fs::read_to_string(&inputs).unwrap();
    let row = text.lines().nth(2).unwrap();
    let (rest, _) = row.rsplit_once(',').unwrap();
    fs::write(&inputs, text.replace(row, &format!("{rest},999"))).unwrap();
    assert!(moved(&check(&tables)), "{}", check(&tables));
}
