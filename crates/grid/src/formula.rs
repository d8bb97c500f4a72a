//! Text that a spreadsheet would take for a formula. A csv has no cells that are text by their form: a point called
//! `=HYPERLINK(...)` would reckon, or call out, in the spreadsheet of whoever opens the file. Spreadsheets take an
//! apostrophe before it for "this is text"; it is put there and taken off again, so that a name comes back exactly.

use std::borrow::Cow;

/// A text as it can stand in a csv.
pub(crate) fn shielded(text: &str) -> Cow<'_, str> {
    // A number that is text reckons nothing, and people write -5.
    if begins_one(text) && text.trim().parse::<f64>().is_err() {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The text that [`shielded`] was given.
pub(crate) fn bare(text: &str) -> &str {
    text.strip_prefix('\'').filter(|bare| begins_one(bare)).unwrap_or(text)
}

/// Whether a text begins a formula, apostrophes aside: an apostrophe of its own must not be taken for ours.
fn begins_one(text: &str) -> bool {
    let text = text.trim_start_matches('\'');
    text.starts_with(['\t', '\r', '\n'])
        || text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_begins_as_a_formula_and_each_comes_back() {
        for text in [
            "=cmd|' /C calc'!A0",
            "@SUM(1)",
            "+1+1",
            "-1+1",
            "\t=1+1",
            "\r=1",
            "  =1+1",
            "'=1",
            "''-x",
            "'-5",
            "＝1",
        ] {
            assert_eq!(shielded(text), format!("'{text}"));
            assert_eq!(bare(&shielded(text)), text);
        }
        for text in ["-5", "+1e3", "POI MW", "'t Hooft", "a=b", "'", ""] {
            assert_eq!(shielded(text), text);
            assert_eq!(bare(text), text);
        }
    }
}
