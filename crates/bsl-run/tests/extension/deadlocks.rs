//! Sessions that put the same cards into the queue never wait for each other in a circle.
//!
//! Whether one call of `Заблокировать` takes all its locks at once is not settled of the platform: here it takes them one
//! after another, so that their order counts.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use bsl_run::platform::{ModuleTexts, Scheduler, SetUp, Shop, Turn, Wait};
use infobase::{Datum, LockItem, Reference, SessionId, TransactionMode, User};

use crate::stage::{run_as, settled, untouched};
use crate::story::texts;

const QUEUE: &str = "РегистрСведений.ОчередьPassteam";
const CARDS: &str = "Справочник.ИнформационныеКарты";

/// What the two sessions tell the test, which decides who goes on.
enum News {
    /// A session waits for a lock; it goes on when it is told to.
    Waits(mpsc::Sender<()>),
    /// A session has done its work.
    Done(Result<(), String>),
}

/// Asks the test whenever a session waits.
struct Sessions(Mutex<Option<mpsc::Sender<News>>>);

impl Scheduler for Sessions {
    fn point(&self, _: SessionId, _: &str) -> Turn {
        Turn::Go
    }

    fn wait(&self, _: SessionId, _: &[SessionId]) -> Wait {
        let (go_on, told) = mpsc::channel();
        let news = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if news.is_some_and(|news| news.send(News::Waits(go_on)).is_ok()) && told.recv().is_ok() {
            return Wait::Retry;
        }
        Wait::TimedOut
    }
}

/// Puts two cards into the queue, the one that is named first first.
fn queueing(first: &str, second: &str) -> String {
    format!(
        r#"Карты = Новый Массив;
		Для Каждого Имя Из СтрРазделить("{first},{second}", ",") Цикл
			Карты.Добавить(Справочники.ИнформационныеКарты.НайтиПоНаименованию(Имя));
		КонецЦикла;
		НачатьТранзакцию(РежимУправленияБлокировкойДанных.Управляемый);
		ОчередьPassteam.ПоставитьВОчередь(Карты, Ложь);
		ЗафиксироватьТранзакцию();
		Возврат "";"#
    )
}

/// Two sessions queue the same two cards, each in its own order, while somebody holds the second of them; how they end,
/// and the errors of the event log.
fn two_sessions(texts: ModuleTexts) -> (Vec<Result<(), String>>, Vec<String>) {
    let (tell, news) = mpsc::channel();
    let sessions = Arc::new(Sessions(Mutex::new(Some(tell.clone()))));
    let set_up = settled(&untouched(), texts, |settings| settings.data_locks_one_by_one = true);
    let shop = Shop::new(SetUp { scheduler: sessions, ..set_up }).unwrap_or_else(|error| panic!("{error}"));
    let references = [1_u128, 2].map(|number| Reference { object: CARDS.into(), id: uuid::Uuid::from_u128(number) });
    let holder = shop.infobase(|base| {
        let session = base.open_session(User::administrator());
        for (reference, name) in references.iter().zip(["Первая", "Вторая"]) {
            let mut card = base.new_object(reference, false).unwrap();
            card.fields.insert("Наименование".into(), Datum::text(name));
            base.write_object(session, &mut card).unwrap();
        }
        session
    });
    run_as(&shop, User::administrator(), "", "ИнтеграцияPassteam.УстановитьВедениеКарт(Истина); Возврат \"\";")
        .unwrap();
    shop.infobase(|base| {
        base.begin(holder, Some(TransactionMode::Managed)).unwrap();
        let card = Datum::Ref(references[1].clone());
        base.lock(holder, &[LockItem::exclusive(QUEUE).with("Карта", card)]).unwrap();
    });
    let next_wait = || match news.recv().unwrap() {
        News::Waits(go_on) => go_on,
        News::Done(result) => panic!("a session did not wait: {result:?}"),
    };
    let ended = thread::scope(|scope| {
        let session = |first: &'static str, second: &'static str| {
            let (shop, tell) = (shop.clone(), tell.clone());
            scope.spawn(move || {
                let done = run_as(&shop, User::administrator(), "", &queueing(first, second));
                tell.send(News::Done(done.map(|_| ()))).unwrap();
            });
        };
        session("Первая", "Вторая");
        let first = next_wait();
        session("Вторая", "Первая");
        let second = next_wait();
        shop.infobase(|base| base.close_session(holder)).unwrap();
        // The one that came later goes on first; whoever waits again is told to when the other has done something.
        let mut waiting = vec![first, second];
        let mut ended = Vec::new();
        while ended.len() < 2 {
            if let Some(go_on) = waiting.pop() {
                go_on.send(()).unwrap();
            }
            match news.recv().unwrap() {
                News::Waits(go_on) => waiting.insert(0, go_on),
                News::Done(result) => ended.push(result),
            }
        }
        ended
    });
    let errors = shop.infobase(|base| base.log().iter().map(|entry| entry.comment.clone()).collect());
    (ended, errors)
}

#[test]
fn two_sessions_with_the_same_cards_in_opposite_order_both_end() {
    let (ended, log) = two_sessions(texts());
    assert_eq!(ended, [Ok(()), Ok(())], "{log:?}");
    assert_eq!(log, Vec::<String>::new());
}

/// The test would see it.
#[test]
fn cards_that_are_locked_in_the_order_of_the_list_are_a_deadlock() {
    let mut texts = texts();
    let text = texts.get_mut("CommonModules/ОчередьPassteam/Ext/Module.bsl").unwrap();
    let sorting = "	Ключи.СортироватьПоЗначению();\n";
    assert_eq!(text.matches(sorting).count(), 1);
    *text = text.replace(sorting, "");
    let (ended, _) = two_sessions(texts);
    let is_deadlock = |error: &String| error.contains("взаимоблокировк") || error.contains("Deadlock");
    assert!(ended.iter().any(|ended| ended.as_ref().is_err_and(is_deadlock)), "{ended:?}");
}
