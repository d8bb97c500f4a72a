//! What somebody may have meant who wrote the name of a point that there is not.
//!
//! Names of points are words with dots between them. Whoever misses one has a letter wrong in a word, or the right
//! words in another place: letters that merely occur in both names say nothing.

/// So many are told at most.
const MOST: usize = 5;
/// What is less alike than this was not meant.
const ALIKE: f64 = 0.6;
/// A shorter text is in half of all names.
const WITHIN_MIN: usize = 3;

/// The names that are spelt nearly as `wrong`, the nearest first; none where there is none like it.
pub fn near<'a>(names: impl IntoIterator<Item = &'a str>, wrong: &str) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> = names
        .into_iter()
        .map(|name| (alike(name, wrong), name))
        .filter(|(score, _)| *score >= ALIKE)
        .collect();
    scored.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(other.1)));
    scored.into_iter().take(MOST).map(|(_, name)| name).collect()
}

/// `; near it: a, b`, or that there is none like it.
pub fn near_in_words<'a>(names: impl IntoIterator<Item = &'a str>, wrong: &str) -> String {
    match near(names, wrong).as_slice() {
        [] => ", and none is called like it".to_owned(),
        near => format!("; near it: {}", near.join(", ")),
    }
}

/// How alike two names are, 0 to 1: as a whole, or word by word wherever the words stand.
fn alike(name: &str, wrong: &str) -> f64 {
    let (name, wrong) = (name.to_lowercase(), wrong.to_lowercase());
    let whole = strsim::normalized_damerau_levenshtein(&name, &wrong);
    if wrong.chars().count() >= WITHIN_MIN && name.contains(&wrong) {
        return whole.max(0.9);
    }
    let best = |word: &str| {
        name.split('.').map(|other| strsim::normalized_damerau_levenshtein(word, other)).fold(0.0, f64::max)
    };
    let (mut sum, mut letters) = (0.0, 0.0);
    for word in wrong.split('.') {
        let weight = f64::from(u32::try_from(word.chars().count()).unwrap_or(u32::MAX));
        (sum, letters) = (sum + weight * best(word), letters + weight);
    }
    if letters > 0.0 { whole.max(sum / letters) } else { whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 11] = [
        "poi.mw",
        "poi.mvar",
        "poi.kv",
        "bess.mw",
        "bess.mw.setpoint",
        "bess.mw.feedback",
        "bess.soc",
        "bess.rating.mwh",
        "met.pressure",
        "rtd.heartbeat",
        "primary.status",
    ];

    #[test]
    fn a_letter_or_a_word_that_is_wrong_finds_what_was_meant() {
        let first = |wrong: &str| near(NAMES, wrong).first().copied();
        assert_eq!(first("bes.mw"), Some("bess.mw"));
        assert_eq!(first("poi.mwar"), Some("poi.mvar"));
        assert_eq!(first("POI.MW"), Some("poi.mw"));
        assert_eq!(first("setpoint"), Some("bess.mw.setpoint"));
        assert_eq!(first("fr.status"), Some("primary.status"));
        assert_eq!(first("mw.bess"), Some("bess.mw"));
    }

    #[test]
    fn what_only_has_the_same_letters_is_not_told() {
        let without = NAMES.into_iter().filter(|name| *name != "primary.status");
        assert_eq!(near(without.clone(), "fr.status"), [""; 0]);
        assert_eq!(near_in_words(without, "fr.status"), ", and none is called like it");
        assert_eq!(near(NAMES, ""), [""; 0]);
        assert_eq!(near(NAMES, "."), [""; 0]);
        assert_eq!(near([], "poi.mw"), [""; 0]);
    }
}
