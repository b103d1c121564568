//! Shopify: the order is the payment.
//!
//! The topic and the delivery's id stand in headers that are not signed. What an event tells is
//! read from the signed body alone, by its shape, and the topic is only the name that people see:
//! whoever sends a captured body again under another topic says nothing new.

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
use crate::signature::{HmacScheme, Scheme, SignatureEncoding};
use crate::status::PaymentStatus;

const NAME: &str = "shopify";

const TOPIC: &str = "x-shopify-topic";

/// Shopify.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Shopify",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules {
        // One order is paid with another card after a transaction that failed.
        may_succeed_after_failure: true,
        may_succeed_after_end: false,
    },
    facts: Facts {
        header: "X-Shopify-Hmac-SHA256 (or Shopify-Hmac-SHA256), X-Shopify-Topic",
        algorithm: "HMAC-SHA-256 in base64; the key is the app's client secret",
        signed: "{body}",
        tolerance: "none: no time is signed",
        dedupe: "the body's SHA-256, for a refund its id with the transaction's id and status; X-Shopify-Webhook-Id is not signed and proves nothing",
        fields: "order: id, total_price_set.presentment_money or total_price and currency, financial_status; transaction, refund and dispute: order_id, amount (major), currency, kind and status. An order is captured when it is paid: subscribe to orders/paid, transactions alone start nothing. Test orders come under the same secret, with live false: a filter of your own can keep them out",
        retries: "8 times in 4 hours, with the body of the first; 1 s to connect and 5 s in all; a subscription of the Admin API that goes on failing is removed",
        sources: &[
            "https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
            "https://shopify.dev/docs/api/webhooks",
            "https://shopify.dev/changelog",
        ],
        evidence: Evidence::SdkCrossCheck,
        unconfirmed: "That a transaction's amount is in the currency the customer sees, where it differs from the shop's.",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme {
        aliases: &["shopify-hmac-sha256"],
        encoding: SignatureEncoding::Base64,
        ..HmacScheme::plain("x-shopify-hmac-sha256")
    }))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let topic = |shape: &'static str| {
        let topic = read::header(delivery, TOPIC).or(read::header(delivery, "shopify-topic"));
        Reading::new(delivery, NAME, topic.unwrap_or(shape))
    };
    if body.raw("refund_line_items").is_some() && body.raw("transactions").is_some() {
        return Ok(refund(delivery, &body, || topic("refund")));
    }
    let reading = if body.raw("financial_status").is_some() {
        order(topic("order"), &body)
    } else if body.raw("kind").is_some() && body.raw("order_id").is_some() {
        transaction(
            topic("transaction"),
            &body,
            body.scalar("order_id").as_deref(),
        )
    } else if matches!(body.text("type").as_deref(), Some("chargeback" | "inquiry")) {
        dispute(topic("dispute"), &body)
    } else {
        let id = body.scalar("order_id").or_else(|| body.scalar("id"));
        topic("unknown").payment_id(id)
    };
    Ok(alloc::vec![reading.finish()])
}

fn order<'a>(reading: Reading<'a>, order: &Object<'a>) -> Reading<'a> {
    use PaymentStatus::{Authorized, Canceled, Captured, Expired, Pending};
    let status = order.text("financial_status");
    let payment = |status| Fact::Payment { status };
    let fact = match status.as_deref() {
        Some("pending" | "partially_paid") => payment(Pending),
        Some("authorized") => payment(Authorized),
        // An order is told again and again; when it is refunded in part, the refund tells.
        Some("paid") => payment(Captured),
        Some("voided") => payment(Canceled),
        Some("expired") => payment(Expired),
        Some("refunded") => Fact::RefundedTotal,
        Some(_) | None => Fact::Other,
    };
    // What the customer has paid, as transactions count it; the shop's currency may be another.
    let paid = order.object_at(&["total_price_set", "presentment_money"]);
    let (amount, currency) = match &paid {
        Some(paid) => (paid.scalar("amount"), paid.text("currency_code")),
        None => (order.scalar("total_price"), order.text("currency")),
    };
    let money = read::major(amount.as_deref(), currency.as_deref(), SPEC.exponents);
    reading
        .payment_id(order.scalar("id"))
        .status(status)
        .occurred_at(read::iso(
            order
                .text("updated_at")
                .or_else(|| order.text("created_at")),
        ))
        .live(order.flag("test").map(|is_test| !is_test))
        .tells(fact, money)
}

