//! Adyen's platform and management webhooks: the HMAC stands in a header and covers the body.
//!
//! A platform tells of transfers between balance accounts. A payment that is split has several,
//! each of a part, so each transfer is a payment of its own here; the payment as a whole is told
//! by the standard webhooks. A transfer that refunds names its own id, and the payment only as
//! what it was split from.

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
use crate::signature::{HmacScheme, KeyForm, Scheme, SignatureEncoding};
use crate::status::PaymentStatus;

const NAME: &str = "adyen-platform";

/// Adyen's platform and management webhooks.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Adyen (platforms)",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Minor,
    exponents: &[("CLP", 2), ("CVE", 0), ("IDR", 0), ("ISK", 2)],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "HmacSignature, Protocol: HmacSHA256",
        algorithm: "HMAC-SHA-256 in base64; the key is the secret's hex decoded",
        signed: "{body}",
        tolerance: "none: no time is signed",
        dedupe: "type, data.id and data.sequenceNumber of a transfer; the body's SHA-256 for other events",
        fields: "data.id; data.amount.value (minor); data.amount.currency; data.type and data.status",
        retries: "3 at once, then after 2 min to 8 h for up to 30 days, one after the other for each endpoint",
        sources: &[
            "https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures",
            "https://docs.adyen.com/api-explorer/transfer-webhooks/latest/overview",
            "https://docs.adyen.com/platforms/payment-event-webhooks",
            "https://docs.adyen.com/development-resources/currency-codes",
            "https://docs.adyen.com/development-resources/webhooks/troubleshoot",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "Which status a chargeback's transfer ends with when the merchant wins.",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        encoding: SignatureEncoding::Base64,
        key: KeyForm::Hex,
        ..HmacScheme::plain("hmacsignature")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("type").unwrap_or_default();
    let live = match body.text("environment").as_deref() {
        Some("live") => Some(true),
        Some("test") => Some(false),
        Some(_) | None => None,
    };
    // Management webhooks call it createdAt.
    let when = body.text("timestamp").or_else(|| body.text("createdAt"));
    let reading = Reading::new(delivery, NAME, &event_type)
        .live(live)
        .occurred_at(read::iso(when));
    let reading = match body.object("data") {
        Some(data) => about(reading, &event_type, &data),
        None => reading.problem("data is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(reading: Reading<'a>, event_type: &str, data: &Object<'a>) -> Reading<'a> {
    let id = data.text("id");
    let (kind, status) = (data.text("type"), data.text("status"));
    let fact = match event_type {
        "balancePlatform.transfer.created" | "balancePlatform.transfer.updated" => {
            let is_incoming = data.text("direction").as_deref() == Some("incoming");
            fact(
                kind.as_deref().unwrap_or_default(),
                status.as_deref(),
                is_incoming,
            )
        }
        _ => Fact::Other,
    };
    let key = match (&id, data.scalar("sequenceNumber")) {
        (Some(id), Some(sequence)) => Some(format!("{event_type}:{id}:{sequence}")),
        (_, _) => None,
    };
    let amount = data.object("amount");
    let text = |name| amount.as_ref().and_then(|amount| amount.scalar(name));
    let money = read::minor(
        text("value").as_deref(),
        text("currency").as_deref(),
        SPEC.exponents,
    );
    let account = data
        .object("accountHolder")
        .and_then(|holder| holder.text("id"))
        .or_else(|| data.text("merchantId"))
        .or_else(|| data.text("balancePlatform"));
    let status = match (kind, status) {
        (Some(kind), Some(status)) => Some(format!("{kind} {status}")),
        (kind, status) => kind.or(status).map(String::from),
    };
    reading
        .event_id(key)
        .payment_id(id.clone())
        .status(status)
        .operation(id)
        .account(account)
        .tells(fact, money)
}

/// What a transfer of this kind tells, standing so.
fn fact(kind: &str, status: Option<&str>, is_incoming: bool) -> Fact {
    use PaymentStatus::{Authorized, Canceled, Captured, Expired, Failed, Pending};
    let payment = |status| Fact::Payment { status };
    match (kind, status) {
        ("refund", status) => Fact::Refund {
            outcome: match status {
                Some("booked" | "refunded") => RefundOutcome::Succeeded,
                Some("refused" | "failed" | "error" | "cancelled" | "returned") => {
                    RefundOutcome::Failed
                }
                Some(_) | None => RefundOutcome::Pending,
            },
        },
        ("chargeback" | "chargebackCorrection", _) => Fact::Dispute {
            outcome: DisputeOutcome::Open,
        },
        ("secondChargeback" | "secondChargebackCorrection", _) => Fact::Dispute {
            outcome: DisputeOutcome::Lost,
        },
        ("chargebackReversal" | "chargebackReversalCorrection", _) => Fact::Dispute {
            outcome: DisputeOutcome::Won,
        },
        (_, Some("received" | "pending" | "approvalPending" | "bookingPending")) => {
            payment(Pending)
        }
        (_, Some("authorised")) => payment(Authorized),
        // Payouts, fees and transfers between one's own accounts are booked as well.
        ("capture" | "bankTransfer", Some("booked" | "captured")) if is_incoming => {
            payment(Captured)
        }
        (_, Some("refused" | "failed" | "error")) => payment(Failed),
        (_, Some("cancelled")) => payment(Canceled),
        (_, Some("expired")) => payment(Expired),
        // Booked, and then sent back by the other bank.
        (_, Some("returned")) => Fact::CaptureFailed,
        (_, Some(_) | None) => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (kind, status) = match story.occasion {
        Occasion::Pending => ("capture", "received"),
        Occasion::Authorized => ("capture", "authorised"),
        Occasion::Captured => ("capture", "booked"),
        Occasion::Failed => ("bankTransfer", "failed"),
        Occasion::Canceled => ("payment", "cancelled"),
        Occasion::Expired => ("payment", "expired"),
        Occasion::Refunded => ("refund", "booked"),
        Occasion::Disputed => ("chargeback", "booked"),
        Occasion::DisputeWon => ("chargebackReversal", "booked"),
        Occasion::DisputeLost => ("secondChargeback", "booked"),
        Occasion::Created | Occasion::RequiresAction => return None,
    };
    let event_type = match status {
        "received" => "balancePlatform.transfer.created",
        _ => "balancePlatform.transfer.updated",
    };
    let id = story.payment.to_ascii_uppercase();
    let units = story.minor(story.exponent(SPEC.exponents))?;
    let direction = match kind {
        "capture" | "chargebackReversal" => "incoming",
        _ => "outgoing",
    };
    let environment = if story.live { "live" } else { "test" };
    let (currency, time) = (story.currency, story.at.to_iso());
    // It tells the events of one transfer apart, so it is made of the event.
    let sequence = number(&story.event) % 10_000;
    let body = format!(
        r#"{{"data":{{"accountHolder":{{"id":"AH00000000000000000000001"}},"amount":{{"currency":"{currency}","value":{units}}},"balanceAccount":{{"id":"BA00000000000000000000001"}},"balancePlatform":"PayhookTest","category":"platformPayment","categoryData":{{"modificationPspReference":"{event}","platformPaymentType":"BalanceAccount","pspPaymentReference":"{psp}","type":"platformPayment"}},"creationDate":"{time}","direction":"{direction}","eventId":"EV{event}","id":"{id}","reason":"approved","reference":"order-{psp}","sequenceNumber":{sequence},"status":"{status}","type":"{kind}"}},"environment":"{environment}","timestamp":"{time}","type":"{event_type}"}}"#,
        event = story.event.to_ascii_uppercase(),
        psp = story.payment.to_ascii_uppercase(),
    );
    Some(Sample::json(body, id, event_type).header("protocol", "HmacSHA256"))
}
