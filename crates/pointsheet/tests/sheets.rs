//! Real sheets in and out: what LibreOffice wrote, spellings that vary, and any model there and back.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};

use grid::{Cell, Limits, from_octets};
use pointsheet::{
    Analog, Digital, Field, Kind, Origin, PointSheet, Read, StateForm, States, from_books, grids, read,
    write_csv, write_xlsx,
};
use proptest::prelude::*;
use telemetry::Unit;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn csv(name: &str, text: &str) -> Read {
    from_books(&[from_octets(Path::new(name), text.as_bytes(), &Limits::default()).unwrap()]).unwrap()
}

#[test]
fn a_workbook_of_libreoffice_is_read_as_a_person_reads_it() {
    let Read { sheet, warnings } = read(&[data("points.xlsx")]).unwrap();
    let rows = [13, 1, 5, 0];
    for (kind, number) in Kind::ALL.into_iter().zip(rows) {
        assert!(sheet.has(kind));
        assert_eq!(sheet.analogs(kind).len() + sheet.digitals(kind).len(), number, "{kind}");
    }
    let inputs = sheet.analogs(Kind::AnalogInput);
    let told: Vec<_> = inputs
        .iter()
        .map(|row| (row.point_name.as_str(), row.unit, row.max_units, row.max_counts, row.index))
        .collect();
    assert_eq!(told[0], ("IRG999.HEARTBEAT", Some(Unit::Count), Some(1000.0), Some(1000), Some(1)));
    assert_eq!(
        told[2],
        ("IRG999.POI_MVAR", Some(Unit::Megavar), Some(7.5), Some(15_000), Some(3)),
        "by formula"
    );
    assert_eq!(told[3], ("IRG999.T1_HS_KV", Some(Unit::Kilovolt), Some(230.0), Some(23_000), Some(4)));
    assert_eq!(told[6], ("IRG999.BESS_SOC", Some(Unit::MegawattHour), Some(20.0), Some(20_000), Some(7)));
    assert_eq!(told[11], ("IRG999.MET1_PRES", Some(Unit::Hectopascal), Some(1100.0), Some(11_000), Some(12)));
    assert_eq!(told[12], ("IRG999.SPARE_AI", None, None, None, None));
    assert_eq!(inputs[3].unit_text, "KV");
    let table = sheet.analog_inputs.as_ref().unwrap();
    assert_eq!(table.frame.titles[0], [Cell::from("IRG999 Example Solar and Storage")]);
    assert_eq!(table.frame.merges.len(), 2);
    assert_eq!(table.frame.columns[3].title, "RIG E / U Max Units");
    assert_eq!(table.frame.columns[6].field, Field::Extra);
    assert_eq!(inputs[0].extra, [Cell::from("made in the device")]);
    assert_eq!(table.frame.notes.last().unwrap()[0], Cell::from("Notes"));
    let states: Vec<String> = sheet
        .digitals(Kind::DigitalInput)
        .iter()
        .filter_map(|row| Some(row.states.as_ref()?.to_string()))
        .collect();
    assert_eq!(
        states,
        [r"Open\Closed", r"0\Local\1\Remote", r"0\Disconnected\1\Connected", r"Failed\Normal"]
    );
    let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0]
            .ends_with("points.xlsx, sheet Revision history: has no table of points and is passed over")
    );
}

#[test]
fn what_libreoffice_wrote_goes_out_and_comes_back() {
    let sheet = read(&[data("points.xlsx")]).unwrap().sheet;
    let folder = tempfile::tempdir().unwrap();
    let (book, tables) = (folder.path().join("again.xlsx"), folder.path().join("tables"));
    write_xlsx(&book, &sheet).unwrap();
    assert_eq!(read(&[book]).unwrap().sheet, sheet);
    write_csv(&tables, &sheet).unwrap();
    assert_eq!(std::fs::read_dir(&tables).unwrap().count(), 4);
    // csv knows no merged cells and no numbers in notes; the points are the same.
    let again = read(&[tables]).unwrap().sheet;
    assert_eq!(again.analogs(Kind::AnalogInput), sheet.analogs(Kind::AnalogInput));
    assert_eq!(again.digitals(Kind::DigitalInput), sheet.digitals(Kind::DigitalInput));
    assert_eq!(again.analog_outputs.unwrap().rows, sheet.analog_outputs.unwrap().rows);
}

