//! Qualities, their reasons and DNP3's flags, explained. These are the product's own semantics, how this device and
//! this ISO's side behave; no rule of an ISO is told here.

use telemetry::{Quality, ReasonKind};

use super::{About, Explanation};

/// Whose semantics these are.
const OURS: &str = "OpenRTD's own semantics: how this program behaves, not a rule of an ISO";

/// What is to be said of a reason.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// When it arises.
    pub when: &'static str,
    /// The flags that the device sends because of it.
    pub flags: &'static [&'static str],
    /// What the ISO's side sees.
    pub seen: &'static str,
    /// What to do.
    pub act: &'static str,
}

/// What is to be said of a reason.
#[must_use]
pub const fn told(kind: ReasonKind) -> Told {
    match kind {
        ReasonKind::NeverRead => Told {
            when: "Nothing was read for the point since the start, or it has no source; at the ISO: nothing was reported yet.",
            flags: &["RESTART"],
            seen: "RESTART without ONLINE: the number beside it means nothing.",
            act: "Wait for the first poll. Where it stays: does the point have a `source`, does its device answer?",
        },
        ReasonKind::SourceDead => Told {
            when: "The device behind the point does not answer its polls.",
            flags: &["COMM_LOST"],
            seen: "COMM_LOST without ONLINE; the number is the last one that was read.",
            act: "See to the device that the reason names: its power, its cable, its address, its unit id.",
        },
        ReasonKind::Stale => Told {
            when: "The last value is older than the point's `age_max_ms`.",
            flags: &["COMM_LOST"],
            seen: "COMM_LOST without ONLINE; the number is the last one that was read.",
            act: "See why polls are late or fail; `age_max_ms` has to cover poll interval and time-out together.",
        },
        ReasonKind::NotImplemented => Told {
            when: "The source itself says that it has no value here, by SunSpec's mark for it.",
            flags: &[],
            seen: "No ONLINE and no other flag.",
            act: "Map the point to something that the device does measure.",
        },
        ReasonKind::NotANumber => Told {
            when: "The source gave a floating-point value that is not a number.",
            flags: &[],
            seen: "No ONLINE and no other flag.",
            act: "See register, type and word order of the mapping; then the device.",
        },
        ReasonKind::Implausible => Told {
            when: "The value lies outside the point's `range`.",
            flags: &[],
            seen: "No ONLINE and no other flag.",
            act: "See instrument, unit, scale and sign of the mapping; then whether `range` is right.",
        },
        ReasonKind::Saturated => Told {
            when: "The value does not fit the counts of the wire, which then stand at their end: they never wrap.",
            flags: &["ONLINE", "OVER_RANGE"],
            seen: "ONLINE with OVER_RANGE: the true value is at least so far out.",
            act: "Where the value is true, full scale is too small: `max_units` and the ISO's data base change together.",
        },
        ReasonKind::Forced => Told {
            when: "Somebody forced the value in this device (`openrtd force`), with a name, a reason and an end; or an \
                   input of the point is forced.",
            flags: &["ONLINE", "LOCAL_FORCED"],
            seen: "ONLINE with LOCAL_FORCED: somebody's number, not the plant's.",
            act: "Release it when the work is done.",
        },
        ReasonKind::RemoteForced => Told {
            when: "Somebody forced the value in a device further down: what the ISO's side makes of LOCAL_FORCED and \
                   REMOTE_FORCED.",
            flags: &["ONLINE", "REMOTE_FORCED"],
            seen: "ONLINE with REMOTE_FORCED: somebody's number, not the plant's.",
            act: "Release it in the device that the reason names.",
        },
        ReasonKind::RemoteRestart => Told {
            when: "A device further down says that it has restarted and has no value yet: what the ISO's side makes of RESTART.",
            flags: &["RESTART"],
            seen: "RESTART without ONLINE: the number beside it means nothing.",
            act: "Wait; where it stays, see to the device that the reason names.",
        },
        ReasonKind::Input => Told {
            when: "The point is computed, and one of its inputs is not good.",
            flags: &[],
            seen: "No ONLINE, and the flags of the input's own reason.",
            act: "See to the input that the reason names.",
        },
        ReasonKind::Offline => Told {
            when: "A set point's feedback that no device confirmed yet, or that one refused; at the ISO: flags without ONLINE \
                   that do not say why.",
            flags: &[],
            seen: "No ONLINE and no other flag.",
            act: "Ask the device that reports the point: its log has the reason.",
        },
        ReasonKind::LinkDown => Told {
            when: "The session with the device that reports the point is down.",
            flags: &["COMM_LOST"],
            seen: "The last value, marked as dead by the ISO's side itself; nothing came over the wire.",
            act: "See to the network, the certificates and the device, in this order.",
        },
        ReasonKind::HeartbeatStuck => Told {
            when: "The device's heartbeat has not changed over several scans.",
            flags: &["ONLINE"],
            seen: "The value with its own flags, doubted by the ISO's side: the device answers but does not work.",
            act: "See to the device: its cycle of reading, judging and serving does not complete.",
        },
        ReasonKind::Doubtful => Told {
            when: "The source itself doubts its value: a chattering contact, a bad analog reference.",
            flags: &["ONLINE"],
            seen: "ONLINE from this device, which sends no flag for it; the ISO's side makes this reason of the flags \
                   CHATTER_FILTER and REFERENCE_ERR of others.",
            act: "See to the contact or the converter.",
        },
        ReasonKind::Inhibited => Told {
            when: "Somebody took the point out of service (`openrtd inhibit`), with a name, a reason and an end.",
            flags: &[],
            seen: "No ONLINE and no other flag; the number is the last one before.",
            act: "Release it when the work is done.",
        },
        ReasonKind::RateOfChange => Told {
            when: "The value changed faster than the point's `rate_max`, and its `bad_on` names `rate`.",
            flags: &[],
            seen: "No ONLINE and no other flag.",
            act: "See the instrument and its cabling; then whether `rate_max` is right.",
        },
        ReasonKind::FlatLine => Told {
            when: "The value did not move for as long as the point's `flat` says, and its `bad_on` names `flat`.",
            flags: &[],
            seen: "No ONLINE and no other flag.",
            act: "See whether the instrument is frozen; where it may stand still, give `flat` a gate.",
        },
        ReasonKind::Disagrees => Told {
            when: "The value differs from the point's `cross`, and its `bad_on` names `cross`.",
            flags: &[],
            seen: "No ONLINE and no other flag.",
            act: "Find out which of the two is wrong.",
        },
    }
}

