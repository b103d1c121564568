//! One run, from the newest to the oldest.

use std::time::Duration;

use engine::operator::{NotDone, Wish};
use engine::store::{ExecutionFilter, ExecutionStatus, Store};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::{BulkAction, BulkRequest, BulkState, Tally};
use crate::desk::{By, Desk, EventQuery};

/// How many are looked at before others get a turn.
const PAGE: usize = 200;

/// What a run is for.
struct Candidate {
    id: u64,
    /// What people call it.
    name: String,
}

/// Does what is asked for, as `operator`, until one of the tokens is cancelled: what is under way
/// then is finished, or the log would have an act without an end. How it ended.
pub(super) async fn work<S: Store>(
    desk: &Desk<S>,
    (request, operator): (&BulkRequest, &str),
    tally: &Tally<'_>,
    [cancel, stop]: [&CancellationToken; 2],
) -> BulkState {
    let pause = Duration::from_secs(1) / request.pace();
    let mut pace = tokio::time::interval(pause);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let by = By::new(operator, request.reason.as_deref());
    let mut before = None;
    loop {
        let (candidates, next) = match candidates(desk, request, before) {
            Ok(page) => page,
            Err(why) => {
                tally.problem(why.to_string());
                return BulkState::Failed;
            }
        };
        for candidate in candidates {
            tally.matched(candidate.name.clone());
            if request.dry_run {
                continue;
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => return BulkState::Cancelled,
                () = stop.cancelled() => return BulkState::Cancelled,
                _ = pace.tick() => {}
            }
            match act(desk, request.action, candidate.id, &by).await {
                Ok(()) => tally.done(),
                Err(why) => {
                    tally.not_done(&candidate.name, &why);
                    if matches!(why, NotDone::Unavailable(_)) {
                        return BulkState::Failed;
                    }
                }
            }
        }
        let Some(next) = next else {
            return BulkState::Done;
        };
        before = Some(next);
        tokio::task::yield_now().await;
        if cancel.is_cancelled() || stop.is_cancelled() {
            return BulkState::Cancelled;
        }
    }
}

async fn act<S: Store>(
    desk: &Desk<S>,
    action: BulkAction,
    id: u64,
    by: &By,
) -> Result<(), NotDone> {
    let wish = match action {
        BulkAction::Redrive | BulkAction::Notify => Wish::Redrive,
        BulkAction::Stop => Wish::Stop {
            reason: Some(by.reason().to_owned()).filter(|reason| !reason.is_empty()),
        },
        BulkAction::Promote => {
            desk.promote(id, by).await?;
            return Ok(());
        }
    };
    desk.fulfil(&id.to_string(), wish, by).await?;
    Ok(())
}

/// A page of what it is for, and where the next one begins.
fn candidates<S: Store>(
    desk: &Desk<S>,
    request: &BulkRequest,
    before: Option<u64>,
) -> Result<(Vec<Candidate>, Option<u64>), NotDone> {
    let filter = &request.filter;
    if request.action == BulkAction::Promote {
        let fits = filter.fits_delivery()?;
        let page = desk.store.list_quarantined(before, PAGE)?;
        let fitting = page.items.iter().filter(|delivery| fits(delivery));
        let candidates = fitting.map(|delivery| Candidate {
            id: delivery.id,
            name: format!("delivery {}", delivery.id),
        });
        return Ok((candidates.collect(), page.next));
    }
    if request.action == BulkAction::Notify {
        return untold(desk, filter, before);
    }
    let page = desk.events(&EventQuery {
        before,
        limit: Some(PAGE),
        ..filter.clone()
    })?;
    let fitting = page.items.into_iter().filter(|event| {
        event
            .execution
            .is_some_and(|status| is_for(request.action, status))
    });
    let candidates = fitting.map(|event| Candidate {
        id: event.id,
        name: event.event_key,
    });
    Ok((candidates.collect(), page.next))
}

/// A page of the executions that tell of an end of an event's payment, and rest.
fn untold<S: Store>(
    desk: &Desk<S>,
    filter: &EventQuery,
    before: Option<u64>,
) -> Result<(Vec<Candidate>, Option<u64>), NotDone> {
    let wanted = filter.filter()?;
    let key = filter.event_key.as_deref();
    let at_rest_badly = ExecutionFilter {
        dead_letters: true,
        ..ExecutionFilter::default()
    };
    let page = desk.store.list_executions(&at_rest_badly, before, PAGE)?;
    let mut candidates = Vec::new();
    for summary in page.items {
        let name = summary.record.event_key.to_string();
        if !wanted.matches(&summary.record) || key.is_some_and(|key| key != name) {
            continue;
        }
        if desk.tells_of_an_end(summary.sequence)? {
            let id = summary.sequence.get();
            candidates.push(Candidate { id, name });
        }
    }
    Ok((candidates, page.next))
}

/// Whether an execution that stands so is one that this is done with.
fn is_for(action: BulkAction, status: ExecutionStatus) -> bool {
    let at_rest_badly = match status {
        ExecutionStatus::Running | ExecutionStatus::Succeeded => false,
        ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => true,
    };
    match action {
        BulkAction::Redrive => at_rest_badly,
        BulkAction::Stop => status == ExecutionStatus::Running,
        BulkAction::Promote | BulkAction::Notify => false,
    }
}
