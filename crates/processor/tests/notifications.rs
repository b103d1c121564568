//! Telling endpoints: who is told what and when, by the two tasks and through real HTTP.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/server.rs"]
mod server;
#[expect(dead_code, reason = "each test file uses its own part")]
#[path = "support/world.rs"]
mod world;

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use domain::delivery::{Headers, RawDelivery};
use domain::notification::{Attempted, DeliveryFailure, Disabled, DisabledWhy, Health};
use domain::secret::Secret;
use domain::settlement::Settlement;
use domain::signature::{Scheme, StandardSigner};
use domain::source::SourceName;
use domain::task::{TaskFailure, TaskOutcome};
use domain::time::{Millis, Timestamp};
use processor::http_client::{HttpClient, Target};
use processor::notify::{Courier as _, Letter, Reply};
use serde_json::{Value, json};
use world::{World, named};

const DAY: i64 = 24 * 60 * 60 * 1000;

fn answer(code: &str) -> Reply {
    let (code, seconds) = code.split_once('+').unwrap_or((code, ""));
    let result = match code {
        "ok" => Attempted::Delivered,
        "gone" => Attempted::Gone,
        failed => Attempted::Failed(DeliveryFailure::parse(failed).unwrap()),
    };
    Reply {
        result,
        retry_after: seconds.parse().ok().map(Millis::from_secs),
    }
}

fn world(settlement: Settlement, answers: &[(&str, &str)]) -> Arc<World> {
    let world = World::with_steady_gateway(settlement);
    for (host, said) in answers {
        let said = said.split_whitespace().map(answer).collect();
        let mut answers = world.answers.lock().unwrap();
        answers.insert((*host).to_owned(), said);
    }
    world
}

fn input(task: &str, progress: &Value, redrive_count: u64) -> Value {
    json!({
        "task": task,
        "records": {"paymentId": "pay_1", "timestamp": 5},
        "status": "completed",
        "updatedAt": "1970-01-01T00:00:00.008Z",
        "progress": progress,
        "redriveCount": redrive_count,
    })
}

/// One round at `now`, by its number.
fn round(world: &Arc<World>, progress: &Value, redrive_count: u64, now: i64) -> Value {
    let input = input("send_notifications", progress, redrive_count);
    match world.attempt(input, now) {
        Some(TaskOutcome::Succeeded { output, change }) => {
            assert_eq!(change, None, "the payment is left alone");
            output
        }
        other => panic!("{other:?}"),
    }
}

fn rest(world: &Arc<World>, progress: &Value, redrive_count: u64) -> Result<Value, TaskFailure> {
    let input = input("report_undelivered", progress, redrive_count);
    match world.attempt(input, 10) {
        Some(TaskOutcome::Succeeded { output, .. }) => Ok(output),
        Some(TaskOutcome::Failed(failure)) => Err(failure),
        None => panic!("nothing kills it"),
    }
}

/// `next`, then each endpoint with its state, its attempts and its error.
fn shown(progress: &Value) -> String {
    let mut text = progress["next"].as_str().unwrap().to_owned();
    if progress["next"] == "wait" {
        text.push_str(&format!(" {}", progress["waitSeconds"]));
    }
    for (name, each) in progress["endpoints"].as_object().unwrap() {
        let state = each["state"].as_str().unwrap();
        let error = each
            .get("error")
            .map_or("-", |error| error.as_str().unwrap());
        text.push_str(&format!("; {name} {state} {} {error}", each["attempts"]));
    }
    text
}

fn told(world: &World, host: &str) -> Vec<String> {
    let letters = world.letters.lock().unwrap();
    let to_host = letters.iter().filter(|(each, _, _)| each == host);
    to_host.map(|(_, id, _)| id.clone()).collect()
}

