//! What is asked for twice under one key is done once.

use serde_json::json;

use crate::support::Answer;
use crate::support::gateway::Gateway;
use crate::support::home::Home;
use crate::support::ledger::Act;
use crate::support::server::Server;
use crate::support::webhook::Webhook;

const OPERATORS: &str = "
    [admin.operators.ana]
    role = 'operate'
    token = { value = 'ana-ana-ana-ana-ana', in_clear = true }
    [admin.operators.ben]
    role = 'read'
    token = { value = 'ben-ben-ben-ben-ben', in_clear = true }";

const ANA: &str = "ana-ana-ana-ana-ana";
const BEN: &str = "ben-ben-ben-ben-ben";

#[track_caller]
fn is_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, &answer.json()["code"]),
        (status, &json!(code)),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deed_with_a_key_is_done_once_whatever_happens_to_the_answer() {
    let gateway = Gateway::start().await;
    let home = Home::new(&format!("{}{OPERATORS}", gateway.config()));
    let server = Server::start(&home);
    // Declined again whenever it is let go on, so that each time it could be done again.
    gateway
        .ledger
        .script("p", std::iter::repeat_n(Act::refuse(402), 4));
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    server.event_at_rest("generic/e").await;
    let reason = json!({"reason": "the bank is back"});
    let redrive = "executions/1/redrive";
    let first = server.once((ANA, "k-1"), redrive, &reason).await;
    assert_eq!(first.status, 200, "{first:?}");
    assert!(first.headers.get("idempotency-replayed").is_none());
    server.event_at_rest("generic/e").await;
    let again = server.once((ANA, "k-1"), redrive, &reason).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.header("content-type"), "application/json");
    let redrives = async || server.api("executions/1").await["redriveCount"].clone();
    assert_eq!(redrives().await, 1);
    // Another request under that key is a mistake, and is told so.
    for (path, body) in [
        (redrive, json!({"reason": "another"})),
        ("executions/1/stop", reason.clone()),
    ] {
        let refused = server.once((ANA, "k-1"), path, &body).await;
        is_refused(&refused, 409, "idempotency_key_reused");
    }
    // Another operator's key is another key, and without one it is done each time.
    let own = server.token.clone();
    let other = server.once((&own, "k-1"), redrive, &reason).await;
    assert_eq!(other.status, 200, "{other:?}");
    server.event_at_rest("generic/e").await;
    assert_eq!(redrives().await, 2);
    server.stop();
    let server = Server::start(&home);
    let after = server.once((ANA, "k-1"), redrive, &reason).await;
    assert_eq!((after.status, &after.body), (200, &first.body));
    assert_eq!(server.api("executions/1").await["redriveCount"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_has_used_no_key() {
    let home = Home::new(OPERATORS);
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    server.event_at_rest("generic/e").await;
    let none = json!({});
    let stop = "executions/1/stop";
    for _ in 0..2 {
        is_refused(
            &server.once((ANA, "k-2"), stop, &none).await,
            409,
            "not_now",
        );
    }
    let unreadable = server.once((ANA, "k-2"), stop, &json!({"why": 1})).await;
    assert_eq!(unreadable.status, 422);
    assert_ne!(unreadable.json()["code"], "idempotency_key_reused");
    is_refused(
        &server.once((BEN, "k-3"), stop, &none).await,
        403,
        "forbidden",
    );
    is_refused(
        &server.once(("wrong", "k-3"), stop, &none).await,
        401,
        "unauthorized",
    );
    for wrong in ["", "two words", &"k".repeat(256)] {
        let refused = server.once((ANA, wrong), stop, &none).await;
        is_refused(&refused, 400, "bad_idempotency_key");
    }
    let longest = server.once((ANA, &"k".repeat(255)), stop, &none).await;
    is_refused(&longest, 409, "not_now");
    let huge = json!({"reason": "a".repeat(1024 * 1024)});
    is_refused(
        &server.once((ANA, "k-4"), stop, &huge).await,
        413,
        "too_large",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_come_at_once_under_one_key_one_is_done() {
    let gateway = Gateway::start().await;
    let home = Home::new(&format!("{}{OPERATORS}", gateway.config()));
    let server = Server::start(&home);
    gateway.ledger.script("p", [Act::refuse(402)]);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    server.event_at_rest("generic/e").await;
    let body = json!({"reason": "r"});
    let redrive = || server.once((ANA, "k-5"), "executions/1/redrive", &body);
    let (a, b, c, d) = tokio::join!(redrive(), redrive(), redrive(), redrive());
    for answer in [&a, &b, &c, &d] {
        // Whoever was late is told of the first, or that it is under way.
        match answer.status {
            200 => {}
            _ => is_refused(answer, 409, "under_way"),
        }
    }
    assert!([&a, &b, &c, &d].iter().any(|answer| answer.status == 200));
    server.event_at_rest("generic/e").await;
    assert_eq!(server.api("executions/1").await["redriveCount"], 1);
}
