//! The table over a change of the site: what did not change goes on, everything else was never read.

use std::time::Duration;

use telemetry::{Mono, Origin, PointId, Reasons};

use super::{Derived, Hand, Row, Source, Table};
use crate::reload::Kept;

impl Table {
    /// Takes over from the table before: samples, what was done by hand, what checks and derived points remember, and
    /// what is known of devices, wherever `kept` says that they go on. Returns what was done by hand to points that
    /// are no more.
    pub(in crate::core) fn carry(&mut self, old: Self, kept: &Kept, now: Mono) -> Vec<(PointId, Hand)> {
        let Self { rows, by_id, changed, devices, derived, made_alarms, sequence, .. } = old;
        self.devices.carry(devices, |id| kept.device(id));
        // Numbers of samples go on, too: none is given twice.
        self.sequence = sequence;
        let mut olds: Vec<Option<Row>> = rows.into_iter().map(Some).collect();
        let mut derived: Vec<Option<Derived>> = derived.into_iter().map(Some).collect();
        for at in 0..self.rows.len() {
            let Some(row) = self.rows.get_mut(at) else { continue };
            let (id, point) = (row.spec.id.clone(), row.at);
            let was = by_id.get(kept.id_before(&id)).copied();
            let found = was.and_then(|was| olds.get_mut(was.get()).and_then(Option::take));
            let mut row_was =
                found.filter(|was| (was.spec.point, was.spec.unit) == (row.spec.point, row.spec.unit));
            let hand = row_was.as_mut().and_then(|was| was.hand.take());
            match row_was.filter(|_| kept.sample(&id)) {
                Some(row_was) => {
                    let waits = changed.contains(&row_was.at);
                    let before = row_was.at;
                    let same_wire = row.spec.index.is_none_or(|index| kept.wire(row.spec.point, index));
                    row.take_over(row_was, now);
                    if let Some(stale_at) = row.stale_at {
                        self.stale_next.insert((stale_at, point));
                    }
                    if let Some(one) = self.derived.iter_mut().find(|one| one.point == point)
                        && let Some(was) =
                            derived.iter_mut().find(|was| was.as_ref().is_some_and(|was| was.point == before))
                        && let Some(was) = was.take()
                    {
                        one.carry(was);
                    }
                    if let Some(alarms) = made_alarms.get(&before) {
                        self.made_alarms.insert(point, alarms.clone());
                    }
                    if same_wire && !waits && *kept.id_before(&id) == id {
                        self.changed.remove(&point);
                    } else {
                        self.number(point);
                    }
                }
                None => self.number(point),
            }
            // It shows its source's value for as long as the order is not given anew.
            self.judge_again(point);
            if let Some(hand) = hand {
                self.hand(point, hand);
            }
        }
        let over = olds.into_iter().flatten().filter_map(|mut row| Some((row.spec.id, row.hand.take()?)));
        over.collect()
    }

    /// Gives a point's sample the next number.
    fn number(&mut self, point: super::PointIx) {
        self.sequence += 1;
        let origin = Origin { boot: self.boot, sequence: self.sequence };
        if let Some(row) = self.rows.get_mut(point.get()) {
            row.sample.origin = origin;
        }
    }
}

impl Row {
    /// Goes on as the row before, as old as that is; what judges it now may find otherwise.
    fn take_over(&mut self, was: Self, now: Mono) {
        let Self { sample, last, events, under, checked, doubts, heard, .. } = was;
        (self.sample, self.last, self.events, self.under, self.heard) = (sample, last, events, under, heard);
        if let (Some(own), Some(checked)) = (&mut self.checked, checked) {
            self.doubts = if own.carry(*checked) { doubts } else { Reasons::none() };
        }
        if let (Source::Field { rule, age_max, .. }, Some(last)) = (&self.spec.source, &self.last) {
            // Its range may be another one.
            self.under.judged = rule.judge(&last.reading).reasons;
            let stale_at = last.received.mono.plus(*age_max).plus(Duration::from_micros(1));
            self.stale = stale_at <= now;
            self.stale_at = (!self.stale).then_some(stale_at);
        }
        // Orders by hand are given anew.
        self.sample.value = self.under.value;
        self.sample.source_time = self.under.source_time;
        self.sample.received = self.under.received;
    }
}
