//! A run: sales, jobs, exchange and people on one infobase, with everything that can go wrong, and then the calm in
//! which all must end well.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bsl_run::ModuleCode;
use bsl_run::platform::{ModuleTexts, SessionError, SetUp, Shop, from_value, read_modules, to_value};
use chrono::{Duration, NaiveDateTime};
use infobase::{Datum, Infobase, LogEntry, LogLevel, Record, Reference, Settings, User};

use crate::baton::{Actor, Baton, Order, Pace, Stopped, Work};
use crate::ledger::{Broken, Customer, Ledger, card, reference};
use crate::names::{MARKS, NIGHTLY_JOB, QUEUE, QUEUE_JOB, STAGE, card_of, folder, metadata, variant};
use crate::service::{Service, StandIn, Weather};
use crate::themes::{Habits, Theme};

/// Who takes part. Two queue jobs: nothing keeps a second one from starting.
pub const ACTORS: [&str; 7] = ["задание 1", "задание 2", "касса", "обмен", "ночное задание", "человек", "другая база"];
const FIRST_JOB: Actor = 0;
const SECOND_JOB: Actor = 1;
const CASHIER: Actor = 2;
const EXCHANGE: Actor = 3;
const NIGHTLY: Actor = 4;
const PERSON: Actor = 5;
/// Whoever works in a copy of the base, or in another node.
pub const ELSEWHERE: Actor = 6;
/// The computer on which the base works.
const COMPUTER: &str = "SERVER";
/// Receipts of the other base have numbers from this one on.
const RECEIPTS_ELSEWHERE: u128 = 1_000_000;
/// The customers. The first one's card is in the service from the start, the second one's waits to be created, the third
/// one's does not exist yet, the fourth takes part in [`Theme::Related`] only, the fifth in [`Theme::Family`].
const PHONES: [&str; 5] = ["79160000001", "79160000002", "79160000003", "79160000004", "79160000005"];
/// Whose each card is. [`REPLACEMENT`] replaces the first one.
const OWNERS: [usize; 6] = [0, 1, 2, 0, 3, 4];
/// The cards that take part if a theme does not say more.
pub const USUAL_CARDS: usize = 3;
/// The card that replaces the first one.
const REPLACEMENT: usize = 3;
/// The card that shows the points of the first one.
const ACCUMULATING: usize = 4;
/// The card of the customer who has given the second one's phone; his own is known to him alone.
const RELATIVE: usize = 5;
/// How long a person waits before he looks for a card whose creation has no outcome.
const PERSON_WAITS: Duration = Duration::minutes(3);
/// How far a clock is wrong in [`Theme::Clocks`], in seconds. Two of them differ by four minutes at most, and a late request
/// arrives within one: the queue's pause of five covers both.
const CLOCK_ERROR: RangeInclusive<i64> = -120..=120;
/// The calm needs no more rounds, and no session more turns.
const CALM_ROUNDS: usize = 40;

/// What may be written in a session's exception or in the event log: what this world does to sessions.
const EXPLAINED: [&str; 6] = [
    "превышено время ожидания предоставления блокировки",
    "взаимоблокировка",
    "В данной транзакции уже происходили ошибки",
    "несоответствия версии",
    "Объект уже заблокирован",
    "Запись с такими ключевыми полями существует",
];

/// How many kinds of bases there are.
pub const KINDS: usize = 4;

/// The bases in which runs take place: all values of what is not settled, and servers as well as files.
fn kinds() -> [Settings; KINDS] {
    let settled = Settings::from(&variant());
    let server = |mixed, timeout_fails, locks_in_automatic| Settings {
        file_base: false,
        mixed_lock_mode: mixed,
        lock_timeout_fails_transaction: timeout_fails,
        data_locks_in_automatic: locks_in_automatic,
        ..settled
    };
    [
        server(true, true, false),
        server(true, false, true),
        server(false, false, true),
        Settings { file_base: true, ..server(true, true, true) },
    ]
}

/// Where the text that ships stands.
pub fn shipped() -> ModuleTexts {
    read_modules(&folder()).expect("the modules that ship")
}

/// The server's text files.
type Files = BTreeMap<String, String>;

/// A prepared base.
struct Base {
    infobase: Infobase,
    files: Files,
    /// The owner of the card that a run writes.
    owner: Datum,
}

/// A prepared base of each kind.
struct Prepared(Vec<Base>);

fn prepared() -> &'static Mutex<Prepared> {
    static PREPARED: OnceLock<Mutex<Prepared>> = OnceLock::new();
    PREPARED.get_or_init(|| Mutex::new(Prepared::new()))
}

impl Prepared {
    fn new() -> Prepared {
        let bases = kinds().map(|settings| {
            let base = Infobase::in_memory(metadata(), settings).expect("a base");
            let baton = Arc::new(Baton::new());
            let service = Arc::new(Service::new(baton.clone(), Arc::default()));
            let first = service.add(PHONES[0], &name(0)).id;
            let shop = shop(base, shipped(), baton, service, false);
            let code = shop.compile(STAGE).expect("the stage's text");
            let owner = shop
                .run(User::administrator(), |vm, session| {
                    let mut stage = |name: &str, arguments: &mut [bsl_run::Value]| {
                        session.run_code(vm, &code, Some(name), arguments)
                    };
                    stage("Настроить", &mut [])?;
                    let mut owners = Vec::new();
                    for (at, phone) in PHONES[..USUAL_CARDS].iter().enumerate() {
                        owners.push(stage("Владелец", &mut [name(at).into(), (*phone).into()])?);
                    }
                    for (at, id) in [first.as_str(), ""].into_iter().enumerate() {
                        let reference = to_value(session, Datum::Ref(card(at as u128)));
                        let mut arguments = [reference, owners[at].clone(), id.into(), false.into()];
                        stage("НоваяКарта", &mut arguments)?;
                        if at == 0 {
                            stage("ОчиститьОчередь", &mut [])?;
                        }
                    }
                    from_value(&owners[2])
                })
                .expect("the stage is set");
            let files = shop.files(|files| files.clone());
            Base { infobase: shop.infobase(|base| base.copy()).expect("a copy of the base"), files, owner }
        });
        Prepared(bases.into())
    }

