//! Another site file for the running device: what is planned, what is applied, and what changes nothing. The ISO goes
//! on reading all the time.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

#[allow(dead_code, reason = "shared with other tests")]
mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::{Folder, Loop, Program, all, has_flag, is_good, openrtd, points};

/// A command's exit code, what it said and what it complained about.
fn said(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = openrtd(arguments);
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn apply(site: &str) -> String {
    let (code, out, errors) = said(&["apply", site]);
    assert_eq!(code, Some(0), "{errors}");
    out
}

/// How often a session of a master ended, and how often a scan was missed.
fn dropped(records: &[Value]) -> (usize, usize) {
    let downs = records.iter().filter(|one| one["event"] == "session" && one["state"] == "down").count();
    let links = records.iter().filter(|one| one["event"] == "link" && one["state"] == "down").count();
    let missed = records.iter().filter(|one| one["event"] == "scan" && one["missed"] == true).count();
    (downs + links, missed)
}

/// Whether something is said of a line of the site file.
fn has_place(errors: &str) -> bool {
    errors.split("site.toml:").skip(1).any(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

const SPARE: &str = "\n[[digital]]\nid = \"spare.breaker\"\nindex = 60\nsource = { device = \"switchgear\", register = 0, bit = 0 }\n";

fn configurations(records: &[Value]) -> Vec<&Value> {
    records.iter().filter(|one| one["event"] == "configuration").collect()
}

/// What a site file breaks by: a text, and what it is replaced by.
const BROKEN: [(&str, &str); 51] = [
    ("[site]", "[sit]"),
    ("[site]", "[site"),
    ("name = ", "nam = "),
    ("resource = \"hybrid\"", "resource = \"hybird\""),
    ("socket = \"run/rtd.sock\"", "socket = 7"),
    ("[outstation]", "[outstations]"),
    ("listen = \"127.0.0.1:", "listen = \"127.0.0.1."),
    ("address = 10", "address = 65520"),
    ("address = 10", "address = \"ten\""),
    ("address = 10", "address = 10\nevents_max = 0"),
    ("address = 10", "address = 10\ntime_source = \"moon\""),
    ("[tls]", "[tsl]"),
    ("certificate = \"", "certificate = \"missing-"),
    ("key = \"", "key = \"missing-"),
    ("/rtd.key", "/ems.key"),
    ("trust_anchors = [\"", "trust_anchors = [\"missing-"),
    ("[tls]", "[tls]\nmin_version = \"0.9\""),
    ("[tls]", "[tls]\ncipher_suites = [\"NULL\"]"),
    ("[tls]", "[tls]\ncrls = [\"missing.crl\"]"),
    ("[[master]]", "[[masters]]"),
    ("admit = [\"", "admit = [\"nobody:"),
    ("control = true", "control = 1"),
    ("[[device]]", "[[devices]]"),
    ("protocol = \"sunspec\"", "protocol = \"sunspek\""),
    ("poll_ms = 1000", "poll_ms = 0"),
    ("poll_ms = 1000", "poll_ms = -1"),
    ("poll_ms = 1000", "poll_ms = 1000\ntimeout_ms = 0"),
    ("[[analog]]", "[[analogue]]"),
    ("unit = \"MW\"", "unit = \"MVV\""),
    ("unit = \"MW\"", "unit = \"MVAr\""),
    ("sign = \"+\"", "sign = \"*\""),
    ("max_units = ", "max_units = -"),
    ("max_counts = ", "max_counts = -"),
    ("max_units = ", "max_unit = "),
    ("device = \"meter\"", "device = \"meterr\""),
    ("sunspec = \"203.W\"", "sunspec = \"203.Watt\""),
    ("index = 2\n", "index = 1\n"),
    ("index = 1\n", "index = 70000\n"),
    ("index = 1\n", "index = 1\nclass = 4\n"),
    ("index = 1\n", "index = 1\nstatic_variation = 77\n"),
    ("index = 1\n", "index = 1\ndeadband = -1.0\n"),
    ("index = 1\n", "index = 1\nevent_variation = 9\n"),
    ("id = \"bess.mw\"", "id = \"poi.mw\""),
    ("id = \"bess.mw\"", "id = \"bess mw\""),
    ("[heartbeat]", "[heartbeat]\nwrap = 0"),
    ("[heartbeat]", "[heartbeat]\nperiod_ms = 0"),
    ("[connection]", "[connection]\nall = []"),
    ("limits = [-4.0, 4.0]", "limits = [4.0, -4.0]"),
    ("actual = \"bess.mw\"", "actual = \"bess.mww\""),
    ("hold_ms = ", "hold_ms = -"),
    ("[[setpoint]]", "[[setpoints]]"),
];

#[test]
fn a_point_comes_and_goes_and_nobody_is_dropped() {
    let folder = Folder::quick();
    folder.change("site.toml", "\n[resource]", "\n[history]\npath = \"kept/history.db\"\n\n[resource]");
    let site = folder.path("site.toml");
    let (code, _, errors) = said(&["plan", &site]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("no device runs on") && errors.contains("openrtd run"), "{errors}");
    let mut running = Loop::start(&folder);
    let (_, out, _) = said(&["plan", &site]);
    assert!(out.contains("nothing would change: the device runs this already"), "{out}");

    // Broken files, each at its place; none changes anything.
    let good = folder.read("site.toml");
    for (from, to) in BROKEN {
        assert!(good.contains(from), "the file has no {from}");
        fs::write(folder.site.join("site.toml"), good.replacen(from, to, 1)).unwrap();
        let (code, _, errors) = said(&["apply", &site]);
        assert_eq!(code, Some(2), "{to}: {errors}");
        assert!(has_place(&errors), "{to}: {errors}");
    }
    running.rtd.signal("-HUP");
    let refused = running
        .rtd
        .wait("to refuse the file", |records| configurations(records).first().map(|one| (*one).clone()));
    assert_eq!((&refused["state"], &refused["by"]), (&json!("refused"), &json!("signal")));
    assert!(refused["why"].as_str().unwrap().contains("setpoints"), "{refused}");
    fs::write(folder.site.join("site.toml"), &good).unwrap();
    let (_, out, _) = said(&["plan", &site]);
    assert!(out.contains("nothing would change"), "{out}");

    // A point more; the ISO reads on, and sees it in its next class 0.
    fs::write(folder.site.join("site.toml"), format!("{good}{SPARE}")).unwrap();
    let (code, out, _) = said(&["plan", &site, "--json"]);
    let plan: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &plan["needs"]), (Some(0), &json!("nothing")));
    assert_eq!(plan["changes"][0]["id"], "spare.breaker");
    let (code, _, errors) = said(&["apply", &site, "--plan-hash", "0123456789abcdef"]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("nothing was changed: the plan is"), "{errors}");
    let (code, out, errors) = said(&["apply", &site, "--plan-hash", plan["plan"].as_str().unwrap()]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.contains("applied plan") && out.contains("point spare.breaker added: index 60"), "{out}");
    running.rtd.wait("to read the new point", |records| {
        points(records).any(|one| one["id"] == "spare.breaker" && is_good(one)).then_some(())
    });

    // What needs a flag, and what needs a restart.
    let rescaled = good.replacen("max_units = ", "max_units = 1", 1);
    fs::write(folder.site.join("site.toml"), &rescaled).unwrap();
    let (code, _, errors) = said(&["apply", &site]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("rescaled") && errors.contains("[needs --rescale]"), "{errors}");
    fs::write(folder.site.join("site.toml"), good.replacen("address = 10", "address = 11", 1)).unwrap();
    let (code, _, errors) = said(&["apply", &site, "--rescale"]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("[needs a restart]"), "{errors}");

    // Back by a signal.
    fs::write(folder.site.join("site.toml"), &good).unwrap();
    let mark = running.rtd.mark();
    running.rtd.signal("-HUP");
    let applied = running.rtd.wait("to take the file", |records| {
        configurations(&records[mark..])
            .iter()
            .find(|one| one["state"] == "applied")
            .map(|one| (*one).clone())
    });
    assert!(applied["changes"].to_string().contains("point spare.breaker removed"), "{applied}");
    let iso = running.iso.mark();
    running.iso.wait("to scan on", |records| {
        (records[iso..].iter().filter(|one| one["event"] == "scan").count() > 3).then_some(())
    });
    assert_eq!(dropped(&running.rtd.records()), (0, 0));
    assert_eq!(dropped(&running.iso.records()), (0, 0));
    running.iso.wait("to have every point Good", |records| all(records, &folder.points(), is_good));

    // It is in the history, with what was before.
    running.rtd.signal("-TERM");
    let (code, records) = running.rtd.end();
    assert_eq!(code, Some(0));
    let told = openrtd(&["history", &site, "--events", "--format", "json"]).stdout;
    let log: Vec<Value> =
        String::from_utf8(told).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let log: Vec<&Value> = log.iter().filter(|event| event["kind"] == "configuration").collect();
    let applied = configurations(&records).into_iter().filter(|one| one["state"] == "applied").count();
    assert_eq!((log.len(), applied), (3, 2), "the start's, and each that was taken");
    assert_eq!(log[1]["detail"]["before"], log[0]["detail"]["sha256"]);
    assert_eq!(log[2]["detail"]["sha256"], log[0]["detail"]["sha256"]);
    assert!(log[1]["detail"]["changes"].to_string().contains("spare.breaker added"), "{log:?}");
}

#[test]
fn a_master_that_is_removed_is_out_and_a_device_that_changes_is_read_anew() {
    let folder = Folder::quick();
    let running = Loop::start(&folder);
    let site = folder.path("site.toml");
    // Two at once: one after the other, and the second finds nothing to do.
    folder.change("site.toml", "poll_ms = 1000", "poll_ms = 500");
    let outs = std::thread::scope(|threads| {
        let both = [(); 2].map(|()| threads.spawn(|| apply(&site)));
        both.map(|one| one.join().unwrap())
    });
    let idle = outs.iter().filter(|out| out.contains("nothing would change")).count();
    assert_eq!(idle, 1, "{outs:?}");
    running.iso.wait("to have every point Good", |records| all(records, &folder.points(), is_good));
    assert_eq!(dropped(&running.rtd.records()), (0, 0));

    let good = folder.read("site.toml");
    let admit = good.lines().find(|line| line.starts_with("admit = ")).unwrap();
    folder.change("site.toml", admit, "admit = [\"name:somebody.else\"]");
    apply(&site);
    let down = running.rtd.wait("to close the session", |records| {
        records.iter().find(|one| one["event"] == "session" && one["state"] == "down").cloned()
    });
    let applied = configurations(&running.rtd.records()).last().map(|one| support::at(one, "time")).unwrap();
    assert!(support::at(&down, "time") - applied < 5_000, "{down}");
    assert!(down["why"].as_str().unwrap().contains("not admitted any more"), "{down}");
    fs::write(folder.site.join("site.toml"), &good).unwrap();
    let mark = running.iso.mark();
    apply(&site);
    running.iso.wait("to come back", |records| all(&records[mark..], &folder.points(), is_good));
    let lost = |one: &Value| !is_good(one) && has_flag(one, "RESTART");
    assert!(
        !points(&running.rtd.records())
            .skip_while(|one| !is_good(one))
            .any(|one| one["id"] == "poi.mw" && lost(one))
    );
}

/// As [`said`], by somebody who stands in a folder.
fn said_in(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_openrtd")).args(arguments).current_dir(folder).output().unwrap();
    let text = |octets: Vec<u8>| String::from_utf8(octets).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// What the device answers to a line over its local socket.
fn answered(folder: &Folder, request: &Value) -> Value {
    let mut socket = UnixStream::connect(folder.site.join("run/rtd.sock")).unwrap();
    writeln!(socket, "{request}").unwrap();
    let mut line = String::new();
    BufReader::new(socket).read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap()
}

const EXTRA: &str =
    "[[analog]]\nid = \"spare.mw\"\nindex = 70\nunit = \"MW\"\nmax_units = 10.0\nmax_counts = 30000\n\n";

#[test]
fn the_same_file_is_the_same_site_by_any_name() {
    let folder = Folder::quick();
    folder.change(
        "site.toml",
        "\n[resource]",
        "\n[history]\npath = \"kept/history.db\"\n\n[capture]\nfolder = \"caps\"\n\n[resource]",
    );
    let around = folder.site.parent().unwrap();
    symlink(&folder.site, around.join("linked")).unwrap();
    symlink(folder.site.join("site.toml"), around.join("link.toml")).unwrap();
    let rtd = Program::start_inside(&folder, "run", "site.toml");
    let whole = folder.path("site.toml");
    let names: [(&Path, &str); 5] = [
        (&folder.site, "site.toml"),
        (Path::new("/"), &whole),
        (around, "site/site.toml"),
        (around, "linked/site.toml"),
        (around, "link.toml"),
    ];
    for (from, name) in names {
        for command in ["plan", "apply"] {
            let (code, out, errors) = said_in(from, &[command, name]);
            assert!(
                code == Some(0) && out.contains("nothing would change"),
                "{command} {name}: {out}{errors}"
            );
        }
    }
    // It leaves a line that it was read.
    rtd.wait_log(&["read again, nothing changed", "by=\"apply\""]);
    rtd.signal("-HUP");
    rtd.wait_log(&["read again, nothing changed", "by=\"signal\""]);
    assert_eq!(configurations(&rtd.records()).len(), 0);

    // A field of a wrong type is not one that was left out.
    for request in [json!({ "plan": 5 }), json!({ "rescale": "yes" }), json!({ "file": ["site.toml"] })] {
        let mut request = request;
        request["do"] = json!("apply");
        let told = answered(&folder, &request).to_string();
        assert!(told.contains("allowed: ") && !told.contains("applied"), "{told}");
    }

    // A point at the top: what the others break they broke before.
    let good = folder.read("site.toml");
    let bare = good.replacen("[[analog]]", &format!("{EXTRA}[[analog]]"), 1);
    fs::write(folder.site.join("site.toml"), &bare).unwrap();
    let (_, out, errors) = said(&["plan", &whole, "--json"]);
    let plan: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out}{errors}"));
    let broken = plan["broken"].as_array().unwrap();
    assert!(broken.iter().all(|one| one.as_str().unwrap().contains("spare.mw")), "{broken:?}");
    assert_eq!(plan["mended"], json!([]));
    apply(&whole);

    // What was served at an index is not forgotten while it is away.
    fs::write(folder.site.join("site.toml"), &good).unwrap();
    apply(&whole);
    let other = bare.replacen("max_units = 10.0", "max_units = 5.0", 1);
    fs::write(folder.site.join("site.toml"), &other).unwrap();
    let (code, _, errors) = said(&["apply", &whole]);
    assert!(code == Some(1) && errors.contains("[needs --rescale]"), "{errors}");
    let (code, _, errors) = said(&["apply", &whole, "--rescale"]);
    assert_eq!(code, Some(0), "{errors}");
    let (_, out, _) = said(&["plan", &whole]);
    assert!(out.contains("nothing would change"), "{out}");
}

#[test]
fn a_signal_does_not_undo_what_was_applied_after_it() {
    let folder = Folder::quick();
    let rtd = Program::start(&folder, "run", "site.toml");
    fs::write(folder.site.join("other.toml"), folder.read("site.toml") + SPARE).unwrap();
    for round in 0..6 {
        let file = folder.path(if round % 2 == 0 { "other.toml" } else { "site.toml" });
        rtd.signal("-HUP");
        apply(&file);
        let (_, out, _) = said(&["plan", &file]);
        assert!(out.contains("nothing would change"), "{out}");
    }
    let by: Vec<_> = configurations(&rtd.records()).iter().map(|one| one["by"].clone()).collect();
    assert_eq!(by, vec![json!("apply"); 6]);
}

fn of_state(records: &[Value], state: &str) -> usize {
    configurations(records).iter().filter(|one| one["state"] == state).count()
}

/// The proof: so many reloads of all kinds while the ISO scans every second.
#[test]
#[ignore = "scripts/proof.sh reloads"]
fn a_thousand_reloads_under_polling() {
    const LATE_MS: i64 = 1_500;
    let result = std::env::var_os("OPENRTD_PROOF").unwrap();
    let rounds: usize = std::env::var("OPENRTD_PROOF_ROUNDS").map_or(1_000, |rounds| rounds.parse().unwrap());
    let folder = Folder::quick();
    let site = folder.path("site.toml");
    let mut running = Loop::start(&folder);
    let good = folder.read("site.toml");
    let device = good.split("[[device]]\n").nth(1).unwrap().split("[[").next().unwrap();
    let other = device.replacen("id = \"", "id = \"second-", 1);
    let master =
        "[[master]]\nname = \"guest\"\naddress = 77\nadmit = [\"name:guest.example\"]\ncontrol = false\n";
    let variants = [
        good.clone(),
        format!("{good}{SPARE}"),
        good.replacen("index = 1\n", "index = 1\ndeadband = 0.25\n", 1),
        good.replacen("[[device]]\n", &format!("[[device]]\n{other}[[device]]\n"), 1),
        good.replacen("poll_ms = 1000", "poll_ms = 900", 1),
        good.replacen("[[master]]", &format!("{master}[[master]]"), 1),
    ];
    let certificate =
        good.lines().find_map(|line| line.strip_prefix("certificate = \"")?.strip_suffix('"')).unwrap();
    let pem = folder.read(certificate);
    let (mut kinds, mut broken, mut started) = (std::collections::BTreeSet::new(), 0, None);
    for round in 0..rounds {
        let variant = &variants[round % variants.len()];
        fs::write(folder.site.join("site.toml"), variant).unwrap();
        // A renewed certificate: what stands beside it in its file does not matter to it.
        fs::write(folder.site.join(certificate), format!("{pem}\nround {round}\n")).unwrap();
        let (code, out, errors) = said(&["apply", &site, "--json"]);
        assert_eq!(code, Some(0), "round {round}: {errors}");
        let answer: Value = serde_json::from_str(&out).unwrap();
        for change in answer["plan"]["changes"].as_array().unwrap() {
            kinds.insert(format!(
                "{} {}",
                change["what"].as_str().unwrap(),
                change["deed"].as_str().unwrap()
            ));
        }
        started.get_or_insert_with(|| running.iso.mark());
        if round * BROKEN.len() / rounds != (round + 1) * BROKEN.len() / rounds {
            let (from, to) = BROKEN[broken % BROKEN.len()];
            fs::write(folder.site.join("site.toml"), good.replacen(from, to, 1)).unwrap();
            assert_eq!(said(&["apply", &site]).0, Some(2), "{to}");
            broken += 1;
            // The device's own look at it.
            running.rtd.signal("-HUP");
            running
                .rtd
                .wait("to refuse it", |records| (of_state(records, "refused") == broken).then_some(()));
        }
    }
    running.iso.wait("to have every point Good", |records| all(records, &folder.points(), is_good));
    let iso = running.iso.records();
    let scans: Vec<i64> = iso[started.unwrap()..]
        .iter()
        .filter(|one| one["event"] == "scan" && one["missed"] == false)
        .map(|one| support::at(one, "time"))
        .collect();
    let late = scans.windows(2).filter(|pair| pair[1] - pair[0] > LATE_MS).count();
    running.rtd.signal("-TERM");
    let (_, rtd) = running.rtd.end();
    let (applied, refused) = (of_state(&rtd, "applied"), of_state(&rtd, "refused"));
    let downs = dropped(&rtd).0;
    let record = json!({
        "reloads": rounds, "applied": applied, "broken_files": broken, "refused": refused,
        "kinds": kinds, "sessions_dropped": downs, "scan_ms": 1_000, "scans": scans.len(), "late_after_ms": LATE_MS,
        "late_scans": late, "longest_ms": support::longest_scan(&iso), "missed_scans": dropped(&iso).1,
    });
    fs::write(result, record.to_string()).unwrap();
    assert_eq!((applied, refused, downs), (rounds, broken, 0), "{record}");
    assert!(late <= rounds && broken == BROKEN.len().min(rounds), "{record}");
}
