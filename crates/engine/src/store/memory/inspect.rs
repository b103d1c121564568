//! Listings and counts, made anew from the maps whenever somebody asks.

use std::collections::BTreeMap;

use domain::event::EventKeyDigest;
use domain::payment::Anomaly;
use domain::record::RecordKey;
use domain::source::SourceName;
use domain::stream::{Change, Sequence};

use super::executions::Execution;
use super::{Kept, MemoryDisk, MemoryStore};
use crate::store::{
    AnomalySummary, Counts, EventDetail, EventFilter, EventSummary, ExecutionDetail,
    ExecutionFilter, ExecutionStatus, ExecutionSummary, Inspect, Page, Unavailable,
};

impl Inspect for MemoryStore {
    fn list_events(
        &self,
        filter: &EventFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<EventSummary>, Unavailable> {
        let disk = &self.look()?.disk;
        let mut events: Vec<_> = disk
            .records
            .values()
            .filter(|kept| filter.matches(&kept.record))
            .map(|kept| (kept.inserted.get(), kept))
            .collect();
        events.sort_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
        let summary = |_, kept| Some(disk.event_summary(kept));
        Ok(page(events.into_iter(), before, limit, summary))
    }

    fn list_payments(
        &self,
        source: Option<&SourceName>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<EventSummary>, Unavailable> {
        let disk = &self.look()?.disk;
        let mut newest: BTreeMap<_, (u64, &Kept)> = BTreeMap::new();
        for kept in disk.records.values() {
            let record = &kept.record;
            let own = &record.event_key.source;
            if source.is_none_or(|source| source == own) {
                let number = kept.inserted.get();
                let newest = newest
                    .entry((own, &record.key.payment_id))
                    .or_insert((number, kept));
                if number > newest.0 {
                    *newest = (number, kept);
                }
            }
        }
        let mut newest: Vec<_> = newest.into_values().collect();
        newest.sort_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
        let summary = |_, kept| Some(disk.event_summary(kept));
        Ok(page(newest.into_iter(), before, limit, summary))
    }

    fn event(&self, event: &EventKeyDigest) -> Result<Option<EventDetail>, Unavailable> {
        let disk = &self.look()?.disk;
        let kept = disk.claims.get(event).and_then(|key| disk.records.get(key));
        Ok(kept.map(|kept| disk.event_detail(kept)))
    }

    fn event_at(&self, sequence: Sequence) -> Result<Option<EventDetail>, Unavailable> {
        let disk = &self.look()?.disk;
        Ok(disk.kept_at(sequence).map(|kept| disk.event_detail(kept)))
    }

    fn list_anomalies(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<AnomalySummary>, Unavailable> {
        let disk = &self.look()?.disk;
        let numbered = disk.anomalies.iter().enumerate().rev();
        let numbered = numbered.map(|(place, anomaly)| (place as u64 + 1, anomaly));
        let summary = |id, (sequence, key, anomaly): &(Sequence, RecordKey, Anomaly)| {
            let record = &disk.records.get(key)?.record;
            Some(AnomalySummary {
                id,
                sequence: *sequence,
                record: key.clone(),
                source: record.event_key.source.clone(),
                anomaly: *anomaly,
                received_at: record.received_at,
            })
        };
        Ok(page(numbered, before, limit, summary))
    }

    fn list_executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<ExecutionSummary>, Unavailable> {
        let disk = &self.look()?.disk;
        let executions = disk.executions.iter().rev();
        let executions = executions
            .filter(|(_, execution)| filter.matches(execution.status))
            .map(|(sequence, execution)| (sequence.get(), execution));
        let summary = |number, execution| disk.execution_summary(Sequence::new(number), execution);
        Ok(page(executions, before, limit, summary))
    }

    fn execution(&self, sequence: Sequence) -> Result<Option<ExecutionDetail>, Unavailable> {
        let disk = &self.look()?.disk;
        let detail = |execution: &Execution| {
            Some(ExecutionDetail {
                summary: disk.execution_summary(sequence, execution)?,
                change: disk.change(sequence)?.clone(),
                snapshot: execution.snapshot.clone(),
                steps: execution.steps.clone(),
            })
        };
        Ok(disk.executions.get(&sequence).and_then(detail))
    }

    fn counts(&self) -> Result<Counts, Unavailable> {
        let disk = &self.look()?.disk;
        let conflicts: usize = disk.records.values().map(|kept| kept.conflicts.len()).sum();
        let mut counts = Counts {
            events: disk.records.len() as u64,
            quarantined: disk.quarantined.len() as u64,
            conflicts: conflicts as u64,
            anomalies: disk.anomalies.len() as u64,
            feed_lag: disk.feed_head().get().saturating_sub(disk.cursor.get()),
            ..Counts::default()
        };
        for execution in disk.executions.values() {
            *match execution.status {
                ExecutionStatus::Running => &mut counts.running,
                ExecutionStatus::Succeeded => &mut counts.succeeded,
                ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted => {
                    &mut counts.dead_letters
                }
            } += 1;
        }
        Ok(counts)
    }
}

impl MemoryDisk {
    fn kept_at(&self, sequence: Sequence) -> Option<&Kept> {
        self.records.get(&self.change(sequence)?.key)
    }

    fn event_summary(&self, kept: &Kept) -> EventSummary {
        let execution = self.executions.get(&kept.inserted);
        EventSummary {
            sequence: kept.inserted,
            record: kept.record.clone(),
            execution: execution.map(|execution| execution.status),
        }
    }

    fn event_detail(&self, kept: &Kept) -> EventDetail {
        let of_record = |change: &&Change| change.key == kept.record.key;
        EventDetail {
            summary: self.event_summary(kept),
            headers: kept.headers.clone(),
            secret_label: kept.secret_label.clone(),
            changes: self.feed.iter().filter(of_record).cloned().collect(),
            conflicts: kept.conflicts.clone(),
            vouched: kept.vouched,
            anomalies: kept.anomalies.clone(),
        }
    }

    fn execution_summary(
        &self,
        sequence: Sequence,
        execution: &Execution,
    ) -> Option<ExecutionSummary> {
        let record = &self.kept_at(sequence)?.record;
        Some(ExecutionSummary {
            sequence,
            event: record.event_key.digest(),
            record: record.clone(),
            status: execution.status,
            definition: execution.definition,
            started_at: execution.started_at,
            updated_at: execution.updated_at,
            due_at: execution.due_at,
        })
    }
}

/// The first `limit` items below `before`, out of all of them with their ids, newest first.
pub(super) fn page<R, T>(
    newest_first: impl Iterator<Item = (u64, R)>,
    before: Option<u64>,
    limit: usize,
    show: impl Fn(u64, R) -> Option<T>,
) -> Page<T> {
    let mut below = newest_first
        .filter(|(id, _)| before.is_none_or(|before| *id < before))
        .peekable();
    let mut last = None;
    let mut items = Vec::new();
    while items.len() < limit
        && let Some((id, row)) = below.next()
    {
        last = Some(id);
        items.extend(show(id, row));
    }
    Page {
        items,
        next: below.peek().and(last),
    }
}
