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
