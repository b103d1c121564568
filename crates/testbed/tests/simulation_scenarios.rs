//! Worlds with one kind of misfortune each, and much of it, so that a failure names its cause.

use engine::store::ExecutionStatus;
use testbed::simulation::{Dangers, Plan, Report, Which, run};

/// A world in which nothing goes wrong but what is said.
fn plan(seed: u64, dangers: Dangers) -> Plan {
    Plan {
        dangers,
        steps: 150,
        workflow: Which::Shipped,
        ..Plan::of(seed)
    }
}

/// Runs six worlds and says how often something happened in them.
fn check(plan: impl Fn(u64) -> Plan, happened: &str) {
    let times = |report: Report| report.tally.get(happened).copied().unwrap_or(0);
    let runs = (0..6).map(|seed| run(&plan(seed)).unwrap_or_else(|failure| panic!("{failure}")));
    let total: u64 = runs.map(times).sum();
    assert!(total > 0, "{happened}: never, so this proves nothing");
}

#[test]
fn in_a_world_without_misfortune_every_payment_is_settled() {
    for seed in 0..4 {
        let mut plan = plan(seed, Dangers::default());
        plan.gateway.scripts.clear();
        plan.gateway.failures_per_thousand = 0;
        plan.gateway.latency = domain::time::Millis::new(100);
        plan.is_brisk = true;
        let report = run(&plan).unwrap_or_else(|failure| panic!("{failure}"));
        let executions = report.observed.executions;
        assert!(
            executions.len() as u64 >= plan.events,
            "an event is missing"
        );
        for execution in executions {
            assert_eq!(execution.summary.status, ExecutionStatus::Succeeded);
        }
    }
}

#[test]
fn a_disk_that_stays_broken_is_not_asked_without_a_pause() {
    let write = Dangers {
        write: 20,
        ..Dangers::default()
    };
    check(
        |seed| Plan {
            is_brisk: true,
            ..plan(seed, write)
        },
        "a write failed",
    );
}

#[test]
fn a_process_that_dies_in_its_writes_loses_nothing() {
    let death = Dangers {
        death: 30,
        ..Dangers::default()
    };
    check(|seed| plan(seed, death), "a process died");
}

#[test]
fn a_process_that_dies_at_any_await_loses_nothing() {
    let crash = Dangers {
        crash: 30,
        ..Dangers::default()
    };
    check(|seed| plan(seed, crash), "a process died");
}

#[test]
fn a_clock_that_jumps_moves_no_money_twice() {
    let jump = Dangers {
        jump: 30,
        ..Dangers::default()
    };
    check(|seed| plan(seed, jump), "a commit was stale");
}

#[test]
fn operators_stop_and_redrive_at_the_worst_moments() {
    let dangers = Dangers {
        operator: 40,
        crash: 5,
        ..Dangers::default()
    };
    check(|seed| plan(seed, dangers), "an execution was stopped");
    check(|seed| plan(seed, dangers), "an execution was redriven");
}

#[test]
fn a_process_that_is_asked_to_stop_finishes_what_it_began() {
    let stop = Dangers {
        stop: 20,
        ..Dangers::default()
    };
    check(|seed| plan(seed, stop), "a process was asked to stop");
}

#[test]
fn the_workflow_payhook_grew_from_survives_all_of_it() {
    let all = Dangers {
        crash: 4,
        write: 4,
        death: 4,
        jump: 4,
        operator: 4,
        hang_up: 4,
        stop: 1,
    };
    let seeds = |seed| Plan {
        workflow: Which::Seeds,
        ..plan(seed, all)
    };
    check(seeds, "the gateway settled");
}
