//! What can be done to a store, as values: done to two stores, they give comparable answers.

use domain::notification::{EndpointName, Health, HealthChange};
use domain::stream::{Change, ChangeKind, Sequence};
use domain::time::{Millis, Timestamp};
use engine::store::{
    Appended, Claimed, Committed, DefinitionId, EventFilter, EventSummary, ExecutionFilter,
    ExecutionSummary, NotKept, Outcome, Page, Progress, QuarantineReason, StartExecution, Store,
    Unavailable,
};

use crate::deliveries::Webhook;
use crate::store_suite::Ending;

/// One operation with all its arguments.
#[derive(Debug, Clone)]
pub(super) enum Operation {
    Append(Webhook),
    Quarantine(Webhook, QuarantineReason),
    /// Of the delivery with this place in the listing; ids are each store's own.
    Discharge {
        rank: usize,
    },
    Start {
        starts: Vec<StartExecution>,
        definition: DefinitionId,
        cursor: Sequence,
    },
    ClaimDue {
        now: Timestamp,
        lease: Millis,
        limit: usize,
    },
    ClaimOne {
        sequence: Sequence,
        now: Timestamp,
        lease: Millis,
    },
    Release(Sequence),
    Commit(Progress),
    KeepDefinition(DefinitionId),
    ChangeEndpoint(EndpointName, HealthChange, Timestamp),
    ReadAfter {
        after: Sequence,
        limit: usize,
        wanted: Option<ChangeKind>,
    },
    ListEvents(EventFilter, Option<u64>, usize),
    ListExecutions(ExecutionFilter, Option<u64>, usize),
    Reopen(Ending),
}

/// What a store says to an operation.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    Appended(Result<Appended, NotKept>),
    Done(Result<(), Unavailable>),
    Discharged(Option<Result<bool, Unavailable>>),
    ClaimedDue(Result<Vec<Claimed>, Unavailable>),
    /// One or none.
    ClaimedOne(Result<Vec<Claimed>, Unavailable>),
    Committed(Result<Committed, Unavailable>),
    Definition(Result<Option<String>, Unavailable>),
    Endpoint(Result<Health, Unavailable>),
    Read(Result<(Vec<Change>, Sequence), Unavailable>),
    Events(Result<Page<EventSummary>, Unavailable>),
    Executions(Result<Page<ExecutionSummary>, Unavailable>),
}

/// Every way in which an operation can end, as [`Operation::end`] names them.
pub(super) const ENDS: [&str; 23] = [
    "stored",
    "duplicate",
    "conflict",
    "quarantined",
    "discharged",
    "nothing to discharge",
    "started",
    "only moved the cursor",
    "claimed some that are due",
    "nothing due",
    "claimed one",
    "held or unknown",
    "released",
    "committed with changes",
    "committed without changes",
    "stale",
    "refused",
    "kept a definition",
    "an endpoint was disabled",
    "an endpoint was not",
    "looked",
    "ended cleanly",
    "crashed",
];

