//! Requests that two readers could understand differently, one line each with where it is from.
//!
//! After every one of them comes a genuine, signed webhook on the same connection: the loot. One
//! that is kept has been smuggled in.

use crate::support::home::{Home, SECRET};
use crate::support::server::Server;
use crate::support::tcp::Connection;
use crate::support::webhook::{Webhook, body, signature};

/// A refusal by the guard before the library: no body, and the end of the connection.
const MALFORMED: (u16, &str) = (400, "");
/// A refusal of a body that does not end where it says: the source's own, and the end as well.
const BROKEN: (u16, &str) = (400, "body_broken");
const TOO_LARGE_HEAD: (u16, &str) = (431, "");

/// What stands in place of `$` in the table.
struct Parts {
    /// The request line and Host.
    line: &'static str,
    /// The fields of a genuine webhook, but for its length.
    signed: String,
    /// Its body, in one chunk, without the last one.
    chunk: String,
    /// Its body.
    body: String,
}

impl Parts {
    fn new(event: &str) -> Self {
        let body = body("p", event);
        Self {
            line: "POST /webhooks HTTP/1.1\r\nhost: payhook\r\n",
            signed: format!(
                "x-webhook-signature: {}\r\n",
                signature(SECRET, body.as_bytes())
            ),
            chunk: format!("{:x}\r\n{body}\r\n", body.len()),
            body,
        }
    }

    /// `$head` is a genuine head without its length, `$length` that, `$chunk` the whole body as a
    /// chunk and `$body` as it is, `$size` the size of the chunk.
    fn fill(&self, text: &str) -> String {
        text.replace("$head", &format!("{}{}", self.line, self.signed))
            .replace("$line", self.line)
            .replace("$signed", &self.signed)
            .replace("$length", &self.body.len().to_string())
            .replace("$size", &format!("{:x}", self.body.len()))
            .replace("$chunk", &self.chunk)
            .replace("$body", &self.body)
    }
}

/// A genuine webhook that must not be kept.
fn loot(event: &str) -> String {
    Parts::new(event).fill("$headcontent-length: $length\r\n\r\n$body")
}

