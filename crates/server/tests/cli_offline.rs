//! The verbs that need no server, through the real binary: what they print, and how they end.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "cli_offline/home.rs"]
mod home;
#[path = "cli_offline/verify.rs"]
mod verify;
#[path = "cli_offline/pattern.rs"]
mod pattern;
#[path = "cli_offline/workflow.rs"]
mod workflow;
#[path = "cli_offline/listener.rs"]
mod listener;
#[path = "cli_offline/send.rs"]
mod send;
#[path = "cli_offline/providers.rs"]
mod providers;
