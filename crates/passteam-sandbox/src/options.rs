//! The options that a sandbox is started with.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::Serialize;

use crate::limits::Limits;
use crate::request_log::Observer;
use crate::shape::Shape;

/// The default of [`Options::token`].
pub const DEFAULT_TOKEN: &str = "sandbox-token";

/// The id of the only template in the default of [`Options::templates`].
pub const DEFAULT_TEMPLATE_ID: &str = "5d3f1a9be4b0c7a1f2e86c40";

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
    /// Number of sample cards at start. Default none. See [`Sandbox::add_cards`](crate::Sandbox::add_cards).
    pub cards: usize,
    /// The shape of answers whose members the vendor does not name. Default: see [`Shape`].
    pub shape: Shape,
    /// The tariff's limits. Default none.
    pub limits: Limits,
    /// Plain HTTP or HTTPS, and with which certificate. Default [`Tls::None`].
    pub tls: Tls,
    /// Delay of every answer after its request was carried out. Default zero.
    pub latency: Duration,
    /// Number of the latest requests that [`Sandbox::requests`](crate::Sandbox::requests) keeps; 0 records nothing.
    /// Default 1000.
    pub keep_requests: usize,
    /// Called after every service request. Default none.
    pub observer: Option<Observer>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token: DEFAULT_TOKEN.into(),
            templates: vec![DEFAULT_TEMPLATE_ID.into()],
            unique: vec!["PHONE".into()],
            cards: 0,
            shape: Shape::default(),
            limits: Limits::default(),
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
            .field("cards", &self.cards)
            .field("shape", &self.shape)
            .field("limits", &self.limits)
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
    /// Its name for people.
    pub name: String,
}

impl From<&str> for Template {
    /// A template with this id and a default name.
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
    /// HTTPS with a valid certificate for `localhost`, `127.0.0.1` and `::1`, signed by a CA made at start.
    OwnCa,
    /// HTTPS with a certificate that a client must refuse.
    Certificate(CertificateKind),
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateKind {
    /// Signed by the sandbox's CA, but expired.
    Expired,
    /// Signed by the sandbox's CA, but not valid before the year 2990.
    NotYetValid,
    /// Signed by the sandbox's CA, but for `other.invalid` only.
    WrongHost,
    /// Signed by its own key and not by the sandbox's CA.
    SelfSigned,
    /// Signed by a CA other than the one that [`Sandbox::ca_pem`](crate::Sandbox::ca_pem) gives.
    UnknownCa,
}
