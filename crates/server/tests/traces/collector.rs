//! A real collector, which prints every span that it is sent.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::support::until;

/// A span as it was printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) name: String,
    pub(crate) trace: String,
    pub(crate) id: String,
    /// Empty for a root.
    pub(crate) parent: String,
}

/// A running collector. Ends with its handle.
pub(crate) struct Collector {
    child: Child,
    port: u16,
    home: TempDir,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let (port, other) = (free_port(), free_port());
        let home = tempfile::tempdir().unwrap();
        let output = File::create(home.path().join("out")).unwrap();
        let child = Command::new(program())
            .args(["start", "--exporter", "blackhole"])
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{port}")])
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{other}")])
            .args(["--debug-log", "traces", "--debug-log-verbosity", "detailed"])
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap();
        let collector = Self { child, port, home };
        until("the collector listens", || {
            TcpStream::connect(("127.0.0.1", port)).ok()
        });
        collector
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Every span so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let printed = fs::read_to_string(self.home.path().join("out")).unwrap();
        let mut spans = Vec::new();
        for resource in printed.split("\nResourceSpans #").skip(1) {
            let service = resource
                .split("service.name: Str(")
                .nth(1)
                .unwrap_or_default();
            let service = service.split(')').next().unwrap_or_default();
            spans.extend(resource.split("\nSpan #").skip(1).map(|text| Span {
                service: service.to_owned(),
                name: field(text, "Name"),
                trace: field(text, "Trace ID"),
                id: field(text, "ID"),
                parent: field(text, "Parent ID"),
            }));
        }
        spans
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell either way.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn field(text: &str, name: &str) -> String {
    let value = text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    });
    value.unwrap_or_default()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The program itself: its Python package only wraps it.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told where its tools are"
)]
fn program() -> PathBuf {
    let environment = std::env::var("PAYHOOK_VENV").expect(
        "PAYHOOK_VENV is not set: run `cargo xtask test --suite traces`, which gets the collector",
    );
    let python = PathBuf::from(environment).join("bin/python");
    let find = "from importlib.util import find_spec; print(find_spec('rotel').origin)";
    let found = Command::new(python).args(["-c", find]).output().unwrap();
    let origin = String::from_utf8(found.stdout).unwrap();
    PathBuf::from(origin.trim()).with_file_name("rotel-agent")
}
