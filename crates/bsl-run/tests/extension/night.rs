//! The nightly job: what the handlers cannot see.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use chrono::Duration;
use infobase::metadata::declared::Variant;
use passteam_sandbox::{Drop, Fault};

use crate::precautions::QUEUE;
use crate::reconciliation::keys;
use crate::stage::untouched;
use crate::story::{JOB, Story, changed};

fn with_anna() -> Story {
    let story = Story::new();
    story.act("НоваяКарта(\"Анна\", \"+79161234567\")");
    story.job();
    story.sandbox.clear_requests();
    story
}

#[test]
fn a_night_without_changes_queues_nothing() {
    let story = Story::new();
    story.sent_card("Анна", "9161110001");
    story.sell("Анна", 70);
    story.job();
    story.night();
    assert_eq!(story.queued(), "0");
}

/// Points whose day has come move no register.
#[test]
fn points_whose_day_has_come_are_sent() {
    let story = Story::new();
    story.sent_card("Анна", "9161110001");
    story.act("Продать(\"Анна\", 500, 0, ТекущаяДатаСеанса() + 3 * 86400)");
    story.job();
    assert_eq!(story.shown("Анна"), "0");
    story.wait(Duration::days(4));
    story.night();
    assert_eq!(story.state("Анна"), "КОтправке");
    story.job();
    assert_eq!(story.shown("Анна"), "500");
}

/// A request reads the balance, then the points' time comes, then the night looks at the card: nobody else sees that time.
/// The job may have stood still for longer than a record is put off.
#[test]
fn a_card_that_is_being_sent_at_that_moment_is_sent_again() {
    for (call, minutes) in [("UpdateCards", 3), ("UpdateCards", 70), ("CreateCards", 3), ("CreateCards", 70)] {
        let story = Story::new();
        if call == "UpdateCards" {
            story.sent_card("Анна", "9161110001");
        } else {
            story.new_card("Анна", "9161110001");
        }
        story.act("Продать(\"Анна\", 500, 0, ТекущаяДатаСеанса() + 400)");
        story.before(call, move |story| {
            story.wait(Duration::minutes(minutes));
            story.night();
        });
        story.job();
        story.job();
        let seen = (story.state("Анна"), story.shown("Анна"));
        assert_eq!(seen, ("нет записи".to_owned(), "500".to_owned()), "{call}, {minutes} min");
    }
}

/// What waits in the queue is read later, and what waits for a person is sent by him.
#[test]
fn a_card_that_waits_is_not_marked_again() {
    let story = Story::new();
    story.new_card("Анна", "9161110001");
    story.new_card("Борис", "9161110002");
    story.take_marks();
    story.act(
        "Запись = ЗаписьОчереди(\"Борис\"); Запись.Состояние = \"ТребуетРешения\";
        Запись.СледующаяПопытка = ТекущаяУниверсальнаяДата() + 300; Запись.Записать()",
    );
    let versions = || [story.entry("Анна", "Версия"), story.entry("Борис", "Версия")];
    let before = versions();
    story.night();
    assert_eq!(versions(), before);
}

#[test]
fn a_card_that_no_handler_saw_is_queued() {
    let story = Story::new();
    story.act("НоваяКарта(\"Анна\", \"9161110001\"); ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь); НоваяКарта(\"Борис\", \"9161110002\"); ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)");
    assert_eq!(story.state("Борис"), "нет записи");
    story.night();
    assert_eq!(story.state("Борис"), "КОтправке");
}

#[test]
fn what_is_taken_for_sending_has_no_fingerprint_until_it_succeeds() {
    let story = Story::new();
    story.sent_card("Анна", "9161110001");
    assert_ne!(story.ask("Отпечаток(\"Анна\")"), "");
    story.sell("Анна", 70);
    story.sandbox.push_fault(Fault::of("updatecard").code(400).message("No."));
    story.job();
    assert_eq!(story.ask("Отпечаток(\"Анна\")"), "");
}

