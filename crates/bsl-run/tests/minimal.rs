//! `bsl-examples/minimal` runs in a shop whose configuration was changed by hand: a card is created and updated while it
//! is written.

use std::path::Path;
use std::sync::Arc;

use addin_testkit::shop::{TEMPLATE, TOKEN, sandbox};
use bsl_run::Value;
use bsl_run::platform::{SetUp, Shop, TurnsOfItsOwn, addin_file, read_modules};
use infobase::metadata::declared::{Variant, retail};
use infobase::metadata::{Kind, Object};
use infobase::{Infobase, Settings, User};
use passteam_sandbox::{Fault, Sandbox};

const OBJECT_MODULE: &str = "Catalogs/ИнформационныеКарты/Ext/ObjectModule.bsl";

const STAGE: &str = r#"
Функция Владелец(Имя, Телефон) Экспорт
	Человек = Справочники.ФизическиеЛица.СоздатьЭлемент();
	Человек.Наименование = Имя;
	Человек.ДатаРождения = Дата(1985, 12, 31);
	Строка = Человек.КонтактнаяИнформация.Добавить();
	Строка.Тип = Перечисления.ТипыКонтактнойИнформации.Телефон;
	Строка.НомерТелефона = Телефон;
	Строка = Человек.КонтактнаяИнформация.Добавить();
	Строка.Тип = Перечисления.ТипыКонтактнойИнформации.АдресЭлектроннойПочты;
	Строка.АдресЭП = "anna@example.com";
	Человек.Записать();
	Возврат Человек.Ссылка;
КонецФункции

Функция НоваяКарта(Имя, Телефон, Загрузка = Ложь) Экспорт
	Карта = Справочники.ИнформационныеКарты.СоздатьЭлемент();
	Карта.Наименование = Имя;
	Карта.ВладелецКарты = Владелец(Имя, Телефон);
	Карта.ОбменДанными.Загрузка = Загрузка;
	Карта.Записать();
	Возврат Карта.Ссылка;
КонецФункции

Процедура Продать(Карта, Баллы, Загрузка = Ложь) Экспорт
	Чек = Документы.ЧекККМ.СоздатьДокумент();
	Чек.Дата = ТекущаяДатаСеанса();
	Чек.Записать();
	Набор = РегистрыНакопления.БонусныеБаллы.СоздатьНаборЗаписей();
	Набор.Отбор.Регистратор.Установить(Чек.Ссылка);
	Для Номер = 1 По 2 Цикл
		Движение = Набор.ДобавитьПриход();
		Движение.Период = Чек.Дата;
		Движение.ДисконтнаяКарта = Карта;
		Движение.Начислено = Баллы / 2;
	КонецЦикла;
	Набор.ОбменДанными.Загрузка = Загрузка;
	Набор.Записать();
КонецПроцедуры

Функция Движений() Экспорт
	Запрос = Новый Запрос("ВЫБРАТЬ КОЛИЧЕСТВО(*) КАК Строк ИЗ РегистрНакопления.БонусныеБаллы КАК Баллы");
	Возврат Запрос.Выполнить().Выгрузить()[0].Строк;
КонецФункции
"#;

struct Stage {
    shop: Arc<Shop>,
    sandbox: Sandbox,
}

impl Stage {
    fn new() -> Stage {
        Stage::with(true)
    }

    fn with(addin: bool) -> Stage {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bsl-examples/minimal");
        let sandbox = sandbox();
        let mut texts = read_modules(&folder).unwrap();
        assert_eq!(texts.len(), 2);
        assert!(texts.values().map(|text| text.lines().count()).sum::<usize>() <= 90);
        let module = texts.get_mut(OBJECT_MODULE).unwrap();
        let token =
            format!("\"{TOKEN}\"; Компонента.АдресСервера = \"{}\"; Компонента.Прокси = \"direct\"", sandbox.url());
        for (placeholder, value) in [("\"ТОКЕН\"", token), ("\"ШАБЛОН\"", format!("\"{TEMPLATE}\""))] {
            assert_eq!(module.matches(placeholder).count(), 1);
            *module = module.replace(placeholder, &value);
        }
        let variant = Variant::retail_23();
        let mut metadata = retail(&variant).unwrap();
        metadata.add(Object::new(Kind::CommonTemplate, "КомпонентаPassteam")).unwrap();
        let set_up = SetUp {
            infobase: Infobase::in_memory(metadata, Settings::from(&variant)).unwrap(),
            ssl: variant.ssl,
            texts,
            addin: addin.then(|| addin_file(addin_testkit::library())),
            scheduler: Arc::new(TurnsOfItsOwn),
        };
        Stage { shop: Shop::new(set_up).unwrap_or_else(|error| panic!("{error}")), sandbox }
    }

    /// Runs the body of a function on the stage: its result as text, and what the user was shown.
    fn run(&self, body: &str) -> (String, Vec<String>) {
        let text = format!("{STAGE}\nФункция Проба() Экспорт\n{body}\nКонецФункции");
        let done = self.shop.run(User::administrator(), |vm, session| {
            let value: Value = session.run_text(vm, &text, Some("Проба"), &mut [])?;
            Ok((value.text().to_string(), session.messages()))
        });
        done.unwrap_or_else(|error| panic!("{error}"))
    }

    fn variables(&self) -> Vec<Vec<(String, String)>> {
        let text = |name: &str, card: &passteam_sandbox::Card| {
            (name.to_owned(), card.get(name).unwrap_or_default().to_owned())
        };
        let names = ["CLIENT_NAME", "BIRTHDAY", "PHONE", "EMAIL", "BONUS"];
        self.sandbox.cards().iter().map(|card| names.iter().map(|name| text(name, card)).collect()).collect()
    }

