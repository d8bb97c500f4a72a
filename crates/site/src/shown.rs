//! The points by which a set point shows itself: one list, so that whoever lists points leaves none of them out.

use telemetry::scale::COUNTS_16_MAX;
use telemetry::{Scale, Unit};

use crate::model::{Point, SetPoint};
use crate::regulating::Told;

/// Codes travel as they are, in 16 bits.
const CODE: Scale = Scale::Counts { max_units: COUNTS_16_MAX, max_counts: COUNTS_16_MAX };

/// An analog input that a set point makes of itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shown<'a> {
    /// Its place in the set point's table: `feedback`, `clamp`, `owner`, `score`, `primary.served.droop`.
    pub key: &'static str,
    /// What every point has.
    pub point: &'a Point,
    /// Its unit; a code is a count.
    pub unit: Unit,
    /// How it travels.
    pub wire: Scale,
    /// What it says, in words.
    pub says: &'static str,
}

impl SetPoint {
    /// The analog inputs that it makes of itself, served or not.
    pub fn shown(&self) -> impl Iterator<Item = Shown<'_>> {
        let how = &self.regulating;
        let code = |key, point, says| Shown { key, point, unit: Unit::Count, wire: CODE, says };
        let feedback = Shown {
            key: "feedback",
            point: &self.feedback.point,
            unit: self.unit,
            wire: self.wire,
            says: "the value in force",
        };
        let clamp = how.clamp.as_ref().map(|point| {
            code(
                "clamp",
                point,
                "what holds it back: 0 nothing, 1 hard limit, 2 energy, 3 soft limit, 4 ramp, 5 deadband, \
                 6 source of charge",
            )
        });
        let owner = how
            .owner
            .as_ref()
            .map(|point| code("owner", point, "who commands it: 0 local, 1 ISO, 2 schedule, 3 nobody, held"));
        let told = how.primary.iter().flat_map(move |primary| {
            let Told { status, droop, deadband, headroom, response } = &primary.told;
            let status = status.as_ref().map(|point| {
                code("primary.served.status", point, "whether the frequency is answered: 0 no, 1 yes")
            });
            let scaled = [
                ("primary.served.droop", droop, Unit::Percent, "the droop of the primary response"),
                ("primary.served.deadband", deadband, Unit::Hertz, "the dead band of the primary response"),
                ("primary.served.headroom", headroom, self.unit, "what the primary response could still add"),
                ("primary.served.response", response, self.unit, "what the primary response adds"),
            ];
            let scaled = scaled.into_iter().filter_map(move |(key, point, unit, says)| {
                let (point, wire) = point.as_ref()?;
                Some(Shown { key, point, unit, wire: *wire, says })
            });
            status.into_iter().chain(scaled)
        });
        let mark =
            "the number of the step that is scored, in its window; below 0 while the ISO's session is away";
        let score = how.score.as_ref().map(|score| code("score", &score.point, mark));
        std::iter::once(feedback).chain(clamp).chain(owner).chain(score).chain(told)
    }

    /// Those of them that belong into the ISO's sheet: what is only there for the history of a score does not.
    pub fn shown_in_sheet(&self) -> impl Iterator<Item = Shown<'_>> {
        let scored = self.regulating.score.is_some();
        self.shown().filter(move |one| {
            let kept_alone = one.unit == Unit::Count || one.key == "primary.served.response";
            !scored || !kept_alone || one.point.served.sheet_index.is_some()
        })
    }

    /// The states of its pulses (g10), with their keys.
    pub fn pulses(&self) -> impl Iterator<Item = (&'static str, &Point)> {
        let how = &self.regulating;
        let both = [("raise", &how.raise), ("lower", &how.lower)];
        both.into_iter().filter_map(|(key, point)| Some((key, point.as_ref()?)))
    }
}
