//! `[history]`: where the device keeps what it saw, and how much of it.

use std::path::Path;
use std::time::Duration;

use config::Spanned;

use super::Check;
use crate::model::History;
use crate::raw::RawHistory;

/// Unless the file says otherwise. Ours, nobody's rule.
const RETENTION_DAYS_DEFAULT: u64 = 60;
const RETENTION_DAYS: (u64, u64) = (1, 3_660);
/// Unless the file says otherwise: what 100 points that change every 4 s fill in 60 days, several times over.
const MAX_MB_DEFAULT: u64 = 1_024;
const MAX_MB: (u64, u64) = (16, 1_048_576);
const DAY_S: u64 = 86_400;

impl Check<'_> {
    pub(super) fn history(&mut self, raw: &RawHistory) -> History {
        let path = self.source.resolve(raw.path.get_ref());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if path.is_dir() || path.file_name().is_none() {
            self.problem(raw.path.span(), "history.path", format!("{} is not a file", path.display()));
        } else if folder.exists() && !folder.is_dir() {
            self.problem(raw.path.span(), "history.path", format!("{} is not a folder", folder.display()));
        }
        let days = self.counted("history.retention_days", raw.retention_days.as_ref(), RETENTION_DAYS);
        let megabytes = self.counted("history.max_mb", raw.max_mb.as_ref(), MAX_MB);
        History {
            path,
            retention: Duration::from_secs(days.unwrap_or(RETENTION_DAYS_DEFAULT).saturating_mul(DAY_S)),
            octets_max: megabytes.unwrap_or(MAX_MB_DEFAULT).saturating_mul(1_000_000),
        }
    }

    pub(super) fn counted(
        &mut self,
        field: &str,
        value: Option<&Spanned<u64>>,
        (low, high): (u64, u64),
    ) -> Option<u64> {
        let value = value?;
        let number = *value.get_ref();
        if !(low..=high).contains(&number) {
            self.problem(value.span(), field, format!("{number}, allowed: {low} to {high}"));
            return None;
        }
        Some(number)
    }
}
