//! Settings: what a device or an EMS takes from the profile where its own file says nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use site::{Defaults, ServedDefaults};
use telemetry::{ResourceKind, WireForm};

use super::entry::{Day, Value};
use super::{Profile, Setting};
use crate::predicate::TLS_VERSIONS;

macro_rules! keys {
    ($($variant:ident $text:literal $form:ident $doc:literal;)*) => {
        /// What a setting sets.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        pub enum SettingKey { $(#[doc = $doc] #[serde(rename = $text)] $variant,)* }

        impl SettingKey {
            /// The key as written in files.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            const fn form(self) -> Form {
                match self { $(Self::$variant => Form::$form,)* }
            }
        }
    };
}

/// What a setting's value must be.
#[derive(Clone, Copy)]
enum Form {
    Anything,
    Offset,
    Variation,
    Class,
    Millis,
    Count,
    Wire,
    Scan,
    Serve,
    Tls,
}

keys! {
    None "none" Anything "Nothing yet: a fact that is told.";
    IndexOffset "index-offset" Offset "Wire index less sheet index.";
    Wire "wire" Wire "`counts` or `engineering`.";
    AgeMax "age-max-ms" Millis "Age limit of a point.";
    AnalogStatic "analog-static-variation" Variation "Of g30.";
    AnalogEvent "analog-event-variation" Variation "Of g32.";
    AnalogClass "analog-class" Class "Event class of analogs.";
    DigitalStatic "digital-static-variation" Variation "Of g1.";
    DigitalEvent "digital-event-variation" Variation "Of g2.";
    DigitalClass "digital-class" Class "Event class of digitals.";
    OutputStatic "output-static-variation" Variation "Of g40.";
    OutputEvent "output-event-variation" Variation "Of g42.";
    OutputClass "output-class" Class "Event class of outputs.";
    HeartbeatPeriod "heartbeat-period-ms" Millis "Least time between two advances.";
    HeartbeatWrap "heartbeat-wrap" Count "Counts 0 to this less one.";
    ScanPeriod "scan-period-ms" Millis "Time between two scans of the EMS.";
    ScanMode "scan-mode" Scan "`events` or `class0`.";
    IntegrityScans "integrity-scans" Count "One integrity poll in so many scans.";
    Serve "serve" Serve "`all` points, or those `listed` for the resource's kinds.";
    TlsMinVersion "tls-min-version" Tls "Oldest TLS version.";
}

impl SettingKey {
    /// What is wrong with a value for this key.
    #[must_use]
    pub fn defect(self, value: Option<&Value>) -> Option<String> {
        let whole = |low: f64, high: f64| match value.and_then(Value::number) {
            Some(number) if number.fract() == 0.0 && (low..=high).contains(&number) => None,
            _ => Some(format!("`value` of `{}` must be a whole number from {low} to {high}", self.text())),
        };
        let word = |allowed: &[&str]| match value.and_then(Value::text) {
            Some(text) if allowed.contains(&text) => None,
            _ => Some(format!("`value` of `{}` must be one of: {}", self.text(), allowed.join(", "))),
        };
        match self.form() {
            Form::Anything => None,
            Form::Offset => whole(-65_535.0, 65_535.0),
            Form::Variation => whole(1.0, 8.0),
            Form::Class => whole(0.0, 3.0),
            Form::Millis => whole(1.0, 86_400_000.0),
            Form::Count => whole(1.0, 1_000_000.0),
            Form::Wire => word(&["counts", "engineering"]),
            Form::Scan => word(&["events", "class0"]),
            Form::Serve => word(&["all", "listed"]),
            Form::Tls => word(&TLS_VERSIONS),
        }
    }
}

/// What a scan asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanMode {
    /// Events, with an integrity poll now and then.
    Events,
    /// All statics.
    Class0,
}

