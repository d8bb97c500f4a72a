//! What a battery's charge leaves of its power.
//!
//! A battery that is told to discharge at full power a minute before it is empty stops by itself, with a bump. So its
//! power is taken back in time: what is left above the lowest charge must last for a horizon.

use std::time::Duration;

use crate::limits::Band;

/// What is fixed about a store, in MW and MWh.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Store {
    /// The lowest charge to be used, reserve included.
    pub lowest: f64,
    /// The highest.
    pub highest: f64,
    /// The share of what goes in that comes out again, one way; above 0, at most 1.
    pub efficiency: f64,
    /// What is left must last for so long at the power allowed.
    pub horizon: Duration,
}

impl Store {
    /// The power that a charge allows: charging negative, discharging positive. A charge that is not known allows none.
    #[must_use]
    pub fn power(&self, charge: Option<f64>) -> Band {
        let Some(charge) = charge.filter(|charge| charge.is_finite()) else {
            return Band { low: 0.0, high: 0.0 };
        };
        let hours = self.horizon.as_secs_f64().max(1.0) / 3_600.0;
        let above = (charge - self.lowest).max(0.0);
        let below = (self.highest - charge).max(0.0);
        Band { low: -below / self.efficiency / hours, high: above * self.efficiency / hours }
    }

    /// The charge after a power was held for a while.
    #[must_use]
    pub fn after(&self, charge: f64, power: f64, held: Duration) -> f64 {
        let hours = held.as_secs_f64() / 3_600.0;
        let flow = if power > 0.0 { power / self.efficiency } else { power * self.efficiency };
        charge - flow * hours
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STORE: Store =
        Store { lowest: 10.0, highest: 90.0, efficiency: 0.9, horizon: Duration::from_secs(60) };

    #[test]
    fn an_empty_one_gives_nothing_and_a_full_one_takes_nothing() {
        assert_eq!(STORE.power(Some(10.0)).high, 0.0);
        assert_eq!(STORE.power(Some(5.0)).high, 0.0);
        assert_eq!(STORE.power(Some(90.0)).low, -0.0);
        assert_eq!(STORE.power(None), Band { low: 0.0, high: 0.0 });
        assert_eq!(STORE.power(Some(f64::NAN)), Band { low: 0.0, high: 0.0 });
        let half = STORE.power(Some(50.0));
        assert!((half.high - 40.0 * 0.9 * 60.0).abs() < 1e-9 && (half.low + 40.0 / 0.9 * 60.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn the_charge_never_leaves_its_limits(
            begin in 10.0..90.0_f64, powers in prop::collection::vec(-100.0..100.0_f64, 1..400),
        ) {
            let (mut charge, step) = (begin, Duration::from_secs(4));
            for power in powers {
                charge = STORE.after(charge, STORE.power(Some(charge)).hold(power), step);
                prop_assert!((STORE.lowest - 1e-9..=STORE.highest + 1e-9).contains(&charge), "{charge}");
            }
        }
    }
}
