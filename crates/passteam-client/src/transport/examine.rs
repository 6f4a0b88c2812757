//! Making a connection as [`super::connect`] does, but one step after the other, all addresses at once, and noting each fact as it is
//! found: whoever gives up in the middle still has those before.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rustls::pki_types::UnixTime;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::connect::{ConnectError, Unreachable, tunnel};
use super::http::Connection;
use super::lookup::LookupError;
use super::process::Process;
use super::race::{connect_to, is_without_route, more_telling};
use super::route::{Route, RouteProxy};
use super::stream::{Socket, Stream};
use crate::diagnosis::{AddressCheck, AddressResult, Diagnosis, LookUp, Stage};

/// How long the other addresses may take once one has answered.
const OTHERS: Duration = Duration::from_secs(1);

/// Makes a connection that is ready for a request, as `route` says. The server's certificate must be valid at `moment`, or now if
/// that is none. `deadline` is the caller's: when one address has answered, the others get at most a part of what is left of it.
///
/// # Errors
/// As [`super::connect::connect`].
pub(super) async fn connect(
    process: &Process,
    route: &Route,
    moment: Option<UnixTime>,
    deadline: Instant,
    facts: &mut Diagnosis,
) -> Result<Connection, ConnectError> {
    facts.stage = Stage::Authorities;
    let own = process.trust.own(route.certificate_file.as_ref()).await?;
    facts.own_authorities = own.as_ref().map(|own| own.roots.len());
    let examination = match &route.tls_name {
        Some(name) => Some((name, process.trust.examination(own, moment).await?)),
        None => None,
    };
    let mut socket = reach(process, route, deadline, facts).await?;
    let watch = socket.watch();
    let stream = match examination {
        None => Stream::Plain(socket),
        Some((name, (configuration, examiner))) => {
            facts.stage = Stage::Tunnel;
            tunnel(route, &mut socket).await?;
            facts.stage = Stage::Tls;
            let tls = TlsConnector::from(configuration).connect(name.clone(), socket).await;
            let seen = examiner.seen();
            (facts.tls, facts.certificate) = (seen.version, seen.certificate);
            Stream::Tls(Box::new(tls.map_err(ConnectError::Tls)?))
        }
    };
    Connection::new(stream, watch).await.map_err(|_| ConnectError::NoResources)
}

/// TCP to the server, or to the proxy.
async fn reach(
    process: &Process,
    route: &Route,
    deadline: Instant,
    facts: &mut Diagnosis,
) -> Result<Socket, ConnectError> {
    let (host, port) = match &route.proxy {
        Some(RouteProxy { proxy, .. }) => (proxy.host(), proxy.port()),
        None => (route.host.as_str(), route.port),
    };
    facts.stage = Stage::LookUp;
    let is_name = host.parse::<IpAddr>().is_err();
    facts.look_up = is_name.then(|| LookUp { host: host.to_owned(), found: None });
    let began = Instant::now();
    let looked_up = process.names.addresses(host).await;
    let count = looked_up.as_ref().map_or(0, |addresses| addresses.len());
    if let Some(look_up) = &mut facts.look_up {
        look_up.found = Some((count, began.elapsed()));
    }
    let addresses = looked_up.map_err(|error| match error {
        LookupError::NoAddress => ConnectError::Unreachable(Unreachable::NoAddress),
        LookupError::NoResources => ConnectError::NoResources,
    })?;
    facts.stage = Stage::Connect;
    let tcp = try_each(&addresses, port, deadline, &mut facts.addresses).await;
    tcp.map(Socket::new).map_err(|error| ConnectError::Unreachable(Unreachable::Tcp(error)))
}

/// Connects to all addresses at once; the connection that was there first.
async fn try_each(
    addresses: &[IpAddr],
    port: u16,
    deadline: Instant,
    checks: &mut Vec<AddressCheck>,
) -> io::Result<TcpStream> {
    let unanswered =
        |address: &IpAddr| AddressCheck { address: SocketAddr::new(*address, port), result: AddressResult::Silent };
    *checks = addresses.iter().map(unanswered).collect();
    let connect = |(place, check): (usize, &AddressCheck)| {
        let address = check.address;
        async move {
            let began = Instant::now();
            (place, connect_to(address).await, began.elapsed())
        }
    };
    let mut under_way: FuturesUnordered<_> = checks.iter().enumerate().map(connect).collect();
    let (mut first, mut failure, mut end) = (None, None, deadline);
    // The caller ends a wait at its deadline.
    while let Ok(Some((place, result, took))) = wait_for(&mut under_way, first.as_ref().map(|_| end)).await {
        checks[place].result = match &result {
            Ok(_) => AddressResult::Answered(took),
            Err(error) if is_without_route(error) => AddressResult::NoRoute,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => AddressResult::Refused,
            Err(_) => AddressResult::Failed,
        };
        match result {
            Ok(stream) if first.is_none() => {
                first = Some(stream);
                let now = Instant::now();
                end = now + OTHERS.min(deadline.saturating_duration_since(now) / 4);
            }
            Ok(_) => {}
            Err(error) => failure = Some(more_telling(failure, error)),
        }
    }
    first.ok_or_else(|| failure.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()))
}

/// The next that ends, until `end` if there is one.
async fn wait_for<F: Future>(
    under_way: &mut FuturesUnordered<F>,
    end: Option<Instant>,
) -> Result<Option<F::Output>, tokio::time::error::Elapsed> {
    match end {
        Some(end) => timeout_at(end, under_way.next()).await,
        None => Ok(under_way.next().await),
    }
}
