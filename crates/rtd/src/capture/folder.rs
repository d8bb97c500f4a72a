//! The folder of captures: a file for each start of the device, the oldest of which make room.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use telemetry::Now;

/// What the names of captures end with.
pub const NAME_END: &str = ".capture";
/// Files of one second.
const SAME_SECOND_MAX: u32 = 1_000;

/// Makes a file that its owner alone may read.
pub(super) fn create(path: &Path, anew: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true);
    if anew {
        options.create_new(true)
    } else {
        options.create(true).truncate(true)
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options.open(path)
}

/// Makes a folder, and those it lies in, where they are missing: what is made its owner alone may enter.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.recursive(true).create(folder)
}

/// The captures of a folder with their lengths, the oldest first by their names.
fn captures(folder: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(NAME_END) && entry.file_type()?.is_file() {
            found.push((entry.path(), entry.metadata()?.len()));
        }
    }
    found.sort();
    Ok(found)
}

/// The newest capture of a folder.
///
/// # Errors
/// As the file system reports.
pub fn newest(folder: &Path) -> io::Result<Option<PathBuf>> {
    Ok(captures(folder)?.pop().map(|(path, _)| path))
}

/// A new file of the folder, and how long it may grow. The oldest files go until half of the room is free: the new
/// one is the one that matters.
pub(super) fn begin(folder: &Path, octets_max: u64, now: Now) -> io::Result<(PathBuf, File, u64)> {
    private_folder(folder)?;
    let mut kept = captures(folder)?;
    let mut octets: u64 = kept.iter().map(|(_, octets)| octets).sum();
    kept.reverse();
    while octets > octets_max / 2
        && let Some((oldest, length)) = kept.pop()
    {
        fs::remove_file(&oldest)?;
        octets = octets.saturating_sub(length);
    }
    // Names that sort by time, and that every file system takes.
    let second = now.wall.to_string().split('.').next().unwrap_or_default().replace(':', "-");
    for number in 0..SAME_SECOND_MAX {
        let name = format!("{second}Z-{number:03}{NAME_END}");
        let path = folder.join(name);
        match create(&path, true) {
            Ok(file) => return Ok((path, file, octets_max.saturating_sub(octets))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many captures of one second"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_make_room_and_nothing_else_does() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("captures");
        private_folder(&folder).unwrap();
        let mode = |path: &Path| {
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(path).unwrap().permissions()) & 0o777
        };
        assert_eq!(mode(&folder), 0o700);
        fs::write(folder.join("notes.txt"), [0; 5_000]).unwrap();
        let mut made = Vec::new();
        for second in 0..4 {
            let (path, file, room) = begin(&folder, 1_000, Now::virtual_millis(second * 1_000)).unwrap();
            file.set_len(200).unwrap();
            assert!(room >= 500, "{room}");
            made.push(path);
        }
        let (same, _, _) = begin(&folder, 1_000, Now::virtual_millis(3_000)).unwrap();
        assert!(same.ends_with("1970-01-01T00-00-03Z-001.capture"), "{same:?}");
        let there: Vec<bool> = made.iter().map(|path| path.exists()).collect();
        assert_eq!(there, [false, false, true, true]);
        assert_eq!(mode(&same), 0o600);
        assert_eq!(newest(&folder).unwrap(), Some(same));
        assert!(folder.join("notes.txt").exists());
    }
}
