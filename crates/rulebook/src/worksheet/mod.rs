//! The worksheet: what nobody here could confirm, laid out for somebody who holds the manual.
//!
//! The rules were put together without the manual's text. Whoever has it should need a spreadsheet and an hour, not
//! this program's files: so every entry that is not stated by a source is one row, with what we believe and a place
//! for clause, value, page and name. [`confirm`] makes an [`Overlay`](crate::profile::Overlay) of the filled sheet.

mod confirm;
mod table;

use grid::{Cell, Grid, Look};

pub use confirm::{Filled, Terms, confirm, profile_of};

use self::table::Column;
use crate::profile::{Day, Entry, Profile, Tag};

/// Name of the sheet that is filled.
pub const SHEET: &str = "Worksheet";
const READ_ME: &str = "Read me";
/// Characters of a line of the sheet that says how to fill.
const READ_ME_WIDTH: f64 = 110.0;

/// A worksheet to be written.
#[derive(Clone, Copy, Debug)]
pub struct Worksheet<'a> {
    /// The profile, with whatever overlay is laid over it.
    pub profile: &'a Profile,
    /// Entries that their source states are asked about too: the document may say something else by now.
    pub all: bool,
    /// Entries that have ended on this day are left out.
    pub as_of: Day,
    /// The day on which it is made.
    pub made: Day,
}

impl<'a> Worksheet<'a> {
    /// The entries that it asks about: neither stated by their source nor confirmed, in the profile's order.
    pub fn entries(&self) -> impl Iterator<Item = &'a Entry> {
        let as_of = self.as_of;
        self.profile
            .entries()
            .filter(|entry| (self.all || entry.tag != Tag::Verified) && entry.confirmed.is_none())
            .filter(move |entry| entry.until.is_none_or(|until| as_of < until))
    }

    /// The workbook: how to fill, and the sheet to fill.
    #[must_use]
    pub fn sheets(&self) -> Vec<(Grid, Look)> {
        let mut read_me = Grid::new(READ_ME);
        read_me.rows = self.read_me().into_iter().map(|line| vec![Cell::from(line)]).collect();
        let plain = Look { widths: vec![READ_ME_WIDTH], ..Look::default() };
        let (sheet, header) = self.sheet(false);
        let look = Look {
            header: Some(header),
            kept: 1,
            widths: Column::ALL.map(Column::width).to_vec(),
            fill: Column::ALL
                .iter()
                .enumerate()
                .filter_map(|(at, column)| column.is_fill().then_some(at))
                .collect(),
        };
        vec![(read_me, plain), (sheet, look)]
    }

    /// The sheet as one table, with the lines that a workbook has on a sheet of its own.
    #[must_use]
    pub fn table(&self) -> Grid {
        self.sheet(true).0
    }

    /// The sheet and the row of its header.
    fn sheet(&self, told: bool) -> (Grid, usize) {
        let head = &self.profile.head;
        let mut grid = Grid::new(SHEET);
        let title = "Entries that nobody has confirmed: none of this is the ISO's word";
        grid.rows.push(vec![title.into()]);
        grid.rows.push(vec!["profile".into(), head.id.as_str().into()]);
        grid.rows.push(vec!["edition".into(), head.edition.as_str().into()]);
        grid.rows.push(vec!["as of".into(), self.as_of.to_string().into()]);
        if told {
            grid.rows.push(vec!["made on".into(), self.made.to_string().into()]);
            grid.rows.push(vec!["how to fill".into(), HOW.join(" ").into()]);
        }
        let header = grid.rows.len();
        grid.rows.push(Column::ALL.iter().map(|column| column.header().into()).collect());
        for entry in self.entries() {
            grid.rows.push(Column::ALL.iter().map(|column| column.own(entry, self.profile)).collect());
        }
        (grid, header)
    }

    fn read_me(&self) -> Vec<String> {
        let head = &self.profile.head;
        let mut lines = vec![
            "Worksheet of the rules of direct telemetry".to_owned(),
            format!("Profile: {} ({})", head.id, head.title),
            format!("Edition: {}", head.edition),
            format!("As of: {}", self.as_of),
            format!("Made on: {}", self.made),
            format!("Entries: {}", self.entries().count()),
            String::new(),
            head.notice.clone(),
            String::new(),
            "How to fill".to_owned(),
        ];
        lines.extend(HOW.iter().map(|line| (*line).to_owned()));
        lines.push(String::new());
        lines.push("What the tags mean".to_owned());
        lines.extend(
            Tag::ALL
                .iter()
                .filter(|tag| **tag < Tag::Verified || (self.all && **tag == Tag::Verified))
                .map(|tag| format!("{tag}: {}", tag.words())),
        );
        lines
    }
}

const HOW: [&str; 6] = [
    "Fill clause, value, page, name and note (in a workbook they are coloured) of the rows that you found in the \
     document; leave all others empty.",
    "clause, page and name belong together: where it stands, on which page, and who read it.",
    "value: only where the document says another value than ours; a number without its unit, or words with commas \
     between.",
    "note: whatever else should be kept.",
    "Rows may be sorted and columns moved or hidden; what stands in the other columns must stay as it is.",
    "Then: openrtd rules confirm SHEET --document \"TITLE AND VERSION\"",
];
