//! The account's cards and templates in memory, and the rules about unique variables.
//!
//! Requests, forms and answers are not its business: see `service`.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::options::Template;
use crate::refusal::Refusal;
use crate::search::{Search, Searchable};
use crate::shape::Order;

/// A customer's card as the service keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// 24 hexadecimal characters.
    pub id: String,
    /// Download link. It always contains a `%20`, so that a client that decodes or strips percent signs is noticed.
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

/// All cards of the account. Values of a unique variable are compared as exact text across all templates, and an empty
/// value counts as not set: the sandbox's choice.
#[derive(Debug)]
pub(crate) struct Store {
    templates: Vec<Template>,
    unique: Vec<UniqueVariable>,
    cards: Vec<Card>,
    /// For each card the text that a search looks into.
    searchable: Vec<Searchable>,
    /// Index in `cards` by card id.
    places: HashMap<String, usize>,
    /// Indexes in `cards` by template id, in the order of creation.
    of_template: HashMap<String, Vec<usize>>,
    /// Scheme, host and port of the links on the cards.
    origin: String,
    id_prefix: String,
    /// Number of cards ever made: an id is not used again.
    made: usize,
}

#[derive(Debug)]
struct UniqueVariable {
    name: String,
    /// Index in `Store::cards` by value.
    owners: HashMap<String, usize>,
}

impl Store {
    pub(crate) fn new(templates: Vec<Template>, unique: Vec<String>, origin: String) -> Self {
        let unique = unique.into_iter().map(|name| UniqueVariable { name, owners: HashMap::new() }).collect();
        Self {
            templates,
            unique,
            cards: Vec::new(),
            searchable: Vec::new(),
            places: HashMap::new(),
            of_template: HashMap::new(),
            origin,
            id_prefix: id_prefix(),
            made: 0,
        }
    }

    pub(crate) fn templates(&self) -> &[Template] {
        &self.templates
    }

    pub(crate) fn unique_names(&self) -> impl Iterator<Item = &str> {
        self.unique.iter().map(|unique| unique.name.as_str())
    }

    /// In the order of their creation.
    pub(crate) fn cards(&self) -> &[Card] {
        &self.cards
    }

    pub(crate) fn card(&self, id: &str) -> Option<&Card> {
        self.places.get(id).map(|&place| &self.cards[place])
    }

    /// The number of all cards of this template (`None`: of all), and at most `limit` of them after the first `skip`.
    pub(crate) fn slice(&self, template: Option<&str>, order: Order, skip: usize, limit: usize) -> (usize, Vec<&Card>) {
        let places = template.map(|id| self.of_template.get(id).map(Vec::as_slice).unwrap_or_default());
        let total = places.map_or(self.cards.len(), <[usize]>::len);
        let card = |number: usize| &self.cards[places.map_or(number, |places| places[number])];
        let numbers = skip.min(total)..skip.saturating_add(limit).min(total);
        let cards = match order {
            Order::OldestFirst => numbers.map(card).collect(),
            Order::NewestFirst => numbers.map(|number| card(total - 1 - number)).collect(),
        };
        (total, cards)
    }

    /// The cards that a search finds, the newest first.
    pub(crate) fn find<'a>(&'a self, search: &'a Search) -> impl Iterator<Item = &'a Card> {
        let pairs = self.cards.iter().zip(&self.searchable).rev();
        pairs.filter(|(_, text)| search.matches(text)).map(|(card, _)| card)
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
        let id = format!("{}{:08x}", self.id_prefix, self.made);
        let url = format!("{}/card/{id}/Wallet%20card", self.origin);
        let mut card = Card { id, url, template_id: template_id.into(), variables: Vec::new(), installed: false };
        for (name, value) in variables {
            card.set(name, value);
        }
        self.claim(place, &card)?;
        self.made += 1;
        self.places.insert(card.id.clone(), place);
        self.of_template.entry(template_id.into()).or_default().push(place);
        self.searchable.push(searchable(&card));
        self.cards.push(card);
        Ok(&self.cards[place])
    }

    /// Changes only the given variables, or none if one of them is refused.
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
        self.searchable[place] = searchable(&self.cards[place]);
        Ok(&self.cards[place])
    }

    /// Registers the unique values of `card` for the index `place` and frees its former ones, or changes nothing.
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

    /// Removes a card; those after it move up. False if no card has this id.
    pub(crate) fn delete(&mut self, card_id: &str) -> bool {
        let Some(place) = self.places.remove(card_id) else { return false };
        self.cards.remove(place);
        self.searchable.remove(place);
        let move_up = |at: &mut usize| *at -= usize::from(*at > place);
        self.places.values_mut().for_each(move_up);
        for places in self.of_template.values_mut() {
            places.retain(|&at| at != place);
            places.iter_mut().for_each(move_up);
        }
        for UniqueVariable { owners, .. } in &mut self.unique {
            owners.retain(|_, owner| *owner != place);
            owners.values_mut().for_each(move_up);
        }
        true
    }

    /// False if no card has this id.
    pub(crate) fn set_installed(&mut self, card_id: &str, installed: bool) -> bool {
        let Some(&place) = self.places.get(card_id) else { return false };
        self.cards[place].installed = installed;
        true
    }
}

fn searchable(card: &Card) -> Searchable {
    let values = card.variables.iter().map(|(_, value)| value.as_str());
    Searchable::new([card.id.as_str()].into_iter().chain(values))
}

/// The first 16 characters of every id: the time and a random number, so that two runs never share an id.
fn id_prefix() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs()) as u32;
    let random = RandomState::new().hash_one(seconds) as u32;
    format!("{seconds:08x}{random:08x}")
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
    fn the_former_phone_of_a_card_is_free_for_another() {
        let mut store = store(&["PHONE"]);
        let first = create(&mut store, &[("PHONE", "1")]).unwrap();
        store.update(&first, &[("PHONE", "2")]).unwrap();
        assert!(create(&mut store, &[("PHONE", "1")]).is_ok());
        assert_eq!(create(&mut store, &[("PHONE", "2")]), Err(Refusal::Duplicate("PHONE".into())));
    }

    #[test]
    fn a_deleted_card_leaves_its_place_and_its_phone_but_not_its_id() {
        let mut store = store(&["PHONE"]);
        let ids = ["1", "2", "3"].map(|phone| create(&mut store, &[("PHONE", phone)]).unwrap());
        assert!(store.delete(&ids[1]));
        assert!(!store.delete(&ids[1]));
        assert_eq!(store.update(&ids[2], &[("PHONE", "1")]).unwrap_err(), Refusal::Duplicate("PHONE".into()));
        let again = create(&mut store, &[("PHONE", "2")]).unwrap();
        assert!(!ids.contains(&again));
        let listed = |store: &Store, template, order| -> Vec<String> {
            store.slice(template, order, 1, 9).1.into_iter().map(|card| card.id.clone()).collect()
        };
        for template in [None, Some("T")] {
            assert_eq!(listed(&store, template, Order::OldestFirst), [ids[2].clone(), again.clone()]);
            assert_eq!(listed(&store, template, Order::NewestFirst), [ids[2].clone(), ids[0].clone()]);
        }
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
    fn ids_are_24_hexadecimal_characters_and_links_contain_an_encoded_space() {
        let mut store = store(&[]);
        let id = create(&mut store, &[]).unwrap();
        assert!(id.len() == 24 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        assert!(store.card(&id).unwrap().url.contains("%20"));
    }
}
