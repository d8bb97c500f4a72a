//! The device under test and its bench: the database that the recorded certification runs show, and what whoever
//! ran them did at the device itself (pressed its buttons, wired its inputs, switched it off).

use std::time::Duration;

use ieee1815::objects::{Attribute, AttributeValue};
use ieee1815::outstation::{
    Application, Counters, EventMode, Outstation, PointConfig, Restart, SessionConfig, UnsolicitedConfig,
};
use ieee1815::{
    Command, CommandStatus, DoubleBit, Flags, Iin, Measured, OperateMode, PointType, Time, Value,
};

/// Addresses of the recorded runs.
const OUTSTATION: u16 = 1024;
const MASTER: u16 = 1;
/// Indexes of the inputs: with gaps, and the last that there can be.
const INPUTS: [u16; 4] = [0, 41, 1024, 65535];
const OUTPUTS: u16 = 20;
/// Events that the device keeps of each type.
const EVENTS_OF_A_TYPE: usize = 200;

/// Whatever stands behind the outstation.
#[derive(Debug, Default)]
pub(crate) struct Device {
    /// Milliseconds since 1970 at the origin of time, once the master has told.
    time_at_origin: Option<u64>,
    now: Time,
    local: bool,
    binary_outputs_disabled: bool,
    analog_outputs_disabled: bool,
    operated: Vec<(u16, Command)>,
    cleared: Vec<u16>,
    restart: bool,
}

impl Device {
    fn judge(&self, index: u16, command: &Command) -> CommandStatus {
        let disabled = match command {
            Command::Crob(_) => self.binary_outputs_disabled,
            Command::Analog { .. } => self.analog_outputs_disabled,
        };
        if index >= OUTPUTS || disabled {
            CommandStatus::NotSupported
        } else if self.local {
            CommandStatus::Local
        } else {
            CommandStatus::Success
        }
    }
}

impl Application for Device {
    fn select(&mut self, _: usize, index: u16, command: &Command) -> CommandStatus {
        self.judge(index, command)
    }

    fn operate(&mut self, _: usize, index: u16, command: &Command, _: OperateMode) -> CommandStatus {
        let status = self.judge(index, command);
        if status == CommandStatus::Success {
            self.operated.push((index, *command));
        }
        status
    }

    fn write_time(&mut self, _: usize, millis: u64) -> bool {
        let since = u64::try_from(self.now.as_millis()).unwrap_or(u64::MAX);
        self.time_at_origin = Some(millis.saturating_sub(since));
        true
    }

    fn indications(&self, _: usize) -> Iin {
        let need_time = if self.time_at_origin.is_none() { Iin::NEED_TIME } else { Iin::NONE };
        let local = if self.local { Iin::LOCAL_CONTROL } else { Iin::NONE };
        need_time | local
    }

    fn time(&self) -> Option<u64> {
        let since = u64::try_from(self.now.as_millis()).unwrap_or(u64::MAX);
        Some(self.time_at_origin.unwrap_or_default().saturating_add(since))
    }

    fn restart(&mut self, _: usize, _: Restart) -> Option<Time> {
        self.restart = true;
        Some(Duration::from_secs(1))
    }

    fn cleared(&mut self, index: u16) {
        self.cleared.push(index);
    }
}

/// The device on its bench.
pub(crate) struct Bench {
    outstation: Outstation,
    device: Device,
    unsolicited: bool,
    of_unsolicited: bool,
    fragment_max: usize,
    /// Which events the next act makes: those of the group that was read last.
    last_read: u8,
    last_classes: [u8; 3],
    /// Turns through the inputs.
    turn: usize,
    counts: [u32; 4],
    analogs: [f64; 4],
    binaries: [bool; 4],
    doubles: [bool; 4],
}

