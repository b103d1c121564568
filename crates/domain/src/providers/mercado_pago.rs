//! Mercado Pago: a ping that names a payment, signed over the URL's `data.id` and not over its body.
//!
//! What is read here is the answer of `GET /v1/payments/{id}`, where the source fetches it, or the
//! ping itself, which tells no state. Either must be about the payment whose id is signed. An
//! answer is a state and no event: each thing that it tells has an id made of what it tells, and is
//! told once however often Mercado Pago calls. Notifications of QR codes are not signed at all.

use alloc::borrow::{Cow, ToOwned};
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
use crate::meaning::{DisputeOutcome, Fact};
use crate::payment::PaymentRules;
use crate::signature::{
    HeaderForm, HmacScheme, Scheme, Template, TimeSource, TimeUnit, TimestampRule,
};
use crate::status::PaymentStatus;

const NAME: &str = "mercado-pago";

/// Mercado Pago.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Mercado Pago",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "x-signature: ts=…,v1=… and x-request-id",
        algorithm: "HMAC-SHA-256 in hex; the key is the application's secret signature",
        signed: "id:{data.id of the query};request-id:{x-request-id};ts:{ts}; without what is absent; data.id in lower case, as the documentation has it, or as it stands, as the SDK has it. The body is not signed",
        tolerance: "none: the SDKs check none unless they are asked to, and ts is in seconds or milliseconds",
        dedupe: "the fetched payment's id with its status, status_detail of a chargeback, or transaction_amount_refunded; the body's SHA-256 of a ping",
        fields: "id; transaction_amount, transaction_amount_refunded (major); currency_id; status and status_detail",
        retries: "answered with 200 or 201 within 22 s; then again after 15 min, 30 min, 6 h, 2 days and 4 days",
        sources: &[
            "https://www.mercadopago.com.br/developers/en/docs/your-integrations/notifications/webhooks",
            "https://www.mercadopago.com.br/developers/en/reference/payments/_payments_id/get",
            "https://www.mercadopago.com.mx/developers/en/docs/checkout-api/response-handling/query-results",
            "https://github.com/mercadopago/sdk-nodejs/blob/master/src/utils/webhook/index.ts",
        ],
        evidence: Evidence::SdkCrossCheck,
        unconfirmed: "the retries, which are documented for the older notifications (IPN) in several ways; no signature by Mercado Pago is published",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    let lower = Template::parse_any(
        "[id:{query:data.id|lower};][request-id:{header:x-request-id};]ts:{timestamp};",
    )?;
    let as_it_stands = Template::parse_any(
        "[id:{query:data.id};][request-id:{header:x-request-id};]ts:{timestamp};",
    )?;
    Ok(Scheme::Hmac(HmacScheme {
        form: HeaderForm::Pairs {
            separator: ',',
            signature: "v1".to_owned(),
        },
        signed: alloc::vec![lower, as_it_stands],
        timestamp: Some(TimestampRule {
            source: TimeSource::Pair("ts".to_owned()),
            unit: TimeUnit::SecondsOrMillis,
            past_max: None,
            future_max: None,
        }),
        ..HmacScheme::plain("x-signature")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    Ok(if body.raw("transaction_amount").is_some() {
        payment(delivery, &body)
    } else {
        alloc::vec![ping(delivery, &body)]
    })
}

/// The notification itself. What it is about has changed, and it does not say how.
fn ping(delivery: &RawDelivery, body: &Object<'_>) -> PaymentEvent {
    let action = body.text("action").or_else(|| body.text("type"));
    let id = body.object("data").and_then(|data| data.scalar("id"));
    let event_type = action.clone().unwrap_or_default();
    let reading = Reading::new(delivery, NAME, &event_type)
        .payment_id(id.as_deref())
        .status(action)
        .occurred_at(read::iso(body.text("date_created")))
        .live(body.flag("live_mode"))
        .account(body.scalar("user_id"));
    about_the_signed(reading, delivery, id).finish()
}

fn payment(delivery: &RawDelivery, payment: &Object<'_>) -> Vec<PaymentEvent> {
    let id = payment.scalar("id");
    let word = payment.text("status").unwrap_or_default();
    let detail = payment.text("status_detail").unwrap_or_default();
    let reading = |what: &str| {
        let reading = Reading::new(delivery, NAME, "payment")
            .event_id(
                id.as_ref()
                    .filter(|_| !what.is_empty())
                    .map(|id| format!("{id}:{what}")),
            )
            .payment_id(id.as_deref())
            .status(Some(&word))
            .occurred_at(read::iso(payment.text("date_last_updated")))
            .live(payment.flag("live_mode"))
            .account(payment.scalar("collector_id"));
        about_the_signed(reading, delivery, id.clone())
    };
    let sum = |name: &str| {
        read::major(
            payment.scalar(name).as_deref(),
            payment.text("currency_id").as_deref(),
            SPEC.exponents,
        )
    };
    let refunded = sum("transaction_amount_refunded");
    let value = payment
        .scalar("transaction_amount_refunded")
        .unwrap_or_default();
    let has_refund = match &refunded {
        Ok(Some(money)) => money.minor.units > 0,
        // Absent or nothing; or a sum in no currency, which a person must see.
        Ok(None) => !matches!(&*value, "" | "0"),
        Err(_) => true,
    };
    let back = has_refund.then(|| {
        reading(&format!("refunded:{value}"))
            .tells(Fact::RefundedTotal, refunded)
            .finish()
    });
    // A payment that went back whole is told by what went back.
    if word == "refunded"
        && let Some(back) = back
    {
        return alloc::vec![back];
    }
    let fact = fact(&word, &detail);
    // One dispute is told several times as it goes on.
    let standing = if matches!(fact, Fact::Dispute { .. }) {
        reading(&format!("{word}:{detail}"))
    } else {
        reading(&word)
    };
    let standing = if word.is_empty() {
        standing.problem("status is missing")
    } else {
        standing.tells(fact, sum("transaction_amount"))
    };
    core::iter::once(standing.finish()).chain(back).collect()
}

/// Nothing but the id in the query is signed: a body about another payment is somebody else's.
fn about_the_signed<'a>(
    reading: Reading<'a>,
    delivery: &RawDelivery,
    id: Option<Cow<'_, str>>,
) -> Reading<'a> {
    let Some(id) = id else {
        return reading.problem("the payment's id is missing");
    };
    match delivery.query_value("data.id") {
        Some(signed) if !signed.eq_ignore_ascii_case(id.as_bytes()) => {
            reading.problem("the payment's id is not the signed one")
        }
        Some(_) | None => reading,
    }
}

