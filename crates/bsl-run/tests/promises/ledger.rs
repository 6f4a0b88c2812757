//! What was promised, and the books that show whether it was kept: every balance that a card has had in the base, and
//! which of them the service shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{Duration, NaiveDateTime};
use infobase::{Datum, Infobase, Record, Reference, SessionId};
use rust_decimal::Decimal;

use crate::names::{
    CARDS, IDS, MARKS, POINTS, QUEUE, card_of, finds_related, id_in, is_of_the_service, outcome_is_unknown,
    waits_for_person,
};

/// How much later than now a movement may be and count all the same: tills' clocks are not the server's.
const CLOCKS_DIFFER: Duration = Duration::minutes(5);

/// A promise that was broken, with the card's phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// The service shows another balance than the base, and nothing stands in the queue.
    Lost(String),
    /// An older balance came after a newer one.
    Reordered(String),
    /// A balance was sent that the card never had.
    NeverHad(String),
    /// The card was created twice.
    CreatedTwice(String),
    /// The card's data went to a card that is not its own.
    WrongCard(String),
    /// Two cards have the same id.
    SharedId(String),
    /// A request went out inside a transaction.
    InTransaction,
    /// A copy of the base, or a base that does not keep the cards, has sent one.
    FromAnotherBase,
    /// The service was asked although it wanted to be left alone, or again by a run that had met an outage.
    Pressed,
    /// A record neither goes nor comes to a person.
    NeverEnds,
    /// All is quiet, and the base or the service is not right.
    WrongInTheEnd(String),
    /// Two sessions write a file base at the same time.
    TwoWriters,
    /// A session or the event log has an error that no fault of this world explains.
    Unexplained(String),
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Lost(card) => write!(f, "баланс карты {card} не передан, и она не стоит в очереди"),
            Broken::Reordered(card) => write!(f, "прежний баланс карты {card} передан после нового"),
            Broken::NeverHad(card) => write!(f, "передан баланс, которого у карты {card} не было"),
            Broken::CreatedTwice(card) => write!(f, "карта {card} создана дважды"),
            Broken::WrongCard(card) => write!(f, "данные карты {card} попали не в ту карту сервиса"),
            Broken::SharedId(id) => write!(f, "идентификатор {id} у двух карт"),
            Broken::InTransaction => f.write_str("запрос к сервису ушел внутри транзакции"),
            Broken::FromAnotherBase => f.write_str("карту отправила другая база"),
            Broken::Pressed => f.write_str("сервис просил подождать или не отвечал, а его спросили снова"),
            Broken::NeverEnds => f.write_str("очередь не пустеет"),
            Broken::WrongInTheEnd(card) => write!(f, "все кончилось, а у карты {card} не то в базе или в сервисе"),
            Broken::TwoWriters => f.write_str("в файловую базу пишут двое"),
            Broken::Unexplained(text) => write!(f, "необъяснимая ошибка: {text}"),
        }
    }
}

/// A customer, who shows one card of the service.
#[derive(Debug, Clone)]
pub struct Customer {
    /// The unique variable: the service knows him by it.
    pub phone: String,
    /// His cards in the base; a later one has replaced those before it.
    pub cards: Vec<Reference>,
    /// The cards whose points make up his balance.
    pub sources: Vec<Reference>,
}

/// A customer as the books know him.
#[derive(Debug, Clone)]
struct Account {
    customer: Customer,
    /// How many of his cards the base has.
    exists: usize,
    /// Every committed balance, in order.
    history: Vec<Decimal>,
    /// Which of them the service shows; nothing if it has no card.
    shown: Option<usize>,
    /// A handler has failed whose sale went on: the nightly job will find the balance.
    is_for_the_night: bool,
    /// When his movements that were committed before their time begin to count.
    due: BTreeSet<NaiveDateTime>,
}

impl Account {
    fn shows_the_last(&self) -> bool {
        self.shown == Some(self.history.len() - 1)
    }
}

/// A record of the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its card.
    pub card: Reference,
    /// Whether it waits for a person.
    pub for_person: bool,
    /// Whether the card may exist in the service.
    pub unknown: bool,
    /// Whether the cards that show the same balance are still to be queued.
    finds_related: bool,
}

#[derive(Debug, Default)]
struct Books {
    accounts: Vec<Account>,
    observer: Option<SessionId>,
    queue: Vec<Queued>,
    /// The service's ids of the cards. What is known of another service has no part in any promise.
    ids: Vec<(Reference, String)>,
    /// Whose the service's cards are: phones by id.
    issued: BTreeMap<String, String>,
    /// When the last nightly check began that has come to its end without an error.
    checked: NaiveDateTime,
    /// How many commits had been made when this was written, and the time.
    written: Option<(u64, NaiveDateTime)>,
}

