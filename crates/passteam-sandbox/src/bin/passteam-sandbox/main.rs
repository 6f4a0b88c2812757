//! The sandbox as a program, for developers who have no account with the service.
//!
//! It speaks Russian, or English with `--lang en`. The sandbox itself is the library beside it; the options are in
//! `arguments`, the words in `language` and `russian`.

mod arguments;
mod language;
mod russian;

use std::convert::Infallible;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use passteam_sandbox::{Options, RecordedRequest, Sandbox, Tls};

use crate::arguments::Arguments;
use crate::language::Language;

fn main() -> ExitCode {
    let arguments = match arguments::parse() {
        Ok(arguments) => arguments,
        Err(exit_code) => return exit_code,
    };
    let language = arguments.lang;
    match run(arguments) {
        Ok(never) => match never {},
        Err(Failure { place, error, free }) => {
            eprintln!("passteam-sandbox: {place}: {}", language.io_error(&error));
            if let Some(free) = free {
                eprintln!("{}", language.advice_for_a_busy_port(free));
            }
            ExitCode::FAILURE
        }
    }
}

/// Why the program ends by itself.
struct Failure {
    /// The address, the file or the stream that the error is about.
    place: String,
    error: io::Error,
    /// An address that can be listened on instead.
    free: Option<SocketAddr>,
}

impl Failure {
    fn new(place: impl Into<String>, error: io::Error) -> Failure {
        Failure { place: place.into(), error, free: None }
    }

    fn of_listening(address: SocketAddr, error: io::Error) -> Failure {
        let is_busy = error.kind() == io::ErrorKind::AddrInUse;
        let free = is_busy.then(|| TcpListener::bind((address.ip(), 0)).and_then(|free| free.local_addr()).ok());
        Failure { free: free.flatten(), ..Failure::new(address.to_string(), error) }
    }
}

fn run(arguments: Arguments) -> Result<Infallible, Failure> {
    let language = arguments.lang;
    if !arguments.listen.ip().is_loopback() {
        eprintln!("{}", language.warning_of_foreign_access());
    }
    let sandbox =
        Sandbox::start(options(&arguments)).map_err(|error| Failure::of_listening(arguments.listen, error))?;
    arguments.faults.iter().for_each(|fault| sandbox.push_fault(fault.clone()));
    if let (Some(path), Some(pem)) = (&arguments.ca_file, sandbox.ca_pem()) {
        std::fs::write(path, pem).map_err(|error| Failure::new(path.display().to_string(), error))?;
    }
    print_settings(&sandbox, &arguments).map_err(|error| Failure::new("stdout", error))?;
    loop {
        std::thread::park();
    }
}

fn options(arguments: &Arguments) -> Options {
    let (language, verbose) = (arguments.lang, arguments.verbose);
    Options {
        listen: arguments.listen,
        token: arguments.token.clone(),
        templates: arguments.templates.iter().map(|id| id.as_str().into()).collect(),
        unique: arguments.unique.clone(),
        cards: arguments.cards,
        shape: arguments.shape.clone(),
        limits: arguments.limits,
        tls: if arguments.tls { Tls::OwnCa } else { Tls::None },
        latency: Duration::from_millis(arguments.latency),
        observer: Some(Arc::new(move |request| print_request(request, language, verbose))),
        ..Options::default()
    }
}

/// Prints the values for the component's properties and the address of the page.
fn print_settings(sandbox: &Sandbox, arguments: &Arguments) -> io::Result<()> {
    let names = arguments.lang.settings();
    let mut settings = vec![(names.server_url, sandbox.url()), (names.token, arguments.token.clone())];
    settings.extend(arguments.templates.iter().map(|template| (names.template_id, template.clone())));
    settings.extend(arguments.ca_file.iter().map(|path| (names.certificate_file, path.display().to_string())));
    settings.push((names.page, sandbox.page_url()));

    let mut out = io::stdout().lock();
    for (name, value) in settings {
        writeln!(out, "{:<21} {value}", format!("{name}:"))?;
    }
    out.flush()
}

/// Prints a request; if nobody reads the output any longer, the sandbox goes on without it.
fn print_request(request: &RecordedRequest, language: Language, verbose: bool) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{}", language.request_line(request));
    if verbose {
        for (name, value) in &request.form {
            let _ = writeln!(out, "    {} = {}", name.escape_debug(), value.escape_debug());
        }
    }
    let _ = out.flush();
}
