//! A state machine as a picture: states in layers, the machines inside them in boxes, with words
//! on the edges, and what an execution did with all of it.
//!
//! [`Graph`] is what there is to draw, [`Trail`] what happened, read from a history in the
//! form of `GetExecutionHistory`. [`svg`] and [`mermaid()`] draw.

mod condition;
mod coordinates;
mod layers;
mod layout;
mod mermaid;
mod paint;
mod trail;

use std::collections::BTreeMap;

use crate::definition::{
    Amount, Definition, FailText, Kind, Mode, Next, OUTERMOST, State, StateAt, StateType, WaitFor,
};
use crate::retry::Retrier;

pub use mermaid::mermaid;
pub use paint::{Look, svg};
pub use trail::{Iterations, Trail, Visits};

/// What there is to draw of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// What the machine says of itself.
    pub comment: Option<String>,
    /// The outermost machine.
    pub chart: Chart,
}

/// A machine: states that lead to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// What it is to the state around it; empty for the outermost.
    pub title: String,
    /// The place of its first state in `nodes`.
    pub start: usize,
    /// Its states, in the order of the document.
    pub nodes: Vec<Node>,
    /// What leads where.
    pub edges: Vec<Edge>,
}

/// A state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: StateType,
    /// What it calls, how long it waits, how it fails: short.
    pub about: String,
    /// Its own comment.
    pub comment: Option<String>,
    /// Whether its machine can end in it.
    pub is_end: bool,
    /// Its retries, a line for each entry.
    pub retries: Vec<String>,
    /// The machines inside it.
    pub inside: Vec<Chart>,
    /// Whether what is inside runs as executions of their own, which no history tells of.
    pub is_apart: bool,
}

/// A way from a state to another one; all rules with the same ends are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// A place in the machine's `nodes`.
    pub from: usize,
    /// Another one, or the same.
    pub to: usize,
    /// Why it is taken.
    pub way: Way,
    /// When it is taken, a line for each rule or catcher; none for what follows anyway.
    pub labels: Vec<String>,
}

/// Why a way is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// The state is done, or a rule of a Choice holds.
    Next,
    /// An error was caught.
    Catch,
}

impl Graph {
    /// What there is to draw of a definition.
    #[must_use]
    pub fn of(definition: &Definition) -> Self {
        Self {
            comment: definition.comment.clone(),
            chart: chart(definition, OUTERMOST, String::new()),
        }
    }

    /// Every edge of every machine, by the names of its ends, each pair once for each way.
    #[must_use]
    pub fn edges(&self) -> Vec<(&str, &str, Way)> {
        let mut edges = Vec::new();
        collect_edges(&self.chart, &mut edges);
        edges
    }

    /// The name of every state, those of inner machines behind the state that is around them.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        collect_names(&self.chart, &mut names);
        names
    }
}

fn collect_edges<'g>(chart: &'g Chart, edges: &mut Vec<(&'g str, &'g str, Way)>) {
    for edge in &chart.edges {
        let ends = (chart.nodes.get(edge.from), chart.nodes.get(edge.to));
        if let (Some(from), Some(to)) = ends {
            edges.push((&from.name, &to.name, edge.way));
        }
    }
    for inner in chart.nodes.iter().flat_map(|node| &node.inside) {
        collect_edges(inner, edges);
    }
}

fn collect_names<'g>(chart: &'g Chart, names: &mut Vec<&'g str>) {
    for node in &chart.nodes {
        names.push(&node.name);
        for inner in &node.inside {
            collect_names(inner, names);
        }
    }
}

fn chart(definition: &Definition, machine: usize, title: String) -> Chart {
    let empty = Chart {
        title: title.clone(),
        start: 0,
        nodes: Vec::new(),
        edges: Vec::new(),
    };
    let Some(machine) = definition.machines.get(machine) else {
        return empty;
    };
    let base = machine.states.start;
    let states = definition.states.get(machine.states.clone()).unwrap_or(&[]);
    let mut ways: BTreeMap<(usize, usize, Way), Vec<String>> = BTreeMap::new();
    for (from, state) in states.iter().enumerate() {
        for (to, way, label) in leads(state) {
            let Some(to) = to.checked_sub(base) else {
                continue;
            };
            let labels = ways.entry((from, to, way)).or_default();
            labels.extend(label);
        }
    }
    let edges = ways.into_iter().map(|((from, to, way), labels)| Edge {
        from,
        to,
        way,
        labels,
    });
    Chart {
        start: machine.start_at.saturating_sub(base),
        nodes: states.iter().map(|it| node(definition, it)).collect(),
        edges: edges.collect(),
        title,
    }
}

