//! After warm-up a poll allocates nothing in the driver, whose buffers belong to the thread: counted by an allocator.
//!
//! Over plain TCP: what rustls allocates for its records is not ours. One test function: the counter is the process's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod support;

use support::ANY_PORT;
use support::station::{STATION, routes, start};
use support::wire::frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const POLLS: u64 = 1000;
/// Class 0.
const READ: [u8; 5] = [0xC0, 1, 60, 1, 6];

async fn poll(master: &mut TcpStream, request: &[u8], answer: &mut [u8]) {
    master.write_all(request).await.unwrap();
    master.read_exact(answer).await.unwrap();
}

#[tokio::test]
async fn a_poll_allocates_nothing() {
    let (driver, _events) = start(100, routes(&[1]));
    let address = driver.listen(ANY_PORT).await.unwrap();
    let mut master = TcpStream::connect(address).await.unwrap();
    master.set_nodelay(true).unwrap();
    let request = frame(STATION, 1, &READ);
    // The first answer tells how long they are.
    master.write_all(&request).await.unwrap();
    let mut answer = vec![0; 4096];
    let mut length = 0;
    let whole = |octets: &[u8]| {
        let mut at = 0;
        while let Some((_, user, frame)) = support::wire::unframe(&octets[at..]) {
            at += frame;
            if user[0] & 0x80 != 0 {
                return true;
            }
        }
        false
    };
    while !whole(&answer[..length]) {
        length += master.read(&mut answer[length..]).await.unwrap();
    }
    for _ in 0..100 {
        poll(&mut master, &request, &mut answer[..length]).await;
    }
    let profiler = dhat::Profiler::builder().testing().build();
    let before = dhat::HeapStats::get().total_blocks;
    for _ in 0..POLLS {
        poll(&mut master, &request, &mut answer[..length]).await;
    }
    let blocks = dhat::HeapStats::get().total_blocks - before;
    // What is allocated is seen.
    drop(std::hint::black_box(Box::new(0_u8)));
    assert_eq!(dhat::HeapStats::get().total_blocks, before + blocks + 1);
    drop(profiler);
    assert!(whole(&answer[..length]));
    assert_eq!(blocks, 0, "blocks allocated in {POLLS} polls of {length} octets");
}
