//! What is counted, in one list. Names and labels are part of the product: dashboards and
//! alerts are written against them, so none is renamed without a line in the changelog.

mod buckets;

use std::fmt::Write as _;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

pub use self::buckets::Buckets;
use crate::store::Counts;

/// Every metric of the process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Deliveries taken into custody, by source.
    pub accepted: Family<SourceLabel, Counter>,
    /// Requests answered with an error, by source and stable code.
    pub refused: Family<RefusalLabels, Counter>,
    /// Deliveries that were repeats, by source.
    pub duplicates: Family<SourceLabel, Counter>,
    /// Deliveries with a known event key and other bytes, by source.
    pub conflicts: Family<SourceLabel, Counter>,
    /// Deliveries kept in quarantine, by source and reason.
    pub quarantined: Family<RefusalLabels, Counter>,
    /// Refused deliveries that the quarantine could not keep.
    pub quarantine_lost: Counter,
    /// Deliveries proved by each secret: shows when an old one is no longer used.
    pub secret_used: Family<SecretLabels, Counter>,
    /// When a secret that is on its way out last proved a delivery, in seconds since 1970: a
    /// rotation is over when this stands still.
    pub old_secret_last_used: Family<SecretLabels, Gauge>,
    /// What payments' events brought that does not fit together, by source and kind.
    pub anomalies: Family<AnomalyLabels, Counter>,
    /// Times that a provider was asked what is true, by source and result.
    pub truth_fetches: Family<FetchLabels, Counter>,
    /// Events that a provider had and that were not here when it was asked, by source.
    pub reconcile_gaps: Family<SourceLabel, Counter>,
    /// From the last byte of a webhook to its answer, accepted ones only.
    pub ack_seconds: Histogram,
    /// Task attempts, by state and result.
    pub attempts: Family<AttemptLabels, Counter>,
    /// Task attempts that were retries, by state.
    pub retries: Family<StateLabel, Counter>,
    /// Attempts to tell endpoints what became of a payment, by endpoint and outcome.
    pub notifications: Family<NotificationLabels, Counter>,
    /// One attempt of a task.
    pub attempt_seconds: Histogram,
    /// Executions that ended, by status.
    pub executions_ended: Family<EndLabels, Counter>,
    /// Executions started by the pipe.
    pub executions_started: Counter,
    /// One group commit, fsync included.
    pub commit_seconds: Histogram,
    /// The part of it in which the disk confirmed.
    pub fsync_seconds: Histogram,
    /// Writes that shared one group commit.
    pub commit_writes: Histogram,
    /// Panics that the supervisor caught, by loop.
    pub panics: Family<LoopLabel, Counter>,
    /// Alerts that are firing, by rule.
    pub alerts_firing: Family<RuleLabel, Gauge>,
    /// Messages of alerts, by target and what became of them.
    pub alert_messages: Family<TargetLabels, Counter>,
    /// Connections that are open, by listener.
    pub connections_open: Family<ListenerLabel, Gauge>,
    /// Connections that were ended from here, by listener and reason.
    pub connections_ended: Family<ConnectionLabels, Counter>,
    /// Whether the certificate in the files cannot be used, so that an older one is.
    pub tls_certificate_stale: Gauge,
}

/// By source. A name that no source has is counted as `unknown`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SourceLabel {
    /// The source's name.
    pub source: String,
}

/// By source and reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RefusalLabels {
    /// The source's name.
    pub source: String,
    /// A stable code.
    pub reason: String,
}

/// By source and secret.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct SecretLabels {
    /// The source's name.
    pub source: String,
    /// The secret's label, never the secret.
    pub secret: String,
}

/// By source and kind of anomaly.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AnomalyLabels {
    /// The source's name.
    pub source: String,
    /// What does not fit, as a stable word.
    pub anomaly: String,
}

/// By source and result of asking its provider.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FetchLabels {
    /// The source's name.
    pub source: String,
    /// `found`, `unknown` or `failed`.
    pub result: String,
}

/// By endpoint and what an attempt to tell it came to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct NotificationLabels {
    /// The endpoint's name.
    pub endpoint: String,
    /// `delivered`, `failed` or `gone`.
    pub outcome: String,
}

