//! What a battery was told and what it did, out of the plant's own journal; and enough of a Modbus client to find its
//! registers and to turn a switch of a device.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::support::{Program, at};

/// What stands where in model 704, behind its id and length.
const ENABLE: u16 = 20;
const VALUE: u16 = 22;
const REVERT: u16 = 29;

/// A client of one device.
pub(crate) struct Modbus(TcpStream);

impl Modbus {
    pub(crate) fn of(plant: &Program, device: &str) -> Self {
        let address = plant.wait("to tell its addresses", |records| {
            let devices = records.first()?["devices"].as_array()?;
            let one = devices.iter().find(|one| one["id"] == device)?;
            Some(one["address"].as_str()?.to_owned())
        });
        Self(TcpStream::connect(address).unwrap())
    }

    fn ask(&mut self, request: &[u8]) -> Vec<u8> {
        let length = u8::try_from(request.len() + 1).unwrap();
        let mut frame = vec![0, 1, 0, 0, 0, length, 1];
        frame.extend(request);
        self.0.write_all(&frame).unwrap();
        let mut head = [0; 7];
        self.0.read_exact(&mut head).unwrap();
        let mut answer = vec![0; usize::from(u16::from_be_bytes([head[4], head[5]])) - 1];
        self.0.read_exact(&mut answer).unwrap();
        assert_eq!(answer[0], request[0], "the device refused: {answer:?}");
        answer
    }

    pub(crate) fn read(&mut self, start: u16, count: u8) -> Vec<u16> {
        let [high, low] = start.to_be_bytes();
        let answer = self.ask(&[3, high, low, 0, count]);
        answer[2..].chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
    }

    pub(crate) fn write(&mut self, at: u16, value: u16) {
        let ([a, b], [c, d]) = (at.to_be_bytes(), value.to_be_bytes());
        self.ask(&[6, a, b, c, d]);
    }

    /// Where the registers of a SunSpec model begin, behind its id and length.
    pub(crate) fn model(&mut self, wanted: u16) -> u16 {
        let mut place = 40_002;
        loop {
            let head = self.read(place, 2);
            assert_ne!(head[0], 0xFFFF, "there is no model {wanted}");
            if head[0] == wanted {
                return place + 2;
            }
            place += 2 + head[1];
        }
    }
}

/// What it was told in one write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Told {
    /// Its reversion time, seconds.
    Revert(u32),
    /// Its power, MW.
    Power(f64),
    Enable(bool),
}

/// The battery of a running plant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Battery {
    model: u16,
}

impl Battery {
    pub(crate) const ID: &str = "bess";

    pub(crate) fn of(plant: &Program) -> Self {
        Self { model: Modbus::of(plant, Self::ID).model(704) }
    }

    /// What it was told, and when, in milliseconds.
    pub(crate) fn told(&self, records: &[Value]) -> Vec<(i64, Told)> {
        let own = records.iter().filter(|one| one["event"] == "write" && one["device"] == Self::ID);
        own.map(|one| (at(one, "time"), self.told_by(one))).collect()
    }

    fn told_by(&self, write: &Value) -> Told {
        let words: Vec<u32> = write["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(|word| u32::try_from(word.as_u64().unwrap()).unwrap())
            .collect();
        let place = u16::try_from(write["address"].as_u64().unwrap()).unwrap() - self.model;
        match (place, words.as_slice()) {
            (ENABLE, [word]) => Told::Enable(*word == 1),
            (VALUE, [high, low]) => Told::Power(f64::from((high << 16 | low).cast_signed()) / 1e6),
            (REVERT, [high, low]) => Told::Revert(high << 16 | low),
            _ => panic!("nobody here writes that: {write}"),
        }
    }

    /// The powers that it was told, MW.
    pub(crate) fn powers_told(&self, records: &[Value]) -> Vec<(i64, f64)> {
        let power = |(time, told)| if let Told::Power(power) = told { Some((time, power)) } else { None };
        self.told(records).into_iter().filter_map(power).collect()
    }

    /// What it did, MW, whenever its registers changed.
    pub(crate) fn did(records: &[Value]) -> Vec<(i64, f64)> {
        let own = records.iter().filter(|one| one["event"] == "registers" && one["device"] == Self::ID);
        own.filter_map(|one| Some((at(one, "time"), one["values"]["W"].as_f64()? / 1e6))).collect()
    }
}