fn fact(word: &str, detail: &str) -> Fact {
    use PaymentStatus::{Authorized, Canceled, Captured, Expired, Failed, Pending};
    let payment = |status| Fact::Payment { status };
    let dispute = |outcome| Fact::Dispute { outcome };
    match (word, detail) {
        ("pending" | "in_process", _) => payment(Pending),
        ("authorized", _) => payment(Authorized),
        ("approved", _) => payment(Captured),
        ("rejected", _) => payment(Failed),
        ("cancelled", "expired") => payment(Expired),
        ("cancelled", _) => payment(Canceled),
        // Without the sum that went back: all of it.
        ("refunded", _) => Fact::RefundedTotal,
        ("charged_back", "settled") => dispute(DisputeOutcome::Lost),
        ("charged_back", "reimbursed") => dispute(DisputeOutcome::Won),
        ("charged_back" | "in_mediation", _) => dispute(DisputeOutcome::Open),
        (_, _) => Fact::Other,
    }
}

/// The payment as the API answers it, with the query and the header that its ping is signed over.
fn sample(story: &Story) -> Option<Sample> {
    let (word, detail) = match story.occasion {
        Occasion::Pending => ("pending", "pending_waiting_payment"),
        Occasion::Authorized => ("authorized", "pending_capture"),
        Occasion::Captured => ("approved", "accredited"),
        Occasion::Failed => ("rejected", "cc_rejected_other_reason"),
        Occasion::Canceled => ("cancelled", "by_collector"),
        Occasion::Expired => ("cancelled", "expired"),
        Occasion::Refunded => ("refunded", "refunded"),
        Occasion::Disputed => ("charged_back", "in_process"),
        Occasion::DisputeWon => ("charged_back", "reimbursed"),
        Occasion::DisputeLost => ("charged_back", "settled"),
        Occasion::Created | Occasion::RequiresAction => return None,
    };
    let id = number(&story.payment);
    let amount = story.major(story.currency.exponent())?;
    let refunded = if story.occasion == Occasion::Refunded {
        amount.as_str()
    } else {
        "0"
    };
    let at = story.at.to_iso();
    let body = format!(
        r#"{{"id":{id},"date_created":"{at}","date_approved":null,"date_last_updated":"{at}","operation_type":"regular_payment","payment_method_id":"visa","payment_type_id":"credit_card","status":"{word}","status_detail":"{detail}","currency_id":"{}","description":"Order {}","live_mode":{},"collector_id":123456789,"external_reference":"order-{}","transaction_amount":{amount},"transaction_amount_refunded":{refunded},"coupon_amount":0,"installments":1,"captured":true,"refunds":[]}}"#,
        story.currency, story.payment, story.live, story.payment,
    );
    let mut sample =
        Sample::json(body, format!("{id}"), "payment").header("x-request-id", &request_id(story));
    sample.draft.query = Some(format!("data.id={}&type=payment", sample.payment_id));
    Some(sample)
}

