//! A state machine as a drawing, with the way that an execution took.
//!
//! States stand in rows, each below whatever leads to it; what leads further than the next row, or
//! back, goes around at the side.

use std::collections::{BTreeMap, BTreeSet};

use asl::definition::Definition;
use engine::store::ExecutionStatus;
use maud::{Markup, html};
use serde_json::Value;

use crate::view::ExecutionDetailView;

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Drawing {
    /// The states, in the order of the definition, the first one first.
    pub(crate) states: Vec<State>,
    /// What leads where, as places in `states`.
    pub(crate) edges: Vec<(usize, usize)>,
    /// What was taken of it.
    pub(crate) taken: BTreeSet<(usize, usize)>,
}

/// A state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    /// Its name.
    pub(crate) name: String,
    /// Its type, as the language calls it.
    pub(crate) kind: &'static str,
    /// How the execution knows it.
    pub(crate) mark: Mark,
}

/// How an execution knows a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It was never there.
    Unseen,
    /// It was there.
    Passed,
    /// It is there.
    Here,
    /// It ended there, badly.
    Failed,
}

impl Drawing {
    /// The state machine with the way that this execution took.
    pub(crate) fn new(definition: &Definition, detail: &ExecutionDetailView) -> Self {
        let mut names: Vec<(&str, &'static str)> = definition
            .states()
            .map(|(name, kind, _)| (name, kind.as_str()))
            .collect();
        // A drawing is read from the first state.
        names.sort_by_key(|(name, _)| *name != definition.start_at());
        let place = |wanted: &str| names.iter().position(|(name, _)| *name == wanted);
        let edges = definition.edges().into_iter();
        let edges: BTreeSet<(usize, usize)> = edges
            .filter_map(|(from, to)| Some((place(from)?, place(to)?)))
            .collect();
        let way: Vec<usize> = detail
            .events
            .iter()
            .filter_map(entered)
            .filter_map(place)
            .collect();
        let last = way.last().copied();
        let mark = |at: usize| match (last == Some(at), detail.execution.status) {
            (true, ExecutionStatus::Running) => Mark::Here,
            (
                true,
                ExecutionStatus::Failed | ExecutionStatus::TimedOut | ExecutionStatus::Aborted,
            ) => Mark::Failed,
            (true, ExecutionStatus::Succeeded) => Mark::Passed,
            (false, _) if way.contains(&at) => Mark::Passed,
            (false, _) => Mark::Unseen,
        };
        Self {
            taken: way
                .windows(2)
                .filter_map(|two| Some((*two.first()?, *two.last()?)))
                .collect(),
            states: names
                .iter()
                .enumerate()
                .map(|(at, (name, kind))| State {
                    name: (*name).to_owned(),
                    kind,
                    mark: mark(at),
                })
                .collect(),
            edges: edges.into_iter().collect(),
        }
    }
}

/// The state that an event of the history says was entered.
fn entered(event: &Value) -> Option<&str> {
    event.get("stateEnteredEventDetails")?.get("name")?.as_str()
}

const WIDTH: usize = 190;
const HEIGHT: usize = 44;
const GAP_X: usize = 28;
const GAP_Y: usize = 40;
const LANE: usize = 16;
const MARGIN: usize = 10;

/// Most letters of a name that fit into a box.
const LETTERS_MAX: usize = 24;

/// Where a box stands.
#[derive(Debug, Clone, Copy)]
struct Spot {
    x: usize,
    y: usize,
    row: usize,
}

/// The drawing.
pub(super) fn svg(drawing: &Drawing) -> Markup {
    let spots = spots(drawing);
    let right = spots.iter().map(|spot| spot.x + WIDTH).max().unwrap_or(0);
    let bottom = spots.iter().map(|spot| spot.y + HEIGHT).max().unwrap_or(0);
    let is_near = |&(from, to): &(usize, usize)| match (spots.get(from), spots.get(to)) {
        (Some(from), Some(to)) => to.row == from.row + 1,
        (_, _) => false,
    };
    let far: Vec<(usize, usize)> = drawing
        .edges
        .iter()
        .copied()
        .filter(|edge| !is_near(edge))
        .collect();
    let width = right + LANE * (far.len() + 1) + MARGIN;
    let height = bottom + MARGIN;
    let path = |edge: &(usize, usize)| -> Option<String> {
        let (from, to) = (spots.get(edge.0)?, spots.get(edge.1)?);
        let lane = far.iter().position(|other| other == edge);
        Some(match lane {
            None => straight(*from, *to),
            Some(lane) => around(*from, *to, right + LANE * (lane + 1)),
        })
    };
    html! {
        svg viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height)
            role="img" aria-label=(in_words(drawing)) {
            @for edge in &drawing.edges {
                @let is_taken = drawing.taken.contains(edge);
                path class=(if is_taken { "edge taken" } else { "edge" }) d=[path(edge)] {}
            }
            @for (state, spot) in drawing.states.iter().zip(&spots) {
                (one(state, *spot))
            }
        }
    }
}

fn one(state: &State, spot: Spot) -> Markup {
    let (class, sign) = match state.mark {
        Mark::Unseen => ("state", ""),
        Mark::Passed => ("state passed", "✓ "),
        Mark::Here => ("state here", "… "),
        Mark::Failed => ("state failed", "! "),
    };
    let middle = spot.x + WIDTH / 2;
    let name: String = if state.name.chars().count() > LETTERS_MAX {
        state
            .name
            .chars()
            .take(LETTERS_MAX - 1)
            .chain(['…'])
            .collect()
    } else {
        state.name.clone()
    };
    html! {
        g class=(class) {
            title { (state.name) }
            rect x=(spot.x) y=(spot.y) width=(WIDTH) height=(HEIGHT) rx="8" {}
            text x=(middle) y=(spot.y + 19) class="name" { (sign) (name) }
            text x=(middle) y=(spot.y + 35) class="kind" { (state.kind) }
        }
    }
}

