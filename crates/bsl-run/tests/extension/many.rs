//! Many cards: portions, and a whole chain's cards from end to end.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use infobase::metadata::declared::Variant;
use passteam_sandbox::Options;

use crate::stage::untouched;
use crate::story::Story;

/// The most statements that a step may take for a card.
const STATEMENTS: u64 = 200;
/// The most jobs that may be needed until all cards are sent.
const JOBS: usize = 10;

/// How many cards a shop has: a few hundred in the usual run, more if the environment says so.
fn cards() -> usize {
    let wanted = std::env::var("PASSTEAM_SHOP_CARDS").ok();
    wanted.map_or(450, |count| count.parse().expect("PASSTEAM_SHOP_CARDS is a number"))
}

/// Writes so many cards, whose names end with their numbers.
fn write_cards(count: usize) -> String {
    format!(
        r#"Для Номер = 1 По {count} Цикл
			НоваяКарта("Покупатель " + Формат(Номер, "ЧГ="), "+7916" + Формат(Номер, "ЧЦ=7; ЧВН=; ЧГ="));
		КонецЦикла"#
    )
}

/// Gives the cards ids of cards that the service has.
fn give_ids(story: &Story, count: usize) {
    story.sandbox.add_cards(count).unwrap();
    let ids: Vec<_> = story.sandbox.cards().into_iter().map(|card| card.id).collect();
    story.act(&format!(
        r#"Адрес = ИнтеграцияPassteam.АдресСервиса();
		Идентификаторы = СтрРазделить("{}", ",");
		Для Номер = 1 По {count} Цикл
			Карта = Карта("Покупатель " + Формат(Номер, "ЧГ="));
			КартаСервиса = КартыPassteam.НоваяКартаСервиса(Идентификаторы[Номер - 1]);
			ОчередьPassteam.ВнестиИдентификатор(Карта, Адрес, КартаСервиса);
		КонецЦикла"#,
        ids.join(",")
    ));
}

fn sell(count: usize) -> String {
    format!("Для Номер = 1 По {count} Цикл Продать(\"Покупатель \" + Формат(Номер, \"ЧГ=\"), Номер); КонецЦикла")
}

/// Notes how many records are taken whenever a portion is sent from now on.
fn note_portions(story: &Story, taken: Arc<Mutex<Vec<String>>>) {
    story.before("UpdateCards", move |story| {
        let count = "Запрос = Новый Запрос(\"ВЫБРАТЬ КОЛИЧЕСТВО(*) КАК Записей ИЗ РегистрСведений.ОчередьPassteam \
            КАК Очередь ГДЕ Очередь.СледующаяПопытка > &Сейчас\"); \
            Запрос.УстановитьПараметр(\"Сейчас\", ТекущаяУниверсальнаяДата()); \
            Выборка = Запрос.Выполнить().Выбрать(); Выборка.Следующий(); Возврат Выборка.Записей;";
        taken.lock().unwrap().push(story.run(count));
        note_portions(story, taken);
    });
}

/// 450 cards are three portions: two full ones and what is left.
#[test]
fn a_portion_of_updates_has_two_hundred_cards() {
    let story = Story::new();
    story.act(&write_cards(450));
    give_ids(&story, 450);
    let taken = Arc::new(Mutex::new(Vec::new()));
    note_portions(&story, taken.clone());
    story.job();
    assert_eq!(*taken.lock().unwrap(), ["200", "200", "50"]);
}

/// A run of a file base looks at its time between portions only.
#[test]
fn a_portion_of_updates_is_small_in_a_file_base() {
    let story = Story::of(&Variant { file_base: true, ..untouched() });
    story.act(&write_cards(45));
    give_ids(&story, 45);
    let taken = Arc::new(Mutex::new(Vec::new()));
    note_portions(&story, taken.clone());
    story.job();
    assert_eq!(*taken.lock().unwrap(), ["40", "5"]);
}

/// All cards of a chain are created, get points and are updated, by a job that runs a few times. How many statements a card
/// takes does not depend on how many cards there are.
#[test]
fn all_cards_from_end_to_end() {
    let count = cards();
    let story = Story::with_sandbox(Options { keep_requests: 0, ..Options::default() });
    let timed = |what: &str, work: &dyn Fn()| {
        let done = || story.shop.infobase(|base| base.work());
        let (begun, before) = (Instant::now(), done());
        work();
        let (after, seconds) = (done(), begun.elapsed().as_secs_f64());
        let each = |total: u64| total / count as u64;
        let statements = each(after.statements - before.statements);
        let steps = each(after.steps - before.steps);
        println!("{count} cards: {what} in {seconds:.1} s; {statements} statements, {steps} steps a card");
        assert!(statements <= STATEMENTS, "{what}: {statements} statements a card");
    };
    let send = || {
        for _ in 0..JOBS {
            story.job();
            if story.queued() == "0" {
                return;
            }
        }
        panic!("{} cards still stand in the queue: {:#?}", story.queued(), story.log());
    };
    timed("written", &|| story.act(&write_cards(count)).clear());
    timed("created", &send);
    assert_eq!(story.sandbox.cards().len(), count);
    timed("sold to", &|| story.act(&sell(count)).clear());
    timed("updated", &send);
    for (at, card) in story.sandbox.cards().iter().enumerate() {
        let name = card.get("CLIENT_NAME").and_then(|name| name.strip_prefix("Покупатель ")).unwrap_or_default();
        assert_eq!(card.get("BONUS"), Some(name), "card {at}");
    }
}
