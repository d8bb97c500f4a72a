//! What the operator holds, kept over a restart: a lock that a crash takes off is none.
//!
//! Who holds which set point, why and since when, and until when one is out of service, is written before the order is
//! answered. A file that cannot be read may have held any of them: then all are held until somebody releases them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use site::Site;
use telemetry::{PointId, Wall};

use crate::core::{Action, LASTS_MAX, Operate, TEXT_MAX, Way};
use crate::reload::Kept;

/// One hold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Hold {
    who: String,
    why: String,
    /// Milliseconds since 1970, as `until_ms`.
    since_ms: u64,
    /// Of `inhibit`.
    until_ms: Option<u64>,
}

/// What is done about one set point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Held {
    taken: Option<Hold>,
    inhibited: Option<Hold>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Holds {
    file: PathBuf,
    held: BTreeMap<String, Held>,
}

/// Beside the history, which outlives the machine's restart, or else beside the local socket.
fn place(site: &Site) -> PathBuf {
    let beside: &Path = site.history.as_ref().map_or(&site.socket, |history| &history.path);
    let mut name = beside.as_os_str().to_owned();
    name.push(".holds");
    name.into()
}

impl Holds {
    /// What was held when the device ended, if anything.
    pub(crate) fn read(site: &Site, now: Wall) -> Self {
        let ids: Vec<PointId> = site.setpoints.iter().map(|one| one.point.id.clone()).collect();
        Self::read_from(place(site), &ids, now)
    }

    fn read_from(file: PathBuf, ids: &[PointId], now: Wall) -> Self {
        let text = match std::fs::read(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => b"{}".to_vec(),
            Err(error) => return Self::all(file, ids, &error.to_string(), now),
            Ok(text) => text,
        };
        let mut held: BTreeMap<String, Held> = match serde_json::from_slice(&text) {
            Ok(held) => held,
            Err(error) => return Self::all(file, ids, &error.to_string(), now),
        };
        // The machine takes no other words: such a hold would be lost.
        let is_text = |text: &str| {
            !(text.trim().is_empty() || text.chars().any(char::is_control) || text.len() > TEXT_MAX)
        };
        let is_whole = held
            .values()
            .flat_map(|held| [&held.taken, &held.inhibited])
            .flatten()
            .all(|hold| is_text(&hold.who) && is_text(&hold.why));
        if !is_whole {
            return Self::all(file, ids, "`who` or `why` is no text of one line", now);
        }
        held.retain(|id, held| {
            let is_there = ids.iter().any(|one| one.as_str() == id);
            if !is_there {
                tracing::error!(point = %id, ?held, "it was held before this start, and the site has it no more: dropped");
            }
            is_there
        });
        Self { file, held }
    }

    fn all(file: PathBuf, ids: &[PointId], error: &str, now: Wall) -> Self {
        tracing::error!(file = %file.display(), %error, "who held what cannot be read: every set point is held until it is released");
        let hold = Hold {
            who: "openrtd".to_owned(),
            why: "who held what before this start cannot be read".to_owned(),
            since_ms: now.as_millis(),
            until_ms: None,
        };
        let held = |id: &PointId| (id.to_string(), Held { taken: Some(hold.clone()), inhibited: None });
        Self { file, held: ids.iter().map(held).collect() }
    }

    /// The orders that hold again what was held.
    pub(crate) fn orders(&self, now: Wall) -> Vec<Operate> {
        let order = |id: &String, hold: &Hold, action| {
            let since = Wall::from_millis(hold.since_ms);
            let long = format!("{} (held since {since}, from before this start)", hold.why);
            let why = if long.len() > TEXT_MAX { hold.why.clone() } else { long };
            Operate {
                point: PointId::from(id.as_str()),
                action,
                who: hold.who.as_str().into(),
                why: why.into(),
            }
        };
        let each = |(id, held): (&String, &Held)| {
            let taken = held.taken.as_ref().map(|hold| order(id, hold, Action::Control(Way::Take)));
            let inhibited = held.inhibited.as_ref().and_then(|hold| {
                let left = hold.until_ms.map_or(LASTS_MAX, |until| {
                    Duration::from_millis(until.saturating_sub(now.as_millis())).min(LASTS_MAX)
                });
                (!left.is_zero()).then(|| order(id, hold, Action::Inhibit { lasts: left }))
            });
            [taken, inhibited]
        };
        self.held.iter().flat_map(each).flatten().collect()
    }

