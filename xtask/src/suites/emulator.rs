//! The emulator of AWS (ministack), for one test target: started on a free port of the loopback,
//! and ended with the target.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::count::Count;
use super::{python, run};
use crate::root;

/// What starts it.
const LAUNCHER: &str = "infra/test/emulator/launcher.py";

/// Longest wait for it to answer.
const START_MAX: Duration = Duration::from_secs(30);

/// A child that does not outlive us.
pub(super) struct Ended(pub(super) Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody to tell either way.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs `command` with an emulator, whose endpoint it finds in `PAYHOOK_DYNAMODB`.
pub(super) fn run(mut command: Command) -> Result<Count> {
    let port = free_port()?;
    let endpoint = format!("http://127.0.0.1:{port}");
    let log = root::target_directory()?.join("emulator.log");
    let output = File::create(&log).with_context(|| log.display().to_string())?;
    let child = Command::new(python::program("python")?)
        .arg(root::root().join(LAUNCHER))
        .env("GATEWAY_PORT", port.to_string())
        // Without it the emulator listens on every address of the machine.
        .env("BIND_HOST", "127.0.0.1")
        .env("AWS_ENDPOINT_URL", &endpoint)
        .env("SFTP_ENABLED", "0")
        // It ends when this is closed: with us, however we end.
        .stdin(Stdio::piped())
        .stdout(output.try_clone()?)
        .stderr(output)
        .spawn()
        .context("cannot start the emulator")?;
    let mut child = Ended(child);
    wait_for(port, &mut child.0).with_context(|| format!("its log is {}", log.display()))?;
    run::watch(command.env("PAYHOOK_DYNAMODB", endpoint))
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn wait_for(port: u16, child: &mut Child) -> Result<()> {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if let Some(status) = child.try_wait()? {
            bail!("the emulator ended at once: {status}");
        }
        if start.elapsed() > START_MAX {
            bail!("the emulator does not answer within {START_MAX:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
