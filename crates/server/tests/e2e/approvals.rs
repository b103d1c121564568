//! A task that waits for somebody: asked over HTTP, answered over the admin API or the command line.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::server::Server;
use crate::support::stand_in::StandIn;
use crate::support::webhook::Webhook;
use crate::support::workflow::PROCESSOR;

/// Asks, and settles the payment when the answer is good.
fn workflow() -> Value {
    json!({"StartAt": "Ask", "States": {
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": "approvals", "Payload": {
                "token.$": "$$.Task.Token", "payment.$": "$[0].dynamodb.Keys.paymentId.S"}},
            "TimeoutSeconds": 3600,
            "ResultPath": null,
            "Catch": [{"ErrorEquals": ["Refused"], "Next": "Refused"}],
            "Next": "Process",
        },
        "Process": {"Type": "Task", "Resource": PROCESSOR, "End": true},
        "Refused": {"Type": "Fail", "Error": "Refused", "Cause": "somebody said no"},
    }})
}

/// Whoever is asked, and the tokens that they are given.
async fn approvals() -> (StandIn, Receiver<String>) {
    let (given, tokens) = channel();
    let given = Mutex::new(given);
    let asked = StandIn::start(move |heard| {
        let body: Value = serde_json::from_slice(&heard.body).unwrap();
        let token = body["token"].as_str().unwrap().to_owned();
        given.lock().unwrap().send(token).unwrap();
        (202, json!({"asked": body["payment"]}).to_string())
    })
    .await;
    (asked, tokens)
}

fn home(asked: &StandIn) -> Home {
    let home = Home::new("");
    let path = home.write("workflow.asl.json", &workflow().to_string());
    home.configure(&format!(
        "workflow.definition = '{}'\n[tasks.approvals]\nurl = '{}'",
        path.display(),
        asked.url()
    ));
    let said = home.run(&format!("--json workflow lint {}", path.display()));
    assert_eq!(said.json(0)["ok"], true);
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_waits_for_its_approval_across_a_death() {
    let (asked, tokens) = approvals().await;
    let home = home(&asked);
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    let is_asked = |event: &Value| {
        let events = event["execution"]["events"].as_array();
        events.is_some_and(|all| all.iter().any(|one| one["type"] == "TaskSubmitted"))
    };
    server.event_that("generic/e", is_asked).await;
    let token = tokens.recv().unwrap();
    server.kill();

    let server = Server::start(&home);
    let call = async |verb: &str, body: Value| {
        let path = format!("task-tokens/{verb}");
        server.call(Method::POST, &path, Some(&body)).await
    };
    for (body, status, code) in [
        (json!({"token": "nonsense"}), 404, "not_found"),
        (json!({"token": "9999-a"}), 404, "not_found"),
        (json!({"token": "1-a"}), 409, "not_now"),
        (json!({"output": 1}), 422, "unprocessable_entity"),
    ] {
        let answer = call("success", body.clone()).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (status, &json!(code)),
            "{body}"
        );
    }
    let answer = call("heartbeat", json!({"token": token})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let yes = json!({"token": token, "output": {"by": "me"}, "reason": "looked at it"});
    let answer = call("success", yes.clone()).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"execution": 1}))
    );
    let again = call("success", yes).await;
    assert_eq!(
        (again.status, &again.json()["code"]),
        (409, &json!("not_now"))
    );
    let event = server.event_at_rest("generic/e").await;
    assert_eq!(event["event"]["status"], "completed", "{event}");
    assert_eq!(asked.heard().len(), 1, "nobody is asked twice");
    // The audit log knows who and why, and not the token.
    let log = server.api("audit").await;
    let acts = log["items"].as_array().unwrap();
    assert_eq!(acts[1]["action"], "answer_task", "{log}");
    assert_eq!(
        (&acts[1]["target"], &acts[1]["reason"]),
        (&json!("1"), &json!("looked at it"))
    );
    assert!(!log.to_string().contains(&token));
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_from_the_command_line_is_caught() {
    let (asked, tokens) = approvals().await;
    let home = home(&asked);
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    let token = tokens.recv().unwrap();
    // At once: the question may still be under way.
    let refuse = format!("tasks fail {token} --error Refused --cause odd --reason odd");
    let said = home.run(&format!("--json {refuse}")).json(0);
    assert_eq!(said, json!({"execution": 1}));
    let event = server.event_at_rest("generic/e").await;
    assert_eq!(event["execution"]["error"], "Refused", "{event}");
    home.run(&refuse)
        .fails_with(&["no task waits for this token"]);
    server.stop();
}