#[test]
fn each_endpoint_is_told_until_it_has_it_and_no_longer() {
    // What the endpoints say in turn; then each round's time and what it came to.
    for (shop, crm, rounds) in [
        (
            "ok",
            "ok",
            vec![(0, "done; crm delivered 1 -; shop delivered 1 -")],
        ),
        (
            "ok",
            "http_500 timeout ok",
            vec![
                (0, "wait 6; crm pending 1 http_500; shop delivered 1 -"),
                (4_999, "wait 1; crm pending 1 http_500; shop delivered 1 -"),
                (6_000, "wait 313; crm pending 2 timeout; shop delivered 1 -"),
                (400_000, "done; crm delivered 3 -; shop delivered 1 -"),
            ],
        ),
        (
            "http_500 http_500 http_302",
            "ok",
            vec![
                (0, "wait 6; crm delivered 1 -; shop pending 1 http_500"),
                (
                    6_000,
                    "wait 313; crm delivered 1 -; shop pending 2 http_500",
                ),
                (
                    400_000,
                    "undelivered; crm delivered 1 -; shop spent 3 http_302",
                ),
            ],
        ),
        (
            "http_503+60 ok",
            "gone",
            vec![
                (
                    0,
                    "wait 60; crm disabled 1 http_410; shop pending 1 http_503",
                ),
                (
                    60_000,
                    "undelivered; crm disabled 1 http_410; shop delivered 2 -",
                ),
            ],
        ),
    ] {
        let world = world(world::completed(), &[("shop", shop), ("crm", crm)]);
        let mut progress = json!({});
        for (now, expected) in rounds {
            progress = round(&world, &progress, 0, now);
            let found = shown(&progress);
            // What is spread by luck is not told exactly.
            assert_eq!(
                without_luck(&found),
                without_luck(expected),
                "{shop} {crm} {now}"
            );
        }
        for (host, said) in [("shop", shop), ("crm", crm)] {
            let ids = told(&world, host);
            assert_eq!(
                ids.len(),
                said.split_whitespace().count(),
                "{host}: {ids:?}"
            );
            assert!(ids.iter().all(|id| *id == ids[0]), "{host}: {ids:?}");
        }
    }
}

