//! The methods of the service: results, rules and refusals.

use std::collections::HashSet;
use std::sync::Barrier;

use passteam_sandbox::{DEFAULT_TEMPLATE_ID, Limits, Options, Sandbox, Shape, Template};
use serde_json::json;

use crate::support::{Client, TOKEN, plain, start};

#[test]
fn a_card_is_created_with_an_id_and_a_link_that_contains_an_encoded_space() {
    let (sandbox, client) = plain();
    let reply = client.call(
        "createcard",
        &[
            ("templateId", DEFAULT_TEMPLATE_ID),
            ("values[%CLIENT_NAME%]", "Анна & Ко"),
            ("values[%PHONE%]", "79161234567"),
        ],
    );
    let id = reply.card_id();
    let card = sandbox.card(&id).unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["content-type"], "application/json; charset=utf-8");
    assert_eq!(
        reply.json(),
        json!({"result": {"cardId": id, "cardUrl": card.url}, "message": "OK", "code": 200, "error": false})
    );
    assert!(id.len() == 24 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert!(card.url.contains("%20"), "{}", card.url);
    assert_eq!((card.template_id.as_str(), card.installed), (DEFAULT_TEMPLATE_ID, false));
    assert_eq!(
        card.variables,
        [("CLIENT_NAME".into(), "Анна & Ко".into()), ("PHONE".into(), "79161234567".to_owned())]
    );
    assert_eq!(card.get("CLIENT_NAME"), Some("Анна & Ко"));
    assert_eq!(card.get("client_name"), None, "names are case-sensitive");
}

#[test]
fn an_update_changes_only_the_given_variables_and_returns_the_card() {
    let (sandbox, client) = plain();
    let id = client
        .call(
            "createcard",
            &[
                ("templateId", DEFAULT_TEMPLATE_ID),
                ("values[%PHONE%]", "7"),
                ("values[%BONUS%]", "0"),
                ("values[%EMAIL%]", "a@b"),
            ],
        )
        .card_id();
    let reply =
        client.call("updatecard", &[("cardId", &id), ("values[%BONUS%]", "12500.50"), ("values[%NEW%]", "+ &=%[]😀")]);
    let card = sandbox.card(&id).unwrap();
    assert_eq!(
        reply.json(),
        json!({
            "result": {"card": {
                "cardId": id, "cardUrl": card.url, "templateId": DEFAULT_TEMPLATE_ID, "installed": false,
                "%PHONE%": "7", "%BONUS%": "12500.50", "%EMAIL%": "a@b", "%NEW%": "+ &=%[]😀",
            }},
            "message": "OK", "code": 200, "error": false
        })
    );
    assert_eq!(
        card.variables.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["PHONE", "BONUS", "EMAIL", "NEW"]
    );
    assert_eq!(card.get("BONUS"), Some("12500.50"));
}

#[test]
fn an_update_tells_whether_the_customer_has_installed_the_card() {
    let (sandbox, client) = plain();
    let id = client.create("7");
    let installed = || client.call("updatecard", &[("cardId", &id)]).json()["result"]["card"]["installed"].clone();
    assert_eq!(installed(), false);
    assert!(sandbox.set_installed(&id, true));
    assert_eq!(installed(), true);
    assert!(sandbox.set_installed(&id, false));
    assert_eq!(installed(), false);
    assert!(!sandbox.set_installed("no such card", true));
}

#[test]
fn a_wrong_or_missing_token_is_unauthorized_and_nothing_is_done() {
    let (sandbox, client) = plain();
    let form = format!("templateId={DEFAULT_TEMPLATE_ID}&values[%PHONE%]=7");
    let form_type = ("Content-Type", "application/x-www-form-urlencoded");
    let bearer = format!("Bearer {TOKEN}");
    for headers in [
        &[form_type][..],
        &[form_type, ("Authorization", "")],
        &[form_type, ("Authorization", "Test-token")],
        &[form_type, ("Authorization", &bearer)],
    ] {
        let reply = client.raw("/oapi/v1/createcard", headers, Some(&form));
        assert_eq!((reply.status, reply.code()), (200, 401), "{headers:?}");
    }
    assert_eq!(client.raw("/oapi/v1/nosuchmethod", &[], Some("")).code(), 401, "the token is checked first");
    assert!(sandbox.cards().is_empty());
    assert_eq!(client.raw("/oapi/v1/createcard", &[form_type, ("Authorization", TOKEN)], Some(&form)).code(), 200);
}

