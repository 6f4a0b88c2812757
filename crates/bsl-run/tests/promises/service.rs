//! The service and the add-in's objects in this process: what a request comes to is the dice's choice, and a request may
//! be carried out long after its caller has given up.
//!
//! The calls of the add-in cannot be interrupted before their deadline begins: no text can exclude that its process stands
//! still between a last look at the clock and the call.
//!
//! It stands in for the library and the sandbox, which have threads and clocks of their own: `tests/extension` runs the
//! text on those. Members that it does not know are errors.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bsl_run::platform::{AddIns, Session};
use bsl_run::{Args, Failure, Name, Object, Res, Value, Vm};
use chrono::{Duration, NaiveDateTime};
use infobase::Infobase;
use rust_decimal::Decimal;
use serde_json::{Value as Json, json};

use crate::baton::{ANSWER, Actor, Baton, REQUEST};
use crate::ledger::{Broken, Ledger};
use crate::world::customer_of;

/// A request that has left reaches the service within this time or never.
pub const LATEST_REQUEST: Duration = Duration::seconds(50);
/// How long a request takes at most: the caller's `Таймаут`.
const LONGEST_REQUEST: i64 = 10;
/// How long a service that is asked too often may want to be left alone.
const LONGEST_PAUSE: i64 = 300;
/// The variables by which the stand-in knows the customer and his balance.
const PHONE: &str = "PHONE";
const NAME: &str = "CLIENT_NAME";
const BALANCE: &str = "BONUS";

/// The template that the stage's text sets. The service lists no card of another one.
const TEMPLATE: &str = "шаблон";
/// How many cards a page of the service has: few, so that a walk has several.
const CARDS_ON_A_PAGE: usize = 2;

/// How often what happens, as weights.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// Carried out and answered.
    pub success: u32,
    /// Refused for good: a person must decide.
    pub refused: u32,
    /// Refused for now.
    pub rate_limited: u32,
    /// Never left.
    pub unreachable: u32,
    /// Never carried out, and no answer.
    pub failed: u32,
    /// Carried out, and the answer is lost.
    pub answer_lost: u32,
    /// No answer in time, and carried out later, if at all.
    pub late: u32,
}

impl Weather {
    /// Every request is carried out and answered.
    pub const CALM: Weather =
        Weather { success: 1, refused: 0, rate_limited: 0, unreachable: 0, failed: 0, answer_lost: 0, late: 0 };

    /// Nothing is carried out.
    pub const OUTAGE: Weather = Weather { success: 0, rate_limited: 3, unreachable: 1, failed: 2, ..Weather::CALM };
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    CarriedOut,
    /// Not one byte of it has left.
    Unsent,
    Never,
    Late,
}

/// What becomes of a request: whether it is carried out, and the error kind that the caller sees.
type Answer = (Fate, Option<&'static str>);

const REFUSALS: [&str; 4] = ["Duplicate", "FieldRequired", "Rejected", "InvalidEntry"];
/// No answer came, or none that can be read.
const UNCLEAR: [&str; 4] = ["Timeout", "Connection", "BadResponse", "ServerError"];

/// After these a run asks nothing more.
const OUTAGES: [&str; 4] = ["Timeout", "Connection", "RateLimited", "Unauthorized"];

/// What a session has heard from the service since it began.
#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    /// The base knew at its beginning that the service wants to be left alone until then.
    quiet: Option<NaiveDateTime>,
    /// Until when the service has asked this session to leave it alone.
    pause: Option<NaiveDateTime>,
    /// A call of the add-in has met an outage.
    outage: bool,
}

/// What the caller gets.
struct Reply {
    /// The card if the request was carried out.
    served: Option<Served>,
    /// The kind of the error.
    kind: Option<&'static str>,
    /// Not one byte of the request has left.
    is_unsent: bool,
    /// For how many seconds the service asks to be left alone.
    pause: Option<i64>,
}

impl Reply {
    /// Nothing was sent, because the time is over.
    const NOT_SENT: Reply = Reply { served: None, kind: Some("NotSent"), is_unsent: true, pause: None };

    /// Whether the caller cannot tell whether the request was carried out.
    fn is_unknown(&self) -> bool {
        !self.is_unsent && self.kind.is_some_and(|kind| UNCLEAR.contains(&kind))
    }

    /// Whether nothing more of a batch is sent.
    fn ends_a_batch(&self) -> bool {
        self.kind.is_some_and(|kind| ["RateLimited", "Unauthorized", "NotSent"].contains(&kind))
    }
}

/// The template's variables with their values.
type Values = serde_json::Map<String, Json>;

