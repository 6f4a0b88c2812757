//! The first load: which cards it counts and queues, how far it came when it was interrupted, how it is started and watched.

use std::sync::{Arc, Mutex};

use addin_testkit::shop::{ca_file, sandbox_with};
use bsl_run::platform::Session;
use bsl_run::{Name, Res, Value, Vm};
use infobase::metadata::declared::{Ssl, Variant};
use infobase::{LockItem, Right, TransactionMode, User};
use passteam_sandbox::{Fault, Options, Tls};

use crate::stage::{metadata, untouched};
use crate::story::Story;

/// Cards that no handler saw: the base did not keep the cards when they were written.
fn with_old_cards(variant: &Variant, cards: &str) -> Story {
    let story = Story::of(variant);
    story.act(&format!(
        "ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь); {cards}; ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)"
    ));
    story
}

const MIXED: &str = r#"
	НоваяКарта("Анна", "+79160000001");
	НоваяКарта("Борис", "8 916 000-00-02");
	НоваяКарта("Без телефона");
	НоваяКарта("Двойник 1", "916 000 00 03");
	НоваяКарта("Двойник 2", "+7 (916) 000-00-03");
	НоваяКарта("Прежняя", "+79160000004");
	ВтораяКарта("Новая", "Прежняя");
	Заменить("Прежняя", "Новая");
	НоваяКарта("Помеченная", "+79160000005").ПолучитьОбъект().УстановитьПометкуУдаления(Истина);
	Кассира = ЗаполненнаяКарта("Кассира", НовыйЧеловек("Кассир", "+79160000006"));
	Кассира.ТипКарты = Перечисления.ТипыИнформационныхКарт.Регистрационная;
	Кассира.Записать();
	Папка = Справочники.ИнформационныеКарты.СоздатьГруппу();
	Папка.Наименование = "Папка";
	Папка.Записать()"#;

/// The counts that are not zero.
fn counts(story: &Story) -> String {
    story.run(
        r#"Строки = Новый Массив;
		Для Каждого Поле Из Подсчитанное().Подсчет Цикл
			Если ЗначениеЗаполнено(Поле.Значение) Тогда
				Строки.Добавить(Поле.Ключ + "=" + Поле.Значение);
			КонецЕсли;
		КонецЦикла;
		Возврат СтрСоединить(Строки, " ")"#,
    )
}

/// Runs the whole load and gives what it left: Поставлено, НеПоставлено, Закончено.
const LOAD: &str = r#"Адрес = ПоместитьВоВременноеХранилище(Неопределено, Новый УникальныйИдентификатор);
	ПерваяЗагрузкаPassteam.ПоставитьВсе(Новый Структура, Адрес);
	Итог = ПолучитьИзВременногоХранилища(Адрес);
	Возврат СтрШаблон("%1 %2 %3", Итог.Поставлено, Итог.НеПоставлено, Итог.Закончено)"#;

#[test]
fn it_says_beforehand_which_cards_are_not_suitable_and_why() {
    let story = with_old_cards(&untouched(), MIXED);
    assert_eq!(
        counts(&story),
        "Всего=7 Подходят=3 БезПеременной=1 Общие=2 Заменены=1 Помечены=1 Папки=1 ДругогоТипа=1 УникальнаяПеременная=PHONE"
    );
    let shared = story.run(
        r#"Строки = Новый Массив;
		Для Каждого Группа Из Подсчитанное().ОбщиеКарты Цикл
			Имена = Новый СписокЗначений;
			Для Каждого Карта Из Группа.Карты Цикл
				Имена.Добавить(Карта.Наименование);
			КонецЦикла;
			Имена.СортироватьПоЗначению();
			Строки.Добавить(Группа.Значение + ": " + СтрСоединить(Имена.ВыгрузитьЗначения(), ","));
		КонецЦикла;
		Возврат СтрСоединить(Строки, "; ")"#,
    );
    assert_eq!(shared, "79160000003: Двойник 1,Двойник 2");
    assert_eq!(story.queue(), "", "to count is to change nothing");
}

