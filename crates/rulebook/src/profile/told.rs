//! What the TOML reader says of a profile, told for whoever wrote it: with the entry's name, in plain words.

use config::{Places, Problem, Problems, Source};

use super::entry::Table;

/// Adds to each problem the id of the entry that it lies in.
pub(super) fn named(source: &Source, problems: &Problems) -> Problems {
    let places = source.places();
    let entries = entries(source, &places);
    let mut told = Problems::default();
    for problem in problems.iter() {
        let message = plain(&problem.message).unwrap_or(&problem.message);
        let entry = problem.at.and_then(|at| {
            let last = entries.iter().filter(|(place, _)| *place <= at).max_by_key(|(place, _)| *place)?;
            // Another table may have begun since.
            let between = last.0.0..at.0;
            let begun = between.filter_map(|line| source.text().lines().nth(line)).any(is_header);
            (!begun).then_some(&last.1)
        });
        let message = match entry {
            Some(id) => format!("entry `{id}`: {message}"),
            None => message.to_owned(),
        };
        told.add(Problem { message, ..problem.clone() });
    }
    told
}

/// Where each entry begins, and its id (its path where it has none that can be read).
fn entries(source: &Source, places: &Places) -> Vec<((usize, usize), String)> {
    let mut entries = Vec::new();
    for table in Table::ALL {
        for at in 0.. {
            let path = format!("{}[{at}]", table.text());
            let Some(place) = places.at(&path) else { break };
            let id = places.at(&format!("{path}.id")).and_then(|(line, _)| {
                let text = source.text().lines().nth(line.checked_sub(1)?)?;
                let value = text.split_once('=')?.1.split('#').next()?.trim();
                Some(value.trim_matches(['"', '\'']).to_owned())
            });
            entries.push((place, id.unwrap_or(path)));
        }
    }
    entries
}

/// Whether a line begins a table. A line inside a list of lists ends in a comma, or is not all brackets and a name.
fn is_header(line: &str) -> bool {
    let line = line.split('#').next().unwrap_or_default().trim();
    let name = line.trim_start_matches('[').trim_end_matches(']');
    let bare = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    line.starts_with('[') && line.ends_with(']') && !name.is_empty() && name.chars().all(bare)
}

/// What the reader's own words for a predicate's form come to.
fn plain(message: &str) -> Option<&'static str> {
    match message {
        message if message.starts_with("wanted exactly 1 element") => {
            Some("one predicate in each pair of braces, such as { served = true }")
        }
        message if message.starts_with("invalid type: unit variant") => {
            Some("a predicate has a value, such as { served = true }")
        }
        _ => None,
    }
}
