//! Octets both ways between two connections, until either side ends or takes no more.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

use super::FrontConfig;
use crate::connection::Connection;
use crate::tls::Refusal;

/// Octets on their way in one direction at most.
const PIPE_OCTETS: usize = 4096;
/// How often time-outs are looked at.
const TICK: Duration = Duration::from_millis(250);

/// Why a session ended.
#[derive(Debug)]
pub(super) enum Why {
    Replaced,
    Stopped,
    Withdrawn,
    Idle,
    MasterClosed,
    DeviceClosed,
    MasterFailed(io::Error),
    DeviceFailed(io::Error),
    MasterStuck,
    DeviceStuck,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Replaced => "a newer connection of the same master came",
            Self::Stopped => "stopped",
            Self::Withdrawn => "it is admitted no more",
            Self::Idle => "it was silent for too long",
            Self::MasterClosed => "closed by the master",
            Self::DeviceClosed => "closed by the device",
            Self::MasterFailed(error) => return write!(f, "master: {}", Refusal::from_io(error)),
            Self::DeviceFailed(error) => return write!(f, "device: {}", Refusal::from_io(error)),
            Self::MasterStuck => "the master does not take what the device sends",
            Self::DeviceStuck => "the device does not take what the master sends",
        })
    }
}

/// One direction.
struct Pipe {
    buffer: Box<[u8]>,
    filled: usize,
    written: usize,
    unflushed: bool,
    octets: u64,
    moved: Instant,
}

/// Which side an end of a pipe is.
enum Broken {
    /// The side that is read.
    Source(Option<io::Error>),
    /// The side that is written.
    Sink(io::Error),
}

impl Pipe {
    fn new() -> Self {
        let buffer = vec![0; PIPE_OCTETS].into();
        Self { buffer, filled: 0, written: 0, unflushed: false, octets: 0, moved: Instant::now() }
    }

    /// Carries as far as it goes; what was read in one go is written in one go.
    fn poll(&mut self, from: &mut Connection, to: &mut Connection, cx: &mut Context<'_>) -> Poll<Broken> {
        loop {
            if let Some(octets) = self.buffer.get(self.written..self.filled).filter(|rest| !rest.is_empty()) {
                match Pin::new(&mut *to).poll_write(cx, octets) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Broken::Sink(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(count)) => {
                        self.written += count;
                        self.octets += u64::try_from(count).unwrap_or_default();
                        self.unflushed = true;
                        self.moved = Instant::now();
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Broken::Sink(error)),
                    Poll::Pending => return Poll::Pending,
                }
                continue;
            }
            if self.unflushed {
                match Pin::new(&mut *to).poll_flush(cx) {
                    Poll::Ready(Ok(())) => self.unflushed = false,
                    Poll::Ready(Err(error)) => return Poll::Ready(Broken::Sink(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            let mut buffer = ReadBuf::new(&mut self.buffer);
            match Pin::new(&mut *from).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                    return Poll::Ready(Broken::Source(None));
                }
                Poll::Ready(Ok(())) => {
                    (self.filled, self.written) = (buffer.filled().len(), 0);
                    self.moved = Instant::now();
                }
                // Few say goodbye.
                Poll::Ready(Err(error))
                    if matches!(
                        error.kind(),
                        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset
                    ) =>
                {
                    return Poll::Ready(Broken::Source(None));
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Broken::Source(Some(error))),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// True when something waits for a side that has taken nothing for so long.
    fn is_stuck(&self, limit: Duration) -> bool {
        (self.unflushed || self.written < self.filled) && self.moved.elapsed() >= limit
    }
}

/// A session's two directions.
pub(super) struct Relay<'a> {
    outside: &'a mut Connection,
    inside: &'a mut Connection,
    requests: Pipe,
    responses: Pipe,
    tick: Interval,
    write_timeout: Duration,
    idle_timeout: Option<Duration>,
}

impl<'a> Relay<'a> {
    pub(super) fn new(outside: &'a mut Connection, inside: &'a mut Connection, config: &FrontConfig) -> Self {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (write_timeout, idle_timeout) = (config.write_timeout, config.idle_timeout);
        Self {
            outside,
            inside,
            requests: Pipe::new(),
            responses: Pipe::new(),
            tick,
            write_timeout,
            idle_timeout,
        }
    }

    pub(super) fn outside(&self) -> &Connection {
        self.outside
    }

    /// Octets to the device and from it.
    pub(super) fn octets(&self) -> (u64, u64) {
        (self.requests.octets, self.responses.octets)
    }

    /// Carries until the session is over. Cancellation-safe.
    pub(super) async fn run(&mut self) -> Why {
        poll_fn(|cx| self.poll(cx)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Why> {
        if let Poll::Ready(broken) = self.requests.poll(self.outside, self.inside, cx) {
            return Poll::Ready(match broken {
                Broken::Source(None) => Why::MasterClosed,
                Broken::Source(Some(error)) => Why::MasterFailed(error),
                Broken::Sink(error) => Why::DeviceFailed(error),
            });
        }
        if let Poll::Ready(broken) = self.responses.poll(self.inside, self.outside, cx) {
            return Poll::Ready(match broken {
                Broken::Source(None) => Why::DeviceClosed,
                Broken::Source(Some(error)) => Why::DeviceFailed(error),
                Broken::Sink(error) => Why::MasterFailed(error),
            });
        }
        while self.tick.poll_tick(cx).is_ready() {
            if self.requests.is_stuck(self.write_timeout) {
                return Poll::Ready(Why::DeviceStuck);
            }
            if self.responses.is_stuck(self.write_timeout) {
                return Poll::Ready(Why::MasterStuck);
            }
            let moved = self.requests.moved.max(self.responses.moved);
            if self.idle_timeout.is_some_and(|limit| moved.elapsed() >= limit) {
                return Poll::Ready(Why::Idle);
            }
        }
        Poll::Pending
    }
}
