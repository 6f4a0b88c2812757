//! The command line. Everything is checked here, before anything is looked for on this computer.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt as _};

use crate::infobase::Infobase;
use crate::secret::Password;
use crate::text;
use crate::text::{Language, Text};
use crate::version::{Format, Mode, Release};

/// The command line as it was understood.
pub struct Arguments {
    /// The language of every text; known even if the rest is wrong.
    pub language: Language,
    /// What to do, or the sentence that says what is wrong.
    pub request: Result<Request, Text>,
}

/// What the user asks for.
#[derive(Debug)]
pub enum Request {
    /// `--help`, or no arguments at all.
    Help,
    /// `--version`.
    Version,
    /// A command.
    Do(Box<Action>),
}

/// A command with its options.
#[derive(Debug)]
pub enum Action {
    /// Put the extension into the base.
    Install(BaseOptions),
    /// Replace an older extension and keep its data.
    Update(BaseOptions),
    /// Say what is installed; changes nothing.
    Check(BaseOptions),
    /// Remove the extension with its data.
    Remove(BaseOptions),
    /// Save the installed extension as a file.
    Cfe(BaseOptions),
    /// Write the extension's files into a folder.
    Extract(ExtractOptions),
}

/// A base, and how it is opened.
#[derive(Debug)]
pub struct AccessOptions {
    pub(crate) infobase: Infobase,
    pub(crate) user: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) platform: Option<PathBuf>,
    /// Opens a base although an administrator has forbidden sessions to begin.
    pub(crate) permission_code: Option<Password>,
    /// How long one process of the platform may take, if the user says it.
    pub(crate) timeout: Option<Duration>,
}

/// The options of every command that opens a base.
#[derive(Debug)]
pub struct BaseOptions {
    pub(crate) base: AccessOptions,
    /// Answer every question with yes.
    pub(crate) yes: bool,
    /// A component to take instead of the built-in one.
    pub(crate) component: Option<PathBuf>,
    /// The file that is written: of `cfe`, of `remove`, and the external data processor of `install`.
    pub(crate) out: Option<PathBuf>,
    /// `install` and `update`: leave the scheduled jobs out although this computer's platform takes them.
    pub(crate) without_jobs: bool,
}

/// The options of `extract`.
#[derive(Debug)]
pub struct ExtractOptions {
    pub(crate) mode: Mode,
    pub(crate) format: Format,
    pub(crate) platform: Option<Release>,
    pub(crate) component: Option<PathBuf>,
    pub(crate) out: PathBuf,
}

/// Reads the command line; its first element is the program.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Arguments {
    let mut given = Given::default();
    let mut parser = Parser::from_iter(arguments);
    // What follows a mistake is still read: it may name the language of the answer.
    let mut mistake = None;
    loop {
        match given.next(&mut parser) {
            Ok(true) => {}
            Ok(false) => break,
            Err(text) => {
                mistake.get_or_insert(text);
            }
        }
    }
    let language = given.language;
    let request = match mistake {
        Some(text) if !given.help => Err(text),
        _ => given.request(),
    };
    Arguments { language, request }
}

/// All options as they came, before it is known which the command has.
#[derive(Default)]
struct Given {
    language: Language,
    help: bool,
    version: bool,
    command: Option<Command>,
    infobase: Option<Infobase>,
    user: Option<String>,
    password_file: Option<PathBuf>,
    platform: Option<OsString>,
    permission_code: Option<Password>,
    component: Option<PathBuf>,
    timeout: Option<Duration>,
    yes: bool,
    with_data: bool,
    without_jobs: bool,
    out: Option<PathBuf>,
    mode: Option<Mode>,
    format: Option<Format>,
    /// The names of the options, for those that the command does not have.
    names: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Command {
    Install,
    Update,
    Check,
    Remove,
    Cfe,
    Extract,
}

impl Command {
    const ALL: [(&str, Command); 6] = [
        ("install", Command::Install),
        ("update", Command::Update),
        ("check", Command::Check),
        ("remove", Command::Remove),
        ("cfe", Command::Cfe),
        ("extract", Command::Extract),
    ];

    /// The options that it has besides `--lang`.
    fn options(self) -> &'static [&'static str] {
        match self {
            Command::Install | Command::Update => &[
                "infobase",
                "user",
                "password-file",
                "platform",
                "timeout",
                "permission-code",
                "yes",
                "component",
                "out",
                "without-jobs",
            ],
            Command::Check => {
                &["infobase", "user", "password-file", "platform", "timeout", "permission-code", "component"]
            }
            Command::Remove => {
                &["infobase", "user", "password-file", "platform", "timeout", "permission-code", "with-data", "out"]
            }
            Command::Cfe => &["infobase", "user", "password-file", "platform", "timeout", "permission-code", "out"],
            Command::Extract => &["mode", "format", "platform", "component", "out"],
        }
    }

