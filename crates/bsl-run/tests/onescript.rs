//! The example for OneScript runs on the interpreter as it does there, against the sandbox.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use addin_testkit::shop::{TEMPLATE, TOKEN, sandbox};
use bsl_run::{ScriptError, on_large_stack, run_script};

/// What a program has printed so far.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn run(file: &Path, parameters: &[&str]) -> (String, Result<(), ScriptError>) {
    let printed = Printed::default();
    let parameters = parameters.iter().map(ToString::to_string).collect();
    let ended = on_large_stack(|| run_script(file, parameters, printed.clone())).unwrap();
    let text = String::from_utf8(printed.0.lock().unwrap().clone()).unwrap();
    (text, ended)
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bsl-examples/onescript/passteam.os")
}

fn library() -> &'static str {
    addin_testkit::library().to_str().expect("the folder's name is Unicode")
}

#[test]
fn the_example_creates_updates_and_reads_cards() {
    let sandbox = sandbox();
    let (printed, ended) = run(&example(), &[library(), &sandbox.url(), TOKEN, TEMPLATE]);
    ended.unwrap_or_else(|error| panic!("{error}\n{printed}"));
    let cards = sandbox.cards();
    assert_eq!(cards.len(), 3, "one, and a batch of two");
    assert_eq!(cards[0].get("CLIENT_NAME"), Some("Анна & Мария + 100 %"));
    assert_eq!(cards[0].get("BONUS"), Some("12500.50"));
    for line in ["Создание карты: готово", &format!("cardId:  {}", cards[0].id), "Обновление карты: готово"]
    {
        assert!(printed.lines().any(|printed| printed == line), "{line}\n{printed}");
    }
}

/// OneScript raises no exception for the add-in: the example looks at `ВидОшибки` itself.
#[test]
fn the_example_tells_why_it_ends() {
    let sandbox = sandbox();
    let (_, ended) = run(&example(), &[library(), &sandbox.url(), "another-token", TEMPLATE]);
    let text = ended.unwrap_err().to_string();
    assert!(text.contains("passteam.os:") && text.contains("Создание карты: Unauthorized (401)"), "{text}");
    assert!(!text.contains("another-token"), "{text}");

    let (_, ended) = run(&example(), &[library(), "no address", TOKEN, TEMPLATE]);
    assert!(ended.unwrap_err().to_string().contains("Адрес сервера: Misuse"));
    let (_, ended) = run(&example(), &["no-such-file.zip", &sandbox.url(), TOKEN, TEMPLATE]);
    assert!(ended.unwrap_err().to_string().contains("Компонента не подключилась: no-such-file.zip"));
    let (_, ended) = run(&example(), &[]);
    assert!(ended.unwrap_err().to_string().contains("Нужны параметры"));
    assert_eq!(sandbox.cards().len(), 0);
}

#[test]
fn an_object_that_is_released_cannot_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("released.os");
    let text =
        "Подключено = ПодключитьВнешнююКомпоненту(АргументыКоманднойСтроки[0], \"Имя\", ТипВнешнейКомпоненты.Native);
        Сообщить(Подключено);
        Компонента = Новый(\"AddIn.Имя.Passteam\");
        ОсвободитьОбъект(Компонента);
        Сообщить(Компонента.Версия);";
    std::fs::write(&file, text).unwrap();
    let (printed, ended) = run(&file, &[library()]);
    assert_eq!(printed, "Да\n");
    let text = ended.unwrap_err().to_string();
    assert!(text.contains("released.os:5: ") && text.ends_with("освобожден"), "{text}");

    std::fs::write(&file, "Новый(\"AddIn.Другое.Passteam\");").unwrap();
    assert!(run(&file, &[]).1.unwrap_err().to_string().contains("released.os:1:"));
}
