//! Cashfree Payments: time and body are signed with nothing between them.
//!
//! Amounts such as `170.00` lose their zeros in a JSON parser and no longer verify: the signature
//! is over the bytes as they came. Each attempt to pay an order is a payment of its own.

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
use crate::signature::{
    HmacScheme, Scheme, SignatureEncoding, Template, TimeSource, TimeUnit, TimestampRule,
};
use crate::status::PaymentStatus;

const NAME: &str = "cashfree";

/// Cashfree Payments.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Cashfree",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "x-webhook-signature; x-webhook-timestamp",
        algorithm: "HMAC-SHA-256 in base64; the key is the client secret as text",
        signed: "{x-webhook-timestamp}{body}, nothing between them",
        tolerance: "none documented; the time is signed, and can be bounded",
        dedupe: "type, cf_payment_id or cf_refund_id, and its status; the body's SHA-256 for disputes; x-idempotency-key is not signed",
        fields: "data.*.cf_payment_id; payment_amount, refund_amount or dispute_amount (major); payment_currency or refund_currency; type and payment_status, refund_status or dispute_status",
        retries: "after 2, 10 and 30 min",
        sources: &[
            "https://www.cashfree.com/docs/api-reference/payments/latest/payments/webhooks",
            "https://www.cashfree.com/docs/api-reference/payments/latest/refunds/webhooks",
            "https://www.cashfree.com/docs/api-reference/payments/latest/disputes/dispute-webhooks",
        ],
        evidence: Evidence::SdkCrossCheck,
        unconfirmed: "whether an attempt that the customer left (PAYMENT_USER_DROPPED_WEBHOOK) can still be paid",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        encoding: SignatureEncoding::Base64,
        signed: alloc::vec![Template::parse("{timestamp}{body}")?],
        timestamp: Some(TimestampRule {
            source: TimeSource::Header("x-webhook-timestamp".to_owned()),
            unit: TimeUnit::Millis,
            past_max: None,
            future_max: None,
        }),
        ..HmacScheme::plain("x-webhook-signature")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("type").unwrap_or_default();
    let reading =
        Reading::new(delivery, NAME, &event_type).occurred_at(read::iso(body.text("event_time")));
    let object = |name| body.object_at(&["data", name]);
    let reading = match &*event_type {
        "PAYMENT_SUCCESS_WEBHOOK" | "PAYMENT_FAILED_WEBHOOK" | "PAYMENT_USER_DROPPED_WEBHOOK" => {
            match object("payment") {
                Some(payment) => about_payment(reading, &event_type, &payment),
                None => reading.problem("data.payment is missing"),
            }
        }
        "REFUND_STATUS_WEBHOOK" | "AUTO_REFUND_STATUS_WEBHOOK" => {
            match object("refund").or_else(|| object("auto_refund")) {
                Some(refund) => about_refund(reading, &event_type, &refund),
                None => reading.problem("data.refund is missing"),
            }
        }
        "DISPUTE_CREATED" | "DISPUTE_UPDATED" | "DISPUTE_CLOSED" => {
            match (object("dispute"), object("order_details")) {
                (Some(dispute), Some(order)) => about_dispute(reading, &dispute, &order),
                (_, _) => reading.problem("data.dispute or data.order_details is missing"),
            }
        }
        _ => reading,
    };
    Ok(alloc::vec![reading.finish()])
}

fn about_payment<'a>(reading: Reading<'a>, event_type: &str, payment: &Object<'a>) -> Reading<'a> {
    let status = payment.text("payment_status");
    let id = payment.scalar("cf_payment_id");
    let fact = |status| Fact::Payment { status };
    let fact = match status.as_deref() {
        Some("SUCCESS") => fact(PaymentStatus::Captured),
        Some("FAILED") => fact(PaymentStatus::Failed),
        Some("USER_DROPPED" | "CANCELLED" | "VOID") => fact(PaymentStatus::Canceled),
        Some("PENDING") => fact(PaymentStatus::Pending),
        Some(_) | None => Fact::Other,
    };
    let money = read::major(
        payment.scalar("payment_amount").as_deref(),
        payment.text("payment_currency").as_deref(),
        SPEC.exponents,
    );
    reading
        .event_id(key(event_type, id.as_deref(), status.as_deref()))
        .payment_id(id)
        .status(status)
        .tells(fact, money)
}

fn about_refund<'a>(reading: Reading<'a>, event_type: &str, refund: &Object<'a>) -> Reading<'a> {
    let status = refund.text("refund_status");
    let id = refund.scalar("cf_refund_id");
    let outcome = match status.as_deref() {
        Some("SUCCESS") => RefundOutcome::Succeeded,
        Some("CANCELLED" | "FAILED") => RefundOutcome::Failed,
        Some(_) | None => RefundOutcome::Pending,
    };
    let money = read::major(
        refund.scalar("refund_amount").as_deref(),
        refund.text("refund_currency").as_deref(),
        SPEC.exponents,
    );
    reading
        .event_id(key(event_type, id.as_deref(), status.as_deref()))
        .payment_id(refund.scalar("cf_payment_id"))
        .status(status)
        .operation(id)
        .tells(Fact::Refund { outcome }, money)
}

