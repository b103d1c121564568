//! An application under development gets every event, signed as it will be in earnest.

use std::time::Instant;

use domain::delivery::{Headers, RawDelivery};
use domain::providers::{Provider, ProviderId, Settings};
use domain::secret::Secret;
use domain::source::SourceName;
use engine::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::provider::source;
use crate::support::server::Server;
use crate::support::stand_in::{Heard, StandIn};
use crate::support::webhook::Webhook;
use crate::support::{PATIENCE, until};

const APP_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What an application reads, having verified it with this secret.
fn verified(heard: &Heard, secret: &str) -> Value {
    let headers = heard.headers.iter().map(|(name, value)| {
        let value = bytes::Bytes::copy_from_slice(value.as_bytes());
        (name.as_str().to_owned(), value)
    });
    let delivery = RawDelivery {
        source: SourceName::try_new("app").unwrap(),
        headers: Headers::new(headers),
        body: heard.body.clone(),
        received_at: SystemClock.now(),
    };
    let provider = Provider::try_new(ProviderId::StandardWebhooks, Settings::default()).unwrap();
    let proof = provider.verify(delivery, &[Secret::new("app", secret)]);
    assert!(proof.is_ok(), "{proof:?}");
    serde_json::from_slice(&heard.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_gets_each_event_once_and_can_verify_it() {
    let app = StandIn::start(|_| (204, String::new())).await;
    let mut home = Home::new(&source(ProviderId::Stripe));
    home.set("APP_SECRET", APP_SECRET);
    let server = Server::start(&home);
    home.run("--json trigger stripe captured --payment 1a --event-id 2b")
        .json(0);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    // Changes of what was kept are no events of their own.
    server.event_at_rest("stripe%2Fevt_2b").await;
    server.event_at_rest("generic%2Fe").await;
    let listen = format!(
        "listen --forward-to {}/hooks --secret-env APP_SECRET --after 0",
        app.url()
    );
    let told = home.run(&format!("--json {listen} --count 2"));
    assert_eq!(told.code, 0, "{told:?}");
    let lines: Vec<Value> = told
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told =
        |line: &Value| ["type", "paymentId", "status", "taken"].map(|name| line[name].clone());
    assert_eq!(
        told(&lines[0]),
        [
            json!("payment.captured"),
            json!("pi_1a"),
            json!(204),
            json!(true)
        ]
    );
    assert_eq!(
        told(&lines[1]),
        [
            json!("payment.pending"),
            json!("p"),
            json!(204),
            json!(true)
        ]
    );

    let heard = app.heard();
    assert_eq!(heard.len(), 2);
    assert!(heard.iter().all(|one| one.path == "/hooks"));
    let event = verified(&heard[0], APP_SECRET);
    assert_eq!(event["type"], "payment.captured");
    let data = &event["data"];
    for (field, value) in [
        ("eventKey", "stripe/evt_2b"),
        ("source", "stripe"),
        ("provider", "stripe"),
        ("paymentId", "pi_1a"),
        ("amount", "10"),
        ("currency", "EUR"),
        ("vouched", "verified"),
    ] {
        assert_eq!(data[field], value, "{field}");
    }
    assert_eq!(data["meaning"]["state"], "captured");
    let raw: Value = serde_json::from_str(data["raw"].as_str().unwrap()).unwrap();
    assert_eq!(raw["id"], "evt_2b");
    assert_eq!(verified(&heard[1], APP_SECRET)["type"], "payment.pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_on_again_has_the_same_id_with_and_without_a_server() {
    let app = StandIn::start(|_| (200, "{}".to_owned())).await;
    let home = Home::new(&source(ProviderId::Stripe));
    let server = Server::start(&home);
    home.run("--json trigger stripe captured").json(0);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    let listen = |rest: &str| {
        let url = app.url();
        let told = home.run(&format!("listen --forward-to {url} --after 0 {rest}"));
        assert_eq!(told.code, 0, "{told:?}");
    };
    listen("--count 2");
    listen("--count 1 --source generic");
    server.stop();
    listen("--count 2");
    let heard = app.heard();
    let ids: Vec<&str> = heard.iter().map(|one| one.header("webhook-id")).collect();
    let [first, second] = [ids[0], ids[1]];
    assert_ne!(first, second);
    assert_eq!(ids, [first, second, second, first, second]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_fails_is_told_of_and_the_next_event_is_tried() {
    let app = StandIn::start(|_| (500, "{}".to_owned())).await;
    let home = Home::new("");
    let server = Server::start(&home);
    for event in ["one", "two"] {
        server
            .send(&Webhook::payment("p", event))
            .await
            .accepts("stored");
    }
    let listen = |url: &str| home.run(&format!("listen --forward-to {url} --after 0 --count 2"));
    let told = listen(&app.url());
    assert_eq!(told.code, 1, "{told:?}");
    assert_eq!(told.stdout.matches("500").count(), 2, "{told:?}");
    assert_eq!(app.heard().len(), 2);
    // The secret that it has made is the one that the application can verify with.
    let secret = told
        .stdout
        .split_whitespace()
        .find(|word| word.starts_with("whsec_"));
    let event = verified(&app.heard()[0], secret.unwrap());
    assert_eq!(event["data"]["eventKey"], "generic/one");
    let nobody = app.url();
    drop(app);
    let told = listen(&nobody);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.stdout.contains("no answer"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_while_it_listens_is_handed_on_at_once() {
    let app = StandIn::start(|_| (200, "{}".to_owned())).await;
    let home = Home::new("");
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "before"))
        .await
        .accepts("stored");
    let url = app.url();
    let mut listening = home.spawn("listen", &["listen", "--forward-to", &url, "--count", "1"]);
    // It has asked where the feed ends once it has printed its secret and found the server; an event
    // that came before that is not its business, so there are events until one is.
    let began = Instant::now();
    for number in 0.. {
        assert!(began.elapsed() < PATIENCE, "nothing was handed on");
        if listening.ended().is_some() {
            break;
        }
        let webhook = Webhook::payment("p", &format!("e{number}"));
        server.send(&webhook).await.accepts("stored");
        crate::support::pass(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(until("it has ended", || listening.ended()), 0);
    let heard = app.heard();
    let body: Value = serde_json::from_slice(&heard[0].body).unwrap();
    let key = body["data"]["eventKey"].as_str().unwrap();
    assert!(heard.len() == 1 && key != "generic/before", "{body}");
}
