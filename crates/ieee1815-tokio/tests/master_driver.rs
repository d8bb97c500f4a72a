//! A driver against an outstation over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ieee1815::master::{MasterConfig, MasterEvent, Outcome, PointSet, Request};
use ieee1815::outstation::{Application, Outstation, PointConfig, SessionConfig};
use ieee1815::{
    AnalogWidth, Classes, Command, CommandStatus, Flags, Iin, Measured, OperateMode, PointType, Value,
};
use ieee1815_tokio::{
    ClientTls, Connection, DriverConfig, DriverEvent, Incoming, Listener, MasterDriver, MasterHandle,
    RequestError,
};
use support::{ANY_PORT, KeyKind, PATIENCE, Pair, next, pair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, watch};

const POINTS: u16 = 600;

struct App;

impl Application for App {
    fn select(&mut self, _session: usize, _index: u16, _command: &Command) -> CommandStatus {
        CommandStatus::Success
    }

    fn operate(
        &mut self,
        _session: usize,
        index: u16,
        _command: &Command,
        _mode: OperateMode,
    ) -> CommandStatus {
        if index == 0 { CommandStatus::Success } else { CommandStatus::OutOfRange }
    }

    fn write_time(&mut self, _session: usize, _millis: u64) -> bool {
        true
    }

    fn indications(&self, _session: usize) -> Iin {
        Iin::NONE
    }
}

fn point(point: PointType, index: u16) -> PointConfig {
    let initial = Measured { value: Value::Analog(f64::from(index)), flags: Some(Flags::ONLINE), time: None };
    PointConfig { initial, ..PointConfig::new(point, index) }
}

fn outstation() -> Outstation {
    let mut points: Vec<PointConfig> =
        (0..POINTS).map(|index| point(PointType::AnalogInput, index)).collect();
    points.extend((0..2).map(|index| point(PointType::AnalogOutputStatus, index)));
    Outstation::new(&points, vec![SessionConfig::new(10, 1)]).unwrap()
}

/// Serves until the peer goes, or until it has answered `reads` reads.
async fn serve(outstation: &mut Outstation, connection: &mut Connection, reads: u32) {
    let origin = Instant::now();
    let (mut buffer, mut octets) = ([0; 1024], Vec::new());
    let mut answered = 0;
    outstation.connected(0, origin.elapsed());
    while answered < reads {
        let Ok(count @ 1..) = connection.read(&mut buffer).await else { break };
        outstation.receive(0, &buffer[..count], origin.elapsed(), &mut App);
        octets.clear();
        if outstation.poll_transmit(0, &mut octets) {
            connection.write_fragment(&octets).await.unwrap();
        }
        answered += outstation.take_reads_answered(0);
    }
    outstation.disconnected(0, origin.elapsed());
}

async fn accept(listener: &mut Listener) -> Connection {
    match next(listener).await {
        Incoming::Accepted(accepted) => accepted.connection,
        Incoming::Refused { refusal, .. } => panic!("{refusal}"),
    }
}

fn config(address: SocketAddr, tls: Option<Arc<ClientTls>>) -> DriverConfig {
    let mut master = MasterConfig::new(1, 10);
    master.accept = PointSet::new()
        .with(PointType::AnalogInput, 0..=POINTS - 1)
        .with(PointType::AnalogOutputStatus, 0..=1);
    DriverConfig {
        address: address.to_string(),
        tls,
        master,
        connect_timeout: PATIENCE,
        reconnect_delay: Duration::from_millis(10),
    }
}

struct Driven {
    handle: MasterHandle,
    events: mpsc::Receiver<DriverEvent>,
    stop: watch::Sender<bool>,
}

fn drive(config: DriverConfig) -> Driven {
    let (stop, stopped) = watch::channel(false);
    let (handle, events) = MasterDriver::spawn(config, stopped);
    Driven { handle, events, stop }
}

