//! Which profile is in force, with its overlay and on which day: settled here for every command, so that the device,
//! the ISO's side and the checker cannot read one file under different rules.
//!
//! A file that names no profile runs by the built-in defaults; it is only *checked* against [`DEFAULT`]. The crates
//! of the device and of the ISO's side know no profile: they are given plain defaults.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::Source;
use rtd::capture::Configuration;
use rulebook::Profile;
use rulebook::profile::{DEFAULT, Day, ScanMode};
use site::{Defaults, Purpose, Site};
use telemetry::ResourceKind;

use crate::exit::Failure;

/// What a command line asks for instead of what a file names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// An id, or a file that ends in .toml.
    pub(crate) profile: Option<String>,
    /// A file.
    pub(crate) overlay: Option<PathBuf>,
    /// The day; today where left out.
    pub(crate) day: Option<Day>,
}

impl Asked {
    /// The day of the rules: the one asked for, or today by the machine's clock.
    pub(crate) fn day(&self) -> Day {
        self.day.unwrap_or_else(today)
    }
}

/// Today by the machine's clock.
pub(crate) fn today() -> Day {
    Day(jiff::ZonedDateTime::now().date())
}

/// The profile of a name, with an overlay.
pub(crate) fn load(name: &str, overlay: Option<&Path>) -> Result<Profile, Failure> {
    let profile = Profile::load(name)?;
    match overlay {
        Some(file) => Ok(profile.with_overlay(&Source::read(file)?)?),
        None => Ok(profile),
    }
}

/// A site's rules, and what it takes from them.
pub(crate) struct SiteBook {
    /// What the site is held against: the profile asked for, or its own, or the default one.
    pub(crate) profile: Profile,
    /// What the site takes where its file says nothing: of no profile where it names none.
    pub(crate) defaults: Defaults,
}

/// The rules of a site file. A profile or overlay that was asked for takes the place of its own.
pub(crate) fn of_site(source: &Source, asked: &Asked) -> Result<SiteBook, Failure> {
    let head = site::head(source)?;
    let own = Named::of(source, head.profile.as_deref(), head.overlay.clone());
    let named = own.unless(asked);
    let profile = named.load()?;
    let defaults = match named.profile {
        Some(_) => profile.defaults(&head.kinds(), asked.day()),
        None => Defaults::default(),
    };
    Ok(SiteBook { profile, defaults })
}

/// A site as it runs today.
pub(crate) struct RunningSite {
    pub(crate) site: Site,
    /// By which rules.
    pub(crate) rules: InForce,
    /// What it was made of, for a capture.
    pub(crate) configuration: Configuration,
}

/// A site as it runs today, and by which rules.
#[cfg(test)]
pub(crate) fn running_site(file: &Path) -> Result<(Site, InForce), Failure> {
    let RunningSite { site, rules, .. } = site_of(&Source::read(file)?)?;
    Ok((site, rules))
}

/// A site's text as it runs today, and by which rules.
pub(crate) fn site_of(source: &Source) -> Result<RunningSite, Failure> {
    let head = site::head(source)?;
    let named = Named::of(source, head.profile.as_deref(), head.overlay.clone());
    let (profile, rules) = named.in_force(source, "site")?;
    let defaults = profile.map(|profile| profile.defaults(&head.kinds(), rules.day)).unwrap_or_default();
    let mut site = Site::read_with(source, &defaults, Purpose::Run)?;
    spoken(source, &site)?;
    // The journal tells the id of a profile that is a file.
    site.profile = rules.profile.as_deref().map(Into::into);
    let overlay = rules.overlay.as_ref().map(Source::read).transpose()?;
    let configuration = Configuration {
        text: source.text().to_owned(),
        defaults,
        profile: rules.profile.clone(),
        overlay: overlay.map(|overlay| overlay.text().to_owned()),
    };
    Ok(RunningSite { site, rules, configuration })
}

/// Whether this program speaks to every device of a site: it may be built without some protocols.
fn spoken(source: &Source, site: &Site) -> Result<(), config::Problems> {
    let places = source.places();
    let mut problems = config::Problems::default();
    for (at, device) in site.devices.iter().enumerate() {
        let Some(feature) = rtd::lacks(device) else { continue };
        let field = format!("device[{at}].protocol");
        let message = format!(
            "this program was built without {}; build it with `cargo build --release -p openrtd --features {feature}`, \
             or leave device `{}` out",
            device.protocol, device.id
        );
        problems.add(config::Problem { at: Some(places.nearest(&field)), ..source.whole(field, message) });
    }
    problems.into_result(())
}

