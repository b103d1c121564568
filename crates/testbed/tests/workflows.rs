//! Workflows through the durable runner: the same history as through the interpreter alone, and
//! nothing lost or doubled when the process is killed during any attempt.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use asl::advance::{Command, Moment, Signal, advance};
use asl::execution::{Execution, Status};
use asl::history::HistoryEvent;
use domain::stream::Sequence;
use domain::task::{TaskCall, TaskFailure, TaskOutcome};
use domain::time::{Millis, Timestamp};
use engine::callback::{self, Letters, TaskAnswer};
use engine::clock::{Luck, ManualClock};
use engine::journal::Step;
use engine::metrics::Metrics;
use engine::operator::NotDone;
use engine::runner::{Runner, RunnerOptions};
use engine::store::memory::{MemoryDisk, MemoryStore};
use engine::store::{
    ChangeFeed as _, EventLog as _, ExecutionDetail, Executions as _, Inspect as _,
    QuarantineBounds, StartExecution,
};
use engine::tasks::TaskRunner;
use engine::workflow::{Course, Workflow, Workflows, from_asl_time};
use serde_json::{Value, json};
use testbed::deliveries::webhook;
use testbed::store_suite::block_on;
use tokio::sync::Notify;

const BOUNDS: QuarantineBounds = QuarantineBounds {
    deliveries_max: 1,
    bytes_max: 1,
};

const BEGINNING: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Answers by the state, the branch and the attempt, and never by when it is asked: a call that is
/// repeated after a crash is answered as before.
fn answer(state: &str, branch: &str, retry_count: u32, input: &Value) -> TaskOutcome {
    let fails = match state {
        "Flaky" => retry_count < 2,
        "Odd" => branch.ends_with("[1]"),
        "Hopeless" => true,
        _ => false,
    };
    if fails {
        return TaskOutcome::Failed(TaskFailure {
            error: "Busy".to_owned(),
            cause: format!("{state} in {branch:?}"),
            retry_after: None,
        });
    }
    TaskOutcome::Succeeded {
        output: json!({"of": state, "in": branch, "given": input}),
        change: None,
    }
}

/// Tasks that answer at once, but for the one during which the process dies.
#[derive(Clone)]
struct Tasks {
    calls: Arc<AtomicUsize>,
    dies_at: Option<usize>,
    died: Arc<Notify>,
}

impl TaskRunner for Tasks {
    fn accepts(&self, _: &str) -> bool {
        true
    }

    fn reaches_outside(&self, _: &TaskCall) -> bool {
        true
    }

    async fn run(&self, call: TaskCall) -> TaskOutcome {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        if self.dies_at == Some(number) {
            self.died.notify_one();
            pending::<()>().await;
        }
        answer(&call.state, &call.branch, call.retry_count, &call.input)
    }
}

/// Luck that nothing here may depend on: every process has another.
struct OtherLuck(Mutex<u64>);

impl Luck for OtherLuck {
    fn next_u64(&self) -> u64 {
        let mut last = self.0.lock().expect("nobody panics in here");
        *last = last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *last
    }
}

/// A disk with one execution of this workflow that has not begun.
fn begun(workflow: &Value) -> MemoryDisk {
    let store = MemoryStore::new(BOUNDS);
    let text = workflow.to_string();
    let id = Workflow::parse(&text).expect("a workflow").id;
    block_on(async {
        let custody = webhook("evt_1").custody();
        store.append_once(custody).await.expect("kept");
        store.keep_definition(id, text).await.expect("kept");
        let start = StartExecution {
            sequence: Sequence::new(1),
            started_at: BEGINNING,
        };
        let cursor = store.feed_head().expect("a feed");
        let started = store.start_all(vec![start], id, cursor);
        started.await.expect("started");
    });
    store.crash()
}

fn detail(store: &MemoryStore) -> ExecutionDetail {
    let found = store.execution(Sequence::new(1)).expect("a store");
    found.expect("the execution")
}

