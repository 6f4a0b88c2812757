//! `cargo xtask demo`: one day of a shop, against the sandbox, as a transcript of BSL-like calls.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;

use addin_host::{CallError, HostOptions, Library, Object, Value};
use anyhow::{Context, Result, ensure};
use passteam_sandbox::{DEFAULT_TEMPLATE_ID, DEFAULT_TOKEN, Options as SandboxOptions, Sandbox, Tls};

use crate::dist;

/// Собрать архив и показать один день магазина: компонента работает с песочницей вместо сервиса.
#[derive(clap::Args)]
pub struct Options {
    /// Оставить архив и песочницу для проб вручную, пока не нажат Enter.
    #[arg(long)]
    keep: bool,
}

/// A name that hand-made requests break on.
const AWKWARD_NAME: &str = "Кафе «A&B» 100% + \"друзья\" 🎁";

/// Plays the day; an error where a result is not what a shop must see.
pub fn run(options: &Options) -> Result<()> {
    println!("Сборка архива…");
    let zip = dist::run(&dist::Options { this_machine: true, ..dist::Options::default() })?;
    let sandbox = Sandbox::start(SandboxOptions { tls: Tls::OwnCa, ..SandboxOptions::default() })?;
    let folder = tempfile::tempdir()?;
    let ca_file = folder.path().join("sandbox-ca.pem");
    std::fs::write(&ca_file, sandbox.ca_pem().context("the sandbox has no CA")?)?;

    let wrong = play(&zip, &sandbox, &ca_file)?;
    if options.keep {
        keep(&zip, &sandbox, &ca_file)?;
    }
    ensure!(wrong == 0, "{wrong} of the results are wrong");
    println!("\nВсе результаты верны.");
    Ok(())
}

/// Runs the whole day; how many results were wrong.
fn play(zip: &Path, sandbox: &Sandbox, ca_file: &Path) -> Result<usize> {
    let ca_file = ca_file.to_str().context("the temporary folder's name is not UTF-8")?;
    title("Подключение");
    println!("ПодключитьВнешнююКомпоненту(\"{}\", \"Passteam\", ТипВнешнейКомпоненты.Native)", zip.display());
    let library = Library::open(zip)?;
    println!("Компонента = Новый(\"AddIn.Passteam.Passteam\")");
    let options = HostOptions { locale: Some("ru_RU".to_owned()), ..HostOptions::default() };
    let mut day = Day { object: library.create_with("Passteam", options)?, wrong: 0 };
    day.show("Версия");
    day.check(day.text("Версия") == dist::VERSION, "версия та же, что у архива");
    day.set("Токен", DEFAULT_TOKEN, "\"***\"");
    day.assign("ИдентификаторШаблона", DEFAULT_TEMPLATE_ID);
    day.assign("АдресСервера", &sandbox.url());
    day.assign("ФайлСертификатов", ca_file);
    day.assign("Прокси", "direct");
    day.set("Таймаут", 5, "5");

    title("Утро: две новые карты");
    day.value("CLIENT_NAME", "Иванова Анна");
    day.value("PHONE", "+79161234567");
    day.value("BONUS", 0);
    day.succeed("СоздатьКарту", &[]);
    day.show("ИдентификаторКарты");
    day.show("СсылкаНаКарту");
    let anna = day.text("ИдентификаторКарты");
    day.check(anna.len() == 24 && sandbox.card(&anna).is_some(), "карта есть в сервисе");

    day.succeed(
        "СоздатьКарту",
        &["{\"CLIENT_NAME\": \"Петров Олег\", \"PHONE\": \"+79037654321\", \"BONUS\": 150}".into()],
    );
    day.show("ИдентификаторКарты");
    let oleg = day.text("ИдентификаторКарты");
    day.check(oleg != anna && sandbox.cards().len() == 2, "карт в сервисе две");

    title("Тот же телефон ещё раз");
    day.value("PHONE", "+79161234567");
    day.fail("СоздатьКарту", &[], "Duplicate");
    day.check(sandbox.cards().len() == 2, "новой карты нет");

    title("Телефон не указан");
    day.value("CLIENT_NAME", "Без телефона");
    day.fail("СоздатьКарту", &[], "FieldRequired");

    title("Продажа: у Анны 12 500,50 баллов");
    day.value("BONUS", 12500.5);
    day.succeed("ОбновитьКарту", &[anna.as_str().into()]);
    day.show("Установлена");
    day.check(field(sandbox, &anna, "BONUS") == "12500.5", "в сервис ушло 12500.5, без пробелов и запятой");
    day.check(!day.boolean("Установлена"), "карта ещё не в телефоне");

    title("Анна установила карту в телефон");
    sandbox.set_installed(&anna, true);
    day.succeed("ОбновитьКарту", &[anna.as_str().into()]);
    day.show("Установлена");
    day.check(day.boolean("Установлена"), "следующее обновление это видит");

    title("Имя со знаками, на которых ломаются самодельные запросы");
    day.value("CLIENT_NAME", AWKWARD_NAME);
    day.succeed("ОбновитьКарту", &[oleg.as_str().into()]);
    day.check(field(sandbox, &oleg, "CLIENT_NAME") == AWKWARD_NAME, "имя дошло без искажений");

    title("Сервер недоступен");
    let unused = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    day.assign("АдресСервера", &format!("https://{unused}/oapi/v1"));
    day.fail("ОбновитьКарту", &[anna.as_str().into()], "Connection");
    day.assign("АдресСервера", &sandbox.url());

    title("Ошибка программиста");
    day.raise("ОбновитьКарту", &["".into()], "ИдентификаторКарты");
    day.succeed("ОбновитьКарту", &[anna.as_str().into()]);
    day.check(day.text("ВидОшибки").is_empty(), "после исключения объект работает дальше");

    let memory = day.object.destroy();
    let mut wrong = day.wrong;
    report(&mut wrong, memory.live_blocks == 0, "вся память возвращена платформе");
    Ok(wrong)
}

