//! Where a payment stands, as all its events tell it: in whatever order they come, told twice under
//! two names, contradicting each other, or unreadable.

use domain::providers::ProviderId;
use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::home::Home;
use crate::support::provider::source;
use crate::support::server::Server;
use crate::support::until_async;

/// The only payment of this name.
fn payment(home: &Home, id: &str) -> Value {
    let shown = home.run(&format!("--json payments show {id}")).json(0);
    assert_eq!(shown.as_array().unwrap().len(), 1, "{shown}");
    shown[0].clone()
}

/// What a payment comes to, however it was told.
fn standing(payment: &Value) -> Value {
    let names = ["status", "amount", "refunded", "disputed", "anomalies"];
    names
        .into_iter()
        .map(|name| payment[name].clone())
        .collect()
}

/// Signs a body as Stripe does, sends it, and says what became of it.
fn send_stripe(home: &Home, body: &str) -> Value {
    home.write("body.json", body);
    let sent = home
        .run("--json send --source stripe --body body.json")
        .json(0);
    sent["answers"][0].clone()
}

/// Waits until everything that was kept has been offered to the workflow.
async fn all_is_read(server: &Server) {
    until_async("the feed is read", async || {
        (server.api("counts").await["feedLag"] == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_told_backwards_ends_where_one_told_in_order_does() {
    let home = Home::new(&source(ProviderId::Stripe));
    let server = Server::start(&home);
    let life = ["created", "pending", "authorized", "captured", "refunded"];
    for event in life {
        home.run(&format!("trigger stripe {event} --payment inorder"));
    }
    let sent = home
        .run("--json trigger stripe refunded --out-of-order --payment backwards")
        .json(0);
    assert_eq!(sent["deliveries"].as_array().unwrap().len(), life.len());
    let told = |id: &str| {
        let payment = payment(&home, id);
        let events = payment["events"].as_array().unwrap();
        let types: Vec<String> = events
            .iter()
            .map(|event| event["meaning"]["eventType"].as_str().unwrap().to_owned())
            .collect();
        (types, standing(&payment))
    };
    let (order, expected) = told("pi_inorder");
    let (mut reverse, found) = told("pi_backwards");
    assert_eq!(
        expected,
        json!(["refunded", "10.00 EUR", "10.00 EUR", null, []])
    );
    assert_eq!(found, expected);
    reverse.reverse();
    assert_eq!(reverse, order);
    // What came too late is told once to people, and stops nobody.
    let late = server.api("anomalies").await;
    let late = late["items"].as_array().unwrap();
    assert!(!late.is_empty());
    for one in late {
        assert_eq!(one["anomaly"], "late");
        assert_eq!(one["paymentId"], "pi_backwards");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_that_exclude_each_other_are_told_to_people() {
    let home = Home::new(&source(ProviderId::Adyen));
    let _server = Server::start(&home);
    let none = home.run("payments anomalies");
    assert!(none.stdout.contains("fit together"), "{none:?}");
    for event in ["captured", "failed"] {
        home.run(&format!("--json trigger adyen {event} --payment 1a2b"))
            .json(0);
    }
    let anomalies = home.run("--json payments anomalies").json(0);
    let one = &anomalies["items"][0];
    assert_eq!(anomalies["items"].as_array().unwrap().len(), 1);
    for (field, value) in [
        ("anomaly", "tie"),
        ("paymentId", "1A2B"),
        ("source", "adyen"),
    ] {
        assert_eq!(one[field], value, "{field}");
    }
    let payment = payment(&home, "1A2B");
    assert_eq!(payment["anomalies"], json!(["tie"]));
    assert_eq!(payment["status"], "captured", "money is not lost sight of");
    let shown = home.run("payments show 1A2B");
    assert!(shown.stdout.contains("tie"), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_with_another_amount_is_a_conflict() {
    let home = Home::new(&source(ProviderId::Stripe));
    let server = Server::start(&home);
    let mut outcomes = Vec::new();
    for amount in ["10.00", "11.00"] {
        let sent = home
            .run(&format!(
                "--json trigger stripe captured --payment 1a --event-id 2b --amount {amount}"
            ))
            .json(0);
        outcomes.push(sent["deliveries"][0]["answers"][0]["outcome"].clone());
    }
    assert_eq!(outcomes, ["stored", "conflict"]);
    assert_eq!(server.api("counts").await["conflicts"], 1);
    let event = home.run("--json events show stripe/evt_2b").json(0);
    assert_eq!(event["event"]["amount"], "10");
    assert_eq!(event["conflicts"].as_array().unwrap().len(), 1);
    let payment = payment(&home, "pi_1a");
    assert_eq!(payment["amount"], "10.00 EUR");
    assert_eq!(payment["anomalies"], json!(["conflict"]));
    let listed = server.api("anomalies").await;
    assert_eq!(listed["items"][0]["anomaly"], "conflict");
    assert_eq!(listed["items"][0]["paymentId"], "pi_1a");
}

/// What Stripe tells of one payment that succeeds: twice, of the intent and of its charge.
const TWO_OF_ONE: [&str; 2] = [
    r#"{"id":"evt_intent","object":"event","created":1795418923,"livemode":false,"type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","object":"payment_intent","amount":1000,"amount_received":1000,"currency":"eur","latest_charge":"ch_1","status":"succeeded"}}}"#,
    r#"{"id":"evt_charge","object":"event","created":1795418923,"livemode":false,"type":"charge.succeeded","data":{"object":{"id":"ch_1","object":"charge","amount":1000,"amount_captured":1000,"captured":true,"currency":"eur","payment_intent":"pi_1","status":"succeeded"}}}"#,
];

#[tokio::test(flavor = "multi_thread")]
async fn two_events_about_one_change_move_the_money_once() {
    let gateway = Gateway::start().await;
    let home = Home::new(&(gateway.config() + &source(ProviderId::Stripe)));
    let server = Server::start(&home);
    for body in TWO_OF_ONE {
        assert_eq!(send_stripe(&home, body)["outcome"], "stored");
    }
    for event in ["stripe/evt_intent", "stripe/evt_charge"] {
        let event = server.event_at_rest(event).await;
        assert_eq!(event["event"]["status"], "completed", "{event}");
    }
    // The second is told what the first has settled, or, when that is under way still, asks with its
    // key.
    let asked = gateway.ledger.asked("pi_1");
    assert!(asked.iter().all(|each| each.key == asked[0].key));
    assert_eq!(gateway.ledger.effects("pi_1").len(), 1);
    let payment = payment(&home, "pi_1");
    assert_eq!(
        standing(&payment),
        json!(["captured", "10.00 EUR", null, null, []])
    );
}

/// A gateway forgets its keys; what is settled here is not forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn an_event_about_what_is_settled_asks_nobody() {
    let gateway = Gateway::start().await;
    let home = Home::new(&(gateway.config() + &source(ProviderId::Stripe)));
    let server = Server::start(&home);
    let mut transactions = Vec::new();
    for (body, event) in TWO_OF_ONE
        .into_iter()
        .zip(["stripe/evt_intent", "stripe/evt_charge"])
    {
        assert_eq!(send_stripe(&home, body)["outcome"], "stored");
        let event = server.event_at_rest(event).await;
        assert_eq!(event["event"]["status"], "completed", "{event}");
        transactions.push(event["event"]["transactionId"].clone());
    }
    assert_eq!(transactions[0], transactions[1]);
    assert_eq!(gateway.ledger.asked("pi_1").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_kept_and_waits_for_a_person() {
    let gateway = Gateway::start().await;
    let home = Home::new(&(gateway.config() + &source(ProviderId::Stripe)));
    let server = Server::start(&home);
    let answer = send_stripe(&home, r#"{"hello":1}"#);
    assert_eq!(
        (&answer["status"], &answer["outcome"]),
        (&json!(200), &json!("stored"))
    );
    until_async("a dead letter", async || {
        (server.api("counts").await["deadLetters"] == 1).then_some(())
    })
    .await;
    let list = server.api("events").await;
    let event = &list["items"][0];
    for (field, value) in [
        ("status", "failed"),
        ("execution", "FAILED"),
        ("error", "EventUnreadable"),
    ] {
        assert_eq!(event[field], value, "{field}: {event}");
    }
    assert_eq!(event["meaning"]["kind"], "unreadable");
    let detail = home
        .run(&format!("--json events show {} --body", event["id"]))
        .json(0);
    assert_eq!(detail["body"], r#"{"hello":1}"#);
    assert_eq!(detail["vouched"], "verified");
    assert!(gateway.ledger.all_asked().is_empty());
    assert_eq!(server.api("counts").await["quarantined"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_capture_starts_an_execution() {
    let home = Home::new(&source(ProviderId::Stripe));
    let server = Server::start(&home);
    let customer = r#"{"id":"evt_other","object":"event","created":1795418923,"livemode":false,"type":"customer.created","data":{"object":{"id":"cus_1","object":"customer"}}}"#;
    assert_eq!(send_stripe(&home, customer)["outcome"], "stored");
    let refund = r#"{"id":"evt_refund","object":"event","created":1795418923,"livemode":false,"type":"refund.created","data":{"object":{"id":"re_1","object":"refund","amount":300,"currency":"eur","payment_intent":"pi_1","status":"succeeded"}}}"#;
    assert_eq!(send_stripe(&home, refund)["outcome"], "stored");
    for event in ["created", "authorized", "disputed", "failed", "captured"] {
        home.run(&format!(
            "--json trigger stripe {event} --payment 1a --event-id {event}"
        ))
        .json(0);
    }
    server.event_at_rest("stripe/evt_captured").await;
    all_is_read(&server).await;
    let executions = server.api("executions").await;
    let keys: Vec<&Value> = executions["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|execution| &execution["eventKey"])
        .collect();
    assert_eq!(keys, [&json!("stripe/evt_captured")]);
    let other = server.api("events/stripe%2Fevt_other").await;
    assert_eq!(other["event"]["meaning"]["kind"], "other");
    assert_eq!(other["event"]["execution"], Value::Null);
    let refund = payment(&home, "pi_1");
    assert_eq!(refund["refunded"], "3.00 EUR");
    assert_eq!(refund["events"][0]["meaning"]["state"], "refund_succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_are_listed_by_what_was_told_last_and_by_where_they_stand() {
    let generic = "[sources.generic]
        provider = 'generic'
        secrets = [{ value = 'a-shared-secret', in_clear = true }]";
    let home = Home::new(&format!("{}\n{generic}", source(ProviderId::Stripe)));
    let server = Server::start(&home);
    for (event, payment) in [
        ("captured", "first"),
        ("captured", "second"),
        ("refunded", "first"),
    ] {
        home.run(&format!(
            "--json trigger stripe {event} --payment {payment}"
        ))
        .json(0);
    }
    let listed = |arguments: &str| {
        let page = home
            .run(&format!("--json payments list {arguments}"))
            .json(0);
        let items = page["items"].as_array().unwrap().clone();
        assert_eq!(page["next"], Value::Null, "{page}");
        items
    };
    let ids = |items: &[Value]| -> Vec<String> {
        let ids = items.iter().map(|each| each["paymentId"].as_str().unwrap());
        ids.map(str::to_owned).collect()
    };
    let all = listed("");
    assert_eq!(ids(&all), ["pi_first", "pi_second"]);
    for (place, field, value) in [
        (0, "status", json!("refunded")),
        (0, "amount", json!("10.00 EUR")),
        (0, "refunded", json!("10.00 EUR")),
        (1, "status", json!("captured")),
        (1, "source", json!("stripe")),
    ] {
        assert_eq!(all[place][field], value, "{place}, {field}");
    }
    assert!(all[0]["events"].as_u64() > Some(1), "{all:?}");
    assert_eq!(ids(&listed("--status captured")), ["pi_second"]);
    assert_eq!(ids(&listed("--status disputed")), [""; 0]);
    assert_eq!(ids(&listed("--source stripe --limit 9")).len(), 2);
    assert_eq!(ids(&listed("--source generic")), [""; 0]);
    // The pages make the whole.
    let first = server.api("payments?limit=1").await;
    assert_eq!(first["items"][0]["paymentId"], "pi_first");
    let next = first["next"].as_u64().unwrap();
    let rest = server.api(&format!("payments?limit=1&before={next}")).await;
    assert_eq!(rest["items"][0]["paymentId"], "pi_second");
    assert_eq!(rest["next"], Value::Null);
    let table = home.run("payments list");
    assert!(table.stdout.contains("pi_second"), "{table:?}");
    let none = home.run("payments list --status lost");
    assert_ne!(none.code, 0, "{none:?}");
    for wrong in ["status=lost", "source=%00", "before=x"] {
        let path = format!("payments?{wrong}");
        let answer = server.call(reqwest::Method::GET, &path, None).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}
