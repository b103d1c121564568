//! The dashboard as a browser without a script sees it: who gets in, what is shown, what is done.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::Answer;
use crate::support::browser::{Browser, form_token};
use crate::support::gateway::Gateway;
use crate::support::home::Home;
use crate::support::ledger::Act;
use crate::support::server::Server;
use crate::support::tcp::Connection;
use crate::support::webhook::{Webhook, body};

const READER: &str = "[admin.operators.ana]
    role = 'read'
    token = { value = 'ana-ana-ana-ana-ana', in_clear = true }";

const PAGES: [&str; 19] = [
    "/anomalies",
    "/payments?source=generic&status=captured",
    "/alerts",
    "/audit",
    "/settings",
    "/?span=7d",
    "/",
    "/events",
    "/events?payment_id=p&source=generic&status=completed",
    "/events/generic%2Fe",
    "/payments",
    "/payments/p",
    "/executions",
    "/executions?status=failed",
    "/executions/1",
    "/quarantine",
    "/quarantine/1",
    "/sources",
    "/endpoints",
];

/// A server with a settled payment `p` and a delivery in quarantine.
async fn filled(changes: &str) -> (Home, Server) {
    let home = Home::new(changes);
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    server.event_at_rest("generic%2Fe").await;
    let forged = Webhook::payment("p", "forged").signed_with("another");
    assert_eq!(server.send(&forged).await.status, 401);
    (home, server)
}

