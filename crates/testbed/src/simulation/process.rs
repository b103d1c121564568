//! One life of the product: its front door, its pipe and its runner, on one thread, from the
//! opening of the store to its end. All of it is the code that is shipped, but for the store,
//! the clock and the other side.

use std::collections::HashSet;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use domain::record::{EventRecord, RecordKey};
use domain::secret::Secret;
use domain::stream::Sequence;
use domain::task::{TaskCall, TaskOutcome};
use domain::time::{Millis, Timestamp};
use engine::clock::{Clock as _, Luck};
use engine::ingress::{self, FixedSources, Ingress, IngressOptions, OUTCOME_HEADER};
use engine::metrics::Metrics;
use engine::operator::{self, NotDone, Wish};
use engine::pipe::{Filter, Pipe};
use engine::runner::{Runner, RunnerOptions};
use engine::store::memory::{MemoryDisk, MemoryStore, WriteFault};
use engine::store::{EventLog as _, Executions as _, QuarantineBounds};
use engine::tasks::TaskRunner;
use engine::upstream::NoUpstream;
use engine::workflow::{Workflow, Workflows};
use http_body_util::BodyExt as _;
use processor::records::{PaymentRecords, RecordsUnavailable};
use processor::tasks::Tasks;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::Plan;
use super::bank::Bank;
use super::clock::WorldClock;
use super::faults::{Hazards, Mutant};
use super::luck::SeededLuck;
use super::store::SimulatedStore;
use super::workload::{BODY_BYTES_MAX, FORGERS_SECRET};
use crate::deliveries::source;

/// What outlives every process.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// What time it is.
    pub clock: WorldClock,
    /// Ids and jitter.
    pub luck: Arc<SeededLuck>,
    /// What goes wrong.
    pub hazards: Arc<Hazards>,
    /// Where money moves.
    pub bank: Arc<Bank>,
}

/// What a sender was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The outcome header of a 200.
    pub outcome: Option<String>,
    /// The body.
    pub body: String,
}

/// A life.
#[derive(Debug)]
pub struct Process {
    runtime: Runtime,
    /// The store.
    pub store: Arc<SimulatedStore>,
    router: Router,
    workflows: Arc<Workflows>,
    surroundings: Surroundings,
    stop: CancellationToken,
    loops: Vec<(&'static str, JoinHandle<()>)>,
    requests: Vec<(usize, Timestamp, JoinHandle<()>)>,
    answers: Arc<Mutex<Vec<(usize, Answer)>>>,
}

struct Effects {
    tasks: Tasks<Arc<Bank>, Records>,
    clock: WorldClock,
}

struct Records(Arc<SimulatedStore>);

/// The quarantine of every world; large enough that nothing is pushed out of it.
const BOUNDS: QuarantineBounds = QuarantineBounds {
    deliveries_max: 1_000,
    bytes_max: 10_000_000,
};

impl Process {
    /// Opens the store on `disk` and starts everything.
    ///
    /// # Panics
    /// When the runtime cannot be built or the workflow is none.
    pub fn start(disk: MemoryDisk, plan: &Plan, around: &Surroundings) -> Self {
        around.hazards.reborn();
        // One task is polled for each turn that the world takes, so the world can stop anywhere.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .event_interval(1)
            .build()
            .expect("a runtime");
        let inner = MemoryStore::reopen(disk, BOUNDS);
        let store = Arc::new(SimulatedStore::new(inner, Arc::clone(&around.hazards)));
        let workflows = Arc::new(Workflows::default());
        let stop = CancellationToken::new();
        let loops = {
            let _entered = runtime.enter();
            start_loops(plan, around, &store, &workflows, &stop)
        };
        Self {
            router: ingress::router(front_door(around, &store)),
            runtime,
            store,
            workflows,
            surroundings: around.clone(),
            stop,
            loops,
            requests: Vec::new(),
            answers: Arc::default(),
        }
    }

    /// Lets `turns` tasks be polled, fewer if the process is about to die.
    pub fn turn(&self, turns: u64) {
        self.runtime.block_on(async {
            for _ in 0..turns {
                if self.surroundings.hazards.is_dying() {
                    return;
                }
                tokio::task::yield_now().await;
            }
        });
    }

    /// Lets everybody go on until all wait. Says whether somebody was spinning instead.
    pub fn settle(&self) -> bool {
        // The runtime's own time is paused and goes on when there is nothing else to do.
        self.runtime.block_on(async {
            tokio::time::timeout(Duration::from_millis(1), pending::<()>())
                .await
                .unwrap_or_default();
        });
        self.surroundings.hazards.rest()
    }

    /// Time has passed for the runtime's own timers too.
    pub fn pass_time(&self, span: Millis) {
        let advance = async { tokio::time::advance(span.to_duration()).await };
        self.runtime.block_on(advance);
    }

    /// Sends a request. Its answer comes with [`Self::take_answers`], or never.
    pub fn send(&mut self, sender: usize, request: Request<axum::body::Body>) {
        let router = self.router.clone();
        let answers = Arc::clone(&self.answers);
        let handle = self.runtime.spawn(async move {
            let answer = ask(router, request).await;
            answers
                .lock()
                .expect("nobody panics in here")
                .push((sender, answer));
        });
        let now = self.surroundings.clock.now();
        self.requests.push((sender, now, handle));
    }

    /// The answers that came since the last call, by sender.
    pub fn take_answers(&mut self) -> Vec<(usize, Answer)> {
        self.requests.retain(|(_, _, handle)| !handle.is_finished());
        std::mem::take(&mut *self.answers.lock().expect("nobody panics in here"))
    }