fn request_id(story: &Story) -> String {
    format!("payhook-{}", story.event)
}

#[cfg(test)]
mod tests {
    use super::super::{Provider, ProviderId};
    use super::*;
    use crate::delivery::{Headers, QUERY};
    use crate::source::SourceName;
    use crate::time::Timestamp;

    fn told(query: &'static str, body: &'static str) -> Vec<(String, &'static str, String)> {
        let delivery = RawDelivery {
            source: SourceName::generic(),
            headers: Headers::new([(QUERY, query.into())]),
            body: body.into(),
            received_at: Timestamp::from_millis(0),
        };
        let provider = Provider::try_new(ProviderId::MercadoPago, Settings::default()).unwrap();
        let events = provider.read_fetched(&delivery).unwrap();
        let told = |event: PaymentEvent| {
            let fact = event.meaning.unwrap().fact;
            let said = fact.state().unwrap_or(fact.kind());
            (format!("{}", event.key), said, format!("{}", event.amount))
        };
        events.into_iter().map(told).collect()
    }

    #[test]
    fn a_part_that_went_back_is_told_beside_the_payment() {
        let found = told(
            "data.id=123&type=payment",
            r#"{"id":123,"status":"approved","status_detail":"partially_refunded","currency_id":"BRL","transaction_amount":58.8,"transaction_amount_refunded":8.80}"#,
        );
        let expected = [
            ("generic/123:approved".into(), "captured", "58.8".into()),
            (
                "generic/123:refunded:8.80".into(),
                "refunded_total",
                "8.8".into(),
            ),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_ping_tells_no_state_and_a_body_about_another_payment_is_for_a_person() {
        let ping = r#"{"action":"payment.updated","data":{"id":"ABC1"},"live_mode":true}"#;
        for (query, body, said) in [
            ("data.id=abc1&type=payment", ping, "other"),
            ("", ping, "other"),
            ("data.id=2", ping, "unreadable"),
            (
                "data.id=2",
                r#"{"id":1,"status":"approved","transaction_amount":1}"#,
                "unreadable",
            ),
            (
                "data.id=1",
                r#"{"id":1,"transaction_amount":1}"#,
                "unreadable",
            ),
            (
                "data.id=1",
                r#"{"id":1,"status":"new","transaction_amount":1}"#,
                "other",
            ),
            (
                "",
                r#"{"action":"order.processed","data":{"id":""}}"#,
                "unreadable",
            ),
        ] {
            let found = told(query, body);
            assert_eq!(found.len(), 1, "{query} {body}");
            assert_eq!(found[0].1, said, "{query} {body}");
        }
    }
}
