//! A battery as it would stand there: what it is told it does as fast as its inverters can, and its charge follows.
//! Its figures are reckoned here, not by what is under test.

/// Rated power, MW.
pub(super) const RATED: f64 = 100.0;
/// The inverters go from rest to full power in a second.
const SLEW: f64 = 100.0;
/// One way.
const EFFICIENCY: f64 = 0.95;

#[derive(Clone, Copy, Debug)]
pub(super) struct Battery {
    /// The charge to be used, MWh.
    pub(super) lowest: f64,
    pub(super) highest: f64,
    /// MWh.
    pub(super) charge: f64,
    /// MW, discharging positive.
    pub(super) power: f64,
    pub(super) told: f64,
}

/// What a power held for a time takes out of a battery, MWh.
fn drawn(power: f64, seconds: f64) -> f64 {
    let hours = seconds / 3_600.0;
    if power >= 0.0 { power * hours / EFFICIENCY } else { power * hours * EFFICIENCY }
}

impl Battery {
    /// At rest; `charge` of it is there.
    pub(super) const fn new(lowest: f64, highest: f64, charge: f64) -> Self {
        Self { lowest, highest, charge, power: 0.0, told: 0.0 }
    }

    pub(super) fn pass(&mut self, seconds: f64) {
        let before = self.power;
        let way = (self.told - before).clamp(-SLEW * seconds, SLEW * seconds);
        self.power = (before + way).clamp(-RATED, RATED);
        self.charge -= drawn(f64::midpoint(before, self.power), seconds);
    }

    /// Whether what is left lasts for a minute at a power.
    pub(super) fn lasts(&self, power: f64) -> bool {
        let after = self.charge - drawn(power, 60.0);
        after >= self.lowest && after <= self.highest
    }
}

/// The least and the most that a signal, followed to the letter, leaves in a battery that began with nothing, MWh.
pub(super) fn needs(signal: &[f64], seconds: f64) -> (f64, f64) {
    let (mut charge, mut least, mut most) = (0.0_f64, 0.0_f64, 0.0_f64);
    for asked in signal {
        charge -= drawn(*asked, seconds);
        (least, most) = (least.min(charge), most.max(charge));
    }
    (least, most)
}
