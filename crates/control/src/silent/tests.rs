use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules { least: 0.01, walks: Duration::from_secs(10) };

fn at(seconds: u64) -> Mono {
    Mono::from_millis(seconds * 1_000)
}

/// A second is a reading.
fn look(silent: &mut Silent, second: u64, actual: f64, force: f64) -> bool {
    let look = Look { actual: Some(actual), read: at(second), in_force: Some(force), taken: true };
    silent.look(&look, at(second))
}

fn one(part: f64) -> Silent {
    let mut silent = Silent::new(RULES, 1);
    silent.lost(0, part, true, at(100));
    silent
}

#[test]
fn a_unit_counts_for_what_it_was_told_last() {
    let mut silent = Silent::new(RULES, 3);
    assert_eq!((silent.part(1), silent.parts()), (None, 0.0));
    silent.lost(1, 2.5, true, at(1));
    silent.lost(1, 2.5, true, at(2));
    silent.lost(2, -1.0, true, at(2));
    silent.lost(3, 1.0, true, at(2));
    assert_eq!((silent.part(1), silent.part(2), silent.part(3)), (Some(2.5), Some(-1.0), None));
    assert_eq!(silent.parts(), 1.5);
    // It was given back, and nobody heard of it since.
    silent.lost(2, 0.0, true, at(3));
    assert_eq!(silent.part(2), Some(0.0));
    silent.lost(2, -1.0, true, at(3));
    assert!(silent.known(1, 2.5, at(3)) && !silent.known(1, 2.5, at(3)) && !silent.known(9, 2.5, at(3)));
    assert_eq!((silent.part(1), silent.parts()), (None, -1.0));
}

#[test]
fn the_meter_says_that_it_makes_nothing_and_that_it_does_again() {
    for part in [4.0, -4.0] {
        let mut silent = one(part);
        for second in 101..200 {
            assert!(!look(&mut silent, second, 10.0, 10.0));
            assert!(!look(&mut silent, second, 10.0 - part * 0.49, 10.0), "nearer to what is in force");
        }
        assert!(!look(&mut silent, 200, 10.0 - part, 10.0));
        assert!(!look(&mut silent, 201, 10.0 - part, 10.0));
        assert!(silent.part(0) == Some(part) && silent.doubts());
        assert!(look(&mut silent, 202, 10.0 - part * 0.51, 10.0));
        assert_eq!((silent.part(0), silent.parts(), silent.doubts()), (Some(0.0), 0.0, true));
        // The others are on their way: nothing speaks for the unit.
        for second in 203..300 {
            assert!(!look(&mut silent, second, 10.0 - part * 50.0 / second as f64, 10.0));
            assert_eq!(silent.doubts(), second < 212, "{second}: the others are on their way");
        }
        assert!(!look(&mut silent, 300, 10.0 + part, 10.0) && !look(&mut silent, 301, 10.0 + part, 10.0));
        assert!(look(&mut silent, 302, 10.0 + part, 10.0));
        assert_eq!(silent.part(0), Some(part));
    }
}

#[test]
fn three_in_a_row_that_were_read_after_it_went_silent() {
    let mut silent = one(4.0);
    let gone = |read: u64| Look { actual: Some(6.0), read: at(read), in_force: Some(10.0), taken: true };
    // Of before, and the same one again.
    for (read, now) in [(98, 101), (99, 102), (100, 103), (101, 104), (101, 105), (101, 106)] {
        assert!(!silent.look(&gone(read), at(now)), "{read}");
    }
    assert!(!look(&mut silent, 107, 6.0, 10.0), "the second");
    assert!(!look(&mut silent, 108, 10.0, 10.0));
    assert!(!look(&mut silent, 109, 6.0, 10.0) && !look(&mut silent, 110, 6.0, 10.0));
    // Not good, or nobody knows what it ought to be: begun anew.
    for broken in [Look { actual: None, ..gone(111) }, Look { in_force: None, ..gone(112) }] {
        assert!(!silent.look(&broken, at(112)));
        assert!(!look(&mut silent, 113, 6.0, 10.0) && !look(&mut silent, 114, 6.0, 10.0));
    }
    assert_eq!(silent.part(0), Some(4.0));
}

