//! Where a source wants it, the executions of one payment run one at a time, in order of arrival:
//! seen from outside, in worlds where many run at once.

use std::collections::BTreeMap;

use domain::time::{Millis, Timestamp};
use testbed::simulation::{Dangers, Plan, Which, run};

/// The source that takes turns in every simulated world.
const TAKES_TURNS: &str = "second";

/// An execution: its sequence, and when its first and last steps were.
type Life = (u64, Timestamp, Timestamp);

#[test]
fn no_execution_begins_before_the_earlier_ones_of_its_payment_have_ended() {
    let mut followed = 0;
    let mut others_overlap = false;
    for seed in 0..12 {
        let mut plan = Plan {
            dangers: Dangers::default(),
            workflow: Which::Shipped,
            ..Plan::of(seed)
        };
        plan.events = 60;
        plan.concurrency = 16;
        plan.gateway.latency = Millis::new(2_000);
        let report = run(&plan).unwrap_or_else(|failure| panic!("{failure}"));
        let mut lives: BTreeMap<(String, String), Vec<Life>> = BTreeMap::new();
        for execution in &report.observed.executions {
            let record = &execution.summary.record;
            let source = record.event_key.source.to_string();
            let steps = &execution.steps;
            let (Some(first), Some(last)) = (steps.first(), steps.last()) else {
                continue;
            };
            lives
                .entry((source, record.key.payment_id.clone()))
                .or_default()
                .push((execution.summary.sequence.get(), first.at, last.at));
        }
        for ((source, payment), mut lives) in lives {
            lives.sort_unstable();
            for pair in lives.windows(2) {
                let ((_, _, ended), (sequence, began, _)) = (pair[0], pair[1]);
                if source == TAKES_TURNS {
                    followed += 1;
                    assert!(
                        began >= ended,
                        "seed {seed}, payment {payment}, execution {sequence}"
                    );
                } else {
                    others_overlap |= began < ended;
                }
            }
        }
    }
    assert!(
        followed > 0,
        "no two executions of one payment: this proves nothing"
    );
    assert!(others_overlap, "nobody runs at once: this proves nothing");
}
