//! What the machine's loop keeps for those who watch it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use site::Site;
use telemetry::Now;
use telemetry::clock::SystemClock;

use super::{About, ClockNow, Facts, Notify, Snapshot};
use crate::acquire::Drivers;
use crate::clock::{Alarm, Asked, Keeper};
use crate::core::{Core, Record};
use crate::tell::Teller;

/// See the module.
#[derive(Debug)]
pub(crate) struct Observed {
    clock: SystemClock,
    keeper: Keeper,
    /// Has the time servers asked at once.
    ask_again: Arc<tokio::sync::Notify>,
    facts: Arc<Facts>,
    about: About,
    pub(crate) notify: Notify,
    octets: BTreeMap<Arc<str>, (u64, u64)>,
    turns: u64,
}

impl Observed {
    pub(crate) fn new(site: &Site, clock: SystemClock, ask_again: Arc<tokio::sync::Notify>) -> Self {
        Self {
            clock,
            keeper: Keeper::new(site.clock.as_ref().map(|clock| clock.offset_max)),
            ask_again,
            facts: Arc::new(Facts::new(site, clock.now().wall)),
            about: About::new(site),
            notify: Notify::from_environment(),
            octets: BTreeMap::new(),
            turns: 0,
        }
    }

    /// The site is another one from here on.
    pub(crate) fn reconfigure(&mut self, site: &Site) {
        self.facts = Arc::new(Facts::new(site, self.facts.started));
        self.about = About::new(site);
    }

    /// The present with the trust that its stamps have; a clock that was set is told.
    pub(crate) fn now(&mut self, teller: &mut Teller) -> Now {
        let mut alarms = Vec::new();
        let now = self.keeper.present(self.clock.now(), &mut alarms);
        if alarms.iter().any(|alarm| alarm.raised) {
            self.ask_again.notify_one();
        }
        self.tell(alarms, now, teller);
        now
    }

    /// The time servers were asked.
    pub(crate) fn asked(&mut self, asked: Asked, teller: &mut Teller) {
        let mut alarms = Vec::new();
        let now = self.now(teller);
        self.keeper.asked(asked, now.mono, &mut alarms);
        let now = Now { wall_trust: self.keeper.trust(), ..now };
        self.tell(alarms, now, teller);
    }

    fn tell(&self, alarms: Vec<Alarm>, now: Now, teller: &mut Teller) {
        if let Some(history) = &teller.history {
            history.trust(self.keeper.trust());
        }
        for Alarm { kind, raised, text } in alarms {
            let state = if raised { "raised" } else { "cleared" };
            teller.tell(
                &Record::Alarm { time: now.wall, point: None, subject: "".into(), kind, state, text },
                now,
            );
        }
    }

    /// Octets of a master came or went.
    pub(crate) fn octets(&mut self, master: &Arc<str>, received: usize, sent: usize) {
        let counts = self.octets.entry(Arc::clone(master)).or_default();
        counts.0 = counts.0.saturating_add(received as u64);
        counts.1 = counts.1.saturating_add(sent as u64);
    }

    /// The machine has turned: the only place that feeds the service manager's watchdog.
    pub(crate) fn turned(&mut self, now: Now, core: &Core) {
        self.turns = self.turns.saturating_add(1);
        self.notify.turned(now.mono, || status_line(core, now));
    }

    /// When something is to be done here at the latest.
    pub(crate) fn due(&self) -> Option<telemetry::Mono> {
        self.notify.due().into_iter().chain(self.keeper.due()).min()
    }

    /// All that is told of this moment.
    pub(crate) fn snapshot(&self, core: &Core, teller: &Teller, drivers: &Drivers) -> Snapshot {
        let now = self.clock.now();
        let clock = ClockNow {
            offset: self.keeper.offset(now.mono),
            watched: self.keeper.is_watched(),
            trust: self.keeper.trust(),
            unanswered: self.keeper.unanswered(),
            steps: self.keeper.steps(),
        };
        Snapshot {
            facts: Arc::clone(&self.facts),
            watched: core.watch(now),
            links: drivers.counts().collect(),
            octets: self.octets.clone(),
            tally: teller.tally.clone(),
            history: teller.history.as_ref().map(crate::history::History::health),
            clock,
            turns: self.turns,
        }
    }

    /// What the status tells besides.
    pub(crate) fn complete(&self, status: &mut Json, teller: &Teller) {
        let Some(fields) = status.as_object_mut() else { return };
        let alarms = teller.tally.alarms.iter();
        let alarms: Vec<Json> =
            alarms.map(|((kind, _), text)| json!({ "point": null, "kind": kind, "text": text })).collect();
        match fields.get_mut("alarms").and_then(Json::as_array_mut) {
            Some(of_points) => of_points.extend(alarms),
            None => drop(fields.insert("alarms".to_owned(), Json::Array(alarms))),
        }
        fields.insert("clock".to_owned(), self.keeper.status(self.clock.now().mono));
    }

    /// The whole story of a point, and of those that it is made of.
    pub(crate) fn point(&self, core: &Core, request: &Json) -> Result<Json, String> {
        let now = self.clock.now();
        let Some(id) = request.get("point").and_then(Json::as_str) else {
            return Err("`do` = `point` has a field `point`: its id".to_owned());
        };
        let mut stories = Vec::new();
        let mut wanted = vec![id.to_owned()];
        // In the order in which they are met, each once.
        let mut at = 0;
        while let Some(id) = wanted.get(at).cloned() {
            at += 1;
            let Some(mut story) = core.point(&id, now) else { continue };
            self.about.complete(&mut story);
            if let Some(fields) = story.as_object_mut() {
                fields.insert("masters".to_owned(), Json::Array(core.told(&id, now)));
            }
            let derived = story.get("derived").and_then(|derived| derived.get("of"));
            let of = derived.or_else(|| story.get("of")).and_then(Json::as_array).into_iter().flatten();
            for input in of.filter_map(Json::as_str) {
                if !wanted.iter().any(|one| one == input) {
                    wanted.push(input.to_owned());
                }
            }
            stories.push(story);
        }
        if stories.is_empty() {
            return Err(format!("there is no point `{id}`{}", self.about.near(id)));
        }
        let inputs = stories.split_off(1);
        Ok(json!({ "time": now.wall, "point": stories.pop(), "inputs": inputs }))
    }
}

/// One line for people, as `systemctl status` shows it.
pub(crate) fn status_line(core: &Core, now: Now) -> String {
    let watched = core.watch(now);
    let devices = watched.devices.iter().filter(|device| device.up).count();
    let masters = watched.sessions.iter().filter(|session| session.up).count();
    let good = watched.points.iter().filter(|point| point.quality == telemetry::Quality::Good).count();
    format!(
        "{devices} of {} devices up, {good} of {} points good, {masters} of {} masters connected",
        watched.devices.len(),
        watched.points.len(),
        watched.sessions.len()
    )
}
