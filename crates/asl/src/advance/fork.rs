//! Parallel and Map: threads inside a thread.
//!
//! Branches begin one after the other, each going as far as it can before the next begins. The
//! service runs them truly at once, so that its order of events varies; ours is one of those it
//! could have been. Within each branch the events follow each other as there: what begins a branch
//! precedes its first event, and the events about branches do not precede each other.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::inspect::ForkMock;
use super::machine::{Cursor, Flow, Machine};
use crate::datum::Datum;
use crate::definition::{Items, Kind, Language, Map, Mode, Parallel, State, StateType, Tolerance};
use crate::execution::{Child, Doing, Fork, Place, Thread, ThreadId};
use crate::flow::{self, Fault};
use crate::history::{EventDetails, IterationEvent};
use crate::limits::{DISTRIBUTED_AT_ONCE_MAX, INLINE_AT_ONCE_MAX};
use crate::retry::{Failure, Origin};
use crate::time::Millis;

impl<'a> Machine<'a> {
    pub(super) fn begin_parallel(
        &mut self,
        state: &'a State,
        parallel: &Parallel,
    ) -> Result<Flow, Failure> {
        let data = self.state_data(state)?;
        let data = self.checked(&data, |scope| {
            flow::shape(state.parameters.as_ref(), &data, scope)
        })?;
        // Recorded: it shows nothing of what its branches begin with.
        self.note(|seen| seen.after_input_path = None);
        self.record(EventDetails::ParallelStarted);
        let fork = Fork::new(data, count(parallel.branches.len()));
        self.begin(state, fork)
    }

    pub(super) fn begin_map(&mut self, state: &'a State, map: &Map) -> Result<Flow, Failure> {
        let data = self.state_data(state)?;
        let at_once = self.checked(&data, |scope| flow::amount(&map.max_concurrency, 0, scope))?;
        let items = match &map.items {
            Items::Whole => data.clone(),
            Items::Template(items) => self.checked(&data, |scope| flow::items(items, scope))?,
            Items::Path(path) => self.checked(&data, |scope| {
                let found = path.evaluate(scope);
                let found = found.map_err(|error| Fault::Runtime(error.for_path_field()))?;
                Ok(Datum::new(found.into_owned()))
            })?,
        };
        let Some(list) = items.resolve(self.run.input).as_array() else {
            return Err(self.failure(no_list(state, map, items.resolve(self.run.input))));
        };
        let length = count(list.len());
        self.note(|seen| {
            seen.max_concurrency = Some(at_once);
            if let Items::Path(_) = &map.items {
                seen.after_items_path = Some(items.clone());
            }
        });
        self.record(EventDetails::MapStarted { length });
        let mut tolerated = self.tolerated(&map.tolerance, length, &data)?;
        let mut run = None;
        let at_once_max = match &map.mode {
            Mode::Inline => INLINE_AT_ONCE_MAX,
            Mode::Distributed { .. } => {
                let name = self.luck.uuid();
                let arn = self.run_arn(state, map, &name);
                self.record(EventDetails::MapRunStarted { arn });
                run = Some(name);
                // Without a threshold it is none at all, and still what is exceeded.
                tolerated = tolerated.or(Some(0));
                DISTRIBUTED_AT_ONCE_MAX
            }
        };
        let at_once = match u32::try_from(at_once) {
            Ok(0) | Err(_) => at_once_max,
            Ok(number) => number.min(at_once_max),
        };
        let fork = Fork {
            at_once,
            tolerated,
            run,
            ..Fork::new(items, length)
        };
        self.begin(state, fork)
    }

