use proptest::prelude::*;

use super::*;

const RULES: Rules = Rules { step_ms: 4_000, steps: 5, delay_max: 2, accuracy_below: Some(0.8) };

fn step(asked: f64, done: f64) -> Seen {
    Seen::Counts(Step { asked, done, clamped: false })
}

/// A scorer that has taken these from the beginning of the window on.
fn taken(seen: &[Seen]) -> (Scorer, Vec<Scored>) {
    let mut scorer = Scorer::new(RULES);
    let over = seen.iter().zip(1..).flat_map(|(seen, at)| scorer.take(10 * 5 + at, *seen)).collect();
    (scorer, over)
}

#[test]
fn a_window_is_over_with_its_last_step_and_begins_where_the_grid_says() {
    let (scorer, over) = taken(&[step(1.0, 1.0); 5]);
    assert_eq!(over.len(), 1);
    assert_eq!(over[0].from, Wall::from_millis(10 * 5 * 4_000));
    assert_eq!((over[0].verdict, over[0].over, over[0].score.steps), (Some(Verdict::Good), 5, 5));
    assert_eq!((scorer.open(), scorer.last()), (None, over.first()));
    assert_eq!(RULES.next(Wall::from_millis(3_999)), Wall::from_millis(4_000));
    assert_eq!(RULES.next(Wall::from_millis(4_000)), Wall::from_millis(8_000));
}

#[test]
fn less_accurate_than_the_site_wants_it_is_below() {
    let (_, over) = taken(&[step(1.0, 0.7); 5]);
    assert_eq!(over[0].verdict, Some(Verdict::Below));
    let mut scorer = Scorer::new(Rules { accuracy_below: None, ..RULES });
    let over: Vec<_> = (51..=55).flat_map(|at| scorer.take(at, step(1.0, 0.7))).collect();
    assert_eq!(over[0].verdict, Some(Verdict::Complete), "nobody says what is too low");
}

#[test]
fn what_is_left_out_is_counted_and_breaks_no_window() {
    let (_, over) = taken(&[Seen::NotIso, Seen::Away, step(2.0, 2.0), step(4.0, 4.0), step(4.0, 4.0)]);
    assert_eq!((over[0].left_out.not_iso, over[0].left_out.away), (1, 1));
    assert_eq!((over[0].verdict, over[0].score.mileage), (Some(Verdict::Good), 2.0));
    let (_, over) = taken(&[Seen::NotIso; 5]);
    assert_eq!(over[0].verdict, Some(Verdict::Nothing));
}

#[test]
fn what_is_not_known_makes_a_window_incomplete() {
    let (_, over) = taken(&[step(1.0, 1.0), Seen::Unknown, step(9.0, 9.0), step(1.0, 1.0), step(1.0, 1.0)]);
    assert_eq!((over[0].verdict, over[0].left_out.unknown), (Some(Verdict::Incomplete), 1));
    assert_eq!(over[0].score.mileage, 8.0, "nothing is added up across a hole");
    assert_eq!(over[0].score.accuracy, Some(1.0), "it is told all the same");
    let mut scorer = Scorer::new(RULES);
    let late: Vec<_> = [51, 52, 55].into_iter().flat_map(|at| scorer.take(at, step(1.0, 1.0))).collect();
    assert_eq!((late[0].verdict, late[0].left_out.missing), (Some(Verdict::Incomplete), 2));
}

#[test]
fn a_restart_is_told_from_a_step_that_is_missing() {
    let mut scorer = Scorer::new(RULES);
    scorer.take(52, step(1.0, 1.0));
    scorer.restart();
    let over = scorer.take(55, step(3.0, 3.0));
    assert_eq!((over[0].left_out.restart, over[0].left_out.missing), (3, 0));
    assert_eq!((over[0].verdict, over[0].score.mileage), (Some(Verdict::Incomplete), 0.0));
}

#[test]
fn the_first_move_of_a_window_is_from_the_last_step_before_it() {
    let mut scorer = Scorer::new(RULES);
    let over: Vec<_> =
        (51..=60).flat_map(|at| scorer.take(at, step(f64::from(u32::from(at > 55)), 0.0))).collect();
    assert_eq!(over[1].score.mileage, 1.0);
    assert_eq!(scorer.totals().mileage, 1.0);
}

#[test]
fn a_clock_set_back_repeats_steps_and_a_leap_ahead_misses_them() {
    let mut scorer = Scorer::new(RULES);
    (51..=54).for_each(|at| drop(scorer.take(at, step(1.0, 1.0))));
    assert!(scorer.take(53, step(1.0, 1.0)).is_empty());
    let over = scorer.take(55, step(1.0, 1.0));
    assert_eq!((over[0].verdict, over[0].left_out.repeated), (Some(Verdict::Incomplete), 1));
    assert!(scorer.take(55, step(1.0, 1.0)).is_empty(), "over the end of a window that is told");
    assert_eq!(scorer.totals().left_out.repeated, 2);
    scorer.take(56, step(1.0, 1.0));
    let over = scorer.take(70, step(1.0, 1.0));
    assert_eq!(over.iter().map(|one| one.left_out.missing).collect::<Vec<_>>(), [4, 4]);
}

