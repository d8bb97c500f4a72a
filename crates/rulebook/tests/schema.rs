//! The JSON Schema of profile files is generated and checked in: editors use it, and it must not drift from the reader.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use rulebook::profile::{schema, shipped};
use serde_json::{Map, Value};

fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(table) => {
            table.into_iter().map(|(key, value)| (key, json(value))).collect::<Map<_, _>>().into()
        }
    }
}

#[test]
fn the_schema_that_is_checked_in_is_the_reader_s() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../profiles/schema.json");
    let now = format!("{:#}\n", schema());
    if std::env::var_os("OPENRTD_BLESS").is_some() {
        fs::write(&file, &now).unwrap();
    }
    let held = fs::read_to_string(&file).unwrap();
    assert!(held == now, "profiles/schema.json is not what the reader takes: OPENRTD_BLESS=1 writes it anew");
}

#[test]
fn the_schema_takes_what_is_shipped_and_refuses_what_the_reader_refuses() {
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for (id, text) in shipped() {
        let profile = json(text.parse::<toml::Table>().unwrap().into());
        let errors: Vec<_> = validator.iter_errors(&profile).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{id}: {errors:?}");
    }
    let (_, text) = shipped().next().unwrap();
    let edits = [
        ("tag = \"verified\"", "tag = \"certain\""),
        ("subject = \"tls\"", "subject = \"weather\""),
        ("issuer = ", "isuer = "),
        ("[[rule]]", "[[rules]]"),
        ("require = [{ min_version", "require = [{ minimum"),
        ("{ at_least =", "{ atleast ="),
    ];
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        let wrong = json(text.replacen(from, to, 1).parse::<toml::Table>().unwrap().into());
        assert!(!validator.is_valid(&wrong), "{to}");
        let source = config::Source::from_text("p.toml", text.replacen(from, to, 1));
        assert!(rulebook::Profile::from_source(&source).is_err(), "{to}");
    }
}
