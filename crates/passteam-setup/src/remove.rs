//! `remove` and `cfe`: what leaves the base, and what is saved of it.

use std::env;
use std::path::{Path, PathBuf};

use crate::arguments::BaseOptions;
use crate::designer::{self, Command};
use crate::error::{Left, SetupError};
use crate::extension::{Extension, NAME};
use crate::install::PROCESSOR;
use crate::session::Session;
use crate::state;
use crate::text;

/// Saves the extension, then deletes it with its data. The arguments have asked for the data to go.
pub(crate) fn remove(session: &Session, options: &BaseOptions) -> Result<Left, SetupError> {
    let Some(installed) = state::read(session, &Extension::built_in()?)? else {
        session.console.say(&text!(
            "\nРасширения {NAME} в базе нет: удалять нечего.",
            "\nThe base has no extension {NAME}: nothing to remove.",
        ));
        return Ok(Left::Nothing);
    };
    let has_jobs = installed.has_jobs();
    let version = installed.version.map_or_else(|| "0".to_owned(), |version| version.to_string());
    let name = format!("{NAME}-{version}.cfe");
    let copy = complete(options.out.as_deref().unwrap_or(Path::new(&name)))?;
    write_cfe(session, &copy)?;
    designer::run(session, &Command::Delete)?;
    if state::is_listed(session)? {
        return Err(SetupError::Refused(text!(
            "платформа ответила успехом, а расширение осталось в списке",
            "the platform reported success, and the extension is still listed",
        )));
    }
    let copy = copy.display();
    session.console.say(&text!(
        "\nРасширение удалено вместе с данными: идентификаторы карт и очередь. Само расширение (без данных) сохранено: {copy}",
        "\nThe extension is removed with its data: the cards' ids and the queue. The extension itself (without data) is saved: \
         {copy}",
    ));
    if !has_jobs {
        session.console.say(&text!(
            "Задания этого расширения заменяла внешняя обработка: удалите {PROCESSOR} из «Дополнительных отчетов и обработок».",
            "An external data processor replaced the jobs of this extension: remove {PROCESSOR} from «Дополнительные отчеты и \
             обработки».",
        ));
    }
    Ok(Left::Nothing)
}

/// `cfe`: saves the installed extension as a file that is added in Enterprise mode.
pub(crate) fn save(session: &Session, out: &Option<PathBuf>) -> Result<Left, SetupError> {
    let out = complete(out.as_deref().unwrap_or(Path::new("Passteam.cfe")))?;
    match state::read(session, &Extension::built_in()?)? {
        Some(installed) if installed.is_whole() => write_cfe(session, &out)?,
        Some(_) => {
            return Err(SetupError::Refused(text!(
                "расширение {NAME} загружено в эту базу, но не применено, или проверить это не удалось: сначала повторите install",
                "the extension {NAME} is loaded into this base and not applied, or that could not be verified: repeat install first",
            )));
        }
        None => {
            return Err(SetupError::Refused(text!(
                "расширение {NAME} в этой базе не установлено: сохранять нечего",
                "the extension {NAME} is not installed in this base: nothing to save",
            )));
        }
    }
    let out = out.display();
    session.console.say(&text!(
        "\nГотово: {out}\nДобавляется в режиме 1С:Предприятие («Расширения» — «Добавить из файла»); после добавления снимите \
         «Безопасный режим» и «Защиту от опасных действий».",
        "\nDone: {out}\nAdd it in 1С:Предприятие («Расширения» — «Добавить из файла»), then clear «Безопасный режим» and «Защита от \
         опасных действий».",
    ));
    Ok(Left::Nothing)
}

/// The Designer runs in a folder of its own, so the path is made complete here.
fn complete(path: &Path) -> Result<PathBuf, SetupError> {
    Ok(env::current_dir().map_err(SetupError::file(Path::new(".")))?.join(path))
}

/// Never over a file that is there: it may be the copy of other data.
fn write_cfe(session: &Session, out: &Path) -> Result<(), SetupError> {
    let shown = out.display();
    if out.exists() {
        return Err(SetupError::Refused(text!(
            "файл {shown} уже есть. Укажите другой: --out",
            "the file {shown} exists. Name another one: --out",
        )));
    }
    designer::run(session, &Command::Save(out))?;
    if out.is_file() {
        return Ok(());
    }
    Err(SetupError::Refused(text!("платформа не записала файл {shown}", "the platform wrote no file {shown}")))
}
