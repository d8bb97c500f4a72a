//! From reasons to DNP3 flags: the one table.
//!
//! DNP3 has no 'suspect' bit. A point is ONLINE exactly when none of its reasons makes it bad, and each reason
//! sets at most one bit more, so that two reasons together show both.

use ieee1815::Flags;
use telemetry::{Quality, ReasonKind, Reasons};

/// The flags of a point with these reasons.
///
/// | reasons | flags |
/// |---|---|
/// | none | ONLINE |
/// | never read since start | RESTART |
/// | source dead, or older than its limit | COMM_LOST |
/// | counts saturated | ONLINE, OVER_RANGE |
/// | not a number, not implemented, implausible, an input not good | none |
/// | out of service; a check that the point says takes its quality | none |
/// | forced here | ONLINE, LOCAL_FORCED |
/// | forced downstream | ONLINE, REMOTE_FORCED |
/// | downstream device restarted | RESTART |
#[must_use]
pub fn flags(reasons: &Reasons) -> Flags {
    let online = if reasons.quality() == Quality::Bad { Flags::NONE } else { Flags::ONLINE };
    reasons.iter().fold(online, |flags, reason| flags | bit(reason.kind))
}

/// The bit that a reason sets beside taking ONLINE away.
const fn bit(kind: ReasonKind) -> Flags {
    match kind {
        ReasonKind::NeverRead | ReasonKind::RemoteRestart => Flags::RESTART,
        ReasonKind::SourceDead | ReasonKind::Stale | ReasonKind::LinkDown => Flags::COMM_LOST,
        ReasonKind::Saturated => Flags::OVER_RANGE,
        ReasonKind::Forced => Flags::LOCAL_FORCED,
        ReasonKind::RemoteForced => Flags::REMOTE_FORCED,
        ReasonKind::NotImplemented
        | ReasonKind::NotANumber
        | ReasonKind::Implausible
        | ReasonKind::Input
        | ReasonKind::Offline
        | ReasonKind::HeartbeatStuck
        | ReasonKind::Doubtful
        | ReasonKind::Inhibited
        | ReasonKind::RateOfChange
        | ReasonKind::FlatLine
        | ReasonKind::Disagrees => Flags::NONE,
    }
}

/// The names of the bits that are set, for records and screens.
pub(crate) fn names(flags: Flags) -> Vec<&'static str> {
    [
        (Flags::ONLINE, "ONLINE"),
        (Flags::RESTART, "RESTART"),
        (Flags::COMM_LOST, "COMM_LOST"),
        (Flags::REMOTE_FORCED, "REMOTE_FORCED"),
        (Flags::LOCAL_FORCED, "LOCAL_FORCED"),
        (Flags::OVER_RANGE, "OVER_RANGE"),
    ]
    .into_iter()
    .filter(|(bit, _)| flags.contains(*bit))
    .map(|(_, name)| name)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::Reason;

    fn of(kinds: &[ReasonKind]) -> Vec<&'static str> {
        names(flags(&kinds.iter().map(|kind| Reason::new(*kind, "cause")).collect()))
    }

    #[test]
    fn the_table_row_by_row() {
        assert_eq!(of(&[]), ["ONLINE"]);
        assert_eq!(of(&[ReasonKind::NeverRead]), ["RESTART"]);
        assert_eq!(of(&[ReasonKind::SourceDead]), ["COMM_LOST"]);
        assert_eq!(of(&[ReasonKind::Stale]), ["COMM_LOST"]);
        assert_eq!(of(&[ReasonKind::Saturated]), ["ONLINE", "OVER_RANGE"]);
        assert!(of(&[ReasonKind::NotANumber]).is_empty());
        assert!(of(&[ReasonKind::NotImplemented]).is_empty());
        assert!(of(&[ReasonKind::Implausible]).is_empty());
        assert!(of(&[ReasonKind::Input]).is_empty());
        assert_eq!(of(&[ReasonKind::Forced]), ["ONLINE", "LOCAL_FORCED"]);
        assert_eq!(of(&[ReasonKind::RemoteForced]), ["ONLINE", "REMOTE_FORCED"]);
        assert_eq!(of(&[ReasonKind::RemoteRestart]), ["RESTART"]);
    }

    #[test]
    fn several_reasons_show_every_bit_and_the_worst_decides_on_line() {
        assert_eq!(of(&[ReasonKind::Saturated, ReasonKind::Stale]), ["COMM_LOST", "OVER_RANGE"]);
        assert_eq!(of(&[ReasonKind::NeverRead, ReasonKind::SourceDead]), ["RESTART", "COMM_LOST"]);
        assert_eq!(of(&[ReasonKind::RemoteForced, ReasonKind::Implausible]), ["REMOTE_FORCED"]);
    }
}
