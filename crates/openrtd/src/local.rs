//! `openrtd poll`, `setpoint` and `fault`: questions to a running program, over its own socket.

use std::path::Path;
use std::time::Duration;

use localsocket::SocketError;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::cli;
use crate::exit::Failure;
use crate::output::{Gone, say};
use crate::profile::running_ems;
use crate::signals::Signals;

/// `openrtd poll`.
pub(crate) async fn poll(arguments: &cli::Poll) -> Result<(), Failure> {
    let (config, _) = running_ems(&arguments.file)?;
    let mut signals = Signals::new().map_err(Failure::failed)?;
    let following = async {
        match running_points(&config).await? {
            Some(rows) => follow(arguments, &config, rows).await.map(|()| true),
            None => Ok(false),
        }
    };
    let followed = tokio::select! {
        result = following => result?,
        () = signals.stop() => true,
    };
    if followed {
        return Ok(());
    }
    let (stop, stopped) = watch::channel(false);
    let mut observing = std::pin::pin!(observe(arguments, &config, stopped, &stop));
    tokio::select! {
        result = &mut observing => return result,
        () = signals.stop() => {}
    }
    // The observer takes its leave of the devices. It cannot fail: it holds the other end.
    let _ = stop.send(true);
    tokio::select! {
        _ = observing => {}
        // Whoever asks twice is in a hurry.
        () = signals.stop() => {}
    }
    Ok(())
}

/// The running EMS's points; `None` where none runs.
async fn running_points(config: &ems::Config) -> Result<Option<Vec<Value>>, Failure> {
    match localsocket::ask(&config.socket, &json!({"do": "points"})).await {
        Ok(mut answer) => match answer.get_mut("points").map(Value::take) {
            Some(Value::Array(rows)) => Ok(Some(rows)),
            _ => Err(Failure::Failed(format!("{}: the answer has no points", config.socket.display()))),
        },
        Err(SocketError::NotRunning { .. }) => Ok(None),
        Err(error) => Err(Failure::failed(error)),
    }
}

