//! What mdclasses, the library that reads dumps for bsl-language-server, finds in the extension.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use zip::ZipArchive;

/// A program of some lines that the Java of a development kit runs as it is.
const PROGRAM: &str = include_str!("Metadata.java");
/// Where the server's file keeps the libraries that it is made of.
const LIBRARIES: &str = "BOOT-INF/lib/";

/// Reads the extension with mdclasses and compares what it finds with what is there.
///
/// # Errors
/// Java fails, or mdclasses takes the folder for something else, or misses an object or a module.
pub fn check(server: &Path, folder: &Path, extension: &Path) -> Result<()> {
    let libraries = unpack(server, &folder.join("libraries"))?;
    let program = folder.join("Metadata.java");
    crate::files::replace(&program, PROGRAM.as_bytes())?;
    let mut java = Command::new("java");
    java.arg("-cp").arg(libraries.join("*")).arg(&program).arg(extension);
    let output = java.output().context("java does not start")?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "mdclasses failed: {}; a Java Development Kit is needed\n{words}", output.status);
    compare(&String::from_utf8(output.stdout)?, extension)?;
    println!("mdclasses knows every object and module of the extension");
    Ok(())
}

fn unpack(server: &Path, libraries: &Path) -> Result<PathBuf> {
    if !libraries.exists() {
        let mut archive = ZipArchive::new(File::open(server)?)?;
        for at in 0..archive.len() {
            let mut entry = archive.by_index(at)?;
            let Some(name) = entry.name()?.strip_prefix(LIBRARIES).map(str::to_owned) else { continue };
            if name.ends_with(".jar") && !name.contains(['/', '\\']) {
                fs::create_dir_all(libraries)?;
                std::io::copy(&mut entry, &mut File::create(libraries.join(name))?)?;
            }
        }
    }
    Ok(libraries.to_owned())
}

fn compare(found: &str, extension: &Path) -> Result<()> {
    let facts = |kind: &str| -> BTreeSet<String> {
        let facts = found.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
        facts.map(str::to_owned).collect()
    };
    ensure!(facts("type").contains("ConfigurationExtension"), "mdclasses sees no extension:\n{found}");
    // Attributes, fields and forms are objects too; theirs is a longer name.
    let objects = facts("object").into_iter().filter(|fact| fact.matches('.').count() == 1).collect();
    same("objects", &objects, &listed(extension)?)?;
    same("modules", &facts("module"), &modules(extension)?)
}

fn same(what: &str, found: &BTreeSet<String>, there: &BTreeSet<String>) -> Result<()> {
    let list = |of: &BTreeSet<String>, without: &BTreeSet<String>| of.difference(without).cloned().collect::<Vec<_>>();
    let (missed, invented) = (list(there, found), list(found, there));
    ensure!(missed.is_empty() && invented.is_empty(), "{what}: mdclasses misses {missed:?} and finds {invented:?}");
    ensure!(!there.is_empty(), "the extension has no {what}");
    Ok(())
}

/// The objects that the root lists, each with what its file says of it: `Catalog.Карты ADOPTED`.
fn listed(extension: &Path) -> Result<BTreeSet<String>> {
    let root = fs::read_to_string(extension.join("Configuration.xml"))?;
    let list = root.split("<ChildObjects>").nth(1).context("the root lists nothing")?;
    let entries = list.lines().filter_map(|line| line.trim().strip_prefix('<')?.split_once('>'));
    let names = entries.filter_map(|(kind, rest)| Some((kind, rest.split_once("</")?.0)));
    let mut listed = BTreeSet::new();
    for (kind, name) in names {
        let file = extension.join(format!("{}/{name}.xml", plural(kind)));
        let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let belonging = if text.contains("<ObjectBelonging>Adopted<") { "ADOPTED" } else { "OWN" };
        listed.insert(format!("{kind}.{name} {belonging}"));
    }
    Ok(listed)
}

fn plural(kind: &str) -> String {
    if kind.ends_with('s') { format!("{kind}es") } else { format!("{kind}s") }
}

fn modules(extension: &Path) -> Result<BTreeSet<String>> {
    let files = crate::files::below(extension)?;
    Ok(files.into_iter().filter(|file| file.ends_with(".bsl")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::root;

    /// What mdclasses says of an extension whose every part it understands.
    fn understood(extension: &Path) -> String {
        let objects = listed(extension).unwrap().into_iter().map(|fact| format!("object {fact}\n"));
        let modules = modules(extension).unwrap().into_iter().map(|file| format!("module {file}\n"));
        let facts: String = objects.chain(modules).collect();
        format!("type ConfigurationExtension\nobject Catalog.Карты.Form.Форма OWN\n{facts}")
    }

    #[test]
    fn what_is_missed_or_taken_for_something_else_is_an_error() {
        let extension = root().join(super::super::stage::EXTENSION);
        let found = understood(&extension);
        compare(&found, &extension).unwrap();
        for (from, to) in [
            ("type ConfigurationExtension", "type Configuration"),
            ("Catalog.Контрагенты ADOPTED", "Catalog.Контрагенты OWN"),
            ("module CommonModules/ОчередьPassteam/Ext/Module.bsl\n", ""),
            ("object ScheduledJob.НочнаяПроверкаPassteam OWN\n", ""),
        ] {
            assert_eq!(found.matches(from).count(), 1, "{from}");
            assert!(compare(&found.replace(from, to), &extension).is_err(), "{from}");
        }
    }
}
