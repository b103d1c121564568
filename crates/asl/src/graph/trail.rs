//! What an execution did with its states, read from its history.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::Way;

/// What happened, by the names of states.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trail {
    path: Vec<String>,
    states: BTreeMap<String, Visits>,
    ways: BTreeMap<(String, String, Way), u32>,
    maps: BTreeMap<String, Iterations>,
    is_over: bool,
}

/// What became of a state's visits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Visits {
    /// How often it was entered.
    pub entered: u32,
    /// How often it was left for what follows, errors that were caught among it.
    pub left: u32,
    /// How often it was left with an error that was caught.
    pub caught: u32,
    /// How often it failed while the execution went on, or a state around it failed.
    pub failed: u32,
    /// How often it ended because something beside it did.
    pub aborted: u32,
    /// How often its task was handed out, or what is inside it begun, in all visits.
    pub attempts: u32,
}

/// What became of a Map's iterations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are those of the API's events")]
pub struct Iterations {
    pub length: u32,
    pub started: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub aborted: u32,
}

/// How an execution knows a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Unseen,
    Passed,
    Here,
    Aborted,
    Failed,
}

/// An event that was read.
struct Seen {
    /// The state that it belongs to.
    owner: String,
    /// How that state was left with it, if it was.
    left: Option<Way>,
    is_failure: bool,
}

impl Trail {
    /// Reads a history as `GetExecutionHistory` shows it, in the order of ids. Events that are not
    /// known are passed over.
    #[must_use]
    pub fn of(events: &[Value]) -> Self {
        let mut trail = Self::default();
        let mut seen: HashMap<u64, Seen> = HashMap::new();
        for event in events {
            let number = |name: &str| event.get(name).and_then(Value::as_u64).unwrap_or(0);
            let kind = event.get("type").and_then(Value::as_str).unwrap_or("");
            let previous = seen.get(&number("previousEventId"));
            let owner = match detail(event).and_then(|it| it.get("name")?.as_str()) {
                Some(name) => Some(name.to_owned()),
                None => previous.map(|previous| previous.owner.clone()),
            };
            trail.take(kind, owner.as_deref(), previous, event);
            let Some(owner) = owner else { continue };
            let left = kind.ends_with("StateExited").then_some(match previous {
                Some(Seen {
                    is_failure: true, ..
                }) => Way::Catch,
                Some(_) | None => Way::Next,
            });
            let is_failure = kind.ends_with("Failed") || kind.ends_with("TimedOut");
            let here = Seen {
                owner,
                left,
                is_failure,
            };
            seen.insert(number("id"), here);
        }
        trail
    }

    fn take(&mut self, kind: &str, owner: Option<&str>, previous: Option<&Seen>, event: &Value) {
        if kind.starts_with("Execution") {
            self.is_over = !matches!(kind, "ExecutionStarted" | "ExecutionRedriven");
        }
        let Some(owner) = owner else { return };
        let after_failure = previous.is_some_and(|previous| previous.is_failure);
        if kind.ends_with("StateEntered") {
            self.path.push(owner.to_owned());
            self.states.entry(owner.to_owned()).or_default().entered += 1;
            if let Some((from, way)) = previous.and_then(|it| Some((&it.owner, it.left?))) {
                let way = (from.clone(), owner.to_owned(), way);
                *self.ways.entry(way).or_default() += 1;
            }
        } else if kind.ends_with("StateExited") {
            let visits = self.states.entry(owner.to_owned()).or_default();
            visits.left += 1;
            visits.caught += u32::from(after_failure);
        } else if kind.ends_with("StateAborted") {
            // The state in a branch that fails is aborted as well.
            let visits = self.states.entry(owner.to_owned()).or_default();
            visits.failed += u32::from(after_failure);
            visits.aborted += u32::from(!after_failure);
        } else if kind.ends_with("Scheduled") || kind == "ParallelStateStarted" {
            self.states.entry(owner.to_owned()).or_default().attempts += 1;
        } else if kind == "MapStateStarted" {
            let length = detail(event).and_then(|it| it.get("length")?.as_u64());
            self.states.entry(owner.to_owned()).or_default().attempts += 1;
            let map = self.maps.entry(owner.to_owned()).or_default();
            map.length += length.and_then(|it| u32::try_from(it).ok()).unwrap_or(0);
        } else if let Some(what) = kind.strip_prefix("MapIteration") {
            let map = self.maps.entry(owner.to_owned()).or_default();
            match what {
                "Started" => map.started += 1,
                "Succeeded" => map.succeeded += 1,
                "Failed" => map.failed += 1,
                "Aborted" => map.aborted += 1,
                _ => {}
            }
        }
    }

    /// What became of a state's visits; nothing of those that were never entered.
    #[must_use]
    pub fn visits(&self, state: &str) -> Visits {
        self.states.get(state).copied().unwrap_or_default()
    }

    /// How often one state led to another in this way.
    #[must_use]
    pub fn way(&self, from: &str, to: &str, way: Way) -> u32 {
        let way = (from.to_owned(), to.to_owned(), way);
        self.ways.get(&way).copied().unwrap_or(0)
    }

    /// Every state that was entered, in the order of the history.
    #[must_use]
    pub fn path(&self) -> &[String] {
        &self.path
    }

    /// What became of a Map's iterations, if it has begun any.
    #[must_use]
    pub fn iterations(&self, state: &str) -> Option<Iterations> {
        self.maps.get(state).copied()
    }

    /// Whether a state was tried again: its task was handed out more often than it was entered, or
    /// its branches or iterations were begun so.
    #[must_use]
    pub fn has_retried(&self, state: &str) -> bool {
        let visits = self.visits(state);
        visits.attempts > visits.entered
    }

    pub(super) fn mark(&self, state: &str) -> Mark {
        let visits = self.visits(state);
        match (visits.entered, visits.open(), self.is_over) {
            (0, _, _) => Mark::Unseen,
            (_, 1.., false) => Mark::Here,
            (_, 1.., true) => Mark::Failed,
            (_, 0, _) if visits.failed > 0 => Mark::Failed,
            (_, 0, _) if visits.left > 0 => Mark::Passed,
            (_, 0, _) => Mark::Aborted,
        }
    }

    /// What happened in a state, for people.
    pub(super) fn words(&self, state: &str) -> String {
        let visits = self.visits(state);
        let (here, ended) = match self.is_over {
            true => (0, visits.open()),
            false => (visits.open(), 0),
        };
        let parts = [
            (visits.left - visits.caught, "done"),
            (visits.caught, "caught"),
            (visits.failed + ended, "failed"),
            (visits.aborted, "aborted"),
            (here, "here"),
        ];
        let mut words: Vec<String> = parts
            .into_iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| match count {
                1 => word.to_owned(),
                count => format!("{word} {count} ×"),
            })
            .collect();
        if visits.attempts > visits.entered {
            words.push(format!("{} attempts", visits.attempts));
        }
        if let Some(map) = self.iterations(state) {
            words.push(format!("{} of {} items", map.succeeded, map.length));
            if map.failed > 0 {
                words.push(format!("{} failed", map.failed));
            }
        }
        words.join(", ")
    }
}

impl Visits {
    /// Visits that have not ended yet, or only with the execution.
    fn open(self) -> u32 {
        let ended = self.left + self.failed + self.aborted;
        self.entered.saturating_sub(ended)
    }
}

/// What belongs to the event's own type.
fn detail(event: &Value) -> Option<&Value> {
    let fields = event.as_object()?.iter();
    let mut details = fields.filter(|(name, _)| name.ends_with("EventDetails"));
    details.next().map(|(_, details)| details)
}
