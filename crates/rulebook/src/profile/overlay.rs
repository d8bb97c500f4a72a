//! An overlay: what somebody who holds the manual confirmed, entry by entry. It lifts tags and corrects values; it
//! never adds a rule.

use std::collections::BTreeSet;

use config::{Problems, Source};
use serde::{Deserialize, Serialize};

use super::entry::{Confirmation, Day, Value};
use super::{OverlayHead, Profile};
use crate::predicate::{Predicate, Referred, TLS_VERSIONS};

/// An overlay's file.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// What it is.
    pub overlay: OverlayFor,
    /// The entries confirmed.
    #[serde(default)]
    pub confirm: Vec<Correction>,
}

/// What an overlay is for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OverlayFor {
    /// The profile's id.
    pub profile: String,
    /// The document against which it was confirmed.
    pub document: String,
}

/// One entry confirmed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// The entry's id.
    pub id: String,
    /// The clause in the document.
    pub clause: String,
    /// The page in the document.
    pub page: String,
    /// The value that stands there, where it differs from ours.
    pub value: Option<Value>,
    /// Who read it.
    pub by: String,
    /// When.
    pub on: Day,
    /// What else the reader found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Profile {
    /// Why the entry of this id does not take a value, where it is of the entry's form.
    pub(crate) fn unfit(&self, id: &str, value: &Value) -> Option<String> {
        let setting = self.settings.iter().find(|one| one.entry.id == id);
        setting.and_then(|one| one.sets.defect(Some(value))).or_else(|| match value {
            Value::Number(number) if !number.is_finite() => Some("is not finite".to_owned()),
            Value::Text(text) if self.is_version(id) && !TLS_VERSIONS.contains(&text.as_str()) => {
                Some(format!("`{text}`, allowed: {}", TLS_VERSIONS.join(", ")))
            }
            _ => None,
        })
    }

    /// Whether something compares a TLS version with the entry's value.
    fn is_version(&self, id: &str) -> bool {
        self.asked()
            .flat_map(|(_, predicates)| predicates)
            .flat_map(Predicate::refers)
            .any(|(own, wanted)| own == id && wanted == Referred::TlsVersion)
    }

    /// The profile with an overlay laid over it.
    ///
    /// # Errors
    /// Everything wrong with the overlay: another profile's, an entry that does not exist or stands twice, a value of
    /// another form, nobody's name.
    pub fn with_overlay(mut self, source: &Source) -> Result<Self, Problems> {
        let overlay: Overlay = source.parse()?;
        let places = source.places();
        let mut problems = Problems::default();
        let mut problem = |path: &str, message: String| {
            let mut problem = source.whole(path, message);
            problem.at = Some(places.nearest(path));
            problems.add(problem);
        };
        if overlay.overlay.profile != self.head.id {
            let message = format!("`{}`, but the profile is `{}`", overlay.overlay.profile, self.head.id);
            problem("overlay.profile", message);
        }
        if overlay.overlay.document.trim().is_empty() {
            problem("overlay.document", "is empty: against what it was confirmed must be told".to_owned());
        }
        let mut corrected = 0;
        for (at, one) in overlay.confirm.iter().enumerate() {
            let path = |field: &str| format!("confirm[{at}].{field}");
            if overlay.confirm.iter().take(at).any(|other| other.id == one.id) {
                problem(&path("id"), format!("`{}` is confirmed twice", one.id));
            }
            for (field, text) in [("by", &one.by), ("page", &one.page), ("clause", &one.clause)] {
                if text.trim().is_empty() {
                    problem(
                        &path(field),
                        "is empty: who, where and on which page is what a confirmation is".to_owned(),
                    );
                }
            }
            let unfit = one.value.as_ref().and_then(|value| self.unfit(&one.id, value));
            let Some(entry) = self.entries_mut().find(|entry| entry.id == one.id) else {
                problem(&path("id"), format!("the profile has no entry `{}`", one.id));
                continue;
            };
            if let Some(value) = &one.value {
                let known = entry.value.as_ref();
                let same_form =
                    known.is_some_and(|known| std::mem::discriminant(known) == std::mem::discriminant(value));
                match (same_form, unfit) {
                    (false, _) => {
                        let told = match known {
                            Some(known) => {
                                format!("`{value}`, but the entry's is `{known}`: of another form")
                            }
                            None => "the entry has no value that could be corrected".to_owned(),
                        };
                        problem(&path("value"), told);
                    }
                    (true, Some(defect)) => problem(&path("value"), defect),
                    (true, None) if entry.value.as_ref() != Some(value) => {
                        entry.corrected_from = entry.value.replace(value.clone());
                        corrected += 1;
                    }
                    (true, None) => {}
                }
            }
            entry.clause.clone_from(&one.clause);
            entry.confirmed = Some(Confirmation {
                by: one.by.clone(),
                on: one.on,
                page: one.page.clone(),
                note: one.note.clone(),
            });
        }
        let by: BTreeSet<_> = overlay.confirm.iter().map(|one| one.by.clone()).collect();
        self.overlay = Some(OverlayHead {
            file: source.file().display().to_string(),
            document: overlay.overlay.document,
            by: by.into_iter().collect(),
            confirmed: overlay.confirm.len(),
            corrected,
            entries: overlay.confirm,
        });
        problems.into_result(self)
    }
}
