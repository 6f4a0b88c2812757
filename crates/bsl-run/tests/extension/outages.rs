//! Outages and bad cards: the queue tells them apart, an outage takes nothing from a card, and a bad card stops no other.

use chrono::Duration;
use passteam_sandbox::{Fault, RecordedRequest};

use crate::story::Story;

/// The service cannot say what is wrong.
fn broken(method: &str) -> Fault {
    Fault::of(method).code(500).message("Internal server error.")
}

fn fail(story: &Story, fault: &Fault, times: usize) {
    (0..times).for_each(|_| story.sandbox.push_fault(fault.clone()));
}

/// Cards К1, К2 … that the service has.
fn served(count: usize) -> Story {
    let story = Story::new();
    new_cards(&story, 1, count);
    story.job();
    story.sandbox.clear_requests();
    story
}

fn new_cards(story: &Story, from: usize, to: usize) {
    story.act(&format!(
        "Для Номер = {from} По {to} Цикл НоваяКарта(\"К\" + Номер, \"+791600000\" + (10 + Номер)); КонецЦикла"
    ));
}

fn sell_to(story: &Story, cards: usize) {
    story.act(&format!("Для Номер = 1 По {cards} Цикл Движение(\"К\" + Номер, 1); КонецЦикла"));
}

fn methods(story: &Story) -> Vec<String> {
    story.sandbox.requests().iter().map(|request| request.method.clone()).collect()
}

fn count(story: &Story, method: &str) -> usize {
    methods(story).iter().filter(|known| *known == method).count()
}

fn updated(request: &RecordedRequest) -> String {
    request.form.iter().find(|(name, _)| name == "cardId").map(|(_, id)| id.clone()).unwrap_or_default()
}

fn tries(story: &Story, cards: usize) -> Vec<String> {
    (1..=cards).map(|number| story.entry(&format!("К{number}"), "Попыток")).collect()
}

/// What the last run has left for the next one.
fn outage(story: &Story) -> String {
    story.ask("ИнтеграцияPassteam.ЗначениеНастройки(\"СбойПередачи\")")
}

#[test]
fn one_bad_card_stops_no_other_and_ends_in_the_list() {
    let story = served(3);
    sell_to(&story, 3);
    new_cards(&story, 4, 4);
    story.sandbox.push_fault(broken("updatecard"));
    story.job();
    let bad = story.queue();
    assert!(bad.len() == "К1".len(), "one card is left, the new one is created in the same run: {bad}");
    assert_eq!(story.entry(&bad, "Попыток"), "1");
    assert_eq!(outage(&story), "");
    for tries in 2..=6 {
        assert_eq!(story.state(&bad), "КОтправке");
        story.wait(Duration::hours(2));
        story.sandbox.push_fault(broken("updatecard"));
        story.job();
        assert_eq!(story.entry(&bad, "Попыток"), tries.to_string());
    }
    assert_eq!(story.state(&bad), "ТребуетРешения");
    assert_eq!(story.entry(&bad, "ВидОшибки").trim(), "ServerError");
    let told = story.ask(&format!("ОчередьPassteam.СостояниеКарты(Карта(\"{bad}\"))"));
    assert!(told.contains("Остальные карты сервис принимает"), "{told}");
    // A person decides, not before a late request can no longer arrive.
    story.act(&format!("ОчередьPassteam.ПовторитьПередачу(Карта(\"{bad}\"))"));
    story.job();
    assert_eq!(story.queue(), bad);
    story.wait(Duration::minutes(5));
    story.job();
    assert_eq!(story.queue(), "");
    assert_eq!(story.shown(&bad), "1");
}

#[test]
fn an_outage_ends_the_run_takes_no_try_and_the_next_run_begins_with_one_other_update() {
    let story = served(5);
    sell_to(&story, 5);
    new_cards(&story, 6, 6);
    fail(&story, &broken("updatecard"), 20);
    story.job();
    assert_eq!(count(&story, "updatecard"), 5);
    assert_eq!(count(&story, "createcard"), 0, "no further portion");
    assert_eq!(tries(&story, 5), ["0"; 5]);
    let ended = outage(&story);
    assert!(!ended.is_empty());
    // The outage goes on: one request, and not of the card on which the last run ended.
    story.wait(Duration::minutes(6));
    story.sandbox.clear_requests();
    story.job();
    assert_eq!(methods(&story), ["updatecard"]);
    let ended_id = story.ask(&format!(
        "КартыPassteam.КартаСервиса(Справочники.ИнформационныеКарты.ПолучитьСсылку(Новый \
         УникальныйИдентификатор(\"{ended}\")), ИнтеграцияPassteam.АдресСервиса()).Идентификатор"
    ));
    assert_ne!(updated(&story.sandbox.requests()[0]), ended_id);
    assert_ne!(outage(&story), ended);
    assert_eq!(tries(&story, 5), ["0"; 5]);
    // The outage is over.
    story.sandbox.clear_faults();
    story.wait(Duration::minutes(6));
    story.job();
    assert_eq!(story.queue(), "");
    assert_eq!(story.balances(), "К1=1 К2=1 К3=1 К4=1 К5=1 К6=0");
    assert_eq!(outage(&story), "");
}

