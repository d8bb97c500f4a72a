//! Devices of every protocol, and what is told about wrong ones.

use super::*;
use crate::device::{Access, Dnp3Type, Reach, RegisterType};
use crate::networked::Sparkplug;

/// The example with these devices and points behind it.
fn with(more: &str) -> Result<Site, String> {
    read(&format!("{SITE}\n{more}"))
}

fn serial(id: &str, protocol: &str, line: &str, more: &str) -> String {
    format!(
        "[[device]]\nid = '{id}'\nprotocol = '{protocol}'\npoll_ms = 1000\nserial = {{ {line} }}\n{more}\n"
    )
}

fn analog(id: &str, source: &str) -> String {
    format!(
        "[[analog]]\nid = '{id}'\nunit = 'MW'\nsign = '+'\nwire = 'engineering'\nage_max_ms = 9000\n\
         source = {{ {source} }}\n"
    )
}

#[test]
fn devices_on_one_line() {
    let line = "port = '/dev/ttyS1', baud = 19200, parity = 'even'";
    let text = [
        serial("m1", "modbus", line, "unit_id = 3\ngap_max = 4"),
        serial("m2", "sunspec", line, "unit_id = 4"),
        analog("m1.mw", "device = 'm1', register = 7, type = 'f64', unit = 'kW', word_order = 'little'"),
        analog(
            "m1.step",
            "device = 'm1', register = 7, type = 'u64', unit = 'kW', bits = [4, 7], scale = 2.0",
        ),
    ];
    let site = with(&text.concat()).unwrap();
    let Access::Modbus(modbus) = &site.devices[4].access else { panic!("{:?}", site.devices[4]) };
    assert_eq!((modbus.unit_id, modbus.gap_max), (3, 4));
    assert_eq!(modbus.reach.to_string(), "/dev/ttyS1 19200 8E1");
    assert_eq!(site.devices[5].access.to_string(), "/dev/ttyS1 19200 8E1, unit 4");
    let place = site.devices[4].readings[0].place;
    assert!(matches!(place, Place::Register { kind: RegisterType::F64, .. }), "{place:?}");
    assert_eq!(site.devices[4].readings[1].form, Form::Bits { low: 4, count: 4, scale: 2.0 });
}

#[test]
fn an_outstation_and_a_file() {
    let file = "[[device]]\nid = 'file'\nprotocol = 'csv'\npoll_ms = 1000\nfile = 'day.csv'\nrepeat = true\n";
    let outstation = "[[device]]\nid = 'rtu'\nprotocol = 'dnp3'\naddress = '10.0.0.7:20000'\npoll_ms = 1000\n\
                      outstation_address = 10\nintegrity_every = 8\n";
    let breaker =
        "[[digital]]\nid = 'rtu.breaker'\nage_max_ms = 9000\nsource = { device = 'rtu', binary = 5 }\n";
    let text = [
        file,
        outstation,
        &analog("rtu.mw", "device = 'rtu', analog = 3, unit = 'kW', scale = 0.1"),
        &analog("file.mw", "device = 'file', column = 'power', unit = 'MW'"),
        &analog("file.mw2", "device = 'file', column = 'power', unit = 'kW'"),
        breaker,
    ];
    let site = with(&text.concat()).unwrap();
    let Access::Csv(csv) = &site.devices[4].access else { panic!("{:?}", site.devices[4]) };
    assert_eq!((&*csv.time, csv.repeat, csv.columns.len()), ("time", true, 1));
    assert_eq!(site.devices[4].readings.len(), 1, "one column for two points");
    let Access::Dnp3(dnp3) = &site.devices[5].access else { panic!("{:?}", site.devices[5]) };
    assert_eq!((dnp3.outstation, dnp3.master, dnp3.integrity_every, dnp3.unsolicited), (10, 1, 8, false));
    assert!(matches!(dnp3.reach, Reach::Tcp(_)));
    let readings = &site.devices[5].readings;
    assert_eq!(readings[0].place, Place::Dnp3 { kind: Dnp3Type::Analog, index: 3 });
    assert_eq!(
        (readings[1].place, readings[1].form),
        (Place::Dnp3 { kind: Dnp3Type::Binary, index: 5 }, Form::State)
    );
}

