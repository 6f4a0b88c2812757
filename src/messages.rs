//! Facts turned into sentences for a person, in Russian and English: BSL exceptions ([`misuse`]) and failed calls
//! ([`failure`]).
//!
//! What went wrong is decided elsewhere: [`crate::misuse`] and `passteam_client::outcome` hold the facts. No text holds a value
//! that BSL passed in, because a rejected value may be the token.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use passteam_client::form::FormError;
use passteam_client::outcome::{Cause, Failure, Kind, Way};
use passteam_client::settings::{CertificateFileError, NamedProxy, ProxySource, ServerUrlError};

use crate::language::Language;
use crate::misuse::{BslType, Misuse, Problem, Subject};
use crate::names::Names;
use crate::utf16::{Utf16, utf16};
use crate::value::whole_seconds;

/// A word or a sentence of an exception, in the platform's encoding.
type Phrase = Cow<'static, [u16]>;

/// A phrase that is the same whatever happened, encoded at compile time.
macro_rules! plain {
    ($language:expr, $russian:literal, $english:literal $(,)?) => {
        Phrase::Borrowed($language.choose(utf16!($russian), utf16!($english)))
    };
}

/// A phrase that quotes variables, as `format!` does.
macro_rules! quoting {
    ($language:expr, $russian:literal, $english:literal $(,)?) => {
        Phrase::Owned(match $language {
            Language::Russian => format!($russian).encode_utf16().collect(),
            Language::English => format!($english).encode_utf16().collect(),
        })
    };
}

/// An exception's text: it names the property or parameter in both languages, as BSL may use either.
pub fn misuse(misuse: &Misuse, language: Language) -> Utf16 {
    // Put together in the platform's encoding and without the machinery of formats: BSL may ask for many exceptions in a row.
    let mut text = Utf16::with_capacity(256);
    let name = |text: &mut Utf16, names: &Names| {
        let (first, second) =
            language.choose((names.ru_units(), names.en_units()), (names.en_units(), names.ru_units()));
        [first, utf16!(" ("), second, utf16!(")")].into_iter().for_each(|part| text.push(part));
    };
    match misuse.subject {
        Subject::Component => text.push(utf16!("Passteam")),
        Subject::Property(names) => {
            text.push(plain!(language, "Свойство ", "Property "));
            name(&mut text, names);
        }
        Subject::Method(names) => {
            text.push(plain!(language, "Метод ", "Method "));
            name(&mut text, names);
        }
        Subject::Parameter { method, number, parameter } => {
            text.push(plain!(language, "Метод ", "Method "));
            name(&mut text, method);
            text.push(plain!(language, ", параметр ", ", parameter "));
            text.push_str(&number.to_string());
            text.push(utf16!(" "));
            name(&mut text, parameter);
        }
    }
    text.push(utf16!(": "));
    text.push(problem(&misuse.problem, language));
    text.push(utf16!("."));
    text
}

fn bsl_type(bsl_type: BslType, language: Language) -> String {
    match bsl_type {
        BslType::Undefined => language.choose("Неопределено", "Undefined").to_owned(),
        BslType::Null => "Null".to_owned(),
        BslType::Boolean => language.choose("Булево", "Boolean").to_owned(),
        BslType::Number => language.choose("Число", "Number").to_owned(),
        BslType::Date => language.choose("Дата", "Date").to_owned(),
        BslType::String => language.choose("Строка", "String").to_owned(),
        BslType::Binary => language.choose("ДвоичныеДанные", "BinaryData").to_owned(),
        BslType::Other(vt) => language
            .choose(format!("тип, которого компонента не знает (VTYPE {vt})"), format!("an unknown type (VTYPE {vt})")),
    }
}

