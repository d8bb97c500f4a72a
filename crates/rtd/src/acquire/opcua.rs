//! A server of OPC UA, read by polling: all nodes in as few requests as it takes.
//!
//! The server stands between us and the source, and may go on answering long after the source is gone. What it says
//! of each value (its status) is therefore as much a part of the reading as the number is.

use std::str::FromStr as _;
use std::sync::Arc;

use opcua::client::{ClientBuilder, IdentityToken, Session};
use opcua::types::{
    DataValue, EndpointDescription, MessageSecurityMode, NodeId, ReadValueId, StatusCode, TimestampsToReturn,
    Variant,
};
use site::{Device, DeviceIx, Form, OpcUa, Place, ReadingIx, Security};
use telemetry::Now;
use telemetry::clock::SystemClock;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, timeout};

use super::back_off::BackOff;
use super::bounds;
use super::count::Counters;
use super::told::{Said, Typed, reported};
use crate::core::{
    DeviceFailure, FailureKind, FieldEvent, FieldOutcome, FieldReport, FieldWrite, Reading, Reported,
};

/// What we are called at servers; our certificate has to say the same.
const APPLICATION: &str = "urn:openrtd:client";
/// Nodes of one request: servers refuse more than they like, and few like less.
const NODES_MAX: usize = 100;

/// Polls a server until nobody listens to `out` any more: one report for each beat of the poll, in a back-off too. It
/// takes no set points.
pub(crate) async fn drive(
    device: Device,
    opcua: OpcUa,
    at: DeviceIx,
    mut writes: mpsc::Receiver<(u64, FieldWrite)>,
    out: mpsc::Sender<FieldEvent>,
    clock: SystemClock,
    counters: Arc<Counters>,
) {
    let mut beat = tokio::time::interval(device.poll);
    beat.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let back_off = BackOff::new(&device.id);
    let mut driver = Driver { device, opcua, link: None, back_off, counters, clock, first: None };
    let mut writable = true;
    loop {
        let event = tokio::select! {
            biased;
            () = out.closed() => return,
            write = writes.recv(), if writable => match write {
                Some((request, _)) => {
                    let result = Err("an OPC UA server takes no set points from here".to_owned());
                    FieldEvent::Written { device: at, request, result }
                }
                None => {
                    writable = false;
                    continue;
                }
            },
            _ = beat.tick() => {
                let sent = clock.now();
                driver.first = None;
                let (outcome, received) = match driver.poll().await {
                    // What was read first is the oldest: nothing may look younger than it is.
                    Ok(readings) => {
                        (FieldOutcome::Readings(readings), driver.first.unwrap_or_else(|| clock.now()))
                    }
                    Err(failure) => (FieldOutcome::Failed(failure), clock.now()),
                };
                FieldEvent::Report(FieldReport { device: at, outcome, sent, received })
            }
        };
        if out.send(bounds::event(event)).await.is_err() {
            return;
        }
    }
}

/// A session, ended with this.
struct Link {
    session: Arc<Session>,
    events: JoinHandle<StatusCode>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.events.abort();
    }
}

struct Driver {
    device: Device,
    opcua: OpcUa,
    link: Option<Link>,
    back_off: BackOff,
    counters: Arc<Counters>,
    clock: SystemClock,
    /// When the first answer of the poll was received.
    first: Option<Now>,
}

impl Driver {
    async fn poll(&mut self) -> Result<Vec<(ReadingIx, Reading)>, DeviceFailure> {
        if self.link.is_none() && self.back_off.waits() {
            return Err(self.back_off.failure());
        }
        match self.values().await {
            Ok(values) => {
                self.back_off.clear();
                Ok(self.readings(&values))
            }
            Err(failure) => {
                self.link = None;
                self.back_off.failed(&failure);
                tracing::debug!(device = %self.device.id, words = %failure.words, "device failed");
                Err(failure)
            }
        }
    }

