//! What another site file would change of the device that runs, and how much of it can be done while it runs.
//!
//! Pure: two sites in, a list of changes out. The same list is what `plan` shows, what `apply` judges and what the
//! history keeps, so that nobody is told one thing and gets another.
//!
//! | module | what lives there |
//! |---|---|
//! | `compare` | everything that is no point: masters, devices, TLS, sections |
//! | `points` | points: added, removed, moved, rescaled, renamed, changed |
//! | `setpoints` | what the keys of a set point say, one by one |
//! | `served` | what indexes meant since the start |
//! | `kept` | which points, devices and set points go on as they were |
//! | `files` | what the files that a site names held when they were read |

mod compare;
mod files;
mod kept;
mod points;
mod served;
mod setpoints;
#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use site::Site;
use tokio::sync::mpsc;

use crate::capture::Configuration;

pub use files::{Files, sha256};
pub(crate) use kept::Kept;
pub use served::Served;

/// A site as it was read to be run, with all that goes with it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The site.
    pub site: Site,
    /// What the site breaks of its profile's rules.
    pub findings: Vec<Finding>,
    /// SHA-256 of the file's text, in hexadecimal.
    pub sha256: String,
    /// What it was made of, for a capture.
    pub configuration: Configuration,
}

/// A rule that a site breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule, of what, by names that do not move with an edit: two of the same are one, whatever they found.
    pub of: String,
    /// One line for people.
    pub text: String,
}

/// Reads a site file that the device may run from now on; the error is what is wrong with it, a line each.
pub type Reader = Arc<dyn Fn(PathBuf) -> Result<Candidate, String> + Send + Sync>;

/// What a device needs to take another site while it runs.
pub struct Setup {
    /// What the site breaks that it starts with.
    pub findings: Vec<Finding>,
    /// SHA-256 of that site's text.
    pub sha256: String,
    /// What it was made of, for a capture.
    pub configuration: Configuration,
    /// How others are read.
    pub reader: Reader,
    /// A message has the file that runs read again.
    pub hangups: mpsc::Receiver<()>,
}

/// What a change needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Needs {
    /// It is done while the device runs.
    Nothing,
    /// It is done while the device runs where whoever applies it says so: until the ISO's data base follows, the ISO
    /// reads a wrong value.
    Rescale,
    /// The device has to be started anew.
    Restart,
}

impl Needs {
    /// In words, for the end of a line.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Rescale => " [needs --rescale]",
            Self::Restart => " [needs a restart]",
        }
    }
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// It has another id.
    Renamed,
    /// It has another index, or an index gets another meaning.
    Moved,
    /// Its counts mean something else.
    Rescaled,
    /// Anything else of it.
    Changed,
}

impl Deed {
    const fn text(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Renamed => "renamed",
            Self::Moved => "moved",
            Self::Rescaled => "rescaled",
            Self::Changed => "changed",
        }
    }
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `point`, `set point`, `device`, `master`, `certificates` or `section`.
    pub what: &'static str,
    /// Its id, name or key.
    pub id: String,
    /// What happens.
    pub deed: Deed,
    /// From what to what.
    pub text: String,
    /// What it needs.
    pub needs: Needs,
}

impl Change {
    pub(crate) fn new(
        what: &'static str,
        id: impl fmt::Display,
        deed: Deed,
        text: impl Into<String>,
    ) -> Self {
        Self { what, id: id.to_string(), deed, text: text.into(), needs: Needs::Nothing }
    }

    pub(crate) fn needing(self, needs: Needs) -> Self {
        Self { needs, ..self }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, id, deed, text, needs } = self;
        write!(f, "{what} {id} {}", deed.text())?;
        if !text.is_empty() {
            write!(f, ": {text}")?;
        }
        f.write_str(needs.words())
    }
}

/// What would happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The file that would be run.
    pub file: PathBuf,
    /// SHA-256 of the text that the device runs.
    pub running: String,
    /// SHA-256 of the text that it would run.
    pub sha256: String,
    /// Names this plan: what is applied with it does exactly this or nothing.
    pub plan: String,
    /// The most that any change needs.
    pub needs: Needs,
    /// The changes.
    pub changes: Vec<Change>,
    /// Rules that the new file breaks and the running one does not.
    pub broken: Vec<String>,
    /// Rules that the running file breaks and the new one does not.
    pub mended: Vec<String>,
}

impl Plan {
    /// From what runs to a candidate; `served`: what indexes meant since the start.
    #[must_use]
    pub fn new(running: (&Candidate, &Files), candidate: (&Candidate, &Files), served: &Served) -> Self {
        let ((old, old_files), (new, new_files)) = (running, candidate);
        let mut changes = compare::changes(&old.site, &new.site, served);
        changes.extend(old_files.changes(new_files));
        let less = |these: &[Finding], those: &[Finding]| -> Vec<String> {
            let news = these.iter().filter(|one| !those.iter().any(|other| other.of == one.of));
            news.map(|one| one.text.clone()).collect()
        };
        let mut hash = Sha256::new();
        for part in [old.sha256.clone(), new.sha256.clone()]
            .into_iter()
            .chain(changes.iter().map(ToString::to_string))
        {
            hash.update(part);
            hash.update([0]);
        }
        Self {
            file: new.site.file.clone(),
            running: old.sha256.clone(),
            sha256: new.sha256.clone(),
            plan: files::hexadecimal(&hash.finalize()).chars().take(16).collect(),
            needs: changes.iter().map(|change| change.needs).max().unwrap_or(Needs::Nothing),
            changes,
            broken: less(&new.findings, &old.findings),
            mended: less(&old.findings, &new.findings),
        }
    }

    /// Why it is not applied; `rescale`: whoever asks takes the ISO's data base upon himself.
    ///
    /// # Errors
    /// The changes that stand against it, a line each.
    pub fn permitted(&self, rescale: bool) -> Result<(), String> {
        let against = |change: &&Change| match change.needs {
            Needs::Nothing => false,
            Needs::Rescale => !rescale,
            Needs::Restart => true,
        };
        let lines: Vec<String> = self.changes.iter().filter(against).map(ToString::to_string).collect();
        if lines.is_empty() { Ok(()) } else { Err(format!("nothing was changed:\n{}", lines.join("\n"))) }
    }
}