#[test]
fn only_posts_are_carried_out() {
    let (_sandbox, client) = plain();
    let reply = client.raw("/oapi/v1/gettemplates", &[("Authorization", TOKEN)], None);
    assert_eq!((reply.status, reply.code()), (200, 405));
}

#[test]
fn only_forms_are_understood() {
    let (sandbox, client) = plain();
    let json = [("Authorization", TOKEN), ("Content-Type", "application/json")];
    assert_eq!(client.raw("/oapi/v1/createcard", &json, Some("{}")).code(), 415);
    let charset = [("Authorization", TOKEN), ("Content-Type", "Application/X-WWW-Form-URLencoded; charset=utf-8")];
    let form = format!("templateId={DEFAULT_TEMPLATE_ID}&values%5B%25PHONE%25%5D=7");
    assert_eq!(client.raw("/oapi/v1/createcard", &charset, Some(&form)).code(), 200);
    assert_eq!(sandbox.cards()[0].get("PHONE"), Some("7"));
}

#[test]
fn method_names_are_matched_exactly() {
    let (sandbox, client) = plain();
    for unknown in ["createCard", "CREATECARD", "create%63ard", "createcard/", "getatoken", "updatecards", "", "a/b"] {
        let reply = client.call(unknown, &[("templateId", DEFAULT_TEMPLATE_ID), ("values[%PHONE%]", "7")]);
        assert_eq!((reply.status, reply.code()), (200, 404), "{unknown}");
        assert_eq!(reply.json()["error"], true);
        assert_eq!(reply.json()["result"], json!(null));
    }
    let elsewhere = client.raw("/oapi/v2/createcard", &[("Authorization", TOKEN)], Some(""));
    assert_eq!(elsewhere.code(), 404);
    assert!(sandbox.cards().is_empty());
}

#[test]
fn an_unknown_template_or_card_is_not_found() {
    let (sandbox, client) = plain();
    for form in [&[("values[%PHONE%]", "7")][..], &[("templateId", "other"), ("values[%PHONE%]", "7")]] {
        let reply = client.call("createcard", form);
        assert_eq!((reply.code(), reply.message().as_str()), (404, "Template not found."));
    }
    for form in [&[("values[%BONUS%]", "7")][..], &[("cardId", "000000000000000000000000")]] {
        let reply = client.call("updatecard", form);
        assert_eq!((reply.code(), reply.message().as_str()), (404, "Card not found."));
    }
    assert!(sandbox.cards().is_empty());
}

#[test]
fn a_phone_is_required() {
    let (sandbox, client) = plain();
    let template = ("templateId", DEFAULT_TEMPLATE_ID);
    for form in [&[template][..], &[template, ("values[%PHONE%]", "")], &[template, ("values[%phone%]", "7")]] {
        let reply = client.call("createcard", form);
        assert_eq!((reply.status, reply.code()), (200, 500));
        assert_eq!(reply.message(), "Provided field (PHONE) is unique and must be set.");
    }
    let id = client.create("7");
    assert_eq!(client.call("updatecard", &[("cardId", &id), ("values[%PHONE%]", "")]).code(), 500);
    assert_eq!(sandbox.cards().len(), 1);
}

#[test]
fn a_phone_belongs_to_one_card() {
    let (sandbox, client) = plain();
    client.create("1");
    let second = client.create("2");
    let create = client.call("createcard", &[("templateId", DEFAULT_TEMPLATE_ID), ("values[%PHONE%]", "1")]);
    assert_eq!((create.status, create.code()), (200, 409));
    assert!(create.message().contains("PHONE"), "{}", create.message());
    let update = client.call("updatecard", &[("cardId", &second), ("values[%BONUS%]", "5"), ("values[%PHONE%]", "1")]);
    assert_eq!(update.code(), 409);
    assert_eq!(sandbox.cards().len(), 2);
    assert_eq!(sandbox.card(&second).unwrap().variables, [("PHONE".to_owned(), "2".to_owned())]);
}

