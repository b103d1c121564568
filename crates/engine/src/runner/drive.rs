//! One claimed execution, driven to where it must wait or has ended.
//!
//! The order that everything rests on: what is about to be done outside is durable before it is
//! done, and what came of it is durable together with what it changed.

use asl::advance::{Command, Moment, Signal};
use domain::task::{TaskCall, TaskFailure, TaskOutcome};
use domain::time::{Millis, Timestamp};
use tracing::{Instrument as _, debug, error, info, info_span, warn};

use super::held::{self, Held, HeldError};
use super::{Hand, PAUSE_AFTER_TROUBLE, Runner};
use crate::metrics::{AttemptLabels, EndLabels, Metrics, StateLabel};
use crate::spans;
use crate::store::{Claimed, Committed, ExecutionStatus, Executions, Lease, Unavailable};
use crate::tasks::TaskRunner;

/// Why a drive was given up. The lease runs out or was released; the store is as it was.
#[derive(Debug, thiserror::Error)]
enum GivenUp {
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error(transparent)]
    Held(#[from] HeldError),
    #[error("somebody else has moved it")]
    Stale,
    #[error("what it wanted recorded contradicts the record; it will be tried afresh")]
    Refused,
}

/// What came of waiting for a task.
enum Answer {
    Outcome(TaskOutcome),
    /// A timer of the interpreter's own fired first.
    TimeHasCome,
}

/// Drives one claimed execution. Never fails: what goes wrong is said and tried again later.
pub(super) async fn drive<S: Executions, T: TaskRunner>(
    runner: &Runner<S, T>,
    claimed: Claimed,
    hand: Hand,
) {
    let sequence = claimed.sequence;
    let name = claimed.change.execution_name();
    let definition = match runner.workflows.find(&claimed.definition, &*runner.store) {
        Ok(definition) => definition,
        Err(missing) => {
            error!(execution = %name, %missing, "an execution cannot be moved");
            return;
        }
    };
    let mut held = match Held::open(claimed, definition) {
        Ok(held) => held,
        Err(problem) => {
            error!(execution = %name, %problem, "an execution cannot be moved");
            return;
        }
    };
    let span = info_span!("execution", trace_id = %held.trace.id, execution = %name);
    spans::place(&span, Some(held.trace));
    let mut drive = Drive {
        runner,
        held: &mut held,
        hand: Some(hand),
        patience: None,
    };
    let driven = drive.go_on().instrument(span.clone()).await;
    let unavailable = span.in_scope(|| tell(runner, &held, driven));
    if unavailable {
        // Released at once it would be claimed at once: a disk that stays broken would have
        // the loop going round, and the gateway asked, without a pause.
        let later = runner.clock.now().after(PAUSE_AFTER_TROUBLE);
        runner.clock.sleep_until(later).await;
        runner.store.release(sequence);
    }
}

/// Says how a drive ended, and whether it did because the store cannot take it now.
fn tell<S, T>(runner: &Runner<S, T>, held: &Held, driven: Result<(), GivenUp>) -> bool {
    match driven {
        Ok(()) => note_end(runner, held),
        Err(GivenUp::Stale) => debug!("somebody else has moved the execution"),
        Err(GivenUp::Unavailable(unavailable)) => {
            warn!(%unavailable, "an execution could not be moved; it will be tried again");
            return true;
        }
        // The lease is left to run out: trying at once would end the same way.
        Err(problem @ (GivenUp::Refused | GivenUp::Held(_))) => {
            error!(%problem, "an execution could not be moved");
        }
    }
    false
}

struct Drive<'a, S, T> {
    runner: &'a Runner<S, T>,
    held: &'a mut Held,
    hand: Option<Hand>,
    /// How long the other side of the last attempt asked us to wait.
    patience: Option<Millis>,
}

