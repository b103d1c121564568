//! The HTTP implementation against a stand-in on the loopback.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod certificates;
mod events;
mod settings;
mod support;
mod truth;
