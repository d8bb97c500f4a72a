//! An outstation with a point, for as many masters as a test wants.

use ieee1815::outstation::{Application, Outstation, PointConfig, SessionConfig};
use ieee1815::{Command, CommandStatus, Flags, Iin, Measured, OperateMode, PointType, Value};
use ieee1815_tokio::{OutstationConfig, OutstationDriver, OutstationEvent, OutstationHandle, Route};
use tokio::sync::mpsc;

use super::PATIENCE;

pub(crate) const STATION: u16 = 10;

/// Takes every command and counts.
#[derive(Debug, Default)]
pub(crate) struct Yes {
    pub(crate) operated: usize,
}

impl Application for Yes {
    fn select(&mut self, _: usize, _: u16, _: &Command) -> CommandStatus {
        CommandStatus::Success
    }

    fn operate(&mut self, _: usize, _: u16, _: &Command, _: OperateMode) -> CommandStatus {
        self.operated += 1;
        CommandStatus::Success
    }

    fn write_time(&mut self, _: usize, _: u64) -> bool {
        false
    }

    fn indications(&self, _: usize) -> Iin {
        Iin::NONE
    }
}

pub(crate) fn measured(value: f64) -> Measured {
    Measured { value: Value::Analog(value), flags: Some(Flags::ONLINE), time: None }
}

pub(crate) fn points(count: u16) -> Vec<PointConfig> {
    let point = |index| PointConfig {
        static_variation: 5,
        event_variation: 5,
        class: 1,
        initial: measured(0.0),
        ..PointConfig::new(PointType::AnalogInput, index)
    };
    (0..count).map(point).collect()
}

pub(crate) type Events = mpsc::Receiver<OutstationEvent>;

/// An outstation of `count` points for the masters of `routes`.
pub(crate) fn start(count: u16, config: OutstationConfig) -> (OutstationHandle<Yes>, Events) {
    start_with(count, config, |_| {})
}

/// As [`start`], with sessions as `session` makes them.
pub(crate) fn start_with(
    count: u16,
    config: OutstationConfig,
    session: impl Fn(&mut SessionConfig),
) -> (OutstationHandle<Yes>, Events) {
    let session = |route: &Route| {
        let mut made = SessionConfig::new(route.address, route.master_address);
        session(&mut made);
        made
    };
    let sessions = config.routes.iter().map(session).collect();
    let outstation = Outstation::new(&points(count), sessions).unwrap();
    OutstationDriver::start(outstation, Yes::default(), config).unwrap()
}

pub(crate) fn routes(masters: &[u16]) -> OutstationConfig {
    OutstationConfig::new(masters.iter().map(|master| Route::new(STATION, *master)).collect())
}

/// The next event that `wanted` wants.
pub(crate) async fn until<T>(
    events: &mut Events,
    mut wanted: impl FnMut(&OutstationEvent) -> Option<T>,
) -> T {
    let next = async {
        loop {
            let event = events.recv().await.expect("the driver is gone");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, next).await.expect("no such event came")
}

pub(crate) async fn up(events: &mut Events, session: usize) {
    until(events, |event| {
        matches!(event, OutstationEvent::Up { session: up, .. } if *up == session).then_some(())
    })
    .await;
}

pub(crate) async fn down(events: &mut Events, session: usize) -> String {
    until(events, |event| match event {
        OutstationEvent::Down { session: down, why } if *down == session => Some(why.clone()),
        _ => None,
    })
    .await
}
