//! `make bench`: the DNP3 crates beside a floor that has no protocol in it, in one run on one machine.
//!
//! The floor sends the same octets in the same turns (fragments and confirms) over the same runtime; what lies
//! between it and ours is the price of the protocol. Figures alone say more of the machine than of the code, so
//! every bar is a ratio.

mod engine;
mod floor;
mod instructions;
mod meter;
mod micro;
mod ours;
mod peers;
mod pki;
mod reads;
mod report;
mod sessions;
mod side;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Whatever keeps a bench from running.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Parser)]
#[command(about = "Measures the DNP3 crates beside a floor without any protocol")]
struct Arguments {
    /// Only those whose name begins so: reads, peers, sessions, link, decode, updates, heap, instructions
    #[arg(long)]
    only: Option<String>,
    /// Sessions of the largest bench
    #[arg(long, default_value_t = 2000)]
    sessions: usize,
    /// Write the table into this file, between its two marks
    #[arg(long)]
    docs: Option<PathBuf>,
    /// Write the figures to this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// Parts of a bench that run as processes of their own.
#[derive(Debug, Subcommand)]
enum Part {
    #[command(hide = true)]
    Side(side::SideArgs),
    #[command(hide = true)]
    Instructions(instructions::PartArgs),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.part {
        Some(Part::Side(part)) => side::run(part),
        Some(Part::Instructions(part)) => instructions::part(part),
        None => all(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn all(arguments: &Arguments) -> Result<(), Failure> {
    let mut report = report::Report::new();
    let wanted = |name: &str| arguments.only.as_deref().is_none_or(|only| name.starts_with(only));
    if wanted("reads") {
        reads::run(&mut report)?;
    }
    if wanted("peers") {
        peers::run(&mut report)?;
    }
    if wanted("sessions") {
        sessions::run(&mut report, arguments.sessions)?;
    }
    if wanted("link") {
        micro::link(&mut report);
    }
    if wanted("decode") {
        micro::decode(&mut report);
    }
    if wanted("updates") {
        micro::updates(&mut report)?;
    }
    if wanted("heap") {
        micro::heap(&mut report)?;
    }
    if wanted("instructions") {
        instructions::run(&mut report)?;
    }
    println!("{}", report.table());
    if let Some(file) = &arguments.docs {
        std::fs::write(file, report.placed_in(&std::fs::read_to_string(file)?)?)?;
    }
    if let Some(file) = &arguments.json {
        std::fs::write(file, serde_json::to_string_pretty(&report)? + "\n")?;
    }
    Ok(())
}
