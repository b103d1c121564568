//! The audit log: a list whose places are the ids.

use super::MemoryStore;
use crate::store::{Act, ActEnd, ActSummary, AuditLog, Page, Unavailable};

impl AuditLog for MemoryStore {
    async fn record_act(&self, act: Act) -> Result<u64, Unavailable> {
        self.write(|running| {
            running.disk.acts.push((act, None));
            running.disk.acts.len() as u64
        })
    }

    async fn end_act(&self, id: u64, end: ActEnd) -> Result<bool, Unavailable> {
        self.write(|running| {
            let place = id.checked_sub(1).and_then(|at| usize::try_from(at).ok());
            let found = place.and_then(|at| running.disk.acts.get_mut(at));
            match found {
                Some((_, open @ None)) => {
                    *open = Some(end);
                    true
                }
                Some((_, Some(_))) | None => false,
            }
        })
    }

    fn list_acts(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<ActSummary>, Unavailable> {
        let running = self.look()?;
        let newest_first = running.disk.acts.iter().enumerate().rev();
        let items = newest_first.map(|(at, each)| (at as u64 + 1, each));
        let summary = |id, (act, end): &(Act, Option<ActEnd>)| {
            Some(ActSummary {
                id,
                act: act.clone(),
                end: end.clone(),
            })
        };
        Ok(super::inspect::page(items, before, limit, summary))
    }
}
