//! From worksheet to overlay to findings: what a person who holds the manual signs is what a check then says, and a
//! sheet that is not wholly clear is refused at its row and column. `OPENRTD_BLESS=1` writes the golden files anew.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use grid::{Cell, Grid, Limits};
use rulebook::Tag;
use rulebook::profile::Profile;

const DOCUMENT: &str = "The manual, version 21";

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/confirm").join(name)
}

fn golden(name: &str, found: &str) {
    let file = data(name);
    if std::env::var_os("OPENRTD_BLESS").is_some() {
        fs::write(&file, found).unwrap();
    }
    let held = fs::read_to_string(&file).unwrap_or_default();
    assert!(held == found, "{name} is not what is told now; OPENRTD_BLESS=1 writes it anew:\n{found}");
}

/// A folder in which the program runs, so that files have short names.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        for name in ["profile.toml", "site.toml"] {
            fs::copy(data(name), desk.path(name)).unwrap();
        }
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_openrtd"))
            .args(arguments)
            .current_dir(self.0.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn said(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        let said = String::from_utf8(output.stdout).unwrap();
        if code == 2 { errors } else { said }
    }

    fn worksheet(&self, name: &str) -> Grid {
        self.said(
            0,
            &["rules", "worksheet", name, "--profile", "profile.toml", "--as-of", "2026-11-25", "--force"],
        );
        self.sheet(name)
    }

    fn sheet(&self, name: &str) -> Grid {
        let book = grid::read(&self.path(name), &Limits::default()).unwrap();
        book.grids
            .into_iter()
            .find(|grid| grid.rows.iter().any(|row| row.iter().any(|cell| cell.text() == "id")))
            .unwrap()
    }

    fn confirm(&self, code: i32, sheet: &str, more: &[&str]) -> String {
        let common = [
            "rules",
            "confirm",
            sheet,
            "--profile",
            "profile.toml",
            "--document",
            DOCUMENT,
            "--on",
            "2026-11-25",
        ];
        self.said(code, &[&common, more].concat())
    }
}

/// Row of an entry.
fn row(sheet: &Grid, id: &str) -> usize {
    sheet.rows.iter().position(|row| row.first().is_some_and(|cell| cell.text() == id)).unwrap()
}

fn column(sheet: &Grid, title: &str) -> usize {
    let header = &sheet.rows[row(sheet, "id")];
    header.iter().position(|cell| cell.text() == title).unwrap()
}

fn put(sheet: &mut Grid, id: &str, title: &str, cell: impl Into<Cell>) {
    let (row, column) = (row(sheet, id), column(sheet, title));
    let cells = &mut sheet.rows[row];
    cells.resize(cells.len().max(column + 1), Cell::Empty);
    cells[column] = cell.into();
}

fn sign(sheet: &mut Grid, id: &str, clause: &str, page: &str) {
    put(sheet, id, "clause", clause);
    put(sheet, id, "page", page);
    put(sheet, id, "name", "Ada Example");
}

/// Ten entries of all seven tables, three of them corrected.
fn fill(sheet: &mut Grid) {
    for (id, clause, page) in [
        ("dnp3.analog-input.static", "6.10", "41"),
        ("quality.age-max", "5.2", "17"),
        ("tls.floor", "4.1.3", "12"),
        ("scope.storage", "2.2", "8"),
        ("point.soc", "Appendix B", "71-72"),
        ("met.temperature", "7.4", "55"),
        ("paper.site-information", "9", "80"),
        ("step.point-to-point", "9.3", "83"),
        ("age.limit", "5.2", "17"),
        ("units.full-scale", "6.11", "43"),
    ] {
        sign(sheet, id, clause, page);
    }
    put(sheet, "quality.age-max", "value", 10_000.0);
    put(sheet, "tls.floor", "value", "1.2");
    put(sheet, "units.full-scale", "value", 32_767.0);
    put(sheet, "scope.storage", "value", 10.0);
    put(sheet, "point.soc", "note", "Called \"SOC\" there;\nsee also 7.1");
    // A note alone confirms nothing.
    put(sheet, "scope.networks", "note", "not found");
}

