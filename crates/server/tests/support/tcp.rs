//! HTTP by hand, for what no client would send.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Answer, PATIENCE};

/// A connection that sends exactly what it is told.
pub(crate) struct Connection(TcpStream);

impl Connection {
    pub(crate) fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Sends it, if the other side still takes all of it in time.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).is_ok()
    }

    /// Says that nothing more will be sent, and goes on listening.
    pub(crate) fn says_no_more(&mut self) {
        self.0.shutdown(Shutdown::Write).unwrap();
    }

    /// Sends what may be cut short by an answer that came before its end.
    pub(crate) fn send_in_vain(&mut self, bytes: impl AsRef<[u8]>) {
        // The other side may have hung up already: its answer is what counts.
        let _ = self.0.write_all(bytes.as_ref());
    }

    /// Waits for exactly this.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) {
        let mut found = vec![0; text.len()];
        self.0.read_exact(&mut found).unwrap();
        assert_eq!(String::from_utf8_lossy(&found), text);
    }

    /// The answer, up to the length that it declares.
    pub(crate) fn answer(&mut self) -> Answer {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            if let Some(answer) = parse(&bytes) {
                return answer;
            }
            let count = self.0.read(&mut buffer).unwrap();
            let so_far = String::from_utf8_lossy(&bytes);
            assert!(count > 0, "the connection ended after {so_far:?}");
            bytes.extend_from_slice(&buffer[..count]);
        }
    }

    /// Everything that still comes, until the other side has closed.
    pub(crate) fn everything(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A connection that is reset has an end as well.
        let _ = self.0.read_to_end(&mut bytes);
        bytes
    }

    /// Waits until the other side has closed.
    pub(crate) fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0]) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().unwrap();
    let headers: HeaderMap = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            let name: HeaderName = name.parse().unwrap();
            (name, HeaderValue::from_str(value).unwrap())
        })
        .collect();
    let length = headers.get("content-length")?.to_str().unwrap();
    let body = bytes[end + 4..].get(..length.parse().unwrap())?;
    Some(Answer {
        status,
        headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    })
}
