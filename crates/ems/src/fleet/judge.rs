//! From what was reported to how far it can be believed: DNP3 flags to reasons, in one table, and counts that the
//! agreement with the device rules out.
//!
//! It reads the flags as IEEE 1815 means them, whoever sent them.

use std::sync::Arc;

use ieee1815::{Flags, PointType};
use telemetry::{Quality, Reason, ReasonKind, Reasons, Scale};

use crate::record::is_binary;

/// The reasons that a device's own flags give. Without flags (a variation that has none) the device says that the
/// point is simply on line.
///
/// | flags | reason |
/// |---|---|
/// | ONLINE alone | none |
/// | RESTART | remote restart: not read since the device started |
/// | COMM_LOST | source dead |
/// | REMOTE_FORCED, LOCAL_FORCED | remote forced: both are downstream from here |
/// | OVER_RANGE (analog) | saturated |
/// | CHATTER_FILTER (binary), REFERENCE_ERR (analog) | doubtful |
/// | no ONLINE, and nothing above that says why | off line |
pub(super) fn of_flags(point_type: PointType, flags: Option<Flags>, device: &Arc<str>) -> Reasons {
    let Some(flags) = flags else { return Reasons::none() };
    let mut reasons: Reasons = [
        (Flags::RESTART, ReasonKind::RemoteRestart),
        (Flags::COMM_LOST, ReasonKind::SourceDead),
        (Flags::REMOTE_FORCED, ReasonKind::RemoteForced),
        (Flags::LOCAL_FORCED, ReasonKind::RemoteForced),
    ]
    .into_iter()
    .chain(special(point_type).iter().copied())
    .filter(|(bit, _)| flags.contains(*bit))
    .map(|(_, kind)| Reason::new(kind, Arc::clone(device)))
    .collect();
    if !flags.contains(Flags::ONLINE) && reasons.quality() != Quality::Bad {
        reasons.insert(Reason::new(ReasonKind::Offline, Arc::clone(device)));
    }
    reasons
}

/// Counts that a device may be beyond full scale by its own rounding.
const ROUNDING_COUNTS: f64 = 1.0;

/// The reason that the counts on the wire give. A device with the same data base saturates at full scale, so what
/// is beyond comes from another data base, or from another device: whatever it stands for, it is not what is
/// written here.
pub(super) fn of_counts(scale: Scale, wire: f64, device: &str) -> Option<Reason> {
    match scale {
        Scale::Counts { max_counts, .. } if wire.is_finite() && wire.abs() > max_counts + ROUNDING_COUNTS => {
            let cause = format!("{device}, beyond max_counts {max_counts}");
            Some(Reason::new(ReasonKind::Implausible, cause))
        }
        _ => None,
    }
}

/// Bits that mean something else for states than for analogs.
const fn special(point_type: PointType) -> &'static [(Flags, ReasonKind)] {
    if is_binary(point_type) {
        &[(Flags::CHATTER_FILTER, ReasonKind::Doubtful)]
    } else {
        &[(Flags::OVER_RANGE, ReasonKind::Saturated), (Flags::REFERENCE_ERR, ReasonKind::Doubtful)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(point_type: PointType, flags: Flags) -> (Vec<ReasonKind>, Quality) {
        let reasons = of_flags(point_type, Some(flags), &"rtd".into());
        (reasons.iter().map(|reason| reason.kind).collect(), reasons.quality())
    }

    #[test]
    fn the_table_row_by_row() {
        let analog = |flags| of(PointType::AnalogInput, flags);
        assert_eq!(analog(Flags::ONLINE), (vec![], Quality::Good));
        assert_eq!(analog(Flags::RESTART), (vec![ReasonKind::RemoteRestart], Quality::Bad));
        assert_eq!(analog(Flags::COMM_LOST), (vec![ReasonKind::SourceDead], Quality::Bad));
        assert_eq!(analog(Flags::NONE), (vec![ReasonKind::Offline], Quality::Bad));
        for forced in [Flags::LOCAL_FORCED, Flags::REMOTE_FORCED] {
            let judged = analog(Flags::ONLINE | forced);
            assert_eq!(judged, (vec![ReasonKind::RemoteForced], Quality::Questionable));
        }
        let over = analog(Flags::ONLINE | Flags::OVER_RANGE);
        assert_eq!(over, (vec![ReasonKind::Saturated], Quality::Questionable));
        let reference = analog(Flags::ONLINE | Flags::REFERENCE_ERR);
        assert_eq!(reference, (vec![ReasonKind::Doubtful], Quality::Questionable));
        assert_eq!(of_flags(PointType::AnalogInput, None, &"rtd".into()), Reasons::none());
    }

    #[test]
    fn a_state_s_own_bits_are_not_an_analog_s() {
        let binary = |flags| of(PointType::BinaryInput, flags);
        assert_eq!(binary(Flags::ONLINE | Flags::STATE), (vec![], Quality::Good));
        let chatter = binary(Flags::ONLINE | Flags::CHATTER_FILTER);
        assert_eq!(chatter, (vec![ReasonKind::Doubtful], Quality::Questionable));
    }

    #[test]
    fn saturated_and_off_line_says_both() {
        let judged = of(PointType::AnalogInput, Flags::OVER_RANGE);
        assert_eq!(judged, (vec![ReasonKind::Saturated, ReasonKind::Offline], Quality::Bad));
    }

    #[test]
    fn counts_beyond_full_scale_are_no_value() {
        let scale = Scale::Counts { max_units: 15.0, max_counts: 30_000.0 };
        for fine in [0.0, 30_000.0, -30_000.0, 30_000.5, -30_001.0, f64::NAN, f64::INFINITY] {
            assert_eq!(of_counts(scale, fine, "rtd"), None, "{fine}");
        }
        for beyond in [30_002.0, -30_002.0, 2_147_483_647.0, 1e30] {
            let reason = of_counts(scale, beyond, "rtd").unwrap();
            assert_eq!(reason.kind.quality(), Quality::Bad);
            assert_eq!(reason.to_string(), "outside its physical range: rtd, beyond max_counts 30000");
        }
        assert_eq!(of_counts(Scale::Engineering, 1e30, "rtd"), None);
    }
}
