use addin_host::{HostOptions, Object, Value};
use addin_testkit::shop::{
    self, boolean, component_for, component_with, exception, number, sandbox, sandbox_with, set_up, text,
};
use passteam_sandbox::{Fault, Options};
use serde_json::{Value as Json, json};
use testkit::{Peer, http};

fn pages(object: &Object, arguments: &[Value]) -> Json {
    let returned = object.function("ПолучитьКарты", arguments).unwrap().as_str().expect("a string");
    serde_json::from_str(&returned).unwrap_or_else(|_| panic!("{returned:?}: {}", text(object, "Result")))
}

/// An object for a server that gives this answer to everything.
fn answered(body: &Json) -> (Peer, Object) {
    let peer = Peer::answering(http(200, &[], &body.to_string()));
    let object = component_for(&peer.url());
    (peer, object)
}

const ID: &str = "5d3f1a9be4b0c7a1f2e86c40";

#[test]
fn every_card_is_on_exactly_one_page() {
    let sandbox = sandbox_with(Options { cards: 120, ..Options::default() });
    let object = component_for(&sandbox.url());
    let mut ids = Vec::new();
    for page in 1.. {
        let read = pages(&object, &[page.into()]);
        ids.extend(read["cards"].as_array().unwrap().iter().map(|card| card["cardId"].as_str().unwrap().to_owned()));
        assert_eq!((text(&object, "ErrorKind").as_str(), number(&object, "Code")), ("", 200.0));
        assert!(!boolean(&object, "Unknown"));
        if read["more"] == false {
            break;
        }
    }
    let mut unique = ids.clone();
    unique.sort();
    unique.dedup();
    let mut expected: Vec<_> = sandbox.cards().into_iter().map(|card| card.id).collect();
    expected.sort();
    assert_eq!(unique, expected);
}

#[test]
fn a_card_comes_with_what_the_page_says_of_it() {
    let card = json!({"_id": ID, "cardUrl": "https://x/Ж", "installed": true, "%PHONE%": "+7900", "values": {"%BONUS%": 12.50, "other": 1}});
    let (peer, object) = answered(&json!({"code": 200, "result": {"list": [card]}}));
    object.set("TemplateId", "свой").unwrap();
    let read = pages(&object, &[]);
    let expected = json!({"cardId": ID, "cardUrl": "https://x/Ж", "installed": true, "values": {"PHONE": "+7900", "BONUS": "12.5"}});
    assert_eq!(read, json!({"cards": [expected], "more": true}));
    assert!(text(&object, "Response").contains(ID), "the answer stays to be read");
    pages(&object, &[Value::Empty, "  другой ".into()]);
    let bodies: Vec<_> =
        peer.requests().iter().map(|request| request.split("\r\n\r\n").nth(1).unwrap().to_owned()).collect();
    assert!(bodies[0].starts_with("page=1&templateId=%D1%81"), "{bodies:?}");
    assert!(bodies[1].starts_with("page=1&templateId=%D0%B4"), "{bodies:?}");
}

#[test]
fn the_walk_ends_at_an_empty_page_a_null_next_page_and_a_repeated_page() {
    let (_peer, object) = answered(&json!({"code": 200, "result": {"cards": []}}));
    assert_eq!(pages(&object, &[]), json!({"cards": [], "more": false}));
    let (_peer, object) = answered(&json!({"code": 200, "result": {"cards": [{"id": ID}], "next_page": null}}));
    assert_eq!(pages(&object, &[])["more"], false);
    let (_peer, object) = answered(&json!({"code": 200, "result": [{"cardId": ID}]}));
    assert_eq!(pages(&object, &[1.into()])["more"], true);
    assert_eq!(pages(&object, &[1.into()])["more"], true, "reading one page twice does not end the walk");
    assert_eq!(pages(&object, &[2.into()])["more"], false);
}

