//! The cards in memory and the rules of the account.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Template;

/// A customer's card as the service keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// 24 hexadecimal characters.
    pub id: String,
    /// Download link. Always holds a `%20`, which callers must keep as it is.
    pub url: String,
    /// The template it was made from.
    pub template_id: String,
    /// Names without percent signs and values, in the order in which they were first given.
    pub variables: Vec<(String, String)>,
    /// Whether the customer has put the card into the phone's wallet.
    pub installed: bool,
}

impl Card {
    /// The value of a variable, named without percent signs and case-sensitively.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    fn set(&mut self, name: &str, value: &str) {
        match self.variables.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.variables.push((name.into(), value.into())),
        }
    }
}

/// Why a request is not carried out; `Display` is the envelope's `message`.
///
/// The sandbox's choice: every text but that of `FieldRequired`, and every code but 401, 404, 409 and 500.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NotPost,
    NotAForm,
    WrongToken,
    UnknownMethod(String),
    UnknownTemplate,
    UnknownCard,
    FieldRequired(String),
    Duplicate(String),
    MalformedVariable(String),
    MalformedNumber { field: &'static str, from: usize, to: usize },
}

impl Refusal {
    /// The `code` of the envelope.
    pub(crate) fn code(&self) -> i64 {
        match self {
            Self::MalformedVariable(_) | Self::MalformedNumber { .. } => 400,
            Self::WrongToken => 401,
            Self::UnknownMethod(_) | Self::UnknownTemplate | Self::UnknownCard => 404,
            Self::NotPost => 405,
            Self::Duplicate(_) => 409,
            Self::NotAForm => 415,
            Self::FieldRequired(_) => 500,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPost => f.write_str("Only POST is allowed."),
            Self::NotAForm => f.write_str("The body must be application/x-www-form-urlencoded."),
            Self::WrongToken => f.write_str("Unauthorized."),
            Self::UnknownMethod(method) => write!(f, "Method {method} not found."),
            Self::UnknownTemplate => f.write_str("Template not found."),
            Self::UnknownCard => f.write_str("Card not found."),
            Self::FieldRequired(name) => write!(f, "Provided field ({name}) is unique and must be set."),
            Self::Duplicate(name) => write!(f, "A card with this value of field ({name}) already exists."),
            Self::MalformedVariable(field) => write!(f, "Field {field} is not of the form values[%NAME%]."),
            Self::MalformedNumber { field, from, to } => {
                write!(f, "Field {field} must be a whole number from {from} to {to}.")
            }
        }
    }
}

/// All cards of the account. A unique variable is unique across templates, compared as exact text, and the empty text
/// counts as not set: the sandbox's choice.
#[derive(Debug)]
pub(crate) struct Store {
    templates: Vec<Template>,
    unique: Vec<UniqueVariable>,
    cards: Vec<Card>,
    places: HashMap<String, usize>,
    /// Scheme, host and port of the links on the cards.
    origin: String,
    id_prefix: String,
}

#[derive(Debug)]
struct UniqueVariable {
    name: String,
    owners: HashMap<String, usize>,
}

impl Store {
    pub(crate) fn new(templates: Vec<Template>, unique: Vec<String>, origin: String) -> Self {
        let unique = unique.into_iter().map(|name| UniqueVariable { name, owners: HashMap::new() }).collect();
        Self { templates, unique, cards: Vec::new(), places: HashMap::new(), origin, id_prefix: id_prefix() }
    }

    pub(crate) fn templates(&self) -> &[Template] {
        &self.templates
    }

    /// In the order of their creation.
    pub(crate) fn cards(&self) -> &[Card] {
        &self.cards
    }

    pub(crate) fn card(&self, id: &str) -> Option<&Card> {
        self.places.get(id).map(|&place| &self.cards[place])
    }

    pub(crate) fn has_template(&self, id: &str) -> bool {
        self.templates.iter().any(|template| template.id == id)
    }

    /// A variable given twice keeps its first place and its last value.
    pub(crate) fn create(&mut self, template_id: &str, variables: &[(&str, &str)]) -> Result<&Card, Refusal> {
        if !self.has_template(template_id) {
            return Err(Refusal::UnknownTemplate);
        }
        let place = self.cards.len();
        let id = format!("{}{place:08x}", self.id_prefix);
        let url = format!("{}/card/{id}/Wallet%20card", self.origin);
        let mut card = Card { id, url, template_id: template_id.into(), variables: Vec::new(), installed: false };
        for (name, value) in variables {
            card.set(name, value);
        }
        self.claim(place, &card)?;
        self.places.insert(card.id.clone(), place);
        self.cards.push(card);
        Ok(&self.cards[place])
    }

    /// Changes the given variables only, or none where one of them is refused.
    pub(crate) fn update(&mut self, card_id: &str, variables: &[(&str, &str)]) -> Result<&Card, Refusal> {
        let place = *self.places.get(card_id).ok_or(Refusal::UnknownCard)?;
        if variables.iter().any(|(name, _)| self.unique.iter().any(|unique| unique.name == *name)) {
            let mut changed = self.cards[place].clone();
            for (name, value) in variables {
                changed.set(name, value);
            }
            self.claim(place, &changed)?;
            self.cards[place] = changed;
        } else {
            for (name, value) in variables {
                self.cards[place].set(name, value);
            }
        }
        Ok(&self.cards[place])
    }

