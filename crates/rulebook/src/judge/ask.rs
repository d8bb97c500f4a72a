//! One predicate asked of one subject.

use ieee1815_tokio::PeerIdentity;
use jiff::tz::TimeZone;
use site::{Site, TlsFloor};
use telemetry::Scale;

use super::previous::Previous;
use super::subject::{PointView, Subject};
use super::verdict::Verdict;
use crate::certificates::{Certificates, Facts, Held, KeyKind};
use crate::predicate::{PointType, PointWanted, Predicate, StepPercent, SubjectKind, Whole};
use crate::profile::{Amount, Bounds, Day, Figure, Profile};

/// Everything that predicates are judged on.
pub(crate) struct Context<'a> {
    pub(crate) site: &'a Site,
    pub(crate) profile: &'a Profile,
    pub(crate) certificates: &'a Certificates,
    pub(crate) as_of: Day,
    pub(crate) previous: Option<&'a Previous>,
}

const YES_NO: &str = "";

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
            |number: usize, field: &str, bounds| self.bounds(subject, field, whole(number), "", bounds);
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
                    "component",
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
                Some(capacity) => self.bounds(subject, "capacity_mw", capacity, " MW", bounds),
                // Either would do.
                None => Verdict::NotJudged(format!(
                    "{}, nor {}",
                    self.missing_words(Figure::Capacity, subject),
                    Figure::Pmax.key()
                )),
            },
            Predicate::Services(services) => Verdict::of(
                services.iter().any(|service| site.master_file.services.contains(service)),
                "services",
                listed(site.master_file.services.iter()),
                either(services.iter()),
            ),
            Predicate::Area(areas) => match site.master_file.area {
                Some(area) => {
                    Verdict::of(areas.contains(&area), "area", area.to_string(), either(areas.iter()))
                }
                None => Verdict::NotJudged("[resource] gives no area".to_owned()),
            },
            Predicate::Given(figures) => {
                let missing: Vec<_> =
                    figures.iter().filter(|figure| !self.given(**figure, subject)).collect();
                let keys = listed(missing.iter().map(|figure| figure.key()));
                Verdict::of(missing.is_empty(), YES_NO, format!("no {keys}"), format!("{keys} given"))
            }
            Predicate::Point(wanted) => self.point_wanted(wanted, subject),
            Predicate::Stations(bounds) => {
                self.bounds(subject, "", whole(self.stations(subject).count()), " met stations", bounds)
            }
            Predicate::StationExists(kinds) => {
                let found = self.stations(subject).any(|station| kinds.contains(&station.kind));
                let wanted = format!("a met station of kind {}", either(kinds.iter()));
                Verdict::of(found, "", format!("no {}", wanted.trim_start_matches("a ")), wanted)
            }
            Predicate::Masters(bounds) => count(site.masters.len(), "", bounds),
            Predicate::Controllers(bounds) => {
                count(site.masters.iter().filter(|master| master.control).count(), "", bounds)
            }
            Predicate::Anchors(bounds) => count(self.certificates.anchors_read(), "trust_anchors", bounds),
            Predicate::Components(bounds) => count(site.components.len(), "", bounds),
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
        let code = |field: &str, value: u8, allowed: &[Amount]| {
            let allowed: Result<Vec<_>, _> = allowed.iter().map(|one| self.amount(one, subject)).collect();
            match allowed {
                Err(why) => Verdict::NotJudged(why),
                Ok(allowed) => Verdict::of(
                    allowed.iter().any(|(one, _)| (one - f64::from(value)).abs() < 0.5),
                    field,
                    value.to_string(),
                    either(allowed.iter().map(|(_, told)| told)),
                ),
            }
        };
        Some(match predicate {
            Predicate::Served(wanted) => {
                Verdict::flag(served.index.is_some(), *wanted, "index", "is served", "is not served")
            }
            Predicate::Mapped(wanted) => Verdict::flag(
                point.mapped,
                *wanted,
                "source",
                "has a source",
                "has no source: it will never be Good",
            ),
            Predicate::Role(roles) => Verdict::of(
                point.role.is_some_and(|role| roles.iter().any(|known| known == role)),
                "role",
                point.role.map_or("no role".to_owned(), |role| format!("role `{role}`")),
                either(roles.iter()),
            ),
            Predicate::HasRole(wanted) => {
                Verdict::flag(point.role.is_some(), *wanted, "role", "has a role", "has no role")
            }
            Predicate::RoleKnown(wanted) => {
                let role = point.role?;
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
                let named = !point.name.is_empty() && point.sheet_name.is_some();
                Verdict::flag(
                    named,
                    *wanted,
                    "sheet_name",
                    "has name and sheet_name",
                    "has no name or no sheet_name",
                )
            }
            Predicate::InComponent(wanted) => {
                let inside = point.component.is_some();
                Verdict::flag(
                    inside,
                    *wanted,
                    "component",
                    "belongs to a component",
                    "belongs to no component",
                )
            }
            Predicate::InStation(wanted) => {
                let inside = point.station.is_some();
                Verdict::flag(
                    inside,
                    *wanted,
                    "station",
                    "belongs to a met station",
                    "belongs to no met station",
                )
            }
            Predicate::Index(bounds) => {
                let index = served.sheet_index?;
                self.bounds(subject, "index", f64::from(index), "", bounds)
            }
            Predicate::WireIndex(bounds) => {
                let index = served.index?;
                self.bounds(subject, "index", f64::from(index), " on the wire", bounds)
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
            Predicate::StaticVariation(allowed) => code("static_variation", served.static_variation, allowed),
            Predicate::EventVariation(allowed) => code("event_variation", served.event_variation, allowed),
            Predicate::Flags(wanted) => {
                let flags = carries_flags(point.kind, served.static_variation);
                let found = format!("static variation {} carries no flags", served.static_variation);
                Verdict::of(flags == *wanted, "static_variation", found, "a variation with flags")
            }
            Predicate::Class(allowed) => code("class", served.class, allowed),
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
                Some((units, _)) => self.bounds(subject, "max_units", units, &unit_of(point), bounds),
                None => engineering(),
            },
            Predicate::Counts(bounds) => match counts {
                Some((_, counts)) => self.bounds(subject, "max_counts", counts, " counts", bounds),
                None => engineering(),
            },
            Predicate::Wire(forms) => {
                let form = match point.scale? {
                    Scale::Counts { .. } => telemetry::WireForm::Counts,
                    Scale::Engineering => telemetry::WireForm::Engineering,
                };
                Verdict::of(forms.contains(&form), "wire", form.to_string(), either(forms.iter()))
            }
            Predicate::StepPercent(step) => match counts {
                Some((units, counts)) => self.step(subject, units / counts, step),
                None => engineering(),
            },
            _ => return self.ask_measured(predicate, subject),
        })
    }

    fn step(&self, subject: &Subject<'_>, count: f64, step: &StepPercent) -> Verdict {
        let Some(figure) = self.figure(step.of, subject).filter(|figure| *figure != 0.0) else {
            return self.missing(step.of, subject);
        };
        let (limit, told) = match self.amount(&step.at_most, subject) {
            Ok(amount) => amount,
            Err(why) => return Verdict::NotJudged(why),
        };
        let percent = 100.0 * count / figure.abs();
        let found = format!("one count is {} % of {} {}", short(percent), step.of, short(figure));
        Verdict::of(percent <= limit + 1e-9, "max_counts", found, format!("at most {told} %"))
    }

    fn ask_measured(&self, predicate: &Predicate, subject: &Subject<'_>) -> Option<Verdict> {
        let unmapped = || Some(Verdict::NotJudged("it has no source".to_owned()));
        if let (Predicate::AgeMs(_) | Predicate::AgeCoversPoll(_) | Predicate::PollMs(_), Some(measured)) =
            (predicate, subject.measured())
        {
            let device = self.site.devices.get(measured.device.get())?;
            let age = millis(measured.age_max);
            return Some(match predicate {
                Predicate::AgeMs(bounds) => self.bounds(subject, "age_max_ms", age, " ms", bounds),
                Predicate::PollMs(bounds) => self.bounds(
                    subject,
                    "source",
                    millis(device.poll),
                    " ms between polls of its device",
                    bounds,
                ),
                _ => {
                    let least = millis(device.poll) + millis(device.timeout);
                    let found = format!("age limit {age} ms");
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
                    Predicate::Inputs(bounds) => {
                        Some(self.bounds(subject, "all", whole(one.all.len()), " inputs", bounds))
                    }
                    _ => ask_states(predicate, one.states.as_ref()),
                },
                Subject::Heartbeat(one) => match predicate {
                    Predicate::PeriodMs(bounds) => {
                        Some(self.bounds(subject, "period_ms", millis(one.period), " ms", bounds))
                    }
                    Predicate::Wrap(bounds) => {
                        Some(self.bounds(subject, "wrap", f64::from(one.wrap), "", bounds))
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
        let unit = format!(" {}", one.unit);
        Some(match predicate {
            Predicate::RangeGiven(wanted) => {
                Verdict::flag(one.range.is_some(), *wanted, "range", "a range", "no range")
            }
            Predicate::Range(ends) => match one.range {
                None => Verdict::NotJudged("no range is given".to_owned()),
                Some((low, high)) => self
                    .bounds(subject, "range", low, &format!("{unit} at the lower end"), &ends.low)
                    .and(|| {
                        self.bounds(subject, "range", high, &format!("{unit} at the upper end"), &ends.high)
                    }),
            },
            Predicate::DeadbandCounts(bounds) => match one.wire {
                Scale::Counts { .. } => {
                    let counts = one.wire.in_counts(one.deadband);
                    self.bounds(subject, "deadband", counts, " counts of deadband", bounds)
                }
                Scale::Engineering => Verdict::NotJudged("the wire carries engineering values".to_owned()),
            },
            Predicate::Accuracy(bounds) => match one.accuracy {
                Some(accuracy) => self.bounds(subject, "accuracy", accuracy, &unit, bounds),
                None => Verdict::NotJudged("no accuracy is given".to_owned()),
            },
            Predicate::AccuracyPercent(share) => {
                let whole = match (share.of, one.wire) {
                    (Whole::FullScale, Scale::Counts { max_units, .. }) => Some(max_units),
                    (Whole::FullScale, Scale::Engineering) => None,
                    (Whole::Pmax, _) => self.figure(Figure::Pmax, subject),
                };
                match (
                    one.accuracy,
                    whole.filter(|whole| *whole != 0.0),
                    self.amount(&share.at_most, subject),
                ) {
                    (_, _, Err(why)) => Verdict::NotJudged(why),
                    (None, _, _) => Verdict::NotJudged("no accuracy is given".to_owned()),
                    (_, None, _) => Verdict::NotJudged("nothing is known that it is a share of".to_owned()),
                    (Some(accuracy), Some(whole), Ok((limit, told))) => {
                        let percent = 100.0 * accuracy / whole.abs();
                        let found = format!("{} % of {}{unit}", short(percent), short(whole));
                        Verdict::of(percent <= limit + 1e-9, "accuracy", found, format!("at most {told} %"))
                    }
                }
            }
            Predicate::AccuracyGiven(wanted) => {
                Verdict::flag(one.accuracy.is_some(), *wanted, "accuracy", "an accuracy", "no accuracy")
            }
            _ => return None,
        })
    }

    fn ask_setpoint(&self, predicate: &Predicate, subject: &Subject<'_>) -> Option<Verdict> {
        let Subject::Setpoint(_, one) = subject else { return None };
        let unit = format!(" {}", one.unit);
        Some(match predicate {
            Predicate::Limits(ends) => {
                let (low, high) = one.limits;
                self.bounds(subject, "limits", low, &format!("{unit} at the lower end"), &ends.low).and(
                    || self.bounds(subject, "limits", high, &format!("{unit} at the upper end"), &ends.high),
                )
            }
            Predicate::Follows(roles) => {
                let actual = self.site.analogs.iter().find(|analog| analog.id == one.actual)?;
                let role = actual.role.as_deref();
                Verdict::of(
                    role.is_some_and(|role| roles.iter().any(|known| known == role)),
                    "actual",
                    format!(
                        "`{}`, {}",
                        actual.id,
                        role.map_or("without a role".to_owned(), |role| format!("role `{role}`"))
                    ),
                    format!("an analog of role {}", either(roles.iter())),
                )
            }
            Predicate::RemoteGiven(wanted) => {
                Verdict::flag(one.remote.is_some(), *wanted, "", "`remote` is given", "no `remote`")
            }
            Predicate::ConnectedGiven(wanted) => {
                Verdict::flag(one.connected.is_some(), *wanted, "", "`connected` is given", "no `connected`")
            }
            Predicate::HoldMs(bounds) => self.bounds(subject, "hold_ms", millis(one.hold), " ms", bounds),
            Predicate::FeedbackServed(wanted) => Verdict::flag(
                one.feedback.served.index.is_some(),
                *wanted,
                "feedback",
                "its feedback is served",
                "its feedback is not served",
            ),
            Predicate::Driven(wanted) => {
                Verdict::flag(!one.drives.is_empty(), *wanted, "drive", "a device", "no device")
            }
            _ => return None,
        })
    }

    fn ask_device(&self, predicate: &Predicate, subject: &Subject<'_>) -> Option<Verdict> {
        Some(match (predicate, subject) {
            (Predicate::Located(wanted), Subject::Station(_, one)) => {
                located(one.location.is_complete(), *wanted)
            }
            (Predicate::Located(wanted), Subject::Component(_, one)) => {
                located(one.location.is_complete(), *wanted)
            }
            (Predicate::Located(wanted), Subject::Site) => {
                located(self.site.master_file.location.is_complete(), *wanted)
            }
            (Predicate::IndependentPower(wanted), Subject::Station(_, one)) => Verdict::flag(
                one.independent_power == Some(true),
                *wanted,
                "independent_power",
                "power of its own",
                "no power supply of its own is stated",
            ),
            (Predicate::StationKind(kinds), Subject::Station(_, one)) => {
                Verdict::of(kinds.contains(&one.kind), "kind", one.kind.to_string(), either(kinds.iter()))
            }
            (Predicate::TimeSource(sources), Subject::Outstation) => {
                let source = self.site.outstation.time_source;
                Verdict::of(
                    sources.contains(&source),
                    "time_source",
                    source.to_string(),
                    either(sources.iter()),
                )
            }
            (Predicate::ListenFixed(wanted), Subject::Outstation) => {
                let listen = self.site.outstation.listen;
                let fixed = !listen.ip().is_unspecified();
                Verdict::of(
                    fixed == *wanted,
                    "listen",
                    format!("{listen}, every address"),
                    "one static address",
                )
            }
            (Predicate::ListenRemote(wanted), Subject::Outstation) => {
                let listen = self.site.outstation.listen;
                let remote = !listen.ip().is_loopback();
                let found = format!("{listen}, which only this machine reaches");
                Verdict::of(remote == *wanted, "listen", found, "an address that the ISO reaches")
            }
            (Predicate::Admits(bounds), Subject::Master(_, one)) => {
                self.bounds(subject, "admit", whole(one.admit.len()), " identities", bounds)
            }
            (Predicate::ByName(wanted), Subject::Master(_, one)) => {
                let named = one.admit.iter().any(|identity| matches!(identity, PeerIdentity::Name(_)));
                Verdict::flag(named, *wanted, "admit", "a name", "no name")
            }
            _ => return None,
        })
    }

    fn ask_security(&self, predicate: &Predicate, subject: &Subject<'_>) -> Option<Verdict> {
        match (predicate, subject) {
            (Predicate::MinVersion(text), Subject::Tls) => {
                let text = match text.strip_prefix('@') {
                    Some(id) => self.profile.entry(id)?.value.as_ref()?.text()?,
                    None => text,
                };
                let wanted = TlsFloor::of(text)?;
                let found = format!("TLS {} is spoken", self.site.tls_floor);
                Some(Verdict::of(
                    self.site.tls_floor >= wanted,
                    "min_version",
                    found,
                    format!("TLS {wanted} or later"),
                ))
            }
            (Predicate::PrivateMode(wanted), Subject::Key(key)) => Some(match key.mode {
                None => Verdict::NotJudged("the key is not here".to_owned()),
                Some(mode) => Verdict::of(
                    (mode & 0o077 == 0) == *wanted,
                    "",
                    format!("permissions {mode:o}"),
                    "600: nobody but its owner may read it",
                ),
            }),
            (Predicate::FitsCertificate(wanted), Subject::Key(key)) => Some(match &key.fits {
                None => Verdict::NotJudged("key or certificate is not here".to_owned()),
                Some(Err(why)) => Verdict::of(false, "", why.clone(), "a key that can be used"),
                Some(Ok(fits)) => Verdict::flag(
                    *fits,
                    *wanted,
                    "",
                    "is the certificate's key",
                    "is not the certificate's key",
                ),
            }),
            (_, Subject::Certificate(held) | Subject::Anchor(_, held)) => {
                self.ask_certificate(predicate, subject, held)
            }
            _ => None,
        }
    }

    fn ask_certificate(&self, predicate: &Predicate, subject: &Subject<'_>, held: &Held) -> Option<Verdict> {
        let facts = match (&held.read, predicate) {
            (read, Predicate::Present(wanted)) => {
                let found = match read {
                    None => "the file is not there",
                    Some(Err(why)) => why.as_str(),
                    Some(Ok(_)) => "a certificate",
                };
                let present = matches!(read, Some(Ok(_)));
                return Some(Verdict::of(present == *wanted, "", found, "a certificate"));
            }
            (None, _) => return Some(Verdict::NotJudged("the certificate is not here".to_owned())),
            (Some(Err(why)), _) => return Some(Verdict::NotJudged(why.clone())),
            (Some(Ok(facts)), _) => facts,
        };
        self.ask_facts(predicate, subject, facts)
    }

    fn ask_facts(&self, predicate: &Predicate, subject: &Subject<'_>, facts: &Facts) -> Option<Verdict> {
        let day = |time: jiff::Timestamp| TimeZone::UTC.to_datetime(time).date();
        let (from, until, now) = (day(facts.not_before), day(facts.not_after), self.as_of.0);
        Some(match predicate {
            Predicate::Sha2(wanted) => match facts.sha2 {
                None => Verdict::NotJudged(format!("signed with {}", facts.signature)),
                Some(sha2) => Verdict::of(
                    sha2 == *wanted,
                    "",
                    format!("signed with {}", facts.signature),
                    "a hash of the SHA-2 family",
                ),
            },
            Predicate::RsaBits(bounds) => match facts.public_key {
                KeyKind::Rsa(bits) => self.bounds(subject, "", whole(bits), " bits (RSA)", bounds),
                _ => Verdict::NotJudged("its key is not RSA".to_owned()),
            },
            Predicate::EcBits(bounds) => match facts.public_key {
                KeyKind::Ec(bits) => self.bounds(subject, "", whole(bits), " bits (elliptic curve)", bounds),
                _ => Verdict::NotJudged("its key is not on an elliptic curve".to_owned()),
            },
            Predicate::X509Version(bounds) => {
                self.bounds(subject, "", f64::from(facts.version), " (version of X.509)", bounds)
            }
            Predicate::Valid(wanted) => {
                let found = format!("valid from {from} to {until}");
                Verdict::of((from <= now && now <= until) == *wanted, "", found, format!("valid on {now}"))
            }
            Predicate::DaysLeft(bounds) => {
                let days = now.until(until).map_or(0, |span| span.get_days());
                self.bounds(subject, "", f64::from(days), &format!(" days left (until {until})"), bounds)
            }
            Predicate::CommonNameGiven(wanted) => {
                let given = facts.common_name.as_deref().is_some_and(|name| !name.trim().is_empty());
                Verdict::flag(given, *wanted, "", "a common name", "no common name")
            }
            Predicate::CommonNameIs(figure) => {
                let file = &self.site.master_file;
                let given =
                    if *figure == Figure::Id { file.id.as_deref() } else { file.device_name.as_deref() };
                let Some(given) = given else { return Some(self.missing(*figure, subject)) };
                let name = facts.common_name.as_deref().unwrap_or_default();
                let required = format!("`{given}`, the {figure} of [resource]");
                Verdict::of(name == given, "", format!("common name `{name}`"), required)
            }
            Predicate::NamePrefix(prefixes) => {
                let name = facts.common_name.as_deref().unwrap_or_default();
                let holds = prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
                let required = format!("one that begins with {}", either(prefixes.iter()));
                Verdict::of(holds, "", format!("common name `{name}`"), required)
            }
            Predicate::IssuerNot(words) => {
                let text = format!("{} {}", facts.issuer, facts.subject).to_lowercase();
                let word = words.iter().find(|word| text.contains(&word.to_lowercase()));
                let found = format!("issuer {}", facts.issuer);
                Verdict::of(word.is_none(), "", found, format!("none of {}", listed(words.iter())))
            }
            Predicate::Authority(wanted) => Verdict::flag(
                facts.authority,
                *wanted,
                "",
                "an authority's certificate",
                "no authority's certificate",
            ),
            _ => return None,
        })
    }

    /// The met stations of the subject's component, or all where it has none.
    fn stations(&self, subject: &Subject<'_>) -> impl Iterator<Item = &site::Station> {
        let component = subject.component();
        self.site.stations.iter().filter(move |one| component.is_none() || one.component == component)
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
                point.role.is_some_and(|role| wanted.role.iter().any(|known| known == role))
                    && point.served.index.is_some()
                    && wanted.kind.is_none_or(|kind| kind == point.kind)
                    && (!wanted.component || point.component == component)
                    && (!wanted.station || point.station == station)
            })
        });
        let kind = wanted.kind.map_or("point", PointType::words);
        let scope = match (wanted.component, wanted.station, self.component_of(subject)) {
            (true, _, Some(component)) => format!(" of component `{}`", component.id),
            (_, true, _) => format!(" of {}", subject.label(self.site)),
            _ => String::new(),
        };
        Verdict::of(
            found,
            "",
            format!("no served {kind} with role {}{scope}", either(wanted.role.iter())),
            format!("a served {kind} with role {}{scope}", either(wanted.role.iter())),
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

    pub(crate) fn component_of(&self, subject: &Subject<'_>) -> Option<&site::Component> {
        self.site.components.get(subject.component()?.get())
    }

    /// Rated capacity, or Pmax where that is all there is.
    fn capacity(&self, subject: &Subject<'_>) -> Option<f64> {
        self.figure(Figure::Capacity, subject).or_else(|| self.figure(Figure::Pmax, subject))
    }

    /// A figure of the subject's component, or of the resource where it has none.
    fn figure(&self, figure: Figure, subject: &Subject<'_>) -> Option<f64> {
        let figures = match self.component_of(subject) {
            Some(component) => &component.figures,
            None => &self.site.master_file.figures,
        };
        match figure {
            Figure::Pmin => figures.pmin_mw,
            Figure::Pmax => figures.pmax_mw,
            Figure::Capacity => figures.capacity_mw,
            Figure::EnergyMin => figures.energy_min_mwh,
            Figure::EnergyMax => figures.energy_max_mwh,
            Figure::Ramp => figures.ramp_mw_per_min,
            Figure::Location | Figure::Id | Figure::DeviceName => None,
        }
    }

    fn given(&self, figure: Figure, subject: &Subject<'_>) -> bool {
        let file = &self.site.master_file;
        match figure {
            Figure::Location => match self.component_of(subject) {
                Some(component) => component.location.is_complete(),
                None => file.location.is_complete(),
            },
            Figure::Id => file.id.is_some(),
            Figure::DeviceName => file.device_name.is_some(),
            figure => self.figure(figure, subject).is_some(),
        }
    }

    fn missing(&self, figure: Figure, subject: &Subject<'_>) -> Verdict {
        Verdict::NotJudged(self.missing_words(figure, subject))
    }

    fn missing_words(&self, figure: Figure, subject: &Subject<'_>) -> String {
        let whose = match self.component_of(subject) {
            Some(component) => format!("component `{}`", component.id),
            None => "[resource]".to_owned(),
        };
        format!("{whose} gives no {}", figure.key())
    }

    /// A number to compare with, and how it is told; `Err`: why there is none.
    fn amount(&self, amount: &Amount, subject: &Subject<'_>) -> Result<(f64, String), String> {
        match amount {
            Amount::Number(number) => Ok((*number, short(*number))),
            Amount::Entry(id) => {
                let value = self.profile.entry(id).and_then(|entry| entry.value.as_ref()?.number());
                value
                    .map(|number| (number, short(number)))
                    .ok_or_else(|| format!("entry `{id}` has no number"))
            }
            Amount::Figure(figure) | Amount::Minus(figure) => match self.figure(*figure, subject) {
                Some(number) if matches!(amount, Amount::Minus(_)) => {
                    Ok((-number, format!("{} (-{figure})", short(-number))))
                }
                Some(number) => Ok((number, format!("{} ({figure})", short(number)))),
                None => Err(self.missing_words(*figure, subject)),
            },
        }
    }

    fn bounds(
        &self,
        subject: &Subject<'_>,
        field: &str,
        number: f64,
        unit: &str,
        bounds: &Bounds,
    ) -> Verdict {
        let mut fails = None;
        let mut required = Vec::new();
        for (limit, amount) in bounds.limits() {
            let (than, told) = match self.amount(amount, subject) {
                Ok(amount) => amount,
                Err(why) => return Verdict::NotJudged(why),
            };
            required.push(format!("{} {told}", limit.words()));
            if !limit.holds(number, than) {
                fails = Some(());
            }
        }
        Verdict::of(fails.is_none(), field, format!("{}{unit}", short(number)), required.join(" and "))
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
                let required =
                    allowed.iter().map(|words| either(words.iter())).collect::<Vec<_>>().join(" / ");
                Verdict::of(
                    fits,
                    "states",
                    format!("0 = {}, 1 = {}", words[0], words[1]),
                    format!("0 / 1: {required}"),
                )
            }
        }),
        _ => None,
    }
}

