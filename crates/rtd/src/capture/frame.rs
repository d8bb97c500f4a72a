//! How records lie in a file: frames of a length, a check and compressed records, one after the other.
//!
//! All frames share one deflate stream and each is flushed to an octet's end, so that what a program was doing when
//! it was killed is on the disk up to its last whole frame, and polls that repeat themselves cost next to nothing. A
//! frame that is torn or damaged ends the file: nothing behind it can be understood.

use std::io::{self, Read};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::octets::Malformed;

/// What every file begins with; the version follows.
pub(super) const MAGIC: &[u8; 16] = b"openrtd capture\n";
/// The largest frame, compressed or not.
const FRAME_MAX: usize = 32 * 1024 * 1024;
/// Memory asked for at once: a file must not make us ask for more than it can fill.
const GROW: usize = 64 * 1024;
/// Length, length of what is in it, check.
const HEAD: usize = 12;

/// Makes frames.
pub(super) struct Frames {
    deflate: Compress,
}

impl Frames {
    pub(super) fn new() -> Self {
        // Bare deflate: we have checks of our own.
        Self { deflate: Compress::new(Compression::default(), false) }
    }

    /// A frame of these records.
    pub(super) fn frame(&mut self, records: &[u8]) -> io::Result<Vec<u8>> {
        let mut packed = Vec::with_capacity(records.len() / 2 + 64);
        let mut rest = records;
        loop {
            packed.reserve(rest.len() / 2 + 64);
            let before = self.deflate.total_in();
            self.deflate.compress_vec(rest, &mut packed, FlushCompress::Sync).map_err(io::Error::other)?;
            let taken = usize::try_from(self.deflate.total_in() - before).unwrap_or(rest.len());
            rest = rest.get(taken..).unwrap_or_default();
            // Room that is left over says that there was nothing more to say.
            if rest.is_empty() && packed.len() < packed.capacity() {
                break;
            }
        }
        let too_large = || io::Error::other("a frame larger than frames may be");
        if records.len() > FRAME_MAX || packed.len() > FRAME_MAX {
            return Err(too_large());
        }
        let length = u32::try_from(packed.len()).map_err(|_| too_large())?;
        let plain = u32::try_from(records.len()).map_err(|_| too_large())?;
        let mut frame = Vec::with_capacity(HEAD + packed.len());
        frame.extend(length.to_le_bytes());
        frame.extend(plain.to_le_bytes());
        frame.extend(check(length, plain, &packed).to_le_bytes());
        frame.extend(packed);
        Ok(frame)
    }
}

fn check(length: u32, plain: u32, packed: &[u8]) -> u32 {
    let mut check = crc32fast::Hasher::new();
    check.update(&length.to_le_bytes());
    check.update(&plain.to_le_bytes());
    check.update(packed);
    check.finalize()
}

/// Reads frames.
pub(super) struct Unframed<R> {
    source: R,
    inflate: Decompress,
    /// Octets of the file up to the end of the last whole frame.
    pub(super) sound: u64,
}

/// Why there is no next frame.
pub(super) enum Broken {
    /// The file ends inside of one.
    Torn,
    /// It is not what was written.
    Damaged(Malformed),
    /// It cannot be read.
    Io(io::Error),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl<R: Read> Unframed<R> {
    /// `sound`: octets that were read before the first frame.
    pub(super) fn new(source: R, sound: u64) -> Self {
        Self { source, inflate: Decompress::new(false), sound }
    }

    /// The records of the next frame; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        let mut head = Vec::with_capacity(HEAD);
        self.source.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
        if head.is_empty() {
            return Ok(None);
        }
        let Ok(head) = <[u8; HEAD]>::try_from(head) else { return Err(Broken::Torn) };
        let [a, b, c, d, e, f, g, h, i, j, k, l] = head;
        let length = u32::from_le_bytes([a, b, c, d]);
        let plain = u32::from_le_bytes([e, f, g, h]);
        let told = u32::from_le_bytes([i, j, k, l]);
        let size = |size: u32| usize::try_from(size).ok().filter(|size| *size <= FRAME_MAX);
        let (Some(packed), Some(size)) = (size(length), size(plain)) else {
            return Err(Broken::Damaged(Malformed("a frame larger than frames may be")));
        };
        let mut octets = Vec::new();
        // It grows with what is really there.
        self.source.by_ref().take(length.into()).read_to_end(&mut octets)?;
        if octets.len() < packed {
            return Err(Broken::Torn);
        }
        if check(length, plain, &octets) != told {
            return Err(Broken::Damaged(Malformed("a check that does not fit")));
        }
        let records = self.inflate(&octets, size).map_err(Broken::Damaged)?;
        self.sound = self.sound.saturating_add(HEAD as u64).saturating_add(length.into());
        Ok(Some(records))
    }

