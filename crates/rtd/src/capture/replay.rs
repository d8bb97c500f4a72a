//! Gives a machine what came in once, and holds what it sends against what was sent.

use std::io::Read;

use sha2::{Digest as _, Sha256};
use site::Site;
use telemetry::{Now, Wall};

use super::header::Header;
use super::read::{Came, End, Item, Reader};
use super::{CaptureError, codec};
use crate::core::{Core, Output};

/// One input with what followed from it.
#[derive(Debug)]
pub struct Step {
    /// Its number, from 1.
    pub number: u64,
    /// When it came.
    pub now: Now,
    /// What came.
    pub came: Came,
    /// What the machine says to it now.
    pub outputs: Vec<Output>,
    /// Whether that is what left it then.
    pub same: bool,
}

/// The first answer that is not what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The number of the input, from 1.
    pub number: u64,
    /// When it came.
    pub now: Now,
    /// What came.
    pub came: Came,
    /// What left the machine then.
    pub recorded: Vec<Output>,
    /// What leaves it now.
    pub replayed: Vec<Output>,
}

/// What a replay came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Inputs given.
    pub inputs: u64,
    /// The last of them of which the answer is not in the file: the machine may have died of it.
    pub unanswered: bool,
    /// When the last one came.
    pub last: Now,
    /// Writes to masters' sessions, and their octets.
    pub writes: u64,
    /// See `writes`.
    pub octets: u64,
    /// SHA-256 of these octets, with the master and the length of each write.
    pub sha256: String,
    /// Writes to devices.
    pub device_writes: u64,
    /// Inputs that were answered otherwise.
    pub differences: u64,
    /// The first of these.
    pub first: Option<Difference>,
    /// How the file ends; `None` where the replay ended before it.
    pub end: Option<End>,
}

/// See the module.
#[derive(Debug)]
pub struct Replay<R> {
    reader: Reader<R>,
    core: Core,
    site: Site,
    /// Read, and not yet given.
    waiting: Option<(Now, Came)>,
    until: Option<Wall>,
    hash: Sha256,
    summary: Summary,
}

impl<R: Read> Replay<R> {
    /// Builds the machine of a capture. Nothing that came after `until` by the wall clock is given to it.
    ///
    /// # Errors
    /// Where the file is no capture, or the site in it makes no machine.
    pub fn open(source: R, until: Option<Wall>) -> Result<Self, CaptureError> {
        let reader = Reader::open(source)?;
        let site = reader.header().site()?;
        let core = reader.header().core(&site)?;
        Ok(Self::of(reader, core, site, until))
    }

    /// With a machine that is there already.
    pub(super) fn of(reader: Reader<R>, core: Core, site: Site, until: Option<Wall>) -> Self {
        let summary = Summary {
            inputs: 0,
            unanswered: false,
            last: reader.header().now(),
            writes: 0,
            octets: 0,
            sha256: String::new(),
            device_writes: 0,
            differences: 0,
            first: None,
            end: None,
        };
        Self { reader, core, site, waiting: None, until, hash: Sha256::new(), summary }
    }

    /// What it is of.
    pub fn header(&self) -> &Header {
        self.reader.header()
    }

    /// Gives the next input; `None` at the end.
    pub fn step(&mut self) -> Option<Step> {
        let (now, came) = match self.waiting.take() {
            Some(waiting) => waiting,
            None => loop {
                // Answers of nothing are not what we write: there is nothing to hold them against.
                if let Item::Came(now, came) = self.reader.next_item()? {
                    break (now, came);
                }
            },
        };
        if self.until.is_some_and(|until| now.wall > until) {
            self.waiting = Some((now, came));
            return None;
        }
        let outputs = self.give(&came, now);
        let recorded = match self.reader.next_item() {
            Some(Item::Outputs(recorded)) => Some(recorded),
            Some(Item::Came(now, came)) => {
                self.waiting = Some((now, came));
                Some(Vec::new())
            }
            None => None,
        };
        Some(self.compare(now, came, outputs, recorded))
    }

    fn give(&mut self, came: &Came, now: Now) -> Vec<Output> {
        match came {
            Came::Input(input) => self.core.handle(input.clone(), now),
            Came::Site(header) => {
                // One that makes no machine was refused then, too: nothing was changed.
                let Ok(site) = header.site() else { return Vec::new() };
                match self.core.reconfigure(&self.site, &site, now) {
                    Ok(outputs) => {
                        self.site = site;
                        outputs
                    }
                    Err(_) => Vec::new(),
                }
            }
        }
    }

    fn compare(&mut self, now: Now, came: Came, outputs: Vec<Output>, recorded: Option<Vec<Output>>) -> Step {
        let summary = &mut self.summary;
        summary.inputs += 1;
        summary.last = now;
        for output in &outputs {
            match output {
                Output::Octets { master, octets } => {
                    summary.writes += 1;
                    summary.octets = summary.octets.saturating_add(octets.len() as u64);
                    self.hash.update((master.get() as u64).to_le_bytes());
                    self.hash.update((octets.len() as u64).to_le_bytes());
                    self.hash.update(octets);
                }
                Output::Write { .. } => summary.device_writes += 1,
                Output::Record(_) => {}
            }
        }
        let same = match &recorded {
            Some(recorded) => codec::of_outputs(&outputs) == codec::of_outputs(recorded),
            None => {
                summary.unanswered = true;
                true
            }
        };
        if !same {
            summary.differences += 1;
            if summary.first.is_none() {
                summary.first = Some(Difference {
                    number: summary.inputs,
                    now,
                    came: came.clone(),
                    recorded: recorded.unwrap_or_default(),
                    replayed: outputs.iter().filter(|output| left(output)).cloned().collect(),
                });
            }
        }
        Step { number: self.summary.inputs, now, came, outputs, same }
    }

    /// How many inputs it was given.
    pub fn inputs(&self) -> u64 {
        self.summary.inputs
    }

    /// What it came to so far.
    pub fn summary(&self) -> Summary {
        let sha256 = self.hash.clone().finalize().iter().map(|octet| format!("{octet:02x}")).collect();
        Summary { sha256, end: self.reader.end().cloned(), ..self.summary.clone() }
    }
}

/// Whether it leaves the machine for a master or a device.
fn left(output: &Output) -> bool {
    !matches!(output, Output::Record(_))
}
