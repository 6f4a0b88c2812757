//! Sales at two tills with the same cards never wait for each other in a circle.
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

/// What the two tills tell the test, which decides who goes on.
enum News {
    /// A session waits for a lock; it goes on when it is told to.
    Waits(mpsc::Sender<()>),
    /// A sale has ended.
    Sold(Result<(), String>),
}

/// Asks the test whenever a session waits.
struct Tills(Mutex<Option<mpsc::Sender<News>>>);

impl Scheduler for Tills {
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

/// A receipt with points on two cards, the one that is named first first.
fn sale(first: &str, second: &str) -> String {
    format!(
        r#"Чек = Документы.ЧекККМ.СоздатьДокумент();
		Чек.Дата = ТекущаяДатаСеанса();
		Чек.Записать();
		Набор = РегистрыНакопления.БонусныеБаллы.СоздатьНаборЗаписей();
		Набор.Отбор.Регистратор.Установить(Чек.Ссылка);
		Для Каждого Имя Из СтрРазделить("{first},{second}", ",") Цикл
			Движение = Набор.ДобавитьПриход();
			Движение.Период = Чек.Дата;
			Движение.ДисконтнаяКарта = Справочники.ИнформационныеКарты.НайтиПоНаименованию(Имя);
			Движение.Начислено = 1;
		КонецЦикла;
		Набор.Записать();
		Возврат "";"#
    )
}

/// Two tills sell to the same two cards, each in its own order, while somebody holds the second of them; how the sales end,
/// and the errors of the event log.
fn two_sales(texts: ModuleTexts) -> (Vec<Result<(), String>>, Vec<String>) {
    let (tell, news) = mpsc::channel();
    let tills = Arc::new(Tills(Mutex::new(Some(tell.clone()))));
    let set_up = settled(&untouched(), texts, |settings| settings.data_locks_one_by_one = true);
    let shop = Shop::new(SetUp { scheduler: tills, ..set_up }).unwrap_or_else(|error| panic!("{error}"));
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
        News::Sold(result) => panic!("a till did not wait: {result:?}"),
    };
    let ended = thread::scope(|scope| {
        let till = |first: &'static str, second: &'static str| {
            let (shop, tell) = (shop.clone(), tell.clone());
            scope.spawn(move || {
                let sold = run_as(&shop, User::administrator(), "", &sale(first, second));
                tell.send(News::Sold(sold.map(|_| ()))).unwrap();
            });
        };
        till("Первая", "Вторая");
        let first = next_wait();
        till("Вторая", "Первая");
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
                News::Sold(result) => ended.push(result),
            }
        }
        ended
    });
    let errors = shop.infobase(|base| base.log().iter().map(|entry| entry.comment.clone()).collect());
    (ended, errors)
}

#[test]
fn two_sales_with_the_same_cards_in_opposite_order_both_end() {
    let (ended, log) = two_sales(texts());
    assert_eq!(ended, [Ok(()), Ok(())], "{log:?}");
    assert_eq!(log, Vec::<String>::new());
}

/// The test would see it.
#[test]
fn cards_that_are_locked_in_the_order_of_the_receipt_are_a_deadlock() {
    let mut texts = texts();
    let text = texts.get_mut("CommonModules/ОчередьPassteam/Ext/Module.bsl").unwrap();
    let sorting = "	Ключи.СортироватьПоЗначению();\n";
    assert_eq!(text.matches(sorting).count(), 1);
    *text = text.replace(sorting, "");
    let (_, log) = two_sales(texts);
    assert!(log.iter().any(|comment| comment.contains("взаимоблокировк") || comment.contains("Deadlock")), "{log:?}");
}
