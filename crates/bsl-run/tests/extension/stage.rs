//! A shop whose main configuration nobody has changed, with the extension beside it.

use std::path::PathBuf;
use std::sync::Arc;

use bsl_run::Value;
use bsl_run::platform::{ModuleTexts, SetUp, Shop, TurnsOfItsOwn};
use infobase::metadata::Metadata;
use infobase::metadata::declared::{Ssl, Variant, retail};
use infobase::metadata::designer::add_extension;
use infobase::{Infobase, Settings, User};

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../bsl-examples/extension")
}

/// A main configuration without the vendor's attributes, as the extension meets most often.
pub fn untouched() -> Variant {
    Variant { vendor_attributes: false, ..Variant::retail_23() }
}

/// A base that lacks everything that one may lack, but for the platform's own jobs.
pub fn bare() -> Variant {
    Variant {
        ssl: Ssl::Absent,
        vendor_attributes: false,
        replacements: false,
        accumulating: false,
        discount_server: false,
        ..Variant::retail_22()
    }
}

pub fn metadata(variant: &Variant) -> Metadata {
    let mut metadata = retail(variant).unwrap();
    add_extension(&mut metadata, &folder(), variant).unwrap_or_else(|error| panic!("{error}"));
    metadata
}

pub fn set_up(variant: &Variant, texts: ModuleTexts) -> SetUp {
    settled(variant, texts, |_| {})
}

/// The same with other answers to what is not settled of the platform.
pub fn settled(variant: &Variant, texts: ModuleTexts, change: impl FnOnce(&mut Settings)) -> SetUp {
    let mut settings = Settings::from(variant);
    change(&mut settings);
    SetUp {
        infobase: Infobase::in_memory(metadata(variant), settings).unwrap(),
        ssl: variant.ssl,
        texts,
        addin: None,
        scheduler: Arc::new(TurnsOfItsOwn),
    }
}

/// What a run gives: the result as text, and what the user was shown.
pub type Outcome = Result<(String, Vec<String>), String>;

/// Runs the body of a function.
pub fn run_as(shop: &Arc<Shop>, user: User, stage: &str, body: &str) -> Outcome {
    let text = format!("{stage}\nФункция Проба() Экспорт\n{body}\nКонецФункции");
    let done = shop.run(user, |vm, session| {
        let value: Value = session.run_text(vm, &text, Some("Проба"), &mut [])?;
        Ok((value.text().to_string(), session.messages()))
    });
    done.map_err(|error| error.to_string())
}
