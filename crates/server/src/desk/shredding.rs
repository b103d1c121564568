//! Shredding, at the desk: first what would go, then, confirmed and on record, it goes.

use engine::operator::NotDone;
use engine::store::{Action, EventFilter, EventSummary, Shred, Shredded, Store};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{By, Desk, PAGE_MAX};
use crate::view::{ShreddedEventView, ShreddedView};

/// What is to be shredded, and why.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    { "required": ["event"], "properties": { "event": { "type": "string" } } },
    { "required": ["payment"], "properties": { "payment": { "type": "string" } } },
]))]
pub(crate) struct ShredRequest {
    /// One event, by its id or its key such as `generic/evt_1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) event: Option<String>,
    /// Or every event of this payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment: Option<String>,
    /// Of the payment's events only those of this source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// Whether events may go along that came in the same delivery as one of these.
    pub(crate) with_others: bool,
    /// Whether it is done. Otherwise it is only said what would go.
    pub(crate) confirm: bool,
    /// Why, for whoever reads the audit log. Nothing is destroyed without a reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

impl<S: Store> Desk<S> {
    /// Destroys what was received for one event or for all of a payment; or says what would go.
    pub(crate) async fn shred(
        &self,
        request: &ShredRequest,
        by: &By,
    ) -> Result<ShreddedView, NotDone> {
        let (target, events) = self.to_be_shredded(request)?;
        if !request.confirm {
            return Ok(view(false, &events));
        }
        if by.reason().is_empty() {
            return Err(NotDone::Nonsense(
                "what is destroyed is gone for good: say why (`reason`)".to_owned(),
            ));
        }
        let shred = Shred {
            events: events.iter().map(|event| event.sequence).collect(),
            with_others: request.with_others,
            // Where no pipe runs nobody will ever read them.
            with_unread: !self.has_workflow,
            at: self.clock.now(),
        };
        let done = async { outcome(self.store.shred(shred).await?) };
        let gone = self.on_record(by, (Action::Shred, target), done).await?;
        let mut events = Vec::new();
        for sequence in gone {
            let detail = self.store.event_at(sequence)?;
            events.extend(detail.map(|detail| detail.summary));
        }
        Ok(view(true, &events))
    }

    /// What it is called in the audit log, and its events.
    fn to_be_shredded(
        &self,
        request: &ShredRequest,
    ) -> Result<(String, Vec<EventSummary>), NotDone> {
        match (&request.event, &request.payment) {
            (Some(id), None) => {
                let detail = self.find_event(id)?.ok_or(NotDone::NotFound)?;
                let target = format!("event {}", detail.summary.sequence.get());
                Ok((target, vec![detail.summary]))
            }
            (None, Some(payment)) => {
                let filter = EventFilter {
                    payment_id: Some(payment.clone()),
                    source: request.source.clone(),
                    ..EventFilter::default()
                };
                let (mut events, mut before) = (Vec::new(), None);
                loop {
                    let page = self.store.list_events(&filter, before, PAGE_MAX)?;
                    events.extend(page.items);
                    match page.next {
                        Some(next) => before = Some(next),
                        None => break,
                    }
                }
                if events.is_empty() {
                    return Err(NotDone::NotFound);
                }
                events.sort_by_key(|event| event.sequence);
                Ok((format!("payment {payment}"), events))
            }
            (Some(_), Some(_)) | (None, None) => Err(NotDone::Nonsense(
                "say either an `event` or a `payment`".to_owned(),
            )),
        }
    }
}

fn outcome(shredded: Shredded) -> Result<Vec<domain::stream::Sequence>, NotDone> {
    match shredded {
        Shredded::Done { events } => Ok(events),
        Shredded::NoSuch { .. } => Err(NotDone::NotFound),
        Shredded::Busy { event } => Err(NotDone::NotNow(format!(
            "event {} is still being processed, or will be: wait for its end, or stop its \
             execution first",
            event.get()
        ))),
        Shredded::Shared { others } => {
            let others: Vec<String> = others.iter().map(|each| each.get().to_string()).collect();
            Err(NotDone::NotNow(format!(
                "the same delivery brought event {} too, and its bytes are the same: say that \
                 those may go along (`withOthers`, --with-others)",
                others.join(", ")
            )))
        }
    }
}

fn view(done: bool, events: &[EventSummary]) -> ShreddedView {
    ShreddedView {
        done,
        events: events.iter().map(ShreddedEventView::new).collect(),
    }
}
