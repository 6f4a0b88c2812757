//! Each precaution is taken out of the text that ships, and the search must notice. A change is found by its exact text:
//! a module that was rewritten makes its mutation fail until somebody looks.

use crate::ledger::Broken;
use crate::names::{CARDS_MODULE, HANDLERS_MODULE, PLACE_MODULE, QUEUE_MODULE, WALK_MODULE};
use crate::search::{self, Change, assert_holds, mutated};
use crate::themes::Theme;

/// How many runs a mutation may take to be noticed.
const RUNS: u64 = 300;
/// How many runs search a mutation that must do no harm.
const HARMLESS_RUNS: u64 = 40;

const fn queue(from: &'static str, to: &'static str) -> Change {
    Change { module: QUEUE_MODULE, from, to, times: 1 }
}

const fn cards(from: &'static str, to: &'static str) -> Change {
    Change { module: CARDS_MODULE, from, to, times: 1 }
}

const fn handlers(from: &'static str, to: &'static str) -> Change {
    Change { module: HANDLERS_MODULE, from, to, times: 1 }
}

const fn place(from: &'static str, to: &'static str) -> Change {
    Change { module: PLACE_MODULE, from, to, times: 1 }
}

const fn walk(from: &'static str, to: &'static str) -> Change {
    Change { module: WALK_MODULE, from, to, times: 1 }
}

/// The search notices within [`RUNS`]. It begins at a seed shortly before the first that is known to notice this flaw: the seeds
/// before it would only cost time.
#[track_caller]
fn assert_caught(theme: Theme, from: u64, changes: &[Change], expected: &[fn(String) -> Broken]) {
    search::assert_caught(theme, from..from + RUNS, changes, expected);
}

fn never_ends(_: String) -> Broken {
    Broken::NeverEnds
}

/// `ЗанятьОчередь` lets every job in.
const WITHOUT_THE_QUEUES_LOCK: Change = queue(
    "	Возврат ИнтеграцияPassteam.ЗанятьЗапись(КлючОчереди(), Регистр, ИдентификаторФормы);",
    "	ИнтеграцияPassteam.ЗанятьЗапись(КлючОчереди(), Регистр, ИдентификаторФормы);\n	\
     Возврат Истина;",
);

/// `ПорцияПросрочена` is not asked before sending.
const WITHOUT_A_LAST_LOOK_AT_THE_TIME: Change = queue("	Если ПорцияПросрочена(Строки) Тогда", "	Если Ложь Тогда");

/// An id is looked for among the ids of every service; the first card of [`Theme::Replaced`] has its own under a second address.
const AN_ID_OF_ANY_SERVICE_IS_TAKEN: Change =
    cards("		|	И Свои.АдресСервиса = &АдресСервиса\n		|	И Свои.Карта <> &Карта", "		|	И Свои.Карта <> &Карта");

/// The job queues no card whose movement's time has come.
const WITHOUT_A_LOOK_AT_WHAT_HAS_COME_DUE: Change = queue("		ПоставитьНаступившие(Адрес);\n", "");

/// How the nightly check finds out that a card in the service is not as it should be.
const NIGHTLY_COMPARISON: &str = "				Отличается = Отправка.Ошибка <> Неопределено\n					\
     Или Отправка.Отпечаток <> Отпечатки[Карта]\n					\
     Или ДругойБаланс(Отправка.Значения, ВСервисе[Карта], Переменные);";

// Nothing is lost.

#[test]
fn a_sale_without_its_mark_is_lost() {
    let change = handlers("			ОчередьPassteam.ОтметитьКарты(КартыНабора(Набор), Ложь);\n", "");
    assert_caught(Theme::Everything, 0, &[change], &[Broken::Lost]);
}

#[test]
fn a_loaded_sale_without_its_mark_is_lost() {
    let change = handlers(
        "		Если Не Отказ И ЭтаБазаВедетКарты() Тогда\n			ОчередьPassteam.ОтметитьКарты(КартыНабора(Набор)",
        "		Если Не Отказ И Не Набор.ОбменДанными.Загрузка И ЭтаБазаВедетКарты() Тогда\n			\
         ОчередьPassteam.ОтметитьКарты(КартыНабора(Набор)",
    );
    assert_caught(Theme::Everything, 0, &[change], &[Broken::Lost]);
}

#[test]
fn a_new_card_without_its_mark_is_lost() {
    let change = handlers("			ОчередьPassteam.ОтметитьКарты(МассивСоЗначением(Карта.Ссылка), Истина);\n", "");
    assert_caught(Theme::Everything, 0, &[change], &[Broken::Lost]);
}

