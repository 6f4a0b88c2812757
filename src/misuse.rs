//! What a BSL programmer did wrong, as facts: each [`Misuse`] becomes a BSL exception.
//!
//! No texts are made here: [`crate::messages`] turns these facts into sentences. No fact holds a value that BSL passed in,
//! because a rejected value may be the token.

use passteam_client::form::FormError;
use passteam_client::settings::{CertificateFileError, ProxyError, ServerUrlError, TokenError};

use crate::names::Names;

/// A programmer's mistake: what it is about, and what is wrong with it.
#[derive(Clone, PartialEq)]
pub struct Misuse {
    /// What it is about.
    pub subject: Subject,
    /// What is wrong.
    pub problem: Problem,
}

/// What a mistake is about.
#[derive(Clone, Copy, PartialEq)]
pub enum Subject {
    /// No member in particular.
    Component,
    /// A property.
    Property(&'static Names),
    /// The call of a method as a whole.
    Method(&'static Names),
    /// One parameter of a method.
    Parameter {
        /// The method.
        method: &'static Names,
        /// The parameter's place, from 1.
        number: usize,
        /// The parameter.
        parameter: &'static Names,
    },
}

/// What is wrong with a property, a parameter or a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Problem {
    /// Another type was expected.
    WrongType {
        /// The type that fits.
        expected: BslType,
        /// The type that came.
        got: BslType,
    },
    /// A value of this type has no text that could be sent.
    Unsendable {
        /// The type that came.
        got: BslType,
    },
    /// A date that does not exist, or one outside the years 1 to 9999.
    InvalidDate,
    /// NaN or an infinity.
    NotFinite,
    /// 2^53 or more in magnitude: the last digits are already lost.
    NumberTooLarge,
    /// A number outside the setting's range.
    OutOfRange {
        /// The smallest that fits.
        least: f64,
        /// The largest that fits.
        most: f64,
    },
    /// A fraction, but a whole number is needed.
    NotWhole,
    /// An empty or blank text.
    Empty,
    /// A setting that the call needs has no value yet.
    NotSet,
    /// The token holds what an HTTP header cannot.
    Token(TokenError),
    /// Not an address of a server, or not a safe one.
    ServerUrl(ServerUrlError),
    /// Not a proxy's address.
    Proxy(ProxyError),
    /// No usable file of CA certificates.
    CertificateFile(CertificateFileError),
    /// JSON that does not fit.
    Json(FormError),
    /// JSON, but not an array of cards.
    NotAnArray {
        /// The member that names a card.
        name: &'static str,
    },
    /// A name that no method of the service can have.
    MethodName,
    /// The property cannot be read.
    WriteOnly,
    /// The property cannot be written.
    ReadOnly,
    /// Too few or too many parameters.
    ParameterCount {
        /// How many are required.
        least: usize,
        /// How many the method has.
        most: usize,
        /// How many came.
        got: usize,
    },
    /// An index that no member has.
    UnknownMember,
    /// The object is in the middle of a call on this very thread.
    Busy,
    /// The platform's memory manager gave no memory.
    OutOfMemory,
    /// A defect of the component itself.
    Internal {
        /// Source file and line.
        place: String,
    },
}

/// A type as BSL knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BslType {
    /// Неопределено.
    Undefined,
    /// Null.
    Null,
    /// Булево.
    Boolean,
    /// Число.
    Number,
    /// Дата.
    Date,
    /// Строка.
    String,
    /// ДвоичныеДанные.
    Binary,
    /// Anything else; its number in the official header `types.h`.
    Other(u16),
}

impl Misuse {
    /// A mistake that belongs to no member.
    pub fn component(problem: Problem) -> Misuse {
        Misuse { subject: Subject::Component, problem }
    }

    /// A mistake with a property.
    pub fn property(names: &'static Names, problem: Problem) -> Misuse {
        Misuse { subject: Subject::Property(names), problem }
    }

    /// A mistake with a call as a whole.
    pub fn method(names: &'static Names, problem: Problem) -> Misuse {
        Misuse { subject: Subject::Method(names), problem }
    }

    /// The same with the names that the caller chose as `hide` leaves them.
    pub fn redacted(mut self, hide: impl FnOnce(&str) -> String) -> Misuse {
        if let Problem::Json(FormError::Nested { name } | FormError::NumberTooLong { name }) = &mut self.problem {
            *name = hide(name);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use passteam_client::redact::redact;

    use super::*;

    #[test]
    fn a_caller_chosen_name_shows_no_secret() {
        let problem = Problem::Json(FormError::Nested { name: "x-TOKEN-x".to_owned() });
        let shown = Misuse::component(problem).redacted(|name| redact(name, ["TOKEN"])).problem;
        assert_eq!(shown, Problem::Json(FormError::Nested { name: "x-***-x".to_owned() }));
    }
}
