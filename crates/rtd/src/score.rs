//! The score of a day, out of history and event log and nothing else.
//!
//! The device marks each step at which it looked (a point of its own); between two marks the history has every change
//! of what was asked, what was done, who owned it and what held it back. Marks and changes have one order, that of
//! their origins, and so this comes to what the device itself came to. What has no mark was not looked at: whatever
//! the values around it, nobody knows, and it is told.

use std::collections::BTreeMap;
use std::iter::Peekable;

use control::score::{Rules, Scored, Scorer, Seen, Totals, Verdict};
use historian::{Entries, Entry, EventKind, HistoryError, Range, Reader};
use serde::Serialize;
use site::SetPoint;
use telemetry::{Origin, PointId, Quality, Unit, Value, Wall};

use crate::core::score_rules;

/// Columns of a trace.
pub const COLUMNS: usize = 720;
/// Changes of hands that are told one by one.
const HANDS_MAX: usize = 500;

/// A window of a day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Window {
    /// The history lost samples or events in it, or in the one before.
    pub lost: bool,
    /// What it came to.
    #[serde(flatten)]
    pub scored: Scored,
}

/// A change of hands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hand {
    /// When.
    pub time: Wall,
    /// Who has it from then on.
    pub owner: String,
    /// Why.
    pub why: String,
}

/// A column of a trace: what was seen in its time, lowest and highest.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Column {
    /// What was asked.
    pub asked: Option<(f64, f64)>,
    /// What was done.
    pub done: Option<(f64, f64)>,
    /// A limit held it back.
    pub clamped: bool,
    /// A step of it did not count, or a value was not good.
    pub left_out: bool,
}

/// What a day came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Day {
    /// The set point.
    pub point: PointId,
    /// The unit of mileage and values.
    pub unit: Unit,
    /// When it begins.
    pub from: Wall,
    /// When it ends.
    pub to: Wall,
    /// What is told ends here: the day's end, or a little before now.
    pub until: Wall,
    /// How long a step is, in milliseconds.
    pub step_ms: u64,
    /// How long a window is, in seconds.
    pub window_s: u64,
    /// A delay is looked for up to so many steps.
    pub delay_max_steps: usize,
    /// A complete window with less accuracy is `below`: the site's own wish.
    pub accuracy_below: Option<f64>,
    /// Whether these definitions are known to be the ISO's.
    pub confirmed: bool,
    /// There is a primary response, which counts as asked for where it is recorded.
    pub primary: bool,
    /// Steps that counted and of which no primary response is recorded: compared with the set point alone.
    pub response_missing: u64,
    /// Windows of which anything is recorded, in the order in which they were seen.
    pub windows: Vec<Window>,
    /// Windows that are over and of which nothing is recorded.
    pub unrecorded: u64,
    /// The windows together.
    pub totals: Totals,
    /// Starts of the device between two steps.
    pub restarts: u64,
    /// How often the history told that it lost something.
    pub losses: u64,
    /// Commands by what was answered.
    pub commands: BTreeMap<String, u64>,
    /// Changes of hands, the first of them.
    pub hands: Vec<Hand>,
    /// How many more there were.
    pub hands_more: u64,
    /// The course of the day, for a plot.
    #[serde(skip)]
    pub trace: Vec<Column>,
}

/// Why there is no score.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// The site does not score it.
    #[error("`{0}` is not scored: it needs `score = {{}}` in its [[setpoint]]")]
    NotScored(PointId),
    /// The history has nothing of it.
    #[error("the history knows no step of `{0}`: the device has not run with `score` yet")]
    Nothing(PointId),
    /// The history cannot be read.
    #[error(transparent)]
    History(#[from] HistoryError),
}

/// A point as it stood when something else happened.
struct Held<'a> {
    entries: Peekable<Entries<'a>>,
    now: Option<Entry>,
    /// The start that recorded it last.
    boot: Option<u64>,
}

impl<'a> Held<'a> {
    /// `None` where the history knows no such point.
    fn of(reader: &'a Reader, id: &PointId, from: Wall) -> Result<Self, HistoryError> {
        let point = reader.point(id.as_str())?;
        Ok(Self { entries: reader.since(&point, from)?.peekable(), now: None, boot: None })
    }

    /// Something was lost: what holds is not known before it changes again.
    fn doubt(&mut self, origin: Origin) -> Result<(), HistoryError> {
        self.before(origin)?;
        self.now = None;
        Ok(())
    }

    /// Its good value just before `origin`.
    fn before(&mut self, origin: Origin) -> Result<Option<f64>, HistoryError> {
        while self.entries.peek().is_some_and(|next| next.as_ref().map_or(true, |next| next.origin < origin))
        {
            self.now = self.entries.next().transpose()?;
            self.boot = self.now.as_ref().map(|now| now.origin.boot).or(self.boot);
        }
        // A start knows nothing of what was before it.
        let now = self.now.as_ref().filter(|now| now.origin.boot == origin.boot);
        let good = now.filter(|now| now.quality() == Quality::Good).and_then(|now| now.value);
        Ok(good.map(Value::as_f64).filter(|value| value.is_finite()))
    }
}

