//! One keep-alive connection: write a request, read an answer's status and skip its body.
//!
//! It understands answers with a `content-length` and nothing else, which is what the measured
//! handlers send; any other answer is an error and never a wrong figure.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection that is open.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    /// Opens one, without Nagle's delay.
    pub(super) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .context("cannot connect")?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(4096),
        })
    }

    /// Sends a request and gives the status of its answer.
    pub(super) async fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request).await?;
        loop {
            if let Some((status, length)) = complete(&self.received)? {
                self.received.drain(..length);
                return Ok(status);
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                bail!("the server closed the connection");
            }
        }
    }
}

/// Status and length of the answer at the start of `received`, once all of it is there.
fn complete(received: &[u8]) -> Result<Option<(u16, usize)>> {
    let Some(head) = received.windows(4).position(|end| end == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&received[..head]).context("a head that is no text")?;
    let status = text
        .get(9..12)
        .and_then(|code| code.parse().ok())
        .context("no status")?;
    let body: usize = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok())
        .context("an answer without a content-length")?;
    let length = head + 4 + body;
    Ok((received.len() >= length).then_some((status, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_last_byte() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx: y\r\n\r\n{}HTTP/1.1 503 ";
        let length = answer.len() - 13;
        assert_eq!(complete(&answer[..20]).unwrap(), None);
        assert_eq!(complete(&answer[..length - 1]).unwrap(), None);
        assert_eq!(complete(&answer[..length]).unwrap(), Some((200, length)));
        assert_eq!(complete(answer).unwrap(), Some((200, length)));
        assert!(complete(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
        assert!(complete(b"nonsense\r\n\r\n").is_err());
    }
}