fn problem(problem: &Problem, language: Language) -> Phrase {
    match problem {
        Problem::WrongType { expected, got } => {
            let (expected, got) = (bsl_type(*expected, language), bsl_type(*got, language));
            quoting!(
                language,
                "ожидается значение типа {expected}, передано {got}",
                "expected a value of type {expected}, got {got}"
            )
        }
        Problem::Unsendable { got } => {
            let got = bsl_type(*got, language);
            quoting!(
                language,
                "значение типа {got} нельзя отправить, преобразуйте его в строку",
                "a value of type {got} cannot be sent, convert it to a string"
            )
        }
        Problem::InvalidDate => plain!(language, "такой даты не существует", "there is no such date"),
        Problem::NotFinite => plain!(language, "это не число", "this is not a number"),
        Problem::NumberTooLarge => plain!(
            language,
            "число от 2^53 и больше уже потеряло последние цифры, передайте его строкой",
            "a number of 2^53 or more has lost its last digits already, pass it as a string",
        ),
        Problem::OutOfRange { least, most } => {
            quoting!(language, "допустимы значения от {least} до {most}", "it must be from {least} to {most}")
        }
        Problem::NotWhole => plain!(language, "нужно целое число", "it must be a whole number"),
        Problem::Empty => plain!(language, "значение не должно быть пустым", "it must not be empty"),
        Problem::NotSet => {
            plain!(
                language,
                "не заполнено, задайте его до вызова метода",
                "it is not set, set it before you call the method"
            )
        }
        Problem::Token(_) => plain!(
            language,
            "допустимы только видимые символы ASCII без пробелов внутри, скопируйте токен ещё раз",
            "only visible ASCII characters without spaces inside are allowed, copy the token once more",
        ),
        Problem::ServerUrl(error) => server_url(error, language),
        Problem::Proxy(_) => plain!(
            language,
            "ожидается пустая строка, direct или http://[пользователь:пароль@]адрес[:порт], особые знаки в виде %XX",
            "expected an empty string, direct or http://[user:password@]host[:port], special characters as %XX",
        ),
        Problem::CertificateFile(error) => certificate_file(error, language),
        Problem::Json(error) => json(error, language),
        Problem::NotAnArray { name } => quoting!(
            language,
            "ожидается массив JSON вида [{{\"{name}\": \"…\", \"values\": {{…}}}}]",
            "expected a JSON array of the form [{{\"{name}\": \"…\", \"values\": {{…}}}}]"
        ),
        Problem::MethodName => plain!(
            language,
            "имя метода сервиса состоит только из латинских букв, цифр, знаков _ и -",
            "a method of the service is named by Latin letters, digits, _ and - only",
        ),
        Problem::WriteOnly => plain!(language, "свойство доступно только для записи", "it can only be written"),
        Problem::ReadOnly => plain!(language, "свойство доступно только для чтения", "it can only be read"),
        Problem::ParameterCount { least, most, got } => {
            let range = if least == most { least.to_string() } else { format!("{least}–{most}") };
            quoting!(
                language,
                "параметров должно быть {range}, передано {got}",
                "it takes {range} parameters, got {got}"
            )
        }
        Problem::UnknownMember => {
            plain!(
                language,
                "такого свойства или метода у компоненты нет",
                "the component has no such property or method"
            )
        }
        Problem::Busy => plain!(
            language,
            "объект занят другим вызовом, создайте для этого отдельный объект",
            "the object is busy with another call, make a separate object for this",
        ),
        Problem::OutOfMemory => plain!(language, "платформа не выделила память", "the platform gave no memory"),
        Problem::Internal { place } => quoting!(
            language,
            "внутренняя ошибка компоненты ({place}), сообщите о ней разработчикам",
            "an internal error of the component ({place}), please report it"
        ),
    }
}

fn server_url(error: &ServerUrlError, language: Language) -> Phrase {
    match error {
        ServerUrlError::Syntax => plain!(
            language,
            "это не адрес сервера, ожидается, например, https://getpass.passteam.ru/oapi/v1",
            "this is not the address of a server, expected something like https://getpass.passteam.ru/oapi/v1",
        ),
        ServerUrlError::Scheme => {
            plain!(language, "адрес должен начинаться с https://", "the address must begin with https://")
        }
        ServerUrlError::PlainHttpBeyondLoopback => plain!(
            language,
            "http:// допустим только для этого же компьютера (127.0.0.1, localhost), используйте https://",
            "http:// is allowed for this computer only (127.0.0.1, localhost), use https://",
        ),
        ServerUrlError::UserInfo => plain!(
            language,
            "в адресе не должно быть имени пользователя и пароля",
            "there must be no user name or password in the address",
        ),
        ServerUrlError::QueryOrFragment => {
            plain!(language, "в адресе не должно быть знаков ? и #", "there must be no ? or # in the address")
        }
    }
}

