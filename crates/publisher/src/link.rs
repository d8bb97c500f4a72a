//! A connection to a place, whichever kind it is of.

use std::sync::Arc;

use historian::{Entry, Logged, Mark, Recorded};
use site::{Publish, PublishTo};

/// A place cannot be published to by this program, or not with what its files hold.
#[derive(Debug, thiserror::Error)]
#[error("publish `{name}`: {why}")]
pub struct Refused {
    name: String,
    why: String,
}

/// Why something could not be sent, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct LinkError(pub(crate) String);

/// What a place did with what it was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// It did not have them.
    pub(crate) new: u64,
    /// It had them already.
    pub(crate) repeated: u64,
    /// It can never take them, and they were left out.
    pub(crate) refused: u64,
    /// What it calls the place after the last one; 0 where it has no name for it.
    pub(crate) remote: u64,
}

/// An entry with its point.
pub(crate) type Sample = (Arc<Recorded>, Entry);

/// See the module.
pub(crate) enum Link {
    #[cfg(feature = "nats")]
    Nats(Box<crate::nats::Nats>),
    #[cfg(feature = "postgres")]
    Postgres(crate::postgres::Postgres),
}

/// Refuses what this program was built without, and files that cannot be read.
///
/// # Errors
/// The first that is refused.
pub fn check(publish: &[Publish]) -> Result<(), Refused> {
    for place in publish {
        look(place).map_err(|why| Refused { name: place.name.to_string(), why })?;
    }
    Ok(())
}

fn look(place: &Publish) -> Result<(), String> {
    let (built, feature) = match place.to {
        PublishTo::Nats { .. } => (cfg!(feature = "nats"), "nats"),
        PublishTo::Postgres { .. } => (cfg!(feature = "postgres"), "postgres"),
    };
    if !built {
        return Err(format!(
            "this program was built without `{feature}`; build it with --features {feature}, or leave it out"
        ));
    }
    #[cfg(any(feature = "nats", feature = "postgres"))]
    if let Some(tls) = &place.tls {
        crate::tls::config(tls)?;
    }
    Ok(())
}

impl Link {
    /// Connects. `mark` is how far the place has come, as far as the store knows.
    #[cfg_attr(
        not(any(feature = "nats", feature = "postgres")),
        expect(clippy::unused_async, reason = "of none")
    )]
    pub(crate) async fn open(place: &Publish, mark: &Mark) -> Result<Self, LinkError> {
        let _ = mark;
        match &place.to {
            #[cfg(feature = "nats")]
            PublishTo::Nats { url, stream, subject, credentials } => {
                let target =
                    crate::nats::Target { url, stream, subject, credentials: credentials.as_deref() };
                crate::nats::Nats::open(place, &target, mark).await.map(|nats| Self::Nats(Box::new(nats)))
            }
            #[cfg(feature = "postgres")]
            PublishTo::Postgres { url, password_file, schema } => {
                crate::postgres::Postgres::open(place, url, password_file.as_deref(), schema)
                    .await
                    .map(Self::Postgres)
            }
            #[cfg(not(all(feature = "nats", feature = "postgres")))]
            _ => Err(LinkError(look(place).err().unwrap_or_default())),
        }
    }

    /// What the place calls its next message, where that is to be remembered before anything is sent.
    pub(crate) fn begins_at(&self) -> Option<u64> {
        match *self {
            #[cfg(feature = "nats")]
            Self::Nats(ref nats) => nats.begins_at(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => None,
        }
    }

    /// There is nothing more to send.
    pub(crate) fn caught_up(&mut self) {
        match *self {
            #[cfg(feature = "nats")]
            Self::Nats(ref mut nats) => nats.caught_up(),
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => {}
        }
    }

    /// Sends samples; it has them when this returns.
    #[cfg_attr(
        not(any(feature = "nats", feature = "postgres")),
        expect(clippy::unused_async, reason = "of none")
    )]
    pub(crate) async fn samples(&mut self, samples: &[Sample]) -> Result<Taken, LinkError> {
        let _ = samples;
        match *self {
            #[cfg(feature = "nats")]
            Self::Nats(ref mut nats) => nats.samples(samples).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(ref mut postgres) => postgres.samples(samples).await,
        }
    }

    /// Sends events; it has them when this returns.
    #[cfg_attr(
        not(any(feature = "nats", feature = "postgres")),
        expect(clippy::unused_async, reason = "of none")
    )]
    pub(crate) async fn events(&mut self, events: &[Logged]) -> Result<Taken, LinkError> {
        let _ = events;
        match *self {
            #[cfg(feature = "nats")]
            Self::Nats(ref mut nats) => nats.events(events).await,
            #[cfg(feature = "postgres")]
            Self::Postgres(ref mut postgres) => postgres.events(events).await,
        }
    }
}
