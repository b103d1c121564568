//! Floods of requests: forged ones, compressed ones, and more genuine ones than can be taken.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Client;

use crate::gauges::{MIB, Victim, folder_bytes, report};
use crate::support::server::Server;
use crate::support::webhook::{Webhook, body};

/// Concurrent senders.
const SENDERS: u64 = 64;

/// Sends `each(number)` for every number below `count`; gives how often each status was the answer.
async fn flood(server: &Server, count: u64, each: impl Fn(u64) -> Webhook) -> Vec<(u16, u64)> {
    let client = Client::builder().no_proxy().build().unwrap();
    let each = &each;
    let senders = (0..SENDERS).map(|sender| {
        let client = client.clone();
        async move {
            let mut statuses = Vec::new();
            for number in (sender..count).step_by(usize::try_from(SENDERS).unwrap()) {
                let request = each(number).request(&client, server.listen);
                // A connection may be closed to make room; that is an answer, too.
                let status = request
                    .send()
                    .await
                    .map_or(0, |answer| answer.status().as_u16());
                statuses.push(status);
            }
            statuses
        }
    });
    let mut statuses: Vec<u16> = join_all(senders).await.concat();
    statuses.sort_unstable();
    statuses
        .chunk_by(|one, other| one == other)
        .map(|same| (same[0], u64::try_from(same.len()).unwrap()))
        .collect()
}

/// A forged delivery of 16 KiB, like no other.
fn forged(number: u64) -> Webhook {
    let filling = "x".repeat(16 * 1024);
    let body = format!(r#"{{"paymentId":"p","eventId":"forged-{number}","filling":"{filling}"}}"#);
    Webhook::new(body).signed_with("guessed")
}

#[tokio::test(flavor = "multi_thread")]
async fn forgeries_cannot_fill_the_disk_nor_keep_anybody_out() {
    // Without the doorman's budgets: the quarantine alone must hold.
    let victim = Victim::new(
        "store = { quarantine_deliveries_max = 200, quarantine_bytes_max = 2000000 }\n\
         server.failures = { of_client = { per_second = 1000000, burst = 1000000 }, \
         of_source = { per_second = 1000000, burst = 1000000 } }",
    )
    .await;
    let count = 4000;
    let begun = Instant::now();
    let (statuses, during) = tokio::join!(flood(&victim.server, count, forged), victim.recovers());
    let took = begun.elapsed();
    let cost = victim.cost();
    report(
        "64 MiB of forgeries into a quarantine of 2 MB",
        &cost,
        &[("in", took), ("a genuine one kept during it after", during)],
    );
    assert_eq!(statuses, [(401, count)]);
    let counts = victim.server.api("counts").await;
    assert!(counts["quarantined"].as_u64().unwrap() <= 200, "{counts}");
    assert!(cost.disk < 40 * MIB, "{cost:?}");
    assert!(cost.resident < 96 * MIB, "{cost:?}");
    // And no more with twice as many: what was given back is used again.
    flood(&victim.server, count, |number| forged(count + number)).await;
    let disk = folder_bytes(&victim.home.data());
    assert!(disk < cost.disk + 8 * MIB, "{disk} after {cost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_their_budget_forgeries_write_nothing_at_all() {
    let victim = Victim::new(
        "server.failures = { of_client = { per_second = 1, burst = 20 }, \
         of_source = { per_second = 1, burst = 1000 } }",
    )
    .await;
    let begun = Instant::now();
    let (statuses, during) = tokio::join!(flood(&victim.server, 4000, forged), victim.recovers());
    let took = begun.elapsed();
    let cost = victim.cost();
    report(
        "64 MiB of forgeries against a budget of 20",
        &cost,
        &[("in", took), ("a genuine one kept during it after", during)],
    );
    let told = |status| {
        statuses
            .iter()
            .find(|(one, _)| *one == status)
            .map_or(0, |(_, count)| *count)
    };
    assert_eq!(told(401) + told(429), 4000, "{statuses:?}");
    // One a second is earned back.
    let most = 20 + took.as_secs() + 1;
    assert!(told(401) <= most, "{statuses:?}");
    let counts = victim.server.api("counts").await;
    assert!(counts["quarantined"].as_u64().unwrap() <= most, "{counts}");
    let lines = victim
        .home
        .log("server")
        .matches("refused and set apart")
        .count();
    assert!(
        u64::try_from(lines).unwrap() <= most,
        "{lines} lines in the log"
    );
    assert!(cost.resident < 64 * MIB, "{cost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_stay_as_small_as_they_came() {
    let victim = Victim::new("").await;
    let bomb = include_bytes!("../data/zeros.gz");
    let statuses = flood(&victim.server, 1000, |number| {
        let body = [&bomb[..], &number.to_be_bytes()].concat();
        Webhook::new(body).with("content-encoding", "gzip")
    })
    .await;
    let cost = victim.cost();
    let after = victim.recovers().await;
    report("1000 bombs of 100 kB each", &cost, &[("kept after", after)]);
    assert_eq!(statuses, [(415, 1000)]);
    assert!(cost.resident < 48 * MIB && cost.disk < 16 * MIB, "{cost:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_can_be_taken_is_told_to_come_again_and_nothing_is_lost() {
    let victim = Victim::new(
        "server = { requests_max = 8, connections_max = 32 }\nworkflow.enabled = false\n\
         store = { queue_max = 8, batch_max = 4 }",
    )
    .await;
    let victim = Arc::new(victim);
    let filling = " ".repeat(30_000);
    let count = 4000;
    let begun = Instant::now();
    let statuses = flood(&victim.server, count, |number| {
        Webhook::new(body("p", &format!("e{number}")) + &filling)
    })
    .await;
    let took = begun.elapsed();
    let cost = victim.cost();
    let after = victim.recovers().await;
    report(
        "64 senders at a door for 8",
        &cost,
        &[("in", took), ("kept after", after)],
    );
    let told = |status| {
        statuses
            .iter()
            .find(|(one, _)| *one == status)
            .map_or(0, |(_, count)| *count)
    };
    assert_eq!(told(200) + told(503) + told(0), count, "{statuses:?}");
    assert!(told(200) > 0 && told(503) > 0, "{statuses:?}");
    // Places change hands between requests, and not in the middle of them.
    assert!(told(0) <= count / 100, "{statuses:?}");
    println!("  answers: {statuses:?}");
    // The first and the one after it; what was cut off may have been kept unheard.
    let events = victim.server.api("counts").await["events"]
        .as_u64()
        .unwrap();
    let kept = told(200) + 2;
    assert!(
        (kept..=kept + told(0)).contains(&events),
        "{events} of {statuses:?}"
    );
    // 64 MiB of it are the store's cache, which fills with what is kept and then no further.
    assert!(cost.resident < 128 * MIB, "{cost:?}");
    assert!(after < Duration::from_secs(60));
}
