//! The balance that goes out is the one that Розница prints on the receipt.

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
    story.wait(chrono::Duration::hours(25));
    story.night();
    assert_eq!(story.queue(), "Анна");
    story.job();
    assert_eq!(story.balances(), "Анна=60 Борис=0 Вера=0");
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
