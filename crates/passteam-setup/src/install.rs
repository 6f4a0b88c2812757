//! `install` and `update`: the extension goes into the base, or the base stays as it was.

use std::cmp::Ordering;
use std::env;
use std::path::{Path, PathBuf};

use crate::arguments::BaseOptions;
use crate::base::{self, Configuration};
use crate::component::{self, SCHEDULED};
use crate::designer::{self, Command};
use crate::error::{Left, SetupError};
use crate::extension::{self, Extension, Files, Fit, NAME};
use crate::files;
use crate::properties::Properties;
use crate::protection;
use crate::session::Session;
use crate::state::{self, InDatabase, Installed};
use crate::text;
use crate::text::Text;
use crate::version::{Format, Version};

/// The external data processor's root in `bsl-examples/scheduled`, and the file that is built from it.
pub(crate) const PROCESSOR: &str = "ПередачаКартPassteam";

/// What a run of `install` or `update` is about to load.
struct Planned {
    extension: Extension,
    configuration: Configuration,
    fit: Fit,
    fitted: Files,
    /// The exchange plans of distributed infobases.
    plans: Vec<String>,
    /// Where the external data processor goes that does the jobs' work, if the extension has none.
    processor: Option<PathBuf>,
}

/// `install`: puts the extension into a base that has none; run again, it only finishes what is unfinished.
pub(crate) fn install(session: &Session, options: &BaseOptions) -> Result<Left, SetupError> {
    let planned = plan(session, options)?;
    let mut is_new = true;
    match state::read(session, &planned.extension)? {
        None => {
            base::nothing_is_left_of_a_handmade_integration(&planned.configuration)?;
            load(session, &planned, Before::Absent)?;
        }
        Some(installed) if installed.is_whole() && installed.is(&planned.fitted) => is_new = nothing_to_load(session),
        Some(installed) => match compared(&installed, &planned.extension)? {
            // The same version: half-way loaded, or of another build.
            Ordering::Equal => load(session, &planned, Before::of(&installed))?,
            Ordering::Less if installed.in_database == InDatabase::Nothing => {
                load(session, &planned, Before::of(&installed))?
            }
            Ordering::Less => return Err(older_is_installed(&installed)),
            Ordering::Greater => return Err(downgrade(&installed, &planned.extension)),
        },
    }
    finish(session, options, &planned, is_new)
}

/// `update`: replaces an older version; the extension's registers keep their data.
pub(crate) fn update(session: &Session, options: &BaseOptions) -> Result<Left, SetupError> {
    let planned = plan(session, options)?;
    let mut is_new = true;
    match state::read(session, &planned.extension)? {
        None => {
            return Err(SetupError::Refused(text!(
                "расширение {NAME} в базе не установлено: обновлять нечего. Есть команда install",
                "the extension {NAME} is not in the base: there is nothing to update. There is the command install",
            )));
        }
        Some(installed) if compared(&installed, &planned.extension)? == Ordering::Greater => {
            return Err(downgrade(&installed, &planned.extension));
        }
        Some(installed) if installed.is_whole() && installed.is(&planned.fitted) => is_new = nothing_to_load(session),
        Some(installed) => load(session, &planned, Before::of(&installed))?,
    }
    finish(session, options, &planned, is_new)
}

/// What the base had before this run loaded anything; it decides how a failed step is undone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// No extension: what this run brought can be deleted, it has no data.
    Absent,
    /// The database has it: rolling back returns to that.
    Applied,
    /// Loaded and, as far as can be told, never applied: a rollback would leave an empty entry that nothing can read, and
    /// deleting might take data along if the reading was wrong. It has no effect as it is.
    LoadedOnly,
}

impl Before {
    fn of(installed: &Installed) -> Before {
        if installed.in_database == InDatabase::Nothing { Before::LoadedOnly } else { Before::Applied }
    }
}

/// Everything that can be known before the base is changed.
fn plan(session: &Session, options: &BaseOptions) -> Result<Planned, SetupError> {
    let extension = Extension::built_in()?;
    let component = component::chosen(options.component.as_deref())?;
    let configuration = base::survey(session, &extension)?;
    let fit = fit_for(session, &configuration, options.without_jobs);
    if !fit.with_jobs() && SCHEDULED.is_empty() {
        let (platform, first) = (fit.platform, crate::version::Release::FIRST_WITH_JOBS);
        return Err(SetupError::Refused(text!(
            "платформа {platform} старше {first} и не принимает расширений с заданиями, а внешней обработки в этой сборке \
             программы нет. База не тронута",
            "platform {platform} is older than {first} and takes no extensions with jobs, and this build of the program has no \
             external data processor. The base was not touched",
        )));
    }
    let fitted = extension.fitted(&fit, &component)?;
    let processor = if fit.with_jobs() { None } else { Some(path_of_processor(options.out.as_deref())?) };
    let plans = base::distributed_plans(session, &configuration)?;
    Ok(Planned { extension, configuration, fit, fitted, plans, processor })
}

