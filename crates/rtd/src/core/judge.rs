//! From a reading to a value with the reasons against it.
//!
//! This is where a number first becomes a megawatt: its unit, its direction and its plausibility are settled here,
//! once, so that nothing behind this module has to doubt them again.

use std::sync::Arc;

use telemetry::{Reason, ReasonKind, Reasons, Sign, Unit, Value};

use super::field::Reading;
use super::reported;

/// What is known beforehand of the readings of one point.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    /// Analog or digital.
    pub(crate) kind: RuleKind,
    /// The device, as the cause of what it does wrong.
    pub(crate) device: Arc<str>,
}

/// How the two kinds of point are judged.
#[derive(Clone, Debug)]
pub(crate) enum RuleKind {
    /// A quantity.
    Analog {
        /// Unit of the source.
        from: Unit,
        /// Unit of the point; of the same dimension, or every reading is refused.
        to: Unit,
        /// Which way the source counts.
        sign: Sign,
        /// Physical range in the unit of the point, and its text for whoever reads the reason.
        range: Option<(f64, f64, Arc<str>)>,
    },
    /// A state.
    Digital,
}

/// A judged reading. Without a value where the reading holds none.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    pub(crate) value: Option<Value>,
    pub(crate) reasons: Reasons,
}

impl Judged {
    fn nothing(kind: ReasonKind, cause: impl Into<Arc<str>>) -> Self {
        Self { value: None, reasons: Reasons::of(Reason::new(kind, cause)) }
    }
}

impl Rule {
    /// The physical range, where there is one.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        match &self.kind {
            RuleKind::Analog { range, .. } => range.as_ref().map(|(low, high, _)| (*low, *high)),
            RuleKind::Digital => None,
        }
    }

    /// Judges one reading.
    pub(crate) fn judge(&self, reading: &Reading) -> Judged {
        let device = || Arc::clone(&self.device);
        match (reading, &self.kind) {
            (Reading::Reported(reported), _) => {
                let mut judged = self.judge(&reported.reading);
                for reason in reported::reasons(reported, &self.device).iter() {
                    judged.reasons.insert(reason.clone());
                }
                judged
            }
            (Reading::NotImplemented, _) => Judged::nothing(ReasonKind::NotImplemented, device()),
            (Reading::NotANumber, _) => Judged::nothing(ReasonKind::NotANumber, device()),
            (Reading::Invalid(words), _) => {
                Judged::nothing(ReasonKind::NotANumber, format!("{}: {words}", self.device))
            }
            (Reading::Number(number), RuleKind::Analog { from, to, sign, range }) => {
                match from.convert(*number, *to).map(|value| sign.apply(value)) {
                    Some(value) if value.is_finite() => plausible(value, range.as_ref()),
                    _ => Judged::nothing(ReasonKind::NotANumber, device()),
                }
            }
            (Reading::State(state), RuleKind::Digital) => {
                Judged { value: Some(Value::Binary(*state)), reasons: Reasons::none() }
            }
            (Reading::Number(_), RuleKind::Digital) | (Reading::State(_), RuleKind::Analog { .. }) => {
                Judged::nothing(ReasonKind::NotANumber, format!("{}: not of the point's kind", self.device))
            }
        }
    }
}

/// An implausible value is shown as it was read: it tells the engineer what is wrong, and its quality tells
/// everybody else not to use it.
fn plausible(value: f64, range: Option<&(f64, f64, Arc<str>)>) -> Judged {
    let reasons = match range {
        Some((low, high, text)) if !(*low..=*high).contains(&value) => {
            Reasons::of(Reason::new(ReasonKind::Implausible, Arc::clone(text)))
        }
        _ => Reasons::none(),
    };
    Judged { value: Some(Value::Analog(value)), reasons }
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::Quality;

    fn analog(sign: Sign) -> Rule {
        let range = Some((-15.0, 15.0, Arc::from("-15..15 MW")));
        Rule {
            kind: RuleKind::Analog { from: Unit::Watt, to: Unit::Megawatt, sign, range },
            device: "meter".into(),
        }
    }

    fn digital() -> Rule {
        Rule { kind: RuleKind::Digital, device: "switch".into() }
    }

    fn only_reason(judged: &Judged) -> (ReasonKind, String) {
        let reasons: Vec<_> = judged.reasons.iter().collect();
        assert_eq!(reasons.len(), 1, "{judged:?}");
        (reasons[0].kind, reasons[0].cause.to_string())
    }

    #[test]
    fn converts_the_unit_and_turns_the_sign() {
        let judged = analog(Sign::AsSource).judge(&Reading::Number(4_567_000.0));
        assert_eq!(judged, Judged { value: Some(Value::Analog(4.567)), reasons: Reasons::none() });
        let judged = analog(Sign::Turned).judge(&Reading::Number(4_567_000.0));
        assert_eq!(judged.value, Some(Value::Analog(-4.567)));
    }

    #[test]
    fn the_range_is_physical_and_inclusive() {
        assert!(analog(Sign::AsSource).judge(&Reading::Number(15e6)).reasons.is_empty());
        let judged = analog(Sign::AsSource).judge(&Reading::Number(-15.001e6));
        assert_eq!(judged.value, Some(Value::Analog(-15.001)), "shown as read");
        assert_eq!(only_reason(&judged), (ReasonKind::Implausible, "-15..15 MW".to_owned()));
        assert_eq!(judged.reasons.quality(), Quality::Bad);
    }

    #[test]
    fn what_is_not_a_number_has_no_value() {
        let not_numbers = [
            (Reading::Number(f64::NAN), ReasonKind::NotANumber),
            (Reading::Number(f64::INFINITY), ReasonKind::NotANumber),
            (Reading::NotANumber, ReasonKind::NotANumber),
            (Reading::NotImplemented, ReasonKind::NotImplemented),
            (Reading::Invalid("scale factor 77".to_owned()), ReasonKind::NotANumber),
            (Reading::State(true), ReasonKind::NotANumber),
        ];
        for (reading, kind) in not_numbers {
            let judged = analog(Sign::AsSource).judge(&reading);
            assert_eq!(judged.value, None);
            let (found, cause) = only_reason(&judged);
            assert!(found == kind && cause.starts_with("meter"), "{reading:?}: {found:?} {cause}");
        }
    }

    #[test]
    fn digitals_take_states_only() {
        assert_eq!(digital().judge(&Reading::State(true)).value, Some(Value::Binary(true)));
        assert_eq!(digital().judge(&Reading::Number(1.0)).value, None);
    }
}
