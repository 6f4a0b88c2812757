//! The extension's forms, as far as the server sees them.

use addin_testkit::shop::TEMPLATE;
use bsl_run::platform::Session;
use bsl_run::{Args, BinaryData, Name, Res, Value, Vm};
use chrono::Duration;
use infobase::metadata::declared::{Ssl, Variant};
use infobase::{Right, User};
use passteam_sandbox::{Drop, Fault};

use crate::stage::{metadata, untouched};
use crate::story::Story;
use crate::turns::{hold, release};

const SETTINGS: &str = "Обработка.НастройкаPassteam.Форма.Форма";
const CARD: &str = "Обработка.НастройкаPassteam.Форма.ФормаКарты";

#[test]
fn settings_are_saved_and_the_connection_checked_with_every_library() {
    for ssl in [Ssl::Absent, Ssl::V3_0_2, Ssl::V3_1_12] {
        let story = Story::of(&Variant { ssl, ..untouched() });
        let done = story.shop.run(User::administrator(), |vm, session| {
            let form = session.open_form(vm, SETTINGS)?.unwrap();
            let mut property =
                |name: &str| Ok::<_, bsl_run::Failure>(vm.get_member(&form, &Name::new(name))?.text().to_string());
            assert_eq!(property("Токен")?, "", "the token does not go to the client");
            assert_eq!(property("ЭтаБазаВедетКарты")?, "Да");
            assert_eq!(property("АдресСервера")?, story.sandbox.url());
            vm.set_member(&form, &Name::new("ЭтаБазаВедетКарты"), Value::Bool(false))?;
            session.call_form(vm, &form, "ЗаписатьНастройкиНаСервере", &mut [])?;
            let result = session.call_form(vm, &form, "ПроверитьПодключениеНаСервере", &mut [])?;
            let works = vm.get_member(&result, &Name::new("Успешно"))?;
            assert!(works.truth()?, "{}", vm.get_member(&result, &Name::new("Текст"))?.text());
            Ok(())
        });
        done.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(story.shop.jobs_on(), Vec::<String>::new());
    }
}

#[test]
fn the_proxys_password_does_not_go_to_the_client_and_stays_when_the_form_is_saved() {
    let story = Story::new();
    let save =
        |set: &str| story.act(&format!("ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"Прокси\", \"{set}\"))"));
    for (stored, shown, typed, saved) in [
        ("http://имя:с%40крет@proxy:3128", "http://имя:***@proxy:3128", None, "http://имя:с%40крет@proxy:3128"),
        ("http://proxy:3128", "http://proxy:3128", Some("direct"), "direct"),
        ("http://имя:старый@proxy", "http://имя:***@proxy", Some("http://имя:новый@proxy"), "http://имя:новый@proxy"),
        ("http://имя@proxy:3128", "http://имя@proxy:3128", Some(""), ""),
    ] {
        save(stored);
        let done = story.shop.run(User::administrator(), |vm, session| {
            let form = session.open_form(vm, SETTINGS)?.unwrap();
            let proxy = Name::new("Прокси");
            assert_eq!(&*vm.get_member(&form, &proxy)?.text(), shown);
            if let Some(typed) = typed {
                vm.set_member(&form, &proxy, Value::str(typed))?;
            }
            session.call_form(vm, &form, "ЗаписатьНастройкиНаСервере", &mut [])?;
            Ok(())
        });
        done.unwrap_or_else(|error| panic!("{error}"));
        let now = story.ask("ИнтеграцияPassteam.ПрочитатьНастройки().Прокси");
        assert_eq!(now, saved);
    }
}

/// One setting for whatever makes a component: the job, the load, the walk, the check of the connection.
#[test]
fn requests_per_minute_are_set_and_an_impossible_number_is_refused() {
    let story = Story::new();
    let paced = |story: &Story| story.ask("ИнтеграцияPassteam.НоваяКомпонента().ЗапросовВМинуту");
    assert_eq!(paced(&story), "0");
    for (typed, outcome) in
        [(60, Ok("60")), (100_001, Err("60")), (100_000, Ok("100 000")), (-1, Err("100 000")), (0, Ok("0"))]
    {
        with_form(&story, setter(), SETTINGS, None, |vm, session, form| {
            vm.set_member(form, &Name::new("ЗапросовВМинуту"), Value::int(typed))?;
            vm.set_member(form, &Name::new("ИдентификаторШаблона"), Value::str(format!("t{typed}")))?;
            let saved = session.press(vm, form, "ЗаписатьНастройки");
            assert_eq!(saved.is_ok(), outcome.is_ok(), "{typed}");
            Ok(())
        });
        let kept = outcome.unwrap_or_else(|kept| kept);
        assert_eq!(paced(&story).replace('\u{a0}', " "), kept, "{typed}");
        let template = story.ask("ИнтеграцияPassteam.ПрочитатьНастройки().ИдентификаторШаблона");
        assert_eq!(template == format!("t{typed}"), outcome.is_ok(), "all or nothing");
        with_form(&story, setter(), SETTINGS, None, |vm, _, form| {
            assert_eq!(text(vm, form, "ЗапросовВМинуту").replace('\u{a0}', " "), kept);
            Ok(())
        });
    }
    story.act(&format!(
        "ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"ИдентификаторШаблона\", \"{TEMPLATE}\"))"
    ));
    // The walk asks for its second page at once, and at one request a minute that is too early.
    story.act("Для Номер = 1 По 60 Цикл СоздатьВСервисе(\"К\" + Номер, \"+79161230\" + (100 + Номер)); КонецЦикла");
    story.act(
        "ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"ЗапросовВМинуту\", \"1\")); СверкаPassteam.Сверить()",
    );
    let walk = |field: &str| story.ask(&format!("СверкаPassteam.Состояние().{field}"));
    assert_eq!((walk("Идет"), walk("Страниц")), ("Да".to_owned(), "1".to_owned()), "{}", walk("Ошибка"));
}

