//! The outstation against everything.

use arbitrary::{Result, Unstructured};
use ieee1815::Time;

use crate::outstation_harness::{ADDRESS, Harness};
use crate::wire;

/// Octets of any kind, in any pieces.
pub fn octets(data: &[u8]) {
    let Some((&seed, stream)) = data.split_first() else { return };
    let mut harness = Harness::new(seed & 1 == 1, 300, |_| {});
    for piece in stream.chunks(1 + usize::from(seed)) {
        harness.give(0, piece);
    }
    harness.still_answers(0);
    harness.still_answers(1);
}

const FUNCTIONS: [u8; 24] =
    [0, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 20, 21, 22, 23, 24, 25, 32, 129];

/// A request whose lower layers are right.
fn request(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let function = if u.ratio(19, 20)? { *u.choose(&FUNCTIONS)? } else { u.arbitrary()? };
    let control = if u.ratio(9, 10)? { 0xC0 | u.int_in_range(0..=15)? } else { u.arbitrary()? };
    let carries = matches!(function, 2..=6 | 129);
    let mut fragment = vec![control, function];
    if u.ratio(1, 6)? {
        // The ordinary ones, so that there is a state to disturb.
        fragment.extend(match function {
            1 => [60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6].as_slice(),
            3..=6 => &[12, 1, 0x17, 1, 1, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            20 | 21 => &[60, 2, 6, 60, 3, 6, 60, 4, 6],
            22 => &[60, 3, 6, 1, 0, 6, 30, 0, 6, 111, 0, 6],
            7..=10 => &[20, 0, 6],
            _ => &[],
        });
    } else {
        fragment.extend(wire::objects(u, carries)?);
    }
    Ok(fragment)
}

/// One step of a master that means no good.
fn step(u: &mut Unstructured<'_>, harness: &mut Harness, session: usize, last: &mut Vec<u8>) -> Result<()> {
    match u.int_in_range(0..=15)? {
        0 => {
            let length = u.int_in_range(0..=64)?.min(u.len());
            harness.give(session, u.bytes(length)?);
        }
        1 | 2 => {
            harness.confirm(session);
        }
        3 => {
            // A confirm that nobody waits for.
            harness.ask(session, &[0xC0 | u.arbitrary::<u8>()? & 0x1F, 0]);
        }
        4 if u.ratio(1, 8)? => harness.purge(u.arbitrary()?),
        4 => harness.update(u.arbitrary()?),
        5 => {
            harness.pass(Time::from_millis(u.int_in_range(0..=70_000)?));
        }
        6 => harness.connect(session),
        7 => {
            let address = 0xFFFC + u.int_in_range(0..=3)?;
            let fragment = request(u)?;
            let operated = harness.plant.operated;
            let answers = harness.ask_at(session, address, &fragment);
            assert!(answers.iter().all(|answer| answer[1] == 130), "a broadcast is not answered");
            assert!(harness.plant.broadcast_controls || operated == harness.plant.operated);
        }
        8 => {
            let fragment = last.clone();
            harness.ask(session, &fragment);
        }
        9 => {
            // Somebody else, or to somebody else.
            let fragment = request(u)?;
            let (to, from) = if u.arbitrary()? { (ADDRESS, 7) } else { (11, session as u16 + 1) };
            let octets = wire::fragment(true, to, from, &mut 0, &fragment);
            let operated = harness.plant.operated;
            assert!(harness.give(session, &octets).iter().all(|answer| answer[1] == 130));
            assert_eq!(operated, harness.plant.operated);
        }
        _ => {
            let fragment = request(u)?;
            let operated = harness.plant.operated[1 - session];
            harness.ask(session, &fragment);
            assert_eq!(operated, harness.plant.operated[1 - session]);
            *last = fragment;
        }
    }
    Ok(())
}

fn steps(u: &mut Unstructured<'_>, harness: &mut Harness, sessions: u8) -> Result<()> {
    let mut last = vec![0xC0, 1, 60, 1, 6];
    while !u.is_empty() {
        let session = if sessions > 1 { usize::from(u.arbitrary::<bool>()?) } else { 0 };
        step(u, harness, session, &mut last)?;
    }
    Ok(())
}

/// Well-formed frames with fragments that are good, odd or hostile.
pub fn fragments(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let fragment = u.int_in_range(0..=2048).unwrap_or_default();
    let controls = u.arbitrary().unwrap_or_default();
    let mut harness = Harness::new(false, fragment, |config| {
        if controls {
            Harness::with_broadcast_controls(config);
        }
    });
    let _ = steps(&mut u, &mut harness, 1);
    harness.still_answers(0);
    harness.still_answers(1);
}

/// The same from a device that also reports unasked, while time passes.
pub fn unsolicited(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let mut harness = Harness::new(true, 300, |config| config.confirm_timeout = Time::from_secs(2));
    let _ = steps(&mut u, &mut harness, 1);
    harness.pass(Time::from_secs(61));
    harness.gets_quiet(0);
    harness.still_answers(0);
}

/// Two masters: the second is hostile, the first polls and gets each of its answers at once.
pub fn two_masters(data: &[u8]) {
    let mut u = Unstructured::new(data);
    let mut harness = Harness::new(false, 2048, |_| {});
    let mut last = vec![0xC0, 1, 60, 1, 6];
    let mut sequence = 0_u8;
    let mut polls = 0;
    while !u.is_empty() && polls < 200 {
        if step(&mut u, &mut harness, 1, &mut last).is_err() {
            break;
        }
        polls += 1;
        sequence = sequence.wrapping_add(1) & 15;
        let operated = harness.plant.operated[0];
        let answers = harness.ask(0, &[0xC0 | sequence, 1, 60, 2, 6, 60, 3, 6, 60, 4, 6, 60, 1, 6]);
        let [answer] = answers.as_slice() else { panic!("{} answers", answers.len()) };
        assert_eq!((answer[0] & 0x8F, answer[1], answer[3] & 0x07), (0x80 | sequence, 129, 0));
        harness.confirm(0);
        assert_eq!((operated, harness.outstation.events_waiting(0)), (0, 0));
    }
    harness.still_answers(1);
}
