//! The table of states in `docs/queue.md`, row by row, and what a person does with the list.

use chrono::Duration;
use passteam_sandbox::{Drop, Fault};

use crate::story::Story;

const ANNA: &str = "Анна Петрова";
const PHONE: &str = "+7 916 123-45-67";

fn with_annas_card() -> Story {
    let story = Story::new();
    story.sent_card(ANNA, PHONE);
    story
}

// The record.

#[test]
fn a_card_keeps_its_place_in_the_queue_and_gets_a_new_version() {
    let story = with_annas_card();
    story.sell(ANNA, 1);
    story.take_marks();
    let (placed, version) = (story.entry(ANNA, "ДатаПостановки"), story.entry(ANNA, "Версия"));
    story.wait(Duration::minutes(5));
    story.sell(ANNA, 2);
    story.take_marks();
    assert_eq!(story.queued(), "1");
    assert_eq!(story.entry(ANNA, "ДатаПостановки"), placed);
    assert_ne!(story.entry(ANNA, "Версия"), version);
}

/// The till's time zone does not matter: the queue's time is universal.
#[test]
fn a_till_in_the_far_east_queues_for_now() {
    let story = with_annas_card();
    let sell = format!("Продать(\"{ANNA}\", 7, 0, ТекущаяУниверсальнаяДата())");
    story.act_in_zone(Duration::hours(10), &sell);
    story.job();
    assert_eq!(story.shown(ANNA), "7");
}

// The states.

#[test]
fn a_card_that_is_no_loyalty_card_any_more_leaves_the_queue() {
    let story = with_annas_card();
    story.sell(ANNA, 40);
    story.act(&format!(
        "УстановитьРеквизит(\"{ANNA}\", \"ТипКарты\", Перечисления.ТипыИнформационныхКарт.Регистрационная)"
    ));
    story.take_marks();
    assert_eq!(story.state(ANNA), "КОтправке");
    story.job();
    assert_eq!((story.state(ANNA).as_str(), story.balances().as_str()), ("нет записи", "Анна Петрова=0"));
}

#[test]
fn a_card_marked_for_deletion_is_left_alone_until_it_is_unmarked() {
    let story = with_annas_card();
    let mark = |marked: &str| format!("Карта(\"{ANNA}\").ПолучитьОбъект().УстановитьПометкуУдаления({marked})");
    story.act(&mark("Истина"));
    story.sell(ANNA, 40);
    story.job();
    assert_eq!((story.shown(ANNA).as_str(), story.queued().as_str()), ("0", "0"));
    story.act(&mark("Ложь"));
    story.job();
    assert_eq!(story.shown(ANNA), "40");
}

/// The attempt is noted in a transaction of its own, before the request.
#[test]
fn a_creation_is_noted_before_it_is_sent() {
    let story = Story::new();
    story.new_card(ANNA, PHONE);
    story.before("CreateCard", |story| {
        assert_eq!(story.state(ANNA), "СозданиеНачато");
        assert_eq!(story.sandbox.cards().len(), 0);
        story.sell(ANNA, 9);
        assert_eq!(story.state(ANNA), "СозданиеНачато", "a sale does not begin it anew");
    });
    story.job();
    assert_eq!(story.sandbox.cards().len(), 1);
    assert_eq!((story.state(ANNA).as_str(), story.shown(ANNA).as_str()), ("нет записи", "9"), "the sale followed");
}

#[test]
fn a_refused_update_with_newer_data_is_sent_again() {
    let story = with_annas_card();
    story.sell(ANNA, 40);
    story.sandbox.push_fault(Fault::of("updatecard").code(400).message("No such variable."));
    story.before("UpdateCards", |story| story.sell(ANNA, 2));
    story.job();
    assert_eq!((story.state(ANNA).as_str(), story.shown(ANNA).as_str()), ("нет записи", "42"));
}

/// A portion that was taken long ago is not sent: the next job may have sent a newer balance.
#[test]
fn a_machine_that_was_frozen_sends_nothing_late() {
    let story = with_annas_card();
    story.sell(ANNA, 40);
    story.sandbox.clear_requests();
    // Between taking the portion and sending it the job reads the balances.
    story.before("Запрос.ВыполнитьПакет", |story| story.wait(Duration::hours(2)));
    story.job();
    assert_eq!(updates(&story), 0);
    assert_eq!(story.state(ANNA), "КОтправке");
    story.wait(Duration::hours(2));
    story.job();
    assert_eq!(story.shown(ANNA), "40");
}

fn updates(story: &Story) -> usize {
    story.requests("updatecard")
}

// The list for a person.

#[track_caller]
fn waits_for_a_person(story: &Story, kind: &str) {
    assert_eq!((story.state(ANNA).as_str(), story.entry(ANNA, "ВидОшибки").trim()), ("ТребуетРешения", kind));
    let cards = story.sandbox.cards().len();
    story.wait(Duration::days(1));
    story.sandbox.clear_requests();
    story.job();
    assert_eq!((updates(story), story.sandbox.cards().len()), (0, cards), "nothing is sent without a person");
}

