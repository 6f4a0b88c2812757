//! What addresses of servers and of proxies have in common.

/// Whether there is white space or a control character: URL parsers drop some of them silently.
pub(super) fn holds_unprintable(address: &str) -> bool {
    address.chars().any(|character| character.is_whitespace() || character.is_control())
}

/// A host as a URL holds it, without the brackets of an IPv6 address.
pub(super) fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}
