//! What a DNP3 outstation of the plant says of its points: flags to reasons, and what came late.

use std::sync::Arc;

use ieee1815::Flags;
use site::Dnp3Type;
use telemetry::{Quality, Reason, ReasonKind, Reasons, Wall};

use super::field::Reported;

/// The reasons that the outstation's flags give.
///
/// | flags | reason |
/// |---|---|
/// | none at all, or ONLINE alone | none |
/// | RESTART | remote restart |
/// | COMM_LOST | source dead: further down |
/// | REMOTE_FORCED, LOCAL_FORCED | remote forced: both are downstream from here |
/// | OVER_RANGE (analog) | saturated |
/// | REFERENCE_ERR (analog), CHATTER_FILTER (binary) | doubtful |
/// | no ONLINE, and nothing above that says why | off line |
pub(super) fn reasons(reported: &Reported, device: &Arc<str>) -> Reasons {
    let Some(flags) = reported.flags else { return Reasons::none() };
    let special: &[(Flags, ReasonKind)] = match reported.kind {
        Dnp3Type::Analog => {
            &[(Flags::OVER_RANGE, ReasonKind::Saturated), (Flags::REFERENCE_ERR, ReasonKind::Doubtful)]
        }
        Dnp3Type::Binary => &[(Flags::CHATTER_FILTER, ReasonKind::Doubtful)],
        Dnp3Type::Counter => &[],
    };
    let common = [
        (Flags::RESTART, ReasonKind::RemoteRestart),
        (Flags::COMM_LOST, ReasonKind::SourceDead),
        (Flags::REMOTE_FORCED, ReasonKind::RemoteForced),
        (Flags::LOCAL_FORCED, ReasonKind::RemoteForced),
    ];
    let set = common.iter().chain(special).filter(|(bit, _)| flags.contains(*bit));
    let cause = |kind: ReasonKind| -> Arc<str> {
        // Not to be taken for the device itself, which did answer.
        if kind == ReasonKind::SourceDead {
            format!("{device}: COMM_LOST as reported").into()
        } else {
            Arc::clone(device)
        }
    };
    let mut reasons: Reasons = set.map(|(_, kind)| Reason::new(*kind, cause(*kind))).collect();
    if !flags.contains(Flags::ONLINE) && reasons.quality() != Quality::Bad {
        reasons.insert(Reason::new(ReasonKind::Offline, Arc::clone(device)));
    }
    reasons
}

/// What a point was last told by its outstation, so that what waited there never comes over what is newer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    /// Time of the newest event.
    event: Option<Wall>,
    /// A static came after it.
    settled: bool,
}

impl Heard {
    /// Whether a report is newer than all before it. Times are compared with times of the same outstation only: its
    /// clock and ours may differ. Events of one time are taken in their order, unless a static came between: then
    /// they are told once more.
    pub(super) fn takes(&mut self, reported: &Reported) -> bool {
        if !reported.event {
            self.settled = true;
            return true;
        }
        let Some((time, _)) = reported.time else { return true };
        let old = self.event.is_some_and(|newest| time < newest || (time == newest && self.settled));
        if !old {
            *self = Self { event: Some(time), settled: false };
        }
        !old
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Reading;
    use telemetry::WallTrust;

    fn report(kind: Dnp3Type, flags: Flags) -> Reported {
        Reported { reading: Reading::Number(1.0), kind, flags: Some(flags), time: None, event: false }
    }

    fn of(kind: Dnp3Type, flags: Flags) -> Vec<ReasonKind> {
        reasons(&report(kind, flags), &"rtu".into()).iter().map(|reason| reason.kind).collect()
    }

    #[test]
    fn the_table_row_by_row() {
        use Dnp3Type::{Analog, Binary, Counter};
        assert!(of(Analog, Flags::ONLINE).is_empty());
        assert_eq!(of(Analog, Flags::NONE), [ReasonKind::Offline]);
        assert_eq!(of(Analog, Flags::RESTART), [ReasonKind::RemoteRestart]);
        assert_eq!(of(Binary, Flags::COMM_LOST), [ReasonKind::SourceDead]);
        for forced in [Flags::REMOTE_FORCED, Flags::LOCAL_FORCED, Flags::REMOTE_FORCED | Flags::LOCAL_FORCED]
        {
            assert_eq!(of(Binary, Flags::ONLINE | forced), [ReasonKind::RemoteForced]);
            assert_eq!(
                of(Binary, forced),
                [ReasonKind::RemoteForced, ReasonKind::Offline],
                "never on line again"
            );
        }
        assert_eq!(of(Analog, Flags::ONLINE | Flags::OVER_RANGE), [ReasonKind::Saturated]);
        assert_eq!(of(Analog, Flags::ONLINE | Flags::REFERENCE_ERR), [ReasonKind::Doubtful]);
        assert_eq!(of(Binary, Flags::ONLINE | Flags::CHATTER_FILTER), [ReasonKind::Doubtful]);
        assert!(of(Counter, Flags::ONLINE | Flags::ROLLOVER | Flags::DISCONTINUITY).is_empty());
        let without = Reported { flags: None, ..report(Analog, Flags::NONE) };
        assert!(reasons(&without, &"rtu".into()).is_empty());
    }

    #[test]
    fn what_goes_in_comes_out_as_the_settled_flags() {
        use Dnp3Type::{Analog, Binary};
        let through = |kind, flags| crate::core::flags(&reasons(&report(kind, flags), &"rtu".into()));
        assert_eq!(through(Analog, Flags::RESTART), Flags::RESTART);
        assert_eq!(through(Analog, Flags::COMM_LOST), Flags::COMM_LOST);
        assert_eq!(
            through(Binary, Flags::ONLINE | Flags::LOCAL_FORCED),
            Flags::ONLINE | Flags::REMOTE_FORCED
        );
        assert_eq!(through(Binary, Flags::LOCAL_FORCED), Flags::REMOTE_FORCED);
        assert_eq!(through(Binary, Flags::NONE), Flags::NONE);
    }

    #[test]
    fn a_backlog_never_comes_over_what_is_newer() {
        let event = |millis| Reported {
            time: Some((Wall::from_millis(millis), WallTrust::Unknown)),
            event: true,
            ..report(Dnp3Type::Analog, Flags::ONLINE)
        };
        let present = report(Dnp3Type::Analog, Flags::ONLINE);
        let mut heard = Heard::default();
        assert!(heard.takes(&event(50)) && heard.takes(&event(50)) && heard.takes(&event(70)));
        assert!(!heard.takes(&event(69)));
        assert!(heard.takes(&present));
        assert!(!heard.takes(&event(70)), "told again after its confirm was lost");
        assert!(heard.takes(&event(71)) && heard.takes(&event(71)));
        let untimed = Reported { time: None, ..event(0) };
        assert!(heard.takes(&untimed), "it has no time: its order is all there is");
    }
}
