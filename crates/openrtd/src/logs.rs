//! The log: what a program says to whoever keeps it running. It goes to stderr, so that stdout stays a journal.
//!
//! No secret ever goes there: keys are read by the TLS library and by nothing else, and what the DNP3 sessions carry is
//! logged by kind and point, never by octets.

use std::io::IsTerminal as _;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// What is logged where nobody asks for more. The reader of workbooks tells its own story of a file that ours tells.
const FILTER: &str = "info,calamine=off";

/// Where a filter comes from, unless the command line says it.
const VARIABLE: &str = "OPENRTD_LOG";

#[derive(Clone, Debug, Args)]
pub(crate) struct Logs {
    /// How much is logged: error, warn, info, debug, trace or off; of parts alone, such as warn,rtd::acquire=debug
    #[arg(long, value_name = "LEVEL", value_parser = filter)]
    pub(crate) log_level: Option<String>,
    /// How a line of the log is written
    #[arg(long, value_enum, default_value_t)]
    pub(crate) log_format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// A level is one of the six: a word that is none would be taken for the name of a part, and nothing be logged.
fn filter(text: &str) -> Result<String, String> {
    let allowed = "allowed: error, warn, info, debug, trace, off, and PART=LEVEL, with commas between";
    for part in text.split(',') {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        let known = level.parse::<tracing::level_filters::LevelFilter>().is_ok();
        if !known || level.is_empty() || level.parse::<u8>().is_ok() {
            return Err(format!("`{part}`, {allowed}"));
        }
    }
    EnvFilter::try_new(text).map_err(|error| format!("{error}, {allowed}"))?;
    Ok(text.to_owned())
}

/// Begins to log.
pub(crate) fn begin(logs: Option<&Logs>) {
    let asked = logs.and_then(|logs| logs.log_level.as_deref());
    let filter = match asked {
        Some(asked) => EnvFilter::new(asked),
        None => EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(FILTER)),
    };
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        // A stderr that was closed is no reason to fail.
        .log_internal_errors(false);
    match logs.map(|logs| logs.log_format).unwrap_or_default() {
        Format::Text => subscriber.init(),
        Format::Json => {
            subscriber.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_that_is_none_is_refused() {
        for good in ["info", "WARN", "off", "warn,rtd::acquire=debug", "rtd=trace"] {
            assert_eq!(filter(good).as_deref(), Ok(good));
        }
        for wrong in ["", "verbose", "info,", "rtd=", "rtd=loud", "7"] {
            assert!(filter(wrong).unwrap_err().contains("allowed: error, warn"), "{wrong}");
        }
    }
}