impl Driven {
    async fn next(&mut self) -> Option<DriverEvent> {
        tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("the driver is silent")
    }

    /// All points up to the event that `last` knows.
    async fn until(&mut self, last: impl Fn(&DriverEvent) -> bool) -> usize {
        let mut points = 0;
        loop {
            let event = self.next().await.expect("the driver has ended");
            if let DriverEvent::Master { event: MasterEvent::Point { .. }, .. } = event {
                points += 1;
            }
            if last(&event) {
                return points;
            }
        }
    }
}

fn is_start_up_done(event: &DriverEvent) -> bool {
    matches!(event, DriverEvent::Master { event: MasterEvent::StartUpDone, .. })
}

fn is_done(event: &DriverEvent, wanted: u64) -> bool {
    matches!(event, DriverEvent::Master { event: MasterEvent::Done { id, .. }, .. } if *id == wanted)
}

fn operate(index: u16) -> Request {
    let command = Command::Analog { value: 1.0, width: AnalogWidth::F32 };
    Request::Operate { mode: OperateMode::SelectBeforeOperate, index, command }
}

#[tokio::test]
async fn start_up_requests_and_reconnect() {
    let mut listener = Listener::bind(ANY_PORT, None).await.unwrap();
    let mut driven = drive(config(listener.local_addr(), None));
    let server = tokio::spawn(async move {
        let mut outstation = outstation();
        let mut connection = accept(&mut listener).await;
        // The start-up's and the test's own.
        serve(&mut outstation, &mut connection, 2).await;
        connection.close().await;
        let mut connection = accept(&mut listener).await;
        serve(&mut outstation, &mut connection, u32::MAX).await;
    });
    let Some(DriverEvent::Up { peer }) = driven.next().await else { panic!("not up") };
    assert!(peer.ends_with(" over TCP"), "{peer}");
    let points = driven.until(is_start_up_done).await;
    assert_eq!(points, usize::from(POINTS + 2));

    let request = |index| driven.handle.request(operate(index));
    assert_eq!(request(0).await, Ok(Outcome::Status(CommandStatus::Success)));
    assert_eq!(request(1).await, Ok(Outcome::Status(CommandStatus::OutOfRange)));

    let ticket = driven.handle.submit(Request::Read(Classes::ZERO)).await.unwrap();
    let id = ticket.id();
    assert_eq!(ticket.outcome().await, Ok(Outcome::ReadDone));
    assert_eq!(driven.until(|event| is_done(event, id)).await, usize::from(POINTS + 2));

    driven.until(|event| matches!(event, DriverEvent::Down { .. })).await;
    driven.until(|event| matches!(event, DriverEvent::Up { .. })).await;
    assert_eq!(driven.until(is_start_up_done).await, usize::from(POINTS + 2));
    driven.stop.send(true).unwrap();
    while driven.next().await.is_some() {}
    assert_eq!(driven.handle.request(operate(0)).await, Err(RequestError::Stopped));
    server.await.unwrap();
}

#[tokio::test]
async fn a_slow_reader_misses_nothing() {
    let mut listener = Listener::bind(ANY_PORT, None).await.unwrap();
    let mut config = config(listener.local_addr(), None);
    // Less than one response has points, and less than the channel to the reader holds.
    config.master.event_queue_max = 50;
    let mut driven = drive(config);
    tokio::spawn(async move {
        let mut connection = accept(&mut listener).await;
        serve(&mut outstation(), &mut connection, u32::MAX).await;
    });
    assert_eq!(driven.until(is_start_up_done).await, usize::from(POINTS + 2));
    for _ in 0..3 {
        let ticket = driven.handle.submit(Request::Read(Classes::ZERO)).await.unwrap();
        assert_eq!(driven.until(|event| is_done(event, ticket.id())).await, usize::from(POINTS + 2));
        assert_eq!(ticket.outcome().await, Ok(Outcome::ReadDone));
    }
}

