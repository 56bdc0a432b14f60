//! Finding requests by words: what a word is, and what a person may look for. The same in every store, because stores are handed words and
//! compare them byte by byte.
//!
//! A **word** is a longest run of letters and digits, in lower case; everything else, a hyphen, a dot, a slash, an underscore, separates:
//! `acme/shop#17` is `acme`, `shop` and `17`, and `db-orders.v2` is `db`, `orders` and `v2`. Letters are compared as they are written:
//! accents count, and no word is reduced to its stem.
//!
//! A request is found by a **search** when each word of the search is the beginning of one of the request's words, in any order: `sho dep`
//! finds what `depends on shop`, and `01932d5e-7a` finds the request whose id begins so.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The most characters of a search.
pub const LONGEST_SEARCH: usize = 100;

/// The most different words of a search.
pub const MOST_SEARCHED: usize = 8;

/// The most characters of a word that are kept and compared.
const LONGEST_WORD: usize = 64;

/// What a person looks for: one to [`MOST_SEARCHED`] words.
#[derive(Clone, PartialEq, Eq)]
pub struct Search {
    words: BTreeSet<String>,
}

/// A text is no search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must have at most {LONGEST_SEARCH} characters and 1 to {MOST_SEARCHED} words of letters and digits")]
pub struct ParseSearchError;

/// The words of a text, in order, each as often as it is there.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let parts = text.split(|sign: char| !sign.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(|part| part.chars().flat_map(char::to_lowercase).take(LONGEST_WORD).collect())
}

impl Search {
    /// The words looked for, each once.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// Whether something of these words is found.
    pub fn finds<W: AsRef<str>>(&self, words: &[W]) -> bool {
        self.words.iter().all(|wanted| words.iter().any(|word| word.as_ref().starts_with(wanted)))
    }
}

impl FromStr for Search {
    type Err = ParseSearchError;

    fn from_str(text: &str) -> Result<Self, ParseSearchError> {
        let words: BTreeSet<String> = words(text).collect();
        let good = text.chars().count() <= LONGEST_SEARCH && (1..=MOST_SEARCHED).contains(&words.len());
        if good { Ok(Self { words }) } else { Err(ParseSearchError) }
    }
}

/// Cursors belong to what was looked for, whatever stands between the words.
impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.words).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words_of(text: &str) -> Vec<String> {
        words(text).collect()
    }

    #[test]
    fn everything_but_letters_and_digits_separates() {
        for (text, expected) in [
            ("", &[][..]),
            (" -./#_ ", &[]),
            ("acme/shop#17", &["acme", "shop", "17"]),
            ("db-orders.v2 db_orders", &["db", "orders", "v2", "db", "orders"]),
            ("kubernetes:shop-dev/app#VALUE", &["kubernetes", "shop", "dev", "app", "value"]),
            ("Straße Ünal ΣΟΦΙΑ", &["straße", "ünal", "σοφια"]),
            ("数据库", &["数据库"]),
        ] {
            assert_eq!(words_of(text), expected, "{text}");
        }
    }

    #[test]
    fn a_long_word_is_cut_in_what_is_kept_and_in_what_is_looked_for() {
        let long = "x".repeat(100);
        assert_eq!(words_of(&long), ["x".repeat(64)]);
        assert!(long.parse::<Search>().unwrap().finds(&words_of(&long)));
    }

    #[test]
    fn all_words_have_to_begin_one() {
        let kept = words_of("Rotate the database password of shop-dev, see acme/shop#17");
        for found in ["shop", "sho dat", "SHOP-DEV", "acme/shop#17", "#17", "passw", "17 17 17"] {
            assert!(found.parse::<Search>().unwrap().finds(&kept), "{found}");
        }
        for lost in ["hop", "shop prod", "acme/shop#18", "passwords", "x"] {
            assert!(!lost.parse::<Search>().unwrap().finds(&kept), "{lost}");
        }
    }

    #[test]
    fn a_search_has_words_and_an_end() {
        let nine = (0..9).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
        for bad in ["", "  ", "-#-", &"a".repeat(101), &nine] {
            assert_eq!(bad.parse::<Search>(), Err(ParseSearchError), "{bad}");
        }
        assert!("a".repeat(100).parse::<Search>().is_ok());
        assert!(nine.trim_end_matches(" w8").parse::<Search>().is_ok());
        assert_eq!("b, a".parse::<Search>(), "A-b".parse::<Search>());
    }
}
