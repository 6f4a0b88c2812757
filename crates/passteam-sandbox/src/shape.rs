//! The shape of the answers to `getcard`, `getcards`, `getCardsWithPagination` and `gettemplates`.
//!
//! The vendor publishes what these answers tell, but not the names of their members. A client must therefore work with
//! any of them, and the sandbox can take any of them on. The answers to `createcard` and `updatecard` are published and
//! keep their shape.

use std::fmt;
use std::str::FromStr;

/// Names and places of members in answers. The default is the sandbox's choice.
///
/// It is written as `key=value[,key=value…]`; what is left out keeps its default:
///
/// | key | value | default |
/// |---|---|---|
/// | `list` | member of `result` with the list of cards, or `result`: `result` is the list | `cards` |
/// | `card` | member of `result` with the card of `getcard`, or `result` | `card` |
/// | `templates` | member of `result` with the list of templates, or `result` | `result` |
/// | `id` | `cardId`, `_id` or `id`: the name of a card's id; `_id` and `id` name a template's id too | `cardId` |
/// | `order` | `oldest` or `newest`: which cards stand on the first page | `oldest` |
/// | `variables` | `beside`: variables are members of the card; `values`: they are in its member `values` | `beside` |
/// | `page`, `limit`, `total`, `pages`, `previous`, `next` | name of that number; empty: it is left out | `page`, `limit`, `total`, `pages`, `previousPage`, `nextPage` |
///
/// If `result` is the list, the numbers are members of the envelope.
///
/// ```
/// let shape: passteam_sandbox::Shape = "list=items,id=_id,variables=values,next=next_page,total=".parse()?;
/// assert_eq!(shape.to_string().parse(), Ok(shape));
/// # Ok::<(), passteam_sandbox::InvalidShape>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    pub(crate) list: Place,
    pub(crate) card: Place,
    pub(crate) templates: Place,
    pub(crate) id: IdName,
    pub(crate) variables: VariablePlace,
    pub(crate) order: Order,
    pub(crate) names: PageNames,
}

/// Which cards stand on the first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
}

/// `result` itself or a member of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Result,
    Member(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdName {
    CardId,
    UnderscoreId,
    Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VariablePlace {
    Beside,
    Values,
}

/// Names of the numbers of a page; an empty one leaves its number out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageNames {
    pub(crate) page: String,
    pub(crate) limit: String,
    pub(crate) total: String,
    pub(crate) pages: String,
    pub(crate) previous: String,
    pub(crate) next: String,
}

impl PageNames {
    fn all(&self) -> [&String; 6] {
        [&self.page, &self.limit, &self.total, &self.pages, &self.previous, &self.next]
    }
}

impl Default for Shape {
    fn default() -> Self {
        Self {
            list: Place::Member("cards".into()),
            card: Place::Member("card".into()),
            templates: Place::Result,
            id: IdName::CardId,
            variables: VariablePlace::Beside,
            order: Order::OldestFirst,
            names: PageNames {
                page: "page".into(),
                limit: "limit".into(),
                total: "total".into(),
                pages: "pages".into(),
                previous: "previousPage".into(),
                next: "nextPage".into(),
            },
        }
    }
}

impl IdName {
    pub(crate) fn of_card(self) -> &'static str {
        match self {
            Self::CardId => "cardId",
            Self::UnderscoreId => "_id",
            Self::Id => "id",
        }
    }

    pub(crate) fn of_template(self) -> &'static str {
        match self {
            Self::CardId => "templateId",
            Self::UnderscoreId | Self::Id => self.of_card(),
        }
    }
}

/// Why a text is not a [`Shape`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvalidShape {
    /// A part that is not `key=value` with a known key and a possible value.
    Setting(String),
    /// A name that two members of one object would have.
    NameUsedTwice(String),
}

impl fmt::Display for InvalidShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting(text) => write!(f, "«{text}» is not key=value with a known key and a fitting value"),
            Self::NameUsedTwice(name) => write!(f, "the name {name} is used twice"),
        }
    }
}

