//! The motion of payhook: HTTP in, custody, pipe, workflow, effects — and nothing of any
//! database or cloud.
//!
//! In reading order: [`ingress`] takes a webhook in; [`store`] holds the ports that keep it;
//! [`pipe`] reads what changed and starts executions; [`runner`] moves them along their
//! [`workflow`], having the [`tasks`] done, and writes their [`journal`]. [`operator`] is what
//! people do to executions, [`callback`] what comes back for tasks that wait, [`upstream`] what only
//! a provider can tell. [`wakeup`] is how loops are told to look, [`clock`] where time and luck come from, [`metrics`] what is counted, [`spans`] how
//! spans get into a webhook's trace, [`supervisor`] what starts, watches and stops the loops.
#![warn(missing_docs)]

pub mod ingress;
mod judge;
pub mod store;
pub mod pipe;
pub mod runner;
pub mod workflow;
pub mod tasks;
pub mod journal;
pub mod operator;
pub mod callback;
pub mod upstream;
pub mod wakeup;
pub mod clock;
pub mod metrics;
pub mod spans;
pub mod supervisor;
