//! The examples: their files, with `@NAME@` where a port goes, and what listens.

use std::borrow::Cow;

use crate::cli::Example;

/// An example's files and the names of its ports.
pub(super) struct Template {
    pub(super) files: [(&'static str, Cow<'static, str>); 3],
    /// In the order of the ports.
    pub(super) listeners: &'static [&'static str],
}

macro_rules! files {
    ($folder:literal) => {
        [
            ("plant.toml", Cow::Borrowed(include_str!(concat!("../../templates/", $folder, "/plant.toml")))),
            ("site.toml", Cow::Borrowed(include_str!(concat!("../../templates/", $folder, "/site.toml")))),
            ("ems.toml", Cow::Borrowed(include_str!(concat!("../../templates/", $folder, "/ems.toml")))),
        ]
    };
}

/// What the two examples with sun and battery have in common listens so.
const SUN_AND_BATTERY: &[&str] = &["outstation", "inv1", "inv2", "bess", "meter", "met", "switchgear"];

pub(super) fn template(example: Example) -> Template {
    match example {
        Example::SolarStorage => Template { files: files!("solar-storage"), listeners: SUN_AND_BATTERY },
        Example::Hybrid => Template { files: hybrid(), listeners: SUN_AND_BATTERY },
        Example::Wind => Template {
            files: files!("wind"),
            listeners: &[
                "outstation",
                "wtg1",
                "wtg2",
                "wtg3",
                "wtg4",
                "met1",
                "met2",
                "met3",
                "met4",
                "meter",
                "switchgear",
            ],
        },
        Example::Conventional => Template {
            files: files!("conventional"),
            listeners: &["outstation", "unit", "meter", "switchgear"],
        },
        Example::Aggregate => Template {
            files: files!("aggregate"),
            listeners: &["outstation", "gateway", "meter", "switchgear"],
        },
    }
}

/// The plant of the first example, commanded as a whole: all but the end of its files is the same.
fn hybrid() -> [(&'static str, Cow<'static, str>); 3] {
    let [plant, (site, site_text), (ems, ems_text)] = files!("solar-storage");
    let led = |text: Cow<'static, str>, end: &str, instead: &str| -> Cow<'static, str> {
        let kept = text.split_once(end).map_or(&*text, |(kept, _)| kept);
        Cow::Owned(format!("{kept}{instead}"))
    };
    [
        plant,
        (site, led(site_text, SITE_END, include_str!("../../templates/hybrid/site-end.toml"))),
        (ems, led(ems_text, EMS_END, include_str!("../../templates/hybrid/ems-end.toml"))),
    ]
}

/// Where the set point and what is made of it begin.
pub(super) const SITE_END: &str = "[[setpoint]]\n";
pub(super) const EMS_END: &str = "[[device.analog]]\nid = \"bess.mw.feedback\"\n";
