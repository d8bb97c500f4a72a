use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;

use clap::ValueEnum as _;
use ieee1815::PointType;
use rulebook::profile::DEFAULT;

use super::*;
use crate::profile::{running_ems, running_site};

type Row = (String, u16, String, String, String);

fn made() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("site");
    make(&dir, cli::Example::SolarStorage, DEFAULT, None).unwrap();
    (folder, dir)
}

#[test]
fn the_files_are_read_by_those_who_use_them() {
    let (_folder, dir) = made();
    let site = running_site(&dir.join("site.toml")).unwrap().0;
    assert!(site.analogs.len() + site.digitals.len() >= 30);
}

/// What is served, and what is polled, by type and index.
fn ends(dir: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let (site, _) = running_site(&dir.join("site.toml")).unwrap();
    let (iso, _) = running_ems(&dir.join("ems.toml")).unwrap();
    let of = |kind: PointType, index: Option<u16>| index.map(|index| format!("{kind:?} {index}"));
    let analogs = site.analogs.iter().map(|one| one.point.served.index);
    let analogs = analogs.chain(site.heartbeat.iter().map(|one| one.point.served.index));
    let analogs = analogs.chain(site.setpoints.iter().map(|one| one.feedback.point.served.index));
    let codes =
        site.setpoints.iter().flat_map(|one| [&one.regulating.clamp, &one.regulating.owner]).flatten();
    let analogs = analogs.chain(codes.map(|point| point.served.index));
    let digitals = site.digitals.iter().map(|one| one.point.served.index);
    let digitals = digitals.chain(site.connection.iter().map(|one| one.point.served.index));
    let outputs = site.setpoints.iter().map(|one| one.point.served.index);
    let served = analogs.filter_map(|index| of(PointType::AnalogInput, index));
    let served = served.chain(digitals.filter_map(|index| of(PointType::BinaryInput, index)));
    let served = served.chain(outputs.filter_map(|index| of(PointType::AnalogOutputStatus, index)));
    let polled = iso.devices.iter().flat_map(|device| &device.points);
    (served.collect(), polled.filter_map(|point| of(point.point_type, Some(point.index))).collect())
}

#[test]
fn every_shipped_profile_has_both_ends_agree_on_what_is_served() {
    let folder = tempfile::tempdir().unwrap();
    for (id, _) in rulebook::profile::shipped() {
        let dir = folder.path().join(id);
        make(&dir, cli::Example::SolarStorage, id, None).unwrap();
        let (served, polled) = ends(&dir);
        assert!(served.len() >= 20, "{id}: {served:?}");
        assert_eq!(served, polled, "{id}");
    }
}

#[test]
fn every_example_is_read_by_those_who_use_it_and_both_ends_agree() {
    let folder = tempfile::tempdir().unwrap();
    for example in cli::Example::value_variants() {
        let name = example.to_possible_value().unwrap().get_name().to_owned();
        let dir = folder.path().join(&name);
        make(&dir, *example, DEFAULT, None).unwrap();
        plant::Config::read(&dir.join("plant.toml")).unwrap_or_else(|problems| panic!("{name}: {problems}"));
        let (served, polled) = ends(&dir);
        assert!(served.len() >= 15, "{name}: {served:?}");
        assert_eq!(served, polled, "{name}");
        for file in ["plant.toml", "site.toml", "ems.toml"] {
            let text = fs::read_to_string(dir.join(file)).unwrap();
            assert!(
                !text.contains(":@") && !text.contains("@\""),
                "{name}/{file} has a port without a number"
            );
        }
        // The ISO asks for no more than the device takes, in the same counts.
        let (site, _) = running_site(&dir.join("site.toml")).unwrap();
        let (iso, _) = running_ems(&dir.join("ems.toml")).unwrap();
        for (ours, theirs) in site.setpoints.iter().zip(iso.devices.iter().flat_map(|one| &one.setpoints)) {
            let point = &iso.devices[0].points[theirs.point];
            assert_eq!((ours.limits, ours.wire), (theirs.limits, point.wire), "{name}");
        }
        // With a unit lost the others go on: no limit of the sum hangs on all of them.
        for setpoint in site.setpoints.iter().filter(|one| one.drives.len() > 1) {
            let (how, none) = (&setpoint.regulating, site::Edges::default());
            assert_eq!((&how.hard, &how.soft), (&none, &none), "{name}");
        }
        for analog in &site.analogs {
            let point = iso.devices[0].points.iter().find(|point| point.id == analog.point.id);
            let means = point.map(|point| (point.unit, point.wire));
            let served = analog.point.served.index.map(|_| (Some(analog.unit), analog.wire));
            assert_eq!(means, served, "{name}: {}", analog.point.id);
        }
    }
}