/// The primary response beside a set point, as far as the history has it.
struct Response<'a> {
    held: Option<Held<'a>>,
}

impl<'a> Response<'a> {
    fn of(reader: &'a Reader, setpoint: &SetPoint, from: Wall) -> Result<Self, HistoryError> {
        let point = setpoint.regulating.primary.as_ref().and_then(|primary| primary.told.response.as_ref());
        let held = point.map(|(point, _)| Held::of(reader, &point.id, from)).transpose();
        match held {
            Err(HistoryError::NoPoint { .. }) => Ok(Self { held: None }),
            held => Ok(Self { held: held? }),
        }
    }

    /// What it was just before `origin`: `None` where nobody recorded one since the device started, `Some(None)` where
    /// it was recorded and is not known.
    fn before(&mut self, origin: Origin) -> Result<Option<Option<f64>>, HistoryError> {
        let Some(held) = &mut self.held else { return Ok(None) };
        let value = held.before(origin)?;
        Ok((held.boot == Some(origin.boot)).then_some(value))
    }
}

/// The score of a set point from `from` to `to`, both on the grid of its windows. What is later than `until` is not
/// looked at.
///
/// # Errors
/// Where it is not scored, was never scored, or the history cannot be read.
pub fn day(
    reader: &Reader,
    setpoint: &SetPoint,
    (from, to): (Wall, Wall),
    until: Wall,
) -> Result<Day, ScoreError> {
    let how = &setpoint.regulating;
    let id = &setpoint.point.id;
    let not_scored = || ScoreError::NotScored(id.clone());
    let score = how.score.as_ref().ok_or_else(not_scored)?;
    let (owner, clamp) = how.owner.as_ref().zip(how.clamp.as_ref()).ok_or_else(not_scored)?;
    let rules = score_rules(score);
    let until = until.min(to);
    let mut day = empty(setpoint, &rules, (from, to), until);
    // The move into the first window begins in the one before it.
    let early = Wall::from_millis(from.as_millis().saturating_sub(day.window_s.saturating_mul(1_000)));
    let known = |error| match error {
        HistoryError::NoPoint { .. } => ScoreError::Nothing(id.clone()),
        error => ScoreError::History(error),
    };
    let held = |id: &PointId| Held::of(reader, id, early).map_err(known);
    let (mut asked, mut done) = (held(id)?, held(&setpoint.actual)?);
    let (mut owner, mut clamp) = (held(&owner.id)?, held(&clamp.id)?);
    let mut response = Response::of(reader, setpoint, early)?;
    let marks = reader.point(score.point.id.as_str()).map_err(known)?;
    let before = reader.before(&marks, early)?;
    let mut boot = before.map(|before| before.origin.boot);
    let mut scorer = Scorer::new(rules);
    if boot.is_some() {
        scorer.goes_on();
    }
    let mut over = Vec::new();
    let losses = losses(reader, Range { from: early, to: later(until, day.window_s) })?;
    let mut ahead = losses.iter().peekable();
    let range = Range { from: early, to: Wall::from_millis(until.as_millis().saturating_add(rules.step_ms)) };
    let end = rules.step(until);
    for mark in reader.entries(&marks, range) {
        let Entry { origin, time, value, .. } = mark?;
        let begun = rules.step(time);
        let away = value.and_then(|mark| rules.is_away(begun, mark.as_f64()));
        // Written with another step or window, or out of this day: no step of this score.
        let Some(away) = away.filter(|_| begun <= end) else { continue };
        if boot.replace(origin.boot).is_some_and(|before| before != origin.boot) {
            scorer.restart();
            day.restarts += u64::from(time > from);
        }
        if ahead.next_if(|loss| **loss <= time).is_some() {
            for held in [&mut asked, &mut done, &mut owner, &mut clamp].into_iter().chain(&mut response.held)
            {
                held.doubt(origin)?;
            }
            while ahead.next_if(|loss| **loss <= time).is_some() {}
        }
        let response = response.before(origin)?;
        let did = done.before(origin)?.zip(response.unwrap_or(Some(0.0))).map(|(done, part)| done - part);
        let values = asked.before(origin)?.zip(did);
        let seen = Seen::of(owner.before(origin)?, away, clamp.before(origin)?, values);
        if day.primary && response.is_none() && matches!(seen, Seen::Counts(_)) && time > from {
            day.response_missing += 1;
        }
        over.extend(scorer.take(begun, seen));
        day.draw(Wall::from_millis(begun.saturating_sub(1).saturating_mul(rules.step_ms)), seen, values);
    }
    over.extend(scorer.finish(end));
    day.log(reader)?;
    day.close(over, &rules, &losses);
    Ok(day)
}