#[track_caller]
fn is_guarded(answer: &Answer) {
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_or_done_without_signing_in() {
    let (_home, server) = filled("").await;
    let stranger = Browser::stranger(&server);
    for path in PAGES.into_iter().chain(["/find?q=p", "/live"]) {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status, 303, "{path}: {answer:?}");
        assert!(answer.header("location").starts_with("/sign-in"), "{path}");
        is_guarded(&answer);
    }
    for path in [
        "/executions/1/redrive",
        "/executions/1/stop",
        "/quarantine/1/promote",
    ] {
        assert_eq!(stranger.get(path).await.status, 303, "{path}");
        let answer = stranger
            .send(path, &[("form_token", ""), ("reason", "x")])
            .await;
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
    }
    // A token opens the API and a cookie the pages: neither is the other.
    let bearer = format!("Bearer {}", server.token);
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(
        stranger.ask(Method::GET, "/", &headers, None).await.status,
        303
    );
    let admin = Browser::of(&server).await;
    assert_eq!(admin.get("/api/counts").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_or_a_ticket_opens_the_door_and_nothing_else_does() {
    let (home, server) = filled("").await;
    let mut browser = Browser::stranger(&server);
    for wrong in ["", "wrong", &server.token[1..]] {
        let answer = browser.send("/sign-in", &[("token", wrong)]).await;
        assert_eq!(answer.status, 401, "{answer:?}");
        is_guarded(&answer);
    }
    let elsewhere = [("sec-fetch-site", "cross-site")];
    let form = [("token", server.token.as_str())];
    let answer = browser
        .ask(Method::POST, "/sign-in", &elsewhere, Some(&form))
        .await;
    assert_eq!(answer.status, 403);
    let form = [("token", server.token.as_str()), ("next", "//evil.example")];
    assert_eq!(
        browser.send("/sign-in", &form).await.header("location"),
        "/"
    );
    // What the command line prints needs no token.
    let url = home.run("--json dashboard p").json(0)["url"]
        .as_str()
        .unwrap()
        .to_owned();
    let (_, path) = url.split_once(&server.admin.to_string()).unwrap();
    let answer = browser.get(path).await;
    assert_eq!(answer.header("location"), "/payments/p");
    assert!(
        answer
            .header("set-cookie")
            .contains("HttpOnly; SameSite=Strict")
    );
    browser.take_cookie(&answer);
    assert!(browser.page("/").await.contains("admin (operate)"));
    let (before, _) = path.rsplit_once("ticket=").unwrap();
    let answer = browser
        .get(&format!("{before}ticket=admin.9999999999999.00"))
        .await;
    assert_eq!(answer.status, 401);
    let answer = browser.send("/sign-out", &[]).await;
    browser.take_cookie(&answer);
    assert_eq!(browser.get("/").await.status, 303);
    server.stop();
    home.run("dashboard").fails_with(&["payhook serve"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_there_for_who_may_read_and_guarded() {
    let (_home, server) = filled(READER).await;
    for token in [server.token.as_str(), "ana-ana-ana-ana-ana"] {
        let browser = Browser::with_token(&server, token).await;
        for path in PAGES {
            let answer = browser.get(path).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
            is_guarded(&answer);
            for inline in [
                "<style",
                "style=\"",
                "onclick",
                "javascript:",
                "http://",
                "https://",
            ] {
                assert!(!answer.body.contains(inline), "{path}: {inline}");
            }
        }
        for (query, place) in [
            ("p", "/payments/p"),
            ("generic/e", "/events/generic%2Fe"),
            ("1", "/events/1"),
        ] {
            let answer = browser.get(&format!("/find?q={query}")).await;
            assert_eq!(answer.header("location"), place, "{query}");
        }
        assert!(
            browser
                .page("/find?q=nothing")
                .await
                .contains("Nothing is called")
        );
        for path in [
            "/events/generic%2Fnone",
            "/payments/none",
            "/executions/9",
            "/quarantine/9",
        ] {
            let answer = browser.get(path).await;
            assert_eq!(answer.status, 404, "{path}: {answer:?}");
            is_guarded(&answer);
        }
    }
    let stranger = Browser::stranger(&server);
    for path in [
        "/assets/dashboard.css",
        "/assets/dashboard.js",
        "/assets/icon.svg",
    ] {
        let answer = stranger.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_is_text_and_nothing_else() {
    let (_home, server) = filled("").await;
    let markup = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&";
    let sent = json!({
        "paymentId": markup, "eventId": markup, "status": markup, "provider": markup,
        "amount": "1.50", "currency": "EUR", "note": markup, markup: markup,
    });
    let webhook = Webhook::new(sent.to_string()).with("user-agent", "<script>alert(3)</script>");
    server.send(&webhook).await.accepts("stored");
    let unproved = webhook.signed_with("another");
    assert_eq!(server.send(&unproved).await.status, 401);
    let listed = server.api("events?limit=1").await;
    let id = listed["items"][0]["id"].as_u64().unwrap();
    server.event_at_rest(&id.to_string()).await;
    let name: String = markup.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let browser = Browser::of(&server).await;
    for path in [
        "/".to_owned(),
        "/events".to_owned(),
        format!("/events?payment_id={name}&status={name}&source={name}"),
        format!("/events/{id}?clear=true"),
        format!("/executions/{id}"),
        format!("/payments/{name}"),
        "/quarantine".to_owned(),
        "/quarantine/2?clear=true".to_owned(),
    ] {
        let page = browser.page(&path).await.to_lowercase();
        assert!(
            !page.contains("<script>") && !page.contains("<img"),
            "{path}"
        );
        assert_eq!(
            page.matches("<script").count(),
            1,
            "{path}: ours, and no other"
        );
    }
    let page = browser.page(&format!("/find?q=%00{name}")).await;
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_personal_is_hidden_from_who_may_only_read() {
    // Otherwise there would be no card number to hide.
    let kept = format!("sources.generic.card_data = 'keep'\n{READER}");
    let (_home, server) = filled(&kept).await;
    let mut sent: Value = serde_json::from_str(&body("q", "f")).unwrap();
    sent["customer"] = json!({"email": "ana@shop.example", "name": "Ana Example"});
    sent["note"] = json!("4242 4242 4242 4242");
    server
        .send(&Webhook::new(sent.to_string()))
        .await
        .accepts("stored");
    let forged = Webhook::new(sent.to_string()).signed_with("another");
    assert_eq!(server.send(&forged).await.status, 401);
    let reader = Browser::with_token(&server, "ana-ana-ana-ana-ana").await;
    let admin = Browser::of(&server).await;
    for path in ["/events/generic%2Ff", "/quarantine/2"] {
        let clear = format!("{path}?clear=true");
        for page in [
            reader.page(path).await,
            reader.page(&clear).await,
            admin.page(path).await,
        ] {
            assert!(
                page.contains("••••") && page.contains("paymentId"),
                "{page}"
            );
            for personal in ["ana@shop", "Ana Example", "4242 4242"] {
                assert!(!page.contains(personal), "{path}: {personal}");
            }
        }
        let page = admin.page(&clear).await;
        assert!(page.contains("ana@shop.example") && page.contains("4242 4242 4242 4242"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_takes_its_own_form_a_reason_and_the_role() {
    let (_home, server) = filled(READER).await;
    let path = "/quarantine/1/promote";
    let admin = Browser::of(&server).await;
    let token = form_token(&admin.page(path).await);
    let right = [("form_token", token.as_str()), ("reason", "mended")];
    for (form, headers) in [
        (vec![("form_token", ""), ("reason", "x")], vec![]),
        (vec![("form_token", "0"), ("reason", "x")], vec![]),
        (
            vec![("form_token", token.as_str()), ("reason", " \u{7} ")],
            vec![],
        ),
        (right.to_vec(), vec![("sec-fetch-site", "cross-site")]),
        (right.to_vec(), vec![("sec-fetch-site", "same-site")]),
    ] {
        let answer = admin.ask(Method::POST, path, &headers, Some(&form)).await;
        assert_eq!(answer.status, 403, "{form:?} {answer:?}");
    }
    let reader = Browser::with_token(&server, "ana-ana-ana-ana-ana").await;
    assert!(!reader.page(path).await.contains("form_token"));
    let answer = reader.send(path, &right).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    // It is done, and says that it could not be: the secret is still another.
    let answer = admin.confirm(path, "mended").await;
    assert_eq!(answer.status, 409, "{answer:?}");
    assert!(answer.body.contains("still refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_payment_is_redriven_and_settles() {
    let gateway = Gateway::start().await;
    let home = Home::new(&gateway.config());
    let server = Server::start(&home);
    gateway.ledger.script("p", [Act::refuse(402), Act::Settle]);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    server.event_at_rest("generic%2Fe").await;
    let browser = Browser::of(&server).await;
    let page = browser.page("/executions/1").await;
    assert!(
        page.contains("/executions/1/redrive") && page.contains("state task failed"),
        "{page}"
    );
    let dead = browser.page("/executions?status=dead_letter").await;
    assert!(dead.contains("/executions/1\""), "{dead}");
    let answer = browser
        .confirm("/executions/1/redrive", "the bank called back")
        .await;
    assert_eq!(answer.header("location"), "/executions/1");
    let settled = |event: &Value| event["event"]["status"] == "completed";
    server.event_that("generic%2Fe", settled).await;
    assert!(browser.page("/executions/1").await.contains("succeeded"));
    // A second one finds nothing to do, and is in the log as well.
    let answer = browser.confirm("/executions/1/redrive", "to be sure").await;
    assert_eq!(answer.status, 409, "{answer:?}");
    let page = browser.page("/audit").await;
    let log = home.run("--json audit").json(0);
    assert_eq!(log["items"].as_array().unwrap().len(), 2);
    for (at, reason, done) in [(0, "to be sure", false), (1, "the bank called back", true)] {
        let act = &log["items"][at];
        assert_eq!(act["operator"], "admin");
        assert_eq!(
            (&act["action"], &act["target"]),
            (&json!("redrive"), &json!("1"))
        );
        assert_eq!(
            (&act["reason"], &act["done"]),
            (&json!(reason), &json!(done))
        );
        assert!(page.contains(reason));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_found_by_whatever_one_knows_of_them() {
    let (home, server) = filled("").await;
    let browser = Browser::of(&server).await;
    for (query, is_found) in [
        ("payment_id=p", true),
        ("payment_id=q", false),
        ("amount=12.5", true),
        ("amount=12.51", false),
        ("since=2020-01-01T00:00&until=2100-01-01T00:00:00", true),
        ("since=2100-01-01T00:00", false),
        ("until=2020-01-01T00:00:00Z", false),
        ("error=Declined", false),
        (
            "status=completed&source=generic&error=&amount=&since=&until=",
            true,
        ),
    ] {
        let page = browser.page(&format!("/events?{query}")).await;
        assert_eq!(page.contains("generic/e<"), is_found, "{query}");
    }
    for nonsense in ["amount=much", "since=yesterday", "until=1e9"] {
        let answer = browser.get(&format!("/events?{nonsense}")).await;
        assert_eq!(answer.status, 400, "{nonsense}: {answer:?}");
        let answer = server
            .call(Method::GET, &format!("events?{nonsense}"), None)
            .await;
        assert_eq!(answer.status, 400, "{nonsense}: {answer:?}");
    }
    for (query, count) in [
        ("event_key=generic/e", 1),
        ("event_key=generic/e&payment_id=q", 0),
        ("event_key=generic/f", 0),
        ("since=0&until=9999999999999", 1),
    ] {
        let found = server.api(&format!("events?{query}")).await;
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{query}");
    }
    let list = |words: &str| home.run(&format!("--json events list {words}")).json(0);
    assert_eq!(
        list("--amount 12.5 --since 2020-01-01T00:00:00Z")["items"][0]["paymentId"],
        "p"
    );
    assert_eq!(list("--error Declined")["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_are_kept_fresh_leave_room_for_health_and_an_orderly_stop() {
    let (_home, server) = filled("").await;
    let browser = Browser::of(&server).await;
    let mut open = Vec::new();
    for _ in 0..32 {
        let mut connection = Connection::open(server.admin);
        let cookie = browser.cookie.as_deref().unwrap();
        connection.send(format!(
            "GET /live HTTP/1.1\r\nhost: payhook\r\ncookie: {cookie}\r\n\r\n"
        ));
        connection.expect("HTTP/1.1 200 OK\r\n");
        open.push(connection);
    }
    assert_eq!(browser.get("/live").await.status, 204);
    assert_eq!(server.ask_admin("/healthz").await.status, 200);
    assert!(browser.page("/").await.contains("Overview"));
    // None of them keeps the server from stopping.
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_exported_by_every_way_in_alike() {
    let (home, server) = filled("").await;
    let browser = Browser::of(&server).await;
    let csv = browser.get("/export/csv?payment_id=p&status=").await;
    assert_eq!(
        (csv.status, csv.header("content-type")),
        (200, "text/csv; charset=utf-8; header=present")
    );
    assert!(
        csv.header("content-disposition")
            .contains("payhook-events.csv")
    );
    let lines: Vec<_> = csv.body.lines().collect();
    assert!(lines[0].starts_with("id,received_at,source,event_key,payment_id,amount"));
    assert!(
        lines[1].contains(",generic,generic/e,p,12.5,") && lines.len() == 2,
        "{csv:?}"
    );
    assert_eq!(home.run("events export --payment p").stdout, csv.body);
    let jsonl = server
        .call(Method::GET, "export/jsonl?source=generic", None)
        .await;
    let event: Value = serde_json::from_str(jsonl.body.trim_end()).unwrap();
    assert_eq!(
        (&event["paymentId"], jsonl.body.lines().count()),
        (&json!("p"), 1)
    );
    assert_eq!(home.run("events export --format jsonl").stdout, jsonl.body);
    assert_eq!(browser.get("/export/csv?since=soon").await.status, 400);
    assert_eq!(browser.get("/export/xml").await.status, 400);
    assert_eq!(
        Browser::stranger(&server).get("/export/csv").await.status,
        303
    );
}
