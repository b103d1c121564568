//! Somebody is told when something is wrong, once, and when it is over: by signed webhook, by
//! chat, by mail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use domain::delivery::{Headers, RawDelivery};
use domain::secret::Secret;
use domain::signature::Scheme;
use domain::source::SourceName;
use domain::time::{Millis, Timestamp};
use engine::clock::{Clock as _, SystemClock};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::gateway::Gateway;
use crate::support::home::Home;
use crate::support::ledger::Act;
use crate::support::mail::{MailServer, Protection};
use crate::support::server::{SERVER, Server};
use crate::support::stand_in::{Heard, StandIn};
use crate::support::until_async;
use crate::support::webhook::Webhook;

const SECRET: &str = "whsec_c2VjcmV0LW9mLXRoZS1wYWdlci1vZi1vcHM=";

fn pager(receiver: &StandIn) -> String {
    format!(
        "[alerts.targets.pager]
         kind = 'webhook'
         url = '{}/hook'
         secret = {{ value = '{SECRET}', in_clear = true }}",
        receiver.url()
    )
}

fn chat(receiver: &StandIn) -> String {
    format!(
        "[alerts.targets.chat]
         kind = 'slack'
         url_from = {{ value = '{}/services/T0/B0/hunter2', in_clear = true }}",
        receiver.url()
    )
}

/// What a pager was told, after its signature was checked with the rules of senders.
#[track_caller]
fn verified(heard: &Heard) -> Value {
    let headers = heard.headers.iter().map(|(name, value)| {
        let value = Bytes::copy_from_slice(value.as_bytes());
        (name.as_str().to_owned(), value)
    });
    let delivery = RawDelivery {
        source: SourceName::generic(),
        headers: Headers::new(headers),
        body: heard.body.clone(),
        received_at: SystemClock.now(),
    };
    let scheme = Scheme::StandardWebhooks {
        tolerance: Some(Millis::from_secs(300)),
    };
    let secrets = [Secret::new("pager", SECRET)];
    scheme.check(delivery.clone(), &secrets).expect("signed");
    let others = [Secret::new(
        "other",
        "whsec_b3RoZXItb3RoZXItb3RoZXItb3RoZXI=",
    )];
    assert!(scheme.check(delivery, &others).is_err());
    serde_json::from_slice(&heard.body).unwrap()
}

/// Rules and turns of a message.
fn told(message: &Value) -> Vec<(&str, &str)> {
    let alerts = message["data"]["alerts"].as_array().unwrap();
    let turns = alerts.iter().map(|alert| (&alert["rule"], &alert["turn"]));
    turns
        .map(|(rule, turn)| (rule.as_str().unwrap(), turn.as_str().unwrap()))
        .collect()
}

async fn nth(receiver: &StandIn, number: usize) -> Heard {
    until_async(&format!("message {number} is there"), async || {
        receiver.heard().get(number - 1).cloned()
    })
    .await
}

/// Waits until a server has looked at everything, and has nothing left to tell.
async fn has_told(server: &Server) {
    let now = SystemClock.now();
    until_async("everything is told", async || {
        let view = server.api("alerts").await;
        let looked_at = view["lookedAt"].as_str().and_then(Timestamp::from_iso)?;
        let waiting = view["targets"].as_array().unwrap().iter();
        let waiting = waiting.filter(|target| target["waiting"] != 0).count();
        (looked_at > now && waiting == 0).then_some(())
    })
    .await;
}

