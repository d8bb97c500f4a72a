//! Devices of raw registers: what is where, and what a write to them may do. `docs/plant.md` says the same, and a test
//! holds that page against this table.

use super::image::{Exception, Image};
use super::{Device, Kind};

/// How a register holds its figure; of two registers the high word comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    U16,
    I16,
    U32,
    I32,
}

/// A figure of a device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Register {
    pub(crate) at: usize,
    pub(crate) form: Form,
    /// What one step of it is, in the unit that the page tells.
    pub(crate) step: f64,
    pub(crate) name: &'static str,
    pub(crate) writable: bool,
}

const fn read(at: usize, form: Form, step: f64, name: &'static str) -> Register {
    Register { at, form, step, name, writable: false }
}

const fn write(at: usize, form: Form, step: f64, name: &'static str) -> Register {
    Register { at, form, step, name, writable: true }
}

/// The mode of a unit's AGC, and the switch of an aggregate's limit.
pub(crate) const MODE: usize = 30;
/// The set point of a unit, and the limit of an aggregate: this and the next register.
pub(crate) const SET_POINT: usize = 31;
/// It falls back when not written for so many seconds.
pub(crate) const WATCHDOG: usize = 33;
/// The governor's switch.
pub(crate) const GOVERNOR: usize = 34;
/// The command to a unit's breaker.
pub(crate) const BREAKER: usize = 35;

/// Counts on at each tick: of everything that has raw registers.
const HEARTBEAT: Register = read(3, Form::U16, 1.0, "heartbeat");
/// What a machine makes: of a unit in kW, of an aggregate in W.
const POWER: Register = read(4, Form::I32, 1.0, "power");
/// The last of what a machine with a set point is told.
const FALLS_BACK: Register = write(WATCHDOG, Form::U16, 1.0, "watchdog");

/// The instruments on a turbine's nacelle.
pub(crate) const NACELLE: &[Register] = &[
    read(0, Form::U16, 0.01, "wind_speed"),
    read(1, Form::U16, 0.1, "wind_direction"),
    read(2, Form::I16, 0.1, "temperature"),
    HEARTBEAT,
];

/// A conventional unit.
pub(crate) const UNIT: &[Register] = &[
    read(0, Form::U16, 1.0, "state"),
    read(1, Form::U16, 1.0, "breaker"),
    read(2, Form::U16, 1.0, "agc"),
    HEARTBEAT,
    POWER,
    read(6, Form::I32, 1.0, "reference"),
    read(8, Form::I32, 1.0, "response"),
    read(10, Form::I32, 1.0, "headroom"),
    read(12, Form::U16, 0.001, "frequency"),
    read(13, Form::U16, 0.01, "droop"),
    read(14, Form::U16, 0.001, "deadband"),
    read(15, Form::U16, 1.0, "governor"),
    read(16, Form::I32, 1.0, "rated"),
    read(18, Form::I32, 1.0, "minimum"),
    read(20, Form::I32, 1.0, "ramp"),
    read(22, Form::U32, 1.0, "energy"),
    read(24, Form::I32, 1.0, "governor_power"),
    write(MODE, Form::U16, 1.0, "agc_mode"),
    write(SET_POINT, Form::I32, 1.0, "set_point"),
    FALLS_BACK,
    write(GOVERNOR, Form::U16, 1.0, "governor_switch"),
    write(BREAKER, Form::U16, 1.0, "breaker_command"),
];

/// An aggregate.
pub(crate) const AGGREGATE: &[Register] = &[
    read(0, Form::U16, 1.0, "members"),
    read(1, Form::U16, 1.0, "available"),
    read(2, Form::U16, 1.0, "waiting"),
    HEARTBEAT,
    POWER,
    read(6, Form::I32, 1.0, "potential"),
    read(8, Form::I32, 1.0, "rated_available"),
    read(10, Form::I32, 1.0, "rated"),
    read(12, Form::U32, 1.0, "energy"),
    write(MODE, Form::U16, 1.0, "limit_switch"),
    write(SET_POINT, Form::I32, 1.0, "limit"),
    FALLS_BACK,
];

/// The registers of a kind of device; `None` where it serves SunSpec, or is the switchgear.
pub(crate) fn table(kind: &Kind) -> Option<&'static [Register]> {
    match kind {
        Kind::Nacelle { .. } => Some(NACELLE),
        Kind::Unit { .. } => Some(UNIT),
        Kind::Aggregate { .. } => Some(AGGREGATE),
        _ => None,
    }
}

