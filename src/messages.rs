//! What a person reads, in Russian and English: BSL exceptions ([`Misuse`]) and failed calls ([`failure`]).
//!
//! No text holds a value that was passed in: a rejected value may be the token.

use std::fmt::{self, Write as _};

use passteam_client::form::FormError;
use passteam_client::redact::redact;
use passteam_client::reply::{Cause, Failure, Kind};
use passteam_client::settings::{CertificateFileError, ProxyError, ServerUrlError, TokenError};

use crate::members::{Method, Names, PROPERTIES, Property};
use crate::value::Type;

/// The language of texts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// Russian, also where the platform named no language.
    #[default]
    Russian,
    /// English, for every language that is not Russian.
    English,
}

impl Language {
    /// The language for a code of the platform: `ru`, `rus_RUS`, `ru_RU.UTF-8`, `en_US`, … `C`, `POSIX` and the empty
    /// code name none, which means Russian.
    pub fn from_code(code: &str) -> Language {
        let language = code.trim().split(['_', '-', '.', '@']).next().unwrap_or_default().to_lowercase();
        match language.as_str() {
            "" | "c" | "posix" | "ru" | "rus" | "russian" => Language::Russian,
            _ => Language::English,
        }
    }

    fn choose<T>(self, russian: T, english: T) -> T {
        match self {
            Language::Russian => russian,
            Language::English => english,
        }
    }
}

/// A programmer's mistake, which becomes a BSL exception: what it is about, and what is wrong with it.
#[derive(Clone, PartialEq)]
pub struct Misuse {
    subject: Subject,
    problem: Problem,
}

#[derive(Clone, Copy, PartialEq)]
enum Subject {
    Component,
    Property(&'static Names),
    Method(&'static Names),
    Parameter { method: &'static Names, number: usize, parameter: &'static Names },
}

/// What is wrong with a property, a parameter or a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// Another type was expected.
    WrongType {
        /// The type that fits.
        expected: Type,
        /// The type that came.
        got: Type,
    },
    /// A value of this type has no text that could be sent.
    Unsendable {
        /// The type that came.
        got: Type,
    },
    /// A date outside every calendar.
    InvalidDate,
    /// NaN or an infinity.
    NotFinite,
    /// 2^53 or more in magnitude: the last digits are lost already.
    NumberTooLarge,
    /// A number outside the setting's range.
    OutOfRange {
        /// The smallest that fits.
        least: f64,
        /// The largest that fits.
        most: f64,
    },
    /// A fraction where a whole number is needed.
    NotWhole,
    /// An empty or blank text.
    Empty,
    /// A setting that the call needs has no value yet.
    NotSet,
    /// The token holds what an HTTP header cannot.
    Token(TokenError),
    /// Not an address of a server, or not a safe one.
    ServerUrl(ServerUrlError),
    /// Not a proxy's address.
    Proxy(ProxyError),
    /// No usable file of CA certificates.
    CertificateFile(CertificateFileError),
    /// JSON that does not fit.
    Json(FormError),
    /// JSON, but not an array of cards.
    NotAnArray,
    /// A name that no method of the service can have.
    MethodName,
    /// The property cannot be read.
    WriteOnly,
    /// The property cannot be written.
    ReadOnly,
    /// Too few or too many parameters.
    ParameterCount {
        /// How many are required.
        least: usize,
        /// How many are known.
        most: usize,
        /// How many came.
        got: usize,
    },
    /// An index that no member has.
    UnknownMember,
    /// The object is in the middle of a call on this very thread.
    Busy,
    /// The platform's memory manager gave nothing.
    OutOfMemory,
    /// A defect of the component itself, and where.
    Internal {
        /// Source file and line.
        place: String,
    },
}

impl Misuse {
    /// A mistake with a property.
    pub fn property(property: &'static Property, problem: Problem) -> Misuse {
        Misuse { subject: Subject::Property(&property.names), problem }
    }

    /// A mistake with the property of that English name.
    pub fn named_property(name: &str, problem: Problem) -> Misuse {
        let property = PROPERTIES.iter().find(|property| property.names.en == name);
        let subject = property.map_or(Subject::Component, |property| Subject::Property(&property.names));
        Misuse { subject, problem }
    }

    /// A mistake with a call as a whole.
    pub fn method(method: &'static Method, problem: Problem) -> Misuse {
        Misuse { subject: Subject::Method(&method.names), problem }
    }

