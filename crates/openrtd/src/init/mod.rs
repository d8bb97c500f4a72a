//! `openrtd init`: a site folder that runs as it is.
//!
//! It is made beside its final place and renamed into it, so that a failure half way leaves nothing behind and
//! nothing that exists is ever overwritten.

mod pki;
mod ports;
mod templates;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::cli;
use crate::exit::Failure;

/// The command.
pub(crate) fn init(arguments: &cli::Init) -> Result<(), Failure> {
    make(&arguments.dir, arguments.example, &arguments.profile, arguments.ports)?;
    let dir = arguments.dir.display();
    let told = format!(
        "{dir} is ready. In three terminals:\n  openrtd plant {dir}/plant.toml --start 11:00\n  \
         openrtd run {dir}/site.toml\n  openrtd ems {dir}/ems.toml\nand then: openrtd poll {dir}/ems.toml"
    );
    // A reader that went away does not unmake the folder.
    let _ = crate::output::say(&told);
    Ok(())
}

/// Makes the folder `dir`, which must not exist or be empty. Its files name `profile`.
pub(crate) fn make(
    dir: &Path,
    example: cli::Example,
    profile: &str,
    base: Option<u16>,
) -> Result<(), Failure> {
    refuse_what_exists(dir)?;
    let profile = named(profile)?;
    let template = templates::template(example);
    let count = template.listeners.len();
    let ports = match base {
        Some(base) => ports::row(base, count),
        None => ports::free(count),
    }
    .map_err(Failure::failed)?;
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let failed = |path: &Path, error: &io::Error| Failure::Failed(format!("{}: {error}", path.display()));
    fs::create_dir_all(&parent).map_err(|error| failed(&parent, &error))?;
    let draft = tempfile::Builder::new()
        .prefix(".openrtd-init-")
        .tempdir_in(&parent)
        .map_err(|error| failed(&parent, &error))?;
    for (name, text) in &template.files {
        let path = draft.path().join(name);
        fs::write(&path, filled(text, &profile, template.listeners, &ports))
            .map_err(|error| failed(&path, &error))?;
    }
    pki::write(&draft.path().join("pki")).map_err(Failure::Failed)?;
    // An empty folder of that name is replaced, anything else makes this fail.
    fs::rename(draft.path(), dir).map_err(|error| failed(dir, &error))?;
    drop(draft.keep());
    Ok(())
}

fn refuse_what_exists(dir: &Path) -> Result<(), Failure> {
    let refuse = |why: &str| Err(Failure::Input(format!("{}: {why}", dir.display())));
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => refuse("exists and is not empty; nothing was changed. Give a new folder"),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => refuse(&error.to_string()),
    }
}

/// A profile's name as it goes into a file: one that is a file itself by its whole path.
fn named(profile: &str) -> Result<String, Failure> {
    crate::profile::load(profile, None)?;
    if !profile.ends_with(".toml") {
        return Ok(profile.to_owned());
    }
    let path =
        std::path::absolute(profile).map_err(|error| Failure::Failed(format!("{profile}: {error}")))?;
    Ok(path.to_string_lossy().into_owned())
}

fn filled(template: &str, profile: &str, listeners: &[&str], ports: &[u16]) -> String {
    // What JSON escapes, TOML reads.
    let profile = template.replace("\"@profile@\"", &serde_json::Value::from(profile).to_string());
    listeners
        .iter()
        .zip(ports)
        .fold(profile, |text, (name, port)| text.replace(&format!("@{name}@"), &port.to_string()))
}
