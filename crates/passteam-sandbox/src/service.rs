//! The methods of the service.

use std::borrow::Cow;
use std::sync::Mutex;

use hyper::HeaderMap;
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::Card;
use crate::server::lock;
use crate::store::{Refusal, Store};

/// Most cards on a page of `getCardsWithPagination`, and how many where `limit` is not given.
const PAGE_LIMIT: usize = 50;

/// The fields of a request in their order.
pub(crate) type Form<'a> = [(Cow<'a, str>, Cow<'a, str>)];

/// An answer's body and what is in it.
pub(crate) struct Answer {
    pub(crate) body: Bytes,
    pub(crate) code: Option<i64>,
    pub(crate) card_id: Option<String>,
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    result: T,
    message: &'a str,
    code: i64,
    error: bool,
}

impl Answer {
    fn success(result: impl Serialize, card_id: Option<&str>) -> Self {
        Self { card_id: card_id.map(Into::into), ..Self::envelope(result, "OK", 200) }
    }

    /// An envelope without a result.
    pub(crate) fn failure(code: i64, message: &str) -> Self {
        Self::envelope((), message, code)
    }

    /// A body that is not an envelope.
    pub(crate) fn raw(body: Vec<u8>) -> Self {
        Self { body: body.into(), code: None, card_id: None }
    }

    fn envelope(result: impl Serialize, message: &str, code: i64) -> Self {
        let envelope = Envelope { result, message, code, error: code != 200 };
        // Serialising fails for maps with keys that are not text, and there are none.
        let body = serde_json::to_vec(&envelope).unwrap_or_default();
        Self { body: body.into(), code: Some(code), card_id: None }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self::failure(refusal.code(), &refusal.to_string())
    }
}

/// Carries a request out. The method's name is case-sensitive: the sandbox's choice.
pub(crate) fn call(store: &Mutex<Store>, method: &str, form: &Form<'_>) -> Result<Answer, Refusal> {
    match method {
        "createcard" => create_card(&mut lock(store), form),
        "updatecard" => update_card(&mut lock(store), form),
        // The shape of the result is the sandbox's choice.
        "gettemplates" => Ok(Answer::success(lock(store).templates(), None)),
        "getCardsWithPagination" => get_cards(&lock(store), form),
        _ => Err(Refusal::UnknownMethod(method.into())),
    }
}

/// A body is a form where it says so or is empty: the sandbox's choice.
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
        card: ShownCard<'a>,
    }

    let card = store.update(field(form, "cardId").unwrap_or_default(), &variables(form)?)?;
    Ok(Answer::success(Updated { card: ShownCard(card) }, Some(&card.id)))
}

/// Pages count from 1, `templateId` narrows the choice where it is given, and a page past the end is empty. The shape
/// of the result is the sandbox's choice; that it tells the numbers of pages and cards and the neighbouring pages is
/// the vendor's.
fn get_cards(store: &Store, form: &Form<'_>) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Page<'a> {
        cards: Vec<ShownCard<'a>>,
        page: usize,
        limit: usize,
        total: usize,
        pages: usize,
        previous_page: Option<usize>,
        next_page: Option<usize>,
    }

    let page = number(form, "page", usize::MAX)?.unwrap_or(1);
    let limit = number(form, "limit", PAGE_LIMIT)?.unwrap_or(PAGE_LIMIT);
    let template = field(form, "templateId");
    if template.is_some_and(|id| !store.has_template(id)) {
        return Err(Refusal::UnknownTemplate);
    }
    let chosen = || store.cards().iter().filter(|card| template.is_none_or(|id| card.template_id == id));
    let total = chosen().count();
    let pages = total.div_ceil(limit);
    Ok(Answer::success(
        Page {
            cards: chosen().skip((page - 1).saturating_mul(limit)).take(limit).map(ShownCard).collect(),
            page,
            limit,
            total,
            pages,
            previous_page: (page > 1).then(|| page - 1),
            next_page: (page < pages).then(|| page + 1),
        },
        None,
    ))
}

/// Variables stand beside the card's own fields under `%NAME%`, as in the vendor's answers.
struct ShownCard<'a>(&'a Card);

impl Serialize for ShownCard<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let card = self.0;
        let mut map = serializer.serialize_map(Some(4 + card.variables.len()))?;
        map.serialize_entry("cardId", &card.id)?;
        map.serialize_entry("cardUrl", &card.url)?;
        map.serialize_entry("templateId", &card.template_id)?;
        map.serialize_entry("installed", &card.installed)?;
        for (name, value) in &card.variables {
            map.serialize_entry(&format_args!("%{name}%"), value)?;
        }
        map.end()
    }
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

/// The `values[%NAME%]` fields as names and values. A `values…` field of another form is refused rather than ignored,
/// so that a caller's mistake shows: the sandbox's choice.
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
