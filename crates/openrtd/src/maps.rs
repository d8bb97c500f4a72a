//! The register maps that come with the program: which there are, and what stands in one.

use clap::{Args, Subcommand};
use config::Source;
use site::RegisterMap;

use crate::exit::Failure;
use crate::output::{Gone, say};

#[derive(Debug, Args)]
pub(crate) struct Maps {
    #[command(subcommand)]
    pub(crate) what: Option<What>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// A map as it stands, to be copied and changed
    Show {
        /// Its name
        name: String,
    },
}

/// Lists the maps, or shows one.
pub(crate) fn maps(arguments: &Maps) -> Result<(), Failure> {
    match &arguments.what {
        None => {
            for name in RegisterMap::shipped() {
                let Some(text) = RegisterMap::shipped_text(name) else { continue };
                let map = RegisterMap::read(name, &Source::from_text(name, text))?;
                let line = format!("{name}: {}, {} readings; {}", map.device, map.readings.len(), map.source);
                if say(&line) == Err(Gone) {
                    break;
                }
            }
        }
        Some(What::Show { name }) => {
            let Some(text) = RegisterMap::shipped_text(name) else {
                let known: Vec<&str> = RegisterMap::shipped().collect();
                return Err(Failure::Input(format!("there is no map `{name}`, known: {}", known.join(", "))));
            };
            // A reader that went away has seen enough.
            let _ = say(text.trim_end());
        }
    }
    Ok(())
}
