//! An HTTP/1.1 request as somebody wrote it down: a capture, a proxy's log, a mail.
//!
//! Lenient about the head, whose line ends an editor may have changed; exact about the body.

use anyhow::{Context as _, bail};
use bytes::Bytes;

/// The parts of a request that matter.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Headers in order of arrival.
    pub(super) headers: Vec<(String, Bytes)>,
    /// The query of the URL in its first line.
    pub(super) query: Option<String>,
    /// The body, as long as Content-Length says where it says so.
    pub(super) body: Vec<u8>,
    /// What is odd about it.
    pub(super) note: Option<String>,
}

/// Takes a request apart.
pub(super) fn parse(text: &[u8]) -> anyhow::Result<Request> {
    let (lines, body) = split(text).context("there is no empty line after the headers")?;
    let mut headers = Vec::new();
    let query = lines.first().and_then(|line| query_of(line));
    for (index, line) in lines.iter().enumerate() {
        let at = line.iter().position(|byte| *byte == b':');
        let pair = at.and_then(|at| Some((line.get(..at)?, line.get(at + 1..)?)));
        match pair {
            // The request line holds no colon before its first space, or holds a whole URL.
            Some((name, _)) if index == 0 && name.contains(&b' ') => {}
            None if index == 0 => {}
            Some((name, value)) if !name.is_empty() && name.is_ascii() => headers.push((
                String::from_utf8_lossy(name).trim().to_owned(),
                Bytes::copy_from_slice(value.trim_ascii()),
            )),
            Some(_) | None => bail!("line {} is no header", index + 1),
        }
    }
    if one(&headers, "transfer-encoding").is_some() {
        bail!("its body is in chunks; give the body itself with --body");
    }
    let length = one(&headers, "content-length").and_then(|value| value.parse().ok());
    let (body, note) = measured(body, length);
    Ok(Request {
        headers,
        query,
        body: body.to_vec(),
        note,
    })
}

/// The query in `POST /path?query HTTP/1.1`.
fn query_of(line: &[u8]) -> Option<String> {
    let line = std::str::from_utf8(line).ok()?;
    let (method, rest) = line.split_once(' ')?;
    // A capture without its first line begins with a header.
    if method.contains(':') {
        return None;
    }
    let target = rest.split(' ').next()?;
    let (_, query) = target.split_once('?')?;
    Some(query.to_owned())
}

/// The lines of the head, and what stands after the empty one.
fn split(text: &[u8]) -> Option<(Vec<&[u8]>, &[u8])> {
    let mut lines = Vec::new();
    let mut rest = text;
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = rest.get(..end)?;
        rest = rest.get(end + 1..)?;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Some((lines, rest));
        }
        lines.push(line);
    }
}

fn one<'a>(headers: &'a [(String, Bytes)], name: &str) -> Option<&'a str> {
    let (_, value) = headers
        .iter()
        .find(|(each, _)| each.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(value).ok()
}

fn measured(body: &[u8], length: Option<usize>) -> (&[u8], Option<String>) {
    let Some(length) = length else {
        return (body, None);
    };
    match body.get(..length) {
        Some(exact) if exact.len() == body.len() => (exact, None),
        Some(exact) => {
            let extra = body.len() - length;
            let note = format!(
                "{extra} bytes after the {length} that Content-Length announces were left out."
            );
            (exact, Some(note))
        }
        None => {
            let note = format!(
                "The body has {} bytes, but Content-Length announces {length}: some were lost.",
                body.len()
            );
            (body, Some(note))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, headers: usize, body: &str, note: Option<&str>) {
        let request = parse(text.as_bytes()).unwrap();
        assert_eq!(request.headers.len(), headers, "{text}");
        assert_eq!(String::from_utf8(request.body).unwrap(), body, "{text}");
        match (request.note, note) {
            (Some(found), Some(expected)) => assert!(found.contains(expected), "{found}"),
            (found, expected) => assert_eq!(found.as_deref(), expected),
        }
    }

    #[test]
    fn the_head_is_read_leniently_and_the_body_exactly() {
        check(
            "POST /webhooks HTTP/1.1\r\nA: b\r\n\r\n{}\n",
            1,
            "{}\n",
            None,
        );
        check("POST /webhooks HTTP/1.1\nA: b:c\n\n{}", 1, "{}", None);
        check(
            "POST http://host:80/webhooks HTTP/1.1\nA: b\n\n",
            1,
            "",
            None,
        );
        check("A: b\nB:\n\n\r\n{}", 2, "\r\n{}", None);
        check(
            "Content-Length: 2\n\n{}\n",
            1,
            "{}",
            Some("1 bytes after the 2"),
        );
        check(
            "Content-Length: 9\n\n{}\n",
            1,
            "{}\n",
            Some("some were lost"),
        );
    }

    #[test]
    fn the_query_is_a_part_of_the_first_line() {
        let query = |text: &str| parse(text.as_bytes()).unwrap().query;
        assert_eq!(
            query("POST /w?data.id=1&type=payment HTTP/1.1\nA: b\n\n").as_deref(),
            Some("data.id=1&type=payment")
        );
        assert_eq!(query("POST /w HTTP/1.1\nA: b\n\n"), None);
        assert_eq!(query("A: b?c\n\n"), None);
    }

    #[test]
    fn what_is_no_request_is_refused_with_the_reason() {
        for (text, reason) in [
            ("", "no empty line"),
            ("POST / HTTP/1.1\nA: b", "no empty line"),
            ("POST / HTTP/1.1\nnonsense\n\n", "line 2 is no header"),
            ("A: b\n: c\n\n", "line 2 is no header"),
            ("Transfer-Encoding: chunked\n\n2\r\n{}", "in chunks"),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&text);
        }

        #[test]
        fn a_body_survives_whatever_it_holds(body in proptest::collection::vec(any::<u8>(), 0..99)) {
            let text = [b"POST / HTTP/1.1\r\nA: b\r\n\r\n".as_slice(), &body].concat();
            prop_assert_eq!(parse(&text).unwrap().body, body);
        }
    }
}
