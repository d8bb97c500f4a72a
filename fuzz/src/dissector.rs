//! The dissector: it has to show anything, lose no octet and make no more of it than is there.

use std::fmt::Write;

use arbitrary::{Result, Unstructured};
use ieee1815::Time;
use ieee1815::decode::explain::Watcher;
use ieee1815::decode::{Flow, Fragment, Item};

use crate::wire;

/// Shows everything of a fragment; how many octets that makes.
fn show(fragment: &Fragment) {
    assert!(fragment.octets.len() <= 2048);
    let Ok(application) = fragment.application() else { return };
    let (mut text, mut objects) = (String::new(), 0_usize);
    let mut taken = 0;
    for block in application.blocks() {
        match block {
            Ok(block) => {
                taken += block.data.len() + 3;
                let _ = write!(text, "{:?} {:?}", block.group_name(), block.variation_name());
                for object in block.objects() {
                    objects += 1;
                    for field in &object.fields {
                        let _ = write!(text, " {}={}", field.name, field.value);
                    }
                }
            }
            Err(unreadable) => {
                assert!(unreadable.octets.len() <= fragment.octets.len());
                let _ = write!(text, "{}", unreadable.reason);
            }
        }
    }
    let _ = write!(text, "{:?} {:?}", application.first_problem(), application.problem());
    let octets = fragment.octets.len();
    assert!(taken <= octets && objects <= octets * 8, "{objects} objects of {octets} octets");
    assert!(text.len() <= 1000 + octets * 1000);
}

/// Frames and fragments, and how many octets are in neither.
fn read(pieces: &[&[u8]]) -> (Vec<Item>, usize) {
    let (mut flow, mut skipped, mut found) = (Flow::default(), 0, Vec::new());
    let mut octets_of_frames = 0;
    let mut items: Vec<Item> = pieces.iter().flat_map(|piece| flow.push(piece)).collect();
    items.extend(flow.finish());
    for item in items {
        match item {
            Item::Skipped { octets, reason } => {
                skipped += octets.len();
                let _ = format!("{reason}");
            }
            Item::Frame(frame) => {
                octets_of_frames += 10 + frame.user.len();
                assert!(frame.user.len() <= 250);
                found.push(Item::Frame(frame));
            }
            Item::Fragment(fragment) => {
                show(&fragment);
                found.push(Item::Fragment(fragment));
            }
            other => found.push(other),
        }
    }
    let given: usize = pieces.iter().map(|piece| piece.len()).sum();
    assert!(skipped + octets_of_frames <= given, "{skipped} and {octets_of_frames} of {given} octets");
    (found, skipped)
}

/// A stream of any octets, however it is chopped.
pub fn stream(data: &[u8]) {
    let Some((&seed, stream)) = data.split_first() else { return };
    let whole = read(&[stream]);
    let pieces: Vec<&[u8]> = stream.chunks(1 + usize::from(seed)).collect();
    assert_eq!(read(&pieces), whole);
}

/// A conversation with right lower layers, explained in plain words.
pub fn conversation(data: &[u8]) {
    let _ = conversation_with(&mut Unstructured::new(data));
}

fn conversation_with(u: &mut Unstructured<'_>) -> Result<()> {
    let (mut flows, mut watcher, mut now) = ([Flow::default(), Flow::default()], Watcher::new(), Time::ZERO);
    let (mut sequence, mut findings, mut fragments) = ([0, 0], 0, 0_usize);
    while !u.is_empty() {
        now += Time::from_millis(u.int_in_range(0..=30_000)?);
        let from_master: bool = u.arbitrary()?;
        let control = if u.ratio(7, 8)? { 0xC0 | u.int_in_range(0..=3)? } else { u.arbitrary()? };
        let (function, indications): (u8, &[u8]) = match (from_master, u.int_in_range(0..=9)?) {
            (true, 0) => (0, &[]),
            (true, 1..=8) => (u.int_in_range(1..=33)?, &[]),
            (false, 0..=5) => (129, &[0, 0]),
            (false, 6..=8) => (130, &[2, 8]),
            _ => (u.arbitrary()?, &[]),
        };
        let mut fragment = vec![control, function];
        fragment.extend(indications);
        fragment.extend(wire::objects(u, !matches!(function, 1 | 7..=10 | 20..=22))?);
        let side = usize::from(from_master);
        let (to, from) = if from_master { (10, 1) } else { (1, 10) };
        let octets = match u.int_in_range(0..=9)? {
            0 => wire::frame(u.arbitrary()?, to, from, &[]),
            1 => wire::frame(u.arbitrary()?, u.arbitrary()?, u.arbitrary()?, &fragment),
            _ => wire::fragment(from_master, to, from, &mut sequence[side], &fragment),
        };
        for item in flows[side].push(&octets) {
            if let Item::Fragment(fragment) = &item {
                show(fragment);
                fragments += 1;
            }
            watcher.item(now, &item);
        }
        findings += watcher.take().iter().map(|finding| format!("{finding:?}").len()).sum::<usize>();
    }
    watcher.finish(now);
    findings += watcher.take().iter().map(|finding| format!("{finding:?}").len()).sum::<usize>();
    assert!(findings <= 4000 + data_of(fragments), "{findings} octets of findings for {fragments} fragments");
    Ok(())
}

/// What may be said of so many fragments.
const fn data_of(fragments: usize) -> usize {
    (fragments + 1) * 64 * 1024
}
