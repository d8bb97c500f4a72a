//! What a profile's file must not be.

use std::fs;

use config::Source;

use super::{PROFILE, Profile, changed, golden, refusal};

#[test]
fn a_wrong_profile_is_refused_by_line_and_entry() {
    let rule = "require = [{ deadband_counts = { at_most = \"@scope.size\" } }]";
    let require = |what: &str| changed(rule, &format!("require = [{what}]"));
    let when = "when = [{ kind = [\"wind\"] }]\nwhere";
    let threshold = "when = [{ kind = [\"wind\"] }, { capacity_mw = { at_least = \"@scope.size\" } }]";
    let step_source =
        "[[step]]\nid = \"step.one\"\ntitle = \"A step\"\nclause = \"unknown\"\nsource = [\"S1\"]\n";
    let sets = |key: &str, value: &str| {
        changed("sets = \"analog-event-variation\"\nvalue = 2", &format!("sets = \"{key}\"\n{value}"))
    };
    golden(
        "refusals.txt",
        refusal,
        [
            ("no TOML", changed("title = \"Wind\"", "title = \"Wind")),
            ("an empty file", String::new()),
            ("no head", PROFILE.split_once("[[source]]").unwrap().1.replace("[[source]]", "")),
            ("a head without a title", changed("title = \"A small profile\"\n", "")),
            ("a head with an unknown key", changed("issuer = ", "isuer = ")),
            ("an effective date that is none", changed("\"unknown\"\nnotice", "\"soon\"\nnotice")),
            ("an empty id of the profile", changed("id = \"small\"", "id = \"\"")),
            ("letters of the profile's id", changed("id = \"small\"", "id = \"../Small\"")),
            ("an unknown table", format!("{PROFILE}\n[[advice]]\nid = \"a\"\n")),
            ("no source", changed(step_source, &step_source.replace("source = [\"S1\"]\n", ""))),
            ("an empty list of sources", changed(step_source, &step_source.replace("\"S1\"", ""))),
            ("an unknown source", changed(step_source, &step_source.replace("S1", "S99"))),
            (
                "a source twice",
                changed(
                    "[[setting]]\nid = \"dnp3.port\"",
                    "[[source]]\nid = \"S1\"\ntitle = \"x\"\n\n[[setting]]\nid = \"dnp3.port\"",
                ),
            ),
            ("a source without a title", changed("title = \"A source\"\n", "")),
            ("an id twice", changed("id = \"step.one\"", "id = \"paper.one\"")),
            ("an id twice in one table", changed("id = \"dnp3.port\"", "id = \"dnp3.analog-event\"")),
            ("letters of an id", changed("id = \"step.one\"", "id = \"Step one\"")),
            ("an empty id", changed("id = \"step.one\"", "id = \"\"")),
            ("an empty title", changed("title = \"A step\"", "title = \" \"")),
            ("an empty clause", changed("clause = \"V1 2\"", "clause = \"\"")),
            ("no clause", changed("clause = \"V1 2\"\n", "")),
            ("a clause of V20", changed("clause = \"V1 2\"", "clause = \"V20 6.7\"")),
            ("a clause of V20 in small letters", changed("clause = \"V1 2\"", "clause = \"see v20, 6.7\"")),
            ("a clause of V20 in words", changed("clause = \"V1 2\"", "clause = \"Version 20, 6.7\"")),
            ("an unknown tag", changed("tag = \"inferred\"\nrole", "tag = \"certain\"\nrole")),
            ("an unknown severity", changed("severity = \"error\"", "severity = \"fatal\"")),
            ("a date that is none", changed("since = 2020-01-01", "since = \"2020-02-30\"")),
            ("a time for a date", changed("since = 2020-01-01", "since = 2020-01-01T10:00:00Z")),
            ("until before since", changed("since = 2020-01-01", "since = 2020-01-01\nuntil = 2019-12-31")),
            (
                "until on the day of since",
                changed("since = 2020-01-01", "since = 2020-01-01\nuntil = 2020-01-01"),
            ),
            ("an unknown key of an entry", changed("fix = \"mend it\"", "fixx = \"mend it\"")),
            ("a value that is not finite", changed("value = 10.0", "value = inf")),
            ("an unknown `sets`", sets("analog-colour", "value = 2")),
            (
                "one thing set twice",
                changed(
                    "sets = \"none\"\nvalue = \"any\"",
                    "sets = \"analog-event-variation\"\nvalue = 4\nsince = 2024-01-01",
                ),
            ),
            ("a variation out of bounds", sets("analog-event-variation", "value = 9")),
            ("a variation in words", sets("analog-event-variation", "value = \"two\"")),
            ("a variation with a fraction", sets("analog-event-variation", "value = 1.5")),
            ("a setting without a value", sets("analog-event-variation", "")),
            ("a class out of bounds", sets("analog-class", "value = 4")),
            ("a period of nothing", sets("heartbeat-period-ms", "value = 0")),
            ("an unknown wire form", sets("wire", "value = \"percent\"")),
            ("an unknown way to serve", sets("serve", "value = \"some\"")),
            ("an unknown TLS version", sets("tls-min-version", "value = \"1.4\"")),
            ("a TLS version as a number", sets("tls-min-version", "value = 1.2")),
            ("an offset out of bounds", sets("index-offset", "value = -70000")),
            ("a threshold without a condition", changed(threshold, "when = []")),
            ("a threshold that asks a point", changed(threshold, "when = [{ role = [\"mw\"] }]")),
            ("an unknown obligation", changed("obligation = \"required\"", "obligation = \"wished\"")),
            ("no kinds", changed("kinds = [\"wind\"]\nper = \"resource\"", "kinds = []\nper = \"resource\"")),
            (
                "an unknown kind",
                changed("kinds = [\"wind\"]\nper = \"resource\"", "kinds = [\"tidal\"]\nper = \"resource\""),
            ),
            (
                "an unknown type of point",
                changed(
                    "type = \"analog-input\"\nkinds = [\"wind\"]\nper = \"resource\"",
                    "type = \"counter\"\nkinds = [\"wind\"]\nper = \"resource\"",
                ),
            ),
            ("an unknown unit", changed("unit = [\"MW\"]", "unit = [\"mw\"]")),
            (
                "a unit of states",
                changed(
                    "type = \"analog-input\"\nkinds = [\"wind\"]\nper = \"resource\"",
                    "type = \"digital-input\"\nkinds = [\"wind\"]\nper = \"resource\"",
                ),
            ),
            ("an empty role", changed("role = \"mw\"\n", "role = \"\"\n")),
            ("a role with a blank", changed("role = \"mw\"\n", "role = \"the mw\"\n")),
            (
                "an unknown need",
                changed("per = \"resource\"\nneed = \"required\"", "per = \"resource\"\nneed = \"nice\""),
            ),
            ("an unknown per", changed("per = \"resource\"", "per = \"turbine\"")),
            ("met data of the resource", changed("per = \"station\"", "per = \"resource\"")),
            (
                "kinds of stations where none is asked",
                changed("unit = [\"MW\"]", "unit = [\"MW\"]\nstation_kinds = [\"tower\"]"),
            ),
            (
                "a condition of a point that asks a point",
                changed("unit = [\"MW\"]", "unit = [\"MW\"]\nwhen = [{ served = true }]"),
            ),
            ("an unknown subject", changed("subject = \"analog\"", "subject = \"relay\"")),
            ("an unknown predicate", require("{ colour = \"red\" }")),
            ("an unknown predicate of a threshold", changed(threshold, "when = [{ colour = [\"red\"] }]")),
            ("two predicates in one", require("{ served = true, mapped = true }")),
            ("a predicate that is no table", require("\"served\"")),
            ("a predicate of another form", require("{ served = \"yes\" }")),
            ("a predicate of another subject", require("{ sha2 = true }")),
            ("a `when` of another subject", changed(when, "when = [{ wrap = { above = 1 } }]\nwhere")),
            (
                "a `where` of another subject",
                changed("where = [{ role = [\"mw\"] }]", "where = [{ hold_ms = { above = 1 } }]"),
            ),
            ("bounds without a limit", require("{ deadband_counts = {} }")),
            ("an end without a limit", require("{ range = { low = {}, high = {} } }")),
            ("an unknown limit", require("{ deadband_counts = { up_to = 3 } }")),
            ("limits that meet but exclude", require("{ deadband_counts = { above = 3, at_most = 3 } }")),
            ("a value that is no value", changed("value = 10.0", "value = true")),
            ("a date that is a number", changed("since = 2020-01-01", "since = 2020")),
            (
                "states of one word",
                changed(
                    "subject = \"analog\"\nwhen = [{ kind = [\"wind\"] }]\nwhere = [{ role = [\"mw\"] }]\nrequire = [{ deadband_counts = { at_most = \"@scope.size\" } }]",
                    "subject = \"digital\"\nrequire = [{ states = [[\"Open\"]] }]",
                ),
            ),
            ("limits that exclude one another", require("{ deadband_counts = { at_least = 3, below = 2 } }")),
            ("an empty list of words", require("{ unit = [] }")),
            ("a point without a role", require("{ point = { role = [] } }")),
            ("nothing to require", require("")),
            ("a reference to nothing", require("{ deadband_counts = { at_most = \"@scope.gone\" } }")),
            ("a reference to a text", require("{ deadband_counts = { at_most = \"@dnp3.port\" } }")),
            (
                "a reference to an entry without a value",
                require("{ deadband_counts = { at_most = \"@paper.one\" } }"),
            ),
            ("a figure that is none", require("{ deadband_counts = { at_most = \"pmx\" } }")),
            ("a figure that is no number", require("{ deadband_counts = { at_most = \"location\" } }")),
            ("a number that is not finite", require("{ deadband_counts = { at_most = nan } }")),
            ("a whole number too large", require("{ deadband_counts = { at_most = 99999999999 } }")),
            ("per cent of what is no size", require("{ step_percent = { of = \"ramp\", at_most = 1 } }")),
            (
                "an oldest version that is none",
                changed(
                    &format!(
                        "subject = \"analog\"\n{}",
                        "when = [{ kind = [\"wind\"] }]\nwhere = [{ role = [\"mw\"] }]\nrequire = [{ deadband_counts = { at_most = \"@scope.size\" } }]"
                    ),
                    "subject = \"tls\"\nrequire = [{ min_version = \"1.4\" }]",
                ),
            ),
            (
                "an oldest version that refers to nothing",
                changed(
                    &format!(
                        "subject = \"analog\"\n{}",
                        "when = [{ kind = [\"wind\"] }]\nwhere = [{ role = [\"mw\"] }]\nrequire = [{ deadband_counts = { at_most = \"@scope.size\" } }]"
                    ),
                    "subject = \"tls\"\nrequire = [{ min_version = \"@scope.gone\" }]",
                ),
            ),
            (
                "an oldest version that refers to a number",
                changed(
                    &format!(
                        "subject = \"analog\"\n{}",
                        "when = [{ kind = [\"wind\"] }]\nwhere = [{ role = [\"mw\"] }]\nrequire = [{ deadband_counts = { at_most = \"@scope.size\" } }]"
                    ),
                    "subject = \"tls\"\nrequire = [{ min_version = \"@scope.size\" }]",
                ),
            ),
            ("a drop without a base", changed("id = \"small\"", "id = \"small\"\ndrop = [\"paper.one\"]")),
            ("a base that is not shipped", changed("id = \"small\"", "id = \"small\"\nextends = \"large\"")),
            (
                "a base whose file is not there",
                changed("id = \"small\"", "id = \"small\"\nextends = \"no/such.toml\""),
            ),
            (
                "a drop of nothing",
                changed(
                    "id = \"small\"",
                    "id = \"small\"\nextends = \"ieso-real-time-data\"\ndrop = [\"point.gone\"]",
                ),
            ),
            (
                "a drop of what is referred to",
                changed(
                    "id = \"small\"",
                    "id = \"small\"\nextends = \"ieso-real-time-data\"\ndrop = [\"scope.grid-connected\"]",
                )
                .replace("@scope.size\" } }]\nfix", "@scope.grid-connected\" } }]\nfix"),
            ),
        ],
    );
}