#[test]
fn everything_is_sent_anew_if_a_person_wants_it() {
    let story = Story::new();
    story.sent_card("Анна", "9161110001");
    story.act("КартыPassteam.ОтправитьВсеЗаново(ИнтеграцияPassteam.АдресСервиса())");
    story.night();
    assert_eq!(story.state("Анна"), "КОтправке");
}

#[test]
fn a_card_that_is_right_is_not_sent_again() {
    let story = with_anna();
    story.night();
    assert_eq!(story.queue(), "");
    assert_eq!(story.sandbox.requests().len(), 0);
}

#[test]
fn no_outcome_freezes_a_wrong_balance() {
    let story = with_anna();
    for fault in [Fault::of("updatecard").status(500), Fault::of("updatecard").status(200).body("{")] {
        story.act("Движение(\"Анна\", 10)");
        (0..4).for_each(|_| story.sandbox.push_fault(fault.clone()));
        story.job();
        // The record is lost, as in a restored backup: the fingerprint must not say that the card is right.
        story.act(
            r#"Набор = РегистрыСведений.ОчередьPassteam.СоздатьНаборЗаписей();
			Набор.Записать()"#,
        );
        story.sandbox.clear_faults();
        story.night();
        assert_eq!(story.queue(), "Анна");
        story.job();
        story.wait(chrono::Duration::hours(2));
        story.job();
        assert_eq!(story.queue(), "");
    }
    assert_eq!(story.balances(), "Анна=20");
}

/// The service carried a request out whose answer was lost, then the sale was cancelled: what was sent before is not what
/// the service has now.
#[test]
fn an_answer_that_was_lost_is_not_taken_for_what_was_sent_before() {
    let story = with_anna();
    story.act("Движение(\"Анна\", 10)");
    (0..8).for_each(|_| story.sandbox.push_fault(Fault::of("updatecard").drop_connection(Drop::AfterProcessing)));
    story.job();
    assert_eq!(story.balances(), "Анна=10");
    story.sandbox.clear_faults();
    story.act(
        r#"ИнтеграцияPassteam.ВключитьНастройку("ЭтаБазаВедетКарты", Ложь);
		Движение("Анна", -10);
		ИнтеграцияPassteam.ВключитьНастройку("ЭтаБазаВедетКарты", Истина);
		Набор = РегистрыСведений.ОчередьPassteam.СоздатьНаборЗаписей();
		Набор.Записать()"#,
    );
    story.night();
    assert_eq!(story.queue(), "Анна");
    story.job();
    assert_eq!(story.balances(), "Анна=0");
}

#[test]
fn a_card_of_a_base_that_does_not_keep_the_cards_is_left_alone() {
    let story = with_anna();
    story.act(
        r#"Движение("Анна", 15);
		ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь)"#,
    );
    story.job();
    story.night();
    assert_eq!(story.sandbox.requests().len(), 0);
}

/// A file base that is closed at night checks its cards in the morning, and the cashier works meanwhile.
#[test]
fn a_check_of_many_cards_goes_on_with_the_queues_job() {
    let story = Story::of(&Variant { file_base: true, ..untouched() });
    story.act(
        "ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь); Адрес = ИнтеграцияPassteam.АдресСервиса();
        НачатьТранзакцию();
        Для Номер = 1 По 210 Цикл
            КартыPassteam.ЗаписатьИдентификатор(КартаВладельца(\"К\" + Номер), Адрес, КартыPassteam.НоваяКартаСервиса(\"id\" + Номер));
        КонецЦикла;
        ЗафиксироватьТранзакцию(); ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)",
    );
    story.before("Запрос.ВыполнитьПакет", |story| story.wait(Duration::seconds(16)));
    story.night();
    assert_eq!(story.queued(), "200");
    // The run of the queue is a long one.
    story.before("UpdateCards", |story| story.wait(Duration::seconds(16)));
    story.job();
    assert_eq!(story.queued(), "200");
    story.job();
    assert_eq!(story.queued(), "210");
    assert!(!is_interrupted(&story));
}

/// A file base with 90 cards that no handler saw, numbered from 100; a check takes 20 of them at once, and half a run for that.
/// Nothing is created before a walk, so that the queue's job has nothing to do but to go on with the check.
fn unseen_cards() -> Story {
    let texts = changed(&[(QUEUE, "	Возврат 200;", "	Возврат 20;")]);
    let story = Story::with(&Variant { file_base: true, ..untouched() }, texts);
    story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь)");
    story.act("Для Номер = 100 По 189 Цикл НоваяКарта(\"К\" + Номер, \"79161234\" + Номер); КонецЦикла");
    story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)");
    story
}

