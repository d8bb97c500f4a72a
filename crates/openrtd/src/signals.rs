//! Ctrl-C, SIGTERM and a terminal that goes away: all of them mean 'end in order'.

use std::io::{self, Read as _};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// The signals, caught from now on.
pub(crate) struct Signals([Signal; 3]);

impl Signals {
    /// Starts catching.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    /// Waits for one.
    pub(crate) async fn stop(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

/// What told a program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// One of [`Signals`].
    Signal,
    /// Stdin ended.
    Stdin,
}

/// Waits until somebody asks twice and is in a hurry. A parent that goes away often ends stdin and sends a signal in one
/// breath: that is asking once.
pub(crate) async fn hurry(told: Told, mut signal: impl AsyncFnMut()) {
    if told == Told::Stdin {
        signal().await;
    }
    signal().await;
}

/// Resolves when stdin ends. On a thread of its own, which nobody waits for: a read of stdin cannot be given up.
pub(crate) fn stdin_ends() -> io::Result<oneshot::Receiver<()>> {
    let (ended, end) = oneshot::channel();
    std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        let mut scrap = [0; 1_024];
        while matches!(io::stdin().read(&mut scrap), Ok(1..)) {}
        // Nobody listens where the program is over.
        let _ = ended.send(());
    })?;
    Ok(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_with_the_end_of_stdin_is_asking_once() {
        for (told, wanted) in [(Told::Signal, 1), (Told::Stdin, 2)] {
            let mut signals = 0;
            hurry(told, async || signals += 1).await;
            assert_eq!(signals, wanted, "{told:?}");
        }
    }
}
