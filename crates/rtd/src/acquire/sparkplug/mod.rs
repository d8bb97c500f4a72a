//! A Sparkplug B edge node, or a device behind one, heard through an MQTT broker.
//!
//! The broker is only the way: a value is as good as the node's session, and that rests on the chain of messages
//! since its birth (`session`). The connection (`link`) is made anew whenever it breaks; nothing of before survives
//! it.

mod link;
mod payload;
mod session;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use site::{Device, DeviceIx, Sparkplug};
use telemetry::clock::SystemClock;
use telemetry::{Mono, Now};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, sleep_until};

use super::back_off::BackOff;
use super::bounds;
use super::count::Counters;
use crate::core::{DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Reading};
use link::{Link, Said};
use session::{Heard, Session};

/// Listens to a node until nobody listens to `out` any more.
///
/// One report for each message with values, and one for each beat of the poll while there is nothing to be had. It
/// takes no set points.
pub(crate) async fn drive(
    device: Device,
    sparkplug: Sparkplug,
    at: DeviceIx,
    mut writes: mpsc::Receiver<(u64, FieldWrite)>,
    out: mpsc::Sender<FieldEvent>,
    clock: SystemClock,
    counters: Arc<Counters>,
) {
    let mut beat = tokio::time::interval(device.poll);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut driver = Driver {
        session: Session::new(&device, &sparkplug),
        back_off: BackOff::new(&device.id),
        device,
        sparkplug,
        at,
        clock,
        counters,
        link: None,
        latest: Mono::ZERO,
        asked: None,
        begun: Instant::now(),
        begun_mono: clock.now().mono,
    };
    let mut writable = true;
    loop {
        let (due, connect_at) = (driver.due(), driver.connect_at());
        let told = tokio::select! {
            biased;
            () = out.closed() => return,
            write = writes.recv(), if writable => match write {
                Some((request, _)) => {
                    let result = Err("a Sparkplug device takes no set points from here".to_owned());
                    vec![FieldEvent::Written { device: at, request, result }]
                }
                None => {
                    writable = false;
                    Vec::new()
                }
            },
            () = at_last(due) => driver.time(),
            _ = beat.tick() => driver.beat(),
            said = next(&mut driver.link) => driver.said(said),
            () = at_last(connect_at) => driver.connect().await,
        };
        for event in told {
            if out.send(bounds::event(event)).await.is_err() {
                return;
            }
        }
    }
}

async fn next(link: &mut Option<Link>) -> Option<(Now, Said)> {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

async fn at_last(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

struct Driver {
    device: Device,
    sparkplug: Sparkplug,
    at: DeviceIx,
    clock: SystemClock,
    counters: Arc<Counters>,
    session: Session,
    link: Option<Link>,
    back_off: BackOff,
    /// Of the last report: none looks older than one before it.
    latest: Mono,
    /// When the broker was last asked whether it is there.
    asked: Option<Instant>,
    /// One moment on both clocks.
    begun: Instant,
    begun_mono: Mono,
}

impl Driver {
    fn due(&self) -> Option<Instant> {
        Some(self.begun + self.session.due()?.since(self.begun_mono))
    }

    fn connect_at(&self) -> Option<Instant> {
        self.link.is_none().then(|| self.back_off.until().unwrap_or(self.begun))
    }

    async fn connect(&mut self) -> Vec<FieldEvent> {
        match Link::open(&self.device, &self.sparkplug, self.clock).await {
            Ok(link) => {
                self.link = Some(link);
                Vec::new()
            }
            Err(words) => self.broken(&words, self.clock.now()),
        }
    }

    fn said(&mut self, said: Option<(Now, Said)>) -> Vec<FieldEvent> {
        let Some((now, said)) = said else { return self.broken("its connection ended", self.clock.now()) };
        let heard = match said {
            Said::Connected => return self.subscribe(now),
            Said::Subscribed(Ok(())) => {
                self.counters.connected();
                self.back_off.clear();
                self.session.subscribed(now.mono)
            }
            Said::Subscribed(Err(at)) => {
                let topics = self.session.topics();
                let topic = topics.get(at).map_or("", String::as_str);
                return self.broken(&format!("the broker refuses the topic {topic}"), now);
            }
            Said::Message { topic, octets, retained } => {
                self.counters.answered();
                self.session.message(&topic, &octets, retained, now.mono)
            }
            Said::Asked => {
                self.counters.request();
                self.asked = Some(Instant::now());
                Vec::new()
            }
            Said::Answered => {
                let after = self.asked.take().map(|asked| asked.elapsed()).unwrap_or_default();
                self.counters.answer(after);
                self.session.answered()
            }
            Said::Broken(words) => return self.broken(&words, now),
        };
        self.heard(heard, now)
    }

    fn subscribe(&mut self, now: Now) -> Vec<FieldEvent> {
        let topics = self.session.topics();
        let sent = self.link.as_ref().map_or(Ok(()), |link| link.subscribe(topics));
        match sent {
            Ok(()) => Vec::new(),
            Err(words) => self.broken(&words, now),
        }
    }

    fn time(&mut self) -> Vec<FieldEvent> {
        let now = self.clock.now();
        let heard = self.session.time(now.mono);
        self.heard(heard, now)
    }

    /// Drops the connection; what still waits in it is never taken.
    fn broken(&mut self, words: &str, now: Now) -> Vec<FieldEvent> {
        self.link = None;
        let words = bounds::words(format!("{}: {words}", self.sparkplug.address));
        let failure = DeviceFailure { kind: FailureKind::Unreachable, words: words.clone() };
        self.back_off.failed(&failure);
        let heard = self.session.cut(&words);
        self.heard(heard, now)
    }

    fn beat(&mut self) -> Vec<FieldEvent> {
        match self.session.dead().map(str::to_owned) {
            Some(words) => vec![self.down(words, self.clock.now())],
            None => Vec::new(),
        }
    }

    fn heard(&mut self, heard: Vec<Heard>, now: Now) -> Vec<FieldEvent> {
        let mut events = Vec::new();
        for heard in heard {
            match heard {
                Heard::Values(values) => {
                    let readings = values
                        .into_iter()
                        .map(|(at, told)| (at, Reading::Reported(Box::new(bounds::time(told, now.wall)))))
                        .collect();
                    events.push(self.report(FieldOutcome::Readings(readings), now));
                }
                Heard::Down(words) => {
                    tracing::debug!(device = %self.device.id, words, "device failed");
                    events.push(self.down(words, now));
                }
                Heard::AskBirth => {
                    let octets = payload::rebirth(now.wall.as_millis());
                    let topic = self.session.command_topic();
                    let sent = self.link.as_ref().map(|link| link.publish(topic, octets));
                    tracing::debug!(device = %self.device.id, sent = ?sent, "asks the node to be born again");
                }
            }
        }
        events
    }

    fn down(&mut self, words: String, now: Now) -> FieldEvent {
        self.report(FieldOutcome::Failed(DeviceFailure { kind: FailureKind::Unreachable, words }), now)
    }

    fn report(&mut self, outcome: FieldOutcome, now: Now) -> FieldEvent {
        self.latest = self.latest.max(now.mono);
        let now = Now { mono: self.latest, ..now };
        FieldEvent::Report(FieldReport { device: self.at, outcome, sent: now, received: now })
    }
}
