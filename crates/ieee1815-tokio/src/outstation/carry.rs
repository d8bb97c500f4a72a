//! One connection of one session: octets in, answers out, and what ends it.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use ieee1815::outstation::Application;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;

use super::OutstationEvent;
use super::peers::Judged;
use super::shared::{News, Over, Shared};
use crate::connection::Connection;
use crate::tls::Refusal;

/// Octets read at once.
const READ_OCTETS: usize = 4096;

thread_local! {
    /// What a thread's tasks read into and write from, one after the other.
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

struct Scratch {
    input: Box<[u8]>,
    output: Vec<u8>,
    /// Where each write in `output` ends.
    ends: Vec<usize>,
}

impl Scratch {
    /// The thread's; a new one where it is in use, which only happens when a task runs inside another.
    fn take() -> Box<Self> {
        SCRATCH.try_with(Cell::take).ok().flatten().unwrap_or_else(|| {
            Box::new(Self { input: vec![0; READ_OCTETS].into(), output: Vec::new(), ends: Vec::new() })
        })
    }

    fn give_back(self: Box<Self>) {
        // A thread that is ending needs it no more.
        let _ = SCRATCH.try_with(|cell| cell.set(Some(self)));
    }
}

/// Why a connection ended.
enum End {
    Over(Over),
    Closed,
    Failed(io::Error),
    WriteTimedOut,
    Withdrawn,
}

/// What a turn of the connection came to.
enum Turn {
    /// The peer is slow: the rest waits for it.
    Rest,
    /// The peer has to be judged again.
    Judge(u64),
    End(End),
}

/// A session's connection.
pub(super) struct Carrier<A> {
    shared: Arc<Shared<A>>,
    connection: Connection,
    session: usize,
    number: u64,
    judged: Judged,
    /// What the peer has not taken yet.
    rest: Vec<u8>,
    /// What it has taken lies in the TLS layer.
    unflushed: bool,
    /// Whoever shuts the driver down waits for it to be dropped.
    _running: watch::Receiver<bool>,
}

impl<A: Application + Send> Carrier<A> {
    /// The carrier of a connection that has just been given `session`.
    pub(super) fn new(shared: Arc<Shared<A>>, connection: Connection, session: usize, number: u64) -> Self {
        let judged = if connection.is_tls() { Judged::Not } else { Judged::NotAtAll };
        let _running = shared.stop.subscribe();
        Self { shared, connection, session, number, judged, rest: Vec::new(), unflushed: false, _running }
    }

    /// Carries until either side ends. `heard` are octets that were read already.
    pub(super) async fn run(mut self, heard: Vec<u8>) {
        let end = self.carry(heard).await;
        let ours = self.shared.release(self.session, self.number);
        let why = match &end {
            End::Over(Over::Replaced) => "a newer connection has the session".to_owned(),
            End::Over(Over::Stopped) => "stopped".to_owned(),
            End::Over(Over::Idle) => "it was silent for too long".to_owned(),
            End::Over(Over::Dead) => "it does not answer at the link layer".to_owned(),
            End::Closed => "closed by the peer".to_owned(),
            End::Failed(error) => Refusal::from_io(error).to_string(),
            End::WriteTimedOut => "it does not take what we send".to_owned(),
            End::Withdrawn => "it is admitted no more".to_owned(),
        };
        self.shared.count(|counters| match end {
            End::Over(Over::Idle | Over::Dead) => counters.idle_timeouts += 1,
            End::WriteTimedOut => counters.write_timeouts += 1,
            End::Withdrawn => counters.withdrawn += 1,
            _ => {}
        });
        if ours {
            self.shared.tell(OutstationEvent::Down { session: self.session, why });
        }
        if matches!(end, End::Over(Over::Stopped | Over::Idle | Over::Dead) | End::Withdrawn) {
            self.connection.close().await;
        }
    }

    async fn carry(&mut self, heard: Vec<u8>) -> End {
        if !heard.is_empty() {
            let mut ends = Vec::new();
            if let Err(over) =
                self.shared.receive(self.session, self.number, &heard, &mut self.rest, &mut ends)
            {
                return End::Over(over);
            }
        }
        loop {
            while self.unflushed || !self.rest.is_empty() {
                let wait = tokio::time::timeout(self.shared.write_timeout, poll_fn(|cx| self.poll_rest(cx)));
                match wait.await {
                    Ok(Ok(())) => {}
                    Ok(Err(end)) => return end,
                    Err(_) => return End::WriteTimedOut,
                }
            }
            match poll_fn(|cx| self.poll_turn(cx)).await {
                Turn::Rest => {}
                Turn::Judge(epoch) => {
                    if !self.is_still_admitted() {
                        return End::Withdrawn;
                    }
                    self.judged = Judged::After(epoch);
                }
                Turn::End(end) => return end,
            }
        }
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        let mut scratch = Scratch::take();
        let turn = self.poll_with(cx, &mut scratch);
        scratch.give_back();
        turn
    }

    fn poll_with(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<Turn> {
        let Scratch { input, output, ends } = scratch;
        loop {
            output.clear();
            ends.clear();
            let mut buffer = ReadBuf::new(input);
            match Pin::new(&mut self.connection).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => {
                    return Poll::Ready(Turn::End(End::Closed));
                }
                Poll::Ready(Ok(())) => {
                    let received =
                        self.shared.receive(self.session, self.number, buffer.filled(), output, ends);
                    if let Err(over) = received {
                        return Poll::Ready(Turn::End(End::Over(over)));
                    }
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Turn::End(End::Failed(error))),
                Poll::Pending => {
                    match self.shared.news(self.session, (self.number, self.judged), cx, output) {
                        News::Nothing => return Poll::Pending,
                        News::Transmit => ends.push(output.len()),
                        News::Judge(epoch) => return Poll::Ready(Turn::Judge(epoch)),
                        News::Over(over) => return Poll::Ready(Turn::End(End::Over(over))),
                    }
                }
            }
            match self.poll_writes(cx, output, ends) {
                Ok(true) => {}
                Ok(false) => return Poll::Ready(Turn::Rest),
                Err(error) => return Poll::Ready(Turn::End(End::Failed(error))),
            }
        }
    }

    /// Writes each fragment by itself, as far as the socket takes it at once; keeps the rest. True when there is
    /// none.
    fn poll_writes(&mut self, cx: &mut Context<'_>, output: &[u8], ends: &[usize]) -> io::Result<bool> {
        let mut at = 0;
        'all: for end in ends.iter().copied() {
            while at < end {
                let Some(octets) = output.get(at..end) else { break 'all };
                match Pin::new(&mut self.connection).poll_write(cx, octets) {
                    Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                    Poll::Ready(Ok(count)) => at += count,
                    Poll::Ready(Err(error)) => return Err(error),
                    Poll::Pending => break 'all,
                }
            }
            match Pin::new(&mut self.connection).poll_flush(cx) {
                Poll::Ready(result) => result?,
                Poll::Pending => {
                    self.unflushed = true;
                    break;
                }
            }
        }
        self.rest.extend_from_slice(output.get(at..).unwrap_or_default());
        Ok(!self.unflushed && self.rest.is_empty())
    }

    /// A step of writing what is left: the time that a peer may take begins anew with each.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        loop {
            match self.shared.news_while_writing(self.session, (self.number, self.judged), cx) {
                News::Over(over) => return Poll::Ready(Err(End::Over(over))),
                News::Judge(_) if !self.is_still_admitted() => return Poll::Ready(Err(End::Withdrawn)),
                News::Judge(epoch) => self.judged = Judged::After(epoch),
                News::Nothing | News::Transmit => break,
            }
        }
        if !self.rest.is_empty() {
            let count = match ready!(Pin::new(&mut self.connection).poll_write(cx, &self.rest)) {
                Ok(0) => return Poll::Ready(Err(End::Failed(io::ErrorKind::WriteZero.into()))),
                Ok(count) => count,
                Err(error) => return Poll::Ready(Err(End::Failed(error))),
            };
            self.rest.drain(..count.min(self.rest.len()));
            self.unflushed = true;
            return Poll::Ready(Ok(()));
        }
        ready!(Pin::new(&mut self.connection).poll_flush(cx)).map_err(End::Failed)?;
        self.unflushed = false;
        // What was kept for a slow peer is given back.
        self.rest = Vec::new();
        Poll::Ready(Ok(()))
    }

    /// Whether the peer of a TLS connection is still one of this session's.
    fn is_still_admitted(&self) -> bool {
        let Some(peers) = self.shared.peers() else { return true };
        let judged = self.connection.judge(&peers.server, peers.client.as_deref());
        judged.is_none_or(|index| index.and_then(|index| peers.session(index)) == Some(self.session))
    }
}