    /// How many iterations may fail, if the state says.
    fn tolerated(
        &mut self,
        tolerance: &Tolerance,
        length: u32,
        data: &Datum,
    ) -> Result<Option<u32>, Failure> {
        let number = tolerance.count.as_ref();
        let number = number
            .map(|field| self.checked(data, |scope| flow::amount(field, 0, scope)))
            .transpose()?;
        let share = tolerance.percentage.as_ref();
        let share = share
            .map(|field| self.checked(data, |scope| flow::percentage(field, scope)))
            .transpose()?;
        self.note(|seen| {
            seen.tolerated_failure_count = number;
            seen.tolerated_failure_percentage = share;
        });
        let number = number.map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        let share = share.map(|share| part(length, share));
        // Exceeding either fails the state.
        Ok([number, share].into_iter().flatten().min())
    }

    fn begin(&mut self, state: &'a State, fork: Fork) -> Result<Flow, Failure> {
        if let Some(mock) = self.take_mock() {
            return self.mock(state, &fork, mock);
        }
        let is_empty = fork.count == 0;
        self.thread.doing = Doing::Fork(Box::new(fork));
        if is_empty {
            return self.join(state);
        }
        self.forks.push(self.at);
        Ok(Flow::Pause)
    }

    /// Lets a mock stand for all that the branches do.
    fn mock(&mut self, state: &'a State, fork: &Fork, mock: ForkMock) -> Result<Flow, Failure> {
        // Recorded: without a threshold no number of failures fails a mocked state.
        let is_limited = matches!(&state.kind, Kind::Map(map) if map.tolerance.is_limited());
        if is_limited && fork.tolerated.is_some_and(|most| mock.failures > most) {
            return Err(exceeded());
        }
        match mock.outcome {
            Ok(result) => self.joined(state, Datum::new(result), self.thread.previous_event),
            Err((error, cause)) => Err(Failure {
                error,
                cause,
                origin: Origin::Task,
                patience: Millis(0),
                evaluation: None,
            }),
        }
    }

    /// Takes the next branch in hand that may begin: where it starts, and with what. The thread in
    /// hand is the branch then.
    pub(super) fn next_branch(&mut self) -> Cursor {
        while let Some(parent) = self.forks.last().copied() {
            let may_begin = self.focus(parent) && self.thread.fork().is_some_and(Fork::may_begin);
            if !may_begin {
                self.forks.pop();
            } else if let Some(cursor) = self.begin_branch(parent) {
                return Some(cursor);
            }
        }
        None
    }

    fn begin_branch(&mut self, parent: ThreadId) -> Cursor {
        let definition = self.run.definition;
        let state = definition.state(&self.thread.state)?;
        let fork = self.thread.fork_mut()?;
        let index = fork.begun;
        fork.begun += 1;
        let data = fork.data.clone();
        let place = Place { parent, index };
        let (machine, input) = if let Kind::Map(map) = &state.kind {
            let input = self.begin_iteration(state, map, place, &data);
            (map.processor, input)
        } else {
            let machine = state.machines().get(index as usize).copied()?;
            self.hold_branch(place, self.thread.previous_event);
            (machine, Ok(data))
        };
        let start = definition.start_of(machine)?;
        // Until it is entered; a branch that fails before that is begun again by a redrive.
        self.thread.state = Arc::clone(&definition.states.get(start)?.name);
        match input {
            Ok(input) => Some((start, input)),
            Err(failure) => self.thread_failed(failure),
        }
    }

    /// What an iteration begins with. The thread in hand is the iteration's then.
    fn begin_iteration(
        &mut self,
        state: &State,
        map: &Map,
        place: Place,
        items: &Datum,
    ) -> Result<Datum, Failure> {
        let is_apart = matches!(map.mode, Mode::Distributed { .. });
        let previous = self.thread.previous_event;
        let begun = match is_apart {
            true => 0,
            false => self.record_iteration(place, IterationEvent::Started, previous),
        };
        let input = match &map.selector {
            None => {
                let item = items.resolve(self.run.input).get(place.index as usize);
                Ok(Datum::new(item.cloned().unwrap_or_default()))
            }
            Some(selector) => {
                self.item = Some(place.index);
                let data = self.state_data(state);
                let input = data.and_then(|data| {
                    self.checked(&data, |scope| flow::shape(Some(selector), &data, scope))
                });
                self.item = None;
                input
            }
        };
        self.hold_branch(place, begun);
        if is_apart {
            self.thread.child = Some(Box::new(Child {
                name: self.luck.uuid(),
                input: input.as_ref().map_or_else(|_| items.clone(), Datum::clone),
                // Its beginning is an event as well.
                last_event: 1,
            }));
            self.child = Some(self.at);
        }
        input
    }

