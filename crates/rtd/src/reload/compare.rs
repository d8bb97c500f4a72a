//! Everything of two sites that is no point.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use site::words::duration;
use site::{Device, Master, Site};

use super::points;
use super::{Change, Deed, Kept, Needs, Served};

/// What becomes of everything, in the order in which a file has it.
pub(super) fn changes(old: &Site, new: &Site, served: &Served) -> Vec<Change> {
    let kept = Kept::of(old, new);
    let mut changes = sections(old, new);
    changes.extend(tls(old, new));
    changes.extend(masters(old, new));
    changes.extend(devices(old, new));
    changes.extend(points::changes(old, new, &kept, served));
    changes
}

/// `from -> to`, where they differ.
fn differs<T: PartialEq>(old: &T, new: &T, words: impl Fn(&T) -> String) -> Option<String> {
    (old != new).then(|| format!("{} -> {}", words(old), words(new)))
}

fn none() -> String {
    "none".to_owned()
}

fn or_none<T: Display>(value: &Option<T>) -> String {
    value.as_ref().map_or_else(none, ToString::to_string)
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn path_or_none(value: &Option<PathBuf>) -> String {
    value.as_deref().map_or_else(none, path)
}

fn list(texts: impl Iterator<Item = String>) -> String {
    let texts: Vec<String> = texts.collect();
    if texts.is_empty() { none() } else { texts.join(", ") }
}

fn sections(old: &Site, new: &Site) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut section = |key: &str, text: Option<String>, needs: Needs| {
        changes.extend(text.map(|text| Change::new("section", key, Deed::Changed, text).needing(needs)));
    };
    let (live, restart) = (Needs::Nothing, Needs::Restart);
    section("site.name", differs(&old.name, &new.name, ToString::to_string), live);
    section("site.resource", differs(&old.resource, &new.resource, ToString::to_string), live);
    section("site.profile", differs(&old.profile, &new.profile, or_none), live);
    section("site.overlay", differs(&old.overlay, &new.overlay, path_or_none), live);
    section("site.socket", differs(&old.socket, &new.socket, |of| path(of)), restart);
    let (ours, theirs) = (&old.outstation, &new.outstation);
    section("outstation.listen", differs(&ours.listen, &theirs.listen, ToString::to_string), restart);
    section("outstation.address", differs(&ours.address, &theirs.address, ToString::to_string), restart);
    section(
        "outstation.time_source",
        differs(&ours.time_source, &theirs.time_source, ToString::to_string),
        live,
    );
    section(
        "outstation.events_max",
        differs(&ours.events_max, &theirs.events_max, ToString::to_string),
        live,
    );
    let seconds = |of: &std::time::Duration| format!("{} s", of.as_secs());
    section("outstation.keep_alive_s", differs(&ours.keep_alive, &theirs.keep_alive, seconds), live);
    section(
        "outstation.index_offset",
        differs(&ours.index_offset, &theirs.index_offset, ToString::to_string),
        live,
    );
    let told = |changed: bool| changed.then(|| "what papers and rules are made of".to_owned());
    section("resource", told(old.master_file != new.master_file), live);
    section("component", told(old.components != new.components), live);
    section("station", told(old.stations != new.stations), live);
    match (&old.history, &new.history) {
        (Some(before), Some(after)) => {
            section("history.path", differs(&before.path, &after.path, |of| path(of)), restart);
            let days = |of: &std::time::Duration| format!("{} days", of.as_secs() / 86_400);
            section("history.retention_days", differs(&before.retention, &after.retention, days), live);
            let megabytes = |octets: &u64| format!("{} MB", octets / 1_000_000);
            section("history.max_mb", differs(&before.octets_max, &after.octets_max, megabytes), live);
        }
        (None, None) => {}
        (before, _) => {
            let text = if before.is_some() { "removed" } else { "added" };
            section("history", Some(text.to_owned()), restart);
        }
    }
    let places = "the places that the history is sent on to".to_owned();
    let watched = |changed: bool, text: &str| changed.then(|| text.to_owned());
    section("metrics", watched(old.metrics != new.metrics, "where metrics and health are served"), restart);
    section("clock", watched(old.clock != new.clock, "what the clock is held against"), restart);
    section("capture", watched(old.capture != new.capture, "the black box"), restart);
    section("publish", (old.publish != new.publish).then_some(places), restart);
    // Whatever nobody thought of here is nothing that is known to work while the device runs.
    section(
        "other",
        (!is_the_rest_same(old, new)).then(|| "a section that is only read at the start".to_owned()),
        restart,
    );
    changes
}

/// Whether the sites are equal but for what is compared by name.
fn is_the_rest_same(old: &Site, new: &Site) -> bool {
    // Everything that is compared by name is made alike; a field that is not here counts.
    let mut rest = new.clone();
    let Site { file, name, profile, overlay, master_file, components, stations, socket, .. } = old.clone();
    (rest.file, rest.name, rest.resource) = (file, name, old.resource);
    (rest.profile, rest.overlay, rest.socket) = (profile, overlay, socket);
    (rest.master_file, rest.components, rest.stations) = (master_file, components, stations);
    let (ours, theirs) = (&old.outstation, &mut rest.outstation);
    (theirs.listen, theirs.address, theirs.time_source) = (ours.listen, ours.address, ours.time_source);
    (theirs.events_max, theirs.index_offset) = (ours.events_max, ours.index_offset);
    theirs.keep_alive = ours.keep_alive;
    let Site { tls, masters, devices, analogs, digitals, heartbeat, connection, setpoints, history, .. } =
        old.clone();
    (rest.tls, rest.tls_floor, rest.masters, rest.devices) = (tls, old.tls_floor, masters, devices);
    (rest.analogs, rest.digitals, rest.heartbeat) = (analogs, digitals, heartbeat);
    (rest.connection, rest.setpoints, rest.history) = (connection, setpoints, history);
    rest.publish.clone_from(&old.publish);
    (rest.metrics, rest.clock, rest.capture) = (old.metrics, old.clock.clone(), old.capture.clone());
    rest == *old
}