#[test]
fn one_thing_may_be_set_anew_from_a_day_on() {
    let text = changed("value = 2\n", "value = 2\nuntil = 2024-01-01\n").replacen(
        "sets = \"none\"\nvalue = \"any\"",
        "sets = \"analog-event-variation\"\nvalue = 4\nsince = 2024-01-01",
        1,
    );
    let profile = Profile::from_source(&Source::from_text("p.toml", text)).unwrap();
    let on = |day: &str| profile.defaults(&[], day.parse().unwrap()).analog.event_variation;
    assert_eq!((on("2023-12-31"), on("2024-01-01")), (Some(2), Some(4)));
}

#[test]
fn a_defect_of_a_base_is_told_of_its_own_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("base.toml"), changed("title = \"A step\"", "title = \"\"")).unwrap();
    let file = folder.path().join("top.toml");
    fs::write(&file, changed("id = \"small\"", "id = \"small\"\nextends = \"base.toml\"")).unwrap();
    let told = Profile::load(&file.to_string_lossy()).map(|_| ()).unwrap_err().to_string();
    assert!(told.contains("base.toml:80:9: step[0].title: entry `step.one`: is empty"), "{told}");
}

#[test]
fn a_profile_that_extends_itself_ends_with_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("self.toml");
    fs::write(&file, changed("id = \"small\"", "id = \"small\"\nextends = \"self.toml\"")).unwrap();
    let told = Profile::load(&file.to_string_lossy()).map(|_| ()).unwrap_err().to_string();
    let told = told.replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(told, "self.toml:3:11: profile.extends: profiles extend one another more than 8 deep");
}

