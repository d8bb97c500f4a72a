//! An outstation with points of every type, link address 10, for the master with link address 1.
//!
//! ```text
//! outstation 127.0.0.1:20000                                      plain TCP
//! outstation 127.0.0.1:20000 ca.pem own.pem own.key ems.example   mutual TLS; the last is the name of the master
//! outstation --basic ...                                          only types that the simplest masters know
//! ```
//!
//! Lines on standard input are what the device measures: `analog_input 1 42.5`, `binary_input 0 true`,
//! `double_bit_input 2 on`, `counter 0 17`, `octet_string 3 text`; `need_time` makes it ask for the time. What the
//! master does is told as JSON lines. Outputs that are operated show it in their status.

mod device;

use std::net::SocketAddr;
use std::time::Duration;

use device::{Act, Device, points};
use ieee1815::outstation::{Outstation, SessionConfig, UnsolicitedConfig};
use ieee1815_tokio::{
    OutstationConfig, OutstationDriver, OutstationEvent, OutstationHandle, Route, TlsPolicy, TlsVersion,
};
use tokio::io::{AsyncBufReadExt, BufReader, Lines, Stdin};
use tokio::sync::mpsc;

const ADDRESS: u16 = 10;
const MASTER: u16 = 1;
/// From the answer to a restart until the connection goes.
const RESTART_AFTER: Duration = Duration::from_millis(100);

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let basic = arguments.first().is_some_and(|first| first == "--basic");
    arguments.drain(..usize::from(basic));
    let [listen, tls @ ..] = arguments.as_slice() else {
        return Err("usage: outstation [--basic] ADDR [CA CERT KEY MASTER]".into());
    };
    let mut listen: SocketAddr = listen.parse()?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    // Each turn is a life of the device: a restart ends it.
    while serve(&mut listen, tls, basic, &mut lines).await? {}
    Ok(())
}

async fn serve(
    listen: &mut SocketAddr,
    tls: &[String],
    basic: bool,
    lines: &mut Lines<BufReader<Stdin>>,
) -> Result<bool, Failure> {
    let mut session = SessionConfig::new(ADDRESS, MASTER);
    session.unsolicited = Some(UnsolicitedConfig::default());
    let outstation = Outstation::new(&points(basic), vec![session])?.with_attributes(device::attributes());
    let (acts, mut acted) = mpsc::unbounded_channel();
    let mut config = OutstationConfig::new(vec![Route::new(ADDRESS, MASTER)]);
    if let [ca, certificate, key, master] = tls {
        config.routes = vec![Route::new(ADDRESS, MASTER).admit(format!("name:{master}").parse()?)];
        config.tls = Some(policy(ca, certificate, key));
    }
    let (driver, mut events) = OutstationDriver::start(outstation, Device::new(acts), config)?;
    *listen = if tls.is_empty() { driver.listen(*listen).await? } else { driver.listen_tls(*listen).await? };
    println!("{}", serde_json::json!({ "event": "listening", "port": listen.port() }));
    loop {
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => measure(&driver, &line),
                None => return Ok(false),
            },
            Some(act) = acted.recv() => match act {
                Act::Update(point, index, measured) => driver.update(point, index, measured),
                Act::Octets(index, octets) => driver.with(|outstation, _| outstation.update_octets(index, &octets)),
                Act::Restart => {
                    tokio::time::sleep(RESTART_AFTER).await;
                    driver.shutdown().await;
                    return Ok(true);
                }
            },
            Some(event) = events.recv() => tell(&event),
        }
    }
}

fn policy(ca: &str, certificate: &str, key: &str) -> TlsPolicy {
    TlsPolicy {
        certificate: certificate.into(),
        key: key.into(),
        trust_anchors: vec![ca.into()],
        crls: Vec::new(),
        min_version: TlsVersion::V1_2,
        max_version: TlsVersion::V1_3,
        cipher_suites: Vec::new(),
        // The route's list applies.
        admitted: Vec::new(),
        debug_keylog: std::env::var_os("SSLKEYLOGFILE").map(Into::into),
    }
}

/// Takes a line of standard input.
fn measure(driver: &OutstationHandle<Device>, line: &str) {
    let done = driver.with(|outstation, device| match device::reading(line)? {
        device::Reading::Point(point, index, measured) => {
            outstation.update(point, index, measured);
            Some(())
        }
        device::Reading::Octets(index, octets) => {
            outstation.update_octets(index, &octets);
            Some(())
        }
        device::Reading::NeedTime => {
            device.need_time = true;
            Some(())
        }
    });
    let told = if done.is_some() { "measured" } else { "unknown" };
    println!("{}", serde_json::json!({ "event": told, "line": line }));
}

fn tell(event: &OutstationEvent) {
    let (what, why) = match event {
        OutstationEvent::Up { peer, .. } => ("up", peer.clone()),
        OutstationEvent::Down { why, .. } => ("down", why.clone()),
        OutstationEvent::Refused { peer, why } => ("refused", format!("{peer}: {why}")),
    };
    println!("{}", serde_json::json!({ "event": what, "why": why }));
}
