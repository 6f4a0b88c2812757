use std::time::{Duration, Instant};

use addin_host::{EventQueue, HostOptions, Object, Value};
use addin_testkit::shop::{
    self, component_for, component_with, create, exception, number, sandbox, sandbox_with, set_up, text,
};
use passteam_sandbox::{Fault, Options, Sandbox};
use serde_json::{Value as Json, json};
use testkit::{Nobody, Peer, http, prompt};

fn update(object: &Object, arguments: &[Value]) -> Vec<Json> {
    let returned = object.function("UpdateCards", arguments).unwrap().as_str().expect("a string");
    serde_json::from_str(&returned).expect("a JSON array")
}

/// A service, a component and the ids of this number of cards.
fn shop(cards: usize, options: Options) -> (Sandbox, Object, Vec<String>) {
    let sandbox = sandbox_with(options);
    let object = component_for(&sandbox.url());
    let ids = (0..cards).map(|number| create(&object, &format!("+7900{number:07}"))).collect();
    sandbox.clear_requests();
    (sandbox, object, ids)
}

fn list(ids: &[String]) -> String {
    json!(ids.iter().map(|id| json!({"cardId": id, "values": {"BONUS": 5}})).collect::<Vec<_>>()).to_string()
}

#[test]
fn each_entry_reports_in_the_order_of_the_input() {
    let (sandbox, object, ids) = shop(3, Options::default());
    sandbox.set_installed(&ids[1], true);
    let input = json!([
        {"cardId": ids[0], "values": {"BONUS": 100.50, "%NAME%": "Ж"}},
        {"cardId": ids[1]},
        {"cardId": "unknown", "values": null},
        {"values": {}},
        {"cardId": ids[2], "values": {"A": [1]}},
        "not an object",
        {"cardId": format!("  {} ", ids[0]), "values": {"BONUS": 7}},
    ]);
    let outcomes = update(&object, &[input.to_string().into()]);

    let brief: Vec<Json> = outcomes
        .iter()
        .map(|outcome| {
            json!([outcome["cardId"], outcome["ok"], outcome["code"], outcome["installed"], outcome["errorKind"]])
        })
        .collect();
    assert_eq!(
        brief,
        [
            json!([ids[0], true, 200, false, ""]),
            json!([ids[1], true, 200, true, ""]),
            json!(["unknown", false, 404, false, "NotFound"]),
            json!(["", false, 0, false, "InvalidEntry"]),
            json!([ids[2], false, 0, false, "InvalidEntry"]),
            json!(["", false, 0, false, "InvalidEntry"]),
            json!([ids[0], true, 200, false, ""]),
        ]
    );
    for outcome in &outcomes {
        assert_eq!(outcome["errorDescription"] == "", outcome["ok"] == true, "{outcome}");
        assert_eq!(outcome.as_object().unwrap().len(), 7);
    }
    assert_eq!(sandbox.card(&ids[0]).unwrap().get("BONUS"), Some("7"), "the later value of a card wins");
    assert_eq!(sandbox.card(&ids[0]).unwrap().get("NAME"), Some("Ж"));
    assert_eq!(sandbox.requests().len(), 3, "a card is sent once, an invalid entry never");

    assert_eq!(text(&object, "ErrorKind"), "NotFound");
    assert_eq!(text(&object, "CardId"), "unknown");
    assert_eq!(number(&object, "Code"), 404.0);
    assert_eq!(outcomes[2]["errorDescription"], text(&object, "ErrorDescription").as_str());
    assert_eq!(text(&object, "Response"), "");
}

#[test]
fn a_batch_without_failures_leaves_the_results_of_a_success() {
    let (sandbox, object, ids) = shop(2, Options::default());
    for input in [list(&ids), "[]".to_owned(), " [ ] ".to_owned()] {
        update(&object, &[input.into()]);
        assert_eq!(text(&object, "ErrorKind"), "");
        assert_eq!(text(&object, "ErrorDescription"), "");
        assert_eq!(text(&object, "CardId"), "");
        assert_eq!(number(&object, "Code"), 200.0);
        let result: Json = serde_json::from_str(&text(&object, "Result")).unwrap();
        assert_eq!(result["ok"], true);
    }
    assert_eq!(sandbox.requests().len(), 2);
    assert_eq!(sandbox.card(&ids[0]).unwrap().get("BONUS"), Some("5"));
}

