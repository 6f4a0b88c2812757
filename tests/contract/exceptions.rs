use addin_host::{CallError, Value};
use addin_testkit::shop::{PHONE, call, component, component_for, create, exception, sandbox, text};

#[test]
fn a_missing_setting_is_an_exception_that_names_it() {
    let object = component();
    for (method, arguments) in [
        ("CreateCard", vec![]),
        ("UpdateCard", vec!["id".into()]),
        ("UpdateCards", vec!["[]".into()]),
        ("CreateCards", vec!["[]".into()]),
        ("GetCards", vec![]),
        ("CallMethod", vec!["gettemplates".into()]),
    ] {
        object.set("TemplateId", "t").unwrap();
        let description = exception(object.function(method, &arguments));
        assert!(description.contains("Token") && description.contains("Токен"), "{method}: {description}");
    }
    object.set("Token", "t").unwrap();
    object.set("TemplateId", "").unwrap();
    for (method, arguments) in [("CreateCard", vec![]), ("CreateCards", vec!["[]".into()])] {
        let description = exception(object.function(method, &arguments));
        assert!(description.contains("TemplateId") && description.contains("ИдентификаторШаблона"), "{description}");
    }
}

#[test]
fn an_exception_goes_through_add_error_once_and_with_a_harmless_code() {
    let object = component();
    exception(object.function("CreateCard", &[]));
    let errors = object.take_errors();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].wcode, 1006, "ADDIN_E_FAIL: no message box");
    assert_ne!(errors[0].scode, 0);
    assert_eq!(errors[0].source, "Passteam");
    assert_eq!(errors[0].description, text(&object, "ErrorDescription"));
    assert_eq!(text(&object, "ErrorKind"), "Misuse");
}

#[test]
fn what_the_world_does_is_no_exception() {
    let object = component_for("http://127.0.0.1:1");
    assert!(!call(&object, "UpdateCard", &["id".into()]));
    assert!(object.take_errors().is_empty());
}

/// Values of every type that is no number.
fn no_numbers() -> impl Iterator<Item = Value> {
    let plain = [
        Value::Bool(true),
        Value::Tm(addin_host::Tm::new(2026, 1, 1, 0, 0, 0)),
        Value::Blob(vec![1]),
        Value::Date(1.0),
        Value::Hresult(1),
        Value::Error(1),
        Value::NullString { len: 3 },
    ];
    let unknown = [9, 12, 24, 25, 100, 0xFFF, 0x1000, 0x2000, 0x4000, 0x400C, 0x8000, 0xFFFF];
    plain.into_iter().chain(unknown.map(|vt| Value::Other { vt, bytes: [0; 16] }))
}

/// The same number in every type that has it.
fn numbers() -> impl Iterator<Item = Value> {
    [
        Value::I1(2),
        Value::I2(2),
        Value::I4(2),
        Value::I8(2),
        Value::UI1(2),
        Value::UI2(2),
        Value::UI4(2),
        Value::UI8(2),
        Value::R4(2.0),
        Value::R8(2.0),
        Value::Int(2),
        Value::Uint(2),
    ]
    .into_iter()
}

#[test]
fn every_parameter_refuses_every_type_that_does_not_fit_and_names_itself() {
    let object = component_for("http://127.0.0.1:1");
    object.set("Timeout", 0.1).unwrap();
    let empty = || [Value::Empty, Value::Null].into_iter();
    type Rest = Vec<Value>;
    let parameters: [(&str, usize, &str, &str, Rest, bool); 9] = [
        ("SetValue", 0, "Name", "Имя", vec!["x".into()], true),
        ("CreateCard", 0, "Values", "Значения", vec![], false),
        ("UpdateCard", 0, "CardId", "ИдентификаторКарты", vec![], true),
        ("UpdateCard", 1, "Values", "Значения", vec!["id".into()], false),
        ("UpdateCards", 0, "Cards", "Карты", vec![], true),
        ("CreateCards", 0, "Cards", "Карты", vec![], true),
        ("GetCards", 1, "TemplateId", "ИдентификаторШаблона", vec![1.into()], false),
        ("CallMethod", 0, "Method", "Метод", vec![], true),
        ("CallMethod", 1, "Parameters", "Параметры", vec!["m".into()], false),
    ];
    for (method, index, en, ru, rest, required) in parameters {
        let bad = no_numbers().chain(numbers()).chain(empty().filter(|_| required));
        for value in bad {
            let mut arguments = rest.clone();
            arguments.insert(index, value.clone());
            let description = exception(object.procedure(method, &arguments));
            assert!(description.contains(en) && description.contains(ru), "{method} {value:?}: {description}");
        }
    }
}