fn certificate_file(error: &CertificateFileError, language: Language) -> Phrase {
    match error {
        CertificateFileError::NoCertificate => plain!(
            language,
            "в файле нет ни одного сертификата; читаются форматы PEM и DER, в Windows выгрузите сертификат как файл X.509 (.cer)",
            "the file holds no certificate; the formats PEM and DER are read, in Windows export the certificate as an X.509 file (.cer)",
        ),
        CertificateFileError::Unreadable(_) => plain!(
            language,
            "файл не найден или не читается; проверьте путь и права на компьютере, где выполняется код. Читаются форматы PEM и DER (.cer)",
            "the file is missing or cannot be read; check its path and rights on the computer that runs the code. The formats PEM and DER (.cer) are read",
        ),
    }
}

fn json(error: &FormError, language: Language) -> Phrase {
    match error {
        FormError::EmptyName => {
            plain!(language, "имя переменной не должно быть пустым", "the name of a variable must not be empty")
        }
        FormError::NotAnObject => plain!(
            language,
            "ожидается объект JSON, например {\"BONUS\": 100}",
            "expected a JSON object such as {\"BONUS\": 100}",
        ),
        FormError::Syntax { line, column } => quoting!(
            language,
            "ошибка в тексте JSON, строка {line}, позиция {column}",
            "malformed JSON, line {line}, column {column}"
        ),
        FormError::Nested { name } => quoting!(
            language,
            "значение «{name}» не может быть объектом или массивом",
            "the value of \"{name}\" must not be an object or an array"
        ),
        FormError::NumberTooLong { name } => quoting!(
            language,
            "число «{name}» слишком длинное, передайте его строкой",
            "the number \"{name}\" is too long, pass it as a string"
        ),
        FormError::TooDeep => {
            plain!(language, "слишком большая вложенность JSON", "the JSON is nested too deeply")
        }
        FormError::TooLong => plain!(
            language,
            "вложенный JSON слишком велик: имена его полей вместе длиннее 4 МиБ",
            "the nested JSON is too large: the names of its fields are longer than 4 MiB together",
        ),
    }
}

/// The longest part of the server's `message` that a text quotes, in characters.
const QUOTED_CHARACTERS: usize = 300;

/// What a failed request may have done nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Certainly nothing, or something that does no harm.
    None,
    /// It may have made a card.
    Creation,
    /// It may have been carried out, whatever it is.
    Other,
}

/// What happened and what to do, with the server's `message` if there is one. `hide` takes secrets out of
/// what is quoted before it is truncated; the text's own words stay as they are.
pub fn failure(
    failure: &Failure,
    code: i64,
    doubt: Doubt,
    language: Language,
    hide: impl Fn(&str) -> String,
) -> String {
    let mut text = explain(failure, code, language, &hide);
    if let Some(way) = way(failure, language) {
        text.push(' ');
        text.push_str(&way);
    }
    text.push_str(explain_doubt(doubt, language));
    if let Some(message) = failure.message.as_deref().map(str::trim).filter(|message| !message.is_empty()) {
        let quoted = quote(&hide(message));
        let label = language.choose("Ответ сервиса", "The service says");
        // Writing into a String cannot fail.
        let _ = write!(text, " {label}: {quoted}");
    }
    text
}

fn explain_doubt(doubt: Doubt, language: Language) -> &'static str {
    match doubt {
        Doubt::None => "",
        Doubt::Creation => language.choose(
            " Исход неизвестен, карта могла быть создана: сначала поищите её.",
            " The outcome is unknown, the card may have been created: look for it first.",
        ),
        Doubt::Other => language.choose(
            " Исход неизвестен, сервис мог выполнить запрос: проверьте это, прежде чем повторять его.",
            " The outcome is unknown, the service may have carried the request out: check that before you repeat it.",
        ),
    }
}

