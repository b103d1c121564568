//! What somebody is told of, when, and how they are reached.

use std::collections::BTreeMap;

use domain::time::Millis;
use serde::{Deserialize, Serialize};

use super::alert_targets::TargetConfig;
use crate::alerts::rule::Rule;
use crate::alerts::watch::Pace;

/// `[alerts]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AlertsConfig {
    /// What this payhook is called in messages.
    pub(crate) name: String,
    /// Where people reach the dashboard, for links in messages; empty for none.
    pub(crate) dashboard_url: String,
    /// How often the rules are looked at, in milliseconds.
    pub(crate) evaluate_every_ms: u64,
    /// After how long what still is wrong is told again, in seconds; 0 for never.
    pub(crate) repeat_every_seconds: u64,
    /// How long it must be fine before it is told to be over, in seconds.
    pub(crate) resolve_after_seconds: u64,
    /// `[alerts.rules]`
    pub(crate) rules: RulesConfig,
    /// Who is told, by name. Nobody is, and nothing is looked at, without any.
    pub(crate) targets: BTreeMap<String, TargetConfig>,
}

/// `[alerts.rules]`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RulesConfig {
    /// No webhook can be kept.
    pub(crate) store_unavailable: StoreUnavailableConfig,
    /// The data directory's disk fills up.
    pub(crate) disk_space: DiskSpaceConfig,
    /// Executions wait for a person.
    pub(crate) dead_letters: DeadLettersConfig,
    /// Too many executions end badly.
    pub(crate) failure_rate: FailureRateConfig,
    /// Something waits for too long.
    pub(crate) backlog_age: BacklogAgeConfig,
    /// Providers wait for too long.
    pub(crate) ack_latency: AckLatencyConfig,
    /// A source's deliveries are refused.
    pub(crate) quarantine_growth: QuarantineGrowthConfig,
    /// A secret on its way out is in use.
    pub(crate) old_secret_used: OldSecretUsedConfig,
}

/// `[alerts.rules.store_unavailable]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StoreUnavailableConfig {
    /// Whether anybody is told.
    pub(crate) enabled: bool,
    /// How long it must last.
    pub(crate) for_seconds: u64,
    /// How far back a webhook that was not kept counts.
    pub(crate) window_seconds: u64,
}

/// `[alerts.rules.disk_space]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DiskSpaceConfig {
    /// Whether anybody is told.
    pub(crate) enabled: bool,
    /// How long it must last.
    pub(crate) for_seconds: u64,
    /// How much must be free, in bytes.
    pub(crate) free_bytes_min: u64,
    /// How much must be free, of a hundred parts.
    pub(crate) free_percent_min: u8,
}

/// `[alerts.rules.dead_letters]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DeadLettersConfig {
    /// Whether anybody is told.
    pub(crate) enabled: bool,
    /// How long it must last.
    pub(crate) for_seconds: u64,
    /// How many may wait.
    pub(crate) executions_max: u64,
}

/// `[alerts.rules.failure_rate]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FailureRateConfig {
    /// Whether anybody is told.
    pub(crate) enabled: bool,
    /// How long it must last.
    pub(crate) for_seconds: u64,
    /// How far back executions count.
    pub(crate) window_seconds: u64,
    /// How many of a hundred may end badly.
    pub(crate) percent_max: u8,
    /// How many must have ended before a share means anything.
    pub(crate) executions_min: u64,
}

/// `[alerts.rules.backlog_age]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct BacklogAgeConfig {
    /// Whether anybody is told.
    pub(crate) enabled: bool,
    /// How long it must last.
    pub(crate) for_seconds: u64,
    /// How long the oldest may wait.
    pub(crate) age_seconds_max: u64,
}

/// `[alerts.rules.ack_latency]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct AckLatencyConfig {
    /// Whether anybody is told.
    pub(crate) enabled: bool,
    /// How long it must last.
    pub(crate) for_seconds: u64,
    /// How far back answers count.
    pub(crate) window_seconds: u64,
    /// What 99 of a hundred answers may take, in milliseconds.
    pub(crate) p99_ms_max: u64,
    /// How many must have been answered before that means anything.
    pub(crate) webhooks_min: u64,
}

/// `[alerts.rules.quarantine_growth]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct QuarantineGrowthConfig {
    /// Whether anybody is told.
    pub(crate) enabled: bool,
    /// How long it must last.
    pub(crate) for_seconds: u64,
    /// How far back deliveries count.
    pub(crate) window_seconds: u64,
    /// How many of one source may be refused.
    pub(crate) deliveries_max: u64,
    /// The same for particular sources.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) sources: BTreeMap<String, u64>,
}

/// `[alerts.rules.old_secret_used]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct OldSecretUsedConfig {
    /// Whether anybody is told.
    pub(crate) enabled: bool,
    /// How long it must last.
    pub(crate) for_seconds: u64,
    /// How far back a use counts.
    pub(crate) window_seconds: u64,
    /// How long before its end a secret is on its way out.
    pub(crate) retires_within_seconds: u64,
    /// How long after a newer one's start it is, too.
    pub(crate) grace_seconds: u64,
}

