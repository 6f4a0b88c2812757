//! The base that is played: its files, its users, and what it is told to fail at.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

/// A base as the test laid it out.
#[derive(Clone)]
pub struct Base {
    folder: PathBuf,
}

/// How a command ends: its exit code and its words.
pub struct Ending {
    /// The exit code.
    pub code: u8,
    /// What the platform says.
    pub says: String,
    /// Whether it writes a log.
    pub logs: bool,
}

impl Ending {
    /// Success without words.
    pub fn silent() -> Ending {
        Ending::success(String::new())
    }

    /// Success.
    pub fn success(says: String) -> Ending {
        Ending { code: 0, says, logs: true }
    }

    /// A failure.
    pub fn failure(code: u8, says: impl Into<String>) -> Ending {
        Ending { code, says: says.into(), logs: true }
    }
}

impl Base {
    /// A file base; `None` if there is no database.
    pub fn in_folder(folder: &Path) -> Option<Base> {
        folder.join("1Cv8.1CD").is_file().then(|| Base { folder: folder.join("stand-in") })
    }

    /// A base of a cluster, `server\name`.
    pub fn in_cluster(address: &str) -> Option<Base> {
        let (server, name) = address.split_once('\\')?;
        let folder = env::current_exe().ok()?.parent()?.join("clusters").join(server).join(name);
        folder.is_dir().then(|| Base { folder: folder.join("stand-in") })
    }

    /// Writes the command line down.
    pub fn note(&self, program: &str, arguments: &[String]) {
        let file = fs::OpenOptions::new().create(true).append(true).open(self.folder.join("calls"));
        let written = file.and_then(|mut file| writeln!(file, "{program} {}", arguments.join(" ")));
        written.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Whether the test laid this file.
    pub fn has(&self, flag: &str) -> bool {
        self.folder.join(flag).exists()
    }

    /// The text of a file of the test.
    pub fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.folder.join(name)).ok()
    }

    /// The password of a user; `None` if the base does not know the name.
    pub fn password_of(&self, user: &str) -> Option<String> {
        let users = self.text("users")?;
        users
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .find(|(name, _)| *name == user)
            .map(|(_, word)| word.to_owned())
    }

    /// Does what the test wants to fail; returns if there is nothing of the kind.
    pub fn fail(&self, command: &str) -> Option<Ending> {
        let orders = self.text("fail")?;
        let read = |line: &'_ str| {
            let (of, order) = line.strip_prefix("once ").unwrap_or(line).split_once(' ')?;
            (of == command).then(|| (line.to_owned(), order.to_owned()))
        };
        let (line, order) = orders.lines().find_map(read)?;
        if line.starts_with("once ") {
            let _ = fs::write(self.folder.join("fail"), orders.replacen(&line, "", 1));
        }
        match order.split_once(' ') {
            _ if order == "hang" => {
                self.hang(|| self.text("fail").is_some_and(|orders| orders.contains(&line)));
                None
            }
            _ if order == "crash" => process::abort(),
            _ if order == "silent" => Some(Ending { logs: false, ..Ending::silent() }),
            Some((code, says)) => Some(Ending::failure(code.parse().unwrap_or(1), says)),
            None => Some(Ending::failure(order.parse().unwrap_or(1), "")),
        }
    }

    /// Waits as long as it is told to; if the test is over and its folder gone, this process ends.
    pub fn hang(&self, goes_on: impl Fn() -> bool) {
        let _ = fs::write(self.folder.join("hanging"), "");
        while goes_on() {
            if !self.folder.exists() {
                process::exit(1);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Opens the base for changes to its configuration, as one process at a time can; it is free when this process ends.
    pub fn open(&self) -> bool {
        static HELD: OnceLock<Option<File>> = OnceLock::new();
        let take = || {
            let options = File::options().read(true).write(true).create(true).truncate(false).clone();
            let lock = options.open(self.folder.join("lock")).ok()?;
            lock.try_lock().ok()?;
            Some(lock)
        };
        !self.has("locked") && HELD.get_or_init(take).is_some()
    }

    /// The main configuration's dump.
    pub fn main(&self) -> PathBuf {
        self.folder.join("main")
    }

    /// The names of all extensions in order.
    pub fn extensions(&self) -> Vec<String> {
        let Ok(entries) = self.folder.join("extensions").read_dir() else { return Vec::new() };
        let mut names: Vec<_> =
            entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The folder of an extension; it may not exist.
    pub fn extension(&self, name: &str) -> PathBuf {
        self.folder.join("extensions").join(name)
    }
}

/// All files of a folder by their path with `/`; empty if there is no such folder.
pub fn tree(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = folder.read_dir() else { continue };
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if let (Ok(inside), Ok(content)) = (path.strip_prefix(root), fs::read(&path)) {
                files.insert(inside.to_string_lossy().replace('\\', "/"), content);
            }
        }
    }
    files
}

/// Writes files below a folder.
pub fn lay(root: &Path, files: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for (name, content) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap_or(root))?;
        fs::write(path, content)?;
    }
    Ok(())
}

/// Replaces a folder by files.
pub fn replace(root: &Path, files: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    fs::create_dir_all(root)?;
    lay(root, files)
}

/// The text between an element's tags.
pub fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let after = &xml[xml.find(&open)? + open.len()..];
    Some(&after[..after.find(&close)?])
}

/// The minor release of the platform that is played, from the program's folder: 24 in 8.3.24.1342.
pub fn release() -> u32 {
    let program = env::current_exe().unwrap_or_default();
    let mut folders = program.ancestors().filter_map(Path::file_name).filter_map(|name| name.to_str());
    let minor = folders.find_map(|name| name.strip_prefix("8.3.")?.split('.').next()?.parse().ok());
    minor.unwrap_or(24)
}

/// Ends as the platform does.
pub fn exit(ending: &Ending) -> ExitCode {
    ExitCode::from(ending.code)
}
