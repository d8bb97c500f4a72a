//! Blocks: many entries of one point in few octets, and exactly those entries back.
//!
//! A point's entries differ little from each other, column by column: times step by the poll period, sequence
//! numbers by what else was read meanwhile, values by a few counts of the register that they were scaled from. So
//! each column is written by itself: as one number where it never changes, else as `pco` packs it, which finds steps
//! and common factors by itself. Reasons are few and long: each set is written once and then numbered.
//!
//! A checksum ends each block, since a value that a bad sector changed would else look like any other.

use std::collections::BTreeMap;

use pco::ChunkConfig;
use pco::data_types::Number;
use telemetry::{Origin, Reason, ReasonKind, Reasons, Value, Wall};

use crate::entry::Entry;
use crate::octets::{Broken, Cursor, put_number, put_octets};

/// The form of the octets; another one is refused.
const FORM: u8 = 1;
/// Entries in a block at most.
pub(crate) const ENTRIES_MAX: usize = 65_536;

const SAME: u8 = 0;
const PACKED: u8 = 1;
const PLAIN: u8 = 2;

const NO_VALUE: u32 = 0;
const ANALOG: u32 = 1;
const FALSE: u32 = 2;
const TRUE: u32 = 3;

/// A number that a column is made of.
trait Cell: Number + PartialEq {
    fn to_bits64(self) -> u64;
    fn from_bits64(bits: u64) -> Self;
}

impl Cell for u64 {
    fn to_bits64(self) -> u64 {
        self
    }
    fn from_bits64(bits: u64) -> Self {
        bits
    }
}

impl Cell for u32 {
    fn to_bits64(self) -> u64 {
        self.into()
    }
    fn from_bits64(bits: u64) -> Self {
        Self::try_from(bits).unwrap_or(Self::MAX)
    }
}

impl Cell for f64 {
    fn to_bits64(self) -> u64 {
        self.to_bits()
    }
    fn from_bits64(bits: u64) -> Self {
        Self::from_bits(bits)
    }
}

fn put_column<T: Cell>(out: &mut Vec<u8>, column: &[T]) {
    let first = column.first().map_or(0, |first| first.to_bits64());
    if column.iter().all(|cell| cell.to_bits64() == first) {
        out.push(SAME);
        put_number(out, first);
        return;
    }
    match pco::standalone::simple_compress(column, &ChunkConfig::default()) {
        // What does not get smaller is written as it is.
        Ok(packed) if packed.len() < column.len().saturating_mul(8) => {
            out.push(PACKED);
            put_octets(out, &packed);
        }
        _ => {
            out.push(PLAIN);
            column.iter().for_each(|cell| put_number(out, cell.to_bits64()));
        }
    }
}

fn column<T: Cell>(from: &mut Cursor<'_>, length: usize) -> Result<Vec<T>, Broken> {
    match from.octet()? {
        SAME => Ok(vec![T::from_bits64(from.number()?); length]),
        PACKED => {
            // Into a place of the right size: no length in the octets is believed.
            let mut cells = vec![T::from_bits64(0); length];
            let progress = pco::standalone::simple_decompress_into(from.octets()?, &mut cells)
                .map_err(|_| Broken("a column of it cannot be unpacked"))?;
            if progress.n_processed != length || !progress.finished {
                return Err(Broken("a column of it has another length"));
            }
            Ok(cells)
        }
        PLAIN => (0..length).map(|_| from.number().map(T::from_bits64)).collect(),
        _ => Err(Broken("a column of it has no known form")),
    }
}

/// The entries, at most [`ENTRIES_MAX`], as octets.
pub(crate) fn pack<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<u8> {
    let mut boots = Vec::new();
    let mut sequences = Vec::new();
    let mut times = Vec::new();
    // 0 where there is none, else how far it lies from the time, so turned that small ones stay small.
    let mut sources = Vec::new();
    let mut kinds = Vec::new();
    let mut values = Vec::new();
    let mut reasons = Vec::new();
    let mut sets: Vec<&Reasons> = Vec::new();
    let mut numbers: BTreeMap<Vec<&Reason>, u32> = BTreeMap::new();
    for entry in entries.into_iter().take(ENTRIES_MAX) {
        boots.push(entry.origin.boot);
        sequences.push(entry.origin.sequence);
        times.push(entry.time.as_millis());
        sources.push(entry.source_time.map(|source| turned(source.as_millis(), entry.time.as_millis())));
        kinds.push(match entry.value {
            None => NO_VALUE,
            Some(Value::Analog(value)) => {
                values.push(value);
                ANALOG
            }
            Some(Value::Binary(false)) => FALSE,
            Some(Value::Binary(true)) => TRUE,
        });
        let next = u32::try_from(sets.len()).unwrap_or(u32::MAX);
        let number = *numbers.entry(entry.reasons.iter().collect()).or_insert(next);
        if number == next {
            sets.push(&entry.reasons);
        }
        reasons.push(number);
    }
    let mut out = vec![FORM];
    put_number(&mut out, boots.len() as u64);
    put_column(&mut out, &boots);
    put_column(&mut out, &sequences);
    put_column(&mut out, &times);
    let known: Vec<u32> = sources.iter().map(|source| u32::from(source.is_some())).collect();
    put_column(&mut out, &known);
    put_column(&mut out, &sources.into_iter().flatten().collect::<Vec<_>>());
    put_column(&mut out, &kinds);
    put_column(&mut out, &values);
    put_column(&mut out, &reasons);
    put_number(&mut out, sets.len() as u64);
    for set in sets {
        put_number(&mut out, set.iter().count() as u64);
        for reason in set.iter() {
            put_octets(&mut out, reason.kind.text().as_bytes());
            put_octets(&mut out, reason.cause.as_bytes());
        }
    }
    seal(out)
}

