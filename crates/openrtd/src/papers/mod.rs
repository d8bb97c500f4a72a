//! `openrtd papers`: drafts of a site's papers into a folder.

use std::fs;

use papers::{Draft, Material, drafts};

use crate::exit::Failure;
use crate::output::say;
use crate::rules;

pub(crate) mod cli {
    //! Its command line.

    use std::path::PathBuf;

    use clap::Args;

    use crate::rules::cli::Book;

    #[derive(Debug, Args)]
    pub(crate) struct Papers {
        /// The site file; it needs neither hardware nor keys
        pub(crate) site: PathBuf,
        /// Folder to write into; made where it is not there
        #[arg(long, value_name = "DIR")]
        pub(crate) out: PathBuf,
        #[command(flatten)]
        pub(crate) book: Book,
        /// Overwrite what is there
        #[arg(long)]
        pub(crate) force: bool,
    }
}

/// `openrtd papers`.
pub(crate) fn papers(arguments: &cli::Papers) -> Result<(), Failure> {
    let judged = rules::judged(&arguments.site, &arguments.book, None)?;
    let material = Material { site: &judged.site, profile: &judged.profile, report: &judged.report };
    let drafts = drafts(&material);
    let told = |what: &std::path::Path, error: &std::io::Error| {
        Failure::Input(format!("{}: {error}", what.display()))
    };
    fs::create_dir_all(&arguments.out).map_err(|error| told(&arguments.out, &error))?;
    // All or nothing: half of a new set among an old one would be worse than either.
    let taken: Vec<_> = drafts.iter().filter(|draft| arguments.out.join(draft.file).exists()).collect();
    if let (Some(first), false) = (taken.first(), arguments.force) {
        let path = arguments.out.join(first.file);
        return Err(Failure::Input(format!("{}: is there already; --force overwrites it", path.display())));
    }
    for Draft { file, title, text } in &drafts {
        let path = arguments.out.join(file);
        fs::write(&path, text).map_err(|error| told(&path, &error))?;
        if say(&format!("{:<24} {title}", path.display())).is_err() {
            break;
        }
    }
    Ok(())
}
