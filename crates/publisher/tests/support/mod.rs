//! Real places to publish to, each in a folder and on a port of its own: started, stopped and started again.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Long enough for a loaded machine; never reached when things work.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// Looks again and again until `find` finds something.
pub(crate) fn wait<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A program on the PATH or in one of the folders that Debian puts it in.
fn program(name: &str) -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.extend(versions.map(|version| version.path().join("bin")));
    folders.push("/usr/sbin".into());
    folders.into_iter().map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Whether the servers are there; where they must be, it fails without them.
pub(crate) fn have(names: &[&str]) -> bool {
    let missing: Vec<_> = names.iter().filter(|name| program(name).is_none()).collect();
    if missing.is_empty() {
        return true;
    }
    assert!(
        std::env::var_os("OPENRTD_REQUIRE_ALL").is_none(),
        "{missing:?} missing: run scripts/setup.sh test"
    );
    eprintln!("skipped: needs {missing:?}; scripts/setup.sh test installs them");
    false
}

/// How it is started, in its folder and on its port.
type Start = Box<dyn Fn(&Path, u16) -> Command>;

/// A server; killed when dropped.
pub(crate) struct Server {
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    child: Option<Child>,
    start: Start,
    stop: &'static str,
}

impl Server {
    /// NATS with JetStream. `more` are further arguments.
    pub(crate) fn nats(more: &[&str]) -> Self {
        let more: Vec<String> = more.iter().map(ToString::to_string).collect();
        let start = move |folder: &Path, port: u16| {
            let mut command = Command::new(program("nats-server").unwrap());
            command.args(["-js", "-a", "127.0.0.1", "-p", &port.to_string(), "-sd"]).arg(folder).args(&more);
            command
        };
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self { folder, port: port(), child: None, start: Box::new(start), stop: "-TERM" };
        server.start();
        server
    }

    /// As [`Self::postgres`], with TLS beside the clear.
    pub(crate) fn postgres_with_tls(cert: &Path, key: &Path, ca: &Path) -> Self {
        let mut server = Self::postgres(&[
            "ssl=on",
            "ssl_cert_file=../cert.pem",
            "ssl_key_file=../key.pem",
            "ssl_ca_file=../ca.pem",
        ]);
        for (from, name) in [(cert, "cert.pem"), (key, "key.pem"), (ca, "ca.pem")] {
            let to = server.folder.path().join(name);
            fs::copy(from, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
            if let Some((user, group)) = other_user() {
                std::os::unix::fs::chown(&to, Some(user), Some(group)).unwrap();
            }
        }
        server.start();
        server
    }

    /// PostgreSQL with the user `rtd`, whose password is `secret`. With settings it is only made, not started.
    pub(crate) fn postgres(more: &[&str]) -> Self {
        let started = more.is_empty();
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        fs::write(folder.path().join("password"), "secret\n").unwrap();
        if let Some((user, group)) = other_user() {
            for path in [folder.path(), &folder.path().join("password")] {
                std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
            }
        }
        let mut init = as_other("initdb");
        init.args(["-U", "rtd", "-A", "scram-sha-256", "--no-sync", "-E", "UTF8", "--no-locale", "--pwfile"]);
        let made = init.arg(folder.path().join("password")).arg("-D").arg(&data).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let more: Vec<String> = more.iter().map(ToString::to_string).collect();
        let start = move |folder: &Path, port: u16| {
            let mut command = as_other("postgres");
            command.args(["-h", "127.0.0.1", "-p", &port.to_string(), "-k"]).arg(folder).arg("-D");
            command.arg(folder.join("data")).args(more.iter().flat_map(|one| ["-c", one]));
            command
        };
        // Fast shutdown: sessions are cut.
        let mut server = Self { folder, port: port(), child: None, start: Box::new(start), stop: "-INT" };
        if started {
            server.start();
        }
        server
    }

    pub(crate) fn password_file(&self) -> PathBuf {
        let file = self.folder.path().join("password-of-ours");
        fs::write(&file, "secret\n").unwrap();
        file
    }

    /// Starts it, again where it was stopped, and waits until it listens.
    pub(crate) fn start(&mut self) {
        let mut command = (self.start)(self.folder.path(), self.port);
        let log = fs::File::options().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(command.spawn().unwrap());
        wait("a server to listen", || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok());
    }

    /// Stops it in order.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            assert!(
                Command::new("kill").args([self.stop, &child.id().to_string()]).status().unwrap().success()
            );
            child.wait().unwrap();
        }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Its own processes go with it; those of a killed one would be left.
            let _ = Command::new("kill").args([self.stop, &child.id().to_string()]).status();
            drop(child.wait());
        }
    }
}

/// The user that PostgreSQL runs as, since it refuses root.
fn other_user() -> Option<(u32, u32)> {
    let own = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if !own.lines().any(|line| line.starts_with("Uid:\t0\t")) {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some("postgres")).then_some(())?;
        Some((fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

fn as_other(name: &str) -> Command {
    let mut command = Command::new(program(name).unwrap());
    if let Some((user, group)) = other_user() {
        command.uid(user).gid(group);
    }
    command.current_dir("/");
    command
}

/// What a place has, by (boot, sequence), as often as it has it.
pub(crate) type Had = std::collections::BTreeMap<(u64, i64), (String, u32)>;

/// The samples, or the events, of a stream.
pub(crate) async fn of_nats(url: &str, stream: &str, subject: &str) -> Had {
    use async_nats::jetstream::{self, consumer::AckPolicy, consumer::pull};
    use futures::StreamExt as _;
    let client = async_nats::connect(url).await.unwrap();
    let stream = jetstream::new(client).get_stream(stream).await.unwrap();
    let config = pull::Config {
        ack_policy: AckPolicy::None,
        filter_subject: subject.to_owned(),
        ..pull::Config::default()
    };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut left = consumer.cached_info().num_pending;
    let mut had = Had::new();
    while left > 0 {
        let mut messages = consumer.fetch().max_messages(1_000).messages().await.unwrap();
        while let Some(message) = messages.next().await {
            let message = message.unwrap();
            let json: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
            let key = (json["boot"].as_u64().unwrap(), json["sequence"].as_i64().unwrap());
            let of = json["id"].as_str().or(json["kind"].as_str()).unwrap().to_owned();
            let id =
                message.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Id")).unwrap().to_string();
            assert!(id.ends_with(&format!(":{}:{}", key.0, key.1)), "{id}");
            had.entry(key).or_insert((of, 0)).1 += 1;
            // More may come while it is read.
            left = left.saturating_sub(1);
        }
    }
    had
}

/// A connection to the database.
pub(crate) async fn sql(port: u16) -> tokio_postgres::Client {
    let url = format!("postgres://rtd:secret@127.0.0.1:{port}/postgres");
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// The rows of `openrtd_samples`, or of `openrtd_events`.
pub(crate) async fn of_postgres(port: u16, schema: &str, table: &str, name: &str) -> Had {
    let query = format!("SELECT boot, sequence, {name}, count(*) FROM {schema}.{table} GROUP BY 1, 2, 3");
    let rows = sql(port).await.query(&query, &[]).await.unwrap();
    let mut had = Had::new();
    for row in rows {
        let (boot, sequence): (i64, i64) = (row.get(0), row.get(1));
        let count: i64 = row.get(3);
        had.entry((boot.cast_unsigned(), sequence)).or_insert((row.get(2), 0)).1 +=
            u32::try_from(count).unwrap();
    }
    had
}
