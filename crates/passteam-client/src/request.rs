//! A call of one method of the service: what goes out, whether it may be sent again, and what a success must hold.
//!
//! Whether a repeat is safe is fixed here, where the request is made, and nowhere later. How a request is sent is a matter of
//! [`crate::transport`].

use std::fmt;

use form_urlencoded::Serializer;
use hyper::body::Bytes;

use crate::form::{Parameters, Variables};

/// The method that makes a card.
pub(crate) const CREATE_CARD: &str = "createcard";
/// The method that sets variables of a card.
pub(crate) const UPDATE_CARD: &str = "updatecard";

/// One call of a method of the service. Debug output shows no values.
#[derive(Clone)]
pub struct Request {
    method: String,
    body: Bytes,
    repeatable: Repeatable,
    expectation: Expectation,
    secrets: Vec<String>,
}

/// When a request may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeatable {
    /// Only if no byte of it can have left: it must not be carried out twice.
    OnlyIfUnsent,
    /// Also after a failure that another try may mend: carried out twice it does the same as once.
    Idempotent,
    /// As [`Repeatable::Idempotent`], but the caller waits out the pauses that the service asks for.
    IdempotentCallerWaits,
}

/// What an answer must hold to be a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// The id of the card that was made.
    NewCard,
    /// Nothing; it may say whether the card is installed.
    UpdatedCard {
        /// The card.
        card_id: String,
    },
    /// A list of cards.
    CardPage,
    /// Nothing: the caller reads the answer.
    Anything,
}

impl Request {
    /// `createcard`: makes a card of a template. It is never sent again once it may have reached the service.
    pub fn create_card(template_id: &str, variables: &Variables) -> Request {
        Request::with_variables(
            CREATE_CARD,
            ("templateId", template_id),
            variables,
            Repeatable::OnlyIfUnsent,
            Expectation::NewCard,
        )
    }

    /// `updatecard`: sets variables of a card.
    pub fn update_card(card_id: &str, variables: &Variables) -> Request {
        let expectation = Expectation::UpdatedCard { card_id: card_id.to_owned() };
        Request::with_variables(UPDATE_CARD, ("cardId", card_id), variables, Repeatable::Idempotent, expectation)
    }

    /// `getCardsWithPagination`: a page of cards, counted from 1, of one template or, if `template_id` is empty, of all.
    pub fn get_cards(page: u32, template_id: &str) -> Request {
        let mut form = Serializer::new(String::new());
        form.append_pair("page", &page.to_string());
        if !template_id.is_empty() {
            form.append_pair("templateId", template_id);
        }
        Request {
            method: "getCardsWithPagination".to_owned(),
            body: form.finish().into(),
            repeatable: Repeatable::Idempotent,
            expectation: Expectation::CardPage,
            secrets: Vec::new(),
        }
    }

    /// `gettemplates`: the account's templates. It changes nothing.
    pub fn get_templates() -> Request {
        Request {
            method: "gettemplates".to_owned(),
            body: Bytes::new(),
            repeatable: Repeatable::Idempotent,
            expectation: Expectation::Anything,
            secrets: Vec::new(),
        }
    }

    /// Any other method of the service. What it does is unknown, so it is repeated only if [`Request::create_card`] would be.
    ///
    /// # Errors
    /// A name of anything but ASCII letters, digits, `_` and `-`, or an empty one.
    pub fn method(name: &str, parameters: &Parameters) -> Result<Request, MethodNameError> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if name.is_empty() || !name.bytes().all(fits) {
            return Err(MethodNameError);
        }
        let mut form = Serializer::new(String::new());
        form.extend_pairs(parameters.iter());
        Ok(Request {
            method: name.to_owned(),
            body: form.finish().into(),
            repeatable: Repeatable::OnlyIfUnsent,
            expectation: Expectation::Anything,
            secrets: parameters.iter().map(|(_, value)| value.to_owned()).collect(),
        })
    }

    fn with_variables(
        method: &str,
        (subject, id): (&str, &str),
        variables: &Variables,
        repeatable: Repeatable,
        expectation: Expectation,
    ) -> Request {
        let mut form = Serializer::new(String::new());
        form.append_pair(subject, id);
        for (name, value) in variables.iter() {
            form.append_pair(&format!("values[%{name}%]"), value);
        }
        Request {
            method: method.to_owned(),
            body: form.finish().into(),
            repeatable,
            expectation,
            secrets: variables.iter().map(|(_, value)| value.to_owned()).collect(),
        }
    }

    /// The same request, but a pause that the service asks for (429) ends the call at once: the caller waits it out.
    pub fn caller_waits(mut self) -> Request {
        if self.repeatable == Repeatable::Idempotent {
            self.repeatable = Repeatable::IdempotentCallerWaits;
        }
        self
    }

    /// The values of this call, of every length, which no text for a person may show; see [`crate::redact`].
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// The method of the service, such as `updatecard`.
    pub fn method_name(&self) -> &str {
        &self.method
    }

    /// The card that is to be updated.
    pub fn card_id(&self) -> Option<&str> {
        match &self.expectation {
            Expectation::UpdatedCard { card_id } => Some(card_id),
            Expectation::NewCard | Expectation::CardPage | Expectation::Anything => None,
        }
    }

    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }

    pub(crate) fn repeatable(&self) -> Repeatable {
        self.repeatable
    }

    pub(crate) fn expectation(&self) -> &Expectation {
        &self.expectation
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Request")
            .field("method", &self.method)
            .field("bytes", &self.body.len())
            .field("repeatable", &self.repeatable)
            .finish_non_exhaustive()
    }
}

/// A name that no method of the service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MethodNameError;

