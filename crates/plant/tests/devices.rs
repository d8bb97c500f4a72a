//! The devices as a client sees them, on real sockets.

#![expect(clippy::unwrap_used, reason = "tests")]

use plant::{Config, FaultKind, Options};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const PLANT: &str = "[plant]\nname='p'\nsocket='p.sock'\nstart='11:00'\n\
    [[inverter]]\nid='inv1'\nlisten='127.0.0.1:0'\ndc_kw=6000\nac_kw=5000\n\
    [battery]\nid='bess'\nlisten='127.0.0.1:0'\npower_kw=4000\nenergy_kwh=16000\nsoc_start_pct=50\nefficiency_pct=88\n\
    [meter]\nid='meter'\nlisten='127.0.0.1:0'\nkv=34.5\n\
    [switchgear]\nid='sw'\nlisten='127.0.0.1:0'\n";

async fn exchange(stream: &mut TcpStream, pdu: &[u8]) -> (u16, Vec<u8>) {
    let mut frame = vec![0, 7, 0, 0, 0, u8::try_from(pdu.len() + 1).unwrap(), 1];
    frame.extend(pdu);
    stream.write_all(&frame).await.unwrap();
    let mut header = [0; 7];
    stream.read_exact(&mut header).await.unwrap();
    let mut answer = vec![0; usize::from(header[5]) - 1];
    stream.read_exact(&mut answer).await.unwrap();
    (u16::from_be_bytes([header[0], header[1]]), answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_unit_takes_its_set_point_over_the_wire() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plant.toml");
    let unit = "[plant]\nname='p'\nsocket='p.sock'\n[unit]\nid='gt1'\nlisten='127.0.0.1:0'\nrated_kw=50000\n\
        minimum_kw=20000\nstart_kw=30000\nramp_kw_per_min=60000\nlag_s=0\ndroop_pct=5\ndeadband_hz=0.036\n";
    std::fs::write(&file, unit).unwrap();
    let (journal, reader) = telemetry::Journal::new();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let task = tokio::spawn(plant::run(Config::read(&file).unwrap(), Options::default(), journal, stopped));
    let next = move || serde_json::from_str::<Value>(&reader.next().unwrap()).unwrap();
    let ready = next();
    let mut stream = TcpStream::connect(ready["devices"][0]["address"].as_str().unwrap()).await.unwrap();
    // AGC on and 31 MW, registers 30 to 32.
    let mut request = vec![16, 0, 30, 0, 3, 6, 0, 1];
    request.extend(31_000_i32.to_be_bytes());
    assert_eq!(exchange(&mut stream, &request).await.1, [16, 0, 30, 0, 3]);
    // The low half alone.
    assert_eq!(exchange(&mut stream, &[6, 0, 32, 0, 1]).await.1, [0x86, 3]);
    loop {
        let record = next();
        if record["event"] == "registers" && record["values"]["power"] == 31_000.0 {
            assert_eq!(record["values"]["agc"], 1.0);
            break;
        }
    }
    stop.send(true).unwrap();
    task.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn serves_refuses_and_breaks_on_demand() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plant.toml");
    std::fs::write(&file, PLANT).unwrap();
    let (journal, reader) = telemetry::Journal::new();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let options =
        Options { faults: vec![("sw".to_owned(), FaultKind::WrongTransaction)], ..Options::default() };
    let task = tokio::spawn(plant::run(Config::read(&file).unwrap(), options, journal, stopped));
    let next = move || serde_json::from_str::<Value>(&reader.next().unwrap()).unwrap();
    let ready = next();
    assert_eq!(ready["event"], "ready");
    // What the devices begin with, before anything changed: else a journal could not tell what was read first.
    for device in ["inv1", "bess", "meter", "sw"] {
        let image = next();
        assert_eq!((&image["event"], &image["device"]), (&"registers".into(), &device.into()));
        let value = if device == "sw" { "closed" } else { "W" };
        assert!(image["values"][value].is_number(), "{image}");
    }
    let address = |at: usize| ready["devices"][at]["address"].as_str().unwrap().to_owned();

    let mut inverter = TcpStream::connect(address(0)).await.unwrap();
    let (id, answer) = exchange(&mut inverter, &[3, 0x9C, 0x40, 0, 4]).await;
    assert_eq!((id, answer), (7, vec![3, 8, b'S', b'u', b'n', b'S', 0, 1, 0, 66]));
    assert_eq!(exchange(&mut inverter, &[3, 0, 0, 0, 1]).await.1, [0x83, 2]);
    assert_eq!(exchange(&mut inverter, &[3, 0x9C, 0x40, 0, 126]).await.1, [0x83, 3]);
    assert_eq!(exchange(&mut inverter, &[43, 0]).await.1, [0xAB, 1]);

    let mut switchgear = TcpStream::connect(address(3)).await.unwrap();
    assert_eq!(exchange(&mut switchgear, &[4, 0, 0, 0, 2]).await, (8, vec![4, 4, 0, 1, 0, 1]));

    // A set point of 2 MW for the battery: model 704 follows 1, 701 and 702; its body starts 40,282.
    let mut battery = TcpStream::connect(address(1)).await.unwrap();
    let w_set = 40_000_u16 + 2 + 68 + 155 + 52 + 2 + 22;
    let [high, low] = (w_set - 2).to_be_bytes();
    let mut request = vec![16, high, low, 0, 4, 8, 0, 1, 0, 1];
    request.extend(2_000_000_i32.to_be_bytes());
    assert_eq!(exchange(&mut battery, &request).await.1, [16, high, low, 0, 4]);
    loop {
        let record = next();
        if record["event"] == "registers" && record["device"] == "bess" && record["values"]["W"] == 2e6 {
            break;
        }
    }
    stop.send(true).unwrap();
    task.await.unwrap().unwrap();
}
