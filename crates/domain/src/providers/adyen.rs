//! Adyen's standard webhooks: several items in one body, each signed over eight of its fields.
//!
//! `live`, `eventDate`, `reason`, `paymentMethod` and the rest are not signed: whoever has seen a
//! genuine item can change them. They are kept as hints, and nothing here rests on them.

use alloc::format;
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
use crate::signature::{Scheme, item_text};
use crate::status::PaymentStatus;

const NAME: &str = "adyen";

/// Adyen's standard webhooks.
pub(super) static SPEC: Spec = Spec {
    name: NAME,
    title: "Adyen (standard)",
    scheme,
    read,
    sample,
    ack: Ack::Text("[accepted]"),
    amounts: Amounts::Minor,
    exponents: &[("CLP", 2), ("CVE", 0), ("IDR", 0), ("ISK", 2)],
    rules: PaymentRules::STRICT,
    facts: Facts {
        header: "none: notificationItems[].NotificationRequestItem.additionalData.hmacSignature",
        algorithm: "HMAC-SHA-256 in base64; the key is the secret's hex decoded",
        signed: "pspReference:originalReference:merchantAccountCode:merchantReference:amount.value:amount.currency:eventCode:success",
        tolerance: "none: no time is signed",
        dedupe: "pspReference, eventCode and success of each item",
        fields: "originalReference or pspReference; amount.value (minor); amount.currency; eventCode and success. With automatic capture, Adyen's own default, there is no CAPTURE: set `automatic_capture`, and AUTHORISATION is the money",
        retries: "3 at once, then after 2 min to 8 h for up to 30 days, one after the other for each endpoint",
        sources: &[
            "https://docs.adyen.com/development-resources/webhooks/verify-hmac-signatures",
            "https://docs.adyen.com/development-resources/currency-codes",
            "https://docs.adyen.com/development-resources/webhooks/troubleshoot",
        ],
        evidence: Evidence::PublishedVectors,
        unconfirmed: "",
    },
};

fn scheme(_: &Settings) -> Result<Scheme, InvalidSettings> {
    Ok(Scheme::AdyenItems)
}

fn read(delivery: &RawDelivery, settings: &Settings) -> Result<Vec<PaymentEvent>, ReadRefusal> {
    let body = match read::body(delivery, NAME) {
        Ok(body) => body,
        Err(unreadable) => return Ok(unreadable),
    };
    let live = match body.scalar("live").as_deref() {
        Some("true") => Some(true),
        Some("false") => Some(false),
        Some(_) | None => None,
    };
    let events: Vec<PaymentEvent> = body
        .objects("notificationItems")
        .iter()
        .filter_map(|item| item.object("NotificationRequestItem"))
        .map(|item| event(delivery, &item, live, settings.automatic_capture))
        .collect();
    if events.is_empty() {
        let unreadable = Reading::new(delivery, NAME, "unreadable");
        return Ok(alloc::vec![
            unreadable
                .problem("notificationItems holds no item")
                .finish()
        ]);
    }
    Ok(events)
}

fn event(
    delivery: &RawDelivery,
    item: &Object<'_>,
    live: Option<bool>,
    is_captured_at_once: bool,
) -> PaymentEvent {
    let code = item_text(item, "eventCode");
    let own = item_text(item, "pspReference");
    let success = item_text(item, "success");
    // A modification belongs to the payment that it modifies.
    let original = item_text(item, "originalReference");
    let payment = Some(original)
        .filter(|id| !id.is_empty())
        .unwrap_or(own.clone());
    let amount = item.object("amount");
    let amount_text = |name| amount.as_ref().and_then(|amount| amount.scalar(name));
    let told = fact(&code, &success);
    let authorized = Fact::Payment {
        status: PaymentStatus::Authorized,
    };
    // Where captures are automatic, nothing more is said of them.
    let fact = if is_captured_at_once && told == authorized {
        Fact::Payment {
            status: PaymentStatus::Captured,
        }
    } else {
        told
    };
    let money = read::minor(
        amount_text("value").as_deref(),
        amount_text("currency").as_deref(),
        SPEC.exponents,
    );
    Reading::new(delivery, NAME, &code)
        .by_content()
        .event_id(Some(format!("{own}:{code}:{success}")).filter(|_| !own.is_empty()))
        .payment_id(Some(payment))
        .status(Some(format!("{code} success={success}")))
        .operation(Some(own))
        .occurred_at(read::iso(item.text("eventDate")))
        .live(live)
        .account(item.scalar("merchantAccountCode"))
        .tells(fact, money)
        .finish()
}

