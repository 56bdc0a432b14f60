//! Fact codes with their wording in each language in one place, so that a fact without words doesn't compile.

use countersign_kernel::Language;
use serde_json::{Map, Value};

use crate::plan::Fact;

/// Declares the facts one tool can state: variant, code and wording, in which `{name}` stands for the parameter of that name.
macro_rules! fact_codes {
    ($(#[$doc:meta])* $name:ident { $($variant:ident: $code:literal en $english:literal ru $russian:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name {
            $(#[doc = $english] $variant,)+
        }

        impl $name {
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),+];

            pub(crate) const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            const fn words(self, language: countersign_kernel::Language) -> &'static str {
                match (self, language) {
                    $(
                        (Self::$variant, countersign_kernel::Language::English) => $english,
                        (Self::$variant, countersign_kernel::Language::Russian) => $russian,
                    )+
                }
            }

            fn of_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }

            /// The fact with these parameters.
            pub(crate) fn with(self, params: serde_json::Value) -> crate::plan::Fact {
                crate::plan::Fact::new(self.code(), params)
            }

            /// The sentence of a fact, if it is one of these.
            pub(crate) fn find_words(
                fact: &crate::plan::Fact,
                language: countersign_kernel::Language,
            ) -> Option<String> {
                Self::of_code(&fact.code).map(|code| crate::tools::facts::fill(code.words(language), &fact.params))
            }
        }
    };
}
pub(crate) use fact_codes;

/// The sentence of a fact by the first of these vocabularies that has one; a fact of none of them is printed as it is.
pub(crate) fn words(
    fact: &Fact,
    language: Language,
    vocabularies: &[fn(&Fact, Language) -> Option<String>],
) -> String {
    vocabularies.iter().find_map(|find_words| find_words(fact, language)).unwrap_or_else(|| fact.to_string())
}

/// Puts the parameters into a sentence. What a parameter holds is never read as a placeholder again.
pub(crate) fn fill(words: &str, params: &Map<String, Value>) -> String {
    let mut out = String::with_capacity(words.len() + 32);
    let mut rest = words;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        match params.get(name) {
            Some(Value::String(text)) => out.push_str(text),
            Some(Value::Array(items)) => {
                let items: Vec<_> =
                    items.iter().map(|item| item.as_str().map_or(item.to_string(), str::to_owned)).collect();
                out.push_str(&items.join(", "));
            }
            Some(other) => out.push_str(&other.to_string()),
            None => {
                out.push('{');
                out.push_str(name);
                out.push('}');
            }
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_filled_in_once() {
        let params = json!({"a": "{b}", "b": 2, "c": ["x", "y"]}).as_object().unwrap().clone();
        assert_eq!(fill("{a} and {b}, {c}; {d} {", &params), "{b} and 2, x, y; {d} {");
    }
}