#[test]
fn anything_but_an_array_is_an_exception_that_names_the_parameter() {
    let (sandbox, object, _) = shop(0, Options::default());
    for input in ["", "  ", "null", "{}", "5", "[", "[{]", "[] x", "[{\"cardId\":\"a\"},]"] {
        let description = exception(object.function("UpdateCards", &[input.into()]));
        assert!(description.contains("Cards") && description.contains("Карты"), "{input}: {description}");
        assert_eq!(text(&object, "ErrorKind"), "Misuse");
    }
    for (position, name, bad) in [
        (1, "Параллельность", Value::I4(0)),
        (1, "Параллельность", Value::I4(17)),
        (1, "Параллельность", Value::R8(1.5)),
        (1, "Parallelism", "4".into()),
        (2, "ПределВремени", Value::R8(0.5)),
        (2, "ПределВремени", Value::I4(3601)),
        (2, "TimeLimit", true.into()),
    ] {
        let mut arguments: Vec<Value> = vec!["[]".into(), 4.into(), 300.into()];
        arguments[position] = bad.clone();
        let description = exception(object.function("UpdateCards", &arguments));
        assert!(description.contains(name), "{bad:?}: {description}");
    }
    assert!(sandbox.requests().is_empty());
}

#[test]
fn the_parallelism_limits_the_number_of_connections() {
    for parallelism in [1, 3] {
        let (sandbox, object, ids) = shop(12, Options { latency: Duration::from_millis(20), ..Options::default() });
        let outcomes = update(&object, &[list(&ids).into(), parallelism.into()]);
        assert!(outcomes.iter().all(|outcome| outcome["ok"] == true));
        let most = if parallelism == 1 { 1 } else { 2 * parallelism as u64 };
        assert!((parallelism as u64..=most).contains(&sandbox.connections()), "{}", sandbox.connections());
    }
}

