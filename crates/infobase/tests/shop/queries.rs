//! Queries as the shipped modules and a 1C developer write them, with what they return on a small shop.

use crate::common::{CARDS, POINTS, Shop, date, moment, record, value};
use infobase::{Column, Datum, Parameter, Record, Reference, Right, Rows, TempTables, TypeSet, User};

/// Two people with a card each, a card of nobody, a folder; two receipts.
fn shop() -> (Shop, [Datum; 3]) {
    let mut shop = Shop::new();
    let kind = Datum::enumeration("Перечисление.ТипыКонтактнойИнформации", "Телефон");
    let mut anna =
        shop.object(crate::common::PEOPLE, &[("Наименование", Datum::text("Анна")), ("ДатаРождения", date(8))]);
    let phone = record(&[("Тип", kind), ("НомерТелефона", Datum::text("+7 916 123-45-67"))]);
    anna.sections.get_mut("КонтактнаяИнформация").unwrap().push(phone);
    let anna = shop.write(anna);
    let boris = shop.person("Борис");
    let first = shop.card("А1", anna);
    let second = shop.card("а2  ", boris);
    let third = shop.card("Б3", Datum::Undefined);
    let folder = Reference::new_random(CARDS);
    let mut folder = shop.base.new_object(&folder, true).unwrap();
    folder.fields.insert("Наименование".into(), Datum::text("Папка"));
    shop.write(folder);
    shop.receipt(3, &[(&first, 100), (&second, 50)]);
    shop.receipt(5, &[(&first, 25)]);
    (shop, [first, second, third])
}

#[test]
fn fields_of_references_are_read_by_dots() {
    let (mut shop, _) = shop();
    let text = "ВЫБРАТЬ К.КодКарты КАК Код, К.ВладелецКарты.Наименование, ПРЕДСТАВЛЕНИЕССЫЛКИ(К.ВладелецКарты),
        К.ВладелецКарты.ДатаРождения ЕСТЬ NULL КАК БезДаты
        ИЗ Справочник.ИнформационныеКарты КАК К ГДЕ НЕ К.ЭтоГруппа УПОРЯДОЧИТЬ ПО Код УБЫВ";
    assert_eq!(shop.rows(text, &[]), ["Б3|NULL||Истина", "а2  |Борис|Борис|Ложь", "А1|Анна|Анна|Ложь"]);
    let text = "SELECT T.ДисконтнаяКарта.ВладелецКарты.Description AS Name, SUM(T.Начислено) AS Points
        FROM AccumulationRegister.БонусныеБаллы AS T GROUP BY T.ДисконтнаяКарта.ВладелецКарты.Description
        HAVING SUM(T.Начислено) > 60 ORDER BY Name";
    assert_eq!(shop.rows(text, &[]), ["Анна|125"]);
}

#[test]
fn a_folder_and_an_empty_reference_have_null_fields() {
    let (mut shop, _) = shop();
    let text = "ВЫБРАТЬ К.Наименование, К.КодКарты, ЕСТЬNULL(К.КодКарты, \"нет\"), К.Родитель.Наименование
        ИЗ Справочник.ИнформационныеКарты КАК К ГДЕ К.ЭтоГруппа";
    assert_eq!(shop.rows(text, &[]), ["Папка|NULL|нет|NULL"]);
}

#[test]
fn strings_compare_without_case_and_trailing_blanks() {
    let (mut shop, _) = shop();
    let count = |shop: &mut Shop, condition: &str| {
        shop.rows(&format!("ВЫБРАТЬ КОЛИЧЕСТВО(*) ИЗ {CARDS} КАК К ГДЕ {condition}"), &[]).concat()
    };
    assert_eq!(count(&mut shop, "К.КодКарты = \"А2\""), "1");
    assert_eq!(count(&mut shop, "К.КодКарты В (\"а1 \", \"А2\", \"х\")"), "2");
    assert_eq!(count(&mut shop, "К.КодКарты ПОДОБНО \"а%\""), "2");
    assert_eq!(count(&mut shop, "К.КодКарты НЕ ПОДОБНО \"[а-в]_\""), "0");
    assert_eq!(count(&mut shop, "К.КодКарты МЕЖДУ \"а2\" И \"б3\""), "2");
    assert_eq!(count(&mut shop, "К.КодКарты <> \"\""), "3");
    assert_eq!(count(&mut shop, "К.КодКарты ЕСТЬ НЕ NULL И НЕ К.КодКарты = \"а1\""), "2");
}

