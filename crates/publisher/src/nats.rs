//! NATS JetStream.
//!
//! The stream knows a message by its id for some minutes only. So that a sample is there once however long we were
//! away, the mark remembers the sequence after the last that the stream acknowledged, and after each
//! connection we look at what came in from there on under our own subjects: what is there already is not sent again.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::context::ContextBuilder;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{self, Stream};
use async_nats::jetstream::{self};
use async_nats::{Client, ConnectOptions};
use futures::StreamExt as _;
use historian::{Logged, Mark};
use site::Publish;

use crate::link::{LinkError, Sample, Taken};
use crate::wire;

/// How long a connection, a request or an acknowledgement may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Messages on their way at once.
const IN_FLIGHT_MAX: usize = 500;
/// How long a stream that we make knows the ids of messages.
const DUPLICATES: Duration = Duration::from_secs(120);
/// How long the server keeps the consumer that we look back with.
const LOOKING_BACK: Duration = Duration::from_secs(60);
/// Octets of a message's head beside its id and the stream's name, and some to spare.
const HEAD: usize = 64;
/// Messages looked back at with one request.
const LOOK_AT_ONCE: usize = 1_000;

/// Where to.
pub(crate) struct Target<'a> {
    pub(crate) url: &'a str,
    pub(crate) stream: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) credentials: Option<&'a Path>,
}

/// A connection.
pub(crate) struct Nats {
    context: jetstream::Context,
    stream: String,
    /// What the subjects of this site begin with.
    prefix: String,
    /// The site, as ids and messages name it.
    token: String,
    site: String,
    /// The next message of the stream, where the mark knows none.
    begins_at: Option<u64>,
    /// Ids after the mark that the stream has already.
    have: HashSet<String>,
    /// Octets that a message may have, with its head.
    octets_max: usize,
    /// Ends the connection when this is dropped.
    _client: Client,
}

fn told(what: &str, error: &dyn std::fmt::Display) -> LinkError {
    LinkError(format!("{what}: {error}"))
}

impl Nats {
    pub(crate) async fn open(place: &Publish, to: &Target<'_>, mark: &Mark) -> Result<Self, LinkError> {
        let mut options = ConnectOptions::new()
            .name(format!("openrtd {}", place.site))
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            // We connect anew ourselves, and look back each time.
            .max_reconnects(1);
        if let Some(file) = to.credentials {
            let what = file.display().to_string();
            options = options.credentials_file(file).await.map_err(|error| told(&what, &error))?;
        }
        if let Some(tls) = &place.tls {
            options =
                options.require_tls(true).tls_client_config(crate::tls::config(tls).map_err(LinkError)?);
        }
        let client = options.connect(to.url).await.map_err(|error| told("cannot connect", &error))?;
        let context = ContextBuilder::new().timeout(PATIENCE).ack_timeout(PATIENCE).build(client.clone());
        let token = wire::subject(&place.site, false);
        let prefix = format!("{}.{token}", to.subject);
        let stream = context
            .get_or_create_stream(stream::Config {
                name: to.stream.to_owned(),
                // Of every site: another one that publishes here needs no change.
                subjects: vec![format!("{}.>", to.subject)],
                duplicate_window: DUPLICATES,
                ..stream::Config::default()
            })
            .await
            .map_err(|error| told(&format!("stream {}", to.stream), &error))?;
        let of_server = client.server_info().max_payload;
        // -1: it takes any.
        let of_stream = usize::try_from(stream.cached_info().config.max_message_size).unwrap_or(usize::MAX);
        let mut opened = Self {
            octets_max: of_server.min(of_stream),
            context,
            stream: to.stream.to_owned(),
            prefix,
            token,
            site: place.site.to_string(),
            begins_at: None,
            have: HashSet::new(),
            _client: client,
        };
        if mark.remote == 0 {
            let info = stream.get_info().await.map_err(|error| told("stream info", &error))?;
            opened.begins_at = Some(info.state.last_sequence.saturating_add(1));
        } else {
            opened.look_back(&stream, mark.remote).await?;
        }
        Ok(opened)
    }

    pub(crate) fn begins_at(&self) -> Option<u64> {
        self.begins_at
    }

