use addin_host::{HostOptions, Object, Tm, Value};
use addin_testkit::shop::{
    self, PHONE, TEMPLATE, call, component_for, component_with, create, exception, sandbox, text,
};
use passteam_sandbox::Sandbox;
use proptest::prelude::*;

fn shop() -> (Sandbox, Object) {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    (sandbox, object)
}

/// The fields of the last request, as a standard parser reads them.
fn sent(sandbox: &Sandbox) -> Vec<(String, String)> {
    sandbox.requests().last().expect("a request").form.clone()
}

/// The same without the first field, which is the card or the template.
fn variables(sandbox: &Sandbox) -> Vec<(String, String)> {
    sent(sandbox).split_off(1)
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, value)| (format!("values[%{name}%]"), (*value).to_owned())).collect()
}

/// Sends one value by `SetValue`; returns how the service reads it.
fn through(value: Value) -> String {
    let (sandbox, object) = shop();
    object.procedure("SetValue", &["X".into(), value]).unwrap();
    call(&object, "UpdateCard", &["id".into()]);
    let mut fields = variables(&sandbox);
    assert_eq!(fields.len(), 1);
    assert_eq!(fields[0].0, "values[%X%]");
    fields.remove(0).1
}

#[test]
fn the_request_is_a_form_with_the_bare_token() {
    let (sandbox, object) = shop();
    object.set("TemplateId", TEMPLATE).unwrap();
    create(&object, PHONE);
    let request = &sandbox.requests()[0];
    assert_eq!(request.method, "createcard");
    assert_eq!(request.header("authorization"), Some(shop::TOKEN));
    assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.body, format!("templateId={TEMPLATE}&values%5B%25PHONE%25%5D=%2B79161234567").as_bytes());
}

/// Values of every type that can be sent, and the documented text of each.
fn typed() -> Vec<(Value, &'static str)> {
    let noon = Tm::new(2026, 11, 24, 12, 30, 5);
    vec![
        (Value::from("как есть "), "как есть "),
        (Value::from(""), ""),
        (Value::from(true), "true"),
        (Value::from(false), "false"),
        (Value::Empty, ""),
        (Value::Null, ""),
        (Value::I4(1234), "1234"),
        (Value::I4(-5), "-5"),
        (Value::R8(12.5), "12.5"),
        (Value::R8(12500.5), "12500.5"),
        (Value::R8(79_161_234_567.0), "79161234567"),
        (Value::R8(1e-7), "0.0000001"),
        (Value::R8(-0.0), "0"),
        (Value::R4(0.1), "0.1"),
        (Value::I1(-1), "-1"),
        (Value::I2(-300), "-300"),
        (Value::UI1(255), "255"),
        (Value::UI2(65535), "65535"),
        (Value::UI4(4_294_967_295), "4294967295"),
        (Value::I8(-4_294_967_296), "-4294967296"),
        (Value::UI8(9_007_199_254_740_991), "9007199254740991"),
        (Value::Int(-7), "-7"),
        (Value::Uint(7), "7"),
        (Value::Pstr(b"phone \xd0\x96".to_vec()), "phone Ж"),
        (Value::Tm(Tm::new(1985, 3, 9, 0, 0, 0)), "09.03.1985"),
        (Value::Tm(noon), "24.11.2026 12:30:05"),
        (Value::Tm(Tm::new(1, 1, 1, 0, 0, 0)), ""),
        (Value::Date(31_114.0), "08.03.1985"),
        (Value::Date(31_114.5), "08.03.1985 12:00:00"),
        (Value::Date(-693_593.0), ""),
    ]
}

#[test]
fn values_of_every_type_become_the_documented_text() {
    for (value, expected) in typed() {
        assert_eq!(through(value.clone()), expected, "{value:?}");
    }
}

#[test]
fn what_cannot_become_text_is_an_exception_and_never_an_empty_string() {
    let (_sandbox, object) = shop();
    for value in [
        Value::Blob(vec![1, 2, 3]),
        Value::R8(f64::NAN),
        Value::R8(f64::INFINITY),
        Value::R4(f32::NEG_INFINITY),
        Value::R8(9_007_199_254_740_992.0),
        Value::R8(-9_007_199_254_740_992.0),
        Value::UI8(u64::MAX),
        Value::Tm(Tm::new(2026, 2, 30, 0, 0, 0)),
        Value::Tm(Tm::new(2026, 13, 1, 0, 0, 0)),
        Value::Date(f64::NAN),
        Value::Date(1e9),
        Value::Hresult(1),
        Value::Error(1),
    ] {
        let description = exception(object.procedure("SetValue", &["X".into(), value.clone()]));
        assert!(description.contains("Value") && description.contains("Значение"), "{value:?}: {description}");
    }
    for vt in (0..=u16::MAX).filter(|vt| *vt > 24 || [9, 12, 24].contains(vt)) {
        let value = Value::Other { vt, bytes: [0; 16] };
        let description = exception(object.procedure("SetValue", &["X".into(), value]));
        assert!(description.contains("Value"), "VTYPE {vt}: {description}");
    }
    exception(object.procedure("SetValue", &["X".into(), Value::NullString { len: 5 }]));
}

