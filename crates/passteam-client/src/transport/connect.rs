//! Making a new connection: the name's addresses, TCP, a proxy's tunnel, TLS.

use std::io;
use std::sync::Arc;

use futures_util::future::try_join;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::http::{Connection, PRODUCT};
use super::lookup::LookupError;
use super::process::Process;
use super::race;
use super::route::{Route, RouteProxy};
use super::stream::{Socket, Stream};
use super::trust::TrustError;
use super::tunnel::{self, TunnelError};

/// Why there is no connection. Nothing of the request has been sent.
#[derive(Debug)]
pub(super) enum ConnectError {
    /// The server, or the proxy if there is one, cannot be reached.
    Unreachable(Unreachable),
    /// The proxy opens no tunnel.
    Tunnel(TunnelError),
    /// The TLS handshake failed.
    Tls(io::Error),
    /// The file of own certificates cannot be read any more or holds none.
    CertificateFile,
    /// This computer lacks what a connection needs.
    NoResources,
}

/// What stops a connection before its first byte.
#[derive(Debug)]
pub(super) enum Unreachable {
    /// The name has no address.
    NoAddress,
    /// No address takes a connection.
    Tcp(io::Error),
}

/// Makes a connection that is ready for a request.
///
/// # Errors
/// What [`ConnectError`] lists.
pub(super) async fn connect(process: &Process, route: &Route) -> Result<Connection, ConnectError> {
    // First: if the file has gone, that is the answer, whatever the network does.
    let own = process.trust.own(route.certificate_file.as_ref()).await?;
    let configuration = async {
        match &route.tls_name {
            Some(_) => process.trust.configuration(own).await.map(Some).map_err(ConnectError::from),
            None => Ok(None),
        }
    };
    let (configuration, socket) = try_join(configuration, reach(process, route)).await?;
    let watch = socket.watch();
    let stream = match (&route.tls_name, configuration) {
        (Some(name), Some(configuration)) => secure(route, socket, name.clone(), configuration).await?,
        _ => Stream::Plain(socket),
    };
    Connection::new(stream, watch).await.map_err(|_| ConnectError::NoResources)
}

/// TCP to the server, or to the proxy.
async fn reach(process: &Process, route: &Route) -> Result<Socket, ConnectError> {
    let (host, port) = match &route.proxy {
        Some(RouteProxy { proxy, .. }) => (proxy.host(), proxy.port()),
        None => (route.host.as_str(), route.port),
    };
    let addresses = process.names.addresses(host).await.map_err(|error| match error {
        LookupError::NoAddress => ConnectError::Unreachable(Unreachable::NoAddress),
        LookupError::NoResources => ConnectError::NoResources,
    })?;
    let tcp = race::connect(&addresses, port).await;
    tcp.map(Socket::new).map_err(|error| ConnectError::Unreachable(Unreachable::Tcp(error)))
}

async fn secure(
    route: &Route,
    mut socket: Socket,
    name: ServerName<'static>,
    configuration: Arc<ClientConfig>,
) -> Result<Stream, ConnectError> {
    tunnel(route, &mut socket).await?;
    let tls = TlsConnector::from(configuration).connect(name, socket).await.map_err(ConnectError::Tls)?;
    Ok(Stream::Tls(Box::new(tls)))
}

/// Asks the proxy for a tunnel, if there is a proxy.
pub(super) async fn tunnel(route: &Route, socket: &mut Socket) -> Result<(), ConnectError> {
    let Some(RouteProxy { proxy, .. }) = &route.proxy else { return Ok(()) };
    let authorization = proxy.authorization();
    tunnel::open(socket, &route.authority(), PRODUCT, authorization.as_deref()).await.map_err(ConnectError::Tunnel)
}

impl From<TrustError> for ConnectError {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::CertificateFile => ConnectError::CertificateFile,
            TrustError::Other => ConnectError::NoResources,
        }
    }
}
