//! What a sandbox is started with.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::RecordedRequest;

/// The token a sandbox expects unless told otherwise.
pub const DEFAULT_TOKEN: &str = "sandbox-token";

/// The only template a sandbox knows unless told otherwise.
pub const DEFAULT_TEMPLATE_ID: &str = "5d3f1a9be4b0c7a1f2e86c40";

/// Called after each service request, on the sandbox's thread: it must not block and must not drop the
/// [`Sandbox`](crate::Sandbox).
pub type Observer = Arc<dyn Fn(&RecordedRequest) + Send + Sync>;

/// How a sandbox behaves. `Default` is plain HTTP on a free loopback port.
#[derive(Clone)]
pub struct Options {
    /// Address to listen on; port 0 takes a free one. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// The only accepted value of the `Authorization` header. Default [`DEFAULT_TOKEN`].
    pub token: String,
    /// The templates cards can be made from. Default: one, [`DEFAULT_TEMPLATE_ID`].
    pub templates: Vec<Template>,
    /// Variables, named without percent signs, that every card must have and no two cards may share. Default `PHONE`.
    pub unique: Vec<String>,
    /// Plain HTTP or HTTPS, and with which certificate. Default [`Tls::None`].
    pub tls: Tls,
    /// How long every answer is held back after its request was carried out. Default zero.
    pub latency: Duration,
    /// How many of the latest requests [`Sandbox::requests`](crate::Sandbox::requests) remembers; 0 records nothing.
    /// Default 1000.
    pub keep_requests: usize,
    /// Told of every service request. Default none.
    pub observer: Option<Observer>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token: DEFAULT_TOKEN.into(),
            templates: vec![DEFAULT_TEMPLATE_ID.into()],
            unique: vec!["PHONE".into()],
            tls: Tls::None,
            latency: Duration::ZERO,
            keep_requests: 1000,
            observer: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("listen", &self.listen)
            .field("token", &"***")
            .field("templates", &self.templates)
            .field("unique", &self.unique)
            .field("tls", &self.tls)
            .field("latency", &self.latency)
            .field("keep_requests", &self.keep_requests)
            .finish_non_exhaustive()
    }
}

/// A template of the account. Any variable may be set on any card: the sandbox's choice, as templates differ from
/// customer to customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Template {
    /// What `createcard` takes as `templateId`.
    #[serde(rename = "templateId")]
    pub id: String,
    /// What a person calls it.
    pub name: String,
}

impl From<&str> for Template {
    /// A template of this id with a general name.
    fn from(id: &str) -> Self {
        Self { id: id.into(), name: "Карта лояльности".into() }
    }
}

/// How connections are secured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    /// Plain HTTP.
    #[default]
    None,
    /// HTTPS with a good certificate for `localhost`, `127.0.0.1` and `::1`, signed by a CA made at start.
    OwnCa,
    /// HTTPS with a certificate that a client must refuse.
    Certificate(CertificateKind),
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateKind {
    /// Signed by the sandbox's CA, but ran out long ago.
    Expired,
    /// Signed by the sandbox's CA, but will only be valid far in the future.
    NotYetValid,
    /// Signed by the sandbox's CA, but for `other.invalid` only.
    WrongHost,
    /// Signed by its own key; the sandbox's CA has nothing to do with it.
    SelfSigned,
    /// Signed by a CA other than the one that [`Sandbox::ca_pem`](crate::Sandbox::ca_pem) gives.
    UnknownCa,
}
