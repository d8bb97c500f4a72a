//! Points and sessions replaced while the outstation runs. What stays keeps its value, its events, and what each
//! master was told of it and asked of it; what goes takes its events along. The tables are built anew, so that
//! nothing of this costs a poll anything.

use alloc::vec::Vec;

use super::events::Events;
use super::points::Points;
use super::session::Session;
use super::unsolicited::Unsolicited;
use super::{ConfigError, Outstation, PointConfig, SessionConfig, no_reserved};
use crate::channel::Channel;
use crate::functions::READ;
use crate::{PointType, Time};

/// A session of [`Outstation::reconfigure`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionChange {
    /// What it is from now on.
    pub config: SessionConfig,
    /// The position of the session that goes on as this one; `None`: a new one. One that several name goes on as the
    /// first of them.
    pub from: Option<usize>,
}

impl Outstation {
    /// Replaces points and sessions. A point that was there under the same type and index and that `keeps` says yes
    /// to goes on with its value, its events and what masters arranged for it; every other one begins with its
    /// initial value, and what waited of its predecessor is dropped for all masters. A session that goes on keeps its
    /// connection, unless what its link works by changes (its addresses above all): then it has to be connected anew.
    ///
    /// Best called while no session [is answering](Self::is_answering); an answer of several fragments that is under
    /// way goes on with the points that are there then.
    ///
    /// # Errors
    /// See [`ConfigError`]; nothing is changed then.
    pub fn reconfigure(
        &mut self,
        points: &[PointConfig],
        sessions: Vec<SessionChange>,
        keeps: &dyn Fn(PointType, u16) -> bool,
        now: Time,
    ) -> Result<(), ConfigError> {
        let mut table = Points::new(points)?;
        no_reserved(sessions.iter().map(|change| &change.config))?;
        let stays = |key: &(PointType, u16)| keeps(key.0, key.1).then(|| table.find(*key)).flatten();
        let places: Vec<Option<usize>> = self.points.rows().iter().map(|point| stays(&point.key)).collect();
        for (before, at) in places.iter().enumerate() {
            if let (Some(at), Some(row)) = (at, self.points.row(before)) {
                table.keep(*at, row);
            }
        }
        let moves = Moves { places: &places, before: &self.points, after: &table };
        let mut olds: Vec<Option<Session>> = self.sessions.drain(..).map(Some).collect();
        let renewed = sessions.into_iter().map(|change| {
            match change.from.and_then(|from| olds.get_mut(from)).and_then(Option::take) {
                Some(mut session) => {
                    session.reconfigure(change.config, &moves, now);
                    session
                }
                None => Session::new(change.config, &table),
            }
        });
        let renewed = renewed.collect();
        (self.points, self.sessions) = (table, renewed);
        Ok(())
    }

    /// Whether a response of several fragments is under way; it waits for the master, or for its time-out.
    #[must_use]
    pub fn is_answering(&self) -> bool {
        self.sessions.iter().any(Session::is_answering)
    }
}

/// Where the rows of the table before are in the one after.
pub(super) struct Moves<'a> {
    /// By row before; `None`: it is gone, and what stands in its place is another point.
    pub(super) places: &'a [Option<usize>],
    pub(super) before: &'a Points,
    pub(super) after: &'a Points,
}

impl Moves<'_> {
    /// Whether something is gone.
    fn any_gone(&self) -> bool {
        self.places.contains(&None)
    }

    /// Where an answer that had come to this row goes on, or where it ends.
    pub(super) fn boundary(&self, row: usize) -> usize {
        match self.before.row(row) {
            Some(row) => self.after.rows().partition_point(|after| after.key < row.point.key),
            None => self.after.rows().len(),
        }
    }
}

impl Session {
    pub(super) fn is_answering(&self) -> bool {
        self.awaits_confirm() && !self.series.is_over()
    }

    fn reconfigure(&mut self, config: SessionConfig, moves: &Moves<'_>, now: Time) {
        self.channel.set_keep_alive(config.keep_alive);
        self.config.keep_alive = config.keep_alive;
        if self.config.channel() != config.channel() {
            self.channel = Channel::new(config.channel());
            self.reset(false, now);
        }
        if self.config.unsolicited != config.unsolicited {
            self.unsolicited_give_up();
            self.unsolicited = config.unsolicited.map(Unsolicited::new);
        }
        if moves.any_gone() {
            // What was made of points that mean something else now is neither said again nor acted on.
            self.select = None;
            if self.last_request.get(1) == Some(&READ) {
                self.last_request.clear();
                self.reply.clear();
            }
        }
        self.events.remember(config.remember_told);
        self.events.reconfigure(config.events_max, config.events_of_a_type_max, moves);
        self.series.reconfigure(moves);
        self.config = config;
    }
}

impl Events {
    fn reconfigure(&mut self, max: usize, max_of_a_type: usize, moves: &Moves<'_>) {
        self.move_rows(moves);
        self.limit(max, max_of_a_type);
    }
}
