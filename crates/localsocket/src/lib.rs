//! The local control socket of a running program.
//!
//! `openrtd poll`, `setpoint`, `fault` and their like must talk to the *running* process, not open a second session
//! with the other side in its name. Each program therefore listens on a Unix socket that only its own user can
//! open (mode 0600) and answers one JSON line with one JSON line: `{"ok":true,...}` or `{"ok":false,"error":"..."}`.

use std::future::Future;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};

/// A request or reply longer than this is refused.
const LINE_OCTETS_MAX: u64 = 4 * 1024 * 1024;
/// Clients served at one time; further ones are told so.
const CLIENTS_MAX: usize = 16;
/// How long a client may take for a whole line, and to take its answer: places are few.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Longest path that the system takes for a Unix socket, without its closing zero.
const PATH_OCTETS_MAX: usize = 107;

/// What can go wrong with a local socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The path does not fit a Unix socket's address.
    #[error("{}: too long for a local socket ({} octets, at most {PATH_OCTETS_MAX}); set a shorter `socket`", path.display(), path.as_os_str().len())]
    TooLong {
        /// The path asked for.
        path: PathBuf,
    },
    /// Another program already listens there.
    #[error("{}: another running program answers on this socket; stop it first", path.display())]
    InUse {
        /// The path asked for.
        path: PathBuf,
    },
    /// Nobody listens there.
    #[error("{}: no program is running on this socket", path.display())]
    NotRunning {
        /// The path asked for.
        path: PathBuf,
    },
    /// Something else stands there.
    #[error("{}: stands there and is not a {wanted}", path.display())]
    Occupied {
        /// What stands there: the path asked for, or a folder of it.
        path: PathBuf,
        /// What would be right.
        wanted: &'static str,
    },
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The path asked for.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The program answered something that is not one JSON line.
    #[error("{}: the answer is not one JSON line", path.display())]
    Answer {
        /// The path asked for.
        path: PathBuf,
    },
    /// The program refused the request.
    #[error("{0}")]
    Refused(String),
}

/// A bound local socket; its file is removed when it is dropped.
#[derive(Debug)]
pub struct LocalServer {
    listener: UnixListener,
    path: PathBuf,
}

impl LocalServer {
    /// Binds the socket, mode 0600, in a folder that is made where it is missing. A file left behind by a killed
    /// program is replaced; a socket on which somebody still answers is not.
    ///
    /// # Errors
    /// See [`SocketError`].
    pub fn bind(path: impl AsRef<Path>) -> Result<Self, SocketError> {
        let path = path.as_ref().to_owned();
        check(&path)?;
        match bind_private(&path) {
            Ok(listener) => Ok(Self { listener, path }),
            Err(source) => Err(match source.kind() {
                io::ErrorKind::AddrInUse => SocketError::InUse { path },
                _ => SocketError::Io { path, source },
            }),
        }
    }

