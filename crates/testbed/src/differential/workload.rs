//! Which operation comes next: chance, bent so that executions are moved and things collide.

use std::collections::BTreeSet;

use bytes::Bytes;
use domain::notification::{Attempted, DeliveryFailure, EndpointName, HealthChange};
use domain::settlement::SettlementChange;
use domain::stream::{ChangeKind, Sequence};
use domain::task::RecordChange;
use domain::time::{Millis, Timestamp};
use engine::store::{
    Claimed, Committed, EventFilter, ExecutionFilter, ExecutionStatus, Lease, Progress,
    QuarantineReason, StartExecution,
};
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::operation::{Answer, Operation};
use crate::deliveries::random_webhook;
use crate::store_suite::Ending;

/// Makes operations, and remembers what the stores have answered.
pub(super) struct Workload {
    rng: ChaCha8Rng,
    now: i64,
    /// Due times that were given: no two executions are due at one time, because the ports
    /// do not say which of them would be first.
    due_times: BTreeSet<i64>,
    /// Claims with the generation that their holder knows, some of them outdated.
    claims: Vec<Claimed>,
    definitions: u8,
}

/// Claims that are remembered: enough that some grow old.
const CLAIMS_MAX: usize = 12;

const STATUSES: [ExecutionStatus; 5] = [
    ExecutionStatus::Running,
    ExecutionStatus::Succeeded,
    ExecutionStatus::Failed,
    ExecutionStatus::TimedOut,
    ExecutionStatus::Aborted,
];

