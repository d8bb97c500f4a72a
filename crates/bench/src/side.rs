//! One side of many sessions as a process of its own: what it costs is what the process costs.
//!
//! The parent says on standard input what to do, one line each (`connect N`, `run POLLS`, `cpu`, `memory`); each is
//! answered with one line on standard output.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use ieee1815::Classes;
use ieee1815_tokio::connect;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::engine::{Side, Size, Turn, script};
use crate::{Failure, floor, meter, ours, pki};

/// Handshakes that may be under way at once.
pub(crate) const CONNECTING_MAX: usize = 64;
const CONNECT_TIME_MAX: Duration = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Ours,
    Floor,
}

#[derive(Debug, Args)]
pub(crate) struct SideArgs {
    #[arg(long)]
    pub(crate) kind: Kind,
    #[arg(long)]
    pub(crate) analogs: u16,
    #[arg(long)]
    pub(crate) binaries: u16,
    /// Masters that may come.
    #[arg(long)]
    pub(crate) masters: usize,
    /// Directory with the certificates; without it plain TCP.
    #[arg(long)]
    pub(crate) tls: Option<PathBuf>,
    /// Where to connect; without it this is the outstation's side and listens.
    #[arg(long)]
    pub(crate) address: Option<SocketAddr>,
}

struct Shared {
    /// Sessions that are up, or that have done what they were told.
    ready: AtomicUsize,
    notify: Notify,
}

impl Shared {
    fn one_more(&self) {
        self.ready.fetch_add(1, Ordering::Relaxed);
        self.notify.notify_one();
    }

    async fn reached(&self, count: usize) {
        while self.ready.load(Ordering::Relaxed) < count {
            self.notify.notified().await;
        }
    }
}

fn shared() -> Arc<Shared> {
    Arc::new(Shared { ready: AtomicUsize::new(0), notify: Notify::new() })
}

/// Runs until standard input ends.
pub(crate) fn run(args: &SideArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let size = Size { analogs: args.analogs, binaries: args.binaries };
    runtime.block_on(async {
        match args.address {
            None => serve(args, size).await,
            Some(address) => ask(args, size, address).await,
        }
    })
}

/// Ends the process: whatever one session meets makes the figures worthless.
fn fatal(what: &str, result: Result<(), Failure>) {
    if let Err(error) = result {
        eprintln!("bench: {what}: {error}");
        std::process::exit(1);
    }
}

/// Answers what every side is asked; `None` for anything else.
fn common(line: &str) -> Result<Option<String>, Failure> {
    Ok(match line {
        "cpu" => Some(meter::process_cpu().as_nanos().to_string()),
        "memory" => Some(meter::resident()?.to_string()),
        _ => None,
    })
}

async fn serve(args: &SideArgs, size: Size) -> Result<(), Failure> {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let _driver;
    let address = match args.kind {
        Kind::Ours => {
            let (driver, address) = ours::listen(size, args.tls.as_deref(), args.masters).await?;
            _driver = driver;
            address
        }
        Kind::Floor => {
            let tls = args.tls.as_deref().map(pki::floor_server).transpose()?.map(TlsAcceptor::from);
            let turns: Arc<[Turn]> = script(size, Classes::ZERO)?.into();
            let listener = TcpListener::bind(any).await?;
            let address = listener.local_addr()?;
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (tls, turns) = (tls.clone(), Arc::clone(&turns));
                    tokio::spawn(async move {
                        stream.set_nodelay(true)?;
                        match tls {
                            Some(tls) => {
                                let stream = Box::pin(tls.accept(stream)).await?;
                                answer(Box::new(stream), &turns).await
                            }
                            None => answer(stream, &turns).await,
                        }
                    });
                }
            });
            address
        }
    };
    println!("{address}");
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        println!("{}", common(&line)?.ok_or("what?")?);
    }
    Ok(())
}

async fn answer<S>(mut stream: S, turns: &[Turn]) -> std::io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        floor::play(&mut stream, turns, Side::Outstation).await?;
    }
}

