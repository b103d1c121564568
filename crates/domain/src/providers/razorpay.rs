//! Razorpay: events that hold whole entities, the payment beside the refund or the dispute.
//!
//! The event's id stands in the header `x-razorpay-event-id`, which is not signed, so that a repeat
//! is known by its bytes. A retry after a new secret is still signed with the old one: keep both
//! for a day.

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
use crate::signature::{HmacScheme, Scheme};
use crate::status::PaymentStatus;

const NAME: &str = "razorpay";

/// Razorpay.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Razorpay",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Minor,
    exponents: &[],
    rules: PaymentRules {
        // A payment that timed out as failed is authorized late: the bank is asked for three days.
        may_succeed_after_failure: true,
        may_succeed_after_end: false,
    },
    facts: Facts {
        header: "X-Razorpay-Signature",
        algorithm: "HMAC-SHA-256 in hex; the key is the webhook's secret",
        signed: "{body}",
        tolerance: "none: no time is signed",
        dedupe: "the body's SHA-256: x-razorpay-event-id is not signed",
        fields: "payload.payment.entity.id; amount of payload.refund, .dispute or .payment (minor); currency; event and the entity's status",
        retries: "for 24 h with growing pauses, then the webhook is disabled; with the old secret after it was changed",
        sources: &[
            "https://razorpay.com/docs/webhooks/validate-test/",
            "https://razorpay.com/docs/webhooks/best-practices/",
            "https://razorpay.com/docs/webhooks/payloads/payments/",
            "https://razorpay.com/docs/webhooks/payloads/refunds/",
            "https://razorpay.com/docs/webhooks/payloads/disputes/",
            "https://razorpay.com/docs/payments/payments/late-authorisation/",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "that a dispute which is closed with nothing deducted is over for the merchant",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme::plain("x-razorpay-signature")))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("event").unwrap_or_default();
    let reading = Reading::new(delivery, NAME, &event_type)
        .occurred_at(read::seconds(body.scalar("created_at")))
        .account(body.text("account_id"));
    let reading = match body.object("payload") {
        Some(payload) => about(reading, &event_type, &payload),
        None => reading.problem("payload is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(reading: Reading<'a>, event_type: &str, payload: &Object<'_>) -> Reading<'a> {
    let entity = |name: &str| payload.object_at(&[name, "entity"]);
    let payment = entity("payment");
    let own = match event_type.split_once('.') {
        Some(("refund", _)) => entity("refund"),
        Some((_, word)) if word.starts_with("dispute.") => entity("dispute"),
        Some(_) | None => None,
    };
    // An event about something else than a payment is about the first thing in it.
    let other = || entity(payload.names().next()?);
    let Some(subject) = own.clone().or_else(|| payment.clone()).or_else(other) else {
        return reading.problem("payload holds no entity");
    };
    let fact = fact(event_type, &subject);
    let payment_id = subject
        .text("payment_id")
        .or_else(|| payment?.text("id"))
        .or_else(|| subject.text("id"));
    let money = read::minor(
        subject.scalar("amount").as_deref(),
        subject.text("currency").as_deref(),
        SPEC.exponents,
    );
    reading
        .payment_id(payment_id)
        .operation(own.and_then(|own| own.text("id")))
        .status(subject.text("status"))
        .tells(fact, money)
}

fn fact(event_type: &str, subject: &Object<'_>) -> Fact {
    use PaymentStatus::{Authorized, Captured, Failed, Pending};
    let payment = |status| Fact::Payment { status };
    let refund = |outcome| Fact::Refund { outcome };
    let dispute = |outcome| Fact::Dispute { outcome };
    let word = subject.text("status");
    match event_type {
        "payment.pending" => payment(Pending),
        "payment.authorized" => payment(Authorized),
        "payment.captured" => payment(Captured),
        "payment.failed" => payment(Failed),
        // They are about something that was paid, and hold the payment that paid it.
        "order.paid" | "invoice.paid" | "payment_link.paid" | "subscription.charged"
            if word.as_deref() == Some("captured") =>
        {
            payment(Captured)
        }
        // An instant refund is done as soon as it is there.
        "refund.created" => match word.as_deref() {
            Some("processed") => refund(RefundOutcome::Succeeded),
            Some("failed") => refund(RefundOutcome::Failed),
            Some(_) | None => refund(RefundOutcome::Pending),
        },
        "refund.processed" => refund(RefundOutcome::Succeeded),
        "refund.failed" => refund(RefundOutcome::Failed),
        "payment.dispute.created"
        | "payment.dispute.under_review"
        | "payment.dispute.action_required" => dispute(DisputeOutcome::Open),
        "payment.dispute.won" => dispute(DisputeOutcome::Won),
        "payment.dispute.lost" => dispute(DisputeOutcome::Lost),
        // A question that became no chargeback: it cost what was deducted.
        "payment.dispute.closed" => match subject.scalar("amount_deducted").as_deref() {
            Some("0") | None => dispute(DisputeOutcome::Won),
            Some(_) => dispute(DisputeOutcome::Lost),
        },
        _ => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, payment_status) = match story.occasion {
        Occasion::Authorized => ("payment.authorized", "authorized"),
        Occasion::Captured => ("payment.captured", "captured"),
        Occasion::Failed => ("payment.failed", "failed"),
        Occasion::Refunded => ("refund.processed", "refunded"),
        Occasion::Disputed => ("payment.dispute.created", "captured"),
        Occasion::DisputeWon => ("payment.dispute.won", "captured"),
        Occasion::DisputeLost => ("payment.dispute.lost", "captured"),
        Occasion::Created
        | Occasion::Pending
        | Occasion::RequiresAction
        | Occasion::Canceled
        | Occasion::Expired => return None,
    };
    let units = story.minor(story.currency.exponent())?;
    let currency = story.currency;
    let at = story.at.as_millis().div_euclid(1000);
    let payment_id = format!("pay_{}", story.payment);
    let (contains, own) = match event_type.split_once('.') {
        Some(("refund", _)) => (
            r#""refund","payment""#,
            format!(
                r#""refund":{{"entity":{{"id":"rfnd_{}","entity":"refund","amount":{units},"currency":"{currency}","payment_id":"{payment_id}","notes":[],"receipt":null,"acquirer_data":{{"arn":null}},"created_at":{at},"batch_id":null,"status":"processed","speed_processed":"normal","speed_requested":"normal"}}}},"#,
                story.event,
            ),
        ),
        Some((_, word)) if word.starts_with("dispute.") => {
            let (status, deducted) = match story.occasion {
                Occasion::DisputeWon => ("won", "0"),
                Occasion::DisputeLost => ("lost", units.as_str()),
                Occasion::Created
                | Occasion::Pending
                | Occasion::RequiresAction
                | Occasion::Authorized
                | Occasion::Captured
                | Occasion::Failed
                | Occasion::Canceled
                | Occasion::Expired
                | Occasion::Refunded
                | Occasion::Disputed => ("open", "0"),
            };
            (
                r#""payment","dispute""#,
                format!(
                    r#""dispute":{{"entity":{{"id":"disp_{}","entity":"dispute","payment_id":"{payment_id}","amount":{units},"currency":"{currency}","amount_deducted":{deducted},"reason_code":"goods_or_services_not_received","respond_by":{at},"status":"{status}","phase":"chargeback","created_at":{at}}}}},"#,
                    story.payment,
                ),
            )
        }
        Some(_) | None => (r#""payment""#, String::new()),
    };
    let refunded = if story.occasion == Occasion::Refunded {
        units.as_str()
    } else {
        "0"
    };
    let body = format!(
        r#"{{"entity":"event","account_id":"acc_PayhookTest00","event":"{event_type}","contains":[{contains}],"payload":{{{own}"payment":{{"entity":{{"id":"{payment_id}","entity":"payment","amount":{units},"currency":"{currency}","status":"{payment_status}","order_id":"order_{}","invoice_id":null,"international":false,"method":"netbanking","amount_refunded":{refunded},"refund_status":null,"captured":{},"description":null,"created_at":{at}}}}}}},"created_at":{at}}}"#,
        story.payment,
        !matches!(payment_status, "authorized" | "failed"),
    );
    let sample = Sample::json(body, payment_id, event_type);
    Some(sample.header("x-razorpay-event-id", &story.event))
}