#[test]
fn a_heading_that_a_file_does_not_have() {
    let file = "[[device]]\nid = 'file'\nprotocol = 'csv'\npoll_ms = 1000\nfile = 'day.csv'\n";
    let mw = analog("file.mw", "device = 'file', column = 'powre', unit = 'MW'");
    let told = with(&[file, &mw].concat()).unwrap_err();
    assert!(
        told.contains("source.column: ")
            && told.contains("day.csv has no column `powre`, known: power, time"),
        "{told}"
    );
    let told = with(&[file, "time = 'tme'\n"].concat()).unwrap_err();
    assert!(
        told.contains("device[4].time: ") && told.contains("no column `tme`, known: time, power"),
        "{told}"
    );
    assert_eq!(told.lines().count(), 1, "{told}");
    let text = format!("{SITE}\n{file}{mw}");
    assert!(read_with(&text, &Defaults::default(), Purpose::Check).is_ok(), "there may be no file yet");
}

#[test]
fn golden_errors() {
    let line = "port = '/dev/ttyS1', baud = 19200";
    let other = "port = '/dev/ttyS1', baud = 9600";
    let dnp3 = "outstation_address = 10";
    let tcp = "[[device]]\nid = 'd'\npoll_ms = 1000\naddress = '10.0.0.7:502'\n";
    let cases = [
        (
            serial("a", "modbus", line, "") + &serial("b", "modbus", other, ""),
            "device[5].serial: device `b` sets /dev/ttyS1 9600 8N1, device `a` sets /dev/ttyS1 19200 8N1: devices on \
             one line agree on its settings",
        ),
        (
            serial("a", "modbus", line, "") + &serial("b", "dnp3", line, dnp3),
            "device[5].serial: device `b` speaks dnp3 on the line of device `a`, which speaks modbus: DNP3 has a line \
             alone",
        ),
        (
            serial("a", "modbus", line, "unit_id = 0"),
            "device[4].unit_id: 0, allowed on a serial line: 1 to 247",
        ),
        (
            serial("a", "modbus", &format!("{line}, parity = 'mark'"), ""),
            "device[4].serial.parity: `mark` is no parity, allowed: none, odd, even",
        ),
        (
            serial("a", "modbus", &format!("{line}, stop_bits = 3"), ""),
            "device[4].serial.stop_bits: `3` is no number of stop bits, allowed: 1, 2",
        ),
        (
            serial("a", "modbus", "port = 'x', baud = 1", ""),
            "device[4].serial.baud: 1, allowed: 300 to 4000000",
        ),
        (
            serial("a", "modbus", line, "address = '10.0.0.7:502'"),
            "device[4].serial: a device has either an `address` or a `serial` line",
        ),
        (
            format!("{tcp}protocol = 'dnp3'\n"),
            "device[4]: missing field `outstation_address`: the DNP3 address of the device",
        ),
        (
            format!("{tcp}protocol = 'dnp3'\noutstation_address = 1\n"),
            "device[4].outstation_address: 1 is our own address as its master: give another `master_address`",
        ),
        (
            format!("{tcp}protocol = 'modbus'\nunsolicited = true\n"),
            "device[4].unsolicited: not for protocol = \"modbus\": only for \"dnp3\"",
        ),
        (
            format!("{tcp}protocol = 'sunspec'\ngap_max = 3\n"),
            "device[4].gap_max: not for protocol = \"sunspec\": only for \"modbus\"",
        ),
        (
            "[[device]]\nid = 'd'\npoll_ms = 1000\nprotocol = 'csv'\nfile = 'gone.csv'\n".to_owned(),
            "device[4].file: gone.csv cannot be read: No such file or directory (os error 2)",
        ),
        (
            format!("{tcp}protocol = 'dnp3'\n{dnp3}\n")
                + &analog("x", "device = 'd', binary = 3, unit = 'MW'"),
            "analog[4].source: a number from a DNP3 device needs either `analog` or `counter`, an index",
        ),
        (
            format!("{tcp}protocol = 'dnp3'\n{dnp3}\n")
                + &analog("x", "device = 'd', analog = 2, register = 3, unit = 'MW'"),
            "analog[4].source.register: the device is read as `protocol = \"dnp3\"`, which has no `register`",
        ),
        (
            format!("{tcp}protocol = 'dnp3'\n{dnp3}\nintegrity_every = 0\n"),
            "device[4].integrity_every: 0, allowed: 1 to 10000",
        ),
        (
            format!("{tcp}protocol = 'dnp3'\n{dnp3}\nintegrity_every = 9\n")
                + &analog("x", "device = 'd', analog = 2, unit = 'MW'"),
            "analog[4].age_max_ms: 9000 ms, but device `d` reads all every 9000 ms (poll_ms times integrity_every): \
             what does not change would be stale between",
        ),
        (
            format!("{tcp}protocol = 'dnp3'\n{dnp3}\n") + &analog("x", "device = 'd', analog = 3"),
            "analog[4].source: `unit` is missing: DNP3 points do not tell their unit",
        ),
        (
            format!("{tcp}protocol = 'modbus'\n")
                + &analog("x", "device = 'd', register = 3, type = 'u16', unit = 'MW', bits = [9, 16]"),
            "analog[4].source.bits: [9, 16] of a value of 16 bits: the lowest and the highest bit, from 0",
        ),
    ];
    let told = |text: &str| {
        let told = first(&with(text).unwrap_err());
        told.splitn(4, ':').nth(3).unwrap_or_default().trim().to_owned()
    };
    let told: Vec<String> = cases.iter().map(|(text, _)| told(text)).collect();
    let wanted: Vec<&str> = cases.iter().map(|(_, wanted)| *wanted).collect();
    assert_eq!(told, wanted);
}

