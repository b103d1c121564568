//! Flutterwave's current API (v4): signed over the body. The older one is
//! [`flutterwave_v3`](super::flutterwave_v3).
//!
//! The event of a refund names no currency: without the source's `currency` its sum is not known,
//! and it goes to a person.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::read::{self, Reading};
use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Occasion, Sample, Story};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::json::Object;
use crate::meaning::{DisputeOutcome, Fact, RefundOutcome};
use crate::payment::PaymentRules;
use crate::signature::{HmacScheme, Scheme, SignatureEncoding};
use crate::status::PaymentStatus;

const NAME: &str = "flutterwave";

/// Flutterwave v4.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Flutterwave (v4)",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "flutterwave-signature",
        algorithm: "HMAC-SHA-256 in base64; the key is the secret hash of the dashboard",
        signed: "{body}",
        tolerance: "none: the body's timestamp is signed, but nobody says how old it may be",
        dedupe: "webhook_id",
        fields: "data.id, or data.charge_id of a refund; data.amount or data.amount_refunded (major); data.currency, or the source's `currency`; type and data.status",
        retries: "not documented",
        sources: &["https://developer.flutterwave.com/docs/webhooks"],
        evidence: Evidence::DocumentationOnly,
        unconfirmed: "the retries, and that webhook_id stays the same over them; the events of chargebacks; no signature by Flutterwave is published",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        encoding: SignatureEncoding::Base64,
        ..HmacScheme::plain("flutterwave-signature")
    }))
}

fn read(delivery: &RawDelivery, settings: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("type").unwrap_or_default();
    let reading = Reading::new(delivery, NAME, &event_type)
        .event_id(body.text("webhook_id"))
        .occurred_at(read::millis(body.scalar("timestamp")));
    let reading = match body.object("data") {
        Some(data) => about(reading, &event_type, &data, settings),
        None => reading.problem("data is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(
    reading: Reading<'a>,
    event_type: &str,
    data: &Object<'_>,
    settings: &Settings,
) -> Reading<'a> {
    let fact = fact(event_type, data);
    let currency = data.text("currency");
    let currency = currency
        .as_deref()
        .or_else(|| settings.currency.as_ref().map(|currency| currency.code()));
    let amount = data
        .scalar("amount_refunded")
        .or_else(|| data.scalar("amount"));
    let money = read::major(amount.as_deref(), currency, SPEC.exponents);
    let operation = match fact {
        Fact::Refund { .. } | Fact::Dispute { .. } => data.text("id"),
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::RefundedTotal
        | Fact::Other
        | Fact::Unreadable { .. } => None,
    };
    reading
        .payment_id(data.text("charge_id").or_else(|| data.text("id")))
        .operation(operation)
        .status(data.text("status"))
        .tells(fact, money)
}

fn fact(event_type: &str, data: &Object<'_>) -> Fact {
    use PaymentStatus::{Canceled, Captured, Failed, Pending};
    let payment = |status| Fact::Payment { status };
    let refund = |outcome| Fact::Refund { outcome };
    let word = data.text("status");
    match (event_type, word.as_deref()) {
        // Completed is the attempt, not the payment.
        ("charge.completed", Some("succeeded")) => payment(Captured),
        ("charge.completed", Some("failed")) | ("charge.failed", _) => payment(Failed),
        ("charge.completed", Some("pending")) => payment(Pending),
        ("charge.completed", Some("voided")) => payment(Canceled),
        ("refund.completed", Some("succeeded" | "completed")) => refund(RefundOutcome::Succeeded),
        ("refund.completed", Some("failed" | "cancelled")) | ("refund.failed", _) => {
            refund(RefundOutcome::Failed)
        }
        ("refund.completed", _) => refund(RefundOutcome::Pending),
        ("chargeback.created", _) => Fact::Dispute {
            outcome: DisputeOutcome::Open,
        },
        (_, _) => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, status) = match story.occasion {
        Occasion::Pending => ("charge.completed", "pending"),
        Occasion::Captured => ("charge.completed", "succeeded"),
        Occasion::Failed => ("charge.completed", "failed"),
        Occasion::Refunded => ("refund.completed", "succeeded"),
        Occasion::Created
        | Occasion::RequiresAction
        | Occasion::Authorized
        | Occasion::Canceled
        | Occasion::Expired
        | Occasion::Disputed
        | Occasion::DisputeWon
        | Occasion::DisputeLost => return None,
    };
    let payment_id = format!("chg_{}", story.payment);
    let amount = story.major(story.currency.exponent())?;
    let data = match event_type {
        "refund.completed" => refund(story, status, &amount),
        _ => charge(story, status, &amount),
    };
    let body = format!(
        r#"{{"webhook_id":"wbk_{}","timestamp":{},"type":"{event_type}","data":{data}}}"#,
        story.event,
        story.at.as_millis(),
    );
    Some(Sample::json(body, payment_id, event_type))
}

fn charge(story: &Story, status: &str, amount: &str) -> String {
    format!(
        r#"{{"id":"chg_{}","amount":{amount},"currency":"{}","customer":{{"id":"cus_{}","email":"customer@shop.example"}},"meta":{{}},"payment_method":{{"type":"card"}},"redirect_url":null,"reference":"order-{}","status":"{status}","processor_response":{{"type":"approved","code":"00"}},"created_datetime":"{}"}}"#,
        story.payment,
        story.currency,
        story.payment,
        story.payment,
        story.at.to_iso(),
    )
}

fn refund(story: &Story, status: &str, amount: &str) -> String {
    format!(
        r#"{{"id":"rfd_{}","meta":{{}},"amount_refunded":{amount},"reason":"requested_by_customer","status":"{status}","charge_id":"chg_{}","created_datetime":"{}"}}"#,
        story.event,
        story.payment,
        story.at.to_iso(),
    )
}
