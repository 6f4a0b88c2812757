//! The repository's own rules, held as tests.

use std::fs;
use std::path::{Path, PathBuf};

/// Where `unsafe` may stand: the border to the platform, and the host's.
const UNSAFE_FILES: [&str; 4] = ["src/lib.rs", "src/platform.rs", "src/value.rs", "crates/addin-host/src/abi.rs"];
/// What ships into every till's process.
const SHIPPED: [&str; 2] = ["src", "crates/passteam-client/src"];
/// Calls that nothing outside can make fail: a constant that parses, and the panic that a test provokes.
const HARMLESS: [(&str, &str); 2] =
    [("crates/passteam-client/src/settings/server_url.rs", ".expect("), ("src/platform.rs", "panic!(")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder`, relative to the root, without what is built.
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

/// The code of a file: no strings, no comments, no tests at its end.
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
