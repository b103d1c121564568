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

    /// The task that was handed out first and is not answered.
    pub(crate) fn task(&self) -> TaskId {
        self.execution.outstanding_tasks(&self.definition)[0].task()
    }

    /// The outstanding task whose input is this.
    pub(crate) fn task_with(&self, wanted: &Value) -> TaskId {
        let tasks = self.execution.outstanding_tasks(&self.definition);
        let is_wanted = |command: &&Command| {
            let Command::RunTask { input, .. } = command;
            input.resolve(&self.input) == wanted
        };
        let found = tasks.iter().find(is_wanted);
        found.expect("a task with that input is outstanding").task()
    }

    pub(crate) fn succeed_with(&mut self, input: &Value, output: Value) {
        let task = self.task_with(input);
        self.send(Signal::TaskSucceeded { task, output });
    }

    pub(crate) fn fail_with(&mut self, input: &Value, error: &str) {
        let task = self.task_with(input);
        let (error, cause) = (Some(error.to_owned()), Some("why".to_owned()));
        self.send(Signal::TaskFailed {
            task,
            error,
            cause,
            retry_after: None,
        });
    }

    pub(crate) fn succeed(&mut self, output: Value) {
        let task = self.task();
        self.send(Signal::TaskSucceeded { task, output });
    }

    pub(crate) fn fail(&mut self, error: &str) {
        let task = self.task();
        let (error, cause) = (Some(error.to_owned()), Some("why".to_owned()));
        self.send(Signal::TaskFailed {
            task,
            error,
            cause,
            retry_after: None,
        });
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

    /// The history from an event on, one line each: id, what precedes it, type and, where there is
    /// one, name or index.
    pub(crate) fn lines(&self, from: usize) -> Vec<String> {
        let events = self.history.iter().skip(from - 1);
        events.map(|event| line(event, &self.input)).collect()
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

fn line(event: &HistoryEvent, input: &Value) -> String {
    let shown = event.to_json(input);
    let (id, previous) = (event.id, event.previous_event_id);
    let details = shown
        .as_object()
        .and_then(|fields| fields.iter().find(|(name, _)| name.ends_with("Details")));
    let part = |name: &str| match details.and_then(|(_, details)| details.get(name)) {
        Some(Value::String(text)) => format!(" {text}"),
        Some(other) => format!(" {other}"),
        None => String::new(),
    };
    let (name, index) = (part("name"), part("index"));
    format!("{id} <{previous} {}{name}{index}", event.event_type())
}
