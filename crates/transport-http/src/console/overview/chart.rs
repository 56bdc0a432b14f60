//! Small bar charts, drawn here. Each has its numbers as a table for those who read rather than look.

use maud::{Markup, html};

use crate::console::words::Words;

/// One bar, of parts that stand on one another.
pub(super) struct Bar {
    pub(super) label: String,
    /// The class that colours a part, and how much it is.
    pub(super) parts: Vec<(&'static str, u64)>,
}

const HEIGHT: u64 = 100;
/// Room above the highest bar for its number.
const TOP: u64 = 16;
const WIDTH: u64 = 40;
const GAP: u64 = 10;

/// With more bars than that a chart is too wide for a phone, and is moved to and fro there.
const FEW: usize = 7;

/// The chart, its key, and its numbers.
pub(super) fn figure(
    words: Words,
    title: &str,
    bars: &[Bar],
    key: &[(&'static str, &'static str)],
) -> Markup {
    let sum = |bar: &Bar| bar.parts.iter().map(|(_, count)| count).sum::<u64>();
    let most = bars.iter().map(sum).max().unwrap_or(0).max(1);
    let width = bars.len() as u64 * (WIDTH + GAP) + GAP;
    html! {
        section {
            h2 { (title) }
            figure.chart {
                div.drawing tabindex="0" role="region" aria-label=(title) { svg.wide[bars.len() > FEW] viewBox={ "0 -" (TOP) " " (width) " " (HEIGHT + TOP + 20) } preserveAspectRatio="xMinYMid" role="img" aria-label=(title) {
                    @for (place, bar) in (0_u64..).zip(bars) {
                        @let x = GAP + place * (WIDTH + GAP);
                        @for (class, y, height) in stacked(&bar.parts, most) {
                            rect class=(class) x=(x) y=(y) width=(WIDTH) height=(height) {}
                        }
                        @if sum(bar) > 0 { text x=(x + WIDTH / 2) y=(HEIGHT - sum(bar) * HEIGHT / most) dy="-3" text-anchor="middle" { (sum(bar)) } }
                        text x=(x + WIDTH / 2) y=(HEIGHT + 15) text-anchor="middle" { (bar.label) }
                    }
                } }
                @if key.len() > 1 {
                    figcaption.small { @for (class, name) in key { span class={ "key " (class) } {} " " (name) " " } }
                }
                (numbers(words, title, key, bars.iter().map(|bar| (&*bar.label, bar.parts.iter().map(|(_, count)| *count).collect()))))
            }
        }
    }
}

/// One row, as long as it is much.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) count: u64,
}

const ROW: u64 = 36;
const ROW_WIDTH: u64 = 240;
/// Room behind the longest row for its number.
const END: u64 = 60;

/// Rows of something that is counted by long names, the most first.
pub(super) fn rows(words: Words, title: &str, counted: &'static str, rows: &[Row]) -> Markup {
    let most = rows.iter().map(|row| row.count).max().unwrap_or(0).max(1);
    html! {
        section {
            h2 { (title) }
            figure.chart.rows {
                svg viewBox={ "0 0 " (ROW_WIDTH + END) " " (ROW * rows.len() as u64) } preserveAspectRatio="xMinYMid" role="img" aria-label=(title) {
                    @for (place, row) in (0_u64..).zip(rows) {
                        @let (y, length) = (place * ROW, (row.count * ROW_WIDTH / most).max(1));
                        text x="0" y=(y + 12) { (row.label) }
                        rect class="answers" x="0" y=(y + 17) width=(length) height="12" {}
                        text x=(length + 6) y=(y + 27) { (row.count) }
                    }
                }
                (numbers(words, title, &[("answers", counted)], rows.iter().map(|row| (&*row.label, vec![row.count]))))
            }
        }
    }
}

/// The same as a table.
fn numbers<'r>(
    words: Words,
    title: &str,
    key: &[(&'static str, &'static str)],
    rows: impl Iterator<Item = (&'r str, Vec<u64>)>,
) -> Markup {
    html! {
        details {
            summary { (words.overview_numbers()) }
            div.scroll tabindex="0" role="region" aria-label=(title) {
                table {
                    thead { tr { td {} @for (_, name) in key { th scope="col" { (name) } } } }
                    tbody { @for (label, counts) in rows { tr { th scope="row" { (label) } @for count in counts { td { (count) } } } } }
                }
            }
        }
    }
}

/// Where each part stands, from the bottom up, and how high it is. What is there is seen: at least one unit.
fn stacked(parts: &[(&'static str, u64)], most: u64) -> Vec<(&'static str, u64, u64)> {
    let mut bottom = HEIGHT;
    let mut drawn = Vec::new();
    for (class, count) in parts.iter().filter(|(_, count)| *count > 0) {
        let height = (count * HEIGHT / most).max(1).min(bottom);
        bottom -= height;
        drawn.push((*class, bottom, height));
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_on_one_another_and_stay_inside() {
        assert_eq!(stacked(&[("a", 30), ("b", 0), ("c", 70)], 100), [("a", 70, 30), ("c", 0, 70)]);
        assert_eq!(stacked(&[("a", 1)], 1_000_000), [("a", 99, 1)]);
        let full = stacked(&[("a", 999), ("b", 1)], 1_000);
        assert!(full.iter().all(|(_, y, height)| y + height <= HEIGHT));
    }
}