    async fn values(&mut self) -> Result<Vec<DataValue>, DeviceFailure> {
        let link = match self.link.take() {
            Some(link) => link,
            None => {
                let link = self.open().await?;
                self.counters.connected();
                link
            }
        };
        let nodes: Vec<NodeId> = self.opcua.nodes.iter().map(|text| node(text)).collect();
        let mut values = Vec::with_capacity(nodes.len());
        for nodes in nodes.chunks(NODES_MAX) {
            let wanted: Vec<ReadValueId> = nodes.iter().map(|node| node.clone().into()).collect();
            self.counters.request();
            let begun = Instant::now();
            let answer = link.session.read(&wanted, TimestampsToReturn::Source, 0.0);
            let answer = match timeout(self.device.timeout, answer).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => return Err(self.failure(FailureKind::Unreachable, &error.to_string())),
                Err(_) => {
                    self.counters.timeout();
                    let words = format!("no answer within {} ms", self.device.timeout.as_millis());
                    return Err(self.failure(FailureKind::TimedOut, &words));
                }
            };
            self.counters.answer(begun.elapsed());
            self.first.get_or_insert_with(|| self.clock.now());
            if answer.len() != nodes.len() {
                let words = format!("{} values for {} nodes", answer.len(), nodes.len());
                return Err(self.failure(FailureKind::Protocol, &words));
            }
            values.extend(answer);
        }
        self.link = Some(link);
        Ok(values)
    }

    async fn open(&self) -> Result<Link, DeviceFailure> {
        let unreachable = |words: String| self.failure(FailureKind::Unreachable, &words);
        let (policy, mode) = match self.opcua.security {
            Security::None => ("None", MessageSecurityMode::None),
            Security::Sign => ("Basic256Sha256", MessageSecurityMode::Sign),
            Security::SignAndEncrypt => ("Basic256Sha256", MessageSecurityMode::SignAndEncrypt),
        };
        let identity = self.identity().await.map_err(unreachable)?;
        let mut builder = ClientBuilder::new()
            .application_name("OpenRTD")
            .application_uri(APPLICATION)
            .product_uri(APPLICATION)
            .session_name("openrtd")
            .trust_server_certs(false)
            .verify_server_certs(true)
            .request_timeout(self.device.timeout)
            // When to try again is ours to say.
            .session_retry_limit(0);
        if let Some(pki) = &self.opcua.pki {
            builder =
                builder.pki_dir(pki).certificate_path("own/cert.der").private_key_path("private/private.pem");
        }
        let mut client = builder.client().map_err(|errors| unreachable(errors.join("; ")))?;
        let endpoint: EndpointDescription = (&*self.opcua.endpoint, policy, mode).into();
        let limit = self.device.timeout.saturating_mul(4);
        let opened = timeout(limit, client.connect_to_matching_endpoint(endpoint, identity)).await;
        let (session, events) = match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(error)) => return Err(unreachable(error.to_string())),
            Err(_) => return Err(unreachable("no answer in time".to_owned())),
        };
        let link = Link { session, events: events.spawn() };
        match timeout(limit, link.session.wait_for_connection()).await {
            Ok(true) => Ok(link),
            Ok(false) => Err(unreachable("the server refuses a session".to_owned())),
            Err(_) => Err(unreachable("no session in time".to_owned())),
        }
    }

    async fn identity(&self) -> Result<IdentityToken, String> {
        let Some(login) = &self.opcua.login else {
            return Ok(IdentityToken::new_anonymous());
        };
        let password = match &login.password_file {
            Some(file) => {
                let text = tokio::fs::read_to_string(file).await;
                text.map_err(|error| format!("{}: {error}", file.display()))?.trim_end().to_owned()
            }
            None => String::new(),
        };
        Ok(IdentityToken::new_user_name(&*login.user, password))
    }

    fn failure(&self, kind: FailureKind, words: &str) -> DeviceFailure {
        DeviceFailure { kind, words: format!("{}: {words}", self.opcua.endpoint) }
    }

    fn readings(&self, values: &[DataValue]) -> Vec<(ReadingIx, Reading)> {
        let now = self.clock.now().wall;
        let read = |(at, spec): (usize, &site::ReadingSpec)| {
            let Place::Node(node) = spec.place else { return None };
            let told = told(values.get(node)?, spec.form, self.opcua.nodes.get(node)?);
            Some((ReadingIx::new(at), Reading::Reported(Box::new(bounds::time(told, now)))))
        };
        self.device.readings.iter().enumerate().filter_map(read).collect()
    }
}

/// The site has seen to its form; what the library does not take reads as a node that is not there.
fn node(text: &str) -> NodeId {
    NodeId::from_str(text).unwrap_or_default()
}

/// One value with what the server says of it.
fn told(value: &DataValue, form: Form, node: &str) -> Reported {
    let status = value.status.unwrap_or(StatusCode::Good);
    let time =
        value.source_timestamp.and_then(|time| u64::try_from(time.as_chrono().timestamp_millis()).ok());
    let (reading, said) = match said(status) {
        Ok(said) => (reading(value.value.as_ref(), form, node), said),
        Err(reading) => (reading, Said::Good),
    };
    reported(reading, form, said, time)
}

