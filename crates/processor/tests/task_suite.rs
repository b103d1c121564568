//! Every task of the list, run twice and killed once at each outbound call.
//!
//! A new task is covered by standing in the list. But for how many effects each has, the suite
//! knows no task: it starts from every state that a record can be in, and asks that however an attempt dies, the record comes to
//! the same end, the gateway has acted as often and the endpoints were told the same as in a run
//! without trouble.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/world.rs"]
mod world;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::settlement::{Applied, Settlement};
use domain::task::{RecordChange, TaskOutcome};
use domain::time::Timestamp;
use processor::tasks::Task;
use serde_json::{Value, json};
use world::{EXECUTION, World};

/// The end that one undisturbed run comes to.
#[derive(Debug, PartialEq)]
struct End {
    output: Value,
    settlement: Settlement,
    effects: usize,
    /// Which letters arrived, however often: a repeat has the id and the words of the first.
    told: BTreeSet<(String, String, String)>,
}

fn input(task: Task) -> Value {
    json!({
        "task": task.name(),
        "redriveCount": 1,
        "failedAtRedrive": 0,
        "execution": EXECUTION,
        "records": [{"dynamodb": {"Keys": world::record(Settlement::Received).key.attributes()}}],
        "error": {"Error": "GatewayTimeout", "Cause": "no answer"},
        "progress": {
            "next": "undelivered", "waitSeconds": 0, "redriveCount": 0,
            "endpoints": {
                "shop": {"state": "spent", "attempts": 3},
                "crm": {"state": "pending", "attempts": 1, "dueAt": 0},
            },
        },
    })
}

fn for_every_task_and_start(check: impl Fn(Task, Settlement)) {
    for task in Task::ALL {
        for start in [
            Settlement::Received,
            world::processing(EXECUTION),
            world::processing("another"),
            world::completed(),
            world::failed(),
        ] {
            check(*task, start);
        }
    }
}

fn attempt(world: &Arc<World>, task: Task, now: i64) -> TaskOutcome {
    world.attempt(input(task), now).expect("nothing kills it")
}

/// Writes what a task wants recorded, as whoever runs tasks does.
fn write(world: &World, outcome: &TaskOutcome, now: i64) {
    let TaskOutcome::Succeeded { change, .. } = outcome else {
        panic!("{outcome:?}");
    };
    let Some(RecordChange { key, change }) = change else {
        return;
    };
    let mut record = world.record.lock().unwrap();
    assert_eq!(*key, record.key);
    match record.settlement.apply(change, Timestamp::from_millis(now)) {
        Applied::Changed(settlement) => record.settlement = settlement,
        Applied::AlreadySo => {}
        Applied::Refused => panic!("refused: {change:?}"),
    }
}

/// What it all came to. Times depend on when an attempt died, so they are left out, after the
/// one that matters is checked: what is recorded is what the gateway's ledger says.
fn end(world: &World, outcome: TaskOutcome) -> End {
    let TaskOutcome::Succeeded { output, .. } = outcome else {
        panic!("{outcome:?}");
    };
    let never = Timestamp::from_millis(0);
    let mut settlement = world.record.lock().unwrap().settlement.clone();
    match &mut settlement {
        Settlement::Received => {}
        Settlement::Processing { updated_at, .. } | Settlement::Failed { updated_at, .. } => {
            *updated_at = never;
        }
        Settlement::Completed {
            transaction_id,
            processed_at,
            updated_at,
        } => {
            for entry in world.gateway.ledger() {
                assert_eq!(*transaction_id, entry.receipt.transaction_id);
                assert_eq!(*processed_at, entry.receipt.processed_at);
            }
            (*processed_at, *updated_at) = (never, never);
        }
    }
    End {
        output,
        settlement,
        effects: world.effects(),
        told: world.letters.lock().unwrap().iter().cloned().collect(),
    }
}

fn undisturbed(task: Task, start: &Settlement) -> (End, usize) {
    let world = World::with_steady_gateway(start.clone());
    let outcome = attempt(&world, task, 10);
    write(&world, &outcome, 10);
    (end(&world, outcome), world.calls())
}

#[test]
fn an_undisturbed_run_has_each_effect_once_and_says_whether_it_may() {
    for_every_task_and_start(|task, start| {
        let (end, calls) = undisturbed(task, &start);
        let is_completed = matches!(start, Settlement::Completed { .. });
        let is_at_its_end = is_completed || matches!(start, Settlement::Failed { .. });
        let (effects, told) = match task {
            Task::ProcessPayment => (usize::from(!is_completed), 0),
            // Both endpoints, once each, of what has come to an end.
            Task::SendNotifications => (0, if is_at_its_end { 2 } else { 0 }),
            Task::ClaimPayment
            | Task::RecordFailure
            | Task::AwaitRedrive
            | Task::ReportUndelivered => (0, 0),
        };
        assert_eq!(end.effects, effects, "{task:?} from {start:?}");
        assert_eq!(end.told.len(), told, "{task:?} from {start:?}");
        assert!(
            task.reaches_outside() || (effects, told) == (0, 0),
            "{task:?} does not say that it reaches outside"
        );
        assert!(
            calls > 0,
            "{task:?} asks nobody: the kills below kill nothing"
        );
    });
}

#[test]
fn a_second_run_changes_nothing() {
    for_every_task_and_start(|task, start| {
        let (expected, _) = undisturbed(task, &start);
        let world = World::with_steady_gateway(start.clone());
        write(&world, &attempt(&world, task, 10), 10);
        let again = attempt(&world, task, 2_000);
        write(&world, &again, 2_000);
        let again = end(&world, again);
        assert_eq!(again.settlement, expected.settlement, "{task:?} {start:?}");
        assert_eq!(again.effects, expected.effects, "{task:?} {start:?}");
    });
}

#[test]
fn two_runs_at_once_come_to_the_same_end() {
    for_every_task_and_start(|task, start| {
        let (expected, _) = undisturbed(task, &start);
        let world = World::with_steady_gateway(start.clone());
        let (one, other) = (attempt(&world, task, 10), attempt(&world, task, 11));
        write(&world, &one, 12);
        write(&world, &other, 13);
        assert_eq!(end(&world, other), expected, "{task:?} from {start:?}");
    });
}

#[test]
fn a_run_that_dies_before_it_is_recorded_is_made_good_by_the_next() {
    for_every_task_and_start(|task, start| {
        let (expected, _) = undisturbed(task, &start);
        let world = World::with_steady_gateway(start.clone());
        drop(attempt(&world, task, 10));
        let outcome = attempt(&world, task, 2_000);
        write(&world, &outcome, 2_000);
        assert_eq!(end(&world, outcome), expected, "{task:?} from {start:?}");
    });
}

#[test]
fn a_run_that_dies_at_any_outbound_call_is_made_good_by_the_next() {
    for_every_task_and_start(|task, start| {
        let (expected, calls) = undisturbed(task, &start);
        for fatal_call in 0..calls {
            let world = World::with_steady_gateway(start.clone());
            world.fatal_call.store(fatal_call, Ordering::Relaxed);
            assert_eq!(world.attempt(input(task), 10), None, "call {fatal_call}");
            let outcome = attempt(&world, task, 2_000);
            write(&world, &outcome, 2_000);
            let end = end(&world, outcome);
            assert_eq!(end, expected, "{task:?} from {start:?}, call {fatal_call}");
        }
    });
}
