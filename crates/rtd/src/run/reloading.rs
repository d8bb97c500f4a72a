//! Another site while the device runs: planned, applied, or refused and said why.
//!
//! Reading a file and its certificates takes as long as a disk likes, so it is done beside the machine; what has come
//! of it is then compared with what runs *at that moment* and done in one step. Two that apply at once are one after
//! the other, and the second sees what the first has made.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ieee1815_tokio::TlsHandle;
use serde_json::{Value, json};
use site::{Access, Site};
use telemetry::Mono;
use tokio::sync::{mpsc, oneshot, watch};

use super::{Loop, admission, names};
use crate::capture::Configuration;
use crate::core::Record;
use crate::observe;
use crate::reload::{Candidate, Files, Plan, Reader, Served, sha256};
use crate::serve::Admission;

/// What a request says beside what it wants done.
struct Request {
    file: Option<PathBuf>,
    rescale: bool,
    plan: Option<String>,
}

impl Request {
    /// A field of a wrong type is no field that was left out: whoever names a plan wants exactly that one.
    fn read(request: &Value) -> Result<Self, String> {
        let given = |name: &str| request.get(name).filter(|value| !value.is_null());
        let text = |name: &str| {
            let refused = |value: &Value| format!("`{name}` is {value}, allowed: a text");
            given(name)
                .map(|value| value.as_str().map(str::to_owned).ok_or_else(|| refused(value)))
                .transpose()
        };
        let refused = |value: &Value| format!("`rescale` is {value}, allowed: true, false");
        let rescale =
            given("rescale").map(|value| value.as_bool().ok_or_else(|| refused(value))).transpose()?;
        Ok(Self {
            file: text("file")?.map(PathBuf::from),
            rescale: rescale.unwrap_or(false),
            plan: text("plan")?,
        })
    }
}

/// Requests that may be read for at once.
pub(super) const PREPARED_WAITING_MAX: usize = 16;
/// So long a change waits for a response of several fragments to end.
const BETWEEN_RESPONSES_MAX: Duration = Duration::from_secs(10);

type Reply = oneshot::Sender<Result<Value, String>>;

/// Who wants what.
enum Asked {
    /// To see what would change.
    Plan(Reply),
    /// To have it done: a rescale, too, where the flag is set; only this plan, where one is named.
    Apply { reply: Reply, rescale: bool, plan: Option<String> },
    /// A signal: to have the file that runs done again.
    Hangup,
}

/// A file that was read, or what is wrong with it.
pub(super) struct Prepared {
    asked: Asked,
    file: PathBuf,
    /// How many had been applied when it was read.
    applied: u64,
    result: Result<Box<Ready>, String>,
}

/// All that another site needs.
struct Ready {
    candidate: Candidate,
    files: Files,
    admission: Admission,
}

/// What the loop keeps to be able to change.
pub(super) struct Reloading {
    running: Candidate,
    /// The file that is in force, absolute, by the name that it was given: a link in it may lead elsewhere by the next
    /// time.
    file: PathBuf,
    /// How many were applied since the start.
    applied: u64,
    /// What the ISO may still take an index for.
    served: Served,
    files: Files,
    reader: Reader,
    tls: TlsHandle,
    admission: watch::Sender<Arc<Admission>>,
    prepared: mpsc::Sender<Prepared>,
    /// What waits for its turn between two responses, and until when at the latest.
    waiting: VecDeque<(Prepared, Mono)>,
}

impl Reloading {
    pub(super) fn new(
        running: Candidate,
        reader: Reader,
        tls: TlsHandle,
        admission: watch::Sender<Arc<Admission>>,
        prepared: mpsc::Sender<Prepared>,
    ) -> Self {
        let files = Files::read(&running.site);
        let served = Served::of(&running.site);
        // Where there is no working folder any more only the name is left.
        let file = std::path::absolute(&running.site.file).unwrap_or_else(|_| running.site.file.clone());
        let waiting = VecDeque::new();
        Self { running, file, applied: 0, served, files, reader, tls, admission, prepared, waiting }
    }

    /// When what waits is done whatever is under way.
    pub(super) fn due(&self) -> Option<Mono> {
        self.waiting.front().map(|(_, latest)| *latest)
    }

