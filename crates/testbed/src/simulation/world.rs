//! One world: senders, a process that dies and begins again, a gateway and a clock; and the
//! luck that decides what happens next.

use std::sync::Arc;

use domain::settlement::Settlement;
use domain::stream::Sequence;
use domain::time::{Millis, Timestamp};
use engine::clock::Clock as _;
use engine::operator::Wish;
use engine::store::memory::{FaultMoment, MemoryDisk, WriteFault};
use engine::store::{EventLog as _, ExecutionFilter, ExecutionStatus, Inspect as _, Unavailable};

use super::bank::Bank;
use super::clock::{BEGINNING, WorldClock};
use super::faults::{Death, Hazards, Mutant};
use super::luck::SeededLuck;
use super::oracle::{self, Evidence, Judged, Promises, Violation, violation};
use super::process::{Process, Surroundings};
use super::workload::{Sender, senders};
use super::{Plan, Report, Which};
use crate::observed::Observed;

/// A world in motion.
#[derive(Debug)]
pub struct World<'a> {
    plan: &'a Plan,
    luck: SeededLuck,
    around: Surroundings,
    /// Absent only while one process ends and the next begins.
    process: Option<Process>,
    senders: Vec<Sender>,
    promises: Promises,
    /// What was committed when the world last looked; what a lying disk goes back to.
    older_disk: MemoryDisk,
    /// Everything that the luck decided, for whoever has to understand a failure.
    pub schedule: Vec<String>,
}

/// Most rounds to the end once nothing goes wrong any more.
const CALM_ROUNDS_MAX: u32 = 2_000;

/// Longest that a sender waits for an answer.
const SENDERS_PATIENCE: Millis = Millis::from_secs(15);

impl<'a> World<'a> {
    /// A world in which nothing has happened.
    pub fn new(plan: &'a Plan) -> Self {
        let clock = WorldClock::new();
        let hazards = Arc::new(Hazards::new(plan, clock.clone()));
        let bank = Bank::new(plan.gateway.clone(), clock.clone(), Arc::clone(&hazards));
        let around = Surroundings {
            clock,
            luck: Arc::new(SeededLuck::new(plan.seed, 3)),
            hazards,
            bank: Arc::new(bank),
        };
        let luck = SeededLuck::new(plan.seed, 1);
        Self {
            senders: senders(plan.events, &luck, BEGINNING),
            process: Some(Process::start(MemoryDisk::default(), plan, &around)),
            plan,
            luck,
            around,
            promises: Promises::default(),
            older_disk: MemoryDisk::default(),
            schedule: Vec::new(),
        }
    }

    /// Lets everything go wrong for a while, then nothing, and judges what is left.
    ///
    /// # Errors
    /// The first promise that was broken.
    pub fn run(&mut self) -> Result<Report, Violation> {
        for _ in 0..self.plan.steps {
            self.step()?;
        }
        self.come_to_rest()?;
        let observed = {
            let process = self.process();
            process.block_on(Observed::of(&*process.store))
        };
        oracle::judge(&Evidence {
            workflow: self.plan.workflow,
            observed: &observed,
            ledger: self.around.bank.ledger(),
            calls: self.around.bank.calls(),
            promises: &self.promises,
            quarantined: self.around.hazards.quarantined(),
        })?;
        Ok(Report {
            tally: self.around.hazards.tally(),
            schedule: std::mem::take(&mut self.schedule),
            observed,
        })
    }

    fn step(&mut self) -> Judged {
        let dangers = &self.plan.dangers;
        let weights = [
            40,
            30,
            dangers.crash,
            dangers.write,
            dangers.death,
            dangers.jump,
            dangers.operator,
            dangers.hang_up,
            dangers.stop,
        ];
        let mut drawn = self.luck.below(weights.iter().sum());
        let mut chosen = 0;
        while drawn >= weights[chosen] {
            drawn -= weights[chosen];
            chosen += 1;
        }
        match chosen {
            0 => {
                let turns = self.luck.between(1, 60);
                self.say(format_args!("{turns} turns"));
                self.process().turn(turns);
            }
            1 => {
                self.settle()?;
                self.pass_time();
            }
            2 => self.crash("crash"),
            3 => self.plan_fault(),
            4 => self.plan_death(),
            5 => self.jump(),
            6 => self.operate(),
            7 => self.hang_up(),
            _ => self.stop_and_start()?,
        }
        self.follow()
    }