    fn name(self) -> &'static str {
        Command::ALL.iter().find(|(_, command)| *command == self).map_or("", |(name, _)| name)
    }
}

impl Given {
    /// Reads one argument; `false` at the end.
    fn next(&mut self, parser: &mut Parser) -> Result<bool, Text> {
        let unreadable = |error: lexopt::Error| match error {
            lexopt::Error::UnexpectedValue { option, .. } => {
                text!("у {option} не бывает значения", "{option} takes no value")
            }
            error => text!("командная строка не читается: {error}", "the command line cannot be read: {error}"),
        };
        let name = match parser.next().map_err(unreadable)? {
            None => return Ok(false),
            Some(Arg::Value(value)) => {
                let value = value.to_string_lossy().into_owned();
                let known = Command::ALL.iter().find(|(name, _)| *name == value);
                let Some((_, command)) = known else {
                    return Err(text!(
                        "нет команды «{value}»; что есть, скажет --help",
                        "no command «{value}»; --help lists them"
                    ));
                };
                return match self.command.replace(*command) {
                    None => Ok(true),
                    Some(_) => Err(text!(
                        "команда одна на запуск, «{value}» лишняя",
                        "one command at a time, «{value}» is too many"
                    )),
                };
            }
            Some(Arg::Short('h')) => "help".to_owned(),
            Some(Arg::Short(letter)) => return Err(text!("нет параметра -{letter}", "no option -{letter}")),
            Some(Arg::Long(name)) => name.to_owned(),
        };
        if !["help", "version", "lang"].contains(&name.as_str()) {
            if self.names.contains(&name) {
                // Its value is skipped, so that it is not taken for a command.
                let _ = parser.optional_value();
                return Err(text!("параметр --{name} повторяется", "the option --{name} is repeated"));
            }
            self.names.push(name.clone());
        }
        self.option(&name, parser)?;
        Ok(true)
    }

    fn option(&mut self, name: &str, parser: &mut Parser) -> Result<(), Text> {
        match name {
            "help" => self.help = true,
            "version" => self.version = true,
            "yes" => self.yes = true,
            "with-data" => self.with_data = true,
            "without-jobs" => self.without_jobs = true,
            "lang" => {
                self.language = match value(name, parser)?.string().as_deref() {
                    Ok("ru") => Language::Russian,
                    Ok("en") => Language::English,
                    _ => return Err(text!("--lang бывает ru или en", "--lang is ru or en")),
                }
            }
            "infobase" => self.infobase = Some(Infobase::parse(&readable(name, parser)?)?),
            "user" => {
                let user = readable(name, parser)?;
                if user.is_empty() || user.contains('"') {
                    return Err(text!(
                        "--user пуст или содержит кавычку: в командной строке Конфигуратора её не передать",
                        "--user is empty or has a quotation mark, which the Designer's command line cannot carry",
                    ));
                }
                self.user = Some(user);
            }
            "permission-code" => {
                let code = readable(name, parser)?;
                if code.is_empty() || code.contains('"') {
                    return Err(text!(
                        "--permission-code пуст или содержит кавычку",
                        "--permission-code is empty or has a quotation mark",
                    ));
                }
                self.permission_code = Some(Password::new(code));
            }
            "password-file" => self.password_file = Some(path(name, parser)?),
            "platform" => self.platform = Some(path(name, parser)?.into_os_string()),
            "component" => self.component = Some(path(name, parser)?),
            "out" => self.out = Some(path(name, parser)?),
            "timeout" => {
                let seconds = readable(name, parser)?;
                let whole = seconds.parse().ok().filter(|seconds| (1..=86_400).contains(seconds));
                let wrong = || text!("--timeout — секунды, от 1 до 86400", "--timeout is in seconds, 1 to 86400");
                self.timeout = Some(Duration::from_secs(whole.ok_or_else(wrong)?));
            }
            "mode" => {
                let text = readable(name, parser)?;
                let (oldest, newest) = (Mode::OLDEST, Mode::NEWEST);
                let wrong = || text!("--mode бывает от {oldest} до {newest}", "--mode is {oldest} to {newest}");
                self.mode = Some(text.parse().map_err(|()| wrong())?);
            }
            "format" => {
                let text = readable(name, parser)?;
                let (oldest, newest) = (Format::OLDEST, Format::NEWEST);
                let wrong = || text!("--format бывает от {oldest} до {newest}", "--format is {oldest} to {newest}");
                self.format = Some(text.parse().map_err(|()| wrong())?);
            }
            _ => {
                let _ = parser.optional_value();
                return Err(text!("нет параметра --{name}", "no option --{name}"));
            }
        }
        Ok(())
    }

