//! How numbers, counts and choices are told. A number never stands without saying of what.

/// What a number is a number of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Noun<'a> {
    /// Before it: "index ".
    before: &'a str,
    /// After it, where it is 1: "master".
    one: &'a str,
    /// After it, where it is not 1: "masters".
    many: &'a str,
    /// After all of it, in what was found and in what would hold: "at the lower end".
    tail: &'a str,
    /// After all of what was found.
    found: &'a str,
}

impl<'a> Noun<'a> {
    /// Something counted.
    pub(super) const fn counted(one: &'a str, many: &'a str) -> Self {
        Self { before: "", one, many, tail: "", found: "" }
    }

    /// A unit, which is the same for one and for many.
    pub(super) const fn unit(unit: &'a str) -> Self {
        Self::counted(unit, unit)
    }

    /// A number that is a name: "index 3".
    pub(super) const fn named(before: &'a str) -> Self {
        Self { before, one: "", many: "", tail: "", found: "" }
    }

    /// With what follows wherever it is told.
    pub(super) const fn tail(self, tail: &'a str) -> Self {
        Self { tail, ..self }
    }

    /// With what follows where it was found.
    pub(super) const fn found(self, found: &'a str) -> Self {
        Self { found, ..self }
    }

    fn number(&self, number: f64) -> String {
        let noun = if (number - 1.0).abs() < 1e-9 { self.one } else { self.many };
        let number = short(number);
        spaced(&[self.before, &number, noun])
    }

    /// The number as it was found.
    pub(super) fn told(&self, number: f64) -> String {
        spaced(&[&self.number(number), self.found, self.tail])
    }

    /// Limits that would hold, each with its word, its number and where the number is from.
    pub(super) fn limits(&self, limits: &[(&str, f64, String)]) -> String {
        let told = |number: f64, from: &str| spaced(&[&self.number(number), from]);
        let text = match limits {
            // As when a limit must reach a figure and must not pass it.
            [(_, low, from), (_, high, _)] if (low - high).abs() < 1e-9 => {
                format!("exactly {}", told(*low, from))
            }
            limits => {
                let each = limits.iter().map(|(words, number, from)| spaced(&[words, &told(*number, from)]));
                each.collect::<Vec<_>>().join(" and ")
            }
        };
        spaced(&[&text, self.tail])
    }
}

/// The parts that are not empty, blanks between them.
fn spaced(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ")
}

/// A number without the digits of a binary fraction.
pub(super) fn short(number: f64) -> String {
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A share, in as many digits as anybody reads.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", short((share * 1e4).round() / 1e4))
}

/// Words with commas between them.
pub(super) fn listed(words: impl Iterator<Item = impl ToString>) -> String {
    let words: Vec<_> = words.map(|word| word.to_string()).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// Words of which one will do.
pub(super) fn either(words: impl Iterator<Item = impl ToString>) -> String {
    joined(words, "or")
}

/// Words that are all meant.
pub(super) fn all(words: impl Iterator<Item = impl ToString>) -> String {
    joined(words, "and")
}

fn joined(words: impl Iterator<Item = impl ToString>, last: &str) -> String {
    let words: Vec<_> = words.map(|word| word.to_string()).collect();
    match words.split_last() {
        None => String::new(),
        Some((word, [])) => word.clone(),
        Some((word, others)) => format!("{} {last} {word}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Noun, all, either, short};

    #[test]
    fn numbers_say_of_what() {
        let masters = Noun::counted("master", "masters");
        assert_eq!(masters.told(1.0), "1 master");
        assert_eq!(masters.told(0.0), "0 masters");
        assert_eq!(masters.limits(&[("at least", 2.0, String::new())]), "at least 2 masters");
        assert_eq!(Noun::named("index").tail("on the wire").told(0.0), "index 0 on the wire");
        let mw = Noun::unit("MW").tail("at the lower end");
        let from = || "(pmin)".to_owned();
        assert_eq!(mw.limits(&[("at least", -5.0, from())]), "at least -5 MW (pmin) at the lower end");
        let both = [("at least", 4.0, from()), ("at most", 4.0, from())];
        assert_eq!(mw.limits(&both), "exactly 4 MW (pmin) at the lower end");
    }

    #[test]
    fn choices_read_as_people_say_them() {
        assert_eq!(either([1, 2, 3].iter()), "1, 2 or 3");
        assert_eq!(either([1].iter()), "1");
        assert_eq!(all(["a", "b"].iter()), "a and b");
        assert_eq!(
            (short(0.1 + 0.2), short(-0.5), short(100.0)),
            ("0.3".into(), "-0.5".into(), "100".into())
        );
    }
}
