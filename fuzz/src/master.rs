//! The master against everything.

use arbitrary::{Result, Unstructured};
use ieee1815::Time;
use ieee1815::master::Outcome;

use crate::master_harness::{Harness, requests};
use crate::wire;

/// Octets of any kind, in any pieces.
pub fn octets(data: &[u8]) {
    let Some((&seed, stream)) = data.split_first() else { return };
    let mut harness = Harness::new(|_| {});
    for piece in stream.chunks(1 + usize::from(seed)) {
        harness.octets(piece);
    }
    harness.still_works();
}

/// Indications, mostly few.
fn iin(u: &mut Unstructured<'_>) -> Result<u16> {
    Ok(if u.ratio(1, 3)? { u.arbitrary::<u16>()? & u.arbitrary::<u16>()? } else { 0 })
}

fn step(u: &mut Unstructured<'_>, harness: &mut Harness) -> Result<()> {
    match u.int_in_range(0..=13)? {
        0 => {
            harness.request(requests(u.arbitrary()?));
        }
        1 => harness.pass(Time::from_millis(u.int_in_range(0..=20_000)?)),
        2 => harness.take(),
        3 => harness.connect(),
        4 | 5 => {
            let objects = harness.good_objects();
            harness.answer(iin(u)?, &objects);
        }
        6 => {
            let length = u.int_in_range(0..=64)?.min(u.len());
            harness.octets(u.bytes(length)?);
        }
        7 => {
            // Any control octet, any function.
            let mut fragment = vec![u.arbitrary()?, *u.choose(&[129, 129, 130, 131, 0, 1])?, 0, 0];
            fragment.extend(wire::objects(u, true)?);
            harness.give(&fragment);
        }
        8 => {
            let mut fragment = vec![0xF0 | u.int_in_range(0..=15)?, 130];
            fragment.extend(iin(u)?.to_le_bytes());
            fragment.extend(wire::objects(u, true)?);
            harness.give(&fragment);
            if u.arbitrary()? {
                harness.give(&fragment);
            }
        }
        _ => {
            let Some(asked) = harness.asked.clone() else { return Ok(()) };
            let bits = if u.ratio(3, 4)? { 0xC0 } else { u.arbitrary::<u8>()? & 0xE0 };
            let mut fragment = vec![bits | asked[0] & 0x0F, 129];
            fragment.extend(iin(u)?.to_le_bytes());
            if u.ratio(1, 4)? {
                fragment.extend(harness.good_objects());
            }
            fragment.extend(wire::objects(u, true)?);
            if bits & 0x40 != 0 {
                harness.asked = None;
            } else if let Some(asked) = &mut harness.asked {
                // The next of the series.
                asked[0] = 0xC0 | asked[0].wrapping_add(1) & 0x0F;
            }
            harness.give(&fragment);
        }
    }
    Ok(())
}

/// Responses with right lower layers to what it asked, good, odd and hostile.
pub fn responses(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let mut harness = Harness::new(|_| {});
    while !u.is_empty() && step(&mut u, &mut harness).is_ok() {}
    harness.still_works();
}

/// The answers to commands: no echo that differs in a bit is taken for a success.
pub fn commands(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let mut harness = Harness::new(|config| {
        config.disable_unsolicited = false;
        config.scans.clear();
        config.unsolicited = ieee1815::Classes::NONE;
    });
    harness.answer(0, &[]);
    harness.take();
    let _ = commands_with(&mut u, &mut harness);
    harness.still_works();
}

fn commands_with(u: &mut Unstructured<'_>, harness: &mut Harness) -> Result<()> {
    while !u.is_empty() {
        harness.take();
        harness.done.clear();
        harness.asked = None;
        harness.request(requests(u.int_in_range(0..=2)?));
        let mut spoiled = false;
        for _ in 0..2 {
            if harness.asked.is_none() {
                break;
            }
            let mut echo = harness.good_objects();
            let before = echo.clone();
            if u.ratio(2, 3)? && !echo.is_empty() {
                match u.int_in_range(0..=2)? {
                    0 => {
                        let at = u.choose_index(echo.len())?;
                        // The reserved top bit of a status says nothing.
                        echo[at] ^= u.int_in_range(1..=0x7F)?;
                    }
                    1 => echo.truncate(u.choose_index(echo.len())?),
                    _ => echo.extend(wire::objects(u, true)?),
                }
            }
            spoiled |= echo != before;
            harness.answer(0, &echo);
        }
        harness.take();
        for (_, outcome) in &harness.done {
            let success = match outcome {
                Outcome::Status(status) => status.code() == 0,
                Outcome::Statuses(statuses) => statuses.iter().all(|status| status.code() == 0),
                _ => false,
            };
            assert!(!(success && spoiled), "a spoiled echo is a success");
            assert!(success || spoiled || *outcome == Outcome::LinkDown, "{outcome:?}");
        }
        if harness.done.is_empty() {
            harness.pass(Time::from_secs(6));
        }
        if harness.master.is_silent() {
            harness.connect();
            harness.answer(0, &[]);
        }
    }
    Ok(())
}

/// Nothing but what nobody asked for: each is confirmed or dropped, and a repetition is delivered once.
pub fn unsolicited(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let mut harness = Harness::new(|_| {});
    let _ = unsolicited_with(&mut u, &mut harness);
    harness.still_works();
}

fn unsolicited_with(u: &mut Unstructured<'_>, harness: &mut Harness) -> Result<()> {
    while !u.is_empty() {
        let mut fragment = vec![0xF0 | u.int_in_range(0..=15)?, 130];
        fragment.extend(iin(u)?.to_le_bytes());
        // Mostly events with small indexes.
        for _ in 0..u.int_in_range(0..=3)? {
            let (group, variation, size) = *u.choose(&[
                (2, 1, 1),
                (2, 2, 7),
                (32, 1, 5),
                (32, 7, 11),
                (22, 1, 5),
                (111, 3, 3),
                (51, 1, 6),
            ])?;
            let count: u8 = u.int_in_range(0..=20)?;
            fragment.extend([group, variation, if group == 51 { 7 } else { 0x17 }, count]);
            for index in 0..count {
                if group != 51 {
                    fragment.push(index);
                }
                fragment.extend(u.bytes(size.min(u.len()))?);
            }
        }
        if u.ratio(1, 4)? {
            fragment.extend(wire::objects(u, true)?);
        }
        fragment.truncate(2048);
        harness.give(&fragment);
        if u.arbitrary()? {
            harness.take();
        }
        let (waiting, duplicates) = (harness.master.events_waiting(), harness.master.counters().duplicates);
        harness.give(&fragment);
        if harness.master.counters().duplicates != duplicates {
            // Its indications may still say something; its points do not.
            assert!(harness.master.events_waiting() <= waiting + 6);
        }
        if u.ratio(1, 8)? {
            harness.pass(Time::from_secs(6));
        }
    }
    Ok(())
}
