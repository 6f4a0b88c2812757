//! What came of a call: success or failure, and why it failed.
//!
//! [`Cause`] is the one exhaustive list of failures; each cause belongs to one [`Kind`], the coarser list that a program acts
//! on. Texts for people are not made here: the caller matches on the cause.

use std::fmt;
use std::time::Duration;

use crate::settings::{NamedProxy, ProxySource};

/// The kinds of failure that a program tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// 409: a unique variable, such as the phone, already belongs to a card.
    Duplicate,
    /// 500 with the message that a unique field must be set.
    FieldRequired,
    /// 401 or 403: the token was not accepted.
    Unauthorized,
    /// 404: no such card, template or method.
    NotFound,
    /// 429: too many requests for the tariff; or no turn within the caller's own limit.
    RateLimited,
    /// Any other code from 500 to 599.
    ServerError,
    /// Any other code but 200.
    Rejected,
    /// An answer that is not one of the service.
    BadResponse,
    /// The deadline passed.
    Timeout,
    /// There was no connection to the server, or it broke before the answer's headers were complete.
    Connection,
    /// The server's certificate or host name was not accepted.
    Certificate,
}

impl Kind {
    /// The kind's name, the same in every language.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Duplicate => "Duplicate",
            Kind::FieldRequired => "FieldRequired",
            Kind::Unauthorized => "Unauthorized",
            Kind::NotFound => "NotFound",
            Kind::RateLimited => "RateLimited",
            Kind::ServerError => "ServerError",
            Kind::Rejected => "Rejected",
            Kind::BadResponse => "BadResponse",
            Kind::Timeout => "Timeout",
            Kind::Connection => "Connection",
            Kind::Certificate => "Certificate",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Why a call failed, as precisely as a person needs it to know what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Code 409.
    Duplicate,
    /// Code 500, and the message names a field that must be set.
    FieldRequired {
        /// The field, for example `PHONE`: the server's own word.
        field: String,
    },
    /// Code 401 or 403.
    Unauthorized,
    /// Code 404.
    NotFound,
    /// Code 429.
    RateLimited,
    /// The caller's own limit of requests leaves no turn before the deadline; nothing was sent.
    RequestRate,
    /// Any other code from 500 to 599.
    ServerError,
    /// Any other code but 200.
    Rejected,
    /// The answer is not HTTP.
    NotHttp,
    /// The answer is a web page without an envelope, with a status below 400: a network's log-in page, a proxy's, or another
    /// server's.
    WebPage,
    /// Another web server has answered: a web page without an envelope, with status 404.
    PageNotFound,
    /// The same with any other status from 400 to 499 but 401, 403, 409 and 429.
    PageRejected,
    /// The same with status 401 or 403.
    PageForbidden,
    /// The network wants its user to log in (status 511).
    NetworkLogIn,
    /// The answer is not JSON.
    NotJson,
    /// The answer is JSON without a usable `code`.
    NoCode,
    /// A card was made, but the answer does not name it.
    NoCardId,
    /// The answer holds a list, but not of cards.
    NotCards,
    /// The answer holds no list at all.
    NoList,
    /// The server redirects to another address; nothing was sent there.
    Redirect,
    /// A body of more than 4 MiB.
    TooLarge,
    /// The answer broke off after its headers.
    BrokenOff,
    /// The deadline passed.
    Deadline,
    /// The server's name has no address.
    NameNotResolved,
    /// The server does not accept connections.
    Refused,
    /// The connection broke before the answer's headers were complete.
    Reset,
    /// The proxy could not be reached, or broke the connection before there was a tunnel.
    Proxy,
    /// What stands at the proxy's address does not speak HTTP.
    ProxyNotHttp,
    /// The proxy refuses to connect.
    ProxyRefused {
        /// The HTTP status that it answers with.
        status: u16,
    },
    /// The proxy asks for a user name and password, or did not accept those that it got.
    ProxyAuthentication,
    /// The proxy wants a login other than by user and password (Negotiate, NTLM), which is not supported.
    ProxyLoginUnsupported,
    /// The system's setting names no usable proxy; nothing was sent.
    ProxySetting {
        /// Where it stands.
        source: ProxySource,
        /// Whether it names a SOCKS proxy, which is not supported.
        is_socks: bool,
    },
    /// TLS failed for another reason than the certificate.
    Tls,
    /// What answers at the server's port does not speak TLS.
    NotTls,
    /// This process lacks file descriptors, threads, ports or memory.
    NoResources,
    /// Any other failure to connect.
    ConnectionOther,
    /// No trusted authority issued the server's certificate.
    UnknownIssuer,
    /// The server's certificate comes from an authority that is not trusted and whose certificate the server does not send: it
    /// may be an intermediate authority, or a filter's.
    IssuerNotSent,
    /// The file of additional certificates holds the server's own certificate instead of its issuer's.
    ServersOwnInFile,
    /// The file of additional certificates holds another intermediate authority instead of the root.
    IntermediateInFile,
    /// The server's certificate is signed in a way that is not supported, such as with the curve P-521.
    UnsupportedSignature,
    /// The server's certificate has expired, or this computer's clock is wrong.
    Expired,
    /// The server's certificate is not valid yet, or this computer's clock is wrong.
    NotYetValid,
    /// The server's certificate is for another host.
    WrongHost,
    /// The file of additional certificates can no longer be read or holds none; nothing was sent.
    CertificateFileGone,
    /// The server's certificate is unacceptable for another reason.
    CertificateOther,
}

