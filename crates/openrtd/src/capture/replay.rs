//! `openrtd replay`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use ieee1815_tokio::{PcapConversation, PcapFile};
use rtd::capture::{Came, End, Replay, Step};
use rtd::core::{Input, MasterIx, Output};
use site::Site;

use super::told;
use super::{Replay as Arguments, failure};
use crate::exit::Failure;
use crate::output::{complain, say};

/// `openrtd replay`.
pub(crate) fn replay(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.file;
    let file = File::open(path).map_err(|error| failure(path, error))?;
    let mut replay =
        Replay::open(BufReader::new(file), arguments.until).map_err(|error| failure(path, error))?;
    let site = replay.header().site().map_err(|error| failure(path, error))?;
    let header = replay.header().clone();
    let mut out = Out::create(arguments, &site)?;
    loop {
        let given = replay.inputs();
        // A machine that dies is what we look for, not an end of ours.
        match catch_unwind(AssertUnwindSafe(|| replay.step())) {
            Ok(Some(step)) => out.step(&step).map_err(|error| failure(&out.path, error))?,
            Ok(None) => break,
            Err(_) => {
                return Err(Failure::Failed(format!(
                    "{}: the machine dies of input {} (see above)",
                    path.display(),
                    given + 1
                )));
            }
        }
    }
    out.finish()?;
    let summary = replay.summary();
    if matches!(summary.end, Some(End::Damaged(_) | End::Unreadable(_))) {
        complain(&format!("warning: {}: {}", path.display(), told::end(&summary)));
    }
    // A reader that went away does not change what was found.
    if arguments.json {
        let _ = say(&told::json(&header, &site, &summary).to_string());
    } else {
        told::lines(&header, &site, &summary).iter().try_for_each(|line| say(line)).ok();
        told::difference(&site, &summary);
    }
    match summary.differences {
        0 => Ok(()),
        1 => Err(Failure::Failed("1 input is answered otherwise than then".to_owned())),
        many => Err(Failure::Failed(format!("{many} inputs are answered otherwise than then"))),
    }
}

/// Where a replay goes besides.
struct Out {
    /// The file of `octets`.
    path: PathBuf,
    octets: Option<BufWriter<File>>,
    pcap: Option<(PcapFile, PathBuf)>,
    sessions: BTreeMap<MasterIx, PcapConversation>,
    listen: SocketAddr,
    journal: bool,
}

impl Out {
    fn create(arguments: &Arguments, site: &Site) -> Result<Self, Failure> {
        let octets = arguments.out.as_ref().map(|path| {
            let file = File::create(path).map_err(|error| failure(path, error))?;
            Ok::<_, Failure>(BufWriter::new(file))
        });
        let pcap = arguments.pcap.as_ref().map(|path| {
            let file = PcapFile::create(path).map_err(|error| failure(path, error))?;
            Ok::<_, Failure>((file, path.clone()))
        });
        Ok(Self {
            path: arguments.out.clone().unwrap_or_default(),
            octets: octets.transpose()?,
            pcap: pcap.transpose()?,
            sessions: BTreeMap::new(),
            listen: site.outstation.listen,
            journal: arguments.journal,
        })
    }

    fn step(&mut self, step: &Step) -> std::io::Result<()> {
        let at = Duration::from_millis(step.now.wall.as_millis());
        if let Came::Input(input) = &step.came {
            self.came(input, at);
        }
        for output in &step.outputs {
            match output {
                Output::Octets { master, octets } => {
                    if let Some(file) = &mut self.octets {
                        file.write_all(octets)?;
                    }
                    if let Some(session) = self.sessions.get_mut(master) {
                        session.sent(at, octets);
                    }
                }
                Output::Record(record) if self.journal => {
                    // A reader that went away wants no more of it.
                    self.journal = serde_json::to_string(record).is_ok_and(|line| say(&line).is_ok());
                }
                Output::Record(_) | Output::Write { .. } => {}
            }
        }
        Ok(())
    }

    fn came(&mut self, input: &Input, at: Duration) {
        let Some((pcap, _)) = &self.pcap else { return };
        match input {
            Input::Connected { master, address, .. } => {
                let ends = address.parse().ok().map(|peer| (self.listen, peer));
                self.sessions.insert(*master, pcap.conversation(ends, at));
            }
            Input::Disconnected { master, .. } => drop(self.sessions.remove(master)),
            Input::Octets { master, octets } => {
                if let Some(session) = self.sessions.get_mut(master) {
                    session.received(at, octets);
                }
            }
            _ => {}
        }
    }

    fn finish(mut self) -> Result<(), Failure> {
        let flushed = self.octets.take().map_or(Ok(()), |mut file| file.flush());
        flushed.map_err(|error| failure(&self.path, error))?;
        self.sessions.clear();
        match self.pcap.take() {
            Some((file, path)) => file.finish().map(drop).map_err(|error| failure(&path, error)),
            None => Ok(()),
        }
    }
}
