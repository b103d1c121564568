//! Shredding: the port [`Shredding`].

use engine::store::{Shred, Shredded, Shredding, Unavailable};

use crate::SqliteStore;
use crate::writer::Lane;
use crate::writer::shred::ShredAll;

impl Shredding for SqliteStore {
    async fn shred(&self, shred: Shred) -> Result<Shredded, Unavailable> {
        self.write(Lane::Progress, ShredAll(shred)).await
    }
}