#[test]
fn a_number_is_taken_in_every_type_that_has_it_and_in_no_other() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    for (method, index, en, ru) in [
        ("UpdateCards", 1, "Parallelism", "Параллельность"),
        ("UpdateCards", 2, "TimeLimit", "ПределВремени"),
        ("CreateCards", 1, "Parallelism", "Параллельность"),
        ("CreateCards", 2, "TimeLimit", "ПределВремени"),
        ("GetCards", 0, "Page", "Страница"),
    ] {
        let arguments = |value: &Value| {
            let before = if method == "GetCards" { vec![] } else { vec!["[]".into(), 4.into()] };
            [&before[..index], std::slice::from_ref(value)].concat()
        };
        for value in numbers().chain([Value::Empty, Value::Null]) {
            object.function(method, &arguments(&value)).unwrap();
            assert_eq!(text(&object, "ErrorKind"), "", "{method} {value:?}");
        }
        for value in no_numbers().chain(["2".into(), Value::R8(-1.0), Value::R8(f64::NAN), Value::R8(1e300)]) {
            let description = exception(object.procedure(method, &arguments(&value)));
            assert!(description.contains(en) && description.contains(ru), "{method} {value:?}: {description}");
        }
    }
    for value in numbers() {
        object.set("ЗапросовВМинуту", value).unwrap();
        assert_eq!(object.get("RequestsPerMinute").unwrap(), Value::I4(2));
    }
    for value in no_numbers().chain(["2".into(), Value::Empty, Value::Null, Value::R8(f64::INFINITY)]) {
        let description = exception(object.set("RequestsPerMinute", value.clone()));
        assert!(description.contains("RequestsPerMinute") && description.contains("ЗапросовВМинуту"), "{value:?}");
        assert_eq!(object.get("RequestsPerMinute").unwrap(), Value::I4(2), "the old value stays");
    }
}

#[test]
fn too_few_and_too_many_parameters_are_exceptions() {
    let object = component_for("http://127.0.0.1:1");
    object.set("Timeout", 0.1).unwrap();
    for (method, counts) in [
        ("SetValue", vec![0, 1, 3]),
        ("ClearValues", vec![1]),
        ("CreateCard", vec![2, 50]),
        ("UpdateCard", vec![0, 3]),
        ("UpdateCards", vec![0, 4]),
        ("CreateCards", vec![0, 4]),
        ("GetCards", vec![3]),
        ("CallMethod", vec![0, 3]),
    ] {
        let index = object.find_method(method).unwrap() as i32;
        for count in counts {
            for as_function in [false, true] {
                let description = exception(object.raw_call(index, &vec![Value::from("x"); count], as_function));
                assert!(description.contains(method), "{method} {count}: {description}");
            }
        }
    }
}

#[test]
fn an_index_that_no_member_has_is_refused() {
    let object = component();
    let properties = object.property_names().len() as i32;
    for index in [-1, properties, 1000, i32::MAX, i32::MIN] {
        exception(object.raw_get(index));
        exception(object.raw_set(index, "x".into()));
        exception(object.raw_call(index, &[], true));
        exception(object.raw_call(index, &[], false));
        assert_eq!(object.raw_property_name(index, 0), None);
        assert_eq!(object.raw_method_name(index, 0), None);
        assert_eq!(object.raw_parameter_count(index), 0);
        assert!(!object.raw_has_return_value(index));
        assert_eq!(object.raw_parameter_default(index, 0), None);
        assert!(!object.raw_is_readable(index) && !object.raw_is_writable(index));
    }
    for alias in [-1, 2, i32::MAX] {
        assert_eq!(object.raw_property_name(0, alias), None);
        assert_eq!(object.raw_method_name(0, alias), None);
    }
    for parameter in [-1, 2, i32::MAX] {
        assert_eq!(object.raw_parameter_default(0, parameter), None);
    }
}

#[test]
fn a_thousand_failing_calls_say_the_same_thousandth_time() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    let first = exception(object.function("UpdateCard", &["".into()]));
    let failed = |object: &addin_host::Object| {
        assert!(!call(object, "UpdateCard", &["unknown".into()]));
        text(object, "ErrorDescription")
    };
    let first_failure = failed(&object);
    for _ in 0..1000 {
        assert_eq!(exception(object.function("UpdateCard", &["".into()])), first);
        assert_eq!(failed(&object), first_failure);
    }
    create(&object, PHONE);
}

#[test]
fn the_object_works_on_after_every_mistake() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    exception(object.function("CreateCard", &["{".into()]));
    exception(object.set("Timeout", "x"));
    assert!(matches!(object.function("CreateCard", &["{}".into(), "{}".into()]), Err(CallError::TooManyParameters)));
    assert!(matches!(object.function("UpdateCard", &[]), Err(CallError::TooFewParameters)));
    create(&object, PHONE);
    assert_eq!(sandbox.cards().len(), 1);
}
