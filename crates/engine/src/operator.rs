//! What people do to executions and to what is set apart: stop, redrive, promote.
//!
//! Each is one claim, one decision by the interpreter or the front door, and one commit; doing
//! it twice does it once.

use asl::advance::Signal;
use domain::admit::{Refusal, admit};
use domain::settlement::{Applied, SettlementChange};
use domain::source::Source;
use domain::stream::Sequence;
use domain::task::RecordChange;
use domain::time::Millis;
use domain::trace::TraceId;

use crate::clock::{Clock, Luck};
use crate::runner::{Held, HeldError};
use crate::store::{
    Appended, Committed, Custody, EventLog, Executions, Lease, NotKept, QuarantineWard, Unavailable,
};
use crate::workflow::{DefinitionMissing, Workflows};

/// How long an operator's own claim lasts: one commit.
const LEASE: Millis = Millis::from_secs(30);

/// Why an operator's wish was not done. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// There is nothing of that name.
    #[error("there is no such thing here")]
    NotFound,
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
            if record.is_some_and(|record| record.settlement.apply(&fail, now) != Applied::Refused)
            {
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
    source_of: impl Fn(&str) -> Option<Source>,
    store: &(impl QuarantineWard + EventLog),
    trace: TraceId,
) -> Result<Appended, NotDone> {
    let (summary, delivery) = store.quarantined(id)?.ok_or(NotDone::NotFound)?;
    let source = source_of(summary.source.as_str()).ok_or_else(|| {
        NotDone::NotNow(format!("no source named {} is configured", summary.source))
    })?;
    let admitted =
        admit(delivery, &source).map_err(|refused| NotDone::StillRefused(refused.refusal))?;
    let appended = store
        .append_once(Custody {
            admitted,
            trace: trace.into(),
        })
        .await?;
    store.discharge(id).await?;
    Ok(appended)
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
