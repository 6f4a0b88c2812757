//! Networks as shops have them: dead addresses, slow name servers, connections that died, old proxies.

use std::sync::{Arc, Mutex};
use std::sync::{Barrier, mpsc};
use std::thread;

use addin_testkit::apart;
use addin_testkit::shop::{self, call, create, text};
use passteam_sandbox::{Options, Tls};
use testkit::{Authority, Close, Peer, Proxy, Together, http, resolver, test_path};

use crate::table::attempt;

/// What both an update and a creation take for a success.
const ANSWER: &str = r#"{"code": 200, "result": {"cardId": "c1"}}"#;

/// Writes an authority's certificate where an object can read it.
fn ca_file(authority: &Authority, folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, authority.pem()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[cfg(target_os = "linux")]
#[test]
fn a_send_to_a_closed_connection_raises_no_signal() {
    if apart::rerun(test_path!(a_send_to_a_closed_connection_raises_no_signal), |_| {}).is_some() {
        return;
    }
    let signal = testkit::SigpipeWatch::start();
    let (end, ended) = mpsc::channel::<()>();
    let (tell, reset) = mpsc::channel();
    let channels = Mutex::new((ended, tell));
    let (authority, folder) = (Authority::named("Test CA"), tempfile::tempdir().unwrap());
    let peer = Peer::tls(authority.server("localhost"), move |mut connection| {
        if connection.read_request().is_some() && connection.send(http(200, &[], ANSWER)) && connection.number() == 0 {
            connection.send_close_notify();
            connection.send_fin();
            let channels = channels.lock().unwrap();
            channels.0.recv().unwrap();
            connection.close(Close::Reset);
            channels.1.send(()).unwrap();
        }
    });
    let object = shop::component_for(&peer.url());
    object.set("CertificateFile", ca_file(&authority, &folder)).unwrap();
    assert!(attempt(&object, "UpdateCard"), "{}", text(&object, "ErrorDescription"));
    end.send(()).unwrap();
    reset.recv().unwrap();
    assert!(attempt(&object, "UpdateCard"), "{}", text(&object, "ErrorDescription"));
    assert!(!signal.has_come());
}

#[cfg(target_os = "linux")]
#[test]
fn a_dead_first_address_does_not_stop_a_call() {
    let folder = tempfile::tempdir().unwrap();
    let path = test_path!(a_dead_first_address_does_not_stop_a_call);
    if apart::rerun(path, |command| resolver::preload(command, folder.path())).is_some() {
        return;
    }
    let host = resolver::Name::new("shop").address([127, 0, 0, 2]).address([127, 0, 0, 1]).host();
    let authority = Authority::named("Test CA");
    let peer = Peer::tls(authority.server(&host), |mut connection| connection.answer_all(&http(200, &[], ANSWER)));
    let port = peer.address().port();
    let _dead = testkit::Unanswered::at(([127, 0, 0, 2], port).into());
    let object = shop::component_for(&format!("https://{host}:{port}/oapi/v1"));
    object.set("CertificateFile", ca_file(&authority, &folder)).unwrap();
    object.set("Retries", 0).unwrap();
    assert!(attempt(&object, "CreateCard"), "{}", text(&object, "ErrorDescription"));
    assert_eq!(peer.connections(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn callers_that_wait_for_one_name_share_the_answer() {
    const CALLERS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let path = test_path!(callers_that_wait_for_one_name_share_the_answer);
    if apart::rerun(path, |command| resolver::preload(command, folder.path())).is_some() {
        return;
    }
    let host = resolver::Name::new("shop").address([127, 0, 0, 1]).after_milliseconds(3000).host();
    let authority = Authority::named("Test CA");
    let peer = Peer::tls(authority.server(&host), |mut connection| connection.answer_all(&http(200, &[], ANSWER)));
    let url = format!("https://{host}:{}/oapi/v1", peer.address().port());
    let file = ca_file(&authority, &folder);
    let begin = Barrier::new(CALLERS);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                let object = shop::component_for(&url);
                object.set("CertificateFile", file.as_str()).unwrap();
                object.set("Timeout", 60).unwrap();
                begin.wait();
                assert!(attempt(&object, "UpdateCard"), "{}", text(&object, "ErrorDescription"));
            });
        }
    });
    assert!(resolver::look_ups().len() < CALLERS, "{:?}", resolver::look_ups());
}

