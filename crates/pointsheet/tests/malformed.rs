//! Sheets that are wrong, each with what is told about it. The texts stand in data/malformed.txt; where one of them
//! is to change, run with POINTSHEET_GOLDEN=write and look at what differs.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};

use grid::{Cell, Grid, Limits, Workbook, from_octets};
use pointsheet::{Problems, from_books, read};

const ANALOG: &str = "Point Description,Point Name,Eng. Units,RIG E/U Max Units,RIG to CAISO Max Counts,DNP Index (0 not used)\n";
const DIGITAL: &str = "Point Description,Point Name,DNP Index (0 not used),Point Logic 0/1\n";

/// A csv file's name and octets; several make one reading.
type Files = Vec<(&'static str, Vec<u8>)>;

fn ai(rows: &str) -> Files {
    vec![("ai.csv", format!("{ANALOG}{rows}").into_bytes())]
}

fn di(rows: &str) -> Files {
    vec![("di.csv", format!("{DIGITAL}{rows}").into_bytes())]
}

fn text(name: &'static str, text: &str) -> Files {
    vec![(name, text.as_bytes().to_vec())]
}

/// A workbook with the cells of csv texts, numbers as numbers and marks of errors as such.
fn xlsx(sheets: &[(&str, &str)]) -> Files {
    let cell = |text: &str| match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Cell::Number(number),
        _ => Cell::from(text),
    };
    let grid = |(name, text): &(&str, &str)| Grid {
        sheet: (*name).to_owned(),
        rows: text.lines().map(|line| line.split(',').map(cell).collect()).collect(),
        merges: Vec::new(),
    };
    let grids: Vec<Grid> = sheets.iter().map(grid).collect();
    vec![("points.xlsx", grid::xlsx_octets(&grids).unwrap())]
}

/// As [`xlsx`], with one text made what a formula leaves that failed.
fn failed(sheet: &str, rows: &str, mark: &str) -> Workbook {
    let files = xlsx(&[(sheet, rows)]);
    let mut book = from_octets(Path::new(files[0].0), &files[0].1, &Limits::default()).unwrap();
    for cell in book.grids.iter_mut().flat_map(|grid| &mut grid.rows).flatten() {
        if cell.text() == mark {
            *cell = Cell::Error(mark.to_owned());
        }
    }
    book
}

