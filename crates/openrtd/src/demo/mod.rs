//! `openrtd demo`: plant, device and ISO as three processes, watched over their journals and sockets only, the way
//! a user would.

mod agc;
mod child;
mod compare;
mod record;
mod screen;
mod setpoints;
mod story;
mod view;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use self::agc::Agc;
use self::agc::signal::{STEP_S, Signal};
use self::child::{Program, Running, Said};
use self::screen::Screen;
use self::story::Story;
use crate::cli;
use crate::exit::Failure;
use crate::output::{Gone, complain, say};
use crate::signals::Signals;

/// How long a program may take to be ready.
const READY_PATIENCE: Duration = Duration::from_secs(20);
/// How often the screen is drawn anew and time looked at.
const TICK: Duration = Duration::from_millis(250);
/// How long the ISO may take to answer a question.
const ANSWER_PATIENCE: Duration = Duration::from_secs(15);
/// The same in regulation: before the next one is due.
const STEP_PATIENCE: Duration = Duration::from_millis(3_500);
/// Regulation begins so long after a scan, so that each step's end has been scanned.
const AFTER_SCAN: Duration = Duration::from_secs(1);
/// The same at the end, when nobody wants to wait.
const LAST_WORD_PATIENCE: Duration = Duration::from_millis(300);
/// News that the screen keeps.
const NEWS_KEPT_MAX: usize = 16;
/// Our own signal goes so far either way, unless said otherwise: less than the battery can do.
const OWN_MW: f64 = 3.0;
/// The measured day starts with the sun up.
const START: &str = "11:00";

/// The command.
pub(crate) async fn demo(arguments: &cli::Demo) -> Result<(), Failure> {
    let mut signals = Signals::new().map_err(Failure::failed)?;
    let mut temporary =
        tempfile::Builder::new().prefix("openrtd-demo-").tempdir().map_err(Failure::failed)?;
    temporary.disable_cleanup(arguments.keep);
    let site = temporary.path().join("site");
    crate::init::make(&site, cli::Example::SolarStorage, &arguments.profile, None)?;
    let (config, _) = crate::profile::running_ems(&site.join("ems.toml"))?;
    let points = config.devices.iter().map(|device| device.points.len()).sum();
    let agc = if arguments.agc { Some(Agc::new(signal(arguments, &config)?)) } else { None };
    if arguments.keep {
        complain(&format!("site folder, logs: {}", site.display()));
    }
    let (said, hears) = mpsc::channel(4_096);
    let mut demo = Demo {
        arguments,
        site,
        said,
        hears,
        running: Vec::new(),
        story: Story { agc, ..Story::expecting(points) },
        began: None,
        step: None,
    };
    let outcome = tokio::select! {
        outcome = demo.watch() => outcome,
        () = signals.stop() => Ok(End::Told),
    };
    demo.end(outcome).await
}

/// The signal that is asked for, in megawatts that the set point takes.
fn signal(arguments: &cli::Demo, config: &ems::Config) -> Result<Signal, Failure> {
    let setpoints = config.devices.iter().flat_map(|device| &device.setpoints);
    let (low, high) = setpoints.map(|one| one.limits).next().unwrap_or((0.0, 0.0));
    let most = high.min(-low);
    let mw = arguments.agc_mw;
    if let Some(mw) = mw.filter(|mw| !(*mw > 0.0 && *mw <= most)) {
        return Err(Failure::Input(format!("--agc-mw {mw}: must be above 0, at most {most} MW either way")));
    }
    match &arguments.signal {
        Some(file) => Signal::read(file, mw, (low, high)),
        None => Ok(Signal::own(mw.unwrap_or(OWN_MW.min(most)))),
    }
}

/// Why it ended.
enum End {
    /// Time was up, or the user said so on the screen.
    Told,
    /// Nobody reads stdout any more.
    Unread,
}

struct Demo<'a> {
    arguments: &'a cli::Demo,
    site: PathBuf,
    said: mpsc::Sender<Said>,
    hears: mpsc::Receiver<Said>,
    running: Vec<Running>,
    story: Story,
    /// When the ISO's side was ready.
    began: Option<Instant>,
    /// When the next set point of the regulation is due.
    step: Option<Instant>,
}

type Answer = Result<String, String>;

