//! Object headers and objects.

use arbitrary::{Result, Unstructured};
use ieee1815::objects::{Direction, ObjectHeader, Range, parse_headers, write_command_body};
use ieee1815::{Command, PointType};

use crate::wire;

/// What every header has to keep; how many octets it took at least.
fn check(header: &ObjectHeader<'_>, octets: usize) -> usize {
    assert!(header.data.len() <= octets);
    if let Range::StartStop(start, stop) = header.range {
        assert!(start <= stop);
    }
    if let Range::Indexed(count) = header.range {
        // Whoever names so many has sent so many.
        assert!(header.data.len() >= count as usize);
    }
    header.data.len() + 3
}

/// Reads all headers; the octets that they take are never more than there are.
fn headers<'a>(octets: &'a [u8], direction: Direction) -> Vec<ObjectHeader<'a>> {
    let (mut found, mut taken, mut over) = (Vec::new(), 0, false);
    for header in parse_headers(octets, direction) {
        assert!(!over, "nothing follows an error");
        match header {
            Ok(header) => {
                taken += check(&header, octets.len());
                assert!(taken <= octets.len());
                found.push(header);
            }
            Err(_) => over = true,
        }
    }
    found
}

/// A request that names objects.
pub fn naming(data: &[u8]) {
    for header in headers(data, Direction::Naming) {
        all(&header);
    }
}

/// A request that carries objects.
pub fn request(data: &[u8]) {
    for header in headers(data, Direction::Request) {
        all(&header);
    }
}

/// A response: no objects without size, none without a range.
pub fn response(data: &[u8]) {
    for header in headers(data, Direction::Response) {
        assert!(header.range != Range::All);
        assert!(header.group != 60);
        assert!(!header.data.is_empty() || matches!(header.range, Range::Count(0) | Range::Indexed(0)));
        all(&header);
    }
}

/// Objects that mostly exist, in any direction.
pub fn well_formed(data: &[u8]) {
    let _ = well_formed_with(&mut Unstructured::new(data));
}

fn well_formed_with(u: &mut Unstructured<'_>) -> Result<()> {
    let carried = u.arbitrary()?;
    let octets = wire::objects(u, carried)?;
    naming(&octets);
    request(&octets);
    response(&octets);
    visit(&octets);
    Ok(())
}

/// Every view of a header ends, and gives no more than its octets can hold.
fn all(header: &ObjectHeader<'_>) {
    let bits = header.data.len() * 8;
    let mut count = 0;
    header.visit(|_, _| count += 1);
    assert!(count <= bits);
    assert!(header.commands().count() <= header.data.len());
    assert!(header.strings().count() <= header.data.len());
    assert!(header.attributes().len() <= header.data.len() / 2);
}

/// Measured objects: each index is one that the header names, each time one that it carries.
pub fn visit(data: &[u8]) {
    for header in headers(data, Direction::Response) {
        let Some((point, event)) = header.point() else {
            header.visit(|_, _| panic!("that is no point"));
            continue;
        };
        let (mut count, mut last) = (0_u64, None);
        header.visit(|index, measured| {
            count += 1;
            if let Range::StartStop(start, stop) = header.range {
                assert!((start..=stop).contains(&index));
                assert!(last.is_none_or(|last| index == last + 1));
            }
            last = Some(index);
            assert!(measured.time.is_none_or(|time| time < 1 << 48 | 1 << 17));
            // The state is no flag.
            if point == PointType::BinaryInput
                && let Some(flags) = measured.flags
            {
                assert_eq!(flags.bits() & 0x80, 0);
            }
        });
        let wanted = match header.range {
            Range::StartStop(start, stop) => u64::from(stop) - u64::from(start) + 1,
            Range::Indexed(count) => count.into(),
            Range::Count(_) | Range::All => 0,
        };
        if point == PointType::OctetString {
            assert_eq!((count, header.strings().count() as u64), (0, wanted));
        } else if matches!((header.group, header.variation), (1 | 3 | 10, 1))
            && matches!(header.range, Range::Indexed(_))
        {
            // Packed states have no place for indexes.
            assert_eq!(count, 0);
        } else {
            assert_eq!(count, wanted, "{header:?}");
        }
        assert_eq!(event, matches!(header.group, 2 | 4 | 11 | 13 | 22 | 23 | 32 | 33 | 42 | 43 | 111));
    }
}

