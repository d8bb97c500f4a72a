//! The DNP3 end, TLS and the masters.

use std::collections::BTreeMap;
use std::time::Duration;

use config::Spanned;
use ieee1815_tokio::{PeerIdentity, SectionProblemKind, TlsPolicy, TlsSection};

use super::{ADDRESS_MAX, Check, EVENTS_MAX_DEFAULT, EVENTS_MAX_MAX, KEEP_ALIVE_DEFAULT, KEEP_ALIVE_MAX};
use crate::defaults::Purpose;
use crate::model::{Master, Outstation};
use crate::raw::{RawMaster, RawOutstation};

impl Check<'_> {
    pub(crate) fn outstation(&mut self, raw: &RawOutstation) -> Outstation {
        self.dnp3_address("outstation.address".to_owned(), &raw.address);
        if let Some(events) = &raw.events_max
            && !(1..=EVENTS_MAX_MAX).contains(events.get_ref())
        {
            let message = format!("{}, allowed: 1 to {EVENTS_MAX_MAX}", events.get_ref());
            self.problem(events.span(), "outstation.events_max", message);
        }
        if let Some(seconds) = &raw.keep_alive_s
            && !(1..=KEEP_ALIVE_MAX).contains(seconds.get_ref())
        {
            let message = format!("{}, allowed: 1 to {KEEP_ALIVE_MAX}", seconds.get_ref());
            self.problem(seconds.span(), "outstation.keep_alive_s", message);
        }
        let keep_alive = raw.keep_alive_s.as_ref().map_or(KEEP_ALIVE_DEFAULT, |seconds| *seconds.get_ref());
        Outstation {
            keep_alive: Duration::from_secs(keep_alive),
            listen: raw.listen,
            address: *raw.address.get_ref(),
            time_source: raw.time_source,
            events_max: raw.events_max.as_ref().map_or(EVENTS_MAX_DEFAULT, |events| *events.get_ref()),
            index_offset: self.index_offset,
        }
    }

    pub(crate) fn dnp3_address(&mut self, field: String, address: &Spanned<u16>) {
        if *address.get_ref() > ADDRESS_MAX {
            let message = format!("{}, DNP3 addresses are 0 to {ADDRESS_MAX}", address.get_ref());
            self.problem(address.span(), field, message);
        }
    }

    pub(crate) fn tls(&mut self, raw: &TlsSection) -> TlsPolicy {
        self.tls_at("", raw)
    }

    /// A section of TLS further in: `prefix` comes before the names of its fields.
    pub(crate) fn tls_at(&mut self, prefix: &str, raw: &TlsSection) -> TlsPolicy {
        let (policy, problems) = raw.check(|path| self.source.resolve(path));
        for problem in problems {
            let later = matches!(
                problem.kind,
                SectionProblemKind::FileMissing | SectionProblemKind::MinVersionLegacy
            );
            if !(later && self.purpose == Purpose::Check) {
                self.problem(problem.span, format!("{prefix}{}", problem.field), problem.message);
            }
        }
        policy
    }

    pub(crate) fn masters(&mut self, raw: &[RawMaster], outstation: u16) -> Vec<Master> {
        if raw.is_empty() {
            self.problems.add(self.source.whole("master", "at least one [[master]] is needed"));
        }
        let mut names = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        let mut identities: Vec<(PeerIdentity, String)> = Vec::new();
        let mut masters = Vec::new();
        for (at, raw) in raw.iter().enumerate() {
            let field = |name: &str| format!("master[{at}].{name}");
            let name = raw.name.get_ref();
            if names.insert(name, ()).is_some() {
                self.problem(raw.name.span(), field("name"), format!("`{name}` is another master's name"));
            }
            self.dnp3_address(field("address"), &raw.address);
            if *raw.address.get_ref() == outstation {
                // Two ends of one name: neither could tell a question from an answer.
                let message = format!("{outstation} is the outstation's own address");
                self.problem(raw.address.span(), field("address"), message);
            }
            if let Some(other) = addresses.insert(*raw.address.get_ref(), name) {
                let message = format!("{} is already the address of master `{other}`", raw.address.get_ref());
                self.problem(raw.address.span(), field("address"), message);
            }
            if raw.admit.get_ref().is_empty() {
                self.problem(raw.admit.span(), field("admit"), "at least one identity is needed");
            }
            let mut admit = Vec::new();
            for text in raw.admit.get_ref() {
                let identity = match text.get_ref().parse::<PeerIdentity>() {
                    Ok(identity) => identity,
                    Err(error) => {
                        self.problem(text.span(), field("admit"), error.to_string());
                        continue;
                    }
                };
                if let Some((_, other)) = identities.iter().find(|(known, _)| same(known, &identity)) {
                    let message = format!("`{identity}` is already admitted as master `{other}`");
                    self.problem(text.span(), field("admit"), message);
                }
                identities.push((identity.clone(), name.clone()));
                admit.push(identity);
            }
            masters.push(Master {
                name: name.as_str().into(),
                address: *raw.address.get_ref(),
                admit,
                control: raw.control,
            });
        }
        masters
    }
}

/// Names are compared without regard to case, as the TLS layer does.
fn same(one: &PeerIdentity, other: &PeerIdentity) -> bool {
    match (one, other) {
        (PeerIdentity::Name(one), PeerIdentity::Name(other)) => one.eq_ignore_ascii_case(other),
        _ => one == other,
    }
}
