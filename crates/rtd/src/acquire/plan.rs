//! Which registers to ask for.
//!
//! All that is read of one SunSpec model is read in one request, so that a value and its scale factor, and the values
//! of one model among each other, are of one moment. Raw registers are joined where they touch, and over gaps
//! no wider than the device allows: what lies between may not be readable.

use std::collections::BTreeMap;

use site::{Access, Device, Place, ReadingIx, ReadingSpec, RegisterTable, SunSpecScale};

use super::decode;
use crate::core::Reading;

/// The most registers of one request.
pub(crate) const REGISTERS_MAX: u16 = 125;

/// A model as a device has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    /// Address of the register after the model's length.
    pub(crate) address: u16,
    /// Its length as the device told it.
    pub(crate) length: u16,
}

/// The models of a device, the first of each number.
pub(crate) type Models = BTreeMap<u16, Model>;

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    pub(crate) table: RegisterTable,
    pub(crate) start: u16,
    pub(crate) count: u16,
    /// SunSpec model; `None` for raw registers.
    model: Option<u16>,
    parts: Vec<Part>,
}

/// A reading's registers within a block's answer.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    reading: ReadingIx,
    spec: ReadingSpec,
    at: u16,
    registers: u16,
    factor: Option<u16>,
}

/// What to ask for at each poll.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) blocks: Vec<Block>,
    /// Readings that this device cannot give, and why.
    pub(crate) refused: Vec<(ReadingIx, Reading)>,
}

/// A reading with the span of registers that it needs, end exclusive.
struct Need {
    table: RegisterTable,
    model: Option<u16>,
    start: u32,
    end: u32,
    part: Part,
}

impl Plan {
    pub(crate) fn new(device: &Device, models: &Models) -> Self {
        let mut plan = Self::default();
        let mut needs = Vec::new();
        for (at, spec) in device.readings.iter().enumerate() {
            match need(ReadingIx::new(at), spec, models) {
                Ok(need) => needs.push(need),
                Err(words) => plan.refused.push((ReadingIx::new(at), Reading::Invalid(words))),
            }
        }
        needs.sort_by_key(|need| (need.table, need.model, need.start, need.end));
        let gap_max = match &device.access {
            Access::Modbus(modbus) => u32::from(modbus.gap_max),
            _ => 0,
        };
        for need in needs {
            plan.add(need, gap_max);
        }
        plan
    }

    fn add(&mut self, mut need: Need, gap_max: u32) {
        // `part` holds addresses until now; a block wants places within itself.
        if let Some(block) = self.blocks.last_mut()
            && let Some(count) = block.with(&need, gap_max)
        {
            block.count = count;
            need.part.settle(block.start);
            block.parts.push(need.part);
            return;
        }
        let (Ok(start), Ok(count)) = (u16::try_from(need.start), u16::try_from(need.end - need.start)) else {
            let words = "lies beyond register 65535".to_owned();
            self.refused.push((need.part.reading, Reading::Invalid(words)));
            return;
        };
        need.part.settle(start);
        let (table, model) = (need.table, need.model);
        self.blocks.push(Block { table, start, count, model, parts: vec![need.part] });
    }
}

impl Block {
    /// The count of registers with `need` in this block; `None` where it does not belong into it.
    fn with(&self, need: &Need, gap_max: u32) -> Option<u16> {
        let end = u32::from(self.start) + u32::from(self.count);
        let joined = end.max(need.end) - u32::from(self.start);
        let near = self.model.is_some() || need.start <= end + gap_max;
        let fits =
            (self.table, self.model) == (need.table, need.model) && need.start >= u32::from(self.start);
        u16::try_from(joined).ok().filter(|count| fits && near && *count <= REGISTERS_MAX)
    }

    /// The readings in the block's answer.
    pub(crate) fn decode(&self, words: &[u16]) -> Vec<(ReadingIx, Reading)> {
        let decode = |part: &Part| {
            let from = usize::from(part.at);
            let own = words.get(from..from + usize::from(part.registers)).unwrap_or_default();
            let factor = part.factor.and_then(|at| words.get(usize::from(at)).copied());
            (part.reading, decode::reading(&part.spec.place, part.spec.form, own, factor))
        };
        self.parts.iter().map(decode).collect()
    }

