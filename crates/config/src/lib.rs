//! How every TOML file of OpenRTD is read.
//!
//! A wrong line in a configuration must cost a minute, not an afternoon: every error names the file, the line, the
//! column, the field, what was found and what is allowed. Unknown keys are errors (types derive
//! `serde(deny_unknown_fields)`), and checks that need two fields point at the text through [`Spanned`] values.
//!
//! ```
//! use config::{Problems, Source, Spanned};
//!
//! #[derive(serde::Deserialize)]
//! #[serde(deny_unknown_fields)]
//! struct Meter { name: String, ratio: Spanned<f64> }
//!
//! let source = Source::from_text("meter.toml", "name = 'main'\nratio = -2.0\n");
//! let meter: Meter = source.parse()?;
//! let mut problems = Problems::default();
//! if *meter.ratio.get_ref() <= 0.0 {
//!     problems.add(source.problem(meter.ratio.span(), "ratio", "must be above 0"));
//! }
//! assert_eq!(problems.into_result(()).unwrap_err().to_string(), "meter.toml:2:9: ratio: must be above 0");
//! # Ok::<(), config::Problems>(())
//! ```

mod places;
mod regular;
mod texts;

use std::fmt;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use places::Lines;
pub use places::Places;
pub use regular::read_regular;
use serde::de::DeserializeOwned;
pub use texts::is_hidden;
pub use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A configuration file larger than this is refused: it is somebody's data file, given by mistake.
const FILE_OCTETS_MAX: u64 = 8 * 1024 * 1024;

/// What the standard library says of an address that is none, and what it leaves out.
const ADDRESS_SYNTAX: &str = "invalid socket address syntax";
const ADDRESS_ALLOWED: &str = ", must be an IP address and a port such as `127.0.0.1:20000` or `[::1]:20000`";

/// What may stand before the first character of a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// One thing wrong with a file, at its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as the user named it.
    pub file: PathBuf,
    /// Line and column, both from 1; `None` where the file as a whole is meant.
    pub at: Option<(usize, usize)>,
    /// The field, as a path such as `analog[2].unit`; empty where the text does not even parse.
    pub field: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        // What a file holds may be meant for the terminal that shows the error.
        let mut shown = |text: &str| {
            text.chars().try_for_each(|c| {
                if is_hidden(c) { write!(f, "{}", c.escape_default()) } else { write!(f, "{c}") }
            })
        };
        if !self.field.is_empty() {
            shown(": ")?;
            shown(&self.field)?;
        }
        shown(": ")?;
        shown(&self.message)
    }
}