#[test]
fn it_queues_the_suitable_cards_and_the_job_creates_them() {
    let story = with_old_cards(&untouched(), MIXED);
    assert_eq!(story.run(LOAD), "3 0 Да");
    assert_eq!(story.queue(), "Анна,Борис,Новая");
    assert_eq!(story.sandbox.requests().len(), 0, "the job sends");
    story.job();
    assert_eq!(story.everybody("PHONE"), "Анна=79160000001 Борис=79160000002 Прежняя=79160000004");
    assert_eq!(
        counts(&story),
        "Всего=7 ВСервисе=3 БезПеременной=1 Общие=2 Заменены=1 Помечены=1 Папки=1 ДругогоТипа=1 УникальнаяПеременная=PHONE"
    );
    assert_eq!(story.run(LOAD), "0 0 Да");
    assert_eq!(story.log(), Vec::<String>::new());
}

/// A card of a customer whose other card is in the service would be refused, so it waits for a person too.
#[test]
fn a_card_that_shares_the_phone_of_one_in_the_service_is_shown_with_it() {
    let story = Story::new();
    story.sent_card("Анна", "+79160000001");
    story.act(
        "ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь); ВтораяКарта(\"Вторая\", \"Анна\");
		ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)",
    );
    assert_eq!(counts(&story), "Всего=2 ВСервисе=1 Общие=1 УникальнаяПеременная=PHONE");
    assert_eq!(story.run(LOAD), "0 0 Да");
    assert_eq!(story.ask("Подсчитанное().ОбщиеКарты[0].Карты.Количество()"), "2");
}

#[test]
fn another_variable_may_be_the_unique_one() {
    let story = with_old_cards(
        &untouched(),
        r#"Для Каждого Код Из СтрРазделить("7,7,8,", ",") Цикл
			Карта = ЗаполненнаяКарта("К" + Код, НовыйЧеловек("К" + Код));
			Карта.КодКарты = Код;
			Карта.Записать();
		КонецЦикла"#,
    );
    story.act(
        r#"Для Каждого Строка Из СтрРазделить("CLIENT_NAME:Владелец,NUMBERCARD:КодКарты", ",") Цикл
			Запись = РегистрыСведений.ПеременныеPassteam.СоздатьМенеджерЗаписи();
			Запись.Имя = СтрРазделить(Строка, ":")[0];
			Запись.Источник = СтрРазделить(Строка, ":")[1];
			Запись.Записать();
		КонецЦикла"#,
    );
    assert_eq!(counts(&story), "Всего=4 Подходят=4", "no variable is known to be unique");
    story.act("ИнтеграцияPassteam.УстановитьЗначениеНастройки(\"УникальнаяПеременная\", \"%NUMBERCARD%\")");
    assert_eq!(counts(&story), "Всего=4 Подходят=1 БезПеременной=1 Общие=2 УникальнаяПеременная=NUMBERCARD");
}

const FIFTY: &str = "Для Номер = 1 По 50 Цикл НоваяКарта(\"К\" + Номер, \"+79160000\" + (100 + Номер)); КонецЦикла";

/// Portions of 20: what is queued and how far the load came are one transaction.
#[test]
fn an_interrupted_load_goes_on_where_it_was() {
    let story = with_old_cards(&untouched(), FIFTY);
    let portions = Arc::new(Mutex::new(0));
    let counted = portions.clone();
    story.watch(move |_, _, call| *counted.lock().unwrap() += usize::from(call == "ЗафиксироватьТранзакцию"));
    story.crash_before("ЗафиксироватьТранзакцию");
    assert!(story.run_as(User::administrator(), LOAD).is_err());
    assert_eq!(story.queued(), "0");

    // After the first portion the process dies in the second.
    story.before("ЗафиксироватьТранзакцию", |story| {
        story.crash_before("ЗафиксироватьТранзакцию")
    });
    assert!(story.run_as(User::administrator(), LOAD).is_err());
    assert_eq!(story.queued(), "20");
    assert_eq!(story.ask("Подсчитанное().Подсчет.Осталось"), "30");

    // A card that has left the queue meanwhile is not looked for again.
    story.act("Опустошить(\"ОчередьPassteam\")");
    assert_eq!(story.ask("Подсчитанное().Подсчет.Осталось"), "30");
    *portions.lock().unwrap() = 0;
    assert_eq!(story.run(LOAD), "30 0 Да");
    assert_eq!(*portions.lock().unwrap(), 2);
    assert_eq!(story.ask("Подсчитанное().Подсчет.Осталось"), "0");

    // From the beginning, if a person wants it.
    story.act("Опустошить(\"ОчередьPassteam\")");
    story.before("ЗафиксироватьТранзакцию", |story| {
        story.crash_before("ЗафиксироватьТранзакцию")
    });
    assert!(story.run_as(User::administrator(), LOAD).is_err());
    assert_eq!(story.run(&LOAD.replace("Новый Структура,", "Новый Структура(\"Сначала\", Истина),")), "30 0 Да");
    assert_eq!(story.queued(), "50");
}