#[test]
fn a_card_of_the_former_set_that_is_forgotten_keeps_its_old_balance() {
    let change = handlers("			Набор.ДополнительныеСвойства.Вставить(КлючПрежнихКарт(), Карты);\n", "");
    assert_caught(Theme::Everything, 28, &[change], &[Broken::Lost]);
}

#[test]
fn a_deletion_without_the_version_check_loses_a_sale() {
    let change = queue(
        "	Если Запись.Версия = Строка.Версия Тогда\n		Запись.Удалить();",
        "	Если Истина Тогда\n		Запись.Удалить();",
    );
    assert_caught(Theme::Contention, 754, &[change], &[Broken::Lost]);
}

#[test]
fn a_sale_that_leaves_the_version_as_it_is_gets_lost() {
    let change = queue(
        "	Запись.НайтиСвязанные = Запись.НайтиСвязанные Или НайтиСвязанные;\n	Запись.Версия = НоваяВерсия();\n",
        "	Запись.НайтиСвязанные = Запись.НайтиСвязанные Или НайтиСвязанные;\n	Если Строка = Неопределено Тогда\n		\
         Запись.Версия = НоваяВерсия();\n	КонецЕсли;\n",
    );
    assert_caught(Theme::Contention, 156, &[change], &[Broken::Lost]);
}

#[test]
fn a_record_read_without_a_lock_loses_a_sale() {
    let change = queue("	ЗаблокироватьЗаписи(УпорядоченныеКарты(Карты));\n", "");
    assert_caught(Theme::Contention, 666, &[change], &[Broken::Lost, Broken::CreatedTwice, Broken::Reordered]);
}

#[test]
fn related_cards_that_are_not_queued_with_the_record_that_is_taken_are_lost() {
    let change = queue("			ПоставитьСвязанныеСЗаписью(Запись, Связанные);\n", "");
    assert_caught(Theme::Related, 0, &[change], &[Broken::Lost]);
}

#[test]
fn what_no_handler_has_queued_is_lost_without_the_nightly_check() {
    let change = queue(NIGHTLY_COMPARISON, "				Отличается = Ложь;");
    assert_caught(Theme::Paused, 23, &[change], &[Broken::WrongInTheEnd]);
}

#[test]
fn accruals_that_nobody_queues_when_they_come_due_are_never_sent() {
    let change = queue(NIGHTLY_COMPARISON, "				Отличается = Ложь;");
    assert_caught(
        Theme::Accruals,
        0,
        &[change, WITHOUT_A_LOOK_AT_WHAT_HAS_COME_DUE],
        &[Broken::Lost, Broken::WrongInTheEnd],
    );
}

#[test]
fn movements_whose_time_has_come_wait_for_the_night_if_the_job_does_not_look_for_them() {
    assert_caught(Theme::Accruals, 0, &[WITHOUT_A_LOOK_AT_WHAT_HAS_COME_DUE], &[Broken::Lost]);
}

// Nothing is reordered.

/// Two servers take turns at the queue.
#[test]
fn pauses_without_a_reserve_for_clocks_that_differ_let_an_older_balance_overwrite_a_newer_one() {
    let change = queue(
        "Функция ВремяЗапоздавшегоЗапроса()\n\n	Возврат 300;",
        "Функция ВремяЗапоздавшегоЗапроса()\n\n	Возврат 60;",
    );
    assert_caught(Theme::Clocks, 81, &[change], &[Broken::Reordered]);
}

#[test]
fn records_that_are_not_put_off_when_taken_let_an_older_balance_overwrite_a_newer_one() {
    // A portion that was not put off would never be sent.
    let changes = [queue("			Запись.СледующаяПопытка = Сейчас + СрокПорции;\n", ""), WITHOUT_A_LAST_LOOK_AT_THE_TIME];
    assert_caught(Theme::LateRequests, 70, &changes, &[Broken::Reordered]);
}

#[test]
fn a_button_that_shortens_a_pause_lets_an_older_balance_overwrite_a_newer_one() {
    let change = queue(
        "		Если Запись.Состояние = КОтправке() И Запись.СледующаяПопытка <= ТекущаяУниверсальнаяДата() Тогда",
        "		Если Запись.Состояние = КОтправке() Тогда",
    );
    assert_caught(Theme::LateRequests, 70, &[change], &[Broken::Reordered]);
}