fn located(fact: bool, wanted: bool) -> Verdict {
    Verdict::flag(
        fact,
        wanted,
        "",
        "latitude, longitude and elevation_m are given",
        "latitude, longitude or elevation_m is missing",
    )
}

/// Of static variations only g1v1, g30v3 and g30v4 carry no flags; event variations all do (IEEE 1815, annex A).
const fn carries_flags(kind: PointType, static_variation: u8) -> bool {
    !matches!((kind, static_variation), (PointType::DigitalInput, 1) | (PointType::AnalogInput, 3 | 4))
}

fn unit_of(point: &PointView<'_>) -> String {
    point.unit.map_or_else(String::new, |unit| format!(" {unit}"))
}

fn millis(time: std::time::Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// A count; far below what a float tells exactly.
#[expect(clippy::cast_precision_loss, reason = "a count of things in a file")]
const fn whole(number: usize) -> f64 {
    number as f64
}

/// A number without the digits of a binary fraction.
pub(crate) fn short(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn listed(words: impl Iterator<Item = impl ToString>) -> String {
    let words: Vec<_> = words.map(|word| word.to_string()).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

fn either(words: impl Iterator<Item = impl ToString>) -> String {
    words.map(|word| word.to_string()).collect::<Vec<_>>().join(" or ")
}
