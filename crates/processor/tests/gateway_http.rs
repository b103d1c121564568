//! The HTTP gateway against real servers: every status, every way an answer can be lost.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/server.rs"]
mod server;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use domain::currency::Currency;
use domain::event::{EventId, EventKey};
use domain::money::Amount;
use domain::secret::Secret;
use domain::source::SourceName;
use domain::time::{Millis, Timestamp};
use processor::gateway::http::{HttpGateway, RESPONSE_BYTES_MAX, ReceiptPointers};
use processor::gateway::{
    GatewayFailure, GatewayReceipt, GatewayRequest, IdempotencyKey, KeyGeneration, PaymentGateway,
    ProtocolFault,
};
use processor::http_client::{HttpClient, Target};
use serde_json::{Value, json};
use server::{Seen, refusing_address, with_router, with_server};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const NOW: Timestamp = Timestamp::from_millis(784_111_777_000); // Sun, 06 Nov 1994 08:49:37 GMT
const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn request() -> GatewayRequest {
    let event_key = EventKey {
        source: SourceName::generic(),
        id: EventId::Provider("evt_1".into()),
    };
    GatewayRequest {
        idempotency_key: IdempotencyKey::derive(&event_key, "settle", KeyGeneration(0)),
        payment_id: "pay_1".into(),
        amount: Amount::parse("99.90").unwrap(),
        currency: Currency::USD,
        provider: "stripe".into(),
        event_key,
        traceparent: TRACEPARENT.into(),
        now: NOW,
        deadline: NOW.after(Millis::from_secs(60)),
    }
}

fn gateway_in(url: &str, timeout: Millis, pointers: ReceiptPointers) -> HttpGateway {
    let secret = Secret::new("gateway", "Bearer hunter2");
    let headers = [("Authorization".to_owned(), secret)];
    let target = Target::try_new(url, timeout, &headers).unwrap();
    HttpGateway::new(HttpClient::try_new().unwrap(), target, pointers)
}

fn gateway(url: &str) -> HttpGateway {
    gateway_in(url, Millis::from_secs(20), ReceiptPointers::default())
}