/// What a flag means: its name, and its meaning where this device sends it.
const FLAGS: [(&str, &str); 8] = [
    (
        "ONLINE",
        "The value is of the point's real source and may be used. Without it the value is not to be used.",
    ),
    ("RESTART", "Nothing was read since the device, or one further down, started."),
    ("COMM_LOST", "The source does not answer, or its last value is too old. The last value is kept."),
    ("REMOTE_FORCED", "The value was forced in a device further down."),
    ("LOCAL_FORCED", "The value was forced in the device that reports it."),
    ("OVER_RANGE", "The value does not fit the counts of the wire and stands at their end. Analogs only."),
    (
        "REFERENCE_ERR",
        "The converter's reference is bad. Analogs only; this device does not set it, the ISO's side reads it.",
    ),
    (
        "CHATTER_FILTER",
        "The contact chatters and is filtered. Binaries only; this device does not set it, the ISO's side reads it.",
    ),
];

/// The names of the flags.
pub(super) fn flag_names() -> impl Iterator<Item = &'static str> {
    FLAGS.iter().map(|(name, _)| *name)
}

fn list(words: &[&str]) -> String {
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// Where a reason arises.
const fn arises(kind: ReasonKind) -> &'static str {
    match kind {
        ReasonKind::Stale
        | ReasonKind::NotImplemented
        | ReasonKind::Input
        | ReasonKind::Forced
        | ReasonKind::Inhibited
        | ReasonKind::RateOfChange
        | ReasonKind::FlatLine
        | ReasonKind::Disagrees => DEVICE,
        ReasonKind::NeverRead
        | ReasonKind::SourceDead
        | ReasonKind::NotANumber
        | ReasonKind::Implausible
        | ReasonKind::Saturated
        | ReasonKind::Offline => BOTH,
        ReasonKind::RemoteForced
        | ReasonKind::RemoteRestart
        | ReasonKind::LinkDown
        | ReasonKind::HeartbeatStuck
        | ReasonKind::Doubtful => ISO,
    }
}