    fn hold_branch(&mut self, place: Place, previous_event: u32) {
        let branch = Thread::new(Some(place), self.now, previous_event);
        let id = self.execution.next_branch();
        let (outer, thread) = self.hold(id, branch);
        self.execution.put(outer, thread);
    }

    /// Ends the branch in hand with its output, and goes on with what waited for it.
    pub(super) fn branch_succeeded(&mut self, place: Place, output: Datum) -> Cursor {
        let last = self.thread.previous_event;
        let outer = self.execution.take(place.parent)?;
        // The branch is dropped: all that is left of it is its output.
        self.hold(place.parent, outer);
        self.thread.fork_mut()?.results.insert(place.index, output);
        self.branch_ended(place, IterationEvent::Succeeded, last)
    }

    /// Ends the thread in hand, which failed: the execution with it, or what waits for it.
    pub(super) fn thread_failed(&mut self, mut failure: Failure) -> Cursor {
        if let (Origin::Fatal, Some(child)) = (failure.origin, self.child) {
            // It ends an execution, if only one that is an iteration of another.
            self.thread.rest();
            self.focus(child);
            self.rest_inside(child);
            failure.origin = Origin::Task;
        }
        let place = self
            .thread
            .place
            .filter(|_| failure.origin != Origin::Fatal);
        let Some(place) = place else {
            self.end_failed(failure.error, failure.cause);
            return None;
        };
        // It stays, at rest, for a redrive.
        self.thread.rest();
        let last = self.thread.previous_event;
        let was_task = self.declared().is_some();
        self.focus(place.parent);
        let definition = self.run.definition;
        let state = definition.state(&self.thread.state)?;
        let fork = self.thread.fork_mut()?;
        if fork.failed < fork.tolerated.unwrap_or(0) {
            fork.failed += 1;
            return self.branch_ended(place, IterationEvent::Failed, last);
        }
        if fork.tolerated.is_some() {
            failure = exceeded();
        }
        if fork.run.is_some() {
            self.rest_inside(self.at);
            let (error, cause) = (failure.error.clone(), failure.cause.clone());
            self.record(EventDetails::MapRunFailed { error, cause });
            return self.settle(state, Err(failure));
        }
        self.thread.previous_event = last;
        if matches!(state.kind, Kind::Map(_)) {
            self.record_iteration(place, IterationEvent::Failed, last);
        } else if was_task {
            // Recorded: a task that fails in a branch of a Parallel is aborted as well.
            let kind = StateType::Task;
            self.record_apart(EventDetails::StateAborted { kind }, last);
        }
        self.abort_inside(self.at);
        self.settle(state, Err(failure))
    }

    /// What follows when a branch has ended in a way that lets the others go on.
    fn branch_ended(&mut self, place: Place, what: IterationEvent, last: u32) -> Cursor {
        let definition = self.run.definition;
        let state = definition.state(&self.thread.state)?;
        let fork = self.thread.fork()?;
        let (is_complete, is_apart) = (fork.is_complete(), fork.run.is_some());
        if !is_apart {
            self.thread.previous_event = last;
        }
        if matches!(state.kind, Kind::Map(_)) && !is_apart {
            let id = self.record_iteration(place, what, last);
            // Recorded: only the last one is followed by the state's own events.
            if is_complete {
                self.thread.previous_event = id;
            }
        }
        if !is_complete {
            self.forks.push(self.at);
            return None;
        }
        let flow = self.join(state);
        self.settle(state, flow)
    }

