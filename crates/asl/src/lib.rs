//! Amazon States Language: parse, validate, advance. Pure and synchronous.
//!
//! A [`Definition`](definition::Definition) is parsed and checked once. An
//! [`Execution`](execution::Execution) is the durable state of one run, and
//! [`advance`](advance::advance) is the only way to move it: it takes what happened, the
//! time and a seed, and answers with the next state, the commands to carry out and the
//! history events. There is no I/O, no clock and no randomness in here, so the same signals
//! at the same moments always give the same history.
#![warn(missing_docs)]

pub mod advance;
pub mod context;
pub mod datum;
pub mod definition;
pub mod execution;
pub mod graph;
pub mod history;
pub mod limits;
pub mod lint;
pub mod mock;
pub mod problem;
pub mod scenario;
pub mod time;

mod choice;
mod expression;
mod flow;
pub mod intrinsics;
mod luck;
pub mod path;
mod query;
mod retry;
mod template;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
