//! `1cv8 DESIGNER`: one batch command, its log, its exit code.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use encoding_rs::WINDOWS_1251;

use crate::agent;
use crate::stage::{self, Base, Ending, element};

/// The batch commands that are played, with the number of values that follow each.
const COMMANDS: [(&str, usize); 11] = [
    ("/DumpConfigToFiles", 1),
    ("/LoadConfigFromFiles", 1),
    ("/CheckCanApplyConfigurationExtensions", 0),
    ("/CheckModules", 0),
    ("/UpdateDBCfg", 0),
    ("/DumpDBCfgList", 0),
    ("/DumpCfg", 1),
    ("/DumpDBCfg", 1),
    ("/RollbackCfg", 0),
    ("/DeleteCfg", 0),
    ("/LoadExternalDataProcessorOrReportFromFiles", 2),
];
const WRONG_ARGUMENTS: &str = "Ошибка в параметрах командной строки.";

/// The command line as the Designer reads it.
#[derive(Default)]
struct Line {
    file: Option<String>,
    cluster: Option<String>,
    user: Option<String>,
    password: Option<String>,
    permission: Option<String>,
    operating_system: bool,
    dialogs_off: bool,
    out: Option<PathBuf>,
    /// The last batch command: of several only that one runs.
    command: Option<String>,
    values: Vec<String>,
    extension: Option<String>,
    list: Option<PathBuf>,
    flags: Vec<String>,
    agent: Option<agent::Options>,
    wrong: bool,
}

impl Line {
    fn read(arguments: &[String]) -> Line {
        let mut line = Line { operating_system: true, ..Line::default() };
        let mut rest = arguments.iter().cloned();
        line.wrong = rest.next().as_deref() != Some("DESIGNER");
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().unwrap_or_default();
            match argument.as_str() {
                "/F" => line.file = Some(value()),
                "/S" => line.cluster = Some(value()),
                "/N" => line.user = Some(value()),
                "/P" => line.password = Some(value()),
                "/UC" => line.permission = Some(value()),
                "/WA-" => line.operating_system = false,
                "/WA+" => {}
                "/DisableStartupDialogs" => line.dialogs_off = true,
                "/DisableStartupMessages" => {}
                "/Out" => line.out = Some(value().into()),
                "-Extension" => line.wrong |= line.extension.replace(value()).is_some(),
                "-listFile" => line.list = Some(value().into()),
                "/AgentMode" => line.agent = Some(line.agent.take().unwrap_or_default()),
                "/AgentListenAddress" | "/AgentPort" | "/AgentSSHHostKey" | "/AgentBaseDir" => {
                    let value = value();
                    line.agent.get_or_insert_default().insert(argument.clone(), value);
                }
                flag if flag.starts_with('-') => line.flags.push(flag.to_owned()),
                command => match COMMANDS.iter().find(|(name, _)| *name == command) {
                    Some((name, count)) => {
                        line.command = Some((*name).to_owned());
                        line.values = rest.by_ref().take(*count).collect();
                    }
                    None => line.wrong = true,
                },
            }
        }
        line
    }
}

/// Runs one command line.
pub fn run(arguments: &[String]) -> ExitCode {
    if cfg!(target_os = "linux") && env::var_os("DISPLAY").is_none() {
        eprintln!("Unable to initialize GTK+, is DISPLAY set properly?");
        return ExitCode::from(255);
    }
    let line = Line::read(arguments);
    let base = match (&line.file, &line.cluster) {
        (Some(folder), None) => Base::in_folder(Path::new(folder)),
        (None, Some(address)) => Base::in_cluster(address),
        _ => None,
    };
    let Some(base) = base else {
        return end(&line, None, &Ending::failure(1, "Информационная база не обнаружена!"));
    };
    base.note("1cv8", arguments);
    if !line.dialogs_off {
        // A dialog nobody sees.
        base.hang(|| true);
    }
    let ending = match &line.agent {
        _ if base.text("forbidden").is_some_and(|code| line.permission.as_ref() != Some(&code)) => {
            Ending::failure(1, "Начало сеанса с информационной базой запрещено.")
        }
        Some(agent) if line.command.is_none() && !line.wrong => agent::run(agent, &base),
        _ => play(&line, &base),
    };
    end(&line, Some(&base), &ending)
}

