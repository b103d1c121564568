//! Lemon Squeezy: events without an id, about orders and about the invoices of subscriptions.
//!
//! Orders and invoices are counted each on their own, so an invoice's number alone would also be
//! some order's: an invoice's payment has its type before the number. A subscription's first
//! invoice is the order that began it, told once more; only the order counts.

use alloc::borrow::Cow;
use alloc::format;
use alloc::vec::Vec;

use super::read::{self, Reading};
use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Occasion, Sample, Story};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::json::Object;
use crate::meaning::Fact;
use crate::payment::PaymentRules;
use crate::signature::{HmacScheme, Scheme};
use crate::status::PaymentStatus;

const NAME: &str = "lemon-squeezy";

/// The type of a subscription's invoices.
const INVOICES: &str = "subscription-invoices";

/// Lemon Squeezy.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Lemon Squeezy",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Minor,
    exponents: &[],
    rules: PaymentRules {
        // subscription_payment_recovered: an invoice that failed is tried again, and paid.
        may_succeed_after_failure: true,
        may_succeed_after_end: false,
    },
    facts: Facts {
        header: "X-Signature; X-Event-Name",
        algorithm: "HMAC-SHA-256 in hex; the key is the signing secret as text",
        signed: "{body}",
        tolerance: "none: no time is signed",
        dedupe: "the body's SHA-256: there is no id of the event",
        fields: "data.id, its type before it for invoices; data.attributes.total or .refunded_amount (minor); .currency; meta.event_name and .status",
        retries: "3 times, after 5 s, 25 s and 125 s",
        sources: &[
            "https://docs.lemonsqueezy.com/help/webhooks/signing-requests",
            "https://docs.lemonsqueezy.com/help/webhooks/event-types",
            "https://docs.lemonsqueezy.com/help/webhooks/webhook-requests",
            "https://docs.lemonsqueezy.com/api/orders/the-order-object",
            "https://docs.lemonsqueezy.com/api/subscription-invoices/the-subscription-invoice-object",
        ],
        evidence: Evidence::IndependentLibrary,
        unconfirmed: "whether currencies without decimal places are sent in hundredths all the same (the documentation says cents); that a first invoice's money is always its order's",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme::plain("x-signature")))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let meta = body.object("meta");
    let name = meta.as_ref().and_then(|meta| meta.text("event_name"));
    let event_type = name.unwrap_or_default();
    let is_test = meta.and_then(|meta| meta.flag("test_mode"));
    let reading = Reading::new(delivery, NAME, &event_type);
    let data = body.object("data");
    let attributes = data.as_ref().and_then(|data| data.object("attributes"));
    let reading = match (data, attributes) {
        (Some(data), Some(attributes)) => {
            let is_test = is_test.or_else(|| attributes.flag("test_mode"));
            about(reading, &event_type, &data, &attributes).live(is_test.map(|is_test| !is_test))
        }
        (_, _) => reading.problem("data.attributes is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(
    reading: Reading<'a>,
    event_type: &str,
    data: &Object<'a>,
    attributes: &Object<'a>,
) -> Reading<'a> {
    let fact = fact(event_type, attributes);
    let id = data.scalar("id");
    let payment_id = if data.text("type").as_deref() == Some(INVOICES) {
        id.map(|id| Cow::Owned(format!("{INVOICES}/{id}")))
    } else {
        id
    };
    let is_full = attributes.text("status").as_deref() == Some("refunded");
    let amount = match fact {
        // Older payloads do not say how much went back; all of it is the total.
        Fact::RefundedTotal => attributes
            .scalar("refunded_amount")
            .or_else(|| attributes.scalar("total").filter(|_| is_full)),
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::Refund { .. }
        | Fact::Dispute { .. }
        | Fact::Other
        | Fact::Unreadable { .. } => attributes.scalar("total"),
    };
    let money = read::minor(
        amount.as_deref(),
        attributes.text("currency").as_deref(),
        SPEC.exponents,
    );
    reading
        .payment_id(payment_id)
        .status(attributes.text("status"))
        .occurred_at(read::iso(attributes.text("updated_at")))
        .account(attributes.scalar("store_id"))
        .tells(fact, money)
}

