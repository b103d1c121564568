//! How things went: arrivals made anew from the records, the rest counted while it happens.

use std::collections::BTreeMap;

use domain::time::Timestamp;

use super::{MemoryDisk, MemoryStore};
use crate::store::{Acks, Arrivals, Endings, ExecutionStatus, Trends, Unavailable, Waiting};

const MINUTE: i64 = 60_000;

fn minute(time: Timestamp) -> i64 {
    time.as_millis().div_euclid(MINUTE)
}

fn beginning(minute: i64) -> Timestamp {
    Timestamp::from_millis(minute.saturating_mul(MINUTE))
}

impl Trends for MemoryStore {
    fn arrivals(&self, since: Timestamp) -> Result<Vec<Arrivals>, Unavailable> {
        let mut events: BTreeMap<_, u64> = BTreeMap::new();
        for kept in self.look()?.disk.records.values() {
            let record = &kept.record;
            let source = record.event_key.source.clone();
            *events
                .entry((minute(record.received_at), source))
                .or_default() += 1;
        }
        let arrivals = |((minute, source), events)| Arrivals {
            minute: beginning(minute),
            source,
            events,
        };
        let events = events.into_iter();
        Ok(events
            .filter(|((at, _), _)| *at >= minute(since))
            .map(arrivals)
            .collect())
    }

    fn endings(&self, since: Timestamp) -> Result<Vec<Endings>, Unavailable> {
        let disk = &self.look()?.disk;
        let from = (minute(since), ExecutionStatus::Running);
        let endings = disk.endings.range(from..);
        Ok(endings
            .map(|((minute, status), executions)| Endings {
                minute: beginning(*minute),
                status: *status,
                executions: *executions,
            })
            .collect())
    }

    fn acks(&self, since: Timestamp) -> Result<Vec<Acks>, Unavailable> {
        let disk = &self.look()?.disk;
        Ok(disk
            .acks
            .range(minute(since)..)
            .map(|(_, acks)| *acks)
            .collect())
    }

    async fn keep_acks(&self, acks: Acks) -> Result<(), Unavailable> {
        self.write(|running| {
            let at = minute(acks.minute);
            let kept = running.disk.acks.entry(at).or_insert(Acks {
                minute: beginning(at),
                webhooks: 0,
                ..acks
            });
            kept.webhooks = kept.webhooks.saturating_add(acks.webhooks);
            kept.median = kept.median.max(acks.median);
            kept.p99 = kept.p99.max(acks.p99);
        })
    }

    fn waiting(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Waiting>, Unavailable> {
        let mut executions: BTreeMap<i64, u64> = BTreeMap::new();
        for execution in self.look()?.disk.executions.values() {
            let is_running = execution.status == ExecutionStatus::Running;
            let due_at = execution.due_at.filter(|_| is_running);
            if let Some(due_at) = due_at.filter(|due_at| (from..until).contains(due_at)) {
                *executions.entry(minute(due_at)).or_default() += 1;
            }
        }
        let waiting = |(minute, executions)| Waiting {
            minute: beginning(minute),
            executions,
        };
        Ok(executions.into_iter().map(waiting).collect())
    }
}

impl MemoryDisk {
    /// Counts an execution of an event that ended at `at`.
    pub(super) fn count_ending(&mut self, at: Timestamp, status: ExecutionStatus) {
        *self.endings.entry((minute(at), status)).or_default() += 1;
    }
}
