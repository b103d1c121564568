//! The port to the kept records: tasks read them, and never write.

use std::future::Future;
use std::sync::Arc;

use domain::record::{EventRecord, RecordKey};

/// Where records are read.
pub trait PaymentRecords: Send + Sync {
    /// The record with this key as it now stands, or `None` when there is none.
    ///
    /// The answer must hold everything that was committed before the call (a consistent read):
    /// a task that misses its own earlier settlement would ask the gateway again.
    ///
    /// # Errors
    /// The store cannot be read now; asking again is safe.
    fn record(
        &self,
        key: &RecordKey,
    ) -> impl Future<Output = Result<Option<EventRecord>, RecordsUnavailable>> + Send;

    /// Another record that is completed and tells of the same change of the same payment
    /// ([`EventRecord::tells_the_same_as`]), read as consistently.
    ///
    /// # Errors
    /// As [`Self::record`].
    fn settled_before(
        &self,
        record: &EventRecord,
    ) -> impl Future<Output = Result<Option<EventRecord>, RecordsUnavailable>> + Send;
}

/// The store cannot be read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payment records cannot be read now")]
pub struct RecordsUnavailable;

impl<R: PaymentRecords> PaymentRecords for Arc<R> {
    async fn record(&self, key: &RecordKey) -> Result<Option<EventRecord>, RecordsUnavailable> {
        R::record(self, key).await
    }

    async fn settled_before(
        &self,
        record: &EventRecord,
    ) -> Result<Option<EventRecord>, RecordsUnavailable> {
        R::settled_before(self, record).await
    }
}
