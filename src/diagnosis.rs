//! The text that `Diagnose` returns: the facts of the client's diagnosis and of this process, a line each, and at the end what to do
//! about the first thing that is wrong.

use std::path::Path;

use chrono::{DateTime, Datelike, Timelike, Utc};
use passteam_client::diagnosis::{AddressCheck, AddressResult, Diagnosis, Finding, LookUp, Stage};
use passteam_client::outcome::{Failure, Way};
use passteam_client::redact::hide_token;
use passteam_client::settings::{NamedProxy, Settings};
use passteam_client::{Cause, Certificate};

use crate::language::Language;
use crate::messages::{self, Doubt, proxy_source, quote};
use crate::surroundings::Surroundings;

/// What was diagnosed.
pub struct Subject<'a> {
    /// The process.
    pub surroundings: Surroundings,
    /// The object's settings.
    pub settings: &'a Settings,
    /// `TemplateId`.
    pub template_id: &'a str,
    /// Whether another call of the object is under way.
    pub is_busy: bool,
}

/// All that was found, for a person. `hide` takes secrets out of what is quoted from outside.
pub fn text(
    subject: &Subject<'_>,
    diagnosis: &Diagnosis,
    language: Language,
    hide: impl Fn(&str) -> String + Copy,
) -> String {
    let mut lines = Lines { language, lines: Vec::new() };
    lines.add_surroundings(subject);
    lines.add_settings(subject, diagnosis);
    lines.add_network(diagnosis);
    lines.add_security(subject, diagnosis, hide);
    lines.add_answer(subject, diagnosis);
    lines.add("Вывод", "Conclusion", conclusion(diagnosis, language, hide));
    lines.lines.join("\n")
}

struct Lines {
    language: Language,
    lines: Vec<String>,
}

impl Lines {
    fn add(&mut self, russian: &str, english: &str, fact: impl AsRef<str>) {
        self.lines.push(format!("{}: {}", self.language.choose(russian, english), fact.as_ref()));
    }

    /// Adds a fact that differs between the languages.
    fn say(&mut self, label: (&str, &str), russian: impl Into<String>, english: impl Into<String>) {
        let fact = self.language.choose(russian.into(), english.into());
        self.add(label.0, label.1, fact);
    }

    fn add_surroundings(&mut self, subject: &Subject<'_>) {
        let Surroundings { library, program, is_isolated, system } = &subject.surroundings;
        let (version, bits, architecture) = (env!("CARGO_PKG_VERSION"), usize::BITS, std::env::consts::ARCH);
        self.say(
            ("Компонента", "Component"),
            format!("Passteam {version}, {bits}-разрядная ({architecture})"),
            format!("Passteam {version}, {bits} bits ({architecture})"),
        );
        let unknown = self.language.choose("не известен", "unknown");
        let path = |path: &Option<_>| path.as_deref().map_or_else(|| unknown.to_owned(), on_one_line);
        self.add("Файл компоненты", "Component's file", path(library));
        self.add("Операционная система", "Operating system", quote(system));
        self.add("Процесс", "Process", path(program));
        let (russian, english) = match is_isolated {
            Some(true) => ("изолированно, в отдельном процессе", "isolated, in a process of its own"),
            Some(false) => ("в процессе платформы", "in the platform's process"),
            None => ("не известно, смотрите процесс", "unknown, see the process"),
        };
        self.say(("Подключение", "Attached"), russian, english);
        if subject.is_busy {
            self.say(("Объект", "Object"), "занят другим вызовом", "busy with another call");
        }
    }

    fn add_settings(&mut self, subject: &Subject<'_>, diagnosis: &Diagnosis) {
        let settings = subject.settings;
        self.add("Адрес сервера", "Server's address", hide_token(settings.server.as_str(), settings));
        let (russian, english) =
            if diagnosis.has_token { ("задан", "set") } else { ("не задан", "not set") };
        self.say(("Токен", "Token"), russian, english);
        let proxy = self.proxy(diagnosis);
        self.add("Прокси", "Proxy", proxy);
        if let Some(file) = &settings.certificate_file {
            let file = on_one_line(Path::new(file.as_str()));
            match diagnosis.own_authorities {
                Some(count) => self.say(
                    ("Файл сертификатов", "Certificate file"),
                    format!("{file}, сертификатов: {count}"),
                    format!("{file}, certificates: {count}"),
                ),
                None => self.add("Файл сертификатов", "Certificate file", file),
            }
        }
    }

