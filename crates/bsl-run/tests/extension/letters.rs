//! Letters to the administrators: sending has stopped, and nobody but a person gets it going again.

use std::sync::{Arc, Mutex};

use addin_testkit::shop::TOKEN;
use bsl_run::platform::Letter;
use bsl_run::{Name, Value};
use chrono::Duration;
use infobase::User;
use infobase::metadata::declared::{Ssl, Variant};
use passteam_sandbox::{Drop, Fault};

use crate::stage::untouched;
use crate::story::Story;

const SETTINGS: &str = "Обработка.НастройкаPassteam.Форма.Форма";

/// A shop that has said whom to write to, with a system account that can send.
fn writing_shop(variant: &Variant) -> Story {
    let story = Story::of(variant);
    write_to(&story, "anna@shop.example; boris@shop.example");
    story.shop.post(|post| post.account_ready = true);
    story
}

fn write_to(story: &Story, addresses: &str) {
    story.act(&format!("ИнтеграцияPassteam.УстановитьЗначениеНастройки(\"ПочтаАдминистратора\", \"{addresses}\")"));
}

/// The same, kept at one place and opened at another one, with a service that does not look like a sandbox.
fn moved_shop(variant: &Variant) -> Story {
    let story = writing_shop(variant);
    story.hide_sandbox();
    go(&story, "OLD");
    story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь); ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)");
    go(&story, "NEW");
    story
}

fn go(story: &Story, server: &str) {
    let connection = format!("Srvr=\"{server}\";Ref=\"Retail\";");
    story.shop.infobase(|base| base.set_place(&connection, server));
}

fn letters(story: &Story) -> Vec<Letter> {
    story.shop.post(|post| post.letters.clone())
}

/// Somebody notices that nothing may be sent, as «Обновить сейчас» does. The letter is the job's.
fn notice(story: &Story) {
    assert_eq!(story.ask("МестоБазыPassteam.ОтправкаРазрешена()"), "Нет");
    assert_eq!(letters(story), []);
}

/// The job runs some hours, every ten minutes. It may fail: what stops sending is the story.
fn run_hours(story: &Story, hours: i64) {
    for _ in 0..hours * 6 {
        let _ = story.shop.run_job(crate::story::JOB);
        story.wait(Duration::minutes(10));
    }
}

#[test]
fn a_copy_writes_once_a_day_with_either_generation_of_the_library() {
    for (ssl, call) in [(Ssl::V3_0_2, "ОтправитьПочтовоеСообщение"), (Ssl::V3_1_12, "ОтправитьПисьмо")]
    {
        let story = moved_shop(&Variant { ssl, ..untouched() });
        let calls = Arc::new(Mutex::new(Vec::new()));
        let heard = calls.clone();
        story.watch(move |_, _, call| {
            if call.starts_with("Отправить") {
                heard.lock().unwrap().push(call.to_owned());
            }
        });
        run_hours(&story, 23);
        let sent = letters(&story);
        assert_eq!(sent.len(), 1, "{sent:#?}");
        assert_eq!(sent[0].to, ["anna@shop.example", "boris@shop.example"]);
        for part in ["незнакомом месте", "OLD", "NEW", "Это настоящая база"] {
            assert!(sent[0].body.contains(part), "{part}: {}", sent[0].body);
        }
        assert_eq!(*calls.lock().unwrap(), [call]);
        run_hours(&story, 3);
        assert_eq!(letters(&story).len(), 2);
    }
}

/// What a person has set right and what stops again is told anew.
#[test]
fn after_a_person_has_acted_the_next_stop_is_told_at_once() {
    let story = moved_shop(&untouched());
    run_hours(&story, 1);
    story.act("МестоБазыPassteam.ПризнатьНастоящей()");
    run_hours(&story, 1);
    assert_eq!(letters(&story).len(), 1);
    go(&story, "NEWER");
    run_hours(&story, 1);
    assert_eq!(letters(&story).len(), 2);
}

/// A variable that no card's value can be told for stops everything, and no request says so.
#[test]
fn a_variable_that_is_set_up_wrongly_is_told() {
    let story = writing_shop(&untouched());
    story.act("Для Номер = 10 По 14 Цикл НоваяКарта(\"К\" + Номер, \"+791600000\" + Номер); КонецЦикла");
    story.act(
        r#"Запись = РегистрыСведений.ПеременныеPassteam.СоздатьМенеджерЗаписи();
		Запись.Имя = "BONUS";
		Запись.Источник = "Неведомый";
		Запись.Записать();
		Запись = РегистрыСведений.ПеременныеPassteam.СоздатьМенеджерЗаписи();
		Запись.Имя = "PHONE";
		Запись.Источник = "Телефон";
		Запись.Записать()"#,
    );
    run_hours(&story, 1);
    let sent = letters(&story);
    assert_eq!(sent.len(), 1, "{sent:#?}");
    assert!(sent[0].body.contains("Неведомый"), "{}", sent[0].body);
}

