//! Set points into raw registers: what is understood, and what is told of a wrong one.

use super::*;
use crate::device::{RegisterType, WordOrder};
use crate::drive::{Registers, Switch};

const DRIVE: &str = "drive = [{ device = \"bess\", control = \"704\", revert_s = 60 }]";
/// What a drive by registers has to say.
const LEAST: &str = r#"device = "switchgear", register = 300, type = "i32", unit = "kW", sign = "+""#;

fn with(keys: &str) -> Result<Site, String> {
    assert!(SITE.contains(DRIVE));
    read(&SITE.replacen(DRIVE, keys, 1))
}

/// A drive with these keys.
fn one(keys: &str) -> Result<Site, String> {
    with(&format!("drive = [{{ {keys} }}]"))
}

fn registers(keys: &str) -> Registers {
    match one(keys).unwrap().setpoints[0].drives[0].control {
        Control::Registers(registers) => registers,
        other => panic!("{other:?}"),
    }
}

#[test]
fn registers_are_understood() {
    let least = Registers {
        register: 300,
        kind: RegisterType::I32,
        word_order: WordOrder::Big,
        steps_per_unit: 1000.0,
        enable: None,
    };
    assert_eq!(registers(LEAST), least);
    let all = registers(
        r#"device = "switchgear", register = 300, type = "int16", word_order = "little", unit = "kW", scale = 0.5,
           sign = "-", revert_s = 30, enable = { register = 310, on = 1, off = 2 }"#
            .replace('\n', " ")
            .as_str(),
    );
    let wanted = Registers {
        register: 300,
        kind: RegisterType::I16,
        word_order: WordOrder::Little,
        steps_per_unit: -2000.0,
        enable: Some(Switch { register: 310, on: 1, off: 2 }),
    };
    assert_eq!(all, wanted);
    assert_eq!((all.raw(1.5), all.raw(-0.00026)), (-3_000.0, 1.0));
    assert_eq!(registers(&LEAST.replace("i32", "float32")).raw(0.0001), 0.1, "a float keeps what is finer");
    let percent = registers(&LEAST.replace("\"kW\"", "\"%\", rated_mw = 5.0, scale = 0.1"));
    assert_eq!(percent.raw(4.0), 800.0);
}

