//! What of a state machine scenarios have gone through.

use std::collections::BTreeSet;

use crate::definition::Definition;
use crate::graph::{Chart, Graph, Trail, Way};

/// The states, ways and retries of a machine, and which of them were seen.
///
/// Rules of a Choice that lead to the same state are one way. What is inside a distributed Map is
/// not counted: its iterations are executions of their own, which no history tells of.
#[derive(Debug, Clone)]
pub struct Coverage {
    states: Vec<String>,
    ways: Vec<(String, String, Way)>,
    retries: Vec<String>,
    seen_states: BTreeSet<String>,
    seen_ways: BTreeSet<(String, String, Way)>,
    seen_retries: BTreeSet<String>,
}

/// How much of something was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// What was seen.
    pub seen: usize,
    /// What there is.
    pub all: usize,
}

impl Coverage {
    /// Of a machine nothing of which was seen yet.
    #[must_use]
    pub fn new(definition: &Definition) -> Self {
        let mut coverage = Self {
            states: Vec::new(),
            ways: Vec::new(),
            retries: Vec::new(),
            seen_states: BTreeSet::new(),
            seen_ways: BTreeSet::new(),
            seen_retries: BTreeSet::new(),
        };
        coverage.count(&Graph::of(definition).chart);
        coverage
    }

    fn count(&mut self, chart: &Chart) {
        let name = |at: usize| chart.nodes.get(at).map(|node| node.name.clone());
        for edge in &chart.edges {
            if let (Some(from), Some(to)) = (name(edge.from), name(edge.to)) {
                self.ways.push((from, to, edge.way));
            }
        }
        for node in &chart.nodes {
            self.states.push(node.name.clone());
            if !node.retries.is_empty() {
                self.retries.push(node.name.clone());
            }
            if !node.is_apart {
                for inner in &node.inside {
                    self.count(inner);
                }
            }
        }
    }

    /// Adds what a run went through.
    pub fn add(&mut self, trail: &Trail) {
        let entered = self
            .states
            .iter()
            .filter(|state| trail.visits(state).entered > 0);
        self.seen_states.extend(entered.cloned());
        let taken = self.ways.iter();
        let taken = taken.filter(|(from, to, way)| trail.way(from, to, *way) > 0);
        self.seen_ways.extend(taken.cloned());
        let retried = self.retries.iter().filter(|state| trail.has_retried(state));
        self.seen_retries.extend(retried.cloned());
    }

    /// Of the states, those that were entered.
    #[must_use]
    pub fn states(&self) -> Share {
        Share {
            seen: self.seen_states.len(),
            all: self.states.len(),
        }
    }

    /// Of the ways between states, those that were taken.
    #[must_use]
    pub fn ways(&self) -> Share {
        Share {
            seen: self.seen_ways.len(),
            all: self.ways.len(),
        }
    }

    /// Of the states that try again, those that did.
    #[must_use]
    pub fn retries(&self) -> Share {
        Share {
            seen: self.seen_retries.len(),
            all: self.retries.len(),
        }
    }

    /// States, ways and retries together.
    #[must_use]
    pub fn total(&self) -> Share {
        let parts = [self.states(), self.ways(), self.retries()];
        Share {
            seen: parts.iter().map(|part| part.seen).sum(),
            all: parts.iter().map(|part| part.all).sum(),
        }
    }

    /// What was not seen, for people.
    #[must_use]
    pub fn missing(&self) -> Vec<String> {
        let states = self
            .states
            .iter()
            .filter(|it| !self.seen_states.contains(*it));
        let mut missing: Vec<String> = states.map(|it| format!("state {it}")).collect();
        for way in self.ways.iter().filter(|it| !self.seen_ways.contains(*it)) {
            let (from, to, kind) = way;
            let caught = match kind {
                Way::Next => "",
                Way::Catch => " (catch)",
            };
            missing.push(format!("way {from} → {to}{caught}"));
        }
        let retries = self
            .retries
            .iter()
            .filter(|it| !self.seen_retries.contains(*it));
        missing.extend(retries.map(|it| format!("retry of {it}")));
        missing
    }
}

impl Share {
    /// In hundredths, rounded down: 100 is all, and nothing else is.
    #[must_use]
    pub fn percent(self) -> usize {
        (self.seen * 100).checked_div(self.all).unwrap_or(100)
    }
}
