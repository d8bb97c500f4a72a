//! Ports of the loopback that nobody listens on.

use std::net::{Ipv4Addr, TcpListener};

/// Below what systems hand out by themselves: a site folder has to work tomorrow too.
const SEARCHED: std::ops::Range<u16> = 20_000..32_000;
/// A process looks first where the next one does not; no example needs more.
const ROW: usize = 12;

/// `base` and the ones after it, `count` in all, free or not.
pub(super) fn row(base: u16, count: usize) -> Result<Vec<u16>, String> {
    let ports: Vec<u16> = (base..=u16::MAX).take(count).collect();
    if ports.len() < count {
        return Err(format!("--ports {base}: the row reaches beyond port 65535"));
    }
    Ok(ports)
}

/// `count` free ones. Each process starts its search at a row of its own, so that two folders made at one time do not get
/// the same ports.
pub(super) fn free(count: usize) -> Result<Vec<u16>, String> {
    let rows = (SEARCHED.len() / ROW).max(1);
    let row = usize::try_from(std::process::id()).unwrap_or(0) % rows;
    let start = SEARCHED.start + u16::try_from(row * ROW).unwrap_or(0);
    let mut candidates = (start..SEARCHED.end).chain(SEARCHED.start..start);
    // All are held until all are found.
    let mut held = Vec::new();
    let mut ports = Vec::new();
    for _ in 0..count {
        let found = candidates
            .find_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok().map(|held| (port, held)));
        let (free, listener) = found.ok_or_else(|| format!("no free port of 127.0.0.1 in {SEARCHED:?}"))?;
        ports.push(free);
        held.push(listener);
    }
    Ok(ports)
}
