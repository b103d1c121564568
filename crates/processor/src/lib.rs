//! The effects: what a workflow's tasks do to the world, and the payment gateways they ask.
//!
//! The same code runs inside the one binary and inside an AWS Lambda. So nothing here knows a
//! store, the engine, a clock or a source of luck: time comes in as `now`, records through
//! [`records::PaymentRecords`], money moves through [`gateway::PaymentGateway`]. A task never
//! records; it returns what should be recorded, and whoever runs it writes that together with
//! its own progress.
//!
//! In reading order: a [`resource`] says who does a state's work, [`tasks`] is the one list of
//! what this house can do, [`subject`] finds the record that a task is about, [`gateway`] asks
//! for the money; [`http_tasks`] lets anyone's own endpoint do a task instead; [`notify`] tells the
//! user's application what came of it. The names that failures go by stand in [`failure`].
#![warn(missing_docs)]

pub mod resource;
pub mod tasks;
pub mod subject;
pub mod records;
pub mod gateway;
pub mod http_tasks;
pub mod notify;
pub mod http_client;
pub mod retry_after;
pub mod failure;
mod digest;
mod trace;
