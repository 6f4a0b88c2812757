//! The shop: components that are set up for the service, its cards, and the calls that are measured.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

use addin_host::{Library, Object, Value};
use anyhow::{Context, Result, anyhow, ensure};
use passteam_sandbox::{DEFAULT_TEMPLATE_ID, DEFAULT_TOKEN};

/// What every update sets, as the component takes it and as it goes over the network after the card's id.
pub const VALUES: &str = r#"{"BONUS":"12500"}"#;
pub const VALUES_FORM: &str = "&values%5B%25BONUS%25%5D=12500";

/// So many cards are created at a time, which matters where the service is slow.
const CREATORS: usize = 16;

/// A new object, set up as the vendor's customer would.
pub fn component(library: &Library, url: &str, ca_file: &Path) -> Result<Object> {
    let object = library.create("Passteam")?;
    let ca_file = ca_file.to_str().context("the temporary folder's name is not UTF-8")?;
    object.set("Token", DEFAULT_TOKEN)?;
    object.set("ServerUrl", url)?;
    object.set("Proxy", "direct")?;
    object.set("CertificateFile", ca_file)?;
    Ok(object)
}

/// Puts cards into the service; their ids.
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

/// Creates a card with a phone that no other has.
fn create_card(object: &Object) -> Result<String> {
    static PHONES: AtomicUsize = AtomicUsize::new(0);
    let number = PHONES.fetch_add(1, Relaxed);
    let values = format!("{{\"PHONE\":\"+7916{number:07}\"}}");
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
    object.procedure("UpdateCards", &[batch.clone(), parallelism.into()])?;
    let kind = object.get("ErrorKind")?;
    succeed(object, Value::Bool(kind.as_str().is_some_and(|kind| kind.is_empty())))
}

/// An outcome that is worth measuring.
fn succeed(object: &Object, returned: Value) -> Result<()> {
    if returned != Value::Bool(true) {
        let text = object.get("ErrorDescription")?.as_str().unwrap_or_default();
        ensure!(false, "a measured call failed: {text}");
    }
    Ok(())
}
