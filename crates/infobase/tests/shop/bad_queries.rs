//! Whatever stands in a query's text: an error, never a panic.

use crate::common::Shop;
use proptest::prelude::*;
use std::sync::{LazyLock, Mutex};

/// One base for all cases: a query changes nothing.
static SHOP: LazyLock<Mutex<Shop>> = LazyLock::new(|| Mutex::new(Shop::new()));

fn query(text: &str) -> infobase::Result<infobase::Rows> {
    SHOP.lock().unwrap().query(text)
}

const WORDS: [&str; 40] = [
    "ВЫБРАТЬ",
    "РАЗЛИЧНЫЕ",
    "ПЕРВЫЕ",
    "5",
    "ИЗ",
    "Справочник.ИнформационныеКарты",
    "КАК",
    "К",
    "К.КодКарты",
    ",",
    "(",
    ")",
    "ГДЕ",
    "И",
    "НЕ",
    "=",
    "\"а\"",
    "&П",
    "В",
    "ЛЕВОЕ СОЕДИНЕНИЕ",
    "ПО",
    "СГРУППИРОВАТЬ ПО",
    "УПОРЯДОЧИТЬ ПО",
    "СУММА",
    "ОБЪЕДИНИТЬ ВСЕ",
    ";",
    "ПОМЕСТИТЬ ВТ",
    "ВЫБОР",
    "КОГДА",
    "ТОГДА",
    "КОНЕЦ",
    "ЕСТЬ NULL",
    "*",
    "-",
    "1",
    "ПОДОБНО",
    "ЗНАЧЕНИЕ(Справочник.Контрагенты.ПустаяСсылка)",
    "К.ВладелецКарты.Наименование",
    "КОЛИЧЕСТВО(*)",
    "РегистрНакопления.БонусныеБаллы.Остатки(,) КАК О",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_characters(text in "\\PC*") {
        let _ = query(&text);
    }

    #[test]
    fn any_order_of_words(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..30)) {
        let _ = query(&words.join(" "));
    }
}

#[test]
fn deep_and_long_texts_are_refused() {
    for text in [
        format!("ВЫБРАТЬ {}1{}", "(".repeat(50_000), ")".repeat(50_000)),
        format!("ВЫБРАТЬ {}1", "-".repeat(50_000)),
        format!("ВЫБРАТЬ {}1", "НЕ ".repeat(50_000)),
        format!("ВЫБРАТЬ 1{}", " + 1".repeat(50_000)),
        format!("ВЫБРАТЬ 1 ИЗ {}", "(ВЫБРАТЬ 1 ИЗ ".repeat(10_000)),
    ] {
        let error = query(&text).unwrap_err().to_string();
        assert!(error.contains("Слишком"), "{error}");
    }
}