/// Somebody has deleted the card in the service.
#[test]
fn a_card_that_the_service_has_no_more() {
    let story = Story::new();
    story.sent_card("Олег", "+7 903 765-43-21");
    story.new_card(ANNA, PHONE);
    assert_eq!(story.ask(&format!("Внести(\"{ANNA}\", \"0123456789abcdef01234567\")")), "Да");
    story.job();
    waits_for_a_person(&story, "NotFound");
    assert_eq!(story.ask(&format!("Внести(\"{ANNA}\", \"\")")), "Да");
    story.job();
    assert_eq!(story.id(ANNA), story.served(ANNA).expect("a new card").id);
}

#[test]
fn a_template_that_the_service_does_not_know() {
    let story = Story::new();
    let template =
        |id: &str| format!("ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"ИдентификаторШаблона\", \"{id}\"))");
    story.act(&template("000000000000000000000000"));
    story.new_card(ANNA, PHONE);
    story.job();
    waits_for_a_person(&story, "NotFound");
    story.act(&template(addin_testkit::shop::TEMPLATE));
    story.act(&format!("УстановитьРеквизит(\"{ANNA}\", \"КодКарты\", \"1\")"));
    story.job();
    assert!(story.served(ANNA).is_some());
}

#[test]
fn a_refusal_whose_text_a_person_reads() {
    let story = with_annas_card();
    story.sell(ANNA, 5);
    story.sandbox.push_fault(Fault::of("updatecard").code(400).message("There is no variable BONUS."));
    story.job();
    assert!(story.entry(ANNA, "ПоследняяОшибка").contains("There is no variable BONUS."));
    waits_for_a_person(&story, "Rejected");
    story.sell(ANNA, 5);
    assert_eq!(story.state(ANNA), "ТребуетРешения", "a sale corrects nothing");
    story.act(&format!("ОчередьPassteam.ПовторитьПередачу(Карта(\"{ANNA}\"))"));
    story.job();
    assert_eq!(story.shown(ANNA), "10");
}

/// The request was carried out, but its answer was lost: a card that is only written might be created twice.
#[test]
fn an_unknown_outcome_ends_with_the_id_that_a_person_finds() {
    let story = Story::new();
    story.new_card(ANNA, PHONE);
    story.sandbox.push_fault(Fault::of("createcard").drop_connection(Drop::AfterProcessing));
    story.job();
    assert_eq!(story.entry(ANNA, "ИсходНеизвестен"), "Да");
    waits_for_a_person(&story, "Connection");
    story.act(&format!("УстановитьРеквизит(\"{ANNA}\", \"КодКарты\", \"1\")"));
    assert_eq!(story.state(ANNA), "ТребуетРешения");
    let id = story.served(ANNA).unwrap().id;
    assert_eq!(story.ask(&format!("Внести(\"{ANNA}\", \"{id}\")")), "Да");
    story.sell(ANNA, 3);
    story.job();
    assert_eq!((story.state(ANNA).as_str(), story.shown(ANNA).as_str()), ("нет записи", "3"));
}

#[test]
fn an_unknown_outcome_that_did_nothing_is_repeated_by_a_person() {
    let story = Story::new();
    story.new_card(ANNA, PHONE);
    story.sandbox.push_fault(Fault::of("createcard").drop_connection(Drop::BeforeAnswer));
    story.job();
    waits_for_a_person(&story, "Connection");
    let repeat = |checked| story.ask(&format!("ОчередьPassteam.ПовторитьПередачу(Карта(\"{ANNA}\"), {checked})"));
    assert_eq!((repeat("Ложь").as_str(), story.state(ANNA).as_str()), ("Нет", "ТребуетРешения"));
    assert_eq!(repeat("Истина"), "Да");
    assert_eq!((story.state(ANNA).as_str(), story.entry(ANNA, "ИсходНеизвестен").as_str()), ("КОтправке", "Нет"));
    story.job();
    assert_eq!(story.id(ANNA), story.served(ANNA).unwrap().id);
}

/// "Repeat" is for cards on the list: others go their way.
#[test]
fn repeating_does_nothing_to_a_card_that_is_not_on_the_list() {
    let story = with_annas_card();
    let repeat = format!("ОчередьPassteam.ПовторитьПередачу(Карта(\"{ANNA}\"))");
    story.act(&repeat);
    assert_eq!(story.state(ANNA), "нет записи");
    story.sell(ANNA, 1);
    // Updates are repeated at once, so a fault that the job is to meet comes three times.
    for _ in 0..3 {
        story.sandbox.push_fault(Fault::of("updatecard").status(503));
    }
    story.job();
    let next = story.entry(ANNA, "СледующаяПопытка");
    story.act(&repeat);
    assert_eq!(story.entry(ANNA, "СледующаяПопытка"), next);
}
