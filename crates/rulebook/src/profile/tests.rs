use config::Source;

use super::{Profile, shipped};

#[test]
fn shipped_profiles_read_and_name_themselves() {
    for (id, _) in shipped() {
        let profile = Profile::load(id).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(profile.head.id, id);
        assert!(profile.entries().all(|entry| !entry.sources.is_empty()));
    }
}

fn refusal(text: &str) -> String {
    Profile::from_source(&Source::from_text("p.toml", text)).map(|_| ()).unwrap_err().to_string()
}

const HEAD: &str = r#"
[profile]
id = "p"
title = "P"
issuer = "Tests"
edition = "first"
effective = "unknown"
notice = "For tests."
[[source]]
id = "A"
title = "A paper"
"#;

#[test]
fn a_tls_version_that_a_rule_takes_from_an_entry_must_be_there_and_be_one() {
    let rule = r#"
[[rule]]
id = "tls.version"
section = "tls"
title = "No older version"
clause = "unknown"
source = ["A"]
tag = "inferred"
subject = "tls"
require = [{ min_version = "@tls.floor" }]
"#;
    let told = refusal(&format!("{HEAD}{rule}"));
    assert!(told.contains("entry `tls.version`: `@tls.floor`: there is no such entry"), "{told}");
    let floor = |value: &str| {
        format!(
            "{HEAD}{rule}[[setting]]\nid = \"tls.floor\"\nsection = \"tls\"\ntitle = \"Floor\"\nclause = \"unknown\"\n\
             source = [\"A\"]\ntag = \"recalled\"\nsets = \"none\"\nvalue = {value}\n"
        )
    };
    let told = refusal(&floor("1.2"));
    assert!(
        told.contains("entry `tls.version`: `@tls.floor`: that entry's `value` is no TLS version"),
        "{told}"
    );
    let profile = Profile::from_source(&Source::from_text("p.toml", floor("\"1.2\""))).unwrap();
    assert_eq!(profile.rules[0].require[0].references(), ["tls.floor"]);
}