#[cfg(test)]
mod tests {
    use ieee1815::outstation::Outstation;
    use ieee1815::{Command, CommandStatus, Iin, OperateMode};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::sync::mpsc;

    use super::*;
    use crate::outstation::{OutstationConfig, Route};

    struct Nothing;

    impl Application for Nothing {
        fn select(&mut self, _: usize, _: u16, _: &Command) -> CommandStatus {
            CommandStatus::NotSupported
        }

        fn operate(&mut self, _: usize, _: u16, _: &Command, _: OperateMode) -> CommandStatus {
            CommandStatus::NotSupported
        }

        fn write_time(&mut self, _: usize, _: u64) -> bool {
            false
        }

        fn indications(&self, _: usize) -> Iin {
            Iin::NONE
        }
    }

    #[tokio::test]
    async fn a_connections_task_is_small() {
        let config = OutstationConfig::new(vec![Route::new(10, 1)]);
        let (events, _reader) = mpsc::channel(1);
        let outstation = Outstation::new(&[], Vec::new()).unwrap();
        let shared = Arc::new(Shared::new(outstation, Nothing, config, events).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let number = shared.bind(0).unwrap();
        let task = Carrier::new(shared, Connection::tcp(stream), 0, number).run(Vec::new());
        // Thousands of them have to fit.
        let octets = size_of_val(&task);
        assert!(octets <= 640, "{octets}");
    }
}
