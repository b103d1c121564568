//! What becomes of an event once it is kept: attempts at a real gateway over HTTP, until the
//! payment is settled or a person is asked.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::support::gateway::Gateway;
use crate::support::home::Home;
use crate::support::ledger::Act;
use crate::support::server::Server;
use crate::support::webhook::Webhook;
use crate::support::{until, workflow};

/// A home whose gateway is `gateway`, and whose workflow is `definition`.
fn home(gateway: &Gateway, definition: &Value, changes: &str) -> Home {
    let home = Home::new("");
    let path = home.write("workflow.asl.json", &definition.to_string());
    home.configure(&format!(
        "{}\nworkflow.definition = '{}'\n{changes}",
        gateway.config(),
        path.display()
    ));
    home
}

fn history(event: &Value) -> Vec<&str> {
    let events = event["execution"]["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_fails_twice_is_asked_again_with_the_same_key() {
    let gateway = Gateway::start().await;
    let home = home(&gateway, &workflow::impatient(), "");
    gateway.ledger.script("p", [Act::refuse(500), Act::HangUp]);
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    let event = server.event_at_rest("generic/e").await;
    let asked = gateway.ledger.asked("p");
    assert_eq!(asked.len(), 3);
    assert!(
        asked
            .iter()
            .all(|one| one.key == asked[0].key && one.key.len() == 40)
    );
    assert_eq!(gateway.ledger.effects("p"), [asked[0].key.clone()]);
    let expected = json!({
        "paymentId": "p",
        "amount": "12.5",
        "amountMinor": 1250,
        "currency": "EUR",
        "provider": "stripe",
        "eventKey": "generic/e",
    });
    assert_eq!(asked[2].body, expected);
    for (field, value) in [
        ("status", "completed"),
        ("execution", "SUCCEEDED"),
        ("transactionId", &format!("txn-{}", asked[0].key)),
        ("processedAt", "2026-01-02T03:04:05.678Z"),
    ] {
        assert_eq!(event["event"][field], value, "{field}");
    }
    for (sample, value) in [
        (
            r#"payhook_task_attempts_total{state="ProcessPayment",result="GatewayUnavailable"}"#,
            2.0,
        ),
        (
            r#"payhook_task_attempts_total{state="ProcessPayment",result="ok"}"#,
            1.0,
        ),
        (r#"payhook_task_retries_total{state="ProcessPayment"}"#, 2.0),
        (
            r#"payhook_executions_ended_total{status="succeeded",change="INSERT"}"#,
            1.0,
        ),
    ] {
        server.counts(sample, value).await;
    }
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_and_one_feed_tell_the_whole_life() {
    let gateway = Gateway::start().await;
    let home = home(&gateway, &workflow::impatient(), "");
    gateway.ledger.script("p", [Act::refuse(500)]);
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    let event = server.event_at_rest("generic/e").await;
    let asked = gateway.ledger.asked("p");
    assert_eq!(asked.len(), 2);
    let trace = event["event"]["traceId"].as_str().unwrap();
    for one in &asked {
        let parent = one.headers.iter().find(|(name, _)| name == "traceparent");
        assert!(parent.unwrap().1.contains(trace), "{parent:?}");
    }
    let changes: Vec<_> = event["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            (
                change["eventName"].as_str().unwrap(),
                change["status"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        changes,
        [
            ("INSERT", "pending"),
            ("MODIFY", "processing"),
            ("MODIFY", "completed")
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_and_a_late_one_move_the_money_once() {
    let gateway = Gateway::start().await;
    let home = home(
        &gateway,
        &workflow::impatient(),
        "gateway.http.timeout_ms = 300",
    );
    gateway.ledger.script(
        "p",
        [Act::LoseAnswer, Act::SettleSlowly(Duration::from_secs(20))],
    );
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    let event = server.event_at_rest("generic/e").await;
    assert_eq!(event["event"]["status"], "completed");
    assert_eq!(gateway.ledger.asked("p").len(), 3);
    assert_eq!(gateway.ledger.effects("p").len(), 1);
    let timed_out =
        r#"payhook_task_attempts_total{state="ProcessPayment",result="GatewayTimeout"}"#;
    server.counts(timed_out, 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_asks_for_patience_gets_it() {
    let gateway = Gateway::start().await;
    let home = home(&gateway, &workflow::impatient(), "");
    gateway.ledger.script("busy", [Act::refuse_for(503, 3)]);
    gateway.ledger.script("often", [Act::refuse_for(429, 3)]);
    let server = Server::start(&home);
    for payment in ["busy", "often"] {
        server
            .send(&Webhook::payment(payment, payment))
            .await
            .accepts("stored");
    }
    for payment in ["busy", "often"] {
        let event = server.event_at_rest(&format!("generic/{payment}")).await;
        assert_eq!(event["event"]["status"], "completed");
        let asked = gateway.ledger.asked(payment);
        assert_eq!(asked.len(), 2);
        // The workflow itself would have come again after one second.
        let waited = asked[1].at.duration_since(asked[0].at);
        assert!(
            waited >= Duration::from_secs(3),
            "{payment} waited {waited:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_final_answer_is_not_asked_for_again() {
    let gateway = Gateway::start().await;
    let home = home(&gateway, &workflow::impatient(), "");
    let answers = [
        (402, "PaymentDeclined"),
        (422, "PaymentDeclined"),
        (401, "GatewayRejected"),
        (404, "GatewayRejected"),
    ];
    let server = Server::start(&home);
    for (status, error) in answers {
        let payment = format!("p{status}");
        gateway.ledger.script(&payment, [Act::refuse(status)]);
        server
            .send(&Webhook::payment(&payment, &payment))
            .await
            .accepts("stored");
        let event = server.event_at_rest(&format!("generic/{payment}")).await;
        assert_eq!(gateway.ledger.asked(&payment).len(), 1, "{status}");
        assert_eq!(event["event"]["status"], "failed", "{status}");
        assert_eq!(event["event"]["execution"], "FAILED", "{status}");
        assert_eq!(event["event"]["error"], error, "{status}");
        let cause = event["event"]["cause"].as_str().unwrap();
        assert!(cause.contains(&status.to_string()), "{cause}");
        assert_eq!(event["execution"]["error"], "PaymentProcessingFailed");
    }
    server.counts("payhook_dead_letters", 4.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spent_retries_wait_for_a_person_whose_redrive_settles_the_payment() {
    let gateway = Gateway::start().await;
    let home = home(&gateway, &workflow::impatient(), "");
    gateway.ledger.script("p", vec![Act::refuse(500); 4]);
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    let event = server.event_at_rest("generic/e").await;
    assert_eq!(gateway.ledger.asked("p").len(), 4);
    for (field, value) in [
        ("status", "failed"),
        ("execution", "FAILED"),
        ("error", "GatewayUnavailable"),
    ] {
        assert_eq!(event["event"][field], value, "{field}");
    }
    assert_eq!(event["event"].get("transactionId"), None);

    let id = event["event"]["id"].to_string();
    let redriven = home.run(&format!("--json executions redrive {id}")).json(0);
    assert_eq!(redriven["execution"]["status"], "RUNNING");
    assert_eq!(
        redriven["redrive_count"],
        Value::Null,
        "names are camelCase"
    );
    assert_eq!(redriven["redriveCount"], 1);
    let event = server.event_at_rest("generic/e").await;
    assert_eq!(event["event"]["status"], "completed");
    assert_eq!(event["event"]["execution"], "SUCCEEDED");
    assert_eq!(event["event"].get("error"), None);
    assert!(history(&event).contains(&"ExecutionRedriven"));
    // Nobody knows whether the failures acted, so the key is the same.
    let asked = gateway.ledger.asked("p");
    assert_eq!(asked.len(), 5);
    assert!(asked.iter().all(|one| one.key == asked[0].key));
    assert_eq!(gateway.ledger.effects("p").len(), 1);
    // What is settled cannot be redriven.
    home.run(&format!("executions redrive {id}"))
        .fails_with(&["redriv"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_execution_asks_nobody_any_more() {
    let gateway = Gateway::start().await;
    let home = home(&gateway, &workflow::waiting(3600), "");
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    server
        .event_that("generic/e", |event| event["execution"]["state"] == "Wait")
        .await;
    let stopped = home
        .run("--json executions stop generic/e --reason enough")
        .json(0);
    assert_eq!(stopped["execution"]["status"], "ABORTED");
    assert_eq!(stopped["cause"], "enough");
    let event = server.event_at_rest("generic/e").await;
    assert_eq!(event["event"]["execution"], "ABORTED");
    assert_eq!(*history(&event).last().unwrap(), "ExecutionAborted");
    assert!(gateway.ledger.all_asked().is_empty());
    home.run("executions stop generic/e").fails_with(&[""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_whose_attempt_is_under_way_is_busy() {
    let gateway = Gateway::start().await;
    let home = home(&gateway, &workflow::impatient(), "");
    let released = Arc::new(Notify::new());
    gateway
        .ledger
        .script("p", [Act::SettleWhenReleased(Arc::clone(&released))]);
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    until("the gateway is asked", || gateway.ledger.asked("p").pop());
    let answer = server
        .call(Method::POST, "executions/1/stop", Some(&json!({})))
        .await;
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (409, &json!("busy"))
    );
    released.notify_one();
    assert_eq!(
        server.event_at_rest("generic/e").await["event"]["status"],
        "completed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_own_workflow_runs_as_it_stood() {
    let gateway = Gateway::start().await;
    let home = home(&gateway, &workflow::seed(), "");
    gateway.ledger.script("flaky", [Act::refuse(500)]);
    gateway.ledger.script("down", vec![Act::refuse(500); 4]);
    let server = Server::start(&home);
    for payment in ["good", "flaky", "down"] {
        server
            .send(&Webhook::payment(payment, payment))
            .await
            .accepts("stored");
    }
    for (payment, status, execution, requests) in [
        ("good", "completed", "SUCCEEDED", 1),
        ("flaky", "completed", "SUCCEEDED", 2),
    ] {
        let event = server.event_at_rest(&format!("generic/{payment}")).await;
        assert_eq!(event["event"]["status"], status, "{payment}");
        assert_eq!(event["event"]["execution"], execution, "{payment}");
        assert_eq!(gateway.ledger.asked(payment).len(), requests, "{payment}");
    }
    // 2 + 4 + 8 seconds later.
    let event = server.event_at_rest("generic/down").await;
    assert_eq!(event["event"]["execution"], "FAILED");
    // The pipe's input is an array, and no array can take the Catch's `$.error`: what happens on
    // AWS happens here. The shipped workflow is made for that input.
    assert_eq!(event["execution"]["error"], "States.ResultPathMatchFailure");
    let asked = gateway.ledger.asked("down");
    let waits: Vec<u64> = asked
        .windows(2)
        .map(|two| two[1].at.duration_since(two[0].at).as_secs())
        .collect();
    assert_eq!(waits, [2, 4, 8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_of_ones_own_is_an_endpoint() {
    let gateway = Gateway::start().await;
    let resource = "arn:aws:lambda:eu-central-1:000000000000:function:notify-ledger";
    let endpoint = format!(
        "[tasks.'{resource}']\nurl = '{}'\nheaders = {{ Authorization = {{ value = 'Bearer of-the-endpoint', in_clear = true }} }}",
        gateway.url()
    );
    let home = home(&gateway, &workflow::single(resource), &endpoint);
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    let event = server.event_at_rest("generic/e").await;
    assert_eq!(event["event"]["execution"], "SUCCEEDED");
    let asked = gateway.ledger.all_asked().pop().unwrap();
    // The input of an execution is what a pipe sends: an array of one record.
    assert_eq!(asked.body[0]["eventName"], "INSERT");
    assert_eq!(asked.body[0]["dynamodb"]["NewImage"]["paymentId"]["S"], "p");
    let header = |name: &str| {
        let found = asked.headers.iter().find(|(key, _)| key == name);
        found.unwrap_or_else(|| panic!("no {name}")).1.clone()
    };
    assert_eq!(header("authorization"), "Bearer of-the-endpoint");
    assert_eq!(header("x-payhook-state"), "Only");
    assert_eq!(
        header("x-payhook-execution"),
        event["event"]["executionName"]
    );
    assert!(event["execution"]["output"]["transactionId"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_chooses_what_is_processed() {
    let gateway = Gateway::start().await;
    let home = home(&gateway, &workflow::impatient(), "");
    let filter = json!({
        "eventName": ["INSERT"],
        "dynamodb": { "NewImage": { "currency": { "S": ["EUR"] } } },
    });
    let path = home.write("filter.json", &filter.to_string());
    home.configure(&format!(
        "{}\nworkflow.filter = '{}'",
        gateway.config(),
        path.display()
    ));
    let server = Server::start(&home);
    let yen = r#"{"paymentId":"yen","currency":"JPY","eventId":"yen"}"#;
    server.send(&Webhook::new(yen)).await.accepts("stored");
    server
        .send(&Webhook::payment("euro", "euro"))
        .await
        .accepts("stored");
    assert_eq!(
        server.event_at_rest("generic/euro").await["event"]["status"],
        "completed"
    );
    let event = server.api("events/generic/yen").await;
    assert_eq!(event["event"]["execution"], Value::Null);
    assert_eq!(event["event"]["status"], "pending");
}