/// What an act at the bench came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Act {
    /// Done.
    Done,
    /// It is for whoever watches: nothing was done to the device.
    Watch,
    /// There is no such act.
    Unknown,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let (device, fragment_max) = (Device::default(), 2048);
        let outstation = outstation(false, fragment_max);
        Self {
            outstation,
            device,
            unsolicited: false,
            of_unsolicited: false,
            fragment_max,
            last_read: 0,
            last_classes: [1; 3],
            turn: 0,
            counts: [1; 4],
            analogs: [0.0; 4],
            binaries: [false; 4],
            doubles: [false; 4],
        }
    }

    /// Does what the bench did. `connected`: the master's connection outlives a power cycle.
    pub(crate) fn act(&mut self, act: &str, arg: Option<&str>, connected: bool, now: Time) -> Act {
        self.device.now = now;
        match act {
            "power-cycle" => self.power_cycle(connected, now),
            "unsolicited-on" | "unsolicited-off" => {
                self.unsolicited = act == "unsolicited-on";
                self.of_unsolicited = true;
            }
            "max-fragment-size" => self.fragment_max = arg.and_then(|arg| arg.parse().ok()).unwrap_or(2048),
            "controls-local" => self.device.local = true,
            "controls-remote" => self.device.local = false,
            "disable-all" => match arg {
                Some("Binary Output") => self.device.binary_outputs_disabled = true,
                Some("Analog Output") => self.device.analog_outputs_disabled = true,
                _ => return Act::Unknown,
            },
            "enable-all" => {
                (self.device.binary_outputs_disabled, self.device.analog_outputs_disabled) = (false, false);
            }
            "binary-input-events" => {
                let count = self.how_many();
                // The recorded runs call the changes of double-bit inputs by the same name.
                let double = arg == Some("double-bit") || matches!(self.last_read, 3 | 4);
                for _ in 0..count {
                    if double { self.double_bit() } else { self.binary() }
                }
            }
            "double-bit-input-events" => (0..3).for_each(|_| self.double_bit()),
            "counter-events" => (0..self.how_many()).for_each(|_| self.counter()),
            "analog-step-past-deadband" | "analog-input-events" => (0..3).for_each(|_| self.analog()),
            "class-events" => {
                // Of the classes that were read last; the recorded runs do not say which.
                let classes = match arg.and_then(|arg| arg.parse().ok()) {
                    Some(class @ 1..=3) => [class; 3],
                    // Runs about unsolicited responses begin with class 1.
                    _ if self.of_unsolicited => [1; 3],
                    _ => self.last_classes,
                };
                if classes.contains(&1) {
                    (0..3).for_each(|_| self.binary());
                }
                if classes.contains(&2) {
                    (0..3).for_each(|_| self.counter());
                }
                if classes.contains(&3) {
                    (0..3).for_each(|_| self.analog());
                }
            }
            "events" => self.binary(),
            "events-for-two-fragments" => {
                (0..EVENTS_OF_A_TYPE).for_each(|_| self.binary());
                (0..EVENTS_OF_A_TYPE).for_each(|_| self.double_bit());
                (0..EVENTS_OF_A_TYPE).for_each(|_| self.counter());
                (0..EVENTS_OF_A_TYPE).for_each(|_| self.analog());
            }
            "bench-check" | "expect-silence" | "wait-ms" => return Act::Watch,
            _ => return Act::Unknown,
        }
        Act::Done
    }

    /// After a read of whole classes the runs want the buffer filled, and then made to overflow; else a few events.
    fn how_many(&self) -> usize {
        match self.last_read {
            60 if self.outstation.events_waiting(0) < EVENTS_OF_A_TYPE => {
                EVENTS_OF_A_TYPE - self.outstation.events_waiting(0)
            }
            _ => 3,
        }
    }

    fn power_cycle(&mut self, connected: bool, now: Time) {
        self.outstation = outstation(self.unsolicited, self.fragment_max);
        self.device.time_at_origin = None;
        self.device.restart = false;
        if self.device.local {
            let measured = Measured {
                value: Value::Binary(false),
                flags: Some(Flags::ONLINE | Flags::LOCAL_FORCED),
                time: None,
            };
            self.outstation.update(PointType::BinaryOutputStatus, 0, measured);
        }
        (self.counts, self.analogs, self.binaries, self.doubles) = ([1; 4], [0.0; 4], [false; 4], [false; 4]);
        if connected {
            self.outstation.connected(0, now);
        }
    }

    fn next_input(&mut self) -> (usize, u16) {
        self.turn += 1;
        let input = self.turn % INPUTS.len();
        (input, INPUTS[input])
    }

    fn update(&mut self, point: PointType, index: u16, value: Value) {
        let measured = Measured { value, flags: Some(Flags::ONLINE), time: self.device.time() };
        self.outstation.update(point, index, measured);
    }

    fn binary(&mut self) {
        let (input, index) = self.next_input();
        self.binaries[input] ^= true;
        self.update(PointType::BinaryInput, index, Value::Binary(self.binaries[input]));
    }

    fn double_bit(&mut self) {
        let (input, index) = self.next_input();
        self.doubles[input] ^= true;
        let state = if self.doubles[input] { DoubleBit::On } else { DoubleBit::Off };
        self.update(PointType::DoubleBitInput, index, Value::DoubleBit(state));
    }

    fn counter(&mut self) {
        let (input, index) = self.next_input();
        self.counts[input] += 1;
        self.update(PointType::Counter, index, Value::Counter(self.counts[input]));
    }

    fn analog(&mut self) {
        let (input, index) = self.next_input();
        self.analogs[input] += 100.0;
        self.update(PointType::AnalogInput, index, Value::Analog(self.analogs[input]));
    }

    pub(crate) fn connected(&mut self, now: Time) {
        self.outstation.connected(0, now);
    }

    pub(crate) fn disconnected(&mut self, now: Time) {
        self.outstation.disconnected(0, now);
    }

    /// Takes what came from the master.
    pub(crate) fn receive(&mut self, octets: &[u8], now: Time) {
        self.device.now = now;
        self.note_read(octets);
        self.outstation.receive(0, octets, now, &mut self.device);
        for (index, command) in self.device.operated.clone() {
            match command {
                Command::Analog { value, .. } => {
                    self.update(PointType::AnalogOutputStatus, index, Value::Analog(value));
                }
                Command::Crob(crob) => {
                    let on = crob.op & 0x0F == 3 || crob.op & 0xC0 == 0x40;
                    self.update(PointType::BinaryOutputStatus, index, Value::Binary(on));
                }
            }
        }
        for index in std::mem::take(&mut self.device.cleared) {
            if let Some(input) = INPUTS.iter().position(|of| *of == index) {
                self.counts[input] = 0;
            }
        }
    }

    /// Which group a read in these octets names last; a bench operator sees that on his screen.
    fn note_read(&mut self, octets: &[u8]) {
        let Some(user) = octets.get(11..).filter(|user| user.get(1) == Some(&1)) else { return };
        // The first block of the frame holds the first headers of the request, and that is enough here.
        self.last_read = user.get(2).copied().unwrap_or_default();
        if self.last_read == 60 {
            let read = |class: u8| user.windows(2).any(|header| header == [60, class + 1]);
            self.last_classes = [1, 2, 3].map(|class| if read(class) { class } else { 0 });
        }
    }

    pub(crate) fn poll_transmit(&mut self, out: &mut Vec<u8>) -> bool {
        self.outstation.poll_transmit(0, out)
    }

    pub(crate) fn timeout(&self) -> Option<Time> {
        self.outstation.timeout()
    }

    pub(crate) fn handle_timeout(&mut self, now: Time) {
        self.device.now = now;
        self.outstation.handle_timeout(now, &mut self.device);
    }

    /// What was operated since this was asked last.
    pub(crate) fn take_operated(&mut self) -> Vec<(u16, Command)> {
        std::mem::take(&mut self.device.operated)
    }

    /// Whether the master has asked for a restart.
    pub(crate) fn take_restart(&mut self) -> bool {
        std::mem::take(&mut self.device.restart)
    }

    pub(crate) fn counters(&self) -> Counters {
        self.outstation.counters(0)
    }
}

