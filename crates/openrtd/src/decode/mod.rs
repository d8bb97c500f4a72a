//! `openrtd decode`: captures and octets, layer by layer, and in plain words what happened and what is wrong.

mod capture;
mod keys;
mod lines;
mod print;
mod tcp;
mod tls;

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;
use std::time::Duration;

use crate::cli;
use crate::exit::Failure;
use capture::Piece;
use lines::Lines;
use print::{Printer, Source};

/// Hexadecimal digits and captures from stdin are held whole.
const INPUT_OCTETS_MAX: u64 = 1 << 30;

/// `openrtd decode`.
pub(crate) fn decode(arguments: &cli::Decode) -> Result<(), Failure> {
    let mut keys = keys::Keys::default();
    if let Some(file) = &arguments.keylog {
        let text = std::fs::read(file).map_err(|error| input(&file.display(), error))?;
        keys.add(&text);
        if keys.is_empty() {
            return Err(input(&file.display(), "no TLS secrets in it (NSS key log format)"));
        }
    }
    let printer = Printer::new(arguments.json, arguments.explain);
    if let [_, _, ..] = arguments.input.as_slice()
        && let Some(file) = arguments.input.iter().find(|part| Path::new(part).is_file())
    {
        return Err(input(file, "one capture at a time: only digits may come in several arguments"));
    }
    // Digits may come in groups.
    let what = arguments.input.join(" ");
    let damage = match source(&what)? {
        Input::Capture(read) => {
            let mut lines = Lines::new(printer, keys, &arguments.port);
            let damage = capture::read(read, |piece| match piece {
                Piece::Packet(packet) => lines.packet(&packet),
                Piece::Undescribed => lines.undescribed(),
                Piece::Secrets(secrets) => lines.secrets(&secrets),
            });
            (lines.finish(), damage.err())
        }
        Input::Octets(_) if arguments.keylog.is_some() => {
            return Err(Failure::Input(
                "--keylog needs a capture: digits are read as DNP3 itself".to_owned(),
            ));
        }
        Input::Octets(octets) => (hex(printer, &octets), None),
    };
    let (printer, damage) = damage;
    let errors = printer.end();
    match (damage, errors) {
        (Some(damage), _) => Err(input(&what, damage)),
        (None, 0) => Ok(()),
        (None, 1) => Err(Failure::Failed("1 finding of grade error".to_owned())),
        (None, errors) => Err(Failure::Failed(format!("{errors} findings of grade error"))),
    }
}

fn input(what: &dyn std::fmt::Display, why: impl std::fmt::Display) -> Failure {
    Failure::Input(format!("{what}: {why}"))
}

enum Input {
    Capture(Box<dyn Read + Send>),
    Octets(Vec<u8>),
}

/// Fills what it is given to read into, as the reader of captures takes less for the end.
struct Filling<R>(R);

impl<R: Read> Read for Filling<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.0.read(rest) {
                Ok(0) => break,
                Ok(octets) => filled += octets,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) if filled == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(filled)
    }
}

fn source(argument: &str) -> Result<Input, Failure> {
    let mut read: Box<dyn Read + Send> = if argument == "-" {
        Box::new(std::io::stdin())
    } else if Path::new(argument).exists() {
        Box::new(File::open(argument).map_err(|error| input(&argument, error))?)
    } else {
        let shown = if argument.is_empty() { "an empty argument" } else { argument };
        let file = "neither a file that is there nor ";
        let refuse = |why: NoDigits| input(&shown, format!("{file}{}", why.words()));
        return digits(argument.as_bytes()).map(Input::Octets).map_err(refuse);
    };
    let mut start = Vec::new();
    read.by_ref().take(4).read_to_end(&mut start).map_err(|error| input(&argument, error))?;
    if capture::is_capture(&start) {
        return Ok(Input::Capture(Box::new(Filling(Cursor::new(start).chain(read)))));
    }
    read.take(INPUT_OCTETS_MAX).read_to_end(&mut start).map_err(|error| input(&argument, error))?;
    let capture = "neither a capture (pcap, pcapng) nor ";
    let refuse = |why: NoDigits| input(&argument, format!("{capture}{}", why.words()));
    digits(&start).map(Input::Octets).map_err(refuse)
}

/// Why a text is no octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NoDigits {
    /// Something else is in it, or nothing is.
    Other,
    /// The last octet has one digit.
    Odd(usize),
}

impl NoDigits {
    fn words(self) -> String {
        match self {
            Self::Other => "hexadecimal digits".to_owned(),
            Self::Odd(digits) => {
                format!("whole octets: {digits} hexadecimal digits are an odd number, an octet has two")
            }
        }
    }
}

/// Octets of hexadecimal digits; space, `:`, `,` and `0x` between them are nothing.
fn digits(text: &[u8]) -> Result<Vec<u8>, NoDigits> {
    let text = std::str::from_utf8(text).map_err(|_| NoDigits::Other)?.replace("0x", " ");
    let digits = text
        .chars()
        .filter(|one| !one.is_whitespace() && !matches!(one, ':' | ','))
        .map(|one| one.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<Vec<u8>>>()
        .filter(|digits| !digits.is_empty())
        .ok_or(NoDigits::Other)?;
    let (pairs, rest) = digits.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(NoDigits::Odd(digits.len()));
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// Shows octets layer by layer, for people.
pub(crate) fn show(octets: &[u8]) {
    drop(hex(Printer::new(false, true), octets));
}

/// Octets without times: both directions one after the other, as somebody copied them.
fn hex(mut printer: Printer, octets: &[u8]) -> Printer {
    use ieee1815::decode::{Flow, explain::Watcher};
    let source = Source::default();
    let (mut flow, mut watcher) = (Flow::default(), Watcher::new());
    let mut items = flow.push(octets);
    items.extend(flow.finish());
    for item in &items {
        watcher.item(Duration::ZERO, item);
        printer.item(&source, item);
        printer.findings(&source, watcher.take());
    }
    watcher.finish(Duration::ZERO);
    printer.findings(&source, watcher.take());
    printer
}

#[cfg(test)]
mod tests {
    use super::{NoDigits, digits};

    #[test]
    fn digits_as_people_copy_them() {
        assert_eq!(digits(b"05 64\n0x05:C0, 01"), Ok(vec![5, 0x64, 5, 0xC0, 1]));
        assert_eq!(digits(b"056"), Err(NoDigits::Odd(3)));
        assert_eq!(digits(b"site.pcap"), Err(NoDigits::Other));
        assert_eq!(digits(b" "), Err(NoDigits::Other));
    }
}
