//! `[capture]`: where the device records all that comes into it, and how much of it.

use super::Check;
use crate::model::Capture;
use crate::raw::RawCapture;

/// Unless the file says otherwise. Ours, nobody's rule.
const MAX_MB_DEFAULT: u64 = 1_024;
const MAX_MB: (u64, u64) = (2, 1_048_576);

impl Check<'_> {
    pub(super) fn capture(&mut self, raw: &RawCapture) -> Capture {
        let folder = self.source.resolve(raw.folder.get_ref());
        if folder.exists() && !folder.is_dir() {
            let message = format!("{} is not a folder", folder.display());
            self.problem(raw.folder.span(), "capture.folder", message);
        }
        let megabytes = self.counted("capture.max_mb", raw.max_mb.as_ref(), MAX_MB);
        Capture { folder, octets_max: megabytes.unwrap_or(MAX_MB_DEFAULT).saturating_mul(1_000_000) }
    }
}
