//! The driver of an outstation against our own outstation.

use std::sync::Arc;

use ieee1815::outstation::{Outstation, PointConfig, ReadOnly, SessionConfig};
use ieee1815::{Flags, Measured, PointType, Value};
use ieee1815_tokio::{OutstationConfig, OutstationDriver, OutstationHandle, Route};
use site::{Dnp3, Dnp3Type, Reach};
use telemetry::{Wall, WallTrust};

use super::*;
use crate::acquire::outstation;
use crate::core::Reported;

/// Events of analogs and binaries with their times.
async fn outstation(address: SocketAddr) -> (OutstationHandle<ReadOnly>, SocketAddr) {
    let point =
        |point, event_variation| PointConfig { class: 1, event_variation, ..PointConfig::new(point, 0) };
    let points =
        [point(PointType::AnalogInput, 7), point(PointType::BinaryInput, 2), point(PointType::Counter, 1)];
    let outstation = Outstation::new(&points, vec![SessionConfig::new(10, 1)]).unwrap();
    let config = OutstationConfig::new(vec![Route::new(10, 1)]);
    let (handle, _) = OutstationDriver::start(outstation, ReadOnly, config).unwrap();
    let address = handle.listen(address).await.unwrap();
    (handle, address)
}

fn place(kind: Dnp3Type, index: u16) -> ReadingSpec {
    let form = if kind == Dnp3Type::Binary { Form::State } else { Form::Number { scale: 0.5 } };
    ReadingSpec { place: Place::Dnp3 { kind, index }, form }
}

fn device(address: SocketAddr, readings: Vec<ReadingSpec>) -> (Device, Dnp3) {
    let dnp3 = Dnp3 {
        reach: Reach::Tcp(address),
        tls: None,
        outstation: 10,
        master: 1,
        integrity_every: 1,
        unsolicited: false,
        time_sync: false,
    };
    let device = Device {
        id: "rtu".into(),
        protocol: Protocol::Dnp3,
        access: Access::Dnp3(Box::new(dnp3.clone())),
        poll: Duration::from_millis(50),
        timeout: Duration::from_millis(PATIENT_MS),
        readings,
    };
    (device, dnp3)
}

fn start(device: Device, dnp3: Dnp3) -> Driven {
    let (writes, asked) = mpsc::channel(8);
    let (out, events) = mpsc::channel(8);
    let (at, clock) = (DeviceIx::new(0), SystemClock::start());
    let task = tokio::spawn(outstation::drive(device, dnp3, at, asked, out, clock, Arc::default()));
    Driven { writes, events, clock, task }
}

fn analog(value: f64, flags: Flags, time: Option<u64>) -> (PointType, u16, Measured) {
    (PointType::AnalogInput, 0, Measured { value: Value::Analog(value), flags: Some(flags), time })
}

impl Driven {
    async fn reported(&mut self) -> Vec<(usize, Reported)> {
        loop {
            if let FieldOutcome::Readings(readings) = self.report().await.outcome {
                return readings
                    .into_iter()
                    .map(|(at, reading)| match reading {
                        Reading::Reported(reported) => (at.get(), *reported),
                        other => panic!("{other:?}"),
                    })
                    .collect();
            }
        }
    }
}

const ANYWHERE: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

#[tokio::test]
async fn all_is_read_before_anything_is_told_and_what_is_missing_too() {
    let (handle, address) = outstation(ANYWHERE.into()).await;
    handle.update_all([analog(7.0, Flags::ONLINE, None)]);
    let readings = vec![
        place(Dnp3Type::Analog, 0),
        place(Dnp3Type::Binary, 0),
        place(Dnp3Type::Counter, 0),
        place(Dnp3Type::Analog, 9),
    ];
    let (device, dnp3) = device(address, readings);
    let mut driven = start(device, dnp3);
    let first = driven.reported().await;
    let last = |at: usize| first.iter().rfind(|(reading, _)| *reading == at).unwrap().1.clone();
    assert_eq!((last(0).reading, last(0).flags), (Reading::Number(3.5), Some(Flags::ONLINE)));
    assert_eq!(last(1).flags, Some(Flags::RESTART), "never updated there");
    assert_eq!(last(2).kind, Dnp3Type::Counter);
    assert_eq!(last(3).reading, Reading::Invalid("the outstation reports no analog 9".to_owned()));
    let refused = driven.written(3, FieldWrite::Release704).await.unwrap_err();
    assert!(refused.contains("takes no set points"), "{refused}");
}