#[test]
fn an_id_that_is_freed_while_a_request_with_it_may_arrive_lets_an_older_balance_overwrite_a_newer_one() {
    let change = queue(
        "	Возврат Свободна(Запись) Или Не ЕстьИдентификатор(Прежняя)",
        "	Возврат Истина Или Не ЕстьИдентификатор(Прежняя)",
    );
    assert_caught(Theme::Replaced, 154, &[change], &[Broken::Reordered]);
}

// Nothing is created twice.

#[test]
fn a_creation_without_a_mark_creates_a_card_twice() {
    let change = queue("			Запись.Состояние = СозданиеНачато();\n			Запись.С", "			Запись.С");
    assert_caught(Theme::Creations, 220, &[change], &[Broken::CreatedTwice]);
}

#[test]
fn a_creation_of_unknown_outcome_that_is_repeated_creates_a_card_twice() {
    let change = queue(
        "ЗаписатьИсход(Запуск, Строка, УчтенныйОтказ(Отказ, Ошибка), Итог[\"unknown\"]);",
        "ЗаписатьИсход(Запуск, Строка, УчтенныйОтказ(Отказ, Ошибка), Ложь);",
    );
    assert_caught(Theme::Creations, 154, &[change], &[Broken::CreatedTwice]);
}

#[test]
fn a_creation_of_unknown_outcome_that_a_change_of_the_card_repeats_creates_a_card_twice() {
    let change = queue(
        "	Возврат Строка.Состояние = ТребуетРешения() И Не Строка.ИсходНеизвестен;",
        "	Возврат Строка.Состояние = ТребуетРешения();",
    );
    assert_caught(Theme::Creations, 154, &[change], &[Broken::CreatedTwice]);
}

#[test]
fn a_created_card_that_cannot_be_written_and_is_tried_again_is_created_twice() {
    let change = queue(
        "			КартаСервиса = Созданная.КартаСервиса;\n",
        "			КартаСервиса = Созданная.КартаСервиса;\n			Запуск.Ожидание = ИнтеграцияPassteam.НовоеОжидание();\n			\
         ЗаписатьИсход(Запуск, Созданная.Строка, НоваяОшибка(\"Connection\", \"\"), Ложь);\n",
    );
    assert_caught(Theme::Contention, 573, &[change], &[Broken::CreatedTwice]);
}

#[test]
fn a_creation_before_the_register_is_complete_creates_a_card_twice() {
    let change = queue("	СоздаватьМожно = КартыPassteam.РеестрПолон(Запуск.Адрес);", "	СоздаватьМожно = Истина;");
    assert_caught(Theme::FirstDays, 0, &[change], &[Broken::CreatedTwice]);
}

#[test]
fn a_new_card_that_does_not_wait_for_the_id_of_the_replaced_one_is_created_twice() {
    let change = queue("	ОтложитьДоЗамены(Запуск, Порция, Данные);\n", "");
    assert_caught(Theme::Replaced, 0, &[change], &[Broken::CreatedTwice]);
}

#[test]
fn a_replaced_card_without_id_that_is_sent_is_created_twice() {
    let change = queue("		Данные.Удалить(Замена.Ключ);\n", "");
    assert_caught(Theme::Replaced, 0, &[change], &[Broken::CreatedTwice]);
}

#[test]
fn a_replaced_card_that_keeps_its_id_once_it_is_marked_is_created_twice() {
    let change = queue(
        "		Если МожетПередать(Прежняя, Новая) Тогда",
        "		Если МожетПередать(Прежняя, Новая) И Не Прежняя.ПометкаУдаления Тогда",
    );
    assert_caught(Theme::Replaced, 0, &[change], &[Broken::CreatedTwice]);
}

#[test]
fn a_creation_that_a_walk_over_another_template_has_not_met_is_created_twice() {
    let change = walk("			Если Обход.Пригоден И Претендент.НаРешении", "			Если Претендент.НаРешении");
    assert_caught(Theme::Templates, 23, &[change], &[Broken::CreatedTwice]);
}

// Only one base sends.

#[test]
fn a_job_that_does_not_ask_whether_it_may_sends_from_another_base() {
    let change = queue(
        "	Если Не ОтправкаРазрешена() Тогда\n		Если ИнтеграцияPassteam.ЭтаБазаВедетКарты() Тогда",
        "	Если Ложь Тогда\n		Если ИнтеграцияPassteam.ЭтаБазаВедетКарты() Тогда",
    );
    assert_caught(Theme::Elsewhere, 0, &[change], &[|_| Broken::FromAnotherBase]);
}

