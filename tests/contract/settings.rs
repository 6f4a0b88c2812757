use addin_host::{CallError, Value};
use addin_testkit::shop::{
    self, PHONE, ca_file, call, component, component_for, create, exception, number, sandbox, sandbox_with, set_up,
    text,
};
use passteam_sandbox::{Options, Tls};

#[test]
fn settings_start_with_the_documented_defaults() {
    let object = component();
    for (property, expected) in [
        ("TemplateId", ""),
        ("ServerUrl", "https://getpass.passteam.ru/oapi/v1"),
        ("Proxy", ""),
        ("CertificateFile", ""),
        ("CardId", ""),
        ("CardUrl", ""),
        ("ErrorKind", ""),
        ("ErrorDescription", ""),
        ("Response", ""),
    ] {
        assert_eq!(text(&object, property), expected, "{property}");
    }
    assert_eq!(number(&object, "Timeout"), 10.0);
    assert_eq!(number(&object, "Retries"), 2.0);
    assert_eq!(number(&object, "Code"), 0.0);
}

#[test]
fn settings_read_back_what_was_written() {
    let object = component();
    for (property, value) in [
        ("ИдентификаторШаблона", "шаблон"),
        ("АдресСервера", "http://127.0.0.1:8080/oapi/v1/"),
        ("АдресСервера", "http://localhost"),
        ("АдресСервера", "http://[::1]:8080/x"),
        ("АдресСервера", "https://example.com/a/b"),
        ("Прокси", "direct"),
        ("Прокси", ""),
    ] {
        object.set(property, value).unwrap();
        assert_eq!(text(&object, property), value, "{property}");
    }
    for (property, value) in
        [("Timeout", 0.1), ("Timeout", 600.0), ("Timeout", 2.5), ("Retries", 0.0), ("Retries", 10.0)]
    {
        object.set(property, value).unwrap();
        assert_eq!(number(&object, property), value);
    }
    object.set("Timeout", Value::I4(7)).unwrap();
    assert_eq!(number(&object, "Timeout"), 7.0);
}

#[test]
fn a_proxys_password_reads_back_as_stars() {
    let object = component();
    for (value, shown) in [
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://proxy", "http://proxy:80"),
        ("http://user:s%40cret@proxy:3128", "http://user:***@proxy:3128"),
    ] {
        object.set("Proxy", value).unwrap();
        assert_eq!(text(&object, "Proxy"), shown);
    }
}

#[test]
fn a_bad_setting_is_an_exception_that_names_it_and_the_old_value_stays() {
    let folder = tempfile::tempdir().unwrap();
    let no_certificate = folder.path().join("empty.pem");
    std::fs::write(&no_certificate, "no certificate here").unwrap();
    let missing = folder.path().join("missing.pem");
    let bad: Vec<(&str, &str, Value)> = vec![
        ("TemplateId", "ИдентификаторШаблона", 5.into()),
        ("ServerUrl", "АдресСервера", "".into()),
        ("ServerUrl", "АдресСервера", "not a url".into()),
        ("ServerUrl", "АдресСервера", "ftp://example.com".into()),
        ("ServerUrl", "АдресСервера", "http://example.com".into()),
        ("ServerUrl", "АдресСервера", "http://127.0.0.1.example.com".into()),
        ("ServerUrl", "АдресСервера", "https://user:password@example.com".into()),
        ("ServerUrl", "АдресСервера", "https://user@example.com".into()),
        ("ServerUrl", "АдресСервера", Value::Empty),
        ("Timeout", "Таймаут", 0.0.into()),
        ("Timeout", "Таймаут", 0.05.into()),
        ("Timeout", "Таймаут", 600.5.into()),
        ("Timeout", "Таймаут", f64::NAN.into()),
        ("Timeout", "Таймаут", f64::INFINITY.into()),
        ("Timeout", "Таймаут", (-1).into()),
        ("Timeout", "Таймаут", "10".into()),
        ("Timeout", "Таймаут", true.into()),
        ("Retries", "Повторы", 11.into()),
        ("Retries", "Повторы", (-1).into()),
        ("Retries", "Повторы", 1.5.into()),
        ("Retries", "Повторы", "2".into()),
        ("Proxy", "Прокси", "https://proxy:3128".into()),
        ("Proxy", "Прокси", "socks5://proxy:3128".into()),
        ("Proxy", "Прокси", "proxy:3128".into()),
        ("Proxy", "Прокси", "http://".into()),
        ("Proxy", "Прокси", 1.into()),
        ("CertificateFile", "ФайлСертификатов", missing.to_str().unwrap().into()),
        ("CertificateFile", "ФайлСертификатов", no_certificate.to_str().unwrap().into()),
        ("CertificateFile", "ФайлСертификатов", folder.path().to_str().unwrap().into()),
        ("CertificateFile", "ФайлСертификатов", true.into()),
    ];
    let object = component();
    for (en, ru, value) in bad {
        let before = object.get(en).unwrap();
        let description = exception(object.set(ru, value.clone()));
        assert!(description.contains(en) && description.contains(ru), "{value:?}: {description}");
        assert_eq!(object.get(en).unwrap(), before, "{value:?}");
        assert_eq!(text(&object, "ErrorKind"), "Misuse");
        assert_eq!(text(&object, "ErrorDescription"), description);
    }
}

