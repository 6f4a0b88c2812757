//! Help and usage errors in Russian. clap has English texts only, so its errors are put together from their parts.

use std::error::Error as _;
use std::fmt::Write as _;
use std::net::AddrParseError;
use std::num::ParseIntError;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use passteam_sandbox::{InvalidFault, InvalidLimits, InvalidShape};

const USAGE: &str = "passteam-sandbox [ПАРАМЕТРЫ]";

const ABOUT: &str = "Песочница: замена сервиса Passteam для проверки компоненты без учётной записи";

const HELP_TEMPLATE: &str = "\
{about}

Использование: {usage}

Параметры:
{options}{after-help}
";

/// Id of the option, name of its value (empty if it has none), help.
const OPTIONS: [(&str, &str, &str); 15] = [
    ("listen", "АДРЕС:ПОРТ", "Адрес и порт; порт 0 — любой свободный [по умолчанию 127.0.0.1:8080]"),
    ("token", "ТОКЕН", "Токен, с которым принимаются запросы [по умолчанию sandbox-token]"),
    (
        "templates",
        "ID",
        "Идентификатор шаблона карт; можно указать несколько раз [по умолчанию 5d3f1a9be4b0c7a1f2e86c40]",
    ),
    ("unique", "ИМЯ", "Обязательная и уникальная переменная карты; можно указать несколько раз [по умолчанию PHONE]"),
    ("tls", "", "Отвечать по HTTPS, с сертификатом собственного центра сертификации"),
    ("ca_file", "ФАЙЛ", "Куда записать сертификат этого центра (PEM) для свойства ФайлСертификатов"),
    ("latency", "МС", "Задержка каждого ответа в миллисекундах [по умолчанию 0]"),
    ("cards", "ЧИСЛО", "Сколько карт создать при запуске [по умолчанию 0]"),
    ("shape", "ВИД", "Другие имена и места полей в ответах о картах и шаблонах (см. ниже)"),
    (
        "limits",
        "ПРЕДЕЛЫ",
        "Пределы запросов: minute=60,hour=1000,day=5000 или часть из них; сверх предела ответ 429 с Retry-After",
    ),
    ("faults", "СБОЙ", "Сбой для одного из следующих запросов (см. ниже); можно указать несколько раз"),
    ("verbose", "", "Печатать и поля запросов, то есть личные данные; токен скрыт и тогда"),
    ("lang", "ru|en", "Язык справки, сообщений и ошибок: ru или en [по умолчанию ru]"),
    ("help", "", "Эта справка"),
    ("version", "", "Версия"),
];

const AFTER_HELP: &str = "\
Карту создаёт компонента, а для первой пробы — curl:
  curl -H \"Authorization: sandbox-token\" -d \"templateId=5d3f1a9be4b0c7a1f2e86c40\"
       -d \"values[%25PHONE%25]=79161234567\" http://127.0.0.1:8080/oapi/v1/createcard
(одной строкой; values[%25PHONE%25] — это values[%PHONE%] в том виде, в каком поле отправляется)

Сбои (--fault) задаются как [метод:]ключ=значение[,ключ=значение…] и срабатывают по одному, каждый один раз:
  error=403           code и message известной ошибки: 400, 401, 403, 404, 409, 500, 502, 503 или 504
  status=503          HTTP-статус ответа; запрос не выполняется
  code=429            code в ответе; запрос не выполняется
  message=ТЕКСТ       message в ответе; запрос не выполняется
  body=ТЕКСТ          всё тело ответа; запрос не выполняется
  retry-after=5       заголовок Retry-After
  delay=2000          задержка ответа в миллисекундах
  late=2000           запрос выполняется на столько миллисекунд позже, даже если соединение уже закрыто
  drop=before         соединение рвётся до выполнения запроса
  drop=early          соединение рвётся, и только потом запрос выполняется (через late=)
  drop=after          соединение рвётся после выполнения, без ответа
  drop=100            соединение рвётся после стольких байт тела ответа
Например: --fault updatecard:status=503 --fault code=429,retry-after=5

Ответы getcard, getcards, getCardsWithPagination и gettemplates (--shape), ключ=значение[,ключ=значение…]:
  list=cards          поле в result со списком карт; list=result: список — сам result
  card=card           то же для карты в ответе getcard
  templates=result    то же для списка шаблонов
  id=cardId           имя идентификатора: cardId, _id или id
  variables=beside    переменные рядом с идентификатором; variables=values: в поле values
  order=oldest        на первой странице самые старые карты; order=newest: самые новые
  page=, limit=, total=, pages=, previous=, next=   имена номеров страниц; пустое — номера в ответе нет
Например: --shape list=items,id=_id,variables=values,next=next_page

На странице http://АДРЕС:ПОРТ/ видны карты и последние запросы; на ней же карта отмечается установленной, включаются
сбои, добавляются карты, меняются вид ответов и пределы.

