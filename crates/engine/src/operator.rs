//! What people do to executions and to what is set apart: stop, redrive, promote.
//!
//! Each is one claim, one decision by the interpreter or the front door, and one commit; doing
//! it twice does it once.

use asl::advance::Signal;
use bytes::Bytes;
use domain::admit::{Refusal, admit_fetched};
use domain::delivery::{Headers, RawDelivery};
use domain::event::EventKey;
use domain::record::{EventRecord, RecordKey};
use domain::settlement::{Applied, SettlementChange};
use domain::source::Source;
use domain::stream::{ChangeKind, Sequence};
use domain::task::RecordChange;
use domain::time::{Millis, Timestamp};
use domain::trace::TraceId;

use crate::clock::{Clock, Luck};
use crate::judge::{NotAdmitted, judge};
use crate::runner::{Held, HeldError};
use crate::store::{
    Appended, Committed, Custody, EventLog, Executions, Lease, NotKept, Outcome, QuarantineWard,
    Unavailable,
};
use crate::upstream::Upstream;
use crate::workflow::{DefinitionMissing, Workflows};

/// How long an operator's own claim lasts: one commit.
const LEASE: Millis = Millis::from_secs(30);

/// Why an operator's wish was not done. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// There is nothing of that name.
    #[error("there is no such thing here")]
    NotFound,
    /// There is nothing of that name, and it is said of what.
    #[error("{0}")]
    NoSuch(String),
    /// An attempt is under way; try again when it has ended.
    #[error("an attempt is under way; try again when it has ended")]
    Busy,
    /// What is asked for is no such thing.
    #[error("{0}")]
    Nonsense(String),
    /// It is in no state for that.
    #[error("{0}")]
    NotNow(String),
    /// Judged again, it is still refused.
    #[error("still refused: {0}")]
    StillRefused(Refusal),
    /// The store cannot do it now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What an operator can do to one execution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// End it now, for a reason.
    Stop {
        /// Why, for whoever reads the history.
        reason: Option<String>,
    },
    /// Let one that ended badly go on from the state in which it failed.
    Redrive,
}

/// Does what an operator wishes with one execution.
pub async fn fulfil(
    wish: Wish,
    sequence: Sequence,
    store: &(impl Executions + EventLog),
    workflows: &Workflows,
    (clock, luck): (&dyn Clock, &dyn Luck),
) -> Result<(), NotDone> {
    let now = clock.now();
    // `claim_one` does not say why there is nothing to claim; callers look first.
    let Some(claimed) = store.claim_one(sequence, now, LEASE)? else {
        return Err(NotDone::Busy);
    };
    let moved = move_it(wish, claimed, store, workflows, (clock, luck)).await;
    if moved.is_err() {
        store.release(sequence);
    }
    moved
}

async fn move_it(
    wish: Wish,
    claimed: crate::store::Claimed,
    store: &(impl Executions + EventLog),
    workflows: &Workflows,
    (clock, luck): (&dyn Clock, &dyn Luck),
) -> Result<(), NotDone> {
    let definition = workflows.find(&claimed.definition, store)?;
    let mut held = Held::open(claimed, definition)?;
    if wish == Wish::Redrive
        && let Some(state) = held.fail_state()
    {
        return Err(NotDone::NotNow(format!(
            "it ended in the Fail state {state}, and would only end there again; a workflow that \
             is to be redriven must fail in a task, as payhook's own does"
        )));
    }
    let now = clock.now();
    let moment = crate::runner::moment(now, luck.next_u64());
    if held.execution().event_count() == 0 {
        held.signal(Signal::Start, moment)?;
    }
    let signal = match wish {
        Wish::Stop { reason } => {
            let error = "Operator.Stopped".to_owned();
            let cause = reason.unwrap_or_default();
            // A payment whose execution was stopped must not look as if somebody worked on it.
            let fail = SettlementChange::Fail {
                error: error.clone(),
                cause: cause.clone(),
            };
            let record = store.record(&held.key).await?;
            // One that was started for a later change, to tell of it, leaves the payment alone
            // unless it has claimed it.
            let name = held.course().execution_name();
            let works_on = |record: &EventRecord| {
                held.started_by == ChangeKind::Insert || record.settlement.is_claimed_by(name)
            };
            if record.is_some_and(|record| {
                works_on(&record) && record.settlement.apply(&fail, now) != Applied::Refused
            }) {
                held.record(RecordChange {
                    key: held.key.clone(),
                    change: fail,
                });
            }
            Signal::Stop {
                error: Some(error),
                cause: Some(cause),
            }
        }
        Wish::Redrive => Signal::Redrive,
    };
    held.signal(signal, moment)?;
    match store
        .commit(held.take_progress(now, Lease::Release)?)
        .await?
    {
        Committed::Done => Ok(()),
        Committed::Stale => Err(NotDone::Busy),
        Committed::Refused => Err(NotDone::NotNow("the record contradicts it".to_owned())),
    }
}