#[test]
fn one_that_comes_and_goes_and_does_what_it_was_told_keeps_no_other_from_being_judged() {
    let mut silent = Silent::new(RULES, 3);
    silent.lost(0, 4.0, true, at(100));
    let judged = (101..200).find(|second| {
        match second % 4 {
            0 => silent.lost(1, 3.0, true, at(*second)),
            2 => drop(silent.known(1, 3.0, at(*second))),
            _ => {}
        }
        look(&mut silent, *second, 6.0, 10.0)
    });
    assert_eq!((judged, silent.part(0)), (Some(103), Some(0.0)));
    // One that counted for nothing is on its way to its part.
    silent.lost(1, 3.0, true, at(200));
    assert_eq!((210..213).filter(|second| look(&mut silent, *second, 7.0, 10.0)).count(), 1);
    assert_eq!(silent.part(1), Some(0.0));
    assert!(silent.known(1, 3.0, at(230)));
    assert!((231..240).all(|second| !look(&mut silent, second, 14.0, 10.0)), "it walks");
}

#[test]
fn while_others_make_up_for_one_that_is_known_to_be_off_no_other_is_judged() {
    let judged = |does: f64| {
        let mut silent = Silent::new(RULES, 3);
        silent.lost(0, 4.0, true, at(100));
        silent.lost(1, 3.0, true, at(100));
        assert!((101..130).all(|second| !look(&mut silent, second, 10.0, 10.0)));
        assert!(silent.known(1, does, at(130)));
        (130..200).find(|second| look(&mut silent, *second, 7.0, 10.0))
    };
    // They are on their way to its part.
    assert_eq!((judged(3.0), judged(0.0)), (Some(132), Some(142)));
}

#[test]
fn what_cannot_be_seen_is_not_judged() {
    let mut silent = one(0.009);
    assert!((101..300).all(|second| !look(&mut silent, second, -50.0, 10.0)));
    let mut silent = one(0.0);
    silent.rules.least = 0.0;
    assert!((101..300).all(|second| !look(&mut silent, second, -50.0, 10.0)));
}

#[test]
fn a_plant_that_is_on_its_way_misses_nothing() {
    let mut silent = one(4.0);
    let force = |second: u64| 10.0 + 3.0 * second.min(200).saturating_sub(150) as f64;
    // It is five seconds behind, which is much more than the part.
    assert!((101..300).all(|second| !look(&mut silent, second, force(second - 5), force(second))));
    // And then, on another way, without the unit: that is seen once it is clear.
    let force = |second: u64| 160.0 - 3.0 * second.min(350).saturating_sub(300) as f64;
    let judged =
        (300..400).find(|second| look(&mut silent, *second, force(second - 5) - 4.0, force(*second)));
    assert!(judged.is_some_and(|second| (350..365).contains(&second)), "{judged:?}");
}

#[test]
fn of_several_as_many_as_are_missing() {
    for (missing, wanted) in [(4.0, [0.0, 4.0, 20.0]), (8.0, [0.0, 0.0, 20.0]), (20.0, [4.0, 4.0, 0.0])] {
        let mut silent = Silent::new(RULES, 3);
        for (unit, part) in [4.0, 4.0, 20.0].into_iter().enumerate() {
            silent.lost(unit, part, true, at(1));
        }
        assert!((2..5).any(|second| look(&mut silent, second, 30.0 - missing, 30.0)));
        assert_eq!([0, 1, 2].map(|at| silent.part(at).unwrap()), wanted, "{missing}");
        // The others make up for it, five seconds later.
        for second in 5..100 {
            let actual = if second < 10 { 30.0 - missing } else { 30.0 };
            assert!(!look(&mut silent, second, actual, 30.0), "{second}");
        }
    }
}

#[test]
fn what_the_meter_was_off_before_no_unit_misses() {
    // Losses of 3 MW that nothing makes up for, and units of 4.
    let run = |silent: &mut Silent, seconds: std::ops::Range<u64>, off: f64| {
        seconds.into_iter().filter(|second| look(silent, *second, 70.0 + off, 70.0)).collect::<Vec<_>>()
    };
    let mut silent = Silent::new(RULES, 1);
    assert!(run(&mut silent, 1..100, -3.0).is_empty());
    silent.lost(0, 4.0, true, at(99));
    assert!(run(&mut silent, 100..200, -3.0).is_empty());
    assert_eq!(run(&mut silent, 200..300, -7.0), [202], "then it stops");
    // It was missed 20 s after it had stopped.
    let mut silent = Silent::new(RULES, 1);
    assert!(run(&mut silent, 1..100, -3.0).is_empty() && run(&mut silent, 100..120, -7.0).is_empty());
    silent.lost(0, 4.0, true, at(119));
    assert_eq!(run(&mut silent, 120..200, -7.0), [122]);
    // The correction has taken the losses away since.
    let mut silent = Silent::new(RULES, 1);
    assert!(run(&mut silent, 1..100, -3.0).is_empty());
    silent.lost(0, 4.0, true, at(99));
    assert!(run(&mut silent, 100..200, 0.0).is_empty());
    assert_eq!(run(&mut silent, 200..300, -3.0), [202]);
    // Nothing is known of before.
    let mut silent = Silent::new(RULES, 1);
    assert!(run(&mut silent, 1..10, -3.0).is_empty());
    silent.lost(0, 4.0, true, at(9));
    assert_eq!(run(&mut silent, 10..100, -3.0), [12]);
}