/// Opens a form as this user and works with it.
fn with_form<T: Send>(
    story: &Story,
    user: User,
    full: &str,
    card: Option<&str>,
    work: impl FnOnce(&mut Vm, &Session, &Value) -> Res<T> + Send,
) -> T {
    let user = if card.is_some() { who_reads_cards(user) } else { user };
    let done = story.shop.run(user, |vm, session| {
        let parameters = match card {
            Some(name) => vec![("Карта", card_of(vm, session, name)?)],
            None => Vec::new(),
        };
        let form = session.open_form_with(vm, full, &parameters)?.unwrap();
        work(vm, session, &form)
    });
    done.unwrap_or_else(|error| panic!("{error}"))
}

/// Who opens a card's form sees the card.
fn who_reads_cards(user: User) -> User {
    user.grant("Справочник.ИнформационныеКарты", Right::Read)
}

fn card_of(vm: &mut Vm, session: &Session, name: &str) -> Res<Value> {
    let manager = session.path(vm, "Справочники.ИнформационныеКарты")?;
    let mut name = Args::new(vec![Some(Value::str(name))]);
    vm.call_member(&manager, &Name::new("НайтиПоНаименованию"), &mut name)
}

fn text(vm: &mut Vm, form: &Value, attribute: &str) -> String {
    vm.get_member(form, &Name::new(attribute)).unwrap().text().to_string()
}

fn visible(vm: &mut Vm, form: &Value, item: &str) -> bool {
    let items = vm.get_member(form, &Name::new("Элементы")).unwrap();
    let item = vm.get_member(&items, &Name::new(item)).unwrap();
    vm.get_member(&item, &Name::new("Видимость")).unwrap().truth().unwrap()
}

/// Who looks and resolves, with no other right in the base.
fn resolver() -> User {
    User::limited("Оператор").with_role(&metadata(&untouched()), "ПросмотрPassteam")
}

/// Who sets up, with no other right in the base.
fn setter() -> User {
    User::limited("Мастер").with_role(&metadata(&untouched()), "НастройкаPassteam")
}

/// Two cards that a person must look at: one without a phone, one whose creation nobody answered.
fn with_two_in_the_list() -> Story {
    let story = Story::new();
    for (name, kind, unknown) in [("Борис", "FieldRequired", "Ложь"), ("Глеб", "Timeout", "Истина")]
    {
        story.new_card(name, "");
        story.take_marks();
        story.act(&format!(
            "Запись = ЗаписьОчереди(\"{name}\"); Запись.Состояние = \"ТребуетРешения\"; Запись.ВидОшибки = \"{kind}\";
            Запись.ИсходНеизвестен = {unknown}; Запись.Записать()"
        ));
    }
    story
}

#[test]
fn each_role_sees_its_pages_and_nothing_opens_without_one() {
    let story = Story::new();
    for form in [SETTINGS, CARD] {
        let opened =
            story.shop.run(User::limited("Кассир"), |vm, session| Ok(session.open_form(vm, form)?.is_some()));
        assert!(!opened.unwrap_or_else(|error| panic!("{error}")), "{form}");
    }
    let pages = |user: User| {
        with_form(&story, user, SETTINGS, None, |vm, _, form| {
            let pages =
                ["Настройки", "Подключение", "Переменные", "ПерваяЗагрузка", "Карты", "Очередь", "Сверка", "Сегодня"];
            Ok(pages.map(|page| visible(vm, form, &format!("Страница{page}"))))
        })
    };
    assert_eq!(pages(resolver()), [false, false, false, false, false, true, true, true]);
    assert_eq!(pages(setter()), [true; 8]);
}

/// What is hidden is refused by the server too, whatever a client asks for.
#[test]
fn who_only_resolves_cannot_set_anything_up() {
    let story = Story::new();
    with_form(&story, resolver(), SETTINGS, None, |vm, session, form| {
        assert_eq!(text(vm, form, "АдресСервера"), "", "settings are not read");
        assert!(session.press(vm, form, "ЗаписатьНастройки").is_err(), "there is no such button");
        let mut refused = |method: &str, arguments: &mut [Value]| {
            let error = session.call_form(vm, form, method, arguments).unwrap_err().to_string();
            assert!(error.contains("Недостаточно прав"), "{method}: {error}");
        };
        for method in ["ЗаписатьНастройкиНаСервере", "ПроверитьПодключениеНаСервере", "ОтправитьВсеЗановоНаСервере"]
        {
            refused(method, &mut []);
        }
        for method in ["ПеренестиРеквизитыНаСервере", "ПодтвердитьЧтоКартНетНаСервере", "ФайлИдентификаторов"]
        {
            refused(method, &mut []);
        }
        refused("ЗагрузитьИдентификаторыНаСервере", &mut [Value::str("")]);
        refused("НачатьОперациюНаСервере", &mut [Value::str("ОбновитьВсе")]);
        Ok(())
    });
}

