//! One master reads one outstation over loopback TCP: class 0 of 100 and of 1,000 g30v5.
//!
//! Both sides run on one thread, so that the time of a read is the time of its work and not of waking another core.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use ieee1815::Classes;
use ieee1815_tokio::connect;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use crate::engine::{Side, Size, Turn, script};
use crate::report::{Bar, Report};
use crate::{Failure, floor, meter, ours};

/// Reads in one measurement.
const READS: u32 = 2000;
const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub(crate) fn run(report: &mut Report) -> Result<(), Failure> {
    let cases = [(100, 87.0, None), (1000, 310.0, Some(Bar::AtMost(1.5)))];
    for (analogs, opendnp3, bar) in cases {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let both = runtime.block_on(LocalSet::new().run_until(measure(Size::analogs(analogs))))?;
        let what = format!("class 0 of {analogs} g30v5, loopback TCP");
        report.beside(&what, "us/read", both, bar).opendnp3_elsewhere = Some(opendnp3);
    }
    Ok(())
}

async fn floor_pair() -> Result<(TcpStream, TcpStream), Failure> {
    let listener = TcpListener::bind(LOCAL).await?;
    let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr()?), listener.accept());
    let (near, (far, _)) = (near?, far?);
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    Ok((near, far))
}

/// Microseconds a read, ours and the floor's.
async fn measure(size: Size) -> Result<(f64, f64), Failure> {
    let turns: Rc<[Turn]> = script(size, Classes::ZERO)?.into();
    let (_driver, address) = ours::listen(size, None, 1).await?;
    let (connection, _) = connect(address, None, Duration::from_secs(5)).await?;
    let mut master = ours::MasterSession::start(connection, size, 0).await?;
    let (mut stream, mut far) = floor_pair().await?;
    let of_far = Rc::clone(&turns);
    tokio::task::spawn_local(async move {
        while floor::play(&mut far, &of_far, Side::Outstation).await.is_ok() {}
    });
    let broken: Rc<Cell<Option<Failure>>> = Rc::default();
    let (mut of_ours, mut of_floor) = (Vec::new(), Vec::new());
    // The first run is for the caches.
    for run in 0..=meter::RUNS {
        let ours = timed(async || master.poll(Classes::ZERO).await, &broken).await;
        let floor = timed(async || Ok(floor::play(&mut stream, &turns, Side::Master).await?), &broken).await;
        if let Some(failure) = broken.take() {
            return Err(failure);
        }
        if run > 0 {
            of_ours.push(ours);
            of_floor.push(floor);
        }
    }
    let wanted = u64::from(size.analogs) * u64::from(READS) * (meter::RUNS as u64 + 1);
    if master.end.points < wanted {
        return Err(format!("{} points came of {wanted}", master.end.points).into());
    }
    Ok((meter::median(of_ours), meter::median(of_floor)))
}

async fn timed(mut read: impl AsyncFnMut() -> Result<(), Failure>, broken: &Cell<Option<Failure>>) -> f64 {
    let before = meter::thread_cpu();
    for _ in 0..READS {
        if let Err(failure) = read().await {
            broken.set(Some(failure));
            break;
        }
    }
    (meter::thread_cpu() - before).as_secs_f64() * 1e6 / f64::from(READS)
}