/// A unit that is guessed to do `part`, and one that is known to do 2.
fn guessed(part: f64) -> Silent {
    let mut silent = Silent::new(RULES, 3);
    silent.lost(0, part, false, at(90));
    silent.lost(1, 2.0, true, at(90));
    silent.begin(&[None; 3], None, at(100));
    silent
}

#[test]
fn what_the_meter_is_off_is_what_a_guess_is_wrong_by() {
    for (part, does) in [(0.0, 4.0), (3.0, 3.0), (3.0, 0.0), (2.0, -5.0), (0.0, 0.0)] {
        let mut silent = guessed(part);
        assert_eq!((silent.guesses().collect::<Vec<_>>(), silent.doubts()), (vec![0], true));
        assert_eq!((silent.part(0), silent.part(1), silent.parts()), (Some(part), Some(2.0), part + 2.0));
        let off = does - part;
        let judged = (101..200).find(|second| look(&mut silent, *second, 10.0 + off, 10.0));
        assert_eq!(judged, (off != 0.0).then_some(112), "three readings, once they may be there");
        assert_eq!((silent.part(0), silent.part(1), silent.guesses().count()), (Some(does), Some(2.0), 0));
        assert!((200..300).all(|second| !look(&mut silent, second, 10.0, 10.0)));
        // From then on it is judged as any other.
        let gone = (300..400).find(|second| look(&mut silent, *second, 10.0 - 2.0, 10.0));
        assert_eq!((gone, silent.part(1)), (Some(302), Some(0.0)));
        // Nothing more is known of it while the same is said.
        silent.lost(0, part, false, at(400));
        assert_eq!((silent.part(0), silent.guesses().count()), (Some(does), 0));
        // Whoever has it next may move it.
        silent.rest();
        assert_eq!((silent.part(0), silent.part(1), silent.guesses().count()), (Some(does), Some(0.0), 2));
    }
}

#[test]
fn a_guess_stays_one_while_the_plant_moves_or_nobody_has_taken_anything() {
    let mut silent = guessed(0.0);
    let force = |second: u64| 10.0 + (second % 4) as f64;
    // Five seconds behind, and 6 more than it ought to.
    let judged: Vec<u64> = (101..140)
        .filter(|second| {
            let off = 6.0 - silent.part(0).unwrap();
            look(&mut silent, *second, force(*second - 5) + off, force(*second))
        })
        .collect();
    assert!(judged.first() == Some(&112) && silent.guesses().count() == 1, "{judged:?}");
    let least = silent.part(0).unwrap();
    assert!((3.0..=6.0).contains(&least), "no more than is certain: {least}");
    assert!((140..170).any(|second| look(&mut silent, second, 16.0 - least, 10.0)));
    assert_eq!((silent.part(0), silent.guesses().count()), (Some(6.0), 0));
    let mut silent = guessed(0.0);
    for second in 101..150 {
        let look = Look { actual: Some(14.0), read: at(second), in_force: Some(10.0), taken: false };
        assert!(!silent.look(&look, at(second)));
    }
    assert_eq!((150..200).find(|second| look(&mut silent, *second, 14.0, 10.0)), Some(161));
}

#[test]
fn a_plant_that_is_slower_than_it_ought_to_be_is_waited_for() {
    let mut silent = guessed(0.0);
    let mut off = 0.0;
    for second in 101..400 {
        // A third of a megawatt a second, up to 10 more than guessed.
        let goal = 10.0 - silent.part(0).unwrap();
        off += f64::clamp(goal - off, -0.33, 0.33);
        look(&mut silent, second, 10.0 + off, 10.0);
    }
    assert_eq!(silent.guesses().count(), 0);
    assert!((silent.part(0).unwrap() - 10.0).abs() < 0.01, "{:?}", silent.part(0));
}

