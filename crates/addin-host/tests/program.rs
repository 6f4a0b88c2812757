//! The program `addin-host FILE`.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::{FIXTURE, NOT_AN_ADDIN, manifest, this_component, zip};

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_addin-host"));
    command.args(arguments).env_remove("LC_ALL").env_remove("LC_MESSAGES").env("LANG", "C");
    let Output { status, stdout, stderr } = command.output().expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (status.code(), text(stdout), text(stderr))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[track_caller]
fn assert_lines(output: &str, expected: &[&str]) {
    for line in expected {
        assert!(output.lines().any(|found| found == *line), "no line {line:?} in\n{output}");
    }
}

#[test]
fn the_members_of_every_class_are_listed_with_both_names() {
    let (code, output, _) = run(&[path(&FIXTURE)]);
    assert_lines(
        &output,
        &[
            "Классы (GetClassNames): Fixture, RefusesInit, RefusesMemory, RefusesName, Ghost",
            "Способ подключения (GetAttachType): 3, изолированно и неизолированно",
            "Класс Fixture",
            "  Имя (RegisterExtensionAs): FixtureExtension; версия (GetInfo): 2000",
            "    Number / Число: чтение и запись",
            "    Secret / Секрет: только запись",
            "    Describe / Описать(1, [2 = \"default\"]): функция",
            "    Leak / Утечка(1): процедура",
            "    Status(1): процедура",
            "Класс RefusesInit",
            "ОШИБКА: Компонента не инициализировалась: Init вернул ложь. Её ошибки: Fixture: no licence.",
        ],
    );
    assert_eq!(code, Some(1), "some classes refuse");
}

#[test]
fn the_output_is_english_where_that_is_asked_for() {
    let (_, output, _) = run(&["--lang", "en", path(&FIXTURE)]);
    assert_lines(
        &output,
        &[
            "Attach type (GetAttachType): 3, isolated or not",
            "    Secret / Секрет: write only",
            "    Describe / Описать(1, [2 = \"default\"]): function",
            "ERROR: The add-in refused the memory manager: setMemManager returned false.",
        ],
    );
}

#[test]
fn what_a_zip_offers_is_listed_also_when_nothing_in_it_suits() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("addin.zip");
    let windows = r#"<component os="Windows" arch="sparc" type="native" path="a.dll"/>"#;
    zip(&file, &[("MANIFEST.XML", manifest(windows).as_bytes())]);
    let (code, output, _) = run(&[path(&file)]);
    assert_lines(&output, &["Архив предлагает:", "  Windows sparc native: a.dll — файла нет!"]);
    assert!(output.contains("ОШИБКА: В архиве нет компоненты Native API для"), "{output}");
    assert_eq!(code, Some(1));

    let library = fs::read(&*FIXTURE).expect("the fixture");
    zip(&file, &[("MANIFEST.XML", manifest(&this_component("b.so")).as_bytes()), ("b.so", &library)]);
    let (_, output, _) = run(&[path(&file)]);
    assert!(output.contains(" native: b.so\n") && output.contains("Класс Fixture"), "{output}");
}

#[test]
fn a_file_that_does_not_load_is_reported_in_the_loaders_own_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("text.so");
    fs::write(&file, "not a library").expect("a file");
    let (code, output, _) = run(&[path(&file)]);
    assert_eq!(code, Some(1));
    assert!(output.contains("ОШИБКА: Загрузчик системы не принял библиотеку"), "{output}");
    #[cfg(target_os = "linux")]
    assert!(output.contains(&format!("Его слова: {}: file too short", file.display())), "{output}");

    let (code, output, _) = run(&[path(&NOT_AN_ADDIN)]);
    assert_eq!(code, Some(1));
    assert!(output.contains("не экспортирует функцию GetClassObject"), "{output}");
    assert_eq!(run(&["no-such-file"]).0, Some(1));
}

#[test]
fn help_is_given_in_both_languages_and_wrong_usage_shows_it() {
    let (code, russian, _) = run(&["--help"]);
    assert!(code == Some(0) && russian.contains("Использование: addin-host"), "{russian}");
    let (code, english, _) = run(&["-h", "--lang=en"]);
    assert!(code == Some(0) && english.contains("Usage: addin-host"), "{english}");
    for wrong in [&[][..], &["a", "b"], &["--lang", "xx", "a"], &["--nonsense"]] {
        let (code, output, complaint) = run(wrong);
        assert_eq!((code, output.as_str()), (Some(2), ""));
        assert!(complaint.contains("Использование: addin-host"), "{complaint}");
    }
}
