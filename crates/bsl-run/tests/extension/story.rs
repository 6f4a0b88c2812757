//! A shop with the extension and its sandbox, and what happens in it.

use std::ops::Deref;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use addin_testkit::shop::{TEMPLATE, TOKEN, sandbox_with};
use bsl_run::platform::{ModuleTexts, Scheduler, Session, SetUp, Shop, Turn, Wait, addin_file, read_modules};
use bsl_run::{Res, Value, Vm};
use chrono::Duration;
use infobase::metadata::declared::Variant;
use infobase::{LockItem, LogLevel, Right, SessionId, Settings, TransactionMode, User};
use passteam_sandbox::{Card, Options, Sandbox};

use crate::moments::{Moment, Moments};
use crate::stage::{folder, set_up, settled, untouched};

/// What the shop does, in BSL.
const STORY: &str = include_str!("story.bsl");
/// The job that sends what has changed.
pub const JOB: &str = "ОбработкаОчередиPassteam";
/// The nightly job.
pub const NIGHTLY_JOB: &str = "НочнаяПроверкаPassteam";

/// How long a lock waits, unless the infobase says otherwise.
const LOCK_TIMEOUT: Duration = Duration::seconds(20);

/// Calls that wait for a network: members of the component, and БСП's mail.
const NETWORK: [&str; 9] = [
    "CreateCard",
    "UpdateCard",
    "CreateCards",
    "UpdateCards",
    "GetCards",
    "CallMethod",
    "Диагностика",
    "ОтправитьПисьмо",
    "ОтправитьПочтовоеСообщение",
];

/// The texts of the modules, as they ship.
pub fn texts() -> ModuleTexts {
    read_modules(&folder()).unwrap()
}

/// A module, what stands in it once, and what stands there instead.
pub type Change = (&'static str, &'static str, &'static str);

/// The text that ships, with these changes.
pub fn changed(changes: &[Change]) -> ModuleTexts {
    let mut texts = texts();
    for (module, from, to) in changes {
        let text = texts.get_mut(*module).unwrap();
        assert_eq!(text.matches(from).count(), 1, "the text is another now: {from}");
        *text = text.replace(from, to);
    }
    texts
}

/// A shop with its sandbox. Copies are the same shop.
#[derive(Clone)]
pub struct Story(Arc<Inner>);

pub struct Inner {
    pub shop: Arc<Shop>,
    pub sandbox: Sandbox,
    watched: Arc<Watched>,
}

/// What must hold in every story, whatever it tells.
impl Drop for Inner {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        assert_eq!(self.watched.take_nested(), Vec::<String>::new(), "requests inside a transaction");
        let nameless = |entry: &&infobase::LogEntry| entry.comment.starts_with(" (");
        let log = self.shop.infobase(|base| base.log().iter().find(nameless).map(|entry| entry.comment.clone()));
        assert_eq!(log, None, "an error without its kind");
    }
}

impl Deref for Story {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Story {
    /// The usual shop, whose register of cards is complete: the service holds none.
    pub fn new() -> Story {
        Story::of(&untouched())
    }

    /// A shop of this variant, whose register of cards is complete.
    pub fn of(variant: &Variant) -> Story {
        let story = Story::just_installed(variant);
        story.act("СервисПуст()");
        story
    }

    /// A shop of which nobody has said whether the service holds its cards.
    pub fn just_installed(variant: &Variant) -> Story {
        Story::with(variant, texts())
    }

    /// A shop with these modules.
    pub fn with(variant: &Variant, texts: ModuleTexts) -> Story {
        Story::begin(set_up(variant, texts), Options::default())
    }

    /// The usual shop with a sandbox of this kind.
    pub fn with_sandbox(options: Options) -> Story {
        let story = Story::begin(set_up(&untouched(), texts()), options);
        story.act("СервисПуст()");
        story
    }

