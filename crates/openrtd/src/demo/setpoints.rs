//! The demo's set points: when one is due, and whether feedback, battery and meter followed it.

use std::collections::BTreeMap;

use super::story::Point;

/// The set point of the example.
pub(super) const POINT: &str = "bess.mw.setpoint";
/// Sent in turn: discharge, charge.
const VALUES: [f64; 4] = [2.0, -1.5, 3.5, 0.0];
/// The ISO looks at the plant for so many scans first.
pub(super) const SCANS_BEFORE: u64 = 3;
/// Time between one that was followed and the next.
const PAUSE_MS: i64 = 12_000;
/// One that is younger at the end is neither followed nor failed.
const PENDING_MS: i64 = 12_000;
/// The last one is sent so long before the end.
const LEAD_MS: i64 = 16_000;
/// The set point in force, as fed back: within a count or two.
const FEEDBACK_MW: f64 = 0.001;
/// The battery's own control.
const BATTERY_MW: f64 = 0.1;
/// The meter less the inverters: auxiliary load, and readings that are a second apart.
const METER_MW: f64 = 0.3;

struct Open {
    value: f64,
    sent: i64,
}

/// The tally.
#[derive(Default)]
pub(super) struct SetPoints {
    pub(super) sent: u64,
    pub(super) followed: u64,
    /// Refusals, in words.
    pub(super) refused: Vec<String>,
    open: Option<Open>,
    settled: i64,
    next: usize,
}

impl SetPoints {
    /// The value to send now, if one is due. `ends` is when the demo ends.
    pub(super) fn due(&self, scans: u64, now: i64, ends: Option<i64>) -> Option<f64> {
        let room = self.sent == 0 || ends.is_none_or(|ends| now + LEAD_MS <= ends);
        let due = scans >= SCANS_BEFORE && self.open.is_none() && now >= self.settled + PAUSE_MS && room;
        due.then(|| VALUES.get(self.next % VALUES.len()).copied()).flatten()
    }

    /// One is on its way.
    pub(super) fn sent(&mut self, value: f64, now: i64) {
        self.sent += 1;
        self.next += 1;
        self.open = Some(Open { value, sent: now });
    }

    /// What the ISO's command came to.
    pub(super) fn answered(&mut self, answer: Result<String, String>) {
        let why = match answer {
            Ok(status) if status == "SUCCESS" => return,
            Ok(status) => status,
            Err(error) => error,
        };
        self.refused.push(why);
        self.open = None;
    }

    /// Looks whether all three followed; true when they just did.
    pub(super) fn look(&mut self, iso: &BTreeMap<String, Point>, now: i64) -> bool {
        let Some(open) = &self.open else { return false };
        let value = |id: &str| iso.get(id).and_then(|point| point.value);
        let fresh =
            |id: &str| iso.get(id).filter(|point| point.time >= open.sent).and_then(|point| point.value);
        // Feedback and meter move whenever the value does, so that both must have been reported since.
        let followed = || {
            let feedback = fresh("bess.mw.feedback")?;
            let battery = value("bess.mw")?;
            let meter = fresh("poi.mw")? - value("pv.inv1.mw")? - value("pv.inv2.mw")?;
            let within = |is: f64, by: f64| (is - open.value).abs() <= by;
            Some(within(feedback, FEEDBACK_MW) && within(battery, BATTERY_MW) && within(meter, METER_MW))
        };
        if followed() != Some(true) {
            return false;
        }
        self.followed += 1;
        self.open = None;
        self.settled = now;
        true
    }

    /// The value that is on its way.
    pub(super) fn open(&self) -> Option<f64> {
        self.open.as_ref().map(|open| open.value)
    }

    /// Sent so late that nobody can say yet.
    pub(super) fn pending(&self, now: i64) -> u64 {
        u64::from(self.open.as_ref().is_some_and(|open| now - open.sent < PENDING_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(time: i64, values: [(&str, f64); 5]) -> BTreeMap<String, Point> {
        values
            .into_iter()
            .map(|(id, value)| {
                (id.to_owned(), Point { value: Some(value), good: true, quality: "good".to_owned(), time })
            })
            .collect()
    }

    fn plant(time: i64, feedback: f64, battery: f64) -> BTreeMap<String, Point> {
        iso(
            time,
            [
                ("bess.mw.feedback", feedback),
                ("bess.mw", battery),
                ("pv.inv1.mw", 3.0),
                ("pv.inv2.mw", 4.0),
                ("poi.mw", 6.95 + battery),
            ],
        )
    }

    #[test]
    fn followed_means_feedback_battery_and_meter_after_it_was_sent() {
        let mut points = SetPoints::default();
        assert_eq!(points.due(2, 100_000, None), None);
        assert_eq!(points.due(3, 100_000, None), Some(2.0));
        points.sent(2.0, 100_000);
        assert_eq!(points.due(9, 200_000, None), None, "one at a time");
        points.answered(Ok("SUCCESS".to_owned()));
        assert!(!points.look(&plant(99_000, 2.0, 2.0), 101_000), "seen before it was sent");
        assert!(!points.look(&plant(101_000, 2.0, 0.0), 102_000), "the battery did not move");
        assert!(!points.look(&plant(101_000, 0.0, 2.0), 102_000), "no feedback");
        assert_eq!(points.pending(102_000), 1);
        assert!(points.look(&plant(104_000, 2.0, 1.98), 104_000));
        assert_eq!((points.sent, points.followed, points.pending(104_000)), (1, 1, 0));
        assert_eq!(points.due(9, 105_000, None), None, "a pause");
        assert_eq!(points.due(9, 120_000, Some(130_000)), None, "too late");
        assert_eq!(points.due(9, 120_000, Some(140_000)), Some(-1.5));
    }

    #[test]
    fn a_refusal_is_kept() {
        let mut points = SetPoints::default();
        points.sent(2.0, 0);
        points.answered(Ok("NOT_AUTHORIZED".to_owned()));
        assert_eq!(
            (points.refused.as_slice(), points.pending(1)),
            (["NOT_AUTHORIZED".to_owned()].as_slice(), 0)
        );
    }
}
