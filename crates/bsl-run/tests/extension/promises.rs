//! What the queue promises whatever happens: locks, transactions, and the button beside the job.

use std::sync::{Arc, Mutex, PoisonError};

use infobase::metadata::declared::Variant;
use infobase::{SessionId, User};
use passteam_sandbox::Fault;

use crate::stage::untouched;
use crate::story::{JOB, Story, changed};

/// Releases what [`Story::lock_before`] has locked; whether it was.
fn release(story: &Story, holder: &Mutex<Option<SessionId>>) -> bool {
    let holder = holder.lock().unwrap_or_else(PoisonError::into_inner).take();
    holder.is_some_and(|holder| story.shop.infobase(|base| base.close_session(holder)).is_ok())
}

const ANNA: &str = "НоваяКарта(\"Анна\", \"+79161234567\")";

/// Every story fails at its end if a request went out inside a transaction: here one does.
#[test]
fn a_request_inside_a_transaction_is_noticed() {
    let call = "	Ответ = Запуск.Компонента.UpdateCards(";
    let inside = "	НачатьТранзакцию();\n	Ответ = Запуск.Компонента.UpdateCards(";
    let texts = changed(&[("CommonModules/ОчередьPassteam/Ext/Module.bsl", call, inside)]);
    let story = Story::with(&untouched(), texts);
    story.act("СервисПуст()");
    story.act(ANNA);
    story.job();
    assert_eq!(story.take_nested(), Vec::<String>::new());
    story.act("Движение(\"Анна\", 10)");
    let _ = story.shop.run_job(JOB);
    assert_eq!(story.take_nested(), ["UpdateCards"]);
}

/// Two sessions that lock their cards one after another, in different orders, would wait for each other.
#[test]
fn a_handler_locks_no_card_and_writes_its_marks_at_once() {
    let story = Story::new();
    story.act("Для Номер = 1 По 5 Цикл НоваяКарта(\"К\" + Номер); КонецЦикла");
    let calls: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = calls.clone();
    story.watch(move |_, _, call| noted.lock().unwrap().push(call.to_owned()));
    story.act(
        r#"Набор = РегистрыНакопления.БонусныеБаллы.СоздатьНаборЗаписей();
		Набор.Отбор.Регистратор.Установить(Документы.КорректировкаРегистров.ПолучитьСсылку());
		Для Номер = 1 По 5 Цикл
			Запись = Набор.ДобавитьПриход();
			Запись.ДисконтнаяКарта = Карта("К" + (6 - Номер));
			Запись.Начислено = 1;
		КонецЦикла;
		Набор.Записать()"#,
    );
    let calls = calls.lock().unwrap();
    let of = |name: &str| calls.iter().filter(|call| *call == name).count();
    // The points themselves, and the marks.
    assert_eq!((of("БлокировкаДанных.Заблокировать"), of("Запись набора")), (0, 2), "{calls:?}");
}

/// The id of a card that was just made must not be lost with a lock that was not granted.
#[test]
fn an_id_that_cannot_be_stored_stands_in_the_log_and_its_record_waits_for_a_person() {
    let story = Story::new();
    story.act(ANNA);
    let holder = story.lock_before("CreateCards", "РегистрСведений.КартыPassteam");
    story.job();
    assert!(release(&story, &holder), "the lock was taken while the request was under way");
    let id = story.sandbox.cards()[0].id.clone();
    assert!(story.log().iter().any(|comment| comment.contains(&id)), "{:?}", story.log());
    assert_eq!(story.state("Анна"), "СозданиеНачато");
    story.job();
    assert_eq!(story.sandbox.cards().len(), 1, "not created twice");
    story.wait(chrono::Duration::days(1));
    story.job();
    assert_eq!(story.sandbox.cards().len(), 1);
    assert_eq!(story.state("Анна"), "ТребуетРешения");
    assert_eq!(story.ask(&format!("Внести(\"Анна\", \"{id}\")")), "Да");
    story.job();
    assert_eq!((story.queue(), story.id("Анна")), (String::new(), id));
}

/// Whatever the handler cannot do, the nightly job finds.
#[test]
fn a_handler_that_gets_no_lock_raises_nothing_of_its_own() {
    let story = Story::new();
    story.act(ANNA);
    story.job();
    let holder = story.lock_before("Запись набора", "РегистрСведений.ОтметкиPassteam");
    let sold = story.act_as(User::administrator(), "Движение(\"Анна\", 10)");
    assert!(release(&story, &holder));
    // A lock that timed out may have doomed the sale's transaction: that is the platform's own exception.
    if let Err(error) = sold {
        assert!(error.contains("В данной транзакции уже происходили ошибки"), "{error}");
    }
}

#[test]
fn a_record_that_a_sale_holds_delays_nothing_for_good() {
    let story = Story::new();
    story.act("Для Номер = 1 По 4 Цикл НоваяКарта(\"К\" + Номер, \"+7916123450\" + Номер); КонецЦикла");
    story.job();
    story.act("Для Номер = 1 По 4 Цикл Движение(\"К\" + Номер, Номер); КонецЦикла");
    let all = "К1=1 К2=2 К3=3 К4=4";
    let holder = story.lock_before("БлокировкаДанных.Заблокировать", "РегистрСведений.ОчередьPassteam");
    story.job();
    assert!(release(&story, &holder));
    assert_ne!(story.balances(), all);
    story.job();
    assert_eq!(story.balances(), all);
    assert_eq!(story.queue(), "");
}

