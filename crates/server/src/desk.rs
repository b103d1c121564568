//! The operator's desk: everything that can be asked and done, on a store that is open in this
//! process. The admin listener puts it on the network; the command line uses it directly when
//! no server runs. Both show the same.

mod audit;
mod keys;
mod callbacks;
mod notifications;
mod payments;
mod query;
mod trends;
mod shredding;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::delivery::RawDelivery;
use domain::diagnosis::{Diagnosis, diagnose};
use domain::event::EventKeyDigest;
use domain::source::Source;
use domain::stream::Sequence;
use domain::trace::TraceId;
use engine::callback::Letters;
use engine::clock::{Clock, Luck};
use engine::journal::Step;
use engine::metrics::Metrics;
use engine::operator::{self, NotDone, Wish};
use engine::store::{Action, EventDetail, ExecutionDetail, Outcome, Page, Store, Unavailable};
use engine::upstream::Upstream;
use engine::workflow::{Course, Workflows};

pub(crate) use self::audit::{By, REASON_MAX};
pub(crate) use self::callbacks::{Answered, FailureRequest, HeartbeatRequest, SuccessRequest};
pub(crate) use self::keys::RewrapRequest;
pub(crate) use self::notifications::Correspondence;
pub(crate) use self::query::{
    ChangeQuery, ChangesView, DEAD_LETTER, EventQuery, ExecutionQuery, ListQuery, PaymentQuery,
    ReconcileRequest, TrendsQuery, time,
};
pub(crate) use self::shredding::ShredRequest;
use crate::dashboard::graph::Drawing;
use crate::view::{
    ChangeView, CountsView, EventDetailView, EventView, ExecutionDetailView, ExecutionView,
    FindingView, HeaderView, PageView, PromotedView, QuarantineDetailView, QuarantineView,
};

/// Longest time that a listing of the quarantine spends on explaining what is in it.
const LISTING_PATIENCE: Duration = Duration::from_millis(500);

/// Most items of one page.
const PAGE_MAX: usize = 1000;

/// The desk.
pub(crate) struct Desk<S> {
    /// The store.
    pub(crate) store: Arc<S>,
    /// The state machines of its executions.
    pub(crate) workflows: Arc<Workflows>,
    /// The sources that deliveries can be judged by again.
    pub(crate) sources: Vec<Source>,
    /// Who tells what only a provider can.
    pub(crate) upstream: Arc<dyn Upstream>,
    /// What is counted.
    pub(crate) metrics: Arc<Metrics>,
    /// Time and luck.
    pub(crate) clock: Arc<dyn Clock>,
    /// See `clock`.
    pub(crate) luck: Arc<dyn Luck>,
    /// Who is told what becomes of payments.
    pub(crate) correspondence: Correspondence,
    /// Whether a workflow runs on the store, which reads every event once.
    pub(crate) has_workflow: bool,
    /// Where answers to tasks that wait reach the runner.
    pub(crate) letters: Letters,
}

impl<S: Store> Desk<S> {
    /// Events, newest first.
    pub(crate) fn events(&self, query: &EventQuery) -> Result<PageView<EventView>, NotDone> {
        let filter = query.filter()?;
        if let Some(key) = &query.event_key {
            // A key is one event, and needs no search.
            let found = self.store.event(&EventKeyDigest::of_text(key))?;
            let found = found.map(|detail| detail.summary);
            let items = found
                .into_iter()
                .filter(|event| filter.matches(&event.record));
            let page = Page {
                items: items.collect(),
                next: None,
            };
            return Ok(page_view(&page, EventView::new));
        }
        let page = self
            .store
            .list_events(&filter, query.before, page_size(query.limit))?;
        Ok(page_view(&page, EventView::new))
    }

    /// One event: `id` is its id or its key.
    pub(crate) fn event(&self, id: &str, with_body: bool) -> Result<EventDetailView, NotDone> {
        let detail = self.find_event(id)?.ok_or(NotDone::NotFound)?;
        let execution = match self.store.execution(detail.summary.sequence)? {
            Some(execution) => Some(self.execution_view(&execution, with_body)?),
            None => None,
        };
        let mut view = EventDetailView::new(&detail, execution, with_body);
        let record = &detail.summary.record;
        // Of what was shredded nothing is left that could be quoted.
        let quotable = !with_body && record.shredded_at.is_none();
        if quotable && let Some(cause) = &mut view.event.cause {
            let body = String::from_utf8_lossy(&record.raw_payload);
            Redaction::of(&body).apply_to_text(cause);
        }
        Ok(view)
    }

    /// The body of one event, as it was sent: `id` is its id or its key. `None` when it was shredded.
    pub(crate) fn body(&self, id: &str) -> Result<Option<String>, NotDone> {
        let detail = self.find_event(id)?.ok_or(NotDone::NotFound)?;
        let record = &detail.summary.record;
        Ok(record
            .shredded_at
            .is_none()
            .then(|| String::from_utf8_lossy(&record.raw_payload).into_owned()))
    }

