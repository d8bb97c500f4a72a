//! Reads captures, whoever wrote them.

use std::fmt;
use std::io::Read;

use telemetry::Now;

use super::frame::{Broken, MAGIC, Unframed};
use super::header::Header;
use super::octets::{Malformed, Take};
use super::{CaptureError, VERSION, codec, kind};
use crate::core::{Input, Output};

/// How a file ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The device stopped.
    Stopped,
    /// Its room was used up.
    Full,
    /// The disk was too slow for what came in.
    Behind,
    /// Between two frames, without a word: the device was killed, or it still runs.
    Open,
    /// Inside of a frame: what came last was not written in full.
    Torn,
    /// What follows is not what was written, and why.
    Damaged(Malformed),
    /// What follows cannot be read, and why.
    Unreadable(String),
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("the device stopped"),
            Self::Full => f.write_str("the room of the capture was used up"),
            Self::Behind => f.write_str("the disk was too slow for what came in, so that the capture ended"),
            Self::Open => f.write_str("the device was killed, or still ran"),
            Self::Torn => f.write_str("the file ends within a record: the device was killed, or still ran"),
            Self::Damaged(why) => write!(f, "the file is damaged from there on: {why}"),
            Self::Unreadable(why) => write!(f, "the file cannot be read from there on: {why}"),
        }
    }
}

/// What came into the machine.
#[derive(Clone, Debug, PartialEq)]
pub enum Came {
    /// An input.
    Input(Input),
    /// Another site, which it runs from now on.
    Site(Box<Header>),
}

/// One thing that a capture holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Something came into the machine.
    Came(Now, Came),
    /// What left it because of that; without records.
    Outputs(Vec<Output>),
}

/// A capture on its way in.
pub struct Reader<R> {
    frames: Unframed<R>,
    header: Header,
    /// Records of the frame at hand, and how far they are read.
    records: Vec<u8>,
    at: usize,
    last: Now,
    end: Option<End>,
}

impl<R> fmt::Debug for Reader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("last", &self.last).field("end", &self.end).finish_non_exhaustive()
    }
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    ///
    /// # Errors
    /// Where it is no capture, one of another version, or one that does not say what it is of.
    pub fn open(mut source: R) -> Result<Self, CaptureError> {
        let mut start = Vec::new();
        let length = MAGIC.len() + size_of::<u32>();
        source.by_ref().take(length as u64).read_to_end(&mut start)?;
        let version = start.strip_prefix(MAGIC).and_then(|rest| rest.first_chunk());
        let version = u32::from_le_bytes(*version.ok_or(CaptureError::Foreign)?);
        if version != VERSION {
            return Err(CaptureError::Version(version));
        }
        let mut frames = Unframed::new(source, length as u64);
        let header = |why: &str| CaptureError::Header(why.to_owned());
        let records = match frames.next() {
            Ok(Some(records)) => records,
            Ok(None) | Err(Broken::Torn) => return Err(header("the file ends before it")),
            Err(Broken::Damaged(why)) => return Err(header(&why.to_string())),
            Err(Broken::Io(error)) => return Err(error.into()),
        };
        let mut from = Take(&records);
        let (kind, body) = record(&mut from).map_err(|why| header(&why.to_string()))?;
        if kind != kind::HEADER {
            return Err(header("something else comes first"));
        }
        let read: Header = serde_json::from_slice(body).map_err(|error| header(&error.to_string()))?;
        let at = records.len() - from.0.len();
        let last = read.now();
        Ok(Self { frames, header: read, records, at, last, end: None })
    }

    /// What it is of.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// How it ends; `None` before its end was reached.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Octets of the file up to the end of its last whole frame so far.
    pub fn sound_octets(&self) -> u64 {
        self.frames.sound
    }

    /// The next thing; `None` at the end.
    pub fn next_item(&mut self) -> Option<Item> {
        while self.end.is_none() {
            let rest = self.records.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                self.fill();
                continue;
            }
            let mut from = Take(rest);
            let (result, last) = item(&mut from, self.last);
            self.at = self.records.len().saturating_sub(from.0.len());
            match result {
                Ok(Ok(item)) => {
                    self.last = last;
                    return Some(item);
                }
                Ok(Err(end)) => self.end = Some(end),
                Err(why) => self.end = Some(End::Damaged(why)),
            }
        }
        None
    }

    fn fill(&mut self) {
        self.at = 0;
        self.records.clear();
        match self.frames.next() {
            Ok(Some(records)) => self.records = records,
            Ok(None) => self.end = Some(End::Open),
            Err(Broken::Torn) => self.end = Some(End::Torn),
            Err(Broken::Damaged(why)) => self.end = Some(End::Damaged(why)),
            Err(Broken::Io(error)) => self.end = Some(End::Unreadable(error.to_string())),
        }
    }
}

fn record<'a>(from: &mut Take<'a>) -> Result<(u8, &'a [u8]), Malformed> {
    Ok((from.u8()?, from.octets()?))
}

type Read1 = Result<Result<Item, End>, Malformed>;

/// The next record, and the time that it brings us to.
fn item(from: &mut Take<'_>, last: Now) -> (Read1, Now) {
    let mut now = last;
    let mut read = || -> Read1 {
        let (kind, body) = record(from)?;
        let mut body = Take(body);
        let item = match kind {
            kind::INPUT => {
                now = body.now(last)?;
                Ok(Item::Came(now, Came::Input(codec::take_input(&mut body, now)?)))
            }
            kind::SITE => {
                now = body.now(last)?;
                let header = serde_json::from_slice(std::mem::take(&mut body.0));
                let header = header.map_err(|_| Malformed("a site that cannot be read"))?;
                Ok(Item::Came(now, Came::Site(Box::new(header))))
            }
            kind::OUTPUTS => Ok(Item::Outputs(codec::take_outputs(&mut body)?)),
            kind::END => Err(match body.u8()? {
                0 => End::Stopped,
                1 => End::Full,
                2 => End::Behind,
                _ => return Err(Malformed("an end of a kind that is not known")),
            }),
            _ => return Err(Malformed("a record of a kind that is not known")),
        };
        if body.is_empty() { Ok(item) } else { Err(Malformed("a record that is too long")) }
    };
    (read(), now)
}
