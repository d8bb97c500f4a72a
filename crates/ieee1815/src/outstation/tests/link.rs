//! What the outstation does at the link layer, seen through its sessions.

use super::*;
use PointType::AnalogInput;

const ACK: u8 = 0x00;
const STATUS: u8 = 0x0B;

fn only_frame(mut frames: Vec<(Header, Vec<u8>)>) -> (Header, Vec<u8>) {
    assert_eq!(frames.len(), 1, "{frames:?}");
    frames.remove(0)
}

/// A read of class 1 as a transport segment.
const READ_CLASS_1: [u8; 6] = [0xC0, 0xC0, READ, 60, 2, 6];

#[test]
fn a_request_for_the_link_status_is_answered_by_the_right_addresses() {
    let mut bench = Bench::new(&[]);
    let (header, user) = only_frame(bench.frame(0xC9, 10, 1, &[]));
    assert_eq!((header, user), (Header { control: STATUS, destination: 1, source: 10 }, vec![]));
}

#[test]
fn the_self_address_only_where_it_is_wanted_and_with_the_true_one_in_the_answer() {
    let mut bench = Bench::new(&[]);
    assert!(bench.frame(0xC4, 0xFFFC, 1, &READ_CLASS_1).is_empty());
    assert!(bench.frame(0xC9, 0xFFFC, 1, &[]).is_empty());
    let mut bench = Bench::with(&[], |session| session.self_address = true);
    let (header, user) = only_frame(bench.frame(0xC4, 0xFFFC, 1, &READ_CLASS_1));
    assert_eq!(header, Header { control: 0x44, destination: 1, source: 10 });
    assert_eq!(user[1..], [0xC0, 129, 0x80, 0]);
    assert!(bench.frame(0xC4, 0xFFFC, 2, &READ_CLASS_1).is_empty(), "another master");
}

#[test]
fn reset_and_confirmed_data_by_the_frame_count_bit() {
    let mut bench = Bench::new(&[]);
    assert!(bench.frame(0xF3, 10, 1, &READ_CLASS_1).is_empty(), "before a reset nothing is confirmed");
    assert_eq!(only_frame(bench.frame(0xC0, 10, 1, &[])).0.control, ACK);
    let frames = bench.frame(0xF3, 10, 1, &READ_CLASS_1);
    assert_eq!(frames.iter().map(|frame| frame.0.control).collect::<Vec<_>>(), [ACK, 0x44]);
    assert_eq!(only_frame(bench.frame(0xF3, 10, 1, &READ_CLASS_1)).0.control, ACK, "the same bit again");
    assert_eq!(bench.frame(0xD3, 10, 1, &READ_CLASS_1).len(), 2);
    assert_eq!(only_frame(bench.frame(0xF2, 10, 1, &[])).0.control, ACK, "a test counts as well");
}

#[test]
fn a_new_connection_needs_its_own_reset() {
    let mut bench = Bench::new(&[]);
    bench.frame(0xC0, 10, 1, &[]);
    bench.reconnect();
    assert!(bench.frame(0xF3, 10, 1, &READ_CLASS_1).is_empty());
}

#[test]
fn silence_makes_it_ask_and_an_answer_makes_it_wait_again() {
    let mut bench = Bench::with(&[], |session| session.keep_alive = Some(seconds(30)));
    assert_eq!(bench.outstation.session_timeout(0), Some(seconds(30)));
    bench.now = seconds(10);
    bench.one(0xC0, READ, &EVENTS);
    assert_eq!(bench.outstation.session_timeout(0), Some(seconds(40)), "what is heard counts");
    bench.now = seconds(40);
    bench.outstation.handle_timeout(bench.now, &mut bench.plant);
    assert_eq!(only_frame(bench.frames()).0.control, 0x49);
    bench.now = seconds(41);
    assert!(bench.frame(0x8B, 10, 1, &[]).is_empty());
    assert!(!bench.outstation.is_dead(0));
    assert_eq!(bench.outstation.session_timeout(0), Some(seconds(71)));
}

#[test]
fn a_master_that_does_not_answer_is_dead_after_the_last_try() {
    let mut bench = Bench::with(&[], |session| {
        session.keep_alive = Some(seconds(30));
        session.link_timeout = seconds(3);
        session.link_retries = 1;
    });
    let mut asked = Vec::new();
    while !bench.outstation.is_dead(0) {
        bench.now = bench.outstation.session_timeout(0).unwrap();
        bench.outstation.handle_timeout(bench.now, &mut bench.plant);
        asked.extend(bench.frames().iter().map(|frame| (frame.0.control, bench.now)));
    }
    assert_eq!(asked, [(0x49, seconds(30)), (0x49, seconds(33))]);
    assert_eq!(bench.now, seconds(36));
    bench.reconnect();
    assert!(!bench.outstation.is_dead(0));
}

