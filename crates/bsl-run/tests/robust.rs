//! Whatever stands in a file, a program ends with a result or an error that names file and line.

use std::io::sink;

use bsl_run::{on_large_stack, run_script};
use proptest::prelude::*;

fn error_of(text: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.os");
    std::fs::write(&file, text).unwrap();
    let error = on_large_stack(|| run_script(&file, Vec::new(), sink()).err().map(|error| error.to_string())).unwrap();
    error.map(|error| error.replace(&folder.path().display().to_string(), ""))
}

fn nested(open: &str, inner: &str, close: &str, times: usize) -> String {
    format!("{}{inner}{}", open.repeat(times), close.repeat(times))
}

#[test]
fn bad_programs_end_with_a_line_and_a_reason() {
    for (text, line, reason) in [
        ("А = 1;\nСообщить(Нет);", 2, "Переменная не определена (Нет)"),
        ("\n\nНетТакой();", 3, "не определена (НетТакой)"),
        ("А = 1;\nБ = А +;\n", 2, "Синтаксическая ошибка"),
        ("А = 1;\n\nА.Поле = 2;", 3, "не является значением объектного типа"),
        ("Сообщить(1, 2, 3);", 1, "Слишком много фактических параметров"),
        ("Символы = 1;", 1, "недоступно для записи"),
        ("А = Новый НетТакого;", 1, "Тип не определен"),
        ("М = Новый Массив;\nМ.Добавить(1, 2);", 2, "Слишком много"),
        ("М = Новый Массив;\nМ.Нет();", 2, "Метод объекта не обнаружен"),
        ("С = Новый Структура;\nА = С.Нет;", 2, "Поле объекта не обнаружено"),
        ("Процедура А()\nКонецПроцедуры\nБ = А();", 3, "процедуре как к функции"),
        ("А = 1/0;", 1, "Деление на 0"),
        ("Прервать;", 1, "только внутри цикла"),
        ("А = Новый Массив(1000000000000);", 1, "Недостаточно памяти"),
        ("А = \"а\";\nПока Истина Цикл\nА = А + А;\nКонецЦикла;", 3, "Строка слишком велика"),
        ("Функция А()\nВозврат А();\nКонецФункции\nА();", 2, "Переполнение стека"),
        ("Выполнить(\"А = ;\");", 1, "Синтаксическая ошибка"),
        ("ВызватьИсключение", 1, "только в обработчике"),
        ("А = 1;\nRaise", 2, "только в обработчике"),
    ] {
        let error = error_of(text).unwrap_or_else(|| panic!("no error: {text}"));
        assert!(error.starts_with(&format!("/a.os:{line}: ")) && error.contains(reason), "{text}\n{error}");
    }
}

#[test]
fn deep_nesting_is_an_error() {
    for text in [
        format!("А = {};", nested("(", "1", ")", 50_000)),
        format!("А = {}1;", "-".repeat(50_000)),
        format!("А = 1{};", " + 1".repeat(50_000)),
        nested("Если Истина Тогда ", "", "КонецЕсли;", 10_000),
        format!("А = Новый Массив;\nА{} = 1;", "[0]".repeat(20_000)),
        format!("А = {};", nested("?(Истина, ", "1", ", 2)", 10_000)),
    ] {
        let error = error_of(&text).unwrap_or_else(|| panic!("no error"));
        assert!(error.starts_with("/a.os:"), "{error:.200}");
    }
}

#[test]
fn a_long_chain_of_objects_is_dropped_without_recursion() {
    let text = "А = Новый Массив;\nДля Н = 1 По 300000 Цикл\nБ = Новый Массив;\nБ.Добавить(А);\nА = Б;\nКонецЦикла;";
    assert_eq!(error_of(text), None);
}

#[test]
fn a_missing_file_is_named() {
    let error = run_script("нет такого.os".as_ref(), Vec::new(), sink()).unwrap_err().to_string();
    assert!(error.starts_with("нет такого.os:1: "), "{error}");
}

const WORDS: &[&str] = &[
    "Если",
    "Тогда",
    "КонецЕсли",
    "Процедура",
    "А",
    "Б",
    "(",
    ")",
    ",",
    ";",
    "=",
    "+",
    "-",
    "Новый",
    "Структура",
    "\"а\"",
    "1",
    "'20240101'",
    ".",
    "[",
    "]",
    "?",
    "Для",
    "Каждого",
    "Из",
    "Цикл",
    "КонецЦикла",
    "По",
    "Попытка",
    "Исключение",
    "КонецПопытки",
    "ВызватьИсключение",
    "Возврат",
    "Не",
    "И",
    "Формат",
    "Вычислить",
    "~",
    ":",
    "#Если",
    "#КонецЕсли",
    "&НаСервере",
    "Перем",
    "Экспорт",
    "Функция",
    "КонецФункции",
    "КонецПроцедуры",
    "\"",
    "|",
    "//",
    "\n",
    "Неопределено",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_ends(text in ".{0,80}") {
        error_of(&text);
    }

    #[test]
    fn any_words_end(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..25)) {
        error_of(&words.join(" "));
    }

    #[test]
    fn format_takes_any_string(keys in "[ЧДЛGNЦГРН=;0-9'. ]{0,20}", number in any::<i64>()) {
        error_of(&format!("А = Формат({number} / 1000, \"{keys}\"); А = Формат('20240229', \"{keys}\");"));
    }

    #[test]
    fn json_reading_takes_any_text(text in r#"[\[\]{}:,0-9a-z\\ .\-]{0,30}"#) {
        let program = format!("Ч = Новый ЧтениеJSON; Ч.УстановитьСтроку(\"{text}\"); А = ПрочитатьJSON(Ч, Истина);");
        error_of(&program);
    }
}