impl Form {
    pub(crate) const fn words(self) -> usize {
        match self {
            Self::U16 | Self::I16 => 1,
            Self::U32 | Self::I32 => 2,
        }
    }

    /// What says that there is no figure.
    pub(crate) const fn none(self) -> i64 {
        match self {
            Self::U16 => 0xFFFF,
            Self::I16 => i16::MIN as i64,
            Self::U32 => 0xFFFF_FFFF,
            Self::I32 => i32::MIN as i64,
        }
    }

    /// What a figure can be.
    pub(crate) const fn range(self) -> (i64, i64) {
        match self {
            Self::U16 => (0, 0xFFFE),
            Self::I16 => (i16::MIN as i64 + 1, i16::MAX as i64),
            Self::U32 => (0, 0xFFFF_FFFE),
            Self::I32 => (i32::MIN as i64 + 1, i32::MAX as i64),
        }
    }
}

impl Image {
    /// The set point, or limit, of a device of raw registers.
    pub(crate) fn set_point(&self) -> f64 {
        f64::from(self.get_u32(0, SET_POINT).cast_signed())
    }
}

impl Device {
    /// Writes raw registers. A write that is refused changes nothing.
    pub(crate) fn write_raw(&mut self, start: u16, values: &[u16], remote: bool) -> Result<(), Exception> {
        let before = self.image.clone();
        self.image.write(start, values)?;
        let first = usize::from(start);
        let result = self.judge(first..first.saturating_add(values.len()), remote);
        if result.is_err() {
            self.image = before;
        }
        result
    }

    fn judge(&mut self, written: std::ops::Range<usize>, remote: bool) -> Result<(), Exception> {
        let (high, low) = (written.contains(&SET_POINT), written.contains(&(SET_POINT + 1)));
        let image = &mut self.image;
        // Half a set point would be another one for a moment.
        let torn = high != low;
        if torn || image.get(0, MODE) > 1 {
            return Err(Exception::Value);
        }
        let on = image.get(0, MODE) == 1;
        match &mut self.kind {
            Kind::Unit { unit, close, .. } => {
                let command = image.get(0, BREAKER);
                if image.get(0, GOVERNOR) > 1 || command > 2 {
                    return Err(Exception::Value);
                }
                // A set point that nobody would follow is refused, not kept for later; a release never is.
                let idle = high && !on && !written.contains(&MODE);
                let local = !remote && (on && written.contains(&MODE) || command > 0);
                let open = on && written.contains(&MODE) && !unit.closed;
                if idle || local || open {
                    return Err(Exception::Value);
                }
                if command > 0 {
                    *close = command == 1;
                    image.put(0, BREAKER, 0);
                }
            }
            Kind::Aggregate { .. } if image.set_point() < 0.0 => return Err(Exception::Value),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a table of the page, below its heading: register, type, unit, name.
    fn page(heading: &str) -> Vec<[String; 4]> {
        let page = include_str!("../../../../docs/plant.md");
        let (_, part) = page.split_once(&format!("\n### {heading}\n")).unwrap();
        let lines = part.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
        let rows = lines.take_while(|line| line.starts_with('|')).map(|line| {
            let mut cells = line.split('|').skip(1).map(|cell| cell.trim().to_owned());
            std::array::from_fn(|_| cells.next().unwrap())
        });
        rows.collect()
    }

    #[test]
    fn the_page_says_what_is_served() {
        for (heading, table) in [("A turbine's met", NACELLE), ("Unit", UNIT), ("Aggregate", AGGREGATE)] {
            let served = table.iter().map(|one| {
                let words = one.form.words();
                let at = if words == 1 { one.at.to_string() } else { format!("{}-{}", one.at, one.at + 1) };
                let form = format!("{:?}", one.form).to_lowercase();
                (at, form, one.step, one.writable, one.name.to_owned())
            });
            let told = page(heading).into_iter().map(|[at, form, unit, name]| {
                let writable = unit.split([',', ' ']).any(|word| word == "w");
                let step = unit.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(1.0);
                (at, form, step, writable, name)
            });
            assert_eq!(told.collect::<Vec<_>>(), served.collect::<Vec<_>>(), "{heading}");
        }
    }
}
