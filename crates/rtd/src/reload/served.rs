//! What an index meant when it was last served. A point that goes in one change and comes back in another with other
//! counts is read by the ISO's data base as the one that it still has.

use std::collections::BTreeMap;

use ieee1815::PointType;
use site::Site;
use telemetry::{Scale, Unit};

use super::points::{View, scale_words, views};

type Meaning = Option<(Unit, Scale)>;

/// Type and index of all that was served since the start, with what counts meant there at last.
#[derive(Clone, Debug, Default)]
pub struct Served(BTreeMap<(PointType, u16), Meaning>);

impl Served {
    /// What a site serves that the device starts with.
    #[must_use]
    pub fn of(site: &Site) -> Self {
        let mut served = Self::default();
        served.remember(site);
        served
    }

    /// A site is in force: what it serves is what its indexes mean from now on.
    pub fn remember(&mut self, site: &Site) {
        let now = views(site).into_iter().filter_map(|view| Some((view.place()?, view.scale)));
        self.0.extend(now);
    }

    /// What a point's counts would be taken for, where that is something else than they are.
    pub(super) fn taken_for(&self, view: &View<'_>) -> Option<String> {
        let meant = self.0.get(&view.place()?)?;
        (*meant != view.scale).then(|| scale_words(*meant))
    }
}
