//! What is refused is kept apart, and found again when the fault was ours.

use reqwest::Method;
use serde_json::json;

use crate::support::home::{Home, SECRET};
use crate::support::server::Server;
use crate::support::webhook::{Webhook, body};

const WRONG: &str = "sources.generic.secrets = [{ value = 'wrong', in_clear = true }]";

#[tokio::test(flavor = "multi_thread")]
async fn after_a_secret_is_mended_what_was_refused_is_promoted() {
    let home = Home::new(WRONG);
    let server = Server::start(&home);
    let webhook = Webhook::payment("p", "e");
    for _ in 0..3 {
        server
            .send(&webhook)
            .await
            .refuses(401, "signature_invalid", "Invalid webhook signature");
    }
    let list = home.run("--json quarantine list").json(0);
    let one = &list["items"][0];
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&one["reason"], &one["count"]),
        (&json!("signature_mismatch"), &json!(3))
    );
    let id = &one["id"];
    let shown = home.run(&format!("--json quarantine show {id}")).json(0);
    assert_eq!(shown["delivery"], *one);
    assert_eq!(shown.get("body"), None);
    let signature = shown["headers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|header| header["name"] == "x-webhook-signature");
    assert_eq!(
        signature.unwrap()["value"],
        json!(null),
        "a signature is not shown"
    );
    let shown = home
        .run(&format!("--json quarantine show {id} --body"))
        .json(0);
    assert_eq!(shown["body"], body("p", "e"));
    // With the secret as it is, it is still refused, and stays.
    home.run(&format!("quarantine promote {id}"))
        .fails_with(&["still refused", "no live secret"]);
    server.stop();

    home.configure("");
    let server = Server::start(&home);
    let promoted = home.run(&format!("--json quarantine promote {id}")).json(0);
    assert_eq!(
        promoted,
        json!({"paymentIds": ["p"], "outcomes": ["stored"]})
    );
    assert_eq!(
        server.event_at_rest("generic/e").await["event"]["status"],
        "completed"
    );
    assert_eq!(server.api("quarantine").await["items"], json!([]));
    home.run(&format!("quarantine promote {id}"))
        .fails_with(&["no such thing"]);
    server.send(&webhook).await.accepts("duplicate");
}

#[tokio::test(flavor = "multi_thread")]
async fn promoting_in_a_stopped_directory_is_taken_up_at_the_next_start() {
    let home = Home::new(WRONG);
    let server = Server::start(&home);
    server.send(&Webhook::payment("p", "e")).await.refuses(
        401,
        "signature_invalid",
        "Invalid webhook signature",
    );
    server.stop();
    home.configure("");
    let promoted = home.run("--json quarantine promote 1").json(0);
    assert_eq!(promoted["outcomes"], json!(["stored"]));
    assert_eq!(
        home.run("--json quarantine list").json(0)["items"],
        json!([])
    );
    let server = Server::start(&home);
    assert_eq!(
        server.event_at_rest("generic/e").await["event"]["status"],
        "completed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn promoting_needs_no_file_where_serving_needed_none() {
    let mut home = Home::new("");
    home.set(
        "PAYHOOK_STORE__PATH",
        home.data().to_str().unwrap().to_owned().as_str(),
    );
    home.configure(WRONG);
    let server = Server::start(&home);
    server.send(&Webhook::payment("p", "e")).await.refuses(
        401,
        "signature_invalid",
        "Invalid webhook signature",
    );
    server.stop();
    home.set("PAYHOOK_SECRET", SECRET);
    let promoted = home.run_bare("--json quarantine promote 1").json(0);
    assert_eq!(promoted["outcomes"], json!(["stored"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promoted_repeat_is_a_duplicate() {
    let home = Home::new(WRONG);
    let server = Server::start(&home);
    server.send(&Webhook::payment("p", "e")).await.refuses(
        401,
        "signature_invalid",
        "Invalid webhook signature",
    );
    server.stop();
    home.configure("");
    let server = Server::start(&home);
    let first = server.send(&Webhook::payment("p", "e")).await;
    first.accepts("stored");
    let answer = server
        .call(Method::POST, "quarantine/1/promote", Some(&json!(null)))
        .await;
    assert_eq!(answer.json()["outcomes"], json!(["duplicate"]));
    assert_eq!(server.api("counts").await["events"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quarantine_is_bounded_and_the_oldest_make_room() {
    let home = Home::new("store.quarantine_deliveries_max = 5");
    let server = Server::start(&home);
    for number in 0..12 {
        let webhook = Webhook::unsigned(format!("body {number}"));
        server
            .send(&webhook)
            .await
            .refuses(400, "signature_missing", "Missing webhook signature");
    }
    let list = server.api("quarantine?limit=100").await;
    let ids: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, [12, 11, 10, 9, 8]);
    assert_eq!(server.api("counts").await["quarantined"], 5);
    server
        .counts(
            r#"payhook_webhooks_quarantined_total{source="generic",reason="signature_missing"}"#,
            12.0,
        )
        .await;
}