/// What stands between this computer and the server, if that may be the reason.
pub fn way(failure: &Failure, language: Language) -> Option<String> {
    let is_page = matches!(failure.cause, Cause::PageForbidden | Cause::PageNotFound | Cause::PageRejected);
    match (&failure.way, failure.kind()) {
        (Way::Proxy(NamedProxy { address, source }), kind)
            if is_page
                || matches!(
                    kind,
                    Kind::Connection | Kind::Certificate | Kind::Timeout | Kind::BadResponse | Kind::ServerError
                ) =>
        {
            let source = proxy_source(*source, language);
            Some(language.choose(
                format!("Запрос идёт через прокси {address} ({source})."),
                format!("The request goes through the proxy {address} ({source})."),
            ))
        }
        (Way::DirectDespiteScript, Kind::Connection | Kind::Timeout) => {
            let text = language.choose(
                "В системе задан сценарий настройки прокси (PAC), он не поддерживается: если прокси нужен, укажите его в свойстве Прокси.",
                "The system names a proxy configuration script (PAC), which is not supported: if a proxy is needed, name it in the property Proxy.",
            );
            Some(text.to_owned())
        }
        _ => None,
    }
}

fn proxy_setting(source: ProxySource, is_socks: bool, language: Language) -> String {
    let place = proxy_source(source, language);
    if is_socks {
        language.choose(
            format!("Прокси SOCKS ({place}) не поддерживается. Укажите в свойстве Прокси HTTP-прокси, а чтобы обойтись без прокси, слово direct."),
            format!("A SOCKS proxy ({place}) is not supported. Give an HTTP proxy in the property Proxy, or direct to use none."),
        )
    } else {
        language.choose(
            format!("Значение не является адресом прокси ({place}). Проверьте его, нужен вид http://адрес:порт, или задайте свойство Прокси (direct: без прокси)."),
            format!("The value is not the address of a proxy ({place}). Check it, the form is http://host:port, or set the property Proxy (direct: no proxy)."),
        )
    }
}

/// Where a proxy is set, for a text in brackets.
pub fn proxy_source(source: ProxySource, language: Language) -> String {
    match source {
        ProxySource::Setting => language.choose("свойство Прокси", "property Proxy").to_owned(),
        ProxySource::System => language.choose("настройки системы", "the system's settings").to_owned(),
        ProxySource::Variable(name) => {
            language.choose(format!("переменная среды {name}"), format!("environment variable {name}"))
        }
    }
}

/// The message on one line, truncated to [`QUOTED_CHARACTERS`].
pub fn quote(message: &str) -> String {
    let mut line: String = message
        .chars()
        .take(QUOTED_CHARACTERS)
        .map(|character| if breaks_lines(character) { ' ' } else { character })
        .collect();
    if message.chars().nth(QUOTED_CHARACTERS).is_some() {
        line.push('…');
    }
    line
}

/// Whether a character ends a line for some program, or does other things than to be shown.
fn breaks_lines(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Why a batch ended before a card was sent, and what to do.
pub fn not_sent(language: Language) -> &'static str {
    language.choose(
        "Карта не отправлена: отправка прервана раньше. Причина указана у предыдущих карт; повторите эту карту позже.",
        "The card was not sent, because the batch was ended before. Earlier cards say why; send this one again later.",
    )
}

/// What is wrong with an entry of `UpdateCards`, and what to do.
pub fn invalid_update(language: Language) -> &'static str {
    language.choose(
        "Элемент не отправлен: нужен объект с cardId и простыми значениями в values. Исправьте данные.",
        "The entry was not sent: it must be an object with cardId and plain values in values. Correct the data.",
    )
}

/// What is wrong with an entry of `CreateCards`, and what to do.
pub fn invalid_creation(language: Language) -> &'static str {
    language.choose(
        "Элемент не отправлен: нужен объект с непустой строкой key, которой нет у других элементов, и простыми значениями в values. Исправьте данные.",
        "The entry was not sent: it must be an object with a string key that no other entry has, and plain values in values. Correct the data.",
    )
}

