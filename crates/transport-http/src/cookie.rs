//! Cookies as browsers send them.

use axum::http::{HeaderMap, HeaderValue, header};

/// The values of all cookies of this name. Names are told apart byte by byte.
///
/// Other hosts of the same domain set cookies as well, with whatever bytes they like: what isn't ours is passed over, not looked at. A value
/// that is no text is as good as an empty one.
pub(crate) fn values<'h>(headers: &'h HeaderMap, name: &'static str) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes);
    let pairs = lines.flat_map(|line| line.split(|byte| *byte == b';')).map(<[u8]>::trim_ascii);
    let values = pairs.filter_map(move |pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    values.map(|value| std::str::from_utf8(value).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_found_in_every_line_by_their_whole_names() {
        let lines = ["a=1; ab=2;a=3", "x; A=4", "a=5=6"];
        let headers: HeaderMap = lines.iter().map(|line| (header::COOKIE, line.parse().unwrap())).collect();
        assert_eq!(values(&headers, "a").collect::<Vec<_>>(), ["1", "3", "5=6"]);
        assert_eq!(values(&headers, "b").next(), None);
    }

    #[test]
    fn cookies_of_others_with_other_bytes_hide_none_of_ours() {
        let mut headers = HeaderMap::new();
        let line = b"x=\xfc; a=1; \xff\xfe; b=\xfc; \xc3\xbc=2; a=3".as_slice();
        headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
        assert_eq!(values(&headers, "a").collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!(values(&headers, "b").collect::<Vec<_>>(), [""], "shown, and no text");
    }
}
