//! Each kind of change, from the text of a file to the line that is told.

mod words;

use std::path::PathBuf;

use super::*;
use crate::capture::Configuration;

const FILE: &str = include_str!("../core/tests/site.toml");

/// A folder with the files that sites name.
pub(crate) struct Sites(tempfile::TempDir);

impl Sites {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in ["rtd.pem", "rtd.key", "ca.pem", "other.pem"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("site.toml")
    }

    /// The site of the file with some texts replaced by others.
    pub(crate) fn site(&self, replaced: &[(&str, &str)]) -> Site {
        let mut text = FILE.to_owned();
        for (from, to) in replaced {
            assert!(text.contains(from), "the file has no {from}");
            text = text.replacen(from, to, 1);
        }
        std::fs::write(self.path(), text).unwrap();
        Site::read(&self.path()).unwrap()
    }
}

fn told(replaced: &[(&str, &str)]) -> Vec<String> {
    let sites = Sites::new();
    let (old, new) = (sites.site(&[]), sites.site(replaced));
    compare::changes(&old, &new, &Served::of(&old)).iter().map(ToString::to_string).collect()
}

fn is(replaced: &[(&str, &str)], wanted: &[&str]) {
    assert_eq!(told(replaced), wanted);
}

/// The last table of the file goes elsewhere: this puts one before it.
const BEFORE: &str = "[heartbeat]\nid";

fn before(table: &str) -> String {
    format!("{table}\n{BEFORE}")
}

const SPARE: &str = "[[digital]]\nid = \"spare\"\nindex = 8\nsource = { device = \"switchgear\", register = 4, bit = 0 }\nage_max_ms = 5000\n";

#[test]
fn the_same_file_changes_nothing() {
    is(&[], &[]);
}

#[test]
fn points_come_and_go() {
    is(
        &[(BEFORE, &before(SPARE))],
        &[
            "device switchgear changed: readings: 2 -> 3; is connected anew",
            "point spare added: index 8, a state",
        ],
    );
    let gone = "[[digital]]\nid = \"poi.breaker\"\nname = \"Main breaker\"\nindex = 1\n";
    let other = "[[digital]]\nid = \"main.breaker\"\nname = \"Main breaker\"\nindex = 5\n";
    is(
        &[(gone, other), ("all = [\"poi.breaker\"]", "all = [\"main.breaker\"]")],
        &[
            "point poi.breaker removed: index 1 is no longer served",
            "point main.breaker added: index 5, a state",
            "point unit.connected changed: source: made: all of poi.breaker -> made: all of main.breaker",
        ],
    );
}

#[test]
fn a_point_under_another_name_is_the_same_point() {
    is(
        &[("id = \"poi.breaker\"", "id = \"main.breaker\""), ("[\"poi.breaker\"]", "[\"main.breaker\"]")],
        &[
            "point main.breaker renamed: was poi.breaker",
            "point unit.connected changed: source: made: all of poi.breaker -> made: all of main.breaker",
        ],
    );
}

#[test]
fn an_index_that_means_something_else_needs_the_flag() {
    is(&[("index = 9", "index = 10")], &["point rtd.heartbeat moved: index 9 -> 10 [needs --rescale]"]);
    // Two change places.
    is(
        &[
            ("power\"\nindex = 1", "power\"\nindex = 2"),
            ("Battery active power\"\nindex = 2", "Battery active power\"\nindex = 1"),
        ],
        &[
            "point poi.mw moved: index 1 -> 2 [needs --rescale]",
            "point bess.mw moved: index 2 -> 1 [needs --rescale]",
        ],
    );
    // A new one stands where another stood.
    let taken = SPARE.replace("index = 8", "index = 2");
    is(
        &[("name = \"Plant in remote\"\nindex = 2\n", ""), (BEFORE, &before(&taken))],
        &[
            "device switchgear changed: readings: 2 -> 3; is connected anew",
            "point plant.remote changed: index 2 is no longer served",
            "point plant.remote changed: name: Plant in remote -> plant.remote",
            "point spare added: index 2, a state",
            "point spare moved: index 2 was plant.remote [needs --rescale]",
        ],
    );
}

#[test]
fn counts_that_mean_something_else_need_the_flag() {
    is(
        &[("max_units = 15.0", "max_units = 20.0")],
        &["point poi.mw rescaled: 15 MW = 30000 counts -> 20 MW = 30000 counts [needs --rescale]"],
    );
    is(
        &[("max_units = 15.0\nmax_counts = 30000", "wire = \"engineering\"")],
        &[
            "point poi.mw rescaled: 15 MW = 30000 counts -> MW as a number [needs --rescale]",
            "point poi.mw changed: static_variation: 2 -> 5; event_variation: 2 -> 5",
        ],
    );
    // Nobody reads one that is not served.
    let text = told(&[("power\"\nindex = 1", "power\""), ("max_units = 15.0", "max_units = 20.0")]);
    assert_eq!(text[1], "point poi.mw rescaled: 15 MW = 30000 counts -> 20 MW = 30000 counts");
}

