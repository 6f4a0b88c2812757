//! Why the service refuses a request, as a code and a message.

use std::fmt;
use std::time::Duration;

/// Why a request is not carried out; `Display` is the envelope's `message`.
///
/// The sandbox's choice: every text except that of `FieldRequired`, and every code except 401, 404, 409 and 500.
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
    TooManyRequests { retry_after: Duration },
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
            Self::TooManyRequests { .. } => 429,
            Self::FieldRequired(_) => 500,
        }
    }
}

impl std::error::Error for Refusal {}

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
            Self::TooManyRequests { .. } => f.write_str("Too many requests."),
        }
    }
}
