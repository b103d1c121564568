//! What one transaction says, and what its refusal means. Pure: [`crate::event_log`] does it.
//!
//! Each event of a delivery is two puts: its event key, if nobody has claimed it, and its record,
//! if no record has its name. Up to fifty of them stand in one `TransactWriteItems`, so that either
//! every new one of these is kept or none is. When the service refuses, it says for each put
//! why: a claimed key makes its event a duplicate or a conflict, which is settled; a taken name
//! means that the payment's newest record is newer than it was, and the event is tried again.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::CancellationReason;
use domain::admit::Vouched;
use domain::delivery::RawDelivery;
use domain::event::{EventKeyDigest, PaymentEvent};
use domain::record::{EventRecord, RecordKey};
use domain::time::{Millis, Timestamp};
use domain::trace::TraceContext;
use engine::store::{Custody, NotKept, Outcome};

use crate::attributes::{self, Item, Misread, text_of};
use crate::item;
use crate::tables::{Retention, expires_at};

/// The sort key of an event key's claim, beside which its conflicts stand.
pub(crate) const CLAIM: &str = "claim";

/// Most bytes of one item
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html>).
pub(crate) const ITEM_BYTES_MAX: usize = 400 * 1024;

/// Most bytes of all items of one transaction.
pub(crate) const TRANSACTION_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Actions of one transaction. A delivery of more events takes several of them, and is answered
/// after the last; a crash in between leaves whole events, and the sender's retry brings the rest.
const TRANSACTION_ACTIONS_MAX: usize = 100;

/// A delivery on its way into custody, event by event.
#[derive(Debug)]
pub(crate) struct Append<'a> {
    delivery: &'a RawDelivery,
    secret_label: &'a str,
    vouched: Vouched,
    trace: TraceContext,
    /// One entry for each distinct key, in the order of the delivery.
    events: Vec<Pending<'a>>,
}

#[derive(Debug)]
struct Pending<'a> {
    event: &'a PaymentEvent,
    digest: EventKeyDigest,
    fate: Option<(Outcome, RecordKey)>,
}

/// The two items of one event.
#[derive(Debug)]
pub(crate) struct Puts {
    /// Which of the pending events.
    index: usize,
    /// What the record will be called.
    key: RecordKey,
    /// The claim of its event key.
    pub(crate) claim: Item,
    /// The record.
    pub(crate) record: Item,
}

/// What is to be done after a transaction was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Some events are settled, or names were taken: plan anew what is left.
    PlanAnew,
    /// Somebody else was writing the same items in that moment: wait a little first.
    Collided,
    /// For a reason that planning anew does not mend.
    Broken,
}

impl<'a> Append<'a> {
    pub(crate) fn new(custody: &'a Custody) -> Self {
        let mut events: Vec<Pending<'a>> = Vec::new();
        for event in custody.admitted.events() {
            let digest = event.key.digest();
            if events.iter().all(|pending| pending.digest != digest) {
                events.push(Pending {
                    event,
                    digest,
                    fate: None,
                });
            }
        }
        Self {
            delivery: custody.admitted.delivery(),
            secret_label: custody.admitted.secret_label(),
            vouched: custody.admitted.vouched(),
            trace: custody.trace,
            events,
        }
    }

