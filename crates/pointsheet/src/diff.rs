//! What differs between two sheets. A DNP3 index, once given, means its point for ever: the ISO's side is not told of
//! a change by the wire, so a renumbered or rescaled point is a believable wrong value there.

use std::fmt;

use crate::model::{Analog, Digital, Kind, PointSheet, Row, States};

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The table.
    pub kind: Kind,
    /// The point's name, as the new sheet has it where it is there.
    pub point: String,
    /// Its description likewise.
    pub description: String,
    /// What happened.
    pub change: Change,
}

/// What happened to a point.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// It is new.
    Added {
        /// Its index; `None`: not served.
        index: Option<u16>,
    },
    /// It is gone.
    Removed {
        /// The index that it had.
        index: Option<u16>,
    },
    /// It was renumbered.
    Moved {
        /// The index that it had.
        old: u16,
        /// The index that it has.
        new: u16,
    },
    /// It has an index now, and had none.
    NowServed {
        /// The index that it has.
        new: u16,
    },
    /// It has no index any more.
    NoLongerServed {
        /// The index that it had.
        old: u16,
    },
    /// Its full scale changed: units, counts.
    Rescaled {
        /// What it was.
        old: (Option<f64>, Option<u32>),
        /// What it is.
        new: (Option<f64>, Option<u32>),
    },
    /// Its point name changed; the description tells that it is the same point.
    Renamed {
        /// The name that it had.
        old: String,
    },
    /// Its description changed.
    Redescribed {
        /// The description that it had.
        old: String,
    },
    /// Its unit changed; another spelling of the same unit is no change.
    Unit {
        /// The unit that it had, as spelled.
        old: String,
        /// The unit that it has, as spelled.
        new: String,
    },
    /// The texts of its states changed.
    States {
        /// What they were.
        old: Option<States>,
        /// What they are.
        new: Option<States>,
    },
}

impl Change {
    /// One word for it, as in JSON.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Added { .. } => "added",
            Self::Removed { .. } => "removed",
            Self::Moved { .. } => "renumbered",
            Self::NowServed { .. } => "now-served",
            Self::NoLongerServed { .. } => "no-longer-served",
            Self::Rescaled { .. } => "rescaled",
            Self::Renamed { .. } => "renamed",
            Self::Redescribed { .. } => "redescribed",
            Self::Unit { .. } => "unit-changed",
            Self::States { .. } => "states-changed",
        }
    }

    /// Whether who knows only the old sheet would read something false, or nothing.
    #[must_use]
    pub fn is_incompatible(&self) -> bool {
        match self {
            Self::Removed { index } => index.is_some(),
            Self::Moved { .. } | Self::NoLongerServed { .. } | Self::Rescaled { .. } | Self::Unit { .. } => {
                true
            }
            // Exchanged words: 0 means now what 1 meant.
            Self::States { old: Some(old), new: Some(new) } => old.zero == new.one || old.one == new.zero,
            Self::States { .. }
            | Self::Added { .. }
            | Self::NowServed { .. }
            | Self::Renamed { .. }
            | Self::Redescribed { .. } => false,
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let index =
            |index: Option<u16>| index.map_or("not served".to_owned(), |index| format!("index {index}"));
        write!(f, "{} `{}`", self.kind, self.point)?;
        match &self.change {
            Change::Added { index: at } => write!(f, ": added, {}", index(*at)),
            Change::Removed { index: at } => write!(
                f,
                ": removed, it was {}",
                at.map_or_else(|| index(None), |at| format!("at index {at}"))
            ),
            Change::Moved { old, new } => write!(f, ": renumbered, index {old} -> {new}"),
            Change::NowServed { new } => write!(f, ": now served, index {new}"),
            Change::NoLongerServed { old } => write!(f, ": no longer served, it had index {old}"),
            Change::Rescaled { old, new } => write!(f, ": rescaled, {} -> {}", scale(*old), scale(*new)),
            Change::Renamed { old } => write!(f, ": renamed, it was `{old}`"),
            Change::Redescribed { old } => write!(f, ": description `{old}` -> `{}`", self.description),
            Change::Unit { old, new } => write!(f, ": unit `{old}` -> `{new}`"),
            Change::States { old, new } => {
                let text =
                    |states: &Option<States>| states.as_ref().map(ToString::to_string).unwrap_or_default();
                write!(f, ": states `{}` -> `{}`", text(old), text(new))
            }
        }
    }
}

