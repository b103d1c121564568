//! The way to the writer: bounded, in two lanes, never waited for.
//!
//! Custody goes first, because a sender gives up on us; all else gets a fixed share, because
//! custody without progress only moves the wait.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use engine::store::Unavailable;

use super::Batch;
use crate::fault::Fault;
use crate::options::Options;

/// One write that waits, with the way to answer it.
pub(crate) trait Job: Send {
    fn bytes(&self) -> usize;
    fn run(&mut self, batch: &mut Batch<'_>) -> Result<(), Fault>;
    fn answer(self: Box<Self>, failure: Option<Unavailable>);
}

/// Which queue a write waits in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Taking deliveries in.
    Custody,
    /// Moving them on, and everything else.
    Progress,
}

/// Both lanes and the door before them.
pub(crate) struct Queue {
    lanes: Mutex<Lanes>,
    filled: Condvar,
    commit_jobs_max: usize,
    commit_bytes_max: usize,
    queue_jobs_max: usize,
    queue_bytes_max: usize,
}

/// Closes the door however the writer's thread ends, and lets nobody wait behind it.
pub(crate) struct EndGuard<'a>(pub(crate) &'a Queue);

#[derive(Default)]
struct Lanes {
    custody: Waiting,
    progress: Waiting,
    door: Door,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Box<dyn Job>>,
    bytes: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Door {
    #[default]
    Open,
    Closing,
    Closed,
    Failed,
}

impl Queue {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            lanes: Mutex::default(),
            filled: Condvar::new(),
            commit_jobs_max: options.commit_jobs_max.max(1),
            commit_bytes_max: options.commit_bytes_max,
            queue_jobs_max: options.queue_jobs_max,
            queue_bytes_max: options.queue_bytes_max,
        }
    }

    /// Adds a write to a lane, or says why it cannot wait there.
    pub(crate) fn put(&self, lane: Lane, job: Box<dyn Job>) -> Result<(), Unavailable> {
        let mut lanes = self.lock();
        match lanes.door {
            Door::Open => {}
            Door::Closing | Door::Closed => return Err(Unavailable::Closing),
            Door::Failed => return Err(Unavailable::Failed),
        }
        let waiting = match lane {
            Lane::Custody => &mut lanes.custody,
            Lane::Progress => &mut lanes.progress,
        };
        if waiting.jobs.len() >= self.queue_jobs_max || waiting.bytes >= self.queue_bytes_max {
            return Err(Unavailable::Overloaded);
        }
        waiting.bytes = waiting.bytes.saturating_add(job.bytes());
        waiting.jobs.push_back(job);
        drop(lanes);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for writes and takes as many as one commit may have. `None` when the door is
    /// closed and nothing waits.
    pub(crate) fn take(&self) -> Option<Vec<Box<dyn Job>>> {
        let mut lanes = self.lock();
        while lanes.is_empty() && lanes.door == Door::Open {
            lanes = self
                .filled
                .wait(lanes)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut batch = Vec::new();
        let mut bytes = 0_usize;
        while batch.len() < self.commit_jobs_max && bytes < self.commit_bytes_max {
            let progress_turn = batch.len() % PROGRESS_SHARE == PROGRESS_SHARE - 1;
            let Some(job) = lanes.next(progress_turn) else {
                break;
            };
            bytes = bytes.saturating_add(job.bytes());
            batch.push(job);
        }
        (!batch.is_empty()).then_some(batch)
    }

    /// Takes nothing more; what waits is still to be written.
    pub(crate) fn close(&self) {
        let mut lanes = self.lock();
        if lanes.door == Door::Open {
            lanes.door = Door::Closing;
        }
        drop(lanes);
        self.filled.notify_all();
    }

    /// Takes nothing more, for good, and gives up what waits.
    pub(crate) fn fail(&self) {
        self.end(Door::Failed);
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.lock().door == Door::Failed
    }

    pub(crate) fn waiting(&self) -> usize {
        let lanes = self.lock();
        lanes
            .custody
            .jobs
            .len()
            .saturating_add(lanes.progress.jobs.len())
    }

    fn end(&self, door: Door) {
        let mut lanes = self.lock();
        lanes.door = door;
        let custody = std::mem::take(&mut lanes.custody.jobs);
        let progress = std::mem::take(&mut lanes.progress.jobs);
        drop(lanes);
        for job in custody.into_iter().chain(progress) {
            job.answer(Some(Unavailable::Failed));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for EndGuard<'_> {
    fn drop(&mut self) {
        let ended_well = matches!(self.0.lock().door, Door::Closing);
        self.0.end(if ended_well && !std::thread::panicking() {
            Door::Closed
        } else {
            Door::Failed
        });
    }
}

impl Lanes {
    fn is_empty(&self) -> bool {
        self.custody.jobs.is_empty() && self.progress.jobs.is_empty()
    }

    fn next(&mut self, progress_turn: bool) -> Option<Box<dyn Job>> {
        if progress_turn {
            self.progress.pop().or_else(|| self.custody.pop())
        } else {
            self.custody.pop().or_else(|| self.progress.pop())
        }
    }
}

impl Waiting {
    fn pop(&mut self) -> Option<Box<dyn Job>> {
        let job = self.jobs.pop_front()?;
        self.bytes = self.bytes.saturating_sub(job.bytes());
        Some(job)
    }
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Queue").finish_non_exhaustive()
    }
}

/// Every so manyth place in a commit is for progress before it is for custody.
const PROGRESS_SHARE: usize = 4;
