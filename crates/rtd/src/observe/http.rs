//! The HTTP server of `[metrics]`: three pages to read, nothing to change. Whoever is slow or comes too often is cut
//! off, and nobody waits for them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use super::{Snapshot, Wanted, health, metrics};

/// Connections at a time; more are closed at once.
const CONNECTIONS_MAX: usize = 16;
/// How long a request's head may take.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a connection may last in all.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(15);
/// Octets of a request's head.
const HEAD_OCTETS_MAX: usize = 8_192;
/// How long the machine may take to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);
/// So long an answer is good enough for the next who asks.
const SHARED_FOR: Duration = Duration::from_secs(1);

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// How the machine is asked.
type Question = mpsc::Sender<Wanted>;

/// The machine, and its last answer.
struct Machine {
    question: Question,
    last: Mutex<Option<(Instant, Snapshot)>>,
}

impl Machine {
    /// A snapshot; `None` where the machine does not answer in time.
    async fn now(&self) -> Option<Snapshot> {
        // Whoever comes meanwhile waits for the same answer.
        let mut last = self.last.lock().await;
        if let Some((at, snapshot)) = last.as_ref().filter(|(at, _)| at.elapsed() < SHARED_FOR) {
            let _ = at;
            return Some(snapshot.clone());
        }
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.question.send(reply).await.ok()?;
            answer.await.ok()
        };
        let snapshot = tokio::time::timeout(ANSWER_TIME_MAX, asked).await.ok().flatten()?;
        *last = Some((Instant::now(), snapshot.clone()));
        Some(snapshot)
    }
}

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener, question: Question) {
    let machine = Arc::new(Machine { question, last: Mutex::default() });
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, most likely: it passes.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let machine = Arc::clone(&machine);
        connections.spawn(async move {
            // Who takes longer is cut off; why a connection failed is nobody's business but its peer's.
            let _ = tokio::time::timeout(CONNECTION_TIME_MAX, connection(stream, machine)).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, machine: Arc<Machine>) -> Result<(), hyper::Error> {
    let service = service_fn(move |request: Request<Incoming>| {
        let machine = Arc::clone(&machine);
        async move { Ok::<_, Infallible>(answer(request.method(), request.uri().path(), &machine).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_OCTETS_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

async fn answer(method: &Method, path: &str, machine: &Machine) -> Response<Full<Bytes>> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        let mut refused = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET and HEAD only\n".to_owned());
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/metrics" => match machine.now().await.map(metrics::text) {
            Some(Ok(text)) => response(StatusCode::OK, OPEN_METRICS, text),
            _ => response(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the machine does not answer\n".to_owned()),
        },
        "/healthz" => told(machine.now().await.map_or_else(health::stuck, |now| health::health(&now))),
        "/readyz" => told(machine.now().await.map_or_else(health::stuck, |now| health::ready(&now))),
        _ => response(StatusCode::NOT_FOUND, TEXT, "/metrics, /healthz, /readyz\n".to_owned()),
    }
}

fn told((well, told): health::Answer) -> Response<Full<Bytes>> {
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    response(status, JSON, format!("{told}\n"))
}

fn response(status: StatusCode, kind: HeaderValue, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether a machine that is asked twice does not answer.
#[cfg(test)]
pub(super) async fn no_answer(question: Question) -> bool {
    let machine = Machine { question, last: Mutex::default() };
    machine.now().await.is_none() && machine.now().await.is_none()
}
