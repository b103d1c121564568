//! One claimed execution, driven to where it must wait or has ended.
//!
//! The order that everything rests on: what is about to be done outside is durable before it is
//! done, and what came of it is durable together with what it changed.

use std::collections::VecDeque;

use asl::advance::{Command, Moment, Signal};
use asl::execution::TaskId;
use domain::task::{TaskFailure, TaskOutcome};
use domain::time::Millis;
use tracing::{Instrument as _, debug, error, info, info_span, warn};

use super::attempts::{Attempt, Attempts};
use super::held::{self, Held, HeldError};
use super::{Hand, PAUSE_AFTER_TROUBLE, Runner};
use crate::callback::{Letter, Letterbox};
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
    let drive = Drive {
        runner,
        held: &mut held,
        attempts: Attempts::new(hand),
        waiting: VecDeque::new(),
        letterbox: runner.options.letters.open(sequence),
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
    attempts: Attempts<'a>,
    /// What is to be begun as soon as there is a hand for it.
    waiting: VecDeque<Command>,
    letterbox: Letterbox,
}

impl<S: Executions, T: TaskRunner> Drive<'_, S, T> {
    async fn go_on(mut self) -> Result<(), GivenUp> {
        let moment = self.moment();
        self.waiting.extend(self.held.resume(moment)?);
        loop {
            self.begin().await?;
            if self.attempts.is_empty() {
                break;
            }
            self.hear().await?;
            // What one branch came to must not be lost while others take their time.
            if !self.attempts.is_empty() && self.held.is_unsaved() {
                self.commit(self.on()).await?;
            }
        }
        // What is left is writing; somebody else can have the hand.
        self.attempts.free_hands();
        if self.held.is_unsaved() {
            self.commit(Lease::Release).await?;
        } else {
            self.runner.store.release(self.held.sequence);
        }
        Ok(())
    }

    /// Begins what waits, as far as there are hands for it. One that is ours already is enough to
    /// go on; what cannot be begun now is begun when one of the others has ended.
    async fn begin(&mut self) -> Result<(), GivenUp> {
        while let Some(command) = self.waiting.front() {
            let Some(hand) = self.attempts.take_hand(|| self.runner.another_hand()) else {
                return Ok(());
            };
            let Command::RunTask { task, token, .. } = command;
            let (task, is_asked) = (*task, token.is_some());
            let begun = self.runner.clock.now();
            let limit = begun.after(self.runner.options.task_timeout);
            let due = self.held.task_due_at(task);
            let deadline = due.map_or(limit, |due| due.min(limit));
            let call = self.held.call(command, deadline);
            self.waiting.pop_front();
            if self.runner.tasks.reaches_outside(&call) && self.held.is_unsaved() {
                self.commit(self.on()).await?;
            }
            let span = info_span!("attempt", state = %call.state, attempt = call.retry_count + 1);
            let attempt = Attempt {
                begun,
                limit,
                state: call.state.clone(),
                retry_count: call.retry_count,
                is_asked,
            };
            let outcome = self.runner.tasks.run(call).instrument(span);
            self.attempts.begin(task, attempt, hand, outcome);
        }
        self.attempts.free_hands();
        Ok(())
    }

    /// Waits until something has happened, and lets the execution know.
    async fn hear(&mut self) -> Result<(), GivenUp> {
        let clock = &self.runner.clock;
        // The interpreter's own timer decides when it comes first; then the error is its own.
        let timer = self.held.wake_at();
        let until = [timer, self.attempts.first_limit()];
        let until = until.into_iter().flatten().min();
        let until = until.unwrap_or_else(|| clock.now());
        let ended = tokio::select! {
            biased;
            ended = self.attempts.ended() => ended,
            letter = self.letterbox.next() => return self.read(letter).await,
            () = clock.sleep_until(until) => Vec::new(),
        };
        if !ended.is_empty() {
            for (task, outcome) in ended {
                self.answer(task, outcome)?;
            }
        } else if timer.is_some_and(|timer| timer <= until) {
            let moment = self.moment();
            self.waiting.extend(self.held.signal(Signal::Tick, moment)?);
            self.give_up_unwanted("States.Timeout");
        } else {
            for task in self.attempts.over_limit(until) {
                let failure = TaskOutcome::Failed(self.timed_out());
                self.answer(task, failure)?;
            }
        }
        Ok(())
    }

    /// Lets the execution know what somebody answers for one of its tasks, durably before they are
    /// told that it counts.
    async fn read(&mut self, letter: Letter) -> Result<(), GivenUp> {
        let moment = self.moment();
        let answered = self.held.answer(&letter.token, letter.answer, moment);
        let told = match answered {
            Ok(commands) => {
                self.waiting.extend(commands);
                self.give_up_unwanted("Answered");
                self.commit(self.on()).await?;
                Ok(())
            }
            Err(refused) => Err(refused),
        };
        // Whoever asked may have gone away.
        let _ = letter.reply.send(told);
        Ok(())
    }

    /// Lets the execution know what came of an attempt.
    fn answer(&mut self, task: TaskId, outcome: TaskOutcome) -> Result<(), GivenUp> {
        let Some(attempt) = self.attempts.close(task) else {
            return Ok(());
        };
        let result = match &outcome {
            TaskOutcome::Succeeded { .. } => "ok",
            TaskOutcome::Failed(failure) => &failure.error,
        };
        self.note(&attempt, result);
        let signal = match outcome {
            TaskOutcome::Succeeded { output, change } => {
                // It happened, even if the workflow has given the task up meanwhile.
                if let Some(change) = change {
                    self.held.record(change);
                }
                match attempt.is_asked {
                    true => Signal::TaskSubmitted { task, output },
                    false => Signal::TaskSucceeded { task, output },
                }
            }
            TaskOutcome::Failed(failure) => Signal::TaskFailed {
                task,
                error: Some(failure.error),
                cause: Some(failure.cause),
                retry_after: failure.retry_after.map(held::patience),
            },
        };
        if self.held.is_outstanding(task) {
            let moment = self.moment();
            self.waiting.extend(self.held.signal(signal, moment)?);
            self.give_up_unwanted("Aborted");
        }
        Ok(())
    }

    /// Gives up what the workflow does not wait for any more: it took too long, or another branch
    /// failed.
    fn give_up_unwanted(&mut self, why: &str) {
        let held = &*self.held;
        self.waiting
            .retain(|command| held.is_outstanding(command.task()));
        for task in self.attempts.unwanted(|task| held.is_outstanding(task)) {
            if let Some(attempt) = self.attempts.close(task) {
                self.note(&attempt, why);
            }
        }
    }

    fn note(&self, attempt: &Attempt, result: &str) {
        let took = self.runner.clock.now().since(attempt.begun);
        note_attempt(&self.runner.metrics, attempt, result, took);
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

    /// As long as an attempt that is begun now may take: how long the drive takes altogether, nobody
    /// knows.
    fn on(&self) -> Lease {
        let until = self.runner.clock.now().after(self.runner.lease());
        Lease::KeepUntil(until)
    }

    fn moment(&self) -> Moment {
        held::moment(self.runner.clock.now(), self.runner.luck.next_u64())
    }
}

fn note_attempt(metrics: &Metrics, attempt: &Attempt, result: &str, took: Millis) {
    let (state, retry_count) = (attempt.state.clone(), attempt.retry_count);
    if result != "ok" {
        info!(
            %state, error = result, attempt = retry_count + 1,
            duration_ms = took.get(), "an attempt failed"
        );
    }
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
