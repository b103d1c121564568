//! Paddle Billing: a timestamped HMAC, `h1` perhaps several times while a secret is changed.
//!
//! A transaction is the payment, and what goes back of it is an adjustment: refunds and chargebacks
//! alike. A chargeback is taken back by an adjustment of its own with another id, so that what
//! belongs together is known by its kind.

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

const NAME: &str = "paddle";

/// Paddle Billing.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Paddle Billing",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Minor,
    exponents: &[],
    rules: PaymentRules {
        // A transaction is tried again after a failure, with the same card or another.
        may_succeed_after_failure: true,
        may_succeed_after_end: false,
    },
    facts: Facts {
        header: "Paddle-Signature: ts=…;h1=…[;h1=…]",
        algorithm: "HMAC-SHA-256 in hex; the key is the whole pdl_ntfset_… text",
        signed: "{timestamp}:{body}",
        tolerance: "5 s either way, as in Paddle's own SDKs; `tolerance_seconds` makes it wider for deliveries that wait on their way",
        dedupe: "event_id (evt_…); notification_id is another for each destination",
        fields: "data.id, or data.transaction_id of an adjustment; details.totals.grand_total or totals.total (minor, a string); currency_code; event_type, action and status",
        retries: "live 60 times in 3 days with growing pauses, in a sandbox 3 times in 15 min; answered within 5 s",
        sources: &[
            "https://developer.paddle.com/webhooks/signature-verification",
            "https://developer.paddle.com/webhooks/respond-to-webhooks",
            "https://developer.paddle.com/webhooks/adjustments/adjustment-created",
            "https://developer.paddle.com/api-reference/adjustments",
            "https://github.com/PaddleHQ/paddle-node-sdk",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "that each retry is signed anew, which a tolerance of 5 s rests on",
    },
};

