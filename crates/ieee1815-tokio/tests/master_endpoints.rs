//! A whole master against a whole outstation, where it is not the master that dials a stream.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use std::time::Duration;

use ieee1815::PointType;
use ieee1815::master::{MasterConfig, MasterEvent, PointSet};
use ieee1815_tokio::{
    Arrivals, DialConfig, DriverEvent, Endpoint, ListenerLimits, MasterDriver, MasterHandle, UdpConfig,
};
use support::station::{STATION, routes, start};
use support::{ANY_PORT, PATIENCE};
use tokio::sync::{mpsc, watch};

const POINTS: u16 = 600;

struct Driven {
    _handle: MasterHandle,
    events: mpsc::Receiver<DriverEvent>,
    stop: watch::Sender<bool>,
}

impl Driven {
    fn at(endpoint: Endpoint) -> Self {
        let mut master = MasterConfig::new(1, STATION);
        master.accept = PointSet::new().with(PointType::AnalogInput, 0..=POINTS - 1);
        let (stop, stopped) = watch::channel(false);
        let pause = Duration::from_millis(10);
        let (handle, events) = MasterDriver::spawn_at(endpoint, master, pause, stopped);
        Self { _handle: handle, events, stop }
    }

    /// Points up to the event that `last` knows.
    async fn until(&mut self, last: impl Fn(&DriverEvent) -> bool) -> usize {
        let mut points = 0;
        loop {
            let event = tokio::time::timeout(PATIENCE, self.events.recv()).await;
            let event = event.expect("the driver is silent").expect("the driver has ended");
            let is_point = matches!(event, DriverEvent::Master { event: MasterEvent::Point { .. }, .. });
            points += usize::from(is_point);
            if last(&event) {
                return points;
            }
        }
    }

    /// All points of a start-up.
    async fn starts(&mut self) {
        let up = |event: &DriverEvent| matches!(event, DriverEvent::Up { .. });
        let done = |event: &DriverEvent| {
            matches!(event, DriverEvent::Master { event: MasterEvent::StartUpDone, .. })
        };
        self.until(up).await;
        assert_eq!(self.until(done).await, usize::from(POINTS));
    }
}

#[tokio::test]
async fn by_datagrams() {
    let (driver, _events) = start(POINTS, routes(&[1]));
    let config = UdpConfig { listen: ANY_PORT, peers: vec![(0, None)] };
    let address = driver.listen_udp(config).await.unwrap();
    let mut driven = Driven::at(Endpoint::Udp { local: ANY_PORT, remote: address.to_string() });
    driven.starts().await;
    driven.stop.send(true).unwrap();
    while driven.events.recv().await.is_some() {}
}

#[tokio::test]
async fn an_outstation_that_dials_again_replaces_its_connection() {
    let (_stop, shutdown) = watch::channel(false);
    let limits = ListenerLimits::default();
    let (mut arrivals, _) = Arrivals::listen(ANY_PORT, None, Vec::new(), limits, shutdown).await.unwrap();
    let arrivals = arrivals.remove(0);
    let address = arrivals.local_addr().to_string();
    let mut driven = Driven::at(Endpoint::Arrivals(arrivals));
    let (first, _events) = start(POINTS, routes(&[1]));
    let mut once = DialConfig::new(address.clone(), false);
    once.delay.least = Duration::from_secs(3600);
    first.dial(0, once);
    driven.starts().await;
    // The first one's connection is as it was; whoever dials later is the outstation.
    let (second, _events) = start(POINTS, routes(&[1]));
    second.dial(0, DialConfig::new(address, false));
    let again =
        |event: &DriverEvent| matches!(event, DriverEvent::Down { why } if why == "it has dialled again");
    driven.until(again).await;
    driven.starts().await;
}
