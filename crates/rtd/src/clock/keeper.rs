//! Trust in the wall clock: what the servers say of it, and whether somebody set it.

use std::time::Duration;

use serde_json::{Value as Json, json};
use telemetry::{Mono, Now, WallTrust};

use super::Asked;

/// So many rounds in a row without an answer make the clock one that nobody vouches for.
const UNANSWERED_MAX: u32 = 3;
/// A clock that moved by more than this against the monotonic one was set. Time services trim what is less.
const STEP: Duration = Duration::from_secs(1);
/// How long a step stays an alarm where no server says that the clock is right again.
const STEP_TOLD_FOR: Duration = Duration::from_secs(3_600);

/// An alarm of the clock that begins or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alarm {
    /// `clock` or `clock-step`.
    pub(crate) kind: &'static str,
    pub(crate) raised: bool,
    pub(crate) text: String,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// `None`: no servers to ask.
    offset_max: Option<Duration>,
    trust: WallTrust,
    /// What the last round said that was answered.
    last: Option<(Mono, Asked)>,
    unanswered: u32,
    rounds: u64,
    /// The wall clock less the monotonic one, in milliseconds, when both were looked at last.
    apart: Option<i64>,
    steps: u64,
    /// When the alarm of the last step ends at the latest; `None` while there is none.
    step_until: Option<Mono>,
    /// Why the alarm `clock` is on; empty while it is not.
    why: String,
}

impl Keeper {
    /// `offset_max`: how far the clock may be from the servers' time; `None` where there are none.
    pub(crate) fn new(offset_max: Option<Duration>) -> Self {
        Self {
            offset_max,
            trust: WallTrust::Unknown,
            last: None,
            unanswered: 0,
            rounds: 0,
            apart: None,
            steps: 0,
            step_until: None,
            why: String::new(),
        }
    }

    pub(crate) const fn trust(&self) -> WallTrust {
        self.trust
    }

    /// The present with the trust that it has. Where the wall clock was set since this was asked last the trust is
    /// gone, and an alarm tells it.
    pub(crate) fn present(&mut self, now: Now, alarms: &mut Vec<Alarm>) -> Now {
        let wall = i64::try_from(now.wall.as_millis()).unwrap_or(i64::MAX);
        let mono = i64::try_from(now.mono.as_micros() / 1_000).unwrap_or(i64::MAX);
        let apart = wall.saturating_sub(mono);
        let moved = self.apart.replace(apart).map_or(0, |before| apart.saturating_sub(before));
        if u128::from(moved.unsigned_abs()) > STEP.as_millis() {
            self.steps = self.steps.saturating_add(1);
            self.step_until = Some(now.mono.plus(STEP_TOLD_FOR));
            // Until the servers have been asked again nobody knows whether it is right now.
            if self.trust == WallTrust::Synchronised {
                self.trust = WallTrust::Unknown;
            }
            let way = if moved < 0 { "back" } else { "ahead" };
            let size = moved.unsigned_abs();
            let text = format!("the wall clock was set {way} by {}.{:03} s", size / 1_000, size % 1_000);
            alarms.push(Alarm { kind: "clock-step", raised: true, text });
        } else if self.step_until.is_some_and(|until| now.mono >= until) {
            self.end_of_step("no step since", alarms);
        }
        Now { wall_trust: self.trust, ..now }
    }

    fn end_of_step(&mut self, why: &str, alarms: &mut Vec<Alarm>) {
        if self.step_until.take().is_some() {
            alarms.push(Alarm { kind: "clock-step", raised: false, text: why.to_owned() });
        }
    }

    /// When [`present`](Self::present) is to be asked, whatever else happens.
    pub(crate) const fn due(&self) -> Option<Mono> {
        self.step_until
    }

    /// The servers were asked.
    pub(crate) fn asked(&mut self, asked: Asked, now: Mono, alarms: &mut Vec<Alarm>) {
        let Some(offset_max) = self.offset_max else { return };
        self.rounds = self.rounds.saturating_add(1);
        let Some(offset_ms) = asked.offset_ms else {
            self.unanswered = self.unanswered.saturating_add(1);
            if self.unanswered >= UNANSWERED_MAX {
                self.trust = WallTrust::Unsynchronised;
                let why = asked.why.join("; ");
                self.alarm(format!("no time server has answered {} times: {why}", self.unanswered), alarms);
            }
            return;
        };
        self.unanswered = 0;
        let max_ms = offset_max.as_secs_f64() * 1_000.0;
        let apart = apart(&asked.offsets_ms, offset_ms, max_ms);
        self.last = Some((now, asked));
        if let Some(apart) = apart {
            self.trust = WallTrust::Unsynchronised;
            self.alarm(format!("{apart}, allowed: {max_ms:.0} ms"), alarms);
            return;
        }
        if offset_ms.abs() <= max_ms {
            self.trust = WallTrust::Synchronised;
            self.end_of_step("the clock is right, as the time servers say", alarms);
            if !std::mem::take(&mut self.why).is_empty() {
                let text = format!("{:+.0} ms from the time servers", -offset_ms);
                alarms.push(Alarm { kind: "clock", raised: false, text });
            }
        } else {
            self.trust = WallTrust::Unsynchronised;
            let text = format!("{:+.0} ms from the time servers, allowed: {max_ms:.0}", -offset_ms);
            self.alarm(text, alarms);
        }
    }

