//! Every row of the front door's table: status, code, words, headers.

use reqwest::Method;
use serde_json::Value;

use crate::support::home::{Home, SECRET};
use crate::support::server::Server;
use crate::support::tcp::Connection;
use crate::support::webhook::{Webhook, body, signature};

/// A request's head up to its last line, signed for `body`.
fn head(path: &str, body: &[u8]) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: payhook\r\nx-webhook-signature: {}\r\n",
        signature(SECRET, body)
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_not_found() {
    let home = Home::new("");
    let server = Server::start(&home);
    for path in [
        "/",
        "/webhook",
        "/webhooks/",
        "/webhooks/a/b",
        "/prod/webhooks",
        "/api/events",
    ] {
        let answer = server.send(&Webhook::payment("p", "e").to(path)).await;
        answer.refuses(404, "not_found", "Not found");
    }
    for path in [
        "/webhooks/other",
        "/webhooks/GENERIC",
        "/webhooks/%41",
        "/webhooks/%ff",
    ] {
        let answer = server.send(&Webhook::payment("p", "e").to(path)).await;
        answer.refuses(404, "unknown_source", "Unknown source");
    }
    // A source that is not there is not there for any method.
    let answer = server.ask(Method::GET, "/webhooks/other").await;
    answer.refuses(404, "unknown_source", "Unknown source");
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_but_post_is_not_allowed() {
    let home = Home::new("");
    let server = Server::start(&home);
    for method in [
        Method::GET,
        Method::PUT,
        Method::DELETE,
        Method::PATCH,
        Method::OPTIONS,
    ] {
        for path in ["/webhooks", "/webhooks/generic"] {
            let answer = server.ask(method.clone(), path).await;
            answer.refuses(405, "method_not_allowed", "Only POST is allowed here");
            assert_eq!(answer.header("allow"), "POST");
        }
    }
    let answer = server.ask(Method::HEAD, "/webhooks").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_the_limit_is_too_large_however_it_is_sent() {
    let home = Home::new("server.body_bytes_max = 100");
    let server = Server::start(&home);
    let longest = format!(r#"{{"paymentId":"p"{}}}"#, " ".repeat(83));
    assert_eq!(longest.len(), 100);
    server
        .send(&Webhook::new(longest.clone()))
        .await
        .accepts("stored");
    let longer = format!("{longest} ");
    let refuses = |answer: crate::support::Answer| {
        answer.refuses(413, "body_too_large", "Body exceeds 100 bytes");
    };
    refuses(server.send(&Webhook::new(longer.clone())).await);

    // The declared length alone decides: none of these bytes is waited for.
    let mut declared = Connection::open(server.listen);
    declared.send(head("/webhooks", b"") + "content-length: 1000000000\r\n\r\n");
    refuses(declared.answer());

    // Without a declared length, the first byte over the limit decides.
    let mut chunked = Connection::open(server.listen);
    chunked.send(head("/webhooks", longer.as_bytes()) + "transfer-encoding: chunked\r\n\r\n");
    chunked.send(format!("64\r\n{longest}\r\n"));
    chunked.send("1\r\n \r\n");
    refuses(chunked.answer());

    // A sender that first writes all it has hears the answer too.
    let long = vec![b' '; 8 * 1024 * 1024];
    let mut eager = Connection::open(server.listen);
    eager.send(head("/webhooks", &long) + &format!("content-length: {}\r\n\r\n", long.len()));
    eager.send_in_vain(&long);
    refuses(eager.answer());
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_make_the_same_body() {
    let home = Home::new("");
    let server = Server::start(&home);
    let body = body("p", "e");
    let mut chunked = Connection::open(server.listen);
    chunked.send(head("/webhooks", body.as_bytes()) + "transfer-encoding: chunked\r\n\r\n");
    let (first, second) = body.split_at(7);
    chunked.send(format!("7\r\n{first}\r\n"));
    chunked.send(format!("{:x}\r\n{second}\r\n0\r\n\r\n", second.len()));
    chunked.answer().accepts("stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compressed_body_is_judged_as_it_came_and_never_unpacked() {
    let home = Home::new(
        "[sources.stripe]\nprovider = 'stripe'\nsecrets = [{ value = 'whsec_x', in_clear = true }]",
    );
    let server = Server::start(&home);
    let words = "Send the body without Content-Encoding";
    // A hundred bytes that would become a hundred thousand, signed and not.
    let bomb = include_bytes!("../data/zeros.gz");
    for webhook in [
        Webhook::unsigned(bomb),
        Webhook::new(bomb),
        Webhook::new(bomb).to("/webhooks/stripe"),
    ] {
        for encoding in ["gzip", "x-gzip", "deflate", "br", "zstd", "identity, gzip"] {
            let webhook = webhook.clone().with("content-encoding", encoding);
            let answer = server.send(&webhook).await;
            answer.refuses(415, "body_encoded", words);
        }
    }
    // A sender who says so of a body that is what was signed is understood.
    let signed = Webhook::payment("p", "e").with("content-encoding", "gzip");
    server.send(&signed).await.accepts("stored");
    let identity = Webhook::payment("p", "e").with("content-encoding", "Identity");
    server.send(&identity).await.accepts("duplicate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_too_slowly_is_given_up() {
    let home = Home::new("server.body_timeout_ms = 200");
    let server = Server::start(&home);
    let mut slow = Connection::open(server.listen);
    slow.send(head("/webhooks", b"") + "content-length: 10\r\n\r\n{");
    slow.answer()
        .refuses(408, "body_timeout", "The body did not arrive in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_comes_too_slowly_is_hung_up_on() {
    let home = Home::new("server.head_timeout_ms = 200");
    let server = Server::start(&home);
    let mut slow = Connection::open(server.listen);
    slow.send("POST /webhooks HTTP/1.1\r\n");
    assert!(slow.is_closed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_http_does_no_harm() {
    let home = Home::new("");
    let server = Server::start(&home);
    let long = format!(
        "POST /webhooks HTTP/1.1\r\nx-long: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    for bytes in [
        "\u{16}\u{3}\u{1} TLS, for example\r\n\r\n",
        "POST\r\n\r\n",
        "POST /webhooks HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        "POST /webhooks HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        &long,
    ] {
        let mut connection = Connection::open(server.listen);
        connection.send_in_vain(bytes);
        let answer = connection.answer();
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    // A body that is broken off is no body, however well it is signed.
    let mut broken = Connection::open(server.listen);
    broken.send(head("/webhooks", b"{}") + "transfer-encoding: chunked\r\n\r\n2\r\n{}\r\nzz\r\n");
    let answer = broken.answer();
    answer.refuses(400, "body_broken", "The body did not arrive whole");

    server
        .send(&Webhook::payment("p", "e"))
        .await
        .accepts("stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_signature_is_said_to_be_missing() {
    let home = Home::new("");
    let server = Server::start(&home);
    let unsigned = Webhook::unsigned(body("p", "e"));
    for webhook in [
        unsigned.clone(),
        unsigned.clone().with("x-webhook-signature", ""),
        unsigned
            .clone()
            .with("x-signature", &signature(SECRET, &unsigned.body)),
        // The signature is judged before a byte is parsed.
        Webhook::unsigned("no JSON"),
        Webhook::unsigned(""),
    ] {
        let answer = server.send(&webhook).await;
        answer.refuses(400, "signature_missing", "Missing webhook signature");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_signature_is_wrong_in_one_sentence_whatever_its_form() {
    let home = Home::new("");
    let server = Server::start(&home);
    let unsigned = Webhook::unsigned(body("p", "e"));
    let right = signature(SECRET, &unsigned.body);
    let hex = right.strip_prefix("sha256=").unwrap().to_owned();
    let last = if hex.ends_with('0') { "1" } else { "0" };
    let zeros = "0".repeat(64);
    let base64 = {
        use domain::signature::{HmacAlgorithm, HmacScheme, SignatureEncoding};
        let scheme = HmacScheme {
            algorithm: HmacAlgorithm::Sha256,
            encoding: SignatureEncoding::Base64,
            ..HmacScheme::plain("x")
        };
        scheme.sign_body(SECRET.as_bytes(), &unsigned.body)
    };
    let forms = [
        zeros.clone(),
        format!("sha256={zeros}"),
        format!("{}{last}", &hex[..63]),
        hex[..63].to_owned(),
        hex[..62].to_owned(),
        format!("{hex}0"),
        format!("{hex}00"),
        hex.repeat(2),
        "0".to_owned(),
        "not hex at all".to_owned(),
        format!("{}zz", &hex[..62]),
        base64,
        format!("sha512={hex}"),
        format!("SHA256={hex}"),
        format!("sha256:{hex}"),
        format!("sha256=sha256={hex}"),
        "sha256=".to_owned(),
        format!("{hex},{hex}"),
        "f".repeat(20_000),
        signature("another secret", &unsigned.body),
        signature(SECRET, b"another body"),
    ];
    for form in &forms {
        let webhook = unsigned.clone().with("x-webhook-signature", form);
        let answer = server.send(&webhook).await;
        answer.refuses(401, "signature_invalid", "Invalid webhook signature");
    }
    let repeated = unsigned
        .clone()
        .with("x-webhook-signature", &right)
        .with("x-webhook-signature", &right);
    let answer = server.send(&repeated).await;
    answer.refuses(401, "signature_invalid", "Invalid webhook signature");
    // One byte of the body more, and the genuine signature proves nothing.
    let mut longer = unsigned.clone().with("x-webhook-signature", &right);
    longer.body.push(b' ');
    server
        .send(&longer)
        .await
        .refuses(401, "signature_invalid", "Invalid webhook signature");

    let seen = server
        .metric(r#"payhook_webhooks_refused_total{source="generic",reason="signature_invalid"}"#)
        .await;
    assert_eq!(seen, forms.len() as f64 + 2.0);
    for (right, outcome) in [
        (right.clone(), "stored"),
        (hex.clone(), "duplicate"),
        (hex.to_uppercase(), "duplicate"),
    ] {
        let webhook = unsigned.clone().with("X-Webhook-SIGNATURE", &right);
        server.send(&webhook).await.accepts(outcome);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_body_that_says_nothing_is_refused_by_what_is_wrong_with_it() {
    let home = Home::new("");
    let server = Server::start(&home);
    for malformed in [
        "",
        "{",
        "null",
        "[]",
        r#"{"paymentId":"p"} {}"#,
        r#"{"paymentId":"p","paymentId":"q"}"#,
    ] {
        let answer = server.send(&Webhook::new(malformed)).await;
        answer.refuses(400, "malformed_json", "Malformed JSON");
    }
    for missing in [
        "{}",
        r#"{"paymentId":null}"#,
        r#"{"paymentId":""}"#,
        r#"{"paymentid":"p"}"#,
    ] {
        let answer = server.send(&Webhook::new(missing)).await;
        answer.refuses(400, "missing_field", "Missing required field: paymentId");
    }
    for (field, value, problem) in [
        ("amount", "-0.01", "negative"),
        ("amount", r#""ten""#, "not a number"),
        ("amount", "[1]", "not a number"),
        ("amount", "1e300", "out of range"),
        ("currency", r#""XXY""#, "not an ISO 4217 currency code"),
        ("currency", r#""eur""#, "not an ISO 4217 currency code"),
        ("currency", "978", "not a string"),
        ("eventId", "7", "not a string"),
        ("status", r#""a\nb""#, "contains control characters"),
    ] {
        let body = format!(r#"{{"paymentId":"p","{field}":{value}}}"#);
        let answer = server.send(&Webhook::new(body)).await;
        let words = format!("Invalid value for {field}: {problem}");
        answer.refuses(422, "invalid_value", &words);
    }
    let counts = server.api("counts").await;
    assert_eq!(
        (&counts["events"], &counts["quarantined"]),
        (&Value::from(0), &Value::from(19))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_intake_says_when_to_come_again() {
    let home = Home::new("server.requests_max = 1");
    let server = Server::start(&home);
    let body = body("p", "e");
    let mut first = Connection::open(server.listen);
    first.send(head("/webhooks", body.as_bytes()));
    first.send(format!("content-length: {}\r\n", body.len()));
    first.send("expect: 100-continue\r\n\r\n");
    // The body is asked for once the first has the only place.
    first.expect("HTTP/1.1 100 Continue\r\n\r\n");
    for webhook in [Webhook::payment("q", "f"), Webhook::unsigned("")] {
        let full = server.send(&webhook).await;
        full.refuses(503, "intake_full", "Too many requests at once, try again");
        assert_eq!(full.header("retry-after"), "1");
    }
    // What comes before it in the order of precedence is still said.
    let answer = server.ask(Method::GET, "/webhooks").await;
    answer.refuses(405, "method_not_allowed", "Only POST is allowed here");
    first.send(&body);
    first.answer().accepts("stored");
    let webhook = Webhook::new(body);
    server.send(&webhook).await.accepts("duplicate");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_wire_contract_holds() {
    let home = Home::new("");
    let server = Server::start(&home);
    let webhook = Webhook::new(r#"{"paymentId":"pay_123456"}"#);
    let answer = server.send(&webhook).await;
    answer.accepts("stored");
    assert_eq!(answer.header("content-type"), "application/json");
    let timestamp = answer.json()["timestamp"].as_i64().unwrap();
    let expected = serde_json::json!({
        "message": "Webhook processed successfully",
        "paymentId": "pay_123456",
        "timestamp": timestamp,
    });
    assert_eq!(answer.json(), expected);
    let hash = {
        let list = server.api("events").await;
        list["items"][0]["eventKey"].as_str().unwrap().to_owned()
    };
    let event = server.event_at_rest(&hash.replace('#', "%23")).await["event"].clone();
    for (field, value) in [
        ("amount", "0"),
        ("currency", "USD"),
        ("provider", "unknown"),
        ("providerStatus", "pending"),
        ("status", "completed"),
        ("paymentId", "pay_123456"),
    ] {
        assert_eq!(event[field], value, "{field}");
    }
    assert_eq!(event["timestamp"], timestamp);
    assert_eq!(answer.header("x-payhook-trace-id"), event["traceId"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_goes_from_the_senders_header_to_the_record() {
    let home = Home::new("");
    let server = Server::start(&home);
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let webhook =
        Webhook::payment("p", "e").with("traceparent", &format!("00-{trace}-b7ad6b7169203331-01"));
    let answer = server.send(&webhook).await;
    assert_eq!(answer.header("x-payhook-trace-id"), trace);
    assert_eq!(
        server.event_at_rest("generic/e").await["event"]["traceId"],
        trace
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_path_moves_every_url() {
    let home = Home::new(
        "server.base_path = '/prod'\n[sources.shop]\nsecrets = [{value = 's', in_clear = true}]",
    );
    let server = Server::start(&home);
    let send = async |path: &str| server.send(&Webhook::payment("p", path).to(path)).await;
    send("/prod/webhooks").await.accepts("stored");
    send("/prod/webhooks/generic").await.accepts("stored");
    send("/prod/webhooks/shop").await.refuses(
        401,
        "signature_invalid",
        "Invalid webhook signature",
    );
    send("/prod/webhooks/x")
        .await
        .refuses(404, "unknown_source", "Unknown source");
    send("/webhooks")
        .await
        .refuses(404, "not_found", "Not found");
    server.stop();
}
