//! The generator against a server of three lines, whose figures are known.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Answers requests of `length` bytes with `status(n)`, `n` counted over all connections.
fn serve(length: usize, status: fn(usize) -> u16) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, served) = (stream.unwrap(), Arc::clone(&served));
            std::thread::spawn(move || {
                let mut request = vec![0; length];
                while stream.read_exact(&mut request).is_ok() {
                    let status = status(served.fetch_add(1, Ordering::Relaxed));
                    if status == 0 {
                        return;
                    }
                    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 2\r\n\r\n{{}}");
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn requests(count: usize) -> Rc<Requests> {
    Rc::new(Requests::new(0, count))
}

#[test]
fn a_closed_load_sends_every_request_once() {
    let requests = requests(500);
    let address = serve(requests.get(0).len(), |_| 200);
    let outcome = closed(address, 4, &requests, Duration::MAX).unwrap();
    assert_eq!(outcome.accepted(), 500);
    assert_eq!(outcome.latency.len(), 500);
}

#[test]
fn other_answers_and_broken_connections_are_counted_apart() {
    let requests = requests(10);
    let address = serve(requests.get(0).len(), |n| [200, 503, 0][n.min(2) % 3]);
    // Everything after the second request breaks its connection.
    let outcome = closed(address, 1, &requests, Duration::MAX).unwrap();
    assert_eq!(
        outcome.statuses,
        BTreeMap::from([(0, 8), (200, 1), (503, 1)])
    );
    assert_eq!(outcome.latency.len(), 1);
}

#[test]
fn an_open_load_charges_a_stall_with_everyone_it_kept_waiting() {
    let requests = requests(100);
    // The first answer takes its time: until the server has seen nothing else for 300 ms.
    let stall = |n: usize| {
        if n == 0 {
            let (_sender, never) = std::sync::mpsc::channel::<()>();
            let (keep, receiver) = std::sync::mpsc::channel::<()>();
            let _ = receiver.recv_timeout(Duration::from_millis(300));
            drop((never, keep));
        }
        200
    };
    let address = serve(requests.get(0).len(), stall);
    // One connection, 100 requests due within 100 ms: all of them wait for the stall's end.
    let outcome = open(address, 1, &requests, 1000).unwrap();
    assert_eq!(outcome.accepted(), 100);
    assert!(
        outcome.latency.min() >= 190_000,
        "{}",
        outcome.latency.min()
    );
    assert!(
        outcome.latency.max() >= 300_000,
        "{}",
        outcome.latency.max()
    );
}
