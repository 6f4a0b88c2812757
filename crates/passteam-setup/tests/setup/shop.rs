//! A computer with a platform and a base of 1С:Розница, and runs of the program against it.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

/// The root of a main configuration; `{objects}` and `{mode}` are filled in.
const ROOT: &str = "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<MetaDataObject xmlns=\"http://v8.1c.ru/8.3/MDClasses\" version=\"{format}\">
\t<Configuration uuid=\"11111111-1111-1111-1111-111111111111\">
\t\t<Properties>
\t\t\t<Name>Розница</Name>
\t\t\t<Version>2.3.1.40</Version>
\t\t\t<DefaultRunMode>ManagedApplication</DefaultRunMode>
\t\t\t<DataLockControlMode>{locks}</DataLockControlMode>
\t\t\t<InterfaceCompatibilityMode>Taxi</InterfaceCompatibilityMode>
\t\t\t<CompatibilityMode>{mode}</CompatibilityMode>
\t\t</Properties>
\t\t<ChildObjects>
\t\t\t<Language>Русский</Language>
{objects}\t\t</ChildObjects>
\t</Configuration>
</MetaDataObject>";

/// The objects that the extension adopts.
pub const ADOPTED: [(&str, &str); 4] = [
    ("Catalog", "ИнформационныеКарты"),
    ("Catalog", "ФизическиеЛица"),
    ("Catalog", "Контрагенты"),
    ("AccumulationRegister", "БонусныеБаллы"),
];
/// The password of [`Shop::with_user`].
pub const PASSWORD: &str = "Секрет-4711";

/// The computer.
pub struct Shop {
    folder: tempfile::TempDir,
    build: String,
    objects: Vec<(String, String)>,
    mode: String,
    locks: String,
    /// Name and password file of whoever runs the program.
    user: Option<(&'static str, PathBuf)>,
    cluster: bool,
    relative: bool,
}

impl Shop {
    /// A file base of 1С:Розница 2.3 without users, and platform 8.3.24.
    pub fn new() -> Shop {
        Shop::with_platform("8.3.24.1342")
    }

    /// The same with another build of the platform.
    pub fn with_platform(build: &str) -> Shop {
        let folder = tempfile::tempdir().expect("a folder");
        let objects = ADOPTED.map(|(kind, name)| (kind.to_owned(), name.to_owned())).to_vec();
        let (mode, locks) = ("Version8_3_16".to_owned(), "AutomaticAndManaged".to_owned());
        let (build, user) = (build.to_owned(), None);
        let shop = Shop { folder, build, objects, mode, locks, user, cluster: false, relative: false };
        let bin = shop.platform();
        fs::create_dir_all(&bin).expect("a folder");
        fs::create_dir_all(shop.path("openssh")).expect("a folder");
        for (place, program) in
            [(&bin, "1cv8"), (&bin, "ibcmd"), (&shop.path("openssh"), "ssh"), (&shop.path("openssh"), "ssh-keygen")]
        {
            let path = place.join(format!("{program}{}", env::consts::EXE_SUFFIX));
            let stand_in = Path::new(env!("CARGO_BIN_EXE_passteam-setup-stand-in"));
            fs::hard_link(stand_in, &path).or_else(|_| fs::copy(stand_in, &path).map(drop)).expect("a program");
        }
        fs::write(shop.path("passteam.zip"), component("0.1.0")).expect("a zip");
        fs::create_dir_all(shop.path("work")).expect("a folder");
        fs::create_dir_all(shop.temporary()).expect("a folder");
        shop.laid()
    }

    /// The base belongs to a cluster.
    pub fn in_cluster(mut self) -> Shop {
        let new = self.platform().join("clusters/srv/retail");
        fs::create_dir_all(&new).expect("a folder");
        fs::rename(self.base().join("stand-in"), new.join("stand-in")).expect("moved");
        self.cluster = true;
        self
    }

    /// Whoever runs the program names base and platform from the folder in which it runs.
    pub fn with_relative_paths(mut self) -> Shop {
        self.relative = true;
        self
    }

    /// The base has a user with [`PASSWORD`], who runs the program.
    pub fn with_user(self) -> Shop {
        self.with_user_named("Админ")
    }

    /// The same with another name.
    pub fn with_user_named(mut self, name: &'static str) -> Shop {
        self.set("users", &format!("{name}\t{PASSWORD}\nКассир\t\n"));
        let file = self.path("password.txt");
        fs::write(&file, format!("\u{FEFF}{PASSWORD}\r\n")).expect("a file");
        self.user = Some((name, file));
        self
    }