    /// A mistake with parameter `index` (from 0).
    pub fn parameter(method: &'static Method, index: usize, problem: Problem) -> Misuse {
        let subject = match method.parameters.get(index) {
            Some(parameter) => {
                Subject::Parameter { method: &method.names, number: index + 1, parameter: &parameter.names }
            }
            None => Subject::Method(&method.names),
        };
        Misuse { subject, problem }
    }

    /// An index that no member has.
    pub fn unknown_member() -> Misuse {
        Misuse::component(Problem::UnknownMember)
    }

    /// A mistake that belongs to no member.
    pub fn component(problem: Problem) -> Misuse {
        Misuse { subject: Subject::Component, problem }
    }

    /// The same with every one of `secrets` gone from the names that the caller chose.
    pub fn without<'a>(mut self, secrets: impl IntoIterator<Item = &'a str>) -> Misuse {
        if let Problem::Json(FormError::Nested { name } | FormError::NumberTooLong { name }) = &mut self.problem {
            *name = redact(name, secrets);
        }
        self
    }

    /// The exception's text: it names the property or parameter in both languages, as BSL may use either.
    pub fn text(&self, language: Language) -> String {
        let problem = self.problem.text(language);
        let both = |names: &'static Names| {
            let (first, second) = language.choose((names.ru, names.en), (names.en, names.ru));
            fmt::from_fn(move |formatter| write!(formatter, "{first} ({second})"))
        };
        match self.subject {
            Subject::Component => format!("Passteam: {problem}."),
            Subject::Property(names) => {
                format!("{} {}: {problem}.", language.choose("Свойство", "Property"), both(names))
            }
            Subject::Method(names) => format!("{} {}: {problem}.", language.choose("Метод", "Method"), both(names)),
            Subject::Parameter { method, number, parameter } => {
                let (method_word, parameter_word) =
                    (language.choose("Метод", "Method"), language.choose("параметр", "parameter"));
                format!("{method_word} {}, {parameter_word} {number} {}: {problem}.", both(method), both(parameter))
            }
        }
    }
}

impl Type {
    fn text(self, language: Language) -> String {
        match self {
            Type::Undefined => language.choose("Неопределено", "Undefined").to_owned(),
            Type::Null => "Null".to_owned(),
            Type::Boolean => language.choose("Булево", "Boolean").to_owned(),
            Type::Number => language.choose("Число", "Number").to_owned(),
            Type::Date => language.choose("Дата", "Date").to_owned(),
            Type::String => language.choose("Строка", "String").to_owned(),
            Type::Binary => language.choose("ДвоичныеДанные", "BinaryData").to_owned(),
            Type::Other(vt) => language.choose(
                format!("тип, которого компонента не знает (VTYPE {vt})"),
                format!("an unknown type (VTYPE {vt})"),
            ),
        }
    }
}