/// What each of several sites would change, each being applied whatever it needs.
fn told_in_turn(steps: &[&[(&str, &str)]]) -> Vec<Vec<String>> {
    let sites = Sites::new();
    let mut old = sites.site(&[]);
    let mut served = Served::of(&old);
    let mut all = Vec::new();
    for step in steps {
        let new = sites.site(step);
        all.push(compare::changes(&old, &new, &served).iter().map(ToString::to_string).collect());
        served.remember(&new);
        old = new;
    }
    all
}

#[test]
fn counts_that_mean_something_else_need_the_flag_after_an_absence_too() {
    let away = ("power\"\nindex = 1", "power\"");
    let other = ("max_units = 15.0", "max_units = 7.5");
    let told = told_in_turn(&[&[away], &[other], &[other, away], &[other], &[away], &[other, away], &[]]);
    let back = "point poi.mw changed: served from now on, index 1";
    let lost = "point poi.mw changed: index 1 is no longer served";
    let quiet = "point poi.mw rescaled: 15 MW = 30000 counts -> 7.5 MW = 30000 counts";
    let needs = "point poi.mw rescaled: index 1 was 15 MW = 30000 counts when it was last served, is 7.5 MW = 30000 counts now [needs --rescale]";
    assert_eq!(told[0], [lost]);
    assert_eq!(told[1], [back, quiet, needs]);
    // That was applied: the ISO's data base has followed.
    assert_eq!((&told[2], &told[3]), (&vec![lost.to_owned()], &vec![back.to_owned()]));
    // However many steps it takes.
    assert!(told[4].iter().all(|line| !line.contains("needs")), "{told:?}");
    assert!(told[5].iter().all(|line| !line.contains("needs")), "{told:?}");
    assert_eq!(told[6].iter().filter(|line| line.contains("[needs --rescale]")).count(), 1, "{told:?}");
    // Another point at the same index is taken for the one that was there.
    let gone = ("id = \"poi.mw\"", "id = \"poi.other\"");
    let told = told_in_turn(&[&[away], &[gone, other]]);
    assert_eq!(told[1].iter().filter(|line| line.contains("[needs --rescale]")).count(), 1, "{told:?}");
}

#[test]
fn what_else_changes_of_a_point_is_told_and_live() {
    is(
        &[(
            "range = [-20.0, 20.0]",
            "range = [-20.0, 21.0]\ndeadband = 0.5\nclass = 3\nstatic_variation = 1",
        )],
        &[
            "point poi.mw changed: class: 2 -> 3; static_variation: 2 -> 1; range: -20 to 20 -> -20 to 21; deadband: 0 -> 0.5",
        ],
    );
    is(
        &[("sunspec = \"203.W\"", "sunspec = \"203.WphA\"")],
        &[
            "device meter changed: readings: 1 -> 1; is connected anew",
            "point poi.mw changed: source: meter SunSpec 203.W in W -> meter SunSpec 203.WphA in W; never read until its first fresh reading",
        ],
    );
}

#[test]
fn a_set_point_of_another_definition_goes_back_to_the_plant() {
    is(
        &[("limits = [-4.0, 4.0]", "limits = [-3.0, 4.0]")],
        &[
            "point bess.mw.setpoint changed: limits: -4 to 4 -> -3 to 4; authority goes back to the plant, bess keeps what it was told",
        ],
    );
    is(
        &[("name = \"Battery set point\"", "name = \"Power of the battery\"")],
        &["point bess.mw.setpoint changed: name: Battery set point -> Power of the battery"],
    );
}

/// What is told where the set point has these keys instead of none.
fn told_of_keys(before: &str, after: &str) -> Vec<String> {
    let hold = "hold_ms = 30000";
    let with = |keys: &str| format!("{hold}\n{keys}");
    let sites = Sites::new();
    let (old, new) = (sites.site(&[(hold, &with(before))]), sites.site(&[(hold, &with(after))]));
    compare::changes(&old, &new, &Served::of(&old)).iter().map(ToString::to_string).collect()
}

