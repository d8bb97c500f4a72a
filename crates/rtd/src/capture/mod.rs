//! Captures: everything that came into the machine, in order, so that it can be made to do the same again.
//!
//! [`crate::core`] is deterministic and learns of the world by its inputs alone. A capture holds them with the times
//! at which they came, what the machine was built of, and what it sent; [`Replay`] builds the machine again, gives it
//! the inputs and compares what it sends. What a user saw happens again before our eyes, and a change of ours that
//! alters an answer is told.
//!
//! A capture begins with the machine and has no holes: one with a hole could not be replayed. So it is a black box:
//! it is written from the start on, ends where its room or the disk ends, and that is told; what a file holds up to
//! then is exact. The recorder is a tap: it never waits.
//!
//! A file: 16 octets of magic, a version of 4 octets, then frames (see `frame`) of records. A record: kind, length,
//! octets. The first is the header in JSON, then each input is followed by what left the machine because of it.

mod codec;
mod folder;
mod frame;
mod header;
mod octets;
mod read;
mod record;
mod replay;
#[cfg(test)]
pub(crate) mod tests;
mod writes;

use std::io;
use std::path::PathBuf;

pub(crate) use folder::private_folder;
pub use folder::{NAME_END, newest};
pub use header::{Configuration, Header};
pub use octets::Malformed;
pub use read::{Came, End, Item, Reader};
pub(crate) use record::Recorder;
pub use replay::{Difference, Replay, Step, Summary};

/// The version of what a file holds. One that changed is another number, and is told.
pub const VERSION: u32 = 1;

/// Kinds of records.
mod kind {
    pub(super) const HEADER: u8 = 1;
    pub(super) const INPUT: u8 = 2;
    pub(super) const OUTPUTS: u8 = 3;
    pub(super) const END: u8 = 4;
    pub(super) const SITE: u8 = 5;
}

/// Where a capture goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Into this file, without a limit; one that is there is written anew.
    File(PathBuf),
    /// Into a new file of this folder. All files there take up to so many octets; the oldest make room.
    Folder(PathBuf, u64),
}

/// What to capture, and where to.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Where to.
    pub target: Target,
    /// What the site was made of.
    pub configuration: Configuration,
}

/// Why there is no capture.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be made or read.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("is no capture of openrtd: it begins with something else")]
    Foreign,
    /// It is of another version.
    #[error(
        "is a capture of version {0}, this program reads {VERSION}: replay it with the program that wrote it"
    )]
    Version(u32),
    /// It ends before it says what the machine was made of.
    #[error("holds no whole header: {0}")]
    Header(String),
    /// The site in it makes no machine.
    #[error("the site's text: {0}")]
    Text(String),
}