    /// The payments whose newest record must be known before [`Self::plan`].
    pub(crate) fn open_payments(&self) -> Vec<&'a str> {
        let open = self.events.iter().filter(|pending| pending.fate.is_none());
        let mut payments: Vec<_> = open
            .map(|pending| pending.event.payment_id.as_str())
            .collect();
        payments.sort_unstable();
        payments.dedup();
        payments
    }

    /// The puts of every event that is open still; none when all are settled. `newest` holds the
    /// time of the newest record of each payment that has one, and is moved on.
    pub(crate) fn plan(
        &self,
        newest: &mut HashMap<&'a str, Timestamp>,
        retention: Retention,
    ) -> Result<Vec<Puts>, NotKept> {
        let mut puts = Vec::new();
        let mut total = 0_usize;
        for (index, pending) in self.events.iter().enumerate() {
            if pending.fate.is_some() {
                continue;
            }
            // What is more stands in the next transaction; the delivery is answered after the last.
            if puts.len() >= TRANSACTION_ACTIONS_MAX / 2 {
                break;
            }
            let payment = pending.event.payment_id.as_str();
            let received_at = self.delivery.received_at;
            let timestamp = newest.get(payment).map_or(received_at, |newest| {
                received_at.max(newest.after(Millis::new(1)))
            });
            newest.insert(payment, timestamp);
            let put = self.puts(index, timestamp, retention);
            for item in [&put.claim, &put.record] {
                let bytes = attributes::weight(item);
                total = total.saturating_add(bytes);
                fits(bytes, ITEM_BYTES_MAX)?;
            }
            puts.push(put);
        }
        fits(total, TRANSACTION_BYTES_MAX)?;
        Ok(puts)
    }

    fn puts(&self, index: usize, timestamp: Timestamp, retention: Retention) -> Puts {
        let pending = &self.events[index];
        let raw = self.delivery;
        let key = RecordKey {
            payment_id: pending.event.payment_id.clone(),
            timestamp,
        };
        let record = EventRecord::new(key.clone(), pending.event, raw, self.trace);
        let mut claim = item::key(&key);
        let mut put = |name: &str, value| claim.insert(name.to_owned(), value);
        put("eventKey", attributes::text(pending.digest.to_string()));
        put("entry", attributes::text(CLAIM));
        put("event", attributes::text(pending.event.key.to_string()));
        let content = pending.event.content_hash(raw.body_hash());
        put("bodyHash", attributes::text(content.to_string()));
        put("headers", attributes::of_headers(&raw.headers));
        put("secretLabel", attributes::text(self.secret_label));
        if self.vouched != Vouched::Verified {
            put("vouched", attributes::text(self.vouched.as_str()));
        }
        put(
            "expiresAt",
            attributes::number(expires_at(raw.received_at, retention.event_key_days)),
        );
        Puts {
            index,
            key,
            claim,
            record: item::of_record(&record),
        }
    }

    /// Every event of the puts is kept.
    pub(crate) fn stored(&mut self, puts: Vec<Puts>) {
        for put in puts {
            self.events[put.index].fate = Some((Outcome::Stored, put.key));
        }
    }

    /// Reads a refusal: `reasons` are in the order of the puts, claim before record.
    pub(crate) fn refused(
        &mut self,
        puts: &[Puts],
        reasons: &[CancellationReason],
    ) -> Result<Refused, Misread> {
        let body_hash = self.delivery.body_hash();
        let mut next = Refused::Broken;
        for (put, pair) in puts.iter().zip(reasons.chunks(2)) {
            for (place, reason) in pair.iter().enumerate() {
                match reason.code().unwrap_or_default() {
                    "ConditionalCheckFailed" => {
                        next = Refused::PlanAnew;
                        if place == 0 {
                            let claim = reason.item().ok_or(Misread("eventKey"))?;
                            let content = self.events[put.index].event.content_hash(body_hash);
                            let outcome = if text_of(claim, "bodyHash")? == content.to_string() {
                                Outcome::Duplicate
                            } else {
                                Outcome::Conflict
                            };
                            let key = item::to_key(claim)?;
                            self.events[put.index].fate = Some((outcome, key));
                        }
                    }
                    "TransactionConflict" if next == Refused::Broken => next = Refused::Collided,
                    _ => {}
                }
            }
        }
        Ok(next)
    }

    /// The keys that others' bytes have claimed.
    pub(crate) fn conflicts(&self) -> Vec<EventKeyDigest> {
        let is_conflict =
            |pending: &&Pending<'_>| matches!(pending.fate, Some((Outcome::Conflict, _)));
        let conflicts = self.events.iter().filter(is_conflict);
        conflicts.map(|pending| pending.digest).collect()
    }

    /// What became of each event, in the delivery's order; nothing while one is open. A key that
    /// stands twice in one delivery is a duplicate of itself.
    pub(crate) fn fates(self, custody: &Custody) -> Option<Vec<(Outcome, RecordKey)>> {
        let mut told = Vec::new();
        let mut seen = Vec::new();
        for event in custody.admitted.events() {
            let digest = event.key.digest();
            let pending = self.events.iter().find(|each| each.digest == digest)?;
            let (mut outcome, key) = pending.fate.clone()?;
            if seen.contains(&digest) && outcome == Outcome::Stored {
                outcome = Outcome::Duplicate;
            }
            seen.push(digest);
            told.push((outcome, key));
        }
        Some(told)
    }
}

fn fits(bytes: usize, bytes_max: usize) -> Result<(), NotKept> {
    if bytes > bytes_max {
        return Err(NotKept::TooLarge { bytes, bytes_max });
    }
    Ok(())
}
