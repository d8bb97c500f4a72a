//! The columns of a worksheet: ours, which say what we believe, and those to fill.

use grid::Cell;

use crate::profile::{Entry, Profile, Value};

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    Id,
    Table,
    Section,
    Title,
    Tag,
    Source,
    Known,
    Ours,
    Unit,
    Clause,
    Value,
    Page,
    Name,
    Note,
}

impl Column {
    pub(super) const ALL: [Self; 14] = [
        Self::Id,
        Self::Table,
        Self::Section,
        Self::Title,
        Self::Tag,
        Self::Source,
        Self::Known,
        Self::Ours,
        Self::Unit,
        Self::Clause,
        Self::Value,
        Self::Page,
        Self::Name,
        Self::Note,
    ];

    /// Without these a sheet is not a worksheet. The title is one of them since it shows that a sheet was sorted by
    /// one column only.
    pub(super) const NEEDED: [Self; 5] = [Self::Id, Self::Title, Self::Clause, Self::Page, Self::Name];

    /// What a filled row must have.
    pub(super) const SIGNED: [Self; 3] = [Self::Clause, Self::Page, Self::Name];

    /// Its title.
    pub(super) const fn header(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Table => "table",
            Self::Section => "section",
            Self::Title => "what we believe",
            Self::Tag => "tag",
            Self::Source => "source",
            Self::Known => "clause as far as known",
            Self::Ours => "our value",
            Self::Unit => "unit",
            Self::Clause => "clause",
            Self::Value => "value",
            Self::Page => "page",
            Self::Name => "name",
            Self::Note => "note",
        }
    }

    /// Its width in characters.
    pub(super) const fn width(self) -> f64 {
        match self {
            Self::Id => 34.0,
            Self::Title => 60.0,
            Self::Source | Self::Note => 40.0,
            Self::Name => 24.0,
            Self::Known | Self::Ours | Self::Clause | Self::Value => 18.0,
            Self::Table | Self::Section | Self::Tag | Self::Unit | Self::Page => 13.0,
        }
    }

    /// Whether somebody is to fill it.
    pub(super) const fn is_fill(self) -> bool {
        matches!(self, Self::Clause | Self::Value | Self::Page | Self::Name | Self::Note)
    }

    /// What we write into it.
    pub(super) fn own(self, entry: &Entry, profile: &Profile) -> Cell {
        match self {
            Self::Id => entry.id.as_str().into(),
            Self::Table => entry.table.text().into(),
            Self::Section => entry.section.as_str().into(),
            Self::Title => entry.title.as_str().into(),
            Self::Tag => entry.tag.text().into(),
            Self::Source => sources(entry, profile).into(),
            Self::Known => entry.clause.as_str().into(),
            Self::Ours => match &entry.value {
                Some(Value::Number(number)) => (*number).into(),
                Some(value) => value.to_string().into(),
                None => Cell::Empty,
            },
            Self::Unit => entry.unit.as_deref().into(),
            Self::Clause | Self::Value | Self::Page | Self::Name | Self::Note => Cell::Empty,
        }
    }

    /// The column of a title, however it is spaced and whatever its case.
    pub(super) fn of(cell: &Cell) -> Option<Self> {
        let title = plain(&cell.text()).to_lowercase();
        Self::ALL.into_iter().find(|column| column.header() == title.trim_end_matches([':', '*', ' ']))
    }
}

fn sources(entry: &Entry, profile: &Profile) -> String {
    let told = entry.sources.iter().map(|id| match profile.sources.get(id) {
        Some(source) => format!("{id}: {}", source.title),
        None => id.clone(),
    });
    told.collect::<Vec<_>>().join("; ")
}

/// Text with every run of blanks and line ends as one blank: spreadsheets break lines where they like.
pub(super) fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a cell still holds what we wrote, after whatever spreadsheet programs do to it.
pub(super) fn same(found: &Cell, written: &Cell) -> bool {
    let (found_text, written_text) = (plain(&found.text()), plain(&written.text()));
    if found_text == written_text {
        return true;
    }
    // A version "1.0" read back from a csv is the number 1.
    match (Cell::from(found_text).number(), Cell::from(written_text).number()) {
        (Some(found), Some(written)) => (found - written).abs() <= 1e-9 * written.abs(),
        _ => false,
    }
}

/// Whether a cell shows a formula that failed; a csv has only the mark.
pub(super) fn failed_formula(cell: &Cell) -> bool {
    const MARKS: [&str; 8] = ["#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!"];
    match cell {
        Cell::Error(_) => true,
        Cell::Text(text) => {
            let text = text.trim();
            MARKS.contains(&text) || text.strip_prefix("Err:").is_some_and(|rest| rest.parse::<u16>().is_ok())
        }
        _ => false,
    }
}
