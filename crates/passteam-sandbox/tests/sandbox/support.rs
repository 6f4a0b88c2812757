//! A client of the sandbox. It uses another HTTP library than the sandbox, so that no bug can hide on both sides.

use std::sync::Arc;
use std::time::Duration;

use passteam_sandbox::{Options, Sandbox};
use serde_json::Value;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// A client that keeps its connections open.
pub struct Client {
    agent: ureq::Agent,
    url: String,
}

/// An answer with the HTTP status and the parsed body.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn code(&self) -> i64 {
        self.json()["code"].as_i64().unwrap()
    }

    pub fn message(&self) -> String {
        self.json()["message"].as_str().unwrap().to_owned()
    }

    pub fn card_id(&self) -> String {
        self.json()["result"]["cardId"].as_str().unwrap_or_else(|| panic!("{}", self.text)).to_owned()
    }
}

/// The value of a test's `Authorization` header.
pub const TOKEN: &str = "test-token";

pub fn start(options: Options) -> Sandbox {
    Sandbox::start(Options { token: TOKEN.into(), ..options }).unwrap()
}

pub fn plain() -> (Sandbox, Client) {
    let sandbox = start(Options::default());
    let client = Client::new(&sandbox);
    (sandbox, client)
}

impl Client {
    /// Trusts the sandbox's CA and no other.
    pub fn new(sandbox: &Sandbox) -> Self {
        Self::at(&sandbox.url(), sandbox.ca_pem())
    }

    /// For `url`, the base of the method paths; trusts this CA and no other.
    pub fn at(url: &str, ca_pem: Option<&str>) -> Self {
        let roots = Vec::from_iter(ca_pem.map(|pem| Certificate::from_pem(pem.as_bytes()).unwrap()));
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(60)))
            .tls_config(tls)
            .build()
            .into();
        Self { agent, url: url.into() }
    }

    pub fn try_call(&self, method: &str, form: &[(&str, &str)]) -> Result<Reply, ureq::Error> {
        let request = self.agent.post(format!("{}/{method}", self.url)).header("Authorization", TOKEN);
        read(request.send_form(form.iter().copied())?)
    }

    pub fn call(&self, method: &str, form: &[(&str, &str)]) -> Reply {
        self.try_call(method, form).unwrap()
    }

    /// Creates a card with this phone and returns its id.
    pub fn create(&self, phone: &str) -> String {
        self.call("createcard", &[("templateId", passteam_sandbox::DEFAULT_TEMPLATE_ID), ("values[%PHONE%]", phone)])
            .card_id()
    }

    /// A request to a path of the server, with these headers; a body makes it a POST.
    pub fn raw(&self, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> Reply {
        self.send(if body.is_some() { "POST" } else { "GET" }, path, headers, body.unwrap_or_default())
    }

    pub fn delete(&self, path: &str) -> Reply {
        self.send("DELETE", path, &[], "")
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
        let url = format!("{}{path}", self.url.strip_suffix("/oapi/v1").unwrap());
        // An early refusal leaves the body unread, and then the server closes the connection: none is used twice.
        let mut request = ureq::http::Request::builder().uri(url).method(method).header("Connection", "close");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        read(self.agent.run(request.body(body.to_owned()).unwrap()).unwrap()).unwrap()
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Reply, ureq::Error> {
    Ok(Reply {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        text: response.body_mut().with_config().limit(u64::MAX).read_to_string()?,
    })
}

/// Waits until a condition holds that another thread brings about.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "timed out waiting for {what}");
        std::thread::yield_now();
    }
}
