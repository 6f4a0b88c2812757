//! Whose turn it is: balances before new cards, locks that others hold, clocks that differ, and a job that finds nothing.

use std::sync::{Arc, Mutex};

use bsl_run::platform::Shop;
use chrono::Duration;
use infobase::metadata::declared::{Ssl, Variant};
use infobase::{Datum, LockItem, SessionId, TransactionMode, User};
use passteam_sandbox::RecordedRequest;

use crate::stage::untouched;
use crate::story::{JOB, Story};

/// Calls of the platform that ask the database.
const STATEMENTS: [&str; 6] =
    ["Запрос.Выполнить", "Запрос.ВыполнитьПакет", "Прочитать", "ПолучитьОбъект", "Безопасное хранилище", "Записать"];

fn new_cards(story: &Story, from: usize, to: usize) {
    story.act(&format!(
        "Для Номер = {from} По {to} Цикл НоваяКарта(\"К\" + Номер, \"+791600000\" + (10 + Номер)); КонецЦикла"
    ));
}

/// Another session begins a transaction that holds this card's record.
pub fn hold(story: &Story, name: &str) -> SessionId {
    hold_in(story, "РегистрСведений.ОчередьPassteam", "Карта", name)
}

/// The same for what this card is in another lock space.
pub fn hold_in(story: &Story, space: &'static str, field: &'static str, name: &str) -> SessionId {
    let id = story.ask(&format!("Строка(Карта(\"{name}\").УникальныйИдентификатор())"));
    let card = infobase::Reference {
        object: "Справочник.ИнформационныеКарты".into(), id: id.parse().unwrap()
    };
    story.shop.infobase(|base| {
        let session = base.open_session(User::administrator());
        base.begin(session, Some(TransactionMode::Managed)).unwrap();
        let item = LockItem::exclusive(space).with(field, Datum::Ref(card));
        base.lock(session, &[item]).unwrap();
        session
    })
}

/// Counts from now on the waits for a lock that another session keeps.
pub fn count_waits(story: &Story) -> impl Fn() -> usize {
    let before = story.waits();
    move || story.waits() - before
}

/// This happens from now on where a transaction ends because another one holds a lock.
pub fn at_each_wait(story: &Story, event: impl Fn(&Shop) + Send + 'static) {
    story.watch(move |shop, session, call| {
        if call == "ОтменитьТранзакцию" && shop.infobase(|base| base.transaction_failed(session).unwrap_or(false))
        {
            event(shop);
        }
    });
}

pub fn release(story: &Story, session: SessionId) {
    story.shop.infobase(|base| base.close_session(session)).unwrap();
}

#[test]
fn creations_have_half_of_a_run_and_a_sale_passes_between_their_portions() {
    let story = Story::new();
    story.sent_card("Анна", "9161110001");
    new_cards(&story, 1, 45);
    story.sandbox.clear_requests();
    // A slow service: a portion of creations takes 100 seconds. Meanwhile somebody buys.
    story.watch(|shop, _, call| {
        if call == "CreateCards" {
            shop.infobase(|base| base.advance(Duration::seconds(100)));
        }
    });
    story.before("CreateCards", |story| story.sell("Анна", 7));
    story.job();
    let methods: Vec<_> = story.sandbox.requests().iter().map(|request| request.method.clone()).collect();
    let created = methods.iter().filter(|method| *method == "createcard").count();
    assert_eq!(created, 40, "200 of 300 seconds are more than half: {methods:?}");
    let update = methods.iter().position(|method| method == "updatecard").unwrap();
    let before = methods[..update].iter().filter(|method| *method == "createcard").count();
    assert_eq!(before, 20, "{methods:?}");
    assert_eq!(story.shown("Анна"), "7");
    story.job();
    assert_eq!(story.queued(), "0");
}

/// Whoever was queued first goes first, and what was not sent keeps its place.
#[test]
fn cards_go_in_the_order_of_their_turn() {
    let story = Story::new();
    for number in 1..=21 {
        new_cards(&story, number, number);
        story.wait(Duration::seconds(1));
    }
    story.watch(|shop, _, call| {
        if call == "CreateCards" {
            shop.infobase(|base| base.advance(Duration::seconds(200)));
        }
    });
    story.job();
    assert_eq!(story.queue(), "К21");
}

