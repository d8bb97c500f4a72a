//! Counts on the wire and units on the screen.
//!
//! The ISO's data base holds, for each analog, how many counts stand for how many units. Whatever the DNP3
//! variation, the wire carries those counts unless the point says otherwise. They saturate and say so; a wrapped
//! count would be a believable wrong megawatt.
//!
//! Both ends of that agreement, the device's and the ISO's, count with this one type. A slip in it would cancel
//! between our own two ends, so its tests hold figures worked out by hand, and other people's masters and
//! outstations are tested against both ends.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// Full scales that are taken, in units. Beyond lies a slip of the pen: every value would be zero counts, or
/// saturated.
pub const UNITS_AT_FULL_SCALE: RangeInclusive<f64> = 1e-6..=1e9;
/// Full scales that are taken, in counts: whole numbers that fit 32 bits.
pub const COUNTS_AT_FULL_SCALE: RangeInclusive<f64> = 1.0..=2_147_483_647.0;
/// The largest count that 16 bits carry.
pub const COUNTS_16_MAX: f64 = 32_767.0;

/// How a quantity goes onto the wire.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scale {
    /// `max_counts` counts stand for `max_units` units; saturated at plus and minus `max_counts`.
    Counts {
        /// Units at full scale; above 0.
        max_units: f64,
        /// Counts at full scale; above 0.
        max_counts: f64,
    },
    /// The engineering value itself, as a 32-bit float.
    Engineering,
}

/// What a file says of a quantity's way onto the wire (`wire = "counts"`, the default, or `"engineering"`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WireForm {
    /// Counts; full scale must be given.
    #[default]
    Counts,
    /// The engineering value; there is no full scale.
    Engineering,
}

impl fmt::Display for WireForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Counts => "counts",
            Self::Engineering => "engineering",
        })
    }
}

/// The part of a scale's description that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalePart {
    /// Something is missing.
    Whole,
    /// `max_units`.
    MaxUnits,
    /// `max_counts`.
    MaxCounts,
}

impl ScalePart {
    /// The field's name, with a dot before it; empty where the whole is meant.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Whole => "",
            Self::MaxUnits => ".max_units",
            Self::MaxCounts => ".max_counts",
        }
    }
}

/// One thing wrong with a scale's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScaleError {
    /// Where.
    pub part: ScalePart,
    /// What, and what is allowed.
    pub message: String,
}

impl fmt::Display for ScaleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)
    }
}

impl std::error::Error for ScaleError {}

impl Scale {
    /// The scale that a file describes, as far as it does, and everything that is wrong with the description.
    #[must_use]
    pub fn described(
        form: WireForm,
        max_units: Option<f64>,
        max_counts: Option<f64>,
    ) -> (Self, Vec<ScaleError>) {
        let error = |part, message: String| ScaleError { part, message };
        match (form, max_units, max_counts) {
            (WireForm::Engineering, units, counts) => {
                let given = [(ScalePart::MaxUnits, units), (ScalePart::MaxCounts, counts)];
                let needless = "has no meaning with `wire = \"engineering\"`: leave it out";
                let given = given.into_iter().filter(|(_, value)| value.is_some());
                (Self::Engineering, given.map(|(part, _)| error(part, needless.to_owned())).collect())
            }
            (WireForm::Counts, Some(max_units), Some(max_counts)) => {
                let mut errors = Vec::new();
                if !UNITS_AT_FULL_SCALE.contains(&max_units) {
                    let (least, most) = UNITS_AT_FULL_SCALE.into_inner();
                    let message = format!("{max_units:e}, allowed: {least:e} to {most:e}");
                    errors.push(error(ScalePart::MaxUnits, message));
                }
                if !(COUNTS_AT_FULL_SCALE.contains(&max_counts) && max_counts.fract() == 0.0) {
                    let (least, most) = COUNTS_AT_FULL_SCALE.into_inner();
                    let message = format!("{max_counts}, allowed: whole numbers from {least} to {most}");
                    errors.push(error(ScalePart::MaxCounts, message));
                }
                (Self::Counts { max_units, max_counts }, errors)
            }
            (WireForm::Counts, _, _) => {
                let message = "needs max_units and max_counts, or `wire = \"engineering\"`".to_owned();
                (Self::Engineering, vec![error(ScalePart::Whole, message)])
            }
        }
    }

    /// `units` in counts, not yet rounded; the value itself where the wire carries that.
    #[must_use]
    pub fn in_counts(self, units: f64) -> f64 {
        match self {
            // Multiplied first: the quotient of two round numbers would spoil the last digit of every value.
            Self::Counts { max_units, max_counts } => units * max_counts / max_units,
            Self::Engineering => units,
        }
    }

    /// `units` as it goes onto the wire, and whether it had to be saturated. A value that is not a number stays so.
    #[must_use]
    pub fn to_wire(self, units: f64) -> (f64, bool) {
        let wire = match self {
            Self::Counts { .. } => self.in_counts(units).round(),
            Self::Engineering => units,
        };
        let full = self.wire_max();
        // Adding zero turns -0 into 0, which is what a reader of a log expects to see.
        (wire.clamp(-full, full) + 0.0, wire.abs() > full)
    }

