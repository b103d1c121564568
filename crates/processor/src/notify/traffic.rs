//! Who may be called now: so many rounds at once, of which half may call endpoints that fail.
//!
//! A call to an endpoint that hangs holds a hand for as long as it may take. So one that fails is
//! called by one round at a time, and no more than half of the rounds call any: what it takes to see
//! that one is back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::notification::EndpointName;
use domain::time::Timestamp;

/// What is under way.
#[derive(Debug, Default)]
pub(super) struct Traffic(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    rounds: usize,
    /// Those of them that call an endpoint that fails.
    probing: usize,
    /// Endpoints that fail and are called now.
    probed: BTreeSet<EndpointName>,
    /// Until when endpoints have asked to be left alone.
    asked: BTreeMap<EndpointName, Timestamp>,
}

/// The right to make a round, until it is dropped.
#[derive(Debug)]
pub(crate) struct Round<'a> {
    traffic: &'a Traffic,
    rounds_max: usize,
    probed: Vec<EndpointName>,
}

impl Traffic {
    /// The right to make a round; `None` while `rounds_max` are made.
    pub(super) fn begin(&self, rounds_max: usize) -> Option<Round<'_>> {
        let mut state = self.state();
        if state.rounds >= rounds_max {
            return None;
        }
        state.rounds += 1;
        Some(Round {
            traffic: self,
            rounds_max,
            probed: Vec::new(),
        })
    }

    /// Notes that an endpoint has asked to be left alone until then, or that it is well.
    pub(super) fn asked(&self, name: &EndpointName, until: Option<Timestamp>) {
        let mut state = self.state();
        match until {
            Some(until) => {
                state.asked.insert(name.clone(), until);
            }
            None => {
                state.asked.remove(name);
            }
        }
    }

    /// Until when an endpoint has asked to be left alone, if it has.
    pub(super) fn asked_until(&self, name: &EndpointName) -> Option<Timestamp> {
        self.state().asked.get(name).copied()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here panics with the lock held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Round<'_> {
    /// Whether this round may call an endpoint that fails. It is this round's until that is over.
    pub(crate) fn probe(&mut self, name: &EndpointName) -> bool {
        let mut state = self.traffic.state();
        // Calls of one round are made side by side, so a further one holds no further hand.
        let has_place = !self.probed.is_empty();
        let is_room = has_place || state.probing < (self.rounds_max / 2).max(1);
        if !is_room || !state.probed.insert(name.clone()) {
            return false;
        }
        if !has_place {
            state.probing = state.probing.saturating_add(1);
        }
        self.probed.push(name.clone());
        true
    }
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        let mut state = self.traffic.state();
        state.rounds = state.rounds.saturating_sub(1);
        if !self.probed.is_empty() {
            state.probing = state.probing.saturating_sub(1);
        }
        for name in &self.probed {
            state.probed.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> EndpointName {
        EndpointName::try_new(text).unwrap()
    }

    #[test]
    fn one_that_fails_has_one_place_and_half_of_the_rounds_have_any() {
        let traffic = Traffic::default();
        let mut rounds: Vec<_> = (0..4).map(|_| traffic.begin(4).unwrap()).collect();
        assert!(traffic.begin(4).is_none());
        let (a, b, c) = (name("a"), name("b"), name("c"));
        assert!(rounds[0].probe(&a));
        assert!(!rounds[1].probe(&a), "it is called already");
        assert!(rounds[1].probe(&b));
        assert!(!rounds[2].probe(&c), "half of four");
        assert!(rounds[0].probe(&c), "beside the other");
        rounds.remove(0);
        assert!(rounds[1].probe(&c) && rounds[1].probe(&a));
        drop(rounds);
        let mut alone = traffic.begin(1).unwrap();
        assert!(traffic.begin(1).is_none());
        assert!(alone.probe(&a) && alone.probe(&b));
    }

    #[test]
    fn what_was_asked_last_holds() {
        let traffic = Traffic::default();
        let shop = name("shop");
        assert_eq!(traffic.asked_until(&shop), None);
        for until in [Some(5), Some(3), None] {
            let until = until.map(Timestamp::from_millis);
            traffic.asked(&shop, until);
            assert_eq!(traffic.asked_until(&shop), until);
        }
    }
}
