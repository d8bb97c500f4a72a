//! Units of the trade, and conversion between units of one dimension.
//!
//! A wrong unit is a wrong megawatt at the ISO, so a unit is never a free text: it is one of these, and two units
//! of different dimension do not convert.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a unit measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// Active power.
    ActivePower,
    /// Reactive power.
    ReactivePower,
    /// Apparent power.
    ApparentPower,
    /// Energy.
    Energy,
    /// Electric potential.
    Voltage,
    /// Electric current.
    Current,
    /// Frequency.
    Frequency,
    /// Temperature.
    Temperature,
    /// Irradiance.
    Irradiance,
    /// Speed.
    Speed,
    /// Angle.
    Angle,
    /// Pressure.
    Pressure,
    /// Share of a whole.
    Ratio,
    /// Change of active power in time.
    RampRate,
    /// A plain number.
    Number,
}

macro_rules! units {
    ($($variant:ident $text:literal $dimension:ident $factor:literal $doc:literal;)*) => {
        /// A unit of measurement.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Unit { $(#[doc = $doc] $variant,)* }

        impl Unit {
            /// All units, in the order in which they are documented.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The unit as written in files and on screens.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// What it measures.
            #[must_use]
            pub const fn dimension(self) -> Dimension {
                match self { $(Self::$variant => Dimension::$dimension,)* }
            }

            /// One of this unit, in the first unit of its dimension.
            const fn factor(self) -> f64 {
                match self { $(Self::$variant => $factor,)* }
            }
        }
    };
}

units! {
    Watt "W" ActivePower 1.0 "watt";
    Kilowatt "kW" ActivePower 1e3 "kilowatt";
    Megawatt "MW" ActivePower 1e6 "megawatt";
    Var "var" ReactivePower 1.0 "volt-ampere reactive";
    Kilovar "kvar" ReactivePower 1e3 "kilovolt-ampere reactive";
    Megavar "Mvar" ReactivePower 1e6 "megavolt-ampere reactive";
    VoltAmpere "VA" ApparentPower 1.0 "volt-ampere";
    KilovoltAmpere "kVA" ApparentPower 1e3 "kilovolt-ampere";
    MegavoltAmpere "MVA" ApparentPower 1e6 "megavolt-ampere";
    WattHour "Wh" Energy 1.0 "watt-hour";
    KilowattHour "kWh" Energy 1e3 "kilowatt-hour";
    MegawattHour "MWh" Energy 1e6 "megawatt-hour";
    Volt "V" Voltage 1.0 "volt";
    Kilovolt "kV" Voltage 1e3 "kilovolt";
    Ampere "A" Current 1.0 "ampere";
    Hertz "Hz" Frequency 1.0 "hertz";
    Celsius "degC" Temperature 1.0 "degree Celsius";
    WattPerSquareMetre "W/m2" Irradiance 1.0 "watt per square metre";
    MetrePerSecond "m/s" Speed 1.0 "metre per second";
    Degree "deg" Angle 1.0 "degree of arc";
    Hectopascal "hPa" Pressure 1.0 "hectopascal";
    Percent "%" Ratio 1.0 "per cent";
    MegawattPerMinute "MW/min" RampRate 1.0 "megawatt per minute";
    Count "counts" Number 1.0 "plain count";
}

impl Unit {
    /// `value`, given in this unit, expressed in `target`; `None` where the two measure different things.
    #[must_use]
    pub fn convert(self, value: f64, target: Self) -> Option<f64> {
        if self == target {
            return Some(value);
        }
        (self.dimension() == target.dimension()).then(|| {
            // One exact power of ten, applied the way that rounds once: 4567 kW is 4.567 MW, not 4.567000000000001.
            let (from, to) = (self.factor(), target.factor());
            if from >= to { value * (from / to) } else { value / (to / from) }
        })
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl FromStr for Unit {
    type Err = UnknownUnit;

    fn from_str(text: &str) -> Result<Self, UnknownUnit> {
        Self::ALL.iter().copied().find(|unit| unit.text() == text).ok_or_else(|| UnknownUnit(text.to_owned()))
    }
}

/// A unit that is not one of [`Unit::ALL`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownUnit(String);

impl fmt::Display for UnknownUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown unit `{}`, allowed: ", self.0)?;
        for (at, unit) in Unit::ALL.iter().enumerate() {
            write!(f, "{}{unit}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownUnit {}

impl Serialize for Unit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_within_a_dimension_only() {
        assert_eq!(Unit::Watt.convert(4_567_000.0, Unit::Megawatt), Some(4.567));
        assert_eq!(Unit::Megawatt.convert(4.5, Unit::Kilowatt), Some(4_500.0));
        assert_eq!(Unit::Volt.convert(230_000.0, Unit::Kilovolt), Some(230.0));
        assert_eq!(Unit::Megawatt.convert(1.0, Unit::Megavar), None);
    }

    #[test]
    fn every_unit_reads_back_what_it_prints() {
        for unit in Unit::ALL {
            assert_eq!(unit.to_string().parse(), Ok(*unit));
        }
        assert!("mw".parse::<Unit>().is_err_and(|error| error.to_string().contains("allowed: W, kW, MW")));
    }
}