/// What happened and what to do. A new cause does not compile before it has its text here.
fn explain(failure: &Failure, code: i64, language: Language, hide: impl Fn(&str) -> String) -> String {
    let plain = |russian: &str, english: &str| language.choose(russian, english).to_owned();
    match &failure.cause {
        Cause::Duplicate => plain(
            "Номер телефона (или другое уникальное значение) уже привязан к карте. Найдите эту карту в Passteam или укажите другой номер.",
            "The phone number (or another unique value) belongs to a card already. Find that card in Passteam or give another number.",
        ),
        Cause::FieldRequired { field } => field_required(field, &quote(&hide(field)), language),
        Cause::Unauthorized => plain(
            "Сервис не принял токен. Проверьте токен и доступ к API в вашем тарифе Passteam.",
            "The service did not accept the token. Check the token and whether your Passteam tariff includes the API.",
        ),
        Cause::NotFound => plain(
            "Сервис не нашёл карту, шаблон или метод. Проверьте идентификатор карты, шаблон и адрес сервера.",
            "The service did not find the card, template or method. Check the card's id, the template and the server's address.",
        ),
        Cause::RateLimited => rate_limited(failure.retry_after, language),
        Cause::RequestRate => request_rate(failure.retry_after, language),
        Cause::ServerError => language.choose(
            format!("Ошибка на стороне сервиса Passteam (код {code}). Повторите позже, а если не пройдёт, обратитесь в поддержку Passteam."),
            format!("The Passteam service has failed (code {code}). Try again later, and if it goes on, ask Passteam's support."),
        ),
        Cause::Rejected => language.choose(
            format!("Сервис отклонил запрос (код {code}). Проверьте шаблон и имена переменных."),
            format!("The service refused the request (code {code}). Check the template and the names of the variables."),
        ),
        Cause::NotHttp => plain(
            "Ответ не похож на HTTP. Проверьте адрес сервера (https:// или http://, имя и порт) и прокси.",
            "The answer is not HTTP. Check the server's address (https:// or http://, name and port) and the proxy.",
        ),
        Cause::Redirect => plain(
            "Сервер перенаправляет на другой адрес, токен туда не отправлен. Проверьте адрес сервера и не требует ли сеть или прокси входа на своей странице.",
            "The server redirects to another address, where the token was not sent. Check the server's address, and whether the network or a proxy wants you to log in on its page.",
        ),
        Cause::TooLarge => plain(
            "Ответ больше 4 МиБ и не прочитан. Запросите данные меньшими частями.",
            "The answer is larger than 4 MiB and was not read. Ask for the data in smaller portions.",
        ),
        Cause::BrokenOff => plain(
            "Связь прервалась посреди ответа. Проверьте связь.",
            "The connection broke in the middle of the answer. Check it.",
        ),
        Cause::NoCardId => plain(
            "Сервис ответил успехом, но без идентификатора карты. Обратитесь в поддержку Passteam.",
            "The service reported success without the card's id. Ask Passteam's support.",
        ),
        Cause::NotJson | Cause::NoCode => plain(
            "Ответ не того вида, которого ждут от Passteam. Проверьте адрес сервера; подробности в свойстве Ответ.",
            "The answer is not of the form that Passteam gives. Check the server's address; the property Response holds the answer.",
        ),
        Cause::NotCards => plain(
            "В ответе есть список, но это не список карт: у карты ожидается идентификатор из 24 шестнадцатеричных цифр. Проверьте шаблон; подробности в свойстве Ответ.",
            "The answer holds a list, but not one of cards: a card is expected to have an id of 24 hexadecimal digits. Check the template; the property Response holds the answer.",
        ),
        Cause::NoList => plain(
            "В ответе нет списка карт. Проверьте адрес сервера и шаблон; подробности в свойстве Ответ.",
            "The answer holds no list of cards. Check the server's address and the template; the property Response holds the answer.",
        ),
        Cause::Deadline => plain(
            "Сервис не ответил за отведённое время (Таймаут). Проверьте связь и повторите позже.",
            "There was no answer within Timeout. Check the connection and try again later.",
        ),
        Cause::NameNotResolved => plain(
            "Имя сервера не найдено в DNS. Проверьте интернет, DNS и адрес сервера.",
            "The server's name was not found in DNS. Check the internet connection, DNS and the server's address.",
        ),
        Cause::Refused => plain(
            "Сервер не принимает соединения. Проверьте адрес сервера, порт и сетевой экран.",
            "The server does not accept connections. Check its address, the port and the firewall.",
        ),
        Cause::Reset => plain(
            "Сервер разорвал соединение, не ответив. Проверьте связь.",
            "The server broke the connection without an answer. Check it.",
        ),
        Cause::ProxyNotHttp => plain(
            "По адресу прокси отвечает не HTTP-прокси. Проверьте его адрес и порт.",
            "What answers at the proxy's address is no HTTP proxy. Check its address and port.",
        ),
        Cause::ProxyRefused { status } => language.choose(
            format!("Прокси отказался соединить с сервером (код {status}). Проверьте адрес сервера или попросите администратора прокси разрешить его."),
            format!("The proxy refused to connect to the server (status {status}). Ask the proxy's administrator to allow the server's address."),
        ),
        Cause::ProxyLoginUnsupported => plain(
            "Прокси требует вход Negotiate или NTLM, который не поддерживается. Попросите администратора разрешить адрес сервера без входа или поставьте на этом компьютере прокси-посредник (Px, Cntlm) и укажите его в свойстве Прокси.",
            "The proxy wants a Negotiate or NTLM login, which is not supported. Ask its administrator to allow the server's address without a login, or run a local relaying proxy (Px, Cntlm) and name that in the property Proxy.",
        ),
        Cause::ProxySetting { source, is_socks } => proxy_setting(*source, *is_socks, language),
        Cause::NotTls => plain(
            "По адресу сервера отвечает не TLS, а что-то другое. Проверьте адрес сервера и порт.",
            "What answers at the server's address does not speak TLS. Check the server's address and port.",
        ),
        Cause::WebPage => plain(
            "Вместо Passteam пришла веб-страница: так отвечают страница входа в сеть, прокси или другой сервер. Проверьте, не требует ли сеть входа, а также прокси и адрес сервера.",
            "A web page came instead of Passteam's answer: that is how a network's log-in page, a proxy or another server answers. Check whether the network wants you to log in, the proxy and the server's address.",
        ),
        Cause::NetworkLogIn => plain(
            "Сеть требует входа на своей странице и не пропускает запрос (код 511). Войдите в сеть через браузер или проверьте прокси.",
            "The network wants you to log in on its page and lets no request through (code 511). Log in with a browser, or check the proxy.",
        ),
        Cause::PageForbidden => language.choose(
            format!("Отказ прислал другой веб-сервер, прокси или фильтр (код {code}), а не Passteam. Проверьте адрес сервера (https://, имя, порт и путь) и прокси; если они верны, проверьте токен."),
            format!("Another web server, a proxy or a filter has refused the request (code {code}), not Passteam. Check the server's address (https://, name, port and path) and the proxy; if they are right, check the token."),
        ),
        Cause::PageNotFound | Cause::PageRejected => language.choose(
            format!("Вместо Passteam ответил другой веб-сервер (код {code}). Проверьте адрес сервера: https://, имя, порт и путь."),
            format!("Another web server has answered instead of Passteam (code {code}). Check the server's address: https://, name, port and path."),
        ),
        Cause::Proxy => plain(
            "Не удалось соединиться через прокси. Проверьте свойство Прокси и сам прокси-сервер.",
            "The proxy could not be used. Check the property Proxy and the proxy itself.",
        ),
        Cause::ProxyAuthentication => plain(
            "Прокси требует имя и пароль или не принял их. Укажите их в свойстве Прокси: http://имя:пароль@адрес:порт.",
            "The proxy wants a user name and password or did not accept them. Give them in the property Proxy: http://user:password@host:port.",
        ),
        Cause::Tls => plain(
            "Защищённое соединение (TLS) не установлено. Проверьте адрес сервера, прокси и антивирус; нужен TLS 1.2 или новее.",
            "The secure connection (TLS) was not established. Check the server's address, the proxy and the antivirus; TLS 1.2 or later is needed.",
        ),
        Cause::NoResources => plain(
            "Этому процессу не хватает файловых дескрипторов, потоков, портов или памяти. Проверьте пределы операционной системы для него (ulimit) и перезапустите его.",
            "This process lacks file descriptors, threads, ports or memory. Check the operating system's limits for it (ulimit) and restart it.",
        ),
        Cause::ConnectionOther => plain(
            "Не удалось соединиться с сервером. Проверьте интернет, адрес сервера и прокси.",
            "The server could not be reached. Check the internet connection, the server's address and the proxy.",
        ),
        Cause::UnknownIssuer => plain(
            "Сертификат сервера выдан неизвестным центром. Если трафик проверяет прокси или антивирус, укажите их сертификат в свойстве ФайлСертификатов.",
            "The server's certificate comes from an unknown authority. If a proxy or antivirus inspects the traffic, name its certificate in the property CertificateFile.",
        ),
        Cause::IssuerNotSent => plain(
            "Сертификат сервера выдан центром, которому этот компьютер не доверяет, а сертификат центра сервер не присылает. Если трафик проверяет прокси или антивирус, укажите их сертификат в свойстве ФайлСертификатов. Если это промежуточный центр, сервер не присылает промежуточный сертификат: сообщите его администратору.",
            "The server's certificate comes from an authority that is not trusted, and the server does not send that authority's certificate. If a proxy or antivirus inspects the traffic, name its certificate in the property CertificateFile. If it is an intermediate authority, the server does not send its intermediate certificate: ask its administrator to mend that.",
        ),
        Cause::ServersOwnInFile => plain(
            "В файле из свойства ФайлСертификатов лежит сертификат самого сервера. Укажите файл с сертификатом центра, который его выдал; если сертификат самоподписанный, серверу нужны центр и отдельный сертификат.",
            "The file named in the property CertificateFile holds the server's own certificate. Give a file with the certificate of the authority that issued it; a server with a self-signed certificate needs an authority and a separate certificate.",
        ),
        Cause::IntermediateInFile => plain(
            "В файле из свойства ФайлСертификатов лежит сертификат другого промежуточного центра. Укажите файл с сертификатом корневого центра.",
            "The file named in the property CertificateFile holds the certificate of another intermediate authority. Give a file with the root authority's certificate.",
        ),
        Cause::UnsupportedSignature => plain(
            "Подпись сертификата сервера сделана способом, который не поддерживается (например, на кривой P-521). Обратитесь к администратору сервера или прокси: нужен сертификат с RSA, P-256 или P-384.",
            "The server's certificate is signed in a way that is not supported (such as with the curve P-521). Ask the administrator of the server or proxy for one with RSA, P-256 or P-384.",
        ),
        Cause::Expired => plain(
            "Срок сертификата сервера истёк. Проверьте дату на этом компьютере, а если она верна, обратитесь в поддержку сервиса.",
            "The server's certificate has expired. Check this computer's date, and if it is right, ask the service's support.",
        ),
        Cause::NotYetValid => plain(
            "Сертификат сервера ещё не действует. Проверьте дату на этом компьютере.",
            "The server's certificate is not valid yet. Check this computer's date.",
        ),
        Cause::WrongHost => plain(
            "Сертификат выдан для другого имени сервера. Проверьте адрес сервера.",
            "The certificate belongs to another host name. Check the server's address.",
        ),
        Cause::CertificateFileGone => plain(
            "Файл из свойства ФайлСертификатов больше не читается или пуст. Верните его или задайте свойство заново.",
            "The file named in the property CertificateFile can no longer be read or is empty. Put it back or set the property anew.",
        ),
        Cause::CertificateOther => plain(
            "Сертификат сервера не принят. Проверьте адрес сервера и дату на этом компьютере.",
            "The server's certificate was not accepted. Check the server's address and this computer's date.",
        ),
    }
}

