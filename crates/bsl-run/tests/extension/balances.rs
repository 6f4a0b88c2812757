//! The balance that goes out is the one that Розница prints on the receipt.

use std::sync::{Arc, Mutex};

use chrono::Duration;
use infobase::metadata::declared::Variant;

use crate::stage::untouched;
use crate::story::Story;

const CARDS: &str = r#"НоваяКарта("Анна", "+79161234561");
	НоваяКарта("Борис", "+79161234562");
	НоваяКарта("Вера", "+79161234563")"#;

fn with_cards(variant: &Variant) -> Story {
    let story = Story::of(variant);
    story.act(CARDS);
    story.job();
    assert_eq!(story.balances(), "Анна=0 Борис=0 Вера=0");
    story
}

/// Runs a step, then the job; the balances that the service has.
fn after(story: &Story, step: &str) -> String {
    story.act(step);
    story.job();
    assert_eq!(story.log(), Vec::<String>::new());
    assert_eq!(story.queue(), "");
    story.balances()
}

#[test]
fn what_is_due_for_writing_off_counts() {
    let story = with_cards(&untouched());
    assert_eq!(after(&story, "Движение(\"Анна\", 100, 30);"), "Анна=70 Борис=0 Вера=0");
    assert_eq!(after(&story, "Движение(\"Анна\", 0, 200);"), "Анна=0 Борис=0 Вера=0");
    assert_eq!(after(&story, "Движение(\"Борис\", -50);"), "Анна=0 Борис=0 Вера=0");
    // A negative sum of what is due adds nothing.
    assert_eq!(after(&story, "Движение(\"Вера\", 40, -15);"), "Анна=0 Борис=0 Вера=40");
}

#[test]
fn the_limits_act_on_the_sums() {
    let story = with_cards(&untouched());
    let step = r#"Заменить("Анна", "Борис");
		Движение("Анна", -20, 0);
		Движение("Борис", 100, 30);"#;
    story.act(step);
    story.job();
    assert!(story.balances().contains("Борис=50"), "{}", story.balances());
}

#[test]
fn a_card_that_accumulates_on_another_shows_its_balance() {
    let story = with_cards(&untouched());
    let join = r#"Для Каждого Имя Из СтрРазделить("Борис,Вера", ",") Цикл
			Объект = Карта(Имя).ПолучитьОбъект();
			Объект.КартаДляНакоплений = Карта("Анна");
			Объект.Записать();
		КонецЦикла;
		Движение("Борис", 1000);"#;
    assert_eq!(after(&story, join), "Анна=0 Борис=0 Вера=0", "its own movements do not count");
    assert_eq!(after(&story, "Движение(\"Анна\", 70, 20);"), "Анна=50 Борис=50 Вера=50");
}

/// The service refuses the card on which the points are, because another one has its phone; a third shows them all the same.
#[test]
fn a_card_that_waits_for_a_person_does_not_keep_its_balance_from_others() {
    let story = with_cards(&untouched());
    story.act(
        r#"НоваяКарта("Общая", "+79161234562");
		Объект = Карта("Анна").ПолучитьОбъект();
		Объект.КартаДляНакоплений = Карта("Общая");
		Объект.Записать()"#,
    );
    story.job();
    assert!(story.state("Общая").starts_with("ТребуетРешения"));
    story.act("Движение(\"Общая\", 33)");
    story.job();
    story.job();
    assert_eq!(story.balances(), "Анна=33 Борис=0 Вера=0");
}

#[test]
fn each_card_counts_with_its_own_programme() {
    let story = with_cards(&untouched());
    let step = r#"Программа = Справочники.БонусныеПрограммыЛояльности.СоздатьЭлемент();
		Программа.Записать();
		Движение("Анна", 11);
		Объект = Карта("Анна").ПолучитьОбъект();
		Объект.БонуснаяПрограммаЛояльности = Программа.Ссылка;
		Объект.Записать();
		Движение("Анна", 5);"#;
    assert_eq!(after(&story, step), "Анна=5 Борис=0 Вера=0");
}

#[test]
fn later_movements_do_not_count_until_their_day() {
    let story = with_cards(&untouched());
    let step = "Движение(\"Анна\", 60, , , ТекущаяДатаСеанса() + 86400);";
    assert_eq!(after(&story, step), "Анна=0 Борис=0 Вера=0");
    story.wait(Duration::hours(25));
    story.night();
    assert_eq!(story.queue(), "Анна");
    story.job();
    assert_eq!(story.balances(), "Анна=60 Борис=0 Вера=0");
}

