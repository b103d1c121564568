//! dLocal: payments, refunds and chargebacks in one shape of body, none of which says which it is.
//!
//! A refund and a chargeback name the payment that they are about; which of the two it is, their
//! words for a status tell, and where both have the same word, what else stands there.

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
    HeaderForm, HmacScheme, Prefix, Scheme, Template, TimeSource, TimeUnit, TimestampRule,
};
use crate::status::PaymentStatus;

const NAME: &str = "dlocal";

/// dLocal.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "dLocal",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "Authorization: V2-HMAC-SHA256, Signature: …; X-Login; X-Date",
        algorithm: "HMAC-SHA-256 in hex; the key is the secret key as text",
        signed: "{X-Login}{X-Date}{body}",
        tolerance: "none documented; X-Date is signed, and can be bounded",
        dedupe: "id and status",
        fields: "payment_id or id; amount (major); currency; status",
        retries: "every hour for 7 days, until 200",
        sources: &[
            "https://docs.dlocal.com/docs/receive-notifications",
            "https://docs.dlocal.com/docs/refunds",
            "https://docs.dlocal.com/reference/refund-status-codes",
            "https://docs.dlocal.com/reference/chargeback-status",
        ],
        evidence: Evidence::DocumentationOnly,
        unconfirmed: "how a pending chargeback is told from a pending refund",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        form: HeaderForm::Plain(Some(Prefix {
            ignores_case: true,
            ..Prefix::required("V2-HMAC-SHA256, Signature: ")
        })),
        signed: alloc::vec![Template::parse("{header:x-login}{timestamp}{body}")?],
        timestamp: Some(TimestampRule {
            source: TimeSource::Header("x-date".to_owned()),
            unit: TimeUnit::Iso,
            past_max: None,
            future_max: None,
        }),
        ..HmacScheme::plain("authorization")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let (id, status) = (body.text("id"), body.text("status"));
    let payment_id = body.text("payment_id");
    let fact = match payment_id {
        Some(_) => of_payment_past(status.as_deref(), &body),
        None => payment_fact(status.as_deref()),
    };
    let event_type = match fact {
        Fact::Refund { .. } => "refund",
        Fact::Dispute { .. } => "chargeback",
        Fact::Payment { .. } => "payment",
        Fact::CaptureFailed | Fact::RefundedTotal | Fact::Other | Fact::Unreadable { .. } => {
            "notification"
        }
    };
    let event_id = id
        .as_ref()
        .zip(status.as_ref())
        .map(|(id, status)| format!("{id}:{status}"));
    let money = read::major(
        body.scalar("amount").as_deref(),
        body.text("currency").as_deref(),
        SPEC.exponents,
    );
    let operation = id.clone().filter(|_| payment_id.is_some());
    let reading = Reading::new(delivery, NAME, event_type)
        .event_id(event_id)
        .payment_id(payment_id.or(id))
        .status(status)
        .operation(operation)
        .occurred_at(read::iso(body.text("created_date")))
        .tells(fact, money);
    Ok(alloc::vec![reading.finish()])
}

fn payment_fact(status: Option<&str>) -> Fact {
    let payment = |status| Fact::Payment { status };
    match status {
        Some("PENDING") => payment(PaymentStatus::Pending),
        Some("AUTHORIZED") => payment(PaymentStatus::Authorized),
        Some("PAID") => payment(PaymentStatus::Captured),
        Some("REJECTED") => payment(PaymentStatus::Failed),
        Some("CANCELLED") => payment(PaymentStatus::Canceled),
        Some("EXPIRED") => payment(PaymentStatus::Expired),
        // Such as VERIFIED, of a card that was only checked.
        Some(_) | None => Fact::Other,
    }
}

/// What came after a payment: a refund or a chargeback.
fn of_payment_past(status: Option<&str>, body: &Object<'_>) -> Fact {
    let refund = |outcome| Fact::Refund { outcome };
    let dispute = |outcome| Fact::Dispute { outcome };
    match status {
        Some("SUCCESS") => refund(RefundOutcome::Succeeded),
        Some("REJECTED" | "CANCELLED") => refund(RefundOutcome::Failed),
        // An executed chargeback can still be disputed.
        Some("DISPUTE_RECEIVED" | "COMPLETED" | "IN_DISPUTE" | "INQUIRY") => {
            dispute(DisputeOutcome::Open)
        }
        Some("DISPUTE_LOST") => dispute(DisputeOutcome::Lost),
        Some("REVERSAL") => dispute(DisputeOutcome::Won),
        Some("PENDING") if is_chargeback(body) => dispute(DisputeOutcome::Open),
        Some("PENDING") => refund(RefundOutcome::Pending),
        Some(_) | None => Fact::Other,
    }
}