fn later(time: Wall, seconds: u64) -> Wall {
    Wall::from_millis(time.as_millis().saturating_add(seconds.saturating_mul(1_000)))
}

/// When the history told that it lost something.
fn losses(reader: &Reader, range: Range) -> Result<Vec<Wall>, HistoryError> {
    let mut losses = Vec::new();
    for event in reader.events(Some(""), range) {
        let event = event?;
        // Samples that never came to the disk, or a part of it that cannot be read.
        let lost = event.detail.get("lost").is_some() || event.detail.get("why").is_some();
        if event.kind == EventKind::History.text() && lost {
            losses.push(event.time);
        }
    }
    Ok(losses)
}

fn empty(setpoint: &SetPoint, rules: &Rules, (from, to): (Wall, Wall), until: Wall) -> Day {
    Day {
        point: setpoint.point.id.clone(),
        unit: setpoint.unit,
        from,
        to,
        until,
        step_ms: rules.step_ms,
        window_s: rules.begins(1).as_millis() / 1_000,
        delay_max_steps: rules.delay_max,
        accuracy_below: rules.accuracy_below,
        confirmed: false,
        primary: setpoint.regulating.primary.is_some(),
        response_missing: 0,
        windows: Vec::new(),
        unrecorded: 0,
        totals: Totals::default(),
        restarts: 0,
        losses: 0,
        commands: BTreeMap::new(),
        hands: Vec::new(),
        hands_more: 0,
        trace: vec![Column::default(); COLUMNS],
    }
}

impl Day {
    fn holds(&self, time: Wall) -> bool {
        (self.from..self.to).contains(&time)
    }

    /// Puts a step that begins at `time` into the trace.
    fn draw(&mut self, time: Wall, seen: Seen, values: Option<(f64, f64)>) {
        if !self.holds(time) {
            return;
        }
        let length = self.to.as_millis().saturating_sub(self.from.as_millis()).max(1);
        let at = time.as_millis().saturating_sub(self.from.as_millis());
        let columns = u64::try_from(COLUMNS).unwrap_or(u64::MAX);
        let at = usize::try_from(at.saturating_mul(columns) / length).unwrap_or(usize::MAX);
        let Some(column) = self.trace.get_mut(at) else { return };
        let wider = |now: Option<(f64, f64)>, value: f64| {
            let (low, high) = now.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        };
        if let Some((asked, done)) = values {
            (column.asked, column.done) = (wider(column.asked, asked), wider(column.done, done));
        }
        match seen {
            Seen::Counts(step) => column.clamped |= step.clamped,
            _ => column.left_out = true,
        }
    }

    /// What the event log has of the day.
    fn log(&mut self, reader: &Reader) -> Result<(), HistoryError> {
        let range = Range { from: self.from, to: self.until };
        let point = self.point.clone();
        for event in reader.events(Some(point.as_str()), range) {
            let event = event?;
            // Midnight is the next day's.
            if !self.holds(event.time) {
                continue;
            }
            let text = |name: &str| event.detail.get(name).and_then(|text| text.as_str()).unwrap_or_default();
            if event.kind == EventKind::Command.text() && event.detail.get("status").is_some() {
                *self.commands.entry(text("status").to_owned()).or_default() += 1;
            } else if event.kind == EventKind::Authority.text() {
                if self.hands.len() < HANDS_MAX {
                    let (owner, why) = (text("owner").to_owned(), text("why").to_owned());
                    self.hands.push(Hand { time: event.time, owner, why });
                } else {
                    self.hands_more += 1;
                }
            }
        }
        Ok(())
    }

    /// Takes the windows of the day, those in which the history lost something as incomplete.
    fn close(&mut self, over: Vec<Scored>, rules: &Rules, losses: &[Wall]) {
        let counted = losses.iter().filter(|loss| (self.from..=self.until).contains(*loss)).count();
        self.losses = u64::try_from(counted).unwrap_or(u64::MAX);
        for mut scored in over {
            if !self.holds(scored.from) {
                continue;
            }
            // It is told after it happened, by the time between two commits or longer.
            let told = scored.from..=later(scored.from, self.window_s.saturating_mul(2));
            let lost = losses.iter().any(|loss| told.contains(loss));
            if lost {
                scored.verdict = Some(Verdict::Incomplete);
            }
            self.totals.add(&scored);
            self.windows.push(Window { lost, scored });
        }
        let all =
            (rules.place(rules.step(self.until)).0).saturating_sub(rules.place(rules.step(self.from)).0);
        let mut told: Vec<Wall> = self.windows.iter().map(|window| window.scored.from).collect();
        told.sort_unstable();
        told.dedup();
        self.unrecorded = all.saturating_sub(u64::try_from(told.len()).unwrap_or(u64::MAX));
    }
}