#[test]
fn values_given_as_json_keep_their_order_and_their_digits() {
    let (sandbox, object) = shop();
    let json = r#"{"B": "текст", "%A%": 12.50, "E": 1e3, "S": 1.5e-3, "T": true, "N": null, "BIG": 12345678901234567890.10, "D": "1985-03-09T00:00:00"}"#;
    call(&object, "UpdateCard", &["id".into(), json.into()]);
    assert_eq!(
        variables(&sandbox),
        pairs(&[
            ("B", "текст"),
            ("A", "12.50"),
            ("E", "1000"),
            ("S", "0.0015"),
            ("T", "true"),
            ("N", ""),
            ("BIG", "12345678901234567890.10"),
            ("D", "1985-03-09T00:00:00"),
        ])
    );
}

#[test]
fn set_value_and_json_join_and_the_json_wins_in_place() {
    let (sandbox, object) = shop();
    for (name, value) in [("A", "1"), ("%B%", "2"), ("A", "3"), ("b", "4")] {
        object.procedure("SetValue", &[name.into(), value.into()]).unwrap();
    }
    call(&object, "UpdateCard", &["id".into(), r#"{"C": "5", "B": "6", "C": "7"}"#.into()]);
    assert_eq!(variables(&sandbox), pairs(&[("A", "3"), ("B", "6"), ("b", "4"), ("C", "7")]));
}

#[test]
fn no_values_come_in_many_spellings() {
    let (sandbox, object) = shop();
    for none in [Value::Empty, Value::Null, "".into(), " \t\r\n ".into(), "null".into(), " null ".into(), "{}".into()] {
        call(&object, "UpdateCard", &["id".into(), none.clone()]);
        assert_eq!(sent(&sandbox), [("cardId".to_owned(), "id".to_owned())], "{none:?}");
    }
}

#[test]
fn values_are_used_up_by_the_next_call_whatever_its_outcome() {
    let (sandbox, object) = shop();
    let collect = || object.procedure("SetValue", &["SECOND_CUSTOMER".into(), "must not get this".into()]).unwrap();

    collect();
    call(&object, "UpdateCard", &["unknown".into()]);
    collect();
    exception(object.function("UpdateCard", &["".into()]));
    collect();
    exception(object.function("CreateCard", &["{broken".into()]));
    collect();
    exception(object.raw_call(object.find_method("UpdateCard").unwrap() as i32, &[], true));
    collect();
    exception(object.procedure("SetValue", &["".into(), "x".into()]));
    collect();
    exception(object.procedure("SetValue", &["X".into(), Value::Blob(vec![1])]));
    collect();
    object.procedure("ClearValues", &[]).unwrap();
    collect();
    call(&object, "CallMethod", &["gettemplates".into()]);
    collect();
    exception(object.function("CallMethod", &["get/templates".into()]));
    collect();
    object.function("UpdateCards", &["[]".into()]).unwrap();
    collect();
    exception(object.function("UpdateCards", &["{}".into()]));
    collect();
    object.set("Token", shop::TOKEN).unwrap();
    collect();
    exception(object.set("Token", "плохой"));
    collect();
    object.set("ServerUrl", sandbox.url().as_str()).unwrap();
    collect();
    exception(object.set("ServerUrl", "плохой"));

    call(&object, "UpdateCard", &["next".into()]);
    assert_eq!(sent(&sandbox), [("cardId".to_owned(), "next".to_owned())]);
    let with_it = sandbox.requests().iter().filter(|request| request.form.len() > 1).count();
    assert_eq!(with_it, 1, "only the first UpdateCard was given the value");
}

#[test]
fn an_empty_name_and_nested_values_are_exceptions_that_name_the_parameter() {
    let (sandbox, object) = shop();
    for name in ["", "%%", "  ", "% %"] {
        let description = exception(object.procedure("SetValue", &[name.into(), "x".into()]));
        assert!(description.contains("Name") && description.contains("Имя"), "{description}");
    }
    for json in [
        r#"{"": 1}"#,
        r#"{"%%": 1}"#,
        r#"{"A": {}}"#,
        r#"{"A": []}"#,
        r#"{"A": {"x": 1}, "A": 2}"#,
        "[]",
        "1",
        "\"text\"",
        "{",
        "{\"A\": }",
        "{\"A\": 1} x",
        "{'A': 1}",
        "{\"A\": 1e999999999}",
    ] {
        let description = exception(object.function("CreateCard", &[json.into()]));
        assert!(description.contains("Values") && description.contains("Значения"), "{json}: {description}");
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn card_ids_lose_the_padding_of_fixed_length_strings() {
    let (sandbox, object) = shop();
    let id = create(&object, PHONE);
    assert!(call(&object, "UpdateCard", &[format!("  {id} \t").into()]));
    assert_eq!(text(&object, "CardId"), id);
    assert_eq!(sandbox.requests()[1].field("cardId"), Some(id.as_str()));
    for empty in ["", "   ", "\t\n"] {
        let description = exception(object.function("UpdateCard", &[empty.into()]));
        assert!(description.contains("CardId") && description.contains("ИдентификаторКарты"), "{description}");
    }
}

#[test]
fn call_method_flattens_its_parameters() {
    let (sandbox, object) = shop();
    let json = r#"{"page": 2, "%A%": "x", "filter": {"name": "Ж&", "in": [1, {"k": true}], "none": {}}, "n": null, "values[%B%]": "y", "page": 3}"#;
    call(&object, "CallMethod", &["getCardsWithPagination".into(), json.into()]);
    let expected = [
        ("page", "3"),
        ("%A%", "x"),
        ("filter[name]", "Ж&"),
        ("filter[in][0]", "1"),
        ("filter[in][1][k]", "true"),
        ("n", ""),
        ("values[%B%]", "y"),
    ];
    assert_eq!(sent(&sandbox), expected.map(|(name, value)| (name.to_owned(), value.to_owned())));

    for method in ["", "a/b", "a b", "метод", "a?b", "..", "a%2Fb", " gettemplates", "gettemplates\n"] {
        let description = exception(object.function("CallMethod", &[method.into()]));
        assert!(description.contains("Method") && description.contains("Метод"), "{method}: {description}");
    }
    for json in ["[1]", "{", &format!("{{\"a\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000))] {
        let description = exception(object.function("CallMethod", &["gettemplates".into(), json.into()]));
        assert!(description.contains("Parameters"), "{description}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// A standard form parser on the service's side reads exactly the values that BSL set.
    #[test]
    fn any_values_arrive_intact(
        set in prop::collection::vec(("[^%\\s]{1,8}", any::<String>()), 0..6),
        json in prop::collection::vec(("[^%\\s]{1,8}", any::<String>()), 0..6),
    ) {
        let (sandbox, object) = shop();
        let mut expected: Vec<(String, String)> = Vec::new();
        for (name, value) in set.iter().chain(&json) {
            let name = format!("values[%{name}%]");
            match expected.iter_mut().find(|(known, _)| *known == name) {
                Some(known) => known.1.clone_from(value),
                None => expected.push((name, value.clone())),
            }
        }
        for (name, value) in &set {
            object.procedure("SetValue", &[name.as_str().into(), value.as_str().into()]).unwrap();
        }
        let members: Vec<String> = json
            .iter()
            .map(|(name, value)| format!("{}:{}", serde_json::to_string(name).unwrap(), serde_json::to_string(value).unwrap()))
            .collect();
        call(&object, "UpdateCard", &["id".into(), format!("{{{}}}", members.join(",")).into()]);
        prop_assert_eq!(variables(&sandbox), expected);
    }

    /// Any number that BSL can hold arrives as plain digits that give the same number.
    #[test]
    fn any_number_arrives_as_itself(number in -9.0e15..9.0e15_f64) {
        let text = through(Value::R8(number));
        prop_assert!(text.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-'), "{}", text);
        prop_assert_eq!(text.parse::<f64>().unwrap(), number);
    }
}

/// On the stack of 32-bit Windows numbers of 8 bytes stand at addresses that 8 does not divide.
#[test]
fn variants_may_stand_at_any_address() {
    let sandbox = sandbox();
    let object = component_with(HostOptions { unaligned_variants: true, ..HostOptions::default() });
    shop::set_up(&object, &sandbox.url());
    object.set("Timeout", 12.5).unwrap();
    assert_eq!(object.get("Timeout").unwrap(), Value::R8(12.5));
    assert_eq!(text(&object, "TemplateId"), TEMPLATE);
    assert_eq!(object.parameter_default("UpdateCards", 2), Some(Value::I4(300)));
    assert_eq!(object.parameter_default("CreateCard", 0), Some(Value::from("")));
    let (values, expected): (Vec<Value>, Vec<&str>) = typed().into_iter().unzip();
    for (number, value) in values.into_iter().enumerate() {
        object.procedure("SetValue", &[format!("X{number}").into(), value]).unwrap();
    }
    assert!(!call(&object, "UpdateCard", &["id".into(), Value::Empty]));
    let sent: Vec<String> = variables(&sandbox).into_iter().map(|(_, text)| text).collect();
    assert_eq!(sent, expected);
    assert_eq!(object.get("Code").unwrap(), Value::I4(404));
    assert!(object.destroy().is_clean());
}
