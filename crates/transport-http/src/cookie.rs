//! Cookies as browsers send them.

use axum::http::{HeaderMap, header};

/// The values of all cookies of this name. Names are told apart letter by letter.
pub(crate) fn values<'h>(headers: &'h HeaderMap, name: &'static str) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(move |(given, _)| *given == name).map(|(_, value)| value)
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
}
