//! Set points to register writes, for the two SunSpec models that control active power.
//!
//! Each command needs the model's registers as they are now: the scale factor, and what the device implements. The
//! order of the writes matters: the reversion time and the value first, the enabling last, so that a device never
//! runs on half a command.

use site::SunSpecScale;

use super::decode::{scale_factor, shift};
use crate::core::FieldWrite;

/// Offsets in model 704 (DER AC controls), as its definition gives them.
mod m704 {
    pub(super) const ENABLE: u16 = 20;
    pub(super) const MODE: u16 = 21;
    pub(super) const VALUE: u16 = 22;
    pub(super) const REVERT: u16 = 29;
    pub(super) const FACTOR: u16 = 53;
    /// `WSetMod` for watts.
    pub(super) const WATTS: u16 = 1;
}

/// Offsets in model 123 (immediate controls), as its definition gives them.
mod m123 {
    pub(super) const VALUE: u16 = 3;
    pub(super) const REVERT: u16 = 5;
    pub(super) const ENABLE: u16 = 7;
    pub(super) const FACTOR: u16 = 21;
}

/// One write: offset in the model, and registers.
pub(crate) type Write = (u16, Vec<u16>);

/// The model that a command writes to.
pub(crate) const fn model(write: &FieldWrite) -> u16 {
    match write {
        FieldWrite::SunSpec704 { .. } | FieldWrite::Release704 => 704,
        FieldWrite::SunSpec123 { .. } | FieldWrite::Release123 => 123,
    }
}

/// The registers of its model that a command has to know: offset and count.
pub(crate) const fn needs(write: &FieldWrite) -> (u16, u16) {
    match write {
        FieldWrite::SunSpec704 { .. } => (m704::ENABLE, m704::FACTOR - m704::ENABLE + 1),
        FieldWrite::Release704 => (m704::ENABLE, 1),
        FieldWrite::SunSpec123 { .. } => (m123::VALUE, m123::FACTOR - m123::VALUE + 1),
        FieldWrite::Release123 => (m123::ENABLE, 1),
    }
}

/// The writes that a command consists of, in their order. `now` are the registers that [`needs`] names.
///
/// # Errors
/// In words, why this device cannot do it.
pub(crate) fn writes(write: &FieldWrite, now: &[u16]) -> Result<Vec<Write>, String> {
    let (first, _) = needs(write);
    let at = |offset: u16| {
        now.get(usize::from(offset - first)).copied().ok_or_else(|| "too few registers".to_owned())
    };
    match *write {
        FieldWrite::SunSpec704 { watts, revert_s } => {
            let raw = raw(watts, at(m704::FACTOR)?, "WSet", f64::from(-i32::MAX), f64::from(i32::MAX))?;
            let mut writes = Vec::new();
            match at(m704::MODE)? {
                m704::WATTS | u16::MAX => {}
                _ => writes.push((m704::MODE, vec![m704::WATTS])),
            }
            let timer = (at(m704::REVERT)?, at(m704::REVERT + 1)?) != (u16::MAX, u16::MAX);
            if revert(timer, revert_s, "WSetRvrtTms")? {
                writes.push((m704::REVERT, vec![0, revert_s]));
            }
            writes.push((m704::VALUE, words(raw)));
            writes.push((m704::ENABLE, vec![1]));
            Ok(writes)
        }
        FieldWrite::SunSpec123 { percent, revert_s } => {
            let raw = raw(percent, at(m123::FACTOR)?, "WMaxLimPct", 0.0, f64::from(u16::MAX - 1))?;
            let mut writes = Vec::new();
            if revert(at(m123::REVERT)? != u16::MAX, revert_s, "WMaxLimPct_RvrtTms")? {
                writes.push((m123::REVERT, vec![revert_s]));
            }
            writes.push((m123::VALUE, words(raw).split_off(1)));
            writes.push((m123::ENABLE, vec![1]));
            Ok(writes)
        }
        FieldWrite::Release704 => Ok(vec![(m704::ENABLE, vec![0])]),
        FieldWrite::Release123 => Ok(vec![(m123::ENABLE, vec![0])]),
    }
}

/// Whether the reversion time is to be written. A site that counts on a timer must not run without one.
fn revert(implemented: bool, revert_s: u16, name: &str) -> Result<bool, String> {
    match (implemented, revert_s) {
        (false, 1..) => Err(format!("the device has no {name}: revert_s = {revert_s} cannot be kept")),
        (_, u16::MAX) => Err(format!("{name} cannot be {revert_s}")),
        (implemented, _) => Ok(implemented),
    }
}

