//! What comes from outside is cut to size where it enters: words to what a person reads, times to what can be.
//!
//! A device, a broker or a file may say anything at any length. Its words go into the journal, the history and on to
//! whoever keeps that, and must not be too much for any of them.

use telemetry::Wall;

use crate::core::{FieldEvent, FieldOutcome, Reading};

/// Words are cut to so many octets.
pub(crate) const WORDS_OCTETS_MAX: usize = 240;
/// What shows that something was cut off.
const CUT: char = '…';
/// A source's clock may be ahead of ours by no more than this.
const AHEAD_MAX_MILLIS: u64 = 24 * 60 * 60 * 1_000;
/// The first moment of the year 10000: no calendar here goes further.
const YEAR_10000_MILLIS: u64 = 253_402_300_800_000;

/// Words of at most [`WORDS_OCTETS_MAX`] octets, cut between two characters.
pub(crate) fn words(mut text: String) -> String {
    if text.len() > WORDS_OCTETS_MAX {
        text.truncate(text.floor_char_boundary(WORDS_OCTETS_MAX.saturating_sub(CUT.len_utf8())));
        text.push(CUT);
        text.shrink_to_fit();
    }
    text
}

/// An event with all its words cut to size. Whatever a driver tells goes through this.
pub(crate) fn event(event: FieldEvent) -> FieldEvent {
    match event {
        FieldEvent::Report(mut report) => {
            match &mut report.outcome {
                FieldOutcome::Readings(readings) => readings.iter_mut().for_each(|(_, one)| reading(one)),
                FieldOutcome::Failed(failure) => failure.words = words(std::mem::take(&mut failure.words)),
            }
            FieldEvent::Report(report)
        }
        FieldEvent::Written { device, request, result } => {
            FieldEvent::Written { device, request, result: result.map_err(words) }
        }
    }
}

fn reading(one: &mut Reading) {
    match one {
        Reading::Invalid(text) => *text = words(std::mem::take(text)),
        Reading::Reported(reported) => {
            if let Reading::Invalid(text) = &mut reported.reading {
                *text = words(std::mem::take(text));
            }
        }
        _ => {}
    }
}

/// Whether a source's time can be: not after the year 9999, and no more than a day ahead of `now`.
pub(crate) fn can_be(time: Wall, now: Wall) -> bool {
    let latest = now.as_millis().saturating_add(AHEAD_MAX_MILLIS).min(YEAR_10000_MILLIS - 1);
    time.as_millis() <= latest
}

/// Takes a time that cannot be for none.
#[cfg(any(test, feature = "mqtt", feature = "opcua"))]
pub(crate) fn time(mut reported: crate::core::Reported, now: Wall) -> crate::core::Reported {
    reported.time = reported.time.filter(|(time, _)| can_be(*time, now));
    reported
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{DeviceFailure, FailureKind, FieldReport, Reported};
    use site::{DeviceIx, Dnp3Type, ReadingIx};
    use telemetry::{Now, WallTrust};

    #[test]
    fn words_are_cut_between_two_characters() {
        assert_eq!(words("short".to_owned()), "short");
        for text in ["x".repeat(WORDS_OCTETS_MAX), "é".repeat(WORDS_OCTETS_MAX / 2)] {
            assert_eq!(words(text.clone()), text);
        }
        for text in ["x", "é", "€", "🦀"] {
            let cut = words(text.repeat(1 << 20));
            assert!(cut.len() <= WORDS_OCTETS_MAX && cut.len() > WORDS_OCTETS_MAX - 8, "{}", cut.len());
            assert!(cut.starts_with(text) && cut.ends_with(CUT), "{cut}");
        }
    }

    #[test]
    fn no_words_of_an_event_are_longer() {
        let long = || "x".repeat(3_000_000);
        let told = Reported {
            reading: Reading::Invalid(long()),
            kind: Dnp3Type::Analog,
            flags: None,
            time: None,
            event: false,
        };
        let (at, device, now) = (ReadingIx::new(0), DeviceIx::new(0), Now::virtual_millis(1));
        let readings = vec![(at, Reading::Invalid(long())), (at, Reading::Reported(Box::new(told)))];
        let failure = DeviceFailure { kind: FailureKind::Protocol, words: long() };
        let report = |outcome| FieldEvent::Report(FieldReport { device, outcome, sent: now, received: now });
        for one in [
            report(FieldOutcome::Readings(readings)),
            report(FieldOutcome::Failed(failure)),
            FieldEvent::Written { device, request: 1, result: Err(long()) },
        ] {
            assert!(format!("{:?}", event(one)).len() < 2_000);
        }
    }

    #[test]
    fn a_time_that_cannot_be_is_none() {
        let now = Wall::from_millis(1_800_000_000_000);
        let ahead = |millis| can_be(Wall::from_millis(now.as_millis() + millis), now);
        assert!(ahead(0) && ahead(AHEAD_MAX_MILLIS) && !ahead(AHEAD_MAX_MILLIS + 1));
        assert!(can_be(Wall::from_millis(0), now));
        let end = Wall::from_millis(u64::MAX);
        assert!(!can_be(end, now) && !can_be(end, end), "whatever our own clock says");
        let told = |millis| Reported {
            reading: Reading::Number(1.0),
            kind: Dnp3Type::Analog,
            flags: None,
            time: Some((Wall::from_millis(millis), WallTrust::Unknown)),
            event: true,
        };
        assert_eq!(time(told(u64::MAX), now).time, None);
        assert_eq!(time(told(77), now), told(77));
    }
}
