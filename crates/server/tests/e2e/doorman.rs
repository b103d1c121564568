//! Who may call, and how often: and that no forger costs a provider anything.

use crate::support::Answer;
use crate::support::home::Home;
use crate::support::server::Server;
use crate::support::webhook::{Webhook, body};

/// Few failures, and few more as time goes by.
const FEW: &str = "server.failures = { of_client = { per_second = 1, burst = 3 }, \
                   of_source = { per_second = 1, burst = 1000000 } }\n\
                   server.trusted_proxies = ['127.0.0.0/8']\n\
                   [sources.shop]\nsecrets = [{ value = 'whsec-of-the-generic-source', in_clear = true }]\n";

/// Sends what proves nothing until it is told 429, and gives that answer and how often it was told
/// otherwise.
async fn exhaust(server: &Server, path: &str, from: &str) -> (usize, Answer) {
    for number in 0..10_000 {
        let forged = Webhook::new(body("p", &format!("forged-{number}")))
            .signed_with("guessed")
            .to(path)
            .with("x-forwarded-for", from);
        let answer = server.send(&forged).await;
        if answer.status == 429 {
            return (number, answer);
        }
        answer.refuses(401, "signature_invalid", "Invalid webhook signature");
    }
    panic!("nobody is ever told 429");
}