/// The raw value that stands for `value`.
fn raw(value: f64, factor: u16, name: &str, low: f64, high: f64) -> Result<i32, String> {
    let power = match scale_factor(SunSpecScale::At(0), Some(factor)) {
        Ok(Some(power)) => power,
        Ok(None) => return Err(format!("the device has no scale factor for {name}")),
        Err(power) => return Err(format!("the device's scale factor {power} for {name} makes no sense")),
    };
    let raw = shift(value, -power).round();
    if !(low..=high).contains(&raw) {
        return Err(format!("{value} does not fit {name} with the device's scale factor {power}"));
    }
    whole(raw).ok_or_else(|| format!("{value} does not fit {name}"))
}

/// A whole number within an `i32` as one; the language has no conversion that refuses instead of guessing.
fn whole(value: f64) -> Option<i32> {
    format!("{value:.0}").parse().ok()
}

/// High word first.
fn words(raw: i32) -> Vec<u16> {
    let [a, b, c, d] = raw.to_be_bytes();
    vec![u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Registers 20 to 53 of model 704.
    fn m704(factor: i16, mode: u16, revert: [u16; 2]) -> Vec<u16> {
        let mut now = vec![0; 34];
        (now[1], now[9], now[10], now[33]) = (mode, revert[0], revert[1], factor.cast_unsigned());
        now
    }

    /// Registers 3 to 21 of model 123.
    fn m123(factor: i16, revert: u16) -> Vec<u16> {
        let mut now = vec![0; 19];
        (now[2], now[18]) = (revert, factor.cast_unsigned());
        now
    }

    #[test]
    fn offsets_are_those_of_the_definitions() {
        use site::sunspec::find;
        assert_eq!(find("123.WMaxLimPct").unwrap().offset, m123::VALUE);
        assert_eq!(find("123.WMaxLim_Ena").unwrap().offset, m123::ENABLE);
        assert_eq!(find("123.WMaxLimPct").unwrap().scale, SunSpecScale::At(m123::FACTOR));
        assert_eq!(needs(&FieldWrite::SunSpec704 { watts: 0.0, revert_s: 0 }), (20, 34));
        assert_eq!(needs(&FieldWrite::SunSpec123 { percent: 0.0, revert_s: 0 }), (3, 19));
    }

    #[test]
    fn watts_with_timer_and_value_before_the_enabling() {
        let write = FieldWrite::SunSpec704 { watts: -2_500_000.0, revert_s: 60 };
        let told = writes(&write, &m704(2, 0, [0, 0])).unwrap();
        let value = words(-25_000);
        assert_eq!(told, [(21, vec![1]), (29, vec![0, 60]), (22, value), (20, vec![1])]);
        let told = writes(&FieldWrite::SunSpec704 { watts: 1.0, revert_s: 0 }, &m704(0, 1, [0, 9])).unwrap();
        assert_eq!(told, [(29, vec![0, 0]), (22, vec![0, 1]), (20, vec![1])]);
    }

    #[test]
    fn percent() {
        let write = FieldWrite::SunSpec123 { percent: 33.3, revert_s: 60 };
        assert_eq!(writes(&write, &m123(-1, 0)).unwrap(), [(5, vec![60]), (3, vec![333]), (7, vec![1])]);
    }

    #[test]
    fn releases_switch_off() {
        assert_eq!(writes(&FieldWrite::Release704, &[1]).unwrap(), [(20, vec![0])]);
        assert_eq!(writes(&FieldWrite::Release123, &[1]).unwrap(), [(7, vec![0])]);
    }

    #[test]
    fn what_a_device_cannot_do_is_refused_before_anything_is_written() {
        let watts = |watts, revert_s| FieldWrite::SunSpec704 { watts, revert_s };
        let none = [u16::MAX, u16::MAX];
        assert!(writes(&watts(1.0, 60), &m704(0, 1, none)).unwrap_err().contains("no WSetRvrtTms"));
        assert_eq!(writes(&watts(1.0, 0), &m704(0, 1, none)).unwrap().len(), 2);
        assert!(writes(&watts(1e12, 0), &m704(0, 1, [0, 0])).unwrap_err().contains("does not fit WSet"));
        assert!(writes(&watts(f64::NAN, 0), &m704(0, 1, [0, 0])).is_err());
        assert!(writes(&watts(1.0, 0), &m704(i16::MIN, 1, [0, 0])).unwrap_err().contains("no scale factor"));
        assert!(writes(&watts(1.0, 0), &m704(12, 1, [0, 0])).unwrap_err().contains("makes no sense"));
        assert!(writes(&FieldWrite::SunSpec123 { percent: -1.0, revert_s: 0 }, &m123(0, 0)).is_err());
        assert!(writes(&watts(1.0, 0), &[]).is_err());
    }
}
