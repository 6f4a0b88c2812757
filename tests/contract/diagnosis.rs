use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

#[cfg(not(windows))]
use addin_host::HostOptions;
use addin_host::{Object, Value};
#[cfg(not(windows))]
use addin_testkit::apart;
use addin_testkit::shop::{
    PHONE, TEMPLATE, TOKEN, ca_file, call, component, component_for, number, sandbox, sandbox_with, text,
};
#[cfg(not(windows))]
use addin_testkit::shop::{component_with, library, set_up};
use passteam_sandbox::{Fault, Options, Tls};
#[cfg(not(windows))]
use testkit::test_path;
use testkit::{Peer, eventually};

fn diagnose(object: &Object) -> String {
    object.function("Diagnose", &[]).unwrap().as_str().unwrap()
}

/// The fact behind a label.
#[track_caller]
fn fact<'a>(diagnosis: &'a str, label: &str) -> &'a str {
    let found = diagnosis.lines().find_map(|line| line.strip_prefix(label)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no {label} in\n{diagnosis}"))
}

/// What is told of a platform that has attached the component to its own process. On Windows it is not asked.
const ATTACHED: [&str; 2] = if cfg!(windows) {
    [UNKNOWN, "unknown, see the process"]
} else {
    ["в процессе платформы", "in the platform's process"]
};
const UNKNOWN: &str = "не известно, смотрите процесс";

/// Every readable property.
fn properties(object: &Object) -> Vec<Value> {
    let readable = |name: &String| object.raw_is_readable(object.find_property(name).unwrap() as i32);
    let names = object.property_names().into_iter().map(|(name, _)| name).filter(readable);
    names.map(|name| object.get(&name).unwrap()).collect()
}

#[test]
fn a_shop_in_order_is_told_in_one_line_a_fact() {
    let sandbox = sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    let object = component_for(&sandbox.url());
    let file = ca_file(&sandbox, folder.path());
    object.set("CertificateFile", file.as_str()).unwrap();
    let diagnosis = diagnose(&object);
    let fact = |label| fact(&diagnosis, label);
    assert!(fact("Компонента").starts_with(&format!("Passteam {}, ", env!("CARGO_PKG_VERSION"))), "{diagnosis}");
    assert!(fact("Компонента").contains(&format!("{}-разрядная", usize::BITS)), "{diagnosis}");
    // Of a bundle, the library that was unpacked from it.
    assert!(Path::new(fact("Файл компоненты")).is_absolute(), "{diagnosis}");
    assert_eq!(fact("Процесс"), std::env::current_exe().unwrap().to_str().unwrap());
    assert!(!fact("Операционная система").is_empty());
    assert_eq!(fact("Подключение"), ATTACHED[0]);
    assert_eq!(fact("Адрес сервера"), sandbox.url());
    assert_eq!(fact("Токен"), "задан");
    assert_eq!(fact("Прокси"), "нет");
    assert_eq!(fact("Файл сертификатов"), format!("{file}, сертификатов: 1"));
    let port = sandbox.addr().port();
    let address = if sandbox.url().contains("localhost") {
        assert!(fact("DNS").starts_with("localhost: адресов "), "{diagnosis}");
        format!("127.0.0.1:{port}: ответил за ")
    } else {
        format!("{}: ответил за ", sandbox.addr())
    };
    assert!(diagnosis.lines().any(|line| line.starts_with(&format!("Адрес: {address}"))), "{diagnosis}");
    assert_eq!(fact("TLS"), "1.3");
    assert_eq!(fact("Сертификат сервера"), "CN=Passteam sandbox");
    assert_eq!(fact("Кем выдан"), "CN=Passteam sandbox CA");
    assert!(fact("Срок сертификата").starts_with("с ") && fact("Срок сертификата").ends_with(" UTC"), "{diagnosis}");
    assert!(fact("Часы").contains("сервера"), "{diagnosis}");
    assert!(fact("gettemplates").starts_with("код 200, шаблонов: 1, "), "{diagnosis}");
    assert_eq!(fact("Шаблон"), format!("{TEMPLATE}, есть"));
    assert!(fact("Вывод").starts_with("всё в порядке"), "{diagnosis}");
    assert!(!diagnosis.contains(TOKEN), "{diagnosis}");
    let requests = sandbox.requests();
    assert_eq!((requests.len(), requests[0].method.as_str()), (1, "gettemplates"), "nothing else is asked");
}

#[test]
fn a_diagnosis_speaks_the_components_language() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    object.set_ui_language("en");
    let diagnosis = object.function("Диагностика", &[]).unwrap().as_str().unwrap();
    assert!(fact(&diagnosis, "Conclusion").starts_with("everything is in order"), "{diagnosis}");
    assert_eq!(fact(&diagnosis, "TLS"), "none (http:// on this computer)");
    assert_eq!(fact(&diagnosis, "Attached"), ATTACHED[1]);
    let own_words: String = diagnosis.lines().filter(|line| !line.starts_with("Process:")).collect();
    assert!(!own_words.chars().any(|letter| ('а'..='я').contains(&letter)), "{diagnosis}");
}

#[test]
fn a_diagnosis_changes_no_property_and_uses_up_no_value() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    assert!(!call(&object, "UpdateCard", &["unknown".into()]));
    object.procedure("SetValue", &["PHONE".into(), PHONE.into()]).unwrap();
    let before = properties(&object);
    assert!(fact(&diagnose(&object), "Вывод").starts_with("всё в порядке"));
    assert_eq!(properties(&object), before);
    assert_eq!(text(&object, "ErrorKind"), "NotFound");
    sandbox.push_fault(Fault::known_error(401).unwrap());
    assert!(fact(&diagnose(&object), "Вывод").contains("токен"));
    assert_eq!(properties(&object), before);
    object.procedure("Diagnose", &[]).unwrap();
    assert!(call(&object, "CreateCard", &[]), "{}", text(&object, "ErrorDescription"));
    let id = text(&object, "CardId");
    assert_eq!(sandbox.card(&id).unwrap().get("PHONE").unwrap(), PHONE);
    assert!(object.take_errors().is_empty());
}

