//! Signed webhooks, made up front as the bytes that go over the wire, all of one length.
//!
//! Making one costs a SHA-256 over 400 bytes, which must not happen while the clock runs.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The secret that the measured server is started with.
pub(super) const SECRET: &str = "bench-secret";

/// Bytes of a body: what the measurements of peers used.
const BODY_BYTES: usize = 400;

/// Many distinct requests, one after the other.
#[derive(Debug)]
pub(super) struct Requests {
    bytes: Vec<u8>,
    length: usize,
    /// How many there are.
    pub(super) count: usize,
}

impl Requests {
    /// `count` webhooks about events `first`, `first + 1`, …: two calls with ranges that do not
    /// meet make no duplicates.
    pub(super) fn new(first: u64, count: usize) -> Self {
        let length = request(first).len();
        let mut bytes = Vec::with_capacity(length * count);
        for number in (first..).take(count) {
            bytes.extend_from_slice(&request(number));
        }
        Self {
            bytes,
            length,
            count,
        }
    }

    /// The bytes of one of them.
    pub(super) fn get(&self, index: usize) -> &[u8] {
        &self.bytes[index * self.length..][..self.length]
    }
}

fn request(number: u64) -> Vec<u8> {
    let body = body(number);
    let head = format!(
        "POST /webhooks HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n\
         x-webhook-signature: {}\r\ncontent-length: {}\r\n\r\n",
        signature(body.as_bytes()),
        body.len()
    );
    [head, body].concat().into_bytes()
}

fn body(number: u64) -> String {
    let cents = number % 100;
    let start = format!(
        "{{\"paymentId\":\"pay_{number:012}\",\"amount\":149.{cents:02},\"currency\":\"EUR\",\
         \"status\":\"succeeded\",\"provider\":\"bench\",\"eventId\":\"evt_{number:012}\",\
         \"description\":\""
    );
    let filler = BODY_BYTES - start.len() - 2;
    format!(
        "{start}{}\"}}",
        "a payment of the bench ".repeat(20).split_at(filler).0
    )
}

fn signature(body: &[u8]) -> String {
    // HMAC takes keys of any length, so this is never the default.
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes());
    mac.map(|mac| hex::encode(mac.chain_update(body).finalize().into_bytes()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn requests_are_distinct_signed_and_of_one_length() {
        let requests = Requests::new(99, 3);
        let texts: HashSet<_> = (0..3).map(|i| requests.get(i).to_vec()).collect();
        assert_eq!(texts.len(), 3);
        let text = String::from_utf8(requests.get(1).to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!(body.len(), BODY_BYTES);
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["paymentId"], "pay_000000000100");
        assert!(head.ends_with("content-length: 400"), "{head}");
        // echo -n '{}' | openssl dgst -sha256 -hmac bench-secret
        assert_eq!(signature(b"{}"), EMPTY_OBJECT_SIGNED);
    }

    const EMPTY_OBJECT_SIGNED: &str =
        "600dbc9bcec90b261f9ecf186357466f3c200be82ef963a502bff2efdf290ff4";
}
