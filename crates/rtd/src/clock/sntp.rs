//! One question to a time server (RFC 5905, as an SNTP client asks), and what its answer says of our clock.
//!
//! An answer is taken only where it is to our own question: it has to repeat a number that nobody can guess. It must
//! come from a server that is itself synchronised, and not from farther than the servers of the world are.

/// Octets of a packet without extensions.
pub(super) const PACKET: usize = 48;

/// From the year 1900, in which NTP begins, to 1970.
const TO_UNIX_S: u64 = 2_208_988_800;
/// A server farther from its own reference than this does not know the time well enough to judge ours. Our figure.
const ROOT_DISTANCE_MAX_MS: f64 = 1_500.0;

/// What a server's answer says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Answer {
    /// How far the server's clock is ahead of ours.
    pub(super) offset_ms: f64,
    /// Time on the way, there and back: the offset is right within half of it.
    pub(super) delay_ms: f64,
}

/// Why an answer is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Not an answer to what was asked: too short, another number, not from a server. A better one may follow.
    NotOurs,
    /// The server says that it is not synchronised.
    NotSynchronised,
    /// Farther from its reference than what we take, or its own times make no sense.
    Unreliable,
    /// It asks to be asked less often.
    Slower,
    /// It does not want to be asked at all.
    Denied,
}

impl Refused {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::NotOurs => "the answer is to another question",
            Self::NotSynchronised => "the server is not synchronised itself",
            Self::Unreliable => "the server is too far from its own reference",
            Self::Slower => "the server asks to be asked less often",
            Self::Denied => "the server does not want to be asked",
        }
    }
}

/// A question with a number that nobody else knows, in the place of our own time, which is nobody's business.
pub(super) fn question(number: u64) -> [u8; PACKET] {
    /// No warning, version 4, client.
    const FIRST: u8 = 0b0010_0011;
    let mut packet = [0; PACKET];
    let [first, .., a, b, c, d, e, f, g, h] = &mut packet;
    *first = FIRST;
    [*a, *b, *c, *d, *e, *f, *g, *h] = number.to_be_bytes();
    packet
}

/// Reads an answer. `sent_us` and `received_us`: our wall clock when the question went and the answer came.
pub(super) fn answer(octets: &[u8], number: u64, sent_us: u64, received_us: u64) -> Result<Answer, Refused> {
    let packet = octets.first_chunk::<PACKET>().ok_or(Refused::NotOurs)?;
    let word = |at: usize| -> u32 {
        packet.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |octets| u32::from_be_bytes(*octets))
    };
    let stamp = |at: usize| (u64::from(word(at)) << 32) | u64::from(word(at.saturating_add(4)));
    let [first, stratum, ..] = *packet;
    let (leap, version, mode) = (first >> 6, first >> 3 & 7, first & 7);
    if mode != 4 || !(3..=4).contains(&version) || stamp(24) != number {
        return Err(Refused::NotOurs);
    }
    if stratum == 0 {
        return Err(match &word(12).to_be_bytes() {
            b"RATE" => Refused::Slower,
            b"DENY" | b"RSTR" => Refused::Denied,
            _ => Refused::NotSynchronised,
        });
    }
    if leap == 3 || stratum > 15 {
        return Err(Refused::NotSynchronised);
    }
    let (heard, told) = (stamp(32), stamp(40));
    let short_ms = |at: usize| f64::from(word(at)) * 1_000.0 / 65_536.0;
    let on_the_way_ms = micros_ms(received_us.wrapping_sub(sent_us)) - apart_ms(told, heard);
    // When its own clock was set last; 0 where it does not say.
    let set = stamp(16);
    let set_later = set != 0 && apart_ms(set, told) > 0.0;
    let nonsense = heard == 0 || told == 0 || apart_ms(told, heard) < 0.0 || set_later;
    if nonsense || short_ms(4) / 2.0 + short_ms(8) > ROOT_DISTANCE_MAX_MS {
        return Err(Refused::Unreliable);
    }
    let there = apart_ms(heard, of_unix(sent_us));
    let back = apart_ms(told, of_unix(received_us));
    Ok(Answer { offset_ms: f64::midpoint(there, back), delay_ms: on_the_way_ms.max(0.0) })
}

/// As NTP writes it: seconds since 1900 before the point, whatever the era, and a fraction of 32 bits behind it.
fn of_unix(micros: u64) -> u64 {
    let seconds = (micros / 1_000_000).wrapping_add(TO_UNIX_S);
    let fraction = (micros % 1_000_000) << 32;
    (seconds << 32) | (fraction / 1_000_000)
}

/// How far `one` lies behind `other`; right within 68 years either way, across eras too.
#[expect(clippy::cast_precision_loss, reason = "microseconds are enough")]
fn apart_ms(one: u64, other: u64) -> f64 {
    one.wrapping_sub(other).cast_signed() as f64 * 1_000.0 / 4_294_967_296.0
}

