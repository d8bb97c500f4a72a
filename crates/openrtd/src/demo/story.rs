//! What the three journals come to: the newest values on each side, the ISO's scans, and the summary.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;
use serde_json::Value;

use super::agc::{self, Agc, Tally};
use super::child::Program;
use super::compare::Comparison;
use super::record::{millis, now, number, text};
use super::setpoints::SetPoints;

/// Megawatts kept for the trend.
const TREND_POINTS_MAX: usize = 600;
/// A point may take so many scans to be Good after start.
const SCANS_OF_START: u64 = 2;
/// A demo shorter than this is not expected to send a set point.
const SET_POINT_SECONDS: u64 = 20;

/// A point as one side has it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) value: Option<f64>,
    pub(super) good: bool,
    pub(super) quality: String,
    /// When that side said so.
    pub(super) time: i64,
}

/// The ISO's last scan.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scan {
    pub(super) time: i64,
    pub(super) kind: String,
    pub(super) points: u64,
    pub(super) duration_ms: f64,
    pub(super) missed: bool,
}

/// All of it.
#[derive(Default)]
pub(super) struct Story {
    /// Points that the ISO's file has under its profile.
    pub(super) expected: usize,
    /// The plant's registers, by device and SunSpec name.
    pub(super) plant: BTreeMap<(String, String), f64>,
    pub(super) device: BTreeMap<String, Point>,
    pub(super) iso: BTreeMap<String, Point>,
    pub(super) scans: u64,
    pub(super) scans_missed: u64,
    pub(super) last_scan: Option<Scan>,
    pub(super) link: String,
    pub(super) comparison: Comparison,
    pub(super) setpoints: SetPoints,
    /// The regulation, where there is one: then the other set points rest.
    pub(super) agc: Option<Agc>,
    /// When, and how many megawatts the ISO had; in regulation those of the battery.
    pub(super) trend: VecDeque<(f64, f64)>,
    /// What it asked for then, in regulation.
    pub(super) asked: VecDeque<(f64, f64)>,
    /// Points that were Good at the ISO and then were not.
    pub(super) left_good: BTreeSet<String>,
    /// What is worth a line.
    pub(super) news: Vec<String>,
}

impl Story {
    /// One that is to have so many points.
    pub(super) fn expecting(points: usize) -> Self {
        Self { expected: points, ..Self::default() }
    }

    /// Takes one record; true when it was a scan of the ISO's.
    pub(super) fn take(&mut self, from: Program, record: &Value) -> bool {
        let time = record.get("time").and_then(millis).unwrap_or_else(now);
        match (from, text(record, "event")) {
            (Program::Plant, "registers") => self.registers(time, record),
            (Program::Rtd, "point") => {
                let id = text(record, "id");
                if id == "poi.mw" {
                    self.comparison.device(record);
                }
                self.device.insert(id.to_owned(), point(time, record));
            }
            (Program::Ems, "point") => self.iso_point(time, record),
            (Program::Ems, "scan") => {
                self.scan(time, record);
                return true;
            }
            (Program::Ems, "link") => {
                text(record, "state").clone_into(&mut self.link);
                self.news.push(format!("link {} {}", self.link, text(record, "why")).trim_end().to_owned());
            }
            (Program::Ems, "restart") => self.news.push("the ISO saw the device restart".to_owned()),
            (Program::Ems, "heartbeat") if record.get("stuck").and_then(Value::as_bool) == Some(true) => {
                self.news.push("the device's heartbeat is stuck".to_owned());
            }
            _ => {}
        }
        false
    }

    /// What the ISO's command came to.
    pub(super) fn answered(&mut self, answer: Result<String, String>) {
        match &mut self.agc {
            Some(agc) => self.news.extend(agc.answered(answer)),
            None => self.setpoints.answered(answer),
        }
    }

    fn registers(&mut self, time: i64, record: &Value) {
        let device = text(record, "device");
        let Some(values) = record.get("values").and_then(Value::as_object) else { return };
        for (name, value) in values {
            let Some(value) = value.as_f64() else { continue };
            if device == "meter" && name == "W" {
                self.comparison.meter(time, value);
            }
            self.plant.insert((device.to_owned(), name.clone()), value);
        }
    }

    fn iso_point(&mut self, time: i64, record: &Value) {
        let id = text(record, "id");
        let point = point(time, record);
        let was_good = self.iso.get(id).is_some_and(|before| before.good);
        if was_good && !point.good && self.left_good.insert(id.to_owned()) {
            self.news.push(format!("{id} is {} at the ISO", point.quality));
        }
        self.iso.insert(id.to_owned(), point);
    }