/// One process from its start until the execution has ended or the process is killed.
fn live(disk: MemoryDisk, clock: &ManualClock, dies_at: Option<usize>) -> (MemoryDisk, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let store = Arc::new(MemoryStore::reopen(disk, BOUNDS));
    let tasks = Tasks {
        calls: Arc::default(),
        dies_at,
        died: Arc::default(),
    };
    let options = RunnerOptions {
        concurrency: 4,
        task_timeout: Millis::from_secs(60),
        ..RunnerOptions::default()
    };
    let luck = OtherLuck(Mutex::new(dies_at.map_or(0, |number| number as u64 + 1)));
    let runner = Runner::new(
        (Arc::clone(&store), tasks.clone()),
        Arc::new(Workflows::default()),
        (Arc::new(clock.clone()), Arc::new(luck)),
        Arc::new(Metrics::default()),
        options,
    );
    runtime.block_on(async {
        while let Some(due) = store.next_due().expect("a store") {
            let now = engine::clock::Clock::now(clock);
            clock.set(now.max(due));
            tokio::select! {
                biased;
                () = tasks.died.notified() => return,
                driven = runner.run_due_once() => drop(driven.expect("a store")),
            }
        }
    });
    // Whatever was under way is gone with the runtime.
    drop(runtime);
    (store.crash(), tasks.calls.load(Ordering::SeqCst))
}

/// Status and history, as `GetExecutionHistory` shows it, but for the times.
fn shown(execution: &Execution, history: &[HistoryEvent], input: &Value) -> (Status, Vec<Value>) {
    let events = history.iter().map(|event| {
        let mut event = event.to_json(input);
        event.as_object_mut().expect("an event").remove("timestamp");
        event
    });
    (execution.status(), events.collect())
}

/// How many attempts of the next process are begun before the first of them ends.
fn begun_at_once(disk: MemoryDisk, clock: &ManualClock) -> usize {
    let (_, calls) = live(disk, clock, Some(0));
    calls
}

fn told(disk: MemoryDisk) -> (Status, Vec<Value>, ExecutionDetail) {
    let store = MemoryStore::reopen(disk, BOUNDS);
    let detail = detail(&store);
    let course = course(&store, &detail);
    let steps = detail.steps.iter().map(|step| Step::decode(&step.text));
    let steps: Vec<Step> = steps.collect::<Result<_, _>>().expect("steps");
    let (execution, history) = course.history(&steps).expect("a history");
    let (status, events) = shown(&execution, &history, &course.input);
    (status, events, detail)
}

fn course(store: &MemoryStore, detail: &ExecutionDetail) -> Course {
    let id = &detail.summary.definition;
    let definition = Workflows::default().find(id, store).expect("a workflow");
    Course::new(definition, detail.change.clone(), BEGINNING)
}

/// The interpreter alone, with the same answers.
fn interpreted(disk: MemoryDisk) -> (Status, Vec<Value>) {
    let store = MemoryStore::reopen(disk, BOUNDS);
    let course = course(&store, &detail(&store));
    let mut now = BEGINNING;
    let mut execution = Execution::new();
    let mut history = Vec::new();
    let mut commands: VecDeque<Command> = VecDeque::new();
    let mut signal = Signal::Start;
    for seed in 7.. {
        let moment = Moment {
            now: engine::workflow::to_asl_time(now),
            seed,
        };
        let transition = advance(course.run(), &execution, signal, &moment).expect("it fits");
        execution = transition.execution;
        history.extend(transition.history);
        commands.extend(transition.commands);
        commands.retain(|command| execution.is_outstanding(command.task()));
        signal = if let Some(command) = commands.pop_front() {
            let Command::RunTask {
                task,
                state,
                input,
                attempt,
                branch,
                ..
            } = command;
            match answer(&state, &branch, attempt - 1, input.resolve(&course.input)) {
                TaskOutcome::Succeeded { output, .. } => Signal::TaskSucceeded { task, output },
                TaskOutcome::Failed(failure) => Signal::TaskFailed {
                    task,
                    error: Some(failure.error),
                    cause: Some(failure.cause),
                    retry_after: None,
                },
            }
        } else if let Some(due) = execution.wake_at() {
            now = now.max(from_asl_time(due));
            Signal::Tick
        } else {
            break;
        };
    }
    shown(&execution, &history, &course.input)
}

fn task() -> Value {
    json!({"Type": "Task", "Resource": "payhook:test", "End": true,
        "Retry": [{"ErrorEquals": ["Busy"], "MaxAttempts": 2}]})
}

fn branch(name: &str) -> Value {
    json!({"StartAt": name, "States": {name: task()}})
}