    /// Gives the unique values of `card` to `place` and frees those it had before, or changes nothing.
    fn claim(&mut self, place: usize, card: &Card) -> Result<(), Refusal> {
        for UniqueVariable { name, .. } in &self.unique {
            if card.get(name).is_none_or(str::is_empty) {
                return Err(Refusal::FieldRequired(name.clone()));
            }
        }
        for UniqueVariable { name, owners } in &self.unique {
            if card.get(name).and_then(|value| owners.get(value)).is_some_and(|&owner| owner != place) {
                return Err(Refusal::Duplicate(name.clone()));
            }
        }
        let before = self.cards.get(place);
        for UniqueVariable { name, owners } in &mut self.unique {
            if let Some(old) = before.and_then(|card| card.get(name)) {
                owners.remove(old);
            }
            if let Some(new) = card.get(name) {
                owners.insert(new.into(), place);
            }
        }
        Ok(())
    }

    /// False where no card has this id.
    pub(crate) fn set_installed(&mut self, card_id: &str, installed: bool) -> bool {
        let Some(&place) = self.places.get(card_id) else { return false };
        self.cards[place].installed = installed;
        true
    }
}

/// The first 16 characters of every id: time and chance, so that ids of one run are unknown to the next.
fn id_prefix() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs()) as u32;
    let chance = RandomState::new().hash_one(seconds) as u32;
    format!("{seconds:08x}{chance:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(unique: &[&str]) -> Store {
        let unique = unique.iter().map(|&name| name.into()).collect();
        Store::new(vec!["T".into()], unique, "http://h".into())
    }

    fn create(store: &mut Store, variables: &[(&str, &str)]) -> Result<String, Refusal> {
        store.create("T", variables).map(|card| card.id.clone())
    }

    #[test]
    fn a_refused_update_changes_nothing() {
        let mut store = store(&["PHONE"]);
        create(&mut store, &[("PHONE", "1")]).unwrap();
        let id = create(&mut store, &[("PHONE", "2"), ("BONUS", "0")]).unwrap();
        let refusal = store.update(&id, &[("BONUS", "9"), ("PHONE", "1")]).unwrap_err();
        assert_eq!(refusal, Refusal::Duplicate("PHONE".into()));
        assert_eq!(store.card(&id).unwrap().variables, [("PHONE".into(), "2".into()), ("BONUS".into(), "0".into())]);
    }

    #[test]
    fn a_phone_given_up_by_one_card_is_free_for_another() {
        let mut store = store(&["PHONE"]);
        let first = create(&mut store, &[("PHONE", "1")]).unwrap();
        store.update(&first, &[("PHONE", "2")]).unwrap();
        assert!(create(&mut store, &[("PHONE", "1")]).is_ok());
        assert_eq!(create(&mut store, &[("PHONE", "2")]), Err(Refusal::Duplicate("PHONE".into())));
    }

    #[test]
    fn a_card_may_be_given_its_own_phone_again() {
        let mut store = store(&["PHONE"]);
        let id = create(&mut store, &[("PHONE", "1")]).unwrap();
        assert!(store.update(&id, &[("PHONE", "1")]).is_ok());
        assert_eq!(create(&mut store, &[("PHONE", "1")]), Err(Refusal::Duplicate("PHONE".into())));
    }

    #[test]
    fn a_unique_variable_cannot_be_emptied() {
        let mut store = store(&["PHONE"]);
        let id = create(&mut store, &[("PHONE", "1")]).unwrap();
        assert_eq!(store.update(&id, &[("PHONE", "")]).unwrap_err(), Refusal::FieldRequired("PHONE".into()));
    }

    #[test]
    fn several_unique_variables_are_each_required_and_each_unique() {
        let mut store = store(&["PHONE", "EMAIL"]);
        assert_eq!(create(&mut store, &[("PHONE", "1")]), Err(Refusal::FieldRequired("EMAIL".into())));
        create(&mut store, &[("PHONE", "1"), ("EMAIL", "a")]).unwrap();
        assert_eq!(create(&mut store, &[("PHONE", "2"), ("EMAIL", "a")]), Err(Refusal::Duplicate("EMAIL".into())));
        assert!(create(&mut store, &[("PHONE", "2"), ("EMAIL", "b")]).is_ok(), "a refused card keeps no value");
    }

    #[test]
    fn a_variable_given_twice_keeps_its_first_place_and_last_value() {
        let mut store = store(&[]);
        let id = create(&mut store, &[("A", "1"), ("B", "2"), ("A", "3")]).unwrap();
        assert_eq!(store.card(&id).unwrap().variables, [("A".into(), "3".into()), ("B".into(), "2".into())]);
    }

    #[test]
    fn ids_are_24_hexadecimal_characters_and_links_hold_an_escaped_blank() {
        let mut store = store(&[]);
        let id = create(&mut store, &[]).unwrap();
        assert!(id.len() == 24 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        assert!(store.card(&id).unwrap().url.contains("%20"));
    }
}
