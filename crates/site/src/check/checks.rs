//! What is asked of a point's values beside their range: how fast they may change, whether they move at all, and
//! what else should say the same.

use config::Spanned;

use super::{Check, Kind};
use crate::derive::{CheckKind, Checks, Cross, Flat, Gate, Holds};
use crate::raw::{RawAnalog, RawFlat, RawGate};

/// How long a value may stand still, in seconds, up to a week.
const FLAT_S: (u64, u64) = (1, 604_800);

impl Check<'_> {
    pub(crate) fn checks(&mut self, field: &str, raw: &RawAnalog) -> Checks {
        let unit = *raw.unit.get_ref();
        let rate_max = raw.rate_max.as_ref().map(|rate| self.above_zero(format!("{field}.rate_max"), rate));
        let flat = raw.flat.as_ref().map(|flat| self.flat(&format!("{field}.flat"), flat.get_ref()));
        let cross = raw.cross.as_ref().and_then(|raw| {
            let cross = raw.get_ref();
            let field = format!("{field}.cross");
            let differ_max = self.above_zero(format!("{field}.differ_max"), &cross.differ_max);
            let with = self.term_like(&format!("{field}.with"), &cross.with, unit)?;
            Some(Cross { with, differ_max })
        });
        let mut checks = Checks { rate_max, flat, cross, ..Checks::default() };
        for kind in raw.bad_on.iter().flat_map(Spanned::get_ref) {
            let (given, name) = match kind.get_ref() {
                CheckKind::Rate => (raw.rate_max.is_some(), "rate_max"),
                CheckKind::Flat => (raw.flat.is_some(), "flat"),
                CheckKind::Cross => (raw.cross.is_some(), "cross"),
            };
            if !given {
                let message = format!("`{}`, but the point has no `{name}`", kind.get_ref().text());
                self.problem(kind.span(), format!("{field}.bad_on"), message);
            }
            checks.bad_on.insert(*kind.get_ref());
        }
        checks
    }

    fn flat(&mut self, field: &str, raw: &RawFlat) -> Flat {
        let band = self.number(field, "band", raw.band.as_ref(), 0.0);
        if let Some(text) = raw.band.as_ref().filter(|_| band < 0.0) {
            self.problem(text.span(), format!("{field}.band"), format!("{band}, must be 0 or above"));
        }
        Flat {
            after: self.seconds(format!("{field}.for_s"), &raw.for_s, FLAT_S),
            band,
            gates: raw.gate.iter().filter_map(|gate| self.gate(&format!("{field}.gate"), gate)).collect(),
        }
    }

    fn gate(&mut self, field: &str, raw: &Spanned<RawGate>) -> Option<Gate> {
        let gate = raw.get_ref();
        let (kind, holds) = match (&gate.above, &gate.below, &gate.is) {
            (Some(limit), None, None) => {
                (Kind::Analog, Holds::Above(self.number(field, "above", Some(limit), 0.0)))
            }
            (None, Some(limit), None) => {
                (Kind::Analog, Holds::Below(self.number(field, "below", Some(limit), 0.0)))
            }
            (None, None, Some(state)) => (Kind::Digital, Holds::Is(*state.get_ref())),
            _ => {
                self.problem(raw.span(), field, "exactly one of `above`, `below` and `is` is needed");
                return None;
            }
        };
        Some(Gate { point: self.point(format!("{field}.point"), &gate.point, kind), holds })
    }
}