fn text<'a>(values: &'a Values, name: &str) -> &'a str {
    values.get(name).and_then(Json::as_str).unwrap_or_default()
}

#[derive(Debug, Clone)]
struct Request {
    /// The card to update; nothing: a card is to be created.
    id: Option<String>,
    values: Values,
    /// Lost after this time.
    until: NaiveDateTime,
}

impl Request {
    /// Whose data these are, whatever number stands in them: see [`customer_of`].
    fn phone(&self) -> String {
        customer_of(text(&self.values, NAME), text(&self.values, PHONE)).to_owned()
    }

    fn balance(&self) -> Decimal {
        self.values.get(BALANCE).and_then(|value| value.to_string().parse().ok()).unwrap_or(Decimal::MIN)
    }
}

impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let what = if self.id.is_none() { "создание" } else { "обновление" };
        write!(f, "{what} {} {}", self.phone(), self.balance())
    }
}

/// The customer's card in the service.
#[derive(Debug, Clone)]
pub struct Served {
    /// `cardId`
    pub id: String,
    /// Whose it is.
    pub phone: String,
    values: Values,
}

struct State {
    cards: Vec<Served>,
    late: Vec<Request>,
    weather: Weather,
    /// Whether a second card of a customer is refused, as the real service does for a template with a unique variable.
    refuses_duplicates: bool,
    /// What sessions under way have heard.
    heard: BTreeMap<Actor, Heard>,
    /// Until when the service wants to be left alone, as far as the base must know.
    quiet: Option<NaiveDateTime>,
    broken: Option<Broken>,
    story: Vec<String>,
}

impl State {
    const NEW: State = State {
        cards: Vec::new(),
        late: Vec::new(),
        weather: Weather::CALM,
        refuses_duplicates: false,
        heard: BTreeMap::new(),
        quiet: None,
        broken: None,
        story: Vec::new(),
    };

    fn refuses(&self, request: &Request) -> bool {
        let has_it = |card: &Served| text(&card.values, PHONE) == text(&request.values, PHONE);
        self.refuses_duplicates && request.id.is_none() && self.cards.iter().any(has_it)
    }
}

/// The service.
pub struct Service {
    state: Mutex<State>,
    ledger: Arc<Ledger>,
    baton: Arc<Baton>,
}