const FORM: &str = "Обработка.НастройкаPassteam.Форма.Форма";

/// A form of who sets up, in a session of its own.
fn in_form<T: Send>(story: &Story, work: impl FnOnce(&mut Vm, &Session, &Value) -> Res<T> + Send) -> T {
    let user = User::limited("Мастер").with_role(&metadata(&untouched()), "НастройкаPassteam");
    let user = user.grant("Справочник.ИнформационныеКарты", Right::Read);
    let done = story.shop.run(user, |vm, session| {
        let form = session.open_form(vm, FORM)?.unwrap();
        work(vm, session, &form)
    });
    done.unwrap_or_else(|error| panic!("{error}"))
}

fn text(vm: &mut Vm, form: &Value, attribute: &str) -> String {
    vm.get_member(form, &Name::new(attribute)).unwrap().text().to_string()
}

/// Somebody presses «Прервать» in another window just before the next call of the platform by this name.
fn interrupt_before(story: &Story, call: &str) {
    story.before(call, |story| in_form(story, |vm, session, form| session.press(vm, form, "ПрерватьОперацию")));
}

/// The load ends after its portion, says so, and goes on from there; or from the beginning, if a person wants it.
#[test]
fn a_person_interrupts_the_load_and_it_goes_on_or_begins_anew() {
    for ssl in [Ssl::Absent, Ssl::V3_0_2] {
        let story = with_old_cards(&Variant { ssl, ..untouched() }, FIFTY);
        in_form(&story, |vm, session, form| {
            assert_eq!(text(vm, form, "ХодОперации"), "");
            assert!(session.press(vm, form, "ЗагрузитьСначала").is_err(), "nothing was interrupted");
            interrupt_before(&story, "ЗафиксироватьТранзакцию");
            session.press(vm, form, "ПоставитьВсеКарты")?;
            (ssl == Ssl::Absent).then(|| session.tick(vm, form)).transpose()?;
            let told = text(vm, form, "ХодОперации");
            assert!(told.starts_with("Прервано. Поставлено в очередь: 20,") && told.contains("«Сначала»"), "{told}");
            assert_eq!(story.queued(), "20");
            Ok(())
        });
        // The form was closed; what has left the queue meanwhile is put there again only from the beginning.
        story.act("Опустошить(\"ОчередьPassteam\")");
        in_form(&story, |vm, session, form| {
            assert!(text(vm, form, "ХодОперации").starts_with("Загрузка прервана"));
            interrupt_before(&story, "ЗафиксироватьТранзакцию");
            session.press(vm, form, "ПоставитьВсеКарты")?;
            (ssl == Ssl::Absent).then(|| session.tick(vm, form)).transpose()?;
            assert_eq!(story.queued(), "20", "the next twenty");
            session.press(vm, form, "ЗагрузитьСначала")?;
            (ssl == Ssl::Absent).then(|| session.tick(vm, form)).transpose()?;
            let told = text(vm, form, "ХодОперации");
            assert!(told.starts_with("Поставлено в очередь: 30,") && !told.contains("прервана"), "{told}");
            assert_eq!(story.queued(), "50");
            assert!(session.press(vm, form, "ЗагрузитьСначала").is_err());
            Ok(())
        });
        // A request made before a load began does not concern it.
        in_form(&story, |vm, session, form| session.press(vm, form, "ПрерватьОперацию"));
        story.act("Опустошить(\"ОчередьPassteam\")");
        in_form(&story, |vm, session, form| session.press(vm, form, "ПоставитьВсеКарты"));
        assert_eq!(story.queued(), "50");
    }
}

