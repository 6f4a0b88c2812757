//! Queue records that a long transaction holds: whoever waits for one after another waits twenty seconds for each.

use std::sync::{Arc, Mutex};

use chrono::Duration;
use infobase::SessionId;
use infobase::metadata::declared::Variant;
use passteam_sandbox::Fault;

use crate::precautions::QUEUE;
use crate::stage::untouched;
use crate::story::{JOB, Story, changed};
use crate::turns::{at_each_wait, count_waits, hold, hold_in, release};

const NAMES: [&str; 5] = ["К1", "К2", "К3", "К4", "К5"];

/// A shop with these customers; their cards are not in the service yet.
fn shop() -> Story {
    let story = Story::new();
    for (number, name) in NAMES.iter().enumerate() {
        story.new_card(name, &format!("+7916111000{number}"));
    }
    story
}

/// The same, and each has bought something since the cards were made.
fn after_sales() -> Story {
    let story = shop();
    story.job();
    for name in NAMES {
        story.sell(name, 1);
        story.take_marks();
        story.wait(Duration::seconds(1));
    }
    story.sandbox.clear_requests();
    story
}

/// A long transaction begins just before this call and holds these cards' records.
fn hold_before(story: &Story, call: &str, names: &'static [&'static str]) -> Arc<Mutex<Vec<SessionId>>> {
    hold_when(story, call, names, hold)
}

/// The same for what a transaction holds of a card.
fn hold_when(
    story: &Story,
    call: &str,
    names: &'static [&'static str],
    hold: impl Fn(&Story, &str) -> SessionId + Send + 'static,
) -> Arc<Mutex<Vec<SessionId>>> {
    let holders: Arc<Mutex<Vec<SessionId>>> = Arc::default();
    let kept = holders.clone();
    story.before(call, move |story| kept.lock().unwrap().extend(names.iter().map(|name| hold(story, name))));
    holders
}

fn release_all(story: &Story, holders: &Mutex<Vec<SessionId>>) {
    let holders = std::mem::take(&mut *holders.lock().unwrap());
    assert!(!holders.is_empty(), "the transaction began");
    holders.into_iter().for_each(|holder| release(story, holder));
}

#[test]
fn outcomes_of_updates_wait_for_one_held_record_only() {
    let story = after_sales();
    let holders = hold_before(&story, "UpdateCards", &["К2", "К3", "К4"]);
    let waits = count_waits(&story);
    story.job();
    assert_eq!((waits(), story.balances()), (1, "К1=1 К2=1 К3=1 К4=1 К5=1".to_owned()));
    assert_eq!(story.queue(), "К2,К3,К4,К5", "what is behind the held one is left");
    release_all(&story, &holders);
    story.job();
    assert_eq!(story.requests("updatecard"), 5, "an earlier request may still be on its way");
    story.wait(Duration::minutes(30));
    story.job();
    assert_eq!((story.requests("updatecard"), story.queue()), (9, String::new()));
}

#[test]
fn refusals_and_outages_wait_for_one_held_record_only() {
    let all = "К1=1 К2=1 К3=1 К4=1 К5=1";
    for (status, balances, queue) in [(500, all, ""), (401, all, ""), (400, "К1=0 К2=1 К3=1 К4=1 К5=1", "К1")] {
        let story = after_sales();
        for _ in NAMES {
            story.sandbox.push_fault(Fault::of("updatecard").status(status));
        }
        let holders = hold_before(&story, "UpdateCards", &["К2", "К3", "К4"]);
        let waits = count_waits(&story);
        story.job();
        assert_eq!(waits(), 1, "{status}");
        release_all(&story, &holders);
        story.sandbox.clear_faults();
        story.wait(Duration::hours(2));
        story.job();
        story.job();
        assert_eq!((story.balances().as_str(), story.queue().as_str()), (balances, queue), "{status}");
    }
}

/// No other occasion tells their ids, so each has its try, and what could not be stored a second one at the end.
#[test]
fn ids_of_new_cards_are_stored_although_another_record_is_held() {
    let story = shop();
    let holders = hold_before(&story, "CreateCards", &["К2"]);
    let waits = count_waits(&story);
    story.job();
    assert_eq!((waits(), story.queue().as_str(), story.state("К2").as_str()), (2, "К2", "СозданиеНачато"));
    for name in ["К1", "К3", "К4", "К5"] {
        assert_ne!(story.id(name), "", "{name}");
    }
    let created = story.served("К2").unwrap();
    assert!(story.log().iter().any(|comment| comment.contains(&created.id)), "{:?}", story.log());
    release_all(&story, &holders);
    story.wait(Duration::hours(1));
    story.job();
    story.act("СверкаPassteam.Сверить()");
    story.job();
    assert_eq!((story.id("К2"), story.queue()), (created.id, String::new()));
    assert_eq!(story.requests("createcard"), 5);
}

