//! What the system's service manager (systemd) is told, where it started us: that we are ready, how we are, and that
//! the machine still turns. Nothing else feeds its watchdog: a program that only looks alive is to be started anew.

use std::time::Duration;

use sd_notify::NotifyState;
use telemetry::Mono;

/// How often the status line is looked at where there is no watchdog.
const STATUS_EVERY: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(crate) struct Notify {
    /// `None` where nobody wants to be told.
    every: Option<Duration>,
    watchdog: bool,
    next: Mono,
    status: String,
}

impl Notify {
    /// As the environment says.
    pub(crate) fn from_environment() -> Self {
        let watchdog = sd_notify::watchdog_enabled();
        let listens = std::env::var_os("NOTIFY_SOCKET").is_some();
        // Twice in the time that the manager allows, as it advises.
        let every = watchdog.map_or(STATUS_EVERY, |every| (every / 2).min(STATUS_EVERY));
        Self {
            every: listens.then_some(every.max(Duration::from_millis(1))),
            watchdog: watchdog.is_some(),
            next: Mono::ZERO,
            status: String::new(),
        }
    }

    /// Masters can connect.
    pub(crate) fn ready(&self, status: &str) {
        self.send(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// The configuration is being read again; [`ready`](Self::ready) ends it.
    pub(crate) fn reloading(&self) {
        let mut states = vec![NotifyState::Reloading];
        states.extend(NotifyState::monotonic_usec_now());
        self.send(&states);
    }

    /// The end has begun.
    pub(crate) fn stopping(&self) {
        self.send(&[NotifyState::Stopping]);
    }

    /// When [`turned`](Self::turned) wants to be called at the latest.
    pub(crate) fn due(&self) -> Option<Mono> {
        self.every.map(|_| self.next)
    }

    /// The machine has turned. `status` is asked for where it is time to tell.
    pub(crate) fn turned(&mut self, now: Mono, status: impl FnOnce() -> String) {
        let Some(every) = self.every.filter(|_| now >= self.next) else { return };
        self.next = now.plus(every);
        let status = status();
        let mut states = Vec::new();
        if self.watchdog {
            states.push(NotifyState::Watchdog);
        }
        if status != self.status {
            states.push(NotifyState::Status(&status));
        }
        if !states.is_empty() {
            self.send(&states);
        }
        self.status = status;
    }

    fn send(&self, states: &[NotifyState<'_>]) {
        if self.every.is_some()
            && let Err(error) = sd_notify::notify(states)
        {
            tracing::warn!(%error, "the service manager cannot be told");
        }
    }
}