    fn proxy(&self, diagnosis: &Diagnosis) -> String {
        let unusable = diagnosis.report.outcome.as_ref().err().and_then(|failure| match failure.cause {
            Cause::ProxySetting { source, .. } => Some(source),
            _ => None,
        });
        match (&diagnosis.way, unusable) {
            (_, Some(source)) => {
                let source = proxy_source(source, self.language);
                self.language.choose(format!("задан неверно ({source})"), format!("set wrongly ({source})"))
            }
            (Way::Proxy(NamedProxy { address, source }), None) => {
                format!("{address} ({})", proxy_source(*source, self.language))
            }
            (Way::Direct, None) => self.language.choose("нет", "none").to_owned(),
            (Way::DirectDespiteScript, None) => self
                .language
                .choose("нет: сценарий настройки (PAC) не поддерживается", "none: the script (PAC) is not supported")
                .to_owned(),
        }
    }

    fn add_network(&mut self, diagnosis: &Diagnosis) {
        if let Some(LookUp { host, found }) = &diagnosis.look_up {
            let host = quote(host);
            match found {
                None => self.say(("DNS", "DNS"), format!("{host}: нет ответа"), format!("{host}: no answer")),
                Some((0, took)) => self.say(
                    ("DNS", "DNS"),
                    format!("{host}: имя не найдено, {} мс", took.as_millis()),
                    format!("{host}: no such name, {} ms", took.as_millis()),
                ),
                Some((count, took)) => self.say(
                    ("DNS", "DNS"),
                    format!("{host}: адресов {count}, {} мс", took.as_millis()),
                    format!("{host}: addresses {count}, {} ms", took.as_millis()),
                ),
            }
        }
        let (russian, english) = match diagnosis.way {
            Way::Proxy(_) => ("Адрес прокси", "Proxy's address"),
            Way::Direct | Way::DirectDespiteScript => ("Адрес", "Address"),
        };
        for AddressCheck { address, result } in &diagnosis.addresses {
            let result = self.address(*result);
            self.add(russian, english, format!("{address}: {result}"));
        }
    }

    fn address(&self, result: AddressResult) -> String {
        let (russian, english) = match result {
            AddressResult::Answered(took) => {
                let took = took.as_millis();
                return self.language.choose(format!("ответил за {took} мс"), format!("answered in {took} ms"));
            }
            AddressResult::Silent => ("не отвечает", "no answer"),
            AddressResult::Refused => ("отказ в соединении", "connection refused"),
            AddressResult::NoRoute => ("нет маршрута", "no route"),
            AddressResult::Failed => ("не удалось соединиться", "no connection"),
        };
        self.language.choose(russian, english).to_owned()
    }

    fn add_security(&mut self, subject: &Subject<'_>, diagnosis: &Diagnosis, hide: impl Fn(&str) -> String) {
        if subject.settings.server.is_plain() {
            self.say(("TLS", "TLS"), "нет (http:// на этом же компьютере)", "none (http:// on this computer)");
        }
        if let Some(version) = diagnosis.tls {
            self.add("TLS", "TLS", version.as_str());
        }
        if let Some(certificate) = &diagnosis.certificate {
            let Certificate { subject, issuer, not_before, not_after } = certificate;
            let nobody = self.language.choose("не указано", "not given");
            let name = |name: &str| if name.is_empty() { nobody.to_owned() } else { quote(&hide(name)) };
            self.add("Сертификат сервера", "Server's certificate", name(subject));
            self.add("Кем выдан", "Issued by", name(issuer));
            let (from, to) = (moment(*not_before, self.language), moment(*not_after, self.language));
            self.say(
                ("Срок сертификата", "Certificate's time"),
                format!("с {from} по {to} UTC"),
                format!("{from} to {to} UTC"),
            );
        }
        if let Some(ahead) = diagnosis.server_ahead {
            let difference = clock_difference(ahead, self.language);
            self.add("Часы", "Clock", difference);
        }
    }