#[test]
fn nobody_is_written_to_while_the_library_asks_itself() {
    let story = moved_shop(&untouched());
    story.shop.infobase(|base| base.lock_external_resources(true));
    run_hours(&story, 2);
    assert_eq!(letters(&story), []);
    // Noticed just before the library locked itself.
    story.shop.infobase(|base| base.lock_external_resources(false));
    story.wait(Duration::hours(2));
    notice(&story);
    story.shop.infobase(|base| base.lock_external_resources(true));
    run_hours(&story, 2);
    assert_eq!(letters(&story), []);
}

#[test]
fn a_base_that_does_not_keep_the_cards_or_knows_no_address_writes_nothing() {
    let story = moved_shop(&untouched());
    notice(&story);
    story.act("ИнтеграцияPassteam.ВключитьНастройку(\"ЭтаБазаВедетКарты\", Ложь)");
    run_hours(&story, 1);
    assert_eq!(letters(&story), []);
    let story = moved_shop(&untouched());
    write_to(&story, "");
    run_hours(&story, 2);
    assert_eq!(
        (letters(&story), story.ask("ИнтеграцияPassteam.ЗначениеНастройки(\"ПисьмоМесто\")")),
        (vec![], "".into())
    );
}

/// Mail that does not work neither stops the job nor fills the log.
#[test]
fn mail_that_fails_is_logged_and_tried_again_in_an_hour() {
    let story = writing_shop(&untouched());
    story.sent_card("Анна", "+79160000001");
    let token = |token: &str| {
        story.act(&format!("ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"Токен\", \"{token}\"))"));
    };
    token("another");
    story.sell("Анна", 10);
    story.shop.post(|post| post.refusal = Some("550 mailbox unavailable".into()));
    let failures = |story: &Story| story.log().iter().filter(|entry| entry.contains("550")).count();
    for minute in 0..50 {
        story.job();
        story.wait(Duration::minutes(1));
        assert!(failures(&story) <= 1, "minute {minute}");
    }
    assert_eq!(failures(&story), 1, "{:#?}", story.log());
    story.shop.post(|post| post.refusal = None);
    for _ in 0..20 {
        story.job();
        story.wait(Duration::minutes(1));
    }
    assert_eq!(letters(&story).len(), 1, "{:#?}", story.log());
    story.shop.post(|post| post.account_ready = false);
    run_hours(&story, 25);
    assert!(story.log().iter().any(|entry| entry.contains("не настроена системная учетная запись")));
    token(TOKEN);
    story.job();
    assert_eq!(story.balances(), "Анна=10");
}

/// What stops every card until a person acts, and nothing else.
#[test]
fn each_cause_that_needs_a_person_is_told() {
    let setting = |name: &str, value: &str| {
        format!("ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"{name}\", \"{value}\"))")
    };
    for (status, statements, told) in [
        (Some(401), String::new(), Some("не принял токен")),
        (Some(404), String::new(), None),
        (None, setting("Токен", ""), Some("Не задан токен")),
        (None, setting("ИдентификаторШаблона", ""), Some("не задан шаблон")),
        (None, setting("ФайлСертификатов", "Z:\\нет такого.pem"), Some("файл не найден")),
    ] {
        let story = writing_shop(&untouched());
        story.sent_card("Анна", "+79160000001");
        if let Some(status) = status {
            story.sandbox.push_fault(Fault::of("updatecard").status(status));
        }
        story.sell("Анна", 10);
        story.new_card("Борис", "+79160000002");
        story.act(&statements);
        run_hours(&story, 2);
        let sent = letters(&story);
        assert_eq!(sent.len(), usize::from(told.is_some()), "{told:?}: {sent:#?} {:#?}", story.log());
        if let Some(told) = told {
            assert!(sent[0].body.contains(told), "{told}: {}", sent[0].body);
        }
    }
}