async fn settle_with(
    answer: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> Result<GatewayReceipt, GatewayFailure> {
    with_server(answer, async |url, _| {
        gateway(&url).settle(&request()).await
    })
    .await
}

fn status(code: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> Response {
    let mut response = body.into_response();
    *response.status_mut() = code.try_into().unwrap();
    for (name, value) in headers {
        response.headers_mut().insert(*name, value.parse().unwrap());
    }
    response
}

#[tokio::test]
async fn the_request_is_the_documented_one() {
    let answer = || status(200, &[], r#"{"transactionId": "t"}"#);
    let seen = with_server(answer, async |url, seen| {
        gateway(&url).settle(&request()).await.unwrap();
        seen
    })
    .await;
    let requests = seen.requests.lock().unwrap();
    let (uri, headers, body) = &requests[0];
    assert_eq!((requests.len(), &**uri), (1, "/settle"));
    for (name, value) in [
        ("idempotency-key", request().idempotency_key.as_str()),
        ("traceparent", TRACEPARENT),
        ("content-type", "application/json"),
        ("authorization", "Bearer hunter2"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert_eq!(
        serde_json::from_str::<Value>(body).unwrap(),
        json!({
            "paymentId": "pay_1", "amount": "99.9", "amountMinor": 9990, "currency": "USD",
            "provider": "stripe", "eventKey": "generic/evt_1",
        })
    );
}

/// GoCardless names no sum in its events. Zero would be one.
#[tokio::test]
async fn a_sum_that_nobody_told_is_null() {
    let answer = || status(200, &[], r#"{"transactionId": "t"}"#);
    let seen = with_server(answer, async |url, seen| {
        let untold = GatewayRequest {
            amount: Amount::ZERO,
            currency: Currency::NONE,
            ..request()
        };
        gateway(&url).settle(&untold).await.unwrap();
        seen
    })
    .await;
    let requests = seen.requests.lock().unwrap();
    let body: Value = serde_json::from_str(&requests[0].2).unwrap();
    for name in ["amount", "amountMinor", "currency"] {
        assert_eq!(body.get(name), Some(&Value::Null), "{name}");
    }
}

#[tokio::test]
async fn a_receipt_is_read_where_the_pointers_say() {
    let asked = NOW.as_millis();
    for (transaction, at, body, id, processed_at) in [
        (
            "/transactionId",
            "/processedAt",
            r#"{"transactionId":"t"}"#,
            "t",
            asked,
        ),
        (
            "/transactionId",
            "/processedAt",
            r#"{"transactionId":"t","processedAt":"2026-11-23T07:28:43.007Z"}"#,
            "t",
            1_795_418_923_007,
        ),
        (
            "/data/id",
            "/data/ms",
            r#"{"data":{"id":17,"ms":5}}"#,
            "17",
            5,
        ),
        ("/id", "/at", r#"{"id":"t","at":"yesterday"}"#, "t", asked),
        ("/0", "/1", r#"["t", null]"#, "t", asked),
    ] {
        let receipt = with_server(
            move || status(201, &[], body),
            async |url, _| {
                let pointers = ReceiptPointers {
                    transaction_id: transaction.into(),
                    processed_at: at.into(),
                };
                let gateway = gateway_in(&url, Millis::from_secs(20), pointers);
                gateway.settle(&request()).await
            },
        )
        .await
        .unwrap();
        assert_eq!(
            (&*receipt.transaction_id, receipt.processed_at.as_millis()),
            (id, processed_at)
        );
    }
}

#[tokio::test]
async fn every_status_has_its_meaning() {
    let declined = |code| GatewayFailure::Declined { status: Some(code) };
    let unavailable = |code| GatewayFailure::Unavailable {
        status: Some(code),
        retry_after: None,
    };
    for (code, failure) in [
        (400, GatewayFailure::Rejected { status: 400 }),
        (401, GatewayFailure::Rejected { status: 401 }),
        (402, declined(402)),
        (403, GatewayFailure::Rejected { status: 403 }),
        (404, GatewayFailure::Rejected { status: 404 }),
        (408, GatewayFailure::Timeout),
        (409, unavailable(409)),
        (422, declined(422)),
        (425, unavailable(425)),
        (429, GatewayFailure::RateLimited { retry_after: None }),
        (499, GatewayFailure::Rejected { status: 499 }),
        (500, unavailable(500)),
        (502, unavailable(502)),
        (503, unavailable(503)),
        (599, unavailable(599)),
        (304, GatewayFailure::Protocol(ProtocolFault::Status(304))),
        (600, GatewayFailure::Protocol(ProtocolFault::Status(600))),
    ] {
        // What a failing gateway says is not repeated to anyone.
        let body = if code == 304 {
            ""
        } else {
            r#"{"transactionId":"t","why":"hunter2"}"#
        };
        let answer = settle_with(move || status(code, &[], body)).await;
        assert_eq!(answer, Err(failure), "{code}");
        assert!(!failure.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn what_is_no_receipt_is_a_protocol_error() {
    for (body, fault) in [
        ("", ProtocolFault::NotJson),
        ("<html>", ProtocolFault::NotJson),
        ("{}", ProtocolFault::NoTransactionId),
        ("null", ProtocolFault::NoTransactionId),
        (r#"{"transactionId":""}"#, ProtocolFault::NoTransactionId),
        (r#"{"transactionId":null}"#, ProtocolFault::NoTransactionId),
        (r#"{"transactionId":["t"]}"#, ProtocolFault::NoTransactionId),
    ] {
        let answer = settle_with(move || status(200, &[], body)).await;
        assert_eq!(answer, Err(GatewayFailure::Protocol(fault)), "{body}");
    }
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_bound() {
    let padded = |bytes: usize| {
        let mut body = r#"{"transactionId":"t"}"#.to_owned();
        body.extend(std::iter::repeat_n(' ', bytes - body.len()));
        body
    };
    let fits = padded(RESPONSE_BYTES_MAX);
    assert!(
        settle_with(move || fits.clone().into_response())
            .await
            .is_ok()
    );
    let too_large = padded(RESPONSE_BYTES_MAX + 1);
    let answer = settle_with(move || too_large.clone().into_response()).await;
    let fault = GatewayFailure::Protocol(ProtocolFault::TooLarge);
    assert_eq!(answer, Err(fault));
    // The status says what happened, however much comes with it.
    let huge = "x".repeat(4 * RESPONSE_BYTES_MAX);
    let answer = settle_with(move || {
        let mut response = huge.clone().into_response();
        *response.status_mut() = axum::http::StatusCode::PAYMENT_REQUIRED;
        response
    })
    .await;
    assert_eq!(answer, Err(GatewayFailure::Declined { status: Some(402) }));
}

#[tokio::test]
async fn retry_after_is_read_in_both_forms_and_by_their_clock() {
    let soon = "Sun, 06 Nov 1994 08:49:40 GMT";
    let their_now = "Sun, 06 Nov 1994 08:49:30 GMT";
    let date = "date";
    for (headers, wait) in [
        (vec![("retry-after", "7"), (date, their_now)], Some(7_000)),
        (vec![("retry-after", soon), (date, their_now)], Some(10_000)),
        // A Date that cannot be read leaves our own clock.
        (vec![("retry-after", soon), (date, "nonsense")], Some(3_000)),
        (vec![("retry-after", "soon")], None),
        (vec![], None),
    ] {
        let retry_after = wait.map(Millis::new);
        for (code, failure) in [
            (429, GatewayFailure::RateLimited { retry_after }),
            (
                503,
                GatewayFailure::Unavailable {
                    status: Some(503),
                    retry_after,
                },
            ),
        ] {
            let headers = headers.clone();
            let answer = settle_with(move || status(code, &headers, "")).await;
            assert_eq!(answer, Err(failure), "{code} {wait:?}");
        }
    }
}

#[tokio::test]
async fn no_redirection_is_followed() {
    with_server(
        || status(200, &[], r#"{"transactionId":"t"}"#),
        async |elsewhere, elsewhere_seen| {
            for code in [301, 302, 303, 307, 308] {
                let location = elsewhere.clone();
                let redirect = move || {
                    let mut response = status(code, &[], "");
                    let headers = response.headers_mut();
                    headers.insert("location", location.parse().unwrap());
                    response
                };
                let answer = settle_with(redirect).await;
                let fault = ProtocolFault::Status(code);
                assert_eq!(answer, Err(GatewayFailure::Protocol(fault)));
            }
            assert!(elsewhere_seen.requests.lock().unwrap().is_empty());
        },
    )
    .await;
}

#[tokio::test]
async fn a_silent_gateway_times_out() {
    let router = Router::new().fallback(any(async || std::future::pending::<()>().await));
    with_router(router, Arc::new(Seen::default()), async |url, _| {
        let gateway = gateway_in(&url, Millis::new(30), ReceiptPointers::default());
        assert_eq!(
            gateway.settle(&request()).await,
            Err(GatewayFailure::Timeout)
        );
        // The caller's deadline counts when it is nearer than the gateway's own timeout.
        let mut hurried = request();
        hurried.deadline = NOW.after(Millis::new(30));
        let patient = gateway_in(&url, Millis::from_secs(600), ReceiptPointers::default());
        assert_eq!(patient.settle(&hurried).await, Err(GatewayFailure::Timeout));
    })
    .await;
}

#[tokio::test]
async fn after_the_deadline_nothing_is_sent() {
    let answer = || status(200, &[], r#"{"transactionId":"t"}"#);
    with_server(answer, async |url, seen| {
        let mut late = request();
        late.deadline = late.now;
        assert_eq!(
            gateway(&url).settle(&late).await,
            Err(GatewayFailure::Timeout)
        );
        assert!(seen.requests.lock().unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn no_connection_and_a_lost_answer_are_unavailable() {
    let unavailable = Err(GatewayFailure::Unavailable {
        status: None,
        retry_after: None,
    });
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let gateway = gateway(&url);
    let request = request();
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"transactionId\":";
    // A status that is no 2xx says what happened, even when its body is cut off.
    let declined = "HTTP/1.1 402 Payment Required\r\ncontent-length: 99\r\n\r\n{";
    let no = Err(GatewayFailure::Declined { status: Some(402) });
    for (said, expected) in [("", &unavailable), (head, &unavailable), (declined, &no)] {
        let cut_off = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut asked = [0; 4096];
            assert_ne!(socket.read(&mut asked).await.unwrap(), 0);
            socket.write_all(said.as_bytes()).await.unwrap();
        };
        let (answer, ()) = tokio::join!(gateway.settle(&request), cut_off);
        assert_eq!(answer, *expected, "{said}");
    }
    let (_held, url) = refusing_address();
    assert_eq!(self::gateway(&url).settle(&request).await, unavailable);
}

#[tokio::test]
async fn connections_are_used_again() {
    let answer = || status(200, &[], r#"{"transactionId":"t"}"#);
    with_server(answer, async |url, seen| {
        let gateway = gateway(&url);
        for _ in 0..5 {
            gateway.settle(&request()).await.unwrap();
        }
        assert_eq!(seen.requests.lock().unwrap().len(), 5);
        assert_eq!(seen.connections.load(Ordering::Relaxed), 1);
    })
    .await;
}
