//! The memory store as a process on a bad day has it: writes are done by somebody else and take
//! their time, whoever asked may be gone before they are done, and reads fail now and then.

use std::future::Future;
use std::sync::Arc;

use domain::delivery::RawDelivery;
use domain::event::EventKeyDigest;
use domain::notification::{EndpointName, Health, HealthChange};
use domain::record::{EventRecord, RecordKey};
use domain::settlement::SettlementChange;
use domain::source::SourceName;
use domain::stream::{Change, ChangeKind, Sequence};
use domain::time::{Millis, Timestamp};
use engine::store::memory::MemoryStore;
use engine::store::{
    Acks, Act, ActEnd, ActSummary, AlertBook, AnomalySummary, Appended, Arrivals, AuditLog,
    ChangeFeed, Claimed, Committed, Counts, Custody, DefinitionId, Endings, Endpoints, EventDetail,
    EventFilter, EventLog, EventSummary, ExecutionDetail, ExecutionFilter, ExecutionSummary,
    Executions, Inspect, KeptAnswer, KeyedRequest, NotKept, Outcome, Page, PaymentOfSource,
    Progress, Quarantine, QuarantineWard, QuarantinedDelivery, QuarantinedSummary, RequestClaim,
    RequestKey, RequestLog, Shred, Shredded, Shredding, StartExecution, Trends, Unavailable,
    Waiting,
};
use engine::wakeup::Wakeup;

use super::faults::{Death, Hazards, Mutant};

/// A [`MemoryStore`] among dangers.
#[derive(Debug)]
pub struct SimulatedStore {
    /// The store without the dangers.
    pub inner: Arc<MemoryStore>,
    hazards: Arc<Hazards>,
    nobody_wakes: Wakeup,
}

/// The entry that [`Mutant::FeedLosesEntry`] hides.
const HIDDEN: Sequence = Sequence::new(3);

impl SimulatedStore {
    /// A store that goes on with `inner`.
    pub fn new(inner: MemoryStore, hazards: Arc<Hazards>) -> Self {
        Self {
            inner: Arc::new(inner),
            hazards,
            nobody_wakes: Wakeup::default(),
        }
    }

    /// Has a write done by a task of its own, as a writer thread would: it is done even if the
    /// asker gives up, unless the process dies first.
    async fn write<T, F>(
        &self,
        write: impl FnOnce(Arc<MemoryStore>) -> F + Send + 'static,
    ) -> Result<T, Unavailable>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Unavailable>> + Send + 'static,
    {
        self.hazards.operate()?;
        let inner = Arc::clone(&self.inner);
        let hazards = Arc::clone(&self.hazards);
        let writer = tokio::runtime::Handle::current().spawn(async move {
            hazards.dawdle().await;
            hazards.survive(Death::BeforeWrite).await;
            let answer = write(inner).await;
            hazards.survive(Death::AfterWrite).await;
            if answer.is_err() {
                hazards.note("a write failed");
            }
            hazards.dawdle().await;
            answer
        });
        writer.await.unwrap_or(Err(Unavailable::Closing))
    }
}

impl EventLog for SimulatedStore {
    async fn append_once(&self, custody: Custody) -> Result<Appended, NotKept> {
        let event = custody.admitted.events()[0].clone();
        let claimed = self.inner.find_event(&event.key.digest()).await?;
        if self.hazards.has(Mutant::AckWithoutStoring) && claimed.is_none() {
            let key = RecordKey {
                payment_id: event.payment_id,
                timestamp: custody.admitted.delivery().received_at,
            };
            let events = vec![(Outcome::Stored, key)];
            return Ok(Appended {
                events,
                anomalies: Vec::new(),
            });
        }
        if self.hazards.has(Mutant::ConflictIsDropped)
            && let Some(key) = &claimed
            && let Some(first) = self.inner.record(key).await?
            && first.raw_payload != custody.admitted.delivery().body
        {
            let events = vec![(Outcome::Conflict, key.clone())];
            return Ok(Appended {
                events,
                anomalies: Vec::new(),
            });
        }
        let mut appended = self
            .write(|inner| async move { Ok(inner.append_once(custody).await) })
            .await??;
        for (outcome, key) in &mut appended.events {
            if self.hazards.has(Mutant::RepeatIsToldOtherwise) && *outcome == Outcome::Duplicate {
                key.timestamp = key.timestamp.after(Millis::new(1));
            }
        }
        Ok(appended)
    }

    fn takes_custody(&self) -> Result<(), Unavailable> {
        self.inner.takes_custody()
    }

    async fn record(&self, key: &RecordKey) -> Result<Option<EventRecord>, Unavailable> {
        self.hazards.read()?;
        self.hazards.dawdle().await;
        self.inner.record(key).await
    }