/// A line that is gone for hours is nobody's work, one that is gone for days may be.
#[test]
fn an_outage_is_told_when_it_lasts_for_more_than_a_day() {
    let story = writing_shop(&untouched());
    story.sent_card("Анна", "+79160000001");
    story.sell("Анна", 10);
    let outage = |story: &Story| {
        story.sandbox.clear_faults();
        for _ in 0..200 {
            story.sandbox.push_fault(Fault::default().drop_connection(Drop::BeforeAnswer));
        }
    };
    let runs = |count, hours| {
        for _ in 0..count {
            story.job();
            story.wait(Duration::hours(hours));
        }
    };
    outage(&story);
    // The button's outage is one of a single card.
    story.act("ОчередьPassteam.ОбновитьСейчас(Карта(\"Анна\"))");
    story.sandbox.clear_faults();
    run_hours(&story, 1);
    story.wait(Duration::hours(30));
    story.sell("Анна", 3);
    outage(&story);
    runs(4, 5);
    story.sandbox.clear_faults();
    run_hours(&story, 1);
    assert_eq!((story.balances().as_str(), letters(&story).len()), ("Анна=13", 0));
    story.sell("Анна", 5);
    outage(&story);
    runs(5, 4);
    run_hours(&story, 1);
    assert_eq!(letters(&story), [], "the former outage is over");
    outage(&story);
    runs(1, 3);
    run_hours(&story, 1);
    let sent = letters(&story);
    assert_eq!(sent.len(), 1, "{:#?}", story.log());
    assert!(sent[0].body.contains("не отправляются больше суток"), "{}", sent[0].body);
    story.sandbox.clear_faults();
    run_hours(&story, 1);
    assert_eq!((story.balances().as_str(), letters(&story).len()), ("Анна=18", 1));
}

#[test]
fn neither_the_token_nor_the_proxys_password_is_in_a_letter() {
    let story = moved_shop(&untouched());
    story.act("ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"Прокси\", \"http://имя:с%40крет@proxy:3128\"))");
    story.act(
        "Настройки = ИнтеграцияPassteam.ПрочитатьНастройки();
        ПисьмаPassteam.Отметить(\"Компонента\", \"Ошибка: \" + Настройки.Токен + \" \" + Настройки.Прокси)",
    );
    story.job();
    let body = letters(&story).into_iter().map(|letter| letter.body).find(|body| body.contains("Ошибка")).unwrap();
    let token = story.ask("ИнтеграцияPassteam.ПрочитатьНастройки().Токен");
    assert!(!body.contains(&token) && !body.contains("крет"), "{body}");
    assert!(body.contains("Ошибка: *** http://имя:***@proxy:3128"), "{body}");
}

/// In the form of the settings: the addresses, what keeps letters from going out, and a letter for trial.
#[test]
fn the_form_says_what_is_missing_and_sends_a_letter_for_trial() {
    for (ssl, ready, obstacle) in [
        (Ssl::Absent, false, "нет почты БСП"),
        (Ssl::V3_0_2, false, "не настроена системная учетная запись"),
        (Ssl::V3_0_2, true, ""),
        (Ssl::V3_1_12, true, ""),
    ] {
        let story = Story::of(&Variant { ssl, ..untouched() });
        story.shop.post(|post| post.account_ready = ready);
        let done = story.shop.run(User::administrator(), |vm, session| {
            let form = session.open_form(vm, SETTINGS)?.unwrap();
            let (address, told) = (Name::new("ПочтаАдминистратора"), Name::new("ПрепятствиеПисьмам"));
            let told = vm.get_member(&form, &told)?.text().to_string();
            assert!(told.contains(obstacle) && told.is_empty() == obstacle.is_empty(), "{told}");
            vm.set_member(&form, &address, Value::str("anna@shop.example,boris"))?;
            for command in ["ЗаписатьНастройки", "ОтправитьПробноеПисьмо"] {
                let refused = session.press(vm, &form, command).unwrap_err().to_string();
                assert!(refused.contains("boris - не адрес"), "{refused}");
            }
            vm.set_member(&form, &address, Value::str(" anna@shop.example,boris@shop.example "))?;
            session.press(vm, &form, "ОтправитьПробноеПисьмо")?;
            let shown = session.shown().pop().unwrap();
            assert!(shown.contains(if ready {
                "Письмо отправлено: anna@shop.example; boris@shop.example"
            } else {
                obstacle
            }));
            session.press(vm, &form, "ЗаписатьНастройки")?;
            assert_eq!(&*vm.get_member(&form, &address)?.text(), "anna@shop.example; boris@shop.example");
            Ok(())
        });
        done.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(letters(&story).len(), usize::from(ready));
        let saved = story.ask("ИнтеграцияPassteam.ЗначениеНастройки(\"ПочтаАдминистратора\")");
        assert_eq!(saved, "anna@shop.example; boris@shop.example");
    }
}