/// How often the cards' data are read from now on; every time takes half of a run.
fn count_readings(story: &Story) -> Arc<AtomicUsize> {
    let readings: Arc<AtomicUsize> = Arc::default();
    let counted = readings.clone();
    story.watch(move |shop, _, call| {
        if call == "Запрос.ВыполнитьПакет" {
            counted.fetch_add(1, Relaxed);
            shop.infobase(|base| base.advance(Duration::seconds(8)));
        }
    });
    readings
}

fn is_interrupted(story: &Story) -> bool {
    story.ask("ПустаяСтрока(ИнтеграцияPassteam.ЗначениеНастройки(\"МестоПроверки\"))") == "Нет"
}

/// Runs the check until it has come to its end.
fn check(story: &Story) {
    story.night();
    for _ in 0..30 {
        if !is_interrupted(story) {
            return;
        }
        story.job();
    }
    panic!("the check does not come to its end");
}

/// Whose phones are shared shows when all cards have been looked at, and a cashier does not wait for that.
#[test]
fn cards_that_are_not_in_the_service_are_checked_in_portions_too() {
    let story = unseen_cards();
    let readings = count_readings(&story);
    let mut runs = 0;
    while runs == 0 || is_interrupted(&story) {
        let before = readings.load(Relaxed);
        if runs == 1 {
            story.crash_before("ЗафиксироватьТранзакцию");
            assert!(story.shop.run_job(JOB).is_err_and(|error| error.killed));
        }
        if runs == 0 {
            story.night();
        } else {
            story.job();
        }
        runs += 1;
        assert!(readings.load(Relaxed) - before <= 4 && runs < 30, "run {runs}");
    }
    assert_eq!(story.queued(), "90");
    assert!(runs > 3, "{runs}");
}

