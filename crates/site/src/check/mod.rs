//! From `site.toml` as written to a [`Site`]: all problems are collected, none is left for the first poll to find.

mod capture;
mod checks;
mod derive;
mod device;
mod drives;
mod headings;
mod history;
mod hsl;
mod mapped;
mod masters;
mod networked;
mod observe;
mod points;
mod primary;
mod publish;
mod regulating;
mod resource;
mod scoring;
mod served;
mod setpoints;
mod source;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use config::{Problems, Source, Spanned};
use telemetry::scale::UNITS_AT_FULL_SCALE;
use telemetry::{PointId, Unit};

use crate::defaults::{Defaults, Purpose, TlsFloor, problem_of_profile};
use crate::device::DeviceIx;
use crate::map::RegisterMap;
use crate::model::{Analog, Connection, Digital, SetPoint, Site};
use crate::raw::RawSite;
use crate::resource::{Component, Station};

/// Events kept for each master, unless the file says otherwise.
const EVENTS_MAX_DEFAULT: usize = 1000;
/// Seconds of silence after which a master is asked whether it is still there, where the file does not say: a master
/// that scans every 4 s is silent for so long only when something is wrong.
const KEEP_ALIVE_DEFAULT: u64 = 20;
/// The longest silence that may be asked for, in seconds.
const KEEP_ALIVE_MAX: u64 = 86_400;
/// The most that the file may say: a buffer is memory for each master.
const EVENTS_MAX_MAX: usize = 1_000_000;
/// Figures of set points that are taken, by size; as full scales.
pub(crate) const FIGURES: RangeInclusive<f64> = UNITS_AT_FULL_SCALE;
/// DNP3 addresses above are reserved.
pub(crate) const ADDRESS_MAX: u16 = 65_519;

impl Site {
    /// Reads and checks a site file that is to be run without a profile.
    ///
    /// # Errors
    /// Everything wrong with the file, at its lines and columns; files that it names and that do not exist.
    pub fn read(path: &Path) -> Result<Self, Problems> {
        Self::from_source(&Source::read(path)?)
    }

    /// Checks the text of a site that is to be run without a profile.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn from_source(source: &Source) -> Result<Self, Problems> {
        Self::read_with(source, &Defaults::default(), Purpose::Run)
    }

    /// Checks a site's text. Where it says nothing `defaults` hold; `purpose` says how much must be there already.
    ///
    /// # Errors
    /// As for [`Self::read`].
    pub fn read_with(source: &Source, defaults: &Defaults, purpose: Purpose) -> Result<Self, Problems> {
        let raw: RawSite = source.parse()?;
        let index_offset = raw.outstation.index_offset.unwrap_or(defaults.index_offset);
        let mut check = Check {
            source,
            defaults,
            purpose,
            problems: Problems::default(),
            index_offset,
            components: Vec::new(),
            stations: Vec::new(),
            points: BTreeMap::new(),
            units: BTreeMap::new(),
            indexes: BTreeMap::new(),
            pulses: BTreeMap::new(),
            driven: BTreeMap::new(),
            told: BTreeMap::new(),
            sheet_names: BTreeMap::new(),
            maps: Vec::new(),
        };
        let site = check.site(raw);
        check.problems.into_result(site)
    }
}

/// What kind of point an id names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Analog,
    Digital,
    SetPoint,
    /// The status of a control.
    Pulse,
}

impl Kind {
    const fn words(self) -> &'static str {
        match self {
            Self::Analog => "analog",
            Self::Digital => "digital",
            Self::SetPoint => "set point",
            Self::Pulse => "pulse",
        }
    }
}

pub(crate) struct Check<'a> {
    source: &'a Source,
    defaults: &'a Defaults,
    purpose: Purpose,
    pub(crate) problems: Problems,
    index_offset: i32,
    components: Vec<Component>,
    stations: Vec<Station>,
    points: BTreeMap<PointId, Kind>,
    /// Of the points that are quantities.
    units: BTreeMap<PointId, Unit>,
    indexes: BTreeMap<(Kind, u16), PointId>,
    /// DNP3 indexes of pulses, and which set point has them.
    pulses: BTreeMap<u16, PointId>,
    /// Registers that take a set point, and which.
    driven: BTreeMap<(DeviceIx, u16), PointId>,
    /// SunSpec devices that take a set point, and which.
    told: BTreeMap<DeviceIx, PointId>,
    sheet_names: BTreeMap<(Kind, Arc<str>), PointId>,
    /// The register map of each device, where it has one.
    maps: Vec<Option<RegisterMap>>,
}

