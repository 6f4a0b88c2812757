//! The template's variables: where their values come from, who may change them, and what a mistake in one of them does.

use infobase::User;
use infobase::metadata::declared::{Ssl, Variant};
use passteam_sandbox::Fault;

use crate::stage::{metadata, untouched};
use crate::story::Story;

const ANNA: &str = "НоваяКарта(\"Анна\", \"+79161234567\")";

/// The statements that save a table of these rows: name, source, value.
fn table(rows: &[(&str, &str, &str)]) -> String {
    let mut text = "Таблица = ДанныеPassteam.Переменные(); Таблица.Очистить();".to_owned();
    for (name, source, value) in rows {
        let value = value.replace('"', "\"\"");
        text += &format!(
            "Строка = Таблица.Добавить(); Строка.Имя = \"{name}\"; Строка.Источник = \"{source}\"; Строка.Значение = \"{value}\";"
        );
    }
    text + "ДанныеPassteam.ЗаписатьПеременные(Таблица)"
}

/// The usual variables, and one more.
fn with_bonus(source: &str, value: &str) -> String {
    table(&[("CLIENT_NAME", "Владелец", ""), ("PHONE", "Телефон", ""), ("BONUS", source, value)])
}

/// `Имя=Значение` or the error of each variable that would go out now.
fn shown(story: &Story, card: &str) -> String {
    story.run(&format!(
        r#"Показ = ДанныеPassteam.Показ(Карта("{card}"));
		Строки = Новый Массив;
		Если Не ПустаяСтрока(Показ.Причина) Тогда
			Строки.Добавить(Показ.Причина);
		КонецЕсли;
		Для Каждого Строка Из Показ.Значения Цикл
			Строки.Добавить(Строка.Имя + "=" + Строка.Значение + Строка.Ошибка);
		КонецЦикла;
		Возврат СтрСоединить(Строки, "; ")"#
    ))
}

#[test]
fn an_expression_sees_the_cards_data_with_every_library() {
    for ssl in [Ssl::Absent, Ssl::V3_0_2, Ssl::V3_1_12] {
        let story = Story::of(&Variant { ssl, ..untouched() });
        story.act(&with_bonus("Выражение", "ВРег(Параметры.Владелец) + \": \" + Параметры.Баланс + БезопасныйРежим()"));
        story.act(ANNA);
        story.act("Движение(\"Анна\", 70)");
        story.job();
        assert_eq!(story.balances(), "Анна=АННА: 70Да", "{ssl:?}: {:?}", story.log());
    }
}

#[test]
fn an_expressions_value_goes_out_as_text_that_the_service_can_show() {
    let story = Story::new();
    story.act(ANNA);
    for (expression, text) in [
        ("1234567.5", "1234567.5"),
        ("Истина", "true"),
        ("Дата(2026, 12, 31)", "31.12.2026"),
        ("Дата(2026, 12, 31, 23, 5, 0)", "31.12.2026 23:05:00"),
        ("Дата(1, 1, 1)", ""),
        ("Неопределено", ""),
        ("Параметры.Карта", "Анна"),
        ("Перечисления.ВидыИнформационныхКарт.Магнитная", "Магнитная"),
    ] {
        story.act(&with_bonus("Выражение", expression));
        story.act("УстановитьРеквизит(\"Анна\", \"ПроцентСкидки\", 5)");
        story.job();
        assert_eq!(story.balances(), format!("Анна={text}"), "{expression}: {:?}", story.log());
        assert!(shown(&story, "Анна").ends_with(&format!("BONUS={text}")), "{expression}");
    }
}

/// An expression may call what changes the base: a look at a card must not.
#[test]
fn what_an_expression_changes_is_rolled_back() {
    for ssl in [Ssl::Absent, Ssl::V3_0_2] {
        let story = Story::of(&Variant { ssl, ..untouched() });
        story.act(ANNA);
        story.job();
        let marks = "ОчередьPassteam.ВнестиИдентификатор(Параметры.Карта, \"http://127.0.0.1:1\", \
                     КартыPassteam.НоваяКартаСервиса(\"чужой\"))";
        story.act(&with_bonus("Выражение", marks));
        story.act("Движение(\"Анна\", 1)");
        story.job();
        assert_eq!(story.balances(), "Анна=true", "{ssl:?}: {:?}", story.log());
        let foreign = "КартыPassteam.КартаСервиса(Карта(\"Анна\"), \"http://127.0.0.1:1\") = Неопределено";
        assert_eq!(story.ask(foreign), "Да", "{ssl:?}");
    }
}

#[test]
fn no_expression_is_evaluated_in_a_transaction() {
    let story = Story::new();
    story.act(ANNA);
    story.act(&with_bonus("Выражение", "1"));
    let inside = story.run_as(
        User::administrator(),
        r#"НачатьТранзакцию();
		Данные = ДанныеPassteam.ДанныеКарт(ИнтеграцияPassteam.МассивСоЗначением(Карта("Анна")), "");
		ДанныеPassteam.ЗначенияПеременных(Данные[Карта("Анна")], ДанныеPassteam.Переменные())"#,
    );
    assert!(inside.unwrap_err().contains("транзакции"));
    story.act("Движение(\"Анна\", 1)");
    assert_eq!(story.log(), Vec::<String>::new());
}