    /// Answers requests until `shutdown` turns true. `answer` gets each request and returns the reply's fields, or
    /// the refusal in words.
    pub async fn serve<F, A>(self, mut shutdown: watch::Receiver<bool>, answer: F)
    where
        F: Fn(Value) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Value, String>> + Send + 'static,
    {
        let answer = Arc::new(answer);
        let places = Arc::new(Semaphore::new(CLIENTS_MAX));
        let mut clients = tokio::task::JoinSet::new();
        loop {
            let accepted = tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => break,
                accepted = self.listener.accept() => accepted,
            };
            while clients.try_join_next().is_some() {}
            match (accepted, Arc::clone(&places).try_acquire_owned()) {
                (Ok((stream, _)), Ok(place)) => {
                    let answer = Arc::clone(&answer);
                    clients.spawn(async move {
                        let _place = place;
                        if let Err(error) = serve_client(stream, &*answer).await {
                            tracing::debug!(%error, "local socket client");
                        }
                    });
                }
                (Ok((stream, _)), Err(_)) => {
                    // A line fits into any socket that nothing was written to; who does not read it has gone.
                    let words = format!("{CLIENTS_MAX} clients are connected already, try again");
                    let told = stream.into_std().and_then(|mut stream| stream.write_all(&refusal(&words)));
                    drop(told);
                    tracing::warn!("more than {CLIENTS_MAX} clients on the local socket, one refused");
                }
                (Err(error), _) => {
                    tracing::warn!(%error, "local socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        // Nothing can be done about a failure here, and the next start replaces a stale file.
        drop(std::fs::remove_file(&self.path));
    }
}

/// Finds what can be known to be wrong with a path before a socket is bound there, so that a configuration can tell
/// it at its place. Creates nothing.
///
/// # Errors
/// [`SocketError::TooLong`] and [`SocketError::Occupied`].
pub fn check(path: &Path) -> Result<(), SocketError> {
    if path.as_os_str().len() > PATH_OCTETS_MAX {
        return Err(SocketError::TooLong { path: path.to_owned() });
    }
    let occupied = |path: &Path, wanted| Err(SocketError::Occupied { path: path.to_owned(), wanted });
    if let Ok(found) = std::fs::symlink_metadata(path)
        && !std::os::unix::fs::FileTypeExt::is_socket(&found.file_type())
    {
        return occupied(path, "socket");
    }
    // Folders that are missing are made; what exists of them must be one.
    let folders = path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty());
    match folders.map(|folder| (folder, std::fs::metadata(folder))).find(|(_, found)| found.is_ok()) {
        Some((folder, Ok(found))) if !found.is_dir() => occupied(folder, "folder"),
        _ => Ok(()),
    }
}

/// Binds under a private temporary name first and renames, so that the socket is never open to others, not even
/// between `bind` and `chmod`.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    // Looked at once more: what is removed must be a socket.
    match std::fs::symlink_metadata(path) {
        Ok(found) if std::os::unix::fs::FileTypeExt::is_socket(&found.file_type()) => {
            std::fs::remove_file(path)?;
        }
        Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => {}
    }
    let folder = tempfile::Builder::new()
        .prefix(".s")
        .rand_bytes(4)
        .tempdir_in(path.parent().unwrap_or(Path::new(".")))?;
    let private = folder.path().join("s");
    let listener = UnixListener::bind(&private)?;
    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&private, path)?;
    Ok(listener)
}

async fn serve_client<F, A>(stream: UnixStream, answer: &F) -> io::Result<()>
where
    F: Fn(Value) -> A,
    A: Future<Output = Result<Value, String>>,
{
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = (&mut reader).take(LINE_OCTETS_MAX);
        let Ok(read) = tokio::time::timeout(IDLE_MAX, limited.read_until(b'\n', &mut line)).await else {
            let words = format!("closed: no whole line came within {} s", IDLE_MAX.as_secs());
            return put(&mut writer, &refusal(&words)).await;
        };
        if read? == 0 {
            return Ok(());
        }
        if line.len() as u64 == LINE_OCTETS_MAX && !line.ends_with(b"\n") {
            // Where the next line begins is not known any more.
            let words = format!("closed: a line is longer than {LINE_OCTETS_MAX} octets");
            return put(&mut writer, &refusal(&words)).await;
        }
        let reply = match serde_json::from_slice(&line) {
            Ok(request) => match answer(request).await {
                Ok(Value::Object(mut fields)) => {
                    fields.insert("ok".to_owned(), Value::Bool(true));
                    Value::Object(fields)
                }
                Ok(other) => json!({ "ok": true, "answer": other }),
                Err(error) => json!({ "ok": false, "error": error }),
            },
            Err(error) => json!({ "ok": false, "error": format!("not one JSON object a line: {error}") }),
        };
        put(&mut writer, format!("{reply}\n").as_bytes()).await?;
    }
}

/// The line that refuses in words.
fn refusal(words: &str) -> Vec<u8> {
    format!("{}\n", json!({ "ok": false, "error": words })).into_bytes()
}

async fn put(writer: &mut OwnedWriteHalf, octets: &[u8]) -> io::Result<()> {
    tokio::time::timeout(IDLE_MAX, writer.write_all(octets)).await.unwrap_or_else(|late| Err(late.into()))
}

