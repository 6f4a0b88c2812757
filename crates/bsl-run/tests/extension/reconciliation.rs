//! The walk over the service's cards: what became of creations whose outcome nobody knows, and nothing is created before it.

use std::sync::{Arc, Mutex};

use chrono::Duration;
use infobase::metadata::declared::Variant;
use infobase::{Infobase, Record, Right, User};
use passteam_sandbox::{Card, Drop, Fault};

use crate::stage::{bare, metadata, untouched};
use crate::story::{Story, changed};
use crate::turns::{count_waits, hold, release};

const JOB: &str = "СверкаPassteam";
pub const WALK: &str = "CommonModules/СверкаPassteam/Ext/Module.bsl";
const PAGE: &str = "getCardsWithPagination";
/// The register of the cards that a walk has met.
const MET: &str = "РегистрСведений.КартыСервисаPassteam";
const NEVER_WHOLE: &str = "СверкаPassteam.Состояние().Закончена = Дата(1, 1, 1)";

fn walk(story: &Story) {
    story.act("СверкаPassteam.Сверить()");
}

fn state(story: &Story, field: &str) -> String {
    story.ask(&format!("СверкаPassteam.Состояние().{field}"))
}

/// The cards that a person is shown for this one, a line each.
fn found(story: &Story, name: &str) -> String {
    story.run(&format!(
        r#"Строки = Новый Массив;
		Для Каждого Найденная Из СверкаPassteam.НайденныеКарты(Карта("{name}")) Цикл
			Строки.Добавить(Найденная.Идентификатор + " совпало: " + Найденная.Совпало + " отличается: " + Найденная.Отличается
				+ " у карты: " + Найденная.КартаБазы);
		КонецЦикла;
		Возврат СтрСоединить(Строки, Символы.ПС);"#
    ))
}

/// The service has carried the next creation out, and its answer is lost.
fn lose_the_answer(story: &Story) {
    story.sandbox.push_fault(Fault::of("createcard").drop_connection(Drop::AfterProcessing));
}

/// The next creation is not carried out, and nobody knows that.
fn lose_the_request(story: &Story) {
    story.sandbox.push_fault(Fault::of("createcard").drop_connection(Drop::BeforeAnswer));
}

/// Anna's creation has an outcome that nobody knows, and a late request can no longer arrive.
fn unknown(lose: impl Fn(&Story)) -> Story {
    unknown_among(0, lose)
}

/// The same, and the service had so many other cards before.
fn unknown_among(others: usize, lose: impl Fn(&Story)) -> Story {
    let story = Story::new();
    story.sandbox.add_cards(others).unwrap();
    lose(&story);
    story.new_card("Анна", "+7 916 123-45-67");
    story.job();
    story.sandbox.clear_faults();
    assert_eq!((story.state("Анна").as_str(), &*story.entry("Анна", "ИсходНеизвестен")), ("ТребуетРешения", "Да"));
    story.wait(Duration::hours(2));
    story
}