/// Writes the log and ends.
fn end(line: &Line, base: Option<&Base>, ending: &Ending) -> ExitCode {
    if let Some(out) = line.out.as_ref().filter(|_| ending.logs) {
        let text = ending.says.replace('\n', "\r\n");
        let windows = base.and_then(|base| base.text("encoding")).is_some_and(|name| name == "windows-1251");
        let bytes = if windows {
            WINDOWS_1251.encode(&text).0.into_owned()
        } else {
            format!("\u{FEFF}{text}\r\n").into_bytes()
        };
        if let Err(error) = fs::write(out, bytes) {
            eprintln!("{error}");
            return ExitCode::from(1);
        }
    }
    stage::exit(ending)
}

fn play(line: &Line, base: &Base) -> Ending {
    let Some(command) = line.command.as_deref().filter(|_| !line.wrong) else {
        return Ending::failure(1, WRONG_ARGUMENTS);
    };
    if base.has("users") {
        let known = line.user.as_deref().and_then(|user| base.password_of(user));
        let right = known.is_some_and(|password| password == line.password.clone().unwrap_or_default());
        let by_system = line.user.is_none() && line.operating_system && base.has("os-user");
        if !right && !by_system {
            return Ending::failure(1, "Пользователь ИБ не идентифицирован");
        }
    }
    if !base.open() {
        return Ending::failure(
            1,
            "Ошибка блокировки информационной базы для конфигурирования.\nВозможно, информационная база уже открыта Конфигуратором.",
        );
    }
    let order = match (command, &line.extension) {
        ("/DumpDBCfgList", Some(_)) => "/DumpDBCfgList-Extension",
        _ => command,
    };
    if let Some(failure) = base.fail(order) {
        return failure;
    }
    let done = match (command, line.extension.as_deref()) {
        ("/DumpConfigToFiles", None) => dump_main(line, base),
        ("/DumpConfigToFiles", Some(name)) => dump_extension(line, base, name),
        ("/LoadConfigFromFiles", Some(name)) => load(line, base, name),
        ("/CheckCanApplyConfigurationExtensions", Some(name)) => can_apply(base, name),
        ("/CheckModules", Some(name)) => check_modules(line, base, name),
        ("/UpdateDBCfg", Some(name)) => update(line, base, name),
        ("/DumpDBCfgList", None) if line.flags == ["-AllExtensions"] => Ok(base.extensions().join("\n")),
        ("/DumpDBCfgList", Some(name)) if line.flags.is_empty() => folder_of(base, name).map(|_| name.to_owned()),
        ("/DumpCfg", Some(name)) => save(line, base, name, "loaded"),
        ("/DumpDBCfg", Some(name)) => save(line, base, name, "applied"),
        ("/RollbackCfg", Some(name)) => roll_back(base, name),
        ("/DeleteCfg", name) => delete(base, name.unwrap_or_default()),
        ("/LoadExternalDataProcessorOrReportFromFiles", None) => build_processor(line),
        // The main configuration is nobody's business.
        _ => Err(Ending::failure(1, WRONG_ARGUMENTS)),
    };
    done.map_or_else(|failure| failure, Ending::success)
}

type Done = Result<String, Ending>;

fn io(error: std::io::Error) -> Ending {
    Ending::failure(1, error.to_string())
}

fn folder_of(base: &Base, name: &str) -> Result<PathBuf, Ending> {
    let folder = base.extension(name);
    let missing = format!(
        "Операция не может быть выполнена, так как расширение конфигурации с указанным именем не найдено: {name}"
    );
    if folder.is_dir() { Ok(folder) } else { Err(Ending::failure(1, missing)) }
}

fn text(files: &BTreeMap<String, Vec<u8>>, name: &str) -> String {
    files.get(name).map(|content| String::from_utf8_lossy(content).into_owned()).unwrap_or_default()
}

/// The folder of a kind, by its Russian name in a list of objects.
fn kind(name: &str) -> Option<&'static str> {
    Some(match name {
        "Справочник" => "Catalogs",
        "РегистрНакопления" => "AccumulationRegisters",
        "ПланОбмена" => "ExchangePlans",
        _ => return None,
    })
}

