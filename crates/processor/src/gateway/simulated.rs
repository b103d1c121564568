//! A payment gateway that moves no money: for trying payhook out, for its demo and its tests.
//!
//! It behaves as the seed's did (100 ms, one call in ten fails) and as a good real one does:
//! one effect for each idempotency key, whoever asks and however often. Its luck follows from
//! a seed, the key and the time, so the same run fails at the same places.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use domain::time::{Millis, Timestamp};

use super::{GatewayFailure, GatewayReceipt, GatewayRequest, IdempotencyKey, PaymentGateway};
use crate::digest;

/// How the simulated gateway behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedSettings {
    /// How long each call takes. The seed's 100 ms.
    pub latency: Millis,
    /// How many calls in a thousand time out, half of them after having acted. The seed's 10 %.
    /// 1000 and more is all of them.
    pub failures_per_thousand: u16,
    /// What the luck follows from.
    pub seed: u64,
    /// How many settled keys are remembered, the oldest going first, as real gateways forget
    /// keys after a day. Each takes about 400 bytes.
    pub keys_kept_max: usize,
    /// What happens to particular payments instead of luck, by `paymentId`.
    pub scripts: BTreeMap<String, Script>,
}

/// What happens to one payment, call by call, whatever event the call is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The first calls, in order.
    pub first: Vec<Act>,
    /// Every call after them.
    pub then: Act,
}

/// What the gateway does with one call. A key that is settled stays settled in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// It settles and answers.
    Settle,
    /// It settles, and the answer is lost.
    LoseAnswer,
    /// It neither settles nor answers.
    TimeOut,
    /// It says that it cannot now.
    Fail,
    /// It asks for fewer calls.
    RateLimit {
        /// How long it asks to be left alone.
        retry_after: Option<Millis>,
    },
    /// It says no.
    Decline,
}

/// One effect of the gateway: money that would have moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Under which key.
    pub idempotency_key: IdempotencyKey,
    /// For which payment.
    pub payment_id: String,
    /// For which event, as text.
    pub event_key: String,
    /// The receipt that was given, and is given again.
    pub receipt: GatewayReceipt,
    /// How many calls came with this key since it was settled, the first included.
    pub calls: u32,
}

/// How the simulated gateway waits; on a real machine the runtime's timer, in tests nothing.
pub trait Sleep: Send + Sync {
    /// Returns after `span`.
    fn sleep(&self, span: Millis) -> impl Future<Output = ()> + Send;
}

/// The gateway. Cheap to ask from many tasks at once.
#[derive(Debug)]
pub struct SimulatedGateway<S> {
    settings: SimulatedSettings,
    sleep: S,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    ledger: BTreeMap<IdempotencyKey, LedgerEntry>,
    oldest: VecDeque<IdempotencyKey>,
    played: BTreeMap<String, usize>,
}

impl Default for SimulatedSettings {
    fn default() -> Self {
        Self {
            latency: Millis::new(100),
            failures_per_thousand: 100,
            seed: 0,
            keys_kept_max: 4096,
            scripts: BTreeMap::new(),
        }
    }
}

impl Script {
    /// The same for every call.
    pub const fn always(act: Act) -> Self {
        Self {
            first: Vec::new(),
            then: act,
        }
    }

    /// `act` for the first `calls` calls, and then a settlement.
    pub fn first(calls: usize, act: Act) -> Self {
        Self {
            first: vec![act; calls],
            then: Act::Settle,
        }
    }

    fn act(&self, call: usize) -> Act {
        self.first.get(call).copied().unwrap_or(self.then)
    }
}

impl<S: Sleep> SimulatedGateway<S> {
    /// A gateway that has settled nothing yet.
    pub fn new(settings: SimulatedSettings, sleep: S) -> Self {
        Self {
            settings,
            sleep,
            state: Mutex::default(),
        }
    }

