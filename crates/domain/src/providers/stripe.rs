//! Stripe: events with a timestamped HMAC, `v1` perhaps several times while a secret is rolled.

use alloc::borrow::ToOwned;
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
use crate::signature::{
    HeaderForm, HmacScheme, Scheme, Template, TimeSource, TimeUnit, TimestampRule,
};
use crate::status::PaymentStatus;
use crate::time::Millis;

const NAME: &str = "stripe";

/// Stripe.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Stripe",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Minor,
    // ISK and UGX are sent with two decimals for compatibility, the fraction always 00; MGA without,
    // though a fifth of it exists.
    exponents: &[("ISK", 2), ("MGA", 0), ("UGX", 2)],
    rules: PaymentRules {
        // One PaymentIntent is tried with another card after a failure.
        may_succeed_after_failure: true,
        may_succeed_after_end: false,
    },
    facts: Facts {
        header: "Stripe-Signature: t=…,v1=…[,v1=…]",
        algorithm: "HMAC-SHA-256 in hex; the key is the whole whsec_… text; v0 never counts",
        signed: "{timestamp}.{body}",
        tolerance: "300 s either way",
        dedupe: "id (evt_…)",
        fields: "data.object.payment_intent or .id; amount, amount_received or amount_total (minor); currency; type and status",
        retries: "3 days with growing pauses in live mode, 3 times in a sandbox; events can be listed for 30 days",
        sources: &[
            "https://docs.stripe.com/webhooks#verify-manually",
            "https://docs.stripe.com/currencies",
            "https://docs.stripe.com/webhooks/process-undelivered-events",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "",
    },
};

