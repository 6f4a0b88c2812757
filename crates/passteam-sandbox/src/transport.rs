//! Closes a connection after a chosen byte of an answer's body.
//!
//! hyper discards its write buffer if a body fails. So [`CutBody`] fails only after [`Watched`] has reported that all
//! earlier bytes were handed to the operating system.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::mutex::lock;

/// Wakes a [`CutBody`] after the connection's next flush.
#[derive(Clone, Default)]
pub(crate) struct FlushSignal(Arc<Mutex<Flush>>);

#[derive(Default)]
enum Flush {
    #[default]
    NotAwaited,
    Awaited(Waker),
    Done,
}

impl FlushSignal {
    fn poll_flushed(&self, cx: &Context<'_>) -> Poll<()> {
        let mut flush = lock(&self.0);
        if matches!(*flush, Flush::Done) {
            return Poll::Ready(());
        }
        *flush = Flush::Awaited(cx.waker().clone());
        Poll::Pending
    }

    fn flushed(&self) {
        let mut flush = lock(&self.0);
        if let Flush::Awaited(waker) = &*flush {
            waker.wake_by_ref();
            *flush = Flush::Done;
        }
    }
}

/// A stream that reports its flushes.
pub(crate) struct Watched<S> {
    pub(crate) stream: S,
    pub(crate) signal: FlushSignal,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.signal.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A body that sends its bytes, waits for their flush and then fails, which closes the connection.
pub(crate) struct CutBody {
    bytes: Option<Bytes>,
    signal: FlushSignal,
}

impl CutBody {
    pub(crate) fn new(bytes: Bytes, signal: FlushSignal) -> Self {
        Self { bytes: Some(bytes), signal }
    }
}

impl Body for CutBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(bytes) = self.bytes.take() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        self.signal.poll_flushed(cx).map(|()| Some(Err(io::ErrorKind::ConnectionAborted.into())))
    }

    fn is_end_stream(&self) -> bool {
        false
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
