//! Handlers queue the cards that a write changes, and do nothing else.

use infobase::metadata::declared::{Ssl, Variant};
use infobase::{Right, User};

use crate::stage::{bare, untouched};
use crate::story::Story;

#[test]
fn a_sale_reaches_the_customers_card() {
    let story = Story::new();
    assert_eq!(story.shop.jobs_on(), ["НочнаяПроверкаPassteam", "ОбработкаОчередиPassteam", "СверкаPassteam"]);
    story.act("ПробитьЧек(НоваяКарта(\"Анна\", \"+7 916 123-45-67\"), 1250)");
    assert_eq!(story.queue(), "Анна");
    assert_eq!(story.sandbox.requests().len(), 0, "a handler sends nothing");
    story.job();
    assert_eq!(story.balances(), "Анна=1250");
    assert_eq!(story.queue(), "");
    assert_eq!(story.id("Анна"), story.sandbox.cards()[0].id);
    assert_eq!(story.log(), Vec::<String>::new());
}

#[test]
fn every_writer_queues_the_cards_of_old_and_new_records() {
    let story = Story::new();
    story.act(
        r#"НоваяКарта("Анна", "+79161234567");
		НоваяКарта("Мария", "+79161234568")"#,
    );
    story.job();
    let steps = [
        ("ПробитьЧек(Карта(\"Анна\"), 100);", "Анна", "Анна=100 Мария=0"),
        (
            "#Чек.ДисконтнаяКарта = Карта(\"Мария\"); Чек.Записать(РежимЗаписиДокумента.Проведение);",
            "Анна,Мария",
            "Анна=0 Мария=100",
        ),
        ("#Чек.Записать(РежимЗаписиДокумента.ОтменаПроведения);", "Мария", "Анна=0 Мария=0"),
        ("#Чек.Записать(РежимЗаписиДокумента.Проведение);", "Мария", "Анна=0 Мария=100"),
        ("#Чек.УстановитьПометкуУдаления(Истина);", "Мария", "Анна=0 Мария=0"),
        ("Движение(\"Анна\", 7, , Истина);", "Анна", "Анна=7 Мария=0"),
    ];
    let last = r#"Запрос = Новый Запрос("ВЫБРАТЬ Ч.Ссылка КАК Чек ИЗ Документ.ЧекККМ КАК Ч");
		Чек = Запрос.Выполнить().Выгрузить()[0].Чек.ПолучитьОбъект(); "#;
    for (step, queued, balances) in steps {
        let body = format!("{} Возврат Очередь();", step.replace('#', last));
        assert_eq!(story.run(&body), queued, "{step}");
        story.job();
        assert_eq!(story.balances(), balances, "{step}");
    }
    assert_eq!(story.log(), Vec::<String>::new());
}

#[test]
fn a_rolled_back_sale_leaves_no_trace() {
    let story = Story::new();
    story.act("НоваяКарта(\"Анна\", \"+79161234567\")");
    story.job();
    story.act("НачатьТранзакцию(); ПробитьЧек(Карта(\"Анна\"), 5); ОтменитьТранзакцию()");
    assert_eq!(story.queue(), "");
}

#[test]
fn cards_and_owners_are_queued_in_loading_too_and_folders_never() {
    let story = Story::new();
    let queued = story.run(
        r#"КартаВладельца("Без владельца", , Истина);
		Группа = Справочники.ИнформационныеКарты.СоздатьГруппу();
		Группа.Наименование = "Группа";
		Группа.Записать();
		Группа = Справочники.Контрагенты.СоздатьГруппу();
		Группа.Записать();
		Возврат Очередь();"#,
    );
    assert_eq!(queued, "Без владельца");
    let owners = "Запрос = Новый Запрос(\"ВЫБРАТЬ В.Владелец КАК В ИЗ РегистрСведений.ВладельцыPassteam КАК В\");
		Возврат Запрос.Выполнить().Выгрузить().Количество();";
    assert_eq!(story.run(owners), "0");
    story.act(
        r#"Для Каждого Имя Из СтрРазделить("ФизическиеЛица,Контрагенты", ",") Цикл
			Владелец = Справочники[Имя].СоздатьЭлемент();
			Владелец.ОбменДанными.Загрузка = Истина;
			Владелец.Записать();
		КонецЦикла"#,
    );
    assert_eq!(story.run(owners), "2");
}