/// The ISO's side as it runs today, and by which rules.
pub(crate) fn running_ems(file: &Path) -> Result<(ems::Config, InForce), Failure> {
    let source = Source::read(file)?;
    let head = ems::head(&source)?;
    let named = Named::of(&source, head.profile.as_deref(), head.overlay.clone());
    let (profile, in_force) = named.in_force(&source, "ems")?;
    let defaults = profile.map(|profile| ems_defaults(&profile, in_force.day));
    let mut config = ems::Config::read_with(&source, &defaults.unwrap_or_default())?;
    config.profile = in_force.profile.as_deref().map(Into::into);
    Ok((config, in_force))
}

/// What an EMS file takes from a profile.
fn ems_defaults(profile: &Profile, day: Day) -> ems::Defaults {
    let (scan, device) = (profile.scan(day), profile.defaults(&[], day));
    // Which kinds a device stands for is the EMS file's to say, so that it gets the lists of all.
    let roles: Option<BTreeMap<_, _>> =
        ResourceKind::ALL.iter().map(|kind| Some((*kind, profile.roles(&[*kind], day)?))).collect();
    ems::Defaults {
        heartbeat_period: device.heartbeat_period,
        scan: scan.period,
        scan_mode: scan.mode.map(|mode| match mode {
            ScanMode::Events => ems::ScanMode::Events,
            ScanMode::Class0 => ems::ScanMode::Class0,
        }),
        integrity_scans: scan.integrity_scans,
        index_offset: device.index_offset,
        wire: device.wire,
        roles,
    }
}

/// The rules that a running program follows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct InForce {
    /// The profile's id; `None` where the built-in defaults hold.
    pub(crate) profile: Option<String>,
    /// The overlay that was laid over it.
    pub(crate) overlay: Option<PathBuf>,
    /// The day of which its entries are.
    pub(crate) day: Day,
}

impl InForce {
    /// Tells it to the log.
    pub(crate) fn log(&self) {
        let profile = self.profile.as_deref().unwrap_or("none");
        match &self.overlay {
            Some(overlay) => tracing::info!(profile, overlay = %overlay.display(), day = %self.day, "rules"),
            None => tracing::info!(profile, day = %self.day, "rules"),
        }
    }
}

/// A profile and an overlay by name.
struct Named {
    profile: Option<String>,
    overlay: Option<PathBuf>,
}

impl Named {
    /// What a file names; a profile that is a file itself is meant from that file's folder.
    fn of(source: &Source, profile: Option<&str>, overlay: Option<PathBuf>) -> Self {
        let profile = profile.map(|name| match name.ends_with(".toml") {
            true => source.resolve(name).to_string_lossy().into_owned(),
            false => name.to_owned(),
        });
        Self { profile, overlay }
    }

    /// With what was asked for instead. An overlay belongs to its profile: it stays behind where another one is
    /// asked for.
    fn unless(self, asked: &Asked) -> Self {
        let another = asked.profile.as_ref().is_some_and(|name| Some(name) != self.profile.as_ref());
        let overlay = asked.overlay.clone().or_else(|| self.overlay.filter(|_| !another));
        Self { profile: asked.profile.clone().or(self.profile), overlay }
    }

    fn load(&self) -> Result<Profile, Failure> {
        load(self.profile.as_deref().unwrap_or(DEFAULT), self.overlay.as_deref())
    }