/// Where a state leads, why, and when.
fn leads(state: &State) -> Vec<(StateAt, Way, Option<String>)> {
    let mut leads = Vec::new();
    if let Kind::Choice(choice) = &state.kind {
        for rule in &choice.rules {
            leads.push((rule.next, Way::Next, Some(condition::of(&rule.when))));
        }
        if let Some(default) = choice.default {
            leads.push((default, Way::Next, Some("otherwise".to_owned())));
        }
    }
    if let Next::State(at) = state.next {
        leads.push((at, Way::Next, None));
    }
    for catcher in &state.catchers {
        leads.push((catcher.next, Way::Catch, Some(errors(&catcher.errors))));
    }
    leads
}

fn node(definition: &Definition, state: &State) -> Node {
    let machines = state.machines();
    let inside = machines.iter().enumerate().map(|(at, machine)| {
        let title = match &state.kind {
            Kind::Parallel(_) => format!("branch {}", at + 1),
            Kind::Map(_) => "for each item".to_owned(),
            Kind::Pass(_)
            | Kind::Task(_)
            | Kind::Choice(_)
            | Kind::Wait(_)
            | Kind::Succeed
            | Kind::Fail(_) => String::new(),
        };
        chart(definition, *machine, title)
    });
    Node {
        name: state.name.to_string(),
        kind: state.kind.state_type(),
        about: about(state),
        comment: state.comment.clone(),
        is_end: state.is_terminal(),
        retries: state.retriers.iter().filter_map(retry).collect(),
        inside: inside.collect(),
        is_apart: match &state.kind {
            Kind::Map(map) => matches!(map.mode, Mode::Distributed { .. }),
            Kind::Task(_)
            | Kind::Pass(_)
            | Kind::Choice(_)
            | Kind::Wait(_)
            | Kind::Succeed
            | Kind::Fail(_)
            | Kind::Parallel(_) => false,
        },
    }
}

/// What a state does beyond its type, in a few letters.
fn about(state: &State) -> String {
    match &state.kind {
        Kind::Task(task) => {
            let resource = task.resource.as_str();
            match resource.split_once(":states:::") {
                Some((_, service)) => service.to_owned(),
                None => resource.rsplit(':').next().unwrap_or(resource).to_owned(),
            }
        }
        Kind::Wait(WaitFor::Seconds(seconds)) => format!("{seconds} s"),
        Kind::Wait(WaitFor::Until(time)) => format!("until {}", time.to_rfc3339()),
        Kind::Wait(WaitFor::SecondsAt(field) | WaitFor::UntilAt(field)) => {
            field.expression.text().to_owned()
        }
        Kind::Fail(fail) => match &fail.error {
            Some(FailText::Fixed(text)) => text.clone(),
            Some(FailText::Computed(field)) => field.expression.text().to_owned(),
            None => String::new(),
        },
        Kind::Map(map) => {
            let at_once = match &map.max_concurrency {
                Amount::Fixed(0) => String::new(),
                Amount::Fixed(most) => format!("{most} at once"),
                Amount::Computed(field) => format!("{} at once", field.expression.text()),
            };
            match (&map.mode, at_once.is_empty()) {
                (Mode::Inline, _) => at_once,
                (Mode::Distributed { .. }, true) => "distributed".to_owned(),
                (Mode::Distributed { .. }, false) => format!("distributed, {at_once}"),
            }
        }
        Kind::Pass(_) | Kind::Choice(_) | Kind::Succeed | Kind::Parallel(_) => String::new(),
    }
}

/// `3 × from 2 s: Busy, Down`; none for what is never tried again.
fn retry(retrier: &Retrier) -> Option<String> {
    if retrier.max_attempts == 0 {
        return None;
    }
    let seconds = retrier.interval.0 / 1000;
    let names = errors(&retrier.errors);
    Some(format!(
        "{} × from {seconds} s: {names}",
        retrier.max_attempts
    ))
}

/// Names of errors; of many the first and how many more there are.
fn errors(names: &[String]) -> String {
    let name = |name: &String| match name.as_str() {
        "States.ALL" => "any error".to_owned(),
        name => name.to_owned(),
    };
    match names {
        [] => String::new(),
        [one] => name(one),
        [one, two] => format!("{}, {}", name(one), name(two)),
        [one, rest @ ..] => format!("{} and {} more", name(one), rest.len()),
    }
}
