//! What all pages share, and the overview.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use rulebook::report::STYLE;

use crate::{Draft, Material, begun};

/// A page with its head; `body` below the lines that say what it is.
pub(crate) fn page(material: &Material<'_>, title: &str, body: &Markup) -> String {
    let head = &material.report.profile;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) ": " (material.site.name) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) ": " (material.site.name) }
                p { small {
                    "Draft made from " code { (material.report.file) } " as of " (material.report.as_of)
                    ", with profile " code { (head.id) } " (" (head.edition) "). "
                    "This is not a form of the ISO; where the ISO has a form, copy what it asks for into it."
                } }
                (body)
            }
        }
    };
    page.into_string()
}

/// A value, or a line to write it on.
pub(crate) fn or_blank(value: Option<impl ToString>) -> Markup {
    match value {
        Some(value) => html! { (value.to_string()) },
        None => html! { "_______________" },
    }
}

/// The overview: what was made, and what the profile knows of papers.
pub(crate) fn index(material: &Material<'_>, drafts: &[Draft]) -> String {
    let body = html! {
        table {
            tr { th { "Draft" } th { "File" } }
            @for draft in drafts {
                tr { td { (draft.title) } td { a href=(draft.file) { (draft.file) } } }
            }
        }
        h2 { "Papers that the profile knows of" }
        table {
            tr { th { "Paper" } th { "Due" } th { "Source" } th { "Begun here" } }
            @for paper in material.profile.papers.iter().filter(|paper| paper.entry.in_force(material.report.as_of)) {
                @let entry = &paper.entry;
                tr class=(if entry.certainty().is_citable() { "" } else { "unconfirmed" }) {
                    td { (entry.title) @if let Some(note) = &entry.note { br; small { (note) } } }
                    td { (paper.due.as_deref().unwrap_or("not known")) }
                    td { small { code { (entry.id) } br; (entry.provenance()) } }
                    td { @if let Some(file) = begun(paper) { a href=(file) { (file) } } @else { "no" } }
                }
            }
        }
    };
    page(material, "Papers", &body)
}
