//! Finds array elements that suit every field of a branch at once.
//!
//! Fields are taken in order. Choosing a leaf for one binds the arrays it lies within to the
//! elements it lies within; later fields may only choose leaves that agree, and a field is absent
//! when none agrees. What no later field can notice is forgotten, and a state that failed once is
//! not tried again, so an ordinary event costs one step for each element and field.

use crate::event::Node;
use crate::limits::SEARCH_STEPS_MAX;
use crate::matching::{Look, Place};
use crate::parse::{Branch, Field};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

/// The search gave up after [`SEARCH_STEPS_MAX`] steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entangled;

/// Whether some choice of elements suits all fields of the branch.
pub(crate) fn matches<N: Node>(branch: &Branch, root: &N::Members) -> Result<bool, Entangled> {
    let undecided = branch
        .fields
        .iter()
        .filter(|field| branch.look::<N>(field, root) == Look::Depends);
    let fields: Vec<Leaves> = undecided
        .map(|field| Leaves::of::<N>(field, root))
        .collect();
    let mut last_use = HashMap::new();
    for (at, leaves) in fields.iter().enumerate() {
        leaves
            .accepted
            .arrays(&mut |array| last_use.insert(array, at));
        leaves
            .present
            .arrays(&mut |array| last_use.insert(array, at));
    }
    Search {
        fields: &fields,
        last_use,
        steps: 0,
    }
    .run()
}

/// Where the leaves of one field lie.
#[derive(Debug, Default)]
struct Leaves {
    accepted: Elements,
    /// All leaves; kept only when the field may be absent.
    present: Elements,
    or_absent: bool,
}

impl Leaves {
    fn of<N: Node>(field: &Field, root: &N::Members) -> Leaves {
        let mut leaves = Leaves {
            or_absent: field.or_absent,
            ..Leaves::default()
        };
        field.visit::<N>(root, &mut |leaf, places| {
            if field.or_absent {
                leaves.present.insert(places);
            }
            if field.accepts(leaf) {
                leaves.accepted.insert(places);
            }
            ControlFlow::Continue(())
        });
        leaves
    }
}

/// A set of places as a tree, outermost elements first.
#[derive(Debug, Default)]
struct Elements {
    here: bool,
    arrays: Vec<(usize, BTreeMap<usize, Elements>)>,
}

impl Elements {
    fn insert(&mut self, places: &[Place]) {
        let Some((&(array, index), inner)) = places.split_first() else {
            self.here = true;
            return;
        };
        let known = self.arrays.iter().position(|&(known, _)| known == array);
        let at = known.unwrap_or_else(|| {
            self.arrays.push((array, BTreeMap::new()));
            self.arrays.len() - 1
        });
        if let Some((_, elements)) = self.arrays.get_mut(at) {
            elements.entry(index).or_default().insert(inner);
        }
    }

    /// Shows every place that agrees with `bound`, as what `bound` becomes by choosing it.
    fn agreeing(
        &self,
        bound: &Bound,
        see: &mut impl FnMut(&Bound) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if self.here {
            see(bound)?;
        }
        for (array, elements) in &self.arrays {
            match bound.element(*array) {
                Some(index) => {
                    if let Some(inner) = elements.get(&index) {
                        inner.agreeing(bound, see)?;
                    }
                }
                None => {
                    for (&index, inner) in elements {
                        inner.agreeing(&bound.with((*array, index)), see)?;
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn arrays<T>(&self, see: &mut impl FnMut(usize) -> T) {
        for (array, elements) in &self.arrays {
            see(*array);
            for inner in elements.values() {
                inner.arrays(see);
            }
        }
    }
}

/// Which element of which array was chosen, sorted by array.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Bound(Vec<Place>);

impl Bound {
    fn element(&self, array: usize) -> Option<usize> {
        self.0
            .iter()
            .find(|place| place.0 == array)
            .map(|place| place.1)
    }

    fn with(&self, place: Place) -> Bound {
        let mut places = self.0.clone();
        let at = places.partition_point(|known| known.0 < place.0);
        places.insert(at, place);
        Bound(places)
    }
}

struct Search<'a> {
    fields: &'a [Leaves],
    /// The last field that has leaves within an array.
    last_use: HashMap<usize, usize>,
    steps: usize,
}

/// The fields before `at` are suited, by the choices in `bound`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    at: usize,
    bound: Bound,
}

/// A state on the way, and the choices for its field that are still to be tried.
struct Visit {
    state: State,
    choices: Vec<Bound>,
}

impl Search<'_> {
    fn run(mut self) -> Result<bool, Entangled> {
        let mut failed: HashSet<State> = HashSet::new();
        let start = State {
            at: 0,
            bound: Bound::default(),
        };
        let Some(first) = self.visit(start)? else {
            return Ok(true);
        };
        // A stack of our own: there may be as many fields on the way as the pattern has.
        let mut way = vec![first];
        while let Some(visit) = way.last_mut() {
            if let Some(bound) = visit.choices.pop() {
                let state = self.noticed(visit.state.at + 1, bound);
                if failed.contains(&state) {
                    continue;
                }
                match self.visit(state)? {
                    Some(next) => way.push(next),
                    None => return Ok(true),
                }
            } else if let Some(visit) = way.pop() {
                failed.insert(visit.state);
            }
        }
        Ok(false)
    }

    /// The state without what no field from `at` on can notice.
    fn noticed(&self, at: usize, mut bound: Bound) -> State {
        bound
            .0
            .retain(|place| self.last_use.get(&place.0).is_some_and(|&last| last >= at));
        State { at, bound }
    }

    /// Every choice there is for the field of this state; `None` when no field is left.
    fn visit(&mut self, state: State) -> Result<Option<Visit>, Entangled> {
        let Some(field) = self.fields.get(state.at) else {
            return Ok(None);
        };
        let mut choices = Vec::new();
        let steps = &mut self.steps;
        // A break means that the steps are spent, which is checked below.
        let _ = field.accepted.agreeing(&state.bound, &mut |chosen| {
            *steps += 1;
            choices.push(chosen.clone());
            if *steps > SEARCH_STEPS_MAX {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if self.steps > SEARCH_STEPS_MAX {
            return Err(Entangled);
        }
        let present = || {
            field
                .present
                .agreeing(&state.bound, &mut |_| ControlFlow::Break(()))
        };
        if field.or_absent && present().is_continue() {
            choices.push(state.bound.clone());
        }
        Ok(Some(Visit { state, choices }))
    }
}
