//! Where a computer keeps its platforms, the list of bases (`ibases.v8i`) and the launcher's settings (`1cestart.cfg`).

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::decode::decode;
use crate::infobase::Infobase;
use crate::version::Version;

/// The files and folders of one computer and user.
pub(super) struct Places {
    /// Lists of bases.
    pub(super) bases: Vec<PathBuf>,
    /// Settings of the launcher.
    pub(super) settings: Vec<PathBuf>,
    /// Folders with a folder for each build.
    pub(super) roots: Vec<PathBuf>,
}

impl Places {
    pub(super) fn of_this_computer() -> Places {
        let folder = |variable: &str| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
        if cfg!(windows) {
            let launchers = ["APPDATA", "LOCALAPPDATA", "ALLUSERSPROFILE", "ProgramData"];
            let launchers: Vec<_> =
                launchers.into_iter().filter_map(folder).map(|path| path.join("1C/1CEStart")).collect();
            let programs = ["ProgramW6432", "ProgramFiles", "ProgramFiles(x86)"];
            let roots = programs.into_iter().filter_map(folder).map(|path| path.join("1cv8")).collect();
            return Places::with_launchers(&launchers, roots);
        }
        let launchers: Vec<_> = folder("HOME").map(|home| home.join(".1C/1cestart")).into_iter().collect();
        // The layout since 8.3.21, that of earlier ones, and the one of the separate packages.
        let roots = ["/opt/1cv8/x86_64", "/opt/1cv8/i386", "/opt/1cv8/arm64", "/opt/1cv8"];
        Places::with_launchers(&launchers, roots.into_iter().map(PathBuf::from).collect())
    }

    fn with_launchers(launchers: &[PathBuf], roots: Vec<PathBuf>) -> Places {
        let files = |name: &str| launchers.iter().map(|folder| folder.join(name)).collect();
        Places { bases: files("ibases.v8i"), settings: files("1cestart.cfg"), roots }
    }
}

/// What the launcher knows of this computer. A file that is missing or damaged says nothing.
pub(super) struct Launcher {
    settings: Vec<(String, String)>,
    bases: Vec<Entry>,
}

/// A base in the list.
struct Entry {
    infobase: Infobase,
    version: Option<Version>,
}

impl Launcher {
    pub(super) fn read(places: &Places) -> Launcher {
        let settings: Vec<_> =
            places.settings.iter().flat_map(|file| lines(file)).filter_map(|line| pair(&line)).collect();
        let common = settings.iter().filter(|(key, _)| key == "commoninfobases");
        let common = common.flat_map(|(_, files)| files.split(',')).map(|file| PathBuf::from(file.trim()));
        let lists: Vec<_> = places.bases.iter().cloned().chain(common).collect();
        Launcher { bases: lists.iter().flat_map(|list| entries(list)).collect(), settings }
    }

    /// All folders that may hold builds.
    pub(super) fn roots(&self, places: &Places) -> Vec<PathBuf> {
        let named = self.settings.iter().filter(|(key, _)| key == "installedlocation");
        named.map(|(_, folder)| PathBuf::from(folder)).chain(places.roots.iter().cloned()).collect()
    }

    /// The version that the base is opened with, as exactly as it is known: 8.3.24.1342, 8.3.24 or 8.3.
    pub(super) fn version_of(&self, infobase: &Infobase) -> Option<Version> {
        let of_base = self.bases.iter().find(|entry| same(&entry.infobase, infobase))?.version.clone()?;
        if of_base.parts().len() >= 4 {
            return Some(of_base);
        }
        // DefaultVersion=8.3-8.3.16.1148: which build stands for 8.3.
        let defaults = self.settings.iter().filter(|(key, _)| key == "defaultversion");
        let default = defaults.filter_map(|(_, value)| value.split_once('-')).find_map(|(short, build)| {
            let (short, build): (Version, Version) = (short.parse().ok()?, build.split('-').next()?.parse().ok()?);
            (short == of_base).then_some(build)
        });
        Some(default.unwrap_or(of_base))
    }
}

/// Names of servers and bases have no case; nor have Windows' file names.
fn same(one: &Infobase, other: &Infobase) -> bool {
    match (one, other) {
        (Infobase::File(one), Infobase::File(other)) if cfg!(windows) => {
            let plain = |path: &Path| path.to_string_lossy().to_lowercase().replace('/', "\\");
            plain(one) == plain(other)
        }
        (Infobase::File(one), Infobase::File(other)) => one == other,
        (one, other) => one.to_string().to_lowercase() == other.to_string().to_lowercase(),
    }
}

fn lines(file: &Path) -> Vec<String> {
    let text = fs::read(file).map(|bytes| decode(&bytes)).unwrap_or_default();
    text.lines().map(|line| line.trim().to_owned()).collect()
}

fn pair(line: &str) -> Option<(String, String)> {
    let (key, value) = line.split_once('=')?;
    Some((key.trim().to_lowercase(), value.trim().to_owned()))
}

fn entries(list: &Path) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    // A group of the list is a section without a connection; its lines belong to no base.
    let mut in_base = false;
    for line in lines(list) {
        if line.starts_with('[') {
            in_base = false;
        }
        match pair(&line) {
            Some((key, value)) if key == "connect" => {
                let infobase = Infobase::parse(&value);
                in_base = infobase.is_ok();
                entries.extend(infobase.map(|infobase| Entry { infobase, version: None }));
            }
            Some((key, value)) if key == "version" && in_base => {
                if let Some(entry) = entries.last_mut() {
                    entry.version = value.parse().ok();
                }
            }
            _ => {}
        }
    }
    entries
}
