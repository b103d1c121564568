//! Which states are handed a list, and then put a result under a name in it.
//!
//! A small flow of types: a Parallel or a Map gives a list, a ResultPath into an object keeps what
//! was there, and so on. Only what is a list on every way counts.

use super::{Code, Lint};
use crate::definition::{Examined, Kind, Machine, PathField, ResultPath, State, StateAt};

/// What a value is, as far as the definition says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Nothing leads here yet.
    Nowhere,
    List,
    Other,
}

impl Lint<'_> {
    pub(super) fn look_at_lists(&mut self, examined: &Examined, input_is_list: bool) {
        for machine in &examined.machines {
            let is_outermost = machine.location.is_empty();
            let first = match is_outermost && input_is_list {
                true => Shape::List,
                false => Shape::Other,
            };
            let shapes = flow(machine, &examined.states, first);
            for (at, shape) in machine.states.clone().zip(shapes) {
                let Some(Some(state)) = examined.states.get(at) else {
                    continue;
                };
                self.look_at_list(state, shape, &machine.location);
            }
        }
    }

    fn look_at_list(&mut self, state: &State, shape: Shape, machine: &str) {
        if shape != Shape::List {
            return;
        }
        let mut places = vec![(String::new(), &state.result_path)];
        for (at, catcher) in state.catchers.iter().enumerate() {
            places.push((format!("/Catch[{at}]"), &catcher.result_path));
        }
        for (around, path) in places {
            let ResultPath::At { text, .. } = path else {
                continue;
            };
            let into = text.strip_prefix("$[").and_then(|rest| rest.chars().next());
            if into.is_some_and(|first| first.is_ascii_digit()) {
                continue;
            }
            let location = format!("{machine}/States/{}{around}/ResultPath", state.name);
            let message = format!(
                "the state's input is a list, which has no place called {text}: this fails with \
                 States.ResultPathMatchFailure"
            );
            let help = "make an object of the list first, by a Pass with Parameters, or a \
                        ResultSelector where the list comes from";
            self.note(
                Code::ResultIntoList,
                &location,
                message,
                Some(help.to_owned()),
            );
        }
    }
}

/// The shape of what each state of a machine is entered with.
fn flow(machine: &Machine, states: &[Option<State>], first: Shape) -> Vec<Shape> {
    let base = machine.states.start;
    let mut shapes = vec![Shape::Nowhere; machine.states.len()];
    let mut open: Vec<(StateAt, Shape)> = vec![(machine.start_at, first)];
    while let Some((at, shape)) = open.pop() {
        let Some(known) = at.checked_sub(base).and_then(|own| shapes.get_mut(own)) else {
            continue;
        };
        let joined = match (*known, shape) {
            (Shape::Nowhere, shape) => shape,
            (Shape::List, Shape::List) => Shape::List,
            (Shape::List | Shape::Other, _) => Shape::Other,
        };
        if joined == *known {
            continue;
        }
        *known = joined;
        if let Some(Some(state)) = states.get(at) {
            let normal = after(state, joined);
            // The last of them are where its catchers lead.
            let targets = state.targets();
            let count = targets.len().saturating_sub(state.catchers.len());
            open.extend(targets.into_iter().take(count).map(|it| (it, normal)));
            for catcher in &state.catchers {
                // Where an error is put into the input, the input stays what it is.
                let shape = match &catcher.result_path {
                    ResultPath::Whole | ResultPath::At { .. } => Shape::Other,
                    ResultPath::Discard => joined,
                };
                open.push((catcher.next, shape));
            }
        }
    }
    shapes
}

/// The shape of what a state gives when all goes well.
fn after(state: &State, input: Shape) -> Shape {
    if state.output.is_some() {
        return Shape::Other;
    }
    let result = match &state.kind {
        Kind::Parallel(_) | Kind::Map(_) if state.result_selector.is_none() => Shape::List,
        Kind::Pass(pass) => match (&pass.result, &state.parameters) {
            (Some(result), _) if result.is_array() => Shape::List,
            (Some(_), _) | (None, Some(_)) => Shape::Other,
            (None, None) => seen_input(state, input),
        },
        Kind::Choice(_) | Kind::Wait(_) | Kind::Succeed => seen_input(state, input),
        Kind::Task(_) | Kind::Fail(_) | Kind::Parallel(_) | Kind::Map(_) => Shape::Other,
    };
    let result = match &state.result_path {
        ResultPath::Whole => result,
        ResultPath::Discard => input,
        ResultPath::At { .. } => Shape::Other,
    };
    match &state.output_path {
        PathField::Whole => result,
        PathField::Nothing | PathField::Path(_) => Shape::Other,
    }
}

fn seen_input(state: &State, input: Shape) -> Shape {
    match &state.input_path {
        PathField::Whole => input,
        PathField::Nothing | PathField::Path(_) => Shape::Other,
    }
}
