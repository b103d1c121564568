//! The motion of payhook: HTTP in, custody, pipe, workflow, effects — and nothing of any
//! database or cloud.
//!
//! In reading order: [`store`] holds the ports. [`wakeup`] is how loops are told to look.
#![warn(missing_docs)]

pub mod store;
pub mod wakeup;
