//! Where states lead: every name leads somewhere, something ends, everything can be reached.

use super::Definition;
use crate::problem::{Problem, ProblemCode};

pub(super) fn check(
    definition: Definition,
    dangling: Vec<Problem>,
) -> Result<Definition, Vec<Problem>> {
    let mut problems = dangling;
    if definition.states.iter().any(super::State::is_terminal) {
        problems.extend(unreachable(&definition));
    } else {
        let message = "Workflow has no terminal state";
        problems.push(Problem::everywhere(ProblemCode::MissingEndState, message));
    }
    if problems.is_empty() {
        Ok(definition)
    } else {
        Err(problems)
    }
}

fn unreachable(definition: &Definition) -> Vec<Problem> {
    let mut is_reached = vec![false; definition.states.len()];
    let mut open = vec![definition.start_at];
    while let Some(at) = open.pop() {
        if let Some(state) = definition.states.get(at)
            && !std::mem::replace(&mut is_reached[at], true)
        {
            open.extend(state.targets());
        }
    }
    let missed = definition
        .states
        .iter()
        .zip(is_reached)
        .filter(|(_, reached)| !reached);
    missed
        .map(|(state, _)| {
            let message = format!("State \"{}\" is not reachable.", state.name);
            Problem::target(message, format!("/States/{}", state.name))
        })
        .collect()
}
