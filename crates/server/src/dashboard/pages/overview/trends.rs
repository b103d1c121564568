//! How things went: what came, how it ended, how fast it was answered, and what is due.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::source::SourceName;
use domain::time::Timestamp;
use engine::store::{Acks, Arrivals, Endings, ExecutionStatus, Store, Unavailable, Waiting};
use maud::{Markup, html};

use crate::dashboard::chart::{SPANS, Series, Span, bar_of, bars, minutes_ahead, sums};
use crate::desk::Desk;

/// How many minutes ahead what is due is shown.
const MINUTES_AHEAD: u32 = 60;

/// What the charts are drawn from.
pub(super) struct Trends {
    span: Span,
    edges: Vec<Timestamp>,
    arrivals: Vec<Arrivals>,
    endings: Vec<Endings>,
    acks: Vec<Acks>,
    ahead: Vec<Timestamp>,
    waiting: Vec<Waiting>,
}

impl Trends {
    /// What the store has of the time that is looked at.
    pub(super) fn read<S: Store>(span: Span, desk: &Desk<S>) -> Result<Self, Unavailable> {
        let now = desk.clock.now();
        let edges = span.edges(now);
        let since = edges.first().copied().unwrap_or(now);
        let ahead = minutes_ahead(now, MINUTES_AHEAD);
        let until = ahead.last().copied().unwrap_or(now);
        Ok(Self {
            arrivals: desk.store.arrivals(since)?,
            endings: desk.store.endings(since)?,
            acks: desk.store.acks(since)?,
            waiting: desk.store.waiting(now, until)?,
            span,
            edges,
            ahead,
        })
    }

    /// The charts.
    pub(super) fn show(&self) -> Markup {
        html! {
            nav class="tabs" aria-label="How far back" {
                @for each in SPANS {
                    a href={ "/?span=" (each.word) }
                        aria-current=[(each == self.span).then_some("true")] { (each.name()) }
                }
            }
            div class="charts" {
                section { h2 { "Taken in" } (self.arrivals()) (self.sources()) }
                section { h2 { "How it ended" } (self.endings()) }
                section { h2 { "Answered within" } (self.acks()) }
                section { h2 { "Due in the next hour" } (self.waiting()) }
            }
        }
    }

    fn arrivals(&self) -> Markup {
        let counted = self.arrivals.iter().map(|each| (each.minute, each.events));
        let heights = sums(&self.edges, counted);
        let (total, most) = (heights.iter().sum::<u64>(), heights.iter().max());
        let words = format!(
            "{total} events in {}, at most {} in {}.",
            self.span.name(),
            most.unwrap_or(&0),
            self.span.unit()
        );
        let series = [Series {
            name: "",
            class: "plain",
            heights,
        }];
        bars(&self.edges, &series, &words, |count| count.to_string())
    }

    fn sources(&self) -> Markup {
        let sums = by_source(&self.arrivals);
        html! {
            @if !sums.is_empty() {
                ul class="sources" aria-label="By source" {
                    @for (source, events) in sums {
                        li { a href={ "/events?source=" (source) } { (source) } " " (events) }
                    }
                }
            }
        }
    }

    fn endings(&self) -> Markup {
        let of = |wanted: &[ExecutionStatus]| {
            let fits = self
                .endings
                .iter()
                .filter(|each| wanted.contains(&each.status));
            sums(&self.edges, fits.map(|each| (each.minute, each.executions)))
        };
        let series = [
            ("succeeded", "good", &[ExecutionStatus::Succeeded][..]),
            (
                "failed",
                "bad",
                &[ExecutionStatus::Failed, ExecutionStatus::TimedOut],
            ),
            ("stopped", "faint", &[ExecutionStatus::Aborted]),
        ];
        let series = series.map(|(name, class, wanted)| Series {
            name,
            class,
            heights: of(wanted),
        });
        let totals = series.each_ref().map(|each| each.heights.iter().sum());
        let words = outcome(totals, self.span.name());
        bars(&self.edges, &series, &words, |count| count.to_string())
    }

    fn acks(&self) -> Markup {
        let slowest = slowest(&self.edges, &self.acks);
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let upper = slowest
            .iter()
            .map(|(median, p99)| p99.saturating_sub(*median));
        let series = [
            Series {
                name: "for half of them",
                class: "plain",
                heights: slowest.iter().map(|(median, _)| micros(*median)).collect(),
            },
            Series {
                name: "more for 99 of 100",
                class: "light",
                heights: upper.map(micros).collect(),
            },
        ];
        let worst = self.acks.iter().max_by_key(|each| each.p99);
        let words = match worst {
            None if self.arrivals.is_empty() => {
                format!("No webhook was answered in {}.", self.span.name())
            }
            None => "A minute is written down when it is over.".to_owned(),
            Some(worst) => format!(
                "In the slowest minute, at {}, half of {} webhooks were answered within {}, and 99 \
                 of a hundred within {}.",
                worst
                    .minute
                    .to_iso()
                    .get(..16)
                    .unwrap_or_default()
                    .replace('T', " "),
                worst.webhooks,
                span_of(micros(worst.median)),
                span_of(micros(worst.p99)),
            ),
        };
        bars(&self.edges, &series, &words, span_of)
    }

