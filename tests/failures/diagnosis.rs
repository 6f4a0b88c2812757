//! What `Diagnose` finds: each fault of a network and of a service is told from the others, with what to do about it.

use std::process::Output;
use std::time::{Duration, Instant, SystemTime};

use addin_host::Object;
use addin_testkit::apart;
use addin_testkit::shop::{self, text};
use passteam_sandbox::{CertificateKind, Fault, Options, Tls};
use testkit::certificates::p521;
use testkit::{Authority, Connection, Peer, Proxy, disk, http, http_closing, portal, resolver, test_path};

use crate::table::cases;

const TEMPLATES: &str = r#"{"code": 200, "result": [{"templateId": "5f0c1d2e3b4a59687766aabb"}]}"#;

fn diagnose(object: &Object) -> String {
    let diagnosis = object.function("Diagnose", &[]).unwrap().as_str().unwrap();
    assert!(object.take_errors().is_empty(), "{diagnosis}");
    assert_eq!(text(object, "ErrorKind"), "", "{diagnosis}");
    diagnosis
}

/// The diagnosis of an object that is set up for this server.
fn diagnosis_of(url: &str) -> String {
    diagnose(&shop::component_for(url))
}

#[track_caller]
fn assert_lines(diagnosis: &str, expected: &[&str]) {
    for part in expected {
        assert!(diagnosis.lines().any(|line| line.contains(part)), "no line with {part:?} in\n{diagnosis}");
    }
}

/// The last line, in which these words must stand.
#[track_caller]
fn assert_conclusion(diagnosis: &str, expected: &[&str]) {
    let conclusion = diagnosis.lines().last().unwrap();
    assert!(conclusion.starts_with("Вывод: ") || conclusion.starts_with("Conclusion: "), "{diagnosis}");
    for part in expected {
        assert!(conclusion.contains(part), "{part:?} is not concluded in\n{diagnosis}");
    }
}

/// The diagnosis of an object whose server falls silent. A busy machine may get to that point after a short `Timeout`.
#[track_caller]
fn late_diagnosis(object: &Object, expected: &[&str]) -> String {
    let mut diagnosis = String::new();
    for timeout in [0.5, 3.0, 15.0] {
        object.set("Timeout", timeout).unwrap();
        let began = Instant::now();
        diagnosis = diagnose(object);
        assert!(began.elapsed() >= Duration::from_secs_f64(timeout), "{diagnosis}");
        if expected.iter().all(|part| diagnosis.lines().last().unwrap().contains(part)) {
            break;
        }
    }
    assert_conclusion(&diagnosis, expected);
    diagnosis
}

fn pem_file(folder: &tempfile::TempDir, pem: &str) -> String {
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, pem).unwrap();
    path.to_str().unwrap().to_owned()
}

/// An object that trusts this authority.
fn trusting(url: &str, authority: &Authority, folder: &tempfile::TempDir) -> Object {
    let object = shop::component_for(url);
    object.set("CertificateFile", pem_file(folder, &authority.pem())).unwrap();
    object
}

/// `Date` so many seconds from now.
fn date(seconds_ahead: i64) -> String {
    let now = SystemTime::now();
    let distance = Duration::from_secs(seconds_ahead.unsigned_abs());
    let date = if seconds_ahead < 0 { now - distance } else { now + distance };
    format!("Date: {}", httpdate::fmt_http_date(date))
}

#[test]
fn a_networks_log_in_page_is_named() {
    for answer in [portal::redirect(), portal::page(), portal::network_authentication_required()] {
        let diagnosis = diagnosis_of(&Peer::answering_once(answer.clone()).url());
        let shown = String::from_utf8_lossy(&answer).into_owned();
        let is_named = ["требует ли сеть", "не требует ли сеть входа", "Сеть требует входа"]
            .iter()
            .any(|told| diagnosis.contains(told));
        assert!(is_named, "{shown}\n{diagnosis}");
    }
    // The log-in page over TLS has a certificate of its own.
    let authority = Authority::named("Hotel CA");
    let hotel = Peer::tls(authority.server("login.hotel.example"), |mut connection| connection.wait_for_close());
    let diagnosis = diagnosis_of(&hotel.url());
    assert_lines(&diagnosis, &["Кем выдан: CN=Hotel CA", "TLS: 1.3"]);
    let folder = tempfile::tempdir().unwrap();
    let object = trusting(&hotel.url(), &authority, &folder);
    assert_conclusion(&diagnose(&object), &["другого имени"]);
}

