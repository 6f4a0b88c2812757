//! Which platform opens the base: the programs `1cv8` and `ibcmd` of one version.
//!
//! A file base opens with any build. A client of a cluster must be exactly the cluster's build, and the extension is loaded
//! by a client: if several builds are candidates, the user has to choose.

mod places;

use std::env;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use self::places::{Launcher, Places};
use crate::error::SetupError;
use crate::infobase::Infobase;
use crate::text;
use crate::version::{Release, Version};

/// A platform on this computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Platform {
    /// The Designer and thick client.
    pub(crate) designer: PathBuf,
    /// The build, from the name of its folder; unknown in a folder of another name.
    pub(crate) version: Option<Version>,
}

impl Platform {
    /// The platform for the base: what the user names, what the base's entry in the list of bases and the launcher's
    /// settings say, else what is installed.
    ///
    /// # Errors
    /// There is none, or several for a base of a cluster, or one is too old.
    pub(crate) fn find(infobase: &Infobase, named: Option<&Path>) -> Result<Platform, SetupError> {
        let platform = match named {
            Some(folder) => in_folder(folder).ok_or_else(|| no_platform_in(folder))?,
            None => choose(infobase, &Places::of_this_computer())?,
        };
        match platform.release() {
            Some(release) if release < Release::OLDEST => {
                let oldest = Release::OLDEST;
                Err(SetupError::Refused(text!(
                    "платформа {release} слишком старая: расширению нужна {oldest} или новее. База не тронута",
                    "platform {release} is too old: the extension needs {oldest} or later. The base was not touched",
                )))
            }
            _ => Ok(platform),
        }
    }

    pub(crate) fn release(&self) -> Option<Release> {
        self.version.as_ref().and_then(Release::of)
    }

    /// The administration utility, if it is installed beside the Designer.
    pub(crate) fn ibcmd(&self) -> Option<PathBuf> {
        let path = self.designer.with_file_name(format!("ibcmd{}", env::consts::EXE_SUFFIX));
        path.is_file().then_some(path)
    }
}

fn no_platform_in(folder: &Path) -> SetupError {
    let folder = folder.display();
    SetupError::Refused(text!(
        "в папке {folder} нет Конфигуратора (1cv8); нужна папка вида …/1cv8/8.3.24.1342",
        "the folder {folder} has no Designer (1cv8); it should be like …/1cv8/8.3.24.1342",
    ))
}

/// The platform of a folder `8.3.24.1342`, its `bin`, or the program itself.
fn in_folder(folder: &Path) -> Option<Platform> {
    let program = format!("1cv8{}", env::consts::EXE_SUFFIX);
    let candidates = [folder.to_owned(), folder.join(&program), folder.join("bin").join(&program)];
    let designer = candidates.into_iter().find(|path| path.is_file())?;
    let folders = || designer.ancestors().skip(1).filter_map(Path::file_name).filter_map(OsStr::to_str);
    let version = folders().filter_map(|name| name.parse().ok()).find(|version| Release::of(version).is_some());
    Some(Platform { designer, version })
}

fn choose(infobase: &Infobase, places: &Places) -> Result<Platform, SetupError> {
    let launcher = Launcher::read(places);
    let mut installed: Vec<Platform> = launcher.roots(places).iter().flat_map(|root| platforms_below(root)).collect();
    installed.sort_by(|a, b| b.version.cmp(&a.version));
    // The 64-bit and the 32-bit program of one build do the same.
    installed.dedup_by(|a, b| a.version == b.version);
    let wanted = launcher.version_of(infobase);
    let fits = |platform: &&Platform| match (&wanted, &platform.version) {
        (Some(wanted), Some(version)) => version.is_one_of(wanted),
        _ => true,
    };
    let candidates: Vec<_> = installed.iter().filter(fits).collect();
    match (candidates.as_slice(), infobase) {
        ([platform], _) | ([platform, ..], Infobase::File(_)) => Ok((*platform).clone()),
        ([], _) => Err(SetupError::Refused(match wanted {
            Some(wanted) => text!(
                "базу открывают платформой {wanted}, а на этом компьютере её нет. Укажите --platform",
                "the base is opened with platform {wanted}, which this computer does not have. Name one with --platform",
            ),
            None => text!(
                "платформа 1С:Предприятие не найдена. Укажите её папку: --platform",
                "no platform 1C:Enterprise was found. Name its folder: --platform",
            ),
        })),
        (several, Infobase::Cluster { .. }) => {
            let mut list = String::new();
            for platform in several {
                let _ = write!(list, "\n  {}", platform.designer.display());
            }
            Err(SetupError::Refused(text!(
                "платформ несколько, а сборка клиента должна совпадать со сборкой кластера. Укажите одну: --platform{list}",
                "there are several platforms, and the client must be the cluster's build. Name one: --platform{list}",
            )))
        }
    }
}