impl Problem {
    fn text(&self, language: Language) -> String {
        let plain = |russian: &str, english: &str| language.choose(russian, english).to_owned();
        match self {
            Problem::WrongType { expected, got } => {
                let (expected, got) = (expected.text(language), got.text(language));
                language.choose(
                    format!("ожидается значение типа {expected}, передано {got}"),
                    format!("expected a value of type {expected}, got {got}"),
                )
            }
            Problem::Unsendable { got } => {
                let got = got.text(language);
                language.choose(
                    format!("значение типа {got} нельзя отправить, преобразуйте его в строку"),
                    format!("a value of type {got} cannot be sent, convert it to a string"),
                )
            }
            Problem::InvalidDate => plain("такой даты не существует", "there is no such date"),
            Problem::NotFinite => plain("это не число", "this is not a number"),
            Problem::NumberTooLarge => plain(
                "число от 2^53 и больше уже потеряло последние цифры, передайте его строкой",
                "a number of 2^53 or more has lost its last digits already, pass it as a string",
            ),
            Problem::OutOfRange { least, most } => language.choose(
                format!("допустимы значения от {least} до {most}"),
                format!("it must be from {least} to {most}"),
            ),
            Problem::NotWhole => plain("нужно целое число", "it must be a whole number"),
            Problem::Empty => plain("значение не должно быть пустым", "it must not be empty"),
            Problem::NotSet => {
                plain("не заполнено, задайте его до вызова метода", "it is not set, set it before you call the method")
            }
            Problem::Token(_) => plain(
                "допустимы только видимые символы ASCII без пробелов внутри, скопируйте токен ещё раз",
                "only visible ASCII characters without spaces inside are allowed, copy the token once more",
            ),
            Problem::ServerUrl(error) => server_url(error, language).to_owned(),
            Problem::Proxy(_) => plain(
                "ожидается пустая строка, direct или http://[пользователь:пароль@]адрес[:порт], особые знаки в виде %XX",
                "expected an empty string, direct or http://[user:password@]host[:port], special characters as %XX",
            ),
            Problem::CertificateFile(error) => certificate_file(error, language).to_owned(),
            Problem::Json(error) => json(error, language),
            Problem::NotAnArray => plain(
                "ожидается массив JSON вида [{\"cardId\": \"…\", \"values\": {…}}]",
                "expected a JSON array of the form [{\"cardId\": \"…\", \"values\": {…}}]",
            ),
            Problem::MethodName => plain(
                "имя метода сервиса состоит только из латинских букв, цифр, знаков _ и -",
                "a method of the service is named by Latin letters, digits, _ and - only",
            ),
            Problem::WriteOnly => plain("свойство доступно только для записи", "it can only be written"),
            Problem::ReadOnly => plain("свойство доступно только для чтения", "it can only be read"),
            Problem::ParameterCount { least, most, got } => {
                let range = if least == most { least.to_string() } else { format!("{least}–{most}") };
                language.choose(
                    format!("параметров должно быть {range}, передано {got}"),
                    format!("it takes {range} parameters, got {got}"),
                )
            }
            Problem::UnknownMember => {
                plain("такого свойства или метода у компоненты нет", "the component has no such property or method")
            }
            Problem::Busy => plain(
                "объект занят другим вызовом, создайте для этого отдельный объект",
                "the object is busy with another call, make a separate object for this",
            ),
            Problem::OutOfMemory => plain("платформа не выделила память", "the platform gave no memory"),
            Problem::Internal { place } => language.choose(
                format!("внутренняя ошибка компоненты ({place}), сообщите о ней разработчикам"),
                format!("an internal error of the component ({place}), please report it"),
            ),
        }
    }
}

fn server_url(error: &ServerUrlError, language: Language) -> &'static str {
    match error {
        ServerUrlError::Syntax => language.choose(
            "это не адрес сервера, ожидается, например, https://getpass.passteam.ru/oapi/v1",
            "this is not the address of a server, expected something like https://getpass.passteam.ru/oapi/v1",
        ),
        ServerUrlError::Scheme => {
            language.choose("адрес должен начинаться с https://", "the address must begin with https://")
        }
        ServerUrlError::PlainHttpBeyondLoopback => language.choose(
            "http:// допустим только для этого же компьютера (127.0.0.1, localhost), используйте https://",
            "http:// is allowed for this computer only (127.0.0.1, localhost), use https://",
        ),
        ServerUrlError::UserInfo => language.choose(
            "в адресе не должно быть имени пользователя и пароля",
            "there must be no user name or password in the address",
        ),
        ServerUrlError::QueryOrFragment => {
            language.choose("в адресе не должно быть знаков ? и #", "there must be no ? or # in the address")
        }
    }
}

fn certificate_file(error: &CertificateFileError, language: Language) -> &'static str {
    match error {
        CertificateFileError::NoCertificate => language
            .choose("в файле нет ни одного сертификата в формате PEM", "the file holds no certificate in PEM format"),
        CertificateFileError::Unreadable(_) => language.choose(
            "файл не найден или не читается, проверьте путь и права на компьютере, где выполняется код",
            "the file is missing or cannot be read, check its path and rights on the computer that runs the code",
        ),
    }
}

fn json(error: &FormError, language: Language) -> String {
    match error {
        FormError::EmptyName => language
            .choose("имя переменной не должно быть пустым", "the name of a variable must not be empty")
            .to_owned(),
        FormError::NotAnObject => language
            .choose(
                "ожидается объект JSON, например {\"BONUS\": 100}",
                "expected a JSON object such as {\"BONUS\": 100}",
            )
            .to_owned(),
        FormError::Syntax { line, column } => language.choose(
            format!("ошибка в тексте JSON, строка {line}, позиция {column}"),
            format!("malformed JSON, line {line}, column {column}"),
        ),
        FormError::Nested { name } => language.choose(
            format!("значение «{name}» не может быть объектом или массивом"),
            format!("the value of \"{name}\" must not be an object or an array"),
        ),
        FormError::NumberTooLong { name } => language.choose(
            format!("число «{name}» слишком длинное, передайте его строкой"),
            format!("the number \"{name}\" is too long, pass it as a string"),
        ),
        FormError::TooDeep => {
            language.choose("слишком большая вложенность JSON", "the JSON is nested too deeply").to_owned()
        }
        FormError::TooLong => language
            .choose(
                "вложенный JSON слишком велик: имена его полей вместе длиннее 64 МиБ",
                "the nested JSON is too large: the names of its fields are longer than 64 MiB together",
            )
            .to_owned(),
    }
}

