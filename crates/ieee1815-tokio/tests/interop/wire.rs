//! What tshark says of everything that our side sent in a row.

use std::net::Ipv4Addr;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::recorder::PORT;
use crate::row::{Check, Miss, Row, require};

/// What no frame of ours may be.
const FAULTS: &str = "_ws.malformed || dnp3.unknown_object || dnp3.al.unknown_data_chunk";

pub(crate) fn is_here() -> bool {
    Command::new("tshark").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// What tshark tells of every packet that `filter` lets through: its fields.
fn packets(capture: &Path, keys: Option<&Path>, filter: &str, fields: &[&str]) -> Check<Vec<Vec<String>>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(capture);
    match keys {
        Some(keys) => {
            command.args(["-o", &format!("tls.keylog_file:{}", keys.display())]);
            command.args(["-d", &format!("tls.port=={PORT},dnp3"), "-d", &format!("tcp.port=={PORT},tls")])
        }
        None => command.args(["-d", &format!("tcp.port=={PORT},dnp3")]),
    };
    command.args(["-Y", filter, "-T", "fields"]);
    for field in fields {
        command.args(["-e", field]);
    }
    let output = command.output().map_err(|error| Miss::Failed(format!("tshark: {error}")))?;
    require(output.status.success(), || String::from_utf8_lossy(&output.stderr).into_owned())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

/// The values of `field` in every packet that has one.
fn decoded(capture: &Path, keys: Option<&Path>, filter: &str, field: &str) -> Check<Vec<String>> {
    let rows = packets(capture, keys, filter, &[field])?;
    let values = rows.iter().flatten().flat_map(|values| values.split(','));
    Ok(values.filter(|one| !one.is_empty()).map(str::to_owned).collect())
}

/// The packets with a fault. tshark 4.0 loses the thread of a series of segments over whose transport sequence goes
/// round, and later puts what is left of it together with a segment that is first and last in one, which belongs with
/// nothing: such a packet it has not judged, and it is no fault.
fn faults(capture: &Path, keys: Option<&Path>, ours: Ipv4Addr) -> Check<Vec<String>> {
    let fields = ["frame.number", "dnp3.tr.fir", "dnp3.tr.fin", "dnp3.al.fragment"];
    let rows = packets(capture, keys, &format!("({FAULTS}) && ip.src == {ours}"), &fields)?;
    let confused = |row: &&Vec<String>| match row.as_slice() {
        [_, first, last, put_together] => first == "1" && last == "1" && !put_together.is_empty(),
        _ => false,
    };
    let faults = rows.iter().filter(|row| !confused(row));
    Ok(faults.filter_map(|row| row.first().cloned()).collect())
}

/// How many link status replies `from` sent.
pub(crate) fn link_replies(capture: &Path, keys: Option<&Path>, from: Ipv4Addr) -> Check<usize> {
    let filter = format!("dnp3.ctl.secfunc == 11 && ip.src == {from}");
    Ok(decoded(capture, keys, &filter, "frame.number")?.len())
}

/// Judges what `ours` sent: the number of frames, when all are sound.
pub(crate) fn check(capture: &Path, keys: Option<&Path>, ours: Ipv4Addr) -> Check<usize> {
    let sent = format!("dnp3 && ip.src == {ours}");
    let headers = decoded(capture, keys, &sent, "dnp.hdr.CRC.status")?;
    let chunks = decoded(capture, keys, &sent, "dnp.data_chunk.CRC.status")?;
    require(headers.len() > 20, || format!("only {} frames were found", headers.len()))?;
    let sound = headers.iter().chain(&chunks).all(|status| status == "1");
    require(sound, || "a CRC is bad".to_owned())?;
    let faults = faults(capture, keys, ours)?;
    require(faults.is_empty(), || format!("faults in packets {faults:?} of {}", capture.display()))?;
    Ok(headers.len())
}

/// The same as a cell of the row.
pub(crate) fn judge(row: &mut Row, capture: &Path, keys: Option<&Path>, ours: Ipv4Addr) {
    let judged = check(capture, keys, ours);
    if let Ok(frames) = &judged {
        row.note("frames_judged", json!(frames));
    }
    if std::env::var_os("OPENRTD_KEEP_CAPTURES").is_some() {
        drop(std::fs::copy(capture, std::env::temp_dir().join(format!("{}.pcap", row.name()))));
    }
    row.cell("tshark", judged.map(drop));
}
