//! A conventional unit: a load reference with a ramp, a governor with droop, a prime mover of first order.
//!
//! - **Load reference**: goes to what is asked, held between least load and rating, at the ramp rate. After the breaker
//!   closed it begins at 0 and goes to the least load first; below that the governor has no part.
//! - **Governor**: `-(f - f0, as far as it is beyond the dead band) / (droop * f0) * rating`, at once. The dead band is
//!   taken off (no step at its edge).
//! - **Prime mover**: power goes to reference plus governor's part, held between least load and rating, with one time
//!   constant: `lag_s`. Boiler, reheater and water column are not modelled. What the reference alone makes of it comes to
//!   the reference in the same way; the rest is the governor's.
//! - Times are real times, whatever the plant's `--speed`. An open breaker means no power at once.

/// The figures of a machine; powers in one unit, whichever.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// The most.
    pub rated: f64,
    /// The least while it runs.
    pub minimum: f64,
    /// Of the load reference, a second.
    pub ramp_per_s: f64,
    /// Time constant of the prime mover, s.
    pub lag_s: f64,
    /// So much of the nominal frequency for the whole rating, as a share.
    pub droop: f64,
    /// Each side of the nominal, Hz.
    pub deadband_hz: f64,
    /// Nominal frequency, Hz.
    pub nominal_hz: f64,
}

/// The unit at one instant.
#[derive(Clone, Copy, Debug)]
pub struct Unit {
    /// Its figures.
    pub machine: Machine,
    /// At the terminals.
    pub power: f64,
    /// The load reference in force.
    pub reference: f64,
    /// The governor's part: what it asks of the prime mover.
    pub response: f64,
    /// The power less what the governor makes of it: what the load reference alone makes.
    pub base: f64,
    /// The breaker.
    pub closed: bool,
}

impl Machine {
    /// The governor's part at a frequency.
    #[must_use]
    pub fn response(&self, hz: f64) -> f64 {
        let off = hz - self.nominal_hz;
        let beyond = off - off.clamp(-self.deadband_hz, self.deadband_hz);
        let full = self.droop * self.nominal_hz;
        if full > 0.0 { -beyond / full * self.rated } else { 0.0 }
    }
}

impl Unit {
    /// A unit that runs at a load.
    #[must_use]
    pub fn running(machine: Machine, load: f64) -> Self {
        let load = load.clamp(machine.minimum, machine.rated);
        Self { machine, power: load, reference: load, response: 0.0, base: load, closed: true }
    }

    /// Moves it on. `asked`: where the load reference has to go; `None`: it stays.
    pub fn step(&mut self, asked: Option<f64>, governor: bool, hz: f64, seconds: f64) {
        let machine = &self.machine;
        if !self.closed {
            (self.power, self.reference, self.response, self.base) = (0.0, 0.0, 0.0, 0.0);
            return;
        }
        let seconds = seconds.max(0.0);
        let asked = asked.unwrap_or(self.reference).clamp(machine.minimum, machine.rated);
        let most = machine.ramp_per_s * seconds;
        self.reference += (asked - self.reference).clamp(-most, most);
        let loading = self.reference < machine.minimum;
        self.response = if governor && !loading { machine.response(hz) } else { 0.0 };
        let floor = if loading { 0.0 } else { machine.minimum };
        let target = (self.reference + self.response).clamp(floor, machine.rated);
        let share = if machine.lag_s > 0.0 { 1.0 - (-seconds / machine.lag_s).exp() } else { 1.0 };
        self.power += (target - self.power) * share;
        self.base += (self.reference - self.base) * share;
    }

