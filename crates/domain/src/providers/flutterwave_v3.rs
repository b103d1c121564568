//! Flutterwave's older API (v3): a static token in a header, and nothing signed.
//!
//! Flutterwave asks that the transaction be verified before anything is done. What is read here is
//! therefore the webhook or the answer of `GET /v3/transactions/{id}/verify`, whose `data` is alike.
//! A refund names no currency: without the source's `currency` its sum is not known, and it goes to
//! a person.

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
use crate::meaning::{Fact, RefundOutcome};
use crate::payment::PaymentRules;
use crate::signature::{Scheme, TokenScheme};
use crate::status::PaymentStatus;

const NAME: &str = "flutterwave-v3";

/// The kind of the verification's answer, which names none.
const VERIFIED: &str = "transaction";

/// Flutterwave v3.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Flutterwave (v3)",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "verif-hash",
        algorithm: "none: the header is the secret hash of the dashboard itself",
        signed: "nothing",
        tolerance: "none: nothing is signed",
        dedupe: "the body's SHA-256: nothing is signed",
        fields: "data.id, or data.tx_id of a refund; data.amount or data.amount_refunded (major); data.currency, or the source's `currency`; event and data.status",
        retries: "not documented",
        sources: &[
            "https://developer.flutterwave.com/docs/integration-guides/webhooks",
            "https://developer.flutterwave.com/docs/payment-operations/refunds",
        ],
        evidence: Evidence::DocumentationOnly,
        unconfirmed: "the retries; the names of the fields in a refund's event, which are read in both spellings that are seen",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Token(TokenScheme {
        header: "verif-hash".into(),
    }))
}

fn read(delivery: &RawDelivery, settings: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let Some(data) = body.object("data") else {
        let event_type = body.text("event").unwrap_or_default();
        let reading = Reading::new(delivery, NAME, &event_type);
        return Ok(alloc::vec![reading.problem("data is missing").finish()]);
    };
    let event_type = body.text("event").unwrap_or(VERIFIED.into());
    let reading = Reading::new(delivery, NAME, &event_type);
    let reading = about(reading, &event_type, &data, settings);
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(
    reading: Reading<'a>,
    event_type: &str,
    data: &Object<'_>,
    settings: &Settings,
) -> Reading<'a> {
    let fact = fact(event_type, data);
    let either = |one: &str, other: &str| data.scalar(one).or_else(|| data.scalar(other));
    let currency = data.text("currency");
    let currency = currency
        .as_deref()
        .or_else(|| settings.currency.as_ref().map(|currency| currency.code()));
    let amount = either("amount_refunded", "AmountRefunded").or_else(|| data.scalar("amount"));
    let money = read::major(amount.as_deref(), currency, SPEC.exponents);
    let operation = match fact {
        Fact::Refund { .. } => data.scalar("id"),
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::RefundedTotal
        | Fact::Dispute { .. }
        | Fact::Other
        | Fact::Unreadable { .. } => None,
    };
    let occurred_at = data.text("created_at").or_else(|| data.text("createdAt"));
    reading
        .payment_id(either("tx_id", "TransactionId").or_else(|| data.scalar("id")))
        .operation(operation)
        .status(data.text("status"))
        .occurred_at(read::iso(occurred_at))
        .account(either("account_id", "AccountId"))
        .tells(fact, money)
}

