//! Engineering units to the wire and back.
//!
//! The ISO's data base holds, for each analog, how many counts stand for how many units. Whatever the DNP3
//! variation, the wire carries those counts unless the point says otherwise. They saturate and say so; a wrapped
//! count would be a believable wrong megawatt.

/// How a point's value goes onto the wire.
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

impl Scale {
    /// `value` as it goes onto the wire, and whether it had to be saturated. A value that is not a number stays so.
    #[must_use]
    pub fn to_wire(self, value: f64) -> (f64, bool) {
        let (wire, full) = match self {
            // Multiplied first: the quotient of two round numbers would spoil the last digit of every value.
            Self::Counts { max_units, max_counts } => ((value * max_counts / max_units).round(), max_counts),
            Self::Engineering => (value, f64::from(f32::MAX)),
        };
        // Adding zero turns -0 into 0, which is what a reader of a log expects to see.
        (wire.clamp(-full, full) + 0.0, wire.abs() > full)
    }

    /// What came over the wire, in units.
    #[must_use]
    pub fn from_wire(self, wire: f64) -> f64 {
        match self {
            Self::Counts { max_units, max_counts } => wire * max_units / max_counts,
            Self::Engineering => wire,
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
    #[must_use]
    pub fn wire_max(self) -> f64 {
        match self {
            Self::Counts { max_counts, .. } => max_counts,
            Self::Engineering => f64::from(f32::MAX),
        }
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
            assert!((POI.from_wire(counts) - units).abs() <= POI.half_step());
        }
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
}