#[test]
fn an_error_in_an_expression_concerns_its_card_alone() {
    let story = Story::new();
    story.act(ANNA);
    story.act("НоваяКарта(\"Борис\", \"+79161234568\")");
    story.job();
    story.act(&with_bonus("Выражение", "?(Параметры.Владелец = \"Анна\", 1 / 0, 7)"));
    story.act("Движение(\"Анна\", 1); Движение(\"Борис\", 1)");
    story.job();
    assert_eq!(story.balances(), "Анна=0 Борис=7");
    assert_eq!(story.state("Анна"), "ТребуетРешения");
    assert_eq!(story.entry("Анна", "ВидОшибки").trim(), "InvalidEntry");
    assert!(story.entry("Анна", "ПоследняяОшибка").contains("BONUS"));
    assert!(shown(&story, "Анна").contains("BONUS=Переменную BONUS нельзя вычислить"), "{}", shown(&story, "Анна"));
    // Corrected, the card goes out like the others.
    story.act(&with_bonus("Выражение", "8"));
    story.act("ОчередьPassteam.ПовторитьПередачу(Карта(\"Анна\")); Движение(\"Борис\", 1)");
    story.job();
    assert_eq!(story.balances(), "Анна=8 Борис=8");
}

/// A whole portion of cards whose values cannot be told: those of cards behind them, and of others that have been sent, can.
#[test]
fn cards_whose_values_cannot_be_told_block_nobody_behind_them() {
    let failing = "?(Лев(Параметры.Владелец, 1) = \"К\", 1 / 0, 7)";
    for sent_before in [false, true] {
        let story = Story::new();
        if sent_before {
            story.sent_card("Борис", "+79161234568");
        }
        story.act(&with_bonus("Выражение", failing));
        story.act("Для Номер = 10 По 40 Цикл НоваяКарта(\"К\" + Номер, \"+791600000\" + Номер); КонецЦикла");
        story.job();
        assert_eq!(story.state("К10"), if sent_before { "ТребуетРешения" } else { "КОтправке" });
        story.act(ANNA);
        story.job();
        story.job();
        assert_eq!(story.shown("Анна"), "7", "{sent_before}");
        assert_eq!(story.state("К10"), "ТребуетРешения");
        assert!(story.entry("К10", "ПоследняяОшибка").contains("BONUS"));
    }
}

/// It would not be created anyway: neither queued nor listed, whatever its other variables do.
#[test]
fn a_card_without_a_phone_is_not_listed_for_another_variables_error() {
    let story = Story::new();
    story.act(&with_bonus("Выражение", "?(Параметры.Владелец = \"Анна\", 7, 1 / 0)"));
    story.act(ANNA);
    story.act("НоваяКарта(\"Борис\"); НоваяКарта(\"Вера\", \"+79161234569\")");
    story.job();
    assert_eq!((story.shown("Анна").as_str(), story.state("Борис").as_str()), ("7", "нет записи"));
    assert_eq!(story.state("Вера"), "ТребуетРешения");
    story.night();
    assert_eq!(story.state("Борис"), "нет записи");
}

/// Such a row can only come past the table: from another version, by an administrator's hand.
#[test]
fn an_unknown_source_stops_no_portion_and_no_night() {
    let story = Story::new();
    story.act(ANNA);
    story.job();
    story.act(
        r#"Запись = РегистрыСведений.ПеременныеPassteam.СоздатьМенеджерЗаписи();
		Запись.Имя = "PHONE";
		Запись.Источник = "Карта";
		Запись.Записать();
		Движение("Анна", 1)"#,
    );
    story.job();
    assert_eq!(story.balances(), "Анна=0");
    assert_eq!(story.state("Анна"), "ТребуетРешения");
    assert!(story.entry("Анна", "ПоследняяОшибка").contains("неизвестный источник Карта"));
    story.act("Опустошить(\"ОчередьPassteam\")");
    story.night();
    assert_eq!(story.state("Анна"), "КОтправке", "the sending says what is wrong");
}

#[test]
fn the_table_is_checked_before_it_is_saved() {
    let story = Story::new();
    let saved = |rows: &[(&str, &str, &str)]| story.run_as(User::administrator(), &table(rows));
    for (rows, wrong) in [
        (&[("PHONE", "Телефон", ""), ("%PHONE%", "Баланс", "")][..], "дважды"),
        (&[("%%", "Телефон", "")][..], "без имени"),
        (&[("PHONE", "Карта", "")][..], "неизвестный источник"),
    ] {
        assert!(saved(rows).unwrap_err().contains(wrong), "{wrong}");
    }
    saved(&[("%BONUS%", "Баланс", ""), ("PHONE", "Телефон", ""), ("LATER", "", "")]).unwrap();
    let names = "СтрСоединить(ДанныеPassteam.Переменные().ВыгрузитьКолонку(\"Имя\"), \",\")";
    assert_eq!(story.ask(names), "BONUS,PHONE,LATER");
    story.act(ANNA);
    assert_eq!(shown(&story, "Анна"), "BONUS=0; PHONE=79161234567; LATER=", "a variable without a source is not sent");
}