/// A scale in words.
fn scale((units, counts): (Option<f64>, Option<u32>)) -> String {
    let units = units.map_or("?".to_owned(), |units| units.to_string());
    let counts = counts.map_or("?".to_owned(), |counts| counts.to_string());
    format!("{units} units = {counts} counts")
}

/// What differs, in the order of the new sheet's tables, removed points at the end of each. Points are the same where
/// their point name is, then where their description is. A table that one of the sheets lacks is passed over.
#[must_use]
pub fn diff(old: &PointSheet, new: &PointSheet) -> Vec<Difference> {
    let mut differences = Vec::new();
    for kind in Kind::ALL.into_iter().filter(|kind| old.has(*kind) && new.has(*kind)) {
        if kind.is_analog() {
            table(kind, old.analogs(kind), new.analogs(kind), analog, &mut differences);
        } else {
            table(kind, old.digitals(kind), new.digitals(kind), digital, &mut differences);
        }
    }
    differences
}

fn table<R: Row>(
    kind: Kind,
    old: &[R],
    new: &[R],
    compare: fn(&R, &R) -> Vec<Change>,
    differences: &mut Vec<Difference>,
) {
    let (pairs, gone) = pairs(old, new);
    let mut add = |row: &R, change: Change| {
        let (point, description) = (row.point_name().to_owned(), row.description().to_owned());
        differences.push(Difference { kind, point, description, change });
    };
    for (row, before) in new.iter().zip(pairs) {
        let Some(before) = before else {
            add(row, Change::Added { index: row.index() });
            continue;
        };
        match (before.index(), row.index()) {
            (Some(old), Some(new)) if old != new => add(row, Change::Moved { old, new }),
            (Some(old), None) => add(row, Change::NoLongerServed { old }),
            (None, Some(new)) => add(row, Change::NowServed { new }),
            _ => {}
        }
        if before.point_name() != row.point_name() {
            add(row, Change::Renamed { old: before.point_name().to_owned() });
        }
        if before.description() != row.description() {
            add(row, Change::Redescribed { old: before.description().to_owned() });
        }
        compare(before, row).into_iter().for_each(|change| add(row, change));
    }
    for row in gone {
        add(row, Change::Removed { index: row.index() });
    }
}

/// For each new row the old one that it was, and the old ones that are gone.
fn pairs<'a, R: Row>(old: &'a [R], new: &[R]) -> (Vec<Option<&'a R>>, Vec<&'a R>) {
    let mut left: Vec<Option<&R>> = old.iter().map(Some).collect();
    let mut pairs: Vec<Option<&R>> = vec![None; new.len()];
    for by in [R::point_name, R::description] {
        for (pair, row) in pairs.iter_mut().zip(new).filter(|(pair, _)| pair.is_none()) {
            // Several of one description (`Spare`) tell nothing.
            let of = |rows: &[R]| rows.iter().filter(|other| by(other) == by(row)).count();
            let found = left.iter_mut().find(|old| old.is_some_and(|old| by(old) == by(row)));
            if let (Some(found), 1, 1) = (found, of(old), of(new)) {
                *pair = found.take();
            }
        }
    }
    (pairs, left.into_iter().flatten().collect())
}

fn analog(old: &Analog, new: &Analog) -> Vec<Change> {
    let mut changes = Vec::new();
    let scale = |row: &Analog| (row.max_units, row.max_counts);
    if scale(old) != scale(new) {
        changes.push(Change::Rescaled { old: scale(old), new: scale(new) });
    }
    let same = if old.unit.is_some() { old.unit == new.unit } else { old.unit_text == new.unit_text };
    if !same {
        changes.push(Change::Unit { old: old.unit_text.clone(), new: new.unit_text.clone() });
    }
    changes
}

fn digital(old: &Digital, new: &Digital) -> Vec<Change> {
    let words = |row: &Digital| row.states.as_ref().map(|states| (states.zero.clone(), states.one.clone()));
    if words(old) == words(new) {
        return Vec::new();
    }
    vec![Change::States { old: old.states.clone(), new: new.states.clone() }]
}