    /// The same reading for all of the block.
    pub(crate) fn all(&self, reading: &Reading) -> Vec<(ReadingIx, Reading)> {
        self.parts.iter().map(|part| (part.reading, reading.clone())).collect()
    }

    /// The block in words.
    pub(crate) fn words(&self) -> String {
        match self.model {
            Some(model) => format!("SunSpec model {model}"),
            None => {
                format!("registers {} to {}", self.start, u32::from(self.start) + u32::from(self.count) - 1)
            }
        }
    }
}

impl Part {
    fn settle(&mut self, start: u16) {
        self.at = self.at.saturating_sub(start);
        self.factor = self.factor.map(|at| at.saturating_sub(start));
    }
}

fn need(reading: ReadingIx, spec: &ReadingSpec, models: &Models) -> Result<Need, String> {
    let beyond = || "lies beyond register 65535".to_owned();
    match spec.place {
        Place::Register { table, register, kind, .. } => {
            let registers = kind.registers();
            let part = Part { reading, spec: spec.clone(), at: register, registers, factor: None };
            let start = u32::from(register);
            let end = start + u32::from(registers);
            if end > 0x1_0000 {
                return Err(beyond());
            }
            Ok(Need { table, model: None, start, end, part })
        }
        Place::Dnp3 { .. } | Place::Column(_) | Place::Metric(_) | Place::Node(_) => {
            Err("is not in a register".to_owned())
        }
        Place::SunSpec(point) => {
            let model = models
                .get(&point.model)
                .ok_or_else(|| format!("the device has no SunSpec model {}", point.model))?;
            let registers = point.kind.registers();
            let factor = match point.scale {
                SunSpecScale::At(offset) => Some(offset),
                SunSpecScale::One | SunSpecScale::Fixed(_) => None,
            };
            let first = factor.map_or(point.offset, |factor| factor.min(point.offset));
            let last = (point.offset + registers - 1).max(factor.unwrap_or(0));
            if last >= model.length {
                let words = format!("SunSpec model {} of the device ends before {}", point.model, point.name);
                return Err(words);
            }
            let at = |offset: u16| model.address.checked_add(offset).ok_or_else(beyond);
            let part = Part {
                reading,
                spec: spec.clone(),
                at: at(point.offset)?,
                registers,
                factor: factor.map(at).transpose()?,
            };
            let (start, end) = (u32::from(at(first)?), u32::from(at(last)?) + 1);
            Ok(Need { table: RegisterTable::Holding, model: Some(point.model), start, end, part })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use site::{Form, Protocol, RegisterType, WordOrder};
    use std::time::Duration;

    fn device(readings: Vec<ReadingSpec>) -> Device {
        Device {
            id: "d".into(),
            protocol: Protocol::SunSpec,
            access: Access::Modbus(site::Modbus::tcp(([127, 0, 0, 1], 502).into())),
            poll: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            readings,
        }
    }

    fn sun(name: &str) -> ReadingSpec {
        ReadingSpec {
            place: Place::SunSpec(site::sunspec::find(name).unwrap()),
            form: Form::Number { scale: 1.0 },
        }
    }

    fn raw(table: RegisterTable, register: u16, kind: RegisterType) -> ReadingSpec {
        let place = Place::Register { table, register, kind, word_order: WordOrder::Big };
        ReadingSpec { place, form: Form::Number { scale: 1.0 } }
    }

    fn model(address: u16, length: u16) -> Model {
        Model { address, length }
    }

    #[test]
    fn a_model_is_one_request_with_its_factors() {
        let models = Models::from([(103, model(40_070, 50)), (203, model(40_200, 105))]);
        let plan = Plan::new(&device(vec![sun("103.W"), sun("203.W"), sun("103.A"), sun("103.Hz")]), &models);
        let spans: Vec<_> = plan.blocks.iter().map(|block| (block.start, block.count)).collect();
        assert_eq!(spans, [(40_070, 16), (40_216, 5)]);
        let mut words = [0; 16];
        (words[0], words[4], words[12], words[13], words[14], words[15]) = (7, 1, 45, 2, 6000, 0xFFFE);
        let mut readings = plan.blocks[0].decode(&words);
        readings.sort_by_key(|(at, _)| *at);
        let wanted = [(0, 4_500.0), (2, 70.0), (3, 60.0)];
        let wanted: Vec<_> = wanted.map(|(at, value)| (ReadingIx::new(at), Reading::Number(value))).into();
        assert_eq!(readings, wanted);
    }

    #[test]
    fn every_known_model_fits_one_request() {
        let all: Vec<_> = site::sunspec::POINTS
            .iter()
            .map(|point| sun(&format!("{}.{}", point.model, point.name)))
            .collect();
        let numbers = site::sunspec::POINTS.iter().map(|point| point.model);
        let models: Models = numbers.map(|number| (number, model(number * 60, 200))).collect();
        let plan = Plan::new(&device(all), &models);
        assert_eq!((plan.blocks.len(), plan.refused.len()), (models.len(), 0));
    }

    #[test]
    fn what_the_device_does_not_have_is_told() {
        let models = Models::from([(203, model(65_530, 105)), (701, model(100, 100))]);
        let plan = Plan::new(
            &device(vec![sun("103.W"), sun("701.W"), sun("203.TotWhExp"), sun("713.SoC")]),
            &models,
        );
        assert!(plan.blocks.is_empty());
        let words: Vec<_> = plan.refused.iter().map(|(_, reading)| format!("{reading:?}")).collect();
        assert_eq!(
            words,
            [
                "Invalid(\"the device has no SunSpec model 103\")",
                "Invalid(\"SunSpec model 701 of the device ends before W\")",
                "Invalid(\"lies beyond register 65535\")",
                "Invalid(\"the device has no SunSpec model 713\")",
            ]
        );
    }

    #[test]
    fn raw_registers_join_where_they_touch() {
        let (holding, input) = (RegisterTable::Holding, RegisterTable::Input);
        let u16 = RegisterType::U16;
        let readings = vec![
            raw(holding, 2, u16),
            raw(holding, 0, RegisterType::F32),
            raw(holding, 0, u16),
            raw(holding, 4, u16),
            raw(input, 5, u16),
            raw(holding, 65_535, u16),
        ];
        let plan = Plan::new(&device(readings), &Models::new());
        let spans: Vec<_> = plan.blocks.iter().map(|block| (block.table, block.start, block.count)).collect();
        assert_eq!(spans, [(holding, 0, 3), (holding, 4, 1), (holding, 65_535, 1), (input, 5, 1)]);
    }

    #[test]
    fn gaps_are_bridged_where_the_device_allows_it_and_no_request_grows_too_long() {
        let u16 = RegisterType::U16;
        let at = |registers: &[u16]| {
            registers.iter().map(|at| raw(RegisterTable::Holding, *at, u16)).collect::<Vec<_>>()
        };
        let spans = |gap_max, readings| {
            let mut device = device(readings);
            let modbus = site::Modbus { gap_max, ..site::Modbus::tcp(([127, 0, 0, 1], 502).into()) };
            device.access = Access::Modbus(modbus);
            let plan = Plan::new(&device, &Models::new());
            plan.blocks.iter().map(|block| (block.start, block.count)).collect::<Vec<_>>()
        };
        assert_eq!(spans(0, at(&[10, 12])), [(10, 1), (12, 1)]);
        assert_eq!(spans(1, at(&[10, 12, 15])), [(10, 3), (15, 1)]);
        assert_eq!(spans(2, at(&[15, 12, 10])), [(10, 6)]);
        assert_eq!(spans(125, at(&[0, 124, 125])), [(0, 125), (125, 1)]);
        let both = vec![raw(RegisterTable::Holding, 0, u16), raw(RegisterTable::Input, 2, u16)];
        assert_eq!(spans(5, both), [(0, 1), (2, 1)], "never over two tables");
    }
}
