//! Paystack: signed with the API's secret key itself, by SHA-512.
//!
//! An event has no id. Where it moves a payment, its kind and the object's id are one; elsewhere a
//! repeat is known by its bytes.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::read::{self, Reading};
use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Occasion, Sample, Story, number};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::json::Object;
use crate::meaning::{DisputeOutcome, Fact, RefundOutcome};
use crate::payment::PaymentRules;
use crate::signature::{HmacAlgorithm, HmacScheme, Scheme};
use crate::status::PaymentStatus;

const NAME: &str = "paystack";

/// Paystack.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Paystack",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Minor,
    // A hundred to the franc, which has no subunit; Paystack's plugins divide by it.
    exponents: &[("XOF", 2)],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "x-paystack-signature",
        algorithm: "HMAC-SHA-512 in hex; the key is the API's secret key (sk_…)",
        signed: "{body}",
        tolerance: "none: no time is signed",
        dedupe: "event with data.id, or with a refund's transaction_reference and refund_reference; the body's SHA-256 where they are not there",
        fields: "data.reference, .transaction_reference or .transaction.reference; data.amount, .captured_amount or .refund_amount (minor); data.currency; event and data.status",
        retries: "live every 3 min for the first 4 attempts, then every hour for 72 h; in test mode every hour; answered with 200",
        sources: &[
            "https://paystack.com/docs/payments/webhooks/",
            "https://paystack.com/docs/payments/refunds/",
            "https://github.com/PaystackOSS/doc-code-snippets",
            "https://github.com/PaystackOSS/woo-paystack",
        ],
        evidence: Evidence::IndependentLibrary,
        unconfirmed: "the two decimal places of XOF, which only Paystack's own plugin shows; no signature by Paystack is published",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        algorithm: HmacAlgorithm::Sha512,
        ..HmacScheme::plain("x-paystack-signature")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("event").unwrap_or_default();
    let reading = Reading::new(delivery, NAME, &event_type);
    let reading = match body.object("data") {
        Some(data) => about(reading, &event_type, &data),
        None => reading.problem("data is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(reading: Reading<'a>, event_type: &str, data: &Object<'_>) -> Reading<'a> {
    let fact = fact(event_type, data);
    let (amount, operation) = match fact {
        Fact::Dispute { .. } => ("refund_amount", data.scalar("id")),
        Fact::Refund { .. } => (
            "amount",
            data.text("refund_reference").or_else(|| data.scalar("id")),
        ),
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::RefundedTotal
        | Fact::Other
        | Fact::Unreadable { .. } => match event_type {
            "preauthorization.capture.success" => ("captured_amount", None),
            _ => ("amount", None),
        },
    };
    let payment_id = data
        .text("reference")
        .or_else(|| data.text("transaction_reference"))
        .or_else(|| data.object("transaction")?.text("reference"));
    let money = read::minor(
        data.scalar(amount).as_deref(),
        data.text("currency").as_deref(),
        SPEC.exponents,
    );
    let occurred_at = ["paid_at", "updated_at", "created_at"]
        .into_iter()
        .find_map(|name| data.text(name));
    reading
        .event_id(event_id(event_type, &fact, data))
        .payment_id(payment_id)
        .operation(operation)
        .status(data.text("status"))
        .occurred_at(read::iso(occurred_at))
        .live(data.text("domain").map(|domain| domain == "live"))
        .account(data.scalar("integration"))
        .tells(fact, money)
}

/// What does not move a payment is told again of the same object, and has no id here.
fn event_id(event_type: &str, fact: &Fact, data: &Object<'_>) -> Option<String> {
    if *fact == Fact::Other {
        return None;
    }
    let id = data.scalar("id").or_else(|| {
        let payment = data.text("transaction_reference")?;
        let refund = data.text("refund_reference")?;
        Some(Cow::Owned(format!("{payment}:{refund}")))
    });
    id.map(|id| format!("{event_type}:{id}"))
}

fn fact(event_type: &str, data: &Object<'_>) -> Fact {
    use PaymentStatus::{Authorized, Canceled, Captured};
    let payment = |status| Fact::Payment { status };
    let refund = |outcome| Fact::Refund { outcome };
    match event_type {
        "charge.success" => payment(Captured),
        "preauthorization.reserve.success" => payment(Authorized),
        "preauthorization.capture.success" => payment(Captured),
        "preauthorization.capture.failed" => Fact::CaptureFailed,
        "preauthorization.release.success" => payment(Canceled),
        "refund.pending" | "refund.processing" | "refund.needs-attention" => {
            refund(RefundOutcome::Pending)
        }
        "refund.processed" => refund(RefundOutcome::Succeeded),
        "refund.failed" => refund(RefundOutcome::Failed),
        "charge.dispute.create" => Fact::Dispute {
            outcome: DisputeOutcome::Open,
        },
        "charge.dispute.resolve" => {
            let outcome = match data.text("resolution").as_deref() {
                Some("declined") => DisputeOutcome::Won,
                // By the merchant, or because nobody answered in time.
                Some("merchant-accepted" | "auto-accepted") => DisputeOutcome::Lost,
                Some(_) | None => DisputeOutcome::Open,
            };
            Fact::Dispute { outcome }
        }
        _ => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let units = story.minor(story.exponent(SPEC.exponents))?;
    let payment_id = format!("ref_{}", story.payment);
    let (event_type, data) = match story.occasion {
        Occasion::Authorized => (
            "preauthorization.reserve.success",
            charge(story, "authorized", &units, &payment_id),
        ),
        Occasion::Captured => (
            "charge.success",
            charge(story, "success", &units, &payment_id),
        ),
        Occasion::Canceled => (
            "preauthorization.release.success",
            charge(story, "released", &units, &payment_id),
        ),
        Occasion::Refunded => ("refund.processed", refund(story, &units, &payment_id)),
        Occasion::Disputed => (
            "charge.dispute.create",
            dispute(story, "awaiting-merchant-feedback", "null", &units),
        ),
        Occasion::DisputeWon => (
            "charge.dispute.resolve",
            dispute(story, "resolved", r#""declined""#, &units),
        ),
        Occasion::DisputeLost => (
            "charge.dispute.resolve",
            dispute(story, "resolved", r#""merchant-accepted""#, &units),
        ),
        Occasion::Created
        | Occasion::Pending
        | Occasion::RequiresAction
        | Occasion::Failed
        | Occasion::Expired => return None,
    };
    let body = format!(r#"{{"event":"{event_type}","data":{data}}}"#);
    Some(Sample::json(body, payment_id, event_type))
}

fn domain(story: &Story) -> &'static str {
    if story.live { "live" } else { "test" }
}

fn charge(story: &Story, status: &str, units: &str, reference: &str) -> String {
    let at = story.at.to_iso();
    format!(
        r#"{{"id":{},"domain":"{}","status":"{status}","reference":"{reference}","amount":{units},"message":null,"gateway_response":"Successful","paid_at":"{at}","created_at":"{at}","channel":"card","currency":"{}","ip_address":null,"metadata":0,"fees":null,"customer":{{"id":68324,"email":"customer@shop.example","customer_code":"CUS_qo38as2hpsgk2r0"}},"plan":{{}}}}"#,
        number(&story.payment),
        domain(story),
        story.currency,
    )
}

fn refund(story: &Story, units: &str, reference: &str) -> String {
    format!(
        r#"{{"status":"processed","transaction_reference":"{reference}","refund_reference":"{}","amount":"{units}","currency":"{}","processor":"mpgs_zen","customer":{{"first_name":null,"last_name":null,"email":"customer@shop.example"}},"integration":412829,"domain":"{}"}}"#,
        number(&story.event),
        story.currency,
        domain(story),
    )
}

fn dispute(story: &Story, status: &str, resolution: &str, units: &str) -> String {
    let (at, domain, currency) = (story.at.to_iso(), domain(story), story.currency);
    let id = number(&story.payment);
    format!(
        r#"{{"id":{id},"refund_amount":{units},"currency":"{currency}","status":"{status}","resolution":{resolution},"domain":"{domain}","transaction":{{"id":{id},"domain":"{domain}","status":"success","reference":"ref_{}","amount":{units},"currency":"{currency}"}},"transaction_reference":null,"category":"chargeback","created_at":"{at}","updated_at":"{at}"}}"#,
        story.payment,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_its_kind_and_what_it_is_about_where_both_are_there() {
        for (event_type, data, id) in [
            (
                "charge.success",
                r#"{"id":302961}"#,
                Some("charge.success:302961"),
            ),
            (
                "refund.needs-attention",
                r#"{"id":"12"}"#,
                Some("refund.needs-attention:12"),
            ),
            (
                "refund.processed",
                r#"{"transaction_reference":"T1","refund_reference":"132"}"#,
                Some("refund.processed:T1:132"),
            ),
            (
                "refund.pending",
                r#"{"transaction_reference":"T1","refund_reference":null}"#,
                None,
            ),
            ("charge.dispute.remind", r#"{"id":358950}"#, None),
            ("invoice.update", r#"{"id":1}"#, None),
        ] {
            let data = Object::parse(data.as_bytes()).unwrap();
            let found = event_id(event_type, &fact(event_type, &data), &data);
            assert_eq!(found.as_deref(), id, "{event_type}");
        }
    }
}
