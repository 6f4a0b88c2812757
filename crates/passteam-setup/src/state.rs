//! What of the extension is in the base: nothing, this one, another version, or one that was loaded and never applied.

use std::fs;

use crate::component;
use crate::decode::decode;
use crate::designer::{self, Command};
use crate::error::SetupError;
use crate::extension::{Extension, Files, NAME, TEMPLATE, element, uuid};
use crate::files;
use crate::process::Ending;
use crate::session::Session;
use crate::text;
use crate::version::Version;

/// The extension as the base has it.
#[derive(Debug)]
pub(crate) struct Installed {
    /// The version in its root.
    pub(crate) version: Option<Version>,
    /// Its compatibility mode as the dump spells it.
    pub(crate) mode: Option<String>,
    /// The version of the component in its template.
    pub(crate) component: Option<String>,
    /// What of it the database uses.
    pub(crate) in_database: InDatabase,
    /// All its files.
    files: Files,
}

/// What the database has of an extension that is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InDatabase {
    /// What was loaded last.
    Loaded,
    /// An earlier state; what was loaded since is not applied.
    Earlier,
    /// Nothing, as far as can be told: it was never applied.
    Nothing,
}

impl Installed {
    /// Whether nothing is left half-way.
    pub(crate) fn is_whole(&self) -> bool {
        self.in_database == InDatabase::Loaded
    }

    /// Whether it has scheduled jobs; without them an external data processor does their work.
    pub(crate) fn has_jobs(&self) -> bool {
        self.files.keys().any(|name| name.starts_with("ScheduledJobs/"))
    }

    /// Whether loading `files` would bring nothing new: same version, mode, modules and component. The platform writes XML
    /// files in its own format, so they are not compared.
    pub(crate) fn is(&self, fitted: &Files) -> bool {
        let root = fitted.get("Configuration.xml").map(|root| decode(root)).unwrap_or_default();
        let same_value = |name: &str, installed: Option<String>| element(&root, name).map(str::to_owned) == installed;
        let module = |bytes: &[u8]| decode(bytes).replace("\r\n", "\n").trim_end().to_owned();
        let parts = |files: &Files| -> Vec<(String, String)> {
            let modules = files.iter().filter(|(name, content)| name.ends_with(".bsl") && !module(content).is_empty());
            modules.map(|(name, content)| (name.clone(), module(content))).collect()
        };
        let objects = |files: &Files| -> Vec<String> {
            files.keys().filter(|name| name.ends_with(".xml") && !name.contains("/Ext/")).cloned().collect()
        };
        same_value("Version", self.version.as_ref().map(Version::to_string))
            && same_value("ConfigurationExtensionCompatibilityMode", self.mode.clone())
            && self.files.get(TEMPLATE) == fitted.get(TEMPLATE)
            && parts(&self.files) == parts(fitted)
            && objects(&self.files) == objects(fitted)
    }
}

/// Reads what is installed.
///
/// # Errors
/// The Designer fails, or another extension has our name.
pub(crate) fn read(session: &Session, extension: &Extension) -> Result<Option<Installed>, SetupError> {
    if !is_listed(session)? {
        return Ok(None);
    }
    let folder = session.new_folder()?.join("dump");
    fs::create_dir(&folder).map_err(SetupError::file(&folder))?;
    designer::run(session, &Command::DumpExtension(&folder))?;
    let dumped = tree(&folder)?;
    let root = dumped.get("Configuration.xml").map(|root| decode(root)).unwrap_or_default();
    if uuid(&root) != extension.uuid() {
        return Err(SetupError::Refused(text!(
            "в базе уже есть другое расширение с именем {NAME}. Переименуйте или удалите его. База не тронута",
            "the base already has another extension named {NAME}. Rename or remove it. The base was not touched",
        )));
    }
    let value = |name| element(&root, name).map(str::to_owned);
    Ok(Some(Installed {
        version: value("Version").and_then(|version| version.parse().ok()),
        mode: value("ConfigurationExtensionCompatibilityMode"),
        component: dumped.get(TEMPLATE).and_then(|zip| component::version(zip)),
        in_database: in_database(session)?,
        files: dumped,
    }))
}

/// Whether the base has an extension of our name, applied or not.
///
/// # Errors
/// The Designer does not say for certain. Success with an empty list is not enough: a full disk gives that too, and an
/// installed extension that is taken for a missing one would be deleted with its data if a later step failed.
pub(crate) fn is_listed(session: &Session) -> Result<bool, SetupError> {
    let Some(list) = designer::run(session, &Command::List)? else { return Err(not_told()) };
    // Names have no case: loading would go into an extension «PASSTEAM».
    if list.lines().any(|line| line.trim().trim_matches('"').to_lowercase() == NAME.to_lowercase()) {
        return Ok(true);
    }
    match designer::try_run(session, &Command::Find)?.outcome.ending {
        Ending::Code(0) => Err(not_told()),
        Ending::Code(1..) => Ok(false),
        ending => Err(designer::failure(&Command::Find, ending)),
    }
}

fn not_told() -> SetupError {
    SetupError::Refused(text!(
        "платформа ответила успехом, но не сказала, есть ли в базе расширение {NAME}. Проверьте, есть ли место на диске и \
         доступна ли папка временных файлов, и повторите. База не тронута",
        "the platform reported success and did not tell whether the base has the extension {NAME}. See whether the disk is full \
         or the folder for temporary files cannot be written, and repeat. The base was not touched",
    ))
}

/// Compares what was loaded with what the database has: both saved files are the same bytes if it is the same. An extension
/// that was never applied cannot be saved from the database; that the second file can be saved afterwards shows that it is
/// not the disk that is full.
pub(crate) fn in_database(session: &Session) -> Result<InDatabase, SetupError> {
    let folder = session.new_folder()?;
    let (loaded, applied) = (folder.join("loaded.cfe"), folder.join("applied.cfe"));
    let answer = designer::try_run(session, &Command::SaveApplied(&applied))?;
    designer::run(session, &Command::Save(&loaded))?;
    if !answer.outcome.ending.succeeded() || !applied.is_file() {
        return Ok(InDatabase::Nothing);
    }
    let same = files::read(&loaded)? == files::read(&applied)?;
    Ok(if same { InDatabase::Loaded } else { InDatabase::Earlier })
}

/// All files below a folder, by their path with `/`.
fn tree(root: &std::path::Path) -> Result<Files, SetupError> {
    let mut found = Files::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(SetupError::file(&folder))? {
            let path = entry.map_err(SetupError::file(&folder))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(inside) = path.strip_prefix(root) {
                let name = inside.to_string_lossy().replace('\\', "/");
                if name != "ConfigDumpInfo.xml" {
                    found.insert(name, files::read(&path)?);
                }
            }
        }
    }
    Ok(found)
}
