//! What a diagnosis finds on the way to the service, as facts. How it is found is a matter of [`crate::diagnose()`].

use std::net::SocketAddr;
use std::time::Duration;

use crate::certificate::Certificate;
use crate::outcome::{Cause, Failure, Report, Way};

/// Servers and tills are synchronized within seconds; a clock that is off by more than this has not been set.
const WRONG_CLOCK_SECONDS: u64 = 300;

/// What a diagnosis has found. A fact that it did not come to is absent.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// How far it came.
    pub stage: Stage,
    /// What stands between this computer and the server.
    pub way: Way,
    /// How many certificates of authorities the file of additional certificates holds.
    pub own_authorities: Option<usize>,
    /// The look-up of the server's name, or the proxy's if there is one; absent if an address is given instead of a name.
    pub look_up: Option<LookUp>,
    /// The addresses to which a connection was tried.
    pub addresses: Vec<AddressCheck>,
    /// The version of TLS that the server and this client have agreed on.
    pub tls: Option<TlsVersion>,
    /// The server's certificate, also if it was not accepted.
    pub certificate: Option<Certificate>,
    /// How many seconds the server's clock (the header `Date`) is ahead of this computer's.
    pub server_ahead: Option<i64>,
    /// How long the service's method took, without making the connection.
    pub answered_in: Option<Duration>,
    /// What came of `gettemplates`, or of the attempt to get there.
    pub report: Report,
    /// What the account's list of templates says; absent if the answer cannot be understood.
    pub templates: Option<Templates>,
    /// Whether a token was set.
    pub has_token: bool,
}

/// How far a diagnosis came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Reading the settings.
    Settings,
    /// Reading certificates of authorities from files.
    Authorities,
    /// Looking up the name.
    LookUp,
    /// Connecting by TCP.
    Connect,
    /// Asking the proxy for a tunnel.
    Tunnel,
    /// Agreeing on TLS.
    Tls,
    /// Calling the service.
    Answer,
}

/// A look-up of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUp {
    /// The name.
    pub host: String,
    /// The number of its addresses and the time that the look-up took; absent if it did not end.
    pub found: Option<(usize, Duration)>,
}

/// What came of connecting to one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressCheck {
    /// The address.
    pub address: SocketAddr,
    /// What it did.
    pub result: AddressResult,
}

/// What an address does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressResult {
    /// It took the connection after this time.
    Answered(Duration),
    /// Nothing came for as long as it was waited for.
    Silent,
    /// It refused the connection.
    Refused,
    /// This computer has no way to that network, as with IPv6 in many shops.
    NoRoute,
    /// The operating system names another reason.
    Failed,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl TlsVersion {
    /// The version's number, such as `1.3`.
    pub fn as_str(self) -> &'static str {
        match self {
            TlsVersion::Tls12 => "1.2",
            TlsVersion::Tls13 => "1.3",
        }
    }
}

/// What an account's list of templates says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Templates {
    /// How many templates it has.
    pub count: usize,
    /// Whether the one that is asked for is among them; absent if none is asked for.
    pub is_known: Option<bool>,
}

/// The first thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding<'a> {
    /// Nothing.
    Fine,
    /// The deadline passed.
    Late {
        /// In the middle of this.
        stage: Stage,
        /// What the call ended with.
        failure: &'a Failure,
    },
    /// This computer's clock is wrong.
    WrongClock,
    /// No token was set.
    NoToken,
    /// Another failure.
    Failure(&'a Failure),
    /// The account does not have the template.
    UnknownTemplate,
}

impl Diagnosis {
    /// The first thing that is wrong, in the order in which a call meets them.
    pub fn finding(&self) -> Finding<'_> {
        match &self.report.outcome {
            Err(failure) => match failure.cause {
                Cause::Deadline => Finding::Late { stage: self.stage, failure },
                Cause::Expired | Cause::NotYetValid if self.is_clock_to_blame() => Finding::WrongClock,
                Cause::Unauthorized if !self.has_token => Finding::NoToken,
                _ => Finding::Failure(failure),
            },
            Ok(_) if !self.has_token => Finding::NoToken,
            Ok(_) if self.templates.is_some_and(|templates| templates.is_known == Some(false)) => {
                Finding::UnknownTemplate
            }
            Ok(_) if self.is_clock_wrong() => Finding::WrongClock,
            Ok(_) => Finding::Fine,
        }
    }

    /// Whether this computer's clock differs from the server's by more than networks explain.
    pub fn is_clock_wrong(&self) -> bool {
        self.server_ahead.is_some_and(|ahead| ahead.unsigned_abs() > WRONG_CLOCK_SECONDS)
    }

    /// Whether the certificate that is refused for its time is valid by the server's clock.
    fn is_clock_to_blame(&self) -> bool {
        let Some((certificate, ahead)) = self.certificate.as_ref().zip(self.server_ahead) else { return false };
        self.is_clock_wrong() && certificate.is_valid_at(crate::certificate::now().saturating_add(ahead))
    }
}