    fn request(self) -> Result<Request, Text> {
        if self.help || (self.command.is_none() && self.names.is_empty() && !self.version) {
            return Ok(Request::Help);
        }
        if self.version {
            return Ok(Request::Version);
        }
        let Some(command) = self.command else {
            return Err(text!("не сказано, что делать: install, check, …", "what to do is missing: install, check, …"));
        };
        if let Some(name) = self.names.iter().find(|name| !command.options().contains(&name.as_str())) {
            let command = command.name();
            return Err(text!(
                "у команды {command} нет параметра --{name}",
                "the command {command} has no option --{name}"
            ));
        }
        if command == Command::Extract {
            return self.extract().map(|options| Request::Do(Box::new(Action::Extract(options))));
        }
        let with_data = self.with_data;
        let options = self.base()?;
        let action = match command {
            Command::Install => Action::Install(options),
            Command::Update => Action::Update(options),
            Command::Check => Action::Check(options),
            Command::Cfe if options.out.is_none() => {
                return Err(text!("не указан --out: файл .cfe", "--out is missing: the .cfe file"));
            }
            Command::Cfe => Action::Cfe(options),
            Command::Remove if !with_data => {
                return Err(data_would_go());
            }
            Command::Remove => Action::Remove(options),
            Command::Extract => return Err(text!("внутренняя ошибка", "internal error")),
        };
        Ok(Request::Do(Box::new(action)))
    }

    fn base(self) -> Result<BaseOptions, Text> {
        let Some(infobase) = self.infobase else {
            return Err(text!("не указана база: --infobase", "the base is missing: --infobase"));
        };
        if self.password_file.is_some() && self.user.is_none() {
            return Err(text!("--password-file без --user", "--password-file without --user"));
        }
        let base = AccessOptions {
            infobase,
            user: self.user,
            password_file: self.password_file,
            platform: self.platform.map(PathBuf::from),
            permission_code: self.permission_code,
            timeout: self.timeout,
        };
        let (yes, component, out, without_jobs) = (self.yes, self.component, self.out, self.without_jobs);
        Ok(BaseOptions { base, yes, component, out, without_jobs })
    }

    fn extract(self) -> Result<ExtractOptions, Text> {
        let Some(out) = self.out else {
            return Err(text!("не указан --out: папка для файлов", "--out is missing: the folder for the files"));
        };
        let platform = match &self.platform {
            None => None,
            Some(text) => {
                let release =
                    text.to_str().and_then(|text| text.parse().ok()).filter(|release| *release >= Release::OLDEST);
                let oldest = Release::OLDEST;
                let wrong = || {
                    text!(
                        "--platform у extract — версия, от {oldest}",
                        "--platform of extract is a version, {oldest} or later"
                    )
                };
                Some(release.ok_or_else(wrong)?)
            }
        };
        let mode = self.mode.unwrap_or(Mode::RETAIL);
        let readable = platform.and_then(Format::of_platform).unwrap_or(Format::NEWEST);
        let format = self.format.unwrap_or_else(|| mode.oldest_format().min(readable));
        if let (Some(platform), Mode::Of(release)) = (platform, mode)
            && release > platform
        {
            return Err(text!(
                "платформа {platform} не знает режима {release}",
                "platform {platform} does not know the mode {release}",
            ));
        }
        if format > readable {
            let platform = platform.map(|release| release.to_string()).unwrap_or_default();
            return Err(text!(
                "платформа {platform} не читает формат {format}, только до {readable}",
                "platform {platform} does not read the format {format}, only up to {readable}",
            ));
        }
        Ok(ExtractOptions { mode, format, platform, component: self.component, out })
    }
}

/// What has to be done before the extension is removed.
pub(crate) fn data_would_go() -> Text {
    text!(
        "вместе с расширением удаляются его данные: идентификаторы карт и очередь. Сначала выгрузите идентификаторы: обработка \
         «Настройка Passteam», кнопка «Сохранить идентификаторы в файл». Потом повторите с --with-data",
        "with the extension go its data: the cards' ids and the queue. First export the ids: the data processor «Настройка \
         Passteam», button «Сохранить идентификаторы в файл». Then repeat with --with-data",
    )
}

fn value(name: &str, parser: &mut Parser) -> Result<OsString, Text> {
    parser.value().map_err(|_| text!("у --{name} нет значения", "--{name} lacks its value"))
}