    /// Writes down what an order about a set point, which may be done, makes of it.
    ///
    /// # Errors
    /// In words, where it cannot be written: the order is not to be done then.
    pub(crate) fn ordered(&mut self, order: &Operate, now: Wall) -> Result<(), String> {
        let mut held = self.held.clone();
        let of = held.entry(order.point.to_string()).or_default();
        let hold = |until_ms| Hold {
            who: Arc::clone(&order.who).to_string(),
            why: Arc::clone(&order.why).to_string(),
            since_ms: now.as_millis(),
            until_ms,
        };
        match order.action {
            Action::Control(Way::Take) => of.taken = Some(hold(None)),
            Action::Control(Way::GiveBack) => of.taken = None,
            Action::Inhibit { lasts } => {
                let lasts = u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX);
                of.inhibited = Some(hold(Some(now.as_millis().saturating_add(lasts))));
            }
            Action::Release => of.inhibited = None,
            Action::Force { .. } | Action::Control(Way::Local | Way::Schedule) => {}
        }
        held.retain(|_, held| *held != Held::default());
        if held == self.held {
            return Ok(());
        }
        let failed = |error| format!("nothing was done: it cannot be kept over a restart: {error}");
        write(&self.file, &held).map_err(failed)?;
        self.held = held;
        Ok(())
    }

    /// Another configuration runs: what is held is held under its new name, where the site keeps such things now.
    pub(crate) fn moved(&mut self, old: &Site, new: &Site) {
        let kept = Kept::of(old, new);
        let ids = new.setpoints.iter().map(|one| &one.point.id);
        let names = ids.map(|id| (kept.id_before(id).to_string(), id.to_string()));
        self.rename(place(new), &names.collect());
    }

    /// `names` has the new name of each that goes on.
    fn rename(&mut self, file: PathBuf, names: &BTreeMap<String, String>) {
        let held = self.held.iter().filter_map(|(id, held)| Some((names.get(id)?.clone(), held.clone())));
        let held: BTreeMap<String, Held> = held.collect();
        if (&file, &held) == (&self.file, &self.held) {
            return;
        }
        let was = std::mem::replace(&mut self.file, file);
        let moved = was != self.file && was.exists();
        if self.held.is_empty() && held.is_empty() && !moved {
            return;
        }
        self.held = held;
        if let Err(error) = write(&self.file, &self.held) {
            tracing::error!(%error, "what is held stays so, and is lost at a restart");
        } else if moved && let Err(error) = std::fs::remove_file(&was) {
            tracing::warn!(file = %was.display(), %error, "what was held is still written there");
        }
    }
}

