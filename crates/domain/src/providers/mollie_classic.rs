//! Mollie's classic webhooks: a form that says `id=tr_…`, which nobody signs.
//!
//! What is read here is the answer of `GET /v2/payments/{id}`, which is the truth. It is a state
//! and no event, so that one answer may tell several things: where the payment stands, how much of
//! it went back, and how much was charged back. Each has an id made of what it tells, and is told
//! once however often Mollie calls. A chargeback that is reversed makes its sum smaller, which an
//! answer does not tell.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::mollie::{payment_sum, status, sum};
use super::read::{self, Reading};
use super::spec::{Ack, Amounts, Evidence, Facts, Spec};
use super::story::{Occasion, Sample, Story};
use super::{InvalidSettings, ReadRefusal, Settings};
use crate::delivery::RawDelivery;
use crate::event::PaymentEvent;
use crate::json::Object;
use crate::meaning::{DisputeOutcome, Fact};
use crate::payment::PaymentRules;
use crate::signature::Scheme;

const NAME: &str = "mollie-classic";

/// Mollie's classic webhooks.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Mollie (classic)",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "none",
        algorithm: "none: the payment is fetched",
        signed: "nothing",
        tolerance: "none: nothing is signed",
        dedupe: "the fetched payment's id with its status, amountRefunded or amountChargedBack",
        fields: "id; amount, amountCaptured, amountRefunded, amountChargedBack (value, major, and currency); status",
        retries: "several times with growing pauses for about a day",
        sources: &[
            "https://docs.mollie.com/reference/webhooks",
            "https://docs.mollie.com/reference/get-payment",
        ],
        evidence: Evidence::DocumentationOnly,
        unconfirmed: "the exact schedule of the retries",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Unsigned)
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    Ok(match body.text("resource").as_deref() {
        Some("payment") => events(delivery, &body),
        // An order, a subscription or whatever else has a webhook of this kind.
        Some(other) => {
            let other = Reading::new(delivery, NAME, other);
            alloc::vec![
                other
                    .payment_id(body.text("id"))
                    .status(body.text("status"))
                    .finish()
            ]
        }
        None => {
            let unreadable = Reading::new(delivery, NAME, "unreadable");
            alloc::vec![unreadable.problem("resource is missing").finish()]
        }
    })
}

fn events(delivery: &RawDelivery, payment: &Object<'_>) -> Vec<PaymentEvent> {
    let id = payment.text("id");
    let reading = |what: &str| {
        Reading::new(delivery, NAME, "payment")
            .event_id(
                id.as_ref()
                    .filter(|_| !what.is_empty())
                    .map(|id| format!("{id}:{what}")),
            )
            .payment_id(id.as_deref())
            .live(payment.text("mode").map(|mode| mode == "live"))
            .account(payment.text("profileId"))
    };
    let word = payment.text("status").unwrap_or_default();
    let standing = reading(&word)
        .status(Some(&word))
        .occurred_at(read::iso(payment.text(since(&word))));
    let standing = match status(&word) {
        Some(status) => standing.tells(Fact::Payment { status }, payment_sum(payment, status)),
        None if word.is_empty() => standing.problem("status is missing"),
        None => standing.tells(Fact::Other, sum(payment, "amount")),
    };
    let totals = [
        ("amountRefunded", "refunded", Fact::RefundedTotal),
        (
            "amountChargedBack",
            "charged_back",
            Fact::Dispute {
                outcome: DisputeOutcome::Open,
            },
        ),
    ];
    let totals = totals.into_iter().filter_map(|(name, word, fact)| {
        let value = payment.object(name)?.scalar("value").unwrap_or_default();
        let money = sum(payment, name);
        // Both stand there as 0.00 while nothing has happened.
        let is_told = match &money {
            Ok(Some(money)) => money.minor.units > 0,
            Ok(None) | Err(_) => true,
        };
        let reading = reading(&format!("{word}:{value}"));
        is_told.then(|| reading.status(Some(word)).tells(fact, money).finish())
    });
    core::iter::once(standing.finish()).chain(totals).collect()
}

/// Where the time of a status stands.
fn since(status: &str) -> &'static str {
    match status {
        "paid" => "paidAt",
        "authorized" => "authorizedAt",
        "failed" => "failedAt",
        "canceled" => "canceledAt",
        "expired" => "expiredAt",
        _ => "createdAt",
    }
}