#[test]
fn an_owners_change_reaches_the_card() {
    let story = Story::new();
    story.act(
        r#"НоваяКарта("Анна", "+79161234567");
		Фирма = Справочники.Контрагенты.СоздатьЭлемент();
		Фирма.Наименование = "Фирма";
		Фирма.ФизЛицо = НовыйЧеловек("Иван", "+79161234568");
		Фирма.Записать();
		КартаВладельца("Карта фирмы", Фирма.Ссылка)"#,
    );
    story.job();
    assert_eq!(story.everybody("PHONE"), "Анна=79161234567 Фирма=79161234568");
    story.act(
        r#"Для Каждого Имя Из СтрРазделить("Анна,Иван", ",") Цикл
			Человек = Справочники.ФизическиеЛица.НайтиПоНаименованию(Имя).ПолучитьОбъект();
			Человек.ДатаРождения = Дата(1985, 12, 31);
			Человек.Записать();
		КонецЦикла"#,
    );
    story.job();
    assert_eq!(story.everybody("BIRTHDAY"), "Анна=31.12.1985 Фирма=31.12.1985");
}

/// A cashier has no right to the extension's registers: the handlers work in privileged mode, which ends with them.
#[test]
fn a_cashiers_sale_is_queued() {
    let story = Story::new();
    story.act("НоваяКарта(\"Анна\", \"+79161234567\")");
    story.job();
    let cashier = ["Справочник.ИнформационныеКарты", "РегистрНакопления.БонусныеБаллы", "Документ.ЧекККМ"]
        .iter()
        .fold(User::limited("Кассир"), |user, object| {
            user.grant(object, Right::Read).grant(object, Right::Update)
        });
    story.run_as(cashier.clone(), "ПробитьЧек(Карта(\"Анна\"), 30)").unwrap();
    assert!(story.run_as(cashier, "Возврат Очередь();").unwrap_err().contains("Недостаточно прав"));
    story.job();
    assert_eq!(story.balances(), "Анна=30");
}

#[test]
fn a_base_that_does_not_keep_the_cards_queues_nothing() {
    let story = Story::new();
    let queued = story.run(
        r#"ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь);
		ПробитьЧек(НоваяКарта("Анна", "+79161234567"), 10);
		Возврат Очередь();"#,
    );
    assert_eq!(queued, "");
    assert_eq!(story.shop.jobs_on(), Vec::<String>::new());
}

/// What a release, БСП or the platform lack does no harm.
#[test]
fn every_base_that_the_extension_may_meet_sends_a_sale() {
    let full = Variant::retail_23();
    let bare = Variant { own_jobs: false, ..bare() };
    let bases = [
        Variant::retail_22(),
        full.clone(),
        bare,
        Variant { ssl: Ssl::V3_1_12, file_base: true, ..full.clone() },
        Variant { replacements: false, mixed_lock_mode: false, ..full.clone() },
        Variant { accumulating: false, ..full },
    ];
    for variant in bases {
        let story = Story::of(&variant);
        story.act("ПробитьЧек(НоваяКарта(\"Анна\", \"+79161234567\"), 40, 15)");
        story.act("ОчередьPassteam.ОбработатьОчередь(); ОчередьPassteam.НочнаяПроверка()");
        assert_eq!(story.balances(), "Анна=25", "{variant:?}");
        assert_eq!(story.log(), Vec::<String>::new(), "{variant:?}");
    }
}

/// A person has loaded the extension and left its safe mode on: the shop sells as before, and the check says why nothing is
/// sent.
#[test]
fn an_extension_in_safe_mode_stops_no_sale() {
    let story = Story::settled(&untouched(), |settings| settings.extension_safe_mode = true);
    story.act("ПробитьЧек(НоваяКарта(\"Анна\", \"+79161234567\"), 10)");
    assert_eq!(story.queue(), "", "handlers are not joined to the configuration's modules");
    let check = "ИнтеграцияPassteam.ПроверитьПодключение(ИнтеграцияPassteam.ПрочитатьНастройки())";
    assert_eq!(story.ask(&format!("{check}.Успешно")), "Нет");
    assert_eq!(story.sandbox.requests().len(), 0);
}
