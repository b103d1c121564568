//! A process that dies at any write, before or after it took effect, while a payment is settled
//! and two endpoints are told of it: each is told all the same, with one id, and what is known to
//! be delivered is not delivered again.
//!
//! Pipe, runner, tasks and workflow are the shipped ones; only time and the endpoints are ours.

use std::collections::BTreeMap;
use std::future::{Ready, ready};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::notification::{
    Attempted, DeliveryFailure, EndpointName, Health, HealthChange, Schedule,
};
use domain::record::{EventRecord, RecordKey};
use domain::secret::Secret;
use domain::signature::StandardSigner;
use domain::task::{TaskCall, TaskOutcome};
use domain::time::{Millis, Timestamp};
use engine::clock::{Clock, Luck, ManualClock};
use engine::metrics::Metrics;
use engine::pipe::{Filter, Pipe, Pumped};
use engine::runner::{Runner, RunnerOptions};
use engine::store::memory::{FaultMoment, MemoryDisk, MemoryStore, WriteFault};
use engine::store::{
    Endpoints as _, EventLog as _, ExecutionFilter, ExecutionStatus, Executions as _, Inspect as _,
    QuarantineBounds, Unavailable,
};
use engine::tasks::TaskRunner;
use engine::workflow::{Workflow, Workflows};
use processor::gateway::simulated::{SimulatedGateway, SimulatedSettings};
use processor::http_client::Target;
use processor::notify::workflow::{extended, extended_filter};
use processor::notify::{
    Courier, Endpoint, EndpointBook, Letter, Manner, Notifier, PortFuture, Reply, Wants,
};
use processor::records::{PaymentRecords, RecordsUnavailable};
use processor::tasks::Tasks;
use testbed::deliveries::webhook;

const PAYMENT: &str = include_str!("../../../workflows/payment.asl.json");
const FILTER: &str = include_str!("../../../workflows/filter.json");

const BOUNDS: QuarantineBounds = QuarantineBounds {
    deliveries_max: 10,
    bytes_max: 10_000,
};

/// A gateway that answers at once.
type Bank = SimulatedGateway<fn(Millis) -> Ready<()>>;

/// Writes of a life without trouble, at least: fewer would mean that there is nothing to break.
const WRITES_MIN: u64 = 8;

/// Lives that one run may take. One that ends and one after it, and then some.
const LIVES_MAX: usize = 4;

/// What outlives every process.
struct World {
    clock: ManualClock,
    /// Every letter that arrived: endpoint and id.
    arrived: Mutex<Vec<(String, String)>>,
    bank: Arc<Bank>,
}

/// `crm` fails twice and then has it; `shop` has it at once.
const CRM_FAILURES: usize = 2;

struct Post(Arc<World>);
struct Book(Arc<MemoryStore>);
struct Records(Arc<MemoryStore>);
struct Seeded(AtomicU64);

struct Effects {
    tasks: Tasks<Arc<Bank>, Records>,
    clock: ManualClock,
}

impl World {
    fn ids(&self, endpoint: &str) -> Vec<String> {
        let arrived = self.arrived.lock().expect("whole");
        let here = arrived.iter().filter(|(name, _)| name == endpoint);
        here.map(|(_, id)| id.clone()).collect()
    }
}

impl Courier for Post {
    fn carry<'a>(&'a self, letter: Letter<'a>) -> PortFuture<'a, Reply> {
        let is_crm = format!("{:?}", letter.target).contains("crm");
        let name = if is_crm { "crm" } else { "shop" };
        let before = self.0.ids(name).len();
        let arrived = (name.to_owned(), letter.headers.id);
        self.0.arrived.lock().expect("whole").push(arrived);
        let result = if is_crm && before < CRM_FAILURES {
            Attempted::Failed(DeliveryFailure::Status(500))
        } else {
            Attempted::Delivered
        };
        Box::pin(ready(Reply {
            result,
            retry_after: None,
        }))
    }
}

impl EndpointBook for Book {
    fn health(&self, endpoint: &EndpointName) -> Result<Health, RecordsUnavailable> {
        self.0.endpoint(endpoint).map_err(|_| RecordsUnavailable)
    }

