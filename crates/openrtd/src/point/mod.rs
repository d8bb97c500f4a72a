//! `openrtd point`: why a point is what it is, from the register it is read from to what each master last got.

mod layout;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use config::Source;
use localsocket::SocketError;
use serde_json::{Value as Json, json};

use crate::exit::Failure;
use crate::output::say;
use crate::points;
use crate::signals::Signals;

/// How often the device is asked for a point that is followed.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(crate) struct Point {
    /// The site file of the running device
    pub(crate) site: PathBuf,
    /// The point's id
    pub(crate) point: String,
    /// The answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Go on: a line for each change, until Ctrl-C
    #[arg(long)]
    pub(crate) follow: bool,
}

/// See the module.
pub(crate) async fn point(arguments: &Point) -> Result<(), Failure> {
    let socket = points::site(&Source::read(&arguments.site)?)?.socket;
    let mut signals = Signals::new().map_err(Failure::failed)?;
    let telling = tell(arguments, &socket);
    tokio::select! {
        result = telling => result,
        () = signals.stop() => Ok(()),
    }
}

async fn tell(arguments: &Point, socket: &Path) -> Result<(), Failure> {
    let first = ask(arguments, socket).await?;
    let whole = if arguments.json { first.to_string() } else { layout::story(&first) };
    let mut seen = layout::change(&first);
    let mut gone = say(whole.trim_end()).is_err();
    while arguments.follow && !gone {
        tokio::time::sleep(FOLLOW_EVERY).await;
        let now = ask(arguments, socket).await?;
        let change = layout::change(&now);
        if change != seen {
            gone = say(&if arguments.json { now.to_string() } else { layout::line(&now) }).is_err();
            seen = change;
        }
    }
    Ok(())
}

async fn ask(arguments: &Point, socket: &Path) -> Result<Json, Failure> {
    let request = json!({ "do": "point", "point": arguments.point });
    localsocket::ask(socket, &request).await.map_err(|error| match error {
        SocketError::NotRunning { path } => Failure::Failed(format!(
            "no device runs on {}; start it with: openrtd run {}",
            path.display(),
            arguments.site.display()
        )),
        SocketError::Refused(why) => Failure::Input(why),
        other => Failure::failed(other),
    })
}