/// A few bad cards alone in the queue: the service names its templates, so it works, and creations need not wait.
#[test]
fn a_bad_card_alone_does_not_hold_up_creations() {
    let story = served(1);
    sell_to(&story, 1);
    new_cards(&story, 2, 2);
    story.sandbox.push_fault(broken("updatecard"));
    story.job();
    assert_eq!(story.queue(), "К1");
    assert_eq!(story.entry("К1", "Попыток"), "1");
    assert_eq!(count(&story, "createcard"), 1);
}

#[test]
fn without_an_update_the_templates_are_the_probe_and_never_a_creation() {
    let story = Story::new();
    new_cards(&story, 1, 3);
    fail(&story, &Fault::of("gettemplates").status(503), 9);
    story.job();
    assert_eq!(count(&story, "createcard"), 0);
    assert!(!outage(&story).is_empty());
    story.job();
    assert_eq!(count(&story, "createcard"), 0);
    assert!(story.sandbox.cards().is_empty());
    story.sandbox.clear_faults();
    // A portion that was not sent has lost nothing: it goes out at once.
    story.job();
    assert_eq!(story.queue(), "");
    assert_eq!(story.sandbox.cards().len(), 3);
}

/// A service that refuses is there: it would refuse the probe in every run, for ever.
#[test]
fn templates_that_the_service_refuses_stop_no_creation() {
    for code in [400, 404] {
        let story = Story::new();
        new_cards(&story, 1, 3);
        fail(&story, &Fault::of("gettemplates").code(code).message("No."), 9);
        story.job();
        assert_eq!((story.sandbox.cards().len(), story.queue()), (3, String::new()), "{code}");
        assert_eq!(outage(&story), "");
    }
}

/// Too many requests: the service wants to be left alone for so many seconds.
fn limited(method: &str, seconds: &str) -> Fault {
    Fault::of(method).status(429).code(429).header("Retry-After", seconds)
}

/// A limit takes nothing away, neither a try nor the turn.
#[test]
fn a_limit_takes_nothing_from_updates_and_creations() {
    let story = served(2);
    sell_to(&story, 2);
    fail(&story, &limited("updatecard", "600"), 2);
    story.job();
    assert_eq!(tries(&story, 2), ["0"; 2]);
    assert_eq!(story.balances(), "К1=0 К2=0");
    story.sandbox.clear_faults();
    story.wait(Duration::minutes(11));
    story.job();
    assert_eq!(story.balances(), "К1=1 К2=1");
    new_cards(&story, 3, 8);
    fail(&story, &limited("createcard", "600"), 6);
    story.job();
    assert_eq!(story.queue(), "К3,К4,К5,К6,К7,К8");
    for card in ["К3", "К8"] {
        assert_eq!(story.state(card), "КОтправке");
        assert_eq!(story.entry(card, "Попыток"), "0");
        assert_eq!(story.entry(card, "Созданий"), "0", "nothing was created");
    }
    story.sandbox.clear_faults();
    story.wait(Duration::minutes(11));
    story.job();
    assert_eq!(story.queue(), "");
    assert_eq!(story.sandbox.cards().len(), 8);
}

/// Until the time that the service has named nothing is asked: not by the job, a person's button or the walk over its cards.
#[test]
fn a_pause_that_the_service_asks_for_holds_for_the_next_runs() {
    let story = served(3);
    sell_to(&story, 3);
    fail(&story, &limited("updatecard", "600"), 3);
    story.job();
    story.sandbox.clear_faults();
    story.sandbox.clear_requests();
    story.wait(Duration::minutes(9));
    story.job();
    story.act("СверкаPassteam.Сверить()");
    let told = story.ask("ОчередьPassteam.ОбновитьСейчас(Карта(\"К1\"))");
    assert!(told.contains("Стоит в очереди") && told.contains("просил не обращаться к нему до"), "{told}");
    let told = story.ask("ОчередьPassteam.ПередатьСХодом(3).Препятствие");
    assert!(told.contains("просил не обращаться"), "{told}");
    let told = story.ask("СверкаPassteam.Состояние().Ошибка");
    assert!(told.contains("просил не обращаться"), "{told}");
    assert_eq!(methods(&story), Vec::<String>::new());
    story.wait(Duration::minutes(2));
    story.job();
    assert_eq!(story.queue(), "");
    assert_eq!(story.balances(), "К1=1 К2=1 К3=1");
    assert_eq!(story.ask("СверкаPassteam.Состояние().Ошибка"), "");
}

