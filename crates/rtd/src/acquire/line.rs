//! A serial line that several Modbus RTU devices share: one question at a time, in the order in which they came.
//!
//! RTU numbers nothing: an answer that comes too late looks like the answer to the next question. So a line that did
//! not bring a whole answer is listened to until it is silent before anything is sent over it again. And a unit that
//! owes an answer is first asked for another number of registers than any that it owes (a probe): what then has that
//! length can be no late answer, and whatever came before is thrown away. A unit that answers no probe is left alone
//! for as long as a late answer may take.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use ieee1815_tokio::{Parity, SerialConfig, StopBits};
use serial2_tokio::{CharSize, FlowControl, SerialPort};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_modbus::client::{Client as _, Context, rtu};
use tokio_modbus::slave::SlaveContext as _;
use tokio_modbus::{Error, ExceptionCode, Request, Response, Slave};

use super::count::Counters;
use super::link::LinkError;
use super::plan::REGISTERS_MAX;
use crate::core::FailureKind;

/// Bits of a character: start, eight, parity, stop.
const CHARACTER_BITS: u64 = 11;
/// Above 19,200 bits a second the pause between two frames stays as it is there.
const PAUSE_MIN: Duration = Duration::from_micros(1_750);
/// Silence after which nothing more of a disturbed exchange is expected at once: so many characters, and no less than
/// this.
const SETTLE_CHARACTERS: u64 = 20;
const SETTLE_MIN: Duration = Duration::from_millis(20);
/// A line that talks longer than this without being asked is no use.
const SETTLE_MAX: Duration = Duration::from_secs(1);
/// So often a question is put before the line is given up for this time.
const ROUNDS: usize = 4;
/// So many probes without an answer, and the unit is left alone.
const PROBES_MAX: u32 = 4;
/// No answer comes later than this.
const LATE_MAX: Duration = Duration::from_secs(10);

/// A line.
pub(crate) struct Line {
    config: SerialConfig,
    turn: Mutex<Turn>,
}

/// What whoever has the line has.
#[derive(Default)]
struct Turn {
    port: Option<SerialPort>,
    context: Option<Context>,
    /// The last exchange did not end with its answer.
    unsettled: bool,
    /// When something was last sent or heard.
    last: Option<Instant>,
    owed: BTreeMap<u8, Owed>,
}

/// The answers that a unit owes.
struct Owed {
    /// Where it can be asked for registers.
    input: bool,
    start: u16,
    count: u16,
    /// In registers, the lengths of all answers that may still come.
    lengths: BTreeSet<u16>,
    /// Answers to probes are among them.
    probed: bool,
    /// Probes that brought nothing to go by.
    fruitless: u32,
    /// When it was last asked.
    last: Instant,
}

/// What may be done about a unit that owes answers.
enum Next {
    Ask,
    Probe(Request<'static>),
    LeaveAlone,
}

impl Owed {
    /// A read whose answer can be told from everything owed. Shorter than what was asked before, if that goes: then
    /// the registers are there.
    fn probe(&self) -> Request<'static> {
        let free = |count: &u16| !self.lengths.contains(count);
        let count = (1..self.count).rev().find(free).or_else(|| (self.count..=REGISTERS_MAX).find(free));
        let count = count.unwrap_or(1);
        if self.input {
            Request::ReadInputRegisters(self.start, count)
        } else {
            Request::ReadHoldingRegisters(self.start, count)
        }
    }

    fn next(&self) -> Next {
        if self.last.elapsed() > LATE_MAX {
            Next::Ask
        } else if self.fruitless < PROBES_MAX {
            Next::Probe(self.probe())
        } else {
            Next::LeaveAlone
        }
    }
}

/// How one exchange ended.
enum Heard {
    Answer(Result<Response, ExceptionCode>),
    /// An answer of so many registers, which were not asked for.
    Late(u16),
    /// Something, but not the answer to the question.
    Foreign(String),
    Nothing,
    Lost(io::Error),
}