/// How many requests by this method had come before the one about this customer.
fn before(story: &Story, method: &str, name: &str) -> usize {
    let requests = story.sandbox.requests();
    let of_method = requests.iter().filter(|request| request.method == method);
    let is_about = |request: &RecordedRequest| request.form.iter().any(|(_, value)| value.contains(name));
    of_method.take_while(|request| !is_about(request)).count()
}

/// Whoever has waited longest goes first within a portion too, in whatever order the platform enumerates a map.
#[test]
fn cards_of_one_portion_go_in_the_order_of_their_turn() {
    for maps_backwards in [false, true] {
        let story = Story::settled(&untouched(), |settings| settings.maps_backwards = maps_backwards);
        let one_by_one = |step: &str| {
            for number in 10..30 {
                story.act(&step.replace('#', &number.to_string()));
                story.wait(Duration::seconds(1));
            }
            story.sandbox.clear_requests();
            story.job();
        };
        one_by_one("НоваяКарта(\"К#\", \"+791600000#\")");
        // Four requests are under way at once.
        assert!(before(&story, "createcard", "К29") >= 16, "{maps_backwards}");
        one_by_one("Движение(\"К#\", 1)");
        assert!(before(&story, "updatecard", "К29") >= 16, "{maps_backwards}");
    }
}

/// A long transaction holds one card: the run that meets it leaves the rest to the next one, which is not held up again.
#[test]
fn a_held_record_delays_the_rest_for_one_run_only() {
    let story = Story::new();
    new_cards(&story, 1, 4);
    story.job();
    for number in 1..=4 {
        story.act(&format!("Движение(\"К{number}\", 1)"));
        story.take_marks();
        story.wait(Duration::seconds(1));
    }
    let holder = hold(&story, "К2");
    let waits = count_waits(&story);
    story.job();
    assert_eq!(story.balances(), "К1=1 К2=0 К3=0 К4=0");
    story.job();
    assert_eq!(story.balances(), "К1=1 К2=0 К3=1 К4=1");
    assert_eq!(waits(), 2, "one wait a run");
    release(&story, holder);
    story.job();
    assert_eq!(story.balances(), "К1=1 К2=1 К3=1 К4=1");
    assert_eq!(story.ask("ИнтеграцияPassteam.ЗначениеНастройки(\"ЗанятаяКарта\")"), "");
}

/// A chain of shops as one owner of fifty cards, and a customer. No card is created: nobody has said what the service holds.
fn with_a_large_owner() -> Story {
    let story = Story::just_installed(&untouched());
    story.act(
        r#"ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь);
		Сеть = НовыйЧеловек("Сеть");
		Для Номер = 1 По 50 Цикл КартаВладельца("С" + Номер, Сеть); КонецЦикла;
		НоваяКарта("Борис", "+79161234567");
		ИнтеграцияPassteam.УстановитьВедениеКарт(Истина);
		Сеть.ПолучитьОбъект().Записать()"#,
    );
    story.wait(Duration::seconds(1));
    story.act("Карта(\"Борис\").ВладелецКарты.ПолучитьОбъект().Записать()");
    story
}

/// The owners whose cards are still to be queued.
fn changed_owners(story: &Story) -> String {
    story.run(
        r#"Запрос = Новый Запрос("ВЫБРАТЬ В.Владелец.Наименование КАК Имя ИЗ РегистрСведений.ВладельцыPassteam КАК В
			|УПОРЯДОЧИТЬ ПО Имя");
		Возврат СтрСоединить(Запрос.Выполнить().Выгрузить().ВыгрузитьКолонку("Имя"), ",")"#,
    )
}

#[test]
fn a_held_card_of_a_large_owner_holds_up_no_other_owner_and_none_of_its_cards_twice() {
    let story = with_a_large_owner();
    let middle = story.run(
        r#"Список = Новый СписокЗначений;
		Для Номер = 1 По 50 Цикл
			Список.Добавить(Строка(Карта("С" + Номер).УникальныйИдентификатор()), "С" + Номер);
		КонецЦикла;
		Список.СортироватьПоЗначению();
		Возврат Список[24].Представление"#,
    );
    let holder = hold(&story, &middle);
    story.job();
    assert_eq!((story.queued().as_str(), changed_owners(&story).as_str()), ("20", "Борис,Сеть"));
    story.job();
    assert_eq!((story.queued().as_str(), changed_owners(&story).as_str()), ("21", "Сеть"));
    release(&story, holder);
    let portions: Arc<Mutex<usize>> = Arc::default();
    let counted = portions.clone();
    story.watch(move |_, _, call| *counted.lock().unwrap() += usize::from(call == "ЗафиксироватьТранзакцию"));
    story.job();
    assert_eq!((story.queued().as_str(), changed_owners(&story).as_str()), ("51", ""));
    assert_eq!(*portions.lock().unwrap(), 2, "twenty cards and ten");
}

