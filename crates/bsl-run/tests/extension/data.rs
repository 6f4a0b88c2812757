//! What goes out of a card: whose contacts, which date, which code.

use std::sync::{Arc, Mutex};

use infobase::metadata::declared::Variant;

use crate::story::Story;

/// Variables of the template: name and source.
fn with_variables(story: &Story, variables: &[(&str, &str, &str)]) {
    for (order, (name, source, value)) in variables.iter().enumerate() {
        story.act(&format!(
            r#"Запись = РегистрыСведений.ПеременныеPassteam.СоздатьМенеджерЗаписи();
			Запись.Имя = "{name}";
			Запись.Источник = "{source}";
			Запись.Значение = "{value}";
			Запись.Порядок = {order};
			Запись.Записать()"#
        ));
    }
}

/// The cash desk reads the card's own contacts first, and so do we.
#[test]
fn the_cards_own_contacts_come_before_its_owners() {
    let story = Story::new();
    story.act(
        r#"Карта = ЗаполненнаяКарта("Анна", НовыйЧеловек("Анна", "+79160000001"));
		ДобавитьТелефон(Карта, "+79160000002");
		Карта.Записать()"#,
    );
    story.job();
    assert_eq!(story.everybody("PHONE"), "Анна=79160000002");
}

/// What stands for a number is none.
#[test]
fn a_dash_in_place_of_a_number_hides_no_other() {
    let story = Story::new();
    story.act(
        r#"Карта = ЗаполненнаяКарта("Анна", НовыйЧеловек("Анна", "+79160000001"));
		ДобавитьТелефон(Карта, "нет");
		Карта.Записать()"#,
    );
    story.job();
    assert_eq!(story.everybody("PHONE"), "Анна=79160000001");
}

#[test]
fn a_mobile_number_is_preferred_and_numbers_have_one_spelling() {
    let story = Story::new();
    story.act(
        r#"Человек = Справочники.ФизическиеЛица.СоздатьЭлемент();
		Человек.Наименование = "Анна";
		ДобавитьТелефон(Человек, "+7 (495) 123-45-67");
		ДобавитьТелефон(Человек, "8 916 000-00-01");
		Человек.Записать();
		КартаВладельца("Анна", Человек.Ссылка);
		НоваяКарта("Борис", "916 000 00 02")"#,
    );
    story.job();
    assert_eq!(story.everybody("PHONE"), "Анна=79160000001 Борис=79160000002");
}

#[test]
fn a_number_goes_out_as_typed_if_that_is_wanted() {
    let story = Story::new();
    story.act(
        "ИнтеграцияPassteam.ВключитьНастройку(\"ТелефонКакНабран\", Истина); НоваяКарта(\"Анна\", \"8 916 000-00-01\")",
    );
    story.job();
    assert_eq!(story.everybody("PHONE"), "Анна=8 916 000-00-01");
}

/// A counterparty of release 2.3 may be a person, whose contacts and birthday then count.
#[test]
fn a_counterpartys_person_comes_last_where_there_is_one() {
    let firm = |person: &str| {
        format!(
            r#"Человек = Справочники.ФизическиеЛица.СоздатьЭлемент();
			Человек.Наименование = "Анна";
			Человек.ДатаРождения = Дата(1985, 12, 31);
			ДобавитьТелефон(Человек, "+79160000001");
			Строка = Человек.КонтактнаяИнформация.Добавить();
			Строка.Тип = Перечисления.ТипыКонтактнойИнформации.АдресЭлектроннойПочты;
			Строка.АдресЭП = "anna@example.com";
			Человек.Записать();
			Фирма = Справочники.Контрагенты.СоздатьЭлемент();
			Фирма.Наименование = "Фирма";
			ДобавитьТелефон(Фирма, "+79160000002");
			{person}
			Фирма.Записать();
			КартаВладельца("Фирма", Фирма.Ссылка)"#
        )
    };
    let story = Story::new();
    story.act(&firm("Фирма.ФизЛицо = Человек.Ссылка;"));
    story.job();
    assert_eq!(story.everybody("PHONE"), "Фирма=79160000002");
    assert_eq!(story.everybody("EMAIL"), "Фирма=anna@example.com");
    assert_eq!(story.everybody("BIRTHDAY"), "Фирма=31.12.1985");

    let old = Story::of(&Variant { vendor_attributes: false, ..Variant::retail_22() });
    old.act(&firm(""));
    old.job();
    assert_eq!(old.everybody("PHONE"), "Фирма=79160000002");
    assert_eq!(old.everybody("EMAIL"), "Фирма=");
}