    fn inflate(&mut self, packed: &[u8], size: usize) -> Result<Vec<u8>, Malformed> {
        let mut records = Vec::new();
        let mut rest = packed;
        loop {
            // One more than it should be, to see that there is no more.
            let room = size.saturating_sub(records.len()).saturating_add(1).min(GROW);
            records.reserve(room);
            let (before, had) = (self.inflate.total_in(), records.len());
            let status = self.inflate.decompress_vec(rest, &mut records, FlushDecompress::Sync);
            let status = status.map_err(|_| Malformed("octets that are not deflate's"))?;
            if records.len() > size {
                return Err(Malformed("a frame that holds more than it says"));
            }
            let taken = usize::try_from(self.inflate.total_in() - before).unwrap_or(rest.len());
            rest = rest.get(taken..).unwrap_or_default();
            let moved = taken > 0 || records.len() > had;
            if !moved || matches!(status, Status::StreamEnd) {
                break;
            }
        }
        if records.len() != size || !rest.is_empty() {
            return Err(Malformed("a frame that holds less than it says"));
        }
        Ok(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(octets: &[u8]) -> (Vec<Vec<u8>>, Option<&'static str>, u64) {
        let mut frames = Unframed::new(octets, 0);
        let mut read = Vec::new();
        loop {
            let why = match frames.next() {
                Ok(Some(records)) => {
                    read.push(records);
                    continue;
                }
                Ok(None) => None,
                Err(Broken::Torn) => Some("torn"),
                Err(Broken::Damaged(Malformed(why))) => Some(why),
                Err(Broken::Io(error)) => panic!("{error}"),
            };
            return (read, why, frames.sound);
        }
    }

    #[test]
    fn a_file_is_good_up_to_its_last_whole_frame() {
        let mut frames = Frames::new();
        let noise: Vec<u8> = (0..100_000_u32)
            .map(|at| at.wrapping_mul(at).wrapping_mul(2_654_435_761).to_be_bytes()[0])
            .collect();
        let parts = [b"first".to_vec(), Vec::new(), noise, vec![7; 1_000_000], b"first".to_vec()];
        let mut ends = vec![0];
        let mut file = Vec::new();
        for part in &parts {
            file.extend(frames.frame(part).unwrap());
            ends.push(file.len());
        }
        assert_eq!(all(&file), (parts.to_vec(), None, file.len() as u64));
        // Cut anywhere near an end, it is whole up to the frame before.
        for (whole, end) in ends.iter().enumerate() {
            for cut in
                [*end, end + 1, end + 11, end + 12, end + 15].into_iter().filter(|cut| *cut < file.len())
            {
                let (read, why, sound) = all(&file[..cut]);
                let fits = ends.iter().filter(|end| **end <= cut).count() - 1;
                assert!(fits >= whole);
                assert_eq!((read.as_slice(), sound), (&parts[..fits], ends[fits] as u64), "{cut}");
                assert_eq!(why, (ends[fits] != cut).then_some("torn"), "{cut}");
            }
        }
        // The third frame, in its head and behind it.
        for at in [0, 3, 5, 9, 13, 1_000] {
            let mut broken = file.clone();
            broken[ends[2] + at] ^= 0x10;
            let (read, why, sound) = all(&broken);
            assert_eq!((read.as_slice(), sound), (&parts[..2], ends[2] as u64), "{at}");
            assert!(why.is_some(), "{at}");
        }
    }

    #[test]
    fn a_frame_cannot_say_that_it_is_small() {
        let mut frames = Frames::new();
        let mut frame = frames.frame(&vec![0; 1_000_000]).unwrap();
        frame[4..8].copy_from_slice(&1_000_u32.to_le_bytes());
        let right = check(u32::try_from(frame.len() - HEAD).unwrap(), 1_000, &frame[HEAD..]);
        frame[8..12].copy_from_slice(&right.to_le_bytes());
        assert_eq!(all(&frame), (Vec::new(), Some("a frame that holds more than it says"), 0));
    }
}