    /// A copy of a base, with the server's files.
    fn copy(&mut self, kind: usize) -> Base {
        let Base { infobase, files, owner } = &mut self.0[kind];
        Base { infobase: infobase.copy().expect("a copy of the base"), files: files.clone(), owner: owner.clone() }
    }
}

fn shop(
    infobase: Infobase,
    texts: ModuleTexts,
    baton: Arc<Baton>,
    service: Arc<Service>,
    elsewhere: bool,
) -> Arc<Shop> {
    let addin = Some(Arc::new(StandIn { service, elsewhere }) as _);
    let set_up = SetUp { infobase, ssl: variant().ssl, texts, addin, scheduler: baton };
    Shop::new(set_up).unwrap_or_else(|error| panic!("{error}"))
}

/// A shop on one text, in which runs take place one after another.
pub struct World {
    shop: Arc<Shop>,
    /// A copy of the base, or another node, on the same text: few runs need it.
    other: OnceLock<Arc<Shop>>,
    texts: ModuleTexts,
    code: Arc<ModuleCode>,
    baton: Arc<Baton>,
    service: Arc<Service>,
    ledger: Arc<Ledger>,
}

/// How a run was broken.
#[derive(Debug)]
pub struct Failure {
    /// The seed of the run.
    pub seed: u64,
    /// The promise.
    pub broken: Broken,
    /// What has happened, in order.
    pub story: Vec<String>,
}

impl World {
    /// A shop that runs these texts.
    pub fn new(texts: ModuleTexts) -> World {
        let mut prepared = prepared().lock().unwrap_or_else(PoisonError::into_inner);
        let baton = Arc::new(Baton::new());
        let ledger = Arc::new(Ledger::default());
        let service = Arc::new(Service::new(baton.clone(), ledger.clone()));
        let shop = shop(prepared.copy(0).infobase, texts.clone(), baton.clone(), service.clone(), false);
        let code = shop.compile(STAGE).expect("the stage's text");
        World { shop, other: OnceLock::new(), texts, code, baton, service, ledger }
    }

    fn other(&self) -> &Arc<Shop> {
        self.other.get_or_init(|| {
            let base = self.shop.infobase(|base| base.copy()).expect("a copy of the base");
            shop(base, self.texts.clone(), self.baton.clone(), self.service.clone(), true)
        })
    }

    /// Runs these seeds one after another; the first broken promise ends it.
    /// Without a theme each seed has its own.
    pub fn search(&self, seeds: Range<u64>, theme: Option<Theme>) -> Result<(), Failure> {
        self.baton.clone().with_actors(ACTORS.len(), || {
            for seed in seeds {
                self.run(seed, theme)?;
            }
            Ok(())
        })
    }

    fn run(&self, seed: u64, theme: Option<Theme>) -> Result<(), Failure> {
        let kind = (seed % KINDS as u64) as usize;
        let Base { infobase, files, owner } = prepared().lock().unwrap_or_else(PoisonError::into_inner).copy(kind);
        self.shop.infobase(|base| *base = infobase);
        self.shop.files(|known| *known = files);
        self.baton.reseed(seed);
        self.service.clear();
        self.shop.infobase(|base| {
            let observer = base.open_session(User::administrator());
            self.ledger.open(observer, customers());
            self.ledger.show(PHONES[0], 0.into()).expect("the first balance");
        });
        self.service.add(PHONES[0], &name(0));
        let mut run = Run::new(self, kinds()[kind], theme.unwrap_or_else(|| Theme::of(seed)), owner);
        let played = run.play();
        let story = std::mem::take(&mut run.story);
        // Nobody may be left in the middle of something.
        run.end_all();
        played.map_err(|broken| Failure { seed, broken, story })
    }
}

/// A customer's name.
fn name(customer: usize) -> String {
    format!("Покупатель {customer}")
}

/// The phone of the customer whose data name this one and this number: a relative is known by the name.
pub fn customer_of<'a>(named: &str, phone: &'a str) -> &'a str {
    let relative = OWNERS[RELATIVE];
    if named == name(relative) { PHONES[relative] } else { phone }
}

fn customers() -> Vec<Customer> {
    let customer = |(at, phone): (usize, &&str)| {
        let cards: Vec<_> =
            (0..OWNERS.len()).filter(|card| OWNERS[*card] == at).map(|number| card(number as u128)).collect();
        let sources = if OWNERS[ACCUMULATING] == at { vec![card(0)] } else { cards.clone() };
        Customer { phone: (*phone).to_owned(), cards, sources }
    };
    PHONES.iter().enumerate().map(customer).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Nothing,
    Paused,
    Waits,
}

/// When a record came to a person, and who was at work then.
struct Noticed {
    at: NaiveDateTime,
    at_work: Vec<u64>,
}

/// What a person does in some themes besides going through the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Errand {
    /// Says whether the base keeps the cards.
    Keep(bool),
    /// Marks the first card for deletion, or unmarks it.
    Mark(bool),
    /// Reads the file with the ids.
    ReadFile,
    /// Says that the service has no other cards of this base.
    Confirm,
    /// Has everything sent again.
    SendAll,
    /// Chooses another template, or the former one again.
    Template(bool),
    /// Writes down the relative's own phone.
    Phone,
}