#[test]
fn of_simultaneous_creations_with_one_phone_exactly_one_wins() {
    const CALLERS: usize = 8;
    let (sandbox, _) = plain();
    let barrier = Barrier::new(CALLERS);
    let mut codes: Vec<i64> = std::thread::scope(|scope| {
        let call = || {
            let client = Client::new(&sandbox);
            barrier.wait();
            client.call("createcard", &[("templateId", DEFAULT_TEMPLATE_ID), ("values[%PHONE%]", "7")]).code()
        };
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(call)).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    codes.sort_unstable();
    assert_eq!(codes, [&[200][..], &[409; CALLERS - 1]].concat());
    assert_eq!(sandbox.cards().len(), 1);
}

#[test]
fn the_unique_variables_can_be_chosen() {
    let sandbox = start(Options { unique: vec!["EMAIL".into()], ..Options::default() });
    let client = Client::new(&sandbox);
    let create = |name, value| {
        let reply = client.call("createcard", &[("templateId", DEFAULT_TEMPLATE_ID), (name, value)]);
        (reply.code(), reply.message())
    };
    assert_eq!(create("values[%PHONE%]", "7"), (500, "Provided field (EMAIL) is unique and must be set.".to_owned()));
    assert_eq!(create("values[%EMAIL%]", "a").0, 200);
    assert_eq!(create("values[%EMAIL%]", "a").0, 409);

    let free = start(Options { unique: Vec::new(), ..Options::default() });
    let client = Client::new(&free);
    assert_eq!(client.call("createcard", &[("templateId", DEFAULT_TEMPLATE_ID)]).code(), 200);
}

#[test]
fn a_variable_without_percent_signs_is_refused() {
    let (sandbox, client) = plain();
    let id = client.create("7");
    for field in ["values[BONUS]", "values[%BONUS%", "values[%%]", "values[]", "values", "values%BONUS%"] {
        let reply = client.call("updatecard", &[("cardId", &id), (field, "1")]);
        assert_eq!(reply.code(), 400, "{field}");
        assert!(reply.message().contains(field), "{}", reply.message());
    }
    assert_eq!(sandbox.card(&id).unwrap().variables.len(), 1);
    let odd = client.call("updatecard", &[("cardId", &id), ("values[%]%]", "1"), ("other", "ignored")]);
    assert_eq!(odd.code(), 200);
    assert_eq!(sandbox.card(&id).unwrap().get("]"), Some("1"));
}

#[test]
fn values_of_several_megabytes_are_kept_and_returned() {
    let (sandbox, client) = plain();
    let id = client.create("7");
    let long = "щ%& ".repeat(1_000_000);
    let reply = client.call("updatecard", &[("cardId", &id), ("values[%NOTE%]", &long)]);
    assert!(reply.json()["result"]["card"]["%NOTE%"] == long.as_str());
    assert!(sandbox.card(&id).unwrap().get("NOTE") == Some(&long));
}

#[test]
fn templates_are_listed() {
    let templates = vec![Template { id: "a1".into(), name: "Золотая".into() }, "b2".into()];
    let sandbox = start(Options { templates, ..Options::default() });
    let client = Client::new(&sandbox);
    assert_eq!(
        client.call("gettemplates", &[]).json()["result"],
        json!([{"templateId": "a1", "name": "Золотая"}, {"templateId": "b2", "name": "Карта лояльности"}])
    );
    let form = [("templateId", "b2"), ("values[%PHONE%]", "7")];
    assert_eq!(sandbox.card(&client.call("createcard", &form).card_id()).unwrap().template_id, "b2");
    assert_eq!(client.call("createcard", &[("templateId", DEFAULT_TEMPLATE_ID)]).code(), 404);
}

#[test]
fn cards_are_listed_by_pages_of_at_most_fifty() {
    let (_sandbox, client) = plain();
    let ids: Vec<String> = (0..53).map(|phone| client.create(&phone.to_string())).collect();
    let page = |form: &[(&str, &str)]| {
        let reply = client.call("getCardsWithPagination", form);
        let result = reply.json()["result"].clone();
        let ids: Vec<String> =
            result["cards"].as_array().unwrap().iter().map(|card| card["cardId"].as_str().unwrap().into()).collect();
        (
            ids,
            json!([
                result["page"],
                result["limit"],
                result["total"],
                result["pages"],
                result["previousPage"],
                result["nextPage"]
            ]),
        )
    };
    assert_eq!(page(&[]), (ids[..50].to_vec(), json!([1, 50, 53, 2, null, 2])));
    assert_eq!(page(&[("page", "2")]), (ids[50..].to_vec(), json!([2, 50, 53, 2, 1, null])));
    assert_eq!(page(&[("page", "2"), ("limit", "20")]), (ids[20..40].to_vec(), json!([2, 20, 53, 3, 1, 3])));
    assert_eq!(page(&[("page", "9")]), (vec![], json!([9, 50, 53, 2, 8, null])));
    assert_eq!(page(&[("page", &usize::MAX.to_string())]).0, Vec::<String>::new());

    let card = &client.call("getCardsWithPagination", &[("limit", "1")]).json()["result"]["cards"][0];
    assert_eq!((&card["%PHONE%"], &card["installed"]), (&json!("0"), &json!(false)));

    for form in [("page", "0"), ("page", "x"), ("page", "-1"), ("limit", "0"), ("limit", "51"), ("limit", "")] {
        assert_eq!(client.call("getCardsWithPagination", &[form]).code(), 400, "{form:?}");
    }
}

#[test]
fn cards_are_listed_by_template() {
    let sandbox = start(Options { templates: vec!["a".into(), "b".into()], ..Options::default() });
    let client = Client::new(&sandbox);
    let create =
        |template, phone| client.call("createcard", &[("templateId", template), ("values[%PHONE%]", phone)]).card_id();
    let (first, _other, second) = (create("a", "1"), create("b", "2"), create("a", "3"));
    let list = |template| client.call("getCardsWithPagination", &[("templateId", template)]).json();
    let result = &list("a")["result"];
    assert_eq!(result["total"], 2);
    assert_eq!((&result["cards"][0]["cardId"], &result["cards"][1]["cardId"]), (&json!(first), &json!(second)));
    assert_eq!(list("c")["code"], 404);
}

/// Options with two templates and a shape.
fn shaped(shape: &str) -> (Sandbox, Client) {
    let templates = vec!["a".into(), "b".into()];
    let sandbox = start(Options { templates, shape: shape.parse().unwrap(), cards: 3, ..Options::default() });
    let client = Client::new(&sandbox);
    (sandbox, client)
}

#[test]
fn one_card_is_read_by_its_id() {
    let (sandbox, client) = plain();
    let form = [("templateId", DEFAULT_TEMPLATE_ID), ("values[%PHONE%]", "7"), ("values[%SALE%]", "50% & %PHONE%")];
    let id = client.call("createcard", &form).card_id();
    let url = &sandbox.cards()[0].url;
    assert_eq!(
        client.call("getcard", &[("cardId", &id)]).json()["result"],
        json!({"card": {
            "cardId": id, "cardUrl": url, "templateId": DEFAULT_TEMPLATE_ID, "installed": false,
            "%PHONE%": "7", "%SALE%": "50% & %PHONE%",
        }})
    );
    for form in [&[][..], &[("cardId", "000000000000000000000000")]] {
        assert_eq!(client.call("getcard", form).code(), 404);
    }
}

#[test]
fn getcards_is_paged_too() {
    let sandbox = start(Options { cards: 53, ..Options::default() });
    let client = Client::new(&sandbox);
    for form in [&[][..], &[("page", "2")], &[("page", "3")], &[("page", "2"), ("limit", "7")]] {
        let [short, long] = ["getcards", "getCardsWithPagination"].map(|method| client.call(method, form).json());
        assert_eq!(short, long, "{form:?}");
    }
    assert_eq!(client.call("getcards", &[]).json()["result"]["cards"].as_array().unwrap().len(), 50);
    assert_eq!(client.call("getcards", &[("limit", "51")]).code(), 400);
}

#[test]
fn a_list_can_be_the_result_itself_with_the_numbers_beside_it() {
    let (sandbox, client) = shaped("list=result,id=_id,variables=values");
    let answer = client.call("getCardsWithPagination", &[("limit", "2")]).json();
    let cards = sandbox.cards();
    assert_eq!(
        answer["result"][0],
        json!({
            "_id": cards[0].id, "cardUrl": cards[0].url, "templateId": "a", "installed": false,
            "values": {"%CLIENT_NAME%": "Анна А.", "%PHONE%": "79000000000", "%BONUS%": "0.50", "%DISCOUNT%": "0%"},
        })
    );
    assert_eq!(answer["result"].as_array().unwrap().len(), 2);
    let numbers = ["page", "limit", "total", "pages", "previousPage", "nextPage"].map(|name| answer[name].clone());
    assert_eq!(json!(numbers), json!([1, 2, 3, 2, null, 2]));
    assert_eq!((&answer["code"], &answer["error"]), (&json!(200), &json!(false)));
}

#[test]
fn names_can_be_chosen_and_numbers_left_out() {
    let (_sandbox, client) = shaped("list=items,id=id,page=current,limit=,total=Всего,pages=,previous=,next=next_page");
    let result = client.call("getCardsWithPagination", &[("limit", "2"), ("page", "2")]).json()["result"].clone();
    let names: Vec<&String> = result.as_object().unwrap().keys().collect();
    assert_eq!(names, ["current", "items", "next_page", "Всего"]);
    assert_eq!(json!([result["current"], result["next_page"], result["Всего"]]), json!([2, null, 3]));
    assert_eq!(
        (&result["items"][0]["id"].as_str().unwrap().len(), &result["items"][0]["%PHONE%"]),
        (&24, &json!("79000000002"))
    );
}

#[test]
fn the_shape_of_single_cards_and_templates_can_be_chosen() {
    let (sandbox, client) = shaped("card=result,templates=list,id=_id,variables=values");
    let id = &sandbox.cards()[0].id;
    let card = client.call("getcard", &[("cardId", id)]).json()["result"].clone();
    assert_eq!((&card["_id"], &card["values"]["%PHONE%"]), (&json!(id), &json!("79000000000")));
    assert_eq!(
        client.call("gettemplates", &[]).json()["result"],
        json!({"list": [{"_id": "a", "name": "Карта лояльности"}, {"_id": "b", "name": "Карта лояльности"}]})
    );
}

#[test]
fn published_answers_keep_their_shape() {
    let (sandbox, client) = shaped("list=result,card=result,id=_id,variables=values");
    let created = client.call("createcard", &[("templateId", "b"), ("values[%PHONE%]", "7")]);
    let card = sandbox.card(&created.card_id()).unwrap();
    assert_eq!(created.json()["result"], json!({"cardId": card.id, "cardUrl": card.url}));
    let updated = client.call("updatecard", &[("cardId", &card.id)]).json();
    assert_eq!(
        (&updated["result"]["card"]["cardId"], &updated["result"]["card"]["%PHONE%"]),
        (&json!(card.id), &json!("7"))
    );
}

#[test]
fn the_shape_can_be_changed_at_any_time() {
    let (sandbox, client) = plain();
    let id = client.create("7");
    let shape: Shape = "card=result,id=id".parse().unwrap();
    assert_eq!(client.call("getcard", &[("cardId", &id)]).json()["result"]["card"]["cardId"], json!(id));
    sandbox.set_shape(shape.clone());
    assert_eq!(sandbox.shape(), shape);
    assert_eq!(client.call("getcard", &[("cardId", &id)]).json()["result"]["id"], json!(id));
}

#[test]
fn a_request_over_a_limit_is_refused_with_the_time_to_wait() {
    for (limits, seconds) in [("minute=2", 60), ("hour=2", 3600), ("minute=1000,day=2", 86_400)] {
        let sandbox = start(Options { limits: limits.parse().unwrap(), ..Options::default() });
        let client = Client::new(&sandbox);
        client.create("1");
        assert_eq!(client.call("gettemplates", &[]).code(), 200);
        let refused = client.call("createcard", &[("templateId", DEFAULT_TEMPLATE_ID), ("values[%PHONE%]", "2")]);
        assert_eq!((refused.status, refused.code()), (429, 429), "{limits}");
        let wait: u64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=seconds).contains(&wait) && (seconds < 3600 || wait > 60), "{limits}: {wait}");
        assert_eq!(sandbox.cards().len(), 1, "a refused request is not carried out");
    }
}