    /// Gives up the requests for which `lost` holds, and says whose they were.
    pub fn hang_up(&mut self, lost: impl Fn(usize, Timestamp) -> bool) -> Vec<usize> {
        let mut given_up = Vec::new();
        self.requests.retain(|(sender, since, handle)| {
            // An answer that is here already is an answer.
            let loses = !handle.is_finished() && lost(*sender, *since);
            if loses {
                handle.abort();
                given_up.push(*sender);
            }
            !loses
        });
        given_up
    }

    /// Whether no request is being answered.
    pub fn is_idle(&self) -> bool {
        self.requests.is_empty()
    }

    /// Lets the next write but `nth` fail.
    pub fn fail_write(&self, nth: u64, fault: WriteFault) {
        self.store.inner.fail_write(nth, fault);
    }

    /// An operator's wish, granted while everything else goes on.
    pub fn wish(&self, wish: Wish, sequence: Sequence) {
        let store = Arc::clone(&self.store);
        let workflows = Arc::clone(&self.workflows);
        let around = self.surroundings.clone();
        self.runtime.spawn(async move {
            let words = match wish {
                Wish::Stop { .. } => "an execution was stopped",
                Wish::Redrive => "an execution was redriven",
            };
            let clock_and_luck = (&around.clock as _, &*around.luck as _);
            match operator::fulfil(wish, sequence, &*store, &workflows, clock_and_luck).await {
                Ok(()) => around.hazards.note(words),
                Err(NotDone::Busy) => around.hazards.note("an operator had to wait"),
                Err(_) => {}
            }
        });
    }

    /// The name of a loop that has ended although nobody asked it to.
    pub fn dead_loop(&self) -> Option<&'static str> {
        let mut ended = self.loops.iter().filter(|(_, handle)| handle.is_finished());
        ended.next().map(|(name, _)| *name)
    }

    /// Asks the loops to end.
    pub fn ask_to_stop(&self) {
        self.stop.cancel();
    }

    /// Whether every loop has ended.
    pub fn has_stopped(&self) -> bool {
        self.loops.iter().all(|(_, handle)| handle.is_finished())
    }

    /// Ends it where it stands; what was committed is left.
    pub fn crash(self) -> (MemoryDisk, Vec<usize>) {
        let disk = self.store.inner.crash();
        let unanswered = self.requests.iter().map(|(sender, _, _)| *sender).collect();
        (disk, unanswered)
    }

    /// Runs `future` to its end.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }
}

fn front_door(around: &Surroundings, store: &Arc<SimulatedStore>) -> Arc<Ingress<SimulatedStore>> {
    let mut sources = vec![source("generic"), source("second")];
    if around.hazards.has(Mutant::ForgerIsBelieved) {
        for source in &mut sources {
            source.secrets.push(Secret::new("leaked", FORGERS_SECRET));
        }
    }
    Ingress::new(
        (Arc::new(FixedSources::from(sources)), Arc::new(NoUpstream)),
        Arc::clone(store),
        (
            Arc::new(around.clock.clone()),
            Arc::clone(&around.luck) as _,
        ),
        Arc::new(Metrics::default()),
        IngressOptions {
            base_path: String::new(),
            body_bytes_max: BODY_BYTES_MAX,
            body_timeout: Duration::from_secs(10),
            custody_timeout: Duration::from_secs(5),
            requests_max: 12,
            explainer: None,
            doorman: Arc::default(),
        },
    )
}

fn start_loops(
    plan: &Plan,
    around: &Surroundings,
    store: &Arc<SimulatedStore>,
    workflows: &Arc<Workflows>,
    stop: &CancellationToken,
) -> Vec<(&'static str, JoinHandle<()>)> {
    let text = plan.workflow.text();
    let workflow = Workflow::parse(text).expect("a workflow");
    let keep = store.inner.keep_definition(workflow.id, text.to_owned());
    let runtime = tokio::runtime::Handle::current();
    runtime
        .block_on(keep)
        .expect("a new store takes a definition");
    let clock = Arc::new(around.clock.clone());
    let metrics = Arc::new(Metrics::default());
    let filter = Filter::parse(include_str!("../../../../workflows/filter.json"));
    let pipe = Pipe::new(
        Arc::clone(store),
        (filter.expect("a filter"), workflow.id),
        Arc::clone(&clock) as _,
        Arc::clone(&metrics),
        plan.batch_max,
    );
    let effects = Effects {
        tasks: Tasks::new(Arc::clone(&around.bank), Records(Arc::clone(store))),
        clock: around.clock.clone(),
    };
    let options = RunnerOptions {
        concurrency: plan.concurrency,
        one_at_a_time: HashSet::from([source("second").name]),
        task_timeout: Millis::from_secs(60),
        ..RunnerOptions::default()
    };
    let runner = Runner::new(
        (Arc::clone(store), effects),
        Arc::clone(workflows),
        (clock, Arc::clone(&around.luck) as Arc<dyn Luck>),
        metrics,
        options,
    );
    let (pipe_stop, runner_stop) = (stop.clone(), stop.clone());
    vec![
        (
            "pipe",
            runtime.spawn(async move { pipe.run(pipe_stop).await }),
        ),
        (
            "runner",
            runtime.spawn(async move { runner.run(runner_stop).await }),
        ),
    ]
}

async fn ask(router: Router, request: Request<axum::body::Body>) -> Answer {
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let outcome = response.headers().get(OUTCOME_HEADER);
    let outcome = outcome.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let status = response.status().as_u16();
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a whole answer");
    Answer {
        status,
        outcome,
        body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
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
