use std::collections::HashSet;

use addin_host::{HostOptions, Object, Value};
use addin_testkit::shop::{
    self, boolean, component_for, component_with, exception, number, sandbox, sandbox_with, set_up, text,
};
use passteam_sandbox::{Drop, Fault, Options};
use serde_json::{Value as Json, json};
use testkit::{Peer, http};

fn create(object: &Object, arguments: &[Value]) -> Vec<Json> {
    let returned = object.function("СоздатьКарты", arguments).unwrap().as_str().expect("a string");
    serde_json::from_str(&returned).expect("a JSON array")
}

/// So many entries with phones of their own.
fn entries(count: usize) -> String {
    let entry = |number| json!({"key": format!("к{number}"), "values": {"PHONE": format!("+7900{number:07}")}});
    json!((0..count).map(entry).collect::<Vec<_>>()).to_string()
}

fn kinds(outcomes: &[Json]) -> Vec<&str> {
    outcomes.iter().map(|outcome| outcome["errorKind"].as_str().unwrap()).collect()
}

#[test]
fn each_entry_reports_under_its_key_in_the_order_of_the_input() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    object.procedure("SetValue", &["NAME".into(), "другой покупатель".into()]).unwrap();
    let input = json!([
        {"key": " Ж 1", "values": {"PHONE": "+79000000001", "%NAME%": "Анна"}},
        {"key": "b", "values": {"PHONE": "+79000000001"}},
        {"key": "c"},
        {"values": {"PHONE": "+79000000002"}},
        {"key": 5, "values": {"PHONE": "+79000000003"}},
        {"key": "d", "values": {"PHONE": {}}},
        {"key": "b", "values": {"PHONE": "+79000000004"}},
        "not an object",
    ]);
    let outcomes = create(&object, &[input.to_string().into(), 1.into()]);

    let brief: Vec<Json> =
        outcomes.iter().map(|o| json!([o["key"], o["ok"], o["code"], o["unknown"], o["errorKind"]])).collect();
    assert_eq!(
        brief,
        [
            json!([" Ж 1", true, 200, false, ""]),
            json!(["b", false, 409, false, "Duplicate"]),
            json!(["c", false, 500, false, "FieldRequired"]),
            json!(["", false, 0, false, "InvalidEntry"]),
            json!(["", false, 0, false, "InvalidEntry"]),
            json!(["d", false, 0, false, "InvalidEntry"]),
            json!(["b", false, 0, false, "InvalidEntry"]),
            json!(["", false, 0, false, "InvalidEntry"]),
        ]
    );
    let members = ["key", "ok", "code", "cardId", "cardUrl", "unknown", "retryAfter", "errorKind", "errorDescription"];
    for outcome in &outcomes {
        assert_eq!(outcome.as_object().unwrap().len(), members.len());
        assert!(members.iter().all(|member| outcome.get(member).is_some()), "{outcome}");
        assert_eq!(outcome["errorDescription"] == "", outcome["ok"] == true, "{outcome}");
        assert_eq!(outcome["cardId"] == "" || outcome["cardUrl"] == "", outcome["ok"] != true, "{outcome}");
        assert_eq!(outcome["retryAfter"], Json::Null);
    }
    let cards = sandbox.cards();
    assert_eq!(cards.len(), 1);
    assert_eq!(outcomes[0]["cardId"], cards[0].id.as_str());
    assert_eq!(cards[0].get("NAME"), Some("Анна"), "values of SetValue belong to no entry");

    assert_eq!(text(&object, "ErrorKind"), "Duplicate");
    assert_eq!(number(&object, "Code"), 409.0);
    assert_eq!(text(&object, "CardId") + &text(&object, "CardUrl") + &text(&object, "Response"), "");
    assert_eq!(outcomes[1]["errorDescription"], text(&object, "ErrorDescription").as_str());
}

#[test]
fn what_is_wrong_with_the_call_is_an_exception_and_nothing_is_sent() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    for input in ["", "null", "{}", "5", "[", "[{]"] {
        let description = exception(object.function("CreateCards", &[input.into()]));
        assert!(description.contains("Cards") && description.contains("Карты"), "{input}: {description}");
    }
    let description = exception(object.function("CreateCards", &["{}".into()]));
    assert!(description.contains("key"), "{description}");
    for (position, name, bad) in [(1, "Parallelism", Value::I4(17)), (2, "ПределВремени", Value::R8(0.5))]
    {
        let mut arguments: Vec<Value> = vec!["[]".into(), 4.into(), 300.into()];
        arguments[position] = bad;
        assert!(exception(object.function("CreateCards", &arguments)).contains(name));
    }
    object.set("TemplateId", "").unwrap();
    assert!(exception(object.function("CreateCards", &["[]".into()])).contains("ИдентификаторШаблона"));
    assert_eq!(text(&object, "ErrorKind"), "Misuse");
    assert!(sandbox.requests().is_empty());
}

