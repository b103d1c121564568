//! The rules: from what is measured to what is wrong.
//!
//! No clock and no store in here; a reading says what time it is. The only memory is what the
//! counters were a while ago.

use std::collections::BTreeMap;

use domain::source::Source;
use domain::time::{Millis, Timestamp};
use engine::store::Unavailable;

use super::reading::{Counted, Reading, Subject, secret_subject};
use super::rule::{AlertId, Rule};
use super::watch::Verdict;
use super::window::Window;
use super::words;
use crate::config::alerts::{OldSecretUsedConfig, RulesConfig};

/// What a rule says at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observation {
    /// Which alert.
    pub(crate) id: AlertId,
    /// Whether it is wrong.
    pub(crate) verdict: Verdict,
    /// How bad it is, for one that can become worse; 0 otherwise.
    pub(crate) level: u64,
    /// What was found, as a sentence.
    pub(crate) what: String,
}

/// The rules with what they remember.
#[derive(Debug)]
pub(crate) struct Judge {
    config: RulesConfig,
    secrets: Vec<SecretTimes>,
    not_kept: Window<u64>,
    ended: Window<(u64, u64)>,
    acks: Window<engine::metrics::Buckets>,
    quarantined: Window<BTreeMap<Subject, u64>>,
    proved: Window<BTreeMap<Subject, u64>>,
}

/// When a secret is to be used.
#[derive(Debug, Clone)]
struct SecretTimes {
    source: String,
    subject: Subject,
    starts_at: Option<Timestamp>,
    retires_at: Option<Timestamp>,
}

impl Judge {
    /// Rules for a process that counts from `start` on.
    pub(crate) fn new(config: RulesConfig, sources: &[Source], start: Timestamp) -> Self {
        let nothing = Counted::default();
        let span = Millis::from_secs;
        Self {
            secrets: sources.iter().flat_map(secret_times).collect(),
            not_kept: Window::new(span(config.store_unavailable.window_seconds), start, 0),
            ended: Window::new(span(config.failure_rate.window_seconds), start, (0, 0)),
            acks: Window::new(span(config.ack_latency.window_seconds), start, nothing.acks),
            quarantined: Window::new(
                span(config.quarantine_growth.window_seconds),
                start,
                BTreeMap::new(),
            ),
            proved: Window::new(
                span(config.old_secret_used.window_seconds),
                start,
                BTreeMap::new(),
            ),
            config,
        }
    }

    /// What every rule says of a reading, those that are off included.
    pub(crate) fn look(&mut self, reading: &Reading) -> Vec<Observation> {
        let Reading { at, counted, .. } = reading;
        self.not_kept.add(*at, counted.not_kept);
        self.ended.add(*at, (counted.failed, counted.succeeded));
        self.acks.add(*at, counted.acks.clone());
        self.quarantined.add(*at, counted.quarantined.clone());
        self.proved.add(*at, counted.proved.clone());
        let mut found = vec![
            self.store_unavailable(reading),
            self.disk_space(reading),
            self.dead_letters(reading),
            self.failure_rate(),
            self.backlog_age(reading),
            self.ack_latency(),
        ];
        found.extend(self.quarantine_growth(counted));
        found.extend(self.old_secret_used(*at));
        found
    }

    fn store_unavailable(&self, reading: &Reading) -> Observation {
        let lately = self
            .not_kept
            .ends()
            .map_or(0, |(first, last)| last - first.min(last));
        let (verdict, what) = match reading.store {
            Err(unavailable) => (Verdict::Bad, words::store(unavailable)),
            Ok(_) if lately > 0 => {
                let window = Millis::from_secs(self.config.store_unavailable.window_seconds);
                let many = words::count(lately, "webhook was", "webhooks were");
                let what = format!("{many} not kept in the last {}.", words::span(window));
                (Verdict::Bad, what)
            }
            // What was not kept before the process began is not known here.
            Ok(_) if !self.not_kept.is_full() => {
                (Verdict::Unknown, "Webhooks are kept.".to_owned())
            }
            Ok(_) => (Verdict::Fine, "Webhooks are kept.".to_owned()),
        };
        Observation {
            id: Rule::StoreUnavailable.alert(),
            verdict,
            level: lately,
            what,
        }
    }