#[test]
fn what_is_no_list_of_cards_is_refused() {
    for result in [json!([{"id": 5}]), json!({"templates": [{"id": "short"}]}), json!({"n": 1}), json!(null)] {
        let (_peer, object) = answered(&json!({"code": 200, "result": result}));
        assert_eq!(object.function("GetCards", &[]).unwrap(), Value::from(""));
        assert_eq!(text(&object, "ErrorKind"), "BadResponse", "{result}");
        assert!(text(&object, "ErrorDescription").contains("карт"), "{}", text(&object, "ErrorDescription"));
    }
}

#[test]
fn a_failure_gives_an_empty_string_and_fills_the_results() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    object.set("Token", "wrong").unwrap();
    object.procedure("SetValue", &["NAME".into(), "x".into()]).unwrap();
    assert_eq!(object.function("GetCards", &[]).unwrap(), Value::from(""));
    assert_eq!((text(&object, "ErrorKind").as_str(), number(&object, "Code")), ("Unauthorized", 401.0));
    object.set("Token", shop::TOKEN).unwrap();
    // A page is read again where an update is sent again.
    sandbox.push_fault(Fault::default().status(502));
    assert_eq!(pages(&object, &[1.into()])["cards"], json!([]));
    assert_eq!(sandbox.requests().len(), 3);
}

#[test]
fn a_turn_that_does_not_come_in_time_is_a_rate_limit() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    object.set("RequestsPerMinute", 1).unwrap();
    // The next turn comes much later, and that is known at once.
    object.set("Timeout", 20).unwrap();
    pages(&object, &[]);
    assert_eq!(object.function("GetCards", &[]).unwrap(), Value::from(""));
    assert_eq!(text(&object, "ErrorKind"), "RateLimited");
    let result: Json = serde_json::from_str(&text(&object, "Result")).unwrap();
    let seconds = result["retryAfter"].as_u64().unwrap();
    assert!((1..=60).contains(&seconds), "{result}");
    assert!(text(&object, "ErrorDescription").contains("ЗапросовВМинуту"));
    assert_eq!(sandbox.requests().len(), 1);
}

#[test]
fn what_is_wrong_with_a_parameter_is_an_exception() {
    let sandbox = sandbox();
    let object = component_for(&sandbox.url());
    for bad in [Value::I4(0), Value::I4(-1), Value::R8(1.5), "1".into(), true.into()] {
        let description = exception(object.function("GetCards", std::slice::from_ref(&bad)));
        assert!(description.contains("Страница") && description.contains("Page"), "{bad:?}: {description}");
    }
    assert!(exception(object.function("GetCards", &[1.into(), 5.into()])).contains("TemplateId"));
    object.set("Token", "").unwrap();
    assert!(exception(object.function("GetCards", &[])).contains("Токен"));
    assert!(sandbox.requests().is_empty());
}

#[test]
fn its_texts_exist_in_english() {
    let english = || component_with(HostOptions { locale: Some("en_US".to_owned()), ..HostOptions::default() });
    for (result, part) in [(json!([{"id": 5}]), "not one of cards"), (json!({"n": 1}), "no list of cards")] {
        let peer = Peer::answering(http(200, &[], &json!({"code": 200, "result": result}).to_string()));
        let object = english();
        set_up(&object, &peer.url());
        object.procedure("GetCards", &[]).unwrap();
        let description = text(&object, "ErrorDescription");
        assert!(description.contains(part) && description.is_ascii(), "{description}");
    }
    let sandbox = sandbox();
    let object = english();
    set_up(&object, &sandbox.url());
    object.set("RequestsPerMinute", 1).unwrap();
    // The next turn comes much later, and that is known at once.
    object.set("Timeout", 20).unwrap();
    pages(&object, &[]);
    object.procedure("GetCards", &[]).unwrap();
    let description = text(&object, "ErrorDescription");
    assert!(description.contains("RequestsPerMinute") && description.is_ascii(), "{description}");
    for description in
        [exception(object.function("GetCards", &[0.into()])), exception(object.set("RequestsPerMinute", 1.5))]
    {
        assert!(!description.contains("параметр") && !description.contains("свойств"), "{description}");
    }
}