#[test]
fn a_batch_without_failures_leaves_the_results_of_a_success() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    let ids: HashSet<_> =
        create(&object, &[entries(20).into(), 8.into()]).iter().map(|o| o["cardId"].to_string()).collect();
    assert_eq!((ids.len(), sandbox.cards().len()), (20, 20));
    assert_eq!((text(&object, "ErrorKind").as_str(), number(&object, "Code")), ("", 200.0));
    assert_eq!(text(&object, "CardId"), "");
    let result: Json = serde_json::from_str(&text(&object, "Result")).unwrap();
    assert_eq!(result["ok"], true);
    object.procedure("CreateCards", &["[]".into()]).unwrap();
}

#[test]
fn after_an_unknown_outcome_nothing_more_is_begun() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    sandbox.push_fault(Fault::of("createcard").drop_connection(Drop::AfterProcessing));
    let outcomes = create(&object, &[entries(4).into(), 1.into()]);
    assert_eq!(kinds(&outcomes), ["Connection", "NotSent", "NotSent", "NotSent"]);
    assert_eq!((&outcomes[0]["unknown"], &outcomes[1]["unknown"]), (&json!(true), &json!(false)));
    let description = outcomes[0]["errorDescription"].as_str().unwrap();
    assert!(description.contains("карта могла быть создана: сначала поищите её"), "{description}");
    assert!(boolean(&object, "ИсходНеизвестен"));
    assert_eq!((sandbox.requests().len(), sandbox.cards().len()), (1, 1), "never sent twice");
}

#[test]
fn a_pause_that_fits_is_waited_out_and_one_that_does_not_is_handed_on() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    sandbox.push_fault(Fault::of("createcard").code(429).header("Retry-After", "1"));
    let outcomes = create(&object, &[entries(2).into(), 1.into()]);
    assert_eq!(kinds(&outcomes), ["", ""]);
    sandbox.push_fault(Fault::of("createcard").code(429).header("Retry-After", "7200"));
    let outcomes = create(&object, &[r#"[{"key":"x"},{"key":"y"}]"#.into(), 1.into()]);
    assert_eq!(kinds(&outcomes), ["RateLimited", "NotSent"]);
    assert_eq!((&outcomes[0]["retryAfter"], &outcomes[0]["unknown"]), (&json!(7200), &json!(false)));
    assert_eq!(sandbox.cards().len(), 2);
}

#[test]
fn a_client_sees_the_progress_under_the_methods_name() {
    let sandbox = sandbox_with(Options { latency: std::time::Duration::from_millis(40), ..Options::default() });
    let object = component_with(HostOptions::default());
    set_up(&object, &sandbox.url());
    create(&object, &[entries(40).into(), 1.into()]);
    let events = object.events();
    assert!(!events.is_empty());
    for event in events {
        assert_eq!((event.source.as_str(), event.message.as_str()), ("Passteam", "CreateCards"));
        let data: Json = serde_json::from_str(&event.data).unwrap();
        assert_eq!(data, json!({"done": data["done"], "total": 40, "failed": 0}));
    }
}

#[test]
fn ten_thousand_cards_fit_into_one_call() {
    let body = r#"{"code":200,"result":{"cardId":"5d3f1a9be4b0c7a1f2e86c40","cardUrl":"https://x"}}"#;
    let peer = Peer::answering(http(200, &[], body));
    let object = component_for(&peer.url());
    let outcomes = create(&object, &[entries(10_000).into(), 8.into()]);
    assert_eq!(outcomes.len(), 10_000);
    assert_eq!(outcomes.iter().find(|outcome| outcome["ok"] != true), None);
}

#[test]
fn no_secret_is_shown() {
    let message = format!("bad {} of Иванов Иван or Петров", shop::TOKEN);
    let body = json!({"code": 400, "message": message}).to_string();
    let peer = Peer::answering(http(200, &[], &body));
    let object = component_for(&peer.url());
    let input = json!([{"key": "a", "values": {"NAME": "Иванов Иван"}}, {"key": "b", "values": {"NAME": "Петров"}}]);
    let returned = object.function("CreateCards", &[input.to_string().into()]).unwrap().as_str().unwrap();
    assert!(returned.contains("***"), "{returned}");
    for hidden in [shop::TOKEN, "Иванов", "Петров"] {
        assert!(!returned.contains(hidden) && !text(&object, "Result").contains(hidden), "{returned}");
    }
}

#[test]
fn its_texts_exist_in_english() {
    let sandbox = sandbox();
    let object = component_with(HostOptions { locale: Some("en_US".to_owned()), ..HostOptions::default() });
    set_up(&object, &sandbox.url());
    sandbox.push_fault(Fault::of("createcard").drop_connection(Drop::AfterProcessing));
    let input = r#"[5, {"key": "a", "values": {"PHONE": "+79000000001"}}, {"key": "b"}]"#;
    let outcomes = create(&object, &[input.into(), 1.into()]);
    assert_eq!(kinds(&outcomes), ["InvalidEntry", "Connection", "NotSent"]);
    let texts: Vec<_> = outcomes.iter().map(|outcome| outcome["errorDescription"].as_str().unwrap()).collect();
    for (text, part) in texts.iter().zip(["string key", "look for it first", "the batch was ended before"]) {
        assert!(text.contains(part) && text.is_ascii(), "{text}");
    }
    assert_eq!(text(&object, "ErrorDescription"), texts[0]);
    let description = exception(object.function("CreateCards", &["{}".into()]));
    assert!(description.starts_with("Method CreateCards") && description.contains("JSON array"), "{description}");
}