/// One event for each transaction of a refund: a gift card and a card have one each.
fn refund<'a>(
    delivery: &RawDelivery,
    refund: &Object<'a>,
    reading: impl Fn() -> Reading<'a>,
) -> Vec<PaymentEvent> {
    let (id, order) = (refund.scalar("id"), refund.scalar("order_id"));
    let transactions = refund.objects("transactions");
    let mut events = read::batch(delivery, NAME, &transactions, |each| {
        let status = each.text("status");
        let key = match (&id, each.scalar("id"), &status) {
            (Some(id), Some(own), Some(status)) => Some(format!("refund:{id}:{own}:{status}")),
            (_, _, _) => None,
        };
        let reading = transaction(reading(), each, order.as_deref())
            .by_content()
            .event_id(key.as_deref());
        if key.is_none() && transactions.len() > 1 {
            return reading
                .problem("a transaction without id or status")
                .finish();
        }
        reading.finish()
    });
    if refund.raw("transactions") != Some("[]") && !refund.is_list_of_objects("transactions") {
        let problem = "transactions is no list of objects";
        events.push(read::unreadable(delivery, NAME, problem));
    }
    if events.is_empty() {
        // Goods came back, and no money went.
        return alloc::vec![reading().payment_id(order).finish()];
    }
    events
}

fn transaction<'a>(
    reading: Reading<'a>,
    transaction: &Object<'a>,
    order: Option<&str>,
) -> Reading<'a> {
    use PaymentStatus::{Authorized, Canceled, Failed, Pending};
    let (kind, status) = (transaction.text("kind"), transaction.text("status"));
    let payment = |status| Fact::Payment { status };
    let fact = match (kind.as_deref(), status.as_deref()) {
        (Some("refund"), outcome) => Fact::Refund {
            outcome: match outcome {
                Some("success") => RefundOutcome::Succeeded,
                Some("failure" | "error") => RefundOutcome::Failed,
                Some(_) | None => RefundOutcome::Pending,
            },
        },
        (Some("authorization"), Some("success")) => payment(Authorized),
        // The order tells when it is paid. Counting both would take the money twice.
        (Some("sale" | "capture"), Some("success")) => Fact::Other,
        (Some("void"), Some("success")) => payment(Canceled),
        (Some("authorization" | "sale" | "capture"), Some("pending")) => payment(Pending),
        (Some("authorization" | "sale" | "capture"), Some("failure" | "error")) => payment(Failed),
        (_, _) => Fact::Other,
    };
    let money = read::major(
        transaction.scalar("amount").as_deref(),
        transaction.text("currency").as_deref(),
        SPEC.exponents,
    );
    reading
        .payment_id(order)
        .status(kind.map(|kind| format!("{kind} {}", status.unwrap_or_default())))
        .operation(transaction.scalar("id"))
        .occurred_at(read::iso(
            transaction
                .text("processed_at")
                .or_else(|| transaction.text("created_at")),
        ))
        .live(transaction.flag("test").map(|is_test| !is_test))
        .tells(fact, money)
}

fn dispute<'a>(reading: Reading<'a>, dispute: &Object<'a>) -> Reading<'a> {
    let status = dispute.text("status");
    let outcome = match status.as_deref() {
        Some("won") => DisputeOutcome::Won,
        // The money is the customer's, whoever gave it.
        Some("lost" | "accepted" | "charge_refunded") => DisputeOutcome::Lost,
        Some(_) | None => DisputeOutcome::Open,
    };
    let money = read::major(
        dispute.scalar("amount").as_deref(),
        dispute.text("currency").as_deref(),
        SPEC.exponents,
    );
    reading
        .payment_id(dispute.scalar("order_id"))
        .status(status)
        .operation(dispute.scalar("id"))
        .occurred_at(read::iso(
            dispute
                .text("finalized_on")
                .or_else(|| dispute.text("initiated_at")),
        ))
        .tells(Fact::Dispute { outcome }, money)
}

