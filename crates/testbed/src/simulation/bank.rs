//! The other side: a payment gateway that outlives every process, remembers who asked for what,
//! and may act although nobody waits for its answer any more.

use std::sync::Mutex;

use domain::time::Timestamp;
use processor::gateway::simulated::{LedgerEntry, SimulatedGateway, SimulatedSettings};
use processor::gateway::{
    GatewayFailure, GatewayReceipt, GatewayRequest, IdempotencyKey, KeyGeneration, PaymentGateway,
};

use super::clock::WorldClock;
use super::faults::{Hazards, Mutant};
use std::sync::Arc;

/// The gateway of one world.
#[derive(Debug)]
pub struct Bank {
    gateway: SimulatedGateway<WorldClock>,
    hazards: Arc<Hazards>,
    calls: Mutex<Vec<Call>>,
}

/// One request as it reached the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// For which event, as text.
    pub event_key: String,
    /// Under which key.
    pub idempotency_key: IdempotencyKey,
    /// How much, as text with the currency.
    pub amount: String,
    /// When the attempt began.
    pub at: Timestamp,
}

impl Bank {
    /// A gateway that nobody has asked yet.
    pub fn new(settings: SimulatedSettings, clock: WorldClock, hazards: Arc<Hazards>) -> Self {
        Self {
            gateway: SimulatedGateway::new(settings, clock),
            hazards,
            calls: Mutex::default(),
        }
    }

    /// Every effect.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.gateway.ledger()
    }

    /// Every request, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().expect("nobody panics in here").clone()
    }

    fn count_call(&self, request: &GatewayRequest) -> u32 {
        let mut calls = self.calls.lock().expect("nobody panics in here");
        calls.push(Call {
            event_key: request.event_key.to_string(),
            idempotency_key: request.idempotency_key.clone(),
            amount: format!("{} {}", request.amount, request.currency.code()),
            at: request.now,
        });
        u32::try_from(calls.len()).unwrap_or(u32::MAX)
    }
}

impl PaymentGateway for Bank {
    async fn settle(&self, request: &GatewayRequest) -> Result<GatewayReceipt, GatewayFailure> {
        let mut request = request.clone();
        let own_key = |request: &GatewayRequest, call| {
            IdempotencyKey::derive(&request.event_key, "settle", KeyGeneration(call))
        };
        if self.hazards.has(Mutant::KeyOfTheAttempt) {
            let call = u32::try_from(self.calls().len()).unwrap_or(u32::MAX);
            request.idempotency_key = own_key(&request, call);
        }
        let call = self.count_call(&request);
        if self.hazards.has(Mutant::GatewayChargesTwice) {
            request.idempotency_key = own_key(&request, call);
        }
        let answer = self.gateway.settle(&request).await;
        let what = match &answer {
            Ok(_) => "the gateway settled",
            Err(GatewayFailure::Declined { .. }) => "the gateway declined",
            Err(GatewayFailure::RateLimited { .. }) => "the gateway asked for patience",
            Err(GatewayFailure::Timeout) => "the gateway timed out",
            Err(_) => "the gateway failed",
        };
        self.hazards.note(what);
        // The effect is there; the answer may come late or never.
        self.hazards.dawdle().await;
        answer
    }
}