#[test]
fn what_follows_agc_is_scored_and_a_primary_response_is_there_to_be_taken() {
    let scored = |dir: &Path| running_site(&dir.join("site.toml")).unwrap().0.setpoints[0].regulating.clone();
    let folder = tempfile::tempdir().unwrap();
    for (example, follows_agc) in [
        (cli::Example::SolarStorage, true),
        (cli::Example::Hybrid, true),
        (cli::Example::Conventional, true),
        (cli::Example::Wind, false),
        (cli::Example::Aggregate, false),
    ] {
        let dir = folder.path().join(format!("{example:?}"));
        make(&dir, example, DEFAULT, None).unwrap();
        assert_eq!(scored(&dir).score.is_some(), follows_agc, "{example:?}");
    }
    let (_folder, dir) = made();
    let file = dir.join("site.toml");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.matches("\n# primary = ").count(), 1);
    fs::write(&file, text.replacen("\n# primary = ", "\nprimary = ", 1)).unwrap();
    let primary = scored(&dir).primary.unwrap();
    assert!(primary.told.response.unwrap().0.served.index.is_some() && primary.most <= primary.capacity);
}

#[test]
fn the_hybrid_is_the_first_example_with_another_end() {
    let [_, (_, site), (_, ems)] = templates::template(cli::Example::SolarStorage).files;
    for (text, end) in [(site, templates::SITE_END), (ems, templates::EMS_END)] {
        assert_eq!(text.matches(end).count(), 1, "{end}");
    }
}

#[test]
fn a_profile_of_ones_own_is_named_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("a \"b\".toml");
    let text = "extends = \"ieso-real-time-data\"\n";
    let head = "[profile]\nid = \"own\"\ntitle = \"t\"\nissuer = \"i\"\nedition = \"e\"\neffective = \"unknown\"\nnotice = \"n\"\n";
    fs::write(&own, format!("{head}{text}")).unwrap();
    let dir = folder.path().join("site");
    make(&dir, cli::Example::SolarStorage, own.to_str().unwrap(), None).unwrap();
    let (_, rules) = running_ems(&dir.join("ems.toml")).unwrap();
    assert_eq!(rules.profile.as_deref(), Some("own"));
    let error = make(&folder.path().join("other"), cli::Example::SolarStorage, "no-such", None).unwrap_err();
    assert!(error.to_string().contains("no profile of this id"), "{error}");
    assert!(!folder.path().join("other").exists());
}

#[test]
fn the_iso_and_the_device_mean_the_same_points() {
    let rows = |name: &str, table: &str| -> BTreeMap<String, Row> {
        let text = templates::template(cli::Example::SolarStorage).files;
        let text = text.iter().find(|(file, _)| *file == name).unwrap().1.clone();
        let points = text.split("\n\n").filter(|block| block.contains(&format!("{table}]]")));
        let value = |block: &str, key: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(&format!("{key} = ")));
            line.unwrap_or_default().trim().to_owned()
        };
        points
            .map(|block| {
                let of = |key| value(block, key);
                (
                    of("id"),
                    (of("name"), of("index").parse().unwrap(), of("unit"), of("max_units"), of("max_counts")),
                )
            })
            .collect()
    };
    let mut iso = rows("ems.toml", "analog");
    // Made inside the device, not listed among its analogs.
    for id in ["bess.mw.feedback", "bess.mw.clamp", "bess.mw.owner", "rtd.heartbeat"] {
        assert!(iso.remove(&format!("\"{id}\"")).is_some(), "{id}");
    }
    assert_eq!(rows("site.toml", "[analog"), iso);
    let mut iso = rows("ems.toml", "digital");
    assert!(iso.remove("\"unit.connected\"").is_some());
    assert_eq!(rows("site.toml", "[digital"), iso);
    assert_eq!(rows("site.toml", "[setpoint"), rows("ems.toml", "setpoint"));
}

#[test]
fn keys_are_private() {
    let (_folder, dir) = made();
    for name in ["rtd", "ems", "observer"] {
        let mode = |end: &str| {
            fs::metadata(dir.join(format!("pki/{name}.{end}"))).unwrap().permissions().mode() & 0o777
        };
        assert_eq!((mode("key"), mode("pem") & 0o400), (0o600, 0o400));
    }
    assert!(!dir.join("pki/ca.key").exists());
}

#[test]
fn nothing_is_overwritten_and_nothing_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("precious"), "x").unwrap();
    let error = make(folder.path(), cli::Example::SolarStorage, DEFAULT, None).unwrap_err();
    assert!(matches!(error, Failure::Input(_)) && error.to_string().contains("not empty"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn ports_can_be_fixed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a/b");
    make(&dir, cli::Example::SolarStorage, DEFAULT, Some(31_000)).unwrap();
    let site = running_site(&dir.join("site.toml")).unwrap().0;
    assert_eq!(site.outstation.listen.to_string(), "127.0.0.1:31000");
    assert_eq!(site.devices.first().unwrap().access.to_string(), "127.0.0.1:31001, unit 1");
    assert!(!fs::read_to_string(dir.join("plant.toml")).unwrap().contains('@'));
}
