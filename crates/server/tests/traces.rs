//! One webhook's spans, in a real collector of OpenTelemetry (rotel, from PyPI, which
//! `cargo xtask test` gets): `PAYHOOK_VENV` is the Python environment that it is in.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "each test file uses its own part")]
mod support;

#[path = "traces/collector.rs"]
mod collector;

use crate::collector::{Collector, Span};
use crate::support::home::Home;
use crate::support::server::Server;
use crate::support::until;
use crate::support::webhook::Webhook;

const SENDER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn one<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let mut named = spans.iter().filter(|span| span.name == name);
    let span = named.next();
    assert!(
        named.next().is_none(),
        "one span is called {name}: {spans:?}"
    );
    span.unwrap_or_else(|| panic!("a span is called {name}: {spans:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_and_its_processing_hang_together_under_the_senders_span() {
    let collector = Collector::start();
    let home = Home::new(&format!(
        "telemetry = {{ otlp_endpoint = '{}', service_name = 'payhook-under-test' }}",
        collector.endpoint()
    ));
    let mut server = Server::start(&home);
    let webhook = Webhook::payment("pay_traced", "evt_traced").with("traceparent", SENDER);
    let answer = server.send(&webhook).await;
    answer.accepts("stored");
    assert_eq!(answer.header("x-payhook-trace-id"), TRACE);
    let event = server.event_at_rest("generic/evt_traced").await;
    assert_eq!(event["event"]["status"], "completed");
    // The last spans go out when it ends.
    server.process.terminate();
    assert_eq!(server.process.wait(), 0);
    let spans = until("the spans are collected", || {
        let spans = collector.spans();
        spans
            .iter()
            .any(|span| span.name == "execution")
            .then_some(spans)
    });
    assert!(
        spans
            .iter()
            .all(|span| span.service == "payhook-under-test"),
        "{spans:?}"
    );
    assert!(spans.iter().all(|span| span.trace == TRACE), "{spans:?}");
    let receive = one(&spans, "receive");
    assert_eq!(receive.parent, "00f067aa0ba902b7");
    for name in ["verify", "append", "execution"] {
        assert_eq!(one(&spans, name).parent, receive.id, "{name}");
    }
    assert_ne!(one(&spans, "gateway").parent, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_does_not_record_is_followed_and_one_without_a_trace_begins_one() {
    let collector = Collector::start();
    let endpoint = collector.endpoint();
    let home = Home::new(&format!("telemetry.otlp_endpoint = '{endpoint}'"));
    let mut server = Server::start(&home);
    let unrecorded = SENDER.replace("-01", "-00");
    let quiet = Webhook::payment("pay_quiet", "evt_quiet").with("traceparent", &unrecorded);
    let answer = server.send(&quiet).await;
    assert_eq!(answer.header("x-payhook-trace-id"), TRACE);
    let answer = server.send(&Webhook::payment("pay_own", "evt_own")).await;
    let own = answer.header("x-payhook-trace-id").to_owned();
    for event in ["evt_quiet", "evt_own"] {
        server.event_at_rest(&format!("generic/{event}")).await;
    }
    server.process.terminate();
    assert_eq!(server.process.wait(), 0);
    let spans = until("the spans are collected", || {
        let spans = collector.spans();
        spans
            .iter()
            .any(|span| span.name == "execution")
            .then_some(spans)
    });
    assert!(
        spans.iter().all(|span| span.trace == own),
        "{own}: {spans:?}"
    );
    assert_eq!(one(&spans, "receive").parent, "");
    assert_eq!(one(&spans, "execution").parent, one(&spans, "receive").id);
}
