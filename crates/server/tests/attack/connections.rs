//! Connections that dawdle: they say nothing, say it slowly, or take no answer.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::gauges::{MIB, Victim, report};

/// Places that the victims have, and connections that attack them.
const PLACES: u64 = 128;
const ATTACKERS: u64 = 400;

/// What a victim is told: few places, and patience beyond every test's.
const PATIENT: &str = "server.connections_max = 128\nserver.requests_max = 64\n\
                       server.head_timeout_ms = 3600000\nserver.answer_timeout_ms = 3600000\n";

/// Opens as many connections as attack, and sends `bytes` on each. Those that are closed meanwhile
/// are opened no more.
async fn besiege(victim: &Victim, bytes: &[u8]) -> Vec<TcpStream> {
    let mut connections = Vec::new();
    for _ in 0..ATTACKERS {
        let connecting = TcpStream::connect(victim.server.listen);
        let connecting = tokio::time::timeout(Duration::from_secs(1), connecting);
        let Ok(Ok(mut stream)) = connecting.await else {
            continue;
        };
        // It may be asked to make room at once.
        let _ = stream.write_all(bytes).await;
        connections.push(stream);
    }
    connections
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_or_little_cost_their_places_and_no_more() {
    for (attack, bytes) in [
        ("silent connections", &b""[..]),
        ("half a head", b"POST /webhooks HTTP/1.1\r\nhost: h\r\nx: "),
    ] {
        let victim = Victim::new(PATIENT).await;
        let connections = besiege(&victim, bytes).await;
        let during = victim.recovers().await;
        let cost = victim.cost();
        drop(connections);
        let after = victim.recovers().await;
        report(
            attack,
            &cost,
            &[("kept during it after", during), ("and after it", after)],
        );
        assert!(cost.files <= PLACES + 8, "{attack}: {cost:?}");
        assert!(cost.resident < 48 * MIB, "{attack}: {cost:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_dawdle_hold_what_is_bounded_and_let_go_by_themselves() {
    let victim = Victim::new(&format!("{PATIENT}server.body_timeout_ms = 2000\n")).await;
    let head = b"POST /webhooks HTTP/1.1\r\nhost: h\r\ncontent-length: 65000\r\n\r\n";
    let mut bytes = head.to_vec();
    bytes.resize(head.len() + 32_000, b' ');
    let begun = Instant::now();
    let connections = besiege(&victim, &bytes).await;
    let cost = victim.cost();
    // They go on holding on: it is the server that lets go.
    let after = victim.recovers().await;
    report(
        "half a body",
        &cost,
        &[("let go after", begun.elapsed()), ("and kept after", after)],
    );
    assert!(cost.files <= PLACES + 8, "{cost:?}");
    assert!(cost.resident < 48 * MIB, "{cost:?}");
    drop(connections);
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_heads_bodies_and_questions_are_cut() {
    let endless_head = |_| b"x-endless: 0123456789012345678901234567890123456789\r\n".repeat(1000);
    let endless_body = |_| [b"8000\r\n".to_vec(), vec![b' '; 0x8000], b"\r\n".to_vec()].concat();
    let questions = |_| b"GET /webhooks HTTP/1.1\r\nhost: h\r\n\r\n".repeat(1000);
    let chunked = "POST /webhooks HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
    type Next = fn(()) -> Vec<u8>;
    for (attack, first, next) in [
        (
            "endless heads",
            "POST /webhooks HTTP/1.1\r\n",
            endless_head as Next,
        ),
        ("endless bodies", chunked, endless_body as Next),
        ("answers that nobody takes", "", questions as Next),
    ] {
        let victim =
            Victim::new("server.answer_timeout_ms = 1000\nserver.connections_max = 128").await;
        let mut flooding = JoinSet::new();
        for _ in 0..PLACES {
            let to = victim.server.listen;
            flooding.spawn(async move {
                let mut stream = TcpStream::connect(to).await?;
                stream.write_all(first.as_bytes()).await?;
                let piece = next(());
                // 64 MiB, where they are taken.
                for _ in 0..64 * MIB / u64::try_from(piece.len()).unwrap() {
                    stream.write_all(&piece).await?;
                }
                std::io::Result::Ok(())
            });
        }
        let mut cut = 0;
        while let Some(ended) = flooding.join_next().await {
            cut += u64::from(ended.unwrap().is_err());
        }
        let cost = victim.cost();
        let after = victim.recovers().await;
        report(attack, &cost, &[("kept after", after)]);
        assert_eq!(cut, PLACES, "{attack}: some were listened to for ever");
        assert!(cost.resident < 64 * MIB, "{attack}: {cost:?}");
    }
}
