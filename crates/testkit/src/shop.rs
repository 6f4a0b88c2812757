//! A component that is set up for a service, as the tests' BSL would have it.

use std::path::Path;
use std::sync::LazyLock;

use addin_host::{CallError, HostOptions, Library, Object, Value};
use passteam_sandbox::{Options, Sandbox};

/// The token that every shop of the tests has.
pub const TOKEN: &str = "tests-token-0123456789";
/// The template that they make cards from.
pub const TEMPLATE: &str = "5f0c1d2e3b4a59687766aabb";
/// A customer's phone, long enough to occur in no text by chance.
pub const PHONE: &str = "+79161234567";

/// The library under test, loaded once more.
///
/// # Panics
/// Where it does not attach.
pub fn library() -> Library {
    Library::open(crate::library()).expect("the library attaches")
}

/// A new object, not set up.
pub fn component() -> Object {
    component_with(HostOptions::default())
}

/// A new object of such a host, not set up.
///
/// # Panics
/// Where it cannot be made.
pub fn component_with(options: HostOptions) -> Object {
    // One library for the process, as in 1C: each copy that is unpacked from a bundle stays mapped on Windows, and takes
    // its share of the process's thread-local slots.
    static LIBRARY: LazyLock<Library> = LazyLock::new(library);
    LIBRARY.create_with("Passteam", options).expect("the object is made")
}

/// A new object with token, template and server.
pub fn component_for(url: &str) -> Object {
    let object = component();
    set_up(&object, url);
    object
}

/// Gives an object its token, its template and this server, reached without a proxy.
///
/// # Panics
/// Where it refuses one of them.
pub fn set_up(object: &Object, url: &str) {
    object.set("Token", TOKEN).unwrap();
    object.set("TemplateId", TEMPLATE).unwrap();
    object.set("ServerUrl", url).unwrap();
    object.set("Proxy", "direct").unwrap();
}

/// A service that knows [`TOKEN`] and [`TEMPLATE`].
pub fn sandbox() -> Sandbox {
    sandbox_with(Options::default())
}

/// The same with other options; token and templates are the tests'.
///
/// # Panics
/// Where it does not start.
pub fn sandbox_with(options: Options) -> Sandbox {
    Sandbox::start(Options { token: TOKEN.into(), templates: vec![TEMPLATE.into()], ..options })
        .expect("the sandbox starts")
}

/// Writes a sandbox's CA where a component can read it; the file's path.
///
/// # Panics
/// Where the sandbox speaks no TLS or the folder cannot be written.
pub fn ca_file(sandbox: &Sandbox, folder: &Path) -> String {
    let path = folder.join("ca.pem");
    std::fs::write(&path, sandbox.ca_pem().expect("a CA")).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A property that holds a string.
///
/// # Panics
/// Where it holds anything else.
pub fn text(object: &Object, property: &str) -> String {
    object.get(property).unwrap().as_str().unwrap_or_else(|| panic!("{property} holds a string"))
}

/// A property that holds a number.
///
/// # Panics
/// Where it holds anything else.
pub fn number(object: &Object, property: &str) -> f64 {
    object.get(property).unwrap().as_number().unwrap_or_else(|| panic!("{property} holds a number"))
}

/// A property that holds a Boolean.
///
/// # Panics
/// Where it holds anything else.
pub fn boolean(object: &Object, property: &str) -> bool {
    object.get(property).unwrap().as_bool().unwrap_or_else(|| panic!("{property} holds a Boolean"))
}

/// Calls a method in an expression; what it returned.
///
/// # Panics
/// Where it raises a BSL exception or returns no Boolean.
pub fn call(object: &Object, method: &str, arguments: &[Value]) -> bool {
    object.function(method, arguments).unwrap().as_bool().unwrap_or_else(|| panic!("{method} returns a Boolean"))
}

/// Creates a card with a phone; its id.
///
/// # Panics
/// Where that fails.
pub fn create(object: &Object, phone: &str) -> String {
    object.procedure("SetValue", &["PHONE".into(), phone.into()]).unwrap();
    assert!(call(object, "CreateCard", &[]), "{}", text(object, "ErrorDescription"));
    text(object, "CardId")
}

/// The text of the BSL exception that a call ended with.
///
/// # Panics
/// Where it ended otherwise.
pub fn exception<T: std::fmt::Debug>(outcome: Result<T, CallError>) -> String {
    match outcome {
        Err(CallError::Raised(error)) => error.description,
        other => panic!("expected a BSL exception, got {other:?}"),
    }
}