/// With nothing but the role: no right to cards, owners or registers is needed.
#[test]
fn who_resolves_gets_cards_back_into_the_queue_one_or_many() {
    let story = with_two_in_the_list();
    with_form(&story, resolver(), SETTINGS, None, |vm, session, form| {
        session.select_rows(vm, form, "Очередь", "ВидОшибки", &["FieldRequired"])?;
        session.press(vm, form, "ПовторитьПередачу")?;
        assert!(session.shown().is_empty(), "nothing is asked if the outcome is known");
        Ok(())
    });
    assert_eq!(story.state("Борис"), "КОтправке");

    let story = with_two_in_the_list();
    for (answer, state) in [("Нет", "ТребуетРешения"), ("Да", "КОтправке")] {
        with_form(&story, resolver(), SETTINGS, None, |vm, session, form| {
            session.select_rows(vm, form, "Очередь", "ВидОшибки", &["FieldRequired", "Timeout"])?;
            session.answer(answer);
            session.press(vm, form, "ПовторитьПередачу")?;
            let shown = session.shown();
            assert!(shown.len() == 1 && shown[0].contains("вторую"), "{shown:?}");
            Ok(())
        });
        assert_eq!((story.state("Борис"), story.state("Глеб")), (state.to_owned(), state.to_owned()));
    }
}

/// What the form has read is older than what the person is asked about.
#[test]
fn a_card_whose_outcome_became_unknown_meanwhile_is_asked_about() {
    for (is_card, answer, state) in [
        (false, "Нет", "ТребуетРешения"),
        (false, "Да", "КОтправке"),
        (true, "Нет", "ТребуетРешения"),
        (true, "Да", "КОтправке"),
    ] {
        let story = with_two_in_the_list();
        let (full, card) = if is_card { (CARD, Some("Борис")) } else { (SETTINGS, None) };
        with_form(&story, resolver(), full, card, |vm, session, form| {
            if !is_card {
                session.select_rows(vm, form, "Очередь", "ВидОшибки", &["FieldRequired"])?;
            }
            let unknown = "Запись = ЗаписьОчереди(\"Борис\"); Запись.ИсходНеизвестен = Истина; Запись.Записать()";
            story.before("НачатьТранзакцию", |story| story.act(unknown).clear());
            session.answer(answer);
            session.press(vm, form, "ПовторитьПередачу")?;
            let shown = session.shown();
            assert!(shown.len() == 1 && shown[0].contains("вторую"), "{shown:?}");
            Ok(())
        });
        assert_eq!(story.state("Борис"), state, "{full}");
    }
}

#[test]
fn who_resolves_sends_a_card_now_and_enters_an_id() {
    let story = Story::new();
    story.act("НоваяКарта(\"Анна\", \"+79161234567\")");
    story.take_marks();
    with_form(&story, resolver(), SETTINGS, None, |vm, session, form| {
        session.select_rows(vm, form, "Очередь", "СостояниеТекстом", &["К отправке"])?;
        session.press(vm, form, "ОбновитьСейчас")?;
        assert!(session.shown()[0].contains("последние данные"), "{:?}", session.shown());
        Ok(())
    });
    let created = story.id("Анна");
    assert_eq!(created, story.sandbox.cards()[0].id);
    with_form(&story, resolver(), CARD, Some("Анна"), |vm, session, form| {
        assert_eq!(text(vm, form, "ИдентификаторКарты"), created);
        vm.set_member(form, &Name::new("ИдентификаторКарты"), Value::str("другой"))?;
        session.press(vm, form, "ВнестиИдентификатор")?;
        assert!(session.shown().is_empty());
        Ok(())
    });
    assert_eq!(story.id("Анна"), "другой");
    story.new_card("Олег", "+79160000009");
    with_form(&story, resolver(), CARD, Some("Олег"), |vm, session, form| {
        vm.set_member(form, &Name::new("ИдентификаторКарты"), Value::str("другой"))?;
        session.press(vm, form, "ВнестиИдентификатор")?;
        assert!(session.shown()[0].contains("уже у другой карты"), "{:?}", session.shown());
        Ok(())
    });
}

#[test]
fn the_queue_is_shown_by_state_with_what_to_do() {
    let story = with_two_in_the_list();
    story.new_card("Анна", "+79161234567");
    story.take_marks();
    with_form(&story, resolver(), SETTINGS, None, |vm, session, form| {
        let mut shown = |column: &str| {
            let mut texts = session.column(vm, form, "Очередь", column).unwrap();
            texts.sort();
            texts
        };
        assert_eq!(shown("СостояниеТекстом"), ["К отправке", "Нужно решение", "Нужно решение: исход неизвестен"]);
        session.select_rows(vm, form, "Очередь", "ВидОшибки", &["FieldRequired"])?;
        session.event(vm, form, "Очередь", "OnActivateRow", &mut [Value::Undefined])?;
        assert_eq!(text(vm, form, "СостояниеТекущей"), "", "not while the person scrolls");
        session.tick(vm, form)?;
        assert!(text(vm, form, "СостояниеТекущей").starts_with("Нужно решение (FieldRequired)"));
        vm.set_member(form, &Name::new("ОтборСостояние"), Value::str("ТребуетРешения"))?;
        session.event(vm, form, "ОтборСостояние", "OnChange", &mut [Value::Undefined])?;
        assert_eq!(session.column(vm, form, "Очередь", "Карта")?.len(), 2);
        Ok(())
    });
}

