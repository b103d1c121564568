//! The effects: tasks and payment gateways.
