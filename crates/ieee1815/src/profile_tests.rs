//! The implementation table of the device profile is what the code does. To write it anew: `UPDATE_PROFILE=1`.

extern crate std;

use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use crate::channel::{Channel, ChannelConfig, Role};
use crate::objects::{Attribute, AttributeValue, entry};
use crate::outstation::{Application, Outstation, PointConfig, SessionConfig, UnsolicitedConfig};
use crate::{Command, CommandStatus, Iin, OperateMode, PointType, Time};

const TEXT: &str = include_str!("../docs/profile.md");
const BEGIN: &str = "<!-- table -->\n";
const END: &str = "<!-- end of table -->\n";

/// Takes everything.
struct Willing;

impl Application for Willing {
    fn select(&mut self, _: usize, _: u16, _: &Command) -> CommandStatus {
        CommandStatus::Success
    }
    fn operate(&mut self, _: usize, _: u16, _: &Command, _: OperateMode) -> CommandStatus {
        CommandStatus::Success
    }
    fn write_time(&mut self, _: usize, _: u64) -> bool {
        true
    }
    fn write_octets(&mut self, _: usize, _: u16, _: &[u8]) -> bool {
        true
    }
    fn time(&self) -> Option<u64> {
        Some(0)
    }
}

/// Whether a request is understood.
fn understood(function: u8, objects: &[u8]) -> bool {
    let points: Vec<_> = PointType::ALL
        .into_iter()
        .flat_map(|point| [0, 1].map(|index| PointConfig { class: 1, ..PointConfig::new(point, index) }))
        .collect();
    let session =
        SessionConfig { unsolicited: Some(UnsolicitedConfig::default()), ..SessionConfig::new(10, 1) };
    let attributes = vec![Attribute { variation: 252, value: AttributeValue::Text("nobody".into()) }];
    let mut outstation = Outstation::new(&points, vec![session]).unwrap().with_attributes(attributes);
    outstation.update_octets(0, b"A");
    outstation.update_octets(1, b"B");
    let mut master = Channel::new(ChannelConfig::new(Role::Master, 1, 10));
    let mut octets = Vec::new();
    // The LAN procedure wants the time recorded first.
    master.send(&[0xCF, 24], Time::ZERO);
    master.poll_transmit(&mut octets);
    outstation.receive(0, &octets, Time::ZERO, &mut Willing);
    octets.clear();
    outstation.poll_transmit(0, &mut octets);
    octets.clear();
    master.send(&[&[0xC0, function], objects].concat(), Time::ZERO);
    master.poll_transmit(&mut octets);
    outstation.receive(0, &octets, Time::ZERO, &mut Willing);
    octets.clear();
    outstation.poll_transmit(0, &mut octets);
    let mut rest = octets.as_slice();
    assert!(master.receive(&mut rest, Time::ZERO).is_some(), "{function} {objects:?}");
    let answer = master.take_fragment();
    let iin = Iin::from_bits(u16::from_le_bytes([answer[2], answer[3]]));
    [Iin::NO_FUNC_CODE_SUPPORT, Iin::OBJECT_UNKNOWN, Iin::PARAMETER_ERROR]
        .iter()
        .all(|bit| !iin.contains(*bit))
}

/// The qualifiers with which a function takes a variation.
fn qualifiers(function: u8, group: u8, variation: u8) -> String {
    let carries = matches!(function, 2..=5);
    let size = entry(group, variation).and_then(|entry| entry.octets_max().checked_sub(2)).unwrap_or(1);
    let first = if group == 80 { 7 } else { 0 };
    let tries: [(&str, Vec<u8>, bool); 6] = [
        ("00", vec![0x00, first, first], carries),
        ("01", vec![0x01, first, 0, first, 0], carries),
        ("06", vec![0x06], false),
        ("07", vec![0x07, 1], carries),
        ("17", vec![0x17, 1, 0], carries),
        ("28", vec![0x28, 1, 0, 0, 0], carries),
    ];
    let mut found = Vec::new();
    for (name, header, with_object) in tries {
        let mut objects = Vec::new();
        if function == 22 {
            objects.extend_from_slice(&[60, 2, 6]);
        }
        objects.extend_from_slice(&[group, variation]);
        objects.extend_from_slice(&header);
        if with_object {
            objects.extend(core::iter::repeat_n(0, size));
        }
        if understood(function, &objects) {
            found.push(name);
        }
    }
    found.join(" ")
}

const GROUPS: [(u8, &str); 29] = [
    (0, "device attributes"),
    (1, "binary input"),
    (2, "binary input event"),
    (3, "double-bit input"),
    (4, "double-bit input event"),
    (10, "binary output status"),
    (11, "binary output event"),
    (12, "control relay output block"),
    (13, "binary output command event"),
    (20, "counter"),
    (21, "frozen counter"),
    (22, "counter event"),
    (23, "frozen counter event"),
    (30, "analog input"),
    (31, "frozen analog input"),
    (32, "analog input event"),
    (33, "frozen analog input event"),
    (34, "analog input deadband"),
    (40, "analog output status"),
    (41, "analog output"),
    (42, "analog output event"),
    (43, "analog output command event"),
    (50, "time and date"),
    (51, "common time of occurrence"),
    (52, "time delay"),
    (60, "class data"),
    (80, "internal indications"),
    (110, "octet string (variation: its length)"),
    (111, "octet string event"),
];

fn table() -> String {
    let mut out =
        String::from("| group | variation | object | requests: function (qualifiers) |\n|---|---|---|---|\n");
    for (group, name) in GROUPS {
        let last = if group == 0 { 255 } else { 10 };
        for variation in 0..=last {
            let listed = match group {
                0 => matches!(variation, 252 | 254 | 255),
                110 | 111 => variation <= 1,
                _ => variation == 0 || entry(group, variation).is_some(),
            };
            if !listed {
                continue;
            }
            let mut requests = Vec::new();
            for (function, text) in
                [(1, "1"), (2, "2"), (3, "3, 4"), (5, "5, 6"), (7, "7, 8"), (9, "9, 10"), (22, "22")]
            {
                // Class data of an assignment names the class, not what is assigned.
                let found = if (function, group) == (22, 60) {
                    String::new()
                } else {
                    qualifiers(function, group, variation)
                };
                if !found.is_empty() {
                    requests.push(format!("{text} ({found})"));
                }
            }
            let requests =
                if requests.is_empty() { String::from("none, responses only") } else { requests.join("; ") };
            if variation != 0 || requests != "none, responses only" {
                out.push_str(&format!("| {group} | {variation} | {name} | {requests} |\n"));
            }
        }
    }
    out
}

#[test]
fn the_device_profile_says_what_the_code_does() {
    let (before, rest) = TEXT.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let table = table();
    if std::env::var_os("UPDATE_PROFILE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/profile.md");
        std::fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(written, table, "run this test with UPDATE_PROFILE=1 and read what changed");
}
