//! Many webhooks: so many at once, so many a second, and a summary of what came back.
//!
//! With a rate, latency counts from the moment a webhook was due, not from the moment there
//! was time to send it: a server that stalls must not look fast because we waited for it.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::ensure;
use futures_util::{StreamExt as _, stream};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tokio::time::Instant;

use super::answer::{Answer, Sender, millis_text};
use super::webhook::Webhook;
use crate::cli::output::{Output, Tone};

/// Most webhooks of one burst: each leaves its latency in memory.
const COUNT_MAX: u64 = 10_000_000;

/// How many webhooks, and how fast.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "A burst")]
pub(in crate::cli) struct BurstArgs {
    /// How many webhooks, each an event of its own.
    #[arg(long, visible_alias = "burst", value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(1..=COUNT_MAX))]
    count: u64,
    /// Most that wait for their answers at once.
    #[arg(long, value_name = "N", default_value = "16")]
    concurrency: NonZeroU32,
    /// How many to begin each second [default: as fast as answers come].
    #[arg(long, value_name = "PER SECOND")]
    rate: Option<NonZeroU32>,
}

/// What came of a burst.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary<'a> {
    url: &'a str,
    sent: u64,
    accepted: u64,
    outcomes: BTreeMap<String, u64>,
    refused: BTreeMap<String, u64>,
    unanswered: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_error: Option<String>,
    seconds: f64,
    per_second: f64,
    latency_ms: Latency,
    interrupted: bool,
    #[serde(skip)]
    latencies: Vec<Duration>,
}

#[derive(Debug, Default, Serialize)]
struct Latency {
    p50: f64,
    p99: f64,
    max: f64,
}

impl BurstArgs {
    /// Whether it is more than one webhook.
    pub(in crate::cli) fn is_burst(&self) -> bool {
        self.count > 1
    }

    /// Most requests at once.
    pub(in crate::cli) fn concurrency(&self) -> usize {
        usize::try_from(self.concurrency.get()).unwrap_or(usize::MAX)
    }

    fn due(&self, start: Instant, number: u64) -> Option<Instant> {
        let rate = u64::from(self.rate?.get());
        let fraction = (number % rate) * NANOS_PER_SECOND / rate;
        let since = Duration::from_secs(number / rate) + Duration::from_nanos(fraction);
        Some(start + since)
    }
}

/// Sends them. Says whether all were accepted. An interruption ends it with what there is.
pub(in crate::cli) async fn run(
    args: &BurstArgs,
    duplicates: u32,
    sender: &Sender,
    write: &impl Fn(u64) -> anyhow::Result<Webhook>,
    output: Output,
) -> anyhow::Result<bool> {
    let times = u64::from(duplicates) + 1;
    let progress = progress(args.count.saturating_mul(times), output)?;
    let mut summary = Summary::new(sender.url());
    let start = Instant::now();
    let mut answers = stream::iter(0..args.count)
        .map(|number| send_times(args.due(start, number), times, number, sender, write))
        .buffer_unordered(args.concurrency());
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            sent = answers.next() => match sent {
                Some(sent) => {
                    progress.inc(times);
                    sent?.into_iter().for_each(|(answer, took)| summary.count(answer, took));
                }
                None => break,
            },
            _ = &mut interrupted => {
                summary.interrupted = true;
                break;
            }
        }
    }
    progress.finish_and_clear();
    summary.finish(start.elapsed());
    ensure!(
        summary.accepted > 0 || !summary.refused.is_empty() || summary.interrupted,
        "nothing came back from {}; is `payhook serve` running? {}",
        sender.url(),
        summary.first_error.as_deref().unwrap_or_default()
    );
    if output.is_json() {
        output.json(&summary)?;
    } else {
        summary.print(output);
    }
    Ok(summary.accepted == summary.sent && !summary.interrupted)
}

/// Sends one webhook so many times in a row; each time what came back, and how long it took.
async fn send_times(
    due: Option<Instant>,
    times: u64,
    number: u64,
    sender: &Sender,
    write: &impl Fn(u64) -> anyhow::Result<Webhook>,
) -> anyhow::Result<Vec<(Result<Answer, reqwest::Error>, Duration)>> {
    if let Some(due) = due {
        tokio::time::sleep_until(due).await;
    }
    let webhook = write(number)?;
    let mut began = due.unwrap_or_else(Instant::now);
    let mut sent = Vec::new();
    for _ in 0..times {
        let answer = sender.send(&webhook).await;
        sent.push((answer, began.elapsed()));
        began = Instant::now();
    }
    Ok(sent)
}