    /// The state machine of an execution, with the way that it took.
    pub(crate) fn drawing(&self, detail: &ExecutionDetailView) -> Result<Drawing, NotDone> {
        let mut id = [0; 32];
        hex::decode_to_slice(&detail.execution.definition, &mut id)
            .map_err(|_| NotDone::NotFound)?;
        let definition = self.workflows.find(&id, &*self.store)?;
        Ok(Drawing::new(&definition, detail))
    }

    /// Executions, newest first.
    pub(crate) fn executions(
        &self,
        query: &ExecutionQuery,
    ) -> Result<PageView<ExecutionView>, NotDone> {
        let filter = query.execution_filter()?;
        let page = self
            .store
            .list_executions(&filter, query.before, page_size(query.limit))?;
        Ok(page_view(&page, ExecutionView::listed))
    }

    /// One execution with its history: `id` is its id or its event's key.
    pub(crate) fn execution(
        &self,
        id: &str,
        with_body: bool,
    ) -> Result<ExecutionDetailView, NotDone> {
        let detail = self.find_execution(id)?;
        self.execution_view(&detail, with_body)
    }

    /// Stops or redrives an execution, and says how it stands then.
    pub(crate) async fn fulfil(
        &self,
        id: &str,
        wish: Wish,
        by: &By,
    ) -> Result<ExecutionDetailView, NotDone> {
        let sequence = self.find_execution(id)?.summary.sequence;
        let luck = (&*self.clock, &*self.luck);
        let action = match wish {
            Wish::Redrive => Action::Redrive,
            Wish::Stop { .. } => Action::Stop,
        };
        let done = operator::fulfil(wish, sequence, &*self.store, &self.workflows, luck);
        let act = (action, sequence.get().to_string());
        self.on_record(by, act, done).await?;
        let detail = self.store.execution(sequence)?.ok_or(NotDone::NotFound)?;
        self.execution_view(&detail, false)
    }

    /// The quarantine, newest first.
    pub(crate) fn quarantine(
        &self,
        query: &ListQuery,
    ) -> Result<PageView<QuarantineView>, NotDone> {
        let page = self
            .store
            .list_quarantined(query.before, page_size(query.limit))?;
        let mut view = page_view(&page, QuarantineView::new);
        let began = Instant::now();
        for item in &mut view.items {
            // A long page of long bodies would take seconds; the rest is explained one by one.
            if began.elapsed() > LISTING_PATIENCE {
                break;
            }
            let Some((_, delivery)) = self.store.quarantined(item.id)? else {
                continue;
            };
            item.findings = self
                .diagnose(&delivery)
                .map(|diagnosis| diagnosis.findings)
                .unwrap_or_default()
                .iter()
                .map(|finding| finding.code().to_owned())
                .collect();
        }
        Ok(view)
    }

    /// One quarantined delivery.
    pub(crate) fn quarantined(
        &self,
        id: u64,
        with_body: bool,
    ) -> Result<QuarantineDetailView, NotDone> {
        let (summary, delivery) = self.store.quarantined(id)?.ok_or(NotDone::NotFound)?;
        let diagnosis = self.diagnose(&delivery);
        let diagnosis: Vec<FindingView> = diagnosis
            .iter()
            .flat_map(|diagnosis| diagnosis.findings.iter().map(FindingView::new))
            .collect();
        // The same as a listing shows.
        let mut view = QuarantineView::new(&summary);
        view.findings = diagnosis.iter().map(|found| found.code.clone()).collect();
        Ok(QuarantineDetailView {
            delivery: view,
            headers: HeaderView::all(&delivery.headers),
            diagnosis,
            body: with_body.then(|| String::from_utf8_lossy(&delivery.body).into_owned()),
        })
    }

    /// Why a delivery's signature proves nothing, with the secrets of now; `None` when its source
    /// is not configured here, or when it would be admitted now.
    fn diagnose(&self, delivery: &RawDelivery) -> Option<Diagnosis> {
        let source = self
            .sources
            .iter()
            .find(|source| source.name == delivery.source)?;
        match source.provider.verify(delivery.clone(), &source.secrets) {
            Ok(_) => None,
            Err((refusal, delivery)) => Some(diagnose(refusal, &delivery, source, &self.sources)),
        }
    }

