//! The Designer's agent: `1cv8 DESIGNER … /AgentMode`, a Designer that takes commands over SSH. It reads and sets the
//! extension's properties in a base of a cluster, which `ibcmd` cannot reach and no batch command changes.
//!
//! The SSH client is the system's own OpenSSH, which Windows 10 and every Linux have; a library would bring some eighty
//! packages for this one conversation. The agent listens on this computer alone and proves itself by a key that is made for
//! this one run: another program that got hold of the port would not receive the password. The password goes from its file
//! through SSH and stands on no command line.
//!
//! Sources: the platform's documentation of the agent mode; the shape of its answers was measured on 8.3.27 by the authors of
//! `IngvarConsulting/v8-runner-rust` (a shell without a terminal, JSON arrays).

use std::env;
use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Deserializer, Value};

use crate::decode::decode;
use crate::error::SetupError;
use crate::extension::NAME;
use crate::files;
use crate::process::{self, Argument, Background, Ending, Outcome, Patience};
use crate::properties::Properties;
use crate::session::Session;
use crate::text;
use crate::text::Text;

/// How long the Designer may take to start, and then to answer everything; by itself it takes seconds.
const LIMIT: Duration = Duration::from_secs(300);
/// How long it may take to end once it was told to.
const FAREWELL: Duration = Duration::from_secs(30);
/// How often the port is tried until the Designer listens.
const PAUSE: Duration = Duration::from_millis(100);
/// The first OpenSSH that asks a program for the password although there may be a terminal.
const FIRST_SSH: (u32, u32) = (8, 4);
/// Names the file of the password to this program when OpenSSH starts it to ask for that.
pub(crate) const ASKED_FOR: &str = "PASSTEAM_SETUP_PASSWORD_FILE";

/// The extension's properties; `None` if the base has no such extension or this computer has no way to ask.
pub(crate) fn properties(session: &Session) -> Result<Option<Properties>, SetupError> {
    let Some(answers) = ask(session, &[get()])? else { return Ok(None) };
    Ok(answers.first().and_then(|answer| read(answer)))
}

/// Turns safe mode and the protection from dangerous actions off, for this extension alone; gives the properties as they are
/// afterwards.
pub(crate) fn allow_the_addin(session: &Session) -> Result<Option<Properties>, SetupError> {
    let set =
        format!("config extensions properties set --extension={NAME} --safe-mode=no --unsafe-action-protection=no");
    let Some(answers) = ask(session, &[set, get()])? else { return Ok(None) };
    Ok(answers.last().and_then(|answer| read(answer)))
}

fn get() -> String {
    format!("config extensions properties get --extension={NAME}")
}

fn step() -> Text {
    text!("Свойства расширения (агент Конфигуратора)", "The extension's properties (the Designer's agent)")
}

/// Why the agent gave no answer.
#[derive(Debug)]
enum Failure {
    /// It does not listen: it ended, or it took too long.
    Silent,
    /// The conversation broke off: a refused password, a lost connection, no answer in time. OpenSSH's words say which.
    BrokenOff,
    /// The agent reports an error of this type.
    Error(String),
}

impl Failure {
    fn text(&self) -> Text {
        match self {
            Failure::Silent => text!("Конфигуратор не открыл порт", "the Designer did not listen"),
            Failure::BrokenOff => text!("соединение с агентом прервано", "the connection to the agent broke off"),
            Failure::Error(kind) => text!("агент вернул ошибку ({kind})", "the agent reports an error ({kind})"),
        }
    }
}