const TOLERANCE: Millis = Millis::from_secs(300);

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        form: HeaderForm::Pairs {
            separator: ',',
            signature: "v1".to_owned(),
        },
        signed: alloc::vec![Template::parse("{timestamp}.{body}")?],
        timestamp: Some(TimestampRule {
            source: TimeSource::Pair("t".to_owned()),
            unit: TimeUnit::Seconds,
            past_max: Some(TOLERANCE),
            future_max: Some(TOLERANCE),
        }),
        ..HmacScheme::plain("stripe-signature")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("type").unwrap_or_default();
    let reading = Reading::new(delivery, NAME, &event_type)
        .event_id(body.text("id"))
        .occurred_at(read::seconds(body.scalar("created")))
        .live(body.flag("livemode"))
        .account(body.text("account"));
    let reading = match body.object_at(&["data", "object"]) {
        Some(object) => about(reading, &event_type, &object),
        None => reading.problem("data.object is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(reading: Reading<'a>, event_type: &str, object: &Object<'a>) -> Reading<'a> {
    // A session without an intent (a subscription's, or one that nobody has paid) is no payment:
    // the invoice's own intent tells of the money, under another id.
    let is_session = event_type.starts_with("checkout.session.");
    let fact = if is_session && object.text("payment_intent").is_none() {
        Fact::Other
    } else {
        fact(event_type, object)
    };
    let payment_id = object
        .text("payment_intent")
        // A charge of the time before PaymentIntents, and objects that are payments themselves.
        .or_else(|| object.text("charge"))
        .or_else(|| object.text("id"));
    let operation = match fact {
        Fact::Refund { .. } | Fact::Dispute { .. } => object.text("id"),
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::RefundedTotal
        | Fact::Other
        | Fact::Unreadable { .. } => None,
    };
    let name = match (&fact, event_type) {
        (Fact::RefundedTotal, _) => "amount_refunded",
        (_, "payment_intent.succeeded") if object.raw("amount_received").is_some() => {
            "amount_received"
        }
        (_, "charge.succeeded" | "charge.captured")
            if object.raw("amount_captured").is_some() && object.flag("captured") == Some(true) =>
        {
            "amount_captured"
        }
        (_, each) if each.starts_with("checkout.session.") => "amount_total",
        (_, _) => "amount",
    };
    let money = read::minor(
        object.scalar(name).as_deref(),
        object.text("currency").as_deref(),
        SPEC.exponents,
    );
    reading
        .payment_id(payment_id)
        .status(object.text("status"))
        .operation(operation)
        .tells(fact, money)
}

fn fact(event_type: &str, object: &Object<'_>) -> Fact {
    use PaymentStatus::{
        Authorized, Canceled, Captured, Created, Expired, Failed, Pending, RequiresAction,
    };
    let payment = |status| Fact::Payment { status };
    let word = object.text("status");
    match event_type {
        "payment_intent.created" => payment(Created),
        "payment_intent.processing" | "charge.pending" => payment(Pending),
        "payment_intent.requires_action" => payment(RequiresAction),
        "payment_intent.amount_capturable_updated" => payment(Authorized),
        "payment_intent.succeeded" | "charge.captured" => payment(Captured),
        // A charge that succeeded may be an authorization only.
        "charge.succeeded" => match object.flag("captured") {
            Some(false) => payment(Authorized),
            Some(true) | None => payment(Captured),
        },
        "payment_intent.payment_failed" | "charge.failed" => payment(Failed),
        "payment_intent.canceled" => payment(Canceled),
        "charge.expired" | "checkout.session.expired" => payment(Expired),
        "checkout.session.async_payment_succeeded" => payment(Captured),
        "checkout.session.async_payment_failed" => payment(Failed),
        "checkout.session.completed" => match object.text("payment_status").as_deref() {
            Some("paid") => payment(Captured),
            Some(_) | None => payment(Pending),
        },
        "charge.refunded" => Fact::RefundedTotal,
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            let outcome = match word.as_deref() {
                Some("succeeded") => RefundOutcome::Succeeded,
                Some("failed" | "canceled") => RefundOutcome::Failed,
                Some(_) | None => RefundOutcome::Pending,
            };
            Fact::Refund { outcome }
        }
        // Won and lost are told by the same event; a warning that was closed cost nothing.
        "charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated" => {
            let outcome = match word.as_deref() {
                Some("won" | "warning_closed" | "prevented") => DisputeOutcome::Won,
                Some("lost") => DisputeOutcome::Lost,
                Some(_) | None => DisputeOutcome::Open,
            };
            Fact::Dispute { outcome }
        }
        _ => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let payment_id = format!("pi_{}", story.payment);
    let units = story.minor(story.exponent(SPEC.exponents))?;
    let (event_type, status) = match story.occasion {
        Occasion::Created => ("payment_intent.created", "requires_payment_method"),
        Occasion::Pending => ("payment_intent.processing", "processing"),
        Occasion::RequiresAction => ("payment_intent.requires_action", "requires_action"),
        Occasion::Authorized => (
            "payment_intent.amount_capturable_updated",
            "requires_capture",
        ),
        Occasion::Captured => ("payment_intent.succeeded", "succeeded"),
        Occasion::Failed => ("payment_intent.payment_failed", "requires_payment_method"),
        Occasion::Canceled => ("payment_intent.canceled", "canceled"),
        Occasion::Expired => ("charge.expired", "failed"),
        Occasion::Refunded => ("charge.refunded", "succeeded"),
        Occasion::Disputed => ("charge.dispute.created", "needs_response"),
        Occasion::DisputeWon => ("charge.dispute.closed", "won"),
        Occasion::DisputeLost => ("charge.dispute.closed", "lost"),
    };
    let object = object(story, event_type, status, &payment_id, &units);
    let body = format!(
        r#"{{
  "id": "evt_{}",
  "object": "event",
  "api_version": "2024-06-20",
  "created": {},
  "data": {{
    "object": {object}
  }},
  "livemode": {},
  "pending_webhooks": 1,
  "request": {{
    "id": null,
    "idempotency_key": null
  }},
  "type": "{event_type}"
}}"#,
        story.event,
        story.at.as_millis().div_euclid(1000),
        story.live,
    );
    Some(Sample::json(body, payment_id, event_type))
}

fn object(story: &Story, event_type: &str, status: &str, payment_id: &str, units: &str) -> String {
    let currency = story.currency.code().to_ascii_lowercase();
    let id = &story.payment;
    match event_type.split('.').nth(1) {
        Some("dispute") => format!(
            r#"{{"id": "du_{id}", "object": "dispute", "amount": {units}, "charge": "ch_{id}", "currency": "{currency}", "payment_intent": "{payment_id}", "reason": "fraudulent", "status": "{status}"}}"#
        ),
        Some("refunded") => format!(
            r#"{{"id": "ch_{id}", "object": "charge", "amount": {units}, "amount_captured": {units}, "amount_refunded": {units}, "captured": true, "currency": "{currency}", "payment_intent": "{payment_id}", "refunded": true, "status": "{status}"}}"#
        ),
        Some("expired") => format!(
            r#"{{"id": "ch_{id}", "object": "charge", "amount": {units}, "amount_captured": 0, "captured": false, "currency": "{currency}", "payment_intent": "{payment_id}", "status": "{status}"}}"#
        ),
        Some(_) | None => {
            let received = if status == "succeeded" { units } else { "0" };
            format!(
                r#"{{"id": "{payment_id}", "object": "payment_intent", "amount": {units}, "amount_received": {received}, "capture_method": "automatic", "currency": "{currency}", "latest_charge": "ch_{id}", "status": "{status}"}}"#
            )
        }
    }
}