    fn add_answer(&mut self, subject: &Subject<'_>, diagnosis: &Diagnosis) {
        let code = diagnosis.report.code;
        match diagnosis.answered_in.map(|took| took.as_millis()) {
            Some(took) if code != 0 => {
                let count = diagnosis.templates.map(|templates| templates.count);
                let count = count
                    .map(|count| self.language.choose(format!(" шаблонов: {count},"), format!(" templates: {count},")));
                let count = count.unwrap_or_default();
                self.say(
                    ("gettemplates", "gettemplates"),
                    format!("код {code},{count} {took} мс"),
                    format!("code {code},{count} {took} ms"),
                );
            }
            _ => self.say(("gettemplates", "gettemplates"), "ответа нет", "no answer"),
        }
        // A token that is passed as a template by mistake stays hidden.
        let template = quote(&hide_token(subject.template_id, subject.settings));
        let (russian, english) = match diagnosis.templates.and_then(|templates| templates.is_known) {
            Some(true) => ("есть", "found"),
            Some(false) => ("не найден", "not found"),
            None => return,
        };
        self.say(("Шаблон", "Template"), format!("{template}, {russian}"), format!("{template}, {english}"));
    }
}

/// What to do about the first thing that is wrong.
fn conclusion(diagnosis: &Diagnosis, language: Language, hide: impl Fn(&str) -> String) -> String {
    let plain = |russian: &str, english: &str| language.choose(russian, english).to_owned();
    match diagnosis.finding() {
        Finding::Fine => plain(
            "всё в порядке, сервис отвечает и принимает токен.",
            "everything is in order, the service answers and accepts the token.",
        ),
        Finding::Failure(failure) => messages::failure(failure, diagnosis.report.code, Doubt::None, language, hide),
        Finding::Late { stage, failure } => late(stage, failure, language),
        Finding::NoToken => plain(
            "Не задано свойство Токен. Укажите токен из личного кабинета Passteam.",
            "The property Token is not set. Give the token from your Passteam account.",
        ),
        Finding::UnknownTemplate => plain(
            "Шаблона из свойства ИдентификаторШаблона нет среди шаблонов этого токена. Проверьте идентификатор и токен.",
            "The template in the property TemplateId is not among this token's templates. Check the id and the token.",
        ),
        Finding::WrongClock => {
            let difference = clock_difference(diagnosis.server_ahead.unwrap_or_default(), language);
            language.choose(
                format!("Часы этого компьютера идут неверно ({difference}). Исправьте дату, время и часовой пояс и проверьте, что включена их синхронизация."),
                format!("This computer's clock is wrong ({difference}). Set its date, time and time zone, and check that it is synchronized."),
            )
        }
    }
}