#[track_caller]
fn is_about_dead_letters(message: &Value) {
    assert_eq!(told(message), [("dead_letters", "fired")]);
    assert_eq!(message["type"], "payhook.alert");
    assert_eq!(message["data"]["sender"], "shop");
    let summary = "[shop] Alert: Executions wait for a person";
    assert_eq!(message["data"]["summary"], summary);
    let alert = &message["data"]["alerts"][0];
    assert_eq!(alert["status"], "firing");
    let link = "https://pay.example/executions?status=dead_letter";
    assert_eq!(alert["link"], link);
    for (key, words) in [("what", "for a person."), ("advice", "executions redrive")] {
        assert!(alert[key].as_str().unwrap().contains(words), "{alert}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_told_once_however_often_it_is_restarted_and_resolved_once() {
    let gateway = Gateway::start().await;
    let receiver = StandIn::start(|_| (200, String::new())).await;
    let home = Home::new(&format!(
        "{}
         alerts.evaluate_every_ms = 50
         alerts.resolve_after_seconds = 0
         alerts.rules.disk_space.enabled = false
         alerts.name = 'shop'
         alerts.dashboard_url = 'https://pay.example/'
         {}",
        gateway.config(),
        pager(&receiver)
    ));
    let server = Server::start(&home);
    for payment in ["p", "q"] {
        gateway.ledger.script(payment, [Act::refuse(402)]);
        server
            .send(&Webhook::payment(payment, payment))
            .await
            .accepts("stored");
        server.event_at_rest(&format!("generic/{payment}")).await;
    }
    let first = nth(&receiver, 1).await;
    is_about_dead_letters(&verified(&first));
    has_told(&server).await;
    server.kill();
    let server = Server::start(&home);
    has_told(&server).await;
    server.stop();
    let server = Server::start(&home);
    has_told(&server).await;
    assert_eq!(receiver.heard().len(), 1);
    server
        .counts(r#"payhook_alerts_firing{rule="dead_letters"}"#, 1.0)
        .await;

    for payment in ["p", "q"] {
        let path = format!("executions/generic%2F{payment}/redrive");
        let answer = server.call(Method::POST, &path, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let second = nth(&receiver, 2).await;
    let message = verified(&second);
    assert_eq!(told(&message), [("dead_letters", "resolved")]);
    let alert = &message["data"]["alerts"][0];
    assert_eq!(
        (&alert["status"], &alert["advice"]),
        (&json!("resolved"), &Value::Null)
    );
    assert_eq!(
        alert["what"],
        "No execution ended badly and waits for a person."
    );
    assert_ne!(first.header("webhook-id"), second.header("webhook-id"));
    has_told(&server).await;
    assert_eq!(receiver.heard().len(), 2);
    for (sample, value) in [
        (r#"payhook_alerts_firing{rule="dead_letters"}"#, 0.0),
        (
            r#"payhook_alert_messages_total{target="pager",result="sent"}"#,
            1.0,
        ),
    ] {
        server.counts(sample, value).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_was_away_is_told_later_under_the_same_id() {
    let is_there = Arc::new(AtomicBool::new(false));
    let open = Arc::clone(&is_there);
    let receiver = StandIn::start(move |_| {
        let status = if open.load(Ordering::SeqCst) {
            204
        } else {
            503
        };
        (status, "hunter2".to_owned())
    })
    .await;
    let home = Home::new(&format!(
        "alerts.evaluate_every_ms = 50
         alerts.rules.disk_space = {{ for_seconds = 0, free_bytes_min = 9223372036854775807 }}
         {}",
        pager(&receiver)
    ));
    let server = Server::start(&home);
    let first = nth(&receiver, 1).await;
    let failed = r#"payhook_alert_messages_total{target="pager",result="failed"}"#;
    server.counts(failed, 1.0).await;
    let target = server.api("alerts").await["targets"][0].clone();
    assert_eq!(target["failure"], "it answered 503");
    assert_eq!(
        (&target["waiting"], &target["kind"]),
        (&json!(1), &json!("webhook"))
    );
    // It is owed the message still after a crash.
    server.kill();
    is_there.store(true, Ordering::SeqCst);
    let server = Server::start(&home);
    let second = nth(&receiver, 2).await;
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(verified(&first), verified(&second));
    assert_eq!(told(&verified(&second)), [("disk_space", "fired")]);
    has_told(&server).await;
    assert_eq!(receiver.heard().len(), 2);
    let log = home.log(SERVER);
    assert!(
        log.contains(r#""alert_target":"pager","failure":"it answered 503""#),
        "{log}"
    );
    assert!(!log.contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_for_good_keeps_no_other_waiting() {
    let gateway = Gateway::start().await;
    let receiver = StandIn::start(|heard| {
        let is_about_disk = String::from_utf8_lossy(&heard.body).contains("disk_space");
        (if is_about_disk { 422 } else { 204 }, String::new())
    })
    .await;
    let home = Home::new(&format!(
        "{}
         alerts.evaluate_every_ms = 50
         alerts.rules.disk_space = {{ for_seconds = 0, free_bytes_min = 9223372036854775807 }}
         {}",
        gateway.config(),
        pager(&receiver)
    ));
    let server = Server::start(&home);
    let dropped = r#"payhook_alert_messages_total{target="pager",result="dropped"}"#;
    server.counts(dropped, 1.0).await;
    gateway.ledger.script("p", [Act::refuse(402)]);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    let second = nth(&receiver, 2).await;
    assert_eq!(told(&verified(&second)), [("dead_letters", "fired")]);
    has_told(&server).await;
    assert_eq!(receiver.heard().len(), 2);
    let log = home.log(SERVER);
    assert!(
        log.contains("it answered 422, which no further try changes"),
        "{log}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_told_what_one_look_finds_in_one_message_and_only_what_it_wants() {
    let receiver = StandIn::start(|_| (200, "ok".to_owned())).await;
    let home = Home::new(&format!(
        "alerts.evaluate_every_ms = 50
         alerts.rules.disk_space = {{ for_seconds = 0, free_bytes_min = 9223372036854775807 }}
         alerts.rules.quarantine_growth = {{ deliveries_max = 100, sources = {{ generic = 0 }} }}
         [[sources.generic.secrets]]
         value = 'ends-soon'
         in_clear = true
         label = 'old'
         retires_at = '2999-01-01T00:00:00Z'
         [alerts.rules.old_secret_used]
         retires_within_seconds = 99999999999
         {}\nrules = ['quarantine_growth', 'old_secret_used']",
        chat(&receiver)
    ));
    let server = Server::start(&home);
    let old = Webhook::payment("p", "e").signed_with("ends-soon");
    server.send(&old).await.accepts("stored");
    let first = nth(&receiver, 1).await;
    let forged = Webhook::payment("p", "forged").signed_with("another");
    assert_eq!(server.send(&forged).await.status, 401);
    let second = nth(&receiver, 2).await;
    assert_eq!(first.path, "/services/T0/B0/hunter2");
    for (heard, words) in [
        (
            &first,
            [
                "An old secret is still in use (generic/old)",
                "It ends at 2999-01-01",
            ],
        ),
        (
            &second,
            [
                "Deliveries are refused (generic)",
                "1 delivery of source generic could not",
            ],
        ),
    ] {
        let body: Value = serde_json::from_slice(&heard.body).unwrap();
        let text = body["text"].as_str().unwrap();
        for word in words {
            assert!(text.contains(word), "{word} is missing in {text}");
        }
        assert!(
            !text.contains("disk") && !text.contains("ends-soon"),
            "{text}"
        );
        assert_eq!(body["blocks"].as_array().unwrap().len(), 2);
    }
    has_told(&server).await;
    assert_eq!(receiver.heard().len(), 2);
    let everywhere = format!(
        "{}{}{}",
        home.log(SERVER),
        server.api("alerts").await,
        home.run("config show").stdout
    );
    assert!(!everywhere.contains("hunter2") && !everywhere.contains("ends-soon"));
}

fn mail(server: &MailServer, encryption: &str, more: &str) -> String {
    format!(
        "[alerts.targets.mail]
         kind = 'email'
         server = 'localhost'
         port = {}
         encryption = '{encryption}'
         from = 'payhook <payhook@shop.example>'
         to = ['Ops <ops@shop.example>', 'boss@shop.example']
         {more}",
        server.port()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_says_what_is_wrong_and_leaves_the_machine_encrypted_or_not_at_all() {
    let proof = STANDARD.encode("\0shop\0hunter2");
    let sign_in = "username = 'shop'\npassword = { value = 'hunter2', in_clear = true }";
    for (protection, encryption) in [
        (Protection::None, "none"),
        (Protection::Starttls, "starttls"),
        (Protection::Tls, "tls"),
    ] {
        let server = MailServer::start(protection).await;
        let home = Home::new("");
        let certificate = server.certificate_in(&home);
        let trusted = format!("{sign_in}\ncertificate_file = '{}'", certificate.display());
        home.configure(&mail(&server, encryption, &trusted));
        let tested = home.run("alerts test mail --json").json(0);
        assert_eq!(
            tested,
            json!([{"target": "mail", "sent": true}]),
            "{encryption}"
        );
        let mails = server.mails();
        // One to each mailbox, so that one that is gone keeps it from nobody else.
        let to: Vec<_> = mails.iter().map(|mail| mail.to.clone()).collect();
        assert_eq!(to, [["<ops@shop.example>"], ["<boss@shop.example>"]]);
        let mail = &mails[0];
        assert_eq!(mail.is_encrypted, encryption != "none");
        assert_eq!(mail.signed_in, Some(proof.clone()));
        assert_eq!(mail.from, "<payhook@shop.example>");
        for line in [
            "From: \"payhook\" <payhook@shop.example>\r\n",
            "Subject: [payhook] Test: alerts arrive here\r\n",
            "Auto-Submitted: auto-generated\r\n",
        ] {
            let text = mail.text.replace("From: payhook <", "From: \"payhook\" <");
            assert!(text.contains(line), "{line} is missing in {text}");
        }
        assert!(
            mail.unfolded().contains("Nothing is wrong: somebody asked"),
            "{mail:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_is_gone_keeps_the_mail_from_nobody_else() {
    let server = MailServer::start(Protection::None).await;
    let home = Home::new("");
    let target = mail(&server, "none", "timeout_ms = 5000");
    let start = target.find("to = [").unwrap();
    let end = start + target[start..].find('\n').unwrap();
    let mut target = target;
    target.replace_range(
        start..end,
        "to = ['ops@shop.example', 'nobody@shop.example', 'boss@shop.example']",
    );
    home.configure(&target);
    let tested = home.run("alerts test --json").json(0);
    assert_eq!(tested, json!([{"target": "mail", "sent": true}]));
    let mails = server.mails();
    let to: Vec<_> = mails.iter().map(|mail| mail.to.clone()).collect();
    assert_eq!(to, [["<ops@shop.example>"], ["<boss@shop.example>"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_cannot_be_protected_or_is_not_taken_is_told_to_be_so() {
    let nobody = "to = ['nobody@shop.example']";
    for (protection, encryption, is_trusted, failure) in [
        (
            Protection::None,
            "starttls",
            true,
            "it has no STARTTLS, or no way to sign in",
        ),
        (
            Protection::Starttls,
            "starttls",
            false,
            "its TLS cannot be trusted, or is none",
        ),
        (
            Protection::Tls,
            "tls",
            false,
            "its TLS cannot be trusted, or is none",
        ),
        (Protection::None, "none", true, "it answered 550"),
    ] {
        let server = MailServer::start(protection).await;
        let home = Home::new("");
        let certificate = server.certificate_in(&home);
        let mut target = mail(&server, encryption, "timeout_ms = 5000");
        if is_trusted {
            target += &format!("\ncertificate_file = '{}'", certificate.display());
        }
        if encryption == "none" {
            let start = target.find("to = [").unwrap();
            let end = start + target[start..].find('\n').unwrap();
            target.replace_range(start..end, nobody);
        }
        home.configure(&target);
        let tested = home.run("alerts test --json").json(1);
        let expected = json!([{"target": "mail", "sent": false, "failure": failure}]);
        assert_eq!(tested, expected, "{protection:?} {encryption}");
        assert_eq!(server.mails(), [], "{protection:?} {encryption}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_what_fires_and_test_who_is_told() {
    let receiver = StandIn::start(|_| (200, String::new())).await;
    let home = Home::new(&format!(
        "alerts.evaluate_every_ms = 50
         alerts.rules.disk_space = {{ for_seconds = 0, free_bytes_min = 9223372036854775807 }}
         alerts.rules.ack_latency.enabled = false
         {}\n{}",
        pager(&receiver),
        chat(&receiver)
    ));
    let server = Server::start(&home);
    nth(&receiver, 2).await;
    has_told(&server).await;
    let view = home.run("alerts list --json").json(0);
    let disk = |alert: &&Value| alert["rule"] == "disk_space";
    let disk = view["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .find(disk)
        .unwrap();
    assert_eq!(
        (&disk["standing"], &disk["enabled"]),
        (&json!("firing"), &json!(true))
    );
    assert!(disk["since"].is_string() && disk["what"].as_str().unwrap().ends_with("are free."));
    let listed = home.run("alerts list").stdout;
    for words in [
        "disk_space",
        "firing",
        "ack_latency",
        "off",
        "quarantine_growth generic",
        "pager",
        "webhook",
        "slack",
        "sent 2",
    ] {
        assert!(listed.contains(words), "{words} is missing in {listed}");
    }
    home.run("alerts test nobody")
        .fails_with(&["there is no target nobody"]);
    let tested = home.run("alerts test --json").json(0);
    assert_eq!(tested.as_array().unwrap().len(), 2);
    assert_eq!(receiver.heard().len(), 4);

    let browser = Browser::of(&server).await;
    for path in ["/", "/alerts"] {
        let page = browser.get(path).await.body;
        assert!(
            page.contains("The disk fills up") && page.contains("Make room"),
            "{page}"
        );
    }
    server.stop();
    // Without a server it is known still what fires.
    let view = home.run("alerts list --json").json(0);
    let fires = |alert: &&Value| alert["standing"] == "firing";
    assert_eq!(
        view["alerts"]
            .as_array()
            .unwrap()
            .iter()
            .filter(fires)
            .count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_message_takes_somebody_who_may_operate_and_no_server() {
    let receiver = StandIn::start(|_| (200, String::new())).await;
    let ana = "[admin.operators.ana]
        role = 'read'
        token = { value = 'ana-ana-ana-ana-ana', in_clear = true }";
    let home = Home::new(&format!("{ana}\n{}", pager(&receiver)));
    let tested = home.run("alerts test pager");
    assert_eq!(
        (tested.code, tested.stdout.contains("sent")),
        (0, true),
        "{tested:?}"
    );
    assert_eq!(verified(&receiver.heard()[0])["type"], "payhook.alert.test");

    let server = Server::start(&home);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let as_ana = client
        .post(format!("http://{}/api/alerts/test", server.admin))
        .bearer_auth("ana-ana-ana-ana-ana")
        .json(&json!({}));
    assert_eq!(as_ana.send().await.unwrap().status(), 403);
    let nobody = json!({"target": "nobody"});
    let answer = server
        .call(Method::POST, "alerts/test", Some(&nobody))
        .await;
    assert_eq!(answer.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_target_nothing_is_looked_at() {
    let home = Home::new("alerts.evaluate_every_ms = 50");
    home.run("alerts test")
        .fails_with(&["nobody is told of anything"]);
    let server = Server::start(&home);
    let page = Browser::of(&server).await.get("/alerts").await.body;
    assert!(page.contains("Nobody is told"), "{page}");
    let view = server.api("alerts").await;
    assert_eq!(
        (&view["targets"], &view["lookedAt"]),
        (&json!([]), &Value::Null)
    );
    server.stop();
    // What fired while there was a target does not fire for ever once there is none.
    let fires = |view: &Value| {
        let alerts = view["alerts"].as_array().unwrap();
        alerts.iter().any(|alert| alert["standing"] == "firing")
    };
    home.configure(
        "alerts.evaluate_every_ms = 50
         alerts.rules.disk_space = { free_percent_min = 100, for_seconds = 0 }
         alerts.targets.x = { kind = 'webhook', url = 'http://127.0.0.1:9/', secret = { value = 'whsec_aHVudGVyMmh1bnRlcjJodW50ZXIy', in_clear = true } }",
    );
    let server = Server::start(&home);
    until_async("the disk's alert fires", async || {
        fires(&server.api("alerts").await).then_some(())
    })
    .await;
    server.stop();
    home.configure("");
    let server = Server::start(&home);
    assert!(!fires(&server.api("alerts").await));
    let listed = home.run("alerts list --json").json(0);
    assert!(!fires(&listed), "{listed}");
}

#[test]
fn a_configuration_that_cannot_tell_anybody_is_refused() {
    for (changes, words) in [
        (
            "alerts.targets.x = { kind = 'slack' }",
            "[alerts.targets.x]: it has neither",
        ),
        (
            "alerts.targets.x = { kind = 'pigeon' }",
            "alerts.targets.x.kind",
        ),
        (
            "alerts.rules.dead_letters.executions_min = 1",
            "did you mean",
        ),
        (
            "alerts.rules.quarantine_growth.sources.no = 1",
            "there is no [sources.no]",
        ),
        (
            "alerts.rules.failure_rate.window_seconds = 0",
            "failure_rate.window_seconds is 0",
        ),
        (
            "alerts.rules.failure_rate.percent_max = 101",
            "percent_max is over 100",
        ),
        ("alerts.evaluate_every_ms = 0", "evaluate_every_ms is 0"),
        (
            "alerts.dashboard_url = 'pay.example'",
            "dashboard_url is no http",
        ),
    ] {
        let ended = Home::new(changes).run("config check");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(
            ended.code != 0 && said.contains(words),
            "{changes}: {ended:?}"
        );
    }
}
