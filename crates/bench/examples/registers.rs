//! Many Modbus/TCP devices in one cheap program: whatever is measured beside them is not theirs.
//!
//! `registers DEVICES CHANGES` serves so many devices of 100 holding registers each, every one of which changes
//! `CHANGES` times a second; says `{"ports": [...]}` and serves until its input ends.

use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Registers of a device.
const REGISTERS: u16 = 100;
/// Values are 0 up to this: as far as 16 bits and full scale go.
const VALUES: u64 = 30_000;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1).filter_map(|one| one.parse::<u64>().ok());
    let (devices, changes) = (arguments.next().unwrap_or(50), arguments.next().unwrap_or(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let begin = Instant::now();
        let mut ports = Vec::new();
        for device in 0..devices {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            ports.push(listener.local_addr()?.port());
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, device, changes, begin));
                }
            });
        }
        println!("{{\"ports\": {ports:?}}}");
        let mut rest = Vec::new();
        tokio::io::stdin().read_to_end(&mut rest).await?;
        Ok(())
    })
}

/// Answers READ HOLDING REGISTERS until the connection ends.
async fn serve(mut stream: TcpStream, device: u64, changes: u64, begin: Instant) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut request = [0_u8; 12];
        stream.read_exact(&mut request).await?;
        let [t0, t1, _, _, _, _, unit, function, a0, a1, c0, c1] = request;
        let (address, count) = (u16::from_be_bytes([a0, a1]), u16::from_be_bytes([c0, c1]));
        let in_place = address.checked_add(count).is_some_and(|end| end <= REGISTERS) && count > 0;
        let mut answer = vec![t0, t1, 0, 0];
        if function == 3 && in_place {
            let octets = count * 2;
            answer.extend((octets + 3).to_be_bytes());
            answer.extend([unit, 3, octets.to_be_bytes()[1]]);
            let tick = u64::try_from(begin.elapsed().as_millis()).unwrap_or(0) * changes / 1_000;
            for register in address..address + count {
                // Each goes its own way, and is another one at each tick.
                let value = (tick + device * 977 + u64::from(register) * 31) % VALUES;
                answer.extend(u16::try_from(value).unwrap_or(0).to_be_bytes());
            }
        } else {
            answer.extend([0, 3, unit, function | 0x80, 2]);
        }
        stream.write_all(&answer).await?;
    }
}
