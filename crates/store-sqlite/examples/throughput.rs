//! How many events a second the store takes in and carries through, on a real disk.
//!
//! `throughput append <stored>` measures custody alone, when little and when `<stored>` events
//! are stored. `throughput life <events>` measures the whole life of events: custody, start, a
//! commit that claims the record and goes on, and a commit that completes it. A second
//! argument names the directory to work in, a third how many callers there are at once.
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::settlement::SettlementChange;
use domain::stream::ChangeKind;
use domain::task::RecordChange;
use domain::time::{Millis, Timestamp};
use engine::store::{
    ChangeFeed as _, Claimed, Committed, Custody, EventLog as _, ExecutionStatus, Executions as _,
    Lease, Outcome, Progress, StartExecution,
};
use store_sqlite::{Options, SqliteStore};
use testbed::deliveries;

/// The longest checkpoint, in milliseconds.
static CHECKPOINT_MS_MAX: AtomicU64 = AtomicU64::new(0);

/// Events that are made beforehand and appended in one measurement.
const WINDOW: usize = 20_000;

/// Feed entries that the pipe looks at in one go.
const BATCH: usize = 256;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_default();
    let number = |text: Option<String>| text.and_then(|text| text.parse::<usize>().ok());
    let count = number(arguments.next()).unwrap_or(100_000);
    let directory = PathBuf::from(arguments.next().unwrap_or_else(|| "throughput-data".into()));
    let callers = number(arguments.next()).unwrap_or(64);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime");
    match what.as_str() {
        "append" => runtime.block_on(append(&directory, count, callers)),
        "life" => runtime.block_on(life(&directory, count, callers)),
        _ => println!("throughput append|life [events] [directory] [callers]"),
    }
}

async fn append(directory: &Path, stored: usize, callers: usize) {
    let store = open(directory);
    let mut made = 0;
    while made < stored {
        let webhooks = webhooks(made..made + WINDOW);
        made += WINDOW;
        let measured = Measured::begin();
        append_all(&store, webhooks, callers).await;
        if made <= 2 * WINDOW || made % (stored / 10).max(WINDOW) < WINDOW {
            measured.tell(&format!("append, {made} stored"), WINDOW, &store);
        }
    }
    let begun = Instant::now();
    drop(store);
    println!("closed in {:?}", begun.elapsed());
    let begun = Instant::now();
    let store = SqliteStore::open(directory, &Options::default()).expect("a store");
    println!("opened in {:?}", begun.elapsed());
    drop(store);
    let begun = Instant::now();
    let findings = store_sqlite::check::check(directory, |_| ()).expect("a readable store");
    println!("checked in {:?}: {findings:?}", begun.elapsed());
    disk(directory, made);
}

async fn append_all(store: &Arc<SqliteStore>, webhooks: Vec<Custody>, callers: usize) {
    let webhooks = Arc::new(std::sync::Mutex::new(webhooks));
    let mut tasks = tokio::task::JoinSet::new();
    for _caller in 0..callers {
        let (store, webhooks) = (Arc::clone(store), Arc::clone(&webhooks));
        tasks.spawn(async move {
            loop {
                let next = webhooks.lock().expect("a lock").pop();
                let Some(custody) = next else { return };
                let appended = store
                    .append_once(custody)
                    .await
                    .expect("a store that takes");
                assert_eq!(appended.events[0].0, Outcome::Stored);
            }
        });
    }
    while tasks.join_next().await.is_some() {}
}

async fn life(directory: &Path, events: usize, callers: usize) {
    let store = open(directory);
    let webhooks = webhooks(0..events);
    let settled = Arc::new(AtomicUsize::new(0));
    let measured = Measured::begin();
    let mut tasks = tokio::task::JoinSet::new();
    let (pipe, runner) = (Arc::clone(&store), Arc::clone(&store));
    tasks.spawn(async move { pipe_all(&pipe, events).await });
    let done = Arc::clone(&settled);
    tasks.spawn(async move { run_all(&runner, &done, events, callers).await });
    append_all(&store, webhooks, callers).await;
    measured.tell("append, while moved on", events, &store);
    while let Some(ended) = tasks.join_next().await {
        ended.expect("a task that ends well");
    }
    measured.tell("whole life", events, &store);
    drop(store);
    disk(directory, events);
}

async fn pipe_all(store: &SqliteStore, events: usize) {
    let mut started = 0;
    while started < events {
        let woken = store.feed_wakeup().wait();
        let cursor = store.pipe_cursor().expect("a cursor");
        let wanted = |kind| kind == ChangeKind::Insert;
        let (changes, end) = store.read_after(cursor, BATCH, &wanted).expect("a feed");
        if end == cursor {
            woken.await;
            continue;
        }
        started += changes.len();
        let starts = changes.iter().map(|change| StartExecution {
            sequence: change.sequence,
            started_at: Timestamp::from_millis(5_000),
        });
        let started = store.start_all(starts.collect(), [7; 32], end).await;
        started.expect("a store that starts");
    }
}