#[test]
fn a_timeout_gives_up_the_other_kept_connections_of_that_server() {
    let path = test_path!(a_timeout_gives_up_the_other_kept_connections_of_that_server);
    if apart::rerun(path, |_| {}).is_some() {
        return;
    }
    // The first two connections answer once, when both have a request, and are dead then.
    let both = Arc::new(Barrier::new(2));
    let peer = Peer::start(move |mut connection| {
        if connection.number() >= 2 {
            return connection.answer_all(&http(200, &[], ANSWER));
        }
        if connection.read_request().is_some() {
            both.wait();
            connection.send(http(200, &[], ANSWER));
            connection.wait_for_close();
        }
    });
    let together = Together::of(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let _held = together.hold();
                assert!(attempt(&shop::component_for(&peer.url()), "UpdateCard"));
            });
        }
    });
    let object = shop::component_for(&peer.url());
    object.set("Timeout", 1).unwrap();
    assert!(!attempt(&object, "UpdateCard"));
    assert_eq!(text(&object, "ErrorKind"), "Timeout");
    object.set("Timeout", 20).unwrap();
    assert!(attempt(&object, "UpdateCard"), "{}", text(&object, "ErrorDescription"));
    assert_eq!(peer.connections(), 3);
}

#[test]
fn whatever_http_lets_a_proxy_answer_opens_a_tunnel() {
    let many = "X-Filter: some value\r\n".repeat(300);
    for answer in [
        "HTTP/1.0 200 Connection established\r\n\r\n".to_owned(),
        "HTTP/1.1 204\r\n\r\n".to_owned(),
        format!("HTTP/1.1 200 Да\r\n{many}Via : x\r\n folded\r\nodd\u{1}: \u{2}\r\n\r\n"),
    ] {
        let proxy = Proxy::establishing(answer.clone());
        let sandbox = shop::sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() });
        let folder = tempfile::tempdir().unwrap();
        let object = shop::component_for(&format!("https://127.0.0.1:{}/oapi/v1", sandbox.addr().port()));
        object.set("CertificateFile", shop::ca_file(&sandbox, folder.path())).unwrap();
        object.set("Proxy", proxy.url()).unwrap();
        create(&object, shop::PHONE);
    }
}

#[test]
fn a_proxys_refusal_names_the_proxy_the_status_and_the_setting() {
    let page = "x".repeat(500_000);
    let login = "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM";
    for (answer, told) in [
        (http(403, &[], &page), "403"),
        (http(407, &[login], &page), "NTLM"),
        (http(407, &["Proxy-Authenticate: Basic realm=\"x\""], ""), "имя и пароль"),
    ] {
        let proxy = Proxy::refusing(answer);
        let object = shop::component_for("https://localhost:1/oapi/v1");
        object.set("Proxy", proxy.url()).unwrap();
        assert!(!call(&object, "CreateCard", &[]));
        let description = text(&object, "ErrorDescription");
        assert_eq!(text(&object, "ErrorKind"), "Connection", "{description}");
        let address = proxy.url().replace("http://", "");
        for part in [told, &address, "свойство Прокси"] {
            assert!(description.contains(part), "{part}: {description}");
        }
    }
}

#[test]
fn an_environment_variable_that_names_no_proxy_is_named() {
    for (value, told) in [("htpp://proxy:3128", "direct"), ("http://proxy:99999", "direct"), ("socks5://p:1", "SOCKS")]
    {
        let path = test_path!(an_environment_variable_that_names_no_proxy_is_named);
        let output = apart::rerun(path, |command| {
            for variable in ["https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
                command.env_remove(variable);
            }
            command.env("HTTPS_PROXY", value).env("PASSTEAM_TEST_TOLD", told);
        });
        if output.is_none() {
            let told = std::env::var("PASSTEAM_TEST_TOLD").unwrap();
            let object = shop::component_for("https://localhost:1/oapi/v1");
            object.set("Proxy", "").unwrap();
            assert!(!call(&object, "CreateCard", &[]));
            let description = text(&object, "ErrorDescription");
            assert_eq!(text(&object, "ErrorKind"), "Connection", "{description}");
            assert!(description.contains("HTTPS_PROXY") && description.contains(&told), "{description}");
            return;
        }
    }
}