#[test]
fn ten_entries_become_an_overlay_and_the_findings_follow() {
    let desk = Desk::new();
    let check = ["check", "site.toml", "--as-of", "2026-11-25", "--profile", "profile.toml"];
    golden("before.txt", &desk.said(0, &check));

    let mut sheet = desk.worksheet("sheet.xlsx");
    fill(&mut sheet);
    grid::write_xlsx(&desk.path("sheet.xlsx"), &[Grid::new("Notes"), sheet]).unwrap();
    let said = desk.confirm(0, "sheet.xlsx", &[]);
    assert!(
        said.starts_with("sheet.toml: 10 entries of confirm-test confirmed, 3 of them corrected; 1 rows"),
        "{said}"
    );
    let overlay = fs::read_to_string(desk.path("sheet.toml")).unwrap();
    golden("overlay.toml", &overlay);

    let with = |more: &[&str]| desk.said(1, &[&check[..], &["--overlay", "sheet.toml"], more].concat());
    golden("after.txt", &with(&[]));
    golden("after.json", &with(&["--format", "json"]));
    let sarif = with(&["--format", "sarif"]);
    golden("after.sarif", &sarif.replace(&format!("\"{}\"", env!("CARGO_PKG_VERSION")), "\"VERSION\""));
    golden("after.html", &with(&["--format", "html"]));
    let rules = desk.said(0, &["rules", "--all", "--profile", "profile.toml", "--overlay", "sheet.toml"]);
    golden("rules.txt", &rules);
    let explained =
        desk.said(0, &["explain", "quality.age-max", "--profile", "profile.toml", "--overlay", "sheet.toml"]);
    golden("explain.txt", &explained);
}

#[test]
fn csv_and_xlsx_sorted_and_with_columns_moved_give_the_same_overlay() {
    let desk = Desk::new();
    let mut csv = desk.worksheet("one.csv");
    fill(&mut csv);
    grid::write_csv(&desk.path("one.csv"), &csv).unwrap();
    desk.confirm(0, "one.csv", &[]);
    // As spreadsheets of other countries write it.
    let semicolons: String = fs::read_to_string(desk.path("one.csv")).unwrap();
    let mut reader = grid::from_octets("x.csv".as_ref(), semicolons.as_bytes(), &Limits::default()).unwrap();
    let text: Vec<_> = reader
        .grids
        .remove(0)
        .rows
        .iter()
        .map(|row| {
            let cells: Vec<_> =
                row.iter().map(|cell| format!("\"{}\"", cell.text().replace('"', "\"\""))).collect();
            cells.join(";") + "\r\n"
        })
        .collect();
    fs::write(desk.path("semicolons.csv"), format!("\u{feff}{}", text.concat())).unwrap();
    desk.confirm(0, "semicolons.csv", &[]);

    let mut xlsx = desk.worksheet("two.xlsx");
    fill(&mut xlsx);
    let header = row(&xlsx, "id");
    xlsx.rows[header + 1..].reverse();
    for row in &mut xlsx.rows[header..] {
        row.resize(14, Cell::Empty);
        row.reverse();
        // Columns that nobody needs may go, and others may come.
        row[8] = Cell::Empty;
        row.insert(2, "my own".into());
    }
    xlsx.rows[header]
        .iter_mut()
        .filter(|cell| cell.text() == "clause")
        .for_each(|cell| *cell = " Clause: ".into());
    grid::write_xlsx(&desk.path("two.xlsx"), &[xlsx]).unwrap();
    desk.confirm(0, "two.xlsx", &[]);
    let read = |name: &str, from: &str| fs::read_to_string(desk.path(name)).unwrap().replace(from, "SHEET");
    assert_eq!(read("one.toml", "one.csv"), read("two.toml", "two.xlsx"));
    assert_eq!(read("one.toml", "one.csv"), read("semicolons.toml", "semicolons.csv"));
    assert_eq!(
        read("one.toml", "one.csv"),
        fs::read_to_string(data("overlay.toml")).unwrap().replace("sheet.xlsx", "SHEET")
    );
}

/// Made by `fill_in_office.py` in LibreOffice: rows sorted, a column moved, one hidden, one added.
#[test]
fn sheets_filled_in_an_office_program_give_the_same_overlay() {
    let desk = Desk::new();
    let same = fs::read_to_string(data("overlay.toml")).unwrap();
    for name in ["office.xlsx", "office.csv"] {
        fs::copy(data(name), desk.path(name)).unwrap();
        let said = desk.confirm(0, name, &["--force"]);
        assert!(said.contains("; 1 rows with nothing but a note confirm nothing"), "{said}");
        let overlay = fs::read_to_string(desk.path("office.toml")).unwrap();
        assert_eq!(overlay.replace(name, "sheet.xlsx"), same, "{name}");
    }
}