impl fmt::Display for MethodNameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a method's name consists of ASCII letters, digits, _ and -")
    }
}

impl std::error::Error for MethodNameError {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The fields of a form as any server reads them.
    fn read_back(request: &Request) -> Vec<(String, String)> {
        form_urlencoded::parse(&request.body()).into_owned().collect()
    }

    #[test]
    fn a_card_goes_out_as_its_template_and_then_its_variables_in_their_order() {
        let mut variables = Variables::default();
        variables.set("PHONE", "79161234567").expect("a variable");
        variables.set("%CLIENT_NAME%", "Иванова & Co").expect("a variable");
        let request = Request::create_card("tpl 1", &variables);
        assert_eq!(request.method_name(), "createcard");
        assert_eq!(
            String::from_utf8(request.body().to_vec()).expect("ASCII"),
            "templateId=tpl+1&values%5B%25PHONE%25%5D=79161234567\
             &values%5B%25CLIENT_NAME%25%5D=%D0%98%D0%B2%D0%B0%D0%BD%D0%BE%D0%B2%D0%B0+%26+Co"
        );
    }

    #[test]
    fn an_update_names_its_card_first() {
        let mut variables = Variables::default();
        variables.set("BALANCE", "7500").expect("a variable");
        let request = Request::update_card("5f0c", &variables);
        assert_eq!(request.method_name(), "updatecard");
        assert_eq!(request.body(), "cardId=5f0c&values%5B%25BALANCE%25%5D=7500");
        assert_eq!(Request::update_card("5f0c", &Variables::default()).body(), "cardId=5f0c");
    }

    proptest! {
        #[test]
        fn whatever_goes_in_a_standard_form_parser_reads_back(
            id in ".*",
            pairs in proptest::collection::vec((".*[^%\\s].*", ".*"), 0..8),
        ) {
            let mut variables = Variables::default();
            for (name, value) in &pairs {
                variables.set(name, value).expect("a name that is not blank");
            }
            let mut expected = vec![("templateId".to_owned(), id.clone())];
            expected.extend(variables.iter().map(|(name, value)| (format!("values[%{name}%]"), value.to_owned())));
            prop_assert_eq!(read_back(&Request::create_card(&id, &variables)), expected);
        }

        #[test]
        fn whatever_stands_in_a_json_object_a_standard_form_parser_reads_back(
            pairs in proptest::collection::btree_map(".*[^%\\s].*", ".*", 0..8),
        ) {
            let json = serde_json::to_string(&pairs).expect("JSON");
            let sent = Variables::from_json(&json).expect("variables");
            let mut expected = Variables::default();
            for (name, value) in &pairs {
                expected.set(name, value).expect("a name that is not blank");
            }
            prop_assert_eq!(sent.iter().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());

            let parameters = Parameters::from_json(&json).expect("parameters");
            let request = Request::method("m", &parameters).expect("a method");
            prop_assert_eq!(read_back(&request), pairs.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_page_is_asked_for_by_its_number() {
        let request = Request::get_cards(3, "tpl 1");
        assert_eq!(request.method_name(), "getCardsWithPagination");
        assert_eq!(request.body(), "page=3&templateId=tpl+1");
        assert_eq!(Request::get_cards(1, "").body(), "page=1");
    }

    #[test]
    fn a_methods_name_is_letters_digits_underscores_and_hyphens() {
        for name in ["gettemplates", "getCardsWithPagination", "a-b_1"] {
            assert_eq!(Request::method(name, &Parameters::default()).expect(name).method_name(), name);
        }
        for name in ["", "a b", "../admin", "a/b", "a?b", "a#b", "метод", "a%2f", "a\n"] {
            assert_eq!(Request::method(name, &Parameters::default()).err(), Some(MethodNameError), "{name:?}");
        }
    }

    #[test]
    fn only_an_update_may_be_carried_out_twice() {
        let variables = Variables::default();
        let method = Request::method("m", &Parameters::default()).expect("a method");
        assert_eq!(Request::create_card("t", &variables).repeatable(), Repeatable::OnlyIfUnsent);
        assert_eq!(method.repeatable(), Repeatable::OnlyIfUnsent);
        assert_eq!(method.caller_waits().repeatable(), Repeatable::OnlyIfUnsent);
        assert_eq!(Request::get_cards(1, "").repeatable(), Repeatable::Idempotent);
        let update = Request::update_card("c", &variables);
        assert_eq!(update.repeatable(), Repeatable::Idempotent);
        assert_eq!(update.caller_waits().repeatable(), Repeatable::IdempotentCallerWaits);
    }

    #[test]
    fn debug_output_shows_no_value_and_secrets_tell_all_of_them() {
        let variables = Variables::from_json(r#"{"NAME":"SECRET1","PHONE":"SECRET2","X":"a"}"#).expect("variables");
        let parameters = Parameters::from_json(r#"{"a":["SECRET3"]}"#).expect("parameters");
        let method = Request::method("m", &parameters).expect("a method");
        let create = Request::create_card("t", &variables);
        let text = format!("{variables:?} {parameters:?} {method:?} {create:#?}");
        assert!(text.contains("NAME") && text.contains("createcard"), "{text}");
        assert!(!text.contains("SECRET"), "{text}");
        assert_eq!(create.secrets(), ["SECRET1", "SECRET2", "a"]);
        assert_eq!(method.secrets(), ["SECRET3"]);
    }

    #[test]
    fn strings_of_several_megabytes_go_through() {
        let long = "Ж&".repeat(1_000_000);
        let json = serde_json::json!({ "LONG": long }).to_string();
        let request = Request::update_card("c", &Variables::from_json(&json).expect("variables"));
        assert_eq!(read_back(&request)[1].1, long);
    }
}