/// How much of the server's own words a text quotes.
const QUOTED_CHARACTERS: usize = 300;

/// What happened and what to do, with the server's `message` where there is one. `hide` takes secrets out of it: here
/// before it is cut to length, and the caller once more from the whole.
pub fn failure(failure: &Failure, code: i64, language: Language, hide: impl Fn(&str) -> String) -> String {
    let mut text = explain(failure, code, language);
    if let Some(message) = failure.message.as_deref().map(str::trim).filter(|message| !message.is_empty()) {
        let quoted = quote(&hide(message));
        let label = language.choose("Ответ сервиса", "The service says");
        // Writing into a String cannot fail.
        let _ = write!(text, " {label}: {quoted}");
    }
    text
}

/// One line of at most [`QUOTED_CHARACTERS`].
fn quote(message: &str) -> String {
    let mut line: String = message
        .chars()
        .take(QUOTED_CHARACTERS)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    if message.chars().nth(QUOTED_CHARACTERS).is_some() {
        line.push('…');
    }
    line
}

/// Why `UpdateCards` did not get to a card, and what to do.
pub fn not_sent(language: Language) -> &'static str {
    language.choose(
        "Карта не отправлена: обновление прервано раньше. Причина указана у предыдущих карт; повторите эту карту позже.",
        "The card was not sent, because the update was ended before. Earlier cards say why; send this one again later.",
    )
}

/// What is wrong with an element of `UpdateCards`, and what to do.
pub fn invalid_entry(language: Language) -> &'static str {
    language.choose(
        "Элемент не отправлен: нужен объект с cardId и простыми значениями в values. Исправьте данные.",
        "The entry was not sent: it must be an object with cardId and plain values in values. Correct the data.",
    )
}

fn explain(failure: &Failure, code: i64, language: Language) -> String {
    let plain = |russian: &str, english: &str| language.choose(russian, english).to_owned();
    match failure.kind {
        Kind::Duplicate => plain(
            "Номер телефона (или другое уникальное значение) уже привязан к карте. Найдите эту карту в Passteam или укажите другой номер.",
            "The phone number (or another unique value) belongs to a card already. Find that card in Passteam or give another number.",
        ),
        Kind::FieldRequired => field_required(&failure.cause, language),
        Kind::Unauthorized => plain(
            "Сервис не принял токен. Проверьте токен и доступ к API в вашем тарифе Passteam.",
            "The service did not accept the token. Check the token and whether your Passteam tariff includes the API.",
        ),
        Kind::NotFound => plain(
            "Сервис не нашёл карту, шаблон или метод. Проверьте идентификатор карты, шаблон и адрес сервера.",
            "The service did not find the card, template or method. Check the card's id, the template and the server's address.",
        ),
        Kind::RateLimited => match failure.retry_after {
            Some(pause) => {
                let seconds = pause.as_secs().max(1);
                language.choose(
                    format!("Превышено число запросов по тарифу Passteam. Повторите не раньше чем через {seconds} с."),
                    format!("The Passteam tariff's number of requests is used up. Try again after {seconds} s at the earliest."),
                )
            }
            None => plain(
                "Превышено число запросов по тарифу Passteam. Повторите позже.",
                "The Passteam tariff's number of requests is used up. Try again later.",
            ),
        },
        Kind::ServerError => language.choose(
            format!("Ошибка на стороне сервиса Passteam (код {code}). Повторите позже, а если не пройдёт, обратитесь в поддержку Passteam."),
            format!("The Passteam service has failed (code {code}). Try again later, and if it goes on, ask Passteam's support."),
        ),
        Kind::Rejected => language.choose(
            format!("Сервис отклонил запрос (код {code}). Проверьте шаблон и имена переменных."),
            format!("The service refused the request (code {code}). Check the template and the names of the variables."),
        ),
        Kind::BadResponse => bad_response(&failure.cause, language).to_owned(),
        Kind::Timeout => plain(
            "Сервис не ответил за отведённое время (Таймаут). Проверьте связь и повторите позже; карту, которая создавалась, сначала поищите в Passteam.",
            "There was no answer within Timeout. Check the connection and try again later; a card that was being created may exist, look for it in Passteam first.",
        ),
        Kind::Connection => connection(&failure.cause, language).to_owned(),
        Kind::Certificate => certificate(&failure.cause, language).to_owned(),
    }
}