#[test]
fn a_row_of_the_queue_opens_the_cards_form() {
    let story = with_two_in_the_list();
    with_form(&story, resolver(), SETTINGS, None, |vm, session, form| {
        session.press(vm, form, "ОткрытьКарту")?;
        assert!(session.opened().is_empty(), "no row is selected");
        session.select_rows(vm, form, "Очередь", "ВидОшибки", &["Timeout"])?;
        let mut arguments = [Value::Undefined, Value::Undefined, Value::Undefined, Value::Bool(true)];
        session.event(vm, form, "Очередь", "Selection", &mut arguments)?;
        assert!(!arguments[3].truth()?, "the register's own form stays closed");
        let opened = session.opened();
        assert_eq!(text(vm, &opened[0], "Карта"), "Глеб");
        assert!(text(vm, &opened[0], "СостояниеОчереди").contains("Timeout"));
        session.answer("Нет");
        session.press(vm, &opened[0], "ПовторитьПередачу")?;
        assert!(session.shown()[0].contains("вторую"));
        Ok(())
    });
    assert_eq!(story.state("Глеб"), "ТребуетРешения");
}

#[test]
fn the_cards_command_opens_its_form() {
    let story = Story::new();
    story.new_card("Анна", "+79161234567");
    let done = story.shop.run(who_reads_cards(resolver()), |vm, session| {
        let card = card_of(vm, session, "Анна")?;
        session.run_common_command(vm, "КартаPassteam", card)?;
        Ok(text(vm, &session.opened()[0], "Карта"))
    });
    assert_eq!(done.unwrap(), "Анна");
}

/// The customer's phone reads the link from the screen, where БСП can draw it.
#[test]
fn the_link_is_a_text_and_a_code_where_the_library_draws_it() {
    for (ssl, draws) in [(Ssl::Absent, false), (Ssl::V3_0_2, false), (Ssl::V3_0_2, true), (Ssl::V3_1_12, true)] {
        let variant = Variant { ssl, ..untouched() };
        let story = Story::settled(&variant, |settings| settings.draws_codes = draws);
        story.new_card("Анна", "+79161234567");
        with_form(&story, resolver(), CARD, Some("Анна"), |vm, session, form| {
            assert!(!visible(vm, form, "ГруппаКод"), "there is no link yet");
            session.press(vm, form, "ОбновитьСейчас")?;
            let url = story.sandbox.cards()[0].url.clone();
            assert_eq!(text(vm, form, "СсылкаНаКарту"), url);
            assert_eq!(visible(vm, form, "ГруппаКод"), draws, "{ssl:?}");
            let address = text(vm, form, "АдресКартинки");
            assert_eq!(address.is_empty(), !draws);
            Ok(())
        });
    }
}

#[test]
fn the_check_of_the_connection_tells_everything() {
    let story = Story::new();
    with_form(&story, setter(), SETTINGS, None, |vm, session, form| {
        session.press(vm, form, "ПроверитьПодключение")?;
        let told = text(vm, form, "ИтогПроверки");
        for part in ["Подключение работает", &story.sandbox.url(), "Безопасный режим выключен"]
        {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!told.contains("Не хватает"), "{told}");
        assert!(!visible(vm, form, "ЗапроситьРазрешения"));
        Ok(())
    });
}

#[test]
fn missing_permissions_are_named_and_asked_for_through_the_library() {
    for ssl in [Ssl::Absent, Ssl::V3_0_2, Ssl::V3_1_12] {
        let story = Story::settled(&Variant { ssl, ..untouched() }, |settings| settings.extension_safe_mode = true);
        with_form(&story, User::administrator(), SETTINGS, None, |vm, session, form| {
            session.press(vm, form, "ПроверитьПодключение")?;
            let told = text(vm, form, "ИтогПроверки");
            for part in ["Безопасный режим включен", "внешняя компонента", "привилегированный режим"]
            {
                assert!(told.contains(part), "{part}: {told}");
            }
            assert_eq!(visible(vm, form, "ЗапроситьРазрешения"), ssl != Ssl::Absent);
            if ssl != Ssl::Absent {
                vm.set_member(form, &Name::new("ИтогПроверки"), Value::str(""))?;
                session.press(vm, form, "ЗапроситьРазрешения")?;
                assert!(!text(vm, form, "ИтогПроверки").is_empty(), "granted: checked once more");
            }
            Ok(())
        });
    }
}

