//! Precautions whose loss the random search of `tests/promises` does not meet in reasonable time: each is taken out of the text,
//! and a story told on purpose then ends badly.

use chrono::Duration;
use passteam_sandbox::{Drop, Fault};

use crate::night::shown_otherwise;
use crate::reconciliation::WALK;
use crate::stage::untouched;
use crate::story::{Change, JOB, Story, changed};

pub const QUEUE: &str = "CommonModules/ОчередьPassteam/Ext/Module.bsl";
const CARDS: &str = "CommonModules/КартыPassteam/Ext/Module.bsl";

/// Two jobs at once, as when the cluster has dropped a session whose process goes on.
const WITHOUT_THE_QUEUES_LOCK: Change = (
    QUEUE,
    "	Возврат ИнтеграцияPassteam.ЗанятьЗапись(КлючОчереди(), Регистр, ИдентификаторФормы);",
    "	ИнтеграцияPassteam.ЗанятьЗапись(КлючОчереди(), Регистр, ИдентификаторФормы);\n	Возврат Истина;",
);

/// What the story ends with: where the precaution stands, and where these changes have taken it out.
fn ends<T>(given: &[Change], without: &[Change], tell: impl Fn(&Story) -> T) -> [T; 2] {
    [given.to_vec(), [given, without].concat()].map(|changes| {
        let story = Story::with(&untouched(), changed(&changes));
        story.act("СервисПуст()");
        tell(&story)
    })
}

/// A job stands still for longer than a record is put off, with what it has read before some points came due; then the night
/// looks at the card.
#[test]
fn what_was_sent_last_is_forgotten_when_a_record_is_taken() {
    let tell = |story: &Story| {
        story.sent_card("Анна", "9161110001");
        story.act("Продать(\"Анна\", 500, 0, ТекущаяДатаСеанса() + 400)");
        story.before("UpdateCards", |story| {
            story.wait(Duration::minutes(70));
            story.night();
        });
        story.job();
        story.job();
        story.shown("Анна")
    };
    let forgets = (QUEUE, "			КартыPassteam.ЗабытьОтпечаток(Карта, Адрес);\n", "");
    assert_eq!(ends(&[], &[forgets], tell), ["500", "0"]);
    let looks = (QUEUE, "\n		Или Не ПустаяСтрока(ДанныеКарты.ИдентификаторКарты) И ПустаяСтрока(Отпечаток)", "");
    assert_eq!(ends(&[], &[looks], tell), ["500", "0"]);
}

/// A job stands still after it has read a balance, and another one sends a newer balance meanwhile.
#[test]
fn a_portion_that_was_taken_long_ago_is_not_sent() {
    let tell = |story: &Story| {
        story.sent_card("Анна", "9161110001");
        story.sell("Анна", 10);
        // After the balance is read and before the last look at the time.
        story.before("Запрос.ВыполнитьПакет", |story| {
            story.before("ТекущаяДатаСеанса", |story| {
                story.before("Запрос.Выполнить", |story| {
                    story.before("Запрос.Выполнить", |story| {
                        story.wait(Duration::minutes(15));
                        story.sell("Анна", 5);
                        story.job();
                    });
                });
            });
        });
        story.job();
        story.shown("Анна")
    };
    let looks = (QUEUE, "	Если ПорцияПросрочена(Строки) Тогда", "	Если Ложь Тогда");
    assert_eq!(ends(&[WITHOUT_THE_QUEUES_LOCK], &[looks], tell), ["15", "10"]);
}

/// A sale after the balances are read and before the record is taken.
#[test]
fn balances_are_read_after_the_versions() {
    let tell = |story: &Story| {
        story.sent_card("Анна", "9161110001");
        story.sell("Анна", 10);
        story.before("Новый AddIn", |story| {
            story.before("НачатьТранзакцию", |story| {
                story.sell("Анна", 5);
                story.take_marks();
            });
        });
        story.job();
        story.job();
        story.shown("Анна")
    };
    let earlier = [
        (
            QUEUE,
            "	Для Каждого Карта Из Карты Цикл\n		Если Не ВзятьЗапись(",
            "	Запуск.Вставить(\"Данные\", ДанныеPassteam.ДанныеКарт(Карты, Запуск.Адрес));\n	\
             Для Каждого Карта Из Карты Цикл\n		Если Не ВзятьЗапись(",
        ),
        (
            QUEUE,
            "	Данные = ДанныеPassteam.ДанныеКарт(Порция.ВыгрузитьКолонку(\"Карта\"), Запуск.Адрес);",
            "	Данные = Запуск.Данные;",
        ),
    ];
    assert_eq!(ends(&[], &earlier, tell), ["15", "10"]);
}

/// Somebody moves a mark into the queue while the job creates the same card and gets no answer.
#[test]
fn a_record_is_locked_before_it_is_read_to_be_queued() {
    let tell = |story: &Story| {
        for _ in 0..2 {
            story.sandbox.push_fault(Fault::of("createcard").drop_connection(Drop::AfterProcessing));
        }
        story.new_card("Анна", "9161110001");
        story.take_marks();
        story.act("Карта(\"Анна\").ПолучитьОбъект().Записать()");
        story.before("Записать", |story| story.job());
        story.take_marks();
        story.job();
        story.job();
        story.requests("createcard")
    };
    assert_eq!(ends(&[], &[(QUEUE, "	ЗаблокироватьЗаписи(Упорядоченные);\n", "")], tell), [1, 2]);
}

