//! Which row means which point. A wrong match would serve one quantity under another's index, so what fits two is
//! matched with none.

use super::targets::{Slot, Target};
use crate::model::{Kind, Row};

/// The point that each row means.
pub(crate) fn matches<R: Row>(kind: Kind, rows: &[R], targets: &mut [Target]) -> Vec<Option<Target>> {
    let mut found: Vec<Option<Target>> = vec![None; rows.len()];
    let by: [fn(&R, &Target) -> bool; 6] = [
        |row, target| target.sheet_name.as_deref() == Some(row.point_name()),
        |row, target| target.sheet_name.as_ref().is_some_and(|name| alike(name, row.point_name())),
        |row, target| target.id == row.point_name() || target.id == id(row.point_name()),
        |row, target| named(target, row.description()) && comparable(row, target),
        |row, target| named(target, row.point_name()) && comparable(row, target),
        made_inside,
    ];
    for fits in by {
        for at in 0..rows.len() {
            let (Some(row), Some(None)) = (rows.get(at), found.get(at)) else { continue };
            let mut fitting = targets
                .iter_mut()
                .filter(|target| !target.matched && target.slot.kind() == kind && fits(row, target));
            let (Some(target), None) = (fitting.next(), fitting.next()) else { continue };
            let open = rows.iter().zip(&found).filter(|(_, found)| found.is_none());
            if open.filter(|(row, _)| fits(row, target)).count() > 1 {
                continue;
            }
            target.matched = true;
            if let Some(found) = found.get_mut(at) {
                *found = Some(target.clone());
            }
        }
    }
    found
}

/// The points that the device makes itself are known by what they are where no name tells.
fn made_inside<R: Row>(row: &R, target: &Target) -> bool {
    let text = format!("{} {}", row.description(), row.point_name()).to_lowercase();
    let has = |part: &str| text.contains(part);
    match target.slot {
        Slot::Heartbeat => has("heartbeat") || has("heart beat"),
        Slot::Connection => has("unit conn") || (has("unit") && has("connection status")),
        _ => false,
    }
}

fn named(target: &Target, name: &str) -> bool {
    target.name.as_ref().is_some_and(|own| alike(own, name))
}

/// A state of charge in MWh and one in per cent may be called the same: a name alone makes them not one point.
fn comparable<R: Row>(row: &R, target: &Target) -> bool {
    match (row.unit(), target.unit) {
        (Some(row), Some(target)) => row.dimension() == target.dimension(),
        _ => true,
    }
}

/// The same but for case and blanks around.
fn alike(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

/// An id made from a point's name: lower case, words parted by dots.
pub(crate) fn id(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(".")
}