impl Demo<'_> {
    /// Starts everything and watches it until it is over.
    async fn watch(&mut self) -> Result<End, Failure> {
        let speed = self.arguments.speed.to_string();
        self.start(Program::Plant, &["plant", "plant.toml", "--start", START, "--speed", &speed]).await?;
        self.start(Program::Rtd, &["run", "site.toml"]).await?;
        self.start(Program::Ems, &["ems", "ems.toml"]).await?;
        self.began = Some(Instant::now());
        if self.announce().is_err() {
            return Ok(End::Unread);
        }
        let (quit, mut quits) = mpsc::channel(1);
        let mut screen = self.screen(&quit)?;
        let deadline = self.arguments.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        let (answers, mut answered) = mpsc::channel::<Answer>(4);
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                Some((program, record)) = self.hears.recv() => {
                    let Some(record) = record else { return Err(self.obituary(program).await) };
                    if self.story.take(program, &record) && screen.is_none() && self.progress().is_err() {
                        return Ok(End::Unread);
                    }
                }
                Some(answer) = answered.recv() => self.story.answered(answer),
                _ = tick.tick() => {
                    self.look(deadline, &answers);
                    if let Some(screen) = &mut screen {
                        let old = self.story.news.len().saturating_sub(NEWS_KEPT_MAX);
                        self.story.news.drain(..old);
                        screen.draw(&self.story, &self.title()).map_err(Failure::failed)?;
                    }
                }
                Some(()) = quits.recv() => return Ok(End::Told),
                () = until(deadline) => return Ok(End::Told),
            }
        }
    }

    /// Starts one and waits until it is ready.
    async fn start(&mut self, program: Program, arguments: &[&str]) -> Result<(), Failure> {
        self.running.push(Running::start(program, arguments, &self.site, self.said.clone())?);
        let deadline = Instant::now() + READY_PATIENCE;
        loop {
            let Ok(said) = tokio::time::timeout_at(deadline, self.hears.recv()).await else {
                let patience = READY_PATIENCE.as_secs();
                return Err(Failure::Failed(format!("{} was not ready within {patience} s", program.name())));
            };
            match said {
                Some((who, Some(record))) => {
                    if who == program && record::text(&record, "event") == "ready" {
                        return Ok(());
                    }
                    self.story.take(who, &record);
                }
                Some((who, None)) => return Err(self.obituary(who).await),
                None => return Err(Failure::Failed("the programs' journals ended".to_owned())),
            }
        }
    }

    async fn obituary(&mut self, program: Program) -> Failure {
        match self.running.iter().position(|running| running.program == program) {
            Some(at) => self.running.remove(at).obituary().await,
            None => Failure::Failed(format!("{} ended", program.name())),
        }
    }

    fn screen(&self, quit: &mpsc::Sender<()>) -> Result<Option<Screen>, Failure> {
        let terminal = std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
        if self.arguments.json || !terminal {
            return Ok(None);
        }
        Screen::open(quit.clone()).map(Some).map_err(Failure::failed)
    }

    fn announce(&self) -> Result<(), Gone> {
        let ids: BTreeMap<&str, Option<u32>> =
            self.running.iter().map(|running| (running.program.name(), running.id())).collect();
        if self.arguments.json {
            return say(&json!({"event": "ready", "folder": self.site, "profile": self.arguments.profile, "processes": ids}).to_string());
        }
        say(&format!(
            "plant, device and ISO run by {}; the measured day starts at {START}, speed {}",
            self.arguments.profile, self.arguments.speed
        ))
    }

    /// A line for each scan.
    fn progress(&mut self) -> Result<(), Gone> {
        let news = std::mem::take(&mut self.story.news);
        if self.arguments.json {
            let mut line = json!({
                "event": "progress",
                "time": jiff::Timestamp::now().to_string(),
                "scans": self.story.scans,
                "plant": view::plant(&self.story),
                "device": view::device(&self.story),
                "iso": view::iso(&self.story),
                "setpoint": self.story.setpoints.open(),
                "news": news,
            });
            if let (Some(agc), Some(line)) = (&self.story.agc, line.as_object_mut()) {
                line.insert("agc".to_owned(), json!(agc.view(&self.story.iso)));
            }
            return say(&line.to_string());
        }
        for piece in news {
            say(&format!("          {piece}"))?;
        }
        say(&view::line(&self.story))
    }

    fn title(&self) -> String {
        let ran = self.began.map_or(0, |began| began.elapsed().as_secs());
        format!("OpenRTD demo  {ran} s, weather at speed {}, day from {START}", self.arguments.speed)
    }

    /// What time brings: comparisons that settled, set points that were followed or are due.
    fn look(&mut self, deadline: Option<Instant>, answers: &mpsc::Sender<Answer>) {
        let now = record::now();
        self.story.comparison.settle(now);
        if self.story.agc.is_some() {
            self.regulate(answers);
            return;
        }
        if let Some(value) = self.story.setpoints.open()
            && self.story.setpoints.look(&self.story.iso, now)
        {
            self.story.news.push(format!("set point {value} MW followed by feedback, battery and meter"));
        }
        let left = |end: Instant| {
            i64::try_from(end.duration_since(Instant::now()).as_millis()).unwrap_or(i64::MAX / 2)
        };
        if let Some(value) =
            self.story.setpoints.due(self.story.scans, now, deadline.map(|end| now + left(end)))
        {
            self.story.setpoints.sent(value, now);
            self.story.news.push(format!("set point {value} MW sent by the ISO"));
            self.send(value, ANSWER_PATIENCE, answers);
        }
    }

    /// The ISO sends a set point; its status comes to `answers`.
    fn send(&self, value: f64, patience: Duration, answers: &mpsc::Sender<Answer>) {
        let (socket, answers) = (self.socket(), answers.clone());
        tokio::spawn(async move {
            let request = json!({"do": "setpoint", "point": setpoints::POINT, "value": value, "mode": "sbo"});
            let answer = ask(&socket, &request, patience)
                .await
                .map(|answer| record::text(&answer, "status").to_owned());
            // The demo may be over.
            let _ = answers.send(answer).await;
        });
    }

    /// A step of the regulation, when one is due.
    fn regulate(&mut self, answers: &mpsc::Sender<Answer>) {
        let Some(agc) = &mut self.story.agc else { return };
        if let Some(news) = agc.watch(&self.story.iso) {
            self.story.news.push(news);
        }
        let now = Instant::now();
        if self.step.is_none() && self.story.scans >= setpoints::SCANS_BEFORE {
            self.step = Some(now + AFTER_SCAN);
        }
        let Some(due) = self.step.filter(|due| *due <= now) else { return };
        let next = due + Duration::from_secs_f64(STEP_S);
        // A machine that slept does not make up for it.
        self.step = Some(if next > now { next } else { now + Duration::from_secs_f64(STEP_S) });
        let value = agc.step(&self.story.iso);
        self.send(value, STEP_PATIENCE, answers);
    }

    fn socket(&self) -> PathBuf {
        self.site.join("run/ems.sock")
    }

    /// Takes the last word of the ISO, stops everything and sums up.
    async fn end(mut self, outcome: Result<End, Failure>) -> Result<(), Failure> {
        let seconds = self.began.map_or(0.0, |began| began.elapsed().as_secs_f64());
        let mut failures = Vec::new();
        if let (Ok(End::Told), Some(_)) = (&outcome, self.began) {
            match ask(&self.socket(), &json!({"do": "points"}), LAST_WORD_PATIENCE).await {
                Ok(answer) => self.story.replace_iso(&answer),
                Err(error) => failures.push(format!("the ISO's side does not answer: {error}")),
            }
        }
        // The ISO first, so that nobody sees another one's end.
        let stopping = self.running.into_iter().rev().map(|running| tokio::spawn(running.stop()));
        for stopped in stopping.collect::<Vec<_>>() {
            if let Ok(Err(problem)) = stopped.await {
                failures.push(problem);
            }
        }
        match outcome {
            Err(failure) => return Err(failure),
            Ok(End::Unread) => return Ok(()),
            // Stopped before it ran: nothing to sum up.
            Ok(End::Told) if self.began.is_none() => return Ok(()),
            Ok(End::Told) => {}
        }
        let asked = self.arguments.seconds.filter(|asked| *asked <= whole_seconds(seconds));
        let summary = self.story.summary(seconds, asked, self.arguments.speed, failures);
        let lines = if self.arguments.json {
            vec![serde_json::to_string(&summary).map_err(Failure::failed)?]
        } else {
            summary.lines()
        };
        for line in lines {
            if say(&line).is_err() {
                break;
            }
        }
        if summary.fine { Ok(()) } else { Err(Failure::Failed(summary.problems.join("\n"))) }
    }
}

/// Seconds that have passed in full, and the one that has almost.
fn whole_seconds(seconds: f64) -> u64 {
    Duration::try_from_secs_f64(seconds + 0.5).map_or(0, |passed| passed.as_secs())
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Asks a program over its socket.
async fn ask(socket: &Path, request: &Value, patience: Duration) -> Result<Value, String> {
    match tokio::time::timeout(patience, localsocket::ask(socket, request)).await {
        Ok(answer) => answer.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", patience.as_secs_f64())),
    }
}
