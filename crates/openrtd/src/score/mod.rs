//! `openrtd score`: how well the ISO's set points were followed on a day, out of the history alone.

mod page;
mod plot;
mod told;

use std::path::PathBuf;

use clap::Args;
use config::Source;
use historian::Reader;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rtd::score::{Day, ScoreError, day};
use site::{SetPoint, Site};
use telemetry::Wall;
use telemetry::clock::SystemClock;

use crate::exit::Failure;
use crate::history::failure;
use crate::output::say;
use crate::points;

#[derive(Debug, Args)]
pub(crate) struct Score {
    /// The site file
    site: PathBuf,
    /// The set point's id; not needed where only one is scored
    point: Option<String>,
    /// The day, such as 2026-11-26; without it, today so far
    #[arg(long)]
    day: Option<Date>,
    /// The time zone whose day it is, such as America/Los_Angeles
    #[arg(long, default_value = "UTC", value_parser = zone)]
    zone: TimeZone,
    /// Write a page with a plot to FILE
    #[arg(long, value_name = "FILE", conflicts_with = "json")]
    html: Option<PathBuf>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text).map_err(|_| format!("`{text}` is no time zone, such as UTC or America/Los_Angeles"))
}

/// A report with what its reader has to know of the site.
struct Report<'a> {
    site: &'a Site,
    setpoint: &'a SetPoint,
    date: Date,
    zone: &'a TimeZone,
    day: Day,
}

impl Report<'_> {
    /// A moment of the day, in its zone.
    fn clock(&self, time: Wall) -> String {
        let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        jiff::Timestamp::from_millisecond(millis).map_or_else(
            |_| time.to_string(),
            |time| time.to_zoned_datetime(self.zone.clone()).strftime("%H:%M:%S").to_string(),
        )
    }

    fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

/// See the module.
pub(crate) fn score(arguments: &Score) -> Result<(), Failure> {
    let source = Source::read(&arguments.site)?;
    let site = points::site(&source)?;
    let setpoint = wanted(&site, arguments.point.as_deref()).map_err(Failure::Input)?;
    let Some(history) = &site.history else {
        return Err(Failure::Input(format!(
            "{}: history: has no [history] section, so nothing is recorded; it needs `path = \"history.db\"`",
            arguments.site.display()
        )));
    };
    let now = SystemClock::start().now().wall;
    let zone = &arguments.zone;
    let (date, from, to) = span(arguments.day, zone, now).map_err(Failure::Input)?;
    let (step, window) = setpoint
        .regulating
        .score
        .as_ref()
        .map_or((0, 1), |score| (millis(score.step), millis(score.window).max(1)));
    if from >= now {
        return Err(Failure::Input(format!("--day {date}: has not begun yet")));
    }
    if !from.as_millis().is_multiple_of(window) || !to.as_millis().is_multiple_of(window) {
        let message = format!("--zone {}: its day begins within a window", zone.iana_name().unwrap_or("?"));
        return Err(Failure::Input(message));
    }
    // The last step may be on its way to the disk.
    let until = Wall::from_millis(now.as_millis().saturating_sub(step));
    let reader = Reader::open(&history.path).map_err(failure)?;
    let day = day(&reader, setpoint, (from, to), until).map_err(|error| match error {
        ScoreError::History(error) => failure(error),
        error => Failure::Input(error.to_string()),
    })?;
    something(&day, date).map_err(Failure::Input)?;
    let report = Report { site: &site, setpoint, date, zone, day };
    if let Some(file) = &arguments.html {
        std::fs::write(file, page::page(&report))
            .map_err(|error| Failure::Failed(format!("{}: {error}", file.display())))?;
    }
    let text = if arguments.json {
        serde_json::to_string_pretty(&report.day).map_err(Failure::failed)?
    } else {
        told::told(&report)
    };
    // A reader that went away asks for no more.
    let _ = say(text.trim_end());
    Ok(())
}

/// A day of which nothing is recorded has no report.
fn something(day: &Day, date: Date) -> Result<(), String> {
    if day.windows.is_empty() && day.commands.is_empty() && day.hands.is_empty() {
        return Err(format!("--day {date}: nothing of `{}` is recorded of that day", day.point));
    }
    Ok(())
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The set point that is meant.
fn wanted<'a>(site: &'a Site, id: Option<&str>) -> Result<&'a SetPoint, String> {
    let scored = || site.setpoints.iter().filter(|one| one.regulating.score.is_some());
    let ids: Vec<&str> = scored().map(|one| one.point.id.as_str()).collect();
    match (id, ids.as_slice()) {
        (_, []) => Err("the site scores no set point: `score = {}` in a [[setpoint]] does".to_owned()),
        (None, [_]) => scored().next().ok_or_else(String::new),
        (None, _) => Err(format!("which set point? {}", ids.join(", "))),
        (Some(id), _) => scored()
            .find(|one| one.point.id.as_str() == id)
            .ok_or_else(|| format!("`{id}` is no set point that is scored; scored: {}", ids.join(", "))),
    }
}

/// The date and where it begins and ends.
fn span(date: Option<Date>, zone: &TimeZone, now: Wall) -> Result<(Date, Wall, Wall), String> {
    let no_day = |error: jiff::Error| format!("--day: {error}");
    let wall = |date: Date| {
        let begins = date.to_zoned_datetime(zone.clone()).map_err(no_day)?.timestamp().as_millisecond();
        u64::try_from(begins).map(Wall::from_millis).map_err(|_| "--day: lies before 1970".to_owned())
    };
    let now = jiff::Timestamp::from_millisecond(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
    let today = now.map_err(no_day)?.to_zoned_datetime(zone.clone()).date();
    let date = date.unwrap_or(today);
    Ok((date, wall(date)?, wall(date.tomorrow().map_err(no_day)?)?))
}

#[cfg(test)]
mod tests;
