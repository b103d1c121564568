//! The whole of payhook from outside: the real binary, real HTTP, every outcome.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "each test file uses its own part")]
mod support;

#[path = "e2e/approvals.rs"]
mod approvals;
#[path = "e2e/bulk.rs"]
mod bulk;
#[path = "e2e/alerts.rs"]
mod alerts;
#[path = "e2e/conformance.rs"]
mod conformance;
#[path = "e2e/connections.rs"]
mod connections;
#[path = "e2e/custody.rs"]
mod custody;
#[path = "e2e/dashboard.rs"]
mod dashboard;
#[path = "e2e/demo.rs"]
mod demo;
#[path = "e2e/desk.rs"]
mod desk;
#[path = "e2e/doorman.rs"]
mod doorman;
#[path = "e2e/fetching.rs"]
mod fetching;
#[path = "e2e/front_door.rs"]
mod front_door;
#[path = "e2e/lifecycle.rs"]
mod lifecycle;
#[path = "e2e/listen.rs"]
mod listen;
#[path = "e2e/notifications.rs"]
mod notifications;
#[path = "e2e/once.rs"]
mod once;
#[path = "e2e/payments.rs"]
mod payments;
#[path = "e2e/providers.rs"]
mod providers;
#[path = "e2e/quarantine.rs"]
mod quarantine;
#[path = "e2e/reconcile.rs"]
mod reconcile;
#[path = "e2e/settling.rs"]
mod settling;
#[path = "e2e/smuggling.rs"]
mod smuggling;
#[path = "e2e/tail.rs"]
mod tail;
#[path = "e2e/vault.rs"]
mod vault;
#[path = "e2e/tls.rs"]
mod tls;