/// The Designer runs in a folder of its own, so the path is made complete here.
fn path_of_processor(out: Option<&Path>) -> Result<PathBuf, SetupError> {
    let name = format!("{PROCESSOR}.epf");
    let here = env::current_dir().map_err(SetupError::file(Path::new(".")))?;
    Ok(here.join(out.unwrap_or(Path::new(&name))))
}

/// How the extension is written for this base.
fn fit_for(session: &Session, configuration: &Configuration, without_jobs: bool) -> Fit {
    Fit {
        mode: configuration.mode,
        format: configuration.format,
        platform: session.platform.release().unwrap_or(configuration.platform),
        without_jobs,
        run_mode: configuration.run_mode.clone(),
        interface_mode: configuration.interface_mode.clone(),
    }
}

fn compared(installed: &Installed, extension: &Extension) -> Result<Ordering, SetupError> {
    match (&installed.version, extension.version()) {
        (Some(installed), Some(ours)) => Ok(installed.cmp(&ours)),
        _ => Err(SetupError::Refused(text!(
            "версия установленного расширения {NAME} не читается: непонятно, что на что менять. База не тронута",
            "the installed extension {NAME} has no readable version: what would replace what is unknown. The base was not touched",
        ))),
    }
}

fn shown(version: Option<&Version>) -> String {
    version.map_or_else(|| "?".to_owned(), Version::to_string)
}

fn older_is_installed(installed: &Installed) -> SetupError {
    let version = shown(installed.version.as_ref());
    SetupError::Refused(text!(
        "установлена версия {version}. Чтобы обновить её с сохранением данных, есть команда update. База не тронута",
        "version {version} is installed. The command update replaces it and keeps the data. The base was not touched",
    ))
}

fn downgrade(installed: &Installed, extension: &Extension) -> SetupError {
    let (theirs, ours) = (shown(installed.version.as_ref()), shown(extension.version().as_ref()));
    SetupError::Refused(text!(
        "в базе версия {theirs}, новее этой ({ours}). Назад расширение не возвращается. База не тронута",
        "the base has version {theirs}, newer than this one ({ours}). The extension does not go back. The base was not touched",
    ))
}

/// Says so; gives whether this run loaded something.
fn nothing_to_load(session: &Session) -> bool {
    session.console.say(&text!(
        "\nЭта версия расширения уже установлена: загружать нечего.",
        "\nThis version of the extension is installed already: nothing to load.",
    ));
    false
}

/// Loads and applies. If a step fails, what was loaded is taken back, and the base works as before.
fn load(session: &Session, planned: &Planned, before: Before) -> Result<(), SetupError> {
    if let Some(out) = planned.processor.as_ref().filter(|out| out.exists()) {
        let out = out.display();
        return Err(SetupError::Refused(text!(
            "файл {out} уже есть, а этой версии расширения нужна новая внешняя обработка. Удалите его или укажите другой: --out. \
             База не тронута",
            "the file {out} exists, and this version of the extension needs a new external data processor. Remove it or name \
             another one: --out. The base was not touched",
        )));
    }
    let folder = session.new_folder()?;
    files::write_all(&folder, &planned.fitted)?;
    for command in [Command::Load(&folder), Command::CheckCanApply, Command::CheckModules, Command::Update] {
        if let Err(error) = designer::run(session, &command) {
            match &error {
                SetupError::Command { ending, .. } if command.restructures() && ending.is_abrupt() => {
                    broken_off(session)
                }
                _ => take_back(session, before),
            }
            return Err(error);
        }
    }
    match state::in_database(session) {
        Ok(InDatabase::Loaded) => return Ok(()),
        Ok(InDatabase::Earlier | InDatabase::Nothing) => {}
        Err(error) => session.console.say(&error.text()),
    }
    Err(SetupError::Refused(text!(
        "платформа ответила успехом, но не удалось проверить, что расширение принято: сохранить его из базы не вышло или \
         сохранилось прежнее. Выполните check",
        "the platform reported success, but that the extension is applied could not be verified: it could not be saved from the \
         base, or an earlier one was saved. Run check",
    )))
}

/// A restructuring that was broken off is the platform's to finish: nothing is deleted or rolled back on top of it.
fn broken_off(session: &Session) {
    session.console.say(&text!(
        "\nОбновление базы прервано на середине. Повторите команду: она его закончит. До этого в базе лучше не работать.",
        "\nThe update of the base was broken off half-way. Repeat the command, which finishes it. Better do not work in the base \
         until then.",
    ));
}

