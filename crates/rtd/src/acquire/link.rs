//! One connection to a device: requests with a time limit, and the walk along SunSpec's chain of models.
//!
//! A connection that gave anything but the answer to its question is not used again: on a stream, everything behind
//! a wrong or late answer may be one too.

use std::borrow::Cow;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use site::{Access, Device, Protocol, Reach, RegisterTable};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_modbus::client::{Client as _, Context, tcp};
use tokio_modbus::{Error, ExceptionCode, Request, Response, Slave};

use super::count::Counters;
use super::line::Line;
use super::plan::{Model, Models, Plan};
use crate::core::{DeviceFailure, FailureKind};

/// Where a SunSpec map may begin, the most usual first.
const SUNSPEC_BASES: [u16; 3] = [40_000, 0, 50_000];
/// `SunS`
const SUNSPEC_MARK: [u16; 2] = [0x5375, 0x6E53];
/// The model number that ends the chain.
const SUNSPEC_END: u16 = 0xFFFF;
/// A chain longer than this has no end.
const MODELS_MAX: usize = 256;

/// Why a request gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkError {
    /// The device refused; the connection is fine.
    Exception(ExceptionCode),
    /// The connection must not be used again.
    Broken(DeviceFailure),
}

impl LinkError {
    pub(crate) fn broken(kind: FailureKind, words: impl Into<String>) -> Self {
        Self::Broken(DeviceFailure { kind, words: words.into() })
    }

    /// As a failure of the whole.
    pub(crate) fn failure(self, what: &str) -> DeviceFailure {
        match self {
            Self::Broken(failure) => failure,
            Self::Exception(code) => {
                DeviceFailure { kind: FailureKind::Exception, words: format!("{what}: {code}") }
            }
        }
    }
}

/// The way that requests go.
enum Way {
    /// A connection of its own.
    Tcp(Context),
    /// A line that others share, and the unit on it.
    Line(Arc<Line>, u8),
}

/// A connection whose device is known.
pub(crate) struct Link {
    way: Way,
    timeout: Duration,
    counters: Arc<Counters>,
    pub(crate) models: Models,
    pub(crate) plan: Plan,
}

impl Link {
    /// Connects, and finds the models of a SunSpec device. `line` is the serial line that the device is on.
    pub(crate) async fn open(
        device: &Device,
        line: Option<&Arc<Line>>,
        counters: &Arc<Counters>,
    ) -> Result<Self, DeviceFailure> {
        let Access::Modbus(modbus) = &device.access else {
            let words = format!("{} is not Modbus", device.protocol);
            return Err(DeviceFailure { kind: FailureKind::Unreachable, words });
        };
        let way = match (&modbus.reach, line) {
            (Reach::Tcp(address), _) => Way::Tcp(connect(*address, modbus.unit_id, device.timeout).await?),
            (Reach::Serial(_), Some(line)) => Way::Line(Arc::clone(line), modbus.unit_id),
            (Reach::Serial(config), None) => {
                let words = format!("{config}: no such line");
                return Err(DeviceFailure { kind: FailureKind::Unreachable, words });
            }
        };
        counters.connected();
        let (timeout, counters) = (device.timeout, Arc::clone(counters));
        let mut link = Self { way, timeout, counters, models: Models::new(), plan: Plan::default() };
        if device.protocol == Protocol::SunSpec {
            link.models = link.discover().await?;
        }
        link.plan = Plan::new(device, &link.models);
        Ok(link)
    }

    async fn discover(&mut self) -> Result<Models, DeviceFailure> {
        for base in SUNSPEC_BASES {
            match self.read(RegisterTable::Holding, base, 2).await {
                Ok(words) if words == SUNSPEC_MARK => return self.chain(base + 2).await,
                Ok(_) | Err(LinkError::Exception(_)) => {}
                Err(LinkError::Broken(failure)) => return Err(failure),
            }
        }
        let words = format!("no SunSpec map at any of {SUNSPEC_BASES:?}");
        Err(DeviceFailure { kind: FailureKind::Protocol, words })
    }

    async fn chain(&mut self, first: u16) -> Result<Models, DeviceFailure> {
        let mut models = Models::new();
        let mut at = first;
        for _ in 0..MODELS_MAX {
            let head = match self.read(RegisterTable::Holding, at, 2).await {
                Ok(head) => head,
                // Some devices end their map without the closing model.
                Err(LinkError::Exception(ExceptionCode::IllegalDataAddress)) if !models.is_empty() => {
                    return Ok(models);
                }
                Err(error) => return Err(error.failure("SunSpec discovery")),
            };
            let &[number, length] = head.as_slice() else { break };
            if number == SUNSPEC_END {
                return Ok(models);
            }
            let address = at.checked_add(2);
            let next = address.and_then(|address| address.checked_add(length));
            let (Some(address), Some(next)) = (address, next) else { break };
            models.entry(number).or_insert(Model { address, length });
            at = next;
        }
        let words = format!("the SunSpec chain of models does not end (register {at})");
        Err(DeviceFailure { kind: FailureKind::Protocol, words })
    }

