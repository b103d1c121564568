//! How many wildcard prefixes one value may keep alive at once, which is what EventBridge bounds
//! ("Rule is too complex"). A prefix is a wildcard cut off after any of its characters: against
//! the value `ab`, the wildcard `a*b` has first `a` and `a*` alive, then `a*` and `a*b`.
//!
//! Counted by walking all sets of prefixes that some value can reach, at most
//! [`WILDCARD_SETS_MAX`] of them.

use crate::limits::{WILDCARD_PREFIXES_MAX, WILDCARD_SETS_MAX};
use crate::parse::{Branch, Field};
use crate::value::{Excluded, Value};
use crate::wildcard::Wildcard;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// The path of the first field whose wildcards are too complex together.
pub(crate) fn excess(branches: &[Branch]) -> Option<&str> {
    let mut sets_left = WILDCARD_SETS_MAX;
    let machine = machines(branches).into_iter().find(|machine| {
        let mut values: Vec<&[Wildcard]> = Vec::new();
        for value in machine.fields.iter().flat_map(|field| wildcards(field)) {
            // The same value given twice is one; every other adds a prefix at least.
            if values.len() <= WILDCARD_PREFIXES_MAX && !values.contains(&value) {
                values.push(value);
            }
        }
        Automaton::new(values.into_iter()).is_too_complex(&mut sets_left)
    })?;
    Some(machine.path)
}

/// Fields that EventBridge judges together.
struct Machine<'a> {
    path: &'a str,
    fields: Vec<&'a Arc<Field>>,
}

/// Branches that agree on every field before one share a machine for that one.
fn machines(branches: &[Branch]) -> Vec<Machine<'_>> {
    let mut machines: Vec<Machine<'_>> = Vec::new();
    let mut known: HashMap<(usize, &str), usize> = HashMap::new();
    // Every run of first fields has a number; the empty one has 0.
    let mut runs: HashMap<(usize, usize), usize> = HashMap::new();
    for branch in branches {
        let mut run = 0;
        for field in &branch.fields {
            if wildcards(field).next().is_some() {
                let path = field.path.text();
                let at = *known.entry((run, path)).or_insert(machines.len());
                if at == machines.len() {
                    machines.push(Machine {
                        path,
                        fields: Vec::new(),
                    });
                }
                if let Some(machine) = machines.get_mut(at)
                    && !machine.fields.iter().any(|known| Arc::ptr_eq(known, field))
                {
                    machine.fields.push(field);
                }
            }
            let next = runs.len() + 1;
            run = *runs.entry((run, Arc::as_ptr(field).addr())).or_insert(next);
        }
    }
    machines
}

/// The wildcards of each value of the field that has any.
fn wildcards(field: &Field) -> impl Iterator<Item = &[Wildcard]> {
    field.any_of.iter().filter_map(|value| {
        if let Value::Wildcard(wildcard) = value {
            Some(std::slice::from_ref(wildcard))
        } else if let Value::AnythingBut(Excluded::Wildcards(wildcards)) = value {
            Some(&**wildcards)
        } else {
            None
        }
    })
}

/// Every prefix is a state; a star stays alive whatever follows.
#[derive(Debug, Default)]
struct Automaton {
    states: Vec<State>,
    /// Alive after the quote that every string begins with.
    starts: BTreeSet<usize>,
}

#[derive(Debug, Default)]
struct State {
    is_star: bool,
    star: Option<usize>,
    bytes: Vec<(u8, usize)>,
}