/// Commands: what is read writes back octet by octet.
pub fn commands(data: &[u8]) {
    for direction in [Direction::Request, Direction::Response] {
        for header in headers(data, direction) {
            let prefix = match header.qualifier {
                0x17 => 1,
                0x28 => 2,
                0x39 => 4,
                _ => {
                    assert_eq!(header.commands().count(), 0);
                    continue;
                }
            };
            let commands: Vec<_> = header.commands().collect();
            let is_command = matches!((header.group, header.variation), (12, 1) | (41, 1..=4));
            let count = if let Range::Indexed(count) = header.range { count } else { 0 };
            assert_eq!(commands.len() as u32, if is_command { count } else { 0 });
            let mut octets = Vec::new();
            let mut exact = true;
            for (index, command, status) in commands {
                octets.extend(&index.to_le_bytes()[..prefix]);
                write_command_body(&mut octets, &command, status);
                // What is not a number, or not finite, has no octets of its own; the top bit of a status is reserved.
                exact &= !matches!(command, Command::Analog { value, .. } if !value.is_finite());
                assert!(status.code() < 128);
            }
            if is_command && exact {
                let width = header.data.len() / count.max(1) as usize;
                for (written, read) in octets.chunks(width.max(1)).zip(header.data.chunks(width.max(1))) {
                    let [body @ .., status] = read else { continue };
                    let [wrote @ .., code] = written else { panic!("nothing was written") };
                    assert_eq!((wrote, *code), (body, status & 0x7F));
                }
            }
            assert!(!is_command || octets.len() == header.data.len());
        }
    }
}

/// Octet strings: each as long as its variation says.
pub fn strings(data: &[u8]) {
    for direction in [Direction::Request, Direction::Response] {
        // Mostly octet strings, whatever the octets begin with.
        let mut octets = data.to_vec();
        if let Some(group) = octets.first_mut().filter(|group| **group % 4 != 0) {
            *group = 110 + *group % 2;
        }
        for header in headers(&octets, direction) {
            let is_text = matches!(header.group, 110 | 111);
            let mut octets = 0;
            for (_, string) in header.strings() {
                assert!(is_text && string.len() == usize::from(header.variation));
                octets += string.len();
            }
            assert!(octets <= header.data.len());
            if is_text && matches!(header.range, Range::StartStop(..)) {
                assert_eq!(octets, header.data.len());
            }
        }
    }
}

/// Device attributes, each with a type and a length of its own.
pub fn attributes(data: &[u8]) {
    let mut octets = data.to_vec();
    if let Some(group) = octets.first_mut().filter(|group| **group % 4 != 0) {
        *group = 0;
    }
    for direction in [Direction::Request, Direction::Response] {
        for header in headers(&octets, direction) {
            let attributes = header.attributes();
            assert!(header.group == 0 || attributes.is_empty());
            assert!(attributes.len() * 2 <= header.data.len());
            assert!(attributes.iter().all(|attribute| attribute.variation == header.variation));
        }
    }
}

/// Free format (qualifier 0x5B), files (group 70), authentication (group 120) and indications (group 80): refused
/// or read, by whatever direction, and nothing is read past them that is of unknown size.
pub fn free_format(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else { return };
    let group = [70, 80, 120, 112, 113][usize::from(kind % 5)];
    let variation = kind / 5 % 12;
    let qualifier = if kind & 1 == 0 { 0x5B } else { rest.first().copied().unwrap_or(0x07) };
    let octets = [&[group, variation, qualifier], rest].concat();
    for direction in [Direction::Naming, Direction::Request, Direction::Response] {
        let found = headers(&octets, direction);
        if qualifier == 0x5B || (group != 80 && direction != Direction::Naming) {
            assert!(found.is_empty(), "of an unknown size");
        }
        for header in &found {
            all(header);
            assert!(header.group != group || header.point().is_none());
        }
    }
}