    /// Another object in the main configuration.
    pub fn with_object(mut self, kind: &str, name: &str) -> Shop {
        self.objects.push((kind.to_owned(), name.to_owned()));
        self.laid()
    }

    /// The main configuration lacks an object.
    pub fn without_object(mut self, name: &str) -> Shop {
        self.objects.retain(|(_, known)| known != name);
        self.laid()
    }

    /// Another compatibility mode, as a dump spells it.
    pub fn with_mode(mut self, mode: &str) -> Shop {
        mode.clone_into(&mut self.mode);
        self.laid()
    }

    /// Another lock control mode, as a dump spells it.
    pub fn with_locks(mut self, locks: &str) -> Shop {
        locks.clone_into(&mut self.locks);
        self.laid()
    }

    /// A module of the main configuration.
    pub fn with_module(self, path: &str, text: &str) -> Shop {
        self.set(&format!("main/{path}"), text);
        self
    }

    /// Writes the main configuration.
    fn laid(self) -> Shop {
        let objects: String =
            self.objects.iter().map(|(kind, name)| format!("\t\t\t<{kind}>{name}</{kind}>\n")).collect();
        let minor: u32 = self.build.split('.').nth(2).and_then(|minor| minor.parse().ok()).expect("a build");
        let format = if minor < 17 { minor.min(15) - 6 } else { minor - 7 };
        let root = ROOT.replace("{objects}", &objects).replace("{mode}", &self.mode).replace("{locks}", &self.locks);
        self.set("main/Configuration.xml", &root.replace("{format}", &format!("2.{format}")));
        for (kind, name) in &self.objects {
            let distributed =
                if name.contains("РИБ") { "<DistributedInfoBase>true</DistributedInfoBase>" } else { "" };
            let attribute = if name == "ИнформационныеКарты" {
                "<Attribute><Properties><Name>cardId</Name></Properties></Attribute>"
            } else {
                ""
            };
            let xml = format!(
                "\u{FEFF}<MetaDataObject><{kind}><Properties><Name>{name}</Name>{distributed}</Properties>\
                 <ChildObjects>{attribute}</ChildObjects></{kind}></MetaDataObject>"
            );
            self.set(&format!("main/{kind}s/{name}.xml"), &xml);
        }
        fs::write(self.base().join("1Cv8.1CD"), "").expect("a database");
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of the platform's build.
    pub fn platform(&self) -> PathBuf {
        self.path("1cv8").join(&self.build)
    }

    /// The folder of the file base.
    pub fn base(&self) -> PathBuf {
        self.path("Базы 1С/Магазин")
    }

    /// The folder in which the program runs.
    pub fn work(&self) -> PathBuf {
        self.path("work")
    }

    fn stage(&self) -> PathBuf {
        let place = if self.cluster { self.platform().join("clusters/srv/retail") } else { self.base() };
        place.join("stand-in")
    }

    /// Lays a file that the stand-in reads.
    pub fn set(&self, name: &str, text: &str) {
        let path = self.stage().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Takes it away.
    pub fn unset(&self, name: &str) {
        fs::remove_file(self.stage().join(name)).expect("a file of the stand-in");
    }

    /// A file that the stand-in wrote; empty if there is none.
    pub fn get(&self, name: &str) -> String {
        fs::read_to_string(self.stage().join(name)).unwrap_or_default()
    }

    /// Waits until no process has the base open.
    pub fn wait_until_it_is_free(&self) {
        wait_for(|| {
            let lock = fs::File::options().read(true).write(true).open(self.stage().join("lock"));
            lock.is_ok_and(|lock| lock.try_lock().is_ok())
        });
    }

    /// The folder of temporary files.
    pub fn temporary(&self) -> PathBuf {
        self.path("tmp")
    }

    /// Every file of the base but the list of calls and the lock, for comparisons.
    pub fn everything(&self) -> BTreeMap<String, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.stage()]);
        while let Some(folder) = folders.pop() {
            for entry in folder.read_dir().expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("calls") && !path.ends_with("lock") {
                    let name = path.strip_prefix(self.stage()).expect("inside").display().to_string();
                    files.insert(name, fs::read(&path).expect("a file"));
                }
            }
        }
        files
    }

    /// The batch commands that ran, in order, without their arguments.
    pub fn calls(&self) -> Vec<String> {
        let calls = self.get("calls");
        let name = |line: &str| {
            let ours = [
                "/F",
                "/S",
                "/N",
                "/P",
                "/UC",
                "/WA-",
                "/WA+",
                "/DisableStartupDialogs",
                "/DisableStartupMessages",
                "/Out",
            ];
            let mut words = line.split(' ').filter(|word| word.starts_with('/') && !ours.contains(word));
            let batch = words.find(|word| word[1..].chars().all(char::is_alphabetic)).map(str::to_owned);
            batch.unwrap_or_else(|| line.split(' ').take(5).collect::<Vec<_>>().join(" "))
        };
        calls.lines().map(name).collect()
    }

    /// The program with the arguments that name base, user and platform.
    pub fn command(&self, command: &str, more: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_passteam-setup"));
        program.arg(command);
        if command != "extract" {
            let base = if self.cluster {
                "Srvr=srv;Ref=retail".to_owned()
            } else {
                format!("File=\"{}\";", self.named(self.base()).display())
            };
            program.arg("--infobase").arg(base).arg("--platform").arg(self.named(self.platform()));
            if let Some((name, file)) = &self.user {
                program.args(["--user", name, "--password-file"]).arg(file);
            }
        }
        if ["install", "update", "check", "extract"].contains(&command) {
            program.arg("--component").arg(self.path("passteam.zip"));
        }
        program.args(["--lang", "en"]).args(more);
        program
            .env("PATH", self.path("openssh"))
            .env("DISPLAY", ":0")
            .envs(["TMPDIR", "TMP", "TEMP"].map(|name| (name, self.temporary())))
            .env_remove("WAYLAND_DISPLAY")
            .current_dir(self.work())
            .stdin(Stdio::null());
        program
    }

    /// The path as it is written on the command line.
    fn named(&self, path: PathBuf) -> PathBuf {
        match path.strip_prefix(self.folder.path()) {
            Ok(inside) if self.relative => Path::new("..").join(inside),
            _ => path,
        }
    }

    /// Runs the program; checks that no output holds the password.
    pub fn run(&self, command: &str, more: &[&str]) -> Answer {
        Answer::of(self.command(command, more).output().expect("the program runs"))
    }

    /// Starts the program and gives it when a program of the platform hangs, as it was told to. The program shows the command
    /// that hangs after it has told its guard of it.
    pub fn start_until_it_hangs(&self, command: &str, more: &[&str], hangs: &str) -> Child {
        let mut running = self.command(command, more).stdout(Stdio::piped()).spawn().expect("the program runs");
        let said = BufReader::new(running.stdout.take().expect("its output"));
        let shown = said.lines().any(|line| line.expect("a line").contains(hangs));
        assert!(shown, "{hangs} was never reached");
        wait_for(|| self.stage().join("hanging").exists());
        running
    }

    /// Another component than before.
    pub fn replace_component(&self, version: &str) {
        fs::write(self.path("passteam.zip"), component(version)).expect("a zip");
    }

    /// Changes a file of the installed extension, as loaded and as applied.
    pub fn change_installed(&self, file: &str, from: &str, to: &str) {
        for which in ["loaded", "applied"] {
            let name = format!("extensions/Passteam/{which}/{file}");
            let text = self.get(&name);
            assert!(text.contains(from), "{name} lacks {from}");
            self.set(&name, &text.replace(from, to));
        }
    }
}