/// Whatever is asked may be refused so: a creation, the probe before it, a page of cards.
#[test]
fn every_request_remembers_the_pause() {
    for (fault, act) in [
        (limited("createcard", "600"), ""),
        (limited("gettemplates", "600"), ""),
        (Fault::of("gettemplates").status(503).header("Retry-After", "600"), ""),
        (limited("getCardsWithPagination", "600"), "СверкаPassteam.Сверить()"),
    ] {
        let story = served(1);
        new_cards(&story, 2, 2);
        fail(&story, &fault, 9);
        if act.is_empty() {
            story.job()
        } else {
            _ = story.act(act)
        }
        story.sandbox.clear_faults();
        story.sandbox.clear_requests();
        story.job();
        assert_eq!(methods(&story), Vec::<String>::new(), "{fault:?}");
        story.wait(Duration::minutes(11));
        story.job();
        assert_eq!(story.queue(), "", "{fault:?}");
    }
}

/// A card that the service did not like is no reason to forget that it wants to be left alone: it may say so about another
/// card of the portion, or when it is asked once more.
#[test]
fn a_pause_is_remembered_beside_a_card_that_the_service_does_not_like() {
    for (cards, method) in [(2, "updatecard"), (1, "gettemplates")] {
        let story = served(cards);
        sell_to(&story, cards);
        fail(&story, &Fault::of("updatecard").status(500), 1);
        fail(&story, &limited(method, "600"), 2);
        story.job();
        story.sandbox.clear_faults();
        story.sandbox.clear_requests();
        story.wait(Duration::minutes(9));
        story.job();
        assert_eq!(methods(&story), Vec::<String>::new(), "{method}");
        story.wait(Duration::minutes(2));
        story.job();
        assert_eq!(story.queue(), "", "{method}");
    }
}

/// A service that names a day is asked again after an hour, and so is one whose pause a clock has put far off. Another
/// service has not asked for anything.
#[test]
fn a_pause_is_bounded_and_belongs_to_the_service_that_asked_for_it() {
    let story = served(1);
    sell_to(&story, 1);
    fail(&story, &limited("updatecard", "86400"), 1);
    story.job();
    story.sandbox.clear_faults();
    story.wait(Duration::minutes(59));
    story.job();
    assert_eq!(story.shown("К1"), "0");
    story.wait(Duration::minutes(2));
    story.job();
    assert_eq!(story.shown("К1"), "1");

    let until = "Формат(ТекущаяУниверсальнаяДата() + %1, \"ДФ=yyyyMMddHHmmss\")";
    let own = "ИнтеграцияPassteam.АдресСервиса()";
    for (address, seconds, balance) in [(own, "7200", "2"), ("\"https://other\"", "600", "3"), (own, "600", "3")] {
        let until = until.replace("%1", seconds);
        story.act(&format!(
            "ИнтеграцияPassteam.УстановитьЗначениеНастройки(\"ПаузаСервиса\", {address} + Символы.ПС + {until})"
        ));
        sell_to(&story, 1);
        story.job();
        assert_eq!(story.shown("К1"), balance, "{address} {seconds}");
    }
}

/// The service creates no cards and does not say why: few outcomes are unknown, the others wait.
#[test]
fn an_outage_of_creations_leaves_few_unknown_outcomes() {
    let story = Story::new();
    new_cards(&story, 1, 12);
    fail(&story, &broken("createcard"), 40);
    story.job();
    let unknown = count(&story, "createcard");
    assert!((1..=4).contains(&unknown), "{unknown} requests at once");
    let states = |story: &Story| {
        let all: Vec<_> = (1..=12).map(|number| story.state(&format!("К{number}"))).collect();
        all.iter().filter(|state| *state == "ТребуетРешения").count()
    };
    assert_eq!(states(&story), unknown);
    story.sandbox.clear_requests();
    story.job();
    assert_eq!(methods(&story), ["gettemplates", "createcard"], "one creation tries it");
    story.sandbox.clear_faults();
    story.job();
    assert_eq!(story.sandbox.cards().len(), 12 - unknown - 1);
    assert_eq!(states(&story), unknown + 1);
}

