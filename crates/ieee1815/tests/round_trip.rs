//! What an outstation is told is what its master reads: every type of point in every variation, any value, any
//! flags, any time and any indexes; and every command, octet string, attribute, deadband and time.
//!
//! The table of variations is written out once more here, so that a mistake in the crate's own is seen.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use ieee1815::channel::{Channel, ChannelConfig, Role};
use ieee1815::objects::{Attribute, AttributeValue, Direction, Range, parse_headers, write_command_body};
use ieee1815::outstation::{Application, EventMode, Outstation, PointConfig, SessionConfig};
use ieee1815::{
    AnalogWidth, Command, CommandStatus, Crob, DoubleBit, Flags, Iin, Measured, OperateMode, PointType, Time,
    Value,
};
use proptest::prelude::*;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Form {
    Bit,
    State,
    Int(f64, f64),
    Float,
    Double,
    Count(u64),
}

const INT16: Form = Form::Int(-32_768.0, 32_767.0);
const INT32: Form = Form::Int(-2_147_483_648.0, 2_147_483_647.0);

/// How a value is written, whether flags are, and whether a time is.
fn layout(group: u8, variation: u8) -> (Form, bool, bool) {
    let form = match (group, variation) {
        (1 | 3 | 10, 1) => Form::Bit,
        (1..=4 | 10 | 11 | 13, _) => Form::State,
        (20..=23, 1 | 5 | 9) => Form::Count(1 << 32),
        (20..=23, _) => Form::Count(1 << 16),
        (30, 5) | (31, 7) | (40, 3) | (32 | 33 | 42 | 43, 5 | 7) => Form::Float,
        (30, 6) | (31, 8) | (40, 4) | (32 | 33 | 42 | 43, 6 | 8) => Form::Double,
        (31, 5) | (30..=33 | 40 | 42 | 43, 1 | 3) => INT32,
        _ => INT16,
    };
    let bare = matches!(
        (group, variation),
        (1 | 3 | 10, 1) | (20, 5 | 6) | (21, 9 | 10) | (30, 3 | 4) | (31, 5 | 6)
    );
    let timed = matches!(
        (group, variation),
        (2 | 4, 2 | 3) | (11 | 13, 2) | (21..=23, 5 | 6) | (31, 3 | 4) | (32 | 33 | 42 | 43, 3 | 4 | 7 | 8)
    );
    (form, !bare, timed)
}

/// Type, static group and its variations, event group and its variations.
type Row = (PointType, u8, &'static [u8], u8, &'static [u8]);

const ROWS: [Row; 10] = [
    (PointType::BinaryInput, 1, &[1, 2], 2, &[1, 2, 3]),
    (PointType::DoubleBitInput, 3, &[1, 2], 4, &[1, 2, 3]),
    (PointType::BinaryOutputStatus, 10, &[1, 2], 11, &[1, 2]),
    (PointType::Counter, 20, &[1, 2, 5, 6], 22, &[1, 2, 5, 6]),
    (PointType::FrozenCounter, 21, &[1, 2, 5, 6, 9, 10], 23, &[1, 2, 5, 6]),
    (PointType::AnalogInput, 30, &[1, 2, 3, 4, 5, 6], 32, &[1, 2, 3, 4, 5, 6, 7, 8]),
    (PointType::FrozenAnalogInput, 31, &[1, 2, 3, 4, 5, 6, 7, 8], 33, &[1, 2, 3, 4, 5, 6, 7, 8]),
    (PointType::AnalogOutputStatus, 40, &[1, 2, 3, 4], 42, &[1, 2, 3, 4, 5, 6, 7, 8]),
    (PointType::BinaryOutputCommand, 0, &[0], 13, &[1, 2]),
    (PointType::AnalogOutputCommand, 0, &[0], 43, &[1, 2, 3, 4, 5, 6, 7, 8]),
];

#[derive(Default)]
struct Plant {
    operated: Vec<(u16, Command)>,
    strings: Vec<(u16, Vec<u8>)>,
    time: u64,
}

