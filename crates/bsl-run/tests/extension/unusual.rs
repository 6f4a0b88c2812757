//! Cards and sales that are not as usual: copies, cards on a screen, sets of records that exchange brings in any order.

use bsl_run::{Args, Name};
use infobase::User;

use crate::story::Story;

const ANNA: &str = "Анна Петрова";
const PHONE: &str = "+7 916 123-45-67";

#[test]
fn a_copy_is_another_card() {
    let story = Story::new();
    let first = story.sent_card(ANNA, PHONE);
    story.act(&format!(
        r#"Копия = Карта("{ANNA}").ПолучитьОбъект().Скопировать();
		Копия.Наименование = "Олег Петров";
		Копия.ВладелецКарты = НовыйЧеловек("Олег Петров", "+7 903 765-43-21");
		Копия.Записать()"#
    ));
    story.sell("Олег Петров", 11);
    story.job();
    assert_ne!(story.id("Олег Петров"), first.id);
    assert_eq!((story.shown("Олег Петров").as_str(), story.shown(ANNA).as_str()), ("11", "0"));
}

/// A copy with the same owner has the same phone, so that the service refuses it and a person decides.
#[test]
fn a_copy_with_the_same_owner_goes_to_a_person() {
    let story = Story::new();
    story.sent_card(ANNA, PHONE);
    story.act(&format!(
        "Копия = Карта(\"{ANNA}\").ПолучитьОбъект().Скопировать(); Копия.Наименование = \"Копия\"; Копия.Записать()"
    ));
    story.job();
    assert_eq!(
        (story.state("Копия").as_str(), story.entry("Копия", "ВидОшибки").trim()),
        ("ТребуетРешения", "Duplicate")
    );
    assert_eq!((story.sandbox.cards().len(), story.id("Копия").as_str()), (1, ""));
}

/// The job writes nothing to a card that a person has open, so that the person can still write it.
#[test]
fn a_card_open_on_a_screen_can_be_written_after_the_job() {
    let story = Story::new();
    story.new_card(ANNA, PHONE);
    let screen = story.clone();
    let written = story.shop.run(User::administrator(), move |vm, session| {
        let manager = session.path(vm, "Справочники.ИнформационныеКарты")?;
        let mut name = Args::new(vec![Some(bsl_run::Value::str(ANNA))]);
        let card = vm.call_member(&manager, &Name::new("НайтиПоНаименованию"), &mut name)?;
        let card = vm.call_member(&card, &Name::new("ПолучитьОбъект"), &mut Args::default())?;
        vm.call_member(&card, &Name::new("Заблокировать"), &mut Args::default())?;
        screen.job();
        vm.call_member(&card, &Name::new("Записать"), &mut Args::default()).map(|_| ())
    });
    written.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(story.id(ANNA), story.served(ANNA).unwrap().id);
}

#[test]
fn a_card_that_gets_a_new_owner() {
    let story = Story::new();
    story.sent_card(ANNA, PHONE);
    story.act(&format!(
        "УстановитьРеквизит(\"{ANNA}\", \"ВладелецКарты\", НовыйЧеловек(\"Мария Петрова\", \"+7 916 000-00-00\"))"
    ));
    story.job();
    assert_eq!(story.everybody("PHONE"), "Мария Петрова=79160000000");
}

#[test]
fn cards_of_the_staff_are_not_sent() {
    let story = Story::new();
    story.act(
        r#"Карта = ЗаполненнаяКарта("Кассир", НовыйЧеловек("Кассир", "+7 916 000-00-00"));
		Карта.ТипКарты = Перечисления.ТипыИнформационныхКарт.Регистрационная;
		Карта.Записать();
		Продать("Кассир", 5)"#,
    );
    story.job();
    assert_eq!((story.queued().as_str(), story.sandbox.cards().len()), ("0", 0));
}

/// Characters that break requests whose text was put together without encoding, and points with a fraction.
#[test]
fn awkward_names_and_fractions_arrive_as_they_are() {
    let story = Story::new();
    let name = "Кафе «A&B» 100% + друзья 🎁";
    story.new_card(name, PHONE);
    story.act(&format!("Продать(\"{name}\", 12500.5)"));
    story.job();
    assert_eq!(story.balances(), format!("{name}=12500.5"));
}

#[test]
fn records_without_a_card_do_not_stop_the_others() {
    let story = Story::new();
    story.sent_card(ANNA, PHONE);
    story.act(&format!(
        r#"Набор = НаборЧека(НовыйЧек(), Карта("{ANNA}"), 40);
		Движение = Набор.ДобавитьПриход();
		Движение.Период = ТекущаяДатаСеанса();
		Движение.Начислено = 7;
		Набор.Записать()"#
    ));
    assert_eq!(story.queue(), ANNA);
    assert_eq!(story.log(), Vec::<String>::new());
}

/// The sales of a card may arrive before the card.
#[test]
fn a_sale_that_arrives_before_its_card() {
    let story = Story::new();
    story.act(&format!(
        r#"Ссылка = Справочники.ИнформационныеКарты.ПолучитьСсылку();
		Набор = РегистрыНакопления.БонусныеБаллы.СоздатьНаборЗаписей();
		Набор.Отбор.Регистратор.Установить(НовыйЧек());
		Движение = Набор.ДобавитьПриход();
		Движение.Период = ТекущаяДатаСеанса();
		Движение.ДисконтнаяКарта = Ссылка;
		Движение.Начислено = 70;
		Набор.ОбменДанными.Загрузка = Истина;
		Набор.Записать();
		ОчередьPassteam.ОбработатьОчередь();
		Карта = ЗаполненнаяКарта("{ANNA}", НовыйЧеловек("{ANNA}", "{PHONE}"));
		Карта.УстановитьСсылкуНового(Ссылка);
		Карта.ОбменДанными.Загрузка = Истина;
		Карта.Записать()"#
    ));
    story.job();
    assert_eq!((story.queued().as_str(), story.shown(ANNA).as_str()), ("0", "70"));
}
