//! What a point is called, which way it counts and what kind of resource it belongs to.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The stable name of a point. DNP3 indexes are data; ids never change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PointId(Arc<str>);

impl PointId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a shared text, to name it as a cause without copying.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl<T: Into<Arc<str>>> From<T> for PointId {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl Borrow<str> for PointId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which way a source counts. The product's own convention: generation and discharge positive, load and charge
/// negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sign {
    /// The source counts as we do.
    #[serde(rename = "+")]
    AsSource,
    /// The source counts the other way round.
    #[serde(rename = "-")]
    Turned,
}

impl Sign {
    /// The source's value in our convention.
    #[must_use]
    pub fn apply(self, value: f64) -> f64 {
        match self {
            Self::AsSource => value,
            Self::Turned => -value,
        }
    }
}
