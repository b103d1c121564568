//! The whole pipeline in a world of its own making, where time, luck and every misfortune follow
//! from one seed: the code that is shipped, on one thread, between senders that repeat
//! themselves, forgers, a disk that fails, a process that dies anywhere, a gateway that may or
//! may not have acted, a clock that jumps, and operators.
//!
//! In reading order: a [`Plan`] is what a seed means; [`world`] lets it happen; [`process`] is
//! one life of the product in it; [`workload`] is who sends what; [`faults`] what goes wrong,
//! [`store`] and [`bank`] where; [`clock`] and [`luck`] outlive it all; [`oracle`] judges.
//!
//! The same seed and the same code always give the same run, so nothing in here may ask the
//! machine for the time, for luck, or for a second thread.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use domain::time::Millis;
use processor::gateway::simulated::{Act, Script, SimulatedSettings};

use crate::observed::Observed;

pub mod bank;
pub mod clock;
pub mod faults;
pub mod luck;
pub mod oracle;
pub mod process;
pub mod store;
pub mod workload;
pub mod world;

use faults::Mutant;
use luck::SeededLuck;
use oracle::{Violation, violation};
use world::World;

/// What a seed means.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What all luck follows from.
    pub seed: u64,
    /// Which workflow runs.
    pub workflow: Which,
    /// How many events there are to be sent, repeats and forgeries not counted.
    pub events: u64,
    /// For how many steps things go wrong.
    pub steps: u32,
    /// Most feed entries that the pipe reads at once.
    pub batch_max: usize,
    /// Most tasks at once.
    pub concurrency: usize,
    /// How the gateway behaves.
    pub gateway: SimulatedSettings,
    /// Whether writes and answers take turns of the scheduler only and no time by the clock, and
    /// reads do not fail. Both would be a pause to a loop that has none of its own.
    pub is_brisk: bool,
    /// What goes wrong, and how often.
    pub dangers: Dangers,
    /// The world's bug, if it is to have one.
    pub mutant: Option<Mutant>,
}

/// A workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The one that payhook ships.
    Shipped,
    /// The one that payhook grew from, as it stood.
    Seeds,
}

/// How often each misfortune comes, against 40 for a few turns of the scheduler and 30 for
/// time that passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dangers {
    /// The process dies between two turns.
    pub crash: u64,
    /// A write fails before or after its effect.
    pub write: u64,
    /// The process dies in a write, before or after its effect.
    pub death: u64,
    /// The clock is set.
    pub jump: u64,
    /// An operator stops or redrives something.
    pub operator: u64,
    /// A sender gives up waiting.
    pub hang_up: u64,
    /// The process is asked to stop, and started anew.
    pub stop: u64,
}

/// What came of a run without a violation.
#[derive(Debug)]
pub struct Report {
    /// How often each notable thing happened.
    pub tally: BTreeMap<&'static str, u64>,
    /// Everything that the luck decided.
    pub schedule: Vec<String>,
    /// What the store shows at the end.
    pub observed: Observed,
}

/// What came of a run with one.
#[derive(Debug)]
pub struct Failure {
    /// The plan's seed.
    pub seed: u64,
    /// The promise that was broken.
    pub violation: Violation,
    /// Everything that the luck decided until then.
    pub schedule: Vec<String>,
}

/// The workflow that payhook grew from.
const SEEDS_WORKFLOW: &str = r#"{
  "Comment": "Payment processing workflow with exponential backoff retry logic",
  "StartAt": "ProcessPayment",
  "States": {
    "ProcessPayment": {
      "Type": "Task",
      "Resource": "arn:aws:lambda:us-east-1:000000000000:function:payment-processor-dev",
      "Retry": [
        {
          "ErrorEquals": ["States.TaskFailed", "Lambda.ServiceException", "Lambda.TooManyRequestsException"],
          "IntervalSeconds": 2,
          "MaxAttempts": 3,
          "BackoffRate": 2.0
        }
      ],
      "Catch": [
        {
          "ErrorEquals": ["States.ALL"],
          "ResultPath": "$.error",
          "Next": "PaymentFailed"
        }
      ],
      "Next": "PaymentSucceeded"
    },
    "PaymentSucceeded": {"Type": "Succeed"},
    "PaymentFailed": {
      "Type": "Fail",
      "Error": "PaymentProcessingFailed",
      "Cause": "Payment processing failed after retries"
    }
  }
}"#;

