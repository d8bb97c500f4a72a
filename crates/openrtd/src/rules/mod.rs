//! `openrtd check`, `rules` and `explain`: the rule book at the command line.

mod check;
pub(crate) mod cli;
mod explain;
mod list;
mod worksheet;

use config::Source;
use rulebook::Profile;
use rulebook::profile::{DEFAULT, Day};

pub(crate) use check::{check, judged, judged_source};
pub(crate) use explain::explain;
pub(crate) use list::rules;

use crate::exit::Failure;
use crate::profile::{self, Asked, SiteBook, load};

/// The day of the check: the one asked for, or today by the machine's clock.
pub(crate) fn day(asked: Option<Day>) -> Day {
    asked.unwrap_or_else(profile::today)
}

/// The profile of a command line, with its overlay.
fn book(asked: &cli::Book) -> Result<Profile, Failure> {
    load(asked.profile.as_deref().unwrap_or(DEFAULT), asked.overlay.as_deref())
}

/// The rules of a site file; a profile or overlay that was asked for takes the place of its own.
fn of_site(source: &Source, asked: &cli::Book) -> Result<SiteBook, Failure> {
    profile::of_site(source, &asked.asked())
}

impl cli::Book {
    /// What it asks for instead of what a file names.
    fn asked(&self) -> Asked {
        Asked { profile: self.profile.clone(), overlay: self.overlay.clone(), day: self.as_of }
    }
}
