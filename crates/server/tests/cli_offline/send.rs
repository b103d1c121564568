//! `payhook send`, against a listener on loopback.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::home::{Ended, Home};
use super::listener::{Listener, Reply};

const STORED: Reply = (
    200,
    "x-payhook-outcome: stored\r\nx-payhook-trace-id: 0af7\r\n",
    r#"{"message":"Webhook processed successfully"}"#,
);
const DUPLICATE: Reply = (200, "x-payhook-outcome: duplicate\r\n", "{}");
const FORGED: Reply = (
    401,
    "",
    r#"{"error":"Invalid webhook signature","code":"signature_invalid"}"#,
);

const BODY: &str = "{\"paymentId\":\"pay_1\"}\n";
/// Of the body above, made with `openssl dgst -sha256 -hmac payhook-dev-secret`.
const SIGNATURE: &str = "sha256=45c9a8dc6d895eeb443f12365af962d4f7d4e64900d7191fca525189f902436e";

fn send(listener: &Listener, arguments: &str) -> Ended {
    let home = Home::new(&[("body.json", BODY)]);
    home.run(&format!("send --dev --url {} {arguments}", listener.url()))
}

#[test]
fn one_webhook_is_signed_over_its_exact_bytes_and_the_answer_is_shown() {
    let listener = Listener::start(|_, _| STORED);
    send(&listener, "--body body.json -H X-Trial:yes").says(
        0,
        &[
            "200 stored in ",
            "Webhook processed successfully",
            "trace 0af7",
        ],
    );
    let received = listener.received();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].line, "POST /webhooks HTTP/1.1");
    assert_eq!(received[0].body, BODY);
    assert_eq!(received[0].header("x-webhook-signature"), Some(SIGNATURE));
    assert_eq!(received[0].header("content-type"), Some("application/json"));
    assert_eq!(received[0].header("x-trial"), Some("yes"));
}

#[test]
fn a_body_is_made_from_the_flags_and_the_json_shows_both_sides() {
    let listener = Listener::start(|_, _| STORED);
    let flags =
        "--payment-id p --amount 99.990 --currency EUR --status paid --provider me --event-id e";
    let report = send(&listener, &format!("--json {flags}")).json(0);
    let body = r#"{"paymentId":"p","amount":99.990,"currency":"EUR","status":"paid","provider":"me","eventId":"e"}"#;
    assert_eq!(listener.received()[0].body, body);
    let answer = &report["answers"][0];
    assert!(answer["latencyMs"].is_number(), "{report}");
    assert_eq!(
        report,
        json!({"url": listener.url(), "answers": [{
            "body": body,
            "status": 200,
            "outcome": "stored",
            "traceId": "0af7",
            "latencyMs": answer["latencyMs"],
            "answer": {"message": "Webhook processed successfully"},
        }]})
    );
}

#[test]
fn duplicates_are_the_same_bytes_again() {
    let listener = Listener::start(|number, _| if number == 0 { STORED } else { DUPLICATE });
    send(&listener, "--duplicate 2").says(0, &["200 stored", "200 duplicate"]);
    let bodies: BTreeSet<String> = listener
        .received()
        .into_iter()
        .map(|each| each.body)
        .collect();
    assert_eq!((listener.received().len(), bodies.len()), (3, 1));
}

#[test]
fn a_refusal_ends_with_1_and_no_answer_with_2() {
    let listener = Listener::start(|_, _| FORGED);
    send(&listener, "--body body.json --bad-signature")
        .says(1, &["401 signature_invalid", "Invalid webhook signature"]);
    let signature = listener.received()[0]
        .header("x-webhook-signature")
        .unwrap()
        .to_owned();
    assert_eq!(signature.len(), SIGNATURE.len());
    assert_ne!(signature, SIGNATURE);
    let home = Home::new(&[]);
    // Nobody listens on port 1.
    home.run("send --dev --url http://127.0.0.1:1/")
        .says(2, &["is `payhook serve` running?"]);
    home.run("send --dev --count 3 --url http://127.0.0.1:1/")
        .says(2, &["is `payhook serve` running?"]);
}