/// Undoes a load that was not applied.
fn take_back(session: &Session, before: Before) {
    if before == Before::LoadedOnly {
        session.console.say(&text!(
            "\nШаг не удался. База работает, как раньше: загруженное, но не принятое расширение не действует.",
            "\nThe step failed. The base works as before: an extension that is loaded and not applied has no effect.",
        ));
        return;
    }
    session.console.say(&text!(
        "\nШаг не удался, загруженное убирается: база остаётся, какой была.",
        "\nThe step failed; what was loaded is taken back, so that the base stays as it was.",
    ));
    if !matches!(undo(session, before), Ok(true)) {
        session.console.say(&text!(
            "Загруженное осталось в базе. База работает, как раньше: загруженное, но не принятое расширение не действует. \
             Устраните причину и повторите команду — она продолжит с этого места.",
            "What was loaded stays in the base. The base works as before: an extension that is loaded and not applied has no \
             effect. Remove the cause and repeat the command; it goes on from here.",
        ));
    }
}

/// Deletes or rolls back; `false` if it cannot be told that no data would go along.
fn undo(session: &Session, before: Before) -> Result<bool, SetupError> {
    if !state::is_listed(session)? {
        return Ok(true);
    }
    let command = match before {
        // Whatever was found before: what the database has is not deleted.
        Before::Absent if state::in_database(session)? != InDatabase::Nothing => return Ok(false),
        Before::Absent => Command::Delete,
        Before::Applied | Before::LoadedOnly => Command::RollBack,
    };
    designer::run(session, &command).map(|_| true)
}

/// The properties, the external data processor, and what comes next.
fn finish(session: &Session, options: &BaseOptions, planned: &Planned, is_new: bool) -> Result<Left, SetupError> {
    let (mut left, properties) = allow_the_addin(session, options.yes);
    if !planned.plans.is_empty() {
        say_about_nodes(
            session,
            &planned.plans,
            properties.and_then(|properties| properties.used_in_distributed_infobase),
        );
    }
    match &planned.processor {
        Some(out) if is_new || !out.exists() => {
            build_processor(session, planned.fit.format, out)?;
            left = Left::Something;
        }
        Some(out) => {
            let out = out.display();
            session.console.say(&text!(
                "\nВнешняя обработка этой версии уже собрана: {out}",
                "\nThe external data processor of this version is built already: {out}",
            ));
        }
        None => {}
    }
    if planned.configuration.has_catalogue_of_components() {
        session.console.say(&catalogue_of_components());
    }
    session.console.say(&next_step());
    if left == Left::Nothing {
        session.console.say(&text!("Расширение установлено.", "The extension is installed."));
    } else {
        session.console.say(&text!(
            "Расширение загружено, но работать начнёт после того, что названо выше.",
            "The extension is loaded, but it works only after what is named above.",
        ));
        left = Left::Something;
    }
    Ok(left)
}

/// What the user does in the base. The templates to choose from are there only after the connection was checked.
pub(crate) fn next_step() -> Text {
    text!(
        "\nДальше: откройте базу, раздел «Passteam», обработка «Настройка Passteam»: введите токен, нажмите «Проверить \
         подключение», выберите шаблон и включите «Эта база ведет карты».",
        "\nNext: open the base, section «Passteam», data processor «Настройка Passteam»: enter the token, press «Проверить \
         подключение», choose the template and switch on «Эта база ведет карты».",
    )
}

/// БСП takes a component from its catalogue first.
pub(crate) fn catalogue_of_components() -> Text {
    text!(
        "\nВ базе есть справочник «Внешние компоненты». Если в нём есть компонента Passteam, берётся она, а не та, что в \
         расширении: её версию покажет обработка «Настройка Passteam».",
        "\nThe base has the catalogue «Внешние компоненты». A component Passteam in it is taken before the one of the extension; \
         the data processor «Настройка Passteam» shows its version.",
    )
}

/// Safe mode and the protection from dangerous actions are on in a loaded extension: its server modules would not run, and
/// the add-in could not be attached. Gives the properties as they were read last.
fn allow_the_addin(session: &Session, yes: bool) -> (Left, Option<Properties>) {
    let properties = match protection::read(session) {
        Ok(Some(properties)) => properties,
        Ok(None) => return (two_boxes(session, None), None),
        Err(error) => return (two_boxes(session, Some(&error)), None),
    };
    if properties.allow_the_addin() {
        return (is_active(session, &properties), Some(properties));
    }
    let question = text!(
        "Чтобы подключить компоненту, расширению {NAME} (и только ему) нужно снять «Безопасный режим» и «Защиту от опасных \
         действий». Снять?",
        "To attach the component, the extension {NAME} (and no other) needs safe mode and the protection from dangerous actions \
         turned off. Turn them off?",
    );
    if !yes && !session.console.agrees(&question) {
        return (two_boxes(session, None), Some(properties));
    }
    let left = match protection::allow_the_addin(session) {
        Ok(Some(properties)) if properties.allow_the_addin() => is_active(session, &properties),
        Ok(_) => two_boxes(session, None),
        Err(error) => two_boxes(session, Some(&error)),
    };
    (left, Some(properties))
}

