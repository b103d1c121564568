//! Starting, refusing to start, stopping in order, and coming back.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Notify;

use crate::support::gateway::Gateway;
use crate::support::home::{Home, SECRET};
use crate::support::ledger::Act;
use crate::support::server::{SERVER, Server};
use crate::support::tcp::Connection;
use crate::support::webhook::{Webhook, body, signature};
use crate::support::{until, until_async, workflow};

#[test]
fn serve_refuses_to_start_without_a_secret_and_says_what_to_do() {
    let home = Home::new("");
    home.run_bare("serve").fails_with(&["no source", "--dev"]);
    home.configure("sources.generic.secrets = []");
    home.run("serve")
        .fails_with(&["[sources.generic]", "no secret", "env = "]);
    home.configure("sources.generic.secrets = [{ env = 'NOT_THERE' }]");
    home.run("serve").fails_with(&["NOT_THERE", "not set"]);
    home.configure("sources.generic.secrets = [{ value = 'x' }]");
    home.run("serve").fails_with(&["in_clear"]);
    home.configure("sources.generic.secrets = [{ value = '', in_clear = true }]");
    home.run("serve").fails_with(&["empty"]);
    let file = home.path().join("not-there");
    home.configure(&format!(
        "sources.generic.secrets = [{{ file = '{}' }}]",
        file.display()
    ));
    home.run("serve").fails_with(&["not-there"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_come_from_the_environment_and_from_files() {
    let mut home = Home::new("");
    home.set("HOOK_SECRET", "from the environment");
    let file = home.write("secret", "from a file\n");
    home.configure(&format!(
        "sources.generic.secrets = [{{ env = 'HOOK_SECRET' }}, {{ file = '{}' }}]",
        file.display()
    ));
    let server = Server::start(&home);
    for secret in ["from the environment", "from a file"] {
        let webhook = Webhook::unsigned(body("p", secret)).signed_with(secret);
        server.send(&webhook).await.accepts("stored");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_file_the_environment_is_enough() {
    let mut home = Home::new("");
    home.set("PAYHOOK_SECRET", SECRET);
    home.set("PAYHOOK_SERVER__LISTEN", "127.0.0.1:0");
    home.set("PAYHOOK_ADMIN__LISTEN", "127.0.0.1:0");
    home.set(
        "PAYHOOK_STORE__PATH",
        home.data().to_str().unwrap().to_owned().as_str(),
    );
    home.set("PAYHOOK_GATEWAY__SIMULATED__FAILURE_PERCENT", "0");
    let server = Server::wait_for(&home, home.spawn_bare(SERVER, &["serve"]));
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    server.event_at_rest("generic/e").await;
    let listed = home.run_bare("--json events list").json(0);
    assert_eq!(listed["items"][0]["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn dev_serves_a_known_secret_on_loopback_only() {
    let mut home = Home::new("");
    home.set(
        "PAYHOOK_STORE__PATH",
        home.data().to_str().unwrap().to_owned().as_str(),
    );
    home.set("PAYHOOK_ADMIN__LISTEN", "127.0.0.1:0");
    home.set("PAYHOOK_SERVER__LISTEN", "0.0.0.0:0");
    home.run_bare("serve --dev")
        .fails_with(&["loopback", "0.0.0.0"]);
    home.set("PAYHOOK_SERVER__LISTEN", "127.0.0.1:0");
    let server = Server::wait_for(&home, home.spawn_bare(SERVER, &["serve", "--dev"]));
    let webhook = Webhook::unsigned(body("p", "e")).signed_with("payhook-dev-secret");
    server.send(&webhook).await.accepts("stored");
    server.stop();
    home.run("serve --dev").fails_with(&["--dev"]);
}

#[test]
fn a_workflow_that_nothing_can_run_is_refused_at_start() {
    let home = Home::new("");
    let configure = |text: &str| {
        let path = home.write("workflow.asl.json", text);
        home.configure(&format!("workflow.definition = '{}'", path.display()));
    };
    let resource = "arn:aws:lambda:us-east-1:000000000000:function:unheard-of";
    configure(&workflow::single(resource).to_string());
    let cure = format!("[tasks.\"{resource}\"]");
    home.run("serve").fails_with(&["Only", "url", &cure]);
    configure("{");
    home.run("serve")
        .fails_with(&["SYNTAX", "workflow.asl.json:1:1"]);
    configure(r#"{"StartAt":"Nowhere","States":{"A":{"Type":"Succeed"}}}"#);
    home.run("serve").fails_with(&["Nowhere"]);
    home.configure("workflow.definition = 'not-there.json'");
    home.run("serve").fails_with(&["not-there.json"]);
    let filter = home.write("filter.json", r#"{"eventName":"INSERT"}"#);
    home.configure(&format!("workflow.filter = '{}'", filter.display()));
    home.run("serve").fails_with(&["workflow.filter"]);
    home.configure("server.lisen = '127.0.0.1:0'");
    home.run("serve").fails_with(&["lisen", "listen"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_at_a_time_has_the_data_directory() {
    let home = Home::new("");
    let server = Server::start(&home);
    let second = home.run("serve");
    second.fails_with(&[home.data().to_str().unwrap()]);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    server.stop();
    assert!(!home.data().join("server.json").exists());
    Server::start(&home).stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named() {
    let home = Home::new("");
    let server = Server::start(&home);
    let other = Home::new(&format!("server.listen = '{}'", server.listen));
    other
        .run("serve")
        .fails_with(&[&server.listen.to_string(), "server.listen"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_sees_through_what_was_begun() {
    let gateway = Gateway::start().await;
    let home = Home::new(&gateway.config());
    let released = Arc::new(Notify::new());
    gateway
        .ledger
        .script("task", [Act::SettleWhenReleased(Arc::clone(&released))]);
    let mut server = Server::start(&home);
    server
        .send(&Webhook::payment("task", "task"))
        .await
        .accepts("stored");
    until("the gateway is asked", || {
        gateway.ledger.asked("task").pop()
    });
    let body = body("late", "late");
    let mut webhook = Connection::open(server.listen);
    let signature = signature(SECRET, body.as_bytes());
    webhook.send(format!(
        "POST /webhooks HTTP/1.1\r\nhost: h\r\nx-webhook-signature: {signature}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    ));
    webhook.send(&body[..5]);
    let mut idle = Connection::open(server.listen);
    // Both connections are accepted in order; once this one is answered, they are.
    server
        .send(&Webhook::payment("last", "last"))
        .await
        .accepts("stored");

    server.process.terminate();
    until_async("nobody else is let in", async || {
        server
            .try_send(&Webhook::payment("x", "x"))
            .await
            .is_err()
            .then_some(())
    })
    .await;
    assert!(idle.is_closed());
    assert_eq!(server.process.ended(), None, "it waits for what was begun");
    webhook.send(&body[5..]);
    webhook.answer().accepts("stored");
    released.notify_one();
    assert_eq!(server.process.wait(), 0);
    drop(server);

    let listed = home.run("--json events list --payment task").json(0);
    assert_eq!(listed["items"][0]["status"], "completed");
    let listed = home.run("--json events list --payment late").json(0);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    // What was kept in the last moment is taken up at the next start.
    let server = Server::start(&home);
    assert_eq!(
        server.event_at_rest("generic/late").await["event"]["status"],
        "completed"
    );
    assert_eq!(gateway.ledger.effects("late").len(), 1);
    assert_eq!(gateway.ledger.asked("task").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_end_in_time_is_taken_up_at_the_next_start() {
    let gateway = Gateway::start().await;
    let home = Home::new(&format!(
        "{}\nserver.stop_timeout_ms = 200",
        gateway.config()
    ));
    gateway
        .ledger
        .script("p", [Act::SettleWhenReleased(Arc::new(Notify::new()))]);
    let mut server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    until("the gateway is asked", || gateway.ledger.asked("p").pop());
    server.process.terminate();
    assert_eq!(
        server.process.wait(),
        1,
        "it says that something was cut off"
    );
    let server = Server::start(&home);
    assert_eq!(
        server.event_at_rest("generic/e").await["event"]["status"],
        "completed"
    );
    let asked = gateway.ledger.asked("p");
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].key, asked[1].key);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_that_came_due_while_down_fires_at_start() {
    let home = Home::new("");
    let path = home.write("workflow.asl.json", &workflow::waiting(2).to_string());
    home.configure(&format!("workflow.definition = '{}'", path.display()));
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    let event = server
        .event_that("generic/e", |event| {
            event["execution"]["execution"]["dueAt"].is_string()
        })
        .await;
    let due: jiff::Timestamp = event["execution"]["execution"]["dueAt"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    server.kill();
    until("the timer came due", || {
        (jiff::Timestamp::now() > due).then_some(())
    });

    let server = Server::start(&home);
    let event = server.event_at_rest("generic/e").await;
    assert_eq!(event["event"]["execution"], "SUCCEEDED");
    let types: Vec<_> = event["execution"]["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["type"].clone())
        .collect();
    let waits = |kind: &str| types.iter().filter(|one| **one == json!(kind)).count();
    assert_eq!(
        (waits("WaitStateEntered"), waits("WaitStateExited")),
        (1, 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_ends_with_the_workflow_it_began_with() {
    let home = Home::new("");
    let waiting = home.write("waiting.asl.json", &workflow::waiting(2).to_string());
    home.configure(&format!("workflow.definition = '{}'", waiting.display()));
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "old"))
        .await
        .accepts("stored");
    server
        .event_that("generic/old", |event| event["execution"]["state"] == "Wait")
        .await;
    server.stop();
    home.configure("");
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "new"))
        .await
        .accepts("stored");
    let [old, new] = ["old", "new"].map(|key| format!("generic/{key}"));
    let new = server.event_at_rest(&new).await;
    let old = server.event_at_rest(&old).await;
    assert_ne!(
        old["execution"]["execution"]["definition"],
        new["execution"]["execution"]["definition"]
    );
    for event in [old, new] {
        assert_eq!(event["event"]["status"], "completed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_workflow_switched_off_custody_is_still_taken() {
    let home = Home::new("workflow.enabled = false");
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    assert_eq!(server.api("counts").await["feedLag"], 1);
    server.stop();
    home.configure("");
    let server = Server::start(&home);
    assert_eq!(
        server.event_at_rest("generic/e").await["event"]["status"],
        "completed"
    );
}
