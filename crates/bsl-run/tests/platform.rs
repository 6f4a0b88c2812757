//! Queries, registers, locks, metadata and БСП as BSL sees them, on a base without the add-in.

use std::path::Path;
use std::sync::Arc;

use bsl_run::Value;
use bsl_run::platform::{ModuleTexts, SetUp, Shop, TurnsOfItsOwn};
use infobase::metadata::Metadata;
use infobase::metadata::declared::{Ssl, Variant, retail};
use infobase::metadata::designer::add_extension;
use infobase::{Infobase, Settings, User};

fn shop(variant: &Variant) -> Arc<Shop> {
    with_modules(variant, ModuleTexts::new())
}

/// The metadata that ship, with these modules alone.
fn with_modules(variant: &Variant, texts: ModuleTexts) -> Arc<Shop> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bsl-examples/extension");
    let mut metadata = retail(variant).unwrap();
    add_extension(&mut metadata, &folder, variant).unwrap_or_else(|error| panic!("{error}"));
    base(variant, metadata, texts)
}

fn base(variant: &Variant, metadata: Metadata, texts: ModuleTexts) -> Arc<Shop> {
    let set_up = SetUp {
        infobase: Infobase::in_memory(metadata, Settings::from(variant)).unwrap(),
        ssl: variant.ssl,
        texts,
        addin: None,
        scheduler: Arc::new(TurnsOfItsOwn),
    };
    Shop::new(set_up).unwrap_or_else(|error| panic!("{error}"))
}

/// Runs the body of a function and returns its result as text, or the exception.
fn run_in(shop: &Arc<Shop>, body: &str) -> Result<String, String> {
    let text = format!("Функция Проба() Экспорт\n{body}\nКонецФункции");
    let result = shop.run(User::administrator(), |vm, session| {
        let value: Value = session.run_text(vm, &text, Some("Проба"), &mut [])?;
        Ok(value.text().to_string())
    });
    result.map_err(|error| error.to_string())
}

fn run(body: &str) -> String {
    run_in(&shop(&Variant::retail_23()), body).unwrap_or_else(|error| panic!("{error}\n{body}"))
}

