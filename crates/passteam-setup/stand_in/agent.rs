//! `1cv8 DESIGNER … /AgentMode`, and OpenSSH's `ssh` and `ssh-keygen` that talk to it. Between them goes no SSH: a line with
//! the agent's key, a line with user and password, and then what SSH would carry.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{self, Command, ExitCode};
use std::thread;

use serde_json::{Value, json};

use crate::ibcmd;
use crate::stage::{Base, Ending};

/// The agent's part of the Designer's command line: `/AgentPort` and its like with their values.
pub type Options = BTreeMap<String, String>;

/// Serves until `common shutdown`.
pub fn run(options: &Options, base: &Base) -> Ending {
    if let Some(failure) = base.fail("/AgentMode") {
        return failure;
    }
    let option = |name: &str| options.get(name).map_or("", String::as_str);
    let key = fs::read_to_string(option("/AgentSSHHostKey")).unwrap_or_default();
    let Some(key) = key.strip_prefix("-----BEGIN RSA PRIVATE KEY-----\n") else {
        return Ending::failure(1, "Неверный ключ хоста агента");
    };
    let address = (option("/AgentListenAddress"), option("/AgentPort").parse().unwrap_or(0));
    let served = TcpListener::bind(address).and_then(|listener| {
        loop {
            // Whoever only looks whether the port is open is gone at once.
            let _ = serve(listener.accept()?.0, key.trim(), base);
        }
    });
    served.unwrap_or_else(|error: io::Error| Ending::failure(1, error.to_string()))
}

fn serve(stream: TcpStream, key: &str, base: &Base) -> io::Result<()> {
    let (mut out, mut lines) = (stream.try_clone()?, BufReader::new(stream).lines());
    writeln!(out, "{key}")?;
    let login = lines.next().unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into()))?;
    let (user, password) = login.split_once('\t').unwrap_or_default();
    // A base without users takes an empty name.
    let right = if base.has("users") {
        base.password_of(user).is_some_and(|known| known == password)
    } else {
        user.is_empty() && password.is_empty()
    };
    writeln!(out, "{}", if right { "welcome" } else { "refused" })?;
    write!(out, "designer> ")?;
    let mut shell = Shell { base, json: false, connected: false };
    for line in lines {
        let line = line?;
        base.note("agent", std::slice::from_ref(&line));
        if line == "common shutdown" {
            process::exit(0);
        }
        let was_prose = !shell.json;
        let answer = shell.answer(&line);
        if was_prose && !shell.json {
            write!(out, "{line}: нет\ndesigner> ")?;
        } else {
            writeln!(out, "{answer}")?;
        }
    }
    Ok(())
}

struct Shell<'a> {
    base: &'a Base,
    json: bool,
    connected: bool,
}

impl Shell<'_> {
    fn answer(&mut self, line: &str) -> Value {
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["options", "set", options @ ..] => {
                self.json = options.contains(&"--output-format=json") && options.contains(&"--show-prompt=no");
                done()
            }
            ["common", "connect-ib"] if !self.base.open() => error("DesignerAlreadyConnectedToInfoBase"),
            ["common", "connect-ib"] => {
                self.connected = true;
                json!([{"type": "log", "message": "[1]"}, {"type": "success"}])
            }
            ["common", "disconnect-ib"] => {
                self.connected = false;
                done()
            }
            ["config", "extensions", "properties", verb, options @ ..] if self.connected => {
                self.properties(verb, options)
            }
            _ => error("CommandFormatError"),
        }
    }

    fn properties(&self, verb: &str, options: &[&str]) -> Value {
        if let Some(failure) = self.base.fail("agent") {
            return error(&failure.says);
        }
        let options: BTreeMap<_, _> =
            options.iter().filter_map(|option| option.strip_prefix("--")?.split_once('=')).collect();
        let name = options.get("extension").copied().unwrap_or_default();
        if name.is_empty() || !self.base.extension(name).is_dir() {
            return error("ExtensionNotFound");
        }
        match verb {
            "get" => {
                let mut body = json!({"name": name, "version": "", "purpose": "add-on"});
                for (key, value) in ibcmd::properties(self.base, name) {
                    body[key] = json!(value == "yes");
                }
                json!([{"type": "extension-properties", "body": body}])
            }
            "set" if ibcmd::update(self.base, name, &options).code == 0 => done(),
            _ => error("CommandFormatError"),
        }
    }
}

