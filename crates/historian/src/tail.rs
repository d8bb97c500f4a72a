//! A chunk of the tail: what one commit wrote, of several points.

use std::collections::BTreeMap;

use crate::codec::{self, ENTRIES_MAX};
use crate::entry::Entry;
use crate::octets::{Broken, Cursor, put_number, put_octets};

/// Octets at which another chunk is begun; far below what SQLite takes.
const OCTETS_MAX: usize = 16 << 20;

/// The entries as chunks.
pub(crate) fn pack(points: &BTreeMap<i64, Vec<Entry>>) -> Vec<Vec<u8>> {
    let mut chunks = Vec::new();
    let mut chunk = Vec::new();
    for (key, entries) in points {
        for part in entries.chunks(ENTRIES_MAX) {
            put_number(&mut chunk, key.cast_unsigned());
            put_octets(&mut chunk, &codec::pack(part));
            if chunk.len() >= OCTETS_MAX {
                chunks.push(codec::seal(std::mem::take(&mut chunk)));
            }
        }
    }
    if !chunk.is_empty() {
        chunks.push(codec::seal(chunk));
    }
    chunks
}

/// The packed entries of each point in a chunk, not unpacked yet.
pub(crate) fn parts(octets: &[u8]) -> Result<Vec<(i64, &[u8])>, Broken> {
    let Cursor(rest) = codec::unseal(octets)?;
    let mut from = Cursor(rest);
    let mut parts = Vec::new();
    while !from.0.is_empty() {
        parts.push((from.number()?.cast_signed(), from.octets()?));
    }
    Ok(parts)
}

/// The entries of a chunk by point.
pub(crate) fn unpack(octets: &[u8]) -> Result<Vec<(i64, Vec<Entry>)>, Broken> {
    parts(octets)?.into_iter().map(|(key, packed)| Ok((key, codec::unpack(packed)?))).collect()
}
