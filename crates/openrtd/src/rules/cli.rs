//! The command lines of `check`, `rules` and `explain`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use rulebook::profile::Day;

/// Which rules.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Book {
    /// Profile: an id (`openrtd rules --profiles` lists them) or a file that ends in .toml
    #[arg(long, value_name = "ID|FILE")]
    pub(crate) profile: Option<String>,
    /// What somebody who holds the manual confirmed (made by `openrtd rules confirm`)
    #[arg(long, value_name = "FILE")]
    pub(crate) overlay: Option<PathBuf>,
    /// The rules as they were, or will be, on this day; today where left out
    #[arg(long, value_name = "DATE")]
    pub(crate) as_of: Option<Day>,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The site file; it needs neither hardware nor keys
    pub(crate) site: PathBuf,
    #[command(flatten)]
    pub(crate) book: Book,
    /// What the site served before, a sheet or a site file: indexes and scalings must not have moved
    #[arg(long, value_name = "FILE")]
    pub(crate) previous: Option<PathBuf>,
    /// How the report is told
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: Format,
    /// Let unconfirmed findings fail the check too
    #[arg(long)]
    pub(crate) strict: bool,
    /// Tell also what could not be judged (text only; the other forms always do)
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// For scripts
    Json,
    /// For editors and code hosts (SARIF 2.1.0)
    Sarif,
    /// One page, for a file of papers
    Html,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Rules {
    #[command(subcommand)]
    pub(crate) command: Option<RulesCommand>,
    #[command(flatten)]
    pub(crate) list: List,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) book: Book,
    /// Every entry: settings, thresholds, papers and validation steps too
    #[arg(long)]
    pub(crate) all: bool,
    /// The profiles that are shipped, instead
    #[arg(long)]
    pub(crate) profiles: bool,
    /// The JSON Schema of profile files, instead
    #[arg(long, conflicts_with = "profiles")]
    pub(crate) schema: bool,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Write a sheet of what is not confirmed, for somebody who holds the manual to fill
    #[command(after_help = "Examples:\n  openrtd rules worksheet worksheet.xlsx\n  \
        openrtd rules worksheet worksheet.csv --profile caiso-direct-telemetry-prr1679\n\n\
        Fill `clause`, `page` and `name` of the entries that you found in the manual, and `value` where\n\
        it differs; leave the others empty. `openrtd rules confirm` makes an overlay of it. An .xlsx\n\
        keeps a clause 6.10 as it is; of a .csv some spreadsheets make 6.1.")]
    Worksheet(Worksheet),
    /// Make a filled sheet an overlay that lifts tags and corrects values
    #[command(
        after_help = "Examples:\n  openrtd rules confirm worksheet.xlsx --document \"BPM for Direct Telemetry V20\"\n  \
        openrtd rules confirm worksheet.csv --document \"BPM V20\" --out confirmed.toml\n  \
        openrtd rules confirm second.xlsx --document \"BPM V20\" --overlay confirmed.toml --out both.toml\n  \
        openrtd check site.toml --overlay confirmed.toml"
    )]
    Confirm(Confirm),
}

#[derive(Debug, Args)]
pub(crate) struct Worksheet {
    /// The sheet to write: .xlsx or .csv
    pub(crate) sheet: PathBuf,
    #[command(flatten)]
    pub(crate) book: Book,
    /// Ask about every entry, those too that their source states
    #[arg(long)]
    pub(crate) all: bool,
    /// Overwrite it
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Confirm {
    /// The filled sheet: .xlsx or .csv
    pub(crate) sheet: PathBuf,
    /// The document that it was filled from
    #[arg(long)]
    pub(crate) document: String,
    /// Profile; the one that the sheet names where left out
    #[arg(long, value_name = "ID|FILE")]
    pub(crate) profile: Option<String>,
    /// An overlay made before, to add to: what it confirms is kept
    #[arg(long, value_name = "FILE")]
    pub(crate) overlay: Option<PathBuf>,
    /// The overlay to write; beside the sheet where left out
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// The day of the confirmation; today where left out
    #[arg(long, value_name = "DATE")]
    pub(crate) on: Option<Day>,
    /// Overwrite it
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// An entry's id or its beginning, a point's role or id, a quality, one of its reasons or flags, a source, a tag,
    /// a section, a kind of resource
    pub(crate) what: String,
    #[command(flatten)]
    pub(crate) book: Book,
    /// A site file whose points may be meant
    #[arg(long, value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
    /// One JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