/// Starts an agent, gives it the commands one after the other, and ends it. An answer for each command; `None` if this
/// computer has no OpenSSH that can do it.
fn ask(session: &Session, commands: &[String]) -> Result<Option<Vec<Vec<Value>>>, SetupError> {
    let folder = session.new_folder()?;
    let Some(ssh) = Ssh::find(&folder) else { return Ok(None) };
    let Some(key) = ssh.new_key(&folder)? else { return Ok(None) };
    let address = free_address().map_err(SetupError::file(&folder))?;
    files::write(&key.known_hosts, format!("[127.0.0.1]:{} {}\n", address.port(), key.public).as_bytes())?;

    let log = folder.join("out.txt");
    let arguments = arguments(session, &folder, &key.private, &log, address.port());
    let command = |ending| SetupError::Command { step: step(), ending, advice: advice() };
    let mut agent = Background::start(&session.platform.designer, &arguments, &folder).map_err(command)?;
    let _ended = session.guard.ends(agent.id());
    session.console.command(&step(), &process::shown(&session.platform.designer, &arguments));
    let limit = session.limit().min(LIMIT);
    let talked = wait_until_it_listens(&mut agent, address, limit)
        .and_then(|()| talk(session, &ssh, &key, address, commands, &folder));
    let Outcome { ending, printed } =
        agent.finish(Patience::Until(if talked.is_ok() { FAREWELL } else { Duration::ZERO }));
    let words = if log.exists() { decode(&files::read(&log)?) } else { String::new() };
    session.answer([printed.trim(), words.trim()].join("\n").trim());
    match talked {
        Ok(answers) => Ok(Some(answers)),
        // It ended by itself, and its log says why.
        Err(Failure::Silent) if !matches!(ending, Ending::Deadline(_)) => Err(command(ending)),
        Err(failure) => Err(SetupError::Refused(Text::of_failure(&step(), &failure.text(), &advice()))),
    }
}

fn advice() -> Text {
    text!(
        "Обычные причины: открыт Конфигуратор; у пользователя нет пароля или он входит под учётной записью операционной системы \
         (агенту нужны --user и --password-file)",
        "Usual reasons: a Designer is open; the user has no password or is authenticated by the operating system (the agent needs \
         --user and --password-file)",
    )
}

/// Without user and password: those are given over SSH.
fn arguments(session: &Session, folder: &Path, key: &Path, log: &Path, port: u16) -> Vec<Argument> {
    let mut arguments = vec![Argument::plain("DESIGNER")];
    arguments.extend(session.infobase.designer_arguments().map(Argument::plain));
    arguments.extend(session.permission());
    arguments.extend(["/AgentMode", "/AgentListenAddress", "127.0.0.1", "/AgentPort"].map(Argument::plain));
    arguments.push(Argument::plain(port.to_string()));
    for (name, path) in [("/AgentSSHHostKey", key), ("/AgentBaseDir", folder)] {
        arguments.extend([Argument::plain(name), Argument::plain(path)]);
    }
    arguments.extend(["/DisableStartupDialogs", "/DisableStartupMessages", "/Out"].map(Argument::plain));
    arguments.push(Argument::plain(log));
    arguments
}

/// A port that is free now. Should another program take it first, it lacks the key.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn wait_until_it_listens(agent: &mut Background, address: SocketAddr, limit: Duration) -> Result<(), Failure> {
    let give_up = Instant::now() + limit;
    loop {
        if TcpStream::connect_timeout(&address, PAUSE).is_ok() {
            return Ok(());
        }
        if agent.has_ended() || Instant::now() > give_up {
            return Err(Failure::Silent);
        }
        thread::sleep(PAUSE);
    }
}

/// OpenSSH's client of this computer.
struct Ssh {
    client: PathBuf,
    keygen: PathBuf,
}

/// The agent's key and the file by which the client knows it.
struct Key {
    private: PathBuf,
    known_hosts: PathBuf,
    public: String,
}

