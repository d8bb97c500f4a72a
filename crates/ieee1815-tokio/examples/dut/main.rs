//! A device under test: `dut --listen ADDR` serves the database of the recorded certification runs over plain TCP,
//! and takes what the bench does as JSON lines on standard input, by the names of those recordings:
//! `{"act":"power-cycle"}`, `{"act":"binary-input-events"}`, `{"act":"disable-all","arg":"Binary Output"}`.
//!
//! `{"act":"counters"}` tells what was dropped, by reason. Each act is answered by a line (`{"act":...,"done":true}`), each control that was operated by another. It ends
//! with its standard input.

mod bench;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bench::{Act, Bench};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const WRITE_TIME_MAX: Duration = Duration::from_secs(1);

const HELP: &str = "usage: dut --listen ADDR\n\n\
    example: dut --listen 127.0.0.1:20000\n\
    then on standard input: {\"act\":\"power-cycle\"}";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let address = match arguments.as_slice() {
        [flag, address] if flag == "--listen" => address.parse::<SocketAddr>(),
        [flag] if flag == "--help" || flag == "-h" => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    let Ok(address) = address else {
        eprintln!("dut: --listen wants an address and a port, as 127.0.0.1:20000");
        return ExitCode::from(2);
    };
    match serve(address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dut: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(address: SocketAddr) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    println!("{{\"listening\":\"{}\"}}", listener.local_addr()?);
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let (origin, mut bench) = (Instant::now(), Bench::new());
    let mut connection: Option<TcpStream> = None;
    let mut buffer = vec![0; 4096];
    let mut out = Vec::new();
    loop {
        out.clear();
        // A master that does not read holds up nobody else.
        if let Some(stream) = connection.as_mut().filter(|_| bench.poll_transmit(&mut out))
            && !matches!(timeout(WRITE_TIME_MAX, stream.write_all(&out)).await, Ok(Ok(())))
        {
            connection = None;
            bench.disconnected(origin.elapsed());
        }
        let wake = bench.timeout().map(|at| tokio::time::Instant::from_std(origin + at));
        tokio::select! {
            line = lines.next_line() => match line? {
                Some(line) => answer(&line, &mut bench, connection.is_some(), origin),
                None => return Ok(()),
            },
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                connection = Some(stream);
                bench.connected(origin.elapsed());
            }
            read = read(connection.as_mut(), &mut buffer) => match read {
                Ok(length @ 1..) => {
                    bench.receive(&buffer[..length], origin.elapsed());
                    report(&mut bench);
                    if bench.take_restart() {
                        bench.poll_transmit(&mut out);
                        if let Some(stream) = connection.as_mut() {
                            let _ = timeout(WRITE_TIME_MAX, stream.write_all(&out)).await;
                        }
                        bench.act("power-cycle", None, connection.is_some(), origin.elapsed());
                    }
                }
                _ => {
                    connection = None;
                    bench.disconnected(origin.elapsed());
                }
            },
            () = sleep(wake) => bench.handle_timeout(origin.elapsed()),
        }
    }
}

async fn read(connection: Option<&mut TcpStream>, buffer: &mut [u8]) -> std::io::Result<usize> {
    match connection {
        Some(stream) => stream.read(buffer).await,
        None => std::future::pending().await,
    }
}

async fn sleep(until: Option<tokio::time::Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn answer(line: &str, bench: &mut Bench, connected: bool, origin: Instant) {
    if line.trim().is_empty() {
        return;
    }
    let value: serde_json::Value = match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) => return println!("{}", serde_json::json!({ "error": error.to_string() })),
    };
    let Some(act) = value.get("act").and_then(serde_json::Value::as_str) else {
        return println!("{}", serde_json::json!({ "error": "an act is wanted: {\"act\":\"power-cycle\"}" }));
    };
    if act == "counters" {
        return println!("{}", serde_json::json!({ "counters": format!("{:?}", bench.counters()) }));
    }
    let arg = value.get("arg").and_then(serde_json::Value::as_str);
    let done = match bench.act(act, arg, connected, origin.elapsed()) {
        Act::Done => serde_json::json!({ "act": act, "done": true }),
        Act::Watch => serde_json::json!({ "act": act, "done": false, "why": "for whoever watches" }),
        Act::Unknown => serde_json::json!({ "act": act, "error": "there is no such act" }),
    };
    println!("{done}");
}

fn report(bench: &mut Bench) {
    for (index, command) in bench.take_operated() {
        println!("{}", serde_json::json!({ "operated": index, "command": format!("{command:?}") }));
    }
}
