//! Payments: where each stands, what does not fit together, and what a provider has that is not here.

use std::time::{Duration, Instant};

use domain::payment::{Anomaly, PaymentRules};
use domain::providers::ProviderId;
use domain::source::SourceName;
use domain::status::PaymentStatus;
use domain::time::Timestamp;
use engine::metrics::SourceLabel;
use engine::operator::{self, NotDone, Reconciliation};
use engine::store::{Action, EventFilter, EventSummary, Store};

use super::{By, Desk, ListQuery, PaymentQuery, ReconcileRequest, page_size, page_view};
use crate::view::{AnomalyView, GapView, ListedPaymentView, PageView, PaymentView, ReconciledView};

/// Most events of one payment that are shown.
const PAYMENT_EVENTS_MAX: usize = 1000;

/// Longest time that a listing spends on looking for payments that stand as asked.
const LISTING_PATIENCE: Duration = Duration::from_millis(100);

impl<S: Store> Desk<S> {
    /// Payments, by their newest events, newest first. A page may hold fewer than were asked for,
    /// or none, although there are older ones.
    pub(crate) fn list_payments(
        &self,
        query: &PaymentQuery,
    ) -> Result<PageView<ListedPaymentView>, NotDone> {
        let source = query.source.as_deref().map(SourceName::try_new).transpose();
        let source = source.map_err(|why| NotDone::Nonsense(format!("source: {why}")))?;
        let status = query.status.as_deref().map(|word| {
            let found = PaymentStatus::ALL.iter().find(|each| each.as_str() == word);
            found.ok_or_else(|| NotDone::Nonsense(format!("no status {word} of a payment")))
        });
        let status = status.transpose()?.map(|status| status.as_str());
        let limit = page_size(query.limit);
        let began = Instant::now();
        let (mut items, mut before) = (Vec::new(), query.before);
        loop {
            let room = limit.saturating_sub(items.len());
            let page = self.store.list_payments(source.as_ref(), before, room)?;
            for newest in &page.items {
                let view = self.listed(newest)?;
                if status.is_none_or(|status| view.status.as_deref() == Some(status)) {
                    items.push(view);
                }
            }
            before = page.next;
            if before.is_none() || items.len() >= limit || began.elapsed() > LISTING_PATIENCE {
                return Ok(PageView {
                    items,
                    next: before,
                });
            }
        }
    }

    /// The payment of which this is the newest event.
    fn listed(&self, newest: &EventSummary) -> Result<ListedPaymentView, NotDone> {
        let record = &newest.record;
        let filter = EventFilter {
            payment_id: Some(record.key.payment_id.clone()),
            source: Some(record.event_key.source.to_string()),
            ..EventFilter::default()
        };
        let mut events = self
            .store
            .list_events(&filter, None, PAYMENT_EVENTS_MAX)?
            .items;
        events.sort_by_key(|event| event.sequence);
        let payment = self.payment_of(&events)?;
        Ok(ListedPaymentView::new(newest, events.len(), payment))
    }

    /// The payment that these events of one source tell, oldest first.
    fn payment_of(&self, own: &[EventSummary]) -> Result<Option<PaymentView>, NotDone> {
        let provider = own.first().map(|event| event.record.provider.as_str());
        let rules = provider
            .and_then(ProviderId::parse)
            .map_or(PaymentRules::STRICT, |id| id.spec().rules);
        let Some(mut view) = PaymentView::new(rules, own) else {
            return Ok(None);
        };
        if self.is_in_conflict(own)? {
            view.anomalies.push(Anomaly::Conflict.to_string());
        }
        Ok(Some(view))
    }

    /// Payments called `id`, one for each source that tells of one.
    pub(crate) fn payments(&self, id: &str) -> Result<Vec<PaymentView>, NotDone> {
        let filter = EventFilter {
            payment_id: Some(id.to_owned()),
            ..EventFilter::default()
        };
        let mut events = self
            .store
            .list_events(&filter, None, PAYMENT_EVENTS_MAX)?
            .items;
        events.sort_by_key(|event| event.sequence);
        let mut sources: Vec<SourceName> = Vec::new();
        for event in &events {
            let source = &event.record.event_key.source;
            if !sources.contains(source) {
                sources.push(source.clone());
            }
        }
        let mut views = Vec::new();
        for source in &sources {
            let own: Vec<EventSummary> = events
                .iter()
                .filter(|event| event.record.event_key.source == *source)
                .cloned()
                .collect();
            views.extend(self.payment_of(&own)?);
        }
        if views.is_empty() {
            return Err(NotDone::NotFound);
        }
        Ok(views)
    }

    /// Whether one of these events came with other bytes, too. What events mean cannot tell that.
    fn is_in_conflict(&self, events: &[EventSummary]) -> Result<bool, NotDone> {
        for event in events {
            let detail = self.store.event_at(event.sequence)?;
            if detail.is_some_and(|detail| !detail.conflicts.is_empty()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Compares one page of what a provider has with what is here, and takes in what is missing.
    pub(crate) async fn reconcile(
        &self,
        source: &str,
        request: &ReconcileRequest,
        by: &By,
    ) -> Result<ReconciledView, NotDone> {
        let source = self
            .sources
            .iter()
            .find(|each| each.name.as_str() == source)
            .ok_or_else(|| NotDone::NoSuch(format!("no source named {source} is configured")))?;
        let asked = Reconciliation {
            since: Timestamp::from_millis(request.since),
            cursor: request.cursor.clone(),
            dry_run: request.dry_run,
            now: self.clock.now(),
            trace: self.new_trace(),
        };
        let done = operator::reconcile(source, asked, &*self.upstream, &*self.store);
        // All pages of one are one act.
        let page = if request.dry_run || request.cursor.is_some() {
            done.await?
        } else {
            let act = (Action::Reconcile, source.name.to_string());
            self.on_record(by, act, done).await?
        };
        let labels = SourceLabel {
            source: source.name.to_string(),
        };
        let gaps = self.metrics.reconcile_gaps.get_or_create(&labels);
        gaps.inc_by(page.gaps.len() as u64);
        Ok(ReconciledView {
            checked: page.checked,
            known: page.known,
            taken: page.taken,
            gaps: page
                .gaps
                .iter()
                .map(|(key, payment_id)| GapView {
                    event_key: key.to_string(),
                    payment_id: payment_id.clone(),
                })
                .collect(),
            next: page.next,
        })
    }

    /// Anomalies of payments, newest first.
    pub(crate) fn anomalies(&self, query: &ListQuery) -> Result<PageView<AnomalyView>, NotDone> {
        let page = self
            .store
            .list_anomalies(query.before, page_size(query.limit))?;
        Ok(page_view(&page, AnomalyView::new))
    }
}