/// What the platform does not tell of a profile is named, and asked for where БСП knows what it has given already.
#[test]
fn what_a_security_profile_must_allow_is_named_and_asked_for() {
    for (ssl, profile) in [(Ssl::Absent, true), (Ssl::V3_0_2, false), (Ssl::V3_0_2, true), (Ssl::V3_1_12, true)] {
        let story = Story::of(&Variant { ssl, ..untouched() });
        story.shop.profiles(|profiles| profiles.used = profile);
        let known = profile && ssl != Ssl::Absent;
        let url = story.sandbox.url().replace("/oapi/v1", "");
        with_form(&story, setter(), SETTINGS, None, |vm, session, form| {
            vm.set_member(form, &Name::new("ФайлСертификатов"), Value::str("/etc/shop/ca.pem"))?;
            session.press(vm, form, "ПроверитьПодключение")?;
            let told = text(vm, form, "ИтогПроверки");
            assert!(told.contains("Не хватает: чтение файла сертификатов"), "{told}");
            for part in [url.as_str(), "чтение папки /etc/shop/"] {
                let named = told.split("В нем должны быть:").nth(1).is_some_and(|list| list.contains(part));
                assert_eq!(named, known, "{part}: {told}");
            }
            // There is nothing to ask about a file that is simply read.
            let asked = |story: &Story| story.shop.profiles(|profiles| std::mem::take(&mut profiles.asked));
            if ssl != Ssl::Absent {
                session.press(vm, form, "ЗапроситьРазрешения")?;
                let (host, port) = url.rsplit_once("//").unwrap().1.split_once(':').unwrap();
                let asked = asked(&story).join("\n").replace('\u{a0}', "");
                assert!(asked.contains(&format!("HTTP|{host}|{port}")), "{asked}");
                assert!(asked.contains("/etc/shop/|Да|Нет"), "{asked}");
            }
            story.shop.files(|files| files.insert(r"\etc\shop\ca.pem".into(), "PEM".into()));
            session.press(vm, form, "ПроверитьПодключение")?;
            assert!(!text(vm, form, "ИтогПроверки").contains("Не хватает"), "{}", text(vm, form, "ИтогПроверки"));
            assert_eq!(visible(vm, form, "ЗапроситьРазрешения"), known);
            vm.set_member(form, &Name::new("ФайлСертификатов"), Value::str(""))?;
            session.press(vm, form, "ПроверитьПодключение")?;
            assert!(!text(vm, form, "ИтогПроверки").contains("папки"));
            Ok(())
        });
    }
}

#[test]
fn ids_are_written_to_a_file_and_read_back() {
    let story = Story::new();
    let id = story.sent_card("Анна", "+79161234567").id;
    let file = with_form(&story, setter(), SETTINGS, None, |vm, session, form| {
        session.press(vm, form, "СохранитьИдентификаторы")?;
        let file = session.opened().pop().unwrap();
        let bytes = file.as_object::<BinaryData>().unwrap().0.to_vec();
        Ok(String::from_utf8(bytes).unwrap())
    });
    story.act("Опустошить(\"КартыPassteam\")");
    assert_eq!(story.id("Анна"), "");
    with_form(&story, setter(), SETTINGS, None, |vm, session, form| {
        session.choose_file(BinaryData::value(file.as_bytes()));
        session.press(vm, form, "ЗагрузитьИдентификаторы")?;
        assert_eq!(session.shown(), ["Внесены: 1, нет таких карт: 0, уже заняты: 0."]);
        Ok(())
    });
    assert_eq!(story.id("Анна"), id);
    // A card without the id that stands in the file would be created once more.
    story.act("Опустошить(\"КартыPassteam\")");
    let holder = hold(&story, "Анна");
    with_form(&story, setter(), SETTINGS, None, |vm, session, form| {
        session.choose_file(BinaryData::value(file.as_bytes()));
        session.press(vm, form, "ЗагрузитьИдентификаторы")?;
        let shown = session.shown().join(" ");
        assert!(shown.contains("Не внесены из-за ошибок: 1") && shown.contains("еще раз"), "{shown}");
        Ok(())
    });
    release(&story, holder);
}

#[test]
fn settings_and_known_cards_are_kept_by_who_sets_up() {
    let story = Story::just_installed(&untouched());
    story.new_card("Анна", "+79161234567");
    with_form(&story, setter(), SETTINGS, None, |vm, session, form| {
        vm.set_member(form, &Name::new("ТелефонКакНабран"), Value::Bool(true))?;
        session.press(vm, form, "ЗаписатьНастройки")?;
        session.press(vm, form, "ПеренестиРеквизиты")?;
        session.answer("Нет");
        session.press(vm, form, "ПодтвердитьЧтоКартНет")?;
        assert!(text(vm, form, "СостояниеРеестра").contains("не создаются"));
        session.answer("Да");
        session.press(vm, form, "ПодтвердитьЧтоКартНет")?;
        assert!(text(vm, form, "СостояниеРеестра").contains("Новые карты создаются"));
        session.press(vm, form, "ОтправитьВсеЗаново")
    });
    story.job();
    assert_eq!(story.served("Анна").unwrap().get("PHONE"), Some("+79161234567"), "as it was typed");
}

/// One call over all cards of a large base would be cut off by a web client.
#[test]
fn work_on_all_cards_goes_on_in_short_calls() {
    let story = Story::new();
    story.act("Для Номер = 1 По 3 Цикл НоваяКарта(\"К\" + Номер, \"+791612345\" + (10 + Номер)); КонецЦикла");
    story.job();
    let file = story.ask("КартыPassteam.ИдентификаторыДляФайла()");
    let sent = || {
        let marks = (1..=3).map(|number| story.ask(&format!("Отпечаток(\"К{number}\")")));
        marks.filter(|mark| !mark.is_empty()).count()
    };
    with_form(&story, setter(), SETTINGS, None, |vm, session, form| {
        story.before("ЗафиксироватьТранзакцию", |story| story.wait(Duration::seconds(11)));
        session.press(vm, form, "ОтправитьВсеЗаново")?;
        assert_eq!(sent(), 2);
        session.tick(vm, form)?;
        assert_eq!(sent(), 0);

        story.act("Опустошить(\"КартыPassteam\")");
        session.choose_file(BinaryData::value(file.as_bytes()));
        story.before("ЗафиксироватьТранзакцию", |story| story.wait(Duration::seconds(11)));
        session.press(vm, form, "ЗагрузитьИдентификаторы")?;
        assert!(session.shown().is_empty());
        session.tick(vm, form)?;
        assert_eq!(session.shown(), ["Внесены: 3, нет таких карт: 0, уже заняты: 0."]);
        Ok(())
    });
    assert_ne!(story.id("К3"), "");
}