    /// A shop on a base with these settings, whose register of cards is complete.
    pub fn settled(variant: &Variant, change: impl FnOnce(&mut Settings)) -> Story {
        let story = Story::begin(settled(variant, texts(), change), Options::default());
        story.act("СервисПуст()");
        story
    }

    fn begin(set_up: SetUp, options: Options) -> Story {
        let watched = Arc::new(Watched::default());
        let addin = Some(addin_file(addin_testkit::library()));
        let set_up = SetUp { addin, scheduler: watched.clone(), ..set_up };
        let shop = Shop::new(set_up).unwrap_or_else(|error| panic!("{error}"));
        watched.shop.get_or_init(|| Arc::downgrade(&shop));
        let story = Story(Arc::new(Inner { shop, sandbox: sandbox_with(options), watched }));
        let address = story.sandbox.url();
        story.act(&format!("Настроить(\"{address}\", \"{TOKEN}\", \"{TEMPLATE}\")"));
        story
    }

    /// From now on the extension takes the sandbox for the real service, whose register of cards is complete.
    pub fn hide_sandbox(&self) {
        self.disguise_sandbox();
        self.act("СервисПуст()");
    }

    /// From now on the sandbox has an address that does not look like this computer: only the component sees that it is.
    pub fn disguise_sandbox(&self) {
        let address = self.sandbox.url().replace("127.0.0.1", "0x7f.0.0.1");
        assert_ne!(address, self.sandbox.url());
        self.act(&format!("ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"АдресСервера\", \"{address}\"))"));
    }

    /// Runs statements as this user; what the user was shown.
    pub fn act_as(&self, user: User, statements: &str) -> Result<Vec<String>, String> {
        let acted = self.shop.run(user, |vm, session| {
            step(vm, session, statements)?;
            Ok(session.messages())
        });
        acted.map_err(|error| error.to_string())
    }

    pub fn act(&self, statements: &str) -> Vec<String> {
        self.act_as(User::administrator(), statements).unwrap_or_else(|error| panic!("{error}\n{statements}"))
    }

    /// Runs statements in a session whose computer is so much ahead of universal time.
    pub fn act_in_zone(&self, zone: Duration, statements: &str) {
        self.act_with_clock(Duration::zero(), zone, statements);
    }

    /// Runs statements in a session whose clock is so much ahead of the right time, and in this time zone.
    pub fn act_with_clock(&self, ahead: Duration, zone: Duration, statements: &str) {
        let acted = self.shop.run(User::administrator(), |vm, session| {
            let id = session.id();
            self.shop.infobase(|base| base.set_session_clock(id, ahead, zone)).unwrap();
            step(vm, session, statements).map(|_| ())
        });
        acted.unwrap_or_else(|error| panic!("{error}\n{statements}"));
    }

    /// The text of an expression's value.
    pub fn ask(&self, expression: &str) -> String {
        let asked = self.shop.run(User::administrator(), |vm, session| {
            Ok(step(vm, session, &format!("Возврат {expression}"))?.text().to_string())
        });
        asked.unwrap_or_else(|error| panic!("{error}\n{expression}"))
    }

    /// Runs the body of a function as this user; the text of what it returns.
    pub fn run_as(&self, user: User, body: &str) -> Result<String, String> {
        let done = self.shop.run(user, |vm, session| Ok(step(vm, session, body)?.text().to_string()));
        done.map_err(|error| error.to_string())
    }

    /// The same with all rights.
    pub fn run(&self, body: &str) -> String {
        self.run_as(User::administrator(), body).unwrap_or_else(|error| panic!("{error}\n{body}"))
    }

    pub fn new_card(&self, name: &str, phone: &str) {
        self.act(&format!("НоваяКарта(\"{name}\", \"{phone}\")"));
    }

    /// A card that the service has already, with its id in the register.
    pub fn sent_card(&self, name: &str, phone: &str) -> Card {
        self.new_card(name, phone);
        self.job();
        self.served(name).unwrap_or_else(|| panic!("{name}: {:#?}", self.log()))
    }