    /// Leaves the state with what its branches came to, in their order.
    fn join(&mut self, state: &'a State) -> Result<Flow, Failure> {
        let Doing::Fork(fork) = std::mem::replace(&mut self.thread.doing, Doing::Rest) else {
            return Ok(Flow::Ended);
        };
        // Those that failed and were tolerated.
        self.execution.forget_inside(self.at);
        let input = self.run.input;
        let results = fork.results.into_values().map(|result| match result {
            Datum::ExecutionInput => input.clone(),
            Datum::Inline(value) => Arc::unwrap_or_clone(value),
        });
        let result = Datum::new(Value::Array(results.collect()));
        if fork.run.is_some() {
            let previous = self.thread.previous_event;
            let ended = self.record_apart(EventDetails::MapRunSucceeded, previous);
            return self.joined(state, result, ended);
        }
        self.joined(state, result, self.thread.previous_event)
    }

    fn joined(&mut self, state: &'a State, result: Datum, previous: u32) -> Result<Flow, Failure> {
        let kind = state.kind.state_type();
        self.record_apart(EventDetails::ForkSucceeded { kind }, previous);
        let selector = state.result_selector.as_ref();
        let shaped = self.checked(&result, |scope| flow::shape(selector, &result, scope))?;
        self.result = Some(result);
        self.leave_result(state, shaped)
    }

    /// Stops all that goes on inside a thread without a word.
    fn rest_inside(&mut self, outer: ThreadId) {
        let mut stopped = BTreeSet::from([outer]);
        // A thread comes after the one that it is inside of.
        for (id, thread) in &mut self.execution.branches {
            if thread.place.is_some_and(|it| stopped.contains(&it.parent)) {
                stopped.insert(*id);
                thread.rest();
            }
        }
    }

    /// Stops all that goes on inside a thread, and says so of each state that can be aborted.
    fn abort_inside(&mut self, outer: ThreadId) {
        let inside = self.execution.threads();
        let inside: Vec<ThreadId> = inside
            .filter(|(_, thread)| thread.is_inside(outer))
            .map(|(id, _)| id)
            .collect();
        for id in inside {
            match self.execution.get(id).and_then(Thread::fork) {
                Some(fork) if fork.run.is_some() => self.rest_inside(id),
                _ => self.abort_inside(id),
            }
            if let Some(mut thread) = self.execution.take(id) {
                self.abort(&mut thread);
                self.execution.put(id, thread);
            }
        }
    }

    fn abort(&mut self, thread: &mut Thread) {
        let is_at_rest = match &thread.doing {
            Doing::Rest => true,
            // A fork that failed has nothing inside it that goes on.
            Doing::Fork(_) | Doing::Task(_) | Doing::Wait { .. } | Doing::Backoff { .. } => false,
        };
        if is_at_rest || !self.has_room() {
            thread.rest();
            return;
        }
        let state = self.run.definition.state(&thread.state);
        let previous = thread.previous_event;
        match state.map(|state| state.kind.state_type()) {
            Some(
                kind @ (StateType::Task | StateType::Wait | StateType::Parallel | StateType::Map),
            ) => {
                self.record_apart(EventDetails::StateAborted { kind }, previous);
            }
            Some(StateType::Pass | StateType::Choice | StateType::Succeed | StateType::Fail)
            | None => {}
        }
        if let Some(place) = thread.place
            && self.is_map(place.parent)
        {
            self.record_iteration(place, IterationEvent::Aborted, previous);
        }
        thread.rest();
    }

    fn record_iteration(&mut self, place: Place, what: IterationEvent, previous: u32) -> u32 {
        let name = if place.parent == self.at {
            Arc::clone(&self.thread.state)
        } else {
            let parent = self.execution.get(place.parent);
            parent.map_or_else(|| Arc::from(""), |parent| Arc::clone(&parent.state))
        };
        let index = place.index;
        self.record_apart(EventDetails::MapIteration { name, index, what }, previous)
    }

