//! Sessions: transactions with their undo logs, users and their rights.

use std::collections::BTreeSet;

use chrono::Duration;

use crate::metadata::{Kind, Metadata, fold};
use crate::store::Change;

/// How a transaction guards its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionMode {
    /// The database locks by itself; data locks of the program have no effect.
    Automatic,
    /// Data locks of the program and those of writes.
    Managed,
}

/// A right to an object's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// `Чтение`.
    Read,
    /// `Изменение` (and `Добавление`, `Удаление`).
    Update,
}

impl Right {
    /// The right's name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Right::Read => "Чтение",
            Right::Update => "Изменение",
        }
    }
}

/// Who works in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Name in the event log.
    pub name: String,
    /// Whether the user has all rights.
    pub full_rights: bool,
    grants: BTreeSet<(String, Right)>,
    roles: BTreeSet<String>,
}

impl User {
    /// An administrator.
    pub fn administrator() -> Self {
        User {
            name: "Администратор".into(), full_rights: true, grants: BTreeSet::new(), roles: BTreeSet::new()
        }
    }

    /// A user without any right.
    pub fn limited(name: &str) -> Self {
        User { name: name.into(), full_rights: false, grants: BTreeSet::new(), roles: BTreeSet::new() }
    }

    /// Grants a right to the object with this full name.
    #[must_use]
    pub fn grant(mut self, object: &str, right: Right) -> Self {
        self.grants.insert((fold(object), right));
        self
    }

    /// Gives the user a role of the base. Rights to read, view and use data count as reading, all others as changing.
    #[must_use]
    pub fn with_role(mut self, metadata: &Metadata, role: &str) -> Self {
        for (object, right) in metadata.object(Kind::Role, role).into_iter().flat_map(|role| &role.grants) {
            let rights: &[Right] = match right.as_str() {
                "Read" | "View" => &[Right::Read],
                "Use" => &[Right::Read, Right::Update],
                _ => &[Right::Update],
            };
            self.grants.extend(rights.iter().map(|right| (fold(object), *right)));
        }
        self.roles.insert(fold(role));
        self
    }

    /// Whether the user has a role; an administrator has all.
    pub fn has_role(&self, role: &str) -> bool {
        self.full_rights || self.roles.contains(&fold(role))
    }

    /// Whether the user has a right.
    pub fn may(&self, object: &str, right: Right) -> bool {
        self.full_rights || self.grants.contains(&(fold(object), right))
    }
}

/// A transaction with those that are nested in it.
#[derive(Debug)]
pub(crate) struct Transaction {
    /// How many times it was begun; 1 is the outermost.
    pub(crate) depth: u32,
    /// Whether an error forbids its commit.
    pub(crate) failed: bool,
    /// Set by the outermost beginning.
    pub(crate) mode: TransactionMode,
    /// What was written, in order.
    pub(crate) changes: Vec<Change>,
}

/// A session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) user: User,
    pub(crate) privileged: bool,
    pub(crate) transaction: Option<Transaction>,
    /// How far the clock of the session's computer is ahead of the base's.
    pub(crate) clock_skew: Duration,
    /// The session's time zone, ahead of UTC.
    pub(crate) time_zone: Duration,
    /// Name of the computer that works for the session: of a server base the working server's.
    pub(crate) computer: String,
}

impl Session {
    pub(crate) fn new(user: User, computer: String) -> Self {
        Session {
            user,
            privileged: false,
            transaction: None,
            clock_skew: Duration::zero(),
            time_zone: Duration::zero(),
            computer,
        }
    }
}
