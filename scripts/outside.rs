//! A program outside of the workspace: an outstation and a master of the packaged crates talk over TCP.
//! Built and run by `scripts/proof.sh package`; prints one line of JSON.

use ieee1815::master::{MasterConfig, MasterEvent};
use ieee1815::outstation::{Outstation, PointConfig, ReadOnly, SessionConfig};
use ieee1815::{Flags, Measured, PointType, Value};
use ieee1815_tokio::{DriverConfig, DriverEvent, MasterDriver, OutstationConfig, OutstationDriver, Route};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let points = [PointConfig { static_variation: 5, ..PointConfig::new(PointType::AnalogInput, 0) }];
    let outstation = Outstation::new(&points, vec![SessionConfig::new(10, 1)])?;
    let config = OutstationConfig::new(vec![Route::new(10, 1)]);
    let (device, _events) = OutstationDriver::start(outstation, ReadOnly, config)?;
    let address = device.listen("127.0.0.1:0".parse()?).await?;
    let measured = Measured { value: Value::Analog(47.5), flags: Some(Flags::ONLINE), time: None };
    device.update(PointType::AnalogInput, 0, measured);
    let mut master = MasterConfig::new(1, 10);
    master.accept.insert(PointType::AnalogInput, 0..=9);
    let config = DriverConfig::new(address.to_string(), master);
    let (_stop, shutdown) = tokio::sync::watch::channel(false);
    let (_master, mut events) = MasterDriver::spawn(config, shutdown);
    while let Some(event) = events.recv().await {
        if let DriverEvent::Master { event: MasterEvent::Point { index, measured, .. }, .. } = event {
            println!("{{\"packages\": 2, \"index\": {index}, \"value\": \"{:?}\"}}", measured.value);
            return Ok(());
        }
    }
    Err("the master has ended".into())
}