/// What did not end within `Timeout`.
fn late(stage: Stage, failure: &Failure, language: Language) -> String {
    let is_proxy = matches!(failure.way, Way::Proxy(_));
    let (russian, english) = match stage {
        Stage::Settings | Stage::Authorities => (
            "Сертификаты центров не прочитаны за отведённое время (Таймаут). Проверьте диск и путь в свойстве ФайлСертификатов.",
            "The authorities' certificates could not be read within Timeout. Check the disk and the path in the property CertificateFile.",
        ),
        Stage::LookUp => (
            "Сервер имён (DNS) не ответил за отведённое время (Таймаут). Проверьте интернет и настройки DNS этого компьютера.",
            "The name server (DNS) did not answer within Timeout. Check the internet connection and this computer's DNS settings.",
        ),
        Stage::Connect if is_proxy => (
            "Прокси не ответил за отведённое время (Таймаут). Проверьте его адрес и порт, работает ли он и не закрывает ли его сетевой экран.",
            "The proxy did not answer within Timeout. Check its address and port, whether it is running, and the firewall.",
        ),
        Stage::Connect => (
            "Ни один адрес сервера не ответил за отведённое время (Таймаут). Проверьте интернет и сетевой экран: исходящие соединения с этим адресом могут быть закрыты.",
            "No address of the server answered within Timeout. Check the internet connection and the firewall, which may block outgoing connections to that address.",
        ),
        Stage::Tunnel => (
            "Прокси принял соединение, но не соединил с сервером за отведённое время (Таймаут). Проверьте прокси и адрес сервера.",
            "The proxy took the connection but did not connect to the server within Timeout. Check the proxy and the server's address.",
        ),
        Stage::Tls => (
            "Соединение есть, но защищённое соединение (TLS) не установлено за отведённое время (Таймаут). Проверьте прокси, антивирус и сетевой экран, которые проверяют трафик.",
            "There is a connection, but TLS was not established within Timeout. Check proxy, antivirus and firewall, which may inspect the traffic.",
        ),
        Stage::Answer => (
            "Соединение есть, но сервис не ответил за отведённое время (Таймаут). Проверьте адрес сервера и прокси; если они верны, повторите позже.",
            "There is a connection, but the service did not answer within Timeout. Check the server's address and the proxy; if they are right, try again later.",
        ),
    };
    let mut text = language.choose(russian, english).to_owned();
    if let Some(way) = messages::way(failure, language) {
        text.push(' ');
        text.push_str(&way);
    }
    text
}

/// How this computer's clock differs from the server's, which is ahead by so many seconds.
fn clock_difference(ahead: i64, language: Language) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;

    let seconds = ahead.unsigned_abs();
    let (count, russian, english) = match seconds {
        0..=119 => (seconds, "с", "s"),
        120..=7199 => (seconds / MINUTE, "мин", "min"),
        7200..=172_799 => (seconds / HOUR, "ч", "h"),
        _ => (seconds / DAY, "дн.", "days"),
    };
    match ahead {
        0 => language.choose("как у сервера", "the same as the server's").to_owned(),
        1.. => language.choose(
            format!("отстают от часов сервера на {count} {russian}"),
            format!("{count} {english} behind the server's"),
        ),
        _ => language.choose(
            format!("спешат против часов сервера на {count} {russian}"),
            format!("{count} {english} ahead of the server's"),
        ),
    }
}

/// A second since 1970 as a date and a time.
fn moment(second: i64, language: Language) -> String {
    let Some(moment) = DateTime::<Utc>::from_timestamp(second, 0) else { return second.to_string() };
    let (year, month, day, hour, minute) =
        (moment.year(), moment.month(), moment.day(), moment.hour(), moment.minute());
    language.choose(
        format!("{day:02}.{month:02}.{year:04} {hour:02}:{minute:02}"),
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}"),
    )
}

/// A path that cannot break its line.
fn on_one_line(path: &Path) -> String {
    path.to_string_lossy().chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clocks_difference_is_told_in_the_unit_that_fits() {
        for (ahead, russian, english) in [
            (0, "как у сервера", "the same as the server's"),
            (1, "отстают от часов сервера на 1 с", "1 s behind the server's"),
            (-119, "спешат против часов сервера на 119 с", "119 s ahead of the server's"),
            (3600, "отстают от часов сервера на 60 мин", "60 min behind the server's"),
            (-86_400, "спешат против часов сервера на 24 ч", "24 h ahead of the server's"),
            (31_536_000, "отстают от часов сервера на 365 дн.", "365 days behind the server's"),
        ] {
            assert_eq!(clock_difference(ahead, Language::Russian), russian);
            assert_eq!(clock_difference(ahead, Language::English), english);
        }
        assert!(clock_difference(i64::MIN, Language::English).ends_with("days ahead of the server's"));
    }

    #[test]
    fn a_moment_is_written_as_the_language_writes_it() {
        assert_eq!(moment(1_709_164_800, Language::Russian), "29.02.2024 00:00");
        assert_eq!(moment(1_709_164_800, Language::English), "2024-02-29 00:00");
        assert_eq!(moment(i64::MAX, Language::English), i64::MAX.to_string());
    }
}