/// What is not settled of the platform must not matter: whether a lock that timed out dooms the transaction, whether locks
/// count in an automatic one. In a file base a sale must not wait for the network.
#[test]
fn a_day_ends_well_whatever_the_platform_does_with_locks() {
    for settings in 0..8 {
        let is_set = |bit: u32| settings & (1 << bit) != 0;
        let variant = Variant { file_base: is_set(0), mixed_lock_mode: !is_set(0), ..untouched() };
        let story = Story::settled(&variant, |settings| {
            settings.lock_timeout_fails_transaction = is_set(1);
            settings.data_locks_in_automatic = is_set(2);
        });
        story.act("НоваяКарта(\"Анна\", \"+79160000001\"); НоваяКарта(\"Мария\", \"+79160000002\")");
        story.before("CreateCards", |story| story.act("Движение(\"Мария\", 1)").clear());
        story.job();
        story.act("Движение(\"Анна\", 10)");
        story.before("UpdateCards", |story| story.act("Движение(\"Анна\", 5); Движение(\"Мария\", 2)").clear());
        story.job();
        // Nobody writes beside the other in a file base: there a lock in another session would only hold the job up.
        if !variant.file_base {
            story.act("Движение(\"Мария\", 4)");
            let holder = story.lock_before("UpdateCards", "РегистрСведений.ОчередьPassteam");
            story.job();
            assert!(release(&story, &holder));
            story.wait(chrono::Duration::hours(2));
            story.act("Движение(\"Мария\", 1)");
        } else {
            story.act("Движение(\"Мария\", 5)");
        }
        story.act("ВтораяКарта(\"Новая\", \"Анна\"); Заменить(\"Анна\", \"Новая\")");
        story.job();
        story.night();
        story.job();
        assert_eq!(story.balances(), "Анна=15 Мария=8", "{settings}: {:?}", story.log());
        assert_eq!(story.queue(), "", "{settings}");
    }
}

#[test]
fn the_button_sends_one_card_and_gives_way_to_a_job() {
    let story = Story::new();
    story.act("НоваяКарта(\"Анна\", \"+79161234567\"); НоваяКарта(\"Мария\", \"+79161234568\")");
    story.run("Возврат ОчередьPassteam.ОбновитьСейчас(Карта(\"Мария\"));");
    assert_eq!(story.sandbox.cards().len(), 1);
    assert_eq!(story.queue(), "Анна");
    let busy = story
        .shop
        .run(User::administrator(), |vm, session| {
            session.call_module(vm, "ОчередьPassteam", "ЗанятьОчередь", &mut [])?;
            Ok(story.run("Возврат ОчередьPassteam.ОбновитьСейчас(Карта(\"Анна\"));"))
        })
        .unwrap();
    assert!(busy.contains("задание"), "{busy}");
    assert_eq!(story.sandbox.cards().len(), 1);
    story.job();
    assert_eq!(story.sandbox.cards().len(), 2);
}

/// Updates do not wait behind creations, and what the service refuses for good waits for a person.
#[test]
fn balances_go_out_before_new_cards() {
    let story = Story::new();
    story.act(ANNA);
    story.job();
    story.act(
        r#"НоваяКарта("Мария", "+79161234568");
		НоваяКарта("Двойник", "+79161234567");
		Движение("Анна", 10)"#,
    );
    story.sandbox.clear_requests();
    story.job();
    let methods: Vec<_> = story.sandbox.requests().iter().map(|request| request.method.clone()).collect();
    let first_creation = methods.iter().position(|method| method == "createcard").unwrap();
    let update = methods.iter().position(|method| method == "updatecard").unwrap();
    assert!(update < first_creation, "{methods:?}");
    assert_eq!(story.state("Двойник"), "ТребуетРешения");
    assert_eq!(story.entry("Двойник", "ВидОшибки").trim(), "Duplicate");
    assert_eq!(story.balances(), "Анна=10 Мария=0");
    // Corrected data go out by themselves.
    story.act(
        r#"Человек = Карта("Двойник").ВладелецКарты.ПолучитьОбъект();
		Человек.КонтактнаяИнформация[0].НомерТелефона = "+79161234569";
		Человек.Записать()"#,
    );
    story.job();
    assert_eq!(story.balances(), "Анна=10 Двойник=0 Мария=0");
}

#[test]
fn an_outage_takes_nothing_away() {
    let story = Story::new();
    story.act(ANNA);
    story.job();
    story.act("Движение(\"Анна\", 10); НоваяКарта(\"Мария\", \"+79161234568\")");
    for _ in 0..8 {
        story.sandbox.push_fault(Fault::of("updatecard").status(503));
        story.sandbox.push_fault(Fault::of("gettemplates").status(503));
    }
    story.job();
    assert_eq!(story.queue(), "Анна,Мария");
    story.sandbox.clear_faults();
    for _ in 0..3 {
        story.wait(chrono::Duration::hours(2));
        story.job();
    }
    assert_eq!(story.balances(), "Анна=10 Мария=0");
    assert_eq!(story.queue(), "");
}

#[test]
fn a_marked_card_and_a_card_that_is_gone_leave_the_queue() {
    let story = Story::new();
    story.act(ANNA);
    story.job();
    story.act(
        r#"Движение("Анна", 10);
		Объект = Карта("Анна").ПолучитьОбъект();
		Объект.УстановитьПометкуУдаления(Истина);
		Ушедшая = КартаВладельца("Ушедшая");
		Ушедшая.ПолучитьОбъект().Удалить();
		НачатьТранзакцию();
		ОчередьPassteam.ПоставитьВОчередь(ИнтеграцияPassteam.МассивСоЗначением(Ушедшая), Истина);
		ЗафиксироватьТранзакцию()"#,
    );
    story.job();
    assert_eq!(story.queue(), "");
    assert_eq!(story.log(), Vec::<String>::new());
}
