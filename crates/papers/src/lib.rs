//! Drafts of the papers of an installation, made from the site file, so that what is handed in is what runs.
//!
//! The ISO has forms of its own; none of them was seen. These are drafts in our own layout: they hold what the site
//! file knows, leave a line where it does not, and say so at their head. They copy no form.

mod diagram;
mod forms;
mod page;
mod points;

use rulebook::Profile;
use rulebook::judge::Report;
use rulebook::profile::Paper;
use site::Site;

/// What the papers are made from.
#[derive(Clone, Copy, Debug)]
pub struct Material<'a> {
    /// The site.
    pub site: &'a Site,
    /// The rules that it was held against.
    pub profile: &'a Profile,
    /// What came of that.
    pub report: &'a Report,
}

/// A paper, ready to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Name of its file.
    pub file: &'static str,
    /// What it is.
    pub title: &'static str,
    /// Its text.
    pub text: String,
}

/// Ids of the profile's papers that a draft is a beginning of.
const BEGUN: &[(&str, &[&str])] = &[
    ("points.html", &["paper.database-sheet"]),
    ("block-diagram.svg", &["paper.block-diagram"]),
    ("site-information.html", &["paper.site-information", "paper.station-location"]),
    ("network.html", &["paper.network-form", "paper.static-addresses", "paper.certificate-request"]),
];

/// All drafts, the overview first.
#[must_use]
pub fn drafts(material: &Material<'_>) -> Vec<Draft> {
    let list = vec![
        Draft { file: "points.html", title: "Point list", text: points::page(material) },
        Draft {
            file: "block-diagram.svg",
            title: "Communication block diagram",
            text: diagram::svg(material.site),
        },
        Draft {
            file: "site-information.html",
            title: "Site information",
            text: forms::site_information(material),
        },
        Draft { file: "network.html", title: "Network", text: forms::network(material) },
        Draft {
            file: "check.html",
            title: "Check against the rules",
            text: rulebook::report::html(material.report, material.profile, false),
        },
    ];
    let mut all = vec![Draft { file: "index.html", title: "Papers", text: page::index(material, &list) }];
    all.extend(list);
    all
}

/// The draft that is a beginning of a paper.
fn begun(paper: &Paper) -> Option<&'static str> {
    BEGUN.iter().find(|(_, ids)| ids.contains(&paper.entry.id.as_str())).map(|(file, _)| *file)
}
