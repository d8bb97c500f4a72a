//! One predicate asked of one subject.

use ieee1815_tokio::PeerIdentity;

use site::{Handover, Site};
use telemetry::{Scale, Unit};

use super::figures::{missing_of, own_unit};
use super::previous::Previous;
use super::subject::{PointView, Subject};
use super::verdict::Verdict;
use super::words::{Noun, all, either, listed, percent, short};
use crate::certificates::Certificates;
use crate::predicate::{PointType, PointWanted, Predicate, StepPercent, SubjectKind, Whole};
use crate::profile::{Amount, Day, Figure, Profile};

/// Everything that predicates are judged on.
pub(crate) struct Context<'a> {
    pub(crate) site: &'a Site,
    pub(crate) profile: &'a Profile,
    pub(crate) certificates: &'a Certificates,
    pub(crate) as_of: Day,
    pub(crate) previous: Option<&'a Previous>,
}

impl Context<'_> {
    /// Asks.
    pub(crate) fn ask(&self, predicate: &Predicate, subject: &Subject<'_>) -> Verdict {
        self.ask_resource(predicate, subject)
            .or_else(|| subject.point().and_then(|point| self.ask_point(predicate, subject, &point)))
            .or_else(|| self.ask_setpoint(predicate, subject))
            .or_else(|| self.ask_device(predicate, subject))
            .or_else(|| self.ask_security(predicate, subject))
            .unwrap_or_else(|| Verdict::NotJudged(format!("cannot be asked of {}", subject.label(self.site))))
    }

    fn ask_resource(&self, predicate: &Predicate, subject: &Subject<'_>) -> Option<Verdict> {
        let site = self.site;
        let count =
            |number: usize, noun: &Noun<'_>, bounds| self.bounds(subject, "", whole(number), noun, bounds);
        Some(match predicate {
            Predicate::Kind(kinds) => Verdict::of(
                kinds.contains(&site.resource),
                "resource",
                site.resource.to_string(),
                either(kinds.iter()),
            ),
            Predicate::Technology(kinds) => match self.component_of(subject) {
                Some(component) => Verdict::of(
                    kinds.contains(&component.kind),
                    if matches!(subject, Subject::Component(..)) { "kind" } else { "component" },
                    component.kind.to_string(),
                    either(kinds.iter()),
                ),
                None => {
                    let mut held = vec![site.resource];
                    held.extend(site.components.iter().map(|component| component.kind));
                    let holds = held.iter().any(|kind| kinds.contains(kind));
                    Verdict::of(holds, "resource", either(held.iter()), either(kinds.iter()))
                }
            },
            Predicate::CapacityMw(bounds) => match self.capacity(subject) {
                Some(capacity) => self.bounds(subject, "capacity_mw", capacity, &Noun::unit("MW"), bounds),
                // Either would do.
                None => Verdict::NotJudged(format!(
                    "{}, nor {}",
                    self.missing_words(Figure::Capacity, subject),
                    Figure::Pmax.key()
                )),
            },
            Predicate::Services(services) => match &site.master_file.services {
                Some(own) => Verdict::of(
                    services.iter().any(|service| own.contains(service)),
                    "services",
                    listed(own.iter()),
                    either(services.iter()),
                ),
                None => Verdict::NotJudged("[resource] gives no services".to_owned()),
            },
            Predicate::Area(areas) => match site.master_file.area {
                Some(area) => {
                    let required = format!("area {}", either(areas.iter()));
                    Verdict::of(areas.contains(&area), "area", format!("area {area}"), required)
                }
                None => Verdict::NotJudged("[resource] gives no area".to_owned()),
            },
            Predicate::AreaNot(areas) => {
                let found = site.master_file.area.filter(|area| areas.contains(area));
                let told = found.map_or_else(String::new, |area| format!("area {area}"));
                Verdict::of(
                    found.is_none(),
                    "area",
                    told,
                    format!("an area other than {}", either(areas.iter())),
                )
            }
            Predicate::Given(figures) => {
                let missing: Vec<_> =
                    figures.iter().flat_map(|figure| self.not_given(*figure, subject)).collect();
                missing_keys(&missing)
            }
            Predicate::Point(wanted) => self.point_wanted(wanted, subject),
            Predicate::NoneLost(_) => match self.previous {
                None => Verdict::NotJudged("no previous sheet was given (--previous)".to_owned()),
                Some(previous) => previous.none_lost(site),
            },
            Predicate::Stations(bounds) => {
                count(self.stations(subject).count(), &Noun::counted("met station", "met stations"), bounds)
            }
            Predicate::StationExists(kinds) => {
                let found = self.stations(subject).any(|station| kinds.contains(&station.kind));
                let wanted = format!("a met station of kind {}", either(kinds.iter()));
                Verdict::of(found, "", format!("no {}", wanted.trim_start_matches("a ")), wanted)
            }
            Predicate::Masters(bounds) => {
                count(site.masters.len(), &Noun::counted("master", "masters"), bounds)
            }
            Predicate::Controllers(bounds) => {
                let noun = Noun::counted("master", "masters").tail("with `control = true`");
                count(site.masters.iter().filter(|master| master.control).count(), &noun, bounds)
            }
            Predicate::Anchors(bounds) => self.anchors(subject, bounds),
            Predicate::Components(bounds) => {
                count(site.components.len(), &Noun::counted("component", "components"), bounds)
            }
            _ => return None,
        })
    }

    fn ask_point(
        &self,
        predicate: &Predicate,
        subject: &Subject<'_>,
        point: &PointView<'_>,
    ) -> Option<Verdict> {
        let served = point.served;
        let code = |field: &str, what: &str, value: u8, allowed: &[Amount]| {
            let allowed: Result<Vec<_>, _> = allowed.iter().map(|one| self.amount(one, subject)).collect();
            match allowed {
                Err(why) => Verdict::NotJudged(why),
                Ok(allowed) => Verdict::of(
                    allowed.iter().any(|(one, _)| (one - f64::from(value)).abs() < 0.5),
                    field,
                    format!("{what} {value}"),
                    format!("{what} {}", either(allowed.iter().map(|(one, _)| short(*one)))),
                ),
            }
        };
        Some(match predicate {
            Predicate::Served(wanted) => {
                Verdict::flag(served.index.is_some(), *wanted, "index", "served under an index", "not served")
            }
            // What the plant gives where the device must make it is not mended by taking the source away.
            Predicate::Mapped(false) => {
                Verdict::of(!point.mapped, "source", "a source in the plant", "made in the device")
            }
            Predicate::Mapped(true) => {
                let found = "no source: it will never be Good";
                Verdict::of(point.mapped, "source", found, "a source")
            }
            Predicate::Role(roles) => Verdict::of(
                point.role().is_some_and(|role| roles.iter().any(|known| known == role)),
                "role",
                point.role().map_or("no role".to_owned(), |role| format!("role `{role}`")),
                format!("role {}", roles_of(roles)),
            ),
            Predicate::HasRole(wanted) => {
                Verdict::flag(point.role().is_some(), *wanted, "role", "a role", "no role")
            }
            Predicate::RoleListed(wanted) => {
                let role = point.role()?;
                let mut kinds = vec![self.site.resource];
                kinds.extend(self.site.components.iter().map(|component| component.kind));
                let listed = self.profile.points.iter().any(|one| {
                    one.role == role
                        && one.entry.in_force(self.as_of)
                        && one.kinds.iter().any(|kind| kinds.contains(kind))
                });
                let of = either(kinds.iter());
                let found = format!("role `{role}`, which no point list of {of} has");
                Verdict::of(listed == *wanted, "role", found, format!("a role of the point lists of {of}"))
            }
            Predicate::RoleKnown(wanted) => {
                let role = point.role()?;
                let known = self.profile.knows_role(role);
                let found = format!("role `{role}`, which the profile's point lists do not have");
                if known == *wanted {
                    Verdict::Holds
                } else {
                    Verdict::of(
                        false,
                        "role",
                        found,
                        format!("a role of the lists{}", self.nearest_role(role)),
                    )
                }
            }
            Predicate::Named(wanted) => {
                // The reader takes the id where there is no name.
                let named = !point.name.is_empty() && *point.name != *point.id.as_str();
                let (field, no) = match (named, point.sheet_name.is_some()) {
                    (false, false) => ("sheet_name", "neither `name` nor `sheet_name`"),
                    (false, true) => ("name", "no `name`"),
                    _ => ("sheet_name", "no `sheet_name`"),
                };
                let yes = "`name` and `sheet_name`";
                Verdict::flag(named && point.sheet_name.is_some(), *wanted, field, yes, no)
            }
            Predicate::InComponent(wanted) => {
                let inside = point.component.is_some();
                Verdict::flag(inside, *wanted, "component", "a component", "no component")
            }
            Predicate::InStation(wanted) => {
                let inside = point.station.is_some();
                Verdict::flag(inside, *wanted, "station", "a met station", "no met station")
            }
            Predicate::Index(bounds) => {
                let index = served.sheet_index?;
                self.bounds(subject, "index", f64::from(index), &Noun::named("index"), bounds)
            }
            Predicate::WireIndex(bounds) => {
                let index = served.index?;
                let noun = Noun::named("index").tail("on the wire");
                self.bounds(subject, "index", f64::from(index), &noun, bounds)
            }
            Predicate::Type(kinds) => Verdict::of(
                kinds.contains(&point.kind),
                "",
                point.kind.words(),
                either(kinds.iter().map(|kind| kind.words())),
            ),
            Predicate::IndexKept(_) => match self.previous {
                None => Verdict::NotJudged("no previous sheet was given (--previous)".to_owned()),
                Some(previous) => previous.index_kept(point),
            },
            Predicate::ScaleKept(_) => match self.previous {
                None => Verdict::NotJudged("no previous sheet was given (--previous)".to_owned()),
                Some(previous) => previous.scale_kept(point),
            },
            Predicate::StaticVariation(allowed) => {
                code("static_variation", "static variation", served.static_variation, allowed)
            }
            Predicate::EventVariation(allowed) => {
                code("event_variation", "event variation", served.event_variation, allowed)
            }
            Predicate::Flags(wanted) => {
                let flags = carries_flags(point.kind, served.static_variation);
                let found = format!("static variation {}, which carries no flags", served.static_variation);
                Verdict::of(flags == *wanted, "static_variation", found, "a variation with flags")
            }
            Predicate::Class(allowed) => code("class", "class", served.class, allowed),
            _ => return self.ask_scaled(predicate, subject, point),
        })
    }

    fn ask_scaled(
        &self,
        predicate: &Predicate,
        subject: &Subject<'_>,
        point: &PointView<'_>,
    ) -> Option<Verdict> {
        let counts = match point.scale {
            Some(Scale::Counts { max_units, max_counts }) => Some((max_units, max_counts)),
            _ => None,
        };
        let engineering = || Verdict::NotJudged("the wire carries engineering values".to_owned());
        Some(match predicate {
            Predicate::Unit(units) => {
                let unit = point.unit?;
                Verdict::of(units.contains(&unit), "unit", unit.to_string(), either(units.iter()))
            }
            Predicate::FullScale(bounds) => match counts {
                Some((units, _)) => {
                    let unit = point.unit.map_or_else(String::new, |unit| unit.to_string());
                    self.bounds_in(point.unit, subject, "max_units", units, &Noun::unit(&unit), bounds)
                }
                None => engineering(),
            },
            Predicate::Counts(bounds) => match counts {
                Some((_, counts)) => {
                    self.bounds(subject, "max_counts", counts, &Noun::counted("count", "counts"), bounds)
                }
                None => engineering(),
            },
            Predicate::Wire(forms) => {
                let form = match point.scale? {
                    Scale::Counts { .. } => telemetry::WireForm::Counts,
                    Scale::Engineering => telemetry::WireForm::Engineering,
                };
                let words = |form: &telemetry::WireForm| match form {
                    telemetry::WireForm::Counts => "counts",
                    telemetry::WireForm::Engineering => "engineering values",
                };
                let required = either(forms.iter().map(words));
                Verdict::of(forms.contains(&form), "wire", words(&form), required)
            }
            Predicate::StepPercent(step) => match counts {
                Some((units, counts)) => self.step(subject, units / counts, point.unit, step),
                None => engineering(),
            },
            _ => return self.ask_measured(predicate, subject),
        })
    }

    fn step(&self, subject: &Subject<'_>, count: f64, unit: Option<Unit>, step: &StepPercent) -> Verdict {
        let figure = match self.figure_in(unit, step.of, subject) {
            Ok(figure) if figure != 0.0 => figure,
            Ok(_) => return Verdict::NotJudged(format!("{} is 0", step.of)),
            Err(why) => return Verdict::NotJudged(why),
        };
        let (limit, _) = match self.amount(&step.at_most, subject) {
            Ok(amount) => amount,
            Err(why) => return Verdict::NotJudged(why),
        };
        let share = 100.0 * count / figure.abs();
        let unit = unit.or_else(|| own_unit(step.of)).map_or_else(String::new, |unit| format!(" {unit}"));
        let found = format!("one count is {} of {}{unit} ({})", percent(share), short(figure), step.of);
        Verdict::of(share <= limit + 1e-9, "max_counts", found, format!("at most {}", percent(limit)))
    }

    fn ask_measured(&self, predicate: &Predicate, subject: &Subject<'_>) -> Option<Verdict> {
        let unmapped = || Some(Verdict::NotJudged("it has no source".to_owned()));
        if let (Predicate::AgeMs(_) | Predicate::AgeCoversPoll(_) | Predicate::PollMs(_), Some(measured)) =
            (predicate, subject.measured())
        {
            let device = self.site.devices.get(measured.device.get())?;
            let age = millis(measured.age_max);
            return Some(match predicate {
                Predicate::AgeMs(bounds) => self.bounds(subject, "age_max_ms", age, &MS, bounds),
                Predicate::PollMs(bounds) => {
                    let found = format!("between polls of `{}`", device.id);
                    self.bounds(subject, "source", millis(device.poll), &MS.found(&found), bounds)
                }
                _ => {
                    let least = millis(device.poll) + millis(device.timeout);
                    let found = format!("{age} ms");
                    let required =
                        format!("at least {least} ms: poll interval and time-out of `{}`", device.id);
                    Verdict::of(age >= least, "age_max_ms", found, required)
                }
            });
        }
        match predicate {
            Predicate::AgeMs(_) | Predicate::AgeCoversPoll(_) | Predicate::PollMs(_) => unmapped(),
            _ => match subject {
                Subject::Analog(_, analog) => self.ask_analog(predicate, subject, analog),
                Subject::Digital(_, one) => ask_states(predicate, one.states.as_ref()),
                Subject::Connection(one) => match predicate {
                    Predicate::Inputs(bounds) => Some(self.bounds(
                        subject,
                        one.derive.op(),
                        whole(one.derive.inputs().len()),
                        &Noun::counted("input", "inputs"),
                        bounds,
                    )),
                    Predicate::InputRoles(roles) => Some(self.input_roles(one, roles)),
                    _ => ask_states(predicate, one.states.as_ref()),
                },
                Subject::Heartbeat(one) => match predicate {
                    Predicate::PeriodMs(bounds) => {
                        Some(self.bounds(subject, "period_ms", millis(one.period), &MS, bounds))
                    }
                    Predicate::Wrap(bounds) => {
                        Some(self.bounds(subject, "wrap", f64::from(one.wrap), &Noun::named("wrap"), bounds))
                    }
                    _ => None,
                },
                _ => None,
            },
        }
    }

    fn ask_analog(
        &self,
        predicate: &Predicate,
        subject: &Subject<'_>,
        one: &site::Analog,
    ) -> Option<Verdict> {
        let unit = one.unit.to_string();
        Some(match predicate {
            Predicate::RangeGiven(wanted) => {
                Verdict::flag(one.range.is_some(), *wanted, "range", "a range", "no range")
            }
            Predicate::Range(ends) => match one.range {
                None => Verdict::NotJudged("no range is given".to_owned()),
                Some(range) => self.ends_in(one.unit, subject, "range", range, ends),
            },
            Predicate::RangeInScale(wanted) => match (one.range, one.wire) {
                (Some((low, high)), Scale::Counts { max_units, .. }) => {
                    let most = low.abs().max(high.abs());
                    let found = format!("a range up to {} {} from 0", short(most), one.unit);
                    let required = format!("at most {} {} (max_units)", short(max_units), one.unit);
                    Verdict::of((most <= max_units) == *wanted, "range", found, required)
                }
                (None, _) => Verdict::NotJudged("no range is given".to_owned()),
                (_, Scale::Engineering) => {
                    Verdict::NotJudged("the wire carries engineering values".to_owned())
                }
            },
            Predicate::DeadbandCounts(bounds) => match one.wire {
                Scale::Counts { .. } => {
                    let counts = one.wire.in_counts(one.deadband);
                    self.bounds(subject, "deadband", counts, &Noun::counted("count", "counts"), bounds)
                }
                Scale::Engineering => Verdict::NotJudged("the wire carries engineering values".to_owned()),
            },
            Predicate::Accuracy(bounds) => match one.accuracy {
                Some(accuracy) => {
                    self.bounds_in(Some(one.unit), subject, "accuracy", accuracy, &Noun::unit(&unit), bounds)
                }
                None => Verdict::NotJudged("no accuracy is given".to_owned()),
            },
            Predicate::AccuracyPercent(share_of) => {
                let whole = match (share_of.of, one.wire) {
                    (Whole::FullScale, Scale::Counts { max_units, .. }) => Some(max_units),
                    (Whole::FullScale, Scale::Engineering) => None,
                    (Whole::Pmax, _) => self.figure_in(Some(one.unit), Figure::Pmax, subject).ok(),
                };
                match (
                    one.accuracy,
                    whole.filter(|whole| *whole != 0.0),
                    self.amount(&share_of.at_most, subject),
                ) {
                    (_, _, Err(why)) => Verdict::NotJudged(why),
                    (None, _, _) => Verdict::NotJudged("no accuracy is given".to_owned()),
                    (_, None, _) => Verdict::NotJudged("nothing is known that it is a share of".to_owned()),
                    (Some(accuracy), Some(whole), Ok((limit, _))) => {
                        let share = 100.0 * accuracy / whole.abs();
                        let of = match share_of.of {
                            Whole::FullScale => "full scale",
                            Whole::Pmax => "pmax",
                        };
                        let found = format!(
                            "{} {unit}, {} of {} {unit} ({of})",
                            short(accuracy),
                            percent(share),
                            short(whole)
                        );
                        let required = format!("at most {}", percent(limit));
                        Verdict::of(share <= limit + 1e-9, "accuracy", found, required)
                    }
                }
            }
            Predicate::AccuracyGiven(wanted) => {
                Verdict::flag(one.accuracy.is_some(), *wanted, "accuracy", "an accuracy", "no accuracy")
            }
            _ => return None,
        })
    }

    /// The role of the first of a difference: of a unit's power less what its governor makes, say.
    fn of_what_is_left(&self, analog: &site::Analog) -> Option<&str> {
        let Some(site::AnalogDerive::Difference(terms)) = &analog.derive else { return None };
        let first = &terms.first()?.point;
        self.site.analogs.iter().find(|one| one.point.id == *first)?.point.role.as_deref()
    }

    fn ask_setpoint(&self, predicate: &Predicate, subject: &Subject<'_>) -> Option<Verdict> {
        let Subject::Setpoint(_, one) = subject else { return None };
        Some(match predicate {
            Predicate::Limits(ends) => self.ends_in(one.unit, subject, "limits", one.limits, ends),
            Predicate::Follows(roles) => {
                let actual = self.site.analogs.iter().find(|analog| analog.point.id == one.actual)?;
                let role = actual.point.role.as_deref();
                Verdict::of(
                    role.or(self.of_what_is_left(actual))
                        .is_some_and(|role| roles.iter().any(|known| known == role)),
                    "actual",
                    format!(
                        "`{}`, {}",
                        actual.point.id,
                        role.map_or("without a role".to_owned(), |role| format!("role `{role}`"))
                    ),
                    format!("an analog with role {}", roles_of(roles)),
                )
            }
            Predicate::RemoteGiven(wanted) => {
                Verdict::flag(one.remote.is_some(), *wanted, "", "`remote`", "no `remote`")
            }
            Predicate::ConnectedGiven(wanted) => {
                Verdict::flag(one.connected.is_some(), *wanted, "", "`connected`", "no `connected`")
            }
            Predicate::HoldMs(bounds) => self.bounds(subject, "hold_ms", millis(one.hold), &MS, bounds),
            Predicate::FeedbackServed(wanted) => Verdict::flag(
                one.feedback.point.served.index.is_some(),
                *wanted,
                "feedback",
                "a feedback that is served",
                "a feedback that is not served",
            ),
            Predicate::Driven(wanted) => Verdict::flag(
                !one.drives.is_empty(),
                *wanted,
                "drive",
                "a device that carries it out",
                "no device that carries it out",
            ),
            Predicate::Reverts(wanted) => {
                let for_ever = self.holds_for_ever(one);
                let no = format!("no `revert_s` of {}", for_ever.join(", "));
                let yes = "`revert_s` of each device, or what gives it back: `handover = \"disable\"`";
                Verdict::flag(for_ever.is_empty(), *wanted, "drive", yes, &no)
            }
            _ => return None,
        })
    }

    /// The devices that hold what they were told until somebody tells them something else: nothing takes it back once
    /// the plant has it again, whether its switch, a lost link or the operator gave it that.
    fn holds_for_ever(&self, one: &site::SetPoint) -> Vec<String> {
        if one.regulating.handover == Handover::Disable {
            return Vec::new();
        }
        let without = one.drives.iter().filter(|drive| drive.revert_s == 0);
        without
            .filter_map(|drive| self.site.devices.get(drive.device.get()))
            .map(|device| format!("`{}`", device.id))
            .collect()
    }

    fn ask_device(&self, predicate: &Predicate, subject: &Subject<'_>) -> Option<Verdict> {
        Some(match (predicate, subject) {
            (Predicate::Located(wanted), Subject::Station(_, one)) => located(&one.location, *wanted),
            (Predicate::Located(wanted), Subject::Component(_, one)) => located(&one.location, *wanted),
            (Predicate::Located(wanted), Subject::Site) => located(&self.site.master_file.location, *wanted),
            (Predicate::IndependentPower(wanted), Subject::Station(_, one)) => Verdict::flag(
                one.independent_power == Some(true),
                *wanted,
                "independent_power",
                "a power supply of its own",
                "no power supply of its own (`independent_power`)",
            ),
            (Predicate::StationKind(kinds), Subject::Station(_, one)) => {
                Verdict::of(kinds.contains(&one.kind), "kind", one.kind.to_string(), either(kinds.iter()))
            }
            (Predicate::TimeSource(sources), Subject::Outstation) => {
                let source = self.site.outstation.time_source;
                Verdict::of(
                    sources.contains(&source),
                    "time_source",
                    format!("time source {source}"),
                    format!("time source {}", either(sources.iter())),
                )
            }
            (Predicate::IndexOffset(allowed), Subject::Outstation) => {
                let offset = self.site.outstation.index_offset;
                let allowed: Result<Vec<_>, _> =
                    allowed.iter().map(|one| self.amount(one, subject).map(|(number, _)| number)).collect();
                match allowed {
                    Err(why) => Verdict::NotJudged(why),
                    Ok(allowed) => Verdict::of(
                        allowed.iter().any(|one| (one - f64::from(offset)).abs() < 0.5),
                        "index_offset",
                        format!("index_offset {offset}"),
                        format!("index_offset {}", either(allowed.iter().map(|one| short(*one)))),
                    ),
                }
            }
            (Predicate::ListenFixed(wanted), Subject::Outstation) => {
                let listen = self.site.outstation.listen;
                let fixed = !listen.ip().to_canonical().is_unspecified();
                Verdict::of(
                    fixed == *wanted,
                    "listen",
                    format!("{listen}, every address of this machine"),
                    "one static address",
                )
            }
            (Predicate::ListenRemote(wanted), Subject::Outstation) => {
                let listen = self.site.outstation.listen;
                let remote = !listen.ip().to_canonical().is_loopback();
                let found = format!("{listen}, which only this machine reaches");
                Verdict::of(remote == *wanted, "listen", found, "an address that the ISO reaches")
            }
            (Predicate::Admits(bounds), Subject::Master(_, one)) => {
                let noun = Noun::counted("identity", "identities");
                self.bounds(subject, "admit", whole(one.admit.len()), &noun, bounds)
            }
            (Predicate::ByName(wanted), Subject::Master(_, one)) => {
                let named = one.admit.iter().any(|identity| matches!(identity, PeerIdentity::Name(_)));
                Verdict::flag(named, *wanted, "admit", "an identity by name (`name:`)", "no identity by name")
            }
            _ => return None,
        })
    }

    /// The met stations of the subject's component, or all where it has none.
    fn stations(&self, subject: &Subject<'_>) -> impl Iterator<Item = &site::Station> {
        let component = subject.component();
        self.site.stations.iter().filter(move |one| component.is_none() || one.component == component)
    }

    /// Whether all that a connection is made of has one of these roles.
    fn input_roles(&self, one: &site::Connection, roles: &[String]) -> Verdict {
        let inputs = one.derive.inputs();
        let digitals = self.site.digitals.iter().filter(|digital| inputs.contains(&&digital.point.id));
        let other = digitals
            .map(|digital| &digital.point)
            .find(|point| !point.role.as_deref().is_some_and(|role| roles.iter().any(|known| known == role)));
        let found = other.map_or_else(String::new, |point| match &point.role {
            Some(role) => format!("`{}` with role `{role}` among its inputs", point.id),
            None => format!("`{}` without a role among its inputs", point.id),
        });
        Verdict::of(other.is_none(), one.derive.op(), found, format!("inputs with role {}", roles_of(roles)))
    }

    /// A point that must be served.
    fn point_wanted(&self, wanted: &PointWanted, subject: &Subject<'_>) -> Verdict {
        let component = subject.component();
        let station = match subject {
            Subject::Station(at, _) => Some(site::StationIx::new(*at)),
            _ => subject.point().and_then(|point| point.station),
        };
        let found = Subject::all(SubjectKind::Point, self.site, self.certificates).into_iter().any(|one| {
            one.point().is_some_and(|point| {
                point.role().is_some_and(|role| wanted.role.iter().any(|known| known == role))
                    && point.served.index.is_some()
                    && wanted.kind.is_none_or(|kind| kind == point.kind)
                    && (!wanted.component || point.component == component)
                    && (!wanted.station || point.station == station)
            })
        });
        let kind = wanted.kind.map_or("point", PointType::words);
        let scope = match (wanted.component, wanted.station, self.component_of(subject)) {
            (true, _, Some(component)) => format!(" of component `{}`", component.id),
            (true, _, None) if !self.site.components.is_empty() => " that belongs to no component".to_owned(),
            (_, true, _) => format!(" of {}", subject.label(self.site)),
            _ => String::new(),
        };
        Verdict::of(
            found,
            "",
            format!("no served {kind} with role {}{scope}", roles_of(&wanted.role)),
            format!("a served {kind} with role {}{scope}", roles_of(&wanted.role)),
        )
    }

    /// The role of the lists that looks most like `role`.
    fn nearest_role(&self, role: &str) -> String {
        let near = self
            .profile
            .points
            .iter()
            .map(|point| point.role.as_str())
            .filter(|known| known.contains(role) || role.contains(*known))
            .min_by_key(|known| known.len().abs_diff(role.len()));
        near.map_or_else(String::new, |known| format!(", such as `{known}`"))
    }
}

