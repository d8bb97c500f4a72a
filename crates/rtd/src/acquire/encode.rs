//! A number to raw registers. What does not fit its type is refused: it would be another number in the device.

use site::{RegisterType, WordOrder};

/// The registers that stand for a raw value, in the device's order.
///
/// # Errors
/// In words, where it does not fit.
pub(crate) fn registers(kind: RegisterType, order: WordOrder, raw: f64) -> Result<Vec<u16>, String> {
    let (low, high) = kind.range();
    if !(low..=high).contains(&raw) {
        return Err(format!("the raw value {raw} does not fit {}: {low} to {high}", kind.text()));
    }
    let octets = match kind {
        RegisterType::F32 => single(raw).to_be_bytes().to_vec(),
        RegisterType::F64 => raw.to_be_bytes().to_vec(),
        _ => {
            let whole = whole(raw).ok_or_else(|| format!("the raw value {raw} is no whole number"))?;
            let octets = whole.to_be_bytes();
            // Two's complement: the lower octets of the wider number.
            octets.into_iter().skip(octets.len() - usize::from(kind.registers()) * 2).collect()
        }
    };
    let mut words: Vec<u16> = octets
        .chunks_exact(2)
        .filter_map(|pair| Some(u16::from_be_bytes([*pair.first()?, *pair.get(1)?])))
        .collect();
    if order == WordOrder::Little {
        words.reverse();
    }
    Ok(words)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "within its range; what is finer is lost, as the type says"
)]
const fn single(raw: f64) -> f32 {
    raw as f32
}

/// A whole number as one; the language has no conversion that refuses instead of guessing.
pub(crate) fn whole(value: f64) -> Option<i64> {
    format!("{value:.0}").parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use site::{Form, Place, RegisterTable};

    use super::*;
    use crate::acquire::decode::reading;
    use crate::core::Reading;

    /// What a reader of the same registers sees.
    fn back(kind: RegisterType, word_order: WordOrder, words: &[u16]) -> Reading {
        let place = Place::Register { table: RegisterTable::Holding, register: 0, kind, word_order };
        reading(&place, Form::Number { scale: 1.0 }, words, None)
    }

    #[test]
    fn words_by_hand() {
        use RegisterType::{F32, I16, I32, U16, U32};
        use WordOrder::{Big, Little};
        for (kind, order, raw, words) in [
            (U16, Big, 65_535.0, &[0xFFFF][..]),
            (I16, Little, -1.0, &[0xFFFF]),
            (U32, Big, 65_536.0, &[1, 0]),
            (U32, Little, 65_536.0, &[0, 1]),
            (I32, Big, -25_000.0, &[0xFFFF, 0x9E58]),
            (I32, Little, -25_000.0, &[0x9E58, 0xFFFF]),
            (F32, Big, -2.5, &[0xC020, 0]),
            (F32, Little, -2.5, &[0, 0xC020]),
        ] {
            assert_eq!(registers(kind, order, raw).as_deref(), Ok(words), "{kind:?} {order:?} {raw}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_never_wrapped() {
        for kind in RegisterType::ALL {
            let (low, high) = kind.range();
            assert!(registers(kind, WordOrder::Big, low).is_ok(), "{kind:?}");
            assert!(registers(kind, WordOrder::Big, high).is_ok(), "{kind:?}");
            for beyond in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                assert!(registers(kind, WordOrder::Big, beyond).is_err(), "{kind:?} {beyond}");
            }
            if kind.bits() > 0 && kind.registers() < 4 {
                assert!(registers(kind, WordOrder::Big, low - 1.0).is_err(), "{kind:?}");
                let told = registers(kind, WordOrder::Big, high + 1.0).unwrap_err();
                assert!(told.contains("does not fit") && told.contains(kind.text()), "{told}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(kind in 0_usize..8, little: bool, part in 0.0_f64..=1.0) {
            let kind = RegisterType::ALL[kind];
            let order = if little { WordOrder::Little } else { WordOrder::Big };
            let (low, high) = kind.range();
            let mut raw = (low * (1.0 - part) + high * part).clamp(low, high);
            if kind.bits() > 0 {
                raw = raw.round();
            } else if kind == RegisterType::F32 {
                raw = f64::from(single(raw));
            }
            let words = registers(kind, order, raw).unwrap();
            prop_assert_eq!(words.len(), usize::from(kind.registers()));
            prop_assert_eq!(back(kind, order, &words), Reading::Number(raw));
        }
    }
}
