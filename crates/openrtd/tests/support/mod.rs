//! A site folder of its own, the real binary run in it, and journals that can be waited for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Long enough for a loaded machine; never reached when things work.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder as `openrtd init` makes it.
pub(crate) struct Folder {
    _temporary: tempfile::TempDir,
    pub(crate) site: PathBuf,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self::of("solar-storage")
    }

    /// Another example.
    pub(crate) fn of(example: &str) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let site = temporary.path().join("site");
        let made = openrtd(&["init", site.to_str().unwrap(), "--example", example]);
        assert_eq!(made.status.code(), Some(0), "{}", String::from_utf8_lossy(&made.stderr));
        Self { _temporary: temporary, site }
    }

    /// One whose ISO scans every second, and still knows a stuck heartbeat from one that beats every 4 s.
    pub(crate) fn quick() -> Self {
        Self::quick_of("solar-storage")
    }

    /// The same of another example.
    pub(crate) fn quick_of(example: &str) -> Self {
        let folder = Self::of(example);
        folder.change("ems.toml", "admit = ", "scan_ms = 1000\nadmit = ");
        folder.change("ems.toml", "scans = 3", "scans = 15");
        folder
    }

    /// The example's set point without ramp, limits and watchdog, for tests that say their own or none.
    #[allow(dead_code, reason = "not every test that shares this needs it")]
    pub(crate) fn plain_setpoint(&self) {
        const KEYS: [&str; 7] = [
            "ramp_up_per_min",
            "limits_hard",
            "energy",
            "follows_within",
            "follows_s",
            "on_loss",
            "handover",
        ];
        let text = self.read("site.toml");
        let is_one = |line: &&str| KEYS.iter().any(|key| line.starts_with(&format!("{key} =")));
        assert_eq!(text.lines().filter(is_one).count(), KEYS.len(), "{text}");
        let kept: Vec<&str> = text.lines().filter(|line| !is_one(line)).collect();
        fs::write(self.site.join("site.toml"), kept.join("\n") + "\n").unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.site.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.site.join(name)).unwrap()
    }

    /// Replaces the first `from` of a file.
    pub(crate) fn change(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from}");
        fs::write(self.site.join(name), text.replacen(from, to, 1)).unwrap();
    }

    /// The first number that a file gives `key`.
    pub(crate) fn number(&self, name: &str, key: &str) -> i64 {
        let text = self.read(name);
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = ")).unwrap();
        line.parse().unwrap()
    }

    /// What the files leave to the default profile: the value of one of its settings.
    pub(crate) fn of_profile(entry: &str) -> i64 {
        let listed = openrtd(&["rules", "--all", "--json"]);
        let book: Value = serde_json::from_slice(&listed.stdout).unwrap();
        let mut entries = book["entries"].as_array().unwrap().iter();
        whole(&entries.find(|one| one["id"] == entry).unwrap()["value"])
    }

    /// Every point that the ISO knows.
    pub(crate) fn points(&self) -> BTreeSet<String> {
        let text = self.read("ems.toml");
        text.lines().filter_map(|line| quoted(line.strip_prefix("id = ")?)).collect()
    }

    /// The points that the site reads from `device`.
    pub(crate) fn points_of(&self, device: &str) -> BTreeSet<String> {
        let source = format!("source = {{ device = \"{device}\"");
        let text = self.read("site.toml");
        let own = text.split("\n[[").filter(|block| block.contains(&source));
        own.filter_map(|block| block.lines().find_map(|line| quoted(line.strip_prefix("id = ")?))).collect()
    }

    /// What programs left in the folder of their sockets.
    pub(crate) fn left_behind(&self) -> Vec<PathBuf> {
        fs::read_dir(self.site.join("run"))
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default()
    }

    /// Breaks or mends the running plant.
    pub(crate) fn fault(&self, device: &str, kind: &str) {
        let output = openrtd(&["fault", &self.path("plant.toml"), device, kind]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// A whole number as JSON has it, with a point or without.
#[expect(clippy::cast_possible_truncation, reason = "looked at")]
pub(crate) fn whole(value: &Value) -> i64 {
    let number = value.as_f64().unwrap();
    assert!(number.fract() == 0.0, "{value}");
    number as i64
}

fn quoted(text: &str) -> Option<String> {
    Some(text.strip_prefix('"')?.split('"').next()?.to_owned())
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_openrtd"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn openrtd(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// The journal so far, and whether it has ended.
#[derive(Default)]
struct Journal {
    records: Mutex<(Vec<Value>, bool)>,
    grown: Condvar,
}

/// A running program; killed when dropped.
pub(crate) struct Program {
    name: String,
    child: Child,
    journal: Arc<Journal>,
    errors: PathBuf,
}

impl Program {
    /// Started with its journal on, and ready.
    pub(crate) fn start(folder: &Folder, name: &str, file: &str) -> Self {
        let program = Self::launch(folder, &[name, &folder.path(file), "--json", "--until-stdin-ends"]);
        program
            .wait("to be ready", |records| records.iter().any(|one| one["event"] == "ready").then_some(()));
        program
    }

    /// Any command that writes JSON lines.
    pub(crate) fn launch(folder: &Folder, arguments: &[&str]) -> Self {
        Self::launch_in(folder, arguments, &[])
    }

    /// As [`launch`](Self::launch), with more in its environment.
    pub(crate) fn launch_in(folder: &Folder, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = command(arguments);
        command.envs(environment.iter().copied());
        Self::spawn(folder, arguments[0], command)
    }

    /// As [`start`](Self::start), by somebody who went into the folder first.
    #[allow(dead_code, reason = "not every test that shares this needs it")]
    pub(crate) fn start_inside(folder: &Folder, name: &str, file: &str) -> Self {
        let mut command = command(&[name, file, "--json", "--until-stdin-ends"]);
        command.current_dir(&folder.site);
        let program = Self::spawn(folder, name, command);
        program
            .wait("to be ready", |records| records.iter().any(|one| one["event"] == "ready").then_some(()));
        program
    }

    fn spawn(folder: &Folder, name: &str, mut command: Command) -> Self {
        let (_, errors) =
            tempfile::NamedTempFile::new_in(folder.site.parent().unwrap()).unwrap().keep().unwrap();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        let journal = Arc::new(Journal::default());
        let (lines, shared) = (BufReader::new(child.stdout.take().unwrap()), Arc::clone(&journal));
        std::thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                let record = serde_json::from_str(&line).unwrap_or(Value::String(line));
                shared.records.lock().unwrap().0.push(record);
                shared.grown.notify_all();
            }
            shared.records.lock().unwrap().1 = true;
            shared.grown.notify_all();
        });
        Self { name: name.to_owned(), child, journal, errors }
    }

    /// Waits until `find` finds something in the journal.
    pub(crate) fn wait<T>(&self, what: &str, mut find: impl FnMut(&[Value]) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut records = self.journal.records.lock().unwrap();
        loop {
            if let Some(found) = find(&records.0) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if records.1 || left.is_zero() {
                let last = &records.0[records.0.len().saturating_sub(60)..];
                let last: Vec<String> = last.iter().map(ToString::to_string).collect();
                panic!(
                    "waited for {} {what}, ended: {}\n{}\n{}",
                    self.name,
                    records.1,
                    last.join("\n"),
                    self.errors()
                );
            }
            records = self.journal.grown.wait_timeout(records, left).unwrap().0;
        }
    }

    /// How many records there are now.
    pub(crate) fn mark(&self) -> usize {
        self.journal.records.lock().unwrap().0.len()
    }

    pub(crate) fn records(&self) -> Vec<Value> {
        self.journal.records.lock().unwrap().0.clone()
    }

    pub(crate) fn errors(&self) -> String {
        fs::read_to_string(&self.errors).unwrap()
    }

    /// Waits until a line of its log has all of `words`.
    #[allow(dead_code, reason = "not every test that shares this needs it")]
    pub(crate) fn wait_log(&self, words: &[&str]) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let log = self.errors();
            if log.lines().any(|line| words.iter().all(|word| line.contains(word))) {
                return;
            }
            assert!(Instant::now() < deadline, "no line of the log has all of {words:?}:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end: the exit code and the whole journal.
    pub(crate) fn end(&mut self) -> (Option<i32>, Vec<Value>) {
        // `wait` would close it, and that is another way to tell the program to end.
        let stdin = self.child.stdin.take();
        let status = self.child.wait().unwrap();
        drop(stdin);
        let records = self.journal.records.lock().unwrap();
        let (records, waited) =
            self.journal.grown.wait_timeout_while(records, PATIENCE, |(_, ended)| !*ended).unwrap();
        assert!(!waited.timed_out(), "the journal of {} has no end", self.name);
        (status.code(), records.0.clone())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Plant, device and ISO.
pub(crate) struct Loop {
    pub(crate) plant: Program,
    pub(crate) rtd: Program,
    pub(crate) iso: Program,
}

impl Loop {
    /// All three ready, the ISO's first scan done and every point Good.
    pub(crate) fn start(folder: &Folder) -> Self {
        let plant = Program::start(folder, "plant", "plant.toml");
        let rtd = Program::start(folder, "run", "site.toml");
        let iso = Program::start(folder, "ems", "ems.toml");
        iso.wait("to scan", |records| records.iter().any(|one| one["event"] == "scan").then_some(()));
        iso.wait("to have every point Good", |records| all(records, &folder.points(), is_good));
        Self { plant, rtd, iso }
    }
}

/// The last record of each point.
pub(crate) fn latest(records: &[Value]) -> BTreeMap<&str, &Value> {
    points(records).filter_map(|point| Some((point["id"].as_str()?, point))).collect()
}

/// The records of points.
pub(crate) fn points(records: &[Value]) -> impl Iterator<Item = &Value> {
    records.iter().filter(|record| record["event"] == "point")
}

/// Something where the last record of each of `ids` is as it should be.
pub(crate) fn all(records: &[Value], ids: &BTreeSet<String>, is: impl Fn(&Value) -> bool) -> Option<()> {
    let latest = latest(records);
    ids.iter().all(|id| latest.get(id.as_str()).is_some_and(|point| is(point))).then_some(())
}

pub(crate) fn is_good(point: &Value) -> bool {
    point["quality"] == "good"
}

pub(crate) fn has_flag(point: &Value, flag: &str) -> bool {
    point["flags"].as_array().unwrap().iter().any(|one| one == flag)
}

/// A record's time in milliseconds.
pub(crate) fn at(record: &Value, field: &str) -> i64 {
    let text = record[field].as_str().unwrap_or_else(|| panic!("no {field} in {record}"));
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

/// The longest time between two answered scans of a kind of journal stretch, in milliseconds.
pub(crate) fn longest_scan(records: &[Value]) -> i64 {
    let times: Vec<i64> = records
        .iter()
        .filter(|record| record["event"] == "scan" && record["missed"] == false)
        .map(|record| at(record, "time"))
        .collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap()
}