impl Application for Plant {
    fn select(&mut self, _: usize, _: u16, _: &Command) -> CommandStatus {
        CommandStatus::Success
    }

    fn operate(&mut self, _: usize, index: u16, command: &Command, _: OperateMode) -> CommandStatus {
        self.operated.push((index, *command));
        CommandStatus::Success
    }

    fn write_time(&mut self, _: usize, millis: u64) -> bool {
        self.time = millis;
        true
    }

    fn indications(&self, _: usize) -> Iin {
        Iin::NONE
    }

    fn time(&self) -> Option<u64> {
        Some(self.time)
    }

    fn write_octets(&mut self, _: usize, index: u16, octets: &[u8]) -> bool {
        self.strings.push((index, octets.to_vec()));
        true
    }
}

struct Line {
    outstation: Outstation,
    plant: Plant,
    master: Channel,
    sequence: u8,
}

impl Line {
    fn new(outstation: Outstation) -> Self {
        let mut line = Self {
            outstation,
            plant: Plant::default(),
            master: Channel::new(ChannelConfig::new(Role::Master, 1, 10)),
            sequence: 0,
        };
        line.outstation.connected(0, Time::ZERO);
        line
    }

    /// The objects of a whole answer, fragment by fragment, and the indications of its first.
    fn ask(&mut self, function: u8, objects: &[u8]) -> (Iin, Vec<Vec<u8>>) {
        let mut fragments: Vec<Vec<u8>> = Vec::new();
        let mut request = [&[0xC0 | self.sequence, function], objects].concat();
        loop {
            self.master.send(&request, Time::ZERO);
            let mut octets = Vec::new();
            self.master.poll_transmit(&mut octets);
            self.outstation.receive(0, &octets, Time::ZERO, &mut self.plant);
            octets.clear();
            self.outstation.poll_transmit(0, &mut octets);
            let mut rest = octets.as_slice();
            while self.master.receive(&mut rest, Time::ZERO).is_some() {
                fragments.push(self.master.take_fragment());
            }
            let control = fragments.last().expect("an answer")[0];
            self.sequence = (control + 1) & 0x0F;
            let over = control & 0x40 != 0;
            if control & 0x20 == 0 {
                break;
            }
            request = vec![0xC0 | control & 0x0F, 0];
            if over {
                self.master.send(&request, Time::ZERO);
                octets.clear();
                self.master.poll_transmit(&mut octets);
                self.outstation.receive(0, &octets, Time::ZERO, &mut self.plant);
                break;
            }
        }
        let iin = Iin::from_bits(u16::from_le_bytes([fragments[0][2], fragments[0][3]]));
        (iin, fragments.into_iter().map(|fragment| fragment[4..].to_vec()).collect())
    }
}

/// Group, variation, index and measurement of each point.
fn measured(fragments: &[Vec<u8>]) -> Vec<(u8, u8, u32, Measured)> {
    let mut found = Vec::new();
    for objects in fragments {
        for header in parse_headers(objects, Direction::Response) {
            let header = header.unwrap();
            header.visit(|index, measured| found.push((header.group, header.variation, index, measured)));
        }
    }
    found
}

/// What should have come of `told` in a variation.
fn expected(group: u8, variation: u8, told: &Measured) -> Measured {
    let (form, has_flags, has_time) = layout(group, variation);
    let flags = told.flags.unwrap();
    let state = match told.value {
        Value::Binary(_) => 0x80,
        Value::DoubleBit(_) => 0xC0,
        _ => 0,
    };
    let (value, fits) = match (form, told.value) {
        (Form::Int(low, high), Value::Analog(value)) => {
            let rounded = value.round();
            let cut = rounded.clamp(low, high);
            (Value::Analog(if value.is_nan() { 0.0 } else { cut }), value.is_nan() || rounded == cut)
        }
        (Form::Float, Value::Analog(value)) => {
            let most = f64::from(f32::MAX);
            (Value::Analog(f64::from(value.clamp(-most, most) as f32)), value.is_nan() || value.abs() <= most)
        }
        (Form::Count(bound), Value::Counter(count)) => {
            (Value::Counter((u64::from(count) % bound) as u32), true)
        }
        (_, value) => (value, true),
    };
    // What was commanded has a status in the place of flags.
    let over = if fits || matches!(group, 13 | 43) { Flags::NONE } else { Flags::OVER_RANGE };
    let flags = has_flags.then(|| flags.without(Flags::from_bits(state)) | over);
    Measured { value, flags, time: if has_time { told.time } else { None } }
}