impl Books {
    fn write(&mut self, base: &mut Infobase, observer: SessionId, now: NaiveDateTime) {
        let movements = base.read_records(observer, POINTS, &Record::new()).expect("the movements");
        for account in &mut self.accounts {
            while let Some(card) = account.customer.cards.get(account.exists)
                && base.read_object(observer, card).expect("the card").is_some()
            {
                account.exists += 1;
            }
            let (mut earned, mut spent) = (Decimal::ZERO, Decimal::ZERO);
            for movement in &movements {
                let is_his = |card: &Reference| movement.get("ДисконтнаяКарта") == Some(&Datum::Ref(card.clone()));
                if !account.customer.sources.iter().any(is_his) {
                    continue;
                }
                match movement.get("Период") {
                    Some(Datum::Date(period)) if *period - CLOCKS_DIFFER > now => {
                        account.due.insert(*period - CLOCKS_DIFFER);
                    }
                    _ => {
                        earned += number(movement, "Начислено");
                        spent += number(movement, "КСписанию");
                    }
                }
            }
            let balance = (earned.max(Decimal::ZERO) - spent.max(Decimal::ZERO)).max(Decimal::ZERO);
            if account.history.last() != Some(&balance) {
                account.history.push(balance);
            }
        }
        let records = base.read_records(observer, QUEUE, &Record::new()).expect("the queue");
        let queued = records.iter().filter_map(|record| {
            Some(Queued {
                card: card_of(record)?.clone(),
                for_person: waits_for_person(record),
                unknown: outcome_is_unknown(record),
                finds_related: finds_related(record),
            })
        });
        self.queue = queued.collect();
        let marks = base.read_records(observer, MARKS, &Record::new()).expect("the marks");
        let marked = marks.iter().filter_map(card_of).map(|card| Queued {
            card: card.clone(),
            for_person: false,
            unknown: false,
            // The record that a mark becomes does.
            finds_related: true,
        });
        self.queue.extend(marked);
        let records = base.read_records(observer, IDS, &Record::new()).expect("the service's cards");
        let ids = records
            .iter()
            .filter(|record| is_of_the_service(record))
            .filter_map(|record| Some((card_of(record)?.clone(), id_in(record))));
        self.ids = ids.filter(|(_, id)| !id.is_empty()).collect();
    }

    /// Whether what a customer's card shows is on its way.
    fn is_queued(&self, customer: &Customer) -> bool {
        let is_his = |queued: &Queued| {
            customer.cards.contains(&queued.card) || queued.finds_related && customer.sources.contains(&queued.card)
        };
        self.queue.iter().any(is_his)
    }

    fn shared_id(&self) -> Option<&String> {
        let mut known = BTreeSet::new();
        self.ids.iter().map(|(_, id)| id).find(|id| !known.insert(*id))
    }
}

/// The books. Whoever holds the baton writes them.
#[derive(Debug, Default)]
pub struct Ledger(Mutex<Books>);

impl Ledger {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins another run: these customers, and a session that sees what is committed.
    pub fn open(&self, observer: SessionId, customers: Vec<Customer>) {
        let accounts = customers.into_iter().map(|customer| Account {
            customer,
            exists: 0,
            history: vec![Decimal::ZERO],
            shown: None,
            is_for_the_night: false,
            due: BTreeSet::new(),
        });
        *self.books() = Books { accounts: accounts.collect(), observer: Some(observer), ..Books::default() };
    }

    /// The base was restored from a backup: what it has lost never was. The service may show what the base has lost, and
    /// nothing knows of it until a person has everything sent again.
    pub fn restore(&self, observer: SessionId) {
        let mut books = self.books();
        books.observer = Some(observer);
        books.written = None;
        books.checked = NaiveDateTime::default();
        for account in &mut books.accounts {
            account.exists = 0;
            account.due.clear();
            account.is_for_the_night = true;
        }
    }

    /// Writes down what is committed now.
    pub fn observe(&self, base: &mut Infobase) {
        let mut books = self.books();
        let Some(observer) = books.observer else { return };
        let now = base.session_date(observer).expect("the observer's session");
        if let Some((commits, written)) = books.written {
            let has_come_due = |period: &NaiveDateTime| *period > written && *period <= now;
            if commits == base.commits() && !books.accounts.iter().flat_map(|account| &account.due).any(has_come_due) {
                return;
            }
        }
        books.written = Some((base.commits(), now));
        books.write(base, observer, now);
    }

    /// The service has a card of this customer.
    pub fn issue(&self, id: &str, phone: &str) {
        self.books().issued.insert(id.to_owned(), phone.to_owned());
    }

    /// Whether a person has given a card the id of another customer's: whatever follows is no fault of the text.
    pub fn is_misled(&self) -> bool {
        let books = self.books();
        books.ids.iter().any(|(card, id)| {
            let of = |account: &&Account| account.customer.cards.contains(card);
            let phone = books.accounts.iter().find(of).map(|account| &account.customer.phone);
            books.issued.get(id) != phone
        })
    }

