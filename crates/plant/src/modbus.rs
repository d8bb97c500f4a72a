//! A Modbus/TCP server of our own, small enough to break on purpose: a library answers well-formed frames only.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::devices::Exception;
use crate::faults::FaultKind;
use crate::run::Shared;

/// A client that says nothing for so long is gone.
const IDLE: Duration = Duration::from_secs(300);
/// The rest of a frame follows its header within this.
const FRAME: Duration = Duration::from_secs(5);
/// What the fault `slow` waits.
const SLOW: Duration = Duration::from_secs(3);

/// Serves one client of the device at index `device` until it leaves or breaks the protocol.
pub(crate) async fn serve(mut stream: TcpStream, shared: &Shared, device: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut header = [0; 7];
        tokio::time::timeout(IDLE, stream.read_exact(&mut header)).await??;
        let [id_high, id_low, protocol_high, protocol_low, length_high, length_low, unit] = header;
        let length = usize::from(u16::from_be_bytes([length_high, length_low]));
        if (protocol_high, protocol_low) != (0, 0) || !(2..=254).contains(&length) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut request = vec![0; length - 1];
        tokio::time::timeout(FRAME, stream.read_exact(&mut request)).await??;
        let fault = shared.fault(device);
        if fault == FaultKind::Silent || !matches!(unit, 0 | 1 | 255) {
            continue;
        }
        if fault == FaultKind::Slow {
            tokio::time::sleep(SLOW).await;
        }
        let mut id = u16::from_be_bytes([id_high, id_low]);
        if fault == FaultKind::WrongTransaction {
            id = id.wrapping_add(1);
        }
        let answer = answer(&request, shared, device)
            .unwrap_or_else(|exception| vec![request.first().copied().unwrap_or(0) | 0x80, exception as u8]);
        let mut frame = id.to_be_bytes().to_vec();
        frame.extend([0, 0]);
        frame.extend(u16::try_from(answer.len() + 1).unwrap_or(0).to_be_bytes());
        frame.push(unit);
        frame.extend(answer);
        stream.write_all(&frame).await?;
    }
}

fn answer(request: &[u8], shared: &Shared, device: usize) -> Result<Vec<u8>, Exception> {
    match *request {
        [function @ (3 | 4), a, b, c, d] => {
            let (start, count) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            if !(1..=125).contains(&count) {
                return Err(Exception::Value);
            }
            let words = shared.read(device, start, count)?;
            let mut answer = vec![function, u8::try_from(words.len() * 2).unwrap_or(0)];
            answer.extend(words.iter().flat_map(|word| word.to_be_bytes()));
            Ok(answer)
        }
        [6, a, b, c, d] => {
            shared.write(device, u16::from_be_bytes([a, b]), &[u16::from_be_bytes([c, d])])?;
            Ok(request.to_vec())
        }
        [16, a, b, c, d, octets, ref rest @ ..] => {
            let count = usize::from(u16::from_be_bytes([c, d]));
            if !(1..=123).contains(&count) || usize::from(octets) != count * 2 || rest.len() != count * 2 {
                return Err(Exception::Value);
            }
            let words: Vec<u16> =
                rest.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            shared.write(device, u16::from_be_bytes([a, b]), &words)?;
            Ok(vec![16, a, b, c, d])
        }
        [3 | 4 | 6 | 16, ..] => Err(Exception::Value),
        _ => Err(Exception::Function),
    }
}
