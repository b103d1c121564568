//! Deliveries that were refused: the front door's half of the quarantine.
//!
//! It is bounded by time to live, by the length of a body and by the table's own limit on writes
//! (`maxWriteRequestUnits`): a flood of forgeries is then lost, and costs nothing more.

use std::time::Duration;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{self, Config};
use engine::store::{Quarantine, QuarantinedDelivery, Unavailable};

use crate::DynamoStore;
use crate::attributes::{self, Item};
use crate::fault::unavailable;
use crate::tables::expires_at;

impl Quarantine for DynamoStore {
    async fn quarantine(&self, refused: QuarantinedDelivery) -> Result<(), Unavailable> {
        let delivery = &refused.delivery;
        let name = format!("{}/{}", delivery.source, delivery.body_hash());
        let until = expires_at(delivery.received_at, self.retention.quarantine_days);
        let received_at = attributes::number(delivery.received_at.as_millis());
        let asked = self.client.update_item();
        let asked = asked
            .table_name(&self.tables.quarantine)
            .set_key(Some(Item::from([(
                "delivery".to_owned(),
                attributes::text(name),
            )])))
            .update_expression(
                "SET body = if_not_exists(body, :body), headers = :headers, \
                 reason = :reason, traceId = :traceId, lastReceivedAt = :receivedAt, \
                 firstReceivedAt = if_not_exists(firstReceivedAt, :receivedAt), \
                 expiresAt = :expiresAt ADD deliveries :one",
            )
            .expression_attribute_values(":body", attributes::bytes(&delivery.body))
            .expression_attribute_values(":headers", attributes::of_headers(&delivery.headers))
            .expression_attribute_values(":reason", attributes::text(refused.reason.as_str()))
            .expression_attribute_values(":traceId", attributes::text(refused.trace.to_string()))
            .expression_attribute_values(":receivedAt", received_at)
            .expression_attribute_values(":expiresAt", attributes::number(until))
            .expression_attribute_values(":one", attributes::number(1));
        let done = asked
            .customize()
            .config_override(once_and_briefly())
            .send()
            .await;
        done.map_err(|error| unavailable("UpdateItem", &error))?;
        Ok(())
    }
}

/// A flood of forgeries is throttled here, and must not hold the door's places meanwhile: what is not
/// kept at once is not kept.
fn once_and_briefly() -> config::Builder {
    let timeouts = TimeoutConfig::builder().operation_timeout(Duration::from_secs(1));
    Config::builder()
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.build())
}
