//! The proxy that the operating system names for `https://`: environment variables, on Windows also the user's internet settings,
//! on macOS the network's.
//!
//! A value that is no proxy is an error: going around it could show the request to a network that must not see it. Automatic
//! configuration scripts (PAC) are not run.

use hyper_util::client::proxy::matcher::Matcher;

use super::environment::Environment;
use crate::settings::proxy::{ExplicitProxy, ProxySource};

/// What the system says about one server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SystemProxy {
    /// No proxy.
    None,
    /// No proxy is named, but a script that would name one, which is not run.
    #[cfg_attr(
        not(any(windows, target_os = "macos")),
        allow(dead_code, reason = "only Windows and macOS tell of scripts")
    )]
    OnlyByScript,
    /// This one.
    Proxy(ExplicitProxy, ProxySource),
}

/// A setting that names no proxy that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnusableProxy {
    /// Where it stands.
    pub(crate) source: ProxySource,
    /// Whether it names a SOCKS proxy.
    pub(crate) is_socks: bool,
}

/// The proxy for this host.
///
/// # Errors
/// The setting that counts names no usable proxy.
pub(super) fn find(host: &str, environment: &Environment) -> Result<SystemProxy, UnusableProxy> {
    match environment.proxies.first() {
        Some(_) if is_excepted(host, &environment.no_proxy) => Ok(SystemProxy::None),
        Some((variable, value)) => named(value, ProxySource::Variable(variable)),
        None => of_the_system(host),
    }
}

fn named(value: &str, source: ProxySource) -> Result<SystemProxy, UnusableProxy> {
    let scheme = value.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    let is_socks = scheme.as_deref().is_some_and(|scheme| scheme.starts_with("socks"));
    let url = if scheme.is_some() { value.to_owned() } else { format!("http://{value}") };
    match ExplicitProxy::parse(&url) {
        Ok(proxy) if !is_socks => Ok(SystemProxy::Proxy(proxy, source)),
        _ => Err(UnusableProxy { source, is_socks }),
    }
}

/// Whether `list`, in the form of `NO_PROXY`, names this host: names with all that is below them, addresses, networks, or `*`.
fn is_excepted(host: &str, list: &str) -> bool {
    let entries: Vec<&str> = list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()).collect();
    if entries.contains(&"*") {
        return true;
    }
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let Ok(server) = format!("https://{host}/").parse() else { return false };
    let matcher = Matcher::builder().https("http://proxy").no(entries.join(",")).build();
    matcher.intercept(&server).is_none()
}

#[cfg(windows)]
fn of_the_system(host: &str) -> Result<SystemProxy, UnusableProxy> {
    const SETTINGS: &str = r"Software\Microsoft\Windows\CurrentVersion\Internet Settings";

    let Ok(settings) = windows_registry::CURRENT_USER.open(SETTINGS) else { return Ok(SystemProxy::None) };
    let text = |name| settings.get_string(name).unwrap_or_default();
    let settings = internet_settings::InternetSettings {
        is_enabled: settings.get_u32("ProxyEnable").unwrap_or(0) != 0,
        servers: text("ProxyServer"),
        exceptions: text("ProxyOverride"),
        script: text("AutoConfigURL"),
    };
    settings.find(host)
}

/// `Matcher::from_system` would read the environment, which may only be read once.
#[cfg(target_os = "macos")]
fn of_the_system(host: &str) -> Result<SystemProxy, UnusableProxy> {
    use system_configuration::core_foundation::base::CFType;
    use system_configuration::core_foundation::dictionary::CFDictionary;
    use system_configuration::core_foundation::number::CFNumber;
    use system_configuration::core_foundation::string::CFString;
    use system_configuration::dynamic_store::SCDynamicStoreBuilder;

    /// Where the system names no port, as for addresses with `http://`.
    const USUAL_PORT: i32 = 80;

    let settings: Option<CFDictionary<CFString, CFType>> =
        SCDynamicStoreBuilder::new("passteam").build().and_then(|store| store.get_proxies());
    let Some(settings) = settings else { return Ok(SystemProxy::None) };
    // The keys of `SCSchemaDefinitions.h`.
    let number = |key| settings.find(CFString::from_static_string(key))?.downcast::<CFNumber>()?.to_i32();
    let text = |key| Some(settings.find(CFString::from_static_string(key))?.downcast::<CFString>()?.to_string());
    let is_on = |key| number(key).is_some_and(|value| value != 0);
    let port = number("HTTPSPort").unwrap_or(USUAL_PORT);
    let script = if is_on("ProxyAutoConfigEnable") { text("ProxyAutoConfigURLString") } else { None };
    let settings = internet_settings::InternetSettings {
        is_enabled: is_on("HTTPSEnable"),
        servers: text("HTTPSProxy").map(|server| format!("https={server}:{port}")).unwrap_or_default(),
        exceptions: String::new(),
        script: script.unwrap_or_default(),
    };
    settings.find(host)
}

