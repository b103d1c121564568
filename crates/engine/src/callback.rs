//! What comes back for a task that waits: its token, and what became of it.
//!
//! A token says which execution it is for. When nobody moves that one, the answer is one claim and
//! one commit, like whatever an operator does; while the runner drives it, for another of its
//! branches perhaps, the answer is handed to the drive, which makes it durable before it says so.
//! Either way the answer counts once it is durable, and once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use asl::advance::Signal;
use asl::execution::TaskId;
use domain::stream::Sequence;
use domain::time::Millis;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::clock::{Clock, Luck};
use crate::operator::NotDone;
use crate::runner::Held;
use crate::store::{Committed, Executions, Lease};
use crate::workflow::Workflows;

/// How long a claim for an answer lasts: one commit.
const LEASE: Millis = Millis::from_secs(30);

/// How often an execution is asked for that is just being taken up or put down.
const ATTEMPTS_MAX: u32 = 100;

/// The pause between.
const PAUSE: Millis = Millis::new(20);

/// Most answers that wait for one drive.
const WAITING_MAX: usize = 64;

/// What became of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskAnswer {
    /// It ended well.
    Succeeded {
        /// With this result.
        output: Value,
    },
    /// It ended badly.
    Failed {
        /// The error's name, which retriers and catchers look at.
        error: Option<String>,
        /// Why.
        cause: Option<String>,
    },
    /// It goes on: its `HeartbeatSeconds` begin again.
    Heartbeat,
}

/// The boxes of the executions that are being driven. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Letters(Arc<Mutex<HashMap<Sequence, mpsc::Sender<Letter>>>>);

/// An answer on its way to a drive.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) token: String,
    pub(crate) answer: TaskAnswer,
    pub(crate) reply: oneshot::Sender<Result<(), NotDone>>,
}

/// The box of one drive, for as long as it lasts.
#[derive(Debug)]
pub(crate) struct Letterbox {
    sequence: Sequence,
    letters: Letters,
    sender: mpsc::Sender<Letter>,
    receiver: mpsc::Receiver<Letter>,
}

/// What every token of an execution begins with.
pub(crate) fn token_prefix(sequence: Sequence) -> String {
    format!("{}-", sequence.get())
}

/// The execution that a token is for; none when it is no token of ours.
pub fn execution_of(token: &str) -> Option<Sequence> {
    let (number, rest) = token.split_once('-')?;
    let is_number = !rest.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|_| is_number)?;
    Some(Sequence::new(number))
}

/// Lets a task end, or go on. The execution must exist: `execution_of` says which it is.
///
/// # Errors
/// [`NotDone::NotFound`] for what is no token, [`NotDone::NotNow`] when no task waits for it any
/// more; then nothing was changed. [`NotDone::Busy`] when the execution could not be had.
pub async fn answer(
    token: &str,
    answer: TaskAnswer,
    (store, workflows): (&impl Executions, &Workflows),
    letters: &Letters,
    (clock, luck): (&dyn Clock, &dyn Luck),
) -> Result<(), NotDone> {
    let sequence = execution_of(token).ok_or(NotDone::NotFound)?;
    for _ in 0..ATTEMPTS_MAX {
        let now = clock.now();
        if let Some(claimed) = store.claim_one(sequence, now, LEASE)? {
            let definition = workflows.find(&claimed.definition, store);
            let moved = async {
                let mut held = Held::open(claimed, definition?)?;
                held.answer(token, answer, crate::runner::moment(now, luck.next_u64()))?;
                let progress = held.take_progress(now, Lease::Release)?;
                match store.commit(progress).await? {
                    Committed::Done => Ok(()),
                    Committed::Stale => Err(NotDone::Busy),
                    Committed::Refused => {
                        Err(NotDone::NotNow("the record contradicts it".to_owned()))
                    }
                }
            };
            let moved = moved.await;
            if moved.is_err() {
                store.release(sequence);
            }
            return moved;
        }
        if let Some(told) = letters.deliver(sequence, token, &answer).await {
            return told;
        }
        clock.sleep_until(now.after(PAUSE)).await;
    }
    Err(NotDone::Busy)
}

/// The signal that an answer is.
pub(crate) fn signal(task: TaskId, answer: TaskAnswer) -> Signal {
    match answer {
        TaskAnswer::Succeeded { output } => Signal::TaskSucceeded { task, output },
        TaskAnswer::Failed { error, cause } => Signal::TaskFailed {
            task,
            error,
            cause,
            retry_after: None,
        },
        TaskAnswer::Heartbeat => Signal::Heartbeat { task },
    }
}

impl Letters {
    /// The box of a drive that begins.
    pub(crate) fn open(&self, sequence: Sequence) -> Letterbox {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        self.boxes().insert(sequence, sender.clone());
        Letterbox {
            sequence,
            letters: self.clone(),
            sender,
            receiver,
        }
    }

    /// What a drive says to an answer; none when nobody drives the execution, or no more.
    async fn deliver(
        &self,
        sequence: Sequence,
        token: &str,
        answer: &TaskAnswer,
    ) -> Option<Result<(), NotDone>> {
        let sender = self.boxes().get(&sequence).cloned()?;
        let (reply, told) = oneshot::channel();
        let letter = Letter {
            token: token.to_owned(),
            answer: answer.clone(),
            reply,
        };
        sender.send(letter).await.ok()?;
        drop(sender);
        told.await.ok()
    }

    fn boxes(&self) -> MutexGuard<'_, HashMap<Sequence, mpsc::Sender<Letter>>> {
        // Each change is one call, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Letterbox {
    /// The next answer. Pending while there is none.
    pub(crate) async fn next(&mut self) -> Letter {
        match self.receiver.recv().await {
            Some(letter) => letter,
            // A sender lives in here for as long as this does.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Letterbox {
    fn drop(&mut self) {
        // Whoever waits for a reply is told that there is none, and tries again. A lease that ran
        // out lets another drive begin, whose box it is then.
        let mut boxes = self.letters.boxes();
        let current = boxes.get(&self.sequence);
        if current.is_some_and(|current| current.same_channel(&self.sender)) {
            boxes.remove(&self.sequence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_which_execution_it_is_for() {
        let token = token_prefix(Sequence::new(17)) + "a1b2";
        assert_eq!(execution_of(&token), Some(Sequence::new(17)));
        for text in [
            "",
            "-",
            "17",
            "17-",
            "-x",
            "+1-x",
            "1.0-x",
            "99999999999999999999-x",
            "a-b",
        ] {
            assert_eq!(execution_of(text), None, "{text:?}");
        }
    }
}
