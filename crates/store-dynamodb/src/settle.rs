//! Moving a record on: the port [`Settlements`], by conditional updates.
//!
//! The rules say what follows from what is there (`Settlement::apply`); the update says that it
//! must still be there. So a pipe that repeats a record, a workflow that repeats an attempt and
//! two functions that run the same one have one effect together.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use domain::record::{EventRecord, RecordKey};
use domain::settlement::Applied;
use domain::task::RecordChange;
use domain::time::Timestamp;
use engine::store::{Settled, Settlements, Unavailable};

use crate::DynamoStore;
use crate::attributes::Item;
use crate::fault::{unavailable, unreadable};
use crate::item;

/// The attributes in which a settlement stands. An update names all of them as they were when the
/// rules were asked.
const ATTRIBUTES: [&str; 8] = [
    "status",
    "providerStatus",
    "execution",
    "transactionId",
    "processedAt",
    "error",
    "cause",
    "updatedAt",
];

/// Most tries of one change. Each that fails has let somebody else's through, and a settlement
/// has few ways to go.
const TRIES_MAX: u32 = 8;

/// What an update says.
#[derive(Debug, Default, PartialEq)]
struct Update {
    sets: Vec<String>,
    removes: Vec<String>,
    conditions: Vec<String>,
    names: Vec<(String, String)>,
    values: Item,
}

impl Settlements for DynamoStore {
    async fn settle(&self, change: &RecordChange, now: Timestamp) -> Result<Settled, Unavailable> {
        for _ in 0..TRIES_MAX {
            let Some(held) = self.record_item(&change.key).await? else {
                return Ok(Settled::NoRecord);
            };
            let record = item::to_record(&held).map_err(unreadable)?;
            let settlement = match record.settlement.apply(&change.change, now) {
                Applied::AlreadySo => return Ok(Settled::Done),
                Applied::Refused => return Ok(Settled::Refused),
                Applied::Changed(settlement) => settlement,
            };
            let moved = item::of_record(&EventRecord {
                settlement,
                ..record
            });
            if self.replace(&change.key, &held, &moved).await? {
                return Ok(Settled::Done);
            }
        }
        Err(Unavailable::Overloaded)
    }
}

impl DynamoStore {
    /// Moves a record on if it is still as it was held; says whether it was.
    async fn replace(
        &self,
        key: &RecordKey,
        held: &Item,
        moved: &Item,
    ) -> Result<bool, Unavailable> {
        let update = Update::between(held, moved);
        let asked = self.client.update_item();
        let mut asked = asked
            .table_name(&self.tables.payments)
            .set_key(Some(item::key(key)))
            .update_expression(update.expression())
            .condition_expression(update.conditions.join(" AND "))
            .set_expression_attribute_values(Some(update.values));
        for (placeholder, name) in update.names {
            asked = asked.expression_attribute_names(placeholder, name);
        }
        match asked.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(unavailable("UpdateItem", &error)),
            },
        }
    }
}

impl Update {
    /// What moves `old` on to `new`, on the condition that nobody else has moved it meanwhile.
    /// Every name stands behind a placeholder, because `status`, `error` and others are reserved
    /// words.
    fn between(old: &Item, new: &Item) -> Self {
        let mut update = Self::default();
        for name in ATTRIBUTES {
            update.change(name, old, new);
            update.expect(name, old);
        }
        update
    }

    fn change(&mut self, name: &str, old: &Item, new: &Item) {
        match (old.get(name), new.get(name)) {
            (before, Some(after)) if before != Some(after) => {
                self.values.insert(format!(":new_{name}"), after.clone());
                self.sets.push(format!("#{name} = :new_{name}"));
            }
            (Some(_), None) => self.removes.push(format!("#{name}")),
            (Some(_) | None, Some(_)) | (None, None) => {}
        }
    }

    fn expect(&mut self, name: &str, old: &Item) {
        self.names.push((format!("#{name}"), name.to_owned()));
        self.conditions.push(match old.get(name) {
            Some(value) => {
                self.values.insert(format!(":old_{name}"), value.clone());
                format!("#{name} = :old_{name}")
            }
            None => format!("attribute_not_exists(#{name})"),
        });
    }

    fn expression(&self) -> String {
        let mut expression = format!("SET {}", self.sets.join(", "));
        if !self.removes.is_empty() {
            expression.push_str(" REMOVE ");
            expression.push_str(&self.removes.join(", "));
        }
        expression
    }
}
