//! Instructions of one poll, counted by callgrind: the one figure without noise.
//!
//! Each side is run alone on octets recorded before, once with few polls and once with more; the difference, divided
//! by the polls, is what a poll takes. The floor has no counterpart here: without sockets nothing would be left of it.

use std::process::{Command, Stdio};

use clap::{Args, ValueEnum};
use ieee1815::Classes;

use crate::Failure;
use crate::engine::{MasterEnd, NOW, OutstationEnd, Pair, Side, Size, Turn};
use crate::report::Report;

/// Application sequence numbers come round after so many polls.
const ROUND: u64 = 16;

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Which {
    Master,
    Outstation,
}

#[derive(Debug, Args)]
pub(crate) struct PartArgs {
    #[arg(long)]
    which: Which,
    #[arg(long)]
    analogs: u16,
    #[arg(long)]
    binaries: u16,
    /// Polls, in rounds of 16
    #[arg(long)]
    rounds: u64,
}

/// Runs under callgrind.
pub(crate) fn part(args: &PartArgs) -> Result<(), Failure> {
    let size = Size { analogs: args.analogs, binaries: args.binaries };
    // One round is recorded, and one more gets whatever is played into step with it.
    let mut turns = Vec::new();
    let mut pair = Pair::new(size)?;
    for _ in 0..ROUND {
        pair.poll(Classes::ZERO, |side, octets| turns.push(Turn { side, octets: octets.to_vec() }))?;
    }
    let Pair { mut master, mut outstation, .. } = pair;
    let mut out = Vec::new();
    for _ in 0..args.rounds {
        match args.which {
            Which::Master => play_master(&mut master, &turns, &mut out)?,
            Which::Outstation => play_outstation(&mut outstation, &turns, &mut out)?,
        }
    }
    Ok(())
}

fn play_master(master: &mut MasterEnd, turns: &[Turn], out: &mut Vec<u8>) -> Result<(), Failure> {
    let mut over = true;
    for turn in turns {
        if over {
            master.ask(Classes::ZERO, NOW)?;
            over = false;
        }
        match turn.side {
            Side::Master => {
                if !master.transmit(out) || out.len() != turn.octets.len() {
                    return Err("the master says something else".into());
                }
            }
            Side::Outstation => {
                master.receive(&turn.octets, NOW);
                over = master.take()?;
            }
        }
    }
    if over { Ok(()) } else { Err("a read does not end".into()) }
}

fn play_outstation(end: &mut OutstationEnd, turns: &[Turn], out: &mut Vec<u8>) -> Result<(), Failure> {
    for turn in turns {
        match turn.side {
            Side::Master => end.receive(&turn.octets, NOW),
            Side::Outstation => {
                if !end.transmit(out) || out.len() != turn.octets.len() {
                    return Err("the outstation says something else".into());
                }
            }
        }
    }
    Ok(())
}

fn count(which: &str, size: Size, rounds: u64) -> Result<f64, Failure> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(std::env::current_exe()?);
    command.args(["instructions", "--which", which, "--rounds", &rounds.to_string()]);
    command.args(["--analogs", &size.analogs.to_string(), "--binaries", &size.binaries.to_string()]);
    let output = command.stdout(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(text.into());
    }
    let collected = text.lines().find_map(|line| line.split("Collected :").nth(1));
    Ok(collected.ok_or("callgrind says nothing")?.trim().parse()?)
}

pub(crate) fn run(report: &mut Report) -> Result<(), Failure> {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("bench: no valgrind here (apt-get install valgrind): instructions are not counted");
        return Ok(());
    }
    let sizes =
        [("100 AI + 30 BI", Size { analogs: 100, binaries: 30 }), ("1,000 g30v5", Size::analogs(1000))];
    let (few, more) = (2, 12);
    for (points, size) in sizes {
        for which in ["master", "outstation"] {
            let polls = ((more - few) * ROUND) as f64;
            let instructions = (count(which, size, more)? - count(which, size, few)?) / polls;
            report.alone(
                &format!("instructions of a class 0 read of {points}: {which}"),
                "1,000/poll",
                instructions / 1000.0,
            );
        }
    }
    Ok(())
}