    /// What it could go up from here.
    #[must_use]
    pub fn headroom(&self) -> f64 {
        if self.closed { (self.machine.rated - self.power).max(0.0) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Machine = Machine {
        rated: 100.0,
        minimum: 40.0,
        ramp_per_s: 0.5,
        lag_s: 5.0,
        droop: 0.05,
        deadband_hz: 0.036,
        nominal_hz: 60.0,
    };

    fn run(unit: &mut Unit, asked: Option<f64>, hz: f64, seconds: f64) {
        let mut left = seconds;
        while left > 1e-9 {
            unit.step(asked, true, hz, left.min(0.25));
            left -= 0.25;
        }
    }

    #[test]
    fn a_frequency_step_is_answered_by_droop() {
        let mut unit = Unit::running(MACHINE, 60.0);
        run(&mut unit, None, 59.97, 30.0);
        assert_eq!(unit.power, 60.0, "within the dead band");
        // 0.3 Hz beyond the dead band of 3 Hz for all of 100: 10 up, 63 % of it after one time constant.
        run(&mut unit, None, 60.0 - 0.036 - 0.3, 5.0);
        assert!((unit.power - (60.0 + 10.0 * (1.0 - (-1.0_f64).exp()))).abs() < 1e-9, "{}", unit.power);
        run(&mut unit, None, 60.0 - 0.036 - 0.3, 60.0);
        assert!((unit.power - 70.0).abs() < 1e-3 && (unit.headroom() - 30.0).abs() < 1e-3);
        assert_eq!(unit.reference, 60.0);
        run(&mut unit, None, 60.0 + 0.036 + 0.3, 120.0);
        assert!((unit.power - 50.0).abs() < 1e-3);
        run(&mut unit, None, 60.0, 120.0);
        assert!((unit.power - 60.0).abs() < 1e-3);
        unit.step(None, false, 59.0, 100.0);
        assert!((unit.power - 60.0).abs() < 1e-3, "no governor, no answer");
    }

    #[test]
    fn what_the_reference_makes_is_the_power_without_a_governor() {
        let (mut unit, mut without) = (Unit::running(MACHINE, 60.0), Unit::running(MACHINE, 60.0));
        for (asked, hz) in [(None, 59.7), (Some(80.0), 59.0), (Some(98.0), 58.0), (Some(50.0), 62.0)] {
            for _ in 0..60 {
                unit.step(asked, true, hz, 0.25);
                without.step(asked, false, hz, 0.25);
                assert!((unit.base - without.power).abs() < 1e-9, "{} {}", unit.base, without.power);
            }
            assert!((unit.power - unit.base).abs() > 1.0, "the governor answers");
        }
    }

    #[test]
    fn the_answer_ends_at_rating_and_least_load() {
        let mut unit = Unit::running(MACHINE, 95.0);
        run(&mut unit, None, 59.0, 120.0);
        assert!((unit.power - 100.0).abs() < 1e-6, "{}", unit.power);
        run(&mut unit, None, 63.0, 240.0);
        assert!((unit.power - 40.0).abs() < 1e-6, "{}", unit.power);
    }

    #[test]
    fn a_set_point_is_followed_at_the_ramp() {
        let mut unit = Unit::running(MACHINE, 60.0);
        let mut before = unit.power;
        for tick in 1..=80 {
            unit.step(Some(70.0), true, 60.0, 0.25);
            assert!((unit.reference - (60.0 + 0.125 * f64::from(tick)).min(70.0)).abs() < 1e-9);
            assert!(unit.power - before <= 0.125 + 1e-9, "faster than the ramp");
            before = unit.power;
        }
        // Behind a ramp the power lags by ramp times time constant, less what is to come of it and half a tick.
        assert!((unit.reference - unit.power - 0.5 * 5.0).abs() < 0.12, "{}", unit.power);
        run(&mut unit, Some(70.0), 60.0, 60.0);
        assert!((unit.power - 70.0).abs() < 1e-3);
    }

    #[test]
    fn it_goes_no_lower_than_its_least_load() {
        let mut unit = Unit::running(MACHINE, 60.0);
        run(&mut unit, Some(0.0), 60.0, 300.0);
        assert!((unit.power - 40.0).abs() < 1e-6 && (unit.reference - 40.0).abs() < 1e-9);
        run(&mut unit, Some(500.0), 60.0, 600.0);
        assert!((unit.power - 100.0).abs() < 1e-6);
    }

    #[test]
    fn an_open_breaker_stops_it_and_it_loads_anew() {
        let mut unit = Unit::running(MACHINE, 60.0);
        unit.closed = false;
        run(&mut unit, Some(80.0), 60.0, 0.25);
        assert_eq!((unit.power, unit.reference, unit.headroom()), (0.0, 0.0, 0.0));
        unit.closed = true;
        run(&mut unit, None, 59.0, 60.0);
        assert!((unit.reference - 30.0).abs() < 1e-9 && unit.response == 0.0 && unit.power < 30.0);
        run(&mut unit, None, 60.0, 60.0);
        assert!((unit.reference - 40.0).abs() < 1e-9);
    }
}