async fn ask(args: &SideArgs, size: Size, address: SocketAddr) -> Result<(), Failure> {
    let (up, done) = (shared(), shared());
    let (go, _) = watch::channel(0_u64);
    let turns: Arc<[Turn]> = script(size, Classes::ZERO)?.into();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let (mut connected, mut polls) = (0, 0);
    println!("ready");
    while let Some(line) = lines.next_line().await? {
        if let Some(answer) = common(&line)? {
            println!("{answer}");
            continue;
        }
        if let Some(count) = line.strip_prefix("connect ") {
            let count: usize = count.parse()?;
            while connected < count {
                let (of_up, of_done, go) = (Arc::clone(&up), Arc::clone(&done), go.subscribe());
                match args.kind {
                    Kind::Ours => {
                        let tls =
                            args.tls.as_deref().map(|place| pki::client(place, connected)).transpose()?;
                        tokio::spawn(async move {
                            let session = our_master(address, (size, connected), tls, &of_up, &of_done, go);
                            fatal("a master's session", session.await);
                        });
                    }
                    Kind::Floor => {
                        let turns = Arc::clone(&turns);
                        let tls = args
                            .tls
                            .as_deref()
                            .map(|place| pki::floor_client(place, connected))
                            .transpose()?;
                        tokio::spawn(async move {
                            let session = floor_master(address, tls, &turns, &of_up, &of_done, go);
                            fatal("the floor's session", session.await);
                        });
                    }
                }
                connected += 1;
                up.reached(connected.saturating_sub(CONNECTING_MAX)).await;
            }
            up.reached(connected).await;
            println!("ready");
        } else if let Some(count) = line.strip_prefix("run ") {
            polls += count.parse::<u64>()?;
            done.ready.store(0, Ordering::Relaxed);
            let begun = Instant::now();
            go.send_replace(polls);
            done.reached(connected).await;
            println!("{}", begun.elapsed().as_nanos());
        } else {
            return Err(format!("what is {line}?").into());
        }
    }
    Ok(())
}

/// The polls still to make, each time the parent says go.
async fn next(go: &mut watch::Receiver<u64>, made: &mut u64) -> u64 {
    if go.changed().await.is_err() {
        return 0;
    }
    let all = *go.borrow_and_update();
    let left = all - *made;
    *made = all;
    left
}

async fn our_master(
    address: SocketAddr,
    (size, number): (Size, usize),
    tls: Option<Arc<ieee1815_tokio::ClientTls>>,
    up: &Shared,
    done: &Shared,
    mut go: watch::Receiver<u64>,
) -> Result<(), Failure> {
    // In a box of its own: what connecting needs is given back.
    let (connection, _) = Box::pin(connect(address, tls, CONNECT_TIME_MAX)).await?;
    let mut session = ours::MasterSession::start(connection, size, number).await?;
    let mut made = *go.borrow_and_update();
    up.one_more();
    loop {
        for _ in 0..next(&mut go, &mut made).await {
            session.poll(Classes::ZERO).await?;
        }
        done.one_more();
    }
}

async fn floor_master(
    address: SocketAddr,
    tls: Option<Arc<rustls::ClientConfig>>,
    turns: &[Turn],
    up: &Shared,
    done: &Shared,
    go: watch::Receiver<u64>,
) -> Result<(), Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    match tls {
        None => play(stream, turns, up, done, go).await,
        Some(tls) => {
            let name = pki::OUTSTATION.try_into()?;
            let stream = Box::pin(TlsConnector::from(tls).connect(name, stream)).await?;
            play(stream, turns, up, done, go).await
        }
    }
}

async fn play<S>(
    mut stream: S,
    turns: &[Turn],
    up: &Shared,
    done: &Shared,
    mut go: watch::Receiver<u64>,
) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // As ours begins: with one read.
    floor::play(&mut stream, turns, Side::Master).await?;
    let mut made = *go.borrow_and_update();
    up.one_more();
    loop {
        for _ in 0..next(&mut go, &mut made).await {
            floor::play(&mut stream, turns, Side::Master).await?;
        }
        done.one_more();
    }
}