impl Line {
    pub(crate) fn new(config: SerialConfig) -> Self {
        Self { config, turn: Mutex::default() }
    }

    /// Whether it has these settings.
    pub(crate) fn is_of(&self, config: &SerialConfig) -> bool {
        self.config == *config
    }

    /// One question to one unit, when its turn has come. `limit` counts from then on.
    pub(crate) async fn call(
        &self,
        unit: u8,
        limit: Duration,
        request: &Request<'_>,
        counters: &Counters,
    ) -> Result<Response, LinkError> {
        let mut turn = self.turn.lock().await;
        let mut foreign = String::new();
        for _ in 0..ROUNDS {
            turn.ready(&self.config).await.map_err(|error| self.lost(&error))?;
            let probe = match turn.owed.get(&unit).map_or(Next::Ask, Owed::next) {
                Next::Ask => None,
                Next::Probe(probe) => Some(probe),
                Next::LeaveAlone => {
                    let words = "left alone until none of its late answers can come any more";
                    return Err(LinkError::broken(FailureKind::TimedOut, words));
                }
            };
            let asked = probe.as_ref().unwrap_or(request);
            let sent = Instant::now();
            counters.request();
            match turn.ask(unit, limit, asked).await {
                Heard::Answer(answer) => {
                    counters.answer(sent.elapsed());
                    if probe.is_none() {
                        turn.owed.remove(&unit);
                        return answer.map_err(LinkError::Exception);
                    }
                    turn.probed(unit, asked, answer.err());
                }
                Heard::Late(length) => {
                    turn.owe(unit, asked, probe.is_some());
                    if let Some(owed) = turn.owed.get_mut(&unit) {
                        owed.lengths.remove(&length);
                    }
                    foreign = "an answer of another length".to_owned();
                }
                Heard::Foreign(words) => {
                    turn.owe(unit, asked, probe.is_some());
                    foreign = words;
                }
                Heard::Nothing => {
                    counters.timeout();
                    turn.owe(unit, asked, probe.is_some());
                    turn.fruitless(unit, probe.is_some());
                    let words = format!("no answer within {} ms", limit.as_millis());
                    return Err(LinkError::broken(FailureKind::TimedOut, words));
                }
                Heard::Lost(error) => {
                    turn.owe(unit, asked, probe.is_some());
                    (turn.port, turn.context) = (None, None);
                    return Err(self.lost(&error));
                }
            }
        }
        Err(LinkError::broken(FailureKind::Protocol, format!("not the answer to the question: {foreign}")))
    }

    fn lost(&self, error: &io::Error) -> LinkError {
        LinkError::broken(FailureKind::Unreachable, format!("{}: {error}", self.config))
    }
}

impl Turn {
    /// An open line on which nothing moves.
    async fn ready(&mut self, config: &SerialConfig) -> io::Result<()> {
        if self.port.is_none() {
            (self.port, self.context) = (Some(open(config)?), None);
            self.unsettled = true;
        }
        let Some(port) = &self.port else { return Err(io::ErrorKind::NotConnected.into()) };
        if self.unsettled {
            self.context = None;
            if let Err(error) = settle(port, characters(SETTLE_CHARACTERS, config.baud).max(SETTLE_MIN)).await
            {
                self.port = None;
                return Err(error);
            }
            self.unsettled = false;
            self.last = None;
        }
        if self.context.is_none() {
            self.context = Some(rtu::attach(port.try_clone()?));
        }
        if let Some(last) = self.last {
            // Three and a half characters end a frame.
            sleep_until(last + characters(7, config.baud).div_f64(2.0).max(PAUSE_MIN)).await;
        }
        Ok(())
    }