/// The payment as the API answers it; the webhook itself is `id=` and the payment's id.
fn sample(story: &Story) -> Option<Sample> {
    let word = match story.occasion {
        Occasion::Created => "open",
        Occasion::Pending => "pending",
        Occasion::Authorized => "authorized",
        Occasion::Captured | Occasion::Refunded | Occasion::Disputed => "paid",
        Occasion::Failed => "failed",
        Occasion::Canceled => "canceled",
        Occasion::Expired => "expired",
        Occasion::RequiresAction | Occasion::DisputeWon | Occasion::DisputeLost => return None,
    };
    let exponent = story.currency.exponent();
    let value = story.major(exponent)?;
    let none = zero(exponent);
    let refunded = if story.occasion == Occasion::Refunded {
        &value
    } else {
        &none
    };
    let currency = story.currency;
    let amount = |value: &str| format!(r#"{{"value": "{value}", "currency": "{currency}"}}"#);
    let charged_back = if story.occasion == Occasion::Disputed {
        format!(r#""amountChargedBack": {}, "#, amount(&value))
    } else {
        String::new()
    };
    let at = story.at.to_iso();
    let payment_id = format!("tr_{}", story.payment);
    let body = format!(
        r#"{{"resource": "payment", "id": "{payment_id}", "mode": "{}", "createdAt": "{at}", "amount": {}, "amountRefunded": {}, {charged_back}"description": "Order {}", "method": "ideal", "metadata": null, "status": "{word}", "{}": "{at}", "profileId": "pfl_QkEhN94Ba", "sequenceType": "oneoff", "redirectUrl": "https://shop.example/return", "webhookUrl": "https://pay.example/webhooks/mollie"}}"#,
        if story.live { "live" } else { "test" },
        amount(&value),
        amount(refunded),
        story.payment,
        match since(word) {
            "createdAt" => "expiresAt",
            other => other,
        },
    );
    Some(Sample::json(body, payment_id, "payment"))
}

fn zero(exponent: u8) -> String {
    match usize::from(exponent) {
        0 => "0".into(),
        places => format!("0.{:0places$}", 0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Provider, ProviderId};
    use super::*;
    use crate::delivery::Headers;
    use crate::source::SourceName;
    use crate::time::Timestamp;

    fn told(body: &'static str) -> Vec<(String, String, String)> {
        let delivery = RawDelivery {
            source: SourceName::generic(),
            headers: Headers::default(),
            body: body.into(),
            received_at: Timestamp::from_millis(0),
        };
        let provider = Provider::try_new(ProviderId::MollieClassic, Settings::default()).unwrap();
        let events = provider.read_fetched(&delivery).unwrap();
        let told = |event: PaymentEvent| {
            let fact = event.meaning.unwrap().fact;
            let said = fact.state().unwrap_or(fact.kind()).into();
            (format!("{}", event.key), said, format!("{}", event.amount))
        };
        events.into_iter().map(told).collect()
    }

    #[test]
    fn one_answer_tells_the_payment_and_what_went_back_of_it() {
        let expected = [
            ("generic/tr_1:paid", "captured", "10"),
            ("generic/tr_1:refunded:5.00", "refunded_total", "5"),
            ("generic/tr_1:charged_back:10.00", "dispute_open", "10"),
        ];
        let found = told(
            r#"{"resource":"payment","id":"tr_1","mode":"live","status":"paid","amount":{"value":"10.00","currency":"EUR"},"amountRefunded":{"value":"5.00","currency":"EUR"},"amountChargedBack":{"value":"10.00","currency":"EUR"}}"#,
        );
        let expected = expected.map(|(key, said, amount)| (key.into(), said.into(), amount.into()));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_no_payment_moves_none_and_what_has_no_status_is_for_a_person() {
        for (body, said) in [
            (
                r#"{"resource":"order","id":"ord_1","status":"paid"}"#,
                "other",
            ),
            (
                r#"{"resource":"payment","id":"tr_1","status":"new"}"#,
                "other",
            ),
            (r#"{"resource":"payment","id":"tr_1"}"#, "unreadable"),
            (r#"{"resource":"payment","status":"paid"}"#, "unreadable"),
            (r#"{"status":404,"title":"Not Found"}"#, "unreadable"),
        ] {
            let found = told(body);
            assert_eq!(found.len(), 1, "{body}");
            assert_eq!(found[0].1, said, "{body}");
        }
    }
}