    pub fn sell(&self, name: &str, points: i64) {
        self.act(&format!("Продать(\"{name}\", {points})"));
    }

    pub fn job(&self) {
        self.shop.run_job(JOB).unwrap_or_else(|error| panic!("{error}"));
    }

    /// The job begins: what handlers have marked becomes records of the queue.
    pub fn take_marks(&self) {
        self.act("ОчередьPassteam.РазобратьОтметки(ТекущаяУниверсальнаяДата())");
    }

    pub fn night(&self) {
        self.shop.run_job(NIGHTLY_JOB).unwrap_or_else(|error| panic!("{error}"));
    }

    pub fn wait(&self, time: Duration) {
        self.shop.infobase(|base| base.advance(time));
    }

    /// The state of a card's record in the queue.
    pub fn state(&self, name: &str) -> String {
        self.ask(&format!("Состояние(\"{name}\")"))
    }

    /// A field of that record.
    pub fn entry(&self, name: &str, field: &str) -> String {
        self.ask(&format!("ЗаписьОчереди(\"{name}\").{field}"))
    }

    pub fn queued(&self) -> String {
        self.ask("ВОчереди()")
    }

    /// The card's id in the register.
    pub fn id(&self, name: &str) -> String {
        self.ask(&format!("cardId(\"{name}\")"))
    }

    /// The card that the customer of this name has in the service.
    pub fn served(&self, name: &str) -> Option<Card> {
        let cards = self.sandbox.cards();
        let mut of_name = cards.into_iter().filter(|card| card.get("CLIENT_NAME") == Some(name));
        let first = of_name.next();
        assert_eq!(of_name.count(), 0, "{name} has one card");
        first
    }

    /// How many requests of this method the service got.
    pub fn requests(&self, method: &str) -> usize {
        self.sandbox.requests().iter().filter(|request| request.method == method).count()
    }

    /// The points that the card with this base card's id shows.
    pub fn shown(&self, name: &str) -> String {
        let id = self.id(name);
        let cards = self.sandbox.cards();
        let card = cards.iter().find(|card| card.id == id);
        let card = card.unwrap_or_else(|| panic!("{name} has a card: {:#?}", self.log()));
        card.get("BONUS").unwrap_or_default().to_owned()
    }

    /// Names of the cards that stand in the queue, by `,`.
    pub fn queue(&self) -> String {
        self.ask("Очередь()")
    }

    /// `Имя=Значение` of a variable of each card that the service has, in the order of names.
    pub fn everybody(&self, variable: &str) -> String {
        let text = |card: &Card, name: &str| card.get(name).unwrap_or_default().to_owned();
        let cards = self.sandbox.cards();
        let mut pairs: Vec<_> =
            cards.iter().map(|card| format!("{}={}", text(card, "CLIENT_NAME"), text(card, variable))).collect();
        pairs.sort();
        pairs.join(" ")
    }

    /// The points of each card that the service has.
    pub fn balances(&self) -> String {
        self.everybody("BONUS")
    }

    /// Errors and warnings of the event log.
    pub fn log(&self) -> Vec<String> {
        self.logged(|level| matches!(level, LogLevel::Error | LogLevel::Warning))
    }

    /// The event log's comments of some levels.
    pub fn logged(&self, wanted: impl Fn(LogLevel) -> bool) -> Vec<String> {
        let comment = |entry: &infobase::LogEntry| wanted(entry.level).then(|| entry.comment.clone());
        self.shop.infobase(|base| base.log().iter().filter_map(comment).collect())
    }

    /// Something happens just before the next call of the platform whose name begins so.
    pub fn before(&self, call: &str, event: impl FnOnce(&Story) + Send + 'static) {
        let story = self.clone();
        self.watched.moments.next(call, Moment::Event(Box::new(move || event(&story))));
    }

    /// Requests that went out inside a transaction. Whoever takes none of them fails when the story ends.
    pub fn take_nested(&self) -> Vec<String> {
        self.watched.take_nested()
    }

