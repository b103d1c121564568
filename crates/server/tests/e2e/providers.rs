//! Every provider through the whole of it: what it sends is taken in once and understood, what a
//! forger sends is kept apart with its reason, and each is answered as it wants to be.

use std::collections::BTreeMap;

use domain::providers::{Occasion, ProviderId};
use rcgen::{CertificateParams, KeyPair};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::home::{Home, SECRET};
use crate::support::provider::{sample, secret, signed, source, story};
use crate::support::server::{SERVER, Server};
use crate::support::until_async;

/// A pair that was made for tests.
const PRIVATE_PEM: &str = include_str!("../../../domain/src/providers/tests/rsa_private.pem");
const PUBLIC_PEM: &str = include_str!("../../../domain/src/providers/tests/rsa_public.pem");

/// Those that sign with their secret. PayPal and Wise have private keys, and Mollie's classic
/// webhooks are not signed.
fn signers() -> impl Iterator<Item = ProviderId> {
    let others = [
        ProviderId::MollieClassic,
        ProviderId::Paypal,
        ProviderId::Wise,
    ];
    let all = ProviderId::ALL.into_iter();
    all.filter(move |id| !others.contains(id))
}

/// A capture, or the first thing that the provider tells at all.
fn occasion_of(id: ProviderId) -> Occasion {
    let tells = |occasion: &Occasion| (id.spec().sample)(&story(*occasion, "p", "e")).is_some();
    let mut all = [Occasion::Captured].into_iter().chain(Occasion::ALL);
    all.find(tells).unwrap()
}

/// The outcomes of what a trigger has sent.
fn outcomes(report: &Value) -> Vec<&str> {
    let deliveries = report["deliveries"].as_array().unwrap();
    let answers = deliveries
        .iter()
        .flat_map(|delivery| delivery["answers"].as_array().unwrap());
    answers
        .map(|answer| answer["outcome"].as_str().unwrap())
        .collect()
}

fn codes(shown: &Value) -> Vec<&str> {
    let findings = shown["diagnosis"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["code"].as_str().unwrap())
        .collect()
}

