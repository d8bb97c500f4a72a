//! One client reads g30v5 from our outstation and from one by opendnp3, each a process of its own.
//!
//! The wheel yadnp3 serves no g30v5 in its class 0, but when asked for it by name; so the client asks both by name. It
//! is the same blocking client for both, hence the time differs from that of the other reads. The wheel is measured as
//! it is shipped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::engine::{FragmentEnd, Size};
use crate::report::Report;
use crate::sessions::Part;
use crate::side::Kind;
use crate::{Failure, meter};

/// Time for one measurement, and reads in it at most.
const TIME_MAX: Duration = Duration::from_secs(2);
const READS_MAX: u32 = 2000;
const PATIENCE: Duration = Duration::from_secs(10);

/// An outstation of opendnp3; ends with this.
struct Peer {
    child: Child,
    address: SocketAddr,
}

impl Peer {
    /// `None` where there is no yadnp3.
    fn start(points: u16) -> Result<Option<Self>, Failure> {
        let Some(python) = std::env::var_os("OPENRTD_PEERS_PYTHON").map(PathBuf::from) else {
            return Ok(None);
        };
        let imports = Command::new(&python).args(["-c", "import opendnp3"]).stderr(Stdio::null()).status();
        if !imports.is_ok_and(|status| status.success()) {
            return Ok(None);
        }
        // Freed again: the peer cannot take port 0.
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/opendnp3_outstation.py");
        let mut child = Command::new(&python)
            .args([script, &address.port().to_string(), &points.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let peer = Self { child, address };
        if line.trim() == "ready" { Ok(Some(peer)) } else { Err("the peer does not start".into()) }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It is ours, and there is nothing left to save in it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that asks for g30v5 by name, confirms what wants it, and counts the objects.
struct Client {
    stream: TcpStream,
    end: FragmentEnd,
    sequence: u8,
}

impl Client {
    fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let begun = Instant::now();
        let stream = loop {
            match TcpStream::connect(address) {
                Ok(stream) => break stream,
                Err(error) if begun.elapsed() > PATIENCE => return Err(error.into()),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream, end: FragmentEnd::master(), sequence: 0 })
    }

    /// Octets of the objects that came, headers included.
    fn read(&mut self) -> Result<usize, Failure> {
        self.sequence = (self.sequence + 1) & 0x0F;
        self.send(&[0xC0 | self.sequence, 1, 30, 5, 6])?;
        let mut objects = 0;
        let mut space = [0; 4096];
        loop {
            let count = self.stream.read(&mut space)?;
            if count == 0 {
                return Err("the outstation has closed the connection".into());
            }
            let mut answers = Vec::new();
            self.end.receive(space.get(..count).unwrap_or_default(), |fragment| {
                if let &[control, 129, _, _, ref rest @ ..] = fragment {
                    answers.push((control, rest.len()));
                }
            });
            let mut over = false;
            for (control, octets) in answers {
                objects += octets;
                self.sequence = control & 0x0F;
                if control & 0x20 != 0 {
                    self.send(&[0xC0 | self.sequence, 0])?;
                }
                over |= control & 0x40 != 0;
            }
            if over {
                return Ok(objects);
            }
        }
    }

    fn send(&mut self, fragment: &[u8]) -> Result<(), Failure> {
        let octets = self.end.encode(fragment);
        Ok(self.stream.write_all(octets)?)
    }

    /// Microseconds a read.
    fn time(&mut self, points: u16) -> Result<f64, Failure> {
        let mut reads = 0;
        let begun = Instant::now();
        while reads < READS_MAX && (begun.elapsed() < TIME_MAX || reads == 0) {
            if self.read()? < 5 * usize::from(points) {
                return Err("not all points came".into());
            }
            reads += 1;
        }
        Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(reads))
    }
}

pub(crate) fn run(report: &mut Report) -> Result<(), Failure> {
    for points in [100, 1000] {
        let (_ours, address) = Part::start(Kind::Ours, (Size::analogs(points), 1), None, None)?;
        let mut ours = Client::connect(address.parse()?)?;
        let peer = Peer::start(points)?;
        let mut theirs = peer.as_ref().map(|peer| Client::connect(peer.address)).transpose()?;
        let (mut of_ours, mut of_theirs) = (Vec::new(), Vec::new());
        for _ in 0..meter::RUNS {
            of_ours.push(ours.time(points)?);
            if let Some(theirs) = &mut theirs {
                of_theirs.push(theirs.time(points)?);
            }
        }
        let what = format!("READ of {points} g30v5 by name, another process, wall clock");
        let row = report.alone(&what, "us/read", meter::median(of_ours));
        row.opendnp3_here = theirs.map(|_| meter::median(of_theirs));
        if row.opendnp3_here.is_none() {
            eprintln!("bench: no yadnp3 here (OPENRTD_PEERS_PYTHON names a Python that has it)");
        }
    }
    Ok(())
}