fn sample(story: &Story) -> Option<Sample> {
    let (topic, status) = match story.occasion {
        Occasion::Pending => ("orders/create", "pending"),
        Occasion::Authorized => ("orders/create", "authorized"),
        Occasion::Captured => ("orders/paid", "paid"),
        Occasion::Failed => ("order_transactions/create", "failure"),
        Occasion::Canceled => ("orders/cancelled", "voided"),
        Occasion::Expired => ("orders/updated", "expired"),
        Occasion::Refunded => ("refunds/create", "success"),
        Occasion::Disputed => ("disputes/create", "needs_response"),
        Occasion::DisputeWon => ("disputes/update", "won"),
        Occasion::DisputeLost => ("disputes/update", "lost"),
        Occasion::Created | Occasion::RequiresAction => return None,
    };
    let order = format!("{}", number(&story.payment));
    let own = number(&story.event);
    let amount = story.major(story.exponent(SPEC.exponents))?;
    let (currency, time) = (story.currency, story.at.to_iso());
    let test = !story.live;
    let transaction = |kind: &str| -> String {
        format!(
            r#"{{"id":{own},"order_id":{order},"kind":"{kind}","gateway":"shopify_payments","status":"{status}","message":null,"created_at":"{time}","test":{test},"parent_id":null,"processed_at":"{time}","amount":"{amount}","currency":"{currency}","payment_id":"c{own}.1","admin_graphql_api_id":"gid://shopify/OrderTransaction/{own}"}}"#
        )
    };
    let body = match topic.split_once('/') {
        Some(("refunds", _)) => format!(
            r#"{{"id":{own},"order_id":{order},"created_at":"{time}","note":null,"processed_at":"{time}","refund_line_items":[],"transactions":[{}],"order_adjustments":[],"admin_graphql_api_id":"gid://shopify/Refund/{own}"}}"#,
            transaction("refund")
        ),
        Some(("order_transactions", _)) => transaction("sale"),
        Some(("disputes", _)) => format!(
            r#"{{"id":{own},"order_id":{order},"type":"chargeback","amount":"{amount}","currency":"{currency}","reason":"fraudulent","network_reason_code":"4837","status":"{status}","evidence_due_by":"{time}","evidence_sent_on":null,"finalized_on":null,"initiated_at":"{time}"}}"#
        ),
        Some(_) | None => format!(
            r##"{{"id":{order},"admin_graphql_api_id":"gid://shopify/Order/{order}","confirmation_number":"{}","created_at":"{time}","currency":"{currency}","financial_status":"{status}","name":"#{order}","presentment_currency":"{currency}","test":{test},"total_price":"{amount}","total_price_set":{{"shop_money":{{"amount":"{amount}","currency_code":"{currency}"}},"presentment_money":{{"amount":"{amount}","currency_code":"{currency}"}}}},"updated_at":"{time}","refunds":[]}}"##,
            story.event
        ),
    };
    let event_id = story.event.as_str();
    let sample = Sample::json(body, order, topic)
        .header(TOPIC, topic)
        .header("x-shopify-shop-domain", "payhook-test.myshopify.com")
        .header("x-shopify-webhook-id", event_id);
    Some(sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Headers;
    use crate::event::EventId;
    use crate::source::SourceName;
    use crate::time::Timestamp;
    use bytes::Bytes;

    fn events(topic: &str, body: &str) -> Vec<PaymentEvent> {
        let delivery = RawDelivery {
            source: SourceName::generic(),
            headers: Headers::new([(TOPIC, Bytes::copy_from_slice(topic.as_bytes()))]),
            body: Bytes::copy_from_slice(body.as_bytes()),
            received_at: Timestamp::from_millis(0),
        };
        read(&delivery, &Settings::default()).unwrap()
    }

    #[test]
    fn each_transaction_of_a_refund_is_an_event_and_the_topic_decides_nothing() {
        let body = r#"{"id":9,"order_id":1,"refund_line_items":[],"transactions":[
            {"id":5,"order_id":1,"kind":"refund","status":"success","amount":"1.50","currency":"EUR"},
            {"id":6,"order_id":1,"kind":"refund","status":"pending","amount":"2.00","currency":"EUR"}]}"#;
        for topic in ["refunds/create", "orders/paid"] {
            let events = events(topic, body);
            let ids: Vec<&EventId> = events.iter().map(|event| &event.key.id).collect();
            assert_eq!(
                ids,
                [
                    &EventId::Provider("refund:9:5:success".into()),
                    &EventId::Provider("refund:9:6:pending".into())
                ]
            );
            for (event, outcome) in events
                .iter()
                .zip([RefundOutcome::Succeeded, RefundOutcome::Pending])
            {
                assert_eq!(event.payment_id, "1");
                let meaning = event.meaning.as_ref().unwrap();
                assert_eq!(meaning.fact, Fact::Refund { outcome });
            }
        }
    }

    #[test]
    fn goods_without_money_move_no_payment() {
        let body = r#"{"id":9,"order_id":1,"refund_line_items":[],"transactions":[]}"#;
        let events = events("refunds/create", body);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].meaning.as_ref().unwrap().fact, Fact::Other);
    }
}