    /// Remembers what of ours came in from message `from` on.
    async fn look_back(&mut self, stream: &Stream, from: u64) -> Result<(), LinkError> {
        let mut consumer = stream
            .create_consumer(pull::Config {
                deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
                ack_policy: AckPolicy::None,
                filter_subject: format!("{}.>", self.prefix),
                headers_only: true,
                inactive_threshold: LOOKING_BACK,
                ..pull::Config::default()
            })
            .await
            .map_err(|error| told("looking back", &error))?;
        let mut left = consumer.cached_info().num_pending;
        while left > 0 {
            let mut messages = consumer
                .fetch()
                .max_messages(LOOK_AT_ONCE)
                .messages()
                .await
                .map_err(|error| told("looking back", &error))?;
            let before = left;
            while let Some(message) = messages.next().await {
                let message = message.map_err(|error| told("looking back", &error))?;
                left = left.saturating_sub(1);
                let id = message.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Id"));
                self.have.extend(id.map(ToString::to_string));
            }
            if left == before {
                // The stream may have let some go meanwhile; what is there now counts.
                let info = consumer.info().await.map_err(|error| told("looking back", &error))?;
                left = info.num_pending;
            }
        }
        let name = consumer.cached_info().name.clone();
        // The server would remove it by itself, later.
        drop(stream.delete_consumer(&name).await);
        Ok(())
    }

    pub(crate) async fn samples(&mut self, samples: &[Sample]) -> Result<Taken, LinkError> {
        let messages = samples.iter().map(|(point, entry)| Message {
            subject: format!("{}.points.{}", self.prefix, wire::subject(&point.id, true)),
            id: format!("{}:{}:{}", self.token, entry.origin.boot, entry.origin.sequence),
            payload: wire::sample(&self.site, point, entry).to_string(),
        });
        self.send(messages.collect()).await
    }

    pub(crate) async fn events(&mut self, events: &[Logged]) -> Result<Taken, LinkError> {
        let messages = events.iter().map(|event| Message {
            subject: format!("{}.events.{}", self.prefix, wire::subject(&event.kind, true)),
            id: format!("{}:event:{}:{}", self.token, event.boot, event.sequence),
            payload: wire::event(&self.site, event).to_string(),
        });
        self.send(messages.collect()).await
    }

    async fn send(&mut self, messages: Vec<Message>) -> Result<Taken, LinkError> {
        let mut taken = Taken::default();
        let mut waiting = Vec::new();
        for Message { subject, id, payload } in messages {
            if self.have.remove(&id) {
                taken.repeated += 1;
                continue;
            }
            let octets = HEAD.saturating_add(id.len() + self.stream.len() + payload.len());
            if octets > self.octets_max {
                // Tried again it would hold up all that comes after it, for ever.
                tracing::error!(id, octets, most = self.octets_max, "publish: too large for NATS, left out");
                taken.refused += 1;
                continue;
            }
            let publish =
                PublishMessage::build().message_id(&id).expected_stream(&self.stream).payload(payload.into());
            let sent = self.context.send_publish(subject, publish).await;
            waiting.push(sent.map_err(|error| told("not sent", &error))?);
            if waiting.len() >= IN_FLIGHT_MAX {
                acknowledged(&mut waiting, &mut taken).await?;
            }
        }
        acknowledged(&mut waiting, &mut taken).await?;
        if !self.have.is_empty() {
            // What is there and was not come to yet lies before these, and is to be found again.
            taken.remote = 0;
        }
        Ok(taken)
    }

    /// There is nothing more to send: what was found and not come to went from the history meanwhile.
    pub(crate) fn caught_up(&mut self) {
        self.have.clear();
    }
}

struct Message {
    subject: String,
    id: String,
    payload: String,
}

async fn acknowledged(
    waiting: &mut Vec<jetstream::context::PublishAckFuture>,
    taken: &mut Taken,
) -> Result<(), LinkError> {
    for ack in waiting.drain(..) {
        let ack = ack.await.map_err(|error| told("not acknowledged", &error))?;
        taken.remote = taken.remote.max(ack.sequence.saturating_add(1));
        if ack.duplicate {
            taken.repeated += 1;
        } else {
            taken.new += 1;
        }
    }
    Ok(())
}