#[expect(clippy::expect_used, reason = "each point once, in variations that there are")]
fn outstation(unsolicited: bool, fragment_max: usize) -> Outstation {
    let mut points = Vec::new();
    let mut add = |point, index, static_variation, event_variation, class, value| {
        points.push(PointConfig {
            static_variation,
            event_variation,
            class,
            class_0: point != PointType::DoubleBitInput,
            mode: Some(EventMode::Each),
            initial: Measured { value, flags: Some(Flags::ONLINE), time: None },
            ..PointConfig::new(point, index)
        });
    };
    for index in INPUTS {
        add(PointType::BinaryInput, index, 2, 1, 1, Value::Binary(false));
        add(PointType::DoubleBitInput, index, 2, 1, 1, Value::DoubleBit(DoubleBit::Off));
        add(PointType::Counter, index, 2, 1, 2, Value::Counter(1));
        add(PointType::FrozenCounter, index, 2, 1, 1, Value::Counter(1));
        add(PointType::AnalogInput, index, 2, 1, 3, Value::Analog(0.0));
    }
    for index in 0..OUTPUTS {
        add(PointType::BinaryOutputStatus, index, 2, 1, 0, Value::Binary(false));
        add(PointType::AnalogOutputStatus, index, 2, 1, 1, Value::Analog(0.0));
    }
    let session = SessionConfig {
        select_timeout: Duration::from_secs(2),
        commands_max: 4,
        events_max: 2000,
        events_of_a_type_max: EVENTS_OF_A_TYPE,
        max_tx_fragment: fragment_max,
        unsolicited: unsolicited.then(UnsolicitedConfig::default),
        ..SessionConfig::new(OUTSTATION, MASTER)
    };
    let text = |variation, text: &str| Attribute { variation, value: AttributeValue::Text(text.into()) };
    let number = |variation, number| Attribute { variation, value: AttributeValue::Unsigned(number) };
    let attributes = vec![
        number(240, u32::try_from(fragment_max).unwrap_or(u32::MAX)),
        number(241, 2048),
        text(242, env!("CARGO_PKG_VERSION")),
        text(250, "dut"),
        text(252, "The OpenRTD developers"),
    ];
    Outstation::new(&points, vec![session]).expect("a good table").with_attributes(attributes)
}
