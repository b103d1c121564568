//! The one writer: a thread that owns the write connection and commits in groups.
//!
//! Whatever waits is written in one transaction and made durable by one fsync; then every
//! caller gets its own answer. Operations decide before they write, so one that is refused has
//! written nothing and undoes nobody else's work. When a write or a commit fails nobody is told
//! that anything is durable, and nothing more is taken: after a failed fsync the disk may hold
//! less than it says, and only opening the store again tells what.

mod anomalies;
pub(crate) mod append;
mod checkpoint;
pub(crate) mod definition;
pub(crate) mod progress;
pub(crate) mod quarantine;
mod queue;
pub(crate) mod rewrap;
mod sealing;
pub(crate) mod shred;
pub(crate) mod start;
pub(crate) mod tallies;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use domain::time::Timestamp;
use engine::store::{Lease, QuarantineBounds, Unavailable};
use rusqlite::Connection;
use tokio::sync::oneshot;
use vault::key::DataKey;
use vault::ring::NewWrapping;

pub(crate) use queue::Lane;

use crate::fault::Fault;
use crate::keys::Keys;
use crate::options::{CommitObserver, CommitReport, Options};
use crate::safe::Safe;
use crate::shared::Shared;
use crate::state::State;
use checkpoint::Checkpoints;
use queue::{Job, Queue};

/// One write, as its port asked for it.
pub(crate) trait Operation: Send + 'static {
    /// What the caller is told once it is durable.
    type Answer: Send + 'static;

    /// Bytes that it will write, roughly.
    fn bytes(&self) -> usize;

    /// Decides, then writes. A fault fails the whole batch and closes the store.
    fn run(&self, batch: &mut Batch<'_>) -> Result<Self::Answer, Fault>;
}

/// What an operation works on.
pub(crate) struct Batch<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) keys: &'a Keys,
    pub(crate) safe: &'a Safe,
    pub(crate) state: &'a mut State,
    pub(crate) bounds: QuarantineBounds,
    pub(crate) effects: &'a mut Effects,
}

/// What becomes visible outside the file once a batch is durable.
#[derive(Default)]
pub(crate) struct Effects {
    /// Due times and leases, in order.
    pub(crate) schedule: Vec<(u64, Option<Timestamp>, Lease)>,
    /// Whether executions may have become due.
    pub(crate) due: bool,
    /// What is counted by the minute.
    pub(crate) tallies: tallies::Tallies,
    /// Data keys that will be asked for soon, by their delivery.
    pub(crate) keys: Vec<(u64, Arc<DataKey>)>,
    /// A wrapping key that is the newest from now on.
    pub(crate) new_wrapping: Option<NewWrapping>,
    /// Whether keys of deliveries were destroyed.
    pub(crate) shredded: bool,
    /// Wrapping keys that were destroyed.
    pub(crate) retired: Vec<u64>,
}

