//! The core's inputs and its answers as octets.
//!
//! Every match and every struct is taken apart in full: an input that is new does not compile without its place in
//! the file. Numbers of kinds are never used again for something else; a change of what stands behind one raises
//! [`super::VERSION`].

use ieee1815::Flags;
use site::{DeviceIx, Dnp3Type, ReadingIx};
use telemetry::{Now, Value};

use super::octets::{Malformed, Put, Take};
use super::writes::{put_write, take_write};
use crate::core::{
    Action, DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, Input, MasterIx, Operate,
    Output, Reading, Reported, Way,
};

pub(super) fn put_input(out: &mut Put, input: &Input, now: Now) {
    match input {
        Input::Time => out.u8(0),
        Input::Field(event) => {
            out.u8(1);
            put_event(out, event, now);
        }
        Input::Connected { master, peer, address } => {
            out.u8(2);
            out.size(master.get());
            out.text(peer);
            out.text(address);
        }
        Input::Disconnected { master, why } => {
            out.u8(3);
            out.size(master.get());
            out.text(why);
        }
        Input::Octets { master, octets } => {
            out.u8(4);
            out.size(master.get());
            out.octets(octets);
        }
        Input::ToldBefore(told) => {
            out.u8(6);
            out.size(told.len());
            for (point, device) in told {
                out.text(point.as_str());
                out.text(device);
            }
        }
        Input::Operate(Operate { point, action, who, why }) => {
            out.u8(5);
            out.text(point.as_str());
            out.text(who);
            out.text(why);
            put_action(out, *action);
        }
    }
}

pub(super) fn take_input(from: &mut Take<'_>, now: Now) -> Result<Input, Malformed> {
    Ok(match from.u8()? {
        0 => Input::Time,
        1 => Input::Field(take_event(from, now)?),
        2 => Input::Connected {
            master: MasterIx::new(from.size()?),
            peer: from.text()?,
            address: from.text()?,
        },
        3 => Input::Disconnected { master: MasterIx::new(from.size()?), why: from.text()? },
        4 => Input::Octets { master: MasterIx::new(from.size()?), octets: from.octets()?.to_vec() },
        5 => Input::Operate(Operate {
            point: from.text()?.into(),
            who: from.text()?.into(),
            why: from.text()?.into(),
            action: take_action(from)?,
        }),
        6 => {
            let count = from.count()?;
            let one = |_| Ok((from.text()?.into(), from.text()?.into()));
            Input::ToldBefore((0..count).map(one).collect::<Result<_, _>>()?)
        }
        _ => return Err(Malformed("an input of a kind that is not known")),
    })
}

fn put_action(out: &mut Put, action: Action) {
    match action {
        Action::Force { value, lasts } => {
            match value {
                Value::Analog(value) => {
                    out.u8(0);
                    out.double(value);
                }
                Value::Binary(state) => {
                    out.u8(1);
                    out.u8(u8::from(state));
                }
            }
            out.duration(lasts);
        }
        Action::Inhibit { lasts } => {
            out.u8(2);
            out.duration(lasts);
        }
        Action::Release => out.u8(3),
        Action::Control(way) => out.u8(match way {
            Way::Take => 4,
            Way::GiveBack => 5,
            Way::Local => 6,
            Way::Schedule => 7,
        }),
    }
}

fn take_action(from: &mut Take<'_>) -> Result<Action, Malformed> {
    let value = match from.u8()? {
        0 => Value::Analog(from.double()?),
        1 => Value::Binary(from.u8()? != 0),
        2 => return Ok(Action::Inhibit { lasts: from.duration()? }),
        3 => return Ok(Action::Release),
        4 => return Ok(Action::Control(Way::Take)),
        5 => return Ok(Action::Control(Way::GiveBack)),
        6 => return Ok(Action::Control(Way::Local)),
        7 => return Ok(Action::Control(Way::Schedule)),
        _ => return Err(Malformed("an order of a kind that is not known")),
    };
    Ok(Action::Force { value, lasts: from.duration()? })
}

fn put_event(out: &mut Put, event: &FieldEvent, now: Now) {
    match event {
        FieldEvent::Report(report) => {
            let FieldReport { device, outcome, sent, received } = report;
            out.u8(0);
            out.size(device.get());
            out.now(*sent, now);
            out.now(*received, now);
            put_outcome(out, outcome, now);
        }
        FieldEvent::Written { device, request, result } => {
            out.u8(1);
            out.size(device.get());
            out.number(*request);
            match result {
                Ok(()) => out.u8(0),
                Err(why) => {
                    out.u8(1);
                    out.text(why);
                }
            }
        }
    }
}

fn take_event(from: &mut Take<'_>, now: Now) -> Result<FieldEvent, Malformed> {
    Ok(match from.u8()? {
        0 => FieldEvent::Report(FieldReport {
            device: DeviceIx::new(from.size()?),
            sent: from.now(now)?,
            received: from.now(now)?,
            outcome: take_outcome(from, now)?,
        }),
        1 => FieldEvent::Written {
            device: DeviceIx::new(from.size()?),
            request: from.number()?,
            result: match from.u8()? {
                0 => Ok(()),
                1 => Err(from.text()?),
                _ => return Err(Malformed("a result that is not known")),
            },
        },
        _ => return Err(Malformed("an event of a kind that is not known")),
    })
}