#[test]
fn each_key_of_a_set_point_is_told_by_its_name() {
    let back = "; authority goes back to the plant, bess keeps what it was told";
    let of_keys = |before, after, wanted: &str| {
        assert_eq!(told_of_keys(before, after), [format!("point bess.mw.setpoint changed: {wanted}")]);
    };
    let ramp = ("ramp_up_per_min = 60.0", "ramp_up_per_min = 30.0\nramp_down_per_min = 60.0");
    of_keys(ramp.0, ramp.1, &format!("ramp_up_per_min: 60 -> 30{back}"));
    let follows =
        ("follows_within = 1.0\nfollows_s = 15\nsilence_ms = 500", "follows_within = 1.0\nfollows_s = 20");
    of_keys(follows.0, follows.1, &format!("silence_ms: 500 ms -> none; follows_s: 15 s -> 20 s{back}"));
    let loss =
        ("schedule = \"poi.mw\"", "schedule = \"poi.mw\"\non_loss = \"schedule\"\nhandover = \"disable\"");
    of_keys(
        loss.0,
        loss.1,
        "on_loss: release -> schedule; handover: keep -> disable; authority goes back to the plant, bess is handed back to its own control",
    );
    let trim = "trim = { meter = \"poi.mw\", gain = 0.1, most = 0.5 }";
    of_keys(
        "",
        trim,
        &format!("trim.meter: none -> poi.mw; trim.gain: none -> 0.1; trim.most: none -> 0.5{back}"),
    );
    of_keys(
        "commands_max = { count = 3, within_s = 60 }\naux = \"poi.mw\"\nlimits_hard = { low = \"poi.mw\" }",
        "commands_max = { count = 4, within_s = 60 }\nlimits_hard = { high = \"poi.mw\" }",
        &format!(
            "commands_max: 3 within 60 s -> 4 within 60 s; limits_hard.low: poi.mw -> none; limits_hard.high: none -> \
             poi.mw; aux: poi.mw -> none{back}"
        ),
    );
    let part = |more: &str| {
        format!(
            "drive = [{{ device = \"bess\", control = \"704\", low = 0.0, high = 1.0{more} }}]\ndispatch = \"priority\""
        )
    };
    let drive = (
        "drive = [{ device = \"bess\", control = \"704\", revert_s = 60 }]",
        part(""),
        part(", power = \"bess.mw\""),
    );
    let sites = Sites::new();
    let (old, new) = (sites.site(&[(drive.0, &drive.1)]), sites.site(&[(drive.0, &drive.2)]));
    let told: Vec<String> =
        compare::changes(&old, &new, &Served::of(&old)).iter().map(ToString::to_string).collect();
    assert_eq!(told, [format!("point bess.mw.setpoint changed: drive.bess.power: none -> bess.mw{back}")]);
    // What is only scored otherwise goes on.
    let score = ("score = { window_s = 60 }", "score = { window_s = 120, accuracy_below = 0.5 }");
    of_keys(score.0, score.1, "score.window_s: 60 s -> 120 s; score.accuracy_below: none -> 0.5");
}

#[test]
fn a_set_point_that_goes_back_for_another_reason_is_told_too() {
    let back = "point bess.mw.setpoint changed: authority goes back to the plant, bess is told nothing more";
    let lines = told(&[("127.0.0.1:2", "127.0.0.1:5")]);
    assert_eq!(lines[1..], [back], "{lines:?}");
    // A part of a dispatch is a rule of the set point.
    let shared = |high: &str| {
        format!(
            "dispatch = \"priority\"\ndrive = [{{ device = \"bess\", control = \"704\", revert_s = 60, low = -4.0, high = {high} }}]"
        )
    };
    let drive = "drive = [{ device = \"bess\", control = \"704\", revert_s = 60 }]";
    let sites = Sites::new();
    let (old, new) = (sites.site(&[(drive, &shared("4.0"))]), sites.site(&[(drive, &shared("3.0"))]));
    let changes = compare::changes(&old, &new, &Served::of(&old));
    let lines: Vec<String> = changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "point bess.mw.setpoint changed: drive.bess.high: 4 -> 3; authority goes back to the plant, bess keeps what it was told"
        ]
    );
    // Under another name it drives the same device.
    let name = ("id = \"bess.mw.setpoint\"", "id = \"bess.setpoint\"");
    let lines = told(&[name]);
    let back = "point bess.setpoint changed: authority goes back to the plant, bess keeps what it was told";
    assert!(lines.iter().any(|line| line == back), "{lines:#?}");
    // There is none any more.
    let block = &FILE[FILE.find("[[setpoint]]").unwrap()..];
    let lines = told(&[(block, "")]);
    let back = "point bess.mw.setpoint removed: index 1 is no longer served; authority goes back to the plant, bess is handed back to its own control";
    assert!(lines.iter().any(|line| line == back), "{lines:#?}");
}

#[test]
fn devices() {
    is(
        &[("127.0.0.1:3", "127.0.0.1:4")],
        &["device switchgear changed: 127.0.0.1:3, unit 1 -> 127.0.0.1:4, unit 1; is connected anew"],
    );
    is(
        &[("poll_ms = 1000", "poll_ms = 2000")],
        &["device meter changed: poll_ms: 1 s -> 2 s; is connected anew"],
    );
    let device = "[[device]]\nid = \"met\"\nprotocol = \"modbus\"\naddress = \"127.0.0.1:9\"\npoll_ms = 1000\n[[device]]";
    is(&[("[[device]]", device)], &["device met added: modbus at 127.0.0.1:9, unit 1, 0 readings"]);
}