/// A status as we take it; the reading in its place where there is no value at all.
fn said(status: StatusCode) -> Result<Said, Reading> {
    // The lower half says what does not matter here: limits, overflows of a queue.
    let code = StatusCode::from(status.bits() & 0xFFFF_0000);
    match code {
        StatusCode::BadNotImplemented | StatusCode::BadNotSupported => Err(Reading::NotImplemented),
        StatusCode::BadNodeIdUnknown | StatusCode::BadNodeIdInvalid => {
            Err(Reading::Invalid("the server has no such node".to_owned()))
        }
        StatusCode::BadUserAccessDenied | StatusCode::BadNotReadable | StatusCode::BadAttributeIdInvalid => {
            Err(Reading::Invalid(format!("the server does not let us read it: {code}")))
        }
        StatusCode::GoodLocalOverride => Ok(Said::Forced),
        StatusCode::BadNoCommunication
        | StatusCode::BadNotConnected
        | StatusCode::UncertainLastUsableValue
        | StatusCode::UncertainNoCommunicationLastUsableValue => Ok(Said::Lost),
        _ if status.is_good() => Ok(Said::Good),
        _ if status.is_uncertain() => Ok(Said::Doubtful),
        _ => Ok(Said::Bad),
    }
}

fn reading(value: Option<&Variant>, form: Form, node: &str) -> Reading {
    let typed = match value {
        None | Some(Variant::Empty) => return Reading::NotImplemented,
        Some(Variant::Boolean(state)) => Typed::State(*state),
        Some(Variant::SByte(value)) => Typed::Whole((*value).into()),
        Some(Variant::Byte(value)) => Typed::Whole((*value).into()),
        Some(Variant::Int16(value)) => Typed::Whole((*value).into()),
        Some(Variant::UInt16(value)) => Typed::Whole((*value).into()),
        Some(Variant::Int32(value)) => Typed::Whole((*value).into()),
        Some(Variant::UInt32(value)) => Typed::Whole((*value).into()),
        Some(Variant::Int64(value)) => Typed::Whole((*value).into()),
        Some(Variant::UInt64(value)) => Typed::Whole((*value).into()),
        Some(Variant::Float(value)) => Typed::Real((*value).into()),
        Some(Variant::Double(value)) => Typed::Real(*value),
        Some(_) => {
            return Reading::Invalid(format!("node {node}: its value is neither a number nor a state"));
        }
    };
    match typed.reading(form) {
        Reading::Invalid(words) => Reading::Invalid(format!("node {node}: {words}")),
        reading => reading,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ieee1815::Flags;

    const NUMBER: Form = Form::Number { scale: 0.5 };

    fn of(value: Option<Variant>, status: u32) -> (Reading, Option<Flags>) {
        let value = DataValue { value, status: Some(StatusCode::from(status)), ..DataValue::null() };
        let told = told(&value, NUMBER, "i=1");
        (told.reading, told.flags)
    }

    #[test]
    fn a_status_is_a_part_of_its_value() {
        let eight = || Some(Variant::Double(8.0));
        let four = Reading::Number(4.0);
        assert_eq!(of(eight(), 0), (four.clone(), None));
        assert_eq!(
            of(eight(), 0x0000_0480),
            (four.clone(), None),
            "the lower half says nothing of the value"
        );
        assert_eq!(of(eight(), 0x0096_0000).1, Some(Flags::ONLINE | Flags::REMOTE_FORCED));
        assert_eq!(of(eight(), 0x4000_0000).1, Some(Flags::ONLINE | Flags::REFERENCE_ERR));
        assert_eq!(of(eight(), 0x4090_0000).1, Some(Flags::COMM_LOST), "what updated it has stopped");
        assert_eq!(of(eight(), 0x8031_0000).1, Some(Flags::COMM_LOST));
        assert_eq!(of(eight(), 0x808B_0000).1, Some(Flags::NONE), "the device has failed");
        assert_eq!(of(eight(), 0x8040_0000).0, Reading::NotImplemented);
        assert_eq!(of(None, 0).0, Reading::NotImplemented);
        assert!(matches!(of(None, 0x8034_0000).0, Reading::Invalid(words) if words.contains("no such node")));
        assert_eq!(of(Some(Variant::Int16(-8)), 0).0, Reading::Number(-4.0));
        assert!(matches!(of(Some(Variant::Boolean(true)), 0).0, Reading::Invalid(_)));
        assert!(matches!(of(Some(Variant::String("8".into())), 0).0, Reading::Invalid(_)));
    }
}
