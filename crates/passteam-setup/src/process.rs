//! One process of the platform: closed standard input, a folder of its own, a deadline, and what it printed as text.

use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::decode::decode_cut;
use crate::secret::{HIDDEN, Password};
use crate::text;
use crate::text::Text;

/// What is kept of an answer. `ibcmd` without a password prints its prompt for ever, hundreds of megabytes of it.
const KEPT: usize = 1 << 20;
/// A process is asked whether it has ended after a tenth of the time that it has taken so far, within these limits.
const POLL: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_millis(100);
/// How long the output of a process that has ended is waited for: a child of its own may hold the pipe.
const DRAIN: Duration = Duration::from_secs(5);

/// An argument of a process.
#[derive(Debug, Clone)]
pub(crate) enum Argument {
    /// Shown as it is.
    Plain(OsString),
    /// `--password=` and the password, or an empty beginning and the password.
    Secret(&'static str, Password),
}

impl Argument {
    pub(crate) fn plain(text: impl Into<OsString>) -> Argument {
        Argument::Plain(text.into())
    }

    fn exposed(&self) -> OsString {
        match self {
            Argument::Plain(text) => text.clone(),
            Argument::Secret(before, password) => format!("{before}{}", password.expose()).into(),
        }
    }

    fn shown(&self) -> String {
        let text = match self {
            Argument::Plain(text) => text.to_string_lossy().into_owned(),
            Argument::Secret(before, _) => format!("{before}{HIDDEN}"),
        };
        if text.is_empty() || text.contains(char::is_whitespace) { format!("\"{text}\"") } else { text }
    }
}

/// A command line without secrets, as it is printed.
pub(crate) fn shown(program: &Path, arguments: &[Argument]) -> String {
    let program = program.display().to_string();
    let program = if program.contains(' ') { format!("\"{program}\"") } else { program };
    [program].into_iter().chain(arguments.iter().map(Argument::shown)).collect::<Vec<_>>().join(" ")
}

/// How a process ended.
#[derive(Debug)]
pub(crate) enum Ending {
    /// By itself, with this status.
    Code(i32),
    /// Something ended it: a signal on Linux, nothing known elsewhere.
    Killed(Option<i32>),
    /// It took longer than this and was ended.
    Deadline(Duration),
    /// It printed without end, as `ibcmd` does that asks for a user or a password, and was ended.
    Endless,
    /// It did not start.
    NotStarted(io::Error),
}

impl Ending {
    pub(crate) fn succeeded(&self) -> bool {
        matches!(self, Ending::Code(0))
    }

    /// Whether the process was stopped in the middle of what it did, by whomever.
    pub(crate) fn is_abrupt(&self) -> bool {
        match self {
            Ending::Code(code) => *code < -1,
            Ending::Killed(_) | Ending::Deadline(_) | Ending::Endless => true,
            Ending::NotStarted(_) => false,
        }
    }

    pub(crate) fn text(&self) -> Text {
        match self {
            // Windows reports a crash as a status of this shape: 0xC0000005 and its like.
            Ending::Code(code) if *code < -1 => {
                text!("аварийное завершение, код {code:#X}", "it crashed, code {code:#X}")
            }
            Ending::Code(code) => text!("код завершения {code}", "exit code {code}"),
            Ending::Killed(Some(signal)) => text!("процесс прерван сигналом {signal}", "ended by signal {signal}"),
            Ending::Killed(None) => text!("процесс прерван", "the process was ended"),
            Ending::Deadline(limit) => {
                let seconds = limit.as_secs();
                text!(
                    "не завершилось за {seconds} с и остановлено (срок меняет --timeout)",
                    "not done after {seconds} s and stopped (--timeout changes the limit)",
                )
            }
            Ending::Endless => text!(
                "программа бесконечно запрашивает имя или пароль и остановлена",
                "the program asks for a name or a password without end and was stopped",
            ),
            Ending::NotStarted(error) => text!("не запускается: {error}", "it does not start: {error}"),
        }
    }
}

/// How long a process may take.
pub(crate) enum Patience<'a> {
    /// After this time it is ended.
    Until(Duration),
    /// It is never ended; each time that it has taken another `every`, `remind` hears how long that is.
    Endless { every: Duration, remind: &'a dyn Fn(Duration) },
}

/// What a process left behind.
pub(crate) struct Outcome {
    pub(crate) ending: Ending,
    /// Standard output and standard error, one after the other.
    pub(crate) printed: String,
}

/// Runs a process to its end or to its deadline.
pub(crate) fn run(program: &Path, arguments: &[Argument], folder: &Path, patience: Patience) -> Outcome {
    match Background::start(program, arguments, folder) {
        Ok(process) => process.finish(patience),
        Err(ending) => Outcome { ending, printed: String::new() },
    }
}

/// A process that goes on while the program talks to it. It ends with this value at the latest.
pub(crate) struct Background {
    child: Child,
    input: Option<ChildStdin>,
    outputs: Vec<Receiver<Vec<u8>>>,
    endless: Arc<AtomicBool>,
}

impl Background {
    /// Starts it with closed standard input.
    pub(crate) fn start(program: &Path, arguments: &[Argument], folder: &Path) -> Result<Background, Ending> {
        Background::of(Background::command(program, arguments, folder).stdin(Stdio::null()))
    }

