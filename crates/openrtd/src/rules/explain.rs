//! `openrtd explain`: what a rule, a point or a quality means, why it exists, where it comes from and how sure we are.

use super::cli::Explain;
use crate::exit::Failure;

/// `openrtd explain`.
pub(crate) fn explain(_arguments: &Explain) -> Result<(), Failure> {
    Err(Failure::Failed("not yet".to_owned()))
}
