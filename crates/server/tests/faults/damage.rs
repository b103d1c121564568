//! Pages of the database are damaged while nobody looks: payhook neither crashes over them nor shows
//! something else as if it were what was kept, without `store check` finding it.

use std::fs;

use serde_json::Value;

use crate::support::home::{Home, SECRET};
use crate::support::luck::{Luck, number, seed};
use crate::support::server::Server;
use crate::support::webhook::Webhook;

/// Bytes of a page.
const PAGE: usize = 4096;

/// What is listed, where anything can be.
fn listed(home: &Home) -> Option<Value> {
    let ended = home.run("--json events list --limit 1000");
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
    assert!((0..=2).contains(&ended.code), "{ended:?}");
    (ended.code == 0).then(|| serde_json::from_str(&ended.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_is_found_and_nobody_falls_over_it() {
    let seed = seed("PAYHOOK_FAULT_SEED");
    let stride = usize::try_from(number("PAYHOOK_DAMAGE_STRIDE").unwrap_or(2)).unwrap();
    println!("PAYHOOK_FAULT_SEED={seed} PAYHOOK_DAMAGE_STRIDE={stride}");
    let home = Home::new("log.filter = 'warn'");
    let server = Server::start(&home);
    for number in 0..60 {
        let name = format!("evt_{number}");
        server
            .send(&Webhook::payment(&name, &name))
            .await
            .accepts("stored");
    }
    server.event_at_rest("generic/evt_59").await;
    server.stop();
    let database = home.data().join("payhook.db");
    let sound = fs::read(&database).unwrap();
    let before = listed(&home).unwrap();
    let mut luck = Luck::of(seed);
    let (mut found, mut silent, mut tried) = (0, 0, 0);
    for page in (0..sound.len() / PAGE).step_by(stride) {
        let mut damaged = sound.clone();
        for byte in &mut damaged[page * PAGE..(page + 1) * PAGE] {
            if luck.below(4) == 0 {
                *byte = u8::try_from(luck.below(256)).unwrap();
            }
        }
        fs::write(&database, &damaged).unwrap();
        tried += 1;
        let checked = home.run("store check");
        assert!(
            !checked.stderr.contains("panicked"),
            "page {page}: {checked:?}"
        );
        let is_found = checked.code != 0;
        found += usize::from(is_found);
        let shown = listed(&home);
        let is_other = shown.is_some_and(|shown| shown != before);
        assert!(
            is_found || !is_other,
            "page {page}: it shows something else, and all is well"
        );
        silent += usize::from(!is_found && !is_other);
        // It may refuse to start, and says so; it does not fall over what it finds.
        let mut process = home.spawn("damaged", &["serve"]);
        let begun = std::time::Instant::now();
        while process.ended().is_none() && begun.elapsed().as_millis() < 300 {
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
        drop(process);
        let log = home.log("damaged");
        assert!(!log.contains("panicked"), "page {page}: {log}");
        assert!(!log.contains(SECRET), "page {page}");
        for name in ["payhook.db-wal", "payhook.db-shm"] {
            // They are of the damaged one.
            let _ = fs::remove_file(home.data().join(name));
        }
    }
    println!("{tried} pages damaged one at a time: {found} found, {silent} without effect");
    assert!(found > tried / 2, "{found} of {tried}");
}
