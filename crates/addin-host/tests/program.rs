//! The program `addin-host FILE`.

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::{FIXTURE, NOT_AN_ADDIN, manifest, this_component, zip};

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_addin-host"));
    // The language of the system does not count.
    command.args(arguments).env("LC_ALL", "en_US.UTF-8");
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
fn the_output_is_english_if_that_is_asked_for() {
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
fn a_method_is_called_with_properties_of_their_own_types() {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = folder.path().join("secret.txt");
    fs::write(&secret, " hidden \n").expect("a file");
    let fixture = path(&FIXTURE);
    let secret = format!("Secret=@{}", path(&secret));
    let (code, output, complaint) = run(&["--set", "Number=6", "--set", &secret, "--call", "ЧИСЛО", fixture]);
    assert_eq!((code, complaint.as_str()), (Some(1), ""));
    assert_lines(&output, &["ОШИБКА: ЧИСЛО: такого свойства или метода нет"]);
    let (code, output, _) = run(&["--call", "Describe", fixture]);
    assert_eq!(code, Some(1));
    assert_lines(&output, &["ОШИБКА: Describe: у метода есть обязательные параметры"]);
    let (code, output, _) = run(&["--lang", "en", "--set", "Number=six", "--call", "Describe", fixture]);
    assert_eq!(code, Some(1));
    assert_lines(&output, &["ERROR: Number: the add-in returned false and gave no reason"]);
    let (code, output, _) = run(&["--set", "Secret=@no-such-file", "--call", "Describe", fixture]);
    assert!(code == Some(1) && output.starts_with("ОШИБКА: --set Secret: "), "{output}");
    let (code, output, _) = run(&["--call", "Describe", "no-such-file"]);
    assert!(code == Some(1) && output.starts_with("ОШИБКА: "), "{output}");
}

/// As a developer does who is told that nothing works.
#[test]
fn the_component_diagnoses_its_way_to_the_service() {
    let peer = testkit::Peer::silent();
    let token = tempfile::NamedTempFile::new().expect("a file");
    fs::write(token.path(), "program-token-0123456789\n").expect("a file");
    let token = format!("Токен=@{}", path(token.path()));
    let url = format!("ServerUrl={}", peer.url());
    let library = path(addin_testkit::library());
    let settings = ["--set", &token, "--set", &url, "--set", "Timeout=0.3"];
    for (language, method, told) in [
        ("ru", "Диагностика", ["Токен: задан", "Вывод: Соединение есть, но сервис не ответил"]),
        ("en", "diagnose", ["Token: set", "Conclusion: There is a connection"]),
    ] {
        let (code, output, complaint) =
            run(&[&settings[..], &["--lang", language, "--call", method, library]].concat());
        assert_eq!((code, complaint.as_str()), (Some(0), ""), "{output}");
        for part in told {
            assert!(output.lines().any(|line| line.starts_with(part)), "no line {part:?} in\n{output}");
        }
        assert!(!output.contains("program-token-0123456789"), "{output}");
    }
    let (code, output, _) = run(&["--set", "Timeout=0", "--call", "Диагностика", library]);
    assert!(code == Some(1) && output.starts_with("ОШИБКА: Timeout: Свойство Таймаут"), "{output}");
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
    let (code, output, _) = run(&["no-such-file"]);
    assert_eq!(code, Some(1));
    assert!(output.contains("ОШИБКА: Файл не удалось прочитать или записать: такого файла нет."), "{output}");
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

#[test]
fn wrong_usage_is_explained_in_the_language_that_was_asked_for() {
    for (wrong, russian, english) in [
        (&[][..], "не указан ФАЙЛ", "FILE is missing"),
        (&["a", "b"], "лишний аргумент: b", "unexpected argument: b"),
        (&["--nonsense"], "лишний аргумент: --nonsense", "unexpected argument: --nonsense"),
        (&["--help=x"], "лишний аргумент: --help=x", "unexpected argument: --help=x"),
        (&["-z"], "лишний аргумент: -z", "unexpected argument: -z"),
        (&["--set", "a=b", "file"], "--set нужен только вместе с --call", "--set needs --call"),
        (&["--call", "x", "--call", "y", "file"], "лишний аргумент: --call", "unexpected argument: --call"),
        (&["--set", "x", "file"], "--set: «x» не имеет вида СВОЙСТВО=ЗНАЧЕНИЕ", "--set: \"x\" is not PROPERTY=VALUE"),
    ] {
        let (_, _, complaint) = run(wrong);
        assert!(complaint.starts_with(&format!("addin-host: {russian}\n")), "{complaint}");
        let (_, _, complaint) = run(&[wrong, &["--lang", "en"]].concat());
        assert!(complaint.starts_with(&format!("addin-host: {english}\n")), "{complaint}");
        assert!(complaint.contains("Usage: addin-host"), "{complaint}");
    }
    let (_, _, complaint) = run(&["--call"]);
    assert!(complaint.starts_with("addin-host: --call: нужно значение\n"), "{complaint}");
    let (_, _, complaint) = run(&["--lang"]);
    assert!(complaint.starts_with("addin-host: --lang: нужно значение\n"), "{complaint}");
    let (_, _, complaint) = run(&["--lang", "xx", "a"]);
    assert!(complaint.starts_with("addin-host: --lang: «xx» не подходит: возможны ru, en\n"), "{complaint}");
}
