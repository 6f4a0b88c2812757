//! The register of the service's cards: one id belongs to one card, and nothing is created before it is complete.

use chrono::Duration;
use infobase::User;
use infobase::metadata::declared::Variant;
use passteam_sandbox::Fault;

use crate::stage::untouched;
use crate::story::{JOB, Story};
use crate::turns::{hold, release};

/// A shop whose main configuration got the attributes of the vendor's example, with the real service.
fn with_attributes() -> Story {
    let story = Story::just_installed(&Variant::retail_23());
    story.disguise_sandbox();
    story
}

const ID: &str = "65a1b2c3d4e5f60718293a4b";
const OTHER: &str = "65a1b2c3d4e5f60718293a4c";

fn card_with_attribute(story: &Story, name: &str, phone: &str, id: &str) {
    story.new_card(name, phone);
    story.act(&format!("УстановитьРеквизит(\"{name}\", \"cardId\", \"{id}\")"));
}

#[test]
fn nothing_is_created_before_somebody_says_that_the_service_is_empty() {
    let story = Story::just_installed(&untouched());
    story.new_card("Анна Петрова", "+7 916 123-45-67");
    story.job();
    assert_eq!(story.sandbox.cards().len(), 0);
    assert_eq!(story.state("Анна Петрова"), "КОтправке");
    story.act("СервисПуст()");
    story.job();
    assert_eq!(story.id("Анна Петрова"), story.served("Анна Петрова").unwrap().id);
}

/// Updates need no complete register.
#[test]
fn a_known_card_is_updated_before_the_register_is_complete() {
    let story = Story::new();
    let card = story.sent_card("Анна Петрова", "+7 916 123-45-67");
    story.act("ИнтеграцияPassteam.УстановитьЗначениеНастройки(\"СверкаЗавершена\", \"\")");
    story.sell("Анна Петрова", 70);
    story.job();
    assert_eq!(story.shown("Анна Петрова"), "70");
    assert_eq!(story.id("Анна Петрова"), card.id);
}

/// A new installation, or another node: what was said of the old register says nothing of this one.
#[test]
fn an_emptied_register_is_not_complete() {
    let story = Story::new();
    story.sent_card("Анна Петрова", "+7 916 123-45-67");
    story.act(
        "Набор = РегистрыСведений.КартыPassteam.СоздатьНаборЗаписей(); Набор.Записать(); НоваяКарта(\"Борис\", \"9161112233\")",
    );
    story.job();
    assert!(story.served("Борис").is_none());
    story.act("СервисПуст()");
    story.job();
    assert!(story.served("Борис").is_some());
}

#[test]
fn ids_of_the_vendors_attributes_are_taken_over_and_shared_ones_are_not() {
    let story = with_attributes();
    card_with_attribute(&story, "Анна", "9161110001", ID);
    card_with_attribute(&story, "Борис", "9161110002", OTHER);
    card_with_attribute(&story, "Копия Бориса", "9161110003", OTHER);
    story.job();
    assert_eq!(story.id("Анна"), ID);
    assert_eq!((story.id("Борис"), story.id("Копия Бориса")), (String::new(), String::new()));
    let state = story.ask("КартыPassteam.СостояниеРеестра(ИнтеграцияPassteam.АдресСервиса())");
    assert!(state.contains(OTHER), "{state}");
    assert!(!state.contains(ID), "{state}");
}

