//! What must not settle a payment: money that goes out, that another event tells of as well, or that
//! is none. The shipped filter starts a settlement for every event that says `captured`, and the
//! gateway's key is made of the source, the payment, that word and the operation.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use domain::delivery::{Headers, RawDelivery};
use domain::event::PaymentEvent;
use domain::providers::{Provider, ProviderId, Settings};
use domain::secret::Secret;
use domain::signature::{SignatureRefusal, challenge_answer};
use domain::source::SourceName;
use domain::time::Timestamp;

const NOW: Timestamp = Timestamp::from_millis(1_795_418_923_000);

fn provider(id: ProviderId) -> Provider {
    Provider::try_new(id, Settings::default()).unwrap()
}

fn delivery(body: &str) -> RawDelivery {
    RawDelivery {
        source: SourceName::generic(),
        headers: Headers::default(),
        body: body.as_bytes().to_vec().into(),
        received_at: NOW,
    }
}

fn read(id: ProviderId, body: &str) -> PaymentEvent {
    let mut events = provider(id).read_fetched(&delivery(body)).unwrap();
    assert_eq!(events.len(), 1, "{body}");
    events.remove(0)
}

/// The payment, and what tells one capture of it from another; `None` where nothing is captured.
fn captured(id: ProviderId, body: &str) -> Option<(String, Option<String>)> {
    let event = read(id, body);
    let meaning = event.meaning.unwrap();
    (meaning.fact.state() == Some("captured")).then_some((event.payment_id, meaning.operation))
}

