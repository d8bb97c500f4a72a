use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use super::*;

type Row = (String, u16, String, String, String);

fn made() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("site");
    make(&dir, cli::Example::SolarStorage, None).unwrap();
    (folder, dir)
}

#[test]
fn the_files_are_read_by_those_who_use_them() {
    let (_folder, dir) = made();
    let site = site::Site::read(&dir.join("site.toml")).unwrap();
    assert!(site.analogs.len() + site.digitals.len() >= 30);
}

#[test]
fn the_iso_and_the_device_mean_the_same_points() {
    let rows = |name: &str, table: &str| -> BTreeMap<String, Row> {
        let text = SOLAR_STORAGE.iter().find(|(file, _)| *file == name).unwrap().1;
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
    assert!(iso.remove("\"bess.mw.feedback\"").is_some() && iso.remove("\"rtd.heartbeat\"").is_some());
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
    let error = make(folder.path(), cli::Example::SolarStorage, None).unwrap_err();
    assert!(matches!(error, Failure::Input(_)) && error.to_string().contains("not empty"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn ports_can_be_fixed() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a/b");
    make(&dir, cli::Example::SolarStorage, Some(31_000)).unwrap();
    let site = site::Site::read(&dir.join("site.toml")).unwrap();
    assert_eq!(site.outstation.listen.to_string(), "127.0.0.1:31000");
    assert_eq!(site.devices.first().unwrap().address.port(), 31_001);
    assert!(!fs::read_to_string(dir.join("plant.toml")).unwrap().contains('@'));
}
