//! The page for a browser: cards as in a phone's wallet, the latest requests, and buttons for faults.
//!
//! Its files are in the folder `page`. They get their data from here and send changes to the control paths.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Redirect};
use axum::routing::get;
use axum::{Json, Router};
use futures_util::stream::{self, Stream};
use qrcode::QrCode;
use qrcode::render::svg;
use serde::{Deserialize, Serialize};

use crate::json::{CardJson, FaultJson, LimitsJson, Pair, RequestJson};
use crate::mutex::lock;
use crate::options::{DEFAULT_TOKEN, Template};
use crate::search::Search;
use crate::shared::Shared;
use crate::store::Card;

/// Number of cards that are shown at a time, the newest first.
const CARDS_ON_A_PAGE: usize = 60;

/// Number of requests on the page, the latest first.
const SHOWN_REQUESTS: usize = 40;

/// Values on the page are truncated to this many characters.
const SHOWN_CHARACTERS: usize = 300;

/// After an event, further changes within this time are announced by one event.
const CHANGE_PAUSE: Duration = Duration::from_millis(100);

pub(crate) fn router() -> Router<Arc<Shared>> {
    let file = |content_type: &'static str, text: &'static str| {
        get(move || async move { ([(CONTENT_TYPE, content_type)], text) })
    };
    Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("page/index.html")))
        .route("/sandbox/page/page.css", file("text/css; charset=utf-8", include_str!("page/page.css")))
        .route("/sandbox/page/page.js", file("text/javascript; charset=utf-8", include_str!("page/page.js")))
        .route("/sandbox/page/icon.svg", file("image/svg+xml", include_str!("page/icon.svg")))
        .route("/sandbox/overview", get(overview))
        .route("/sandbox/events", get(events))
        .route("/sandbox/cards/{id}/qr.svg", get(qr_code))
        .route("/card/{id}/{*name}", get(linked_card))
}

/// Which cards the page asks for.
#[derive(Deserialize)]
#[serde(default)]
struct Choice {
    search: String,
    /// From 1.
    page: usize,
}

impl Default for Choice {
    fn default() -> Self {
        Self { search: String::new(), page: 1 }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Overview {
    server_url: String,
    /// The token if it is the default one, which is no secret.
    public_token: Option<&'static str>,
    templates: Vec<Template>,
    total: usize,
    found: usize,
    /// The number of the page that is shown, from 1.
    page: usize,
    pages: usize,
    cards: Vec<CardJson>,
    requests: Vec<RequestJson>,
    faults: Vec<FaultJson>,
    late_requests: u64,
    shape: String,
    limits: LimitsJson,
    /// Requests that count in the minute, the hour and the day.
    used: [u32; 3],
}

/// The data of the page: newest first, long values truncated.
async fn overview(State(shared): State<Arc<Shared>>, Query(choice): Query<Choice>) -> Json<Overview> {
    let search = Search::new(&choice.search);
    let store = lock(&shared.store);
    let found: Vec<&Card> = store.find(&search).collect();
    let pages = found.len().div_ceil(CARDS_ON_A_PAGE).max(1);
    // There may be fewer pages than when this one was chosen.
    let page = choice.page.clamp(1, pages);
    let skipped = (page - 1) * CARDS_ON_A_PAGE;
    let limiter = lock(&shared.limiter);
    let mut overview = Overview {
        server_url: shared.url(),
        public_token: (shared.token == DEFAULT_TOKEN).then_some(DEFAULT_TOKEN),
        templates: store.templates().to_vec(),
        total: store.cards().len(),
        found: found.len(),
        page,
        pages,
        cards: found.into_iter().skip(skipped).take(CARDS_ON_A_PAGE).map(CardJson::from).collect(),
        requests: shared.log.latest(SHOWN_REQUESTS).into_iter().map(RequestJson::from).collect(),
        faults: lock(&shared.faults).iter().map(|ready| FaultJson::from(&ready.fault)).collect(),
        late_requests: shared.late_requests.load(Ordering::Relaxed),
        shape: lock(&shared.shape).to_string(),
        limits: limiter.limits().into(),
        used: limiter.used(Instant::now()),
    };
    let variables = overview.cards.iter_mut().flat_map(|card| &mut card.variables);
    let fields = overview.requests.iter_mut().flat_map(|request| request.form.iter_mut().chain(&mut request.headers));
    variables.chain(fields).for_each(shorten);
    Json(overview)
}

fn shorten(Pair { name, value }: &mut Pair) {
    for text in [name, value] {
        if let Some((end, _)) = text.char_indices().nth(SHOWN_CHARACTERS) {
            text.truncate(end);
            text.push('…');
        }
    }
}

/// Sends an event after each change of cards, requests or faults; the page then asks for the overview.
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

/// A card's link leads to the card on the page.
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
    fn long_values_are_truncated_between_characters() {
        let shortened = |value: String| {
            let mut pair = Pair { name: "N".into(), value };
            shorten(&mut pair);
            pair.value
        };
        assert_eq!(shortened("ж".repeat(SHOWN_CHARACTERS)), "ж".repeat(SHOWN_CHARACTERS));
        assert_eq!(shortened("😀".repeat(SHOWN_CHARACTERS + 1)), "😀".repeat(SHOWN_CHARACTERS) + "…");
    }
}