/// The check of a night stopped in the middle, and nobody has gone on with it since: what it had looked at is of yesterday.
#[test]
fn a_check_that_was_not_finished_is_followed_by_another() {
    let story = with_anna();
    story.before("Запрос.ВыполнитьПакет", |story| story.wait(Duration::hours(1)));
    story.night();
    assert!(is_interrupted(&story) && story.queue().is_empty());
    story.act(
        "ИнтеграцияPassteam.ВключитьНастройку(\"ЭтаБазаВедетКарты\", Ложь); Движение(\"Анна\", 15);
        ИнтеграцияPassteam.ВключитьНастройку(\"ЭтаБазаВедетКарты\", Истина)",
    );
    story.wait(Duration::days(1));
    story.night();
    assert_eq!((story.queue(), is_interrupted(&story)), ("Анна".to_owned(), false));
}

/// Each card's phone, and whether the night queues it.
#[test]
fn a_phone_is_shared_wherever_in_the_check_its_cards_stand() {
    let story = unseen_cards();
    story.act(
        "ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь);
        Для Номер = 101 По 104 Цикл
            Объект = Карта(\"К\" + Номер).ВладелецКарты.ПолучитьОбъект();
            Объект.КонтактнаяИнформация[0].НомерТелефона = \"8 (916) 123-41-\" + (80 + Номер - 100); Объект.Записать();
        КонецЦикла;
        ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)",
    );
    count_readings(&story);
    check(&story);
    assert_eq!(story.queued(), "82");
    for number in [101, 104, 181, 184] {
        assert_eq!(story.state(&format!("К{number}")), "нет записи", "{number}");
    }
    // One card of the four pairs gets a phone of its own, another is no longer wanted, one's phone is known to the service only.
    story.act(
        "ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь);
        Объект = Карта(\"К101\").ВладелецКарты.ПолучитьОбъект();
        Объект.КонтактнаяИнформация[0].НомерТелефона = \"79169999999\"; Объект.Записать();
        Объект = Карта(\"К102\").ПолучитьОбъект(); Объект.УстановитьПометкуУдаления(Истина);
        НачатьТранзакцию(); КартыPassteam.ЗаписатьИдентификатор(
            Карта(\"К103\"), ИнтеграцияPassteam.АдресСервиса(), КартыPassteam.НоваяКартаСервиса(\"id\"));
        ЗафиксироватьТранзакцию();
        ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)",
    );
    check(&story);
    let states = ["К101", "К102", "К104", "К181", "К182", "К183", "К184"].map(|name| story.state(name));
    assert_eq!(states, ["КОтправке", "нет записи", "нет записи", "КОтправке", "КОтправке", "нет записи", "нет записи"]);
    assert_eq!(keys(&story), 89, "what is known of a card that is no longer wanted is deleted");
}

/// The unique variable changes while a check is interrupted: what it has noted of the cards says nothing then.
#[test]
fn a_check_begins_anew_when_the_unique_variable_changes() {
    let story = unseen_cards();
    count_readings(&story);
    story.night();
    story.job();
    story.act("ИнтеграцияPassteam.УстановитьЗначениеНастройки(\"УникальнаяПеременная\", \"CLIENT_NAME\")");
    story.act(
        "ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь); НоваяКарта(\"К150\", \"79991234567\");
        ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)",
    );
    check(&story);
    assert_eq!(story.queued(), "89");
    assert_eq!(story.state("К150"), "нет записи");
}

/// With nothing to tell the cards apart by, none is like another.
#[test]
fn cards_without_a_unique_variable_are_queued() {
    let story = unseen_cards();
    story.act(
        "Переменные = ДанныеPassteam.Переменные(); Переменные.Очистить();
        Строка = Переменные.Добавить(); Строка.Имя = \"NAME\"; Строка.Источник = \"Владелец\";
        ДанныеPassteam.ЗаписатьПеременные(Переменные)",
    );
    check(&story);
    assert_eq!(story.queued(), "90");
}

/// Whichever way the service rounds a part of a point, the card is not sent again every night.
#[test]
fn a_balance_that_the_service_has_rounded_is_not_sent_again() {
    let story = Story::new();
    story.sent_card("Анна", "9161110001");
    story.act("Продать(\"Анна\", 12.5)");
    story.job();
    let id = story.id("Анна");
    for (shown, queued) in [(12, "0"), (13, "0"), (14, "1"), (11, "1")] {
        let values = format!("{{\"\"BONUS\"\": {shown}}}");
        story.act(&format!("ИнтеграцияPassteam.НоваяКомпонента().UpdateCard(\"{id}\", \"{values}\")"));
        story.wait(Duration::hours(1));
        story.act("СверкаPassteam.Сверить()");
        story.night();
        assert_eq!(story.queued(), queued, "{shown}");
        story.job();
        assert_eq!(story.queued(), "0");
    }
}

/// The base has sent 70 points of Anna's, and the service shows others.
pub fn shown_otherwise(story: &Story) {
    story.sent_card("Анна", "9161110001");
    story.sell("Анна", 70);
    story.job();
    let id = story.id("Анна");
    story.act(&format!("ИнтеграцияPassteam.НоваяКомпонента().UpdateCard(\"{id}\", \"{{\"\"BONUS\"\": 999}}\")"));
    story.wait(Duration::hours(1));
}

/// A base that came back from a backup believes that its old balance is what the service has.
#[test]
fn a_balance_that_the_service_has_otherwise_is_sent_again() {
    let story = Story::new();
    shown_otherwise(&story);
    story.night();
    assert_eq!(story.queued(), "0", "nobody has looked at the service since");
    story.act("СверкаPassteam.Сверить()");
    story.night();
    assert_eq!(story.state("Анна"), "КОтправке");
    story.job();
    assert_eq!(story.shown("Анна"), "70");
    story.night();
    assert_eq!(story.queued(), "0", "what the walk has read is older than the update");
}