#[test]
fn the_balance_collapses_dimensions_that_the_query_does_not_name() {
    let (mut shop, [first, ..]) = shop();
    let programme = shop.object("Справочник.БонусныеПрограммыЛояльности", &[("Наименование", Datum::text("П"))]);
    let programme = shop.write(programme);
    let receipt = Datum::Ref(Reference::new_random("Документ.ЧекККМ"));
    let write_off = record(&[
        ("Период", date(6)),
        ("ВидДвижения", Datum::enumeration("ВидДвиженияНакопления", "Расход")),
        ("ДисконтнаяКарта", first.clone()),
        ("БонуснаяПрограммаЛояльности", programme),
        ("Начислено", Datum::int(20)),
    ]);
    let filter = record(&[("Регистратор", receipt)]);
    shop.base.write_records(shop.session, POINTS, &filter, &[write_off], true).unwrap();

    let card = [("Карта", value(first))];
    let text = "ВЫБРАТЬ О.НачисленоОстаток КАК Начислено
        ИЗ РегистрНакопления.БонусныеБаллы.Остатки(, ДисконтнаяКарта = &Карта) КАК О";
    assert_eq!(shop.rows(text, &card), ["105"]);
    let text = "ВЫБРАТЬ О.БонуснаяПрограммаЛояльности.Наименование КАК П, О.НачисленоОстаток
        ИЗ РегистрНакопления.БонусныеБаллы.Остатки(, ДисконтнаяКарта = &Карта) КАК О УПОРЯДОЧИТЬ ПО П";
    assert_eq!(shop.rows(text, &card), ["NULL|125", "П|-20"]);
}

#[test]
fn a_balance_at_a_moment_depends_on_the_kind_of_moment() {
    let (mut shop, [first, ..]) = shop();
    let mut balance = |moment: Parameter| {
        let text = "ВЫБРАТЬ О.НачисленоОстаток ИЗ РегистрНакопления.БонусныеБаллы.Остатки(&Момент,
            ДисконтнаяКарта = &Карта) КАК О";
        shop.rows(text, &[("Момент", moment), ("Карта", value(first.clone()))]).concat()
    };
    assert_eq!(balance(value(date(5))), "100");
    assert_eq!(balance(Parameter::Boundary { date: moment(5), including: true }), "125");
    assert_eq!(balance(Parameter::Boundary { date: moment(5), including: false }), "100");
    assert_eq!(balance(value(date(1))), "");
    assert_eq!(balance(value(Datum::Undefined)), "125");
}

#[test]
fn turnovers_separate_receipts_from_expenses() {
    let (mut shop, _) = shop();
    let text = "ВЫБРАТЬ О.НачисленоПриход, О.НачисленоРасход, О.НачисленоОборот
        ИЗ РегистрНакопления.БонусныеБаллы.Обороты(&С, &По, , ) КАК О";
    assert_eq!(shop.rows(text, &[("С", value(date(4))), ("По", value(date(5)))]), ["25|0|25"]);
}

#[test]
fn a_batch_hands_temporary_tables_on() {
    let (mut shop, cards) = shop();
    let text = "ВЫБРАТЬ К.Ссылка КАК Карта, К.ВладелецКарты КАК Владелец ПОМЕСТИТЬ ВТКарты
        ИЗ Справочник.ИнформационныеКарты КАК К ГДЕ К.Ссылка В (&Карты) ИНДЕКСИРОВАТЬ ПО Карта;
        ВЫБРАТЬ ВТКарты.Владелец.Наименование КАК Имя, ЕСТЬNULL(О.НачисленоОстаток, 0) КАК Баланс
        ИЗ ВТКарты КАК ВТКарты
        ЛЕВОЕ СОЕДИНЕНИЕ РегистрНакопления.БонусныеБаллы.Остатки(, ДисконтнаяКарта В
            (ВЫБРАТЬ ВТКарты.Карта ИЗ ВТКарты КАК ВТКарты)) КАК О ПО (О.ДисконтнаяКарта = ВТКарты.Карта)
        УПОРЯДОЧИТЬ ПО Баланс УБЫВ;
        УНИЧТОЖИТЬ ВТКарты";
    let parameters = [("карты".to_owned(), Parameter::List(cards.to_vec()))].into();
    let mut tables = TempTables::new();
    let results = shop.base.query(shop.session, text, &parameters, &mut tables).unwrap();
    assert_eq!(results[0].rows, [[Datum::int(3)]]);
    let balances: Vec<String> = results[1].rows.iter().map(|row| format!("{} {}", row[0], row[1])).collect();
    assert_eq!(balances, ["Анна 125", "Борис 50", "NULL 0"]);
    assert!(tables.names().is_empty());
}

