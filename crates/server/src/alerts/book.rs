//! The alert book: how every alert stands, and what every target is still to be sent. What is
//! kept of it in the store makes a restart no news to anybody.
//!
//! Pure: whoever holds the book says what was seen, and what time it is.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::judge::Observation;
use super::message::{Message, Notice};
use super::outbox::{Next, Outbox, Tried};
use super::rule::{AlertId, Rule};
use super::target::SendFailure;
use super::watch::{Pace, Standing, Turn, Watch};

/// The book.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Book {
    watches: BTreeMap<AlertId, Watch>,
    outboxes: BTreeMap<String, Outbox>,
}

/// Who is told of what, and how patiently.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// Every rule that is on.
    pub(crate) paces: BTreeMap<Rule, Pace>,
    /// Every target, and the rules that it wants; all of them where it names none.
    pub(crate) targets: BTreeMap<String, Vec<Rule>>,
}

/// What one look at the rules came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Told {
    /// What somebody is to be told.
    pub(crate) notices: Vec<Notice>,
    /// How many messages were dropped, by target.
    pub(crate) dropped: BTreeMap<String, u64>,
}

impl Book {
    /// A book as it was kept. What a newer payhook has written into it and this one does not know
    /// makes it none.
    pub(crate) fn read(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }

    /// The text that is kept.
    pub(crate) fn write(&self) -> String {
        // A book is maps with text for keys: it can always be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Takes in what the rules said at `now`, and puts what is news into every target's outbox as
    /// one message with this `id`.
    pub(crate) fn take(
        &mut self,
        observations: &[Observation],
        plan: &Plan,
        now: Timestamp,
        id: &str,
    ) -> Told {
        let mut notices = self.unwatched(observations, plan);
        for seen in observations {
            let Some(pace) = plan.paces.get(&seen.id.rule) else {
                continue;
            };
            let watch = self.watches.entry(seen.id.clone()).or_default();
            let since = watch.since();
            if let Some(turn) = watch.step(seen.verdict, seen.level, pace, now) {
                notices.push(Notice {
                    turn,
                    rule: seen.id.rule,
                    subject: seen.id.subject.clone(),
                    since: since.or(watch.since()).unwrap_or(now).min(now),
                    what: seen.what.clone(),
                });
            }
        }
        self.watches.retain(|_, watch| !watch.is_forgettable(now));
        notices.sort_by_key(|notice| notice.rule);
        let dropped = self.post(&notices, plan, now, id);
        Told { notices, dropped }
    }

    /// What is to be done for a target at `now`.
    pub(crate) fn next(&self, target: &str, now: Timestamp) -> Next {
        let outbox = self.outboxes.get(target);
        outbox.map_or(Next::Nothing, |outbox| outbox.next(now))
    }

    /// What waits for a target first, whenever it would be tried again.
    pub(crate) fn first(&self, target: &str) -> Option<&Message> {
        self.outboxes.get(target)?.first()
    }

    /// Takes in what came of sending a message to a target.
    pub(crate) fn tried(
        &mut self,
        target: &str,
        id: &str,
        now: Timestamp,
        failure: Option<SendFailure>,
    ) {
        let outbox = self.outboxes.entry(target.to_owned()).or_default();
        outbox.tried(id, now, failure);
    }

    /// How an alert stands, and since when it is wrong.
    pub(crate) fn standing(&self, id: &AlertId) -> (Standing, Option<Timestamp>) {
        let watch = self.watches.get(id);
        watch.map_or((Standing::Quiet, None), |watch| {
            (watch.standing(), watch.since())
        })
    }

    /// Every alert that is not quiet.
    pub(crate) fn open(&self) -> impl Iterator<Item = &AlertId> {
        let open = self.watches.iter();
        let open = open.filter(|(_, watch)| watch.standing() != Standing::Quiet);
        open.map(|(id, _)| id)
    }

    /// How many messages wait for a target, and what came of the last one.
    pub(crate) fn outbox(&self, target: &str) -> (usize, Option<&Tried>) {
        let outbox = self.outboxes.get(target);
        outbox.map_or((0, None), |outbox| (outbox.waiting(), outbox.last()))
    }

    /// Takes out every alert that nobody looks at any more, and says so of those that fired.
    fn unwatched(&mut self, observations: &[Observation], plan: &Plan) -> Vec<Notice> {
        let is_watched = |id: &AlertId| {
            plan.paces.contains_key(&id.rule) && observations.iter().any(|seen| seen.id == *id)
        };
        let gone = self.watches.extract_if(.., |id, _| !is_watched(id));
        let fired = gone.filter(|(_, watch)| watch.standing() == Standing::Firing);
        let notice = |(id, watch): (AlertId, Watch)| {
            Some(Notice {
                turn: Turn::Unwatched,
                rule: id.rule,
                subject: id.subject,
                since: watch.since()?,
                what: "The rule is off, or what it looked at is no longer configured.".to_owned(),
            })
        };
        fired.filter_map(notice).collect()
    }

    /// Puts the notices that each target wants into its outbox. How many messages were dropped.
    fn post(
        &mut self,
        notices: &[Notice],
        plan: &Plan,
        now: Timestamp,
        id: &str,
    ) -> BTreeMap<String, u64> {
        // What is left for a target that is no longer configured is nobody's.
        self.outboxes
            .retain(|target, _| plan.targets.contains_key(target));
        let mut dropped = BTreeMap::new();
        for (target, rules) in &plan.targets {
            let wanted = |notice: &&Notice| rules.is_empty() || rules.contains(&notice.rule);
            let notices: Vec<Notice> = notices.iter().filter(wanted).cloned().collect();
            let outbox = self.outboxes.entry(target.clone()).or_default();
            let mut lost = outbox.expire(now);
            if !notices.is_empty() {
                lost += outbox.add(Message {
                    id: id.to_owned(),
                    at: now,
                    notices,
                });
            }
            if lost > 0 {
                dropped.insert(target.clone(), lost);
            }
        }
        dropped
    }
}

#[cfg(test)]
mod tests;
