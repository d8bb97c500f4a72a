//! Doubts about a value that is fresh and in its range: it jumped, it stands still, another says something else.
//!
//! Each is an alarm for the plant engineer. The quality, and with it what the ISO may use, is touched only where the
//! site says so: a cloud edge is fast, a night is flat, and no rule here knows the plant better than its engineer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use site::{CheckKind, Holds};
use telemetry::{Mono, PointId, Reason, ReasonKind, Reasons, Unit, Value};

use super::points::{PointIx, Row};

/// A change is looked at over so long at least.
const RATE_OVER: Duration = Duration::from_secs(1);

/// A gate of a flat-line check, with its point found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    pub(super) point: PointIx,
    pub(super) holds: Holds,
}

/// What is checked, with its points found.
#[derive(Clone, Debug)]
pub(super) struct CheckSpec {
    pub(super) checks: site::Checks,
    pub(super) gates: Vec<Gate>,
    /// The other point of a cross-check.
    pub(super) with: Option<PointIx>,
    pub(super) unit: Unit,
}

/// What is remembered of a point's values.
#[derive(Debug)]
pub(super) struct Checked {
    spec: CheckSpec,
    /// The last good value, and when it was read.
    last: Option<(f64, Mono)>,
    /// A value, and since when all that came stayed near it.
    still: Option<(f64, Mono)>,
    raised: BTreeMap<CheckKind, String>,
}

impl Checked {
    pub(super) fn new(spec: CheckSpec) -> Self {
        Self { spec, last: None, still: None, raised: BTreeMap::new() }
    }

    /// Goes on as another did that looks for the same; whether it does.
    pub(super) fn carry(&mut self, old: Self) -> bool {
        let same = self.spec.checks == old.spec.checks && self.spec.unit == old.spec.unit;
        if same {
            (self.last, self.still, self.raised) = (old.last, old.still, old.raised);
        }
        same
    }

    /// Takes a value that was read at `read`; `good` says whether it can be relied on so far. Returns the reasons
    /// that it takes quality by, which alarms are raised now is in [`Self::raised`].
    pub(super) fn take(&mut self, value: f64, good: bool, read: Mono, rows: &[Row]) -> Reasons {
        if good {
            let found = [
                (CheckKind::Rate, self.rate(value, read)),
                (CheckKind::Flat, self.flat(value, read, rows)),
                (CheckKind::Cross, self.cross(value, rows)),
            ];
            self.raised = found.into_iter().filter_map(|(kind, text)| Some((kind, text?))).collect();
            // Within a second the change counts as that of a second: what is made of several devices moves with
            // each of them, a moment apart.
            if self.last.is_none_or(|(_, then)| read.since(then) >= RATE_OVER) {
                self.last = Some((value, read));
            }
        } else {
            // What is not good for another reason says nothing here, and begins anew afterwards.
            self.forget();
        }
        self.reasons()
    }

    /// Begins anew: what was last read is too old to compare with.
    pub(super) fn forget(&mut self) {
        (self.last, self.still) = (None, None);
        self.raised.clear();
    }

    /// The checks that find something now.
    pub(super) fn raised(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.raised.iter().map(|(kind, text)| (kind.text(), text.as_str()))
    }

    fn reasons(&self) -> Reasons {
        let bad = self.raised.iter().filter(|(kind, _)| self.spec.checks.bad_on.contains(kind));
        bad.map(|(kind, text)| {
            let kind = match kind {
                CheckKind::Rate => ReasonKind::RateOfChange,
                CheckKind::Flat => ReasonKind::FlatLine,
                CheckKind::Cross => ReasonKind::Disagrees,
            };
            Reason::new(kind, Arc::from(text.as_str()))
        })
        .collect()
    }

    fn rate(&self, value: f64, read: Mono) -> Option<String> {
        let (most, (last, then)) = (self.spec.checks.rate_max?, self.last?);
        let seconds = read.since(then).max(RATE_OVER).as_secs_f64();
        let change = (value - last).abs();
        let unit = self.spec.unit;
        (change > most * seconds && change > 0.0)
            .then(|| format!("{last} to {value} {unit} in {seconds:.3} s, at most {most} {unit}/s"))
    }

    fn flat(&mut self, value: f64, read: Mono, rows: &[Row]) -> Option<String> {
        let flat = self.spec.checks.flat.as_ref()?;
        let open = self.spec.gates.iter().all(|gate| is_open(gate, rows));
        let since = match self.still {
            Some((anchor, since)) if open && (value - anchor).abs() <= flat.band => since,
            _ => {
                self.still = Some((value, read));
                read
            }
        };
        let still = read.since(since);
        (still >= flat.after).then(|| {
            format!(
                "within {} {} of {value} for more than {} s",
                flat.band,
                self.spec.unit,
                flat.after.as_secs()
            )
        })
    }

    fn cross(&self, value: f64, rows: &[Row]) -> Option<String> {
        let cross = self.spec.checks.cross.as_ref()?;
        let other = rows.get(self.spec.with?.get()).filter(|row| row.sample.reasons.is_empty())?;
        let unit = self.spec.unit;
        let theirs = cross.with.unit.convert(other.sample.value?.as_f64(), unit)?;
        let with: &PointId = &cross.with.point;
        ((value - theirs).abs() > cross.differ_max)
            .then(|| format!("{value} {unit}, and {with} {theirs}: more than {} apart", cross.differ_max))
    }
}

fn is_open(gate: &Gate, rows: &[Row]) -> bool {
    let Some(row) = rows.get(gate.point.get()).filter(|row| row.sample.reasons.is_empty()) else {
        return false;
    };
    match (row.sample.value, gate.holds) {
        (Some(Value::Analog(value)), Holds::Above(limit)) => value > limit,
        (Some(Value::Analog(value)), Holds::Below(limit)) => value < limit,
        (Some(Value::Binary(state)), Holds::Is(wanted)) => state == wanted,
        _ => false,
    }
}
