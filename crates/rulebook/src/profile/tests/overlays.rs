//! What an overlay may say, and what comes of it.

use config::Source;
use site::{Defaults, Purpose, Site};

use super::{Profile, golden, small};
use crate::certificates::Certificates;
use crate::judge::{Finding, Judgement, Report, Required, judge};
use crate::profile::{Tag, Value};

const OVERLAY: &str = r#"
[overlay]
profile = "small"
document = "The manual, V20"

[[confirm]]
id = "scope.size"
clause = "V20 5.2"
page = "17"
value = 5.0
by = "A. Reader"
on = 2026-11-01

[[confirm]]
id = "point.mw"
clause = "V20 7"
page = "30"
by = "A. Reader"
on = 2026-11-01

[[confirm]]
id = "dnp3.analog-event"
clause = "V20 8"
page = "31"
value = 2
by = "A. Reader"
on = 2026-11-01
"#;

fn laid(text: &str) -> Result<Profile, String> {
    small().with_overlay(&Source::from_text("o.toml", text)).map_err(|problems| problems.to_string())
}

fn refusal(text: &str) -> String {
    laid(text).map_or_else(|problems| problems, |_| "taken".to_owned())
}

fn changed(from: &str, to: &str) -> String {
    assert!(OVERLAY.contains(from), "{from}");
    OVERLAY.replacen(from, to, 1)
}

#[test]
fn a_wrong_overlay_is_refused_by_line() {
    golden(
        "overlays.txt",
        refusal,
        [
            ("no TOML", changed("\"17\"", "17\"")),
            ("an empty file", String::new()),
            ("of another profile", changed("\"small\"", "\"large\"")),
            ("without a document", changed("\"The manual, V20\"", "\" \"")),
            ("of an unknown entry", changed("\"point.mw\"", "\"point.gone\"")),
            ("of one entry twice", changed("\"point.mw\"", "\"scope.size\"")),
            ("by nobody", changed("by = \"A. Reader\"", "by = \"\"")),
            ("by nobody at all", changed("by = \"A. Reader\"\n", "")),
            ("on no page", changed("page = \"17\"", "page = \" \"")),
            ("of no clause", changed("clause = \"V20 5.2\"", "clause = \"\"")),
            ("on no day", changed("on = 2026-11-01", "on = \"soon\"")),
            ("with a page as a number", changed("page = \"17\"", "page = 17")),
            ("with an unknown key", changed("page = \"17\"", "page = \"17\"\ntag = \"verified\"")),
            ("with a word for a number", changed("value = 5.0", "value = \"five\"")),
            ("with a list for a number", changed("value = 5.0", "value = [\"5\"]")),
            ("with a number that is not finite", changed("value = 5.0", "value = inf")),
            ("with what is no value", changed("value = 5.0", "value = { mw = 5 }")),
            ("with a value of what has none", changed("page = \"30\"", "page = \"30\"\nvalue = 5")),
            ("with a setting out of bounds", changed("value = 2\n", "value = 9\n")),
            ("with a rule of its own", format!("{OVERLAY}\n[[rule]]\nid = \"new\"\n")),
        ],
    );
}

#[test]
fn an_oldest_tls_version_is_corrected_to_a_version_only() {
    let overlay = |version: &str| {
        let text = OVERLAY.split("[[confirm]]").take(2).collect::<Vec<_>>().join("[[confirm]]");
        let text = text.replace("scope.size", "tls.min-version").replace("5.0", &format!("\"{version}\""));
        let text = text.replace("\"small\"", "\"caiso-direct-telemetry\"");
        let profile = Profile::load("caiso-direct-telemetry").unwrap();
        profile.with_overlay(&Source::from_text("o.toml", text)).map(|_| ()).map_err(|told| told.to_string())
    };
    assert_eq!(overlay("1.3"), Ok(()));
    let told = overlay("1.9").unwrap_err();
    assert!(
        told.starts_with("o.toml:10:9: confirm[0].value: ") && told.contains("1.0, 1.1, 1.2, 1.3"),
        "{told}"
    );
}