/// The walk is short calls that the form repeats; what it cannot decide is decided in the card's form.
#[test]
fn who_resolves_walks_over_the_service_and_accepts_a_found_card() {
    let story = Story::new();
    story.sandbox.push_fault(Fault::of("createcard").drop_connection(Drop::AfterProcessing));
    story.new_card("Анна", "+79161234567");
    story.job();
    story.sandbox.clear_faults();
    story.wait(Duration::hours(2));
    let id = story.served("Анна").unwrap().id;
    // Somebody has renamed the card in the cabinet: nobody but a person knows whose it is.
    story.act(&format!(
        "Компонента = ИнтеграцияPassteam.НоваяКомпонента(); Компонента.SetValue(\"CLIENT_NAME\", \"Анюта\"); \
        Компонента.UpdateCard(\"{id}\")"
    ));
    with_form(&story, resolver(), SETTINGS, None, |vm, session, form| {
        session.press(vm, form, "СверитьСейчас")?;
        session.tick(vm, form)?;
        vm.set_member(form, &Name::new("СостояниеСверки"), Value::str(""))?;
        let items = vm.get_member(form, &Name::new("Элементы"))?;
        let page = vm.get_member(&items, &Name::new("СтраницаСверка"))?;
        session.event(vm, form, "Страницы", "OnCurrentPageChange", &mut [Value::Undefined, page])?;
        let told = text(vm, form, "СостояниеСверки");
        assert!(told.contains("Закончен") && told.contains("Ждут решения или не найдены: 1"), "{told}");
        session.press(vm, form, "ПоказатьНаРешении")?;
        session.select_rows(vm, form, "Очередь", "Карта", &["Анна"])?;
        session.press(vm, form, "ОткрытьКарту")?;
        let card = session.opened().pop().unwrap();
        assert!(visible(vm, &card, "ГруппаНайденные"));
        session.press(vm, &card, "ПринятьКарту")?;
        assert_eq!(text(vm, &card, "ИдентификаторКарты"), "", "no row is selected");
        session.select_rows(vm, &card, "НайденныеКарты", "Идентификатор", &[&id])?;
        session.press(vm, &card, "ПринятьКарту")?;
        assert_eq!(text(vm, &card, "ИдентификаторКарты"), id);
        assert!(!visible(vm, &card, "ГруппаНайденные") && session.shown().is_empty());
        Ok(())
    });
    assert_eq!(story.id("Анна"), id);
}

#[test]
fn another_cards_id_is_not_accepted() {
    let story = Story::new();
    let husband = story.sent_card("Иван", "+79161234567").id;
    story.new_card("Анна", "8 (916) 123-45-67");
    story.job();
    story.wait(Duration::hours(2));
    story.act("СверкаPassteam.Сверить()");
    with_form(&story, resolver(), CARD, Some("Анна"), |vm, session, form| {
        session.select_rows(vm, form, "НайденныеКарты", "КартаБазы", &["Иван"])?;
        session.press(vm, form, "ПринятьКарту")?;
        assert!(session.shown()[0].contains("уже у другой карты"), "{:?}", session.shown());
        Ok(())
    });
    assert_eq!((story.id("Анна").as_str(), story.id("Иван")), ("", husband));
}

#[test]
fn cards_that_have_gone_are_listed_and_opened() {
    let story = Story::new();
    story.sent_card("Анна", "+79161234567");
    story.act(
        "Запись = РегистрыСведений.КартыPassteam.СоздатьМенеджерЗаписи(); Запись.Карта = Карта(\"Анна\");
        Запись.АдресСервиса = ИнтеграцияPassteam.АдресСервиса(); Запись.Прочитать();
        Запись.НеНайдена = ТекущаяУниверсальнаяДата(); Запись.Записать()",
    );
    with_form(&story, resolver(), SETTINGS, None, |vm, session, form| {
        session.select_rows(vm, form, "НеНайденные", "Карта", &["Анна"])?;
        let items = vm.get_member(form, &Name::new("Элементы"))?;
        let table = vm.get_member(&items, &Name::new("НеНайденные"))?;
        let row = vm.get_member(&table, &Name::new("ТекущаяСтрока"))?;
        let mut arguments = [Value::Undefined, row, Value::Undefined, Value::Bool(true)];
        session.event(vm, form, "НеНайденные", "Selection", &mut arguments)?;
        assert_eq!(text(vm, &session.opened()[0], "Карта"), "Анна");
        Ok(())
    });
}

