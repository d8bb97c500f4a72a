//! What a cell holds. Spreadsheets do not keep numbers and text apart, people neither: so each can be asked for both.

use std::borrow::Cow;

/// The mark of a formula whose value is not in the file.
pub const UNVALUED: &str = "a formula without a value";

/// What a cell holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Nothing.
    #[default]
    Empty,
    /// Text.
    Text(String),
    /// A number; finite.
    Number(f64),
    /// A truth value.
    Bool(bool),
    /// A date as `2026-11-25`, or a date with a time as `2026-11-25T12:30:00`.
    Date(String),
    /// A formula that failed, by its mark such as `#REF!`, or whose value is not in the file: [`UNVALUED`].
    Error(String),
}

impl Cell {
    /// Whether there is nothing to see in it.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// What is to be seen in it, without blanks around it: 30000 and never 30000.0.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) | Self::Date(text) | Self::Error(text) => Cow::Borrowed(text.trim()),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Bool(value) => Cow::Borrowed(if *value { "TRUE" } else { "FALSE" }),
        }
    }

    /// The number that it is, or that its text is: digits, a decimal point, an exponent; no thousands, no decimal
    /// comma, no infinity.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => {
                let text = text.trim();
                let plain =
                    text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
                let number: f64 = if plain { text.parse().ok()? } else { return None };
                number.is_finite().then_some(number)
            }
            _ => None,
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text.to_owned()) }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text) }
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<u16> for Cell {
    fn from(number: u16) -> Self {
        Self::Number(number.into())
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}
