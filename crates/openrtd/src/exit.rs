//! How a command ends: 0 fine, 1 the thing failed, 2 usage or unreadable input. Scripts rely on it.

use std::process::ExitCode;

/// Why a command did not end well.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The user's input cannot be used.
    #[error("{0}")]
    Input(String),
    /// The input was fine, the thing failed.
    #[error("{0}")]
    Failed(String),
    /// The thing worked and its report, already told, holds findings.
    #[error("findings")]
    Found,
}

impl Failure {
    /// The thing failed with `error`.
    #[expect(clippy::needless_pass_by_value, reason = "`map_err` gives it away")]
    pub(crate) fn failed(error: impl ToString) -> Self {
        Self::Failed(error.to_string())
    }

    fn code(&self) -> u8 {
        match self {
            Self::Input(_) => 2,
            Self::Failed(_) | Self::Found => 1,
        }
    }
}

impl From<config::Problems> for Failure {
    fn from(problems: config::Problems) -> Self {
        Self::Input(problems.to_string())
    }
}

/// Tells the failure on stderr, one line for each thing that is wrong.
pub(crate) fn report(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) if crate::output::lost() => ExitCode::FAILURE,
        Ok(()) => ExitCode::SUCCESS,
        Err(failure @ Failure::Found) => failure.code().into(),
        Err(failure) => {
            for line in failure.to_string().lines() {
                crate::output::complain(&format!("error: {line}"));
            }
            failure.code().into()
        }
    }
}
