//! Set points to register writes, for the two SunSpec models that control active power and for raw registers.
//!
//! A command to a model needs its registers as they are now: the scale factor, and what the device implements. The
//! order of the writes matters: the reversion time and the value first, the enabling last, so that a device never
//! runs on half a command. Of raw registers nobody knows whether the device takes the value while it does not follow:
//! it is written before the enabling, so that no old one is followed, and again after it.

use site::SunSpecScale;

use super::decode::{scale_factor, shift};
use super::encode::{registers, whole};
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

/// One write: offset in the model, or the register where there is none, and registers.
pub(crate) type Write = (u16, Vec<u16>);

/// A part of a SunSpec model that a command has to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The number of the model.
    pub(crate) model: u16,
    /// Offset in it.
    pub(crate) first: u16,
    /// So many registers.
    pub(crate) count: u16,
}

/// What a command has to know before it is written; `None` where that is nothing.
pub(crate) const fn needs(write: &FieldWrite) -> Option<Needs> {
    let (model, first, count) = match write {
        FieldWrite::SunSpec704 { .. } => (704, m704::ENABLE, m704::FACTOR - m704::ENABLE + 1),
        FieldWrite::Release704 => (704, m704::ENABLE, 1),
        FieldWrite::SunSpec123 { .. } => (123, m123::VALUE, m123::FACTOR - m123::VALUE + 1),
        FieldWrite::Release123 => (123, m123::ENABLE, 1),
        FieldWrite::Registers { .. } | FieldWrite::ReleaseRegister { .. } => return None,
    };
    Some(Needs { model, first, count })
}

/// Whether a write gives the device back to its own control.
pub(crate) const fn gives_back(write: &FieldWrite) -> bool {
    matches!(write, FieldWrite::Release704 | FieldWrite::Release123 | FieldWrite::ReleaseRegister { .. })
}

/// Who refuses, in words.
pub(crate) fn subject(write: &FieldWrite) -> String {
    match write {
        FieldWrite::SunSpec704 { .. } | FieldWrite::Release704 => "SunSpec model 704".to_owned(),
        FieldWrite::SunSpec123 { .. } | FieldWrite::Release123 => "SunSpec model 123".to_owned(),
        FieldWrite::Registers { register, .. } | FieldWrite::ReleaseRegister { register, .. } => {
            format!("holding register {register}")
        }
    }
}

/// Whether the first write of a command may be refused without harm: the same is written again at its end, once the
/// device follows.
pub(crate) fn comes_again(writes: &[Write]) -> bool {
    writes.len() > 1 && writes.first() == writes.last()
}

/// The writes that a command consists of, in their order. `now` are the registers that [`needs`] names, if it does.
///
/// # Errors
/// In words, why this device cannot do it.
pub(crate) fn writes(write: &FieldWrite, now: &[u16]) -> Result<Vec<Write>, String> {
    let first = needs(write).map_or(0, |needs| needs.first);
    let at = |offset: u16| {
        now.get(usize::from(offset.saturating_sub(first)))
            .copied()
            .ok_or_else(|| "too few registers".to_owned())
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
        FieldWrite::Registers { register, kind, word_order, raw, enable } => {
            Ok(raw_writes(register, registers(kind, word_order, raw)?, enable))
        }
        FieldWrite::ReleaseRegister { register, word } => Ok(vec![(register, vec![word])]),
    }
}

/// The value, and the register that makes the device follow: in one request where they lie side by side.
fn raw_writes(at: u16, value: Vec<u16>, enable: Option<(u16, u16)>) -> Vec<Write> {
    let Some((switch, on)) = enable else { return vec![(at, value)] };
    let behind = u16::try_from(value.len()).ok().and_then(|count| at.checked_add(count));
    if switch.checked_add(1) == Some(at) {
        let words = [on].into_iter().chain(value).collect();
        return vec![(switch, words)];
    }
    if behind == Some(switch) {
        let words = value.into_iter().chain([on]).collect();
        return vec![(at, words)];
    }
    vec![(at, value.clone()), (switch, vec![on]), (at, value)]
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
    let whole = whole(raw).and_then(|raw| i32::try_from(raw).ok());
    whole.ok_or_else(|| format!("{value} does not fit {name}"))
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
        let needed = |write| needs(&write).map(|Needs { model, first, count }| (model, first, count));
        assert_eq!(needed(FieldWrite::SunSpec704 { watts: 0.0, revert_s: 0 }), Some((704, 20, 34)));
        assert_eq!(needed(FieldWrite::SunSpec123 { percent: 0.0, revert_s: 0 }), Some((123, 3, 19)));
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

    #[test]
    fn raw_registers_before_and_after_the_enabling_or_with_it() {
        use site::{RegisterType, WordOrder};
        let write = |register, enable| {
            let (kind, word_order) = (RegisterType::I32, WordOrder::Big);
            let write = FieldWrite::Registers { register, kind, word_order, raw: -25_000.0, enable };
            writes(&write, &[]).unwrap()
        };
        let value = words(-25_000);
        assert_eq!(write(300, None), [(300, value.clone())]);
        let told = write(300, Some((310, 1)));
        assert_eq!(told, [(300, value.clone()), (310, vec![1]), (300, value.clone())]);
        assert!(comes_again(&told) && !comes_again(&write(300, None)));
        let [high, low] = [value[0], value[1]];
        assert_eq!(write(300, Some((299, 7))), [(299, vec![7, high, low])]);
        assert_eq!(write(300, Some((302, 7))), [(300, vec![high, low, 7])]);
        assert_eq!(write(0, Some((u16::MAX, 7))).len(), 3, "the ends of the table do not touch");
        assert_eq!(write(65_534, Some((0, 7))).len(), 3);
        let write = FieldWrite::ReleaseRegister { register: 310, word: 2 };
        assert_eq!(writes(&write, &[]).unwrap(), [(310, vec![2])]);
        assert_eq!(needs(&write), None);
    }
}
