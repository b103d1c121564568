//! What the user's application is told: the real binary, a real gateway and a real receiver.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::gateway::Gateway;
use crate::support::home::Home;
use crate::support::ledger;
use crate::support::receiver::{Act, KEY, Receiver};
use crate::support::server::Server;
use crate::support::webhook::Webhook;
use crate::support::{until_async, workflow};

/// A home whose receiver has these endpoints.
fn home(receiver: &Receiver, endpoints: &[&str], more: &str) -> Home {
    Home::new(&receiver.config(endpoints, more))
}

async fn send(server: &Server, payment: &str, event: &str) {
    let sent = server.send(&Webhook::payment(payment, event)).await;
    sent.accepts("stored");
}

/// What was told of an event, once its last notification is as `wanted`.
async fn told(server: &Server, event: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until_async(&format!("{event} was told as wanted"), async || {
        let all = server.api(&format!("notifications/{event}")).await;
        let last = all.as_array()?.last()?.clone();
        wanted(&last).then_some(last)
    })
    .await
}

/// What was told of an event, once that has come to rest.
async fn at_rest(server: &Server, event: &str) -> Value {
    told(server, event, |last| last["status"] != "RUNNING").await
}

/// Each endpoint with how it stands towards what was told.
fn states(told: &Value) -> Vec<(&str, &str, u64)> {
    let endpoints = told["endpoints"].as_array().unwrap();
    endpoints
        .iter()
        .map(|each| {
            (
                each["name"].as_str().unwrap(),
                each["state"].as_str().unwrap(),
                each["attempts"].as_u64().unwrap(),
            )
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settled_payment_is_told_once_to_each_endpoint_and_proved() {
    let receiver = Receiver::start().await;
    let home = home(&receiver, &["crm", "shop"], "");
    let server = Server::start(&home);
    send(&server, "p", "e").await;
    let told = at_rest(&server, "generic/e").await;
    assert_eq!(
        (&told["status"], &told["outcome"]),
        (&json!("SUCCEEDED"), &json!("completed"))
    );
    assert_eq!(
        states(&told),
        [("crm", "delivered", 1), ("shop", "delivered", 1)]
    );
    let event = server.api("events/generic/e").await;
    let [shop] = &receiver.at("shop")[..] else {
        panic!("{:?}", receiver.at("shop"));
    };
    assert!(shop.is_proved_by(KEY));
    let data = &shop.json()["data"];
    for (field, value) in [
        ("eventKey", "generic/e"),
        ("paymentId", "p"),
        ("status", "completed"),
        ("amount", "12.5"),
        ("currency", "EUR"),
    ] {
        assert_eq!(data[field], value, "{field}");
    }
    assert_eq!(data["transactionId"], event["event"]["transactionId"]);
    assert_eq!(shop.json()["type"], "payment.settled");
    assert_eq!(shop.json()["timestamp"], event["event"]["updatedAt"]);
    let trace = event["event"]["traceId"].as_str().unwrap();
    assert!(shop.header("traceparent").contains(trace));
    assert_ne!(receiver.ids("shop"), receiver.ids("crm"));
    for endpoint in ["shop", "crm"] {
        let sample = format!(
            r#"payhook_notifications_sent_total{{endpoint="{endpoint}",outcome="delivered"}}"#
        );
        server.counts(&sample, 1.0).await;
    }
    // The payment's own execution is another, and knows nothing of it.
    assert_ne!(told["execution"], event["execution"]["execution"]["id"]);
    let log = home.log(crate::support::server::SERVER);
    assert!(!log.contains("MfKQ"), "no key is in the log");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_down_is_tried_until_it_is_up_and_the_other_is_left_in_peace() {
    let receiver = Receiver::start().await;
    let home = home(&receiver, &["crm", "shop"], "");
    receiver.script("crm", [Act::HangUp, Act::say(302)]);
    let server = Server::start(&home);
    send(&server, "p", "e").await;
    let told = at_rest(&server, "generic/e").await;
    assert_eq!(
        states(&told),
        [("crm", "delivered", 3), ("shop", "delivered", 1)]
    );
    let ids = receiver.ids("crm");
    assert_eq!((ids.len(), receiver.ids("shop").len()), (3, 1));
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let arrived = receiver.at("crm");
    assert!(
        arrived
            .iter()
            .all(|each| each.is_proved_by(KEY) && each.bytes == arrived[0].bytes)
    );
    assert!(
        receiver.at("elsewhere").is_empty(),
        "no redirection is followed"
    );
    let endpoints = server.api("endpoints").await;
    assert!(endpoints[0].get("failingSince").is_none(), "{endpoints}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_asks_for_patience_gets_it() {
    let receiver = Receiver::start().await;
    let home = home(&receiver, &["shop"], "");
    receiver.script("shop", [Act::Say(429, Some(3))]);
    let server = Server::start(&home);
    send(&server, "p", "e").await;
    at_rest(&server, "generic/e").await;
    let times: Vec<i64> = receiver
        .at("shop")
        .iter()
        .map(|each| each.header("webhook-timestamp").parse().unwrap())
        .collect();
    assert!(times.len() == 2 && times[1] - times[0] >= 3, "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_delivered_is_a_dead_letter_that_a_redrive_goes_on_from() {
    let receiver = Receiver::start().await;
    let home = home(&receiver, &["crm", "shop"], "");
    receiver.script("crm", [500, 500, 500].map(Act::say));
    let server = Server::start(&home);
    send(&server, "p", "e").await;
    let told = at_rest(&server, "generic/e").await;
    assert_eq!(told["status"], "FAILED");
    let cause = told["cause"].as_str().unwrap();
    assert!(
        cause.contains("not delivered to crm (http_500, attempts: 3)"),
        "{cause}"
    );
    let event = server.api("events/generic/e").await;
    assert_eq!(
        event["event"]["status"], "completed",
        "the payment is as it was"
    );
    assert_eq!(event["event"]["execution"], "SUCCEEDED");
    let id = told["execution"].to_string();
    let listed = home
        .run("--json executions list --status dead_letter")
        .json(0);
    assert_eq!(listed["items"][0]["id"].to_string(), id);
    let redriven = home
        .run(&format!("--json executions redrive {id} --reason up-again"))
        .json(0);
    assert_eq!(redriven["redriveCount"], 1);
    let told = at_rest(&server, "generic/e").await;
    assert_eq!(told["status"], "SUCCEEDED");
    assert_eq!(
        states(&told),
        [("crm", "delivered", 1), ("shop", "delivered", 1)]
    );
    let ids = receiver.ids("crm");
    assert_eq!((ids.len(), receiver.ids("shop").len()), (4, 1));
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_gone_is_left_alone_until_a_person_enables_it() {
    let receiver = Receiver::start().await;
    let declining = "gateway.simulated.scripts = { declined = ['decline'] }\n";
    let endpoints = receiver.config(&["crm", "shop"], "");
    let home = Home::new(&format!("{declining}{endpoints}"));
    receiver.script("crm", [Act::say(410)]);
    let server = Server::start(&home);
    send(&server, "p", "e1").await;
    assert_eq!(at_rest(&server, "generic/e1").await["status"], "FAILED");
    send(&server, "p", "e2").await;
    let told = at_rest(&server, "generic/e2").await;
    assert_eq!(
        states(&told),
        [("crm", "disabled", 0), ("shop", "delivered", 1)]
    );
    assert_eq!(receiver.at("crm").len(), 1);
    // It survives a restart.
    server.stop();
    let listed = home.run("--json notifications list").json(0);
    assert_eq!(
        (
            &listed[0]["name"],
            &listed[0]["disabledWhy"],
            &listed[0]["error"]
        ),
        (&json!("crm"), &json!("gone"), &json!("http_410"))
    );
    let server = Server::start(&home);
    let enabled = home
        .run("--json notifications enable crm --reason back")
        .json(0);
    assert!(enabled[0].get("disabledAt").is_none(), "{enabled}");
    // What waits for it is told at once; an execution of a payment's own is no such thing.
    send(&server, "declined", "e3").await;
    let declined = server.event_at_rest("generic/e3").await;
    assert_eq!(declined["event"]["status"], "failed");
    at_rest(&server, "generic/e3").await;
    let dry = home.run("--json bulk notify --dry-run").json(0);
    assert_eq!((&dry["matched"], &dry["done"]), (&json!(2), &json!(0)));
    let run = home.run("--json bulk notify --reason back").json(0);
    assert_eq!(
        (&run["done"], &run["notDone"]),
        (&json!(2), &json!(0)),
        "{run}"
    );
    for event in ["e1", "e2"] {
        let key = format!("generic/{event}");
        let told = at_rest(&server, &key).await;
        assert_eq!(
            states(&told),
            [("crm", "delivered", 1), ("shop", "delivered", 1)]
        );
    }
    assert_eq!(
        (receiver.at("crm").len(), receiver.at("shop").len()),
        (4, 3)
    );
    let acts = server.api("audit").await;
    let mut acts_of = acts["items"].as_array().unwrap().iter();
    let is_enabling = |act: &Value| act["action"] == "enable_endpoint" && act["target"] == "crm";
    assert!(acts_of.any(is_enabling), "{acts}");
    let page = Browser::of(&server).await.page("/endpoints").await;
    for text in ["crm", "shop", "well", "/bulk/new?action=notify"] {
        assert!(page.contains(text), "{text}: {page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_may_have_one_left_alone() {
    let receiver = Receiver::start().await;
    let home = Home::new(&receiver.config(&["crm", "shop"], ""));
    let server = Server::start(&home);
    home.run("--json notifications disable shop --reason quiet")
        .json(0);
    let listed = server.api("endpoints").await;
    assert_eq!(listed[1]["disabledWhy"], "operator");
    send(&server, "p", "e1").await;
    let told = at_rest(&server, "generic/e1").await;
    assert_eq!(
        states(&told),
        [("crm", "delivered", 1), ("shop", "disabled", 0)]
    );
    let page = Browser::of(&server)
        .await
        .page("/events/generic%2Fe1")
        .await;
    for text in [
        "Who was told",
        "crm</strong>: delivered",
        "shop</strong>: disabled",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    home.run("notifications enable nobody")
        .fails_with(&["no endpoint named nobody"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_payment_is_told_can_be_redriven_meanwhile_and_its_settling_is_told_too() {
    let gateway = Gateway::start().await;
    let receiver = Receiver::start().await;
    gateway.ledger.script("p", [ledger::Act::refuse(402)]);
    receiver.script("shop", [Act::say(503)]);
    let home = Home::new("");
    let path = home.write("workflow.asl.json", &workflow::impatient().to_string());
    let definition = format!("workflow.definition = '{}'\n", path.display());
    let patient = receiver
        .config(&["shop"], "")
        .replace("[0, 1, 1]", "[0, 3600]");
    home.configure(&format!("{}{definition}{patient}", gateway.config()));
    let server = Server::start(&home);
    send(&server, "p", "e").await;
    let event = server.event_at_rest("generic/e").await;
    assert_eq!(event["event"]["status"], "failed");
    // The application is down, and the payment can be redriven all the same.
    let told_of_failure = told(&server, "generic/e", |last| last["endpoints"] != json!([])).await;
    assert_eq!(told_of_failure["status"], "RUNNING");
    home.run("--json executions redrive generic/e --reason funds")
        .json(0);
    let told = told(&server, "generic/e", |last| {
        last["outcome"] == "completed" && last["status"] == "SUCCEEDED"
    })
    .await;
    assert_eq!(states(&told), [("shop", "delivered", 1)]);
    let arrived = receiver.at("shop");
    let said = |at: usize, pointer: &str| arrived[at].json().pointer(pointer).cloned();
    assert_eq!(arrived.len(), 2);
    assert_eq!(said(0, "/type"), Some(json!("payment.failed")));
    assert_eq!(said(0, "/data/error"), Some(json!("PaymentDeclined")));
    assert_eq!(said(1, "/type"), Some(json!("payment.settled")));
    assert_ne!(arrived[0].id(), arrived[1].id());
    // Stopping what tells of the failure leaves the payment settled.
    let id = told_of_failure["execution"].to_string();
    home.run(&format!("--json executions stop {id} --reason stale"))
        .json(0);
    let event = server.api("events/generic/e").await;
    assert_eq!(event["event"]["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_costs_at_most_a_repeat_with_the_same_id() {
    let receiver = Receiver::start().await;
    let home = home(&receiver, &["crm", "shop"], "");
    // The first round: one has it, the other fails. In the second that one hangs.
    receiver.script("crm", [Act::say(500), Act::Hang]);
    let server = Server::start(&home);
    send(&server, "p", "e").await;
    until_async("the second attempt is under way", async || {
        (receiver.at("crm").len() == 2).then_some(())
    })
    .await;
    server.kill();
    let server = Server::start(&home);
    let told = at_rest(&server, "generic/e").await;
    assert_eq!(told["status"], "SUCCEEDED");
    let ids = receiver.ids("crm");
    assert_eq!((ids.len(), receiver.ids("shop").len()), (3, 1));
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(
        states(&told),
        [("crm", "delivered", 2), ("shop", "delivered", 1)]
    );
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_delivered_is_told_again_on_a_persons_word() {
    let receiver = Receiver::start().await;
    let home = Home::new(&format!(
        "{}\n[admin.operators.ana]\nrole = 'read'\n\
         token = {{ value = '0123456789abcdef', in_clear = true }}",
        receiver.config(&["crm", "shop"], "")
    ));
    let server = Server::start(&home);
    send(&server, "p", "e").await;
    at_rest(&server, "generic/e").await;
    let replayed = home
        .run("--json notifications replay generic/e --endpoint shop --reason lost-theirs")
        .json(0);
    let ids = receiver.ids("shop");
    assert_eq!(
        replayed["replies"],
        json!([{"endpoint": "shop", "message": ids[0]}])
    );
    assert_eq!((ids.len(), receiver.ids("crm").len()), (2, 1));
    assert_eq!(ids[0], ids[1]);
    receiver.script("crm", [Act::say(500)]);
    home.run("notifications replay generic/e --reason all")
        .fails_with(&["crm: it answered with HTTP 500", "told: shop"]);
    let acts = server.api("audit").await;
    let ends: Vec<_> = acts["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|act| {
            (
                act["action"].as_str().unwrap(),
                act["done"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(ends, [("notify", false), ("notify", true)]);
    // Whoever may only look may not.
    let forbidden = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/api/notifications/generic%2Fe", server.admin);
    let asked = forbidden
        .post(url)
        .bearer_auth("0123456789abcdef")
        .json(&json!({}));
    assert_eq!(asked.send().await.unwrap().status().as_u16(), 403);
    for (path, status) in [
        ("notifications/generic/none", 404),
        ("endpoints/none/enable", 404),
    ] {
        let answer = server.call(Method::POST, path, Some(&json!({}))).await;
        assert_eq!(answer.status, status, "{path}: {answer:?}");
    }
    // With no server it is done here.
    server.stop();
    home.run("--json notifications replay generic/e --endpoint shop --reason again")
        .json(0);
    assert_eq!(receiver.ids("shop").len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_are_told_what_they_want_and_with_every_live_key() {
    let receiver = Receiver::start().await;
    let private = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    let public = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let both = format!(
        "secrets = [{{ value = '{KEY}', in_clear = true }}, {{ value = '{private}', in_clear = true }}]"
    );
    let config = receiver.config(&["shop"], "").replace(
        &format!("secrets = [{{ value = '{KEY}', in_clear = true }}]"),
        &both,
    );
    let picky = receiver.config(&["crm"], "statuses = ['failed']");
    let picky = picky.replace("notify.schedule_seconds = [0, 1, 1]\n", "");
    let home = Home::new(&format!("{config}{picky}"));
    let server = Server::start(&home);
    send(&server, "p", "e").await;
    let told = at_rest(&server, "generic/e").await;
    assert_eq!(states(&told), [("shop", "delivered", 1)]);
    let shop = receiver.at("shop");
    assert!(shop[0].is_proved_by(KEY) && shop[0].is_proved_by(public));
    assert!(!shop[0].is_proved_by("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
    assert!(receiver.at("crm").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_endpoint_nothing_is_other_than_before() {
    let home = Home::new("");
    let lint = home.run("--json workflow lint").json(0);
    assert_eq!(lint["files"][0]["startAt"], "TakeRecord");
    let server = Server::start(&home);
    send(&server, "p", "e").await;
    server.event_at_rest("generic/e").await;
    assert_eq!(server.api("notifications/generic/e").await, json!([]));
    assert_eq!(server.api("endpoints").await, json!([]));
    assert_eq!(server.metric("payhook_executions_started_total").await, 1.0);
    server.stop();
    let receiver = Receiver::start().await;
    home.configure(&receiver.config(&["shop"], ""));
    let lint = home.run("--json workflow lint").json(0);
    // What is shown is the workflow as it is written; the states before it are payhook's own.
    assert_eq!(
        (&lint["ok"], &lint["files"][0]["startAt"]),
        (&json!(true), &json!("TakeRecord"))
    );
    assert_eq!(home.run("config check").code, 0);
}