    async fn settled_before(
        &self,
        record: &EventRecord,
    ) -> Result<Option<EventRecord>, Unavailable> {
        self.hazards.read()?;
        self.hazards.dawdle().await;
        self.inner.settled_before(record).await
    }

    async fn find_event(&self, event: &EventKeyDigest) -> Result<Option<RecordKey>, Unavailable> {
        self.hazards.read()?;
        self.hazards.dawdle().await;
        self.inner.find_event(event).await
    }
}

impl Quarantine for SimulatedStore {
    async fn quarantine(&self, refused: QuarantinedDelivery) -> Result<(), Unavailable> {
        let source = refused.delivery.source.clone();
        let body_hash = refused.delivery.body_hash();
        self.write(|inner| async move { inner.quarantine(refused).await })
            .await?;
        self.hazards.note_quarantined(source, body_hash);
        Ok(())
    }
}

impl QuarantineWard for SimulatedStore {
    async fn discharge(&self, id: u64) -> Result<bool, Unavailable> {
        self.write(move |inner| async move { inner.discharge(id).await })
            .await
    }

    fn list_quarantined(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<QuarantinedSummary>, Unavailable> {
        self.hazards.read()?;
        self.inner.list_quarantined(before, limit)
    }

    fn quarantined(
        &self,
        id: u64,
    ) -> Result<Option<(QuarantinedSummary, RawDelivery)>, Unavailable> {
        self.hazards.read()?;
        self.inner.quarantined(id)
    }
}

impl AuditLog for SimulatedStore {
    async fn record_act(&self, act: Act) -> Result<u64, Unavailable> {
        self.write(move |inner| async move { inner.record_act(act).await })
            .await
    }

    async fn end_act(&self, id: u64, end: ActEnd) -> Result<bool, Unavailable> {
        self.write(move |inner| async move { inner.end_act(id, end).await })
            .await
    }

    fn list_acts(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<ActSummary>, Unavailable> {
        self.hazards.read()?;
        self.inner.list_acts(before, limit)
    }
}

impl Endpoints for SimulatedStore {
    fn endpoint(&self, name: &EndpointName) -> Result<Health, Unavailable> {
        self.hazards.read()?;
        self.inner.endpoint(name)
    }

    fn endpoints(&self) -> Result<Vec<(EndpointName, Health)>, Unavailable> {
        self.hazards.read()?;
        self.inner.endpoints()
    }

    async fn change_endpoint(
        &self,
        name: &EndpointName,
        change: HealthChange,
        now: Timestamp,
    ) -> Result<Health, Unavailable> {
        let name = name.clone();
        self.write(move |inner| async move { inner.change_endpoint(&name, change, now).await })
            .await
    }
}

impl Shredding for SimulatedStore {
    async fn shred(&self, shred: Shred) -> Result<Shredded, Unavailable> {
        self.write(move |inner| async move { inner.shred(shred).await })
            .await
    }
}

impl AlertBook for SimulatedStore {
    async fn keep_alert_book(&self, book: String) -> Result<(), Unavailable> {
        self.write(move |inner| async move { inner.keep_alert_book(book).await })
            .await
    }

    fn alert_book(&self) -> Result<Option<String>, Unavailable> {
        self.hazards.read()?;
        self.inner.alert_book()
    }
}

impl RequestLog for SimulatedStore {
    async fn claim_request(&self, request: KeyedRequest) -> Result<RequestClaim, Unavailable> {
        self.write(move |inner| async move { inner.claim_request(request).await })
            .await
    }

    async fn keep_answer(&self, key: RequestKey, answer: KeptAnswer) -> Result<bool, Unavailable> {
        self.write(move |inner| async move { inner.keep_answer(key, answer).await })
            .await
    }

    async fn free_request(&self, key: RequestKey) -> Result<bool, Unavailable> {
        self.write(move |inner| async move { inner.free_request(key).await })
            .await
    }
}

impl Trends for SimulatedStore {
    fn arrivals(&self, since: Timestamp) -> Result<Vec<Arrivals>, Unavailable> {
        self.inner.arrivals(since)
    }

    fn endings(&self, since: Timestamp) -> Result<Vec<Endings>, Unavailable> {
        self.inner.endings(since)
    }

    fn acks(&self, since: Timestamp) -> Result<Vec<Acks>, Unavailable> {
        self.inner.acks(since)
    }

    async fn keep_acks(&self, acks: Acks) -> Result<(), Unavailable> {
        self.write(move |inner| async move { inner.keep_acks(acks).await })
            .await
    }

    fn waiting(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Waiting>, Unavailable> {
        self.inner.waiting(from, until)
    }
}

impl ChangeFeed for SimulatedStore {
    fn read_after(
        &self,
        after: Sequence,
        limit: usize,
        wanted: &dyn Fn(ChangeKind) -> bool,
    ) -> Result<(Vec<Change>, Sequence), Unavailable> {
        self.hazards.read()?;
        let (mut changes, end) = self.inner.read_after(after, limit, wanted)?;
        if self.hazards.has(Mutant::FeedLosesEntry) {
            changes.retain(|change| change.sequence != HIDDEN);
        }
        Ok((changes, end))
    }

