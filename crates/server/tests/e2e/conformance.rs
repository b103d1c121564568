//! What can be asked of any receiver of webhooks: the scenarios of
//! <https://github.com/luckyteagirl/webhook-receiver-conformance> (`SCN-001` to `SCN-016` of its
//! catalogue), each against the real binary, with a gateway that counts what was really done.
//!
//! | Scenario | What is asked | Test |
//! |---|---|---|
//! | SCN-001 | one delivery, one effect | [`one_delivery_has_one_effect_and_a_repeat_none`] |
//! | SCN-002 | a repeat later | the same, and `custody::a_duplicate_gets_the_first_answer_again_also_after_a_crash` |
//! | SCN-003 | repeats at once | [`repeats_at_the_same_moment_have_one_effect`], and `custody::many_at_once_are_one` |
//! | SCN-004 | the later event first | [`what_follows_may_come_first`], and `payments::a_payment_told_backwards_ends_where_one_told_in_order_does` |
//! | SCN-005 | no answer in time, then again | [`a_sender_that_does_not_hear_the_answer_may_send_again`] |
//! | SCN-006 | nobody there, then again | [`a_receiver_that_was_not_there_gets_it_later`] |
//! | SCN-007 | no signature | [`what_is_not_signed_rightly_has_no_effect`], and `front_door::a_missing_signature_is_said_to_be_missing` |
//! | SCN-008 | a signature that is none | the same, and `front_door::a_wrong_signature_is_wrong_in_one_sentence_whatever_its_form` |
//! | SCN-009 | another's key | the same, and `providers::a_secret_of_another_source_is_named_and_mending_it_lets_the_delivery_in` |
//! | SCN-010 | a time that is past | [`a_signature_counts_for_its_time_only`], and `providers::a_clock_that_is_off_is_explained_with_its_seconds` |
//! | SCN-011 | changed once it was signed | [`what_is_not_signed_rightly_has_no_effect`] |
//! | SCN-012 | no JSON, cut off, another content type | [`a_body_that_is_none_is_refused_and_its_type_is_not_believed`], `front_door::a_signed_body_that_says_nothing_is_refused_by_what_is_wrong_with_it` and `payments::what_cannot_be_read_is_kept_and_waits_for_a_person` |
//! | SCN-013 | a restart in between | [`a_restart_between_two_attempts_forgets_nothing`] |
//! | SCN-014 | the sender dies | [`a_sender_that_died_may_send_everything_again`] |
//! | SCN-015 | killed in the middle of the effect | [`a_receiver_that_is_killed_in_the_middle_has_one_effect`], `settling::a_lost_answer_and_a_late_one_move_the_money_once` and `crash.rs` |
//! | SCN-016 | marks that must not be found | `desk::logs_hold_no_body_no_secret_and_no_signature` and `desk::a_body_is_shown_only_when_it_is_asked_for` |
//!
//! One answer differs from the catalogue's on purpose: a provider's event that cannot be read is
//! answered with 200, because it is in custody and a person is asked; only the generic source, whose
//! senders are the operator's own, is told with a 4xx. Its delays (SCN-002, SCN-004, SCN-005) wait
//! for what must have happened in between, not for a time.

use std::time::Duration;

use domain::providers::{Occasion, ProviderId};
use domain::time::Timestamp;
use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::home::{Home, SECRET};
use crate::support::ledger::Act;
use crate::support::provider::{sample, signed_at, signed_body, source, story};
use crate::support::server::Server;
use crate::support::tcp::Connection;
use crate::support::until_async;
use crate::support::webhook::{Webhook, body, signature};

/// A receiver with the generic source and Stripe's, and the gateway that it asks.
async fn receiver() -> (Gateway, Home) {
    let gateway = Gateway::start().await;
    let home = Home::new(&(gateway.config() + &source(ProviderId::Stripe)));
    (gateway, home)
}

async fn counts(server: &Server) -> [u64; 2] {
    let counts = server.api("counts").await;
    ["events", "quarantined"].map(|name| counts[name].as_u64().unwrap())
}

/// Waits until the event `generic/e` is in custody.
async fn is_kept(server: &Server) {
    server.event_that("generic%2Fe", |_| true).await;
}

/// Waits until `generic/e` is settled, and sees that it was so once.
async fn has_one_effect(server: &Server, gateway: &Gateway) {
    let event = server.event_at_rest("generic%2Fe").await;
    assert_eq!(event["event"]["status"], "completed", "{event}");
    assert_eq!(counts(server).await[0], 1);
    assert_eq!(gateway.ledger.effects("p").len(), 1);
    assert_eq!(gateway.ledger.all_asked().len(), 1);
}

