//! The oracle can fail: every bug that is put into the world on purpose is found, and by the
//! promise that it breaks.

use testbed::simulation::faults::Mutant;
use testbed::simulation::{Plan, run};

/// Seeds that are tried until one shows the bug.
const SEEDS: u64 = 30;

/// Finds the bug, and says by which rule of the oracle.
fn caught_by(mutant: Mutant) -> &'static str {
    let failures = (0..SEEDS).filter_map(|seed| run(&Plan::of(seed).with(mutant)).err());
    let first = failures.into_iter().next();
    first
        .unwrap_or_else(|| panic!("{mutant:?} goes unseen in {SEEDS} seeds"))
        .violation
        .rule
}

#[test]
fn every_mutant_is_caught_by_the_promise_that_it_breaks() {
    for (mutant, rules) in [
        (Mutant::AckWithoutStoring, &["custody"][..]),
        // Whichever is seen first: the webhook is gone, or is new a second time.
        (
            Mutant::DiskForgets,
            &["custody", "stored once", "first answer"],
        ),
        (Mutant::FeedLosesEntry, &["feed"]),
        (Mutant::StartIsLost, &["one execution"]),
        (Mutant::StepIsLost, &["history"]),
        (Mutant::SettlementIsLost, &["rest"]),
        (Mutant::ConflictIsDropped, &["custody"]),
        (Mutant::RepeatIsToldOtherwise, &["first answer"]),
        (Mutant::ForgerIsBelieved, &["answer"]),
        (Mutant::GatewayChargesTwice, &["one effect"]),
        (Mutant::KeyOfTheAttempt, &["same key"]),
        (Mutant::WakeupIsLost, &["rest"]),
        (Mutant::CountsDrift, &["counts"]),
    ] {
        let rule = caught_by(mutant);
        assert!(
            rules.contains(&rule),
            "{mutant:?} is caught by [{rule}], not {rules:?}"
        );
    }
}