fn fact(event_type: &str, data: &Object<'_>) -> Fact {
    use PaymentStatus::{Captured, Failed, Pending};
    let payment = |status| Fact::Payment { status };
    let refund = |outcome| Fact::Refund { outcome };
    let word = data.text("status").unwrap_or_default();
    match (event_type, &*word) {
        // Completed is the attempt, not the payment.
        ("charge.completed" | VERIFIED, "successful") => payment(Captured),
        ("charge.completed" | VERIFIED, "failed") => payment(Failed),
        ("charge.completed" | VERIFIED, "pending") => payment(Pending),
        // `completed-mpgs` and the like name the way that it went.
        ("refund.completed", word) if word.starts_with("completed") => {
            refund(RefundOutcome::Succeeded)
        }
        ("refund.completed", word) if word.starts_with("failed") => refund(RefundOutcome::Failed),
        ("refund.completed", _) => refund(RefundOutcome::Pending),
        (_, _) => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, status) = match story.occasion {
        Occasion::Pending => ("charge.completed", "pending"),
        Occasion::Captured => ("charge.completed", "successful"),
        Occasion::Failed => ("charge.completed", "failed"),
        Occasion::Refunded => ("refund.completed", "completed"),
        Occasion::Created
        | Occasion::RequiresAction
        | Occasion::Authorized
        | Occasion::Canceled
        | Occasion::Expired
        | Occasion::Disputed
        | Occasion::DisputeWon
        | Occasion::DisputeLost => return None,
    };
    let payment_id = number(&story.payment);
    let amount = story.major(story.currency.exponent())?;
    let data = match event_type {
        "refund.completed" => refund(story, status, &amount),
        _ => charge(story, status, &amount),
    };
    let body = format!(r#"{{"event":"{event_type}","data":{data}}}"#);
    Some(Sample::json(body, format!("{payment_id}"), event_type))
}

fn charge(story: &Story, status: &str, amount: &str) -> String {
    let at = story.at.to_iso();
    format!(
        r#"{{"id":{},"tx_ref":"order-{}","flw_ref":"FLW-MOCK-{}","device_fingerprint":"N/A","amount":{amount},"currency":"{}","charged_amount":{amount},"app_fee":0,"merchant_fee":0,"processor_response":"Approved","auth_model":"PIN","ip":"192.0.2.1","narration":"Payhook","status":"{status}","payment_type":"card","created_at":"{at}","account_id":17321,"customer":{{"id":215604089,"name":"A Customer","phone_number":null,"email":"customer@shop.example","created_at":"{at}"}}}}"#,
        number(&story.payment),
        story.payment,
        story.event,
        story.currency,
    )
}

fn refund(story: &Story, status: &str, amount: &str) -> String {
    format!(
        r#"{{"id":{},"account_id":17321,"tx_id":{},"flw_ref":"URF_{}","wallet_id":74639,"amount_refunded":{amount},"status":"{status}","destination":"payment_source","meta":{{"source":"availablebalance"}},"created_at":"{}"}}"#,
        number(&story.event),
        number(&story.payment),
        story.event,
        story.at.to_iso(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::currency::Currency;
    use crate::delivery::Headers;
    use crate::source::SourceName;
    use crate::time::Timestamp;

    fn read_one(body: &'static str) -> (String, Option<&'static str>, String) {
        let delivery = RawDelivery {
            source: SourceName::generic(),
            headers: Headers::default(),
            body: body.into(),
            received_at: Timestamp::from_millis(0),
        };
        let settings = Settings {
            currency: Currency::parse("NGN").ok(),
            ..Settings::default()
        };
        let event = super::read(&delivery, &settings).unwrap().remove(0);
        let state = event.meaning.unwrap().fact.state();
        (
            event.payment_id,
            state,
            format!("{} {}", event.amount, event.currency),
        )
    }

    #[test]
    fn the_answer_of_the_verification_is_read_as_the_webhook_is() {
        let expected = ("288200108".into(), Some("captured"), "100 KES".into());
        for body in [
            r#"{"event":"charge.completed","data":{"id":288200108,"amount":100,"currency":"KES","status":"successful"}}"#,
            r#"{"status":"success","message":"Transaction fetched successfully","data":{"id":288200108,"amount":100,"currency":"KES","status":"successful"}}"#,
        ] {
            assert_eq!(read_one(body), expected, "{body}");
        }
    }

    #[test]
    fn a_refund_is_read_in_both_spellings_and_in_the_currency_of_the_source() {
        let expected = ("908790".into(), Some("refund_succeeded"), "6900 NGN".into());
        for body in [
            r#"{"event":"refund.completed","data":{"id":75923,"tx_id":908790,"amount_refunded":6900,"status":"completed"}}"#,
            r#"{"event":"refund.completed","data":{"id":75923,"TransactionId":908790,"AmountRefunded":6900,"status":"completed-mpgs"}}"#,
        ] {
            assert_eq!(read_one(body), expected, "{body}");
        }
    }
}
