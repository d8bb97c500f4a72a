//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{capture, control, hand, history, logs, papers, point, points, rules, score};

/// Direct telemetry for the grid: from plant registers to the ISO's screen and back.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Examples:\n  \
        openrtd demo                          the whole loop, live, on this machine\n  \
        openrtd init site                     a ready site folder with keys\n  \
        openrtd plant site/plant.toml         the simulated plant\n  \
        openrtd run site/site.toml            the device\n  \
        openrtd ems site/ems.toml             the ISO's side\n  \
        openrtd poll site/ems.toml            every point, as the ISO has it\n\n\
        Exit codes: 0 fine, 1 the thing failed, 2 usage or unreadable input.\n\
        Logs go to stderr; the environment variable OPENRTD_LOG sets how much (info, debug, rtd=debug), and so\n\
        does --log-level of the programs that have it."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a ready site folder: plant.toml, site.toml, ems.toml and keys
    #[command(
        after_help = "Examples:\n  openrtd init site\n  openrtd init wind --example wind\n  openrtd init site --ports 20000\n  \
        openrtd init site --profile ieso-real-time-data\n\n\
        Everything listens on this machine only (127.0.0.1). Nothing that exists is overwritten."
    )]
    Init(Init),
    /// Simulate a plant on a measured day and serve it as Modbus and SunSpec devices
    #[command(after_help = "Examples:\n  openrtd plant site/plant.toml\n  \
        openrtd plant site/plant.toml --start 11:00 --speed 60\n  \
        openrtd plant site/plant.toml --fault inv1=silent --json")]
    Plant(Plant),
    /// Run the device: poll the plant, serve the ISO over DNP3 and mutual TLS
    #[command(
        after_help = "Examples:\n  openrtd run site/site.toml\n  openrtd run site/site.toml --json\n  \
        openrtd run site/site.toml --pcap run.pcap\n  openrtd run site/site.toml --capture run.capture"
    )]
    Run(RunDevice),
    /// Run the ISO's side: poll devices, judge what comes, take set points
    #[command(after_help = "Examples:\n  openrtd ems site/ems.toml\n  openrtd ems site/ems.toml --json\n  \
        openrtd ems site/ems.toml --pcap ems.pcap")]
    Ems(Run),
    /// Show every point as the ISO has it, one a line
    #[command(after_help = "Examples:\n  openrtd poll site/ems.toml\n  \
        openrtd poll site/ems.toml --count 5 --json\n\n\
        Asks the running EMS; where none runs, connects by itself with the read-only observer's certificate.")]
    Poll(Poll),
    /// The whole story of a point of the running device: from register to what each master last got
    #[command(after_help = "Examples:\n  openrtd point site/site.toml poi.mw\n  \
        openrtd point site/site.toml poi.mw --follow\n  openrtd point site/site.toml unit.connected --json")]
    Point(point::Point),
    /// Send a set point through the running EMS
    #[command(after_help = "Examples:\n  openrtd setpoint site/ems.toml bess.mw.setpoint 2.5\n  \
        openrtd setpoint site/ems.toml bess.mw.setpoint -1 --direct")]
    Setpoint(Setpoint),
    /// Force a point of the running device to a value, for a time; the ISO sees LOCAL_FORCED
    #[command(
        after_help = "Examples:\n  openrtd force site/site.toml met.ghi 800 --why 'sensor is cleaned' --for 30m\n  \
        openrtd force site/site.toml met.temperature 25 --why 'sensor is replaced' --who ann\n\n\
        What is made of a forced point is forced as well. It ends by itself, with the device's stop at the latest.\n\
        A forced switch or breaker permits no set point: commands are refused until it is released."
    )]
    Force(hand::Force),
    /// Take a point of the running device out of service, for a time
    #[command(
        after_help = "Examples:\n  openrtd inhibit site/site.toml met.ghi --why 'mast is down' --for 1d\n  \
        openrtd inhibit site/site.toml bess.mw.setpoint --why 'maintenance'\n\n\
        An input keeps its value and is not good; a set point takes no commands (status 10) and goes back to the plant."
    )]
    Inhibit(hand::Inhibit),
    /// End what was done to a point by hand
    #[command(after_help = "Examples:\n  openrtd release site/site.toml met.ghi --why 'sensor is back'")]
    Release(hand::Release),
    /// Who commands the set points of the running device: see it, take it, give it back
    #[command(after_help = "Examples:\n  openrtd control site/site.toml status\n  \
        openrtd control site/site.toml take --why 'breaker test' --who ann\n  \
        openrtd control site/site.toml release --why 'done'\n  \
        openrtd control site/site.toml schedule bess.mw.setpoint --why 'ISO is away'\n\n\
        `schedule` needs a `schedule` of the set point in the site file. The ISO's next command ends it, as it ends\n\
        `release` and `local`; `take` alone keeps the ISO out.")]
    Control(control::Control),
    /// Break and mend the running plant, or show what is broken
    #[command(after_help = "Examples:\n  openrtd fault site/plant.toml inv1 silent\n  \
        openrtd fault site/plant.toml inv1 none\n  openrtd fault site/plant.toml breaker open\n  \
        openrtd fault site/plant.toml remote off\n  openrtd fault site/plant.toml frequency 59.9\n  \
        openrtd fault site/plant.toml\n  openrtd fault site/plant.toml --json\n\n\
        Says how the plant stands then.\n\
        Kinds for a device: silent, slow, frozen, not-implemented, wrong-transaction, scale, trip, none.\n\
        `breaker` takes open or closed, `remote` on or off, `frequency` Hz or none (the grid's own).")]
    Fault(Fault),
    /// Put mutual TLS in front of an RTU that speaks DNP3 in the clear, over TCP or a serial line
    #[command(after_help = "Examples:\n  openrtd tls-front --example > front.toml\n  \
        openrtd tls-front front.toml --check\n  openrtd tls-front front.toml\n  openrtd tls-front front.toml --json\n  \
        kill -HUP PID                         reads front.toml again: certificates, keys, lists, masters\n\n\
        Each master gets a connection of its own to the RTU; a serial line belongs to one at a time. After a reload\n\
        sessions that are still admitted go on, the others end at once; a file with an error changes nothing.")]
    TlsFront(TlsFront),
    /// Read a capture or octets of DNP3, layer by layer, and say what happened and what is wrong
    #[command(after_help = "Examples:\n  openrtd decode capture.pcapng --explain\n  \
        openrtd decode capture.pcap --keylog keys.log --port 20000 --json\n  \
        openrtd decode 0564 05C0 0100 0004 E921\n  xclip -o | openrtd decode -\n\n\
        Reads pcap and pcapng; DNP3 is known by its port or its first octets, TLS 1.2 and 1.3 is opened with the\n\
        secrets of a key log (suites of AES-GCM and ChaCha20-Poly1305).\n\
        Exit code 1 where there are findings of grade error, 2 where the input cannot be read.")]
    Decode(Decode),
    /// Hold a site file against the ISO's rules, each finding with rule, source, place and fix
    #[command(after_help = "Examples:\n  openrtd check site/site.toml\n  \
        openrtd check site/site.toml --profile caiso-direct-telemetry-prr1679 --strict\n  \
        openrtd check site/site.toml --as-of 2022-06-29 --format json\n  \
        openrtd check site/site.toml --previous sheet.xlsx --format html > check.html\n\n\
        Nothing told here is the ISO's word: every rule names its source and how sure we are. What is\n\
        only remembered stands apart as unconfirmed and fails the check with --strict; notes never do.\n\
        Exit code 0 clean, 1 findings, 2 a file that cannot be read.")]
    Check(rules::cli::Check),
    /// List the rules with source and tag; write a worksheet to confirm them, and make it an overlay
    #[command(
        after_help = "Examples:\n  openrtd rules\n  openrtd rules --json --all\n  openrtd rules --profiles\n  \
        openrtd rules worksheet worksheet.xlsx\n  \
        openrtd rules confirm worksheet.xlsx --document \"BPM for Direct Telemetry V20\""
    )]
    Rules(rules::cli::Rules),
    /// Write drafts of a site's papers: point list, block diagram, site information, network, check
    #[command(after_help = "Examples:\n  openrtd papers site/site.toml --out papers\n  \
        openrtd papers site/site.toml --out papers --force --as-of 2026-12-01\n\n\
        Pages and a picture without anything from elsewhere, made to be printed. They are drafts in our\n\
        own layout, not the ISO's forms.")]
    Papers(papers::cli::Papers),
    /// What a rule, a point or a quality means, why it exists, where it comes from, how sure we are
    #[command(
        after_help = "Examples:\n  openrtd explain tls.version\n  openrtd explain soc\n  openrtd explain stale\n  \
        openrtd explain bess.soc.mwh --site site/site.toml"
    )]
    Explain(rules::cli::Explain),
    /// Register maps of common devices: which there are, and what stands in one
    #[command(after_help = "Examples:\n  openrtd maps\n  openrtd maps show eastron-sdm630 > my-meter.toml")]
    Maps(crate::maps::Maps),
    /// The ISO's data base sheet: into a site file, out of it, and what differs between two
    #[command(after_help = "Examples:\n  openrtd points import sheet.xlsx site/site.toml --dry-run\n  \
        openrtd points export site/site.toml points.xlsx\n  openrtd points diff old.xlsx new.xlsx\n\n\
        Sheets are .xlsx, .csv or folders of them. Each of the three has a --help of its own.")]
    Points(points::cli::Points),
    /// What another site file would change of the device that runs, and what of it needs more than `apply`
    #[command(
        after_help = "Examples:\n  openrtd plan site/site.toml\n  openrtd plan site/site.toml --json\n\n\
        Changes nothing. Exit code 0 where the file can be run, 2 where it cannot."
    )]
    Plan(Plan),
    /// Have the running device run a site file from now on; the ISO's sessions stay
    #[command(
        after_help = "Examples:\n  openrtd apply site/site.toml\n  openrtd apply site/site.toml --rescale\n  \
        openrtd apply site/site.toml --plan-hash 3f2c9a51b07de846\n  kill -HUP PID    the same, of the file that it runs\n\n\
        All of it is done, or nothing: what needs a restart or --rescale is refused and said (exit code 1), and so\n\
        is a file that cannot be run (exit code 2). A start of the device reads the file it is started with."
    )]
    Apply(Apply),
    /// What the device saw and did: a point's values, or the log of events; it may run meanwhile
    #[command(after_help = "Examples:\n  openrtd history site/site.toml poi.mw --from -2h\n  \
        openrtd history site/site.toml poi.mw --from 2026-11-25T08:00:00Z --to 2026-11-25T09:00:00Z --format json\n  \
        openrtd history site/site.toml --events --from -7d\n  \
        openrtd history site/site.toml inv1 --events\n\n\
        The device records where its site file has a section [history]. A value is written when it changed by more\n\
        than the point's deadband, or when its quality did.")]
    History(history::History),
    /// How well the ISO's set points were followed on a day: mileage, accuracy, delay, precision
    #[command(after_help = "Examples:\n  openrtd score site/site.toml\n  \
        openrtd score site/site.toml --day 2026-11-26 --zone America/Los_Angeles --html score.html\n  \
        openrtd score site/site.toml bess.mw.setpoint --json\n\n\
        Out of the history alone, whether the device runs or not; the set point needs `score`, the site [history].\n\
        A window of which anything is not known is never good. What the ISO's own definitions are is not confirmed.")]
    Score(score::Score),
    /// Copy what a device recorded since its start: all that came into it, to be replayed elsewhere
    #[command(after_help = "Examples:\n  openrtd capture site/site.toml trouble.capture\n  \
        openrtd capture site/site.toml trouble.capture --seconds 60\n\n\
        The device records where its site file has a section [capture], or it was started with --capture. A\n\
        capture begins with the device, so it holds what has happened already. In it: the site file (without\n\
        comments, files of TLS, passwords), what devices answered, the DNP3 of the sessions in clear, names in\n\
        peers' certificates and peers' addresses. Not in it: keys, certificates, passwords, secrets of TLS.")]
    Capture(capture::Capture),
    /// Do again what a capture holds, on a clock of its own, and compare what is sent octet by octet
    #[command(after_help = "Examples:\n  openrtd replay trouble.capture\n  \
        openrtd replay trouble.capture --until 2026-11-26T08:15:00Z --journal\n  \
        openrtd replay trouble.capture --pcap trouble.pcap && openrtd decode trouble.pcap --explain\n\n\
        Exit code 0 identical, 1 another answer than then (the first is shown), 2 a file that is no capture.")]
    Replay(capture::Replay),
    /// Plant, device and ISO in one go, in a temporary folder
    #[command(after_help = "Examples:\n  openrtd demo\n  openrtd demo --seconds 40 --json\n  \
        openrtd demo --speed 60\n  openrtd demo --profile ieso-real-time-data\n  \
        openrtd demo --agc\n  openrtd demo --agc --signal day.csv --agc-mw 4 --seconds 900 --json\n\n\
        On a terminal q or Ctrl-C ends it. Exit code 1 where scans were missed, points not good, a set point\n\
        not followed, or the ISO's megawatts were not the meter's; with --agc where a set point was refused that the\n\
        plant had not kept to itself (status 7, 10, 13, 15), or what no limit held back was followed too badly.")]
    Demo(Demo),
}