    async fn ask(&mut self, unit: u8, limit: Duration, request: &Request<'_>) -> Heard {
        let Some(context) = &mut self.context else {
            return Heard::Lost(io::ErrorKind::NotConnected.into());
        };
        // Until there is an answer the line is not to be trusted, even where nobody waits for it any more.
        self.unsettled = true;
        context.set_slave(Slave(unit));
        let heard = match timeout(limit, context.call(request.clone())).await {
            Ok(Ok(Ok(response))) if fits(request, &response) => Heard::Answer(Ok(response)),
            Ok(Ok(Ok(Response::ReadHoldingRegisters(words) | Response::ReadInputRegisters(words)))) => {
                Heard::Late(u16::try_from(words.len()).unwrap_or(u16::MAX))
            }
            Ok(Ok(Ok(_))) => Heard::Foreign("the answer confirms another write".to_owned()),
            Ok(Ok(Err(exception))) => Heard::Answer(Err(exception)),
            Ok(Err(Error::Protocol(error))) => Heard::Foreign(error.to_string()),
            Ok(Err(Error::Transport(error))) if is_garbage(&error) => Heard::Foreign(error.to_string()),
            Ok(Err(Error::Transport(error))) => Heard::Lost(error),
            Err(_) => Heard::Nothing,
        };
        self.unsettled = !matches!(heard, Heard::Answer(_));
        self.last = Some(Instant::now());
        heard
    }

    /// The answer to `request` may still come.
    fn owe(&mut self, unit: u8, request: &Request<'_>, probe: bool) {
        let (input, start, count) = match request {
            Request::ReadInputRegisters(start, count) => (true, *start, *count),
            Request::ReadHoldingRegisters(start, count) => (false, *start, *count),
            // The answer to a write differs from that to any read.
            Request::WriteMultipleRegisters(start, _) => (false, *start, 1),
            _ => (false, 0, 1),
        };
        let last = Instant::now();
        let new = Owed { input, start, count, lengths: BTreeSet::new(), probed: false, fruitless: 0, last };
        let owed = self.owed.entry(unit).or_insert(new);
        owed.last = last;
        owed.probed |= probe;
        if !matches!(request, Request::WriteMultipleRegisters(..)) {
            owed.lengths.insert(count);
        }
    }

    /// A probe was answered. An exception has no length; it is its answer where no other probe can have drawn it,
    /// and where it does not come from a gateway that waited for the unit.
    fn probed(&mut self, unit: u8, probe: &Request<'_>, exception: Option<ExceptionCode>) {
        let Some(owed) = self.owed.get(&unit) else { return };
        let gateway = matches!(
            exception,
            Some(ExceptionCode::GatewayPathUnavailable | ExceptionCode::GatewayTargetDevice)
        );
        if exception.is_none() || !(owed.probed || gateway) {
            self.owed.remove(&unit);
        } else {
            self.owe(unit, probe, true);
            self.fruitless(unit, true);
        }
    }

    fn fruitless(&mut self, unit: u8, probe: bool) {
        if let Some(owed) = self.owed.get_mut(&unit).filter(|_| probe) {
            owed.fruitless = owed.fruitless.saturating_add(1);
        }
    }
}

/// What the decoder makes of octets that are no frame.
fn is_garbage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
    )
}

/// Whether a response can be the answer to this request: the library looks at unit and function only.
fn fits(request: &Request<'_>, response: &Response) -> bool {
    match (request, response) {
        (Request::ReadHoldingRegisters(_, count), Response::ReadHoldingRegisters(words))
        | (Request::ReadInputRegisters(_, count), Response::ReadInputRegisters(words)) => {
            words.len() == usize::from(*count)
        }
        (Request::WriteMultipleRegisters(start, words), Response::WriteMultipleRegisters(at, count)) => {
            at == start && usize::from(*count) == words.len()
        }
        _ => false,
    }
}

/// How long so many characters take.
fn characters(count: u64, baud: u32) -> Duration {
    let bits = count.saturating_mul(CHARACTER_BITS).saturating_mul(1_000_000);
    Duration::from_micros(bits.checked_div(u64::from(baud)).unwrap_or(0))
}