#[test]
fn a_node_behind_a_broker() {
    let device = "[[device]]\nid = 'mqtt'\nprotocol = 'sparkplug'\naddress = '10.0.0.9:1883'\npoll_ms = 2500\n\
                  group = 'Plant'\nnode = 'Gateway'\ndevice = 'Inv 1'\nuser = 'rtd'\nalive = 'session'\n";
    let digital = "[[digital]]\nid = 'mqtt.on'\nage_max_ms = 9000\nsource = { device = 'mqtt', metric = 'State', \
                   equals = 4 }\n";
    let power = analog("mqtt.mw", "device = 'mqtt', metric = 'P', unit = 'kW'");
    let site = with(&[device, &power, digital].concat()).unwrap();
    let device = &site.devices[4];
    let Access::Sparkplug(sparkplug) = &device.access else { panic!("{device:?}") };
    assert_eq!(sparkplug.to_string(), "10.0.0.9:1883, spBv1.0 Plant/Gateway/Inv 1");
    assert_eq!((&*sparkplug.client_id, Sparkplug::keep_alive(device.poll)), ("openrtd-mqtt", 3));
    assert_eq!(device.readings[0].place, Place::Metric(0));
    assert_eq!(device.readings[1], crate::ReadingSpec { place: Place::Metric(1), form: Form::Equals(4) });
    for (device, wanted) in [
        ("group = 'a/b'\nnode = 'n'", "device[4].group: `a/b`, must be a part of a topic"),
        ("group = 'a'\nnode = 'n'\npassword_file = 'pki/ca.pem'", "has no meaning without `user`"),
        ("group = 'a'", "missing field `node`"),
        ("group = 'a'\nnode = 'n'\nendpoint = 'opc.tcp://h'", "device[4].endpoint: not for protocol"),
    ] {
        let head =
            "[[device]]\nid = 'mqtt'\nprotocol = 'sparkplug'\naddress = '10.0.0.9:1883'\npoll_ms = 1000\n";
        let told = with(&format!("{head}{device}\n")).unwrap_err();
        assert!(told.contains(wanted), "{device}: {told}");
    }
    let young = "group = 'a'\nnode = 'n'\nalive = 'session'";
    let head = "[[device]]\nid = 'mqtt'\nprotocol = 'sparkplug'\naddress = '10.0.0.9:1883'\npoll_ms = 8100\n";
    let told = with(&format!("{head}{young}\n{power}")).unwrap_err();
    assert!(told.contains("asks its broker every 9000 ms"), "{told}");
}

