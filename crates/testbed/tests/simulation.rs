//! Hundreds of small worlds, each from its seed.
//!
//! `PAYHOOK_SIM_SEEDS` says how many, `PAYHOOK_SIM_FIRST` from which seed on, and
//! `PAYHOOK_SIM_SEED` which one `one_seed` runs.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use testbed::simulation::{Failure, Plan, run};

/// Seeds in which everything notable can be asked to have happened.
const SEEDS_THAT_SEE_ALL: u64 = 200;

/// What the worlds must come upon, or they prove less than they say.
const EVERYTHING: &[&str] = &[
    "a commit was stale",
    "a delivery was a conflict",
    "a delivery was a duplicate",
    "a delivery was refused",
    "a delivery was stored",
    "a process died",
    "a process was asked to stop",
    "a read failed",
    "a sender hung up",
    "a sender was put off",
    "a write failed",
    "an execution was redriven",
    "an execution was stopped",
    "an operator had to wait",
    "the clock was set back",
    "the clock was set forward",
    "the gateway asked for patience",
    "the gateway declined",
    "the gateway failed",
    "the gateway settled",
    "the gateway timed out",
];

/// A number from the environment.
fn setting(name: &str) -> Option<u64> {
    let value = std::env::var_os(name)?;
    let number = value.to_str().and_then(|text| text.parse().ok());
    Some(number.unwrap_or_else(|| panic!("{name} is no number: {}", value.display())))
}

#[test]
fn hundreds_of_seeds() {
    let first = setting("PAYHOOK_SIM_FIRST").unwrap_or(0);
    let count = setting("PAYHOOK_SIM_SEEDS").unwrap_or(300);
    let next = AtomicU64::new(first);
    let tally = Mutex::new(BTreeMap::<&str, u64>::new());
    let failures = Mutex::new(Vec::<Box<Failure>>::new());
    // Every world has one thread to itself; several worlds can go on at once.
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= first + count {
                        return;
                    }
                    match run(&Plan::of(seed)) {
                        Ok(report) => {
                            let mut tally = tally.lock().unwrap();
                            for (what, times) in report.tally {
                                *tally.entry(what).or_default() += times;
                            }
                        }
                        Err(failure) => failures.lock().unwrap().push(failure),
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort_by_key(|failure| failure.schedule.len());
    if let Some(shortest) = failures.first() {
        let all: Vec<_> = failures
            .iter()
            .map(|failure| format!("{} [{}]", failure.seed, failure.violation.rule))
            .collect();
        panic!(
            "{shortest}\n{} of {count} seeds fail: {}",
            all.len(),
            all.join(", ")
        );
    }
    let tally = tally.into_inner().unwrap();
    println!("{count} seeds from {first}: {tally:#?}");
    if count >= SEEDS_THAT_SEE_ALL {
        let missed = |what: &&&str| !tally.contains_key(**what);
        let never: Vec<_> = EVERYTHING.iter().filter(missed).collect();
        assert!(
            never.is_empty(),
            "never happened, so nothing is proved of it: {never:?}"
        );
    }
}

#[test]
fn one_seed() {
    let plan = Plan::of(setting("PAYHOOK_SIM_SEED").unwrap_or(1));
    match run(&plan) {
        Ok(report) => println!("{plan:#?}\n{}", report.schedule.join("\n")),
        Err(failure) => panic!("{plan:#?}\n{failure}"),
    }
}

#[test]
fn a_seed_decides_everything() {
    for seed in 1..8 {
        let (one, other) = (run(&Plan::of(seed)).unwrap(), run(&Plan::of(seed)).unwrap());
        assert_eq!(one.schedule, other.schedule, "seed {seed}");
        assert_eq!(one.observed, other.observed, "seed {seed}");
        assert_eq!(one.tally, other.tally, "seed {seed}");
    }
}