#[test]
fn a_button_that_does_not_ask_whether_it_may_sends_from_another_base() {
    let change = queue(
        "	Если Не ОтправкаРазрешена() Тогда\n		Возврат МестоБазыPassteam.",
        "	Если Ложь Тогда\n		Возврат МестоБазыPassteam.",
    );
    assert_caught(Theme::Elsewhere, 0, &[change], &[|_| Broken::FromAnotherBase]);
}

#[test]
fn a_copy_that_is_not_recognised_by_its_place_sends() {
    let change = place(
        "	Если ПустаяСтрока(Причина) Тогда\n		УзнатьКомпьютер(Память, Место);",
        "	Если Истина Тогда\n		УзнатьКомпьютер(Память, Место);",
    );
    assert_caught(Theme::Elsewhere, 0, &[change], &[|_| Broken::FromAnotherBase]);
}

// One id belongs to one card.

#[test]
fn an_id_that_is_not_looked_for_at_other_cards_comes_to_two_cards() {
    let change = cards(
        "	Если КартаСИдентификатором(КартаСервиса.Идентификатор, Адрес, Карта) <> Неопределено Тогда\n		Возврат Ложь;",
        "	Если Ложь Тогда\n		Возврат Ложь;",
    );
    assert_caught(Theme::Mistakes, 0, &[change], &[Broken::SharedId]);
}

#[test]
fn an_id_that_the_old_card_gives_up_and_the_new_one_does_not_get_is_created_twice() {
    let change = queue("			Если НаТретьейКарте Тогда", "			Если Ложь Тогда");
    assert_caught(Theme::Replaced, 0, &[AN_ID_OF_ANY_SERVICE_IS_TAKEN, change], &[Broken::CreatedTwice]);
}

// Everything ends.

#[test]
fn an_unfinished_creation_that_nobody_looks_for_never_ends() {
    let change = queue("		ПередатьНезавершенныеСоздания(Запуск);", "");
    assert_caught(Theme::Creations, 385, &[change], &[never_ends]);
}

#[test]
fn a_new_card_from_which_another_service_keeps_the_id_waits_for_ever() {
    assert_caught(Theme::Replaced, 0, &[AN_ID_OF_ANY_SERVICE_IS_TAKEN], &[never_ends]);
}

#[test]
fn a_new_card_whose_id_nobody_takes_over_waits_for_ever() {
    let change = queue("		ПринятьЗамены(Адрес, СерединаЗапуска(Начало));\n", "");
    assert_caught(Theme::Replaced, 0, &[change], &[never_ends]);
}

// The service is left alone when it wants to be, and when it does not answer. The pause beside a doubtful answer is too rare
// here: `outages.rs` of `tests/extension` has it.

#[test]
fn a_pause_that_the_job_does_not_remember_is_not_kept() {
    let change = queue("		ИнтеграцияPassteam.ЗапомнитьПаузу(Запуск.Адрес, Препятствие.Пауза);\n", "");
    assert_caught(Theme::Outages, 350, &[change], &[|_| Broken::Pressed]);
}

#[test]
fn a_job_that_does_not_ask_for_the_pause_does_not_keep_it() {
    let change =
        queue("	Если Не ЕстьРабота(Адрес) Или ПродолжаетсяПауза(Адрес, Ход) Тогда", "	Если Не ЕстьРабота(Адрес) Тогда");
    assert_caught(Theme::Outages, 20, &[change], &[|_| Broken::Pressed]);
}

#[test]
fn a_walk_that_does_not_ask_for_the_pause_does_not_keep_it() {
    let change = walk(
        "	Если ИнтеграцияPassteam.ПаузаСервиса(Адрес) <> Неопределено Или Не ЗанятьСверку(Адрес) Тогда",
        "	Если Не ЗанятьСверку(Адрес) Тогда",
    );
    assert_caught(Theme::Outages, 112, &[change], &[|_| Broken::Pressed]);
}

#[test]
fn portions_that_go_on_after_an_outage_press_the_service() {
    let change = queue(
        "	Пока Препятствие = Неопределено И ЗапускПродолжается(Запуск) Цикл",
        "	Пока ЗапускПродолжается(Запуск) Цикл",
    );
    assert_caught(Theme::Outages, 29, &[change], &[|_| Broken::Pressed]);
}

// One session sends.

#[test]
fn two_jobs_at_once_do_no_harm_even_where_the_queues_lock_does_not_hold() {
    assert_holds(mutated(&[WITHOUT_THE_QUEUES_LOCK]), HARMLESS_RUNS, Some(Theme::TwoJobs));
}
