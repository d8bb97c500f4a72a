//! Golden files: compared, or written anew where whoever runs the test says so.

use std::fs;
use std::path::Path;

/// Compares `told` with the golden file `name`.
pub(crate) fn compare(name: &str, told: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lists").join(name);
    if std::env::var_os("OPENRTD_BLESS").is_some() {
        fs::write(&file, told).unwrap();
        return;
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    for (at, (known, told)) in known.lines().zip(told.lines()).enumerate() {
        assert_eq!(known, told, "{}:{} (OPENRTD_BLESS=1 rewrites it)", file.display(), at + 1);
    }
    assert_eq!(known.lines().count(), told.lines().count(), "{}", file.display());
}