/// Asks the program behind `path` one thing and waits for its answer.
///
/// # Errors
/// Where nobody runs there, the system refuses, or the program does ([`SocketError::Refused`]).
pub async fn ask(path: impl AsRef<Path>, request: &Value) -> Result<Value, SocketError> {
    let path = path.as_ref();
    let io_error = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            SocketError::NotRunning { path: path.to_owned() }
        }
        _ => SocketError::Io { path: path.to_owned(), source },
    };
    let mut stream = UnixStream::connect(path).await.map_err(io_error)?;
    let asked = stream.write_all(format!("{request}\n").as_bytes()).await;
    let mut line = String::new();
    let answered = BufReader::new(stream).take(LINE_OCTETS_MAX).read_line(&mut line).await;
    // One that was refused before it had asked has an answer all the same.
    if line.is_empty() {
        asked.and(answered).map_err(io_error)?;
    }
    let reply: Value =
        serde_json::from_str(&line).map_err(|_| SocketError::Answer { path: path.to_owned() })?;
    match (reply.get("ok").and_then(Value::as_bool), reply.get("error").and_then(Value::as_str)) {
        (Some(true), _) => Ok(reply),
        (_, Some(error)) => Err(SocketError::Refused(error.to_owned())),
        _ => Err(SocketError::Answer { path: path.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo(request: Value) -> Result<Value, String> {
        match request.get("say").and_then(Value::as_str) {
            Some(word) => Ok(json!({ "said": word })),
            None => Err("nothing to say".to_owned()),
        }
    }

    #[tokio::test]
    async fn asks_and_refuses_and_stops() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/p.sock");
        let (stop, stopped) = watch::channel(false);
        let server = LocalServer::bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(matches!(LocalServer::bind(&path), Err(SocketError::InUse { .. })));
        let task = tokio::spawn(server.serve(stopped, echo));
        assert_eq!(ask(&path, &json!({"say": "hello"})).await.unwrap()["said"], "hello");
        let refused = ask(&path, &json!({})).await.unwrap_err();
        assert_eq!(refused.to_string(), "nothing to say");
        stop.send(true).unwrap();
        task.await.unwrap();
        assert!(!path.exists());
        assert!(matches!(ask(&path, &json!({})).await, Err(SocketError::NotRunning { .. })));
    }

    /// All that a client is told that sends this and then waits.
    async fn told(path: &Path, octets: &[u8]) -> String {
        let mut stream = UnixStream::connect(path).await.unwrap();
        // A server that has heard enough closes.
        let _ = stream.write_all(octets).await;
        let mut told = String::new();
        let _ = stream.read_to_string(&mut told).await;
        told
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_says_nothing_loses_the_place_and_whoever_is_too_much_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.sock");
        let (_stop, stopped) = watch::channel(false);
        let server = LocalServer::bind(&path).unwrap();
        tokio::spawn(server.serve(stopped, echo));
        let mut idle = Vec::new();
        for _ in 0..CLIENTS_MAX {
            let mut stream = UnixStream::connect(&path).await.unwrap();
            stream.write_all(b"{").await.unwrap();
            idle.push(stream);
        }
        let full = ask(&path, &json!({"say": "hello"})).await.unwrap_err();
        assert_eq!(full.to_string(), "16 clients are connected already, try again");
        for stream in &mut idle {
            let mut told = String::new();
            stream.read_to_string(&mut told).await.unwrap();
            assert!(told.contains("no whole line came within 30 s"), "{told}");
        }
        assert_eq!(ask(&path, &json!({"say": "hello"})).await.unwrap()["said"], "hello");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_no_line_of_json_is_answered_with_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.sock");
        let (_stop, stopped) = watch::channel(false);
        let server = LocalServer::bind(&path).unwrap();
        tokio::spawn(server.serve(stopped, echo));
        let answers = told(&path, b"{\"say\": \"\xff\"}\n{\"say\": \"still\"}\n").await;
        assert!(answers.contains("not one JSON object a line: invalid unicode"), "{answers}");
        assert!(answers.contains("\"said\":\"still\""), "{answers}");
        let long = vec![b' '; usize::try_from(LINE_OCTETS_MAX).unwrap()];
        let answer = told(&path, &long).await;
        assert!(answer.contains("a line is longer than 4194304 octets"), "{answer}");
    }

    #[tokio::test]
    async fn replaces_what_a_killed_program_left_but_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        drop(LocalServer::bind(&path).unwrap());
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(LocalServer::bind(&path), Err(SocketError::Occupied { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    }

    #[test]
    fn what_stands_in_the_way_is_known_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "precious").unwrap();
        let told = |path: &Path| check(path).unwrap_err().to_string();
        assert_eq!(told(&file), format!("{}: stands there and is not a socket", file.display()));
        assert!(told(folder.path()).ends_with("is not a socket"));
        let below = file.join("run/p.sock");
        assert_eq!(told(&below), format!("{}: stands there and is not a folder", file.display()));
        let missing = folder.path().join("run/deep/p.sock");
        assert!(check(&missing).is_ok() && !folder.path().join("run").exists());
        assert!(check(Path::new("p.sock")).is_ok());
    }

    #[tokio::test]
    async fn a_path_too_long_is_told_plainly() {
        let error = LocalServer::bind(format!("/tmp/{}.sock", "x".repeat(120))).unwrap_err();
        assert!(error.to_string().contains("too long for a local socket"), "{error}");
    }
}