async fn run_all(store: &Arc<SqliteStore>, done: &Arc<AtomicUsize>, events: usize, most: usize) {
    let mut tasks = tokio::task::JoinSet::new();
    let now = Timestamp::from_millis(6_000);
    while done.load(Ordering::Relaxed) < events {
        let woken = store.due_wakeup().wait();
        let free = most.saturating_sub(tasks.len());
        let claimed = store
            .claim_due(now, Millis::from_secs(60), free)
            .expect("claims");
        let nothing = claimed.is_empty();
        for execution in claimed {
            let (store, done) = (Arc::clone(store), Arc::clone(done));
            tasks.spawn(async move {
                run_one(&store, execution).await;
                done.fetch_add(1, Ordering::Relaxed);
            });
        }
        if nothing && tasks.is_empty() {
            woken.await;
        } else if nothing || tasks.len() >= most {
            tasks
                .join_next()
                .await
                .expect("a task")
                .expect("one that ends well");
            while tasks.try_join_next().is_some() {}
        }
    }
}

async fn run_one(store: &SqliteStore, execution: Claimed) {
    let key = execution.change.key;
    let at = Timestamp::from_millis(6_001);
    let progress = |generation, change, status, due_at, lease| Progress {
        sequence: execution.sequence,
        generation,
        status,
        snapshot: Bytes::from(vec![b's'; 300]),
        steps: vec![Bytes::from(vec![b't'; 80]), Bytes::from(vec![b'u'; 80])],
        changes: vec![RecordChange {
            key: key.clone(),
            change,
        }],
        due_at,
        lease,
        at,
    };
    let claim = SettlementChange::Claim {
        execution: format!("evt-{:032x}", execution.sequence.get()),
    };
    let running = ExecutionStatus::Running;
    let claim = progress(
        execution.generation,
        claim,
        running,
        Some(at),
        Lease::KeepUntil(at),
    );
    assert_eq!(store.commit(claim).await, Ok(Committed::Done));
    let complete = SettlementChange::Complete {
        transaction_id: format!("txn-{:016x}", execution.sequence.get()),
        processed_at: at,
    };
    let succeeded = ExecutionStatus::Succeeded;
    let next = execution.generation + 1;
    let complete = progress(next, complete, succeeded, None, Lease::Release);
    assert_eq!(store.commit(complete).await, Ok(Committed::Done));
}

/// Webhooks with bodies of 400 bytes, each of a payment of its own, newest first.
fn webhooks(numbers: std::ops::Range<usize>) -> Vec<Custody> {
    let note = "n".repeat(240);
    let made = numbers.rev().map(|number| {
        deliveries::webhook(&format!("evt_{number:016}"))
            .payment(&format!("pay_{number:016}"))
            .header("content-type", b"application/json")
            .header("user-agent", b"payments-of-somebody/1.0")
            .note(&note)
            .custody()
    });
    made.collect()
}

fn open(directory: &Path) -> Arc<SqliteStore> {
    // It need not have been there.
    let _ = std::fs::remove_dir_all(directory);
    let options = Options {
        observer: Some(Arc::new(|report: &store_sqlite::CommitReport| {
            let millis = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            let checkpoint = report.checkpoint.map_or(0, millis);
            CHECKPOINT_MS_MAX.fetch_max(checkpoint, Ordering::Relaxed);
        })),
        ..Options::default()
    };
    Arc::new(SqliteStore::open(directory, &options).expect("a store"))
}

fn disk(directory: &Path, events: usize) {
    let checkpoint = CHECKPOINT_MS_MAX.load(Ordering::Relaxed);
    println!("longest checkpoint {checkpoint} ms");
    let bytes = std::fs::metadata(directory.join("payhook.db")).map_or(0, |file| file.len());
    println!("{} bytes on disk an event", bytes / events as u64);
}

struct Measured {
    begun: Instant,
    cpu: Duration,
}

impl Measured {
    fn begin() -> Self {
        Self {
            begun: Instant::now(),
            cpu: cpu(),
        }
    }

    fn tell(&self, what: &str, events: usize, store: &SqliteStore) {
        let (elapsed, cpu) = (self.begun.elapsed(), cpu() - self.cpu);
        let stats = store.stats();
        println!(
            "{what}: {:.0} events/s, {:.1} µs CPU an event, {} commits so far, mean {:?}, longest {:?}",
            events as f64 / elapsed.as_secs_f64(),
            cpu.as_secs_f64() * 1e6 / events as f64,
            stats.commits,
            stats.sync_total / u32::try_from(stats.commits.max(1)).unwrap_or(u32::MAX),
            stats.sync_max,
        );
    }
}

/// Time that this process has had a processor, in the ticks of 10 ms that Linux counts in.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default();
    let fields = after_name.split(' ').skip(11).take(2);
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
