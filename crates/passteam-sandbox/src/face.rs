//! The sandbox as a person sees it in a browser: the cards as in a phone's wallet, the last requests, and switches for
//! faults.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::stream::{self, Stream};
use qrcode::QrCode;
use qrcode::render::svg;
use serde::{Deserialize, Serialize};

use crate::control::{FaultText, Pair, ShownCard, ShownRequest};
use crate::server::{Shared, lock};
use crate::{Card, Template};

/// How many cards the page shows, the newest; a search finds the others.
const SHOWN_CARDS: usize = 60;

/// How many requests the page shows, the latest.
const SHOWN_REQUESTS: usize = 40;

/// Longer values are cut on the page, in characters.
const SHOWN_CHARACTERS: usize = 300;

/// Changes within so long a time are told as one.
const CHANGE_PAUSE: Duration = Duration::from_millis(100);

pub(crate) fn router() -> Router<Arc<Shared>> {
    let file = |content_type: &'static str, text: &'static str| {
        get(move || async move { ([(CONTENT_TYPE, content_type)], text) })
    };
    Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("face/index.html")))
        .route("/sandbox/face/face.css", file("text/css; charset=utf-8", include_str!("face/face.css")))
        .route("/sandbox/face/face.js", file("text/javascript; charset=utf-8", include_str!("face/face.js")))
        .route("/sandbox/face/icon.svg", file("image/svg+xml", include_str!("face/icon.svg")))
        .route("/sandbox/overview", get(overview))
        .route("/sandbox/events", get(events))
        .route("/sandbox/cards/{id}/qr.svg", get(qr_code))
        .route("/card/{id}/{*name}", get(linked_card))
}

/// Nothing on the page may come from elsewhere or from a value that was sent, and no other page may show or read it.
pub(crate) async fn protect(request: Request, next: Next) -> Response {
    const HEADERS: [(HeaderName, &str); 5] = [
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];

    let mut response = next.run(request).await;
    let headers: HeaderMap = HEADERS.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
    response.headers_mut().extend(headers);
    response
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    search: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Overview {
    server_url: String,
    templates: Vec<Template>,
    total: usize,
    found: usize,
    cards: Vec<ShownCard>,
    requests: Vec<ShownRequest>,
    faults: Vec<FaultText>,
}

/// What the page shows: newest first, long values cut.
async fn overview(State(shared): State<Arc<Shared>>, Query(Search { search }): Query<Search>) -> Json<Overview> {
    let needle = search.to_lowercase();
    let store = lock(&shared.store);
    let found: Vec<&Card> = store.cards().iter().filter(|card| matches(card, &needle)).collect();
    let mut overview = Overview {
        server_url: shared.url(),
        templates: store.templates().to_vec(),
        total: store.cards().len(),
        found: found.len(),
        cards: found.into_iter().rev().take(SHOWN_CARDS).map(ShownCard::from).collect(),
        requests: shared.log.latest(SHOWN_REQUESTS).into_iter().map(ShownRequest::from).collect(),
        faults: lock(&shared.faults).iter().map(|ready| FaultText::from(&ready.fault)).collect(),
    };
    let variables = overview.cards.iter_mut().flat_map(|card| &mut card.variables);
    let fields = overview.requests.iter_mut().flat_map(|request| request.form.iter_mut().chain(&mut request.headers));
    variables.chain(fields).for_each(shorten);
    Json(overview)
}

fn matches(card: &Card, needle: &str) -> bool {
    let values = card.variables.iter().map(|(_, value)| value);
    needle.is_empty() || values.chain([&card.id]).any(|text| text.to_lowercase().contains(needle))
}

fn shorten(Pair { name, value }: &mut Pair) {
    for text in [name, value] {
        if let Some((end, _)) = text.char_indices().nth(SHOWN_CHARACTERS) {
            text.truncate(end);
            text.push('…');
        }
    }
}

/// An event whenever cards, requests or faults have changed; what they are now is asked for.
async fn events(State(shared): State<Arc<Shared>>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let changes = stream::unfold(shared.changes.subscribe(), |mut changes| async {
        changes.changed().await.ok()?;
        tokio::time::sleep(CHANGE_PAUSE).await;
        changes.mark_unchanged();
        Some((Ok(Event::default().data("changed")), changes))
    });
    Sse::new(changes).keep_alive(KeepAlive::default())
}

/// The QR code of a card's link.
async fn qr_code(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> Result<impl IntoResponse, StatusCode> {
    let url = lock(&shared.store).card(&id).map(|card| card.url.clone()).ok_or(StatusCode::NOT_FOUND)?;
    let code = QrCode::new(url).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let image = code.render::<svg::Color<'_>>().quiet_zone(true).build();
    Ok(([(CONTENT_TYPE, "image/svg+xml")], image))
}

/// Where a card's link leads: to the card on the page.
async fn linked_card(
    State(shared): State<Arc<Shared>>,
    Path((id, _)): Path<(String, String)>,
) -> Result<Redirect, StatusCode> {
    match lock(&shared.store).card(&id) {
        Some(card) => Ok(Redirect::to(&format!("/#{}", card.id))),
        None => Err(StatusCode::NOT_FOUND),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_values_are_cut_between_characters() {
        let cut = |value: String| {
            let mut pair = Pair { name: "N".into(), value };
            shorten(&mut pair);
            pair.value
        };
        assert_eq!(cut("ж".repeat(SHOWN_CHARACTERS)), "ж".repeat(SHOWN_CHARACTERS));
        assert_eq!(cut("😀".repeat(SHOWN_CHARACTERS + 1)), "😀".repeat(SHOWN_CHARACTERS) + "…");
    }
}
