//! What is told about two sheets.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::Path;

use grid::{Limits, from_octets};
use pointsheet::diff::{Difference, diff};
use pointsheet::{PointSheet, from_books};

const ANALOG: &str = "Description,Point Name,Units,Max Units,Max Counts,DNP Index\n";
const DIGITAL: &str = "Description,Point Name,DNP Index,Point Logic\n";

fn sheet(name: &str, text: &str) -> PointSheet {
    from_books(&[from_octets(Path::new(name), text.as_bytes(), &Limits::default()).unwrap()]).unwrap().sheet
}

fn told(differences: &[Difference]) -> Vec<String> {
    let mark = |found: &Difference| if found.change.is_incompatible() { "! " } else { "  " };
    differences.iter().map(|found| format!("{}{found}", mark(found))).collect()
}

#[test]
fn every_change_of_an_analog_is_named() {
    let old = "Net,NET,MW,300,30000,1\nVar,VAR,Mvar,150,15000,2\nVolt,KV,kV,230,23000,3\nGone,GONE,MW,1,1,4\n\
               Old name,OLD,MW,1,1,5\nSpare,S1,MW,1,1,6\nSpare,S2,MW,1,1,0\nOff,OFF,MW,1,1,8\n";
    let new = "Net,NET,MW,300,30000,10\nVar,VAR,MVAR,150,30000,2\nVoltage,KV,MW,230,23000,3\n\
               Old name,NEW,MW,1,1,5\nSpare,S3,MW,1,1,0\nSpare,S2,MW,1,1,7\nOff,OFF,MW,1,1,0\nFresh,FRESH,%,100,100,11\n";
    let sheet = |rows: &str| sheet("ai.csv", &format!("{ANALOG}{rows}"));
    let (old, new) = (sheet(old), sheet(new));
    assert_eq!(
        told(&diff(&old, &new)),
        [
            "! analog input `NET`: renumbered, index 1 -> 10",
            "! analog input `VAR`: rescaled, 150 units = 15000 counts -> 150 units = 30000 counts",
            "  analog input `KV`: description `Volt` -> `Voltage`",
            "! analog input `KV`: unit `kV` -> `MW`",
            "  analog input `NEW`: renamed, it was `OLD`",
            "  analog input `S3`: added, not served",
            "  analog input `S2`: now served, index 7",
            "! analog input `OFF`: no longer served, it had index 8",
            "  analog input `FRESH`: added, index 11",
            "! analog input `GONE`: removed, it was at index 4",
            "! analog input `S1`: removed, it was at index 6",
        ]
    );
    assert!(diff(&old, &old).is_empty());
    assert_eq!(diff(&old, &PointSheet::default()), [], "a table that one of them lacks is passed over");
}

#[test]
fn exchanged_states_are_incompatible_and_other_words_are_not() {
    let sheet = |rows: &str| sheet("di.csv", &format!("{DIGITAL}{rows}"));
    let old = sheet("Breaker,CB1,1,Open\\Closed\nUnit,UCON,2,0\\Disconnected\\1\\Connected\nMode,MODE,3,\n");
    let new =
        sheet("Breaker,CB1,1,Closed\\Open\nUnit,UCON,2,Disconnected\\Connected\nMode,MODE,3,Local\\Remote\n");
    assert_eq!(
        told(&diff(&old, &new)),
        [
            "! digital input `CB1`: states `Open\\Closed` -> `Closed\\Open`",
            "  digital input `MODE`: states `` -> `Local\\Remote`",
        ],
        "another spelling of the same words is no change"
    );
}
