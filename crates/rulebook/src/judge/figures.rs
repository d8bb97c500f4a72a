//! The numbers that predicates compare with: the profile's values and the Master File's figures, those in the unit of
//! the point that is held against them.

use site::Location;
use telemetry::Unit;

use super::ask::Context;
use super::subject::Subject;
use super::verdict::Verdict;
use super::words::Noun;
use crate::predicate::Ends;
use crate::profile::{Amount, Bounds, Figure};

impl Context<'_> {
    pub(crate) fn component_of(&self, subject: &Subject<'_>) -> Option<&site::Component> {
        self.site.components.get(subject.component()?.get())
    }

    /// Rated capacity, or Pmax where that is all there is.
    pub(super) fn capacity(&self, subject: &Subject<'_>) -> Option<f64> {
        self.figure(Figure::Capacity, subject).or_else(|| self.figure(Figure::Pmax, subject))
    }

    /// A figure of the subject's component, or of the resource where it has none.
    pub(super) fn figure(&self, figure: Figure, subject: &Subject<'_>) -> Option<f64> {
        let figures = match self.component_of(subject) {
            Some(component) => &component.figures,
            None => &self.site.master_file.figures,
        };
        match figure {
            Figure::Pmin => figures.pmin_mw,
            Figure::Pmax => figures.pmax_mw,
            Figure::Capacity => figures.capacity_mw,
            Figure::EnergyMin => figures.energy_min_mwh,
            Figure::EnergyMax => figures.energy_max_mwh,
            Figure::Ramp => figures.ramp_mw_per_min,
            Figure::Location | Figure::Id | Figure::DeviceName => None,
        }
    }

    /// The keys of a figure that the file does not give.
    pub(super) fn not_given(&self, figure: Figure, subject: &Subject<'_>) -> Vec<&'static str> {
        let file = &self.site.master_file;
        let location = self.component_of(subject).map_or(&file.location, |component| &component.location);
        let given = match figure {
            Figure::Location => return missing_of(location),
            Figure::Id => file.id.is_some(),
            Figure::DeviceName => file.device_name.is_some(),
            figure => self.figure(figure, subject).is_some(),
        };
        if given { Vec::new() } else { vec![figure.key()] }
    }

    pub(super) fn missing(&self, figure: Figure, subject: &Subject<'_>) -> Verdict {
        Verdict::NotJudged(self.missing_words(figure, subject))
    }

    pub(super) fn missing_words(&self, figure: Figure, subject: &Subject<'_>) -> String {
        let whose = match self.component_of(subject) {
            Some(component) => format!("component `{}`", component.id),
            None => "[resource]".to_owned(),
        };
        format!("{whose} gives no {}", figure.key())
    }

    /// A figure in a point's own unit: Pmax is in MW, and a point may be in kW.
    pub(super) fn figure_in(
        &self,
        unit: Option<Unit>,
        figure: Figure,
        subject: &Subject<'_>,
    ) -> Result<f64, String> {
        let number = self.figure(figure, subject).ok_or_else(|| self.missing_words(figure, subject))?;
        match (unit, own_unit(figure)) {
            (Some(unit), Some(own)) => own
                .convert(number, unit)
                .ok_or_else(|| format!("{unit} cannot be held against {figure}, which is in {own}")),
            _ => Ok(number),
        }
    }

    /// A number to compare with, and where it is from; `Err`: why there is none.
    pub(super) fn amount(&self, amount: &Amount, subject: &Subject<'_>) -> Result<(f64, String), String> {
        self.amount_in(None, amount, subject)
    }

    fn amount_in(
        &self,
        unit: Option<Unit>,
        amount: &Amount,
        subject: &Subject<'_>,
    ) -> Result<(f64, String), String> {
        match amount {
            Amount::Number(number) => Ok((*number, String::new())),
            Amount::Entry(id) => {
                let value = self.profile.entry(id).and_then(|entry| entry.value.as_ref()?.number());
                value
                    .map(|number| (number, String::new()))
                    .ok_or_else(|| format!("entry `{id}` has no number"))
            }
            Amount::Figure(figure) => Ok((self.figure_in(unit, *figure, subject)?, format!("({figure})"))),
            Amount::Minus(figure) => Ok((-self.figure_in(unit, *figure, subject)?, format!("(-{figure})"))),
        }
    }

    /// Whether a number that has no unit of a point keeps to bounds.
    pub(super) fn bounds(
        &self,
        subject: &Subject<'_>,
        field: &str,
        number: f64,
        noun: &Noun<'_>,
        bounds: &Bounds,
    ) -> Verdict {
        self.bounds_in(None, subject, field, number, noun, bounds)
    }

    /// Whether a number in a point's unit keeps to bounds.
    pub(super) fn bounds_in(
        &self,
        unit: Option<Unit>,
        subject: &Subject<'_>,
        field: &str,
        number: f64,
        noun: &Noun<'_>,
        bounds: &Bounds,
    ) -> Verdict {
        self.bounds_with(unit, subject, field, number, noun, (bounds, 0.0))
    }

    /// Whether a number keeps to bounds that are `slack` wider than they say.
    fn bounds_with(
        &self,
        unit: Option<Unit>,
        subject: &Subject<'_>,
        field: &str,
        number: f64,
        noun: &Noun<'_>,
        (bounds, slack): (&Bounds, f64),
    ) -> Verdict {
        let mut holds = true;
        let mut limits = Vec::new();
        for (limit, amount) in bounds.limits() {
            let (mut than, mut from) = match self.amount_in(unit, amount, subject) {
                Ok(amount) => amount,
                Err(why) => return Verdict::NotJudged(why),
            };
            if slack > 0.0 {
                than += if limit.is_lower() { -slack } else { slack };
                from = format!("{} and its margin)", from.trim_end_matches(')'));
            }
            holds &= limit.holds(number, than);
            limits.push((limit.words(), than, from));
        }
        Verdict::of(holds, field, noun.told(number), noun.limits(&limits))
    }

    /// Whether both ends of a band in a point's unit keep to bounds.
    pub(super) fn ends_in(
        &self,
        unit: Unit,
        subject: &Subject<'_>,
        field: &str,
        (low, high): (f64, f64),
        ends: &Ends,
    ) -> Verdict {
        let text = unit.to_string();
        let slack = match self.margin(unit, subject, ends) {
            Ok(slack) => slack,
            Err(why) => return Verdict::NotJudged(why),
        };
        let end = |number, tail, bounds| {
            let noun = Noun::unit(&text).tail(tail);
            self.bounds_with(Some(unit), subject, field, number, &noun, (bounds, slack))
        };
        end(low, "at the lower end", &ends.low).beside(end(high, "at the upper end", &ends.high))
    }

    /// How far both ends may be beyond, in a point's own unit.
    fn margin(&self, unit: Unit, subject: &Subject<'_>, ends: &Ends) -> Result<f64, String> {
        let Some(margin) = &ends.margin_percent else { return Ok(0.0) };
        let (percent, _) = self.amount(margin, subject)?;
        Ok(self.figure_in(Some(unit), Figure::Pmax, subject)?.abs() * percent / 100.0)
    }
}

/// The keys of a location that are missing.
pub(super) fn missing_of(location: &Location) -> Vec<&'static str> {
    let keys = [
        ("latitude", location.latitude),
        ("longitude", location.longitude),
        ("elevation_m", location.elevation_m),
    ];
    keys.into_iter().filter(|(_, given)| given.is_none()).map(|(key, _)| key).collect()
}

/// The unit that the Master File has a figure in.
pub(super) const fn own_unit(figure: Figure) -> Option<Unit> {
    match figure {
        Figure::Pmin | Figure::Pmax | Figure::Capacity => Some(Unit::Megawatt),
        Figure::EnergyMin | Figure::EnergyMax => Some(Unit::MegawattHour),
        Figure::Ramp => Some(Unit::MegawattPerMinute),
        Figure::Location | Figure::Id | Figure::DeviceName => None,
    }
}