/// The running EMS's points, a scan apart.
async fn follow(arguments: &cli::Poll, config: &ems::Config, first: Vec<Value>) -> Result<(), Failure> {
    let wait = config.devices.iter().map(|device| device.scan).min().unwrap_or(Duration::from_secs(4));
    let mut rows = Some(first);
    for round in 0..arguments.count {
        if round > 0 {
            tokio::time::sleep(wait).await;
            rows = running_points(config).await?;
        }
        let Some(rows) = &rows else { return Err(Failure::Failed("the EMS stopped".to_owned())) };
        if show(rows, arguments.json).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

/// The devices' points, seen as the observer.
async fn observe(
    arguments: &cli::Poll,
    config: &ems::Config,
    stopped: watch::Receiver<bool>,
    stop: &watch::Sender<bool>,
) -> Result<(), Failure> {
    let mut unanswered = None;
    let mut unreadable = None;
    let each = |observed: &ems::Observed| {
        unanswered =
            observed.unanswered.first().map(|one| format!("{} does not answer: {}", one.device, one.why));
        match observed.points.iter().map(serde_json::to_value).collect::<Result<Vec<_>, _>>() {
            Ok(rows) if show(&rows, arguments.json).is_ok() => {}
            // Nobody reads any more: it cannot fail, this function holds the other end.
            Ok(_) => drop(stop.send(true)),
            Err(error) => unreadable = Some(error),
        }
    };
    ems::observe(config, arguments.count, stopped, each).await.map_err(|error| {
        // Both tell of the file or of what it names.
        Failure::Input(error.to_string())
    })?;
    match (unreadable, unanswered) {
        (Some(error), _) => Err(Failure::failed(error)),
        (None, Some(why)) => Err(Failure::Failed(why)),
        (None, None) => Ok(()),
    }
}

fn show(rows: &[Value], json: bool) -> Result<(), Gone> {
    if !json {
        say(&HEAD.join_row())?;
    }
    rows.iter().try_for_each(|row| say(&if json { row.to_string() } else { Columns::of(row).join_row() }))
}

/// A point for people.
struct Columns([String; 7]);

const HEAD: Columns = Columns([const { String::new() }; 7]);

impl Columns {
    fn of(row: &Value) -> Self {
        let text = |field: &str| match row.get(field) {
            None | Some(Value::Null) => "-".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let list = |field: &str| match row.get(field) {
            Some(Value::Array(items)) => items.iter().map(word).collect::<Vec<_>>().join(" "),
            _ => String::new(),
        };
        let value = match row.get("value").and_then(Value::as_f64) {
            Some(value) => format!("{value:.4}"),
            None => text("value"),
        };
        let age = row.get("age_ms").and_then(Value::as_u64);
        let age =
            age.map_or_else(|| "-".to_owned(), |age| format!("{}.{} s", age / 1_000, age % 1_000 / 100));
        let unit = if row.get("unit").is_none_or(Value::is_null) { String::new() } else { text("unit") };
        let why = [list("reasons"), list("flags")].join("  ");
        Self([text("device"), text("point"), value, unit, text("quality"), age, why.trim().to_owned()])
    }

    fn join_row(&self) -> String {
        let [device, point, value, unit, quality, age, why] = if self.0.iter().all(String::is_empty) {
            &["device", "point", "value", "unit", "quality", "age", "reasons and flags"].map(str::to_owned)
        } else {
            &self.0
        };
        format!("{device:<8} {point:<20} {value:>12} {unit:<6} {quality:<12} {age:>9}  {why}")
            .trim_end()
            .to_owned()
    }
}

/// An entry of a list: a text as it is, a reason by its words.
pub(crate) fn word(item: &Value) -> String {
    match item {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// `openrtd setpoint`.
pub(crate) async fn setpoint(arguments: &cli::Setpoint) -> Result<(), Failure> {
    let (config, _) = running_ems(&arguments.file)?;
    let mode = if arguments.direct { "direct" } else { "sbo" };
    let request = json!({"do": "setpoint", "point": arguments.point, "value": arguments.value, "mode": mode});
    let mut answer =
        ask(&config.socket, "EMS", &format!("openrtd ems {}", arguments.file.display()), &request).await?;
    let status = accepted(&mut answer);
    let told = if arguments.json {
        answer.to_string()
    } else {
        format!("{} {} ({mode}): {status}", arguments.point, arguments.value)
    };
    // A reader that went away does not change what the device did.
    let _ = say(&told);
    if status == "SUCCESS" {
        return Ok(());
    }
    Err(Failure::Failed(refusal(&status)))
}

/// Why a set point was not taken. Not every word is a device's: some say that none answered.
fn refusal(status: &str) -> String {
    let why = match status.split(':').next().unwrap_or_default() {
        "LINK_DOWN" => {
            "no device answered: there is no session, or it ended before the answer (what was sent may have been taken)"
        }
        "TIMED_OUT" => "no device answered in time (it may have taken the set point all the same)",
        "SELECT_EXPIRED" => "the device answered the select too late, so it was not operated",
        "EXPIRED" | "INVALID" | "NOT_SENT" => "no device was asked",
        "MALFORMED" | "UNEXPECTED" | "OVERLOADED" => "the device's answer was not understood, or lost",
        _ => return format!("the device answered {status}"),
    };
    format!("{why}: {status}")
}

/// What the device answered. `ok` of an answer over the socket says that the question was understood; of a set point
/// it says that the device took it.
fn accepted(answer: &mut Value) -> String {
    let status = answer.get("status").and_then(Value::as_str).unwrap_or("no status").to_owned();
    if let Value::Object(fields) = answer {
        fields.insert("ok".to_owned(), Value::Bool(status == "SUCCESS"));
    }
    status
}

/// `openrtd fault`.
pub(crate) async fn fault(arguments: &cli::Fault) -> Result<(), Failure> {
    let config = plant::Config::read(&arguments.file)?;
    let request = fault_request(arguments.device.as_deref(), arguments.kind.as_deref())?;
    let start = format!("openrtd plant {}", arguments.file.display());
    let answer = ask(&config.socket, "plant", &start, &request).await?;
    // As above.
    let _ = say(&if arguments.json { answer.to_string() } else { standing(&answer) });
    Ok(())
}

/// How the plant stands, in words.
fn standing(answer: &Value) -> String {
    let devices = answer.get("devices").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let broken: Vec<String> = devices
        .iter()
        .filter_map(|device| {
            let text = |name: &str| device.get(name).and_then(Value::as_str);
            let fault = text("fault").filter(|fault| *fault != "none")?;
            Some(format!("{}: {fault}", text("id")?))
        })
        .collect();
    let devices = match (broken.as_slice(), devices.len().saturating_sub(broken.len())) {
        ([], _) => "no device has a fault".to_owned(),
        (broken, 0) => broken.join(", "),
        (broken, _) => format!("{}, the other devices have no fault", broken.join(", ")),
    };
    let is = |name: &str| answer.get(name).and_then(Value::as_bool);
    let breaker = if is("closed") == Some(false) { "open" } else { "closed" };
    let remote = if is("remote") == Some(false) { "local" } else { "remote" };
    let held = answer.get("held_hz").and_then(Value::as_f64);
    let frequency = held.map_or_else(
        || "the frequency is the grid's own".to_owned(),
        |hz| format!("the frequency is held at {hz} Hz"),
    );
    format!("{devices}; the breaker is {breaker}, the plant is in {remote}, {frequency}")
}

fn fault_request(device: Option<&str>, kind: Option<&str>) -> Result<Value, Failure> {
    let refuse = |allowed: &str| {
        let (device, kind) = (device.unwrap_or_default(), kind.unwrap_or_default());
        Err(Failure::Input(format!("fault {device} {kind}: allowed: {allowed}")))
    };
    Ok(match (device, kind) {
        (None, _) | (_, None) => json!({"do": "status"}),
        (Some("breaker"), Some("open")) => json!({"do": "breaker", "closed": false}),
        (Some("breaker"), Some("closed" | "close" | "none")) => json!({"do": "breaker", "closed": true}),
        (Some("breaker"), _) => return refuse("breaker open, breaker closed"),
        (Some("remote"), Some("on" | "none")) => json!({"do": "remote", "selected": true}),
        (Some("remote"), Some("off")) => json!({"do": "remote", "selected": false}),
        (Some("remote"), _) => return refuse("remote on, remote off"),
        (Some("frequency"), Some("none")) => json!({"do": "frequency", "hz": null}),
        (Some("frequency"), Some(hz)) => match hz.parse::<f64>() {
            Ok(hz) if hz.is_finite() => json!({"do": "frequency", "hz": hz}),
            _ => return refuse("frequency HZ, frequency none"),
        },
        (Some(device), Some(kind)) => match kind.parse::<plant::FaultKind>() {
            Ok(_) => json!({"do": "fault", "device": device, "kind": kind}),
            Err(error) => return Err(Failure::Input(error.to_string())),
        },
    })
}

/// Asks a program that must be running.
pub(crate) async fn ask(socket: &Path, who: &str, start: &str, request: &Value) -> Result<Value, Failure> {
    localsocket::ask(socket, request).await.map_err(|error| match error {
        SocketError::NotRunning { path } => {
            Failure::Failed(format!("no {who} runs on {}; start it with: {start}", path.display()))
        }
        other => Failure::failed(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_checked_before_they_are_sent() {
        let request = |device, kind| fault_request(Some(device), Some(kind));
        assert_eq!(
            request("inv1", "silent").unwrap(),
            json!({"do": "fault", "device": "inv1", "kind": "silent"})
        );
        assert_eq!(request("breaker", "open").unwrap(), json!({"do": "breaker", "closed": false}));
        assert_eq!(request("remote", "off").unwrap(), json!({"do": "remote", "selected": false}));
        assert_eq!(request("frequency", "59.9").unwrap(), json!({"do": "frequency", "hz": 59.9}));
        assert_eq!(request("frequency", "none").unwrap(), json!({"do": "frequency", "hz": null}));
        assert!(request("frequency", "nan").is_err());
        assert_eq!(fault_request(None, None).unwrap(), json!({"do": "status"}));
        let error = request("inv1", "sillent").unwrap_err();
        assert!(matches!(&error, Failure::Input(text) if text.contains("allowed: none, silent")), "{error}");
        assert!(request("breaker", "ajar").is_err());
    }

    #[test]
    fn how_the_plant_stands_is_told_in_words() {
        let device = |id: &str, fault: &str| json!({ "id": id, "fault": fault });
        let well = json!({ "ok": true, "devices": [device("meter", "none"), device("bess", "none")], "closed": true,
            "remote": true, "held_hz": null });
        assert_eq!(
            standing(&well),
            "no device has a fault; the breaker is closed, the plant is in remote, the frequency is the grid's own"
        );
        let ill = json!({ "ok": true, "devices": [device("meter", "none"), device("inv1", "slow"),
            device("bess", "silent")], "closed": false, "remote": false, "held_hz": 59.9 });
        assert_eq!(
            standing(&ill),
            "inv1: slow, bess: silent, the other devices have no fault; the breaker is open, the plant is in local, the \
             frequency is held at 59.9 Hz"
        );
    }

    #[test]
    fn a_set_point_that_the_device_refused_is_not_ok() {
        for (status, ok) in [("SUCCESS", true), ("LOCAL", false), ("DOWNSTREAM_FAIL", false)] {
            let mut answer = json!({ "ok": true, "status": status, "value": 2.5 });
            assert_eq!(accepted(&mut answer), status);
            assert_eq!(answer, json!({ "ok": ok, "status": status, "value": 2.5 }));
        }
        let mut none = json!({ "ok": true });
        assert_eq!((accepted(&mut none), none), ("no status".to_owned(), json!({ "ok": false })));
    }

    #[test]
    fn who_did_not_answer_is_not_said_to_have_answered() {
        assert_eq!(refusal("LOCAL"), "the device answered LOCAL");
        let down = refusal("LINK_DOWN");
        assert!(down.starts_with("no device answered: ") && down.ends_with(": LINK_DOWN"), "{down}");
        assert!(refusal("TIMED_OUT").starts_with("no device answered in time"));
        assert_eq!(refusal("NOT_SENT: stopped"), "no device was asked: NOT_SENT: stopped");
    }

    #[test]
    fn a_row_reads_well() {
        let row = json!({"device": "rtd", "point": "poi.mw", "type": "analog_input", "index": 1, "value": 7.25, "unit": "MW",
            "quality": "bad", "reasons": ["source-dead: inv1"], "flags": ["COMM_LOST"], "counts": 14500, "age_ms": 1234, "time": null});
        let line = Columns::of(&row).join_row();
        assert_eq!(
            line,
            "rtd      poi.mw                     7.2500 MW     bad              1.2 s  source-dead: inv1  COMM_LOST"
        );
        assert!(HEAD.join_row().starts_with("device   point"));
    }
}
