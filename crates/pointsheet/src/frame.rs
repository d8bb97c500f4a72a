//! What stands around the rows: titles above, the header in somebody's spelling, columns that we do not know, notes
//! below. It is kept, so that a sheet that went through our hands is still the ISO's sheet.

use grid::{Cell, Merge};

use crate::model::Kind;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// 'Point Description'.
    Description,
    /// 'Point Name'.
    Name,
    /// 'Eng. Units'.
    Unit,
    /// 'RIG E/U Max Units'.
    MaxUnits,
    /// 'RIG to CAISO Max Counts'.
    MaxCounts,
    /// 'DNP Index (0 not used)'.
    Index,
    /// 'Point Logic 0/1'.
    States,
    /// Something that is only kept.
    Extra,
}

impl Field {
    /// The columns that a table of a kind must have, in the usual order.
    #[must_use]
    pub const fn of(kind: Kind) -> &'static [Self] {
        if kind.is_analog() {
            &[Self::Description, Self::Name, Self::Unit, Self::MaxUnits, Self::MaxCounts, Self::Index]
        } else {
            &[Self::Description, Self::Name, Self::Index, Self::States]
        }
    }

    /// The usual header.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Description => "Point Description",
            Self::Name => "Point Name",
            Self::Unit => "Eng. Units",
            Self::MaxUnits => "RIG E/U Max Units",
            Self::MaxCounts => "RIG to CAISO Max Counts",
            Self::Index => "DNP Index (0 not used)",
            Self::States => "Point Logic 0/1",
            Self::Extra => "",
        }
    }

    /// What a header means, whatever its case, blanks, slashes, dots and notes in brackets.
    pub(crate) fn meant(header: &str) -> Self {
        let mut depth = 0_usize;
        let bare: String = header
            .chars()
            .filter(|letter| {
                match letter {
                    '(' | '[' => depth = depth.saturating_add(1),
                    ')' | ']' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                depth == 0 && letter.is_alphanumeric()
            })
            .flat_map(char::to_lowercase)
            .collect();
        let has = |parts: &[&str]| parts.iter().any(|part| bare.contains(part));
        let most = has(&["max", "fullscale"]);
        if has(&["count", "cnt"]) {
            Self::MaxCounts
        } else if most
            && (has(&["unit", "eu", "engineering"]) || matches!(bare.as_str(), "max" | "fullscale"))
        {
            Self::MaxUnits
        } else if most {
            // The most of something, and not told of what: a guess would be a wrong scale.
            Self::Extra
        } else if has(&["index", "idx", "dnppoint", "dnpaddr", "dnpno", "dnpnum"]) {
            Self::Index
        } else if has(&["logic", "state"]) {
            Self::States
        } else if has(&["desc"]) {
            Self::Description
        } else if has(&["name", "pointid", "pointtag"]) || bare.starts_with("tag") {
            Self::Name
        } else if has(&["unit", "uom"]) || matches!(bare.as_str(), "eu" | "rigeu" | "engeu") {
            Self::Unit
        } else {
            Self::Extra
        }
    }

    /// Whether a header names the thing with one of the sheet's own words: it wins over another that does not.
    pub(crate) fn is_own(header: &str) -> bool {
        let header = header.to_lowercase();
        ["point", "dnp", "rig", "rtd", "eng"].iter().any(|word| header.contains(word))
    }
}

/// One column of a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// What it holds.
    pub field: Field,
    /// Its header as spelled.
    pub title: String,
}

/// What stands around a table's rows.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Lines above the header.
    pub titles: Vec<Vec<Cell>>,
    /// Merged cells among those lines; rows count from the first of them.
    pub merges: Vec<Merge>,
    /// The header's columns.
    pub columns: Vec<Column>,
    /// Lines below the table.
    pub notes: Vec<Vec<Cell>>,
}

impl Frame {
    /// The usual header and nothing else.
    #[must_use]
    pub fn standard(kind: Kind) -> Self {
        let columns =
            Field::of(kind).iter().map(|field| Column { field: *field, title: field.title().to_owned() });
        Self { titles: Vec::new(), merges: Vec::new(), columns: columns.collect(), notes: Vec::new() }
    }
}

/// The table that a name of a sheet or a file, or a title line tells; `None` where it tells none, or two.
/// In a line of prose the short names count only in capitals: "do" is an English word,
/// and `DO NOT EDIT` is no digital output.
pub(crate) fn kind_told(text: &str, prose: bool) -> Option<Kind> {
    let lower = text.to_lowercase();
    let joined: String = lower.chars().filter(|letter| letter.is_alphanumeric()).collect();
    let words: Vec<&str> =
        text.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let forbids =
        |at: usize| words.get(at.saturating_add(1)).is_some_and(|next| next.eq_ignore_ascii_case("not"));
    let long: [(Kind, &[&str], &[&str]); 4] = [
        (Kind::AnalogInput, &["analoginput", "analogin"], &["AI", "AIS"]),
        (Kind::AnalogOutput, &["analogoutput", "analogout"], &["AO", "AOS"]),
        (Kind::DigitalInput, &["digitalin", "binaryin"], &["DI", "DIS", "BI"]),
        (Kind::DigitalOutput, &["digitalout", "binaryout"], &["DO", "DOS", "BO"]),
    ];
    let mut told = long.into_iter().filter(|(_, long, short)| {
        let short_told = words.iter().enumerate().any(|(at, word)| {
            let word = if prose { (*word).to_owned() } else { word.to_uppercase() };
            short.contains(&word.as_str()) && !(prose && forbids(at))
        });
        long.iter().any(|long| joined.contains(long)) || short_told
    });
    match (told.next(), told.next()) {
        (Some((kind, ..)), None) => Some(kind),
        _ => None,
    }
}
