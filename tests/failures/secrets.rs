//! No text that the component writes shows the token, the proxy's password or a customer's data, whichever failure it reports.

use std::fmt::Write as _;

use addin_host::{Library, Object, Value};
use addin_testkit::apart;
use addin_testkit::shop::{self, text};
use serde_json::json;
use testkit::{Peer, eventually, http, http_closing, test_path};

use crate::table::{Case, attempt, cases, for_each};

const TOKEN: &str = r#"MARKED-TOKEN/+=&%41"\'x~*"#;
const PHONE: &str = "+7 (916) 765-43-21";
const NAME: &str = r#"Константин "Маркер" О'Нил + & \ 😀"#;
const PASSWORD: &str = "ПарольМаркер+%@:/ x";
/// [`PASSWORD`] as it is written in the property `Proxy`.
const ENCODED_PASSWORD: &str =
    "%D0%9F%D0%B0%D1%80%D0%BE%D0%BB%D1%8C%D0%9C%D0%B0%D1%80%D0%BA%D0%B5%D1%80%2B%25%40%3A%2F%20x";

/// Parts of the secrets that are long enough to occur nowhere else.
const MARKS: [&str; 5] = ["MARKED-TOKEN", "765-43-21", "Константин", "Маркер", "ПарольМаркер"];

/// A way to encode a text inside another one.
type Spelling = fn(&str) -> String;

const SPELLINGS: [(&str, Spelling); 9] = [
    ("plain", str::to_owned),
    ("form", |text| form_urlencoded::byte_serialize(text.as_bytes()).collect()),
    ("form, lower case", |text| lower_case_hex(&form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>())),
    ("percent", percent_encoded),
    ("percent, lower case", |text| lower_case_hex(&percent_encoded(text))),
    ("percent, only where a URI must", |text| {
        percent_encoded(text).replace("%2B", "+").replace("%26", "&").replace("%2F", "/")
    }),
    ("JSON", json_escaped),
    ("JSON in ASCII", |text| json_in_ascii(text, |unit| format!("\\u{unit:04x}"))),
    ("JSON in ASCII, upper case", |text| json_in_ascii(text, |unit| format!("\\u{unit:04X}")).replace('/', "\\/")),
];

fn percent_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

fn lower_case_hex(text: &str) -> String {
    let mut lowered = String::new();
    let mut digits = 0;
    for letter in text.chars() {
        let is_digit = digits > 0;
        digits = if letter == '%' { 2 } else { digits.max(1) - 1 };
        lowered.push(if is_digit { letter.to_ascii_lowercase() } else { letter });
    }
    lowered
}