impl Service {
    /// A service without cards.
    pub fn new(baton: Arc<Baton>, ledger: Arc<Ledger>) -> Service {
        Service { state: Mutex::new(State::NEW), ledger, baton }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins another run.
    pub fn clear(&self) {
        *self.state() = State::NEW;
    }

    /// The service refuses a second card of a customer from now on.
    pub fn refuse_duplicates(&self) {
        self.state().refuses_duplicates = true;
    }

    /// A session of the base begins. Sessions that end in another order than they have written the pause leave the shortest.
    pub fn begins(&self, actor: Actor) {
        let mut state = self.state();
        state.heard.remove(&actor);
        let others = state.heard.values().filter_map(|heard| heard.pause);
        let quiet = state.quiet.map(|quiet| others.fold(quiet, NaiveDateTime::min));
        state.heard.insert(actor, Heard { quiet, ..Heard::default() });
    }

    /// A session of the base has ended; one that has come to its end has left word of the pause.
    pub fn ends(&self, actor: Actor, has_failed: bool, now: NaiveDateTime) {
        let mut state = self.state();
        let Some(pause) = state.heard.remove(&actor).and_then(|heard| heard.pause) else { return };
        let known = state.quiet.filter(|quiet| *quiet > now);
        state.quiet = if has_failed { None } else { Some(known.map_or(pause, |known| known.min(pause))) };
    }

    /// The base was restored from a backup and has forgotten the pause.
    pub fn forget_pauses(&self) {
        let mut state = self.state();
        state.heard.clear();
        state.quiet = None;
    }

    /// A session calls the add-in.
    fn is_asked(&self, now: NaiveDateTime) {
        let Some(actor) = self.baton.holder() else { return };
        let mut state = self.state();
        let heard = state.heard.get(&actor).copied().unwrap_or_default();
        if heard.outage || heard.quiet.is_some_and(|quiet| now < quiet) {
            state.broken = state.broken.take().or(Some(Broken::Pressed));
        }
    }

    /// What a call of the add-in has told its session.
    fn tells(&self, kind: Option<&str>, pause: Option<i64>, now: NaiveDateTime) {
        let Some(actor) = self.baton.holder() else { return };
        let mut state = self.state();
        let heard = state.heard.entry(actor).or_default();
        heard.outage |= kind.is_some_and(|kind| OUTAGES.contains(&kind));
        heard.pause = pause.map(|seconds| now + Duration::seconds(seconds)).or(heard.pause);
    }

    /// Sets how often what happens.
    pub fn set_weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// The promise that a request has broken, if one has.
    pub fn broken(&self) -> Option<Broken> {
        self.state().broken.clone()
    }

    /// What has happened since this was asked last.
    pub fn take_story(&self) -> Vec<String> {
        std::mem::take(&mut self.state().story)
    }

    /// All cards.
    pub fn cards(&self) -> Vec<Served> {
        self.state().cards.clone()
    }

    /// The card with this phone, as a person finds it on the service's pages.
    pub fn find(&self, phone: &str) -> Option<Served> {
        self.state().cards.iter().find(|card| card.phone == phone).cloned()
    }

    /// A card that was created before the run.
    pub fn add(&self, phone: &str, name: &str) -> Served {
        let values = [(PHONE.to_owned(), phone.into()), (NAME.to_owned(), name.into()), (BALANCE.to_owned(), 0.into())];
        let values = Values::from_iter(values);
        self.new_card(&mut self.state(), phone, &values)
    }

    fn new_card(&self, state: &mut State, phone: &str, values: &Values) -> Served {
        let id = format!("{:024}", state.cards.len() + 1);
        self.ledger.issue(&id, phone);
        let card = Served { id, phone: phone.to_owned(), values: values.clone() };
        state.cards.push(card.clone());
        card
    }

    /// Whether any request may still arrive.
    pub fn has_late(&self) -> bool {
        !self.state().late.is_empty()
    }

    /// Whether a request of a customer may still arrive.
    pub fn is_on_its_way(&self, phone: &str, now: NaiveDateTime) -> bool {
        self.state().late.iter().any(|request| request.phone() == phone && request.until >= now)
    }

    /// Carries out one of the late requests; false if there is none.
    pub fn carry_out_late(&self, base: &mut Infobase) -> bool {
        let now = base.now();
        let mut state = self.state();
        state.late.retain(|request| request.until >= now);
        let count = state.late.len();
        if count == 0 {
            return false;
        }
        let request = state.late.remove(self.baton.throw(|dice| dice.usize(..count)));
        state.story.push(format!("запоздавший запрос дошел: {request}"));
        if !state.refuses(&request) {
            self.carry_out(&mut state, base, &request);
        }
        true
    }

    fn carry_out(&self, state: &mut State, base: &mut Infobase, request: &Request) -> Option<Served> {
        self.ledger.observe(base);
        let (phone, id) = (request.phone(), &request.id);
        let wanted = |card: &&mut Served| match id {
            Some(id) => card.id == *id,
            None => card.phone == phone,
        };
        let known = state.cards.iter_mut().find(wanted);
        let broken = match (&known, id) {
            _ if self.ledger.is_misled() => None,
            (Some(_), None) => Some(Broken::CreatedTwice(phone.clone())),
            (Some(card), Some(_)) if card.phone != phone => Some(Broken::WrongCard(phone.clone())),
            (None, Some(_)) => Some(Broken::WrongCard(phone.clone())),
            _ => self.ledger.show(&phone, request.balance()).err(),
        };
        let known = known.map(|card| {
            card.values.extend(request.values.clone());
            card.clone()
        });
        state.broken = state.broken.take().or(broken);
        if id.is_none() { Some(self.new_card(state, &phone, &request.values)) } else { known }
    }

    /// For how many seconds an answer of this kind asks to be left alone.
    fn pause(&self, kind: Option<&str>) -> Option<i64> {
        let asks = kind == Some("RateLimited") && self.baton.throw(|dice| dice.bool());
        asks.then(|| self.baton.throw(|dice| dice.i64(1..LONGEST_PAUSE)))
    }

    /// A request of a session.
    fn send(&self, session: &Session, id: Option<String>, values: Values) -> Reply {
        session.shop().infobase(|base| {
            let mut state = self.state();
            if base.in_transaction(session.id()).unwrap_or_default() {
                state.broken = state.broken.take().or(Some(Broken::InTransaction));
            }
            let (mut fate, mut kind) = self.baton.throw(|dice| answer(dice, state.weather));
            let request = Request { id, values, until: base.now() + LATEST_REQUEST };
            if fate == Fate::CarriedOut && state.refuses(&request) {
                (fate, kind) = (Fate::Never, kind.or(Some("Duplicate")));
            }
            let seconds = match kind {
                Some("Timeout") => LONGEST_REQUEST,
                _ => self.baton.throw(|dice| dice.i64(0..LONGEST_REQUEST)),
            };
            state.story.push(format!("{request}: {fate:?} {}", kind.unwrap_or("ok")));
            let served = match fate {
                Fate::CarriedOut => self.carry_out(&mut state, base, &request),
                Fate::Unsent | Fate::Never => None,
                Fate::Late => {
                    state.late.push(request);
                    None
                }
            };
            base.advance(Duration::seconds(seconds));
            Reply { served, kind, is_unsent: fate == Fate::Unsent, pause: self.pause(kind) }
        })
    }
}

fn answer(dice: &mut fastrand::Rng, weather: Weather) -> Answer {
    let weights = [
        weather.success,
        weather.refused,
        weather.rate_limited,
        weather.unreachable,
        weather.failed,
        weather.answer_lost,
        weather.late,
    ];
    let mut drawn = dice.u32(..weights.iter().sum::<u32>().max(1));
    let mut chosen = 0;
    for (at, weight) in weights.iter().enumerate() {
        if drawn < *weight {
            chosen = at;
            break;
        }
        drawn -= weight;
    }
    let one_of = |dice: &mut fastrand::Rng, kinds: &[&'static str]| Some(kinds[dice.usize(..kinds.len())]);
    match chosen {
        1 => (Fate::Never, one_of(dice, &REFUSALS)),
        2 => (Fate::Never, one_of(dice, &["RateLimited", "Unauthorized"])),
        3 => (Fate::Unsent, Some("Connection")),
        4 => (Fate::Never, one_of(dice, &UNCLEAR)),
        5 => (Fate::CarriedOut, one_of(dice, &UNCLEAR)),
        6 => (Fate::Late, one_of(dice, &UNCLEAR)),
        _ => (Fate::CarriedOut, None),
    }
}

/// The base's template holds the stand-in.
pub struct StandIn {
    /// The service.
    pub service: Arc<Service>,
    /// Whether the base is another one than that which keeps the cards.
    pub elsewhere: bool,
}

impl AddIns for StandIn {
    fn create(&self, session: &Session) -> Res<Value> {
        Ok(Value::object(Component {
            service: self.service.clone(),
            elsewhere: self.elsewhere,
            session: session.clone(),
            template: RefCell::default(),
            error: RefCell::default(),
            pause: Cell::default(),
        }))
    }
}

struct Component {
    service: Arc<Service>,
    /// See [`StandIn::elsewhere`].
    elsewhere: bool,
    session: Session,
    /// `ИдентификаторШаблона`
    template: RefCell<String>,
    /// The kind of the last call's error; empty if it succeeded.
    error: RefCell<String>,
    /// See [`Reply::pause`].
    pause: Cell<Option<i64>>,
}

impl Component {
    fn now(&self) -> NaiveDateTime {
        self.session.shop().infobase(|base| base.now())
    }

    /// A request that may leave until then: a process that stood still does not send it any more, as the add-in's
    /// deadlines make sure.
    fn request(&self, id: Option<String>, values: Values, until: NaiveDateTime) -> Res<Reply> {
        self.session.point(REQUEST)?;
        if self.elsewhere {
            let mut state = self.service.state();
            state.broken = state.broken.take().or(Some(Broken::FromAnotherBase));
        }
        if self.elsewhere || self.now() > until {
            return Ok(Reply::NOT_SENT);
        }
        let reply = self.service.send(&self.session, id, values);
        self.session.point(ANSWER)?;
        Ok(reply)
    }

    fn update_cards(&self, cards: &str, limit: i64) -> Res<Value> {
        let id = |card: &Json| Some(card["cardId"].as_str().unwrap_or_default().to_owned());
        let installed =
            |_: &Json, _: &Reply| json!({ "installed": self.service.baton.throw(|dice| dice.u32(..8) == 0) });
        self.batch(cards, limit, id, Reply::ends_a_batch, installed)
    }

    fn create_cards(&self, cards: &str, limit: i64) -> Res<Value> {
        let ends = |reply: &Reply| reply.is_unknown() || reply.ends_a_batch();
        self.batch(
            cards,
            limit,
            |_| None,
            ends,
            |card, reply| {
                let id = reply.served.as_ref().filter(|_| reply.kind.is_none()).map_or("", |served| &served.id);
                json!({ "key": card["key"], "cardId": id, "cardUrl": url(id), "unknown": reply.is_unknown() })
            },
        )
    }

    /// Sends the entries one after another until one of them ends the batch.
    fn batch(
        &self,
        cards: &str,
        limit: i64,
        id: impl Fn(&Json) -> Option<String>,
        ends: impl Fn(&Reply) -> bool,
        tell: impl Fn(&Json, &Reply) -> Json,
    ) -> Res<Value> {
        if !self.elsewhere {
            self.service.is_asked(self.now());
        }
        let until = self.now() + Duration::seconds(limit);
        let cards: Vec<Json> = serde_json::from_str(cards).map_err(|error| Failure::new(error.to_string()))?;
        let mut results = Vec::new();
        let mut is_over = false;
        for card in &cards {
            let values = card["values"].as_object().cloned().unwrap_or_default();
            let reply = if is_over { Reply::NOT_SENT } else { self.request(id(card), values, until)? };
            is_over = is_over || ends(&reply);
            self.service.tells(reply.kind, reply.pause, self.now());
            let mut result = tell(card, &reply);
            result["ok"] = reply.kind.is_none().into();
            result["code"] = if reply.kind.is_none() { 200 } else { 0 }.into();
            result["errorKind"] = reply.kind.unwrap_or_default().into();
            result["errorDescription"] = result["errorKind"].clone();
            result["retryAfter"] = reply.pause.into();
            results.push(result);
        }
        Ok(Value::str(Json::Array(results).to_string()))
    }

    /// A page of the service's cards. An empty one is the last.
    fn get_cards(&self, page: i64) -> Res<Value> {
        if !self.succeeds()? {
            return Ok(Value::str(""));
        }
        let skipped = usize::try_from(page - 1).unwrap_or_default() * CARDS_ON_A_PAGE;
        let state = self.service.state();
        let listed = if *self.template.borrow() == TEMPLATE { state.cards.as_slice() } else { &[] };
        let cards = listed.iter().skip(skipped).take(CARDS_ON_A_PAGE).map(
            |card| json!({ "cardId": card.id, "cardUrl": url(&card.id), "installed": false, "values": card.values }),
        );
        let cards: Vec<Json> = cards.collect();
        Ok(Value::str(json!({ "more": !cards.is_empty(), "cards": cards }).to_string()))
    }

    /// Whether a request gets through that changes nothing.
    fn succeeds(&self) -> Res<bool> {
        self.session.point(REQUEST)?;
        if !self.elsewhere {
            self.service.is_asked(self.now());
        }
        let weather = self.service.state().weather;
        let (_, kind) = self.service.baton.throw(|dice| answer(dice, weather));
        let kind = kind.filter(|kind| !REFUSALS.contains(kind));
        self.pause.set(self.service.pause(kind));
        self.service.tells(kind, self.pause.get(), self.now());
        *self.error.borrow_mut() = kind.unwrap_or_default().to_owned();
        Ok(kind.is_none())
    }
}

fn url(id: &str) -> String {
    if id.is_empty() { String::new() } else { format!("https://p/{id}") }
}

impl Object for Component {
    fn type_name(&self) -> Cow<'static, str> {
        "AddIn.Passteam.Passteam".into()
    }

    fn get(&self, _: &mut Vm, name: &Name) -> Res<Value> {
        Ok(match name.key() {
            "видошибки" | "описаниеошибки" => Value::str(&*self.error.borrow()),
            "кодответа" => Value::int(0),
            "результат" => Value::str(json!({ "retryAfter": self.pause.get() }).to_string()),
            _ => return Err(Failure::new(format!("У заместителя компоненты нет свойства {name}"))),
        })
    }

    fn set(&self, _: &mut Vm, name: &Name, value: Value) -> Res<()> {
        match name.key() {
            "идентификаторшаблона" => {
                *self.template.borrow_mut() = value.text().to_string();
                Ok(())
            }
            "токен" | "прокси" | "файлсертификатов" | "адрессервера" | "таймаут" | "запросоввминуту" => {
                Ok(())
            }
            _ => Err(Failure::new(format!("У заместителя компоненты нет свойства {name}"))),
        }
    }

    fn call(&self, _: &mut Vm, name: &Name, arguments: &mut Args) -> Res<Value> {
        match name.key() {
            "updatecards" => self.update_cards(&arguments.string(0)?, arguments.integer(2)?),
            "createcards" => self.create_cards(&arguments.string(0)?, arguments.integer(2)?),
            "getcards" => self.get_cards(arguments.integer(0)?),
            "callmethod" if &*arguments.text(0) == "gettemplates" => Ok(Value::Bool(self.succeeds()?)),
            _ => Err(Failure::new(format!("У заместителя компоненты нет метода {name}"))),
        }
    }
}