#[test]
fn the_place_is_shown_and_a_person_names_the_real_base() {
    let story = Story::new();
    with_form(&story, setter(), SETTINGS, None, |vm, _, form| {
        assert!(text(vm, form, "СостояниеМеста").contains("разрешена"), "a sandbox on this computer always is");
        assert!(!visible(vm, form, "ЭтоНастоящаяБаза"));
        Ok(())
    });
    // The component alone sees that this address is this computer's.
    let address = story.sandbox.url().replace("127.0.0.1", "0x7f.0.0.1");
    story.act(&format!("ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"АдресСервера\", \"{address}\"))"));
    let go = |server: &str| {
        let connection = format!("Srvr=\"{server}\";Ref=\"Retail\";");
        story.shop.infobase(|base| base.set_place(&connection, server));
    };
    go("OLD");
    story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь); ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)");
    go("NEW");
    story.new_card("Анна", "+79161234567");
    // Who resolves does not see the page with the place.
    with_form(&story, resolver(), SETTINGS, None, |vm, _, form| {
        assert!(text(vm, form, "ИтогиДня").starts_with("База открыта в незнакомом месте"));
        Ok(())
    });
    with_form(&story, resolver(), CARD, Some("Анна"), |vm, _, form| {
        let told = text(vm, form, "СостояниеОчереди");
        assert!(told.starts_with("Стоит в очереди на отправку. База открыта в незнакомом месте"), "{told}");
        Ok(())
    });
    with_form(&story, setter(), SETTINGS, None, |vm, session, form| {
        assert!(text(vm, form, "ПрежнееМесто").contains("OLD") && text(vm, form, "НовоеМесто").contains("NEW"));
        for (answer, allowed) in [("Нет", false), ("Да", true)] {
            session.answer(answer);
            session.press(vm, form, "ЭтоНастоящаяБаза")?;
            assert_eq!(text(vm, form, "СостояниеМеста").contains("разрешена"), allowed, "{answer}");
            assert_eq!(visible(vm, form, "ЭтоНастоящаяБаза"), !allowed);
        }
        Ok(())
    });
    assert_eq!(story.ask("МестоБазыPassteam.ОтправкаРазрешена()"), "Да");
}

#[test]
fn variables_are_filled_from_the_template_saved_and_shown_for_a_card() {
    let story = Story::new();
    story.new_card("Анна", "+79161234567");
    with_form(&story, who_reads_cards(setter()), SETTINGS, None, |vm, session, form| {
        assert!(session.column(vm, form, "Переменные", "Имя")?.contains(&"PHONE".to_owned()));
        session.press(vm, form, "ЗаполнитьПоШаблону")?;
        assert_eq!(session.shown().len(), 1);
        let rows = vm.get_member(form, &Name::new("Переменные"))?;
        let row = vm.call_member(&rows, &Name::new("Добавить"), &mut Args::default())?;
        for (field, value) in [("Имя", "%SHOP%"), ("Источник", "Константа"), ("Значение", "Наш магазин")]
        {
            vm.set_member(&row, &Name::new(field), Value::str(value))?;
        }
        session.press(vm, form, "ЗаписатьПеременные")?;
        assert!(session.column(vm, form, "Переменные", "Имя")?.contains(&"SHOP".to_owned()));
        session.press(vm, form, "ПоказатьЗначения")?;
        assert!(session.column(vm, form, "Показ", "Имя")?.is_empty(), "no card is chosen");
        let card = card_of(vm, session, "Анна")?;
        vm.set_member(form, &Name::new("КартаДляПоказа"), card)?;
        session.press(vm, form, "ПоказатьЗначения")?;
        let shown = session.column(vm, form, "Показ", "Значение")?;
        assert!(shown.contains(&"Наш магазин".to_owned()) && shown.contains(&"79161234567".to_owned()), "{shown:?}");
        Ok(())
    });
    story.job();
    assert_eq!(story.served("Анна").unwrap().get("SHOP"), Some("Наш магазин"));
}

/// The job evaluates expressions with all rights.
#[test]
fn expressions_are_changed_with_full_rights_only() {
    let story = Story::new();
    let save = |user: User| {
        let done = story.shop.run(user, |vm, session| {
            let form = session.open_form(vm, SETTINGS)?.unwrap();
            let rows = vm.get_member(&form, &Name::new("Переменные"))?;
            let row = vm.call_member(&rows, &Name::new("Добавить"), &mut Args::default())?;
            for (field, value) in [("Имя", "SUM"), ("Источник", "Выражение"), ("Значение", "1 + 1")]
            {
                vm.set_member(&row, &Name::new(field), Value::str(value))?;
            }
            session.press(vm, &form, "ЗаписатьПеременные")
        });
        done.map_err(|error| error.to_string())
    };
    assert!(save(setter()).unwrap_err().contains("полными правами"));
    save(User::administrator()).unwrap();
}

/// With the library it waits for the operation, without it the form asks.
#[test]
fn cards_are_counted_and_queued_by_a_long_operation() {
    for ssl in [Ssl::Absent, Ssl::V3_0_2, Ssl::V3_1_12] {
        let story = Story::of(&Variant { ssl, ..untouched() });
        story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь)");
        story.new_card("Анна", "+79161234567");
        story.new_card("Иван", "+79160000001");
        story.new_card("Дарья", "8 916 000-00-01");
        story.act("ИнтеграцияPassteam.УстановитьВедениеКарт(Истина)");
        let setter = User::limited("Мастер").with_role(&metadata(&Variant { ssl, ..untouched() }), "НастройкаPassteam");
        with_form(&story, setter, SETTINGS, None, |vm, session, form| {
            session.press(vm, form, "ПодсчитатьКарты")?;
            session.tick(vm, form)?;
            let told = text(vm, form, "ИтогПодсчета");
            assert!(told.contains("Дисконтных карт: 3") && told.contains("в очередь: 1"), "{ssl:?} {told}");
            assert_eq!(session.column(vm, form, "ОбщиеКарты", "Карта")?.len(), 2);
            session.press(vm, form, "ПоставитьВсеКарты")?;
            session.tick(vm, form)?;
            assert!(text(vm, form, "ХодОперации").contains("Поставлено в очередь: 1"));
            Ok(())
        });
        assert_eq!(story.queue(), "Анна", "{ssl:?}");
    }
}

