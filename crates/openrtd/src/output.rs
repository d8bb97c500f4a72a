//! What goes to stdout and stderr. A reader that went away (`| head`) is an end, never a panic, so `println!` is not
//! used anywhere.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use telemetry::journal::JournalReader;

/// The reader of stdout is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

/// Something meant for stdout was lost, and not because its reader went away.
static LOST: AtomicBool = AtomicBool::new(false);

/// Whether something meant for stdout was lost: a full disk must not look like success.
pub(crate) fn lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// One line on stdout.
pub(crate) fn say(line: &str) -> Result<(), Gone> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| {
        if error.kind() != io::ErrorKind::BrokenPipe && !LOST.swap(true, Ordering::Relaxed) {
            complain(&format!("error: stdout: {error}"));
        }
        Gone
    })
}

/// One line on stderr; nobody can be told where that fails.
pub(crate) fn complain(line: &str) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// Writes a journal to stdout, each record as `form` makes it a line, on a thread of its own, so that a slow reader
/// costs records and not time. A reader that goes away ends the journal, not the program that writes it.
pub(crate) fn print_journal(
    reader: JournalReader,
    form: fn(String) -> Option<String>,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("journal".to_owned()).spawn(move || {
        let mut told = 0;
        loop {
            let Ok(record) = reader.next_within(Duration::from_millis(500)) else { return };
            if record.and_then(form).is_some_and(|line| say(&line).is_err()) {
                tracing::warn!("stdout takes no more: no journal from here on");
                return;
            }
            let dropped = reader.dropped();
            if dropped > told {
                tracing::warn!(dropped, "the journal's reader is too slow, records were dropped");
                told = dropped;
            }
        }
    })
}