impl Cause {
    /// The kind that the cause belongs to.
    pub fn kind(&self) -> Kind {
        match self {
            Cause::Duplicate => Kind::Duplicate,
            Cause::FieldRequired { .. } => Kind::FieldRequired,
            Cause::Unauthorized | Cause::PageForbidden => Kind::Unauthorized,
            Cause::NotFound | Cause::PageNotFound => Kind::NotFound,
            Cause::RateLimited | Cause::RequestRate => Kind::RateLimited,
            Cause::ServerError | Cause::NetworkLogIn => Kind::ServerError,
            Cause::Rejected | Cause::PageRejected => Kind::Rejected,
            Cause::NotHttp
            | Cause::WebPage
            | Cause::NotJson
            | Cause::NoCode
            | Cause::NoCardId
            | Cause::NotCards
            | Cause::NoList
            | Cause::Redirect
            | Cause::TooLarge
            | Cause::BrokenOff => Kind::BadResponse,
            Cause::Deadline => Kind::Timeout,
            Cause::NameNotResolved
            | Cause::Refused
            | Cause::Reset
            | Cause::Proxy
            | Cause::ProxyNotHttp
            | Cause::ProxyRefused { .. }
            | Cause::ProxyAuthentication
            | Cause::ProxyLoginUnsupported
            | Cause::ProxySetting { .. }
            | Cause::Tls
            | Cause::NotTls
            | Cause::NoResources
            | Cause::ConnectionOther => Kind::Connection,
            Cause::UnknownIssuer
            | Cause::IssuerNotSent
            | Cause::ServersOwnInFile
            | Cause::IntermediateInFile
            | Cause::UnsupportedSignature
            | Cause::Expired
            | Cause::NotYetValid
            | Cause::WrongHost
            | Cause::CertificateFileGone
            | Cause::CertificateOther => Kind::Certificate,
        }
    }

    /// What a code other than 200 means.
    pub(crate) fn of_code(code: i64) -> Cause {
        match code {
            401 | 403 => Cause::Unauthorized,
            404 => Cause::NotFound,
            409 => Cause::Duplicate,
            429 => Cause::RateLimited,
            500..=599 => Cause::ServerError,
            _ => Cause::Rejected,
        }
    }
}

