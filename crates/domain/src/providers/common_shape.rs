//! What senders of a free body mostly agree on, for the schemes that say nothing of it:
//! `{"type", "timestamp", "data": {…}}`, as Standard Webhooks recommends it, with names such as
//! `payment.captured`. Amounts are decimals in the major unit.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

use super::read::{self, Reading};
use super::story::{Occasion, Sample, Story};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::json::Object;
use crate::meaning::{DisputeOutcome, Fact, RefundOutcome};
use crate::status::PaymentStatus;

/// Where it all stands, for people.
pub(super) const FIELDS: &str = "data.paymentId, .payment_id or .id; data.amount (major); data.currency; type, such as payment.captured, and data.status";

/// Reads the one event of a delivery. `event_id` must be signed.
pub(super) fn read(
    delivery: &RawDelivery,
    provider: &'static str,
    event_id: Option<&str>,
) -> Vec<PaymentEvent> {
    let body = match read::body(delivery, provider) {
        Ok(body) => body,
        Err(unreadable) => return unreadable,
    };
    let event_type = body.text("type").unwrap_or_default();
    let reading = Reading::new(delivery, provider, &event_type)
        .event_id(event_id)
        .occurred_at(read::iso(body.text("timestamp")));
    let fact = fact(&event_type);
    let reading = match body.object("data") {
        Some(data) => about(reading, fact, &data),
        None if fact == Fact::Other => reading,
        None => reading.problem("data is missing"),
    };
    alloc::vec![reading.finish()]
}

fn about<'a>(reading: Reading<'a>, fact: Fact, data: &Object<'a>) -> Reading<'a> {
    let payment_id = either(data, "paymentId", "payment_id");
    // Beside a payment's id, `id` is that of the refund or dispute itself.
    let own = data.scalar("id").filter(|_| payment_id.is_some());
    let operation = match fact {
        Fact::Refund { .. } => either(data, "refundId", "refund_id").or(own),
        Fact::Dispute { .. } => either(data, "disputeId", "dispute_id").or(own),
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::RefundedTotal
        | Fact::Other
        | Fact::Unreadable { .. } => None,
    };
    let money = read::major(
        data.scalar("amount").as_deref(),
        data.text("currency").as_deref(),
        &[],
    );
    reading
        .payment_id(payment_id.or_else(|| data.scalar("id")))
        .status(data.text("status"))
        .operation(operation)
        .tells(fact, money)
}

fn either<'a>(data: &Object<'a>, one: &str, other: &str) -> Option<Cow<'a, str>> {
    data.scalar(one).or_else(|| data.scalar(other))
}

fn fact(event_type: &str) -> Fact {
    use PaymentStatus::{
        Authorized, Canceled, Captured, Created, Expired, Failed, Pending, RequiresAction,
    };
    let payment = |status| Fact::Payment { status };
    let refund = |outcome| Fact::Refund { outcome };
    let dispute = |outcome| Fact::Dispute { outcome };
    match event_type {
        "payment.created" => payment(Created),
        "payment.pending" | "payment.processing" => payment(Pending),
        "payment.requires_action" => payment(RequiresAction),
        "payment.authorized" => payment(Authorized),
        "payment.captured" | "payment.succeeded" | "payment.paid" | "payment.completed"
        | "payment.settled" => payment(Captured),
        "payment.failed" | "payment.declined" => payment(Failed),
        "payment.canceled" | "payment.cancelled" | "payment.voided" => payment(Canceled),
        "payment.expired" => payment(Expired),
        "refund.created" | "refund.pending" => refund(RefundOutcome::Pending),
        "payment.refunded" | "refund.succeeded" | "refund.completed" => {
            refund(RefundOutcome::Succeeded)
        }
        "refund.failed" => refund(RefundOutcome::Failed),
        "payment.disputed" | "dispute.created" | "dispute.opened" => dispute(DisputeOutcome::Open),
        "dispute.won" => dispute(DisputeOutcome::Won),
        "dispute.lost" => dispute(DisputeOutcome::Lost),
        _ => Fact::Other,
    }
}

/// A delivery of this shape, before it is signed.
pub(super) fn sample(story: &Story) -> Option<Sample> {
    let (event_type, status) = match story.occasion {
        Occasion::Created => ("payment.created", "created"),
        Occasion::Pending => ("payment.pending", "pending"),
        Occasion::RequiresAction => ("payment.requires_action", "requires_action"),
        Occasion::Authorized => ("payment.authorized", "authorized"),
        Occasion::Captured => ("payment.captured", "captured"),
        Occasion::Failed => ("payment.failed", "failed"),
        Occasion::Canceled => ("payment.canceled", "canceled"),
        Occasion::Expired => ("payment.expired", "expired"),
        Occasion::Refunded => ("refund.succeeded", "succeeded"),
        Occasion::Disputed => ("dispute.created", "open"),
        Occasion::DisputeWon => ("dispute.won", "won"),
        Occasion::DisputeLost => ("dispute.lost", "lost"),
    };
    let payment_id = format!("pay_{}", story.payment);
    let amount = story.major(story.exponent(&[]))?;
    let ids = match event_type.split_once('.') {
        Some(("refund", _)) => format!(r#""id":"re_{}","payment_id":"{payment_id}""#, story.event),
        Some(("dispute", _)) => {
            format!(r#""id":"dp_{}","payment_id":"{payment_id}""#, story.payment)
        }
        Some(_) | None => format!(r#""id":"{payment_id}""#),
    };
    let body = format!(
        r#"{{"type":"{event_type}","timestamp":"{}","data":{{{ids},"amount":"{amount}","currency":"{}","status":"{status}"}}}}"#,
        story.at.to_iso(),
        story.currency,
    );
    Some(Sample::json(body, payment_id, event_type))
}
