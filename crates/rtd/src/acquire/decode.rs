//! Registers to a reading. Whatever a device puts into its registers, this gives a reading and no surprise.

use site::{Form, Place, RegisterType, SunSpecScale, SunSpecType, WordOrder};

use crate::core::Reading;

/// Scale factors beyond this are taken for a device's mistake: SunSpec allows -10 to 10.
const SCALE_FACTOR_MAX: i16 = 10;
/// SunSpec's 'not implemented' of a scale factor.
const SCALE_FACTOR_NONE: u16 = 0x8000;

/// A raw value: as a number and as the bits it is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Raw {
    number: f64,
    bits: u64,
}

/// Decodes one reading. `words` are exactly its registers, `factor` is its scale factor's register, where its place
/// has one.
pub(crate) fn reading(place: &Place, form: Form, words: &[u16], factor: Option<u16>) -> Reading {
    match place {
        Place::SunSpec(point) => {
            let raw = match sunspec(point.kind, words) {
                Ok(Some(raw)) => raw,
                Ok(None) => return Reading::NotImplemented,
                Err(words) => return Reading::Invalid(words),
            };
            if !matches!(form, Form::Number { .. }) {
                return formed(raw, form);
            }
            match scale_factor(point.scale, factor) {
                Ok(Some(power)) => number(shift(raw.number, power)),
                Ok(None) => Reading::NotImplemented,
                Err(found) => Reading::Invalid(format!(
                    "scale factor {found} of {}.{} is not within -{SCALE_FACTOR_MAX} to {SCALE_FACTOR_MAX}",
                    point.model, point.name
                )),
            }
        }
        Place::Register { kind, word_order, .. } => match register(*kind, *word_order, words) {
            Some(raw) => formed(raw, form),
            None => Reading::Invalid("too few registers".to_owned()),
        },
        Place::Dnp3 { .. } | Place::Column(_) | Place::Metric(_) | Place::Node(_) => {
            Reading::Invalid("is not in a register".to_owned())
        }
    }
}

fn formed(raw: Raw, form: Form) -> Reading {
    match form {
        Form::Number { scale } => number(scaled(raw.number, scale)),
        Form::Bits { low, count, scale } => {
            let shifted = raw.bits.checked_shr(u32::from(low)).unwrap_or(0);
            let mask = u64::MAX.checked_shr(64_u32.saturating_sub(u32::from(count))).unwrap_or(0);
            number(scaled((shifted & mask) as f64, scale))
        }
        Form::State => Reading::Invalid("a register is no state".to_owned()),
        Form::Bit(bit) => {
            Reading::State(raw.bits.checked_shr(u32::from(bit)).is_some_and(|bits| bits & 1 == 1))
        }
        Form::Equals(value) => Reading::State(raw.bits == u64::from(value)),
    }
}

/// A reading of a number.
pub(crate) fn number(value: f64) -> Reading {
    if value.is_finite() { Reading::Number(value) } else { Reading::NotANumber }
}

/// A SunSpec value; `None` where the device says that it has none.
///
/// An accumulator of 0 is 'not implemented' by the letter, but also what an honest counter shows that never
/// counted, an import meter at a plant that never imported among them. It is taken as 0.
fn sunspec(kind: SunSpecType, words: &[u16]) -> Result<Option<Raw>, String> {
    let raw = match (kind, words) {
        (SunSpecType::Int16, &[word]) => (word != 0x8000).then(|| one_signed(word)),
        (SunSpecType::Uint16 | SunSpecType::Enum16, &[word]) => (word != u16::MAX).then(|| one(word)),
        (SunSpecType::Int32, &[high, low]) => {
            let raw = two(high, low);
            (raw != 0x8000_0000).then(|| two_signed(raw))
        }
        (SunSpecType::Uint32 | SunSpecType::Acc32 | SunSpecType::Bitfield32, &[high, low]) => {
            let raw = two(high, low);
            (raw != u32::MAX).then(|| Raw { number: f64::from(raw), bits: u64::from(raw) })
        }
        (SunSpecType::Uint64, &[a, b, c, d]) => {
            let (high, low) = (two(a, b), two(c, d));
            let bits = u64::from(high) << 32 | u64::from(low);
            (bits != u64::MAX)
                .then(|| Raw { number: f64::from(high) * 4_294_967_296.0 + f64::from(low), bits })
        }
        _ => return Err(format!("{} registers instead of {}", words.len(), kind.registers())),
    };
    Ok(raw)
}

