//! What is written is read again; what is not whole, not small or not text is refused at its place.

use std::path::Path;

use proptest::prelude::*;

use super::*;

fn csv(octets: &[u8]) -> Result<Workbook, Problem> {
    from_octets(Path::new("ai.csv"), octets, &Limits::default())
}

fn xlsx(octets: &[u8]) -> Result<Workbook, Problem> {
    from_octets(Path::new("p.xlsx"), octets, &Limits::default())
}

fn sheet(rows: &[&[Cell]]) -> Grid {
    Grid { sheet: "AI".to_owned(), rows: rows.iter().map(|row| row.to_vec()).collect(), merges: Vec::new() }
}

fn refused(result: Result<Workbook, Problem>) -> String {
    result.map(|book| format!("{book:?}")).unwrap_err().to_string()
}

#[test]
fn columns_are_named_as_the_spreadsheet_names_them() {
    let names =
        [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")];
    for (column, name) in names {
        assert_eq!(column_name(column), name);
    }
}

#[test]
fn numbers_and_text_are_told_from_each_other() {
    assert_eq!(Cell::Number(30_000.0).text(), "30000");
    assert_eq!(Cell::Number(0.1).text(), "0.1");
    assert_eq!(Cell::from(" 300.5 ").number(), Some(300.5));
    assert_eq!(Cell::from("-1e3").number(), Some(-1000.0));
    for text in ["300,5", "1 000", "inf", "NaN", "1e999", "0x10", "", "12 MW"] {
        assert_eq!(Cell::from(text).number(), None, "{text}");
    }
    assert!(Cell::from("  ").is_blank() && !Cell::Number(0.0).is_blank());
}

#[test]
fn the_delimiter_is_found() {
    for delimiter in [',', ';', '\t'] {
        let text = "Points, all of them\n\nName|Max|Index\nPOI, net|\"1|5\"|1\nA|2|3\n"
            .replace('|', &delimiter.to_string());
        let text = if delimiter == ',' { text.replace("POI, net", "\"POI, net\"") } else { text };
        let book = csv(text.as_bytes()).unwrap();
        let grid = &book.grids[0];
        assert_eq!((grid.cell(3, 0).text().as_ref(), grid.cell(3, 2).number()), ("POI, net", Some(1.0)));
        assert_eq!(grid.cell(3, 1).text(), format!("1{delimiter}5"));
        assert_eq!(grid.sheet, "ai");
    }
    assert_eq!(csv(b"one column\nonly\n").unwrap().grids[0].rows.len(), 2);
}

#[test]
fn rows_are_counted_as_the_spreadsheet_counts_them() {
    let book = csv(b"\xef\xbb\xbfa,b\r\n\r\n\r\n\"two\nlines\",c\r\n\r\nlast").unwrap();
    let grid = &book.grids[0];
    assert_eq!(grid.cell(0, 0).text(), "a", "the mark is no part of the text");
    assert_eq!(grid.cell(3, 0).text(), "two\nlines");
    assert_eq!(grid.cell(5, 0).text(), "last");
    assert!(grid.is_blank(1) && grid.is_blank(4) && grid.is_blank(99));
}

#[test]
fn a_workbook_comes_back_as_it_was_written() {
    let title: Cell = "Data base of the device".into();
    let mut grid = sheet(&[
        &[title.clone(), Cell::Empty, Cell::Empty],
        &[],
        &["Name".into(), 30_000.0.into(), 0.1.into()],
        &[
            Cell::Bool(true),
            Cell::Date("2026-11-25".to_owned()),
            Cell::Date("2024-02-29T12:30:05".to_owned()),
        ],
        &[" blanks ".into(), "007".into(), (-1e-7).into()],
    ]);
    grid.merges = vec![Merge { first: (0, 0), last: (1, 2) }];
    let other = Grid { sheet: "Digital Inputs".to_owned(), ..Grid::default() };
    let book = xlsx(&xlsx_octets(&[grid.clone(), other]).unwrap()).unwrap();
    assert_eq!(book.grids.len(), 2);
    let back = &book.grids[0];
    assert_eq!((&back.merges, back.shown(1, 2), back.cell(1, 2)), (&grid.merges, &title, &Cell::Empty));
    for (row, cells) in grid.rows.iter().enumerate() {
        for (column, cell) in cells.iter().enumerate() {
            assert_eq!(back.cell(row, column), cell, "row {row}, column {column}");
        }
    }
    assert_eq!(book.place(back).at(4, 2).to_string(), "p.xlsx, sheet AI, row 5, column C");
}

#[test]
fn what_is_no_workbook_is_refused() {
    let good = xlsx_octets(&[sheet(&[&["a".into()]])]).unwrap();
    let told = |octets: &[u8]| refused(xlsx(octets));
    assert_eq!(told(b""), "p.xlsx: is empty");
    assert_eq!(told(b"a,b\n"), "p.xlsx: is not an .xlsx: it does not begin as a ZIP archive does");
    assert!(
        told(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
            .starts_with("p.xlsx: is an old .xls, or a workbook behind a password")
    );
    let truncated = told(good.get(..good.len() / 2).unwrap());
    assert!(truncated.starts_with("p.xlsx: is a damaged or truncated .xlsx: "), "{truncated}");
    let mut damaged = good.clone();
    damaged[60] ^= 0xff;
    assert!(told(&damaged).starts_with("p.xlsx: is a damaged or truncated .xlsx: "), "{}", told(&damaged));
    let mut empty = b"PK\x05\x06".to_vec();
    empty.extend([0; 18]);
    assert_eq!(told(&empty), "p.xlsx: is a ZIP archive but not an .xlsx: it has no part xl/workbook.xml");
    let mut ods = b"PK\x03\x04".to_vec();
    ods.resize(30, 0);
    ods.extend(b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet");
    ods.resize(200, 0);
    assert_eq!(told(&ods), "p.xlsx: is an .ods, which is not read: save it as .xlsx or csv");
    let unreadable = read(Path::new("no/such/file.xlsx"), &Limits::default()).unwrap_err().to_string();
    assert!(unreadable.starts_with("no/such/file.xlsx: cannot be read: "), "{unreadable}");
}

#[test]
fn text_that_is_none_is_refused_at_its_place() {
    assert_eq!(
        refused(csv(b"a,b\nc,\xe9\n")),
        "ai.csv, row 2, column B: is not UTF-8 text: save the file as csv in UTF-8"
    );
    assert_eq!(refused(csv(b"\xff\xfea\0")), "ai.csv: is UTF-16 text: save it as csv in UTF-8");
    assert_eq!(refused(csv(b"a\0b")), "ai.csv: is neither an .xlsx nor text: it holds an octet 0");
    assert_eq!(
        refused(csv(b"a,b\n\"c,d\ne,f\n")),
        "ai.csv, row 2: a quotation mark (\") is opened and never closed"
    );
}

#[test]
fn quotation_marks_within_a_cell_are_letters() {
    let book = csv(b"pipe of 5\",b\n\"a \"\"b\"\" c\",\"\"\n").unwrap();
    assert_eq!(book.grids[0].cell(0, 0).text(), "pipe of 5\"");
    assert_eq!(book.grids[0].cell(1, 0).text(), "a \"b\" c");
    assert!(csv(b"a,\"b\"\"\n").is_err() && csv(b"\"").is_err() && csv(b"a,b\"\n").is_ok());
}

#[test]
fn what_is_beyond_the_limits_is_refused() {
    let limits =
        Limits { octets: 100_000, unpacked: 1_000_000, sheets: 1, rows: 3, columns: 2, cells: 4, merges: 0 };
    let told = |name: &str, octets: &[u8]| refused(from_octets(Path::new(name), octets, &limits));
    let book = |grids: &[Grid]| xlsx_octets(grids).unwrap();
    let a: Cell = "a".into();
    assert_eq!(
        told("a.csv", &[b'a'; 100_001]),
        "a.csv: larger than 100000 octets, which is the most that is read"
    );
    assert_eq!(told("a.csv", b"a\n\n\nb\n"), "a.csv, row 4: at most 3 rows are read");
    assert_eq!(told("a.csv", b"a\nb,c,d\n"), "a.csv, row 2: 3 columns, at most 2 are read");
    assert_eq!(told("a.csv", b"a,b\nb,c\nc\n"), "a.csv, row 3: at most 4 cells are read");
    let rows = book(&[sheet(&[&[], &[], &[], std::slice::from_ref(&a)])]);
    assert_eq!(told("a.xlsx", &rows), "a.xlsx, sheet AI, row 4: at most 3 rows are read");
    let columns = book(&[sheet(&[&[Cell::Empty, Cell::Empty, a.clone()]])]);
    assert_eq!(told("a.xlsx", &columns), "a.xlsx, sheet AI, row 1, column C: at most 2 columns are read");
    let row = [a.clone(), a.clone()];
    let cells = book(&[sheet(&[&row, &row, &row])]);
    assert_eq!(told("a.xlsx", &cells), "a.xlsx, sheet AI, row 3, column A: at most 4 cells are read");
    let sheets = book(&[Grid::new("one"), Grid::new("two")]);
    assert_eq!(told("a.xlsx", &sheets), "a.xlsx: 2 sheets, at most 1 are read");
    let mut merged = sheet(&[]);
    merged.merges = vec![Merge { first: (0, 0), last: (0, 1) }];
    assert_eq!(told("a.xlsx", &book(&[merged])), "a.xlsx, sheet AI: 1 merged cells, at most 0 are read");
    let packed = book(&[sheet(&[&["x".repeat(30_000).as_str().into()]])]);
    let small = Limits { unpacked: 20_000, ..Limits::default() };
    assert_eq!(
        refused(from_octets(Path::new("a.xlsx"), &packed, &small)),
        "a.xlsx: larger than 20000 octets when unpacked, the most that is read"
    );
}

#[test]
fn what_a_workbook_cannot_hold_is_told() {
    let told = |grid: Grid| xlsx_octets(&[grid]).unwrap_err();
    assert!(told(Grid::new("a/b")).starts_with("sheet a/b: "));
    assert_eq!(
        told(sheet(&[&[f64::NAN.into()]])),
        "sheet AI: row 1, column A: NaN is no number that a cell holds"
    );
}

#[test]
fn a_file_is_replaced_in_one_step_and_stays_what_it_was_where_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ai.csv");
    let grid = sheet(&[&["a".into(), 1.5.into()]]);
    write_csv(&file, &grid).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a,1.5\n");
    write_xlsx(&folder.path().join("p.xlsx"), std::slice::from_ref(&grid)).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");
    let error = write_csv(&folder.path().join("none/ai.csv"), &grid).unwrap_err().to_string();
    assert!(error.contains("cannot be written"), "{error}");
}

/// A workbook with one of its parts changed, packed again.
fn repacked(octets: &[u8], change: &mut dyn FnMut(&str, &mut Vec<u8>)) -> Vec<u8> {
    use std::io::{Cursor, Read as _, Write as _};
    let mut archive = zip::ZipArchive::new(Cursor::new(octets)).unwrap();
    let mut new = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for part in 0..archive.len() {
        let mut part = archive.by_index(part).unwrap();
        let (name, mut text) = (part.name().unwrap().into_owned(), Vec::new());
        part.read_to_end(&mut text).unwrap();
        change(&name, &mut text);
        new.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        new.write_all(&text).unwrap();
    }
    new.finish().unwrap().into_inner()
}

fn with_sheet(change: impl Fn(String) -> String) -> Vec<u8> {
    let good = xlsx_octets(&[sheet(&[&["a".into(), 1.0.into()], &["b".into(), 2.0.into()]])]).unwrap();
    repacked(&good, &mut |name, text| {
        if name == "xl/worksheets/sheet1.xml" {
            *text = change(String::from_utf8(text.clone()).unwrap()).into_bytes();
        }
    })
}

#[test]
fn what_somebody_else_wrote_meanwhile_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.toml");
    std::fs::write(&file, "old").unwrap();
    replace_atomically(&file, b"old", b"mine").unwrap();
    for was in ["old", "min", "mine and more"] {
        let told = replace_atomically(&file, was.as_bytes(), b"lost").unwrap_err().to_string();
        assert!(told.starts_with("somebody changed it meanwhile"), "{told}");
    }
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}

#[test]
fn of_many_that_change_a_file_at_once_none_is_lost_unsaid() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("site.toml");
    std::fs::write(&file, "").unwrap();
    let start = std::sync::Barrier::new(8);
    let written: usize = std::thread::scope(|scope| {
        let one = |letter: u8| {
            let (file, start) = (&file, &start);
            move || {
                start.wait();
                let old = std::fs::read(file).unwrap();
                replace_atomically(file, &old, &[old.as_slice(), &[letter]].concat()).is_ok()
            }
        };
        let all: Vec<_> = (0..8).map(|letter| scope.spawn(one(b'a' + letter))).collect();
        all.into_iter().map(|one| usize::from(one.join().unwrap())).sum()
    });
    assert_eq!(std::fs::read(&file).unwrap().len(), written);
    assert!(written > 0);
}

