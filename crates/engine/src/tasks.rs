//! The port to the effects.

use std::future::Future;

use domain::task::{TaskCall, TaskOutcome};

/// Whoever does the tasks of a workflow.
pub trait TaskRunner: Send + Sync + 'static {
    /// Whether it knows what to do for this `Resource`. A workflow that names another is
    /// refused at start, not when the first payment reaches it.
    fn accepts(&self, resource: &str) -> bool;

    /// Whether the attempt may have an effect beyond what it wants recorded. If so, the fact
    /// that it was begun is durable before it begins.
    fn reaches_outside(&self, call: &TaskCall) -> bool;

    /// Makes one attempt. May be dropped at any await, and may be repeated after having had its
    /// effect: both must be harmless.
    fn run(&self, call: TaskCall) -> impl Future<Output = TaskOutcome> + Send;
}
