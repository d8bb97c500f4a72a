//! Devices replaced while others are read.

use super::*;
use crate::acquire::Drivers;

/// The next report of the driver `number`.
async fn report_of(events: &mut mpsc::Receiver<FieldEvent>, number: usize) -> FieldReport {
    loop {
        match events.recv().await.unwrap() {
            FieldEvent::Report(report) if report.device == DeviceIx::new(number) => return report,
            _ => {}
        }
    }
}

fn value(report: &FieldReport) -> Option<Reading> {
    match &report.outcome {
        FieldOutcome::Readings(readings) => readings.first().map(|(_, reading)| reading.clone()),
        FieldOutcome::Failed(_) => None,
    }
}

#[tokio::test]
async fn who_stays_keeps_its_connection_and_its_number_wherever_it_stands() {
    let (one, two, three) = (Server::start().await, Server::start().await, Server::start().await);
    for (server, word) in [(&one, 1), (&two, 2), (&three, 3)] {
        server.put(0, &[word, word]);
    }
    let device = |server: &Server, id: &str| Device {
        id: id.into(),
        ..server.device(Protocol::Modbus, 1_000, vec![raw(0)])
    };
    let (out, mut events) = mpsc::channel(8);
    let mut drivers = Drivers::start(&[device(&one, "one"), device(&two, "two")], out, SystemClock::start());
    report_of(&mut events, 0).await;
    report_of(&mut events, 1).await;
    // The first goes, the second moves up, a third comes.
    drivers.reconfigure(&[device(&two, "two"), device(&three, "three")], |_| true);
    let place = |drivers: &Drivers, number: usize| drivers.place(DeviceIx::new(number)).map(DeviceIx::get);
    assert_eq!([place(&drivers, 0), place(&drivers, 1), place(&drivers, 2)], [None, Some(0), Some(1)]);
    assert_eq!(value(&report_of(&mut events, 2).await), Some(Reading::Number(3.0)));
    assert_eq!(value(&report_of(&mut events, 1).await), Some(Reading::Number(2.0)));
    assert_eq!((two.state(|state| state.connections), drivers.counts().count()), (1, 2));
    // Another register of the second: a connection of its own.
    let mut changed = device(&two, "two");
    changed.readings = vec![raw(1)];
    drivers.reconfigure(&[changed.clone(), device(&three, "three")], |_| true);
    assert_eq!([place(&drivers, 1), place(&drivers, 3), place(&drivers, 2)], [None, Some(0), Some(1)]);
    report_of(&mut events, 3).await;
    assert_eq!((two.state(|state| state.connections), three.state(|state| state.connections)), (2, 1));
    // The same, and somebody says no: its certificate was renewed, say.
    drivers.reconfigure(&[changed, device(&three, "three")], |device| &*device.id != "three");
    report_of(&mut events, 4).await;
    assert_eq!((two.state(|state| state.connections), three.state(|state| state.connections)), (2, 2));
    assert_eq!(one.state(|state| state.connections), 1);
}