fn readable(name: &str, parser: &mut Parser) -> Result<String, Text> {
    value(name, parser)?
        .string()
        .map_err(|_| text!("значение --{name} не читается", "the value of --{name} cannot be read"))
}

fn path(name: &str, parser: &mut Parser) -> Result<PathBuf, Text> {
    let path = PathBuf::from(value(name, parser)?);
    if path.as_os_str().is_empty() {
        return Err(text!("--{name} пуст", "--{name} is empty"));
    }
    // Windows reads a backslash before a quotation mark as a part of the text, and the arguments that follow with it.
    if path.to_string_lossy().contains('"') {
        return Err(text!(
            "в значении --{name} кавычка. Если путь кончается на \\, уберите \\ перед кавычкой",
            "the value of --{name} has a quotation mark. If the path ends with \\, remove the \\ before the mark",
        ));
    }
    Ok(path)
}

/// What `--help` prints.
pub fn help(language: Language) -> String {
    match language {
        Language::Russian => include_str!("help/ru.txt").to_owned(),
        Language::English => include_str!("help/en.txt").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Arguments {
        parse(["passteam-setup"].into_iter().chain(line.split_whitespace()).map(OsString::from))
    }

    fn mistake(line: &str) -> String {
        parsed(line).request.expect_err(line).pick(Language::English).to_owned()
    }

    #[test]
    fn a_whole_command_line_is_read() {
        let line =
            "install --infobase File=/b --user Админ --password-file p --platform /opt --timeout 60 --yes --lang en";
        let Arguments { language, request: Ok(Request::Do(action)) } = parsed(line) else { panic!("{line}") };
        let Action::Install(options) = *action else { panic!("{line}") };
        assert_eq!(language, Language::English);
        assert_eq!(options.base.user.as_deref(), Some("Админ"));
        assert_eq!(options.base.timeout, Some(Duration::from_secs(60)));
        assert!(options.yes);
    }

    #[test]
    fn help_is_given_without_arguments_and_beside_a_mistake() {
        for line in ["", "--help", "install -h", "--lang en", "--help --nonsense"] {
            assert!(matches!(parsed(line).request, Ok(Request::Help)), "{line}");
        }
        assert!(matches!(parsed("--version").request, Ok(Request::Version)));
    }

    #[test]
    fn the_language_is_known_even_behind_a_mistake() {
        assert_eq!(parsed("instal --infobase File=/b --lang en").language, Language::English);
        assert_eq!(parsed("instal").language, Language::Russian);
    }

    #[test]
    fn mistakes_are_named() {
        for (line, part) in [
            ("frob", "no command"),
            ("install", "--infobase"),
            ("install check --infobase File=/b", "one command"),
            ("install --infobase File=/b --infobase File=/c", "repeated"),
            ("install --infobase File=/b --mode 8.3.16", "no option --mode"),
            ("install --infobase File=/b --password-file p", "without --user"),
            ("install --infobase File=/b --timeout 0", "seconds"),
            ("install --infobase", "lacks its value"),
            ("install --infobase nowhere", "File=folder"),
            ("install --infobase File=/b --lang de", "ru or en"),
            ("cfe --infobase File=/b", "--out"),
            ("remove --infobase File=/b", "--with-data"),
            ("extract", "--out"),
            ("extract --out d --mode 8.3.13", "8.3.14 to 8.3.27"),
            ("extract --out d --format 2.21", "2.9 to 2.20"),
            ("extract --out d --platform /opt/1cv8", "version"),
            ("extract --out d --platform 8.3.16 --mode 8.3.20", "does not know the mode"),
            ("extract --out d --platform 8.3.16 --format 2.17", "does not read the format"),
            ("install --infobase File=/b --yes=1", "--yes takes no value"),
            ("install --infobase File=/b --platform C:\\8.3.24\"", "before the mark"),
            ("install --infobase File=C:\\b\"", "before the mark"),
            ("--yes", "what to do"),
        ] {
            assert!(mistake(line).contains(part), "{line}: {}", mistake(line));
        }
    }

    #[test]
    fn extract_has_the_retail_configurations_mode_and_its_oldest_format() {
        let options = |line: &str| match parsed(line).request {
            Ok(Request::Do(action)) => match *action {
                Action::Extract(options) => options,
                other => panic!("{line}: {other:?}"),
            },
            other => panic!("{line}: {other:?}"),
        };
        let plain = options("extract --out d");
        assert_eq!((plain.mode, plain.format, plain.platform), (Mode::RETAIL, Format::OLDEST, None));
        assert_eq!(options("extract --out d --mode 8.3.24").format.to_string(), "2.17");
        assert_eq!(options("extract --out d --mode 8.3.14 --platform 8.3.14").format.to_string(), "2.8");
    }
}
