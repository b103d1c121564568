//! How much came when, as bars.

use std::collections::BTreeMap;

use domain::source::SourceName;
use domain::time::{Millis, Timestamp};
use engine::store::Arrivals;
use maud::{Markup, html};

/// How far back a chart looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// What the address calls it.
    pub(super) word: &'static str,
    /// What people call it.
    pub(super) name: &'static str,
    /// How many bars there are.
    bars: u32,
    /// How long each is.
    bar: Millis,
    /// What a bar is called.
    unit: &'static str,
}

/// Every span, the one that is shown first in front.
pub(super) const SPANS: [Span; 3] = [
    Span {
        word: "1h",
        name: "1 hour",
        bars: 60,
        bar: Millis::from_secs(60),
        unit: "a minute",
    },
    Span {
        word: "24h",
        name: "24 hours",
        bars: 96,
        bar: Millis::from_secs(15 * 60),
        unit: "15 minutes",
    },
    Span {
        word: "7d",
        name: "7 days",
        bars: 84,
        bar: Millis::from_secs(2 * 60 * 60),
        unit: "2 hours",
    },
];

const WIDTH: u64 = 960;
const HEIGHT: u64 = 120;

impl Span {
    /// The span that is called so; the first one otherwise.
    pub(super) fn of(word: &str) -> Self {
        let [first, ..] = SPANS;
        SPANS
            .into_iter()
            .find(|span| span.word == word)
            .unwrap_or(first)
    }

    /// Where the bars begin, and where the last one ends: whole minutes, quarters and hours, so
    /// that a bar stays the same while one looks.
    pub(super) fn edges(self, now: Timestamp) -> Vec<Timestamp> {
        let bar = i64::try_from(self.bar.get()).unwrap_or(i64::MAX);
        let end = now
            .as_millis()
            .div_euclid(bar)
            .saturating_add(1)
            .saturating_mul(bar);
        (0..=self.bars)
            .rev()
            .map(|back| Timestamp::from_millis(end.saturating_sub(i64::from(back) * bar)))
            .collect()
    }

    /// The bars between the edges.
    pub(super) fn chart(self, edges: &[Timestamp], arrivals: &[Arrivals]) -> Markup {
        let mut counts = vec![0_u64; edges.len().saturating_sub(1)];
        for each in arrivals {
            // The edges are whole minutes, so that no minute is in two bars.
            let bar = edges.partition_point(|edge| *edge <= each.minute);
            if let Some(count) = bar.checked_sub(1).and_then(|bar| counts.get_mut(bar)) {
                *count = count.saturating_add(each.events);
            }
        }
        let most = counts.iter().copied().max().unwrap_or(0);
        let total: u64 = counts.iter().sum();
        let words = format!(
            "{total} events in {}, at most {most} in {}.",
            self.name, self.unit
        );
        let step = WIDTH / u64::from(self.bars);
        // A single one among thousands is to be seen.
        let height = |count: u64| match count {
            0 => 0,
            _ => (u128::from(count) * u128::from(HEIGHT) / u128::from(most)).max(2),
        };
        html! {
            svg class="chart" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(words)
                preserveAspectRatio="none" {
                @for (at, count) in (0_u64..).zip(&counts) {
                    @let height = height(*count);
                    rect x=(at * step) width=(step.saturating_sub(2)) height=(height)
                        y=(u128::from(HEIGHT) - height) {
                        @if let Some(from) = usize::try_from(at).ok().and_then(|at| edges.get(at)) {
                            title { (count) " from " (from.to_iso()) }
                        }
                    }
                }
            }
            p class="faint" { (words) }
        }
    }
}

/// How many events came from each source, most first.
pub(super) fn by_source(arrivals: &[Arrivals]) -> Vec<(&SourceName, u64)> {
    let mut sums: BTreeMap<&SourceName, u64> = BTreeMap::new();
    for each in arrivals {
        let sum = sums.entry(&each.source).or_default();
        *sum = sum.saturating_add(each.events);
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, events)| std::cmp::Reverse(*events));
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_begins_at_a_whole_minute_and_the_last_one_holds_now() {
        let now = Timestamp::from_iso("2026-11-25T10:17:42.500Z").unwrap();
        for (span, first, last) in [
            ("1h", "2026-11-25T09:18:00.000Z", "2026-11-25T10:18:00.000Z"),
            (
                "24h",
                "2026-11-24T10:30:00.000Z",
                "2026-11-25T10:30:00.000Z",
            ),
            ("7d", "2026-11-18T12:00:00.000Z", "2026-11-25T12:00:00.000Z"),
            (
                "other",
                "2026-11-25T09:18:00.000Z",
                "2026-11-25T10:18:00.000Z",
            ),
        ] {
            let edges = Span::of(span).edges(now);
            let shown = (edges[0].to_iso(), edges.last().unwrap().to_iso());
            assert_eq!(shown, (first.to_owned(), last.to_owned()), "{span}");
        }
    }

    #[test]
    fn the_highest_bar_is_as_high_as_the_chart_and_one_is_never_nothing() {
        let span = Span::of("1h");
        let edges = span.edges(Timestamp::from_millis(0));
        let came = |bar: usize, events: u64| Arrivals {
            minute: edges[bar],
            source: SourceName::generic(),
            events,
        };
        let arrivals = [came(58, 1), came(59, 4_000_000), came(59, 999_999)];
        let (other, source) = (SourceName::try_new("a").unwrap(), SourceName::generic());
        let mut with_other = arrivals.to_vec();
        with_other.push(Arrivals {
            source: other.clone(),
            ..came(3, 7)
        });
        let sums = [(&source, 5_000_000), (&other, 7)];
        assert_eq!(by_source(&with_other), sums);
        let chart = span.chart(&edges, &arrivals).into_string();
        assert!(chart.contains("5000000 events in 1 hour, at most 4999999 in a minute."));
        assert!(
            chart.contains("height=\"120\"") && chart.contains("height=\"2\""),
            "{chart}"
        );
        let nothing = span.chart(&edges, &[came(60, 5)]).into_string();
        assert!(nothing.contains("0 events in 1 hour") && !nothing.contains("height=\"2\""));
    }
}