fn field_required(cause: &Cause, language: Language) -> String {
    match cause {
        Cause::FieldRequired { field } if field == "PHONE" => language
            .choose(
                "Не заполнено поле PHONE: чтобы создать карту, нужен номер мобильного телефона.",
                "The field PHONE is empty: a mobile phone number is needed to create a card.",
            )
            .to_owned(),
        Cause::FieldRequired { field } => language.choose(
            format!("Не заполнено обязательное поле {field}. Передайте его значение."),
            format!("The required field {field} is empty. Pass a value for it."),
        ),
        _ => language
            .choose(
                "Не заполнено обязательное поле. Передайте его значение.",
                "A required field is empty. Pass a value for it.",
            )
            .to_owned(),
    }
}

fn bad_response(cause: &Cause, language: Language) -> &'static str {
    match cause {
        Cause::NotHttp => language.choose(
            "Ответ не похож на HTTP. Проверьте адрес сервера и прокси.",
            "The answer is not HTTP. Check the server's address and the proxy.",
        ),
        Cause::Redirect => language.choose(
            "Сервер перенаправляет на другой адрес, токен туда не отправлен. Проверьте адрес сервера.",
            "The server redirects to another address, where the token was not sent. Check the server's address.",
        ),
        Cause::TooLarge => language.choose(
            "Ответ больше 4 МиБ и не прочитан. Запросите данные меньшими частями.",
            "The answer is larger than 4 MiB and was not read. Ask for the data in smaller portions.",
        ),
        Cause::BrokenOff => language.choose(
            "Связь прервалась посреди ответа. Проверьте связь; карту, которая создавалась, сначала поищите в Passteam.",
            "The connection broke in the middle of the answer. Check it; a card that was being created may exist, look for it in Passteam first.",
        ),
        Cause::NoCardId => language.choose(
            "Сервис ответил успехом, но без идентификатора карты. Поищите карту в Passteam и обратитесь в поддержку.",
            "The service reported success without the card's id. Look for the card in Passteam and ask its support.",
        ),
        _ => language.choose(
            "Ответ не того вида, которого ждут от Passteam. Проверьте адрес сервера; подробности в свойстве Ответ.",
            "The answer is not of the form that Passteam gives. Check the server's address; the property Response holds the answer.",
        ),
    }
}

fn connection(cause: &Cause, language: Language) -> &'static str {
    match cause {
        Cause::NameNotResolved => language.choose(
            "Имя сервера не найдено в DNS. Проверьте интернет, DNS и адрес сервера.",
            "The server's name was not found in DNS. Check the internet connection, DNS and the server's address.",
        ),
        Cause::Refused => language.choose(
            "Сервер не принимает соединения. Проверьте адрес сервера, порт и сетевой экран.",
            "The server does not accept connections. Check its address, the port and the firewall.",
        ),
        Cause::Reset => language.choose(
            "Сервер разорвал соединение, не ответив. Проверьте связь; карту, которая создавалась, сначала поищите в Passteam.",
            "The server broke the connection without an answer. Check it; a card that was being created may exist, look for it in Passteam first.",
        ),
        Cause::Proxy => language.choose(
            "Не удалось соединиться через прокси. Проверьте свойство Прокси и сам прокси-сервер.",
            "The proxy could not be used. Check the property Proxy and the proxy itself.",
        ),
        Cause::ProxyAuthentication => language.choose(
            "Прокси требует имя и пароль или не принял их. Укажите их в свойстве Прокси: http://имя:пароль@адрес:порт.",
            "The proxy wants a user name and password or did not accept them. Give them in the property Proxy: http://user:password@host:port.",
        ),
        Cause::Tls => language.choose(
            "Защищённое соединение (TLS) не установлено. Проверьте адрес сервера, прокси и антивирус; нужен TLS 1.2 или новее.",
            "The secure connection (TLS) was not established. Check the server's address, the proxy and the antivirus; TLS 1.2 or later is needed.",
        ),
        _ => language.choose(
            "Не удалось соединиться с сервером. Проверьте интернет, адрес сервера и прокси.",
            "The server could not be reached. Check the internet connection, the server's address and the proxy.",
        ),
    }
}