/// By state of the workflow and result.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AttemptLabels {
    /// The state's name.
    pub state: String,
    /// `ok`, or the error's name.
    pub result: String,
}

/// By state of the workflow.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct StateLabel {
    /// The state's name.
    pub state: String,
}

/// By how an execution ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EndLabels {
    /// The status.
    pub status: String,
    /// The change that started it: `INSERT` for an event, `MODIFY` for what tells of one's end.
    pub change: String,
}

/// By rule of the alerts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RuleLabel {
    /// The rule.
    pub rule: String,
}

/// By target of alerts and what became of a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TargetLabels {
    /// The target's name.
    pub target: String,
    /// `sent`, `failed` (it is tried again) or `dropped` (it is not).
    pub result: String,
}

/// By listener.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ListenerLabel {
    /// `front` or `admin`.
    pub listener: String,
}

/// By listener and why a connection was ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ConnectionLabels {
    /// `front` or `admin`.
    pub listener: String,
    /// A stable word.
    pub reason: String,
}

/// By supervised loop.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LoopLabel {
    /// The loop's name.
    pub name: String,
}

impl Default for Metrics {
    fn default() -> Self {
        // 100 µs to 26 s: an fsync on a fast disk up to the patience of every provider.
        let seconds = || Histogram::new(exponential_buckets(0.0001, 2.0, 18));
        let mut metrics = Self {
            registry: Registry::with_prefix("payhook"),
            accepted: Family::default(),
            refused: Family::default(),
            duplicates: Family::default(),
            conflicts: Family::default(),
            quarantined: Family::default(),
            quarantine_lost: Counter::default(),
            secret_used: Family::default(),
            old_secret_last_used: Family::default(),
            anomalies: Family::default(),
            truth_fetches: Family::default(),
            reconcile_gaps: Family::default(),
            ack_seconds: seconds(),
            attempts: Family::default(),
            retries: Family::default(),
            notifications: Family::default(),
            attempt_seconds: seconds(),
            executions_ended: Family::default(),
            executions_started: Counter::default(),
            commit_seconds: seconds(),
            fsync_seconds: seconds(),
            commit_writes: Histogram::new(exponential_buckets(1.0, 2.0, 13)),
            panics: Family::default(),
            alerts_firing: Family::default(),
            alert_messages: Family::default(),
            connections_open: Family::default(),
            connections_ended: Family::default(),
            tls_certificate_stale: Gauge::default(),
        };
        metrics.register_connections();
        metrics.register_ingress();
        metrics.register_workflow();
        metrics.register_alerts();
        metrics
    }
}

impl Metrics {
    fn register_connections(&mut self) {
        let Self { registry, .. } = self;
        registry.register(
            "connections_open",
            "Connections that are open",
            self.connections_open.clone(),
        );
        registry.register(
            "connections_ended",
            "Connections that were ended from here, by reason",
            self.connections_ended.clone(),
        );
        registry.register(
            "tls_certificate_stale",
            "Whether the certificate in the files cannot be used, so that an older one is",
            self.tls_certificate_stale.clone(),
        );
    }

    fn register_ingress(&mut self) {
        let Self { registry, .. } = self;
        registry.register(
            "webhooks_accepted",
            "Deliveries taken into custody",
            self.accepted.clone(),
        );
        registry.register(
            "webhooks_refused",
            "Requests answered with an error, by code",
            self.refused.clone(),
        );
        registry.register(
            "webhooks_duplicate",
            "Deliveries that were repeats",
            self.duplicates.clone(),
        );
        registry.register(
            "webhooks_conflicting",
            "Deliveries with a known event key and other bytes",
            self.conflicts.clone(),
        );
        registry.register(
            "webhooks_quarantined",
            "Refused deliveries kept in quarantine",
            self.quarantined.clone(),
        );
        registry.register(
            "quarantine_lost",
            "Refused deliveries that the quarantine could not keep",
            self.quarantine_lost.clone(),
        );
        registry.register(
            "secret_used",
            "Deliveries proved, by secret",
            self.secret_used.clone(),
        );
        registry.register(
            "old_secret_last_used_timestamp_seconds",
            "When a secret that is on its way out last proved a delivery",
            self.old_secret_last_used.clone(),
        );
        registry.register(
            "payment_anomalies",
            "What payments' events brought that does not fit together",
            self.anomalies.clone(),
        );
        registry.register(
            "truth_fetches",
            "Times that a provider was asked what is true, by result",
            self.truth_fetches.clone(),
        );
        registry.register(
            "reconcile_gaps",
            "Events that a provider had and that were not here when it was asked",
            self.reconcile_gaps.clone(),
        );
        registry.register(
            "ack_seconds",
            "From the last byte of a webhook to its answer",
            self.ack_seconds.clone(),
        );
    }

