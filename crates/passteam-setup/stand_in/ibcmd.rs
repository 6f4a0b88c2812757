//! `ibcmd infobase config extension list|update` of a file base.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use crate::stage::{self, Base, Ending};

/// Runs one command line.
pub fn run(arguments: &[String]) -> ExitCode {
    let ending = play(arguments);
    let words = ending.says.as_bytes();
    let written = if ending.code == 0 { io::stdout().write_all(words) } else { io::stderr().write_all(words) };
    if written.is_err() {
        return ExitCode::from(255);
    }
    stage::exit(&ending)
}

fn play(arguments: &[String]) -> Ending {
    let Some((words, options)) = arguments.split_at_checked(4) else {
        return Ending::failure(2, "Указана неполная команда");
    };
    let mut given = BTreeMap::new();
    for option in options {
        let pair = option.strip_prefix("--").and_then(|option| option.split_once('='));
        let known = ["data", "db-path", "user", "password", "name", "safe-mode", "unsafe-action-protection"];
        match pair.filter(|(key, _)| known.contains(key)) {
            Some((key, value)) => given.insert(key, value),
            None => return Ending::failure(2, format!("Ошибка разбора параметра: {option}")),
        };
    }
    let Some(base) = given.get("db-path").and_then(|folder| Base::in_folder(Path::new(folder))) else {
        return Ending::failure(255, "Отсутствует файл базы данных");
    };
    base.note("ibcmd", arguments);
    // Without a data folder of its own it takes the one that every other process takes.
    match given.get("data").map(Path::new) {
        Some(data) if data.is_dir() && Some(data) == env::current_dir().ok().as_deref() => {}
        _ => {
            return Ending::failure(
                254,
                "Ошибка блокировки каталога данных сервера. Рабочий каталог заблокирован процессом: 1",
            );
        }
    }
    if base.has("users") {
        match given.get("user") {
            None => ask_for_ever("Имя пользователя: "),
            Some(user) => {
                let right = base.password_of(user);
                if right.is_none() || right.as_deref() != given.get("password").copied() {
                    return Ending::failure(
                        255,
                        format!("Пароль для '{user}': Идентификация пользователя не выполнена"),
                    );
                }
            }
        }
    }
    if !base.open() {
        return Ending::failure(255, "Ошибка блокировки информационной базы для конфигурирования.");
    }
    if let Some(failure) = base.fail("ibcmd") {
        return failure;
    }
    let command: Vec<_> = words.iter().map(String::as_str).collect();
    match command.as_slice() {
        ["infobase", "config", "extension", "list"] => list(&base),
        ["infobase", "config", "extension", "update"] => {
            update(&base, given.get("name").copied().unwrap_or_default(), &given)
        }
        _ => Ending::failure(2, "Указана неполная команда"),
    }
}

/// A closed standard input does not stop it.
fn ask_for_ever(prompt: &str) -> ! {
    let mut out = io::stdout();
    while out.write_all(prompt.as_bytes()).is_ok() {}
    std::process::exit(255);
}

/// The properties of an extension, as `key` and `yes` or `no`.
pub fn properties(base: &Base, name: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(base.extension(name).join("properties")).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn list(base: &Base) -> Ending {
    let mut says = String::new();
    for name in base.extensions() {
        says += &format!("name                         : \"{name}\"\n");
        for (key, value) in properties(base, &name) {
            says += &format!("{key:28} : {value}\n");
        }
        says.push('\n');
    }
    Ending::success(says)
}

/// Sets the properties that are given.
pub fn update(base: &Base, name: &str, given: &BTreeMap<&str, &str>) -> Ending {
    if name.is_empty() || !base.extension(name).is_dir() {
        return Ending::failure(255, "Расширение конфигурации не найдено.");
    }
    let changed = properties(base, name).into_iter().map(|(key, value)| {
        let value = given.get(key.as_str()).map_or(value, |value| (*value).to_owned());
        format!("{key} {value}\n")
    });
    match fs::write(base.extension(name).join("properties"), changed.collect::<String>()) {
        Ok(()) => Ending::silent(),
        Err(error) => Ending::failure(255, error.to_string()),
    }
}