    fn disk_space(&self, reading: &Reading) -> Observation {
        let limits = &self.config.disk_space;
        let (verdict, what) = match reading.disk {
            None => (Verdict::Unknown, "The disk does not say.".to_owned()),
            Some(disk) => {
                let percent = words::percent(disk.free, disk.total);
                let is_low = disk.free < limits.free_bytes_min
                    || percent < u64::from(limits.free_percent_min);
                let free = words::bytes(disk.free);
                let total = words::bytes(disk.total);
                (
                    verdict(is_low, true),
                    format!("{free} of {total} ({percent} %) are free."),
                )
            }
        };
        Observation {
            id: Rule::DiskSpace.alert(),
            verdict,
            level: 0,
            what,
        }
    }

    fn dead_letters(&self, reading: &Reading) -> Observation {
        let id = Rule::DeadLetters.alert();
        match &reading.store {
            Err(unavailable) => unknown(id, *unavailable),
            Ok(shelf) => Observation {
                id,
                verdict: verdict(
                    shelf.dead_letters > self.config.dead_letters.executions_max,
                    true,
                ),
                level: shelf.dead_letters,
                what: words::sentence(
                    shelf.dead_letters,
                    "execution ended badly and waits for a person.",
                    "executions ended badly and wait for a person.",
                ),
            },
        }
    }

    fn failure_rate(&self) -> Observation {
        let limits = &self.config.failure_rate;
        let delta = |last: u64, first: u64| last.saturating_sub(first);
        let (failed, succeeded) = self.ended.ends().map_or((0, 0), |(first, last)| {
            (delta(last.0, first.0), delta(last.1, first.1))
        });
        let all = failed.saturating_add(succeeded);
        let percent = words::percent(failed, all);
        let is_bad = all >= limits.executions_min.max(1)
            && failed.saturating_mul(100) > all.saturating_mul(u64::from(limits.percent_max));
        let window = words::span(Millis::from_secs(limits.window_seconds));
        Observation {
            id: Rule::FailureRate.alert(),
            verdict: verdict(is_bad, self.ended.is_full()),
            level: percent,
            what: format!(
                "{failed} of {all} executions that ended in the last {window} ended badly \
                 ({percent} %)."
            ),
        }
    }

    fn backlog_age(&self, reading: &Reading) -> Observation {
        let id = Rule::BacklogAge.alert();
        let age = match &reading.store {
            Err(unavailable) => return unknown(id, *unavailable),
            Ok(shelf) => shelf.waiting_since.map(|since| reading.at.since(since)),
        };
        let age_max = Millis::from_secs(self.config.backlog_age.age_seconds_max);
        Observation {
            id,
            verdict: verdict(age.is_some_and(|age| age > age_max), true),
            level: age.map_or(0, |age| age.get() / 1000),
            what: match age {
                Some(age) if age.get() >= 1000 => {
                    format!(
                        "The oldest of what could go on has waited for {}.",
                        words::span(age)
                    )
                }
                Some(_) | None => "Nothing that could go on waits.".to_owned(),
            },
        }
    }

    fn ack_latency(&self) -> Observation {
        let limits = &self.config.ack_latency;
        let lately = self.acks.ends().map(|(first, last)| last.since(first));
        let lately = lately.unwrap_or_default();
        let p99 = lately.percentile(99.0).map_or(0, millis);
        let is_bad = lately.count() >= limits.webhooks_min.max(1) && p99 > limits.p99_ms_max;
        let window = words::span(Millis::from_secs(limits.window_seconds));
        Observation {
            id: Rule::AckLatency.alert(),
            verdict: verdict(is_bad, self.acks.is_full()),
            level: p99,
            what: format!(
                "99 of 100 webhooks of the last {window} were answered within {p99} ms ({} in all).",
                lately.count()
            ),
        }
    }