    fn register_workflow(&mut self) {
        let Self { registry, .. } = self;
        registry.register(
            "task_attempts",
            "Task attempts, by result",
            self.attempts.clone(),
        );
        registry.register(
            "task_retries",
            "Task attempts after the first",
            self.retries.clone(),
        );
        registry.register(
            "notifications_sent",
            "Attempts to tell endpoints what became of a payment, by outcome",
            self.notifications.clone(),
        );
        registry.register(
            "task_attempt_seconds",
            "One attempt of a task",
            self.attempt_seconds.clone(),
        );
        registry.register(
            "executions_started",
            "Executions started by the pipe",
            self.executions_started.clone(),
        );
        registry.register(
            "executions_ended",
            "Executions that ended, by status",
            self.executions_ended.clone(),
        );
        registry.register(
            "store_commit_seconds",
            "One group commit, fsync included",
            self.commit_seconds.clone(),
        );
        registry.register(
            "store_fsync_seconds",
            "The part of a group commit in which the disk confirmed",
            self.fsync_seconds.clone(),
        );
        registry.register(
            "store_commit_writes",
            "Writes that shared one group commit",
            self.commit_writes.clone(),
        );
        registry.register(
            "panics",
            "Panics that the supervisor caught",
            self.panics.clone(),
        );
    }

    fn register_alerts(&mut self) {
        let Self { registry, .. } = self;
        registry.register(
            "alerts_firing",
            "Alerts that are firing, by rule",
            self.alerts_firing.clone(),
        );
        registry.register(
            "alert_messages",
            "Messages of alerts, by target and what became of them",
            self.alert_messages.clone(),
        );
    }

    /// A group commit of so many writes was made durable.
    pub fn observe_commit(&self, total: Duration, fsync: Duration, writes: usize) {
        self.commit_seconds.observe(total.as_secs_f64());
        self.fsync_seconds.observe(fsync.as_secs_f64());
        self.commit_writes
            .observe(f64::from(u32::try_from(writes).unwrap_or(u32::MAX)));
    }

    /// All metrics as text in the OpenMetrics exposition format, with what the store counts.
    pub fn exposition(&self, counts: Counts) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        let end = "# EOF\n";
        text.truncate(text.len().saturating_sub(end.len()));
        for (name, help, value) in [
            ("events_stored", "Events in custody", counts.events),
            (
                "executions_running",
                "Executions that run or wait",
                counts.running,
            ),
            (
                "executions_succeeded",
                "Executions that came to a good end",
                counts.succeeded,
            ),
            (
                "dead_letters",
                "Executions at rest that need a person",
                counts.dead_letters,
            ),
            (
                "quarantine_deliveries",
                "Deliveries in quarantine",
                counts.quarantined,
            ),
            (
                "conflict_deliveries",
                "Distinct conflicting deliveries",
                counts.conflicts,
            ),
            (
                "anomalies_recorded",
                "Anomalies of payments, late events among them",
                counts.anomalies,
            ),
            (
                "feed_lag_entries",
                "Feed entries that the pipe has not read",
                counts.feed_lag,
            ),
        ] {
            let _ = writeln!(
                text,
                "# HELP payhook_{name} {help}.\n# TYPE payhook_{name} gauge\npayhook_{name} {value}"
            );
        }
        text.push_str(end);
        text
    }
}
