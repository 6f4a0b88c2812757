//! Rules of the repository as tests.
//!
//! | rule | test |
//! |---|---|
//! | `unsafe` only in listed files | [`unsafe_stands_only_at_the_border_to_the_platform`] |
//! | no circle of imports | [`imports_lead_back_to_themselves_only_where_it_is_tolerated`] |
//! | the client names nothing of 1C | [`the_client_never_names_1c`] |
//! | shipped code cannot panic | [`nothing_that_ships_unwraps`] |
//! | manifests share lints and version | [`every_crate_takes_the_workspaces_lints_and_version`] |
//! | both READMEs say the same | [`the_english_readme_says_what_the_russian_one_says`] |

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::UseTree;
use syn::visit::{self, Visit};

/// The only files that may contain `unsafe`: those that share memory with the platform or with an add-in, and a test's fork.
const UNSAFE_FILES: [&str; 9] = [
    "src/lib.rs",
    "src/variant.rs",
    "src/platform/destructor.rs",
    "src/platform/host.rs",
    "src/platform/object.rs",
    "src/platform/process.rs",
    "src/platform/vtables.rs",
    "crates/addin-host/src/abi.rs",
    "crates/testkit/src/fork.rs",
];
/// Crates whose files may import one another in circles, and how many circles each; every other crate has none.
const TOLERATED_CIRCLES: [(&str, usize); 1] = [("crates/bsl-run/src/lib.rs", 2)];
/// Folders whose code runs in the platform's process.
const SHIPPED: [&str; 2] = ["src", "crates/passteam-client/src"];
/// Exceptions to [`nothing_that_ships_unwraps`]: a constant that always parses, and the panic that a test provokes.
const HARMLESS: [(&str, &str); 2] =
    [("crates/passteam-client/src/settings/server_url.rs", ".expect("), ("src/platform/vtables.rs", "panic!(")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder`, relative to the root, without build output.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !["target", "dist", ".git", "node_modules"].contains(&name) {
                folders.push(path);
            } else if path.is_file() {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    files(folder).into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")).collect()
}

fn read(file: &Path) -> String {
    fs::read_to_string(root().join(file)).unwrap()
}

/// The code of a file without strings, comments and the tests at its end.
fn code(file: &Path) -> String {
    let text = read(file);
    let shipped = text.split("#[cfg(test)]\nmod tests").next().unwrap();
    let without_strings = |line: &str| line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"");
    shipped
        .lines()
        .map(|line| without_strings(line).split("//").next().unwrap().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let outside = |c: Option<char>| !c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        outside(text[..at].chars().next_back()) && outside(text[at + word.len()..].chars().next())
    })
}

#[test]
fn unsafe_stands_only_at_the_border_to_the_platform() {
    let with_unsafe: Vec<_> = rust_files(".")
        .into_iter()
        .filter(|file| file != Path::new("tests/rules.rs") && has_word(&code(file), "unsafe"))
        .map(|file| file.to_str().unwrap().replace('\\', "/"))
        .collect();
    let stray: Vec<_> = with_unsafe.iter().filter(|file| !UNSAFE_FILES.contains(&file.as_str())).collect();
    assert!(stray.is_empty(), "{stray:?}");
}

#[test]
fn the_client_never_names_1c() {
    for file in rust_files("crates/passteam-client") {
        let text = read(&file).to_lowercase();
        for word in ["1c", "1с", "bsl", "addin1c", "native api", "tvariant"] {
            assert!(!has_word(&text, word), "{} names {word}", file.display());
        }
    }
    assert!(!read(Path::new("crates/passteam-client/Cargo.toml")).contains("addin1c"));
}

#[test]
fn nothing_that_ships_unwraps() {
    for file in SHIPPED.into_iter().flat_map(rust_files).filter(|file| !file.ends_with("tests.rs")) {
        let code = code(&file);
        for call in [".unwrap()", ".expect(", "panic!(", "unreachable!(", "todo!(", "unimplemented!("] {
            let harmless = HARMLESS.iter().filter(|(place, known)| Path::new(place) == file && *known == call).count();
            assert_eq!(code.matches(call).count(), harmless, "{} holds {call}", file.display());
        }
    }
}

#[test]
fn every_crate_takes_the_workspaces_lints_and_version() {
    for manifest in files(".").into_iter().filter(|file| file.ends_with("Cargo.toml")) {
        let text = read(&manifest);
        if !text.contains("[package]") || manifest.starts_with("fuzz") {
            continue;
        }
        for line in ["version.workspace = true", "edition.workspace = true", "[lints]\nworkspace = true"] {
            assert!(text.contains(line), "{} lacks {line}", manifest.display());
        }
    }
}

#[test]
fn the_english_readme_says_what_the_russian_one_says() {
    let (russian, english) = (read(Path::new("README.md")), read(Path::new("README.en.md")));
    let headings = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
    assert_eq!(headings(&russian), headings(&english));
    let rows = |text: &str| text.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!(rows(&russian), rows(&english));
    let commands = |text: &str| -> Vec<String> {
        text.split('`')
            .filter(|part| part.starts_with("cargo ") || part.starts_with("sh\n"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(commands(&russian), commands(&english));
}

/// The files of one crate and what they import, from its root down. `#[cfg(test)]` does not count.
struct Imports {
    /// The file of each module.
    files: BTreeMap<Vec<String>, PathBuf>,
    /// What each module names: absolute paths of modules and of their items.
    named: BTreeMap<Vec<String>, Vec<Vec<String>>>,
}

impl Imports {
    fn of_crate(root: &Path) -> Imports {
        let mut imports = Imports { files: BTreeMap::new(), named: BTreeMap::new() };
        let mut waiting = vec![(Vec::new(), root.to_owned())];
        while let Some((module, file)) = waiting.pop() {
            let mut names = NamedPaths { module: module.clone(), ..NamedPaths::default() };
            names.visit_file(&syn::parse_file(&read(&file)).unwrap());
            for child in names.children {
                let flat = root.parent().unwrap().join(child.join("/")).with_extension("rs");
                let folder = flat.with_extension("").join("mod.rs");
                waiting.extend([flat, folder].into_iter().find(|file| file.exists()).map(|file| (child, file)));
            }
            imports.named.insert(module.clone(), names.paths);
            imports.files.insert(module, file);
        }
        imports
    }

    /// The modules with files of their own that `module` leads to by one `mod` or `use`.
    fn next<'a>(&'a self, module: &'a [String]) -> impl Iterator<Item = &'a [String]> {
        let file_of = |path: &'a Vec<String>| {
            (0..=path.len()).rev().map(|length| &path[..length]).find(|prefix| self.files.contains_key(*prefix))
        };
        self.named[module].iter().filter_map(file_of).filter(move |other| *other != module)
    }

    fn reachable<'a>(&'a self, module: &'a [String]) -> BTreeSet<&'a [String]> {
        let (mut found, mut waiting) = (BTreeSet::new(), vec![module]);
        while let Some(module) = waiting.pop() {
            waiting.extend(self.next(module).filter(|other| found.insert(*other)));
        }
        found
    }

    /// Groups of files that lead back to one another.
    fn circles(&self) -> BTreeSet<BTreeSet<&Path>> {
        let reachable: BTreeMap<&[String], _> =
            self.files.keys().map(|module| (module.as_slice(), self.reachable(module))).collect();
        let circle = |module| {
            let back = |other: &&[String]| reachable[other].contains(module);
            reachable[module].iter().copied().filter(back).map(|other| self.files[other].as_path()).collect()
        };
        reachable.keys().map(|module| circle(*module)).filter(|circle: &BTreeSet<_>| !circle.is_empty()).collect()
    }
}

/// The `use`, `mod` and `crate::…` paths of one file.
#[derive(Default)]
struct NamedPaths {
    module: Vec<String>,
    children: Vec<Vec<String>>,
    paths: Vec<Vec<String>>,
}

impl NamedPaths {
    fn name(&mut self, segments: &[String]) {
        let ups = segments.iter().take_while(|segment| *segment == "super").count();
        let (base, rest) = match segments[0].as_str() {
            "crate" => (&[][..], &segments[1..]),
            "self" => (&self.module[..], &segments[1..]),
            _ => (&self.module[..self.module.len() - ups], &segments[ups..]),
        };
        let local = ups > 0 || ["crate", "self"].contains(&segments[0].as_str());
        // Any other first segment is a child module or a foreign crate.
        if local || self.children.iter().any(|child| child.last() == Some(&segments[0])) {
            self.paths.push([base, rest].concat());
        }
    }

    fn name_tree(&mut self, before: &[String], tree: &UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            UseTree::Path(path) => self.name_tree(&with(&path.ident), &path.tree),
            UseTree::Name(name) => self.name(&with(&name.ident)),
            UseTree::Rename(rename) => self.name(&with(&rename.ident)),
            UseTree::Glob(_) => self.name(before),
            UseTree::Group(group) => group.items.iter().for_each(|item| self.name_tree(before, item)),
        }
    }
}

