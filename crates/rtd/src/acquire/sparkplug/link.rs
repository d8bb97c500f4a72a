//! One connection to a broker. It is never used again once anything went wrong with it: what waited in it is gone
//! with it, and a broker keeps nothing for us that could come late.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{
    AsyncClient, Event, EventLoop, Incoming, MqttOptions, NetworkOptions, Outgoing, PublishOptions, QoS,
    SubscribeFilter, SubscribeReasonCode,
};
use site::{Device, Sparkplug};
use telemetry::Now;
use telemetry::clock::SystemClock;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

/// A larger message is refused, and costs the connection.
const OCTETS_MAX: usize = 4 * 1024 * 1024;
/// A larger password is none.
const PASSWORD_OCTETS_MAX: usize = 64 * 1024;
/// Messages that wait for the driver; behind them the broker does.
const WAITING_MAX: usize = 64;

/// What comes over a connection.
#[derive(Debug)]
pub(super) enum Said {
    Connected,
    /// All topics that were asked for are ours, or the first that is not.
    Subscribed(Result<(), usize>),
    Message {
        topic: String,
        octets: Vec<u8>,
        retained: bool,
    },
    Asked,
    Answered,
    /// The last thing that comes.
    Broken(String),
}

/// A connection; closed when dropped.
pub(super) struct Link {
    client: AsyncClient,
    heard: mpsc::Receiver<(Now, Said)>,
    pump: AbortHandle,
}

impl Link {
    /// Begins to connect.
    pub(super) async fn open(
        device: &Device,
        sparkplug: &Sparkplug,
        clock: SystemClock,
    ) -> Result<Self, String> {
        let tls = sparkplug.tls.as_ref().map(|policy| policy.client().map(Arc::new)).transpose();
        let tls = tls.map_err(|error| format!("tls: {error}"))?;
        let (address, timeout) = (sparkplug.address, device.timeout.max(Duration::from_secs(1)));
        let broker = (address.ip().to_string(), address.port());
        let mut options = MqttOptions::new(&*sparkplug.client_id, broker);
        options.set_keep_alive(Sparkplug::keep_alive(device.poll));
        options.set_clean_session(true);
        options.set_max_packet_size(OCTETS_MAX, OCTETS_MAX);
        options.set_socket_connector(move |_, _| {
            let tls = tls.clone();
            async move {
                let connected = ieee1815_tokio::connect(address, tls, timeout).await;
                connected
                    .map(|(connection, _)| connection)
                    .map_err(|error| io::Error::other(error.to_string()))
            }
        });
        if let Some(login) = &sparkplug.login {
            match &login.password_file {
                Some(file) => {
                    let octets = tokio::fs::read(file).await;
                    let octets = octets.map_err(|error| format!("{}: {error}", file.display()))?;
                    let password = octets.trim_ascii_end().to_vec();
                    if password.len() > PASSWORD_OCTETS_MAX - 1 {
                        return Err(format!("{}: is too long for a password", file.display()));
                    }
                    options.set_credentials(&*login.user, password);
                }
                None => {
                    options.set_username(&*login.user);
                }
            }
        }
        let (client, mut events) = AsyncClient::builder(options).capacity(WAITING_MAX).build();
        let mut network = NetworkOptions::new();
        network.set_connection_timeout(timeout.as_secs().saturating_add(1));
        events.set_network_options(network);
        let (sender, heard) = mpsc::channel(WAITING_MAX);
        let pump = tokio::spawn(pump(events, sender, clock)).abort_handle();
        Ok(Self { client, heard, pump })
    }

    /// Cancellation-safe.
    pub(super) async fn next(&mut self) -> Option<(Now, Said)> {
        self.heard.recv().await
    }

    pub(super) fn subscribe(&self, topics: Vec<String>) -> Result<(), String> {
        // Values that were lost show in the sequence; told twice, they would break it.
        let filters = topics.into_iter().map(|topic| SubscribeFilter::new(topic, QoS::AtMostOnce));
        self.client.try_subscribe_many(filters).map_err(|error| error.to_string())
    }

    pub(super) fn publish(&self, topic: String, octets: Vec<u8>) -> Result<(), String> {
        let options = PublishOptions::new(QoS::AtMostOnce);
        self.client.try_publish(topic, octets, options).map_err(|error| error.to_string())
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// The library's loop may not be dropped in the middle, so it has a task of its own.
async fn pump(mut events: EventLoop, out: mpsc::Sender<(Now, Said)>, clock: SystemClock) {
    loop {
        let said = match events.poll().await {
            Ok(Event::Incoming(Incoming::ConnAck(_))) => Said::Connected,
            Ok(Event::Incoming(Incoming::SubAck(answer))) => {
                let refused = answer
                    .return_codes
                    .iter()
                    .position(|code| !matches!(code, SubscribeReasonCode::Success(_)));
                Said::Subscribed(refused.map_or(Ok(()), Err))
            }
            Ok(Event::Incoming(Incoming::Publish(message))) => Said::Message {
                topic: String::from_utf8_lossy(&message.topic).into_owned(),
                octets: message.payload.to_vec(),
                retained: message.retain,
            },
            Ok(Event::Incoming(Incoming::PingResp)) => Said::Answered,
            Ok(Event::Outgoing(Outgoing::PingReq)) => Said::Asked,
            Ok(_) => continue,
            Err(error) => Said::Broken(error.to_string()),
        };
        let last = matches!(said, Said::Broken(_));
        if out.send((clock.now(), said)).await.is_err() || last {
            return;
        }
    }
}
