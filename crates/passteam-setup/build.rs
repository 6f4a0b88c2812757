//! Embeds the extension, the component's zip and the external data processor into the program.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The folder of the extension as a release packs it.
const EXTENSION: &str = "PASSTEAM_SETUP_EXTENSION";
/// The zip of the component, which becomes the extension's template.
const COMPONENT: &str = "PASSTEAM_SETUP_COMPONENT";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    for variable in [EXTENSION, COMPONENT] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let examples = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../bsl-examples");
    let extension = env::var_os(EXTENSION).map_or_else(|| examples.join("extension"), PathBuf::from);
    let mut code = String::new();
    embed_folder(&mut code, "EXTENSION", &extension)?;
    embed_folder(&mut code, "SCHEDULED", &examples.join("scheduled"))?;
    let component = match env::var_os(COMPONENT) {
        Some(zip) => {
            let zip = fs::canonicalize(zip)?;
            println!("cargo::rerun-if-changed={}", zip.display());
            format!("Some(include_bytes!({:?}))", zip.to_str().ok_or("a path that is not Unicode")?)
        }
        None => "None".to_owned(),
    };
    writeln!(code, "pub(crate) static COMPONENT: Option<&[u8]> = {component};")?;
    fs::write(Path::new(&env::var("OUT_DIR")?).join("embedded.rs"), code)?;
    Ok(())
}

/// Writes a constant with all files of a folder, by their path inside it; a folder that is missing gives an empty list.
fn embed_folder(code: &mut String, name: &str, folder: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = Vec::new();
    if folder.is_dir() {
        let folder = fs::canonicalize(folder)?;
        collect(&folder, &folder, &mut files)?;
    }
    files.sort();
    writeln!(code, "pub(crate) static {name}: &[(&str, &[u8])] = &[")?;
    for (inside, path) in files {
        writeln!(code, "    ({inside:?}, include_bytes!({path:?})),")?;
    }
    writeln!(code, "];")?;
    Ok(())
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, String)>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            let inside = path.strip_prefix(root)?.to_str().ok_or("a file name that is not Unicode")?.replace('\\', "/");
            files.push((inside, path.to_str().ok_or("a path that is not Unicode")?.to_owned()));
        }
    }
    Ok(())
}
