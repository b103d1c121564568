//! Custody: the port [`EventLog`].

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use domain::delivery::RawDelivery;
use domain::event::EventKeyDigest;
use domain::record::{EventRecord, RecordKey};
use domain::time::Timestamp;
use engine::store::{Appended, Custody, EventLog, NotKept, Unavailable};
use tracing::warn;

use crate::DynamoStore;
use crate::append::{Append, CLAIM, Puts, Refused};
use crate::attributes::{self, Item};
use crate::fault::{unavailable, unreadable};
use crate::item;
use crate::tables::expires_at;

/// Most plans for one delivery. Each that fails has let somebody else's transaction through, so
/// only a crowd on one payment comes near it; the sender's own retry is the next turn.
const PLANS_MAX: u32 = 24;

/// Longest wait before a plan after a collision.
const PAUSE_MAX: Duration = Duration::from_millis(100);

impl EventLog for DynamoStore {
    /// At the latest when this returns, the transaction is committed in at least two of the
    /// region's zones, which is what DynamoDB means by a success.
    async fn append_once(&self, custody: Custody) -> Result<Appended, NotKept> {
        let mut append = Append::new(&custody);
        for plan in 0..PLANS_MAX {
            let mut newest = self.newest_of(&append.open_payments()).await?;
            let puts = append.plan(&mut newest, self.retention)?;
            if puts.is_empty() {
                break;
            }
            let Err(error) = self.put_all(&puts).await else {
                append.stored(puts);
                continue;
            };
            let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) =
                error.as_service_error()
            else {
                return Err(unavailable("TransactWriteItems", &error).into());
            };
            match append.refused(&puts, canceled.cancellation_reasons()) {
                Ok(Refused::PlanAnew) => {}
                Ok(Refused::Collided) => tokio::time::sleep(pause_before(plan)).await,
                Ok(Refused::Broken) => return Err(unavailable("TransactWriteItems", &error).into()),
                Err(misread) => return Err(unreadable(misread).into()),
            }
        }
        for digest in append.conflicts() {
            self.keep_conflict(&digest, custody.admitted.delivery())
                .await?;
        }
        let Some(events) = append.fates(&custody) else {
            warn!(
                plans = PLANS_MAX,
                "too many deliveries of one payment at once"
            );
            return Err(Unavailable::Overloaded.into());
        };
        // The platform's workflows promise no order and ask no payment's other events: what does not
        // fit is worked out where a payment is looked at.
        Ok(Appended {
            events,
            anomalies: Vec::new(),
        })
    }

    /// Nothing is known before it is tried: there is no connection that could be down.
    fn takes_custody(&self) -> Result<(), Unavailable> {
        Ok(())
    }

    async fn record(&self, key: &RecordKey) -> Result<Option<EventRecord>, Unavailable> {
        let found = self.record_item(key).await?;
        let record = found.as_ref().map(item::to_record);
        record.transpose().map_err(unreadable)
    }

    async fn settled_before(
        &self,
        record: &EventRecord,
    ) -> Result<Option<EventRecord>, Unavailable> {
        let mut start = None;
        loop {
            let asked = self.client.query();
            let asked = asked
                .table_name(&self.tables.payments)
                .key_condition_expression("paymentId = :payment")
                .filter_expression("attribute_exists(transactionId)")
                .expression_attribute_values(":payment", attributes::text(&*record.key.payment_id))
                .scan_index_forward(false)
                .consistent_read(true)
                .set_exclusive_start_key(start);
            let answer = asked.send().await;
            let answer = answer.map_err(|error| unavailable("Query", &error))?;
            for found in answer.items() {
                let other = item::to_record(found).map_err(unreadable)?;
                if other.key != record.key && other.tells_the_same_as(record) {
                    return Ok(Some(other));
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(None);
            }
        }
    }

    async fn find_event(&self, event: &EventKeyDigest) -> Result<Option<RecordKey>, Unavailable> {
        let asked = self.client.get_item();
        let asked = asked
            .table_name(&self.tables.event_keys)
            .set_key(Some(event_entry(event, CLAIM.to_owned())))
            .consistent_read(true);
        let answer = asked.send().await;
        let found = answer.map_err(|error| unavailable("GetItem", &error))?.item;
        let key = found.as_ref().map(item::to_key);
        key.transpose().map_err(unreadable)
    }
}

