//! `openrtd check`, `rules` and `explain`: the rule book at the command line.

mod check;
pub(crate) mod cli;
mod explain;
mod list;
mod worksheet;

use std::path::Path;

use config::Source;
use rulebook::Profile;
use rulebook::profile::{DEFAULT, Day};
use site::{Defaults, Head};

pub(crate) use check::{check, judged};
pub(crate) use explain::explain;
pub(crate) use list::rules;

use crate::exit::Failure;

/// The day of the check: the one asked for, or today by the machine's clock.
pub(crate) fn day(asked: Option<Day>) -> Day {
    asked.unwrap_or_else(|| Day(jiff::ZonedDateTime::now().date()))
}

/// The profile of a command line, with its overlay.
fn book(asked: &cli::Book) -> Result<Profile, Failure> {
    load(asked.profile.as_deref().unwrap_or(DEFAULT), asked.overlay.as_deref())
}

fn load(name: &str, overlay: Option<&Path>) -> Result<Profile, Failure> {
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

/// The rules of a site file; a profile or overlay that was asked for takes the place of its own.
pub(crate) fn of_site(source: &Source, asked: &cli::Book) -> Result<SiteBook, Failure> {
    let head = site::head(source)?;
    let own = named(source, &head);
    let overlay = asked.overlay.clone().or_else(|| head.overlay.clone());
    let name = asked.profile.clone().or(own);
    let profile = load(name.as_deref().unwrap_or(DEFAULT), overlay.as_deref())?;
    let defaults = match name {
        Some(_) => profile.defaults(&head.kinds(), day(asked.as_of)),
        None => Defaults::default(),
    };
    Ok(SiteBook { profile, defaults })
}

/// The profile that a site file names; a file of its own is meant from the site's folder.
fn named(source: &Source, head: &Head) -> Option<String> {
    let name = head.profile.as_ref()?;
    Some(match name.ends_with(".toml") {
        true => source.resolve(name).to_string_lossy().into_owned(),
        false => name.clone(),
    })
}