#[test]
fn without_a_token_the_rest_is_diagnosed_nevertheless() {
    let sandbox = sandbox();
    let object = component();
    object.set("ServerUrl", sandbox.url()).unwrap();
    let diagnosis = diagnose(&object);
    assert_eq!(fact(&diagnosis, "Токен"), "не задан");
    assert!(fact(&diagnosis, "Адрес").contains("ответил за "), "{diagnosis}");
    assert!(fact(&diagnosis, "Вывод").contains("свойство Токен"), "{diagnosis}");
    assert!(object.take_errors().is_empty());
    assert_eq!(text(&object, "ErrorKind"), "");
}

#[cfg(not(windows))]
#[test]
fn the_platform_is_asked_whether_it_has_isolated_the_component() {
    let object = component_with(HostOptions { isolated: true, ..HostOptions::default() });
    set_up(&object, &sandbox().url());
    let diagnosis = diagnose(&object);
    assert_eq!(fact(&diagnosis, "Подключение"), "изолированно, в отдельном процессе");
    assert!(object.misuse().is_clean());
    object.done();
    object.set("Timeout", 5).unwrap();
    object.set("ServerUrl", "http://127.0.0.1:1").unwrap();
    assert_eq!(fact(&diagnose(&object), "Подключение"), UNKNOWN, "its connection is gone");
    assert!(object.misuse().is_clean());
}

/// An older platform's connection has no `GetInterface`.
#[cfg(not(windows))]
#[test]
fn a_platform_with_fewer_capabilities_is_not_asked() {
    // In a process of its own: the library keeps what the platform has said.
    if apart::rerun(test_path!(a_platform_with_fewer_capabilities_is_not_asked), |_| {}).is_some() {
        return;
    }
    // Not the one that tests share: from a bundle this is another copy.
    let library = library();
    let object = library.create("Passteam").unwrap();
    set_up(&object, &sandbox().url());
    assert_eq!(fact(&diagnose(&object), "Подключение"), ATTACHED[0]);
    library.set_platform_capabilities(2);
    assert_eq!(fact(&diagnose(&object), "Подключение"), UNKNOWN);
}

#[test]
fn a_host_that_gives_no_memory_or_too_many_parameters_gets_no_exception() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    let before = properties(&object);
    object.fail_all_allocations(true);
    assert_eq!(object.function("Diagnose", &[]).unwrap(), Value::Empty);
    object.procedure("Diagnose", &[]).unwrap();
    object.fail_all_allocations(false);
    let index = object.find_method("Diagnose").unwrap() as i32;
    object.raw_call(index, &vec![Value::from("x"); 3], true).unwrap();
    object.raw_call(index, &[Value::Blob(vec![1])], false).unwrap();
    assert!(object.take_errors().is_empty());
    assert_eq!(properties(&object), before);
    assert!(fact(&diagnose(&object), "Вывод").starts_with("всё в порядке"));
    assert_eq!(object.destroy().live_blocks, 0);
}

#[test]
fn a_diagnosis_does_not_wait_for_another_call_of_the_object() {
    let peer = Peer::silent();
    let object = component_for(&peer.url());
    object.set("Timeout", 600).unwrap();
    thread::scope(|scope| {
        let batch = scope.spawn(|| object.function("UpdateCards", &[r#"[{"cardId": "1"}]"#.into()]));
        eventually("the batch is under way", || peer.connections() == 1);
        object.set("Timeout", 1).unwrap();
        let began = Instant::now();
        let diagnosis = diagnose(&object);
        assert!(began.elapsed() >= Duration::from_secs(1));
        assert_eq!(fact(&diagnosis, "Объект"), "занят другим вызовом");
        assert!(fact(&diagnosis, "Вывод").contains("за отведённое время (Таймаут)"), "{diagnosis}");
        assert!(object.take_errors().is_empty());
        object.done();
        batch.join().unwrap().unwrap();
    });
}

#[test]
fn the_end_of_an_object_ends_its_diagnosis() {
    let ways: [fn(&Object); 2] = [Object::done, Object::destroy_during_calls];
    for end in ways {
        let peer = Peer::silent();
        let object = component_for(&peer.url());
        object.set("Timeout", 600).unwrap();
        thread::scope(|scope| {
            let diagnosis = scope.spawn(|| diagnose(&object));
            eventually("the diagnosis is under way", || peer.connections() == 1);
            let began = Instant::now();
            end(&object);
            assert!(diagnosis.join().unwrap().contains("Вывод"));
            assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
        });
        assert!(object.misuse().is_clean());
        assert_eq!(object.destroy().live_blocks, 0);
    }
}

#[test]
fn a_diagnosis_is_noted_in_the_journal_and_counts_as_a_request() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    object.set("LogFile", journal.to_str().unwrap()).unwrap();
    object.set("RequestsPerMinute", 1).unwrap();
    object.set("Timeout", 20).unwrap();
    diagnose(&object);
    eventually("a line", || {
        std::fs::read_to_string(&journal).is_ok_and(|text| text.contains("gettemplates OK code=200"))
    });
    object.function("GetCards", &[]).unwrap();
    assert_eq!(text(&object, "ErrorKind"), "RateLimited");
    assert_eq!(number(&object, "RequestsPerMinute"), 1.0);
}
