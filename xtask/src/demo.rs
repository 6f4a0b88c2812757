//! `cargo xtask demo`: one day of a shop, against the sandbox, as a transcript of the extension while it runs.
//!
//! It is for a 1C developer who wants to see the component work before she has an account or a platform at hand. It checks
//! every result that it shows; that the component keeps its contract is for the tests.

mod day;
mod error;
mod options;
mod shop;
mod transcript;

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use addin_host::Language;
use chrono::Utc;
use passteam_sandbox::{DEFAULT_TEMPLATE_ID, DEFAULT_TOKEN, Options as SandboxOptions, Sandbox, Tls};

use self::error::DemoError;
use self::options::{Options, Request};
use crate::bundle::{self, Library};
use crate::platform::Platform;
use crate::project::{self, VERSION};
use crate::{files, library};

/// Does what the arguments ask for. Everything that it says itself is in one language; BSL stays as it is.
pub fn run(arguments: Vec<OsString>) -> ExitCode {
    let options = match options::parse(arguments) {
        Request::Run(options) => options,
        Request::Help(language) => {
            print!("{}", options::help(language));
            return ExitCode::SUCCESS;
        }
        Request::Misuse(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    match show(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mark = options.language.pick("Ошибка", "Error");
            eprintln!("\n{mark}: {}", error.message(options.language));
            ExitCode::FAILURE
        }
    }
}

/// Plays the day; an error if a result is not what a shop must see.
fn show(options: &Options) -> Result<(), DemoError> {
    let language = options.language;
    println!("{}", language.pick("Сборка архива…", "Building the bundle…"));
    let zip = pack()?;
    let sandbox = Sandbox::start(SandboxOptions { tls: Tls::OwnCa, ..SandboxOptions::default() });
    let sandbox = sandbox.map_err(DemoError::Sandbox)?;
    let folder = tempfile::tempdir().map_err(DemoError::Sandbox)?;
    let ca_file = folder.path().join("sandbox-ca.pem");
    files::replace(&ca_file, sandbox.ca_pem().unwrap_or_default().as_bytes())?;

    let wrong = day::play(&zip, &sandbox, &ca_file, language)?;
    if options.keep {
        keep(&zip, &sandbox, &ca_file, language);
    }
    if wrong > 0 {
        return Err(DemoError::WrongResults(wrong));
    }
    println!("\n{}", language.pick("Все результаты верны.", "All results are right."));
    println!("{}: {}", language.pick("Архив для 1С", "The bundle for 1C"), zip.display());
    let next = language.pick(
        "Дальше: как добавить его в конфигурацию, сказано в docs/guide.md.",
        "Next: docs/guide.md says how to add it to a configuration.",
    );
    println!("{next}");
    Ok(())
}

/// Builds the library for this machine and packs it, in a folder that only the demo uses: a bundle that `dist` made for all
/// platforms stays as it is.
fn pack() -> Result<PathBuf, DemoError> {
    let platform = Platform::current().ok_or(DemoError::Platform)?;
    let library = Library::read(platform, &library::build("release")?)?;
    let zip = project::target_folder()?.join("demo").join(format!("Passteam-{VERSION}.zip"));
    bundle::write(&zip, &mut [library], project::commit_time()?.unwrap_or_else(Utc::now))?;
    Ok(zip)
}

/// Says how to go on by hand, and waits.
fn keep(zip: &Path, sandbox: &Sandbox, ca_file: &Path, language: Language) {
    day::title(language.pick("Для проб вручную", "For your own experiments"));
    for (russian, english, value) in [
        ("Архив", "Bundle", zip.display().to_string()),
        ("АдресСервера", "ServerUrl", sandbox.url()),
        ("Токен", "Token", DEFAULT_TOKEN.to_owned()),
        ("ИдентификаторШаблона", "TemplateId", DEFAULT_TEMPLATE_ID.to_owned()),
        ("ФайлСертификатов", "CertificateFile", ca_file.display().to_string()),
    ] {
        println!("{}: {value}", language.pick(russian, english));
    }
    print!("{}", language.pick("Песочница работает. Enter останавливает её.", "The sandbox runs. Enter stops it."));
    // A terminal that is gone stops it too.
    let _ = io::stdout().flush();
    let _ = io::stdin().read_line(&mut String::new());
}