/// A question comes first: with many cards it takes hours.
#[test]
fn all_cards_are_updated_by_a_long_operation_after_a_question() {
    for ssl in [Ssl::Absent, Ssl::V3_0_2, Ssl::V3_1_12] {
        let variant = Variant { ssl, ..untouched() };
        let story = Story::of(&variant);
        story.sent_card("Анна", "+79161234567");
        story.sent_card("Иван", "+79160000001");
        story.sandbox.clear_requests();
        let setter = User::limited("Мастер").with_role(&metadata(&variant), "НастройкаPassteam");
        with_form(&story, setter, SETTINGS, None, |vm, session, form| {
            session.answer("Нет");
            session.press(vm, form, "ОбновитьВсеКарты")?;
            assert!(session.shown()[0].contains("отправятся заново"), "{:?}", session.shown());
            assert!(story.sandbox.requests().is_empty(), "{ssl:?}");
            session.answer("Да");
            session.press(vm, form, "ОбновитьВсеКарты")?;
            session.tick(vm, form)?;
            let told = text(vm, form, "ХодОперации");
            assert_eq!(told, "Поставлено в очередь: 2, занято другими сеансами: 0. Отправлено: 2.", "{ssl:?}");
            Ok(())
        });
        assert_eq!(story.sandbox.requests().len(), 2, "{ssl:?}");
        assert_eq!(story.queue(), "");
    }
}

/// The person learns why it stopped and who goes on.
#[test]
fn an_update_of_all_cards_that_stops_says_who_goes_on() {
    let story = Story::new();
    story.act("Для Номер = 1 По 50 Цикл НоваяКарта(\"К\" + Номер, \"+79160000\" + (100 + Номер)); КонецЦикла");
    story.job();
    let update = |story: &Story| {
        with_form(story, setter(), SETTINGS, None, |vm, session, form| {
            session.answer("Да");
            session.press(vm, form, "ОбновитьВсеКарты")?;
            session.tick(vm, form)?;
            Ok(text(vm, form, "ХодОперации"))
        })
    };
    story.sandbox.push_fault(Fault::of("updatecard").status(401));
    let told = update(&story);
    assert!(told.contains("Отправлено: 40.") && told.ends_with("Остальные отправит регламентное задание."), "{told}");
    assert!(told.contains("токен"), "{told}");
    story.sandbox.clear_faults();
    let busy = story.shop.run(User::administrator(), |vm, session| {
        session.call_module(vm, "ОчередьPassteam", "ЗанятьОчередь", &mut [])?;
        Ok(update(&story))
    });
    let told = busy.unwrap();
    assert!(told.contains("Отправлено: 0.") && told.contains("другой сеанс"), "{told}");
    story.wait(Duration::hours(2));
    story.job();
    assert_eq!(story.queue(), "");
}

/// Whoever has chosen another template need not wait for a card to see that the refusals are over.
#[test]
fn refusals_of_every_card_are_forgotten_with_the_settings() {
    let story = Story::new();
    (10..15).for_each(|number| story.new_card(&format!("К{number}"), &format!("+791600000{number}")));
    (0..5).for_each(|_| story.sandbox.push_fault(Fault::of("createcard").code(400).message("No such template.")));
    story.job();
    with_form(&story, setter(), SETTINGS, None, |vm, session, form| {
        assert!(text(vm, form, "ИтогиДня").contains("No such template."), "{}", text(vm, form, "ИтогиДня"));
        session.press(vm, form, "ЗаписатьНастройки")?;
        session.press(vm, form, "ОбновитьИтоги")?;
        assert!(!text(vm, form, "ИтогиДня").contains("No such template."), "{}", text(vm, form, "ИтогиДня"));
        Ok(())
    });
    story.job();
    assert_eq!(story.ask("ОчередьPassteam.Итоги().ТребуетРешения"), "3");
}

#[test]
fn the_days_figures_are_shown() {
    let story = Story::new();
    story.sent_card("Анна", "+79161234567");
    story.new_card("Борис", "+79161234568");
    with_form(&story, resolver(), SETTINGS, None, |vm, session, form| {
        assert!(text(vm, form, "ИтогиДня").contains("Передано карт: 1"), "{}", text(vm, form, "ИтогиДня"));
        vm.set_member(form, &Name::new("ИтогиДня"), Value::str(""))?;
        session.press(vm, form, "ОбновитьИтоги")?;
        assert!(text(vm, form, "ИтогиДня").contains("Ждут отправки: 1"), "{}", text(vm, form, "ИтогиДня"));
        vm.set_member(form, &Name::new("ИтогиДня"), Value::str(""))?;
        let items = vm.get_member(form, &Name::new("Элементы"))?;
        let page = vm.get_member(&items, &Name::new("СтраницаСегодня"))?;
        session.event(vm, form, "Страницы", "OnCurrentPageChange", &mut [Value::Undefined, page])?;
        assert!(!text(vm, form, "ИтогиДня").is_empty());
        Ok(())
    });
}