#[test]
fn headers_vary() {
    let headers = [
        "Point Description,Point Name,Eng. Units,RIG E/U Max Units,RIG to CAISO Max Counts,DNP Index (0 not used)",
        "POINT DESCRIPTION,POINT NAME,ENG UNITS,RIG EU MAX UNITS,RIG TO CAISO MAX COUNTS,DNP INDEX",
        "point_description,point_name,E/U,max. units,max. counts,dnp idx",
        "Description,Tag,EU,Max E/U,Max Counts,Index [0 = not used]",
        "Desc.,Pointname,Unit,Max Eng. Units,Counts max,DNP3 Point Index",
        "Point Description,Point Name,Eng. Units,RIG E/U Max Units,RIG to CAISO Max Cnts,DNP Index",
        "Point Description,Point Name,Eng. Units,Full Scale,RIG to CAISO Max Cnt.,DNP Index",
        "Point  Description,Point - Name,Engineering Unit(s),R.I.G. E.U. Max.,R.I.G. Counts,D.N.P. Index",
    ];
    for header in headers {
        let read = csv("ai.csv", &format!("A title,,,,,\n,,,,,\n{header}\nNet,N,MW,300,30000,7\n"));
        let row = &read.sheet.analogs(Kind::AnalogInput)[0];
        let told = (
            row.description.as_str(),
            row.point_name.as_str(),
            row.unit,
            row.max_units,
            row.max_counts,
            row.index,
        );
        assert_eq!(told, ("Net", "N", Some(Unit::Megawatt), Some(300.0), Some(30_000), Some(7)), "{header}");
    }
}

#[test]
fn the_table_is_told_by_name_or_by_a_title() {
    let header = "Description,Point Name,DNP Index,Point Logic 0/1\n";
    for (name, title, kind) in [
        ("di.csv", "", Kind::DigitalInput),
        ("IRG1_DO.csv", "", Kind::DigitalOutput),
        ("site digital inputs.csv", "", Kind::DigitalInput),
        ("points.csv", "CAISO Digital Outputs", Kind::DigitalOutput),
        ("points.csv", "RIG points - DI", Kind::DigitalInput),
        ("points.csv", "Binary inputs; do not edit", Kind::DigitalInput),
        ("points.csv", "DI POINTS - DO NOT EDIT", Kind::DigitalInput),
    ] {
        let read = csv(name, &format!("{title},,,\n{header}A,B,1,x\\y\n"));
        assert_eq!(read.sheet.digitals(kind).len(), 1, "{name} {title}");
    }
    // Two tables below each other.
    let read = csv(
        "points.csv",
        &format!("Digital Inputs,,,\n{header}A,B,1,x\\y\n,,,\nDigital Outputs,,,\n{header}C,D,1,\nE,F,2,\n"),
    );
    assert_eq!(read.sheet.digitals(Kind::DigitalInput).len(), 1);
    assert_eq!(read.sheet.digitals(Kind::DigitalOutput).len(), 2);
}

#[test]
fn what_a_formula_leaves_is_the_number_that_is_shown() {
    let mut grid = grids(
        &csv("ai.csv", "Description,Name,EU,Max EU,Max Counts,Index,Voltage\nNet,N,MW,7.5,1,7,a\n").sheet,
    )
    .remove(0);
    grid.rows[1][4] = Cell::Number(14_999.999_999_999_998);
    grid.rows[1][3] = Cell::Number(7.500_000_000_000_001);
    let book = grid::xlsx_octets(&[grid]).unwrap();
    let read = from_books(&[from_octets(Path::new("p.xlsx"), &book, &Limits::default()).unwrap()]).unwrap();
    let row = &read.sheet.analogs(Kind::AnalogInput)[0];
    assert_eq!((row.max_counts, row.max_units), (Some(15_000), Some(7.500_000_000_000_001)));
    assert_eq!(row.extra, [Cell::from("a")]);
}

#[test]
fn what_looks_like_a_point_below_the_end_is_told() {
    let header = "Description,Point Name,DNP Index,Point Logic 0/1\n";
    let told = |rows: &str| {
        let read = csv("di.csv", &format!("{header}{rows}"));
        (read.sheet.points(), read.warnings.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let (points, warnings) = told("A,B,1,\n,C,2,\nD,E,3,\n");
    assert_eq!(points, 1);
    assert_eq!(
        warnings,
        [
            "di.csv, row 3: has no description, where the table of digital inputs ends: it looks like a point and is not read"
        ]
    );
    let (_, warnings) = told("A,B,1,\n,,,\nD,E,3,\n");
    assert!(warnings[0].starts_with("di.csv, row 4: stands below an empty row"), "{warnings:?}");
    assert_eq!(told("A,B,1,\n,,,\nNote,see below,,\n"), (1, Vec::new()));
}

fn text() -> impl Strategy<Value = String> {
    "[A-Za-z0-9äé_./+-]{1,6}( [A-Za-z0-9(),;'\"-]{1,5}){0,2}"
}

fn states() -> impl Strategy<Value = Option<States>> {
    let word = "[A-Za-z]{1,6}( [a-z]{1,3})?";
    prop::option::of((word, word, any::<bool>()).prop_filter_map("two words", |(zero, one, numbered)| {
        let form = if numbered { StateForm::Numbered } else { StateForm::Plain };
        (zero != one).then_some(States { zero, one, form })
    }))
}

fn units() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "MW", "MVAR", "KV", "Deg. C", "W/m^2", "mbar", "m/s", "%", "MWHr", "Counts", "Hz",
    ])
}

