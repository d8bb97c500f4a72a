//! Counts on the wire and units on the screen.
//!
//! The ISO's data base says how many counts stand for how many units; this is the ISO's end of that agreement and is
//! kept apart from the device's on purpose: a slip on one side must show, not cancel.

use ieee1815::{AnalogWidth, Command};

/// The largest count that a 16-bit command carries.
const COUNTS_16_MAX: f64 = 32_767.0;

/// How an analog travels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wire {
    /// `max_counts` counts stand for `max_units` units.
    Counts {
        /// Units at full scale; above 0.
        max_units: f64,
        /// Counts at full scale; above 0.
        max_counts: f64,
    },
    /// The engineering value itself.
    Engineering,
}

impl Wire {
    /// What came over the wire, in units.
    #[must_use]
    pub fn to_units(self, wire: f64) -> f64 {
        match self {
            // Multiplied first: the quotient of two round numbers would spoil the last digit of every value.
            Self::Counts { max_units, max_counts } => wire * max_units / max_counts,
            Self::Engineering => wire,
        }
    }

    /// The counts as they came; `None` where the wire carries the value itself, or no number.
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

    /// The command (g41) that asks for `units`: 16-bit counts where full scale fits them, else 32-bit counts; a
    /// 32-bit float for an engineering value. `None` where `units` does not fit the scale: a set point is refused
    /// rather than cut.
    #[must_use]
    pub fn command(self, units: f64) -> Option<Command> {
        if !units.is_finite() {
            return None;
        }
        match self {
            Self::Counts { max_units, max_counts } => {
                let value = (units * max_counts / max_units).round() + 0.0;
                let width = if max_counts <= COUNTS_16_MAX { AnalogWidth::I16 } else { AnalogWidth::I32 };
                (value.abs() <= max_counts).then_some(Command::Analog { value, width })
            }
            Self::Engineering => (units.abs() <= f64::from(f32::MAX))
                .then_some(Command::Analog { value: units, width: AnalogWidth::F32 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POI: Wire = Wire::Counts { max_units: 15.0, max_counts: 30_000.0 };

    #[test]
    fn counts_become_units_and_back() {
        assert_eq!(POI.to_units(-6_600.0), -3.3);
        assert_eq!(POI.counts(-6_600.0), Some(-6_600));
        assert_eq!(Wire::Engineering.to_units(1.5), 1.5);
        assert_eq!(Wire::Engineering.counts(1.5), None);
        assert_eq!(POI.counts(f64::NAN), None);
    }

    #[test]
    fn a_command_takes_the_width_that_fits_and_is_never_cut() {
        let analog = |value, width| Some(Command::Analog { value, width });
        assert_eq!(POI.command(-3.3), analog(-6_600.0, AnalogWidth::I16));
        assert_eq!(POI.command(15.1), None);
        let wide = Wire::Counts { max_units: 10.0, max_counts: 100_000.0 };
        assert_eq!(wide.command(10.0), analog(100_000.0, AnalogWidth::I32));
        assert_eq!(Wire::Engineering.command(2.25), analog(2.25, AnalogWidth::F32));
        assert_eq!(Wire::Engineering.command(f64::NAN), None);
        assert_eq!(Wire::Engineering.command(1e300), None);
    }
}
