//! Small readings of single words: durations, and what a misspelled word may have meant.

use countersign_kernel::Millis;

use crate::limits::{MAX_CLOCK, MIN_CLOCK};

/// What a duration looks like, for messages.
pub(crate) const DURATION_EXPECTED: &str = "a duration from 1s to 30d, such as `30s`, `15m`, `1h30m` or `2d` (units d, h, m, s, each once, largest first)";

/// Reads a duration within the bounds.
pub(crate) fn duration(text: &str) -> Option<Millis> {
    const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut secs: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let amount: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        // The iterator is not put back: a unit can't come again, nor a larger one after a smaller.
        let (_, size) = units.find(|(name, _)| *name == unit)?;
        secs = secs.checked_add(amount.checked_mul(*size)?)?;
        rest = &rest[digits + 1..];
    }
    let span = Millis(secs.checked_mul(1000)?);
    (MIN_CLOCK..=MAX_CLOCK).contains(&span).then_some(span)
}

/// What is said about a word that isn't known: what it may have meant, or else what there is.
pub(crate) fn hint<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    let near = known.iter().map(|one| (distance(word, one), *one)).min();
    if let Some((_, one)) = near.filter(|(away, one)| *away <= 1.max(one.len().min(word.len()) / 3)) {
        return format!("did you mean `{one}`?");
    }
    match known.len() {
        0 => "there is none".to_owned(),
        1 => format!("expected `{}`", known[0]),
        count => {
            let shown = known.iter().take(12).map(|one| format!("`{one}`")).collect::<Vec<_>>().join(", ");
            let more = if count > 12 { format!(" and {} more", count - 12) } else { String::new() };
            format!("expected one of {shown}{more}")
        }
    }
}

/// Repeats a word of the text in a message, cut to a bearable length.
pub(crate) fn quoted(word: &str) -> String {
    let mut shown: String = word.chars().take(64).collect();
    if shown.len() < word.len() {
        shown.push('…');
    }
    format!("`{}`", shown.escape_debug())
}

/// How many characters have to be put in, taken out, replaced or swapped with their neighbour to get from one word to the other.
fn distance(a: &str, b: &str) -> usize {
    // Beyond any name's length nothing is a slip of the pen.
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(128).collect(), b.chars().take(128).collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_amounts_with_units() {
        for (text, secs) in
            [("1s", 1), ("15m", 900), ("1h", 3600), ("1h30m", 5400), ("2d", 172_800), ("30d", 2_592_000)]
        {
            assert_eq!(duration(text), Some(Millis::from_secs(secs)), "{text}");
        }
        for text in [
            "",
            "0s",
            "15",
            "m",
            "1.5h",
            "1h 30m",
            "-1h",
            "31d",
            "30d1s",
            "30m1h",
            "1h1h",
            "1w",
            "99999999999999999999s",
            "1hé",
            "é",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn near_words_are_suggested_and_far_ones_are_listed() {
        let known = ["approval", "quorum", "delegates"];
        assert_eq!(hint("aproval", known), "did you mean `approval`?");
        assert_eq!(hint("qourum", known), "did you mean `quorum`?");
        assert_eq!(hint("timeout", known), "expected one of `approval`, `delegates`, `quorum`");
        assert_eq!(hint("aks", ["ask", "xyz"]), "did you mean `ask`?");
        assert_eq!(hint("x", ["only"]), "expected `only`");
        assert_eq!(hint("x", []), "there is none");
    }

    #[test]
    fn repeated_words_are_short_and_visible() {
        assert_eq!(quoted("a\u{202e}b"), "`a\\u{202e}b`");
        assert_eq!(quoted(&"x".repeat(70)).chars().count(), 67);
    }
}
