//! Coinbase Commerce: charges that are priced in money and paid on a chain.
//!
//! `charge:pending` says that the funds are there and may still be lost with the block that holds
//! them; only `charge:confirmed` is final.

use alloc::format;
use alloc::vec::Vec;

use super::read::{self, Money, Reading};
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

const NAME: &str = "coinbase-commerce";

/// Coinbase Commerce.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Coinbase Commerce",
    scheme,
    read,
    sample,
    ack: Ack::Any2xx,
    amounts: Amounts::Major,
    exponents: &[],
    rules: PaymentRules {
        // The API's charge lists transactions that failed beside those that paid it.
        may_succeed_after_failure: true,
        may_succeed_after_end: false,
    },
    facts: Facts {
        header: "X-CC-Webhook-Signature",
        algorithm: "HMAC-SHA-256 in hex; the key is the shared secret as text",
        signed: "{body}",
        tolerance: "none: no time is signed",
        dedupe: "event.id",
        fields: "event.data.id or .code; event.data.pricing.local.amount (major) or that of the last payment; .currency; event.type",
        retries: "not documented; each attempt counts up attempt_number in the body",
        sources: &[
            "https://docs.cdp.coinbase.com/commerce/api-arcitecture/webhooks-security",
            "https://docs.cdp.coinbase.com/commerce/api-arcitecture/webhooks-fields",
            "https://docs.cdp.coinbase.com/commerce/introduction/payment-status",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "charge:delayed and charge:resolved, which the present documentation no longer names",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::Hmac(HmacScheme::plain("x-cc-webhook-signature")))
}

fn read(delivery: &RawDelivery, _: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let Some(event) = body.object("event") else {
        let reading = Reading::new(delivery, NAME, "");
        return Ok(alloc::vec![reading.problem("event is missing").finish()]);
    };
    let event_type = event.text("type").unwrap_or_default();
    let reading = Reading::new(delivery, NAME, &event_type)
        // A retry counts its attempts up beside the event.
        .by_content()
        .event_id(event.text("id"))
        .occurred_at(read::iso(event.text("created_at")));
    let reading = match event.object("data") {
        Some(charge) => {
            let newest = charge.objects("timeline").pop();
            reading
                .payment_id(charge.text("id").or_else(|| charge.text("code")))
                .status(newest.and_then(|entry| entry.text("status")))
                .tells(fact(&event_type), money(&charge))
        }
        None => reading.problem("event.data is missing"),
    };
    Ok(alloc::vec![reading.finish()])
}

/// The price; where the customer chooses it, what was paid.
fn money(charge: &Object<'_>) -> Result<Option<Money>, &'static str> {
    let paid = || {
        charge
            .objects("payments")
            .pop()?
            .object_at(&["value", "local"])
    };
    let Some(local) = charge.object_at(&["pricing", "local"]).or_else(paid) else {
        return Ok(None);
    };
    let code = local.text("currency");
    // No ISO 4217 currency: the charge's state is kept, its sum is not.
    if code.as_deref() == Some("USDC") {
        return Ok(None);
    }
    read::major(
        local.scalar("amount").as_deref(),
        code.as_deref(),
        SPEC.exponents,
    )
}

fn fact(event_type: &str) -> Fact {
    let payment = |status| Fact::Payment { status };
    match event_type {
        "charge:created" => payment(PaymentStatus::Created),
        // A delayed one came after the charge had expired, and is the merchant's to decide on.
        "charge:pending" | "charge:delayed" => payment(PaymentStatus::Pending),
        "charge:confirmed" => payment(PaymentStatus::Captured),
        "charge:failed" => payment(PaymentStatus::Failed),
        // `charge:resolved`: the merchant has closed it by hand, paid in full or not.
        _ => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (event_type, status) = match story.occasion {
        Occasion::Created => ("charge:created", "NEW"),
        Occasion::Pending => ("charge:pending", "PENDING"),
        Occasion::Captured => ("charge:confirmed", "COMPLETED"),
        Occasion::Failed => ("charge:failed", "EXPIRED"),
        Occasion::RequiresAction
        | Occasion::Authorized
        | Occasion::Canceled
        | Occasion::Expired
        | Occasion::Refunded
        | Occasion::Disputed
        | Occasion::DisputeWon
        | Occasion::DisputeLost => return None,
    };
    let amount = story.major(story.exponent(SPEC.exponents))?;
    let currency = story.currency;
    let at = story.at.to_iso();
    let id = &story.payment;
    let code = id.to_ascii_uppercase();
    let newest = if status == "NEW" {
        alloc::string::String::new()
    } else {
        format!(r#",{{"status":"{status}","time":"{at}"}}"#)
    };
    let body = format!(
        r#"{{"attempt_number":1,"event":{{"api_version":"2018-03-22","created_at":"{at}","data":{{"id":"{id}","code":"{code}","hosted_url":"https://commerce.coinbase.com/pay/{id}","name":"order {id}","pricing":{{"local":{{"amount":"{amount}","currency":"{currency}"}}}},"pricing_type":"fixed_price","timeline":[{{"status":"NEW","time":"{at}"}}{newest}]}},"id":"{event}","resource":"event","type":"{event_type}"}},"id":"delivery-{event}","scheduled_for":"{at}"}}"#,
        event = story.event,
    );
    Some(Sample::json(body, id.clone(), event_type))
}
