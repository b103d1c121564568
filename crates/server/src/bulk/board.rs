//! Which runs there are, and the one loop that does them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::time::Timestamp;
use engine::operator::NotDone;
use engine::store::{Action, Store};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{BulkRequest, BulkState, BulkView};
use crate::desk::{By, Desk};

/// Runs that are remembered.
const REMEMBERED: usize = 50;

/// Problems and samples that are kept of one run.
const FEW: usize = 20;

/// Every run since the server was started. One goes at a time: two would not keep a gateway's pace.
#[derive(Debug, Default)]
pub(crate) struct Board {
    runs: Mutex<VecDeque<Run>>,
    wake: Notify,
}

#[derive(Debug)]
struct Run {
    view: BulkView,
    cancel: CancellationToken,
    begun: bool,
}

/// Where a run's progress is written down.
pub(crate) struct Tally<'a> {
    board: &'a Board,
    id: u64,
}

impl Board {
    /// Begins a run, and has that in the audit log unless it only counts. How it stands.
    ///
    /// # Errors
    /// It makes no sense, or another one is going on, or there is no audit log.
    pub(crate) async fn begin<S: Store>(
        &self,
        desk: &Desk<S>,
        request: BulkRequest,
        by: &By,
    ) -> Result<BulkView, NotDone> {
        request.check()?;
        let now = desk.clock.now();
        if request.dry_run {
            return self.start(request, by.operator(), now);
        }
        let act = (Action::Bulk, request.words());
        let started = async { self.start(request, by.operator(), now) };
        desk.on_record(by, act, started).await
    }

    fn start(
        &self,
        request: BulkRequest,
        operator: &str,
        now: Timestamp,
    ) -> Result<BulkView, NotDone> {
        let mut runs = self.runs();
        if let Some(run) = runs.iter().find(|run| run.view.state == BulkState::Running) {
            return Err(NotDone::NotNow(format!(
                "run {} is still going on; wait for its end, or cancel it",
                run.view.id
            )));
        }
        let view = BulkView {
            id: runs.back().map_or(1, |run| run.view.id.saturating_add(1)),
            request,
            operator: operator.to_owned(),
            state: BulkState::Running,
            matched: 0,
            done: 0,
            not_done: 0,
            problems: Vec::new(),
            sample: Vec::new(),
            started_at: now.to_iso(),
            ended_at: None,
        };
        if runs.len() >= REMEMBERED {
            runs.pop_front();
        }
        runs.push_back(Run {
            view: view.clone(),
            cancel: CancellationToken::new(),
            begun: false,
        });
        self.wake.notify_one();
        Ok(view)
    }

    /// Cancels a run: nothing more is begun, and what is under way ends. How it stands.
    ///
    /// # Errors
    /// There is none of this number.
    pub(crate) async fn cancel<S: Store>(
        &self,
        desk: &Desk<S>,
        id: u64,
        by: &By,
    ) -> Result<BulkView, NotDone> {
        let view = {
            let runs = self.runs();
            let run = runs.iter().find(|run| run.view.id == id);
            let run = run.ok_or(NotDone::NotFound)?;
            run.cancel.cancel();
            run.view.clone()
        };
        // Unlike other acts it comes before its record: whoever must end a run can, even when the
        // store cannot write.
        let act = (Action::CancelBulk, format!("run {id}"));
        if let Err(why) = desk.on_record(by, act, async { Ok(()) }).await {
            warn!(run = id, %why, "a run is cancelled, and that could not be written down");
        }
        Ok(view)
    }

    /// How a run stands.
    ///
    /// # Errors
    /// There is none of this number, or no more.
    pub(crate) fn run(&self, id: u64) -> Result<BulkView, NotDone> {
        let runs = self.runs();
        let run = runs.iter().find(|run| run.view.id == id);
        Ok(run.ok_or(NotDone::NotFound)?.view.clone())
    }

    /// Every run that is remembered, newest first.
    pub(crate) fn all(&self) -> Vec<BulkView> {
        let runs = self.runs();
        runs.iter().rev().map(|run| run.view.clone()).collect()
    }

    /// Does one run here and now, until it ends or is `cancel`led. How it then stands.
    ///
    /// # Errors
    /// It makes no sense.
    pub(crate) async fn run_here<S: Store>(
        &self,
        desk: &Desk<S>,
        (request, operator): (BulkRequest, &str),
        cancel: &CancellationToken,
    ) -> Result<BulkView, NotDone> {
        let by = By::new(operator, request.reason.as_deref());
        let id = self.begin(desk, request.clone(), &by).await?.id;
        let tally = Tally { board: self, id };
        let ended = super::work(desk, (&request, operator), &tally, [cancel, cancel]).await;
        tally.end(ended, desk.clock.now());
        self.run(id)
    }

    /// Does what is asked for until told to stop.
    pub(crate) async fn serve<S: Store>(&self, desk: &Desk<S>, stop: CancellationToken) {
        // One whose loop panicked does not go on: what it did is done, and nobody knows how far it
        // had come.
        self.give_up_on_begun(desk.clock.now());
        loop {
            let Some((id, request, operator, cancel)) = self.next() else {
                tokio::select! {
                    () = self.wake.notified() => continue,
                    () = stop.cancelled() => return,
                }
            };
            let tally = Tally { board: self, id };
            let ended = super::work(desk, (&request, &operator), &tally, [&cancel, &stop]).await;
            tally.end(ended, desk.clock.now());
        }
    }

    fn next(&self) -> Option<(u64, BulkRequest, String, CancellationToken)> {
        let mut runs = self.runs();
        let waits = |run: &&mut Run| !run.begun && run.view.state == BulkState::Running;
        let run = runs.iter_mut().find(waits)?;
        run.begun = true;
        let view = &run.view;
        let asked = (view.request.clone(), view.operator.clone());
        Some((view.id, asked.0, asked.1, run.cancel.clone()))
    }

    fn give_up_on_begun(&self, now: Timestamp) {
        for run in self.runs().iter_mut() {
            if run.begun && run.view.state == BulkState::Running {
                run.view.state = BulkState::Failed;
                run.view.ended_at = Some(now.to_iso());
            }
        }
    }

    fn runs(&self) -> MutexGuard<'_, VecDeque<Run>> {
        // Nothing can panic while it is locked, so what it guards is whole.
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tally<'_> {
    /// One more was found.
    pub(super) fn matched(&self, name: String) {
        self.change(|view| {
            view.matched += 1;
            if view.sample.len() < FEW {
                view.sample.push(name);
            }
        });
    }

    /// It was done.
    pub(super) fn done(&self) {
        self.change(|view| view.done += 1);
    }

    /// It could not be done.
    pub(super) fn not_done(&self, name: &str, why: &NotDone) {
        self.change(|view| view.not_done += 1);
        self.problem(format!("{name}: {why}"));
    }

    /// Something is wrong.
    pub(super) fn problem(&self, problem: String) {
        self.change(|view| {
            if view.problems.len() < FEW {
                view.problems.push(problem);
            }
        });
    }

    fn end(&self, state: BulkState, now: Timestamp) {
        self.change(|view| {
            view.state = state;
            view.ended_at = Some(now.to_iso());
            info!(
                run = view.id,
                matched = view.matched,
                done = view.done,
                not_done = view.not_done,
                "a bulk run has ended"
            );
        });
    }

    fn change(&self, change: impl FnOnce(&mut BulkView)) {
        let mut runs = self.board.runs();
        if let Some(run) = runs.iter_mut().find(|run| run.view.id == self.id) {
            change(&mut run.view);
        }
    }
}
