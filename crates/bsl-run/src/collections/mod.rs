//! Collections of the language.

mod array;
mod list;
mod map;
mod structure;
mod table;
mod tree;

pub use array::Array;
pub use list::{ListItem, ValueList};
pub use map::Map;
pub(crate) use structure::checked_name as checked_key;
pub use structure::{KeyAndValue, Structure};
pub use table::{Column, Columns, Row, Table};
pub use tree::Tree;

use std::rc::Rc;

use crate::error::{Failure, Res};
use crate::object::Object;

/// Where an object itself, not one like it, stands among these.
pub(crate) fn position_of<T>(items: &[Rc<T>], object: &Rc<dyn Object>) -> Option<usize> {
    let wanted = Rc::as_ptr(object).cast::<()>();
    items.iter().position(|item| Rc::as_ptr(item).cast::<()>() == wanted)
}

/// The most elements that a collection is made with at once.
const MOST: usize = 20_000_000;

fn enough_memory(count: i64) -> Res<usize> {
    usize::try_from(count).ok().filter(|count| *count <= MOST).ok_or_else(|| Failure::new("Недостаточно памяти"))
}
