//! An outstation of 100 AI and 30 BI with many masters, over TCP and mutual TLS.
//!
//! The two sides are two processes, so that what a side costs is what its process costs: CPU by the clock of the
//! process, session state by its resident memory. All sessions poll at once, as fast as they are answered.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::engine::Size;
use crate::micro::Heap;
use crate::report::{Bar, Report};
use crate::side::Kind;
use crate::{Failure, meter, pki};

const SIZE: Size = Size { analogs: 100, binaries: 30 };
/// Polls of each session in one measurement.
const POLLS: u64 = 10;
/// Sessions of the processes that are compared with: what a process needs once is not counted.
const FIRST: usize = 50;

/// A process that ends with this.
pub(crate) struct Part {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Part {
    /// A side, and the first line that it says.
    pub(crate) fn start(
        kind: Kind,
        (size, masters): (Size, usize),
        tls: Option<&Path>,
        address: Option<&str>,
    ) -> Result<(Self, String), Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("side").arg("--kind").arg(if kind == Kind::Ours { "ours" } else { "floor" });
        command.arg("--analogs").arg(size.analogs.to_string());
        command.arg("--binaries").arg(size.binaries.to_string());
        command.arg("--masters").arg(masters.to_string());
        if let Some(directory) = tls {
            command.arg("--tls").arg(directory);
        }
        if let Some(address) = address {
            command.arg("--address").arg(address);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = child.stdin.take().ok_or("no standard input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no standard output")?);
        let mut part = Self { child, input, output };
        let first = part.line()?;
        Ok((part, first))
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err("a side of the bench has ended".into());
        }
        Ok(line.trim_end().to_owned())
    }

    fn ask(&mut self, what: &str) -> Result<String, Failure> {
        writeln!(self.input, "{what}")?;
        self.line()
    }

    /// Seconds of CPU.
    fn cpu(&mut self) -> Result<f64, Failure> {
        Ok(self.ask("cpu")?.parse::<f64>()? / 1e9)
    }

    /// Octets resident.
    fn memory(&mut self) -> Result<f64, Failure> {
        Ok(self.ask("memory")?.parse()?)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It is ours, and there is nothing left to save in it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Both sides of one kind.
struct Fleet {
    outstation: Part,
    masters: Part,
    sessions: usize,
    /// Octets of state for each session, masters and outstation.
    state: (f64, f64),
}

impl Fleet {
    fn start(kind: Kind, tls: Option<&Path>, sessions: usize) -> Result<Self, Failure> {
        // What a process with a few sessions needs is not counted.
        let before = Self::of(kind, tls, FIRST)?.memory()?;
        let mut fleet = Self::of(kind, tls, FIRST + sessions)?;
        let after = fleet.memory()?;
        let each = |before: f64, after: f64| (after - before) / sessions as f64;
        fleet.state = (each(before.0, after.0), each(before.1, after.1));
        Ok(fleet)
    }

    /// So many sessions, connected.
    fn of(kind: Kind, tls: Option<&Path>, sessions: usize) -> Result<Self, Failure> {
        let (outstation, address) = Part::start(kind, (SIZE, sessions), tls, None)?;
        let (masters, _) = Part::start(kind, (SIZE, sessions), tls, Some(&address))?;
        let mut fleet = Self { outstation, masters, sessions, state: (0.0, 0.0) };
        fleet.connect(sessions)?;
        Ok(fleet)
    }

    fn connect(&mut self, count: usize) -> Result<(), Failure> {
        self.masters.ask(&format!("connect {count}"))?;
        // What grows with the first polls belongs to the state of a session.
        self.masters.ask("run 3")?;
        Ok(())
    }

    fn memory(&mut self) -> Result<(f64, f64), Failure> {
        Ok((self.masters.memory()?, self.outstation.memory()?))
    }

    /// Seconds of CPU for 1,000 polls: masters, outstation.
    fn measure(&mut self) -> Result<(f64, f64), Failure> {
        let before = (self.masters.cpu()?, self.outstation.cpu()?);
        self.masters.ask(&format!("run {POLLS}"))?;
        let after = (self.masters.cpu()?, self.outstation.cpu()?);
        let thousands = (self.sessions as u64 * POLLS) as f64 / 1000.0;
        Ok(((after.0 - before.0) / thousands, (after.1 - before.1) / thousands))
    }
}

pub(crate) fn run(report: &mut Report, sessions: usize) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    pki::make(directory.path(), FIRST + sessions)?;
    let heap = Heap::count()?;
    for tls in [None, Some(directory.path())] {
        one(report, tls, sessions, heap)?;
    }
    Ok(())
}

fn one(report: &mut Report, tls: Option<&Path>, sessions: usize, heap: Heap) -> Result<(), Failure> {
    let over = if tls.is_some() { "mutual TLS" } else { "TCP" };
    let mut ours = Fleet::start(Kind::Ours, tls, sessions)?;
    let mut floor = Fleet::start(Kind::Floor, tls, sessions)?;
    let (mut of_ours, mut of_floor) = (Vec::new(), Vec::new());
    for _ in 0..meter::RUNS {
        of_ours.push(ours.measure()?);
        of_floor.push(floor.measure()?);
    }
    let medians = |side: fn(&(f64, f64)) -> f64| {
        let of = |runs: &[(f64, f64)]| meter::median(runs.iter().map(side).collect());
        (of(&of_ours), of(&of_floor))
    };
    let bar = |at_most: f64| tls.is_some().then_some(Bar::AtMost(at_most));
    let name = |what: &str| format!("{sessions} sessions x (100 AI + 30 BI), {over}: {what}");
    report.beside(&name("CPU of the masters"), "s/1,000 polls", medians(|run| run.0), bar(1.5));
    report.beside(&name("CPU of the outstation"), "s/1,000 polls", medians(|run| run.1), bar(1.5));
    let kib = |octets: f64| octets / 1024.0;
    let masters = (kib(ours.state.0), kib(floor.state.0));
    report.beside(&name("state of a master's session"), "KiB", masters, bar(2.0));
    let points = kib(f64::from(SIZE.analogs + SIZE.binaries) * heap.point_of_a_session);
    let outstation = (kib(ours.state.1) - points, kib(floor.state.1));
    report.beside(
        &name("state of a session at the outstation, its points apart"),
        "KiB",
        outstation,
        bar(2.0),
    );
    report.alone(&name("the points of a session at the outstation"), "KiB", points);
    Ok(())
}
