//! The task of a place: read what comes after its mark, send it, move the mark; back off where it is away.

use std::path::PathBuf;
use std::time::Duration;

use historian::{Follower, Found, HistoryError, Logged, Mark, Tap};
use serde_json::Value as Json;
use site::Publish;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::link::{Link, LinkError};
use crate::status::{Notice, Status};

/// Samples read at once; what is in memory of a place.
const READ_AT_ONCE: usize = 10_000;
/// Samples sent at once.
const SEND_AT_ONCE: usize = 1_000;
/// Events read and sent at once.
const EVENTS_AT_ONCE: u32 = 500;
/// How long after each batch others have the machine, while there is more to send.
const PAUSE: Duration = Duration::from_millis(20);
/// How often what waits is counted, while there is more to send.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// The wait after the first failure; it doubles with each further one.
const WAIT_MIN: Duration = Duration::from_secs(1);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// How long opening a connection may take, all told.
const OPEN_PATIENCE: Duration = Duration::from_secs(60);
/// How long a place may be away before somebody is told.
const ALARM_AFTER: Duration = Duration::from_secs(60);
/// How long it stays an alarm that something was left out; the place goes on meanwhile.
const REFUSED_TOLD_FOR: Duration = Duration::from_secs(3_600);
/// How long the store may take to write a mark, and how often it is asked.
const MARK_PATIENCE: Duration = Duration::from_secs(10);
const MARK_ASKED_EVERY: Duration = Duration::from_millis(200);

/// The store that is read, and how it tells.
#[derive(Clone, Debug)]
pub struct Source {
    /// The store's file.
    pub path: PathBuf,
    /// What takes the marks.
    pub tap: Tap,
    /// Changes whenever there is something new on the disk.
    pub news: watch::Receiver<()>,
}

/// The tasks of all places, as whoever asks sees them.
#[derive(Debug, Default)]
pub struct Publisher {
    places: Vec<Status>,
}

impl Publisher {
    /// Starts a task for each place; `marks` are how far they have come. They end with `tasks`.
    pub fn start(
        places: &[Publish],
        marks: Vec<Mark>,
        source: &Source,
        notices: &mpsc::Sender<Notice>,
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let mut statuses = Vec::new();
        for (place, mark) in places.iter().zip(marks) {
            let status = Status::new(place);
            statuses.push(status.clone());
            let task = Task {
                place: place.clone(),
                source: source.clone(),
                follower: None,
                mark,
                status,
                notices: notices.clone(),
                away_since: Instant::now(),
                alarm: false,
                refused_until: None,
                lost_told: None,
                counted: None,
            };
            tasks.spawn(task.turn());
        }
        Self { places: statuses }
    }

    /// How each place is, as JSON.
    #[must_use]
    pub fn status(&self) -> Json {
        self.places.iter().map(Status::json).collect()
    }
}

/// Why a session with a place ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    Link(#[from] LinkError),
    #[error("the history cannot be read: {0}")]
    History(#[from] HistoryError),
    #[error("{0}")]
    Other(String),
}

/// What was read to be sent.
struct Read {
    found: Found,
    events: Vec<Logged>,
    waiting: Option<(u64, u64)>,
    lost: (u64, u64),
    unreadable: usize,
}

struct Task {
    place: Publish,
    source: Source,
    follower: Option<Follower>,
    mark: Mark,
    status: Status,
    notices: mpsc::Sender<Notice>,
    away_since: Instant,
    alarm: bool,
    /// Until when the alarm stays because something was left out.
    refused_until: Option<Instant>,
    /// What was lost before this start is no news.
    lost_told: Option<(u64, u64)>,
    /// When what waits was counted last.
    counted: Option<Instant>,
}

/// The wait after so many failures in a row.
fn wait(failures: u32) -> Duration {
    WAIT_MIN.saturating_mul(1 << failures.saturating_sub(1).min(8)).min(WAIT_MAX)
}