/// A shop in the Far East sells at five in its afternoon, and exchange brings the sale to a base in which it is ten.
#[test]
fn a_sale_of_a_shop_whose_day_is_further_on_is_sent_when_its_time_has_come() {
    let story = with_cards(&untouched());
    story.act("Накапливать(\"Борис\", \"Анна\")");
    story.job();
    story.act_in_zone(Duration::hours(7), "Движение(\"Анна\", 60)");
    story.job();
    assert_eq!((story.queue(), story.balances()), (String::new(), "Анна=0 Борис=0 Вера=0".to_owned()));
    story.wait(Duration::minutes(7 * 60 + 1));
    story.job();
    assert_eq!((story.queue(), story.balances()), (String::new(), "Анна=60 Борис=60 Вера=0".to_owned()));
    story.sandbox.clear_requests();
    story.wait(Duration::minutes(1));
    story.job();
    assert_eq!(story.sandbox.requests().len(), 0, "once is enough");
}

/// Exchange brings the sales of tills whose clocks are minutes ahead.
#[test]
fn a_sale_of_a_till_whose_clock_is_ahead_is_not_left_to_the_night() {
    let story = with_cards(&untouched());
    let load = |minutes: i64| {
        story.act(&format!("Движение(\"Анна\", 1, , Истина, ТекущаяДатаСеанса() + {minutes} * 60)"));
        story.job();
    };
    load(4);
    assert_eq!(story.shown("Анна"), "1", "as good as now");
    load(8);
    assert_eq!((story.queue(), story.shown("Анна")), (String::new(), "1".to_owned()));
    story.wait(Duration::minutes(9));
    story.job();
    assert_eq!(story.shown("Анна"), "2");
}

/// A till of the same base sells to a card that stands in the queue already: its record goes at once.
#[test]
fn a_second_sale_of_a_till_whose_clock_is_ahead_is_not_left_to_the_night() {
    let story = with_cards(&untouched());
    story.act("Движение(\"Анна\", 1)");
    story.act_with_clock(Duration::minutes(8), Duration::zero(), "Движение(\"Анна\", 1)");
    story.job();
    assert_eq!((story.queue(), story.shown("Анна")), (String::new(), "1".to_owned()));
    story.wait(Duration::minutes(9));
    story.job();
    assert_eq!(story.shown("Анна"), "2");
}

/// What goes to nobody is not queued every minute.
#[test]
fn a_card_that_is_not_sent_is_not_queued_when_a_movements_time_has_come() {
    let story = with_cards(&untouched());
    story.act(
        "Движение(\"Анна\", 60, , , ТекущаяДатаСеанса() + 3600);
		Карта(\"Анна\").ПолучитьОбъект().УстановитьПометкуУдаления(Истина)",
    );
    story.job();
    story.wait(Duration::minutes(61));
    let taken: Arc<Mutex<usize>> = Arc::default();
    let counted = taken.clone();
    story.watch(move |_, _, call| *counted.lock().unwrap() += usize::from(call == "НачатьТранзакцию"));
    story.job();
    assert_eq!(*taken.lock().unwrap(), 0);
}

#[test]
fn a_setting_keeps_the_vendors_balance() {
    let story = with_cards(&untouched());
    let step = r#"ИнтеграцияPassteam.ВключитьНастройку("БалансБезСписываемых", Истина);
		Объект = Карта("Борис").ПолучитьОбъект();
		Объект.КартаДляНакоплений = Карта("Анна");
		Объект.Записать();
		Движение("Анна", 100, 30);"#;
    assert_eq!(after(&story, step), "Анна=100 Борис=0 Вера=0");
}

/// Without the fields and registers that hold them, such relations do not exist and nothing asks for them.
#[test]
fn bases_without_accumulation_or_replacements_have_balances_too() {
    for variant in [
        Variant { accumulating: false, ..untouched() },
        Variant { replacements: false, ..untouched() },
        Variant { accumulating: false, replacements: false, ..untouched() },
    ] {
        let story = with_cards(&variant);
        assert_eq!(after(&story, "Движение(\"Анна\", 100, 30);"), "Анна=70 Борис=0 Вера=0");
        story.night();
        assert_eq!(story.queue(), "");
    }
}

#[test]
fn a_portion_is_read_by_few_queries() {
    let story = Story::new();
    story.act(
        r#"Для Номер = 1 По 12 Цикл
			НоваяКарта("К" + Номер, "+791600000" + Формат(Номер, "ЧЦ=2; ЧВН="));
		КонецЦикла"#,
    );
    story.job();
    let count = |cards: usize| {
        story.act(&format!("Для Номер = 1 По {cards} Цикл Движение(\"К\" + Номер, Номер); КонецЦикла"));
        story.sandbox.clear_requests();
        story.job();
        story.sandbox.requests().len()
    };
    assert_eq!(count(12), 12, "one request a card");
}
