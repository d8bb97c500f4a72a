//! The recorder: a tap at the machine's door, and a thread that writes.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value as Json, json};
use site::Site;
use telemetry::Now;

use super::frame::{Frames, MAGIC};
use super::header::{Header, Removed};
use super::octets::Put;
use super::{CaptureError, Configuration, Setup, Target, VERSION, codec, folder, kind};
use crate::core::{Input, Output};

/// Records that may wait for the thread, and their octets.
const RECORDS_WAITING_MAX: usize = 8_192;
const OCTETS_WAITING_MAX: usize = 32 * 1024 * 1024;
/// Octets of records in one frame, as far as one record does not need more.
const FRAME_OCTETS: usize = 256 * 1024;
/// Room for the word that the capture ends here.
const END_OCTETS: u64 = 256;
/// How long the last records may take at the end; the program promises to end soon.
const END_PATIENCE: Duration = Duration::from_millis(1_000);

/// What became of a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Recording,
    Full,
    Behind,
    Failed(String),
}

impl State {
    const fn text(&self) -> &'static str {
        match self {
            Self::Recording => "recording",
            Self::Full => "full",
            Self::Behind => "behind",
            Self::Failed(_) => "failed",
        }
    }

    fn why(&self) -> String {
        match self {
            Self::Recording => String::new(),
            Self::Full => "its room is used up; a new one begins with the device".to_owned(),
            Self::Behind => {
                "the disk was too slow for what came in; a new one begins with the device".to_owned()
            }
            Self::Failed(why) => format!("{why}; a new one begins with the device"),
        }
    }
}

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    state: Mutex<State>,
    /// The state is no longer `Recording`.
    ended: AtomicBool,
    waiting: AtomicUsize,
    /// Inputs in the file, and octets.
    written: AtomicU64,
    octets: AtomicU64,
}