#[test]
fn an_id_is_stored_at_the_end_of_the_portion_if_its_record_is_free_then() {
    let story = shop();
    let holders = hold_before(&story, "CreateCards", &["К2"]);
    let shared = holders.clone();
    at_each_wait(&story, move |shop| {
        for holder in shared.lock().unwrap().drain(..) {
            shop.infobase(|base| base.close_session(holder)).unwrap();
        }
    });
    story.job();
    assert_eq!(holders.lock().unwrap().len(), 0);
    assert_eq!((story.queue(), story.id("К2")), (String::new(), story.served("К2").unwrap().id));
}

/// What was begun before is sent; the others are not begun.
#[test]
fn creations_behind_a_held_record_are_left_to_another_run() {
    let story = shop();
    let holders = hold_before(&story, "CallMethod", &["К3", "К4", "К5"]);
    let waits = count_waits(&story);
    story.job();
    assert_eq!((waits(), story.requests("createcard")), (1, 2));
    assert_eq!(story.queue(), "К3,К4,К5");
    for name in ["К3", "К4", "К5"] {
        assert_eq!(story.state(name), "КОтправке", "{name}");
    }
    release_all(&story, &holders);
    story.wait(Duration::minutes(30));
    story.job();
    assert_eq!((story.queue(), story.requests("createcard")), (String::new(), 5));
}

/// Balances do not wait for what a crash has left.
#[test]
fn unfinished_creations_that_are_held_delay_no_balance() {
    let story = shop();
    story.crash_before("CreateCards");
    assert!(story.shop.run_job(JOB).is_err_and(|error| error.killed));
    assert_eq!(story.state("К1"), "СозданиеНачато");
    story.sent_card("Анна", "+79161110009");
    story.wait(Duration::hours(1));
    story.sell("Анна", 7);
    let holders = NAMES.map(|name| hold(&story, name));
    let waits = count_waits(&story);
    story.job();
    assert_eq!((waits(), story.shown("Анна").as_str()), (1, "7"));
    holders.into_iter().for_each(|holder| release(&story, holder));
    story.job();
    for name in NAMES {
        assert_eq!(story.state(name), "ТребуетРешения", "{name}");
    }
}

/// An outcome that cannot be written, and not for somebody else's lock, is one card's misfortune.
#[test]
fn an_outcome_that_fails_at_once_leaves_the_others() {
    let from = "			КартыPassteam.ЗапомнитьПередачу(Строка.Карта, Запуск.Адрес, ДанныеКарты.ИдентификаторКарты";
    let failing = "			Если Строка.Карта.Наименование = \"К2\" Тогда
				ВызватьИсключение \"Неисправна\";
			КонецЕсли;
			КартыPassteam.ЗапомнитьПередачу(Строка.Карта, Запуск.Адрес, ДанныеКарты.ИдентификаторКарты";
    let story = Story::with(&untouched(), changed(&[(QUEUE, from, failing)]));
    story.act("СервисПуст()");
    for (number, name) in NAMES.iter().enumerate() {
        story.new_card(name, &format!("+7916111000{number}"));
    }
    story.job();
    for name in NAMES {
        story.sell(name, 1);
    }
    story.job();
    assert_eq!(story.queue(), "К2");
    assert!(story.log().iter().any(|comment| comment.contains("Неисправна")));
}

/// The vendor's attributes of cards that an exchange is loading: what is left of them the night fills in.
#[test]
fn attributes_wait_for_one_held_card_only() {
    let story = Story::just_installed(&Variant::retail_23());
    story.hide_sandbox();
    story.act("ИнтеграцияPassteam.ВключитьНастройку(\"ЗаполнятьРеквизитыКарты\", Истина)");
    for (number, name) in NAMES.iter().enumerate() {
        story.new_card(name, &format!("+7916111000{number}"));
    }
    let hold_card = |story: &Story, name: &str| hold_in(story, "Справочник.ИнформационныеКарты", "Ссылка", name);
    let holders = hold_when(&story, "CreateCards", &NAMES, hold_card);
    let waits = count_waits(&story);
    story.job();
    assert_eq!((waits(), story.queue()), (1, String::new()));
    release_all(&story, &holders);
    let filled = |name: &str| story.ask(&format!("Карта(\"{name}\").cardId"));
    story.night();
    for name in NAMES {
        assert_eq!(filled(name), story.id(name), "{name}");
    }
}

/// What the night's check cannot queue, it marks.
#[test]
fn the_nights_check_waits_for_one_held_record_only() {
    let story = shop();
    // Points whose time comes while no job is running.
    for name in NAMES {
        story.act(&format!("Продать(\"{name}\", 500, 0, ТекущаяДатаСеанса() + 7200)"));
    }
    story.job();
    story.wait(Duration::hours(6));
    let holders = NAMES.map(|name| hold(&story, name));
    let waits = count_waits(&story);
    story.night();
    assert_eq!(waits(), 1);
    holders.into_iter().for_each(|holder| release(&story, holder));
    story.job();
    assert_eq!(story.balances(), "К1=500 К2=500 К3=500 К4=500 К5=500");
    assert_eq!(story.queue(), "");
}