/// `source` as a distance from `time`: 0, -1, 1, -2 and so on as 0, 1, 2, 3.
fn turned(source: u64, time: u64) -> u64 {
    let distance = source.wrapping_sub(time).cast_signed();
    (distance.cast_unsigned() << 1) ^ (distance >> 63).cast_unsigned()
}

fn turned_back(turned: u64, time: u64) -> u64 {
    time.wrapping_add((turned >> 1) ^ (turned & 1).wrapping_neg())
}

/// Adds the checksum.
pub(crate) fn seal(mut octets: Vec<u8>) -> Vec<u8> {
    let sum = crc32fast::hash(&octets);
    octets.extend_from_slice(&sum.to_le_bytes());
    octets
}

/// The octets without their checksum, where that is right.
pub(crate) fn unseal(octets: &[u8]) -> Result<Cursor<'_>, Broken> {
    let (octets, sum) = octets.split_last_chunk().ok_or(Broken("it ends too early"))?;
    if crc32fast::hash(octets) != u32::from_le_bytes(*sum) {
        return Err(Broken("its checksum is wrong"));
    }
    Ok(Cursor(octets))
}

/// The entries of packed octets.
pub(crate) fn unpack(octets: &[u8]) -> Result<Vec<Entry>, Broken> {
    let mut from = unseal(octets)?;
    if from.octet()? != FORM {
        return Err(Broken("its form is not known to this version"));
    }
    let length = from.count(ENTRIES_MAX)?;
    let boots: Vec<u64> = column(&mut from, length)?;
    let sequences: Vec<u64> = column(&mut from, length)?;
    let times: Vec<u64> = column(&mut from, length)?;
    let known: Vec<u32> = column(&mut from, length)?;
    let mut sources =
        column::<u64>(&mut from, known.iter().filter(|known| **known != 0).count())?.into_iter();
    let kinds: Vec<u32> = column(&mut from, length)?;
    let mut values =
        column::<f64>(&mut from, kinds.iter().filter(|kind| **kind == ANALOG).count())?.into_iter();
    let numbers: Vec<u32> = column(&mut from, length)?;
    let sets = sets(&mut from)?;
    let mut entries = Vec::with_capacity(length);
    let columns = boots.into_iter().zip(sequences).zip(times).zip(known).zip(kinds).zip(numbers);
    for (((((boot, sequence), time), known), kind), number) in columns {
        let missing = Broken("a column of it has another length");
        let source = if known == 0 { None } else { Some(sources.next().ok_or(missing)?) };
        let value = match kind {
            NO_VALUE => None,
            ANALOG => Some(Value::Analog(values.next().ok_or(missing)?)),
            FALSE => Some(Value::Binary(false)),
            TRUE => Some(Value::Binary(true)),
            _ => return Err(Broken("a value of it has no known type")),
        };
        let set = usize::try_from(number).ok().and_then(|number| sets.get(number));
        entries.push(Entry {
            origin: Origin { boot, sequence },
            time: Wall::from_millis(time),
            source_time: source.map(|source| Wall::from_millis(turned_back(source, time))),
            value,
            reasons: set.ok_or(Broken("a reason of it is not there"))?.clone(),
        });
    }
    Ok(entries)
}

fn sets(from: &mut Cursor<'_>) -> Result<Vec<Reasons>, Broken> {
    let count = from.count(ENTRIES_MAX)?;
    let mut sets = Vec::new();
    for _ in 0..count {
        let reasons = from.count(ENTRIES_MAX)?;
        let mut set = Reasons::none();
        for _ in 0..reasons {
            let (kind, cause) = (from.text()?, from.text()?);
            let known = ReasonKind::ALL.into_iter().find(|known| known.text() == kind);
            set.insert(Reason::new(
                known.ok_or(Broken("a reason of it is not known to this version"))?,
                cause,
            ));
        }
        sets.push(set);
    }
    Ok(sets)
}

#[cfg(test)]
mod tests;