    /// Reads a file, beside everything else.
    fn prepare(&self, file: PathBuf, asked: Asked) {
        let (reader, out, applied) = (Arc::clone(&self.reader), self.prepared.clone(), self.applied);
        tokio::task::spawn_blocking(move || {
            let result = read(&reader, file.clone());
            // Nobody listens where the device is stopping.
            let _ = out.blocking_send(Prepared { asked, file, applied, result });
        });
    }
}

/// A site that is run without a way to read another.
pub(super) fn alone(site: Site) -> Candidate {
    let sha256 = std::fs::read(&site.file).map(|text| sha256(&text)).unwrap_or_default();
    Candidate { site, findings: Vec::new(), sha256, configuration: Configuration::default() }
}

fn read(reader: &Reader, file: PathBuf) -> Result<Box<Ready>, String> {
    let name = file.display().to_string();
    let candidate = reader(file)?;
    let unusable = |error: ieee1815_tokio::TlsError| format!("{name}: tls: {error}");
    let files = Files::read(&candidate.site);
    let admission = admission(&candidate.site).map_err(unusable)?;
    for device in &candidate.site.devices {
        if let Access::Dnp3(dnp3) = &device.access
            && let Some(tls) = &dnp3.tls
        {
            tls.client().map_err(|error| format!("{name}: device {}: tls: {error}", device.id))?;
        }
    }
    Ok(Box::new(Ready { candidate, files, admission }))
}

impl Loop {
    /// Takes a question that is about another site; gives back any other.
    pub(super) fn ask_reload(&mut self, request: &Value, reply: Reply) -> Option<Reply> {
        let word = request.get("do").and_then(Value::as_str).filter(|word| ["plan", "apply"].contains(word));
        let Some(word) = word else { return Some(reply) };
        let Request { file, rescale, plan } = match Request::read(request) {
            Ok(wanted) => wanted,
            Err(why) => {
                // Whoever asked may be gone.
                let _ = reply.send(Err(why));
                return None;
            }
        };
        let asked = if word == "plan" { Asked::Plan(reply) } else { Asked::Apply { reply, rescale, plan } };
        self.reload.prepare(file.unwrap_or_else(|| self.reload.file.clone()), asked);
        None
    }

    /// The file that runs is to be read again.
    pub(super) fn hangup(&self) {
        self.reload.prepare(self.reload.file.clone(), Asked::Hangup);
    }

    /// Whether a signal's file is not the one in force any more, or was read before that was applied. It is read again
    /// then: what somebody has applied meanwhile is not undone.
    fn is_overtaken(&self, prepared: &Prepared) -> bool {
        matches!(prepared.asked, Asked::Hangup) && prepared.applied != self.reload.applied
    }

    /// A file was read.
    pub(super) fn prepared(&mut self, prepared: Prepared) {
        if self.is_overtaken(&prepared) {
            return self.hangup();
        }
        match prepared {
            Prepared { asked: Asked::Plan(reply), result, .. } => {
                let answer = match &result {
                    Ok(ready) => serde_json::to_value(self.plan(ready)).map_err(|error| error.to_string()),
                    Err(problems) => Ok(json!({ "invalid": problems })),
                };
                // Whoever asked may be gone.
                let _ = reply.send(answer);
            }
            Prepared { asked, file, result: Err(problems), .. } => {
                let answer = json!({ "invalid": problems });
                self.refuse(asked, &file, &problems, answer);
            }
            prepared => {
                let latest = self.clock.now().mono.plus(BETWEEN_RESPONSES_MAX);
                self.reload.waiting.push_back((prepared, latest));
            }
        }
    }

    fn plan(&self, ready: &Ready) -> Plan {
        let Reloading { running, files, served, .. } = &self.reload;
        Plan::new((running, files), (&ready.candidate, &ready.files), served)
    }

    /// Does what waits, where no response is under way.
    pub(super) fn reload_due(&mut self) {
        while let Some((_, latest)) = self.reload.waiting.front() {
            if self.core.is_answering() && *latest > self.clock.now().mono {
                return;
            }
            let Some((prepared, _)) = self.reload.waiting.pop_front() else { return };
            self.apply(prepared);
        }
    }

    fn apply(&mut self, prepared: Prepared) {
        if self.is_overtaken(&prepared) {
            return self.hangup();
        }
        let Prepared { asked, file, result, .. } = prepared;
        let Ok(ready) = result else { return };
        self.observed.notify.reloading();
        self.apply_ready(asked, &file, ready);
        let status = observe::status_line(&self.core, self.clock.now());
        self.observed.notify.ready(&status);
    }

