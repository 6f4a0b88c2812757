//! Cards that were replaced: the customer keeps the card in the telephone.

use std::sync::{Arc, Mutex};

use chrono::Duration;
use infobase::metadata::declared::Variant;

use crate::stage::untouched;
use crate::story::Story;
use crate::turns::{count_waits, hold, release};

/// An old card with its owner at the service, and a new one of the same owner.
fn replaced(owner_of_new: &str) -> Story {
    let story = Story::new();
    story.act("НоваяКарта(\"Анна\", \"+79161234567\"); Движение(\"Анна\", 90, 10)");
    story.job();
    story.act(&format!("КартаВладельца(\"Новая\", {owner_of_new}); Заменить(\"Анна\", \"Новая\")"));
    story
}

const SAME: &str = "Карта(\"Анна\").ВладелецКарты";

#[test]
fn the_new_card_takes_over_id_and_balance_before_anything_is_created() {
    let story = replaced(SAME);
    let id = story.sandbox.cards()[0].id.clone();
    story.act("Движение(\"Новая\", 5)");
    story.job();
    assert_eq!(story.sandbox.cards().len(), 1);
    assert_eq!(story.balances(), "Анна=85");
    assert_eq!(story.run("Возврат cardId(\"Анна\") + \"|\" + cardId(\"Новая\");"), format!("|{id}"));
    // The replaced card has no id and is not sent, whatever happens to it.
    story.act("Движение(\"Анна\", 1)");
    story.job();
    story.night();
    story.job();
    assert_eq!(story.balances(), "Анна=86");
    assert_eq!(story.queue(), "");
    assert_eq!(story.log(), Vec::<String>::new());
}

#[test]
fn another_owners_card_takes_nothing_over() {
    let story = replaced("НовыйЧеловек(\"Мария\", \"+79161234568\")");
    let id = story.sandbox.cards()[0].id.clone();
    story.job();
    assert_eq!(story.sandbox.cards().len(), 2);
    assert_eq!(story.id("Анна"), id);
    assert_ne!(story.id("Новая"), id);
}

/// Whoever replaces a card marks the old one for deletion, before or after the job has seen the replacement.
#[test]
fn a_replaced_card_that_is_marked_for_deletion_hands_its_id_over() {
    let story = replaced(SAME);
    let id = story.sandbox.cards()[0].id.clone();
    story.act("Карта(\"Анна\").ПолучитьОбъект().УстановитьПометкуУдаления(Истина)");
    story.job();
    assert_eq!(story.run("Возврат cardId(\"Анна\") + \"|\" + cardId(\"Новая\");"), format!("|{id}"));
    assert_eq!(story.balances(), "Анна=80");
    story.act("Движение(\"Новая\", 5)");
    story.job();
    story.night();
    story.job();
    assert_eq!(story.balances(), "Анна=85");
    assert_eq!((story.sandbox.cards().len(), story.queue().as_str()), (1, ""));
    assert_eq!(story.log(), Vec::<String>::new());
}

#[test]
fn a_new_card_that_is_marked_for_deletion_takes_nothing_over() {
    let story = replaced(SAME);
    let id = story.sandbox.cards()[0].id.clone();
    story.act("Карта(\"Новая\").ПолучитьОбъект().УстановитьПометкуУдаления(Истина)");
    story.job();
    assert_eq!((story.id("Анна"), story.id("Новая").as_str()), (id, ""));
}

#[test]
fn a_chain_of_replacements_ends_at_the_last_card() {
    let story = replaced(SAME);
    story.act(&format!("КартаВладельца(\"Третья\", {SAME}); Заменить(\"Новая\", \"Третья\")"));
    let id = story.sandbox.cards()[0].id.clone();
    story.job();
    assert_eq!(story.id("Третья"), id);
    assert_eq!(story.balances(), "Анна=80");
    story.act("Движение(\"Новая\", 3)");
    story.job();
    assert_eq!(story.balances(), "Анна=83");
    assert_eq!(story.sandbox.cards().len(), 1);
}

#[test]
fn a_circle_of_replacements_ends() {
    let story = replaced(SAME);
    story.act("Заменить(\"Новая\", \"Анна\")");
    story.job();
    story.night();
    story.job();
    assert_eq!(story.id("Анна"), story.sandbox.cards()[0].id);
}

/// A trial in a sandbox, or another spelling of the address, has left the same id under another address.
#[test]
fn an_id_that_is_known_under_another_address_too_is_taken_over() {
    let story = Story::new();
    let id = story.sent_card("Анна", "+79161234567").id;
    story.act(&format!(
        "ОчередьPassteam.ВнестиИдентификатор(Карта(\"Анна\"), \"https://getpass.passteam.ru\", \
        КартыPassteam.НоваяКартаСервиса(\"{id}\"))"
    ));
    story.job();
    story.act(&format!("КартаВладельца(\"Новая\", {SAME}); Заменить(\"Анна\", \"Новая\")"));
    story.job();
    assert_eq!(story.run("Возврат cardId(\"Анна\") + \"|\" + cardId(\"Новая\");"), format!("|{id}"));
    assert_eq!((story.sandbox.cards().len(), story.queue()), (1, String::new()));
}

