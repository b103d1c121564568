//! Everything that the rules look at, as it stands at one moment.

use std::collections::BTreeMap;
use std::path::Path;

use domain::source::Source;
use domain::stream::ChangeKind;
use domain::time::Timestamp;
use engine::metrics::{Buckets, EndLabels, Metrics, RefusalLabels, SecretLabels};
use engine::store::{QuarantineReason, Store, Unavailable};

/// A source, or a source and one of its secrets, in words.
pub(crate) type Subject = String;

/// What is measured.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// When.
    pub(crate) at: Timestamp,
    /// Whether the store takes webhooks, and can be read.
    pub(crate) store: Result<Shelf, Unavailable>,
    /// What this process has counted so far.
    pub(crate) counted: Counted,
    /// The file system of the data directory; `None` when it does not say.
    pub(crate) disk: Option<Disk>,
}

/// What the store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shelf {
    /// Executions that wait for a person.
    pub(crate) dead_letters: u64,
    /// Since when the oldest of what could go on waits: a change that the pipe has not read, or an
    /// execution that is due. `None` when nothing waits.
    pub(crate) waiting_since: Option<Timestamp>,
}

/// Counters, since the process began.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Counted {
    /// Executions that ended well.
    pub(crate) succeeded: u64,
    /// Executions that ended badly by themselves.
    pub(crate) failed: u64,
    /// Webhooks that were told 503 because they could not be kept.
    pub(crate) not_kept: u64,
    /// How long providers waited for their answer, in seconds.
    pub(crate) acks: Buckets,
    /// Deliveries that went into quarantine, by source.
    pub(crate) quarantined: BTreeMap<Subject, u64>,
    /// Deliveries that a secret proved, by source and label.
    pub(crate) proved: BTreeMap<Subject, u64>,
}

/// The room on a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Disk {
    /// For whoever is no superuser.
    pub(crate) free: u64,
    /// All of it.
    pub(crate) total: u64,
}

impl Reading {
    /// Measures everything.
    pub(crate) fn take<S: Store>(
        store: &S,
        (metrics, sources): (&Metrics, &[Source]),
        directory: &Path,
        at: Timestamp,
    ) -> Self {
        Self {
            at,
            store: Shelf::of(store),
            counted: Counted::so_far(metrics, sources),
            disk: Disk::under(directory),
        }
    }
}

impl Shelf {
    fn of<S: Store>(store: &S) -> Result<Self, Unavailable> {
        store.takes_custody()?;
        let counts = store.counts()?;
        let unread = store.read_after(store.pipe_cursor()?, 1, &|_| true)?;
        let unread = unread.0.first().map(|change| change.at);
        let due = store.next_due()?;
        Ok(Self {
            dead_letters: counts.dead_letters,
            waiting_since: [unread, due].into_iter().flatten().min(),
        })
    }
}

impl Counted {
    fn so_far(metrics: &Metrics, sources: &[Source]) -> Self {
        let ended = |status: &str| {
            // Those that tell endpoints would hide how payments fare, and the other way round.
            let labels = EndLabels {
                status: status.to_owned(),
                change: ChangeKind::Insert.event_name().to_owned(),
            };
            let found = metrics.executions_ended.get(&labels);
            found.map_or(0, |counter| counter.get())
        };
        let quarantined = |source: &Source| {
            let by_reason = QuarantineReason::ALL.into_iter().map(|reason| {
                let labels = RefusalLabels {
                    source: source.name.to_string(),
                    reason: reason.as_str().to_owned(),
                };
                let found = metrics.quarantined.get(&labels);
                found.map_or(0, |counter| counter.get())
            });
            (source.name.to_string(), by_reason.sum())
        };
        let proved = |source: &Source| {
            let source = source.clone();
            source.secrets.into_iter().map(move |secret| {
                let labels = SecretLabels {
                    source: source.name.to_string(),
                    secret: secret.label().to_owned(),
                };
                let found = metrics.secret_used.get(&labels);
                let count = found.map_or(0, |counter| counter.get());
                (secret_subject(source.name.as_str(), secret.label()), count)
            })
        };
        Self {
            succeeded: ended("succeeded"),
            // What a person stopped is no failure of the system's.
            failed: ended("failed") + ended("timed_out"),
            not_kept: not_kept(metrics, sources),
            acks: Buckets::of(&metrics.ack_seconds),
            quarantined: sources.iter().map(quarantined).collect(),
            proved: sources.iter().flat_map(proved).collect(),
        }
    }
}

/// Webhooks that were told 503 because the store could not keep them.
fn not_kept(metrics: &Metrics, sources: &[Source]) -> u64 {
    let told = |source: &Source| {
        let labels = RefusalLabels {
            source: source.name.to_string(),
            reason: "store_unavailable".to_owned(),
        };
        let found = metrics.refused.get(&labels);
        found.map_or(0, |counter| counter.get())
    };
    sources.iter().map(told).sum()
}

/// What a secret of a source is called.
pub(crate) fn secret_subject(source: &str, label: &str) -> Subject {
    format!("{source}/{label}")
}

impl Disk {
    fn under(directory: &Path) -> Option<Self> {
        let found = rustix::fs::statvfs(directory).ok()?;
        Some(Self {
            free: found.f_bavail.saturating_mul(found.f_frsize),
            total: found.f_blocks.saturating_mul(found.f_frsize),
        })
    }
}