impl std::error::Error for InvalidShape {}

impl FromStr for Shape {
    type Err = InvalidShape;

    fn from_str(text: &str) -> Result<Self, InvalidShape> {
        let settings = text.split(',').filter(|setting| !setting.trim().is_empty());
        settings.into_iter().try_fold(Self::default(), Self::with_setting)?.with_unique_names()
    }
}

impl Shape {
    fn with_setting(mut self, setting: &str) -> Result<Self, InvalidShape> {
        let invalid = || InvalidShape::Setting(setting.trim().into());
        let (key, value) = setting.trim().split_once('=').ok_or_else(invalid)?;
        match key {
            "list" => self.list = Place::parse(value).ok_or_else(invalid)?,
            "card" => self.card = Place::parse(value).ok_or_else(invalid)?,
            "templates" => self.templates = Place::parse(value).ok_or_else(invalid)?,
            "id" => {
                let names = [IdName::CardId, IdName::UnderscoreId, IdName::Id];
                self.id = names.into_iter().find(|name| name.of_card() == value).ok_or_else(invalid)?;
            }
            "variables" if value == "beside" => self.variables = VariablePlace::Beside,
            "variables" if value == "values" => self.variables = VariablePlace::Values,
            "order" if value == "oldest" => self.order = Order::OldestFirst,
            "order" if value == "newest" => self.order = Order::NewestFirst,
            "page" => self.names.page = value.into(),
            "limit" => self.names.limit = value.into(),
            "total" => self.names.total = value.into(),
            "pages" => self.names.pages = value.into(),
            "previous" => self.names.previous = value.into(),
            "next" => self.names.next = value.into(),
            _ => return Err(invalid()),
        }
        Ok(self)
    }

    /// Refuses a shape in which one object would have two members of one name.
    fn with_unique_names(self) -> Result<Self, InvalidShape> {
        let mut used: Vec<&str> = match &self.list {
            Place::Result => vec!["result", "message", "code", "error"],
            Place::Member(name) => vec![name],
        };
        for name in self.names.all().into_iter().filter(|name| !name.is_empty()) {
            if used.contains(&name.as_str()) {
                return Err(InvalidShape::NameUsedTwice(name.clone()));
            }
            used.push(name);
        }
        Ok(self)
    }
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "" => None,
            "result" => Some(Self::Result),
            name => Some(Self::Member(name.into())),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Result => "result",
            Self::Member(name) => name,
        })
    }
}

impl fmt::Display for Shape {
    /// All settings, as [`Shape::from_str`] reads them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { list, card, templates, id, variables, order, names } = self;
        let variables = match variables {
            VariablePlace::Beside => "beside",
            VariablePlace::Values => "values",
        };
        let order = match order {
            Order::OldestFirst => "oldest",
            Order::NewestFirst => "newest",
        };
        write!(f, "list={list},card={card},templates={templates},id={},variables={variables}", id.of_card())?;
        write!(f, ",order={order}")?;
        let PageNames { page, limit, total, pages, previous, next } = names;
        write!(f, ",page={page},limit={limit},total={total},pages={pages},previous={previous},next={next}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_reads_back_as_it_is_written() {
        for text in
            ["", "list=result,id=id", "list=items,card=result,templates=all,variables=values,order=newest,page=p,next="]
        {
            let shape: Shape = text.parse().unwrap();
            assert_eq!(shape.to_string().parse(), Ok(shape), "{text}");
        }
        assert_eq!("".parse(), Ok(Shape::default()));
    }

    #[test]
    fn what_is_not_a_shape_is_refused() {
        for text in ["list", "list=", "id=card", "variables=", "order=", "colour=red"] {
            assert_eq!(text.parse::<Shape>(), Err(InvalidShape::Setting(text.into())));
        }
        for (text, name) in [("page=x,next=x", "x"), ("page=cards", "cards"), ("list=result,total=code", "code")] {
            assert_eq!(text.parse::<Shape>(), Err(InvalidShape::NameUsedTwice(name.into())), "{text}");
        }
    }
}