/// Whatever has gone wrong in the register, the id stays at a card.
#[test]
fn an_id_that_the_new_card_cannot_get_stays_at_the_old_one() {
    let story = replaced(SAME);
    let id = story.id("Анна");
    let third = |id: &str| {
        format!(
            "Запись = РегистрыСведений.КартыPassteam.СоздатьМенеджерЗаписи();
            Запись.Карта = Карта(\"Третья\");
            Запись.АдресСервиса = ИнтеграцияPassteam.АдресСервиса();
            Запись.cardId = \"{id}\";
            Запись.Записать()"
        )
    };
    story.act(&format!("КартаВладельца(\"Третья\"); Опустошить(\"ОчередьPassteam\"); {}", third(&id)));
    story.act("Движение(\"Новая\", 5)");
    story.job();
    assert_eq!((story.id("Анна"), story.id("Новая")), (id.clone(), String::new()));
    assert_eq!((story.sandbox.cards().len(), story.state("Новая").as_str()), (1, "КОтправке"));
    assert!(story.log().iter().any(|text| text.contains("не перешел к новой карте")), "{:?}", story.log());
    story.act(&third(""));
    story.wait(chrono::Duration::minutes(10));
    story.job();
    assert_eq!((story.id("Новая"), story.balances()), (id, "Анна=85".to_owned()));
}

/// A listing that gives every card an id of its own leaves thousands of such pairs, and the job looks every minute.
#[test]
fn pairs_whose_cards_both_have_an_id_cost_a_run_nothing() {
    let calls_with = |pairs: usize| {
        let story = Story::new();
        for pair in 0..pairs {
            story.act(&format!(
                "НоваяКарта(\"П{pair}\", \"+7916000001{pair}\");
                КартаВладельца(\"Н{pair}\", Карта(\"П{pair}\").ВладелецКарты);
                Внести(\"П{pair}\", \"65a1b2c3d4e5f60718293a1{pair}\");
                Внести(\"Н{pair}\", \"65a1b2c3d4e5f60718293a2{pair}\");
                Заменить(\"П{pair}\", \"Н{pair}\")"
            ));
        }
        story
            .act("Опустошить(\"ОчередьPassteam\"); Опустошить(\"ОтметкиPassteam\"); Опустошить(\"ВладельцыPassteam\")");
        let calls: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = calls.clone();
        story.watch(move |_, _, call| noted.lock().unwrap().push(call.to_owned()));
        story.job();
        let calls = calls.lock().unwrap();
        assert!(!calls.iter().any(|call| call == "НачатьТранзакцию"), "{calls:?}");
        calls.iter().filter(|call| *call == "Запрос.Выполнить").count()
    };
    assert_eq!(calls_with(1), calls_with(4));
}

/// Whoever waits for one held record after another waits twenty seconds for each.
#[test]
fn a_replacement_that_a_long_transaction_holds_leaves_the_others_to_the_next_run() {
    let story = Story::new();
    story.act("НоваяКарта(\"Анна\", \"+79161234567\"); НоваяКарта(\"Борис\", \"+79161234568\")");
    story.job();
    for name in ["Анна", "Борис"] {
        let same = SAME.replace("Анна", name);
        story.act(&format!("КартаВладельца(\"Новая {name}\", {same}); Заменить(\"{name}\", \"Новая {name}\")"));
    }
    let holders = [hold(&story, "Анна"), hold(&story, "Борис")];
    let waits = count_waits(&story);
    story.job();
    assert_eq!(waits(), 1);
    assert_eq!((story.sandbox.cards().len(), story.queue()), (2, "Новая Анна,Новая Борис".to_owned()));
    holders.into_iter().for_each(|holder| release(&story, holder));
    story.wait(chrono::Duration::minutes(10));
    story.job();
    assert_eq!((story.queue(), story.sandbox.cards().len()), (String::new(), 2));
}

/// Thousands of old replacements, and a file base: the others wait for the next run, balances do not.
#[test]
fn replacements_take_no_more_than_half_of_a_run() {
    let story = Story::of(&Variant { file_base: true, ..untouched() });
    for number in 1..=4 {
        story.sent_card(&format!("К{number}"), &format!("+7916111000{number}"));
    }
    story.sent_card("Анна", "+79161110009");
    for number in 1..=4 {
        story.act(&format!("ВтораяКарта(\"Н{number}\", \"К{number}\"); Заменить(\"К{number}\", \"Н{number}\")"));
    }
    // The handlers' marks are of no account here.
    story.act("Опустошить(\"ОтметкиPassteam\"); Опустошить(\"ОчередьPassteam\")");
    story.sell("Анна", 7);
    story.take_marks();
    story.watch(|shop, _, call| {
        if call == "ЗафиксироватьТранзакцию" {
            shop.infobase(|base| base.advance(Duration::seconds(8)));
        }
    });
    let handed_over = || (1..=4).filter(|number| !story.id(&format!("Н{number}")).is_empty()).count();
    story.job();
    assert_eq!(handed_over(), 1);
    (0..3).for_each(|_| story.job());
    assert_eq!(handed_over(), 4);
    assert_eq!(story.shown("Анна"), "7");
}
