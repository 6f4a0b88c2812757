//! Accepts connections and hands each request to the service's methods or to the sandbox's own paths.
//!
//! What a request does is not decided here: see `exchange` for the service and `router` for the sandbox's own paths.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower_service::Service as _;

use crate::exchange::{self, NoAnswer};
use crate::router;
use crate::shared::Shared;
use crate::transport::{FlushSignal, Watched};

/// What one connection needs; cheap to clone.
#[derive(Clone)]
pub(crate) struct Server {
    /// `None` serves plain HTTP.
    pub(crate) acceptor: Option<TlsAcceptor>,
    pub(crate) router: Router,
    pub(crate) shared: Arc<Shared>,
}

impl Server {
    /// Serves each connection in a task of its own, forever.
    pub(crate) async fn accept(self, listener: TcpListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(self.clone().connection(stream));
                }
                // For example no file descriptor is left: open connections need time to end.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    async fn connection(self, stream: TcpStream) {
        let number = self.shared.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let _open = OpenConnection::new(&self.shared);
        // If this fails, answers are only slower.
        let _ = stream.set_nodelay(true);
        let closed = self.shared.close_connections.notified();
        tokio::select! {
            () = self.handshake_and_serve(stream, number) => {}
            () = closed => {}
        }
    }

    async fn handshake_and_serve(&self, stream: TcpStream, connection: u64) {
        let Some(acceptor) = &self.acceptor else { return self.serve(stream, connection).await };
        if let Ok(stream) = acceptor.accept(stream).await {
            self.shared.handshakes.fetch_add(1, Ordering::Relaxed);
            self.serve(stream, connection).await;
        }
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S, connection: u64) {
        let signal = FlushSignal::default();
        let io = TokioIo::new(Watched { stream, signal: signal.clone() });
        let service = service_fn(|request| self.respond(request, connection, signal.clone()));
        // An error means that the client closed the connection or that a fault broke it: nothing is left to do.
        let _ = http1::Builder::new().header_read_timeout(None).serve_connection(io, service).await;
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        connection: u64,
        signal: FlushSignal,
    ) -> Result<Response<Body>, NoAnswer> {
        if router::owns(request.uri().path()) {
            return match self.router.clone().call(request).await {
                Ok(response) => Ok(response),
                Err(never) => match never {},
            };
        }
        exchange::respond(&self.shared, request, connection, signal).await
    }
}

/// Counts a connection as open until it is dropped.
struct OpenConnection<'a>(&'a AtomicU64);

impl<'a> OpenConnection<'a> {
    fn new(shared: &'a Shared) -> Self {
        shared.open_connections.fetch_add(1, Ordering::Relaxed);
        Self(&shared.open_connections)
    }
}

impl Drop for OpenConnection<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
