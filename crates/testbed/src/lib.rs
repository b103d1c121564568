//! What attacks the product: suites, simulation, made deliveries. Development only.
//!
//! In reading order: [`deliveries`] makes webhooks as a genuine sender would. [`observed`] is
//! everything that can be seen of a store. [`mod@store_suite`] holds a store to the words of its
//! ports; [`differential`] holds it to the readable memory store, operation by operation.
//!
//! A panic here is a failed test, so everything may panic and says what it expected.
#![warn(missing_docs)]

pub mod deliveries;
pub mod observed;
pub mod simulation;
pub mod store_suite;
pub mod differential;
