//! Coinbase's Developer Platform: checkouts and payment links, signed with hook0's scheme.
//!
//! Prices are in USDC, which is no ISO 4217 currency. A payment's state is kept without its sum
//! then; a refund, which without a sum would move nothing, goes to a person.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::read::{self, Reading};
use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Occasion, Sample, Story};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::meaning::{Fact, RefundOutcome};
use crate::payment::PaymentRules;
use crate::signature::Scheme;
use crate::status::PaymentStatus;
use crate::time::Millis;

const NAME: &str = "coinbase-cdp";

/// Coinbase's Developer Platform.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Coinbase CDP (hook0)",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "X-Hook0-Signature: t=…,h=…,v1=… (v0=… by the older version)",
        algorithm: "HMAC-SHA-256 in hex; the key is the subscription's secret as text; v0 counts only where no v1 stands",
        signed: "{t}.{names in h}.{their values, dots between}.{body}; v0: {t}.{body}",
        tolerance: "300 s either way",
        dedupe: "the body's SHA-256: the body has no id of the event, and v0 signs no header",
        fields: "id; amount or refundedAmount (major); currency, mostly USDC; eventType and status",
        retries: "not documented; the 50 newest events of a subscription can be listed",
        sources: &[
            "https://docs.cdp.coinbase.com/coinbase-business/checkout-apis/webhooks",
            "https://docs.cdp.coinbase.com/coinbase-business/payment-link-apis/webhooks",
            "https://documentation.hook0.com/tutorials/webhook-authentication",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "the published vectors are hook0's; whether Coinbase ever sends v0",
    },
};

const TOLERANCE: Millis = Millis::from_secs(300);

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hook0 {
        tolerance: Some(TOLERANCE),
    })
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("eventType").unwrap_or_default();
    let fact = fact(&event_type);
    let refund = body.objects("refunds").pop();
    let amount = match (&fact, &refund) {
        (Fact::RefundedTotal, _) => body.scalar("refundedAmount"),
        (Fact::Refund { .. }, Some(refund)) => refund.scalar("amount"),
        (_, _) => body.scalar("amount"),
    };
    let operation = match fact {
        Fact::Refund { .. } | Fact::RefundedTotal => refund.and_then(|refund| refund.text("id")),
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::Dispute { .. }
        | Fact::Other
        | Fact::Unreadable { .. } => None,
    };
    let code = body.text("currency");
    let is_payment = matches!(fact, Fact::Payment { .. });
    let money = if is_payment && code.as_deref() == Some("USDC") {
        Ok(None)
    } else {
        read::major(amount.as_deref(), code.as_deref(), SPEC.exponents)
    };
    let reading = Reading::new(delivery, NAME, &event_type)
        .payment_id(body.text("id"))
        .status(body.text("status"))
        .operation(operation)
        .occurred_at(read::iso(body.text("updatedAt")))
        .tells(fact, money);
    Ok(alloc::vec![reading.finish()])
}

fn fact(event_type: &str) -> Fact {
    let payment = |status| Fact::Payment { status };
    match event_type {
        "checkout.payment.success" | "payment_link.payment.success" => {
            payment(PaymentStatus::Captured)
        }
        "checkout.payment.failed" | "payment_link.payment.failed" => payment(PaymentStatus::Failed),
        "checkout.payment.expired" | "payment_link.payment.expired" => {
            payment(PaymentStatus::Expired)
        }
        "checkout.refund.success" => Fact::RefundedTotal,
        "checkout.refund.failed" => Fact::Refund {
            outcome: RefundOutcome::Failed,
        },
        _ => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, status) = match story.occasion {
        Occasion::Captured => ("checkout.payment.success", "COMPLETED"),
        Occasion::Failed => ("checkout.payment.failed", "FAILED"),
        Occasion::Expired => ("checkout.payment.expired", "EXPIRED"),
        Occasion::Refunded => ("checkout.refund.success", "REFUNDED"),
        Occasion::Created
        | Occasion::Pending
        | Occasion::RequiresAction
        | Occasion::Authorized
        | Occasion::Canceled
        | Occasion::Disputed
        | Occasion::DisputeWon
        | Occasion::DisputeLost => return None,
    };
    let id = &story.payment;
    let amount = story.major(story.exponent(SPEC.exponents))?;
    let currency = story.currency;
    let at = story.at.to_iso();
    let refunds = if status == "REFUNDED" {
        format!(
            r#""refundedAmount":"{amount}","refunds":[{{"id":"{}","checkoutId":"{id}","amount":"{amount}","currency":"{currency}","status":"COMPLETED","reason":"Customer requested refund","createdAt":"{at}","completedAt":"{at}"}}],"#,
            story.event,
        )
    } else {
        String::new()
    };
    let body = format!(
        r#"{{"id":"{id}","url":"https://payments.coinbase.com/payment-links/pl_{id}","amount":"{amount}","currency":"{currency}","network":"base","description":"Payment for order {id}","eventType":"{event_type}","metadata":{{"orderId":"{id}"}},{refunds}"status":"{status}","createdAt":"{at}","updatedAt":"{at}"}}"#,
    );
    let sample = Sample::json(body, id.clone(), event_type)
        .header("x-event-id", &format!("evt-{}", story.event))
        .header("x-event-type", event_type);
    Some(sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Headers;
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use bytes::Bytes;

    #[test]
    fn a_payment_in_usdc_keeps_its_state_and_a_refund_goes_to_a_person() {
        for (event_type, kind) in [
            ("checkout.payment.success", "payment"),
            ("checkout.payment.failed", "payment"),
            ("checkout.refund.success", "unreadable"),
            ("onramp.transaction.success", "other"),
        ] {
            let body = format!(
                r#"{{"id":"1","amount":"9.00","refundedAmount":"9.00","currency":"USDC","eventType":"{event_type}"}}"#
            );
            let delivery = RawDelivery {
                source: SourceName::generic(),
                headers: Headers::default(),
                body: Bytes::from(body),
                received_at: Timestamp::from_millis(0),
            };
            let event = read(&delivery, &Settings::default()).unwrap().remove(0);
            let meaning = event.meaning.unwrap();
            assert_eq!((meaning.fact.kind(), meaning.money), (kind, None));
        }
    }
}
