//! One run of the program against one base: the platform, the user, and a folder for everything that is written meanwhile.

use std::cell::Cell;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::arguments::AccessOptions;
use crate::console::Console;
use crate::decode::decode;
use crate::error::SetupError;
use crate::files;
use crate::guard::{self, Fate, Guard};
use crate::infobase::Infobase;
use crate::lock::Lock;
use crate::platform::Platform;
use crate::process::{self, Argument, Background, Outcome, Patience};
use crate::secret::Password;
use crate::text;
use crate::text::Text;

/// How long one process of the platform may take if `--timeout` does not say it: a dump of a large configuration takes its
/// time, and a process that hangs must end all the same.
const TIMEOUT: Duration = Duration::from_secs(1800);
/// How often it is said that a process which is not ended still runs.
const REMINDER: Duration = Duration::from_secs(300);
/// The file of every file base.
const DATABASE: &str = "1Cv8.1CD";
/// The file that forbids sessions to begin, as an administrator sets it.
const SESSIONS_FORBIDDEN: &str = "1Cv8.cdn";

/// The base that a command works on, and all that is needed to reach it.
pub(crate) struct Session<'a> {
    pub(crate) console: &'a Console,
    pub(crate) infobase: Infobase,
    pub(crate) platform: Platform,
    pub(crate) user: Option<String>,
    pub(crate) password: Password,
    /// Where the password was read from, as a whole path.
    pub(crate) password_file: Option<PathBuf>,
    /// Opens the base although sessions are forbidden to begin.
    permission_code: Option<Password>,
    timeout: Option<Duration>,
    /// `ibcmd` could not read or set the extension's properties; it is not tried again.
    pub(crate) ibcmd_failed: Cell<bool>,
    folder: TempDir,
    folders: Cell<u32>,
    /// Ends after the folder is gone.
    pub(crate) guard: Guard,
}

