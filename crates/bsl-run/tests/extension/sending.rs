//! What reaches the service: creations, updates, and what ends in the list for a person.

use infobase::User;

use crate::story::{Story, cashier};

#[test]
fn a_card_is_created_and_a_sale_updates_it() {
    let story = Story::new();
    let card = story.sent_card("Анна Петрова", "+7 916 123-45-67");
    assert_eq!(story.id("Анна Петрова"), card.id);
    assert_eq!(card.get("PHONE"), Some("79161234567"));
    story.sell("Анна Петрова", 1250);
    story.take_marks();
    assert_eq!(story.state("Анна Петрова"), "КОтправке");
    story.job();
    assert_eq!(story.shown("Анна Петрова"), "1250");
    assert_eq!(story.queued(), "0");
    assert_eq!(story.log(), Vec::<String>::new());
}

/// A cashier has no right to the queue: the handlers work in privileged mode, which ends with them.
#[test]
fn a_cashiers_sale_updates_the_card() {
    let story = Story::new();
    story.sent_card("Анна Петрова", "+7 916 123-45-67");
    story.act_as(cashier(), "Продать(\"Анна Петрова\", 300)").unwrap();
    story.job();
    assert_eq!(story.shown("Анна Петрова"), "300");
    let denied = story.act_as(cashier(), "Сообщить(ВОчереди())");
    assert!(denied.unwrap_err().contains("Недостаточно прав"));
    let allowed = story.act_as(User::administrator(), "Сообщить(ВОчереди())");
    assert_eq!(allowed.unwrap(), ["0"]);
}

/// A sale between reading the balance and the answer: the newer balance follows.
#[test]
fn a_sale_while_its_card_is_being_sent_is_sent_too() {
    let story = Story::new();
    story.sent_card("Анна", "9161110001");
    story.sell("Анна", 1);
    story.before("UpdateCards", |story| story.sell("Анна", 2));
    story.job();
    assert_eq!(story.shown("Анна"), "3");
    assert_eq!(story.queued(), "0");
}
