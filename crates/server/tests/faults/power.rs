//! The power is cut at every moment of a server's life: whatever the disk then holds of what it had
//! not confirmed, the store opens, is sound, and has every event that was answered with 200.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use engine::store::{EventFilter, Inspect as _};
use store_sqlite::check::check;
use store_sqlite::{Options, SqliteStore};

use crate::disk::{Disk, Survives, write_all};
use crate::recorded::{self, Done};
use crate::support::home::Home;
use crate::support::luck::{Luck, number, seed};
use crate::support::server::{SERVER, Server};
use crate::support::webhook::Webhook;

/// Webhooks that are sent while the server is watched.
const WEBHOOKS: usize = 24;

/// How often luck is asked for each moment.
const TRIES: usize = 3;

/// Everything that a server did from its first start to its orderly end.
async fn recorded_life(home: &Home) -> Vec<Done> {
    let trace = home.path().join("strace.out");
    let watched = [
        "strace",
        "-D",
        "-f",
        "-y",
        "-qq",
        "-xx",
        "-s",
        "1048576",
        "-o",
        trace.to_str().unwrap(),
        "-e",
        &format!("trace={}", recorded::CALLS),
    ];
    let process = home.spawn_under(SERVER, &watched, &["serve"]);
    let server = Server::wait_for(home, process);
    for number in 0..WEBHOOKS {
        let webhook = Webhook::payment(&format!("pay_{number}"), &format!("evt_{number}"));
        server.send(&webhook).await.accepts("stored");
    }
    for number in 0..WEBHOOKS {
        server.event_at_rest(&format!("generic/evt_{number}")).await;
    }
    server.stop();
    let text = fs::read_to_string(trace).unwrap();
    recorded::read(&text, home.data().to_str().unwrap())
}

/// Whether what a disk holds can have changed for the better or worse.
fn is_moment(done: &Done) -> bool {
    match done {
        Done::Write { .. } | Done::SyncBegun { .. } => false,
        Done::Truncate { .. }
        | Done::SyncEnded { .. }
        | Done::DirectorySynced
        | Done::Unlink { .. }
        | Done::Rename { .. }
        | Done::Answered { .. } => true,
    }
}

/// Opens what a power cut has left, and holds it against what senders were told: what was answered
/// with 200 and is not there.
fn judge(answered: &BTreeSet<String>, files: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    write_all(files, directory.path());
    let store = SqliteStore::open(directory.path(), &Options::default()).unwrap();
    let page = store.list_events(&EventFilter::default(), None, 1000);
    let payments: Vec<String> = page
        .unwrap()
        .items
        .into_iter()
        .map(|event| event.record.key.payment_id)
        .collect();
    let kept: BTreeSet<String> = payments.iter().cloned().collect();
    assert_eq!(kept.len(), payments.len(), "an event is there twice");
    store.close().unwrap();
    assert_eq!(check(directory.path(), |_| {}).unwrap(), []);
    answered.difference(&kept).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_moment_loses_nothing_that_was_answered() {
    let seed = seed("PAYHOOK_FAULT_SEED");
    let stride = number("PAYHOOK_POWER_STRIDE").unwrap_or(5);
    println!("PAYHOOK_FAULT_SEED={seed} PAYHOOK_POWER_STRIDE={stride}");
    let home = Home::new("log.filter = 'warn'");
    let life = recorded_life(&home).await;
    let answers = life
        .iter()
        .filter(|done| matches!(done, Done::Answered { .. }));
    assert_eq!(answers.count(), WEBHOOKS, "every answer is recorded");
    let mut luck = Luck::of(seed);
    let mut disk = Disk::default();
    let mut answered = BTreeSet::new();
    let mut seen = HashSet::new();
    let (mut moments, mut cuts) = (0, 0);
    for done in &life {
        disk.apply(done);
        if let Done::Answered { payment } = done {
            answered.insert(payment.clone());
        }
        // Among the writes between two moments luck chooses some.
        if !is_moment(done) && luck.below(stride) > 0 {
            continue;
        }
        moments += 1;
        let tries = [Survives::Nothing, Survives::Everything, Survives::First];
        let tries = tries.into_iter().chain([Survives::Some; TRIES]);
        for survives in tries {
            let files = disk.after_power_cut(survives, &mut luck);
            let mut hasher = DefaultHasher::new();
            (&files, answered.len()).hash(&mut hasher);
            if seen.insert(hasher.finish()) {
                let lost = judge(&answered, &files);
                assert_eq!(lost, [""; 0], "lost although they were answered with 200");
                cuts += 1;
            }
        }
    }
    println!("{cuts} different disks after power cuts at {moments} moments, all of them whole");
    assert!(cuts > WEBHOOKS, "{cuts}");
}

/// That the judge can find something: a disk that confirms what it has not.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_lies_is_found_to_have_lost_what_was_answered() {
    let home = Home::new("log.filter = 'warn'");
    let life = recorded_life(&home).await;
    let mut disk = Disk::default();
    let mut answered = BTreeSet::new();
    for done in &life {
        // Once there is a store, nothing is confirmed any more.
        let lies = matches!(done, Done::SyncEnded { .. }) && !answered.is_empty();
        if !lies {
            disk.apply(done);
        }
        if let Done::Answered { payment } = done {
            answered.insert(payment.clone());
        }
        if answered.len() == WEBHOOKS {
            break;
        }
    }
    let files = disk.after_power_cut(Survives::Nothing, &mut Luck::of(1));
    let lost = judge(&answered, &files);
    assert!(lost.len() > WEBHOOKS / 2, "{lost:?}");
}