/// What only a person can settle says what to do.
#[test]
fn refusals_wait_for_a_person_who_is_told_what_to_do() {
    let story = served(1);
    story.act("НоваяКарта(\"Двойник\", \"+79160000011\")");
    story.job();
    let refused = |name: &str| {
        assert_eq!(story.state(name), "ТребуетРешения");
        let told = story.ask(&format!("ОчередьPassteam.СостояниеКарты(Карта(\"{name}\"))"));
        (story.entry(name, "ВидОшибки").trim().to_owned(), told)
    };
    let (kind, told) = refused("Двойник");
    assert_eq!(kind, "Duplicate");
    assert!(told.contains("внесите cardId"), "{told}");
    for (code, kind, advice) in [(400, "Rejected", "Исправьте"), (404, "NotFound", "сотрите ее cardId")]
    {
        story.sandbox.push_fault(Fault::of("updatecard").code(code).message("No."));
        sell_to(&story, 1);
        story.job();
        let (known, told) = refused("К1");
        assert_eq!(known, kind);
        assert!(told.contains(advice), "{told}");
        story.act("ОчередьPassteam.ПовторитьПередачу(Карта(\"К1\"))");
        story.job();
        assert_eq!(story.state("К1"), "нет записи");
    }
}

/// Later data may be what the service wants: a refusal of the former ones is none of the new ones.
#[test]
fn a_refusal_of_former_data_sends_the_new_ones() {
    let story = served(1);
    sell_to(&story, 1);
    story.sandbox.push_fault(Fault::of("updatecard").code(400).message("No."));
    story.before("UpdateCards", |story| sell_to(story, 1));
    story.job();
    assert_eq!(story.shown("К1"), "2");
    assert_eq!(story.queue(), "");
}

/// The template was deleted during the first load: a hundred thousand cards are not a hundred thousand people's cases.
#[test]
fn a_refusal_of_everything_is_not_every_cards_fault() {
    for method in ["createcard", "updatecard"] {
        let story = Story::new();
        story.act("Для Номер = 10 По 69 Цикл НоваяКарта(\"К\" + Номер, \"+791600000\" + Номер); КонецЦикла");
        if method == "updatecard" {
            story.job();
            assert_eq!(story.sandbox.cards().len(), 60);
            story.act("Для Номер = 10 По 69 Цикл Движение(\"К\" + Номер, 1); КонецЦикла");
        }
        (0..300).for_each(|_| story.sandbox.push_fault(Fault::of(method).code(400).message("No such template.")));
        let for_a_person = || story.ask("ОчередьPassteam.Итоги().ТребуетРешения").parse::<usize>().unwrap();
        for run in 0..5 {
            story.job();
            assert_eq!(for_a_person(), 3 + run, "{method}");
            story.wait(Duration::minutes(1));
        }
        assert_eq!(story.queued(), "60");
        let obstacle = story.ask("ОчередьPassteam.ПрепятствиеОтправке()");
        assert!(obstacle.contains("всем картам") && obstacle.contains("No such template."), "{obstacle}");
        story.sandbox.clear_faults();
        story.job();
        assert_eq!((for_a_person(), story.queued().as_str()), (7, "7"), "{method}");
        assert_eq!(story.ask("ОчередьPassteam.ПрепятствиеОтправке()"), "");
    }
}

/// Some cards that the service does not want stand before all others: they are listed, and the others go out.
#[test]
fn refused_cards_before_others_delay_them_by_some_runs_only() {
    let story = Story::new();
    story.act("Для Номер = 10 По 29 Цикл НоваяКарта(\"К\" + Номер, \"+791600000\" + Номер); КонецЦикла");
    story.take_marks();
    story.wait(Duration::seconds(1));
    story.new_card("Анна", "+79161234567");
    // Six of them at once, and three once more.
    (0..9).for_each(|_| story.sandbox.push_fault(Fault::of("createcard").code(400).message("No.")));
    story.act("Для Номер = 16 По 29 Цикл УстановитьРеквизит(\"К\" + Номер, \"ПометкаУдаления\", Истина); КонецЦикла");
    for _ in 0..5 {
        story.job();
        story.wait(Duration::minutes(1));
    }
    assert_eq!(story.ask("ОчередьPassteam.Итоги().ТребуетРешения"), "6");
    assert!(story.served("Анна").is_some());
}