fn page_of(cards: &[&Card], next: &str) -> String {
    let cards: Vec<_> = cards
        .iter()
        .map(|card| {
            format!(r#"{{"cardId": "{}", "values": {{"%PHONE%": "{}"}}}}"#, card.id, card.get("PHONE").unwrap())
        })
        .collect();
    format!(
        r#"{{"code": 200, "error": false, "message": "", "result": {{"cards": [{}], "nextPage": {next}}}}}"#,
        cards.join(",")
    )
}

#[test]
fn a_creation_whose_answer_was_lost_gets_its_card() {
    let story = unknown(lose_the_answer);
    story.sell("Анна", 70);
    let card = story.served("Анна").unwrap();
    walk(&story);
    assert_eq!(story.id("Анна"), card.id);
    assert_eq!(story.state("Анна"), "КОтправке");
    story.job();
    assert_eq!((story.queued().as_str(), story.shown("Анна").as_str()), ("0", "70"));
    assert_eq!(state(&story, "Новых"), "1");
    assert_eq!(state(&story, "Расхождений"), "0");
}

#[test]
fn a_creation_that_never_arrived_is_made_again() {
    let story = unknown(lose_the_request);
    walk(&story);
    assert_eq!(story.state("Анна"), "КОтправке");
    story.job();
    assert_eq!(story.id("Анна"), story.served("Анна").unwrap().id);
}

/// The walk began while the request could still arrive.
#[test]
fn a_walk_that_began_too_early_repeats_nothing() {
    let story = Story::new();
    lose_the_request(&story);
    story.new_card("Анна", "+7 916 123-45-67");
    story.job();
    story.wait(Duration::minutes(15));
    walk(&story);
    assert_eq!(story.state("Анна"), "ТребуетРешения");
    story.wait(Duration::hours(1));
    walk(&story);
    assert_eq!(story.state("Анна"), "КОтправке");
}

#[test]
fn a_creation_is_repeated_twice_at_most() {
    let story = unknown(lose_the_request);
    for repeats in 1..=2 {
        walk(&story);
        assert_eq!(story.state("Анна"), "КОтправке", "{repeats}");
        // A sale in between forgets nothing of it.
        story.sell("Анна", 1);
        lose_the_request(&story);
        story.job();
        story.sandbox.clear_faults();
        story.wait(Duration::hours(2));
    }
    let text = story.entry("Анна", "ПоследняяОшибка");
    walk(&story);
    assert_eq!(story.state("Анна"), "ТребуетРешения");
    assert_eq!(story.entry("Анна", "ПоследняяОшибка"), text);
    assert_eq!(state(&story, "Расхождений"), "1");
}

/// Without the unique variable the service would not refuse a second card.
#[test]
fn a_creation_without_the_unique_variable_is_not_repeated() {
    let story = unknown(lose_the_request);
    story.act("ИнтеграцияPassteam.УстановитьЗначениеНастройки(\"УникальнаяПеременная\", \"EMAIL\")");
    walk(&story);
    assert_eq!(story.state("Анна"), "ТребуетРешения");
}

/// A time-out may hide a refusal, and a refusal an own card: both are settled alike.
#[test]
fn a_duplicate_that_is_the_cards_own_is_settled() {
    let story = unknown(lose_the_answer);
    story.act("ОчередьPassteam.ПовторитьПередачу(Карта(\"Анна\"), Истина)");
    story.job();
    assert_eq!(story.entry("Анна", "ВидОшибки").trim(), "Duplicate");
    story.wait(Duration::hours(2));
    walk(&story);
    story.job();
    assert_eq!(story.id("Анна"), story.served("Анна").unwrap().id);
    assert_eq!(story.queued(), "0");
}

/// The same telephone, another customer: one's balance must never reach the other's wallet.
#[test]
fn a_card_that_only_shares_the_telephone_goes_to_a_person() {
    let story = Story::new();
    let husband = story.sent_card("Иван", "+7 916 123-45-67");
    story.new_card("Анна", "8 (916) 123-45-67");
    story.job();
    story.wait(Duration::hours(2));
    walk(&story);
    assert_eq!(story.entry("Анна", "ВидОшибки").trim(), "Duplicate");
    assert_eq!((story.id("Анна").as_str(), story.id("Иван")), ("", husband.id.clone()));
    assert_eq!(found(&story, "Анна"), format!("{} совпало:  отличается: CLIENT_NAME у карты: Иван", husband.id));
    assert_eq!(state(&story, "Расхождений"), "1");
    assert_eq!(
        story.ask(&format!("СверкаPassteam.Принять(Карта(\"Анна\"), \"{}\")", husband.id)),
        "Нет",
        "it is Ivan's"
    );
}

/// A card that a person made in the cabinet under a nickname: nobody but a person knows whose it is.
#[test]
fn a_person_accepts_a_found_card() {
    let story = unknown(lose_the_answer);
    let card = story.served("Анна").unwrap();
    // The card in the service is not what the request sent.
    story.act(&renamed(&card.id));
    walk(&story);
    assert_eq!((story.state("Анна").as_str(), story.id("Анна").as_str()), ("ТребуетРешения", ""));
    assert_eq!(found(&story, "Анна"), format!("{} совпало:  отличается: CLIENT_NAME у карты: ", card.id));
    let accept = |id: &str| story.ask(&format!("СверкаPassteam.Принять(Карта(\"Анна\"), \"{id}\")"));
    assert_eq!(accept("65a1b2c3d4e5f60718293a4b"), "Нет", "the walk has met no such card");
    assert_eq!(accept(&card.id), "Да");
    story.job();
    assert_eq!((story.id("Анна"), story.queued()), (card.id, "0".to_owned()));
    assert_eq!(state(&story, "Расхождений"), "0");
}

/// Two cards of one owner: both fit.
#[test]
fn a_card_that_fits_two_of_the_base_goes_to_neither() {
    let story = Story::just_installed(&untouched());
    story.new_card("Анна", "+7 916 123-45-67");
    story.act("ВтораяКарта(\"Вторая\", \"Анна\")");
    create(&story, "Анна", "79161234567");
    story.shop.run_job(JOB).unwrap();
    assert_eq!((story.id("Анна"), story.id("Вторая")), (String::new(), String::new()));
    assert_eq!(story.sandbox.cards().len(), 1);
}

/// A card in the service that this base does not know; its id.
fn create(story: &Story, name: &str, phone: &str) -> String {
    story.ask(&format!("СоздатьВСервисе(\"{name}\", \"{phone}\")"))
}

/// The error of one card's expression concerns that card alone.
#[test]
fn a_unique_variable_that_cannot_be_evaluated_stops_no_walk() {
    let story = Story::just_installed(&untouched());
    story.act(
        r#"Переменные = ДанныеPassteam.Переменные();
		Для Каждого Строка Из Переменные Цикл
			Если Строка.Имя = "PHONE" Тогда
				Строка.Источник = "Выражение";
				Строка.Значение = "?(Параметры.Владелец = ""Анна"", Параметры.Телефон, 1 / 0)";
			КонецЕсли;
		КонецЦикла;
		ДанныеPassteam.ЗаписатьПеременные(Переменные);
		ИнтеграцияPassteam.УстановитьЗначениеНастройки("УникальнаяПеременная", "PHONE")"#,
    );
    let anna = create(&story, "Анна", "79161234567");
    story.new_card("Борис", "+7 916 123-45-68");
    story.new_card("Анна", "+7 916 123-45-67");
    walk(&story);
    assert_eq!((story.id("Анна"), story.id("Борис")), (anna, String::new()));
    assert_eq!(state(&story, "Идет"), "Нет");
}

/// A new installation in a shop whose cards are in the service already.
#[test]
fn nothing_is_created_before_the_first_walk_has_matched_everything() {
    let story = Story::just_installed(&untouched());
    story.sandbox.add_cards(60).unwrap();
    let anna = create(&story, "Анна", "+7 (916) 123-45-67");
    let other = create(&story, "Иванов", "79161234568");
    story.new_card("Анна", "8 916 123-45-67");
    story.new_card("Петров", "79161234568");
    story.new_card("Новая", "79161234569");
    story.job();
    assert_eq!(story.sandbox.cards().len(), 62, "no creation yet");
    story.shop.run_job(JOB).unwrap();
    assert_eq!(story.id("Анна"), anna);
    assert_eq!((story.id("Петров"), story.id("Новая")), (String::new(), String::new()));
    assert_eq!(
        ["Страниц", "Найдено", "Сопоставлено", "Новых"].map(|field| state(&story, field)),
        ["2", "62", "1", "1"]
    );
    story.job();
    assert_eq!(story.id("Новая"), story.served("Новая").unwrap().id);
    assert_eq!(story.entry("Петров", "ВидОшибки").trim(), "Duplicate");
    assert!(found(&story, "Петров").starts_with(&other));
}

/// A replaced card is not sent: its place is its successor's.
#[test]
fn a_found_card_goes_to_the_card_that_replaced_another() {
    let story = Story::just_installed(&untouched());
    story.new_card("Анна", "+7 916 123-45-67");
    story.act("ВтораяКарта(\"Новая\", \"Анна\"); Заменить(\"Анна\", \"Новая\")");
    let card = create(&story, "Анна", "79161234567");
    story.shop.run_job(JOB).unwrap();
    assert_eq!((story.id("Анна"), story.id("Новая")), (String::new(), card));
}

/// The answer was lost, the card was replaced before the walk, and the new card was refused as the lost one's twin.
#[test]
fn a_lost_creation_of_a_replaced_card_goes_to_its_successor() {
    let story = unknown(lose_the_answer);
    let card = story.served("Анна").unwrap();
    story.act("ВтораяКарта(\"Новая\", \"Анна\"); Заменить(\"Анна\", \"Новая\")");
    story.job();
    assert_eq!((story.entry("Новая", "ВидОшибки").trim(), story.sandbox.cards().len()), ("Duplicate", 1));
    walk(&story);
    story.job();
    story.job();
    assert_eq!((story.id("Анна"), story.id("Новая")), (String::new(), card.id));
    assert_eq!((story.queue(), story.sandbox.cards().len()), (String::new(), 1));
}

/// More cards than a run decides about, and nobody can decide about the first of them: the last are reached all the same.
#[test]
fn cards_that_cannot_be_decided_do_not_keep_a_walk_from_its_end() {
    let story = large_shop();
    for number in 100..180 {
        // Another customer's card with the same phone, twice: nothing is taken by itself.
        let phone = format!("79161234{number}");
        story.act(&format!("КартаВладельца(\"Д{number}\", Карта(\"К{number}\").ВладелецКарты)"));
        if number != 101 && number != 150 {
            create(&story, &format!("К{number}"), &phone);
        }
    }
    // What takes time is to read the cards' data.
    story.watch(|shop, _, call| {
        if call == "Запрос.ВыполнитьПакет" {
            shop.infobase(|base| base.advance(Duration::seconds(40)));
        }
    });
    let mut runs = 0;
    while runs == 0 || state(&story, "Идет") == "Да" {
        assert!(runs < 60, "the walk comes to its end");
        story.act(&format!("СверкаPassteam.Сверить({SOON})"));
        runs += 1;
    }
    assert_ne!(story.id("К188"), "");
    assert_eq!((story.id("К110"), story.id("Д110")), (String::new(), String::new()));
}

#[test]
fn pages_that_cannot_be_read_leave_the_confirmation_to_a_person() {
    let story = Story::just_installed(&untouched());
    story.new_card("Анна", "+7 916 123-45-67");
    let unreadable = Fault::of(PAGE).body(r#"{"code": 200, "result": {"cards": "?"}}"#);
    (0..9).for_each(|_| story.sandbox.push_fault(unreadable.clone()));
    story.shop.run_job(JOB).unwrap();
    assert!(state(&story, "Ошибка").contains("страница 1 не прочиталась. BadResponse"), "{}", state(&story, "Ошибка"));
    assert_eq!(story.ask(NEVER_WHOLE), "Да");
    story.job();
    assert_eq!(story.sandbox.cards().len(), 0);
    story.act("СервисПуст()");
    story.job();
    assert_eq!(story.sandbox.cards().len(), 1);
}

/// The next run goes on from the page that failed.
#[test]
fn an_interrupted_walk_is_resumed() {
    let story = unknown(lose_the_answer);
    story.sandbox.add_cards(120).unwrap();
    let pages = |story: &Story| -> Vec<String> {
        let requests = story.sandbox.requests();
        requests.iter().filter_map(|request| request.field("page").map(str::to_owned)).collect()
    };
    story.before("GetCards", |story| {
        story.before("GetCards", |story| {
            (0..9).for_each(|_| story.sandbox.push_fault(Fault::of(PAGE).status(503)));
        });
    });
    walk(&story);
    assert_eq!(state(&story, "Страниц"), "1");
    assert!(state(&story, "Ошибка").contains("страница 2 не прочиталась"));
    assert_eq!(story.state("Анна"), "ТребуетРешения", "half a walk decides nothing");
    story.sandbox.clear_faults();
    story.sandbox.clear_requests();
    story.act(&format!("СверкаPassteam.Сверить({SOON})"));
    // The page that was read last is looked at once more: cards may have moved meanwhile.
    assert_eq!(pages(&story), ["1", "2", "3"]);
    assert_eq!(state(&story, "Ошибка"), "");
    assert_ne!(story.id("Анна"), "");
}

/// The keys of the pages that were read and those of the base's cards would be of two kinds: Anna's card would not be found.
#[test]
fn a_walk_whose_unique_variable_changes_begins_anew() {
    let choose = |story: &Story, name: &str| {
        story.act(&format!("ИнтеграцияPassteam.УстановитьЗначениеНастройки(\"УникальнаяПеременная\", \"{name}\")"));
    };
    let story = unknown_among(60, lose_the_answer);
    story.sandbox.add_cards(60).unwrap();
    choose(&story, "CLIENT_NAME");
    story.before("GetCards", |story| story.before("GetCards", |story| story.wait(Duration::minutes(10))));
    walk(&story);
    assert_eq!(
        (state(&story, "Страниц").as_str(), state(&story, "Идет").as_str()),
        ("2", "Да"),
        "hers is on the second"
    );
    choose(&story, "PHONE");
    walk(&story);
    assert_eq!((story.id("Анна"), state(&story, "Идет")), (story.served("Анна").unwrap().id, "Нет".to_owned()));

    // What a person is offered is compared anew, and the next walk does not wait for the night.
    let other = unknown(lose_the_answer);
    other.act(&renamed(&other.served("Анна").unwrap().id));
    walk(&other);
    assert_ne!(found(&other, "Анна"), "");
    let told = |story: &Story| story.ask("ОчередьPassteam.СостояниеКарты(Карта(\"Анна\"))");
    assert!(!told(&other).contains("переменную сменили"));
    choose(&other, "CLIENT_NAME");
    assert!(told(&other).contains("переменную сменили"), "{}", told(&other));
    assert_eq!(found(&other, "Анна"), "");
    other.sandbox.clear_requests();
    other.wait(Duration::hours(2));
    other.shop.run_job(JOB).unwrap();
    assert_eq!(other.requests(PAGE), 1);
}

/// Others hold many records for long: the walk keeps to its time and goes on later.
#[test]
fn a_walk_that_meets_held_records_keeps_to_its_time() {
    let names: Vec<String> = (0..8).map(|number| format!("К{number}")).collect();
    for lose in [lose_the_answer, lose_the_request] {
        let story = Story::new();
        for (number, name) in names.iter().enumerate() {
            lose(&story);
            story.new_card(name, &format!("+7916123456{number}"));
            story.job();
            story.sandbox.clear_faults();
        }
        story.wait(Duration::hours(2));
        let holders: Vec<_> = names.iter().map(|name| hold(&story, name)).collect();
        let waits = count_waits(&story);
        story.act(&format!("СверкаPassteam.Сверить({SOON})"));
        assert_eq!((state(&story, "Идет"), waits()), ("Да".to_owned(), 4));
        holders.into_iter().for_each(|holder| release(&story, holder));
        walk(&story);
        story.job();
        assert_eq!(state(&story, "Идет"), "Нет");
        for name in &names {
            assert_eq!(story.id(name), story.served(name).unwrap().id);
        }
    }
}

/// How many keys are stored.
pub fn keys(story: &Story) -> usize {
    let body = r#"Запрос = Новый Запрос("ВЫБРАТЬ Ключи.Карта КАК Карта ИЗ РегистрСведений.КлючиКартPassteam КАК Ключи");
		Возврат Запрос.Выполнить().Выгрузить().Количество()"#;
    story.run(body).parse().unwrap()
}

/// A new installation: the service has the cards of three of some hundreds of customers. Every portion takes half of a run.
fn large_shop() -> Story {
    let texts = changed(&[
        (WALK, "НаименьшееЧислоКарт = 200", "НаименьшееЧислоКарт = 20"),
        (WALK, "	Возврат 200;", "	Возврат 20;"),
    ]);
    let story = Story::with(&untouched(), texts);
    story.act("Для Номер = 100 По 189 Цикл НоваяКарта(\"К\" + Номер, \"79161234\" + Номер); КонецЦикла");
    for number in [101, 150, 188] {
        create(&story, &format!("К{number}"), &format!("79161234{number}"));
    }
    story.watch(|shop, _, call| {
        if call == "ЗафиксироватьТранзакцию" {
            shop.infobase(|base| base.advance(Duration::seconds(40)));
        }
    });
    story
}

/// Tens of thousands of cards whose values are to be computed: not longer than a run may take.
#[test]
fn cards_are_compared_in_portions_over_several_runs() {
    let story = large_shop();
    let mut stored = Vec::new();
    for run in 0..20 {
        if run == 1 {
            story.crash_before("ЗафиксироватьТранзакцию");
            assert!(story.act_as(User::administrator(), &format!("СверкаPassteam.Сверить({SOON})")).is_err());
        }
        story.act(&format!("СверкаPassteam.Сверить({SOON})"));
        stored.push(keys(&story));
        if state(&story, "Идет") == "Нет" {
            break;
        }
    }
    assert!(stored.len() > 2 && stored.windows(2).all(|pair| pair[1] - pair[0] <= 60), "{stored:?}");
    assert_eq!(stored.last(), Some(&90));
    for number in 100..190 {
        let name = format!("К{number}");
        assert_eq!(story.id(&name), story.served(&name).map(|card| card.id).unwrap_or_default(), "{name}");
    }
}

/// The key of a card was stored, then the card becomes another one's twin: the found card fits both now.
#[test]
fn what_changes_between_the_runs_of_a_walk_is_compared_anew() {
    let twin = r#"Объект = Карта("Двойник").ВладелецКарты.ПолучитьОбъект();
		Объект.Наименование = "К188";
		Объект.КонтактнаяИнформация[0].НомерТелефона = "79161234188";
		Объект.Записать()"#;
    let another = "ВтораяКарта(\"Вторая\", \"К188\")";
    for (change, taken) in [("", true), (twin, false), (another, false)] {
        let story = large_shop();
        story.new_card("Двойник", "79161234999");
        let run = || story.act_as(User::administrator(), &format!("СверкаPassteam.Сверить({SOON})"));
        run().unwrap();
        // The first decision locks a record.
        story.crash_before("БлокировкаДанных.Заблокировать");
        assert!((0..20).any(|_| run().is_err()));
        assert_eq!((keys(&story), story.id("К188")), (91, String::new()), "{change}");
        story.act(change);
        for _ in 0..20 {
            story.act(&format!("СверкаPassteam.Сверить({SOON})"));
            if state(&story, "Идет") == "Нет" {
                break;
            }
        }
        assert_eq!(!story.id("К188").is_empty(), taken, "{change}");
        assert_ne!(story.id("К101"), "", "{change}");
    }
}

const SOON: &str = "ТекущаяУниверсальнаяДата() + 60";

/// A limit of the run.
#[test]
fn a_run_ends_at_its_limit_and_the_next_goes_on() {
    let story = unknown(lose_the_answer);
    story.sandbox.add_cards(120).unwrap();
    story.act("СверкаPassteam.Сверить(ТекущаяУниверсальнаяДата() - 1)");
    assert_eq!((state(&story, "Страниц").as_str(), state(&story, "Идет").as_str()), ("0", "Да"));
    story.before("GetCards", |story| story.wait(Duration::minutes(10)));
    walk(&story);
    assert_eq!((state(&story, "Страниц").as_str(), story.id("Анна").as_str()), ("1", ""));
    assert!(story.shop.run_job(JOB).is_ok());
    assert_eq!(state(&story, "Идет"), "Нет");
    assert_ne!(story.id("Анна"), "");
}

/// A small shop on a weak computer reads some pages a day and is closed at night: its walk ends all the same.
#[test]
fn a_walk_may_take_days_as_long_as_it_gets_on() {
    let story = unknown(lose_the_answer);
    story.sandbox.add_cards(120).unwrap();
    for page in 1..=3 {
        story.before("GetCards", |story| story.wait(Duration::minutes(10)));
        if page > 1 {
            // The last page is looked at first.
            story.before("GetCards", |story| story.before("GetCards", |story| story.wait(Duration::minutes(10))));
        }
        walk(&story);
        assert_eq!(state(&story, "Страниц"), page.to_string());
        story.wait(Duration::hours(20));
    }
    walk(&story);
    assert_eq!(state(&story, "Идет"), "Нет");
    assert_ne!(story.id("Анна"), "");
}

/// What was read long ago says nothing any more.
#[test]
fn a_walk_that_got_nowhere_for_a_day_begins_anew() {
    let story = unknown(lose_the_answer);
    story.sandbox.add_cards(120).unwrap();
    story.before("GetCards", |story| story.wait(Duration::minutes(10)));
    walk(&story);
    let began = state(&story, "Начата");
    story.wait(Duration::hours(25));
    walk(&story);
    assert_ne!(state(&story, "Начата"), began);
}

/// Cards that move while they are read: some may have been passed over.
#[test]
fn a_shifted_page_begins_the_walk_anew() {
    let story = unknown(lose_the_request);
    story.sandbox.set_shape("order=newest".parse().unwrap());
    story.sandbox.add_cards(120).unwrap();
    story.before("GetCards", |story| story.before("GetCards", |story| story.sandbox.add_cards(1).unwrap()));
    story.sandbox.clear_requests();
    walk(&story);
    let pages: Vec<_> =
        story.sandbox.requests().iter().map(|request| request.field("page").unwrap().to_owned()).collect();
    assert_eq!(pages, ["1", "2", "1", "2", "3"]);
    assert_eq!((state(&story, "Найдено").as_str(), state(&story, "Ошибка").as_str()), ("121", ""));
    assert_eq!(story.state("Анна"), "КОтправке");
}

/// A service that answers every page with the same cards has not shown the others.
#[test]
fn a_repeated_page_changes_nothing() {
    let story = unknown(lose_the_request);
    story.sandbox.add_cards(60).unwrap();
    let cards = story.sandbox.cards();
    let first: Vec<_> = cards.iter().take(50).collect();
    for next in ["2", "null"].iter().cycle().take(12) {
        story.sandbox.push_fault(Fault::of(PAGE).body(page_of(&first, next)));
    }
    walk(&story);
    assert!(state(&story, "Ошибка").contains("уже встречались"), "{}", state(&story, "Ошибка"));
    assert_eq!((state(&story, "Идет"), story.ask(NEVER_WHOLE)), ("Да".to_owned(), "Да".to_owned()));
    assert_eq!(story.state("Анна"), "ТребуетРешения");
    story.sandbox.clear_faults();
    walk(&story);
    assert_eq!((state(&story, "Идет").as_str(), story.state("Анна").as_str()), ("Нет", "КОтправке"));
}

/// Past its end a service may show the last page again. Cards that have moved by just a page look the same at first.
#[test]
fn a_last_page_that_is_repeated_ends_the_walk_if_it_is_in_its_place() {
    for (second, pages) in [(50..60, "1 2 3 2"), (40..50, "1 2 3 2 1 2")] {
        let story = unknown(lose_the_request);
        story.sandbox.add_cards(60).unwrap();
        let cards = story.sandbox.cards();
        for (range, next) in [(0..50, "2"), (50..60, "3"), (50..60, "4"), (second, "3")] {
            let page: Vec<_> = cards[range].iter().collect();
            story.sandbox.push_fault(Fault::of(PAGE).body(page_of(&page, next)));
        }
        story.sandbox.clear_requests();
        walk(&story);
        let requests = story.sandbox.requests();
        let asked: Vec<_> = requests.iter().filter_map(|request| request.field("page")).collect();
        assert_eq!(asked.join(" "), pages);
        assert_eq!((state(&story, "Идет").as_str(), state(&story, "Найдено").as_str()), ("Нет", "60"));
        assert_eq!(story.state("Анна"), "КОтправке");
    }
}

/// Between two runs a card was deleted: what stood on page 2 may stand on page 1 now.
#[test]
fn cards_that_move_between_two_runs_begin_the_walk_anew() {
    let story = unknown(lose_the_answer);
    story.sandbox.add_cards(120).unwrap();
    story.before("GetCards", |story| story.wait(Duration::minutes(10)));
    walk(&story);
    assert_eq!(state(&story, "Страниц"), "1");
    let last = story.sandbox.cards()[20].id.clone();
    assert!(story.sandbox.delete_card(&last));
    story.sandbox.clear_requests();
    walk(&story);
    let pages: Vec<_> =
        story.sandbox.requests().iter().map(|request| request.field("page").unwrap().to_owned()).collect();
    assert_eq!(pages, ["1", "1", "2", "3"]);
    assert_eq!(state(&story, "Найдено"), "120");
}

#[test]
fn links_and_installation_are_refreshed() {
    let story = Story::new();
    let card = story.sent_card("Анна", "+7 916 123-45-67");
    story.wait(Duration::minutes(1));
    story.sandbox.set_installed(&card.id, true);
    story.act("УстановитьСсылку(\"Анна\", \"прежняя\")");
    walk(&story);
    let service = "КартыPassteam.КартаСервиса(Карта(\"Анна\"), ИнтеграцияPassteam.АдресСервиса())";
    assert_eq!(story.ask(&format!("{service}.Установлена")), "Да");
    assert_eq!(story.ask(&format!("{service}.Ссылка")), card.url);
    assert_eq!(story.queued(), "0", "nothing is to be sent");
    // The service may leave the link out: then the known one stays.
    let bare = page_of(&[&card], "null");
    story.sandbox.push_fault(Fault::of(PAGE).body(bare));
    walk(&story);
    assert_eq!(story.ask(&format!("{service}.Ссылка")), card.url);
    assert_eq!(story.ask(&format!("{service}.Установлена")), "Да", "pages that name no installation say nothing of it");
    // Another customer has installed the card, and this one has thrown it away.
    let boris = story.sent_card("Борис", "+7 916 123-45-68");
    story.sandbox.set_installed(&boris.id, true);
    story.sandbox.set_installed(&card.id, false);
    story.wait(Duration::minutes(1));
    walk(&story);
    assert_eq!(story.ask(&format!("{service}.Установлена")), "Нет");
}

/// Ten known cards of which some are gone.
fn ten_cards(gone: usize) -> Story {
    let story = Story::new();
    story.act("Для Номер = 1 По 10 Цикл НоваяКарта(\"К\" + Номер, \"+791612345\" + (10 + Номер)); КонецЦикла");
    story.job();
    assert_eq!(story.sandbox.cards().len(), 10);
    story.wait(Duration::minutes(1));
    for card in story.sandbox.cards().iter().take(gone) {
        story.sandbox.delete_card(&card.id);
    }
    story
}

const GONE: &str = "КартыPassteam.НеНайденные(ИнтеграцияPassteam.АдресСервиса()).Количество()";

#[test]
fn a_card_that_has_gone_from_the_service_is_listed_and_keeps_its_id() {
    let story = ten_cards(1);
    let id = story.id("К1");
    walk(&story);
    assert_eq!((story.ask(GONE).as_str(), state(&story, "Расхождений").as_str()), ("1", "1"));
    assert_eq!(story.id("К1"), id);
    // A person clears it, and the card is made anew.
    story.act("Внести(\"К1\", \"\")");
    assert_eq!(story.ask(GONE), "0");
    story.job();
    assert_eq!(story.sandbox.cards().len(), 10);
}

#[test]
fn a_walk_that_met_less_than_nine_tenths_lists_nothing() {
    let story = ten_cards(2);
    walk(&story);
    assert_eq!(story.ask(GONE), "0");
    assert!(
        state(&story, "Ошибка").contains("из 10 известных карт в сервисе нашлось 8"),
        "{}",
        state(&story, "Ошибка")
    );
}

/// The next page shows none of the cards that the base knows, as that of another template does.
fn show_no_cards(story: &Story) {
    story.sandbox.push_fault(Fault::of(PAGE).body(page_of(&[], "null")));
}

/// What a walk over another template's cards has not met may well be in the service.
#[test]
fn a_walk_that_met_hardly_any_known_card_repeats_no_creation() {
    let story = ten_cards(0);
    lose_the_answer(&story);
    story.new_card("Анна", "+7 916 123-45-67");
    story.job();
    story.sandbox.clear_faults();
    story.wait(Duration::hours(2));
    show_no_cards(&story);
    walk(&story);
    assert_eq!(story.state("Анна"), "ТребуетРешения");
    let error = state(&story, "Ошибка");
    assert!(error.contains("из 10 известных карт в сервисе нашлось 0"), "{error}");
    walk(&story);
    assert_eq!(story.id("Анна"), story.served("Анна").unwrap().id);
}

/// Nor does it say which cards are still to be created. It is not repeated every few minutes.
#[test]
fn a_walk_that_met_hardly_any_known_card_lets_nothing_be_created() {
    let story = ten_cards(0);
    story.act("ИнтеграцияPassteam.УстановитьЗначениеНастройки(\"СверкаЗавершена\", \"\")");
    story.new_card("Анна", "+7 916 123-45-67");
    show_no_cards(&story);
    let pages = || story.sandbox.requests().iter().filter(|request| request.method == PAGE).count();
    for _ in 0..3 {
        story.shop.run_job(JOB).unwrap();
        story.job();
        assert_eq!((state(&story, "Идет").as_str(), pages(), story.sandbox.cards().len()), ("Нет", 1, 10));
        story.wait(Duration::minutes(10));
    }
    story.wait(Duration::hours(1));
    story.shop.run_job(JOB).unwrap();
    story.job();
    assert!(story.served("Анна").is_some());
}

#[test]
fn a_card_that_is_met_again_leaves_the_list() {
    let story = ten_cards(0);
    let cards = story.sandbox.cards();
    let nine: Vec<_> = cards.iter().skip(1).collect();
    story.sandbox.push_fault(Fault::of(PAGE).body(page_of(&nine, "null")));
    walk(&story);
    assert_eq!(story.ask(GONE), "1");
    walk(&story);
    assert_eq!(story.ask(GONE), "0");
}

/// Whatever broke, once the walk is through nobody has anything to do but for real conflicts.
#[test]
fn after_an_outage_the_list_for_a_person_is_empty() {
    for fault in [
        Fault::of("createcard").status(503),
        Fault::of("createcard").drop_connection(Drop::AfterProcessing),
        Fault::of("createcard").drop_connection(Drop::BeforeAnswer),
        Fault::of("createcard").body("<html>"),
        Fault::of("createcard").drop_connection(Drop::AfterBytes(5)),
    ] {
        let story = Story::new();
        (0..4).for_each(|_| story.sandbox.push_fault(fault.clone()));
        story.act("Для Номер = 1 По 6 Цикл НоваяКарта(\"К\" + Номер, \"+791612345\" + (10 + Номер)); КонецЦикла");
        for _ in 0..4 {
            story.job();
            story.wait(Duration::hours(2));
        }
        story.sandbox.clear_faults();
        for _ in 0..3 {
            walk(&story);
            story.job();
            story.wait(Duration::hours(2));
        }
        assert_eq!(story.queued(), "0", "{fault:?}: {:#?}", story.log());
        assert_eq!(story.sandbox.cards().len(), 6, "{fault:?}");
    }
}

/// The register of cards is lost with a restored copy: the first walk finds everything again.
#[test]
fn an_emptied_register_is_filled_by_a_walk_before_anything_is_created() {
    let story = ten_cards(0);
    let id = story.id("К3");
    story.act("Опустошить(\"КартыPassteam\")");
    // One id comes from a file: the register is no more complete than before.
    story.act(&format!("Внести(\"К3\", \"{id}\")"));
    story.new_card("Новая", "+79991112233");
    story.night();
    story.job();
    assert_eq!(story.sandbox.cards().len(), 10);
    story.shop.run_job(JOB).unwrap();
    story.job();
    assert_eq!(story.sandbox.cards().len(), 11);
    assert_eq!(story.id("К3"), id);
    assert_eq!(story.queued(), "0", "{:#?}", story.log());
}

/// Once a day, at night; a base that does not work at night is not left out.
#[test]
fn the_job_walks_once_a_day() {
    let story = Story::new();
    let walks = || story.sandbox.requests().iter().filter(|request| request.method == PAGE).count();
    let mut seen = Vec::new();
    // From nine in the morning.
    for _ in 0..48 {
        let before = walks();
        story.shop.run_job(JOB).unwrap();
        if walks() > before {
            seen.push(story.ask("Формат(ТекущаяДатаСеанса(), \"ДФ=dd.HH\")"));
        }
        story.wait(Duration::hours(1));
    }
    let hours: Vec<_> = seen.iter().map(|hour| hour.split_once('.').unwrap().1.to_owned()).collect();
    assert_eq!(hours.len(), 3, "{seen:?}");
    assert_eq!(hours[0], "09", "none before: {seen:?}");
    assert!(hours[1..].iter().all(|hour| hour == "01"), "{seen:?}");
    story.wait(Duration::hours(30));
    let before = walks();
    story.shop.run_job(JOB).unwrap();
    assert_eq!(walks(), before + 1);
}

#[test]
fn a_base_that_may_not_send_walks_nowhere() {
    let story = Story::new();
    story.hide_sandbox();
    story.shop.infobase(|base| base.lock_external_resources(true));
    walk(&story);
    story.shop.run_job(JOB).unwrap();
    story.shop.infobase(|base| base.lock_external_resources(false));
    story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь)");
    walk(&story);
    story.shop.run_job(JOB).unwrap();
    assert_eq!(story.sandbox.requests().len(), 0);
}

/// The base may lack БСП, replacements, accumulating cards; a file base has a short run.
#[test]
fn every_base_that_the_extension_may_meet_reconciles() {
    let full = Variant::retail_23();
    for variant in [bare(), Variant { file_base: true, ..full.clone() }, Variant { mixed_lock_mode: false, ..full }] {
        let story = Story::just_installed(&variant);
        let card = create(&story, "Анна", "79161234567");
        story.new_card("Анна", "+7 916 123-45-67");
        story.shop.run_job(JOB).unwrap();
        assert_eq!(story.id("Анна"), card, "{variant:?}");
        assert_eq!(story.log(), Vec::<String>::new(), "{variant:?}");
    }
}

/// Wherever the process dies, the next run ends as if nothing had happened.
#[test]
fn a_walk_that_dies_anywhere_is_finished_by_the_next() {
    let calls = [
        "GetCards",
        "БлокировкаДанных.Заблокировать",
        "Записать",
        "Запись набора",
        "НачатьТранзакцию",
        "ЗафиксироватьТранзакцию",
    ];
    let story = Story::new();
    story.sandbox.add_cards(60).unwrap();
    for (number, call) in calls.into_iter().chain(calls).enumerate() {
        let name = format!("К{number}");
        lose_the_answer(&story);
        story.new_card(&name, &format!("+791612345{}", 10 + number));
        story.job();
        story.sandbox.clear_faults();
        story.wait(Duration::hours(2));
        if number < calls.len() {
            story.crash_before(call);
        } else {
            story.before(call, move |story| story.crash_before(call));
        }
        let died = story.act_as(User::administrator(), "СверкаPassteam.Сверить()");
        assert!(died.is_err(), "{number} {call}");
        walk(&story);
        story.job();
        let card = story.served(&name).unwrap();
        assert_eq!((story.id(&name), story.queued()), (card.id, "0".to_owned()), "{number} {call}");
        assert_eq!(state(&story, "Идет"), "Нет", "{number} {call}");
    }
}

/// One transaction over a hundred thousand cards would hold a file base for minutes.
#[test]
fn a_former_walk_is_forgotten_page_by_page() {
    let story = Story::new();
    story.sandbox.add_cards(120).unwrap();
    walk(&story);
    let seen = Arc::new(Mutex::new((120, 0)));
    let noted = seen.clone();
    story.watch(move |shop, session, _| {
        let read = |base: &mut Infobase| base.read_records(session, MET, &Record::new()).unwrap().len();
        let count: usize = shop.infobase(read);
        let mut seen = noted.lock().unwrap();
        *seen = (count, seen.1.max(count.abs_diff(seen.0)));
    });
    walk(&story);
    assert_eq!(seen.lock().unwrap().1, 50, "the most that one call has changed");
}

/// What is left of the former pages when a run dies that begins the walk anew counts for nothing.
#[test]
fn a_walk_that_dies_while_it_begins_anew_is_begun_anew() {
    let story = Story::new();
    story.sandbox.add_cards(101).unwrap();
    let cards = story.sandbox.cards();
    let third = page_of(&[&cards[100]], "4");
    story.before("GetCards", move |story| {
        story.before("GetCards", move |story| {
            story.before("GetCards", move |story| {
                story.sandbox.push_fault(Fault::of(PAGE).body(third));
                story.wait(Duration::minutes(10));
            });
        });
    });
    walk(&story);
    assert_eq!(state(&story, "Страниц"), "3");
    // Its last page is another one for once, so the pages are deleted; then the process dies, and the third page's card too.
    story.sandbox.push_fault(Fault::of(PAGE).body(page_of(&[&cards[0]], "4")));
    story.before("Запись набора", |story| {
        story.before("Запись набора", |story| story.crash_before("Запись набора"))
    });
    assert!(story.act_as(User::administrator(), "СверкаPassteam.Сверить()").is_err());
    assert!(story.sandbox.delete_card(&cards[100].id));
    walk(&story);
    assert_eq!((state(&story, "Идет").as_str(), state(&story, "Найдено").as_str()), ("Нет", "100"));
}

#[test]
fn two_walks_do_not_meet() {
    let story = unknown(lose_the_answer);
    story.sandbox.add_cards(60).unwrap();
    story.before("GetCards", walk);
    story.sandbox.clear_requests();
    walk(&story);
    assert_eq!(story.sandbox.requests().len(), 2, "the second one went away");
    assert_ne!(story.id("Анна"), "");
}

/// A sale and a correction that come between the comparison and its outcome.
#[test]
fn a_card_that_changed_while_it_was_compared_is_left_to_the_next_walk() {
    let story = Story::just_installed(&untouched());
    let card = create(&story, "Анна", "79161234567");
    story.new_card("Анна", "+7 916 123-45-67");
    story.before("НачатьТранзакцию", |story| {
        // The page is stored in a transaction of its own; the next one gives the card its id.
        story.before("НачатьТранзакцию", |story| {
            story.act("УстановитьРеквизит(\"Анна\", \"КодКарты\", \"1\")").clear()
        });
    });
    walk(&story);
    assert_eq!(story.id("Анна"), "");
    walk(&story);
    assert_eq!(story.id("Анна"), card);
}

/// What a role may do stands in the forms: past them it changes nothing.
#[test]
fn roles_settle_nothing_past_the_forms() {
    let story = unknown(lose_the_answer);
    let card = story.served("Анна").unwrap();
    let metadata = metadata(&untouched());
    story.act(&renamed(&card.id));
    story.act("СверкаPassteam.Сверить()");
    let accept = format!("СверкаPassteam.Принять(Карта(\"Анна\"), \"{}\")", card.id);
    for role in ["ПросмотрPassteam", "НастройкаPassteam"] {
        for text in ["СверкаPassteam.Сверить()", accept.as_str()] {
            let user = User::limited("Человек").grant("Справочник.ИнформационныеКарты", Right::Read);
            let error = story.act_as(user.with_role(&metadata, role), text).unwrap_err();
            assert!(error.contains("Недостаточно прав"), "{role} {text}: {error}");
        }
    }
    assert_eq!(story.id("Анна"), "");
}

/// Gives the service's card another name.
fn renamed(id: &str) -> String {
    format!(
        "Компонента = ИнтеграцияPassteam.НоваяКомпонента(); Компонента.SetValue(\"CLIENT_NAME\", \"Анюта\"); \
         Компонента.UpdateCard(\"{id}\")"
    )
}
