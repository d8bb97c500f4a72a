//! One connection, whatever carries it, with the habits that DNP3 wants of it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use serial2_tokio::SerialPort;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsStream;

use crate::pcap::{PcapFile, Tap};
use crate::tls::{ClientTls, ServerTls, Verified};
use crate::udp::Datagrams;

/// How long a graceful close may take before the socket is dropped anyway.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(1);

/// A stream of octets over TCP (`TCP_NODELAY` is set), TLS, a serial line or UDP (a write is one or more datagrams of
/// whole frames).
#[derive(Debug)]
pub struct Connection {
    stream: Stream,
    /// Where its octets are written in clear, for whoever looks for a fault.
    tap: Option<Box<Tap>>,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Tls(Box<Secured>),
    Serial(Box<SerialPort>),
    Udp(Box<Datagrams>),
}

/// A TLS stream, with what is remembered of its handshake.
#[derive(Debug)]
struct Secured {
    stream: TlsStream<TcpStream>,
    verified: Verified,
}

impl Connection {
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        Self { stream: Stream::Tcp(stream), tap: None }
    }

    pub(crate) fn tls(stream: impl Into<TlsStream<TcpStream>>, verified: Verified) -> Self {
        Self { stream: Stream::Tls(Box::new(Secured { stream: stream.into(), verified })), tap: None }
    }

    pub(crate) fn serial(port: SerialPort) -> Self {
        Self { stream: Stream::Serial(Box::new(port)), tap: None }
    }

    pub(crate) fn udp(socket: UdpSocket) -> Self {
        Self { stream: Stream::Udp(Box::new(Datagrams(socket))), tap: None }
    }

    /// Has everything that is read and written from here on go into a capture, decrypted. `dialled`: this side made
    /// the connection.
    pub fn capture(&mut self, file: &PcapFile, dialled: bool) {
        let ends = match &self.stream {
            Stream::Tcp(stream) => stream.local_addr().ok().zip(stream.peer_addr().ok()),
            Stream::Tls(secured) => {
                let stream = secured.stream.get_ref().0;
                stream.local_addr().ok().zip(stream.peer_addr().ok())
            }
            Stream::Udp(datagrams) => datagrams.0.local_addr().ok().zip(datagrams.0.peer_addr().ok()),
            Stream::Serial(_) => None,
        };
        self.tap = Some(Box::new(file.tap(ends, dialled)));
    }

    pub(crate) fn is_captured(&self) -> bool {
        self.tap.is_some()
    }

    pub(crate) fn is_serial(&self) -> bool {
        matches!(self.stream, Stream::Serial(_))
    }

    /// Writes all link frames of one application fragment in one write and flushes. A fragment split over
    /// several writes costs a round trip and a segment each at the other end.
    ///
    /// Not cancellation-safe: when dropped half-way the stream is out of step and has to be closed.
    ///
    /// # Errors
    /// As the socket reports.
    pub async fn write_fragment(&mut self, octets: &[u8]) -> io::Result<()> {
        self.write_all(octets).await?;
        self.flush().await
    }

    /// Closes gracefully: `close_notify` where there is TLS, then FIN. Gives up after a second, since a peer
    /// that does not read must not keep us.
    pub async fn close(mut self) {
        // Whatever the outcome, the socket is dropped next.
        let _ = tokio::time::timeout(CLOSE_TIME_MAX, self.shutdown()).await;
    }

    /// True when the octets travel through TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Judges the peer again, by what may have replaced the set-up of its handshake: its place in the admitted list,
    /// or that it has none any more. `None` without TLS.
    pub(crate) fn judge(&self, server: &ServerTls, client: Option<&ClientTls>) -> Option<Option<usize>> {
        let Stream::Tls(secured) = &self.stream else { return None };
        let chain = secured.stream.get_ref().1.peer_certificates();
        Some(match secured.stream {
            TlsStream::Server(_) => server.again(chain, secured.verified),
            TlsStream::Client(_) => client.and_then(|client| client.again(chain, secured.verified)),
        })
    }

    /// Judges a peer that was accepted again, by what replaced the set-up of its handshake: its place in the list of
    /// the admitted, or `None` where its certificate is not on it any more, was revoked, or is trusted no longer.
    /// `None` without TLS, too.
    #[must_use]
    pub fn admitted_by(&self, server: &ServerTls) -> Option<usize> {
        self.judge_client(server)
    }

    /// As [`judge`](Self::judge), for the listening end.
    pub(crate) fn judge_client(&self, server: &ServerTls) -> Option<usize> {
        let Stream::Tls(secured) = &self.stream else { return None };
        server.again(secured.stream.get_ref().1.peer_certificates(), secured.verified)
    }

    /// Has the system ask, after so long a silence, whether the other end of a TCP connection still lives.
    pub(crate) fn keep_alive(&self, after: Option<Duration>) {
        let Some(after) = after else { return };
        match &self.stream {
            Stream::Tcp(stream) => keep_alive(stream, after),
            Stream::Tls(secured) => keep_alive(secured.stream.get_ref().0, after),
            Stream::Serial(_) | Stream::Udp(_) => {}
        }
    }

    /// For the journal: `TCP`, `TLS 1.2`, `TLS 1.3`, `serial` or `UDP`.
    #[must_use]
    pub fn protocol(&self) -> &'static str {
        match &self.stream {
            Stream::Tcp(_) => "TCP",
            Stream::Serial(_) => "serial",
            Stream::Udp(_) => "UDP",
            Stream::Tls(secured) => match secured.stream.get_ref().1.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLS 1.2",
                Some(rustls::ProtocolVersion::TLSv1_3) => "TLS 1.3",
                _ => "TLS",
            },
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = match &mut this.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(secured) => Pin::new(&mut secured.stream).poll_read(context, buffer),
            Stream::Serial(port) => Pin::new(port).poll_read(context, buffer),
            Stream::Udp(socket) => socket.poll_read(context, buffer),
        };
        if let (Poll::Ready(Ok(())), Some(tap)) = (&read, &mut this.tap) {
            tap.received(buffer.filled().get(before..).unwrap_or_default());
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match &mut this.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(context, octets),
            Stream::Tls(secured) => Pin::new(&mut secured.stream).poll_write(context, octets),
            Stream::Serial(port) => Pin::new(port).poll_write(context, octets),
            Stream::Udp(socket) => socket.poll_write(context, octets),
        };
        if let (Poll::Ready(Ok(length)), Some(tap)) = (&written, &mut this.tap) {
            tap.sent(octets.get(..*length).unwrap_or_default());
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(secured) => Pin::new(&mut secured.stream).poll_flush(context),
            Stream::Serial(port) => Pin::new(port).poll_flush(context),
            Stream::Udp(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(secured) => Pin::new(&mut secured.stream).poll_shutdown(context),
            Stream::Serial(port) => Pin::new(port).poll_shutdown(context),
            Stream::Udp(_) => Poll::Ready(Ok(())),
        }
    }
}
/// Has the system ask whether the other end still lives.
fn keep_alive(stream: &TcpStream, after: Duration) {
    let parameters = socket2::TcpKeepalive::new().with_time(after).with_interval(after / 4);
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_keepalive(&parameters) {
        tracing::warn!(%error, "TCP keep-alive cannot be set");
    }
}