/// The request of `generic/e` byte by byte, up to the last one of its body, and that one.
fn in_two_parts() -> (String, String) {
    let body = body("p", "e");
    let head = format!(
        "POST /webhooks HTTP/1.1\r\nhost: payhook\r\nx-webhook-signature: {}\r\n\
         content-length: {}\r\n\r\n",
        signature(SECRET, body.as_bytes()),
        body.len()
    );
    let (most, last) = body.split_at(body.len() - 1);
    (head + most, last.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_delivery_has_one_effect_and_a_repeat_none() {
    let (gateway, home) = receiver().await;
    let server = Server::start(&home);
    let webhook = Webhook::payment("p", "e");
    server.send(&webhook).await.accepts("stored");
    has_one_effect(&server, &gateway).await;
    // Once it is settled, and under another trace, as another attempt has.
    let again = webhook.with(
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    );
    server.send(&again).await.accepts("duplicate");
    has_one_effect(&server, &gateway).await;

    // Stripe signs every attempt anew, with another time.
    let story = story(Occasion::Captured, "1a", "2b");
    let draft = sample(ProviderId::Stripe, &story).draft;
    for (seconds, outcome) in [(-60, "stored"), (0, "duplicate"), (60, "duplicate")] {
        let at = Timestamp::from_millis(story.at.as_millis() + seconds * 1000);
        let webhook = signed_at(ProviderId::Stripe, draft.clone(), at);
        server.send(&webhook).await.accepts(outcome);
    }
    server.event_at_rest("stripe%2Fevt_2b").await;
    assert_eq!(gateway.ledger.effects("pi_1a").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_at_the_same_moment_have_one_effect() {
    let (gateway, home) = receiver().await;
    let server = Server::start(&home);
    let (most, last) = in_two_parts();
    let mut connections: Vec<Connection> = (0..8)
        .map(|_| {
            let mut connection = Connection::open(server.listen);
            connection.send(&most);
            connection
        })
        .collect();
    // All of them lack the same last byte, and then nothing.
    for connection in &mut connections {
        connection.send(&last);
    }
    let mut outcomes: Vec<String> = connections
        .iter_mut()
        .map(|connection| connection.answer().header("x-payhook-outcome").to_owned())
        .collect();
    outcomes.sort();
    let mut expected = vec!["duplicate"; 7];
    expected.push("stored");
    assert_eq!(outcomes, expected);
    has_one_effect(&server, &gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_may_come_first() {
    let (gateway, home) = receiver().await;
    let server = Server::start(&home);
    let standing = async || -> [Value; 3] {
        let payment = server.api("payments/pi_1a").await;
        ["status", "amount", "refunded"].map(|name| payment[0][name].clone())
    };
    let send = async |occasion| {
        let sample = sample(
            ProviderId::Stripe,
            &story(occasion, "1a", occasion.as_str()),
        );
        let webhook = signed_body(ProviderId::Stripe, sample.draft.body);
        server.send(&webhook).await.accepts("stored");
    };
    send(Occasion::Refunded).await;
    // Without the payment nobody knows whether that was all of it.
    assert_eq!(
        standing().await,
        [json!("partially_refunded"), Value::Null, json!("10.00 EUR")]
    );
    assert!(gateway.ledger.all_asked().is_empty());
    send(Occasion::Captured).await;
    assert_eq!(
        standing().await,
        ["refunded", "10.00 EUR", "10.00 EUR"].map(Value::from)
    );
    server.event_at_rest("stripe%2Fevt_captured").await;
    assert_eq!(gateway.ledger.effects("pi_1a").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_does_not_hear_the_answer_may_send_again() {
    let (gateway, home) = receiver().await;
    let server = Server::start(&home);
    let (most, last) = in_two_parts();
    // It hangs up before it has said all: nothing has happened.
    let mut cut = Connection::open(server.listen);
    cut.send(&most);
    drop(cut);
    // It hangs up when it has: whatever it believes, it is in custody.
    let mut deaf = Connection::open(server.listen);
    deaf.send(&most);
    deaf.send(&last);
    drop(deaf);
    is_kept(&server).await;
    // It says that there is no more to come, and is answered.
    let mut done = Connection::open(server.listen);
    done.send(&most);
    done.send(&last);
    done.says_no_more();
    done.answer().accepts("duplicate");
    let webhook = Webhook::payment("p", "e");
    server.send(&webhook).await.accepts("duplicate");
    has_one_effect(&server, &gateway).await;
    assert_eq!(counts(&server).await, [1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_not_there_gets_it_later() {
    let (gateway, home) = receiver().await;
    let send = "--json send --payment-id p --event-id e";
    let server = Server::start(&home);
    server.stop();
    home.run(send).fails_with(&["payhook serve"]);
    let server = Server::start(&home);
    let sent = home.run(send).json(0);
    assert_eq!(sent["answers"][0]["outcome"], "stored");
    has_one_effect(&server, &gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_rightly_has_no_effect() {
    let (gateway, home) = receiver().await;
    let server = Server::start(&home);
    let unsigned = Webhook::unsigned(body("p", "e"));
    let signed = Webhook::payment("p", "e");
    let changed = Webhook {
        body: body("p", "e").replace("12.50", "99.50").into(),
        ..signed.clone()
    };
    let spaced = Webhook {
        body: format!("{} ", body("p", "e")).into(),
        ..signed
    };
    for (webhook, status) in [
        (unsigned.clone(), 400),
        (unsigned.clone().with("x-webhook-signature", "%%%"), 401),
        (unsigned.clone().signed_with("another's"), 401),
        (changed, 401),
        (spaced, 401),
    ] {
        let answer = server.send(&webhook).await;
        assert_eq!(answer.status, status, "{webhook:?}");
    }
    let [events, apart] = counts(&server).await;
    assert_eq!((events, apart > 0), (0, true));
    // And it stands in nobody's way.
    let webhook = Webhook::payment("p", "e");
    server.send(&webhook).await.accepts("stored");
    has_one_effect(&server, &gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_counts_for_its_time_only() {
    let (gateway, home) = receiver().await;
    let server = Server::start(&home);
    let trigger = "--json trigger stripe captured --payment 1a --event-id 2b --skew";
    for skew in ["301s", "-400s", "5000h"] {
        let sent = home.run(&format!("{trigger} {skew}")).json(1);
        let answer = &sent["deliveries"][0]["answers"][0];
        assert_eq!(answer["status"], 401, "{skew}: {sent}");
    }
    assert_eq!(counts(&server).await[0], 0);
    home.run(&format!("{trigger} 200s")).json(0);
    server.event_at_rest("stripe%2Fevt_2b").await;
    assert_eq!(gateway.ledger.all_asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_none_is_refused_and_its_type_is_not_believed() {
    let (gateway, home) = receiver().await;
    let server = Server::start(&home);
    let whole = body("p", "e");
    for malformed in ["", "not json", &whole[..whole.len() - 1], "\u{feff}{}"] {
        let webhook = Webhook::new(malformed).with("content-type", "application/json");
        let answer = server.send(&webhook).await;
        answer.refuses(400, "malformed_json", "Malformed JSON");
    }
    assert_eq!(counts(&server).await[0], 0);
    // What is signed are bytes: whatever they are called on the way, they are what they are.
    let webhook = Webhook::new(whole).with("content-type", "text/html; charset=utf-16");
    server.send(&webhook).await.accepts("stored");
    has_one_effect(&server, &gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_between_two_attempts_forgets_nothing() {
    let (gateway, home) = receiver().await;
    let webhook = Webhook::payment("p", "e");
    let server = Server::start(&home);
    server.send(&webhook).await.accepts("stored");
    has_one_effect(&server, &gateway).await;
    server.stop();
    let server = Server::start(&home);
    assert_eq!(server.ask_admin("/readyz").await.status, 200);
    server.send(&webhook).await.accepts("duplicate");
    has_one_effect(&server, &gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_died_may_send_everything_again() {
    let (gateway, home) = receiver().await;
    let server = Server::start(&home);
    // A burst that takes its time, all of one event; it dies at its first success.
    let burst = "send --payment-id p --event-id e --duplicate 1000";
    let arguments: Vec<&str> = burst.split(' ').collect();
    let mut sender = home.spawn("sender", &arguments);
    is_kept(&server).await;
    sender.kill();
    let sent = home.run("--json send --payment-id p --event-id e").json(0);
    assert_eq!(sent["answers"][0]["outcome"], "duplicate");
    has_one_effect(&server, &gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_killed_in_the_middle_has_one_effect() {
    let (gateway, home) = receiver().await;
    let server = Server::start(&home);
    // The money has moved, and the receiver does not know it yet.
    let never = Duration::from_secs(600);
    gateway.ledger.script("p", [Act::SettleSlowly(never)]);
    let webhook = Webhook::payment("p", "e");
    server.send(&webhook).await.accepts("stored");
    until_async("the money has moved", async || {
        (gateway.ledger.effects("p").len() == 1).then_some(())
    })
    .await;
    server.kill();

    let server = Server::start(&home);
    server.send(&webhook).await.accepts("duplicate");
    let event = server.event_at_rest("generic%2Fe").await;
    assert_eq!(event["event"]["status"], "completed");
    let asked = gateway.ledger.asked("p");
    assert_eq!((asked.len(), &asked[0].key), (2, &asked[1].key));
    assert_eq!(gateway.ledger.effects("p").len(), 1);
    assert_eq!(counts(&server).await, [1, 0]);
}