#[test]
fn a_clock_set_back_over_several_windows_tells_none_of_them_again() {
    let mut scorer = Scorer::new(RULES);
    let mut over = |steps: RangeInclusive<u64>| -> Vec<u64> {
        let over = steps.flat_map(|at| scorer.take(at, step(1.0, 1.0)));
        over.map(|window| RULES.place(RULES.step(window.from)).0).collect()
    };
    assert_eq!(over(51..=72), [10, 11, 12, 13], "and two steps of the next");
    // Back into the second of them: what was under way ends there, and is not told again, either.
    assert_eq!(over(58..=76), [14]);
    assert_eq!(over(77..=85), [15, 16]);
    // Far ahead and back: what was passed over is still to come.
    assert!(over(4_001..=4_001).is_empty());
    assert_eq!(over(86..=95), [800, 17, 18]);
    let totals = scorer.totals();
    assert_eq!(totals.windows.iter().sum::<u64>(), 10);
    assert_eq!(totals.left_out.repeated, 18);
}

#[test]
fn a_window_that_never_went_on_is_finished_once_it_is_over() {
    let mut scorer = Scorer::new(RULES);
    scorer.take(51, step(1.0, 1.0));
    assert_eq!(scorer.finish(54), None);
    let over = scorer.finish(55).unwrap();
    assert_eq!((over.verdict, over.left_out.missing), (Some(Verdict::Incomplete), 4));
}

/// Any seen thing, most of them steps that count.
fn any_seen() -> impl Strategy<Value = Seen> {
    prop_oneof![
        6 => (-50.0..50.0, -50.0..50.0, any::<bool>())
            .prop_map(|(asked, done, clamped)| Seen::Counts(Step { asked, done, clamped })),
        1 => Just(Seen::NotIso),
        1 => Just(Seen::Away),
        1 => Just(Seen::Unknown),
    ]
}

/// Everything again, from the definitions, step by step and by hand.
fn naive(steps: &[(u64, Seen)], from: u64, delay: u64) -> (Option<f64>, Option<f64>, f64) {
    let at = |step: u64| steps.iter().find(|(one, _)| *one == step).map(|(_, seen)| *seen);
    let counted = |step: u64| match at(step) {
        Some(Seen::Counts(step)) => Some(step),
        _ => None,
    };
    let accuracy = |all: bool| {
        let (mut asked, mut off) = (0.0, 0.0);
        for step in from + 1..=from + 5 - delay {
            let (Some(then), Some(now)) = (counted(step), counted(step + delay)) else { continue };
            if all || (!then.clamped && !now.clamped) {
                asked += then.asked.abs();
                off += (now.done - then.asked).abs();
            }
        }
        if asked == 0.0 { None } else { Some(f64::max(1.0 - off / asked, 0.0)) }
    };
    let mileage = (from + 1..=from + 5)
        .filter_map(|step| Some((counted(step)?.asked - counted(step - 1)?.asked).abs()))
        .sum();
    (accuracy(false), accuracy(true), mileage)
}

fn near(one: Option<f64>, other: Option<f64>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => (one - other).abs() < 1e-9,
        (one, other) => one == other,
    }
}

proptest! {
    #[test]
    fn it_is_what_the_definitions_say(seen in prop::collection::vec(any_seen(), 15), skipped in prop::collection::vec(0..8_u8, 15)) {
        let steps: Vec<(u64, Seen)> = (51..).zip(seen).zip(skipped).filter(|(_, skip)| *skip > 0).map(|(one, _)| one).collect();
        let mut scorer = Scorer::new(RULES);
        let mut over: Vec<Scored> = steps.iter().flat_map(|(at, seen)| scorer.take(*at, *seen)).collect();
        over.extend(scorer.finish(65));
        for one in &over {
            let from = one.from.as_millis() / 4_000;
            let (accuracy, all, mileage) = naive(&steps, from, 0);
            prop_assert!(near(one.score.accuracy, accuracy) && near(one.score.accuracy_all, all), "{one:?}");
            prop_assert!((one.score.mileage - mileage).abs() < 1e-9, "{one:?} {mileage}");
            let left_out = one.left_out;
            let sum = left_out.not_iso + left_out.away + left_out.unknown + left_out.restart + left_out.missing;
            prop_assert_eq!(one.score.steps + sum, 5, "every step is accounted for");
            let known = steps.iter().filter(|(at, seen)| (from + 1..=from + 5).contains(at) && *seen != Seen::Unknown);
            prop_assert_eq!(one.verdict == Some(Verdict::Incomplete), known.count() < 5);
            if let Some(delay) = one.score.delay_steps {
                let of = |delay| naive(&steps, from, delay).0.unwrap_or(-1.0);
                let best = (0..=2).map(of).fold(-1.0, f64::max);
                prop_assert!((of(u64::try_from(delay).unwrap()) - best).abs() < 1e-8);
                prop_assert!(near(one.score.precision, Some(of(u64::try_from(delay).unwrap()))));
            }
        }
        let incomplete = over.iter().filter(|one| one.verdict == Some(Verdict::Incomplete)).count();
        prop_assert_eq!(scorer.totals().of(Verdict::Incomplete), u64::try_from(incomplete).unwrap());
        prop_assert!((scorer.totals().mileage - over.iter().map(|one| one.score.mileage).sum::<f64>()).abs() < 1e-9);
    }
}
