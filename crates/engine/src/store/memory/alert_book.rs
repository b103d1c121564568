//! The alert book: one text.

use super::MemoryStore;
use crate::store::{AlertBook, Unavailable};

impl AlertBook for MemoryStore {
    async fn keep_alert_book(&self, book: String) -> Result<(), Unavailable> {
        self.write(|running| running.disk.alert_book = Some(book))
    }

    fn alert_book(&self) -> Result<Option<String>, Unavailable> {
        Ok(self.look()?.disk.alert_book.clone())
    }
}
