//! What a failure's text points at: the clock, the address, the proxy, the network's log-in page, or a card that may have been made.

use std::process::Command;

use addin_host::Object;
use addin_testkit::apart;
use addin_testkit::shop::{self, boolean, text};
use testkit::{Authority, Close, Connection, Peer, Proxy, http, http_closing, portal, test_path, timed_out};

use crate::table::attempt;

const ANSWER: &str = r#"{"code": 200, "result": {"cardId": "c1"}}"#;

/// The text of a creation that fails with this kind, in both languages.
#[track_caller]
fn failed(kind: &str, set_up: impl Fn() -> Object) -> [String; 2] {
    ["ru", "en"].map(|language| {
        let object = set_up();
        object.set_ui_language(language);
        assert!(!attempt(&object, "CreateCard"));
        let description = text(&object, "ErrorDescription");
        assert_eq!(text(&object, "ErrorKind"), kind, "{description}");
        description
    })
}

#[track_caller]
fn assert_says(texts: &[String; 2], words: [&str; 2]) {
    for (text, word) in texts.iter().zip(words) {
        assert!(text.contains(word), "{word:?} is not in: {text}");
    }
}

const MAY_EXIST: [&str; 2] =
    ["карта могла быть создана: сначала поищите её", "the card may have been created: look for it first"];

/// A creation over TLS whose connection ends as the script says after the request has come.
fn creation_that_ends(kind: &str, end: impl Fn(Connection) + Send + Sync + 'static) -> [String; 2] {
    let authority = Authority::named("Test CA");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let peer = Peer::tls(authority.server("localhost"), move |mut connection| {
        if connection.read_request().is_some() {
            end(connection);
        }
    });
    let texts = failed(kind, || {
        let object = shop::component_for(&peer.url());
        object.set("CertificateFile", file.to_str().unwrap()).unwrap();
        object
    });
    assert_eq!(peer.requests().len(), 2, "one creation in each language");
    texts
}