#[test]
fn what_the_others_are_read_to_do_leaves_the_rest() {
    let mut silent = guessed(0.0);
    silent.begin(&[None; 3], Some(5.5), at(100));
    assert_eq!((silent.part(0), silent.part(1), silent.guesses().count()), (Some(3.5), Some(2.0), 0));
    let mut silent = guessed(1.0);
    silent.begin(&[Some(4.0), None, Some(9.0)], None, at(100));
    assert_eq!((silent.part(0), silent.part(1), silent.guesses().count()), (Some(4.0), Some(2.0), 0));
    silent.begin(&[Some(4.0), None, Some(9.0)], Some(6.0), at(100));
    assert_eq!(silent.parts(), 6.0);
    assert!((101..200).all(|second| !look(&mut silent, second, 10.0, 10.0)));
}

#[test]
fn of_what_two_do_together_the_rest_is_done_by_the_other() {
    let mut silent = Silent::new(RULES, 3);
    silent.lost(0, 0.0, false, at(90));
    silent.lost(1, 0.0, false, at(90));
    silent.begin(&[None; 3], Some(1.0), at(100));
    assert_eq!((silent.part(0), silent.part(1)), (Some(0.5), Some(0.5)));
    silent.says(0, 5.0);
    assert_eq!((silent.part(0), silent.part(1)), (Some(5.0), Some(-4.0)));
    // It is known now, and no matter of the other one.
    silent.says(0, 4.0);
    silent.says(2, 4.0);
    assert_eq!((silent.part(0), silent.part(1)), (Some(4.0), Some(-4.0)));
}

#[test]
fn what_was_known_is_guessed_once_somebody_else_may_have_moved_it() {
    let mut silent = one(4.0);
    silent.lost(0, 4.0, false, at(101));
    assert_eq!((silent.part(0), silent.guesses().count()), (Some(4.0), 1));
    // Given back: it was told nothing since.
    silent.lost(0, 0.0, false, at(102));
    assert_eq!((silent.part(0), silent.guesses().count()), (Some(0.0), 1));
    silent.lost(0, 1.0, true, at(103));
    assert_eq!((silent.part(0), silent.guesses().count()), (Some(1.0), 0));
}

proptest! {
    /// Units that are lost or go on, a plant that does the sum of what it was told and what they do.
    #[test]
    fn the_plant_ends_where_it_is_to_be(
        parts in prop::collection::vec((-10.0..10.0_f64, any::<bool>()), 1..5), force in -50.0..50.0_f64,
    ) {
        let mut silent = Silent::new(RULES, parts.len());
        for (unit, (part, _)) in parts.iter().enumerate() {
            silent.lost(unit, *part, true, at(1));
        }
        let done: f64 = parts.iter().filter(|(_, makes)| *makes).map(|(part, _)| part).sum();
        let most = parts.iter().map(|(part, _)| part.abs()).fold(0.0, f64::max);
        let mut last = 0;
        for second in 2..400 {
            let others = force - silent.parts();
            let before = (others + done - force).abs();
            if look(&mut silent, second, others + done, force) {
                last = second;
                let after = (done - silent.parts()).abs();
                prop_assert!(after < before, "it is nearer than before: {before} {after}");
            }
            for (unit, (part, _)) in parts.iter().enumerate() {
                let counted = silent.part(unit).unwrap();
                prop_assert!(counted == 0.0 || counted == *part);
            }
        }
        prop_assert!(last < 300, "it comes to rest");
        prop_assert!((done - silent.parts()).abs() <= most / 2.0 + 0.01, "{silent:?}");
    }

    /// Whatever is looked at: nothing panics, and nothing counts for anything but its part or nothing.
    #[test]
    fn whatever_is_looked_at(
        steps in prop::collection::vec((0..4_usize, 0..6_u8, any::<f64>(), any::<f64>()), 0..300),
    ) {
        let mut silent = Silent::new(RULES, 3);
        for (second, (unit, what, one, other)) in (1..).zip(steps) {
            match what {
                0 => silent.lost(unit, one, true, at(second)),
                1 => drop(silent.known(unit, other, at(second))),
                2 => silent.rest(),
                _ => {
                    let actual = (what < 5).then_some(one);
                    silent.look(&Look { actual, read: at(second), in_force: Some(other), taken: true }, at(second));
                }
            }
        }
    }
}