    /// Starts it to be talked to, with more variables in its environment.
    pub(crate) fn converse(
        program: &Path,
        arguments: &[Argument],
        environment: &[(&str, OsString)],
        folder: &Path,
    ) -> Result<Background, Ending> {
        let mut command = Background::command(program, arguments, folder);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Background::of(command.stdin(Stdio::piped()))
    }

    fn command(program: &Path, arguments: &[Argument], folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(arguments.iter().map(Argument::exposed)).current_dir(folder);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        detach(&mut command);
        command
    }

    fn of(command: &mut Command) -> Result<Background, Ending> {
        let mut child = command.spawn().map_err(Ending::NotStarted)?;
        let endless = Arc::new(AtomicBool::new(false));
        let input = child.stdin.take();
        let outputs =
            [child.stdout.take().map(|out| keep(out, &endless)), child.stderr.take().map(|out| keep(out, &endless))];
        Ok(Background { child, input, outputs: outputs.into_iter().flatten().collect(), endless })
    }

    /// The number by which the system knows it.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Gives it a line.
    pub(crate) fn say(&mut self, line: &str) -> io::Result<()> {
        let Some(input) = &mut self.input else { return Err(io::ErrorKind::BrokenPipe.into()) };
        input.write_all(format!("{line}\n").as_bytes())?;
        input.flush()
    }

    /// The next part of its standard output; `None` if there is none until then, or never again.
    pub(crate) fn hear(&self, give_up: Instant) -> Option<Vec<u8>> {
        self.outputs.first()?.recv_timeout(give_up.saturating_duration_since(Instant::now())).ok()
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self, patience: Patience) -> Outcome {
        self.input = None;
        let ending = wait(&mut self.child, patience, &self.endless);
        let give_up = Instant::now() + DRAIN;
        let texts = self.outputs.iter().map(|output| decode_cut(&collected(output, give_up)));
        Outcome { ending, printed: texts.filter(|text| !text.trim().is_empty()).collect::<Vec<_>>().join("\n") }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if !self.has_ended() {
            kill(&mut self.child);
        }
    }
}

fn wait(child: &mut Child, patience: Patience, endless: &AtomicBool) -> Ending {
    let started = Instant::now();
    let mut reminders = 0;
    loop {
        let taken = started.elapsed();
        match (child.try_wait(), &patience) {
            (Ok(Some(status)), _) => return ended(status),
            (Ok(None), _) if endless.load(Ordering::Relaxed) => {
                kill(child);
                return Ending::Endless;
            }
            // A system that cannot tell about its child is treated like a child that does not end.
            (Ok(None), Patience::Until(limit)) if taken >= *limit => {
                kill(child);
                return Ending::Deadline(*limit);
            }
            (Err(_), _) => {
                kill(child);
                return Ending::Deadline(taken);
            }
            (Ok(None), Patience::Endless { every, remind }) if taken >= *every * (reminders + 1) => {
                reminders += 1;
                remind(taken);
            }
            (Ok(None), _) => thread::sleep((taken / 10).clamp(*POLL.start(), *POLL.end())),
        }
    }
}

#[cfg(unix)]
fn ended(status: ExitStatus) -> Ending {
    use std::os::unix::process::ExitStatusExt as _;
    status.code().map_or_else(|| Ending::Killed(status.signal()), Ending::Code)
}

#[cfg(not(unix))]
fn ended(status: ExitStatus) -> Ending {
    status.code().map_or(Ending::Killed(None), Ending::Code)
}

/// A group of its own, so that the children of a process end with it.
#[cfg(unix)]
fn detach(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
}

/// No console: on Windows `ibcmd` asks for a password there, and not on the closed standard input.
#[cfg(windows)]
fn detach(command: &mut Command) {
    use std::os::windows::process::CommandExt as _;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    command.creation_flags(CREATE_NO_WINDOW);
}

/// Ends it with its children, which `Child::kill` leaves alone.
fn kill(child: &mut Child) {
    end(child.id());
    let _ = child.kill();
    let _ = child.wait();
}

/// Ends a process of this program, and its children.
#[cfg(unix)]
pub(crate) fn end(id: u32) {
    use rustix::process::{Pid, Signal, kill_process_group};
    if let Some(group) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(windows)]
pub(crate) fn end(id: u32) {
    // Without its children if they cannot be ended: wine's taskkill does not know /T.
    let _ = taskkill(&["/F", "/T", "/PID", &id.to_string()]) || taskkill(&["/F", "/PID", &id.to_string()]);
}

/// Runs the system's own, and not for long; `true` if it did what it was told to.
#[cfg(windows)]
fn taskkill(arguments: &[&str]) -> bool {
    let system = std::env::var_os("SystemRoot").map(|root| Path::new(&root).join("System32"));
    let mut command = Command::new(system.unwrap_or_default().join("taskkill.exe"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(mut killer) = command.spawn() else { return false };
    let give_up = Instant::now() + DRAIN;
    loop {
        match killer.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) if Instant::now() < give_up => thread::sleep(*POLL.start()),
            Ok(None) | Err(_) => {
                let _ = killer.kill();
                return false;
            }
        }
    }
}

/// Reads everything, so that the process never waits for a reader, and keeps the beginning.
fn keep(mut source: impl Read + Send + 'static, endless: &Arc<AtomicBool>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    let endless = Arc::clone(endless);
    thread::spawn(move || {
        let (mut buffer, mut left) = ([0; 8192], KEPT);
        while let Ok(count @ 1..) = source.read(&mut buffer) {
            let kept = count.min(left);
            left -= kept;
            endless.fetch_or(left == 0, Ordering::Relaxed);
            if kept > 0 && sender.send(buffer[..kept].to_vec()).is_err() {
                left = 0;
            }
        }
    });
    receiver
}

fn collected(output: &Receiver<Vec<u8>>, give_up: Instant) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Ok(part) = output.recv_timeout(give_up.saturating_duration_since(Instant::now())) {
        bytes.extend(part);
    }
    bytes
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    /// Far more than any of these processes takes on a busy machine.
    const LONG: Duration = Duration::from_secs(300);

