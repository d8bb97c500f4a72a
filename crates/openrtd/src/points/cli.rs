//! The command lines of `points`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Points {
    #[command(subcommand)]
    pub(crate) command: PointsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PointsCommand {
    /// Bring the ISO's data base sheet into a site file: indexes, scaling, units, names, states
    #[command(
        after_help = "Examples:\n  openrtd points import sheet.xlsx site/site.toml --dry-run\n  \
        openrtd points import ai.csv ao.csv di.csv do.csv site/site.toml\n  \
        openrtd points import sheet.xlsx site/site.toml --unserve\n\n\
        Rows find their points by `sheet_name`, then by `id`, then by `name`. Rows without a point\n\
        become points without a source, served as never read until you map them; what cannot be\n\
        imported is told with its reason. Comments and order of the file stay. The file is replaced\n\
        in one step, and only by one that reads.",
        override_usage = "openrtd points import [OPTIONS] <SHEET>... <SITE.toml>"
    )]
    Import(Import),
    /// Write a site's points as a data base sheet
    #[command(after_help = "Examples:\n  openrtd points export site/site.toml points.xlsx\n  \
        openrtd points export site/site.toml points/ --format csv\n\n\
        A workbook has the sheets AI, AO, DI and DO; a folder gets ai.csv, ao.csv, di.csv and do.csv.")]
    Export(Export),
    /// Tell what differs between two sheets or site files, and what of it misleads who knows only the old one
    #[command(after_help = "Examples:\n  openrtd points diff old.xlsx new.xlsx\n  \
        openrtd points diff sheet.xlsx site/site.toml\n  openrtd points diff old/ new/ --json\n\n\
        Each side is a workbook, a csv file, a folder of them or a site file. Exit code 1 where a point was\n\
        renumbered, rescaled or removed, or its unit or the sense of its states changed; else 0.")]
    Diff(Diff),
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// Sheets: .xlsx, .csv or folders of them; then the site file
    #[arg(value_name = "FILE", required = true, num_args = 2..)]
    pub(crate) files: Vec<PathBuf>,
    /// Tell what would be done, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Give points that the sheet does not have the index 0: not served
    #[arg(long)]
    pub(crate) unserve: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The site file; it needs neither hardware nor keys
    pub(crate) site: PathBuf,
    /// The workbook or the folder to write
    #[arg(value_name = "OUT.xlsx|DIR")]
    pub(crate) out: PathBuf,
    /// Workbook or four csv files; by the name where left out
    #[arg(long, value_enum)]
    pub(crate) format: Option<Format>,
    /// Overwrite a workbook or tables that are there already
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Four csv files in a folder
    Csv,
    /// A workbook of four sheets
    Xlsx,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// What was: a sheet, a folder of sheets or a site file
    pub(crate) old: PathBuf,
    /// What is
    pub(crate) new: PathBuf,
    /// One JSON object a line for each difference, and one at the end
    #[arg(long)]
    pub(crate) json: bool,
}
