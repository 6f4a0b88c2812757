//! The `result` of the methods that read cards and templates, in the shape that was chosen.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::options::Template;
use crate::shape::{PageNames, Place, Shape, VariablePlace};
use crate::store::Card;

/// A value that is `result` itself or a member of it.
pub(crate) struct Placed<'a, T>(pub(crate) &'a Place, pub(crate) T);

impl<T: Serialize> Serialize for Placed<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Place::Result => self.1.serialize(serializer),
            Place::Member(name) => serializer.collect_map([(name, &self.1)]),
        }
    }
}

/// A card of an answer. Variables are named `%NAME%`, as in the vendor's answers.
pub(crate) struct CardResult<'a> {
    pub(crate) card: &'a Card,
    pub(crate) shape: &'a Shape,
}

impl Serialize for CardResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { card, shape } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(shape.id.of_card(), &card.id)?;
        map.serialize_entry("cardUrl", &card.url)?;
        map.serialize_entry("templateId", &card.template_id)?;
        map.serialize_entry("installed", &card.installed)?;
        match shape.variables {
            VariablePlace::Values => map.serialize_entry("values", &Variables(card))?,
            VariablePlace::Beside => {
                for (name, value) in &card.variables {
                    map.serialize_entry(&format_args!("%{name}%"), value)?;
                }
            }
        }
        map.end()
    }
}

struct Variables<'a>(&'a Card);

impl Serialize for Variables<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.variables.iter().map(|(name, value)| (format!("%{name}%"), value)))
    }
}

pub(crate) struct TemplateResult<'a> {
    pub(crate) template: &'a Template,
    pub(crate) shape: &'a Shape,
}

impl Serialize for TemplateResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { template, shape } = self;
        serializer.collect_map([(shape.id.of_template(), &template.id), ("name", &template.name)])
    }
}

/// The numbers that accompany a page of cards.
pub(crate) struct PageNumbers<'a> {
    pub(crate) names: &'a PageNames,
    pub(crate) page: usize,
    pub(crate) limit: usize,
    pub(crate) total: usize,
}

impl PageNumbers<'_> {
    fn named(&self) -> impl Iterator<Item = (&str, Option<usize>)> {
        let Self { names, page, limit, total } = self;
        let pages = total.div_ceil(*limit);
        let previous = (*page > 1).then(|| page - 1);
        let next = (*page < pages).then(|| page + 1);
        [
            (names.page.as_str(), Some(*page)),
            (&names.limit, Some(*limit)),
            (&names.total, Some(*total)),
            (&names.pages, Some(pages)),
            (&names.previous, previous),
            (&names.next, next),
        ]
        .into_iter()
        .filter(|(name, _)| !name.is_empty())
    }
}

impl Serialize for PageNumbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.named())
    }
}

/// A list of cards with the numbers beside it.
pub(crate) struct PageResult<'a> {
    /// Name of the list.
    pub(crate) name: &'a str,
    pub(crate) cards: Vec<CardResult<'a>>,
    pub(crate) numbers: PageNumbers<'a>,
}

impl Serialize for PageResult<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.name, &self.cards)?;
        for (name, number) in self.numbers.named() {
            map.serialize_entry(name, &number)?;
        }
        map.end()
    }
}
