//! What a script or a page may see and do, under `/sandbox/`.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Request, State};
use axum::http::header::{HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::server::{Shared, lock};
use crate::{Card, Drop, Fault, RecordedRequest, face};

/// Whether a path is not the service's. What browsers ask for of themselves is not either.
pub(crate) fn owns(path: &str) -> bool {
    path == "/"
        || path == "/favicon.ico"
        || ["/sandbox/", "/card/", "/.well-known/"].iter().any(|folder| path.starts_with(folder))
}

/// The control paths, as a sandbox that listens on `ip` serves them.
pub(crate) fn router(shared: Arc<Shared>, ip: IpAddr) -> Router {
    Router::new()
        .route("/sandbox/cards", get(cards))
        .route("/sandbox/cards/{id}/installed", post(set_installed))
        .route("/sandbox/requests", get(requests))
        .route("/sandbox/faults", get(faults).post(push_fault).delete(clear_faults))
        .merge(face::router())
        .layer(middleware::from_fn_with_state(ip, refuse_foreign_pages))
        .layer(middleware::from_fn(face::protect))
        .with_state(shared)
}

/// Keeps pages of other sites out: a browser lets them send requests here, and a name they control can be made to
/// resolve to this address (DNS rebinding). So the host must be an address or `localhost`, and a page that asks must
/// come from here.
async fn refuse_foreign_pages(State(ip): State<IpAddr>, request: Request, next: Next) -> Response {
    if is_own(request.headers(), ip) {
        next.run(request).await
    } else {
        (StatusCode::FORBIDDEN, "This sandbox answers to its own address only.\n").into_response()
    }
}

fn is_own(headers: &HeaderMap, ip: IpAddr) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(host) = text(HOST) else { return false };
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let from_here = text(ORIGIN)
        .is_none_or(|origin| ["http://", "https://"].iter().any(|scheme| origin.strip_prefix(scheme) == Some(host)));
    from_here && is_own_name(authority.host(), ip)
}

/// A sandbox that listens beyond loopback is reached by addresses that it cannot know; an address cannot be rebound.
fn is_own_name(name: &str, ip: IpAddr) -> bool {
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match address {
        Ok(address) => address.is_loopback() || !ip.is_loopback(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownCard {
    card_id: String,
    card_url: String,
    template_id: String,
    installed: bool,
    pub(crate) variables: Vec<Pair>,
}

#[derive(Serialize)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
}

fn pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Vec<Pair> {
    pairs.into_iter().map(|(name, value)| Pair { name: name.into(), value: value.into() }).collect()
}

impl From<&Card> for ShownCard {
    fn from(card: &Card) -> Self {
        let Card { id, url, template_id, variables, installed } = card.clone();
        Self { card_id: id, card_url: url, template_id, installed, variables: pairs(variables) }
    }
}

/// A request with its token masked.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShownRequest {
    number: u64,
    method: String,
    connection: u64,
    complete: bool,
    status: Option<u16>,
    code: Option<i64>,
    card_id: Option<String>,
    pub(crate) headers: Vec<Pair>,
    pub(crate) form: Vec<Pair>,
}

impl From<RecordedRequest> for ShownRequest {
    fn from(request: RecordedRequest) -> Self {
        Self {
            headers: pairs(request.masked_headers()),
            form: pairs(request.form),
            number: request.number,
            method: request.method,
            connection: request.connection,
            complete: request.complete,
            status: request.status,
            code: request.code,
            card_id: request.card_id,
        }
    }
}

async fn cards(State(shared): State<Arc<Shared>>) -> Json<Vec<ShownCard>> {
    Json(lock(&shared.store).cards().iter().map(ShownCard::from).collect())
}

async fn requests(State(shared): State<Arc<Shared>>) -> Json<Vec<ShownRequest>> {
    Json(shared.log.all().into_iter().map(ShownRequest::from).collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Installed {
    installed: bool,
}

/// `Json` refuses any other content type, and with it what a foreign page can send without asking first.
async fn set_installed(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Json(Installed { installed }): Json<Installed>,
) -> StatusCode {
    if shared.set_installed(&id, installed) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

/// A [`Fault`] as JSON.
#[derive(Default, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct FaultText {
    method: Option<String>,
    delay_ms: Option<u64>,
    status: Option<u16>,
    code: Option<i64>,
    message: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<String>,
    drop: Option<DropText>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
enum DropText {
    BeforeAnswer,
    AfterProcessing,
    AfterBytes(usize),
}

impl From<FaultText> for Fault {
    fn from(text: FaultText) -> Self {
        Self {
            method: text.method,
            delay: text.delay_ms.map(Duration::from_millis),
            status: text.status,
            code: text.code,
            message: text.message,
            headers: text.headers,
            body: text.body.map(String::into_bytes),
            drop: text.drop.map(|drop| match drop {
                DropText::BeforeAnswer => Drop::BeforeAnswer,
                DropText::AfterProcessing => Drop::AfterProcessing,
                DropText::AfterBytes(bytes) => Drop::AfterBytes(bytes),
            }),
        }
    }
}

impl From<&Fault> for FaultText {
    fn from(fault: &Fault) -> Self {
        Self {
            method: fault.method.clone(),
            delay_ms: fault.delay.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)),
            status: fault.status,
            code: fault.code,
            message: fault.message.clone(),
            headers: fault.headers.clone(),
            body: fault.body.as_deref().map(|body| String::from_utf8_lossy(body).into_owned()),
            drop: fault.drop.map(|drop| match drop {
                Drop::BeforeAnswer => DropText::BeforeAnswer,
                Drop::AfterProcessing => DropText::AfterProcessing,
                Drop::AfterBytes(bytes) => DropText::AfterBytes(bytes),
            }),
        }
    }
}

async fn faults(State(shared): State<Arc<Shared>>) -> Json<Vec<FaultText>> {
    Json(lock(&shared.faults).iter().map(|ready| FaultText::from(&ready.fault)).collect())
}

async fn push_fault(State(shared): State<Arc<Shared>>, Json(text): Json<FaultText>) -> Response {
    match shared.push_fault(text.into()) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(invalid) => (StatusCode::BAD_REQUEST, format!("{invalid}\n")).into_response(),
    }
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.clear_faults();
    StatusCode::NO_CONTENT
}
