//! The store of the AWS home: custody and settlement in DynamoDB.
//!
//! It plays the roles that the platform leaves to us: [`EventLog`](engine::store::EventLog) and
//! the front door's half of the quarantine, and for the tasks the
//! [`Settlements`](engine::store::Settlements) of records. The change feed is the table's stream, and the executions are Step
//! Functions'.
//!
//! Three tables (`docs/aws.md` has their keys): payments, whose items are the records' images and
//! nothing else that would make a stream record longer; event keys, where a key is claimed and
//! what came with the claim is kept; quarantine. In reading order: [`tables`] names them, [`item`]
//! turns records into items and back, [`mod@append`] decides what one transaction says and what its
//! refusal means, [`event_log`] carries that out, [`settle`] moves a record on, [`quarantine`]
//! sets apart; [`fault`] sorts the service's errors.
#![warn(missing_docs)]

mod tables;
mod attributes;
mod item;
mod legacy;
mod append;
mod event_log;
mod settle;
mod quarantine;
mod fault;

pub use tables::{Retention, Tables};

use aws_sdk_dynamodb::Client;

/// A store in three tables. Clones share the client's connections.
#[derive(Debug, Clone)]
pub struct DynamoStore {
    client: Client,
    tables: Tables,
    retention: Retention,
}

impl DynamoStore {
    /// A store in `tables`, reached through `client`. Nothing is asked until it is used.
    pub const fn new(client: Client, tables: Tables, retention: Retention) -> Self {
        Self {
            client,
            tables,
            retention,
        }
    }
}
