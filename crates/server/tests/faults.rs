//! A disk that fails, and a power cut: `strace` lets the system calls of the real binary fail, or
//! writes down what they did.
//!
//! `PAYHOOK_FAULT_STRIDE` sets how far apart the calls are that fail (17; 1 for every one),
//! `PAYHOOK_POWER_STRIDE` how many of the writes between two moments are left out (5), and
//! `PAYHOOK_FAULT_SEED` where it begins.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(
    clippy::print_stdout,
    reason = "what was tried is told beside what came of it"
)]

#[expect(dead_code, reason = "each test file uses its own part")]
mod support;

#[path = "faults/damage.rs"]
mod damage;
#[path = "faults/disk.rs"]
mod disk;
#[path = "faults/injected.rs"]
mod injected;
#[path = "faults/power.rs"]
mod power;
#[path = "faults/recorded.rs"]
mod recorded;

use injected::{Fault, everywhere};

/// Nothing can be written any more.
#[tokio::test(flavor = "multi_thread")]
async fn the_disk_is_full() {
    everywhere(Fault {
        call: "pwrite64",
        effect: "error=ENOSPC",
        lasts: true,
        denser: 1,
    })
    .await;
}

/// One write fails, and later ones would not.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_fails_once() {
    everywhere(Fault {
        call: "pwrite64",
        effect: "error=EIO",
        lasts: false,
        denser: 1,
    })
    .await;
}

/// One confirmation fails. What the disk holds is not known then, whatever it says later.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_fails_once() {
    everywhere(Fault {
        call: "fsync",
        effect: "error=EIO",
        lasts: false,
        denser: 5,
    })
    .await;
}

/// The disk is gone.
#[tokio::test(flavor = "multi_thread")]
async fn every_sync_fails() {
    everywhere(Fault {
        call: "fsync",
        effect: "error=EIO",
        lasts: true,
        denser: 5,
    })
    .await;
}

/// A file cannot be made shorter or longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_truncation_fails() {
    everywhere(Fault {
        call: "ftruncate",
        effect: "error=EIO",
        lasts: false,
        denser: 17,
    })
    .await;
}

/// A confirmation takes longer than a sender is kept waiting.
#[tokio::test(flavor = "multi_thread")]
async fn a_sync_takes_six_seconds() {
    everywhere(Fault {
        call: "fsync",
        effect: "delay_enter=6000000",
        lasts: false,
        denser: 1,
    })
    .await;
}

/// The process dies before a write.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_killed_before_a_write() {
    everywhere(Fault {
        call: "pwrite64",
        effect: "signal=KILL",
        lasts: false,
        denser: 1,
    })
    .await;
}

/// The process dies before a confirmation.
#[tokio::test(flavor = "multi_thread")]
async fn it_is_killed_before_a_sync() {
    everywhere(Fault {
        call: "fsync",
        effect: "signal=KILL",
        lasts: false,
        denser: 5,
    })
    .await;
}