/// Without an id of its own: a dispute's comments change under one status.
fn about_dispute<'a>(
    reading: Reading<'a>,
    dispute: &Object<'a>,
    order: &Object<'a>,
) -> Reading<'a> {
    let status = dispute.text("dispute_status");
    let word = status.as_deref().unwrap_or_default();
    let outcome = if word.ends_with("_MERCHANT_WON") {
        DisputeOutcome::Won
    } else if word.ends_with("_MERCHANT_LOST") || word.ends_with("_MERCHANT_ACCEPTED") {
        DisputeOutcome::Lost
    } else {
        DisputeOutcome::Open
    };
    // Older versions name the currency of the payment only.
    let currency = dispute
        .text("dispute_amount_currency")
        .or_else(|| order.text("payment_currency"));
    let money = read::major(
        dispute.scalar("dispute_amount").as_deref(),
        currency.as_deref(),
        SPEC.exponents,
    );
    reading
        .payment_id(order.scalar("cf_payment_id"))
        .operation(dispute.scalar("dispute_id"))
        .status(status)
        .tells(Fact::Dispute { outcome }, money)
}

/// Several types of event are about one payment in one status.
fn key(event_type: &str, id: Option<&str>, status: Option<&str>) -> Option<alloc::string::String> {
    let (id, status) = id.zip(status)?;
    Some(format!("{event_type}:{id}:{status}"))
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, status) = match story.occasion {
        Occasion::Captured => ("PAYMENT_SUCCESS_WEBHOOK", "SUCCESS"),
        Occasion::Failed => ("PAYMENT_FAILED_WEBHOOK", "FAILED"),
        Occasion::Canceled => ("PAYMENT_USER_DROPPED_WEBHOOK", "USER_DROPPED"),
        Occasion::Refunded => ("REFUND_STATUS_WEBHOOK", "SUCCESS"),
        Occasion::Disputed => ("DISPUTE_CREATED", "CHARGEBACK_CREATED"),
        Occasion::DisputeWon => ("DISPUTE_CLOSED", "CHARGEBACK_MERCHANT_WON"),
        Occasion::DisputeLost => ("DISPUTE_CLOSED", "CHARGEBACK_MERCHANT_LOST"),
        Occasion::Created
        | Occasion::Pending
        | Occasion::RequiresAction
        | Occasion::Authorized
        | Occasion::Expired => return None,
    };
    let id = &story.payment;
    let amount = story.major(story.exponent(SPEC.exponents))?;
    let currency = story.currency;
    let at = story.at.to_iso();
    let data = match event_type.split('_').next() {
        Some("PAYMENT") => format!(
            r#""order":{{"order_id":"order_{id}","order_amount":{amount},"order_currency":"{currency}","order_tags":null}},"payment":{{"cf_payment_id":"{id}","payment_status":"{status}","payment_amount":{amount},"payment_currency":"{currency}","payment_message":null,"payment_time":"{at}","payment_group":"upi"}}"#
        ),
        Some("REFUND") => format!(
            r#""refund":{{"cf_refund_id":"{event}","cf_payment_id":"{id}","refund_id":"refund_{event}","order_id":"order_{id}","refund_amount":{amount},"refund_currency":"{currency}","refund_type":"MERCHANT_INITIATED","refund_status":"{status}","created_at":"{at}","processed_at":"{at}"}}"#,
            event = story.event,
        ),
        Some(_) | None => format!(
            r#""dispute":{{"dispute_id":"dp{id}","dispute_type":"CHARGEBACK","reason_code":"1402","reason_description":"Duplicate Processing","dispute_amount":{amount},"dispute_amount_currency":"{currency}","created_at":"{at}","updated_at":"{at}","dispute_status":"{status}"}},"order_details":{{"order_id":"order_{id}","order_amount":{amount},"order_currency":"{currency}","cf_payment_id":"{id}","payment_amount":{amount},"payment_currency":"{currency}"}}"#
        ),
    };
    let body = format!(r#"{{"data":{{{data}}},"event_time":"{at}","type":"{event_type}"}}"#);
    let sample = Sample::json(body, id.clone(), event_type)
        .header("x-webhook-version", "2025-01-01")
        .header("x-webhook-attempt", "1");
    Some(sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Headers;
    use crate::event::EventId;
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use bytes::Bytes;

    #[test]
    fn one_payment_in_one_status_is_told_by_several_types_each_with_its_own_id() {
        for (event_type, id, state) in [
            (
                "PAYMENT_SUCCESS_WEBHOOK",
                Some("PAYMENT_SUCCESS_WEBHOOK:77:SUCCESS"),
                Some("captured"),
            ),
            ("PAYMENT_CHARGES_WEBHOOK", None, None),
        ] {
            let body = format!(
                r#"{{"type":"{event_type}","data":{{"payment":{{"cf_payment_id":77,"payment_status":"SUCCESS","payment_amount":170.00,"payment_currency":"INR"}}}}}}"#
            );
            let delivery = RawDelivery {
                source: SourceName::generic(),
                headers: Headers::default(),
                body: Bytes::from(body),
                received_at: Timestamp::from_millis(0),
            };
            let event = read(&delivery, &Settings::default()).unwrap().remove(0);
            let expected = id.map_or(EventId::Body(delivery.body_hash()), |id| {
                EventId::Provider(id.into())
            });
            assert_eq!(event.key.id, expected);
            assert_eq!(event.meaning.unwrap().fact.state(), state);
        }
    }
}