#[test]
fn a_refused_token_ends_the_batch() {
    let (sandbox, object, ids) = shop(5, Options::default());
    object.set("Token", "wrong").unwrap();
    let outcomes = update(&object, &[list(&ids).into(), 1.into()]);
    let kinds: Vec<_> = outcomes.iter().map(|outcome| outcome["errorKind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Unauthorized", "NotSent", "NotSent", "NotSent", "NotSent"]);
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn an_unreachable_server_ends_the_batch_after_three_cards() {
    let nobody = Nobody::new();
    let object = component_for(&nobody.url());
    object.set("Retries", 0).unwrap();
    let ids: Vec<String> = (0..6).map(|number| number.to_string()).collect();
    let outcomes = update(&object, &[list(&ids).into(), 1.into()]);
    let kinds: Vec<_> = outcomes.iter().map(|outcome| outcome["errorKind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["Connection", "Connection", "Connection", "NotSent", "NotSent", "NotSent"]);
}

#[test]
fn nothing_is_sent_after_the_time_limit_and_the_call_returns() {
    let peer = Peer::silent();
    let object = component_for(&peer.url());
    object.set("Timeout", 1.5).unwrap();
    let ids: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    prompt(Duration::from_secs_f64(2.5 + 0.3), || {
        let start = Instant::now();
        let outcomes = update(&object, &[list(&ids).into(), 2.into(), 1.into()]);
        let took = start.elapsed();
        let kinds: Vec<_> = outcomes.iter().map(|outcome| outcome["errorKind"].as_str().unwrap()).collect();
        assert_eq!(kinds[..3], ["Timeout", "Timeout", "NotSent"]);
        assert_eq!(kinds.len(), 40);
        took
    });
}

#[test]
fn a_short_pause_of_the_rate_limit_is_kept_by_the_whole_batch() {
    let (sandbox, object, ids) = shop(4, Options::default());
    sandbox.push_fault(Fault::of("updatecard").code(429).header("Retry-After", "1"));
    let start = Instant::now();
    let outcomes = update(&object, &[list(&ids).into(), 1.into()]);
    assert!(start.elapsed() >= Duration::from_secs(1));
    assert!(outcomes.iter().all(|outcome| outcome["ok"] == true), "{outcomes:?}");
    assert_eq!(sandbox.requests().len(), 5);
}

#[test]
fn a_pause_longer_than_the_timeout_ends_the_batch() {
    let (sandbox, object, ids) = shop(3, Options::default());
    sandbox.push_fault(Fault::of("updatecard").code(429).header("Retry-After", "3600"));
    let outcomes = update(&object, &[list(&ids).into(), 1.into()]);
    let kinds: Vec<_> = outcomes.iter().map(|outcome| outcome["errorKind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["RateLimited", "NotSent", "NotSent"]);
    let asked: Vec<_> = outcomes.iter().map(|outcome| outcome["retryAfter"].clone()).collect();
    assert_eq!(asked, [json!(3600), Json::Null, Json::Null]);
    let result: Json = serde_json::from_str(&text(&object, "Result")).unwrap();
    assert_eq!(result["retryAfter"], 3600);
}

#[test]
fn a_client_sees_the_progress_and_a_full_queue_does_no_harm() {
    let slow = Options { latency: Duration::from_millis(40), ..Options::default() };
    let sandbox = sandbox_with(slow);
    let object = component_with(HostOptions::default());
    set_up(&object, &sandbox.url());
    let ids: Vec<String> = (0..40).map(|number| format!("unknown{number}")).collect();
    let start = Instant::now();
    update(&object, &[list(&ids).into(), 1.into()]);

    let (events, most) = (object.events(), start.elapsed().as_millis() / 500 + 1);
    assert!((1..=most).contains(&(events.len() as u128)), "{} and not {most}, one every 500 ms", events.len());
    let mut before = 0;
    for event in &events {
        assert_eq!((event.source.as_str(), event.message.as_str()), ("Passteam", "UpdateCards"));
        let data: Json = serde_json::from_str(&event.data).unwrap();
        let done = data["done"].as_u64().unwrap();
        assert!(done > before && done <= 40);
        assert_eq!(data, json!({"done": done, "total": 40, "failed": done}));
        before = done;
    }
    let misuse = object.misuse();
    assert_eq!((misuse.calls_outside, misuse.calls_after_done), (0, 0));

    let server = component_with(HostOptions {
        event_queue: EventQueue { accepts: false, ..EventQueue::default() },
        ..HostOptions::default()
    });
    set_up(&server, &sandbox.url());
    assert_eq!(update(&server, &[list(&ids[..20]).into(), 1.into()]).len(), 20);
    assert!(server.events().is_empty());
}

#[test]
fn ten_thousand_cards_fit_into_one_call() {
    let peer = Peer::answering(http(200, &[], r#"{"code":200}"#));
    let object = component_for(&peer.url());
    let ids: Vec<String> = (0..10_000).map(|number| format!("{number:024}")).collect();
    let outcomes = update(&object, &[list(&ids).into(), 8.into()]);
    assert_eq!(outcomes.len(), 10_000);
    assert_eq!(outcomes.iter().find(|outcome| outcome["ok"] != true), None);
    // A request may take a pooled connection while its own is still being opened: that one then goes to the pool.
    assert!((8..=16).contains(&peer.connections()), "{}", peer.connections());
}

#[test]
fn descriptions_of_entries_show_no_secret() {
    let message = format!("bad {} of Иванов Иван or Петров", shop::TOKEN);
    let body = json!({"code": 400, "message": message}).to_string();
    let peer = Peer::answering(http(200, &[], &body));
    let object = component_for(&peer.url());
    let cards = json!([
        {"cardId": "a", "values": {"NAME": "Иванов Иван"}},
        {"cardId": "b", "values": {"NAME": "Петров"}},
    ]);
    let returned = object.function("UpdateCards", &[cards.to_string().into()]).unwrap().as_str().unwrap();
    assert!(returned.contains("***"), "{returned}");
    for hidden in [shop::TOKEN, "Иванов", "Петров"] {
        assert!(!returned.contains(hidden) && !text(&object, "Result").contains(hidden), "{returned}");
    }
}

#[test]
fn a_batch_works_as_a_statement_too() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    object.procedure("ОбновитьКарты", &[r#"[{"cardId": "unknown"}]"#.into()]).unwrap();
    assert_eq!(text(&object, "ErrorKind"), "NotFound");
}
