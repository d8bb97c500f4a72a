//! Ctrl-C, SIGTERM and a terminal that goes away: all of them mean 'end in order'. To a device, which runs without a
//! terminal, the last of them means 'read your file again'.

use std::io::{self, Read as _};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// The signals, caught from now on.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where it means something else.
    hangup: Option<Signal>,
}

impl Signals {
    /// Starts catching.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { hangup: Some(signal(SignalKind::hangup())?), ..Self::but_hangup()? })
    }

    /// Starts catching all but SIGHUP.
    pub(crate) fn but_hangup() -> io::Result<Self> {
        let (interrupt, terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        Ok(Self { interrupt, terminate, hangup: None })
    }

    /// Waits for one.
    pub(crate) async fn stop(&mut self) {
        let Self { interrupt, terminate, hangup } = self;
        let hangup = async {
            match hangup {
                Some(hangup) => drop(hangup.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = hangup => {}
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
