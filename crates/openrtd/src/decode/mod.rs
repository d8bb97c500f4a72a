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
    // Digits may come in groups.
    let what = arguments.input.join(" ");
    let damage = match source(&what)? {
        Input::Capture(read) => {
            let mut lines = Lines::new(printer, keys, &arguments.port);
            let damage = capture::read(read, |piece| match piece {
                Piece::Packet(packet) => lines.packet(&packet),
                Piece::Secrets(secrets) => lines.secrets(&secrets),
            });
            (lines.finish(), damage.err())
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
        let why = "neither a file that is there nor hexadecimal digits";
        return digits(argument.as_bytes()).map(Input::Octets).ok_or_else(|| input(&argument, why));
    };
    let mut start = Vec::new();
    read.by_ref().take(4).read_to_end(&mut start).map_err(|error| input(&argument, error))?;
    if capture::is_capture(&start) {
        return Ok(Input::Capture(Box::new(Filling(Cursor::new(start).chain(read)))));
    }
    read.take(INPUT_OCTETS_MAX).read_to_end(&mut start).map_err(|error| input(&argument, error))?;
    let why = "neither a capture (pcap, pcapng) nor hexadecimal digits";
    digits(&start).map(Input::Octets).ok_or_else(|| input(&argument, why))
}

/// Octets of hexadecimal digits; space, `:`, `,` and `0x` between them are nothing.
fn digits(text: &[u8]) -> Option<Vec<u8>> {
    let text = String::from_utf8(text.to_vec()).ok()?.replace("0x", " ");
    let digits = text
        .chars()
        .filter(|one| !one.is_whitespace() && !matches!(one, ':' | ','))
        .map(|one| one.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<Vec<u8>>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    (!pairs.is_empty() && rest.is_empty()).then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
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
    use super::digits;

    #[test]
    fn digits_as_people_copy_them() {
        assert_eq!(digits(b"05 64\n0x05:C0, 01"), Some(vec![5, 0x64, 5, 0xC0, 1]));
        assert_eq!(digits(b"056"), None);
        assert_eq!(digits(b"site.pcap"), None);
        assert_eq!(digits(b" "), None);
    }
}