fn dump_main(line: &Line, base: &Base) -> Done {
    let list = line.list.as_ref().ok_or_else(|| Ending::failure(1, WRONG_ARGUMENTS))?;
    let list = fs::read_to_string(list).map_err(io)?;
    let all = stage::tree(&base.main());
    let mut wanted = BTreeMap::new();
    for object in list.trim_start_matches('\u{FEFF}').lines().map(str::trim).filter(|object| !object.is_empty()) {
        let (file, below) = match object.split_once('.') {
            None if object == "Configuration" => ("Configuration.xml".to_owned(), String::new()),
            Some((of, name)) if kind(of).is_some() => {
                let folder = kind(of).unwrap_or_default();
                (format!("{folder}/{name}.xml"), format!("{folder}/{name}/"))
            }
            _ => return Err(Ending::failure(1, format!("Неизвестный объект метаданных - {object}"))),
        };
        if !all.contains_key(&file) {
            return Err(Ending::failure(1, format!("Неизвестный объект метаданных - {object}")));
        }
        let is_part = |name: &String| *name == file || (!below.is_empty() && name.starts_with(&below));
        wanted.extend(
            all.iter().filter(|(name, _)| is_part(name)).map(|(name, content)| (name.clone(), content.clone())),
        );
    }
    stage::lay(Path::new(&line.values[0]), &wanted).map_err(io)?;
    Ok(String::new())
}

/// The platform ends the lines of modules its own way.
fn dump_extension(line: &Line, base: &Base, name: &str) -> Done {
    let mut files = stage::tree(&folder_of(base, name)?.join("loaded"));
    if files.is_empty() {
        return Err(Ending::failure(1, "Файл не обнаружен 'ConfigCAS/0000000000000000000000000000000000000000'"));
    }
    for (name, content) in &mut files {
        if name.ends_with(".bsl") {
            *content = String::from_utf8_lossy(content).replace("\r\n", "\n").replace('\n', "\r\n").into_bytes();
        }
    }
    files.insert("ConfigDumpInfo.xml".to_owned(), b"<ConfigDumpInfo/>".to_vec());
    stage::lay(Path::new(&line.values[0]), &files).map_err(io)?;
    Ok(String::new())
}

/// The format that a platform reads at most: 2.17 for 8.3.24.
fn newest_format() -> u32 {
    match stage::release() {
        minor @ ..=15 => minor - 6,
        minor => minor - 7,
    }
}

fn load(line: &Line, base: &Base, name: &str) -> Done {
    let files = stage::tree(Path::new(&line.values[0]));
    let root = text(&files, "Configuration.xml");
    for (file, content) in files.iter().filter(|(file, _)| file.ends_with(".xml")) {
        let xml = String::from_utf8_lossy(content);
        if roxmltree::Document::parse(xml.trim_start_matches('\u{FEFF}')).is_err() {
            return Err(Ending::failure(1, format!("Ошибка разбора XML: {file}")));
        }
        let format = xml.split(" version=\"2.").nth(1).and_then(|rest| rest.split('"').next()?.parse::<u32>().ok());
        if let Some(format) = format.filter(|format| *format > newest_format()) {
            return Err(Ending::failure(1, format!("Неизвестная версия формата 2.{format} загружаемого файла {file}")));
        }
    }
    if element(&root, "Name") != Some(name) {
        return Err(Ending::failure(1, "В каталоге нет расширения с этим именем"));
    }
    let release = stage::release();
    if release < 23 && root.contains("<ScheduledJob>") {
        return Err(Ending::failure(
            1,
            "Добавление дочерних объектов этого типа к заимствованным в расширениях недопустимо в режиме совместимости 8.3.16 и ниже",
        ));
    }
    if release < 15 && root.contains("KeepMapping") {
        return Err(Ending::failure(
            1,
            "Неверное свойство объекта метаданных - KeepMappingToExtendedConfigurationObjectsByIDs",
        ));
    }
    let extension = base.extension(name);
    let is_new = !extension.exists();
    stage::replace(&extension.join("loaded"), &files).map_err(io)?;
    if is_new {
        // As every loaded extension: it may do nothing dangerous.
        let properties = "active yes\nsafe-mode yes\nunsafe-action-protection yes\nused-in-distributed-infobase no\n";
        fs::write(extension.join("properties"), properties).map_err(io)?;
    }
    Ok(String::new())
}

