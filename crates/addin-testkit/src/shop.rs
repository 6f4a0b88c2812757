//! Objects of the component that are set up for a service, and short calls of them: a test reads like the BSL of a shop.

use std::path::Path;
use std::sync::LazyLock;

use addin_host::{CallError, HostOptions, Library, Object, Value};
use passteam_sandbox::{Options, Sandbox};

/// The token that the tests' shops have.
pub const TOKEN: &str = "tests-token-0123456789";
/// The template that they make cards from.
pub const TEMPLATE: &str = "5f0c1d2e3b4a59687766aabb";
/// A customer's phone, long enough not to occur in a text by chance.
pub const PHONE: &str = "+79161234567";

/// Loads the library under test once more.
///
/// # Panics
/// If it does not attach.
pub fn library() -> Library {
    Library::open(crate::library::library()).expect("the library attaches")
}

/// A new object, not set up.
pub fn component() -> Object {
    component_with(HostOptions::default())
}

/// A new object of a host with these options, not set up.
///
/// # Panics
/// If it cannot be made.
pub fn component_with(options: HostOptions) -> Object {
    // Loaded once in a process, as in 1C: on Windows each copy that is unpacked from a bundle stays mapped and takes some of the
    // process's thread-local slots.
    static LIBRARY: LazyLock<Library> = LazyLock::new(library);
    LIBRARY.create_with("Passteam", options).expect("the object is made")
}

/// A new object with token, template and server.
pub fn component_for(url: &str) -> Object {
    let object = component();
    set_up(&object, url);
    object
}

/// Gives an object its token, its template and this server, reached without a proxy. Its `Timeout` is much longer than a call takes,
/// also on a busy machine.
///
/// # Panics
/// If it refuses one of them.
pub fn set_up(object: &Object, url: &str) {
    object.set("Token", TOKEN).unwrap();
    object.set("TemplateId", TEMPLATE).unwrap();
    object.set("ServerUrl", url).unwrap();
    object.set("Proxy", "direct").unwrap();
    object.set("Timeout", 60).unwrap();
}

/// A service that knows [`TOKEN`] and [`TEMPLATE`].
pub fn sandbox() -> Sandbox {
    sandbox_with(Options::default())
}

/// The same with these options, except token and templates.
///
/// # Panics
/// If it does not start.
pub fn sandbox_with(options: Options) -> Sandbox {
    Sandbox::start(Options { token: TOKEN.into(), templates: vec![TEMPLATE.into()], ..options })
        .expect("the sandbox starts")
}

/// Writes a sandbox's CA certificate to a file in this folder; its path, for `CertificateFile`.
///
/// # Panics
/// If the sandbox speaks no TLS or the folder cannot be written.
pub fn ca_file(sandbox: &Sandbox, folder: &Path) -> String {
    let path = folder.join("ca.pem");
    std::fs::write(&path, sandbox.ca_pem().expect("a CA")).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A property that holds a string.
///
/// # Panics
/// If it holds anything else.
pub fn text(object: &Object, property: &str) -> String {
    object.get(property).unwrap().as_str().unwrap_or_else(|| panic!("{property} holds a string"))
}

/// A property that holds a number.
///
/// # Panics
/// If it holds anything else.
pub fn number(object: &Object, property: &str) -> f64 {
    object.get(property).unwrap().as_number().unwrap_or_else(|| panic!("{property} holds a number"))
}

/// A property that holds a Boolean.
///
/// # Panics
/// If it holds anything else.
pub fn boolean(object: &Object, property: &str) -> bool {
    object.get(property).unwrap().as_bool().unwrap_or_else(|| panic!("{property} holds a Boolean"))
}

/// Calls a method as a function; the Boolean that it returned.
///
/// # Panics
/// If it raises a BSL exception or returns no Boolean.
pub fn call(object: &Object, method: &str, arguments: &[Value]) -> bool {
    object.function(method, arguments).unwrap().as_bool().unwrap_or_else(|| panic!("{method} returns a Boolean"))
}

/// Creates a card with a phone; its id.
///
/// # Panics
/// If that fails.
pub fn create(object: &Object, phone: &str) -> String {
    object.procedure("SetValue", &["PHONE".into(), phone.into()]).unwrap();
    assert!(call(object, "CreateCard", &[]), "{}", text(object, "ErrorDescription"));
    text(object, "CardId")
}

/// The text of the BSL exception that a call ended with.
///
/// # Panics
/// If it ended otherwise.
pub fn exception<T: std::fmt::Debug>(outcome: Result<T, CallError>) -> String {
    match outcome {
        Err(CallError::Raised(error)) => error.description,
        other => panic!("expected a BSL exception, got {other:?}"),
    }
}