    /// What came over the wire, in units.
    #[must_use]
    pub fn to_units(self, wire: f64) -> f64 {
        match self {
            Self::Counts { max_units, max_counts } => wire * max_units / max_counts,
            Self::Engineering => wire,
        }
    }

    /// The counts as they came; `None` where the wire carries the value itself, or no number that fits 32 bits.
    #[must_use]
    pub fn counts(self, wire: f64) -> Option<i64> {
        match self {
            Self::Counts { .. } if wire.is_finite() && wire.abs() <= f64::from(i32::MAX) + 1.0 => {
                // Bounded just above, and a count is whole on the wire.
                #[expect(clippy::cast_possible_truncation, reason = "within 32 bits")]
                let counts = wire.round() as i64;
                Some(counts)
            }
            _ => None,
        }
    }

    /// Half of the smallest step that the wire can tell apart, in units; 0 where it tells everything apart.
    #[must_use]
    pub fn half_step(self) -> f64 {
        match self {
            Self::Counts { max_units, max_counts } => max_units / max_counts / 2.0,
            Self::Engineering => 0.0,
        }
    }

    /// The largest magnitude that can be on the wire.
    fn wire_max(self) -> f64 {
        match self {
            Self::Counts { max_counts, .. } => max_counts,
            Self::Engineering => f64::from(f32::MAX),
        }
    }

    /// Whether every value on the wire is a count that fits 16 bits.
    #[must_use]
    pub fn fits_16_bits(self) -> bool {
        matches!(self, Self::Counts { max_counts, .. } if max_counts <= COUNTS_16_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POI: Scale = Scale::Counts { max_units: 15.0, max_counts: 30_000.0 };

    #[test]
    fn counts_at_zero_middle_full_and_negative() {
        for (units, counts) in [(0.0, 0.0), (7.5, 15_000.0), (15.0, 30_000.0), (-3.3, -6_600.0)] {
            assert_eq!(POI.to_wire(units), (counts, false));
            assert_eq!(POI.to_units(counts), units);
        }
        assert_eq!(POI.in_counts(0.01), 20.0);
        assert_eq!(POI.half_step(), 0.000_25);
        assert_eq!(Scale::Engineering.to_units(1.5), 1.5);
    }

    #[test]
    fn saturates_and_says_so() {
        assert_eq!(POI.to_wire(15.000_1), (30_000.0, false), "rounds to full scale, which fits");
        assert_eq!(POI.to_wire(15.001), (30_000.0, true));
        assert_eq!(POI.to_wire(-1e300), (-30_000.0, true));
        assert_eq!(Scale::Engineering.to_wire(1e300), (f64::from(f32::MAX), true));
        assert_eq!(Scale::Engineering.to_wire(1.5), (1.5, false));
    }

    #[test]
    fn no_negative_zero_and_no_number_from_none() {
        let (wire, saturated) = POI.to_wire(-0.000_01);
        assert!(wire == 0.0 && wire.is_sign_positive() && !saturated);
        assert!(POI.to_wire(f64::NAN).0.is_nan());
    }

    #[test]
    fn counts_are_told_where_there_are_any() {
        assert_eq!(POI.counts(-6_600.0), Some(-6_600));
        assert_eq!(POI.counts(-2_147_483_648.0), Some(-2_147_483_648));
        assert_eq!(POI.counts(3e9), None);
        assert_eq!(POI.counts(f64::NAN), None);
        assert_eq!(Scale::Engineering.counts(1.5), None);
        assert!(POI.fits_16_bits() && !Scale::Engineering.fits_16_bits());
        assert!(!Scale::Counts { max_units: 1.0, max_counts: 32_768.0 }.fits_16_bits());
    }

    fn told(form: WireForm, max_units: Option<f64>, max_counts: Option<f64>) -> Vec<String> {
        let (_, errors) = Scale::described(form, max_units, max_counts);
        errors.iter().map(|error| format!("{}: {error}", error.part.suffix())).collect()
    }

    #[test]
    fn what_a_file_describes() {
        assert_eq!(Scale::described(WireForm::Counts, Some(15.0), Some(30_000.0)), (POI, vec![]));
        assert_eq!(Scale::described(WireForm::Engineering, None, None), (Scale::Engineering, vec![]));
        for limit in [1e-6, 1e9] {
            assert!(Scale::described(WireForm::Counts, Some(limit), Some(2_147_483_647.0)).1.is_empty());
        }
        assert_eq!(
            told(WireForm::Counts, Some(1e308), Some(0.5)),
            [
                ".max_units: 1e308, allowed: 1e-6 to 1e9",
                ".max_counts: 0.5, allowed: whole numbers from 1 to 2147483647"
            ]
        );
        for units in [0.0, -15.0, 9.9e-7, f64::NAN, f64::INFINITY] {
            assert_eq!(told(WireForm::Counts, Some(units), Some(1.0)).len(), 1, "{units}");
        }
        assert_eq!(
            told(WireForm::Counts, Some(15.0), None),
            [": needs max_units and max_counts, or `wire = \"engineering\"`"]
        );
        assert_eq!(
            told(WireForm::Engineering, Some(1.0), Some(1.0)),
            [
                ".max_units: has no meaning with `wire = \"engineering\"`: leave it out",
                ".max_counts: has no meaning with `wire = \"engineering\"`: leave it out"
            ]
        );
    }
}