impl<S: Executions, T: TaskRunner> Drive<'_, S, T> {
    async fn go_on(&mut self) -> Result<(), GivenUp> {
        let moment = self.moment();
        let mut commands = self.held.resume(moment)?;
        while let Some(command) = commands.pop() {
            let signal = self.attempt(&command).await?;
            let moment = self.moment();
            commands.extend(self.held.signal(signal, moment)?);
            if let Some(asked) = self.patience.take() {
                self.held
                    .wait_at_least_until(held::patience(self.runner.clock.now(), asked));
            }
        }
        // What is left is writing; somebody else can have the hand.
        self.hand = None;
        if self.held.is_unsaved() {
            self.commit(Lease::Release).await?;
        } else {
            self.runner.store.release(self.held.sequence);
        }
        Ok(())
    }

    /// Makes one attempt of one task and says what it signals.
    async fn attempt(&mut self, command: &Command) -> Result<Signal, GivenUp> {
        let Command::RunTask { task, .. } = command;
        let task = *task;
        let begun = self.runner.clock.now();
        let limit = begun.after(self.runner.options.task_timeout);
        let timer = self.held.wake_at();
        let deadline = timer.map_or(limit, |timer| timer.min(limit));
        let call = self.held.call(command, deadline);
        let labels = (call.state.clone(), call.retry_count);
        if self.runner.tasks.reaches_outside(&call) && self.held.is_unsaved() {
            self.commit(Lease::Keep).await?;
        }
        let span = info_span!("attempt", state = %call.state, attempt = call.retry_count + 1);
        let answer = self.wait_for(call, timer, limit).instrument(span).await;
        let took = self.runner.clock.now().since(begun);
        note_attempt(&self.runner.metrics, labels, &answer, took);
        Ok(match answer {
            Answer::TimeHasCome => Signal::Tick,
            Answer::Outcome(TaskOutcome::Succeeded { output, change }) => {
                if let Some(change) = change {
                    self.held.record(change);
                }
                Signal::TaskSucceeded { task, output }
            }
            Answer::Outcome(TaskOutcome::Failed(failure)) => {
                self.patience = failure.retry_after;
                Signal::TaskFailed {
                    task,
                    error: Some(failure.error),
                    cause: Some(failure.cause),
                }
            }
        })
    }

    async fn wait_for(&self, call: TaskCall, timer: Option<Timestamp>, limit: Timestamp) -> Answer {
        let clock = &self.runner.clock;
        // The interpreter's own timer decides when it comes first; then the error is its own.
        let timer = timer.filter(|timer| *timer <= limit);
        let outcome = self.runner.tasks.run(call);
        tokio::select! {
            biased;
            outcome = outcome => Answer::Outcome(outcome),
            () = clock.sleep_until(timer.unwrap_or(limit)) => match timer {
                Some(_) => Answer::TimeHasCome,
                None => Answer::Outcome(TaskOutcome::Failed(self.timed_out())),
            },
        }
    }

    /// What the platform's own time limit looks like to a workflow on AWS.
    fn timed_out(&self) -> TaskFailure {
        let limit = self.runner.options.task_timeout.to_duration().as_secs_f64();
        TaskFailure {
            error: "Sandbox.Timedout".to_owned(),
            cause: format!("Error: Task timed out after {limit:.2} seconds"),
            retry_after: None,
        }
    }

    async fn commit(&mut self, lease: Lease) -> Result<(), GivenUp> {
        let progress = self.held.take_progress(self.runner.clock.now(), lease)?;
        match self.runner.store.commit(progress).await? {
            Committed::Done => Ok(()),
            Committed::Stale => Err(GivenUp::Stale),
            Committed::Refused => Err(GivenUp::Refused),
        }
    }

    fn moment(&self) -> Moment {
        held::moment(self.runner.clock.now(), self.runner.luck.next_u64())
    }
}

fn note_attempt(
    metrics: &Metrics,
    (state, retry_count): (String, u32),
    answer: &Answer,
    took: Millis,
) {
    let result = match answer {
        Answer::Outcome(TaskOutcome::Succeeded { .. }) => "ok",
        Answer::Outcome(TaskOutcome::Failed(failure)) => {
            info!(
                %state, error = %failure.error, attempt = retry_count + 1,
                duration_ms = took.get(), "an attempt failed"
            );
            &failure.error
        }
        Answer::TimeHasCome => {
            info!(%state, attempt = retry_count + 1, duration_ms = took.get(), "an attempt timed out");
            "States.Timeout"
        }
    };
    metrics
        .attempt_seconds
        .observe(took.to_duration().as_secs_f64());
    let labels = AttemptLabels {
        state: state.clone(),
        result: result.to_owned(),
    };
    metrics.attempts.get_or_create(&labels).inc();
    if retry_count > 0 {
        metrics.retries.get_or_create(&StateLabel { state }).inc();
    }
}

fn note_end<S, T>(runner: &Runner<S, T>, held: &Held) {
    let status = held.status();
    let word = match status {
        ExecutionStatus::Running => return,
        ExecutionStatus::Succeeded => "succeeded",
        ExecutionStatus::Failed => "failed",
        ExecutionStatus::TimedOut => "timed_out",
        ExecutionStatus::Aborted => "aborted",
    };
    let label = EndLabels {
        status: word.to_owned(),
        change: held.started_by.event_name().to_owned(),
    };
    runner.metrics.executions_ended.get_or_create(&label).inc();
    if status == ExecutionStatus::Succeeded {
        debug!("the execution succeeded");
    } else {
        // The cause stays out of the log: it may quote the input, and with it the body.
        let error = held.execution().error().unwrap_or_default();
        warn!(
            status = word,
            error, "the execution ended badly and waits for a person"
        );
    }
}