fn can_apply(base: &Base, name: &str) -> Done {
    let loaded = stage::tree(&folder_of(base, name)?.join("loaded"));
    let main = stage::tree(&base.main());
    let (root, main) = (text(&loaded, "Configuration.xml"), text(&main, "Configuration.xml"));
    let mode = element(&main, "CompatibilityMode");
    if element(&root, "ConfigurationExtensionCompatibilityMode") != mode {
        return Err(Ending::failure(1, "Режим совместимости расширения не совпадает с режимом конфигурации"));
    }
    Ok(String::new())
}

fn check_modules(line: &Line, base: &Base, name: &str) -> Done {
    folder_of(base, name)?;
    let contexts = ["-ThinClient", "-Server", "-ExternalConnection"];
    if line.flags.is_empty() || line.flags.iter().any(|flag| !contexts.contains(&flag.as_str())) {
        return Err(Ending::failure(1, WRONG_ARGUMENTS));
    }
    Ok("Ошибок не обнаружено".to_owned())
}

fn update(line: &Line, base: &Base, name: &str) -> Done {
    let folder = folder_of(base, name)?;
    if !line.flags.is_empty() {
        return Err(Ending::failure(1, WRONG_ARGUMENTS));
    }
    let (loaded, main) = (stage::tree(&folder.join("loaded")), stage::tree(&base.main()));
    if loaded == stage::tree(&folder.join("applied")) {
        return Ok(String::new());
    }
    if base.has("sessions") {
        return Err(Ending::failure(
            1,
            "Ошибка исключительной блокировки информационной базы.\nАктивные сеансы и соединения:\n\
             компьютер: KASSA1, сеанс начат: 06.10.2026 в 0:48:09, приложение: Фоновое задание",
        ));
    }
    let run_mode = |files: &BTreeMap<String, Vec<u8>>| {
        element(&text(files, "Configuration.xml"), "DefaultRunMode").map(str::to_owned)
    };
    if run_mode(&loaded) != run_mode(&main) {
        return Err(Ending::failure(101, "Значение контролируемого свойства ОсновнойРежимЗапуска не совпадает"));
    }
    stage::replace(&folder.join("applied"), &loaded).map_err(io)?;
    Ok("Обновление конфигурации успешно завершено".to_owned())
}

/// A saved file is the same for the same files.
fn save(line: &Line, base: &Base, name: &str, which: &str) -> Done {
    let files = stage::tree(&folder_of(base, name)?.join(which));
    if files.is_empty() {
        return Err(Ending::failure(1, "Файл не обнаружен 'ConfigCAS/0000000000000000000000000000000000000000'"));
    }
    let mut bytes = Vec::new();
    for (name, content) in &files {
        bytes.extend(name.as_bytes());
        bytes.extend(content);
    }
    fs::write(&line.values[0], bytes).map_err(io)?;
    Ok("Сохранение конфигурации успешно завершено".to_owned())
}

fn roll_back(base: &Base, name: &str) -> Done {
    let folder = folder_of(base, name)?;
    stage::replace(&folder.join("loaded"), &stage::tree(&folder.join("applied"))).map_err(io)?;
    Ok("Возврат к конфигурации БД успешно завершен".to_owned())
}

/// With an empty name it deletes the first, and asks nothing.
fn delete(base: &Base, name: &str) -> Done {
    let name = if name.is_empty() { base.extensions().into_iter().next().unwrap_or_default() } else { name.to_owned() };
    if name.is_empty() {
        process::exit(1);
    }
    fs::remove_dir_all(folder_of(base, &name)?).map_err(io)?;
    Ok(format!("Расширение конфигурации было успешно удалено из информационной базы: {name}"))
}

fn build_processor(line: &Line) -> Done {
    let [root, out] = line.values.as_slice() else { return Err(Ending::failure(1, WRONG_ARGUMENTS)) };
    let xml = fs::read_to_string(root).map_err(io)?;
    if !xml.contains("<ExternalDataProcessor ") {
        return Err(Ending::failure(1, "Ошибка загрузки документа."));
    }
    fs::write(out, xml).map_err(io)?;
    Ok(String::new())
}