fn rate_limited(retry_after: Option<Duration>, language: Language) -> String {
    match retry_after {
        Some(pause) => {
            let seconds = whole_seconds(pause).max(1);
            language.choose(
                format!("Превышено число запросов по тарифу Passteam. Повторите не раньше чем через {seconds} с."),
                format!(
                    "The Passteam tariff's number of requests is used up. Try again after {seconds} s at the earliest."
                ),
            )
        }
        None => language
            .choose(
                "Превышено число запросов по тарифу Passteam. Повторите позже.",
                "The Passteam tariff's number of requests is used up. Try again later.",
            )
            .to_owned(),
    }
}

fn request_rate(retry_after: Option<Duration>, language: Language) -> String {
    let seconds = retry_after.map_or(1, whole_seconds).max(1);
    language.choose(
        format!("Очередь запроса по настройке ЗапросовВМинуту не наступит за отведённое время (Таймаут). Повторите не раньше чем через {seconds} с."),
        format!("The setting RequestsPerMinute leaves no turn within Timeout. Try again after {seconds} s at the earliest."),
    )
}

/// `quoted` is the field's name as a text may show it: a value of the call can be called like it.
fn field_required(field: &str, quoted: &str, language: Language) -> String {
    match field {
        "PHONE" => language
            .choose(
                "Не заполнено поле PHONE: чтобы создать карту, нужен номер мобильного телефона.",
                "The field PHONE is empty: a mobile phone number is needed to create a card.",
            )
            .to_owned(),
        _ => language.choose(
            format!("Не заполнено обязательное поле {quoted}. Передайте его значение."),
            format!("The required field {quoted} is empty. Pass a value for it."),
        ),
    }
}

