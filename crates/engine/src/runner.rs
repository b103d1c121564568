//! Moves executions: claims what is due, and drives each as far as it goes.
//!
//! The store says what is due; nothing is remembered here that a crash could lose.

mod attempts;
mod drive;
mod held;
mod turns;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use domain::source::SourceName;
use domain::time::{Millis, Timestamp};
use futures_util::FutureExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

use crate::callback::Letters;
use crate::clock::{Clock, Luck};
use crate::metrics::{LoopLabel, Metrics};
use crate::store::{Executions, Unavailable};
use crate::tasks::TaskRunner;
use crate::wakeup::Wakeup;
use crate::workflow::Workflows;

pub(crate) use held::moment;
pub use held::{Held, HeldError};
use turns::Turns;

/// How long the runner waits after the store could not serve it.
const PAUSE_AFTER_TROUBLE: Millis = Millis::new(500);

/// Longest sleep with nothing due: bounds what a missed hint could cost.
const LONGEST_SLEEP: Millis = Millis::from_secs(60);

/// How much longer than a task a lease lasts: two commits on a slow disk, and then some.
const LEASE_SLACK: Millis = Millis::from_secs(30);

/// What the runner is told by the configuration.
#[derive(Debug, Clone, Default)]
pub struct RunnerOptions {
    /// Most tasks at once.
    pub concurrency: usize,
    /// Longest time for one attempt of a task.
    pub task_timeout: Millis,
    /// Sources whose payments have their executions run one at a time, in order of arrival.
    pub one_at_a_time: HashSet<SourceName>,
    /// Where answers to tasks that wait come in.
    pub letters: Letters,
}

/// Everything that driving an execution takes.
pub struct Runner<S, T> {
    pub(crate) store: Arc<S>,
    pub(crate) tasks: T,
    pub(crate) workflows: Arc<Workflows>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) luck: Arc<dyn Luck>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) options: RunnerOptions,
    permits: Arc<Semaphore>,
    freed: Wakeup,
    turns: Turns,
}

impl<S: Executions + Send + Sync + 'static, T: TaskRunner> Runner<S, T> {
    /// A runner.
    pub fn new(
        (store, tasks): (Arc<S>, T),
        workflows: Arc<Workflows>,
        (clock, luck): (Arc<dyn Clock>, Arc<dyn Luck>),
        metrics: Arc<Metrics>,
        options: RunnerOptions,
    ) -> Arc<Self> {
        let permits = Arc::new(Semaphore::new(options.concurrency));
        let freed = Wakeup::default();
        let turns = Turns::new(options.one_at_a_time.clone());
        Arc::new(Self {
            store,
            tasks,
            workflows,
            clock,
            luck,
            metrics,
            options,
            permits,
            freed,
            turns,
        })
    }

    /// Claims what is due now, as far as there are hands for it, and drives all of it to where
    /// it must wait. Says how many there were. For tests and tools; [`Self::run`] is the loop.
    pub async fn run_due_once(self: &Arc<Self>) -> Result<usize, Unavailable> {
        let tracker = TaskTracker::new();
        let claimed = self.start_due(&tracker)?;
        tracker.close();
        tracker.wait().await;
        Ok(claimed)
    }

    /// Claims and drives until told to stop, then waits for what was begun.
    pub async fn run(self: &Arc<Self>, stop: CancellationToken) {
        let tracker = TaskTracker::new();
        while !stop.is_cancelled() {
            let wait_until = match self.start_due(&tracker) {
                Ok(_) => self.next_look(),
                Err(unavailable) => Err(unavailable),
            };
            let (until, freed_counts) = match wait_until {
                Ok(until) => (until, true),
                Err(unavailable) => {
                    warn!(%unavailable, "the runner could not read the store; it will try again");
                    (self.clock.now().after(PAUSE_AFTER_TROUBLE), false)
                }
            };
            tokio::select! {
                biased;
                () = self.store.due_wakeup().wait(), if freed_counts => {}
                () = self.freed.wait(), if freed_counts => {}
                () = self.clock.sleep_until(until) => {}
                () = stop.cancelled() => {}
            }
        }
        tracker.close();
        tracker.wait().await;
    }

    /// When to look again if no hint comes. With no hand free, only a hand that becomes free
    /// is worth looking for.
    fn next_look(&self) -> Result<Timestamp, Unavailable> {
        let now = self.clock.now();
        let latest = now.after(LONGEST_SLEEP);
        if self.permits.available_permits() == 0 {
            return Ok(latest);
        }
        Ok(self.store.next_due()?.map_or(latest, |due| due.min(latest)))
    }

    fn start_due(self: &Arc<Self>, tracker: &TaskTracker) -> Result<usize, Unavailable> {
        let free = self.permits.available_permits();
        if free == 0 {
            return Ok(0);
        }
        let claimed = self.store.claim_due(self.clock.now(), self.lease(), free)?;
        let count = claimed.len();
        let mut trouble = Ok(count);
        for execution in claimed {
            // An execution that does several things at once may have taken what was free; then this
            // one goes back and is claimed again when a hand is freed.
            let Some(hand) = self.another_hand() else {
                self.store.release(execution.sequence);
                continue;
            };
            let payment = self.turns.payment(&execution);
            if let Some(payment) = &payment {
                match self
                    .turns
                    .is_turn_of(execution.sequence, payment, &*self.store)
                {
                    Ok(true) => {}
                    Ok(false) => continue,
                    Err(unavailable) => {
                        self.store.release(execution.sequence);
                        trouble = Err(unavailable);
                        continue;
                    }
                }
            }
            let runner = Arc::clone(self);
            tracker.spawn(async move {
                let sequence = execution.sequence.get();
                let driven = AssertUnwindSafe(drive::drive(&runner, execution, hand));
                if driven.catch_unwind().await.is_err() {
                    // Its lease runs out, and it is tried again; at once would be a loop.
                    let name = "execution".to_owned();
                    runner
                        .metrics
                        .panics
                        .get_or_create(&LoopLabel { name })
                        .inc();
                    error!(
                        sequence,
                        "moving an execution panicked; it will be tried again"
                    );
                }
                if let Some(payment) = &payment {
                    runner.turns.pass_on(payment, &*runner.store);
                }
            });
        }
        trouble
    }
}

impl<S, T> Runner<S, T> {
    /// How long a claim lasts without a sign of life.
    pub fn lease(&self) -> Millis {
        Millis::new(
            self.options
                .task_timeout
                .get()
                .saturating_add(LEASE_SLACK.get()),
        )
    }

    /// A hand, if one is free.
    fn another_hand(&self) -> Option<Hand> {
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok()?;
        Some(Hand {
            _permit: permit,
            freed: self.freed.clone(),
        })
    }
}

/// A right to run a task; the loop hears of it when it is given back.
struct Hand {
    _permit: OwnedSemaphorePermit,
    freed: Wakeup,
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.freed.wake();
    }
}

impl<S, T> std::fmt::Debug for Runner<S, T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Runner")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