    fn scan(&mut self, time: i64, record: &Value) {
        let missed = record.get("missed").and_then(Value::as_bool).unwrap_or(false);
        self.scans += 1;
        self.scans_missed += u64::from(missed);
        self.last_scan = Some(Scan {
            time,
            kind: text(record, "kind").to_owned(),
            points: record.get("points").and_then(Value::as_u64).unwrap_or(0),
            duration_ms: number(record, "duration_ms").unwrap_or(0.0),
            missed,
        });
        let megawatts = self.iso.get("poi.mw").filter(|_| !missed);
        if let Some((value, good)) = megawatts.and_then(|point| Some((point.value?, point.good))) {
            if good {
                // What an answered scan did not report has not changed: the point has no deadband.
                self.comparison.iso(time, value);
            }
            self.draw(time, value);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a time on a chart's axis")]
    fn draw(&mut self, time: i64, megawatts: f64) {
        let time = time as f64 / 1_000.0;
        let keep = |series: &mut VecDeque<(f64, f64)>, value: f64| {
            series.push_back((time, value));
            if series.len() > TREND_POINTS_MAX {
                series.pop_front();
            }
        };
        let Some(agc) = &self.agc else {
            keep(&mut self.trend, megawatts);
            return;
        };
        if let Some(asked) = agc.asked() {
            keep(&mut self.asked, asked);
        }
        if let Some(battery) = self.iso.get(agc::ACTUAL).and_then(|point| point.value) {
            keep(&mut self.trend, battery);
        }
    }

    /// The ISO's points as its socket has them: the last word on values and qualities.
    pub(super) fn replace_iso(&mut self, answer: &Value) {
        let Some(points) = answer.get("points").and_then(Value::as_array) else { return };
        self.iso = points
            .iter()
            .map(|row| {
                (text(row, "point").to_owned(), point(row.get("time").and_then(millis).unwrap_or(0), row))
            })
            .collect();
    }

    pub(super) fn plant_value(&self, device: &str, name: &str) -> Option<f64> {
        self.plant.get(&(device.to_owned(), name.to_owned())).copied()
    }

    /// The worst quality of a side and the point that has it.
    pub(super) fn worst(points: &BTreeMap<String, Point>) -> (String, String) {
        let rank = |quality: &str| ["good", "questionable", "bad"].iter().position(|known| *known == quality);
        let worst = points.iter().max_by_key(|(_, point)| (rank(&point.quality), !point.good));
        match worst {
            Some((_, point)) if point.good => (point.quality.clone(), String::new()),
            Some((id, point)) => (point.quality.clone(), id.clone()),
            None => ("no points".to_owned(), String::new()),
        }
    }

    /// The end of it. `asked` is the number of seconds asked for, where they
    /// passed; `failures` what went wrong outside the journals.
    pub(super) fn summary(
        &mut self,
        seconds: f64,
        asked: Option<u64>,
        speed: f64,
        failures: Vec<String>,
    ) -> Summary {
        let now = now();
        self.comparison.settle(i64::MAX / 2);
        let points = self.iso.len();
        let points_good = self.iso.values().filter(|point| point.good).count();
        let sets = &self.setpoints;
        let pending = sets.pending(now);
        let mut problems = failures;
        let mut hold = |fine: bool, problem: String| {
            if !fine {
                problems.push(problem);
            }
        };
        hold(self.scans > 0 || asked.is_none(), "the ISO made no scan".to_owned());
        hold(self.scans_missed == 0, format!("{} of {} scans were missed", self.scans_missed, self.scans));
        hold(points == self.expected, format!("the ISO has {points} points, not {}", self.expected));
        if self.scans >= SCANS_OF_START {
            let bad: Vec<&str> =
                self.iso.iter().filter(|(_, point)| !point.good).map(|(id, _)| id.as_str()).collect();
            hold(bad.is_empty(), format!("not good at the ISO: {}", bad.join(", ")));
        }
        let left: Vec<&str> = self.left_good.iter().map(String::as_str).collect();
        hold(left.is_empty(), format!("did not stay good at the ISO: {}", left.join(", ")));
        hold(sets.refused.is_empty(), format!("set point refused: {}", sets.refused.join(", ")));
        hold(
            sets.followed + pending >= sets.sent,
            format!("{} of {} set points were followed", sets.followed, sets.sent),
        );
        let agc = self.agc.as_ref().map(Agc::tally);
        if asked.is_some_and(|asked| asked >= SET_POINT_SECONDS) {
            hold(sets.followed > 0 || agc.is_some(), "no set point was followed".to_owned());
            hold(self.comparison.compared > 0, "no value could be compared with the meter".to_owned());
        }
        hold(
            self.comparison.compared == self.comparison.equal,
            format!(
                "the ISO's megawatts are not the meter's: {}",
                self.comparison.off.clone().unwrap_or_default()
            ),
        );
        problems.extend(agc.iter().flat_map(|agc| agc.problems(asked)));
        Summary {
            scans: self.scans,
            scans_missed: self.scans_missed,
            points,
            points_good,
            points_left_good: self.left_good.len(),
            setpoints_sent: agc.as_ref().map_or(sets.sent, |agc| agc.sent),
            setpoints_followed: sets.followed,
            setpoints_pending: pending,
            compared: self.comparison.compared,
            compared_equal: self.comparison.equal,
            agc,
            seconds: (seconds * 10.0).round() / 10.0,
            speed,
            fine: problems.is_empty(),
            problems,
        }
    }
}

fn point(time: i64, record: &Value) -> Point {
    let quality = text(record, "quality").to_owned();
    Point { value: number(record, "value"), good: quality == "good", quality, time }
}

/// The last line of `openrtd demo --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Summary {
    pub(super) scans: u64,
    pub(super) scans_missed: u64,
    pub(super) points: usize,
    pub(super) points_good: usize,
    pub(super) points_left_good: usize,
    pub(super) setpoints_sent: u64,
    pub(super) setpoints_followed: u64,
    pub(super) setpoints_pending: u64,
    pub(super) compared: u64,
    pub(super) compared_equal: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agc: Option<Tally>,
    pub(super) seconds: f64,
    pub(super) speed: f64,
    pub(super) fine: bool,
    pub(super) problems: Vec<String>,
}

impl Summary {
    /// For people; what is not fine is told as an error.
    pub(super) fn lines(&self) -> Vec<String> {
        let setpoints = match &self.agc {
            Some(agc) => agc.lines(),
            None => vec![format!(
                "set points     {} sent, {} followed, {} pending",
                self.setpoints_sent, self.setpoints_followed, self.setpoints_pending
            )],
        };
        let before = [
            format!("scans          {}, missed {}", self.scans, self.scans_missed),
            format!(
                "points         {}, good {}, left good {}",
                self.points, self.points_good, self.points_left_good
            ),
        ];
        let after = [format!(
            "ISO and meter  {} values compared at their source time, {} equal within one count",
            self.compared, self.compared_equal
        )];
        before.into_iter().chain(setpoints).chain(after).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good(story: &mut Story, id: &str, value: f64) {
        let record = json!({"event": "point", "time": "2018-10-18T19:00:01Z", "id": id, "value": value, "quality": "good"});
        story.take(Program::Ems, &record);
    }

    fn scanned() -> Story {
        let mut story = Story::expecting(30);
        for number in 0..30 {
            good(&mut story, &format!("p{number}"), 1.0);
        }
        for _ in 0..3 {
            let record = json!({"event": "scan", "time": "2018-10-18T19:00:01Z", "kind": "events", "points": 3, "duration_ms": 8, "missed": false});
            assert!(story.take(Program::Ems, &record));
        }
        story
    }

    #[test]
    fn fine_when_all_is_good() {
        let summary = scanned().summary(12.0, None, 1.0, Vec::new());
        assert_eq!((summary.fine, summary.scans, summary.points, summary.points_good), (true, 3, 30, 30));
        assert!(summary.problems.is_empty());
    }

    #[test]
    fn each_thing_that_is_wrong_is_told() {
        let problems = |change: &dyn Fn(&mut Story), asked| {
            let mut story = scanned();
            change(&mut story);
            story.summary(12.0, asked, 1.0, Vec::new()).problems
        };
        let missed = json!({"event": "scan", "kind": "events", "missed": true});
        let told = problems(&|story| assert!(story.take(Program::Ems, &missed)), None);
        assert_eq!(told, ["1 of 4 scans were missed"]);
        let told = problems(&|story| story.expected = 31, None);
        assert_eq!(told, ["the ISO has 30 points, not 31"]);
        let bad = json!({"event": "point", "id": "p7", "value": 1.0, "quality": "bad"});
        let told = problems(&|story| assert!(!story.take(Program::Ems, &bad)), None);
        assert_eq!(told, ["not good at the ISO: p7", "did not stay good at the ISO: p7"]);
        let told = problems(&|story| story.setpoints.sent(1.0, 0), None);
        assert_eq!(told, ["0 of 1 set points were followed"]);
        assert_eq!(problems(&|_| {}, Some(40)).len(), 2);
    }

    #[test]
    fn the_worst_quality_is_named() {
        let mut story = scanned();
        assert_eq!(Story::worst(&story.iso), ("good".to_owned(), String::new()));
        let record = json!({"event": "point", "id": "p3", "value": 1.0, "quality": "questionable"});
        story.take(Program::Ems, &record);
        assert_eq!(Story::worst(&story.iso), ("questionable".to_owned(), "p3".to_owned()));
    }
}
