//! What is shown of the audit log.

use engine::store::{ActEnd, ActSummary, Action};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Something that somebody did, or meant to.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActView {
    /// Its place in the log.
    pub(crate) id: u64,
    /// When.
    #[schemars(extend("format" = "date-time"))]
    pub(crate) at: String,
    /// Who.
    pub(crate) operator: String,
    /// What.
    #[schemars(with = "super::schema::Deed")]
    pub(crate) action: Action,
    /// To what.
    pub(crate) target: String,
    /// Why; empty when nobody said.
    pub(crate) reason: String,
    /// Whether it was done; absent while it is under way, or when the process died over it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) done: Option<bool>,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) why: Option<String>,
}

impl ActView {
    /// The view of an entry.
    pub(crate) fn new(summary: &ActSummary) -> Self {
        let (done, why) = match &summary.end {
            None => (None, None),
            Some(ActEnd::Done) => (Some(true), None),
            Some(ActEnd::NotDone { why }) => (Some(false), Some(why.clone())),
        };
        let act = &summary.act;
        Self {
            id: summary.id,
            at: act.at.to_iso(),
            operator: act.operator.clone(),
            action: act.action,
            target: act.target.clone(),
            reason: act.reason.clone(),
            done,
            why,
        }
    }

    /// How it ended, in a word.
    pub(crate) fn end(&self) -> &'static str {
        match self.done {
            None => "no end",
            Some(true) => "done",
            Some(false) => "not done",
        }
    }
}
