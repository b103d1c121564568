//! What operators are shown: the admin listener, and the command line with and without a server.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Answer;
use crate::support::home::{Home, SECRET};
use crate::support::server::{SERVER, Server};
use crate::support::webhook::{Webhook, body, signature};
use crate::support::workflow;

#[track_caller]
fn is_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(
        answer.header("content-type"),
        "application/problem+json",
        "{answer:?}"
    );
    let problem = answer.json();
    assert_eq!(
        (&problem["status"], &problem["code"]),
        (&json!(status), &json!(code))
    );
    assert!(
        problem["title"].is_string() && problem["detail"].is_string(),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_asks_for_its_token() {
    let home = Home::new("");
    let mut server = Server::start(&home);
    let paths = [
        "counts",
        "changes",
        "events",
        "events/generic/e",
        "executions",
        "executions/1",
        "quarantine",
        "quarantine/1",
        "audit",
    ];
    for path in paths {
        let answer = server.ask_admin(&format!("/api/{path}")).await;
        is_problem(&answer, 401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    let right = std::mem::take(&mut server.token);
    for wrong in ["", "wrong", &right[1..], &format!("{right}0"), SECRET] {
        wrong.clone_into(&mut server.token);
        for path in [
            "executions/1/stop",
            "executions/1/redrive",
            "quarantine/1/promote",
        ] {
            let answer = server.call(Method::POST, path, Some(&json!({}))).await;
            is_problem(&answer, 401, "unauthorized");
        }
    }
    server.token = right;
    assert_eq!(server.api("counts").await["events"], 0);
    // The token and the runtime file are their owner's alone.
    for name in ["admin-token", "server.json"] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(home.data().join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_read_changes_nothing_and_sees_no_body() {
    let home = Home::new(
        "[admin.operators.ana]
         role = 'read'
         token = { value = 'ana-ana-ana-ana-ana', in_clear = true }
         [admin.operators.bo]
         role = 'operate'
         token = { value = 'bo-bo-bo-bo-bo-bo', in_clear = true }",
    );
    let mut server = Server::start(&home);
    server.send(&Webhook::payment("p", "e")).await;
    server.event_at_rest("generic%2Fe").await;
    let unsigned = Webhook::unsigned(body("p", "forged"));
    assert_eq!(server.send(&unsigned).await.status, 400);
    "ana-ana-ana-ana-ana".clone_into(&mut server.token);
    let shown = server.api("events/generic%2Fe").await;
    assert_eq!(shown["event"]["paymentId"], "p");
    assert!(shown["body"].is_null());
    for path in ["events/generic%2Fe", "executions/1", "quarantine/1"] {
        let path = format!("{path}?body=true");
        is_problem(
            &server.call(Method::GET, &path, None).await,
            403,
            "forbidden",
        );
    }
    let acts = [
        "executions/1/stop",
        "executions/1/redrive",
        "quarantine/1/promote",
        "sources/generic/reconcile",
    ];
    for path in acts {
        let answer = server.call(Method::POST, path, Some(&json!({}))).await;
        is_problem(&answer, 403, "forbidden");
    }
    "bo-bo-bo-bo-bo-bo".clone_into(&mut server.token);
    let shown = server.api("events/generic%2Fe?body=true").await;
    assert_eq!(shown["body"], body("p", "e"));
    let answer = server
        .call(Method::POST, "quarantine/1/promote", Some(&json!({})))
        .await;
    is_problem(&answer, 409, "still_refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_done_is_in_the_log_with_who_and_why() {
    let home = Home::new(
        "workflow.enabled = false
         [admin.operators.bo]
         role = 'operate'
         token = { value = 'bo-bo-bo-bo-bo-bo', in_clear = true }",
    );
    let mut server = Server::start(&home);
    let forged = Webhook::payment("p", "e").signed_with("another");
    assert_eq!(server.send(&forged).await.status, 401);
    "bo-bo-bo-bo-bo-bo".clone_into(&mut server.token);
    let asked = json!({"reason": " so\u{7} it goes\n"});
    let promote = "quarantine/1/promote";
    let answer = server.call(Method::POST, promote, Some(&asked)).await;
    is_problem(&answer, 409, "still_refused");
    // What is not there is not acted on.
    let answer = server
        .call(Method::POST, "executions/9/stop", Some(&asked))
        .await;
    is_problem(&answer, 404, "not_found");
    assert_eq!(server.call(Method::POST, promote, None).await.status, 409);
    server.stop();
    home.run("quarantine promote 1 --reason again")
        .fails_with(&["still refused"]);
    let log = home.run("--json audit").json(0)["items"].clone();
    let told: Vec<_> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|act| {
            (
                act["operator"].as_str().unwrap(),
                act["reason"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("command line", "again"), ("bo", ""), ("bo", "so it goes")]
    );
    for act in log.as_array().unwrap() {
        assert_eq!(
            (&act["action"], &act["target"]),
            (&json!("promote"), &json!("1"))
        );
        assert_eq!(act["done"], false);
        assert!(act["why"].as_str().unwrap().starts_with("still refused"));
    }
    let table = home.run("audit --limit 1").stdout;
    assert!(
        table.contains("promote 1") && table.contains("More: --before 3"),
        "{table}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_can_come_from_a_file() {
    let home = Home::new("");
    let file = home.write("token", "of-my-own\n");
    home.configure(&format!("admin.token_file = '{}'", file.display()));
    let process = home.spawn(SERVER, &["serve"]);
    fs::create_dir_all(home.data()).unwrap();
    home.write("data/admin-token", "of-my-own");
    let server = Server::wait_for(&home, process);
    assert_eq!(server.api("counts").await["events"], 0);
    assert_eq!(home.run("--json events list").json(0)["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_of_the_admin_listener_is_a_problem() {
    let home = Home::new("");
    let server = Server::start(&home);
    let get = async |path: &str| server.call(Method::GET, path, None).await;
    for path in [
        "events/generic/none",
        "events/7",
        "executions/7",
        "quarantine/7",
        "nothing",
    ] {
        is_problem(&get(path).await, 404, "not_found");
    }
    is_problem(&server.ask_admin("/nothing").await, 404, "not_found");
    for path in [
        "executions/7/redrive",
        "executions/7/stop",
        "quarantine/7/promote",
    ] {
        let answer = server.call(Method::POST, path, Some(&json!({}))).await;
        is_problem(&answer, 404, "not_found");
        let answer = get(path).await;
        is_problem(&answer, 405, "method_not_allowed");
    }
    for path in [
        "quarantine/seven",
        "events?limit=many",
        "events?unknown=1",
        "executions?status=odd",
        "changes?after=-1",
    ] {
        is_problem(&get(path).await, 400, "bad_request");
    }
    let answer = server
        .call(Method::POST, "executions/7/stop", Some(&json!({"why": 1})))
        .await;
    is_problem(&answer, 422, "unprocessable_entity");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_is_stopped_without_a_reason_too() {
    let home = Home::new("");
    let path = home.write("workflow.asl.json", &workflow::waiting(3600).to_string());
    home.configure(&format!("workflow.definition = '{}'", path.display()));
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    server
        .event_that("generic/e", |event| event["execution"]["state"] == "Wait")
        .await;
    let answer = server.call(Method::POST, "executions/1/stop", None).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["execution"]["status"], "ABORTED");
    server.counts(r#"payhook_dead_letters"#, 1.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_and_metrics_are_for_anyone_on_the_listener() {
    let home = Home::new("");
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("duplicate");
    server.send(&Webhook::unsigned("")).await.refuses(
        400,
        "signature_missing",
        "Missing webhook signature",
    );
    server
        .send(&Webhook::unsigned("").to("/webhooks/x"))
        .await
        .refuses(404, "unknown_source", "Unknown source");
    server.event_at_rest("generic/e").await;
    let health = server.ask_admin("/healthz").await;
    assert_eq!(
        (health.status, health.json()),
        (200, json!({"status": "ok"}))
    );
    let ready = server.ask_admin("/readyz").await;
    assert_eq!(
        (ready.status, ready.json()),
        (200, json!({"status": "ready"}))
    );
    for (sample, value) in [
        (r#"payhook_webhooks_accepted_total{source="generic"}"#, 2.0),
        (r#"payhook_webhooks_duplicate_total{source="generic"}"#, 1.0),
        (
            r#"payhook_webhooks_refused_total{source="generic",reason="signature_missing"}"#,
            1.0,
        ),
        (
            r#"payhook_webhooks_refused_total{source="unknown",reason="unknown_source"}"#,
            1.0,
        ),
        (
            r#"payhook_webhooks_quarantined_total{source="generic",reason="signature_missing"}"#,
            1.0,
        ),
        (
            r#"payhook_secret_used_total{source="generic",secret="main"}"#,
            2.0,
        ),
        ("payhook_ack_seconds_count", 2.0),
        ("payhook_executions_started_total", 1.0),
        (
            r#"payhook_executions_ended_total{status="succeeded",change="INSERT"}"#,
            1.0,
        ),
        (
            r#"payhook_task_attempts_total{state="ProcessPayment",result="ok"}"#,
            1.0,
        ),
        ("payhook_events_stored", 1.0),
        ("payhook_executions_running", 0.0),
        ("payhook_executions_succeeded", 1.0),
        ("payhook_dead_letters", 0.0),
        ("payhook_quarantine_deliveries", 1.0),
        ("payhook_conflict_deliveries", 0.0),
        ("payhook_feed_lag_entries", 0.0),
    ] {
        server.counts(sample, value).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_named_before_anything_has_happened() {
    let home = Home::new("");
    let server = Server::start(&home);
    let metrics = server.ask_admin("/metrics").await;
    let kind = metrics.header("content-type");
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    assert!(metrics.body.ends_with("# EOF\n"));
    for name in [
        "payhook_quarantine_lost",
        "payhook_task_attempt_seconds",
        "payhook_store_commit_seconds",
        "payhook_store_fsync_seconds",
        "payhook_store_commit_writes",
    ] {
        let found = metrics.body.contains(&format!("# TYPE {name} "));
        assert!(found, "{name} is missing in\n{}", metrics.body);
    }
    assert!(server.metric("payhook_store_fsync_seconds_count").await >= 1.0);
    for path in ["/healthz", "/metrics", "/readyz"] {
        let answer = server.ask(Method::GET, path).await;
        answer.refuses(404, "not_found", "Not found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_shows_the_same_with_and_without_a_server() {
    let home = Home::new("");
    let server = Server::start(&home);
    for number in 0..5 {
        let event = format!("e{number}");
        server
            .send(&Webhook::payment(&format!("p{}", number % 2), &event))
            .await
            .accepts("stored");
        server.event_at_rest(&format!("generic/{event}")).await;
    }
    server.send(&Webhook::unsigned("x")).await.refuses(
        400,
        "signature_missing",
        "Missing webhook signature",
    );
    server
        .send(&Webhook::new(body("p0", "e0") + " "))
        .await
        .accepts("conflict");
    let verbs = [
        "events list",
        "events list --payment p1",
        "events list --status completed -n 2",
        "events list --before 3 --source generic",
        "events show generic/e0",
        "events show generic/e0 --body",
        "events show 1",
        "executions list",
        "executions list --status succeeded -n 1",
        "executions list --status failed",
        "executions show generic/e0",
        "executions show 1 --body",
        "quarantine list",
        "quarantine show 1",
        "quarantine show 1 --body",
        "store check",
    ];
    let run = || verbs.map(|verb| home.run(&format!("--json {verb}")).json(0));
    let through_the_server = run();
    let tail = "--json events tail --after 0 -n 15";
    let tailed = home.run(tail);
    let text = home.run("events show generic/e0");
    // One that was killed leaves its file behind, and nobody answers.
    server.kill();
    for ((verb, with), without) in verbs.iter().zip(&through_the_server).zip(run()) {
        assert_eq!(*with, without, "{verb}");
    }
    assert_eq!(home.run(tail).stdout, tailed.stdout);
    assert_eq!(home.run("events show generic/e0").stdout, text.stdout);
    let lengths =
        [0, 1, 2, 3].map(|index| through_the_server[index]["items"].as_array().unwrap().len());
    assert_eq!(lengths, [5, 2, 2, 1]);
    let changes: Vec<Value> = tailed
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (change, sequence) in changes.iter().zip(1..=15) {
        assert_eq!(change["sequence"], sequence);
    }
    for verb in [
        "events show none",
        "executions show none",
        "quarantine show 9",
    ] {
        home.run(verb).fails_with(&["no such thing"]);
        let said = home.run(&format!("--json {verb}"));
        let error: Value = serde_json::from_str(&said.stderr).unwrap();
        assert!(error["error"].is_string(), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_follows_what_happens_now() {
    let home = Home::new("");
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("before", "before"))
        .await
        .accepts("stored");
    server.event_at_rest("generic/before").await;
    let mut tail = home.spawn(
        "tail",
        &["--json", "events", "tail", "--after", "3", "-n", "3"],
    );
    server
        .send(&Webhook::payment("after", "after"))
        .await
        .accepts("stored");
    assert_eq!(tail.wait(), 0);
    let printed = fs::read_to_string(home.path().join("tail.out")).unwrap();
    let statuses: Vec<Value> = printed
        .lines()
        .map(|line| {
            let change: Value = serde_json::from_str(line).unwrap();
            assert_eq!(change["paymentId"], "after");
            change["status"].clone()
        })
        .collect();
    assert_eq!(statuses, ["pending", "processing", "completed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn acting_on_a_running_server_needs_no_secret_of_the_sources() {
    let mut home = Home::new("");
    let path = home.write("workflow.asl.json", &workflow::waiting(3600).to_string());
    let config = format!(
        "workflow.definition = '{}'\nsources.generic.secrets = [{{ env = 'HOOK_SECRET' }}]",
        path.display()
    );
    home.configure(&config);
    let other = home.write(
        "operator.toml",
        &fs::read_to_string(home.path().join("payhook.toml")).unwrap(),
    );
    home.set("HOOK_SECRET", SECRET);
    let server = Server::start(&home);
    home.unset("HOOK_SECRET");
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    server
        .event_that("generic/e", |event| event["execution"]["state"] == "Wait")
        .await;
    let stop = format!(
        "--config {} --json executions stop generic/e",
        other.display()
    );
    assert_eq!(
        home.run_bare(&stop).json(0)["execution"]["status"],
        "ABORTED"
    );
    let redrive = format!(
        "--config {} --json executions redrive generic/e",
        other.display()
    );
    assert_eq!(
        home.run_bare(&redrive).json(0)["execution"]["status"],
        "RUNNING"
    );
    server.stop();
    // Nor do they in the directory of a stopped one: no delivery is judged.
    assert_eq!(
        home.run_bare(&stop).json(0)["execution"]["status"],
        "ABORTED"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_shown_only_when_it_is_asked_for() {
    let home = Home::new("");
    // This workflow fails with a cause of the platform's own that quotes its input.
    let path = home.write("workflow.asl.json", &workflow::seed().to_string());
    home.configure(&format!(
        "workflow.definition = '{}'\ngateway.simulated.scripts = {{ p = ['decline'] }}",
        path.display()
    ));
    let server = Server::start(&home);
    let marked = body("p", "e").replacen('{', r#"{"card":"MARK-OF-THE-BODY","#, 1);
    server
        .send(&Webhook::new(marked.clone()))
        .await
        .accepts("stored");
    let conflict = Webhook::new(format!("{marked} "));
    server.send(&conflict).await.accepts("conflict");
    let unsigned = Webhook::unsigned(marked);
    server
        .send(&unsigned)
        .await
        .refuses(400, "signature_missing", "Missing webhook signature");
    server.event_at_rest("generic/e").await;
    for (verb, bodies) in [
        ("events list", false),
        ("events show generic/e", true),
        ("executions list", false),
        ("executions show generic/e", true),
        ("quarantine list", false),
        ("quarantine show 1", true),
        ("events tail --after 0 -n 1", false),
    ] {
        for json in ["", "--json "] {
            let shown = home.run(&format!("{json}{verb}"));
            assert_eq!(shown.code, 0, "{shown:?}");
            assert!(!shown.stdout.contains("MARK"), "{verb}: {}", shown.stdout);
        }
        if bodies {
            let shown = home.run(&format!("--json {verb} --body"));
            assert!(shown.stdout.contains("MARK"), "{verb}: {}", shown.stdout);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_hold_no_body_no_secret_and_no_signature() {
    let home = Home::new("");
    // The seed's workflow fails with a cause of the platform's own that quotes its input.
    let path = home.write("workflow.asl.json", &workflow::seed().to_string());
    home.configure(&format!(
        "workflow.definition = '{}'
         log.filter = 'trace'
         gateway.simulated = {{ latency_ms = 0, failure_percent = 0, scripts = {{ down = ['decline'] }} }}",
        path.display()
    ));
    let server = Server::start(&home);
    let marked = |payment: &str, event: &str| {
        body(payment, event).replacen('{', r#"{"card":"MARK-OF-THE-BODY","#, 1)
    };
    let good = Webhook::new(marked("p", "e"));
    let forged = Webhook::unsigned(marked("p", "forged")).signed_with("MARK-OF-A-FORGER");
    server.send(&good).await.accepts("stored");
    server
        .send(&Webhook::new(marked("p", "e") + " "))
        .await
        .accepts("conflict");
    server
        .send(&Webhook::new(marked("down", "down")))
        .await
        .accepts("stored");
    server
        .send(&forged)
        .await
        .refuses(401, "signature_invalid", "Invalid webhook signature");
    let odd = Webhook::unsigned(marked("p", "odd")).with("x-webhook-signature", "MARK-OF-NONSENSE");
    server
        .send(&odd)
        .await
        .refuses(401, "signature_invalid", "Invalid webhook signature");
    server
        .send(&Webhook::new(
            r#"{"paymentId":"p","amount":"MARK-OF-THE-AMOUNT"}"#,
        ))
        .await
        .refuses(
            422,
            "invalid_value",
            "Invalid value for amount: not a number",
        );
    server.event_at_rest("generic/e").await;
    server.event_at_rest("generic/down").await;
    let token = server.token.clone();
    server.stop();
    let log = home.log(SERVER);
    assert!(
        log.contains("payhook is ready") && log.contains("the execution ended badly"),
        "{log}"
    );
    let signatures = [&good, &forged].map(|webhook| {
        let signature = &webhook.headers[0].1;
        signature.strip_prefix("sha256=").unwrap().to_owned()
    });
    let [good, forged] = &signatures;
    for secret in [
        "MARK-OF",
        SECRET,
        &token,
        good,
        forged,
        &signature(SECRET, b""),
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} stands in the log");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn trends_tell_what_came_and_how_it_ended() {
    let home = Home::new("");
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    server.event_at_rest("generic/e").await;
    let trends = server.api("trends").await;
    let one = |list: &str, count: &str| {
        let items = trends[list].as_array().unwrap();
        assert_eq!(items.len(), 1, "{trends}");
        assert_eq!(items[0][count], 1, "{trends}");
        items[0].clone()
    };
    assert_eq!(one("arrivals", "events")["source"], "generic");
    assert_eq!(one("endings", "executions")["status"], "SUCCEEDED");
    assert_eq!(trends["waiting"], json!([]));
    // The minute that is not over is written down at the end.
    server.stop();
    let server = Server::start(&home);
    let acks = server.api("trends?since=2026-01-01T00:00:00Z").await["acks"].clone();
    assert_eq!(acks[0]["webhooks"], 1, "{acks}");
    assert!(acks[0]["p99Us"].as_u64() > Some(0), "{acks}");
    let wrong = server.call(Method::GET, "trends?since=never", None).await;
    is_problem(&wrong, 400, "bad_request");
}