#[test]
fn a_drive_in_words() {
    let told = |keys: &str| Control::Registers(registers(keys)).words();
    assert_eq!(told(LEAST), "by holding register 300, i32, 1000 steps a unit");
    assert_eq!(
        told(&(LEAST.to_owned() + r#", word_order = "little", enable = { register = 9, on = 1, off = 0 }"#)),
        "by holding register 300, i32, low word first, 1000 steps a unit, switched by register 9, 1 on, 0 off"
    );
}

#[test]
fn what_does_not_fit_is_told() {
    let but = |from: &str, to: &str| {
        assert!(LEAST.contains(from), "{from}");
        LEAST.replacen(from, to, 1)
    };
    let and = |more: &str| format!("{LEAST}, {more}");
    for (keys, words) in [
        ("device = \"bess\"".to_owned(), "setpoint[0].drive: either `control`"),
        (but("register = 300, ", ""), "setpoint[0].drive: either `control`"),
        (and("control = \"704\""), "setpoint[0].drive.control: `control` is a SunSpec model's"),
        (but("\"switchgear\"", "\"bess\""), "setpoint[0].drive.device: is not a plain Modbus device"),
        (
            but("type = \"i32\", ", ""),
            "setpoint[0].drive: `type` is missing, allowed: u16, i16, u32, i32, f32",
        ),
        (but("i32", "f64"), "setpoint[0].drive.type: f64, allowed: u16, i16, u32, i32, f32"),
        (but("i32", "i24"), "unknown variant `i24`"),
        (but("unit = \"kW\", ", ""), "setpoint[0].drive: `unit` is missing, allowed: W, kW, MW, or %"),
        (but("\"kW\"", "\"MWh\""), "setpoint[0].drive.unit: MWh, allowed: W, kW, MW, or %"),
        (but("\"kW\"", "\"%\""), "setpoint[0].drive.unit: unit = \"%\" is a percentage: `rated_mw`"),
        (and("rated_mw = 5.0"), "setpoint[0].drive.rated_mw: only for unit = \"%\""),
        (but(", sign = \"+\"", ""), "setpoint[0].drive: `sign` is missing: \"+\" where"),
        (and("scale = 0.0"), "setpoint[0].drive.scale: 0, must be a number but 0"),
        (but("300", "65535"), "setpoint[0].drive.register: reaches beyond register 65535"),
        (
            and("enable = { register = 9, on = 1, off = 1 }"),
            "setpoint[0].drive.enable: `on` and `off` are both 1",
        ),
        (
            and("enable = { register = 301, on = 1, off = 0 }"),
            "register 301 is already written for `bess.mw.setpoint`",
        ),
        (
            but("i32", "u16"),
            "setpoint[0].drive.type: -4 MW would be the raw value -4000, u16 holds 0 to 65535",
        ),
        (and("scale = 0.000001"), "setpoint[0].drive.type: -4 MW would be the raw value -4000000000"),
        (and("scale = -1e-320"), "setpoint[0].drive.scale: -1e-320, allowed: 1e-6 to 1e9, either sign"),
        (and("scale = 10000.0"), "setpoint[0].drive.scale: 4 MW would be the raw value 0: the device"),
        (
            but("\"kW\"", "\"%\", rated_mw = 1e-320"),
            "setpoint[0].drive.rated_mw: 1e-320, allowed: 1e-6 to 1e9",
        ),
        (
            but("\"kW\"", "\"%\", rated_mw = 1e6"),
            "setpoint[0].drive.rated_mw: 4 MW would be the raw value 0: the device would be told nothing",
        ),
        (
            "device = \"bess\", control = \"123\", rated_mw = 1e-320".to_owned(),
            "setpoint[0].drive.rated_mw: 1e-320, allowed: 1e-6 to 1e9",
        ),
        (
            "device = \"bess\", control = \"123\", rated_mw = 1e308".to_owned(),
            "setpoint[0].drive.rated_mw: 1e308, allowed: 1e-6 to 1e9",
        ),
        (
            "device = \"bess\", control = \"123\", rated_mw = 1e6".to_owned(),
            "setpoint[0].drive.rated_mw: 4 MW would be 4e-4 % of it: the device would be told nothing",
        ),
        (and("revert_s = 0"), "setpoint[0].drive.revert_s: 0, allowed"),
        (
            "device = \"bess\", control = \"704\", sign = \"+\"".to_owned(),
            "setpoint[0].drive.sign: only beside",
        ),
        (
            "device = \"switchgear\", control = \"704\"".to_owned(),
            "setpoint[0].drive.device: is not a SunSpec",
        ),
    ] {
        let told = one(&keys).unwrap_err();
        assert!(told.contains(words), "{keys}: {told}");
    }
    let told = one(&but("i32", "u16")).unwrap_err();
    assert!(told.starts_with("site.toml:127:"), "at its place: {told}");
}

#[test]
fn two_drives_do_not_share_a_register() {
    let half = |register: u16, scale: f64| {
        format!("{{ {}, share = 0.5, scale = {scale} }}", LEAST.replace("300", &register.to_string()))
    };
    assert!(with(&format!("drive = [{}, {}]", half(300, 1.0), half(302, 1.0))).is_ok());
    let told = with(&format!("drive = [{}, {}]", half(300, 1.0), half(301, 1.0))).unwrap_err();
    assert!(told.contains("register 301 is already written for `bess.mw.setpoint`"), "{told}");
}

#[test]
fn in_a_dispatch_the_parts_have_to_fit() {
    let part = |low: &str| {
        format!(
            "drive = [{{ {}, low = {low}, high = 4.0 }}]\ndispatch = \"priority\"",
            LEAST.replace("i32", "u16")
        )
    };
    assert!(with(&part("0.0")).is_ok());
    assert!(with(&part("\"bess.mw\"")).is_ok(), "what a point will say is not known yet");
    assert!(with(&part("-1e300")).unwrap_err().contains("drive.low: -1e300, allowed: -1e9 to 1e9"));
    assert!(with(&part("-1.0")).unwrap_err().contains("-1 MW would be the raw value -1000"));
}

#[test]
fn a_sunspec_device_has_one_set_point() {
    let half = "{ device = \"bess\", control = \"704\", share = 0.5 }";
    let told = with(&format!("drive = [{half}, {half}]")).unwrap_err();
    assert!(told.contains("setpoint[0].drive.device: already driven for `bess.mw.setpoint`"), "{told}");
}

#[test]
fn what_a_response_and_a_correction_add_has_to_fit_too() {
    let drive = LEAST.replace("i32", "i16").replace("\"+\"", "\"+\", scale = 0.15");
    let more = |keys: &str| with(&format!("drive = [{{ {drive} }}]\n{keys}"));
    assert!(more("").is_ok(), "4 MW is 26667");
    let trim = "trim = { meter = \"poi.mw\", gain = 0.1, most = 2.0 }";
    let told = more(trim).unwrap_err();
    let words =
        "setpoint[0].drive.type: -6 MW, with what `primary` and `trim` add and no `limits_hard` holds, would";
    assert!(told.contains(words), "{told}");
    let told = more(&format!("{trim}\nlimits_hard = {{ low = \"poi.mw\" }}")).unwrap_err();
    assert!(told.contains("drive.type: 6 MW, with what"), "{told}");
    let held = format!("{trim}\nlimits_hard = {{ low = \"poi.mw\", high = \"poi.mw\" }}");
    assert!(more(&held).is_ok(), "it goes no further");
}
