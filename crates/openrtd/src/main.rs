//! OpenRTD, one program: the command line over the plant, the device and the ISO's side.

mod capture;
mod cli;
mod control;
mod decode;
mod demo;
mod exit;
mod hand;
mod history;
mod init;
mod local;
mod logs;
mod maps;
mod output;
mod papers;
#[cfg(feature = "parquet")]
mod parquet;
mod plain;
mod point;
mod points;
mod profile;
mod programs;
mod reload;
mod rules;
mod score;
mod signals;
mod tls_front;

use std::process::ExitCode;
use std::time::Duration;

use crate::cli::{Cli, Command};
use crate::exit::{Failure, report};
use clap::Parser as _;

/// How long tasks may take to notice the end.
const END_PATIENCE: Duration = Duration::from_millis(100);

fn main() -> ExitCode {
    let cli = Cli::parse();
    logs::begin(cli.command.logs());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(Err(Failure::Failed(format!("the runtime does not start: {error}")))),
    };
    let result = runtime.block_on(command(&cli.command));
    runtime.shutdown_timeout(END_PATIENCE);
    report(result)
}

async fn command(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Init(arguments) => init::init(arguments),
        Command::Plant(arguments) => programs::plant(arguments).await,
        Command::Run(arguments) => programs::rtd(arguments).await,
        Command::Ems(arguments) => programs::ems(arguments).await,
        Command::Point(arguments) => point::point(arguments).await,
        Command::Poll(arguments) => local::poll(arguments).await,
        Command::Setpoint(arguments) => local::setpoint(arguments).await,
        Command::Force(arguments) => hand::force(arguments).await,
        Command::Inhibit(arguments) => hand::inhibit(arguments).await,
        Command::Release(arguments) => hand::release(arguments).await,
        Command::Control(arguments) => control::control(arguments).await,
        Command::Fault(arguments) => local::fault(arguments).await,
        Command::TlsFront(arguments) => tls_front::tls_front(arguments).await,
        Command::Decode(arguments) => decode::decode(arguments),
        Command::Check(arguments) => rules::check(arguments),
        Command::Rules(arguments) => rules::rules(arguments),
        Command::Papers(arguments) => papers::papers(arguments),
        Command::Explain(arguments) => rules::explain(arguments),
        Command::Maps(arguments) => maps::maps(arguments),
        Command::Points(arguments) => points::points(arguments),
        Command::Plan(arguments) => reload::plan(arguments).await,
        Command::Apply(arguments) => reload::apply(arguments).await,
        Command::Capture(arguments) => capture::capture(arguments).await,
        Command::Replay(arguments) => capture::replay(arguments),
        Command::History(arguments) => history::history(arguments),
        Command::Score(arguments) => score::score(arguments),
        Command::Demo(arguments) => demo::demo(arguments).await,
    }
}