#[test]
fn money_is_taken_when_it_comes_in_and_once() {
    let wise = r#"{"event_type":"transfers#state-change","data":{"resource":{"type":"transfer","id":111},"current_state":"outgoing_payment_sent","occurred_at":"2026-01-01T12:34:56Z"}}"#;
    let session = r#"{"id":"evt_1","type":"checkout.session.completed","data":{"object":{"id":"cs_1","object":"checkout.session","mode":"subscription","payment_intent":null,"invoice":"in_1","amount_total":2000,"currency":"usd","payment_status":"paid","status":"complete"}}}"#;
    let transfer = |direction: &str, kind: &str| {
        format!(
            r#"{{"type":"balancePlatform.transfer.updated","environment":"live","data":{{"id":"3JERI65","type":"{kind}","direction":"{direction}","status":"booked","sequenceNumber":3,"amount":{{"value":110000,"currency":"EUR"}}}}}}"#
        )
    };
    let worldpay = |event: &str| {
        format!(
            r#"{{"eventId":"1","eventDetails":{{"classification":"payment","transactionReference":"T","type":"{event}","amount":{{"value":1000,"currencyCode":"EUR"}}}}}}"#
        )
    };
    let order = |status: &str| {
        format!(
            r#"{{"id":1,"financial_status":"{status}","total_price":"10.00","currency":"EUR"}}"#
        )
    };
    let sale = r#"{"id":5,"order_id":1,"kind":"sale","status":"success","amount":"10.00","currency":"EUR"}"#;
    let link = r#"{"id":"event_1","type":"payment-link.paid","entityId":"pl_1","createdAt":"2026-01-01T12:34:56Z","_embedded":{"entity":{"resource":"payment-link","id":"pl_1","amount":{"value":"10.00","currency":"EUR"}}}}"#;
    for (id, body, expected) in [
        (ProviderId::Wise, wise.to_owned(), None),
        (ProviderId::Stripe, session.to_owned(), None),
        (
            ProviderId::Stripe,
            session.replace("null", r#""pi_1""#),
            Some(("pi_1", None)),
        ),
        (
            ProviderId::AdyenPlatform,
            transfer("outgoing", "bankTransfer"),
            None,
        ),
        (ProviderId::AdyenPlatform, transfer("incoming", "fee"), None),
        (
            ProviderId::AdyenPlatform,
            transfer("incoming", "capture"),
            Some(("3JERI65", Some("3JERI65"))),
        ),
        (
            ProviderId::Worldpay,
            worldpay("sentForSettlement"),
            Some(("T", Some("T"))),
        ),
        (ProviderId::Worldpay, worldpay("settled"), None),
        (ProviderId::Shopify, order("paid"), Some(("1", None))),
        (ProviderId::Shopify, order("partially_refunded"), None),
        (ProviderId::Shopify, sale.to_owned(), None),
        (ProviderId::Mollie, link.to_owned(), None),
    ] {
        let found = captured(id, &body);
        let found = found
            .as_ref()
            .map(|(payment, operation)| (payment.as_str(), operation.as_deref()));
        assert_eq!(found, expected, "{body}");
    }
}

#[test]
fn the_ariary_has_no_decimal_places_at_stripe() {
    let body = r#"{"id":"evt_1","type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","object":"payment_intent","amount":50000,"amount_received":50000,"currency":"mga","status":"succeeded"}}}"#;
    let event = read(ProviderId::Stripe, body);
    assert_eq!(event.amount.to_string(), "50000");
}

#[test]
fn what_we_answer_to_a_challenge_is_no_notification() {
    let secret = Secret::new("main", "private").with_id("public");
    let challenge = "20f9f8ed05f77439fe955c977e4c8a53";
    let answer = challenge_answer(challenge, core::slice::from_ref(&secret), NOW).unwrap();
    let answer = answer.replace('|', "%7C");
    for end in ["", "%0A", "&n=1"] {
        let form = delivery(&format!(
            "bt_signature={answer}&bt_payload={challenge}{end}"
        ));
        let verdict = provider(ProviderId::Braintree).verify(form, core::slice::from_ref(&secret));
        let refusal = verdict.map(|_| ()).map_err(|(refusal, _)| refusal);
        assert_eq!(refusal, Err(SignatureRefusal::HeaderMalformed), "{end:?}");
    }
}

#[test]
fn what_is_not_signed_of_a_form_makes_no_new_event() {
    let key = |form: &str| read(ProviderId::Braintree, form).key;
    // `<notification><kind>check</kind></notification>`
    let form = "bt_payload=PG5vdGlmaWNhdGlvbj48a2luZD5jaGVjazwva2luZD48L25vdGlmaWNhdGlvbj4%3D";
    assert_eq!(key(form), key(&format!("{form}&n=1")));
    assert_ne!(key(form), key("bt_payload=AAAA"));
}

/// Nothing is escaped in what Adyen signs, so the same text can be cut elsewhere.
#[test]
fn a_signed_item_of_adyen_cannot_be_cut_into_another() {
    let secret = Secret::new("main", "c5".repeat(32));
    let item = |fields: [&str; 4], mac: &str| {
        let [psp, original, account, reference] = fields;
        delivery(&format!(
            r#"{{"live":"true","notificationItems":[{{"NotificationRequestItem":{{"additionalData":{{"hmacSignature":"{mac}"}},"pspReference":{psp},"originalReference":{original},"merchantAccountCode":{account},"merchantReference":{reference},"amount":{{"value":1000,"currency":"EUR"}},"eventCode":"CAPTURE","success":"true"}}}}]}}"#
        ))
    };
    // HMAC-SHA-256 of `8515A:84140:Shop:inv:17:1000:EUR:CAPTURE:true`.
    let mac = "Q/8IEkustqcHkSWzo1vsqlPUy+rzSQRmIZAI7iYOTTU=";
    let verdict = |fields| {
        let secrets = core::slice::from_ref(&secret);
        let verdict = provider(ProviderId::Adyen).verify(item(fields, mac), secrets);
        verdict.map_err(|(refusal, _)| refusal)
    };
    let payment = |fields| {
        let proof = verdict(fields).unwrap();
        let events = provider(ProviderId::Adyen).read(&proof).unwrap();
        events[0].payment_id.clone()
    };
    let genuine = [r#""8515A""#, r#""84140""#, r#""Shop""#, r#""inv:17""#];
    assert_eq!(payment(genuine), "84140");
    // A number is signed as it is written, and read so, too.
    assert_eq!(
        payment([genuine[0], "84140", genuine[2], genuine[3]]),
        "84140"
    );
    for shifted in [
        [r#""8515A:84140""#, r#""Shop""#, r#""inv""#, r#""17""#],
        [r#""8515A""#, r#""84140:Shop""#, r#""inv""#, r#""17""#],
        [r#""8515A""#, r#""84140""#, r#""Shop:inv""#, r#""17""#],
    ] {
        let refusal = verdict(shifted).map(|_| ());
        assert_eq!(refusal, Err(SignatureRefusal::HeaderMalformed));
    }
}

#[test]
fn an_authorization_is_the_money_where_captures_are_automatic() {
    let item = r#"{"live":"true","notificationItems":[{"NotificationRequestItem":{"pspReference":"8515A","merchantAccountCode":"Shop","amount":{"value":1000,"currency":"EUR"},"eventCode":"AUTHORISATION","success":"SUCCESS"}}]}"#;
    for (automatic_capture, success, expected) in [
        (false, "true", "authorized"),
        (true, "true", "captured"),
        (true, "false", "failed"),
    ] {
        let settings = Settings {
            automatic_capture,
            ..Settings::default()
        };
        let adyen = Provider::try_new(ProviderId::Adyen, settings.clone()).unwrap();
        let events = adyen.read_fetched(&delivery(&item.replace("SUCCESS", success)));
        let meaning = events.unwrap().remove(0).meaning.unwrap();
        assert_eq!(meaning.fact.state(), Some(expected));
        let other = Provider::try_new(ProviderId::Stripe, settings);
        assert_eq!(other.is_ok(), !automatic_capture);
    }
}
