//! Worldpay's Access Events: several signatures in one header, each with its key's id.
//!
//! A payment is known by the reference that the merchant gave it, in all of its events.

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
use crate::signature::{HeaderForm, HmacScheme, KeyForm, Scheme};
use crate::status::PaymentStatus;

const NAME: &str = "worldpay";

/// Worldpay (Access).
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Worldpay (Access)",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Minor,
    exponents: &[],
    rules: PaymentRules {
        // Worldpay says of an error that the customer may try again, and the merchant's reference
        // may be the same then.
        may_succeed_after_failure: true,
        may_succeed_after_end: false,
    },
    facts: Facts {
        header: "Event-Signature: keyId/SHA256/…[,keyId/SHA256/…]",
        algorithm: "HMAC-SHA-256 in hex; the key is the secret's hex decoded; a secret with a key_id is tried for that id only",
        signed: "{body}",
        tolerance: "none: no time is signed",
        dedupe: "eventId",
        fields: "eventDetails.transactionReference; .amount.value (minor); .amount.currencyCode or .amount.currency; .type",
        retries: "for a week, after 15 minutes to 2 hours; 10 s for a 200; what is not acknowledged delays or loses what comes after it",
        sources: &[
            "https://developer.worldpay.com/products/access/events",
            "https://developer.worldpay.com/products/access/events/openapi/payment",
            "https://docs.worldpay.com/access/products/events/openapi/chargeback",
        ],
        evidence: Evidence::DocumentationOnly,
        unconfirmed: "That the secret is hexadecimal and is decoded: hyperswitch does so, the documents do not say. Whether `settled` and `refunded` name the partial capture or refund that they confirm.",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        form: HeaderForm::KeyIds,
        key: KeyForm::Hex,
        ..HmacScheme::plain("event-signature")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let details = body.object("eventDetails");
    let event_type = details
        .as_ref()
        .and_then(|details| details.text("type"))
        .unwrap_or_default();
    // A time without an offset is no point in time, and is left out.
    let reading = Reading::new(delivery, NAME, &event_type)
        .event_id(body.text("eventId"))
        .occurred_at(read::iso(body.text("eventTimestamp")));
    let reading = match &details {
        Some(details) => about(reading, &event_type, details),
        None => reading.problem("eventDetails is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(reading: Reading<'a>, event_type: &str, details: &Object<'a>) -> Reading<'a> {
    let classification = details.text("classification");
    let reference = details.text("reference");
    let fact = match classification.as_deref() {
        // Money that is paid out is none that was paid in.
        Some("payout") => Fact::Other,
        Some(_) | None => fact(event_type, reference.is_some()),
    };
    let payment_id = details.text("transactionReference");
    // A partial capture or refund has a reference of its own; a full one is the payment's. What
    // confirms one may leave it out, and must not count as another.
    let operation = match event_type {
        "settled" | "refunded" => reference,
        _ => reference.or_else(|| payment_id.clone()),
    };
    let amount = details.object("amount");
    let text = |name| amount.as_ref().and_then(|amount| amount.scalar(name));
    let money = read::minor(
        text("value").as_deref(),
        text("currencyCode").or_else(|| text("currency")).as_deref(),
        SPEC.exponents,
    );
    reading
        .payment_id(payment_id)
        .status(Some(event_type))
        .operation(operation)
        .tells(fact, money)
}

fn fact(event_type: &str, has_reference: bool) -> Fact {
    use PaymentStatus::{Authorized, Canceled, Captured, Expired, Failed, Pending};
    let payment = |status| Fact::Payment { status };
    let refund = |outcome| Fact::Refund { outcome };
    match event_type {
        "sentForAuthorization" => payment(Pending),
        "authorized" => payment(Authorized),
        // Most merchants are told no more than that it was sent. `settled`, which some are told,
        // confirms that and need not say which part: it must not count again.
        "sentForSettlement" => payment(Captured),
        "settlementFailed" => Fact::CaptureFailed,
        "cancelled" => payment(Canceled),
        "expired" => payment(Expired),
        "refused" | "error" => payment(Failed),
        // The same with refunds. One that does not say which refund it confirms tells of at least
        // this much, and is not added to what was sent.
        "refunded" if !has_reference => Fact::RefundedTotal,
        "sentForRefund" | "refunded" => refund(RefundOutcome::Succeeded),
        "refundFailed" => refund(RefundOutcome::Failed),
        "informationRequested" | "chargedBack" => Fact::Dispute {
            outcome: DisputeOutcome::Open,
        },
        _ => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let event_type = match story.occasion {
        Occasion::Pending => "sentForAuthorization",
        Occasion::Authorized => "authorized",
        Occasion::Captured => "sentForSettlement",
        Occasion::Failed => "refused",
        Occasion::Canceled => "cancelled",
        Occasion::Expired => "expired",
        Occasion::Refunded => "sentForRefund",
        Occasion::Disputed => "informationRequested",
        Occasion::Created
        | Occasion::RequiresAction
        | Occasion::DisputeWon
        | Occasion::DisputeLost => return None,
    };
    let payment_id = format!("order-{}", story.payment);
    let units = story.minor(story.exponent(SPEC.exponents))?;
    let classification = match event_type {
        "informationRequested" => "chargeback",
        _ => "payment",
    };
    let time = story.at.to_iso();
    let date: String = time.chars().take(10).collect();
    // A refusal names no amount.
    let amount = match event_type {
        "refused" => String::new(),
        _ => format!(
            r#""amount":{{"value":{units},"currencyCode":"{}"}},"#,
            story.currency
        ),
    };
    let body = format!(
        r#"{{"eventId":"{}","eventTimestamp":"{time}","eventDetails":{{"classification":"{classification}","downstreamReference":"3378792436","transactionReference":"{payment_id}","type":"{event_type}","date":"{date}",{amount}"_links":{{"payment":{{"href":""}}}}}}}}"#,
        story.event,
    );
    Some(Sample::json(body, payment_id, event_type))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Headers;
    use crate::payment::{Told, project};
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use bytes::Bytes;

    fn event(id: &str, event_type: &str, value: u32, reference: &str) -> PaymentEvent {
        let body = format!(
            r#"{{"eventId":"{id}","eventDetails":{{"classification":"payment","transactionReference":"T","type":"{event_type}"{reference},"amount":{{"value":{value},"currencyCode":"EUR"}}}}}}"#
        );
        let delivery = RawDelivery {
            source: SourceName::generic(),
            headers: Headers::default(),
            body: Bytes::from(body),
            received_at: Timestamp::from_millis(0),
        };
        read(&delivery, &Settings::default()).unwrap().remove(0)
    }

    #[test]
    fn what_confirms_a_capture_or_a_refund_is_not_counted_again() {
        let (first, second) = (r#","reference":"R1""#, r#","reference":"R2""#);
        let events = [
            event("1", "sentForSettlement", 1000, ""),
            event("2", "settled", 1000, ""),
            event("3", "sentForRefund", 300, first),
            event("4", "refunded", 300, ""),
            event("5", "sentForRefund", 200, second),
            event("6", "refunded", 200, second),
        ];
        let told = events.iter().map(|event| Told {
            key: &event.key,
            meaning: event.meaning.as_ref().unwrap(),
            currency: event.currency.code(),
        });
        let payment = project(SPEC.rules, told);
        assert_eq!(payment.amount.map(|sum| sum.units), Some(1000));
        assert_eq!(payment.refunded.map(|sum| sum.units), Some(500));
        assert_eq!(payment.status, Some(PaymentStatus::PartiallyRefunded));
        assert_eq!(payment.anomalies, []);
    }
}