/// Where an extension goes in a chain of shops, and whether this one travels.
pub(crate) fn say_about_nodes(session: &Session, plans: &[String], travels: Option<bool>) {
    let list = plans.join(", ");
    session.console.say(&text!(
        "\nВ конфигурации есть планы обмена РИБ: {list}. Расширение ставят только в центральном узле, в подчинённые его передаёт \
         обмен (свойство «Используется в распределенной информационной базе»); вручную в подчинённом узле его не ставят. Карты \
         ведёт один узел: это настраивает обработка «Настройка Passteam».",
        "\nThe configuration has exchange plans of a distributed infobase: {list}. The extension is installed in the central node \
         alone, and the exchange carries it to the others (property «Используется в распределенной информационной базе»); never \
         install it by hand in a subordinate node. One node keeps the cards: the data processor «Настройка Passteam» sets it.",
    ));
    match travels {
        Some(true) => session.console.say(&text!("Свойство включено.", "The property is on.")),
        Some(false) => session.console.say(&text!(
            "Свойство выключено: в подчинённые узлы расширение не уйдёт.",
            "The property is off: the extension does not travel to subordinate nodes.",
        )),
        None => {}
    }
}

/// The platform switches an extension off that does not fit, and says why in the event log alone.
fn is_active(session: &Session, properties: &Properties) -> Left {
    if properties.active != Some(false) {
        return Left::Nothing;
    }
    session.console.say(&inactive());
    Left::Something
}

/// What to do about an extension that is switched off.
pub(crate) fn inactive() -> Text {
    text!(
        "\nРасширение выключено: в Конфигураторе «Конфигурация — Расширения конфигурации» поставьте ему флажок «Активно» и откройте \
         базу. Если оно выключится снова, причина — в журнале регистрации.",
        "\nThe extension is switched off: in the Designer, «Конфигурация — Расширения конфигурации», set its box «Активно» and open \
         the base. If it is off again, the event log says why.",
    )
}

/// What a person has to do if no program can.
pub(crate) fn two_boxes(session: &Session, error: Option<&SetupError>) -> Left {
    if let Some(error) = error {
        session.console.say(&error.text());
    }
    session.console.say(&text!(
        "\nОсталось сделать вручную. В Конфигураторе: «Конфигурация — Расширения конфигурации», строка {NAME}: снимите флажки \
         «Безопасный режим» и «Защита от опасных действий», затем перезапустите клиентов. (Или в режиме 1С:Предприятие: \
         «Администрирование — Печатные формы, отчеты и обработки — Расширения».)",
        "\nLeft to be done by hand. In the Designer: «Конфигурация — Расширения конфигурации», row {NAME}: clear the boxes \
         «Безопасный режим» and «Защита от опасных действий», then restart the clients. (Or in 1С:Предприятие: \
         «Администрирование — Печатные формы, отчеты и обработки — Расширения».)",
    ));
    Left::Something
}

/// Builds the data processor that sends the queue on platforms whose extensions cannot have jobs.
fn build_processor(session: &Session, format: Format, out: &Path) -> Result<(), SetupError> {
    let folder = session.new_folder()?;
    files::write_all(&folder, &extension::scheduled(format)?)?;
    designer::run(session, &Command::BuildProcessor(&folder.join(format!("{PROCESSOR}.xml")), out))?;
    let out = out.display();
    session.console.say(&text!(
        "\nВ этом расширении нет регламентных заданий (платформа до 8.3.23 их не принимает), их заменяет внешняя обработка: {out}\n\
         Зарегистрируйте её: «Администрирование — Печатные формы, отчеты и обработки — Дополнительные отчеты и обработки — Создать», \
         выберите файл, снимите «Безопасный режим», у команды «Передача карт в Passteam» задайте расписание (раз в минуту).",
        "\nThis extension has no scheduled jobs (a platform before 8.3.23 takes none); an external data processor replaces them: \
         {out}\n\
         Register it: «Администрирование — Печатные формы, отчеты и обработки — Дополнительные отчеты и обработки — Создать», \
         choose the file, turn its safe mode off, and give the command «Передача карт в Passteam» a schedule (every minute).",
    ));
    Ok(())
}