То же для программ (JSON; у POST нужен Content-Type: application/json):
  GET    /sandbox/cards                    карты
  POST   /sandbox/cards/ID/installed       {\"installed\": true}: клиент установил карту в телефон
  GET    /sandbox/requests                 последние запросы, токен скрыт
  GET    /sandbox/faults                   сбои, которые ещё не сработали
  POST   /sandbox/faults                   {\"method\", \"delayMs\", \"status\", \"code\", \"message\",
                                            \"headers\": [[\"имя\", \"значение\"]], \"body\",
                                            \"lateMs\", \"drop\": \"beforeAnswer\" | \"beforeProcessing\" |
                                            \"afterProcessing\" | {\"afterBytes\": 100}}
  DELETE /sandbox/faults                   отменить их
  GET    /sandbox/late-requests            сколько запросов ждут позднего выполнения
  POST   /sandbox/late-requests            {}: выполнить их сразу
  POST   /sandbox/sample-cards             {\"count\": 1000}: добавить столько карт
  GET    /sandbox/shape                    вид ответов
  POST   /sandbox/shape                    {\"shape\": \"id=_id\"}: изменить его
  GET    /sandbox/limits                   пределы
  POST   /sandbox/limits                   {\"minute\": 60, \"hour\": 1000, \"day\": 5000}: изменить их и считать заново

Карты хранятся в памяти, пока программа работает.";

/// Replaces the English texts of the command.
pub(crate) fn translate(command: Command) -> Command {
    let command = command.about(ABOUT).override_usage(USAGE).help_template(HELP_TEMPLATE).after_help(AFTER_HELP);
    OPTIONS.into_iter().fold(command, |command, (id, value_name, help)| {
        command.mut_arg(id, |argument| match value_name {
            "" => argument.help(help),
            _ => argument.help(help).value_name(value_name),
        })
    })
}

/// What is wrong with the command line, and the usage.
pub(crate) fn usage_error(error: &clap::Error) -> String {
    format!("ошибка: {}\n\nИспользование: {USAGE}\n\nВсе параметры: passteam-sandbox --help", explanation(error))
}

fn explanation(error: &clap::Error) -> String {
    let option = option_name(error);
    let value = context(error, ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::InvalidValue if value.is_empty() => format!("после {option} не хватает значения"),
        ErrorKind::InvalidValue => {
            format!("{option}: «{value}» не подходит: возможны {}", context(error, ContextKind::ValidValue))
        }
        ErrorKind::ValueValidation => format!("{option}: «{value}» не подходит: {}", reason(error)),
        ErrorKind::UnknownArgument => {
            let mut text = format!("неизвестный параметр {option}");
            let similar = context(error, ContextKind::SuggestedArg);
            if !similar.is_empty() {
                let _ = write!(text, ", похожий: {similar}");
            }
            text
        }
        ErrorKind::MissingRequiredArgument => format!("не хватает параметра {option}"),
        ErrorKind::ArgumentConflict => format!("{option} указан дважды"),
        ErrorKind::TooManyValues => format!("у {option} не бывает значения"),
        ErrorKind::InvalidUtf8 => "в параметрах недопустимые символы".to_owned(),
        _ => error.kind().to_string(),
    }
}

/// The option that an error is about, without the name of its value.
fn option_name(error: &clap::Error) -> String {
    let option = context(error, ContextKind::InvalidArg);
    option.split([' ', '=']).next().unwrap_or_default().to_owned()
}

/// A part of an error as text, empty if there is none.
fn context(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// Why the text of a value cannot be used.
fn reason(error: &clap::Error) -> String {
    let Some(source) = error.source() else { return "не тот вид значения".to_owned() };
    if let Some(fault) = source.downcast_ref::<InvalidFault>() {
        return invalid_fault(fault);
    }
    if let Some(shape) = source.downcast_ref::<InvalidShape>() {
        return invalid_shape(shape);
    }
    if let Some(InvalidLimits(text)) = source.downcast_ref() {
        return format!("«{text}» — не minute=, hour= или day= с числом от 1");
    }
    if source.is::<AddrParseError>() {
        return "нужны адрес и порт, например 127.0.0.1:8080".to_owned();
    }
    if source.is::<ParseIntError>() {
        return "нужно целое число".to_owned();
    }
    "такое значение невозможно".to_owned()
}

fn invalid_shape(shape: &InvalidShape) -> String {
    match shape {
        InvalidShape::Setting(text) => format!("«{text}» — не ключ=значение с известным ключом и подходящим значением"),
        InvalidShape::NameUsedTwice(name) => format!("имя {name} занято дважды"),
    }
}

fn invalid_fault(fault: &InvalidFault) -> String {
    match fault {
        InvalidFault::Status(status) => format!("{status} — не HTTP-статус от 200 до 999"),
        InvalidFault::Header(name) => format!("заголовок {name} отправить нельзя"),
        InvalidFault::Text(text) => {
            format!("«{text}» — не ключ=значение с известным ключом и подходящим значением")
        }
    }
}