#[test]
fn a_creation_whose_request_has_left_never_reads_as_if_nothing_had_been_sent() {
    let gateway = |body: &str| {
        let answer = http_closing(504, &[], body);
        move |mut connection: Connection| {
            connection.send(&answer);
        }
    };
    for texts in [
        creation_that_ends("Connection", |mut connection| connection.send_fatal_alert()),
        creation_that_ends("Connection", |mut connection| {
            connection.send_close_notify();
            connection.close(Close::Fin);
        }),
        creation_that_ends("Connection", |connection| connection.close(Close::Reset)),
        creation_that_ends("ServerError", gateway("<html>504 Gateway Time-out</html>")),
        creation_that_ends("ServerError", gateway("")),
        creation_that_ends("ServerError", gateway(r#"{"code": 504, "message": "Gateway timeout."}"#)),
    ] {
        assert_says(&texts, MAY_EXIST);
        for unsaid in ["TLS", "Не удалось соединиться", "could not be reached", "не принимает соединения"]
        {
            assert!(!texts.iter().any(|text| text.contains(unsaid)), "{unsaid}: {texts:?}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_network_that_dies_under_a_creation_leaves_it_unknown() {
    let path = test_path!(a_network_that_dies_under_a_creation_leaves_it_unknown);
    let folder = tempfile::tempdir().unwrap();
    if apart::rerun(path, |command| timed_out::preload(command, folder.path())).is_some() {
        return;
    }
    let over_tls = creation_that_ends("Connection", |connection| connection.close(Close::Fin));
    let peer = Peer::answering_once("");
    let plain = failed("Connection", || shop::component_for(&peer.url()));
    for texts in [over_tls, plain] {
        assert_says(&texts, MAY_EXIST);
        assert!(!texts[0].contains("Не удалось соединиться"), "{texts:?}");
    }
    assert_eq!(peer.requests().len(), 2, "nothing is sent twice");
    let object = shop::component_for(&peer.url());
    assert!(!attempt(&object, "CreateCard") && boolean(&object, "Unknown"));
}

/// Removes this machine's own proxy variables.
fn without_proxy(command: &mut Command) {
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(variable);
    }
}

#[test]
fn every_failure_of_a_proxy_names_its_host_its_port_and_its_setting() {
    let silent = |mut connection: Connection| connection.wait_for_close();
    let replying = |answer: Vec<u8>| {
        move |mut connection: Connection| {
            if connection.read_head().is_some() && connection.send(&answer) {
                connection.wait_for_close();
            }
        }
    };
    let tunnel = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let authority = Authority::named("Proxy CA");
    let inspecting = Peer::tls(authority.server("localhost"), |mut connection| connection.wait_for_close());
    let relay = inspecting.address();
    for (kind, proxy) in [
        ("Connection", Peer::nobody()),
        ("Connection", Peer::start(drop).address()),
        ("Connection", Peer::start(|connection| connection.close(Close::Reset)).address()),
        ("Timeout", Peer::start(silent).address()),
        ("Timeout", Peer::start(replying(tunnel)).address()),
        ("Connection", Peer::start(replying(http(403, &[], ""))).address()),
        ("Connection", Peer::start(replying(http(502, &[], ""))).address()),
        ("Connection", Peer::start(replying(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())).address()),
        ("Connection", Peer::start(replying(http(407, &["Proxy-Authenticate: NTLM"], ""))).address()),
    ] {
        let texts = failed(kind, || {
            let object = shop::component_for("https://localhost:1/oapi/v1");
            object.set("Proxy", format!("http://user:hidden-password@{proxy}")).unwrap();
            object.set("Timeout", if kind == "Timeout" { 0.5 } else { 30.0 }).unwrap();
            object.set("Retries", 0).unwrap();
            object
        });
        let address = proxy.to_string();
        assert_says(&texts, [&address, &address]);
        assert_says(&texts, ["свойство Прокси", "property Proxy"]);
        assert!(!texts.iter().any(|text| text.contains("hidden-password")), "{texts:?}");
    }
    // A proxy that inspects TLS shows a certificate of its own.
    let proxy = Proxy::start();
    let texts = failed("Certificate", || {
        let object = shop::component_for(&format!("https://127.0.0.1:{}/oapi/v1", relay.port()));
        object.set("Proxy", proxy.url()).unwrap();
        object
    });
    let address = proxy.url().replace("http://", "");
    assert_says(&texts, [&address, &address]);
}

#[test]
fn a_proxy_of_the_environment_is_named_by_its_variable_when_it_is_dead() {
    let path = test_path!(a_proxy_of_the_environment_is_named_by_its_variable_when_it_is_dead);
    for variable in ["HTTPS_PROXY", "ALL_PROXY"] {
        let output = apart::rerun(path, |command| {
            without_proxy(command);
            command.env(variable, "127.0.0.1:9").env("PASSTEAM_TEST_VARIABLE", variable);
        });
        if output.is_none() {
            let variable = std::env::var("PASSTEAM_TEST_VARIABLE").unwrap();
            let texts = failed("Connection", || {
                let object = shop::component_for("https://localhost:1/oapi/v1");
                object.set("Proxy", "").unwrap();
                object
            });
            assert_says(&texts, ["127.0.0.1:9", "127.0.0.1:9"]);
            assert_says(&texts, [&format!("переменная среды {variable}"), &format!("environment variable {variable}")]);
            return;
        }
    }
}

#[test]
fn a_proxy_that_wants_another_login_than_a_password_says_what_to_do() {
    let offers = "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM";
    let refusal = http_closing(407, &[offers], "<html>Log in</html>");
    for url in ["https://localhost:1/oapi/v1", "http://127.0.0.1:1/oapi/v1"] {
        let answer = refusal.clone();
        let proxy = Peer::start(move |mut connection| {
            // Over TLS only the head comes: a tunnel is asked for.
            if connection.read_head().is_some() && connection.send(&answer) {
                connection.wait_for_close();
            }
        });
        let texts = failed("Connection", || {
            let object = shop::component_for(url);
            object.set("Proxy", format!("http://{}", proxy.address())).unwrap();
            object
        });
        assert_says(&texts, ["NTLM", "NTLM"]);
        assert_says(&texts, ["прокси-посредник", "a local relaying proxy"]);
    }
}

#[test]
fn a_socks_proxy_of_the_environment_is_named_and_the_way_past_it() {
    let path = test_path!(a_socks_proxy_of_the_environment_is_named_and_the_way_past_it);
    for value in ["socks5://127.0.0.1:9", "socks5h://user:hidden-password@127.0.0.1:9", "SOCKS4://127.0.0.1:9"] {
        let output = apart::rerun(path, |command| {
            without_proxy(command);
            command.env("ALL_PROXY", value);
        });
        if output.is_none() {
            let texts = failed("Connection", || {
                let object = shop::component_for("https://localhost:1/oapi/v1");
                object.set("Proxy", "").unwrap();
                object
            });
            assert_says(&texts, ["SOCKS", "SOCKS"]);
            assert_says(&texts, ["direct", "direct"]);
            assert_says(&texts, ["переменная среды ALL_PROXY", "environment variable ALL_PROXY"]);
            assert!(!texts.iter().any(|text| text.contains("hidden-password")), "{texts:?}");
            return;
        }
    }
}

/// Variables that programs and people leave behind.
#[test]
fn odd_values_of_the_environment_mean_what_they_say() {
    let path = test_path!(odd_values_of_the_environment_mean_what_they_say);
    let proxy = Proxy::start();
    let address = proxy.url().replace("http://", "");
    for (variables, is_used) in [
        (vec![("HTTPS_PROXY", ""), ("ALL_PROXY", &address)], true),
        (vec![("HTTPS_PROXY", "  "), ("ALL_PROXY", &address)], true),
        (vec![("HTTPS_PROXY", &format!(" \t{address} \n"))], true),
        (vec![("HTTPS_PROXY", &address), ("NO_PROXY", "*")], false),
        (vec![("HTTPS_PROXY", &address), ("NO_PROXY", " example.org, * ")], false),
        (vec![("HTTPS_PROXY", &address), ("NO_PROXY", "example.org,127.0.0.0/8")], false),
        (vec![("HTTPS_PROXY", &address), ("NO_PROXY", "example.org")], true),
        (vec![("HTTPS_PROXY", ""), ("ALL_PROXY", "")], false),
    ] {
        let before = proxy.connections();
        let output = apart::rerun(path, |command| {
            without_proxy(command);
            command.envs(variables.iter().map(|(name, value)| (name, value.to_owned())));
        });
        if output.is_none() {
            let authority = Authority::named("Test CA");
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("ca.pem");
            std::fs::write(&file, authority.pem()).unwrap();
            let peer = Peer::tls(authority.server("127.0.0.1"), |mut connection| {
                connection.answer_all(&http(200, &[], ANSWER))
            });
            let object = shop::component_for(&format!("https://127.0.0.1:{}/oapi/v1", peer.address().port()));
            object.set("CertificateFile", file.to_str().unwrap()).unwrap();
            object.set("Proxy", "").unwrap();
            assert!(attempt(&object, "CreateCard"), "{}", text(&object, "ErrorDescription"));
            return;
        }
        assert_eq!(proxy.connections() > before, is_used, "{variables:?}");
    }
}

#[test]
fn an_answer_is_read_as_leniently_as_browsers_read_it() {
    let many = "X-Filter: some value of a filter\r\n".repeat(400);
    let length = ANSWER.len();
    for head in [
        format!("HTTP/1.1 200 OK\r\n{many}Content-Length: {length}\r\n\r\n"),
        format!("HTTP/1.1 200 Хорошо\r\nContent-Length: {length}\r\n\r\n"),
        format!("HTTP/1.1 200\r\nContent-Length: {length}\r\n\r\n"),
        format!("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: {length}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nContent-Length : {length}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nX-Folded: one\r\n two\r\nContent-Length: {length}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nX-Odd: \u{ab}\u{1}\r\nno colon at all\r\nContent-Length: {length}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\nContent-Length: {length}\n\n"),
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_owned(),
    ] {
        let object = shop::component_for(&Peer::answering_once(format!("{head}{ANSWER}")).url());
        let shown: String = head.chars().take(120).collect();
        assert!(attempt(&object, "CreateCard"), "{shown}: {}", text(&object, "ErrorDescription"));
        assert_eq!(text(&object, "CardId"), "c1");
    }
}

#[test]
fn what_is_no_passteam_points_at_the_address_and_not_at_the_template() {
    let nginx = |status| {
        http_closing(
            status,
            &["Server: nginx/1.24.0", "Content-Type: text/html"],
            &format!("<html>\r\n<head><title>{status}</title></head>\r\n<body><center>nginx</center></body></html>"),
        )
    };
    for (kind, status) in
        [("Rejected", 400), ("Unauthorized", 401), ("Unauthorized", 403), ("NotFound", 404), ("Rejected", 405)]
    {
        let peer = Peer::answering_once(nginx(status));
        let texts = failed(kind, || shop::component_for(&peer.url()));
        assert_says(&texts, ["адрес сервера", "server's address"]);
        assert_says(&texts, ["веб-сервер", "web server"]);
        for unsaid in ["шаблон", "template", "переменных", "variables"] {
            assert!(!texts.iter().any(|text| text.contains(unsaid)), "{status} {unsaid}: {texts:?}");
        }
        // The same page of a proxy.
        let texts = failed(kind, || {
            let object = shop::component_for("http://127.0.0.1:1/oapi/v1");
            object.set("Proxy", format!("http://{}", peer.address())).unwrap();
            object
        });
        let address = peer.address().to_string();
        assert_says(&texts, [&address, &address]);
    }
    let page = http_closing(400, &[], "The plain HTTP request was sent to HTTPS port");
    let plain = Peer::start(move |mut connection| {
        if connection.wait_for_bytes() && connection.send(&page) {
            connection.wait_for_close();
        }
    });
    let texts = failed("Connection", || shop::component_for(&plain.https_url()));
    assert_says(&texts, ["не TLS", "does not speak TLS"]);
    assert_says(&texts, ["адрес сервера и порт", "server's address and port"]);
    // The other way round: a server of TLS that is asked in clear text says so by an alert.
    let alert = Peer::start(|mut connection| {
        if connection.read_request().is_some() {
            connection.send([21, 3, 3, 0, 2, 2, 10]);
        }
    });
    let texts = failed("BadResponse", || shop::component_for(&alert.url()));
    assert_says(&texts, ["https://", "https://"]);
}

#[test]
fn a_networks_log_in_page_is_named_by_every_call() {
    for (kind, answer) in [
        ("BadResponse", portal::redirect()),
        ("BadResponse", portal::page()),
        ("ServerError", portal::network_authentication_required()),
    ] {
        let peer = Peer::answering_once(answer);
        let texts = failed(kind, || shop::component_for(&peer.url()));
        assert_says(&texts, ["сеть", "network"]);
        assert_says(&texts, ["прокси", "proxy"]);
        assert_says(&texts, MAY_EXIST);
    }
}

#[cfg(unix)]
#[test]
fn a_process_without_file_descriptors_is_told_so() {
    let path = test_path!(a_process_without_file_descriptors_is_told_so);
    if apart::rerun(path, |command| testkit::apart::limit_open_files(command, 100)).is_some() {
        return;
    }
    let peer = Peer::answering(http(200, &[], ANSWER));
    let object = shop::component_for(&peer.url());
    let taken: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
    assert!(!attempt(&object, "CreateCard"));
    let diagnosis = object.function("Diagnose", &[]).unwrap().as_str().unwrap();
    drop(taken);
    assert!(text(&object, "ErrorDescription").contains("ulimit"), "{}", text(&object, "ErrorDescription"));
    assert!(!boolean(&object, "Unknown"));
    assert!(diagnosis.lines().last().unwrap().contains("ulimit"), "{diagnosis}");
    assert!(attempt(&object, "CreateCard"), "{}", text(&object, "ErrorDescription"));
}
