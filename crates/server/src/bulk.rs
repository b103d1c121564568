//! Many at once: redrive, stop or promote whatever a filter asks for, at a pace that a gateway can
//! bear, first as a dry run, and to be cancelled at any time.
//!
//! A run goes from the newest to the oldest, so nothing that it has moved comes before it again. It
//! is kept in memory only: what it has done is done, each act by itself in the audit log, and after
//! a restart the same run takes up what is left, because what was done no longer matches.

mod board;
mod work;

use std::collections::BTreeMap;

use engine::operator::NotDone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::board::Board;
use self::board::Tally;
use self::work::work;

use crate::desk::EventQuery;

/// How many a second, where nobody says.
pub(crate) const PER_SECOND: u32 = 10;

/// Most a second: beyond it the pace is the store's.
const PER_SECOND_MAX: u32 = 1000;

/// What is done with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "BulkAction")]
pub(crate) enum BulkAction {
    /// Let executions that ended badly go on.
    Redrive,
    /// End executions that run.
    Stop,
    /// Judge refused deliveries again.
    Promote,
    /// Tell endpoints what they were not told: let the executions go on that tell of the ends of
    /// payments and rest.
    Notify,
}

impl BulkAction {
    /// For people.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Stop => "stop",
            Self::Promote => "promote",
            Self::Notify => "notify",
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct BulkRequest {
    /// What is done with each.
    pub(crate) action: BulkAction,
    /// With which: for deliveries (`promote`), `source`, `since` and `until` only.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, String>")]
    pub(crate) filter: EventQuery,
    /// Whether it is only counted.
    #[serde(default)]
    pub(crate) dry_run: bool,
    /// How many a second; 10 when absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(range(min = 1, max = 1000))]
    pub(crate) per_second: Option<u32>,
    /// Why, for whoever reads the audit log.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) reason: Option<String>,
}

impl BulkRequest {
    /// How many a second.
    pub(crate) fn pace(&self) -> u32 {
        self.per_second.unwrap_or(PER_SECOND)
    }

    /// What is done with which, on one line of the audit log.
    fn words(&self) -> String {
        let filter = serde_json::to_string(&self.filter).unwrap_or_default();
        format!("{} {filter}", self.action.word())
    }

    /// Whether it can be done at all.
    ///
    /// # Errors
    /// [`NotDone::Nonsense`], and what is wrong with it.
    fn check(&self) -> Result<(), NotDone> {
        if !(1..=PER_SECOND_MAX).contains(&self.pace()) {
            return Err(NotDone::Nonsense(format!(
                "perSecond: from 1 to {PER_SECOND_MAX}, not {}",
                self.pace()
            )));
        }
        let filter = &self.filter;
        if filter.before.is_some() || filter.limit.is_some() {
            return Err(NotDone::Nonsense(
                "filter: before and limit are for pages; a run has none".to_owned(),
            ));
        }
        // What cannot be read is said now, and not by a run that fails.
        filter.filter()?;
        let of_events = [
            ("payment_id", filter.payment_id.is_some()),
            ("status", filter.status.is_some()),
            ("event_key", filter.event_key.is_some()),
            ("error", filter.error.is_some()),
            ("amount", filter.amount.is_some()),
        ];
        let unfit = of_events.iter().find(|(_, given)| *given);
        match (self.action, unfit) {
            (BulkAction::Promote, Some((name, _))) => Err(NotDone::Nonsense(format!(
                "filter: {name} is not known of a refused delivery; source, since and until are"
            ))),
            (
                BulkAction::Promote | BulkAction::Redrive | BulkAction::Stop | BulkAction::Notify,
                _,
            ) => Ok(()),
        }
    }
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BulkState {
    /// It goes on.
    Running,
    /// It is through.
    Done,
    /// Somebody cancelled it.
    Cancelled,
    /// It could not go on.
    Failed,
}

impl BulkState {
    /// For people.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// A run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BulkView {
    /// Its number, since the server was started.
    pub(crate) id: u64,
    /// What was asked for.
    pub(crate) request: BulkRequest,
    /// Who asked.
    pub(crate) operator: String,
    /// How it stands.
    pub(crate) state: BulkState,
    /// How many were found so far that it is for.
    pub(crate) matched: u64,
    /// With how many it was done.
    pub(crate) done: u64,
    /// With how many it could not be done.
    pub(crate) not_done: u64,
    /// Why not, of the first few.
    pub(crate) problems: Vec<String>,
    /// What was found, of the first few: an event's key, or a delivery's id.
    pub(crate) sample: Vec<String>,
    /// When it began.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) started_at: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(extend("format" = "date-time"))]
    pub(crate) ended_at: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_with_its_name() {
        for (json, wrong) in [
            (r#"{"action":"stop","filter":{"until":""}}"#, Some("until")),
            (
                r#"{"action":"stop","filter":{"amount":"x"}}"#,
                Some("amount"),
            ),
            (r#"{"action":"redrive"}"#, None),
            (r#"{"action":"stop","perSecond":1000}"#, None),
            (
                r#"{"action":"promote","filter":{"source":"stripe","since":"1"}}"#,
                None,
            ),
            (r#"{"action":"redrive","perSecond":0}"#, Some("perSecond")),
            (
                r#"{"action":"redrive","perSecond":1001}"#,
                Some("perSecond"),
            ),
            (
                r#"{"action":"redrive","filter":{"limit":5}}"#,
                Some("limit"),
            ),
            (
                r#"{"action":"promote","filter":{"amount":"5"}}"#,
                Some("amount"),
            ),
        ] {
            let request: BulkRequest = serde_json::from_str(json).expect(json);
            match (request.check(), wrong) {
                (Ok(()), None) => {}
                (Err(NotDone::Nonsense(why)), Some(word)) => assert!(why.contains(word), "{why}"),
                (found, _) => panic!("{json}: {found:?}"),
            }
        }
    }
}
