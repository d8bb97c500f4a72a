//! Moments as users write them.

use telemetry::{Now, Wall};

/// A moment as a user writes it: RFC 3339, `now`, or a time before or after now such as `-2h`.
///
/// # Errors
/// What was found and what is allowed.
pub fn moment(text: &str, now: Now) -> Result<Wall, String> {
    let refuse =
        || format!("`{text}`, allowed: RFC 3339 such as 2026-11-25T08:00:00Z, now, or -2h, -30m, -7d");
    if text == "now" {
        return Ok(now.wall);
    }
    let millis = if let Ok(time) = text.parse::<jiff::Timestamp>() {
        time.as_millisecond()
    } else {
        let span: jiff::SignedDuration = match text.parse::<jiff::Span>() {
            Ok(span) => span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| refuse())?,
            Err(_) => return Err(refuse()),
        };
        let here = i64::try_from(now.wall.as_millis()).unwrap_or(i64::MAX);
        here.saturating_add(i64::try_from(span.as_millis()).map_err(|_| refuse())?)
    };
    u64::try_from(millis).map(Wall::from_millis).map_err(|_| refuse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339_or_relative() {
        let now = Now::virtual_millis(10_000_000);
        assert_eq!(moment("-2h", now).unwrap().as_millis(), 2_800_000);
        assert_eq!(moment("now", now).unwrap(), now.wall);
        assert_eq!(moment("1970-01-01T01:00:00Z", now).unwrap().as_millis(), 3_600_000);
        assert_eq!(moment("1970-01-01T02:00:00+01:00", now).unwrap().as_millis(), 3_600_000);
        for wrong in ["yesterday", "", "-2", "12:00", "-900d"] {
            assert!(moment(wrong, now).unwrap_err().contains("allowed: RFC 3339"), "{wrong}");
        }
    }
}
