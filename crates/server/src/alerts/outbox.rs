//! What one target is still to be sent, and how it took what it was sent.
//!
//! Pure. A message leaves it when the target has taken it and not before, so that one may come
//! twice, after a crash or when its answer was lost, under the same id, and none is lost because a
//! target was away.

use std::collections::VecDeque;

use domain::time::{Millis, Timestamp};
use serde::{Deserialize, Serialize};

use super::message::Message;
use super::target::SendFailure;

/// Messages that wait for one target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Outbox {
    waiting: VecDeque<Message>,
    /// How often in a row the first of them was not taken.
    failures: u32,
    /// When it is tried again.
    again_at: Option<Timestamp>,
    /// What came of the last try.
    last: Option<Tried>,
}

/// What came of sending a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tried {
    /// When.
    pub(crate) at: Timestamp,
    /// Why it was not taken; `None` when it was.
    pub(crate) failure: Option<String>,
}

/// What is to be done for a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing waits.
    Nothing,
    /// Something waits, but not before this time.
    At(Timestamp),
    /// This is to be sent now.
    Send(Message),
}

/// Most messages that wait for one target; the oldest make room for the newest.
const WAITING_MAX: usize = 50;

/// A message that is older tells nothing that is still news.
const AGE_MAX: Millis = Millis::from_secs(24 * 3600);

/// The pause after the first failure, and the longest one; each is twice the one before.
const PAUSES: (Millis, Millis) = (Millis::from_secs(5), Millis::from_secs(300));

impl Outbox {
    /// Adds a message. Says how many had to make room.
    pub(crate) fn add(&mut self, message: Message) -> u64 {
        self.waiting.push_back(message);
        let mut dropped = 0;
        while self.waiting.len() > WAITING_MAX {
            self.waiting.pop_front();
            dropped += 1;
        }
        dropped
    }

    /// Forgets what is too old to be news. Says how many there were.
    pub(crate) fn expire(&mut self, now: Timestamp) -> u64 {
        let before = self.waiting.len();
        self.waiting
            .retain(|message| now.since(message.at) < AGE_MAX);
        (before - self.waiting.len()) as u64
    }

    /// What is to be done at `now`.
    pub(crate) fn next(&self, now: Timestamp) -> Next {
        let Some(first) = self.waiting.front() else {
            return Next::Nothing;
        };
        // No pause is longer than the longest one, however the clock was set meanwhile.
        let latest = now.after(PAUSES.1);
        match self.again_at {
            Some(at) if now < at && at <= latest => Next::At(at),
            Some(_) | None => Next::Send(first.clone()),
        }
    }

    /// Takes in what came of sending the message with this id at `now`.
    pub(crate) fn tried(&mut self, id: &str, now: Timestamp, failure: Option<SendFailure>) {
        let is_first = self.waiting.front().is_some_and(|first| first.id == id);
        if failure.is_none_or(SendFailure::is_final) {
            self.waiting.retain(|message| message.id != id);
            (self.failures, self.again_at) = (0, None);
        } else if is_first {
            // Otherwise it had to make room meanwhile.
            let doubled = PAUSES.0.get() << self.failures.min(16);
            let pause = Millis::new(doubled).min(PAUSES.1);
            self.failures = self.failures.saturating_add(1);
            self.again_at = Some(now.after(pause));
        }
        let failure = failure.map(|failure| failure.to_string());
        self.last = Some(Tried { at: now, failure });
    }

    /// What waits first.
    pub(crate) fn first(&self) -> Option<&Message> {
        self.waiting.front()
    }

    /// How many messages wait.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// What came of the last try; `None` before the first.
    pub(crate) fn last(&self) -> Option<&Tried> {
        self.last.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::{message, notice};
    use super::super::rule::Rule;
    use super::super::watch::Turn;
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000)
    }

    fn numbered(number: i64) -> Message {
        Message {
            id: number.to_string(),
            at: at(number),
            ..message(vec![notice(Turn::Fired, Rule::DeadLetters, "")])
        }
    }

    #[test]
    fn a_target_that_is_away_is_tried_again_later_and_later_and_gets_all_in_order() {
        let mut outbox = Outbox::default();
        assert_eq!(outbox.next(at(0)), Next::Nothing);
        assert_eq!((outbox.add(numbered(1)), outbox.add(numbered(2))), (0, 0));
        let mut now = 10;
        for pause in [5, 10, 20, 40, 80, 160, 300, 300] {
            assert_eq!(outbox.next(at(now)), Next::Send(numbered(1)));
            outbox.tried("1", at(now), Some(SendFailure::Unreachable));
            assert_eq!(outbox.next(at(now)), Next::At(at(now + pause)));
            let kept = serde_json::to_string(&outbox).unwrap();
            assert_eq!(serde_json::from_str::<Outbox>(&kept).unwrap(), outbox);
            now += pause;
        }
        outbox.tried("1", at(now), None);
        assert_eq!(outbox.next(at(now)), Next::Send(numbered(2)));
        // A clock that was set back does not keep it waiting until then.
        outbox.tried("2", at(now), Some(SendFailure::Unreachable));
        assert_eq!(outbox.next(at(0)), Next::Send(numbered(2)));
        outbox.tried("2", at(now), None);
        assert_eq!((outbox.next(at(now)), outbox.waiting()), (Next::Nothing, 0));
        assert_eq!(outbox.last().unwrap().failure, None);
    }

    #[test]
    fn what_can_never_be_sent_keeps_nobody_waiting() {
        for failure in [SendFailure::Unwritable, SendFailure::Rejected(422)] {
            let mut outbox = Outbox::default();
            (1..=2).for_each(|number| assert_eq!(outbox.add(numbered(number)), 0));
            outbox.tried("1", at(3), Some(failure));
            assert_eq!(outbox.next(at(3)), Next::Send(numbered(2)));
            assert!(outbox.last().unwrap().failure.is_some());
        }
    }

    #[test]
    fn what_is_too_much_or_too_old_is_dropped() {
        let mut outbox = Outbox::default();
        let dropped: u64 = (0..60).map(|number| outbox.add(numbered(number))).sum();
        assert_eq!((dropped, outbox.waiting()), (10, 50));
        // What made room while it was being sent is not tried again, and delays nobody.
        outbox.tried("3", at(60), Some(SendFailure::Unreachable));
        assert_eq!(outbox.next(at(60)), Next::Send(numbered(10)));
        let day = 24 * 3600;
        assert_eq!(outbox.expire(at(day + 9)), 0);
        assert_eq!(outbox.expire(at(day + 11)), 2);
        assert_eq!(outbox.next(at(60)), Next::Send(numbered(12)));
    }
}
