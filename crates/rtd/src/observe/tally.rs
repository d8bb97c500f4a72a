//! What is counted of the records that the device tells, whether or not each of them goes into the journal.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::core::Record;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// By master and status.
    pub(crate) commands: BTreeMap<(Arc<str>, String), u64>,
    /// Times that a session came up, by master.
    pub(crate) connections: BTreeMap<Arc<str>, u64>,
    pub(crate) refused: u64,
    /// Alarms of the device itself that are raised now, by kind and subject, each in words. Those of points the machine
    /// knows.
    pub(crate) alarms: BTreeMap<(&'static str, Arc<str>), String>,
    /// Alarms that were raised since the start, by kind.
    pub(crate) alarms_raised: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn take(&mut self, record: &Record) {
        match record {
            Record::Command { master, status, .. } => {
                *self.commands.entry((Arc::clone(master), status.clone())).or_default() += 1;
            }
            Record::Session { state: "up", master: Some(master), .. } => {
                *self.connections.entry(Arc::clone(master)).or_default() += 1;
            }
            Record::Session { state: "refused", .. } => self.refused += 1,
            Record::Alarm { state: "raised", kind, point, subject, text, .. } => {
                if point.is_none() {
                    self.alarms.insert((kind, Arc::clone(subject)), text.clone());
                }
                *self.alarms_raised.entry(kind).or_default() += 1;
            }
            Record::Alarm { kind, point: None, subject, .. } => {
                self.alarms.remove(&(*kind, Arc::clone(subject)));
            }
            _ => {}
        }
    }
}