fn only_for_tests(attributes: &[syn::Attribute]) -> bool {
    let is_test = |attribute: &syn::Attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<syn::Path>().is_ok_and(|condition| condition.is_ident("test"))
    };
    attributes.iter().any(is_test)
}

impl<'ast> Visit<'ast> for NamedPaths {
    fn visit_file(&mut self, file: &'ast syn::File) {
        // The children come first, so that a `use` of one is told from a foreign crate.
        for item in &file.items {
            if let syn::Item::Mod(item) = item
                && item.content.is_none()
                && !only_for_tests(&item.attrs)
            {
                let child = [&self.module[..], &[item.ident.to_string()]].concat();
                self.paths.push(child.clone());
                self.children.push(child);
            }
        }
        visit::visit_file(self, file);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !only_for_tests(&item.attrs) && item.content.is_some() {
            self.module.push(item.ident.to_string());
            visit::visit_item_mod(self, item);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !only_for_tests(&item.attrs) {
            self.name_tree(&[], &item.tree);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<_> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if segments.len() > 1 && ["crate", "super"].contains(&segments[0].as_str()) {
            self.name(&segments);
        }
        visit::visit_path(self, path);
    }

    /// `pub(crate)` imports nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

/// The roots of every crate: each library and each program.
fn crate_roots() -> Vec<PathBuf> {
    let is_root = |file: &PathBuf| file.ends_with("src/lib.rs") || file.ends_with("src/main.rs");
    rust_files(".").into_iter().filter(is_root).collect()
}

#[test]
fn imports_lead_back_to_themselves_only_where_it_is_tolerated() {
    let mut excessive = Vec::new();
    for root in crate_roots() {
        let imports = Imports::of_crate(&root);
        let circles = imports.circles();
        let tolerated = TOLERATED_CIRCLES.iter().find(|(known, _)| Path::new(known) == root).map_or(0, |(_, n)| *n);
        if circles.len() > tolerated {
            excessive.push(format!("{}: {circles:#?}", root.display()));
        }
    }
    assert!(excessive.is_empty(), "{}", excessive.join("\n"));
}

#[test]
fn a_circle_of_imports_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    fs::create_dir(folder.path().join("d")).unwrap();
    write("lib.rs", "mod a; mod b; mod c; mod d; use a::A; use std::fmt;");
    write("a.rs", "pub struct A; use crate::{b::{self, B}, c};");
    write("b.rs", "pub struct B; fn f() { super::c::g() } mod inner { use super::B; }");
    write("c.rs", "pub(crate) fn g() {} #[cfg(test)] mod tests { use crate::a::A; }");
    write("d.rs", "mod e; pub struct D;");
    write("d/e.rs", "use super::D;");
    let circles = |folder: &Path| -> Vec<Vec<String>> {
        let imports = Imports::of_crate(&folder.join("lib.rs"));
        let name = |file: &&Path| file.strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
        imports.circles().iter().map(|circle| circle.iter().map(name).collect()).collect()
    };
    assert_eq!(circles(folder.path()), [["d/e.rs", "d.rs"]]);
    write("c.rs", "use crate::a::A;");
    assert_eq!(circles(folder.path()), [vec!["a.rs", "b.rs", "c.rs"], vec!["d/e.rs", "d.rs"]]);
}