    fn shell(script: &str, limit: Duration) -> Outcome {
        let arguments = [Argument::plain("-c"), Argument::plain(script)];
        run(Path::new("/bin/sh"), &arguments, Path::new("/"), Patience::Until(limit))
    }

    #[test]
    fn output_and_status_come_back() {
        let outcome = shell("echo out; echo err >&2; pwd; exit 3", LONG);
        assert!(matches!(outcome.ending, Ending::Code(3)));
        assert_eq!(outcome.printed, "out\n/\n\nerr\n");
    }

    #[test]
    fn standard_input_is_closed() {
        let outcome = shell("read line || echo closed", LONG);
        assert_eq!(outcome.printed, "closed\n");
    }

    #[test]
    fn a_process_that_does_not_end_is_ended_with_its_children() {
        let folder = tempfile::tempdir().expect("a folder");
        let alive = folder.path().join("alive");
        // The pipe that the grandchild holds closes only when it is gone too; `run` would wait for it otherwise.
        let script = format!("(trap '' HUP; sleep 1000; touch {}) & sleep 1000", alive.display());
        let outcome = shell(&script, Duration::from_millis(300));
        assert!(matches!(outcome.ending, Ending::Deadline(_)));
        assert!(!alive.exists());
    }

    #[test]
    fn a_process_without_a_limit_is_spoken_of_and_not_ended() {
        let heard = std::cell::RefCell::new(Vec::new());
        let remind = |taken: Duration| heard.borrow_mut().push(taken);
        let arguments = [Argument::plain("-c"), Argument::plain("sleep 0.3; exit 3")];
        let patience = Patience::Endless { every: Duration::from_millis(50), remind: &remind };
        let outcome = run(Path::new("/bin/sh"), &arguments, Path::new("/"), patience);
        assert!(matches!(outcome.ending, Ending::Code(3)));
        let heard = heard.into_inner();
        assert!(!heard.is_empty() && heard.is_sorted(), "{heard:?}");
    }

    #[test]
    fn a_process_that_prints_without_end_is_ended() {
        let outcome = shell("yes 'Имя пользователя: '", LONG);
        assert!(matches!(outcome.ending, Ending::Endless));
        assert!(outcome.printed.starts_with("Имя пользователя"));
        assert!(outcome.printed.len() <= KEPT + 8);
    }

    #[test]
    fn a_crash_and_a_missing_program_are_told_apart() {
        assert!(matches!(shell("kill -9 $$", LONG).ending, Ending::Killed(Some(9))));
        let missing = run(Path::new("/nowhere/1cv8"), &[], Path::new("/"), Patience::Until(LONG));
        assert!(matches!(missing.ending, Ending::NotStarted(_)));
    }

    #[test]
    fn a_command_line_is_shown_without_its_password() {
        let arguments = [
            Argument::plain("/N"),
            Argument::plain("Главный бухгалтер"),
            Argument::Secret("", Password::new("geheim")),
        ];
        let line = shown(Path::new("/opt/1cv8"), &arguments);
        assert_eq!(line, "/opt/1cv8 /N \"Главный бухгалтер\" ***");
    }
}
