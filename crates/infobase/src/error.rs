//! What can go wrong in the base. The texts are those that a 1C developer reads, so they are Russian.

use crate::session_id::SessionId;

/// A failure of the base or of a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A query's text cannot be run.
    #[error("{{({line}, {column})}}: {message}")]
    Query {
        /// Line of the query's text, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A parameter of the query was not set.
    #[error("Не задано значение параметра \"{0}\"")]
    Parameter(String),
    /// A metadata object, a field or a value that this base does not have.
    #[error("Не найдено: {0}")]
    Unknown(String),
    /// A value that the operation cannot take.
    #[error("{0}")]
    Value(String),
    /// Another session holds a lock; the caller lets that session run and repeats the call, or calls
    /// [`crate::Infobase::lock_timed_out`].
    #[error("Ожидание блокировки сеансов {0:?}")]
    WouldWait(Vec<SessionId>),
    /// A lock was not granted in time.
    #[error("Конфликт блокировок при выполнении транзакции: превышено время ожидания предоставления блокировки")]
    LockTimeout,
    /// Waiting would never end.
    #[error("Неустранимый конфликт блокировок при выполнении транзакции: взаимоблокировка")]
    Deadlock,
    /// An error inside the transaction forbids everything but its rollback.
    #[error("В данной транзакции уже происходили ошибки!")]
    TransactionFailed,
    /// A commit or a rollback without a transaction.
    #[error("Транзакция не активна")]
    NoTransaction,
    /// A data lock outside a transaction.
    #[error("Управляемая блокировка возможна только в транзакции")]
    LockOutsideTransaction,
    /// A record with the same key exists.
    #[error("Запись с такими ключевыми полями существует! {0}")]
    NotUnique(String),
    /// The object was written by another session since it was read.
    #[error(
        "Операция не может быть выполнена из-за несоответствия версии или отсутствия записи базы данных \
             (возможно, запись была изменена или удалена)"
    )]
    Changed,
    /// Another session or form is editing the object.
    #[error("Ошибка блокировки объекта. Объект уже заблокирован: сеанс {0:?}")]
    ObjectLocked(SessionId),
    /// The user lacks a right.
    #[error("Недостаточно прав: {right} {object}")]
    Rights {
        /// `Чтение`, `Изменение` and so on.
        right: &'static str,
        /// Full name of the object.
        object: String,
    },
    /// Metadata that cannot be read.
    #[error("{file}: {message}")]
    Metadata {
        /// The file.
        file: String,
        /// What is wrong with it.
        message: String,
    },
    /// An error of SQLite, which a correct translation does not cause.
    #[error("Ошибка СУБД: {0}")]
    Database(String),
    /// The session was closed, or a crash ended it.
    #[error("Сеанс завершен")]
    NoSession,
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Error::Database(error.to_string())
    }
}

/// A result of the base.
pub type Result<T> = std::result::Result<T, Error>;