    fn is_map(&self, id: ThreadId) -> bool {
        let thread = match id == self.at {
            true => Some(&self.thread),
            false => self.execution.get(id),
        };
        thread.is_some_and(|thread| self.is_map_state(&thread.state))
    }

    /// The item of the iteration that the thread in hand is part of, or that is about to begin.
    pub(super) fn item(&self) -> Option<(u32, &Value)> {
        let mut thread = &self.thread;
        let mut index = self.item;
        loop {
            if let (Some(index), Some(fork)) = (index, thread.fork())
                && self.is_map_state(&thread.state)
            {
                let items = fork.data.resolve(self.run.input);
                return items.get(index as usize).map(|item| (index, item));
            }
            // An execution of its own is not told of its item.
            let place = thread.place.filter(|_| thread.child.is_none())?;
            index = Some(place.index);
            thread = self.execution.get(place.parent)?;
        }
    }

    fn is_map_state(&self, name: &str) -> bool {
        let state = self.run.definition.state(name);
        state.is_some_and(|state| matches!(state.kind, Kind::Map(_)))
    }
}

impl Machine<'_> {
    /// The label in the name of the execution that the thread in hand is part of.
    pub(super) fn label(&self) -> &str {
        let child = self.child.and_then(|child| match child == self.at {
            true => self.thread.place,
            false => self.execution.get(child)?.place,
        });
        let state = child.and_then(|place| self.execution.get(place.parent));
        let state = state.and_then(|parent| self.run.definition.state(&parent.state));
        match state.map(|state| (&state.name, &state.kind)) {
            Some((name, Kind::Map(map))) => map.label(name),
            _ => "",
        }
    }

    pub(super) fn run_arn(&self, state: &State, map: &Map, name: &str) -> String {
        let label = map.label(&state.name);
        self.run.context.arn_inside("mapRun", label, name)
    }
}

impl Map {
    /// `Label`, or what stands for it.
    fn label<'s>(&'s self, state: &'s str) -> &'s str {
        match &self.mode {
            Mode::Distributed { label: Some(label) } => label,
            Mode::Distributed { label: None } | Mode::Inline => state,
        }
    }
}

impl Fork {
    fn new(data: Datum, count: u32) -> Self {
        Self {
            data,
            count,
            at_once: 0,
            run: None,
            tolerated: None,
            begun: 0,
            failed: 0,
            results: std::collections::BTreeMap::new(),
        }
    }
}

/// What a Map says that has no list.
fn no_list(state: &State, map: &Map, found: &Value) -> Fault {
    if state.language == Language::Jsonata {
        // Recorded.
        return Fault::Unusable {
            field: "Items".to_owned(),
            text: format!("Map state input must be an array but was: {found}"),
        };
    }
    // Recorded: the path is shown as if the context object were the data.
    let path = match &map.items {
        Items::Path(path) => path.text(),
        Items::Whole | Items::Template(_) => "$",
    };
    let path = if path.starts_with("$$") {
        &path[1..]
    } else {
        path
    };
    Fault::Runtime(format!("Reference path \"{path}\" must point to array."))
}

/// Source of the name: developer guide, "Error names"; of the text: an execution on AWS.
fn exceeded() -> Failure {
    Failure {
        error: Some("States.ExceedToleratedFailureThreshold".to_owned()),
        cause: Some("The specified tolerated failure threshold was exceeded".to_owned()),
        origin: Origin::Interpreter,
        patience: Millis(0),
        evaluation: None,
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// How many of `length` are at most `percentage` of them.
fn part(length: u32, percentage: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most the length, which is a u32, and not negative"
    )]
    let part = (f64::from(length) * percentage / 100.0).floor() as u32;
    part
}