/// Throws away what comes until the line is silent.
async fn settle(port: &SerialPort, silence: Duration) -> io::Result<()> {
    port.discard_output_buffer()?;
    let mut octets = [0; 256];
    let end = Instant::now() + SETTLE_MAX;
    loop {
        match timeout(silence, port.read(&mut octets)).await {
            Err(_) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Ok(Ok(0)) => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the line is gone")),
            Ok(Ok(_)) if Instant::now() >= end => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the line does not fall silent"));
            }
            Ok(Ok(_)) => {}
        }
    }
}

fn open(config: &SerialConfig) -> io::Result<SerialPort> {
    SerialPort::open(&config.path, |mut settings: serial2_tokio::Settings| {
        settings.set_raw();
        settings.set_baud_rate(config.baud)?;
        settings.set_char_size(CharSize::Bits8);
        settings.set_parity(match config.parity {
            Parity::None => serial2_tokio::Parity::None,
            Parity::Odd => serial2_tokio::Parity::Odd,
            Parity::Even => serial2_tokio::Parity::Even,
        });
        settings.set_stop_bits(match config.stop_bits {
            StopBits::One => serial2_tokio::StopBits::One,
            StopBits::Two => serial2_tokio::StopBits::Two,
        });
        settings.set_flow_control(if config.rts_cts { FlowControl::RtsCts } else { FlowControl::None });
        Ok(settings)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_has_a_length_that_nothing_owed_has() {
        let mut turn = Turn::default();
        turn.owe(3, &Request::ReadHoldingRegisters(100, 4), false);
        for wanted in [3, 2, 1, 5, 6] {
            let probe = turn.owed[&3].probe();
            assert_eq!(probe, Request::ReadHoldingRegisters(100, wanted));
            turn.owe(3, &probe, true);
        }
        turn.owe(4, &Request::ReadInputRegisters(7, 1), false);
        assert_eq!(turn.owed[&4].probe(), Request::ReadInputRegisters(7, 2));
        turn.owe(5, &Request::WriteMultipleRegisters(9, vec![1, 2].into()), false);
        assert_eq!(turn.owed[&5].probe(), Request::ReadHoldingRegisters(9, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn exceptions_end_a_doubt_only_where_none_can_be_late() {
        let read = Request::ReadHoldingRegisters(0, 1);
        let refused = Some(ExceptionCode::IllegalDataAddress);
        let mut turn = Turn::default();
        turn.owe(1, &read, false);
        turn.probed(1, &turn.owed[&1].probe(), refused);
        assert!(turn.owed.is_empty());
        turn.owe(1, &read, false);
        turn.owe(1, &turn.owed[&1].probe(), true);
        for _ in 0..PROBES_MAX {
            assert!(matches!(turn.owed[&1].next(), Next::Probe(_)));
            turn.probed(1, &turn.owed[&1].probe(), refused);
        }
        assert!(matches!(turn.owed[&1].next(), Next::LeaveAlone));
        tokio::time::advance(LATE_MAX + Duration::from_millis(1)).await;
        assert!(matches!(turn.owed[&1].next(), Next::Ask));
    }

    #[test]
    fn only_the_answer_to_the_question_fits() {
        let read = Request::ReadHoldingRegisters(0, 2);
        assert!(fits(&read, &Response::ReadHoldingRegisters(vec![1, 2])));
        assert!(!fits(&read, &Response::ReadHoldingRegisters(vec![1])));
        assert!(!fits(&read, &Response::ReadInputRegisters(vec![1, 2])));
        let write = Request::WriteMultipleRegisters(5, vec![1].into());
        assert!(fits(&write, &Response::WriteMultipleRegisters(5, 1)));
        assert!(!fits(&write, &Response::WriteMultipleRegisters(6, 1)));
    }

    #[test]
    fn a_character_has_eleven_bits() {
        assert_eq!(characters(20, 9_600), Duration::from_micros(22_916));
        assert_eq!(characters(1, 0), Duration::ZERO);
    }
}