#[test]
fn a_card_without_an_owner_has_an_empty_name() {
    let story = Story::new();
    story.act(
        r#"Карта = ЗаполненнаяКарта("Ничья", Неопределено);
		ДобавитьТелефон(Карта, "+79160000001");
		Карта.Записать();
		Карта = ЗаполненнаяКарта("Пустой владелец", Справочники.ФизическиеЛица.ПустаяСсылка());
		ДобавитьТелефон(Карта, "+79160000002");
		Карта.Записать();
		Карта = ЗаполненнаяКарта("Владелец удален", Справочники.ФизическиеЛица.ПолучитьСсылку());
		ДобавитьТелефон(Карта, "+79160000003");
		Карта.Записать()"#,
    );
    story.job();
    assert_eq!(story.everybody("PHONE"), "=79160000001 =79160000002 =79160000003");
    assert_eq!(story.log(), Vec::<String>::new());
}

#[test]
fn codes_and_constants_go_out_under_the_names_of_the_template() {
    let story = Story::new();
    with_variables(
        &story,
        &[
            ("CLIENT_NAME", "Владелец", ""),
            ("PHONE", "Телефон", ""),
            ("BONUS", "КодКарты", ""),
            ("EMAIL", "Штрихкод", ""),
            ("BIRTHDAY", "Константа", "круглый год"),
        ],
    );
    story.act(
        r#"Карта = ЗаполненнаяКарта("Анна", НовыйЧеловек("Анна", "+79160000001"));
		Карта.КодКарты = "777";
		Карта.Записать();
		Карта = ЗаполненнаяКарта("Борис", НовыйЧеловек("Борис", "+79160000002"));
		Карта.ВидКарты = Перечисления.ВидыИнформационныхКарт.Штриховая;
		Карта.КодКарты = "888";
		Карта.Записать();
		Запись = РегистрыСведений.Штрихкоды.СоздатьМенеджерЗаписи();
		Запись.Штрихкод = "2000000000015";
		Запись.Владелец = Карта.Ссылка;
		Запись.Записать()"#,
    );
    story.job();
    assert_eq!(story.everybody("BONUS"), "Анна=777 Борис=");
    assert_eq!(story.everybody("EMAIL"), "Анна= Борис=2000000000015");
    assert_eq!(story.everybody("BIRTHDAY"), "Анна=круглый год Борис=круглый год");
}

/// However many cards a portion has, it is read by the same queries.
#[test]
fn a_portion_is_read_by_the_same_queries() {
    let story = Story::new();
    story.act("Для Номер = 1 По 12 Цикл НоваяКарта(\"К\" + Номер, \"+791600000\" + (10 + Номер)); КонецЦикла");
    story.job();
    let queries: Arc<Mutex<usize>> = Arc::default();
    let counted = queries.clone();
    story.watch(move |_, _, call| *counted.lock().unwrap() += usize::from(call.starts_with("Запрос.Выполнить")));
    let queries_for = |cards: usize| {
        story.act(&format!("Для Номер = 1 По {cards} Цикл Движение(\"К\" + Номер, Номер); КонецЦикла"));
        story.take_marks();
        *queries.lock().unwrap() = 0;
        story.job();
        assert_eq!(story.queue(), "");
        *queries.lock().unwrap()
    };
    let few = queries_for(2);
    assert!(few > 0);
    assert_eq!(queries_for(12), few);
}
