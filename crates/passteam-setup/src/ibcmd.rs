//! `ibcmd`, which reads and sets the extension's properties in a file base: no batch command of the Designer does.
//!
//! It opens the database itself, past a cluster, so it is for file bases alone.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::SetupError;
use crate::extension::NAME;
use crate::guard::Fate;
use crate::process::{Argument, Outcome};
use crate::properties::Properties;
use crate::session::Session;
use crate::text;
use crate::text::Text;

/// On a base that somebody holds it waits without end; by itself it takes seconds.
const LIMIT: Duration = Duration::from_secs(300);

/// `ibcmd` of the base's platform and the folder of a file base.
pub(crate) struct Ibcmd<'a> {
    session: &'a Session<'a>,
    program: PathBuf,
    base: &'a Path,
}

impl<'a> Ibcmd<'a> {
    /// `None` for a base of a cluster, and if the platform was installed without `ibcmd`.
    pub(crate) fn of(session: &'a Session<'a>) -> Option<Ibcmd<'a>> {
        Some(Ibcmd { session, program: session.platform.ibcmd()?, base: session.infobase.folder()? })
    }

    /// The extension's properties; `None` if the base has no such extension.
    pub(crate) fn properties(&self) -> Result<Option<Properties>, SetupError> {
        let outcome = run(self.session, &self.program, self.base, &["list"])?;
        if outcome.ending.succeeded() { Ok(read(&outcome.printed)) } else { Err(failed(outcome)) }
    }

    /// Turns safe mode and the protection from dangerous actions off, for this extension alone.
    pub(crate) fn allow_the_addin(&self) -> Result<(), SetupError> {
        let name = format!("--name={NAME}");
        let command = ["update", &name, "--safe-mode=no", "--unsafe-action-protection=no"];
        let outcome = run(self.session, &self.program, self.base, &command)?;
        if outcome.ending.succeeded() { Ok(()) } else { Err(failed(outcome)) }
    }
}

fn failed(outcome: Outcome) -> SetupError {
    SetupError::Command {
        step: step(),
        ending: outcome.ending,
        advice: text!(
            "Обычные причины: база открыта Конфигуратором, пользователь вошёл под учётной записью операционной системы (ibcmd \
             нужны --user и --password-file)",
            "Usual reasons: a Designer holds the base; the operating system's user opened it (ibcmd needs --user and \
             --password-file)",
        ),
    }
}

fn step() -> Text {
    text!("Свойства расширения", "The extension's properties")
}

fn run(session: &Session, program: &Path, base: &Path, command: &[&str]) -> Result<Outcome, SetupError> {
    let folder = session.new_folder()?;
    let joined = |key: &str, path: &Path| {
        let mut text = std::ffi::OsString::from(key);
        text.push(path);
        Argument::Plain(text)
    };
    let (verb, options) = command.split_at(1);
    let mut arguments: Vec<_> = ["infobase", "config", "extension"].into_iter().map(Argument::plain).collect();
    arguments.extend(verb.iter().copied().map(Argument::plain));
    // A data folder that two processes share fails with 254.
    arguments.extend([joined("--data=", &folder), joined("--db-path=", base)]);
    if let Some(user) = &session.user {
        // Without a password it asks for one, on the console or for ever; an empty one is an answer too.
        arguments.push(Argument::plain(format!("--user={user}")));
        arguments.push(Argument::Secret("--password=", session.password.clone()));
    }
    arguments.extend(options.iter().copied().map(Argument::plain));
    let fate = if command == ["list"] { Fate::Ended } else { Fate::Left };
    let outcome = session.run(&step(), program, &arguments, &folder, Some(session.limit().min(LIMIT)), fate);
    session.answer(outcome.printed.trim());
    Ok(outcome)
}

/// Reads blocks of `key : value`, each beginning with a name; `None` if the extension is not among them.
fn read(answer: &str) -> Option<Properties> {
    let mut found: Option<Properties> = None;
    let mut ours = false;
    for line in answer.lines() {
        let Some((key, value)) = line.split_once(':') else { continue };
        let (key, value) = (key.trim(), value.trim().trim_matches('"'));
        if key == "name" {
            ours = value == NAME;
            if ours {
                found = Some(Properties::default());
            }
            continue;
        }
        let Some(properties) = found.as_mut().filter(|_| ours) else { continue };
        let value = match value {
            "yes" => Some(true),
            "no" => Some(false),
            _ => continue,
        };
        match key {
            "active" => properties.active = value,
            "safe-mode" => properties.safe_mode = value,
            "unsafe-action-protection" => properties.unsafe_action_protection = value,
            "used-in-distributed-infobase" => properties.used_in_distributed_infobase = value,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "name                         : \"Чужое\"\nactive                       : no\n\
                          safe-mode                    : yes\n\n\
                          name                         : \"Passteam\"\nversion                      : \"0.1.0\"\n\
                          active                       : yes\npurpose                      : add-on\n\
                          safe-mode                    : no\nsecurity-profile-name        : \n\
                          unsafe-action-protection     : yes\nused-in-distributed-infobase : no\n\n\
                          name                         : \"Ещё\"\nsafe-mode                    : yes\n";

    #[test]
    fn our_block_is_read_and_no_other() {
        let properties = read(ANSWER).expect("our extension");
        let expected = Properties {
            active: Some(true),
            safe_mode: Some(false),
            unsafe_action_protection: Some(true),
            used_in_distributed_infobase: Some(false),
        };
        assert_eq!(properties, expected);
        assert!(!properties.allow_the_addin());
    }

    #[test]
    fn an_answer_without_our_extension_says_nothing() {
        assert_eq!(read("name : \"Чужое\"\nsafe-mode : no\n"), None);
        assert_eq!(read("Пароль: "), None);
    }

    #[test]
    fn what_is_not_said_is_not_allowed() {
        let properties = read("name : \"Passteam\"\nsafe-mode : no\n").expect("our extension");
        assert!(!properties.allow_the_addin());
    }
}
