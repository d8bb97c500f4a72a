//! The stated physics, pure functions of weather and time: sun and battery here, the rest in modules of their own.
//!
//! Sun: declination by Cooper's formula for day 291 (18 October), solar time from the station's longitude (110.96 W,
//! 32.23 N) without the equation of time. Plane of array: fixed, tilted 30 degrees south; beam from the direct normal
//! irradiance, diffuse isotropic, ground albedo 0.2. Cell: air + (45 - 20) / 800 * irradiance. DC: rating * irradiance
//! / 1000 * (1 - 0.0037 * (cell - 25)). AC: 98 % of it, clipped.

pub mod aggregate;
pub mod frequency;
pub mod unit;
pub mod wind;

use crate::day::Weather;

/// Array tilt, degrees.
const TILT: f64 = 30.0;
/// Latitude and longitude of the station, degrees north and east.
const PLACE: (f64, f64) = (32.23, -110.96);
/// Inverter efficiency.
const EFFICIENCY: f64 = 0.98;

/// Irradiance in the plane of the array, W/m2, `seconds` after midnight (UTC-07:00).
#[must_use]
pub fn plane_of_array(weather: &Weather, seconds: f64) -> f64 {
    let [ghi, dni, dhi, ..] = weather.0.map(|value| value.max(0.0));
    let declination = (23.45_f64 * (360.0 * (284.0 + 291.0) / 365.0_f64).to_radians().sin()).to_radians();
    let hour = (15.0 * (seconds / 3600.0 - 12.0) + PLACE.1 + 105.0).to_radians();
    let (latitude, tilt) = (PLACE.0.to_radians(), TILT.to_radians());
    let incidence = declination.sin() * (latitude - tilt).sin()
        + declination.cos() * (latitude - tilt).cos() * hour.cos();
    dni * incidence.max(0.0) + dhi * (1.0 + tilt.cos()) / 2.0 + ghi * 0.2 * (1.0 - tilt.cos()) / 2.0
}

/// Cell temperature in degrees Celsius.
#[must_use]
pub fn cell_temperature(air: f64, irradiance: f64) -> f64 {
    air + (45.0 - 20.0) / 800.0 * irradiance
}

/// DC power in the unit of `rating`.
#[must_use]
pub fn dc_power(rating: f64, irradiance: f64, cell: f64) -> f64 {
    (rating * irradiance / 1000.0 * (1.0 - 0.0037 * (cell - 25.0))).max(0.0)
}

/// AC power: clipped at the rating and at `limit`, a share of it.
#[must_use]
pub fn ac_power(dc: f64, rating: f64, limit: f64) -> f64 {
    (dc * EFFICIENCY).min(rating * limit.clamp(0.0, 1.0))
}

/// The battery's next instant: the power it really gives (discharge positive) and its energy after `hours`, in the
/// units of `power` and `capacity`. `efficiency` is that of a round trip, half of it lost each way.
#[must_use]
pub fn battery(
    asked: f64,
    rating: f64,
    energy: f64,
    capacity: f64,
    efficiency: f64,
    hours: f64,
) -> (f64, f64) {
    let one_way = efficiency.sqrt();
    let asked = asked.clamp(-rating, rating);
    if hours <= 0.0 {
        return (asked, energy);
    }
    let power = asked.min(energy * one_way / hours).max(-(capacity - energy) / one_way / hours);
    let moved = if power >= 0.0 { power / one_way } else { power * one_way };
    (power, (energy - moved * hours).clamp(0.0, capacity))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_or_empty_battery_stops() {
        assert_eq!(battery(4.0, 4.0, 0.0, 16.0, 0.81, 0.1), (0.0, 0.0));
        assert_eq!(battery(-4.0, 4.0, 16.0, 16.0, 0.81, 0.1).0, 0.0);
        let (power, energy) = battery(-1.0, 4.0, 8.0, 16.0, 0.81, 1.0);
        assert_eq!(power, -1.0);
        assert!((energy - 8.9).abs() < 1e-9);
    }

    #[test]
    fn clips_and_limits() {
        assert_eq!(ac_power(6.0, 5.0, 1.0), 5.0);
        assert_eq!(ac_power(6.0, 5.0, 0.4), 2.0);
        assert_eq!(dc_power(6.0, 0.0, 20.0), 0.0);
    }
}
