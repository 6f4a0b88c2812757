//! The program, as it is started by hand.

mod support;

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use support::Client;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_passteam-sandbox"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

/// A program that is ended with the test.
struct Running {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = program().args(["--listen", "127.0.0.1:0"]).args(arguments).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The value of a printed setting, the next line.
    fn setting(&mut self, name: &str) -> String {
        let line = self.line();
        let (found, value) = line.split_once(':').unwrap_or_else(|| panic!("{line:?}"));
        assert_eq!(found, name);
        value.trim().to_owned()
    }

    /// Everything it prints from here on, to stdout and stderr.
    fn stop(mut self) -> String {
        self.child.kill().unwrap();
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap();
        rest
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn help_names_every_option_and_every_key() {
    let output = run(&["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for name in [
        "--listen",
        "--token",
        "--template",
        "--unique",
        "--tls",
        "--ca-file",
        "--latency",
        "--fault",
        "--verbose",
        "--help",
        "--version",
        "127.0.0.1:8080",
        passteam_sandbox::DEFAULT_TOKEN,
        passteam_sandbox::DEFAULT_TEMPLATE_ID,
        "status=",
        "code=",
        "message=",
        "body=",
        "retry-after=",
        "delay=",
        "drop=before",
        "drop=after",
        "drop=100",
        "/sandbox/cards",
        "/sandbox/requests",
        "/sandbox/faults",
    ] {
        assert!(help.contains(name), "{name} is not in\n{help}");
    }
}

#[test]
fn wrong_arguments_are_refused_with_a_reason() {
    for (arguments, reason) in [
        (&["--listen", "8080"][..], "--listen"),
        (&["--tls"], "--ca-file"),
        (&["--ca-file", "ca.pem"], "--tls"),
        (&["--fault", "status=99"], "99 is not an HTTP status"),
        (&["--fault", "colour=red"], "colour=red"),
    ] {
        let output = run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(error.contains(reason), "{arguments:?}: {error}");
    }
}

#[test]
fn an_address_in_use_ends_the_program_with_a_reason() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["--listen", &address]);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains(&address));
}

#[test]
fn it_prints_what_to_set_and_each_request_without_secrets_or_personal_data() {
    let mut running = Running::start(&["--token", support::TOKEN, "--template", "first", "--template", "second"]);
    let url = running.setting("АдресСервера");
    assert_eq!(running.setting("Токен"), support::TOKEN);
    assert_eq!(running.setting("ИдентификаторШаблона"), "first");
    assert_eq!(running.setting("ИдентификаторШаблона"), "second");
    assert_eq!(running.setting("Страница с картами"), url.replace("/oapi/v1", "/"));

    let client = Client::at(&url, None);
    let form = [("templateId", "second"), ("values[%PHONE%]", "79161234567")];
    let id = client.call("createcard", &form).card_id();
    assert_eq!(running.line(), format!("#1 createcard HTTP 200 code 200 card {id}"));
    assert_eq!(client.call("updatecard", &[("cardId", "\u{1b}[31m")]).code(), 404);
    assert_eq!(running.line(), "#2 updatecard HTTP 200 code 404 card -");
    assert_eq!(running.stop(), "");
}

#[test]
fn verbose_prints_the_fields_but_not_the_token() {
    let mut running = Running::start(&["--verbose", "--token", support::TOKEN]);
    let url = running.setting("АдресСервера");
    running.setting("Токен");
    running.setting("ИдентификаторШаблона");
    running.setting("Страница с картами");
    let client = Client::at(&url, None);
    client.call("updatecard", &[("cardId", "x"), ("values[%NAME%]", "Анна\u{1b}[31m\n")]);
    assert_eq!(running.line(), "#1 updatecard HTTP 200 code 404 card -");
    assert_eq!(running.line(), "    cardId = x");
    assert_eq!(running.line(), "    values[%NAME%] = Анна\\u{1b}[31m\\n");
    assert_eq!(running.stop(), "");
}

#[test]
fn it_speaks_tls_and_writes_its_ca() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let path = path.to_str().unwrap();
    let mut running = Running::start(&["--tls", "--ca-file", path, "--token", support::TOKEN]);
    let url = running.setting("АдресСервера");
    assert!(url.starts_with("https://localhost:"), "{url}");
    running.setting("Токен");
    running.setting("ИдентификаторШаблона");
    assert_eq!(running.setting("ФайлСертификатов"), path);
    let client = Client::at(&url, Some(&std::fs::read_to_string(path).unwrap()));
    assert_eq!(client.call("gettemplates", &[]).code(), 200);
}

#[test]
fn faults_latency_and_unique_variables_are_taken_from_the_command_line() {
    let mut running = Running::start(&[
        "--token",
        support::TOKEN,
        "--latency",
        "30",
        "--unique",
        "EMAIL",
        "--fault",
        "updatecard:status=503",
        "--fault",
        "code=429,retry-after=5",
    ]);
    let client = Client::at(&running.setting("АдресСервера"), None);
    let start = std::time::Instant::now();
    let limited = client.call("createcard", &[]);
    assert!(start.elapsed().as_millis() >= 30);
    assert_eq!((limited.status, limited.code()), (200, 429));
    assert_eq!(limited.headers["retry-after"], "5");
    assert_eq!(client.call("updatecard", &[]).status, 503);
    let form = [("templateId", passteam_sandbox::DEFAULT_TEMPLATE_ID)];
    assert!(client.call("createcard", &form).message().contains("(EMAIL)"));
}

#[test]
fn listening_beyond_loopback_is_warned_of() {
    let mut child = program().args(["--listen", "0.0.0.0:0"]).spawn().unwrap();
    let mut warning = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut warning).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(warning.contains("с других машин"), "{warning}");
}
