//! `passteam-setup`: puts the extension «Passteam» into an infobase of 1С:Розница with one command.
//!
//! It drives the platform's own programs, `1cv8 DESIGNER` (batch commands and the agent) and `ibcmd`: it never opens the
//! database, and it never changes the main configuration. What the user sees first stands in [`arguments`]; what is done to the base, in
//! `install`, `check`, `remove` and `extract`.
//!
//! Three rules hold everywhere:
//!
//! - Exit codes and structured answers decide. The platform's prose comes in several languages; it is shown, never read.
//! - A process runs one command, in a folder of its own, without standard input, and not longer than its deadline; only a
//!   restructuring of the base has none unless the user names it.
//! - A password goes to the platform and nowhere else.
//!
//! The extension and the component's zip are part of the program, so that a shop copies one file. The build takes the
//! extension from `bsl-examples/extension`, or from the folder that `PASSTEAM_SETUP_EXTENSION` names, and the zip from
//! `PASSTEAM_SETUP_COMPONENT`, which `cargo xtask dist` sets. Without a zip the program asks for `--component`: a developer's
//! build needs no libraries of other platforms, and tests stay fast.
//!
//! Arguments are read by `lexopt` as in the project's other bilingual programs: every text is ours, in both languages.

mod agent;
pub mod arguments;
mod base;
mod check;
mod component;
mod console;
mod decode;
mod designer;
mod error;
mod extension;
mod extract;
mod files;
mod guard;
mod ibcmd;
mod infobase;
mod install;
mod lock;
mod platform;
mod process;
mod properties;
mod protection;
mod remove;
mod scan;
mod secret;
mod session;
mod state;
pub mod text;
mod version;

use std::env;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use arguments::{Action, Arguments, Request};
use console::Console;
use error::{Left, SetupError};
use secret::Password;
use session::Session;

/// Does what the arguments ask for and prints it. 0: done. 1: something is left to do or went wrong, and is said. 2: the
/// arguments are wrong, and nothing was looked for.
pub fn run(arguments: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    if let Some(file) = env::var_os(agent::ASKED_FOR) {
        return give_password(Path::new(&file));
    }
    if let Some(folder) = env::var_os(guard::GUARDED) {
        return guard::run(Path::new(&folder));
    }
    let Arguments { language, request } = arguments::parse(arguments);
    let console = Console::new(language);
    let outcome = match request {
        Ok(Request::Help) => {
            console.raw(&arguments::help(language));
            return ExitCode::SUCCESS;
        }
        Ok(Request::Version) => {
            console.raw(&format!("passteam-setup {}\n", env!("CARGO_PKG_VERSION")));
            return ExitCode::SUCCESS;
        }
        Ok(Request::Do(action)) => act(*action, &console),
        Err(misuse) => Err(SetupError::Misuse(misuse)),
    };
    match outcome {
        Ok(Left::Nothing) => ExitCode::SUCCESS,
        Ok(Left::Something) => ExitCode::FAILURE,
        Err(error) => {
            console.error(&error);
            ExitCode::from(error.status())
        }
    }
}

/// OpenSSH has started this program to ask for the password; without a file it is empty.
fn give_password(file: &Path) -> ExitCode {
    let password = if file.as_os_str().is_empty() { Ok(Password::new("")) } else { session::read_password(file) };
    match password.map(|password| writeln!(io::stdout(), "{}", password.expose())) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(_)) | Err(_) => ExitCode::FAILURE,
    }
}

fn act(action: Action, console: &Console) -> Result<Left, SetupError> {
    match action {
        Action::Install(options) => install::install(&Session::open(&options.base, console)?, &options),
        Action::Update(options) => install::update(&Session::open(&options.base, console)?, &options),
        Action::Check(options) => check::check(&Session::open(&options.base, console)?, &options),
        Action::Remove(options) => remove::remove(&Session::open(&options.base, console)?, &options),
        Action::Cfe(options) => remove::save(&Session::open(&options.base, console)?, &options.out),
        Action::Extract(options) => extract::extract(&options, console),
    }
}