#[test]
fn what_is_no_regular_file_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for file in [socket.as_path(), folder.path()] {
        let told = write_atomically(file, b"x").unwrap_err().to_string();
        assert_eq!(told, "it is no regular file");
    }
    assert!(!std::fs::symlink_metadata(&socket).unwrap().is_file());
}

#[test]
fn a_formula_without_a_value_is_no_empty_cell() {
    let cell = |with: &str| {
        let with = format!("<c r=\"B2\">{with}</c>");
        xlsx(&with_sheet(|text| text.replace("<c r=\"B2\"><v>2</v></c>", &with))).unwrap().grids[0]
            .cell(1, 1)
            .clone()
    };
    let unvalued = Cell::Error(UNVALUED.to_owned());
    assert_eq!(cell("<f>1+1</f>"), unvalued);
    assert_eq!(cell("<f t=\"shared\" si=\"18446744073709551614\" ref=\"B2\">1+1</f>"), unvalued);
    assert_eq!(cell("<f t=\"shared\" si=\"0\"/><v/>"), unvalued);
    assert_eq!(cell("<f>1+1</f><v>2</v>"), Cell::Number(2.0));
    assert_eq!(cell("<v/>"), Cell::Empty);
    let text = with_sheet(|text| {
        text.replace("<c r=\"B2\"><v>2</v></c>", "<c r=\"B2\" t=\"str\"><f>\"\"</f><v></v></c>")
    });
    assert_eq!(xlsx(&text).unwrap().grids[0].cell(1, 1), &Cell::Empty);
}