#[test]
fn a_count_that_was_interrupted_shows_nothing() {
    let story = with_old_cards(&untouched(), MIXED);
    in_form(&story, |vm, session, form| {
        interrupt_before(&story, "СообщитьПрогресс");
        session.press(vm, form, "ПодсчитатьКарты")?;
        assert_eq!(
            (text(vm, form, "ХодОперации"), text(vm, form, "ИтогПодсчета")),
            ("Подсчет прерван.".into(), "".into())
        );
        interrupt_before(&story, "СообщитьПрогресс");
        session.press(vm, form, "ПоставитьВсеКарты")?;
        assert!(text(vm, form, "ХодОперации").starts_with("Прервано. Поставлено в очередь: 0,"));
        Ok(())
    });
    assert_eq!(story.queue(), "");
}

/// Of an update that was interrupted while it queued a person says whether it goes on; while it sent, the job sends the rest.
#[test]
fn a_person_interrupts_the_update_of_all_cards() {
    let story = Story::new();
    story.act(FIFTY);
    story.job();
    story.sandbox.clear_requests();
    let sent = || story.requests("updatecard");
    in_form(&story, |vm, session, form| {
        interrupt_before(&story, "ЗафиксироватьТранзакцию");
        session.answer("Да");
        session.press(vm, form, "ОбновитьВсеКарты")?;
        let told = text(vm, form, "ХодОперации");
        assert!(told.contains("Прервано. Поставлено в очередь: 20,") && told.contains("Обновление прервано"), "{told}");
        assert_eq!((story.queued().as_str(), sent()), ("20", 0));
        session.answer("Отмена");
        session.press(vm, form, "ОбновитьВсеКарты")?;
        assert_eq!(story.queued(), "20");
        interrupt_before(&story, "UpdateCards");
        session.answer("Да");
        session.press(vm, form, "ОбновитьВсеКарты")?;
        let told = text(vm, form, "ХодОперации");
        assert!(told.contains("Поставлено в очередь: 30,") && told.contains("Остальные отправит"), "{told}");
        Ok(())
    });
    assert_eq!((story.queued().as_str(), sent()), ("10", 40));
    story.job();
    assert_eq!(sent(), 50);
    in_form(&story, |vm, session, form| {
        interrupt_before(&story, "ЗафиксироватьТранзакцию");
        session.answer("Да");
        session.press(vm, form, "ОбновитьВсеКарты")?;
        session.answer("Нет");
        session.press(vm, form, "ОбновитьВсеКарты")?;
        Ok(())
    });
    assert_eq!((story.queued().as_str(), sent()), ("0", 100), "from the beginning");
}

/// Who has to be given a phone, and which cards share one: in lists that open the card.
#[test]
fn cards_that_a_person_must_set_right_are_listed_and_opened() {
    let story = with_old_cards(&untouched(), MIXED);
    in_form(&story, |vm, session, form| {
        session.press(vm, form, "ПодсчитатьКарты")?;
        assert_eq!(session.column(vm, form, "НеподходящиеКарты", "Владелец")?, ["Без телефона"]);
        assert_eq!(session.column(vm, form, "НеподходящиеКарты", "Причина")?, ["Переменная PHONE пустая."]);
        assert_eq!(text(vm, form, "ХодОперации"), "Карты подсчитаны.");
        let told = text(vm, form, "ИтогПодсчета");
        assert!(told.contains("Переменная PHONE пустая (показаны ниже): 1") && told.contains("папки: 1"), "{told}");
        for (table, card) in [("НеподходящиеКарты", "Без телефона"), ("ОбщиеКарты", "Двойник 2")]
        {
            session.select_rows(vm, form, table, "Карта", &[card])?;
            let items = vm.get_member(form, &Name::new("Элементы"))?;
            let shown = vm.get_member(&items, &Name::new(table))?;
            let row = vm.get_member(&shown, &Name::new("ТекущаяСтрока"))?;
            let mut arguments = [Value::Undefined, row, Value::Undefined, Value::Bool(true)];
            session.event(vm, form, table, "Selection", &mut arguments)?;
            assert_eq!(session.shown().pop().as_deref(), Some(card));
        }
        Ok(())
    });
    story.act(
        r#"Запись = РегистрыСведений.ПеременныеPassteam.СоздатьМенеджерЗаписи();
		Запись.Имя = "PHONE";
		Запись.Источник = "Выражение";
		Запись.Значение = "1 / 0";
		Запись.Записать();
		ИнтеграцияPassteam.УстановитьЗначениеНастройки("УникальнаяПеременная", "PHONE")"#,
    );
    assert_eq!(story.ask("Подсчитанное().Подсчет.НеВычислены"), "6");
    let reason = story.ask("Подсчитанное().Неподходящие[0].Причина");
    assert!(!reason.is_empty() && !reason.contains("пустая"), "{reason}");
}