#[test]
fn what_is_confirmed_is_asked_no_more_and_can_be_added_to() {
    let desk = Desk::new();
    let mut sheet = desk.worksheet("one.csv");
    assert_eq!(sheet.rows.len() - row(&sheet, "id") - 1, 13);
    fill(&mut sheet);
    grid::write_csv(&desk.path("one.csv"), &sheet).unwrap();
    desk.confirm(0, "one.csv", &[]);
    let left = ["rules", "worksheet", "two.xlsx", "--profile", "profile.toml", "--overlay", "one.toml"];
    desk.said(0, &left);
    let mut left = desk.sheet("two.xlsx");
    let ids: Vec<_> =
        left.rows[row(&left, "id") + 1..].iter().map(|row| row[0].text().into_owned()).collect();
    assert_eq!(ids, ["scope.networks", "point.remote", "tls.version"]);

    sign(&mut left, "scope.networks", "1.1", "3");
    put(&mut left, "scope.networks", "value", "private, leased line, radio");
    grid::write_xlsx(&desk.path("two.xlsx"), &[left]).unwrap();
    let said = desk.confirm(0, "two.xlsx", &["--overlay", "one.toml", "--out", "both.toml"]);
    assert!(
        said.starts_with("both.toml: 1 entries of confirm-test confirmed, 1 of them corrected;"),
        "{said}"
    );
    let both = fs::read_to_string(desk.path("both.toml")).unwrap();
    assert_eq!(both.matches("[[confirm]]").count(), 11);
    assert!(both.contains("value = [\"private\", \"leased line\", \"radio\"]"), "{both}");
    // The same again is refused, and so is another document.
    let told = desk.confirm(2, "two.xlsx", &["--overlay", "both.toml", "--out", "three.toml"]);
    assert!(told.contains("already confirmed by Ada Example on 2026-11-25, page 3"), "{told}");
    let other = [
        "rules",
        "confirm",
        "two.xlsx",
        "--profile",
        "profile.toml",
        "--document",
        "Another",
        "--overlay",
        "one.toml",
    ];
    assert!(desk.said(2, &other).contains("an overlay is of one document"));
}

#[test]
fn nothing_is_overwritten_and_nothing_half_written() {
    let desk = Desk::new();
    let mut sheet = desk.worksheet("sheet.csv");
    let again = desk.said(2, &["rules", "worksheet", "sheet.csv", "--profile", "profile.toml"]);
    assert!(again.contains("sheet.csv: is there already; --force overwrites it"), "{again}");
    let odd = desk.said(2, &["rules", "worksheet", "sheet.pdf", "--profile", "profile.toml"]);
    assert!(odd.contains("sheet.pdf: a worksheet ends in .xlsx or .csv"), "{odd}");
    fill(&mut sheet);
    grid::write_csv(&desk.path("sheet.csv"), &sheet).unwrap();
    fs::write(desk.path("sheet.toml"), "mine").unwrap();
    assert!(desk.confirm(2, "sheet.csv", &[]).contains("sheet.toml: is there already"));
    assert!(desk.confirm(2, "sheet.csv", &["--out", "sheet.csv", "--force"]).contains("is the sheet itself"));
    assert_eq!(fs::read_to_string(desk.path("sheet.toml")).unwrap(), "mine");
    put(&mut sheet, "point.soc", "page", "");
    grid::write_csv(&desk.path("bad.csv"), &sheet).unwrap();
    desk.confirm(2, "bad.csv", &["--out", "sheet.toml", "--force"]);
    assert_eq!(fs::read_to_string(desk.path("sheet.toml")).unwrap(), "mine", "a wrong sheet wrote something");
    desk.confirm(0, "sheet.csv", &["--force"]);
    assert!(fs::read_to_string(desk.path("sheet.toml")).unwrap().contains("[[confirm]]"));
    let left: Vec<_> = fs::read_dir(desk.0.path()).unwrap().map(|one| one.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains(".new")), "{left:?}");
}

/// What is done to a filled sheet to make it wrong.
type Spoil = fn(&mut Grid);