fn tls(old: &Site, new: &Site) -> Option<Change> {
    if old.tls == new.tls {
        return None;
    }
    let (ours, theirs) = (&old.tls, &new.tls);
    let paths = |paths: &Vec<PathBuf>| list(paths.iter().map(|of| path(of)));
    let texts = [
        ("certificate", differs(&ours.certificate, &theirs.certificate, |of| path(of))),
        ("key", differs(&ours.key, &theirs.key, |of| path(of))),
        ("trust_anchors", differs(&ours.trust_anchors, &theirs.trust_anchors, paths)),
        ("crls", differs(&ours.crls, &theirs.crls, paths)),
        ("min_version", differs(&ours.min_version, &theirs.min_version, ToString::to_string)),
        ("max_version", differs(&ours.max_version, &theirs.max_version, ToString::to_string)),
        (
            "cipher_suites",
            differs(&ours.cipher_suites, &theirs.cipher_suites, |suites| {
                list(suites.iter().map(ToString::to_string))
            }),
        ),
        ("debug_keylog", differs(&ours.debug_keylog, &theirs.debug_keylog, path_or_none)),
    ];
    let texts = texts.into_iter().filter_map(|(key, text)| Some(format!("{key}: {}", text?)));
    let text = texts.chain(["holds for connections to come; sessions are judged again".to_owned()]);
    Some(Change::new("certificates", "tls", Deed::Changed, text.collect::<Vec<_>>().join("; ")))
}

fn masters(old: &Site, new: &Site) -> Vec<Change> {
    let find = |site: &'_ Site, name: &str| site.masters.iter().any(|master| &*master.name == name);
    let gone = old.masters.iter().filter(|master| !find(new, &master.name));
    let mut changes: Vec<Change> = gone
        .map(|master| Change::new("master", &master.name, Deed::Removed, "its session is closed"))
        .collect();
    for master in &new.masters {
        match old.masters.iter().find(|before| before.name == master.name) {
            None => {
                let text = format!("address {}, control: {}", master.address, master.control);
                changes.push(Change::new("master", &master.name, Deed::Added, text));
            }
            Some(before) => changes.extend(changed_master(before, master)),
        }
    }
    changes
}

fn changed_master(before: &Master, after: &Master) -> Option<Change> {
    let mut texts = Vec::new();
    if let Some(text) = differs(&before.address, &after.address, ToString::to_string) {
        texts.push(format!("address: {text}; its session is closed"));
    }
    if before.admit != after.admit {
        let admitted = |master: &Master| list(master.admit.iter().map(ToString::to_string));
        let text = format!("admit: {} -> {}; its session is judged again", admitted(before), admitted(after));
        texts.push(text);
    }
    if let Some(text) = differs(&before.control, &after.control, ToString::to_string) {
        texts.push(format!("control: {text}"));
    }
    (!texts.is_empty()).then(|| Change::new("master", &after.name, Deed::Changed, texts.join("; ")))
}

fn devices(old: &Site, new: &Site) -> Vec<Change> {
    let gone = old.devices.iter().filter(|device| !new.devices.iter().any(|other| other.id == device.id));
    let mut changes: Vec<Change> =
        gone.map(|device| Change::new("device", &device.id, Deed::Removed, "is left alone")).collect();
    for device in &new.devices {
        match old.devices.iter().find(|before| before.id == device.id) {
            None => {
                let text =
                    format!("{} at {}, {} readings", device.protocol, device.access, device.readings.len());
                changes.push(Change::new("device", &device.id, Deed::Added, text));
            }
            Some(before) if before != device => changes.push(changed_device(before, device)),
            Some(_) => {}
        }
    }
    changes
}

fn changed_device(before: &Device, after: &Device) -> Change {
    let mut texts = Vec::new();
    if let Some(text) = differs(&before.protocol, &after.protocol, ToString::to_string) {
        texts.push(format!("protocol: {text}"));
    }
    if before.access != after.access {
        let (old, new) = (before.access.to_string(), after.access.to_string());
        texts.push(if old == new { "how it is asked".to_owned() } else { format!("{old} -> {new}") });
    }
    if let Some(text) = differs(&before.poll, &after.poll, |time| duration(*time)) {
        texts.push(format!("poll_ms: {text}"));
    }
    if let Some(text) = differs(&before.timeout, &after.timeout, |time| duration(*time)) {
        texts.push(format!("timeout_ms: {text}"));
    }
    if before.readings != after.readings {
        texts.push(format!("readings: {} -> {}", before.readings.len(), after.readings.len()));
    }
    texts.push("is connected anew".to_owned());
    Change::new("device", &after.id, Deed::Changed, texts.join("; "))
}