#[test]
fn texts_that_a_file_only_says_it_holds_are_not_made_room_for() {
    let good = xlsx_octets(&[sheet(&[&["a".into(), 1.0.into()]])]).unwrap();
    let saying = |count: &str| {
        repacked(&good, &mut |name, text| {
            if name == "xl/sharedStrings.xml" {
                let told = String::from_utf8(text.clone()).unwrap();
                assert!(told.contains("uniqueCount=\"1\""), "{told}");
                *text = told.replace("uniqueCount=\"1\"", count).into_bytes();
            }
        })
    };
    for count in ["18446744073709551615", "99999999999999999999999", "50000000000", "1000001"] {
        let told = refused(xlsx(&saying(&format!("uniqueCount = '{count}'"))));
        assert!(
            told.starts_with("p.xlsx: says that it holds ") && told.ends_with("1000000 cells are read"),
            "{told}"
        );
    }
    assert!(xlsx(&saying("uniqueCount=\"1000\"")).is_ok());
    assert!(xlsx(&saying("uniqueCount=\"\"")).is_ok());
}

#[test]
fn cells_that_lie_nowhere_or_are_errors_are_told() {
    let error = with_sheet(|text| text.replace("<c r=\"B2\"><v>2</v>", "<c r=\"B2\" t=\"e\"><v>#REF!</v>"));
    assert_eq!(xlsx(&error).unwrap().grids[0].cell(1, 1), &Cell::Error("#REF!".to_owned()));
    let far = with_sheet(|text| text.replace("r=\"B2\"", "r=\"XFD2\""));
    assert_eq!(refused(xlsx(&far)), "p.xlsx, sheet AI, row 2, column XFD: at most 256 columns are read");
    let nowhere = with_sheet(|text| text.replace("r=\"B2\"", "r=\"ZZZZZZZZZ2\""));
    assert!(refused(xlsx(&nowhere)).starts_with("p.xlsx"));
    let missing = with_sheet(|text| text.replace("<v>0</v>", "<v>99</v>"));
    let _ = xlsx(&missing);
    let cut = with_sheet(|text| text[..text.len() * 3 / 4].to_owned());
    assert!(refused(xlsx(&cut)).starts_with("p.xlsx"));
}

