//! A state machine as a drawing, with what an execution did with it. The drawing itself is that of
//! `payhook workflow graph`; its colours are the page's.

use asl::definition::Definition;
use asl::graph::{Graph, Look, Trail};
use maud::{Markup, PreEscaped};

use crate::view::ExecutionDetailView;

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Drawing {
    graph: Graph,
    trail: Trail,
}

impl Drawing {
    /// The state machine with the way that this execution took.
    pub(crate) fn new(definition: &Definition, detail: &ExecutionDetailView) -> Self {
        Self {
            graph: Graph::of(definition),
            trail: Trail::of(&detail.events),
        }
    }
}

/// The drawing.
pub(super) fn svg(drawing: &Drawing) -> Markup {
    // Whatever stands in the definition is escaped there.
    PreEscaped(asl::graph::svg(
        &drawing.graph,
        Some(&drawing.trail),
        Look::InPage,
    ))
}