/// What the last bucket of the time of an answer begins with, in milliseconds, rounded down.
const P99_MS_MAX: u64 = 13_107;

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            name: "payhook".to_owned(),
            dashboard_url: String::new(),
            evaluate_every_ms: 15_000,
            repeat_every_seconds: 4 * 3600,
            resolve_after_seconds: 300,
            rules: RulesConfig::default(),
            targets: BTreeMap::new(),
        }
    }
}

impl Default for StoreUnavailableConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            for_seconds: 0,
            window_seconds: 60,
        }
    }
}

impl Default for DiskSpaceConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            for_seconds: 60,
            free_bytes_min: 2 << 30,
            free_percent_min: 5,
        }
    }
}

impl Default for DeadLettersConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            for_seconds: 0,
            executions_max: 0,
        }
    }
}

impl Default for FailureRateConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            for_seconds: 0,
            window_seconds: 900,
            percent_max: 20,
            executions_min: 10,
        }
    }
}

impl Default for BacklogAgeConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            for_seconds: 60,
            age_seconds_max: 300,
        }
    }
}

impl Default for AckLatencyConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            for_seconds: 60,
            window_seconds: 300,
            p99_ms_max: 1000,
            webhooks_min: 20,
        }
    }
}

impl Default for QuarantineGrowthConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            for_seconds: 0,
            window_seconds: 600,
            deliveries_max: 10,
            sources: BTreeMap::new(),
        }
    }
}

impl Default for OldSecretUsedConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            for_seconds: 0,
            window_seconds: 3600,
            retires_within_seconds: 3 * 24 * 3600,
            grace_seconds: 24 * 3600,
        }
    }
}

impl AlertsConfig {
    /// How patient a rule is; `None` when it is off.
    pub(crate) fn pace(&self, rule: Rule) -> Option<Pace> {
        let rules = &self.rules;
        let (enabled, lasting) = match rule {
            Rule::StoreUnavailable => {
                let rule = &rules.store_unavailable;
                (rule.enabled, rule.for_seconds)
            }
            Rule::DiskSpace => (rules.disk_space.enabled, rules.disk_space.for_seconds),
            Rule::DeadLetters => (rules.dead_letters.enabled, rules.dead_letters.for_seconds),
            Rule::FailureRate => (rules.failure_rate.enabled, rules.failure_rate.for_seconds),
            Rule::BacklogAge => (rules.backlog_age.enabled, rules.backlog_age.for_seconds),
            Rule::AckLatency => (rules.ack_latency.enabled, rules.ack_latency.for_seconds),
            Rule::QuarantineGrowth => {
                let rule = &rules.quarantine_growth;
                (rule.enabled, rule.for_seconds)
            }
            Rule::OldSecretUsed => {
                let rule = &rules.old_secret_used;
                (rule.enabled, rule.for_seconds)
            }
        };
        enabled.then(|| Pace {
            lasting: Millis::from_secs(lasting),
            calm: Millis::from_secs(self.resolve_after_seconds),
            repeat: (self.repeat_every_seconds > 0)
                .then(|| Millis::from_secs(self.repeat_every_seconds)),
        })
    }

    /// Everything that would keep `payhook serve` from starting. `sources` are those there are.
    pub(crate) fn problems<'a>(&self, sources: impl Iterator<Item = &'a String>) -> Vec<String> {
        let sources: Vec<&String> = sources.collect();
        let rules = &self.rules;
        let mut problems = Vec::new();
        let mut note = |bad: bool, text: String| {
            if bad {
                problems.push(text);
            }
        };
        note(
            self.evaluate_every_ms == 0,
            "alerts.evaluate_every_ms is 0: nothing else would be done".to_owned(),
        );
        note(
            !self.dashboard_url.is_empty() && !is_http(&self.dashboard_url),
            "alerts.dashboard_url is no http or https URL".to_owned(),
        );
        for (key, percent) in [
            (
                "disk_space.free_percent_min",
                rules.disk_space.free_percent_min,
            ),
            ("failure_rate.percent_max", rules.failure_rate.percent_max),
        ] {
            note(percent > 100, format!("alerts.rules.{key} is over 100"));
        }
        note(
            rules.ack_latency.p99_ms_max > P99_MS_MAX,
            format!(
                "alerts.rules.ack_latency.p99_ms_max is over {P99_MS_MAX}: what takes longer is not \
                 told apart, so nothing would ever be found"
            ),
        );
        for (rule, window) in [
            ("store_unavailable", rules.store_unavailable.window_seconds),
            ("failure_rate", rules.failure_rate.window_seconds),
            ("ack_latency", rules.ack_latency.window_seconds),
            ("quarantine_growth", rules.quarantine_growth.window_seconds),
            ("old_secret_used", rules.old_secret_used.window_seconds),
        ] {
            note(
                window == 0,
                format!("alerts.rules.{rule}.window_seconds is 0: nothing would ever count"),
            );
        }
        for name in rules.quarantine_growth.sources.keys() {
            note(
                !sources.contains(&name),
                format!(
                    "alerts.rules.quarantine_growth.sources names {name}, and there is no \
                     [sources.{name}]"
                ),
            );
        }
        for (name, target) in &self.targets {
            if let Err(error) = target.build(name) {
                problems.push(format!("{error:#}"));
            }
        }
        problems
    }
}

fn is_http(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| ["http", "https"].contains(&url.scheme()))
}
