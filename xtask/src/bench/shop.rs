//! The shop: components that are set up for the service, its cards, and the calls that are measured.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use addin_host::{Library, Object, Value};
use anyhow::{Context, Result, anyhow, ensure};
use passteam_sandbox::{DEFAULT_TEMPLATE_ID, DEFAULT_TOKEN};

/// The values of every update, as the component takes them and as they follow the card's id in a request.
pub const VALUES: &str = r#"{"BONUS":"12500"}"#;
pub const VALUES_FORM: &str = "&values%5B%25BONUS%25%5D=12500";

/// The maximum number of cards that are created concurrently, so that a slow service does not hold up the benchmark.
const CREATORS: usize = 16;

/// A new object with the settings that a shop makes.
pub fn component(library: &Library, url: &str, ca_file: &Path) -> Result<Object> {
    let object = component_by_store(library, url)?;
    let ca_file = ca_file.to_str().context("the temporary folder's name is not UTF-8")?;
    object.set("CertificateFile", ca_file)?;
    Ok(object)
}

/// The same, but it knows the service's authority from the system's store.
pub fn component_by_store(library: &Library, url: &str) -> Result<Object> {
    let object = library.create("Passteam")?;
    object.set("Token", DEFAULT_TOKEN)?;
    object.set("ServerUrl", url)?;
    object.set("Proxy", "direct")?;
    Ok(object)
}

/// Creates cards in the service; returns their ids.
pub fn create_cards(library: &Library, url: &str, ca_file: &Path, count: usize) -> Result<Vec<String>> {
    let left = AtomicUsize::new(count);
    let create = || -> Result<Vec<String>> {
        let object = component(library, url, ca_file)?;
        object.set("TemplateId", DEFAULT_TEMPLATE_ID)?;
        let take_one = || left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok();
        let mut cards = Vec::new();
        while take_one() {
            cards.push(create_card(&object)?);
        }
        Ok(cards)
    };
    thread::scope(|scope| {
        let creators: Vec<_> = (0..CREATORS.min(count)).map(|_| scope.spawn(create)).collect();
        let mut cards = Vec::with_capacity(count);
        for creator in creators {
            cards.extend(creator.join().map_err(|_| anyhow!("a thread panicked"))??);
        }
        Ok(cards)
    })
}

/// The values of a customer whose phone no other has.
fn new_customer() -> String {
    static PHONES: AtomicUsize = AtomicUsize::new(0);
    let number = PHONES.fetch_add(1, Relaxed);
    format!("{{\"PHONE\":\"+7916{number:07}\"}}")
}

/// Creates a card of a new customer.
fn create_card(object: &Object) -> Result<String> {
    let values = new_customer();
    succeed(object, object.function("CreateCard", &[values.into()])?)?;
    object.get("CardId")?.as_str().context("CardId is no string")
}

/// One update.
pub fn update(object: &Object, card: &str) -> Result<()> {
    succeed(object, object.function("UpdateCard", &[card.into(), VALUES.into()])?)
}

/// The first parameter of `UpdateCards` for these cards.
pub fn batch(cards: &[String]) -> Value {
    let entries: Vec<_> = cards.iter().map(|card| format!("{{\"cardId\":\"{card}\",\"values\":{VALUES}}}")).collect();
    format!("[{}]", entries.join(",")).into()
}

/// One batch.
pub fn update_all(object: &Object, batch: &Value, parallelism: i32) -> Result<()> {
    succeed_all(object, "UpdateCards", batch.clone(), parallelism)
}

/// One batch that creates cards of so many new customers.
pub fn create_all(object: &Object, count: usize, parallelism: i32) -> Result<()> {
    let entry = |number| format!("{{\"key\":\"{number}\",\"values\":{}}}", new_customer());
    let entries: Vec<_> = (0..count).map(entry).collect();
    succeed_all(object, "CreateCards", format!("[{}]", entries.join(",")).into(), parallelism)
}

fn succeed_all(object: &Object, method: &str, batch: Value, parallelism: i32) -> Result<()> {
    object.procedure(method, &[batch, parallelism.into()])?;
    let kind = object.get("ErrorKind")?;
    succeed(object, Value::Bool(kind.as_str().is_some_and(|kind| kind.is_empty())))
}

/// An error unless the call succeeded: a failure must not be measured as a quick call.
fn succeed(object: &Object, returned: Value) -> Result<()> {
    if returned != Value::Bool(true) {
        let text = object.get("ErrorDescription")?.as_str().unwrap_or_default();
        ensure!(false, "a measured call failed: {text}");
    }
    Ok(())
}
