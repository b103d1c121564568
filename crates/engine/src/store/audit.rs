//! The audit log: who did what, when, and why. Nothing is ever taken out of it.

use std::future::Future;

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Page, Unavailable};

/// Something that somebody is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub operator: String,
    /// What.
    pub action: Action,
    /// To what: the id of an execution or a delivery, the key of an event, or the name of a source
    /// or an endpoint.
    pub target: String,
    /// Why, in their own words; empty when they said nothing.
    pub reason: String,
}

/// What somebody can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Let an execution that ended badly go on.
    Redrive,
    /// End an execution.
    Stop,
    /// Judge a quarantined delivery again.
    Promote,
    /// Take in what a provider has and we have not.
    Reconcile,
    /// Tell endpoints again what became of a payment.
    Notify,
    /// Have an endpoint called again.
    EnableEndpoint,
    /// Have an endpoint left alone.
    DisableEndpoint,
    /// Do one of these to many at once; each of them is an act of its own, too.
    Bulk,
    /// Begin nothing more of such a run.
    CancelBulk,
    /// Make a new wrapping key.
    RotateKey,
    /// Wrap anew what older keys wrap.
    RewrapKeys,
    /// Destroy what was received for an event or a payment.
    Shred,
    /// Answer for a task that waits.
    AnswerTask,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActEnd {
    /// It was done.
    Done,
    /// It was not, and nothing was changed.
    NotDone {
        /// Why not.
        why: String,
    },
}

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActSummary {
    /// Its place in the log, from 1 on without gaps.
    pub id: u64,
    /// What was to be done.
    pub act: Act,
    /// How it ended; `None` while it is under way, or when the process died before it knew.
    pub end: Option<ActEnd>,
}

/// The role that remembers what people did.
pub trait AuditLog {
    /// Writes down what is about to be done, durably before it is. Its place in the log.
    fn record_act(&self, act: Act) -> impl Future<Output = Result<u64, Unavailable>> + Send;

    /// Writes down how it ended; only the first end counts. Whether there is such an entry without
    /// an end.
    fn end_act(
        &self,
        id: u64,
        end: ActEnd,
    ) -> impl Future<Output = Result<bool, Unavailable>> + Send;

    /// The log, newest first by id, below `before` where it is given.
    fn list_acts(&self, before: Option<u64>, limit: usize)
    -> Result<Page<ActSummary>, Unavailable>;
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 13] = [
        Self::Redrive,
        Self::Stop,
        Self::Promote,
        Self::Reconcile,
        Self::Notify,
        Self::EnableEndpoint,
        Self::DisableEndpoint,
        Self::Bulk,
        Self::CancelBulk,
        Self::RotateKey,
        Self::RewrapKeys,
        Self::Shred,
        Self::AnswerTask,
    ];

    /// The stable word, on the wire and on disk.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redrive => "redrive",
            Self::Stop => "stop",
            Self::Promote => "promote",
            Self::Reconcile => "reconcile",
            Self::Notify => "notify",
            Self::EnableEndpoint => "enable_endpoint",
            Self::DisableEndpoint => "disable_endpoint",
            Self::Bulk => "bulk",
            Self::CancelBulk => "cancel_bulk",
            Self::RotateKey => "rotate_key",
            Self::RewrapKeys => "rewrap_keys",
            Self::Shred => "shred",
            Self::AnswerTask => "answer_task",
        }
    }

    /// The action of this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == word)
    }
}