#[expect(clippy::cast_precision_loss, reason = "microseconds are enough")]
fn micros_ms(micros: u64) -> f64 {
    micros.cast_signed() as f64 / 1_000.0
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const NUMBER: u64 = 0x0123_4567_89AB_CDEF;
    /// 2026-11-26.
    pub(in crate::clock) const NOW_US: u64 = 1_795_651_200_000_000;

    /// As a good server answers whose clock is `ahead_us` ahead of ours, 3 ms after it heard the question.
    pub(in crate::clock) fn told(number: u64, heard_us: u64, told_us: u64) -> [u8; PACKET] {
        let mut packet = [0; PACKET];
        packet[0] = 0b0010_0100;
        packet[1] = 2;
        packet[24..32].copy_from_slice(&number.to_be_bytes());
        packet[32..40].copy_from_slice(&of_unix(heard_us).to_be_bytes());
        packet[40..48].copy_from_slice(&of_unix(told_us).to_be_bytes());
        packet
    }

    fn good() -> [u8; PACKET] {
        told(NUMBER, NOW_US + 250_000 + 10_000, NOW_US + 250_000 + 13_000)
    }

    fn read(packet: &[u8]) -> Result<Answer, Refused> {
        answer(packet, NUMBER, NOW_US, NOW_US + 23_000)
    }

    #[test]
    fn offset_and_delay_of_a_good_answer() {
        let answer = read(&good()).unwrap();
        assert!((answer.offset_ms - 250.0).abs() < 0.01, "{answer:?}");
        assert!((answer.delay_ms - 20.0).abs() < 0.01, "{answer:?}");
        let question = question(NUMBER);
        assert_eq!(
            (question[0], &question[40..], &question[1..40]),
            (0x23, &NUMBER.to_be_bytes()[..], &[0; 39][..])
        );
    }

    #[test]
    fn years_and_eras_apart() {
        let hour_behind = told(NUMBER, NOW_US + 10_000 - 3_600_000_000, NOW_US + 10_000 - 3_600_000_000);
        let answer = answer(&hour_behind, NUMBER, NOW_US, NOW_US + 20_000).unwrap();
        assert!((answer.offset_ms + 3_600_000.0).abs() < 0.01, "{answer:?}");
        // NTP's seconds begin anew in February 2036.
        let turn = (u64::from(u32::MAX) + 1 - TO_UNIX_S) * 1_000_000;
        let across = told(NUMBER, turn + 500_000, turn + 500_000);
        let answer = super::answer(&across, NUMBER, turn - 500_000, turn - 500_000).unwrap();
        assert!((answer.offset_ms - 1_000.0).abs() < 0.01, "{answer:?}");
    }

    #[test]
    fn what_is_no_answer_to_our_question() {
        let with = |at: usize, octet: u8| {
            let mut packet = good();
            packet[at] = octet;
            read(&packet)
        };
        assert_eq!(with(31, 0), Err(Refused::NotOurs), "another's number");
        assert_eq!(with(0, 0b0010_0011), Err(Refused::NotOurs), "a client");
        assert_eq!(with(0, 0b0000_1100), Err(Refused::NotOurs), "version 1");
        assert_eq!(read(&good()[..47]), Err(Refused::NotOurs));
        assert_eq!(read(&[]), Err(Refused::NotOurs));
        assert_eq!(with(0, 0b1110_0100), Err(Refused::NotSynchronised), "its leap indicator warns");
        assert_eq!(with(1, 16), Err(Refused::NotSynchronised));
        assert_eq!(with(5, 200), Err(Refused::Unreliable), "root delay");
        assert_eq!(with(9, 2), Err(Refused::Unreliable), "root dispersion");
        assert!(with(10, 200).is_ok() && with(0, 0b0110_0100).is_ok() && with(1, 15).is_ok());
        assert_eq!(read(&told(NUMBER, NOW_US + 2_000_000, NOW_US + 1_000_000)), Err(Refused::Unreliable));
        assert_eq!(read(&[&good()[..32], &[0; 16]].concat()), Err(Refused::Unreliable), "no times");
    }

    #[test]
    fn a_server_that_was_set_in_the_future_is_not_believed() {
        let set = |at: u64| {
            let mut packet = good();
            packet[16..24].copy_from_slice(&of_unix(at).to_be_bytes());
            read(&packet)
        };
        assert!(set(NOW_US).is_ok() && set(NOW_US + 263_000).is_ok());
        assert_eq!(set(NOW_US + 1_000_000), Err(Refused::Unreliable));
    }

    #[test]
    fn kisses_of_death() {
        for (code, refused) in [
            (b"RATE", Refused::Slower),
            (b"DENY", Refused::Denied),
            (b"RSTR", Refused::Denied),
            (b"INIT", Refused::NotSynchronised),
        ] {
            let mut packet = good();
            packet[1] = 0;
            packet[12..16].copy_from_slice(code);
            assert_eq!(read(&packet), Err(refused));
        }
    }
}