fn same(one: &Measured, other: &Measured) -> bool {
    let values = match (one.value, other.value) {
        (Value::Analog(one), Value::Analog(other)) => one == other || one.is_nan() && other.is_nan(),
        (one, other) => one == other,
    };
    values && one.flags == other.flags && one.time == other.time
}

fn value(point: PointType) -> BoxedStrategy<Value> {
    match point {
        PointType::BinaryInput | PointType::BinaryOutputStatus | PointType::BinaryOutputCommand => {
            any::<bool>().prop_map(Value::Binary).boxed()
        }
        PointType::DoubleBitInput => {
            (0_u8..4).prop_map(|bits| Value::DoubleBit(DoubleBit::from_bits(bits))).boxed()
        }
        PointType::Counter | PointType::FrozenCounter => any::<u32>().prop_map(Value::Counter).boxed(),
        _ => prop_oneof![
            2 => (-40_000_i32..40_000).prop_map(|value| f64::from(value) / 4.0),
            2 => (-40_000_i32..40_000).prop_map(f64::from),
            1 => any::<f64>(),
            1 => -1e11_f64..1e11,
            1 => Just(32_767.5),
            1 => Just(f64::INFINITY),
        ]
        .prop_map(Value::Analog)
        .boxed(),
    }
}

/// A row, a static and an event variation of it, and what each of some points is told.
fn case() -> impl Strategy<Value = (Row, u8, u8, BTreeMap<u16, Measured>)> {
    (0..ROWS.len(), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_flat_map(
        |(row, one, other)| {
            let row = ROWS[row];
            let (statics, events) = (row.2[one.index(row.2.len())], row.4[other.index(row.4.len())]);
            let flags = prop_oneof![Just(1_u8), 0_u8..=0x7F].prop_map(Flags::from_bits);
            let time = prop_oneof![0..1_u64 << 48, 1_700_000_000_000..1_700_000_100_000_u64];
            let told = (value(row.0), flags, time).prop_map(|(value, flags, time)| Measured {
                value,
                flags: Some(flags),
                time: Some(time),
            });
            let index = prop_oneof![0_u16..40, any::<u16>()];
            let points = prop::collection::btree_map(index, told, 1..40);
            (Just(row), Just(statics), Just(events), points)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_point_in_every_variation((row, statics, events, told) in case()) {
        let (point, static_group, _, event_group, _) = row;
        let configs: Vec<_> = told.keys().map(|index| PointConfig {
            static_variation: statics,
            event_variation: events,
            class: 1,
            mode: Some(EventMode::Each),
            initial: Measured { value: told[index].value, flags: Some(Flags::NONE), time: None },
            ..PointConfig::new(point, *index)
        }).collect();
        let session = SessionConfig { max_tx_fragment: 400, ..SessionConfig::new(10, 1) };
        let mut line = Line::new(Outstation::new(&configs, vec![session]).unwrap());
        for (index, measured) in &told {
            line.outstation.update(point, *index, *measured);
        }
        // Whatever was no change is no event.
        let changed: Vec<u16> = told.iter().filter(|(_, told)| {
            let state = match told.value {
                Value::Binary(_) => 0x80,
                Value::DoubleBit(_) => 0xC0,
                _ => 0,
            };
            told.flags.unwrap().without(Flags::from_bits(state)) != Flags::NONE
                || matches!(point, PointType::BinaryOutputCommand | PointType::AnalogOutputCommand)
        }).map(|(index, _)| *index).collect();
        let (iin, fragments) = line.ask(1, &[60, 2, 6]);
        prop_assert_eq!(iin.bits() & 0x0700, 0);
        let read = measured(&fragments);
        let indexes: Vec<u32> = read.iter().map(|event| event.2).collect();
        prop_assert!(indexes.iter().copied().eq(changed.iter().map(|index| u32::from(*index))), "{:?}", indexes);
        for (group, variation, index, measured) in &read {
            prop_assert_eq!((*group, *variation), (event_group, events));
            let should = expected(*group, *variation, &told[&(*index as u16)]);
            prop_assert!(same(measured, &should), "{index}: {measured:?}, not {should:?}");
        }
        prop_assert_eq!(line.outstation.events_waiting(0), 0);
        if static_group == 0 {
            return Ok(());
        }
        let (iin, fragments) = line.ask(1, &[static_group, statics, 6]);
        prop_assert_eq!(iin.bits() & 0x0700, 0);
        let read = measured(&fragments);
        prop_assert!(read.iter().map(|point| point.2).eq(told.keys().map(|index| u32::from(*index))));
        for (group, variation, index, measured) in &read {
            let told = &told[&(*index as u16)];
            let should = expected(*group, *variation, told);
            prop_assert!(same(measured, &should), "{index}: {measured:?}, not {should:?}");
            if *variation != statics {
                // It gave way to one with flags, because there is something to flag.
                prop_assert!(!layout(*group, statics).1 && measured.flags.is_some_and(|flags| flags != Flags::ONLINE));
            } else if measured.flags.is_none() {
                let with_flags = expected(*group, if statics == 1 { 2 } else { 1 }, told);
                prop_assert_eq!(with_flags.flags.unwrap().without(Flags::OVER_RANGE), Flags::ONLINE);
            }
        }
    }

    #[test]
    fn commands_arrive_as_they_are_meant_and_are_echoed(
        commands in prop::collection::vec((any::<u16>(), command()), 1..10),
        wide in any::<bool>(),
    ) {
        let mut line = Line::new(Outstation::new(&[], vec![SessionConfig::new(10, 1)]).unwrap());
        let mut octets = Vec::new();
        let mut sent = Vec::new();
        for (index, command) in commands {
            let index = if wide { index } else { index & 0xFF };
            let (group, variation) = match command {
                Command::Crob(_) => (12, 1),
                Command::Analog { width: AnalogWidth::I32, .. } => (41, 1),
                Command::Analog { width: AnalogWidth::I16, .. } => (41, 2),
                Command::Analog { width: AnalogWidth::F32, .. } => (41, 3),
                Command::Analog { width: AnalogWidth::F64, .. } => (41, 4),
            };
            octets.extend([group, variation]);
            let [low, high] = index.to_le_bytes();
            if wide { octets.extend([0x28, 1, 0, low, high]) } else { octets.extend([0x17, 1, low]) }
            write_command_body(&mut octets, &command, CommandStatus::Success);
            sent.push((index, command));
        }
        let (iin, echo) = line.ask(5, &octets);
        prop_assert_eq!(iin.bits() & 0x0700, 0);
        prop_assert_eq!(&echo, &[octets]);
        prop_assert_eq!(&line.plant.operated, &sent);
    }

    #[test]
    fn octet_strings_both_ways(strings in prop::collection::btree_map(any::<u16>(), prop::collection::vec(any::<u8>(), 1..=255), 1..12)) {
        let configs: Vec<_> = strings
            .keys()
            .map(|index| PointConfig { class: 2, ..PointConfig::new(PointType::OctetString, *index) })
            .collect();
        let mut line = Line::new(Outstation::new(&configs, vec![SessionConfig::new(10, 1)]).unwrap());
        for (index, octets) in &strings {
            line.outstation.update_octets(*index, octets);
            let [low, high] = index.to_le_bytes();
            let write = [&[110, octets.len() as u8, 0x28, 1, 0, low, high], octets.as_slice()].concat();
            prop_assert_eq!(line.ask(2, &write).0.bits() & 0x0700, 0);
        }
        prop_assert!(line.plant.strings.iter().map(|(index, octets)| (index, octets)).eq(&strings));
        for request in [&[60, 3, 6][..], &[110, 0, 6]] {
            let (_, fragments) = line.ask(1, request);
            let mut found = BTreeMap::new();
            for objects in &fragments {
                for header in parse_headers(objects, Direction::Response) {
                    found.extend(header.unwrap().strings().map(|(index, octets)| (index as u16, octets.to_vec())));
                }
            }
            prop_assert_eq!(&found, &strings);
        }
    }

    #[test]
    fn attributes_are_read_as_they_are(values in prop::collection::btree_map(196_u8..253, attribute(), 1..20)) {
        let attributes: Vec<_> =
            values.iter().map(|(variation, value)| Attribute { variation: *variation, value: value.clone() }).collect();
        let outstation = Outstation::new(&[], vec![SessionConfig::new(10, 1)]).unwrap();
        let mut line = Line::new(outstation.with_attributes(attributes.clone()));
        let (_, fragments) = line.ask(1, &[0, 254, 6]);
        let found: Vec<_> = fragments
            .iter()
            .flat_map(|objects| parse_headers(objects, Direction::Response))
            .flat_map(|header| header.unwrap().attributes())
            .collect();
        prop_assert_eq!(found, attributes);
    }

    #[test]
    fn times_and_deadbands(millis in 0..1_u64 << 48, band in 0_u16..) {
        let analog = PointConfig::new(PointType::AnalogInput, 7);
        let mut line = Line::new(Outstation::new(&[analog], vec![SessionConfig::new(10, 1)]).unwrap());
        let time = millis.to_le_bytes();
        prop_assert_eq!(line.ask(2, &[&[50, 1, 7, 1], &time[..6]].concat()).0.bits() & 0x0700, 0);
        prop_assert_eq!(line.plant.time, millis);
        prop_assert_eq!(line.ask(1, &[50, 1, 7, 1]).1, [[&[50, 1, 7, 1], &time[..6]].concat()]);
        let [low, high] = band.to_le_bytes();
        prop_assert_eq!(line.ask(2, &[34, 1, 0x17, 1, 7, low, high]).0.bits() & 0x0700, 0);
        for (variation, octets) in [
            (1, band.to_le_bytes().to_vec()),
            (2, u32::from(band).to_le_bytes().to_vec()),
            (3, f32::from(band).to_le_bytes().to_vec()),
        ] {
            let (_, fragments) = line.ask(1, &[34, variation, 0, 7, 7]);
            let header = parse_headers(&fragments[0], Direction::Response).next().unwrap().unwrap();
            prop_assert_eq!((header.group, header.variation, header.range), (34, variation, Range::StartStop(7, 7)));
            prop_assert_eq!(header.data, octets);
        }
    }
}

fn command() -> impl Strategy<Value = Command> {
    let analog = |width, value| Command::Analog { value, width };
    prop_oneof![
        (any::<u8>(), any::<u8>(), any::<u32>(), any::<u32>())
            .prop_map(|(op, count, on_ms, off_ms)| Command::Crob(Crob { op, count, on_ms, off_ms })),
        any::<i32>().prop_map(move |value| analog(AnalogWidth::I32, value.into())),
        any::<i16>().prop_map(move |value| analog(AnalogWidth::I16, value.into())),
        any::<f32>().prop_map(move |value| analog(AnalogWidth::F32, value.into())),
        any::<f64>().prop_map(move |value| analog(AnalogWidth::F64, value)),
    ]
}

fn attribute() -> impl Strategy<Value = AttributeValue> {
    prop_oneof![
        "[ -~]{0,255}".prop_map(AttributeValue::Text),
        any::<u32>().prop_map(AttributeValue::Unsigned),
        any::<i32>().prop_map(AttributeValue::Signed),
        any::<f64>().prop_map(AttributeValue::Float),
        prop::collection::vec(any::<u8>(), 0..=255).prop_map(AttributeValue::Octets),
        (0..1_u64 << 48).prop_map(AttributeValue::Time),
    ]
}