    /// What follows from anything: deaths that were planned, answers that came, sends that are
    /// due, and the promises that can be checked at once.
    fn follow(&mut self) -> Judged {
        if self.around.hazards.is_dying() {
            self.crash("died in a write");
        }
        for (sender, answer) in self.process_mut().take_answers() {
            let now = self.around.clock.now();
            let sender = &mut self.senders[sender];
            let is_done = self.promises.told(&sender.delivery, &answer)?;
            match answer.outcome.as_deref() {
                Some("stored") => self.around.hazards.note("a delivery was stored"),
                Some("duplicate") => self.around.hazards.note("a delivery was a duplicate"),
                Some("conflict") => self.around.hazards.note("a delivery was a conflict"),
                _ if answer.status == 503 => self.around.hazards.note("a sender was put off"),
                _ => self.around.hazards.note("a delivery was refused"),
            }
            if !is_done {
                sender.try_again(now);
            } else if sender.repeats > 0 {
                sender.repeats -= 1;
                sender.try_again(now);
            }
        }
        self.send_due();
        if let Some(name) = self.process().dead_loop() {
            return Err(violation(
                "alive",
                format!("the {name} has ended by itself"),
            ));
        }
        self.promises_still_hold()
    }

    fn send_due(&mut self) {
        let now = self.around.clock.now();
        for index in 0..self.senders.len() {
            let sender = &mut self.senders[index];
            if sender.next_at.is_some_and(|when| when <= now) {
                sender.next_at = None;
                sender.attempts += 1;
                let request = sender.delivery.request();
                self.promises.sending(&sender.delivery);
                self.say(format_args!("sender {index} sends"));
                self.process_mut().send(index, request);
            }
        }
    }

    fn promises_still_hold(&self) -> Judged {
        let store = &self.process().store.inner;
        self.process().block_on(async {
            for event in self.promises.events() {
                if store.find_event(event).await.ok().flatten().is_none() {
                    let what = format!("{event} got a 200 and is gone");
                    return Err(violation("custody", what));
                }
            }
            Ok(())
        })
    }

    fn settle(&mut self) -> Judged {
        if self.process().settle() {
            return Err(violation(
                "spin",
                "a loop goes round without a pause".to_owned(),
            ));
        }
        Ok(())
    }

    /// Moves the clock to the next time that anybody waits for.
    fn pass_time(&mut self) {
        let now = self.around.clock.now();
        let sends = self.senders.iter().filter_map(|sender| sender.next_at);
        let wakes = sends.chain(self.around.clock.next_wake());
        let next = wakes.filter(|when| *when > now).min();
        let next = next.unwrap_or(now).max(now.after(Millis::new(1)));
        let span = next.since(now);
        self.say(format_args!("{} ms pass", span.get()));
        self.around.clock.set(next);
        self.process().pass_time(span);
    }

    fn crash(&mut self, why: &str) {
        self.say(why);
        self.around.hazards.note("a process died");
        let Some(process) = self.process.take() else {
            return;
        };
        let (mut disk, unanswered) = process.crash();
        if self.around.hazards.has(Mutant::DiskForgets) {
            std::mem::swap(&mut disk, &mut self.older_disk);
        } else {
            self.older_disk = disk.clone();
        }
        let now = self.around.clock.now();
        for sender in unanswered {
            self.senders[sender].try_again(now);
        }
        self.process = Some(Process::start(disk, self.plan, &self.around));
    }

    fn stop_and_start(&mut self) -> Judged {
        self.say("is asked to stop");
        self.around.hazards.note("a process was asked to stop");
        self.process().ask_to_stop();
        for _ in 0..CALM_ROUNDS_MAX {
            self.settle()?;
            if self.process().has_stopped() || self.around.hazards.is_dying() {
                self.crash("stops");
                return Ok(());
            }
            self.pass_time();
        }
        Err(violation("rest", "a process does not stop".to_owned()))
    }

    fn plan_fault(&mut self) {
        let nth = self.luck.between(1, 8);
        let moment = self
            .luck
            .pick(&[FaultMoment::BeforeEffect, FaultMoment::AfterEffect]);
        // A disk that has failed stays so until somebody begins anew.
        let error = self.luck.pick(&[
            Unavailable::Overloaded,
            Unavailable::Overloaded,
            Unavailable::Failed,
        ]);
        self.say(format_args!("write {nth} will fail: {moment:?} {error:?}"));
        self.process().fail_write(nth, WriteFault { moment, error });
    }

    fn plan_death(&mut self) {
        let nth = self.luck.between(1, 10);
        let death = self.luck.pick(&[Death::BeforeWrite, Death::AfterWrite]);
        self.say(format_args!("write {nth} will be the last: {death:?}"));
        self.around.hazards.plan_death(nth, death);
    }

