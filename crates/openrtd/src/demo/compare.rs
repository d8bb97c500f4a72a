//! Is the ISO's megawatt the meter's? What the ISO has after each answered scan is held against the meter's
//! register at the time at which the device read it, as the plant logged it.
//!
//! The three journals come over three pipes, so a value is judged only when the others must have arrived.

use std::collections::VecDeque;

use serde_json::Value;

use super::record;

/// Megawatts for each count of `poi.mw` in the example.
pub(super) const MW_PER_COUNT: f64 = 15.0 / 30_000.0;
/// Judged so long after the scan.
const SETTLE_MS: i64 = 2_000;
/// A response may have been under way for so long: then the device's reading before the last one counts too.
const UNDER_WAY_MS: i64 = 1_000;
/// History kept.
const KEPT_MS: i64 = 120_000;
/// Stamps are cut to milliseconds.
const STAMP_MS: i64 = 1;

/// The device's reading of the meter.
struct Read {
    judged: i64,
    sent: i64,
    received: i64,
}

/// The three histories and the tally.
#[derive(Default)]
pub(super) struct Comparison {
    /// From when the meter's register held how many watts.
    meter: VecDeque<(i64, f64)>,
    reads: VecDeque<Read>,
    /// When the ISO had how many megawatts; not yet judged.
    waiting: VecDeque<(i64, f64)>,
    pub(super) compared: u64,
    pub(super) equal: u64,
    /// The first that was off, in words.
    pub(super) off: Option<String>,
}

impl Comparison {
    /// The plant's record of the meter's registers.
    pub(super) fn meter(&mut self, time: i64, watts: f64) {
        if self.meter.back().is_none_or(|(_, last)| last.total_cmp(&watts).is_ne()) {
            self.meter.push_back((time, watts));
        }
        // The value in force must stay, however old it is.
        while self.meter.get(1).is_some_and(|(next, _)| *next < time - KEPT_MS) {
            self.meter.pop_front();
        }
    }

    /// The device's record of `poi.mw`.
    pub(super) fn device(&mut self, point: &Value) {
        let time = |field| point.get(field).and_then(record::millis);
        let (Some(judged), Some(sent), Some(received)) =
            (time("time"), time("read_sent"), time("read_received"))
        else {
            return;
        };
        self.reads.push_back(Read { judged, sent, received });
        while self.reads.get(1).is_some_and(|next| next.judged < judged - KEPT_MS) {
            self.reads.pop_front();
        }
    }

    /// What the ISO has after a scan, where it is Good.
    pub(super) fn iso(&mut self, time: i64, megawatts: f64) {
        self.waiting.push_back((time, megawatts));
    }

    /// Judges what has settled by `now`.
    pub(super) fn settle(&mut self, now: i64) {
        while let Some((time, megawatts)) = self.waiting.front().copied()
            && time + SETTLE_MS <= now
        {
            self.waiting.pop_front();
            self.judge(time, megawatts);
        }
    }

    fn judge(&mut self, time: i64, megawatts: f64) {
        let mut reads = self.reads.iter().rev().skip_while(|read| read.judged > time);
        let Some(last) = reads.next() else { return };
        let before = reads.next().filter(|_| last.judged > time - UNDER_WAY_MS);
        let held: Vec<f64> = std::iter::once(last)
            .chain(before)
            .flat_map(|read| self.held(read.sent, read.received))
            .collect();
        if held.is_empty() {
            return;
        }
        self.compared += 1;
        let same = |watts: &f64| (watts / 1e6 - megawatts).abs() <= MW_PER_COUNT * 1.000_001;
        if held.iter().any(same) {
            self.equal += 1;
        } else if self.off.is_none() {
            self.off = Some(format!("the ISO had {megawatts} MW, the meter held {held:?} W"));
        }
    }

    /// What the register held at any time from `sent` to `received`.
    fn held(&self, sent: i64, received: i64) -> Vec<f64> {
        let from = self.meter.iter().rposition(|(time, _)| *time <= sent - STAMP_MS).unwrap_or(0);
        self.meter
            .iter()
            .skip(from)
            .take_while(|(time, _)| *time <= received + STAMP_MS)
            .map(|(_, watts)| *watts)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(millis: i64) -> String {
        jiff::Timestamp::from_millisecond(millis).unwrap().to_string()
    }

    fn compared(iso: &[(i64, f64)]) -> (u64, u64) {
        let mut comparison = Comparison::default();
        for (time, watts) in [(1_000, 7_000_000.0), (1_250, 7_100_000.0), (9_000, 7_200_000.0)] {
            comparison.meter(time, watts);
        }
        for (judged, sent, received) in [(1_020, 1_010, 1_015), (9_110, 9_100, 9_105)] {
            let record = json!({"time": at(judged), "read_sent": at(sent), "read_received": at(received)});
            comparison.device(&record);
        }
        for (time, megawatts) in iso {
            comparison.iso(*time, *megawatts);
        }
        comparison.settle(100_000);
        (comparison.compared, comparison.equal)
    }

    #[test]
    fn the_register_counts_at_the_time_it_was_read_within_one_count() {
        assert_eq!(compared(&[(5_000, 7.0)]), (1, 1));
        assert_eq!(compared(&[(5_000, 7.0005)]), (1, 1));
        assert_eq!(compared(&[(5_000, 7.0011)]), (1, 0));
        // What it held later is another value.
        assert_eq!(compared(&[(5_000, 7.1)]), (1, 0));
        assert_eq!(compared(&[(20_000, 7.2)]), (1, 1));
        assert_eq!(compared(&[(20_000, 7.0)]), (1, 0));
    }

    #[test]
    fn a_response_under_way_may_carry_the_reading_before() {
        assert_eq!(compared(&[(9_120, 7.0), (9_120, 7.2)]), (2, 2));
    }

    #[test]
    fn nothing_is_compared_before_anything_was_read() {
        assert_eq!(compared(&[(500, 7.0)]), (0, 0));
    }

    #[test]
    fn a_count_is_the_one_of_the_example() {
        let text = include_str!("../../templates/solar-storage/ems.toml");
        let point = text.split("\n\n").find(|block| block.contains("\"poi.mw\"")).unwrap();
        assert!(point.contains("max_units = 15.0") && point.contains("max_counts = 30000"));
        // A scan that does not report it proves that it has not changed.
        let text = include_str!("../../templates/solar-storage/site.toml");
        let point = text.split("\n\n").find(|block| block.contains("id = \"poi.mw\"")).unwrap();
        assert!(!point.contains("deadband"));
    }
}