#[test]
fn a_token_is_visible_ascii_and_goes_out_without_the_white_space_around_it() {
    let object = component();
    for bad in ["ключ-магазина", "two words", "tab\tinside", "line\nbreak", "\u{7f}", "nul\0"] {
        let description = exception(object.set("Token", bad));
        assert!(description.contains("Token") && description.contains("Токен"), "{description}");
        assert!(!description.contains(bad), "{description}");
    }

    let sandbox = sandbox();
    set_up(&object, &sandbox.url());
    object.set("Token", format!(" \t{}\r\n", shop::TOKEN)).unwrap();
    assert!(call(&object, "CallMethod", &["gettemplates".into()]));
    assert_eq!(sandbox.requests()[0].header("authorization"), Some(shop::TOKEN));
}

#[test]
fn a_token_that_was_refused_leaves_the_old_one() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    exception(object.set("Token", "новый"));
    assert!(call(&object, "CallMethod", &["gettemplates".into()]));
}

#[test]
fn the_token_cannot_be_read() {
    let object = component_for("http://127.0.0.1:1");
    assert!(matches!(object.get("Token"), Err(CallError::NotReadable)));
    let index = object.find_property("Token").unwrap();
    let description = exception(object.raw_get(index as i32));
    assert!(description.contains("Token") && !description.contains(shop::TOKEN), "{description}");
}

#[test]
fn results_cannot_be_written() {
    let object = component();
    assert!(matches!(object.set("CardId", "x"), Err(CallError::NotWritable)));
    let index = object.find_property("CardId").unwrap();
    let description = exception(object.raw_set(index as i32, "x".into()));
    assert!(description.contains("CardId"), "{description}");
    assert_eq!(text(&object, "CardId"), "");
}

#[test]
fn a_trailing_slash_of_the_address_makes_no_difference() {
    let sandbox = sandbox();
    let object = component_for(&format!("{}/", sandbox.url()));
    assert!(call(&object, "CallMethod", &["gettemplates".into()]), "{}", text(&object, "ErrorDescription"));
}

#[test]
fn a_certificate_file_is_trusted_besides_the_usual_authorities() {
    let sandbox = sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    let object = component_for(&sandbox.url());

    assert!(!call(&object, "CallMethod", &["gettemplates".into()]));
    assert_eq!(text(&object, "ErrorKind"), "Certificate");
    assert_eq!(sandbox.requests().len(), 0);

    let file = ca_file(&sandbox, folder.path());
    object.set("ФайлСертификатов", file.as_str()).unwrap();
    assert_eq!(text(&object, "CertificateFile"), file);
    assert!(call(&object, "CallMethod", &["gettemplates".into()]), "{}", text(&object, "ErrorDescription"));

    std::fs::remove_file(&file).unwrap();
    assert!(!call(&object, "UpdateCard", &["000000000000000000000000".into()]));
    assert_eq!(text(&object, "ErrorKind"), "NotFound", "a connection that stands needs no file");
    assert_eq!(sandbox.requests().len(), 2);

    sandbox.close_connections();
    testkit::eventually("the sandbox has closed every connection", || sandbox.open_connections() == 0);
    assert!(!call(&object, "UpdateCard", &["000000000000000000000000".into()]));
    assert_eq!(text(&object, "ErrorKind"), "Certificate");

    object.set("CertificateFile", "").unwrap();
    assert!(!call(&object, "CallMethod", &["gettemplates".into()]));
    assert_eq!(text(&object, "ErrorKind"), "Certificate");
}

#[test]
fn two_hundred_objects_one_after_another_share_one_connection() {
    let sandbox = sandbox_with(Options { tls: Tls::OwnCa, ..Options::default() });
    let folder = tempfile::tempdir().unwrap();
    let file = ca_file(&sandbox, folder.path());
    let library = shop::library();
    let mut card = None;
    for number in 0..200 {
        let object = library.create("Passteam").unwrap();
        set_up(&object, &sandbox.url());
        object.set("CertificateFile", file.as_str()).unwrap();
        // An update, because a creation takes no connection that was idle for a second, which happens on a busy machine.
        let card: &String = card.get_or_insert_with(|| create(&object, PHONE));
        assert!(
            call(&object, "UpdateCard", &[card.as_str().into()]),
            "{number}: {}",
            text(&object, "ErrorDescription")
        );
    }
    assert_eq!(sandbox.requests().len(), 201);
    assert_eq!(sandbox.connections(), 1);
}