    /// A handler has failed, and the write of this card, or of any, went on.
    pub fn leave_to_the_night(&self, card: Option<&Reference>) {
        for account in &mut self.books().accounts {
            let Customer { cards, sources, .. } = &account.customer;
            if card.is_none_or(|card| cards.contains(card) || sources.contains(card)) {
                account.is_for_the_night = true;
            }
        }
    }

    /// A nightly check that began then has ended without an error.
    pub fn has_checked(&self, began: NaiveDateTime) {
        let mut books = self.books();
        books.checked = books.checked.max(began);
    }

    /// When the next movement's time comes.
    pub fn next_due(&self, now: NaiveDateTime) -> Option<NaiveDateTime> {
        let books = self.books();
        let due = books.accounts.iter().flat_map(|account| &account.due).map(|due| *due + CLOCKS_DIFFER);
        due.filter(|period| *period > now).min()
    }

    /// A queue job that began then has ended without an error: it has queued the cards of movements whose time has come
    /// within the last hour, and their night is nobody's excuse any more.
    pub fn has_looked(&self, began: NaiveDateTime) {
        let looked_at = began - Duration::hours(1)..began;
        for account in &mut self.books().accounts {
            account.due.retain(|due| !looked_at.contains(&(*due + CLOCKS_DIFFER)));
        }
    }

    /// Whether a card has an id.
    pub fn has_id(&self, number: usize) -> bool {
        self.books().ids.iter().any(|(known, _)| *known == card(number as u128))
    }

    /// How many of a customer's cards the base has.
    pub fn cards_of(&self, phone: &str) -> usize {
        let books = self.books();
        books.accounts.iter().find(|account| account.customer.phone == phone).map_or(0, |account| account.exists)
    }

    /// The service shows a balance from now on.
    ///
    /// # Errors
    /// If the card never had it, or the service has shown a newer one.
    pub fn show(&self, phone: &str, balance: Decimal) -> Result<(), Broken> {
        let mut books = self.books();
        let account = books.accounts.iter_mut().find(|account| account.customer.phone == phone);
        let account = account.ok_or_else(|| Broken::NeverHad(phone.to_owned()))?;
        let at = account.history.iter().rposition(|known| *known == balance);
        let at = at.ok_or_else(|| Broken::NeverHad(phone.to_owned()))?;
        if account.shown.is_some_and(|shown| at < shown) {
            return Err(Broken::Reordered(phone.to_owned()));
        }
        account.shown = Some(at);
        Ok(())
    }

    /// The queue's committed records.
    pub fn queue(&self, base: &mut Infobase) -> Vec<Queued> {
        self.observe(base);
        self.books().queue.clone()
    }

    /// What must hold at every moment.
    ///
    /// # Errors
    /// The promise that is broken.
    pub fn check(&self, base: &mut Infobase) -> Result<(), Broken> {
        self.observe(base);
        if base.settings().file_base {
            let writes = |session: &SessionId| base.written_tables(*session).is_ok_and(|tables| !tables.is_empty());
            if base.sessions().iter().filter(|session| writes(session)).count() > 1 {
                return Err(Broken::TwoWriters);
            }
        }
        let books = self.books();
        if let Some(id) = books.shared_id() {
            return Err(Broken::SharedId(id.clone()));
        }
        for account in books.accounts.iter().filter(|account| account.exists > 0) {
            // The nightly check has not looked yet.
            let is_due = account.due.iter().any(|period| *period > books.checked);
            if !account.shows_the_last() && !is_due && !account.is_for_the_night && !books.is_queued(&account.customer)
            {
                return Err(Broken::Lost(account.customer.phone.clone()));
            }
        }
        Ok(())
    }

    /// What holds once all is quiet. `ids` gives the service's id of a customer.
    ///
    /// # Errors
    /// The promise that is broken.
    pub fn check_end(&self, base: &mut Infobase, ids: impl Fn(&str) -> Option<String>) -> Result<(), Broken> {
        self.observe(base);
        let books = self.books();
        for account in &books.accounts {
            let Customer { phone, cards, .. } = &account.customer;
            let Some(last) = account.exists.checked_sub(1).map(|last| &cards[last]) else { continue };
            let id = books.ids.iter().find(|(card, _)| card == last).map(|(_, id)| id.clone());
            if !account.shows_the_last() || id.is_none() || id != ids(phone) {
                return Err(Broken::WrongInTheEnd(phone.clone()));
            }
        }
        Ok(())
    }
}

fn number(record: &Record, name: &str) -> Decimal {
    match record.get(name) {
        Some(Datum::Number(number)) => *number,
        _ => Decimal::ZERO,
    }
}

/// A reference to a card or a document, the same one in every run.
pub fn reference(object: &str, number: u128) -> Reference {
    Reference { object: object.into(), id: uuid::Uuid::from_u128(0x1000_0000_0000_4000_8000_0000_0000_0000 + number) }
}

/// A reference to a card.
pub fn card(number: u128) -> Reference {
    reference(CARDS, number)
}