/// <https://docs.adyen.com/development-resources/webhooks/webhook-types>
fn fact(code: &str, success: &str) -> Fact {
    use PaymentStatus::{Authorized, Canceled, Captured, Expired, Failed, Pending};
    let payment = |status| Fact::Payment { status };
    let is_success = success == "true";
    match code {
        "AUTHORISATION" if is_success => payment(Authorized),
        "AUTHORISATION" => payment(Failed),
        "PENDING" => payment(Pending),
        "OFFER_CLOSED" | "EXPIRE" => payment(Expired),
        "CAPTURE" if is_success => payment(Captured),
        // A capture that was refused or fell through later.
        "CAPTURE" | "CAPTURE_FAILED" => Fact::CaptureFailed,
        "CANCELLATION" | "TECHNICAL_CANCEL" | "VOID_PENDING_REFUND" if is_success => {
            payment(Canceled)
        }
        "REFUND" | "REFUND_WITH_DATA" | "CANCEL_OR_REFUND" if is_success => Fact::Refund {
            outcome: RefundOutcome::Succeeded,
        },
        "REFUND" | "REFUND_WITH_DATA" | "REFUND_FAILED" | "REFUNDED_REVERSED" => Fact::Refund {
            outcome: RefundOutcome::Failed,
        },
        "SECOND_CHARGEBACK" | "PREARBITRATION_LOST" => Fact::Dispute {
            outcome: DisputeOutcome::Lost,
        },
        "NOTIFICATION_OF_CHARGEBACK" | "CHARGEBACK" => Fact::Dispute {
            outcome: DisputeOutcome::Open,
        },
        "CHARGEBACK_REVERSED" | "PREARBITRATION_WON" => Fact::Dispute {
            outcome: DisputeOutcome::Won,
        },
        _ => Fact::Other,
    }
}

fn sample(story: &Story) -> Option<Sample> {
    let (code, success) = match story.occasion {
        Occasion::Pending => ("PENDING", true),
        Occasion::Authorized => ("AUTHORISATION", true),
        Occasion::Captured => ("CAPTURE", true),
        Occasion::Failed => ("AUTHORISATION", false),
        Occasion::Canceled => ("CANCELLATION", true),
        Occasion::Expired => ("OFFER_CLOSED", true),
        Occasion::Refunded => ("REFUND", true),
        Occasion::Disputed => ("CHARGEBACK", true),
        Occasion::DisputeWon => ("CHARGEBACK_REVERSED", true),
        Occasion::DisputeLost => ("SECOND_CHARGEBACK", true),
        Occasion::Created | Occasion::RequiresAction => return None,
    };
    let units = story.minor(story.exponent(SPEC.exponents))?;
    let payment_id = story.payment.to_ascii_uppercase();
    let is_own = matches!(code, "AUTHORISATION" | "PENDING" | "OFFER_CLOSED");
    let (own, original) = if is_own {
        (payment_id.clone(), alloc::string::String::new())
    } else {
        (
            story.event.to_ascii_uppercase(),
            format!(r#""originalReference":"{payment_id}","#),
        )
    };
    let body = format!(
        r#"{{"live":"{}","notificationItems":[{{"NotificationRequestItem":{{"additionalData":{{"hmacSignature":""}},"amount":{{"currency":"{}","value":{units}}},"eventCode":"{code}","eventDate":"{}","merchantAccountCode":"PayhookTest","merchantReference":"order-{}",{original}"paymentMethod":"visa","pspReference":"{own}","reason":"","success":"{success}"}}}}]}}"#,
        story.live,
        story.currency,
        story.at.to_iso(),
        story.payment,
    );
    Some(Sample::json(body, payment_id, code))
}