fn is_chargeback(body: &Object<'_>) -> bool {
    let detail = body.text("status_detail");
    body.raw("chargeback_date").is_some()
        || body.raw("chargeback_stage").is_some()
        || detail.is_some_and(|detail| detail.to_ascii_lowercase().contains("chargeback"))
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, status, code, detail) = match story.occasion {
        Occasion::Pending => ("payment", "PENDING", "100", "The payment is pending."),
        Occasion::Authorized => (
            "payment",
            "AUTHORIZED",
            "600",
            "The payment was authorized.",
        ),
        Occasion::Captured => ("payment", "PAID", "200", "The payment was paid."),
        Occasion::Failed => ("payment", "REJECTED", "300", "The payment was rejected."),
        Occasion::Canceled => ("payment", "CANCELLED", "400", "The payment was cancelled."),
        Occasion::Expired => ("payment", "EXPIRED", "303", "The payment expired."),
        Occasion::Refunded => ("refund", "SUCCESS", "200", "The refund was paid."),
        Occasion::Disputed => (
            "chargeback",
            "COMPLETED",
            "200",
            "The chargeback was executed.",
        ),
        Occasion::DisputeWon => (
            "chargeback",
            "REVERSAL",
            "700",
            "The chargeback dispute was won.",
        ),
        Occasion::DisputeLost => (
            "chargeback",
            "DISPUTE_LOST",
            "202",
            "The chargeback dispute was lost.",
        ),
        Occasion::Created | Occasion::RequiresAction => return None,
    };
    let payment_id = format!("D-4-{}", story.payment);
    let amount = story.major(story.exponent(SPEC.exponents))?;
    let own = match event_type {
        "refund" => format!(r#""id":"REF{}","payment_id":"{payment_id}""#, story.event),
        "chargeback" => format!(
            r#""id":"CHAR{}","payment_id":"{payment_id}""#,
            story.payment
        ),
        _ => format!(
            r#""id":"{payment_id}","country":"BR","payment_method_id":"CARD","payment_method_type":"CARD","payment_method_flow":"DIRECT""#
        ),
    };
    let body = format!(
        r#"{{{own},"amount":{amount},"currency":"{}","status":"{status}","status_code":"{code}","status_detail":"{detail}","order_id":"order-{}","created_date":"{}","notification_url":"https://pay.example/webhooks/dlocal"}}"#,
        story.currency,
        story.payment,
        story.at.to_iso().replace('Z', "+0000"),
    );
    Some(Sample::json(body, payment_id, event_type).header("x-login", "payhook-login"))
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
    fn refunds_and_chargebacks_are_told_apart_and_known_by_id_and_status() {
        for (fields, state, key) in [
            (
                r#""id":"P","status":"PAID""#,
                Some("captured"),
                Some("P:PAID"),
            ),
            (
                r#""id":"R","payment_id":"P","status":"PENDING""#,
                Some("refund_pending"),
                Some("R:PENDING"),
            ),
            (
                r#""id":"C","payment_id":"P","status":"PENDING","status_detail":"The chargeback is pending.""#,
                Some("dispute_open"),
                Some("C:PENDING"),
            ),
            (r#""id":"P""#, None, None),
        ] {
            let body = format!(
                r#"{{{fields},"amount":72.00,"currency":"USD","created_date":"2019-06-26T15:17:31.000+0000"}}"#
            );
            let delivery = RawDelivery {
                source: SourceName::generic(),
                headers: Headers::default(),
                body: Bytes::from(body),
                received_at: Timestamp::from_millis(0),
            };
            let event = read(&delivery, &Settings::default()).unwrap().remove(0);
            let meaning = event.meaning.unwrap();
            assert_eq!(
                (event.payment_id.as_str(), meaning.fact.state()),
                ("P", state)
            );
            let id = key.map_or(EventId::Body(delivery.body_hash()), |key| {
                EventId::Provider(key.into())
            });
            assert_eq!(event.key.id, id, "{fields}");
            assert_eq!(
                meaning.occurred_at,
                Some(Timestamp::from_millis(1_561_562_251_000))
            );
        }
    }
}
