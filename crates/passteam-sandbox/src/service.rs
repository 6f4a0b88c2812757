//! The methods of the service: from a form to an envelope.
//!
//! Tokens, faults and the connection are handled in `exchange`, the rules about cards in `store`, the JSON of results in
//! `results`.

use std::borrow::Cow;

use hyper::HeaderMap;
use hyper::header::CONTENT_TYPE;
use serde::Serialize;

use crate::answer::Answer;
use crate::refusal::Refusal;
use crate::results::{CardResult, PageNumbers, PageResult, Placed, TemplateResult};
use crate::shape::{Place, Shape};
use crate::store::Store;

/// Most cards on a page of `getCardsWithPagination`, and the number of cards if `limit` is not given.
const PAGE_LIMIT: usize = 50;

/// The fields of a request in their order.
pub(crate) type Form<'a> = [(Cow<'a, str>, Cow<'a, str>)];

/// Carries out a request. Method names are case-sensitive: the sandbox's choice.
pub(crate) fn call(store: &mut Store, shape: &Shape, method: &str, form: &Form<'_>) -> Result<Answer, Refusal> {
    match method {
        "createcard" => create_card(store, form),
        "updatecard" => update_card(store, form),
        "getcard" => get_card(store, shape, form),
        "getcards" | "getCardsWithPagination" => get_cards(store, shape, form),
        "gettemplates" => Ok(get_templates(store, shape)),
        _ => Err(Refusal::UnknownMethod(method.into())),
    }
}

/// Accepts a body that is declared as a form, or an empty one: the sandbox's choice.
pub(crate) fn check_content_type(headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if body.is_empty() || media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Ok(())
    } else {
        Err(Refusal::NotAForm)
    }
}

fn create_card(store: &mut Store, form: &Form<'_>) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Created<'a> {
        card_id: &'a str,
        card_url: &'a str,
    }

    let card = store.create(field(form, "templateId").unwrap_or_default(), &variables(form)?)?;
    Ok(Answer::success(Created { card_id: &card.id, card_url: &card.url }, Some(&card.id)))
}

fn update_card(store: &mut Store, form: &Form<'_>) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Updated<'a> {
        card: CardResult<'a>,
    }

    // The vendor publishes this answer, so it does not depend on the chosen shape.
    let shape = Shape::default();

    let card = store.update(field(form, "cardId").unwrap_or_default(), &variables(form)?)?;
    Ok(Answer::success(Updated { card: CardResult { card, shape: &shape } }, Some(&card.id)))
}

/// `cardId` chooses the card: the sandbox's choice.
fn get_card(store: &Store, shape: &Shape, form: &Form<'_>) -> Result<Answer, Refusal> {
    let card = store.card(field(form, "cardId").unwrap_or_default()).ok_or(Refusal::UnknownCard)?;
    Ok(Answer::success(Placed(&shape.card, CardResult { card, shape }), Some(&card.id)))
}

/// `getcards` is the same as `getCardsWithPagination`: the sandbox's choice, as are pages that count from 1, the filter
/// `templateId`, and an empty page past the end. According to the vendor a page has at most 50 cards, and the answer
/// tells the numbers of pages and cards and the neighbouring pages.
fn get_cards(store: &Store, shape: &Shape, form: &Form<'_>) -> Result<Answer, Refusal> {
    let page = number(form, "page", usize::MAX)?.unwrap_or(1);
    let limit = number(form, "limit", PAGE_LIMIT)?.unwrap_or(PAGE_LIMIT);
    let template = field(form, "templateId");
    if template.is_some_and(|id| !store.has_template(id)) {
        return Err(Refusal::UnknownTemplate);
    }
    let (total, cards) = store.slice(template, shape.order, (page - 1).saturating_mul(limit), limit);
    let cards: Vec<_> = cards.into_iter().map(|card| CardResult { card, shape }).collect();
    let numbers = PageNumbers { names: &shape.names, page, limit, total };
    Ok(match &shape.list {
        Place::Result => Answer::success_with(cards, numbers),
        Place::Member(name) => Answer::success(PageResult { name, cards, numbers }, None),
    })
}

fn get_templates(store: &Store, shape: &Shape) -> Answer {
    let templates: Vec<_> = store.templates().iter().map(|template| TemplateResult { template, shape }).collect();
    Answer::success(Placed(&shape.templates, templates), None)
}

/// The first field of this name.
fn field<'a>(form: &'a Form<'_>, name: &str) -> Option<&'a str> {
    form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_ref())
}

/// A whole number from 1 to `to`.
fn number(form: &Form<'_>, name: &'static str, to: usize) -> Result<Option<usize>, Refusal> {
    let Some(text) = field(form, name) else { return Ok(None) };
    match text.parse() {
        Ok(number) if (1..=to).contains(&number) => Ok(Some(number)),
        _ => Err(Refusal::MalformedNumber { field: name, from: 1, to }),
    }
}

/// The `values[%NAME%]` fields as names and values. Any other field that begins with `values` is refused, so that a
/// caller's mistake is noticed: the sandbox's choice.
fn variables<'a>(form: &'a Form<'_>) -> Result<Vec<(&'a str, &'a str)>, Refusal> {
    form.iter()
        .filter(|(field, _)| field.starts_with("values"))
        .map(|(field, value)| match variable_name(field) {
            Some(name) => Ok((name, value.as_ref())),
            None => Err(Refusal::MalformedVariable(field.clone().into_owned())),
        })
        .collect()
}

fn variable_name(field: &str) -> Option<&str> {
    field.strip_prefix("values[%")?.strip_suffix("%]").filter(|name| !name.is_empty())
}