impl Task {
    async fn turn(mut self) {
        let mut failures = 0_u32;
        loop {
            let before = self.mark;
            let Err(why) = self.session().await;
            let why = why.to_string();
            failures = if self.mark == before { failures.saturating_add(1) } else { 1 };
            if failures == 1 {
                tracing::warn!(name = %self.place.name, why, "publish: the place is away");
            }
            self.status.change(|counts| (counts.state, counts.why) = ("away", why.clone()));
            self.look().await;
            if self.away_since.elapsed() >= ALARM_AFTER {
                self.raise(format!("{} takes nothing: {why}", self.place.name));
            }
            tokio::time::sleep(wait(failures)).await;
        }
    }

    /// Connects and sends, until something fails.
    async fn session(&mut self) -> Result<std::convert::Infallible, Ended> {
        let opening = tokio::time::timeout(OPEN_PATIENCE, Link::open(&self.place, &self.mark));
        let mut link =
            opening.await.map_err(|_| LinkError("does not answer".to_owned())).and_then(|opened| opened)?;
        if let Some(remote) = link.begins_at() {
            self.mark.remote = remote;
            self.source.tap.mark(&self.place.name, &self.mark);
            self.written().await?;
        }
        let mut news = self.source.news.clone();
        loop {
            news.borrow_and_update();
            let read = self.read(false).await?;
            let nothing = read.found.entries.is_empty() && read.events.is_empty() && !read.found.more;
            self.send(&mut link, read).await?;
            if nothing && news.changed().await.is_err() {
                return Err(Ended::Other("the history has ended".to_owned()));
            }
        }
    }

    async fn send(&mut self, link: &mut Link, read: Read) -> Result<(), Ended> {
        let Read { found, events, .. } = read;
        for samples in found.entries.chunks(SEND_AT_ONCE) {
            let taken = link.samples(samples).await?;
            if let Some((_, entry)) = samples.last() {
                self.mark.entry = entry.origin;
            }
            self.took(taken.remote, |counts| {
                counts.samples += taken.new;
                counts.repeated += taken.repeated;
                counts.refused.0 += taken.refused;
            });
            self.refused(taken.refused, "samples");
            if found.more {
                tokio::time::sleep(PAUSE).await;
            }
        }
        if self.mark.entry != found.to {
            self.mark.entry = found.to;
            self.took(0, |_| ());
        }
        if let Some(last) = events.last() {
            let taken = link.events(&events).await?;
            self.mark.event = last.sequence;
            self.took(taken.remote, |counts| {
                counts.events += taken.new;
                counts.repeated += taken.repeated;
                counts.refused.1 += taken.refused;
            });
            self.refused(taken.refused, "events");
        }
        let caught_up = !found.more;
        if caught_up && events.is_empty() {
            link.caught_up();
        }
        let was_away = self.status.change(|counts| {
            if caught_up {
                counts.waiting = Some((0, 0));
            }
            counts.why.clear();
            std::mem::replace(&mut counts.state, "working") != "working"
        });
        self.away_since = Instant::now();
        if was_away {
            tracing::info!(name = %self.place.name, "publish: the place takes what it is sent");
        }
        let told_long_enough = self.refused_until.is_none_or(|until| Instant::now() >= until);
        if caught_up && self.alarm && told_long_enough {
            (self.alarm, self.refused_until) = (false, None);
            self.notice(false, format!("{} has everything that is there", self.place.name));
        }
        Ok(())
    }

    /// The place has everything up to the mark now.
    fn took(&mut self, remote: u64, count: impl FnOnce(&mut crate::status::Counts)) {
        self.mark.remote = if remote == 0 { self.mark.remote } else { remote };
        self.status.change(count);
        self.source.tap.mark(&self.place.name, &self.mark);
    }

