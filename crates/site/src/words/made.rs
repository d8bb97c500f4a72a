//! How a point is made of others, and what is asked of its values, in words.

use telemetry::PointId;

use super::duration;
use crate::{
    AnalogDerive, Available, Checks, Curtailed, DigitalDerive, EnergyLimit, Hsl, Resource, Term, Threshold,
};

fn term(term: &Term) -> String {
    format!("{} ({})", term.point, term.unit)
}

fn terms(of: &[Term]) -> String {
    of.iter().map(term).collect::<Vec<_>>().join(", ")
}

fn points(of: &[PointId]) -> String {
    of.iter().map(PointId::as_str).collect::<Vec<_>>().join(", ")
}

fn optional(before: &str, value: Option<f64>, after: &str) -> String {
    value.map(|value| format!("{before}{value}{after}")).unwrap_or_default()
}

impl AnalogDerive {
    /// `sum of inv1.mw (MW), inv2.mw (MW)`.
    #[must_use]
    pub fn words(&self) -> String {
        let op = self.op();
        match self {
            Self::Sum(of) | Self::Difference(of) | Self::Minimum(of) | Self::Maximum(of) => {
                format!("{op} of {}", terms(of))
            }
            Self::Average { of, quorum } => format!("{op} of {}, at least {quorum} good", terms(of)),
            Self::Product { of, factor } => format!("{op} of {}, times {factor}", terms(of)),
            Self::Scale { of, factor, offset } => {
                format!("{op} of {}, times {factor}, plus {offset}", term(of))
            }
            Self::Integrate { of, initial } => format!("{op} of {}, from {initial} on", term(of)),
            Self::Select { when, yes, no } => format!("{op}: {} while {when}, else {}", term(yes), term(no)),
            Self::Limit { of, low, high } => format!(
                "{op} of {}{}{}",
                term(of),
                optional(", at least ", *low, ""),
                optional(", at most ", *high, "")
            ),
            Self::FirstGood { of, differ_max } => {
                format!(
                    "{op} of {}{}",
                    terms(of),
                    optional(", alarm where they differ by more than ", *differ_max, "")
                )
            }
            Self::Mean { of, window } => format!("{op} of {} over {}", term(of), duration(*window)),
            Self::Count(of) => format!("{op} of {}", points(of)),
            Self::Hsl(hsl) => format!("{op}: {}", hsl.words()),
            Self::EnergyLimit(limit) => format!("{op}: {}", limit.words()),
        }
    }
}

impl DigitalDerive {
    /// `any of a, b`.
    #[must_use]
    pub fn words(&self) -> String {
        let op = self.op();
        let threshold = |threshold: &Threshold| {
            let Threshold { of, limit, hysteresis } = threshold;
            format!("{of} {op} {limit}, hysteresis {hysteresis}")
        };
        match self {
            Self::Any(of) | Self::All(of) => format!("{op} of {}", points(of)),
            Self::Not(of) => format!("{op} {of}"),
            Self::Quorum { of, quorum } => format!("at least {quorum} of {}", points(of)),
            Self::Above(of) | Self::Below(of) => threshold(of),
        }
    }
}

fn available(available: &Available) -> String {
    format!("available {} of {}", term(&available.of), available.units)
}

impl Hsl {
    fn words(&self) -> String {
        let Self { power, capacity_mw, ratio, learn, smooth, tolerance_mw, differ_max_mw, .. } = self;
        let mut parts = vec![format!("power {}", term(power))];
        match &self.resource {
            Resource::Sun { irradiance, temperature, dc_mw } => {
                parts.push(format!("irradiance {}", term(irradiance)));
                parts.extend(
                    temperature.as_ref().map(|(of, percent)| {
                        format!("temperature {}, {percent} per cent a degree", term(of))
                    }),
                );
                parts.push(format!("array of {dc_mw} MW"));
            }
            Resource::Wind { speed, curve, cut_out } => {
                parts.push(format!("wind {}", term(speed)));
                let pairs = curve.iter().map(|(speed, power)| format!("{power} MW at {speed} m/s"));
                parts.push(format!("curve {}", pairs.collect::<Vec<_>>().join(", ")));
                parts.extend(cut_out.map(|speed| format!("cut out at {speed} m/s")));
            }
        }
        parts.extend(self.available.as_ref().map(available));
        parts.push(match &self.curtailed {
            Curtailed::State(point) => format!("held back while {point}"),
            Curtailed::AtLimit { limit, band_mw } => {
                format!("held back within {band_mw} MW of {}", term(limit))
            }
        });
        parts.push(format!("capacity {capacity_mw} MW, ratio {ratio}"));
        parts.push(format!("learns in {}, smooth over {}", duration(*learn), duration(*smooth)));
        parts.push(format!("tolerance {tolerance_mw} MW, differs by at most {differ_max_mw} MW"));
        parts.join("; ")
    }
}

impl EnergyLimit {
    fn words(&self) -> String {
        let mut parts = vec![available(&self.available), format!("full {} MWh", self.full_mwh)];
        parts.extend(self.health.as_ref().map(|health| format!("health {}", term(health))));
        parts.push(format!("reserve {} MWh", self.reserve_mwh));
        parts.extend(self.low_mwh.map(|low| format!("at least {low} MWh")));
        parts.extend(self.high_mwh.map(|high| format!("at most {high} MWh")));
        parts.join("; ")
    }
}

impl Checks {
    /// `rate at most 2 a second; flat after 60 s within 0.1 while sun above 50; ...`; `none` where there are none.
    #[must_use]
    pub fn words(&self) -> String {
        let mut parts: Vec<String> =
            self.rate_max.iter().map(|rate| format!("rate at most {rate} a second")).collect();
        if let Some(flat) = &self.flat {
            let gates: Vec<String> =
                flat.gates.iter().map(|gate| format!("{} is {}", gate.point, gate.holds)).collect();
            let gates = if gates.is_empty() { String::new() } else { format!(" while {}", gates.join(", ")) };
            parts.push(format!("flat after {} within {}{gates}", duration(flat.after), flat.band));
        }
        if let Some(cross) = &self.cross {
            parts.push(format!("cross with {}, at most {} apart", term(&cross.with), cross.differ_max));
        }
        if !self.bad_on.is_empty() {
            let kinds: Vec<&str> = self.bad_on.iter().map(|kind| kind.text()).collect();
            parts.push(format!("bad on {}", kinds.join(", ")));
        }
        if parts.is_empty() { "none".to_owned() } else { parts.join("; ") }
    }
}