fn ask_states(predicate: &Predicate, states: Option<&[std::sync::Arc<str>; 2]>) -> Option<Verdict> {
    match predicate {
        Predicate::StatesGiven(wanted) => Some(Verdict::flag(
            states.is_some(),
            *wanted,
            "states",
            "words of both states",
            "no words of its states",
        )),
        Predicate::States(allowed) => Some(match states {
            None => Verdict::NotJudged("no words of its states are given".to_owned()),
            Some(words) => {
                let fits = words
                    .iter()
                    .zip(allowed)
                    .all(|(word, allowed)| allowed.iter().any(|known| known.eq_ignore_ascii_case(word)));
                let required = allowed.iter().enumerate();
                let required =
                    listed(required.map(|(state, words)| format!("{state} = {}", either(words.iter()))));
                Verdict::of(fits, "states", format!("0 = {}, 1 = {}", words[0], words[1]), required)
            }
        }),
        _ => None,
    }
}

fn located(location: &site::Location, wanted: bool) -> Verdict {
    if wanted {
        return missing_keys(&missing_of(location));
    }
    Verdict::flag(location.is_complete(), wanted, "", "a location", "no location")
}

/// Roles of which one will do.
fn roles_of(roles: &[String]) -> String {
    either(roles.iter().map(|role| format!("`{role}`")))
}

/// Keys that the file must give.
fn missing_keys(keys: &[&str]) -> Verdict {
    let found = listed(keys.iter().map(|key| format!("no `{key}`")));
    Verdict::of(keys.is_empty(), "", found, all(keys.iter().map(|key| format!("`{key}`"))))
}

/// Of static variations only g1v1, g30v3 and g30v4 carry no flags; event variations all do (IEEE 1815, annex A).
const fn carries_flags(kind: PointType, static_variation: u8) -> bool {
    !matches!((kind, static_variation), (PointType::DigitalInput, 1) | (PointType::AnalogInput, 3 | 4))
}

fn millis(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// What times are told in.
const MS: Noun<'_> = Noun::unit("ms");

/// A count; far below what a float tells exactly.
#[expect(clippy::cast_precision_loss, reason = "a count of things in a file")]
pub(super) const fn whole(number: usize) -> f64 {
    number as f64
}