/// Balances have the other half.
#[test]
fn a_large_owner_has_half_of_a_run() {
    let story = with_a_large_owner();
    story.watch(|shop, _, call| {
        if call == "ЗафиксироватьТранзакцию" {
            shop.infobase(|base| base.advance(Duration::seconds(100)));
        }
    });
    story.job();
    assert_eq!((story.queued().as_str(), changed_owners(&story).as_str()), ("40", "Борис,Сеть"));
    story.job();
    assert_eq!((story.queued().as_str(), changed_owners(&story).as_str()), ("51", ""));
    // Somebody has written the owner again: all cards are queued anew.
    story.act("Опустошить(\"ОчередьPassteam\"); Карта(\"С1\").ВладелецКарты.ПолучитьОбъект().Записать()");
    story.job();
    story.job();
    assert_eq!(story.queued(), "50");
}

/// The job starts every minute.
#[test]
fn a_job_that_finds_nothing_asks_the_database_next_to_nothing() {
    for ssl in [Ssl::V3_1_12, Ssl::Absent] {
        let story = Story::of(&Variant { ssl, ..untouched() });
        story.sent_card("Анна", "9161110001");
        story.sandbox.clear_requests();
        let calls: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = calls.clone();
        story.watch(move |_, _, call| noted.lock().unwrap().push(call.to_owned()));
        story.job();
        let calls = calls.lock().unwrap();
        let statements = calls.iter().filter(|call| STATEMENTS.contains(&call.as_str())).count();
        // Without the library each of the six settings of a connection is a query, and they are read twice.
        let most = if ssl == Ssl::Absent { 20 } else { 10 };
        assert!((1..=most).contains(&statements), "{calls:?}");
        assert!(!calls.iter().any(|call| call == "НачатьТранзакцию" || call == "Новый AddIn"), "{calls:?}");
        assert!(story.sandbox.requests().is_empty());
    }
}

