//! What is kept, once: duplicates, conflicts, several sources, several secrets.

use serde_json::{Value, json};

use crate::support::home::{Home, SECRET};
use crate::support::server::Server;
use crate::support::webhook::{Webhook, body};

async fn counts(server: &Server) -> [u64; 3] {
    let counts = server.api("counts").await;
    ["events", "conflicts", "quarantined"].map(|name| counts[name].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_gets_the_first_answer_again_also_after_a_crash() {
    let home = Home::new("");
    let server = Server::start(&home);
    let webhook = Webhook::payment("p", "e");
    let first = server.send(&webhook).await;
    first.accepts("stored");
    let second = server.send(&webhook).await;
    second.accepts("duplicate");
    assert_eq!(first.body, second.body);
    server.kill();

    let server = Server::start(&home);
    let third = server.send(&webhook).await;
    third.accepts("duplicate");
    assert_eq!(first.body, third.body);
    let event = server.event_at_rest("generic/e").await;
    assert_eq!(event["event"]["status"], "completed");
    assert_eq!(counts(&server).await, [1, 0, 0]);
    let executions = server.api("executions").await;
    assert_eq!(executions["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_one() {
    let home = Home::new("");
    let server = Server::start(&home);
    let webhook = Webhook::payment("p", "e");
    let answers = futures_util::future::join_all((0..50).map(|_| server.send(&webhook))).await;
    let of = |outcome: &str| {
        let all = answers.iter();
        all.filter(|answer| answer.header("x-payhook-outcome") == outcome)
            .count()
    };
    assert_eq!((of("stored"), of("duplicate")), (1, 49));
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    assert_eq!(counts(&server).await, [1, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_with_other_bytes_is_a_conflict_that_can_be_seen() {
    let home = Home::new("");
    let server = Server::start(&home);
    let first = server.send(&Webhook::payment("p", "e")).await;
    let other = body("p", "e").replace("12.50", "1250");
    for _ in 0..2 {
        let answer = server.send(&Webhook::new(other.clone())).await;
        answer.accepts("conflict");
        assert_eq!(answer.body, first.body);
    }
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("duplicate");
    let event = server.event_at_rest("generic/e").await;
    assert_eq!(event["event"]["amount"], "12.5");
    let conflicts = &event["conflicts"];
    assert_eq!(
        (conflicts.as_array().unwrap().len(), &conflicts[0]["count"]),
        (1, &json!(2))
    );
    assert_eq!(conflicts[0].get("body"), None);
    let with_body = server.api("events/generic/e?body=true").await;
    assert_eq!(with_body["conflicts"][0]["body"], other);
    assert_eq!(with_body["body"], body("p", "e"));
    assert_eq!(counts(&server).await, [1, 1, 0]);
    server
        .counts(
            r#"payhook_webhooks_conflicting_total{source="generic"}"#,
            2.0,
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_an_id_is_known_by_its_exact_bytes() {
    let home = Home::new("");
    let server = Server::start(&home);
    let bytes = r#"{"paymentId":"p","amount":1}"#;
    server.send(&Webhook::new(bytes)).await.accepts("stored");
    server.send(&Webhook::new(bytes)).await.accepts("duplicate");
    server
        .send(&Webhook::new(format!("{bytes} ")))
        .await
        .accepts("stored");
    assert_eq!(counts(&server).await, [2, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_byte_is_kept_as_it_came() {
    let home = Home::new("");
    let server = Server::start(&home);
    let odd = "{ \"paymentId\" : \"p\u{e9}\\u00e9\",\r\n\t\"eventId\":\"e\", \"amount\": 1.10e1, \"x\":\"\u{1F4B6}\" }\n";
    server.send(&Webhook::new(odd)).await.accepts("stored");
    let event = server.event_at_rest("generic/e").await;
    assert_eq!(event["event"]["paymentId"], "p\u{e9}\u{e9}");
    assert_eq!(event["event"]["amount"], "11");
    assert_eq!(event["event"]["status"], "completed");
    assert_eq!(server.api("events/generic/e?body=true").await["body"], odd);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sources_may_use_the_same_ids() {
    let home = Home::new(
        "[sources.shop-eu]
         secrets = [{ value = 'other', in_clear = true }]
         header = 'X-Shop-Hmac'
         algorithm = 'sha512'
         encoding = 'base64'
         prefix = ''",
    );
    let server = Server::start(&home);
    let webhook = Webhook::payment("p", "e");
    let mac = {
        use domain::signature::{HmacAlgorithm, HmacScheme, SignatureEncoding};
        let scheme = HmacScheme {
            algorithm: HmacAlgorithm::Sha512,
            encoding: SignatureEncoding::Base64,
            ..HmacScheme::plain("x")
        };
        scheme.sign_body(b"other", &webhook.body)
    };
    let shop = Webhook::unsigned(webhook.body.clone())
        .to("/webhooks/shop-eu")
        .with("x-shop-hmac", &mac);
    server.send(&webhook).await.accepts("stored");
    server.send(&shop).await.accepts("stored");
    server
        .send(&webhook.clone().to("/webhooks/generic"))
        .await
        .accepts("duplicate");
    server.send(&webhook.to("/webhooks/shop-eu")).await.refuses(
        400,
        "signature_missing",
        "Missing webhook signature",
    );
    let one = server.event_at_rest("generic/e").await;
    let other = server.event_at_rest("shop-eu/e").await;
    assert_ne!(
        one["event"]["transactionId"],
        other["event"]["transactionId"]
    );
    assert_ne!(one["event"]["timestamp"], other["event"]["timestamp"]);
    assert_eq!(counts(&server).await, [2, 0, 1]);
    let of_shop = server.api("events?source=shop-eu").await;
    assert_eq!(of_shop["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_rotated_with_an_overlap() {
    let home = Home::new(
        "[sources.generic]
         secrets = [
           { value = 'new', in_clear = true, label = 'new' },
           { value = 'old', in_clear = true, label = 'old', retires_at = '2999-01-01T00:00:00Z' },
           { value = 'gone', in_clear = true, label = 'gone', retires_at = '2020-01-01T00:00:00Z' },
         ]",
    );
    let server = Server::start(&home);
    for secret in ["new", "old"] {
        let webhook = Webhook::unsigned(body("p", secret)).signed_with(secret);
        server.send(&webhook).await.accepts("stored");
        let event = server.event_at_rest(&format!("generic/{secret}")).await;
        assert_eq!(event["secret"], secret);
        let sample = format!(r#"payhook_secret_used_total{{source="generic",secret="{secret}"}}"#);
        server.counts(&sample, 1.0).await;
    }
    for secret in ["gone", SECRET] {
        let webhook = Webhook::unsigned(body("p", secret)).signed_with(secret);
        server
            .send(&webhook)
            .await
            .refuses(401, "signature_invalid", "Invalid webhook signature");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgery_that_comes_first_takes_nothing_from_the_genuine_one() {
    let home = Home::new("");
    let server = Server::start(&home);
    let forged = Webhook::payment("p", "e").signed_with("a guess");
    server
        .send(&forged)
        .await
        .refuses(401, "signature_invalid", "Invalid webhook signature");
    server
        .send(&forged)
        .await
        .refuses(401, "signature_invalid", "Invalid webhook signature");
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    assert_eq!(
        server.event_at_rest("generic/e").await["event"]["status"],
        "completed"
    );
    let quarantine = server.api("quarantine").await;
    let items = quarantine["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["count"]), (1, &Value::from(2)));
    assert_eq!(items[0]["reason"], "signature_mismatch");
    assert_eq!(counts(&server).await, [1, 0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_body_that_can_be_configured_is_processed_whatever_is_in_it() {
    let home = Home::new("server.body_bytes_max = 122880");
    let server = Server::start(&home);
    let around = |event: &str| {
        let head = format!(r#"{{"paymentId":"p","eventId":"{event}","x":""#);
        (head.into_bytes(), br#""}"#.to_vec())
    };
    for (event, filling) in [
        ("letters", &b"a"[..]),
        ("quotes", br#"\""#),
        ("backslashes", br"\\"),
        ("wide", "\u{1F4B6}".as_bytes()),
        ("no-unicode", b"\xff"),
        ("unit-separators", "\u{2028}".as_bytes()),
        ("deletes", b"\x7f"),
    ] {
        let (mut body, tail) = around(event);
        while body.len() + filling.len() + tail.len() <= 122_880 {
            body.extend(filling);
        }
        body.extend(tail);
        let answer = server.send(&Webhook::new(body)).await;
        if event == "no-unicode" {
            answer.refuses(400, "malformed_json", "Malformed JSON");
            continue;
        }
        answer.accepts("stored");
        let shown = server.event_at_rest(&format!("generic/{event}")).await;
        assert_eq!(shown["event"]["status"], "completed", "{event}");
    }
}