    fn only(&self, name: &str) -> String {
        let cards = self.sandbox.cards();
        assert_eq!(cards.len(), 1);
        cards[0].get(name).unwrap_or_default().to_owned()
    }
}

#[test]
fn a_new_card_is_created_with_its_owners_data() {
    let stage = Stage::new();
    let (stored, shown) = stage.run(
        r#"Карта = НоваяКарта("Анна Петрова", "+7 916 123-45-67");
        Возврат Карта.cardId + " " + Карта.cardUrl + " " + Карта.installed;"#,
    );
    let expected = [
        ("CLIENT_NAME", "Анна Петрова"),
        ("BIRTHDAY", "31.12.1985"),
        ("PHONE", "+7 916 123-45-67"),
        ("EMAIL", "anna@example.com"),
        ("BONUS", "0"),
    ];
    assert_eq!(stage.variables(), [expected.map(|(name, value)| (name.to_owned(), value.to_owned()))]);
    assert!(stored.starts_with(&format!("{} http", stage.sandbox.cards()[0].id)), "{stored}");
    assert!(stored.ends_with(" Нет"), "{stored}");
    assert_eq!(shown, Vec::<String>::new());
}

#[test]
fn a_sale_updates_the_card_once() {
    let stage = Stage::new();
    let before = stage.sandbox.requests().len();
    let (_, shown) = stage.run(r#"Продать(НоваяКарта("Анна", "+79161234567"), 1250); Возврат "";"#);
    assert_eq!(stage.only("BONUS"), "1250");
    assert_eq!(stage.sandbox.requests().len() - before, 2, "one creation, one update");
    assert_eq!(shown, Vec::<String>::new());
}

#[test]
fn the_customers_installation_is_kept_at_the_next_write() {
    let stage = Stage::new();
    stage.run(r#"НоваяКарта("Анна", "+79161234567"); Возврат "";"#);
    assert!(stage.sandbox.set_installed(&stage.sandbox.cards()[0].id, true));
    let (installed, _) = stage.run(
        r#"Карта = Справочники.ИнформационныеКарты.НайтиПоНаименованию("Анна").ПолучитьОбъект();
        Карта.Записать();
        Возврат Карта.Ссылка.installed;"#,
    );
    assert_eq!(installed, "Да");
}

#[test]
fn folders_and_loading_send_nothing() {
    let stage = Stage::new();
    let (_, shown) = stage.run(
        r#"Группа = Справочники.ИнформационныеКарты.СоздатьГруппу();
        Группа.Наименование = "Группа";
        Группа.Записать();
        Копия = Группа.Скопировать();
        Копия.Записать();
        Продать(НоваяКарта("Анна", "+79161234567", Истина), 10, Истина);
        Возврат "";"#,
    );
    assert_eq!(stage.sandbox.requests().len(), 0);
    assert_eq!(shown, Vec::<String>::new());
}

#[test]
fn a_copy_is_another_card() {
    let stage = Stage::new();
    let (copied, _) = stage.run(
        r#"Копия = НоваяКарта("Анна", "+79161234567").ПолучитьОбъект().Скопировать();
        Возврат "" + Копия.cardId + Копия.cardUrl + Копия.installed;"#,
    );
    assert_eq!(copied, "Нет");
}

#[test]
fn a_failure_is_shown_and_the_card_and_the_sale_are_written() {
    let stage = Stage::new();
    stage.sandbox.push_fault(Fault::of("createcard").status(503));
    let (found, shown) = stage.run(
        r#"Карта = НоваяКарта("Анна", "+79161234567");
        Продать(Карта, 10);
        Возврат "" + Карта.Наименование + ПустаяСтрока(Карта.cardId) + Движений();"#,
    );
    assert_eq!(found, "АннаДа2");
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(shown[0].starts_with("Карта не передана в Passteam: "), "{shown:?}");
}

#[test]
fn a_phone_that_has_a_card_is_told() {
    let stage = Stage::new();
    let (_, shown) = stage.run(
        r#"НоваяКарта("Анна", "+79161234567");
        НоваяКарта("Мария", "+79161234567");
        Возврат "";"#,
    );
    assert_eq!(stage.sandbox.cards().len(), 1);
    assert_eq!(shown.len(), 1, "{shown:?}");
}

#[test]
fn a_component_that_does_not_attach_is_told() {
    let stage = Stage::with(false);
    let (_, shown) = stage.run(r#"НоваяКарта("Анна", "+79161234567"); Возврат "";"#);
    assert_eq!(shown, ["Карта не передана в Passteam: компонента не подключилась"]);
}

/// What the module's first lines warn of: the request is not part of the transaction.
#[test]
fn a_cancelled_write_leaves_its_card_at_the_service() {
    let stage = Stage::new();
    let (found, _) = stage.run(
        r#"НачатьТранзакцию();
        НоваяКарта("Анна", "+79161234567");
        ОтменитьТранзакцию();
        Возврат Справочники.ИнформационныеКарты.НайтиПоНаименованию("Анна").Пустая();"#,
    );
    assert_eq!(found, "Да");
    assert_eq!(stage.sandbox.cards().len(), 1);
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bsl-examples/minimal").join(OBJECT_MODULE);
    assert!(std::fs::read_to_string(module).unwrap().contains("внутри транзакции"));
}
