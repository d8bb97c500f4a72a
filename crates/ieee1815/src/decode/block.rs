//! An object header with its objects. What a header claims is held against the octets that are there before
//! anything is counted by it.

use alloc::vec::Vec;

use super::layout::{self, Layout};
use super::names;
use super::reason::Reason;
use super::table;
use super::value::{Field, FieldValue};

/// Which objects a header is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All there are.
    All,
    /// From the first to the last index.
    StartStop(u32, u32),
    /// So many, without indexes.
    Count(u32),
    /// So many, each with its index.
    Indexed(u32),
    /// So many, each with its size.
    Sized(u32),
}

/// An object header with its objects.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    /// Group.
    pub group: u8,
    /// Variation.
    pub variation: u8,
    /// Qualifier code.
    pub qualifier: u8,
    /// Which objects.
    pub extent: Extent,
    /// The octets after the header, prefixes included.
    pub data: &'a [u8],
    /// What is wrong although it can be read.
    pub problem: Option<Reason>,
    /// `None`: objects are named, not carried.
    layout: Option<Layout>,
    prefix: usize,
}

/// Octets from an object header on that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable<'a> {
    /// Why.
    pub reason: Reason,
    /// From the start of the header to the end of the fragment.
    pub octets: &'a [u8],
}

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<'a> {
    /// Its index, where it has one.
    pub index: Option<u32>,
    /// What stands in it.
    pub fields: Vec<Field<'a>>,
    /// What is wrong with it.
    pub problem: Option<Reason>,
}

impl Object<'_> {
    /// A field by its name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<FieldValue<'_>> {
        self.fields.iter().find(|field| field.name == name).map(|field| field.value)
    }
}

#[derive(Debug, Clone)]
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, octets: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(octets)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, octets: usize) -> Option<u32> {
        Some(self.take(octets)?.iter().rev().fold(0, |number, octet| number << 8 | u32::from(*octet)))
    }
}

/// Reads one header and its objects from the start of `octets`.
pub(super) fn block(octets: &[u8], function: u8) -> Result<(Block<'_>, &[u8]), Reason> {
    let mut cursor = Cursor(octets);
    let &[group, variation, qualifier] = cursor.take(3).ok_or(Reason::HeaderTruncated)? else {
        return Err(Reason::HeaderTruncated);
    };
    let (extent, prefix) = extent(&mut cursor, qualifier)?;
    let known = table::variation(group, variation);
    let only_named = function < 0x80
        && names::only_names(function)
        && group != 120
        && !(group == 50 && matches!(function, 11 | 12))
        && !matches!(extent, Extent::Sized(_));
    let bad_place =
        (function < 0x80 || names::function(function).is_some()) && !names::has_place(function, group);
    let mut block = Block {
        group,
        variation,
        qualifier,
        extent,
        data: &[],
        problem: bad_place.then_some(Reason::ObjectForFunction(group, function)),
        layout: None,
        prefix,
    };
    if only_named {
        if table::group_name(group).is_none() || known.is_none() && variation != 0 {
            block.problem = Some(Reason::UnknownObject(group, variation));
        }
        let count = if let Extent::Indexed(count) = extent { count } else { 0 };
        let octets = u64::from(count).saturating_mul(prefix as u64);
        block.data =
            usize::try_from(octets).ok().and_then(|octets| cursor.take(octets)).ok_or(Reason::Count)?;
        return Ok((block, cursor.0));
    }
    let known = known.ok_or(Reason::UnknownObject(group, variation))?;
    block.layout = Some(known.layout);
    block.data = carried(&mut cursor, &block, known.layout, function)?;
    Ok((block, cursor.0))
}

fn extent(cursor: &mut Cursor<'_>, qualifier: u8) -> Result<(Extent, usize), Reason> {
    let bad = Reason::Qualifier(qualifier);
    let width = |code: u8| 1_usize.checked_shl(u32::from(code)).unwrap_or(1);
    let after = |code: u8, first: u8| width(code.saturating_sub(first));
    let mut number = |octets| cursor.number(octets).ok_or(Reason::HeaderTruncated);
    Ok(match (qualifier >> 4, qualifier & 0x0F) {
        (0, range @ 0..=2) => {
            let (start, stop) = (number(width(range))?, number(width(range))?);
            if stop < start {
                return Err(Reason::Range);
            }
            (Extent::StartStop(start, stop), 0)
        }
        (0, 6) => (Extent::All, 0),
        (0, range @ 7..=9) => (Extent::Count(number(after(range, 7))?), 0),
        (prefix @ 1..=3, range @ 7..=9) => (Extent::Indexed(number(after(range, 7))?), after(prefix, 1)),
        (prefix @ 4..=6, 0x0B) => (Extent::Sized(number(1)?), after(prefix, 4)),
        _ => return Err(bad),
    })
}

