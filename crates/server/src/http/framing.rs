//! Where each request of a connection begins and ends, told so strictly that no two readers can
//! disagree.
//!
//! Request smuggling lives on bytes that a proxy before us and the HTTP library behind us read
//! differently: two lengths, a length beside chunks, a line that ends with a lone line feed. The
//! library is lenient where RFC 9112 allows it; this is not. It parses nothing that anybody uses:
//! it follows the bytes as they come, and says at which byte a connection stops making sense.
//!
//! Pure. How the library is kept from seeing that byte is [`super::stream`]'s matter.

/// Longest head, in bytes, with its request line and the empty line at its end.
pub(crate) const HEAD_BYTES_MAX: usize = domain::limits::HEADER_BYTES_MAX;

/// Longest line before a chunk, in bytes: a size and extensions, which nobody known sends.
const CHUNK_LINE_BYTES_MAX: usize = 256;

/// Most digits of a chunk's size: 4 GiB, far beyond any body that is taken, and far below what
/// overflows a counter somewhere.
const CHUNK_DIGITS_MAX: usize = 8;

/// Longest trailers, in bytes. They are read past and mean nothing.
const TRAILER_BYTES_MAX: usize = 4 * 1024;

/// Why the bytes of a connection make no sense, or more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Misframed {
    /// A line that ends without a carriage return.
    BareLineFeed,
    /// A head or a line that is longer than anybody's.
    TooLong,
    /// Neither HTTP/1.1 nor HTTP/1.0.
    NotHttp1,
    /// No Host, several, or one that is none.
    Host,
    /// A Content-Length that is no number, or several of them.
    ContentLength,
    /// A Transfer-Encoding that is not exactly `chunked`.
    TransferEncoding,
    /// Both of them.
    TwoLengths,
    /// A chunk without a size, or one that is no hexadecimal number, or does not end where it says.
    Chunk,
}

impl Misframed {
    /// The stable word, for metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::BareLineFeed => "bare_line_feed",
            Self::TooLong => "too_long",
            Self::NotHttp1 => "not_http1",
            Self::Host => "host",
            Self::ContentLength => "content_length",
            Self::TransferEncoding => "transfer_encoding",
            Self::TwoLengths => "two_lengths",
            Self::Chunk => "chunk",
        }
    }
}

/// The place of a connection's last byte so far.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    place: Place,
    /// The line that is being read, without what came before it.
    line: Vec<u8>,
}

#[derive(Debug)]
enum Place {
    Head(Head),
    Body { left: u64 },
    ChunkLine,
    ChunkData { left: u64 },
    ChunkEnd,
    Trailers { bytes: usize },
}

impl Default for Place {
    fn default() -> Self {
        Self::Head(Head::default())
    }
}

impl Framing {
    /// Follows `bytes`, the next of the connection.
    ///
    /// # Errors
    /// Why they make no sense, and the index in `bytes` of the byte that decided it. Nothing may be
    /// fed after that.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<(), (usize, Misframed)> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            at += match &mut self.place {
                Place::Body { left } | Place::ChunkData { left } => {
                    let passed = rest.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= passed as u64;
                    if *left == 0 {
                        self.end_data();
                    }
                    passed
                }
                Place::Head(_) | Place::ChunkLine | Place::ChunkEnd | Place::Trailers { .. } => {
                    self.feed_line(rest)
                        .map_err(|(index, why)| (at + index, why))?
                }
            };
        }
        Ok(())
    }

    /// Whether nothing of a next request has come.
    #[cfg(test)]
    pub(super) fn is_between_requests(&self) -> bool {
        matches!(&self.place, Place::Head(head) if head.version.is_none()) && self.line.is_empty()
    }

    fn end_data(&mut self) {
        self.place = match self.place {
            Place::ChunkData { .. } => Place::ChunkEnd,
            Place::Head(_)
            | Place::Body { .. }
            | Place::ChunkLine
            | Place::ChunkEnd
            | Place::Trailers { .. } => Place::default(),
        };
    }

    /// Follows what belongs to one line; gives how many bytes that were.
    fn feed_line(&mut self, rest: &[u8]) -> Result<usize, (usize, Misframed)> {
        let room = self.line_bytes_max().saturating_sub(self.line.len());
        let end = rest.iter().position(|&byte| byte == b'\n');
        let taken = end.map_or(rest.len(), |index| index + 1);
        if taken > room {
            return Err((room, self.too_long()));
        }
        self.line.extend_from_slice(&rest[..taken]);
        if end.is_some() {
            let mut line = std::mem::take(&mut self.line);
            let ended = match line.strip_suffix(b"\r\n") {
                Some(line) => self.end_line(line),
                None => Err(Misframed::BareLineFeed),
            };
            line.clear();
            self.line = line;
            ended.map_err(|why| (taken - 1, why))?;
        }
        Ok(taken)
    }

    fn line_bytes_max(&self) -> usize {
        match &self.place {
            Place::Head(head) => HEAD_BYTES_MAX.saturating_sub(head.bytes),
            Place::ChunkLine => CHUNK_LINE_BYTES_MAX,
            Place::Trailers { bytes } => TRAILER_BYTES_MAX.saturating_sub(*bytes),
            Place::ChunkEnd | Place::Body { .. } | Place::ChunkData { .. } => 2,
        }
    }

    fn too_long(&self) -> Misframed {
        match self.place {
            Place::Head(_) | Place::Trailers { .. } => Misframed::TooLong,
            Place::ChunkLine | Place::ChunkEnd | Place::Body { .. } | Place::ChunkData { .. } => {
                Misframed::Chunk
            }
        }
    }

    /// A line has ended; `line` is without its end.
    fn end_line(&mut self, line: &[u8]) -> Result<(), Misframed> {
        self.place = match &mut self.place {
            Place::Head(head) => match head.end_line(line)? {
                None => return Ok(()),
                Some(Length::Bytes(0)) => Place::default(),
                Some(Length::Bytes(left)) => Place::Body { left },
                Some(Length::Chunks) => Place::ChunkLine,
            },
            Place::ChunkLine => match chunk_size(line)? {
                0 => Place::Trailers { bytes: 0 },
                left => Place::ChunkData { left },
            },
            Place::ChunkEnd if line.is_empty() => Place::ChunkLine,
            Place::ChunkEnd => return Err(Misframed::Chunk),
            Place::Trailers { .. } if line.is_empty() => Place::default(),
            Place::Trailers { bytes } => Place::Trailers {
                bytes: *bytes + line.len() + 2,
            },
            // Their bytes are counted, and no lines.
            Place::Body { .. } | Place::ChunkData { .. } => return Ok(()),
        };
        Ok(())
    }
}