/// Judges a quarantined delivery again, with the secrets and readers of now but as of the time
/// it was received, and takes it into custody if it passes.
pub async fn promote(
    id: u64,
    upstream: &dyn Upstream,
    source_of: impl Fn(&str) -> Option<Source>,
    store: &(impl QuarantineWard + EventLog),
    trace: TraceId,
) -> Result<Appended, NotDone> {
    let (summary, delivery) = store.quarantined(id)?.ok_or(NotDone::NotFound)?;
    let source = source_of(summary.source.as_str()).ok_or_else(|| {
        NotDone::NotNow(format!("no source named {} is configured", summary.source))
    })?;
    let rules = source.provider.rules();
    let admitted = judge(delivery, &source, upstream)
        .await
        .map_err(|refused| match refused {
            NotAdmitted::Refused(refused) => NotDone::StillRefused(refused.refusal),
            NotAdmitted::NotNow(failure) => NotDone::NotNow(failure.to_string()),
        })?;
    let appended = store
        .append_once(Custody {
            admitted,
            trace: trace.into(),
            rules,
        })
        .await?;
    store.discharge(id).await?;
    Ok(appended)
}

/// One page of a comparison with what a provider has.
#[derive(Debug, Clone)]
pub struct Reconciliation {
    /// From this time on.
    pub since: Timestamp,
    /// Where the page begins; the last page's `next`.
    pub cursor: Option<String>,
    /// Whether nothing is taken in.
    pub dry_run: bool,
    /// Now: when what is missing is received.
    pub now: Timestamp,
    /// The trace that what is taken in belongs to.
    pub trace: TraceId,
}

/// What a page found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// Events that the provider has.
    pub checked: u64,
    /// Those of them that are here.
    pub known: u64,
    /// Those that were taken in now.
    pub taken: u64,
    /// Those that were not here, with the payments that they are about.
    pub gaps: Vec<(EventKey, String)>,
    /// Where the next page begins; `None` on the last.
    pub next: Option<String>,
}

/// Compares a page of what the provider of `source` has with what is kept, and takes in what is
/// missing. Doing it twice takes nothing in twice: an event's key is claimed once.
///
/// # Errors
/// [`NotDone::NotNow`] when the provider cannot be asked; what was taken in before stays.
pub async fn reconcile(
    source: &Source,
    asked: Reconciliation,
    upstream: &dyn Upstream,
    store: &impl EventLog,
) -> Result<Reconciled, NotDone> {
    let page = upstream
        .events(source, asked.since, asked.cursor)
        .await
        .map_err(|failure| NotDone::NotNow(failure.to_string()))?;
    let mut found = Reconciled {
        checked: 0,
        known: 0,
        taken: 0,
        gaps: Vec::new(),
        next: page.next,
    };
    for body in page.events {
        let hint = RawDelivery {
            source: source.name.clone(),
            headers: Headers::default(),
            body: Bytes::new(),
            received_at: asked.now,
        };
        let admitted = admit_fetched(hint, body, source)
            .map_err(|refused| NotDone::StillRefused(refused.refusal))?;
        let mut missing = Vec::new();
        for event in admitted.events() {
            found.checked += 1;
            match store.find_event(&event.key.digest()).await? {
                Some(_) => found.known += 1,
                None => missing.push((event.key.clone(), event.payment_id.clone())),
            }
        }
        if !missing.is_empty() && !asked.dry_run {
            let appended = store
                .append_once(Custody {
                    admitted,
                    trace: asked.trace.into(),
                    rules: source.provider.rules(),
                })
                .await?;
            let stored = |(outcome, _): &&(Outcome, RecordKey)| *outcome == Outcome::Stored;
            found.taken += appended.events.iter().filter(stored).count() as u64;
        }
        found.gaps.extend(missing);
    }
    Ok(found)
}

impl From<NotKept> for NotDone {
    fn from(not_kept: NotKept) -> Self {
        match not_kept {
            NotKept::Unavailable(unavailable) => Self::Unavailable(unavailable),
            NotKept::TooLarge { .. } => Self::NotNow(not_kept.to_string()),
        }
    }
}

impl From<DefinitionMissing> for NotDone {
    fn from(missing: DefinitionMissing) -> Self {
        match missing {
            DefinitionMissing::Unavailable(unavailable) => Self::Unavailable(unavailable),
            DefinitionMissing::Lost => Self::NotNow(missing.to_string()),
        }
    }
}

impl From<HeldError> for NotDone {
    fn from(error: HeldError) -> Self {
        Self::NotNow(error.to_string())
    }
}
