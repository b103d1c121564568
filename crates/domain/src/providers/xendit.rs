//! Xendit: a static token in a header, and nothing is signed.
//!
//! The token proves who sent the delivery and not what is in it: whoever has seen one delivery can
//! write any other. What matters should be fetched from Xendit before goods are handed out.

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
use crate::meaning::{Fact, RefundOutcome};
use crate::payment::PaymentRules;
use crate::signature::{Scheme, TokenScheme};
use crate::status::PaymentStatus;

const NAME: &str = "xendit";

/// Xendit.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Xendit",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules {
        may_succeed_after_failure: false,
        // An expired request takes no new payment, but Xendit says that the two can race.
        may_succeed_after_end: true,
    },
    facts: Facts {
        header: "x-callback-token",
        algorithm: "none: the token is compared with the one of the account",
        signed: "nothing; the token proves the sender only",
        tolerance: "none: no time is signed",
        dedupe: "the body's SHA-256; webhook-id is not signed",
        fields: "data.payment_request_id; data.amount, .request_amount or the last of .captures (major); data.currency; event and data.status. Invoices: id, paid_amount, currency, status",
        retries: "6 times within 24 h; a delivery fails after 30 s",
        sources: &[
            "https://docs.xendit.co/docs/payments-api-webhooks",
            "https://docs.xendit.co/apidocs/payment-webhook-notification",
            "https://docs.xendit.co/apidocs/refund-webhook-notification",
            "https://github.com/xendit/xendit-php/blob/master/docs/Invoice/InvoiceCallback.md",
        ],
        evidence: Evidence::DocumentationOnly,
        unconfirmed: "data.captures, which the examples of the documentation do not show",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Token(TokenScheme {
        header: String::from("x-callback-token"),
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let reading = match body.text("event") {
        Some(event_type) => {
            let reading = Reading::new(delivery, NAME, &event_type)
                .occurred_at(read::iso(body.text("created")))
                .account(body.text("business_id"));
            match body.object("data") {
                // The documented example of a refund has its object one level deeper.
                Some(data) => about(reading, &event_type, &data.object("data").unwrap_or(data)),
                None => reading.problem("data is missing"),
            }
        }
        None if body.raw("external_id").is_some() => {
            invoice(Reading::new(delivery, NAME, "invoice"), &body)
        }
        None => Reading::new(delivery, NAME, ""),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(reading: Reading<'a>, event_type: &str, data: &Object<'a>) -> Reading<'a> {
    let fact = fact(event_type);
    let capture = data.objects("captures").pop();
    let is_refund = matches!(fact, Fact::Refund { .. });
    let (operation, amount) = match &capture {
        Some(capture) => (capture.text("capture_id"), capture.scalar("capture_amount")),
        None if is_refund => (data.text("id"), None),
        None => (None, None),
    };
    let amount = amount
        .or_else(|| data.scalar("amount"))
        .or_else(|| data.scalar("request_amount"));
    let own = if is_refund {
        data.text("invoice_id")
    } else {
        data.text("id")
    };
    let payment_id = data
        .text("payment_request_id")
        .or_else(|| data.text("payment_id"))
        .or(own);
    let money = read::major(amount.as_deref(), data.text("currency").as_deref(), &[]);
    reading
        .payment_id(payment_id)
        .status(data.text("status"))
        .operation(operation)
        .tells(fact, money)
}

/// Invoices are told without an event's name.
fn invoice<'a>(reading: Reading<'a>, body: &Object<'a>) -> Reading<'a> {
    let status = body.text("status");
    let payment = |status| Fact::Payment { status };
    let fact = match status.as_deref() {
        Some("PENDING") => payment(PaymentStatus::Pending),
        // SETTLED follows by days and is the same money.
        Some("PAID") => payment(PaymentStatus::Captured),
        Some("EXPIRED") => payment(PaymentStatus::Expired),
        Some(_) | None => Fact::Other,
    };
    let amount = body.scalar("paid_amount").or_else(|| body.scalar("amount"));
    let money = read::major(amount.as_deref(), body.text("currency").as_deref(), &[]);
    reading
        .payment_id(body.text("id"))
        .status(status)
        .occurred_at(read::iso(body.text("updated")))
        .account(body.text("user_id"))
        .tells(fact, money)
}

fn fact(event_type: &str) -> Fact {
    let payment = |status| Fact::Payment { status };
    match event_type {
        "payment.pending" => payment(PaymentStatus::Pending),
        "payment.authorization" | "payment.awaiting_capture" => payment(PaymentStatus::Authorized),
        // The second of each is the name of the version before.
        "payment.capture" | "payment.succeeded" => payment(PaymentStatus::Captured),
        "payment.failure" | "payment.failed" => payment(PaymentStatus::Failed),
        "payment.expiry" | "payment.expired" | "payment_request.expiry" => {
            payment(PaymentStatus::Expired)
        }
        "refund.succeeded" => Fact::Refund {
            outcome: RefundOutcome::Succeeded,
        },
        "refund.failed" => Fact::Refund {
            outcome: RefundOutcome::Failed,
        },
        _ => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, status) = match story.occasion {
        Occasion::Authorized => ("payment.authorization", "AUTHORIZED"),
        Occasion::Captured => ("payment.capture", "SUCCEEDED"),
        Occasion::Failed => ("payment.failure", "FAILED"),
        Occasion::Expired => ("payment_request.expiry", "EXPIRED"),
        Occasion::Refunded => ("refund.succeeded", "SUCCEEDED"),
        Occasion::Created
        | Occasion::Pending
        | Occasion::RequiresAction
        | Occasion::Canceled
        | Occasion::Disputed
        | Occasion::DisputeWon
        | Occasion::DisputeLost => return None,
    };
    let payment_id = format!("pr-{}", story.payment);
    let amount = story.major(story.exponent(&[]))?;
    let own = match event_type.split_once('.') {
        Some(("refund", _)) => format!(r#""id":"rfd-{}","amount":{amount}"#, story.event),
        Some(("payment_request", _)) => format!(r#""request_amount":{amount}"#),
        Some(_) | None => {
            format!(
                r#""payment_id":"py-{}","request_amount":{amount}"#,
                story.payment
            )
        }
    };
    let at = story.at.to_iso();
    let body = format!(
        r#"{{"event":"{event_type}","business_id":"6094fa76c2fd53701b8e079c","created":"{at}","data":{{{own},"payment_request_id":"{payment_id}","status":"{status}","currency":"{}","country":"ID","channel_code":"CARDS","reference_id":"order-{}","created":"{at}","updated":"{at}"}}}}"#,
        story.currency, story.payment,
    );
    let webhook_id = format!("webhook-{}", story.event);
    Some(Sample::json(body, payment_id, event_type).header("webhook-id", &webhook_id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use bytes::Bytes;

    #[test]
    fn invoices_and_refunds_one_level_deeper_are_read() {
        for (body, payment_id, state, amount) in [
            (
                r#"{"id":"579c8d61","external_id":"o-1","status":"PAID","amount":50000,"paid_amount":50000,"currency":"IDR"}"#,
                "579c8d61",
                Some("captured"),
                "50000",
            ),
            (
                r#"{"event":"refund.succeeded","data":{"event":"refund.succeeded","data":{"id":"rfd-1","payment_id":"ddpy-1","invoice_id":null,"amount":10000,"currency":"PHP"}}}"#,
                "ddpy-1",
                Some("refund_succeeded"),
                "10000",
            ),
            (
                r#"{"event":"payment.capture","data":{"payment_request_id":"pr-1","request_amount":9,"captures":[{"capture_id":"c-1","capture_amount":4.5}],"currency":"MYR"}}"#,
                "pr-1",
                Some("captured"),
                "4.5",
            ),
        ] {
            let delivery = RawDelivery {
                source: SourceName::generic(),
                headers: crate::delivery::Headers::default(),
                body: Bytes::from_static(body.as_bytes()),
                received_at: Timestamp::from_millis(0),
            };
            let event = read(&delivery, &Settings::default()).unwrap().remove(0);
            assert_eq!(event.payment_id, payment_id);
            assert_eq!(event.meaning.unwrap().fact.state(), state);
            assert_eq!(alloc::format!("{}", event.amount), amount);
        }
    }
}