const DEVICE: &str = "in the device";
const BOTH: &str = "in the device and on the ISO's side";
const ISO: &str = "on the ISO's side";

/// Reasons of this device for which it sends a flag.
fn sends(flag: &str) -> Vec<String> {
    ReasonKind::ALL
        .into_iter()
        .filter(|kind| arises(*kind) != ISO && told(*kind).flags.contains(&flag))
        .map(|kind| format!("{} ({})", kind.text(), kind.words()))
        .collect()
}

/// A reason explained.
pub(super) fn reason(kind: ReasonKind) -> Explanation {
    let told = told(kind);
    let flags = match arises(kind) {
        ISO => "none: it says something of flags or of a session, and is sent to nobody".to_owned(),
        _ => format!("{} (DNP3, as this device sends them)", list(told.flags)),
    };
    Explanation::new(About::Reason, kind.text(), kind.words())
        .fact("when", told.when)
        .fact("arises", arises(kind))
        .fact("quality", format!("{} at best", kind.quality()))
        .fact("flags", flags)
        .fact("the ISO", told.seen)
        .fact("do", told.act)
        .fact("source", OURS)
}

/// A quality explained.
pub(super) fn quality(quality: Quality) -> Explanation {
    let (title, seen) = match quality {
        Quality::Good => ("fresh, plausible and from its real source", "ONLINE, nothing else."),
        Quality::Questionable => {
            ("usable with care: forced, saturated or doubted", "ONLINE with the flag of the reason.")
        }
        Quality::Bad => (
            "not to be used: never read, dead, stale or implausible",
            "No ONLINE. DNP3 has no flag for 'suspect'; the reason stands in this device's own records.",
        ),
    };
    let reasons: Vec<_> = ReasonKind::ALL
        .into_iter()
        .filter(|kind| kind.quality() == quality)
        .map(|kind| format!("{} ({})", kind.text(), kind.words()))
        .collect();
    let reasons =
        if reasons.is_empty() { "none: that is what good means".to_owned() } else { reasons.join(", ") };
    Explanation::new(About::Quality, &quality.to_string(), title)
        .fact("reasons", reasons)
        .fact("the ISO", seen)
        .fact("computed", "The worst reason of a point decides.")
        .fact("source", OURS)
}

/// A flag explained.
pub(super) fn flag(name: &str) -> Option<Explanation> {
    let (name, meaning) = FLAGS.iter().find(|(known, _)| *known == name)?;
    let reasons = sends(name);
    let sent = match (reasons.is_empty(), *name) {
        (true, _) => "by nothing in this device".to_owned(),
        (false, "ONLINE") => format!("with every point that is good, and with: {}", reasons.join(", ")),
        (false, _) => reasons.join(", "),
    };
    let explanation = Explanation::new(About::Flag, name, meaning)
        .fact("sent", sent)
        .fact(
            "travels",
            "only in variations with flags: a point that is not good never leaves in one without.",
        )
        .fact("source", format!("the meaning of the bit is DNP3's (IEEE 1815); when it is set is {OURS}"));
    Some(explanation)
}