fn fact(event_type: &str, attributes: &Object<'_>) -> Fact {
    let payment = |status| Fact::Payment { status };
    let is_first = attributes.text("billing_reason").as_deref() == Some("initial");
    match event_type {
        "order_created" => match attributes.text("status").as_deref() {
            Some("pending") => payment(PaymentStatus::Pending),
            Some("failed" | "fraudulent") => payment(PaymentStatus::Failed),
            Some("paid") => payment(PaymentStatus::Captured),
            Some(_) | None => Fact::Other,
        },
        "order_refunded" => Fact::RefundedTotal,
        "subscription_payment_success"
        | "subscription_payment_recovered"
        | "subscription_payment_failed"
        | "subscription_payment_refunded"
            if is_first =>
        {
            Fact::Other
        }
        "subscription_payment_success" | "subscription_payment_recovered" => {
            payment(PaymentStatus::Captured)
        }
        "subscription_payment_failed" => payment(PaymentStatus::Failed),
        "subscription_payment_refunded" => Fact::RefundedTotal,
        _ => Fact::Other,
    }
}

/// A subscription's renewal: of all objects it alone can fail, be paid and be refunded.
fn sample(story: &Story) -> Option<Sample> {
    let (event_type, status) = match story.occasion {
        Occasion::Captured => ("subscription_payment_success", "paid"),
        Occasion::Failed => ("subscription_payment_failed", "pending"),
        Occasion::Refunded => ("subscription_payment_refunded", "refunded"),
        Occasion::Created
        | Occasion::Pending
        | Occasion::RequiresAction
        | Occasion::Authorized
        | Occasion::Canceled
        | Occasion::Expired
        | Occasion::Disputed
        | Occasion::DisputeWon
        | Occasion::DisputeLost => return None,
    };
    let id = &story.payment;
    let units = story.minor(story.exponent(SPEC.exponents))?;
    let is_refunded = status == "refunded";
    let refunded_units = if is_refunded { units.as_str() } else { "0" };
    let at = story.at.to_iso();
    let body = format!(
        r#"{{"meta":{{"test_mode":{is_test},"event_name":"{event_type}","webhook_id":"webhook-{event}"}},"data":{{"type":"{INVOICES}","id":"{id}","attributes":{{"store_id":2,"subscription_id":1,"billing_reason":"renewal","card_brand":"visa","card_last_four":"4242","currency":"{currency}","status":"{status}","refunded":{is_refunded},"subtotal":{units},"discount_total":0,"tax":0,"total":{units},"refunded_amount":{refunded_units},"created_at":"{at}","updated_at":"{at}","test_mode":{is_test}}}}}}}"#,
        is_test = !story.live,
        event = story.event,
        currency = story.currency,
    );
    let payment_id = format!("{INVOICES}/{id}");
    Some(Sample::json(body, payment_id, event_type).header("x-event-name", event_type))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Headers;
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use bytes::Bytes;

    fn told(event_type: &str, kind: &str, attributes: &str) -> PaymentEvent {
        let body = format!(
            r#"{{"meta":{{"event_name":"{event_type}"}},"data":{{"type":"{kind}","id":"7","attributes":{{"currency":"USD","total":1199,{attributes}}}}}}}"#
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
    fn orders_and_invoices_of_one_number_are_two_payments_and_the_first_invoice_is_none() {
        let order = told("order_created", "orders", r#""status":"paid""#);
        let renewal = r#""status":"paid","billing_reason":"renewal""#;
        let renewal = told("subscription_payment_success", INVOICES, renewal);
        let first = r#""status":"paid","billing_reason":"initial""#;
        let first = told("subscription_payment_success", INVOICES, first);
        assert_eq!(order.payment_id, "7");
        assert_eq!(renewal.payment_id, "subscription-invoices/7");
        let states = [order, renewal, first].map(|event| event.meaning.unwrap().fact.state());
        assert_eq!(states, [Some("captured"), Some("captured"), None]);
    }

    #[test]
    fn a_refund_is_what_has_gone_back_in_all() {
        for (attributes, units) in [
            (
                r#""status":"partial_refund","refunded_amount":500"#,
                Some(500),
            ),
            (r#""status":"refunded""#, Some(1199)),
            (r#""status":"partial_refund""#, None),
        ] {
            let meaning = told("order_refunded", "orders", attributes)
                .meaning
                .unwrap();
            assert_eq!(
                meaning.money.map(|money| money.units),
                units,
                "{attributes}"
            );
            assert_eq!(
                meaning.fact == Fact::RefundedTotal,
                units.is_some(),
                "{attributes}"
            );
        }
    }
}