#[test]
fn an_unloaded_result_is_the_source_of_the_next_query() {
    let text = r#"
        Запрос = Новый Запрос("ВЫБРАТЬ ВЫРАЗИТЬ(""79161234567"" КАК СТРОКА(11)) КАК Телефон, 5 КАК Сумма
        |ОБЪЕДИНИТЬ ВСЕ ВЫБРАТЬ NULL, 7");
        Таблица = Запрос.Выполнить().Выгрузить();
        Таблица.Добавить().Сумма = 9;
        Запрос = Новый Запрос("ВЫБРАТЬ Т.Телефон КАК Телефон, Т.Сумма КАК Сумма ПОМЕСТИТЬ ВТ ИЗ &Таблица КАК Т;
        |ВЫБРАТЬ КОЛИЧЕСТВО(*) КАК Строк, СУММА(ВТ.Сумма) КАК Сумма ИЗ ВТ КАК ВТ ГДЕ ВТ.Телефон = &Телефон");
        Запрос.УстановитьПараметр("Таблица", Таблица);
        Запрос.УстановитьПараметр("Телефон", "79161234567");
        Выборка = Запрос.Выполнить().Выбрать();
        Выборка.Следующий();
        Возврат "" + Выборка.Строк + " " + Выборка.Сумма;
    "#;
    assert_eq!(run(text), "1 5");
}

#[test]
fn a_string_column_of_a_table_compares_only_with_a_length() {
    let text = |types: &str| {
        format!(
            r#"
            Таблица = Новый ТаблицаЗначений;
            Таблица.Колонки.Добавить("Телефон", {types});
            Таблица.Добавить().Телефон = "7916";
            Запрос = Новый Запрос("ВЫБРАТЬ Т.Телефон КАК Телефон ПОМЕСТИТЬ ВТ ИЗ &Таблица КАК Т;
            |ВЫБРАТЬ 1 КАК Один ИЗ ВТ КАК ВТ ГДЕ ВТ.Телефон = ""7916""");
            Запрос.УстановитьПараметр("Таблица", Таблица);
            Возврат Запрос.Выполнить().Выгрузить().Количество();
            "#
        )
    };
    let limited = r#"Новый ОписаниеТипов("Строка", , , , Новый КвалификаторыСтроки(20))"#;
    assert_eq!(run(&text(limited)), "1");
    let unlimited = text(r#"Новый ОписаниеТипов("Строка")"#);
    let error = run_in(&shop(&Variant::retail_23()), &unlimited).unwrap_err();
    assert!(error.contains("неограниченной длины"), "{error}");
}

#[test]
fn a_record_whose_key_changes_moves() {
    let text = r#"
        Первая = Справочники.ИнформационныеКарты.ПолучитьСсылку();
        Вторая = Справочники.ИнформационныеКарты.ПолучитьСсылку();
        Запись = РегистрыСведений.Штрихкоды.СоздатьМенеджерЗаписи();
        Запись.Штрихкод = "2000000000015";
        Запись.Владелец = Первая;
        Запись.Записать();
        Запись.Владелец = Вторая;
        Запись.Записать();
        Запрос = Новый Запрос("ВЫБРАТЬ Ш.Владелец КАК Владелец ИЗ РегистрСведений.Штрихкоды КАК Ш");
        Владельцы = Запрос.Выполнить().Выгрузить().ВыгрузитьКолонку("Владелец");
        Возврат "" + Владельцы.Количество() + " " + (Владельцы[0] = Вторая);
    "#;
    assert_eq!(run(text), "1 Да");
}

#[test]
fn a_lock_of_an_unknown_field_is_an_exception() {
    let text = r#"
        НачатьТранзакцию(РежимУправленияБлокировкойДанных.Управляемый);
        Блокировка = Новый БлокировкаДанных;
        Элемент = Блокировка.Добавить("РегистрСведений.Штрихкоды");
        Элемент.УстановитьЗначение("Дата", ТекущаяДатаСеанса());
        Попытка
            Блокировка.Заблокировать();
        Исключение
            ОтменитьТранзакцию();
            Возврат КраткоеПредставлениеОшибки(ИнформацияОбОшибке());
        КонецПопытки;
    "#;
    let error = run(text);
    assert!(error.contains("поле блокировки"), "{error}");
}

#[test]
fn what_a_version_of_the_library_lacks_is_missing() {
    let call = "Возврат ОбщегоНазначения.ПодключитьКомпонентуИзМакета(\"Passteam\", \"ОбщийМакет.Нет\"#);";
    let old = shop(&Variant::retail_23());
    assert_eq!(run_in(&old, &call.replace('#', "")), Ok(String::new()));
    let logged = old.infobase(|base| base.log().last().cloned()).unwrap();
    assert!(logged.comment.contains("ОбщийМакет.Нет"), "{}", logged.comment);
    assert!(run_in(&old, &call.replace('#', ", Ложь")).unwrap_err().contains("Слишком много"));

    let new = shop(&Variant { ssl: Ssl::V3_1_12, ..Variant::retail_23() });
    assert!(run_in(&new, &call.replace('#', ", Ложь")).unwrap_err().contains("Не удалось подключить"));

    let none = shop(&Variant { ssl: Ssl::Absent, ..Variant::retail_23() });
    assert_eq!(
        run_in(&none, "Возврат Метаданные.ОбщиеМодули.Найти(\"ОбщегоНазначения\") = Неопределено;"),
        Ok("Да".into())
    );
}

#[test]
fn an_expression_in_safe_mode_sees_its_parameters_and_the_global_context() {
    let text = r#"Возврат ОбщегоНазначения.ВычислитьВБезопасномРежиме("ВРег(Параметры.Имя) + 1",
        Новый Структура("Имя", "анна"));"#;
    assert_eq!(run(text), "АННА1");
    let privileged = r#"УстановитьПривилегированныйРежим(Истина);
        Возврат Строка(ОбщегоНазначения.ВычислитьВБезопасномРежиме(
            "Строка(БезопасныйРежим()) + ПривилегированныйРежим()", Неопределено)) + ПривилегированныйРежим();"#;
    assert_eq!(run(privileged), "ДаНетДа");
    let found = r#"Возврат ОбщегоНазначения.ВычислитьВБезопасномРежиме(
        "Справочники.Контрагенты.НайтиПоНаименованию(""нет"").Пустая()", Неопределено);"#;
    assert_eq!(run(found), "Да");
    for foreign in ["Секрет", "1; Сообщить(2)"] {
        let text =
            format!("Секрет = 1; Возврат ОбщегоНазначения.ВычислитьВБезопасномРежиме(\"{foreign}\", Неопределено);");
        assert!(run_in(&shop(&Variant::retail_23()), &text).is_err(), "{foreign}");
    }
}

#[test]
fn metadata_are_found_by_a_type() {
    let text = r#"Найденные = Новый Массив;
        Для Каждого Имя Из СтрРазделить("СправочникСсылка.Контрагенты,ПеречислениеСсылка.ЮрФизЛицо,Строка,Структура", ",") Цикл
            Найденный = Метаданные.НайтиПоТипу(Тип(Имя));
            Найденные.Добавить(?(Найденный = Неопределено, "нет", Найденный.Имя));
        КонецЦикла;
        Возврат СтрСоединить(Найденные, " ");"#;
    assert_eq!(run(text), "Контрагенты ЮрФизЛицо нет нет");
}

/// A job has a session, a transaction and locks of its own; what it tells and stores reaches the session that started it.
#[test]
fn a_background_job_runs_in_a_session_of_its_own() {
    let module = r#"
Процедура Посчитать(Параметры, Адрес) Экспорт
    Если ТранзакцияАктивна() Тогда ВызватьИсключение "чужая транзакция"; КонецЕсли;
    Сообщить("половина");
    ПоместитьВоВременноеХранилище(Параметры.Число * 2, Адрес);
КонецПроцедуры
Процедура Упасть() Экспорт
    ВызватьИсключение "не вышло";
КонецПроцедуры"#;
    let path = "CommonModules/ОчередьPassteam/Ext/Module.bsl".to_owned();
    let shop = with_modules(&Variant::retail_23(), ModuleTexts::from([(path, module.to_owned())]));
    let text = r#"
        Адрес = ПоместитьВоВременноеХранилище(Неопределено, Новый УникальныйИдентификатор);
        Аргументы = Новый Массив;
        Аргументы.Добавить(Новый Структура("Число", 21));
        Аргументы.Добавить(Адрес);
        НачатьТранзакцию();
        Задание = ФоновыеЗадания.Выполнить("ОчередьPassteam.Посчитать", Аргументы, "ключ", "Подсчет");
        ОтменитьТранзакцию();
        Найденное = ФоновыеЗадания.НайтиПоУникальномуИдентификатору(Задание.УникальныйИдентификатор);
        Сообщения = Найденное.ПолучитьСообщенияПользователю(Истина);
        Упавшее = ФоновыеЗадания.Выполнить("ОчередьPassteam.Упасть");
        Возврат СтрШаблон("%1 %2 %3 %4 %5", Найденное.Состояние = СостояниеФоновогоЗадания.Завершено,
            Сообщения[0].Текст, ПолучитьИзВременногоХранилища(Адрес), Упавшее.Состояние,
            КраткоеПредставлениеОшибки(Упавшее.ИнформацияОбОшибке));
    "#;
    assert_eq!(run_in(&shop, text), Ok("Да половина 42 ЗавершеноАварийно не вышло".into()));
}

#[test]
fn the_library_says_whether_the_base_is_taken_for_a_copy() {
    let shop = shop(&Variant::retail_23());
    let asked = "Возврат РегламентныеЗаданияСервер.РаботаСВнешнимиРесурсамиЗаблокирована();";
    assert_eq!(run_in(&shop, asked), Ok("Нет".into()));
    shop.infobase(|base| base.lock_external_resources(true));
    assert_eq!(run_in(&shop, asked), Ok("Да".into()));
}

#[test]
fn the_safe_storage_keeps_values_by_key() {
    let text = r#"
        ОбщегоНазначения.ЗаписатьДанныеВБезопасноеХранилище("Владелец", "тайна", "Токен");
        ОбщегоНазначения.ЗаписатьДанныеВБезопасноеХранилище("Владелец", "адрес", "Прокси");
        ОбщегоНазначения.УдалитьДанныеИзБезопасногоХранилища("Владелец", "Прокси");
        Данные = ОбщегоНазначения.ПрочитатьДанныеИзБезопасногоХранилища("Владелец", "Токен, Прокси");
        Возврат Данные.Токен + (Данные.Прокси = Неопределено);
    "#;
    assert_eq!(run(text), "тайнаДа");
}

#[test]
fn a_moment_of_a_document_is_before_its_own_movements() {
    let text = r#"
        Карта = Справочники.ИнформационныеКарты.ПолучитьСсылку();
        Моменты = Новый Массив;
        Для Номер = 1 По 3 Цикл
            Чек = Документы.ЧекККМ.СоздатьДокумент();
            Чек.Дата = Дата(2026, 3, 1);
            Чек.Записать();
            Набор = РегистрыНакопления.БонусныеБаллы.СоздатьНаборЗаписей();
            Набор.Отбор.Регистратор.Установить(Чек.Ссылка);
            Движение = Набор.ДобавитьПриход();
            Движение.Период = Чек.Дата;
            Движение.ДисконтнаяКарта = Карта;
            Движение.Начислено = 1;
            Набор.Записать();
            Моменты.Добавить(Чек.МоментВремени());
        КонецЦикла;
        Балансы = Новый Массив;
        Для Каждого Момент Из Моменты Цикл
            Запрос = Новый Запрос("ВЫБРАТЬ О.НачисленоОстаток КАК Баллы
            |ИЗ РегистрНакопления.БонусныеБаллы.Остатки(&Момент) КАК О");
            Запрос.УстановитьПараметр("Момент", Новый МоментВремени(Момент.Дата, Момент.Ссылка));
            Выборка = Запрос.Выполнить().Выбрать();
            Балансы.Добавить(?(Выборка.Следующий(), Выборка.Баллы, 0));
        КонецЦикла;
        Раньше = 0;
        Для Каждого Момент Из Моменты Цикл
            Раньше = Раньше + ?(Моменты[0].Сравнить(Момент) > 0, 1, 0);
        КонецЦикла;
        Возврат Балансы[0] = Раньше И Балансы[0] + Балансы[1] + Балансы[2] = 3;
    "#;
    let variant = Variant::retail_23();
    let bare = base(&variant, retail(&variant).unwrap(), ModuleTexts::new());
    assert_eq!(run_in(&bare, text), Ok("Да".into()));
}

#[test]
fn a_manager_selects_its_objects() {
    let text = r#"
        Группа = Справочники.ФизическиеЛица.СоздатьГруппу();
        Группа.Наименование = "Покупатели";
        Группа.Записать();
        Для Каждого Имя Из СтрРазделить("Анна,Олег", ",") Цикл
            Человек = Справочники.ФизическиеЛица.СоздатьЭлемент();
            Человек.Наименование = Имя;
            Человек.Родитель = Группа.Ссылка;
            Человек.Записать();
        КонецЦикла;
        Имена = Новый СписокЗначений;
        Выборка = Справочники.ФизическиеЛица.Выбрать(Группа.Ссылка);
        Пока Выборка.Следующий() Цикл
            Объект = Выборка.ПолучитьОбъект();
            Имена.Добавить(Выборка.Наименование + (Объект.Ссылка = Выборка.Ссылка));
        КонецЦикла;
        Имена.СортироватьПоЗначению();
        Все = Справочники.ФизическиеЛица.Выбрать();
        Количество = 0;
        Пока Все.Следующий() Цикл
            Количество = Количество + 1;
        КонецЦикла;
        Возврат Имена[0].Значение + Имена[1].Значение + Количество;
    "#;
    assert_eq!(run(text), "АннаДаОлегДа3");
    let unknown = "Возврат Справочники.ФизическиеЛица.Выбрать(, , Новый Структура(\"Пол\"));";
    assert!(run_in(&shop(&Variant::retail_23()), unknown).is_err(), "a filter is not known");
}

/// In this session, as БСП does in a file base while a job is active.
#[test]
fn long_operations_run_and_leave_their_result() {
    let module = r#"
        Процедура Сложить(Параметры, АдресРезультата) Экспорт
            ПоместитьВоВременноеХранилище(Параметры.А + Параметры.Б, АдресРезультата);
        КонецПроцедуры
        Функция Сумма(А, Б) Экспорт
            Возврат А + Б;
        КонецФункции
    "#;
    let with_module = |ssl: Ssl| {
        let path = "CommonModules/ОчередьPassteam/Ext/Module.bsl".to_owned();
        with_modules(&Variant { ssl, ..Variant::retail_23() }, ModuleTexts::from([(path, module.to_owned())]))
    };
    let old = r#"
        Настройки = ДлительныеОперации.ПараметрыВыполненияВФоне(Новый УникальныйИдентификатор);
        Ход = ДлительныеОперации.ВыполнитьВФоне("ОчередьPassteam.Сложить", Новый Структура("А, Б", 40, 2), Настройки);
        Возврат Ход.Статус + ПолучитьИзВременногоХранилища(Ход.АдресРезультата);
    "#;
    let new = r#"
        Настройки = ДлительныеОперации.ПараметрыВыполненияВФоне(Новый УникальныйИдентификатор);
        Ход = ДлительныеОперации.ВыполнитьФункцию(Настройки, "ОчередьPassteam.Сумма", 40, 2);
        Плохой = ДлительныеОперации.ВыполнитьФункцию(Настройки, "ОчередьPassteam.Сумма", 40, "Анна");
        Возврат Ход.Статус + ПолучитьИзВременногоХранилища(Ход.АдресРезультата) + Плохой.Статус;
    "#;
    assert_eq!(run_in(&with_module(Ssl::V3_0_2), old), Ok("Выполнено42".into()));
    assert_eq!(run_in(&with_module(Ssl::V3_1_12), old), Ok("Выполнено42".into()));
    assert_eq!(run_in(&with_module(Ssl::V3_1_12), new), Ok("Выполнено42Ошибка".into()));
    assert!(run_in(&with_module(Ssl::V3_0_2), new).is_err(), "3.0.2 has no such function");
}

#[test]
fn totals_stand_above_what_they_sum_up() {
    let query = |walk: &str| {
        format!(
            r#"
            Запрос = Новый Запрос("ВЫБРАТЬ ""Анна"" КАК Имя, ""Март"" КАК Месяц, 5 КАК Баллы
            |ОБЪЕДИНИТЬ ВСЕ ВЫБРАТЬ ""Олег"", ""Март"", 7 ОБЪЕДИНИТЬ ВСЕ ВЫБРАТЬ ""Анна"", ""Май"", 2
            |УПОРЯДОЧИТЬ ПО Баллы УБЫВ ИТОГИ СУММА(Баллы), КОЛИЧЕСТВО(РАЗЛИЧНЫЕ Месяц) ПО ОБЩИЕ, Имя");
            Текст = "";
            {walk}
            Возврат Текст;
            "#
        )
    };
    let straight = query(
        "Выборка = Запрос.Выполнить().Выбрать();
        Пока Выборка.Следующий() Цикл
            Текст = Текст + Выборка.Имя + Выборка.Баллы + Выборка.Месяц + ?(
                Выборка.ТипЗаписи() = ТипЗаписиЗапроса.ДетальнаяЗапись, \"\", \"*\") + \" \";
        КонецЦикла",
    );
    assert_eq!(run(&straight), "142* Олег71* Олег7Март Анна72* Анна5Март Анна2Май ");
    let by_groups = query(
        "Все = Запрос.Выполнить().Выбрать(ОбходРезультатаЗапроса.ПоГруппировкам);
        Все.Следующий();
        Текст = Текст + Все.Количество() + (Все.ТипЗаписи() = ТипЗаписиЗапроса.ОбщийИтог) + Все.Баллы;
        Имена = Все.Выбрать(ОбходРезультатаЗапроса.ПоГруппировкам);
        Пока Имена.Следующий() Цикл
            Строки = Имена.Выбрать();
            Текст = Текст + \" \" + Имена.Имя + Имена.Баллы + \":\" + Строки.Количество();
            Пока Строки.Следующий() Цикл
                Текст = Текст + Строки.Месяц;
            КонецЦикла;
        КонецЦикла",
    );
    assert_eq!(run(&by_groups), "1Да14 Олег7:1Март Анна7:2МартМай");

    let shop = shop(&Variant::retail_23());
    for wrong in ["СУММА(Нет) ПО Имя", "СУММА(Баллы) ПО Нет", "СУММА(Баллы + 1) ПО Имя", "СУММА(Баллы) ПО Имя ИЕРАРХИЯ"]
    {
        let text = format!(
            "Возврат Новый Запрос(\"ВЫБРАТЬ \"\"Анна\"\" КАК Имя, 5 КАК Баллы ИТОГИ {wrong}\").Выполнить().Пустой();"
        );
        assert!(run_in(&shop, &text).is_err(), "{wrong}");
    }
}

#[test]
fn a_base_knows_its_own_node_and_its_main_one() {
    let shop = shop(&Variant::retail_23());
    let own = "Возврат ПланыОбмена.ПоМагазину.ЭтотУзел().Код + \"/\" + ПланыОбмена.ПоМагазину.ЭтотУзел().Наименование;";
    let main = "Возврат ПланыОбмена.ГлавныйУзел() = Неопределено;";
    assert_eq!(run_in(&shop, own), Ok("/".into()), "nobody has set the plan up");
    assert_eq!(run_in(&shop, main), Ok("Да".into()));
    shop.infobase(|base| {
        let session = base.open_session(infobase::User::administrator());
        let mut node = base.new_object(&infobase::Reference::new_random("ПланОбмена.ПоМагазину"), false).unwrap();
        node.fields.insert("Код".into(), infobase::Datum::text("М01"));
        node.fields.insert("Наименование".into(), infobase::Datum::text("Магазин"));
        base.write_object(session, &mut node).unwrap();
        base.set_own_node(node.reference.clone());
        base.set_main_node(Some(node.reference));
        base.close_session(session).unwrap();
    });
    assert_eq!(run_in(&shop, own), Ok("М01/Магазин".into()));
    assert_eq!(run_in(&shop, main), Ok("Нет".into()));
    assert!(run_in(&shop, "Возврат Справочники.Контрагенты.ЭтотУзел();").is_err());
    assert!(run_in(&shop, "Возврат Справочники.ГлавныйУзел();").is_err());
}

#[test]
fn files_are_refused_in_safe_mode_and_where_they_are_forbidden() {
    let shop = shop(&Variant::retail_23());
    let write = "Файл = Новый ЗаписьТекста(\"C:\\Файл.txt\"); Файл.Записать(\"текст\"); Файл.Закрыть(); Возврат 1;";
    let read = "Файл = Новый ЧтениеТекста(\"C:\\Файл.txt\"); Возврат Файл.Прочитать();";
    assert_eq!(run_in(&shop, write), Ok("1".into()));
    assert_eq!(run_in(&shop, read), Ok("текст".into()));
    for text in [write, read, "УдалитьФайлы(\"C:\\Файл.txt\"); Возврат 1;"] {
        let safe = format!("УстановитьБезопасныйРежим(Истина); {text}");
        assert!(run_in(&shop, &safe).unwrap_err().contains("Нарушение прав доступа"), "{text}");
        shop.infobase(|base| base.forbid_files(true));
        assert!(run_in(&shop, text).unwrap_err().contains("Нарушение прав доступа"), "{text}");
        shop.infobase(|base| base.forbid_files(false));
    }
    assert_eq!(run_in(&shop, read), Ok("текст".into()));
}