fn certificate(cause: &Cause, language: Language) -> &'static str {
    match cause {
        Cause::UnknownIssuer => language.choose(
            "Сертификат сервера выдан неизвестным центром. Если трафик проверяет прокси или антивирус, укажите их сертификат в свойстве ФайлСертификатов.",
            "The server's certificate comes from an unknown authority. If a proxy or antivirus inspects the traffic, name its certificate in the property CertificateFile.",
        ),
        Cause::Expired => language.choose(
            "Срок сертификата сервера истёк. Проверьте дату на этом компьютере, а если она верна, обратитесь в поддержку сервиса.",
            "The server's certificate has expired. Check this computer's date, and if it is right, ask the service's support.",
        ),
        Cause::NotYetValid => language.choose(
            "Сертификат сервера ещё не действует. Проверьте дату на этом компьютере.",
            "The server's certificate is not valid yet. Check this computer's date.",
        ),
        Cause::WrongHost => language.choose(
            "Сертификат выдан для другого имени сервера. Проверьте адрес сервера.",
            "The certificate belongs to another host name. Check the server's address.",
        ),
        Cause::CertificateFileGone => language.choose(
            "Файл из свойства ФайлСертификатов больше не читается или пуст. Верните его или задайте свойство заново.",
            "The file named in the property CertificateFile can no longer be read or is empty. Put it back or set the property anew.",
        ),
        _ => language.choose(
            "Сертификат сервера не принят. Проверьте адрес сервера и дату на этом компьютере.",
            "The server's certificate was not accepted. Check the server's address and this computer's date.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::members::METHODS;

    #[test]
    fn the_platforms_codes_name_a_language() {
        for code in
            ["", "C", "POSIX", "C.UTF-8", "ru", "RU", "ru_RU", "ru-RU", "rus_RUS", "ru_RU.UTF-8", "Russian_Russia.1251"]
        {
            assert_eq!(Language::from_code(code), Language::Russian, "{code}");
        }
        for code in ["en", "en_US", "eng_USA", "de", "kk_KZ", "uk", "??"] {
            assert_eq!(Language::from_code(code), Language::English, "{code}");
        }
    }

    #[test]
    fn an_exception_names_the_property_or_the_parameter_in_both_languages() {
        let property = Misuse::named_property("Timeout", Problem::OutOfRange { least: 0.1, most: 600.0 });
        assert_eq!(property.text(Language::Russian), "Свойство Таймаут (Timeout): допустимы значения от 0.1 до 600.");
        assert_eq!(property.text(Language::English), "Property Timeout (Таймаут): it must be from 0.1 to 600.");

        let got = Problem::WrongType { expected: Type::String, got: Type::Number };
        let parameter = Misuse::parameter(&METHODS[0], 0, got);
        assert_eq!(
            parameter.text(Language::Russian),
            "Метод УстановитьЗначение (SetValue), параметр 1 Имя (Name): ожидается значение типа Строка, передано Число."
        );
    }

    #[test]
    fn a_caller_chosen_name_shows_no_secret() {
        let problem = Problem::Json(FormError::Nested { name: "x-TOKEN-x".to_owned() });
        let text = Misuse::method(&METHODS[0], problem).without(["TOKEN"]).text(Language::Russian);
        assert!(text.contains("«x-***-x»"), "{text}");
    }

    #[test]
    fn the_servers_words_are_quoted_on_one_line_and_cut_to_length() {
        let message = format!("line\none {}", "я".repeat(1000));
        let told = Failure { kind: Kind::Rejected, cause: Cause::Service, message: Some(message), retry_after: None };
        let text = failure(&told, 418, Language::Russian, str::to_owned);
        assert!(text.contains("код 418"), "{text}");
        assert!(text.contains("Ответ сервиса: line one я"), "{text}");
        assert!(text.ends_with("я…") && !text.contains('\n'), "{text}");
    }

    #[test]
    fn a_secret_is_hidden_before_the_quotation_is_cut() {
        let message = format!("{}SECRET", "x".repeat(QUOTED_CHARACTERS - 3));
        let told = Failure { kind: Kind::Rejected, cause: Cause::Service, message: Some(message), retry_after: None };
        let text = failure(&told, 418, Language::English, |text| redact(text, ["SECRET"]));
        assert!(text.ends_with("x***"), "{text}");
    }
}