impl DynamoStore {
    /// The item of a record as it now stands.
    pub(crate) async fn record_item(&self, key: &RecordKey) -> Result<Option<Item>, Unavailable> {
        let asked = self.client.get_item();
        let asked = asked
            .table_name(&self.tables.payments)
            .set_key(Some(item::key(key)))
            .consistent_read(true);
        let answer = asked.send().await;
        Ok(answer.map_err(|error| unavailable("GetItem", &error))?.item)
    }

    /// The time of the newest record of each of these payments that has one.
    async fn newest_of<'p>(
        &self,
        payments: &[&'p str],
    ) -> Result<HashMap<&'p str, Timestamp>, Unavailable> {
        let mut newest = HashMap::new();
        for payment in payments {
            let asked = self.client.query();
            let asked = asked
                .table_name(&self.tables.payments)
                .key_condition_expression("paymentId = :payment")
                .expression_attribute_values(":payment", attributes::text(*payment))
                .projection_expression("paymentId, #timestamp")
                .expression_attribute_names("#timestamp", "timestamp")
                .scan_index_forward(false)
                .limit(1)
                .consistent_read(true);
            let answer = asked.send().await;
            let answer = answer.map_err(|error| unavailable("Query", &error))?;
            if let Some(found) = answer.items().first() {
                let key = item::to_key(found).map_err(unreadable)?;
                newest.insert(*payment, key.timestamp);
            }
        }
        Ok(newest)
    }

    async fn put_all(&self, puts: &[Puts]) -> Result<(), SdkError<TransactWriteItemsError>> {
        let mut actions = Vec::with_capacity(puts.len() * 2);
        for put in puts {
            actions.push(put_new(&self.tables.event_keys, "eventKey", &put.claim));
            actions.push(put_new(&self.tables.payments, "paymentId", &put.record));
        }
        let transaction = self.client.transact_write_items();
        let done = transaction.set_transact_items(Some(actions)).send().await;
        done.map(|_| ())
    }

    /// Keeps a delivery with a claimed key and other bytes, once for each distinct body.
    async fn keep_conflict(
        &self,
        event: &EventKeyDigest,
        raw: &RawDelivery,
    ) -> Result<(), Unavailable> {
        let until = expires_at(raw.received_at, self.retention.event_key_days);
        let asked = self.client.update_item();
        let asked = asked
            .table_name(&self.tables.event_keys)
            .set_key(Some(event_entry(
                event,
                format!("conflict#{}", raw.body_hash()),
            )))
            .update_expression(
                "SET body = if_not_exists(body, :body), \
                 receivedAt = if_not_exists(receivedAt, :receivedAt), \
                 expiresAt = :expiresAt ADD deliveries :one",
            )
            .expression_attribute_values(":body", attributes::bytes(&raw.body))
            .expression_attribute_values(
                ":receivedAt",
                attributes::number(raw.received_at.as_millis()),
            )
            .expression_attribute_values(":expiresAt", attributes::number(until))
            .expression_attribute_values(":one", attributes::number(1));
        let done = asked.send().await;
        done.map_err(|error| unavailable("UpdateItem", &error))?;
        Ok(())
    }
}

/// The key of an entry of the event keys table.
fn event_entry(event: &EventKeyDigest, entry: String) -> Item {
    Item::from([
        ("eventKey".to_owned(), attributes::text(event.to_string())),
        ("entry".to_owned(), AttributeValue::S(entry)),
    ])
}

/// Puts an item that must be new; when it is not, the refusal shows the one that is there.
fn put_new(table: &str, partition_key: &str, item: &Item) -> TransactWriteItem {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(item.clone()))
        .condition_expression(format!("attribute_not_exists({partition_key})"))
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    // The builder fails only without a table or an item.
    TransactWriteItem::builder()
        .set_put(put.build().ok())
        .build()
}

/// A little longer each time: of those that collide, one gets through.
fn pause_before(plan: u32) -> Duration {
    let base = Duration::from_millis(4).saturating_mul(plan + 1);
    base.min(PAUSE_MAX)
}
