//! Square: an HMAC over the registered URL and the body.
//!
//! The URL is the one that is registered with Square, letter by letter, and never what a request
//! says of its own host: that a sender may choose.

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
use crate::signature::{HmacScheme, Scheme, SignatureEncoding, Template};
use crate::status::PaymentStatus;

const NAME: &str = "square";

/// Square.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Square",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Minor,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "x-square-hmacsha256-signature",
        algorithm: "HMAC-SHA-256 in base64; the key is the signature key's text",
        signed: "{url}{body}, the URL exactly as it is registered with Square",
        tolerance: "none: no time is signed",
        dedupe: "event_id",
        fields: "data.object.payment.id, .refund.payment_id or .dispute.disputed_payment.payment_id; total_money or amount_money (minor); currency; status or state",
        retries: "78 times in 72 hours, the first after a minute; 10 s for an answer; an endpoint that fails for three weeks is disabled",
        sources: &[
            "https://developer.squareup.com/docs/webhooks/step3validate",
            "https://developer.squareup.com/docs/webhooks-api/delivery-sla",
            "https://developer.squareup.com/docs/webhooks/step4manage",
            "https://developer.squareup.com/reference/square/payments-api/webhooks",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "",
    },
};

fn scheme(settings: &Settings) -> Result<Scheme, InvalidSettings> {
    let url = settings.url.clone().ok_or(InvalidSettings::Missing {
        provider: NAME,
        setting: "url",
        why: "Square signs it: the notification URL exactly as it is registered",
    })?;
    Ok(Scheme::Hmac(HmacScheme {
        encoding: SignatureEncoding::Base64,
        signed: alloc::vec![Template::parse("{url}{body}")?],
        url: Some(url),
        ..HmacScheme::plain("x-square-hmacsha256-signature")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("type").unwrap_or_default();
    let reading = Reading::new(delivery, NAME, &event_type)
        .event_id(body.text("event_id"))
        .occurred_at(read::iso(body.text("created_at")))
        .account(body.text("merchant_id"));
    let subject = event_type.split('.').next().unwrap_or_default();
    let reading = match body.object_at(&["data", "object", subject]) {
        Some(object) => about(reading, &event_type, &object),
        None if matches!(subject, "payment" | "refund" | "dispute") => {
            reading.problem("data.object holds no payment, refund or dispute")
        }
        // Catalogs, customers, bookings and the like.
        None => reading,
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(reading: Reading<'a>, event_type: &str, object: &Object<'a>) -> Reading<'a> {
    let status = object.text("status").or_else(|| object.text("state"));
    let fact = fact(event_type, status.as_deref());
    let payment_id = match fact {
        Fact::Refund { .. } => object.text("payment_id"),
        Fact::Dispute { .. } => object
            .object("disputed_payment")
            .and_then(|payment| payment.text("payment_id")),
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::RefundedTotal
        | Fact::Other
        | Fact::Unreadable { .. } => object.text("id"),
    };
    let operation = match fact {
        Fact::Refund { .. } | Fact::Dispute { .. } => object.text("id"),
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::RefundedTotal
        | Fact::Other
        | Fact::Unreadable { .. } => None,
    };
    // With a tip the customer pays more than the amount, and can be refunded more.
    let amount = object
        .object("total_money")
        .or_else(|| object.object("amount_money"));
    let text = |name| amount.as_ref().and_then(|amount| amount.scalar(name));
    let money = read::minor(
        text("amount").as_deref(),
        text("currency").as_deref(),
        SPEC.exponents,
    );
    reading
        .payment_id(payment_id)
        .status(status)
        .operation(operation)
        .tells(fact, money)
}

fn fact(event_type: &str, status: Option<&str>) -> Fact {
    use PaymentStatus::{Authorized, Canceled, Captured, Failed, Pending};
    let payment = |status| Fact::Payment { status };
    match event_type {
        "payment.created" | "payment.updated" => match status {
            Some("PENDING") => payment(Pending),
            Some("APPROVED") => payment(Authorized),
            Some("COMPLETED") => payment(Captured),
            Some("CANCELED") => payment(Canceled),
            Some("FAILED") => payment(Failed),
            Some(_) | None => Fact::Other,
        },
        "refund.created" | "refund.updated" => {
            let outcome = match status {
                Some("COMPLETED") => RefundOutcome::Succeeded,
                Some("FAILED" | "REJECTED") => RefundOutcome::Failed,
                Some(_) | None => RefundOutcome::Pending,
            };
            Fact::Refund { outcome }
        }
        // `changed` is the older name of `updated`.
        "dispute.created" | "dispute.state.updated" | "dispute.state.changed" => {
            let outcome = match status {
                // An inquiry that was closed cost nothing.
                Some("WON" | "INQUIRY_CLOSED") => DisputeOutcome::Won,
                // The seller has accepted that the money goes back.
                Some("LOST" | "ACCEPTED") => DisputeOutcome::Lost,
                Some(_) | None => DisputeOutcome::Open,
            };
            Fact::Dispute { outcome }
        }
        _ => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, status) = match story.occasion {
        Occasion::Pending => ("payment.created", "PENDING"),
        Occasion::Authorized => ("payment.created", "APPROVED"),
        Occasion::Captured => ("payment.updated", "COMPLETED"),
        Occasion::Failed => ("payment.updated", "FAILED"),
        Occasion::Canceled => ("payment.updated", "CANCELED"),
        Occasion::Refunded => ("refund.updated", "COMPLETED"),
        Occasion::Disputed => ("dispute.created", "EVIDENCE_REQUIRED"),
        Occasion::DisputeWon => ("dispute.state.updated", "WON"),
        Occasion::DisputeLost => ("dispute.state.updated", "LOST"),
        Occasion::Created | Occasion::RequiresAction | Occasion::Expired => return None,
    };
    let payment_id = story.payment.clone();
    let (kind, id, object) = object(story, event_type, status)?;
    let body = format!(
        r#"{{"merchant_id":"6SSW7HV8K2ST5","type":"{event_type}","event_id":"{}","created_at":"{}","data":{{"type":"{kind}","id":"{id}","object":{{"{kind}":{object}}}}}}}"#,
        story.event,
        story.at.to_iso(),
    );
    Some(Sample::json(body, payment_id, event_type))
}

fn object(story: &Story, event_type: &str, status: &str) -> Option<(&'static str, String, String)> {
    let units = story.minor(story.exponent(SPEC.exponents))?;
    let money = format!(r#"{{"amount":{units},"currency":"{}"}}"#, story.currency);
    let (payment, time) = (&story.payment, story.at.to_iso());
    Some(match event_type.split('.').next() {
        Some("refund") => {
            let id = format!("{payment}_{}", story.event);
            let object = format!(
                r#"{{"id":"{id}","amount_money":{money},"created_at":"{time}","location_id":"NAQ1FHV6ZJ8YV","payment_id":"{payment}","status":"{status}","updated_at":"{time}"}}"#
            );
            ("refund", id, object)
        }
        Some("dispute") => {
            let id = format!("dts_{payment}");
            let object = format!(
                r#"{{"id":"{id}","amount_money":{money},"card_brand":"VISA","created_at":"{time}","disputed_payment":{{"payment_id":"{payment}"}},"location_id":"NAQ1FHV6ZJ8YV","reason":"NO_KNOWLEDGE","state":"{status}","version":1}}"#
            );
            ("dispute", id, object)
        }
        Some(_) | None => {
            let object = format!(
                r#"{{"id":"{payment}","amount_money":{money},"created_at":"{time}","delay_action":"CANCEL","location_id":"NAQ1FHV6ZJ8YV","order_id":"o{payment}","receipt_number":"hYy9","source_type":"CARD","status":"{status}","total_money":{money},"updated_at":"{time}"}}"#
            );
            ("payment", payment.to_owned(), object)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_registered_url_there_is_no_scheme() {
        let missing = scheme(&Settings::default()).unwrap_err();
        assert!(
            matches!(missing, InvalidSettings::Missing { setting: "url", .. }),
            "{missing}"
        );
    }
}