/// Linux has no such settings but the environment.
#[cfg(not(any(windows, target_os = "macos")))]
fn of_the_system(_: &str) -> Result<SystemProxy, UnusableProxy> {
    Ok(SystemProxy::None)
}

/// The system's settings, in the form in which Windows keeps them.
#[cfg(any(windows, target_os = "macos", test))]
mod internet_settings {
    use std::net::IpAddr;

    use super::{SystemProxy, UnusableProxy, named};
    use crate::settings::proxy::ProxySource;

    /// As they stand in the registry of Windows.
    #[derive(Default)]
    pub(super) struct InternetSettings {
        pub(super) is_enabled: bool,
        /// `host:port` for everything, or `http=host:port;https=host:port;socks=host:port`.
        pub(super) servers: String,
        /// `*.local;10.*;<local>`.
        pub(super) exceptions: String,
        /// The address of a script.
        pub(super) script: String,
    }

    impl InternetSettings {
        pub(super) fn find(&self, host: &str) -> Result<SystemProxy, UnusableProxy> {
            let server = if self.is_enabled { self.server() } else { None };
            match server {
                Some(server) if !self.is_excepted(host) => named(&server, ProxySource::System),
                None if !self.script.trim().is_empty() => Ok(SystemProxy::OnlyByScript),
                _ => Ok(SystemProxy::None),
            }
        }

