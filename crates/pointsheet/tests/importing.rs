//! Sheets into a site file and out of it.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};

use config::Source;
use grid::{Limits, from_octets};
use pointsheet::import::Step;
use pointsheet::{Import, Kind, Options, PointSheet, export, from_books, import, read};
use proptest::prelude::*;
use site::{Defaults, Purpose, Site};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(data(name)).unwrap()
}

fn site(text: &str) -> Site {
    Site::read_with(&Source::from_text("site.toml", text), &Defaults::default(), Purpose::Check).unwrap()
}

fn sheet(files: &[(&str, &str)]) -> PointSheet {
    let books = files
        .iter()
        .map(|(name, text)| from_octets(Path::new(name), text.as_bytes(), &Limits::default()).unwrap());
    from_books(&books.collect::<Vec<_>>()).unwrap().sheet
}

fn steps(import: &Import) -> Vec<String> {
    import.steps.iter().map(|step| step.to_string().replace(&data("").display().to_string(), "")).collect()
}

const ANALOG: &str = "Description,Point Name,Units,Max Units,Max Counts,DNP Index\n";
const DIGITAL: &str = "Description,Point Name,DNP Index,Point Logic\n";

#[test]
fn the_workbook_comes_into_the_site_and_comments_and_order_stay() {
    let points = read(&[data("points.xlsx")]).unwrap().sheet;
    let imported = import(&text("site.toml"), &points, Options::default()).unwrap();
    if std::env::var_os("POINTSHEET_GOLDEN").is_some() {
        std::fs::write(data("imported.toml"), &imported.text).unwrap();
    }
    assert_eq!(imported.text, text("imported.toml"));
    let told = steps(&imported);
    println!("{}", told.join("\n"));
    let has = |line: &str| assert!(told.iter().any(|told| told == line), "{line}");
    has("analog `poi.mw`: index 1 -> 2");
    has(r#"analog `poi.mw`: sheet_name "IRG999.POI_MW""#);
    has("heartbeat `rtd.heartbeat`: index 99 -> 1");
    has("analog `irg999.t1.hs.kv`: new, index 4, without a source (points.xlsx, sheet AI Points, row 8)");
    has("analog `bess.soc`: not in the sheet, still served at index 41 (--unserve ends that)");
    has(r#"connection `unit.connected`: states ["Disconnected", "Connected"]"#);
    let spare = "not imported: points.xlsx, sheet AI Points, row 17: `IRG999.SPARE_AI` is not served and has no unit or no scale";
    has(spare);
    // Once more changes nothing.
    let again = import(&imported.text, &points, Options::default()).unwrap();
    assert_eq!(again.text, imported.text);
    assert_eq!(again.count(|step| matches!(step, Step::Updated { .. } | Step::Added { .. })), 0);
}

#[test]
fn import_export_import_gives_the_same_model() {
    let points = read(&[data("points.xlsx")]).unwrap().sheet;
    let imported =
        import(&text("site.toml"), &points, Options { unserve: true, ..Options::default() }).unwrap();
    let first = export(&site(&imported.text));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out.xlsx");
    pointsheet::write_xlsx(&file, &first.sheet).unwrap();
    let read_again = read(&[file]).unwrap().sheet;
    assert_eq!(read_again, first.sheet);
    let again = import(&imported.text, &read_again, Options::default()).unwrap();
    assert_eq!(again.text, imported.text);
    assert_eq!(export(&site(&again.text)), first);
    // As the ISO's sheet has them: by index, and what is not served below.
    let ordered = |indexes: Vec<Option<u16>>| {
        let keys: Vec<_> = indexes.into_iter().map(|index| (index.is_none(), index)).collect();
        assert!(keys.len() > 1 && keys.is_sorted(), "{keys:?}");
    };
    ordered(first.sheet.analogs(Kind::AnalogInput).iter().map(|row| row.index).collect());
    ordered(first.sheet.digitals(Kind::DigitalInput).iter().map(|row| row.index).collect());
    // Every row of the ISO's sheet that has an index is there, under it and with its scale.
    for kind in [Kind::AnalogInput, Kind::AnalogOutput] {
        for row in points.analogs(kind).iter().filter(|row| row.index.is_some()) {
            let out = first.sheet.analogs(kind).iter().find(|out| out.point_name == row.point_name).unwrap();
            let of = |row: &pointsheet::Analog| {
                (row.description.clone(), row.unit, row.max_units, row.max_counts, row.index)
            };
            assert_eq!(of(out), of(row));
        }
    }
    for row in points.digitals(Kind::DigitalInput) {
        let out =
            first.sheet.digitals(Kind::DigitalInput).iter().find(|out| out.point_name == row.point_name);
        let words = |row: &pointsheet::Digital| {
            row.states.as_ref().map(|states| (states.zero.clone(), states.one.clone()))
        };
        let out = out.unwrap();
        assert_eq!((words(out), out.index, &out.description), (words(row), row.index, &row.description));
    }
    assert!(
        pointsheet::diff::diff(&points, &first.sheet).iter().all(|found| !found.change.is_incompatible())
    );
}

#[test]
fn a_point_that_the_sheet_lacks_is_told_and_unserved_on_request() {
    let sheet = sheet(&[("di.csv", &format!("{DIGITAL}Main breaker,CB1,1,Open\\Closed\n"))]);
    let told = import(&text("site.toml"), &sheet, Options::default()).unwrap();
    assert_eq!(
        steps(&told),
        [
            r#"digital `poi.breaker`: states ["Open", "Closed"]"#,
            r#"digital `poi.breaker`: sheet_name "CB1""#,
            "digital `plant.remote`: not in the sheet, still served at index 2 (--unserve ends that)",
            "connection `unit.connected`: not in the sheet, still served at index 3 (--unserve ends that)",
        ],
        "analog points are not spoken of: their table was not given"
    );
    let done = import(&text("site.toml"), &sheet, Options { unserve: true, ..Options::default() }).unwrap();
    assert!(steps(&done).contains(&"digital `plant.remote`: not in the sheet, index 2 -> 0".to_owned()));
    let site = site(&done.text);
    assert_eq!(site.digitals[1].point.served.index, None);
    assert_eq!(site.analogs[0].point.served.index, Some(1));
}

#[test]
fn a_unit_takes_what_is_given_in_it_along() {
    let row = |unit: &str, units: &str| {
        let sheet = sheet(&[("ai.csv", &format!("{ANALOG}POI megawatts,POI,{unit},{units},30000,1\n"))]);
        import(&text("site.toml"), &sheet, Options::default()).unwrap()
    };
    let kilowatts = row("kW", "15000");
    let analog = &site(&kilowatts.text).analogs[0];
    assert_eq!(
        (analog.unit, analog.range, analog.deadband),
        (telemetry::Unit::Kilowatt, Some((-15_000.0, 15_000.0)), 1.0)
    );
    assert!(kilowatts.text.contains("range = [-15000.0, 15000.0]"));
    let volts = row("kV", "15");
    assert!(steps(&volts)[0].starts_with("analog `poi`: new"), "a name alone does not make it one point");
    let named = text("site.toml").replace("name = \"POI megawatts\"", "sheet_name = \"POI\"");
    let volts = sheet(&[("ai.csv", &format!("{ANALOG}POI megawatts,POI,kV,15,30000,1\n"))]);
    let volts = import(&named, &volts, Options::default()).unwrap();
    assert_eq!(
        steps(&volts)[0],
        "not imported: ai.csv, row 2: `POI` is analog `poi.mw`, which is in MW: kV measures something else"
    );
    assert!(volts.text.contains("unit = \"MW\"\nsign = \"+\"\nsource = { device = \"meter\""));
}

#[test]
fn what_cannot_be_imported_is_told() {
    let ao = format!("{ANALOG}Another set point,SP2,MW,5,30000,2\n");
    let digital = format!("{DIGITAL}Trip,TRIP,1,Off\\On\n");
    let ai = format!(
        "{ANALOG}Beat,HEARTBEAT,counts,1000,30000,1\nSoC,bess.soc,%,100,10000,41\n\
         echo,IRG999.BESS_SPFB,MW,6,30000,40\n"
    );
    let sheet = sheet(&[("ao.csv", &ao), ("do.csv", &digital), ("ai.csv", &ai)]);
    let told = steps(&import(&text("site.toml"), &sheet, Options::default()).unwrap());
    let has =
        |part: &str| assert!(told.iter().any(|line| line.contains(part)), "{part}\n{}", told.join("\n"));
    has("not imported: ao.csv, row 2: no [[setpoint]] has sheet_name, id or name of `SP2`");
    has("not imported: do.csv, row 2: `TRIP`: the device takes no commands of two states");
    has(
        "note: ai.csv, row 2: heartbeat `rtd.heartbeat` counts 1 for 1 and wraps at 2 to 32768 counts: 1000 units = 30000",
    );
    has("note: ai.csv, row 3: analog `bess.soc` is served as engineering values");
    has(
        "note: ai.csv, row 4: feedback `bess.mw.feedback` is served with the unit and scale of its set point, 5 MW = 30000",
    );
    has("setpoint `bess.mw.setpoint`: not in the sheet, still served at index 1");
}

#[test]
fn what_a_set_point_shows_is_found_in_the_sheet() {
    let more = "clamp = { id = \"bess.clamp\", index = 50 }\nprimary = { served = { droop = { id = \"bess.droop\", \
                index = 52 } } }\nfeedback = {";
    let file = text("site.toml").replacen("feedback = {", more, 1);
    let file = format!("{file}\n[setpoint.owner]\nid = \"bess.owner\"\nindex = 51\n");
    let ai = format!(
        "{ANALOG}Clamp,bess.clamp,counts,32767,32767,60\nOwner,bess.owner,counts,10,32767,61\n\
         Droop,bess.droop,%,32767,32767,62\n"
    );
    let imported = import(&file, &sheet(&[("ai.csv", &ai)]), Options::default()).unwrap();
    let told = steps(&imported);
    let has =
        |part: &str| assert!(told.iter().any(|line| line.contains(part)), "{part}\n{}", told.join("\n"));
    has("clamp `bess.clamp`: index 50 -> 60");
    has("owner `bess.owner`: index 51 -> 61");
    has("primary.served.droop `bess.droop`: index 52 -> 62");
    has("note: ai.csv, row 3: owner `bess.owner` is served as 32767 = 32767 counts");
    assert!(
        !told.iter().any(|line| line.contains(": new,") || line.contains("bess.clamp` is served")),
        "{told:?}"
    );
    for wanted in ["id = \"bess.clamp\", index = 60", "index = 61", "index = 62"] {
        assert!(imported.text.contains(wanted), "{wanted}: {}", imported.text);
    }
}

#[test]
fn every_spelling_of_the_file_is_kept() {
    let sheet = sheet(&[
        ("ai.csv", &format!("{ANALOG}Mist,MIST,degC,100,1000,50\nNew,POI.MW,MW,20,30000,1\n")),
        ("di.csv", &format!("{DIGITAL}New state,NEW,9,\n")),
    ]);
    let windows = format!("\u{feff}{}", text("site.toml").replace('\n', "\r\n"));
    let imported = import(&windows, &sheet, Options::default()).unwrap();
    assert!(imported.text.starts_with('\u{feff}'));
    assert_eq!(imported.text.matches('\n').count(), imported.text.matches("\r\n").count());
    site(&imported.text);
    // Arrays between brackets.
    let inline = text("site.toml").replace(
        "[[digital]]\nid = \"plant.remote\"\nsheet_name = \"irg999.remote\"\nindex = 2\n",
        "[[digital]]\nid = \"plant.remote\"\nindex = 2\n",
    );
    let inline = inline.replace("max_units = 15.0", "max_units = 15");
    let imported = import(&inline, &sheet, Options::default()).unwrap();
    assert!(imported.text.contains("max_units = 20.0\n"), "{}", imported.text);
    let braces = "analog = [{ id = \"a\", unit = \"degC\", max_units = 1, max_counts = 1 }]\n";
    let imported = import(braces, &sheet, Options::default()).unwrap();
    let added = "{ id = \"mist\", name = \"Mist\", sheet_name = \"MIST\", index = 50, unit = \"degC\", max_units = 100.0, max_counts = 1000 }";
    assert!(imported.text.contains(added), "{}", imported.text);
    assert!(import("not toml", &sheet, Options::default()).is_err());
}

#[test]
fn an_id_that_is_taken_gets_a_number() {
    let rows = "A,POI MW 2,MW,1,1,60\nB,poi-mw-2,MW,1,1,61\nC,***,MW,1,1,62\n";
    let sheet = sheet(&[("ai.csv", &format!("{ANALOG}{rows}"))]);
    let imported = import(&text("site.toml"), &sheet, Options::default()).unwrap();
    let ids: Vec<String> =
        site(&imported.text).analogs.iter().map(|analog| analog.point.id.to_string()).collect();
    assert_eq!(ids[4..], ["poi.mw.2", "poi.mw.2.2", "point"]);
}

prop_compose! {
    fn row()(
        description in "[A-Za-zé]{1,6}( [a-z]{1,4})?",
        unit in prop::sample::select(vec!["MW", "Mvar", "kV", "degC", "W/m2", "hPa", "m/s", "%", "MWh", "counts"]),
        max_units in (1_u32..1_000_000).prop_map(|n| f64::from(n) / 100.0),
        max_counts in 1..=32_767_u32,
        served: bool,
    ) -> String {
        format!("{description},NAME,{unit},{max_units},{max_counts},{}", if served { "INDEX" } else { "0" })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_sheet_imports_exports_and_imports_again(
        rows in prop::collection::vec(row(), 0..8),
        states in prop::collection::vec(("[A-Za-z]{2,6}", "[a-z]{2,4}", any::<bool>()), 0..5),
    ) {
        let rows: Vec<String> = rows.into_iter().enumerate().map(|(at, row)| {
            let row = row.replace("NAME", &format!("X_{at}")).replace("INDEX", &(200 + at).to_string());
            let (description, rest) = row.split_once(',').unwrap();
            format!("{description} {at},{rest}")
        }).collect();
        let states: Vec<String> = states.into_iter().enumerate().map(|(at, (zero, one, served))| {
            let index = if served { 300 + at } else { 0 };
            format!("State {at},S_{at},{index},{zero}\\{one}x")
        }).collect();
        let first = sheet(&[
            ("ai.csv", &format!("{ANALOG}{}\n", rows.join("\n"))),
            ("di.csv", &format!("{DIGITAL}{}\n", states.join("\n"))),
        ]);
        let options = Options { unserve: true, ..Options::default() };
        let imported = import(&text("site.toml"), &first, options).unwrap();
        let out = export(&site(&imported.text)).sheet;
        for row in first.analogs(Kind::AnalogInput) {
            let back = out.analogs(Kind::AnalogInput).iter().find(|out| out.point_name == row.point_name);
            prop_assert_eq!(back, Some(row));
        }
        for row in first.digitals(Kind::DigitalInput) {
            let back = out.digitals(Kind::DigitalInput).iter().find(|out| out.point_name == row.point_name);
            prop_assert_eq!(back, Some(row));
        }
        let again = import(&imported.text, &out, options).unwrap();
        prop_assert_eq!(&again.text, &imported.text);
    }

    #[test]
    fn no_site_text_panics(cut in 0_usize..4000, octet in 32_u8..127) {
        let mut octets = text("site.toml").into_bytes();
        let at = cut % octets.len();
        octets[at] = octet;
        let points = read(&[data("points.xlsx")]).unwrap().sheet;
        if let Ok(text) = String::from_utf8(octets) {
            let _ = import(&text, &points, Options { unserve: true, ..Options::default() });
        }
    }
}
