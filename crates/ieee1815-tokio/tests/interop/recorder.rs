//! A relay between the two sides that writes what passes as a capture: no privilege is needed for that, and a capture
//! holds one row and nothing else.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

/// The addresses of the capture: who dials, and who is dialled.
pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
/// The port of the capture.
pub(crate) const PORT: u16 = 20_000;
/// Packets without a link header, that is, IP from the first octet on.
const LINK_TYPE_RAW: u32 = 101;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const PUSH_ACK: u8 = 0x18;

/// A capture that is written. Octets are written before they are passed on, so that an answer stands after what it
/// answers.
struct Capture {
    file: File,
    connections: u16,
}

/// One connection: the sequence numbers of both sides.
struct Stream {
    capture: Arc<Mutex<Capture>>,
    port: u16,
    next: Mutex<[u32; 2]>,
}

impl Capture {
    fn new(path: &Path) -> Self {
        let mut file = File::create(path).unwrap();
        let header = [0xA1B2_C3D4, 0x0004_0002, 0, 0, 65_535, LINK_TYPE_RAW];
        for word in header {
            file.write_all(&u32::to_le_bytes(word)).unwrap();
        }
        Self { file, connections: 0 }
    }

    fn packet(
        &mut self,
        port: u16,
        from_server: bool,
        sequence: u32,
        acknowledged: u32,
        flags: u8,
        data: &[u8],
    ) {
        let length = u16::try_from(40 + data.len()).unwrap();
        let mut packet = vec![0x45, 0];
        packet.extend(length.to_be_bytes());
        packet.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        let ends = if from_server { [SERVER, CLIENT] } else { [CLIENT, SERVER] };
        ends.iter().for_each(|end| packet.extend(end.octets()));
        let ports = if from_server { [PORT, port] } else { [port, PORT] };
        ports.iter().for_each(|port| packet.extend(port.to_be_bytes()));
        packet.extend(sequence.to_be_bytes());
        packet.extend(acknowledged.to_be_bytes());
        packet.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
        packet.extend_from_slice(data);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let size = u32::try_from(packet.len()).unwrap();
        for word in [u32::try_from(now.as_secs()).unwrap(), now.subsec_micros(), size, size] {
            self.file.write_all(&word.to_le_bytes()).unwrap();
        }
        self.file.write_all(&packet).unwrap();
    }
}

impl Stream {
    fn open(capture: &Arc<Mutex<Capture>>) -> Self {
        let mut writing = capture.lock().unwrap();
        writing.connections += 1;
        let port = 40_000 + writing.connections;
        writing.packet(port, false, 0, 0, SYN, &[]);
        writing.packet(port, true, 0, 1, SYN | ACK, &[]);
        writing.packet(port, false, 1, 1, ACK, &[]);
        drop(writing);
        Self { capture: Arc::clone(capture), port, next: Mutex::new([1, 1]) }
    }

    fn note(&self, from_server: bool, data: &[u8]) {
        let mut next = self.next.lock().unwrap();
        let own = usize::from(from_server);
        let (sequence, other) = (next[own], next[1 - own]);
        next[own] = sequence.wrapping_add(u32::try_from(data.len()).unwrap());
        self.capture.lock().unwrap().packet(self.port, from_server, sequence, other, PUSH_ACK, data);
    }
}

/// A relay that records: the port to dial in place of `target`. It lives as long as the test.
pub(crate) fn relay(target: SocketAddr, capture: &Path) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let capture = Arc::new(Mutex::new(Capture::new(capture)));
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            // Nobody there: the client finds its connection closed.
            let Ok(server) = TcpStream::connect(target) else { continue };
            let stream = Arc::new(Stream::open(&capture));
            for (from, to, from_server) in [(&client, &server, false), (&server, &client, true)] {
                let (from, to, stream) =
                    (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&stream));
                std::thread::spawn(move || pass(from, to, from_server, &stream));
            }
        }
    });
    port
}

fn pass(mut from: TcpStream, mut to: TcpStream, from_server: bool, stream: &Stream) {
    let mut buffer = [0; 8192];
    drop(to.set_nodelay(true));
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        stream.note(from_server, &buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    drop(to.shutdown(Shutdown::Write));
}
