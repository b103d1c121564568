//! The motion of payhook: HTTP in, custody, pipe, workflow, effects — and nothing of any
//! database or cloud.
//!
//! In reading order: [`ingress`] takes a webhook in; [`store`] holds the ports that keep it.
//! [`wakeup`] is how loops are told to look, [`clock`] where time and luck come from,
//! [`metrics`] what is counted.
#![warn(missing_docs)]

pub mod ingress;
pub mod store;
pub mod wakeup;
pub mod clock;
pub mod metrics;
