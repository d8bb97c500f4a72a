//! `[metrics]` and `[clock]`: how the device is watched, and what its clock is held against.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::Check;
use crate::model::{Clock, Metrics};
use crate::raw::{RawClock, RawMetrics};

/// Where metrics are served unless the file says otherwise: to this machine only.
const METRICS_DEFAULT: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 9464);

/// Servers asked at most.
const NTP_MAX: usize = 8;
/// A time server is not ours to burden; the same bounds as in NTP itself (2^4 to 2^10 s).
const POLL_S: (u64, u64) = (16, 1_024);
const POLL_S_DEFAULT: u64 = 64;
const OFFSET_MS: (u64, u64) = (1, 60_000);
const OFFSET_MS_DEFAULT: u64 = 100;

impl Check<'_> {
    pub(super) fn metrics(&mut self, raw: &RawMetrics, dnp3: SocketAddr) -> Metrics {
        let listen = raw.listen.as_ref().map_or_else(|| METRICS_DEFAULT.into(), |at| *at.get_ref());
        if let Some(at) = raw.listen.as_ref().filter(|_| listen == dnp3 && listen.port() != 0) {
            self.problem(at.span(), "metrics.listen", format!("{listen} is outstation.listen, too"));
        }
        Metrics { listen }
    }

    pub(super) fn clock(&mut self, raw: &RawClock) -> Clock {
        let ntp = raw.ntp.get_ref();
        if ntp.is_empty() || ntp.len() > NTP_MAX {
            let message = format!("{} servers, allowed: 1 to {NTP_MAX}", ntp.len());
            self.problem(raw.ntp.span(), "clock.ntp", message);
        }
        for (at, server) in ntp.iter().enumerate() {
            let address = server.get_ref();
            if address.port() == 0 || address.ip().is_unspecified() {
                let message = format!("`{address}` is no server's address, such as 192.0.2.1:123");
                self.problem(server.span(), format!("clock.ntp[{at}]"), message);
            }
            if ntp.iter().take(at).any(|before| before.get_ref() == address) {
                self.problem(
                    server.span(),
                    format!("clock.ntp[{at}]"),
                    format!("`{address}` is there twice"),
                );
            }
        }
        let poll = self.counted("clock.poll_s", raw.poll_s.as_ref(), POLL_S);
        let offset = self.counted("clock.offset_max_ms", raw.offset_max_ms.as_ref(), OFFSET_MS);
        Clock {
            ntp: ntp.iter().map(|server| *server.get_ref()).collect(),
            poll: Duration::from_secs(poll.unwrap_or(POLL_S_DEFAULT)),
            offset_max: Duration::from_millis(offset.unwrap_or(OFFSET_MS_DEFAULT)),
        }
    }
}