#[tokio::test]
async fn events_keep_their_order_and_their_time() {
    let (handle, address) = outstation(ANYWHERE.into()).await;
    let (device, dnp3) = device(address, vec![place(Dnp3Type::Analog, 0)]);
    let mut driven = start(device, dnp3);
    driven.reported().await;
    handle.update_all([
        analog(2.0, Flags::ONLINE, Some(1_000)),
        analog(4.0, Flags::ONLINE | Flags::LOCAL_FORCED, Some(2_000)),
    ]);
    let mut events = Vec::new();
    while events.len() < 2 {
        let report = driven.reported().await;
        let places: Vec<usize> = report.iter().map(|(at, _)| *at).collect();
        assert!(places.len() <= 1, "no point twice in a report: {report:?}");
        events.extend(report.into_iter().map(|(_, reported)| reported).filter(|reported| reported.event));
    }
    let told: Vec<_> = events.into_iter().map(|one| (one.reading, one.flags, one.time)).collect();
    let time = |millis| Some((Wall::from_millis(millis), WallTrust::Unknown));
    let forced = Flags::ONLINE | Flags::LOCAL_FORCED;
    let wanted = [
        (Reading::Number(1.0), Some(Flags::ONLINE), time(1_000)),
        (Reading::Number(2.0), Some(forced), time(2_000)),
    ];
    assert_eq!(told, wanted);
}

/// An outstation whose clock was set back, which reads everything by itself once in a thousand polls.
#[tokio::test]
async fn a_time_that_went_back_has_everything_read() {
    let (handle, address) = outstation(ANYWHERE.into()).await;
    let (mut device, mut dnp3) = device(address, vec![place(Dnp3Type::Analog, 0)]);
    dnp3.integrity_every = 1_000;
    device.access = Access::Dnp3(Box::new(dnp3.clone()));
    let mut driven = start(device, dnp3);
    driven.reported().await;
    let mut until = async |value: f64, event: bool| loop {
        let told = driven.reported().await;
        if told.iter().any(|(_, one)| one.reading == Reading::Number(value) && one.event == event) {
            break;
        }
    };
    handle.update_all([analog(40.0, Flags::ONLINE, Some(3_600_000))]);
    until(20.0, true).await;
    // It is told as an event, which nobody takes, and as what is so now, which everybody does.
    handle.update_all([analog(0.0, Flags::ONLINE, Some(1_000))]);
    until(0.0, true).await;
    until(0.0, false).await;
    handle.update_all([analog(2.0, Flags::ONLINE, Some(2_000))]);
    until(1.0, false).await;
}

#[tokio::test]
async fn a_time_that_cannot_be_is_none() {
    let (handle, address) = outstation(ANYWHERE.into()).await;
    let (device, dnp3) = device(address, vec![place(Dnp3Type::Analog, 0)]);
    let mut driven = start(device, dnp3);
    driven.reported().await;
    handle.update_all([analog(2.0, Flags::ONLINE, Some((1 << 48) - 1))]);
    loop {
        let told = driven.reported().await;
        if let Some((_, event)) = told.into_iter().find(|(_, told)| told.event) {
            assert_eq!((event.reading, event.time), (Reading::Number(1.0), None));
            break;
        }
    }
}

#[tokio::test]
async fn a_lost_session_is_told_at_every_beat_and_comes_back_whole() {
    let (handle, address) = outstation(ANYWHERE.into()).await;
    let (device, dnp3) = device(address, vec![place(Dnp3Type::Analog, 0)]);
    let mut driven = start(device, dnp3);
    driven.reported().await;
    handle.shutdown().await;
    for _ in 0..3 {
        assert_eq!(driven.failure().await.kind, FailureKind::Unreachable);
    }
    let (handle, _) = outstation(address).await;
    handle.update_all([analog(8.0, Flags::ONLINE, None)]);
    let back = driven.reported().await;
    assert_eq!(
        back.last().unwrap().1.reading,
        Reading::Number(4.0),
        "the first report after it is no old value"
    );
}

/// Two pseudo-terminals with a wire between them: their paths, and what keeps them open.
fn wire() -> ([std::path::PathBuf; 2], Vec<serial2_tokio::SerialPort>) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::io::{Read as _, Write as _};
    let (mut paths, mut kept, mut controllers) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..2 {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let path = std::path::PathBuf::from(ptsname(&controller, Vec::new()).unwrap().into_string().unwrap());
        kept.push(serial2_tokio::SerialPort::open(&path, 9_600).unwrap());
        paths.push(path);
        controllers.push(std::fs::File::from(controller));
    }
    for (from, to) in [(0, 1), (1, 0)] {
        let mut from = controllers[from].try_clone().unwrap();
        let mut to = controllers[to].try_clone().unwrap();
        std::thread::spawn(move || {
            let mut octets = [0; 512];
            while let Ok(count @ 1..) = from.read(&mut octets) {
                to.write_all(&octets[..count]).unwrap();
            }
        });
    }
    (paths.try_into().unwrap(), kept)
}

#[tokio::test]
async fn over_a_serial_line() {
    let ([near, far], _kept) = wire();
    let (handle, address) = outstation(ANYWHERE.into()).await;
    handle.serial(0, ieee1815_tokio::SerialConfig::new(far));
    handle.update_all([analog(6.0, Flags::ONLINE, None)]);
    let (mut device, mut dnp3) = device(address, vec![place(Dnp3Type::Analog, 0)]);
    dnp3.reach = Reach::Serial(ieee1815_tokio::SerialConfig::new(near));
    device.access = Access::Dnp3(Box::new(dnp3.clone()));
    let mut driven = start(device, dnp3);
    assert_eq!(driven.reported().await.last().unwrap().1.reading, Reading::Number(3.0));
}