fn platforms_below(root: &Path) -> Vec<Platform> {
    let Ok(entries) = root.read_dir() else { return Vec::new() };
    let folders = entries.filter_map(Result::ok).map(|entry| entry.path());
    folders.filter_map(|folder| in_folder(&folder)).filter(|platform| platform.version.is_some()).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A computer with these builds, this list of bases and these settings of the launcher.
    struct Computer {
        folder: tempfile::TempDir,
        places: Places,
    }

    impl Computer {
        fn new(builds: &[&str], bases: &str, settings: &str) -> Computer {
            let folder = tempfile::tempdir().expect("a folder");
            let root = folder.path().join("1cv8");
            for build in builds {
                let bin = root.join(build).join("bin");
                fs::create_dir_all(&bin).expect("a folder");
                fs::write(bin.join(format!("1cv8{}", env::consts::EXE_SUFFIX)), "").expect("a program");
            }
            let (bases_file, settings_file) = (folder.path().join("ibases.v8i"), folder.path().join("1cestart.cfg"));
            fs::write(&bases_file, bases).expect("a file");
            let utf16: Vec<u8> =
                [0xFEFF].into_iter().chain(settings.encode_utf16()).flat_map(u16::to_le_bytes).collect();
            fs::write(&settings_file, utf16).expect("a file");
            let places = Places { bases: vec![bases_file], settings: vec![settings_file], roots: vec![root] };
            Computer { folder, places }
        }

        fn chosen(&self, base: &str) -> Result<String, String> {
            let platform = choose(&Infobase::parse(base).expect("a base"), &self.places);
            platform.map(|platform| platform.version.expect("a version").to_string()).map_err(|error| error.to_string())
        }
    }

    const BUILDS: [&str; 3] = ["8.3.16.1148", "8.3.24.1342", "8.3.9.2233"];
    const CLUSTER: &str = "Srvr=srv;Ref=retail";

    #[test]
    fn a_file_base_gets_the_newest() {
        let computer = Computer::new(&BUILDS, "", "");
        assert_eq!(computer.chosen("File=/b"), Ok("8.3.24.1342".to_owned()));
    }

    #[test]
    fn a_base_of_a_cluster_needs_a_choice_if_several_fit() {
        let refused = Computer::new(&BUILDS, "", "").chosen(CLUSTER).expect_err("several");
        assert!(refused.contains("--platform") && refused.contains("8.3.16.1148"), "{refused}");
        assert_eq!(Computer::new(&BUILDS[..1], "", "").chosen(CLUSTER), Ok("8.3.16.1148".to_owned()));
    }

    #[test]
    fn the_list_of_bases_names_the_version() {
        let bases = "\u{FEFF}[Касса]\r\nConnect=File=\"/other\";\r\nVersion=8.3.24\r\n\
                     [Магазин]\r\nConnect=Srvr=\"SRV\";Ref=\"Retail\";\r\nID=1\r\nVersion=8.3.16\r\n";
        let computer = Computer::new(&BUILDS, bases, "");
        assert_eq!(computer.chosen(CLUSTER), Ok("8.3.16.1148".to_owned()));
        assert_eq!(computer.chosen("File=/other/"), Ok("8.3.24.1342".to_owned()));
    }

    #[test]
    fn the_launchers_default_version_counts_for_a_shorter_one() {
        let bases = "[Магазин]\nConnect=Srvr=srv;Ref=retail;\nVersion=8.3\n";
        let computer = Computer::new(&BUILDS, bases, "DefaultVersion=8.3-8.3.16.1148\r\n");
        assert_eq!(computer.chosen(CLUSTER), Ok("8.3.16.1148".to_owned()));
    }

    #[test]
    fn the_launcher_names_more_folders_and_lists() {
        let computer = Computer::new(&[], "", "");
        let other = Computer::new(&BUILDS[..1], "[Магазин]\nConnect=Srvr=srv;Ref=retail;\nVersion=8.3.17\n", "");
        let settings = format!(
            "InstalledLocation={}\r\nCommonInfoBases={}\r\n",
            other.places.roots[0].display(),
            other.places.bases[0].display()
        );
        fs::write(&computer.places.settings[0], settings).expect("a file");
        let refused = computer.chosen(CLUSTER).expect_err("another version");
        assert!(refused.contains("8.3.17"), "{refused}");
        assert_eq!(computer.chosen("File=/b"), Ok("8.3.16.1148".to_owned()));
    }

    #[test]
    fn nothing_installed_is_said() {
        assert!(Computer::new(&[], "", "").chosen("File=/b").expect_err("nothing").contains("--platform"));
    }

    #[test]
    fn a_platform_is_named_by_its_folder_or_its_program() {
        let computer = Computer::new(&BUILDS, "", "");
        let build = computer.folder.path().join("1cv8/8.3.24.1342");
        let base = Infobase::parse(CLUSTER).expect("a base");
        let program = build.join("bin").join(format!("1cv8{}", env::consts::EXE_SUFFIX));
        for named in [build.clone(), build.join("bin"), program] {
            let platform = Platform::find(&base, Some(&named)).expect("a platform");
            assert_eq!(platform.release().map(|release| release.to_string()).as_deref(), Some("8.3.24"));
        }
        assert!(Platform::find(&base, Some(computer.folder.path())).is_err());
        let old = computer.folder.path().join("1cv8/8.3.9.2233");
        let refused = Platform::find(&base, Some(&old)).expect_err("too old").to_string();
        assert!(refused.contains("too old"), "{refused}");
    }
}