#[test]
fn masters_and_tls() {
    let observer = "[[master]]\nname = \"observer\"\naddress = 2\nadmit = [\"name:observer.example\"]\ncontrol = false\n";
    is(&[(observer, "")], &["master observer removed: its session is closed"]);
    is(
        &[("address = 2", "address = 3"), ("control = false", "control = true")],
        &["master observer changed: address: 2 -> 3; its session is closed; control: false -> true"],
    );
    is(
        &[("name:observer.example", "name:other.example")],
        &[
            "master observer changed: admit: name:observer.example -> name:other.example; its session is judged again",
        ],
    );
    let text = told(&[("certificate = \"rtd.pem\"", "certificate = \"other.pem\"")]);
    assert!(text[0].starts_with("certificates tls changed: certificate: "), "{text:?}");
    assert!(text[0].ends_with("holds for connections to come; sessions are judged again"), "{text:?}");
}

#[test]
fn what_needs_a_restart_says_so() {
    is(
        &[("127.0.0.1:0", "127.0.0.1:20000")],
        &["section outstation.listen changed: 127.0.0.1:0 -> 127.0.0.1:20000 [needs a restart]"],
    );
    is(
        &[("address = 10", "address = 11")],
        &["section outstation.address changed: 10 -> 11 [needs a restart]"],
    );
    is(
        &[("[[master]]", "[history]\npath = \"h.db\"\n[[master]]")],
        &["section history changed: added [needs a restart]"],
    );
    is(
        &[("[[master]]", "[metrics]\n[clock]\nntp = [\"192.0.2.1:123\"]\n[[master]]")],
        &[
            "section metrics changed: where metrics and health are served [needs a restart]",
            "section clock changed: what the clock is held against [needs a restart]",
        ],
    );
    let text = told(&[("run/rtd.sock", "run/other.sock")]);
    assert!(text[0].ends_with("[needs a restart]"), "{text:?}");
    is(
        &[("address = 10", "address = 10\nevents_max = 500\nkeep_alive_s = 5")],
        &[
            "section outstation.events_max changed: 1000 -> 500",
            "section outstation.keep_alive_s changed: 20 s -> 5 s",
        ],
    );
}

/// `rule of somebody: found`.
fn finding(text: &str) -> Finding {
    Finding { of: text.split(':').next().unwrap().to_owned(), text: text.to_owned() }
}

fn candidate(sites: &Sites, replaced: &[(&str, &str)], findings: &[&str]) -> Candidate {
    let site = sites.site(replaced);
    let sha256 = sha256(&std::fs::read(&site.file).unwrap());
    Candidate {
        site,
        findings: findings.iter().map(|text| finding(text)).collect(),
        sha256,
        configuration: Configuration::default(),
    }
}

#[test]
fn a_plan_names_what_it_is_made_of_and_permits_what_was_asked_for() {
    let sites = Sites::new();
    let old = candidate(&sites, &[], &["a rule", "another: found 4"]);
    let (files, served) = (Files::read(&old.site), Served::of(&old.site));
    let new =
        candidate(&sites, &[("max_units = 15.0", "max_units = 20.0")], &["another: found 5", "a third"]);
    let plan = Plan::new((&old, &files), (&new, &files), &served);
    assert_eq!(
        (plan.broken.as_slice(), plan.mended.as_slice()),
        (&["a third".to_owned()][..], &["a rule".to_owned()][..])
    );
    assert_eq!(plan.needs, Needs::Rescale);
    assert_eq!(
        plan.permitted(false).unwrap_err(),
        "nothing was changed:\npoint poi.mw rescaled: 15 MW = 30000 counts -> 20 MW = 30000 counts [needs --rescale]"
    );
    assert_eq!(plan.permitted(true), Ok(()));
    // A certificate under its old name.
    std::fs::write(new.site.tls.certificate.clone(), "renewed").unwrap();
    let again = Plan::new((&old, &files), (&new, &Files::read(&new.site)), &served);
    assert_ne!(plan.plan, again.plan);
    let text = again.changes.last().unwrap().to_string();
    assert!(text.starts_with("certificates ") && text.contains("rtd.pem changed: another content"), "{text}");
    let away = candidate(&sites, &[("127.0.0.1:0", "127.0.0.1:1")], &[]);
    let refused = Plan::new((&old, &files), (&away, &Files::read(&away.site)), &served).permitted(true);
    assert!(refused.unwrap_err().contains("needs a restart"));
}
