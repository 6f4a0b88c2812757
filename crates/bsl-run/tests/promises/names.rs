//! What the search names of the extension, and the stage text that plays the shop around it.

use std::path::{Path, PathBuf};

use infobase::metadata::Metadata;
use infobase::metadata::declared::{Ssl, Variant, retail};
use infobase::metadata::designer::add_extension;
use infobase::{Datum, Record, Reference};

/// The scheduled job that sends what is queued.
pub const QUEUE_JOB: &str = "ОбработкаОчередиPassteam";
/// The nightly job that queues cards whose data are not what was sent.
pub const NIGHTLY_JOB: &str = "НочнаяПроверкаPassteam";

/// The register that holds what must be sent, a record a card.
pub const QUEUE: &str = "РегистрСведений.ОчередьPassteam";
/// The register of what handlers have marked, which the job moves into the queue.
pub const MARKS: &str = "РегистрСведений.ОтметкиPassteam";
/// The dimension of the queue, of the marks and of the register of the service's cards.
const CARD: &str = "Карта";
/// A queue record's state, and the state in which it waits for a person.
const STATE: &str = "Состояние";
/// See [`STATE`].
const FOR_PERSON: &str = "ТребуетРешения";
/// Whether the card may exist in the service although its creation failed.
const OUTCOME_UNKNOWN: &str = "ИсходНеизвестен";
/// Whether the cards that show the same balance are still to be queued.
const FINDS_RELATED: &str = "НайтиСвязанные";
/// The register of the service's cards, and its field with the id.
pub const IDS: &str = "РегистрСведений.КартыPassteam";
/// See [`IDS`].
const CARD_ID: &str = "cardId";
/// The field with the address of the service whose id it is, and the address that the search sets up.
const ADDRESS: &str = "АдресСервиса";
/// See [`ADDRESS`].
const SERVICE: &str = "https://getpass.passteam.ru/oapi/v1";
/// The catalogue of cards.
pub const CARDS: &str = "Справочник.ИнформационныеКарты";
/// The register of points.
pub const POINTS: &str = "РегистрНакопления.БонусныеБаллы";

/// The module with the queue's algorithm, by its place in the dump.
pub const QUEUE_MODULE: &str = "CommonModules/ОчередьPassteam/Ext/Module.bsl";
/// The module of the service's cards.
pub const CARDS_MODULE: &str = "CommonModules/КартыPassteam/Ext/Module.bsl";
/// The module that walks over the service's cards.
pub const WALK_MODULE: &str = "CommonModules/СверкаPassteam/Ext/Module.bsl";
/// The module that tells the base from its copies.
pub const PLACE_MODULE: &str = "CommonModules/МестоБазыPassteam/Ext/Module.bsl";
/// The module with the handlers of events.
pub const HANDLERS_MODULE: &str = "CommonModules/ИнтеграцияPassteam/Ext/Module.bsl";

/// The metadata of a shop with the text.
pub fn metadata() -> Metadata {
    let mut metadata = retail(&variant()).expect("the metadata of Retail");
    add_extension(&mut metadata, &folder(), &variant()).expect("the metadata that ship");
    metadata
}

/// Where the text that ships stands.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bsl-examples/extension")
}

/// The base's variant.
pub fn variant() -> Variant {
    Variant { ssl: Ssl::V3_0_2, vendor_attributes: false, ..Variant::retail_23() }
}

/// The card of a record of the queue or of the service's cards.
pub fn card_of(record: &Record) -> Option<&Reference> {
    match record.get(CARD) {
        Some(Datum::Ref(card)) => Some(card),
        _ => None,
    }
}

/// Whether a record of the queue waits for a person.
pub fn waits_for_person(record: &Record) -> bool {
    text(record, STATE) == FOR_PERSON
}

/// Whether the service may have created the card of a queue record.
pub fn outcome_is_unknown(record: &Record) -> bool {
    record.get(OUTCOME_UNKNOWN) == Some(&Datum::Boolean(true))
}

/// Whether the cards that show the same balance as a queue record's card are still to be queued.
pub fn finds_related(record: &Record) -> bool {
    record.get(FINDS_RELATED) == Some(&Datum::Boolean(true))
}

/// The service's id in a record of its cards; empty if it has none.
pub fn id_in(record: &Record) -> String {
    text(record, CARD_ID)
}

/// Whether it is an id of the service that the base works with.
pub fn is_of_the_service(record: &Record) -> bool {
    text(record, ADDRESS) == SERVICE
}

fn text(record: &Record, field: &str) -> String {
    record.get(field).map(|value| value.to_string().trim().to_owned()).unwrap_or_default()
}

/// What cashiers, exchange and people do.
pub const STAGE: &str = include_str!("shop.bsl");