/// For whoever cannot see it.
fn in_words(drawing: &Drawing) -> String {
    let of = |marks: &[Mark]| -> Vec<&str> {
        let states = drawing.states.iter();
        states
            .filter(|state| marks.contains(&state.mark))
            .map(|state| state.name.as_str())
            .collect()
    };
    let seen = of(&[Mark::Passed, Mark::Here, Mark::Failed]);
    let mut words = format!("State machine. Taken: {}.", seen.join(", "));
    for (mark, what) in [(Mark::Here, "It is in"), (Mark::Failed, "It failed in")] {
        for name in of(&[mark]) {
            words += &format!(" {what} {name}.");
        }
    }
    words
}

fn straight(from: Spot, to: Spot) -> String {
    let (x1, y1) = (from.x + WIDTH / 2, from.y + HEIGHT);
    let (x2, y2) = (to.x + WIDTH / 2, to.y);
    let middle = y1 + (y2 - y1) / 2;
    format!("M{x1} {y1} C{x1} {middle} {x2} {middle} {x2} {y2}")
}

fn around(from: Spot, to: Spot, lane: usize) -> String {
    let (x1, y1) = (from.x + WIDTH, from.y + HEIGHT / 2);
    let (x2, y2) = (to.x + WIDTH, to.y + HEIGHT / 2);
    format!("M{x1} {y1} H{lane} V{y2} H{x2}")
}

fn spots(drawing: &Drawing) -> Vec<Spot> {
    let rows = rows(drawing);
    let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
    for row in &rows {
        *widths.entry(*row).or_default() += 1;
    }
    let widest = widths.values().copied().max().unwrap_or(1);
    let mut used: BTreeMap<usize, usize> = BTreeMap::new();
    rows.iter()
        .map(|&row| {
            let place = used.entry(row).or_default();
            let free = widest - widths.get(&row).copied().unwrap_or(widest);
            let x = MARGIN + free * (WIDTH + GAP_X) / 2 + *place * (WIDTH + GAP_X);
            *place += 1;
            Spot {
                x,
                y: MARGIN + row * (HEIGHT + GAP_Y),
                row,
            }
        })
        .collect()
}

/// The row of each state: one below the lowest that leads to it, what leads back not counted.
fn rows(drawing: &Drawing) -> Vec<usize> {
    let count = drawing.states.len();
    let mut forward: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut is_open = vec![false; count];
    let mut is_done = vec![false; count];
    let mut order = Vec::new();
    // Depth first, without recursion: an edge to a state that is still open leads back.
    for root in 0..count {
        let mut stack = vec![(root, false)];
        while let Some((state, is_leaving)) = stack.pop() {
            if is_leaving {
                if let Some(open) = is_open.get_mut(state) {
                    *open = false;
                }
                order.push(state);
                continue;
            }
            if std::mem::replace(&mut is_done[state], true) {
                continue;
            }
            is_open[state] = true;
            stack.push((state, true));
            for &(_, to) in drawing.edges.iter().filter(|(from, _)| *from == state) {
                if to < count && !is_open[to] {
                    forward[state].push(to);
                    if !is_done[to] {
                        stack.push((to, false));
                    }
                }
            }
        }
    }
    let mut rows = vec![0; count];
    for &state in order.iter().rev() {
        for &to in &forward[state] {
            rows[to] = rows[to].max(rows[state] + 1);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawing(count: usize, edges: &[(usize, usize)]) -> Drawing {
        Drawing {
            states: (0..count)
                .map(|at| State {
                    name: format!("S{at}"),
                    kind: "Pass",
                    mark: Mark::Unseen,
                })
                .collect(),
            edges: edges.to_vec(),
            taken: BTreeSet::new(),
        }
    }

    #[test]
    fn states_stand_below_what_leads_to_them_and_loops_do_not_push_them_down() {
        for (count, edges, expected) in [
            (1, &[][..], &[0][..]),
            (3, &[(0, 1), (1, 2), (0, 2)], &[0, 1, 2]),
            (4, &[(0, 1), (0, 2), (1, 3), (2, 3)], &[0, 1, 1, 2]),
            (3, &[(0, 1), (1, 2), (2, 0), (1, 1)], &[0, 1, 2]),
            (4, &[(0, 3), (3, 1), (1, 2), (0, 2)], &[0, 2, 3, 1]),
        ] {
            assert_eq!(rows(&drawing(count, edges)), expected, "{edges:?}");
        }
    }

    #[test]
    fn no_two_boxes_stand_in_the_same_place_and_names_are_only_text() {
        let mut drawing = drawing(5, &[(0, 1), (0, 2), (1, 4), (2, 4), (4, 0), (3, 4)]);
        drawing.states[1].name = "<script>alert(1)</script>".to_owned();
        let spots = spots(&drawing);
        for (at, one) in spots.iter().enumerate() {
            for other in &spots[at + 1..] {
                assert!(
                    one.y != other.y || one.x.abs_diff(other.x) >= WIDTH,
                    "{spots:?}"
                );
            }
        }
        let drawn = svg(&drawing).into_string();
        assert!(!drawn.contains("<script"), "{drawn}");
        assert_eq!(drawn.matches("<rect").count(), 5);
        assert_eq!(drawn.matches("<path").count(), 6);
    }
}