#[test]
fn profiles_extend_one_another_eight_deep_and_no_deeper() {
    let folder = tempfile::tempdir().unwrap();
    let load = |depth: usize| {
        for at in 0..=depth {
            let extends = format!("id = \"small\"\nextends = \"{}.toml\"", at + 1);
            let text = if at == depth { PROFILE.to_owned() } else { changed("id = \"small\"", &extends) };
            fs::write(folder.path().join(format!("{at}.toml")), text).unwrap();
        }
        Profile::load(&folder.path().join("0.toml").to_string_lossy())
            .map(|profile| profile.entries().count())
    };
    assert_eq!(load(8).unwrap_or_else(|problems| panic!("{problems}")), 8);
    assert!(load(9).unwrap_err().to_string().contains("8.toml:3:11: profile.extends: "));
}

#[test]
fn a_profile_takes_replaces_and_drops_what_it_extends() {
    let text =
        changed("id = \"small\"", "id = \"small\"\nextends = \"ieso-real-time-data\"\ndrop = [\"point.kv\"]");
    let profile = Profile::from_source(&Source::from_text("p.toml", text)).unwrap();
    let base = Profile::load("ieso-real-time-data").unwrap();
    assert_eq!(profile.head.id, "small");
    assert!(base.entry("point.kv").is_some() && profile.entry("point.kv").is_none());
    assert_eq!(profile.entry("point.mw").unwrap().title, "MW", "this file's, in the base's stead");
    assert_eq!(profile.entries().filter(|entry| entry.id == "point.mw").count(), 1);
    assert_eq!(profile.entry("point.mvar"), base.entry("point.mvar"));
    // Eight of its own, some in the stead of the base's, one dropped.
    let replaced =
        profile.entries().filter(|entry| entry.sources == ["S1"] && base.entry(&entry.id).is_some());
    assert_eq!(profile.entries().count(), base.entries().count() + 8 - replaced.count() - 1);
    assert!(profile.sources.contains_key("S1") && profile.sources.contains_key("I7"));
    assert_eq!(refusal(PROFILE), "taken");
}