    pub(crate) async fn read(
        &mut self,
        table: RegisterTable,
        start: u16,
        count: u16,
    ) -> Result<Vec<u16>, LinkError> {
        let request = match table {
            RegisterTable::Holding => Request::ReadHoldingRegisters(start, count),
            RegisterTable::Input => Request::ReadInputRegisters(start, count),
        };
        match self.call(request).await? {
            Response::ReadHoldingRegisters(words) | Response::ReadInputRegisters(words)
                if words.len() == usize::from(count) =>
            {
                Ok(words)
            }
            _ => Err(LinkError::broken(FailureKind::Protocol, "an answer of the wrong length")),
        }
    }

    pub(crate) async fn write(&mut self, start: u16, words: &[u16]) -> Result<(), LinkError> {
        let request = Request::WriteMultipleRegisters(start, Cow::Borrowed(words));
        match self.call(request).await? {
            Response::WriteMultipleRegisters(at, count)
                if at == start && usize::from(count) == words.len() =>
            {
                Ok(())
            }
            _ => Err(LinkError::broken(FailureKind::Protocol, "the answer confirms another write")),
        }
    }

    /// One question, one answer. The library's own `read_holding_registers` asserts what a device sends; this does
    /// not.
    async fn call(&mut self, request: Request<'_>) -> Result<Response, LinkError> {
        let counters = &self.counters;
        let answer = match &mut self.way {
            Way::Tcp(context) => over_tcp(context, self.timeout, request, counters).await,
            Way::Line(line, unit) => line.call(*unit, self.timeout, &request, counters).await,
        };
        if matches!(answer, Err(LinkError::Exception(_))) {
            counters.exception();
        }
        answer
    }
}

async fn connect(address: SocketAddr, unit_id: u8, limit: Duration) -> Result<Context, DeviceFailure> {
    let unreachable = |words: String| DeviceFailure { kind: FailureKind::Unreachable, words };
    let stream = match within(limit, TcpStream::connect(address)).await {
        Some(Ok(stream)) => stream,
        Some(Err(error)) => return Err(unreachable(format!("{address}: {error}"))),
        None => return Err(unreachable(format!("{address}: no connection in time"))),
    };
    stream.set_nodelay(true).map_err(|error| unreachable(format!("{address}: {error}")))?;
    Ok(tcp::attach_slave(stream, Slave(unit_id)))
}

async fn over_tcp(
    context: &mut Context,
    limit: Duration,
    request: Request<'_>,
    counters: &Counters,
) -> Result<Response, LinkError> {
    let sent = Instant::now();
    counters.request();
    let answer = within(limit, context.call(request)).await;
    match answer {
        Some(Ok(answer)) => {
            counters.answer(sent.elapsed());
            answer.map_err(LinkError::Exception)
        }
        Some(Err(Error::Protocol(error))) => {
            let words = format!("not the answer to the question: {error}");
            Err(LinkError::broken(FailureKind::Protocol, words))
        }
        Some(Err(Error::Transport(error))) => Err(transport(&error)),
        None => {
            counters.timeout();
            let words = format!("no answer within {} ms", limit.as_millis());
            Err(LinkError::broken(FailureKind::TimedOut, words))
        }
    }
}

async fn within<F: Future>(limit: Duration, work: F) -> Option<F::Output> {
    tokio::time::timeout(limit, work).await.ok()
}

fn transport(error: &io::Error) -> LinkError {
    use io::ErrorKind as Kind;
    match error.kind() {
        // The library's decoder reports what it cannot read as one of these.
        Kind::InvalidData | Kind::InvalidInput | Kind::UnexpectedEof => {
            LinkError::broken(FailureKind::Protocol, format!("an answer that is not Modbus: {error}"))
        }
        Kind::ConnectionReset | Kind::BrokenPipe | Kind::ConnectionAborted | Kind::NotConnected => {
            LinkError::broken(FailureKind::Unreachable, format!("the connection was lost: {error}"))
        }
        // At an orderly end the library hands on whatever error the system had last.
        _ => LinkError::broken(FailureKind::Unreachable, "the device closed the connection"),
    }
}
