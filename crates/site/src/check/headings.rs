//! The headings of a replayed file: one that is not there would leave its device dead from the first row on.

use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

use super::Check;
use crate::defaults::Purpose;

/// Headings end within so many octets.
const OCTETS_MAX: u64 = 1024 * 1024;
/// A longer heading is not told of.
const HEADING_OCTETS_MAX: usize = 80;
/// So many headings are told of where another is wanted; the most alike come first.
const TOLD_MAX: usize = 12;

impl Check<'_> {
    /// A heading that has to be in the file, where the site is read to be run.
    pub(super) fn heading(&mut self, span: Range<usize>, field: String, file: &Path, wanted: &str) {
        if self.purpose != Purpose::Run {
            return;
        }
        let message = match headings(file) {
            Ok(known) if known.iter().any(|known| known == wanted) => return,
            Ok(known) => {
                format!("{} has no column `{wanted}`, known: {}", file.display(), listed(known, wanted))
            }
            Err(why) => format!("the headings of {} cannot be read: {why}", file.display()),
        };
        self.problem(span, field, message);
    }
}

fn headings(file: &Path) -> Result<Vec<String>, String> {
    let start = File::open(file).map_err(|error| error.to_string())?.take(OCTETS_MAX);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(start);
    let headings = reader.headers().map_err(|error| error.to_string())?;
    Ok(headings.iter().map(str::to_owned).collect())
}

/// The most alike first.
fn listed(mut known: Vec<String>, wanted: &str) -> String {
    let all = known.len();
    known.retain(|known| known.len() <= HEADING_OCTETS_MAX);
    known.sort_by_cached_key(|known| strsim::damerau_levenshtein(known, wanted));
    known.truncate(TOLD_MAX);
    let more = all.saturating_sub(known.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", known.join(", "))
}