/// Returns when something has become true.
pub fn wait_for(is_so: impl Fn() -> bool) {
    while !is_so() {
        thread::sleep(Duration::from_millis(20));
    }
}

/// What the program said and its status.
pub struct Answer {
    /// The exit status.
    pub status: i32,
    /// Standard output and standard error.
    pub text: String,
}

impl Answer {
    /// Reads the output of a run.
    pub fn of(output: Output) -> Answer {
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).expect("UTF-8");
        assert!(!text.contains(PASSWORD), "the password is printed: {text}");
        Answer { status: output.status.code().expect("an exit code"), text }
    }

    /// Fails unless the status is this and every part stands in the text.
    #[track_caller]
    pub fn expect(self, status: i32, parts: &[&str]) -> Answer {
        assert_eq!(self.status, status, "{}", self.text);
        for part in parts {
            assert!(self.text.contains(part), "«{part}» is missing in: {}", self.text);
        }
        self
    }
}

/// A zip with one library's name in its directory.
fn component(version: &str) -> Vec<u8> {
    let name = format!("passteam-{version}-linux-x86_64.so");
    let mut zip = b"PK\x01\x02".to_vec();
    zip.extend([0; 24]);
    zip.extend(u16::try_from(name.len()).expect("a short name").to_le_bytes());
    zip.extend([0; 16]);
    zip.extend(name.as_bytes());
    zip.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0\0\0\0\0\0\0\0\0\0\0");
    zip
}
