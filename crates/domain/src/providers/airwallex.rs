//! Airwallex: an intent is the payment, and is tried in attempts; an attempt that fails leaves the
//! intent open for the next.

use alloc::borrow::ToOwned;
use alloc::format;
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
use crate::signature::{HmacScheme, Scheme, Template, TimeSource, TimeUnit, TimestampRule};
use crate::status::PaymentStatus;

const NAME: &str = "airwallex";

/// Airwallex.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Airwallex",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules {
        // One intent is tried with another attempt after a failure.
        may_succeed_after_failure: true,
        may_succeed_after_end: false,
    },
    facts: Facts {
        header: "x-signature; x-timestamp",
        algorithm: "HMAC-SHA-256 in hex; the key is the webhook's secret as text",
        signed: "{x-timestamp}{body}, nothing between them",
        tolerance: "none documented; the time is signed, and can be bounded",
        dedupe: "id (evt_…)",
        fields: "data.object.payment_intent_id or .id; .captured_amount or .amount (major); .currency; name and .status",
        retries: "about 3 days with growing pauses, until 200",
        sources: &[
            "https://www.airwallex.com/docs/developer-tools/webhooks/listen-for-webhook-events",
            "https://www.airwallex.com/docs/developer-tools/webhooks/webhooks-overview",
            "https://www.airwallex.com/docs/payments/reference/payments-webhooks",
        ],
        evidence: Evidence::IndependentLibrary,
        unconfirmed: "a tolerance of the time",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        signed: alloc::vec![Template::parse("{timestamp}{body}")?],
        timestamp: Some(TimestampRule {
            source: TimeSource::Header("x-timestamp".to_owned()),
            unit: TimeUnit::Millis,
            past_max: None,
            future_max: None,
        }),
        ..HmacScheme::plain("x-signature")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("name").unwrap_or_default();
    let fact = fact(&event_type);
    let reading = Reading::new(delivery, NAME, &event_type)
        .event_id(body.text("id"))
        .occurred_at(read::iso(body.text("created_at")))
        .account(body.text("accountId").or_else(|| body.text("account_id")));
    let reading = match body.object_at(&["data", "object"]) {
        Some(object) => about(reading, fact, &object),
        // Products other than payments have no object in their data.
        None if fact == Fact::Other => reading,
        None => reading.problem("data.object is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(reading: Reading<'a>, fact: Fact, object: &Object<'a>) -> Reading<'a> {
    let id = object.text("id");
    // Attempts, refunds and disputes name the intent that they belong to.
    let intent = object.text("payment_intent_id");
    let operation = match &intent {
        Some(_) => id.clone(),
        // By its attempt, a capture that fell through later is known for the one that was told.
        None => object
            .object("latest_payment_attempt")
            .and_then(|attempt| attempt.text("id")),
    };
    let is_captured = fact
        == Fact::Payment {
            status: PaymentStatus::Captured,
        };
    // An attempt whose capture was asked for may not have counted it yet.
    let captured = object
        .scalar("captured_amount")
        .filter(|amount| is_captured && amount.bytes().any(|byte| matches!(byte, b'1'..=b'9')));
    let money = read::major(
        captured.or_else(|| object.scalar("amount")).as_deref(),
        object.text("currency").as_deref(),
        SPEC.exponents,
    );
    reading
        .payment_id(intent.or(id))
        .status(object.text("status"))
        .operation(operation)
        .tells(fact, money)
}

fn fact(event_type: &str) -> Fact {
    use PaymentStatus::{Authorized, Canceled, Captured, Created, Failed, Pending, RequiresAction};
    let payment = |status| Fact::Payment { status };
    let refund = |outcome| Fact::Refund { outcome };
    let dispute = |outcome| Fact::Dispute { outcome };
    match event_type {
        "payment_intent.created" | "payment_intent.requires_payment_method" => payment(Created),
        "payment_intent.pending" | "payment_intent.pending_review" => payment(Pending),
        "payment_intent.requires_customer_action" => payment(RequiresAction),
        "payment_intent.requires_capture" | "payment_attempt.authorized" => payment(Authorized),
        // `settled` and `paid` follow by days and are the same money.
        "payment_intent.succeeded" | "payment_attempt.capture_requested" => payment(Captured),
        "payment_intent.cancelled" => payment(Canceled),
        // An attempt that was canceled or has expired says nothing of its intent.
        "payment_attempt.authentication_failed"
        | "payment_attempt.authorization_failed"
        | "payment_attempt.risk_declined"
        | "payment_attempt.failed_to_process" => payment(Failed),
        "payment_attempt.capture_failed" => Fact::CaptureFailed,
        "refund.received" | "refund.accepted" => refund(RefundOutcome::Pending),
        "refund.settled" => refund(RefundOutcome::Succeeded),
        "refund.failed" => refund(RefundOutcome::Failed),
        "payment_dispute.requires_response"
        | "payment_dispute.challenged"
        | "payment_dispute.pending_closure"
        | "payment_dispute.pending_decision" => dispute(DisputeOutcome::Open),
        "payment_dispute.won" | "payment_dispute.reversed" => dispute(DisputeOutcome::Won),
        "payment_dispute.lost" | "payment_dispute.accepted" | "payment_dispute.expired" => {
            dispute(DisputeOutcome::Lost)
        }
        _ => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, status) = match story.occasion {
        Occasion::Created => ("payment_intent.created", "REQUIRES_PAYMENT_METHOD"),
        Occasion::Pending => ("payment_intent.pending", "PENDING"),
        Occasion::RequiresAction => (
            "payment_intent.requires_customer_action",
            "REQUIRES_CUSTOMER_ACTION",
        ),
        Occasion::Authorized => ("payment_intent.requires_capture", "REQUIRES_CAPTURE"),
        Occasion::Captured => ("payment_intent.succeeded", "SUCCEEDED"),
        Occasion::Failed => ("payment_attempt.authorization_failed", "FAILED"),
        Occasion::Canceled => ("payment_intent.cancelled", "CANCELLED"),
        Occasion::Refunded => ("refund.settled", "SETTLED"),
        Occasion::Disputed => ("payment_dispute.requires_response", "REQUIRES_RESPONSE"),
        Occasion::DisputeWon => ("payment_dispute.won", "WON"),
        Occasion::DisputeLost => ("payment_dispute.lost", "LOST"),
        Occasion::Expired => return None,
    };
    let id = &story.payment;
    let payment_id = format!("int_{id}");
    let amount = story.major(story.exponent(SPEC.exponents))?;
    let own = match event_type.split('.').next() {
        Some("payment_attempt") => {
            format!(r#""id":"att_{id}","payment_intent_id":"{payment_id}","captured_amount":0"#)
        }
        Some("refund") => format!(
            r#""id":"rfd_{}","payment_intent_id":"{payment_id}","payment_attempt_id":"att_{id}","reason":"Customer requested""#,
            story.event,
        ),
        Some("payment_dispute") => format!(
            r#""id":"dst_{id}","payment_intent_id":"{payment_id}","payment_attempt_id":"att_{id}","stage":"CHARGEBACK""#
        ),
        Some(_) | None => {
            let captured = if status == "SUCCEEDED" {
                amount.as_str()
            } else {
                "0"
            };
            format!(
                r#""id":"{payment_id}","merchant_order_id":"order-{id}","captured_amount":{captured},"latest_payment_attempt":{{"id":"att_{id}"}}"#
            )
        }
    };
    let at = story.at.to_iso().replace('Z', "+0000");
    let body = format!(
        r#"{{"id":"evt_{event}","name":"{event_type}","accountId":"acct_payhook","data":{{"object":{{{own},"request_id":"request-{event}","amount":{amount},"currency":"{currency}","status":"{status}","created_at":"{at}","updated_at":"{at}"}}}},"created_at":"{at}"}}"#,
        event = story.event,
        currency = story.currency,
    );
    Some(Sample::json(body, payment_id, event_type))
}
