//! A component that is set up for a service, as the tests' BSL would have it.

use std::path::Path;

use addin_host::{CallError, HostOptions, Library, Object, Value};
use passteam_sandbox::{Options, Sandbox};

/// The settings that every shop of these tests has.
pub const TOKEN: &str = "tests-token-0123456789";
pub const TEMPLATE: &str = "5f0c1d2e3b4a59687766aabb";
/// Neutral enough to occur in no text by chance.
pub const PHONE: &str = "+79161234567";

pub fn library() -> Library {
    Library::open(testkit::library()).expect("the library attaches")
}

/// A new object, not set up.
pub fn component() -> Object {
    component_with(HostOptions::default())
}

pub fn component_with(options: HostOptions) -> Object {
    library().create_with("Passteam", options).expect("the object is made")
}

/// A new object with token, template and server.
pub fn component_for(url: &str) -> Object {
    let object = component();
    set_up(&object, url);
    object
}

pub fn set_up(object: &Object, url: &str) {
    object.set("Token", TOKEN).unwrap();
    object.set("TemplateId", TEMPLATE).unwrap();
    object.set("ServerUrl", url).unwrap();
    object.set("Proxy", "direct").unwrap();
}

pub fn sandbox() -> Sandbox {
    sandbox_with(Options::default())
}

pub fn sandbox_with(options: Options) -> Sandbox {
    Sandbox::start(Options { token: TOKEN.into(), templates: vec![TEMPLATE.into()], ..options })
        .expect("the sandbox starts")
}

/// Writes a sandbox's CA where a component can read it.
pub fn ca_file(sandbox: &Sandbox, folder: &Path) -> String {
    let path = folder.join("ca.pem");
    std::fs::write(&path, sandbox.ca_pem().expect("a CA")).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A property that holds a string.
pub fn text(object: &Object, property: &str) -> String {
    object.get(property).unwrap().as_str().unwrap_or_else(|| panic!("{property} holds a string"))
}

/// A property that holds a number.
pub fn number(object: &Object, property: &str) -> f64 {
    object.get(property).unwrap().as_number().unwrap_or_else(|| panic!("{property} holds a number"))
}

/// A property that holds a Boolean.
pub fn boolean(object: &Object, property: &str) -> bool {
    object.get(property).unwrap().as_bool().unwrap_or_else(|| panic!("{property} holds a Boolean"))
}

/// Calls a method in an expression; what it returned.
pub fn call(object: &Object, method: &str, arguments: &[Value]) -> bool {
    object.function(method, arguments).unwrap().as_bool().unwrap_or_else(|| panic!("{method} returns a Boolean"))
}

/// Creates a card with a phone; its id.
pub fn create(object: &Object, phone: &str) -> String {
    object.procedure("SetValue", &["PHONE".into(), phone.into()]).unwrap();
    assert!(call(object, "CreateCard", &[]), "{}", text(object, "ErrorDescription"));
    text(object, "CardId")
}

/// The text of the BSL exception that a call ended with.
pub fn exception<T: std::fmt::Debug>(outcome: Result<T, CallError>) -> String {
    match outcome {
        Err(CallError::Raised(error)) => error.description,
        other => panic!("expected a BSL exception, got {other:?}"),
    }
}