fn cases() -> Vec<(&'static str, Files)> {
    let good = "Net MW,POI_MW,MW,300,30000,1\n";
    let with = |row: &str| ai(&format!("{good}{row}\n"));
    let two = |first: &str, second: &str| xlsx(&[("AI", &format!("{ANALOG}{first}\n{second}\n"))]);
    let whole = xlsx(&[("AI", ANALOG)]);
    let cut = whole[0].1[..whole[0].1.len() / 2].to_vec();
    let bytes = |text: &str, latin: u8| {
        let mut octets = text.as_bytes().to_vec();
        octets.extend([b'x', latin, b',', b'B', b',', b'M', b'W', b'\n']);
        octets
    };
    vec![
        ("index twice", with("Net Mvar,POI_MVAR,Mvar,150,15000,1")),
        ("index is a fraction", with("Net Mvar,POI_MVAR,Mvar,150,15000,1.5")),
        ("index is negative", with("Net Mvar,POI_MVAR,Mvar,150,15000,-1")),
        ("index above 65535", with("Net Mvar,POI_MVAR,Mvar,150,15000,65536")),
        ("index is text", with("Net Mvar,POI_MVAR,Mvar,150,15000,n/a")),
        ("max units is text", with("Net Mvar,POI_MVAR,Mvar,lots,15000,2")),
        ("max units has a unit", with("Net Mvar,POI_MVAR,Mvar,150 Mvar,15000,2")),
        ("max units with thousands", with("Net Mvar,POI_MVAR,Mvar,\"1,500\",15000,2")),
        ("max units is zero", with("Net Mvar,POI_MVAR,Mvar,0,15000,2")),
        ("max units is negative", with("Net Mvar,POI_MVAR,Mvar,-150,15000,2")),
        ("max units is missing", with("Net Mvar,POI_MVAR,Mvar,,15000,2")),
        ("max units is NaN", with("Net Mvar,POI_MVAR,Mvar,NaN,15000,2")),
        ("max units is infinite", with("Net Mvar,POI_MVAR,Mvar,inf,15000,2")),
        ("max units is beyond every number", with("Net Mvar,POI_MVAR,Mvar,1e999,15000,2")),
        ("max counts is zero", with("Net Mvar,POI_MVAR,Mvar,150,0,2")),
        ("max counts is negative", with("Net Mvar,POI_MVAR,Mvar,150,-15000,2")),
        ("max counts is a fraction", with("Net Mvar,POI_MVAR,Mvar,150,15000.5,2")),
        ("max counts is missing", with("Net Mvar,POI_MVAR,Mvar,150,,2")),
        ("max counts with points for thousands", with("Net Mvar,POI_MVAR,Mvar,150,32.000,2")),
        ("max counts does not fit 32 bits", with("Net Mvar,POI_MVAR,Mvar,150,3000000000,2")),
        ("unit is missing", with("Net Mvar,POI_MVAR,,150,15000,2")),
        ("unit is unknown", with("Ambient,MET_TEMP,Deg F,150,15000,2")),
        ("name is missing", with("Net Mvar,,Mvar,150,15000,2")),
        ("a blank without width in a name", with("Net Mvar,POI_\u{200b}MVAR,Mvar,150,15000,2")),
        ("an order to the terminal in a description", with("Net \u{1b}[2J,POI_MVAR,Mvar,150,15000,2")),
        ("text from right to left in a state", di("Breaker,CB1,1,Open\\\u{202e}Closed\n")),
        ("name twice", with("Net Mvar,POI_MW,Mvar,150,15000,2")),
        ("everything of a row", with("Net Mvar,POI_MW,X,x,-1,y")),
        (
            "decimal commas",
            text(
                "ai.csv",
                "Point Description;Point Name;Eng. Units;Max Units;Max Counts;DNP Index\nNet;N;MW;0,5;1000;1\n",
            ),
        ),
        ("states of one word", di("Breaker,CB1,1,Open/Closed\n")),
        ("states of three words", di("Breaker,CB1,1,Open\\Closed\\Travel\n")),
        ("states with one half", di("Breaker,CB1,1,0\\Open\n")),
        ("states of four words", di("Breaker,CB1,1,Open\\Closed\\Travel\\Fault\n")),
        ("states lack a word", di("Breaker,CB1,1,0\\Open\\1\\\n")),
        ("states say the same", di("Breaker,CB1,1,Open\\Open\n")),
        ("digital index twice", di("Breaker,CB1,1,Open\\Closed\nBreaker 2,CB2,1,Open\\Closed\n")),
        (
            "a column is missing",
            text("ai.csv", "Point Description,Point Name,Eng. Units,Max Units,DNP Index\nNet,N,MW,300,1\n"),
        ),
        (
            "the most of something that is not told",
            text(
                "ai.csv",
                "Description,Name,Eng. Units,RIG E/U Max Units,RIG to CAISO Max,Index\nNet,N,MW,300,30000,1\n",
            ),
        ),
        (
            "the states are missing below a title",
            text("di.csv", "Title\n\nDescription,Name,Index\nBreaker,CB1,1\n"),
        ),
        (
            "two columns are alike",
            text("di.csv", "Description,Name,Index,DNP Index,Point Index,Logic\nBreaker,CB1,1,1,1,\n"),
        ),
        ("no header", text("ai.csv", "Net MW,POI_MW,MW,300,30000,1\n")),
        ("no header in a sheet", xlsx(&[("AI", ANALOG), ("DI", "Breaker,CB1,1,Open\\Closed")])),
        ("which table it is is not told", text("points.csv", &format!("{ANALOG}{good}"))),
        ("two tables of a kind", xlsx(&[("AI", ANALOG), ("Analog Inputs", ANALOG)])),
        ("two files of a kind", [ai(good), text("site-AI.csv", ANALOG)].concat()),
        (
            "number as text with a word",
            two("Net MW,POI_MW,MW,300,30000,1", "Net Mvar,POI_MVAR,Mvar,n/a,15000,2"),
        ),
        (
            "index is a fraction in a workbook",
            two("Net MW,POI_MW,MW,300,30000,1", "Net Mvar,Q,Mvar,1,1,2.25"),
        ),
        ("empty workbook", xlsx(&[("AI", "")])),
        ("workbook without tables", xlsx(&[("Notes", "see the other file"), ("More", "nothing")])),
        ("empty file", text("ai.csv", "")),
        ("blank file", text("ai.csv", ",,\n,,\n")),
        ("not an xlsx", text("points.xlsx", "Point Description,Point Name\n")),
        ("another zip", vec![("points.xlsx", [b"PK\x05\x06".as_slice(), &[0; 18]].concat())]),
        ("truncated xlsx", vec![("points.xlsx", cut)]),
        ("an old xls", vec![("points.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec())]),
        ("row too short", with("Net Mvar,POI_MVAR,Mvar,150,15000")),
        ("row too long", with("Net Mvar, total,POI_MVAR,Mvar,150,15000,2")),
        ("quotation mark not closed", with("\"Net Mvar,POI_MVAR,Mvar,150,15000,2")),
        ("not UTF-8", vec![("ai.csv", bytes(ANALOG, 0xe9))]),
        ("UTF-16", vec![("ai.csv", b"\xff\xfeP\0o\0".to_vec())]),
        ("octets that are no text", vec![("ai.csv", b"a,b\0c\n".to_vec())]),
        ("too many rows", text("ai.csv", &format!("{ANALOG}{}", "\n".repeat(20_001) + "end\n"))),
        ("too many columns", text("ai.csv", &format!("{ANALOG}{}\n", ",".repeat(300)))),
    ]
}

/// What is told.
fn told(files: &Files) -> String {
    let mut problems = Problems::default();
    let mut books = Vec::new();
    for (name, octets) in files {
        match from_octets(Path::new(name), octets, &Limits::default()) {
            Ok(book) => books.push(book),
            Err(problem) => problems.0.push(problem),
        }
    }
    if problems.0.is_empty() {
        problems = from_books(&books).map(|read| format!("{read:?}")).unwrap_err();
    }
    problems.to_string()
}

#[test]
fn malformed_sheets_are_told_by_file_sheet_row_and_column() {
    let mut cases: Vec<(&str, String)> = cases().iter().map(|(name, files)| (*name, told(files))).collect();
    for mark in ["#REF!", "#DIV/0!", "#N/A", "#NAME?"] {
        let rows = format!("{ANALOG}Net MW,POI_MW,MW,300,{mark},1\n");
        let problems = from_books(&[failed("AI", &rows, mark)]).unwrap_err();
        cases.push(("a formula failed", problems.to_string()));
    }
    let rows = format!("{ANALOG}Net MW,POI_MW,MW,300,30000,{}\n", grid::UNVALUED);
    let problems = from_books(&[failed("AI", &rows, grid::UNVALUED)]).unwrap_err();
    cases.push(("an index is a formula without a value", problems.to_string()));
    let rows = format!("{DIGITAL}Breaker,#REF!,1,Open\\Closed\n");
    cases.push((
        "a formula of a name failed",
        from_books(&[failed("DI", &rows, "#REF!")]).unwrap_err().to_string(),
    ));
    assert!(cases.len() >= 30);
    let text: String = cases.iter().map(|(name, told)| format!("# {name}\n{told}\n\n")).collect();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/malformed.txt");
    if std::env::var_os("POINTSHEET_GOLDEN").is_some() {
        std::fs::write(&golden, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap();
    for (is, was) in text.lines().zip(expected.lines()) {
        assert_eq!(is, was);
    }
    assert_eq!(text.len(), expected.len());
}

#[test]
fn files_that_cannot_be_read_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |path: PathBuf| {
        let told = read(&[path]).unwrap_err().to_string();
        told.replace(&format!("{}/", folder.path().display()), "")
    };
    assert!(told(folder.path().join("none.xlsx")).starts_with("none.xlsx: cannot be read: "));
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    assert_eq!(told(folder.path().join("empty")), "empty: holds no .xlsx and no .csv");
}
