//! Keys, shredding and the journal, as operators have them: over the API and on the command line.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::server::Server;
use crate::support::webhook::{Webhook, body};

/// Whether these words stand in the files of a store.
fn contains(home: &Home, words: &str) -> bool {
    ["payhook.db", "payhook.db-wal"].iter().any(|name| {
        let bytes = fs::read(home.data().join(name)).unwrap_or_default();
        bytes
            .windows(words.len())
            .any(|each| each == words.as_bytes())
    })
}

async fn post(server: &Server, path: &str, body: &Value) -> (u16, Value) {
    let answer = server.call(Method::POST, path, Some(body)).await;
    (answer.status, answer.json())
}

/// Runs a verb and reads the JSON that it prints.
fn json_of(home: &Home, arguments: &str, code: i32) -> Value {
    let ended = home.run(&format!("--json {arguments}"));
    assert_eq!(ended.code, code, "{arguments}: {ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_online_and_on_record() {
    let home = Home::new("");
    let server = Server::start(&home);
    for number in 0..20 {
        let sent = Webhook::payment("p", &format!("e{number}"));
        server.send(&sent).await.accepts("stored");
    }
    assert!(!contains(&home, "paymentId"), "a body is in the files");
    assert_eq!(json_of(&home, "keys list", 0)["keys"][0]["wraps"], 20);
    let rotated = json_of(&home, "keys rotate --reason yearly", 0);
    assert_eq!(rotated["id"], 2);
    server
        .send(&Webhook::payment("p", "new"))
        .await
        .accepts("stored");
    let rewrapped = json_of(&home, "keys rewrap --reason yearly", 0);
    assert_eq!(rewrapped, json!({ "done": 20, "left": 0 }));
    let keys = server.api("keys").await;
    assert_eq!(
        (&keys["keys"][0]["id"], &keys["keys"][0]["wraps"]),
        (&json!(2), &json!(21))
    );
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    let acts = server.api("audit").await;
    let words: Vec<_> = acts["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|act| {
            (
                act["action"].clone(),
                act["reason"].clone(),
                act["done"].clone(),
            )
        })
        .collect();
    assert_eq!(
        words,
        [
            (json!("rewrap_keys"), json!("yearly"), json!(true)),
            (json!("rotate_key"), json!("yearly"), json!(true)),
        ]
    );
    server.kill();
    // Without a server it is done in the data directory, with the same keys.
    let shown = json_of(&home, "events show generic/e7 --body", 0);
    assert_eq!(shown["body"], body("p", "e7"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_its_master_key_says_which_one_it_takes_and_does_not_start() {
    let home = Home::new("");
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
    server.stop();
    let key = home.data().join("master.key");
    let text = fs::read_to_string(&key).unwrap();
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    fs::remove_file(&key).unwrap();
    let refused = home.run("serve");
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("master.key"), "{refused:?}");
    assert!(!key.exists());
    // The same key from elsewhere does as well, and one that others may read does not.
    let elsewhere = home.write("elsewhere.key", &text);
    home.configure(&format!(
        "encryption.master_key = {{ file = '{}' }}",
        elsewhere.display()
    ));
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = home.run("serve");
    assert!(refused.stderr.contains("chmod 600"), "{refused:?}");
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::start(&home);
    let shown = server.api("events/generic/e?body=true").await;
    assert_eq!(shown["body"], body("p", "e"));
    assert!(
        !home.log("server").contains(text.trim()),
        "the key is in the log"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_shredded_with_a_reason_and_stays_known() {
    let home = Home::new("");
    let server = Server::start(&home);
    for event in ["e1", "e2"] {
        server
            .send(&Webhook::payment("p", event))
            .await
            .accepts("stored");
        server.event_at_rest(&format!("generic/{event}")).await;
    }
    server
        .send(&Webhook::payment("other", "e3"))
        .await
        .accepts("stored");
    server.event_at_rest("generic/e3").await;
    let wish = json!({ "payment": "p" });
    let (status, plan) = post(&server, "shred", &wish).await;
    assert_eq!((status, &plan["done"]), (200, &json!(false)));
    assert_eq!(plan["events"].as_array().unwrap().len(), 2);
    let (status, refused) = post(
        &server,
        "shred",
        &json!({ "payment": "p", "confirm": true }),
    )
    .await;
    assert_eq!(status, 400, "without a reason: {refused}");
    assert_eq!(
        server.api("events/generic/e1?body=true").await["body"],
        body("p", "e1")
    );

    let gone = json_of(&home, "payments shred p --yes --reason art.17", 0);
    assert_eq!(gone["done"], true);
    for event in ["e1", "e2"] {
        let shown = server
            .api(&format!("events/generic/{event}?body=true"))
            .await;
        assert_eq!(shown.get("body"), None, "{shown}");
        assert!(shown["shreddedAt"].is_string(), "{shown}");
        assert_eq!(shown["event"]["status"], "completed");
        assert_eq!(shown["headers"], json!([]));
    }
    let kept = server.api("events/generic/e3?body=true").await;
    assert_eq!(kept["body"], body("other", "e3"));
    // It comes again, and nothing of it is kept.
    server
        .send(&Webhook::payment("p", "e1"))
        .await
        .accepts("duplicate");
    let redriven = server
        .call(Method::POST, "executions/generic%2Fe1/redrive", None)
        .await;
    assert_eq!(redriven.status, 409, "{redriven:?}");
    assert!(redriven.body.contains("shredded"), "{redriven:?}");
    let act = &server.api("audit").await["items"][1];
    assert_eq!(
        (&act["action"], &act["target"], &act["reason"]),
        (&json!("shred"), &json!("payment p"), &json!("art.17"))
    );
    server.stop();
    let sound = json_of(&home, "store check", 0);
    assert_eq!(sound["ok"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_is_held_against_a_signed_checkpoint() {
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let home = Home::new(&format!(
        "journal.signing_key = {{ value = '{seed}', in_clear = true }}"
    ));
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "e1"))
        .await
        .accepts("stored");
    server.event_at_rest("generic/e1").await;
    let out = home.path().join("checkpoints");
    let out = out.to_str().unwrap();
    let told = json_of(&home, &format!("journal checkpoint --out {out}"), 0);
    assert_eq!(told["signedBy"], public);
    server
        .send(&Webhook::payment("p", "e2"))
        .await
        .accepts("stored");
    let verify = format!("journal verify --from {out} --signed-by {public}");
    let whole = json_of(&home, &verify, 0);
    assert_eq!(
        (&whole["ok"], &whole["checkpoints"]),
        (&json!(true), &json!(1))
    );
    // A checkpoint of somebody else's is none, and a store that does not fit it is found.
    let other = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    let refused = home.run(&format!("journal verify --from {out} --signed-by {other}"));
    assert_eq!(refused.code, 2, "{refused:?}");
    server.stop();
    fs::remove_dir_all(home.data()).unwrap();
    let server = Server::start(&home);
    server
        .send(&Webhook::payment("p", "forged"))
        .await
        .accepts("stored");
    server.event_at_rest("generic/forged").await;
    server.stop();
    let broken = json_of(&home, &verify, 1);
    assert!(!broken["found"].as_array().unwrap().is_empty(), "{broken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn card_data_are_written_over_or_set_apart_before_they_are_kept() {
    let with_card = |event: &str| {
        let card = r#""note":"4242 4242 4242 4242","cvc":"737","#;
        let plain = body("p", event);
        format!("{{{card}{}", plain.trim_start_matches('{'))
    };
    let home = Home::new("");
    let server = Server::start(&home);
    let sent = with_card("e");
    server
        .send(&Webhook::new(sent.clone()))
        .await
        .accepts("stored");
    server
        .send(&Webhook::new(sent.clone()))
        .await
        .accepts("duplicate");
    let shown = server.api("events/generic/e?body=true").await;
    let masked = sent.replace("4242 4242 4242 4242", "4242 42** **** 4242");
    let masked = masked.replace("737", "***");
    assert_eq!(shown["body"], masked);
    assert_eq!(shown["event"]["paymentId"], "p");
    // A forgery is no excuse to keep one.
    let forged = Webhook::new(with_card("forged")).signed_with("another-secret");
    assert_eq!(server.send(&forged).await.status, 401);
    let listed = &server.api("quarantine").await["items"][0];
    let apart = server
        .api(&format!("quarantine/{}?body=true", listed["id"]))
        .await;
    assert!(
        !apart["body"].as_str().unwrap().contains("4242 4242"),
        "{apart}"
    );
    server.stop();

    home.configure("sources.generic.card_data = 'quarantine'");
    let server = Server::start(&home);
    let answer = server.send(&Webhook::new(with_card("e2"))).await;
    answer.refuses(422, "card_data", "Card data are not taken here");
    let listed = &server.api("quarantine").await["items"][0];
    assert_eq!(listed["reason"], "card_data");
    server.stop();

    home.configure("sources.generic.card_data = 'keep'");
    let server = Server::start(&home);
    server
        .send(&Webhook::new(with_card("e3")))
        .await
        .accepts("stored");
    let shown = server.api("events/generic/e3?body=true").await;
    assert_eq!(shown["body"], with_card("e3"));
}
