//! Ours over sockets: the outstation with its driver, the master's state machine on a connection.

use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use ieee1815::Classes;
use ieee1815_tokio::{Connection, OutstationConfig, OutstationDriver, OutstationHandle, Route};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::time::{Instant, timeout_at};

use crate::Failure;
use crate::engine::{ADDRESS, MasterEnd, Plant, Size, master_address, outstation, points};
use crate::pki;

/// Octets read at once.
const READ_OCTETS: usize = 4096;
/// A write: the largest fragment in its frames.
const WRITE_OCTETS: usize = 2560;

/// Reads what there is and hands it on; a session keeps no buffer while it waits.
async fn read(connection: &mut Connection, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    poll_fn(|context| {
        let mut space = [MaybeUninit::uninit(); READ_OCTETS];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut *connection).poll_read(context, &mut buffer))?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        take(buffer.filled());
        Poll::Ready(Ok(()))
    })
    .await
}

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
}

impl MasterSession {
    /// After the start-up.
    pub(crate) async fn start(connection: Connection, size: Size, number: usize) -> Result<Self, Failure> {
        let end = MasterEnd::new(size, master_address(number)?, Duration::ZERO);
        let mut session = Self { end, connection, origin: Instant::now() };
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
        let (end, origin) = (&mut self.end, self.origin);
        let deadline = end.master.timeout().unwrap_or(Duration::from_secs(60));
        let receive = read(&mut self.connection, |octets| end.receive(octets, origin.elapsed()));
        timeout_at(origin + deadline, receive).await.map_err(|_| "no answer in time")??;
        // The confirm of the last fragment.
        self.write().await
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