/// The only delivery in quarantine.
fn quarantined(home: &Home) -> Value {
    let list = home.run("--json quarantine list").json(0);
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    let id = &list["items"][0]["id"];
    home.run(&format!("--json quarantine show {id}")).json(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_every_provider_sends_is_taken_in_once_and_its_forgeries_are_kept_apart() {
    let home = Home::new(&signers().map(source).collect::<String>());
    let server = Server::start(&home);
    for (index, id) in signers().enumerate() {
        let (name, occasion, word) = (id.name(), occasion_of(id), format!("{index:016x}"));
        let trigger = format!(
            "--json trigger {name} {} --payment {word}",
            occasion.as_str()
        );
        let sent = home
            .run(&format!("{trigger} --event-id {word} --duplicate"))
            .json(0);
        assert_eq!(outcomes(&sent), ["stored", "duplicate"], "{name}: {sent}");

        let forged = home.run(&format!("{trigger} --bad-signature")).json(1);
        let answer = &forged["deliveries"][0]["answers"][0];
        let said = json!({"error": "Invalid webhook signature", "code": "signature_invalid"});
        assert_eq!(
            (&answer["status"], &answer["answer"]),
            (&json!(401), &said),
            "{name}"
        );

        let payment = sample(id, &story(occasion, &word, &word)).payment_id;
        let shown = home.run(&format!("--json payments show {payment}")).json(0);
        let (shown, events) = (&shown[0], shown[0]["events"].as_array().unwrap());
        assert_eq!((&shown["source"], events.len()), (&json!(name), 1));
        // The generic source says no more than its fields.
        let is_generic = id == ProviderId::Generic;
        let expected = (!is_generic).then(|| occasion.as_str());
        assert_eq!(shown["status"].as_str(), expected, "{name}: {shown}");
        let money = [events[0]["amount"].as_str(), events[0]["currency"].as_str()];
        let sum = [Some("10"), Some("EUR")];
        let none = [Some("0"), Some("XXX")];
        assert!(money == sum || money == none, "{name}: {shown}");
    }
    let list = server.api("quarantine?limit=100").await;
    let list = list["items"].as_array().unwrap();
    let apart: BTreeMap<&str, u64> = list
        .iter()
        .map(|one| (one["source"].as_str().unwrap(), one["id"].as_u64().unwrap()))
        .collect();
    assert_eq!((apart.len(), list.len()), (signers().count(), apart.len()));
    for (name, id) in apart {
        let shown = server.api(&format!("quarantine/{id}")).await;
        assert!(!codes(&shown).is_empty(), "{name}: {shown}");
    }
    let counts = server.api("counts").await;
    assert_eq!(counts["events"], signers().count());
}

/// A home with the two providers that sign with RSA, PayPal's certificate pinned.
fn rsa_home() -> Home {
    let home = Home::new("");
    let key = KeyPair::from_pem(PRIVATE_PEM).unwrap();
    let names = ["messageverificationcerts.paypal.com".to_owned()];
    let certificate = CertificateParams::new(names).unwrap();
    let certificate = certificate.self_signed(&key).unwrap().pem();
    let [certificate, public] = [
        ("certificate.pem", certificate.as_str()),
        ("public.pem", PUBLIC_PEM),
    ]
    .map(|(name, text)| home.write(name, text).display().to_string());
    home.write("private.pem", PRIVATE_PEM);
    home.configure(&format!(
        "[sources.wise]
         provider = 'wise'
         secrets = [{{ file = '{public}', label = 'main' }}]
         [sources.paypal]
         provider = 'paypal'
         certificate_files = ['{certificate}']
         secrets = [{{ value = '1JE4291016473214C', in_clear = true, label = 'main' }}]"
    ));
    home
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_with_a_private_key_is_taken_in_once() {
    let home = rsa_home();
    let server = Server::start(&home);
    for (id, event) in [
        (ProviderId::Wise, Occasion::Pending),
        (ProviderId::Paypal, Occasion::Captured),
    ] {
        let (name, word) = (id.name(), event.as_str());
        let sent = home.run(&format!(
            "--json trigger {name} {word} --payment 1a2b --event-id 3c4d \
                 --signing-key private.pem --duplicate"
        ));
        if sent.code != 0 {
            panic!("{sent:?} {}", quarantined(&home));
        }
        let sent = sent.json(0);
        assert_eq!(outcomes(&sent), ["stored", "duplicate"], "{sent}");
        let payment = sample(id, &story(event, "1a2b", "3c4d")).payment_id;
        let shown = home.run(&format!("--json payments show {payment}")).json(0);
        assert_eq!(shown[0]["status"], word, "{shown}");
        // Without the private key nothing can be sent in their name.
        home.run(&format!("trigger {name} {word}"))
            .fails_with(&["--signing-key"]);
    }
    assert_eq!(server.api("counts").await["quarantined"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgery_of_what_is_signed_with_a_private_key_is_kept_apart() {
    let home = rsa_home();
    let server = Server::start(&home);
    for (name, word) in [("wise", "pending"), ("paypal", "captured")] {
        let forged = home
            .run(&format!(
                "--json trigger {name} {word} --signing-key private.pem --bad-signature"
            ))
            .json(1);
        assert_eq!(outcomes(&forged), ["signature_invalid"], "{forged}");
        let list = server.api("quarantine").await;
        let id = &list["items"][0]["id"];
        let shown = server.api(&format!("quarantine/{id}")).await;
        assert_eq!(shown["delivery"]["source"], name);
        assert!(!codes(&shown).is_empty(), "{shown}");
    }
    assert_eq!(server.api("counts").await["events"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn adyen_hears_the_one_word_that_it_waits_for_and_only_when_it_is_true() {
    let home = Home::new(&source(ProviderId::Adyen));
    let server = Server::start(&home);
    let sample = sample(ProviderId::Adyen, &story(Occasion::Captured, "1a", "2b"));
    let webhook = signed(ProviderId::Adyen, sample.draft);
    for outcome in ["stored", "duplicate"] {
        let answer = server.send(&webhook).await;
        answer.accepts(outcome);
        assert_eq!(answer.body, "[accepted]");
        assert!(answer.header("content-type").starts_with("text/plain"));
    }
    let mut forged = webhook.clone();
    let text = String::from_utf8(webhook.body).unwrap();
    forged.body = text.replace(r#""value":1000"#, r#""value":1001"#).into();
    let answer = server.send(&forged).await;
    answer.refuses(401, "signature_invalid", "Invalid webhook signature");
}

#[tokio::test(flavor = "multi_thread")]
async fn braintrees_challenge_is_answered_and_nothing_else_is_signed_for_whoever_asks() {
    // Braintree's own libraries are tested with this key and this answer.
    let home = Home::new(
        "[sources.braintree]
         provider = 'braintree'
         secrets = [{ value = 'integration_private_key', in_clear = true,
                      key_id = 'integration_public_key' }]",
    );
    let server = Server::start(&home);
    let ask = async |query: &str| {
        let path = format!("/webhooks/braintree{query}");
        server.ask(Method::GET, &path).await
    };
    let answer = ask("?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53").await;
    let right = "integration_public_key|d9b899556c966b3f06945ec21311865d35df3ce4";
    assert_eq!((answer.status, answer.body.as_str()), (200, right));
    let too_long = format!("?bt_challenge={}", "0".repeat(33));
    for query in [
        "",
        "?bt_challenge=",
        "?bt_challenge=20f9f8ed05f77439fe9",
        too_long.as_str(),
        "?bt_challenge=20f9f8ed05f77439fe955c977e4c8a5g",
        "?bt_challenge=PG5vdGlmaWNhdGlvbj48L25vdGlm",
        "?other=20f9f8ed05f77439fe955c977e4c8a53",
    ] {
        let answer = ask(query).await;
        answer.refuses(405, "method_not_allowed", "Only POST is allowed here");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_answered_with_a_secret_that_is_valid_now() {
    let home = Home::new(
        "[sources.braintree]
         provider = 'braintree'
         secrets = [{ value = 'old', in_clear = true, key_id = 'old-public',
                      retires_at = '2020-01-01T00:00:00Z' },
                    { value = 'next', in_clear = true, key_id = 'next-public',
                      starts_at = '2999-01-01T00:00:00Z' },
                    { value = 'new', in_clear = true, key_id = 'new-public' }]",
    );
    let server = Server::start(&home);
    let path = "/webhooks/braintree?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53";
    let answer = server.ask(Method::GET, path).await;
    assert!(answer.body.starts_with("new-public|"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_on_its_way_out_is_taken_and_its_last_use_is_told() {
    let home = Home::new(
        "[sources.stripe]
         provider = 'stripe'
         secrets = [{ value = 'whsec_new', in_clear = true, label = 'new' },
                    { value = 'whsec_old', in_clear = true, label = 'old',
                      retires_at = '2999-01-01T00:00:00Z' }]",
    );
    let server = Server::start(&home);
    let last_use = |label: &str| {
        format!(
            r#"payhook_old_secret_last_used_timestamp_seconds{{source="stripe",secret="{label}"}}"#
        )
    };
    let began = story(Occasion::Captured, "p", "e").at.as_millis() / 1000;
    home.run("--json trigger stripe captured").json(0);
    home.run("--json trigger stripe captured --old-secret")
        .json(0);
    let at = server.metric(&last_use("old")).await;
    assert!(
        at >= began as f64 && at < (began + 3600) as f64,
        "{began} {at}"
    );
    assert_eq!(server.metric(&last_use("new")).await, 0.0);
    let secrets = server.api("events").await;
    assert_eq!(secrets["items"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_explained_with_its_seconds() {
    let home = Home::new(&source(ProviderId::Stripe));
    let _server = Server::start(&home);
    let late = home
        .run("--json trigger stripe captured --skew 400s")
        .json(1);
    assert_eq!(outcomes(&late), ["signature_invalid"]);
    let shown = quarantined(&home);
    assert_eq!(codes(&shown), ["clock"], "{shown}");
    let message = shown["diagnosis"][0]["message"].as_str().unwrap();
    let seconds = message
        .split(|character: char| !character.is_ascii_digit())
        .find_map(|number| number.parse::<i64>().ok().filter(|number| *number > 300));
    assert!(
        seconds.is_some_and(|seconds| (400..460).contains(&seconds)),
        "{message}"
    );
    // And in the log, where whoever is called at night looks first.
    let line = until_async("the log tells why", async || {
        let log = home.log(SERVER);
        let line = log.lines().find(|line| line.contains("findings"));
        line.map(str::to_owned)
    })
    .await;
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["findings"], "clock", "{line}");
    assert_eq!(line["level"], "WARN", "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_another_source_is_named_and_mending_it_lets_the_delivery_in() {
    let home = Home::new(&source(ProviderId::Stripe));
    let server = Server::start(&home);
    let sent = home
        .run(&format!(
            "--json trigger stripe captured --payment 1a --event-id 2b --secret {SECRET}"
        ))
        .json(1);
    assert_eq!(outcomes(&sent), ["signature_invalid"]);
    let shown = quarantined(&home);
    assert_eq!(codes(&shown), ["secret_of_other_source", "mode"], "{shown}");
    let message = shown["diagnosis"][0]["message"].as_str().unwrap();
    assert!(message.contains("generic"), "{message}");
    assert!(!message.contains(SECRET), "{message}");
    server.stop();

    let mended = source(ProviderId::Stripe).replace(&secret(ProviderId::Stripe), SECRET);
    home.configure(&mended);
    let server = Server::start(&home);
    let promoted = home.run("--json quarantine promote 1").json(0);
    assert_eq!(promoted["outcomes"], json!(["stored"]));
    let event = server.event_at_rest("stripe/evt_2b").await;
    assert_eq!(
        (&event["event"]["paymentId"], &event["event"]["status"]),
        (&json!("pi_1a"), &json!("completed"))
    );
}