fn field(sandbox: &Sandbox, card_id: &str, name: &str) -> String {
    sandbox.card(card_id).and_then(|card| card.get(name).map(str::to_owned)).unwrap_or_default()
}

fn title(text: &str) {
    println!("\n── {text} ──");
}

fn report(wrong: &mut usize, right: bool, what: &str) {
    if right {
        println!("    ✓ {what}");
    } else {
        *wrong += 1;
        println!("    ✗ НЕВЕРНО: {what}");
    }
}

/// The object of the day, and how many of its results were wrong.
struct Day {
    object: Object,
    wrong: usize,
}

impl Day {
    fn assign(&mut self, property: &str, value: &str) {
        self.set(property, value, &format!("\"{value}\""));
    }

    fn set(&mut self, property: &str, value: impl Into<Value>, shown: &str) {
        println!("Компонента.{property} = {shown}");
        let outcome = self.object.set(property, value);
        if let Err(error) = outcome {
            self.check(false, &error.to_string());
        }
    }

    fn value(&mut self, name: &str, value: impl Into<Value>) {
        let arguments = [name.into(), value.into()];
        println!("Компонента.УстановитьЗначение({})", list(&arguments));
        let outcome = self.object.procedure("УстановитьЗначение", &arguments);
        if let Err(error) = outcome {
            self.check(false, &error.to_string());
        }
    }

    /// A call that must return Истина.
    fn succeed(&mut self, method: &str, arguments: &[Value]) {
        let returned = self.call(method, arguments);
        if returned != Ok(true) {
            self.show("ВидОшибки");
            self.show("ОписаниеОшибки");
        }
        self.check(returned == Ok(true), "вызов удался");
    }

    /// A call that must return Ложь with this kind of error.
    fn fail(&mut self, method: &str, arguments: &[Value], kind: &str) {
        let returned = self.call(method, arguments);
        self.show("ВидОшибки");
        self.show("КодОтвета");
        self.show("ОписаниеОшибки");
        self.check(returned == Ok(false) && self.text("ВидОшибки") == kind, "вид ошибки верный, исключения нет");
    }

    /// A call that must end with an exception that names this parameter.
    fn raise(&mut self, method: &str, arguments: &[Value], parameter: &str) {
        let named = self.call(method, arguments).is_err_and(|description| description.contains(parameter));
        self.check(named && self.text("ВидОшибки") == "Misuse", "исключение называет параметр");
    }

    /// Calls a method and prints what came of it; an exception's text is the error.
    fn call(&self, method: &str, arguments: &[Value]) -> Result<bool, String> {
        print!("Компонента.{method}({})  →  ", list(arguments));
        match self.object.function(method, arguments) {
            Ok(value) => {
                println!("{}", bsl(&value));
                Ok(value == Value::Bool(true))
            }
            Err(CallError::Raised(error)) => {
                println!("ВызватьИсключение: {}", error.description);
                Err(error.description)
            }
            Err(other) => {
                println!("{other}");
                Err(other.to_string())
            }
        }
    }

    fn show(&self, property: &str) {
        let value = self.object.get(property).map_or_else(|error| error.to_string(), |value| bsl(&value));
        println!("    {property} = {value}");
    }

    fn text(&self, property: &str) -> String {
        self.object.get(property).ok().and_then(|value| value.as_str()).unwrap_or_default()
    }

    fn boolean(&self, property: &str) -> bool {
        self.object.get(property) == Ok(Value::Bool(true))
    }

    fn check(&mut self, right: bool, what: &str) {
        report(&mut self.wrong, right, what);
    }
}

/// Arguments as BSL writes them.
fn list(arguments: &[Value]) -> String {
    arguments.iter().map(bsl).collect::<Vec<_>>().join(", ")
}

/// A value as BSL writes it.
fn bsl(value: &Value) -> String {
    match value {
        Value::Bool(true) => "Истина".to_owned(),
        Value::Bool(false) => "Ложь".to_owned(),
        value => match (value.as_str(), value.as_number()) {
            (Some(text), _) => format!("\"{}\"", text.replace('"', "\"\"")),
            (None, Some(number)) => number.to_string(),
            (None, None) => "Неопределено".to_owned(),
        },
    }
}

/// Says how to go on by hand, and waits.
fn keep(zip: &Path, sandbox: &Sandbox, ca_file: &Path) -> Result<()> {
    title("Для проб вручную");
    for (name, value) in [
        ("Архив", zip.display().to_string()),
        ("АдресСервера", sandbox.url()),
        ("Токен", DEFAULT_TOKEN.to_owned()),
        ("ИдентификаторШаблона", DEFAULT_TEMPLATE_ID.to_owned()),
        ("ФайлСертификатов", ca_file.display().to_string()),
    ] {
        println!("{name}: {value}");
    }
    print!("Песочница работает. Enter останавливает её.");
    std::io::stdout().flush()?;
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