#[cfg(test)]
mod tests {
    use passteam_client::redact::redact;

    use super::*;

    #[test]
    fn an_exception_names_the_property_or_the_parameter_in_both_languages() {
        let out_of_range = Problem::OutOfRange { least: 0.1, most: 600.0 };
        const TIMEOUT: Names = Names::new("Timeout", "Таймаут");
        let property = Misuse::property(&TIMEOUT, out_of_range);
        let text = |language| misuse(&property, language).to_string();
        assert_eq!(text(Language::Russian), "Свойство Таймаут (Timeout): допустимы значения от 0.1 до 600.");
        assert_eq!(text(Language::English), "Property Timeout (Таймаут): it must be from 0.1 to 600.");

        const SET_VALUE: Names = Names::new("SetValue", "УстановитьЗначение");
        const NAME: Names = Names::new("Name", "Имя");
        let subject = Subject::Parameter { method: &SET_VALUE, number: 1, parameter: &NAME };
        let problem = Problem::WrongType { expected: BslType::String, got: BslType::Number };
        assert_eq!(
            misuse(&Misuse { subject, problem }, Language::Russian).to_string(),
            "Метод УстановитьЗначение (SetValue), параметр 1 Имя (Name): ожидается значение типа Строка, передано Число."
        );
    }

    #[test]
    fn the_servers_message_is_quoted_on_one_line_and_truncated() {
        let message = format!("line\u{2028}one {}", "я".repeat(1000));
        let told = Failure { message: Some(message), ..Failure::new(Cause::Rejected) };
        let text = failure(&told, 418, Doubt::None, Language::Russian, str::to_owned);
        assert!(text.contains("код 418"), "{text}");
        assert!(text.contains("Ответ сервиса: line one я"), "{text}");
        assert!(text.ends_with("я…") && !text.contains('\n'), "{text}");
    }

    #[test]
    fn a_secret_is_hidden_before_the_quotation_is_truncated() {
        let message = format!("{}SECRET", "x".repeat(QUOTED_CHARACTERS - 3));
        let told = Failure { message: Some(message), ..Failure::new(Cause::Rejected) };
        let text = failure(&told, 418, Doubt::None, Language::English, |text| redact(text, ["SECRET"]));
        assert!(text.ends_with("x***"), "{text}");
    }
}