    fn alarm(&mut self, text: String, alarms: &mut Vec<Alarm>) {
        if self.why.is_empty() {
            alarms.push(Alarm { kind: "clock", raised: true, text: text.clone() });
        }
        self.why = text;
    }

    /// How far the clock is ahead of the servers' time, in seconds, as the last answered round said; and its age.
    pub(crate) fn offset(&self, now: Mono) -> Option<(f64, Duration)> {
        let (at, asked) = self.last.as_ref()?;
        Some((-asked.offset_ms? / 1_000.0, now.since(*at)))
    }

    /// Rounds without an answer since the last one with.
    pub(crate) const fn unanswered(&self) -> u32 {
        self.unanswered
    }

    /// How often the clock was set since the start.
    pub(crate) const fn steps(&self) -> u64 {
        self.steps
    }

    /// Whether there are servers to ask.
    pub(crate) const fn is_watched(&self) -> bool {
        self.offset_max.is_some()
    }

    /// As the status tells it.
    pub(crate) fn status(&self, now: Mono) -> Json {
        let offset = self.offset(now);
        let last = self.last.as_ref().map(|(_, asked)| asked);
        json!({
            "trust": self.trust,
            "offset_ms": offset.map(|(offset, _)| (offset * 1e6).round() / 1e3),
            "offset_ms_max": self.offset_max.map(|max| u64::try_from(max.as_millis()).unwrap_or(u64::MAX)),
            "delay_ms": last.and_then(|asked| asked.delay_ms).map(|delay| (delay * 1e3).round() / 1e3),
            "asked_s_ago": offset.map(|(_, age)| age.as_secs()),
            "servers": last.map(|asked| asked.servers),
            "servers_answered": last.map(|asked| asked.answered),
            "rounds": self.rounds,
            "rounds_unanswered": self.unanswered,
            "steps": self.steps,
        })
    }
}