fn done() -> Value {
    json!([{"type": "success", "message": ""}])
}

fn error(kind: &str) -> Value {
    json!([{"type": "error", "error-type": kind, "message": "Слова платформы"}])
}

/// `ssh-keygen -q -t rsa -b 2048 -m PEM -N "" -f FILE`.
pub fn keygen(arguments: &[String]) -> ExitCode {
    let line: Vec<_> = arguments.iter().map(String::as_str).collect();
    let ["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f", file] = line.as_slice() else {
        eprintln!("usage: ssh-keygen");
        return ExitCode::from(1);
    };
    let key = format!("key-{}", process::id());
    let private = fs::write(file, format!("-----BEGIN RSA PRIVATE KEY-----\n{key}\n"));
    let public = fs::write(format!("{file}.pub"), format!("ssh-rsa {key} somebody@computer\n"));
    if private.and(public).is_ok() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// `ssh -V`, and a session without a terminal.
pub fn ssh(arguments: &[String]) -> ExitCode {
    if arguments == ["-V"] {
        eprintln!("OpenSSH_{}, OpenSSL 3.0.19", env::var("STAND_IN_SSH").unwrap_or_else(|_| "9.2p1".to_owned()));
        return ExitCode::SUCCESS;
    }
    match session(arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ssh: {error}");
            ExitCode::from(255)
        }
    }
}

fn session(arguments: &[String]) -> io::Result<ExitCode> {
    let mut options = BTreeMap::new();
    let (mut host, mut terminal, mut rest) = ("", true, arguments.iter().map(String::as_str));
    while let Some(argument) = rest.next() {
        match argument {
            "-T" => terminal = false,
            "-o" => {
                options.extend(rest.next().and_then(|option| option.split_once('=')));
            }
            "-F" | "-p" | "-l" => {
                options.insert(argument, rest.next().unwrap_or_default());
            }
            _ => host = argument,
        }
    }
    let option = |name: &str| options.get(name).copied().unwrap_or_default();
    let file = if option("-F") == "none" { String::new() } else { fs::read_to_string(option("-F"))? };
    let user = file.trim_end().strip_prefix("User \"").and_then(|user| user.strip_suffix('"'));
    if option("-l").contains(['(', ')', '&', '\'', ';']) {
        return Err(io::Error::other("remote username contains invalid characters"));
    }
    // The agent's library knows no newer way to sign.
    if !option("HostKeyAlgorithms").contains("+ssh-rsa") {
        return Err(io::Error::other("no matching host key type found. Their offer: ssh-rsa"));
    }
    let strict = option("StrictHostKeyChecking") == "yes" && option("PreferredAuthentications") == "password";
    if terminal || !strict || !options.contains_key("-F") || env::var("SSH_ASKPASS_REQUIRE").as_deref() != Ok("force") {
        return Err(io::Error::other("bad arguments"));
    }
    let known = fs::read_to_string(option("UserKnownHostsFile").trim_matches('"'))?;
    let stream = TcpStream::connect(format!("{host}:{}", option("-p")))?;
    let (mut out, mut received) = (stream.try_clone()?, BufReader::new(stream));
    let mut line = String::new();
    received.read_line(&mut line)?;
    if known != format!("[{host}]:{} ssh-rsa {}\n", option("-p"), line.trim()) {
        return Err(io::Error::other("Host key verification failed."));
    }
    let asked = Command::new(env::var("SSH_ASKPASS").unwrap_or_default()).arg("password: ").output()?;
    let password = String::from_utf8(asked.stdout).map_err(io::Error::other)?;
    writeln!(out, "{}\t{}", user.unwrap_or(option("-l")), password.trim_end())?;
    line.clear();
    received.read_line(&mut line)?;
    if line.trim() != "welcome" {
        return Err(io::Error::other("Permission denied (password)."));
    }
    // It ends with the process.
    thread::spawn(move || io::copy(&mut io::stdin(), &mut out));
    let mut bytes = [0; 4096];
    while let Ok(count @ 1..) = received.read(&mut bytes) {
        io::stdout().write_all(&bytes[..count])?;
        io::stdout().flush()?;
    }
    Ok(ExitCode::SUCCESS)
}
