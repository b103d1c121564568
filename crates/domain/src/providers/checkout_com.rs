//! Checkout.com: events of a payment's actions, signed over the body.
//!
//! A capture's event holds its own amount and what was captured in all. With an action's id it is one
//! of several and counts with its own; without one it stands for all of them. An account of the older platform, whose events look alike, signs in the same way.

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
use crate::signature::{HmacScheme, Scheme};
use crate::status::PaymentStatus;

const NAME: &str = "checkout-com";

/// Checkout.com.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Checkout.com",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Minor,
    // Not among the currencies that are sent whole; its last two digits are always 00.
    exponents: &[("CLP", 2)],
    rules: PaymentRules {
        // A payment that was declined is tried again where retries are asked for
        // (`payment_retry_scheduled`).
        may_succeed_after_failure: true,
        may_succeed_after_end: false,
    },
    facts: Facts {
        header: "Cko-Signature",
        algorithm: "HMAC-SHA-256 in hex; the key is the signature key of the webhook",
        signed: "{body}",
        tolerance: "none: no time is signed",
        dedupe: "id (evt_…)",
        fields: "data.payment_id of a dispute, or data.id; data.balances.total_captured or data.amount (minor); data.currency; type",
        retries: "not documented",
        sources: &[
            "https://www.checkout.com/docs/workflows/set-up-your-webhook-receiver",
            "https://www.checkout.com/docs/developer-resources/event-notifications/event-types/payment_captured",
            "https://www.checkout.com/docs/reporting-and-insights/events-api/event-types",
            "https://www.checkout.com/docs/payments/accept-payments/format-the-amount-value",
        ],
        evidence: Evidence::DocumentationOnly,
        unconfirmed: "the retries; no signature by Checkout.com is published",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme::plain("cko-signature")))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let event_type = body.text("type").unwrap_or_default();
    // The older platform's name for it comes second.
    let occurred_at = body.text("timestamp").or_else(|| body.text("created_on"));
    let reading = Reading::new(delivery, NAME, &event_type)
        .event_id(body.text("id"))
        .occurred_at(read::iso(occurred_at));
    let reading = match body.object("data") {
        Some(data) => about(reading, &event_type, &data),
        None => reading.problem("data is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

fn about<'a>(reading: Reading<'a>, event_type: &str, data: &Object<'_>) -> Reading<'a> {
    let fact = fact(event_type);
    let captured = data
        .object("balances")
        .filter(|_| event_type == "payment_captured" && data.text("action_id").is_none())
        .and_then(|balances| balances.scalar("total_captured"));
    let units = captured.or_else(|| data.scalar("amount"));
    let money = read::minor(
        units.as_deref(),
        data.text("currency").as_deref(),
        SPEC.exponents,
    );
    let operation = match fact {
        Fact::Dispute { .. } => data.text("id"),
        Fact::Payment { .. }
        | Fact::CaptureFailed
        | Fact::Refund { .. }
        | Fact::RefundedTotal
        | Fact::Other
        | Fact::Unreadable { .. } => data.text("action_id"),
    };
    reading
        .payment_id(data.text("payment_id").or_else(|| data.text("id")))
        .operation(operation)
        .status(data.text("status"))
        .account(data.text("entity_id"))
        .tells(fact, money)
}

fn fact(event_type: &str) -> Fact {
    use PaymentStatus::{Authorized, Canceled, Captured, Expired, Failed, Pending};
    let payment = |status| Fact::Payment { status };
    let refund = |outcome| Fact::Refund { outcome };
    let dispute = |outcome| Fact::Dispute { outcome };
    match event_type {
        "payment_pending" | "payment_compliance_review" => payment(Pending),
        "payment_approved" => payment(Authorized),
        "payment_captured" => payment(Captured),
        "payment_declined" | "payment_authentication_failed" => payment(Failed),
        "payment_voided" | "payment_canceled" => payment(Canceled),
        "payment_expired" => payment(Expired),
        "payment_capture_declined" => Fact::CaptureFailed,
        "payment_refund_pending" => refund(RefundOutcome::Pending),
        "payment_refunded" => refund(RefundOutcome::Succeeded),
        "payment_refund_declined" => refund(RefundOutcome::Failed),
        "dispute_received"
        | "dispute_evidence_required"
        | "dispute_evidence_submitted"
        | "dispute_evidence_acknowledged_by_scheme"
        | "dispute_arbitration_sent_to_scheme" => dispute(DisputeOutcome::Open),
        // One that is resolved was about money that had been refunded already.
        "dispute_won" | "dispute_canceled" | "dispute_resolved" | "dispute_arbitration_won" => {
            dispute(DisputeOutcome::Won)
        }
        // One that is expired can be answered no more.
        "dispute_lost" | "dispute_accepted" | "dispute_expired" | "dispute_arbitration_lost" => {
            dispute(DisputeOutcome::Lost)
        }
        // `payment_paid` and `payment_returned` among them: they are about payouts.
        _ => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let event_type = match story.occasion {
        Occasion::Pending => "payment_pending",
        Occasion::Authorized => "payment_approved",
        Occasion::Captured => "payment_captured",
        Occasion::Failed => "payment_declined",
        Occasion::Canceled => "payment_voided",
        Occasion::Expired => "payment_expired",
        Occasion::Refunded => "payment_refunded",
        Occasion::Disputed => "dispute_evidence_required",
        Occasion::DisputeWon => "dispute_won",
        Occasion::DisputeLost => "dispute_lost",
        Occasion::Created | Occasion::RequiresAction => return None,
    };
    let units = story.minor(story.exponent(SPEC.exponents))?;
    let payment_id = format!("pay_{}", story.payment);
    let data = if event_type.starts_with("dispute_") {
        dispute(story, &units, &payment_id)
    } else {
        payment(story, &units, &payment_id)
    };
    let body = format!(
        r#"{{"id":"evt_{}","source":"gwc_notifier1","type":"{event_type}","timestamp":"{}","version":"1.0.29","data":{data},"_links":{{"self":{{"href":"https://api.sandbox.checkout.com/workflows/events/evt_{}"}}}}}}"#,
        story.event,
        story.at.to_iso(),
        story.event,
    );
    Some(Sample::json(body, payment_id, event_type))
}

fn payment(story: &Story, units: &str, payment_id: &str) -> String {
    let balances = |captured: &str, refunded: &str| {
        format!(
            r#","balances":{{"total_authorized":{units},"total_voided":0,"total_captured":{captured},"total_refunded":{refunded}}}"#
        )
    };
    let (code, summary, balances) = match story.occasion {
        Occasion::Failed => ("20005", "Declined - Do not honour", String::new()),
        Occasion::Captured => ("10000", "Approved", balances(units, "0")),
        Occasion::Refunded => ("10000", "Approved", balances(units, units)),
        Occasion::Created
        | Occasion::Pending
        | Occasion::RequiresAction
        | Occasion::Authorized
        | Occasion::Canceled
        | Occasion::Expired
        | Occasion::Disputed
        | Occasion::DisputeWon
        | Occasion::DisputeLost => ("10000", "Approved", balances("0", "0")),
    };
    format!(
        r#"{{"id":"{payment_id}","action_id":"act_{}","reference":"ORD-{}","amount":{units},"processed_on":"{}","response_code":"{code}","response_summary":"{summary}"{balances},"currency":"{}"}}"#,
        story.event,
        story.payment,
        story.at.to_iso(),
        story.currency,
    )
}

fn dispute(story: &Story, units: &str, payment_id: &str) -> String {
    format!(
        r#"{{"id":"dsp_{}","category":"fraudulent","reason_code":"10.4","amount":{units},"currency":"{}","payment_id":"{payment_id}","payment_reference":"ORD-{}","payment_method":"VISA","received_on":"{}"}}"#,
        story.payment,
        story.currency,
        story.payment,
        story.at.to_iso(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Headers;
    use crate::source::SourceName;
    use crate::time::Timestamp;

    #[test]
    fn a_capture_counts_with_its_own_amount_and_clp_has_two_places_here() {
        for (body, amount, units) in [
            (
                r#"{"id":"evt_1","type":"payment_captured","data":{"id":"pay_1","action_id":"act_2","amount":20,"currency":"EUR","balances":{"total_captured":50}}}"#,
                "0.2",
                20,
            ),
            (
                r#"{"id":"evt_1","type":"payment_captured","data":{"id":"pay_1","amount":20,"currency":"EUR","balances":{"total_captured":50}}}"#,
                "0.5",
                50,
            ),
            (
                r#"{"id":"evt_1","type":"payment_captured","data":{"id":"pay_1","amount":100000,"currency":"CLP"}}"#,
                "1000",
                100_000,
            ),
        ] {
            let delivery = RawDelivery {
                source: SourceName::generic(),
                headers: Headers::default(),
                body: body.into(),
                received_at: Timestamp::from_millis(0),
            };
            let event = read(&delivery, &Settings::default()).unwrap().remove(0);
            let money = event.meaning.unwrap().money.unwrap();
            assert_eq!(
                (format!("{}", event.amount).as_str(), money.units),
                (amount, units)
            );
        }
    }
}