#[test]
fn a_manager_keeps_its_tables_between_queries() {
    let (mut shop, _) = shop();
    let mut tables = TempTables::new();
    let none = Default::default();
    let fill = "ВЫБРАТЬ К.КодКарты КАК Код ПОМЕСТИТЬ Коды ИЗ Справочник.ИнформационныеКарты КАК К";
    shop.base.query(shop.session, fill, &none, &mut tables).unwrap();
    assert_eq!(tables.names(), ["коды"]);
    let again = shop.base.query(shop.session, fill, &none, &mut tables).unwrap_err();
    assert!(again.to_string().contains("уже существует"), "{again}");
    let read = "ВЫБРАТЬ МАКСИМУМ(К.Код), МИНИМУМ(К.Код), КОЛИЧЕСТВО(РАЗЛИЧНЫЕ К.Код) ИЗ Коды КАК К";
    let found = shop.base.query(shop.session, read, &none, &mut tables).unwrap();
    assert_eq!(found[0].rows, [[Datum::text("Б3"), Datum::text("А1"), Datum::int(3)]]);
    shop.base.close_tables(tables).unwrap();
}

#[test]
fn a_table_of_values_is_a_source_of_a_temporary_table() {
    let (mut shop, [first, second, _]) = shop();
    let columns = vec![
        Column { name: "Карта".into(), types: TypeSet::reference(CARDS) },
        Column { name: "Сумма".into(), types: TypeSet::number() },
    ];
    let rows = vec![vec![first, Datum::int(7)], vec![second, Datum::int(9)]];
    let table = Parameter::Rows(Rows { columns, rows, levels: None });
    let text = "ВЫБРАТЬ Т.Карта, Т.Сумма ПОМЕСТИТЬ ВТ ИЗ &Таблица КАК Т;
        ВЫБРАТЬ ВТ.Карта.КодКарты, ВТ.Сумма * 2 - 1 ИЗ ВТ КАК ВТ ГДЕ ВТ.Сумма / 2 > 4";
    assert_eq!(shop.rows(text, &[("Таблица", table)]), ["а2  |17"]);
}

#[test]
fn tabular_sections_and_unions() {
    let (mut shop, _) = shop();
    let text = "ВЫБРАТЬ К.Ссылка.Наименование КАК Имя, К.НомерТелефона КАК Номер, К.НомерСтроки КАК НомерСтроки
        ИЗ Справочник.ФизическиеЛица.КонтактнаяИнформация КАК К
        ГДЕ К.Тип = ЗНАЧЕНИЕ(Перечисление.ТипыКонтактнойИнформации.Телефон)
        ОБЪЕДИНИТЬ ВСЕ ВЫБРАТЬ П.Наименование, \"\", 0 ИЗ Справочник.ФизическиеЛица КАК П
        УПОРЯДОЧИТЬ ПО НомерСтроки, Имя УБЫВ";
    assert_eq!(shop.rows(text, &[]), ["Борис||0", "Анна||0", "Анна|+7 916 123-45-67|1"]);
    let text = "ВЫБРАТЬ \"а\" КАК П ОБЪЕДИНИТЬ ВЫБРАТЬ \"А \"";
    assert_eq!(shop.rows(text, &[]).len(), 1);
}

