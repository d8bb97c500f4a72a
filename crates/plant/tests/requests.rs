//! Requests of the local socket, malformed frames and a port in use, on real sockets.

#![expect(clippy::unwrap_used, reason = "tests")]

use plant::{Config, Options};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream, UnixStream};

fn config(folder: &std::path::Path, listen: &str) -> Config {
    let file = folder.join("plant.toml");
    let text = format!(
        "[plant]\nname='p'\nsocket='p.sock'\nstart='11:00'\n[switchgear]\nid='sw'\nlisten='{listen}'\n"
    );
    std::fs::write(&file, text).unwrap();
    Config::read(&file).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn journals_requests_and_drops_malformed_frames() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, reader) = telemetry::Journal::new();
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let config = config(folder.path(), "127.0.0.1:0");
    let task = tokio::spawn(plant::run(config, Options::default(), journal, stopped));
    let next = move || serde_json::from_str::<Value>(&reader.next().unwrap()).unwrap();
    let ready = next();
    let address = ready["devices"][0]["address"].as_str().unwrap();

    let mut malformed = TcpStream::connect(address).await.unwrap();
    malformed.write_all(&[0, 1, 0, 9, 0, 6, 1]).await.unwrap();
    assert_eq!(malformed.read(&mut [0; 1]).await.unwrap(), 0);

    let mut socket = UnixStream::connect(folder.path().join("p.sock")).await.unwrap();
    socket.write_all(b"{\"do\":\"breaker\",\"closed\":false}\n").await.unwrap();
    loop {
        let record = next();
        if record["event"] == "breaker" {
            assert_eq!(record["closed"], false);
            assert!(!record["time"].is_null());
            break;
        }
    }
    // The grid's frequency, held and let go; what is no frequency, and a fault that would do nothing, are refused.
    let (answers, mut requests) = socket.into_split();
    let mut answers = BufReader::new(answers).lines();
    assert!(answers.next_line().await.unwrap().is_some());
    for (request, told) in [
        ("{\"do\":\"frequency\",\"hz\":59.9}", "\"held_hz\":59.9"),
        ("{\"do\":\"frequency\",\"hz\":null}", "\"held_hz\":null"),
        ("{\"do\":\"frequency\",\"hz\":6}", "`hz` must be 40 to 65, or null: the grid's own"),
        ("{\"do\":\"fault\",\"device\":\"sw\",\"kind\":\"trip\"}", "`trip` does nothing to `sw`"),
    ] {
        requests.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        let answer = answers.next_line().await.unwrap().unwrap();
        assert!(answer.contains(told), "{answer}");
    }
    stop.send(true).unwrap();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let held = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = held.local_addr().unwrap().to_string();
    let (journal, _reader) = telemetry::Journal::new();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let config = config(folder.path(), &address);
    let error = plant::run(config, Options::default(), journal, stopped).await.unwrap_err();
    assert!(error.to_string().contains(&address), "{error}");
}