fn put_outcome(out: &mut Put, outcome: &FieldOutcome, now: Now) {
    match outcome {
        FieldOutcome::Readings(readings) => {
            out.u8(0);
            out.size(readings.len());
            for (at, reading) in readings {
                out.size(at.get());
                put_reading(out, reading, now);
            }
        }
        FieldOutcome::Failed(DeviceFailure { kind, words }) => {
            out.u8(1);
            out.u8(match kind {
                FailureKind::TimedOut => 0,
                FailureKind::Unreachable => 1,
                FailureKind::Protocol => 2,
                FailureKind::Exception => 3,
            });
            out.text(words);
        }
    }
}

fn take_outcome(from: &mut Take<'_>, now: Now) -> Result<FieldOutcome, Malformed> {
    Ok(match from.u8()? {
        0 => {
            let count = from.count()?;
            let one = |_| Ok((ReadingIx::new(from.size()?), take_reading(from, now)?));
            FieldOutcome::Readings((0..count).map(one).collect::<Result<_, _>>()?)
        }
        1 => {
            let kind = match from.u8()? {
                0 => FailureKind::TimedOut,
                1 => FailureKind::Unreachable,
                2 => FailureKind::Protocol,
                3 => FailureKind::Exception,
                _ => return Err(Malformed("a failure of a kind that is not known")),
            };
            FieldOutcome::Failed(DeviceFailure { kind, words: from.text()? })
        }
        _ => return Err(Malformed("an outcome of a kind that is not known")),
    })
}

/// The kind of a reading that an outstation reported.
const REPORTED: u8 = 5;

fn put_reading(out: &mut Put, reading: &Reading, now: Now) {
    match reading {
        Reading::Number(number) => {
            out.u8(0);
            out.double(*number);
        }
        Reading::State(state) => {
            out.u8(1);
            out.u8(u8::from(*state));
        }
        Reading::NotImplemented => out.u8(2),
        Reading::NotANumber => out.u8(3),
        Reading::Invalid(words) => {
            out.u8(4);
            out.text(words);
        }
        Reading::Reported(reported) => {
            let Reported { reading, kind, flags, time, event } = &**reported;
            out.u8(REPORTED);
            out.u8(match kind {
                Dnp3Type::Analog => 0,
                Dnp3Type::Binary => 1,
                Dnp3Type::Counter => 2,
            });
            let has = [flags.is_some(), time.is_some(), *event];
            out.u8(has.into_iter().rev().fold(0, |bits, has| bits << 1 | u8::from(has)));
            if let Some(flags) = flags {
                out.u8(flags.bits());
            }
            if let Some((time, trust)) = time {
                out.wall(*time, *trust, now);
            }
            put_reading(out, reading, now);
        }
    }
}

fn take_reading(from: &mut Take<'_>, now: Now) -> Result<Reading, Malformed> {
    match from.u8()? {
        REPORTED => {}
        kind => return take_plain(from, kind),
    }
    let kind = match from.u8()? {
        0 => Dnp3Type::Analog,
        1 => Dnp3Type::Binary,
        2 => Dnp3Type::Counter,
        _ => return Err(Malformed("a type of point that is not known")),
    };
    let has = from.u8()?;
    let flags = if has & 1 == 0 { None } else { Some(Flags::from_bits(from.u8()?)) };
    let time = if has & 2 == 0 { None } else { Some(from.wall(now)?) };
    // Never one in another: a file must not decide how deep we go.
    let plain = from.u8()?;
    let reading = take_plain(from, plain)?;
    Ok(Reading::Reported(Box::new(Reported { reading, kind, flags, time, event: has & 4 != 0 })))
}

fn take_plain(from: &mut Take<'_>, kind: u8) -> Result<Reading, Malformed> {
    Ok(match kind {
        0 => Reading::Number(from.double()?),
        1 => Reading::State(from.u8()? != 0),
        2 => Reading::NotImplemented,
        3 => Reading::NotANumber,
        4 => Reading::Invalid(from.text()?),
        _ => return Err(Malformed("a reading of a kind that is not known")),
    })
}

/// What left the device. Records stay at home: they follow from the rest.
pub(super) fn put_outputs(out: &mut Put, outputs: &[Output]) {
    for output in outputs {
        match output {
            Output::Record(_) => {}
            Output::Octets { master, octets } => {
                out.u8(0);
                out.size(master.get());
                out.octets(octets);
            }
            Output::Write { device, request, write } => {
                out.u8(1);
                out.size(device.get());
                out.number(*request);
                put_write(out, *write);
            }
        }
    }
}

/// The octets of what left the device: equal where that is, be it a number or not.
pub(super) fn of_outputs(outputs: &[Output]) -> Vec<u8> {
    let mut out = Put::default();
    put_outputs(&mut out, outputs);
    out.0
}

pub(super) fn take_outputs(from: &mut Take<'_>) -> Result<Vec<Output>, Malformed> {
    let mut outputs = Vec::new();
    while !from.is_empty() {
        outputs.push(match from.u8()? {
            0 => Output::Octets { master: MasterIx::new(from.size()?), octets: from.octets()?.to_vec() },
            1 => Output::Write {
                device: DeviceIx::new(from.size()?),
                request: from.number()?,
                write: take_write(from)?,
            },
            _ => return Err(Malformed("an output of a kind that is not known")),
        });
    }
    Ok(outputs)
}
