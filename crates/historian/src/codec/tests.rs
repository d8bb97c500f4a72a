use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn value() -> impl Strategy<Value = Option<Value>> {
    let special = select(vec![
        0.0,
        -0.0,
        f64::NAN,
        -f64::NAN,
        f64::from_bits(0x7ff0_0000_0000_0001),
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        f64::MAX,
        f64::MIN,
    ]);
    prop_oneof![
        1 => Just(None),
        3 => special.prop_map(|value| Some(Value::Analog(value))),
        3 => any::<u64>().prop_map(|bits| Some(Value::Analog(f64::from_bits(bits)))),
        // What a register and a scale factor give.
        9 => (-32_768_i32..32_768, 0..4_i32)
            .prop_map(|(counts, places)| Some(Value::Analog(f64::from(counts) / 10_f64.powi(places)))),
        2 => any::<bool>().prop_map(|state| Some(Value::Binary(state))),
    ]
}

fn reasons() -> impl Strategy<Value = Reasons> {
    let reason = (select(ReasonKind::ALL.to_vec()), select(vec!["", "inv1", "meter: no answer", "é"]));
    prop_oneof![
        4 => Just(Reasons::none()),
        1 => vec(reason, 0..3)
            .prop_map(|all| all.into_iter().map(|(kind, cause)| Reason::new(kind, cause)).collect()),
    ]
}

/// Entries as they come: steps of a poll, gaps of days, clocks set back, restarts.
fn entries() -> impl Strategy<Value = Vec<Entry>> {
    let step = prop_oneof![
        8 => 3_990_i64..4_010,
        2 => -3_600_000_i64..3_600_000,
        1 => 0_i64..10_000_000_000,
        1 => any::<i64>(),
    ];
    let source = prop_oneof![3 => Just(Some(0_i64)), 1 => Just(None), 1 => any::<i64>().prop_map(Some)];
    let one = (step, source, value(), reasons(), any::<bool>(), 1_u64..200);
    (any::<u64>(), any::<u64>(), vec(one, 0..120), 0..20_u8).prop_map(|(start, boot, all, restarts)| {
        let (mut time, mut origin) = (start >> 20, Origin { boot, sequence: 0 });
        all.into_iter()
            .map(|(step, source, value, reasons, restart, sequence)| {
                time = time.wrapping_add_signed(step);
                origin.sequence = origin.sequence.wrapping_add(sequence);
                if restart && restarts == 0 {
                    origin = Origin { boot: origin.boot.wrapping_add(1), sequence: 1 };
                }
                Entry {
                    origin,
                    time: Wall::from_millis(time),
                    source_time: source.map(|off| Wall::from_millis(time.wrapping_add_signed(off))),
                    value,
                    reasons,
                }
            })
            .collect()
    })
}

fn same(left: &[Entry], right: &[Entry]) -> bool {
    left.len() == right.len() && left.iter().zip(right).all(|(left, right)| left.is_same(right))
}

proptest! {
    #[test]
    fn what_is_packed_comes_back_exactly(entries in entries()) {
        let octets = pack(&entries);
        let back = unpack(&octets).unwrap();
        prop_assert!(same(&back, &entries), "{entries:?}\n{back:?}");
    }

    #[test]
    fn octets_that_were_changed_are_refused(entries in entries(), at in any::<prop::sample::Index>(), by in 1..=255_u8) {
        let mut octets = pack(&entries);
        let at = at.index(octets.len());
        octets[at] ^= by;
        prop_assert!(unpack(&octets).is_err());
        octets[at] ^= by;
        octets.truncate(at);
        prop_assert!(unpack(&octets).is_err());
    }

    /// With a checksum that fits: whoever writes such octets must not stop the device either.
    #[test]
    fn octets_of_anybody_never_panic(
        entries in entries(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(),
    ) {
        let mut octets = pack(&entries);
        octets.truncate(octets.len() - 4);
        for (at, to) in changes {
            let at = at.index(octets.len());
            octets[at] = to;
        }
        drop(unpack(&seal(octets.clone())));
        octets.truncate(end.index(octets.len()));
        drop(unpack(&seal(octets)));
    }
}

#[test]
fn nothing_is_a_block_too() {
    assert!(unpack(&pack(&[])).unwrap().is_empty());
    assert!(unpack(&[]).is_err());
}