/// Says so where the servers disagree: not more than half of those that answered are within the limit of the one that
/// counts. Of two that are apart nobody can say which is right.
fn apart(offsets_ms: &[f64], counts_ms: f64, max_ms: f64) -> Option<String> {
    let agree = offsets_ms.iter().filter(|offset_ms| (**offset_ms - counts_ms).abs() <= max_ms).count();
    if offsets_ms.is_empty() || agree.saturating_mul(2) > offsets_ms.len() {
        return None;
    }
    let least = offsets_ms.iter().copied().fold(f64::INFINITY, f64::min);
    let most = offsets_ms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(format!("{} time servers disagree by up to {:.0} ms", offsets_ms.len(), most - least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use telemetry::Wall;

    fn said(offset_ms: Option<f64>) -> Asked {
        let why = if offset_ms.is_none() { vec!["192.0.2.1:123: no answer".to_owned()] } else { Vec::new() };
        let answered = usize::from(offset_ms.is_some());
        let offsets_ms = offset_ms.into_iter().collect();
        Asked { offset_ms, delay_ms: Some(1.0), offsets_ms, servers: 1, answered, why }
    }

    fn keeper() -> Keeper {
        Keeper::new(Some(Duration::from_millis(100)))
    }

    fn at(mono_s: u64, wall_s: u64) -> Now {
        let wall = Wall::from_millis(1_800_000_000_000 + wall_s * 1_000);
        Now { mono: Mono::from_millis(mono_s * 1_000), wall, wall_trust: WallTrust::Unknown }
    }

    #[test]
    fn trust_follows_the_offset_and_each_change_is_told_once() {
        let (mut keeper, mut alarms) = (keeper(), Vec::new());
        assert_eq!(keeper.trust(), WallTrust::Unknown, "nobody was asked yet");
        for (offset, trust, told) in [
            (100.0, WallTrust::Synchronised, None),
            (-100.1, WallTrust::Unsynchronised, Some((true, "+100 ms from the time servers, allowed: 100"))),
            (2_000.0, WallTrust::Unsynchronised, None),
            (20.0, WallTrust::Synchronised, Some((false, "-20 ms from the time servers"))),
        ] {
            keeper.asked(said(Some(offset)), Mono::ZERO, &mut alarms);
            assert_eq!(keeper.trust(), trust, "{offset}");
            let found = alarms.pop().map(|alarm| (alarm.kind, alarm.raised, alarm.text));
            assert_eq!(found, told.map(|(raised, text)| ("clock", raised, text.to_owned())), "{offset}");
        }
    }

    #[test]
    fn servers_that_disagree_vouch_for_nothing_whichever_is_the_nearer() {
        let hour = 3_600_000.0;
        let of = |offsets_ms: &[f64], counts: f64| {
            let (mut keeper, mut alarms) = (keeper(), Vec::new());
            let (offset_ms, servers, why) = (Some(counts), 3, Vec::new());
            let (offsets_ms, answered) = (offsets_ms.to_vec(), offsets_ms.len());
            let asked = Asked { offset_ms, delay_ms: Some(1.0), offsets_ms, servers, answered, why };
            keeper.asked(asked, Mono::ZERO, &mut alarms);
            (keeper.trust(), alarms.pop().map(|alarm| alarm.text).unwrap_or_default())
        };
        let told = "2 time servers disagree by up to 3600000 ms, allowed: 100 ms".to_owned();
        for counts in [0.0, hour] {
            assert_eq!(of(&[0.0, hour], counts), (WallTrust::Unsynchronised, told.clone()));
        }
        assert_eq!(of(&[-50.0, 40.0], 40.0), (WallTrust::Synchronised, String::new()));
        assert_eq!(of(&[0.0, 1.0, hour], 1.0).0, WallTrust::Synchronised, "one of three is wrong");
        assert_eq!(of(&[-hour, 0.0, hour], 0.0).0, WallTrust::Unsynchronised, "each says something else");
        assert_eq!(of(&[0.0, 1.0, hour, hour], 1.0).0, WallTrust::Unsynchronised, "two against two");
    }

    #[test]
    fn three_rounds_without_an_answer_take_the_trust_away() {
        let (mut keeper, mut alarms) = (keeper(), Vec::new());
        keeper.asked(said(Some(0.0)), Mono::ZERO, &mut alarms);
        for round in 1..=4 {
            keeper.asked(said(None), Mono::ZERO, &mut alarms);
            let trust = if round < 3 { WallTrust::Synchronised } else { WallTrust::Unsynchronised };
            assert_eq!((keeper.trust(), alarms.len()), (trust, usize::from(round >= 3)), "{round}");
        }
        assert_eq!(alarms[0].text, "no time server has answered 3 times: 192.0.2.1:123: no answer");
        keeper.asked(said(Some(0.0)), Mono::ZERO, &mut alarms);
        assert_eq!((keeper.trust(), alarms[1].raised), (WallTrust::Synchronised, false));
    }

    #[test]
    fn a_step_either_way_is_told_with_its_size_and_takes_the_trust_away() {
        let (mut keeper, mut alarms) = (keeper(), Vec::new());
        keeper.present(at(0, 0), &mut alarms);
        keeper.asked(said(Some(0.0)), Mono::ZERO, &mut alarms);
        assert_eq!(keeper.present(at(60, 61), &mut alarms).wall_trust, WallTrust::Synchronised, "trimmed");
        assert!(alarms.is_empty());
        assert_eq!(keeper.present(at(120, 3_721), &mut alarms).wall_trust, WallTrust::Unknown);
        assert_eq!(alarms[0].text, "the wall clock was set ahead by 3600.000 s");
        keeper.present(at(180, 181), &mut alarms);
        assert_eq!(alarms[1].text, "the wall clock was set back by 3600.000 s");
        assert!(alarms.iter().all(|alarm| alarm.kind == "clock-step" && alarm.raised));
        keeper.asked(said(Some(0.0)), Mono::from_millis(200_000), &mut alarms);
        assert!(!alarms[2].raised && alarms.len() == 3);
        assert_eq!((keeper.trust(), keeper.due(), keeper.steps()), (WallTrust::Synchronised, None, 2));
    }

    #[test]
    fn without_servers_a_step_is_an_alarm_for_an_hour() {
        let (mut keeper, mut alarms) = (Keeper::new(None), Vec::new());
        keeper.present(at(0, 0), &mut alarms);
        assert_eq!(keeper.present(at(1, 10), &mut alarms).wall_trust, WallTrust::Unknown);
        assert_eq!(keeper.due(), Some(Mono::from_millis(3_601_000)));
        keeper.present(at(3_600, 3_609), &mut alarms);
        assert_eq!(alarms.len(), 1);
        keeper.present(at(3_601, 3_610), &mut alarms);
        assert_eq!((alarms.len(), alarms[1].raised, keeper.due()), (2, false, None));
    }
}
