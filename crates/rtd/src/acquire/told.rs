//! Values of sources that tell their own type, quality and time.
//!
//! What such a source says of a value is put into DNP3's words ([`Reported`]), which the core knows how to judge:
//! there is one way from a source's own doubt to a flag, whatever protocol it came by.

use ieee1815::Flags;
use site::{Dnp3Type, Form};
use telemetry::{Wall, WallTrust};

use super::decode;
use crate::core::{Reading, Reported};

/// A value as its source typed it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Typed {
    Whole(i128),
    Real(f64),
    State(bool),
}

impl Typed {
    /// As the site wants it.
    pub(crate) fn reading(self, form: Form) -> Reading {
        match (self, form) {
            (Self::Whole(value), Form::Number { scale }) => {
                decode::number(decode::scaled(value as f64, scale))
            }
            (Self::Real(value), Form::Number { scale }) => decode::number(decode::scaled(value, scale)),
            (Self::State(state), Form::State) => Reading::State(state),
            (Self::Whole(value), Form::Bit(bit)) => {
                Reading::State(value.checked_shr(u32::from(bit)).is_some_and(|bits| bits & 1 == 1))
            }
            (Self::Whole(value), Form::Equals(wanted)) => Reading::State(value == i128::from(wanted)),
            (Self::State(_), _) => Reading::Invalid("its value is a state".to_owned()),
            (Self::Whole(_), _) => {
                Reading::Invalid("its value is a whole number: give `bit` or `equals`".to_owned())
            }
            (Self::Real(_), _) => Reading::Invalid("its value is a number with a fraction".to_owned()),
        }
    }
}

/// What a source says of a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Said {
    /// Nothing against it.
    #[default]
    Good,
    /// It may be wrong.
    #[cfg(feature = "opcua")]
    Doubtful,
    /// Somebody has put it there.
    #[cfg(feature = "opcua")]
    Forced,
    /// It must not be used.
    Bad,
    /// Its own source is gone.
    Lost,
}

/// A reading with what its source says of it.
pub(crate) fn reported(reading: Reading, form: Form, said: Said, millis: Option<u64>) -> Reported {
    let kind = if matches!(form, Form::Number { .. } | Form::Bits { .. }) {
        Dnp3Type::Analog
    } else {
        Dnp3Type::Binary
    };
    let flags = match said {
        Said::Good => None,
        #[cfg(feature = "opcua")]
        Said::Doubtful if kind == Dnp3Type::Analog => Some(Flags::ONLINE | Flags::REFERENCE_ERR),
        #[cfg(feature = "opcua")]
        Said::Doubtful => Some(Flags::ONLINE | Flags::CHATTER_FILTER),
        #[cfg(feature = "opcua")]
        Said::Forced => Some(Flags::ONLINE | Flags::REMOTE_FORCED),
        Said::Bad => Some(Flags::NONE),
        Said::Lost => Some(Flags::COMM_LOST),
    };
    let time = millis.map(|millis| (Wall::from_millis(millis), WallTrust::Unknown));
    Reported { reading, kind, flags, time, event: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: Form = Form::Number { scale: 0.001 };

    #[test]
    fn a_type_that_does_not_fit_is_no_value() {
        assert_eq!(Typed::Whole(-4_500).reading(NUMBER), Reading::Number(-4.5));
        assert_eq!(Typed::Real(4_500.0).reading(NUMBER), Reading::Number(4.5));
        assert_eq!(Typed::Real(f64::NAN).reading(NUMBER), Reading::NotANumber);
        assert_eq!(Typed::State(true).reading(Form::State), Reading::State(true));
        assert_eq!(Typed::Whole(0b100).reading(Form::Bit(2)), Reading::State(true));
        assert_eq!(Typed::Whole(-1).reading(Form::Bit(63)), Reading::State(true));
        assert_eq!(Typed::Whole(3).reading(Form::Equals(4)), Reading::State(false));
        for (typed, form) in [
            (Typed::State(true), NUMBER),
            (Typed::Whole(1), Form::State),
            (Typed::Real(1.0), Form::State),
            (Typed::Real(1.0), Form::Equals(1)),
            (Typed::State(true), Form::Bit(0)),
        ] {
            assert!(matches!(typed.reading(form), Reading::Invalid(_)), "{typed:?} {form:?}");
        }
    }
}
