//! An envelope as the vendor describes it, read in one pass. That is nearly every answer.
//!
//! Anything else is left to the reader that keeps every member's text first: a member of another type or that stands twice, a name
//! that is written with an escape.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// The members of an answer that matter; each is absent if it has the wrong type.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Envelope {
    pub(super) code: Option<i64>,
    pub(super) message: Option<String>,
    pub(super) card_id: Option<String>,
    pub(super) card_url: Option<String>,
    pub(super) installed: bool,
}

/// The envelope in this body; `None` if it is of another form, or none at all.
pub(super) fn read(body: &str) -> Option<Envelope> {
    let mut members = Members::default();
    let mut deserializer = serde_json::Deserializer::from_str(body);
    Object { level: Level::Envelope, members: &mut members }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(Envelope {
        code: Some(members.code?),
        message: members.message.flatten().filter(|message| is_said(message)),
        card_id: members.card_id.flatten(),
        card_url: members.card_url.flatten(),
        installed: members.installed.flatten().unwrap_or(false),
    })
}

/// What has been read; the outer `None` stands for a member that has not come yet, the inner one for `null`.
#[derive(Default)]
struct Members {
    code: Option<i64>,
    message: Option<Option<String>>,
    has_result: bool,
    card_id: Option<Option<String>>,
    card_url: Option<Option<String>>,
    has_card: bool,
    installed: Option<Option<bool>>,
}

#[derive(Clone, Copy)]
enum Level {
    Envelope,
    Result,
    Card,
}

/// One of the nested objects.
struct Object<'a> {
    level: Level,
    members: &'a mut Members,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Object { level, members } = self;
        while let Some(name) = map.next_key::<&str>()? {
            match (level, name) {
                (Level::Envelope, "code") => once(&mut members.code, map.next_value()?)?,
                (Level::Envelope, "message") => once(&mut members.message, map.next_value()?)?,
                (Level::Envelope, "result") => {
                    first(&mut members.has_result)?;
                    map.next_value_seed(Object { level: Level::Result, members: &mut *members })?;
                }
                (Level::Result, "cardId") => once(&mut members.card_id, map.next_value()?)?,
                (Level::Result, "cardUrl") => once(&mut members.card_url, map.next_value()?)?,
                (Level::Result, "card") => {
                    first(&mut members.has_card)?;
                    map.next_value_seed(Object { level: Level::Card, members: &mut *members })?;
                }
                (Level::Card, "installed") => once(&mut members.installed, map.next_value()?)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Stores a member that must not stand twice.
fn once<T, E: Error>(place: &mut Option<T>, value: T) -> Result<(), E> {
    if place.replace(value).is_some() { Err(E::custom("twice")) } else { Ok(()) }
}

fn first<E: Error>(seen: &mut bool) -> Result<(), E> {
    if std::mem::replace(seen, true) { Err(E::custom("twice")) } else { Ok(()) }
}

/// A blank message says nothing.
pub(super) fn is_said(message: &str) -> bool {
    !message.trim().is_empty()
}