    fn feed_head(&self) -> Result<Sequence, Unavailable> {
        self.hazards.read()?;
        self.inner.feed_head()
    }

    fn feed_wakeup(&self) -> &Wakeup {
        if self.hazards.has(Mutant::WakeupIsLost) {
            return &self.nobody_wakes;
        }
        self.inner.feed_wakeup()
    }
}

impl Executions for SimulatedStore {
    fn pipe_cursor(&self) -> Result<Sequence, Unavailable> {
        self.hazards.read()?;
        self.inner.pipe_cursor()
    }

    async fn start_all(
        &self,
        mut starts: Vec<StartExecution>,
        definition: DefinitionId,
        cursor: Sequence,
    ) -> Result<(), Unavailable> {
        if self.hazards.has(Mutant::StartIsLost) && cursor > HIDDEN {
            starts.pop();
        }
        self.write(move |inner| async move { inner.start_all(starts, definition, cursor).await })
            .await
    }

    fn claim_due(
        &self,
        now: Timestamp,
        lease: Millis,
        limit: usize,
    ) -> Result<Vec<Claimed>, Unavailable> {
        self.hazards.read()?;
        self.inner.claim_due(now, lease, limit)
    }

    fn claim_one(
        &self,
        sequence: Sequence,
        now: Timestamp,
        lease: Millis,
    ) -> Result<Option<Claimed>, Unavailable> {
        self.hazards.read()?;
        self.inner.claim_one(sequence, now, lease)
    }

    fn release(&self, sequence: Sequence) {
        self.inner.release(sequence);
    }

    fn next_due(&self) -> Result<Option<Timestamp>, Unavailable> {
        self.hazards.read()?;
        self.inner.next_due()
    }

    async fn commit(&self, mut progress: Progress) -> Result<Committed, Unavailable> {
        let completes =
            |change: &SettlementChange| matches!(change, SettlementChange::Complete { .. });
        if self.hazards.has(Mutant::SettlementIsLost) {
            progress.changes.retain(|change| !completes(&change.change));
        }
        if self.hazards.has(Mutant::StepIsLost) && progress.steps.len() > 1 {
            progress.steps.pop();
        }
        let committed = self
            .write(|inner| async move { inner.commit(progress).await })
            .await?;
        match committed {
            Committed::Done => {}
            Committed::Stale => self.hazards.note("a commit was stale"),
            Committed::Refused => self.hazards.note("a commit was refused"),
        }
        Ok(committed)
    }

    async fn keep_definition(&self, id: DefinitionId, text: String) -> Result<(), Unavailable> {
        self.write(move |inner| async move { inner.keep_definition(id, text).await })
            .await
    }

    fn definition(&self, id: &DefinitionId) -> Result<Option<String>, Unavailable> {
        self.hazards.read()?;
        self.inner.definition(id)
    }

    fn earlier_running(
        &self,
        sequence: Sequence,
        payment: &PaymentOfSource,
    ) -> Result<Option<Sequence>, Unavailable> {
        self.hazards.read()?;
        self.inner.earlier_running(sequence, payment)
    }

    fn due_wakeup(&self) -> &Wakeup {
        self.inner.due_wakeup()
    }
}

impl Inspect for SimulatedStore {
    fn list_events(
        &self,
        filter: &EventFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<EventSummary>, Unavailable> {
        self.inner.list_events(filter, before, limit)
    }

    fn list_payments(
        &self,
        source: Option<&SourceName>,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<EventSummary>, Unavailable> {
        self.inner.list_payments(source, before, limit)
    }

    fn event(&self, event: &EventKeyDigest) -> Result<Option<EventDetail>, Unavailable> {
        self.inner.event(event)
    }

    fn event_at(&self, sequence: Sequence) -> Result<Option<EventDetail>, Unavailable> {
        self.inner.event_at(sequence)
    }

    fn list_anomalies(
        &self,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<AnomalySummary>, Unavailable> {
        self.inner.list_anomalies(before, limit)
    }

    fn list_executions(
        &self,
        filter: &ExecutionFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Page<ExecutionSummary>, Unavailable> {
        self.inner.list_executions(filter, before, limit)
    }

    fn execution(&self, sequence: Sequence) -> Result<Option<ExecutionDetail>, Unavailable> {
        self.inner.execution(sequence)
    }

    fn counts(&self) -> Result<Counts, Unavailable> {
        let mut counts = self.inner.counts()?;
        if self.hazards.has(Mutant::CountsDrift) {
            counts.succeeded += 1;
        }
        Ok(counts)
    }
}