/// The job evaluates expressions with all rights: who has them may write one.
#[test]
fn only_full_rights_change_an_expression() {
    let story = Story::new();
    let role = |name: &str| User::limited("Человек").with_role(&metadata(&untouched()), name);
    let save = |user: User, source: &str, value: &str| story.run_as(user, &with_bonus(source, value)).map(|_| ());
    assert!(save(role("ПросмотрPassteam"), "Баланс", "").unwrap_err().contains("Недостаточно прав"));
    save(role("НастройкаPassteam"), "Баланс", "").unwrap();
    assert!(save(role("НастройкаPassteam"), "Выражение", "1").unwrap_err().contains("полными правами"));
    save(User::administrator(), "Выражение", "1").unwrap();
    save(role("НастройкаPassteam"), "Выражение", "1").unwrap();
    assert!(save(role("НастройкаPassteam"), "Выражение", "2").unwrap_err().contains("полными правами"));
    let directly = story.run_as(
        role("НастройкаPassteam"),
        r#"Запись = РегистрыСведений.ПеременныеPassteam.СоздатьМенеджерЗаписи();
		Запись.Имя = "BONUS";
		Запись.Источник = "Выражение";
		Запись.Записать()"#,
    );
    assert!(directly.unwrap_err().contains("Недостаточно прав"));
    save(role("НастройкаPassteam"), "Баланс", "").unwrap();
}

/// What a template's entry holds is not published: its variables are known by the percent signs.
#[test]
fn variables_are_taken_from_the_template_where_the_service_names_them() {
    let story = Story::new();
    let ask = "Результат = ДанныеPassteam.ПеременныеИзШаблона();
		Строки = Новый Массив;
		Для Каждого Строка Из Результат.Переменные Цикл
			Строки.Добавить(Строка.Имя + \"=\" + Строка.Источник);
		КонецЦикла;
		Строки.Добавить(Результат.Добавлено);
		Возврат СтрСоединить(Строки, \" \")";
    // The sandbox names none: the usual ones are shown.
    assert_eq!(
        story.run(ask),
        "CLIENT_NAME=Владелец BIRTHDAY=ДатаРождения PHONE=Телефон EMAIL=ЭлектроннаяПочта BONUS=Баланс 0"
    );
    let template = addin_testkit::shop::TEMPLATE;
    let body = format!(
        r#"{{"code":200,"error":false,"message":"","result":[
			{{"templateId":"5f0c1d2e3b4a59687766aaaa","fields":["%OTHER%"]}},
			{{"templateId":"{template}","name":"100%","link":"https://x/%D0%BC%20b","values":{{"%PHONE%":""}},
			  "fields":[{{"key":"%_CODE%","text":"скидка %DISCOUNT%"}},{{"key":"%BALANCE%"}},{{"key":"%PHONE%"}}]}}]}}"#
    );
    story.sandbox.push_fault(Fault::of("gettemplates").status(200).body(body.as_str()));
    let mut found: Vec<String> = story.run(ask).split(' ').map(str::to_owned).collect();
    found.sort();
    assert_eq!(found, ["3", "BALANCE=Баланс", "PHONE=Телефон", "_CODE="]);
    // What the table has stays as it is.
    story.act(&table(&[("PHONE", "Константа", "+7")]));
    story.sandbox.push_fault(Fault::of("gettemplates").status(200).body(body.as_str()));
    assert!(story.run(ask).starts_with("PHONE=Константа "));
    story.sandbox.push_fault(Fault::of("gettemplates").status(401));
    assert!(story.ask("ДанныеPassteam.ПеременныеИзШаблона().Текст").contains("Unauthorized"));
}

#[test]
fn a_look_at_a_card_says_why_it_is_not_sent() {
    let story = Story::new();
    story.act(
        r#"НоваяКарта("Анна");
		НоваяКарта("Мария", "+79161234568");
		ВтораяКарта("Новая", "Мария");
		Заменить("Мария", "Новая");
		Помеченная = НоваяКарта("Помеченная", "+79161234569").ПолучитьОбъект();
		Помеченная.УстановитьПометкуУдаления(Истина)"#,
    );
    assert!(
        shown(&story, "Анна").starts_with("Карта не отправляется: переменная PHONE пустая"),
        "{}",
        shown(&story, "Анна")
    );
    assert!(shown(&story, "Мария").starts_with("Карта не отправляется: ее заменили"));
    assert!(shown(&story, "Новая").starts_with("CLIENT_NAME=Мария"));
    assert!(shown(&story, "Помеченная").starts_with("Карта не отправляется: это папка"));
}