impl Which {
    /// Its text.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Shipped => include_str!("../../../workflows/payment.asl.json"),
            Self::Seeds => SEEDS_WORKFLOW,
        }
    }
}

impl Plan {
    /// The plan of this seed: a small world or a larger one, in which some things go wrong
    /// often, some seldom, and some never.
    pub fn of(seed: u64) -> Self {
        let luck = SeededLuck::new(seed, 0);
        let events = luck.between(1, 14);
        let danger = |most: u64| luck.pick(&[0, 1, most]);
        let dangers = Dangers {
            crash: danger(6),
            write: danger(8),
            death: danger(8),
            jump: danger(6),
            operator: danger(10),
            hang_up: danger(6),
            stop: danger(2),
        };
        Self {
            seed,
            workflow: luck.pick(&[Which::Shipped, Which::Shipped, Which::Seeds]),
            events,
            steps: u32::try_from(luck.between(60, 260)).expect("a small number"),
            batch_max: luck.pick(&[1, 2, 3, 64]),
            concurrency: luck.pick(&[1, 2, 4, 10]),
            gateway: gateway(&luck, events),
            is_brisk: luck.chance(1, 4),
            dangers,
            mutant: None,
        }
    }

    /// The same with this bug.
    #[must_use]
    pub fn with(mut self, mutant: Mutant) -> Self {
        self.mutant = Some(mutant);
        self
    }
}

fn gateway(luck: &SeededLuck, events: u64) -> SimulatedSettings {
    let act = || {
        let retry_after = luck.pick(&[None, Some(Millis::new(500)), Some(Millis::from_secs(40))]);
        luck.pick(&[
            Act::Settle,
            Act::LoseAnswer,
            Act::TimeOut,
            Act::Fail,
            Act::RateLimit { retry_after },
            Act::Decline,
        ])
    };
    let script = || Script {
        first: (0..luck.below(6)).map(|_| act()).collect(),
        then: if luck.chance(2, 3) {
            Act::Settle
        } else {
            act()
        },
    };
    let scripts = (0..events).filter(|_| luck.chance(1, 2));
    SimulatedSettings {
        latency: Millis::new(luck.pick(&[0, 20, 100, 5_000, 59_900])),
        failures_per_thousand: luck.pick(&[0, 100, 400]),
        seed: luck.below(u64::MAX),
        keys_kept_max: usize::MAX,
        scripts: scripts
            .map(|number| (format!("pay_{number}"), script()))
            .collect(),
    }
}

/// Runs a plan.
///
/// # Errors
/// The first promise that was broken, with everything that led to it.
pub fn run(plan: &Plan) -> Result<Report, Box<Failure>> {
    let mut world = World::new(plan);
    let ran = catch_unwind(AssertUnwindSafe(|| world.run()));
    let violation = match ran {
        Ok(Ok(report)) => return Ok(report),
        Ok(Err(violation)) => violation,
        Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
            violation("panic", words.unwrap_or("no words").to_owned())
        }
    };
    Err(Box::new(Failure {
        seed: plan.seed,
        violation,
        schedule: std::mem::take(&mut world.schedule),
    }))
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            seed,
            violation,
            schedule,
        } = self;
        let skipped = schedule.len().saturating_sub(SCHEDULE_LINES_SHOWN);
        writeln!(
            formatter,
            "seed {seed}: {violation}\nthe schedule, without its first {skipped}:"
        )?;
        for line in &schedule[skipped..] {
            writeln!(formatter, "  {line}")?;
        }
        write!(
            formatter,
            "again: PAYHOOK_SIM_SEED={seed} cargo test -p payhook-testbed --test simulation one_seed"
        )
    }
}

/// Lines of a schedule that a failure prints: the end of it, where the trouble is.
const SCHEDULE_LINES_SHOWN: usize = 150;
