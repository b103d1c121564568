//! How things went, as bars: the span that is looked at, and what a chart is drawn from. What is
//! told by a chart is said in words below it, too.

use domain::time::{Millis, Timestamp};
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

/// One minute, in milliseconds.
const MINUTE: i64 = 60_000;

const WIDTH: u64 = 960;
const HEIGHT: u64 = 120;

/// One kind of thing in a chart.
#[derive(Debug)]
pub(super) struct Series {
    /// What people call it; empty where there is one kind.
    pub(super) name: &'static str,
    /// The style's word for it.
    pub(super) class: &'static str,
    /// How high it is in each bar.
    pub(super) heights: Vec<u64>,
}

impl Span {
    /// What people call it.
    pub(super) fn name(self) -> &'static str {
        self.name
    }

    /// What a bar is called.
    pub(super) fn unit(self) -> &'static str {
        self.unit
    }

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
}

/// The bar in which a time is.
pub(super) fn bar_of(edges: &[Timestamp], at: Timestamp) -> Option<usize> {
    let bar = edges.partition_point(|edge| *edge <= at).checked_sub(1)?;
    (bar.saturating_add(1) < edges.len()).then_some(bar)
}

/// The minutes from that of `now` on, and where the last of them ends.
pub(super) fn minutes_ahead(now: Timestamp, minutes: u32) -> Vec<Timestamp> {
    let first = now.as_millis().div_euclid(MINUTE).saturating_mul(MINUTE);
    let edges = (0..=i64::from(minutes)).map(|minute| first.saturating_add(minute * MINUTE));
    edges.map(Timestamp::from_millis).collect()
}

/// How high each bar is when each of `counted` adds to the bar that its minute is in.
pub(super) fn sums(
    edges: &[Timestamp],
    counted: impl Iterator<Item = (Timestamp, u64)>,
) -> Vec<u64> {
    let mut heights = vec![0_u64; edges.len().saturating_sub(1)];
    // The edges are whole minutes, so that no minute is in two bars.
    for (minute, count) in counted {
        if let Some(height) = bar_of(edges, minute).and_then(|bar| heights.get_mut(bar)) {
            *height = height.saturating_add(count);
        }
    }
    heights
}

/// Bars between the edges, the series one upon the other. `words` say what it shows, and `tell`
/// what a height means.
pub(super) fn bars(
    edges: &[Timestamp],
    series: &[Series],
    words: &str,
    tell: impl Fn(u64) -> String,
) -> Markup {
    let count = edges.len().saturating_sub(1);
    let total = |bar: usize| -> u64 {
        let heights = series.iter().filter_map(|each| each.heights.get(bar));
        heights.fold(0, |sum, height| sum.saturating_add(*height))
    };
    let most = (0..count).map(total).max().unwrap_or(0);
    let step = WIDTH / u64::try_from(count).unwrap_or(u64::MAX).max(1);
    html! {
        svg class="chart" viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(words)
            preserveAspectRatio="none" {
            @for (bar, from) in edges.iter().take(count).enumerate() {
                @let parts = stacked(series, bar, most);
                @if !parts.is_empty() {
                    g {
                        @for (part, y, height) in parts {
                            rect class=(part.class) x=(u64::try_from(bar).unwrap_or(0) * step)
                                width=(step.saturating_sub(2)) y=(y) height=(height) {}
                        }
                        title { (told(series, bar, &tell)) " from " (from.to_iso()) }
                    }
                }
            }
        }
        p class="faint" { (words) }
    }
}

/// Where each series' part of a bar begins and how high it is, the first at the bottom.
fn stacked(series: &[Series], bar: usize, most: u64) -> Vec<(&Series, u64, u64)> {
    let mut top = HEIGHT;
    let mut parts = Vec::new();
    for each in series {
        let count = each.heights.get(bar).copied().unwrap_or(0);
        if count == 0 || most == 0 {
            continue;
        }
        // A single one among thousands is to be seen.
        let height = u128::from(count) * u128::from(HEIGHT) / u128::from(most);
        let height = u64::try_from(height).unwrap_or(HEIGHT).max(2).min(top);
        top -= height;
        parts.push((each, top, height));
    }
    parts
}

fn told(series: &[Series], bar: usize, tell: impl Fn(u64) -> String) -> String {
    let parts = series.iter().filter_map(|each| {
        let height = each
            .heights
            .get(bar)
            .copied()
            .filter(|height| *height > 0)?;
        Some(
            format!("{} {}", tell(height), each.name)
                .trim_end()
                .to_owned(),
        )
    });
    parts.collect::<Vec<_>>().join(", ")
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
        let ahead = minutes_ahead(now, 60);
        assert_eq!(ahead.len(), 61);
        assert_eq!(ahead[0].to_iso(), "2026-11-25T10:17:00.000Z");
        assert_eq!(ahead[60].to_iso(), "2026-11-25T11:17:00.000Z");
    }

    #[test]
    fn a_minute_counts_in_its_bar_and_outside_of_all_bars_in_none() {
        let edges = Span::of("1h").edges(Timestamp::from_millis(0));
        let beyond = [edges[60], Timestamp::from_millis(edges[0].as_millis() - 1)];
        let inside = [edges[0], edges[59], edges[59]];
        let counted = inside.into_iter().chain(beyond).map(|minute| (minute, 2));
        let heights = sums(&edges, counted);
        assert_eq!((heights[0], heights[59]), (2, 4));
        assert_eq!(heights.iter().sum::<u64>(), 6);
    }

    #[test]
    fn the_highest_bar_is_as_high_as_the_chart_and_one_is_never_nothing() {
        let edges = minutes_ahead(Timestamp::from_millis(0), 3);
        let series = |name, class, heights: [u64; 3]| Series {
            name,
            class,
            heights: heights.to_vec(),
        };
        let (good, bad) = (
            series("good", "good", [4_999_999, 1, 0]),
            series("<bad>", "bad", [1, 0, 0]),
        );
        let drawn = bars(&edges, &[good, bad], "So many.", |count| count.to_string());
        let drawn = drawn.into_string();
        // The one among millions has its two pixels at the top.
        for part in [
            "class=\"good\" x=\"0\" width=\"318\" y=\"1\" height=\"119\"",
            "class=\"bad\" x=\"0\" width=\"318\" y=\"0\" height=\"1\"",
            "class=\"good\" x=\"320\" width=\"318\" y=\"118\" height=\"2\"",
            "4999999 good, 1 &lt;bad&gt; from 1970-01-01T00:00:00.000Z",
            "1 good from 1970-01-01T00:01:00.000Z",
            "aria-label=\"So many.\"",
        ] {
            assert!(drawn.contains(part), "{part} in {drawn}");
        }
        assert_eq!(drawn.matches("<rect").count(), 3);
        let none = series("", "good", [0; 3]);
        let drawn = bars(&edges, &[none], "None.", |count| count.to_string());
        assert!(!drawn.into_string().contains("<rect"));
    }
}
