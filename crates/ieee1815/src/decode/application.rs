//! The application layer of a fragment: its header, then block after block of objects.

use super::block::{Block, Unreadable, block};
use super::names;
use super::reason::Reason;
use crate::Iin;

/// The application control octet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    /// First fragment.
    pub fir: bool,
    /// Last fragment.
    pub fin: bool,
    /// A confirm is wanted.
    pub con: bool,
    /// Unsolicited, or the confirm of it.
    pub uns: bool,
    /// Sequence, 0 to 15.
    pub sequence: u8,
}

impl Control {
    const fn new(octet: u8) -> Self {
        Self {
            fir: octet & 0x80 != 0,
            fin: octet & 0x40 != 0,
            con: octet & 0x20 != 0,
            uns: octet & 0x10 != 0,
            sequence: octet & 0x0F,
        }
    }
}

/// The application layer of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Application<'a> {
    /// The control octet.
    pub control: Control,
    /// The function code.
    pub function: u8,
    /// The indications of a response.
    pub iin: Option<Iin>,
    /// All object headers and objects.
    pub objects: &'a [u8],
    from_master: bool,
}

impl<'a> Application<'a> {
    /// Of a fragment's octets.
    ///
    /// # Errors
    /// [`Reason::ApplicationTruncated`].
    pub fn new(octets: &'a [u8], from_master: bool) -> Result<Self, Reason> {
        let (&[control, function], rest) =
            octets.split_first_chunk::<2>().ok_or(Reason::ApplicationTruncated)?;
        let (iin, objects) = if function < 0x80 {
            (None, rest)
        } else {
            let (bits, rest) = rest.split_first_chunk::<2>().ok_or(Reason::ApplicationTruncated)?;
            (Some(Iin::from_bits(u16::from_le_bytes(*bits))), rest)
        };
        Ok(Self { control: Control::new(control), function, iin, objects, from_master })
    }

    /// The function's name.
    #[must_use]
    pub const fn function_name(&self) -> Option<&'static str> {
        names::function(self.function)
    }

    /// Whether it is a response by its function.
    #[must_use]
    pub const fn is_response(&self) -> bool {
        self.function >= 0x80
    }

    /// What is wrong with the header, whatever follows it.
    #[must_use]
    pub fn problem(&self) -> Option<Reason> {
        let Control { fir, fin, uns, .. } = self.control;
        if self.function_name().is_none() {
            Some(Reason::Function(self.function))
        } else if self.is_response() == self.from_master {
            Some(Reason::Direction(self.function))
        } else if match self.function {
            // Only responses may be of several fragments.
            0 => !(fir && fin),
            129 | 131 => uns,
            130 => !uns,
            _ => uns || !(fir && fin),
        } {
            Some(Reason::ApplicationControl)
        } else {
            None
        }
    }

    /// The object headers with their objects. Ends after the first that cannot be read.
    #[must_use]
    pub fn blocks(&self) -> Blocks<'a> {
        Blocks { rest: self.objects, function: self.function }
    }

    /// The first thing that is wrong anywhere in the fragment.
    #[must_use]
    pub fn first_problem(&self) -> Option<Reason> {
        self.problem().or_else(|| {
            self.blocks().find_map(|block| match block {
                Err(unreadable) => Some(unreadable.reason),
                Ok(block) => block.problem.or_else(|| block.objects().find_map(|object| object.problem)),
            })
        })
    }
}

/// See [`Application::blocks`].
#[derive(Debug, Clone)]
pub struct Blocks<'a> {
    rest: &'a [u8],
    function: u8,
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, Unreadable<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let octets = core::mem::take(&mut self.rest);
        match block(octets, self.function) {
            // A header is three octets or more, so each turn brings the end nearer.
            Ok((block, rest)) => {
                self.rest = rest;
                Some(Ok(block))
            }
            Err(reason) => Some(Err(Unreadable { reason, octets })),
        }
    }
}
