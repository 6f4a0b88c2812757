//! The program: its options, what it prints, and both languages.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use crate::support::{self, Client};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_passteam-sandbox"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> Output {
    program().args(arguments).output().unwrap()
}

/// A running program, which is ended when this is dropped.
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

    /// The value of the setting on the next line, whose name must be this one.
    fn setting(&mut self, name: &str) -> String {
        let line = self.line();
        let (found, value) = line.split_once(':').unwrap_or_else(|| panic!("{line:?}"));
        assert_eq!(found, name);
        value.trim().to_owned()
    }

    /// Ends the program and returns the rest of its output, stdout and stderr.
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
    for language in [&[][..], &["--lang", "en"]] {
        let output = run(&[language, &["--help"]].concat());
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success());
        assert_eq!(help.contains("Использование:"), language.is_empty(), "{help}");
        assert_eq!(help.contains("Usage:"), !language.is_empty(), "{help}");
        for name in OPTIONS_AND_KEYS {
            assert!(help.contains(name), "{name} is not in\n{help}");
        }
    }
}

const OPTIONS_AND_KEYS: &[&str] = &[
    "--listen",
    "--token",
    "--template",
    "--unique",
    "--tls",
    "--ca-file",
    "--latency",
    "--fault",
    "--cards",
    "--shape",
    "--limit",
    "--verbose",
    "error=",
    "late=",
    "drop=early",
    "list=",
    "variables=",
    "curl -H",
    "values[%25PHONE%25]=",
    "/sandbox/sample-cards",
    "/sandbox/shape",
    "/sandbox/limits",
    "/sandbox/late-requests",
    "--lang",
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
];

#[test]
fn wrong_arguments_are_refused_with_a_reason() {
    for (arguments, reason) in [
        (&["--listen", "8080"][..], "--listen"),
        (&["--tls"], "--ca-file"),
        (&["--ca-file", "ca.pem"], "--tls"),
        (&["--fault", "status=99"], "99 is not an HTTP status"),
        (&["--fault", "colour=red"], "colour=red"),
    ] {
        let output = run(&[&["--lang", "en"], arguments].concat());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{arguments:?}");
        assert!(error.contains(reason), "{arguments:?}: {error}");

        let output = run(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(error.contains("ошибка:") && error.contains("Использование:"), "{arguments:?}: {error}");
    }
}

#[test]
fn an_address_in_use_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (language, reason) in [("ru", "адрес уже занят"), ("en", "in use")] {
        let output = run(&["--lang", language, "--listen", &address]);
        assert!(!output.status.success());
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(error.contains(&address), "{error}");
        // Windows has texts of its own.
        assert!(error.contains(reason) || (cfg!(windows) && language == "en"), "{error}");
        let free = error.split_once("--listen ").map(|(_, free)| free.trim().to_owned());
        let free: std::net::SocketAddr = free.expect("a free address").parse().expect("an address");
        assert!(free.ip().is_loopback() && free.to_string() != address, "{error}");
    }
}

#[test]
fn it_prints_the_settings_and_each_request_without_secrets_or_personal_data() {
    let mut running = Running::start(&["--token", support::TOKEN, "--template", "first", "--template", "second"]);
    let url = running.setting("АдресСервера");
    assert_eq!(running.setting("Токен"), support::TOKEN);
    assert_eq!(running.setting("ИдентификаторШаблона"), "first");
    assert_eq!(running.setting("ИдентификаторШаблона"), "second");
    assert_eq!(running.setting("Страница с картами"), url.replace("/oapi/v1", "/"));

    let client = Client::at(&url, None);
    let form = [("templateId", "second"), ("values[%PHONE%]", "79161234567")];
    let id = client.call("createcard", &form).card_id();
    assert_eq!(running.line(), format!("#1 createcard HTTP 200 code 200 карта {id}"));
    assert_eq!(client.call("updatecard", &[("cardId", "\u{1b}[31m")]).code(), 404);
    assert_eq!(running.line(), "#2 updatecard HTTP 200 code 404 карта -");
    assert_eq!(running.stop(), "");
}

#[test]
fn it_prints_english_if_asked() {
    let mut running = Running::start(&["--lang", "en", "--token", support::TOKEN]);
    let url = running.setting("ServerUrl");
    assert_eq!(running.setting("Token"), support::TOKEN);
    assert_eq!(running.setting("TemplateId"), passteam_sandbox::DEFAULT_TEMPLATE_ID);
    assert_eq!(running.setting("Page with the cards"), url.replace("/oapi/v1", "/"));
    let client = Client::at(&url, None);
    let id = client.create("79161234567");
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
    assert_eq!(running.line(), "#1 updatecard HTTP 200 code 404 карта -");
    assert_eq!(running.line(), "    cardId = x");
    assert_eq!(running.line(), "    values[%NAME%] = Анна\\u{1b}[31m\\n");
    assert_eq!(running.stop(), "");
}

#[test]
fn it_serves_https_and_writes_the_ca_file() {
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
fn listening_beyond_loopback_prints_a_warning() {
    let mut child = program().args(["--listen", "0.0.0.0:0"]).spawn().unwrap();
    let mut warning = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut warning).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(warning.contains("с других машин"), "{warning}");
}

#[test]
fn cards_shape_and_limits_are_taken_from_the_command_line() {
    let mut running = Running::start(&[
        "--token",
        support::TOKEN,
        "--cards",
        "60",
        "--shape",
        "list=items,id=_id,next=next_page",
        "--limit",
        "hour=2",
    ]);
    let client = Client::at(&running.setting("АдресСервера"), None);
    let page = client.call("getCardsWithPagination", &[]).json();
    assert_eq!(page["result"]["items"].as_array().unwrap().len(), 50);
    assert_eq!(page["result"]["items"][49]["_id"].as_str().unwrap().len(), 24);
    assert_eq!(page["result"]["next_page"], 2);
    assert_eq!(client.call("getcards", &[]).code(), 200);
    let limited = client.call("getcards", &[]);
    assert_eq!((limited.status, limited.code()), (429, 429));
    assert!(limited.headers.contains_key("retry-after"));
}