impl Shared {
    fn end(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
        self.ended.store(true, Ordering::Release);
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[derive(Debug)]
struct Message {
    records: Vec<u8>,
    inputs: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Recorder {
    shared: Arc<Shared>,
    /// `None` once it ended.
    queue: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<()>>,
    records: Records,
    removed: Removed,
    boot: u64,
    inputs: u64,
    told: bool,
}

impl Recorder {
    /// Makes the file and writes what the machine is made of.
    pub(crate) fn start(setup: &Setup, site: &Site, boot: u64, now: Now) -> Result<Self, CaptureError> {
        let mut removed = Removed::default();
        let header = Header::new(site, &setup.configuration, boot, now, &mut removed)?;
        let header = serde_json::to_vec(&header).map_err(|error| CaptureError::Text(error.to_string()))?;
        let failed = |path: &PathBuf| {
            let path = path.clone();
            move |error| CaptureError::File { path, error }
        };
        let (path, file, room) = match &setup.target {
            Target::File(path) => {
                (path.clone(), folder::create(path, false).map_err(failed(path))?, u64::MAX)
            }
            Target::Folder(path, octets) => folder::begin(path, *octets, now).map_err(failed(path))?,
        };
        let mut writer = Writer { file, frames: Frames::new(), octets: 0, room };
        writer.put(&start_of_file()).map_err(failed(&path))?;
        writer.frame(&record(kind::HEADER, &header)).map_err(failed(&path))?;
        let shared = Arc::new(Shared {
            // Whoever asks for it stands in another folder.
            path: std::path::absolute(&path).unwrap_or_else(|_| path.clone()),
            state: Mutex::new(State::Recording),
            ended: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            written: AtomicU64::new(0),
            octets: AtomicU64::new(writer.octets),
        });
        let (queue, messages) = sync_channel(RECORDS_WAITING_MAX);
        let ours = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("capture".to_owned());
        let thread = thread.spawn(move || writer.run(&messages, &ours)).map_err(failed(&path))?;
        tracing::info!(file = %path.display(), "what comes in is recorded: values, octets, peers' names and addresses");
        let records = Records { last: now };
        let (queue, thread) = (Some(queue), Some(thread));
        Ok(Self { shared, queue, thread, records, removed, boot, inputs: 0, told: false })
    }

    /// Records what is about to be given to the machine: an input that it dies of is in the file.
    pub(crate) fn input(&mut self, input: &Input, now: Now) {
        if self.queue.is_none() {
            return;
        }
        self.inputs += 1;
        let record = self.records.input(input, now);
        self.send(record, 1);
    }

    /// Records another site that the machine is about to run.
    pub(crate) fn site(&mut self, site: &Site, configuration: &Configuration, now: Now) {
        if self.queue.is_none() {
            return;
        }
        let header = Header::new(site, configuration, self.boot, now, &mut self.removed);
        let header = header.and_then(|header| {
            serde_json::to_vec(&header).map_err(|error| CaptureError::Text(error.to_string()))
        });
        match header {
            Ok(header) => {
                self.inputs += 1;
                let record = self.records.site(&header, now);
                self.send(record, 1);
            }
            Err(error) => {
                self.shared.end(State::Failed(error.to_string()));
                self.queue = None;
            }
        }
    }

    /// Records what left the machine because of it.
    pub(crate) fn outputs(&mut self, outputs: &[Output]) {
        if self.queue.is_some() {
            self.send(Records::outputs(outputs), 0);
        }
    }

    /// Never waits. What does not fit ends the capture: one with a hole is none.
    fn send(&mut self, records: Vec<u8>, inputs: u64) {
        let Some(queue) = &self.queue else { return };
        let length = records.len();
        let waiting = self.shared.waiting.fetch_add(length, Ordering::Relaxed);
        if waiting.saturating_add(length) > OCTETS_WAITING_MAX
            || queue.try_send(Message { records, inputs }).is_err()
        {
            if !self.shared.ended.load(Ordering::Acquire) {
                self.shared.end(State::Behind);
            }
            self.queue = None;
        }
    }

    /// Why the capture ended, told once.
    pub(crate) fn news(&mut self) -> Option<String> {
        if self.told || !self.shared.ended.load(Ordering::Acquire) {
            return None;
        }
        self.told = true;
        self.queue = None;
        let why = self.shared.state().why();
        Some(format!("the capture ended, what comes in is not recorded any more: {why}"))
    }

    /// How it is, for whoever asks.
    pub(crate) fn status(&self) -> Json {
        let state = self.shared.state();
        json!({
            "state": state.text(), "why": state.why(), "file": self.shared.path,
            "inputs": self.inputs, "written": self.shared.written.load(Ordering::Relaxed),
            "octets": self.shared.octets.load(Ordering::Relaxed),
        })
    }

    /// Has everything that came written, as far as the disk is quick enough.
    pub(crate) async fn finish(mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let joined = tokio::task::spawn_blocking(move || drop(thread.join()));
            if tokio::time::timeout(END_PATIENCE, joined).await.is_err() {
                tracing::warn!(file = %self.shared.path.display(), "the end of the capture is not written");
            }
        }
    }
}

/// What stands before the first frame.
pub(super) fn start_of_file() -> Vec<u8> {
    let mut start = MAGIC.to_vec();
    start.extend(VERSION.to_le_bytes());
    start
}

/// Makes records. Times are told from one to the next.
#[derive(Debug)]
pub(super) struct Records {
    /// The time of the last input, of the header at first.
    pub(super) last: Now,
}

impl Records {
    pub(super) fn input(&mut self, input: &Input, now: Now) -> Vec<u8> {
        let mut put = Put::default();
        put.now(now, self.last);
        codec::put_input(&mut put, input, now);
        self.last = now;
        record(kind::INPUT, &put.0)
    }

    pub(super) fn site(&mut self, header: &[u8], now: Now) -> Vec<u8> {
        let mut put = Put::default();
        put.now(now, self.last);
        put.0.extend(header);
        self.last = now;
        record(kind::SITE, &put.0)
    }

    pub(super) fn outputs(outputs: &[Output]) -> Vec<u8> {
        record(kind::OUTPUTS, &codec::of_outputs(outputs))
    }
}

pub(super) fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut put = Put(Vec::with_capacity(body.len() + 6));
    put.u8(kind);
    put.octets(body);
    put.0
}

/// The thread's side.
struct Writer {
    file: File,
    frames: Frames,
    octets: u64,
    room: u64,
}

impl Writer {
    fn put(&mut self, octets: &[u8]) -> std::io::Result<()> {
        self.file.write_all(octets)?;
        self.octets = self.octets.saturating_add(octets.len() as u64);
        Ok(())
    }

    fn frame(&mut self, records: &[u8]) -> std::io::Result<()> {
        let frame = self.frames.frame(records)?;
        self.put(&frame)
    }

    /// Writes what waits, at once and many records together: a program that is killed loses next to nothing.
    fn run(mut self, messages: &Receiver<Message>, shared: &Shared) {
        while let Ok(Message { mut records, mut inputs }) = messages.recv() {
            while records.len() < FRAME_OCTETS
                && let Ok(more) = messages.try_recv()
            {
                records.extend(more.records);
                inputs += more.inputs;
            }
            shared.waiting.fetch_sub(records.len(), Ordering::Relaxed);
            // Deflate at its worst is a little longer than what it was given.
            let most = self.octets.saturating_add(records.len() as u64 * 2).saturating_add(END_OCTETS);
            if most > self.room {
                self.end(1);
                return shared.end(State::Full);
            }
            let sound = self.octets;
            if let Err(error) = self.frame(&records) {
                // Half a frame is no frame.
                drop(self.file.set_len(sound));
                return shared.end(State::Failed(error.to_string()));
            }
            shared.written.fetch_add(inputs, Ordering::Relaxed);
            shared.octets.store(self.octets, Ordering::Relaxed);
        }
        let behind = matches!(shared.state(), State::Behind);
        self.end(if behind { 2 } else { 0 });
    }

    /// Says why there is no more. A file that cannot be written says it by its end.
    fn end(&mut self, why: u8) {
        drop(self.frame(&record(kind::END, &[why])));
    }
}