struct Run<'a> {
    world: &'a World,
    settings: Settings,
    theme: Theme,
    /// The owner of the card that the base does not have at first.
    owner: Datum,
    cards: Range<usize>,
    accruals: u32,
    doing: [Doing; ACTORS.len()],
    /// The number of what each actor does.
    work: [u64; ACTORS.len()],
    next_work: u64,
    /// When each actor has begun what it does.
    began: [NaiveDateTime; ACTORS.len()],
    /// Whether what each actor does has put an error into the event log.
    failed: [bool; ACTORS.len()],
    /// The card that each actor sells on.
    sells_on: [Option<usize>; ACTORS.len()],
    /// Whether the nightly job is the walk over the service's cards.
    walks: bool,
    /// Whether a person sends a card himself.
    sends: bool,
    /// What a person is about, and what he has done.
    errand: Option<Errand>,
    done: Vec<Errand>,
    /// The card of each receipt.
    receipts: Vec<usize>,
    /// How much of the event log has been read.
    read: usize,
    /// The backup, until the base has been restored from it.
    backup: Option<Infobase>,
    is_restored: bool,
    /// Whether the other base exists, and whether it believes that it keeps the cards.
    other_keeps: Option<bool>,
    /// The card of the other base's sale under way.
    sold_elsewhere: Option<usize>,
    noticed: BTreeMap<usize, Noticed>,
    /// Nothing can be said of the rest of the run.
    is_over: bool,
    story: Vec<String>,
}

