//! Processing: the gateway settles the payment.
//!
//! Result: `{"success": true, "paymentId", "transactionId", "status": "completed"}`, the
//! seed's. A payment that is settled already, under this event or another about the same change,
//! gives the recorded result, and the gateway is not asked. Otherwise it is asked with a key that belongs to the event, so that a retry after an
//! answer that was lost is told of the first settlement.

use domain::meaning::{Fact, Meaning};
use domain::record::EventRecord;
use domain::settlement::{Settlement, SettlementChange};
use domain::task::TaskFailure;
use serde_json::{Value, json};
use tracing::Instrument as _;

use super::{Done, Job};
use crate::failure;
use crate::gateway::{GatewayRequest, IdempotencyKey, KeyGeneration, PaymentGateway};
use crate::trace;

pub(super) const REACHES_OUTSIDE: bool = true;

/// What the gateway is asked to do, as part of the idempotency key. Never change it.
const OPERATION: &str = "settle";

pub(super) async fn run<G: PaymentGateway>(
    job: Job<'_>,
    gateway: &G,
) -> Result<Done, TaskFailure> {
    let payment_id = &job.record.key.payment_id;
    if let Settlement::Completed { transaction_id, .. } = &job.record.settlement {
        return Ok(Done {
            output: result(payment_id, transaction_id),
            change: None,
        });
    }
    if let Some(Meaning {
        fact: Fact::Unreadable { problem },
        ..
    }) = &job.record.meaning
    {
        // Nobody knows what it says: no machine may move money for it.
        return Err(failure::failed(
            failure::EVENT_UNREADABLE,
            format!("the provider's event cannot be read: {problem}"),
        ));
    }
    if let Some(Settlement::Completed {
        transaction_id,
        processed_at,
        ..
    }) = &job.settled_before
    {
        // Another event about the same change: the money has moved for both.
        return Ok(Done {
            output: result(payment_id, transaction_id),
            change: Some(SettlementChange::Complete {
                transaction_id: transaction_id.clone(),
                processed_at: *processed_at,
            }),
        });
    }
    let request = request(&job);
    let span = tracing::info_span!(
        "gateway",
        trace_id = %job.record.trace.id,
        idempotency_key = %request.idempotency_key,
    );
    let receipt = gateway.settle(&request).instrument(span).await?;
    Ok(Done {
        output: result(payment_id, &receipt.transaction_id),
        change: Some(SettlementChange::Complete {
            transaction_id: receipt.transaction_id,
            processed_at: receipt.processed_at,
        }),
    })
}

fn request(job: &Job<'_>) -> GatewayRequest {
    let record = &job.record;
    GatewayRequest {
        idempotency_key: idempotency_key(record),
        payment_id: record.key.payment_id.clone(),
        amount: record.amount,
        currency: record.currency,
        provider: record.provider.clone(),
        event_key: record.event_key.clone(),
        traceparent: trace::parent(record.trace.id, job.call),
        now: job.now,
        deadline: job.call.deadline,
    }
}

/// Several events may tell of one change of a payment; where its state is known the key belongs to
/// that, and money moves once whichever of them comes first.
fn idempotency_key(record: &EventRecord) -> IdempotencyKey {
    let generation = KeyGeneration::default();
    match record.change() {
        Some(change) => IdempotencyKey::derive_for_state(
            &record.event_key.source,
            &record.key.payment_id,
            change,
            OPERATION,
            generation,
        ),
        None => IdempotencyKey::derive(&record.event_key, OPERATION, generation),
    }
}

fn result(payment_id: &str, transaction_id: &str) -> Value {
    json!({
        "success": true,
        "paymentId": payment_id,
        "transactionId": transaction_id,
        "status": "completed",
    })
}
