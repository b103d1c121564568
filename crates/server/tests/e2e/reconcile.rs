//! What Stripe could not deliver is found in its own list of events, and taken in once.

use domain::providers::ProviderId;
use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::provider::{signed_body, source};
use crate::support::server::Server;
use crate::support::stand_in::{Heard, StandIn};

/// Five events, as the list has them: the newest first, three on the first page.
fn page(asked: &Heard) -> (u16, String) {
    assert_eq!(asked.path, "/v1/events");
    assert_eq!(asked.header("authorization"), "Bearer rk_test_1");
    assert!(
        asked.query.contains("created%5Bgte%5D=1795418000"),
        "{}",
        asked.query
    );
    let (numbers, has_more) = if asked.query.contains("starting_after=evt_3") {
        (vec![2, 1], false)
    } else {
        assert!(!asked.query.contains("starting_after"), "{}", asked.query);
        (vec![5, 4, 3], true)
    };
    let data: Vec<Value> = numbers.into_iter().map(event).collect();
    let list = json!({"object": "list", "url": "/v1/events", "has_more": has_more, "data": data});
    // The API indents what it lists.
    (200, serde_json::to_string_pretty(&list).unwrap())
}

fn event(number: u32) -> Value {
    json!({
        "id": format!("evt_{number}"), "object": "event", "created": 1_795_418_923,
        "livemode": false, "pending_webhooks": 0, "type": "payment_intent.succeeded",
        "data": {"object": {
            "id": format!("pi_{number}"), "object": "payment_intent", "amount": 1000,
            "amount_received": 1000, "currency": "eur", "status": "succeeded",
        }},
    })
}

/// The same event as its webhook has it: with other spaces, and about another count of endpoints.
fn as_webhook(number: u32) -> String {
    let mut event = event(number);
    event["pending_webhooks"] = 1.into();
    format!(" {event}\n")
}

fn home(api: &StandIn) -> Home {
    Home::new(&format!(
        "{}
         [sources.stripe.api]
         base_url = '{}'
         token = {{ value = 'rk_test_1', in_clear = true }}",
        source(ProviderId::Stripe),
        api.url()
    ))
}

const RECONCILE: &str = "--json reconcile stripe --since 1795418000000";

/// Checked, known, taken, and the keys of what was missing.
fn found(summary: &Value) -> ([u64; 3], Vec<&str>) {
    let gaps = summary["gaps"].as_array().unwrap();
    (
        ["checked", "known", "taken"].map(|name| summary[name].as_u64().unwrap()),
        gaps.iter()
            .map(|gap| gap["eventKey"].as_str().unwrap())
            .collect(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_takes_in_what_it_missed_once() {
    let api = StandIn::start(page).await;
    let home = home(&api);
    let server = Server::start(&home);
    // One has arrived by itself.
    let arrived = signed_body(ProviderId::Stripe, as_webhook(4));
    server.send(&arrived).await.accepts("stored");

    let gaps = [
        "stripe/evt_5",
        "stripe/evt_3",
        "stripe/evt_2",
        "stripe/evt_1",
    ];
    let dry = home.run(&format!("{RECONCILE} --dry-run")).json(1);
    assert_eq!(found(&dry), ([5, 1, 0], gaps.to_vec()), "{dry}");
    assert_eq!(dry["gaps"][0]["paymentId"], "pi_5");
    assert_eq!(server.api("counts").await["events"], 1);

    let summary = home.run(RECONCILE).json(0);
    assert_eq!(found(&summary), ([5, 1, 4], gaps.to_vec()), "{summary}");
    let again = home.run(RECONCILE).json(0);
    assert_eq!(found(&again), ([5, 5, 0], Vec::new()), "{again}");
    let dry = home.run(&format!("{RECONCILE} --dry-run"));
    assert_eq!(dry.code, 0, "{dry:?}");

    let event = server.event_at_rest("stripe%2Fevt_1").await;
    assert_eq!(
        (&event["vouched"], &event["event"]["status"]),
        (&json!("fetched"), &json!("completed"))
    );
    // What arrives after all is the same event, however it is written.
    let late = signed_body(ProviderId::Stripe, as_webhook(1));
    server.send(&late).await.accepts("duplicate");
    let counts = server.api("counts").await;
    assert_eq!(
        (&counts["events"], &counts["conflicts"]),
        (&json!(5), &json!(0))
    );
    // Another sum is no repeat, whoever tells it.
    let other = as_webhook(1).replace("1000", "1001");
    let other = signed_body(ProviderId::Stripe, other);
    server.send(&other).await.accepts("conflict");
    assert_eq!(api.heard().len(), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_directory_takes_in_what_it_missed_and_processes_it_when_it_starts() {
    let api = StandIn::start(page).await;
    let home = home(&api);
    let server = Server::start(&home);
    let arrived = signed_body(ProviderId::Stripe, as_webhook(5));
    server.send(&arrived).await.accepts("stored");
    server.stop();

    let dry = home.run(&format!("{RECONCILE} --dry-run")).json(1);
    assert_eq!(found(&dry).0, [5, 1, 0], "{dry}");
    let told = home.run("reconcile stripe --since 1795418000000");
    assert_eq!(told.code, 0, "{told:?}");
    let sentence = "5 compared, 1 known here, 4 missing, 4 taken in.";
    assert!(told.stdout.contains(sentence), "{told:?}");
    let again = home.run(RECONCILE).json(0);
    assert_eq!(found(&again), ([5, 5, 0], Vec::new()), "{again}");

    let server = Server::start(&home);
    let event = server.event_at_rest("stripe%2Fevt_2").await;
    assert_eq!(event["event"]["status"], "completed");
    let late = signed_body(ProviderId::Stripe, as_webhook(2));
    server.send(&late).await.accepts("duplicate");
    assert_eq!(server.api("counts").await["conflicts"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_said() {
    let api = StandIn::start(|_| (401, r#"{"error":{"message":"No such key"}}"#.to_owned())).await;
    let home = home(&api);
    let server = Server::start(&home);
    home.run(RECONCILE).fails_with(&["credentials"]);
    home.run("reconcile generic --since 0")
        .fails_with(&["cannot be asked"]);
    home.run("reconcile other --since 0").fails_with(&["other"]);
    assert_eq!(server.api("counts").await["events"], 0);
}
