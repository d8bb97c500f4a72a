//! The mean of directions: that of 350 and 10 degrees is north, not south.

/// Shorter than this the arrows cancel each other out, and there is no mean direction.
const LENGTH_MIN: f64 = 1e-6;

/// The direction of the sum of arrows, each with its weight, in degrees: 0 to 360, or -180 to 180 where an input is
/// below 0. Not a number where they cancel each other out.
pub(super) fn mean(arrows: impl IntoIterator<Item = (f64, f64)>) -> f64 {
    let (mut east, mut north, mut weights, mut signed) = (0.0, 0.0, 0.0, false);
    for (degrees, weight) in arrows {
        let (sin, cos) = degrees.to_radians().sin_cos();
        east += weight * sin;
        north += weight * cos;
        weights += weight;
        signed |= degrees < 0.0;
    }
    if f64::hypot(east, north) <= weights * LENGTH_MIN {
        return f64::NAN;
    }
    let degrees = east.atan2(north).to_degrees();
    if signed {
        return degrees;
    }
    let degrees = degrees.rem_euclid(360.0);
    // A hair below 0 comes round as the full circle itself.
    if degrees >= 360.0 { 0.0 } else { degrees }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_no_numbers() {
        let of = |values: &[f64]| mean(values.iter().map(|value| (*value, 1.0)));
        let near =
            |found: f64, wanted: f64| ((found - wanted + 540.0).rem_euclid(360.0) - 180.0).abs() < 1e-9;
        assert!(near(of(&[350.0, 10.0]), 0.0));
        assert!(near(of(&[170.0, 190.0]), 180.0));
        assert!((of(&[315.0, 270.0]) - 292.5).abs() < 1e-9);
        assert!((of(&[-10.0, -30.0]) + 20.0).abs() < 1e-9, "signed ones stay signed");
        assert!(of(&[90.0, 270.0]).is_nan(), "they cancel each other out");
        assert!((0.0..360.0).contains(&of(&[359.999_999_999_999_9, 0.0])));
        assert!((mean([(0.0, 3.0), (90.0, 1.0)]) - 1.0_f64.atan2(3.0).to_degrees()).abs() < 1e-9);
    }
}
