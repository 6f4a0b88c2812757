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
use std::io;
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
    println!(
        "{}",
        language.pick(
            "Сборка архива: в первый раз — до десяти минут…",
            "Building the bundle: up to ten minutes the first time…",
        )
    );
    let zip = pack()?;
    // No browser knows the sandbox's CA, so a page for a person is served by plain HTTP, and so is then the service.
    let tls = if options.keep { Tls::None } else { Tls::OwnCa };
    let sandbox = Sandbox::start(SandboxOptions { tls, ..SandboxOptions::default() }).map_err(DemoError::Sandbox)?;
    let folder = tempfile::tempdir().map_err(DemoError::Sandbox)?;
    let ca_file = ca_file(&sandbox, folder.path())?;

    let wrong = day::play(&zip, &sandbox, ca_file.as_deref(), language)?;
    if options.keep {
        keep(&zip, &sandbox, language);
    }
    if wrong > 0 {
        return Err(DemoError::WrongResults(wrong));
    }
    println!("\n{}", language.pick("Все результаты верны.", "All results are right."));
    println!("{}: {}", language.pick("Архив для 1С", "The bundle for 1C"), zip.display());
    let next = language.pick(
        "Дальше: раздел «Если конфигурацию меняете сами» в docs/guide.md говорит, как добавить архив в конфигурацию.",
        "Next: the section «Если конфигурацию меняете сами» of docs/guide.md says how to add it to a configuration.",
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

/// Writes the certificate of the sandbox's CA for the component; `None` if the sandbox has no CA.
fn ca_file(sandbox: &Sandbox, folder: &Path) -> Result<Option<PathBuf>, DemoError> {
    let Some(pem) = sandbox.ca_pem() else { return Ok(None) };
    let file = folder.join("sandbox-ca.pem");
    files::replace(&file, pem.as_bytes())?;
    Ok(Some(file))
}

/// Says how to go on by hand and how to stop the sandbox, and waits.
fn keep(zip: &Path, sandbox: &Sandbox, language: Language) {
    day::title(language.pick("Для проб вручную", "For your own experiments"));
    for (russian, english, value) in [
        ("Архив", "Bundle", zip.display().to_string()),
        ("АдресСервера", "ServerUrl", sandbox.url()),
        ("Токен", "Token", DEFAULT_TOKEN.to_owned()),
        ("ИдентификаторШаблона", "TemplateId", DEFAULT_TEMPLATE_ID.to_owned()),
        ("Страница с картами", "Page", sandbox.page_url()),
    ] {
        println!("{}: {value}", language.pick(russian, english));
    }
    let stop = language
        .pick("Песочница работает. Чтобы остановить её, нажмите Enter.", "The sandbox runs. Press Enter to stop it.");
    println!("{stop}");
    // A terminal that is gone stops it too.
    let _ = io::stdin().read_line(&mut String::new());
}
