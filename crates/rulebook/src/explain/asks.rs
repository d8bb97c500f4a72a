//! What a rule asks, in words: each predicate with what it compares with, and how sure that is.

use std::fmt::Display;

use crate::Predicate;
use crate::predicate::{Ends, PointType};
use crate::profile::{Amount, Bounds, Profile};

/// A list of predicates; all must hold.
pub(super) fn all(predicates: &[Predicate], profile: &Profile) -> String {
    let told: Vec<_> = predicates.iter().map(|predicate| words(predicate, profile)).collect();
    told.join("; and ")
}

/// A predicate in words.
fn words(predicate: &Predicate, profile: &Profile) -> String {
    use Predicate as P;
    let what = predicate.words().trim_end_matches('.');
    let detail = match predicate {
        P::Served(yes)
        | P::Mapped(yes)
        | P::HasRole(yes)
        | P::RoleKnown(yes)
        | P::Named(yes)
        | P::InComponent(yes)
        | P::InStation(yes)
        | P::IndexKept(yes)
        | P::ScaleKept(yes)
        | P::NoneLost(yes)
        | P::RoleListed(yes)
        | P::RangeInScale(yes)
        | P::Readable(yes)
        | P::Flags(yes)
        | P::RangeGiven(yes)
        | P::AccuracyGiven(yes)
        | P::AgeCoversPoll(yes)
        | P::StatesGiven(yes)
        | P::RemoteGiven(yes)
        | P::ConnectedGiven(yes)
        | P::FeedbackServed(yes)
        | P::Driven(yes)
        | P::Reverts(yes)
        | P::Located(yes)
        | P::IndependentPower(yes)
        | P::Present(yes)
        | P::Sha2(yes)
        | P::Valid(yes)
        | P::CommonNameGiven(yes)
        | P::Authority(yes)
        | P::PrivateMode(yes)
        | P::FitsCertificate(yes)
        | P::ListenFixed(yes)
        | P::ListenRemote(yes)
        | P::ByName(yes) => return format!("{}{what}", if *yes { "" } else { "not so: " }),
        P::CapacityMw(limits)
        | P::Stations(limits)
        | P::Masters(limits)
        | P::Controllers(limits)
        | P::Anchors(limits)
        | P::Components(limits)
        | P::Index(limits)
        | P::WireIndex(limits)
        | P::FullScale(limits)
        | P::Counts(limits)
        | P::DeadbandCounts(limits)
        | P::Accuracy(limits)
        | P::AgeMs(limits)
        | P::PollMs(limits)
        | P::HoldMs(limits)
        | P::PeriodMs(limits)
        | P::Wrap(limits)
        | P::Inputs(limits)
        | P::RsaBits(limits)
        | P::EcBits(limits)
        | P::X509Version(limits)
        | P::DaysLeft(limits)
        | P::Admits(limits) => bounds(limits, profile),
        P::Range(limits) | P::Limits(limits) => ends(limits, profile),
        P::StepPercent(step) => format!("at most {} % of {}", amount(&step.at_most, profile), step.of),
        P::AccuracyPercent(share) => {
            format!("at most {} % of {}", amount(&share.at_most, profile), whole(share.of))
        }
        P::Kind(list) | P::Technology(list) => one_of(list),
        P::Services(list) => one_of(list),
        P::Area(list) | P::AreaNot(list) => one_of(list),
        P::Given(list) => one_of(list),
        P::Unit(list) => one_of(list),
        P::Wire(list) => one_of(list),
        P::StationKind(list) | P::StationExists(list) => one_of(list),
        P::TimeSource(list) => one_of(list),
        P::Role(list) | P::Follows(list) | P::InputRoles(list) | P::NamePrefix(list) | P::IssuerNot(list) => {
            one_of(list)
        }
        P::Type(list) => one_of(&list.iter().map(|kind| kind.words()).collect::<Vec<_>>()),
        P::StaticVariation(list) | P::EventVariation(list) | P::Class(list) | P::IndexOffset(list) => {
            one_of(&list.iter().map(|one| amount(one, profile)).collect::<Vec<_>>())
        }
        P::States(words) => words.iter().map(|one| one_of(one)).collect::<Vec<_>>().join(" and "),
        P::Point(wanted) => format!(
            "{}{}{}{}",
            one_of(&wanted.role),
            wanted.kind.map_or(String::new(), |kind: PointType| format!(", {}", kind.words())),
            if wanted.component { ", of the same component" } else { "" },
            if wanted.station { ", of the same station" } else { "" },
        ),
        P::CommonNameIs(figure) => figure.to_string(),
        P::MinVersion(text) => match text.strip_prefix('@') {
            Some(id) => of_entry(id, profile),
            None => text.clone(),
        },
    };
    format!("{what}: {detail}")
}

const fn whole(whole: crate::predicate::Whole) -> &'static str {
    match whole {
        crate::predicate::Whole::FullScale => "full scale",
        crate::predicate::Whole::Pmax => "pmax",
    }
}

fn one_of(list: &[impl Display]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn bounds(bounds: &Bounds, profile: &Profile) -> String {
    let told: Vec<_> = bounds
        .limits()
        .map(|(limit, number)| format!("{} {}", limit.words(), amount(number, profile)))
        .collect();
    told.join(" and ")
}

fn ends(ends: &Ends, profile: &Profile) -> String {
    let told = [("the lower end", &ends.low), ("the upper end", &ends.high)];
    let told: Vec<_> = told
        .iter()
        .filter(|(_, limits)| limits.limits().next().is_some())
        .map(|(what, limits)| format!("{what} {}", bounds(limits, profile)))
        .collect();
    let margin = ends.margin_percent.as_ref().map_or_else(String::new, |margin| {
        format!(", with a margin of {} % of the Master File's pmax", amount(margin, profile))
    });
    told.join(", ") + &margin
}

fn amount(amount: &Amount, profile: &Profile) -> String {
    match amount {
        Amount::Number(number) => number.to_string(),
        Amount::Entry(id) => of_entry(id, profile),
        Amount::Figure(figure) => format!("the Master File's {figure}"),
        Amount::Minus(figure) => format!("minus the Master File's {figure}"),
    }
}

fn of_entry(id: &str, profile: &Profile) -> String {
    match profile.entry(id) {
        Some(entry) => {
            let value = entry.value.as_ref().map_or_else(String::new, ToString::to_string);
            format!("{value} (the value of {})", super::named(entry))
        }
        None => format!("the value of {id}"),
    }
}
