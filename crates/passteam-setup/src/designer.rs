//! The Designer's batch commands: each is a process of its own, because of several in one command line only the last runs.

use std::path::{Path, PathBuf};

use crate::decode::decode;
use crate::error::SetupError;
use crate::extension::NAME;
use crate::files;
use crate::guard::Fate;
use crate::process::{Argument, Ending, Outcome};
use crate::session::Session;
use crate::text;
use crate::text::Text;

/// A batch command. The extension's name is a constant: `/DeleteCfg` with an empty one would delete the first extension.
#[derive(Debug, Clone)]
pub(crate) enum Command<'a> {
    /// Writes the named objects of the main configuration; the list is in Russian, `Справочник.ИнформационныеКарты`.
    DumpObjects(&'a Path, &'a Path),
    /// Writes the whole extension.
    DumpExtension(&'a Path),
    /// Replaces the extension's configuration by these files; the base does not use it yet.
    Load(&'a Path),
    /// Asks whether a session would accept the extension.
    CheckCanApply,
    /// Compiles the extension's modules.
    CheckModules,
    /// Puts the loaded extension into the database.
    Update,
    /// Lists the extensions by name.
    List,
    /// Looks for the extension by its name; it fails if there is none.
    Find,
    /// Saves the loaded extension as a file.
    Save(&'a Path),
    /// Saves the extension as the database has it.
    SaveApplied(&'a Path),
    /// Forgets what was loaded and not applied.
    RollBack,
    /// Deletes the extension and its data, without a question.
    Delete,
    /// Builds an external data processor from its root file.
    BuildProcessor(&'a Path, &'a Path),
}

impl Command<'_> {
    fn arguments(&self) -> Vec<Argument> {
        let of_extension =
            |command: &str| vec![Argument::plain(command), Argument::plain("-Extension"), Argument::plain(NAME)];
        let with_path = |command: &str, path: &Path| vec![Argument::plain(command), Argument::plain(path)];
        let path_of_extension = |command: &str, path: &Path| {
            let name = [Argument::plain("-Extension"), Argument::plain(NAME)];
            with_path(command, path).into_iter().chain(name).collect()
        };
        match self {
            Command::DumpObjects(folder, list) => {
                let list = [Argument::plain("-listFile"), Argument::plain(*list)];
                with_path("/DumpConfigToFiles", folder).into_iter().chain(list).collect()
            }
            Command::DumpExtension(folder) => path_of_extension("/DumpConfigToFiles", folder),
            Command::Load(folder) => path_of_extension("/LoadConfigFromFiles", folder),
            Command::CheckCanApply => of_extension("/CheckCanApplyConfigurationExtensions"),
            Command::CheckModules => {
                let contexts = ["/CheckModules", "-ThinClient", "-Server", "-ExternalConnection", "-Extension", NAME];
                contexts.into_iter().map(Argument::plain).collect()
            }
            Command::Update => of_extension("/UpdateDBCfg"),
            Command::List => vec![Argument::plain("/DumpDBCfgList"), Argument::plain("-AllExtensions")],
            Command::Find => of_extension("/DumpDBCfgList"),
            Command::Save(file) => path_of_extension("/DumpCfg", file),
            Command::SaveApplied(file) => path_of_extension("/DumpDBCfg", file),
            Command::RollBack => of_extension("/RollbackCfg"),
            Command::Delete => of_extension("/DeleteCfg"),
            Command::BuildProcessor(root, out) => {
                let out = [Argument::plain(*out)];
                with_path("/LoadExternalDataProcessorOrReportFromFiles", root).into_iter().chain(out).collect()
            }
        }
    }

    /// Whether it changes anything in the base.
    fn changes_the_base(&self) -> bool {
        self.restructures() || matches!(self, Command::Load(_) | Command::RollBack)
    }

    /// Whether it changes tables of the database: ended half-way it would leave a restructuring that is not done.
    pub(crate) fn restructures(&self) -> bool {
        matches!(self, Command::Update | Command::Delete)
    }

    /// The step in words.
    fn step(&self) -> Text {
        match self {
            Command::DumpObjects(..) => text!("Чтение конфигурации", "Reading the configuration"),
            Command::DumpExtension(_) => text!("Чтение установленного расширения", "Reading the installed extension"),
            Command::Load(_) => text!("Загрузка расширения", "Loading the extension"),
            Command::CheckCanApply => {
                text!("Проверка, применимо ли расширение", "Checking whether the extension applies")
            }
            Command::CheckModules => text!("Проверка модулей расширения", "Checking the extension's modules"),
            Command::Update => text!("Обновление базы", "Updating the base"),
            Command::List => text!("Список расширений", "Listing the extensions"),
            Command::Find => text!("Поиск расширения {NAME} по имени", "Looking for the extension {NAME} by name"),
            Command::Save(_) | Command::SaveApplied(_) => text!("Сохранение расширения", "Saving the extension"),
            Command::RollBack => text!("Возврат к прежнему расширению", "Returning to the previous extension"),
            Command::Delete => text!("Удаление расширения", "Deleting the extension"),
            Command::BuildProcessor(..) => text!("Сборка внешней обработки", "Building the external data processor"),
        }
    }

    /// What usually stops this step. The platform's words above say which it was; the program cannot read them.
    fn advice(&self) -> Text {
        match self {
            Command::Load(_) => text!(
                "Причину назвала платформа (строки выше). Обычные: открыт Конфигуратор, база подключена к \
                 хранилищу конфигурации, нет места на диске",
                "The platform names the reason above. Usual ones: a Designer is open, the base belongs to a configuration \
                 repository, the disk is full",
            ),
            Command::DumpExtension(_) => text!(
                "Причину назвала платформа (строки выше). Если загрузка когда-то оборвалась, запись расширения пуста и не читается: \
                 удалите {NAME} в Конфигураторе («Конфигурация — Расширения конфигурации») и повторите install",
                "The platform names the reason above. If a load was once broken off, the extension's entry is empty and cannot be \
                 read: delete {NAME} in the Designer («Конфигурация — Расширения конфигурации») and repeat install",
            ),
            Command::CheckCanApply | Command::CheckModules => text!(
                "Расширение этой конфигурации не подходит: строки выше называют объект. Пришлите их разработчику расширения",
                "The extension does not fit this configuration: the lines above name the object. Send them to its developer",
            ),
            Command::Update => text!(
                "Обычные причины: в базе работают пользователи (фоновые и регламентные задания тоже считаются) или открыт \
                 Конфигуратор. Завершите сеансы, заблокируйте регламентные задания и повторите",
                "Usual reasons: users are at work (background and scheduled jobs count too), or a Designer is open. End the \
                 sessions, block scheduled jobs, and repeat",
            ),
            _ => text!(
                "Причину назвала платформа (строки выше). Обычные: неверный пользователь или пароль, открыт Конфигуратор, нет \
                 лицензии, начало сеансов запрещено, другая сборка сервера, нет места на диске",
                "The platform names the reason above. Usual ones: a wrong user or password, an open Designer, no licence, \
                 sessions are forbidden, another build of the server, a full disk",
            ),
        }
    }
}

/// What a batch command did.
pub(crate) struct Answer {
    pub(crate) outcome: Outcome,
    /// What the Designer wrote into its log; `None` if it wrote none.
    pub(crate) log: Option<String>,
}

/// Runs a command whatever its outcome.
pub(crate) fn try_run(session: &Session, command: &Command) -> Result<Answer, SetupError> {
    let folder = session.new_folder()?;
    let log: PathBuf = folder.join("out.txt");
    let mut arguments = vec![Argument::plain("DESIGNER")];
    arguments.extend(session.infobase.designer_arguments().map(Argument::plain));
    match &session.user {
        Some(user) => {
            arguments.extend([Argument::plain("/N"), Argument::plain(user)]);
            if !session.password.is_empty() {
                arguments.extend([Argument::plain("/P"), Argument::Secret("", session.password.clone())]);
            }
            // The operating system's user must not be tried instead.
            arguments.push(Argument::plain("/WA-"));
        }
        None => arguments.push(Argument::plain("/WA+")),
    }
    arguments.extend(session.permission());
    arguments.extend(["/DisableStartupDialogs", "/DisableStartupMessages"].map(Argument::plain));
    arguments.extend(command.arguments());
    arguments.extend([Argument::plain("/Out"), Argument::plain(&log)]);
    let limit = if command.restructures() { session.limit_of_restructuring() } else { Some(session.limit()) };
    let fate = if command.changes_the_base() { Fate::Left } else { Fate::Ended };
    let outcome = session.run(&command.step(), &session.platform.designer, &arguments, &folder, limit, fate);
    // A Designer that did not come far writes no log.
    let log = if log.exists() { Some(decode(&files::read(&log)?)) } else { None };
    session.answer([outcome.printed.trim(), log.as_deref().unwrap_or_default().trim()].join("\n").trim());
    Ok(Answer { outcome, log })
}

/// Runs a command that must succeed; gives its log.
pub(crate) fn run(session: &Session, command: &Command) -> Result<Option<String>, SetupError> {
    let Answer { outcome, log } = try_run(session, command)?;
    if outcome.ending.succeeded() { Ok(log) } else { Err(failure(command, outcome.ending)) }
}

/// The error of a command that ended like this.
pub(crate) fn failure(command: &Command, ending: Ending) -> SetupError {
    SetupError::Command { step: command.step(), ending, advice: command.advice() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_one_and_names_the_extension_it_means() {
        let path = Path::new("/x");
        for command in [
            Command::DumpObjects(path, path),
            Command::DumpExtension(path),
            Command::Load(path),
            Command::CheckCanApply,
            Command::CheckModules,
            Command::Update,
            Command::List,
            Command::Find,
            Command::Save(path),
            Command::SaveApplied(path),
            Command::RollBack,
            Command::Delete,
            Command::BuildProcessor(path, path),
        ] {
            let line = crate::process::shown(Path::new("1cv8"), &command.arguments());
            let commands = line.split(' ').filter(|part| part.starts_with('/') && *part != "/x").count();
            assert_eq!(commands, 1, "{line}");
            if line.contains("-Extension") {
                assert!(line.contains("-Extension Passteam"), "{line}");
            }
        }
        assert!(!NAME.is_empty());
    }
}
