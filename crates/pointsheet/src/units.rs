//! Units as sheets spell them. The DNP3 count is only a number, so a unit that is guessed wrongly is a wrong
//! megawatt: a spelling that is not listed is an error, never a guess.

use telemetry::Unit;

/// Spellings in lower case, without blanks, dots and carets. Each unit's own text is known as well.
const SPELLINGS: &[(Unit, &[&str])] = &[
    (Unit::Watt, &["watt", "watts"]),
    (Unit::Kilowatt, &["kilowatt", "kilowatts"]),
    (Unit::Megawatt, &["megawatt", "megawatts", "mws"]),
    (Unit::Var, &["vars"]),
    (Unit::Kilovar, &["kvars", "kilovar", "kilovars"]),
    (Unit::Megavar, &["mvars", "mvr", "megavar", "megavars"]),
    (Unit::MegawattHour, &["mwhr", "mw-h", "mw-hr", "megawatt-hours", "megawatthours"]),
    (Unit::KilowattHour, &["kwhr", "kw-h", "kw-hr"]),
    (Unit::Volt, &["volt", "volts"]),
    (Unit::Kilovolt, &["kvolt", "kvolts", "kilovolt", "kilovolts"]),
    (Unit::Ampere, &["amp", "amps", "ampere", "amperes"]),
    (Unit::Hertz, &["hertz", "cps"]),
    (Unit::Celsius, &["c", "celsius", "degcelsius", "degreec", "degreesc", "degreescelsius", "centigrade"]),
    (
        Unit::WattPerSquareMetre,
        &["wm2", "w/sqm", "w/sq-m", "w/m/m", "watt/m2", "watts/m2", "wattspersquaremeter"],
    ),
    (
        Unit::MetrePerSecond,
        &["mps", "m/sec", "meter/sec", "meters/sec", "meterspersecond", "metrespersecond"],
    ),
    (Unit::Degree, &["degree", "degrees", "degs"]),
    (Unit::Hectopascal, &["mbar", "mb", "millibar", "millibars", "hectopascal", "hectopascals"]),
    (Unit::Percent, &["percent", "pct", "percentage"]),
    (Unit::MegawattPerMinute, &["mw/minute", "mwpermin", "mwperminute", "mwpm"]),
    (Unit::Count, &["count", "cnt", "cnts", "#"]),
];

/// The unit that a sheet's spelling means.
#[must_use]
pub fn meant(text: &str) -> Option<Unit> {
    let mut bare = String::new();
    for letter in text.chars().flat_map(char::to_lowercase) {
        match letter {
            '.' | '^' | '_' => {}
            blank if blank.is_whitespace() => {}
            '²' => bare.push('2'),
            '°' | 'º' => bare.push_str("deg"),
            other => bare.push(other),
        }
    }
    let own = Unit::ALL.iter().copied().find(|unit| unit.text().to_lowercase() == bare);
    own.or_else(|| {
        SPELLINGS.iter().find(|(_, spellings)| spellings.contains(&bare.as_str())).map(|(unit, _)| *unit)
    })
}

/// What is allowed, for errors.
pub(crate) fn allowed() -> String {
    Unit::ALL.iter().map(|unit| unit.text()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheets_spellings_are_known_and_no_spelling_means_two_units() {
        let known = [
            ("MW", Unit::Megawatt),
            ("mw", Unit::Megawatt),
            ("MVAR", Unit::Megavar),
            ("Mvar", Unit::Megavar),
            ("MVARs", Unit::Megavar),
            ("KV", Unit::Kilovolt),
            ("kV", Unit::Kilovolt),
            ("Deg C", Unit::Celsius),
            ("Deg. C", Unit::Celsius),
            ("°C", Unit::Celsius),
            ("C", Unit::Celsius),
            ("W/m2", Unit::WattPerSquareMetre),
            ("W/m^2", Unit::WattPerSquareMetre),
            ("W/m²", Unit::WattPerSquareMetre),
            ("hPa", Unit::Hectopascal),
            ("mbar", Unit::Hectopascal),
            ("m/s", Unit::MetrePerSecond),
            ("%", Unit::Percent),
            ("MWh", Unit::MegawattHour),
            ("MWHr", Unit::MegawattHour),
            ("Hz", Unit::Hertz),
            ("MW/min", Unit::MegawattPerMinute),
            ("Degrees", Unit::Degree),
            ("Counts", Unit::Count),
            ("Amps", Unit::Ampere),
        ];
        for (text, unit) in known {
            assert_eq!(meant(text), Some(unit), "{text}");
        }
        for unit in Unit::ALL {
            assert_eq!(meant(unit.text()), Some(*unit));
        }
        for text in ["", "degF", "Deg F", "mph", "MWx", "inHg", "furlong"] {
            assert_eq!(meant(text), None, "{text}");
        }
        let mut all: Vec<&str> =
            SPELLINGS.iter().flat_map(|(_, spellings)| spellings.iter().copied()).collect();
        let number = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), number);
    }
}