        /// The proxy for `https://`: its own, else the one for everything, else SOCKS, as Windows itself chooses.
        fn server(&self) -> Option<String> {
            let entries = || self.servers.split([';', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
            let of = |protocol: &str| {
                entries().find_map(|entry| {
                    let (name, server) = entry.split_once('=')?;
                    (name.trim().eq_ignore_ascii_case(protocol) && !server.trim().is_empty()).then(|| server.trim())
                })
            };
            let of_all = || entries().find(|entry| !entry.contains('='));
            of("https").or_else(of_all).map(str::to_owned).or_else(|| Some(format!("socks://{}", of("socks")?)))
        }

        fn is_excepted(&self, host: &str) -> bool {
            let host = host.to_ascii_lowercase();
            self.exceptions.split([';', ',', ' ']).map(str::trim).filter(|pattern| !pattern.is_empty()).any(|pattern| {
                if pattern.eq_ignore_ascii_case("<local>") {
                    !host.contains('.') && host.parse::<IpAddr>().is_err()
                } else {
                    let pattern = pattern.to_ascii_lowercase();
                    let pattern = pattern.strip_prefix("https://").unwrap_or(&pattern);
                    matches(pattern, &host)
                }
            })
        }
    }

    /// Whether a text fits a pattern in which `*` stands for anything.
    fn matches(pattern: &str, text: &str) -> bool {
        let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
        let Some(mut text) = text.strip_prefix(first) else { return false };
        let (middle, last) = rest.rsplit_once('*').map_or((None, rest), |(middle, last)| (Some(middle), last));
        for part in middle.into_iter().flat_map(|middle| middle.split('*')) {
            match text.find(part) {
                Some(at) => text = &text[at + part.len()..],
                None => return false,
            }
        }
        text.ends_with(last)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn found(servers: &str, exceptions: &str, host: &str) -> String {
            let (servers, exceptions) = (servers.to_owned(), exceptions.to_owned());
            let settings = InternetSettings { is_enabled: true, servers, exceptions, script: String::new() };
            match settings.find(host) {
                Ok(SystemProxy::Proxy(proxy, ProxySource::System)) => proxy.host_and_port(),
                Ok(other) => format!("{other:?}"),
                Err(error) => format!("{error:?}"),
            }
        }

        #[test]
        fn the_proxy_of_https_is_chosen() {
            for servers in [
                "b:2",
                "https=b:2",
                "http=a:1;https=b:2;socks=c:3",
                "http=a:1; HTTPS=b:2",
                "http=a:1;b:2",
                "http=a:1 https=http://b:2",
            ] {
                assert_eq!(found(servers, "", "shop.test"), "b:2", "{servers}");
            }
            assert_eq!(found("http=a:1", "", "shop.test"), "None");
            assert_eq!(found("", "", "shop.test"), "None");
            assert!(found("http=a:1;socks=c:3", "", "shop.test").contains("is_socks: true"));
            assert!(found("https=b:99999", "", "shop.test").contains("is_socks: false"));
        }

        #[test]
        fn the_bypass_list_is_kept() {
            const LIST: &str = "*.local;10.*;exact.test;*inner*part*;<local>";
            for host in ["till.local", "10.1.2.3", "EXACT.test", "x.inner.y.part.z", "server"] {
                assert_eq!(found("b:2", LIST, host), "None", "{host}");
            }
            for host in ["local.test", "110.1.2.3", "not-exact.test", "x.part.inner", "127.0.0.1", "::1", "shop.test"] {
                assert_eq!(found("b:2", LIST, host), "b:2", "{host}");
            }
        }

        #[test]
        fn a_script_counts_only_if_no_proxy_is_named() {
            let script = "http://wpad/proxy.pac".to_owned();
            let settings = InternetSettings { script, ..InternetSettings::default() };
            assert_eq!(settings.find("shop.test"), Ok(SystemProxy::OnlyByScript));
            let settings = InternetSettings { is_enabled: true, servers: "b:2".to_owned(), ..settings };
            assert!(matches!(settings.find("shop.test"), Ok(SystemProxy::Proxy(..))));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found where these variables are set, and nothing else says anything.
    fn found(variables: &[(&str, &str)], host: &str) -> String {
        let environment = Environment::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
        });
        match find(host, &environment) {
            Ok(SystemProxy::Proxy(proxy, ProxySource::Variable(name))) => format!("{} {name}", proxy.host_and_port()),
            Ok(other) => format!("{other:?}"),
            Err(UnusableProxy { source: ProxySource::Variable(name), is_socks }) => format!("{name} socks={is_socks}"),
            Err(other) => format!("{other:?}"),
        }
    }

    #[test]
    fn the_first_variable_that_is_not_blank_counts() {
        assert_eq!(found(&[("HTTPS_PROXY", ""), ("https_proxy", " http://a:1 \n")], "shop.test"), "a:1 https_proxy");
        assert_eq!(found(&[("HTTPS_PROXY", "a:1"), ("https_proxy", "b:2")], "shop.test"), "a:1 HTTPS_PROXY");
        assert_eq!(found(&[("https_proxy", "  "), ("all_proxy", "a")], "shop.test"), "a:80 all_proxy");
        assert_eq!(found(&[("ALL_PROXY", "http://u:p%40@[::1]:8/")], "shop.test"), "[::1]:8 ALL_PROXY");
    }

    #[test]
    fn a_value_that_is_no_proxy_is_an_error_that_names_the_variable() {
        for value in ["htpp://a:1", "http://a:99999", "a:x", "https://a:1", "http://", "http:///", "ftp://a"] {
            assert_eq!(found(&[("HTTPS_PROXY", value), ("ALL_PROXY", "b:2")], "shop.test"), "HTTPS_PROXY socks=false");
        }
        for value in ["socks5://a:1", "SOCKS5h://u:p@a:1", "socks4a://a"] {
            assert_eq!(found(&[("all_proxy", value)], "shop.test"), "all_proxy socks=true");
        }
    }

    #[test]
    fn exceptions_hold_as_others_understand_them() {
        let with = |list, host| found(&[("HTTPS_PROXY", "a:1"), ("NO_PROXY", list)], host);
        for (list, host) in [
            ("*", "shop.test"),
            (" x , * ", "shop.test"),
            ("shop.test", "shop.test"),
            (".test", "shop.test"),
            ("x, test", "deep.shop.test"),
            ("a b shop.test", "shop.test"),
            ("127.0.0.0/8", "127.0.0.1"),
            ("::1", "::1"),
        ] {
            assert_eq!(with(list, host), "None", "{list} {host}");
        }
        for (list, host) in [("shop", "shop.test"), ("hop.test", "shop.test"), ("127.0.0.2", "127.0.0.1")] {
            assert_eq!(with(list, host), "a:1 HTTPS_PROXY", "{list} {host}");
        }
        assert_eq!(
            found(&[("NO_PROXY", "x"), ("no_proxy", "*"), ("HTTPS_PROXY", "a")], "shop.test"),
            "a:80 HTTPS_PROXY"
        );
        assert_eq!(found(&[("NO_PROXY", " "), ("no_proxy", "*"), ("HTTPS_PROXY", "htpp://")], "shop.test"), "None");
    }
}
