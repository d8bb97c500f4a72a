//! The EMS against an outstation over loopback TCP: what an operator would see of a device that lives, dies and
//! comes back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use support::{Ems, Outstation, config, ems_toml};
use telemetry::Journal;

#[tokio::test(flavor = "multi_thread")]
async fn a_device_s_life_as_the_iso_sees_it() {
    let mut device = Outstation::start(1).await;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("ems.sock");
    let mut ems = Ems::start(config(&ems_toml(&socket, device.address())));

    ems.wait("ready", |record| record["event"] == "ready").await;
    ems.wait("the link", |record| record["event"] == "link" && record["state"] == "up").await;
    ems.wait("an event scan", |record| {
        record["event"] == "scan" && record["kind"] == "events" && record["missed"] == false
    })
    .await;
    let poi = ask_point(&socket, "poi.mw").await;
    assert_eq!(
        (&poi["value"], &poi["counts"], &poi["quality"]),
        (&json!(7.5), &json!(15_000), &json!("good"))
    );
    assert_eq!((&poi["type"], &poi["flags"]), (&json!("analog_input"), &json!(["ONLINE"])));
    let breaker = ask_point(&socket, "breaker").await;
    assert_eq!((&breaker["value"], &breaker["quality"]), (&json!(true), &json!("good")));

    device.analog(1, 16_000.0);
    let change =
        ems.wait("the change", |record| record["event"] == "point" && record["counts"] == 16_000).await;
    assert_eq!(
        (&change["id"], &change["value"], &change["unit"]),
        (&json!("poi.mw"), &json!(8.0), &json!("MW"))
    );

    for (mode, value) in [("sbo", -2.5), ("direct", 1.0)] {
        let request = json!({"do": "setpoint", "point": "bess.mw.setpoint", "value": value, "mode": mode});
        assert_eq!(localsocket::ask(&socket, &request).await.unwrap()["status"], "SUCCESS");
    }
    assert_eq!(device.operated(), [(1, -15_000.0), (1, 6_000.0)]);
    let refused = json!({"do": "setpoint", "point": "bess.mw.setpoint", "value": 4.5});
    let told = localsocket::ask(&socket, &refused).await.unwrap_err().to_string();
    assert_eq!(told, "4.5 MW is outside the limits of bess.mw.setpoint: -4 to 4 MW");

    let address = device.address();
    device.stop().await;
    let down =
        ems.wait("the dead link", |record| record["event"] == "link" && record["state"] == "down").await;
    assert_eq!(down["device"], "rtd");
    let dead = ask_point(&socket, "poi.mw").await;
    assert_eq!((&dead["value"], &dead["quality"]), (&json!(8.0), &json!("bad")));
    assert!(dead["reasons"][0].as_str().unwrap().starts_with("link down"), "{dead}");

    let device = Outstation::start_at(address, 1).await;
    let first = ems
        .wait("what came first", |record| {
            record["event"] == "restart" || record["event"] == "point" && record["quality"] == "good"
        })
        .await;
    assert_eq!(first["event"], "restart", "no point of a restarted device stands before it: {first}");
    ems.wait("its integrity poll", |record| record["event"] == "scan" && record["kind"] == "integrity").await;
    assert_eq!(ask_point(&socket, "poi.mw").await["quality"], "good");
    let status = localsocket::ask(&socket, &json!({"do": "status"})).await.unwrap();
    assert_eq!(status["devices"][0]["link"], "up");
    assert_eq!(status["devices"][0]["setpoints_accepted"], 2);

    device.freeze();
    ems.wait("a heartbeat that does not move", |record| {
        record["event"] == "heartbeat" && record["stuck"] == true
    })
    .await;
    let stuck = ask_point(&socket, "poi.mw").await;
    assert_eq!(
        (&stuck["quality"], &stuck["reasons"]),
        (&json!("questionable"), &json!(["heartbeat stuck: rtd"]))
    );

    ems.stop().await;
    assert!(!socket.exists());
    device.stop().await;
}

#[tokio::test]
async fn what_cannot_start_says_why_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("ems.sock");
    let text = ems_toml(&socket, "127.0.0.1:20000".parse().unwrap());
    let (_stop, shutdown) = tokio::sync::watch::channel(false);

    let taken = localsocket::LocalServer::bind(&socket).unwrap();
    let error = ems::run(config(&text), Journal::none(), shutdown.clone()).await.unwrap_err();
    assert!(matches!(error, ems::RunError::Socket(_)), "{error}");
    drop(taken);

    let not_pem = folder.path().join("ems.pem");
    std::fs::write(&not_pem, "no certificate").unwrap();
    let tls = format!(
        "[tls]\ncertificate = '{0}'\nkey = '{0}'\ntrust_anchors = ['{0}']\n[[device]]",
        not_pem.display()
    );
    let text =
        text.replacen("[[device]]", &tls, 1).replace("transport = \"tcp\"", "admit = [\"name:rtd.example\"]");
    let error = ems::run(config(&text), Journal::none(), shutdown).await.unwrap_err().to_string();
    assert!(error.starts_with("TLS for device `rtd`: ") && error.contains("ems.pem"), "{error}");
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_observer_looks_with_its_own_address_and_leaves() {
    let device = Outstation::start(2).await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(&ems_toml(&folder.path().join("ems.sock"), device.address()));
    let (_stop, shutdown) = tokio::sync::watch::channel(false);
    let mut polls = Vec::new();
    ems::observe(&config, 2, shutdown, |observed| polls.push(observed.clone())).await.unwrap();
    assert_eq!(polls.len(), 2);
    for poll in &polls {
        assert!(poll.unanswered.is_empty(), "{poll:?}");
        let line = serde_json::to_value(&poll.points[0]).unwrap();
        assert_eq!(
            (&line["point"], &line["value"], &line["quality"]),
            (&json!("poi.mw"), &json!(7.5), &json!("good"))
        );
    }
    device.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_observer_tells_who_does_not_answer() {
    let device = Outstation::start(2).await;
    let address = device.address();
    device.stop().await;
    let folder = tempfile::tempdir().unwrap();
    let config = config(&ems_toml(&folder.path().join("ems.sock"), address));
    let (_stop, shutdown) = tokio::sync::watch::channel(false);
    let mut polls = Vec::new();
    ems::observe(&config, 1, shutdown, |observed| polls.push(observed.clone())).await.unwrap();
    assert_eq!(&*polls[0].unanswered[0].device, "rtd");
    assert!(polls[0].points.iter().all(|point| point.standing.quality == telemetry::Quality::Bad));
}

async fn ask_point(socket: &std::path::Path, id: &str) -> Value {
    let answer = localsocket::ask(socket, &json!({"do": "points"})).await.unwrap();
    answer["points"].as_array().unwrap().iter().find(|point| point["point"] == id).unwrap().clone()
}
