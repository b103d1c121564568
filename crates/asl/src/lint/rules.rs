//! The rules of a Choice: rules that an earlier one always comes before, states that only those
//! lead to, and the lack of a Default.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{Code, Lint, Seen};
use crate::choice::Condition;
use crate::definition::{Choice, Examined, Kind, State, StateAt, When};

impl Lint<'_> {
    pub(super) fn look_at_rules(&mut self, seen: Seen<'_>) {
        let Kind::Choice(choice) = &seen.state.kind else {
            return;
        };
        let json = seen.json.get("Choices").and_then(Value::as_array);
        let rules: Vec<Map<String, Value>> = json.into_iter().flatten().map(condition).collect();
        let used = Used::of(choice, &rules);
        for (at, why) in used.dead.iter().enumerate() {
            let Some(why) = why else { continue };
            let location = format!("{}/Choices[{at}]", seen.location);
            let (message, help) = match why {
                Dead::SameAs(first) => (
                    "this rule is never used",
                    format!("Choices[{first}] asks the same, and comes first"),
                ),
                Dead::Behind(first) => (
                    "this rule is never used",
                    format!("of Choices[{first}] and those before it, one always holds"),
                ),
                Dead::Never => (
                    "this rule never holds",
                    "its Condition is the truth value false".to_owned(),
                ),
            };
            self.note(Code::RuleNeverUsed, &location, message, Some(help));
        }
        match (choice.default, used.always) {
            (Some(_), Some(at)) => {
                let location = format!("{}/Default", seen.location);
                let help = format!("of Choices[{at}] and those before it, one always holds");
                let message = "the Default is never used";
                self.note(Code::RuleNeverUsed, &location, message, Some(help));
            }
            (None, None) => {
                let message = "where no rule holds, the execution fails with \
                               States.NoChoiceMatched, and a Choice has no Catch";
                let help = "add \"Default\": \"<a state>\"; a Fail state can say what was wrong";
                self.note(
                    Code::NoDefault,
                    seen.location,
                    message,
                    Some(help.to_owned()),
                );
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
    }

    /// States that only rules lead to which are never used.
    pub(super) fn look_at_choices(&mut self, examined: &Examined, document: &Value) {
        let states: Option<Vec<&State>> = examined.states.iter().map(Option::as_ref).collect();
        let Some(states) = states else { return };
        for machine in &examined.machines {
            let location = |name: &str| format!("{}/States/{name}", machine.location);
            let mut used = vec![None; states.len()];
            for at in machine.states.clone() {
                let Some(state) = states.get(at) else {
                    continue;
                };
                let Kind::Choice(choice) = &state.kind else {
                    continue;
                };
                let pointer = self.pointer(&location(&state.name));
                let json = document.pointer(&format!("{pointer}/Choices"));
                let json = json.and_then(Value::as_array);
                let rules: Vec<_> = json.into_iter().flatten().map(condition).collect();
                if let Some(slot) = used.get_mut(at) {
                    *slot = Some(Used::of(choice, &rules).targets(choice));
                }
            }
            let all = reached(machine.start_at, |at| {
                states.get(at).map_or_else(Vec::new, |it| it.targets())
            });
            let really = reached(machine.start_at, |at| {
                let own = used.get(at).cloned().flatten();
                own.unwrap_or_else(|| states.get(at).map_or_else(Vec::new, |it| it.targets()))
            });
            let mut never: Vec<StateAt> = all.difference(&really).copied().collect();
            never.sort_unstable();
            for state in never.into_iter().filter_map(|at| states.get(at)) {
                let message = format!("'{}' is never entered", state.name);
                let help = "only rules that are never used lead to it".to_owned();
                self.note(
                    Code::NeverChosen,
                    &location(&state.name),
                    message,
                    Some(help),
                );
            }
        }
    }
}

fn reached(start: StateAt, targets: impl Fn(StateAt) -> Vec<StateAt>) -> HashSet<StateAt> {
    let mut open = vec![start];
    let mut reached = HashSet::new();
    while let Some(at) = open.pop() {
        if reached.insert(at) {
            open.extend(targets(at));
        }
    }
    reached
}

/// Why a rule is never used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dead {
    SameAs(usize),
    Behind(usize),
    Never,
}

/// Which rules of a Choice are used.
struct Used {
    dead: Vec<Option<Dead>>,
    /// The rule after which nothing comes: with those before it, it covers every case.
    always: Option<usize>,
}

impl Used {
    fn of(choice: &Choice, conditions: &[Map<String, Value>]) -> Self {
        let mut dead = Vec::new();
        let mut always = None;
        for (at, rule) in choice.rules.iter().enumerate() {
            let own = conditions.get(at);
            let earlier = || conditions.iter().take(at).enumerate();
            let same = earlier().find(|(_, other)| Some(*other) == own);
            let constant = match &rule.when {
                When::Tests(Condition::All(parts)) if parts.is_empty() => Some(true),
                When::Tests(Condition::Any(parts)) if parts.is_empty() => Some(false),
                When::Tests(_) | When::Query(_) => None,
            };
            let why = match (always, same, constant) {
                (Some(first), _, _) => Some(Dead::Behind(first)),
                (None, Some((first, _)), _) => Some(Dead::SameAs(first)),
                (None, None, Some(false)) => Some(Dead::Never),
                (None, None, Some(true) | None) => None,
            };
            let rest = own.is_some_and(|own| earlier().any(|(_, other)| are_opposite(own, other)));
            if always.is_none() && (constant == Some(true) || rest) {
                always = Some(at);
            }
            dead.push(why);
        }
        Self { dead, always }
    }

    /// Where the rules lead that are used.
    fn targets(&self, choice: &Choice) -> Vec<StateAt> {
        let rules = choice.rules.iter().zip(&self.dead);
        let mut targets: Vec<StateAt> = rules
            .filter(|(_, dead)| dead.is_none())
            .map(|(rule, _)| rule.next)
            .collect();
        targets.extend(choice.default.filter(|_| self.always.is_none()));
        targets
    }
}

/// What a rule asks, without what follows from it.
fn condition(rule: &Value) -> Map<String, Value> {
    let fields = rule.as_object().into_iter().flatten();
    fields
        .filter(|(name, _)| !["Next", "Comment", "Assign", "Output"].contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Whether always exactly one of two conditions holds: one asks whether something is there or of a
/// type, the other whether it is not. Two comparisons are never that: both are false where the
/// type is another.
fn are_opposite(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let is_not = |one: &Map<String, Value>, other: &Map<String, Value>| {
        one.len() == 1 && one.get("Not").and_then(Value::as_object) == Some(other)
    };
    let asks = one.iter().find(|(name, _)| name.starts_with("Is"));
    let flips = asks.is_some_and(|(name, value)| {
        let answers = (value.as_bool(), other.get(name).and_then(Value::as_bool));
        let are_flipped = matches!(answers, (Some(one), Some(other)) if one != other);
        are_flipped && one.get("Variable") == other.get("Variable")
    });
    is_not(one, other) || is_not(other, one) || flips
}
