//! Where states lead: every name leads somewhere, every machine can end, everything in it can be
//! reached.

use super::{Machine, State};
use crate::problem::{About, Problem, ProblemCode};

pub(super) fn problems(machines: &[Machine], all: &[State]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for machine in machines {
        let states = all.get(machine.states.clone()).unwrap_or(&[]);
        if states.iter().any(State::is_terminal) {
            problems.extend(unreachable(machine, states));
        } else {
            problems.push(endless(machine));
        }
    }
    problems
}

fn endless(machine: &Machine) -> Problem {
    let message = "Workflow has no terminal state";
    let mut problem = Problem::everywhere(ProblemCode::MissingEndState, message);
    if !machine.location.is_empty() {
        problem.location = Some(machine.location.clone());
    }
    problem
}

fn unreachable(machine: &Machine, states: &[State]) -> Vec<Problem> {
    let mut is_reached = vec![false; states.len()];
    let mut open = vec![machine.start_at];
    while let Some(at) = open.pop() {
        let own = at.checked_sub(machine.states.start);
        if let Some((own, state)) = own.and_then(|own| Some((own, states.get(own)?)))
            && !std::mem::replace(&mut is_reached[own], true)
        {
            open.extend(state.targets());
        }
    }
    let missed = states
        .iter()
        .zip(is_reached)
        .filter(|(_, reached)| !reached);
    missed
        .map(|(state, _)| {
            let message = format!("State \"{}\" is not reachable.", state.name);
            let location = format!("{}/States/{}", machine.location, state.name);
            let about = About::Unreachable(state.name.to_string());
            Problem::target(message, location).about(about)
        })
        .collect()
}
