//! EventBridge event patterns: parse one, match events against it, explain the verdict.
//!
//! A pattern is a JSON object that names fields of an event and lists the values each may have:
//! `{"eventName": ["INSERT"], "dynamodb": {"Keys": {"paymentId": {"S": [{"prefix": "pay_"}]}}}}`.
//! The same text filters an EventBridge Pipe; this crate gives it the same meaning on one machine.
//! The meaning is that of `aws/event-ruler` 2.0, the engine which EventBridge publishes.
//!
//! This crate is pure: it reads no clock and no file, and never panics on a pattern or an event,
//! however hostile. Every bound it holds to is in [`limits`].

mod complexity;
mod document;
mod error;
mod event;
mod explain;

mod fold;
pub mod limits;
mod matching;
mod network;
mod number;
mod operator;
mod parse;
mod path;
mod search;
mod value;
mod wildcard;

pub use error::{EventError, PatternError, Problem, SyntaxError, SyntaxProblem};

pub use explain::{AlternativeReport, Explanation, FieldReport, Found};
pub use parse::Pattern;

/// The examples of the README are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}