    fn quarantine_growth(&self, counted: &Counted) -> Vec<Observation> {
        let limits = &self.config.quarantine_growth;
        let window = words::span(Millis::from_secs(limits.window_seconds));
        let one = |source: &Subject| {
            let refused = lately(&self.quarantined, source);
            let most = limits.sources.get(source).copied();
            let most = most.unwrap_or(limits.deliveries_max);
            let many = words::count(refused, "delivery", "deliveries");
            Observation {
                id: Rule::QuarantineGrowth.about(source.clone()),
                verdict: verdict(refused > most, self.quarantined.is_full()),
                level: refused,
                what: format!(
                    "{many} of source {source} could not be proved in the last {window}."
                ),
            }
        };
        counted.quarantined.keys().map(one).collect()
    }

    fn old_secret_used(&self, now: Timestamp) -> Vec<Observation> {
        let limits = &self.config.old_secret_used;
        let window = words::span(Millis::from_secs(limits.window_seconds));
        let candidates = self
            .secrets
            .iter()
            .filter(|secret| secret.retires_at.is_some() || self.newer(secret).is_some());
        candidates
            .map(|secret| {
                let uses = lately(&self.proved, &secret.subject);
                let is_old = self.is_old(secret, limits, now);
                let many = words::count(uses, "delivery", "deliveries");
                let end = match secret.retires_at {
                    Some(end) if end <= now => format!(" It ended at {}.", end.to_iso()),
                    Some(end) => format!(" It ends at {}.", end.to_iso()),
                    None => " A newer one has begun.".to_owned(),
                };
                Observation {
                    id: Rule::OldSecretUsed.about(secret.subject.clone()),
                    verdict: verdict(is_old && uses > 0, !is_old || self.proved.is_full()),
                    level: 0,
                    what: format!(
                        "Secret {} proved {many} in the last {window}.{end}",
                        secret.subject
                    ),
                }
            })
            .collect()
    }

    fn is_old(&self, secret: &SecretTimes, limits: &OldSecretUsedConfig, now: Timestamp) -> bool {
        let soon = now.after(Millis::from_secs(limits.retires_within_seconds));
        let grace = Millis::from_secs(limits.grace_seconds);
        let ends_soon = secret.retires_at.is_some_and(|end| end <= soon);
        let is_passed = self
            .newer(secret)
            .is_some_and(|start| start.after(grace) <= now);
        ends_soon || is_passed
    }

    /// When a newer secret of the same source begins: the first one that does.
    fn newer(&self, secret: &SecretTimes) -> Option<Timestamp> {
        let siblings = self
            .secrets
            .iter()
            .filter(|other| other.source == secret.source);
        let starts = siblings.filter_map(|other| other.starts_at);
        // A secret that says nothing of its start was there from the beginning.
        starts.filter(|start| Some(*start) > secret.starts_at).min()
    }
}

fn secret_times(source: &Source) -> impl Iterator<Item = SecretTimes> + '_ {
    source.secrets.iter().map(|secret| SecretTimes {
        source: source.name.to_string(),
        subject: secret_subject(source.name.as_str(), secret.label()),
        starts_at: secret.starts_at(),
        retires_at: secret.retires_at(),
    })
}

/// What was counted of one subject within a window.
fn lately(window: &Window<BTreeMap<Subject, u64>>, subject: &str) -> u64 {
    let at = |counted: &BTreeMap<Subject, u64>| counted.get(subject).copied().unwrap_or(0);
    let ends = window.ends();
    ends.map_or(0, |(first, last)| at(last).saturating_sub(at(first)))
}

/// Too little to be bad is fine only when all of it was seen.
fn verdict(is_bad: bool, is_all_seen: bool) -> Verdict {
    match (is_bad, is_all_seen) {
        (true, _) => Verdict::Bad,
        (false, true) => Verdict::Fine,
        (false, false) => Verdict::Unknown,
    }
}

fn unknown(id: AlertId, unavailable: Unavailable) -> Observation {
    Observation {
        id,
        verdict: Verdict::Unknown,
        level: 0,
        what: words::store(unavailable),
    }
}

/// Seconds as whole milliseconds, rounded up.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bound of a histogram is a few seconds"
)]
fn millis(seconds: f64) -> u64 {
    (seconds * 1000.0).ceil() as u64
}

#[cfg(test)]
mod tests;
