//! The control paths under `/sandbox/`, for scripts and for the page: cards, requests and faults as JSON.
//!
//! What only the page needs is in `page`; the shapes are in `json`.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use crate::fault::{Fault, KNOWN_ERRORS};
use crate::json::{
    CardJson, EmptyJson, FaultJson, InstalledJson, LateRequestsJson, LimitsJson, RequestJson, SampleCardsJson,
    ShapeJson,
};
use crate::mutex::lock;
use crate::shared::Shared;

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/sandbox/cards", get(cards))
        .route("/sandbox/cards/{id}/installed", post(set_installed))
        .route("/sandbox/requests", get(requests))
        .route("/sandbox/sample-cards", post(add_cards))
        .route("/sandbox/shape", get(shape).post(set_shape))
        .route("/sandbox/limits", get(limits).post(set_limits))
        .route("/sandbox/late-requests", get(late_requests).post(carry_out_late_requests))
        .route("/sandbox/known-errors", get(known_errors))
        .route("/sandbox/faults", get(faults).post(push_fault).delete(clear_faults))
}

async fn cards(State(shared): State<Arc<Shared>>) -> Json<Vec<CardJson>> {
    Json(lock(&shared.store).cards().iter().map(CardJson::from).collect())
}

async fn requests(State(shared): State<Arc<Shared>>) -> Json<Vec<RequestJson>> {
    Json(shared.log.all().into_iter().map(RequestJson::from).collect())
}

/// `Json` refuses every other content type. Those that it refuses are the ones that a browser lets a foreign page send
/// without a preflight request.
async fn set_installed(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Json(InstalledJson { installed }): Json<InstalledJson>,
) -> StatusCode {
    if shared.set_installed(&id, installed) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

/// Sample cards that one request can add, so that it does not occupy the sandbox's thread for long.
const MOST_SAMPLE_CARDS: usize = 100_000;

async fn add_cards(
    State(shared): State<Arc<Shared>>,
    Json(SampleCardsJson { count }): Json<SampleCardsJson>,
) -> Response {
    if count > MOST_SAMPLE_CARDS {
        return (StatusCode::BAD_REQUEST, format!("at most {MOST_SAMPLE_CARDS} at a time\n")).into_response();
    }
    done_or_bad_request(shared.add_cards(count))
}

async fn shape(State(shared): State<Arc<Shared>>) -> Json<ShapeJson> {
    Json(ShapeJson { shape: lock(&shared.shape).to_string() })
}

async fn set_shape(State(shared): State<Arc<Shared>>, Json(ShapeJson { shape }): Json<ShapeJson>) -> Response {
    done_or_bad_request(shape.parse().map(|shape| shared.set_shape(shape)))
}

async fn limits(State(shared): State<Arc<Shared>>) -> Json<LimitsJson> {
    Json(lock(&shared.limiter).limits().into())
}

async fn set_limits(State(shared): State<Arc<Shared>>, Json(limits): Json<LimitsJson>) -> StatusCode {
    shared.set_limits(limits.into());
    StatusCode::NO_CONTENT
}

async fn late_requests(State(shared): State<Arc<Shared>>) -> Json<LateRequestsJson> {
    Json(LateRequestsJson { waiting: shared.late_requests.load(Ordering::Relaxed) })
}

/// The body is an empty JSON object: what a foreign page can send without a preflight request is refused.
async fn carry_out_late_requests(State(shared): State<Arc<Shared>>, Json(EmptyJson {}): Json<EmptyJson>) -> StatusCode {
    shared.carry_out_late.notify_waiters();
    StatusCode::NO_CONTENT
}

async fn known_errors() -> Json<Vec<FaultJson>> {
    Json(KNOWN_ERRORS.into_iter().filter_map(Fault::known_error).map(|fault| FaultJson::from(&fault)).collect())
}

fn done_or_bad_request<E: Display>(result: Result<(), E>) -> Response {
    match result {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    }
}

async fn faults(State(shared): State<Arc<Shared>>) -> Json<Vec<FaultJson>> {
    Json(lock(&shared.faults).iter().map(|ready| FaultJson::from(&ready.fault)).collect())
}

async fn push_fault(State(shared): State<Arc<Shared>>, Json(fault): Json<FaultJson>) -> Response {
    done_or_bad_request(shared.push_fault(fault.into()))
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.clear_faults();
    StatusCode::NO_CONTENT
}