const TOLERANCE: Millis = Millis::from_secs(5);

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        form: HeaderForm::Pairs {
            separator: ';',
            signature: "h1".to_owned(),
        },
        signed: alloc::vec![Template::parse("{timestamp}:{body}")?],
        timestamp: Some(TimestampRule {
            source: TimeSource::Pair("ts".to_owned()),
            unit: TimeUnit::Seconds,
            past_max: Some(TOLERANCE),
            future_max: Some(TOLERANCE),
        }),
        ..HmacScheme::plain("paddle-signature")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("event_type").unwrap_or_default();
    let reading = Reading::new(delivery, NAME, &event_type)
        .event_id(body.text("event_id"))
        .occurred_at(read::iso(body.text("occurred_at")));
    let reading = match body.object("data") {
        Some(data) => about(reading, &event_type, &data),
        None => reading.problem("data is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(reading: Reading<'a>, event_type: &str, data: &Object<'_>) -> Reading<'a> {
    let action = data.text("action").unwrap_or_default();
    let fact = fact(event_type, &action, data);
    let totals = data
        .object_at(&["details", "totals"])
        .or_else(|| data.object("totals"));
    // The grand total is what is left to pay after credits; an adjustment has none.
    let units = totals.and_then(|totals| {
        totals
            .scalar("grand_total")
            .or_else(|| totals.scalar("total"))
    });
    let money = read::minor(
        units.as_deref(),
        data.text("currency_code").as_deref(),
        SPEC.exponents,
    );
    let operation = match fact {
        Fact::Refund { .. } => data.text("id"),
        Fact::Dispute { .. } => {
            let kind = action.strip_suffix("_reverse").unwrap_or(&action);
            Some(kind.to_owned().into())
        }
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::RefundedTotal
        | Fact::Other
        | Fact::Unreadable { .. } => None,
    };
    reading
        .payment_id(data.text("transaction_id").or_else(|| data.text("id")))
        .operation(operation)
        .status(data.text("status"))
        .tells(fact, money)
}

fn fact(event_type: &str, action: &str, data: &Object<'_>) -> Fact {
    use PaymentStatus::{Canceled, Captured, Created, Failed, Pending};
    let payment = |status| Fact::Payment { status };
    let dispute = |outcome| Fact::Dispute { outcome };
    match (event_type, action) {
        ("transaction.created" | "transaction.ready", _) => payment(Created),
        // The invoice is sent, or overdue; it may still be paid.
        ("transaction.billed" | "transaction.past_due", _) => payment(Pending),
        ("transaction.paid" | "transaction.completed", _) => payment(Captured),
        ("transaction.payment_failed", _) => payment(Failed),
        ("transaction.canceled", _) => payment(Canceled),
        ("adjustment.created" | "adjustment.updated", "refund") => {
            let outcome = match data.text("status").as_deref() {
                Some("approved") => RefundOutcome::Succeeded,
                Some("rejected" | "reversed") => RefundOutcome::Failed,
                Some(_) | None => RefundOutcome::Pending,
            };
            Fact::Refund { outcome }
        }
        ("adjustment.created" | "adjustment.updated", "chargeback" | "chargeback_warning") => {
            match data.text("status").as_deref() {
                Some("reversed") => dispute(DisputeOutcome::Won),
                Some(_) | None => dispute(DisputeOutcome::Open),
            }
        }
        (
            "adjustment.created" | "adjustment.updated",
            "chargeback_reverse" | "chargeback_warning_reverse",
        ) => dispute(DisputeOutcome::Won),
        // A credit stays with Paddle, for the customer's next transaction.
        (_, _) => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, word) = match story.occasion {
        Occasion::Created => ("transaction.created", "draft"),
        Occasion::Pending => ("transaction.billed", "billed"),
        Occasion::Captured => ("transaction.completed", "completed"),
        Occasion::Failed => ("transaction.payment_failed", "ready"),
        Occasion::Canceled => ("transaction.canceled", "canceled"),
        Occasion::Refunded => ("adjustment.updated", "refund"),
        Occasion::Disputed => ("adjustment.created", "chargeback"),
        Occasion::DisputeWon => ("adjustment.created", "chargeback_reverse"),
        Occasion::RequiresAction
        | Occasion::Authorized
        | Occasion::Expired
        | Occasion::DisputeLost => return None,
    };
    let payment_id = format!("txn_01h8dzxgkv{}", story.payment);
    let data = if event_type.starts_with("adjustment.") {
        adjustment(story, word, &payment_id)?
    } else {
        transaction(story, word, &payment_id)?
    };
    let body = format!(
        r#"{{"data":{data},"event_id":"evt_01h8e1jxjn{}","event_type":"{event_type}","occurred_at":"{}","notification_id":"ntf_01h8e1jxna{}"}}"#,
        story.event,
        story.at.to_iso(),
        story.event,
    );
    Some(Sample::json(body, payment_id, event_type))
}

fn transaction(story: &Story, status: &str, id: &str) -> Option<String> {
    let units = story.minor(story.currency.exponent())?;
    let (currency, at) = (story.currency, story.at.to_iso());
    Some(format!(
        r#"{{"id":"{id}","items":[],"origin":"web","status":"{status}","details":{{"totals":{{"fee":null,"tax":"0","total":"{units}","credit":"0","balance":"0","discount":"0","earnings":null,"subtotal":"{units}","grand_total":"{units}","currency_code":"{currency}"}},"line_items":[]}},"payments":[],"created_at":"{at}","updated_at":"{at}","customer_id":null,"custom_data":null,"currency_code":"{currency}","collection_mode":"automatic"}}"#
    ))
}

fn adjustment(story: &Story, action: &str, transaction_id: &str) -> Option<String> {
    let units = story.minor(story.currency.exponent())?;
    let (currency, at) = (story.currency, story.at.to_iso());
    Some(format!(
        r#"{{"id":"adj_01h8c6tbrk{}","action":"{action}","type":"full","items":[],"reason":"other","status":"approved","totals":{{"fee":"0","tax":"0","total":"{units}","earnings":"{units}","subtotal":"{units}","currency_code":"{currency}"}},"created_at":"{at}","updated_at":"{at}","customer_id":"ctm_01h8441jn5{}","currency_code":"{currency}","transaction_id":"{transaction_id}","subscription_id":null,"credit_applied_to_balance":null}}"#,
        story.event, story.payment,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::tests::story;
    use crate::source::SourceName;

    #[test]
    fn an_adjustment_is_a_refund_or_a_dispute_by_its_action_and_status() {
        for (action, status, state) in [
            ("refund", "pending_approval", Some("refund_pending")),
            ("refund", "approved", Some("refund_succeeded")),
            ("refund", "rejected", Some("refund_failed")),
            ("credit", "approved", None),
            ("chargeback", "approved", Some("dispute_open")),
            ("chargeback", "reversed", Some("dispute_won")),
            ("chargeback_warning", "approved", Some("dispute_open")),
            (
                "chargeback_warning_reverse",
                "approved",
                Some("dispute_won"),
            ),
        ] {
            let text = format!(r#"{{"status":"{status}"}}"#);
            let data = Object::parse(text.as_bytes()).unwrap();
            let fact = fact("adjustment.updated", action, &data);
            assert_eq!(fact.state(), state, "{action} {status}");
        }
    }

    #[test]
    fn a_chargeback_and_what_takes_it_back_are_one_dispute() {
        for occasion in [Occasion::Disputed, Occasion::DisputeWon] {
            let delivery = RawDelivery {
                source: SourceName::generic(),
                headers: crate::delivery::Headers::default(),
                body: sample(&story(occasion)).unwrap().draft.body,
                received_at: story(occasion).at,
            };
            let event = read(&delivery, &Settings::default()).unwrap().remove(0);
            let operation = event.meaning.unwrap().operation;
            assert_eq!(operation.as_deref(), Some("chargeback"), "{occasion:?}");
        }
    }
}
