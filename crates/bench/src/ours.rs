//! Ours over sockets: the outstation with its driver, the master's state machine on a connection.

use std::future::{Future as _, poll_fn};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ieee1815::Classes;
use ieee1815_tokio::{Connection, OutstationConfig, OutstationDriver, OutstationHandle, Route};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::Failure;
use crate::engine::{ADDRESS, MasterEnd, Plant, Size, master_address, outstation, points};
use crate::pki;

/// Octets read at once.
const READ_OCTETS: usize = 4096;
/// How long a timer runs while nothing is awaited.
const IDLE: Duration = Duration::from_secs(1);
/// A write: the largest fragment in its frames.
const WRITE_OCTETS: usize = 2560;

thread_local! {
    /// What is about to be written; sessions on one thread take turns.
    static WRITE: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

fn spare() -> Vec<u8> {
    let mut buffer = WRITE.take();
    buffer.reserve(WRITE_OCTETS);
    buffer
}

/// A master with its connection.
#[derive(Debug)]
pub(crate) struct MasterSession {
    pub(crate) end: MasterEnd,
    connection: Connection,
    origin: Instant,
    timer: Pin<Box<Sleep>>,
}

impl MasterSession {
    /// After the start-up.
    pub(crate) async fn start(connection: Connection, size: Size, number: usize) -> Result<Self, Failure> {
        let end = MasterEnd::new(size, master_address(number)?, Duration::ZERO);
        let timer = Box::pin(sleep(IDLE));
        let mut session = Self { end, connection, origin: Instant::now(), timer };
        while !session.end.started() {
            session.turn().await?;
            session.end.take()?;
        }
        Ok(session)
    }

    /// One read.
    pub(crate) async fn poll(&mut self, classes: Classes) -> Result<(), Failure> {
        self.end.ask(classes, self.origin.elapsed())?;
        loop {
            self.turn().await?;
            if self.end.take()? {
                return Ok(());
            }
        }
    }

    async fn turn(&mut self) -> Result<(), Failure> {
        self.write().await?;
        poll_fn(|context| self.poll_receive(context)).await?;
        // The confirm of the last fragment.
        self.write().await
    }

    /// Reads what there is, until the master's deadline. A session keeps no buffer while it waits, and one timer that
    /// is moved only when it has run out.
    fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        let mut space = [MaybeUninit::uninit(); READ_OCTETS];
        let mut buffer = ReadBuf::uninit(&mut space);
        if let Poll::Ready(read) = Pin::new(&mut self.connection).poll_read(context, &mut buffer) {
            read?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Err("the outstation has closed the connection".into()));
            }
            self.end.receive(buffer.filled(), self.origin.elapsed());
            return Poll::Ready(Ok(()));
        }
        while self.timer.as_mut().poll(context).is_ready() {
            let deadline = self.origin + self.end.master.timeout().unwrap_or(IDLE);
            if deadline <= Instant::now() {
                return Poll::Ready(Err("no answer in time".into()));
            }
            self.timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    async fn write(&mut self) -> Result<(), Failure> {
        let mut out = spare();
        while self.end.transmit(&mut out) {
            self.connection.write_fragment(&out).await?;
        }
        WRITE.set(out);
        Ok(())
    }
}

/// An outstation behind the driver of `ieee1815-tokio`, listening; and where.
pub(crate) async fn listen(
    size: Size,
    tls: Option<&Path>,
    masters: usize,
) -> Result<(OutstationHandle<Plant>, SocketAddr), Failure> {
    let route = |number| -> Result<Route, Failure> {
        let route = Route::new(ADDRESS, master_address(number)?);
        Ok(if tls.is_some() { route.admit(pki::identity(number)?) } else { route })
    };
    let mut config = OutstationConfig::new((0..masters).map(route).collect::<Result<_, _>>()?);
    config.tls = tls.map(pki::server).transpose()?;
    config.limits.pending_max = 4 * crate::side::CONNECTING_MAX;
    let outstation = outstation(&points(size, 5), masters)?;
    // Nobody reads its events: they are lost, which it says to take calmly.
    let (handle, _) = OutstationDriver::start(outstation, Plant, config)?;
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let address = if tls.is_some() { handle.listen_tls(any).await? } else { handle.listen(any).await? };
    Ok((handle, address))
}