    /// What is in force today.
    fn in_force(self, source: &Source, table: &str) -> Result<(Option<Profile>, InForce), Failure> {
        if self.profile.is_none() && self.overlay.is_some() {
            let told = source.whole(format!("{table}.overlay"), "needs `profile`: what is it laid over?");
            return Err(Failure::Input(told.to_string()));
        }
        let profile = self.profile.as_ref().map(|_| self.load()).transpose()?;
        let in_force = InForce {
            profile: profile.as_ref().map(|profile| profile.head.id.clone()),
            overlay: self.overlay,
            day: today(),
        };
        Ok((profile, in_force))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(profile: Option<&str>, overlay: Option<&str>) -> Named {
        let source = Source::from_text("folder/site.toml", "");
        Named::of(&source, profile, overlay.map(PathBuf::from))
    }

    #[test]
    fn an_overlay_stays_with_its_profile() {
        let asked = |profile: Option<&str>, overlay: Option<&str>| {
            let asked = Asked {
                profile: profile.map(str::to_owned),
                overlay: overlay.map(PathBuf::from),
                ..Asked::default()
            };
            let named = named(Some("a"), Some("a-confirmed.toml")).unless(&asked);
            (named.profile.unwrap(), named.overlay.map(|file| file.display().to_string()))
        };
        let pair = |profile: &str, overlay: Option<&str>| (profile.to_owned(), overlay.map(str::to_owned));
        assert_eq!(asked(None, None), pair("a", Some("a-confirmed.toml")));
        assert_eq!(asked(Some("a"), None), pair("a", Some("a-confirmed.toml")));
        assert_eq!(asked(Some("b"), None), pair("b", None));
        assert_eq!(asked(None, Some("other.toml")), pair("a", Some("other.toml")));
    }

    #[test]
    fn a_profile_of_ones_own_is_meant_from_the_file_that_names_it() {
        assert_eq!(named(Some("own.toml"), None).profile.unwrap(), "folder/own.toml");
        assert_eq!(named(Some("own"), None).profile.unwrap(), "own");
    }

    #[test]
    fn an_overlay_alone_runs_nothing() {
        let source = Source::from_text("ems.toml", "");
        let told = named(None, Some("confirmed.toml")).in_force(&source, "ems").unwrap_err().to_string();
        assert!(told.contains("ems.toml") && told.contains("ems.overlay: needs `profile`"), "{told}");
    }

    #[test]
    fn what_an_overlay_corrects_holds_at_both_ends() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("site");
        crate::init::make(&dir, crate::cli::Example::SolarStorage, DEFAULT, None).unwrap();
        let confirm = |id: &str| {
            format!(
                "[[confirm]]\nid = \"{id}\"\nclause = \"c\"\npage = \"1\"\nvalue = 3000\nby = \"b\"\non = 2026-11-25\n"
            )
        };
        let head = format!("[overlay]\nprofile = \"{DEFAULT}\"\ndocument = \"d\"\n");
        let overlay = head + &confirm("scan.period") + &confirm("heartbeat.period");
        std::fs::write(dir.join("confirmed.toml"), overlay).unwrap();
        for file in ["site.toml", "ems.toml"] {
            let text = std::fs::read_to_string(dir.join(file)).unwrap();
            std::fs::write(
                dir.join(file),
                text.replacen("\nprofile", "\noverlay = \"confirmed.toml\"\nprofile", 1),
            )
            .unwrap();
        }
        let (site, rules) = running_site(&dir.join("site.toml")).unwrap();
        let (iso, same) = running_ems(&dir.join("ems.toml")).unwrap();
        let three = std::time::Duration::from_secs(3);
        assert_eq!((site.heartbeat.unwrap().period, iso.devices.first().unwrap().scan), (three, three));
        assert_eq!(rules, same);
        assert_eq!(site.overlay, iso.overlay);
        assert_eq!((rules.profile.as_deref(), site.profile.as_deref()), (Some(DEFAULT), Some(DEFAULT)));
        assert!(rules.overlay.unwrap().ends_with("confirmed.toml"));
    }

    #[cfg(not(feature = "opcua"))]
    #[test]
    fn a_protocol_that_this_build_leaves_out_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("site");
        crate::init::make(&dir, crate::cli::Example::SolarStorage, DEFAULT, None).unwrap();
        let file = dir.join("site.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let device = "[[device]]\nid = \"ua\"\nprotocol = \"opcua\"\npoll_ms = 1000\nsecurity = \"none\"\n\
                      endpoint = \"opc.tcp://127.0.0.1:4840\"\n";
        std::fs::write(&file, format!("{text}\n{device}")).unwrap();
        let told = running_site(&file).unwrap_err().to_string();
        let line = text.lines().count() + 4;
        assert!(told.contains(&format!("site.toml:{line}:")), "{told}");
        assert!(told.contains("protocol: this program was built without opcua; build it with"), "{told}");
    }

    #[test]
    fn both_ends_take_the_same_from_every_shipped_profile() {
        for (id, _) in rulebook::profile::shipped() {
            let profile = load(id, None).unwrap();
            let (iso, kinds) =
                (ems_defaults(&profile, today()), [ResourceKind::Hybrid, ResourceKind::Storage]);
            let device = profile.defaults(&kinds, today());
            assert_eq!((iso.index_offset, iso.wire), (device.index_offset, device.wire), "{id}");
            assert_eq!(iso.heartbeat_period, device.heartbeat_period, "{id}");
            let roles = iso.roles.map(|roles| {
                kinds.iter().flat_map(|kind| roles.get(kind).unwrap().iter().cloned()).collect()
            });
            assert_eq!(roles, device.roles, "{id}");
        }
    }
}