#[test]
fn without_a_connection_nothing_is_asked() {
    let mut bench = Bench::with(&[], |session| session.keep_alive = Some(seconds(30)));
    bench.outstation.disconnected(0, Time::ZERO);
    assert_eq!(bench.outstation.session_timeout(0), None);
    assert!(bench.wait(seconds(3600)).is_empty());
}

#[test]
fn confirmed_frames_one_by_one() {
    let points: Vec<_> = (0..100).map(analog_input).collect();
    let mut bench = Bench::with(&points, |session| session.link_confirm = true);
    let read = [0xC0, 0xC0, READ, 60, 1, 6];
    assert_eq!(only_frame(bench.frame(0xC4, 10, 1, &read)).0.control, 0x40, "first a reset");
    let (header, first) = only_frame(bench.frame(0x80, 10, 1, &[]));
    assert_eq!((header.control, first[0]), (0x73, 0x40), "FCB set, first segment");
    // No reply: the same again.
    bench.now += seconds(2);
    bench.outstation.handle_timeout(bench.now, &mut bench.plant);
    let (header, again) = only_frame(bench.frames());
    assert_eq!((header.control, &again), (0x73, &first));
    let (header, second) = only_frame(bench.frame(0x80, 10, 1, &[]));
    assert_eq!((header.control, second[0]), (0x53, 0x81), "FCB clear, last segment");
    assert!(bench.frame(0x80, 10, 1, &[]).is_empty());
    assert_eq!(first.len() + second.len() - 2, 4 + 7 + 300);
}

/// A master that asks while an unsolicited response has not been acknowledged yet is answered after it.
#[test]
fn an_answer_waits_for_the_frames_before_it() {
    let mut bench = Bench::with(&[], |session| {
        session.link_confirm = true;
        session.unsolicited = Some(UnsolicitedConfig::default());
    });
    bench.outstation.handle_timeout(bench.now, &mut bench.plant);
    assert_eq!(only_frame(bench.frames()).0.control, 0x40);
    let mut functions = Vec::new();
    let mut frames = bench.frame(0xC4, 10, 1, &[0xC0, 0xC0, DELAY_MEASURE]);
    for _ in 0..4 {
        frames.extend(bench.frame(0x80, 10, 1, &[]));
        functions.extend(frames.drain(..).filter_map(|(_, user)| user.get(2).copied()));
    }
    assert_eq!(functions, [UNSOLICITED, 129]);
}

#[test]
fn a_master_that_does_not_read_gets_no_more_than_a_bound() {
    let points: Vec<_> = (0..600).map(|index| point(AnalogInput, index, 2, 2)).collect();
    let mut bench = Bench::new(&points);
    for sequence in 0..200_u8 {
        bench.masters[0].send(&[0xC0 | sequence & 0x0F, READ, 60, 1, 6], bench.now);
        let mut octets = Vec::new();
        bench.masters[0].poll_transmit(&mut octets);
        bench.outstation.receive(0, &octets, bench.now, &mut bench.plant);
    }
    let mut octets = Vec::new();
    bench.outstation.poll_transmit(0, &mut octets);
    assert!(octets.len() < 32 * 1024, "{}", octets.len());
    assert!(bench.counters().channel.not_sent > 0);
    assert_eq!(bench.one(0xC0, DELAY_MEASURE, &[])[1], 129, "and is answered when it reads again");
}

#[test]
fn a_request_longer_than_is_taken_is_dropped_and_the_next_is_answered() {
    let mut bench = Bench::with(&[analog_input(1)], |session| session.max_rx_fragment = 300);
    let many: Vec<u8> = [30, 2, 0, 1, 1].repeat(60);
    assert!(bench.send(0xC0, READ, &many).is_empty());
    assert_eq!(bench.counters().channel.too_long, 1);
    let fewer: Vec<u8> = [30, 2, 0, 1, 1].repeat(59);
    assert_eq!(values(&bench.one(0xC1, READ, &fewer)).len(), 59, "297 octets");
}

#[test]
fn octet_by_octet_and_several_requests_at_once() {
    let mut bench = Bench::new(&[analog_input(1)]);
    let mut octets = Vec::new();
    for request in [&[0xC0, READ, 60, 1, 6][..], &[0xC1, DELAY_MEASURE]] {
        bench.masters[0].send(request, bench.now);
    }
    bench.masters[0].poll_transmit(&mut octets);
    bench.outstation.receive(0, &octets, bench.now, &mut bench.plant);
    let together = bench.received();
    assert_eq!(together.iter().map(|answer| answer[0]).collect::<Vec<_>>(), [0xC0, 0xC1]);
    bench.reconnect();
    for octet in octets {
        bench.outstation.receive(0, &[octet], bench.now, &mut bench.plant);
    }
    assert_eq!(bench.received(), together);
}

#[test]
fn reserved_addresses_are_nobodys_own() {
    for (address, master_address) in [(0xFFF0, 1), (10, 0xFFFF)] {
        let session = SessionConfig::new(address, master_address);
        let made = Outstation::new(&[], vec![session]).map(|_| ());
        assert_eq!(made, Err(ConfigError::Address(address.max(master_address))));
    }
}