/// A wait of 5 s becomes up to 6, one of 300 up to 330: only the tens and hundreds count.
fn without_luck(text: &str) -> String {
    let rounded = |word: &str| match word.trim_end_matches(';').parse::<u64>() {
        Ok(wait @ 301..=330) => wait.min(301).to_string(),
        Ok(5..=6) => "5".to_owned(),
        Ok(_) | Err(_) => word.trim_end_matches(';').to_owned(),
    };
    text.split(' ').map(rounded).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_was_given_up_rests_until_a_redrive_takes_it_up_again_and_nobody_else() {
    let failures = "http_500 http_500 http_500 http_500 ok";
    let world = world(world::completed(), &[("shop", failures)]);
    let mut progress = json!({});
    for now in [0, 10_000, 400_000] {
        progress = round(&world, &progress, 0, now);
    }
    let failed = rest(&world, &progress, 0).unwrap_err();
    assert_eq!(failed.error, "NotificationFailed");
    assert!(
        failed
            .cause
            .contains("not delivered to shop (http_500, attempts: 3)")
    );
    assert!(!failed.cause.contains("crm"), "{}", failed.cause);
    assert_eq!(rest(&world, &progress, 1), Ok(json!({"redriven": true})));
    for (now, expected) in [
        (
            500_000,
            "wait 5; crm delivered 1 -; shop pending 1 http_500",
        ),
        // It rests, for it has been failing for long.
        (1_200_000, "done; crm delivered 1 -; shop delivered 2 -"),
    ] {
        progress = round(&world, &progress, 1, now);
        assert_eq!(
            without_luck(&shown(&progress)),
            without_luck(expected),
            "{now}"
        );
    }
    assert_eq!(
        (told(&world, "shop").len(), told(&world, "crm").len()),
        (5, 1)
    );
}

#[test]
fn an_endpoint_that_is_disabled_is_not_called_until_it_is_enabled() {
    let world = world(world::completed(), &[]);
    let disabled = Disabled {
        at: Timestamp::from_millis(1),
        why: DisabledWhy::Operator,
    };
    let off = Health {
        disabled: Some(disabled),
        ..Health::default()
    };
    world.book.lock().unwrap().insert(named("shop"), off);
    let progress = round(&world, &json!({}), 0, 0);
    assert_eq!(
        shown(&progress),
        "undelivered; crm delivered 1 -; shop disabled 0 -"
    );
    let failed = rest(&world, &progress, 0).unwrap_err();
    assert!(
        failed.cause.contains("shop (disabled, attempts: 0)"),
        "{}",
        failed.cause
    );
    let again = round(&world, &progress, 1, 10);
    assert_eq!(shown(&again), shown(&progress), "it is disabled still");
    assert!(told(&world, "shop").is_empty());
    world.book.lock().unwrap().clear();
    let progress = round(&world, &again, 2, 20);
    assert_eq!(
        shown(&progress),
        "done; crm delivered 1 -; shop delivered 1 -"
    );
    assert_eq!(
        (told(&world, "shop").len(), told(&world, "crm").len()),
        (1, 1)
    );
}

#[test]
fn one_that_has_failed_for_days_is_disabled_and_its_other_attempts_are_not_made() {
    let world = world(world::completed(), &[("shop", "timeout timeout timeout")]);
    round(&world, &json!({}), 0, 0);
    round(&world, &json!({}), 0, 5 * DAY);
    let health = world.book.lock().unwrap()[&named("shop")];
    assert_eq!(
        health.disabled.map(|off| off.why),
        Some(DisabledWhy::Failing)
    );
    let progress = round(&world, &json!({}), 0, 5 * DAY + 1);
    assert_eq!(
        shown(&progress),
        "undelivered; crm delivered 1 -; shop disabled 0 -"
    );
}

#[test]
fn nobody_is_told_of_what_is_no_longer_so() {
    let processing = world::processing("another");
    for (settlement, words, expected) in [
        (world::completed(), json!({}), "done"),
        (
            world::completed(),
            json!({"updatedAt": "1970-01-01T00:00:00.007Z"}),
            "superseded",
        ),
        (
            world::completed(),
            json!({"status": "failed"}),
            "superseded",
        ),
        (world::failed(), json!({"status": "failed"}), "done"),
        (
            world::failed(),
            json!({"status": "completed"}),
            "superseded",
        ),
        (processing, json!({}), "superseded"),
        (Settlement::Received, json!({}), "superseded"),
        // A workflow of one's own need not say which change it means.
        (
            world::failed(),
            json!({"status": null, "updatedAt": null}),
            "done",
        ),
    ] {
        let world = world(settlement, &[]);
        let mut input = input("send_notifications", &json!({}), 0);
        for (name, value) in words.as_object().unwrap() {
            input[name] = value.clone();
        }
        let Some(TaskOutcome::Succeeded { output, .. }) = world.attempt(input, 10) else {
            panic!("{words}");
        };
        assert_eq!(output["next"], expected, "{words}");
        let count = if expected == "done" { 2 } else { 0 };
        assert_eq!(world.letters.lock().unwrap().len(), count, "{words}");
    }
}

#[test]
fn progress_of_others_is_refused() {
    let world = world(world::completed(), &[]);
    for progress in [json!([]), json!({"next": "wait"}), json!("done"), json!(7)] {
        for task in ["send_notifications", "report_undelivered"] {
            let outcome = world.attempt(input(task, &progress, 0), 10);
            let Some(TaskOutcome::Failed(failure)) = outcome else {
                panic!("{task} {progress}: {outcome:?}");
            };
            assert!(failure.cause.contains("InvalidEvent"), "{failure:?}");
        }
    }
}

#[test]
fn what_is_sent_verifies_and_holds_no_body() {
    let world = world(world::completed(), &[]);
    round(&world, &json!({}), 0, 1_700_000_000_000);
    let letters = world.letters.lock().unwrap();
    assert_eq!(letters.len(), 2);
    for (host, id, body) in letters.iter() {
        assert!(id.starts_with("msg_"), "{host} {id}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["type"], "payment.settled");
        assert_eq!(body["data"]["transactionId"], "txn_before");
        assert!(body["data"].get("rawPayload").is_none());
    }
}

/// What an HTTP endpoint's answer comes to.
async fn carried(url: &str, millis: u64) -> Reply {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let signer = StandardSigner::try_new(vec![Secret::new("it", secret)]).unwrap();
    let now = Timestamp::from_millis(1_700_000_000_000);
    let body = r#"{"type":"payment.settled"}"#;
    let letter = Letter {
        target: &Target::try_new(url, Millis::new(millis), &[]).unwrap(),
        headers: signer.sign("msg_1", body.as_bytes(), now).unwrap(),
        traceparent: "00-0102-03-01".to_owned(),
        body: body.to_owned(),
        now,
        deadline: now.after(Millis::from_secs(60)),
    };
    HttpClient::try_new().unwrap().carry(letter).await
}

fn response(status: u16, headers: &[(&str, &str)], body: Body) -> Response {
    let response = Response::builder().status(status);
    let with = |response: axum::http::response::Builder, (name, value): &(&str, &str)| {
        response.header(*name, *value)
    };
    headers.iter().fold(response, with).body(body).unwrap()
}

#[tokio::test]
async fn an_answer_means_its_status_and_no_redirection_is_followed() {
    for (status, headers, expected) in [
        (200, vec![], "ok"),
        (204, vec![("retry-after", "9")], "ok"),
        (301, vec![("location", "/elsewhere")], "http_301"),
        (307, vec![("location", "/elsewhere")], "http_307"),
        (404, vec![("retry-after", "9")], "http_404"),
        (410, vec![], "gone"),
        (429, vec![("retry-after", "9")], "http_429+9"),
        (503, vec![("retry-after", "9")], "http_503+9"),
        (503, vec![], "http_503"),
    ] {
        let say = move || response(status, &headers, Body::empty());
        server::with_server(say, async |url, seen| {
            assert_eq!(carried(&url, 10_000).await, answer(expected), "{status}");
            let requests = seen.requests.lock().unwrap();
            assert_eq!(requests.len(), 1, "{status}");
            let (_, headers, body) = &requests[0];
            assert_eq!(headers["traceparent"], "00-0102-03-01");
            assert_eq!(headers["content-type"], "application/json");
            let pairs = headers
                .iter()
                .map(|(name, value)| (name.as_str(), Bytes::copy_from_slice(value.as_bytes())));
            let delivery = RawDelivery {
                source: SourceName::generic(),
                headers: Headers::new(pairs),
                body: Bytes::from(body.clone()),
                received_at: Timestamp::from_millis(1_700_000_009_000),
            };
            let scheme = Scheme::StandardWebhooks {
                tolerance: Some(Millis::from_secs(300)),
            };
            let secret = Secret::new("it", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
            assert!(scheme.check(delivery, &[secret]).is_ok(), "{status}");
        })
        .await;
    }
}

#[tokio::test]
async fn what_follows_a_status_neither_costs_memory_nor_changes_it() {
    // More than is read, and a body that never ends: the endpoint has it all the same.
    let long = || response(200, &[], Body::from(vec![b'x'; 1_000_000]));
    server::with_server(long, async |url, _| {
        assert_eq!(carried(&url, 10_000).await, answer("ok"));
    })
    .await;
    let endless = || {
        let never = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        response(200, &[], Body::from_stream(never))
    };
    server::with_server(endless, async |url, _| {
        assert_eq!(carried(&url, 200).await, answer("ok"));
    })
    .await;
}

#[tokio::test]
async fn no_answer_is_a_failure() {
    let (_socket, url) = server::refusing_address();
    assert_eq!(carried(&url, 10_000).await, answer("unreachable"));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
        .await
        .unwrap();
    let silent = format!("http://{}/", listener.local_addr().unwrap());
    assert_eq!(carried(&silent, 100).await, answer("timeout"));
}

#[test]
fn rounds_that_would_be_too_many_are_put_off_and_cost_no_attempt() {
    let world = world(world::completed(), &[]);
    let tasks = processor::tasks::Tasks::new(Arc::clone(&world), Arc::clone(&world));
    let tasks = tasks.with_notifier(Arc::new(world.notifier(0)));
    let mut progress = json!({});
    let mut now = Timestamp::from_millis(10);
    // The waits double, up to half a minute and as much again by luck.
    for least in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 32_000] {
        let call = world::call(input("send_notifications", &progress, 0), now);
        let outcome = futures_util::FutureExt::now_or_never(tasks.run(call, now)).unwrap();
        let TaskOutcome::Succeeded { output, .. } = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(output["next"], "wait");
        for name in ["shop", "crm"] {
            let each = &output["endpoints"][name];
            assert_eq!(
                (&each["state"], &each["attempts"]),
                (&json!("pending"), &json!(0))
            );
            let wait = each["dueAt"].as_i64().unwrap() - now.as_millis();
            assert!((least..2 * least).contains(&wait), "{wait} {least}");
        }
        progress = output;
        now = now.after(Millis::new(64_000));
    }
    assert!(world.letters.lock().unwrap().is_empty());
    let done = round(&world, &progress, 0, now.as_millis());
    assert_eq!(shown(&done), "done; crm delivered 1 -; shop delivered 1 -");
    assert!(done.get("putOff").is_none(), "{done}");
}

#[test]
fn the_place_of_a_round_is_given_back_however_it_ends() {
    let world = world(
        world::completed(),
        &[("shop", "http_500 ok"), ("crm", "http_500 ok")],
    );
    let tasks = processor::tasks::Tasks::new(Arc::clone(&world), Arc::clone(&world));
    // One place, and all rounds in it.
    let tasks = tasks.with_notifier(Arc::new(world.notifier(1)));
    let mut progress = json!({});
    for (now, expected) in [
        (0, "wait 6; crm pending 1 http_500; shop pending 1 http_500"),
        (6_000, "done; crm delivered 2 -; shop delivered 2 -"),
    ] {
        let now = Timestamp::from_millis(now);
        let call = world::call(input("send_notifications", &progress, 0), now);
        let outcome = futures_util::FutureExt::now_or_never(tasks.run(call, now)).unwrap();
        let TaskOutcome::Succeeded { output, .. } = outcome else {
            panic!("{outcome:?}");
        };
        assert_eq!(shown(&output), expected);
        progress = output;
    }
}

/// A notifier's rounds for many things at once: what one of them is told of the endpoints, the
/// others know.
fn with_one_notifier(world: &Arc<world::World>) -> impl Fn(&Value, i64) -> Value {
    let tasks = processor::tasks::Tasks::new(Arc::clone(world), Arc::clone(world));
    let tasks = tasks.with_notifier(Arc::new(world.notifier(4)));
    move |progress, now| {
        let now = Timestamp::from_millis(now);
        let call = world::call(input("send_notifications", progress, 0), now);
        let outcome = futures_util::FutureExt::now_or_never(tasks.run(call, now)).unwrap();
        match outcome {
            TaskOutcome::Succeeded { output, .. } => output,
            TaskOutcome::Failed(_) => panic!("{outcome:?}"),
        }
    }
}

#[test]
fn what_one_message_learned_of_an_endpoint_the_others_heed_and_no_attempt_is_spent() {
    let world = world(
        world::completed(),
        &[("shop", "http_503+60 http_500 http_500 ok"), ("crm", "ok")],
    );
    let round = with_one_notifier(&world);
    let none = json!({});
    let first = round(&none, 0);
    assert_eq!(
        shown(&first),
        "wait 60; crm delivered 1 -; shop pending 1 http_503"
    );
    // Another thing comes meanwhile: crm has it, and shop is left alone as it asked.
    let second = round(&none, 1_000);
    let due = |progress: &Value| progress["endpoints"]["shop"]["dueAt"].as_i64().unwrap();
    assert_eq!(second["endpoints"]["crm"]["state"], "delivered");
    assert_eq!(second["endpoints"]["shop"]["attempts"], 0);
    assert!((60_000..120_000).contains(&due(&second)), "{second}");
    // It fails on: 60 s after it began, then it rests for as long again.
    let first = round(&first, 60_000);
    assert_eq!(first["endpoints"]["shop"]["attempts"], 2);
    let second = round(&second, due(&second).min(119_999));
    assert_eq!(second["endpoints"]["shop"]["attempts"], 0);
    assert!(due(&second) >= 120_000, "{second}");
    // Its rest is over, and it fails again; then it is well, and nobody waits.
    let second = round(&second, 200_000.max(due(&second)));
    assert_eq!(second["endpoints"]["shop"]["attempts"], 1);
    let later = due(&first).max(due(&second)).max(700_000);
    let first = round(&first, later);
    assert_eq!(shown(&first), "done; crm delivered 1 -; shop delivered 3 -");
    let second = round(&second, later);
    assert_eq!(
        shown(&second),
        "done; crm delivered 1 -; shop delivered 2 -"
    );
}