fn cell() -> impl Strategy<Value = Cell> {
    prop_oneof![
        Just(Cell::Empty),
        "[ -~äöü°²\n]{1,12}".prop_map(Cell::Text),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Cell::Number),
        (-100_000_i32..100_000).prop_map(|number| Cell::Number(f64::from(number) / 10.0)),
        any::<bool>().prop_map(Cell::Bool),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_sheet_comes_back(rows in prop::collection::vec(prop::collection::vec(cell(), 0..6), 0..6)) {
        let grid = Grid { sheet: "S".to_owned(), rows, merges: Vec::new() };
        let book = xlsx(&xlsx_octets(std::slice::from_ref(&grid)).unwrap()).unwrap();
        let text = csv_text(&grid);
        let of_text = (!text.trim().is_empty()).then(|| csv(text.as_bytes()).unwrap());
        for (row, cells) in grid.rows.iter().enumerate() {
            for (column, cell) in cells.iter().enumerate() {
                let back = book.grids[0].cell(row, column);
                let zero = matches!((cell, back), (Cell::Number(a), Cell::Number(b)) if a == b);
                prop_assert!(back == cell || zero, "{:?} came back as {:?}", cell, back);
                if let Some(book) = &of_text {
                    prop_assert_eq!(book.grids[0].cell(row, column).text(), cell.text());
                }
            }
        }
    }

    #[test]
    fn no_octets_panic(at in 0_usize..6000, octet: u8, cut in 0_usize..6000) {
        let good = xlsx_octets(&[sheet(&[&["a".into(), 1.0.into()]])]).unwrap();
        let mut octets = good.clone();
        let at = at % octets.len();
        octets[at] = octet;
        let _ = xlsx(&octets);
        octets.truncate(cut);
        let _ = xlsx(&octets);
    }

    #[test]
    fn no_changed_part_panics_or_hangs(part in 0_usize..20, at in 0_usize..3000, octet: u8, cut: bool) {
        let mut grid = sheet(&[&["a".into(), 1.0.into()], &[Cell::Date("2026-11-25".to_owned())]]);
        grid.merges = vec![Merge { first: (3, 0), last: (4, 1) }];
        let good = xlsx_octets(&[grid]).unwrap();
        let mut number = 0;
        let changed = repacked(&good, &mut |_, text| {
            if number == part && !text.is_empty() {
                let at = at % text.len();
                text[at] = octet;
                text.truncate(if cut { at } else { text.len() });
            }
            number += 1;
        });
        let _ = xlsx(&changed);
    }

    #[test]
    fn no_text_panics(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = csv(&octets);
    }
}