fn register(kind: RegisterType, order: WordOrder, words: &[u16]) -> Option<Raw> {
    let pair = || match (order, words) {
        (WordOrder::Big, &[first, second]) => Some(two(first, second)),
        (WordOrder::Little, &[first, second]) => Some(two(second, first)),
        _ => None,
    };
    let single = || match words {
        &[word] => Some(word),
        _ => None,
    };
    match kind {
        RegisterType::U16 => single().map(one),
        RegisterType::I16 => single().map(one_signed),
        RegisterType::U32 => pair().map(|raw| Raw { number: f64::from(raw), bits: u64::from(raw) }),
        RegisterType::I32 => pair().map(two_signed),
        RegisterType::U64 => four(order, words).map(|bits| Raw { number: bits as f64, bits }),
        RegisterType::I64 => four(order, words).map(|bits| Raw { number: bits.cast_signed() as f64, bits }),
        RegisterType::F64 => four(order, words).map(|bits| Raw { number: f64::from_bits(bits), bits }),
        RegisterType::F32 => {
            pair().map(|raw| Raw { number: f64::from(f32::from_bits(raw)), bits: u64::from(raw) })
        }
    }
}

/// Four registers.
fn four(order: WordOrder, words: &[u16]) -> Option<u64> {
    let &[a, b, c, d] = words else { return None };
    let (high, low) = match order {
        WordOrder::Big => (two(a, b), two(c, d)),
        WordOrder::Little => (two(d, c), two(b, a)),
    };
    Some(u64::from(high) << 32 | u64::from(low))
}

fn one(word: u16) -> Raw {
    Raw { number: f64::from(word), bits: u64::from(word) }
}

fn one_signed(word: u16) -> Raw {
    Raw { number: f64::from(word.cast_signed()), bits: u64::from(word) }
}

fn two(high: u16, low: u16) -> u32 {
    u32::from(high) << 16 | u32::from(low)
}

fn two_signed(raw: u32) -> Raw {
    Raw { number: f64::from(raw.cast_signed()), bits: u64::from(raw) }
}

/// The power of ten: `None` where the device says it has none, `Err` where it makes no sense.
pub(crate) fn scale_factor(scale: SunSpecScale, register: Option<u16>) -> Result<Option<i16>, i16> {
    match (scale, register) {
        (SunSpecScale::One, _) => Ok(Some(0)),
        (SunSpecScale::Fixed(power), _) => Ok(Some(power)),
        (SunSpecScale::At(_), None | Some(SCALE_FACTOR_NONE)) => Ok(None),
        (SunSpecScale::At(_), Some(register)) => {
            let power = register.cast_signed();
            if (-SCALE_FACTOR_MAX..=SCALE_FACTOR_MAX).contains(&power) { Ok(Some(power)) } else { Err(power) }
        }
    }
}

/// `value` times ten to the `power`, rounded once: 6001 at -2 is 60.01.
pub(crate) fn shift(value: f64, power: i16) -> f64 {
    let ten = 10_f64.powi(i32::from(power.unsigned_abs()));
    if power < 0 { value / ten } else { value * ten }
}

/// `value` times `scale`; by dividing where the scale is one over a whole number, so that it is rounded once.
pub(crate) fn scaled(value: f64, scale: f64) -> f64 {
    let inverse = (1.0 / scale).round();
    if inverse.abs() > 1.0 && (inverse * scale - 1.0).abs() < 1e-12 { value / inverse } else { value * scale }
}

#[cfg(test)]
mod tests {
    use super::*;
    use site::RegisterTable;

    const NUMBER: Form = Form::Number { scale: 1.0 };

    fn sun(name: &str, words: &[u16], factor: u16) -> Reading {
        reading(&Place::SunSpec(site::sunspec::find(name).unwrap()), NUMBER, words, Some(factor))
    }

    fn reg(kind: RegisterType, word_order: WordOrder, form: Form, words: &[u16]) -> Reading {
        let place = Place::Register { table: RegisterTable::Holding, register: 0, kind, word_order };
        reading(&place, form, words, None)
    }

    #[test]
    fn scaled_by_the_factor_beside_it() {
        assert_eq!(sun("203.W", &[4567], 3), Reading::Number(4_567_000.0));
        assert_eq!(sun("203.W", &[0xFFFE], 0), Reading::Number(-2.0));
        assert_eq!(sun("103.Hz", &[6001], (-2_i16).cast_unsigned()), Reading::Number(60.01));
        assert_eq!(sun("701.Hz", &[0, 60_010], (-3_i16).cast_unsigned()), Reading::Number(60.01));
        assert_eq!(sun("303.TmpBOM", &[253], 9), Reading::Number(25.3), "fixed by the model");
        assert_eq!(sun("302.GHI", &[801], 9), Reading::Number(801.0), "has none");
        assert_eq!(sun("701.TotWhInj", &[0, 1, 0, 5], 0), Reading::Number(4_294_967_301.0));
        assert_eq!(sun("203.TotWhImp", &[0, 0], 2), Reading::Number(0.0));
    }

