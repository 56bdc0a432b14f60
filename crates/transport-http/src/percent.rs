//! Texts as parts of addresses.

/// A text as one part of a path or as a value in a query (RFC 3986, section 2.1).
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_means_nothing_in_an_address_stays() {
        assert_eq!(encoded("acme/shop#17 ё"), "acme%2Fshop%2317%20%D1%91");
        assert_eq!(encoded("a&b=c?d%~-._"), "a%26b%3Dc%3Fd%25~-._");
    }
}
