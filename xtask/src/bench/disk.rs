//! What the disk itself takes for a durable write, measured in the store's place.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use serde_json::Value;

use super::load::{histogram, quantiles};

/// Writes measured.
const WRITES: u64 = 500;

/// Bytes of one write: a page of the store's log.
const PAGE_BYTES: usize = 4096;

/// Latency of a 4 KiB overwrite followed by `fdatasync`, in milliseconds.
pub(super) fn fdatasync(folder: &Path) -> Result<Value> {
    let path = folder.join("fdatasync");
    let file = File::create(&path)?;
    let mut latency = histogram()?;
    for number in 0..WRITES {
        let page = [u8::try_from(number % 251)?; PAGE_BYTES];
        let start = Instant::now();
        file.write_all_at(&page, (number % 64) * PAGE_BYTES as u64)?;
        file.sync_data()?;
        latency.saturating_record(u64::try_from(start.elapsed().as_micros())?.max(1));
    }
    std::fs::remove_file(path)?;
    Ok(quantiles(&latency))
}