/// All that is wrong with a file: a user wants to mend it in one go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Adds one.
    pub fn add(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Adds all of `others`.
    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// The problems in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` where nothing is wrong.
    ///
    /// # Errors
    /// The problems themselves, sorted by their place in the file.
    pub fn into_result<T>(mut self, value: T) -> Result<T, Self> {
        if self.0.is_empty() {
            return Ok(value);
        }
        self.0.sort_by(|a, b| (&a.file, a.at).cmp(&(&b.file, b.at)));
        Err(self)
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if at == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The text of a file, kept so that problems found later can still point into it.
#[derive(Clone, Debug)]
pub struct Source {
    file: PathBuf,
    /// Where relative paths start.
    folder: PathBuf,
    text: String,
    lines: Lines,
}

impl Source {
    /// Reads a file.
    ///
    /// # Errors
    /// Where it is no regular file, cannot be read, is larger than 8 MiB or is not UTF-8.
    pub fn read(file: impl AsRef<Path>) -> Result<Self, Problems> {
        let file = file.as_ref();
        let source = Self::from_text(file, read_text(file)?);
        // However it was named, the same file means the same paths. One that is gone again keeps the name's folder.
        let real = fs::canonicalize(file).ok().and_then(|real| Some(real.parent()?.to_owned()));
        Ok(match real {
            Some(folder) => Self { folder, ..source },
            None => source,
        })
    }

    /// A source from a text that `name` names.
    #[must_use]
    pub fn from_text(name: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let mut text = text.into();
        // Some editors put a mark before UTF-8. It is no part of the text, so columns do not count it.
        if text.starts_with(BYTE_ORDER_MARK) {
            text.remove(0);
        }
        let lines = Lines::of(&text);
        let file = name.into();
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        Self { file, folder, text, lines }
    }

    /// The file as the user named it.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// `path` as meant by this file: relative paths start at the file's own folder, which is where the file really is,
    /// whatever links its name leads through.
    #[must_use]
    pub fn resolve(&self, path: impl AsRef<Path>) -> PathBuf {
        self.folder.join(path)
    }

    /// As [`Self::resolve`], for a file that must be there; what is wrong where it is not.
    #[must_use]
    pub fn resolve_file(&self, field: &str, path: &Spanned<PathBuf>) -> (PathBuf, Option<Problem>) {
        let resolved = self.resolve(path.get_ref());
        let message = match fs::metadata(&resolved) {
            Ok(found) if found.is_file() => None,
            Ok(_) => Some(format!("{} is not a file", resolved.display())),
            Err(error) => Some(format!("{} cannot be read: {error}", resolved.display())),
        };
        (resolved, message.map(|message| self.problem(path.span(), field, message)))
    }

    /// The text as a `T`.
    ///
    /// # Errors
    /// The first place where the text is not TOML, or not a `T`; all keys and texts that are not plain text of one
    /// line: they go to terminals, pages and drawings, where a hidden character changes what a reader sees.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Problems> {
        self.parse_prose(&[])
    }

    /// As [`Self::parse`], where the texts of these keys may have several lines.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn parse_prose<T: DeserializeOwned>(&self, prose: &[&str]) -> Result<T, Problems> {
        texts::problems(self, prose).into_result(())?;
        toml::from_str(&self.text).map_err(|error| {
            let mut message = error.message().trim_end().replace('\n', "; ");
            if message.ends_with(ADDRESS_SYNTAX) {
                message.push_str(ADDRESS_ALLOWED);
            }
            let at = error.span().map(|span| self.line_and_column(span.start));
            let field = error.span().and_then(|span| self.field(&span)).unwrap_or_default();
            Problem { file: self.file.clone(), at, field, message }.into()
        })
    }

    /// The path of the value at this place; `None` where there is none. (A key that is not known is no value.)
    fn field(&self, at: &Range<usize>) -> Option<String> {
        fn in_table(table: &DeTable<'_>, path: &str, at: &Range<usize>) -> Option<String> {
            let dot = if path.is_empty() { "" } else { "." };
            table
                .iter()
                .find_map(|(key, value)| in_value(value, &format!("{path}{dot}{}", key.get_ref()), at))
        }
        fn in_value(value: &Spanned<DeValue<'_>>, path: &str, at: &Range<usize>) -> Option<String> {
            match value.get_ref() {
                DeValue::Table(table) => in_table(table, path, at),
                DeValue::Array(items) => {
                    let mut items = items.iter().enumerate();
                    items.find_map(|(place, item)| in_value(item, &format!("{path}[{place}]"), at))
                }
                _ => None,
            }
            .or_else(|| (value.span() == *at).then(|| path.to_owned()))
        }
        let table = DeTable::parse(&self.text).ok()?;
        in_table(table.get_ref(), "", at)
    }

    /// A problem at a place in the text.
    #[must_use]
    pub fn problem(
        &self,
        span: Range<usize>,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Problem {
        Problem {
            file: self.file.clone(),
            at: Some(self.line_and_column(span.start)),
            field: field.into(),
            message: message.into(),
        }
    }

    /// A problem of the file as a whole.
    #[must_use]
    pub fn whole(&self, field: impl Into<String>, message: impl Into<String>) -> Problem {
        Problem { field: field.into(), ..whole_file(&self.file, message.into()) }
    }

    /// Where everything in the text stands.
    #[must_use]
    pub fn places(&self) -> Places {
        Places::of(&self.text, &self.lines)
    }

    fn line_and_column(&self, offset: usize) -> (usize, usize) {
        self.lines.at(&self.text, offset)
    }
}

/// The text of a regular file as it stands, with the mark that some editors put before UTF-8.
///
/// # Errors
/// As [`Source::read`].
pub fn read_text(file: &Path) -> Result<String, Problems> {
    let refuse = |message: String| Problems::from(whole_file(file, message));
    let octets = read_regular(file, FILE_OCTETS_MAX).map_err(refuse)?;
    String::from_utf8(octets).map_err(|error| refuse(format!("is not UTF-8 text: {error}")))
}

/// A problem of a file that has no place inside it.
#[must_use]
pub fn whole_file(file: &Path, message: impl Into<String>) -> Problem {
    Problem { file: file.to_owned(), at: None, field: String::new(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Point {
        id: String,
        index: u16,
    }

    fn refusal(text: &str) -> String {
        Source::from_text("p.toml", text)
            .parse::<Point>()
            .map(|_| ())
            .map_err(|error| error.to_string())
            .unwrap_err()
    }

    #[test]
    fn errors_name_file_line_column_and_what_is_allowed() {
        assert_eq!(
            refusal("id = 'a'\nindx = 3\n"),
            "p.toml:2:1: unknown field `indx`, expected `id` or `index`"
        );
        assert!(
            refusal("id = 'a'\nindex = 70000\n")
                .starts_with("p.toml:2:9: index: invalid value: integer `70000`")
        );
        assert!(refusal("id = 'a'\nindex = \n").starts_with("p.toml:2:9: "));
        assert!(refusal("id = 'a'\n").contains("missing field `index`"));
    }

    #[test]
    fn a_value_that_is_no_such_thing_is_told_with_its_path() {
        #[derive(Debug, serde::Deserialize)]
        #[expect(dead_code, reason = "only read")]
        struct File {
            #[serde(default)]
            listen: Option<std::net::SocketAddr>,
            device: Vec<Point>,
            #[serde(default)]
            numbers: Vec<u8>,
        }
        let told = |text: &str| Source::from_text("f.toml", text).parse::<File>().unwrap_err().to_string();
        assert_eq!(
            told("listen = 'localhost:1'\ndevice = []\n"),
            "f.toml:1:10: listen: invalid socket address syntax, must be an IP address and a port such as \
             `127.0.0.1:20000` or `[::1]:20000`"
        );
        let in_array = told("[[device]]\nid = 'a'\nindex = 1\n[[device]]\nid = 5\nindex = 2\n");
        assert!(in_array.starts_with("f.toml:5:6: device[1].id: invalid type: integer `5`"), "{in_array}");
        let number = told("numbers = [1, 256]\ndevice = []\n");
        assert!(number.starts_with("f.toml:1:15: numbers[1]: invalid value"), "{number}");
        let missing = told("[[device]]\nid = 'a'\n");
        assert!(missing.contains("missing field `index`"), "{missing}");
    }

    #[test]
    fn columns_count_characters() {
        let source = Source::from_text("p.toml", "a = 'é'\nb = 'éé' # x");
        assert_eq!(source.line_and_column(source.text().find('#').unwrap()), (2, 10));
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_text() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, b"\xef\xbb\xbfid = 'a'\nindex = 7\n").unwrap();
        let point: Point = Source::read(&file).unwrap().parse().unwrap();
        assert_eq!((point.id.as_str(), point.index), ("a", 7));
        assert!(refusal("\u{feff}idd = 'a'\n").starts_with("p.toml:1:1: unknown field `idd`"));
    }

    #[test]
    fn a_file_that_is_named_must_be_there() {
        #[derive(serde::Deserialize)]
        struct Names {
            here: Spanned<PathBuf>,
            folder: Spanned<PathBuf>,
            gone: Spanned<PathBuf>,
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("n.toml");
        fs::write(&file, "here = 'n.toml'\nfolder = '.'\ngone = 'gone.pem'\n").unwrap();
        let source = Source::read(&file).unwrap();
        let names: Names = source.parse().unwrap();
        assert_eq!(source.resolve_file("here", &names.here), (file, None));
        let told = |path| {
            let problem = source.resolve_file("x", path).1.unwrap().to_string();
            problem.replace(&format!("{}/", folder.path().display()), "")
        };
        assert_eq!(told(&names.folder), "n.toml:2:10: x: . is not a file");
        assert!(told(&names.gone).starts_with("n.toml:3:8: x: gone.pem cannot be read: "));
    }

    #[test]
    fn an_unreadable_file_is_named() {
        let error = Source::read("no/such/site.toml").unwrap_err().to_string();
        assert!(error.starts_with("no/such/site.toml: cannot be read"), "{error}");
    }

    #[test]
    fn problems_come_in_the_order_of_the_file() {
        let source = Source::from_text("p.toml", "one\ntwo\n");
        let mut problems = Problems::default();
        problems.add(source.problem(4..7, "b", "second"));
        problems.add(source.problem(0..3, "a", "first"));
        let text = problems.into_result(()).unwrap_err().to_string();
        assert_eq!(text, "p.toml:1:1: a: first\np.toml:2:1: b: second");
    }
}