impl Command {
    /// How it is to log; `None` where it has no say.
    pub(crate) const fn logs(&self) -> Option<&logs::Logs> {
        match self {
            Self::Run(arguments) => Some(&arguments.run.logs),
            Self::Ems(arguments) => Some(&arguments.logs),
            _ => None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Folder to make
    pub(crate) dir: PathBuf,
    /// Which example
    #[arg(long, value_enum, default_value_t)]
    pub(crate) example: Example,
    /// Profile that the files name: an id (`openrtd rules --profiles` lists them) or a file that ends in .toml
    #[arg(long, value_name = "ID|FILE", default_value = rulebook::profile::DEFAULT)]
    pub(crate) profile: String,
    /// First port of a row, seven of the first example, at most twelve; without it, free ones are looked for
    #[arg(long, value_name = "BASE", value_parser = clap::value_parser!(u16).range(1..=65_524))]
    pub(crate) ports: Option<u16>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Example {
    /// Two PV inverters, a battery, a meter, a met station and a breaker
    #[default]
    SolarStorage,
    /// The same plant, commanded as a whole: sun first, the battery gives what it lacks and charges from it alone
    Hybrid,
    /// Four wind turbines in measured wind
    Wind,
    /// A gas turbine with governor and AGC
    Conventional,
    /// Two hundred small solar plants behind one gateway
    Aggregate,
}

/// What every long-running program takes.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Running {
    /// One JSON object a line on stdout for each thing that happens
    #[arg(long)]
    pub(crate) json: bool,
    /// End when stdin ends: how the demo makes sure that nothing outlives it
    #[arg(long, hide = true)]
    pub(crate) until_stdin_ends: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Plant {
    /// The plant's file
    pub(crate) file: PathBuf,
    /// How fast weather and energy pass; protocols and stamps stay real
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// Time of the measured day to start at
    #[arg(long, value_name = "HH:MM", value_parser = time_of_day)]
    pub(crate) start: Option<jiff::civil::Time>,
    /// A fault to start with; may be given more than once
    #[arg(long, value_name = "DEVICE=KIND")]
    pub(crate) fault: Vec<String>,
    #[command(flatten)]
    pub(crate) running: Running,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Its file
    pub(crate) file: PathBuf,
    /// Write what the DNP3 sessions exchange, decrypted, into a capture that Wireshark opens
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) running: Running,
    #[command(flatten)]
    pub(crate) logs: logs::Logs,
}

#[derive(Debug, Args)]
pub(crate) struct Plan {
    /// The site file
    pub(crate) file: PathBuf,
    /// Where the running device answers, where the file names another socket than the one that runs
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// The answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Apply {
    #[command(flatten)]
    pub(crate) plan: Plan,
    /// Take the ISO's data base upon yourself: indexes and counts may mean something else from now on
    #[arg(long)]
    pub(crate) rescale: bool,
    /// Only where it would still do exactly what this plan says
    #[arg(long, value_name = "PLAN")]
    pub(crate) plan_hash: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RunDevice {
    #[command(flatten)]
    pub(crate) run: Run,
    /// Record all that comes into the device from its start on, for `openrtd replay`; instead of where [capture]
    /// of the site file says
    #[arg(long, value_name = "FILE")]
    pub(crate) capture: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Poll {
    /// The ISO side's file
    pub(crate) file: PathBuf,
    /// How many times, a scan apart
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Setpoint {
    /// The ISO side's file
    pub(crate) file: PathBuf,
    /// The set point's id
    pub(crate) point: String,
    /// The value, in the set point's unit
    #[arg(allow_negative_numbers = true, value_parser = number)]
    pub(crate) value: f64,
    /// Operate at once
    #[arg(long, conflicts_with = "sbo")]
    pub(crate) direct: bool,
    /// Select before operate (the default)
    #[arg(long)]
    pub(crate) sbo: bool,
    /// The answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Fault {
    /// The plant's file
    pub(crate) file: PathBuf,
    /// A device's id, `breaker`, `remote` or `frequency`; without it, the plant's state is shown
    #[arg(requires = "kind")]
    pub(crate) device: Option<String>,
    /// What to do to it
    pub(crate) kind: Option<String>,
    /// The plant's state as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TlsFront {
    /// Its file
    #[arg(required_unless_present = "example")]
    pub(crate) file: Option<PathBuf>,
    /// Show a file to start from, and end
    #[arg(long, conflicts_with_all = ["file", "check"])]
    pub(crate) example: bool,
    /// Read the file and the certificates, say what is wrong, and end
    #[arg(long)]
    pub(crate) check: bool,
    /// Write what masters and RTU exchange, decrypted, into a capture that Wireshark opens
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) running: Running,
}

#[derive(Debug, Args)]
pub(crate) struct Decode {
    /// A capture, a file with hexadecimal digits, the digits themselves, or `-` for stdin
    #[arg(value_name = "FILE|HEX", required = true, num_args = 1..)]
    pub(crate) input: Vec<String>,
    /// Say in plain words what happened and what is wrong
    #[arg(long)]
    pub(crate) explain: bool,
    /// TLS secrets in the NSS key log format
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,
    /// A port of DNP3; may be given more than once [default: 20000 and 19999]
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub(crate) port: Vec<u16>,
    /// One JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// End after so many seconds of the ISO's scans; without it, when told to
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) seconds: Option<u64>,
    /// How fast weather and energy pass
    #[arg(long, default_value_t = 1.0, value_parser = speed)]
    pub(crate) speed: f64,
    /// Profile that device and ISO follow: an id or a file that ends in .toml
    #[arg(long, value_name = "ID|FILE", default_value = rulebook::profile::DEFAULT)]
    pub(crate) profile: String,
    /// Regulation: the ISO sends a set point every 4 s and keeps the score
    #[arg(long)]
    pub(crate) agc: bool,
    /// Its signal: a csv or xlsx of values for each 4 s, or of seconds and values; else our own, which is the same
    /// each time and leaves no energy over in 15 minutes
    #[arg(long, value_name = "FILE", requires = "agc")]
    pub(crate) signal: Option<PathBuf>,
    /// How far our own signal goes either way [default: 3]; with --signal its values are shares of it, -1 to 1
    #[arg(long, value_name = "MW", requires = "agc", value_parser = number)]
    pub(crate) agc_mw: Option<f64>,
    /// JSON lines; the last one is the summary
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep the site folder with its logs and journals
    #[arg(long)]
    pub(crate) keep: bool,
}

fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err("not a number".to_owned()),
    }
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 100_000.0 => Ok(value),
        _ => Err("allowed: a number above 0, at most 100000".to_owned()),
    }
}

fn time_of_day(text: &str) -> Result<jiff::civil::Time, String> {
    text.parse().map_err(|_| "allowed: a time of day such as 11:00 or 11:00:30".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn is_consistent_and_every_command_has_examples() {
        let mut cli = Cli::command();
        cli.build();
        cli.clone().debug_assert();
        for command in cli.get_subcommands().filter(|command| command.get_name() != "help") {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Examples:"), "{}", command.get_name());
        }
    }

    #[test]
    fn negative_set_points_are_values() {
        let cli =
            Cli::try_parse_from(["openrtd", "setpoint", "ems.toml", "bess.mw.setpoint", "-1.5"]).unwrap();
        assert!(matches!(cli.command, Command::Setpoint(Setpoint { value, .. }) if value == -1.5));
        assert!(Cli::try_parse_from(["openrtd", "setpoint", "ems.toml", "p", "NaN"]).is_err());
        assert!(Cli::try_parse_from(["openrtd", "setpoint", "e", "p", "1", "--sbo", "--direct"]).is_err());
    }
}