fn json_escaped(text: &str) -> String {
    let quoted = serde_json::to_string(text).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

fn json_in_ascii(text: &str, escape: fn(u16) -> String) -> String {
    json_escaped(text)
        .chars()
        .map(|letter| {
            if letter.is_ascii() {
                letter.to_string()
            } else {
                letter.encode_utf16(&mut [0; 2]).iter().map(|unit| escape(*unit)).collect()
            }
        })
        .collect()
}

/// Every mark in every spelling.
fn marks() -> Vec<String> {
    let mut marks: Vec<String> =
        MARKS.iter().flat_map(|mark| SPELLINGS.map(|(_, spell)| spell(mark).to_lowercase())).collect();
    // "user:ПарольМа" in base64: the beginning of what is sent to a proxy (RFC 7617).
    marks.push("dXNlcjrQn9Cw0YDQvtC70YzQnNCw".to_lowercase());
    marks.sort();
    marks.dedup();
    marks
}

fn assert_shows_no_secret(what: &str, said: &str) {
    let said = said.to_lowercase();
    for mark in marks() {
        assert!(!said.contains(&mark), "{what} shows {mark}: {said}");
    }
}

/// All texts of an object, except the server's own answer.
fn everything_said(object: &Object) -> String {
    let mut said = String::new();
    for (name, _) in object.property_names() {
        if name == "Response" || !object.raw_is_readable(object.find_property(&name).unwrap() as i32) {
            continue;
        }
        let value = object.get(&name).unwrap();
        writeln!(said, "{name}: {}", value.as_str().unwrap_or_else(|| format!("{value:?}"))).unwrap();
    }
    for error in object.take_errors() {
        writeln!(said, "AddError {error} {}", error.description).unwrap();
    }
    for event in object.take_events() {
        writeln!(said, "event {} {} {}", event.source, event.message, event.data).unwrap();
    }
    writeln!(said, "{:?} {:?}", object.status_line(), object.dialogs()).unwrap();
    said
}

fn plant(object: &Object) {
    object.set("Token", TOKEN).unwrap();
    object.procedure("SetValue", &["PHONE".into(), PHONE.into()]).unwrap();
    object.procedure("SetValue", &["CLIENT_NAME".into(), NAME.into()]).unwrap();
}

fn proxy_with_password(address: &str) -> String {
    format!("http://user:{ENCODED_PASSWORD}@{address}")
}

/// Runs a test in a process of its own, and searches its output for secrets.
fn rerun_and_search(path: &str) -> bool {
    let Some(output) = apart::rerun(path, |_| {}) else { return false };
    for bytes in [&output.stdout, &output.stderr] {
        assert_shows_no_secret("the process's output", &String::from_utf8_lossy(bytes));
    }
    true
}

#[test]
fn the_marks_are_found_in_every_spelling() {
    for secret in [TOKEN, PHONE, NAME, PASSWORD] {
        for (name, spell) in SPELLINGS {
            let spelled = spell(secret).to_lowercase();
            assert!(marks().iter().any(|mark| spelled.contains(mark)), "{name}: {spelled}");
        }
    }
}

/// The arguments of a method that returns a string.
fn batch_or_page(method: &str) -> Option<Vec<Value>> {
    let values = json!({"PHONE": PHONE, "CLIENT_NAME": NAME});
    match method {
        "UpdateCards" => {
            Some(vec![json!([{"cardId": "5f0c1d2e3b4a596877660000", "values": values}]).to_string().into()])
        }
        "CreateCards" => Some(vec![json!([{"key": "1", "values": values}]).to_string().into()]),
        "GetCards" => Some(vec![]),
        _ => None,
    }
}

/// Makes a call that fails; returns all texts that it leaves, the journal and a batch's result included.
fn fail(object: &Object, method: &str) -> String {
    let journal = tempfile::NamedTempFile::new().unwrap();
    object.set("LogFile", journal.path().to_str().unwrap()).unwrap();
    plant(object);
    let mut said = String::new();
    if let Some(arguments) = batch_or_page(method) {
        said = object.function(method, &arguments).unwrap().as_str().unwrap();
        assert_ne!(text(object, "ErrorKind"), "");
    } else {
        assert!(!attempt(object, method));
    }
    let read = || std::fs::read_to_string(journal.path()).unwrap();
    // A slow disk gets the lines a little later.
    eventually("the journal has a line", || !read().is_empty());
    let journal = read();
    said + &journal + &everything_said(object)
}

fn play(case: &Case) {
    for (method, language) in
        [("CreateCard", "ru"), ("UpdateCard", "en"), ("UpdateCards", "ru"), ("CreateCards", "en"), ("GetCards", "ru")]
    {
        let object = shop::component();
        object.set_ui_language(language);
        let mut stage = case.stage();
        stage.set_up(&object);
        let proxy = text(&object, "Proxy");
        if let Some(address) = proxy.strip_prefix("http://") {
            object.set("Proxy", proxy_with_password(address)).unwrap();
        }
        object.set("Timeout", case.timeout()).unwrap();
        let said = fail(&object, method);
        assert_eq!(text(&object, "ErrorKind"), case.kind, "{method}: {}", text(&object, "ErrorDescription"));
        assert_shows_no_secret(case.name, &said);
    }
}

#[test]
fn no_failure_of_the_table_shows_a_secret() {
    if !rerun_and_search(test_path!(no_failure_of_the_table_shows_a_secret)) {
        for_each(&cases(), play);
    }
}

/// A server that quotes the request in its answer.
fn echo(code: u16, message: &'static (impl Fn(&str) -> String + Sync)) -> Peer {
    Peer::start(move |mut connection| {
        if let Some(request) = connection.read_request() {
            let body = json!({"code": code, "message": message(&request), "result": message(&request)}).to_string();
            connection.send(http_closing(200, &[], &body));
        }
    })
}

fn quote_body(request: &str) -> String {
    request.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn assert_echo_is_hidden(what: &str, peer: &Peer) {
    for method in ["CreateCard", "UpdateCard", "UpdateCards", "CreateCards"] {
        let object = shop::component_for(&peer.url());
        // The server is the proxy as well, so that it sees the password, too.
        object.set("Proxy", proxy_with_password(&peer.address().to_string())).unwrap();
        object.set("Retries", 0).unwrap();
        let said = fail(&object, method);
        let description = text(&object, "ErrorDescription");
        assert!(description.contains("***"), "{what}: {description}");
        assert_shows_no_secret(what, &said);
    }
}

#[test]
fn a_server_that_quotes_a_secret_is_not_quoted_with_it() {
    if rerun_and_search(test_path!(a_server_that_quotes_a_secret_is_not_quoted_with_it)) {
        return;
    }
    for (name, spell) in SPELLINGS {
        for secret in [TOKEN, PHONE, NAME, PASSWORD] {
            for code in [400, 401, 503] {
                let spelled = spell(secret);
                let message = move |_: &str| format!("What is {spelled}? And what {spelled}{spelled}");
                let message: &'static _ = Box::leak(Box::new(message));
                assert_echo_is_hidden(&format!("{name}, {code}"), &echo(code, message));
            }
            let field = format!("Provided field ({}) is unique and must be set.", spell(secret));
            let message: &'static _ = Box::leak(Box::new(move |_: &str| field.clone()));
            assert_echo_is_hidden(&format!("{name}, a field"), &echo(500, message));
        }
    }
    assert_echo_is_hidden("the whole request", &echo(400, &str::to_owned));
    assert_echo_is_hidden("the request's body", &echo(400, &quote_body));
}

/// A service that repeats the token where it speaks of a card: the link goes to a customer, the id into the journal.
#[test]
fn a_service_that_shows_the_token_in_a_card_is_not_believed() {
    if rerun_and_search(test_path!(a_service_that_shows_the_token_in_a_card_is_not_believed)) {
        return;
    }
    for (name, spell) in SPELLINGS {
        for secret in [TOKEN, PASSWORD] {
            let shown = spell(secret);
            let url = format!("https://x.example/{shown}");
            let listed =
                json!({"cardId": "5f0c1d2e3b4a596877660000", "cardUrl": url, "%A%": shown, "values": {"%B%": shown}});
            let result = json!({"cardId": shown, "cardUrl": url, "list": [listed]});
            let peer = Peer::answering(http(200, &[], &json!({"code": 200, "result": result}).to_string()));
            let object = shop::component_for(&peer.url());
            object.set("Proxy", proxy_with_password(&peer.address().to_string())).unwrap();
            let journal = tempfile::NamedTempFile::new().unwrap();
            object.set("LogFile", journal.path().to_str().unwrap()).unwrap();
            object.set("Token", TOKEN).unwrap();
            let mut said = String::new();
            assert!(attempt(&object, "CreateCard"), "{}", text(&object, "Result"));
            said += &everything_said(&object);
            for (method, arguments) in [
                ("CreateCards", vec![r#"[{"key": "1"}]"#.into()]),
                ("GetCards", vec![]),
                ("UpdateCard", vec![TOKEN.into()]),
            ] {
                let returned = object.function(method, &arguments).unwrap();
                assert_eq!(text(&object, "ErrorKind"), "", "{method}: {}", text(&object, "Result"));
                // The property `CardId` shows what the caller passes in.
                if method != "UpdateCard" {
                    said += &returned.as_str().unwrap();
                    said += &everything_said(&object);
                }
            }
            let read = || std::fs::read_to_string(journal.path()).unwrap();
            let refusal = json!({"code": 400, "message": format!("What is {shown}?")}).to_string();
            let refusing = Peer::answering(http(200, &[], &refusal));
            object.set("Proxy", proxy_with_password(&refusing.address().to_string())).unwrap();
            assert_eq!(object.function("GetCards", &[]).unwrap(), "".into());
            said += &everything_said(&object);
            eventually("the journal has its six lines", || read().lines().count() == 6);
            assert!(said.contains("***"), "{name}: {said}");
            assert_shows_no_secret(name, &(said + &read()));
        }
    }
}

#[test]
fn a_value_padded_with_spaces_is_hidden_also_if_the_server_has_trimmed_it() {
    let padded = format!("  {NAME}      ");
    let peer = echo(400, &|_| format!("Unknown: {NAME}."));
    let object = shop::component_for(&peer.url());
    object.procedure("SetValue", &["CLIENT_NAME".into(), padded.as_str().into()]).unwrap();
    assert!(!attempt(&object, "CreateCard"));
    assert_shows_no_secret("a trimmed value", &everything_said(&object));
}

#[test]
fn no_exception_shows_a_secret() {
    if rerun_and_search(test_path!(no_exception_shows_a_secret)) {
        return;
    }
    let object = shop::component_for("https://localhost:1");
    object.set("Proxy", proxy_with_password("localhost:1")).unwrap();
    let settings: Vec<(&str, Value)> = vec![
        ("Token", format!("{TOKEN} {TOKEN}").as_str().into()),
        ("Token", format!("{TOKEN}\u{444}").as_str().into()),
        ("ServerUrl", format!("https://user:{ENCODED_PASSWORD}@localhost").as_str().into()),
        ("ServerUrl", format!("http://example.com/{TOKEN}").as_str().into()),
        ("ServerUrl", TOKEN.into()),
        ("Proxy", format!("https://user:{ENCODED_PASSWORD}@localhost:1").as_str().into()),
        ("Proxy", format!("http://user:{PASSWORD}@localhost:1").as_str().into()),
        ("CertificateFile", TOKEN.into()),
        ("Timeout", TOKEN.into()),
        ("Retries", PHONE.into()),
    ];
    for (property, value) in settings {
        plant(&object);
        shop::exception(object.set(property, value));
        assert_shows_no_secret(property, &everything_said(&object));
    }
    let object_of = |value: &str| json!({ "CLIENT_NAME": {"x": value}, "PHONE": PHONE }).to_string();
    let calls: Vec<(&str, Vec<Value>)> = vec![
        ("CreateCard", vec![object_of(NAME).as_str().into()]),
        ("CreateCard", vec![format!("{{\"PHONE\": \"{PHONE}").as_str().into()]),
        ("CreateCard", vec![NAME.into()]),
        ("CreateCard", vec![Value::Blob(NAME.as_bytes().to_vec())]),
        ("UpdateCard", vec![" ".into(), format!("[\"{PHONE}\"]").as_str().into()]),
        ("UpdateCard", vec!["id".into(), json!({TOKEN: {"x": [PHONE]}}).to_string().as_str().into()]),
        ("UpdateCard", vec!["id".into(), json!({PASSWORD: [PHONE]}).to_string().as_str().into()]),
        ("CallMethod", vec![format!("create?{TOKEN}").as_str().into()]),
        ("CallMethod", vec!["create".into(), NAME.into()]),
    ];
    for (method, arguments) in calls {
        plant(&object);
        shop::exception(object.function(method, &arguments));
        assert_shows_no_secret(method, &everything_said(&object));
    }
}

#[test]
fn a_panic_shows_no_secret() {
    if rerun_and_search(test_path!(a_panic_shows_no_secret)) {
        return;
    }
    let library = Library::open(addin_testkit::panic_library()).unwrap();
    let object = library.create("Passteam").unwrap();
    shop::set_up(&object, "https://localhost:1");
    object.set("Proxy", proxy_with_password("localhost:1")).unwrap();
    for slot in ["SetPropVal", "CallAsProc", "CallAsFunc", "GetPropVal"] {
        plant(&object);
        object.set_locale(&format!("panic:{slot}"));
        shop::exception(match slot {
            "SetPropVal" => object.set("Token", TOKEN),
            "CallAsProc" => object.procedure("SetValue", &["PHONE".into(), PHONE.into()]),
            "CallAsFunc" => {
                object.function("UpdateCard", &["id".into(), json!({"N": NAME}).to_string().into()]).map(drop)
            }
            _ => object.get("ErrorDescription").map(drop),
        });
        assert_shows_no_secret(slot, &everything_said(&object));
    }
}