#[test]
fn joins_of_all_kinds() {
    let (mut shop, _) = shop();
    let text = |join: &str| {
        format!(
            "ВЫБРАТЬ К.КодКарты КАК Код, П.Наименование КАК Имя ИЗ
             (ВЫБРАТЬ * ИЗ Справочник.ИнформационныеКарты КАК Т ГДЕ Т.КодКарты <> \"а1\") КАК К
             {join} СОЕДИНЕНИЕ Справочник.ФизическиеЛица КАК П ПО К.ВладелецКарты = П.Ссылка
             УПОРЯДОЧИТЬ ПО Код, Имя"
        )
    };
    assert_eq!(shop.rows(&text("ВНУТРЕННЕЕ"), &[]), ["а2  |Борис"]);
    assert_eq!(shop.rows(&text("ЛЕВОЕ"), &[]), ["а2  |Борис", "Б3|NULL"]);
    assert_eq!(shop.rows(&text("ПРАВОЕ"), &[]), ["NULL|Анна", "а2  |Борис"]);
    assert_eq!(shop.rows(&text("ПОЛНОЕ ВНЕШНЕЕ"), &[]), ["NULL|Анна", "а2  |Борис", "Б3|NULL"]);
    let nested = "ВЫБРАТЬ К.КодКарты, О.НачисленоОстаток ИЗ Справочник.ФизическиеЛица КАК П
        ЛЕВОЕ СОЕДИНЕНИЕ Справочник.ИнформационныеКарты КАК К
        ВНУТРЕННЕЕ СОЕДИНЕНИЕ РегистрНакопления.БонусныеБаллы.Остатки КАК О ПО О.ДисконтнаяКарта = К.Ссылка
        ПО К.ВладелецКарты = П.Ссылка УПОРЯДОЧИТЬ ПО К.КодКарты";
    assert_eq!(shop.rows(nested, &[]), ["А1|125", "а2  |50"]);
}

#[test]
fn expressions_have_exact_numbers_and_three_valued_logic() {
    let mut shop = Shop::new();
    let cases = [
        ("0.1 + 0.2 = 0.3", "Истина"),
        ("-2 * -3 - 10 / 4", "3.5"),
        ("\"а\" + \"б\"", "аб"),
        ("NULL = NULL", "NULL"),
        ("НЕ (1 > 2 ИЛИ ЛОЖЬ)", "Истина"),
        ("ВЫБОР КОГДА 1 = 2 ТОГДА \"да\" ИНАЧЕ \"нет\" КОНЕЦ", "нет"),
        ("ВЫБОР КОГДА 1 = 2 ТОГДА 1 КОНЕЦ", "NULL"),
        ("ПОДСТРОКА(\"карта\", 2, 3)", "арт"),
        ("ГОД(ДАТАВРЕМЯ(2026, 3, 2)) * 100 + ДЕНЬНЕДЕЛИ(ДАТАВРЕМЯ(2026, 3, 2))", "202601"),
        ("КОНЕЦПЕРИОДА(ДАТАВРЕМЯ(2026, 2, 3), МЕСЯЦ)", "28.02.2026 23:59:59"),
        ("ДОБАВИТЬКДАТЕ(ДАТАВРЕМЯ(2026, 1, 31), МЕСЯЦ, 1)", "28.02.2026 00:00:00"),
        ("РАЗНОСТЬДАТ(ДАТАВРЕМЯ(2026, 1, 1, 23, 0, 0), ДАТАВРЕМЯ(2026, 1, 2), ДЕНЬ)", "1"),
        ("ВЫРАЗИТЬ(\"длинная\" КАК СТРОКА(3))", "дли"),
        ("ВЫРАЗИТЬ(2.345 КАК ЧИСЛО(5, 2))", "2.35"),
        ("ТИПЗНАЧЕНИЯ(5) = ТИП(ЧИСЛО)", "Истина"),
        ("ЗНАЧЕНИЕ(Справочник.Контрагенты.ПустаяСсылка) ССЫЛКА Справочник.Контрагенты", "Истина"),
        (
            "ПРЕДСТАВЛЕНИЕ(ЗНАЧЕНИЕ(Перечисление.ТипыКонтактнойИнформации.АдресЭлектроннойПочты))",
            "Адрес электронной почты",
        ),
    ];
    for (text, result) in cases {
        assert_eq!(shop.rows(&format!("ВЫБРАТЬ {text} КАК Поле"), &[]), [result], "{text}");
    }
}

#[test]
fn lists_of_parameters_hold_many_values() {
    let (mut shop, [first, second, _]) = shop();
    let mut cards: Vec<Datum> = (0..5_000).map(|_| Datum::Ref(Reference::new_random(CARDS))).collect();
    cards.extend([first, second]);
    let text = "ВЫБРАТЬ КОЛИЧЕСТВО(РАЗЛИЧНЫЕ К.Ссылка) ИЗ Справочник.ИнформационныеКарты КАК К ГДЕ К.Ссылка В (&Карты)";
    assert_eq!(shop.rows(text, &[("Карты", Parameter::List(cards))]), ["2"]);
    assert_eq!(shop.rows(text, &[("Карты", Parameter::List(Vec::new()))]), ["0"]);
}

#[test]
fn everything_below_a_folder_is_found() {
    let (mut shop, [first, ..]) = shop();
    let folder = shop.rows("ВЫБРАТЬ К.Наименование ИЗ Справочник.ИнформационныеКарты КАК К ГДЕ К.ЭтоГруппа", &[]);
    assert_eq!(folder, ["Папка"]);
    let Datum::Ref(first) = first else { unreachable!() };
    let parents = shop.base.query_last(
        shop.session,
        "ВЫБРАТЬ К.Ссылка ИЗ Справочник.ИнформационныеКарты КАК К ГДЕ К.ЭтоГруппа",
        &Default::default(),
    );
    let parent = parents.unwrap().rows[0][0].clone();
    let mut card = shop.base.read_object(shop.session, &first).unwrap().unwrap();
    card.fields.insert("Родитель".into(), parent.clone());
    shop.write(card);
    let text = "ВЫБРАТЬ К.КодКарты ИЗ Справочник.ИнформационныеКарты КАК К
        ГДЕ К.Ссылка В ИЕРАРХИИ (&Папка) И НЕ К.ЭтоГруппа";
    assert_eq!(shop.rows(text, &[("Папка", value(parent))]), ["А1"]);
}

#[test]
fn the_newest_record_by_dimension() {
    let (mut shop, [first, second, third]) = shop();
    let register = "РегистрСведений.РегистрацияЗаменыКартПокупателей";
    for (day, target) in [(3, &second), (4, &third)] {
        let replacement = Datum::Ref(Reference::new_random("Документ.ЗаменаДисконтныхКарт"));
        let row: Record =
            record(&[("Период", date(day)), ("КартаИсточник", first.clone()), ("КартаПриемник", target.clone())]);
        let filter = record(&[("Регистратор", replacement)]);
        shop.base.write_records(shop.session, register, &filter, &[row], true).unwrap();
    }
    let text = |arguments: &str, slice: &str| {
        format!("ВЫБРАТЬ Р.КартаПриемник.КодКарты ИЗ {register}.{slice}({arguments}) КАК Р")
    };
    assert_eq!(shop.rows(&text("", "СрезПоследних"), &[]), ["Б3"]);
    assert_eq!(shop.rows(&text("", "СрезПервых"), &[]), ["а2  "]);
    assert_eq!(shop.rows(&text("&День", "СрезПоследних"), &[("День", value(date(3)))]), ["а2  "]);
    let mine = text(", КартаИсточник = &Карта", "СрезПоследних");
    assert_eq!(shop.rows(&mine, &[("Карта", value(second))]).len(), 0);
}

#[test]
fn wrong_texts_are_errors_with_their_place() {
    let mut shop = Shop::new();
    let cards = "Справочник.ИнформационныеКарты КАК К";
    let cases = [
        ("ВЫБРАТЬ".to_owned(), "{(1, 8)}: Синтаксическая ошибка \"конец текста\""),
        (format!("ВЫБРАТЬ\n\tК.Кот\nИЗ {cards}"), "{(2, 2)}: Поле не найдено \"К.Кот\""),
        ("ВЫБРАТЬ 1 ИЗ Справочник.Коты КАК К".into(), "{(1, 14)}: Таблица не найдена \"Справочник.Коты\""),
        ("ВЫБРАТЬ 1 ИЗ ВТКарты КАК К".into(), "{(1, 14)}: Таблица не найдена \"ВТКарты\""),
        ("ВЫБРАТЬ \"а".into(), "{(1, 9)}: Не закрыта строка"),
        ("ВЫБРАТЬ ИТОГО(1)".into(), "{(1, 9)}: Неизвестная функция \"итого\""),
        ("ВЫБРАТЬ &Нет".into(), "Не задано значение параметра \"Нет\""),
        (
            "ВЫБРАТЬ ЗНАЧЕНИЕ(Перечисление.ЮрФизЛицо.Кот)".into(),
            "{(1, 9)}: Неизвестное значение \"Перечисление.ЮрФизЛицо.Кот\"",
        ),
        ("ВЫБРАТЬ 1 / 0".into(), "{(1, 1)}: Деление на 0"),
        (
            format!("ВЫБРАТЬ К.КодКарты ИЗ {cards} ГДЕ К.КодКарты = 5"),
            "{(1, 64)}: Нельзя сравнивать поля неограниченной длины и поля несовместимых типов",
        ),
        (
            format!("ВЫБРАТЬ 1 ИЗ {cards} ГДЕ К.cardUrl <> \"\""),
            "{(1, 55)}: Нельзя сравнивать поля неограниченной длины и поля несовместимых типов",
        ),
        (
            format!("ВЫБРАТЬ РАЗЛИЧНЫЕ К.cardUrl ИЗ {cards}"),
            "{(1, 1)}: Нельзя сравнивать поля неограниченной длины и поля несовместимых типов",
        ),
        (format!("ВЫБРАТЬ К.КодКарты, КОЛИЧЕСТВО(*) ИЗ {cards}"), "{(1, 9)}: Поле не входит в группу \"К.КодКарты\""),
        (
            "ВЫБРАТЬ 1 ИЗ РегистрНакопления.БонусныеБаллы.СрезПоследних КАК Т".into(),
            "{(1, 14)}: Таблица не найдена \"РегистрНакопления.БонусныеБаллы.СрезПоследних\"",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(shop.error(&text), message, "{text}");
    }
}

#[test]
fn a_field_that_a_release_lacks_is_an_error() {
    let mut old = Shop::of(&infobase::metadata::declared::Variant::retail_22(), |_| {});
    let text = "ВЫБРАТЬ К.ФизЛицо ИЗ Справочник.Контрагенты КАК К";
    assert_eq!(old.error(text), "{(1, 9)}: Поле не найдено \"К.ФизЛицо\"");
    assert_eq!(Shop::new().rows(text, &[]).len(), 0);
}

#[test]
fn rights_are_asked_for_unless_the_session_is_privileged() {
    let (mut shop, _) = shop();
    let cashier = shop.base.open_session(User::limited("Кассир").grant(CARDS, Right::Read));
    let text = "ВЫБРАТЬ К.ВладелецКарты.Наименование ИЗ Справочник.ИнформационныеКарты КАК К";
    let error = shop.base.query_last(cashier, text, &Default::default()).unwrap_err();
    assert!(error.to_string().contains("Недостаточно прав"), "{error}");
    let own = "ВЫБРАТЬ К.КодКарты ИЗ Справочник.ИнформационныеКарты КАК К";
    assert_eq!(shop.base.query_last(cashier, own, &Default::default()).unwrap().rows.len(), 4);
    assert!(!shop.base.set_privileged(cashier, true).unwrap());
    assert_eq!(shop.base.query_last(cashier, text, &Default::default()).unwrap().rows.len(), 4);
}

#[test]
fn constants_and_enumerations_are_tables() {
    let mut shop = Shop::new();
    assert_eq!(shop.rows("ВЫБРАТЬ К.Значение ИЗ Константа.ИспользоватьДисконтныйСервер КАК К", &[]), ["Ложь"]);
    shop.base.set_constant(shop.session, "ИспользоватьДисконтныйСервер", Datum::Boolean(true)).unwrap();
    assert_eq!(shop.rows("ВЫБРАТЬ К.Значение ИЗ Константа.ИспользоватьДисконтныйСервер КАК К", &[]), ["Истина"]);
    let text = "ВЫБРАТЬ П.Ссылка ИЗ Перечисление.ПолФизическогоЛица КАК П УПОРЯДОЧИТЬ ПО П.Порядок УБЫВ";
    assert_eq!(shop.rows(text, &[]), ["Женский", "Мужской"]);
}
