//! Numbers and texts as octets, and back again from whoever sent the file.
//!
//! Written by hand rather than derived: what is read may be hostile, so that nothing here may nest, and nothing may
//! ask for more memory than there are octets left.

use std::time::Duration;

use telemetry::clock::WallTrust;
use telemetry::{Mono, Now, Wall};

/// Why octets are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(super) &'static str);

/// What is written.
#[derive(Debug, Default)]
pub(super) struct Put(pub(super) Vec<u8>);

impl Put {
    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    /// Seven bits an octet, the lowest first.
    pub(super) fn number(&mut self, mut value: u64) {
        loop {
            let [low, ..] = value.to_le_bytes();
            value >>= 7;
            if value == 0 {
                return self.u8(low & 0x7F);
            }
            self.u8(low | 0x80);
        }
    }

    pub(super) fn size(&mut self, value: usize) {
        self.number(u64::try_from(value).unwrap_or(u64::MAX));
    }

    pub(super) fn double(&mut self, value: f64) {
        self.0.extend(value.to_bits().to_le_bytes());
    }

    pub(super) fn duration(&mut self, time: Duration) {
        self.number(time.as_secs());
        self.number(time.subsec_nanos().into());
    }

    pub(super) fn octets(&mut self, octets: &[u8]) {
        self.size(octets.len());
        self.0.extend(octets);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.octets(text.as_bytes());
    }

    /// How far `value` is from `base`, either way round the whole range.
    fn distance(&mut self, value: u64, base: u64) {
        let ahead = value.wrapping_sub(base);
        let behind = base.wrapping_sub(value);
        // A small distance of either sign is a small number.
        let number = if ahead <= behind { ahead << 1 } else { (behind << 1).wrapping_sub(1) };
        self.number(number);
    }

    pub(super) fn wall(&mut self, time: Wall, trust: WallTrust, base: Now) {
        self.distance(time.as_millis(), base.wall.as_millis());
        self.u8(match trust {
            WallTrust::Synchronised => 0,
            WallTrust::Unknown => 1,
            WallTrust::Unsynchronised => 2,
        });
    }

    pub(super) fn mono(&mut self, time: Mono, base: Now) {
        self.distance(time.as_micros(), base.mono.as_micros());
    }

    pub(super) fn now(&mut self, now: Now, base: Now) {
        let Now { mono, wall, wall_trust } = now;
        self.mono(mono, base);
        self.wall(wall, wall_trust, base);
    }
}

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Take<'a>(pub(super) &'a [u8]);

impl<'a> Take<'a> {
    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed("it ends too soon"))?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn number(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let octet = self.u8()?;
            let bits = u64::from(octet & 0x7F);
            if shift == 63 && octet > 1 {
                break;
            }
            value |= bits << shift;
            if octet & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed("a number of more than 64 bits"))
    }

    pub(super) fn size(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.number()?).map_err(|_| Malformed("a size beyond this machine"))
    }

    /// How many things follow, each of at least one octet.
    pub(super) fn count(&mut self) -> Result<usize, Malformed> {
        let count = self.size()?;
        if count > self.0.len() {
            return Err(Malformed("more of something than there are octets"));
        }
        Ok(count)
    }

    pub(super) fn double(&mut self) -> Result<f64, Malformed> {
        let (bits, rest) = self.0.split_first_chunk().ok_or(Malformed("it ends too soon"))?;
        self.0 = rest;
        Ok(f64::from_bits(u64::from_le_bytes(*bits)))
    }

    pub(super) fn duration(&mut self) -> Result<Duration, Malformed> {
        let seconds = self.number()?;
        let nanos = u32::try_from(self.number()?).ok().filter(|nanos| *nanos < 1_000_000_000);
        Ok(Duration::new(seconds, nanos.ok_or(Malformed("a second of more nanoseconds than it has"))?))
    }

    pub(super) fn octets(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.size()?;
        let (octets, rest) = self.0.split_at_checked(length).ok_or(Malformed("it ends too soon"))?;
        self.0 = rest;
        Ok(octets)
    }

    pub(super) fn text(&mut self) -> Result<String, Malformed> {
        let text = std::str::from_utf8(self.octets()?).map_err(|_| Malformed("a text that is not UTF-8"))?;
        Ok(text.to_owned())
    }

    fn distance(&mut self, base: u64) -> Result<u64, Malformed> {
        let number = self.number()?;
        let half = number >> 1;
        Ok(if number & 1 == 0 { base.wrapping_add(half) } else { base.wrapping_sub(half).wrapping_sub(1) })
    }

    pub(super) fn wall(&mut self, base: Now) -> Result<(Wall, WallTrust), Malformed> {
        let time = Wall::from_millis(self.distance(base.wall.as_millis())?);
        let trust = match self.u8()? {
            0 => WallTrust::Synchronised,
            1 => WallTrust::Unknown,
            2 => WallTrust::Unsynchronised,
            _ => return Err(Malformed("a trust in a clock that is not known")),
        };
        Ok((time, trust))
    }

    pub(super) fn mono(&mut self, base: Now) -> Result<Mono, Malformed> {
        Ok(Mono::from_micros(self.distance(base.mono.as_micros())?))
    }

    pub(super) fn now(&mut self, base: Now) -> Result<Now, Malformed> {
        let mono = self.mono(base)?;
        let (wall, wall_trust) = self.wall(base)?;
        Ok(Now { mono, wall, wall_trust })
    }
}
