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

macro_rules! faults {
    ($($(#[$about:meta])* $name:ident: $call:literal, $effect:literal, $lasts:literal, $denser:literal;)*) => { $(
        $(#[$about])*
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            everywhere(Fault { call: $call, effect: $effect, lasts: $lasts, denser: $denser }).await;
        }
    )* };
}

faults! {
    /// Nothing can be written any more.
    the_disk_is_full: "pwrite64", "error=ENOSPC", true, 1;
    /// One write fails, and later ones would not.
    a_write_fails_once: "pwrite64", "error=EIO", false, 1;
    /// One confirmation fails. What the disk holds is not known then, whatever it says later.
    a_sync_fails_once: "fsync", "error=EIO", false, 5;
    /// The disk is gone.
    every_sync_fails: "fsync", "error=EIO", true, 5;
    /// A file cannot be made shorter or longer.
    a_truncation_fails: "ftruncate", "error=EIO", false, 17;
    /// A confirmation takes longer than a sender is kept waiting.
    a_sync_takes_six_seconds: "fsync", "delay_enter=6000000", false, 1;
    /// The process dies before a write.
    it_is_killed_before_a_write: "pwrite64", "signal=KILL", false, 1;
    /// The process dies before a confirmation.
    it_is_killed_before_a_sync: "fsync", "signal=KILL", false, 5;
}