impl Workload {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            now: 1_000_000,
            due_times: BTreeSet::new(),
            claims: Vec::new(),
            definitions: 0,
        }
    }

    /// The next operation on stores whose feed and cursor stand so.
    pub(super) fn next(&mut self, head: Sequence, cursor: Sequence) -> Operation {
        // Now and then long enough for every lease to end.
        self.now += match self.rng.random_range(0..20) {
            0 => 1_000,
            _ => self.rng.random_range(0..30),
        };
        let now = Timestamp::from_millis(self.now);
        if self.definitions == 0 {
            return self.keep_definition();
        }
        match self.rng.random_range(0..100) {
            0..25 => Operation::Append(random_webhook(&mut self.rng, now)),
            25..33 => Operation::Quarantine(
                random_webhook(&mut self.rng, now),
                self.pick(&QuarantineReason::ALL),
            ),
            33..36 => Operation::Discharge {
                rank: self.rng.random_range(0..12),
            },
            36..44 => self.start(head, cursor),
            44..46 => self.change_endpoint(now),
            46..58 => Operation::ClaimDue {
                now,
                lease: Millis::new(self.rng.random_range(1..400)),
                limit: self.rng.random_range(0..4),
            },
            58..63 => Operation::ClaimOne {
                sequence: Sequence::new(self.rng.random_range(0..=head.get() + 1)),
                now,
                lease: Millis::new(self.rng.random_range(1..400)),
            },
            63..85 => self.commit(),
            85..88 => self.release(),
            88..90 => self.keep_definition(),
            90..97 => self.look(head),
            _ => Operation::Reopen(self.pick(&[Ending::Clean, Ending::Crash])),
        }
    }

    /// Takes in what both stores have answered.
    pub(super) fn learn(&mut self, operation: &Operation, answer: &Answer) {
        match answer {
            Answer::ClaimedDue(Ok(claimed)) | Answer::ClaimedOne(Ok(claimed)) => {
                self.claims.extend(claimed.iter().cloned());
            }
            Answer::Committed(Ok(Committed::Done)) => {
                // Most holders know that they have moved it. Those who forget become stale.
                if let Operation::Commit(progress) = operation
                    && self.rng.random_ratio(4, 5)
                {
                    let same = |each: &&mut Claimed| each.sequence == progress.sequence;
                    for each in self.claims.iter_mut().filter(same) {
                        each.generation = progress.generation + 1;
                    }
                }
            }
            Answer::Committed(_)
            | Answer::ClaimedDue(Err(_))
            | Answer::ClaimedOne(Err(_))
            | Answer::Appended(_)
            | Answer::Done(_)
            | Answer::Discharged(_)
            | Answer::Definition(_)
            | Answer::Endpoint(_)
            | Answer::Read(_)
            | Answer::Events(_)
            | Answer::Executions(_) => {}
        }
        let forgotten = self.claims.len().saturating_sub(CLAIMS_MAX);
        self.claims.drain(..forgotten);
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of.choose(&mut self.rng).expect("not empty").clone()
    }

    fn keep_definition(&mut self) -> Operation {
        let number = self.rng.random_range(0..=self.definitions.min(2));
        self.definitions = self.definitions.max(number + 1);
        Operation::KeepDefinition([number; 32])
    }

    fn change_endpoint(&mut self, now: Timestamp) -> Operation {
        let name = self.pick(&["shop", "crm"]);
        let result = self.pick(&[
            Attempted::Delivered,
            Attempted::Failed(DeliveryFailure::Timeout),
            Attempted::Failed(DeliveryFailure::Status(500)),
            Attempted::Gone,
        ]);
        let attempted = HealthChange::Attempted {
            result,
            disable_after: Millis::new(1_000),
        };
        let change = self.pick(&[
            attempted,
            attempted,
            HealthChange::Enable,
            HealthChange::Disable,
        ]);
        let name = EndpointName::try_new(name).expect("a name");
        Operation::ChangeEndpoint(name, change, now)
    }

    /// A time not before `wish` at which nothing else is due.
    fn due_time(&mut self, wish: i64) -> Timestamp {
        let mut millis = wish;
        while !self.due_times.insert(millis) {
            millis += 1;
        }
        Timestamp::from_millis(millis)
    }

    /// The next entries of the feed as the pipe would start them, or any, or none.
    fn start(&mut self, head: Sequence, cursor: Sequence) -> Operation {
        let from = match self.rng.random_range(0..4) {
            0 => self.rng.random_range(0..=head.get()),
            _ => cursor.get(),
        };
        let to = head.get().min(from + self.rng.random_range(0..5));
        let mut starts = Vec::new();
        for sequence in from + 1..=to {
            if self.rng.random_ratio(4, 5) {
                starts.push(StartExecution {
                    sequence: Sequence::new(sequence),
                    started_at: self.due_time(self.now),
                });
            }
        }
        Operation::Start {
            starts,
            definition: [self.rng.random_range(0..self.definitions); 32],
            cursor: Sequence::new(to),
        }
    }

    fn commit(&mut self) -> Operation {
        let Some(claimed) = self.claims.choose(&mut self.rng).cloned() else {
            return self.look(Sequence::START);
        };
        let status = match self.rng.random_range(0..2) {
            0 => ExecutionStatus::Running,
            _ => self.pick(&STATUSES),
        };
        let wish = self.now + self.rng.random_range(0..300);
        let is_due = status == ExecutionStatus::Running || self.rng.random_ratio(1, 8);
        let due_at = is_due.then(|| self.due_time(wish));
        let steps = (0..self.rng.random_range(0..3)).map(|number| format!("{number} {}", self.now));
        Operation::Commit(Progress {
            sequence: claimed.sequence,
            generation: claimed.generation,
            status,
            snapshot: Bytes::from(format!("at {}", self.now)),
            steps: steps.map(Bytes::from).collect(),
            changes: (0..self.rng.random_range(0..4))
                .map(|_| self.change(&claimed))
                .collect(),
            due_at,
            lease: self.lease(),
            at: Timestamp::from_millis(self.now),
        })
    }

    fn lease(&mut self) -> Lease {
        match self.rng.random_range(0..2) {
            0 => {
                let until = self.now + self.rng.random_range(0..200);
                Lease::KeepUntil(Timestamp::from_millis(until))
            }
            _ => Lease::Release,
        }
    }

    /// A change of the execution's own record, or of another's.
    fn change(&mut self, claimed: &Claimed) -> RecordChange {
        let about = match self.rng.random_range(0..8) {
            0 => self.pick(&self.claims.clone()),
            _ => claimed.clone(),
        };
        let which = self.pick(&["one", "other"]).to_owned();
        let change = match self.rng.random_range(0..5) {
            0..2 => SettlementChange::Claim { execution: which },
            2..4 => SettlementChange::Fail {
                error: which,
                cause: "chance".to_owned(),
            },
            _ => SettlementChange::Complete {
                transaction_id: which,
                processed_at: Timestamp::from_millis(self.now - 1),
            },
        };
        RecordChange {
            key: about.change.key,
            change,
        }
    }

    fn release(&mut self) -> Operation {
        match self.claims.choose(&mut self.rng) {
            Some(claimed) => Operation::Release(claimed.sequence),
            None => self.look(Sequence::START),
        }
    }

    fn look(&mut self, head: Sequence) -> Operation {
        let any_place = self.rng.random_range(0..=head.get() + 1);
        let before = self.rng.random_bool(0.5).then_some(any_place);
        let limit = self.rng.random_range(1..8);
        match self.rng.random_range(0..3) {
            0 => Operation::ReadAfter {
                after: Sequence::new(any_place),
                limit,
                wanted: self.pick(&[None, Some(ChangeKind::Insert), Some(ChangeKind::Modify)]),
            },
            1 => {
                let filter = self.event_filter();
                Operation::ListEvents(filter, before, limit)
            }
            _ => {
                let status = self.rng.random_bool(0.7).then(|| self.pick(&STATUSES));
                Operation::ListExecutions(
                    ExecutionFilter {
                        status,
                        dead_letters: self.rng.random_bool(0.2),
                    },
                    before,
                    limit,
                )
            }
        }
    }

    fn event_filter(&mut self) -> EventFilter {
        let mut maybe = |of: &[&str]| {
            let word = self.pick(of).to_owned();
            self.rng.random_bool(0.4).then_some(word)
        };
        let times = [1_000, 2_000, i64::MAX].map(Timestamp::from_millis);
        EventFilter {
            payment_id: maybe(&["pay_0", "pay_1", "pay_6", "pay_9"]),
            status: maybe(&["paid", "pending", "processing", "completed", "failed"]),
            source: maybe(&["generic", "second"]),
            error: None,
            amount: None,
            since: self.rng.random_bool(0.2).then(|| self.pick(&times)),
            until: self.rng.random_bool(0.2).then(|| self.pick(&times)),
        }
    }
}