#[test]
fn an_overlay_lifts_tags_and_corrects_values_and_counts_both() {
    let profile = laid(OVERLAY).unwrap();
    let head = profile.overlay.as_ref().unwrap();
    assert_eq!((head.file.as_str(), head.confirmed, head.corrected, head.entries.len()), ("o.toml", 3, 1, 3));
    assert!(!head.document.is_empty() && !head.by.is_empty() && head.words().contains(&head.document));
    let size = profile.entry("scope.size").unwrap();
    assert_eq!(
        (size.value.clone(), size.corrected_from.clone()),
        (Some(Value::Number(5.0)), Some(Value::Number(10.0)))
    );
    assert_eq!(
        (size.tag, size.certainty(), size.clause.as_str()),
        (Tag::Recalled, Tag::Confirmed, "V20 5.2")
    );
    assert_eq!(
        size.provenance(),
        "confirmed by A. Reader on 2026-11-01, page 17 (was recalled); clause V20 5.2; value corrected from `10` to \
         `5`"
    );
    // The same value again confirms and corrects nothing.
    let event = profile.entry("dnp3.analog-event").unwrap();
    assert!(event.confirmed.is_some() && event.corrected_from.is_none());
    // What it does not name stays as it was.
    assert_eq!(profile.entry("scaling.step"), small().entry("scaling.step"));
}

/// Judges a wind plant of 7 MW.
fn judged(profile: &Profile, deadband: f64, served: bool) -> Report {
    let index = if served { "index = 1" } else { "" };
    let text = format!(
        "[site]\nname = \"wind\"\nresource = \"wind\"\nsocket = \"rtd.sock\"\n\
         [outstation]\nlisten = \"127.0.0.1:20000\"\naddress = 10\n\
         [tls]\ncertificate = \"a\"\nkey = \"b\"\ntrust_anchors = [\"c\"]\n\
         [resource]\ncapacity_mw = 7.0\n\
         [[master]]\nname = \"ems\"\naddress = 1\nadmit = [\"name:ems\"]\ncontrol = false\n\
         [[analog]]\nid = \"mw\"\nrole = \"mw\"\nunit = \"MW\"\nmax_units = 100.0\nmax_counts = 100\n\
         deadband = {deadband:?}\n{index}\n"
    );
    let source = Source::from_text("site.toml", text);
    let site = Site::read_with(&source, &Defaults::default(), Purpose::Check)
        .unwrap_or_else(|problems| panic!("{problems}"));
    judge(&Judgement {
        site: &site,
        places: &source.places(),
        certificates: &Certificates::default(),
        profile,
        as_of: "2026-11-25".parse().unwrap(),
        previous: None,
    })
}

fn of<'a>(report: &'a Report, rule: &str) -> Vec<&'a Finding> {
    report.findings.iter().filter(|finding| finding.rule == rule).collect()
}

#[test]
fn a_corrected_value_changes_what_refers_to_it() {
    let (before, after) = (small(), laid(OVERLAY).unwrap());
    // The threshold: 10 MW remembered, 5 MW read.
    assert_eq!(judged(&before, 1.0, true).required, Required::No);
    let by = vec!["scope.size".to_owned()];
    assert_eq!(judged(&after, 1.0, true).required, Required::Yes { by, tag: Tag::Confirmed });
    // The rule: 8 counts are within 10, not within 5.
    assert!(of(&judged(&before, 8.0, true), "scaling.step").is_empty());
    let report = judged(&after, 8.0, true);
    let [finding] = of(&report, "scaling.step")[..] else { panic!("{:?}", report.findings) };
    assert_eq!((finding.found.as_str(), finding.required.as_str()), ("8 counts", "at most 5 counts"));
    // The rule is inferred; what it rests on was recalled, and is read now.
    assert_eq!((finding.tag, finding.citable, finding.confirmed.is_none()), (Tag::Inferred, true, true));
    let report = judged(&before, 12.0, true);
    let [finding] = of(&report, "scaling.step")[..] else { panic!("{:?}", report.findings) };
    assert_eq!((finding.tag, finding.citable), (Tag::Recalled, false));
}

#[test]
fn a_finding_of_a_confirmed_entry_says_who_confirmed_it() {
    let report = judged(&laid(OVERLAY).unwrap(), 1.0, false);
    let [finding] = of(&report, "point.mw")[..] else { panic!("{:?}", report.findings) };
    let confirmed = finding.confirmed.as_ref().unwrap();
    assert_eq!((confirmed.by.as_str(), confirmed.page.as_str()), ("A. Reader", "30"));
    assert_eq!((finding.tag, finding.citable, finding.clause.as_str()), (Tag::Confirmed, true, "V20 7"));
    assert_eq!(report.overlay.as_ref().map(|overlay| overlay.confirmed), Some(3));
}
