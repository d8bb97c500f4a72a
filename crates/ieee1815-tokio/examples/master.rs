//! A master with link address 1 that prints what the outstation with link address 10 reports.
//!
//! ```text
//! master 127.0.0.1:20000                                      plain TCP
//! master 127.0.0.1:20000 ca.pem own.pem own.key rtd.example   mutual TLS; the last is the name of the outstation
//! ```
//!
//! It ends with its standard input.

use std::sync::Arc;
use std::time::Duration;

use ieee1815::master::{MasterConfig, Scan};
use ieee1815::{Classes, PointType};
use ieee1815_tokio::{DriverConfig, DriverEvent, MasterDriver, TlsPolicy, TlsVersion};
use tokio::io::AsyncReadExt;
use tokio::sync::watch;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (address, tls) = match arguments.as_slice() {
        [address] if address.contains(':') => (address, None),
        [address, ca, certificate, key, outstation] => {
            let policy = TlsPolicy {
                certificate: certificate.into(),
                key: key.into(),
                trust_anchors: vec![ca.into()],
                crls: Vec::new(),
                min_version: TlsVersion::V1_2,
                max_version: TlsVersion::V1_3,
                cipher_suites: Vec::new(),
                admitted: vec![format!("name:{outstation}").parse()?],
                debug_keylog: None,
            };
            (address, Some(Arc::new(policy.client()?)))
        }
        _ => {
            eprintln!("usage: master ADDR:PORT [CA CERT KEY OUTSTATION]\nexample: master 127.0.0.1:20000");
            std::process::exit(2);
        }
    };
    let mut master = MasterConfig::new(1, 10);
    for point in PointType::ALL {
        master.accept.insert(point, 0..=99);
    }
    master.unsolicited = Classes::EVENTS;
    master.time_sync = true;
    master.scans = vec![Scan::classes(Classes::EVENTS, Duration::from_secs(4))];
    let config = DriverConfig {
        address: address.clone(),
        tls,
        master,
        connect_timeout: Duration::from_secs(5),
        reconnect_delay: Duration::from_secs(2),
    };
    let (_stop, shutdown) = watch::channel(false);
    let (_master, mut events) = MasterDriver::spawn(config, shutdown);
    let (mut stdin, mut ignored) = (tokio::io::stdin(), [0; 64]);
    loop {
        tokio::select! {
            read = stdin.read(&mut ignored) => if read? == 0 {
                return Ok(());
            },
            event = events.recv() => match event {
                Some(DriverEvent::Master { event, .. }) => println!("{event:?}"),
                Some(other) => println!("{other:?}"),
                None => return Ok(()),
            },
        }
    }
}
