//! What a recording gateway writes down, and what it was told to answer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Notify;

/// What a gateway does with one request.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Acts once a key, and says so.
    Settle,
    /// Answers with a status, and headers where they are given; has not acted.
    Refuse(u16, Vec<(&'static str, String)>),
    /// Acts, and takes so long to say so.
    SettleSlowly(Duration),
    /// Acts when it is released, and says so.
    SettleWhenReleased(Arc<Notify>),
    /// Acts, and hangs up in the middle of saying so.
    LoseAnswer,
    /// Hangs up without having acted.
    HangUp,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) key: String,
    pub(crate) payment: String,
    pub(crate) body: Value,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) at: Instant,
}

/// Every request, and every effect by its idempotency key.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    asked: Mutex<Vec<Asked>>,
    effects: Mutex<BTreeMap<String, String>>,
    scripts: Mutex<BTreeMap<String, VecDeque<Act>>>,
}

impl Ledger {
    /// What happens to a payment, one act a request; what comes after is settled.
    pub(crate) fn script(&self, payment: &str, acts: impl IntoIterator<Item = Act>) {
        let acts = acts.into_iter().collect();
        lock(&self.scripts).insert(payment.to_owned(), acts);
    }

    /// Notes a request and says what to do with it.
    pub(crate) fn ask(&self, asked: Asked) -> Act {
        let act = lock(&self.scripts)
            .get_mut(&asked.payment)
            .and_then(VecDeque::pop_front);
        lock(&self.asked).push(asked);
        act.unwrap_or(Act::Settle)
    }

    /// Acts, once for each key, and gives the transaction's id.
    pub(crate) fn act(&self, key: &str, payment: &str) -> String {
        let mut effects = lock(&self.effects);
        effects.insert(key.to_owned(), payment.to_owned());
        format!("txn-{key}")
    }

    /// Every request about a payment, in order.
    pub(crate) fn asked(&self, payment: &str) -> Vec<Asked> {
        let all = lock(&self.asked);
        all.iter()
            .filter(|asked| asked.payment == payment)
            .cloned()
            .collect()
    }

    /// Every request, in order.
    pub(crate) fn all_asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }

    /// The keys under which something was done for a payment.
    pub(crate) fn effects(&self, payment: &str) -> Vec<String> {
        let effects = lock(&self.effects);
        effects
            .iter()
            .filter(|(_, acted_for)| *acted_for == payment)
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Every effect: key and payment.
    pub(crate) fn all_effects(&self) -> BTreeMap<String, String> {
        lock(&self.effects).clone()
    }
}

impl Act {
    pub(crate) fn refuse(status: u16) -> Self {
        Self::Refuse(status, Vec::new())
    }

    pub(crate) fn refuse_for(status: u16, seconds: u32) -> Self {
        Self::Refuse(status, vec![("retry-after", seconds.to_string())])
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}
