//! Every kind of error: where it leaves a card that is updated and a card that is created.

use chrono::Duration;
use passteam_sandbox::{CertificateKind, Drop, Fault, Options, Tls};

use crate::story::Story;

const ANNA: &str = "Анна Петрова";
const PHONE: &str = "+7 916 123-45-67";

/// Whether a person must do something about a kind of error, whatever happens.
fn is_for_a_person(kind: &str) -> bool {
    matches!(kind, "Duplicate" | "FieldRequired" | "NotFound" | "Rejected")
}

/// Faults by their kind, and whether the component repeats an update that meets one.
fn faults() -> Vec<(&'static str, Fault, usize)> {
    let answer = |code| Fault::default().code(code).message("No.");
    vec![
        ("Duplicate", answer(409), 1),
        ("FieldRequired", Fault::default().code(500).message("Provided field (PHONE) is unique and must be set."), 1),
        ("Unauthorized", answer(401), 1),
        ("Unauthorized", answer(403), 1),
        ("NotFound", answer(404), 1),
        ("RateLimited", answer(429).header("Retry-After", "3600"), 1),
        ("ServerError", answer(500), 1),
        ("ServerError", answer(503), 3),
        ("Rejected", answer(400), 1),
        ("BadResponse", Fault::default().body("<html>Sign in</html>"), 3),
        ("BadResponse", Fault::default().drop_connection(Drop::AfterBytes(5)), 3),
        ("Connection", Fault::default().drop_connection(Drop::BeforeAnswer), 3),
    ]
}

fn of_method(method: &str, fault: &Fault) -> Fault {
    Fault { method: Some(method.into()), ..fault.clone() }
}

#[test]
fn an_update_waits_for_a_person_or_is_repeated() {
    for (kind, fault, times) in faults() {
        let story = Story::new();
        story.sent_card(ANNA, PHONE);
        story.sell(ANNA, 40);
        for _ in 0..times {
            story.sandbox.push_fault(of_method("updatecard", &fault));
        }
        story.job();
        assert!(story.sandbox.pending_faults().is_empty(), "{kind}: {:?}", story.log());
        assert_eq!(story.entry(ANNA, "ИсходНеизвестен"), "Нет", "an update may always be repeated");
        assert!(story.log().iter().any(|line| line.starts_with(&format!("{kind} ("))), "{kind}: {:?}", story.log());
        if is_for_a_person(kind) {
            assert_eq!((story.state(ANNA).as_str(), story.entry(ANNA, "ВидОшибки").trim()), ("ТребуетРешения", kind));
            continue;
        }
        assert_eq!(story.state(ANNA), "КОтправке", "{fault:?}");
        story.wait(Duration::hours(2));
        story.job();
        assert_eq!((story.state(ANNA).as_str(), story.shown(ANNA).as_str()), ("нет записи", "40"), "{fault:?}");
    }
}

#[test]
fn a_creation_is_repeated_only_if_it_surely_did_nothing() {
    for (kind, fault, _) in faults() {
        let story = Story::new();
        story.new_card(ANNA, PHONE);
        story.sandbox.push_fault(of_method("createcard", &fault));
        story.job();
        let unknown = matches!(kind, "ServerError" | "BadResponse" | "Connection");
        let waits = unknown || is_for_a_person(kind);
        assert_eq!(story.state(ANNA), if waits { "ТребуетРешения" } else { "КОтправке" }, "{fault:?}");
        assert_eq!(story.entry(ANNA, "ИсходНеизвестен"), if unknown { "Да" } else { "Нет" }, "{fault:?}");
        // An answer that breaks off comes after the card was created.
        let created = story.sandbox.cards().len();
        story.wait(Duration::days(1));
        story.job();
        let expected = if waits { created } else { 1 };
        assert_eq!(story.sandbox.cards().len(), expected, "{fault:?}");
    }
}

/// A creation is preceded by a harmless request: without a connection no card goes to a person.
#[test]
fn a_service_that_cannot_be_reached_sends_no_card_to_a_person() {
    let story = Story::new();
    let names: Vec<_> = (1..=3).map(|number| format!("Покупатель {number}")).collect();
    for (at, name) in names.iter().enumerate() {
        story.new_card(name, &format!("+7916123450{at}"));
    }
    story.sandbox.push_fault(Fault::of("gettemplates").drop_connection(Drop::BeforeAnswer));
    story.job();
    for name in &names {
        assert_eq!(story.state(name), "КОтправке");
    }
    story.wait(Duration::hours(1));
    story.job();
    assert_eq!(story.sandbox.cards().len(), 3);
}

#[test]
fn a_certificate_that_is_not_trusted_sends_no_card_to_a_person() {
    let story = Story::with_sandbox(Options { tls: Tls::Certificate(CertificateKind::Expired), ..Options::default() });
    story.new_card(ANNA, PHONE);
    story.act(&format!("Внести(\"{ANNA}\", \"0123456789abcdef01234567\")"));
    story.new_card("Олег", "+7 903 765-43-21");
    story.job();
    assert_eq!([story.state(ANNA), story.state("Олег")], ["КОтправке"; 2]);
    assert!(story.log().iter().any(|line| line.starts_with("Certificate (")), "{:?}", story.log());
}

/// After a refused token the rest of the portion is not sent.
#[test]
fn a_wrong_token_stops_the_portion() {
    let story = Story::new();
    let names: Vec<_> = (10..30).map(|number| format!("Покупатель {number}")).collect();
    for (at, name) in names.iter().enumerate() {
        story.new_card(name, &format!("+791612345{}", at + 10));
    }
    story.job();
    for (at, name) in names.iter().enumerate() {
        story.sell(name, at as i64 + 10);
    }
    let token = |token: &str| format!("ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"Токен\", \"{token}\"))");
    story.act(&token("another-token"));
    story.sandbox.clear_requests();
    story.job();
    assert!(story.sandbox.requests().len() <= 4, "as many as are sent at once");
    assert!(
        !story.log().iter().any(|line| line.contains("another-token")),
        "the token is in no log: {:?}",
        story.log()
    );
    assert_eq!(story.queued(), "20");
    assert!(names.iter().all(|name| story.state(name) == "КОтправке"));
    story.act(&token(addin_testkit::shop::TOKEN));
    story.wait(Duration::hours(1));
    story.job();
    assert_eq!((story.queued().as_str(), story.shown("Покупатель 29").as_str()), ("0", "29"));
}

#[test]
fn the_check_of_the_connection_tells_what_is_wrong() {
    let story = Story::new();
    let check = |token: &str| {
        story.run(&format!(
            r#"Настройки = ИнтеграцияPassteam.ПрочитатьНастройки();
			Настройки.Токен = "{token}";
			Итог = ИнтеграцияPassteam.ПроверитьПодключение(Настройки);
			Возврат "" + Итог.Успешно + " " + Итог.Шаблоны.Количество() + " " + Итог.Текст;"#
        ))
    };
    let right = || check(addin_testkit::shop::TOKEN);
    assert!(right().starts_with("Да 1 Подключение работает, компонента версии "), "{}", right());
    let refused = check("another-token");
    assert!(refused.starts_with("Нет 0 Unauthorized: ") && !refused.contains("another-token"), "{refused}");
    assert!(refused.lines().any(|line| line.starts_with("Вывод: Сервис не принял токен")), "{refused}");
    story.sandbox.push_fault(Fault::of("gettemplates").body("<html>Sign in</html>"));
    let strange = right();
    assert!(strange.starts_with("Нет 0 BadResponse: "), "{strange}");
    assert!(right().starts_with("Да 1 "), "the next check works again");
}
