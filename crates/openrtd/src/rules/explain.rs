//! `openrtd explain`: what a rule, a point or a quality means, why it exists, where it comes from and how sure we are.

use rulebook::Profile;
use rulebook::explain::{Answer, Candidate, Explanation, OnSite, explain as what_is};
use serde_json::json;

use super::cli::Explain;
use super::{book, judged};
use crate::exit::Failure;
use crate::output::say;

/// `openrtd explain`.
pub(crate) fn explain(arguments: &Explain) -> Result<(), Failure> {
    let (profile, answer) = match &arguments.site {
        None => {
            let profile = book(&arguments.book)?;
            let answer = what_is(&arguments.what, &profile, None);
            (profile, answer)
        }
        Some(file) => {
            let judged = judged(file, &arguments.book, None)?;
            let on_site =
                OnSite { site: &judged.site, certificates: &judged.certificates, report: &judged.report };
            let answer = what_is(&arguments.what, &judged.profile, Some(&on_site));
            (judged.profile, answer)
        }
    };
    let told = match answer {
        Answer::Found(found) if arguments.json => found_json(&profile, &found),
        Answer::Found(found) => found.iter().map(Explanation::text).collect::<Vec<_>>().join("\n\n"),
        Answer::Several(candidates) if arguments.json => {
            format!(
                "{:#}",
                json!({ "profile": profile.head.id, "word": arguments.what, "candidates": candidates })
            )
        }
        Answer::Several(candidates) => several(&arguments.what, &candidates),
        Answer::Unknown(near) => return Err(Failure::Input(unknown(&arguments.what, &profile, &near))),
    };
    // A reader that went away has seen enough.
    let _ = say(&told);
    Ok(())
}

fn found_json(profile: &Profile, found: &[Explanation]) -> String {
    let head = json!({ "id": profile.head.id, "edition": profile.head.edition });
    format!("{:#}", json!({ "profile": head, "explanations": found }))
}

fn several(word: &str, candidates: &[Candidate]) -> String {
    let lines: Vec<_> = candidates
        .iter()
        .map(|one| {
            let doubt = if one.citable { "" } else { ", unconfirmed" };
            format!("  {:<36} [{}{doubt}] {}", one.id, one.tag, one.title)
        })
        .collect();
    format!("{} entries begin with `{}`:\n{}", candidates.len(), word.escape_debug(), lines.join("\n"))
}

fn unknown(word: &str, profile: &Profile, near: &[String]) -> String {
    let near = match near {
        [] => "`openrtd rules --all` lists its entries".to_owned(),
        near => format!("nearest: {}", near.join(", ")),
    };
    format!(
        "`{}`: {} knows no entry, role, source, tag or section of this name, and it is no quality, reason, flag or \
         kind of resource (a point of a site needs --site FILE); {near}",
        word.escape_debug(),
        profile.head.id
    )
}

#[cfg(test)]
mod tests {
    use ieee1815::Flags;
    use telemetry::{Reason, ReasonKind, Reasons};

    #[test]
    fn the_flags_that_are_told_are_those_that_the_device_sends() {
        let bits = [
            (Flags::ONLINE, "ONLINE"),
            (Flags::RESTART, "RESTART"),
            (Flags::COMM_LOST, "COMM_LOST"),
            (Flags::REMOTE_FORCED, "REMOTE_FORCED"),
            (Flags::LOCAL_FORCED, "LOCAL_FORCED"),
            (Flags::OVER_RANGE, "OVER_RANGE"),
        ];
        for kind in ReasonKind::ALL {
            let sent = rtd::core::flags(&Reasons::of(Reason::new(kind, "cause")));
            let sent: Vec<_> =
                bits.iter().filter(|(bit, _)| sent.contains(*bit)).map(|(_, name)| *name).collect();
            assert_eq!(rulebook::explain::told(kind).flags, sent, "{kind:?}");
        }
    }
}