#[tokio::test(flavor = "multi_thread")]
async fn forgeries_cost_the_forger_and_never_the_provider() {
    let home = Home::new(FEW);
    let server = Server::start(&home);
    let (told, answer) = exhaust(&server, "/webhooks", "192.0.2.1").await;
    assert!(told >= 3);
    answer.refuses(429, "too_many_failures", "Too many invalid webhooks");
    assert_eq!(answer.header("retry-after"), "1");
    // What was over the budget is not kept; the first three are.
    let kept = server.api("counts").await["quarantined"].as_u64().unwrap();
    assert!((3..=u64::try_from(told).unwrap()).contains(&kept), "{kept}");
    // A provider behind the same address, at the same source, is let in all the same.
    let from = |webhook: Webhook, address: &str| webhook.with("x-forwarded-for", address);
    for number in 0..20 {
        let genuine = Webhook::payment("p", &format!("genuine-{number}"));
        server
            .send(&from(genuine, "192.0.2.1"))
            .await
            .accepts("stored");
    }
    // Others have budgets of their own: another address here, and the same address elsewhere.
    for (path, address) in [("/webhooks", "192.0.2.2"), ("/webhooks/shop", "192.0.2.1")] {
        let forged = Webhook::payment("p", "e").signed_with("guessed").to(path);
        let answer = server.send(&from(forged, address)).await;
        answer.refuses(401, "signature_invalid", "Invalid webhook signature");
    }
    // Who has signed what cannot be read is no forger, however often.
    for number in 0..10 {
        let unreadable = Webhook::new(format!("no JSON {number}"));
        let answer = server.send(&from(unreadable, "192.0.2.1")).await;
        answer.refuses(400, "malformed_json", "Malformed JSON");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sources_failures_have_an_end_whoever_fails() {
    let home = Home::new(
        "server.failures = { of_client = { per_second = 1, burst = 3 }, \
         of_source = { per_second = 1, burst = 5 } }\nserver.trusted_proxies = ['127.0.0.0/8']",
    );
    let server = Server::start(&home);
    let mut refused = 0;
    for number in 0..60 {
        let forged = Webhook::unsigned(format!("{number}"));
        let from = format!("198.51.100.{number}");
        let answer = server.send(&forged.with("x-forwarded-for", &from)).await;
        refused += usize::from(answer.status == 429);
    }
    assert!(refused > 20, "{refused}");
    let reason = r#"payhook_webhooks_refused_total{source="generic",reason="too_many_failures"}"#;
    server.counts(reason, refused as f64).await;
    let genuine = Webhook::payment("p", "e").with("x-forwarded-for", "198.51.100.1");
    server.send(&genuine).await.accepts("stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_brings_no_more_than_its_rate_and_is_told_when_to_come_again() {
    let home = Home::new(
        "[sources.generic]\nrate = { per_second = 1, burst = 2 }\n\
         [sources.shop]\nsecrets = [{ value = 'whsec-of-the-generic-source', in_clear = true }]",
    );
    let server = Server::start(&home);
    // Forgeries take nothing of it.
    for _ in 0..20 {
        let forged = Webhook::payment("p", "e").signed_with("guessed");
        assert_eq!(server.send(&forged).await.status, 401);
    }
    let mut kept = 0;
    let answer = loop {
        let webhook = Webhook::payment("p", &format!("e{kept}"));
        let answer = server.send(&webhook).await;
        if answer.status != 200 {
            break answer;
        }
        kept += 1;
        assert!(kept < 1000, "there is no end to it");
    };
    assert!(kept >= 2);
    answer.refuses(429, "rate_exceeded", "Too many webhooks, try again later");
    assert_eq!(answer.header("retry-after"), "1");
    let counts = server.api("counts").await;
    assert_eq!(
        (&counts["events"], &counts["quarantined"]),
        (&kept.into(), &1.into())
    );
    // Another source is not held up.
    let webhook = Webhook::payment("p", "e").to("/webhooks/shop");
    server.send(&webhook).await.accepts("stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_called_from_its_addresses_only_and_only_trusted_proxies_are_believed() {
    let closed = "[sources.generic]\naddresses = ['192.0.2.0/24', '::1']\n\
                  [sources.stripe]\nprovider = 'stripe'\naddresses = ['published']\n\
                  secrets = [{ value = 'whsec_x', in_clear = true }]\n";
    let send = async |server: &Server, path: &str, forwarded: Option<&str>| {
        let mut webhook = Webhook::payment("p", "e").to(path);
        if let Some(forwarded) = forwarded {
            webhook = webhook.with("x-forwarded-for", forwarded);
        }
        server.send(&webhook).await.status
    };
    let home = Home::new(closed);
    let server = Server::start(&home);
    let answer = server.send(&Webhook::payment("p", "e")).await;
    answer.refuses(
        403,
        "address_not_allowed",
        "This source is not called from there",
    );
    // Nobody is believed who is not trusted.
    assert_eq!(send(&server, "/webhooks", Some("192.0.2.1")).await, 403);
    assert_eq!(server.api("counts").await["quarantined"], 0);
    server.stop();

    let home = Home::new(&format!("server.trusted_proxies = ['127.0.0.1']\n{closed}"));
    let server = Server::start(&home);
    for (path, forwarded, status) in [
        ("/webhooks", None, 403),
        ("/webhooks", Some("192.0.2.1"), 200),
        ("/webhooks", Some("192.0.2.1, 203.0.113.1"), 403),
        ("/webhooks", Some("203.0.113.1, 192.0.2.1"), 200),
        ("/webhooks", Some("192.0.2.1, nonsense"), 403),
        // Stripe's own, though the signature is none.
        ("/webhooks/stripe", Some("3.18.12.63"), 400),
        ("/webhooks/stripe", Some("192.0.2.1"), 403),
    ] {
        assert_eq!(
            send(&server, path, forwarded).await,
            status,
            "{path} {forwarded:?}"
        );
    }
}

#[test]
fn what_is_no_rule_keeps_it_from_starting() {
    for (changes, words) in [
        (
            "[sources.generic]\naddresses = ['192.0.2.1/24']",
            "not the first one of its network",
        ),
        (
            "[sources.generic]\naddresses = ['published']",
            "no list of generic is known",
        ),
        (
            "[sources.generic]\nrate = { per_second = 0, burst = 1 }",
            "at least 1",
        ),
        (
            "server.trusted_proxies = ['proxy.example']",
            "no address and no network",
        ),
        (
            "server.failures.of_client = { per_second = 1, burst = 0 }",
            "server.failures.of_client",
        ),
    ] {
        let home = Home::new(changes);
        home.run("serve").fails_with(&[words]);
    }
}
