//! Killed again and again under load: nothing that was answered with 200 is lost, nothing
//! happens twice; and all of it opens, whatever keys it was sealed under when.
//!
//! `PAYHOOK_CRASH_KILLS` sets how often (20), `PAYHOOK_CRASH_SEED` what luck is made from, and
//! `PAYHOOK_BIN` another binary, such as a release build. The seed replays what is sent and
//! when the kills fall; how far the processes have come by then it cannot replay.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "each test file uses its own part")]
mod support;

#[path = "crash/oracle.rs"]
mod oracle;
#[path = "crash/senders.rs"]
mod senders;

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use support::gateway::Gateway;
use support::home::Home;
use support::luck::{Luck, number, seed};
use support::server::Server;
use support::{pass, until_async, workflow};

/// Concurrent senders.
const SENDERS: u64 = 32;

/// Shortest and longest time that a server lives, in milliseconds.
const LIFE_MS: (u64, u64) = (50, 700);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_again_and_again_keeps_every_promise() {
    let kills = number("PAYHOOK_CRASH_KILLS").unwrap_or(20);
    let seed = seed("PAYHOOK_CRASH_SEED");
    println!("PAYHOOK_CRASH_SEED={seed} PAYHOOK_CRASH_KILLS={kills}");
    let begun = Instant::now();
    let gateway = Gateway::start().await;
    let home = Home::new("");
    let definition = home.write("workflow.asl.json", &workflow::impatient().to_string());
    let config = format!(
        "{}\nworkflow.definition = '{}'\nprocessor.concurrency = 64\nlog.filter = 'warn'\n",
        gateway.config(),
        definition.display()
    );
    home.configure(&config);
    let mut server = Server::start(&home);
    let listen = server.listen;
    // Senders look for the next server where the last one was.
    home.configure(&format!("{config}server.listen = '{listen}'"));

    let senders = senders::start(SENDERS, seed, listen, &gateway);
    let mut luck = Luck::of(seed);
    for _ in 0..kills {
        let life = LIFE_MS.0 + luck.below(LIFE_MS.1 - LIFE_MS.0);
        pass(Duration::from_millis(life)).await;
        server.kill();
        server = Server::start(&home);
        // Under new keys each time, and killed with some of the old ones still in use.
        for path in ["keys/rotate", "keys/rewrap"] {
            let answer = server.call(Method::POST, path, Some(&json!({}))).await;
            assert_eq!(answer.status, 200, "{path}: {answer:?}");
        }
    }
    let sent = senders.finish().await;
    println!(
        "{} events kept, {} requests in vain, {kills} kills in {:?}",
        sent.events.len(),
        sent.in_vain,
        begun.elapsed()
    );
    until_async("everything has come to rest", async || {
        let counts = server.api("counts").await;
        (counts["running"] == 0 && counts["feedLag"] == 0).then_some(())
    })
    .await;
    println!("at rest after {:?}", begun.elapsed());
    oracle::judge(&server, &sent, &gateway.ledger).await;
    server.stop();
    let rewrapped = home.run("--json keys rewrap").json(0);
    assert_eq!(rewrapped["left"], 0, "{rewrapped}");
    let checked = home.run("--json store check").json(0);
    assert_eq!(checked["ok"], true, "{checked}");
    println!("judged after {:?}", begun.elapsed());
}