impl<'a> Run<'a> {
    fn new(world: &'a World, settings: Settings, theme: Theme, owner: Datum) -> Run<'a> {
        Run {
            world,
            settings,
            theme,
            owner,
            cards: 0..USUAL_CARDS,
            accruals: 0,
            doing: [Doing::Nothing; ACTORS.len()],
            work: [0; ACTORS.len()],
            next_work: 1,
            began: [NaiveDateTime::MIN; ACTORS.len()],
            failed: [false; ACTORS.len()],
            sells_on: [None; ACTORS.len()],
            walks: false,
            sends: false,
            errand: None,
            done: Vec::new(),
            receipts: Vec::new(),
            read: 0,
            backup: None,
            is_restored: false,
            other_keeps: None,
            sold_elsewhere: None,
            noticed: BTreeMap::new(),
            is_over: false,
            story: Vec::new(),
        }
    }

    fn play(&mut self) -> Result<(), Broken> {
        let theme = self.theme;
        let habits = self.throw(|dice| Habits::draw(theme, dice));
        self.story.push(format!("{:?} {theme:?} {habits:?}", self.settings));
        self.cards = habits.cards.clone();
        self.accruals = habits.accruals;
        self.world.baton.set_pace(habits.pace);
        self.world.service.set_weather(habits.weather);
        self.set_the_stage();
        let mut is_out = false;
        for _ in 0..habits.steps {
            if theme == Theme::Restored && self.throw(|dice| dice.u32(..25)) == 0 {
                self.back_up_or_restore();
            }
            if theme == Theme::Outages && self.throw(|dice| dice.u32(..15)) == 0 {
                is_out = !is_out;
                self.world.service.set_weather(if is_out { Weather::OUTAGE } else { habits.weather });
                self.tell(if is_out {
                    "сервис не отвечает"
                } else {
                    "сервис снова отвечает"
                });
            }
            self.step(&habits)?;
            if self.is_over {
                return Ok(());
            }
        }
        self.calm_down()
    }

    /// What a theme needs before anything happens.
    fn set_the_stage(&mut self) {
        let set = match self.theme {
            Theme::Related => {
                let customer = OWNERS[ACCUMULATING];
                let (phone, name) = (PHONES[customer], name(customer));
                let id = self.world.service.add(phone, &name).id;
                self.world.ledger.show(phone, 0.into()).expect("the first balance");
                let [its, other] = [ACCUMULATING, 0].map(|number| Datum::Ref(card(number as u128)));
                let texts = [name.as_str(), phone, id.as_str()].map(Datum::text);
                let arguments = [its].into_iter().chain(texts).chain([other]);
                self.staged("НакапливающаяКарта", arguments.collect())
            }
            Theme::Replaced => {
                let id = self.world.service.find(PHONES[0]).map(|card| card.id).unwrap_or_default();
                self.staged("ЗаписатьПодДругимАдресом", vec![Datum::Ref(card(0)), Datum::text(&id)])
            }
            Theme::FirstDays => self.staged("ЗабытьКартыСервиса", Vec::new()),
            Theme::Restored => return self.world.service.refuse_duplicates(),
            Theme::Family => {
                self.world.service.refuse_duplicates();
                let texts = [name(OWNERS[RELATIVE]), PHONES[OWNERS[1]].to_owned()].map(|text| Datum::text(&text));
                let its = Datum::Ref(card(RELATIVE as u128));
                self.staged("КартаРодственника", [its].into_iter().chain(texts).collect())
            }
            _ => return,
        };
        set().expect("the stage is set");
    }

    /// Makes a backup, and later puts it in the place of the base: all sessions end, and nothing under way arrives any more.
    fn back_up_or_restore(&mut self) {
        if self.is_restored {
            return;
        }
        let Some(mut backup) = self.backup.take() else {
            self.tell("резервная копия");
            self.backup = Some(self.base(|base| base.copy()).expect("a backup"));
            return;
        };
        self.end_all();
        let place = self.base(|base| base.connection().to_owned());
        let now = self.base(|base| base.now()) + Duration::minutes(2);
        backup.set_now(now);
        backup.set_place(&place, COMPUTER);
        let observer = backup.open_session(User::administrator());
        self.base(|base| *base = backup);
        self.world.ledger.restore(observer);
        self.world.service.forget_pauses();
        self.read = 0;
        self.is_restored = true;
        self.tell("база восстановлена из копии");
    }

    fn throw<T>(&self, throw: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
        self.world.baton.throw(throw)
    }

    fn base<T>(&self, work: impl FnOnce(&mut Infobase) -> T) -> T {
        self.world.shop.infobase(work)
    }

    fn tell(&mut self, text: &str) {
        let now = self.base(|base| base.now());
        self.story.push(format!("{} {text}", now.format("%d %H:%M:%S")));
    }

    fn step(&mut self, habits: &Habits) -> Result<(), Broken> {
        let all: u32 = habits.turns.iter().sum::<u32>() + habits.clock + habits.late;
        let mut drawn = self.throw(|dice| dice.u32(..all));
        if drawn < habits.clock {
            // Whatever is on its way would be lost in a leap.
            let waits = self.world.service.has_late() && self.theme == Theme::Frozen;
            let time = self.throw(|dice| if waits { Duration::seconds(dice.i64(1..10)) } else { habits.jump(dice) });
            self.pass(time);
            return self.check();
        }
        drawn -= habits.clock;
        if drawn < habits.late {
            self.base(|base| self.world.service.carry_out_late(base));
            return self.check();
        }
        drawn -= habits.late;
        for actor in 0..ACTORS.len() {
            if drawn < habits.turns[actor] {
                return self.turn(actor, habits);
            }
            drawn -= habits.turns[actor];
        }
        Ok(())
    }

    fn pass(&mut self, time: Duration) {
        self.base(|base| base.advance(time));
        self.tell("прошло время");
    }

    fn turn(&mut self, actor: Actor, habits: &Habits) -> Result<(), Broken> {
        let chance = |run: &Self, of: f64| of > 0.0 && run.throw(|dice| dice.f64()) < of;
        match self.doing[actor] {
            Doing::Nothing => match self.plan(actor) {
                Some((what, work)) => self.start(actor, &what, work),
                None => Ok(()),
            },
            _ if chance(self, habits.crash) => self.go_on(actor, Order::Crash),
            Doing::Waits if chance(self, habits.time_out) => {
                self.base(|base| base.advance(Duration::seconds(20)));
                self.go_on(actor, Order::TimeOut)
            }
            _ => self.go_on(actor, Order::Go),
        }
    }

    fn start(&mut self, actor: Actor, what: &str, work: Work) -> Result<(), Broken> {
        self.tell(&format!("{} начинает: {what}", ACTORS[actor]));
        self.began[actor] = self.base(|base| base.now());
        self.failed[actor] = false;
        self.work[actor] = self.next_work;
        self.next_work += 1;
        self.world.service.begins(actor);
        let stopped = self.world.baton.start(actor, work);
        self.stopped(actor, stopped)
    }

    fn go_on(&mut self, actor: Actor, order: Order) -> Result<(), Broken> {
        if order != Order::Go {
            self.tell(&format!("{}: {order:?}", ACTORS[actor]));
        }
        let stopped = self.world.baton.resume(actor, order);
        self.stopped(actor, stopped)
    }

    fn stopped(&mut self, actor: Actor, stopped: Stopped) -> Result<(), Broken> {
        for told in self.world.service.take_story() {
            self.tell(&format!("{}: {told}", ACTORS[actor]));
        }
        let text = match &stopped {
            Stopped::Before(call) => format!("перед «{call}»"),
            Stopped::Waits => "ждет блокировку".to_owned(),
            Stopped::Ended(Ok(())) => "готово".to_owned(),
            Stopped::Ended(Err(error)) => error.text.clone(),
        };
        self.tell(&format!("{}: {text}", ACTORS[actor]));
        self.doing[actor] = match stopped {
            Stopped::Before(_) => Doing::Paused,
            Stopped::Waits => Doing::Waits,
            Stopped::Ended(_) => Doing::Nothing,
        };
        self.read_log(actor);
        if let Stopped::Ended(ended) = &stopped {
            let now = self.base(|base| base.now());
            self.world.service.ends(actor, ended.is_err(), now);
        }
        if matches!(stopped, Stopped::Ended(Ok(()))) {
            self.has_done(actor)?;
        }
        self.check()?;
        if let Stopped::Ended(Err(error)) = stopped
            && !error.killed
        {
            explained(&error.text)?;
        }
        Ok(())
    }

    /// A handler that fails raises nothing: what it should have queued is left to the night.
    fn read_log(&mut self, actor: Actor) {
        if actor == ELSEWHERE {
            return;
        }
        let errors: Vec<LogEntry> = self.base(|base| {
            let new = base.log()[self.read..].iter().filter(|entry| entry.level == LogLevel::Error);
            new.cloned().collect()
        });
        self.read = self.base(|base| base.log().len());
        let has_handlers = matches!(actor, CASHIER | EXCHANGE) || actor == PERSON && !self.sends;
        for error in &errors {
            self.failed[actor] = true;
            self.story.push(format!("в журнале: {} {:?}", error.comment, error.data));
            if has_handlers {
                let card = if let Datum::Ref(card) = &error.data { Some(card) } else { None };
                self.world.ledger.leave_to_the_night(card);
            }
        }
    }

    fn has_done(&mut self, actor: Actor) -> Result<(), Broken> {
        if actor == NIGHTLY && !self.walks && !self.failed[NIGHTLY] {
            self.world.ledger.has_checked(self.began[NIGHTLY]);
        }
        if actor == PERSON {
            self.done.extend(self.errand.take());
        }
        if actor == ELSEWHERE
            && let Some(sold) = self.sold_elsewhere
        {
            return self.check_elsewhere(sold);
        }
        Ok(())
    }

    /// A copy of the base queues everything, as the base does: it may turn out to be the base.
    fn check_elsewhere(&self, sold: usize) -> Result<(), Broken> {
        let (queued, failed) = self.world.other().infobase(|base| {
            let observer = base.open_session(User::administrator());
            let mut records = base.read_records(observer, QUEUE, &Record::new()).expect("the queue");
            records.extend(base.read_records(observer, MARKS, &Record::new()).expect("the marks"));
            // A handler that gets no lock queues nothing.
            let has_failed = |entry: &LogEntry| entry.level == LogLevel::Error && explained(&entry.comment).is_ok();
            let failed = base.log().iter().any(has_failed);
            base.close_session(observer).expect("the observer's session");
            (records.iter().any(|record| card_of(record) == Some(&card(sold as u128))), failed)
        });
        if self.other_keeps == Some(true) && !queued && !failed {
            return Err(Broken::Lost(PHONES[OWNERS[sold]].to_owned()));
        }
        Ok(())
    }

    /// Work in a copy of the base, or in a node that does not keep the cards.
    fn elsewhere(&mut self) -> Option<(String, Work)> {
        let other = self.world.other().clone();
        if self.other_keeps.is_none() {
            let keeps = self.throw(|dice| dice.bool());
            self.other_keeps = Some(keeps);
            let mut copy = self.base(|base| base.copy()).expect("a copy of the base");
            let place = if self.settings.file_base { r#"File="D:\TEST";"# } else { r#"Srvr="TEST";Ref="retail";"# };
            copy.set_place(place, "TEST");
            copy.lock_external_resources(self.throw(|dice| dice.u32(..4) == 0));
            other.infobase(|base| *base = copy);
            let files = self.world.shop.files(|files| files.clone());
            other.files(|known| *known = files);
            if !keeps {
                self.staged_in(&other, "ВедениеКарт", vec![Datum::Boolean(false)])().expect("another node");
            }
        }
        let now = self.base(|base| base.now());
        other.infobase(|base| base.set_now(now));
        self.sold_elsewhere = None;
        let at = self.throw(|dice| dice.usize(self.cards.clone()));
        let card = Datum::Ref(card(at as u128));
        Some(match self.throw(|dice| dice.u32(..8)) {
            0..4 => (QUEUE_JOB.to_owned(), Box::new(move || other.run_job(QUEUE_JOB)) as Work),
            4 => (NIGHTLY_JOB.to_owned(), Box::new(move || other.run_job(NIGHTLY_JOB))),
            5 => (format!("ОбновитьСейчас {at}"), self.staged_in(&other, "ОбновитьСейчас", vec![card])),
            _ => {
                self.sold_elsewhere = Some(at);
                let number = RECEIPTS_ELSEWHERE + u128::from(self.next_work);
                let arguments = vec![
                    Datum::Ref(receipt(number)),
                    card,
                    Datum::Number(1.into()),
                    Datum::Date(now),
                    Datum::Boolean(false),
                    Datum::Boolean(false),
                ];
                (format!("продажа: карта {at}"), self.staged_in(&other, "Продажа", arguments))
            }
        })
    }

    fn check(&mut self) -> Result<(), Broken> {
        if let Some(broken) = self.world.service.broken() {
            return Err(broken);
        }
        self.base(|base| self.world.ledger.check(base))?;
        self.is_over = self.world.ledger.is_misled();
        if self.is_over && self.theme == Theme::Family {
            // No person makes such a mistake in this theme.
            return Err(Broken::WrongCard(PHONES[OWNERS[RELATIVE]].to_owned()));
        }
        let (now, waiting) = (self.base(|base| base.now()), self.waiting());
        let at_work: Vec<u64> = self.at_work().collect();
        self.noticed.retain(|card, _| waiting.iter().any(|(waiting, _)| waiting == card));
        for (card, _) in waiting {
            self.noticed.entry(card).or_insert_with(|| Noticed { at: now, at_work: at_work.clone() });
        }
        Ok(())
    }

    /// The cards that wait for a person, and whether their outcome is unknown.
    fn waiting(&self) -> Vec<(usize, bool)> {
        let queue = self.base(|base| self.world.ledger.queue(base));
        let waiting = queue.iter().filter(|queued| queued.for_person);
        waiting.filter_map(|queued| Some((number_of(&queued.card)?, queued.unknown))).collect()
    }

    /// What actors do at present.
    fn at_work(&self) -> impl Iterator<Item = u64> {
        (0..ACTORS.len()).filter(|actor| self.doing[*actor] != Doing::Nothing).map(|actor| self.work[actor])
    }

    /// What an idle actor begins; nothing if there is nothing for it to do.
    fn plan(&mut self, actor: Actor) -> Option<(String, Work)> {
        match actor {
            FIRST_JOB | SECOND_JOB | NIGHTLY => {
                // A file base runs one background job at a time.
                let jobs = [FIRST_JOB, SECOND_JOB, NIGHTLY];
                if self.settings.file_base && jobs.iter().any(|job| self.doing[*job] != Doing::Nothing) {
                    return None;
                }
                if actor != NIGHTLY {
                    return Some((QUEUE_JOB.to_owned(), self.job(QUEUE_JOB)));
                }
                self.walks = self.throw(|dice| dice.bool());
                Some(match self.walks {
                    true => ("сверка".to_owned(), self.staged("Сверить", Vec::new())),
                    false => (NIGHTLY_JOB.to_owned(), self.job(NIGHTLY_JOB)),
                })
            }
            CASHIER => self.sale(CASHIER),
            EXCHANGE => match self.throw(|dice| dice.u32(..6)) {
                0 if self.cards.end > 2 && !self.has_third_card() => Some(self.new_card(true)),
                _ => self.sale(EXCHANGE),
            },
            ELSEWHERE => self.elsewhere(),
            _ => {
                self.sends = false;
                self.errand = None;
                match self.throw(|dice| dice.u32(..8)) {
                    0 if self.cards.end > 2 && !self.has_third_card() => Some(self.new_card(false)),
                    // Beside the job, only the button moves marks into the queue while a card is being sent.
                    kind if kind == 1
                        || self.theme == Theme::LateRequests
                        || kind > 3 && self.theme == Theme::Contention =>
                    {
                        self.sends = true;
                        let at = self.some_card(false);
                        Some(self.on_card("ОбновитьСейчас", at, None))
                    }
                    2 | 3 => self.decision(),
                    _ => {
                        let at = self.some_card(false);
                        self.some_errand().or_else(|| Some(self.on_card("ПравкаКарты", at, Some(""))))
                    }
                }
            }
        }
    }

    /// What a person does for the sake of the theme.
    fn some_errand(&mut self) -> Option<(String, Work)> {
        match self.theme {
            Theme::Replaced if self.world.ledger.cards_of(PHONES[0]) == 1 => {
                let cards = [0, REPLACEMENT].map(|number| Datum::Ref(card(number as u128)));
                let [old, new] = cards;
                let document = Datum::Ref(reference("Документ.ЗаменаДисконтныхКарт", 1));
                let marks = Datum::Boolean(self.throw(|dice| dice.bool()));
                Some(("замена карты".to_owned(), self.staged("ЗаменаКарты", vec![old, new, document, marks])))
            }
            Theme::Replaced if self.world.ledger.has_id(0) => {
                let [old, new] = [0, REPLACEMENT].map(|number| Datum::Ref(card(number as u128)));
                let id = self.world.service.find(PHONES[0]).map(|card| card.id).unwrap_or_default();
                let work = self.staged("Перенести", vec![old, new, Datum::text(&id)]);
                Some(("перенос идентификатора".to_owned(), work))
            }
            Theme::Mistakes => {
                let served = self.world.service.cards();
                let found = served[self.throw(|dice| dice.usize(..served.len()))].clone();
                let at = self.some_card(false);
                (PHONES[OWNERS[at]] != found.phone).then(|| self.on_card("Внести", at, Some(&found.id)))
            }
            Theme::Paused => {
                let keeps = self.has_last_done(&[Errand::Keep(true), Errand::Keep(false)]) != Some(Errand::Keep(false));
                let marked = self.has_last_done(&[Errand::Mark(true), Errand::Mark(false)]) == Some(Errand::Mark(true));
                let toggles = self.throw(|dice| dice.u32(..3) == 0);
                Some(self.run_errand(if toggles { Errand::Keep(!keeps) } else { Errand::Mark(!marked) }))
            }
            Theme::Restored if self.is_restored && !self.done.contains(&Errand::SendAll) => {
                Some(self.run_errand(Errand::SendAll))
            }
            Theme::FirstDays => {
                let next = [Errand::ReadFile, Errand::Confirm].into_iter().find(|errand| !self.done.contains(errand));
                next.map(|errand| self.run_errand(errand))
            }
            Theme::Templates => {
                let other = !self.has_chosen_another_template();
                Some(self.run_errand(Errand::Template(other)))
            }
            _ => None,
        }
    }

    fn has_chosen_another_template(&self) -> bool {
        let templates = [Errand::Template(true), Errand::Template(false)];
        self.has_last_done(&templates) == Some(Errand::Template(true))
    }

    fn has_last_done(&self, errands: &[Errand]) -> Option<Errand> {
        self.done.iter().rev().find(|done| errands.contains(done)).copied()
    }

    fn run_errand(&mut self, errand: Errand) -> (String, Work) {
        self.errand = Some(errand);
        let first = Datum::Ref(card(0));
        let (name, arguments) = match errand {
            Errand::Keep(keeps) => ("ВедениеКарт", vec![Datum::Boolean(keeps)]),
            Errand::Mark(marks) => ("ПометкаУдаления", vec![first, Datum::Boolean(marks)]),
            Errand::ReadFile => {
                let id = self.world.service.find(PHONES[0]).map(|card| card.id).unwrap_or_default();
                ("ПрочитатьФайл", vec![first, Datum::text(&id)])
            }
            Errand::Confirm => ("ПодтвердитьЧтоКартНет", Vec::new()),
            Errand::SendAll => ("ОтправитьВсеЗаново", Vec::new()),
            Errand::Phone => {
                let relative = Datum::Ref(card(RELATIVE as u128));
                ("ИсправитьТелефон", vec![relative, Datum::text(PHONES[OWNERS[RELATIVE]])])
            }
            Errand::Template(other) => ("ВыбратьШаблон", vec![Datum::text(if other { "другой" } else { "шаблон" })]),
        };
        if matches!(errand, Errand::Keep(_) | Errand::Mark(_)) {
            // Nothing is queued meanwhile, and nothing is sent.
            self.world.ledger.leave_to_the_night(None);
        }
        (format!("{errand:?}"), self.staged(name, arguments))
    }

    /// What a person must have done before all can be quiet.
    fn remaining_errands(&self) -> Vec<Errand> {
        match self.theme {
            Theme::Paused => {
                // A card that is unmarked while the base does not keep the cards is found by nobody but the night.
                let marked = self.has_last_done(&[Errand::Mark(true), Errand::Mark(false)]) == Some(Errand::Mark(true));
                let mut errands = if marked { vec![Errand::Keep(false), Errand::Mark(false)] } else { Vec::new() };
                errands.push(Errand::Keep(true));
                errands
            }
            Theme::FirstDays => vec![Errand::ReadFile, Errand::Confirm],
            Theme::Restored if self.is_restored && !self.done.contains(&Errand::SendAll) => vec![Errand::SendAll],
            Theme::Templates if self.has_chosen_another_template() => vec![Errand::Template(false)],
            _ => Vec::new(),
        }
    }

    fn job(&self, name: &'static str) -> Work {
        if self.theme == Theme::Clocks {
            let procedure =
                if name == QUEUE_JOB { "ОбработатьОчередь" } else { "НочнаяПроверка" };
            return self.staged(procedure, Vec::new());
        }
        let shop = self.world.shop.clone();
        Box::new(move || shop.run_job(name))
    }

    /// How far the clock of the computer is ahead on which the next session runs.
    fn clock_error(&self) -> Duration {
        if self.theme != Theme::Clocks {
            return Duration::zero();
        }
        Duration::seconds(self.throw(|dice| dice.i64(CLOCK_ERROR)))
    }

    /// One of the cards that the base has. Exchange may bring movements before their card.
    fn some_card(&self, loaded: bool) -> usize {
        if self.theme == Theme::Family && self.throw(|dice| dice.bool()) {
            return RELATIVE;
        }
        let last = if loaded || self.has_third_card() { self.cards.end } else { self.cards.end.min(2) };
        self.throw(|dice| dice.usize(self.cards.start..last))
    }

    fn has_third_card(&self) -> bool {
        self.world.ledger.cards_of(PHONES[2]) > 0
    }

    /// Runs a procedure of the stage's text.
    fn staged(&self, name: &'static str, arguments: Vec<Datum>) -> Work {
        self.staged_in(&self.world.shop, name, arguments)
    }

    fn staged_in(&self, shop: &Arc<Shop>, name: &'static str, arguments: Vec<Datum>) -> Work {
        let (shop, code, error) = (shop.clone(), self.world.code.clone(), self.clock_error());
        Box::new(move || -> Result<(), SessionError> {
            shop.run(User::administrator(), |vm, session| {
                let id = session.id();
                shop.infobase(|base| base.set_session_clock(id, error, Duration::zero())).expect("the session");
                let mut values: Vec<_> = arguments.into_iter().map(|datum| to_value(session, datum)).collect();
                session.run_code(vm, &code, Some(name), &mut values).map(|_| ())
            })
        })
    }

    fn sale(&mut self, actor: Actor) -> Option<(String, Work)> {
        let loaded = actor == EXCHANGE;
        let now = self.base(|base| base.now());
        let mut at = self.some_card(loaded);
        if at == 0 && self.world.ledger.cards_of(PHONES[0]) > 1 {
            // Nobody sells on a card that was replaced, but who has begun may still be at it.
            let is_at_it = |other: &Actor| self.doing[*other] != Doing::Nothing && self.sells_on[*other] == Some(0);
            if [CASHIER, EXCHANGE].iter().any(is_at_it) {
                return None;
            }
            at = REPLACEMENT;
        }
        self.sells_on[actor] = Some(at);
        let kind = self.throw(|dice| dice.u32(..10));
        let cancels = if self.theme == Theme::Paused { 5 } else { 2 };
        let receipts = (0..self.receipts.len()).filter(|number| at != REPLACEMENT || self.receipts[*number] == at);
        let receipts: Vec<usize> = receipts.collect();
        if kind < cancels && !receipts.is_empty() {
            // Without the last sale the card has a balance that it has had before.
            let any = self.throw(|dice| dice.usize(..receipts.len()));
            let number = receipts[if self.theme == Theme::Paused { receipts.len() - 1 } else { any }];
            self.sells_on[actor] = Some(self.receipts[number]);
            let arguments = vec![Datum::Ref(receipt(number as u128)), Datum::Boolean(loaded)];
            return Some((format!("отмена проведения {number}"), self.staged("ОтменаПроведения", arguments)));
        }
        let number = self.receipts.len() as u128;
        self.receipts.push(at);
        // No sum of receipts is the sum of others.
        let points = Datum::Number((1_i64 << (number % 40)).into());
        let period = match kind {
            _ if self.throw(|dice| dice.u32(..10)) < self.accruals => {
                now + Duration::seconds(self.throw(|dice| dice.i64(60..10_000)))
            }
            2..5 if loaded => now - Duration::days(1),
            _ => now + self.clock_error(),
        };
        let cancelled = kind == 5;
        let arguments = vec![
            Datum::Ref(receipt(number)),
            Datum::Ref(card(at as u128)),
            points.clone(),
            Datum::Date(period),
            Datum::Boolean(loaded),
            Datum::Boolean(cancelled),
        ];
        let shown = format!("продажа {number}: карта {at}, {points:?}, {period}, отменится: {cancelled}");
        Some((shown, self.staged("Продажа", arguments)))
    }

    fn new_card(&mut self, loaded: bool) -> (String, Work) {
        let owner = self.owner.clone();
        let arguments = vec![Datum::Ref(card(2)), owner, Datum::text(""), Datum::Boolean(loaded)];
        ("новая карта".to_owned(), self.staged("НоваяКарта", arguments))
    }

    fn on_card(&self, procedure: &'static str, at: usize, id: Option<&str>) -> (String, Work) {
        let mut arguments = vec![Datum::Ref(card(at as u128))];
        arguments.extend(id.map(Datum::text));
        (format!("{procedure} {at} {}", id.unwrap_or_default()), self.staged(procedure, arguments))
    }

    /// A person goes through the list in the way that the guide tells.
    fn decision(&mut self) -> Option<(String, Work)> {
        let now = self.base(|base| base.now());
        let at_work: Vec<u64> = self.at_work().collect();
        for (at, unknown) in self.waiting() {
            let phone = PHONES[OWNERS[at]];
            let found = self.world.service.find(phone).filter(|_| !self.world.ledger.has_id(at));
            if !unknown && self.theme == Theme::Family && !self.done.contains(&Errand::Phone) {
                return Some(self.run_errand(Errand::Phone));
            }
            if !unknown && let Some(found) = &found {
                return Some(self.on_card("ПравкаКарты", at, Some(&found.id)));
            }
            if !unknown {
                return Some(match self.throw(|dice| dice.bool()) {
                    true => self.on_card("ПравкаКарты", at, Some("")),
                    false => self.on_card("ПовторитьПередачу", at, None),
                });
            }
            let waited = self.noticed.get(&at).is_some_and(|noticed| {
                now >= noticed.at + PERSON_WAITS && !noticed.at_work.iter().any(|work| at_work.contains(work))
            });
            if !waited || self.world.service.is_on_its_way(phone, now) {
                continue;
            }
            return Some(match found {
                Some(found) => self.on_card("ПравкаКарты", at, Some(&found.id)),
                None => self.on_card("ПовторитьСоздание", at, None),
            });
        }
        None
    }

    /// Sales end, the service works, jobs run one after another, people do their part.
    fn calm_down(&mut self) -> Result<(), Broken> {
        self.story.push("дальше все спокойно".to_owned());
        self.world.baton.set_pace(Pace::default());
        self.world.service.set_weather(Weather::CALM);
        for _ in 0..CALM_ROUNDS {
            for actor in 0..ACTORS.len() {
                if self.doing[actor] != Doing::Nothing {
                    self.go_on(actor, Order::Go)?;
                }
            }
        }
        if self.at_work().next().is_some() {
            return Err(Broken::NeverEnds);
        }
        while self.base(|base| self.world.service.carry_out_late(base)) {
            self.check()?;
        }
        self.sends = false;
        for errand in self.remaining_errands() {
            let (what, work) = self.run_errand(errand);
            self.start(PERSON, &what, work)?;
        }
        if self.theme == Theme::Accruals {
            self.let_accruals_come_due()?;
        }
        // All accruals come due.
        self.pass(Duration::days(1));
        self.walks = false;
        self.start(NIGHTLY, NIGHTLY_JOB, self.job(NIGHTLY_JOB))?;
        for _ in 0..CALM_ROUNDS {
            self.start(FIRST_JOB, QUEUE_JOB, self.job(QUEUE_JOB))?;
            if let Some((what, work)) = self.decision() {
                self.sends = false;
                self.start(PERSON, &what, work)?;
            }
            if self.is_over {
                return Ok(());
            }
            if self.base(|base| self.world.ledger.queue(base).is_empty()) {
                return self.check_end();
            }
            self.pass(Duration::minutes(61));
        }
        Err(Broken::NeverEnds)
    }

    /// The job finds each movement whose time comes, before the night does.
    fn let_accruals_come_due(&mut self) -> Result<(), Broken> {
        while let Some(due) = self.world.ledger.next_due(self.base(|base| base.now())) {
            let now = self.base(|base| base.now());
            self.pass(due - now + Duration::seconds(1));
            self.start(FIRST_JOB, QUEUE_JOB, self.job(QUEUE_JOB))?;
            if !self.failed[FIRST_JOB] {
                self.world.ledger.has_looked(self.began[FIRST_JOB]);
            }
            self.check()?;
        }
        Ok(())
    }

    fn check_end(&mut self) -> Result<(), Broken> {
        let service = &self.world.service;
        let ids = |phone: &str| service.find(phone).map(|card| card.id);
        self.base(|base| self.world.ledger.check_end(base, ids))?;
        let errors: Vec<String> = self.base(|base| {
            let entries = base.log().iter().filter(|entry| entry.level == LogLevel::Error);
            entries.map(|entry| entry.comment.clone()).collect()
        });
        errors.iter().try_for_each(|error| explained(error))
    }

    /// Ends the sessions that are still open.
    fn end_all(&mut self) {
        for actor in 0..ACTORS.len() {
            while self.doing[actor] != Doing::Nothing {
                let stopped = self.world.baton.resume(actor, Order::Crash);
                if matches!(stopped, Stopped::Ended(_)) {
                    self.doing[actor] = Doing::Nothing;
                }
            }
        }
    }
}

fn explained(error: &str) -> Result<(), Broken> {
    if EXPLAINED.iter().any(|known| error.contains(known)) {
        return Ok(());
    }
    Err(Broken::Unexplained(error.to_owned()))
}

/// The number of a card.
fn number_of(reference: &Reference) -> Option<usize> {
    (0..OWNERS.len()).find(|number| card(*number as u128) == *reference)
}

fn receipt(number: u128) -> Reference {
    reference("Документ.ЧекККМ", number)
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{}; this run alone: PASSTEAM_PROMISE_SEED={}", self.broken, self.seed)?;
        self.story.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