    fn apply_ready(&mut self, asked: Asked, file: &Path, ready: Box<Ready>) {
        let plan = self.plan(&ready);
        let (rescale, named) = match &asked {
            Asked::Apply { rescale, plan, .. } => (*rescale, plan.clone()),
            Asked::Plan(_) | Asked::Hangup => (false, None),
        };
        let another = named.filter(|named| *named != plan.plan).map(|named| {
            format!("nothing was changed: the plan is {} by now, not {named}; see `openrtd plan`", plan.plan)
        });
        let refused = match another {
            Some(why) => Err(why),
            None => plan.permitted(rescale),
        };
        if let Err(why) = refused.and_then(|()| self.become_site(*ready, file, &plan, asked.by())) {
            let answer = json!({ "refused": why, "plan": plan });
            return self.refuse(asked, file, &why, answer);
        }
        if let Asked::Apply { reply, .. } = asked {
            let _ = reply.send(Ok(json!({ "applied": true, "plan": plan })));
        }
    }

    /// Runs another site from now on, or says why not and changes nothing.
    fn become_site(
        &mut self,
        ready: Ready,
        file: &Path,
        plan: &Plan,
        by: &'static str,
    ) -> Result<(), String> {
        let Ready { candidate, files, admission } = ready;
        let now = self.now();
        if !plan.changes.is_empty() {
            let (old, new) = (&self.reload.running.site, &candidate.site);
            if let Some(recorder) = &mut self.recorder {
                recorder.site(new, &candidate.configuration, now);
            }
            let outputs = self.core.reconfigure(old, new, now);
            if let Some(recorder) = &mut self.recorder {
                recorder.outputs(outputs.as_deref().unwrap_or_default());
            }
            let outputs = outputs.map_err(|error| format!("nothing was changed: points: {error}"))?;
            let same_files = |device: &site::Device| self.reload.files.same_of_device(&files, &device.id);
            self.drivers.reconfigure(&new.devices, same_files);
            let admission = Arc::new(admission);
            self.reload.tls.replace(Arc::clone(&admission.tls));
            self.reload.admission.send_replace(admission);
            let masters = names(new);
            // Whoever has no place any more, or none that is up, loses its sender, and with it the session.
            let live = std::mem::take(&mut self.live).into_values().filter_map(|(session, writes)| {
                let master = *masters.get(&session.master)?;
                self.core.is_up(master).then_some((master, (session, writes)))
            });
            self.live = live.collect();
            self.masters = masters;
            self.holds.moved(old, new);
            self.teller.reconfigure(new);
            self.observed.reconfigure(new);
            self.told(plan, by, now);
            self.outputs(outputs, now);
        } else if plan.running != plan.sha256 {
            self.told(plan, by, now);
        } else {
            tracing::info!(by, file = %file.display(), "read again, nothing changed");
        }
        self.reload.served.remember(&candidate.site);
        (self.reload.running, self.reload.files) = (candidate, files);
        self.reload.file = file.to_owned();
        self.reload.applied = self.reload.applied.wrapping_add(1);
        Ok(())
    }

    fn told(&mut self, plan: &Plan, by: &'static str, now: telemetry::Now) {
        let record = Record::Configuration {
            time: now.wall,
            state: "applied",
            by,
            file: plan.file.clone(),
            before: plan.running.clone(),
            sha256: plan.sha256.clone(),
            changes: plan.changes.iter().map(ToString::to_string).collect(),
            why: String::new(),
        };
        self.teller.tell(&record, now);
    }

    /// Says that nothing was changed, to whoever asked and to the journal.
    fn refuse(&mut self, asked: Asked, file: &Path, why: &str, answer: Value) {
        let now = self.now();
        let record = Record::Configuration {
            time: now.wall,
            state: "refused",
            by: asked.by(),
            file: file.to_owned(),
            before: self.reload.running.sha256.clone(),
            sha256: self.reload.running.sha256.clone(),
            changes: Vec::new(),
            why: why.to_owned(),
        };
        self.teller.tell(&record, now);
        if let Asked::Plan(reply) | Asked::Apply { reply, .. } = asked {
            let _ = reply.send(Ok(answer));
        }
    }
}

impl Asked {
    const fn by(&self) -> &'static str {
        match self {
            Self::Plan(_) => "plan",
            Self::Apply { .. } => "apply",
            Self::Hangup => "signal",
        }
    }
}