prop_compose! {
    fn analog()(
        description in text(),
        unit_text in units(),
        max_units in prop_oneof![(1_u32..1_000_000).prop_map(|n| f64::from(n) / 100.0), 1e-6..1e9],
        max_counts in prop_oneof![1..=32_767_u32, 1..=2_147_483_647_u32],
        served: bool,
        extra in prop_oneof![Just(Cell::Empty), text().prop_map(Cell::Text)],
    ) -> (Analog, bool) {
        let row = Analog {
            description,
            unit: pointsheet::units::meant(unit_text),
            unit_text: unit_text.to_owned(),
            max_units: Some(max_units),
            max_counts: Some(max_counts),
            extra: vec![extra],
            ..Analog::default()
        };
        (row, served)
    }
}

prop_compose! {
    fn digital()(description in text(), states in states(), served: bool) -> (Digital, bool) {
        (Digital { description, states, origin: Origin::default(), ..Digital::default() }, served)
    }
}

prop_compose! {
    /// Any sheet: names and indexes are unique by their number.
    fn sheet()(
        inputs in prop::collection::vec(analog(), 0..8),
        outputs in prop::collection::vec(analog(), 0..3),
        states in prop::collection::vec(digital(), 0..8),
        title in text(),
    ) -> PointSheet {
        let mut sheet = PointSheet::empty();
        let extra = pointsheet::Column { field: Field::Extra, title: "Remarks".to_owned() };
        for (table, rows) in [(&mut sheet.analog_inputs, inputs), (&mut sheet.analog_outputs, outputs)] {
            let table = table.as_mut().unwrap();
            table.frame.titles = vec![vec![Cell::Text(format!("Title {title}"))], Vec::new()];
            table.frame.columns.push(extra.clone());
            table.rows = rows.into_iter().zip(1_u16..).map(|((row, served), number)| Analog {
                point_name: format!("P.{number}"),
                index: served.then_some(number * 7),
                ..row
            }).collect();
        }
        let table = sheet.digital_inputs.as_mut().unwrap();
        table.rows = states.into_iter().zip(1_u16..).map(|((row, served), number)| Digital {
            point_name: format!("D.{number}"),
            index: served.then_some(number * 3),
            ..row
        }).collect();
        sheet
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_model_comes_back(sheet in sheet()) {
        let book = grid::xlsx_octets(&grids(&sheet)).unwrap();
        let book = from_octets(Path::new("p.xlsx"), &book, &Limits::default()).unwrap();
        prop_assert_eq!(&from_books(&[book]).unwrap().sheet, &sheet);
        let tables = grids(&sheet).into_iter().map(|grid| {
            let name = format!("{}.csv", grid.sheet);
            from_octets(Path::new(&name), grid::csv_text(&grid).as_bytes(), &Limits::default()).unwrap()
        });
        let tables: Vec<_> = tables.collect();
        prop_assert_eq!(&from_books(&tables).unwrap().sheet, &sheet);
    }

    #[test]
    fn no_cells_panic(rows in prop::collection::vec(prop::collection::vec(
        prop::sample::select(vec![
            "", "Point Description", "Point Name", "DNP Index", "Point Logic", "Eng. Units", "Max Units", "Max Counts",
            "AI", "DO", "1", "-1", "1e400", "a\\b", "0\\a\\1\\b", "\\", "MW", "#REF!", "Digital Inputs",
        ]), 0..8), 0..12)) {
        let mut grid = grid::Grid::new("x");
        grid.rows = rows.into_iter().map(|row| row.into_iter().map(Cell::from).collect()).collect();
        let text = grid::csv_text(&grid);
        if let Ok(book) = from_octets(Path::new("ai.csv"), text.as_bytes(), &Limits::default()) {
            let _ = from_books(&[book]);
        }
    }
}
