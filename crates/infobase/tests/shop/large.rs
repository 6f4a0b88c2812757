//! A base of 2,000 cards: what the shipped modules ask for a portion must not walk through all of it.

use crate::common::{CARDS, Shop, value};
use infobase::{Datum, Parameter};

#[test]
fn a_portion_of_a_large_base_is_read_through_indexes() {
    let mut shop = Shop::new();
    let mut cards = Vec::new();
    let session = shop.session;
    shop.base.begin(session, None).unwrap();
    for number in 0..2_000 {
        let owner = shop.person(&format!("Покупатель {number}"));
        cards.push(shop.card(&number.to_string(), owner));
    }
    for day in 0..20 {
        let points: Vec<(&Datum, i64)> = cards[day * 100..(day + 1) * 100].iter().map(|card| (card, 10)).collect();
        shop.receipt(3, &points);
    }
    shop.base.commit(session).unwrap();

    let text = "ВЫБРАТЬ К.Ссылка КАК Карта, К.ВладелецКарты КАК Владелец ПОМЕСТИТЬ ВТКарты
        ИЗ Справочник.ИнформационныеКарты КАК К ГДЕ К.Ссылка В (&Карты) И НЕ К.ПометкаУдаления;
        ВЫБРАТЬ ВТКарты.Карта, ПРЕДСТАВЛЕНИЕССЫЛКИ(ВТКарты.Владелец), ВТКарты.Карта.КодКарты,
        ЕСТЬNULL(О.НачисленоОстаток, 0) ИЗ ВТКарты КАК ВТКарты
        ЛЕВОЕ СОЕДИНЕНИЕ РегистрНакопления.БонусныеБаллы.Остатки(, ДисконтнаяКарта В
            (ВЫБРАТЬ ВТКарты.Карта ИЗ ВТКарты КАК ВТКарты)) КАК О ПО О.ДисконтнаяКарта = ВТКарты.Карта";
    let portion = Parameter::List(cards[1_000..1_200].to_vec());
    assert_eq!(shop.rows(text, &[("Карты", portion)]).len(), 200);

    let plans = [
        format!("ВЫБРАТЬ 1 КАК П ИЗ {CARDS} КАК К ГДЕ К.Ссылка = &Карта"),
        format!("ВЫБРАТЬ 1 КАК П ИЗ {CARDS} КАК К ГДЕ К.КодКарты = \"7\""),
        format!("ВЫБРАТЬ 1 КАК П ИЗ {CARDS} КАК К ГДЕ К.Ссылка В (&Карта)"),
    ];
    for text in plans {
        let plan = shop.plan(&text, &[("Карта", value(cards[7].clone()))]);
        assert!(plan.contains("SEARCH") && !plan.contains("SCAN s"), "{text}\n{plan}");
    }
}