/// A call that failed because of something outside this program. Debug output does not show the server's message.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure {
    /// Why it failed.
    pub cause: Cause,
    /// The server's `message`, unredacted: it may quote any value of the call.
    pub message: Option<String>,
    /// The pause that the server asks for with 429 or 503, or until there is a turn again with [`Cause::RequestRate`].
    pub retry_after: Option<Duration>,
    /// What stands between this computer and the server.
    pub way: Way,
}

/// What stands between this computer and the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Nothing that was set.
    #[default]
    Direct,
    /// Nothing, although the system names a script for finding a proxy (PAC), which is not run.
    DirectDespiteScript,
    /// A proxy.
    Proxy(NamedProxy),
}

impl Failure {
    /// A failure without a word of the server, on a way without a proxy.
    pub fn new(cause: Cause) -> Failure {
        Failure { cause, message: None, retry_after: None, way: Way::Direct }
    }

    /// What a program acts on.
    pub fn kind(&self) -> Kind {
        self.cause.kind()
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { cause, message, retry_after, way } = self;
        // The field is the server's own word, and may quote anything.
        let quotes = matches!(cause, Cause::FieldRequired { .. });
        let cause: &dyn fmt::Debug = if quotes { &format_args!("FieldRequired") } else { cause };
        formatter
            .debug_struct("Failure")
            .field("kind", &self.kind())
            .field("cause", cause)
            .field("message", &message.as_ref().map(|_| "***"))
            .field("retry_after", retry_after)
            .field("way", way)
            .finish()
    }
}

/// A call that the service carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Success {
    /// The card that was made or updated; `None` for other methods.
    pub card_id: Option<String>,
    /// Where the card that was made can be downloaded, byte for byte.
    pub card_url: Option<String>,
    /// Whether the customer has put the updated card into a wallet; false if the answer does not say.
    pub installed: bool,
    /// The page of cards that was asked for.
    pub page: Option<CardPage>,
}

/// A card on a page. Debug output shows no customer's data.
#[derive(Clone, PartialEq, Eq)]
pub struct ListedCard {
    /// Its id: 24 hexadecimal digits.
    pub card_id: String,
    /// Where it can be downloaded; empty if the page does not say.
    pub card_url: String,
    /// Whether the customer has put it into a wallet; false if the page does not say.
    pub installed: bool,
    /// Its variables, without percent signs, in the order of the page.
    pub values: Vec<(String, String)>,
}

impl fmt::Debug for ListedCard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ListedCard").field("card_id", &self.card_id).finish_non_exhaustive()
    }
}

/// What a page says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardPage {
    /// Its cards.
    pub cards: Vec<ListedCard>,
    /// Whether the page itself says that it is the last one: it is empty, or the number of the next page is null.
    pub is_last: bool,
}

/// What came of a call. Debug output does not show the answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Report {
    /// The last try's outcome.
    pub outcome: Result<Success, Failure>,
    /// `code` of the envelope, else the HTTP status; 0 if no complete answer was read.
    pub code: i64,
    /// The answer's body, bytes that are not UTF-8 as U+FFFD; empty if no complete answer was read.
    pub body: String,
    /// How many times the request was tried.
    pub tries: u32,
    /// Whether the service may have carried the request out although no answer says so. Always false after a success, and for a
    /// request that does the same when it is carried out twice.
    pub unknown: bool,
}

impl Report {
    /// The report of a call that ended before its first try.
    pub(crate) fn not_tried(failure: Failure) -> Report {
        Report { outcome: Err(failure), code: 0, body: String::new(), tries: 0, unknown: false }
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { outcome, code, body, tries, unknown } = self;
        formatter
            .debug_struct("Report")
            .field("outcome", outcome)
            .field("code", code)
            .field("body", &format_args!("{} bytes", body.len()))
            .field("tries", tries)
            .field("unknown", unknown)
            .finish()
    }
}
