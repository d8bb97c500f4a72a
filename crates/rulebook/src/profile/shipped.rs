//! The profiles that come with the program, so that one file is enough to install.

use config::Source;

/// The profile that a site without one is checked against.
pub const DEFAULT: &str = "caiso-direct-telemetry";

const SHIPPED: &[(&str, &str)] = &[
    ("caiso-direct-telemetry", include_str!("../../../../profiles/caiso-direct-telemetry.toml")),
    (
        "caiso-direct-telemetry-prr1679",
        include_str!("../../../../profiles/caiso-direct-telemetry-prr1679.toml"),
    ),
    ("ieso-real-time-data", include_str!("../../../../profiles/ieso-real-time-data.toml")),
];

/// Ids and texts of the profiles that are shipped.
pub fn shipped() -> impl Iterator<Item = (&'static str, &'static str)> {
    SHIPPED.iter().copied()
}

/// A shipped profile's text; places in it are told as of `profiles/ID.toml`.
pub(crate) fn source(id: &str) -> Option<Source> {
    let (_, text) = shipped().find(|(known, _)| *known == id)?;
    Some(Source::from_text(format!("profiles/{id}.toml"), text))
}
