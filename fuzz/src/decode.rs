//! The dissector and the watcher: whatever comes, every octet is accounted for, and there is an end.

use core::time::Duration;

use ieee1815::channel::{Channel, ChannelConfig, Role};
use ieee1815::decode::explain::Watcher;
use ieee1815::decode::{Flow, Item, Reason};

/// What the items account for.
fn octets(items: &[Item]) -> usize {
    items
        .iter()
        .map(|item| match item {
            Item::Skipped { octets, .. } => octets.len(),
            Item::Frame(frame) => 10 + frame.user.len() + 2 * frame.blocks.len(),
            Item::Fragment(_) | Item::Dropped { .. } => 0,
        })
        .sum()
}

/// A stream in pieces: the first octet says how long they are.
pub fn decode(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else { return };
    let mut flow = Flow::default();
    let mut watcher = Watcher::new();
    let mut items = Vec::new();
    for piece in stream.chunks(usize::from(*size).max(1)) {
        items.extend(flow.push(piece));
    }
    items.extend(flow.finish());
    let mut objects = 0;
    for (number, item) in items.iter().enumerate() {
        watcher.item(Duration::from_millis(number as u64), item);
        let Item::Fragment(fragment) = item else { continue };
        let Ok(application) = fragment.application() else { continue };
        for block in application.blocks().flatten() {
            for object in block.objects() {
                objects += 1;
                object.fields.iter().for_each(|field| drop(field.value.to_string()));
            }
        }
        // No claim of a header makes more of its octets than they have bits.
        assert!(objects <= 8 * stream.len(), "{objects} objects");
    }
    watcher.finish(Duration::MAX);
    let findings = watcher.take().len();
    assert!(findings <= 64 * (items.len() + 1), "{findings} findings of {} items", items.len());
    assert!(octets(&items) <= stream.len());
    let cut = |item: &Item| matches!(item, Item::Frame(frame) if frame.problem.is_some());
    if !items.iter().any(cut) {
        assert_eq!(octets(&items), stream.len());
    }
    agrees(stream, &items);
}

/// What an end takes as a fragment, the dissector sees as one too, and in the same order.
fn agrees(stream: &[u8], items: &[Item]) {
    let mut channel = Channel::new(ChannelConfig::new(Role::Outstation, 10, 1));
    let seen: Vec<&[u8]> = items
        .iter()
        .filter_map(|item| match item {
            Item::Fragment(fragment) => Some(fragment.octets.as_slice()),
            _ => None,
        })
        .collect();
    let (mut from, mut rest) = (0, stream);
    while channel.receive(&mut rest, Duration::ZERO).is_some() {
        let fragment = channel.take_fragment();
        // Where frames are damaged the two may go on from different places.
        let damaged = items.iter().any(|item| {
            matches!(item, Item::Frame(frame) if matches!(frame.problem, Some(Reason::DataCrc | Reason::FrameTruncated)))
                || matches!(item, Item::Skipped { .. } | Item::Dropped { .. })
        });
        if damaged {
            return;
        }
        let at = seen.iter().skip(from).position(|octets| *octets == fragment.as_slice());
        let at = at.unwrap_or_else(|| panic!("an end took a fragment that the dissector did not see"));
        from += at + 1;
    }
}
