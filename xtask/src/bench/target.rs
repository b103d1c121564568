//! The measured process: how it is configured, started, asked, and stopped.
//!
//! Everything that must be known about `payhook`'s command line, configuration and metrics is
//! in this file.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::request::SECRET;

/// Longest wait for a server to be ready, or to stop.
const PATIENCE: Duration = Duration::from_secs(120);

/// Pause between two looks at a server. It bounds how exactly start-up time is known.
const LOOK: Duration = Duration::from_millis(1);

/// What a server is started to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Custody and nothing after it: `[workflow] enabled = false`.
    CustodyOnly,
    /// The whole life of an event, with a gateway that answers at once and never fails.
    WholeLife,
    /// The front door with its checks and no store: the ceiling.
    NoStore,
}

/// A server that runs.
#[derive(Debug)]
pub(super) struct Target {
    child: Child,
    binary: PathBuf,
    config: PathBuf,
    /// Where it keeps everything.
    pub(super) data: PathBuf,
    /// Where webhooks go.
    pub(super) address: SocketAddr,
    admin: SocketAddr,
    /// From its start to its readiness.
    pub(super) ready_after: Duration,
}

impl Target {
    /// Starts `binary` on the data in `folder` and waits until it is ready.
    pub(super) fn start(binary: &Path, folder: &Path, mode: Mode) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let (address, admin) = (free_address()?, free_address()?);
        let config = folder.join("bench.toml");
        let data = folder.join("data");
        fs::write(&config, configuration(address, admin, &data, mode))?;
        let log = fs::File::create(folder.join("server.log"))?;
        let start = Instant::now();
        let child = Command::new(binary)
            .args(arguments(mode))
            .arg("--config")
            .arg(&config)
            .env("PAYHOOK_SECRET", SECRET)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let binary = binary.to_path_buf();
        let ready_after = Duration::ZERO;
        let mut target = Self {
            child,
            binary,
            config,
            data,
            address,
            admin,
            ready_after,
        };
        target.wait_until_ready(start).with_context(|| {
            fs::read_to_string(folder.join("server.log"))
                .unwrap_or_default()
                .trim()
                .to_owned()
        })?;
        Ok(target)
    }

    fn wait_until_ready(&mut self, start: Instant) -> Result<()> {
        while start.elapsed() < PATIENCE {
            if let Ok((200, _)) = self.ask("/readyz") {
                self.ready_after = start.elapsed();
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status}");
            }
            thread::sleep(LOOK);
        }
        bail!("the server is not ready after {PATIENCE:?}")
    }

    /// Executions that ended well, and those that ended otherwise.
    pub(super) fn ended(&self) -> Result<(u64, u64)> {
        let (status, metrics) = self.ask("/metrics")?;
        ensure!(status == 200, "/metrics answers {status}");
        let value = |name| metric(&metrics, name).with_context(|| format!("no metric {name}"));
        Ok((
            value("payhook_executions_succeeded")?,
            value("payhook_dead_letters")?,
        ))
    }

    /// The newest `count` events as the command line shows them.
    pub(super) fn newest_events(&self, count: usize) -> Result<Vec<Value>> {
        let mut command = Command::new(&self.binary);
        command.args(["--json", "events", "list", "--limit", &count.to_string()]);
        command
            .arg("--config")
            .arg(&self.config)
            .env("PAYHOOK_SECRET", SECRET);
        let page: Value = serde_json::from_str(&crate::root::stdout_of(&mut command)?)?;
        let items = page["items"].as_array().or(page.as_array());
        Ok(items
            .context("`payhook events list` shows no items")?
            .clone())
    }

    /// What the process has in memory now, in bytes.
    pub(super) fn resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(kib.context("no VmRSS")?.parse::<u64>()? * 1024)
    }

    /// The processor time that the process has used.
    pub(super) fn processor_seconds(&self) -> Result<f64> {
        // Fields 14 and 15 of proc(5), in ticks of 1/100 s, counted after the name in brackets.
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let after = stat.rsplit_once(')').context("no name in stat")?.1;
        let ticks = after
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(str::parse::<f64>);
        Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
    }

    /// Asks it to stop and waits until it has.
    pub(super) fn stop(mut self) -> Result<()> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status()?;
        ensure!(sent.success(), "cannot signal the server");
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the server stopped with {status}");
                return Ok(());
            }
            thread::sleep(LOOK);
        }
        bail!("the server does not stop")
    }

    fn ask(&self, path: &str) -> Result<(u16, String)> {
        let mut stream = TcpStream::connect(self.admin)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let status = answer.get(9..12).context("no answer")?.parse()?;
        Ok((status, answer))
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        // Gone already after `stop`; otherwise a scenario failed and nothing may stay behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn arguments(mode: Mode) -> &'static [&'static str] {
    match mode {
        Mode::CustodyOnly | Mode::WholeLife => &["serve"],
        Mode::NoStore => &["bench-ceiling"],
    }
}

fn configuration(address: SocketAddr, admin: SocketAddr, data: &Path, mode: Mode) -> String {
    let enabled = mode == Mode::WholeLife;
    format!(
        "[server]\nlisten = \"{address}\"\n[admin]\nlisten = \"{admin}\"\n\
         [store]\npath = '{}'\n[workflow]\nenabled = {enabled}\n\
         [processor]\nconcurrency = 256\n\
         [gateway.simulated]\nlatency_ms = 0\nfailure_percent = 0\n\
         [log]\nformat = \"json\"\nfilter = \"warn\"\n",
        data.display()
    )
}

/// The value of a metric without labels.
fn metric(exposition: &str, name: &str) -> Option<u64> {
    let line = exposition
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse().ok()
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Bytes of all files in a folder.
pub(super) fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() {
            folder_bytes(&entry.path())?
        } else {
            about.len()
        };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let text =
            "# TYPE payhook_dead_letters gauge\npayhook_dead_letters_x 4\npayhook_dead_letters 3\n";
        assert_eq!(metric(text, "payhook_dead_letters"), Some(3));
        assert_eq!(metric(text, "payhook_dead"), None);
    }

    #[test]
    fn a_server_that_ends_at_once_is_an_error_with_its_last_words() {
        let folder = std::env::temp_dir().join(format!("payhook-bench-{}", std::process::id()));
        let shell = folder.join("dies.sh");
        fs::create_dir_all(&folder).unwrap();
        fs::write(&shell, "").unwrap();
        let error = Target::start(&shell, &folder, Mode::WholeLife).unwrap_err();
        assert!(format!("{error:#}").contains("cannot start"), "{error:#}");
        let error = Target::start(Path::new("false"), &folder, Mode::WholeLife).unwrap_err();
        assert!(
            format!("{error:#}").contains("the server ended with"),
            "{error:#}"
        );
        fs::remove_dir_all(&folder).unwrap();
    }
}