impl Ssh {
    /// The first one that is new enough: of the path, or of Windows.
    fn find(folder: &Path) -> Option<Ssh> {
        let program = |place: &Path, name: &str| place.join(format!("{name}{}", env::consts::EXE_SUFFIX));
        let paths: Vec<PathBuf> =
            env::var_os("PATH").map(|paths| env::split_paths(&paths).collect()).unwrap_or_default();
        // A 32-bit program finds the folder of the 64-bit system under this name alone.
        let windows = env::var_os("SystemRoot").map(|root| Path::new(&root).join("Sysnative").join("OpenSSH"));
        let mut found = paths
            .into_iter()
            .chain(windows)
            .map(|place| Ssh { client: program(&place, "ssh"), keygen: program(&place, "ssh-keygen") });
        found.find(|ssh| ssh.client.is_file() && ssh.keygen.is_file() && ssh.is_new_enough(folder))
    }

    fn is_new_enough(&self, folder: &Path) -> bool {
        let outcome = process::run(&self.client, &[Argument::plain("-V")], folder, Patience::Until(FAREWELL));
        ssh_version(&outcome.printed).is_some_and(|version| version >= FIRST_SSH)
    }

    /// RSA in a PEM file is what every version of the platform's SSH library reads.
    fn new_key(&self, folder: &Path) -> Result<Option<Key>, SetupError> {
        let private = folder.join("host_key");
        let mut arguments =
            ["-q", "-t", "rsa", "-b", "2048", "-m", "PEM", "-N", "", "-f"].map(Argument::plain).to_vec();
        arguments.push(Argument::plain(&private));
        if !process::run(&self.keygen, &arguments, folder, Patience::Until(LIMIT)).ending.succeeded() {
            return Ok(None);
        }
        let public = decode(&files::read(&private.with_extension("pub"))?);
        let public = public.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
        Ok(Some(Key { private, known_hosts: folder.join("known_hosts"), public }))
    }
}