const WRONG: &[(&str, Spoil)] = &[
    ("an id that is not known", |sheet| put(sheet, "point.soc", "id", "point.sock")),
    ("an id twice", |sheet| put(sheet, "age.limit", "id", "quality.age-max")),
    ("a row twice", |sheet| {
        let at = row(sheet, "age.limit");
        let same = sheet.rows[at].clone();
        sheet.rows.push(same);
    }),
    ("an id that is gone", |sheet| put(sheet, "point.soc", "id", Cell::Empty)),
    ("no clause", |sheet| put(sheet, "point.soc", "clause", Cell::Empty)),
    ("no page", |sheet| put(sheet, "point.soc", "page", "  ")),
    ("no name", |sheet| put(sheet, "point.soc", "name", Cell::Empty)),
    ("only a value", |sheet| put(sheet, "scope.networks", "value", "satellite")),
    ("a clause that is none", |sheet| put(sheet, "point.soc", "clause", "Unknown")),
    ("a name that is none", |sheet| put(sheet, "point.soc", "name", "12")),
    ("text for a number", |sheet| put(sheet, "quality.age-max", "value", "ten seconds")),
    ("a number with its unit", |sheet| put(sheet, "quality.age-max", "value", "10000 ms")),
    ("a decimal comma", |sheet| put(sheet, "scope.storage", "value", "0,5")),
    ("infinity", |sheet| put(sheet, "scope.storage", "value", "inf")),
    ("a list with a hole", |sheet| {
        sign(sheet, "scope.networks", "1", "2");
        put(sheet, "scope.networks", "value", "private,, radio");
    }),
    ("a number that the setting refuses", |sheet| put(sheet, "dnp3.analog-input.static", "value", 12.0)),
    ("a fraction that the setting refuses", |sheet| put(sheet, "quality.age-max", "value", 0.5)),
    ("a word that the setting refuses", |sheet| put(sheet, "tls.floor", "value", "1.4")),
    ("a value where there is none", |sheet| put(sheet, "point.soc", "value", "MWh")),
    ("a title that was changed", |sheet| put(sheet, "point.soc", "what we believe", "State of charge in %")),
    ("ids sorted without their rows", |sheet| {
        let (a, b) = (row(sheet, "point.soc"), row(sheet, "point.remote"));
        let first = sheet.rows[a][0].clone();
        sheet.rows[a][0] = sheet.rows[b][0].clone();
        sheet.rows[b][0] = first;
    }),
    ("our value changed in its own column", |sheet| put(sheet, "quality.age-max", "our value", 10_000.0)),
    ("a tag lifted by hand", |sheet| put(sheet, "point.soc", "tag", "verified")),
    ("a formula that failed", |sheet| put(sheet, "point.soc", "page", Cell::Error("#REF!".to_owned()))),
    ("a failed formula in our own column", |sheet| put(sheet, "point.soc", "what we believe", "#NAME?")),
    ("a text that never ends", |sheet| put(sheet, "point.soc", "note", "long ".repeat(200))),
    ("another profile's", |sheet| {
        let at = row(sheet, "profile");
        sheet.rows[at][1] = "caiso-direct-telemetry".into();
    }),
    ("no profile named", |sheet| {
        let at = row(sheet, "profile");
        sheet.rows.remove(at);
    }),
    ("no header", |sheet| {
        let at = row(sheet, "id");
        sheet.rows.remove(at);
    }),
    ("a column of the header gone", |sheet| {
        let (at, column) = (row(sheet, "id"), column(sheet, "page"));
        sheet.rows[at][column] = "leaf".into();
    }),
    ("a column of the header twice", |sheet| {
        let (at, column) = (row(sheet, "id"), column(sheet, "value"));
        sheet.rows[at][column] = "clause".into();
    }),
    ("nothing filled", |sheet| {
        let (at, clause) = (row(sheet, "id"), column(sheet, "clause"));
        sheet.rows[at + 1..].iter_mut().for_each(|row| row.truncate(clause));
    }),
];

/// What only a workbook can hold.
const WRONG_IN_A_WORKBOOK: &[(&str, Spoil)] = &[
    ("a page that became a date", |sheet| {
        put(sheet, "point.soc", "page", Cell::Date("2026-06-07".to_owned()));
    }),
    ("a clause that became a number", |sheet| put(sheet, "point.soc", "clause", 6.1)),
    ("a value that became a date", |sheet| {
        put(sheet, "quality.age-max", "value", Cell::Date("2026-01-10".to_owned()));
    }),
];