/// What the ISO's side takes from a profile where its file says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanDefaults {
    /// Time between two scans.
    pub period: Option<Duration>,
    /// What a scan asks for.
    pub mode: Option<ScanMode>,
    /// One integrity poll in so many scans.
    pub integrity_scans: Option<u32>,
}

impl Profile {
    /// The setting in force on `day`.
    #[must_use]
    pub fn setting(&self, key: SettingKey, day: Day) -> Option<&Setting> {
        self.settings.iter().rev().find(|setting| setting.sets == key && setting.entry.in_force(day))
    }

    fn number(&self, key: SettingKey, day: Day) -> Option<f64> {
        self.setting(key, day)?.entry.value.as_ref()?.number()
    }

    fn word(&self, key: SettingKey, day: Day) -> Option<&str> {
        self.setting(key, day)?.entry.value.as_ref()?.text()
    }

    /// A whole number; the reader has made sure that it is one and within bounds.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, and bounded by the reader"
    )]
    fn whole(&self, key: SettingKey, day: Day) -> Option<u32> {
        self.number(key, day).map(|number| number as u32)
    }

    fn millis(&self, key: SettingKey, day: Day) -> Option<Duration> {
        self.whole(key, day).map(|millis| Duration::from_millis(millis.into()))
    }

    /// What a device takes where its site file says nothing. `kinds`: the resource's and its components'.
    #[must_use]
    pub fn defaults(&self, kinds: &[ResourceKind], day: Day) -> Defaults {
        let small = |key| self.whole(key, day).and_then(|number| u8::try_from(number).ok());
        let served = |stat, event, class| ServedDefaults {
            static_variation: small(stat),
            event_variation: small(event),
            class: small(class),
        };
        #[expect(clippy::cast_possible_truncation, reason = "whole, and bounded by the reader")]
        let index_offset = self.number(SettingKey::IndexOffset, day).map_or(0, |number| number as i32);
        Defaults {
            index_offset,
            wire: self.wire(day),
            age_max: self.millis(SettingKey::AgeMax, day),
            heartbeat_period: self.millis(SettingKey::HeartbeatPeriod, day),
            heartbeat_wrap: self.whole(SettingKey::HeartbeatWrap, day),
            analog: served(SettingKey::AnalogStatic, SettingKey::AnalogEvent, SettingKey::AnalogClass),
            digital: served(SettingKey::DigitalStatic, SettingKey::DigitalEvent, SettingKey::DigitalClass),
            output: served(SettingKey::OutputStatic, SettingKey::OutputEvent, SettingKey::OutputClass),
            roles: self.roles(kinds, day),
        }
    }

    /// Counts or engineering values.
    #[must_use]
    pub fn wire(&self, day: Day) -> WireForm {
        match self.word(SettingKey::Wire, day) {
            Some("engineering") => WireForm::Engineering,
            _ => WireForm::Counts,
        }
    }

    /// The roles that are served; `None`: all points are.
    #[must_use]
    pub fn roles(&self, kinds: &[ResourceKind], day: Day) -> Option<BTreeSet<String>> {
        let listed = self.word(SettingKey::Serve, day) == Some("listed");
        listed.then(|| {
            self.points
                .iter()
                .filter(|point| point.entry.in_force(day) && point.need != super::Need::Forbidden)
                .filter(|point| point.kinds.iter().any(|kind| kinds.contains(kind)))
                .map(|point| point.role.clone())
                .collect()
        })
    }

    /// What the ISO's side takes where its file says nothing.
    #[must_use]
    pub fn scan(&self, day: Day) -> ScanDefaults {
        ScanDefaults {
            period: self.millis(SettingKey::ScanPeriod, day),
            mode: match self.word(SettingKey::ScanMode, day) {
                Some("events") => Some(ScanMode::Events),
                Some("class0") => Some(ScanMode::Class0),
                _ => None,
            },
            integrity_scans: self.whole(SettingKey::IntegrityScans, day),
        }
    }
}
