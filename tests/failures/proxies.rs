//! Which proxy a request goes through, and what the proxy sees.

use std::process::Command;

use addin_testkit::apart;
use addin_testkit::shop::{self, call, create, text};
use passteam_sandbox::{Fault, Options, Sandbox, Tls};
use testkit::{Peer, Proxy, http, test_path};

/// A service over TLS, and a component that trusts it and reaches it through `proxy`.
fn secure_shop(folder: &tempfile::TempDir, proxy: &str) -> (Sandbox, addin_host::Object) {
    // By its address, because the tests' proxy resolves no names.
    let sandbox = shop::sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() });
    let object = shop::component_for(&format!("https://127.0.0.1:{}/oapi/v1", sandbox.addr().port()));
    object.set("CertificateFile", shop::ca_file(&sandbox, folder.path())).unwrap();
    object.set("Proxy", proxy).unwrap();
    (sandbox, object)
}

/// Removes this machine's own proxy variables. Call it before setting a test's variables: on Windows `https_proxy` and
/// `HTTPS_PROXY` are the same variable.
fn without_proxy(command: &mut Command) {
    for variable in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
        command.env_remove(variable);
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
}

#[test]
fn a_proxy_carries_a_tunnel_and_sees_no_token() {
    // In a process of its own: the other tests have more servers than a process keeps connections to.
    if apart::rerun(test_path!(a_proxy_carries_a_tunnel_and_sees_no_token), |_| {}).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::start();
    let (sandbox, object) = secure_shop(&folder, &proxy.url_with("%D0%98%D0%B2%D0%B0%D0%BD", "p%40ss%3A"));
    let card = create(&object, shop::PHONE);
    assert!(call(&object, "UpdateCard", &[card.into()]), "{}", text(&object, "ErrorDescription"));
    assert_eq!(sandbox.requests().len(), 2);
    assert_eq!(sandbox.connections(), 1);
    let heads = proxy.heads();
    assert_eq!(heads.len(), 1, "the tunnel is kept");
    assert!(heads[0].starts_with(&format!("CONNECT {}", sandbox.addr())), "{}", heads[0]);
    // "Иван:p@ss:" in UTF-8 (RFC 7617, 2.1).
    let credentials = "proxy-authorization: basic 0jjqstcw0l06cebzczo=";
    assert!(heads[0].to_ascii_lowercase().contains(credentials), "{}", heads[0]);
    assert!(!heads[0].contains(shop::TOKEN) && !heads[0].to_ascii_lowercase().contains("\r\nauthorization"));
}

#[test]
fn the_service_never_sees_the_proxys_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::start();
    let (sandbox, object) = secure_shop(&folder, &proxy.url_with("user", "password"));
    create(&object, shop::PHONE);
    let request = &sandbox.requests()[0];
    assert_eq!(request.header("proxy-authorization"), None);
    assert_eq!(request.header("authorization"), Some(shop::TOKEN));
}

#[test]
fn a_proxy_with_another_password_has_connections_of_its_own() {
    // In a process of its own: the other tests have more servers than a process keeps connections to.
    if apart::rerun(test_path!(a_proxy_with_another_password_has_connections_of_its_own), |_| {}).is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::start();
    let (sandbox, object) = secure_shop(&folder, &proxy.url_with("user", "one"));
    create(&object, "+71");
    object.set("Proxy", proxy.url_with("user", "two")).unwrap();
    create(&object, "+72");
    object.set("Proxy", "direct").unwrap();
    create(&object, "+73");
    assert_eq!((proxy.heads().len(), sandbox.connections()), (2, 3));
}

#[test]
fn an_explicit_proxy_carries_plain_http_too() {
    let proxy = Peer::answering(http(200, &[], r#"{"code": 200}"#));
    let object = shop::component_for("http://127.0.0.1:1/oapi/v1");
    object.set("Proxy", format!("http://{}", proxy.address())).unwrap();
    assert!(call(&object, "CallMethod", &["gettemplates".into()]), "{}", text(&object, "ErrorDescription"));
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn the_systems_proxy_is_taken_for_https_and_never_for_plain_http() {
    let proxy = Proxy::start();
    let path = test_path!(the_systems_proxy_is_taken_for_https_and_never_for_plain_http);
    let address = proxy.url_with("user", "secret");
    let output = apart::rerun(path, |command| {
        without_proxy(command);
        for variable in ["HTTPS_PROXY", "HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
            command.env(variable, &address);
        }
    });
    if output.is_some() {
        let heads = proxy.heads();
        assert_eq!(heads.len(), 1, "{heads:?}");
        assert!(heads[0].starts_with("CONNECT ") && heads[0].contains("dXNlcjpzZWNyZXQ="), "{}", heads[0]);
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, object) = secure_shop(&folder, "");
    create(&object, "+71");
    assert_eq!(text(&object, "Proxy"), "");
    object.set("Proxy", "direct").unwrap();
    create(&object, "+72");
    assert_eq!(sandbox.connections(), 2);

    let plain = shop::sandbox();
    let object = shop::component_for(&plain.url());
    object.set("Proxy", "").unwrap();
    create(&object, shop::PHONE);
    assert_eq!(plain.connections(), 1);
}

#[test]
fn no_text_shows_the_password_of_the_systems_proxy() {
    let proxy = Proxy::start();
    let output = apart::rerun(test_path!(no_text_shows_the_password_of_the_systems_proxy), |command| {
        without_proxy(command);
        command.env("HTTPS_PROXY", proxy.url_with("user", "pass%2Fword"));
    });
    if output.is_some() {
        assert!(!proxy.heads().is_empty());
        return;
    }
    // The password, and "user:pass/word" in base64.
    const SECRETS: [&str; 2] = ["pass/word", "dXNlcjpwYXNzL3dvcmQ="];
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, object) = secure_shop(&folder, "");
    for secret in SECRETS {
        let says = |method| Fault::of(method).code(400).message(format!("not {secret}, please"));
        sandbox.push_fault(says("gettemplates"));
        let diagnosis = object.function("Diagnose", &[]).unwrap().as_str().unwrap();
        sandbox.push_fault(says("createcard"));
        assert!(!call(&object, "CreateCard", &[]));
        for said in [diagnosis, text(&object, "ErrorDescription")] {
            assert!(said.contains("not ***, please") && !said.contains(secret), "{said}");
        }
    }
}

#[test]
fn the_systems_exceptions_from_its_proxy_hold() {
    let proxy = Proxy::start();
    let output = apart::rerun(test_path!(the_systems_exceptions_from_its_proxy_hold), |command| {
        without_proxy(command);
        command.env("HTTPS_PROXY", proxy.url()).env("NO_PROXY", "127.0.0.1");
    });
    if output.is_some() {
        assert!(proxy.heads().is_empty());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, object) = secure_shop(&folder, "");
    create(&object, shop::PHONE);
    assert_eq!(sandbox.connections(), 1);
}

#[test]
fn a_systems_proxy_where_nobody_listens_is_a_connection_error() {
    let path = test_path!(a_systems_proxy_where_nobody_listens_is_a_connection_error);
    let output = apart::rerun(path, |command| {
        without_proxy(command);
        command.env("HTTPS_PROXY", format!("http://{}", Peer::nobody()));
    });
    if output.is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (sandbox, object) = secure_shop(&folder, "");
    assert!(!call(&object, "CreateCard", &[]));
    assert_eq!(text(&object, "ErrorKind"), "Connection");
    assert!(text(&object, "ErrorDescription").contains("прокси"));
    assert_eq!(sandbox.connections(), 0);
}