    /// Every effect that is remembered, by key.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.with_state(|state| state.ledger.values().cloned().collect())
    }

    fn act(&self, state: &mut State, request: &GatewayRequest) -> Act {
        if let Some(script) = self.settings.scripts.get(&request.payment_id) {
            let played = state.played.entry(request.payment_id.clone()).or_default();
            let act = script.act(*played);
            *played = played.saturating_add(1);
            return act;
        }
        let luck = digest::number(digest::of(&[
            b"payhook/simulated-gateway/1",
            &self.settings.seed.to_be_bytes(),
            request.idempotency_key.as_str().as_bytes(),
            &request.now.as_millis().to_be_bytes(),
        ]));
        if luck % 1000 >= u64::from(self.settings.failures_per_thousand) {
            Act::Settle
        } else if luck & (1 << 63) == 0 {
            Act::LoseAnswer
        } else {
            Act::TimeOut
        }
    }

    fn answer(
        &self,
        state: &mut State,
        request: &GatewayRequest,
    ) -> Result<GatewayReceipt, GatewayFailure> {
        let at = request.now.after(self.settings.latency);
        let settled = state.ledger.contains_key(&request.idempotency_key);
        match self.act(state, request) {
            Act::Settle => Ok(self.settle_once(state, request, at)),
            Act::Decline if settled => Ok(self.settle_once(state, request, at)),
            Act::LoseAnswer => {
                self.settle_once(state, request, at);
                Err(GatewayFailure::Timeout)
            }
            Act::TimeOut => Err(GatewayFailure::Timeout),
            Act::Fail => Err(GatewayFailure::Unavailable {
                status: None,
                retry_after: None,
            }),
            Act::RateLimit { retry_after } => Err(GatewayFailure::RateLimited { retry_after }),
            Act::Decline => Err(GatewayFailure::Declined { status: None }),
        }
    }

    fn settle_once(
        &self,
        state: &mut State,
        request: &GatewayRequest,
        at: Timestamp,
    ) -> GatewayReceipt {
        if let Some(entry) = state.ledger.get_mut(&request.idempotency_key) {
            entry.calls = entry.calls.saturating_add(1);
            return entry.receipt.clone();
        }
        let key = &request.idempotency_key;
        let digest = digest::of(&[b"payhook/transaction/1", key.as_str().as_bytes()]);
        let receipt = GatewayReceipt {
            transaction_id: format!("txn_{}", digest::short_hex(digest, 12)),
            processed_at: at,
        };
        while state.oldest.len() >= self.settings.keys_kept_max.max(1) {
            if let Some(oldest) = state.oldest.pop_front() {
                state.ledger.remove(&oldest);
            }
        }
        state.oldest.push_back(key.clone());
        state.ledger.insert(
            key.clone(),
            LedgerEntry {
                idempotency_key: key.clone(),
                payment_id: request.payment_id.clone(),
                event_key: request.event_key.to_string(),
                receipt: receipt.clone(),
                calls: 1,
            },
        );
        receipt
    }

    fn with_state<T>(&self, read: impl FnOnce(&mut State) -> T) -> T {
        // The maps are whole between any two statements above, so a panic of another caller
        // leaves nothing half done.
        read(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<S: Sleep> PaymentGateway for SimulatedGateway<S> {
    async fn settle(&self, request: &GatewayRequest) -> Result<GatewayReceipt, GatewayFailure> {
        // A call that is given up while it waits has had no effect, like one that never arrived.
        self.sleep.sleep(self.settings.latency).await;
        self.with_state(|state| self.answer(state, request))
    }
}

impl<F, T> Sleep for F
where
    F: Fn(Millis) -> T + Send + Sync,
    T: Future<Output = ()> + Send,
{
    async fn sleep(&self, span: Millis) {
        self(span).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::KeyGeneration;
    use domain::currency::Currency;
    use domain::event::{EventId, EventKey};
    use domain::money::Amount;
    use domain::source::SourceName;
    use futures_util::FutureExt as _;
    use std::future::ready;

    fn request(payment_id: &str, now: i64) -> GatewayRequest {
        let event_key = EventKey {
            source: SourceName::generic(),
            id: EventId::Provider(format!("evt of {payment_id}")),
        };
        GatewayRequest {
            idempotency_key: IdempotencyKey::derive(&event_key, "settle", KeyGeneration(0)),
            payment_id: payment_id.into(),
            amount: Amount::ZERO,
            currency: Currency::USD,
            provider: "stripe".into(),
            event_key,
            traceparent: String::new(),
            now: Timestamp::from_millis(now),
            deadline: Timestamp::from_millis(now).after(Millis::from_secs(60)),
        }
    }

    fn gateway(settings: SimulatedSettings) -> SimulatedGateway<impl Sleep> {
        SimulatedGateway::new(settings, |_| ready(()))
    }

    fn scripted(script: Script) -> SimulatedGateway<impl Sleep> {
        gateway(SimulatedSettings {
            scripts: BTreeMap::from([("pay".to_owned(), script)]),
            ..SimulatedSettings::default()
        })
    }

    fn ask(
        gateway: &impl PaymentGateway,
        request: &GatewayRequest,
    ) -> Result<GatewayReceipt, GatewayFailure> {
        gateway.settle(request).now_or_never().unwrap()
    }

    fn names(gateway: &impl PaymentGateway, calls: i64) -> Vec<&'static str> {
        (0..calls)
            .map(|call| match ask(gateway, &request("pay", call)) {
                Ok(_) => "settled",
                Err(failure) => failure.error_name(),
            })
            .collect()
    }

    #[test]
    fn scripts_are_played_in_order_and_then_go_on_as_they_say() {
        let (late, no) = ("GatewayTimeout", "PaymentDeclined");
        let gateway = scripted(Script::first(2, Act::TimeOut));
        assert_eq!(names(&gateway, 4), [late, late, "settled", "settled"]);
        assert_eq!(gateway.ledger().len(), 1);

        let gateway = scripted(Script::always(Act::Decline));
        assert_eq!(names(&gateway, 3), [no, no, no]);
        assert!(gateway.ledger().is_empty());

        let acts = [
            Act::Fail,
            Act::RateLimit { retry_after: None },
            Act::LoseAnswer,
        ];
        let gateway = scripted(Script {
            first: acts.to_vec(),
            then: Act::Decline,
        });
        // The fourth call is told of the settlement whose answer was lost.
        assert_eq!(
            names(&gateway, 4),
            ["GatewayUnavailable", "GatewayRateLimited", late, "settled"]
        );
    }

    #[test]
    fn one_key_has_one_effect_and_one_receipt() {
        let gateway = scripted(Script::always(Act::Settle));
        let first = ask(&gateway, &request("pay", 1)).unwrap();
        let again = ask(&gateway, &request("pay", 2_000)).unwrap();
        assert_eq!(first, again);
        assert_eq!(first.processed_at, Timestamp::from_millis(101));
        let ledger = gateway.ledger();
        assert_eq!((ledger.len(), ledger[0].calls), (1, 2));
    }

    #[test]
    fn luck_follows_the_seed_and_changes_from_try_to_try() {
        let failures = |seed, per_thousand| -> Vec<i64> {
            let gateway = gateway(SimulatedSettings {
                seed,
                failures_per_thousand: per_thousand,
                ..SimulatedSettings::default()
            });
            let failed = |now: &i64| ask(&gateway, &request("other", *now)).is_err();
            (0..1000).filter(failed).collect()
        };
        let ten_percent = failures(1, 100);
        assert_eq!(ten_percent, failures(1, 100));
        assert_ne!(ten_percent, failures(2, 100));
        assert!((70..=130).contains(&ten_percent.len()), "{ten_percent:?}");
        assert_eq!(failures(1, 0).len(), 0);
        assert_eq!(failures(1, 1000).len(), 1000);
    }

    #[test]
    fn the_oldest_keys_are_forgotten() {
        let gateway = gateway(SimulatedSettings {
            failures_per_thousand: 0,
            keys_kept_max: 2,
            ..SimulatedSettings::default()
        });
        for payment_id in ["a", "b", "c"] {
            ask(&gateway, &request(payment_id, 0)).unwrap();
        }
        let mut kept: Vec<_> = gateway.ledger().into_iter().map(|e| e.payment_id).collect();
        kept.sort();
        assert_eq!(kept, ["b", "c"]);
    }
}