/// The octets of objects that are carried.
fn carried<'a>(
    cursor: &mut Cursor<'a>,
    block: &Block<'_>,
    layout: Layout,
    function: u8,
) -> Result<&'a [u8], Reason> {
    let start = cursor.0;
    if matches!(layout, Layout::Bits | Layout::Pairs | Layout::Nothing) && block.prefix != 0 {
        // What shares octets, or has none, cannot have a prefix each.
        return Err(Reason::Qualifier(block.qualifier));
    }
    let count = match block.extent {
        Extent::All if function < 0x80 => return Ok(&[]),
        Extent::All => return Err(Reason::Qualifier(block.qualifier)),
        Extent::StartStop(start, stop) => u64::from(stop.saturating_sub(start)).saturating_add(1),
        Extent::Count(count) | Extent::Indexed(count) | Extent::Sized(count) => u64::from(count),
    };
    if let Extent::Sized(_) = block.extent {
        for _ in 0..count {
            let size = cursor.number(block.prefix).ok_or(Reason::Count)?;
            usize::try_from(size).ok().and_then(|size| cursor.take(size)).ok_or(Reason::Count)?;
        }
    } else if let Some(octets) = layout.octets_of(count, block.variation) {
        let octets = octets.saturating_add(count.saturating_mul(block.prefix as u64));
        if octets == 0 && count > 0 && (function >= 0x80 || layout != Layout::Nothing) {
            return Err(Reason::Range);
        }
        usize::try_from(octets).ok().and_then(|octets| cursor.take(octets)).ok_or(Reason::Count)?;
    } else if block.group == 0 {
        // Attributes tell their own lengths; each takes two octets or more.
        for _ in 0..count {
            cursor.take(block.prefix).ok_or(Reason::Count)?;
            let &[kind, length] = cursor.take(2).ok_or(Reason::Count)? else { return Err(Reason::Count) };
            let length = usize::from(length).saturating_add(if kind == 255 { 256 } else { 0 });
            cursor.take(length).ok_or(Reason::Count)?;
        }
    } else {
        return Err(Reason::Qualifier(block.qualifier));
    }
    Ok(start.get(..start.len().saturating_sub(cursor.0.len())).unwrap_or_default())
}

impl<'a> Block<'a> {
    /// The group's name.
    #[must_use]
    pub const fn group_name(&self) -> Option<&'static str> {
        table::group_name(self.group)
    }

    /// The variation's name.
    #[must_use]
    pub fn variation_name(&self) -> Option<&'static str> {
        match self.variation {
            0 if self.layout.is_none() => Some("any variation"),
            _ => table::variation(self.group, self.variation).map(|known| known.name),
        }
    }

    /// How many objects, where it is told.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        match self.extent {
            Extent::All => None,
            Extent::StartStop(start, stop) => Some(u64::from(stop.saturating_sub(start)).saturating_add(1)),
            Extent::Count(count) | Extent::Indexed(count) | Extent::Sized(count) => Some(u64::from(count)),
        }
    }

    /// Whether objects are carried, not only named.
    #[must_use]
    pub const fn carries(&self) -> bool {
        self.layout.is_some()
    }

    /// Its objects. Of objects that are only named, those with an index of their own.
    #[must_use]
    pub fn objects(&self) -> Objects<'a> {
        let left = match self.extent {
            // A range that is only named would be counted without an octet to show for it.
            Extent::StartStop(..) | Extent::Count(_) if self.layout.is_none() => 0,
            _ if self.layout == Some(Layout::Nothing) && self.prefix == 0 => 0,
            _ => self.count().unwrap_or(0),
        };
        Objects { block: *self, data: Cursor(self.data), number: 0, left }
    }
}

/// See [`Block::objects`].
#[derive(Debug, Clone)]
pub struct Objects<'a> {
    block: Block<'a>,
    data: Cursor<'a>,
    number: u32,
    left: u64,
}

impl<'a> Iterator for Objects<'a> {
    type Item = Object<'a>;

    fn next(&mut self) -> Option<Object<'a>> {
        self.left = self.left.checked_sub(1)?;
        let object = self.object();
        if object.is_none() {
            self.left = 0;
        }
        self.number = self.number.saturating_add(1);
        object
    }
}

impl<'a> Objects<'a> {
    fn object(&mut self) -> Option<Object<'a>> {
        let block = &self.block;
        let index = match block.extent {
            Extent::StartStop(start, _) => Some(start.saturating_add(self.number)),
            Extent::Indexed(_) => Some(self.data.number(block.prefix)?),
            _ => None,
        };
        let place = usize::try_from(self.number).ok()?;
        let bit = |octets: &[u8]| octets.get(place / 8).map(|octet| octet >> (place % 8) & 1);
        let pair = |octets: &[u8]| {
            let octet = octets.get(place / 4)?;
            Some(
                [octet & 3, octet >> 2 & 3, octet >> 4 & 3, octet >> 6]
                    .get(place % 4)
                    .copied()
                    .unwrap_or_default(),
            )
        };
        let single = |name, value| (alloc::vec![Field { name, value }], None);
        let (fields, problem) = match block.layout {
            None | Some(Layout::Nothing) => (Vec::new(), None),
            Some(Layout::Bits) => single("state", FieldValue::State(bit(self.data.0)? == 1)),
            Some(Layout::Pairs) => single("state", FieldValue::DoubleBit(pair(self.data.0)?)),
            Some(Layout::ByVariation) => {
                let size = match block.extent {
                    Extent::Sized(_) => usize::try_from(self.data.number(block.prefix)?).ok()?,
                    _ => usize::from(block.variation),
                };
                single("octets", FieldValue::Text(self.data.take(size)?))
            }
            Some(Layout::Fields(specs)) => {
                let sized = matches!(block.extent, Extent::Sized(_));
                let octets = if sized {
                    let size = usize::try_from(self.data.number(block.prefix)?).ok()?;
                    self.data.take(size)?
                } else {
                    self.data.0
                };
                let (fields, rest, problem) = layout::read(specs, octets);
                if sized {
                    (fields, problem.or((!rest.is_empty()).then_some(Reason::ObjectSize)))
                } else {
                    self.data = Cursor(rest);
                    (fields, problem)
                }
            }
        };
        Some(Object { index, fields, problem })
    }
}
