//! A wind turbine: power over wind speed.
//!
//! The curve is that of the measured turbines (Senvion MM82, 2,050 kW): the mean of the measured power in bins of
//! 0.5 m/s of the nacelle's wind speed (the bin of 7 m/s holds 6.75 to 7.25), over 57 days of the file; the two days that
//! come with the program are not among them. Left out were lines with 4 m/s or more and blades turned by more than 40
//! degrees: the turbine stood. It goes straight between the points, and a turbine of another rating makes the same
//! share of it. Below 3 m/s it draws a little: its own use.
//!
//! So the curve is that of 10 min averages of a wind that is measured behind the rotor. Not in it: air density, wakes
//! (they are in each turbine's own wind), icing, hysteresis of starting, and the hours at which a real turbine stood
//! for other reasons. Above 15.5 m/s it stays at the last point, and from 25 m/s on it is cut out: **these two are this
//! program's own figures**, the measured wind does not go there.

/// Rating of the measured turbines, kW.
const RATED_KW: f64 = 2_050.0;
/// Where it cuts out, m/s.
const CUT_OUT: f64 = 25.0;
/// Wind speed between two points of the curve, m/s.
const STEP: f64 = 0.5;
/// Power in kW at 0, 0.5, 1 ... 15.5 m/s.
const CURVE: [f64; 32] = [
    -1.0, -1.3, -1.4, -2.0, -1.4, -1.4, -0.2, 14.9, 41.9, 82.0, 139.8, 222.3, 327.3, 449.9, 583.3, 721.7,
    862.6, 996.6, 1128.0, 1257.2, 1380.1, 1496.3, 1611.9, 1714.1, 1799.4, 1863.3, 1930.7, 1956.0, 1989.9,
    2002.5, 2012.5, 2025.4,
];
/// How fast pitch and converter move the power, as a share of the rating a second: this program's own figure.
const RATE: f64 = 0.1;

/// What a turbine offers at a wind speed in m/s, as a share of its rating; below 0 its own use.
#[must_use]
pub fn share(speed: f64) -> f64 {
    if !(0.0..CUT_OUT).contains(&speed) {
        return CURVE[0] / RATED_KW;
    }
    let place = speed / STEP;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 50")]
    let at = (place.floor() as usize).min(CURVE.len() - 1);
    let before = CURVE.get(at).copied().unwrap_or_default();
    let after = CURVE.get(at + 1).copied().unwrap_or(before);
    (before + (after - before) * (place - place.floor())) / RATED_KW
}

/// Where the power is `seconds` later on its way to `target`; all in the unit of `rating`.
#[must_use]
pub fn follow(power: f64, target: f64, rating: f64, seconds: f64) -> f64 {
    let step = rating * RATE * seconds.max(0.0);
    power + (target - power).clamp(-step, step)
}

#[cfg(test)]
mod tests {
    use config::Source;

    use super::*;
    use crate::table;

    /// Against the measured power of the same turbine at the same time, on two days that the curve does not know:
    /// root of the mean square in per cent of the rating, and energy in per cent of the measured.
    #[test]
    fn the_curve_says_what_was_measured() {
        let text = include_str!("../../data/la_haute_borne_scada_10min.csv");
        let source = Source::from_text("measured", text);
        for day in ["2014-01-25", "2014-02-13"] {
            for turbine in ["R80711", "R80721", "R80736", "R80790"] {
                let (mut count, mut square, mut made, mut measured) = (0.0, 0.0, 0.0, 0.0);
                table::each(&source, &["time", "turbine", "power_kw", "wind_ms"], |row| {
                    if row.text("turbine") == turbine && row.text("time").starts_with(day) {
                        let kw = share(row.number("wind_ms", (0.0, 50.0))?) * RATED_KW;
                        let truth = row.number("power_kw", (-50.0, 2_100.0))?;
                        count += 1.0;
                        square += (kw - truth).powi(2);
                        made += kw;
                        measured += truth;
                    }
                    Ok(())
                })
                .unwrap();
                let error = (square / count).sqrt() / RATED_KW * 100.0;
                let energy = (made / measured - 1.0) * 100.0;
                println!("{day} {turbine}: {error:.2} % of the rating, energy {energy:+.1} %");
                assert_eq!(count, 144.0);
                assert!(error < 3.4, "{day} {turbine}: {error} % of the rating");
                assert!(energy.abs() < 3.0, "{day} {turbine}: energy {energy} %");
            }
        }
    }

    #[test]
    fn stands_in_a_calm_and_in_a_storm() {
        assert!(share(0.0) < 0.0 && share(2.0) < 0.0 && share(25.0) < 0.0 && share(f64::NAN) < 0.0);
        assert!((share(7.25) * RATED_KW - (583.3 + 721.7) / 2.0).abs() < 1e-9);
        assert_eq!(share(24.9), share(15.5));
    }

    #[test]
    fn moves_by_a_tenth_a_second() {
        assert_eq!(follow(0.0, 2_000.0, 2_000.0, 0.5), 100.0);
        assert_eq!(follow(1_500.0, 1_490.0, 2_000.0, 0.5), 1_490.0);
    }
}
