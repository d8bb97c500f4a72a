//! Ports of the loopback that nobody listens on.

use std::net::{Ipv4Addr, TcpListener};

use super::LISTENERS;

/// Below what systems hand out by themselves: a site folder has to work tomorrow too.
const SEARCHED: std::ops::Range<u16> = 20_000..32_000;

/// `base` and the ones after it, free or not.
pub(super) fn row(base: u16) -> Result<[u16; LISTENERS.len()], String> {
    let mut next = Some(base);
    let mut ports = [0; LISTENERS.len()];
    for port in &mut ports {
        *port = next.ok_or_else(|| format!("--ports {base}: the row reaches beyond port 65535"))?;
        next = port.checked_add(1);
    }
    Ok(ports)
}

/// Free ones. Each process starts its search at a row of its own, so that two folders made at one time do not get
/// the same ports.
pub(super) fn free() -> Result<[u16; LISTENERS.len()], String> {
    let rows = SEARCHED.len() / LISTENERS.len();
    let row = usize::try_from(std::process::id()).unwrap_or(0) % rows;
    let start = SEARCHED.start + u16::try_from(row * LISTENERS.len()).unwrap_or(0);
    let mut candidates = (start..SEARCHED.end).chain(SEARCHED.start..start);
    // All are held until all are found.
    let mut held = Vec::new();
    let mut ports = [0; LISTENERS.len()];
    for port in &mut ports {
        let found = candidates
            .find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|held| (port, held)));
        let (free, listener) = found.ok_or_else(|| format!("no free port of 127.0.0.1 in {SEARCHED:?}"))?;
        *port = free;
        held.push(listener);
    }
    Ok(ports)
}
