//! Attacks on the real binary over real sockets, with what they cost it: memory, open files, disk,
//! and the time until a genuine webhook is kept again.
//!
//! What is asserted are counts and bytes; times are printed, since a machine under load is slow.
//! `PAYHOOK_BIN` names another binary, such as a release build.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "figures are for whoever runs it")]

#[expect(dead_code, reason = "each test file uses its own part")]
mod support;

#[path = "attack/connections.rs"]
mod connections;
#[path = "attack/floods.rs"]
mod floods;
#[path = "attack/gauges.rs"]
mod gauges;
