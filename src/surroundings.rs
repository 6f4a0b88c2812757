//! Where the component runs: its file, the process, the operating system.

#[cfg(not(windows))]
use std::fs;
use std::path::PathBuf;

/// What is known of the process that the component runs in.
pub struct Surroundings {
    /// The library's file.
    pub library: Option<PathBuf>,
    /// The program that runs.
    pub program: Option<PathBuf>,
    /// Whether that is a process of the component's own, beside the platform's; `None` if the platform does not say.
    pub is_isolated: Option<bool>,
    /// The operating system, such as `Debian GNU/Linux 12 (bookworm), Linux 6.1.0`.
    pub system: String,
}

impl Surroundings {
    /// Looks at this process. The rest only the platform's side knows.
    pub fn look(library: Option<PathBuf>, is_isolated: Option<bool>, system_version: Option<String>) -> Surroundings {
        Surroundings { library, program: std::env::current_exe().ok(), is_isolated, system: system(system_version) }
    }
}

#[cfg(target_os = "linux")]
fn system(_: Option<String>) -> String {
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = format!("Linux {}", kernel.trim());
    match fs::read_to_string("/etc/os-release").ok().as_deref().and_then(pretty_name) {
        Some(distribution) => format!("{distribution}, {kernel}"),
        None => kernel,
    }
}

#[cfg(target_os = "macos")]
fn system(_: Option<String>) -> String {
    let description = fs::read_to_string("/System/Library/CoreServices/SystemVersion.plist").unwrap_or_default();
    let after = |text: &str, mark: &str| text.split_once(mark).map(|(_, rest)| rest.to_owned());
    let version = after(&description, "<key>ProductVersion</key>")
        .and_then(|rest| after(&rest, "<string>"))
        .and_then(|rest| rest.split_once('<').map(|(version, _)| version.to_owned()));
    format!("macOS {}", version.unwrap_or_default()).trim_end().to_owned()
}

#[cfg(windows)]
fn system(version: Option<String>) -> String {
    format!("Windows {}", version.unwrap_or_default()).trim_end().to_owned()
}

/// `PRETTY_NAME` of `os-release(5)`.
#[cfg(target_os = "linux")]
fn pretty_name(os_release: &str) -> Option<&str> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?.trim();
    Some(value.trim_matches(['"', '\''])).filter(|name| !name.is_empty())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_named_as_it_names_itself() {
        for (text, name) in [
            ("NAME=x\nPRETTY_NAME=\"Astra Linux\"\n", Some("Astra Linux")),
            ("PRETTY_NAME='RED OS 7.3'", Some("RED OS 7.3")),
            ("PRETTY_NAME=Debian", Some("Debian")),
            ("PRETTY_NAME=\"\"", None),
            ("", None),
        ] {
            assert_eq!(pretty_name(text), name);
        }
        assert!(system(None).contains("Linux "), "{}", system(None));
    }
}