    #[test]
    fn not_implemented_never_becomes_a_number() {
        for (name, words) in [
            ("203.W", &[0x8000][..]),
            ("103.A", &[0xFFFF]),
            ("701.Hz", &[0xFFFF, 0xFFFF]),
            ("203.TotWhExp", &[0xFFFF, 0xFFFF]),
            ("701.TotWhInj", &[0xFFFF; 4]),
            ("103.St", &[0xFFFF]),
        ] {
            assert_eq!(sun(name, words, 0), Reading::NotImplemented, "{name}");
        }
        assert_eq!(sun("203.W", &[5], 0x8000), Reading::NotImplemented, "its scale factor");
    }

    #[test]
    fn a_scale_factor_out_of_bounds_is_refused() {
        assert_eq!(sun("203.W", &[1], 10), Reading::Number(1e10));
        for factor in [11, (-11_i16).cast_unsigned(), 0x7FFF] {
            assert!(matches!(sun("203.W", &[1], factor), Reading::Invalid(words) if words.contains("203.W")));
        }
    }

    #[test]
    fn wrong_lengths_are_no_panic() {
        for words in [&[][..], &[1, 2, 3]] {
            assert!(matches!(sun("203.W", words, 0), Reading::Invalid(_)));
            assert!(matches!(reg(RegisterType::U32, WordOrder::Big, NUMBER, words), Reading::Invalid(_)));
        }
    }

    #[test]
    fn raw_registers() {
        let hundredths = Form::Number { scale: 0.01 };
        let big = WordOrder::Big;
        assert_eq!(reg(RegisterType::U16, big, hundredths, &[5_999]), Reading::Number(59.99));
        assert_eq!(
            reg(RegisterType::I16, big, Form::Number { scale: 2.5 }, &[0xFFFE]),
            Reading::Number(-5.0)
        );
        assert_eq!(reg(RegisterType::U32, big, NUMBER, &[1, 2]), Reading::Number(65_538.0));
        assert_eq!(reg(RegisterType::U32, WordOrder::Little, NUMBER, &[2, 1]), Reading::Number(65_538.0));
        assert_eq!(reg(RegisterType::I32, big, NUMBER, &[0xFFFF, 0xFFFF]), Reading::Number(-1.0));
        assert_eq!(reg(RegisterType::F32, big, NUMBER, &[0x3FC0, 0]), Reading::Number(1.5));
        assert_eq!(reg(RegisterType::F32, big, NUMBER, &[0x7FC0, 0]), Reading::NotANumber);
        assert_eq!(reg(RegisterType::F32, big, NUMBER, &[0x7F80, 0]), Reading::NotANumber, "infinite");
        assert_eq!(reg(RegisterType::U16, big, Form::Bit(3), &[8]), Reading::State(true));
        assert_eq!(reg(RegisterType::U16, big, Form::Bit(2), &[8]), Reading::State(false));
        assert_eq!(reg(RegisterType::U16, big, Form::Bit(99), &[8]), Reading::State(false));
        assert_eq!(reg(RegisterType::U32, big, Form::Equals(65_536), &[1, 0]), Reading::State(true));
    }

    #[test]
    fn four_registers_and_some_bits() {
        let (big, little) = (WordOrder::Big, WordOrder::Little);
        assert_eq!(reg(RegisterType::U64, big, NUMBER, &[0, 1, 0, 5]), Reading::Number(4_294_967_301.0));
        assert_eq!(reg(RegisterType::U64, little, NUMBER, &[5, 0, 1, 0]), Reading::Number(4_294_967_301.0));
        assert_eq!(reg(RegisterType::I64, big, NUMBER, &[0xFFFF; 4]), Reading::Number(-1.0));
        assert_eq!(reg(RegisterType::F64, big, NUMBER, &[0x3FF8, 0, 0, 0]), Reading::Number(1.5));
        assert_eq!(reg(RegisterType::F64, little, NUMBER, &[0, 0, 0, 0x3FF8]), Reading::Number(1.5));
        assert_eq!(reg(RegisterType::F64, big, NUMBER, &[0x7FF8, 0, 0, 0]), Reading::NotANumber);
        assert!(matches!(reg(RegisterType::I64, big, NUMBER, &[1, 2]), Reading::Invalid(_)));
        let bits = |low, count, scale| Form::Bits { low, count, scale };
        assert_eq!(reg(RegisterType::U16, big, bits(4, 4, 1.0), &[0x0AB0]), Reading::Number(11.0));
        assert_eq!(reg(RegisterType::U16, big, bits(8, 8, 0.5), &[0xFF00]), Reading::Number(127.5));
        assert_eq!(reg(RegisterType::U32, big, bits(0, 32, 1.0), &[0, 7]), Reading::Number(7.0));
        assert_eq!(reg(RegisterType::U64, big, bits(0, 64, 1.0), &[0, 0, 0, 9]), Reading::Number(9.0));
        assert_eq!(reg(RegisterType::U16, big, bits(99, 1, 1.0), &[1]), Reading::Number(0.0));
    }
}