fn scenarios() -> Vec<(&'static str, Value)> {
    let items = json!({"Type": "Pass", "Result": ["a", "a", "b", "c"], "Next": "Each"});
    let map = |more: Value| {
        let mut map = json!({"Type": "Map", "ItemProcessor": branch("Odd"), "End": true});
        let more = more.as_object().expect("fields").clone();
        map.as_object_mut().expect("a state").extend(more);
        json!({"StartAt": "Items", "States": {"Items": items, "Each": map}})
    };
    let wait = json!({"StartAt": "Pause", "States": {
        "Pause": {"Type": "Wait", "Seconds": 30, "Next": "After"}, "After": task()}});
    let nested = json!({"StartAt": "In", "States": {"In": {"Type": "Map",
        "ItemProcessor": branch("Flaky"), "MaxConcurrency": 2, "End": true}}});
    vec![
        (
            "side by side",
            json!({"StartAt": "Fan", "States": {"Fan": {"Type": "Parallel", "Branches": [
                branch("One"), branch("Flaky"), wait], "End": true}}}),
        ),
        (
            "nested",
            json!({"StartAt": "Items", "States": {
                "Items": {"Type": "Pass", "Result": [[1, 2, 3], [], [4]], "Next": "Out"},
                "Out": {"Type": "Map", "ItemProcessor": nested, "End": true}}}),
        ),
        ("one fails", map(json!({}))),
        ("one may fail", map(json!({"ToleratedFailureCount": 1}))),
        (
            "retried as a whole",
            map(json!({"MaxConcurrency": 1,
                "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}]})),
        ),
        (
            "caught",
            json!({"StartAt": "Fan", "States": {
                "Fan": {"Type": "Parallel", "Branches": [branch("Slow"), branch("Hopeless")],
                    "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "Then"}], "End": true},
                "Then": {"Type": "Task", "Resource": "payhook:test", "End": true}}}),
        ),
    ]
}

#[test]
fn the_durable_runner_tells_the_interpreters_history() {
    for (name, workflow) in scenarios() {
        let disk = begun(&workflow);
        let expected = interpreted(disk.clone());
        let (disk, _) = live(disk, &ManualClock::at(BEGINNING), None);
        let (status, events, _) = told(disk);
        assert_eq!((status, events), expected, "{name}");
    }
}

#[test]
fn a_process_that_dies_during_any_attempt_changes_nothing() {
    let mut deaths = 0;
    for (name, workflow) in scenarios() {
        let disk = begun(&workflow);
        let (unharmed, calls) = live(disk.clone(), &ManualClock::at(BEGINNING), None);
        let (status, events, _) = told(unharmed);
        assert!(calls > 0, "{name}");
        for number in 0..calls {
            let clock = ManualClock::at(BEGINNING);
            let (died, _) = live(disk.clone(), &clock, Some(number));
            let (ended, _) = live(died, &clock, None);
            let (status_after, events_after, _) = told(ended);
            assert_eq!(
                (status_after, outline(&events_after)),
                (status, outline(&events)),
                "{name}, dead at {number}"
            );
            deaths += 1;
        }
    }
    assert!(deaths > 20, "{deaths} deaths prove little");
}

/// Time goes on while nobody lives: what a timer begins then is done beside what was being done.
#[test]
fn a_timer_that_is_overdue_after_a_death_does_not_keep_what_was_being_done_waiting() {
    let (_, workflow) = scenarios().swap_remove(0);
    let clock = ManualClock::at(BEGINNING);
    let (died, _) = live(begun(&workflow), &clock, Some(0));
    assert_eq!(begun_at_once(died.clone(), &clock), 1, "One");
    clock.set(BEGINNING.after(Millis::from_secs(31)));
    assert_eq!(begun_at_once(died, &clock), 3, "and Flaky again, and After");
}

/// Tasks that take a while, and look whether anybody else could move their execution meanwhile.
struct SlowTasks {
    clock: ManualClock,
    store: Arc<MemoryStore>,
    claimable: Arc<AtomicUsize>,
}

impl TaskRunner for SlowTasks {
    fn accepts(&self, _: &str) -> bool {
        true
    }

    fn reaches_outside(&self, _: &TaskCall) -> bool {
        true
    }

    async fn run(&self, call: TaskCall) -> TaskOutcome {
        let later = engine::clock::Clock::now(&self.clock).after(Millis::from_secs(50));
        self.clock.set(later);
        let lease = Millis::from_secs(1);
        let claimed = self.store.claim_one(Sequence::new(1), later, lease);
        if claimed.expect("a store").is_some() {
            self.claimable.fetch_add(1, Ordering::SeqCst);
        }
        answer("", &call.branch, 0, &call.input)
    }
}

#[test]
fn nobody_else_moves_an_execution_however_long_its_attempts_take_together() {
    let map =
        json!({"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": branch("One"), "End": true});
    let items = json!({"Type": "Pass", "Result": [1, 2, 3, 4], "Next": "Each"});
    let workflow = json!({"StartAt": "Items", "States": {"Items": items, "Each": map}});
    let clock = ManualClock::at(BEGINNING);
    let store = Arc::new(MemoryStore::reopen(begun(&workflow), BOUNDS));
    let claimable = Arc::new(AtomicUsize::new(0));
    let tasks = SlowTasks {
        clock: clock.clone(),
        store: Arc::clone(&store),
        claimable: Arc::clone(&claimable),
    };
    let runner = Runner::new(
        (Arc::clone(&store), tasks),
        Arc::new(Workflows::default()),
        (Arc::new(clock), Arc::new(OtherLuck(Mutex::new(1)))),
        Arc::new(Metrics::default()),
        RunnerOptions {
            concurrency: 1,
            task_timeout: Millis::from_secs(60),
            ..RunnerOptions::default()
        },
    );
    let claimed = block_on(runner.run_due_once());
    assert_eq!(claimed, Ok(1));
    assert_eq!(claimable.load(Ordering::SeqCst), 0);
    let status = detail(&store).summary.status;
    assert_eq!(status, engine::store::ExecutionStatus::Succeeded);
}

/// Somebody who is asked and answers later. An answer that comes while the execution is driven comes
/// from within one of its attempts.
#[derive(Clone)]
struct Approvers {
    tokens: Arc<Mutex<Vec<String>>>,
    store: Arc<MemoryStore>,
    workflows: Arc<Workflows>,
    letters: Letters,
    clock: ManualClock,
}

impl Approvers {
    fn token(&self) -> String {
        let tokens = self.tokens.lock().expect("nobody panics in here");
        tokens.last().expect("somebody was asked").clone()
    }

    async fn answer(&self, token: &str, answer: TaskAnswer) -> Result<(), NotDone> {
        let luck = OtherLuck(Mutex::new(3));
        let place = (&*self.store, &*self.workflows);
        callback::answer(token, answer, place, &self.letters, (&self.clock, &luck)).await
    }
}

impl TaskRunner for Approvers {
    fn accepts(&self, _: &str) -> bool {
        true
    }

    fn reaches_outside(&self, _: &TaskCall) -> bool {
        true
    }

    async fn run(&self, call: TaskCall) -> TaskOutcome {
        if let Some(token) = call.input["Payload"]["token"].as_str() {
            let mut tokens = self.tokens.lock().expect("nobody panics in here");
            tokens.push(token.to_owned());
        }
        if call.state == "Meanwhile" {
            // Whoever was asked first is heard while this is under way.
            let output = json!("meanwhile");
            let token = self.token();
            let answered = self.answer(&token, TaskAnswer::Succeeded { output });
            assert_eq!(answered.await, Ok(()));
        }
        answer("", "", 0, &json!(call.state))
    }
}

fn asks(next: &Value) -> Value {
    let mut state = json!({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Parameters": {"FunctionName": "ask", "Payload": {"token.$": "$$.Task.Token"}},
        "HeartbeatSeconds": 60, "TimeoutSeconds": 3600});
    let more = next.as_object().expect("fields").clone();
    state.as_object_mut().expect("a state").extend(more);
    state
}

type Approval = (Approvers, Arc<Runner<MemoryStore, Approvers>>);

fn approval(disk: MemoryDisk, clock: &ManualClock) -> Approval {
    let approvers = Approvers {
        tokens: Arc::default(),
        store: Arc::new(MemoryStore::reopen(disk, BOUNDS)),
        workflows: Arc::default(),
        letters: Letters::default(),
        clock: clock.clone(),
    };
    let runner = Runner::new(
        (Arc::clone(&approvers.store), approvers.clone()),
        Arc::clone(&approvers.workflows),
        (Arc::new(clock.clone()), Arc::new(OtherLuck(Mutex::new(1)))),
        Arc::new(Metrics::default()),
        RunnerOptions {
            concurrency: 4,
            task_timeout: Millis::from_secs(60),
            letters: approvers.letters.clone(),
            ..RunnerOptions::default()
        },
    );
    (approvers, runner)
}

#[test]
fn a_token_ends_its_task_once_and_across_a_death() {
    let then = json!({"Type": "Task", "Resource": "payhook:test", "End": true});
    let workflow = json!({"StartAt": "Ask", "States": {
        "Ask": asks(&json!({"Next": "Then"})), "Then": then}});
    let clock = ManualClock::at(BEGINNING);
    let (approvers, runner) = approval(begun(&workflow), &clock);
    assert_eq!(block_on(runner.run_due_once()), Ok(1));
    let token = approvers.token();
    let store = &approvers.store;
    // It waits, held by nobody, for its heartbeat's end and not for a second call.
    let due = BEGINNING.after(Millis::from_secs(60));
    assert_eq!(store.next_due(), Ok(Some(due)));
    clock.set(BEGINNING.after(Millis::from_secs(50)));
    assert_eq!(
        block_on(approvers.answer(&token, TaskAnswer::Heartbeat)),
        Ok(())
    );
    let due = BEGINNING.after(Millis::from_secs(110));
    assert_eq!(store.next_due(), Ok(Some(due)));

    let (approvers, runner) = approval(store.crash(), &clock);
    assert_eq!(
        block_on(runner.run_due_once()),
        Ok(0),
        "nobody is asked again"
    );
    for forged in ["1-x", "", &token[..token.len() - 1]] {
        let answered = block_on(approvers.answer(forged, TaskAnswer::Heartbeat));
        assert!(
            matches!(answered, Err(NotDone::NotNow(_) | NotDone::NotFound)),
            "{forged}"
        );
    }
    let yes = || TaskAnswer::Succeeded {
        output: json!("yes"),
    };
    assert_eq!(block_on(approvers.answer(&token, yes())), Ok(()));
    let again = block_on(approvers.answer(&token, yes()));
    assert!(matches!(again, Err(NotDone::NotNow(_))), "{again:?}");
    assert_eq!(block_on(runner.run_due_once()), Ok(1));
    let (status, events, _) = told(approvers.store.crash());
    assert_eq!(status, Status::Succeeded);
    let kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    assert_eq!(
        kinds[2..6],
        [
            "TaskScheduled",
            "TaskStarted",
            "TaskSubmitted",
            "TaskSucceeded"
        ]
    );
}

#[test]
fn a_token_is_heard_while_its_execution_is_driven() {
    let machine = |name: &str, state: Value| json!({"StartAt": name, "States": {name: state}});
    let busy = json!({"StartAt": "Before", "States": {
        "Before": {"Type": "Task", "Resource": "payhook:test", "Next": "Meanwhile"},
        "Meanwhile": {"Type": "Task", "Resource": "payhook:test", "End": true}}});
    let workflow = json!({"StartAt": "Fan", "States": {"Fan": {"Type": "Parallel", "End": true,
        "Branches": [machine("Ask", asks(&json!({"End": true}))), busy]}}});
    let clock = ManualClock::at(BEGINNING);
    let (approvers, runner) = approval(begun(&workflow), &clock);
    assert_eq!(block_on(runner.run_due_once()), Ok(1));
    let (status, events, _) = told(approvers.store.crash());
    assert_eq!(status, Status::Succeeded, "{events:?}");
    let output = events
        .last()
        .and_then(|event| event["executionSucceededEventDetails"]["output"].as_str());
    assert!(
        output.expect("an output").starts_with("[\"meanwhile\","),
        "{output:?}"
    );
}

#[test]
fn a_token_that_nobody_sends_back_times_out() {
    let workflow = json!({"StartAt": "Ask", "States": {"Ask": asks(&json!({"End": true}))}});
    let clock = ManualClock::at(BEGINNING);
    let (approvers, runner) = approval(begun(&workflow), &clock);
    assert_eq!(block_on(runner.run_due_once()), Ok(1));
    clock.set(BEGINNING.after(Millis::from_secs(61)));
    let token = approvers.token();
    assert_eq!(block_on(runner.run_due_once()), Ok(1));
    let late = block_on(approvers.answer(&token, TaskAnswer::Heartbeat));
    assert!(matches!(late, Err(NotDone::NotNow(_))), "{late:?}");
    let (status, events, _) = told(approvers.store.crash());
    assert_eq!(status, Status::Failed);
    assert_eq!(events[5]["type"], "TaskTimedOut");
}

/// What may not depend on how long each attempt took: everything that happened, in any order, where
/// nothing was stopped half-way, and the end in any case.
fn outline(events: &[Value]) -> Vec<String> {
    let is_stopped = |event: &Value| {
        event["type"]
            .as_str()
            .is_some_and(|kind| kind.ends_with("Aborted"))
    };
    let last = events.len().saturating_sub(1);
    let from = if events.iter().any(is_stopped) {
        last
    } else {
        0
    };
    let mut outline: Vec<String> = events[from..].iter().map(without_ids).collect();
    outline.sort();
    outline
}

fn without_ids(event: &Value) -> String {
    let mut event = event.clone();
    let fields = event.as_object_mut().expect("an event");
    fields.remove("id");
    fields.remove("previousEventId");
    event.to_string()
}
