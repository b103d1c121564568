//! What is shown of the alerts.

use domain::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alerts::book::Book;
use crate::alerts::judge::Observation;
use crate::alerts::rule::{AlertId, Rule};
use crate::alerts::target::SendFailure;
use crate::alerts::watch::{Standing, Verdict};
use crate::alerts::words;
use crate::config::alert_targets::TargetKind;
use crate::config::alerts::AlertsConfig;

/// How all alerts and targets stand.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlertsView {
    /// When the rules were looked at last; absent when they never were.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) looked_at: Option<String>,
    /// Every alert.
    pub(crate) alerts: Vec<AlertView>,
    /// Everybody who is told.
    pub(crate) targets: Vec<TargetView>,
}

/// How one alert stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AlertView {
    /// The rule.
    pub(crate) rule: Rule,
    /// Of what it speaks; empty where there is only one.
    pub(crate) subject: String,
    /// What is wrong when it fires, in a few words.
    pub(crate) title: String,
    /// Whether the rule is on.
    pub(crate) enabled: bool,
    /// How it stands.
    pub(crate) standing: Standing,
    /// Whether the last look could tell nothing.
    pub(crate) is_unknown: bool,
    /// Since when it is wrong.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) since: Option<String>,
    /// What was found at the last look, as a sentence; empty before the first.
    pub(crate) what: String,
    /// What to do when it fires.
    pub(crate) advice: String,
}

/// How one target stands.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TargetView {
    /// Its name.
    pub(crate) name: String,
    /// Its kind.
    pub(crate) kind: TargetKind,
    /// The rules that it wants; all of them where it names none.
    pub(crate) rules: Vec<Rule>,
    /// How many messages wait for it.
    pub(crate) waiting: usize,
    /// When the last one was tried; absent before the first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) tried_at: Option<String>,
    /// Why that one was not taken.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) failure: Option<String>,
}

/// What came of a test message.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestedView {
    /// The target.
    pub(crate) target: String,
    /// Whether it was taken.
    pub(crate) sent: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) failure: Option<String>,
}

impl AlertsView {
    /// The view of a book, and of what was seen last and when.
    pub(crate) fn new(
        config: &AlertsConfig,
        book: &Book,
        (seen, seen_at): (&[Observation], Option<Timestamp>),
    ) -> Self {
        // Where nobody is told nothing is looked at, and what fired once is no news of now.
        let unread = Book::default();
        let book = if config.targets.is_empty() {
            &unread
        } else {
            book
        };
        let mut alerts: Vec<AlertView> = seen
            .iter()
            .map(|seen| AlertView::new(config, book, &seen.id, Some(seen)))
            .collect();
        let is_missing = |id: &AlertId| !seen.iter().any(|seen| seen.id == *id);
        let open = book.open().filter(|id| is_missing(id));
        alerts.extend(open.map(|id| AlertView::new(config, book, id, None)));
        for rule in Rule::ALL {
            if !alerts.iter().any(|alert| alert.rule == rule) {
                alerts.push(AlertView::new(config, book, &rule.alert(), None));
            }
        }
        alerts.sort_by(|one, other| (one.rule, &one.subject).cmp(&(other.rule, &other.subject)));
        let targets = config.targets.iter().map(|(name, target)| {
            let (waiting, last) = book.outbox(name);
            TargetView {
                name: name.clone(),
                kind: target.kind,
                rules: target.rules.clone(),
                waiting,
                tried_at: last.map(|last| last.at.to_iso()),
                failure: last.and_then(|last| last.failure.clone()),
            }
        });
        Self {
            looked_at: seen_at.map(Timestamp::to_iso),
            alerts,
            targets: targets.collect(),
        }
    }

    /// Those that fire.
    pub(crate) fn firing(&self) -> impl Iterator<Item = &AlertView> {
        let all = self.alerts.iter();
        all.filter(|alert| alert.standing == Standing::Firing)
    }
}

impl AlertView {
    fn new(config: &AlertsConfig, book: &Book, id: &AlertId, seen: Option<&Observation>) -> Self {
        let (standing, since) = book.standing(id);
        Self {
            rule: id.rule,
            subject: id.subject.clone(),
            title: words::title(id.rule).to_owned(),
            enabled: config.pace(id.rule).is_some(),
            standing,
            is_unknown: seen.is_none_or(|seen| seen.verdict == Verdict::Unknown),
            since: since.map(Timestamp::to_iso),
            what: seen.map(|seen| seen.what.clone()).unwrap_or_default(),
            advice: words::advice(id.rule).to_owned(),
        }
    }

    /// How it stands, in a word.
    pub(crate) fn word(&self) -> &'static str {
        match (self.enabled, self.standing) {
            (false, _) => "off",
            (true, Standing::Firing) => "firing",
            (true, Standing::Pending) => "pending",
            (true, Standing::Quiet) if self.is_unknown => "unknown",
            (true, Standing::Quiet) => "quiet",
        }
    }
}

impl TestedView {
    /// The view of what came of it.
    pub(crate) fn new((target, sent): (String, Result<(), SendFailure>)) -> Self {
        Self {
            target,
            sent: sent.is_ok(),
            failure: sent.err().map(|failure| failure.to_string()),
        }
    }
}
