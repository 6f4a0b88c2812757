//! The token, which no Debug output shows.

use std::fmt;

/// What authorizes a call: the value of the `Authorization` header, sent as it is.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a token without the white space around it. An empty one is allowed and means that none is set.
    ///
    /// # Errors
    /// Anything but visible ASCII (0x21 to 0x7E) inside.
    pub fn parse(text: &str) -> Result<Token, TokenError> {
        let text = text.trim();
        if text.bytes().all(|byte| byte.is_ascii_graphic()) { Ok(Token(text.to_owned())) } else { Err(TokenError) }
    }

    /// Whether no token is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The token itself, for the header and for finding it in texts that must not show it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.is_empty() { "Token(none)" } else { "Token(***)" })
    }
}

/// A token that an HTTP header cannot carry. It does not hold the rejected text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenError;

impl fmt::Display for TokenError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a token consists of visible ASCII characters only")
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_around_a_token_is_dropped() {
        let token = Token::parse(" \t\u{a0}!abc~-Z_9\r\n").expect("a token");
        assert_eq!(token.reveal(), "!abc~-Z_9");
    }

    #[test]
    fn an_empty_token_is_no_token() {
        assert!(Token::parse("").expect("empty").is_empty());
        assert!(Token::parse(" \n").expect("blank").is_empty());
        assert_eq!(Token::default(), Token::parse("").expect("empty"));
    }

    #[test]
    fn anything_but_visible_ascii_inside_a_token_is_refused() {
        for text in ["a b", "a\tb", "a\r\nX-Header: b", "токен", "a\u{7f}", "a\0b", "a\u{200b}"] {
            assert_eq!(Token::parse(text), Err(TokenError), "{text:?}");
        }
    }

    #[test]
    fn debug_output_of_a_token_hides_it() {
        assert_eq!(format!("{:?}", Token::parse("secret").expect("a token")), "Token(***)");
    }
}
