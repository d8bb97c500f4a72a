//! Session secrets into a file, for a capture that has to be read. A debugging tool that undoes what TLS is for:
//! only ever by explicit configuration, never by an environment variable that a process might inherit.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rustls::KeyLog;

use crate::identity::Hex;

/// Appends lines of the NSS key log format.
#[derive(Debug)]
pub(crate) struct KeyLogToFile {
    file: Mutex<File>,
}

impl KeyLogToFile {
    /// Opens `path` for appending, readable by its owner alone even if it existed with wider permissions.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        let file = options.open(path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        }
        tracing::warn!(file = %path.display(), "TLS SESSION KEYS ARE BEING LOGGED: whoever reads this file reads the traffic");
        Ok(Self { file: Mutex::new(file) })
    }
}

impl KeyLog for KeyLogToFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        // One write per line, so that two processes that append to one file do not mix their lines.
        let line = format!("{label} {} {}\n", Hex(client_random), Hex(secret));
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(line.as_bytes()) {
            tracing::warn!(%error, "cannot write the TLS key log");
        }
    }
}