#[test]
fn an_opc_ua_server() {
    let head = "[[device]]\nid = 'ua'\nprotocol = 'opcua'\npoll_ms = 1000\n";
    let node = |id: &str| analog("ua.mw", &format!("device = 'ua', node = '{id}', unit = 'kW'"));
    let plain = "endpoint = 'opc.tcp://10.0.0.7:4840/plant'\nsecurity = 'none'\n";
    let site = with(&[head, plain, &node("ns=2;s=Inverter.P")].concat()).unwrap();
    assert_eq!(site.devices[4].access.to_string(), "opc.tcp://10.0.0.7:4840/plant, security none");
    assert_eq!(site.devices[4].readings[0].place, Place::Node(0));
    for (more, id, wanted) in [
        (plain, "Inverter.P", "must be a node's id"),
        (plain, "ns=70000;i=1", "must be a node's id"),
        ("endpoint = 'http://h'\nsecurity = 'none'\n", "i=1", "must be an address such as opc.tcp://"),
        ("endpoint = 'opc.tcp://h'\n", "i=1", "missing field `security`"),
        ("endpoint = 'opc.tcp://h'\nsecurity = 'sign'\n", "i=1", "needs the folder of certificates"),
        ("endpoint = 'opc.tcp://h'\nsecurity = 'sign'\npki = 'pki'\n", "i=1", "has no own/cert.der"),
    ] {
        let told = with(&[head, more, &node(id)].concat()).unwrap_err();
        assert!(told.contains(wanted), "{more} {id}: {told}");
    }
}

#[test]
fn a_reading_by_its_name_in_a_map() {
    let device = |map: &str| {
        format!(
            "[[device]]\nid = 'm'\nprotocol = 'modbus'\naddress = '10.0.0.4:502'\npoll_ms = 1000\nmap = '{map}'\n"
        )
    };
    let point = |source: &str| analog("m.mw", &format!("device = 'm', {source}"));
    let site = with(&[device("eastron-sdm630"), point("reading = 'active_power'")].concat()).unwrap();
    let place = site.devices[4].readings[0].place;
    let wanted = Place::Register {
        table: crate::RegisterTable::Input,
        register: 52,
        kind: RegisterType::F32,
        word_order: crate::WordOrder::Big,
    };
    assert_eq!((place, site.analogs.last().unwrap().source.as_ref().unwrap().unit), (wanted, Unit::Watt));
    for (map, source, wanted) in [
        ("eastron", "reading = 'active_power'", "one of eastron-sdm120, eastron-sdm230, eastron-sdm630"),
        ("none.toml", "reading = 'active_power'", "none.toml"),
        ("eastron-sdm630", "reading = 'power'", "`power` is not in map eastron-sdm630, known: voltage_l1"),
        ("eastron-sdm630", "reading = 'active_power', unit = 'kW'", "has no meaning beside `reading`"),
    ] {
        let told = with(&[device(map), point(source)].concat()).unwrap_err();
        assert!(told.contains(wanted), "{map} {source}: {told}");
    }
}