impl Operation {
    pub(super) async fn apply<S: Store>(&self, store: &S) -> Answer {
        match self {
            Self::Append(sent) => Answer::Appended(store.append_once(sent.custody()).await),
            Self::Quarantine(sent, reason) => {
                Answer::Done(store.quarantine(sent.quarantined(*reason)).await)
            }
            Self::Discharge { rank } => Answer::Discharged(discharge(store, *rank).await),
            Self::Start {
                starts,
                definition,
                cursor,
            } => Answer::Done(store.start_all(starts.clone(), *definition, *cursor).await),
            Self::ClaimDue { now, lease, limit } => {
                Answer::ClaimedDue(store.claim_due(*now, *lease, *limit))
            }
            Self::ClaimOne {
                sequence,
                now,
                lease,
            } => {
                let claimed = store.claim_one(*sequence, *now, *lease);
                Answer::ClaimedOne(claimed.map(|claimed| claimed.into_iter().collect()))
            }
            Self::Release(sequence) => {
                store.release(*sequence);
                Answer::Done(Ok(()))
            }
            Self::Commit(progress) => Answer::Committed(store.commit(progress.clone()).await),
            Self::KeepDefinition(id) => {
                let kept = store.keep_definition(*id, format!("{id:?}")).await;
                Answer::Definition(kept.and_then(|()| store.definition(id)))
            }
            Self::ChangeEndpoint(name, change, now) => {
                Answer::Endpoint(store.change_endpoint(name, *change, *now).await)
            }
            Self::ReadAfter {
                after,
                limit,
                wanted,
            } => {
                let is_wanted = |kind| wanted.is_none_or(|wanted| wanted == kind);
                Answer::Read(store.read_after(*after, *limit, &is_wanted))
            }
            Self::ListEvents(filter, before, limit) => {
                Answer::Events(store.list_events(filter, *before, *limit))
            }
            Self::ListExecutions(filter, before, limit) => {
                Answer::Executions(store.list_executions(filter, *before, *limit))
            }
            Self::Reopen(_) => Answer::Done(Ok(())),
        }
    }

    /// Which of the [`ENDS`] this answer is.
    ///
    /// # Panics
    /// When it is an error: no fault was planned.
    pub(super) fn end(&self, answer: &Answer) -> &'static str {
        let why = "nothing was planned to fail";
        match (self, answer) {
            (_, Answer::Appended(appended)) => match appended.as_ref().expect(why).events[0].0 {
                Outcome::Stored => "stored",
                Outcome::Duplicate => "duplicate",
                Outcome::Conflict => "conflict",
            },
            (_, Answer::Discharged(None)) => "nothing to discharge",
            (_, Answer::Discharged(Some(Ok(true)))) => "discharged",
            (_, Answer::ClaimedDue(Ok(claimed))) if claimed.is_empty() => "nothing due",
            (_, Answer::ClaimedDue(Ok(_))) => "claimed some that are due",
            (_, Answer::ClaimedOne(Ok(claimed))) if claimed.is_empty() => "held or unknown",
            (_, Answer::ClaimedOne(Ok(_))) => "claimed one",
            (Self::Commit(progress), Answer::Committed(committed)) => match committed.expect(why) {
                Committed::Done if progress.changes.is_empty() => "committed without changes",
                Committed::Done => "committed with changes",
                Committed::Stale => "stale",
                Committed::Refused => "refused",
            },
            (_, Answer::Definition(Ok(Some(_)))) => "kept a definition",
            (_, Answer::Endpoint(health)) => match health.expect(why).disabled {
                Some(_) => "an endpoint was disabled",
                None => "an endpoint was not",
            },
            (_, Answer::Read(Ok(_)) | Answer::Events(Ok(_)) | Answer::Executions(Ok(_))) => {
                "looked"
            }
            (Self::Quarantine(..), Answer::Done(Ok(()))) => "quarantined",
            (Self::Start { starts, .. }, Answer::Done(Ok(()))) if starts.is_empty() => {
                "only moved the cursor"
            }
            (Self::Start { .. }, Answer::Done(Ok(()))) => "started",
            (Self::Release(_), Answer::Done(Ok(()))) => "released",
            (Self::Reopen(Ending::Clean), Answer::Done(Ok(()))) => "ended cleanly",
            (Self::Reopen(Ending::Crash), Answer::Done(Ok(()))) => "crashed",
            (operation, answer) => panic!("{operation:?} was answered with {answer:?}"),
        }
    }
}

/// `None` when the quarantine holds fewer.
async fn discharge<S: Store>(store: &S, rank: usize) -> Option<Result<bool, Unavailable>> {
    let page = store.list_quarantined(None, rank + 1).expect("readable");
    let id = page.items.get(rank)?.id;
    Some(store.discharge(id).await)
}
