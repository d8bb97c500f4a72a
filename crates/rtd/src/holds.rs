//! What the operator holds, and which devices may hold what they were told, kept over a restart: a lock that a crash
//! takes off is none, and a device that nobody gives back does for ever what it was told last.
//!
//! Who holds which set point, why and since when, and until when one is out of service, is written before the order is
//! answered. A file that cannot be read may have held any of them: then all are held until somebody releases them, and
//! any device may hold something. The devices are written before what they are told leaves; only when they are others
//! than before, which is rare. What cannot be written is told, and tried again: nobody's plant stands still for that.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use site::Site;
use telemetry::{Mono, PointId, Wall};

use crate::core::{Action, Input, LASTS_MAX, Operate, TEXT_MAX, Way};
use crate::reload::Kept;

/// What could not be written is tried again after this time.
const AGAIN: Duration = Duration::from_secs(60);

/// The set points of a site, each with the devices that carry it out, by id.
type Driven = Vec<(PointId, Vec<Arc<str>>)>;

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
    /// Devices that may hold what they were told for it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    told: BTreeSet<Arc<str>>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Holds {
    file: PathBuf,
    held: BTreeMap<String, Held>,
    /// The devices in it, as the machine last told them.
    told: Vec<(PointId, Arc<str>)>,
    /// When they are written again, which could not be.
    again: Option<Mono>,
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
        let device = |drive: &site::Drive| Some(Arc::clone(&site.devices.get(drive.device.get())?.id));
        let driven = site
            .setpoints
            .iter()
            .map(|one| (one.point.id.clone(), one.drives.iter().filter_map(device).collect()));
        Self::read_from(place(site), &driven.collect(), now)
    }

    fn read_from(file: PathBuf, driven: &Driven, now: Wall) -> Self {
        let text = match std::fs::read(&file) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => b"{}".to_vec(),
            Err(error) => return Self::all(file, driven, &error.to_string(), now),
            Ok(text) => text,
        };
        let mut held: BTreeMap<String, Held> = match serde_json::from_slice(&text) {
            Ok(held) => held,
            Err(error) => return Self::all(file, driven, &error.to_string(), now),
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
            return Self::all(file, driven, "`who` or `why` is no text of one line", now);
        }
        held.retain(|id, held| {
            let Some((_, devices)) = driven.iter().find(|(one, _)| one.as_str() == id) else {
                tracing::error!(point = %id, ?held, "it was held before this start, and the site has it no more: dropped");
                return false;
            };
            held.told.retain(|device| {
                let is_there = devices.contains(device);
                if !is_there {
                    tracing::error!(point = %id, %device, "it may hold what it was told before this start, and drives the set point no more: dropped");
                }
                is_there
            });
            *held != Held::default()
        });
        Self::of(file, held)
    }

    fn of(file: PathBuf, held: BTreeMap<String, Held>) -> Self {
        Self { file, held, told: Vec::new(), again: None }
    }

    fn all(file: PathBuf, driven: &Driven, error: &str, now: Wall) -> Self {
        tracing::error!(file = %file.display(), %error, "who held what cannot be read: every set point is held until it is released, and every device may hold what it was told");
        let hold = Hold {
            who: "openrtd".to_owned(),
            why: "who held what before this start cannot be read".to_owned(),
            since_ms: now.as_millis(),
            until_ms: None,
        };
        let held = |(id, devices): &(PointId, Vec<Arc<str>>)| {
            let told = devices.iter().cloned().collect();
            (id.to_string(), Held { taken: Some(hold.clone()), inhibited: None, told })
        };
        Self::of(file, driven.iter().map(held).collect())
    }

    /// What the machine has to know before anything else of the time before this start.
    pub(crate) fn told_before(&self) -> Option<Input> {
        let each = |(id, held): (&String, &Held)| {
            let id = PointId::from(id.as_str());
            held.told.iter().map(move |device| (id.clone(), Arc::clone(device))).collect::<Vec<_>>()
        };
        let told: Vec<_> = self.held.iter().flat_map(each).collect();
        for (point, device) in &told {
            tracing::warn!(%point, %device, "it may hold what it was told before this start");
        }
        (!told.is_empty()).then_some(Input::ToldBefore(told))
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
        (self.held, self.again) = (held, None);
        Ok(())
    }

    /// Writes down which devices may hold something, where these are others than before; `holding` has each with its
    /// set point. To be called before what they are told leaves.
    pub(crate) fn told<'a>(
        &mut self,
        holding: impl Iterator<Item = (&'a PointId, &'a Arc<str>)> + Clone,
        now: Mono,
    ) {
        let known = self.told.iter().map(|(id, device)| (id.as_str(), &**device));
        let is_same = holding.clone().map(|(id, device)| (id.as_str(), &**device)).eq(known);
        let mut is_due = self.again.is_some_and(|again| again <= now);
        if !is_same {
            self.told = holding.map(|(id, device)| (id.clone(), Arc::clone(device))).collect();
            let mut held = self.held.clone();
            held.values_mut().for_each(|held| held.told.clear());
            for (id, device) in &self.told {
                held.entry(id.to_string()).or_default().told.insert(Arc::clone(device));
            }
            held.retain(|_, held| *held != Held::default());
            is_due |= held != self.held;
            self.held = held;
        }
        if is_due {
            let written = write(&self.file, &self.held);
            self.again = written.is_err().then(|| now.plus(AGAIN));
            if let Err(error) = written {
                tracing::error!(%error, "which devices may hold what they were told is not kept over a restart");
            }
        }
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

    /// Set points that two devices carry out.
    fn driven(ids: &[&str]) -> Driven {
        ids.iter().map(|id| (PointId::from(*id), vec!["d1".into(), "d2".into()])).collect()
    }

    fn pairs(told: &[(&str, &str)]) -> Vec<(PointId, Arc<str>)> {
        told.iter().map(|(id, device)| (PointId::from(*id), Arc::from(*device))).collect()
    }

    /// The machine says that these devices may hold something.
    fn tell(holds: &mut Holds, told: &[(&str, &str)], seconds: u64) {
        let told = pairs(told);
        holds.told(told.iter().map(|(id, device)| (id, device)), Mono::from_millis(seconds * 1_000));
    }

    fn told_before(file: &Path, ids: &[&str]) -> Vec<(PointId, Arc<str>)> {
        match Holds::read_from(file.to_owned(), &driven(ids), Wall::from_millis(1_000)).told_before() {
            None => Vec::new(),
            Some(Input::ToldBefore(told)) => told,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn devices_that_may_hold_something_are_known_again_and_written_only_when_they_are_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("holds");
        let now = Wall::from_millis(1_000);
        let mut holds = Holds::read_from(file.clone(), &driven(&["a", "b"]), now);
        tell(&mut holds, &[], 0);
        assert!(!file.exists(), "nothing to write");
        let two = [("b", "d1"), ("a", "d2")];
        tell(&mut holds, &two, 1);
        assert_eq!(told_before(&file, &["a", "b"]), pairs(&[("a", "d2"), ("b", "d1")]));
        std::fs::remove_file(&file).unwrap();
        tell(&mut holds, &two, 100);
        assert!(!file.exists(), "the same is not written again");
        // Beside what the operator holds, and neither takes the other off.
        holds.ordered(&order(Action::Control(Way::Take)), now).unwrap();
        assert_eq!(told_before(&file, &["a", "b"]), pairs(&[("a", "d2"), ("b", "d1")]));
        tell(&mut holds, &[("b", "d1")], 101);
        assert_eq!(told_before(&file, &["a", "b"]), pairs(&[("b", "d1")]));
        assert_eq!(Holds::read_from(file.clone(), &driven(&["a", "b"]), now).orders(now).len(), 1);
        // A start in which nothing was told yet takes nothing off, either.
        let mut again = Holds::read_from(file.clone(), &driven(&["b"]), now);
        std::fs::remove_file(&file).unwrap();
        tell(&mut again, &[("b", "d1")], 0);
        assert!(!file.exists(), "what was read is written already");
        tell(&mut again, &[], 1);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "{}");
    }

    #[test]
    fn what_the_site_has_no_more_is_dropped_and_what_has_another_name_follows() {
        let folder = tempfile::tempdir().unwrap();
        let (file, next) = (folder.path().join("holds"), folder.path().join("next"));
        let now = Wall::from_millis(1_000);
        std::fs::write(
            &file,
            r#"{"a":{"taken":null,"inhibited":null,"told":["d1","gone"]},"c":{"told":["d1"]}}"#,
        )
        .unwrap();
        assert_eq!(told_before(&file, &["a"]), pairs(&[("a", "d1")]));
        let mut holds = Holds::read_from(file.clone(), &driven(&["a"]), now);
        holds.rename(next.clone(), &BTreeMap::from([("a".to_owned(), "b".to_owned())]));
        assert_eq!((told_before(&next, &["b"]), file.exists()), (pairs(&[("b", "d1")]), false));
        std::fs::remove_file(&next).unwrap();
        tell(&mut holds, &[("b", "d1")], 1);
        assert!(!next.exists(), "it is written already");
    }

    #[test]
    fn a_file_of_before_names_no_device_and_one_that_cannot_be_read_may_name_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("holds");
        let old = r#"{"a":{"taken":{"who":"ann","why":"x","since_ms":1,"until_ms":null},"inhibited":null}}"#;
        std::fs::write(&file, old).unwrap();
        let now = Wall::from_millis(1_000);
        assert_eq!(told_before(&file, &["a"]), []);
        assert_eq!(Holds::read_from(file.clone(), &driven(&["a"]), now).orders(now).len(), 1);
        std::fs::write(&file, "{ half").unwrap();
        assert_eq!(told_before(&file, &["a"]), pairs(&[("a", "d1"), ("a", "d2")]));
    }

    #[test]
    fn what_cannot_be_written_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("later/holds");
        let mut holds = Holds::read_from(file.clone(), &driven(&["a"]), Wall::from_millis(1_000));
        tell(&mut holds, &[("a", "d1")], 1);
        std::fs::create_dir(folder.path().join("later")).unwrap();
        tell(&mut holds, &[("a", "d1")], 60);
        assert!(!file.exists(), "not with each input");
        tell(&mut holds, &[("a", "d1")], 61);
        assert_eq!(told_before(&file, &["a"]), pairs(&[("a", "d1")]));
    }

    fn order(action: Action) -> Operate {
        Operate { point: PointId::from("a"), action, who: "ann".into(), why: "test".into() }
    }

    #[test]
    fn what_is_held_is_held_again() {
        let folder = tempfile::tempdir().unwrap();
        let (file, ids) = (folder.path().join("holds"), driven(&["a"]));
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
        assert!(
            Holds::read_from(file, &driven(&[]), later).orders(later).is_empty(),
            "of no set point any more"
        );
    }

    #[test]
    fn another_configuration_keeps_what_is_held_under_its_new_name_and_in_its_new_place() {
        let folder = tempfile::tempdir().unwrap();
        let (file, next) = (folder.path().join("holds"), folder.path().join("next"));
        let now = Wall::from_millis(1_000);
        let mut holds = Holds::read_from(file.clone(), &driven(&["a"]), now);
        let names = |new: &str| BTreeMap::from([("a".to_owned(), new.to_owned())]);
        holds.rename(next.clone(), &names("a"));
        assert!(!next.exists(), "nothing to write");
        holds.rename(file.clone(), &names("a"));
        holds.ordered(&order(Action::Control(Way::Take)), now).unwrap();
        holds.rename(next.clone(), &names("b"));
        assert!(!file.exists());
        let again = Holds::read_from(next.clone(), &driven(&["b"]), now).orders(now);
        assert_eq!(again.iter().map(|order| order.point.as_str()).collect::<Vec<_>>(), ["b"]);
        holds.rename(next.clone(), &BTreeMap::new());
        assert!(Holds::read_from(next, &driven(&["b"]), now).orders(now).is_empty(), "no such set point");
    }

    #[test]
    fn what_cannot_be_read_holds_all_and_what_cannot_be_written_is_not_done() {
        let folder = tempfile::tempdir().unwrap();
        let (file, ids) = (folder.path().join("holds"), driven(&["a", "b"]));
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
