//! Connections that wait, dawdle, or are too many.

use crate::support::home::{Home, SECRET};
use crate::support::server::Server;
use crate::support::tcp::Connection;
use crate::support::webhook::{body, signature};

const OPEN: &str = r#"payhook_connections_open{listener="front"}"#;

/// Eight places, and patience for an hour.
const NEVER: &str = "server = { head_timeout_ms = 3600000, body_timeout_ms = 3600000, \
                     answer_timeout_ms = 3600000, connections_max = 8 }";

/// A whole webhook, as bytes.
fn webhook(event: &str) -> String {
    let body = body("p", event);
    head(&body, "") + &body
}

/// A webhook's head, with another field.
fn head(body: &str, field: &str) -> String {
    format!(
        "POST /webhooks HTTP/1.1\r\nhost: payhook\r\nx-webhook-signature: {}\r\n\
         content-length: {}\r\n{field}\r\n",
        signature(SECRET, body.as_bytes()),
        body.len()
    )
}

/// Sends a webhook on a connection of its own, which is then left open.
#[track_caller]
fn deliver(server: &Server, event: &str) -> Connection {
    let mut connection = Connection::open(server.listen);
    connection.send(webhook(event));
    connection.answer().accepts("stored");
    connection
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_say_nothing_cannot_keep_a_provider_out() {
    let home = Home::new(NEVER);
    let server = Server::start(&home);
    let mut proven = deliver(&server, "first");
    // As many as there are places say nothing, or begin to say something, for an hour.
    let mut idle: Vec<_> = (0..8)
        .map(|number| {
            let mut connection = Connection::open(server.listen);
            connection.send(["", "POST /webhooks HTTP/1.1\r\nx: "][number % 2]);
            connection
        })
        .collect();
    drop(deliver(&server, "second"));
    assert!(idle[0].is_closed(), "the one that waited longest");
    // They come again and again.
    for number in 0..20 {
        idle.push(Connection::open(server.listen));
        drop(deliver(&server, &format!("third-{number}")));
    }
    // Who has brought something stays through all of it.
    proven.send(webhook("fourth"));
    proven.answer().accepts("stored");
    let made = r#"payhook_connections_ended_total{listener="front",reason="made_room"}"#;
    assert!(server.metric(made).await >= 20.0);
    drop((idle, proven));
    server.counts(OPEN, 0.0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_being_answered_keeps_its_place() {
    let home = Home::new(NEVER);
    let server = Server::start(&home);
    let body = body("p", "slow");
    let mut slow: Vec<_> = (0..7)
        .map(|_| {
            let mut connection = Connection::open(server.listen);
            connection.send(head(&body, "expect: 100-continue\r\n"));
            connection.expect("HTTP/1.1 100 Continue\r\n\r\n");
            connection
        })
        .collect();
    for number in 0..20 {
        drop(Connection::open(server.listen));
        drop(deliver(&server, &format!("e{number}")));
    }
    for connection in &mut slow {
        connection.send(&body);
        assert_eq!(connection.answer().status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_let_go() {
    let home = Home::new("server.head_timeout_ms = 200");
    let server = Server::start(&home);
    let mut silent = Connection::open(server.listen);
    assert!(silent.is_closed());
    // And one that was used, too.
    let mut used = deliver(&server, "e");
    assert!(used.is_closed());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_takes_an_answer_is_hung_up_on() {
    let home = Home::new("server.answer_timeout_ms = 200");
    let server = Server::start(&home);
    // Requests without end, whose answers nobody takes: the buffers on the way fill up, and then
    // nothing is read either.
    let request = "GET /webhooks HTTP/1.1\r\nhost: payhook\r\n\r\n".repeat(1000);
    let mut greedy = Connection::open(server.listen);
    let mut sent = 0;
    while greedy.try_send(&request) {
        sent += request.len();
        assert!(sent < 1 << 30, "somebody takes it all");
    }
    server.counts(OPEN, 0.0).await;
    deliver(&server, "e");
}