/// Servers of one cluster: a sale on the one that is seven minutes ahead, a job on the one that is behind.
#[test]
fn clocks_that_differ_lose_nothing() {
    let story = Story::new();
    story.sent_card("Анна", "9161110001");
    let skewed = |minutes: i64, body: &str| {
        let done = story.shop.run(User::administrator(), |vm, session| {
            let skew = Duration::minutes(minutes);
            story.shop.infobase(|base| base.set_session_clock(session.id(), skew, Duration::zero())).unwrap();
            session
                .run_text(vm, &format!("Процедура П() Экспорт\n{body}\nКонецПроцедуры"), Some("П"), &mut [])
                .map(|_| ())
        });
        done.unwrap_or_else(|error| panic!("{error}"));
    };
    let job = "ОчередьPassteam.ОбработатьОчередь();";
    let mark = "НачатьТранзакцию();
		Карты = Новый Массив;
		Карты.Добавить(Справочники.ИнформационныеКарты.НайтиПоНаименованию(\"Анна\"));
		ОчередьPassteam.ОтметитьКарты(Карты, Ложь);
		ЗафиксироватьТранзакцию();";
    story.sell("Анна", 1);
    story.act("Опустошить(\"ОтметкиPassteam\")");
    skewed(7, mark);
    skewed(-7, job);
    // For the job the sale lies in the future; its time comes.
    assert_eq!((story.queue().as_str(), story.shown("Анна").as_str()), ("", "0"));
    story.wait(Duration::minutes(8));
    skewed(-7, job);
    assert_eq!((story.queue().as_str(), story.shown("Анна").as_str()), ("", "1"));
    // A job dies on the one that is behind; the next one, ahead, waits until its request can no longer arrive.
    story.sell("Анна", 1);
    story.wait(Duration::minutes(3));
    story.crash_before("UpdateCards");
    let crashed = story.shop.run(User::administrator(), |vm, session| {
        let skew = Duration::minutes(-3);
        story.shop.infobase(|base| base.set_session_clock(session.id(), skew, Duration::zero())).unwrap();
        session.call_module(vm, "ОчередьPassteam", "ОбработатьОчередь", &mut []).map(|_| ())
    });
    assert!(crashed.is_err());
    story.wait(Duration::minutes(2));
    skewed(0, job);
    assert_eq!(story.shown("Анна"), "1", "taken by a job that may still be sending");
    story.wait(Duration::minutes(4));
    skewed(0, job);
    assert_eq!(story.shown("Анна"), "2");
}

/// A crash holds a card, and with it a later sale, for minutes and not for hours.
#[test]
fn a_crash_holds_a_card_for_minutes() {
    let story = Story::new();
    story.sent_card("Анна", "9161110001");
    story.sell("Анна", 1);
    story.crash_before("UpdateCards");
    assert!(story.shop.run_job(JOB).is_err());
    story.sell("Анна", 1);
    story.wait(Duration::minutes(5));
    story.job();
    assert_eq!(story.shown("Анна"), "0", "the dead job's request may still arrive");
    story.wait(Duration::minutes(4));
    story.job();
    assert_eq!(story.shown("Анна"), "2");
}

#[test]
fn what_has_no_card_in_the_service_does_no_harm() {
    let story = Story::new();
    story.act(
        r#"Группа = Справочники.ИнформационныеКарты.СоздатьГруппу();
		Группа.Наименование = "Группа";
		Группа.Записать();
		Карта = ЗаполненнаяКарта("В группе", НовыйЧеловек("В группе", "+79160000001"));
		Карта.Родитель = Группа.Ссылка;
		Карта.Записать();
		КартаВладельца("Без владельца");
		КартаВладельца("Пустой владелец", Справочники.ФизическиеЛица.ПустаяСсылка());
		Человек = НовыйЧеловек("Помеченный", "+79160000002").ПолучитьОбъект();
		Человек.Записать();
		КартаВладельца("Карта помеченного", Человек.Ссылка);
		Человек.УстановитьПометкуУдаления(Истина);
		Ушедший = НовыйЧеловек("Ушедший", "+79160000003");
		КартаВладельца("Карта ушедшего", Ушедший);
		Ушедший.ПолучитьОбъект().Удалить();
		НачатьТранзакцию();
		Карты = Новый Массив;
		Карты.Добавить(Группа.Ссылка);
		Карты.Добавить(Справочники.ИнформационныеКарты.ПустаяСсылка());
		Карты.Добавить(Справочники.ИнформационныеКарты.ПолучитьСсылку());
		ОчередьPassteam.ПоставитьВОчередь(Карты, Истина);
		ОчередьPassteam.ПоставитьВладельца(Справочники.ФизическиеЛица.ПустаяСсылка());
		ЗафиксироватьТранзакцию();
		Движение("В группе", 5)"#,
    );
    story.job();
    story.night();
    story.job();
    assert_eq!(story.shown("В группе"), "5");
    assert!(story.served("Помеченный").is_some(), "the card is the customer's, whatever becomes of the owner's record");
    assert_eq!(story.queue(), "");
    assert_eq!(story.log(), Vec::<String>::new());
}

/// Nothing is sent that the service cannot make, and nobody is bothered, until somebody enters the phone.
#[test]
fn a_card_without_the_unique_variable_waits_for_it_outside_the_queue() {
    let story = Story::new();
    story.new_card("Без телефона", "");
    story.job();
    story.night();
    assert_eq!(story.queue(), "");
    assert!(!story.sandbox.requests().iter().any(|request| request.method == "createcard"));
    story.act(
        r#"Человек = Карта("Без телефона").ВладелецКарты.ПолучитьОбъект();
		ДобавитьТелефон(Человек, "+79160000001");
		Человек.Записать()"#,
    );
    story.job();
    assert!(story.served("Без телефона").is_some());
    assert_eq!(story.queue(), "");
}

/// A variable's source that nobody knows concerns the setting, and a value that cannot be told its card alone.
#[test]
fn variables_that_cannot_be_told_stop_no_other_card() {
    let story = Story::new();
    new_cards(&story, 1, 5);
    story.job();
    let variable = |source: &str, value: &str| {
        story.act(&format!(
            r#"Запись = РегистрыСведений.ПеременныеPassteam.СоздатьМенеджерЗаписи();
			Запись.Имя = "PHONE";
			Запись.Источник = "Телефон";
			Запись.Записать();
			Запись = РегистрыСведений.ПеременныеPassteam.СоздатьМенеджерЗаписи();
			Запись.Имя = "BONUS";
			Запись.Источник = "{source}";
			Запись.Значение = "{value}";
			Запись.Записать()"#
        ));
    };
    variable("Неведомый", "");
    story.act("Для Номер = 1 По 5 Цикл Движение(\"К\" + Номер, Номер); КонецЦикла");
    story.job();
    assert_eq!(story.queue(), "К1,К2,К3,К4,К5");
    for card in ["К1", "К5"] {
        assert_eq!(story.state(card), "КОтправке", "whoever has set it up wrongly, it was not the card");
    }
    assert!(story.log().iter().any(|text| text.contains("Неведомый")), "{:?}", story.log());
    variable("Баланс", "");
    story.job();
    assert_eq!(story.queue(), "");
    assert_eq!(story.shown("К5"), "5");
}

#[test]
fn the_form_has_todays_figures() {
    let story = Story::new();
    new_cards(&story, 1, 3);
    story.job();
    story.act("Движение(\"К1\", 1); НоваяКарта(\"Двойник\", \"+79160000011\")");
    story.watch(|shop, _, call| {
        if call == "UpdateCards" {
            shop.infobase(|base| base.advance(Duration::seconds(12)));
        }
    });
    story.job();
    let figures = "СтрШаблон(\"%1 %2 %3 %4 %5 %6\", Дня.Отправлено, Дня.Ошибок, Дня.КОтправке, \
                   Дня.СозданиеНачато, Дня.ТребуетРешения, Дня.ВМинуту > 0)";
    let told = |story: &Story| story.run(&format!("Дня = ОчередьPassteam.Итоги(); Возврат {figures}"));
    assert_eq!(told(&story), "4 1 0 0 1 Да");
    story.wait(Duration::days(1));
    assert_eq!(told(&story), "0 0 0 0 1 Нет", "a new day");
}

/// The closing of a shift writes the day's points in one transaction, and tills go on selling to the same customers.
#[test]
fn a_long_transaction_delays_neither_a_sale_to_the_same_card_nor_the_job() {
    let story = Story::new();
    new_cards(&story, 1, 2);
    story.job();
    let closing = story.clone();
    let done = story.shop.run(User::administrator(), |vm, session| {
        let id = session.id();
        closing.shop.infobase(|base| base.begin(id, Some(TransactionMode::Managed))).unwrap();
        let text = "Процедура П() Экспорт
			Набор = РегистрыНакопления.БонусныеБаллы.СоздатьНаборЗаписей();
			Набор.Отбор.Регистратор.Установить(Документы.КорректировкаРегистров.ПолучитьСсылку());
			Для Номер = 1 По 2 Цикл
				Запись = Набор.ДобавитьПриход();
				Запись.Период = ТекущаяДатаСеанса();
				Запись.ДисконтнаяКарта = Справочники.ИнформационныеКарты.НайтиПоНаименованию(\"К\" + Номер);
				Запись.Начислено = 10;
			КонецЦикла;
			Набор.Записать();
			КонецПроцедуры";
        session.run_text(vm, text, Some("П"), &mut [])?;
        closing.sell("К1", 1);
        closing.job();
        assert_eq!(closing.balances(), "К1=1 К2=0", "what is not committed is not there");
        closing.shop.infobase(|base| base.commit(id)).unwrap();
        Ok(())
    });
    done.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(story.log(), Vec::<String>::new());
    story.job();
    assert_eq!((story.balances(), story.queue()), ("К1=11 К2=10".to_owned(), String::new()));
}

/// What a run could not move into the queue because another session held the record, a later one does, even if there is
/// nothing else to do.
#[test]
fn marks_of_a_held_card_are_moved_when_it_is_free() {
    let story = Story::new();
    new_cards(&story, 1, 2);
    story.job();
    let holder = hold(&story, "К1");
    story.act("Движение(\"К2\", 1)");
    story.wait(Duration::seconds(1));
    story.act("Карта(\"К1\").ПолучитьОбъект().Записать()");
    story.job();
    story.act("ОчередьPassteam.ОбновитьСейчас(Карта(\"К2\"))");
    release(&story, holder);
    story.job();
    story.job();
    assert_eq!((story.balances(), story.queue()), ("К1=0 К2=1".to_owned(), String::new()));
}