#[tokio::test]
async fn an_outcome_does_not_wait_for_the_reader() {
    let mut listener = Listener::bind(ANY_PORT, None).await.unwrap();
    let mut driven = drive(config(listener.local_addr(), None));
    tokio::spawn(async move {
        let mut connection = accept(&mut listener).await;
        serve(&mut outstation(), &mut connection, u32::MAX).await;
    });
    driven.until(|event| matches!(event, DriverEvent::Up { .. })).await;
    for _ in 0..2 {
        assert_eq!(driven.handle.request(Request::Read(Classes::ZERO)).await, Ok(Outcome::ReadDone));
    }
    assert_eq!(driven.until(is_start_up_done).await, usize::from(POINTS + 2));
}

#[tokio::test]
async fn mutual_tls_names_the_peer() {
    let Pair { rtd, ems, pki: _pki, .. } = pair(KeyKind::P256);
    let mut listener = Listener::bind(ANY_PORT, Some(Arc::new(rtd.server().unwrap()))).await.unwrap();
    let mut driven = drive(config(listener.local_addr(), Some(Arc::new(ems.client().unwrap()))));
    tokio::spawn(async move {
        let mut connection = accept(&mut listener).await;
        serve(&mut outstation(), &mut connection, u32::MAX).await;
    });
    let Some(DriverEvent::Up { peer }) = driven.next().await else { panic!("not up") };
    assert!(peer.contains("name:rtd.test") && peer.ends_with(" over TLS 1.3"), "{peer}");
    driven.until(is_start_up_done).await;
}

#[tokio::test]
async fn nobody_there_is_said_and_requests_fail_at_once() {
    let free = Listener::bind(ANY_PORT, None).await.unwrap();
    let address = free.local_addr();
    drop(free);
    let mut driven = drive(config(address, None));
    let Some(DriverEvent::Down { why }) = driven.next().await else { panic!("up") };
    assert!(why.contains("refused"), "{why}");
    assert_eq!(driven.handle.request(operate(0)).await, Ok(Outcome::LinkDown));
    driven.stop.send(true).unwrap();
    while driven.next().await.is_some() {}
}

#[tokio::test]
async fn noise_is_survived_and_a_shutdown_ends_it() {
    let mut listener = Listener::bind(ANY_PORT, None).await.unwrap();
    let mut driven = drive(config(listener.local_addr(), None));
    let mut connection = accept(&mut listener).await;
    connection.write_all(&[0x05, 0x64, 0xFF].repeat(5000)).await.unwrap();
    let Some(DriverEvent::Up { .. }) = driven.next().await else { panic!("not up") };
    driven.stop.send(true).unwrap();
    while driven.next().await.is_some() {}
    let mut rest = Vec::new();
    let _ = connection.read_to_end(&mut rest).await;
}

#[tokio::test]
async fn a_driver_that_nobody_hears_ends() {
    let mut listener = Listener::bind(ANY_PORT, None).await.unwrap();
    let Driven { handle, events, stop: _stop } = drive(config(listener.local_addr(), None));
    let mut connection = accept(&mut listener).await;
    drop(events);
    let mut rest = Vec::new();
    let _ = connection.read_to_end(&mut rest).await;
    while handle.request(operate(0)).await != Err(RequestError::Stopped) {}
}

#[tokio::test]
async fn an_outstation_that_does_not_answer_is_left() {
    let mut listener = Listener::bind(ANY_PORT, None).await.unwrap();
    let mut config = config(listener.local_addr(), None);
    config.master.response_timeout = Duration::from_millis(20);
    config.master.retry_delay = Duration::from_millis(1);
    let mut driven = drive(config);
    let _mute = accept(&mut listener).await;
    let down =
        |event: &DriverEvent| matches!(event, DriverEvent::Down { why } if why == "it does not answer");
    assert_eq!(driven.until(down).await, 0);
    let _again = accept(&mut listener).await;
    driven.until(|event| matches!(event, DriverEvent::Up { .. })).await;
}