/// Two people give the same id to two cards at the same moment.
#[test]
fn an_id_is_locked_before_it_is_looked_for() {
    let tell = |story: &Story| {
        story.new_card("Анна", "9161110001");
        story.new_card("Борис", "9161110002");
        // The record of the queue is locked first.
        story.before("БлокировкаДанных.Заблокировать", |story| {
            story.before("БлокировкаДанных.Заблокировать", |story| {
                story.act("Внести(\"Борис\", \"один\")");
            });
        });
        story.act("Внести(\"Анна\", \"один\")");
        (story.id("Анна"), story.id("Борис"))
    };
    let locks = (CARDS, "	ЗаблокироватьИдентификатор(КартаСервиса.Идентификатор);\n	Если", "	Если");
    let [one, both] = ends(&[], &[locks], tell);
    assert_eq!(one, (String::new(), "один".to_owned()));
    assert_eq!(both, ("один".to_owned(), "один".to_owned()));
}

/// How many creations of Anna's card the service gets: the first one may arrive late, and a walk does not find her card.
fn creations_after_a_walk(story: &Story, clock_ahead: Duration) -> usize {
    let late =
        Fault::of("createcard").late(std::time::Duration::from_secs(3600)).drop_connection(Drop::BeforeProcessing);
    story.sandbox.push_fault(late);
    story.new_card("Анна", "9161110001");
    story.job();
    assert_eq!(story.state("Анна"), "ТребуетРешения");
    story.act_with_clock(clock_ahead, Duration::zero(), "СверкаPassteam.Сверить()");
    story.wait(Duration::minutes(30));
    story.job();
    story.requests("createcard")
}

#[test]
fn a_walk_that_began_before_a_late_request_is_lost_repeats_no_creation() {
    let begun = (QUEUE, "			И Запись.СледующаяПопытка + РазницаЧасов() <= НачалоОбхода\n", "");
    assert_eq!(ends(&[], &[begun], |story| creations_after_a_walk(story, Duration::zero())), [1, 2]);
}

/// The walk runs on a server whose clock is fast.
#[test]
fn a_walk_allows_for_clocks_that_differ() {
    let allows = (QUEUE, "	Возврат 600;", "	Возврат 0;");
    assert_eq!(ends(&[], &[allows], |story| creations_after_a_walk(story, Duration::minutes(10))), [1, 2]);
}

/// A base that came back from a backup believes that its old balance is what the service has.
#[test]
fn what_the_service_shows_counts_beside_what_was_sent() {
    let tell = |story: &Story| {
        shown_otherwise(story);
        story.act("СверкаPassteam.Сверить()");
        story.night();
        story.job();
        story.shown("Анна")
    };
    let compares = (QUEUE, "\n					Или ДругойБаланс(Отправка.Значения, ВСервисе[Карта], Переменные);", ";");
    assert_eq!(ends(&[], &[compares], tell), ["70", "999"]);
}

/// The line is still gone when the next run begins.
#[test]
fn a_run_after_an_outage_begins_with_one_request() {
    let tell = |story: &Story| {
        for number in 0..5 {
            story.new_card(&format!("К{number}"), &format!("916111000{number}"));
        }
        story.job();
        (0..5).for_each(|number| story.sell(&format!("К{number}"), 1));
        for _ in 0..100 {
            story.sandbox.push_fault(Fault::of("updatecard").drop_connection(Drop::BeforeAnswer));
        }
        story.job();
        story.wait(Duration::minutes(30));
        story.sandbox.clear_requests();
        story.job();
        story.requests("updatecard")
    };
    let probes = (
        QUEUE,
        "	Если Запуск.ТолькоКарта <> Неопределено Или ПустаяСтрока(Запуск.ПрошлыйСбой) Тогда",
        "	Если Истина Тогда",
    );
    let [with, without] = ends(&[], &[probes], tell);
    assert!(with < 5 && without >= 5, "{with}, {without}");
}

/// Another job has given the record up meanwhile, and a person has sent it again.
#[test]
fn an_id_is_stored_even_if_the_record_is_no_longer_the_jobs() {
    let tell = |story: &Story| {
        story.new_card("Анна", "9161110001");
        story.before("CreateCards", |story| {
            story.wait(Duration::minutes(30));
            story.job();
            assert_eq!(story.ask("ОчередьPassteam.ПовторитьПередачу(Карта(\"Анна\"), Истина)"), "Да");
        });
        story.job();
        story.id("Анна").is_empty()
    };
    let stores = (
        QUEUE,
        "		Записана = КартыPassteam.ЗаписатьИдентификатор(Строка.Карта, Запуск.Адрес, КартаСервиса);\n		Если Записана",
        "		Записана = ЗаписьНаша(Запись, Строка)\n			\
         И КартыPassteam.ЗаписатьИдентификатор(Строка.Карта, Запуск.Адрес, КартаСервиса);\n		Если Записана",
    );
    assert_eq!(ends(&[WITHOUT_THE_QUEUES_LOCK], &[stores], tell), [false, true]);
}

/// Husband and wife have given one phone. His card was created, and the job died before it wrote that; then the walk meets it.
#[test]
fn a_phone_alone_does_not_make_a_card_anybodys() {
    let tell = |story: &Story| {
        story.new_card("Муж", "9161110001");
        story.before("CreateCards", |story| story.crash_before("НачатьТранзакцию"));
        assert!(story.shop.run_job(JOB).is_err());
        assert_eq!(story.state("Муж"), "СозданиеНачато");
        story.new_card("Жена", "9161110001");
        story.take_marks();
        story.act("СверкаPassteam.Сверить()");
        story.id("Жена").is_empty()
    };
    let compares = (
        WALK,
        "Если Совпадения(Обход, Карта.Переменные, Другая.Переменные).Количество() > 0 Тогда",
        "Если Истина Тогда",
    );
    assert_eq!(ends(&[], &[compares], tell), [true, false]);
}
