//! The arguments of `cargo xtask demo`, with help and errors in the demo's language.

use std::ffi::OsString;

use addin_host::Language;

const HELP: [&str; 2] = [
    "\
Собирает компоненту и показывает один день магазина: расширение выполняется в базе, компонента работает с песочницей
вместо сервиса.

Использование: cargo xtask demo [--keep] [--lang ru|en]

  --keep         не останавливать песочницу, пока не нажат Enter: карты видны на странице в браузере
  --lang ru|en   язык сообщений (без него — русский)
  -h, --help     эта справка
",
    "\
Builds the add-in and shows a day of a shop: the extension runs in an infobase, the add-in works with the sandbox instead
of the service.

Usage: cargo xtask demo [--keep] [--lang ru|en]

  --keep         keep the sandbox running until you press Enter: a page in the browser shows the cards
  --lang ru|en   the language of the messages (Russian without it)
  -h, --help     this text
",
];

/// What the user asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Options {
    /// The language of all messages.
    pub language: Language,
    /// Keep the sandbox running after the day.
    pub keep: bool,
}

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
pub enum Request {
    /// The demo.
    Run(Options),
    /// The help, in this language.
    Help(Language),
    /// An error: they cannot be understood. The text is in the language that they ask for.
    Misuse(String),
}

/// Reads the arguments. The language may come last and still holds for an error in front of it.
pub fn parse(arguments: Vec<OsString>) -> Request {
    use lexopt::prelude::*;
    let (mut language, mut keep, mut help) = (Language::default(), false, false);
    let mut wrong = None;
    let mut parser = lexopt::Parser::from_args(arguments);
    loop {
        let mut take = || {
            match parser.next()? {
                None => return Ok(false),
                Some(Short('h') | Long("help")) => help = true,
                Some(Long("keep")) => keep = true,
                Some(Long("lang")) => language = language_of(&parser.value()?)?,
                Some(unexpected) => return Err(unexpected.unexpected()),
            }
            Ok(true)
        };
        match take() {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                wrong.get_or_insert(error);
            }
        }
    }
    match wrong {
        _ if help => Request::Help(language),
        None => Request::Run(Options { language, keep }),
        Some(error) => Request::Misuse(format!("{}\n\n{}", misuse(&error, language), self::help(language))),
    }
}

/// The help in a language.
pub fn help(language: Language) -> &'static str {
    language.pick(HELP[0], HELP[1])
}

fn language_of(code: &OsString) -> Result<Language, lexopt::Error> {
    match code.to_str() {
        Some("ru") => Ok(Language::Russian),
        Some("en") => Ok(Language::English),
        _ => Err(lexopt::Error::ParsingFailed { value: code.to_string_lossy().into_owned(), error: "".into() }),
    }
}

fn misuse(error: &lexopt::Error, language: Language) -> String {
    use lexopt::Error;
    let (russian, english) = match error {
        Error::MissingValue { .. } | Error::ParsingFailed { .. } => {
            ("После --lang нужно ru или en.".to_owned(), "--lang needs ru or en.".to_owned())
        }
        Error::UnexpectedOption(option) => {
            (format!("Нет параметра {option}."), format!("There is no option {option}."))
        }
        Error::UnexpectedArgument(argument) => {
            let argument = argument.to_string_lossy();
            (format!("Лишнее слово: «{argument}»."), format!("One word too many: “{argument}”."))
        }
        Error::UnexpectedValue { option, .. } => {
            (format!("У параметра {option} нет значения."), format!("The option {option} takes no value."))
        }
        Error::NonUnicodeValue(_) | Error::Custom(_) => {
            ("Параметры не удалось прочитать.".to_owned(), "The arguments cannot be read.".to_owned())
        }
    };
    language.pick(russian, english)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Request {
        parse(line.split_whitespace().map(OsString::from).collect())
    }

    fn refused(line: &str) -> String {
        match parsed(line) {
            Request::Misuse(text) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn the_demo_is_russian_unless_it_is_told_otherwise() {
        let run = |language, keep| Request::Run(Options { language, keep });
        assert_eq!(parsed(""), run(Language::Russian, false));
        assert_eq!(parsed("--keep --lang ru"), run(Language::Russian, true));
        assert_eq!(parsed("--lang=en --keep"), run(Language::English, true));
        assert_eq!(parsed("--help --lang en"), Request::Help(Language::English));
    }

    #[test]
    fn an_error_of_usage_is_in_the_language_that_was_asked_for() {
        let cyrillic = |text: &str| text.chars().filter(|c| ('а'..='я').contains(c)).count();
        for line in ["--unknown", "word", "--keep=1", "--lang", "--lang fr", "-x"] {
            assert!(refused(line).contains("Использование:"), "{line}");
        }
        for line in ["--unknown --lang en", "--lang en word", "--keep=1 --lang en", "--lang en --lang"] {
            assert_eq!(cyrillic(&refused(line)), 0, "{line}");
            assert!(refused(line).contains("Usage:"), "{line}");
        }
        assert!(refused("--unknown --lang en").contains("--unknown"));
        assert!(refused("слово").contains("«слово»"));
    }
}
