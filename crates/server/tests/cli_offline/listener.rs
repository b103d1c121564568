//! An HTTP server on loopback that remembers what it was sent and answers as told.

use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// Status, further header lines, body.
pub(crate) type Reply = (u16, &'static str, &'static str);

/// The server. Its threads end with the test's process.
pub(crate) struct Listener {
    address: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Listener {
    /// Answers each request with what `reply` says to its number and body.
    pub(crate) fn start(reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let received = Arc::new(Mutex::new(Vec::new()));
        let (reply, kept) = (Arc::new(reply), Arc::clone(&received));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (reply, kept) = (Arc::clone(&reply), Arc::clone(&kept));
                std::thread::spawn(move || serve(&stream.unwrap(), &*reply, &kept));
            }
        });
        Self { address, received }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/webhooks", self.address)
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(each, _)| each == name)?;
        Some(&found.1)
    }
}

/// One connection, request after request, until the other side closes it.
fn serve(
    stream: &TcpStream,
    reply: &(dyn Fn(usize, &str) -> Reply + Send + Sync),
    kept: &Mutex<Vec<Received>>,
) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let number = {
            let mut all = kept.lock().unwrap();
            all.push(request.clone());
            all.len() - 1
        };
        let (status, headers, body) = reply(number, &request.body);
        let head = format!(
            "HTTP/1.1 {status} X\r\n{headers}content-length: {}",
            body.len()
        );
        // The sender may have gone: then it has nothing to expect.
        let _ = (&*stream).write_all(format!("{head}\r\n\r\n{body}").as_bytes());
    }
}

fn read(reader: &mut impl std::io::BufRead) -> Option<Received> {
    let mut next = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        Some(line.trim_end().to_owned())
    };
    let line = next().filter(|line| !line.is_empty())?;
    let mut headers = Vec::new();
    loop {
        let text = next()?;
        let Some((name, value)) = text.split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    Some(Received {
        line,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}
