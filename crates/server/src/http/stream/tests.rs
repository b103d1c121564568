//! What the library makes of guarded bytes, and that it never sees other requests in them than the
//! guard does.

use std::sync::{Arc, Mutex};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const PATIENCE: Duration = Duration::from_secs(60);

/// What was heard, and the statuses of the answers.
type Heard = (Vec<String>, Vec<u16>);

/// Serves `bytes` as a connection that then ends: each request's path and body as the library
/// reads them.
async fn serve(bytes: &[u8]) -> Heard {
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listening = Arc::clone(&heard);
    let service = service_fn(move |request: Request<Incoming>| {
        let heard = Arc::clone(&listening);
        async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await?.to_bytes();
            let body = String::from_utf8_lossy(&body).into_owned();
            heard.lock().unwrap().push(format!("{path} {body}"));
            Ok::<_, hyper::Error>(Response::new(String::new()))
        }
    });
    let guarded = Guarded::new(theirs, PATIENCE, |_| {});
    let (mut reading, mut writing) = tokio::io::split(ours);
    let serving = http1::Builder::new()
        .half_close(true)
        .serve_connection(TokioIo::new(guarded), service);
    let sending = async {
        writing.write_all(bytes).await.unwrap();
        // The other side may have hung up already.
        let _ = writing.shutdown().await;
        let mut answers = Vec::new();
        let _ = reading.read_to_end(&mut answers).await;
        String::from_utf8_lossy(&answers).into_owned()
    };
    let (_, answers) = tokio::join!(serving, sending);
    let statuses = answers
        .split("HTTP/1.")
        .filter_map(|answer| answer.get(2..5)?.parse().ok())
        .collect();
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    (heard, statuses)
}

#[tokio::test]
async fn what_came_before_is_answered_and_nothing_after_is_read() {
    let first = "POST /one HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nabc";
    let (heard, statuses) = serve(format!("{first}{first}").as_bytes()).await;
    assert_eq!(heard, ["/one abc", "/one abc"]);
    assert_eq!(statuses, [200, 200]);
    for second in [
        "POST /two HTTP/1.1\r\nhost: h\nx: y\r\n\r\n",
        "POST /two HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /two HTTP/1.1\r\nhost: h\r\ntransfer-encoding: x, chunked\r\n\r\n0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let (heard, statuses) = serve(format!("{first}{second}{first}").as_bytes()).await;
        assert_eq!(heard, ["/one abc"], "{second:?}");
        assert_eq!(statuses, [200, 400], "{second:?}");
    }
    // A body that stops making sense is none; what the service says then is not this test's.
    for body in [
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
    ] {
        let head = "POST /two HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n";
        let (heard, _) = serve(format!("{first}{head}{body}{first}").as_bytes()).await;
        assert_eq!(heard, ["/one abc"], "{body:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_takes_no_answer_is_hung_up_on() {
    let (ours, theirs) = tokio::io::duplex(16);
    let mut guarded = Guarded::new(theirs, PATIENCE, |_| {});
    let error = guarded.write_all(&[0; 100]).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    drop(ours);

    // Who takes a little now and then is not.
    let (mut ours, theirs) = tokio::io::duplex(16);
    let mut guarded = Guarded::new(theirs, PATIENCE, |_| {});
    let slowly = async {
        let mut taken = 0;
        while taken < 100 {
            tokio::time::advance(PATIENCE / 2).await;
            taken += ours.read(&mut [0; 16]).await.unwrap();
        }
    };
    let (written, ()) = tokio::join!(guarded.write_all(&[0; 100]), slowly);
    written.unwrap();
}

/// Pieces of which requests are made, honest and not.
const PIECES: &[&str] = &[
    "POST /a HTTP/1.1\r\n",
    "GET /b HTTP/1.1\r\n",
    "POST /c HTTP/1.0\r\n",
    "host: h\r\n",
    "content-length: 4\r\n",
    "content-length: 0\r\n",
    "transfer-encoding: chunked\r\n",
    "Transfer-Encoding : chunked\r\n",
    "transfer-encoding: identity\r\n",
    "x: y\n",
    "x: y\r",
    " folded\r\n",
    "connection: close\r\n",
    "connection: keep-alive\r\n",
    "expect: 100-continue\r\n",
    "\r\n",
    "\n",
    "4\r\nabcd\r\n",
    "04;x=y\r\nabcd\r\n",
    "0\r\n",
    "0\r\n\r\n",
    "abcd",
    "\0",
];

/// What the guard's own reading of `bytes` leaves of it: everything up to where sense ends.
fn sensible(bytes: &[u8]) -> &[u8] {
    match Framing::default().feed(bytes) {
        Ok(()) => bytes,
        Err((at, _)) => &bytes[..at],
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(512))]
    #[test]
    fn nothing_is_heard_that_the_guard_did_not_let_pass(
        pieces in proptest::collection::vec(0..PIECES.len(), 0..24),
    ) {
        let pieces: String = pieces.iter().map(|&piece| PIECES[piece]).collect();
        let bytes = format!("POST /a HTTP/1.1\r\nhost: h\r\n{pieces}");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (heard, _) = runtime.block_on(serve(bytes.as_bytes()));
        let (again, _) = runtime.block_on(serve(sensible(bytes.as_bytes())));
        assert_eq!(heard, again, "{bytes:?}");
        // Every request that is heard ends where the guard says that one does.
        let ends = ends(bytes.as_bytes());
        assert!(heard.len() <= ends, "{bytes:?}: {heard:?} of {ends}");
    }
}

/// How many requests end in `bytes` by the guard's reading.
fn ends(bytes: &[u8]) -> usize {
    let mut framing = Framing::default();
    let mut ends = 0;
    for byte in bytes {
        let was_between = framing.is_between_requests();
        if framing.feed(&[*byte]).is_err() {
            break;
        }
        ends += usize::from(!was_between && framing.is_between_requests());
    }
    ends
}