#[test]
fn an_answer_that_is_no_json_is_shown_and_a_redirect_is_not_followed() {
    let listener = Listener::start(|_, _| (302, "location: /elsewhere\r\n", "<html>"));
    send(&listener, "").says(1, &["302 Found", "<html>"]);
    assert_eq!(listener.received().len(), 1);
}

#[test]
fn a_burst_is_counted_by_what_came_of_each() {
    let listener = Listener::start(|number, _| match number {
        0..5 => DUPLICATE,
        5..8 => FORGED,
        _ => STORED,
    });
    let report = send(&listener, "--json --count 40 --concurrency 4").json(1);
    assert_eq!(report["sent"], 40);
    assert_eq!(report["accepted"], 37);
    assert_eq!(report["outcomes"], json!({"duplicate": 5, "stored": 32}));
    assert_eq!(report["refused"], json!({"401 signature_invalid": 3}));
    assert_eq!(
        (&report["unanswered"], &report["interrupted"]),
        (&json!(0), &json!(false))
    );
    for key in ["p50", "p99", "max"] {
        assert!(report["latencyMs"][key].as_f64().unwrap() > 0.0, "{report}");
    }
    let events: BTreeSet<String> = listener
        .received()
        .iter()
        .map(|each| serde_json::from_str::<Value>(&each.body).unwrap()["eventId"].to_string())
        .collect();
    assert_eq!(events.len(), 40);
}

#[test]
fn a_burst_keeps_its_rate_and_repeats_each_webhook() {
    let listener = Listener::start(|_, _| STORED);
    let ended = send(&listener, "--count 6 --duplicate 1 --rate 50 --event-id e");
    ended.says(0, &["sent", "12", "stored", "a second; answered in p50"]);
    let report = send(&listener, "--json --count 6 --rate 50").json(0);
    // The last of six at 50 a second is due after 100 ms.
    assert!(report["seconds"].as_f64().unwrap() >= 0.1, "{report}");
    let repeated = listener
        .received()
        .iter()
        .filter(|each| each.body.contains("\"e_3\""))
        .count();
    assert_eq!(repeated, 2);
}

#[test]
fn a_dry_run_prints_a_curl_command_and_sends_nothing() {
    let listener = Listener::start(|_, _| STORED);
    let ended = send(&listener, "--dry-run --body body.json");
    let url = listener.url();
    assert_eq!(
        ended.stdout,
        format!(
            "curl --request POST '{url}' \\\n  --header 'content-type: application/json' \\\n  \
             --header 'x-webhook-signature: {SIGNATURE}' \\\n  --data-raw '{BODY}'\n"
        )
    );
    assert_eq!(listener.received().len(), 0);
}

#[test]
fn the_address_follows_from_the_configuration() {
    let listener = Listener::start(|_, _| STORED);
    let config = format!(
        "[server]\nlisten = \"{}\"\nbase_path = \"/prod\"\n\
         [sources.generic]\nsecrets = [{{ file = \"secret\" }}]\n\
         [sources.shop]\nsecrets = [{{ file = \"secret\" }}]\nheader = \"X-Shop\"\nencoding = \"base64\"\n",
        listener.address()
    );
    let home = Home::new(&[("payhook.toml", &config), ("secret", "s")]);
    home.run("--config payhook.toml send")
        .says(0, &["200 stored"]);
    home.run("--config payhook.toml send --source shop")
        .says(0, &["200 stored"]);
    let received = listener.received();
    assert_eq!(received[0].line, "POST /prod/webhooks HTTP/1.1");
    assert_eq!(received[1].line, "POST /prod/webhooks/shop HTTP/1.1");
    assert_eq!(
        received[1].header("x-shop").unwrap().len(),
        "sha256=".len() + 44
    );
}

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_wrong() {
    let home = Home::new(&[]);
    for (arguments, text) in [
        ("send", "--secret-env VARIABLE"),
        ("send --dev --url nonsense", "is not a URL"),
        (
            "send --dev --url ftp://localhost/",
            "does not begin with http://",
        ),
        ("send --dev --body none --amount 1", "cannot be used with"),
        ("send --dev --count 0", "0 is not in 1..="),
        ("send --dev --timeout-ms 0", "no answer could come"),
        ("send --dev --dry-run --count 5", "cannot be used with"),
    ] {
        home.run(arguments).says(2, &[text]);
    }
}