    /// Waits until the store has written the mark.
    async fn written(&mut self) -> Result<(), Ended> {
        let until = Instant::now() + MARK_PATIENCE;
        while Instant::now() < until {
            let name = std::sync::Arc::clone(&self.place.name);
            let found = self.with_follower(move |follower| follower.mark(&name)).await?;
            if found.is_some_and(|(mark, ..)| mark == self.mark) {
                return Ok(());
            }
            tokio::time::sleep(MARK_ASKED_EVERY).await;
        }
        Err(Ended::Other("the history does not write how far this has come".to_owned()))
    }

    /// Asks the store, beside the tasks of the device.
    async fn with_follower<T: Send + 'static>(
        &mut self,
        ask: impl FnOnce(&mut Follower) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, Ended> {
        let (path, follower) = (self.source.path.clone(), self.follower.take());
        let asked = tokio::task::spawn_blocking(move || {
            let mut follower = match follower {
                Some(follower) => follower,
                None => Follower::open(&path)?,
            };
            // One that failed is opened anew.
            ask(&mut follower).map(|answer| (answer, follower))
        });
        let (answer, follower) = asked.await.map_err(|error| Ended::Other(error.to_string()))??;
        self.follower = Some(follower);
        Ok(answer)
    }

    /// Reads what comes next; only counts it where `count_only` says so.
    async fn read(&mut self, count_only: bool) -> Result<Read, Ended> {
        let (mark, name) = (self.mark, std::sync::Arc::clone(&self.place.name));
        let due = count_only || self.counted.is_none_or(|at| at.elapsed() >= COUNT_EVERY);
        let read = self
            .with_follower(move |follower| {
                let (found, events) = if count_only {
                    (Found::default(), Vec::new())
                } else {
                    let found = follower.entries(mark.entry, READ_AT_ONCE)?;
                    (found, follower.events(mark.event, EVENTS_AT_ONCE)?)
                };
                let more = count_only || found.more;
                let waiting = (due && more).then(|| follower.waiting(&mark)).transpose()?;
                let lost = follower.mark(&name)?.map_or((0, 0), |(_, entries, events)| (entries, events));
                Ok(Read { found, events, waiting, lost, unreadable: follower.unreadable() })
            })
            .await?;
        if read.waiting.is_some() {
            self.counted = Some(Instant::now());
        }
        self.status.change(|counts| {
            counts.waiting = read.waiting.or(counts.waiting);
            (counts.lost, counts.unreadable) = (read.lost, read.unreadable);
        });
        let told = *self.lost_told.get_or_insert(read.lost);
        if read.lost != told {
            self.lost_told = Some(read.lost);
            let (samples, events) = (read.lost.0.saturating_sub(told.0), read.lost.1.saturating_sub(told.1));
            tracing::error!(name = %self.place.name, samples, events, "publish: lost, the history is full");
            let text = format!(
                "{samples} samples and {events} events were removed from the history before {} had them",
                self.place.name
            );
            self.raise(text);
        }
        Ok(read)
    }

    /// Counts what waits for a place that is away.
    async fn look(&mut self) {
        if let Err(error) = self.read(true).await {
            tracing::warn!(name = %self.place.name, %error, "publish: cannot count what waits");
        }
    }

    /// What the place can never take was left out: somebody is to see it.
    fn refused(&mut self, count: u64, what: &str) {
        if count > 0 {
            self.alarm = true;
            self.refused_until = Some(Instant::now() + REFUSED_TOLD_FOR);
            self.notice(
                true,
                format!("{count} {what} are too large for {} and were left out", self.place.name),
            );
        }
    }

    fn raise(&mut self, text: String) {
        if !self.alarm {
            self.alarm = true;
            self.notice(true, text);
        }
    }

    fn notice(&self, raised: bool, text: String) {
        // A device that is too busy to hear of it sees it in the status.
        drop(self.notices.try_send(Notice { name: std::sync::Arc::clone(&self.place.name), raised, text }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_is_away_is_asked_ever_less_often() {
        let waits: Vec<u64> =
            [1, 2, 3, 4, 5, 6, 7, 1_000, u32::MAX].map(|failures| wait(failures).as_secs()).into();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30, 30, 30]);
    }
}