// The sources: `9112` is RFC 9112, HTTP/1.1, by section. `Kettle 2019` is HTTP Desync Attacks, and the
// variants of Transfer-Encoding that the tools made after it try (PortSwigger's HTTP Request
// Smuggler, defparam/smuggler). `Kettle 2022` is Browser-Powered Desync Attacks, `Kettle 2025` is
// HTTP/1.1 Must Die, `Funky Chunks` the 2025 work on chunk extensions and line ends.
#[rustfmt::skip]
const REFUSED: &[(&str, &str, (u16, &str))] = &[
    // Two lengths.
    ("CL.TE (9112 6.1, Kettle 2019)", "$headcontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE.CL (9112 6.1, Kettle 2019)", "$headtransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("CL.CL, other (9112 6.3)", "$headcontent-length: $length\r\ncontent-length: 0\r\n\r\n$body", MALFORMED),
    ("CL.CL, the same (9112 6.3)", "$headcontent-length: $length\r\ncontent-length: $length\r\n\r\n$body", MALFORMED),
    ("CL list (9112 6.3)", "$headcontent-length: $length, $length\r\n\r\n$body", MALFORMED),
    ("CL with a sign (9110 8.6)", "$headcontent-length: +$length\r\n\r\n$body", MALFORMED),
    ("CL negative (9110 8.6)", "$headcontent-length: -1\r\n\r\n$body", MALFORMED),
    ("CL hexadecimal (9110 8.6)", "$headcontent-length: 0x$size\r\n\r\n$body", MALFORMED),
    ("CL empty (9110 8.6)", "$headcontent-length:\r\n\r\n$body", MALFORMED),
    ("CL in two (9110 8.6)", "$headcontent-length: 1 $length\r\n\r\n$body", MALFORMED),
    ("CL over 64 bits (9110 8.6)", "$headcontent-length: 18446744073709551616\r\n\r\n$body", MALFORMED),
    // Transfer-Encoding that one reader takes for chunked.
    ("TE xchunked (Kettle 2019)", "$headtransfer-encoding: xchunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE identity (9112 6.1)", "$headtransfer-encoding: identity\r\ncontent-length: $length\r\n\r\n$body", MALFORMED),
    ("TE of another coding (9112 6.1)", "$headtransfer-encoding: gzip, chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE not last (9112 6.3)", "$headtransfer-encoding: chunked, identity\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE twice in one (9112 6.1)", "$headtransfer-encoding: chunked, chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE twice (Kettle 2019)", "$headtransfer-encoding: chunked\r\ntransfer-encoding: x\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE twice, the other first (Kettle 2019)", "$headtransfer-encoding: x\r\ntransfer-encoding: chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE with a blank before the colon (9112 5.1, Kettle 2019)", "$headtransfer-encoding : chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE with a vertical tab (Kettle 2019)", "$headtransfer-encoding:\u{b}chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE with a form feed (Kettle 2019)", "$headtransfer-encoding:\u{c}chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE with a NUL (smuggler)", "$headtransfer-encoding:\0chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE in quotes (smuggler)", "$headtransfer-encoding: \"chunked\"\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE with a parameter (9112 7)", "$headtransfer-encoding: chunked;q=1\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE with an empty element (smuggler)", "$headtransfer-encoding: , chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE after a line feed (Kettle 2019)", "$headx: x\ntransfer-encoding: chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE after a carriage return (smuggler)", "$headx: x\rtransfer-encoding: chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE folded (9112 5.2, Kettle 2019)", "$headtransfer-encoding:\r\n chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE as a folded line (9112 5.2)", "$headx: x\r\n transfer-encoding: chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE before a line feed (Kettle 2019)", "$headtransfer-encoding\n: chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    ("TE in HTTP/1.0 (9112 6.1)", "POST /webhooks HTTP/1.0\r\n$signedtransfer-encoding: chunked\r\n\r\n$chunk0\r\n\r\n", MALFORMED),
    // Lines.
    ("all lines end with a line feed (9112 2.2)", "POST /webhooks HTTP/1.1\nhost: payhook\ncontent-length: 0\n\n", MALFORMED),
    ("the request line ends with a line feed (9112 2.2)", "POST /webhooks HTTP/1.1\nhost: payhook\r\n\r\n", MALFORMED),
    ("the head ends with a line feed (9112 2.2)", "$headcontent-length: $length\r\n\n$body", MALFORMED),
    ("a lone carriage return ends the request line (9112 2.2)", "POST /webhooks HTTP/1.1\rhost: payhook\r\n\r\n", MALFORMED),
    ("a blank before the first field (9112 2.2)", "POST /webhooks HTTP/1.1\r\n host: payhook\r\n\r\n", MALFORMED),
    ("a blank before the colon (9112 5.1)", "$headx : y\r\n\r\n", MALFORMED),
    ("no colon (9112 5)", "$headx\r\n\r\n", MALFORMED),
    ("no name (9110 5.1)", "$head: y\r\n\r\n", MALFORMED),
    ("a NUL in a value (9110 5.5)", "$headx: a\0b\r\n\r\n", MALFORMED),
    ("a NUL in a name (9110 5.1)", "$headx\0: y\r\n\r\n", MALFORMED),
    ("a carriage return in a value (9110 5.5)", "$headx: a\rb\r\n\r\n", MALFORMED),
    ("a letter beyond ASCII in a name (9110 5.1)", "$headx\u{e9}: y\r\n\r\n", MALFORMED),
    // The request line and Host.
    ("HTTP/2 without asking (9113 3.3)", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0", MALFORMED),
    ("HTTP/1.2 (9112 2.3)", "POST /webhooks HTTP/1.2\r\nhost: payhook\r\n\r\n", MALFORMED),
    ("HTTP/1.10 (9112 2.3)", "POST /webhooks HTTP/1.10\r\nhost: payhook\r\n\r\n", MALFORMED),
    ("HTTP/0.9 (9112 3)", "POST /webhooks\r\n\r\n", MALFORMED),
    ("two blanks (9112 3)", "POST  /webhooks HTTP/1.1\r\nhost: payhook\r\n\r\n", MALFORMED),
    ("tabs (9112 3)", "POST\t/webhooks\tHTTP/1.1\r\nhost: payhook\r\n\r\n", MALFORMED),
    ("a blank in the target (9112 3.2)", "POST /web hooks HTTP/1.1\r\nhost: payhook\r\n\r\n", MALFORMED),
    ("a NUL in the target (9112 3.2)", "POST /webhooks\0 HTTP/1.1\r\nhost: payhook\r\n\r\n", MALFORMED),
    ("no Host (9112 3.2)", "POST /webhooks HTTP/1.1\r\n$signedcontent-length: $length\r\n\r\n$body", MALFORMED),
    ("two Hosts (9112 3.2)", "$headhost: other\r\ncontent-length: $length\r\n\r\n$body", MALFORMED),
    ("a Host that is none (9112 3.2)", "POST /webhooks HTTP/1.1\r\nhost: a b\r\n\r\n", MALFORMED),
    ("a Host with somebody in it (9110 4.2.4)", "POST /webhooks HTTP/1.1\r\nhost: a@b\r\n\r\n", MALFORMED),
    // Chunks.
    ("a chunk's size over 64 bits (9112 7.1)", "$headtransfer-encoding: chunked\r\n\r\n100000000000000$size\r\n$body\r\n0\r\n\r\n", BROKEN),
    ("a chunk of almost 64 bits (9112 7.1)", "$headtransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n$body\r\n0\r\n\r\n", BROKEN),
    ("a chunk's size with a sign (9112 7.1)", "$headtransfer-encoding: chunked\r\n\r\n-$size\r\n$body\r\n0\r\n\r\n", BROKEN),
    ("a chunk's size with 0x (9112 7.1)", "$headtransfer-encoding: chunked\r\n\r\n0x$size\r\n$body\r\n0\r\n\r\n", BROKEN),
    ("a chunk's size with a blank (9112 7.1)", "$headtransfer-encoding: chunked\r\n\r\n$size \r\n$body\r\n0\r\n\r\n", BROKEN),
    ("a chunk without a size (9112 7.1)", "$headtransfer-encoding: chunked\r\n\r\n\r\n$body\r\n0\r\n\r\n", BROKEN),
    ("a chunk that is longer than it says (9112 7.1)", "$headtransfer-encoding: chunked\r\n\r\n$size\r\n$bodyXX0\r\n\r\n", BROKEN),
    ("a chunk's line ends with a line feed (Funky Chunks)", "$headtransfer-encoding: chunked\r\n\r\n$size\n$body\r\n0\r\n\r\n", BROKEN),
    ("a chunk's extension ends with a line feed (Funky Chunks)", "$headtransfer-encoding: chunked\r\n\r\n$size;x\n$body\r\n0\r\n\r\n", BROKEN),
    ("a chunk's extension has a carriage return (Funky Chunks)", "$headtransfer-encoding: chunked\r\n\r\n$size;x\ry\r\n$body\r\n0\r\n\r\n", BROKEN),
    ("a chunk ends with a line feed (Funky Chunks)", "$headtransfer-encoding: chunked\r\n\r\n$size\r\n$body\n0\r\n\r\n", BROKEN),
    ("the last chunk ends with a line feed (Funky Chunks)", "$headtransfer-encoding: chunked\r\n\r\n$chunk0\n\r\n", BROKEN),
    ("a trailer ends with a line feed (Funky Chunks)", "$headtransfer-encoding: chunked\r\n\r\n$chunk0\r\nx: y\n\r\n", BROKEN),
];

/// What has one meaning, though it is unusual: kept, and what comes after it on the connection is
/// understood.
#[rustfmt::skip]
const KEPT: &[(&str, &str)] = &[
    ("a length with zeros before it (9110 8.6)", "$headcontent-length: 000$length\r\n\r\n$body"),
    ("TE in capitals, after a tab (9112 7)", "$headTransfer-Encoding:\tCHUNKED\t\r\n\r\n$chunk0\r\n\r\n"),
    ("other names like it (9110 5.1)", "$headtransfer_encoding: chunked\r\ntransfer.encoding: chunked\r\ncontent-length: $length\r\n\r\n$body"),
    ("empty lines before (9112 2.2)", "\r\n\r\n$headcontent-length: $length\r\n\r\n$body"),
    ("the absolute form (9112 3.2.2)", "POST http://elsewhere/webhooks HTTP/1.1\r\nhost: payhook\r\n$signedcontent-length: $length\r\n\r\n$body"),
    ("an extension of a chunk, ignored (9112 7.1.1)", "$headtransfer-encoding: chunked\r\n\r\n$size;a=\"b;c\"\r\n$body\r\n0\r\n\r\n"),
    ("trailers, ignored (9112 7.1.2)", "$headtransfer-encoding: chunked\r\n\r\n$chunk0\r\ncontent-length: 5\r\nx: y\r\n\r\n"),
    ("an upgrade to HTTP/2, ignored (9110 7.8, h2c smuggling)", "$headconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\ncontent-length: $length\r\n\r\n$body"),
    ("a length that Connection names (9110 7.6.1)", "$headconnection: content-length\r\ncontent-length: $length\r\n\r\n$body"),
    ("an expectation that nobody knows (9110 10.1.1, Kettle 2025)", "$headexpect: y 100-continue\r\ncontent-length: $length\r\n\r\n$body"),
];

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_smuggled_in_behind_what_can_be_read_in_two_ways() {
    let home = Home::new("");
    let server = Server::start(&home);
    let parts = Parts::new("bait");
    let long = |text: &str| format!("$head{text}content-length: $length\r\n\r\n$body");
    let many = long(&"x: y\r\n".repeat(200));
    let longest = long(&format!("x: {}\r\n", "y".repeat(33_000)));
    let target = format!(
        "POST /webhooks?{} HTTP/1.1\r\nhost: payhook\r\n\r\n",
        "y".repeat(33_000)
    );
    let extension = format!(
        "$headtransfer-encoding: chunked\r\n\r\n$size;{}\r\n$body\r\n0\r\n\r\n",
        "y".repeat(300)
    );
    let trailers = format!(
        "$headtransfer-encoding: chunked\r\n\r\n$chunk0\r\n{}\r\n",
        "x: y\r\n".repeat(1000)
    );
    let large = [
        ("200 fields (9112 5.4)", many.as_str(), TOO_LARGE_HEAD),
        ("a field of 33 kB (9110 5.4)", &longest, TOO_LARGE_HEAD),
        ("a target of 33 kB (9112 3)", &target, TOO_LARGE_HEAD),
        ("an extension of 300 bytes (9112 7.1.1)", &extension, BROKEN),
        ("trailers of 6 kB (9112 7.1.2)", &trailers, BROKEN),
    ];
    for (what, text, expected) in REFUSED.iter().copied().chain(large) {
        let mut connection = Connection::open(server.listen);
        connection.send_in_vain(parts.fill(text) + &loot("loot"));
        let answer = connection.answer();
        let code = if answer.body.is_empty() {
            String::new()
        } else {
            answer.json()["code"].as_str().unwrap().to_owned()
        };
        assert_eq!(
            (answer.status, code.as_str()),
            expected,
            "{what}: {answer:?}"
        );
        assert!(connection.is_closed(), "{what}: the connection goes on");
    }
    let counts = server.api("counts").await;
    assert_eq!(
        (&counts["events"], &counts["quarantined"]),
        (&0.into(), &0.into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_one_meaning_is_kept_and_what_follows_is_understood() {
    let home = Home::new("");
    let server = Server::start(&home);
    for (number, (what, text)) in KEPT.iter().enumerate() {
        let event = format!("first-{number}");
        let mut connection = Connection::open(server.listen);
        connection.send(Parts::new(&event).fill(text));
        let answer = connection.answer();
        assert_eq!(
            answer.header("x-payhook-outcome"),
            "stored",
            "{what}: {answer:?}"
        );
        connection.send(loot(&format!("second-{number}")));
        connection.answer().accepts("stored");
    }
    // A body that nobody reads is no request either (CL.0, Kettle 2022).
    for head in [
        "POST /nothing HTTP/1.1\r\n",
        "GET /webhooks HTTP/1.1\r\n",
        "OPTIONS * HTTP/1.1\r\n",
        "POST /webhooks/nobody HTTP/1.1\r\n",
    ] {
        let loot = loot("loot");
        let mut connection = Connection::open(server.listen);
        connection.send(format!(
            "{head}host: payhook\r\ncontent-length: {}\r\n\r\n{loot}",
            loot.len()
        ));
        let answer = connection.answer();
        assert!(matches!(answer.status, 404 | 405), "{head}: {answer:?}");
    }
    // A signature among the trailers is none.
    let parts = Parts::new("loot");
    let mut connection = Connection::open(server.listen);
    connection.send(parts.fill("$linetransfer-encoding: chunked\r\n\r\n$chunk0\r\n$signed\r\n"));
    connection
        .answer()
        .refuses(400, "signature_missing", "Missing webhook signature");
    let counts = server.api("counts").await;
    assert_eq!(counts["events"], KEPT.len() * 2);
    server
        .send(&Webhook::payment("p", "loot"))
        .await
        .accepts("stored");
}
