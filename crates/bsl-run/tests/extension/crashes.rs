//! Jobs that die, and jobs that meet.

use std::collections::BTreeSet;

use chrono::Duration;
use infobase::LogLevel;

use crate::story::{JOB, Story};

const ANNA: &str = "Анна Петрова";

fn with_a_sale() -> Story {
    let story = Story::new();
    story.sent_card(ANNA, "+7 916 123-45-67");
    story.sell(ANNA, 40);
    story.sandbox.clear_requests();
    story
}

/// A day later nothing of a crashed job can still reach the service.
fn the_next_day(story: &Story) {
    story.wait(Duration::days(1));
    story.job();
}

/// No handler of the program runs in a session that has crashed, and its locks and transaction are gone.
#[test]
fn a_crashed_update_is_repeated_by_the_next_job() {
    for call in ["ЗаблокироватьДанныеДляРедактирования", "UpdateCards", "ЗафиксироватьТранзакцию"]
    {
        let story = with_a_sale();
        story.crash_before(call);
        assert!(story.shop.run_job(JOB).is_err_and(|error| error.killed), "{call}");
        the_next_day(&story);
        assert_eq!((story.state(ANNA).as_str(), story.shown(ANNA).as_str()), ("нет записи", "40"), "{call}");
    }
}

/// What a crashed job has taken, another one does not take before its requests can no longer arrive.
#[test]
fn what_a_crashed_job_has_taken_stays_taken_for_a_while() {
    let story = with_a_sale();
    story.crash_before("UpdateCards");
    story.shop.run_job(JOB).unwrap_err();
    story.wait(Duration::minutes(5));
    story.job();
    assert!(story.sandbox.requests().iter().all(|request| request.method != "updatecard"));
    the_next_day(&story);
    assert_eq!(story.shown(ANNA), "40");
}

#[test]
fn a_job_that_crashes_anywhere_creates_no_card_twice() {
    let story = Story::new();
    let calls = [
        "НачатьТранзакцию",
        "БлокировкаДанных.Заблокировать",
        "Запись набора",
        "ЗафиксироватьТранзакцию",
        "CreateCard",
        "РазблокироватьДанныеДляРедактирования",
    ];
    for (at, call) in calls.iter().enumerate() {
        story.new_card(&format!("Покупатель {at}"), &format!("+7916123450{at}"));
        story.crash_before(call);
        assert!(story.shop.run_job(JOB).is_err_and(|error| error.killed), "{call}");
        the_next_day(&story);
    }
    let names: BTreeSet<_> =
        story.sandbox.cards().iter().map(|card| card.get("CLIENT_NAME").unwrap().to_owned()).collect();
    assert_eq!(names.len(), story.sandbox.cards().len());
    for at in 0..calls.len() {
        let state = story.state(&format!("Покупатель {at}"));
        assert!(state == "нет записи" || state == "ТребуетРешения", "{at}: {state}");
    }
}

#[test]
fn a_second_job_at_the_same_time_leaves_with_a_note() {
    let story = with_a_sale();
    story.before("UpdateCards", |story| {
        let before = story.sandbox.requests().len();
        story.job();
        assert_eq!(story.sandbox.requests().len(), before, "the second job sends nothing");
    });
    let notes = |story: &Story| story.logged(|level| level == LogLevel::Information).len();
    let before = notes(&story);
    story.job();
    assert_eq!(notes(&story), before + 1);
    assert_eq!(story.shown(ANNA), "40");
}

/// A failed job frees the queue, and the exception reaches the log of jobs.
#[test]
fn a_job_that_fails_leaves_the_queue_free() {
    let story = with_a_sale();
    let token = |token: &str| format!("ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"Токен\", \"{token}\"))");
    story.act(&token(""));
    let error = story.shop.run_job(JOB).unwrap_err();
    assert!(error.text.contains("Не задан токен Passteam"), "{error}");
    assert!(story.log().iter().any(|line| line.contains("Не задан токен Passteam")));
    story.act(&token(addin_testkit::shop::TOKEN));
    story.job();
    assert_eq!(story.shown(ANNA), "40");
}