    fn waiting(&self) -> Markup {
        let waiting = self.waiting.iter();
        let heights = sums(
            &self.ahead,
            waiting.map(|each| (each.minute, each.executions)),
        );
        let total: u64 = heights.iter().sum();
        let words = match self.waiting.first() {
            None => "Nothing waits for its next try.".to_owned(),
            Some(first) => format!(
                "{total} wait for their next try or for a time, the first at {}.",
                first.minute.to_iso().get(11..16).unwrap_or_default()
            ),
        };
        let series = [Series {
            name: "due",
            class: "busy",
            heights,
        }];
        bars(&self.ahead, &series, &words, |count| count.to_string())
    }
}

/// How it ended, in words: of executions that succeeded, failed and were stopped.
fn outcome([succeeded, failed, stopped]: [u64; 3], span: &str) -> String {
    let total = succeeded.saturating_add(failed).saturating_add(stopped);
    if total == 0 {
        return format!("No execution ended in {span}.");
    }
    // In tenths of a hundredth, and never "100 %" while one failed.
    let share = u128::from(succeeded) * 1000 / u128::from(total);
    format!(
        "{}.{} % of {total} executions ended well in {span}; {failed} failed and {stopped} were \
         stopped.",
        share / 10,
        share % 10
    )
}

/// The slowest minute of each bar: half within, and 99 of a hundred within.
fn slowest(edges: &[Timestamp], acks: &[Acks]) -> Vec<(Duration, Duration)> {
    let mut bars = vec![(Duration::ZERO, Duration::ZERO); edges.len().saturating_sub(1)];
    for each in acks {
        if let Some(bar) = bar_of(edges, each.minute).and_then(|bar| bars.get_mut(bar))
            && each.p99 >= bar.1
        {
            *bar = (each.median, each.p99);
        }
    }
    bars
}

/// Microseconds as people say them.
fn span_of(micros: u64) -> String {
    match micros {
        0..10_000 => format!("{}.{} ms", micros / 1000, micros % 1000 / 100),
        10_000..10_000_000 => format!("{} ms", micros / 1000),
        10_000_000.. => format!("{} s", micros / 1_000_000),
    }
}

/// How many events came from each source, most first.
fn by_source(arrivals: &[Arrivals]) -> Vec<(&SourceName, u64)> {
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
    fn a_share_is_never_rounded_up_to_all() {
        for (counts, words) in [
            ([0, 0, 0], "No execution ended in 1 hour."),
            (
                [99_999, 1, 0],
                "99.9 % of 100000 executions ended well in 1 hour; 1 failed and 0 were stopped.",
            ),
            (
                [7, 0, 0],
                "100.0 % of 7 executions ended well in 1 hour; 0 failed and 0 were stopped.",
            ),
            (
                [0, 2, 1],
                "0.0 % of 3 executions ended well in 1 hour; 2 failed and 1 were stopped.",
            ),
        ] {
            assert_eq!(outcome(counts, "1 hour"), words);
        }
    }

    #[test]
    fn times_are_as_exact_as_people_read_them() {
        for (micros, words) in [
            (0, "0.0 ms"),
            (999, "0.9 ms"),
            (1_249, "1.2 ms"),
            (12_999, "12 ms"),
            (4_000_000, "4000 ms"),
            (26_000_000, "26 s"),
        ] {
            assert_eq!(span_of(micros), words);
        }
    }

    #[test]
    fn a_bar_shows_its_slowest_minute() {
        let edges = Span::of("24h").edges(Timestamp::from_millis(0));
        let acks = |minute: i64, median, p99| Acks {
            minute: Timestamp::from_millis(edges[95].as_millis() + minute * 60_000),
            webhooks: 1,
            median: Duration::from_millis(median),
            p99: Duration::from_millis(p99),
        };
        let all = [
            acks(0, 5, 6),
            acks(3, 2, 9),
            acks(14, 1, 8),
            acks(15, 99, 99),
        ];
        let bars = slowest(&edges, &all);
        let millis = |(median, p99): (Duration, Duration)| (median.as_millis(), p99.as_millis());
        assert_eq!(millis(bars[95]), (2, 9));
        assert!(bars[..95].iter().all(|bar| millis(*bar) == (0, 0)));
    }

    #[test]
    fn sources_are_told_most_first() {
        let (generic, other) = (SourceName::generic(), SourceName::try_new("a").unwrap());
        let came = |source: &SourceName, events| Arrivals {
            minute: Timestamp::from_millis(0),
            source: source.clone(),
            events,
        };
        let arrivals = [came(&other, 7), came(&generic, 5), came(&generic, 6)];
        assert_eq!(by_source(&arrivals), [(&generic, 11), (&other, 7)]);
    }
}
