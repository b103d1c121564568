//! The attempts of one execution that are under way: several, when its workflow does several
//! things at once.
//!
//! Each has a hand, so that all attempts of all executions together are never more than the
//! configuration allows. An attempt can be given up at any moment: it stops there and then, and
//! its hand is free again.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

use asl::execution::TaskId;
use domain::task::TaskOutcome;
use domain::time::Timestamp;

use super::Hand;

/// What is under way.
pub(super) struct Attempts<'a> {
    underway: BTreeMap<TaskId, Underway<'a>>,
    /// Hands that are ours and have nothing to do at the moment.
    hands: Vec<Hand>,
}

/// What is known of an attempt.
pub(super) struct Attempt {
    /// When it was begun.
    pub(super) begun: Timestamp,
    /// When it has taken longer than any attempt may.
    pub(super) limit: Timestamp,
    /// The state that wants it.
    pub(super) state: String,
    /// 0 for the first try.
    pub(super) retry_count: u32,
    /// Whether its success is only the beginning: somebody answers later, with the token.
    pub(super) is_asked: bool,
}

struct Underway<'a> {
    attempt: Attempt,
    outcome: Pin<Box<dyn Future<Output = TaskOutcome> + Send + 'a>>,
    hand: Hand,
}

impl<'a> Attempts<'a> {
    /// No attempts yet, and a hand for the first.
    pub(super) fn new(hand: Hand) -> Self {
        Self {
            underway: BTreeMap::new(),
            hands: vec![hand],
        }
    }

    /// A hand for another attempt: one of ours, or one that `find` finds.
    pub(super) fn take_hand(&mut self, find: impl FnOnce() -> Option<Hand>) -> Option<Hand> {
        self.hands.pop().or_else(find)
    }

    /// Gives back the hands that have nothing to do.
    pub(super) fn free_hands(&mut self) {
        self.hands.clear();
    }

    /// Begins an attempt of `task`.
    pub(super) fn begin(
        &mut self,
        task: TaskId,
        attempt: Attempt,
        hand: Hand,
        outcome: impl Future<Output = TaskOutcome> + Send + 'a,
    ) {
        let underway = Underway {
            attempt,
            outcome: Box::pin(outcome),
            hand,
        };
        self.underway.insert(task, underway);
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.underway.is_empty()
    }

    /// When the first of them has taken longer than any may.
    pub(super) fn first_limit(&self) -> Option<Timestamp> {
        let limits = self.underway.values().map(|it| it.attempt.limit);
        limits.min()
    }

    /// Those that have taken longer than any may at `now`.
    pub(super) fn over_limit(&self, now: Timestamp) -> Vec<TaskId> {
        let underway = self.underway.iter();
        let over = underway.filter(|(_, it)| it.attempt.limit <= now);
        over.map(|(task, _)| *task).collect()
    }

    /// Waits until one has ended, and says of every one that has. Those are to be closed before it
    /// is asked again.
    pub(super) async fn ended(&mut self) -> Vec<(TaskId, TaskOutcome)> {
        std::future::poll_fn(|context| {
            let mut ended = Vec::new();
            for (task, underway) in &mut self.underway {
                if let Poll::Ready(outcome) = underway.outcome.as_mut().poll(context) {
                    ended.push((*task, outcome));
                }
            }
            if ended.is_empty() {
                Poll::Pending
            } else {
                Poll::Ready(ended)
            }
        })
        .await
    }

    /// Takes an attempt off the list: it has ended, or is given up now.
    pub(super) fn close(&mut self, task: TaskId) -> Option<Attempt> {
        let closed = self.underway.remove(&task)?;
        self.hands.push(closed.hand);
        Some(closed.attempt)
    }

    /// The tasks whose attempts are not wanted any more.
    pub(super) fn unwanted(&self, is_wanted: impl Fn(TaskId) -> bool) -> Vec<TaskId> {
        let tasks = self.underway.keys().copied();
        tasks.filter(|task| !is_wanted(*task)).collect()
    }
}