impl<'a> Session<'a> {
    /// Finds everything; the base is not opened.
    ///
    /// # Errors
    /// The password file, the base or the platform is missing, or the Designer could not start here.
    pub(crate) fn open(options: &AccessOptions, console: &'a Console) -> Result<Session<'a>, SetupError> {
        let password = options.password_file.as_deref().map_or_else(|| Ok(Password::new("")), read_password)?;
        let password_file = options.password_file.as_deref().map(whole_path).transpose()?;
        // Every process has a folder of its own, in which a relative path would lead elsewhere.
        let infobase = match &options.infobase {
            Infobase::File(folder) => Infobase::File(whole_path(folder)?),
            cluster @ Infobase::Cluster { .. } => cluster.clone(),
        };
        let named = options.platform.as_deref().map(whole_path).transpose()?;
        if let Some(folder) = infobase.folder() {
            look_at(folder)?;
            if options.permission_code.is_none() {
                sessions_may_begin(folder, console)?;
            }
        }
        let platform = Platform::find(&infobase, named.as_deref())?;
        if cfg!(target_os = "linux") && ["DISPLAY", "WAYLAND_DISPLAY"].iter().all(|name| env::var_os(name).is_none()) {
            return Err(SetupError::Refused(text!(
                "Конфигуратору нужен экран, а его нет (переменная DISPLAY пуста). Поставьте пакет xvfb и повторите так: \
                 xvfb-run passteam-setup … База не тронута",
                "the Designer needs a display, and there is none (DISPLAY is not set). Install the package xvfb and repeat: \
                 xvfb-run passteam-setup … The base was not touched",
            )));
        }
        let folder = tempfile::Builder::new().prefix(guard::PREFIX).tempdir();
        let folder = folder.map_err(SetupError::file(&env::temp_dir()))?;
        let guard = Guard::start(folder.path());
        let session = Session {
            console,
            infobase,
            platform,
            user: options.user.clone(),
            password,
            password_file,
            permission_code: options.permission_code.clone(),
            timeout: options.timeout,
            ibcmd_failed: Cell::new(false),
            folder,
            folders: Cell::new(0),
            guard,
        };
        session.introduce();
        Ok(session)
    }

    fn introduce(&self) {
        let (base, program) = (&self.infobase, self.platform.designer.display());
        self.console.say(&text!("База: {base}\nПлатформа: {program}", "Base: {base}\nPlatform: {program}"));
        if !self.password.is_empty() {
            self.console.say(&text!(
                "Пароль передаётся программам платформы в командной строке; пока они работают, другие пользователи этого \
                 компьютера её видят. Без пароля обходится пользователь базы с аутентификацией операционной системы.",
                "The platform's programs get the password on their command line, which other users of this computer see \
                 while they run. A user of the base who is authenticated by the operating system needs no password.",
            ));
        }
    }

    /// A new folder that is gone when the program ends.
    pub(crate) fn new_folder(&self) -> Result<PathBuf, SetupError> {
        self.folders.set(self.folders.get() + 1);
        let folder = self.folder.path().join(self.folders.get().to_string());
        fs::create_dir(&folder).map_err(SetupError::file(&folder))?;
        Ok(folder)
    }

    /// What the Designer needs to open a base in which sessions are forbidden to begin.
    pub(crate) fn permission(&self) -> Vec<Argument> {
        let code = self.permission_code.iter();
        code.flat_map(|code| [Argument::plain("/UC"), Argument::Secret("", code.clone())]).collect()
    }

    /// How long a process may take.
    pub(crate) fn limit(&self) -> Duration {
        self.timeout.unwrap_or(TIMEOUT)
    }

    /// How long a process may take that restructures the base: only the user's own word ends it half-way.
    pub(crate) fn limit_of_restructuring(&self) -> Option<Duration> {
        self.timeout
    }

    /// Shows and runs a program of the platform, in a folder of its own. Without a limit it is never ended.
    pub(crate) fn run(
        &self,
        step: &Text,
        program: &Path,
        arguments: &[Argument],
        folder: &Path,
        limit: Option<Duration>,
        fate: Fate,
    ) -> Outcome {
        let remind = |taken: Duration| self.still_runs(taken);
        let patience = match limit {
            Some(limit) => Patience::Until(limit),
            None => Patience::Endless { every: REMINDER, remind: &remind },
        };
        let _left = (fate == Fate::Left).then(|| self.guard.leaves());
        let process = Background::start(program, arguments, folder);
        let started = process.as_ref().ok().filter(|_| fate == Fate::Ended);
        let _ended = started.map(|process| self.guard.ends(process.id()));
        self.console.command(step, &process::shown(program, arguments));
        match process {
            Ok(process) => process.finish(patience),
            Err(ending) => Outcome { ending, printed: String::new() },
        }
    }

    fn still_runs(&self, taken: Duration) {
        let minutes = taken.as_secs() / 60;
        self.console.say(&text!(
            "Всё ещё идёт: {minutes} мин. Не прерывайте: программа платформы меняет базу.",
            "Still at work: {minutes} min. Do not break it off: the platform's program changes the base.",
        ));
    }

    /// Shows what a program of the platform said, without the password.
    pub(crate) fn answer(&self, said: &str) {
        self.console.answer(&self.password.hide_in(said));
    }
}

/// Where a path leads from the folder in which the program was started.
fn whole_path(path: &Path) -> Result<PathBuf, SetupError> {
    std::path::absolute(path).map_err(SetupError::file(path))
}

/// The first line of a file in any encoding that an editor writes.
pub(crate) fn read_password(path: &Path) -> Result<Password, SetupError> {
    let bytes = files::read(path)?;
    let text = decode(&bytes);
    let line = text.lines().next().unwrap_or_default();
    if line.contains('"') {
        return Err(SetupError::Refused(text!(
            "в пароле кавычка: в командной строке Конфигуратора её не передать. Заведите пользователя с другим паролем",
            "the password has a quotation mark, which the Designer's command line cannot carry. Use a user with another one",
        )));
    }
    Ok(Password::new(line))
}

/// A file base must be there, or the platform would answer with a riddle or make an empty one.
fn look_at(folder: &Path) -> Result<(), SetupError> {
    let shown = folder.display();
    if !folder.join(DATABASE).is_file() {
        return Err(SetupError::Refused(text!(
            "в папке {shown} нет информационной базы ({DATABASE})",
            "the folder {shown} has no infobase ({DATABASE})",
        )));
    }
    Ok(())
}

/// A file base in which sessions may not begin would be refused by each of the platform's programs.
fn sessions_may_begin(folder: &Path, console: &Console) -> Result<(), SetupError> {
    let path = folder.join(SESSIONS_FORBIDDEN);
    if !path.exists() {
        return Ok(());
    }
    let file = path.display();
    match Lock::read(&decode(&files::read(&path)?), SystemTime::now()) {
        Lock::Holds => Err(SetupError::Refused(text!(
            "администратор запретил начало сеансов с этой базой (файл {file}). Укажите код разрешения (--permission-code) или снимите \
             запрет. База не тронута",
            "an administrator has forbidden new sessions with this base (file {file}). Name the permission code \
             (--permission-code) or lift that. The base was not touched",
        ))),
        Lock::MayHold => {
            console.say(&text!(
                "Начало сеансов с этой базой ограничено (файл {file}). Если платформа откажет, укажите код разрешения: \
                 --permission-code.",
                "New sessions with this base are limited (file {file}). If the platform refuses, name the permission code: \
                 --permission-code.",
            ));
            Ok(())
        }
        Lock::HoldsNot => Ok(()),
    }
}