    /// How often a session has waited in vain for a lock that another one keeps.
    pub fn waits(&self) -> usize {
        self.watched.waits.load(Relaxed)
    }

    /// Is told of every call of the platform from now on.
    pub fn watch(&self, watcher: impl Fn(&Shop, SessionId, &str) + Send + 'static) {
        let shop = Arc::downgrade(&self.shop);
        let watcher: Watcher = Box::new(move |session, call| {
            if let Some(shop) = shop.upgrade() {
                watcher(&shop, session, call);
            }
        });
        *self.watched.watcher.lock().unwrap_or_else(PoisonError::into_inner) = Some(watcher);
    }

    /// Just before the next call of the platform by this name another session locks a space; what it returns is closed to
    /// release it.
    pub fn lock_before(&self, call: &str, space: &'static str) -> Arc<Mutex<Option<SessionId>>> {
        let holder = Arc::new(Mutex::new(None));
        let kept = holder.clone();
        self.before(call, move |story| {
            let session = story.shop.infobase(|base| {
                let session = base.open_session(User::administrator());
                base.begin(session, Some(TransactionMode::Managed)).unwrap();
                base.lock(session, &[LockItem::exclusive(space)]).unwrap();
                session
            });
            *kept.lock().unwrap() = Some(session);
        });
        holder
    }

    /// The session that next makes a call of the platform whose name begins so ends there, as in a crash.
    pub fn crash_before(&self, call: &str) {
        self.watched.moments.next(call, Moment::Crash);
    }
}

/// Runs statements or a function's body in the story.
fn step(vm: &mut Vm, session: &Session, body: &str) -> Res<Value> {
    let text = format!("{STORY}\nФункция Шаг() Экспорт\n{body};\nКонецФункции");
    session.run_text(vm, &text, Some("Шаг"), &mut [])
}

/// A cashier: sells, and sees neither queue nor settings.
pub fn cashier() -> User {
    let read = ["Справочник.ИнформационныеКарты", "РегистрНакопления.БонусныеБаллы", "Документ.ЧекККМ"];
    let user = read.iter().fold(User::limited("Кассир"), |user, object| user.grant(object, Right::Read));
    user.grant("РегистрНакопления.БонусныеБаллы", Right::Update).grant("Документ.ЧекККМ", Right::Update)
}

/// [`Moments`], and somebody who is told of every call.
#[derive(Default)]
struct Watched {
    shop: OnceLock<Weak<Shop>>,
    /// See [`Story::take_nested`].
    nested: Mutex<Vec<String>>,
    moments: Moments,
    /// See [`Story::waits`].
    waits: AtomicUsize,
    watcher: Mutex<Option<Watcher>>,
}

type Watcher = Box<dyn Fn(SessionId, &str) + Send>;

impl Watched {
    fn take_nested(&self) -> Vec<String> {
        std::mem::take(&mut *self.nested.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note_if_nested(&self, session: SessionId, call: &str) {
        let Some(shop) = self.shop.get().and_then(Weak::upgrade) else { return };
        if shop.infobase(|base| base.in_transaction(session)).unwrap_or(false) {
            self.nested.lock().unwrap_or_else(PoisonError::into_inner).push(call.to_owned());
        }
    }
}

impl Scheduler for Watched {
    fn point(&self, session: SessionId, call: &str) -> Turn {
        if NETWORK.contains(&call) {
            self.note_if_nested(session, call);
        }
        if let Some(watcher) = &*self.watcher.lock().unwrap_or_else(PoisonError::into_inner) {
            watcher(session, call);
        }
        self.moments.point(session, call)
    }

    fn wait(&self, session: SessionId, holders: &[SessionId]) -> Wait {
        let end = self.moments.wait(session, holders);
        if let (Wait::TimedOut, Some(shop)) = (&end, self.shop.get().and_then(Weak::upgrade)) {
            self.waits.fetch_add(1, Relaxed);
            shop.infobase(|base| base.advance(LOCK_TIMEOUT));
        }
        end
    }
}