impl Automaton {
    fn new<'a>(values: impl Iterator<Item = &'a [Wildcard]>) -> Automaton {
        let mut automaton = Automaton::default();
        for wildcards in values {
            // The wildcards of one value share what they begin with up to their first star, and
            // the quote that ends them; different values share nothing.
            let start = automaton.add(State::default());
            let end = automaton.add(State::default());
            automaton.starts.insert(start);
            for wildcard in wildcards {
                automaton.trace(wildcard, start, end);
            }
        }
        automaton
    }

    fn add(&mut self, state: State) -> usize {
        self.states.push(state);
        self.states.len() - 1
    }

    fn trace(&mut self, wildcard: &Wildcard, start: usize, end: usize) {
        let mut at = start;
        for (index, part) in wildcard.parts().enumerate() {
            if index > 0 {
                at = match self.states.get(at).and_then(|state| state.star) {
                    Some(shared) => shared,
                    None => {
                        let star = self.add(State {
                            is_star: true,
                            ..State::default()
                        });
                        if let Some(state) = self.states.get_mut(at) {
                            state.star = Some(star);
                        }
                        star
                    }
                };
            }
            for byte in part.bytes() {
                let shared = match self.states.get(at) {
                    Some(state) if index == 0 => state.bytes.iter().find(|edge| edge.0 == byte),
                    Some(_) | None => None,
                };
                at = match shared {
                    Some(&(_, shared)) => shared,
                    None => {
                        let next = self.add(State::default());
                        self.connect(at, byte, next);
                        next
                    }
                };
            }
        }
        self.connect(at, b'"', end);
    }

    fn connect(&mut self, from: usize, byte: u8, to: usize) {
        if let Some(state) = self.states.get_mut(from) {
            state.bytes.push((byte, to));
        }
    }

    fn is_too_complex(&self, sets_left: &mut usize) -> bool {
        let mut seen: HashSet<BTreeSet<usize>> = HashSet::new();
        let mut pending = vec![self.with_stars(self.starts.clone())];
        while let Some(alive) = pending.pop() {
            if alive.len() > WILDCARD_PREFIXES_MAX || *sets_left == 0 {
                return true;
            }
            // A byte that no prefix goes on with leaves a part of this set, and what a part
            // can reach is a part of what the whole can; so only these bytes matter.
            let states = alive.iter().filter_map(|&at| self.states.get(at));
            let bytes: BTreeSet<u8> = states
                .flat_map(|state| state.bytes.iter().map(|&(byte, _)| byte))
                .collect();
            for byte in bytes {
                let next = self.with_stars(self.after(&alive, byte));
                if !seen.contains(&next) {
                    *sets_left = sets_left.saturating_sub(1);
                    seen.insert(next.clone());
                    pending.push(next);
                }
            }
        }
        false
    }

    fn after(&self, alive: &BTreeSet<usize>, byte: u8) -> BTreeSet<usize> {
        let mut next = BTreeSet::new();
        for &at in alive {
            let Some(state) = self.states.get(at) else {
                continue;
            };
            if state.is_star {
                next.insert(at);
            }
            next.extend(
                state
                    .bytes
                    .iter()
                    .filter(|edge| edge.0 == byte)
                    .map(|edge| edge.1),
            );
        }
        next
    }

    /// What matches a prefix also matches it with a star behind.
    fn with_stars(&self, mut alive: BTreeSet<usize>) -> BTreeSet<usize> {
        let stars: Vec<usize> = alive
            .iter()
            .filter_map(|&at| self.states.get(at).and_then(|state| state.star))
            .collect();
        alive.extend(stars);
        alive
    }
}

#[cfg(test)]
mod tests {
    use crate::Pattern;

    #[test]
    fn prefixes_that_can_be_alive_together_are_bounded() {
        for (list, allowed) in [
            (r#"[{"wildcard": "*:*:*:*:*:event-bus/*"}]"#, false),
            (r#"[{"wildcard": "*:*:*:*:*:event-bus/"}]"#, true),
            (r#"[{"wildcard": "*a*b*c*d*e*f*g*h*"}]"#, true),
            (r#"[{"wildcard": "*a*b*c*d*e*f*g*h*i*"}]"#, false),
            (r#"[{"wildcard": "*aaaaaaaa"}]"#, true),
            (r#"[{"wildcard": "*aaaaaaaaaa"}]"#, false),
            (r#"[{"wildcard": "aaaaaaaaaaaaaaaaaaaaaaaaaa"}]"#, true),
            (
                r#"[{"wildcard": "*a*b*c*"}, {"wildcard": "*a*b*c*"}, {"wildcard": "*a*b*c*"}]"#,
                true,
            ),
            (
                r#"[{"wildcard": "*a*b*c*"}, {"wildcard": "*a*b*d*"}, {"wildcard": "*a*b*e*"}]"#,
                false,
            ),
            // Two of these are known to be taken by the service, four to be refused.
            (
                r#"[{"wildcard": "*/in/*.bif"}, {"wildcard": "*/in/*.tif"}]"#,
                true,
            ),
            (
                r#"[{"wildcard": "*/in/*.bif"}, {"wildcard": "*/in/*.tif"},
                    {"wildcard": "*/in/*.tiff"}, {"wildcard": "*/in/*.svs"}]"#,
                false,
            ),
            (
                r#"[{"wildcard": "*.bif"}, {"wildcard": "*.tif"},
                    {"wildcard": "*.tiff"}, {"wildcard": "*.svs"}]"#,
                true,
            ),
            (
                r#"[{"anything-but": {"wildcard": ["*foo*", "*bar*", "*baz*"]}}]"#,
                true,
            ),
            (
                r#"[{"anything-but": {"wildcard": "*:*:*:*:*:event-bus/*"}}]"#,
                false,
            ),
        ] {
            let pattern = format!(r#"{{"a": {list}}}"#);
            assert_eq!(Pattern::parse(&pattern).is_ok(), allowed, "{list}");
        }
    }

    #[test]
    fn alternatives_of_or_are_judged_together_where_they_meet() {
        let one = r#"[{"wildcard": "*ab*cd*"}, {"wildcard": "*ef*"}]"#;
        let other = r#"[{"wildcard": "*gh*ij*"}, {"wildcard": "*kl*"}]"#;
        let both = format!(r#"{{"$or": [{{"a": {one}}}, {{"a": {other}}}]}}"#);
        let apart = format!(r#"{{"$or": [{{"a": {one}}}, {{"b": {other}}}]}}"#);
        let same = format!(r#"{{"$or": [{{"a": {one}}}, {{"a": {one}}}]}}"#);
        assert!(Pattern::parse(&both).is_err());
        assert!(Pattern::parse(&apart).is_ok());
        assert!(Pattern::parse(&same).is_ok());
    }
}