    fn new_trace(&self) -> TraceId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.luck.next_u64().to_be_bytes());
        bytes[8..].copy_from_slice(&self.luck.next_u64().to_be_bytes());
        TraceId::from_bytes(bytes)
    }

    /// Judges a quarantined delivery again.
    pub(crate) async fn promote(&self, id: u64, by: &By) -> Result<PromotedView, NotDone> {
        let source_of = |name: &str| {
            self.sources
                .iter()
                .find(|source| source.name.as_str() == name)
                .cloned()
        };
        let trace = self.new_trace();
        let done = operator::promote(id, &*self.upstream, source_of, &*self.store, trace);
        let act = (Action::Promote, id.to_string());
        let appended = self.on_record(by, act, done).await?;
        let word = |outcome: &Outcome| match outcome {
            Outcome::Stored => "stored".to_owned(),
            Outcome::Duplicate => "duplicate".to_owned(),
            Outcome::Conflict => "conflict".to_owned(),
        };
        Ok(PromotedView {
            payment_ids: appended
                .events
                .iter()
                .map(|(_, key)| key.payment_id.clone())
                .collect(),
            outcomes: appended
                .events
                .iter()
                .map(|(outcome, _)| word(outcome))
                .collect(),
        })
    }

    /// A piece of the change feed.
    pub(crate) fn changes(&self, query: &ChangeQuery) -> Result<ChangesView, NotDone> {
        let after = match query.after {
            Some(after) => Sequence::new(after),
            None => self.store.feed_head()?,
        };
        let (changes, end) = self
            .store
            .read_after(after, page_size(query.limit), &|_| true)?;
        Ok(ChangesView {
            items: changes.iter().map(ChangeView::new).collect(),
            after: end.get(),
        })
    }

    /// How much there is of everything.
    pub(crate) fn counts(&self) -> Result<CountsView, Unavailable> {
        Ok(self.store.counts()?.into())
    }

    fn find_event(&self, id: &str) -> Result<Option<EventDetail>, Unavailable> {
        if let Ok(number) = id.parse() {
            return self.store.event_at(Sequence::new(number));
        }
        // A name is half of a digest, which no index knows; ask for the key it came from.
        self.store.event(&EventKeyDigest::of_text(id))
    }

    fn find_execution(&self, id: &str) -> Result<ExecutionDetail, NotDone> {
        let sequence = match id.parse() {
            Ok(number) => Sequence::new(number),
            Err(_) => {
                self.find_event(id)?
                    .ok_or(NotDone::NotFound)?
                    .summary
                    .sequence
            }
        };
        self.store.execution(sequence)?.ok_or(NotDone::NotFound)
    }

    fn execution_view(
        &self,
        detail: &ExecutionDetail,
        with_body: bool,
    ) -> Result<ExecutionDetailView, NotDone> {
        let summary = &detail.summary;
        let definition = self.workflows.find(&summary.definition, &*self.store)?;
        let course = Course::new(definition, detail.change.clone(), summary.started_at);
        let steps = detail
            .steps
            .iter()
            .map(|step| Step::decode(&step.text))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|unreadable| NotDone::NotNow(unreadable.to_string()))?;
        let (execution, history) = course
            .history(&steps)
            .map_err(|error| NotDone::NotNow(error.to_string()))?;
        let mut view = ExecutionDetailView {
            execution: ExecutionView::new(summary, course.execution_name().to_owned()),
            state: execution.state_name().map(str::to_owned),
            retry_count: execution.retry_count(),
            redrive_count: execution.redrive_count(),
            output: execution.output(&course.input).cloned(),
            error: execution.error().map(str::to_owned),
            cause: execution.cause().map(str::to_owned),
            events: history
                .iter()
                .map(|event| event.to_json(&course.input))
                .collect(),
            input: course.input,
        };
        if !with_body && let Some(body) = detail.change.attribute("rawPayload") {
            let redaction = Redaction::of(body);
            redaction.apply(&mut view.input);
            if let Some(cause) = &mut view.cause {
                redaction.apply_to_text(cause);
            }
            view.output
                .iter_mut()
                .for_each(|output| redaction.apply(output));
            view.events
                .iter_mut()
                .for_each(|event| redaction.apply(event));
        }
        Ok(view)
    }
}

/// Takes a body out of everything that repeats it. A workflow may hand the body on as it is,
/// or as JSON text inside of JSON text, and history events do both.
struct Redaction {
    forms: Vec<String>,
}

impl Redaction {
    fn of(body: &str) -> Self {
        let mut forms = vec![body.to_owned()];
        for _ in 0..2 {
            let inner = forms.last().cloned().unwrap_or_default();
            let quoted = serde_json::Value::String(inner).to_string();
            forms.push(
                quoted
                    .get(1..quoted.len() - 1)
                    .unwrap_or_default()
                    .to_owned(),
            );
        }
        // The longest form first: a shorter one may be part of it.
        forms.reverse();
        Self { forms }
    }

    fn apply_to_text(&self, text: &mut String) {
        for form in &self.forms {
            if text.contains(form.as_str()) {
                *text = text.replace(form.as_str(), "(body not shown)");
            }
        }
    }

    fn apply(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) => self.apply_to_text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.apply(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.apply(field)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

fn page_size(limit: Option<usize>) -> usize {
    limit.unwrap_or(50).clamp(1, PAGE_MAX)
}

fn page_view<T, V>(page: &Page<T>, view: impl Fn(&T) -> V) -> PageView<V> {
    PageView {
        items: page.items.iter().map(view).collect(),
        next: page.next,
    }
}