/// `OpenSSH_9.2p1 …` and `OpenSSH_for_Windows_8.6p1 …`.
fn ssh_version(printed: &str) -> Option<(u32, u32)> {
    let name = printed.split_whitespace().find(|word| word.starts_with("OpenSSH_"))?;
    let (major, minor) = name.rsplit('_').next()?.split_once('.')?;
    let minor: String = minor.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Gives the commands over SSH.
fn talk(
    session: &Session,
    ssh: &Ssh,
    key: &Key,
    address: SocketAddr,
    commands: &[String],
    folder: &Path,
) -> Result<Vec<Vec<Value>>, Failure> {
    let give_up = Instant::now() + session.limit().min(LIMIT);
    let known = format!("UserKnownHostsFile=\"{}\"", key.known_hosts.display());
    // Platforms with an older SSH library sign with SHA-1, which OpenSSH since 8.8 refuses by itself; the key is known anyway.
    let options = [
        "StrictHostKeyChecking=yes",
        "HostKeyAlgorithms=+ssh-rsa",
        "PreferredAuthentications=password",
        "NumberOfPasswordPrompts=1",
        &known,
    ];
    let mut arguments = as_user(session.user.as_deref(), folder).map_err(|_| Failure::BrokenOff)?;
    // No terminal: the agent ends a session that asks for one.
    arguments.extend(["-T", "-p"].map(Argument::plain));
    arguments.push(Argument::plain(address.port().to_string()));
    arguments.extend(options.iter().flat_map(|option| ["-o", option]).map(Argument::plain));
    arguments.push(Argument::plain("127.0.0.1"));
    let program = env::current_exe().map_err(|_| Failure::BrokenOff)?;
    let environment = [
        ("SSH_ASKPASS", program.into_os_string()),
        ("SSH_ASKPASS_REQUIRE", OsString::from("force")),
        (ASKED_FOR, session.password_file.clone().unwrap_or_default().into_os_string()),
    ];
    let client = Background::converse(&ssh.client, &arguments, &environment, folder).map_err(|_| Failure::BrokenOff)?;
    let _ended = session.guard.ends(client.id());
    session.console.command(&step(), &process::shown(&ssh.client, &arguments));
    let mut shell = Shell { client, received: Vec::new(), give_up };
    let answers = shell.run_all(session, commands);
    let Shell { client, .. } = shell;
    let outcome = client.finish(Patience::Until(if answers.is_ok() { FAREWELL } else { Duration::from_secs(1) }));
    if answers.is_err() {
        session.answer(outcome.printed.trim());
    }
    answers
}

/// The arguments that name the user, and no configuration of this computer's. OpenSSH since 9.6 refuses a name with brackets
/// or quotation marks on its command line, «Иванов (администратор)», but not in a file; an empty name can stand on the command
/// line alone.
fn as_user(user: Option<&str>, folder: &Path) -> Result<Vec<Argument>, SetupError> {
    let Some(user) = user else { return Ok(["-F", "none", "-l", ""].map(Argument::plain).to_vec()) };
    let file = folder.join("ssh_config");
    files::write(&file, format!("User \"{user}\"\n").as_bytes())?;
    Ok(vec![Argument::plain("-F"), Argument::plain(file)])
}

/// The agent's command line.
struct Shell {
    client: Background,
    received: Vec<u8>,
    give_up: Instant,
}

impl Shell {
    fn run_all(&mut self, session: &Session, commands: &[String]) -> Result<Vec<Vec<Value>>, Failure> {
        // Until this is set the agent answers in prose.
        self.run("options set --show-prompt=no --output-format=json")?;
        self.run("common connect-ib")?;
        let mut answers = Vec::new();
        for command in commands {
            session.console.command(&step(), command);
            answers.push(self.run(command)?);
        }
        self.run("common disconnect-ib")?;
        // It ends before or after it answers.
        self.client.say("common shutdown").map_err(|_| Failure::BrokenOff)?;
        Ok(answers)
    }

    /// Gives a command; its messages, the last of which says that it was carried out.
    fn run(&mut self, command: &str) -> Result<Vec<Value>, Failure> {
        self.client.say(command).map_err(|_| Failure::BrokenOff)?;
        let mut messages = Vec::new();
        loop {
            while let Some(array) = next_array(&mut self.received) {
                messages.extend(array);
            }
            if let Some(kind) = messages.iter().find_map(error_of) {
                return Err(Failure::Error(kind));
            }
            if messages.last().is_some_and(ends_an_answer) {
                return Ok(messages);
            }
            // Output without end ends here too: the process keeps no more than its beginning.
            self.received.extend(self.client.hear(self.give_up).ok_or(Failure::BrokenOff)?);
        }
    }
}

/// Takes the first JSON array out of what was received, with the prompt or prose before it; `None` until it is whole.
fn next_array(received: &mut Vec<u8>) -> Option<Vec<Value>> {
    loop {
        let start = received.iter().position(|byte| *byte == b'[')?;
        let mut values = Deserializer::from_slice(&received[start..]).into_iter::<Vec<Value>>();
        match values.next()? {
            Ok(array) => {
                let end = start + values.byte_offset();
                received.drain(..end);
                return Some(array);
            }
            Err(error) if error.is_eof() => return None,
            // A bracket in prose.
            Err(_) => drop(received.drain(..=start)),
        }
    }
}

fn kind_of(message: &Value) -> Option<&str> {
    message.get("type")?.as_str()
}

/// The type of the error that a message reports; the platform's words are not read.
fn error_of(message: &Value) -> Option<String> {
    let is_failure = matches!(kind_of(message)?, "error" | "canceled" | "question");
    let kind = message.get("error-type").and_then(Value::as_str).or(kind_of(message))?;
    is_failure.then(|| kind.to_owned())
}

fn ends_an_answer(message: &Value) -> bool {
    matches!(kind_of(message), Some("success" | "extension-properties"))
}

/// The record of our extension, at the top level or inside the body of `success`.
fn read(messages: &[Value]) -> Option<Properties> {
    let inside = messages.iter().filter_map(|message| message.get("body")).filter_map(Value::as_array).flatten();
    let records = messages.iter().chain(inside).filter(|message| kind_of(message) == Some("extension-properties"));
    let record = records.filter_map(|message| message.get("body")).find(|body| body["name"] == NAME)?;
    let flag = |key: &str| match &record[key] {
        Value::Bool(value) => Some(*value),
        Value::String(value) if value == "yes" => Some(true),
        Value::String(value) if value == "no" => Some(false),
        _ => None,
    };
    Some(Properties {
        active: flag("active"),
        safe_mode: flag("safe-mode"),
        unsafe_action_protection: flag("unsafe-action-protection"),
        used_in_distributed_infobase: flag("used-in-distributed-infobase"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrays(text: &str) -> (usize, String) {
        let mut received = text.as_bytes().to_vec();
        let count = std::iter::from_fn(|| next_array(&mut received)).count();
        (count, String::from_utf8(received).expect("UTF-8"))
    }

    #[test]
    fn an_array_is_found_behind_a_prompt_and_only_when_it_is_whole() {
        assert_eq!(arrays("designer> [{\"type\":\"success\"}]\n"), (1, "\n".to_owned()));
        assert_eq!(arrays("[{\"type\":\"log\"}][{\"type\":\"success\"}]"), (2, String::new()));
        assert_eq!(arrays("[{\"type\":\"suc").0, 0);
        assert_eq!(arrays("[i] prose [{\"type\":\"success\"}]").0, 1);
    }

    #[test]
    fn the_record_of_our_extension_is_read_in_both_shapes() {
        let record = r#"{"type":"extension-properties","body":{"name":"Passteam","active":true,"safe-mode":"no",
            "unsafe-action-protection":true,"used-in-distributed-infobase":false}}"#;
        let other = r#"{"type":"extension-properties","body":{"name":"Чужое","active":false,"safe-mode":true}}"#;
        let expected = Properties {
            active: Some(true),
            safe_mode: Some(false),
            unsafe_action_protection: Some(true),
            used_in_distributed_infobase: Some(false),
        };
        for text in [format!("[{other},{record}]"), format!(r#"[{{"type":"success","body":[{other},{record}]}}]"#)] {
            let messages: Vec<Value> = serde_json::from_str(&text).expect("JSON");
            assert_eq!(read(&messages), Some(expected), "{text}");
            assert!(messages.last().is_some_and(ends_an_answer));
        }
        assert_eq!(read(&serde_json::from_str::<Vec<Value>>(&format!("[{other}]")).expect("JSON")), None);
    }

    #[test]
    fn the_version_of_openssh_is_read() {
        assert_eq!(ssh_version("OpenSSH_9.2p1 Debian-2+deb12u6, OpenSSL 3.0.19"), Some((9, 2)));
        assert_eq!(ssh_version("OpenSSH_for_Windows_8.1p1, LibreSSL 3.0.2"), Some((8, 1)));
        assert_eq!(ssh_version("plink: Release 0.78"), None);
    }

    #[test]
    fn an_error_is_told_by_its_type() {
        let messages: Vec<Value> =
            serde_json::from_str(r#"[{"type":"log"},{"type":"error","error-type":"InfoBaseNotFound","message":"…"}]"#)
                .expect("JSON");
        assert_eq!(messages.iter().find_map(error_of).as_deref(), Some("InfoBaseNotFound"));
    }

    #[cfg(unix)]
    #[test]
    fn an_agent_that_does_not_listen_or_ends_is_not_waited_for() {
        for (program, limit) in [("sleep 1000", Duration::from_millis(200)), ("exit 1", Duration::from_secs(300))] {
            let arguments = [Argument::plain("-c"), Argument::plain(program)];
            let mut agent = Background::start(Path::new("/bin/sh"), &arguments, Path::new("/")).expect("a shell");
            let address = free_address().expect("a port");
            assert!(matches!(wait_until_it_listens(&mut agent, address, limit), Err(Failure::Silent)));
        }
    }
}
