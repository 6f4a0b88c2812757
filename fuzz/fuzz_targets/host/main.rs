//! Whatever a host, BSL code and the server do with an object, nothing crashes, leaks or shows the token, every refusal is a
//! BSL exception, and the object works afterwards.
//!
//! The add-in is loaded as the platform loads it, from a library of its own that is built with the fuzzer's instrumentation.
//! Nothing leaves the computer: the server is one of this process, or a port that nobody listens at.

#![no_main]

mod input;
mod server;

use std::env::{self, consts};
use std::sync::LazyLock;

use addin_host::{CallError, Library, Object, Value};
use libfuzzer_sys::fuzz_target;
use serde_json::Value as Json;
use tempfile::TempDir;

use input::{Life, Service, Step};
use server::Server;

const TOKEN: &str = "NOBODY-ELSE-WRITES-THIS";
const NOBODY_LISTENS: &str = "http://127.0.0.1:1/oapi/v1";
/// Seconds; a pause before another try never fits into it, so that no call waits.
const SHORTEST_TIMEOUT: f64 = 0.1;
const LONG_TIMEOUT: f64 = 60.0;
/// A limit of requests per minute that no batch waits for.
const MOST_REQUESTS: i32 = 100_000;

static PLAYGROUND: LazyLock<Playground> = LazyLock::new(Playground::open);

fuzz_target!(init: LazyLock::force(&PLAYGROUND), |life: Life| {
    PLAYGROUND.play(&life);
});

/// What all objects share.
struct Playground {
    library: Library,
    server: Server,
    folder: TempDir,
    token: i32,
    server_url: i32,
    timeout: i32,
    proxy: i32,
    log_file: i32,
    requests_per_minute: i32,
}

impl Playground {
    fn open() -> Playground {
        let file = format!("deps/{}passteam_fuzz{}", consts::DLL_PREFIX, consts::DLL_SUFFIX);
        let target = env::current_exe().expect("a path");
        let library = Library::open(&target.with_file_name(file)).expect("the add-in, built with this target");
        let object = library.create("Passteam").expect("an object");
        let index = |name| object.raw_find_property(name);
        Playground {
            server: Server::start().expect("a port"),
            folder: tempfile::tempdir().expect("a folder"),
            token: index("Token"),
            server_url: index("ServerUrl"),
            timeout: index("Timeout"),
            proxy: index("Proxy"),
            log_file: index("LogFile"),
            requests_per_minute: index("RequestsPerMinute"),
            library,
        }
    }

    fn play(&self, life: &Life) {
        let object = self.library.create_with("Passteam", life.options()).expect("an object");
        let mut server_url = NOBODY_LISTENS.to_owned();
        for (name, value) in [
            ("Token", TOKEN.into()),
            ("TemplateId", "t".into()),
            ("ServerUrl", server_url.as_str().into()),
            ("Timeout", Value::R8(SHORTEST_TIMEOUT)),
            ("Proxy", "direct".into()),
        ] {
            object.set(name, value).expect(name);
        }
        for step in &life.steps {
            self.take(step, &object, &mut server_url);
            check(&object);
        }
        self.check_that_it_works(&object);
        let monitor = object.monitor();
        let memory = object.destroy();
        assert!(memory.is_clean(), "{memory:?}");
        assert!(monitor.misuse().is_clean(), "{:?}", monitor.misuse());
    }

    fn take(&self, step: &Step, object: &Object, server_url: &mut String) {
        match step {
            Step::Get { property } => {
                let _ = expect_exception(object.raw_get(property.number()));
            }
            Step::Set { property, value } => self.set(object, property.number(), value.value(), server_url),
            Step::Call { method, arguments, as_function } => {
                let arguments: Vec<Value> = arguments.iter().map(|argument| argument.value()).collect();
                let _ = call(object, method.number(), &arguments, *as_function);
            }
            Step::CallService { method, arguments } => {
                let arguments: Vec<Value> = arguments.iter().map(|argument| argument.value()).collect();
                let returned = call(object, object.raw_find_method(method.name()), &arguments, true);
                // Batches also return the caller's own keys and ids.
                if let (Service::GetCards | Service::Diagnose, Ok(Value::String(units))) = (method, returned) {
                    let text = String::from_utf16_lossy(&units);
                    assert!(!text.contains(TOKEN), "{text}");
                }
            }
            Step::Find { name } => {
                let name = name.text();
                for index in [object.raw_find_property(&name), object.raw_find_method(&name)] {
                    assert!((-1..32).contains(&index), "{index}");
                }
            }
            Step::Describe { member, parameter, alias } => {
                let index = member.number();
                object.raw_property_name(index, (*alias).into());
                object.raw_method_name(index, (*alias).into());
                object.raw_is_readable(index);
                object.raw_is_writable(index);
                object.raw_has_return_value(index);
                assert!((0..=3).contains(&object.raw_parameter_count(index)));
                object.raw_parameter_default(index, parameter.number());
            }
            Step::Locale(code) => object.set_locale(&code.text()),
            Step::UserLanguage(code) => object.set_ui_language(&code.text()),
            Step::RefuseAllocation { nth } => object.fail_allocation((*nth).into()),
            Step::RefuseAllocations(refuse) => object.fail_all_allocations(*refuse),
            Step::Answer { status, body } => {
                self.server.answer_with(200 + status % 400, &body.text());
                *server_url = self.server.url();
                object.set("ServerUrl", server_url.as_str()).expect("the server's address");
            }
            Step::Hang => {
                NOBODY_LISTENS.clone_into(server_url);
                object.set("ServerUrl", server_url.as_str()).expect("an address");
            }
        }
    }

