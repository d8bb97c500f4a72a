//! Octets of a file that somebody named. A device such as `/dev/zero` never ends and a pipe may never begin, and
//! neither has a length to go by: so only regular files are read, and no more of them than is allowed.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

/// Reads a regular file, or one that links lead to, of at most `most` octets.
///
/// # Errors
/// Why it is not read, in words that follow the name of the file.
pub fn read_regular(file: &Path, most: u64) -> Result<Vec<u8>, String> {
    let refuse = |error: io::Error| format!("cannot be read: {error}");
    // Asked before it is opened, which waits at a pipe for somebody to write.
    let found = fs::metadata(file).map_err(refuse)?;
    if found.is_dir() {
        return Err("cannot be read: it is a folder".to_owned());
    }
    if !found.is_file() {
        return Err("is not read: it is no regular file".to_owned());
    }
    let mut octets = Vec::new();
    let opened = File::open(file).map_err(refuse)?;
    opened.take(most.saturating_add(1)).read_to_end(&mut octets).map_err(refuse)?;
    if u64::try_from(octets.len()).unwrap_or(u64::MAX) > most {
        return Err(format!("more than {most} octets, the most that is read"));
    }
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_no_regular_file_is_refused_through_a_link_too() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("site.toml");
        for endless in ["/dev/zero", "/dev/null"] {
            symlink(endless, &link).unwrap();
            for file in [Path::new(endless), &link] {
                assert_eq!(read_regular(file, 8).unwrap_err(), "is not read: it is no regular file");
            }
            fs::remove_file(&link).unwrap();
        }
        assert_eq!(read_regular(folder.path(), 8).unwrap_err(), "cannot be read: it is a folder");
    }

    #[test]
    fn no_more_is_read_than_is_allowed_whatever_the_length_says() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"12345678").unwrap();
        assert_eq!(read_regular(file.path(), 8).unwrap(), b"12345678");
        assert_eq!(read_regular(file.path(), 7).unwrap_err(), "more than 7 octets, the most that is read");
        // Regular, and of no length by its own word.
        let told = read_regular(Path::new("/proc/self/maps"), 7).unwrap_err();
        assert_eq!(told, "more than 7 octets, the most that is read");
    }
}