fn progress(length: u64, output: Output) -> anyhow::Result<ProgressBar> {
    if output.is_json() {
        return Ok(ProgressBar::hidden());
    }
    // Drawn on standard error, and only where that is a terminal.
    let style =
        ProgressStyle::with_template("{bar:40} {pos}/{len} webhooks, {per_sec}, {eta} to go")?;
    Ok(ProgressBar::new(length).with_style(style))
}

impl<'a> Summary<'a> {
    fn new(url: &'a str) -> Self {
        Self {
            url,
            sent: 0,
            accepted: 0,
            outcomes: BTreeMap::new(),
            refused: BTreeMap::new(),
            unanswered: 0,
            first_error: None,
            seconds: 0.0,
            per_second: 0.0,
            latency_ms: Latency::default(),
            interrupted: false,
            latencies: Vec::new(),
        }
    }

    fn count(&mut self, answer: Result<Answer, reqwest::Error>, took: Duration) {
        self.sent += 1;
        match answer {
            Ok(answer) => {
                self.latencies.push(took);
                let (words, word) = if answer.is_accepted() {
                    self.accepted += 1;
                    (&mut self.outcomes, answer.word)
                } else {
                    let word = format!("{} {}", answer.status, answer.word);
                    (&mut self.refused, word)
                };
                *words.entry(word).or_default() += 1;
            }
            Err(error) => {
                self.unanswered += 1;
                let text = || format!("{:#}", anyhow::Error::from(error));
                self.first_error.get_or_insert_with(text);
            }
        }
    }

    fn finish(&mut self, took: Duration) {
        self.latencies.sort_unstable();
        let at = |percent| as_millis(percentile(&self.latencies, percent));
        self.latency_ms = Latency {
            p50: at(50),
            p99: at(99),
            max: at(100),
        };
        self.seconds = took.as_secs_f64();
        // Counts are far below 2^53, where a float stops being exact.
        self.per_second = self.sent as f64 / self.seconds.max(f64::EPSILON);
    }

    fn print(&self, output: Output) {
        output.line(output.paint(Tone::Faint, &format!("POST {}", self.url)));
        let row = |tone: Option<Tone>, name: &str, count: u64| {
            let name = format!("{name:<28}");
            let name = tone.map_or(name.clone(), |tone| output.paint(tone, &name));
            output.line(format!("{name} {count:>9}"));
        };
        row(Some(Tone::Strong), "sent", self.sent);
        for (word, count) in &self.outcomes {
            row(Some(Tone::Good), word, *count);
        }
        for (word, count) in &self.refused {
            row(Some(Tone::Bad), word, *count);
        }
        if self.unanswered > 0 {
            row(Some(Tone::Bad), "no answer", self.unanswered);
        }
        let [p50, p99, max] =
            [50, 99, 100].map(|percent| millis_text(percentile(&self.latencies, percent)));
        output.line(format!(
            "{:.2} s, {:.0} a second; answered in p50 {p50}, p99 {p99}, at most {max}",
            self.seconds, self.per_second
        ));
        if let Some(error) = &self.first_error {
            output.line(format!("{} {error}", output.paint(Tone::Bad, "no answer:")));
        }
        if self.interrupted {
            output.line(output.paint(Tone::Warning, "interrupted: the rest was not sent"));
        }
    }
}

/// The span that `percent` of the sorted spans do not exceed (nearest rank).
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

fn as_millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

const NANOS_PER_SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_spans() {
        let spans: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        for (percent, millis) in [(50, 100), (99, 198), (100, 200)] {
            assert_eq!(percentile(&spans, percent), Duration::from_millis(millis));
        }
        assert_eq!(percentile(&spans[..1], 50), Duration::from_millis(1));
        assert_eq!(percentile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn webhooks_are_due_evenly_and_without_drift() {
        let args = BurstArgs {
            count: 1,
            concurrency: NonZeroU32::MIN,
            rate: NonZeroU32::new(3),
        };
        let start = Instant::now();
        for (number, nanos) in [
            (0, 0),
            (1, 333_333_333),
            (3, 1_000_000_000),
            (3_000_001, 1_000_000_333_333_333),
        ] {
            let due = args.due(start, number).unwrap();
            assert_eq!(due - start, Duration::from_nanos(nanos), "{number}");
        }
    }
}