/// What another service had of a load says nothing of this one.
#[test]
fn another_service_begins_anew() {
    let story = with_old_cards(&untouched(), FIFTY);
    story.before("ЗафиксироватьТранзакцию", |story| {
        story.crash_before("ЗафиксироватьТранзакцию")
    });
    assert!(story.run_as(User::administrator(), LOAD).is_err());
    story.act("Опустошить(\"ОчередьPassteam\")");
    story.act("ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"АдресСервера\", \"http://127.0.0.1:1\"))");
    assert_eq!(story.ask("Подсчитанное().Подсчет.Осталось"), "0");
    assert_eq!(story.run(LOAD), "50 0 Да");
}

/// A till that holds a card for long delays its portion, not the load.
#[test]
fn a_portion_that_a_sale_holds_is_left_to_the_night() {
    let story = with_old_cards(&untouched(), FIFTY);
    story.before("БлокировкаДанных.Заблокировать", |story| {
        let till = story.shop.infobase(|base| {
            let till = base.open_session(User::administrator());
            base.begin(till, Some(TransactionMode::Managed)).unwrap();
            base.lock(till, &[LockItem::exclusive("РегистрСведений.ОчередьPassteam")]).unwrap();
            till
        });
        story.before("ОтменитьТранзакцию", move |story| {
            story.shop.infobase(|base| base.close_session(till)).unwrap();
        });
    });
    assert_eq!(story.run(LOAD), "30 20 Да");
    assert_eq!(story.queued(), "30");
    story.night();
    assert_eq!(story.queued(), "50");
}

/// In a file base an active job moves the cashier's own long operations into the till's session.
#[test]
fn in_a_file_base_a_run_ends_after_fifteen_seconds() {
    let story = with_old_cards(&Variant { file_base: true, ..untouched() }, FIFTY);
    story.before("ЗафиксироватьТранзакцию", |story| story.wait(chrono::Duration::seconds(16)));
    assert_eq!(story.run(LOAD), "20 0 Нет");
    assert_eq!(story.run(LOAD), "30 0 Да");
    assert_eq!(story.queued(), "50");
}

#[test]
fn a_base_that_does_not_keep_the_cards_loads_nothing() {
    let story = with_old_cards(&untouched(), FIFTY);
    story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь)");
    assert!(story.run_as(User::administrator(), LOAD).is_err());
    assert_eq!(story.queued(), "0");
}

