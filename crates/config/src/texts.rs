//! Texts that show what they hold. Names and ids of a file go to terminals, pages, drawings and sheets. A control
//! character there clears a screen or adds a line that the program never wrote; a mark of writing direction shows the
//! text in another order; one without width makes two names of one.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{Problems, Source};

/// A text longer than this is a mistake, or meant to drown what stands beside it.
const CHARACTERS_MAX: usize = 4096;

/// Whether a character is not to be seen, or changes how others are: controls, separators of lines and paragraphs,
/// marks of writing direction, blanks without width.
#[must_use]
pub fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// All keys and texts that hold such characters or are too long; those of the keys `prose` may have lines.
pub(crate) fn problems(source: &Source, prose: &[&str]) -> Problems {
    let mut walk = Walk { source, prose, problems: Problems::default() };
    // What is no TOML is told by the reader.
    if let Ok(table) = DeTable::parse(source.text()) {
        walk.table(table.get_ref(), "");
    }
    walk.problems
}

struct Walk<'a> {
    source: &'a Source,
    prose: &'a [&'a str],
    problems: Problems,
}

impl Walk<'_> {
    fn table(&mut self, table: &DeTable<'_>, path: &str) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let dot = if path.is_empty() { "" } else { "." };
            self.text(name, key.span(), path, false);
            self.value(value, &format!("{path}{dot}{name}"), self.prose.contains(&name));
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, path: &str, prose: bool) {
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, path),
            DeValue::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.value(item, &format!("{path}[{at}]"), prose);
                }
            }
            DeValue::String(text) => self.text(text, value.span(), path, prose),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, span: Range<usize>, path: &str, prose: bool) {
        let of_lines = |letter: char| prose && matches!(letter, '\n' | '\r' | '\t');
        let message = if text.chars().nth(CHARACTERS_MAX).is_some() {
            format!("is longer than {CHARACTERS_MAX} characters")
        } else if let Some(hidden) = text.chars().find(|letter| is_hidden(*letter) && !of_lines(*letter)) {
            let code = u32::from(hidden);
            format!("`{text}` holds the hidden character U+{code:04X}, must be a text of one line")
        } else {
            return;
        };
        self.problems.add(self.source.problem(span, path, message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Names = std::collections::BTreeMap<String, Vec<String>>;

    fn told(text: &str, prose: &[&str]) -> String {
        Source::from_text("n.toml", text)
            .parse_prose::<Names>(prose)
            .map_or_else(|error| error.to_string(), |names| format!("{names:?}"))
    }

    #[test]
    fn hidden_characters_are_refused_at_their_place_and_told_as_escapes() {
        assert_eq!(
            told("a = ['x', 'y']\nb = ['x', \"a\\r\\nclean: 0 errors\"]\n", &[]),
            "n.toml:2:11: b[1]: `a\\r\\nclean: 0 errors` holds the hidden character U+000D, \
             must be a text of one line"
        );
        for letter in ['\u{1b}', '\u{9b}', '\u{7f}', '\u{2028}', '\u{202e}', '\u{2066}', '\u{200b}'] {
            let code = format!("{:04X}", u32::from(letter));
            let value = told(&format!("a = [\"\\u{code}\"]"), &[]);
            assert!(value.contains(&format!("U+{code}")) && !value.contains(letter), "{value}");
            let key = told(&format!("\"k\\u{code}\" = []"), &[]);
            assert!(key.contains(&format!("U+{code}")) && !key.contains(letter), "{key}");
        }
        assert_eq!(told("a = ['Café – 太陽 ☀']", &[]), "{\"a\": [\"Café – 太陽 ☀\"]}");
    }

    #[test]
    fn only_prose_has_lines_and_prose_hides_nothing_else() {
        let lines = "note = ['''\none\n\ttwo''']\n";
        assert!(told(lines, &[]).contains("U+000A"));
        assert_eq!(told(lines, &["note"]), "{\"note\": [\"one\\n\\ttwo\"]}");
        assert!(told("note = [\"\\u001b\"]", &["note"]).contains("U+001B"));
    }

    #[test]
    fn a_text_without_end_is_refused_and_not_repeated() {
        let told = told(&format!("a = ['{}']", "x".repeat(CHARACTERS_MAX + 1)), &[]);
        assert_eq!(told, "n.toml:1:6: a[0]: is longer than 4096 characters");
    }
}