    fn note<'a>(
        &'a self,
        endpoint: &'a EndpointName,
        result: Attempted,
        disable_after: Millis,
        now: Timestamp,
    ) -> PortFuture<'a, ()> {
        Box::pin(async move {
            let change = HealthChange::Attempted {
                result,
                disable_after,
            };
            // A note that is lost is made good by the next.
            let _ = self.0.change_endpoint(endpoint, change, now).await;
        })
    }
}

impl PaymentRecords for Records {
    async fn record(&self, key: &RecordKey) -> Result<Option<EventRecord>, RecordsUnavailable> {
        self.0.record(key).await.map_err(|_| RecordsUnavailable)
    }

    async fn settled_before(
        &self,
        record: &EventRecord,
    ) -> Result<Option<EventRecord>, RecordsUnavailable> {
        let settled = self.0.settled_before(record).await;
        settled.map_err(|_| RecordsUnavailable)
    }
}

impl Luck for Seeded {
    fn next_u64(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

impl TaskRunner for Effects {
    fn accepts(&self, resource: &str) -> bool {
        self.tasks.accepts(resource)
    }

    fn reaches_outside(&self, call: &TaskCall) -> bool {
        self.tasks.reaches_outside(call)
    }

    async fn run(&self, call: TaskCall) -> TaskOutcome {
        self.tasks.run(call, self.clock.now()).await
    }
}

fn notifier(world: &Arc<World>, store: &Arc<MemoryStore>) -> Arc<Notifier> {
    let endpoint = |name: &str| {
        let secret = Secret::new("it", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let url = format!("https://{name}.test/");
        let endpoint = Endpoint {
            target: Target::try_new(&url, Millis::from_secs(1), &[]).expect("a URL"),
            signer: StandardSigner::try_new(vec![secret]).expect("a key"),
            wants: Wants::default(),
        };
        (EndpointName::try_new(name).expect("a name"), endpoint)
    };
    let manner = Manner {
        schedule: Schedule::try_new([0, 5, 5].map(Millis::from_secs).to_vec()).expect("a schedule"),
        disable_after: Millis::from_secs(1_000_000),
        rounds_max: 4,
    };
    Arc::new(Notifier::new(
        ["shop", "crm"].map(endpoint).into(),
        manner,
        Arc::new(Post(Arc::clone(world))),
        Arc::new(Book(Arc::clone(store))),
    ))
}

/// One life: takes the webhook in and goes on until nothing is left to do.
async fn live(world: &Arc<World>, store: &Arc<MemoryStore>) -> Result<(), Unavailable> {
    let text = extended(PAYMENT).expect("the shipped workflow can be extended");
    let workflow = Workflow::parse(&text).expect("a workflow");
    store.keep_definition(workflow.id, text).await?;
    let clock: Arc<dyn Clock> = Arc::new(world.clock.clone());
    let metrics = Arc::new(Metrics::default());
    let pipe = Pipe::new(
        Arc::clone(store),
        (
            Filter::parse(&extended_filter(FILTER)).expect("a filter"),
            workflow.id,
        ),
        Arc::clone(&clock),
        Arc::clone(&metrics),
        16,
    );
    let tasks = Tasks::new(Arc::clone(&world.bank), Records(Arc::clone(store)));
    let effects = Effects {
        tasks: tasks.with_notifier(notifier(world, store)),
        clock: world.clock.clone(),
    };
    let runner = Runner::new(
        (Arc::clone(store), effects),
        Arc::new(Workflows::default()),
        (clock, Arc::new(Seeded(AtomicU64::new(1)))),
        metrics,
        RunnerOptions {
            concurrency: 4,
            task_timeout: Millis::from_secs(60),
            ..RunnerOptions::default()
        },
    );
    // Custody that was not confirmed is sent again; custody that was is a duplicate.
    let kept = store.append_once(webhook("evt_1").custody()).await;
    kept.map_err(|_| Unavailable::Failed)?;
    loop {
        while pipe.pump_once().await? == Pumped::More {}
        if runner.run_due_once().await? > 0 {
            continue;
        }
        match store.next_due()? {
            Some(due) => world.clock.set(due.max(world.clock.now())),
            None => return Ok(()),
        }
    }
}

/// One life on a disk, which a planned fault may end: what is left, the writes that it took, and
/// whether it came to its own end.
fn life(
    world: &Arc<World>,
    disk: MemoryDisk,
    fault: Option<(u64, FaultMoment)>,
) -> (MemoryDisk, u64, bool) {
    let store = Arc::new(MemoryStore::reopen(disk, BOUNDS));
    if let Some((nth, moment)) = fault {
        let error = Unavailable::Failed;
        store.fail_write(nth, WriteFault { moment, error });
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    // Whatever waits for our clock after the disk has failed waits for ever. Nothing else takes
    // time, so the runtime's own clock jumps to the end of its patience then, and that is death.
    let patience = Duration::from_secs(1);
    let lived =
        runtime.block_on(async { tokio::time::timeout(patience, live(world, &store)).await });
    let came_to_its_end = matches!(lived, Ok(Ok(())));
    drop(runtime);
    let writes = store.writes();
    (store.crash(), writes, came_to_its_end)
}

/// The whole story, in which the first life ends as `fault` says: its world, its disk, and the
/// writes of the first life.
fn story(fault: Option<(u64, FaultMoment)>) -> (Arc<World>, MemoryDisk, u64) {
    let settings = SimulatedSettings {
        failures_per_thousand: 0,
        latency: Millis::new(0),
        ..SimulatedSettings::default()
    };
    let world = Arc::new(World {
        clock: ManualClock::at(Timestamp::from_millis(1_000_000)),
        arrived: Mutex::default(),
        bank: Arc::new(SimulatedGateway::new(settings, |_| ready(()))),
    });
    let (mut disk, writes, mut ended) = life(&world, MemoryDisk::default(), fault);
    let mut lives = 1;
    while !ended {
        assert!(lives < LIVES_MAX, "{fault:?}: it never comes to its end");
        // Leases are void after a crash; time has passed all the same.
        world.clock.set(world.clock.now().after(Millis::new(1)));
        (disk, _, ended) = life(&world, disk, None);
        lives += 1;
    }
    (world, disk, writes)
}

/// What is true of every story, and how many letters came more than once.
fn check(world: &World, disk: MemoryDisk, what: &str) -> usize {
    let store = MemoryStore::reopen(disk, BOUNDS);
    let listed = store.list_executions(&ExecutionFilter::default(), None, 10);
    let executions = listed.expect("readable").items;
    assert_eq!(
        executions.len(),
        2,
        "{what}: the payment's and the one that tells"
    );
    for execution in &executions {
        assert_eq!(execution.status, ExecutionStatus::Succeeded, "{what}");
        assert_eq!(execution.record.status(), "completed", "{what}");
    }
    assert_eq!(world.bank.ledger().len(), 1, "{what}: money moves once");
    let mut repeats = 0;
    for (name, needed) in [("shop", 1), ("crm", CRM_FAILURES + 1)] {
        let ids = world.ids(name);
        assert!(
            ids.iter().all(|id| *id == ids[0]),
            "{what}, {name}: {ids:?}"
        );
        // A death costs at most one round again.
        assert!(
            (needed..=needed + 1).contains(&ids.len()),
            "{what}, {name}: {ids:?}"
        );
        repeats += ids.len() - needed;
    }
    repeats
}

#[test]
fn a_death_at_any_write_has_each_endpoint_told_with_one_id_and_at_most_one_repeat() {
    let (world, disk, writes) = story(None);
    assert_eq!(check(&world, disk, "without trouble"), 0);
    assert!(writes >= WRITES_MIN, "only {writes} writes");
    let mut deaths = BTreeMap::new();
    for nth in 1..=writes {
        for moment in [FaultMoment::BeforeEffect, FaultMoment::AfterEffect] {
            let (world, disk, _) = story(Some((nth, moment)));
            let what = format!("write {nth}, {moment:?}");
            *deaths.entry(check(&world, disk, &what)).or_insert(0) += 1;
        }
    }
    // Some deaths repeat a letter, for an answer that was lost is not known; most repeat none.
    let without = deaths.get(&0).copied().unwrap_or(0);
    let with: i32 = deaths.range(1..).map(|(_, count)| count).sum();
    assert!(with > 0, "no death fell between a letter and its note");
    assert!(without > with, "{deaths:?}");
}
