//! Who may be moved when, and who is being moved: due times and leases, in memory.
//!
//! The directory is locked by this process, so leases need not outlive it: a crash frees them
//! all at once. Due times are in the executions' rows and are read from there at the start.
//! Changed only after a commit, so what stands here is durable.

use std::collections::{BTreeSet, HashMap};

use domain::time::Timestamp;
use engine::store::Lease;

/// Due times and leases of all executions that have one.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    entries: HashMap<u64, Entry>,
    /// Those that nobody holds, by due time.
    due: BTreeSet<(Timestamp, u64)>,
    /// Those that somebody holds, by the end of the lease.
    held: BTreeSet<(Timestamp, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Entry {
    due_at: Option<Timestamp>,
    held_until: Option<Timestamp>,
}

impl Schedule {
    /// Sets when an execution is due, and what a commit has made of its lease.
    pub(crate) fn set(&mut self, sequence: u64, due_at: Option<Timestamp>, lease: Lease) {
        let held_until = match lease {
            Lease::KeepUntil(until) => Some(until),
            Lease::Release => None,
        };
        self.put(sequence, Entry { due_at, held_until });
    }

    /// Takes up to `limit` executions that are due at `now` and that nobody holds.
    pub(crate) fn claim_due(&mut self, now: Timestamp, until: Timestamp, limit: usize) -> Vec<u64> {
        self.end_leases(now);
        let due = self.due.range(..=(now, u64::MAX));
        let claimed: Vec<u64> = due.take(limit).map(|&(_, sequence)| sequence).collect();
        for &sequence in &claimed {
            self.hold(sequence, until);
        }
        claimed
    }

    /// Takes one execution unless somebody holds it, due or not.
    pub(crate) fn claim_one(&mut self, sequence: u64, now: Timestamp, until: Timestamp) -> bool {
        self.end_leases(now);
        let is_free = self.entry(sequence).held_until.is_none();
        if is_free {
            self.hold(sequence, until);
        }
        is_free
    }

    /// Ends a lease; the execution is due as before. Whether it is due at some time.
    pub(crate) fn release(&mut self, sequence: u64) -> bool {
        let due_at = self.entry(sequence).due_at;
        self.put(
            sequence,
            Entry {
                due_at,
                held_until: None,
            },
        );
        due_at.is_some()
    }

    /// When the next execution that nobody holds is due.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|&(due_at, _)| due_at)
    }

    fn hold(&mut self, sequence: u64, until: Timestamp) {
        let due_at = self.entry(sequence).due_at;
        let held_until = Some(until);
        self.put(sequence, Entry { due_at, held_until });
    }

    fn end_leases(&mut self, now: Timestamp) {
        while let Some(&(until, sequence)) = self.held.first()
            && until <= now
        {
            self.release(sequence);
        }
    }

    fn entry(&self, sequence: u64) -> Entry {
        self.entries.get(&sequence).copied().unwrap_or_default()
    }

    fn put(&mut self, sequence: u64, new: Entry) {
        let old = self.entry(sequence);
        match (old.held_until, old.due_at) {
            (Some(until), _) => self.held.remove(&(until, sequence)),
            (None, Some(due_at)) => self.due.remove(&(due_at, sequence)),
            (None, None) => false,
        };
        match (new.held_until, new.due_at) {
            (Some(until), _) => self.held.insert((until, sequence)),
            (None, Some(due_at)) => self.due.insert((due_at, sequence)),
            (None, None) => false,
        };
        if new == Entry::default() {
            self.entries.remove(&sequence);
        } else {
            self.entries.insert(sequence, new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn those_due_longest_are_claimed_first_and_only_once() {
        let mut schedule = Schedule::default();
        for (sequence, due_at) in [(1, 30), (2, 10), (3, 20), (4, 50)] {
            schedule.set(sequence, Some(at(due_at)), Lease::Release);
        }
        assert_eq!(schedule.claim_due(at(30), at(100), 2), [2, 3]);
        assert_eq!(schedule.claim_due(at(30), at(100), 9), [1]);
        assert!(schedule.claim_due(at(30), at(100), 9).is_empty());
        assert_eq!(schedule.next_due(), Some(at(50)));
        assert!(!schedule.claim_one(2, at(30), at(100)));
        assert!(schedule.claim_one(4, at(30), at(100)));
    }

    #[test]
    fn a_lease_ends_by_commit_by_release_and_by_time() {
        let mut schedule = Schedule::default();
        schedule.set(1, Some(at(0)), Lease::Release);
        assert_eq!(schedule.claim_due(at(0), at(10), 9), [1]);
        schedule.set(1, Some(at(5)), Lease::KeepUntil(at(10)));
        assert!(schedule.claim_due(at(9), at(19), 9).is_empty());
        assert_eq!(schedule.claim_due(at(10), at(20), 9), [1], "by time");
        schedule.release(1);
        assert_eq!(schedule.claim_due(at(10), at(20), 9), [1], "by release");
        schedule.set(1, Some(at(12)), Lease::Release);
        assert_eq!(schedule.claim_due(at(12), at(20), 9), [1], "by commit");
        schedule.set(1, None, Lease::Release);
        assert_eq!(schedule.next_due(), None);
        assert!(schedule.entries.is_empty() && schedule.held.is_empty());
    }
}
