//! What comes of asking one predicate of one subject.

/// What comes of asking.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// It holds.
    Holds,
    /// It does not.
    Fails(Miss),
    /// It cannot be told, and why.
    NotJudged(String),
}

/// Why a predicate does not hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Miss {
    /// The field below the subject's path that it is about; empty: the subject as a whole.
    pub(crate) field: String,
    /// What was found.
    pub(crate) found: String,
    /// What would hold.
    pub(crate) required: String,
    /// How to mend it, where the code knows better than the entry.
    pub(crate) fix: Option<String>,
}

impl Verdict {
    pub(crate) fn of(
        holds: bool,
        field: &str,
        found: impl Into<String>,
        required: impl Into<String>,
    ) -> Self {
        if holds {
            return Self::Holds;
        }
        Self::Fails(Miss {
            field: field.to_owned(),
            found: found.into(),
            required: required.into(),
            fix: None,
        })
    }

    /// A fact that must be as `wanted`.
    pub(crate) fn flag(fact: bool, wanted: bool, field: &str, yes: &str, no: &str) -> Self {
        let (found, required) = if fact { (yes, no) } else { (no, yes) };
        Self::of(fact == wanted, field, found, required)
    }

    /// Both: what is wrong with either is told.
    pub(crate) fn beside(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fails(one), Self::Fails(other)) => Self::Fails(Miss {
                found: format!("{} and {}", one.found, other.found),
                required: format!("{} and {}", one.required, other.required),
                field: one.field,
                fix: one.fix,
            }),
            (Self::Holds, other) | (Self::NotJudged(_), other @ Self::Fails(_)) => other,
            (one, _) => one,
        }
    }
}
