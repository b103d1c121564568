//! A run moved by hand: signals in, and what to look at after each.

use asl::advance::{AdvanceError, Command, Moment, Run, Signal, Transition, advance, start};
use asl::context::{Context, MachineType};
use asl::definition::Definition;
use asl::execution::{Execution, TaskId};
use asl::history::HistoryEvent;
use asl::time::Millis;
use serde_json::Value;

use super::drive::context;

pub(crate) struct Play {
    pub(crate) definition: Definition,
    pub(crate) context: Context,
    pub(crate) input: Value,
    pub(crate) execution: Execution,
    pub(crate) commands: Vec<Command>,
    pub(crate) history: Vec<HistoryEvent>,
    /// Milliseconds since the start.
    pub(crate) clock: u64,
    seed: u64,
}

impl Play {
    pub(crate) fn start(definition: &Value, input: Value) -> Self {
        let mut play = Self {
            definition: Definition::parse(&definition.to_string()).expect("a valid definition"),
            context: context(MachineType::Standard),
            input,
            execution: Execution::new(),
            commands: Vec::new(),
            history: Vec::new(),
            clock: 0,
            seed: 7,
        };
        let transition = start(play.run(), &play.moment()).expect("a fresh execution starts");
        play.take(transition);
        play
    }

    pub(crate) fn run(&self) -> Run<'_> {
        Run {
            definition: &self.definition,
            context: &self.context,
            input: &self.input,
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            now: Millis(self.context.start_time.0 + self.clock),
            seed: self.seed,
        }
    }

    pub(crate) fn try_send(&mut self, signal: Signal) -> Result<(), AdvanceError> {
        self.seed += 1;
        let transition = advance(self.run(), &self.execution, signal, &self.moment())?;
        self.take(transition);
        Ok(())
    }

    pub(crate) fn send(&mut self, signal: Signal) {
        self.try_send(signal).expect("the signal fits");
    }

    fn take(&mut self, transition: Transition) {
        self.execution = transition.execution;
        self.commands = transition.commands;
        self.history.extend(transition.history);
    }

    pub(crate) fn task(&self) -> TaskId {
        self.execution.outstanding_tasks(&self.definition)[0].task()
    }

    pub(crate) fn succeed(&mut self, output: Value) {
        let task = self.task();
        self.send(Signal::TaskSucceeded { task, output });
    }

    pub(crate) fn fail(&mut self, error: &str) {
        let task = self.task();
        let (error, cause) = (Some(error.to_owned()), Some("why".to_owned()));
        self.send(Signal::TaskFailed { task, error, cause });
    }

    /// Moves the clock to the next timer and lets it fire; says when that was.
    pub(crate) fn wake(&mut self) -> u64 {
        let due = self.execution.wake_at().expect("a timer is set");
        self.clock = self.clock.max(due.0 - self.context.start_time.0);
        self.send(Signal::Tick);
        self.clock
    }

    /// The next timer, in milliseconds since the start.
    pub(crate) fn due(&self) -> Option<u64> {
        self.execution
            .wake_at()
            .map(|due| due.0 - self.context.start_time.0)
    }

    pub(crate) fn types(&self) -> Vec<String> {
        self.history.iter().map(HistoryEvent::event_type).collect()
    }

    /// Status, error and cause in one line.
    pub(crate) fn end(&self) -> String {
        let part = |text: Option<&str>| text.unwrap_or("-").to_owned();
        let execution = &self.execution;
        let status = execution.status().as_str();
        format!(
            "{status} {} {}",
            part(execution.error()),
            part(execution.cause())
        )
    }

    pub(crate) fn output(&self) -> Option<&Value> {
        self.execution.output(&self.input)
    }
}
