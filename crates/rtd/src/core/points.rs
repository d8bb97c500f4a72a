//! A point: what is fixed about it, its sample, and what was done to it.
//!
//! What its source says is kept apart from what it shows: somebody may have forced it, or taken it out of service,
//! and when that ends the source's own value stands there again at once, as old as it is.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ieee1815::{Flags, PointType};
use site::{DeviceIx, ReadingIx};
use telemetry::{
    Mono, Now, Origin, PointId, Reason, ReasonKind, Reasons, Sample, Scale, Unit, Value, Wall, WallTrust,
};

use super::checks::Checked;
use super::field::Reading;
use super::flags::flags;
use super::judge::Rule;
use super::operate::Hand;
use super::reported::Heard;

/// Events remembered for each point, for whoever asks for its story.
const EVENTS_KEPT_MAX: usize = 8;

/// A point's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PointIx(pub(super) usize);

impl PointIx {
    /// The position.
    pub(crate) const fn get(self) -> usize {
        self.0
    }
}

/// What is fixed about a point.
#[derive(Clone, Debug)]
pub(crate) struct PointSpec {
    pub(crate) id: PointId,
    pub(crate) name: Arc<str>,
    pub(crate) point: PointType,
    /// DNP3 index; `None` where the point is not served.
    pub(crate) index: Option<u16>,
    /// `None` for states.
    pub(crate) unit: Option<Unit>,
    /// `None` for states.
    pub(crate) scale: Option<Scale>,
    /// Full scale in words, the cause of a saturation.
    pub(crate) full_scale: Arc<str>,
    pub(crate) source: Source,
}

/// Where a point's values come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// From a device.
    Field {
        device: DeviceIx,
        reading: ReadingIx,
        rule: Rule,
        /// Older than this is stale.
        age_max: Duration,
    },
    /// Made in this program.
    Made,
    /// From nowhere: the site says what the point is, and not yet where it comes from. It stays as never read.
    Unmapped,
}

/// A reading as it came, kept for the point's story.
#[derive(Clone, Debug)]
pub(crate) struct LastReading {
    pub(crate) reading: Reading,
    pub(crate) sent: Now,
    pub(crate) received: Now,
}

/// An event that was put into the masters' buffers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PastEvent {
    pub(crate) time: Wall,
    pub(crate) wire: f64,
    pub(crate) flags: Flags,
}

/// What a point's source says, whatever the point shows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Under {
    pub(super) value: Option<Value>,
    pub(super) source_time: Option<(Wall, WallTrust)>,
    pub(super) received: Mono,
    /// What the last reading itself gave reason for.
    pub(super) judged: Reasons,
}

/// One point.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) at: PointIx,
    pub(crate) spec: PointSpec,
    pub(crate) sample: Sample,
    pub(crate) last: Option<LastReading>,
    pub(crate) events: VecDeque<PastEvent>,
    pub(super) under: Under,
    /// What was done to it by hand, while that holds.
    pub(super) hand: Option<Hand>,
    /// `None` where nothing is checked.
    pub(super) checked: Option<Box<Checked>>,
    /// What the checks found against it.
    pub(super) doubts: Reasons,
    /// What its outstation told, where it comes from one.
    pub(super) heard: Heard,
    pub(super) stale: bool,
    /// When it becomes stale; `None` while it is, or where it cannot.
    pub(super) stale_at: Option<Mono>,
}

impl Row {
    pub(super) fn new(at: PointIx, spec: PointSpec, origin: Origin) -> Self {
        let cause = match &spec.source {
            Source::Field { rule, .. } => Arc::clone(&rule.device),
            Source::Made => Arc::from(""),
            Source::Unmapped => Arc::from("the site gives it no source"),
        };
        let never = Reasons::of(Reason::new(ReasonKind::NeverRead, cause));
        let sample =
            Sample { value: None, reasons: never.clone(), source_time: None, received: Mono::ZERO, origin };
        Self {
            at,
            spec,
            sample,
            last: None,
            events: VecDeque::new(),
            under: Under { judged: never, ..Under::default() },
            hand: None,
            checked: None,
            doubts: Reasons::none(),
            heard: Heard::default(),
            stale: false,
            stale_at: None,
        }
    }

    /// The value as it goes onto the wire; zero while there is none.
    pub(crate) fn wire(&self) -> f64 {
        let value = self.sample.value.map_or(0.0, Value::as_f64);
        self.spec.scale.map_or(value, |scale| scale.to_wire(value).0)
    }

    /// The DNP3 flags.
    pub(crate) fn flags(&self) -> Flags {
        flags(&self.sample.reasons)
    }

    /// Whether a state is known to be so: true and Good, or false and Good.
    pub(crate) fn good_state(&self) -> Option<bool> {
        self.sample.reasons.is_empty().then(|| self.sample.value.and_then(Value::as_bool)).flatten()
    }

    /// Remembers an event.
    pub(crate) fn remember(&mut self, event: PastEvent) {
        if self.events.len() == EVENTS_KEPT_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// Everything that speaks against what it shows.
    pub(super) fn reasons(&self, dead: bool) -> Reasons {
        let mut reasons = match &self.hand {
            // Somebody answers for the value: what its source says does not matter meanwhile.
            Some(hand @ Hand { value: Some(_), .. }) => {
                Reasons::of(Reason::new(ReasonKind::Forced, hand.cause()))
            }
            hand => {
                let mut reasons = self.source_reasons(dead);
                if let Some(hand) = hand {
                    reasons.insert(Reason::new(ReasonKind::Inhibited, hand.cause()));
                }
                reasons
            }
        };
        if let (Some(scale), Some(value)) = (self.spec.scale, self.sample.value)
            && scale.to_wire(value.as_f64()).1
        {
            reasons.insert(Reason::new(ReasonKind::Saturated, Arc::clone(&self.spec.full_scale)));
        }
        reasons
    }

    /// What speaks against what its source says.
    fn source_reasons(&self, dead: bool) -> Reasons {
        let mut reasons = self.under.judged.clone();
        for doubt in self.doubts.iter() {
            reasons.insert(doubt.clone());
        }
        if let Source::Field { rule, .. } = &self.spec.source {
            if self.stale {
                reasons.insert(Reason::new(ReasonKind::Stale, Arc::clone(&rule.device)));
            }
            if dead {
                reasons.insert(Reason::new(ReasonKind::SourceDead, Arc::clone(&rule.device)));
            }
        }
        reasons
    }
}