/// The form starts it: through БСП, which tells how far it is, or as a background job that the form asks.
#[test]
fn it_is_started_and_watched_with_and_without_the_library() {
    for ssl in [Ssl::Absent, Ssl::V3_0_2, Ssl::V3_1_12] {
        let story = with_old_cards(&Variant { ssl, ..untouched() }, FIFTY);
        let body = r#"Начатая = ПерваяЗагрузкаPassteam.Начать("#.to_owned()
            + r#""ПоставитьВсе", Новый Структура, Новый УникальныйИдентификатор);
			Если Не Начатая.СредствамиБСП Тогда
				Состояние = ПерваяЗагрузкаPassteam.СостояниеОперации(Начатая);
				Сообщить(Состояние.Ход);
				Начатая.Статус = Состояние.Статус;
			КонецЕсли;
			Если Начатая.Статус <> "Выполнено" Тогда
				ВызватьИсключение Начатая.Статус + Начатая.КраткоеПредставлениеОшибки;
			КонецЕсли;
			Сообщить(ПолучитьИзВременногоХранилища(Начатая.АдресРезультата).Поставлено)"#;
        let told = story.act(&body);
        assert_eq!(told.last().map(String::as_str), Some("50"), "{ssl:?}");
        assert!(told.iter().any(|text| text.contains("Поставлено в очередь: 50 из 50")), "{ssl:?}: {told:?}");
        if ssl != Ssl::Absent {
            let steps = ["40 Поставлено в очередь: 20", "80 Поставлено в очередь: 40", "100 Поставлено в очередь: 50"];
            assert!(steps.iter().all(|step| told.iter().any(|text| text.contains(step))), "{told:?}");
        }
        assert_eq!(story.queued(), "50");
        let counted = r#"Начатая = ПерваяЗагрузкаPassteam.Начать("Подсчитать", Неопределено, Новый УникальныйИдентификатор);
			Возврат ПолучитьИзВременногоХранилища(Начатая.АдресРезультата).Подсчет.ВОчереди"#;
        assert_eq!(story.run(counted), "50", "{ssl:?}");
    }
}

#[test]
fn a_background_job_that_fails_says_why() {
    let story = with_old_cards(&Variant { ssl: Ssl::Absent, ..untouched() }, FIFTY);
    story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь)");
    let failed = story.run(
        r#"Начатая = ПерваяЗагрузкаPassteam.Начать("ПоставитьВсе", Новый Структура, Новый УникальныйИдентификатор);
		Состояние = ПерваяЗагрузкаPassteam.СостояниеОперации(Начатая);
		Возврат Состояние.Статус + ": " + Состояние.КраткоеПредставлениеОшибки"#,
    );
    assert!(failed.starts_with("Ошибка: Эта база"), "{failed}");
    let unknown = story.run_as(
        User::administrator(),
        "ПерваяЗагрузкаPassteam.Начать(\"Удалить\", Неопределено, Новый УникальныйИдентификатор)",
    );
    assert!(unknown.unwrap_err().contains("Неизвестная операция"));
}

/// Runs the update of all cards and gives what it left.
const UPDATE: &str = r#"Адрес = ПоместитьВоВременноеХранилище(Неопределено, Новый УникальныйИдентификатор);
	ПерваяЗагрузкаPassteam.ОбновитьВсе(Неопределено, Адрес);
	Итог = ПолучитьИзВременногоХранилища(Адрес);
	Возврат СтрШаблон("%1 %2 %3 %4", Итог.Поставлено, Итог.Отправлено, Итог.Занята, Итог.Препятствие)"#;

/// After a change of the template every card is sent, in short calls with progress between them.
#[test]
fn all_cards_are_updated_with_progress_between_short_calls() {
    let story = Story::new();
    story.act(FIFTY);
    story.job();
    assert_eq!(story.queued(), "0");
    story.sandbox.clear_requests();
    let calls = Arc::new(Mutex::new(0));
    let counted = calls.clone();
    story.watch(move |_, _, call| *counted.lock().unwrap() += usize::from(call == "UpdateCards"));
    let told =
        story.act(&UPDATE.replace("Возврат СтрШаблон", "Сообщить(СтрШаблон").replace("Препятствие)", "Препятствие))"));
    assert_eq!(told.last().map(String::as_str), Some("50 50 Нет "));
    assert_eq!(*calls.lock().unwrap(), 2);
    assert_eq!(story.requests("updatecard"), 50);
    for step in ["80 Отправлено карт: 40 из 50", "100 Отправлено карт: 50 из 50"] {
        assert!(told.iter().any(|text| text.contains(step)), "{told:?}");
    }
    assert_eq!(story.queued(), "0");
}

/// The form's privileged mode does not reach the background job, and no role may write the queue.
#[test]
fn who_sets_up_updates_all_cards_with_no_other_right() {
    let story = Story::new();
    story.sent_card("Анна", "+79160000001");
    let update = |role: &str| {
        let user = User::limited("Человек").with_role(&metadata(&untouched()), role);
        story.run_as(user, UPDATE)
    };
    let error = update("ПросмотрPassteam").unwrap_err();
    assert!(error.contains("Недостаточно прав"), "{error}");
    assert_eq!(update("НастройкаPassteam").unwrap(), "1 1 Нет ");
    assert_eq!((story.queue(), story.log()), (String::new(), Vec::new()));
}

