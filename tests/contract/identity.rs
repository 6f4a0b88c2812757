use addin_host::Value;
use addin_testkit::shop::{component, library};

/// Properties as docs/reference.md lists them: English, Russian, readable, writable.
const PROPERTIES: [(&str, &str, bool, bool); 19] = [
    ("Token", "Токен", false, true),
    ("TemplateId", "ИдентификаторШаблона", true, true),
    ("ServerUrl", "АдресСервера", true, true),
    ("Timeout", "Таймаут", true, true),
    ("Retries", "Повторы", true, true),
    ("Proxy", "Прокси", true, true),
    ("CertificateFile", "ФайлСертификатов", true, true),
    ("LogFile", "ФайлЖурнала", true, true),
    ("RequestsPerMinute", "ЗапросовВМинуту", true, true),
    ("CardId", "ИдентификаторКарты", true, false),
    ("CardUrl", "СсылкаНаКарту", true, false),
    ("Installed", "Установлена", true, false),
    ("Code", "КодОтвета", true, false),
    ("ErrorKind", "ВидОшибки", true, false),
    ("ErrorDescription", "ОписаниеОшибки", true, false),
    ("Unknown", "ИсходНеизвестен", true, false),
    ("Response", "Ответ", true, false),
    ("Result", "Результат", true, false),
    ("Version", "Версия", true, false),
];

/// Methods as docs/reference.md lists them: English, Russian, parameters, required ones, whether they return a value.
const METHODS: [(&str, &str, usize, usize, bool); 9] = [
    ("SetValue", "УстановитьЗначение", 2, 2, false),
    ("ClearValues", "ОчиститьЗначения", 0, 0, false),
    ("CreateCard", "СоздатьКарту", 1, 0, true),
    ("UpdateCard", "ОбновитьКарту", 2, 1, true),
    ("UpdateCards", "ОбновитьКарты", 3, 1, true),
    ("CreateCards", "СоздатьКарты", 3, 1, true),
    ("GetCards", "ПолучитьКарты", 2, 0, true),
    ("CallMethod", "ВызватьМетод", 2, 1, true),
    ("Diagnose", "Диагностика", 0, 0, true),
];

#[test]
fn the_library_says_what_it_is() {
    let library = library();
    assert_eq!(library.class_names(), ["Passteam"]);
    assert_eq!(library.attach_type(), Some(3));
    assert_eq!(library.set_platform_capabilities(3), Some(3));
    assert_eq!(library.set_platform_capabilities(1), Some(3));
    for name in ["passteam", "Passteam2", "", "Другая"] {
        assert_eq!(library.raw_get_class_object(name), 0, "{name}");
    }

    let object = component();
    assert_eq!(object.info(), 2000);
    assert_eq!(object.extension_name(), "Passteam");
    assert_eq!(object.get("Version").unwrap(), Value::from(env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_property_of_the_reference_exists_in_both_languages() {
    let object = component();
    let names: Vec<_> = object.property_names();
    for (en, ru, readable, writable) in PROPERTIES {
        assert!(names.contains(&(en.to_owned(), Some(ru.to_owned()))), "{en} {ru}");
        for name in [en.to_owned(), ru.to_owned(), en.to_uppercase(), ru.to_lowercase()] {
            assert_eq!(object.find_property(&name), object.find_property(en), "{name}");
            assert_eq!(object.is_readable(&name), readable, "{name}");
            assert_eq!(object.is_writable(&name), writable, "{name}");
        }
    }
    assert_eq!(names.len(), PROPERTIES.len());
    assert_eq!(object.find_property("Токены"), None);
    assert_eq!(object.find_property(""), None);
}

#[test]
fn every_method_of_the_reference_exists_in_both_languages() {
    let object = component();
    let names: Vec<_> = object.method_names();
    for (en, ru, parameters, required, returns) in METHODS {
        assert!(names.contains(&(en.to_owned(), Some(ru.to_owned()))), "{en} {ru}");
        for name in [en.to_owned(), ru.to_owned(), en.to_lowercase(), ru.to_uppercase()] {
            assert_eq!(object.find_method(&name), object.find_method(en), "{name}");
            assert_eq!(object.parameter_count(&name), parameters, "{name}");
            assert_eq!(object.has_return_value(&name), returns, "{name}");
        }
        for index in 0..parameters {
            assert_eq!(object.parameter_default(en, index).is_none(), index < required, "{en} {index}");
        }
    }
    assert_eq!(names.len(), METHODS.len());
    assert_eq!(object.parameter_default("CreateCard", 0), Some(Value::from("")));
    for batch in ["UpdateCards", "CreateCards"] {
        assert_eq!(object.parameter_default(batch, 1), Some(Value::I4(4)));
        assert_eq!(object.parameter_default(batch, 2), Some(Value::I4(300)));
    }
    assert_eq!(object.parameter_default("GetCards", 0), Some(Value::I4(1)));
    assert_eq!(object.parameter_default("GetCards", 1), Some(Value::from("")));
    assert_eq!(object.find_method("СоздатьКартыы"), None);
}

#[cfg(target_os = "linux")]
#[test]
fn only_the_five_functions_are_exported() {
    let output =
        std::process::Command::new("nm").args(["-D", "--defined-only"]).arg(addin_testkit::library()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listing = String::from_utf8(output.stdout).unwrap();
    let mut names: Vec<_> = listing.lines().filter_map(|line| line.split_whitespace().last()).collect();
    names.sort_unstable();
    assert_eq!(names, ["DestroyObject", "GetAttachType", "GetClassNames", "GetClassObject", "SetPlatformCapabilities"]);
}
