//! The bytes of a connection: sent in a way that never raises SIGPIPE, and counted, so that "nothing was sent" is a fact.

use std::io::{self, IoSlice, Read as _};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A send to a peer that has closed gives an error and no signal: the signal would end a host that has not ignored it, and
/// whether it is ignored is the host's decision.
#[cfg(unix)]
const NO_SIGNAL: i32 = libc::MSG_NOSIGNAL;
/// Windows has no such signal.
#[cfg(not(unix))]
const NO_SIGNAL: i32 = 0;

/// A TCP connection.
pub(super) struct Socket {
    tcp: TcpStream,
    watch: Arc<Watch>,
}

/// What others may know of, and ask from, a [`Socket`] that somebody else owns.
#[derive(Default)]
pub(super) struct Watch {
    sent: AtomicU64,
    ask_system: AtomicBool,
}

impl Watch {
    /// How many bytes have gone out so far, those of TLS included.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Makes the next read ask the operating system whether something has arrived. Without this a read believes the runtime, which
    /// may not have fetched events since the connection became idle, and a close would be seen only after the next request.
    pub(super) fn look_again(&self) {
        self.ask_system.store(true, Ordering::Relaxed);
    }
}

impl Socket {
    pub(super) fn new(tcp: TcpStream) -> Socket {
        Socket { tcp, watch: Arc::default() }
    }

    pub(super) fn watch(&self) -> Arc<Watch> {
        Arc::clone(&self.watch)
    }

    /// Sends as soon as the operating system takes something.
    fn poll_send(
        &self,
        context: &mut Context<'_>,
        send: impl Fn(SockRef) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.tcp.poll_write_ready(context))?;
            match self.tcp.try_io(Interest::WRITABLE, || send(SockRef::from(&self.tcp))) {
                Ok(count) => {
                    self.watch.sent.fetch_add(count as u64, Ordering::Relaxed);
                    return Poll::Ready(Ok(count));
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.watch.ask_system.swap(false, Ordering::Relaxed) {
            match (&*SockRef::from(&this.tcp)).read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Pin::new(&mut this.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(context, |socket| socket.send_with_flags(bytes, NO_SIGNAL))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(context, |socket| socket.send_vectored_with_flags(parts, NO_SIGNAL))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&self.tcp).shutdown(std::net::Shutdown::Write))
    }
}

/// A connection to the service, in clear text (loopback only) or over TLS.
pub(super) enum Stream {
    Plain(Socket),
    Tls(Box<TlsStream<Socket>>),
}

/// Calls a method of whichever stream there is.
macro_rules! of_either {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Plain(inner) => {
                let $inner = Pin::new(inner);
                $call
            }
            Stream::Tls(inner) => {
                let $inner = Pin::new(&mut **inner);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        of_either!(self, inner => inner.poll_read(context, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        of_either!(self, inner => inner.poll_write(context, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        of_either!(self, inner => inner.poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(inner) => inner.is_write_vectored(),
            Stream::Tls(inner) => inner.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_either!(self, inner => inner.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        of_either!(self, inner => inner.poll_shutdown(context))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    async fn pair() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let client = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
        (Socket::new(client), listener.accept().await.expect("a connection").0)
    }

    #[tokio::test]
    async fn what_goes_out_is_counted_and_arrives() {
        let (mut client, mut server) = pair().await;
        let watch = client.watch();
        assert_eq!(watch.sent(), 0);
        client.write_all(b"one").await.expect("sent");
        assert_eq!(client.write_vectored(&[IoSlice::new(b"tw"), IoSlice::new(b"o")]).await.expect("sent"), 3);
        assert_eq!(watch.sent(), 6);
        let mut arrived = [0; 6];
        server.read_exact(&mut arrived).await.expect("read");
        assert_eq!(&arrived, b"onetwo");
    }

    /// Another thread that drives the runtime may have taken the event; here nobody drives it at all.
    #[tokio::test]
    async fn what_has_arrived_is_seen_without_the_runtime() {
        let (mut client, mut server) = pair().await;
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut read = |client: &mut Socket| {
            let mut bytes = [0; 8];
            let mut buffer = ReadBuf::new(&mut bytes);
            client.watch().look_again();
            Pin::new(client).poll_read(&mut context, &mut buffer).map_ok(|()| buffer.filled().to_vec())
        };
        assert!(read(&mut client).is_pending());
        assert_eq!(SockRef::from(&server).send(b"x").expect("sent"), 1);
        assert!(matches!(read(&mut client), Poll::Ready(Ok(bytes)) if bytes == b"x"));
        assert!(read(&mut client).is_pending());
        Pin::new(&mut server).shutdown().await.expect("closed");
        assert!(matches!(read(&mut client), Poll::Ready(Ok(bytes)) if bytes.is_empty()));
    }
}