    /// Sets a property, and sets it back where the next call would otherwise wait, leave the computer or use another token.
    fn set(&self, object: &Object, property: i32, value: Value, server_url: &str) {
        let value = if property == self.log_file { self.inside_the_folder(value) } else { value };
        let _ = expect_exception(object.raw_set(property, value));
        let settled: Value = match property {
            _ if property == self.token => TOKEN.into(),
            _ if property == self.server_url => server_url.into(),
            _ if property == self.timeout => SHORTEST_TIMEOUT.into(),
            _ if property == self.proxy => "direct".into(),
            _ if property == self.requests_per_minute => MOST_REQUESTS.into(),
            _ => return,
        };
        object.raw_set(property, settled).expect("a good value");
    }

    /// A journal is written only here.
    fn inside_the_folder(&self, value: Value) -> Value {
        let Some(name) = value.as_str() else {
            return if matches!(value, Value::Pstr(_)) { Value::Empty } else { value };
        };
        if name.trim().is_empty() {
            return value;
        }
        let name = if name.len().is_multiple_of(2) { "journal.log" } else { "no such folder/journal.log" };
        self.folder.path().join(name).to_string_lossy().into_owned().into()
    }

    fn check_that_it_works(&self, object: &Object) {
        object.fail_allocation(0);
        object.fail_all_allocations(false);
        self.server.answer_with(200, r#"{"code":200,"result":{"card":{"installed":true}}}"#);
        object.set("ServerUrl", self.server.url()).expect("the server's address");
        object.set("Timeout", LONG_TIMEOUT).expect("seconds");
        object.procedure("SetValue", &["PHONE".into(), "79161234567".into()]).expect("a value");
        let updated = object.function("UpdateCard", &["5f0c".into()]);
        let error = object.get("ErrorDescription");
        assert_eq!(updated, Ok(Value::Bool(true)), "{error:?}");
        assert_eq!(object.get("Installed"), Ok(Value::Bool(true)));
        check(object);
    }
}

fn call(object: &Object, method: i32, arguments: &[Value], as_function: bool) -> Result<Value, CallError> {
    let returned = expect_exception(object.raw_call(method, arguments, as_function))?;
    let (Ok(kind), Ok(result)) = (object.get("ErrorKind"), object.get("Result")) else { return Ok(returned) };
    let result: Json = serde_json::from_str(&result.as_str().expect("text")).expect("JSON");
    assert_eq!(result["errorKind"].as_str(), kind.as_str().as_deref());
    assert!(result["unknown"] == false || result["ok"] == false, "{result}");
    Ok(returned)
}

/// A call that fails says why.
fn expect_exception<T>(outcome: Result<T, CallError>) -> Result<T, CallError> {
    if let Err(error) = &outcome {
        let CallError::Raised(error) = error else { panic!("no exception: {error}") };
        assert!(!error.description.is_empty());
    }
    outcome
}

/// What holds at any time: nothing is left allocated, no text shows the token, and no exception tells of a defect.
fn check(object: &Object) {
    let memory = object.memory();
    assert!(memory.is_clean(), "{memory:?}");
    let mut texts: Vec<String> = object.take_errors().into_iter().map(|error| error.description).collect();
    for property in ["ErrorDescription", "CardUrl"] {
        if let Ok(text) = object.get(property) {
            texts.push(text.as_str().expect("text"));
        }
    }
    for text in texts {
        assert!(!text.contains(TOKEN), "{text}");
        assert!(!text.contains("внутренняя ошибка") && !text.contains("internal error"), "{text}");
    }
    object.take_events();
    assert!(object.misuse().is_clean(), "{:?}", object.misuse());
}