    fn jump(&mut self) {
        let now = self.around.clock.now();
        let span = self.luck.pick(&[700, 45_000, 100_000, 7_200_000]);
        let span = self.luck.between(1, span);
        let then = if self.luck.chance(1, 2) {
            self.around.hazards.note("the clock was set forward");
            now.after(Millis::new(span))
        } else {
            self.around.hazards.note("the clock was set back");
            Timestamp::from_millis(now.as_millis().saturating_sub_unsigned(span))
        };
        self.say(format_args!("the clock jumps from {now} to {then}"));
        self.around.clock.set(then);
    }

    fn operate(&mut self) {
        let executions = self.executions(None);
        if executions.is_empty() {
            return;
        }
        let (sequence, status) = executions[self.luck.index(executions.len())];
        let wish = if status == ExecutionStatus::Running && self.luck.chance(4, 5) {
            Wish::Stop { reason: None }
        } else {
            Wish::Redrive
        };
        self.say(format_args!("{wish:?} of {}", sequence.get()));
        self.process().wish(wish, sequence);
    }

    /// A connection breaks, and those that have waited too long give up.
    fn hang_up(&mut self) {
        let now = self.around.clock.now();
        let unlucky = self.luck.index(self.senders.len());
        let impatient = |since: Timestamp| now.since(since) >= SENDERS_PATIENCE;
        let lost = self
            .process_mut()
            .hang_up(|sender, since| sender == unlucky || impatient(since));
        for sender in lost {
            self.say(format_args!("sender {sender} hangs up"));
            self.around.hazards.note("a sender hung up");
            self.senders[sender].try_again(now);
        }
    }

    /// Nothing goes wrong any more: everything must come to an end by itself, except what a
    /// person has stopped, which a person must let go on.
    fn come_to_rest(&mut self) -> Judged {
        self.around.hazards.calm_down();
        self.crash("the last time");
        for _ in 0..CALM_ROUNDS_MAX {
            self.settle()?;
            self.follow()?;
            self.settle()?;
            self.follow()?;
            let counts = self
                .process()
                .store
                .inner
                .counts()
                .expect("counts are readable");
            let sent = self.senders.iter().all(|sender| sender.next_at.is_none());
            if sent && self.process().is_idle() && counts.running == 0 && counts.feed_lag == 0 {
                let stuck = self.stuck();
                if stuck.is_empty() {
                    return Ok(());
                }
                for sequence in stuck {
                    self.say(format_args!("at last, redrive {}", sequence.get()));
                    self.process().wish(Wish::Redrive, sequence);
                }
            } else {
                self.pass_time();
            }
        }
        let counts = self.process().store.inner.counts();
        Err(violation(
            "rest",
            format!("it never comes to rest: {counts:?}"),
        ))
    }

    /// What only a person can move.
    fn stuck(&self) -> Vec<Sequence> {
        let ends = |settlement: &Settlement| match settlement {
            Settlement::Completed { .. } | Settlement::Failed { .. } => true,
            Settlement::Received => self.plan.workflow == Which::Seeds,
            Settlement::Processing { .. } => false,
        };
        let store = &self.process().store.inner;
        let all = store.list_executions(&ExecutionFilter::default(), None, usize::MAX);
        all.expect("executions are readable")
            .items
            .into_iter()
            .filter(|execution| match execution.status {
                ExecutionStatus::Succeeded | ExecutionStatus::Running => false,
                ExecutionStatus::Aborted | ExecutionStatus::TimedOut => true,
                ExecutionStatus::Failed => !ends(&execution.record.settlement),
            })
            .map(|execution| execution.sequence)
            .collect()
    }

    fn executions(&self, status: Option<ExecutionStatus>) -> Vec<(Sequence, ExecutionStatus)> {
        let store = &self.process().store.inner;
        let page = store.list_executions(
            &ExecutionFilter {
                status,
                dead_letters: false,
            },
            None,
            usize::MAX,
        );
        let items = page.map(|page| page.items).unwrap_or_default();
        items
            .iter()
            .map(|each| (each.sequence, each.status))
            .collect()
    }

    fn say(&mut self, what: impl std::fmt::Display) {
        self.schedule
            .push(format!("{} {what}", self.around.clock.now()));
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("there is always a process")
    }

    fn process_mut(&mut self) -> &mut Process {
        self.process.as_mut().expect("there is always a process")
    }
}
