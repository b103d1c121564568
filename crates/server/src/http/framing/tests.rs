//! Every way of cutting and bending a request, and at which byte it is seen.

use super::*;

const HOST: &str = "POST / HTTP/1.1\r\nhost: h\r\n";

/// The index of the byte at which `bytes` stop making sense, and why; the number of bytes where
/// they all do.
fn follow(bytes: &[u8], step: usize) -> (usize, Option<Misframed>) {
    let mut framing = Framing::default();
    for (number, piece) in bytes.chunks(step).enumerate() {
        if let Err((index, why)) = framing.feed(piece) {
            return (number * step + index, Some(why));
        }
    }
    (bytes.len(), None)
}

#[track_caller]
fn check(bytes: &[u8], expected: Option<Misframed>) {
    let text = String::from_utf8_lossy(bytes);
    let whole = follow(bytes, bytes.len());
    assert_eq!(whole.1, expected, "{text:?}");
    for step in [1, 2, 3, 7] {
        assert_eq!(follow(bytes, step), whole, "{text:?} in steps of {step}");
    }
}

#[test]
fn what_makes_sense_is_followed_however_it_is_cut() {
    for text in [
        "POST / HTTP/1.1\r\nhost: h\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "\r\n\r\nPOST / HTTP/1.1\r\nHOST:h:80\r\n\r\n",
        "POST http://h/ HTTP/1.1\r\nhost: h\r\ncontent-length: 5\r\n\r\n\n\n\n\n\nGET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: [::1]:80\r\nTransfer-Encoding:\tCHUNKED \r\n\r\n5\r\n\n\n\n\n\n\r\n0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n00a;b=c; d\r\n0123456789\r\n0\r\nx: y\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\nGET / HTTP/1.0\r\n\r\n",
    ] {
        check(text.as_bytes(), None);
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_not() {
    use Misframed::{
        BareLineFeed, Chunk, ContentLength, Host, NotHttp1, TransferEncoding, TwoLengths,
    };
    for (fields, why) in [
        ("x: a\n", BareLineFeed),
        ("\n", BareLineFeed),
        (
            "content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
            TwoLengths,
        ),
        (
            "transfer-encoding: chunked\r\ncontent-length: 1\r\n\r\n",
            TwoLengths,
        ),
        (
            "content-length: 1\r\nContent-Length: 1\r\n\r\n",
            ContentLength,
        ),
        ("content-length: 1, 1\r\n\r\n", ContentLength),
        ("content-length: +1\r\n\r\n", ContentLength),
        ("content-length: \r\n\r\n", ContentLength),
        (
            "content-length: 18446744073709551616\r\n\r\n",
            ContentLength,
        ),
        ("transfer-encoding: gzip, chunked\r\n\r\n", TransferEncoding),
        (
            "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
            TransferEncoding,
        ),
        ("transfer-encoding: \u{b}chunked\r\n\r\n", TransferEncoding),
        ("transfer-encoding: \u{c}chunked\r\n\r\n", TransferEncoding),
        ("host: h\r\n\r\n", Host),
        ("transfer-encoding: chunked\r\n\r\n\r\n", Chunk),
        ("transfer-encoding: chunked\r\n\r\n1\n", BareLineFeed),
        ("transfer-encoding: chunked\r\n\r\n1;\u{b}\r\n", Chunk),
        ("transfer-encoding: chunked\r\n\r\n1 \r\n", Chunk),
        ("transfer-encoding: chunked\r\n\r\n0x1\r\n", Chunk),
        ("transfer-encoding: chunked\r\n\r\n000000001\r\n", Chunk),
        ("transfer-encoding: chunked\r\n\r\n1\r\nab\r\n", Chunk),
        ("transfer-encoding: chunked\r\n\r\n1\r\na\n", BareLineFeed),
        (
            "transfer-encoding: chunked\r\n\r\n0\r\nx: y\n",
            BareLineFeed,
        ),
    ] {
        check(format!("{HOST}{fields}").as_bytes(), Some(why));
    }
    for (text, why) in [
        ("POST / HTTP/1.1\r\n\r\n", Host),
        ("POST / HTTP/1.1\r\nhost: a b\r\n\r\n", Host),
        ("POST / HTTP/1.1\r\nhost: a@b\r\n\r\n", Host),
        ("POST / HTTP/1.2\r\n", NotHttp1),
        ("POST / \r\n", NotHttp1),
        ("POST /\r\n", NotHttp1),
        ("PRI * HTTP/2.0\r\n", NotHttp1),
        (
            "POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n",
            TransferEncoding,
        ),
        ("POST / HTTP/1.1\n", BareLineFeed),
    ] {
        check(text.as_bytes(), Some(why));
    }
}

#[test]
fn the_last_byte_that_is_allowed_and_the_first_that_is_not() {
    let chunked = format!("{HOST}transfer-encoding: chunked\r\n\r\n");
    let head = |filling: usize| format!("{HOST}x: {}\r\n\r\n", "y".repeat(filling));
    let room = HEAD_BYTES_MAX - head(0).len();
    check(head(room).as_bytes(), None);
    check(head(room + 1).as_bytes(), Some(Misframed::TooLong));
    let line = |filling: usize| format!("{chunked}1;{}\r\n", "y".repeat(filling));
    let room = CHUNK_LINE_BYTES_MAX - "1;\r\n".len();
    check(line(room).as_bytes(), None);
    check(line(room + 1).as_bytes(), Some(Misframed::Chunk));
    let trailers = |filling: usize| format!("{chunked}0\r\nx:{}\r\n\r\n", "y".repeat(filling));
    let room = TRAILER_BYTES_MAX - "x:\r\n\r\n".len();
    check(trailers(room).as_bytes(), None);
    check(trailers(room + 1).as_bytes(), Some(Misframed::TooLong));
    check(format!("{chunked}ffffffff\r\n").as_bytes(), None);
    check(
        format!("{HOST}content-length: {}\r\n\r\n", u64::MAX).as_bytes(),
        None,
    );
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic_and_no_cut_changes_the_verdict(bytes: Vec<u8>, step in 1..9_usize) {
        let bytes = [HOST.as_bytes(), &bytes].concat();
        assert_eq!(follow(&bytes, step), follow(&bytes, bytes.len()));
    }
}