impl Check<'_> {
    pub(crate) fn problem(&mut self, at: Range<usize>, field: impl Into<String>, message: impl Into<String>) {
        self.problems.add(self.source.problem(at, field, message));
    }

    fn site(&mut self, raw: RawSite) -> Site {
        let profile = problem_of_profile(self.source, raw.site.profile.as_ref());
        profile.into_iter().for_each(|problem| self.problems.add(problem));
        let socket = self.socket("site.socket", &raw.site.socket);
        let outstation = self.outstation(&raw.outstation);
        let tls = self.tls(&raw.tls);
        let master_file = raw.resource.as_ref().map(|raw| self.master_file(raw)).unwrap_or_default();
        self.components(&raw.component);
        self.stations(&raw.station);
        let masters = self.masters(&raw.master, outstation.address);
        let mut devices = self.devices(&raw.device);
        let mut analogs: Vec<_> =
            raw.analog.iter().enumerate().map(|(at, raw)| self.analog(at, raw, &mut devices)).collect();
        let mut digitals: Vec<_> =
            raw.digital.iter().enumerate().map(|(at, raw)| self.digital(at, raw, &mut devices)).collect();
        let heartbeat = raw.heartbeat.as_ref().map(|raw| self.heartbeat(raw));
        let connection = raw.connection.as_ref().map(|raw| self.connection(raw));
        let setpoints: Vec<_> = raw
            .setpoint
            .iter()
            .enumerate()
            .map(|(at, raw)| self.setpoint(at, raw, &analogs, &devices))
            .collect();
        self.derived_points((&raw.analog, &mut analogs), (&raw.digital, &mut digitals));
        let (analogs, digitals): (Vec<_>, Vec<_>) =
            (analogs.into_iter().flatten().collect(), digitals.into_iter().flatten().collect());
        self.no_circles(&raw, &analogs, &digitals, connection.as_ref(), &setpoints);
        let history = raw.history.as_ref().map(|raw| self.history(raw));
        let publish = self.publish(&raw.publish, history.is_some(), &raw.site.name);
        let metrics = raw.metrics.as_ref().map(|raw| self.metrics(raw, outstation.listen));
        let clock = raw.clock.as_ref().map(|raw| self.clock(raw));
        let capture = raw.capture.as_ref().map(|raw| self.capture(raw));
        Site {
            file: self.source.file().to_owned(),
            name: raw.site.name.into(),
            resource: raw.site.resource,
            profile: raw.site.profile.map(|text| text.into_inner().into()),
            overlay: raw.site.overlay.map(|path| self.source.resolve(path.get_ref())),
            master_file,
            components: std::mem::take(&mut self.components),
            stations: std::mem::take(&mut self.stations),
            socket,
            outstation,
            tls,
            tls_floor: raw.tls.min_version().and_then(TlsFloor::of).unwrap_or_default(),
            masters,
            devices,
            analogs,
            digitals,
            heartbeat,
            connection,
            setpoints,
            history,
            publish,
            metrics,
            clock,
            capture,
        }
    }

    /// Refuses points that are made of themselves. A set point follows its actual power, so it counts as made of it.
    fn no_circles(
        &mut self,
        raw: &RawSite,
        analogs: &[Analog],
        digitals: &[Digital],
        connection: Option<&Connection>,
        setpoints: &[SetPoint],
    ) {
        let owned = |inputs: Vec<&PointId>| inputs.into_iter().cloned().collect::<Vec<_>>();
        let mut made = BTreeMap::new();
        for (analog, derive) in analogs.iter().filter_map(|one| Some((one, one.derive.as_ref()?))) {
            made.insert(analog.point.id.clone(), owned(derive.inputs()));
        }
        for (digital, derive) in digitals.iter().filter_map(|one| Some((one, one.derive.as_ref()?))) {
            made.insert(digital.point.id.clone(), owned(derive.inputs()));
        }
        if let Some(unit) = connection {
            made.insert(unit.point.id.clone(), owned(unit.derive.inputs()));
        }
        for setpoint in setpoints {
            let follows = vec![setpoint.actual.clone()];
            made.insert(setpoint.feedback.point.id.clone(), follows.clone());
            made.insert(setpoint.point.id.clone(), follows);
        }
        let analogs = raw.analog.iter().map(|raw| (&raw.id, raw.derive.as_ref()));
        let digitals = raw.digital.iter().map(|raw| (&raw.id, raw.derive.as_ref()));
        let places = analogs
            .chain(digitals)
            .filter_map(|(id, derive)| Some((PointId::from(id.get_ref().as_str()), derive?.span())));
        self.circles(&made, &places.collect());
    }

    /// Where a local socket can be.
    fn socket(&mut self, field: &str, path: &Spanned<PathBuf>) -> PathBuf {
        let resolved = self.source.resolve(path.get_ref());
        if let Err(error) = localsocket::check(&resolved) {
            self.problem(path.span(), field, error.to_string());
        }
        resolved
    }

    /// A text that must say something.
    pub(crate) fn id(&mut self, field: &str, id: &Spanned<String>) {
        self.word(field, id, "an id");
    }

    /// One word: an id, a role.
    pub(crate) fn word(&mut self, field: &str, word: &Spanned<String>, what: &str) {
        let text = word.get_ref();
        if text.is_empty() || text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            let message = format!("`{text}` is not {what}: it must not be empty or hold blanks");
            self.problem(word.span(), field, message);
        }
    }

    /// A text of one line that must say something.
    pub(crate) fn line(&mut self, field: &str, line: &Spanned<String>) -> Arc<str> {
        let text = line.get_ref();
        if text.trim().is_empty() || text.chars().any(char::is_control) {
            let message = format!("`{text}`, must be a text of one line, not empty");
            self.problem(line.span(), field, message);
        }
        text.as_str().into()
    }

    /// A number of milliseconds within `low..=high`.
    pub(crate) fn millis(
        &mut self,
        field: impl Into<String>,
        value: &Spanned<u64>,
        allowed: (u64, u64),
    ) -> Duration {
        let time = Duration::from_millis(*value.get_ref());
        self.within(field, value.span(), time, allowed);
        time
    }

    /// A time, told at a place, within so many milliseconds.
    pub(crate) fn within(
        &mut self,
        field: impl Into<String>,
        at: Range<usize>,
        time: Duration,
        (low, high): (u64, u64),
    ) {
        if !(Duration::from_millis(low)..=Duration::from_millis(high)).contains(&time) {
            self.problem(at, field, format!("{} ms, allowed: {low} to {high}", time.as_millis()));
        }
    }

    /// A number that must be finite and above 0.
    pub(crate) fn above_zero(&mut self, field: impl Into<String>, value: &Spanned<f64>) -> f64 {
        let number = *value.get_ref();
        if !(number.is_finite() && number > 0.0) {
            self.problem(value.span(), field, format!("{number}, must be above 0"));
            return 1.0;
        }
        number
    }

    /// A figure of a set point that must be above 0: beyond what is taken it would come to nothing, or to everything.
    pub(crate) fn figure(&mut self, field: impl Into<String>, value: &Spanned<f64>) -> f64 {
        let (number, field) = (*value.get_ref(), field.into());
        if number > 0.0 && !FIGURES.contains(&number) {
            let (least, most) = FIGURES.into_inner();
            self.problem(value.span(), field, format!("{number:e}, allowed: {least:e} to {most:e}"));
            return 1.0;
        }
        self.above_zero(field, value)
    }

    /// Two figures of a set point, the lower first, and apart.
    pub(crate) fn apart(&mut self, field: &str, at: Range<usize>, low: f64, high: f64) {
        let (least, most) = FIGURES.into_inner();
        let within = low.abs() <= most && high.abs() <= most;
        if low < high && !(within && high - low >= least) {
            let message = format!(
                "[{low:e}, {high:e}], allowed: within -{most:e} and {most:e}, at least {least:e} apart"
            );
            self.problem(at, field, message);
        }
    }

    /// Two numbers, the lower first.
    pub(crate) fn ordered(&mut self, field: impl Into<String>, value: &Spanned<(f64, f64)>) -> (f64, f64) {
        let (low, high) = *value.get_ref();
        if !(low.is_finite() && high.is_finite() && low < high) {
            let message = format!("[{low}, {high}], must be two numbers, the lower one first");
            self.problem(value.span(), field, message);
        }
        (low, high)
    }

    /// The id of a point of one of `kinds` that must exist.
    pub(crate) fn point(&mut self, field: impl Into<String>, id: &Spanned<String>, kind: Kind) -> PointId {
        let message = match self.points.get(id.get_ref().as_str()) {
            Some(found) if *found == kind => None,
            Some(found) => Some(format!(
                "`{}` is a point of kind {}, wanted: {}",
                id.get_ref(),
                found.words(),
                kind.words()
            )),
            None => Some(format!("there is no point `{}`", id.get_ref())),
        };
        if let Some(message) = message {
            self.problem(id.span(), field, message);
        }
        id.get_ref().as_str().into()
    }
}
