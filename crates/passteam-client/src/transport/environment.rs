//! The environment variables that matter here, read once: a host may change its environment at any time, and reading it then
//! (`getenv` beside `setenv`) ends the process.

use std::ffi::OsString;
use std::sync::LazyLock;

/// What was set when this process first asked.
pub(super) struct Environment {
    /// Proxies for `https://`, in the order in which they count; blank ones left out.
    pub(super) proxies: Vec<(&'static str, String)>,
    /// Hosts that no proxy is used for.
    pub(super) no_proxy: String,
    /// A file with further certificate authorities.
    pub(super) certificate_file: Option<OsString>,
    /// Folders with further certificate authorities, as `PATH` lists folders.
    pub(super) certificate_folders: Option<OsString>,
}

/// Reads the environment unless that has been done, so that no later call does it.
pub fn read_environment() {
    environment();
}

/// The environment as it was when it was first read.
pub(super) fn environment() -> &'static Environment {
    static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(|| Environment::read(|name| std::env::var_os(name)));
    &ENVIRONMENT
}

impl Environment {
    /// Reads it by `get`, which tells a variable's value.
    pub(super) fn read(get: impl Fn(&str) -> Option<OsString>) -> Environment {
        const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];

        let text = |name| {
            let value = get(name)?;
            let value = value.to_string_lossy();
            Some(value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        Environment {
            proxies: PROXIES.into_iter().filter_map(|name| Some((name, text(name)?))).collect(),
            no_proxy: text("NO_PROXY").or_else(|| text("no_proxy")).unwrap_or_default(),
            certificate_file: get("SSL_CERT_FILE").filter(|value| !value.is_empty()),
            certificate_folders: get("SSL_CERT_DIR").filter(|value| !value.is_empty()),
        }
    }
}