fn write(file: &Path, held: &BTreeMap<String, Held>) -> Result<(), String> {
    let failed = |error: String| format!("{}: {error}", file.display());
    let text = serde_json::to_vec_pretty(held).map_err(|error| failed(error.to_string()))?;
    grid::write_atomically(file, &text).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(action: Action) -> Operate {
        Operate { point: PointId::from("a"), action, who: "ann".into(), why: "test".into() }
    }

    #[test]
    fn what_is_held_is_held_again() {
        let folder = tempfile::tempdir().unwrap();
        let (file, ids) = (folder.path().join("holds"), [PointId::from("a")]);
        let (now, later) = (Wall::from_millis(1_000), Wall::from_millis(5_000));
        let mut holds = Holds::read_from(file.clone(), &ids, now);
        holds.ordered(&order(Action::Release), now).unwrap();
        assert!(!file.exists() && holds.orders(now).is_empty(), "nothing to write");
        holds.ordered(&order(Action::Control(Way::Take)), now).unwrap();
        holds.ordered(&order(Action::Inhibit { lasts: Duration::from_secs(10) }), now).unwrap();
        let again = Holds::read_from(file.clone(), &ids, later).orders(later);
        let actions: Vec<Action> = again.iter().map(|order| order.action).collect();
        assert_eq!(actions, [Action::Control(Way::Take), Action::Inhibit { lasts: Duration::from_secs(6) }]);
        assert!(again[0].why.contains("test (held since 1970"), "{}", again[0].why);
        let over = Holds::read_from(file.clone(), &ids, later).orders(Wall::from_millis(11_000));
        assert_eq!(over.len(), 1, "out of service no more");
        holds.ordered(&order(Action::Control(Way::GiveBack)), later).unwrap();
        holds.ordered(&order(Action::Release), later).unwrap();
        assert!(Holds::read_from(file.clone(), &ids, later).orders(later).is_empty());
        holds.ordered(&order(Action::Control(Way::Take)), now).unwrap();
        assert!(Holds::read_from(file, &[], later).orders(later).is_empty(), "of no set point any more");
    }

    #[test]
    fn another_configuration_keeps_what_is_held_under_its_new_name_and_in_its_new_place() {
        let folder = tempfile::tempdir().unwrap();
        let (file, next) = (folder.path().join("holds"), folder.path().join("next"));
        let now = Wall::from_millis(1_000);
        let mut holds = Holds::read_from(file.clone(), &[PointId::from("a")], now);
        let names = |new: &str| BTreeMap::from([("a".to_owned(), new.to_owned())]);
        holds.rename(next.clone(), &names("a"));
        assert!(!next.exists(), "nothing to write");
        holds.rename(file.clone(), &names("a"));
        holds.ordered(&order(Action::Control(Way::Take)), now).unwrap();
        holds.rename(next.clone(), &names("b"));
        assert!(!file.exists());
        let again = Holds::read_from(next.clone(), &[PointId::from("b")], now).orders(now);
        assert_eq!(again.iter().map(|order| order.point.as_str()).collect::<Vec<_>>(), ["b"]);
        holds.rename(next.clone(), &BTreeMap::new());
        assert!(
            Holds::read_from(next, &[PointId::from("b")], now).orders(now).is_empty(),
            "no such set point"
        );
    }

    #[test]
    fn what_cannot_be_read_holds_all_and_what_cannot_be_written_is_not_done() {
        let folder = tempfile::tempdir().unwrap();
        let (file, ids) = (folder.path().join("holds"), [PointId::from("a"), PointId::from("b")]);
        let now = Wall::from_millis(1_000);
        let mute = r#"{"a":{"taken":{"who":"","why":"x","since_ms":1,"until_ms":null},"inhibited":null}}"#;
        std::fs::write(&file, mute).unwrap();
        assert_eq!(Holds::read_from(file.clone(), &ids, now).orders(now).len(), 2);
        std::fs::write(&file, "{ half").unwrap();
        let mut holds = Holds::read_from(file.clone(), &ids, now);
        assert_eq!(holds.orders(now).len(), 2);
        holds.ordered(&order(Action::Control(Way::GiveBack)), now).unwrap();
        assert_eq!(Holds::read_from(file, &ids, now).orders(now).len(), 1, "b stays held");
        let mut nowhere = Holds::read_from(folder.path().join("none/holds"), &ids, now);
        let refused = nowhere.ordered(&order(Action::Control(Way::Take)), now).unwrap_err();
        assert!(refused.contains("nothing was done") && nowhere.orders(now).is_empty(), "{refused}");
    }
}
