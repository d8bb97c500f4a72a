//! What the reader of profiles refuses, that no check shall meet it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use config::Source;
use rulebook::Profile;

/// A profile whose only rule asks for the TLS version of an entry.
fn refusal(wanted: &str) -> Option<String> {
    let text = format!(
        r#"
[profile]
id = "small"
title = "Small"
issuer = "Nobody"
edition = "1"
effective = "unknown"
supersedes = []
notice = "A test."

[[source]]
id = "S1"
title = "A paper"

[[setting]]
id = "tls.least"
section = "tls"
title = "Oldest version"
clause = "unknown"
source = ["S1"]
tag = "verified"
sets = "tls-min-version"
value = "1.2"

[[setting]]
id = "dnp3.masters"
section = "dnp3"
title = "Masters"
clause = "unknown"
source = ["S1"]
tag = "verified"
sets = "none"
value = 2

[[rule]]
id = "tls.version"
section = "tls"
title = "Old versions are refused"
clause = "unknown"
source = ["S1"]
tag = "verified"
subject = "tls"
require = [{{ min_version = "{wanted}" }}]
fix = "set `min_version`"
"#
    );
    let read = Profile::from_source(&Source::from_text("small.toml", text));
    read.err().map(|problems| problems.to_string())
}

#[test]
fn a_tls_version_is_one_or_an_entry_that_has_one() {
    assert_eq!(refusal("1.2"), None);
    assert_eq!(refusal("@tls.least"), None);
    for (wanted, message) in [
        ("1.4", "`1.4`, allowed: 1.0, 1.1, 1.2, 1.3"),
        ("@tls.lest", "`@tls.lest`: there is no such entry"),
        ("@dnp3.masters", "`@dnp3.masters`: that entry's `value` is no TLS version"),
    ] {
        let told = refusal(wanted).unwrap_or_else(|| panic!("{wanted} was taken"));
        assert!(told.contains(message) && told.contains("tls.version"), "{told}");
    }
}