#[test]
fn an_antivirus_with_its_own_authority_is_named() {
    let authority = Authority::named("Antivirus Personal Root");
    let peer =
        Peer::tls(authority.server("localhost"), |mut connection| connection.answer_all(&http(200, &[], TEMPLATES)));
    let diagnosis = diagnosis_of(&peer.url());
    assert_lines(&diagnosis, &["TLS: 1.3", "Кем выдан: CN=Antivirus Personal Root", "Срок сертификата: с "]);
    assert_conclusion(&diagnosis, &["антивирус", "ФайлСертификатов"]);
    assert!(peer.requests().is_empty(), "nothing is sent to a server that is not trusted");
    let folder = tempfile::tempdir().unwrap();
    let diagnosis = diagnose(&trusting(&peer.url(), &authority, &folder));
    assert_conclusion(&diagnosis, &["всё в порядке"]);
}

#[test]
fn an_old_certificate_is_told_from_a_wrong_clock() {
    for (kind, told) in [(CertificateKind::Expired, "истёк"), (CertificateKind::NotYetValid, "ещё не действует")]
    {
        let sandbox = shop::sandbox_with(Options { tls: Tls::Certificate(kind), ..Options::default() });
        let folder = tempfile::tempdir().unwrap();
        let object = shop::component_for(&sandbox.url());
        object.set("CertificateFile", shop::ca_file(&sandbox, folder.path())).unwrap();
        let diagnosis = diagnose(&object);
        assert_conclusion(&diagnosis, &[told]);
        assert_lines(&diagnosis, &["TLS: 1.3", "Сертификат сервера: CN=Passteam sandbox", "Часы: "]);
        for request in sandbox.requests() {
            assert_eq!(request.header("authorization"), None, "no token goes to a server whose certificate is refused");
        }
    }
    // Valid in the year 2001 by the server's clock, and the server says that it is 2001.
    let authority = Authority::named("Test CA");
    let config = authority.server_with("localhost", |parameters| {
        parameters.not_before = rcgen::date_time_ymd(2001, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    let answer = http(200, &["Date: Mon, 02 Jul 2001 12:00:00 GMT"], TEMPLATES);
    let peer = Peer::tls(config, move |mut connection| connection.answer_all(&answer));
    let folder = tempfile::tempdir().unwrap();
    let object = trusting(&peer.url(), &authority, &folder);
    let diagnosis = diagnose(&object);
    assert_conclusion(&diagnosis, &["Часы этого компьютера", "спешат", "дн."]);
    assert_lines(&diagnosis, &["Срок сертификата: с 01.01.2001 00:00 по 01.01.2002 00:00 UTC", "Часы: спешат"]);
    assert!(peer.requests().iter().all(|request| !request.contains(shop::TOKEN)), "{:?}", peer.requests());
}

#[test]
fn a_clock_that_is_off_is_told_also_when_all_else_is_in_order() {
    for (ahead, told) in [(86_400 * 3, "отстают"), (-86_400 * 3, "спешат")] {
        let diagnosis = diagnosis_of(&Peer::answering(http(200, &[&date(ahead)], TEMPLATES)).url());
        assert_conclusion(&diagnosis, &["Часы этого компьютера", told, "Исправьте дату"]);
    }
    let diagnosis = diagnosis_of(&Peer::answering(http(200, &[&date(60)], TEMPLATES)).url());
    assert_lines(&diagnosis, &["Часы: отстают от часов сервера на "]);
    assert_conclusion(&diagnosis, &["всё в порядке"]);
}

#[test]
fn a_proxy_that_is_dead_refuses_or_is_silent_is_named() {
    let through = |proxy: &str| {
        let object = shop::component_for("https://localhost:1/oapi/v1");
        object.set("Proxy", proxy).unwrap();
        object.set("Timeout", 60).unwrap();
        object
    };
    let nobody = Peer::nobody();
    let diagnosis = diagnose(&through(&format!("http://user:proxy-password-0123@{nobody}")));
    assert_lines(&diagnosis, &[&format!("Прокси: {nobody} (свойство Прокси)")]);
    assert_lines(&diagnosis, &[&format!("Адрес прокси: {nobody}: отказ в соединении")]);
    assert_conclusion(&diagnosis, &["прокси", &nobody.to_string(), "свойство Прокси"]);
    assert!(!diagnosis.contains("proxy-password-0123"), "{diagnosis}");

    let login = "Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM";
    for (answer, told) in [
        (http(403, &[], ""), "код 403"),
        (http(407, &[login], ""), "NTLM"),
        (http(407, &["Proxy-Authenticate: Basic realm=\"x\""], ""), "имя и пароль"),
    ] {
        let proxy = Proxy::refusing(answer);
        let diagnosis = diagnose(&through(&proxy.url()));
        assert_lines(&diagnosis, &["Адрес прокси: ", "ответил за "]);
        assert_conclusion(&diagnosis, &[told, &proxy.url().replace("http://", ""), "свойство Прокси"]);
    }

    let silent = Peer::silent();
    let object = through(&format!("http://{}", silent.address()));
    late_diagnosis(&object, &["Прокси принял соединение", &silent.address().to_string()]);
}

#[test]
fn the_way_through_a_proxy_is_told_to_its_end() {
    let proxy = Proxy::start();
    let sandbox = shop::sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    let object = shop::component_for(&format!("https://127.0.0.1:{}/oapi/v1", sandbox.addr().port()));
    object.set("CertificateFile", shop::ca_file(&sandbox, folder.path())).unwrap();
    object.set("Proxy", proxy.url_with("user", "proxy-password-0123")).unwrap();
    let diagnosis = diagnose(&object);
    let address = proxy.url().replace("http://", "");
    assert_lines(
        &diagnosis,
        &[
            &format!("Прокси: {address} (свойство Прокси)"),
            &format!("Адрес прокси: {address}: ответил за "),
            "TLS: 1.3",
            "Сертификат сервера: CN=Passteam sandbox",
            "gettemplates: код 200, шаблонов: 1, ",
        ],
    );
    assert_conclusion(&diagnosis, &["всё в порядке"]);
    assert!(!diagnosis.contains("proxy-password-0123"), "{diagnosis}");
    assert_eq!((proxy.heads().len(), sandbox.connections()), (1, 1));
}

#[test]
fn a_proxy_of_the_environment_is_named_by_its_variable() {
    for (value, told) in [
        ("http://127.0.0.1:9", "127.0.0.1:9 (переменная среды HTTPS_PROXY)"),
        ("socks5://127.0.0.1:9", "задан неверно (переменная среды HTTPS_PROXY)"),
        ("htpp://proxy", "задан неверно (переменная среды HTTPS_PROXY)"),
    ] {
        let output = apart::rerun(test_path!(a_proxy_of_the_environment_is_named_by_its_variable), |command| {
            for variable in ["https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
                command.env_remove(variable);
            }
            command.env("HTTPS_PROXY", value).env("PASSTEAM_TEST_TOLD", told);
        });
        if output.is_none() {
            let object = shop::component_for("https://localhost:1/oapi/v1");
            object.set("Proxy", "").unwrap();
            let diagnosis = diagnose(&object);
            assert_lines(&diagnosis, &[&format!("Прокси: {}", std::env::var("PASSTEAM_TEST_TOLD").unwrap())]);
            assert_conclusion(&diagnosis, &["HTTPS_PROXY"]);
            return;
        }
    }
}

/// Runs a test in a process whose names the stand-in resolves.
fn rerun_with_resolver(path: &str) -> Option<Output> {
    let folder = tempfile::tempdir().unwrap();
    apart::rerun(path, |command| resolver::preload(command, folder.path()))
}

#[cfg(target_os = "linux")]
#[test]
fn each_address_of_a_name_is_told_by_itself() {
    let path = test_path!(each_address_of_a_name_is_told_by_itself);
    if rerun_with_resolver(path).is_some() {
        return;
    }
    let authority = Authority::named("Test CA");
    let unroutable: std::net::IpAddr = "2001:db8::1".parse().unwrap();
    let host = resolver::Name::new("shop")
        .address(unroutable)
        .address([127, 0, 0, 2])
        .address([127, 0, 0, 3])
        .address([127, 0, 0, 1])
        .host();
    let peer = Peer::tls(authority.server(&host), |mut connection| connection.answer_all(&http(200, &[], TEMPLATES)));
    let port = peer.address().port();
    let _silent = testkit::Unanswered::at(([127, 0, 0, 2], port).into());
    let folder = tempfile::tempdir().unwrap();
    let object = trusting(&format!("https://{host}:{port}/oapi/v1"), &authority, &folder);
    let diagnosis = diagnose(&object);
    assert_lines(&diagnosis, &[&format!("DNS: {host}: адресов 4, ")]);
    // A machine with IPv6 sends the packet on, and nobody answers.
    let is_unreached = ["нет маршрута", "не отвечает"]
        .iter()
        .any(|told| diagnosis.contains(&format!("Адрес: [2001:db8::1]:{port}: {told}")));
    assert!(is_unreached, "{diagnosis}");
    assert_lines(
        &diagnosis,
        &[
            &format!("Адрес: 127.0.0.2:{port}: не отвечает"),
            &format!("Адрес: 127.0.0.3:{port}: отказ в соединении"),
            &format!("Адрес: 127.0.0.1:{port}: ответил за "),
        ],
    );
    assert_conclusion(&diagnosis, &["всё в порядке"]);

    let dead = resolver::Name::new("dead").address([127, 0, 0, 2]).host();
    let object = shop::component_for(&format!("https://{dead}:{port}/oapi/v1"));
    late_diagnosis(&object, &["Ни один адрес", "сетевой экран"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_server_that_knows_nothing_is_told_from_one_that_is_silent() {
    let path = test_path!(a_name_server_that_knows_nothing_is_told_from_one_that_is_silent);
    if rerun_with_resolver(path).is_some() {
        return;
    }
    let diagnosis = diagnosis_of("https://shop.unknown.test/oapi/v1");
    assert_lines(&diagnosis, &["DNS: shop.unknown.test: имя не найдено"]);
    assert_conclusion(&diagnosis, &["DNS", "адрес сервера"]);
    let object = shop::component_for("https://shop.stalled.test/oapi/v1");
    let diagnosis = late_diagnosis(&object, &["Сервер имён"]);
    assert_lines(&diagnosis, &["DNS: shop.stalled.test: нет ответа"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_does_not_answer_is_told() {
    let path = test_path!(a_disk_that_does_not_answer_is_told);
    let folder = tempfile::tempdir().unwrap();
    if apart::rerun(path, |command| disk::preload(command, folder.path())).is_some() {
        return;
    }
    let authority = Authority::named("Test CA");
    let peer =
        Peer::tls(authority.server("localhost"), |mut connection| connection.answer_all(&http(200, &[], TEMPLATES)));
    let file = disk::folder().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let object = shop::component_for(&peer.url());
    object.set("CertificateFile", file.to_str().unwrap()).unwrap();
    disk::stall();
    late_diagnosis(&object, &["диск", "ФайлСертификатов"]);
    disk::answer();
    object.set("Timeout", 60).unwrap();
    assert_conclusion(&diagnose(&object), &["всё в порядке"]);
}

#[test]
fn a_port_where_nobody_listens_is_told() {
    let nobody = Peer::nobody();
    let diagnosis = diagnosis_of(&format!("http://{nobody}/oapi/v1"));
    assert_lines(&diagnosis, &[&format!("Адрес: {nobody}: отказ в соединении"), "gettemplates: ответа нет"]);
    assert_conclusion(&diagnosis, &["порт"]);
}

#[test]
fn what_the_service_refuses_is_told() {
    let sandbox = shop::sandbox();
    let object = shop::component_for(&sandbox.url());
    object.set("Token", "another-token-0123456789").unwrap();
    let diagnosis = diagnose(&object);
    assert_lines(&diagnosis, &["gettemplates: код 401, "]);
    assert_conclusion(&diagnosis, &["не принял токен"]);
    assert!(!diagnosis.contains("another-token-0123456789"), "{diagnosis}");

    object.set("Token", shop::TOKEN).unwrap();
    object.set("TemplateId", "5f0c1d2e3b4a596877660000").unwrap();
    let diagnosis = diagnose(&object);
    assert_lines(&diagnosis, &["gettemplates: код 200, шаблонов: 1, ", "Шаблон: 5f0c1d2e3b4a596877660000, не найден"]);
    assert_conclusion(&diagnosis, &["ИдентификаторШаблона"]);

    for (fault, told) in [
        ("gettemplates:error=403", "не принял токен"),
        ("gettemplates:error=404", "адрес сервера"),
        ("gettemplates:error=500", "код 500"),
        ("gettemplates:error=502", "код 502"),
        ("gettemplates:code=429,retry-after=7", "7 с"),
        ("gettemplates:status=200,body=<html>", "веб-страница"),
        ("gettemplates:status=404,body=<html>nginx</html>", "другой веб-сервер"),
        ("gettemplates:drop=before", "разорвал соединение"),
        ("gettemplates:drop=5", "посреди ответа"),
    ] {
        sandbox.push_fault(fault.parse::<Fault>().unwrap());
        assert_conclusion(&diagnose(&object), &[told]);
    }
}

#[test]
fn a_peer_that_is_silent_is_told_by_where_it_falls_silent() {
    let silent = Peer::silent();
    for (url, told) in [(silent.url(), "сервис не ответил"), (silent.https_url(), "(TLS) не установлено")]
    {
        let object = shop::component_for(&url);
        assert_lines(&late_diagnosis(&object, &[told]), &["ответил за "]);
    }
}

#[test]
fn what_is_wrong_with_tls_is_told() {
    let page = http_closing(400, &[], "The plain HTTP request was sent to HTTPS port");
    let plain = Peer::start(move |mut connection: Connection| {
        connection.send(&page);
        connection.wait_for_close();
    });
    assert_conclusion(&diagnosis_of(&plain.https_url()), &["не TLS"]);

    let (config, pem) = p521();
    let peer = Peer::tls(config, |mut connection| connection.wait_for_close());
    let folder = tempfile::tempdir().unwrap();
    let object = shop::component_for(&peer.url());
    object.set("CertificateFile", pem_file(&folder, &pem)).unwrap();
    assert_conclusion(&diagnose(&object), &["P-521"]);

    let authority = Authority::named("Test CA");
    let old = authority.server_speaking("localhost", &[&rustls::version::TLS12]);
    let peer = Peer::tls(old, |mut connection| connection.answer_all(&http(200, &[], TEMPLATES)));
    let diagnosis = diagnose(&trusting(&peer.url(), &authority, &folder));
    assert_lines(&diagnosis, &["TLS: 1.2"]);
    assert_conclusion(&diagnosis, &["всё в порядке"]);
    assert_lines(&diagnosis_of(&peer.url()), &["TLS: 1.2", "Кем выдан: CN=Test CA"]);
}

#[test]
fn what_is_quoted_from_outside_shows_no_secret() {
    let authority = Authority::named(&format!("CA of {}", shop::TOKEN));
    let peer = Peer::tls(authority.server("localhost"), |mut connection| connection.wait_for_close());
    let diagnosis = diagnosis_of(&peer.url());
    assert_lines(&diagnosis, &["Кем выдан: CN=CA of ***"]);
    assert!(!diagnosis.contains(shop::TOKEN), "{diagnosis}");
    let object = shop::component_for(&Peer::answering(http(200, &[], TEMPLATES)).url());
    object.set("TemplateId", shop::TOKEN).unwrap();
    assert_lines(&diagnose(&object), &["Шаблон: ***, не найден"]);
    let echo = format!(r#"{{"code": 400, "message": "bad token {}\nVery"}}"#, shop::TOKEN);
    let diagnosis = diagnosis_of(&Peer::answering(http(200, &[], &echo)).url());
    assert_conclusion(&diagnosis, &["код 400", "bad token *** Very"]);
    assert!(!diagnosis.contains(shop::TOKEN), "{diagnosis}");
}

/// Whatever a call can meet, the diagnosis ends in time and says what to do.
#[test]
fn every_failure_of_a_call_is_diagnosed() {
    let cases = cases();
    crate::table::for_each(&cases, |case| {
        let object = shop::component();
        let mut stage = case.stage();
        stage.set_up(&object);
        object.set("Timeout", case.timeout()).unwrap();
        let began = Instant::now();
        let diagnosis = diagnose(&object);
        assert!(began.elapsed() < Duration::from_secs(50), "{}: {:?}", case.name, began.elapsed());
        assert!(!diagnosis.contains("всё в порядке"), "{}:\n{diagnosis}", case.name);
        assert!(!diagnosis.contains(shop::TOKEN), "{}:\n{diagnosis}", case.name);
        assert_conclusion(&diagnosis, &[]);
    });
}