/// What it has queued the job sends, whoever has the queue and whatever stops it.
#[test]
fn what_an_update_of_all_cards_cannot_send_the_job_sends() {
    let story = Story::new();
    story.sent_card("Анна", "+79160000001");
    let busy = story
        .shop
        .run(User::administrator(), |vm, session| {
            session.call_module(vm, "ОчередьPassteam", "ЗанятьОчередь", &mut [])?;
            Ok(story.run(UPDATE))
        })
        .unwrap();
    assert_eq!(busy, "1 0 Да ");
    assert_eq!(story.queue(), "Анна");
    story.sandbox.push_fault(Fault::of("updatecard").status(401));
    assert!(story.run(UPDATE).starts_with("1 1 Нет "));
    story.sandbox.clear_faults();
    story.wait(chrono::Duration::hours(2));
    story.job();
    assert_eq!(story.queue(), "");
}

/// It runs for hours, and looks again before each of its runs.
#[test]
fn an_update_of_all_cards_ends_when_the_base_may_send_no_more() {
    let story = Story::new();
    story.act(FIFTY);
    story.job();
    story.sandbox.clear_requests();
    story.before("UpdateCards", |story| {
        story.wait(chrono::Duration::minutes(6));
        story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь)");
    });
    let told = story.run(UPDATE);
    assert!(told.starts_with("50 40 Нет Эта база"), "{told}");
    assert_eq!(story.requests("updatecard"), 40);
    assert_eq!(story.queued(), "10");
}

/// Whatever sends has all settings: nothing of a trial reaches the real service.
#[test]
fn a_load_and_an_update_go_to_the_service_of_the_settings_with_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let trial = sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() });
    let file = ca_file(&trial, folder.path());
    let story = with_old_cards(&untouched(), FIFTY);
    let url = trial.url();
    story.act(&format!(
        "ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"АдресСервера, ФайлСертификатов\", \"{url}\", \"{file}\"));
		СервисПуст()"
    ));
    assert_eq!(story.run(LOAD), "50 0 Да");
    (0..4).for_each(|_| story.job());
    assert_eq!(story.queued(), "0");
    assert_eq!(story.run(UPDATE), "50 50 Нет ");
    assert_eq!(trial.requests().iter().filter(|request| request.method == "updatecard").count(), 50);
    assert_eq!(story.sandbox.requests().len(), 0);
}

/// A customer without a phone is counted, neither sent nor listed, until the phone is there.
#[test]
fn a_card_without_the_unique_variable_waits_outside_the_queue() {
    let story = Story::new();
    story.act("НоваяКарта(\"Анна\")");
    assert_eq!(story.queue(), "Анна");
    story.job();
    assert_eq!(story.queue(), "");
    assert_eq!(story.sandbox.cards().len(), 0);
    assert!(!story.sandbox.requests().iter().any(|request| request.method == "createcard"));
    assert_eq!(story.log(), Vec::<String>::new());
    assert!(story.ask("ОчередьPassteam.СостояниеКарты(Карта(\"Анна\"))").contains("переменная PHONE пустая"));
    story.night();
    assert_eq!(story.queue(), "", "not every night anew");
    story.act("Движение(\"Анна\", 10)");
    story.job();
    assert_eq!(story.queue(), "");
    story.act(
        r#"Человек = Карта("Анна").ВладелецКарты.ПолучитьОбъект();
		ДобавитьТелефон(Человек, "+79160000001");
		Человек.Записать()"#,
    );
    story.job();
    assert_eq!(story.balances(), "Анна=10");
}

/// Two old cards of one phone are a person's work once, not every night.
#[test]
fn the_night_leaves_cards_that_share_a_phone_to_a_person() {
    let story = with_old_cards(&untouched(), MIXED);
    story.night();
    assert_eq!(story.queue(), "Анна,Борис,Новая");
}