/// In a weak base the time is over before the attributes are read: each run takes some over all the same.
#[test]
fn a_run_takes_some_attributes_over_however_little_time_it_has() {
    let story = with_attributes();
    story.act(
        "ИнтеграцияPassteam.УстановитьВедениеКарт(Ложь);
        Для Номер = 1 По 250 Цикл
            Карта = ЗаполненнаяКарта(\"К\" + Номер, Неопределено);
            Карта.cardId = \"65a1b2c3d4e5f60718293\" + (100 + Номер);
            Карта.Записать();
        КонецЦикла",
    );
    let take_over = || {
        story.ask("КартыPassteam.ПеренестиРеквизиты(ИнтеграцияPassteam.АдресСервиса(), ТекущаяУниверсальнаяДата() - 1)")
    };
    let known = || story.ask("КартыPassteam.КартыСИдентификатором(ИнтеграцияPassteam.АдресСервиса()).Количество()");
    assert_eq!((take_over().as_str(), known().as_str()), ("Нет", "200"));
    assert_eq!((take_over().as_str(), known().as_str()), ("Да", "250"));
}

/// Whose the id is, only a person knows: creating a card could make a second one of the same customer.
#[test]
fn a_card_whose_id_is_shared_is_not_created() {
    let story = with_attributes();
    card_with_attribute(&story, "Борис", "9161110002", OTHER);
    card_with_attribute(&story, "Копия Бориса", "9161110003", OTHER);
    story.act("СервисПуст()");
    story.job();
    assert_eq!(story.sandbox.cards().len(), 0);
    assert_eq!(story.state("Борис"), "ТребуетРешения");
    assert!(story.entry("Борис", "ПоследняяОшибка").contains(OTHER));
}

/// The attribute of a copied card is its source's.
#[test]
fn a_copy_of_a_known_card_becomes_a_card_of_its_own() {
    let story = with_attributes();
    card_with_attribute(&story, "Анна", "9161110001", ID);
    story.act("СервисПуст()");
    card_with_attribute(&story, "Копия Анны", "9161110002", ID);
    story.job();
    assert_eq!(story.id("Анна"), ID);
    let copy = story.served("Копия Анны").expect("the copy is created");
    assert_eq!(story.id("Копия Анны"), copy.id);
    assert_ne!(copy.id, ID);
}

/// Exchange may bring an id after the attributes were taken over.
#[test]
fn a_creation_looks_at_the_attribute_once_more() {
    let story = with_attributes();
    story.act("СервисПуст()");
    card_with_attribute(&story, "Анна", "9161110001", ID);
    story.job();
    assert_eq!(story.sandbox.cards().len(), 0);
    assert_eq!(story.id("Анна"), ID);
}

#[test]
fn a_person_cannot_give_one_id_to_two_cards() {
    let story = Story::new();
    story.new_card("Анна", "9161110001");
    story.new_card("Борис", "9161110002");
    assert_eq!(story.ask(&format!("Внести(\"Анна\", \"{ID}\")")), "Да");
    assert_eq!(story.ask(&format!("Внести(\"Борис\", \"{ID}\")")), "Нет");
    assert_eq!((story.id("Анна").as_str(), story.id("Борис").as_str()), (ID, ""));
}

#[test]
fn an_id_of_another_service_does_not_count_and_is_kept() {
    let story = Story::new();
    story.new_card("Анна", "9161110001");
    let elsewhere = "ОчередьPassteam.ВнестиИдентификатор(Карта(\"Анна\"), \"https://getpass.passteam.ru/oapi/v1\", \
                     КартыPassteam.НоваяКартаСервиса(\"%\"))";
    story.act(&elsewhere.replace('%', ID));
    story.job();
    let card = story.served("Анна").expect("the sandbox has none of its own");
    assert_eq!(story.id("Анна"), card.id);
    let state = story.ask("КартыPassteam.СостояниеРеестра(ИнтеграцияPassteam.АдресСервиса())");
    assert!(state.contains("Карт с cardId: 1, сервис https://getpass.passteam.ru/oapi/v1 (другой сервис"), "{state}");
}

#[test]
fn ids_go_through_a_file() {
    let story = Story::new();
    let card = story.sent_card("Анна", "9161110001");
    let file = story.ask("КартыPassteam.ИдентификаторыДляФайла()");
    story.act("Набор = РегистрыСведений.КартыPassteam.СоздатьНаборЗаписей(); Набор.Записать()");
    assert_eq!(story.id("Анна"), "");
    story.act(&format!(
        "Итог = КартыPassteam.ИдентификаторыИзФайла(\"{file}\"); Если Итог.Внесено <> 1 Тогда ВызватьИсключение \"\"; КонецЕсли"
    ));
    assert_eq!(story.id("Анна"), card.id);
}

/// A byte order mark, a line that somebody has cut, and a card whose record is held: the others are read.
#[test]
fn a_line_that_cannot_be_read_leaves_the_others_of_a_file() {
    let story = Story::new();
    let cards = [("Анна", 1), ("Борис", 2), ("Вера", 3)]
        .map(|(name, number)| story.sent_card(name, &format!("916111000{number}")));
    let file = story.ask("КартыPassteam.ИдентификаторыДляФайла()").replace('\n', "\" + Символы.ПС + \"");
    story.act("Набор = РегистрыСведений.КартыPassteam.СоздатьНаборЗаписей(); Набор.Записать()");
    let holder = hold(&story, "Борис");
    let told = story.run(&format!(
        "Итог = КартыPassteam.ИдентификаторыИзФайла(Символ(65279) + \"{file}\" + Символы.ПС + \"обрывок\" + Символы.ПС
            + \"не идентификатор\" + Символы.Таб + Символы.Таб + Символы.Таб);
        Возврат СтрШаблон(\"%1 %2 %3 %4\", Итог.Внесено, Итог.НетКарты, Итог.Занято, Итог.НеВнесено)"
    ));
    assert_eq!(told, "2 0 0 3");
    release(&story, holder);
    assert_eq!((story.id("Анна"), story.id("Вера")), (cards[0].id.clone(), cards[2].id.clone()));
    let refused = story.run_as(User::administrator(), "КартыPassteam.ИдентификаторыИзФайла(\"Письмо\")");
    assert!(refused.unwrap_err().contains("не файл идентификаторов"));
}

/// The customer stands at the counter: the link is shown at once, from what the base or the last walk knows.
#[test]
fn an_id_that_a_person_enters_keeps_its_link() {
    let story = Story::new();
    let anna = story.sent_card("Анна", "9161110001");
    let link = |name: &str| {
        let card = format!("КартыPassteam.КартаСервиса(Карта(\"{name}\"), ИнтеграцияPassteam.АдресСервиса()).Ссылка");
        story.ask(&card)
    };
    let known = link("Анна");
    assert_ne!(known, "");
    assert_eq!(story.ask(&format!("Внести(\"Анна\", \"{}\")", anna.id)), "Да");
    assert_eq!(link("Анна"), known);
    story.act("СверкаPassteam.Сверить()");
    story.act("КартаВладельца(\"Борис\"); Внести(\"Анна\", \"\")");
    assert_eq!(story.ask(&format!("Внести(\"Борис\", \"{}\")", anna.id)), "Да");
    assert_eq!((link("Борис"), link("Анна")), (known, String::new()));
}

/// A trial in the sandbox leaves what nobody has decided: in the real service nothing has happened to these cards yet.
#[test]
fn what_waits_for_a_decision_about_one_service_is_sent_to_another() {
    let story = Story::new();
    story.sent_card("Борис", "9161110002");
    story.new_card("Анна", "9161110001");
    story.sandbox.push_fault(Fault::of("createcard").status(500));
    story.job();
    story.sell("Борис", 7);
    story.sandbox.push_fault(Fault::of("updatecard").code(400).message("No."));
    story.job();
    assert_eq!((story.state("Анна").as_str(), story.state("Борис").as_str()), ("ТребуетРешения", "ТребуетРешения"));
    let boris = story.id("Борис");
    story.wait(Duration::hours(1));
    story.hide_sandbox();
    story.act(&format!("Внести(\"Борис\", \"{boris}\")"));
    story.job();
    story.job();
    assert_eq!((story.queue(), story.balances()), (String::new(), "Анна=0 Борис=7".to_owned()));
    // Whether the first service has made Anna's card is not known any more.
    story.act(&format!(
        "ИнтеграцияPassteam.ЗаписатьНастройки(Новый Структура(\"АдресСервера\", \"{}\"))",
        story.sandbox.url()
    ));
    assert_eq!(story.ask("КартыPassteam.РеестрПолон(ИнтеграцияPassteam.АдресСервиса())"), "Нет");
}

/// The process dies between the service's answer and the base: nothing is created a second time.
#[test]
fn a_crash_after_the_answer_leaves_the_card_to_a_person() {
    let story = Story::new();
    story.new_card("Анна", "9161110001");
    story.before("CreateCards", |story| story.crash_before("НачатьТранзакцию"));
    assert!(story.shop.run_job(JOB).is_err());
    assert_eq!(story.state("Анна"), "СозданиеНачато");
    story.wait(Duration::hours(2));
    story.job();
    assert_eq!(story.state("Анна"), "ТребуетРешения");
    assert_eq!(story.sandbox.cards().len(), 1);
    assert!(!story.entry("Анна", "ВидОшибки").trim().is_empty());
    story.night();
    story.act("УстановитьРеквизит(\"Анна\", \"КодКарты\", \"1\")");
    story.job();
    assert_eq!(story.sandbox.cards().len(), 1);
    let id = story.sandbox.cards()[0].id.clone();
    story.act(&format!("Внести(\"Анна\", \"{id}\")"));
    story.job();
    assert_eq!(story.queued(), "0");
}

#[test]
fn nothing_of_the_base_is_written_unless_it_is_wanted() {
    let attributes = "Возврат \"\" + Карта(\"Анна\").cardId + Карта(\"Анна\").cardUrl;";
    let story = with_attributes();
    story.act("СервисПуст(); НоваяКарта(\"Анна\", \"+79161234567\")");
    let version = || story.run("Возврат Карта(\"Анна\").ВерсияДанных;");
    let before = version();
    story.job();
    assert_eq!(version(), before);
    assert_eq!(story.run(attributes), "");

    story.act("ИнтеграцияPassteam.ВключитьНастройку(\"ЗаполнятьРеквизитыКарты\", Истина)");
    story.night();
    assert!(story.run(attributes).starts_with(&story.sandbox.cards()[0].id));
    let filled = version();
    assert_ne!(filled, before);
    assert_eq!(story.queue(), "", "our own write queues nothing");
    story.night();
    story.job();
    assert_eq!(version(), filled, "one write a card each time its values change");
}

/// A trial in the sandbox of this computer: the attributes hold real customers' cards, and keep them.
#[test]
fn the_sandbox_neither_takes_nor_overwrites_the_attributes() {
    let story = Story::just_installed(&Variant::retail_23());
    card_with_attribute(&story, "Анна", "9161110001", ID);
    story.act("ИнтеграцияPassteam.ВключитьНастройку(\"ЗаполнятьРеквизитыКарты\", Истина); СервисПуст()");
    let attribute = || story.ask("Карта(\"Анна\").cardId");
    story.job();
    let trial = story.served("Анна").expect("the sandbox has none of its own");
    assert_eq!((story.id("Анна"), attribute()), (trial.id, ID.to_owned()));
    story.act("Внести(\"Анна\", \"\")");
    story.night();
    assert_eq!(attribute(), ID);

    story.hide_sandbox();
    assert_eq!(story.id("Анна"), ID);
    // A third service has cards of its own.
    story.act(
        "Адрес = \"https://other.example/oapi/v1\";
        ОчередьPassteam.ВнестиИдентификатор(Карта(\"Анна\"), Адрес, КартыPassteam.НоваяКартаСервиса(\"65a1b2c3d4e5f60718293a4c\"));
        Если КартыPassteam.КартыСДругимиРеквизитами(ИнтеграцияPassteam.МассивСоЗначением(Карта(\"Анна\")), Адрес).Количество() > 0
            Тогда ВызватьИсключение \"\"; КонецЕсли",
    );
    assert_eq!(attribute(), ID);
}

#[test]
fn an_id_that_a_person_enters_goes_to_no_second_card() {
    let story = Story::new();
    story.act("НоваяКарта(\"Анна\", \"+79161234567\"); НоваяКарта(\"Мария\", \"+79161234568\")");
    story.job();
    let anna = story.id("Анна");
    let enter = |name: &str, id: &str| {
        story.run(&format!(
            "Возврат ОчередьPassteam.ВнестиИдентификатор(Карта(\"{name}\"), ИнтеграцияPassteam.АдресСервиса(), КартыPassteam.НоваяКартаСервиса(\"{id}\"));"
        ))
    };
    let maria = story.id("Мария");
    for spelling in [anna.clone(), anna.to_uppercase(), format!(" {anna} ")] {
        assert_eq!(enter("Мария", &spelling), "Нет", "{spelling}");
    }
    assert_eq!(story.id("Мария"), maria);
    assert_eq!(enter("Анна", ""), "Да");
    assert_eq!(enter("Мария", &anna), "Да");
    assert_eq!(story.id("Анна"), "");
}

/// What is known of another service keeps no id from its card.
#[test]
fn an_id_that_a_person_frees_is_free_whatever_another_address_says() {
    let story = Story::new();
    let anna = story.sent_card("Анна", "+79161234567").id;
    story.sent_card("Мария", "+79161234568");
    story.act(&format!(
        "ОчередьPassteam.ВнестиИдентификатор(Карта(\"Анна\"), \"https://getpass.passteam.ru\", \
        КартыPassteam.НоваяКартаСервиса(\"{anna}\"))"
    ));
    story.job();
    assert_eq!(story.ask(&format!("Внести(\"Мария\", \"{anna}\")")), "Нет");
    assert_eq!(story.ask("Внести(\"Анна\", \"\")"), "Да");
    assert_eq!(story.ask(&format!("Внести(\"Мария\", \"{anna}\")")), "Да");
    assert_eq!((story.id("Анна"), story.id("Мария")), (String::new(), anna));
}

/// Its late request would write the data of the card's customer into the card of whoever got the id.
#[test]
fn an_id_is_not_freed_while_a_request_with_it_may_arrive() {
    let story = Story::new();
    let anna = story.sent_card("Анна", "+79161234567").id;
    story.new_card("Мария", "+79161234568");
    story.sell("Анна", 5);
    story.crash_before("UpdateCards");
    assert!(story.shop.run_job(JOB).is_err());
    for other in ["", OTHER] {
        assert_eq!(story.ask(&format!("Внести(\"Анна\", \"{other}\")")), "Нет", "{other}");
    }
    assert_eq!(story.ask(&format!("Внести(\"Анна\", \"{anna}\")")), "Да", "the same one does no harm");
    assert_eq!(story.id("Анна"), anna);
    story.wait(Duration::minutes(10));
    assert_eq!(story.ask("Внести(\"Анна\", \"\")"), "Да");
    assert_eq!(story.ask(&format!("Внести(\"Мария\", \"{anna}\")")), "Да");
}

/// Nothing is under way with an id that a card does not have yet.
#[test]
fn a_card_that_only_waits_gets_its_first_id_at_once() {
    let story = Story::new();
    story.new_card("Анна", "+79161234567");
    let later = "Запись = ЗаписьОчереди(\"Анна\"); Запись.СледующаяПопытка = ТекущаяУниверсальнаяДата() + 300; \
                 Запись.Записать()";
    story.act(later);
    assert_eq!(story.ask(&format!("Внести(\"Анна\", \"{ID}\")")), "Да");
    assert_eq!(story.ask("Внести(\"Анна\", \"\")"), "Нет");
}

/// The base would cut it, and it would be another card's id.
#[test]
fn a_text_that_is_too_long_for_an_id_is_refused() {
    let story = Story::new();
    story.new_card("Анна", "9161110001");
    assert_eq!(story.ask(&format!("Внести(\"Анна\", \"{ID}0\")")), "Нет");
    assert_eq!(story.id("Анна"), "");
}