#[test]
fn limits_can_be_changed_at_any_time_and_then_count_anew() {
    let (sandbox, client) = plain();
    assert_eq!(sandbox.limits(), Limits::default());
    client.create("1");
    let limits: Limits = "day=1".parse().unwrap();
    sandbox.set_limits(limits);
    assert_eq!(sandbox.limits(), limits);
    let code = || client.call("gettemplates", &[]).code();
    assert_eq!([code(), code()], [200, 429]);
    sandbox.set_limits(limits);
    assert_eq!([code(), code()], [200, 429]);
    sandbox.set_limits(Limits::default());
    assert_eq!([code(), code()], [200, 200]);
}

#[test]
fn a_wrong_token_does_not_use_up_the_limit() {
    let sandbox = start(Options { limits: "minute=1".parse().unwrap(), ..Options::default() });
    let client = Client::new(&sandbox);
    for _ in 0..3 {
        assert_eq!(client.raw("/oapi/v1/gettemplates", &[("Authorization", "other")], Some("")).code(), 401);
    }
    assert_eq!(client.call("gettemplates", &[]).code(), 200);
}

#[test]
fn sample_cards_are_made_at_start_and_later() {
    let unique = vec!["PHONE".into(), "EMAIL".into(), "BONUS".into()];
    let sandbox = start(Options { cards: 20, unique, ..Options::default() });
    sandbox.add_cards(10).unwrap();
    let cards = sandbox.cards();
    assert_eq!(cards.len(), 30);
    assert_eq!((cards[0].get("PHONE"), cards[29].get("PHONE")), (Some("79000000000"), Some("79000000029")));
    assert_eq!((cards[29].get("EMAIL"), cards[29].get("BONUS")), (Some("email-000000029"), Some("bonus-000000029")));
    let client = Client::new(&sandbox);
    let form = [("cardId", cards[29].id.as_str()), ("values[%BONUS%]", "bonus-000000000")];
    assert_eq!(client.call("updatecard", &form).code(), 409, "they obey the rules of the account");
}