/// A chunk's size in hexadecimal digits; extensions after it mean nothing.
fn chunk_size(line: &[u8]) -> Result<u64, Misframed> {
    let digits = line.split(|&byte| byte == b';').next().unwrap_or_default();
    if digits.is_empty() || digits.len() > CHUNK_DIGITS_MAX {
        return Err(Misframed::Chunk);
    }
    let is_text = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    if !line.iter().all(is_text) {
        return Err(Misframed::Chunk);
    }
    digits.iter().try_fold(0, |size: u64, &byte| {
        let digit = char::from(byte).to_digit(16).ok_or(Misframed::Chunk)?;
        Ok(size * 16 + u64::from(digit))
    })
}

/// How long a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Bytes(u64),
    Chunks,
}

/// What a head has said so far.
#[derive(Debug, Default)]
struct Head {
    bytes: usize,
    /// Whether the request line has come, and says HTTP/1.1.
    version: Option<Version>,
    has_host: bool,
    content_length: Option<u64>,
    is_chunked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

impl Head {
    /// The body's length once the head has ended.
    fn end_line(&mut self, line: &[u8]) -> Result<Option<Length>, Misframed> {
        self.bytes += line.len() + 2;
        let Some(version) = self.version else {
            // Empty lines before a request are read past (RFC 9112, section 2.2).
            if !line.is_empty() {
                self.version = Some(version_of(line)?);
            }
            return Ok(None);
        };
        if line.is_empty() {
            return self.end(version).map(Some);
        }
        // A line without a colon is none of a head's; the library refuses it.
        if let Some(colon) = line.iter().position(|&byte| byte == b':') {
            self.field(&line[..colon], trimmed(&line[colon + 1..]))?;
        }
        Ok(None)
    }

    fn field(&mut self, name: &[u8], value: &[u8]) -> Result<(), Misframed> {
        if name.eq_ignore_ascii_case(b"content-length") {
            let number = decimal(value).ok_or(Misframed::ContentLength)?;
            if self.content_length.replace(number).is_some() {
                return Err(Misframed::ContentLength);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Misframed::TransferEncoding);
            }
            self.is_chunked = true;
        } else if name.eq_ignore_ascii_case(b"host") {
            let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:[]%".contains(byte);
            if self.has_host || !value.iter().all(is_host) {
                return Err(Misframed::Host);
            }
            self.has_host = true;
        }
        Ok(())
    }

    fn end(&self, version: Version) -> Result<Length, Misframed> {
        if !self.has_host && version == Version::Http11 {
            return Err(Misframed::Host);
        }
        match (self.is_chunked, self.content_length) {
            (true, Some(_)) => Err(Misframed::TwoLengths),
            // Chunks came with HTTP/1.1: what is older would not know where they end.
            (true, None) if version == Version::Http10 => Err(Misframed::TransferEncoding),
            (true, None) => Ok(Length::Chunks),
            (false, length) => Ok(Length::Bytes(length.unwrap_or(0))),
        }
    }
}

fn version_of(request_line: &[u8]) -> Result<Version, Misframed> {
    match request_line.rsplit(|&byte| byte == b' ').next() {
        Some(b"HTTP/1.1") => Ok(Version::Http11),
        Some(b"HTTP/1.0") => Ok(Version::Http10),
        Some(_) | None => Err(Misframed::NotHttp1),
    }
}

/// A field's value without the blanks and tabs around it.
fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Digits and nothing else.
fn decimal(value: &[u8]) -> Option<u64> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(value).ok()?;
    text.parse().ok().filter(|_| is_number)
}

#[cfg(test)]
mod tests;