/// The writer's thread and the way to it.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Arc<Queue>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    /// Starts the thread.
    pub(crate) fn start(
        mut connection: Connection,
        shared: Arc<Shared>,
        options: &Options,
    ) -> Result<Self, Fault> {
        let checkpoints = Checkpoints::of(&mut connection)?;
        let queue = Arc::new(Queue::new(options));
        let mut committer = Committer {
            state: State::load(&connection)?,
            connection,
            checkpoints,
            shared,
            bounds: options.quarantine,
            observer: options.observer.clone(),
        };
        let jobs = Arc::clone(&queue);
        let run = move || {
            // However this thread ends, nobody may wait for it any more.
            let _guard = queue::EndGuard(&jobs);
            while let Some(batch) = jobs.take() {
                if !committer.handle(batch, &jobs) {
                    return;
                }
            }
            committer.finish();
        };
        let thread = std::thread::Builder::new().name("store-writer".into());
        let thread = thread
            .spawn(run)
            .map_err(|_| Fault::Corrupt("no thread to write"))?;
        Ok(Self {
            queue,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Has an operation carried out; returns when it is durable.
    pub(crate) async fn write<O: Operation>(
        &self,
        lane: Lane,
        operation: O,
    ) -> Result<O::Answer, Unavailable> {
        let (reply, answer) = oneshot::channel();
        self.queue.put(
            lane,
            Box::new(Pending {
                operation,
                reply,
                answer: None,
            }),
        )?;
        // A writer that is gone without an answer has failed.
        answer.await.unwrap_or(Err(Unavailable::Failed))
    }

    /// Whether a write has failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.queue.has_failed()
    }

    /// Writes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    /// Takes nothing more, writes what waits, and returns when the thread has ended. Whether
    /// everything was written.
    pub(crate) fn close(&self) -> bool {
        self.queue.close();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let ended = thread.is_none_or(|thread| thread.join().is_ok());
        ended && !self.queue.has_failed()
    }
}

/// What the thread owns.
struct Committer {
    connection: Connection,
    checkpoints: Checkpoints,
    state: State,
    shared: Arc<Shared>,
    bounds: QuarantineBounds,
    observer: Option<CommitObserver>,
}

impl Committer {
    /// Commits a batch and answers it. Whether the writer may go on.
    fn handle(&mut self, mut batch: Vec<Box<dyn Job>>, queue: &Queue) -> bool {
        let begun = Instant::now();
        let bytes = batch.iter().map(|job| job.bytes()).sum();
        let head = self.state.head;
        let (effects, sync) = match self.commit(&mut batch) {
            Ok(committed) => committed,
            Err(fault) => {
                fail(queue, &fault);
                for job in batch {
                    job.answer(Some(Unavailable::Failed));
                }
                return false;
            }
        };
        let total = begun.elapsed();
        if effects.shredded || !effects.retired.is_empty() {
            self.checkpoints.empty_the_log();
        }
        self.shared.publish(effects, self.state.head > head);
        let jobs = batch.len();
        for job in batch {
            job.answer(None);
        }
        let checkpoint = match self.checkpoints.after_commit(&self.connection) {
            Ok(checkpoint) => checkpoint,
            Err(fault) => {
                fail(queue, &fault);
                return false;
            }
        };
        let report = CommitReport {
            jobs,
            bytes,
            waiting: queue.waiting(),
            total,
            sync,
            checkpoint,
        };
        self.shared.count_commit(&report);
        if let Some(observer) = &self.observer {
            observer(&report);
        }
        true
    }

    fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(Effects, Duration), Fault> {
        let mut state = self.state;
        let mut effects = Effects::default();
        let written = self.write(batch, &mut state, &mut effects);
        let begun = Instant::now();
        let committed = written.and_then(|()| execute(&self.connection, "COMMIT"));
        if let Err(fault) = committed {
            // It fails when SQLite has rolled back by itself; then there is nothing to do.
            let _ = execute(&self.connection, "ROLLBACK");
            return Err(fault);
        }
        self.state = state;
        self.shared.keys.committed();
        Ok((effects, begun.elapsed()))
    }

    fn write(
        &self,
        jobs: &mut [Box<dyn Job>],
        state: &mut State,
        effects: &mut Effects,
    ) -> Result<(), Fault> {
        execute(&self.connection, "BEGIN IMMEDIATE")?;
        let keys = &self.shared.keys;
        for job in jobs {
            job.run(&mut Batch {
                connection: &self.connection,
                keys,
                safe: &self.shared.safe,
                state,
                bounds: self.bounds,
                effects,
            })?;
        }
        effects.tallies.save(&self.connection)?;
        let added = state.events.saturating_sub(self.state.events);
        keys.merge(
            &self.connection,
            usize::try_from(added).unwrap_or(usize::MAX),
            state,
        )?;
        if *state != self.state {
            state.save(&self.connection)?;
        }
        Ok(())
    }

    /// The orderly end: nothing left in memory, nothing left in the WAL. What fails here
    /// costs the next start some time and nothing else.
    fn finish(&mut self) {
        let finished = (|| {
            execute(&self.connection, "BEGIN IMMEDIATE")?;
            let mut state = self.state;
            self.shared.keys.merge_all(&self.connection, &mut state)?;
            state.save(&self.connection)?;
            execute(&self.connection, "COMMIT")?;
            self.shared.readers.close();
            let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
            self.connection.query_row(truncate, [], |_| Ok(()))?;
            Ok::<(), Fault>(())
        })();
        if let Err(fault) = finished {
            tracing::warn!(error = %fault, "the store was closed without its last tidying");
        }
    }
}

struct Pending<O: Operation> {
    operation: O,
    reply: oneshot::Sender<Result<O::Answer, Unavailable>>,
    answer: Option<O::Answer>,
}

impl<O: Operation> Job for Pending<O> {
    fn bytes(&self) -> usize {
        self.operation.bytes()
    }

    fn run(&mut self, batch: &mut Batch<'_>) -> Result<(), Fault> {
        self.answer = Some(self.operation.run(batch)?);
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<Unavailable>) {
        let answer = match (failure, self.answer) {
            (None, Some(answer)) => Ok(answer),
            (Some(failure), _) => Err(failure),
            (None, None) => Err(Unavailable::Failed),
        };
        // A caller that has gone away does not need its answer.
        let _ = self.reply.send(answer);
    }
}

/// The disk does not do what it should: nothing more is taken.
fn fail(queue: &Queue, fault: &Fault) {
    tracing::error!(error = %fault, "a write failed: the store takes nothing more");
    queue.fail();
}

fn execute(connection: &Connection, statement: &str) -> Result<(), Fault> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