#[test]
fn sample_cards_need_a_template_and_free_phones() {
    let error = Sandbox::start(Options { templates: Vec::new(), cards: 1, ..Options::default() }).err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    let (sandbox, client) = plain();
    client.create("79000000002");
    assert!(sandbox.add_cards(2).is_err(), "its phone is used by the second sample");
    assert_eq!(sandbox.cards().len(), 2, "the first one is made");
}

#[test]
fn a_hundred_thousand_cards_are_read_page_by_page() {
    const CARDS: usize = 100_000;
    let sandbox = start(Options { cards: CARDS, templates: vec!["a".into(), "b".into()], ..Options::default() });
    let client = Client::new(&sandbox);
    let mut seen = HashSet::new();
    let mut page = json!(1);
    while let Some(number) = page.as_u64() {
        let form = [("templateId", "b"), ("page", &number.to_string())];
        let result = client.call("getCardsWithPagination", &form).json()["result"].clone();
        assert_eq!((&result["total"], &result["pages"]), (&json!(CARDS / 2), &json!(CARDS / 2 / 50)));
        seen.extend(
            result["cards"].as_array().unwrap().iter().map(|card| card["%PHONE%"].as_str().unwrap().to_owned()),
        );
        page = result["nextPage"].clone();
    }
    assert_eq!(seen.len(), CARDS / 2);
}