#[test]
fn wrong_worksheets_are_refused_by_row_and_column() {
    let desk = Desk::new();
    let mut told = String::new();
    let mut filled = desk.worksheet("blank.csv");
    fill(&mut filled);
    for (what, spoil) in WRONG {
        let mut sheet = filled.clone();
        spoil(&mut sheet);
        grid::write_csv(&desk.path("wrong.csv"), &sheet).unwrap();
        let _ = write!(told, "{what}\n{}\n", desk.confirm(2, "wrong.csv", &[]));
    }
    let mut filled = desk.worksheet("blank.xlsx");
    fill(&mut filled);
    for (what, spoil) in WRONG_IN_A_WORKBOOK {
        let mut sheet = filled.clone();
        spoil(&mut sheet);
        grid::write_xlsx(&desk.path("wrong.xlsx"), &[sheet]).unwrap();
        let _ = write!(told, "{what}\n{}\n", desk.confirm(2, "wrong.xlsx", &[]));
    }
    let mut second = filled.clone();
    second.sheet = "Copy".to_owned();
    grid::write_xlsx(&desk.path("wrong.xlsx"), &[filled, second]).unwrap();
    let _ = write!(told, "two worksheets in one file\n{}\n", desk.confirm(2, "wrong.xlsx", &[]));
    fs::write(desk.path("wrong.csv"), "").unwrap();
    let _ = write!(told, "an empty file\n{}\n", desk.confirm(2, "wrong.csv", &[]));
    let _ = write!(told, "no file\n{}\n", desk.confirm(2, "gone.csv", &[]));
    let unshipped = ["rules", "confirm", "blank.csv", "--document", DOCUMENT];
    let _ = write!(told, "a profile that is not shipped\n{}\n", desk.said(2, &unshipped));
    let _ = write!(
        told,
        "no document\n{}\n",
        desk.said(2, &["rules", "confirm", "blank.csv", "--document", " "])
    );
    golden("wrong.txt", &told);
    assert!(!desk.path("wrong.toml").exists() && !desk.path("blank.toml").exists());
}

#[test]
fn what_its_source_states_is_asked_about_only_where_all_is_asked() {
    let desk = Desk::new();
    let rows = |arguments: &[&str]| {
        desk.said(0, arguments);
        fs::read_to_string(desk.path("sheet.csv")).unwrap()
    };
    let doubted = rows(&["rules", "worksheet", "sheet.csv"]);
    let all = rows(&["rules", "worksheet", "sheet.csv", "--all", "--force"]);
    assert!(!doubted.contains("scope.generating-unit,") && all.contains("scope.generating-unit,"));
    assert!(all.lines().count() > doubted.lines().count() + 50);
}

#[test]
fn ten_entries_of_the_shipped_profile_are_confirmed_and_no_others() {
    let desk = Desk::new();
    desk.said(0, &["rules", "worksheet", "sheet.xlsx"]);
    let mut sheet = desk.sheet("sheet.xlsx");
    let first = row(&sheet, "id") + 1;
    let (clause, page, name) = (column(&sheet, "clause"), column(&sheet, "page"), column(&sheet, "name"));
    let rows = sheet.rows.len() - first;
    let before = Profile::load(rulebook::profile::DEFAULT).unwrap();
    let unsure = before.entries().filter(|one| one.tag != Tag::Confirmed);
    assert!(rows <= unsure.count() && rows > 200, "{rows} rows");
    let mut ids = Vec::new();
    for ten in 0..10 {
        let cells = &mut sheet.rows[first + ten * rows / 10];
        ids.push(cells[0].text().into_owned());
        cells.resize(cells.len().max(14), Cell::Empty);
        (cells[clause], cells[page], cells[name]) = ("1.10".into(), 7_u16.into(), "Ada Example".into());
    }
    grid::write_xlsx(&desk.path("sheet.xlsx"), &[sheet]).unwrap();
    desk.said(0, &["rules", "confirm", "sheet.xlsx", "--document", DOCUMENT, "--on", "2026-11-25"]);
    let after = before.clone().with_overlay(&config::Source::read(desk.path("sheet.toml")).unwrap()).unwrap();
    for (old, new) in before.entries().zip(after.entries()) {
        let confirmed = ids.contains(&new.id);
        assert_eq!(new.confirmed.is_some(), confirmed, "{}", new.id);
        assert_eq!(new.certainty(), if confirmed { Tag::Confirmed } else { old.tag }, "{}", new.id);
        assert_eq!(new.value, old.value);
    }
    let rules = desk.said(0, &["rules", "--all", "--overlay", "sheet.toml", "--as-of", "2026-11-25"]);
    assert_eq!(rules.matches("confirmed by Ada Example on 2026-11-25, page 7 (was ").count(), 10);
}
