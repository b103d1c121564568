//! Many at once: counted first, at a pace, to be cancelled, each on record.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::gateway::Gateway;
use crate::support::home::Home;
use crate::support::ledger::Act;
use crate::support::server::Server;
use crate::support::until_async;
use crate::support::webhook::Webhook;

/// A server whose gateway declined `count` payments once, and would settle them now.
async fn with_declined(count: usize) -> (Home, Gateway, Server) {
    let gateway = Gateway::start().await;
    let home = Home::new(&gateway.config());
    let server = Server::start(&home);
    for number in 0..count {
        let payment = format!("pay_{number}");
        gateway.ledger.script(&payment, [Act::refuse(402)]);
        let webhook = Webhook::payment(&payment, &format!("evt_{number}"));
        server.send(&webhook).await.accepts("stored");
    }
    for number in 0..count {
        let event = server.event_at_rest(&format!("generic/evt_{number}")).await;
        assert_eq!(event["event"]["status"], "failed");
    }
    (home, gateway, server)
}

async fn start(server: &Server, request: &Value) -> u64 {
    let answer = server
        .call(Method::POST, "bulk/executions", Some(request))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["id"].as_u64().unwrap()
}

async fn ended(server: &Server, id: u64) -> Value {
    until_async("the run has ended", async || {
        let run = server.api(&format!("bulk/{id}")).await;
        (run["state"] != "running").then_some(run)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_counts_and_does_nothing_and_a_run_does_what_it_counted() {
    let (_home, _gateway, server) = with_declined(3).await;
    server
        .send(&Webhook::payment("pay_well", "evt_well"))
        .await
        .accepts("stored");
    server.event_at_rest("generic/evt_well").await;
    let mut request = json!({"action": "redrive", "filter": {"status": "failed"}, "dryRun": true});
    let dry = ended(&server, start(&server, &request).await).await;
    assert_eq!(
        (&dry["state"], &dry["matched"], &dry["done"]),
        (&json!("done"), &json!(3), &json!(0)),
        "{dry}"
    );
    assert_eq!(dry["sample"][0], "generic/evt_2", "the newest first");
    let event = server.event_at_rest("generic/evt_0").await;
    assert_eq!(event["event"]["status"], "failed");
    assert_eq!(server.api("audit").await["items"], json!([]));
    request["dryRun"] = json!(false);
    request["perSecond"] = json!(1000);
    request["reason"] = json!("the bank is back");
    let run = ended(&server, start(&server, &request).await).await;
    assert_eq!(
        (&run["done"], &run["notDone"]),
        (&json!(3), &json!(0)),
        "{run}"
    );
    for number in 0..3 {
        let key = format!("generic/evt_{number}");
        server
            .event_that(&key, |event| event["event"]["status"] == "completed")
            .await;
    }
    let acts = server.api("audit").await;
    let acts = acts["items"].as_array().unwrap();
    assert!(
        acts.iter()
            .all(|act| act["reason"] == "the bank is back" && act["done"] == true)
    );
    let actions: Vec<_> = acts.iter().map(|act| act["action"].clone()).collect();
    assert_eq!(
        actions,
        ["redrive", "redrive", "redrive", "bulk"],
        "newest first"
    );
    assert_eq!(acts[3]["target"], r#"redrive {"status":"failed"}"#);
    // What was done no longer matches.
    let again = ended(&server, start(&server, &request).await).await;
    assert_eq!(again["matched"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_at_its_pace_alone_and_ends_when_it_is_cancelled() {
    let (_home, _gateway, server) = with_declined(3).await;
    let request = json!({"action": "redrive", "perSecond": 1});
    let id = start(&server, &request).await;
    let second = server
        .call(Method::POST, "bulk/executions", Some(&request))
        .await;
    assert_eq!(second.status, 409, "{second:?}");
    let cancel = server
        .call(
            Method::POST,
            &format!("bulk/{id}/cancel"),
            Some(&json!({"reason": "too fast"})),
        )
        .await;
    assert_eq!(cancel.status, 200, "{cancel:?}");
    let run = ended(&server, id).await;
    assert_eq!(run["state"], "cancelled", "{run}");
    assert!(run["done"].as_u64() < Some(3), "{run}");
    let acts = server.api("audit").await;
    let mut acts = acts["items"].as_array().unwrap().iter();
    let cancelled = acts.find(|act| act["action"] == "cancel_bulk").unwrap();
    assert_eq!(
        (&cancelled["target"], &cancelled["reason"]),
        (&json!(format!("run {id}")), &json!("too fast"))
    );
    for body in [
        json!(["too fast"]),
        json!([null]),
        json!("why"),
        json!({"why": "so"}),
    ] {
        let path = format!("bulk/{id}/cancel");
        let refused = server.call(Method::POST, &path, Some(&body)).await;
        assert_eq!(refused.status, 422, "{body}: {refused:?}");
    }
    // An array of nothing is not a filter that fits everything.
    let everything = json!({"action": "stop", "filter": [null, null]});
    let refused = server
        .call(Method::POST, "bulk/executions", Some(&everything))
        .await;
    assert_eq!(refused.status, 422, "{refused:?}");
    let unknown = server.call(Method::POST, "bulk/99/cancel", None).await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_deliveries_are_judged_again_all_at_once() {
    let home = Home::new("");
    let server = Server::start(&home);
    for number in 0..2 {
        let payment = format!("pay_{number}");
        let forged = Webhook::payment(&payment, &payment).signed_with("the new secret");
        assert_eq!(server.send(&forged).await.status, 401);
    }
    let forged = Webhook::payment("pay_2", "pay_2").signed_with("nobody's");
    assert_eq!(server.send(&forged).await.status, 401);
    server.stop();
    home.configure("sources.generic.secrets = [{ value = 'the new secret', in_clear = true }]");
    let server = Server::start(&home);
    let ended = home.run("bulk promote --source generic --per-second 1000 --reason mended --json");
    let run = ended.json(1);
    assert_eq!(
        (&run["matched"], &run["done"], &run["notDone"]),
        (&json!(3), &json!(2), &json!(1)),
        "{run}"
    );
    assert!(
        run["problems"][0]
            .as_str()
            .unwrap()
            .contains("still refused")
    );
    for payment in ["pay_0", "pay_1"] {
        server.event_at_rest(&format!("generic/{payment}")).await;
    }
    server.stop();
    // Without a server, in the data directory.
    let ended = home.run("bulk promote --dry-run");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(ended.stdout.contains("1 found"), "{ended:?}");
}
